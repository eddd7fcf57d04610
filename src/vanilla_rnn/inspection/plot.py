"""Pictures of states, gradients and training, drawn with matplotlib (the extra ``plot``), on new axes or on yours.

Import it as a module: ``from vanilla_rnn.inspection import plot``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from vanilla_rnn import _checks
from vanilla_rnn.inspection.diagnostics import GradientFlow
from vanilla_rnn.inspection.flow import vector_norm
from vanilla_rnn.inspection.trace import Trace, trace

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from vanilla_rnn._types import ArrayLike, Loss, Sequence
    from vanilla_rnn.models import ModelRun
    from vanilla_rnn.rnn import RNNRun
    from vanilla_rnn.seq2seq import OneToManyRun

COLOURS = ("#b35806", "#542788", "#0b5c8a", "#1d6b3a")  # for lines
MINUS, ZERO, PLUS = "#4393c3", "#f7f7f7", "#e08214"  # for numbers, as on the page for a trace


def plot_hidden_states(
    run: Trace | RNNRun | ModelRun | OneToManyRun,
    tokens: Sequence[object] | None = None,
    *,
    row: int = 0,
    ax: Axes | None = None,
) -> Axes:
    """Draw a heat map of the top layer's state after each step: a column for each step, a row for each unit.

    Parameters
    ----------
    run : Trace, RNNRun, ModelRun or OneToManyRun
        A trace, or a run as for `trace`.
    tokens, row
        For a run, as in `trace`. Leave them out for a trace.
    ax : matplotlib.axes.Axes or None
        Where to draw; None creates a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        The axes with the picture.
    """
    if isinstance(run, Trace):
        _refuse_more(run, "plot_hidden_states", tokens=tokens, row=row or None)
    steps = run if isinstance(run, Trace) else trace(run, tokens, row=row)
    output = steps.output
    ax = _axes(ax)
    largest = max(1.0, float(np.abs(output).max(initial=0.0)))
    if len(steps):
        from matplotlib.colors import LinearSegmentedColormap

        cmap = LinearSegmentedColormap.from_list("page", [MINUS, ZERO, PLUS])
        image = ax.imshow(output.T, cmap=cmap, vmin=-largest, vmax=largest, aspect="auto", interpolation="nearest")
        ax.figure.colorbar(image, ax=ax, label="h")
    ax.set(xlabel="step", ylabel="hidden unit")
    ax.locator_params(axis="y", integer=True)
    _label_steps(ax, steps.tokens)
    return ax


def plot_gradient_flow(
    run: Trace | GradientFlow | RNNRun | ModelRun | OneToManyRun,
    tokens: Sequence[object] | None = None,
    *,
    row: int = 0,
    loss: Loss | None = None,
    targets: ArrayLike | None = None,
    d_logits: ArrayLike | None = None,
    d_output: ArrayLike | None = None,
    d_h_n: ArrayLike | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the norm of dL/dh_t at each step, with a line for each cell.

    The axis is logarithmic, so a gradient that shrinks by the same factor at every step gives a straight line.

    Parameters
    ----------
    run : Trace, GradientFlow, RNNRun, ModelRun or OneToManyRun
        A trace with gradients, what `gradient_flow` returned, or a run as for `trace`.
    tokens, row, loss, targets, d_logits, d_output, d_h_n
        For a run, as in `trace`. Leave them out for a trace; for a `GradientFlow`, pass at most the tokens.
    ax : matplotlib.axes.Axes or None
        Where to draw; None creates a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        The axes with the picture. A step that no gradient reaches leaves a gap in the line.
    """
    where = "plot_gradient_flow"
    upstream = {"loss": loss, "targets": targets, "d_logits": d_logits, "d_output": d_output, "d_h_n": d_h_n}
    if isinstance(run, GradientFlow):
        _refuse_more(run, where, row=row or None, **upstream)
        norms, names = run.d_h, [] if tokens is None else [str(token) for token in tokens]
        if tokens is not None and len(names) != norms.shape[1]:
            expected, fix = f"{norms.shape[1]} tokens, one for each step", "Pass the tokens of this row."
            _checks.fail(ValueError, where, "tokens", expected, str(len(names)), fix)
    else:
        if isinstance(run, Trace):
            _refuse_more(run, where, tokens=tokens, row=row or None, **upstream)
        steps = run if isinstance(run, Trace) else trace(run, tokens, row=row, **upstream)  # type: ignore[arg-type]
        flows = [[step.gradients for step in entries] for entries in steps.steps]
        if any(flow is None for entries in flows for flow in entries):
            got, fix = "none", "Pass a loss and targets, d_logits, d_output or d_h_n with the run, or to trace(...)."
            _checks.fail(ValueError, where, "run", "a trace with gradients", got, fix)
        norms = np.array([[vector_norm(flow.d_h) for flow in entries] for entries in flows]).T  # type: ignore[union-attr]
        names = steps.tokens
    ax = _axes(ax)
    for number, by_step in enumerate(norms):
        ax.plot(np.where(by_step > 0, by_step, np.nan), marker="o", markersize=3, label=f"cells[{number}]")
    ax.set(xlabel="step", ylabel="norm of dL/dh", yscale="log")
    _label_steps(ax, names)
    if len(ax.lines) > 1:
        ax.legend()
    return ax


def plot_history(history: Sequence[Mapping[str, float]], *, ax: Axes | None = None) -> Axes:
    """Draw the loss over the epochs of `fit`, or over the windows of `fit_stream`.

    Parameters
    ----------
    history : list of dict
        What `fit` or `fit_stream` returned.
    ax : matplotlib.axes.Axes or None
        Where to draw; None creates a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        The axes with the picture.
    """
    rows = history if isinstance(history, (list, tuple)) else ()
    if not rows or not all(isinstance(row, Mapping) and "loss" in row for row in rows):
        got, fix = _checks.shown(history), "Pass what fit(...) or fit_stream(...) returned."
        _checks.fail(ValueError, "plot_history", "history", "a list of rows with a loss", got, fix)
    ax = _axes(ax)
    counter = next(iter(history[0]))  # "epoch", or "window" for a stream
    ax.plot([row[counter] for row in history], [row["loss"] for row in history], marker="o", markersize=3)
    ax.set(xlabel=counter, ylabel="loss")
    ax.locator_params(axis="x", integer=True)
    return ax


def _refuse_more(run: Trace | GradientFlow, where: str, **arguments: object) -> None:
    """Refuse arguments that only a run needs. None means that the argument was left out."""
    for name, value in arguments.items():
        if value is not None:
            expected, fix = f"left out for a {type(run).__name__}", f"Pass it to {_SOURCES[type(run)]}."
            _checks.fail(ValueError, where, name, expected, _checks.shown(value), fix)


_SOURCES = {Trace: "trace(...)", GradientFlow: "gradient_flow(...)"}


def _label_steps(ax: Axes, tokens: list[str]) -> None:
    """The tokens below the steps, if they are known and there is room."""
    ax.locator_params(axis="x", integer=True)
    if any(tokens) and len(tokens) <= 40:
        texts = [token.replace("$", r"\$") for token in tokens]  # matplotlib reads "$" as the start of a formula
        ax.set_xticks(range(len(tokens)), texts, rotation=45 if len(tokens) > 8 else 0)


def _axes(ax: Axes | None) -> Axes:
    """The caller's axes, or those of a new figure."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    ax = plt.subplots(layout="constrained")[1]
    ax.set_prop_cycle(color=COLOURS)
    return ax
