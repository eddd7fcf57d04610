"""A record as numbers: every product and every sum of every step, as arrays, as text and as a page to step through.

Nothing is run a second time. The trace reads what `forward` kept, and the gradients that `backward` gave.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from vanilla_rnn import _checks, stepper
from vanilla_rnn.cell import NONLINEARITIES
from vanilla_rnn.decoder import DecoderGradients
from vanilla_rnn.flow import StepFlow, flows, left_of_the_first
from vanilla_rnn.models import ModelGradients, ModelRun
from vanilla_rnn.unrolled import RNNGradients, read_row
from vanilla_rnn.writers import OneToManyGradients, OneToManyRun

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from vanilla_rnn._checks import Array
    from vanilla_rnn.heads import HeadRun
    from vanilla_rnn.unrolled import CellRow, Unrolled

TERMS = 6  # of a row times a column, so many products are written out; a line has to end somewhere
MANY = 2e9  # multiplications; what is left of the first state is left out of a page that would need more of them


class StepTrace(NamedTuple):
    """One step of one cell: ``h = tanh(W_xh_x + W_hh_h + b_h)``, each part as a number."""

    x: Array  #: (input,): what the cell read
    h_prev: Array  #: (hidden,): the state it had then
    W_xh_x: Array  #: (hidden,): W_xh x_t, what the input contributes
    W_hh_h: Array  #: (hidden,): W_hh h_{t-1}, what the memory contributes
    b_h: Array  #: (hidden,): the bias; zeros where the cell has none
    a: Array  #: (hidden,): the sum of the three
    h: Array  #: (hidden,): the state after it
    gradients: StepFlow | None  #: None where `trace` was given none


class Trace:
    """What `trace` gives: a network's way through one sequence, in numbers.

    Attributes
    ----------
    tokens : list of str
        What stands at each step.
    steps : list of list of StepTrace
        ``steps[t][i]`` is what ``cells[i]`` did at step t.
    output : numpy.ndarray, (time, directions * hidden_size)
        The top layer's state after each step.
    y : numpy.ndarray or None
        The head's answer: (time, output_size), one (output_size,), or None where no head was traced.
    """

    def __init__(
        self, tokens: list[str], steps: list[list[StepTrace]], rows: list[CellRow], directions: int, reading: _Reading
    ) -> None:
        self.tokens, self.steps, self.y = tokens, steps, reading.y
        self.output = np.concatenate([row.h for row in rows[-directions:]], axis=1)
        self._rows, self._directions, self._reading = rows, directions, reading

    def __len__(self) -> int:
        return len(self.tokens)

    def __repr__(self) -> str:
        size = f"steps: {len(self)}, cells: {len(self._rows)}"
        return f"<Trace, {size}; print(it), .table() and .save_html('steps.html') show it>"

    def __str__(self) -> str:
        blocks = [self._step(t, number) for t in range(len(self)) for number in range(len(self._rows))]
        return "\n\n".join([self._equation(), *blocks])

    def table(self) -> str:
        """The top layer's state after each step, as a table in Markdown."""
        units = range(self.output.shape[1])
        width = max((len(token) for token in self.tokens), default=3) + 2
        names = " | ".join(f"{f'h[{i}]':>7}" for i in units)
        lines = [f"| Timestep | {'Token':<{width}} | {names} |"]
        lines.append(f"|----------|{'-' * (width + 2)}|" + "|".join("-" * 9 for _ in units) + "|")
        for t, (token, h) in enumerate(zip(self.tokens, self.output, strict=True)):
            label = '"' + token.replace("|", "\\|").replace("\n", "\\n") + '"'
            numbers = " | ".join(f"{value:7.4f}" for value in h)
            lines.append(f"| {f't={t}':<8} | {label:<{width}} | {numbers} |")
        return "\n".join(lines)

    def to_html(self) -> str:
        """A page to step through in a browser: one file that asks for nothing else."""
        return stepper.page(self._numbers())

    def save_html(self, path: str | Path) -> None:
        """Write `to_html` to a file."""
        from pathlib import Path

        Path(path).write_text(self.to_html(), encoding="utf-8")

    def _repr_html_(self) -> str:
        import html

        page = html.escape(self.to_html(), quote=True)  # in a frame, so that its style stays its own
        return f'<iframe srcdoc="{page}" title="Trace" style="width:100%;height:60em;border:0"></iframe>'

    def _equation(self) -> str:
        """The recurrence, once for each kind of cell."""
        kinds: dict[str, list[str]] = {}
        for number, (cell, reverse, *_) in enumerate(self._rows):
            before, bias = "h_{t+1}" if reverse else "h_{t-1}", "" if cell.b_h is None else " + b_h"
            equation = f"h_t = {cell.nonlinearity}(W_xh x_t + W_hh {before}{bias}), the same weights at every step"
            kinds.setdefault(equation, []).append(f"cells[{number}]")
        if len(kinds) == 1:
            return next(iter(kinds))
        return "\n".join(f"{', '.join(names)}: {equation}" for equation, names in kinds.items())

    def _name(self, number: int) -> str:
        """Which cell it is, where there is more than one."""
        if len(self._rows) == 1:
            return ""
        side = ", reverse" if self._rows[number].reverse else ", forward" if self._directions == 2 else ""
        return f"cells[{number}]: layer {number // self._directions}{side}"

    def _step(self, t: int, number: int) -> str:
        """One step of one cell as text."""
        step, cell = self.steps[t][number], self._rows[number].cell
        before = t + 1 if self._rows[number].reverse else t - 1
        lines = [f't={t} "{self.tokens[t]}"   {self._name(number)}'.rstrip()]
        lines.append(f"  x_{t} = {_vector(step.x)}   h_{before} = {_vector(step.h_prev)}")
        from_input, from_memory, f = f"W_xh x_{t}", f"W_hh h_{before}", cell.nonlinearity
        lines.append(_header(from_input, from_memory, "b_h", "sum", f"{f} = h_{t}"))
        for i in range(len(step.h)):
            parts = f"{step.W_xh_x[i]:10.4f} + {step.W_hh_h[i]:10.4f} + {step.b_h[i]:10.4f} = {step.a[i]:10.4f}"
            lines.append(f"  {f'h[{i}]':<5}{parts}   {step.h[i]:10.4f}")
        for name, W, values in ((from_input, cell.W_xh, step.x), (from_memory, cell.W_hh, step.h_prev)):
            for i, weights in enumerate(W):
                lines.append(f"  {f'({name})[{i}]':<16} = {_products(weights, values)}")
        if step.gradients is not None:
            flow, slopes = step.gradients, NONLINEARITIES[f][1](step.h)
            lines.append(_header("own output", "future", f"dL/dh_{t}", f"{f}'", f"dL/da_{t}"))
            for i, slope in enumerate(slopes):
                parts = f"{flow.from_output[i]:10.6f} + {flow.from_future[i]:10.6f} = {flow.d_h[i]:10.6f}"
                lines.append(f"  {f'h[{i}]':<5}{parts} * {slope:10.6f} = {flow.d_a[i]:10.6f}")
        return "\n".join(lines)

    @np.errstate(over="ignore", invalid="ignore")
    def _back(self, number: int) -> dict[str, Any]:
        """What came back to each step of a cell, and what all of them add to the gradients of its weights.

        The last of a step's, dL/dx, is what all directions that read x pass on to it.
        """
        first, (_, _, x, h_prev, _) = number - number % self._directions, self._rows[number]
        found = []
        for entries in self.steps:
            layer = [step.gradients for step in entries[first : first + self._directions] if step.gradients is not None]
            if layer:
                flow, d_x = layer[number - first], np.sum([one.d_x for one in layer], axis=0)
                found.append([flow.from_output, flow.from_future, flow.d_h, flow.d_a, d_x])
        d_a = np.array([parts[3] for parts in found])
        return {"flows": found, "totals": [d_a.T @ x, d_a.T @ h_prev, d_a.sum(axis=0)] if found else []}

    def _numbers(self) -> dict[str, Any]:
        """All of it as plain numbers, for the page."""
        cells = []
        for number, row in enumerate(self._rows):
            steps, cell = [entries[number] for entries in self.steps], row.cell
            cells.append(
                {
                    "name": self._name(number),
                    "f": cell.nonlinearity,
                    "layer": number // self._directions,
                    "reverse": row.reverse,
                    "W_xh": cell.W_xh,
                    "W_hh": cell.W_hh,
                    "b_h": cell.b_h,
                    "steps": [[step.x, step.h_prev, step.W_xh_x, step.W_hh_h, step.a, step.h] for step in steps],
                    **self._back(number),
                    "left": left_of_the_first(row) if len(row.h) * len(cell.W_hh) ** 3 < MANY else None,
                }
            )
        head = None
        if self.y is not None:
            head = {"W_hy": self._reading.W_hy, "b_y": self._reading.b_y, "y": self.y}
        return {"tokens": self.tokens, "cells": cells, "head": head}


class _Reading(NamedTuple):
    """A head's answer about one row."""

    y: Array | None
    W_hy: Array | None
    b_y: Array | None


def trace(
    run: Unrolled | ModelRun | OneToManyRun,
    tokens: Sequence[object] | None = None,
    *,
    row: int = 0,
    gradients: RNNGradients | ModelGradients | DecoderGradients | OneToManyGradients | None = None,
) -> Trace:
    """Read a record step by step.

    ``h_t = tanh(W_xh x_t + W_hh h_{t-1} + b_h)``, and with gradients ``dL/dh_t = from_output + from_future``

    Parameters
    ----------
    run : Unrolled, or the record of a model
        What ``forward`` gave. Of an `EncoderDecoder`, one of its two networks: ``run.encoded`` or ``run.decoded``.
    tokens : sequence, (time,), or None
        What stands at each step, for people to read; one for each real step, or for each step with the padding.
        None takes the token ids, or nothing.
    row : int
        Which row of the batch.
    gradients : what ``run.backward`` gave, or None
        Of ``run.encoded`` and ``run.decoded`` they are ``gradients.encoded`` and ``gradients.decoded``.

    Returns
    -------
    Trace
        ``.steps[t]``: a `StepTrace` for each cell. ``print(it)`` writes the arithmetic out, ``.table()`` the states,
        ``.save_html(path)`` a page to step through.

    Raises
    ------
    TypeError
        If run isn't such a record, or the gradients aren't what one of its kind gives.
    IndexError
        If there is no such row.
    ValueError
        If the tokens are too few or too many, or the gradients aren't this run's.

    Examples
    --------
    One unit that halves its memory and adds its input:

    >>> from vanilla_rnn import RNN, RNNCell
    >>> rnn = RNN.from_cells([RNNCell.from_weights([[1.0]], [[0.5]])])
    >>> run = rnn.forward([[0.5], [0.0]])
    >>> found = trace(run, ["tick", "tock"], gradients=run.backward(d_h_n=[[1.0]]))
    >>> print(found.table())
    | Timestep | Token  |    h[0] |
    |----------|--------|---------|
    | t=0      | "tick" |  0.4621 |
    | t=1      | "tock" |  0.2270 |
    >>> step = found.steps[1][0]  # at t=1, of the only cell
    >>> print(step.W_xh_x.round(4), step.W_hh_h.round(4), step.a.round(4))
    [0.] [0.2311] [0.2311]
    >>> first = found.steps[0][0].gradients  # nothing reads h_0 but the step after it: W_hh d_a_1 = 0.5 (1 - 0.2270^2)
    >>> print(first.from_output, first.from_future.round(4))
    [0.] [0.4742]
    """
    where = "trace"
    if isinstance(run, OneToManyRun):
        run, gradients = run.decoded, gradients.decoded if isinstance(gradients, OneToManyGradients) else gradients
    record, row, rows = read_row(run, row, where)
    length = len(rows[0].x)
    time = record.output.shape[-2]
    if tokens is None:
        known = run.embedded if isinstance(run, ModelRun) else None
        tokens = [""] * time if known is None else known.ids.reshape(-1, time)[row].tolist()
    labels = [str(token) for token in tokens]
    if len(labels) not in (length, time):
        fix = "One stands for each step; of a text, tokenize(text) makes them."
        _checks.refuse(ValueError, where, "tokens", f"{length} long, the steps of row {row}", f"{len(labels)}", fix)
    came: Sequence[Sequence[StepFlow | None]] = [[None] * length for _ in rows]
    if gradients is not None:
        found = gradients.run if isinstance(gradients, (ModelGradients, DecoderGradients)) else gradients
        if not isinstance(found, RNNGradients):
            got, fix = _checks.shown(gradients), "Pass what run.backward(...) gave, the whole of it."
            _checks.refuse(TypeError, where, "gradients", "what the record's backward gives", got, fix)
        came = flows(record, rows, row, found)
    steps = [[_step_of(cell, t, flow[t]) for cell, flow in zip(rows, came, strict=True)] for t in range(length)]
    reading = run.reading if isinstance(run, ModelRun) else None
    return Trace(labels[:length], steps, rows, record.directions, _read_off(reading, record, row, length))


@np.errstate(over="ignore", invalid="ignore")  # tanh makes a state even of a sum that overflowed
def _step_of(row: CellRow, t: int, flow: StepFlow | None) -> StepTrace:
    cell, x, h_prev = row.cell, row.x[t], row.h_prev[t]
    from_input, from_memory = cell.W_xh @ x, cell.W_hh @ h_prev
    b_h = np.zeros_like(from_input) if cell.b_h is None else cell.b_h
    return StepTrace(x, h_prev, from_input, from_memory, b_h, from_input + from_memory + b_h, row.h[t], flow)


def _read_off(reading: HeadRun | None, record: Unrolled, row: int, length: int) -> _Reading:
    """What the head said about this row: at each real step, or once."""
    if reading is None:
        return _Reading(None, None, None)
    y = reading.y[row] if record.batched else reading.y
    return _Reading(y[:length] if y.ndim == 2 else y, reading.W_hy, reading.b_y)


def _header(*names: str) -> str:
    """Names above columns of numbers that are ten wide."""
    return "       " + "   ".join(f"{name:>10}" for name in names)


def _vector(values: Array) -> str:
    shown = ", ".join(f"{value:.4f}" for value in values[:TERMS])
    return f"({shown}, ... {len(values)} numbers)" if len(values) > TERMS else f"({shown})"


@np.errstate(over="ignore", invalid="ignore")
def _products(weights: Array, values: Array) -> str:
    """A row times a column, written out."""
    terms = " + ".join(f"{w:.4g} * {v:.4f}" for w, v in zip(weights[:TERMS], values[:TERMS], strict=True))
    more = f" + ... ({len(weights)} products)" if len(weights) > TERMS else ""
    return f"{terms}{more} = {weights @ values:.4f}"
