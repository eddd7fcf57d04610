"""Training: the five lines of a step, and the two loops around them, over examples and over a stream.

run = model.forward(tokens, lengths)
loss, d_logits = binary_cross_entropy(run.logits, labels)
gradients = run.backward(d_logits).d_parameters
clip_grad_norm(gradients, 5.0)
optimizer.step(model.parameters(), gradients)
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np

from vanilla_rnn import _checks
from vanilla_rnn.decoder import Decoder
from vanilla_rnn.models import made_of
from vanilla_rnn.optim import clip_grad_norm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import ArrayLike

    from vanilla_rnn._checks import RNG, Array
    from vanilla_rnn.optim import SGD, Adam

    Loss = Callable[..., tuple[float, Array]]
    History = list[dict[str, Any]]


class Model(Protocol):
    """What `fit` asks of a model: those of this library have it, and one of your own may."""

    columns: ClassVar[tuple[str, ...]]  # of an example's tuple, by name

    def batch(self, *columns: Any) -> tuple[tuple[Array, ...], Array | None]:
        """`forward`'s arguments out of unpadded examples, and the labels; None if the record has ``targets``."""

    def forward(self, *arguments: Any) -> Any:
        """A record with ``logits``, ``lengths``, ``targets`` and ``backward``."""

    def parameters(self) -> dict[str, Array]:
        """The live arrays by path."""


def fit(
    model: Model,
    examples: Sequence[tuple[ArrayLike, ...]],
    *,
    loss: Loss,
    optimizer: SGD | Adam,
    epochs: int,
    batch_size: int,
    clip: float | None = None,
    rng: RNG = None,
    progress: bool = False,
    on_epoch: Callable[[int], dict[str, Any] | None] | None = None,
) -> History:
    """Train a model on examples, in mini-batches that are drawn anew in every epoch.

    Parameters
    ----------
    model : ManyToOne, ManyToMany, Decoder, OneToMany or EncoderDecoder
        Its weights are changed in place.
    examples : sequence of tuples
        Each example's unpadded arrays: (inputs, label) for a `ManyToOne`, (inputs, labels) for a `ManyToMany`,
        (tokens,) for a `Decoder`, (context, tokens) for a `OneToMany`, (source, tokens) for an `EncoderDecoder`.
    loss : callable
        `binary_cross_entropy`, `cross_entropy`, `mean_squared_error`, or another of their form.
    optimizer : SGD or Adam
        Keeps its state, so that a later `fit` with it goes on where this one ended.
    epochs, batch_size : int
        How often to go through all examples, and how many make a step.
    clip : float or None
        The largest norm of the gradients to let through: see `clip_grad_norm`.
    rng : int, numpy.random.Generator or None
        Shuffles the examples.
    progress : bool
        Whether to show a bar, if tqdm is installed.
    on_epoch : callable or None
        Called with the number of each epoch when it has ended; what it returns, a dict such as {"accuracy": 0.98}, is
        added to the epoch's row. This is where to measure on held-out data, to keep the best weights so far, or to
        lower ``optimizer.learning_rate``.

    Returns
    -------
    list of dict
        For each epoch ``"epoch"``, from 1, ``"loss"``, the mean of the batches' losses as each was when it was trained
        on, weighed by their numbers of examples, and ``"gradient_norm"``, the mean over the batches, before clipping.

    Raises
    ------
    TypeError, ValueError, IndexError
        If an argument isn't as said; and if a loss, a gradient or a weight stops being finite, with epoch, batch and
        the parameter's name. The weights are then the last finite ones.

    Examples
    --------
    Whether a sentence ends with token 1; the state at its end knows.

    >>> from vanilla_rnn import RNN, Adam, Embedding, ManyToOne, ManyToOneHead, binary_cross_entropy
    >>> model = ManyToOne(RNN(2, 3, rng=0), ManyToOneHead(3, 1, rng=1), embedding=Embedding(2, 2, rng=2))
    >>> examples = [([0, 1], 1), ([1, 0], 0), ([1, 1, 1], 1), ([0], 0)]
    >>> history = fit(model, examples, loss=binary_cross_entropy, optimizer=Adam(0.1), epochs=50, batch_size=2, rng=3)
    >>> history[-1]["loss"] < 0.1 * history[0]["loss"]
    True
    """
    _check_examples(examples, model.columns)
    clip = None if clip is None else _checks.number(clip, "clip", "fit", above=0.0, infinite=True)
    epochs, batch_size = _checks.size(epochs, "epochs", "fit"), _checks.size(batch_size, "batch_size", "fit")
    rng = _checks.generator(rng, "fit")
    history: History = []
    bar = _progress_bar(epochs) if progress else None
    for epoch in range(1, epochs + 1):
        order = rng.permutation(len(examples))
        batches = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
        total, norms = 0.0, []
        for number, chosen in enumerate(batches, start=1):
            try:
                arguments, labels = model.batch(*zip(*(examples[i] for i in chosen), strict=True))
                run = model.forward(*arguments)
                value, norm = _learn(model, run, run.targets if labels is None else labels, loss, optimizer, clip)
            except (ValueError, IndexError, TypeError) as error:
                raise _located(error, f"fit, epoch {epoch}, batch {number}") from error
            total += value * len(chosen)
            norms.append(norm)
        row = {"epoch": epoch, "loss": total / len(order), "gradient_norm": float(np.mean(norms))}
        history.append(row | _extra(on_epoch, epoch, "fit", "on_epoch"))
        if bar is not None:
            bar.set_postfix(loss=row["loss"])
            bar.update()
    if bar is not None:
        bar.close()
    return history


def fit_stream(
    model: Decoder,
    chunks: Iterable[ArrayLike],
    *,
    loss: Loss,
    optimizer: SGD | Adam,
    window: int,
    clip: float | None = None,
    report_every: int = 1,
    on_report: Callable[[int], dict[str, Any] | None] | None = None,
) -> History:
    """Train a language model on one long stream, by truncated backpropagation through time.

    The stream is cut into windows. The state is carried from one to the next, so that the model reads the stream as one
    text; the gradient is cut between them, so that no more than one window is ever kept in memory.

    Parameters
    ----------
    model : Decoder
        One that was made with ``bos_idx=None, eos_idx=None``.
    chunks : iterable of array_like of int, (time,) or (lanes, time)
        The stream's token ids in pieces of any size, read as they are needed. With a first axis, so many streams side
        by side.
    loss, optimizer, clip
        As in `fit`.
    window : int
        How many tokens are predicted between two updates, and how far back the gradient reaches.
    report_every : int
        How many windows make a row of the history.
    on_report : callable or None
        Called with the number of windows done, for each row; the dict it returns is added to the row.

    Returns
    -------
    list of dict
        For each row ``"window"``, the number of windows done, and the means of ``"loss"`` and ``"gradient_norm"``.

    Raises
    ------
    TypeError, ValueError, IndexError
        If an argument isn't as said; and if a loss, a gradient or a weight stops being finite, with the window and the
        parameter's name. The weights are then the last finite ones.
    """
    where = "fit_stream"
    made_of(model, Decoder, "model", where)
    if model.bos_idx is not None:
        got, fix = f"bos_idx={model.bos_idx}", "A stream has neither beginning nor end."
        _checks.refuse(ValueError, where, "model", "made with bos_idx=None, eos_idx=None", got, fix)
    clip = None if clip is None else _checks.number(clip, "clip", where, above=0.0, infinite=True)
    window = _checks.size(window, "window", where)
    _checks.iterable(chunks, "chunks", where, "Pass a list, or a generator, of arrays of token ids.")
    report_every = _checks.size(report_every, "report_every", where)
    history: History = []
    number, since, h = 0, 0, None
    sums = np.zeros(2)  # of loss and gradient norm, over the windows since the last report

    def report() -> None:
        loss, norm = (sums / since).tolist()
        row = {"window": number, "loss": loss, "gradient_norm": norm}
        history.append(row | _extra(on_report, number, where, "on_report"))

    for number, tokens in enumerate(_windows(chunks, window), start=1):
        try:
            run = model.forward(tokens, h_0=h)
            # _learn drops the gradient of h_0: here it is cut, for the window that made h_0 is no longer in memory.
            sums += _learn(model, run, run.targets, loss, optimizer, clip)
        except (ValueError, IndexError, TypeError) as error:
            raise _located(error, f"{where}, window {number}") from error
        h = run.h_n  # and here the state is carried, or the model would begin every window without a memory
        since += 1
        if since == report_every:
            report()
            since, sums[:] = 0, 0.0
    if number == 0:
        fix = "Each token is predicted from those before it."
        _checks.refuse(ValueError, where, "chunks", "a stream of at least two tokens", "fewer", fix)
    if since:
        report()
    return history


def _extra(call: Callable[[int], dict[str, Any] | None] | None, number: int, where: str, name: str) -> dict[str, Any]:
    """What a caller's function adds to a row of the history."""
    found: object = None if call is None else call(number)
    if found is None:
        return {}
    if not isinstance(found, dict):
        fix = 'For example {"accuracy": 0.98}.'
        _checks.refuse(TypeError, where, f"what {name} returns", "a dict or None", _checks.shown(found), fix)
    return found


def _located(error: Exception, place: str) -> Exception:
    """The same kind of error, saying where in the training it happened."""
    kind = next(kind for kind in (IndexError, TypeError, ValueError) if isinstance(error, kind))
    return kind(f"{place}: {error}")


def _learn(
    model: Model, run: Any, targets: Array, loss: Loss, optimizer: SGD | Adam, clip: float | None
) -> tuple[float, float]:
    """One step: the loss, its gradient, the update. Gives the loss and the gradient's norm before clipping."""
    value, d_logits = loss(run.logits, targets, lengths=run.lengths)
    if not math.isfinite(value):
        _checks.refuse(ValueError, "training", "the loss", "a finite number", str(value), "Are the targets right?")
    gradients = run.backward(d_logits).d_parameters
    norm = clip_grad_norm(gradients, math.inf if clip is None else clip)
    optimizer.step(model.parameters(), gradients)
    return value, norm


def _windows(chunks: Iterable[ArrayLike], window: int) -> Iterator[Array]:
    """Pieces of window + 1 tokens, each beginning with the last one of the piece before; the last may be shorter."""
    rest: Array | None = None
    for number, chunk in enumerate(chunks):
        name, where = f"chunk {number}", "fit_stream"
        tokens = _checks.integers(chunk, name, where, "Token ids come from vocab.encode(...).")
        _checks.axes(tokens, {1: "(time,)", 2: "(lanes, time)"}, name, where, "A stream in one piece is [ids].")
        if rest is not None:
            expected = (*rest.shape[:-1], tokens.shape[-1])
            _checks.shape(tokens, expected, "(lanes of the chunk before, time)", name, where, "Lanes stay the same.")
        # A copy in any case: whoever makes the chunks may use their memory again.
        rest = tokens.copy() if rest is None else np.concatenate([rest, tokens], axis=-1)
        while rest.shape[-1] > window:
            yield rest[..., : window + 1]
            rest = rest[..., window:]
    if rest is not None and rest.shape[-1] > 1:
        yield rest


def _check_examples(examples: object, columns: tuple[str, ...]) -> None:
    expected = f"tuples of ({', '.join(columns)}{',' if len(columns) == 1 else ''})"
    fix = "The arrays stand in the order of the model's forward, unpadded, the label last."
    if not isinstance(examples, (list, tuple)):
        _checks.refuse(TypeError, "fit", "examples", f"a list of {expected}", _checks.shown(examples), fix)
    if not examples:
        _checks.refuse(ValueError, "fit", "examples", f"a list of at least one of the {expected}", "an empty one", fix)
    for number, example in enumerate(examples):
        if not isinstance(example, tuple) or len(example) != len(columns):
            _checks.refuse(
                TypeError, "fit", f"examples[{number}]", f"one of the {expected}", _checks.shown(example), fix
            )


def _progress_bar(epochs: int) -> Any:
    """A bar of tqdm's, or None where it isn't installed."""
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return None
    return tqdm(total=epochs, unit="epoch")
