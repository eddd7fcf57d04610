"""Text to ids and back: tokens, the vocabulary that numbers them, and padding rows of unequal length to one array."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Self

import numpy as np

from vanilla_rnn import _checks

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import ArrayLike

    from vanilla_rnn._checks import Array

SPECIALS = ("<pad>", "<unk>", "<bos>", "<eos>")

_WORD = r"(?:{letter})+(?:['\u2019](?:{letter})+)*|\S"


def tokenize(text: str, level: str = "word") -> list[str]:
    """Cut a text into tokens, keeping case.

    Parameters
    ----------
    text : str
        The text.
    level : {"word", "char"}
        "word": words, with apostrophes inside them, and every punctuation mark by itself; white space separates and is
        dropped. "char": every character, white space included.

    Returns
    -------
    list of str
        The tokens.

    Raises
    ------
    TypeError
        If text isn't a str.
    ValueError
        If the level is another word.

    Examples
    --------
    >>> tokenize("I love this movie, don't you?")
    ['I', 'love', 'this', 'movie', ',', "don't", 'you', '?']
    >>> tokenize("Oh no", level="char")
    ['O', 'h', ' ', 'n', 'o']
    """
    if not isinstance(text, str):
        _checks.refuse(TypeError, "tokenize", "text", "a str", _checks.shown(text), "Tokenise one text at a time.")
    _checks.choice(level, ("word", "char"), "level", "tokenize")
    if level == "char":
        return list(text)
    # To Python's \w an accent or a vowel sign that is a character of its own isn't part of the letter it stands on.
    marks = "" if text.isascii() else "".join(sorted(c for c in set(text) if _is_mark(c)))
    return re.findall(_WORD.format(letter=rf"\w[{marks}]*" if marks else r"\w"), text)


def _is_mark(character: str) -> bool:
    import unicodedata

    return unicodedata.category(character).startswith("M")


class Vocab:
    """The tokens there are, each with an id: specials first, then by falling count, equal counts as first seen.

    Parameters
    ----------
    tokens : iterable of str
        All tokens of the training text, repeated as often as they occur.
    min_freq : int
        How often a token must occur to get an id.
    specials : sequence of str
        Tokens that have an id whether they occur or not, by default "<pad>", "<unk>", "<bos>" and "<eos>". With "<unk>"
        among them a token without an id of its own is encoded as "<unk>"; without, it is an error.

    Attributes
    ----------
    token_to_idx : dict[str, int]
        From token to id.
    idx_to_token : list[str]
        From id to token.
    pad_idx, unk_idx, bos_idx, eos_idx : int or None
        The ids of "<pad>", "<unk>", "<bos>" and "<eos>"; None for one that isn't among the specials.

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

    def __init__(self, tokens: Iterable[str], *, min_freq: int = 1, specials: Sequence[str] = SPECIALS) -> None:
        min_freq = _checks.size(min_freq, "min_freq", "Vocab")
        specials = list(_each_token(specials, "specials", "Vocab", fix='For one special pass ("<pad>",).'))
        if len(set(specials)) < len(specials):
            fix = "Each gets an id of its own."
            _checks.refuse(ValueError, "Vocab", "specials", "different tokens", _checks.shown(specials), fix)
        counts = Counter(_each_token(tokens, "tokens", "Vocab"))  # counted as they come, never held all at once
        frequent = (token for token, count in counts.most_common() if count >= min_freq and token not in specials)
        self.idx_to_token = [*specials, *frequent]
        self.token_to_idx = {token: idx for idx, token in enumerate(self.idx_to_token)}
        self.specials = tuple(specials)

    @classmethod
    def from_texts(
        cls, texts: Iterable[str], *, level: str = "word", min_freq: int = 1, specials: Sequence[str] = SPECIALS
    ) -> Self:
        """Make a vocabulary of all tokens of these texts, cut by `tokenize`.

        Examples
        --------
        >>> Vocab.from_texts(["man bites dog", "dog bites"], specials=()).idx_to_token
        ['bites', 'dog', 'man']
        """
        texts = _each_token(texts, "texts", f"{cls.__name__}.from_texts", fix="For one text pass [text].")
        return cls((token for text in texts for token in tokenize(text, level)), min_freq=min_freq, specials=specials)

    def encode(self, tokens: Iterable[str]) -> Array:
        """The ids of these tokens, an int64 array of (tokens,).

        Raises
        ------
        TypeError
            If tokens is one str, or holds anything but str.
        ValueError
            If a token isn't in the vocabulary and "<unk>" isn't either; the message lists the tokens that are.
        """
        tokens = list(_each_token(tokens, "tokens", "Vocab.encode"))
        unknown = self.unk_idx
        for position, token in enumerate(tokens if unknown is None else ()):
            if token not in self.token_to_idx:
                got = f"{token!r} at position {position}"
                fix = 'To read any word, make the vocabulary with "<unk>" among its specials.'
                _checks.refuse(ValueError, "Vocab.encode", "every token", f"one of {_checks.some(self)}", got, fix)
        return np.array([self.token_to_idx.get(token, unknown) for token in tokens], dtype=np.int64)

    def decode(self, ids: ArrayLike) -> list[str]:
        """The tokens of these ids, a (tokens,) array of whole numbers.

        Raises
        ------
        TypeError
            If the ids aren't whole numbers.
        IndexError
            If an id lies outside the vocabulary.
        ValueError
            If ids has more than one axis.
        """
        ids = _checks.ids(ids, len(self), "ids", "Vocab.decode", "the vocab's size")
        _checks.axes(ids, {1: "(tokens,)"}, "ids", "Vocab.decode", "Decode one row at a time, cut at its length.")
        return [self.idx_to_token[idx] for idx in ids]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the vocabulary to a JSON file, whole or not at all."""
        import json
        from pathlib import Path

        content = {"specials": list(self.specials), "tokens": self.idx_to_token[len(self.specials) :]}
        path = Path(path)
        unfinished = path.with_name(path.name + ".unfinished")
        try:
            unfinished.write_text(json.dumps(content, indent=0), encoding="utf-8")
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a vocabulary that `save` wrote.

        Raises
        ------
        ValueError
            If the file holds something else.
        """
        import json
        from pathlib import Path

        where, expected = f"{cls.__name__}.load", 'JSON of the form {"specials": [...], "tokens": [...]}'
        fix = "Is it a file that vocab.save wrote?"
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8"))
        except (ValueError, RecursionError) as error:
            _checks.refuse(ValueError, where, str(path), expected, f"a file that isn't JSON ({error})", fix)
        if not (isinstance(content, dict) and set(content) == {"specials", "tokens"}):
            _checks.refuse(ValueError, where, str(path), expected, _checks.shown(content), fix)
        specials, tokens = content["specials"], content["tokens"]
        if not all(isinstance(part, list) and all(isinstance(t, str) for t in part) for part in (specials, tokens)):
            _checks.refuse(ValueError, where, str(path), expected, _checks.shown(content), fix)
        for token, count in Counter([*specials, *tokens]).items():
            if count > 1:
                got = f"one with {token!r} {count} times"
                _checks.refuse(ValueError, where, str(path), "a list of different tokens", got, fix)
        return cls(tokens, specials=specials)

    def __len__(self) -> int:
        return len(self.idx_to_token)

    def __contains__(self, token: object) -> bool:
        return token in self.token_to_idx

    def __iter__(self) -> Iterator[str]:
        return iter(self.idx_to_token)

    def __repr__(self) -> str:
        return f"Vocab of {len(self):,} tokens: {_checks.some(self, limit=8)}"

    def _special(self, token: str) -> int | None:
        return self.token_to_idx[token] if token in self.specials else None

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
        """The id of "<bos>", with which a decoder begins."""
        return self._special("<bos>")

    @property
    def eos_idx(self) -> int | None:
        """The id of "<eos>", with which a decoder ends."""
        return self._special("<eos>")


def pad_sequences(sequences: Iterable[ArrayLike], *, padding_value: float = 0) -> tuple[Array, Array]:
    """Lay sequences of unequal length into one array, each at the start of its row.

    Parameters
    ----------
    sequences : iterable of array_like, (time, ...)
        At least one; what follows the time axis is the same in all. A sequence may be empty.
    padding_value : number
        What fills the rest. With ``lengths``, nothing ever reads it.

    Returns
    -------
    padded : numpy.ndarray, (batch, longest time, ...)
        Of the dtype that holds all sequences.
    lengths : numpy.ndarray of int64, (batch,)
        How long each sequence is.

    Raises
    ------
    ValueError
        If there is no sequence, one has another shape behind its time axis, or the padding value doesn't fit.
    TypeError
        If a sequence holds something else than numbers.

    Examples
    --------
    >>> padded, lengths = pad_sequences([[5, 6, 7], [8]])
    >>> print(padded, lengths)
    [[5 6 7]
     [8 0 0]] [3 1]
    """
    where = "pad_sequences"
    _checks.iterable(sequences, "sequences", where, "Pass a list of sequences.")
    rows = [_checks.array(row, f"sequences[{number}]", where) for number, row in enumerate(sequences)]
    if not rows:
        _checks.refuse(ValueError, where, "sequences", "at least one sequence", "none", "What is the batch made of?")
    # An empty list says neither what its elements would be nor what shape they would have.
    telling = [row for row in rows if row.shape != (0,)] or [np.empty(0, np.int64)]
    fix = "All sequences have (time, ...) with the same axes behind time."
    shape = telling[0].shape[1:]
    for number, row in enumerate(rows):
        if row.ndim == 0:
            _checks.refuse(ValueError, where, f"sequences[{number}]", "a sequence", f"one number, {row}", fix)
        if row.shape[1:] != shape and row.shape != (0,):
            expected = f"of shape (time, {', '.join(map(str, shape))})" if shape else "of shape (time,)"
            _checks.refuse(ValueError, where, f"sequences[{number}]", expected, f"shape {row.shape}", fix)
    dtype = np.result_type(*([row for row in telling if row.size] or telling))
    padding = _checks.array(padding_value, "padding_value", where)
    whole = padding.dtype.kind in "iu" and (padding.astype(dtype) == padding).all()
    if padding.ndim or not (whole or dtype.kind in "fc"):
        got, fix = _checks.shown(padding_value), "Whole numbers are padded with a whole number."
        _checks.refuse(ValueError, where, "padding_value", f"one number that fits {dtype}", got, fix)
    lengths = np.array([len(row) for row in rows], dtype=np.int64)
    padded = np.full((len(rows), lengths.max(), *shape), padding, dtype)
    for number, row in enumerate(rows):
        if len(row):
            padded[number, : len(row)] = row
    return padded, lengths


def _each_token(
    tokens: Iterable[str], name: str, where: str, fix: str = "Cut it with tokenize(text) first."
) -> Iterator[str]:
    """What any iterable holds, but a str itself, as plain str."""
    if isinstance(tokens, str):
        _checks.refuse(TypeError, where, name, "a list of str", _checks.shown(tokens), fix)
    _checks.iterable(tokens, name, where, fix)
    for position, token in enumerate(tokens):
        if not isinstance(token, str):
            _checks.refuse(TypeError, where, f"{name}[{position}]", "a str", _checks.shown(token), "Tokens are text.")
        yield str(token)
