"""Cells of your own: their mistakes are named, and nothing that they do later reaches a run."""

import itertools
import math
import threading
from types import SimpleNamespace

import numpy as np
import pytest

from plain import GRUCell, LeakyCell, SameCell
from vanilla_rnn import (
    RNN,
    SGD,
    Decoder,
    Embedding,
    ManyToMany,
    ManyToManyHead,
    ManyToOne,
    ManyToOneHead,
    RNNCell,
    check_gradients,
    to_keras_weights,
    to_onnx,
    to_torch_state_dict,
    trace,
)

X = np.random.default_rng(0).standard_normal((4, 3, 2))  # (batch, time, input)


def gru(**options):
    return GRUCell(2, 5, rng=np.random.default_rng(1), **options)


def returning(forward=lambda run: run, backward=lambda gradients: gradients):
    """A GRU that returns something else."""
    cell = gru()

    def mistaken(x_t, h_prev):
        run = GRUCell.forward(cell, x_t, h_prev)
        return forward(SimpleNamespace(h=run.h, backward=lambda d_h: backward(run.backward(d_h))))

    cell.forward = mistaken
    return RNN.from_cells([cell])


@pytest.mark.parametrize(
    ("forward", "error", "message"),
    [
        (lambda run: run.h, TypeError, "its result must be a run with an array h, got an array"),
        (lambda run: SimpleNamespace(h=run.h.tolist()), TypeError, "its result must be a run with an array h"),
        (
            lambda run: SimpleNamespace(h=run.h[:, :4]),
            ValueError,
            r"h must be like h_prev, .*\(4, 5\).*, got .*\(4, 4\)",
        ),
        (lambda run: SimpleNamespace(h=run.h[:1]), ValueError, r"h must be like h_prev, .*\(4, 5\).*, got .*\(1, 5\)"),
        (lambda run: SimpleNamespace(h=run.h.astype("f4")), ValueError, "h must be .* float64, got .* float32"),
    ],
)
def test_a_forward_that_returns_something_else(forward, error, message):
    rnn = returning(forward)
    for call in (lambda: rnn(X), lambda: rnn.forward(X), lambda: next(rnn.stream(X.swapaxes(0, 1)))):
        with pytest.raises(error, match=f"^GRUCell.forward: {message}"):
            call()


@pytest.mark.parametrize(
    ("backward", "error", "message"),
    [
        (lambda g: g[:2], TypeError, "its result must be a tuple of three"),
        (lambda g: (g[0], g[2], g[1]), TypeError, "its result must be a tuple of three"),
        (lambda g: (g[1], g[0], g[2]), ValueError, r"d_x must be .*\(4, 2\), like x, got shape \(4, 5\)"),
        (lambda g: (g[0], g[1][:, :1], g[2]), ValueError, r"d_h_prev must be .*\(4, 5\), like h_prev, got shape \(4, 1\)"),
        (lambda g: (*g[:2], {"W_z": g[2]["W_z"]}), ValueError, "d_parameters must be .* keys .*, got one without 'W_n', 'W_r'"),
        (lambda g: (*g[:2], g[2] | {"W_r": np.ones(3)}), ValueError, r"d_parameters\['W_r'\] must be .*\(5, 7\), .*got shape \(3,\)"),
    ],
)  # fmt: skip
def test_a_backward_that_returns_something_else(backward, error, message):
    run = returning(backward=backward).forward(X)
    with pytest.raises(error, match=f"^SimpleNamespace.backward: {message}"):
        run.backward(np.ones((4, 3, 5)))


def test_a_run_without_a_backward():
    run = returning(lambda run: SimpleNamespace(h=run.h)).forward(X)
    with pytest.raises(TypeError, match="^SimpleNamespace.backward: the run of your cell must be a run with backward"):
        run.backward(np.ones((4, 3, 5)))


class LiveRun:
    """The run of a cell that keeps the cell itself, not copies of its weights."""

    def __init__(self, cell, x_t, h_prev):
        self.cell, self.x_t, self.h_prev, self.h = cell, x_t, h_prev, np.tanh(x_t @ cell.W + h_prev)

    def backward(self, d_h):
        d_a = d_h * (1 - self.h**2)
        return d_a @ self.cell.W.T, d_a, {"W": self.x_t.T @ d_a}


class LiveCell:
    input_size, hidden_size, dtype = 2, 3, np.dtype(float)

    def __init__(self):
        self.W = np.random.default_rng(2).standard_normal((2, 3))

    def parameters(self):
        return {"W": self.W}

    def forward(self, x_t, h_prev):
        return LiveRun(self, x_t, h_prev)


def test_a_later_change_of_the_weights_does_not_reach_the_run():
    rnn = RNN.from_cells([LiveCell()])
    run, unchanged, stream = rnn.forward(X), rnn.forward(X), rnn.stream(X.swapaxes(0, 1))
    before, expected = rnn(X)[0], unchanged.backward(np.ones((4, 3, 3)))
    rnn.cells[0].W += 1
    gradients = run.backward(np.ones((4, 3, 3)))
    np.testing.assert_array_equal(gradients.d_x, expected.d_x)
    np.testing.assert_array_equal(next(stream), before[:, 0])


class Sum:
    """``h_t = h_{t-1} + x_t``, without parameters."""

    input_size = hidden_size = 2
    dtype = np.dtype(float)

    def parameters(self):
        return {}

    def forward(self, x_t, h_prev):
        return SimpleNamespace(h=h_prev + x_t, backward=lambda d_h: (d_h, d_h, {}))


def test_check_gradients_takes_a_cell_that_has_a_fixed_dtype():
    assert check_gradients(RNN.from_cells([LiveCell()]), X) < 1e-11


def test_a_cell_may_have_no_parameters_and_be_an_object_with_functions():
    cell = Sum()
    names = ("input_size", "hidden_size", "dtype", "parameters", "forward")
    same = SimpleNamespace(**{name: getattr(cell, name) for name in names})
    np.testing.assert_array_equal(RNN.from_cells([same])(X)[0], np.cumsum(X, axis=1))


def test_a_stream_gives_a_cell_copies_of_its_own():
    cell, steps = LiveCell(), list(X.swapaxes(0, 1).copy())
    given = []
    cell.forward = lambda x_t, h_prev: given.append((x_t, h_prev)) or LiveCell.forward(cell, x_t, h_prev)
    states = list(RNN.from_cells([cell]).stream(steps))
    for t, (x_t, h_prev) in enumerate(given):
        assert x_t is not steps[t]
        np.testing.assert_array_equal(h_prev, states[t - 1] if t else np.zeros((4, 3)))


class InPlaceCell(GRUCell):
    """Changes its inputs, and returns the same arrays every time."""

    def forward(self, x_t, h_prev):
        run = super().forward(x_t, h_prev)
        x_t *= np.nan
        h_prev *= np.nan
        self.kept = getattr(self, "kept", np.empty_like(run.h))
        self.kept[...] = run.h
        return SimpleNamespace(h=self.kept, backward=lambda d_h: self.reused(run.backward(d_h)))

    def reused(self, gradients):
        self.buffers = getattr(self, "buffers", {name: np.empty_like(values) for name, values in gradients[2].items()})
        for name, values in gradients[2].items():
            self.buffers[name][...] = values
        return *gradients[:2], self.buffers


def test_a_cell_may_work_in_place():
    x = X.copy()
    plain, in_place = (RNN.from_cells([kind(2, 5, rng=np.random.default_rng(1))]) for kind in (GRUCell, InPlaceCell))
    runs = [rnn.forward(x) for rnn in (plain, in_place)]
    np.testing.assert_array_equal(runs[1].output, runs[0].output)
    expected, gradients = (run.backward(np.ones((4, 3, 5))) for run in runs)
    np.testing.assert_array_equal(gradients.d_x, expected.d_x)
    for name, values in expected.d_parameters.items():
        np.testing.assert_array_equal(gradients.d_parameters[name], values)
    np.testing.assert_array_equal(x, X)


def changed(**attributes):
    cell = gru()
    for name, value in attributes.items():
        setattr(cell, name, value)
    return cell


@pytest.mark.parametrize(
    ("attributes", "error", "message"),
    [
        ({"input_size": 2.0}, TypeError, r"cells\[0\].input_size must be an integer, got 2.0"),
        ({"hidden_size": 0}, ValueError, r"cells\[0\].hidden_size must be at least 1.*, got 0"),
        ({"parameters": lambda: [1]}, TypeError, r"cells\[0\].parameters\(\) must be .*, got \[1\]"),
        ({"parameters": lambda: {"W": None}}, TypeError, r"parameters\(\)\['W'\] must be a NumPy array, got None"),
        (
            {"parameters": lambda: {"W": np.ones(2)}},
            ValueError,
            r"parameters\(\)\['W'\] must be .*own array, got a copy",
        ),
    ],
)
def test_a_cell_that_can_not_be_trained_is_refused(attributes, error, message):
    with pytest.raises(error, match=f"^RNN.from_cells: .*{message}"):
        RNN.from_cells([changed(**attributes)])


class StackedCell(GRUCell):
    """Its parameters are views of one array."""

    def __init__(self, *sizes, rng):
        super().__init__(*sizes, rng=rng)
        self.stacked = np.stack([self.W_z, self.W_r, self.W_n])

    def parameters(self):
        self.W_z, self.W_r, self.W_n = self.stacked
        return super().parameters()


def test_parameters_may_be_views_but_not_for_check_gradients():
    rnn = RNN.from_cells([StackedCell(2, 5, rng=np.random.default_rng(1))])
    before = rnn.cells[0].stacked.copy()
    SGD(0.1).step(rnn.parameters(), rnn.forward(X).backward(np.ones((4, 3, 5))).d_parameters)
    assert (rnn.cells[0].stacked != before).all()
    with pytest.raises(ValueError, match="^check_gradients: cells.0.W_z must be an attribute .*, got a view or a copy"):
        check_gradients(rnn, X)


def test_check_gradients_says_what_else_it_needs():
    with pytest.raises(TypeError, match=r"^check_gradients: the result of backward .*RNN.from_cells\(\[cell\]\)"):
        check_gradients(TupleModule(), X[:, 0])
    real = returning(lambda run: SimpleNamespace(h=run.h.real.copy(), backward=run.backward))
    with pytest.raises(ValueError, match="^GRUCell.forward: h must be .*complex128.*, got .*float64.*imaginary part"):
        check_gradients(real, X)


class TupleRun:
    def __init__(self, x_t):
        self.h = x_t

    def backward(self, d_h):
        return d_h, d_h, {}


class TupleModule:
    def forward(self, x_t):
        return TupleRun(x_t)

    def parameters(self):
        return {}


class FrozenEmbedding(Embedding):
    def parameters(self):
        return {}


def test_a_part_may_leave_its_arrays_out_of_the_parameters():
    model = ManyToOne(RNN(2, 3, rng=0), ManyToOneHead(3, 1, rng=1), embedding=FrozenEmbedding(5, 2, rng=2))
    assert [path for path in model.parameters() if path.startswith("embedding")] == []
    run = model.forward([[1, 2], [3, 4]])
    assert run.backward(np.ones((2, 1))).d_parameters.keys() == model.parameters().keys()


class FrozenHead(ManyToOneHead):
    def parameters(self):
        return {}


def test_the_weights_in_a_run_are_read_only_even_if_the_head_leaves_them_out():
    run = FrozenHead(3, 1, rng=0).forward(*RNN(2, 3, rng=1)(X))
    for values in (run.head.W_hy, run.head.b_y):
        with pytest.raises(ValueError, match="read-only"):
            values[...] = 0


class GrowingCell(RNNCell):
    __slots__ = ("scale",)


def test_an_attribute_without_a_value_is_no_parameter():
    cell = GrowingCell(2, 3, rng=0)
    assert list(cell.parameters()) == ["W_xh", "W_hh", "b_h"]
    cell.scale = np.ones(3)
    assert list(cell.parameters()) == ["W_xh", "W_hh", "b_h", "scale"]


class OwnNetwork(RNN):
    def forward(self, x, h_0=None, lengths=None):
        return super().forward(-np.asarray(x), h_0, lengths)


class OwnHead(ManyToOneHead):
    def select(self, output, h_n, directions):
        return -super().select(output, h_n, directions)


class OwnEmbedding(Embedding):
    def forward(self, ids):
        return super().forward(np.asarray(ids)[..., ::-1])


class OwnModel(ManyToMany):
    def forward(self, inputs, lengths=None, h_0=None):
        return super().forward(-np.asarray(inputs), lengths, h_0)


class SlottedEmbedding(Embedding):
    """An embedding whose runs are objects of its own."""

    def forward(self, ids):
        run = super().forward(ids)
        return SimpleNamespace(ids=run.ids, vectors=run.vectors, backward=run.backward)


OWN = {
    "cell": lambda: RNN.from_cells([LeakyCell(2, 3)]),
    "network": lambda: OwnNetwork(2, 3),
    "head": lambda: ManyToOne(RNN(2, 3), OwnHead(3, 1)),
    "embedding": lambda: ManyToOne(RNN(2, 3), ManyToOneHead(3, 1), embedding=OwnEmbedding(5, 2)),
    "network in a model": lambda: ManyToOne(OwnNetwork(2, 3), ManyToOneHead(3, 1)),
    "model": lambda: OwnModel(RNN(2, 3), ManyToManyHead(3, 1)),
}


@pytest.mark.parametrize("export", [to_torch_state_dict, to_keras_weights, to_onnx])
@pytest.mark.parametrize("name", OWN)
def test_what_another_library_would_compute_differently_is_not_exported(export, name):
    if export is to_onnx:
        pytest.importorskip("onnx")
    with pytest.raises(TypeError, match=rf"^{export.__name__}: .* must be .*, got an? .*(Own|Leaky)"):
        export(OWN[name]())


def test_a_network_with_a_forward_of_its_own_is_not_streamed_with_another():
    with pytest.raises(TypeError, match="^RNN.stream: rnn must be .*, got a OwnNetwork with its own forward"):
        OwnNetwork(2, 3).stream(X[0])


# --- a nonlinearity of your own


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        ((lambda a: a.sum(), np.ones_like), r"function must be .*\(\d, 3\), got .*\(\)"),
        ((lambda a: a[..., :1], np.ones_like), r"function must be .*\(\d, 3\), got .*\(\d, 1\)"),
        ((np.tanh, lambda _: 1.0), r"slope must be .*\(\d+, 3\), got .*\(\)"),
        ((np.tanh, lambda h: h[..., :1]), r"slope must be .*\(\d+, 3\), got .*\(\d+, 1\)"),
    ],
)
@pytest.mark.parametrize("kind", ["cell", "network"])
def test_a_pair_returns_one_number_for_each(kind, pair, message):
    with pytest.raises(ValueError, match=f"^nonlinearity: the result of the {message}"):
        if kind == "cell":
            RNNCell(2, 3, nonlinearity=pair).forward(X[:, 0]).backward(np.ones((4, 3)))
        else:
            RNN(2, 3, nonlinearity=pair).forward(X).backward(np.ones((4, 3, 3)))


def test_a_pair_may_return_other_kinds_of_numbers():
    pair = (lambda a: np.maximum(a, 0).astype("f4"), lambda h: h > 0)
    weights = {"W_xh": np.eye(3, 2), "W_hh": np.eye(3) / 2}
    own, relu = (RNNCell.from_weights(**weights, nonlinearity=f).forward(X[:, 0]) for f in (pair, "relu"))
    np.testing.assert_allclose(own.h, relu.h, rtol=1e-6)
    d_x, expected = (run.backward(np.ones((4, 3))).d_x for run in (own, relu))
    np.testing.assert_array_equal(d_x, expected, strict=True)


def test_the_plain_loop_and_the_fast_loop_may_be_mixed():
    cells = [RNNCell(2, 3, rng=0), RNNCell(3, 3, rng=1)]
    mixed = RNN.from_cells([SameCell.like(cells[0]), cells[1]])
    for values, expected in zip(mixed(X), RNN.from_cells(cells)(X), strict=True):
        np.testing.assert_allclose(values, expected, atol=1e-15)


class PickHead(ManyToOneHead):
    """Reads the state after a step that can be chosen."""

    step = -1

    def select(self, output, h_n, directions):
        return output[:, self.step].copy()

    def select_backward(self, d_h, h_n_shape, directions):
        d_output = np.zeros((len(d_h), len(X[0]), d_h.shape[-1]))
        d_output[:, self.step] = d_h
        return d_output, None


def test_a_run_keeps_the_attributes_of_a_head_of_your_own():
    model = ManyToOne(RNN(2, 3, rng=0), PickHead(3, 1, rng=1))
    model.head.step = 1
    run = model.forward(X)
    model.head.step = 0
    d_inputs = run.backward(np.ones((len(X), 1))).d_inputs
    assert d_inputs[:, 1].all()
    assert not d_inputs[:, 2:].any()
    assert check_gradients(model, X) < 1e-11


SOFTSIGN = (lambda a: a / (1.0 + np.abs(a)), lambda h: (1.0 - np.abs(h)) ** 2)
ANALYTIC_SOFTSIGN = (lambda a: a / (1.0 + np.where(a < 0, -a, a)), SOFTSIGN[1])
SOFTPLUS = (lambda a: np.logaddexp(0.0, a), lambda h: 1.0 - np.exp(-h))


@pytest.mark.parametrize(
    ("nonlinearity", "message"),
    [(SOFTSIGN, "got one that ignores the imaginary part"), (SOFTPLUS, "got one that raised: .*logaddexp")],
)
@pytest.mark.parametrize("scale", [0.1, 1.0])
def test_a_function_that_is_not_for_complex_numbers_is_not_called_a_wrong_gradient(nonlinearity, message, scale):
    rnn = RNN.from_cells([RNNCell.from_weights(scale * X[0], scale * np.eye(3), nonlinearity=nonlinearity)])
    with pytest.raises(ValueError, match=f"^check_gradients: forward must be .*complex numbers, {message}"):
        check_gradients(rnn, X)


def test_a_wrong_slope_of_such_a_function_is_a_wrong_gradient():
    slope = SOFTSIGN[1]
    rnn = RNN.from_cells([RNNCell(2, 3, nonlinearity=(SOFTSIGN[0], lambda h: 1.01 * slope(h)), rng=0)])
    assert check_gradients(rnn, X) > 0.001


def test_a_wrong_slope_is_a_wrong_gradient():
    right, wrong = (
        RNN.from_cells([RNNCell(2, 3, nonlinearity=(ANALYTIC_SOFTSIGN[0], slope), rng=0)])
        for slope in (SOFTSIGN[1], lambda h: 1.0 - np.abs(h))
    )
    assert check_gradients(right, X) < 1e-11
    assert check_gradients(wrong, X) > 0.1


class SlottedCell(RNNCell):
    __slots__ = "scale"  # noqa: PLC0205  # Python allows a str for one name


def test_a_single_slot_is_an_attribute_too():
    cell = SlottedCell(2, 3, rng=0)
    cell.scale = np.ones(3)
    assert list(cell.parameters()) == ["W_xh", "W_hh", "b_h", "scale"]


class NoisyCell(RNNCell):
    """Reads inputs of which about half are dropped."""

    def __init__(self, *sizes, rng):
        super().__init__(*sizes, rng=rng)
        self.rng = rng

    def forward(self, x_t, h_prev=None):
        kept = 2.0 * (self.rng.uniform(size=x_t.shape) > 0.5)
        run = super().forward(kept * x_t, h_prev)

        def backward(d_h):
            d_x, d_h_prev, d_parameters = run.backward(d_h)
            return kept * d_x, d_h_prev, d_parameters

        return SimpleNamespace(h=run.h, backward=backward)


def test_a_cell_that_draws_random_numbers_draws_other_ones_in_each_run():
    rnn = RNN.from_cells([NoisyCell(2, 3, rng=np.random.default_rng(0))])
    outputs = [rnn.forward(X).output for _ in range(3)]
    assert not any((output == other).all() for output, other in itertools.combinations(outputs, 2))
    run = rnn.forward(X)
    first, second = (run.backward(np.ones(run.output.shape)).d_x for _ in range(2))
    np.testing.assert_array_equal(first, second)  # backward drops what forward dropped


@pytest.mark.parametrize("kind", [np.random.RandomState, np.random.default_rng])
def test_every_generator_of_numpy_is_shared(kind):
    rnn = RNN.from_cells([NoisyCell(2, 3, rng=0)])
    rnn.cells[0].rng = kind(0)
    assert not (rnn.forward(X).output == rnn.forward(X).output).all()


class ClosedCell(SameCell):
    """A cell whose weights are attributes of the class, which no copy has of its own."""

    W = np.ones((3, 2))

    def parameters(self):
        return {"W": self.W}


def test_weights_that_a_copy_shares_are_refused():
    with pytest.raises(
        ValueError, match=r"^RNN.from_cells: cells\[0\].parameters\(\)\['W'\] must be an attribute of the cell"
    ):
        RNN.from_cells([ClosedCell(2, 3, rng=0)])


def test_a_cell_reads_rows_in_a_stream_too():
    class Concatenating(RNNCell):
        def forward(self, x_t, h_prev=None):
            return SimpleNamespace(h=super().forward(np.concatenate([x_t], axis=1), h_prev).h)

    rnn = RNN.from_cells([Concatenating(2, 3, rng=0), Concatenating(3, 3, rng=1)])
    np.testing.assert_allclose(list(rnn.stream(X[0])), rnn(X[0])[0])
    np.testing.assert_allclose(np.stack(list(rnn.stream(X.swapaxes(0, 1))), axis=1), rnn(X)[0])


def in_place_relu(a):
    return np.maximum(a, 0.0, out=a)


def in_place_slope(h):
    h[...] = h > 0
    return h


def test_a_function_that_works_in_place_changes_nothing_else():
    usual = RNNCell(2, 3, nonlinearity="relu", rng=0)
    cell = RNNCell(2, 3, nonlinearity=(in_place_relu, in_place_slope), rng=0)
    run, expected = cell.forward(X[:, 0]), usual.forward(X[:, 0])
    for name in ("a", "h"):
        np.testing.assert_array_equal(getattr(run, name), getattr(expected, name))
    for _ in range(2):
        np.testing.assert_allclose(run.backward(np.ones((4, 3))).d_x, expected.backward(np.ones((4, 3))).d_x)
    rnn, usual_rnn = RNN.from_cells([cell]), RNN.from_cells([usual])
    d_output = np.ones((4, 3, 3))
    d_x, expected = (network.forward(X).backward(d_output).d_x for network in (rnn, usual_rnn))
    np.testing.assert_allclose(d_x, expected)


def test_a_function_may_use_its_result_again():
    buffer = np.empty((4, 3))
    cell = RNNCell(2, 3, nonlinearity=(lambda a: np.tanh(a, out=buffer), lambda h: 1.0 - h * h), rng=0)
    first = cell.forward(X[:, 0]).h
    second = cell.forward(X[:, 1]).h
    np.testing.assert_array_equal(first, RNNCell(2, 3, rng=0)(X[:, 0]))
    np.testing.assert_array_equal(second, RNNCell(2, 3, rng=0)(X[:, 1]))


class WholeHead(ManyToManyHead):
    def select(self, output, h_n, directions):
        return output


def test_a_head_of_your_own_may_return_what_it_was_given():
    output = np.ones((2, 3))
    run = WholeHead(3, 1, rng=0).forward(output, np.ones((1, 3)))
    output[...] = 7.0
    assert (run.h == 1.0).all()


def test_the_gradients_around_frozen_parts_can_be_checked():
    model = ManyToOne(RNN(2, 3, rng=0), FrozenHead(3, 1, rng=1), embedding=FrozenEmbedding(5, 2, rng=2))
    assert check_gradients(model, [[1, 2, 3], [4, 0, 1]]) < 1e-11


class PartlyTrained(RNN):
    """A network whose biases are not trained."""

    def parameters(self):
        return {path: values for path, values in super().parameters().items() if not path.endswith("b_h")}


@pytest.mark.parametrize(
    "model", [PartlyTrained(2, 3, rng=0), ManyToOne(PartlyTrained(2, 3, rng=0), ManyToOneHead(3, 1))]
)
def test_parameters_that_are_left_out_get_no_gradient(model):
    run = model.forward(X)
    gradients = run.backward(np.ones((run.output if isinstance(model, RNN) else run.logits).shape)).d_parameters
    assert list(gradients) == list(model.parameters())
    SGD(0.1).step(model.parameters(), gradients)


class OwnOutput:
    """A module of your own whose output is called logits."""

    def __init__(self):
        self.head = ManyToOneHead(3, 1, rng=0)

    def parameters(self):
        return self.head.parameters()

    def forward(self, h):
        run = self.head.forward(h[:, None], h[None])

        def backward(d_logits):
            gradients = run.backward(d_logits)
            return SimpleNamespace(d_h=gradients.d_h_n[0], d_parameters=gradients.d_parameters)

        return SimpleNamespace(logits=run.y, backward=backward)


def test_a_module_of_your_own_needs_no_lengths():
    assert check_gradients(OwnOutput(), np.random.default_rng(0).standard_normal((4, 3))) < 1e-11


@pytest.mark.parametrize(
    "model",
    [
        ManyToOne(RNN(2, 3, rng=0), PickHead(3, 1, rng=1)),
        ManyToOne(RNN(2, 3, rng=0), ManyToOneHead(3, 1, rng=1), embedding=SlottedEmbedding(5, 2, rng=2)),
    ],
)
def test_the_page_of_a_trace_has_no_parts_of_your_own(model):
    steps = trace(model.forward(X if model.embedding is None else [[1, 2, 3]]))
    assert "h_t" in str(steps)
    with pytest.raises(
        TypeError, match="^Trace.save_html: the model must be of parts of this library, got one with a "
    ):
        steps.to_html()


@pytest.mark.parametrize("kind", [np.random.RandomState, np.random.default_rng])
def test_the_gradients_of_a_cell_that_draws_random_numbers_can_be_checked(kind):
    rnn = RNN.from_cells([NoisyCell(2, 3, rng=0), NoisyCell(3, 3, rng=0)])
    rnn.cells[0].rng = rnn.cells[1].rng = kind(0)
    assert check_gradients(rnn, X) < 1e-11


class DictCell:
    """``h_t = tanh(W x_t + U h_{t-1})``, with its weights in a dictionary, and constants that aren't weights."""

    input_size, hidden_size, dtype = 2, 3, np.dtype(np.float64)

    def __init__(self, neighbour=None):
        rng = np.random.default_rng(0)
        self.weights = {"W": rng.standard_normal((3, 2)), "U": rng.standard_normal((3, 3))}
        self.eps, self.order, self.neighbour = np.array(1.0), np.array([2.0, 0.0, 1.0]), neighbour

    def parameters(self):
        return self.weights

    def forward(self, x_t, h_prev):
        W, U = self.weights["W"], self.weights["U"]
        order = self.order.astype(int)
        h = np.tanh(x_t @ W.T + h_prev @ U.T)[:, order] / math.sqrt(self.eps)

        def backward(d_h):
            d_a = np.empty_like(d_h)
            d_a[:, order] = d_h * (1.0 - h * h)
            return d_a @ W, d_a @ U, {"W": d_a.T @ x_t, "U": d_a.T @ h_prev}

        return SimpleNamespace(h=h, backward=backward)


def test_the_gradients_of_weights_in_a_dictionary_can_be_checked_and_constants_stay_real():
    assert check_gradients(RNN.from_cells([DictCell()]), X) < 1e-11


def test_cells_may_refer_to_each_other():
    first = DictCell()
    first.neighbour = DictCell(neighbour=first)
    assert check_gradients(RNN.from_cells([first]), X) < 1e-11


class DecayedCell(RNNCell):
    """A cell whose backward is slightly wrong: it adds weight decay."""

    def forward(self, x_t, h_prev=None):
        run = super().forward(x_t, h_prev)

        def backward(d_h):
            d_x, d_h_prev, d_parameters = run.backward(d_h)
            return d_x, d_h_prev, {name: d + 1e-4 * self.parameters()[name] for name, d in d_parameters.items()}

        return SimpleNamespace(h=run.h, backward=backward)


def test_a_slightly_wrong_gradient_is_a_number_not_a_refusal():
    assert 1e-6 < check_gradients(RNN.from_cells([DecayedCell(2, 3, rng=0)]), X) < 1e-2


def test_the_gradients_of_a_long_float32_sequence_can_be_checked():
    x = np.random.default_rng(1).normal(size=(64, 20, 2)).astype(np.float32)
    assert check_gradients(RNN(2, 3, dtype=np.float32, rng=1), x) < 1e-4


class LockedHead(ManyToOneHead):
    def __init__(self, *sizes):
        super().__init__(*sizes)
        self.lock = threading.Lock()


class LockedCell(SameCell):
    def __init__(self, *sizes):
        super().__init__(*sizes)
        self.lock = threading.Lock()


@pytest.mark.parametrize(
    "call", [lambda: ManyToOne(RNN(2, 3), LockedHead(3, 1)).forward(X), lambda: RNN.from_cells([LockedCell(2, 3)])]
)
def test_what_can_not_be_copied_is_named(call):
    with pytest.raises(
        TypeError, match="^Locked.*: the object must be one that copy.deepcopy can copy, got TypeError: .*lock"
    ):
        call()


class TiedByHand(Decoder):
    """A decoder that lists its shared table under the name of the head."""

    def parameters(self):
        named = super().parameters()
        return {path.replace("embedding.vectors", "head.W_hy"): values for path, values in named.items()}


def test_a_shared_array_has_the_name_under_which_it_is_listed():
    head, embedding = ManyToManyHead(3, 5, rng=0), Embedding(5, 3, rng=1)
    head.W_hy = embedding.vectors
    model = TiedByHand(RNN(3, 3, rng=2), head, embedding, bos_idx=0, eos_idx=1)
    assert check_gradients(model, [[2, 3, 4]]) < 1e-11


class TurnedHead(ManyToManyHead):
    def select_backward(self, d_h, h_n_shape, directions):
        return d_h.swapaxes(0, 1), None


class ShortHead(ManyToOneHead):
    def select_backward(self, d_h, h_n_shape, directions):
        return None, d_h


@pytest.mark.parametrize(
    ("model", "name"),
    [(ManyToMany(RNN(2, 3), TurnedHead(3, 1)), "d_output"), (ManyToOne(RNN(2, 3), ShortHead(3, 1)), "d_h_n")],
)
def test_a_gradient_of_another_shape_from_a_head_is_named(model, name):
    run = model.forward(X)
    with pytest.raises(ValueError, match=f"^RNNRun.backward: {name} must be an array of shape"):
        run.backward(np.ones(run.logits.shape))


class NamedHead(ManyToOneHead):
    """A head with a method of its own, which computes nothing else."""

    def answer(self, y):
        return ["no", "yes"][int(y > 0)]


def test_the_page_may_show_a_head_with_more_methods():
    model = ManyToOne(RNN(2, 3, rng=0), NamedHead(3, 1, rng=1))
    assert "<html" in trace(model.forward(X[0])).to_html()
