"""How a gradient reaches each step: from the step's own output, and from the steps that follow.

Backpropagation adds the two as it goes. Here they are separated again. The Jacobians of the steps show how much of a
gradient can remain.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from vanilla_rnn import _checks, _hints
from vanilla_rnn._module import unchecked
from vanilla_rnn.cell import functions_of
from vanilla_rnn.losses import evaluate_loss, require_finite_loss
from vanilla_rnn.models import ModelRun
from vanilla_rnn.own_cell import is_plain
from vanilla_rnn.rnn import RNNRun
from vanilla_rnn.seq2seq import OneToManyRun

if TYPE_CHECKING:
    from vanilla_rnn._types import Array, Loss
    from vanilla_rnn.rnn import CellRow


class StepFlow(NamedTuple):
    """The gradient at one step of one cell: ``dL/dh_t = from_output + from_future``, and what follows from it."""

    from_output: Array  #: (hidden,): from the step's own output: the head, the layer above, h_n at the last step
    from_future: Array  #: (hidden,): W_hh^T d_a of the step that read h_t ("dhnext" in many tutorials)
    d_h: Array  #: (hidden,): their sum, dL/dh_t
    d_a: Array  #: (hidden,): dL/da_t = dL/dh_t * tanh'(a_t)
    d_x: Array  #: (input,): W_xh^T d_a, the gradient that this cell passes to its input
    x: Array  #: (input,): the input of the step
    h_prev: Array  #: (hidden,): the state before the step

    @property
    def d_W_xh(self) -> Array:  # noqa: N802  # named like its symbol
        """The step's part of d_W_xh: d_a x^T, (hidden, input)."""
        return np.outer(self.d_a, self.x)

    @property
    def d_W_hh(self) -> Array:  # noqa: N802
        """The step's part of d_W_hh: d_a h_{t-1}^T, (hidden, hidden)."""
        return np.outer(self.d_a, self.h_prev)


class Upstream(NamedTuple):
    """The gradients that arrive at an RNN's results, and the loss that they belong to."""

    d_output: Array | None
    d_h_n: Array | None
    loss: float | None
    d_logits: Array | None  #: dL/dlogits, if d_output and d_h_n were computed from it; None if they were given


class Source(NamedTuple):
    """One sequence of a run, and the gradient that arrives there."""

    rnn_run: RNNRun
    model_run: ModelRun | None
    row: int  #: of the batch
    rows: list[CellRow]  #: what each cell computed for this row
    loss: Loss | None
    targets: Array | None  #: of the whole batch
    upstream: Upstream | None

    @property
    def length(self) -> int:
        """The number of real steps."""
        return len(self.rows[0].x)

    def of_row(self, values: Array, length: int | None = None) -> Array:
        """The part of a batch's array that belongs to this row, up to its length."""
        part = values[self.row] if self.rnn_run.batched else values
        return part if length is None else part[:length]


@np.errstate(**_checks.QUIET)  # a gradient that exploded is shown as it is
def step_flows(source: Source, upstream: Upstream) -> list[list[StepFlow]]:
    """The gradient at every step of every cell, for one sequence: ``step_flows(...)[cell][t]``."""
    run, rows, length = source.rnn_run, source.rows, source.length
    directions, all_d_a = run.directions, unchecked(run, RNNRun, "backward")(upstream.d_output, upstream.d_h_n).d_a
    of_row = [source.of_row(d_a, length) for d_a in all_d_a]
    above = np.zeros((length, directions * len(rows[-1].cell.W_hh)), run.h_n.dtype)  # dL/doutput, layer by layer
    if upstream.d_output is not None:
        above = source.of_row(upstream.d_output, length)
    by_cell: list[list[StepFlow]] = []
    for number, (cell, reverse, x, h_prev, h) in reversed(list(enumerate(rows))):
        hidden, d_a = len(cell.W_hh), of_row[number]
        from_output = (above[:, hidden:] if reverse else above[:, :hidden]).copy()
        from_future = np.zeros_like(h)
        if length:
            if upstream.d_h_n is not None:
                from_output[0 if reverse else -1] += source.of_row(upstream.d_h_n[number])
            to_previous = d_a @ cell.W_hh  # W_hh^T d_a of each step, for the step whose state it read
            if reverse:
                from_future[1:] = to_previous[:-1]
            else:
                from_future[:-1] = to_previous[1:]
        parts = zip(from_output, from_future, from_output + from_future, d_a, d_a @ cell.W_xh, x, h_prev, strict=True)
        by_cell.insert(0, [StepFlow(*values) for values in parts])
        if not reverse:  # all directions of the layer are done: their W_xh pass the gradient to the layer below
            above = np.sum([of_row[n] @ rows[n].cell.W_xh for n in range(number, number + directions)], axis=0)
    return by_cell


def network_run(run: Any, row: Any, where: str) -> tuple[RNNRun, ModelRun | None, int]:
    """Check run and row; return the run of the RNN, the run of the model that contains it (or None), and the row."""
    model_run = run.decoder_run if isinstance(run, OneToManyRun) else run if isinstance(run, ModelRun) else None
    rnn_run = run if model_run is None else model_run.rnn_run
    if not isinstance(rnn_run, RNNRun):
        fix = "Pass what the forward of an RNN or a model returned."
        if hasattr(run, "encoder_run"):
            fix = "Choose one of its two networks: run.encoder_run or run.decoder_run."
        _checks.fail(TypeError, where, "run", "the run of a network", _checks.shown(run), fix)
    for number, cell in enumerate(rnn_run.cells):
        if not is_plain(cell):
            got, fix = f"cells[{number}] of the class {type(cell).__name__}", "Use an RNN of RNNCells here."
            _checks.fail(TypeError, where, "run", "the run of a network of RNNCells", got, fix)
    batch = len(rnn_run.output) if rnn_run.batched else 1
    row = _checks.integer(row, "row", where)
    if not 0 <= row < batch:
        expected = f"from 0 to {batch - 1}" if batch else "a row of the batch, which is empty"
        fix = "Count the rows of the batch from 0." if batch else "Pass a run of at least one sequence."
        _checks.fail(IndexError, where, "row", expected, _hints.brief(row), fix)
    return rnn_run, model_run, row


def source_of(
    run: Any, row: Any, where: str, loss: Loss | None, targets: Any, d_logits: Any, d_output: Any, d_h_n: Any
) -> Source:
    """A row of a run, and the upstream gradients that a caller gives in one of three ways, or not at all."""
    rnn_run, model_run, row = network_run(run, row, where)
    value, upstream = None, None
    if targets is not None:
        targets = _checks.array(targets, "targets", where).copy()  # like the gradients: the caller may change them
    ways = {"loss": loss, "d_logits": d_logits, "d_output or d_h_n": d_h_n if d_output is None else d_output}
    given = [name for name, way in ways.items() if way is not None]
    if len(given) > 1 or (targets is not None and loss is None):
        expected, fix = "one of: loss with targets; d_logits; d_output or d_h_n", "Pass only one of these."
        got = " and ".join(given or ["targets without a loss"])
        _checks.fail(ValueError, where, "the gradient", expected, got, fix)
    if (loss is not None or d_logits is not None) and model_run is None:
        fix = "Pass d_output or d_h_n, or the run of a model."
        _checks.fail(TypeError, where, "run", "a model's run, to use loss or d_logits", _checks.shown(rnn_run), fix)
    if loss is not None and model_run is not None:
        value, d_logits = _row_loss(model_run, row, loss, targets, where)
        require_finite_loss(value, where)
    if d_output is not None:
        d_output = _checks.gradient(d_output, rnn_run.output, "d_output", where, rnn_run.lengths).copy()
    if d_h_n is not None:
        d_h_n = _checks.gradient(d_h_n, rnn_run.h_n, "d_h_n", where).copy()
    if d_logits is not None and model_run is not None:
        d_logits = _checks.gradient(d_logits, model_run.logits, "d_logits", where, model_run.lengths).copy()
        d_output, d_h_n, _ = model_run.head_run.backward(_checks.zero_padding(d_logits, model_run.lengths))
    if d_output is not None or d_h_n is not None:
        upstream = Upstream(d_output, d_h_n, value, d_logits)
    return Source(rnn_run, model_run, row, rnn_run.read(row), loss, targets, upstream)


def _row_loss(run: ModelRun, row: int, loss: Any, targets: Any, where: str) -> tuple[float, Array]:
    """The loss of one row alone, and its gradient in the shape of all logits."""
    if not callable(loss):
        fix = "Pass the function itself: loss=cross_entropy."
        _checks.fail(TypeError, where, "loss", "a loss function", _checks.shown(loss), fix)
    targets = run.targets if targets is None else targets.copy()  # the function may change them
    if targets is None:
        fix = "Pass the targets of the whole batch: this model doesn't make them."
        _checks.fail(ValueError, where, "targets", "the targets of the loss", "None", fix)
    if not run.rnn_run.batched:
        return evaluate_loss(loss, run.logits, targets, where, lengths=None)
    if targets.shape[:1] != run.logits.shape[:1]:
        expected, fix = f"an array of {len(run.logits)} rows, like the batch", "Pass the targets of the whole batch."
        _checks.fail(ValueError, where, "targets", expected, f"shape {targets.shape}", fix)
    one = slice(row, row + 1)
    lengths = None if run.lengths is None else run.lengths[one]
    value, d_row = evaluate_loss(loss, run.logits[one], targets[one], where, lengths=lengths)
    d_logits = np.zeros_like(run.logits)
    d_logits[one] = d_row
    return value, d_logits


def in_reading_order(row: CellRow, values: Array) -> Array:
    """Values by step, in the order in which the cell read the sequence; it is its own inverse."""
    return values[::-1] if row.reverse else values


def slopes(row: CellRow) -> Array:
    """tanh'(a_t) of every step in reading order: (time, hidden).

    A small change to the previous state is multiplied by ``J_t = dh_t / dh_{t-1} = diag(tanh'(a_t)) W_hh``.
    """
    _, slope = functions_of(row.cell.nonlinearity)
    return in_reading_order(row, slope(row.h))


@np.errstate(**_checks.QUIET)  # a product that exploded is infinite
def jacobian_norms_to_end(row: CellRow) -> Array:
    """How much of a small change to each state can remain after the last step: (time,).

    ``|| J_T J_{T-1} ... J_{t+1} ||_2``; this also bounds how much of a gradient at the last step remains at step t.
    """
    W_hh, product, norms = row.cell.W_hh, np.eye(len(row.cell.W_hh)), []
    for slope_t in slopes(row)[::-1]:
        norms.append(_spectral_norm(product))
        product = (product * slope_t) @ W_hh
    return in_reading_order(row, np.array(norms[::-1]))


@np.errstate(**_checks.QUIET)
def vector_norm(vector: Array) -> float:
    """A vector's norm, computed so that no square overflows or vanishes; infinity if a number has overflowed."""
    largest = float(np.abs(vector).max())
    if not math.isfinite(largest):
        return math.inf
    return largest * float(np.linalg.norm(vector / largest)) if largest else 0.0


@np.errstate(**_checks.QUIET)
def jacobian_norms(row: CellRow) -> Array:
    """``||J_t||_2``, the largest factor by which each step can scale a gradient: (time,)."""
    norms = [_spectral_norm(slope_t[:, None] * row.cell.W_hh) for slope_t in slopes(row)]
    return in_reading_order(row, np.array(norms))


def _spectral_norm(product: Array) -> float:
    """The largest factor by which a matrix can lengthen a vector; infinity if it has overflowed."""
    return float(np.linalg.norm(product, 2)) if np.isfinite(product).all() else np.inf
