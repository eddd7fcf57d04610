"""Training: the five lines of a step, and the two loops around them, over examples and over a stream.

run = model.forward(tokens, lengths)
loss, d_logits = binary_cross_entropy(run.logits, labels)
gradients = run.backward(d_logits).d_parameters
clip_grad_norm(gradients, 5.0)
optimizer.step(model.parameters(), gradients)
"""

from __future__ import annotations

import math
from contextlib import contextmanager
from functools import partial, wraps
from inspect import signature
from typing import TYPE_CHECKING, Any, ClassVar, ParamSpec, Protocol

import numpy as np

from vanilla_rnn import _checks
from vanilla_rnn._calls import explained
from vanilla_rnn.losses import evaluate_loss, require_finite_loss
from vanilla_rnn.models import Decoder
from vanilla_rnn.optim import Optimizer, clip_grad_norm

if TYPE_CHECKING:
    from vanilla_rnn._types import RNG, Array, ArrayLike, Callable, Iterable, Iterator, Loss, Sequence

    Row = dict[str, Any]

P = ParamSpec("P")


class Model(Protocol):
    """What `train` needs from a model. The models of this library provide it, and yours can too."""

    columns: ClassVar[tuple[str, ...]]  # the names of an example's parts

    def batch(self, *columns: Any) -> tuple[tuple[Array, ...], Array | None]:
        """`forward`'s arguments from unpadded examples, and the labels; None if the run has ``targets``."""

    def forward(self, *arguments: Any) -> Any:
        """A run with ``logits``, ``lengths``, ``targets`` and ``backward``."""

    def parameters(self) -> dict[str, Array]:
        """The live arrays by path."""


def train_step(model: Model, run: Any, loss: float, d_logits: Array, optimizer: Optimizer, max_norm: float) -> float:
    """One training step from a run, its loss and the gradient of that loss; returns the norm before clipping."""
    require_finite_loss(loss, "train")
    gradients = run.backward(d_logits).d_parameters
    norm = clip_grad_norm(gradients, max_norm)
    optimizer.step(model.parameters(), gradients)
    return norm


@explained
def train(
    model: Model,
    examples: Sequence[tuple[ArrayLike, ...]],
    *,
    loss: Loss,
    optimizer: Optimizer,
    epochs: int,
    batch_size: int,
    weights: Callable[[Array], ArrayLike] | None = None,
    clip: float | None = None,
    rng: RNG = None,
    progress: bool = False,
) -> Iterator[Row]:
    """Train a model on examples, in mini-batches that are shuffled in every epoch; yield a row after each epoch.

    Between two rows the body of your loop can do anything: evaluate on held-out data, keep the best weights with
    ``copy.deepcopy(model.parameters())``, change ``optimizer.learning_rate``, or stop with ``break``.

    Parameters
    ----------
    model : ManyToOne, ManyToMany, Decoder, OneToMany or EncoderDecoder
        Its weights are changed in place.
    examples : list of tuples
        The unpadded arrays of each example: (inputs, label) for a `ManyToOne`, (inputs, labels) for a `ManyToMany`,
        (tokens,) for a `Decoder`, (context, tokens) for a `OneToMany`, (source, tokens) for an `EncoderDecoder`.
    loss : callable
        `binary_cross_entropy`, `cross_entropy`, `mean_squared_error`, or your own. It takes the logits, the targets,
        ``lengths=`` (None if all steps count) and, if there are weights, ``weights=``. It returns the loss and its
        gradient d_logits.
    optimizer : SGD or Adam
        It keeps its state, so that another call to `train` with it continues where this one ended. For another model,
        create a new one.
    epochs, batch_size : int
        The number of times to go through all examples, and the number of examples in a step.
    weights : callable or None
        A function from the targets of a batch to their weights in the loss, such as ``lambda y: class_weights[y]`` or
        ``lambda y: y != -100``. It is a function so that it also works for models that make their own targets. Weights
        at the padding, where the labels of a `ManyToMany` are -1 or NaN, are ignored. A batch in which nothing counts
        is skipped.
    clip : float or None
        The largest norm of the gradients to allow: see `clip_grad_norm`.
    rng : int, numpy.random.Generator or None
        Shuffles the examples. A seed gives the same order in every call: for a loop of calls with ``epochs=1``, pass
        one ``numpy.random.default_rng(seed)`` to all of them.
    progress : bool
        Whether to show a progress bar, if tqdm is installed.

    Yields
    ------
    dict
        For each epoch: ``"epoch"``, from 1; ``"loss"``, the mean of the batches' losses, each computed before the
        batch's update and weighted by the batch's number of examples; ``"gradient_norm"``, the mean over the batches,
        before clipping.

    Raises
    ------
    TypeError, ValueError, IndexError
        When `train` is called, if an argument isn't as described. Later, if an example can't be used (the message names
        it), or if a loss, gradient or weight isn't finite. The message then names the epoch, the batch and the
        parameter, and the weights are those of the last successful step.
    """
    where = "train"
    _check_examples(model, examples, where)
    max_norm = _check_options(loss, optimizer, weights, clip, where)
    epochs, batch_size, generator, progress = _checks.arguments(
        where, epochs=epochs, batch_size=batch_size, rng=rng, progress=progress
    )
    kept: list[Any] = list(examples)  # a copy, because the loop's body may change the caller's list
    evaluate = partial(_run_and_loss, model, loss=loss, weights=weights)

    def rows() -> Iterator[Row]:
        """The loop itself. It is a function of its own so that `train` checks its arguments when it is called."""
        for epoch in range(1, epochs + 1):
            order = generator.permutation(len(kept))
            losses, norms, sizes = [], [], []  # for each batch
            for number, start in enumerate(range(0, len(order), batch_size), start=1):
                chosen = order[start : start + batch_size].tolist()
                with _location(where, f"epoch {epoch}, batch {number}"):
                    run, value, d_logits = _evaluate_batch(evaluate, kept, chosen)
                    if d_logits is None:  # nothing in this batch counts
                        continue
                    norms.append(train_step(model, run, value, d_logits, optimizer, max_norm))
                losses.append(value)
                sizes.append(len(chosen))
            if not sizes:
                fix = "Pass examples with at least one step, and weights above 0."
                _checks.fail(ValueError, where, "examples", "a list with a target that counts", "none", fix)
            mean_loss = float(np.average(losses, weights=sizes))
            yield {"epoch": epoch, "loss": mean_loss, "gradient_norm": float(np.mean(norms))}

    return _with_progress_bar(rows(), epochs, "epoch") if progress else rows()


@explained
def train_stream(
    model: Decoder,
    chunks: Iterable[ArrayLike],
    *,
    loss: Loss,
    optimizer: Optimizer,
    window: int,
    clip: float | None = None,
    progress: bool = False,
) -> Iterator[Row]:
    """Train a language model on one long stream by truncated backpropagation through time; yield a row per window.

    The stream is cut into windows. The state is carried from one window to the next, so that the model reads the stream
    as one text. The gradient is cut between them, so that memory doesn't grow with the stream.

    Parameters
    ----------
    model : Decoder
        Created with ``bos_idx=None, eos_idx=None``.
    chunks : iterable of array_like of int, (time,) or (lanes, time)
        The stream's token ids in pieces of any size, read when they are needed. With two axes, each row is a separate
        stream. Pass a stream in one piece as ``[ids]``.
    loss, optimizer, clip, progress
        As in `train`.
    window : int
        The number of steps between two updates, which is also the largest number of steps that a gradient goes back.

    Yields
    ------
    dict
        For each window: ``"window"``, from 1; ``"loss"``; and ``"gradient_norm"``, before clipping.
    """
    where = "train_stream"
    _checks.require_type(model, Decoder, "model", where)
    if model.bos_idx is not None:
        fix = "Create it with bos_idx=None, eos_idx=None: a stream has no beginning and no end."
        _checks.fail(ValueError, where, "model", "a Decoder without <bos> and <eos>", f"bos_idx={model.bos_idx}", fix)
    if hasattr(chunks, "__array__"):
        fix = "Pass [ids] if this array is the whole stream."
        _checks.fail(TypeError, where, "chunks", "a list or a generator of arrays", _checks.shown(chunks), fix)
    _checks.iterable(chunks, "chunks", where, "Pass a list, or a generator, of arrays of token ids.")
    max_norm = _check_options(loss, optimizer, None, clip, where)
    window, progress = _checks.arguments(where, window=window, progress=progress)

    def rows() -> Iterator[Row]:
        """The loop itself, for the same reason as in `train`."""
        number, h = 0, None
        for number, tokens in enumerate(_windows(chunks, window, model, where), start=1):
            with _location(where, f"window {number}"):
                run = model.forward(tokens, h_0=h)
                value, d_logits = evaluate_loss(loss, run.logits, run.targets, "train", lengths=None)
                # Dropping h_0's gradient stops backpropagation here: the previous window is no longer in memory.
                norm = train_step(model, run, value, d_logits, optimizer, max_norm)
            h = run.h_n  # the state is carried over; without this line, every window would start from zeros
            yield {"window": number, "loss": value, "gradient_norm": norm}
        if number == 0:
            fix = "Pass a longer stream: each token is predicted from those before it."
            _checks.fail(ValueError, where, "chunks", "a stream of at least two tokens", "fewer", fix)

    return _with_progress_bar(rows(), None, "window") if progress else rows()


def _windows(chunks: Iterable[ArrayLike], window: int, model: Decoder, where: str) -> Iterator[Array]:
    """Pieces of window + 1 tokens, each starting with the last token of the previous one; the last may be shorter."""
    rest: Array | None = None
    sizes: dict[str, Any] = {}
    for number, chunk in enumerate(chunks):
        name = f"chunks[{number}]"
        tokens = model.embedding.check_ids(chunk, name, where)
        fix = "Keep the number of lanes fixed; pass a whole stream as [ids]."
        _checks.fit(tokens, name, "[lanes] time", sizes, where, fix)
        sizes = {"lanes": sizes["lanes"]}
        if sizes["lanes"] == 0:
            _checks.fail(ValueError, where, name, "an array with lanes", "none", "Pass at least one lane.")
        # Always a copy: the caller may reuse the chunk's memory.
        rest = tokens.copy() if rest is None else np.concatenate([rest, tokens], axis=-1)
        while rest.shape[-1] > window:
            yield rest[..., : window + 1]
            rest = rest[..., window:]
    if rest is not None and rest.shape[-1] > 1:
        yield rest


def _collected(generator: Callable[P, Iterator[Row]], name: str, doc: str) -> Callable[P, list[Row]]:
    """Make a function that returns all rows of a generator in a list, and puts its own name into error messages."""

    @wraps(generator)
    def collect(*args: P.args, **kwargs: P.kwargs) -> list[Row]:
        try:
            return list(generator(*args, **kwargs))
        except (IndexError, TypeError, ValueError) as error:
            text = str(error)
            if text.startswith((f"{generator.__name__}: ", f"{generator.__name__}, ")):  # not from the caller's code
                error.args = (name + text.removeprefix(generator.__name__),)
            raise

    collect.__name__ = collect.__qualname__ = name
    collect.__doc__ = doc
    # For help() and editors, which would otherwise show that it returns an iterator.
    collect.__signature__ = signature(generator).replace(return_annotation="list[Row]")  # type: ignore[attr-defined]
    return collect


fit = _collected(
    train,
    "fit",
    """Train for all epochs and return the list of rows that `train` yields. The arguments are those of `train`.

    Examples
    --------
    The label says whether a sequence ends with token 1. The final state is enough to tell.

    >>> from vanilla_rnn import RNN, Adam, Embedding, ManyToOne, ManyToOneHead, binary_cross_entropy
    >>> model = ManyToOne(RNN(2, 3, rng=0), ManyToOneHead(3, 1, rng=1), embedding=Embedding(2, 2, rng=2))
    >>> examples = [([0, 1], 1), ([1, 0], 0), ([1, 1, 1], 1), ([0], 0)]
    >>> history = fit(model, examples, loss=binary_cross_entropy, optimizer=Adam(0.1), epochs=50, batch_size=2, rng=3)
    >>> history[-1]["loss"] < 0.1 * history[0]["loss"]
    True
    """,
)
fit_stream = _collected(
    train_stream,
    "fit_stream",
    """Train on a stream to its end: return the list of all rows that `train_stream` yields.

    The arguments are those of `train_stream`.
    """,
)


def _evaluate_batch(
    evaluate: Callable[[list[Any]], tuple[Any, float, Array | None]], examples: list[Any], chosen: list[int]
) -> tuple[Any, float, Array | None]:
    """The run, the loss and its gradient for the chosen examples; an error names the example that can't be used."""
    try:
        return evaluate([examples[i] for i in chosen])
    except (IndexError, TypeError, ValueError):
        refused = [i for i in chosen if _is_refused(evaluate, [examples[i]])]
        if refused and (len(chosen) == 1 or len(refused) < len(chosen)):
            with _location("train", f"examples[{refused[0]}]"):
                evaluate([examples[refused[0]]])
        # If each example works alone, find the one that can't be combined with the first.
        for i in chosen[1:] if not refused else ():
            with _location("train", f"examples[{i}] together with examples[{chosen[0]}]"):
                evaluate([examples[chosen[0]], examples[i]])
        raise  # all are refused, so the model is at fault, not one of them


def _is_refused(evaluate: Callable[[list[Any]], Any], examples: list[Any]) -> bool:
    try:
        evaluate(examples)
    except (IndexError, TypeError, ValueError):
        return True
    return False


def _run_and_loss(
    model: Model, examples: list[Any], *, loss: Loss, weights: Callable[[Array], Any] | None
) -> tuple[Any, float, Array | None]:
    """The run of these examples, the loss and its gradient, which is None if nothing counts."""
    arguments, labels = model.batch(*zip(*examples, strict=True))
    run = model.forward(*arguments)
    targets = run.targets if labels is None else labels
    options, counts = {"lengths": run.lengths}, np.ones(run.logits.shape[:2], bool)
    if weights is not None:
        with _location("train", "the function weights"):
            w = weights(np.array(targets))  # a copy, in case it works in place
        if w is None:
            fix = "Return one weight for each target."
            _checks.fail(TypeError, "train", "the result of weights", "an array of weights", "None", fix)
        options["weights"] = w
        counts = _checks.array(w, "the result of weights", "train") != 0
    if counts.shape[:2] == run.logits.shape[:2]:  # if not, there is no time axis, or the loss refuses the weights
        counts = _checks.zero_padding(counts, run.lengths)
    if not counts.any():
        return run, 0.0, None
    return run, *evaluate_loss(loss, run.logits, targets, "train", **options)


@contextmanager
def _location(where: str, place: str) -> Iterator[None]:
    """Prefix error messages with the place in training, such as the epoch and the batch."""
    try:
        yield
    except (IndexError, TypeError, ValueError) as error:
        kind = next(kind for kind in (IndexError, TypeError, ValueError) if isinstance(error, kind))
        text = str(error).removeprefix("train: ")  # the functions that both loops share use this name
        ours = text.startswith(f"{where}, ")
        raise kind(f"{where}, {place}{text.removeprefix(where) if ours else f': {text}'}") from error


def _check_examples(model: Any, examples: Any, where: str) -> None:
    if not all(hasattr(model, name) for name in ("columns", "batch", "forward", "parameters")):
        expected, fix = "a model with columns, batch, forward and parameters", "Pass a model: ManyToOne(rnn, head)."
        _checks.fail(TypeError, where, "model", expected, _checks.shown(model), fix)
    columns = f"({', '.join(model.columns)}{',' if len(model.columns) == 1 else ''})"
    fix = f"Pass a list of such tuples: list(zip({', '.join(model.columns)}))."
    if not isinstance(examples, (list, tuple)):
        _checks.fail(TypeError, where, "examples", f"a list of tuples {columns}", _checks.shown(examples), fix)
    if not examples:
        _checks.fail(ValueError, where, "examples", f"a list of at least one tuple {columns}", "an empty list", fix)
    for number, example in enumerate(examples):
        if not isinstance(example, tuple) or len(example) != len(model.columns):
            _checks.fail(TypeError, where, f"examples[{number}]", f"a tuple {columns}", _checks.shown(example), fix)


def _check_options(loss: Any, optimizer: Any, weights: Any, clip: float | None, where: str) -> float:
    """Check what both loops are given; return the norm to which gradients are clipped."""
    if weights is not None and not callable(weights):
        fix = "Pass a function, for example weights=lambda targets: class_weights[targets]."
        _checks.fail(TypeError, where, "weights", "a function of the targets", _checks.shown(weights), fix)
    if not callable(loss):
        fix = "Pass the function itself: loss=binary_cross_entropy."
        _checks.fail(TypeError, where, "loss", "a loss function", _checks.shown(loss), fix)
    _checks.require_type(optimizer, Optimizer, "optimizer", where, "Pass an optimiser, such as Adam(1e-3).")
    return math.inf if clip is None else _checks.number(clip, "clip", where)


def _with_progress_bar(rows: Iterator[Row], total: int | None, unit: str) -> Iterator[Row]:
    """The same rows; each moves a progress bar, if tqdm is installed."""
    try:
        from tqdm.auto import tqdm
    except ImportError:
        yield from rows
        return
    with tqdm(total=total, unit=unit) as bar:
        for row in rows:
            bar.set_postfix(loss=row["loss"])
            bar.update()
            yield row
