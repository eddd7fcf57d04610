"""Looking into a network: whether its gradients are right, and how far back they reach."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from vanilla_rnn import _checks
from vanilla_rnn.flow import as_read, flows, left_at_the_end, slopes
from vanilla_rnn.unrolled import read_row

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from vanilla_rnn._checks import Array
    from vanilla_rnn.models import ModelRun
    from vanilla_rnn.unrolled import Unrolled
    from vanilla_rnn.writers import OneToManyRun

STEP = 1e-50  # so small that its square vanishes, and nothing is lost by it: no difference is ever taken


class GradientFlow(NamedTuple):
    """What `gradient_flow` gives: for each cell and each real step a number; ``[i, t]`` is of ``cells[i]`` at step t.

    The shares are vectors that add up, ``dL/dh_t = from_output + from_future``; what stands here is the length of each.
    """

    d_h: Array  #: (cells, time): ``||dL/dh_t||``, all that reaches the state after step t
    from_output: Array  #: (cells, time): of what reads h_t itself: the output, the layer above, at the end h_n
    from_future: Array  #: (cells, time): of what came back through W_hh from the steps after
    jacobian: Array  #: (cells, time): ``||J_t||``, the most that step t lets through
    product: Array  #: (cells, time): ``||J_T ... J_{t+1}||``, the most that is left at step t of a gradient at the end

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


def gradient_flow(
    run: Unrolled | ModelRun | OneToManyRun,
    d_output: ArrayLike | None = None,
    d_h_n: ArrayLike | None = None,
    *,
    row: int = 0,
) -> GradientFlow:
    """How long the gradient is at every step of its way back, where it comes from, and what each step lets through.

    ``dL/dh_{t-1} = own output + J_t^T dL/dh_t`` with ``J_t = dh_t/dh_{t-1} = diag(tanh'(a_t)) W_hh``: the vanishing
    gradient happens in ``J_t``, once a step [1]_.

    Parameters
    ----------
    run : Unrolled, or the record of a model
        What ``forward`` gave. Of an `EncoderDecoder`, one of its two networks: ``run.encoded`` or ``run.decoded``.
    d_output, d_h_n : array_like or None
        The gradient to follow, as for `Unrolled.backward`. For the loss of a model they are the first two that
        ``run.reading.backward(d_logits)`` gives.
    row : int
        Which row of the batch.

    Returns
    -------
    GradientFlow
        ``(d_h, from_output, from_future, jacobian, product)``, each (cells, time of the row). Of a reverse direction
        the way back goes from the first step to the last. What overflowed is infinite. ``print(it)`` writes them in
        columns.

    Raises
    ------
    TypeError
        If run isn't such a record.
    IndexError
        If there is no such row.
    ValueError
        If both gradients are None, a shape doesn't fit, or a number at a real step isn't finite.

    References
    ----------
    .. [1] Bengio, Simard and Frasconi (1994), "Learning long-term dependencies with gradient descent is difficult",
       https://doi.org/10.1109/72.279181; Pascanu, Mikolov and Bengio (2013), "On the difficulty of training recurrent
       neural networks", https://arxiv.org/abs/1211.5063

    Examples
    --------
    A unit that halves its memory, at states near 0, where tanh' is 1: every step back leaves half of the gradient.

    >>> from vanilla_rnn import RNN, RNNCell
    >>> rnn = RNN.from_cells([RNNCell.from_weights([[1.0]], [[0.5]])])
    >>> flow = gradient_flow(rnn.forward([[1e-9]] * 4), d_h_n=[[1.0]])
    >>> print(flow.d_h)
    [[0.125 0.25  0.5   1.   ]]
    >>> print(flow.jacobian)
    [[0.5 0.5 0.5 0.5]]
    """
    record, row, rows = read_row(run, row, "gradient_flow")
    by_step = flows(record, rows, row, record.backward(d_output, d_h_n))
    shape = (len(rows), len(rows[0].x))

    def norms(name: str) -> Array:
        return np.array([[_length(getattr(flow, name)) for flow in cell] for cell in by_step]).reshape(shape)

    jacobian = [
        as_read(one, np.array([np.linalg.norm(slope_t[:, None] * one.cell.W_hh, 2) for slope_t in slopes(one)]))
        for one in rows
    ]
    product = [left_at_the_end(one) for one in rows]
    return GradientFlow(norms("d_h"), norms("from_output"), norms("from_future"), np.array(jacobian), np.array(product))


def memory_span(run: Unrolled | ModelRun | OneToManyRun, *, threshold: float = 0.01, row: int = 0) -> list[int]:
    """How many steps back a small change of the state still moves a network's last state: how far a gradient reaches.

    ``L = ||h_T||``, and the span is the largest k with ``||dL/dh_{T-k}|| > threshold * ||dL/dh_T||``

    Only the way through W_hh counts, from state to state of one cell. The span is what there is to learn by, and of a
    network at small states its memory. A unit that has gone to an end of tanh's range and stays there remembers which
    end it was, while no small change moves it: a memory of that kind has a short span.

    Parameters
    ----------
    run : Unrolled, or the record of a model
        What ``forward`` gave. Of an `EncoderDecoder`, one of its two networks: ``run.encoded`` or ``run.decoded``.
    threshold : float
        The share that is worth being called memory, above 0 and below 1.
    row : int
        Which row of the batch.

    Returns
    -------
    list of int
        For each of ``cells`` a number of steps, at most one less than the row has: a span as long as that says that the
        sequence was too short to tell. 0 where the last state is 0, for there the length has no gradient.

    Raises
    ------
    TypeError
        If run isn't such a record or threshold isn't a number.
    IndexError
        If there is no such row.
    ValueError
        If threshold is out of bounds.

    Examples
    --------
    A unit that halves its memory keeps 1/64 = 0.016 after six steps, and less than 0.01 after seven.

    >>> from vanilla_rnn import RNN, RNNCell
    >>> rnn = RNN.from_cells([RNNCell.from_weights([[1.0]], [[0.5]])])
    >>> memory_span(rnn.forward([[1e-9]] * 20))
    [6]
    """
    threshold = _checks.number(threshold, "threshold", "memory_span", above=0.0, below=1.0)
    _, _, rows = read_row(run, row, "memory_span")
    spans = []
    for one in rows:
        span, logarithm = 0, 0.0  # of the gradient's length, which may be too large or too small for a number
        d_h = as_read(one, one.h)[-1:].astype(np.float64).ravel()  # dL/dh_T, once its length is made 1
        if len(d_h) and (length := _length(d_h)):
            d_h = d_h / length
            for back, slope_t in enumerate(
                slopes(one)[:0:-1], start=1
            ):  # the first step's leads to h_0, out of the row
                d_h = (slope_t * d_h) @ one.cell.W_hh  # J_t^T d_h
                length = _length(d_h)
                if length == 0:
                    break
                d_h, logarithm = d_h / length, logarithm + math.log(length)
                if logarithm > math.log(threshold):
                    span = back
        spans.append(span)
    return spans


def _length(vector: Array) -> float:
    """A vector's norm, whose squares neither overflow nor vanish; infinity where a number in it has overflowed."""
    largest = float(np.abs(vector).max())
    if not math.isfinite(largest):
        return math.inf
    return largest * float(np.linalg.norm(vector / largest)) if largest else 0.0


def spectral_radius(W_hh: ArrayLike) -> float:
    """The largest absolute eigenvalue of a recurrent matrix: what each of many steps multiplies a gradient by, near 0.

    ``rho(W_hh) = lim ||W_hh^k||^(1/k)``

    That is so at states so small that tanh' is 1: there a gradient vanishes in the end if it is below 1, explodes if it
    is above, and on the first steps may do otherwise. At larger states a step multiplies by ``diag(tanh') W_hh``, which
    as a rule shortens a gradient further, but may have a larger radius than W_hh. What holds everywhere: no step
    lengthens a gradient by more than ``||W_hh||_2``, the largest singular value.

    Parameters
    ----------
    W_hh : array_like, (hidden_size, hidden_size)
        The weights from state to state.

    Returns
    -------
    float
        At least 0.

    Raises
    ------
    ValueError
        If it isn't square, is empty, or a number isn't finite.
    TypeError
        If it isn't an array of real numbers.

    Examples
    --------
    A rotation turns a state and keeps its length: its eigenvalues, cos + i sin, have the absolute value 1.

    >>> round(spectral_radius([[0.6, -0.8], [0.8, 0.6]]), 12)
    1.0
    """
    where = "spectral_radius"
    W_hh = _checks.floats(W_hh, "W_hh", where)
    _checks.axes(W_hh, {2: "(hidden_size, hidden_size)"}, "W_hh", where)
    size = _checks.size(len(W_hh), "hidden_size (rows of W_hh)", where)
    fix = "Only what leads from state to state has eigenvalues; W_xh has none."
    _checks.shape(W_hh, (size, size), "(hidden_size, hidden_size)", "W_hh", where, fix)
    _checks.finite(W_hh, "W_hh", where)
    return float(np.abs(np.linalg.eigvals(W_hh)).max())


def check_gradients(module: Any, *inputs: Any) -> float:
    """Compare a module's backward with the derivative itself, number by number.

    The derivative is the complex step's, ``df/dx = Im f(x + i h) / h``, on a complex copy of the module. Unlike a
    difference quotient it subtracts nothing, so h can be so small that the result is right to the last digits [1]_.
    What is differentiated is a sum of all outputs with random weights; backward is given these weights.

    Parameters
    ----------
    module : Module
        Any of this library's, or one of your own that keeps to two rules: its forward's record has a ``backward`` whose
        arguments are ``d_`` and the name of what the record calls an output, and what that gives has ``d_parameters``
        and a ``d_`` for each float input of forward.
    *inputs
        As for ``module.forward``. Arrays of floats are differentiated, integers are not: write 1.0, not 1. What is left
        out isn't checked, so pass an h_0 too.

    Returns
    -------
    float
        The worst error: over all parameters and float inputs, the largest of ``max|backward - derivative| /
        max|derivative|``. In float64 it is about 1e-14 where backward is right; infinity where a gradient isn't finite.

    Raises
    ------
    ValueError
        If a gradient is missing, is of nothing, or has another shape than what it is of.

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
    from copy import deepcopy

    where, fix = "check_gradients", "What does the record's backward give?"
    record = module.forward(*inputs)
    outputs = [name.removeprefix("d_") for name in inspect.signature(record.backward).parameters]
    rng = np.random.default_rng(0)
    weights = {name: rng.standard_normal(np.shape(getattr(record, name))) for name in outputs}
    gradients = record.backward(**{f"d_{name}": values for name, values in weights.items()})

    parameters = module.parameters()
    for path in parameters.keys() ^ gradients.d_parameters.keys():
        got = "none" if path in parameters else "one of what isn't a parameter"
        _checks.refuse(ValueError, where, f"the gradient of {path}", "there if and only if it is a parameter", got, fix)
    twins = {path: values.astype(np.complex128) for path, values in parameters.items()}
    twin = deepcopy(module, {id(values): twins[path] for path, values in parameters.items()})  # all but the arrays
    arguments = inspect.signature(module.forward).bind(*inputs).arguments
    moved = {name: np.array(value, np.complex128) for name, value in arguments.items() if _is_float(value)}
    pairs = [(path, twins[path], gradients.d_parameters[path]) for path in twins]
    for name, values in moved.items():
        if not hasattr(gradients, f"d_{name.removesuffix('_t')}"):
            _checks.refuse(ValueError, where, f"the gradient of {name}", f"what backward calls d_{name}", "none", fix)
        gradient = getattr(gradients, f"d_{name.removesuffix('_t')}")
        pairs.append((name, values, np.zeros(values.shape) if gradient is None else gradient))  # None: it isn't read

    def derivative(values: Array, index: tuple[int, ...]) -> float:
        values[index] += STEP * 1j
        run = twin.forward(*(arguments | moved).values())
        values[index] -= STEP * 1j
        return float(sum((weights[name] * getattr(run, name)).sum() for name in outputs).imag) / STEP

    errors = [0.0]
    for name, values, gradient in pairs:
        gradient = _checks.array(gradient, f"the gradient of {name}", where)
        _checks.shape(gradient, values.shape, f"the shape of {name}", f"the gradient of {name}", where, fix)
        if values.size:
            true = np.array([derivative(values, index) for index in np.ndindex(values.shape)]).reshape(values.shape)
            error, scale = np.abs(gradient - true).max(), np.abs(true).max()
            wrong = not np.isfinite(error) or (error > 0 and not scale)
            errors.append(float("inf") if wrong else float(error / scale) if scale else 0.0)
    return max(errors)


def _is_float(value: Any) -> bool:
    return value is not None and np.asarray(value).dtype.kind == "f"
