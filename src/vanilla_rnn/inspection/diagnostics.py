"""Tools that check whether gradients are right, and measure how far back they reach."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from vanilla_rnn import _checks
from vanilla_rnn._calls import explained
from vanilla_rnn._module import quietly
from vanilla_rnn.inspection.flow import (
    in_reading_order,
    jacobian_norms,
    jacobian_norms_to_end,
    network_run,
    slopes,
    source_of,
    step_flows,
    vector_norm,
)
from vanilla_rnn.inspection.twin import FUNCTIONS, Twin

if TYPE_CHECKING:
    from vanilla_rnn._types import Array, ArrayLike, Loss
    from vanilla_rnn.models import ModelRun
    from vanilla_rnn.rnn import RNNRun
    from vanilla_rnn.seq2seq import OneToManyRun

STEP = 1e-50  # so small that its square vanishes; nothing is lost, because no difference is ever taken


class GradientFlow(NamedTuple):
    """What `gradient_flow` returns: one number for each cell and real step; ``[i, t]`` is for ``cells[i]`` at step t.

    The parts are vectors that add up, ``dL/dh_t = from_output + from_future``. These are their norms.
    """

    d_h: Array  #: (cells, time): ``||dL/dh_t||``, the whole gradient of the state after step t
    from_output: Array  #: (cells, time): the part from the head or the layer above, and at the last step from h_n
    from_future: Array  #: (cells, time): the part that came back through W_hh from later steps
    jacobian: Array  #: (cells, time): ``||J_t||``, the largest factor by which step t can scale a gradient
    product: Array  #: (cells, time): ``||J_T ... J_{t+1}||``, the largest factor from the last step back to step t

    def __str__(self) -> str:
        names = ("dL/dh", "own output", "future", "Jacobian", "product")
        cells, time = self.d_h.shape
        blocks = []
        for i in range(cells):
            title = f"cells[{i}]" if cells > 1 else "norms"
            lines = [f"{title:<10}" + "".join(f"{name:>12}" for name in names)]
            lines += [f"t={t:<8}" + "".join(f"{part[i, t]:12.4g}" for part in self) for t in range(time)]
            blocks.append("\n".join(lines))
        return "\n\n".join(blocks)


@explained
def gradient_flow(
    run: RNNRun | ModelRun | OneToManyRun,
    d_output: ArrayLike | None = None,
    d_h_n: ArrayLike | None = None,
    *,
    d_logits: ArrayLike | None = None,
    loss: Loss | None = None,
    targets: ArrayLike | None = None,
    row: int = 0,
) -> GradientFlow:
    """Measure the gradient at every step: how large it is, where it comes from, and how much a step can pass back.

    ``dL/dh_{t-1} = own output + J_t^T dL/dh_t`` with ``J_t = dh_t/dh_{t-1} = diag(tanh'(a_t)) W_hh``. A gradient
    vanishes because each ``J_t`` shrinks it a little [1]_.

    Parameters
    ----------
    run : RNNRun, ModelRun or OneToManyRun
        What ``forward`` returned. For an `EncoderDecoder`, one of its two networks: ``run.encoder_run`` or
        ``run.decoder_run``.
    d_output, d_h_n : array_like or None
        The gradient to follow, as for `RNNRun.backward`.
    d_logits : array_like or None
        dL/dlogits, as a loss returns it. For the run of a model, it can replace d_output and d_h_n.
    loss, targets
        A loss function, which is applied to this row alone, and the targets of the whole batch, as for `trace`. For the
        run of a model, they can replace a gradient.
    row : int
        The row of the batch to look at.

    Returns
    -------
    GradientFlow
        ``(d_h, from_output, from_future, jacobian, product)``, each (cells, time of the row). In a reverse direction
        the gradient goes from the first step to the last. A norm that overflowed is infinite. ``print`` shows a table.

    Raises
    ------
    IndexError
        If there is no such row.
    ValueError
        If there is no gradient, a shape doesn't fit, or a number at a real step isn't finite.

    References
    ----------
    .. [1] Bengio, Simard and Frasconi (1994), "Learning long-term dependencies with gradient descent is difficult",
       https://doi.org/10.1109/72.279181; Pascanu, Mikolov and Bengio (2013), "On the difficulty of training recurrent
       neural networks", https://arxiv.org/abs/1211.5063

    Examples
    --------
    A unit that halves its state, at states near 0, where tanh' is 1: each step back leaves half of the gradient.

    >>> from vanilla_rnn import RNN, RNNCell
    >>> rnn = RNN.from_cells([RNNCell.from_weights([[1.0]], [[0.5]])])
    >>> flow = gradient_flow(rnn.forward([[1e-9]] * 4), d_h_n=[[1.0]])
    >>> print(flow.d_h)
    [[0.125 0.25  0.5   1.   ]]
    >>> print(flow.jacobian)
    [[0.5 0.5 0.5 0.5]]
    """
    where = "gradient_flow"
    source = source_of(run, row, where, loss, targets, d_logits, d_output, d_h_n)
    if source.upstream is None:
        fix = "Pass d_output, d_h_n or d_logits, or a loss with its targets."
        _checks.fail(ValueError, where, "d_output, d_h_n, d_logits or loss", "a gradient to follow", "None", fix)
    rows, by_cell = source.rows, step_flows(source, source.upstream)

    def norms(name: str) -> Array:
        """The norms of one part of the gradient, (cells, time)."""
        return np.array([[vector_norm(getattr(flow, name)) for flow in flows] for flows in by_cell])

    jacobian = [jacobian_norms(r) for r in rows]
    product = [jacobian_norms_to_end(r) for r in rows]
    return GradientFlow(norms("d_h"), norms("from_output"), norms("from_future"), np.array(jacobian), np.array(product))


@np.errstate(**_checks.QUIET)  # a gradient that exploded counts as remembered
def memory_span(run: RNNRun | ModelRun | OneToManyRun, *, threshold: float = 0.01, row: int = 0) -> list[int]:
    """Measure how many steps back a small change to the state still affects a network's last state.

    ``L = ||h_T||``, and the span is the largest k with ``||dL/dh_{T-k}|| > threshold * ||dL/dh_T||``

    Only the path through W_hh counts, from state to state of one cell. The span limits how far back a network can learn
    and, if its states are small, how far back it remembers. A saturated unit is different: it stays near -1 or 1, and
    so remembers which of the two it was, although no small change affects it. Such a memory has a short span.

    Parameters
    ----------
    run : RNNRun, ModelRun or OneToManyRun
        What ``forward`` returned. For an `EncoderDecoder`, one of its two networks: ``run.encoder_run`` or
        ``run.decoder_run``.
    threshold : float
        The smallest fraction that counts as memory, above 0 and below 1.
    row : int
        The row of the batch to look at.

    Returns
    -------
    list of int
        One span, in steps, for each of ``cells``. The largest possible span is one less than the number of steps; it
        means that the sequence was too short to tell. The span is 0 if the last state is 0, where the norm has no
        gradient.

    Raises
    ------
    IndexError
        If there is no such row.

    Examples
    --------
    A unit that halves its state keeps 1/64 = 0.016 after six steps, and less than 0.01 after seven.

    >>> from vanilla_rnn import RNN, RNNCell
    >>> rnn = RNN.from_cells([RNNCell.from_weights([[1.0]], [[0.5]])])
    >>> memory_span(rnn.forward([[1e-9]] * 20))
    [6]
    """
    where = "memory_span"
    threshold = _checks.argument(threshold, "threshold", where)
    rnn_run, _, row = network_run(run, row, where)
    spans = []
    for r in rnn_run.read(row):
        span, logarithm = 0, 0.0  # the log of the gradient's norm, which itself may be too large or small for a float
        d_h = in_reading_order(r, r.h)[-1:].astype(np.float64).ravel()  # dL/dh_T, after the division by its norm
        if len(d_h) and (norm := vector_norm(d_h)):
            d_h = d_h / norm
            for back, slope_t in enumerate(slopes(r)[:0:-1], start=1):  # the first step would lead to h_0
                d_h = (slope_t * d_h) @ r.cell.W_hh  # J_t^T d_h
                norm = vector_norm(d_h)
                if norm == 0:
                    break
                d_h, logarithm = d_h / norm, logarithm + math.log(norm)
                if logarithm > math.log(threshold):
                    span = back
        spans.append(span)
    return spans


def spectral_radius(W_hh: ArrayLike) -> float:
    """Return the largest absolute eigenvalue of a recurrent matrix.

    ``rho(W_hh) = lim ||W_hh^k||^(1/k)``

    For states near 0, where tanh' is 1, it is the average factor per step by which a gradient is scaled over many
    steps. Below 1, the gradient eventually vanishes; above 1, it explodes. The first few steps may differ. For larger
    states a step multiplies by ``diag(tanh') W_hh``. This usually shrinks a gradient further, but that matrix can also
    have a larger spectral radius than W_hh. One bound always holds: no step scales a gradient by more than
    ``||W_hh||_2``, the largest singular value.

    Parameters
    ----------
    W_hh : array_like, (hidden_size, hidden_size)
        The weights from state to state.

    Returns
    -------
    float
        At least 0.

    Examples
    --------
    A rotation changes the direction of a state but not its length: its eigenvalues, cos + i sin, have absolute
    value 1.

    >>> round(spectral_radius([[0.6, -0.8], [0.8, 0.6]]), 12)
    1.0
    """
    fix = "Pass W_hh, which is square; W_xh has no eigenvalues."
    sizes: dict[str, Any] = {}
    W_hh = _checks.tensor(W_hh, "W_hh", "hidden_size hidden_size", sizes, "spectral_radius", None, fix)
    _checks.size(sizes["hidden_size"], "hidden_size", "spectral_radius")
    return float(np.abs(np.linalg.eigvals(W_hh)).max())


def check_gradients(module: Any, *inputs: Any) -> float:
    """Compare a module's backward with the derivative itself, number by number.

    The derivative comes from the complex step, ``df/dx = Im f(x + i h) / h``, on a complex copy of the module. Unlike a
    difference quotient it subtracts nothing, so h can be so small that the result is exact to the last digits [1]_. The
    function is a randomly weighted sum of all outputs, and backward is given these weights.

    Parameters
    ----------
    module : Module
        Any module of this library, or your own, if it follows two rules. Each argument of its run's ``backward`` is
        named ``d_`` plus the name of an output of the run. The result has ``d_parameters``, and a ``d_`` for each float
        input of forward.
    *inputs
        As for ``module.forward``. Arrays of floats are differentiated, integers are not: write 1.0, not 1. An input
        that is left out isn't checked, so pass an h_0 too.

    Returns
    -------
    float
        The worst error: over all parameters and float inputs, the largest of ``max|backward - derivative| /
        max|derivative|``. In float64 it is about 1e-14 if backward is right; infinity if a gradient isn't finite.

    Raises
    ------
    ValueError
        If a gradient is missing, belongs to no parameter, or has a different shape from its array; or if forward loses
        the imaginary part of its inputs, in a buffer of real numbers or in a function such as ``np.abs``.

    References
    ----------
    .. [1] Squire and Trapp (1998), "Using Complex Variables to Estimate Derivatives of Real Functions",
       https://doi.org/10.1137/S003614459631241X

    Examples
    --------
    >>> import numpy as np
    >>> from vanilla_rnn import RNN
    >>> x = np.random.default_rng(0).standard_normal((2, 5, 3))
    >>> check_gradients(RNN(3, 4, num_layers=2, bidirectional=True, rng=0), x, None, [5, 3]) < 1e-11
    True
    """
    import inspect

    where, fix = "check_gradients", "Check what the run's backward returns."
    if isinstance(module, type) or not hasattr(module, "forward") or not hasattr(module, "parameters"):
        expected, got = "a module with forward and parameters", _checks.shown(module)
        _checks.fail(TypeError, where, "module", expected, got, "Pass the module itself, then its inputs.")
    twin = Twin(module, where)
    run = module.forward(*inputs)
    outputs = [name.removeprefix("d_") for name in inspect.signature(run.backward).parameters]
    rng = np.random.default_rng(0)
    weights = {name: rng.standard_normal(np.shape(getattr(run, name))) for name in outputs}
    if "logits" in weights:  # backward ignores everything beyond a sequence's length
        weights["logits"] = _checks.zero_padding(weights["logits"], getattr(run, "lengths", None))
    gradients = run.backward(**{f"d_{name}": values for name, values in weights.items()})

    if not hasattr(gradients, "d_parameters"):
        got, own_fix = _checks.shown(gradients), "For a cell of your own, check RNN.from_cells([cell])."
        _checks.fail(TypeError, where, "the result of backward", "an object with d_parameters", got, own_fix)
    if differing := _checks.differing(gradients.d_parameters, twin.parameters):
        expected = "a dictionary with the keys of parameters()"
        _checks.fail(ValueError, where, "d_parameters", expected, f"one {differing}", fix)
    arguments = inspect.signature(module.forward).bind(*inputs).arguments
    moved = {name: np.array(value, np.complex128) for name, value in arguments.items() if _is_float(value)}
    pairs = [(path, values, gradients.d_parameters[path]) for path, values in twin.parameters.items()]
    for name, values in moved.items():
        if not hasattr(gradients, f"d_{name.removesuffix('_t')}"):
            _checks.fail(ValueError, where, f"the gradient of {name}", f"returned by backward as d_{name}", "none", fix)
        gradient = getattr(gradients, f"d_{name.removesuffix('_t')}")
        # None means that the outputs don't depend on this input.
        pairs.append((name, values, np.zeros(values.shape) if gradient is None else gradient))

    def weighted_sum(values: Array, index: tuple[int, ...], step: complex) -> complex:
        """The weighted sum of all outputs, with a step added to one number."""
        before = values[index]
        values[index] += step
        twin_run = twin.forward((arguments | moved).values())
        values[index] = before
        return complex(sum(np.vdot(weights[name], getattr(twin_run, name)) for name in outputs))

    errors = [0.0]
    for name, values, gradient in pairs:
        gradient = _checks.array(gradient, f"the gradient of {name}", where)
        if gradient.shape != values.shape:
            expected, got = f"an array of shape {values.shape}", f"shape {gradient.shape}"
            _checks.fail(ValueError, where, f"the gradient of {name}", expected, got, fix)
        if values.size:
            sums = [weighted_sum(values, index, STEP * 1j) for index in np.ndindex(values.shape)]
            true = np.reshape(quietly(np.divide, np.array(sums).imag, STEP), values.shape)
            errors.append(_relative_error(gradient, true))
            if errors[-1] > 1e-6 and np.isfinite(gradient).all():  # backward may be right, and the complex step wrong
                worst = np.unravel_index(np.abs(gradient - true).argmax(), values.shape)
                difference = weighted_sum(values, worst, 1e-5) - weighted_sum(values, worst, -1e-5)
                quotient = difference.real / 2e-5  # less exact, but it needs no complex numbers
                if abs(gradient[worst] - quotient) < 1e-3 * abs(true[worst] - quotient):
                    twin.refuse("one that ignores the imaginary part, as np.abs does", FUNCTIONS)
    return max(errors)


@np.errstate(**_checks.QUIET)
def _relative_error(gradient: Array, true: Array) -> float:
    """``max|gradient - true| / max|true|``; infinity if a number isn't finite, or if only the true gradient is 0."""
    error, scale = np.abs(gradient - true).max(), np.abs(true).max()
    if not np.isfinite(error) or (error > 0 and not scale):
        return math.inf
    return float(error / scale) if scale else 0.0


def _is_float(value: Any) -> bool:
    return value is not None and np.asarray(value).dtype.kind == "f"
