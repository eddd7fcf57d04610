"""A run as numbers: every product and every sum of every step, as arrays, as text, and as a page for a browser.

Nothing is computed twice: the trace reads what ``forward`` kept, and calls ``backward`` for the gradients.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from vanilla_rnn import _checks
from vanilla_rnn._atomic import write_file
from vanilla_rnn._calls import explained
from vanilla_rnn.cell import functions_of
from vanilla_rnn.inspection.flow import StepFlow, source_of, step_flows
from vanilla_rnn.inspection.page import page, page_numbers

if TYPE_CHECKING:
    import os

    from vanilla_rnn._types import Array, ArrayLike, Loss, Sequence
    from vanilla_rnn.cell import RNNCell
    from vanilla_rnn.inspection.flow import Source
    from vanilla_rnn.inspection.page import Question
    from vanilla_rnn.models import ModelRun
    from vanilla_rnn.rnn import CellRow, RNNRun
    from vanilla_rnn.seq2seq import OneToManyRun

TERMS = 6  # at most this many products of a row times a column are written out, so that lines stay short
FRAME = (  # for a notebook: once the page has loaded, the frame asks the page for its height and resizes to fit
    'sandbox="allow-scripts" style="width:100%;height:60em;border:0" onload="addEventListener(\'message\', event => {'
    " if (event.source === this.contentWindow && event.data.height) this.style.height = event.data.height + 'px'; });"
    " this.contentWindow.postMessage({}, '*')\""
)


class StepTrace(NamedTuple):
    """One step of one cell: ``h = tanh(W_xh_x + W_hh_h + b_h)``, with every part as an array."""

    x: Array  #: (input,): the input
    h_prev: Array  #: (hidden,): the state before the step
    W_xh_x: Array  #: (hidden,): W_xh x_t, the part from the input
    W_hh_h: Array  #: (hidden,): W_hh h_{t-1}, the part from memory
    b_h: Array  #: (hidden,): the bias; zeros if the cell has none
    a: Array  #: (hidden,): the sum of the three
    h: Array  #: (hidden,): the new state
    gradients: StepFlow | None  #: None if `trace` was given no loss and no gradient


class Trace:
    """What `trace` returns: every number that a network computed for one sequence.

    Attributes
    ----------
    tokens : list of str
        The token at each step.
    steps : list of list of StepTrace
        ``steps[t][i]`` is what ``cells[i]`` computed at step t.
    output : numpy.ndarray, (time, directions * hidden_size)
        The top layer's state after each step.
    y : numpy.ndarray or None
        The head's outputs: (time, output_size), or (output_size,) if there is only one output, at the end; None for the
        run of an `RNN` alone.
    loss : float or None
        The loss of this sequence; None if `trace` was given no loss.
    """

    def __init__(self, tokens: list[str], steps: list[list[StepTrace]], source: Source, y: Array | None) -> None:
        self.tokens, self.steps, self.y = tokens, steps, y
        self.loss = None if source.upstream is None else source.upstream.loss
        self._source, self._rows, self._directions = source, source.rows, source.rnn_run.directions
        self.output = np.concatenate([row.h for row in self._rows[-self._directions :]], axis=1)

    def __len__(self) -> int:
        return len(self.tokens)

    def __repr__(self) -> str:
        size = f"steps: {len(self)}, cells: {len(self._rows)}"
        return f"<Trace, {size}; see print(trace), .table() and .save_html('steps.html')>"

    def __str__(self) -> str:
        blocks = [self._step(t, number) for t in range(len(self)) for number in range(len(self._rows))]
        return "\n\n".join([self._equation(), *blocks])

    def table(self) -> str:
        """Return the top layer's state after each step, as a table in Markdown."""
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

    def to_html(self, questions: Sequence[Question] = ()) -> str:
        """Return a page in which a reader can change every number, train, and step through the run: see `save_html`."""
        _checks.iterable(questions, "questions", "Trace.save_html", 'Pass a list, such as ["state", "gradient"].')
        names = [self._name(number) for number in range(len(self._rows))]
        return page(page_numbers(self.tokens, names, self._source, questions))

    def save_html(self, path: str | os.PathLike[str], questions: Sequence[Question] = ()) -> None:
        """Write the page to a file that needs nothing else. If that fails, an existing file is left unchanged.

        Parameters
        ----------
        path : str or os.PathLike
            The file.
        questions : sequence of str or tuple
            What the page asks before it shows the answer: ``"state"`` (one value in the next state), or ``("state", t,
            unit)``; ``"probability"``; ``"gradient"``, the word with the largest gradient. If you pass no questions,
            the page asks these three if the reader wants it to.

        Raises
        ------
        ValueError
            If the trace doesn't contain what a question asks for.
        """
        data = self.to_html(questions).encode("utf-8")
        write_file(path, "Trace.save_html", lambda file: file.write(data))

    def _repr_html_(self) -> str:
        import html

        source = html.escape(self.to_html(), quote=True)  # in a frame, so that its style doesn't change the notebook's
        return f'<iframe srcdoc="{source}" title="Trace" {FRAME}></iframe>'

    def _equation(self) -> str:
        """The recurrence, once for each kind of cell."""
        kinds: dict[str, list[str]] = {}
        for number, (cell, reverse, *_) in enumerate(self._rows):
            before, bias = "h_{t+1}" if reverse else "h_{t-1}", "" if cell.b_h is None else " + b_h"
            equation = f"h_t = {_f(cell)}(W_xh x_t + W_hh {before}{bias}), the same weights at every step"
            kinds.setdefault(equation, []).append(f"cells[{number}]")
        if len(kinds) == 1:
            return next(iter(kinds))
        return "\n".join(f"{', '.join(names)}: {equation}" for equation, names in kinds.items())

    def _name(self, number: int) -> str:
        """A cell's layer and direction; "" if there is only one cell."""
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
        from_input, from_memory, f = f"W_xh x_{t}", f"W_hh h_{before}", _f(cell)
        lines.append(_header(from_input, from_memory, "b_h", "sum", f"{f} = h_{t}"))
        for i in range(len(step.h)):
            parts = f"{step.W_xh_x[i]:10.4f} + {step.W_hh_h[i]:10.4f} + {step.b_h[i]:10.4f} = {step.a[i]:10.4f}"
            lines.append(f"  {f'h[{i}]':<5}{parts}   {step.h[i]:10.4f}")
        for name, W, values in ((from_input, cell.W_xh, step.x), (from_memory, cell.W_hh, step.h_prev)):
            for i, weights in enumerate(W):
                lines.append(f"  {f'({name})[{i}]':<16} = {_products(weights, values)}")
        if step.gradients is not None:
            flow, slopes = step.gradients, functions_of(cell.nonlinearity)[1](step.h)
            lines.append(_header("own output", "future", f"dL/dh_{t}", f"{f}'", f"dL/da_{t}"))
            for i, slope in enumerate(slopes):
                parts = f"{flow.from_output[i]:10.6f} + {flow.from_future[i]:10.6f} = {flow.d_h[i]:10.6f}"
                lines.append(f"  {f'h[{i}]':<5}{parts} * {slope:10.6f} = {flow.d_a[i]:10.6f}")
        return "\n".join(lines)


@explained
def trace(
    run: RNNRun | ModelRun | OneToManyRun,
    tokens: Sequence[object] | None = None,
    *,
    row: int = 0,
    loss: Loss | None = None,
    targets: ArrayLike | None = None,
    d_logits: ArrayLike | None = None,
    d_output: ArrayLike | None = None,
    d_h_n: ArrayLike | None = None,
) -> Trace:
    """Look at a run step by step.

    ``h_t = tanh(W_xh x_t + W_hh h_{t-1} + b_h)``, and with a loss ``dL/dh_t = from_output + from_future``

    Parameters
    ----------
    run : RNNRun, ModelRun or OneToManyRun
        What ``forward`` returned. For an `EncoderDecoder`, one of its two networks: ``run.encoder_run`` or
        ``run.decoder_run``.
    tokens : sequence, (time,), or None
        A token for each step; those for padding may be left out. None shows the token ids.
    row : int
        The row of the batch to look at.
    loss : callable or None
        A loss function, such as `cross_entropy`, which is applied to this row alone. It can only be used with the run
        of a model.
    targets : array_like or None
        The targets of the whole batch; None if the run has them.
    d_logits, d_output, d_h_n : array_like or None
        Instead of a loss, upstream gradients: dL/dlogits for the run of a model, or dL/doutput and dL/dh_n.

    Returns
    -------
    Trace
        ``.steps[t]``: a `StepTrace` for each cell. ``print(trace)`` writes out the arithmetic, ``.table()`` gives the
        states, ``.save_html(path)`` writes a page to step through.

    Raises
    ------
    IndexError
        If there is no such row.
    ValueError
        If there are too few or too many tokens, or a gradient or the targets don't fit.

    Examples
    --------
    One unit that halves its previous state and adds its input:

    >>> from vanilla_rnn import RNN, RNNCell
    >>> rnn = RNN.from_cells([RNNCell.from_weights([[1.0]], [[0.5]])])
    >>> steps = trace(rnn.forward([[0.5], [0.0]]), ["tick", "tock"], d_h_n=[[1.0]])
    >>> print(steps.table())
    | Timestep | Token  |    h[0] |
    |----------|--------|---------|
    | t=0      | "tick" |  0.4621 |
    | t=1      | "tock" |  0.2270 |
    >>> step = steps.steps[1][0]  # at t=1, of the only cell
    >>> print(step.W_xh_x.round(4), step.W_hh_h.round(4), step.a.round(4))
    [0.] [0.2311] [0.2311]
    >>> first = steps.steps[0][0].gradients  # only the next step reads this state: W_hh d_a = 0.5 (1 - 0.2270^2)
    >>> print(first.from_output, first.from_future.round(4))
    [0.] [0.4742]
    """
    where = "trace"
    source = source_of(run, row, where, loss, targets, d_logits, d_output, d_h_n)
    model_run, rows, upstream = source.model_run, source.rows, source.upstream
    length, time = source.length, source.rnn_run.output.shape[-2]
    if tokens is None:
        embedding_run = None if model_run is None else model_run.embedding_run
        tokens = [""] * time if embedding_run is None else source.of_row(embedding_run.ids).tolist()
    fix = "Pass one for each step, such as tokenize(text)."
    _checks.iterable(tokens, "tokens", where, fix)
    try:
        texts = [str(token) for token in tokens]
    except (TypeError, ValueError):  # such as an int that is too long to print
        _checks.fail(TypeError, where, "tokens", "a sequence of texts", _checks.shown(tokens), fix)
    if len(texts) not in (length, time):
        expected = f"{length} tokens, one for each step of row {row}"
        _checks.fail(ValueError, where, "tokens", expected, str(len(texts)), fix)
    flows: Any = [[None] * length] * len(rows) if upstream is None else step_flows(source, upstream)
    steps = [[_step_trace(cell, t, flow[t]) for cell, flow in zip(rows, flows, strict=True)] for t in range(length)]
    y = None if model_run is None else source.of_row(model_run.logits)
    y = y[:length] if y is not None and y.ndim == 2 else y
    return Trace(texts[:length], steps, source, y)


@np.errstate(**_checks.QUIET)  # tanh gives a state even for a sum that has overflowed
def _step_trace(row: CellRow, t: int, flow: StepFlow | None) -> StepTrace:
    cell, x, h_prev = row.cell, row.x[t], row.h_prev[t]
    from_input, from_memory = cell.W_xh @ x, cell.W_hh @ h_prev
    b_h = np.zeros_like(from_input) if cell.b_h is None else cell.b_h
    return StepTrace(x, h_prev, from_input, from_memory, b_h, from_input + from_memory + b_h, row.h[t], flow)


def _f(cell: RNNCell) -> str:
    """The name of the nonlinearity; f for a function of your own."""
    return cell.nonlinearity if isinstance(cell.nonlinearity, str) else "f"


def _header(*names: str) -> str:
    """Names above columns of numbers, each ten characters wide."""
    return "       " + "   ".join(f"{name:>10}" for name in names)


def _vector(values: Array) -> str:
    shown = ", ".join(f"{value:.4f}" for value in values[:TERMS])
    return f"({shown}, ... {len(values)} numbers)" if len(values) > TERMS else f"({shown})"


@np.errstate(**_checks.QUIET)
def _products(weights: Array, values: Array) -> str:
    """A row times a column, written out."""
    terms = " + ".join(f"{w:.4g} * {v:.4f}" for w, v in zip(weights[:TERMS], values[:TERMS], strict=True))
    more = f" + ... ({len(weights)} products)" if len(weights) > TERMS else ""
    return f"{terms}{more} = {weights @ values:.4f}"
