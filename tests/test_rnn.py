"""The unrolled network equals a plain loop over its cells, forward and backward, for every kind of network."""

import copy
import itertools
import pickle
from unittest import mock

import numpy as np
import pytest
from hypothesis import given

from plain import ANY_CELL, GRUCell, LeakyCell, SameCell, assert_close, initial_states, networks, plain_rows
from vanilla_rnn import RNN, SGD, ManyToOne, ManyToOneHead, RNNCell, trace, unroll


def random_gradients(case, run):
    """d_output and d_h_n for a run."""
    return case["rng"].standard_normal(run.output.shape), case["rng"].standard_normal(run.h_n.shape)


def assert_same(gradients, others):
    """Equality to the last bit."""
    np.testing.assert_array_equal(gradients.d_x, others.d_x)
    np.testing.assert_array_equal(gradients.d_h_0, others.d_h_0)
    for d_a, other in zip(gradients.d_a, others.d_a, strict=True):
        np.testing.assert_array_equal(d_a, other)
    assert list(gradients.d_parameters) == list(others.d_parameters)
    for path, gradient in gradients.d_parameters.items():
        np.testing.assert_array_equal(gradient, others.d_parameters[path])


def deep_network(rng, **options):
    """Two layers in two directions, and arguments of its forward: x, h_0 and lengths."""
    rnn = RNN(3, 4, num_layers=2, bidirectional=True, rng=rng, **options)
    return rnn, rng.standard_normal((2, 5, 3)), rng.uniform(-1, 1, (4, 2, 4)), np.array([5, 3])


# --- the loop


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_large_matrix_is_copied_to_the_beginning_of_a_cache_line(dtype):
    W = np.arange(70.0 * 70).astype(dtype).reshape(70, 70)
    for matrix in (W, W.T, W.T[::-1]):
        copy = unroll._aligned(matrix)
        np.testing.assert_array_equal(copy, matrix, strict=True)
        assert copy.flags.c_contiguous
        assert copy.__array_interface__["data"][0] % 64 == 0


@given(networks(cells=ANY_CELL))
def test_forward_equals_a_plain_loop_over_the_cells(case):
    rnn, x, h_0, lengths = case["rnn"], case["x"], case["h_0"], case["lengths"]
    run = rnn.forward(x, h_0, lengths)
    output, h_n = rnn(x, h_0, lengths)
    np.testing.assert_array_equal(run.output, output)
    np.testing.assert_array_equal(run.h_n, h_n)
    assert output.shape == (*x.shape[:2], rnn.directions * rnn.hidden_size)
    assert h_n.shape == (len(rnn.cells), len(x), rnn.hidden_size)
    for b, row in enumerate(plain_rows(case)):
        assert_close(output[b, : len(row.output)], row.output)
        assert not output[b, len(row.output) :].any()
        assert_close(h_n[:, b], row.h_n)
        assert_close(run.last[b], np.concatenate(row.h_n[-rnn.directions :]))


@pytest.mark.parametrize(
    "limits",
    [{"SMALL": unroll.SMALL}, {"SMALL": 0}, {"TINY": 0}],
    ids=["slopes of all steps at once", "slopes step by step", "W_hh at a cache line"],
)
@given(networks(cells=ANY_CELL))
def test_backward_equals_a_plain_loop_over_the_steps(limits, case):
    rnn, x = case["rnn"], case["x"]
    with mock.patch.multiple(unroll, **limits):
        run = rnn.forward(x, case["h_0"], case["lengths"])
        d_output, d_h_n = random_gradients(case, run)
        gradients = run.backward(d_output, d_h_n)
    assert list(gradients.d_parameters) == list(rnn.parameters())
    assert gradients.d_x.shape == x.shape
    total = {path: np.zeros_like(values) for path, values in rnn.parameters().items()}
    for b, row in enumerate(plain_rows(case)):
        length = len(row.output)
        d_x, d_h_0, d_parameters = row.backward(d_output[b, :length], d_h_n[:, b])
        assert_close(gradients.d_x[b, :length], d_x)
        assert not gradients.d_x[b, length:].any()
        assert_close(gradients.d_h_0[:, b], d_h_0)
        for path in total:
            total[path] += d_parameters[path]
    for path, gradient in gradients.d_parameters.items():
        assert gradient.shape == rnn.parameters()[path].shape
        assert_close(gradient, total[path])
    for number, (cell, d_a) in enumerate(zip(rnn.cells, gradients.d_a, strict=True)):
        assert d_a is None if type(cell) is not RNNCell else d_a.shape == (*x.shape[:2], cell.hidden_size)
        if d_a is not None and cell.b_h is not None:
            assert_close(d_a.sum(axis=(0, 1)), gradients.d_parameters[f"cells.{number}.b_h"])


@given(networks())
def test_the_plain_loop_equals_the_fast_loop(case):
    """A cell with a forward of its own is unrolled by `unroll_plain`, an `RNNCell` by `unroll`."""
    rnn, arguments = case["rnn"], (case["x"], case["h_0"], case["lengths"])
    plain = RNN.from_cells([SameCell.like(cell) for cell in rnn.cells], bidirectional=rnn.bidirectional)
    run, plain_run = rnn.forward(*arguments), plain.forward(*arguments)
    assert_close(plain_run.output, run.output)
    assert_close(plain_run.h_n, run.h_n)
    upstream = random_gradients(case, run)
    gradients, plain_gradients = run.backward(*upstream), plain_run.backward(*upstream)
    assert_close(plain_gradients.d_x, gradients.d_x)
    assert_close(plain_gradients.d_h_0, gradients.d_h_0)
    assert plain_gradients.d_a == [None] * len(rnn.cells)
    assert list(plain_gradients.d_parameters) == list(gradients.d_parameters)
    for path, gradient in gradients.d_parameters.items():
        assert_close(plain_gradients.d_parameters[path], gradient)


@given(networks(lengths=False))
def test_one_sequence_without_a_batch_axis_equals_its_row(case):
    rnn, rng = case["rnn"], case["rng"]
    x = rng.standard_normal((case["x"].shape[1], rnn.input_size))
    h_0 = None if case["h_0"] is None else rng.uniform(-1, 1, (len(rnn.cells), rnn.hidden_size))
    alone, batch = rnn.forward(x, h_0), rnn.forward(x[None], None if h_0 is None else h_0[:, None])
    np.testing.assert_array_equal(alone.output, batch.output[0])
    np.testing.assert_array_equal(alone.h_n, batch.h_n[:, 0])
    np.testing.assert_array_equal(alone.last, batch.last[0])
    for result, expected in zip(rnn(x, h_0), (alone.output, alone.h_n), strict=True):
        np.testing.assert_array_equal(result, expected)
    d_output, d_h_n = random_gradients(case, alone)
    one, row = alone.backward(d_output, d_h_n), batch.backward(d_output[None], d_h_n[:, None])
    unbatched = row._replace(d_x=row.d_x[0], d_h_0=row.d_h_0[:, 0], d_a=[d_a[0] for d_a in row.d_a])
    assert_same(one, unbatched)


@given(networks())
def test_a_gradient_that_is_left_out_counts_as_zeros(case):
    run = case["rnn"].forward(case["x"], case["h_0"], case["lengths"])
    d_output, d_h_n = random_gradients(case, run)
    assert_same(run.backward(d_output), run.backward(d_output, np.zeros_like(d_h_n)))
    assert_same(run.backward(d_h_n=d_h_n), run.backward(np.zeros_like(d_output), d_h_n))


@pytest.mark.parametrize(
    "change",
    [
        lambda rnn: setattr(rnn.cells[0], "b_h", None),
        lambda rnn: rnn.cells.pop(),
        lambda rnn: setattr(rnn.cells[1], "W_hh", rnn.cells[0].W_hh),
    ],
)
def test_a_run_keeps_its_paths_whatever_happens_to_the_network(change):
    rng = np.random.default_rng(0)
    rnn = RNN(3, 4, num_layers=2, rng=rng)
    paths, run = list(rnn.parameters()), rnn.forward(rng.standard_normal((2, 5, 3)))
    change(rnn)
    assert list(run.backward(np.ones((2, 5, 4))).d_parameters) == paths


# --- cells


def test_a_cell_used_in_two_layers_gets_both_gradients():
    rng = np.random.default_rng(3)
    cell = RNNCell(4, 4, rng=rng)
    tied, free = RNN.from_cells([cell, cell]), RNN.from_cells((cell, copy.deepcopy(cell)))
    assert list(tied.parameters()) == ["cells.0.W_xh", "cells.0.W_hh", "cells.0.b_h"]
    assert len(free.parameters()) == 6
    x, d_output = rng.standard_normal((2, 5, 4)), rng.standard_normal((2, 5, 4))
    shared, separate = (rnn.forward(x).backward(d_output).d_parameters for rnn in (tied, free))
    assert list(shared) == list(tied.parameters())
    for name in ("W_xh", "W_hh", "b_h"):
        np.testing.assert_allclose(shared[f"cells.0.{name}"], separate[f"cells.0.{name}"] + separate[f"cells.1.{name}"])


def test_a_network_s_own_forward_is_used():
    class Half(RNN):
        def forward(self, x, h_0=None, lengths=None):
            return super().forward(0.5 * np.asarray(x), h_0, lengths)

    rng = np.random.default_rng(4)
    half, x = Half(2, 3, rng=rng), rng.standard_normal((4, 5, 2))
    output, h_n = half(x)
    for result, expected in zip((output, h_n), RNN.from_cells(half.cells)(0.5 * x), strict=True):
        np.testing.assert_array_equal(result, expected)
    head = ManyToOneHead(3, 2, rng=rng)
    np.testing.assert_array_equal(ManyToOne(half, head)(x), head(half.forward(x).output, h_n))


def test_a_subclass_of_the_cell_without_a_forward_of_its_own_is_unrolled_like_the_cell():
    class Noted(RNNCell):
        """Has another array, which the formula doesn't use."""

    rng = np.random.default_rng(8)
    plain = RNNCell(2, 3, dtype=np.float32, rng=rng)
    noted, x = Noted.from_weights(**plain.weights), rng.standard_normal((4, 5, 2))
    noted.counts = np.zeros(7)
    run, expected = (RNN.from_cells([cell]).forward(x) for cell in (noted, plain))
    np.testing.assert_array_equal(run.output, expected.output, strict=True)
    d_a, expected_d_a = (one.backward(np.ones((4, 5, 3))).d_a[0] for one in (run, expected))
    np.testing.assert_array_equal(d_a, expected_d_a, strict=True)
    np.testing.assert_array_equal(trace(run, row=1).output, run.output[1])


def test_a_cell_reads_no_step_beyond_the_longest_sequence():
    h_0 = np.full((1, 2, 1), 0.5)  # Loud can't read an empty batch
    output, h_n = RNN.from_cells([Loud(1, 1)])(np.ones((2, 3, 1)), h_0, lengths=[0, 0])
    np.testing.assert_array_equal(h_n, h_0)
    assert not output.any()


# --- weights and memory


@pytest.mark.parametrize("lengths", [None, [5, 2, 0, 3]])
@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("order", [[2, 0, 1], [1, 2, 0], [2, 1, 0]])
def test_the_order_of_the_axes_in_memory_makes_no_difference(order, directions, lengths):
    def in_memory(values):
        return np.ascontiguousarray(values.transpose(order)).transpose(np.argsort(order))

    rng = np.random.default_rng(0)
    rnn, states = RNN(2, 3, num_layers=2, bidirectional=directions == 2, rng=rng), (2 * directions, 4, 3)
    shapes = (4, 5, 2), states, (4, 5, 3 * directions), states
    x, h_0, d_output, d_h_n = (rng.standard_normal(shape) for shape in shapes)
    run, other = rnn.forward(x, h_0, lengths), rnn.forward(in_memory(x), in_memory(h_0), lengths)
    np.testing.assert_array_equal(other.output, run.output)
    np.testing.assert_array_equal(rnn(in_memory(x), in_memory(h_0), lengths)[1], run.h_n)
    assert_same(run.backward(d_output, d_h_n), other.backward(in_memory(d_output), in_memory(d_h_n)))


def test_the_seed_decides_the_weights():
    one, same, other = (RNN(3, 4, num_layers=2, rng=seed).parameters() for seed in (7, 7, 8))
    for path, values in one.items():
        np.testing.assert_array_equal(values, same[path])
        assert not np.array_equal(values, other[path])
    assert not np.array_equal(RNN(3, 4, rng=None).cells[0].W_xh, RNN(3, 4).cells[0].W_xh)


def test_sizes_and_repr():
    rnn = deep_network(np.random.default_rng(0), nonlinearity="sigmoid", bias=False)[0]
    assert (rnn.input_size, rnn.hidden_size, rnn.num_layers, rnn.directions) == (3, 4, 2, 2)
    assert [cell.input_size for cell in rnn.cells] == [3, 3, 8, 8]
    first, *lines = repr(rnn).splitlines()
    assert first == "RNN(3, 4, num_layers=2, bidirectional=True, bias=False, nonlinearity='sigmoid'): 152 parameters"
    assert [line.split(maxsplit=1) for line in lines[-2:]] == [["cells.3.W_xh", "(4, 8)"], ["cells.3.W_hh", "(4, 4)"]]
    assert repr(RNN.from_cells([GRUCell(3, 4, rng=np.random.default_rng(0))])).startswith("RNN(3, 4, cell=GRUCell): 84")


# --- overflow


def test_states_that_overflow_are_reported_with_the_step():
    growing = RNN.from_cells([RNNCell.from_weights([[1.0]], [[1e100]], nonlinearity="relu")])
    assert growing(np.ones((2, 4, 1)))[1].shape == (1, 2, 1)
    for batch, lengths in ((2, None), (3, [3, 9, 4])):
        with pytest.raises(ValueError, match=r"hidden state of cells\[0\] must be .*, got inf after reading 5 step"):
            growing(np.ones((batch, 9, 1)), lengths=lengths)


def test_a_gradient_that_overflows_is_for_the_optimiser_to_refuse():
    """Backward returns infinity, and NaN for a unit that is off, without a warning."""
    W_xh, W_hh = [[1e-300], [-1.0]], [[1e200, 1e200], [0.0, 0.0]]
    rnn = RNN.from_cells([RNNCell.from_weights(W_xh, W_hh, nonlinearity="relu")])
    run = rnn.forward(np.ones((3, 1)))
    np.testing.assert_array_equal(run.output > 0, [[True, False]] * 3)
    gradients = run.backward(np.ones((3, 2)))
    assert np.isinf(gradients.d_a[0][0, 0])
    assert np.isnan(gradients.d_a[0][0, 1])
    with pytest.raises(ValueError, match=r"SGD.step: d_parameters\['cells.0.W_xh'\] must be finite"):
        SGD(0.1).step(rnn.parameters(), gradients.d_parameters)


# --- streams


@given(networks(max_directions=1, lengths=False, cells=ANY_CELL))
def test_a_stream_equals_the_network_on_the_whole_sequence(case):
    rnn, x, h_0 = case["rnn"], case["x"], case["h_0"]
    output, h_n = rnn(x, h_0)
    stream = rnn.stream(x.swapaxes(0, 1), h_0)
    for t, h_t in enumerate(stream):
        assert_close(h_t, output[:, t])
    if x.shape[1]:
        assert_close(stream.h_n, h_n)
    for b in range(len(x)):
        stream = rnn.stream(iter(x[b]), initial_states(case)[:, b])
        states = list(stream)
        assert_close(np.array(states).reshape(output[b].shape), output[b])
        assert_close(stream.h_n, h_n[:, b])


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda stream: pickle.loads(pickle.dumps(stream))])
@pytest.mark.parametrize(("steps_before", "has_h_0"), [(0, True), (0, False), (2, True), (2, False)])
def test_a_copied_stream_continues_alone(duplicate, steps_before, has_h_0):
    rng = np.random.default_rng(0)
    rnn, x = RNN(2, 3, num_layers=2, rng=rng), rng.standard_normal((6, 2))
    h_0 = rng.standard_normal((2, 3)) if has_h_0 else None
    expected = rnn(x, h_0)[0]
    stream = rnn.stream(list(x), h_0)
    for _ in range(steps_before):
        next(stream)
    np.testing.assert_allclose(list(duplicate(stream)), expected[steps_before:])
    if steps_before:
        np.testing.assert_allclose(stream.h_n, rnn(x[:steps_before], h_0)[1])


def test_the_states_of_a_stream_are_those_of_all_layers():
    rng = np.random.default_rng(7)
    rnn, x, h_0 = RNN(2, 3, num_layers=2, rng=rng), rng.standard_normal((4, 5, 2)), rng.uniform(-1, 1, (2, 4, 3))
    assert rnn.stream([]).h_n is None
    stream = rnn.stream(x.swapaxes(0, 1), h_0)
    np.testing.assert_array_equal(stream.h_n, h_0)
    for t in range(5):
        next(stream)
        assert_close(stream.h_n, rnn(x[:, : t + 1], h_0)[1])
    stream.h_n[...] = 9.0  # a copy
    assert_close(stream.h_n, rnn(x, h_0)[1])


class Loud(LeakyCell):
    def forward(self, x_t, h_prev=None):
        if np.max(x_t) > 2:
            raise ValueError("too loud")
        return super().forward(x_t, h_prev)


SUM = RNNCell.from_weights([[1.0]], [[0.5]], nonlinearity="linear")


refused_steps = pytest.mark.parametrize(
    ("top", "refused"),
    [
        (RNNCell(1, 1, rng=0), [np.nan]),
        (RNNCell(1, 1, rng=0), [0.1, 0.2]),
        (RNNCell(1, 1, rng=0), [[0.1, 0.2]]),
        (RNNCell(1, 1, rng=0), "a"),
        (RNNCell.from_weights([[1e200]], [[0.5]], nonlinearity="relu"), [1e200]),  # overflows in the second layer
        (Loud(1, 1, rng=0), [3.0]),
    ],
)


@refused_steps
def test_a_refused_step_leaves_the_stream_as_it_was(top, refused):
    rnn = RNN.from_cells([SUM, top])
    stream = rnn.stream(iter([[0.5], refused, [1.0], refused, [-0.5]]))
    states = [next(stream)]
    for _ in range(2):
        before = stream.h_n
        with pytest.raises((ValueError, TypeError)):
            next(stream)
        np.testing.assert_array_equal(stream.h_n, before)
        states.append(next(stream))
    assert_close(np.array(states), rnn([[0.5], [1.0], [-0.5]])[0])
    assert list(stream) == []


def test_an_interrupted_step_leaves_the_stream_as_it_was(monkeypatch):
    calls = iter(range(10))

    def interrupted(a, out):
        if next(calls) == 3:  # in the second step, when the first layer is done
            raise KeyboardInterrupt
        return np.tanh(a, out)

    monkeypatch.setattr("vanilla_rnn.stream.functions_of", lambda _: (interrupted, None))
    rnn, x = RNN(2, 3, num_layers=2, rng=0), np.random.default_rng(1).standard_normal((3, 2))
    stream = rnn.stream([x[0], x[1], x[1], x[2]])
    states, before = [next(stream)], stream.h_n
    with pytest.raises(KeyboardInterrupt):
        next(stream)
    np.testing.assert_array_equal(stream.h_n, before)
    assert_close(np.array([*states, *stream]), rnn(x)[0])


@refused_steps
def test_a_refused_first_step_leaves_the_batch_to_the_next_one(top, refused):
    rnn, x = RNN.from_cells([SUM, top]), [[[0.5], [1.0]], [[-0.5], [0.2]]]  # 2 steps of 2 sequences
    stream = rnn.stream([refused, *x])
    with pytest.raises((ValueError, TypeError)):
        next(stream)
    assert stream.h_n is None
    assert_close(np.array(list(stream)).swapaxes(0, 1), rnn(np.swapaxes(x, 0, 1))[0])


@pytest.mark.parametrize("h_0", [None, np.full((2, 3), 0.5)])
@pytest.mark.parametrize("bias", [False, True])
def test_a_stream_has_the_network_s_dtype(bias, h_0):
    rng = np.random.default_rng(6)
    rnn, x = RNN(2, 3, num_layers=2, bias=bias, dtype=np.float32, rng=rng), rng.standard_normal((4, 2))
    states = list(rnn.stream(x, h_0))
    assert {h_t.dtype for h_t in states} == {np.dtype(np.float32)}
    np.testing.assert_allclose(states, rnn(x, h_0)[0], rtol=1e-5, atol=1e-6)


def test_a_stream_reads_a_step_only_when_its_state_is_needed():
    read = []

    def steps():
        for t in itertools.count():
            read.append(t)
            yield [float(t), 1.0]

    states = RNN(2, 3, rng=0).stream(steps())
    assert read == []
    next(states)
    assert read == [0]
    next(states)
    assert read == [0, 1]


def test_a_stream_returns_new_arrays_and_keeps_its_weights():
    rng = np.random.default_rng(5)
    rnn, x, h_0 = RNN(2, 3, num_layers=2, rng=rng), rng.standard_normal((6, 2)), np.full((2, 3), 0.5)
    output, _ = rnn(x, h_0)
    states = rnn.stream(x, h_0)
    h_0 += 9.0
    for t, h_t in enumerate(states):
        assert_close(h_t, output[t])
        h_t += 100.0
        for values in rnn.parameters().values():
            values += 1.0


WAVE = np.cos(np.pi * np.arange(64))  # 1, -1, 1, -1, ...: the sum of large products is inf or inf - inf


@pytest.mark.parametrize("constant", [False, True])
@pytest.mark.parametrize(
    ("weight", "number", "state"),
    [(1e200, 1e200, 0.5), (1e200, 0.5, 1e200), (1e3, 1e307, 0.5), (1e3, 0.5, 1e307), (1e307, 0.5, 0.5)],
)
def test_a_stream_of_tanh_never_returns_nan_whatever_overflows(weight, number, state, constant):
    """Like the network on the whole sequence it returns states within -1..1, without a warning, or refuses."""
    rnn = RNN.from_cells([RNNCell.from_weights(np.outer([1, -1], weight * WAVE), weight * np.eye(2))])
    x_t, message = number * (np.ones(64) if constant else WAVE), ""
    try:
        for h_t in rnn.stream([WAVE, x_t, WAVE], np.full((1, 2), state)):
            assert (np.abs(h_t) <= 1).all()
    except ValueError as error:
        message = str(error)
    assert not message or message.startswith("RNN.stream: the hidden state of cells[0] after steps[")
