"""Models that tell a decoder what to write: with a vector (one-to-many), or with a sequence (encoder-decoder)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from vanilla_rnn import _checks
from vanilla_rnn._calls import explained
from vanilla_rnn._module import Module, Run, as_rows, canonical_paths, merge_gradients, quietly, unchecked
from vanilla_rnn.embedding import Embedding, EmbeddingRun
from vanilla_rnn.models import Decoder, ModelRun, check_fits_embedding, pad_inputs, zero_padding_ids
from vanilla_rnn.rnn import RNN, RNNRun
from vanilla_rnn.vocab import pad

if TYPE_CHECKING:
    from vanilla_rnn._types import RNG, Array, ArrayLike, Sequence

LAYOUTS = {"W_ch": "num_layers*hidden_size context_size", "b_c": "num_layers*hidden_size"}


def initial_state(c: Array, W_ch: Array, b_c: Array, num_layers: int) -> Array:
    """``h_0 = tanh(W_ch c + b_c)``, (batch, context_size) -> (num_layers, batch, hidden)."""
    h = np.tanh(c @ W_ch.T + b_c)  # (batch, num_layers * hidden)
    h = h.reshape(*h.shape[:-1], num_layers, len(W_ch) // num_layers)  # (batch, num_layers, hidden)
    return np.moveaxis(h, -2, 0)


def initial_state_backward(d_h_0: Array, c: Array, h_0: Array, W_ch: Array) -> tuple[Array, Array, Array]:
    """``d_a = d_h_0 (1 - h_0^2)``, ``d_c = W_ch^T d_a``, ``d_W_ch = d_a c^T`` and ``d_b_c = d_a``."""
    d_a = np.moveaxis(d_h_0 * (1.0 - h_0 * h_0), 0, -2)  # (batch, num_layers, hidden)
    d_a = d_a.reshape(*d_a.shape[:-2], len(W_ch))  # (batch, num_layers * hidden)
    return d_a @ W_ch, as_rows(d_a).T @ as_rows(c), as_rows(d_a).sum(axis=0)


class OneToMany(Module):
    """A sequence from one vector: the caption of an image, the melody that continues a note.

    ``h_0 = tanh(W_ch c + b_c)`` is the decoder's initial state.

    Parameters
    ----------
    context_size : int
        The number of values in the vector c.
    decoder : Decoder
        Writes the sequence.
    rng : int, numpy.random.Generator or None
        A seed or a generator for the initial weights, from U(-k, k) with k = 1/sqrt(context_size).

    Attributes
    ----------
    W_ch : numpy.ndarray, (num_layers * hidden_size, context_size)
        The weights from the context to the state of every layer, the bottom layer first.
    b_c : numpy.ndarray, (num_layers * hidden_size,)
        The bias.

    Examples
    --------
    >>> from vanilla_rnn import Embedding, ManyToManyHead
    >>> parts = RNN(2, 3, rng=0), ManyToManyHead(3, 10, rng=1), Embedding(10, 2, rng=2)
    >>> model = OneToMany(context_size=4, decoder=Decoder(*parts, bos_idx=2, eos_idx=3), rng=3)
    >>> run = model.forward([0.0, 1.0, 0.0, 1.0], tokens=[7, 8, 9])
    >>> run.logits.shape  # for 7, 8, 9 and <eos>
    (4, 10)
    """

    columns: ClassVar[tuple[str, ...]] = ("context", "tokens")
    W_ch: Array
    b_c: Array
    decoder: Decoder
    __slots__ = ("W_ch", "b_c", "decoder")

    @explained
    def __init__(self, context_size: int, decoder: Decoder, *, rng: RNG = None) -> None:
        where = type(self).__name__
        context_size, generator = _checks.arguments(where, context_size=context_size, rng=rng)
        self.decoder = decoder
        self._check_decoder(where)
        bound = 1.0 / np.sqrt(context_size)
        states = decoder.rnn.num_layers * decoder.rnn.hidden_size
        self.W_ch = generator.uniform(-bound, bound, (states, context_size)).astype(decoder.rnn.dtype)
        self.b_c = generator.uniform(-bound, bound, states).astype(decoder.rnn.dtype)

    def __call__(self, context: ArrayLike, tokens: ArrayLike, lengths: ArrayLike | None = None) -> Array:
        """Return the logits: see `forward`."""
        return self.forward(context, tokens, lengths).logits.copy()

    def forward(self, context: ArrayLike, tokens: ArrayLike, lengths: ArrayLike | None = None) -> OneToManyRun:
        """Start with the context, read the true tokens, and keep what backward needs.

        Parameters
        ----------
        context : array_like, (batch, context_size) or (context_size,)
            What the sequences are about.
        tokens, lengths
            As in `Decoder.forward`.

        Returns
        -------
        OneToManyRun
            ``.logits``, ``.targets`` and ``.lengths`` of the decoder's run.
        """
        where = f"{type(self).__name__}.forward"
        self._check_decoder(where)
        ids, counts, sizes = zero_padding_ids(self.decoder.embedding, tokens, lengths, "tokens", where, "lengths")
        c, h_0 = self._start(context, {"batch": sizes["batch"]}, where)
        decoder_run = unchecked(self.decoder, Decoder, "forward")(ids, counts, h_0)
        return OneToManyRun(canonical_paths(self), c, h_0, self.W_ch.copy(), decoder_run)

    def generate(
        self,
        context: ArrayLike,
        *,
        max_length: int,
        temperature: float = 0.0,
        top_k: int | None = None,
        rng: RNG = None,
    ) -> tuple[Array, Any]:
        """Write a sequence for each context: see `Decoder.generate`."""
        where = f"{type(self).__name__}.generate"
        self._check_decoder(where)
        _, h_0 = self._start(context, {}, where)
        return _generate(self.decoder, h_0, max_length, temperature, top_k, rng, where)

    def batch(
        self, contexts: Sequence[ArrayLike], tokens: Sequence[ArrayLike]
    ) -> tuple[tuple[Array, Array, Array], None]:
        """Turn unpadded examples into the arguments for `forward`. The model makes the targets itself."""
        where = f"{type(self).__name__}.batch"
        _checks.iterable(contexts, "contexts", where, "Pass a list of vectors.")
        return (_checks.array(list(contexts), "contexts", where), *pad(tokens, "tokens", where)), None

    def _check_decoder(self, where: str) -> None:
        """Check the decoder and its parts, which can be replaced at any time."""
        _checks.require_type(self.decoder, Decoder, "decoder", where)
        self.decoder.check_kinds(where)
        self.decoder.rnn.check_cells(where)

    def _start(self, context: ArrayLike, sizes: dict[str, Any], where: str) -> tuple[Array, Array]:
        """Check the context; return a copy of it, and the initial state for it."""
        rnn = self.decoder.rnn
        sizes = sizes | _checks.weights({"W_ch": self.W_ch, "b_c": self.b_c}, LAYOUTS, where)
        if (len(self.W_ch), self.W_ch.dtype) != (states := rnn.num_layers * rnn.hidden_size, rnn.dtype):
            expected = f"{states} rows of {rnn.dtype}, for the states of the decoder"
            fix = "Assign in place: W_ch[...] = new."
            _checks.fail(ValueError, where, "W_ch", expected, _checks.shown(self.W_ch), fix)
        fix = "Pass one vector of context_size numbers for each sequence."
        c = _checks.tensor(context, "context", "[batch] context_size", sizes, where, self.W_ch.dtype, fix).copy()
        h_0 = quietly(initial_state, c, self.W_ch, self.b_c, rnn.num_layers)
        _checks.finite(h_0, "h_0", where, "Use smaller weights W_ch or contexts: the sum has overflowed.")
        return c, h_0

    def _signature(self) -> str:
        return f"{type(self).__name__}({self.W_ch.shape[1]}, decoder)"


def _generate(
    decoder: Decoder, h_0: Array, max_length: int, temperature: float, top_k: int | None, rng: RNG, where: str
) -> tuple[Array, Any]:
    """`Decoder.generate` from given initial states, or a subclass's override of it."""
    if type(decoder).generate is not Decoder.generate:
        return decoder.generate(h_0=h_0, max_length=max_length, temperature=temperature, top_k=top_k, rng=rng)
    return decoder._generate(None, h_0, max_length, temperature, top_k, rng, where)


class OneToManyGradients(NamedTuple):
    """What `OneToManyRun.backward` returns."""

    d_context: Array  #: dL/dcontext, (batch, context_size)
    d_parameters: dict[str, Array]  #: dL/dW, under the keys of ``model.parameters()``


class OneToManyRun(Run):
    """What one forward pass of a `OneToMany` computed.

    Attributes
    ----------
    logits, targets, lengths
        Those of the decoder's run.
    decoder_run : ModelRun
        The run of the decoder.
    """

    __slots__ = ("_W_ch", "_context", "_h_0", "_paths", "decoder_run", "lengths", "logits", "targets")

    def __init__(self, paths: dict[str, str], context: Array, h_0: Array, W_ch: Array, decoder_run: ModelRun) -> None:
        self._paths, self._context, self._h_0, self._W_ch, self.decoder_run = paths, context, h_0, W_ch, decoder_run
        self.logits, self.lengths, self.targets = decoder_run.logits, decoder_run.lengths, decoder_run.targets
        self._freeze()

    def backward(self, d_logits: ArrayLike) -> OneToManyGradients:
        """Propagate a gradient back through the decoder and into the context.

        Parameters
        ----------
        d_logits : array_like of the logits' shape
            dL/dlogits. Values beyond a sequence's length are ignored.

        Returns
        -------
        OneToManyGradients
            ``(d_context, d_parameters)``.
        """
        where = f"{type(self).__name__}.backward"
        d_logits = _checks.gradient(d_logits, self.logits, "d_logits", where, self.lengths)
        _, d_h_0, d_decoder = unchecked(self.decoder_run, ModelRun, "backward")(d_logits)
        d_context, d_W_ch, d_b_c = quietly(initial_state_backward, d_h_0, self._context, self._h_0, self._W_ch)
        parts = {"": {"W_ch": d_W_ch, "b_c": d_b_c}, "decoder": d_decoder}
        return OneToManyGradients(d_context, merge_gradients(self._paths, parts))


class EncoderDecoder(Module):
    """A sequence from another sequence, whose length may differ, as in translation.

    The encoder reads the source. Its final states are the decoder's initial states.

    Parameters
    ----------
    encoder : RNN
        Reads the source. It has one direction, and as many layers and units as the decoder's RNN.
    decoder : Decoder
        Writes the target sequence.
    embedding : Embedding or None
        Turns the source's token ids into the encoder's inputs; without one, the source consists of vectors.

    Examples
    --------
    >>> from vanilla_rnn import Embedding, ManyToManyHead
    >>> parts = RNN(2, 3, rng=0), ManyToManyHead(3, 10, rng=1), Embedding(10, 2, rng=2)
    >>> decoder = Decoder(*parts, bos_idx=2, eos_idx=3)
    >>> model = EncoderDecoder(RNN(2, 3, rng=3), decoder, embedding=Embedding(20, 2, rng=4))
    >>> model([11, 12, 13, 14, 15], tokens=[7, 8]).shape  # it reads five tokens; logits for 7, 8 and <eos>
    (3, 10)
    """

    columns: ClassVar[tuple[str, ...]] = ("source", "tokens")
    embedding: Embedding | None
    encoder: RNN
    decoder: Decoder
    __slots__ = ("embedding", "encoder", "decoder")  # noqa: RUF023  # the order of parameters()

    @explained
    def __init__(self, encoder: RNN, decoder: Decoder, *, embedding: Embedding | None = None) -> None:
        self.embedding, self.encoder, self.decoder = embedding, encoder, decoder
        self._check_parts(type(self).__name__)

    def _check_parts(self, where: str) -> None:
        """Check that the parts fit each other. They, and their weights, can be replaced at any time."""
        _checks.require_type(self.encoder, RNN, "encoder", where)
        _checks.require_type(self.decoder, Decoder, "decoder", where)
        self.decoder.check_kinds(where)
        if self.embedding is not None:
            _checks.require_type(self.embedding, Embedding, "embedding", where)
        rnns = self.encoder, self.decoder.rnn
        for rnn in rnns:
            rnn.check_cells(where)
        check_fits_embedding(self.encoder, self.embedding, "encoder", where)
        got, expected = ((rnn.num_layers, rnn.directions, rnn.hidden_size, rnn.dtype) for rnn in rnns)
        if got != expected:
            text = "a network with num_layers={}, directions={}, hidden_size={}, dtype={}"
            fix = "Create it like the decoder's RNN: its h_n is the decoder's h_0."
            _checks.fail(ValueError, where, "encoder", text.format(*expected), text.format(*got), fix)

    def __call__(
        self,
        source: ArrayLike,
        tokens: ArrayLike,
        source_lengths: ArrayLike | None = None,
        lengths: ArrayLike | None = None,
    ) -> Array:
        """Return the logits: see `forward`."""
        return self.forward(source, tokens, source_lengths, lengths).logits.copy()

    def forward(
        self,
        source: ArrayLike,
        tokens: ArrayLike,
        source_lengths: ArrayLike | None = None,
        lengths: ArrayLike | None = None,
    ) -> EncoderDecoderRun:
        """Read the source, then the true tokens, and keep what backward needs.

        Parameters
        ----------
        source : array_like
            With an embedding, token ids: (batch, source time) or (source time,). Without one, vectors, with
            input_size numbers on the last axis.
        tokens, lengths
            As in `Decoder.forward`.
        source_lengths : array_like of int, (batch,), or None
            The number of real steps of each source.

        Returns
        -------
        EncoderDecoderRun
            ``.logits``, ``.targets`` and ``.lengths`` of the decoder's run.
        """
        where = f"{type(self).__name__}.forward"
        self._check_parts(where)
        ids, counts, sizes = zero_padding_ids(self.decoder.embedding, tokens, lengths, "tokens", where, "lengths")
        embedding_run, encoder_run = self._encode(source, source_lengths, where, "source_lengths")
        if (source_batch := encoder_run.h_n.shape[1] if encoder_run.h_n.ndim == 3 else None) != sizes["batch"]:
            expected, got = ("one sequence" if n is None else f"a batch of {n}" for n in (sizes["batch"], source_batch))
            _checks.fail(ValueError, where, "source", f"{expected}, like tokens", got, "Give both the same batch axis.")
        decoder_run = unchecked(self.decoder, Decoder, "forward")(ids, counts, encoder_run.h_n)
        return EncoderDecoderRun(canonical_paths(self), embedding_run, encoder_run, decoder_run)

    def _encode(
        self, source: ArrayLike, lengths: ArrayLike | None, where: str, lengths_name: str
    ) -> tuple[EmbeddingRun | None, RNNRun]:
        """Check the source and read it."""
        if self.embedding is None:
            vectors, _, counts = self.encoder.check_inputs(source, None, lengths, where, "source", lengths_name)
            embedding_run = None
        else:
            ids, counts, _ = zero_padding_ids(self.embedding, source, lengths, "source", where, lengths_name)
            embedding_run = unchecked(self.embedding, Embedding, "forward")(ids)
            vectors = embedding_run.vectors
        return embedding_run, unchecked(self.encoder, RNN, "forward")(vectors, None, counts)

    def generate(
        self,
        source: ArrayLike,
        lengths: ArrayLike | None = None,
        *,
        max_length: int,
        temperature: float = 0.0,
        top_k: int | None = None,
        rng: RNG = None,
    ) -> tuple[Array, Any]:
        """Write a sequence for each source: see `Decoder.generate`. ``lengths`` are the lengths of the sources."""
        where = f"{type(self).__name__}.generate"
        self._check_parts(where)
        _, encoder_run = self._encode(source, lengths, where, "lengths")
        return _generate(self.decoder, encoder_run.h_n, max_length, temperature, top_k, rng, where)

    def batch(
        self, source: Sequence[ArrayLike], tokens: Sequence[ArrayLike]
    ) -> tuple[tuple[Array, Array, Array, Array], None]:
        """Turn unpadded examples into the arguments for `forward`. The model makes the targets itself."""
        where = f"{type(self).__name__}.batch"
        padded, source_lengths = pad_inputs(source, self.encoder, self.embedding, "source", where)
        padded_tokens, lengths = pad(tokens, "tokens", where)
        return (padded, padded_tokens, source_lengths, lengths), None


class EncoderDecoderGradients(NamedTuple):
    """What `EncoderDecoderRun.backward` returns."""

    d_source: Array | None  #: dL/dsource, of the source's shape; None for token ids
    d_parameters: dict[str, Array]  #: dL/dW, under the keys of ``model.parameters()``


class EncoderDecoderRun(Run):
    """What one forward pass of an `EncoderDecoder` computed.

    Attributes
    ----------
    logits, targets, lengths
        Those of the decoder's run.
    embedding_run : EmbeddingRun or None
        The run of the source's embedding.
    encoder_run : RNNRun
        The run of the encoder.
    decoder_run : ModelRun
        The run of the decoder.
    """

    __slots__ = ("_paths", "decoder_run", "embedding_run", "encoder_run", "lengths", "logits", "targets")

    def __init__(
        self, paths: dict[str, str], embedding_run: EmbeddingRun | None, encoder_run: RNNRun, decoder_run: ModelRun
    ) -> None:
        self._paths, self.embedding_run = paths, embedding_run
        self.encoder_run, self.decoder_run = encoder_run, decoder_run
        self.logits, self.lengths, self.targets = decoder_run.logits, decoder_run.lengths, decoder_run.targets
        self._freeze()

    def backward(self, d_logits: ArrayLike) -> EncoderDecoderGradients:
        """Propagate a gradient back through the decoder, and through its initial states into the encoder.

        Parameters
        ----------
        d_logits : array_like of the logits' shape
            dL/dlogits. Values beyond a sequence's length are ignored.

        Returns
        -------
        EncoderDecoderGradients
            ``(d_source, d_parameters)``.
        """
        where = f"{type(self).__name__}.backward"
        d_logits = _checks.gradient(d_logits, self.logits, "d_logits", where, self.lengths)
        _, d_h_0, d_decoder = unchecked(self.decoder_run, ModelRun, "backward")(d_logits)
        # The decoder's h_0 is the encoder's h_n.
        d_x, _, _, d_encoder = unchecked(self.encoder_run, RNNRun, "backward")(None, d_h_0)
        parts = {"encoder": d_encoder, "decoder": d_decoder}
        if self.embedding_run is None:
            return EncoderDecoderGradients(d_x, merge_gradients(self._paths, parts))
        d_embedding = unchecked(self.embedding_run, EmbeddingRun, "backward")(d_x).d_parameters
        return EncoderDecoderGradients(None, merge_gradients(self._paths, {"embedding": d_embedding} | parts))
