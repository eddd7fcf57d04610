"""The one-page example: it equals the library, it is one page of NumPy, and it beats a bigram model."""

import ast
import importlib.util
import io
import os
import re
import subprocess
import sys
import tokenize
from itertools import pairwise
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

from vanilla_rnn import RNN, Adam, ManyToManyHead, RNNCell, clip_grad_norm, cross_entropy, one_hot

SCRIPT = Path(__file__).parent.parent / "examples" / "00_one_page.py"
BATCH, TIME, HIDDEN, OUTPUT = 3, 7, 5, 11  # differ along every axis, so that no transposed array fits


@pytest.fixture(scope="module")
def page():
    spec = importlib.util.spec_from_file_location("one_page", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    with mock.patch.dict(os.environ):
        spec.loader.exec_module(module)
    return module


def random_parameters(rng):
    shapes = {
        "W_xh": (HIDDEN, OUTPUT),
        "W_hh": (HIDDEN, HIDDEN),
        "b_h": (HIDDEN,),
        "W_hy": (OUTPUT, HIDDEN),
        "b_y": (OUTPUT,),
    }
    return {name: rng.uniform(-0.4, 0.4, shape) for name, shape in shapes.items()}


def random_window(rng, time=TIME):
    ids, targets = rng.integers(OUTPUT, size=(2, BATCH, time))
    ids[1] = ids[0]  # rows that read the same character at the same step: their gradients add up
    return ids, targets, rng.uniform(-0.5, 0.5, (BATCH, HIDDEN))


def by_the_library(parameters, ids, targets, h_0):
    """The loss, the gradients and the last state that the library computes."""
    rnn = RNN.from_cells([RNNCell.from_weights(parameters["W_xh"], parameters["W_hh"], parameters["b_h"])])
    head = ManyToManyHead.from_weights(parameters["W_hy"], parameters["b_y"])
    run = rnn.forward(one_hot(ids, OUTPUT), h_0[np.newaxis])
    head_run = head.forward(run.output, run.h_n)
    loss, d_y = cross_entropy(head_run.y, targets)
    head_gradients = head_run.backward(d_y)
    gradients = run.backward(head_gradients.d_output)
    cell = {name.removeprefix("cells.0."): gradient for name, gradient in gradients.d_parameters.items()}
    return loss, cell | head_gradients.d_parameters, run.h_n[0], run.output


def close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_loss_gradients_and_state_equal_those_of_the_library(page, seed):
    rng = np.random.default_rng(seed)
    parameters, (ids, targets, h_0) = random_parameters(rng), random_window(rng)
    loss, d_parameters, h = page.loss_and_gradients(parameters, ids, targets, h_0)
    expected_loss, expected, expected_h, output = by_the_library(parameters, ids, targets, h_0)
    assert np.abs(output).max() < 0.95  # not saturated: a wrong gradient would show
    close(loss, expected_loss)
    close(h, expected_h)
    assert d_parameters.keys() == expected.keys() == parameters.keys()
    for name, gradient in d_parameters.items():
        assert gradient.shape == parameters[name].shape
        assert np.abs(gradient).max() > 1e-3
        close(gradient, expected[name])


def test_a_state_handed_over_continues_the_sequence(page):
    rng = np.random.default_rng(0)
    parameters, (ids, targets, h_0) = random_parameters(rng), random_window(rng, time=9)
    first_loss, _, h = page.loss_and_gradients(parameters, ids[:, :4], targets[:, :4], h_0)
    second_loss, d_parameters, h_n = page.loss_and_gradients(parameters, ids[:, 4:], targets[:, 4:], h)
    loss, _, expected_h, _ = by_the_library(parameters, ids, targets, h_0)
    close((4 * first_loss + 5 * second_loss) / 9, loss)
    close(h_n, expected_h)
    _, expected, _, _ = by_the_library(parameters, ids[:, 4:], targets[:, 4:], h)  # truncated: h is a constant
    for name, gradient in d_parameters.items():
        close(gradient, expected[name])


def test_scores_too_large_for_exp(page):
    y, targets = np.array([[[1000.0, 0.0, -1000.0], [5.0, 5.0, 5.0]]]), np.array([[1, 2]])
    loss, d_y = page.cross_entropy(y, targets)
    expected_loss, expected = cross_entropy(y, targets)
    close(loss, expected_loss)
    close(d_y, expected)


def test_clipped_adam_steps_equal_those_of_the_library(page):
    rng = np.random.default_rng(0)
    parameters = random_parameters(rng)
    theirs = {name: array.copy() for name, array in parameters.items()}
    m, s = ({name: np.zeros_like(array) for name, array in parameters.items()} for _ in range(2))
    optimizer, clipped = Adam(0.01), set()
    for step, scale in enumerate([3.0, 0.01, 0.1, 30.0, 1.0, 0.3], start=1):
        d_parameters = {name: rng.normal(scale=scale, size=array.shape) for name, array in parameters.items()}
        optimizer.learning_rate = learning_rate = 0.01 / step
        page.adam(parameters, page.clip(d_parameters, 5.0), m, s, step, learning_rate)
        clipped.add(clip_grad_norm(d_parameters, 5.0) > 5.0)
        optimizer.step(theirs, d_parameters)
        for name, array in parameters.items():
            close(array, theirs[name])
    assert clipped == {True, False}


def test_gradients_that_are_all_zero_stay_zero(page):
    assert not page.clip({"W": np.zeros((2, 3))}, 5.0)["W"].any()


def test_windows_continue_one_another_and_targets_are_the_next_characters(page):
    ids = np.arange(page.LANES * (3 * page.WINDOW + 1) + 5)
    windows = page.windows(ids)
    assert len(windows) == 3
    for inputs, targets in windows:
        assert inputs.shape == targets.shape == (page.LANES, page.WINDOW)
        assert np.array_equal(targets, inputs + 1)
    for (before, _), (after, _) in pairwise(windows):
        assert np.array_equal(after[:, 0], before[:, -1] + 1)
    inputs = np.concatenate([inputs for inputs, _ in windows])
    assert len(np.unique(inputs)) == inputs.size  # no character is read twice


def test_the_shortest_text_still_fills_a_window(page, tmp_path):
    path = tmp_path / "short.txt"
    path.write_text("a" * page.SHORTEST, "utf-8")
    text = page.read_text(path)
    assert len(text) == page.SHORTEST
    assert page.windows(np.arange(len(text) - len(text) * 9 // 10))


def test_a_bigram_model_by_hand(page):
    train = np.array([0, 1, 0, 1, 0, 2])  # 0 is followed by 1, 1 and 2, and 1 by 0 and 0
    held_out = [(np.array([[0, 1]]), np.array([[1, 0]])), (np.array([[2, 0]]), np.array([[2, 0]]))]
    p = [3 / 6, 3 / 5, 1 / 3, 1 / 6]
    close(page.bigram_bits(train, held_out, 3), -np.log2(p).mean())


def test_held_out_loss_carries_the_state(page):
    rng = np.random.default_rng(0)
    parameters = {
        "W_xh": rng.normal(size=(page.HIDDEN, 2)),
        "W_hh": rng.normal(size=(page.HIDDEN, page.HIDDEN)) / page.HIDDEN**0.5,
        "b_h": rng.normal(size=page.HIDDEN),
        "W_hy": rng.normal(size=(2, page.HIDDEN)),
        "b_y": rng.normal(size=2),
    }
    ids, targets = rng.integers(2, size=(2, page.LANES, 9))
    whole, _, _ = page.loss_and_gradients(parameters, ids, targets, np.zeros((page.LANES, page.HIDDEN)))
    pieces = [(ids[:, t : t + 3], targets[:, t : t + 3]) for t in (0, 3, 6)]
    close(page.network_bits(parameters, pieces), whole / np.log(2))


def test_a_sample_follows_the_probabilities(page):
    rng = np.random.default_rng(0)
    p = np.array([0.1, 0.2, 0.7])
    zeros = {"W_xh": (page.HIDDEN, 3), "W_hh": (page.HIDDEN, page.HIDDEN), "b_h": page.HIDDEN, "W_hy": (3, page.HIDDEN)}
    parameters = {name: np.zeros(shape) for name, shape in zeros.items()} | {"b_y": np.log(p)}
    ids = page.sample(parameters, 0, 3000, rng)
    assert ids[0] == 0
    np.testing.assert_allclose(np.bincount(ids[1:], minlength=3) / 3000, p, atol=0.03)


def lines_of_code(source):
    """The numbers of all lines that hold code: no blank line, comment or docstring."""
    others = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    lines = {line for t in tokens if t.type not in others for line in range(t.start[0], t.end[0] + 1)}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            lines -= set(range(node.lineno, node.end_lineno + 1))
    return lines


def test_lines_of_code_are_counted_right():
    source = '"""A\n\ndocstring."""\n\n# a comment\nx = 1  # another\ny = [\n    2,\n    # within\n    3,\n]\n'
    assert lines_of_code(source) == {6, 7, 8, 10, 11}


def test_the_code_is_one_page_and_needs_only_numpy():
    source = SCRIPT.read_text("utf-8")
    assert len(lines_of_code(source)) <= 100
    assert max(map(len, source.splitlines())) <= 120
    assert ";" not in re.sub(r'"""[\s\S]*?"""|#.*', "", source)  # one statement a line
    imported = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module.partition(".")[0])
    assert "numpy" in imported
    assert imported - {"numpy"} <= sys.stdlib_module_names


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"too short", "20,000"), (b"\xff" * 30_000, "0xff"), (None, "No such file")],
    ids=["short", "undecodable", "missing"],
)
def test_a_refusal_names_the_file(tmp_path, content, expected):
    path = tmp_path / "mine.txt"
    if content is not None:
        path.write_bytes(content)
    result = start(str(path))
    assert result.returncode == 1
    assert not result.stdout
    assert str(path) in result.stderr
    assert expected in result.stderr
    assert "Traceback" not in result.stderr


def test_the_default_text_is_the_same_every_time_and_hardly_repeats_itself(page):
    text = page.read_text()
    assert text == page.read_text()
    assert len(text) > 200_000
    paragraphs = text.split("\n\n")  # a few more than were joined: where a page ends there are three line breaks
    assert len(set(paragraphs)) > 0.98 * len(paragraphs)


def start(*arguments):
    command = [sys.executable, "-W", "error", str(SCRIPT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False, timeout=300)


@pytest.mark.slow
def test_it_beats_a_bigram_on_held_out_text():
    result = start()
    assert result.returncode == 0, result.stderr
    assert not result.stderr
    reports = re.findall(r"network (\d+\.\d+), bigram (\d+\.\d+)", result.stdout)
    network, bigram = ([float(figure) for figure in column] for column in zip(*reports, strict=True))
    assert len(network) >= 5
    assert len(set(bigram)) == 1
    assert network[-1] < network[0]
    assert network[-1] < 0.7 * bigram[-1]
    assert len(result.stdout.splitlines()) > len(reports) + 5  # the sample


@pytest.mark.slow
def test_it_learns_any_text(tmp_path):
    path = tmp_path / "mine.txt"
    line = "Größe ist relativ. 日本 ist groß.\n"
    path.write_text(line * 665 + "Ω" + line * 35, "utf-8")  # the Ω is in the held-out part alone
    result = start(str(path))
    assert result.returncode == 0, result.stderr
    network, bigram = re.findall(r"network (\d+\.\d+), bigram (\d+\.\d+)", result.stdout)[-1]
    assert float(network) < 0.5 * float(bigram)
    assert line in result.stdout
