"""Text to ids and back: tokens, the vocabulary that numbers them, and padding sequences into one array."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from itertools import repeat
from typing import TYPE_CHECKING, Self

import numpy as np

from vanilla_rnn import _checks, _hints
from vanilla_rnn._atomic import file_name, write_file
from vanilla_rnn._calls import explained

if TYPE_CHECKING:
    import os

    from vanilla_rnn._types import Array, ArrayLike, Iterable, Iterator, Sequence

PIECE = 2**20  # how many characters of a text are encoded at a time
SPLIT = "Split it first: tokenize(text) for words, list(text) for characters."
SPECIALS = ("<pad>", "<unk>", "<bos>", "<eos>")

_WORD = r"(?:{letter})+(?:['\u2019](?:{letter})+)*|\S"
# The form of a saved vocabulary. The possessive quantifiers ("*+") never backtrack, so a file is scanned once,
# in constant memory.
_TEXT = r'"(?:[^"\\]++|\\.)*+"'
_TEXTS = rf"\[\s*+(?:{_TEXT}(?:\s*+,\s*+{_TEXT})*+)?+\s*+\]"
_PARTS = rf'"specials"\s*+:\s*+{_TEXTS}', rf'"tokens"\s*+:\s*+{_TEXTS}'
_SAVED = r"\s*+\{{\s*+(?:{0}\s*+,\s*+{1}|{1}\s*+,\s*+{0})\s*+\}}\s*+".format(*_PARTS)


@explained
def tokenize(text: str, level: str = "word") -> list[str]:
    """Split a text into tokens. Upper and lower case are kept.

    Parameters
    ----------
    text : str
        The text.
    level : {"word", "char"}
        "word": words, including apostrophes inside them, and every punctuation mark on its own; whitespace is dropped.
        "char": every character, including whitespace.

    Returns
    -------
    list of str
        The tokens.

    Examples
    --------
    >>> tokenize("I love this movie, don't you?")
    ['I', 'love', 'this', 'movie', ',', "don't", 'you', '?']
    >>> tokenize("Oh no", level="char")
    ['O', 'h', ' ', 'n', 'o']
    """
    if not isinstance(text, str):
        _checks.fail(TypeError, "tokenize", "text", "a str", _checks.shown(text), "Tokenise one text at a time.")
    _checks.argument(level, "level", "tokenize")
    if level == "char":
        return list(text)
    # Python's \w doesn't match an accent or a vowel sign that is a character of its own: add it to its letter.
    marks = "" if text.isascii() else "".join(sorted(c for c in set(text) if _is_mark(c)))
    return re.findall(_WORD.format(letter=rf"\w[{marks}]*" if marks else r"\w"), text)


def _is_mark(character: str) -> bool:
    import unicodedata

    return unicodedata.category(character).startswith("M")


class Vocab:
    """A vocabulary: each token has an id. Specials come first, then frequent tokens before rare ones.

    Tokens with equal counts are in the order in which they were first seen.

    Parameters
    ----------
    tokens : iterable of str, or collections.Counter
        All tokens of the training text, repeated as often as they occur, or a Counter of them. A set is refused: its
        order, and so the ids, would differ from one run of Python to the next.
    min_freq : int
        The number of times that a token must occur to get an id.
    specials : sequence of str
        Tokens that get an id whether they occur or not, by default "<pad>", "<unk>", "<bos>" and "<eos>". With "<unk>"
        among them, an unknown token is encoded as "<unk>"; without it, an unknown token is an error.

    Attributes
    ----------
    token_to_idx : dict[str, int]
        The id of each token.
    idx_to_token : list[str]
        The token of each id.
    pad_idx, unk_idx, bos_idx, eos_idx : int or None
        The ids of "<pad>", "<unk>", "<bos>" and "<eos>"; None for a token that isn't among the specials.

    Examples
    --------
    >>> vocab = Vocab(["the", "dog", "bites", "the", "man"])
    >>> vocab.idx_to_token
    ['<pad>', '<unk>', '<bos>', '<eos>', 'the', 'dog', 'bites', 'man']
    >>> vocab.encode(["the", "cat"])
    array([4, 1])
    >>> vocab.decode([5, 6, 4, 7])
    ['dog', 'bites', 'the', 'man']
    """

    __slots__ = ("idx_to_token", "specials", "token_to_idx")

    @explained
    def __init__(self, tokens: Iterable[str], *, min_freq: int = 1, specials: Sequence[str] = SPECIALS) -> None:
        min_freq = _checks.argument(min_freq, "min_freq", "Vocab")
        specials = list(_each_token(specials, "specials", "Vocab", fix='Pass ("<pad>",) for one special.'))
        if len(set(specials)) < len(specials):
            fix = "List each special once."
            _checks.fail(ValueError, "Vocab", "specials", "different tokens", _checks.shown(specials), fix)
        if isinstance(tokens, Mapping) and not isinstance(tokens, Counter):
            fix = "Pass collections.Counter(counts) if these are counts, else list(tokens)."
            _checks.fail(TypeError, "Vocab", "tokens", "a list of str or a Counter", _checks.shown(tokens), fix)
        if isinstance(tokens, Counter):
            counts: Counter[str] = Counter()
            for token, count in zip(_each_token(tokens.keys(), "tokens", "Vocab"), tokens.values(), strict=True):
                counts[token] += _checks.integer(count, f"tokens[{token!r}]", "Vocab")
        else:  # counted one by one, never held all at once
            counts = Counter(_each_token(tokens, "tokens", "Vocab"))
        for special in specials:
            counts.pop(special, None)
        frequent = (token for token, count in counts.most_common() if count >= min_freq)
        self.idx_to_token = [*specials, *frequent]
        self.token_to_idx = {token: idx for idx, token in enumerate(self.idx_to_token)}
        self.specials = tuple(specials)

    @classmethod
    def from_texts(
        cls, texts: Iterable[str], *, level: str = "word", min_freq: int = 1, specials: Sequence[str] = SPECIALS
    ) -> Self:
        """Create a vocabulary from all tokens of these texts, split by `tokenize`.

        Examples
        --------
        >>> Vocab.from_texts(["man bites dog", "dog bites"], specials=()).idx_to_token
        ['bites', 'dog', 'man']
        """
        _checks.argument(level, "level", f"{cls.__name__}.from_texts")
        texts = _each_token(texts, "texts", f"{cls.__name__}.from_texts", fix="Pass [text] for one text.")
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(text if level == "char" else tokenize(text))
        return cls(counts, min_freq=min_freq, specials=specials)

    def encode(self, tokens: Iterable[str]) -> Array:
        """Return the ids of these tokens, an int64 array of shape (tokens,).

        Parameters
        ----------
        tokens : iterable of str, or str
            The tokens. If every token of the vocabulary is a character, a text can be passed as it is: it takes a
            tenth of the time and half of the memory of a list of its characters.

        Raises
        ------
        ValueError
            If a token isn't in the vocabulary, and "<unk>" isn't either; the message lists some tokens that are.

        Examples
        --------
        >>> Vocab.from_texts(["banana"], level="char", specials=()).encode("nab")
        array([1, 0, 2])
        """
        unknown = -1 if self.unk_idx is None else self.unk_idx
        if isinstance(tokens, str) and self._has_only_characters():
            tokens = str.__str__(tokens)  # a subclass may have its own __str__
            ids = self._encode_characters(tokens, unknown)
        else:
            tokens = list(_each_token(tokens, "tokens", "Vocab.encode"))
            ids = np.fromiter(map(self.token_to_idx.get, tokens, repeat(unknown)), np.int64, len(tokens))
        if unknown < 0 and ids.min(initial=0) < 0:
            position = int(np.argmin(ids))
            got = f"{tokens[position]!r} at position {position}"
            fix = 'Create the vocabulary with "<unk>" among its specials to encode any token.'
            _checks.fail(ValueError, "Vocab.encode", "every token", f"one of {_checks.listed(self)}", got, fix)
        return ids

    def _has_only_characters(self) -> bool:
        """Whether every token but the specials is a single character."""
        return set(map(len, self.idx_to_token[len(self.specials) :])) == {1}

    def _encode_characters(self, text: str, unknown: int) -> Array:
        """The id of each character, looked up in a table by its code point, a piece of the text at a time."""
        if len(text) < len(self):  # the table would take longer than the text
            return np.fromiter(map(self.token_to_idx.get, text, repeat(unknown)), np.int64, len(text))
        characters = {ord(token): idx for token, idx in self.token_to_idx.items() if len(token) == 1}
        ids = np.empty(len(text), np.int64)
        for start in range(0, len(text), PIECE):
            piece = text[start : start + PIECE].encode("utf-32-le", "surrogatepass")
            codes = np.frombuffer(piece, np.uint32)
            table = np.full(max(int(codes.max()), *characters) + 1, unknown)
            table[list(characters)] = list(characters.values())
            ids[start : start + PIECE] = table[codes]
        return ids

    def decode(self, ids: ArrayLike) -> list[str]:
        """Return the tokens of these ids, which are an integer array of shape (tokens,).

        Raises
        ------
        IndexError
            If an id is outside the vocabulary.
        """
        ids = _checks.ids(ids, len(self), "ids", "Vocab.decode", "len(vocab)")
        _checks.fit(ids, "ids", "tokens", {}, "Vocab.decode", "Decode one row at a time: ids[row, :length].")
        return [self.idx_to_token[idx] for idx in ids]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the vocabulary to a JSON file. If that fails, an existing file of that name is left unchanged.

        Raises
        ------
        ValueError
            If ``idx_to_token`` or ``token_to_idx`` was changed by hand, so that the two no longer fit together.
        """
        import json

        where, tokens, specials = f"{type(self).__name__}.save", list(self.idx_to_token), list(self.specials)
        has_ids = list(map(self.token_to_idx.get, tokens)) == list(range(len(tokens)))
        if not has_ids or tokens[: len(specials)] != specials or not all(isinstance(token, str) for token in tokens):
            expected, fix = "the inverse of token_to_idx, specials first", "Create a new Vocab of these tokens."
            _checks.fail(ValueError, where, "idx_to_token", expected, "another list", fix)
        content = {"specials": specials, "tokens": tokens[len(specials) :]}
        data = json.dumps(content, indent=0).encode("utf-8")
        write_file(path, where, lambda file: file.write(data))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a vocabulary that `save` wrote.

        Raises
        ------
        ValueError
            If the file contains something else.
        """
        import json
        from pathlib import Path

        where, expected = f"{cls.__name__}.load", 'JSON of the form {"specials": [...], "tokens": [...]}'
        path, fix = file_name(path, where), "Pass a file that vocab.save wrote."
        data = Path(path).read_bytes() if Path(path).stat().st_size else b""  # a pipe, which would block, has size 0
        parts: dict[str, list[str]] = {}
        with suppress(ValueError):  # bytes that aren't UTF-8, or an escape that isn't JSON
            text = data.decode()
            parts = json.loads(text) if re.fullmatch(_SAVED, text) else {}
        if not parts:
            _checks.fail(ValueError, where, path, expected, f"a file that begins with {data[:40]!r}", fix)
        for token, count in Counter([*parts["specials"], *parts["tokens"]]).items():
            if count > 1:
                got, fix = f"{_hints.brief(token)} {count} times", "Save the vocabulary again: the file was changed."
                _checks.fail(ValueError, where, path, "a file in which each token occurs once", got, fix)
        vocab = cls(parts["tokens"], specials=parts["specials"])
        if list(vocab.idx_to_token) != [*parts["specials"], *parts["tokens"]]:
            expected, fix = "a vocabulary of the tokens in the file", f"Override load in {cls.__name__} too."
            _checks.fail(ValueError, where, "the result", expected, repr(vocab), fix)
        return vocab

    def __len__(self) -> int:
        return len(self.idx_to_token)

    def __contains__(self, token: object) -> bool:
        return token in self.token_to_idx

    def __iter__(self) -> Iterator[str]:
        return iter(self.idx_to_token)

    def __repr__(self) -> str:
        return f"Vocab of {len(self):,} tokens: {_checks.listed(self, limit=8)}"

    def _special(self, token: str) -> int | None:
        idx = self.token_to_idx.get(token)
        return idx if idx is not None and idx < len(self.specials) else None  # it may be a token that isn't special

    @property
    def pad_idx(self) -> int | None:
        """The id of "<pad>"."""
        return self._special("<pad>")

    @property
    def unk_idx(self) -> int | None:
        """The id of "<unk>"."""
        return self._special("<unk>")

    @property
    def bos_idx(self) -> int | None:
        """The id of "<bos>", which a decoder reads first."""
        return self._special("<bos>")

    @property
    def eos_idx(self) -> int | None:
        """The id of "<eos>", which a decoder writes last."""
        return self._special("<eos>")


@explained
def pad_sequences(sequences: Iterable[ArrayLike], *, padding_value: float = 0) -> tuple[Array, Array]:
    """Put sequences of different lengths into one array, each at the start of its row.

    Parameters
    ----------
    sequences : iterable of array_like, (time, ...)
        At least one. The axes after time have the same lengths in all of them. A sequence may be empty.
    padding_value : number
        The value that fills the rest of each row. A network that is given ``lengths`` ignores it.

    Returns
    -------
    padded : numpy.ndarray, (batch, longest time, ...)
        In a dtype that holds all sequences.
    lengths : numpy.ndarray of int64, (batch,)
        The length of each sequence.

    Raises
    ------
    ValueError
        If there are no sequences, their shapes after the time axis differ, or the padding value doesn't fit.

    Examples
    --------
    >>> padded, lengths = pad_sequences([[5, 6, 7], [8]])
    >>> print(padded, lengths)
    [[5 6 7]
     [8 0 0]] [3 1]
    """
    return pad(sequences, "sequences", "pad_sequences", padding_value)


def pad(
    sequences: Iterable[ArrayLike], name: str, where: str, padding_value: float = 0, like: Array | None = None
) -> tuple[Array, Array]:
    """`pad_sequences`, with the names of the function and the argument to use in error messages.

    If all sequences are empty lists, the dtype and the axes after time are those of ``like``.
    """
    _checks.iterable(sequences, name, where, "Pass a list of sequences.")
    rows = [_checks.array(row, f"{name}[{number}]", where) for number, row in enumerate(sequences)]
    if not rows:
        _checks.fail(ValueError, where, name, "a list of at least one sequence", "none", "Pass a sequence.")
    # An empty list doesn't determine the dtype or the axes after time.
    typed = [row for row in rows if row.shape != (0,)] or [np.empty(0, np.int64) if like is None else like]
    shape = typed[0].shape[1:]
    for number, row in enumerate(rows):
        if row.ndim == 0 or (row.shape[1:] != shape and row.shape != (0,)):
            expected = f"an array of shape ({', '.join(['time', *map(str, shape)])}{'' if shape else ','})"
            got = f"shape {row.shape}" if row.ndim else f"one number, {row}"
            fix = "Give all sequences the shape (time, ...), with the same axes after time."
            _checks.fail(ValueError, where, f"{name}[{number}]", expected, got, fix)
    dtype = np.result_type(*([row for row in typed if row.size] or typed))
    if dtype.kind == "f" and all(row.dtype.kind in "iu" for row in typed):  # NumPy's choice for int64 and uint64
        dtype = np.dtype(np.int64)
        for number, row in enumerate(rows):
            if row.size and row.max() >= 2**63:
                fix = "Pass smaller integers, or all sequences in uint64."
                _checks.fail(ValueError, where, f"{name}[{number}]", "below 2^63", str(row.max()), fix)
    padding = _checks.array(padding_value, "padding_value", where)
    fits, stored = False, padding
    if padding.ndim == 0 and padding.dtype.kind in {"f": "biuf", "c": "biuf", "b": "biu"}.get(dtype.kind, "iu"):
        with np.errstate(**_checks.QUIET):
            stored = padding.astype(dtype)
        fits = stored == padding or (dtype.kind in "fc" and np.isfinite(stored) == np.isfinite(padding))
    if not fits:
        got, fix = _checks.shown(padding_value), "Pass one number that this dtype can hold."
        _checks.fail(ValueError, where, "padding_value", f"one number that fits {dtype}", got, fix)
    lengths = np.array([len(row) for row in rows], dtype=np.int64)
    padded = np.full((len(rows), lengths.max(), *shape), stored, dtype)
    for number, row in enumerate(rows):
        padded[number, : len(row)] = row if len(row) else 0
    return padded, lengths


def _each_token(tokens: Iterable[str], name: str, where: str, fix: str = SPLIT) -> Iterator[str]:
    """Go through any ordered iterable of str, but not through a str, whose items would be characters."""
    if isinstance(tokens, str):
        _checks.fail(TypeError, where, name, "a list of str", _checks.shown(tokens), fix)
    _checks.iterable(tokens, name, where, "Pass a list: sorted(...)." if isinstance(tokens, (set, frozenset)) else fix)
    if isinstance(tokens, (list, tuple)) and set(map(type, tokens)) <= {str}:  # five times as fast as one by one
        return iter(tokens)
    return _one_by_one(tokens, name, where)


def _one_by_one(tokens: Iterable[str], name: str, where: str) -> Iterator[str]:
    for position, token in enumerate(tokens):
        if not isinstance(token, str):
            _checks.fail(TypeError, where, f"{name}[{position}]", "a str", _checks.shown(token), "Pass strings only.")
        yield str.__str__(token)  # a subclass may have its own __str__
