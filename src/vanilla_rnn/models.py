"""Models that answer about a sequence: once at its end (many-to-one), or at each step (many-to-many).

A model joins an embedding, an RNN and a head, and its record walks back through them in reverse. The models that write
a sequence are in ``decoder.py`` and ``writers.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np

from vanilla_rnn import _checks
from vanilla_rnn._parameters import Module, add_gradients, own_paths
from vanilla_rnn.embedding import Embedded, Embedding
from vanilla_rnn.heads import HeadRun, ManyToManyHead, ManyToOneHead
from vanilla_rnn.rnn import RNN
from vanilla_rnn.vocab import pad_sequences

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from vanilla_rnn._checks import Array
    from vanilla_rnn.unrolled import RNNGradients, Unrolled


class _ModelGradients(NamedTuple):
    d_inputs: Array | None  #: dL/d_inputs, of the inputs' shape; None of token ids
    d_parameters: dict[str, Array]  #: dL/dW by the keys of ``model.parameters()``


class ModelGradients(_ModelGradients):
    """What `ModelRun.backward` gives; beside the two, as an attribute, what the RNN's record gave."""

    run: RNNGradients  #: what ``ModelRun.run`` gave


class ModelRun:
    """What one forward of a `ManyToOne` or a `ManyToMany` did: its answers, and its parts' records.

    Attributes
    ----------
    logits : numpy.ndarray, (batch, output_size) or (batch, time, output_size)
        The head's answers; unbatched, without the batch axis.
    lengths : numpy.ndarray of int, (batch,), or None
        How many steps of each row count; None where all logits do.
    targets : None
        The answers aren't in the inputs.
    embedded : Embedded or None
        The embedding's record.
    run : Unrolled
        The RNN's record.
    reading : HeadRun
        The head's record.
    """

    targets = None

    def __init__(self, model: Chain, embedded: Embedded | None, run: Unrolled, lengths: Array | None) -> None:
        self._paths, self.embedded, self.run, self.lengths = own_paths(model), embedded, run, lengths
        self.reading: HeadRun = model.head.forward(run.output, run.h_n)
        self.logits = self.reading.y

    def backward(self, d_logits: ArrayLike) -> ModelGradients:
        """Carry a gradient back through head, RNN and embedding.

        Parameters
        ----------
        d_logits : array_like of the logits' shape
            dL/d_logits: the second half of what a loss gives.

        Returns
        -------
        ModelGradients
            ``(d_inputs, d_parameters)``.

        Raises
        ------
        ValueError
            If the shape isn't that of the logits or a number isn't finite.
        """
        d_inputs, d_parameters, run = self.walk_back(d_logits)
        gradients = ModelGradients(d_inputs, d_parameters)
        gradients.run = run
        return gradients

    def walk_back(self, d_logits: ArrayLike) -> tuple[Array | None, dict[str, Array], RNNGradients]:
        """d_inputs, d_parameters, and what the RNN's record gave."""
        d_output, d_h_n, d_head = self.reading.backward(d_logits)
        run = self.run.backward(d_output, d_h_n)
        d_inputs, parts = back_to_ids(self.embedded, run.d_x)
        return d_inputs, add_gradients(self._paths, parts | {"rnn": run.d_parameters, "head": d_head}), run


class Chain(Module):
    """Embedding, RNN and head, one after another."""

    columns: ClassVar[tuple[str, ...]]
    _head: ClassVar[type[ManyToOneHead | ManyToManyHead]]

    def __init__(self, rnn: RNN, head: ManyToOneHead | ManyToManyHead, embedding: Embedding | None) -> None:
        where = type(self).__name__
        made_of(rnn, RNN, "rnn", where)
        made_of(head, self._head, "head", where)
        fits_embedding(rnn, embedding, "rnn", where)
        if head.W_hy.shape[1] != rnn.directions * rnn.hidden_size:
            expected = f"made with hidden_size {rnn.directions * rnn.hidden_size}, directions times the RNN's"
            _checks.refuse(ValueError, where, "head", expected, str(head.W_hy.shape[1]), "Make the head anew.")
        if head.W_hy.dtype != rnn.dtype:
            got, fix = str(head.W_hy.dtype), "A model has one dtype: pass the same to all its parts."
            _checks.refuse(ValueError, where, "head", f"of the RNN's dtype, {rnn.dtype}", got, fix)
        self.embedding, self.rnn, self.head = embedding, rnn, head

    def _signature(self) -> str:
        return type(self).__name__


class ManyToOne(Chain):
    """One answer for a whole sequence, read off the final state: the class of a text, the next value of a series.

    Parameters
    ----------
    rnn : RNN
        Reads the sequence.
    head : ManyToOneHead
        Reads the final state.
    embedding : Embedding or None
        Turns token ids into the RNN's inputs; without one the inputs are vectors already.

    Examples
    --------
    >>> from vanilla_rnn.losses import binary_cross_entropy
    >>> model = ManyToOne(RNN(2, 3, rng=0), ManyToOneHead(3, 1, rng=1), embedding=Embedding(10, 2, rng=2))
    >>> run = model.forward([[4, 5, 6], [7, 8, 0]], lengths=[3, 2])
    >>> loss, d_logits = binary_cross_entropy(run.logits, [1, 0])
    >>> list(run.backward(d_logits).d_parameters)
    ['embedding.vectors', 'rnn.cells.0.W_xh', 'rnn.cells.0.W_hh', 'rnn.cells.0.b_h', 'head.W_hy', 'head.b_y']
    """

    columns: ClassVar[tuple[str, ...]] = ("inputs", "label")
    _head = ManyToOneHead

    def __init__(self, rnn: RNN, head: ManyToOneHead, *, embedding: Embedding | None = None) -> None:
        super().__init__(rnn, head, embedding)

    def __call__(self, inputs: ArrayLike, lengths: ArrayLike | None = None) -> Array:
        """The logits: see `forward`."""
        return self.forward(inputs, lengths).logits.copy()

    def forward(self, inputs: ArrayLike, lengths: ArrayLike | None = None) -> ModelRun:
        """Read a batch of sequences and remember it.

        Parameters
        ----------
        inputs : array_like
            With an embedding, token ids: (batch, time) or, unbatched, (time,). Without, vectors:
            (batch, time, input_size) or (time, input_size).
        lengths : array_like of int, (batch,), or None
            How many steps of each row are real. What stands behind is never looked at.

        Returns
        -------
        ModelRun
            ``.logits``, (batch, output_size) or (output_size,); ``.lengths`` and ``.targets`` are None: all logits
            count, and the answers are the caller's.

        Raises
        ------
        TypeError, ValueError, IndexError
            As the `forward` of embedding and RNN do.
        """
        embedded, vectors = look_up(self.embedding, inputs, lengths, "ManyToOne.forward")
        return ModelRun(self, embedded, self.rnn.forward(vectors, lengths=lengths), None)

    def batch(self, inputs: Sequence[ArrayLike], labels: Sequence[ArrayLike]) -> tuple[tuple[Array, Array], Array]:
        """`forward`'s arguments and the labels, out of unpadded examples.

        Examples
        --------
        >>> model = ManyToOne(RNN(2, 3), ManyToOneHead(3, 1), embedding=Embedding(10, 2))
        >>> (inputs, lengths), labels = model.batch([[4, 5, 6], [7, 8]], [1, 0])
        >>> print(inputs, lengths, labels)
        [[4 5 6]
         [7 8 0]] [3 2] [1 0]
        """
        return pad_sequences(inputs), _checks.array(list(labels), "labels", "ManyToOne.batch")


class ManyToMany(Chain):
    """One answer for each step: the tag of a word, the next value at every time.

    Parameters
    ----------
    rnn : RNN
        Reads the sequence; a bidirectional one lets an answer depend on what comes after it too.
    head : ManyToManyHead
        Reads the state at every step.
    embedding : Embedding or None
        Turns token ids into the RNN's inputs; without one the inputs are vectors already.

    Examples
    --------
    Four steps of two numbers, and at each of them a score for each of five tags:

    >>> model = ManyToMany(RNN(2, 3, bidirectional=True, rng=0), ManyToManyHead(6, 5, rng=1))
    >>> model(np.ones((4, 2))).shape
    (4, 5)
    """

    columns: ClassVar[tuple[str, ...]] = ("inputs", "labels")
    _head = ManyToManyHead

    def __init__(self, rnn: RNN, head: ManyToManyHead, *, embedding: Embedding | None = None) -> None:
        super().__init__(rnn, head, embedding)

    def __call__(self, inputs: ArrayLike, lengths: ArrayLike | None = None) -> Array:
        """The logits: see `forward`."""
        return self.forward(inputs, lengths).logits.copy()

    def forward(self, inputs: ArrayLike, lengths: ArrayLike | None = None) -> ModelRun:
        """Read a batch of sequences and remember it.

        Parameters
        ----------
        inputs, lengths
            As in `ManyToOne.forward`.

        Returns
        -------
        ModelRun
            ``.logits``, (batch, time, output_size) or (time, output_size), of which those at ``.lengths`` count.

        Raises
        ------
        TypeError, ValueError, IndexError
            As the `forward` of embedding and RNN do.
        """
        embedded, vectors = look_up(self.embedding, inputs, lengths, "ManyToMany.forward")
        run = self.rnn.forward(vectors, lengths=lengths)
        return ModelRun(self, embedded, run, None if lengths is None else np.array(lengths))

    def batch(self, inputs: Sequence[ArrayLike], labels: Sequence[ArrayLike]) -> tuple[tuple[Array, Array], Array]:
        """`forward`'s arguments and the labels, out of unpadded examples."""
        padded, lengths = pad_sequences(inputs)
        answers, counts = pad_sequences(labels)
        for number in np.flatnonzero(counts != lengths):
            expected, got = f"of {lengths[number]} steps like its inputs", str(counts[number])
            fix = "There is one label for each step."
            _checks.refuse(ValueError, "ManyToMany.batch", f"labels[{number}]", expected, got, fix)
        return (padded, lengths), answers


def look_up(
    embedding: Embedding | None, inputs: ArrayLike, lengths: ArrayLike | None, where: str
) -> tuple[Embedded | None, ArrayLike]:
    """The embedding's record and the vectors; without an embedding, the inputs as they are."""
    if embedding is None:
        return None, inputs
    ids, _ = real_ids(inputs, lengths, "inputs", where)
    embedded = embedding.forward(ids)
    return embedded, embedded.vectors


def back_to_ids(embedded: Embedded | None, d_vectors: Array) -> tuple[Array | None, dict[str, dict[str, Array]]]:
    """The reverse of `look_up`: the gradient of the inputs, None of ids, and that of the embedding by its path."""
    if embedded is None:
        return d_vectors, {}
    return None, {"embedding": embedded.backward(d_vectors).d_parameters}


def real_ids(ids: ArrayLike, lengths: ArrayLike | None, name: str, where: str) -> tuple[Array, Array | None]:
    """Ids with 0 behind each row's length, where nothing looks; and the lengths, checked."""
    found = _checks.integers(ids, name, where, "Token ids come from vocab.encode(...); vectors need no embedding.")
    _checks.axes(found, {2: "(batch, time)", 1: "(time,)"}, name, where)
    found = found.astype(np.int64, copy=False)
    if lengths is None:
        return found, None
    if found.ndim == 1:
        fix = "Leave lengths out, or add the batch axis."
        _checks.refuse(ValueError, where, "lengths", "None without a batch axis", _checks.shown(lengths), fix)
    batch, time = found.shape
    counts = _checks.lengths(lengths, batch, time, "lengths", where)
    return np.where(np.arange(time) < counts[:, None], found, 0), counts


def made_of(part: object, kind: type, name: str, where: str) -> None:
    """Refuse a part of the wrong kind."""
    if not isinstance(part, kind):
        _checks.refuse(
            TypeError, where, name, f"made by {kind.__name__}", _checks.shown(part), "Are the arguments in order?"
        )


def fits_embedding(rnn: RNN, embedding: Embedding | None, name: str, where: str) -> None:
    """Refuse an RNN that can't read the embedding's vectors."""
    if embedding is not None:
        made_of(embedding, Embedding, "embedding", where)
        expected, got = (embedding.vectors.shape[1], embedding.vectors.dtype), (rnn.input_size, rnn.dtype)
        if got != expected:
            text = "made with input_size {} and dtype {}, the embedding's"
            _checks.refuse(
                ValueError, where, name, text.format(*expected), "{} and {}".format(*got), "Make the RNN anew."
            )
