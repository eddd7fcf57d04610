"""Pictures of states, gradients and training, drawn with matplotlib (the extra ``plot``), on axes of your own or new.

Import it as a module: ``from vanilla_rnn import plot``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vanilla_rnn import _checks
from vanilla_rnn.tracing import trace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes

    from vanilla_rnn.decoder import DecoderGradients
    from vanilla_rnn.models import ModelGradients, ModelRun
    from vanilla_rnn.tracing import Trace
    from vanilla_rnn.unrolled import RNNGradients, Unrolled
    from vanilla_rnn.writers import OneToManyGradients, OneToManyRun


def plot_hidden_states(
    run: Unrolled | ModelRun | OneToManyRun,
    tokens: Sequence[object] | None = None,
    *,
    row: int = 0,
    ax: Axes | None = None,
) -> Axes:
    """A heat map of the top layer's state after each step: a column for each step, a row for each unit.

    Parameters
    ----------
    run, tokens, row
        As in `trace`.
    ax : matplotlib.axes.Axes or None
        Where to draw; None makes a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        Where it was drawn.
    """
    found = trace(run, tokens, row=row)
    output = found.output
    ax = _axes(ax)
    largest = max(1.0, float(np.abs(output).max(initial=0.0)))
    if len(found):
        image = ax.imshow(output.T, cmap="PuOr_r", vmin=-largest, vmax=largest, aspect="auto", interpolation="nearest")
        ax.figure.colorbar(image, ax=ax, label="h")
    ax.set(xlabel="step", ylabel="hidden unit")
    _name_steps(ax, found)
    return ax


def plot_gradient_flow(
    run: Unrolled | ModelRun | OneToManyRun,
    gradients: RNNGradients | ModelGradients | DecoderGradients | OneToManyGradients,
    tokens: Sequence[object] | None = None,
    *,
    row: int = 0,
    ax: Axes | None = None,
) -> Axes:
    """The norm of dL/dh_t at each step, a line for each cell, on a logarithmic axis: vanishing is a slope.

    Parameters
    ----------
    run, gradients, tokens, row
        As in `trace`.
    ax : matplotlib.axes.Axes or None
        Where to draw; None makes a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        Where it was drawn. A step that no gradient reaches is left out of its line.
    """
    found = trace(run, tokens, row=row, gradients=gradients)
    ax = _axes(ax)
    for number in range(len(found.steps[0]) if found.steps else 0):
        flows = [step[number].gradients for step in found.steps]
        norms = np.array([np.linalg.norm(flow.d_h) for flow in flows if flow is not None])
        ax.plot(np.where(norms > 0, norms, np.nan), marker="o", markersize=3, label=f"cells[{number}]")
    ax.set(xlabel="step", ylabel="norm of dL/dh", yscale="log")
    _name_steps(ax, found)
    if len(ax.lines) > 1:
        ax.legend()
    return ax


def plot_history(history: Sequence[Mapping[str, float]], *, ax: Axes | None = None) -> Axes:
    """The loss over the epochs of `fit`, or the windows of `fit_stream`.

    Parameters
    ----------
    history : list of dict
        What either returned. Other columns are yours to draw, on the axes that come back.
    ax : matplotlib.axes.Axes or None
        Where to draw; None makes a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        Where it was drawn.

    Raises
    ------
    ValueError
        If there is no row, or no loss in it.
    """
    if not history or "loss" not in history[0]:
        got, fix = _checks.shown(history), "Pass what fit(...) returned."
        _checks.refuse(ValueError, "plot_history", "history", "rows with a loss", got, fix)
    ax = _axes(ax)
    counter = next(iter(history[0]))  # "epoch", or "window" of a stream
    ax.plot([line[counter] for line in history], [line["loss"] for line in history], marker="o", markersize=3)
    ax.set(xlabel=counter, ylabel="loss")
    return ax


def _name_steps(ax: Axes, found: Trace) -> None:
    """The tokens below the steps, where they are known and there is room."""
    if any(found.tokens) and len(found) <= 40:
        ax.set_xticks(range(len(found)), found.tokens, rotation=45 if len(found) > 8 else 0)


def _axes(ax: Axes | None) -> Axes:
    """The caller's, or those of a new figure."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(layout="constrained")[1]
