"""Text to tokens, tokens to ids and back, and sequences of different lengths to one array."""

import json
import os
import tracemalloc
from collections import Counter
from enum import Enum

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vanilla_rnn import Vocab, pad_sequences, tokenize
from vanilla_rnn import vocab as vocab_file


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("I love this movie", ["I", "love", "this", "movie"]),
        ("Not bad, not bad at all!", ["Not", "bad", ",", "not", "bad", "at", "all", "!"]),
        ("J'aime les chats...", ["J'aime", "les", "chats", ".", ".", "."]),
        ("don\u2019t 'quote' it", ["don\u2019t", "'", "quote", "'", "it"]),
        ("  a\tb\n\u00a0c ", ["a", "b", "c"]),
        ("caf\u00e9 cafe\u0301 \u65e5\u672c", ["caf\u00e9", "cafe\u0301", "\u65e5\u672c"]),
        ("\u0939\u093f\u0928\u094d\u0926\u0940 a", ["\u0939\u093f\u0928\u094d\u0926\u0940", "a"]),
        ("3.14 <pad>", ["3", ".", "14", "<", "pad", ">"]),
        ("", []),
    ],
)
def test_tokens_of_a_text(text, tokens):
    assert tokenize(text) == tokens


@given(st.text())
def test_only_white_space_is_lost(text):
    assert "".join(tokenize(text)) == "".join(text.split())
    assert "".join(tokenize(text, level="char")) == text


def test_specials_come_first_then_frequent_tokens_then_those_seen_first():
    vocab = Vocab(["b", "a", "c", "a", "c", "<unk>"])
    assert vocab.idx_to_token == ["<pad>", "<unk>", "<bos>", "<eos>", "a", "c", "b"]
    assert vocab.token_to_idx == {token: idx for idx, token in enumerate(vocab.idx_to_token)}
    assert (vocab.pad_idx, vocab.unk_idx, vocab.bos_idx, vocab.eos_idx) == (0, 1, 2, 3)
    assert len(vocab) == 7
    assert "a" in vocab
    assert "x" not in vocab
    assert Vocab(["b", "a", "a"], min_freq=2).idx_to_token[4:] == ["a"]


def test_without_specials_there_are_no_ids_for_them():
    vocab = Vocab(["b", "a"], specials=("<eos>",))
    assert (vocab.pad_idx, vocab.unk_idx, vocab.bos_idx, vocab.eos_idx) == (None, None, None, 0)
    assert Vocab(["<unk>", "a"], specials=()).unk_idx is None
    assert Vocab([], specials=()).encode([]).tolist() == []
    assert repr(vocab) == "Vocab of 3 tokens: '<eos>', 'b', 'a'"


@given(st.lists(st.text(max_size=3), max_size=30), st.lists(st.text(max_size=3), max_size=10))
def test_decode_is_the_inverse_of_encode_except_for_unknown_tokens(tokens, others):
    vocab = Vocab(tokens)
    ids = vocab.encode(tokens)
    assert ids.dtype == np.int64
    assert vocab.decode(ids) == tokens
    assert vocab.decode(vocab.encode(others)) == [token if token in vocab else "<unk>" for token in others]


def test_from_texts_by_word_and_by_character():
    assert Vocab.from_texts(["a b a", "b a"], specials=()).idx_to_token == ["a", "b"]
    assert Vocab.from_texts(iter(["ab a"]), level="char", specials=("<pad>",)).idx_to_token == ["<pad>", "a", "b", " "]
    assert Vocab.from_texts(["a b a"], min_freq=2, specials=()).idx_to_token == ["a"]


def test_counts_may_be_given_instead_of_tokens():
    counts = Counter(["b", "a", "a", "<unk>"])
    assert Vocab(counts, min_freq=2).idx_to_token == Vocab(list(counts.elements()), min_freq=2).idx_to_token
    assert counts["<unk>"] == 1  # the caller's counts stay as they are


def test_counts_of_another_kind_are_refused():
    with pytest.raises(TypeError, match="^Vocab: tokens must be a list of str or a Counter, got {'a': 5}.*Counter"):
        Vocab({"a": 5})
    with pytest.raises(TypeError, match=r"^Vocab: tokens\['a'\] must be an integer, got '5'"):
        Vocab(Counter({"a": "5"}))
    with pytest.raises(AttributeError, match="size"):
        Vocab(["a"]).size = 3


@pytest.mark.parametrize("specials", [("<pad>", "<unk>"), ("<pad>", "\t")])
@pytest.mark.parametrize("piece", [vocab_file.PIECE, 3])
@given(learned=st.text(), data=st.data())
def test_a_text_is_encoded_like_the_list_of_its_characters(specials, piece, learned, data):
    learned += "a"  # at least one character that isn't special
    vocab = Vocab.from_texts([learned], level="char", specials=specials)
    known = st.text(learned) if vocab.unk_idx is None else st.text()
    text = data.draw(known)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(vocab_file, "PIECE", piece)
        np.testing.assert_array_equal(vocab.encode(text), vocab.encode(list(text)), strict=True)


@pytest.mark.parametrize("tokens", ["bad", ["b", "a", "d"], iter("bad")])
def test_an_unknown_character_is_named(tokens):
    vocab = Vocab.from_texts(["aab"], level="char", specials=())
    with pytest.raises(ValueError, match="^Vocab.encode: every token must be one of 'a', 'b', got 'd' at position 2"):
        vocab.encode(tokens)


class Tag(str, Enum):  # noqa: UP042  # StrEnum would define __str__
    NOUN = "noun"
    VERB = "verb"


@pytest.mark.parametrize("kind", [list, Counter])
def test_a_token_of_a_subclass_of_str_is_its_text(kind, tmp_path):
    vocab = Vocab(kind([Tag.VERB, Tag.NOUN, np.str_("noun")]), specials=())
    assert vocab.idx_to_token == ["noun", "verb"]
    assert set(map(type, vocab.idx_to_token)) == {str}
    assert vocab.encode([Tag.NOUN, "verb"]).tolist() == [0, 1]
    vocab.save(tmp_path / "tags.json")
    assert Vocab.load(tmp_path / "tags.json").encode([Tag.VERB]).tolist() == [1]


@pytest.mark.parametrize("length", [3, 300])
def test_short_and_long_texts_are_encoded_alike(length):
    vocab = Vocab([chr(0x4E00 + number) for number in range(100)])
    text = "".join(chr(0x4E00 + number % 101) for number in range(length)) + "?"
    np.testing.assert_array_equal(vocab.encode(text), vocab.encode(list(text)))


def test_half_a_surrogate_pair_is_a_character_too():
    vocab = Vocab(["a", "\ud800"], specials=())
    assert list(vocab.encode("\ud800a")) == list(vocab.encode(["\ud800", "a"])) == [1, 0]


def test_a_text_is_encoded_in_little_memory():
    text = "to be or not to be, that is the question " * 100_000
    vocab = Vocab.from_texts([text], level="char")
    tracemalloc.start()
    vocab.encode(text)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 14 * len(text)


def test_save_and_load(tmp_path):
    path = tmp_path / "vocab.json"
    vocab = Vocab(["b", "a", "a", "\u00e9", "\n", '"', "\ud800"], specials=("<pad>", "<unk>"))
    vocab.save(path)
    loaded = Vocab.load(str(path))
    assert loaded.idx_to_token == vocab.idx_to_token
    assert loaded.specials == vocab.specials
    assert [file.name for file in tmp_path.iterdir()] == ["vocab.json"]
    assert {'"<unk>"', '"a",'} < set(path.read_text().splitlines())  # each token has a line of its own


@pytest.mark.parametrize(
    "change",
    [
        lambda vocab: vocab.idx_to_token.append("a"),
        lambda vocab: vocab.idx_to_token.append("<pad>"),
        lambda vocab: vocab.idx_to_token.reverse(),
        lambda vocab: vocab.idx_to_token.append("c"),  # without an id
        lambda vocab: vocab.token_to_idx.update(a=7),
        lambda vocab: setattr(vocab, "specials", ("b",)),
        lambda vocab: vocab.idx_to_token.append(7) or vocab.token_to_idx.update({7: 3}),
    ],
)
def test_a_vocabulary_that_can_not_be_loaded_is_not_saved(change, tmp_path):
    path, vocab = tmp_path / "vocab.json", Vocab(["b", "a"], specials=("<pad>",))
    vocab.save(path)
    before = path.read_bytes()
    change(vocab)
    with pytest.raises(ValueError, match="^Vocab.save: idx_to_token must be the inverse of token_to_idx"):
        vocab.save(path)
    assert path.read_bytes() == before


def test_a_token_added_by_hand_is_saved(tmp_path):
    vocab = Vocab(["b"], specials=("<pad>",))
    vocab.token_to_idx["a"] = len(vocab)
    vocab.idx_to_token.append("a")
    vocab.save(tmp_path / "vocab.json")
    assert Vocab.load(tmp_path / "vocab.json").encode(["a", "b"]).tolist() == [2, 1]


class Shorter(Vocab):
    def __init__(self, tokens, *, min_freq=2, specials=("<pad>", "<unk>")):
        super().__init__(tokens, min_freq=min_freq, specials=specials)


class WithMask(Vocab):
    def __init__(self, tokens, *, specials=("<pad>",)):
        super().__init__(tokens, specials=[*specials, "<mask>"])


@pytest.mark.parametrize("kind", [Shorter, WithMask])
def test_a_subclass_that_would_load_other_tokens_is_refused(kind, tmp_path):
    kind(list("aabbc")).save(tmp_path / "vocab.json")
    with pytest.raises(
        ValueError,
        match=f"^{kind.__name__}.load: the result must be .*Override load|^Vocab: specials must be different",
    ):
        kind.load(tmp_path / "vocab.json")


class AnyCase(Vocab):
    """A vocabulary with more than one way to write a token."""

    def __init__(self, tokens, *, specials=("<unk>",)):
        super().__init__(tokens, specials=specials)
        for token, idx in list(self.token_to_idx.items()):
            self.token_to_idx.setdefault(token.upper(), idx)


def test_a_subclass_with_aliases_is_saved_and_loaded(tmp_path):
    AnyCase(["a", "b"]).save(tmp_path / "vocab.json")
    assert AnyCase.load(tmp_path / "vocab.json").encode(["B", "b", "A", "c"]).tolist() == [2, 2, 1, 0]


def test_a_vocabulary_of_characters_can_be_grown_by_hand():
    vocab = Vocab([], specials=("<unk>",))
    for token in "ab":
        vocab.token_to_idx[token] = len(vocab)
        vocab.idx_to_token.append(token)
    assert vocab.encode("bac").tolist() == [2, 1, 0]


FORM = r'\{"specials": \[...\], "tokens": \[...\]\}, got a file that begins with '


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", FORM + "b''"),
        ("{", FORM + "b'{'"),
        ("[" * 100_000, FORM + r"b'\[\["),
        ("[]", FORM + r"b'\[\]"),
        ('{"tokens": ["a"]}', FORM + "b'{\"tokens"),
        ('{"tokens": ["a"], "specials": [], "tokens": ["b"]}', FORM),
        ('{"tokens": ["a"], "tokens": ["b"]}', FORM),
        ('{"tokens": ["a"], "specials": "<pad>"}', FORM),
        ('{"tokens": ["a", 1], "specials": []}', FORM),
        ('{"tokens": ["a", ["b"]], "specials": []}', FORM),
        ('{"tokens": ["\\x"], "specials": []}', FORM),
        ('{"tokens": ["a"], "specials": []}{', FORM),
        ('{"tokens": ["a",], "specials": []}', FORM),
        ('{"tokens": ["a", "a"], "specials": []}', "a file in which each token occurs once, got 'a' 2 times"),
        ('{"tokens": ["a"], "specials": ["a"]}', "a file in which each token occurs once, got 'a' 2 times"),
        (json.dumps({"tokens": ["b" * 10**6] * 2, "specials": []}), "a file in which each token occurs once, got 'bbb"),
        (json.dumps(["b" * 10**6]), FORM + r"b'\[\"bbb"),
    ],
)
def test_a_file_of_something_else_is_refused(tmp_path, content, message):
    path = tmp_path / "vocab.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=f"^Vocab.load: .*vocab.json must be .*{message}") as caught:
        Vocab.load(path)
    assert len(str(caught.value)) < 500 + len(str(path))


@pytest.mark.skipif(os.name != "posix", reason="pipes as POSIX has them")
def test_a_pipe_without_a_writer_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="Vocab.load: .*pipe must be JSON"):
        Vocab.load(tmp_path / "pipe")


def test_a_large_file_of_something_else_needs_no_more_memory_than_its_text(tmp_path):
    (tmp_path / "vocab.json").write_text("[]," * 10**6)
    tracemalloc.start()
    with pytest.raises(ValueError, match="Vocab.load: "):
        Vocab.load(tmp_path / "vocab.json")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10**7


@given(st.lists(st.lists(st.integers(-5, 5), max_size=6), min_size=1, max_size=5), st.integers(-9, 9))
def test_every_sequence_is_at_the_start_of_its_row(sequences, padding):
    padded, lengths = pad_sequences(sequences, padding_value=padding)
    assert padded.shape == (len(sequences), max(map(len, sequences)))
    assert padded.dtype == lengths.dtype == np.int64
    for row, length, sequence in zip(padded, lengths, sequences, strict=True):
        assert length == len(sequence)
        assert row.tolist() == sequence + [padding] * (len(row) - length)


@pytest.mark.parametrize("padding", [False, True])
def test_padding_of_a_mask(padding):
    padded, _ = pad_sequences([[True], [True, False]], padding_value=padding)
    np.testing.assert_array_equal(padded, [[True, padding], [True, False]], strict=True)


def test_padding_of_vectors():
    padded, lengths = pad_sequences([np.ones((2, 3), np.float32), np.zeros((0, 3)), []], padding_value=-1.5)
    assert padded.shape == (3, 2, 3)
    assert padded.dtype == np.float32
    assert lengths.tolist() == [2, 0, 0]
    assert (padded[1:] == -1.5).all()
    assert np.isnan(pad_sequences([[0.5], []], padding_value=np.nan)[0][1, 0])


@pytest.mark.parametrize(
    ("sequences", "shape", "dtype"),
    [
        ([[1], [0.5]], (2, 1), np.float64),
        ([np.array([1], np.uint64), [2]], (2, 1), np.int64),
        ([np.array([1], np.uint64), [2], []], (3, 1), np.int64),
        ([[np.uint64(1), np.int64(2)], [3]], (2, 2), np.int64),
        ([[1], np.array([])], (2, 1), np.int64),
        ([[], []], (2, 0), np.int64),
        ([np.zeros((0, 3), np.float32)] * 2, (2, 0, 3), np.float32),
        ([np.zeros((2, 0), np.float32)] * 2, (2, 2, 0), np.float32),
        ([np.zeros((0, 2, 3), np.float32)] * 2, (2, 0, 2, 3), np.float32),
    ],
)
def test_empty_sequences_do_not_decide_the_dtype(sequences, shape, dtype):
    padded, _ = pad_sequences(iter(sequences))
    assert padded.shape == shape
    assert padded.dtype == dtype


def test_integers_of_both_kinds_are_kept_to_the_last_digit():
    """NumPy would convert them to floats."""
    padded, _ = pad_sequences([np.array([2**63 - 1], np.uint64), [-1, 2]])
    assert padded.tolist() == [[2**63 - 1, 0], [-1, 2]]
