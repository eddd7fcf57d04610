"""A model that writes a sequence, on from its beginning or from a state that says what it is to be about.

The shift by one step is its own business: it reads ``<bos>`` and the tokens, and should answer the tokens and
``<eos>``. Its record says what the answers are (``targets``) and which of them count (``lengths``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple, cast

import numpy as np

from vanilla_rnn import _checks
from vanilla_rnn.embedding import Embedded, Embedding
from vanilla_rnn.heads import ManyToManyHead
from vanilla_rnn.models import Chain, ModelRun, made_of, real_ids
from vanilla_rnn.vocab import pad_sequences

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from vanilla_rnn._checks import RNG, Array
    from vanilla_rnn.rnn import RNN
    from vanilla_rnn.unrolled import RNNGradients, Unrolled


class _DecoderGradients(NamedTuple):
    d_h_0: Array  #: dL/dh_0, (num_layers, batch, hidden_size)
    d_parameters: dict[str, Array]  #: dL/dW by the keys of ``decoder.parameters()``


class DecoderGradients(_DecoderGradients):
    """What `DecoderRun.backward` gives; beside the two, as an attribute, what the RNN's record gave."""

    run: RNNGradients  #: what ``DecoderRun.run`` gave


class DecoderRun(ModelRun):
    """What one forward of a `Decoder` did: its answers, and what they should be.

    Attributes
    ----------
    logits : numpy.ndarray, (batch, time + 1, output_size)
        The answer at every step; with ``bos_idx=None`` there is one step less than there are tokens, not one more.
    targets : numpy.ndarray of int, (batch, time + 1)
        What the answers should be.
    lengths : numpy.ndarray of int, (batch,), or None
        How many steps of each row count; None where all do.
    h_n : numpy.ndarray, (num_layers, batch, hidden_size)
        The final states, from which the next piece of a long sequence goes on.
    embedded, run, reading
        The records of embedding, RNN and head, as in a `ModelRun`.
    """

    targets: Array  # type: ignore[assignment]  # a ModelRun has none

    def __init__(
        self, model: Chain, embedded: Embedded | None, run: Unrolled, lengths: Array | None, targets: Array
    ) -> None:
        super().__init__(model, embedded, run, lengths)
        self.targets, self.h_n = targets.copy(), run.h_n
        self.targets.flags.writeable = False

    def backward(self, d_logits: ArrayLike) -> DecoderGradients:  # type: ignore[override]  # a decoder's input is h_0
        """Carry a gradient back through head, RNN and embedding: see `ModelRun.backward`.

        Parameters
        ----------
        d_logits : array_like of the logits' shape
            dL/d_logits.

        Returns
        -------
        DecoderGradients
            ``(d_h_0, d_parameters)``.

        Raises
        ------
        ValueError
            If the shape isn't that of the logits or a number isn't finite.
        """
        _, d_parameters, run = self.walk_back(d_logits)
        gradients = DecoderGradients(run.d_h_0, d_parameters)
        gradients.run = run
        return gradients


class Decoder(Chain):
    """Writes a sequence: at every step it reads the token before and says which comes next.

    In training it reads the true tokens, ``<bos>`` first, and should answer the same tokens, ``<eos>`` last: teacher
    forcing. In `generate` it reads its own answers. With ``bos_idx=eos_idx=None`` it reads all tokens but the last and
    should answer all but the first: a language model of a text without beginning or end.

    Parameters
    ----------
    rnn : RNN
        Of one direction: what comes after is what it has to find out.
    head : ManyToManyHead
        Its output_size is the embedding's num_embeddings: it answers with what it reads.
    embedding : Embedding
        Turns token ids into the RNN's inputs.
    bos_idx, eos_idx : int or None
        The ids of ``<bos>`` and ``<eos>``, by default as a `Vocab` has them; both or none.

    Examples
    --------
    >>> from vanilla_rnn import RNN
    >>> model = Decoder(RNN(2, 3, rng=0), ManyToManyHead(3, 10, rng=1), Embedding(10, 2, rng=2))
    >>> run = model.forward([7, 8, 9])
    >>> print(run.embedded.ids, run.targets)  # what it reads, and what it should answer
    [2 7 8 9] [7 8 9 3]
    >>> ids, length = model.generate(max_length=5)
    >>> bool(length <= 5)
    True
    """

    columns: ClassVar[tuple[str, ...]] = ("tokens",)
    _head = ManyToManyHead

    def __init__(
        self,
        rnn: RNN,
        head: ManyToManyHead,
        embedding: Embedding,
        *,
        bos_idx: int | None = 2,
        eos_idx: int | None = 3,
    ) -> None:
        made_of(embedding, Embedding, "embedding", "Decoder")
        super().__init__(rnn, head, embedding)
        if rnn.bidirectional:
            fix = "What comes after a token is what a decoder has to find out."
            _checks.refuse(ValueError, "Decoder", "rnn", "of one direction", "bidirectional=True", fix)
        count = len(embedding.vectors)
        if len(head.W_hy) != count:
            expected = f"made with output_size {count}, the embedding's num_embeddings"
            fix = "It answers with what it reads."
            _checks.refuse(ValueError, "Decoder", "head", expected, str(len(head.W_hy)), fix)
        if (bos_idx is None) != (eos_idx is None):
            got, fix = f"{bos_idx} and {eos_idx}", "A text without beginning or end has neither."
            _checks.refuse(ValueError, "Decoder", "bos_idx and eos_idx", "two ids or None for both", got, fix)
        if bos_idx == eos_idx and bos_idx is not None:
            fix = "The end has to be told from the beginning."
            _checks.refuse(ValueError, "Decoder", "bos_idx and eos_idx", "two different ids", f"{bos_idx} twice", fix)
        for name, idx in (("bos_idx", bos_idx), ("eos_idx", eos_idx)):
            if idx is not None:
                _checks.ids(_checks.index(idx, name, "Decoder"), count, name, "Decoder", "num_embeddings")
        self.bos_idx, self.eos_idx = bos_idx, eos_idx

    def __call__(self, tokens: ArrayLike, lengths: ArrayLike | None = None, h_0: ArrayLike | None = None) -> Array:
        """The logits: see `forward`."""
        return self.forward(tokens, lengths, h_0).logits.copy()

    def forward(self, tokens: ArrayLike, lengths: ArrayLike | None = None, h_0: ArrayLike | None = None) -> DecoderRun:
        """Read the true tokens and remember it.

        Parameters
        ----------
        tokens : array_like of int, (batch, time) or (time,)
            Token ids, without ``<bos>`` and ``<eos>``.
        lengths : array_like of int, (batch,), or None
            How many tokens of each row are real.
        h_0 : array_like, (num_layers, batch, hidden_size) or (num_layers, hidden_size), or None
            The states to begin with: what the sequence is to be about.

        Returns
        -------
        DecoderRun
            ``.logits``, (batch, time + 1, output_size), ``.targets``, (batch, time + 1), and ``.lengths``, one more
            than the tokens'; with ``bos_idx=None`` time - 1 and one less.

        Raises
        ------
        TypeError, ValueError, IndexError
            As the `forward` of embedding and RNN do.
        """
        tokens, counts = real_ids(tokens, lengths, "tokens", "Decoder.forward")
        if self.bos_idx is None or self.eos_idx is None:
            inputs, targets, change = tokens[..., :-1], tokens[..., 1:], -1
        else:
            one_more = np.full((*tokens.shape[:-1], 1), self.bos_idx)
            inputs, targets, change = np.append(one_more, tokens, axis=-1), np.append(tokens, one_more, axis=-1), 1
            ends = np.array(tokens.shape[-1]) if counts is None else counts
            np.put_along_axis(targets, np.broadcast_to(ends, tokens.shape[:-1])[..., None], self.eos_idx, axis=-1)
        if counts is not None:
            counts = np.maximum(counts + change, 0)
        embedded = self._table.forward(inputs)
        run = self.rnn.forward(embedded.vectors, h_0, counts)
        return DecoderRun(self, embedded, run, counts, targets)

    def batch(self, tokens: Sequence[ArrayLike]) -> tuple[tuple[Array, Array], None]:
        """`forward`'s arguments, out of unpadded examples; it makes the labels itself."""
        return pad_sequences(tokens), None

    def generate(
        self,
        prompt: ArrayLike | None = None,
        *,
        h_0: ArrayLike | None = None,
        max_length: int,
        temperature: float = 0.0,
        rng: RNG = None,
    ) -> tuple[Array, Array]:
        """Write sequences, each token chosen by what was written before it.

        Parameters
        ----------
        prompt : array_like of int, (batch, time) or (time,), or None
            Tokens to go on from. None begins with ``<bos>`` alone.
        h_0 : array_like, (num_layers, batch, hidden_size) or (num_layers, hidden_size), or None
            The states to begin with.
        max_length : int
            How many tokens to write at most.
        temperature : float
            0 takes the likeliest token, greedily. Above, a token is drawn from softmax(logits / temperature): 1 draws
            as the model believes, less is more careful.
        rng : int, numpy.random.Generator or None
            For the draws.

        Returns
        -------
        ids : numpy.ndarray of int64, (batch, longest)
            What was written, without the prompt; 0 behind a row's length. Of an unbatched prompt or h_0: (longest,).
        lengths : numpy.ndarray of int64, (batch,), or one number
            How many tokens each row has; it stops at ``<eos>``, which is left out.

        Raises
        ------
        TypeError, ValueError, IndexError
            If an argument isn't as said, or there is neither a ``<bos>`` nor a prompt to begin with.
        """
        where = "Decoder.generate"
        max_length = _checks.size(max_length, "max_length", where)
        temperature = _checks.number(temperature, "temperature", where, at_least=0.0)
        rng = _checks.generator(rng, where)
        tokens, h, batched = self._beginning(prompt, h_0, where)
        written = np.zeros((len(tokens), max_length), np.int64)
        lengths = np.zeros(len(tokens), np.int64)
        running = np.ones(len(tokens), bool)
        for step in range(max_length):
            output, h = self.rnn(self._table(tokens), h)
            logits = self.head(output[:, -1:], h)[:, 0]
            # Gumbel's trick: the largest of logits / temperature + noise is a draw from their softmax, and so is the
            # largest of logits + temperature * noise, which needs no division and is the greedy choice at 0.
            noise = rng.gumbel(size=logits.shape) if temperature else 0.0
            chosen = np.argmax(logits + temperature * noise, axis=-1)
            if self.eos_idx is not None:
                running &= chosen != self.eos_idx
            if not running.any():
                break
            written[running, step] = chosen[running]
            lengths += running
            tokens = chosen[:, None]
        ids = written[:, : lengths.max(initial=0)]
        return (ids, lengths) if batched else (ids[0], lengths[0])

    def _beginning(
        self, prompt: ArrayLike | None, h_0: ArrayLike | None, where: str
    ) -> tuple[Array, Array | None, bool]:
        """What to read first, (batch, time); the states to begin with; and whether the caller has a batch axis."""
        batched, batch = True, 1
        if h_0 is not None:
            h_0 = _checks.floats(h_0, "h_0", where, self.rnn.dtype)
            _checks.axes(h_0, {3: "(num_layers, batch, hidden_size)", 2: "(num_layers, hidden_size)"}, "h_0", where)
            batched = h_0.ndim == 3
            h_0 = h_0 if batched else h_0[:, None]
            batch = h_0.shape[1]
        tokens = np.empty((batch, 0), np.int64)
        if prompt is not None:
            tokens, _ = real_ids(prompt, None, "prompt", where)
            if h_0 is not None and batched != (tokens.ndim == 2):
                fix = "With a batch axis in one of them, there is one in both."
                _checks.refuse(ValueError, where, "prompt", f"of {1 + batched} axes, as h_0 is", f"{tokens.ndim}", fix)
            batched = tokens.ndim == 2
            tokens = tokens if batched else tokens[None]
        if self.bos_idx is not None:
            tokens = np.insert(tokens, 0, self.bos_idx, axis=1)
        if not tokens.shape[1]:
            fix = "A decoder without <bos> needs a token to begin with."
            _checks.refuse(ValueError, where, "prompt", "at least one token", "none", fix)
        return tokens, h_0, batched

    @property
    def _table(self) -> Embedding:
        """The embedding, which a decoder always has."""
        return cast("Embedding", self.embedding)
