"""The examples on files that people have: what they read, and what they say about a file that they can't use."""

import csv
import importlib
import math
import re
import subprocess
import sys
from unittest import mock

import numpy as np
import pytest

from test_examples import EXAMPLES, load, run

FILES = ["00_one_page", "04_sentiment", "05_part_of_speech", "08_translation", "09_sunspots", "10_character_model"]
WORD = "1\tThe\tthe\tDET\t_\t_\t0\troot\t_\t_\n"  # a line of CoNLL-U
TABLE = "day,cold,wind\n" + "".join(f"{day},{day % 7}.5,{'NW' if day == 99 else day % 5}\n" for day in range(200))
LABELS = "".join(f"label {number}\ttext {number}\n" for number in range(1000))


def refusal(name, *arguments):
    """What an example says when it ends with an error."""
    with mock.patch.object(sys, "argv", [name, *map(str, arguments)]), pytest.raises(SystemExit) as stopped:
        load(f"{name}.py").main()
    assert isinstance(stopped.value.code, str)
    return stopped.value.code


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    ("content", "pieces"),
    [
        (None, []),
        ("", []),
        ("a folder", []),
        ("\n\na line\tcafé\n".encode("cp1252") * 5000, ["0xe9"]),
        (("a line\ta cafe\n" * 5000).encode("utf-16"), ["0xff"]),
        (("a line\ta cafe\n" * 5000).encode("utf-16-le"), []),
    ],
    ids=["missing", "empty", "folder", "cp1252", "utf-16", "utf-16 without a mark"],
)
def test_what_is_no_text_is_refused(tmp_path, name, content, pieces):
    path = tmp_path / "mine.txt"
    if content == "a folder":
        path.mkdir()
    elif content is not None:
        path.write_bytes(content or b"")
    message = refusal(name, path)
    assert all(piece in message for piece in [str(path), *pieces])
    if pieces and name != "00_one_page":
        assert f"{path}, line {3 if pieces == ['0xe9'] else 1}: " in message


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-16-le"])
def test_the_command_in_the_message_converts_the_file(tmp_path, encoding):
    path, text = tmp_path / "mine.tsv", "glad\tcafé\nsad\tthé\n" * 2
    path.write_text(text, encoding)
    command = refusal("04_sentiment", path).split("\n")[1]
    (code,) = re.findall(r'python -c "(.*)"', command)
    subprocess.run([sys.executable, "-c", code], check=True)
    assert load("04_sentiment.py").read(tmp_path / "utf8-mine.tsv")[0] == ["glad", "sad"]


@pytest.mark.parametrize(
    ("name", "content", "pieces"),
    [
        ("04_sentiment", "glad,sunny\nsad,cold\n", ["line 1", "'glad,sunny'", "comma"]),
        ("04_sentiment", "glad\tsunny\nsad cold\n", ["line 2", "a tab", "'sad cold'"]),
        ("04_sentiment", "\n\tsunny\n", ["line 2", "a label"]),
        ("04_sentiment", "glad\tsunny\tday\n", ["line 1", "two columns, got 3"]),
        ("04_sentiment", "glad\tsunny\nglad\twarm\n", ["two different labels", "got 1: 'glad'"]),
        ("04_sentiment", "label\ttext\nglad\tsunny\nglad\twarm\n", ["got 2: 'label', 'glad'"]),
        ("04_sentiment", LABELS, ["got 1,000: 'label 0',", "'label 4' and 995 more"]),
        ("05_part_of_speech", WORD + "2 man NOUN\n", ["line 2", "ten columns", "'2 man NOUN'", "CoNLL-U"]),
        ("05_part_of_speech", WORD.replace("DET", "_"), ["line 1", "tag"]),
        ("05_part_of_speech", WORD, ["10 sentences, got 1"]),
        ("08_translation", "Go.,Va !\n", ["line 1", "'Go.,Va !'", "comma"]),
        ("08_translation", "Go.\tVa !\n" * 30, ["10 different translations, got 1"]),
        ("09_sunspots", "1,2\n3,4\n", ["line 1", "a header", "'1', '2'"]),
        ("09_sunspots", "# made by hand\nday,cold\n1,2\n3\n", ["line 4", "2 columns, got 1"]),
        ("09_sunspots", "day,cold\r1,2\r3,4\n5,6", ["line 1", "CSV"]),
        ("09_sunspots", "# day,cold\n", ["line 1", "a header", "only comments"]),
        ("09_sunspots --inputs gap", "day,gap,cold\n" + "1,NA,2\n" * 200, ["at least 150 rows, got 0"]),
        ("09_sunspots", "day,cold\n1,2\n", ["at least 150 rows, got 1"]),
        ("09_sunspots --target wind", TABLE, ["line 101", "'NW'", "'day', 'cold'"]),
        ("09_sunspots --inputs snow", TABLE, ["'snow'", "'day', 'cold'"]),
        ("09_sunspots", "day,cold\n" + "1,2\n" * 200, ["different numbers in column cold"]),
        ("10_character_model", "too short", ["122,880 bytes, got 9"]),
    ],
)
def test_a_refusal_names_the_file_the_line_and_the_fix(tmp_path, name, content, pieces):
    name, *options = name.split()
    path = tmp_path / "mine.txt"
    path.write_text(content, "utf-8")
    message = refusal(name, path, *options)
    assert all(piece in message for piece in [str(path), *pieces]), message
    assert len(message) < 300 + 2 * len(str(path))


@pytest.mark.parametrize(
    ("argument", "piece"), [("p.jpeg", ".png"), ("no/such/p.png", "folder"), ("p.png", "pip install matplotlib")]
)
def test_a_picture_that_cant_be_drawn_is_refused_before_training(argument, piece, capsys):
    example = load("04_sentiment.py")
    command = mock.patch.object(sys, "argv", ["04_sentiment.py", "--plot", argument])
    with command, mock.patch("command_line.find_spec", return_value=None), pytest.raises(SystemExit):
        example.main()
    assert piece in capsys.readouterr().err


@pytest.mark.parametrize("header", ["", "text\tlabel\n", "\ufeff"])
@pytest.mark.parametrize("order", [1, -1], ids=["label first", "text first"])
def test_labels_and_texts_in_either_order(tmp_path, header, order):
    rows = [("glad", "It was\u2028sunny"), ("sad", "it was\x85 cold"), ("glad", "warm\x1c day"), ("sad", "grey")]
    path = tmp_path / "mine.tsv"
    text = "\r\n".join("\t".join(row[::order]) for row in rows)
    path.write_text(header + text, "utf-8", newline="")
    labels, examples = load("04_sentiment.py").read(path)
    assert labels == ["glad", "sad"]
    assert examples == [(labels.index(label), text.lower()) for label, text in rows]


def test_a_treebank(tmp_path):
    lines = ["# text = The man can't", WORD, WORD.replace("1\tThe", "2-3\tcan't").replace("DET", "_"), WORD, "\n"]
    path = tmp_path / "mine.conllu"
    path.write_text("\n".join(line.strip("\n") for line in lines * 10), "utf-8")
    assert load("05_part_of_speech.py").read(path) == [[("the", "DET")] * 2] * 10


def test_pairs_are_held_out_in_both_languages():
    pairs = [(f"a {n // 2}", f"b {n % 50}") for n in range(100)]  # sentences and translations occur more than once
    training, held_out = load("08_translation.py").split_pairs(pairs, np.random.default_rng(0))
    assert len(held_out) >= 5
    for side in (0, 1):
        assert not {pair[side] for pair in training} & {pair[side] for pair in held_out}


def test_a_table_with_gaps(tmp_path):
    path = tmp_path / "mine.csv"
    rows = [["2001-01-01", "NA", "1", "x"], ["2001-01-02", "2.5", "", "x"], ["2001-01-03", "3.5", "7", "x"]]
    rows += [["2001-01-04", "", "8", "x"], *([f"later, {n}", str(n), "9", "x"] for n in range(150))]
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=";").writerows([["date", "cold", "wind", "name"], *rows])
    series = load("09_sunspots.py").read(path, "cold", ["wind"])
    assert series.names == ["cold", "wind"]
    assert series.labels[:3] == ["2001-01-03", "2001-01-04", "later, 0"]  # nothing comes before the first gaps
    assert series.numbers[:3].tolist() == [[3.5, 7.0], [3.5, 8.0], [0.0, 9.0]]
    assert series.known[:3].tolist() == [True, False, True]
    assert load("09_sunspots.py").read(path, None, []).names == ["wind"]  # the last column with numbers


def test_a_forecast_is_the_last_row_of_the_next_window():
    windows = np.array([[[1.0], [2.0], [4.0]]])
    steps = load("09_sunspots.py").ahead(lambda rows: rows.sum(axis=1), windows, 3)
    assert [step.item() for step in steps] == [7.0, 13.0, 24.0]


def figures(printed, row):
    """The numbers in a row of a printed table."""
    line, *_ = re.findall(rf"^ *{row} .*$", printed, re.MULTILINE)
    return [float(number) for number in re.findall(r"([\d.]+)(?=%| |$)", line.split("(")[0])]


@pytest.mark.slow
def test_a_treebank_a_table_and_pairs_are_learned(tmp_path, monkeypatch):
    tagged = "".join(
        f"{first}{WORD.replace('1', '2').replace('DET', tag)}\n" for first, tag in ((WORD, "NOUN"), ("", "X"))
    )
    (tmp_path / "mine.conllu").write_text(tagged * 100, "utf-8")
    network, alone = figures(run("05_part_of_speech.py", str(tmp_path / "mine.conllu")), "all words")
    assert network == 100.0 > alone

    waves = "".join(f"{t},{math.sin(t / 5):.4f},{math.cos(t / 5):.4f}\n" for t in range(400))
    (tmp_path / "mine.csv").write_text(f"time,sine,cosine\n{waves}", "utf-8")
    printed = run(
        "09_sunspots.py", str(tmp_path / "mine.csv"), "--target", "sine", "--inputs", "cosine", "--ahead", "3"
    )
    assert all(
        ours < theirs
        for ours, theirs in zip(
            *(figures(printed, name)[:3] for name in ("recurrent network", "persistence")), strict=True
        )
    )

    monkeypatch.syspath_prepend(EXAMPLES)
    sentences = importlib.import_module("english_french").all_sentences()[::10]
    (tmp_path / "mine.tsv").write_text("".join(f"{s.english}\t{s.french}\tmade up\n" for s in sentences), "utf-8")
    printed = run("08_translation.py", str(tmp_path / "mine.tsv"), "--sentence", "I love cats")
    assert "I love cats -> " in printed
    network, bigram = figures(printed, "next word right, given all words before it")
    assert network > bigram
