"""Models for one sequence: one output at its end, one output at each step, or a sequence that the model writes.

A model connects an embedding, an RNN and a head; its run propagates gradients back through all three.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from vanilla_rnn import _checks
from vanilla_rnn._calls import explained
from vanilla_rnn._module import Module, Run, canonical_paths, merge_gradients, quietly, unchecked
from vanilla_rnn.embedding import Embedding, EmbeddingRun
from vanilla_rnn.heads import Head, ManyToManyHead, ManyToOneHead
from vanilla_rnn.rnn import RNN, RNNRun
from vanilla_rnn.vocab import pad

if TYPE_CHECKING:
    from vanilla_rnn._types import RNG, Array, ArrayLike, Sequence, Sizes
    from vanilla_rnn.heads import HeadRun


def shift(tokens: Array, lengths: Array | None, bos_idx: int | None, eos_idx: int | None) -> tuple[Any, ...]:
    """A decoder's inputs, its targets and their lengths: <bos> + tokens, tokens + <eos>, lengths + 1.

    Without <bos> and <eos>: ``tokens[:-1]``, ``tokens[1:]`` and lengths - 1.
    """
    if bos_idx is None or eos_idx is None:
        return tokens[..., :-1], tokens[..., 1:].copy(), None if lengths is None else np.maximum(lengths - 1, 0)
    bos = np.full((*tokens.shape[:-1], 1), bos_idx, np.int64)  # (batch, 1)
    inputs, targets = np.append(bos, tokens, axis=-1), np.append(tokens, bos, axis=-1)  # (batch, time + 1)
    # In the targets, this column only makes room. <eos> belongs after the last real token of each row:
    ends = np.full(bos.shape, tokens.shape[-1]) if lengths is None else lengths[:, None]
    np.put_along_axis(targets, ends, eos_idx, axis=-1)
    return inputs, targets, None if lengths is None else lengths + 1


def zero_padding_ids(
    embedding: Embedding, ids: ArrayLike, lengths: ArrayLike | None, name: str, where: str, lengths_name: str
) -> tuple[Array, Array | None, Sizes]:
    """Check token ids and lengths. Return the ids with 0 at the padding, the lengths, and the sizes of the axes."""
    sizes: Sizes = {}
    tokens = _checks.integers(ids, name, where, "Pass ids from vocab.encode(...), or leave out the embedding.")
    _checks.fit(tokens, name, "[batch] time", sizes, where)
    counts = _checks.lengths(lengths, sizes, where, lengths_name)
    return embedding.check_ids(_checks.zero_padding(tokens, counts), name, where), counts, sizes


class ModelGradients(NamedTuple):
    """What `ModelRun.backward` returns."""

    d_inputs: Array | None  #: dL/dinputs, of the inputs' shape; None for token ids
    d_h_0: Array  #: dL/dh_0, (num_layers * directions, batch, hidden_size)
    d_parameters: dict[str, Array]  #: dL/dW, under the keys of ``model.parameters()``


class ModelRun(Run):
    """What one forward pass of a `ManyToOne`, a `ManyToMany` or a `Decoder` computed.

    Attributes
    ----------
    logits : numpy.ndarray, (batch, output_size) or (batch, time, output_size)
        The head's outputs; for one sequence, without the batch axis.
    lengths : numpy.ndarray of int, (batch,), or None
        For each sequence, the number of steps whose logits count; None if all of them count.
    targets : numpy.ndarray of int, (batch, time), or None
        What a `Decoder` should predict; None for the other models, whose targets aren't part of the inputs.
    h_n : numpy.ndarray, (num_layers * directions, batch, hidden_size)
        The final states, from which the next piece of a long sequence can continue.
    embedding_run : EmbeddingRun or None
        The run of the embedding.
    rnn_run : RNNRun
        The run of the RNN.
    head_run : HeadRun
        The run of the head.
    """

    __slots__ = ("_paths", "embedding_run", "h_n", "head_run", "lengths", "logits", "rnn_run", "targets")

    def __init__(
        self,
        paths: dict[str, str],
        embedding_run: EmbeddingRun | None,
        rnn_run: RNNRun,
        head_run: HeadRun,
        lengths: Array | None,
        targets: Array | None,
    ) -> None:
        self._paths, self.embedding_run, self.rnn_run, self.head_run = paths, embedding_run, rnn_run, head_run
        self.logits, self.h_n, self.lengths, self.targets = head_run.y, rnn_run.h_n, lengths, targets
        self._freeze()

    def backward(self, d_logits: ArrayLike) -> ModelGradients:
        """Propagate a gradient back through head, RNN and embedding.

        Parameters
        ----------
        d_logits : array_like of the logits' shape
            dL/dlogits, the second result of a loss. Values beyond a sequence's length are ignored.

        Returns
        -------
        ModelGradients
            ``(d_inputs, d_h_0, d_parameters)``.
        """
        where = f"{type(self).__name__}.backward"
        return self._backward(_checks.gradient(d_logits, self.logits, "d_logits", where, self.lengths))

    def _backward(self, d_logits: Array) -> ModelGradients:
        """`backward`, for a gradient that has been checked."""
        d_logits = _checks.zero_padding(d_logits, self.lengths)  # d_b_y is a sum over all steps, the padding included
        d_output, d_h_n, d_head = self.head_run.backward(d_logits)
        d_x, d_h_0, _, d_rnn = unchecked(self.rnn_run, RNNRun, "backward")(d_output, d_h_n)
        parts = {"rnn": d_rnn, "head": d_head}
        if self.embedding_run is None:
            return ModelGradients(d_x, d_h_0, merge_gradients(self._paths, parts))
        d_embedding = unchecked(self.embedding_run, EmbeddingRun, "backward")(d_x).d_parameters
        return ModelGradients(None, d_h_0, merge_gradients(self._paths, {"embedding": d_embedding} | parts))


class _SequenceModel(Module):
    """Embedding, RNN and head, one after another."""

    columns: ClassVar[tuple[str, ...]]  # the parts of a training example, in order
    _head_kind: ClassVar[type[Head]]
    embedding: Embedding | None
    rnn: RNN
    head: Head
    __slots__ = ("embedding", "rnn", "head")  # noqa: RUF023  # the order of parameters()

    def check_kinds(self, where: str) -> None:
        """Check that each part is of the right kind. Parts, and their weights, can be replaced at any time."""
        _checks.require_type(self.rnn, RNN, "rnn", where)
        _checks.require_type(self.head, self._head_kind, "head", where)
        if self.embedding is not None:
            _checks.require_type(self.embedding, Embedding, "embedding", where)

    def _check_parts(self, where: str) -> None:
        """Check that the parts fit each other."""
        self.check_kinds(where)
        self.rnn.check_cells(where)
        rnn, head, embedding = self.rnn, self.head, self.embedding
        head.check_weights(where)
        check_fits_embedding(rnn, embedding, "rnn", where)
        if head.W_hy.shape[1] != rnn.directions * rnn.hidden_size:
            expected = f"a head with hidden_size={rnn.directions * rnn.hidden_size}"
            fix = "Create the head with hidden_size=rnn.directions * rnn.hidden_size."
            _checks.fail(ValueError, where, "head", expected, f"hidden_size={head.W_hy.shape[1]}", fix)
        if head.W_hy.dtype != rnn.dtype:
            got, fix = str(head.W_hy.dtype), "Pass the same dtype to all parts of a model."
            _checks.fail(ValueError, where, "head", f"a head of the RNN's dtype, {rnn.dtype}", got, fix)

    def _check_inputs(
        self, inputs: ArrayLike, lengths: ArrayLike | None, h_0: ArrayLike | None, where: str, name: str
    ) -> tuple[Array, Array | None, Array | None]:
        """Check a batch of ids or vectors, its lengths and its initial states."""
        self.check_kinds(where)
        if self.embedding is None:
            vectors, h_0, counts = self.rnn.check_inputs(inputs, h_0, lengths, where, name)
            return vectors, counts, h_0
        ids, counts, sizes = zero_padding_ids(self.embedding, inputs, lengths, name, where, "lengths")
        return ids, counts, self.rnn.check_state(h_0, sizes | self.rnn.check_cells(where), where)

    def _run(self, inputs: Array, lengths: Array | None, h_0: Array | None, targets: Array | None = None) -> ModelRun:
        """The forward pass through all parts; ``targets`` are for the run to keep."""
        self._check_parts(f"{type(self).__name__}.forward")
        embedding_run, vectors = None, inputs
        if self.embedding is not None:
            embedding_run = unchecked(self.embedding, Embedding, "forward")(inputs)
            vectors = embedding_run.vectors
        rnn_run = unchecked(self.rnn, RNN, "forward")(vectors, h_0, lengths)
        head_run = unchecked(self.head, Head, "forward")(rnn_run.output, rnn_run.h_n)
        counts = lengths if self._head_kind is ManyToManyHead else None  # a sequence's only output always counts
        return ModelRun(canonical_paths(self), embedding_run, rnn_run, head_run, counts, targets)


class _Reader(_SequenceModel):
    """What `ManyToOne` and `ManyToMany` share."""

    __slots__ = ()

    @explained
    def __init__(self, rnn: RNN, head: Head, *, embedding: Embedding | None = None) -> None:
        self.embedding, self.rnn, self.head = embedding, rnn, head
        self._check_parts(type(self).__name__)

    def __call__(self, inputs: ArrayLike, lengths: ArrayLike | None = None, h_0: ArrayLike | None = None) -> Array:
        """Return the logits: see `forward`."""
        return self.forward(inputs, lengths, h_0).logits.copy()

    def forward(self, inputs: ArrayLike, lengths: ArrayLike | None = None, h_0: ArrayLike | None = None) -> ModelRun:
        """Read a batch of sequences, and keep what backward needs.

        Parameters
        ----------
        inputs : array_like
            With an embedding, token ids: (batch, time) or, for one sequence, (time,). Without one, vectors:
            (batch, time, input_size) or (time, input_size).
        lengths : array_like of int, (batch,), or None
            The number of real steps of each sequence. Everything after them is ignored.
        h_0 : array_like, (num_layers * directions, batch, hidden_size), or None
            The initial states; None means zeros. To read a long sequence in pieces, pass the ``h_n`` of the previous
            piece.

        Returns
        -------
        ModelRun
            ``.logits``, (batch, output_size) from a `ManyToOne` and (batch, time, output_size) from a `ManyToMany`;
            for one sequence, without batch. ``.lengths`` says which logits count; it is None if all do.
        """
        return self._run(*self._check_inputs(inputs, lengths, h_0, f"{type(self).__name__}.forward", "inputs"))


class ManyToOne(_Reader):
    """One output for a whole sequence, from its final state: the class of a text, the next value of a series.

    With one output, logits have the shape (batch, 1). To count right answers, drop the last axis: ``(logits[:, 0] > 0)
    == labels``. Otherwise NumPy would broadcast (batch, 1) and (batch,) to (batch, batch).

    Parameters
    ----------
    rnn : RNN
        Reads the sequence.
    head : ManyToOneHead
        Reads the final state.
    embedding : Embedding or None
        Turns token ids into the RNN's inputs; without one, the inputs are vectors.

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
    _head_kind = ManyToOneHead
    __slots__ = ()

    def batch(self, inputs: Sequence[ArrayLike], labels: Sequence[ArrayLike]) -> tuple[tuple[Array, Array], Array]:
        """Turn unpadded examples into the arguments for `forward`, and the labels to go with them.

        Examples
        --------
        >>> model = ManyToOne(RNN(2, 3), ManyToOneHead(3, 1), embedding=Embedding(10, 2))
        >>> (inputs, lengths), labels = model.batch([[4, 5, 6], [7, 8]], [1, 0])
        >>> print(inputs, lengths, labels)
        [[4 5 6]
         [7 8 0]] [3 2] [1 0]
        """
        where = f"{type(self).__name__}.batch"
        padded, lengths = pad_inputs(inputs, self.rnn, self.embedding, "inputs", where)
        _checks.iterable(labels, "labels", where, "Pass a list of labels.")
        return (padded, lengths), _checks.array(list(labels), "labels", where)


class ManyToMany(_Reader):
    """One output at each step: the tag of every word, the next value at every time step.

    Parameters
    ----------
    rnn : RNN
        Reads the sequence. If it is bidirectional, each output also depends on the steps after it.
    head : ManyToManyHead
        Reads the state at every step.
    embedding : Embedding or None
        Turns token ids into the RNN's inputs; without one, the inputs are vectors.

    Examples
    --------
    Four steps of two numbers, and at each step a score for each of five tags:

    >>> model = ManyToMany(RNN(2, 3, bidirectional=True, rng=0), ManyToManyHead(6, 5, rng=1))
    >>> model(np.ones((4, 2))).shape
    (4, 5)
    """

    columns: ClassVar[tuple[str, ...]] = ("inputs", "labels")
    _head_kind = ManyToManyHead
    __slots__ = ()

    def batch(self, inputs: Sequence[ArrayLike], labels: Sequence[ArrayLike]) -> tuple[tuple[Array, Array], Array]:
        """Turn unpadded examples into the arguments for `forward`, and the labels to go with them.

        The labels are padded with -1, or with NaN if they aren't integers. Without ``lengths``, every loss refuses
        NaN, and the losses for classes refuse -1.
        """
        where = f"{type(self).__name__}.batch"
        padded, lengths = pad_inputs(inputs, self.rnn, self.embedding, "inputs", where)
        targets, counts = pad(labels, "labels", where)
        if len(counts) != len(lengths):
            fix = "Pass one sequence of labels for each sequence of inputs."
            _checks.fail(ValueError, where, "labels", f"{len(lengths)} sequences", str(len(counts)), fix)
        if targets.dtype.kind in "bu":  # these have no -1
            targets = targets.astype(np.int64)
        targets[~_checks.padding_mask(counts, targets.shape)] = -1 if targets.dtype.kind == "i" else np.nan
        for number in np.flatnonzero(counts != lengths):
            expected = f"{lengths[number]} labels, one for each step"
            _checks.fail(ValueError, where, f"labels[{number}]", expected, str(counts[number]), "Label each step.")
        return (padded, lengths), targets


class Decoder(_SequenceModel):
    """Writes a sequence: at every step it reads the previous token and predicts the next one.

    In training it reads ``<bos>`` and the true tokens, and learns to predict the same tokens followed by ``<eos>``.
    This is called teacher forcing. In `generate` it reads its own predictions. With ``bos_idx=None, eos_idx=None`` it
    reads all tokens but the last and learns to predict all but the first. This makes it a language model for text
    without a beginning or end.

    Parameters
    ----------
    rnn : RNN
        With one direction: a decoder can't read what it has yet to write.
    head : ManyToManyHead
        With output_size = num_embeddings: inputs and outputs share one vocabulary.
    embedding : Embedding
        Turns token ids into the RNN's inputs.
    bos_idx, eos_idx : int or None
        The ids of ``<bos>`` and ``<eos>``: ``vocab.bos_idx`` and ``vocab.eos_idx``, or None for both.

    Examples
    --------
    >>> model = Decoder(RNN(2, 3, rng=0), ManyToManyHead(3, 10, rng=1), Embedding(10, 2, rng=2), bos_idx=2, eos_idx=3)
    >>> run = model.forward([7, 8, 9])
    >>> print(run.embedding_run.ids, run.targets)  # what it reads, and what it should predict
    [2 7 8 9] [7 8 9 3]
    >>> ids, length = model.generate(max_length=5)
    >>> bool(length <= 5)
    True
    """

    columns: ClassVar[tuple[str, ...]] = ("tokens",)
    _head_kind = ManyToManyHead
    embedding: Embedding
    bos_idx: int | None
    eos_idx: int | None
    __slots__ = ("bos_idx", "eos_idx")

    @explained
    def __init__(
        self, rnn: RNN, head: ManyToManyHead, embedding: Embedding, *, bos_idx: int | None, eos_idx: int | None
    ) -> None:
        self.embedding, self.rnn, self.head, self.bos_idx, self.eos_idx = embedding, rnn, head, bos_idx, eos_idx
        self._check_parts(type(self).__name__)

    def check_kinds(self, where: str) -> None:
        """Check that each part is of the right kind, and that bos_idx and eos_idx are ids of the embedding."""
        super().check_kinds(where)
        _checks.require_type(self.embedding, Embedding, "embedding", where)
        self.embedding.check_weights(where)
        bos_idx, eos_idx, count = self.bos_idx, self.eos_idx, len(self.embedding.vectors)
        for name, idx in (("bos_idx", bos_idx), ("eos_idx", eos_idx)):
            if idx is not None and not 0 <= _checks.integer(idx, name, where) < count:
                expected, fix = f"from 0 to {count - 1} (num_embeddings={count})", "Use an id of the embedding."
                _checks.fail(IndexError, where, name, expected, _checks.shown(idx), fix)
        if (bos_idx is None) != (eos_idx is None):
            got, fix = f"{bos_idx} and {eos_idx}", "Pass None for both if the text has no beginning and no end."
            _checks.fail(ValueError, where, "bos_idx and eos_idx", "two ids, or None for both", got, fix)
        if bos_idx == eos_idx and bos_idx is not None:
            fix = "Use two different ids."
            _checks.fail(ValueError, where, "bos_idx and eos_idx", "two different ids", f"{bos_idx} twice", fix)

    def _check_parts(self, where: str) -> None:
        super()._check_parts(where)
        head, count = self.head, len(self.embedding.vectors)
        if self.rnn.bidirectional:
            fix = "Create the RNN without bidirectional=True: a decoder can't read what it has yet to write."
            _checks.fail(ValueError, where, "rnn", "a network with one direction", "bidirectional=True", fix)
        if len(head.W_hy) != count:
            expected = f"a head with output_size={count}"
            fix = "Use output_size=num_embeddings: inputs and outputs share one vocabulary."
            _checks.fail(ValueError, where, "head", expected, f"output_size={len(head.W_hy)}", fix)

    def __call__(self, tokens: ArrayLike, lengths: ArrayLike | None = None, h_0: ArrayLike | None = None) -> Array:
        """Return the logits: see `forward`."""
        return self.forward(tokens, lengths, h_0).logits.copy()

    def forward(self, tokens: ArrayLike, lengths: ArrayLike | None = None, h_0: ArrayLike | None = None) -> ModelRun:
        """Read the true tokens, and keep what backward needs.

        Parameters
        ----------
        tokens : array_like of int, (batch, time) or (time,)
            Token ids, without ``<bos>`` and ``<eos>``.
        lengths : array_like of int, (batch,), or None
            The number of real tokens of each sequence.
        h_0 : array_like, (num_layers, batch, hidden_size) or (num_layers, hidden_size), or None
            The initial states: they can tell the decoder what to write about.

        Returns
        -------
        ModelRun
            ``.logits``, (batch, time + 1, output_size), ``.targets``, (batch, time + 1), and ``.lengths``, the tokens'
            lengths + 1. With ``bos_idx=None``, each of these is one step shorter than the tokens instead of one step
            longer; a length of 0 stays 0.
        """
        return self._forward(*self._check_inputs(tokens, lengths, h_0, f"{type(self).__name__}.forward", "tokens"))

    def _forward(self, tokens: Array, lengths: Array | None, h_0: Array | None) -> ModelRun:
        """`forward`, for inputs that have been checked."""
        inputs, targets, counts = shift(tokens, lengths, self.bos_idx, self.eos_idx)
        return self._run(inputs, counts, h_0, targets)

    def batch(self, tokens: Sequence[ArrayLike]) -> tuple[tuple[Array, Array], None]:
        """Turn unpadded examples into the arguments for `forward`. The model makes the targets itself."""
        return pad(tokens, "tokens", f"{type(self).__name__}.batch"), None

    def generate(
        self,
        prompt: ArrayLike | None = None,
        *,
        h_0: ArrayLike | None = None,
        max_length: int,
        temperature: float = 0.0,
        top_k: int | None = None,
        rng: RNG = None,
    ) -> tuple[Array, Any]:
        """Write sequences, choosing each token based on the tokens before it.

        Parameters
        ----------
        prompt : array_like of int, (batch, time) or (time,), or None
            Tokens to continue. None starts with ``<bos>`` alone.
        h_0 : array_like, (num_layers, batch, hidden_size) or (num_layers, hidden_size), or None
            The initial states.
        max_length : int
            The largest number of tokens to write.
        temperature : float
            0 always takes the most likely token (greedy). Above 0, a token is drawn from softmax(logits / temperature):
            1 draws from the model's own probabilities, and smaller values are closer to greedy.
        top_k : int or None
            Draw only from the k most likely tokens; None draws from all.
        rng : int, numpy.random.Generator or None
            A seed or a generator for the draws.

        Returns
        -------
        ids : numpy.ndarray of int64, (batch, longest) or, without a batch axis in prompt and h_0, (longest,)
            What was written, without the prompt; 0 after the end of a sequence.
        lengths : numpy.ndarray of int64, (batch,), or one int
            The number of tokens written. A sequence stops at ``<eos>``, which is left out.

        Raises
        ------
        ValueError
            If there is neither a ``<bos>`` nor a prompt to start with, or an argument is out of bounds.
        """
        return self._generate(prompt, h_0, max_length, temperature, top_k, rng, f"{type(self).__name__}.generate")

    def _generate(
        self, prompt: Any, h_0: Any, max_length: Any, temperature: Any, top_k: Any, rng: Any, where: str
    ) -> tuple[Array, Any]:
        """`generate`, with the name of the function to use in error messages."""
        max_length, temperature, rng = _checks.arguments(where, max_length=max_length, temperature=temperature, rng=rng)
        if top_k is not None:
            top_k = _checks.argument(top_k, "top_k", where)
        tokens, h, batched = self._beginning(prompt, h_0, where)
        running, written = np.ones(len(tokens), bool), []
        for _ in range(max_length):
            output, h = self.rnn(self.embedding(tokens), h)
            chosen = quietly(choose, self.head(output[:, -1:], h)[:, 0], temperature, top_k, rng)
            if self.eos_idx is not None:
                running &= chosen != self.eos_idx
            if not running.any():
                break
            written.append(np.where(running, chosen, -1))
            tokens = chosen[:, None]
        ids = np.stack(written, axis=1) if written else np.empty((len(tokens), 0), np.int64)  # (batch, longest)
        lengths = (ids >= 0).sum(axis=1)
        ids = np.maximum(ids, 0)
        return (ids, lengths) if batched else (ids[0], int(lengths[0]))

    def _beginning(self, prompt: Any, h_0: Any, where: str) -> tuple[Array, Array | None, bool]:
        """The tokens to read first, (batch, time); the initial states; and whether there is a batch axis."""
        self._check_parts(where)
        sizes = self.rnn.check_cells(where)
        if prompt is not None:
            tokens, _, prompt_sizes = zero_padding_ids(self.embedding, prompt, None, "prompt", where, "lengths")
            sizes["batch"] = prompt_sizes["batch"]
        h_0 = self.rnn.check_state(h_0, sizes, where)
        batch = sizes.get("batch")
        if prompt is None:
            tokens = np.empty((batch, 0) if batch is not None else 0, np.int64)
        if self.bos_idx is not None:
            tokens = np.insert(tokens, 0, self.bos_idx, axis=-1)
        if not tokens.shape[-1]:
            fix = "Pass at least one token to start with: this decoder has no <bos>."
            _checks.fail(ValueError, where, "prompt", "at least one token", "none", fix)
        if batch is not None:
            return tokens, h_0, True
        return tokens[None], None if h_0 is None else h_0[:, None], False


def choose(logits: Array, temperature: float, top_k: int | None, rng: np.random.Generator) -> Array:
    """One token for each row of logits, (batch, classes) -> (batch,): the most likely one, or a draw.

    With Gumbel noise, the largest of ``logits / temperature + noise`` is a draw from softmax(logits / temperature)
    (Maddison, Tarlow and Minka 2014, "A* Sampling", https://arxiv.org/abs/1411.0030). So is the largest of ``logits +
    temperature * noise``, in which a temperature of 0 gives the greedy choice.
    """
    logits = logits.astype(np.float64)  # float32 can't hold every temperature
    if top_k is not None:
        order = np.argsort(-logits, axis=-1, kind="stable")  # if two logits are equal, the first is kept, as in argmax
        np.put_along_axis(logits, order[:, top_k:], -np.inf, axis=-1)
    noise = rng.gumbel(size=logits.shape) if temperature else 0.0
    # The first form for temperatures above 1, the second for those below: neither can overflow.
    chosen: Array = np.argmax(logits / max(temperature, 1.0) + min(temperature, 1.0) * noise, axis=-1)
    return chosen


def pad_inputs(
    inputs: Sequence[ArrayLike], rnn: RNN, embedding: Embedding | None, name: str, where: str
) -> tuple[Array, Array]:
    """Pad sequences; an empty sequence of vectors has as many features as the RNN reads."""
    return pad(inputs, name, where, like=np.empty((0, rnn.input_size), rnn.dtype) if embedding is None else None)


def check_fits_embedding(rnn: RNN, embedding: Embedding | None, name: str, where: str) -> None:
    """Refuse an RNN that can't read the embedding's vectors."""
    if embedding is None:
        return
    embedding.check_weights(where)
    expected, got = (embedding.vectors.shape[1], embedding.vectors.dtype), (rnn.input_size, rnn.dtype)
    if got != expected:
        text = "a network with input_size={} and dtype={}"
        fix = "Create the RNN with input_size=embedding_dim and the dtype of the embedding."
        _checks.fail(ValueError, where, name, text.format(*expected), text.format(*got), fix)
