"""Models in which a decoder is told what to write: by a vector (one-to-many), or by a sequence (encoder-decoder)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np

from vanilla_rnn import _checks
from vanilla_rnn._parameters import Module, add_gradients, own_paths
from vanilla_rnn.decoder import Decoder, DecoderRun
from vanilla_rnn.models import back_to_ids, fits_embedding, look_up, made_of
from vanilla_rnn.rnn import RNN
from vanilla_rnn.vocab import pad_sequences

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from vanilla_rnn._checks import RNG, Array
    from vanilla_rnn.decoder import DecoderGradients
    from vanilla_rnn.embedding import Embedded, Embedding
    from vanilla_rnn.unrolled import RNNGradients, Unrolled


class _OneToManyGradients(NamedTuple):
    d_context: Array  #: dL/d_context, (batch, context_size)
    d_parameters: dict[str, Array]  #: dL/dW by the keys of ``model.parameters()``


class OneToManyGradients(_OneToManyGradients):
    """What `OneToManyRun.backward` gives; beside the two, as an attribute, what the decoder's record gave."""

    decoded: DecoderGradients  #: what ``OneToManyRun.decoded`` gave


class OneToManyRun:
    """What one forward of a `OneToMany` did: the decoder's record, and how its h_0 came about.

    Attributes
    ----------
    logits, targets, lengths
        Those of the decoder's record.
    decoded : DecoderRun
        The decoder's record.
    run : Unrolled
        The record of the decoder's RNN.
    """

    def __init__(self, model: OneToMany, context: Array, h_0: Array, decoded: DecoderRun) -> None:
        self._paths, self._context, self._h_0, self.decoded = own_paths(model), context, h_0, decoded
        self._W_ch, self.run = model.W_ch.copy(), decoded.run
        self.logits, self.lengths, self.targets = decoded.logits, decoded.lengths, decoded.targets

    def backward(self, d_logits: ArrayLike) -> OneToManyGradients:
        """Carry a gradient back through the decoder and into the context.

        Parameters
        ----------
        d_logits : array_like of the logits' shape
            dL/d_logits.

        Returns
        -------
        OneToManyGradients
            ``(d_context, d_parameters)``.

        Raises
        ------
        ValueError
            If the shape isn't that of the logits or a number isn't finite.
        """
        decoded = self.decoded.backward(d_logits)
        d_h_0 = np.moveaxis(decoded.d_h_0, 0, -2).reshape(self._h_0.shape)  # (batch, num_layers * hidden)
        d_a = d_h_0 * (1.0 - self._h_0 * self._h_0)
        rows, contexts = (values.reshape(-1, values.shape[-1]) for values in (d_a, self._context))
        own = {"W_ch": rows.T @ contexts, "b_c": rows.sum(axis=0)}
        parts = {"": own, "decoder": decoded.d_parameters}
        gradients = OneToManyGradients(d_a @ self._W_ch, add_gradients(self._paths, parts))
        gradients.decoded = decoded
        return gradients


class OneToMany(Module):
    """A sequence out of one vector: the caption of an image, the melody that goes on from a note.

    ``h_0 = tanh(W_ch c + b_c)``, from which the decoder writes

    Parameters
    ----------
    context_size : int
        How many numbers make the vector c.
    decoder : Decoder
        Writes the sequence.
    rng : int, numpy.random.Generator or None
        For the initial weights, from U(-k, k) with k = 1/sqrt(context_size).

    Attributes
    ----------
    W_ch : numpy.ndarray, (num_layers * hidden_size, context_size)
        From the context to the state of every layer, the bottom one first.
    b_c : numpy.ndarray, (num_layers * hidden_size,)
        The bias.

    Examples
    --------
    >>> from vanilla_rnn import Embedding, ManyToManyHead
    >>> decoder = Decoder(RNN(2, 3, rng=0), ManyToManyHead(3, 10, rng=1), Embedding(10, 2, rng=2))
    >>> model = OneToMany(context_size=4, decoder=decoder, rng=3)
    >>> run = model.forward([0.0, 1.0, 0.0, 1.0], tokens=[7, 8, 9])
    >>> run.logits.shape  # of 7, 8, 9 and <eos>
    (4, 10)
    """

    columns: ClassVar[tuple[str, ...]] = ("context", "tokens")

    def __init__(self, context_size: int, decoder: Decoder, *, rng: RNG = None) -> None:
        context_size = _checks.size(context_size, "context_size", "OneToMany")
        made_of(decoder, Decoder, "decoder", "OneToMany")
        rng = _checks.generator(rng, "OneToMany")
        bound = 1.0 / np.sqrt(context_size)
        states = decoder.rnn.num_layers * decoder.rnn.hidden_size
        self.W_ch = rng.uniform(-bound, bound, (states, context_size)).astype(decoder.rnn.dtype)
        self.b_c = rng.uniform(-bound, bound, states).astype(decoder.rnn.dtype)
        self.decoder = decoder

    def __call__(self, context: ArrayLike, tokens: ArrayLike, lengths: ArrayLike | None = None) -> Array:
        """The logits: see `forward`."""
        return self.forward(context, tokens, lengths).logits.copy()

    def forward(self, context: ArrayLike, tokens: ArrayLike, lengths: ArrayLike | None = None) -> OneToManyRun:
        """Begin with the context, read the true tokens, and remember it.

        Parameters
        ----------
        context : array_like, (batch, context_size) or (context_size,)
            What the sequences are about.
        tokens, lengths
            As in `Decoder.forward`.

        Returns
        -------
        OneToManyRun
            ``.logits``, ``.targets`` and ``.lengths`` as of a `DecoderRun`.

        Raises
        ------
        TypeError, ValueError, IndexError
            If the context's shape or numbers aren't as said, or as `Decoder.forward` does.
        """
        context, states = self._begin(context, "OneToMany.forward")
        return OneToManyRun(self, context, states, self.decoder.forward(tokens, lengths, self._by_layer(states)))

    def generate(
        self, context: ArrayLike, *, max_length: int, temperature: float = 0.0, rng: RNG = None
    ) -> tuple[Array, Array]:
        """Write a sequence for each context: see `Decoder.generate`."""
        _, states = self._begin(context, "OneToMany.generate")
        h_0 = self._by_layer(states)
        return self.decoder.generate(h_0=h_0, max_length=max_length, temperature=temperature, rng=rng)

    def batch(
        self, contexts: Sequence[ArrayLike], tokens: Sequence[ArrayLike]
    ) -> tuple[tuple[Array, Array, Array], None]:
        """`forward`'s arguments, out of unpadded examples; it makes the labels itself."""
        return (_checks.array(list(contexts), "contexts", "OneToMany.batch"), *pad_sequences(tokens)), None

    def _begin(self, context: ArrayLike, where: str) -> tuple[Array, Array]:
        """A copy of the context, and the states it makes, (batch, num_layers * hidden)."""
        layouts = {"W_ch": ("num_layers * hidden_size", "context_size"), "b_c": ("num_layers * hidden_size",)}
        _checks.weights({"W_ch": self.W_ch, "b_c": self.b_c}, layouts, where)
        context = _checks.floats(context, "context", where, self.W_ch.dtype).copy()
        _checks.axes(context, {2: "(batch, context_size)", 1: "(context_size,)"}, "context", where)
        _checks.last_axis(context, self.W_ch.shape[1], "context_size", "context", where, "It is what c is made of.")
        _checks.finite(context, "context", where)
        return context, np.tanh(context @ self.W_ch.T + self.b_c)

    def _by_layer(self, states: Array) -> Array:
        """(batch, num_layers * hidden) -> (num_layers, batch, hidden), as an RNN takes h_0."""
        rnn = self.decoder.rnn
        return np.moveaxis(states.reshape(*states.shape[:-1], rnn.num_layers, rnn.hidden_size), -2, 0)

    def _signature(self) -> str:
        return f"OneToMany({self.W_ch.shape[1]}, decoder)"


class _EncoderDecoderGradients(NamedTuple):
    d_source: Array | None  #: dL/d_source, of the source's shape; None of token ids
    d_parameters: dict[str, Array]  #: dL/dW by the keys of ``model.parameters()``


class EncoderDecoderGradients(_EncoderDecoderGradients):
    """What `EncoderDecoderRun.backward` gives; beside the two, as attributes, what its records gave."""

    encoded: RNNGradients  #: what ``EncoderDecoderRun.encoded`` gave
    decoded: DecoderGradients  #: what ``EncoderDecoderRun.decoded`` gave


class EncoderDecoderRun:
    """What one forward of an `EncoderDecoder` did: the records of its parts.

    Attributes
    ----------
    logits, targets, lengths
        Those of the decoder's record.
    embedded : Embedded or None
        The record of the source's embedding.
    encoded : Unrolled
        The encoder's record.
    decoded : DecoderRun
        The decoder's record.
    """

    def __init__(
        self, model: EncoderDecoder, embedded: Embedded | None, encoded: Unrolled, decoded: DecoderRun
    ) -> None:
        self._paths, self.embedded, self.encoded, self.decoded = own_paths(model), embedded, encoded, decoded
        self.logits, self.lengths, self.targets = decoded.logits, decoded.lengths, decoded.targets

    def backward(self, d_logits: ArrayLike) -> EncoderDecoderGradients:
        """Carry a gradient back through the decoder, and through the states it began with into the encoder.

        Parameters
        ----------
        d_logits : array_like of the logits' shape
            dL/d_logits.

        Returns
        -------
        EncoderDecoderGradients
            ``(d_source, d_parameters)``.

        Raises
        ------
        ValueError
            If the shape isn't that of the logits or a number isn't finite.
        """
        decoded = self.decoded.backward(d_logits)
        encoded = self.encoded.backward(d_h_n=decoded.d_h_0)  # the decoder's h_0 is the encoder's h_n
        d_source, parts = back_to_ids(self.embedded, encoded.d_x)
        parts |= {"encoder": encoded.d_parameters, "decoder": decoded.d_parameters}
        gradients = EncoderDecoderGradients(d_source, add_gradients(self._paths, parts))
        gradients.encoded, gradients.decoded = encoded, decoded
        return gradients


class EncoderDecoder(Module):
    """A sequence out of a sequence of any other length: translation.

    The encoder reads the source and hands its final states to the decoder, which writes from them.

    Parameters
    ----------
    encoder : RNN
        Reads the source; of one direction, with as many layers and units as the decoder's RNN.
    decoder : Decoder
        Writes the answer.
    embedding : Embedding or None
        Turns the source's token ids into the encoder's inputs; without one the source is vectors already.

    Examples
    --------
    >>> from vanilla_rnn import Embedding, ManyToManyHead
    >>> decoder = Decoder(RNN(2, 3, rng=0), ManyToManyHead(3, 10, rng=1), Embedding(10, 2, rng=2))
    >>> model = EncoderDecoder(RNN(2, 3, rng=3), decoder, embedding=Embedding(20, 2, rng=4))
    >>> model([11, 12, 13, 14, 15], tokens=[7, 8]).shape  # five tokens read; of 7, 8 and <eos>
    (3, 10)
    """

    columns: ClassVar[tuple[str, ...]] = ("source", "tokens")

    def __init__(self, encoder: RNN, decoder: Decoder, *, embedding: Embedding | None = None) -> None:
        where = "EncoderDecoder"
        made_of(encoder, RNN, "encoder", where)
        made_of(decoder, Decoder, "decoder", where)
        fits_embedding(encoder, embedding, "encoder", where)
        got, expected = (
            (rnn.num_layers, rnn.directions, rnn.hidden_size, str(rnn.dtype)) for rnn in (encoder, decoder.rnn)
        )
        if got != expected:
            text = f"like the decoder's RNN, (layers, directions, hidden_size, dtype) = {expected}"
            _checks.refuse(ValueError, where, "encoder", text, str(got), "Its h_n becomes the decoder's h_0.")
        self.embedding, self.encoder, self.decoder = embedding, encoder, decoder

    def __call__(
        self,
        source: ArrayLike,
        tokens: ArrayLike,
        source_lengths: ArrayLike | None = None,
        lengths: ArrayLike | None = None,
    ) -> Array:
        """The logits: see `forward`."""
        return self.forward(source, tokens, source_lengths, lengths).logits.copy()

    def forward(
        self,
        source: ArrayLike,
        tokens: ArrayLike,
        source_lengths: ArrayLike | None = None,
        lengths: ArrayLike | None = None,
    ) -> EncoderDecoderRun:
        """Read the source, then the true tokens, and remember it.

        Parameters
        ----------
        source : array_like
            With an embedding, token ids: (batch, source time) or (source time,). Without, vectors, with the axis
            input_size behind.
        tokens, lengths
            As in `Decoder.forward`.
        source_lengths : array_like of int, (batch,), or None
            How many steps of each row of the source are real.

        Returns
        -------
        EncoderDecoderRun
            ``.logits``, ``.targets`` and ``.lengths`` as of a `DecoderRun`.

        Raises
        ------
        TypeError, ValueError, IndexError
            As the `forward` of embedding, RNN and `Decoder` do.
        """
        embedded, vectors = look_up(self.embedding, source, source_lengths, "EncoderDecoder.forward")
        encoded = self.encoder.forward(vectors, lengths=source_lengths)
        return EncoderDecoderRun(self, embedded, encoded, self.decoder.forward(tokens, lengths, encoded.h_n))

    def generate(
        self,
        source: ArrayLike,
        lengths: ArrayLike | None = None,
        *,
        max_length: int,
        temperature: float = 0.0,
        rng: RNG = None,
    ) -> tuple[Array, Array]:
        """Write a sequence for each source, of which ``lengths`` steps are real: see `Decoder.generate`."""
        _, vectors = look_up(self.embedding, source, lengths, "EncoderDecoder.generate")
        _, h_0 = self.encoder(vectors, lengths=lengths)
        return self.decoder.generate(h_0=h_0, max_length=max_length, temperature=temperature, rng=rng)

    def batch(
        self, source: Sequence[ArrayLike], tokens: Sequence[ArrayLike]
    ) -> tuple[tuple[Array, Array, Array, Array], None]:
        """`forward`'s arguments, out of unpadded examples; it makes the labels itself."""
        (padded, source_lengths), (padded_tokens, lengths) = pad_sequences(source), pad_sequences(tokens)
        return (padded, padded_tokens, source_lengths, lengths), None

    def _signature(self) -> str:
        return "EncoderDecoder"
