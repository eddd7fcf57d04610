"""The unrolled network equals a plain loop over its cells, forward and backward, for every kind of network."""

import itertools
from copy import deepcopy
from unittest import mock

import numpy as np
import pytest
from hypothesis import given

from plain import networks, plain_rows
from vanilla_rnn import RNN, SGD, RNNCell, unroll


def assert_close(ours, plain):
    np.testing.assert_allclose(ours, plain, rtol=0, atol=1e-12 * max(1.0, np.abs(plain).max(initial=0)))


@given(networks())
def test_forward_equals_a_plain_loop_over_the_cells(case):
    rnn, x, h_0, lengths = case["rnn"], case["x"], case["h_0"], case["lengths"]
    run = rnn.forward(x, h_0, lengths)
    output, h_n = rnn(x, h_0, lengths)
    assert np.array_equal(run.output, output)
    assert np.array_equal(run.h_n, h_n)
    assert output.shape == (*x.shape[:2], rnn.directions * rnn.hidden_size)
    assert h_n.shape == (len(rnn.cells), len(x), rnn.hidden_size)
    for b, row in enumerate(plain_rows(case)):
        assert_close(output[b, : len(row.output)], row.output)
        assert not output[b, len(row.output) :].any()
        assert_close(h_n[:, b], row.h_n)
        assert_close(run.last[b], np.concatenate(row.h_n[-rnn.directions :]))


@pytest.mark.parametrize("small", [unroll.SMALL, 0], ids=["slopes of all steps at once", "step by step"])
@given(networks())
def test_backward_equals_a_plain_loop_over_the_steps(small, case):
    with mock.patch.object(unroll, "SMALL", small):
        backward_equals_a_plain_loop(case)


def backward_equals_a_plain_loop(case):
    rnn, x, rng = case["rnn"], case["x"], case["rng"]
    run = rnn.forward(x, case["h_0"], case["lengths"])
    d_output, d_h_n = rng.standard_normal(run.output.shape), rng.standard_normal(run.h_n.shape)
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
        assert d_a.shape == (*x.shape[:2], cell.hidden_size)
        if cell.b_h is not None:
            assert_close(d_a.sum(axis=(0, 1)), gradients.d_parameters[f"cells.{number}.b_h"])


@given(networks(lengths=False))
def test_one_sequence_without_a_batch_axis_equals_its_row(case):
    rnn, rng = case["rnn"], case["rng"]
    x = rng.standard_normal((case["x"].shape[1], rnn.input_size))
    h_0 = None if case["h_0"] is None else rng.uniform(-1, 1, (len(rnn.cells), rnn.hidden_size))
    alone = rnn.forward(x, h_0)
    batch = rnn.forward(x[None], None if h_0 is None else h_0[:, None])
    for one, row in zip((*rnn(x, h_0), alone.last), (batch.output[0], batch.h_n[:, 0], batch.last[0]), strict=True):
        assert np.array_equal(one, row)
    assert np.array_equal(alone.output, batch.output[0])
    d_output, d_h_n = rng.standard_normal(alone.output.shape), rng.standard_normal(alone.h_n.shape)
    one, row = alone.backward(d_output, d_h_n), batch.backward(d_output[None], d_h_n[:, None])
    assert np.array_equal(one.d_x, row.d_x[0])
    assert np.array_equal(one.d_h_0, row.d_h_0[:, 0])
    for d_a, d_a_row in zip(one.d_a, row.d_a, strict=True):
        assert np.array_equal(d_a, d_a_row[0])
    for path, gradient in one.d_parameters.items():
        assert np.array_equal(gradient, row.d_parameters[path])


@given(networks())
def test_a_missing_gradient_counts_as_zero(case):
    run, rng = case["rnn"].forward(case["x"], case["h_0"], case["lengths"]), case["rng"]
    d_output, d_h_n = rng.standard_normal(run.output.shape), rng.standard_normal(run.h_n.shape)
    for with_none, with_zeros in (
        (run.backward(d_output), run.backward(d_output, np.zeros_like(d_h_n))),
        (run.backward(d_h_n=d_h_n), run.backward(np.zeros_like(d_output), d_h_n)),
    ):
        assert np.array_equal(with_none.d_x, with_zeros.d_x)
        assert np.array_equal(with_none.d_h_0, with_zeros.d_h_0)


def test_a_record_is_proof_against_what_happens_after_it():
    rng = np.random.default_rng(0)
    rnn = RNN(3, 4, num_layers=2, bidirectional=True, rng=rng)
    x, h_0, lengths = rng.standard_normal((2, 5, 3)), rng.uniform(-1, 1, (4, 2, 4)), np.array([5, 3])
    d_output, d_h_n = rng.standard_normal((2, 5, 8)), rng.standard_normal((4, 2, 4))
    for counts in (None, lengths):
        before = rnn.forward(x, h_0, counts).backward(d_output, d_h_n)
        run = rnn.forward(x, h_0, counts)
        given_x, given_h_0 = x.copy(), h_0.copy()
        for values in (*rnn.parameters().values(), x, h_0):
            values += rng.standard_normal(values.shape)
        rnn.forward(x, h_0, counts)
        after = run.backward(d_output, d_h_n)
        again = run.backward(d_output, d_h_n)  # a backward uses up nothing
        for gradients in (after, again):
            assert np.array_equal(before.d_x, gradients.d_x)
            assert np.array_equal(before.d_h_0, gradients.d_h_0)
            for path, gradient in before.d_parameters.items():
                assert np.array_equal(gradient, gradients.d_parameters[path])
        x, h_0 = given_x, given_h_0
    for values in (run.output, run.h_n, run.last):
        with pytest.raises(ValueError, match="read-only"):
            values += 1


def test_backward_leaves_the_gradients_it_is_given_alone():
    rng = np.random.default_rng(1)
    for shape in ((2, 4, 3), (1, 4, 3), (2, 1, 3), (4, 3)):  # with one row or one step, a copy could be a view
        run = RNN(3, 5, rng=rng).forward(rng.standard_normal(shape))
        d_output, d_h_n = rng.standard_normal(run.output.shape), rng.standard_normal(run.h_n.shape)
        kept = d_output.copy(), d_h_n.copy()
        run.backward(d_output, d_h_n)
        assert np.array_equal(kept[0], d_output)
        assert np.array_equal(kept[1], d_h_n)


def test_what_is_answered_belongs_to_the_caller():
    rng = np.random.default_rng(2)
    rnn, x, h_0 = RNN(3, 5, rng=rng), rng.standard_normal((1, 4, 3)), np.zeros((1, 1, 5))
    output, h_n = rnn(x, h_0)
    kept = h_n.copy()
    output += 1.0
    assert np.array_equal(h_n, kept)
    h_n += 1.0
    assert not h_0.any()
    assert np.array_equal(rnn(x, h_0)[1], kept)


def test_a_record_knows_its_names_whatever_becomes_of_the_network():
    rng = np.random.default_rng(0)
    x, d_output = rng.standard_normal((2, 5, 3)), rng.standard_normal((2, 5, 4))
    for change in (
        lambda rnn: setattr(rnn.cells[0], "b_h", None),
        lambda rnn: rnn.cells.pop(),
        lambda rnn: setattr(rnn.cells[1], "W_hh", rnn.cells[0].W_hh),
    ):
        rnn = RNN(3, 4, num_layers=2, rng=1)
        names, run = list(rnn.parameters()), rnn.forward(x)
        change(rnn)
        assert list(run.backward(d_output).d_parameters) == names


def test_from_cells_keeps_the_cells_in_a_list_of_its_own():
    cells = (RNNCell(2, 3), RNNCell(3, 3))
    rnn = RNN.from_cells(cells)
    assert rnn.cells == list(cells)
    assert len(rnn.parameters()) == 6


def test_a_cell_used_in_two_layers_gets_both_gradients():
    rng = np.random.default_rng(3)
    cell = RNNCell(4, 4, rng=rng)
    tied, free = RNN.from_cells([cell, cell]), RNN.from_cells([cell, deepcopy(cell)])
    assert list(tied.parameters()) == ["cells.0.W_xh", "cells.0.W_hh", "cells.0.b_h"]
    x = rng.standard_normal((2, 5, 4))
    d_output = rng.standard_normal((2, 5, 4))
    shared = tied.forward(x).backward(d_output).d_parameters
    apart = free.forward(x).backward(d_output).d_parameters
    assert list(shared) == list(tied.parameters())
    for name in ("W_xh", "W_hh", "b_h"):
        np.testing.assert_allclose(shared[f"cells.0.{name}"], apart[f"cells.0.{name}"] + apart[f"cells.1.{name}"])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_all_results_have_the_network_s_dtype(dtype):
    rnn = RNN(2, 3, num_layers=2, bidirectional=True, dtype=dtype, rng=0)
    for x in (np.ones((2, 4, 2), np.float32), np.ones((2, 4, 2)), [[[1, 2], [3, 4]]]):
        for lengths in (None, [2] * len(x)):
            run = rnn.forward(x, lengths=lengths)
            gradients = run.backward(np.ones(run.output.shape))
            arrays = [run.output, run.h_n, run.last, *rnn(x, lengths=lengths), gradients.d_x, gradients.d_h_0]
            arrays += [*gradients.d_a, *gradients.d_parameters.values()]
            assert {values.dtype for values in arrays} == {np.dtype(dtype)}


def test_float32_stays_near_float64():
    rng = np.random.default_rng(4)
    wide = RNN(3, 5, num_layers=2, rng=rng)
    narrow = RNN.from_cells(
        [RNNCell.from_weights(*(w.astype(np.float32) for w in c.parameters().values())) for c in wide.cells]
    )
    x, d_output = rng.standard_normal((4, 20, 3)), rng.standard_normal((4, 20, 5))
    a, b = wide.forward(x), narrow.forward(x)
    np.testing.assert_allclose(a.output, b.output, atol=2e-5)
    for path, gradient in a.backward(d_output).d_parameters.items():
        np.testing.assert_allclose(gradient, b.backward(d_output).d_parameters[path], rtol=1e-4, atol=1e-4)


def test_the_same_seed_makes_the_same_network():
    one, other, third = RNN(3, 4, num_layers=2, rng=7), RNN(3, 4, num_layers=2, rng=7), RNN(3, 4, num_layers=2, rng=8)
    for path, values in one.parameters().items():
        assert np.array_equal(values, other.parameters()[path])
        assert not np.array_equal(values, third.parameters()[path])
    drawn = RNN(3, 4, rng=None).cells[0].W_xh, RNN(3, 4).cells[0].W_xh
    assert not np.array_equal(*drawn)


def test_sizes_and_repr():
    rnn = RNN(2, 3, num_layers=2, bidirectional=True, rng=0)
    assert (rnn.input_size, rnn.hidden_size, rnn.num_layers, rnn.directions) == (2, 3, 2, 2)
    assert [cell.input_size for cell in rnn.cells] == [2, 2, 6, 6]
    first, *lines = repr(rnn).splitlines()
    assert first == "RNN(2, 3, num_layers=2, bidirectional=True): 96 parameters"
    assert len(lines) == 12
    assert lines[-3].split() == ["cells.3.W_xh", "(3,", "6)"]
    options = {"nonlinearity": "relu", "dtype": np.float32, "bias": False}
    assert repr(RNN(2, 3, **options)).startswith("RNN(2, 3, bias=False, nonlinearity='relu', dtype=np.float32): ")


@given(networks(max_directions=1, lengths=False))
def test_stream_equals_the_network_on_the_whole_sequence(case):
    rnn, x, h_0 = case["rnn"], case["x"], case["h_0"]
    output, _ = rnn(x, h_0)
    states = list(rnn.stream(x.swapaxes(0, 1), h_0))
    assert len(states) == x.shape[1]
    for t, h_t in enumerate(states):
        assert_close(h_t, output[:, t])
    for b in range(len(x)):
        for t, h_t in enumerate(rnn.stream(iter(x[b]), None if h_0 is None else h_0[:, b])):
            assert_close(h_t, output[b, t])


@pytest.mark.parametrize("bias", [False, True])
def test_a_stream_has_the_network_s_dtype(bias):
    rng = np.random.default_rng(6)
    rnn, x = RNN(2, 3, num_layers=2, bias=bias, dtype=np.float32, rng=rng), rng.standard_normal((4, 2))
    for h_0 in (None, rng.uniform(-1, 1, (2, 3))):
        output, _ = rnn(x, h_0)
        for h_t, expected in zip(rnn.stream(x, h_0), output, strict=True):
            assert h_t.dtype == np.float32
            np.testing.assert_allclose(h_t, expected, rtol=1e-5, atol=1e-6)


def test_stream_reads_no_step_before_its_state_is_asked_for():
    rnn, read = RNN(2, 3, rng=0), []

    def steps():
        for t in itertools.count():
            read.append(t)
            yield [float(t), 1.0]

    states = rnn.stream(steps())
    assert read == []
    next(states)
    assert read == [0]
    next(states)
    assert read == [0, 1]


def test_stream_gives_arrays_of_their_own_and_keeps_its_weights():
    rng = np.random.default_rng(5)
    rnn, x, h_0 = RNN(2, 3, num_layers=2, rng=rng), rng.standard_normal((6, 2)), np.full((2, 3), 0.5)
    output, _ = rnn(x, h_0)
    states = rnn.stream(x, h_0)
    h_0 += 9.0
    for t, h_t in enumerate(states):
        np.testing.assert_allclose(h_t, output[t], atol=1e-12)
        h_t += 100.0
        for values in rnn.parameters().values():
            values += 1.0


def test_a_gradient_that_overflows_is_for_the_optimiser_to_refuse():
    """Backward hands on infinity, and the NaN of a unit that is off, without a warning."""
    W_xh, W_hh = [[1e-300], [-1.0]], [[1e200, 1e200], [0.0, 0.0]]
    rnn = RNN.from_cells([RNNCell.from_weights(W_xh, W_hh, nonlinearity="relu")])
    run = rnn.forward(np.ones((3, 1)))
    assert np.array_equal(run.output > 0, [[True, False]] * 3)
    gradients = run.backward(np.ones((3, 2)))
    assert np.isinf(gradients.d_a[0][0, 0])
    assert np.isnan(gradients.d_a[0][0, 1])
    with pytest.raises(ValueError, match=r"SGD.step: the gradient of cells.0.W_xh must be finite"):
        SGD(0.1).step(rnn.parameters(), gradients.d_parameters)


def test_inputs_may_lie_in_memory_in_any_way():
    rng = np.random.default_rng(0)
    rnn = RNN(2, 3, num_layers=2, bidirectional=True, rng=rng)
    x, h_0 = rng.standard_normal((4, 5, 2)), rng.standard_normal((4, 4, 3))
    d_output, d_h_n = rng.standard_normal((4, 5, 6)), rng.standard_normal((4, 4, 3))
    for lengths in (None, [5, 2, 0, 3]):
        run = rnn.forward(x, h_0, lengths)
        expected = run.backward(d_output, d_h_n)
        for turn in ([0, 1, 2], [2, 0, 1], [1, 2, 0], [2, 1, 0]):

            def lying(values, turn=turn):
                return np.ascontiguousarray(values.transpose(turn)).transpose(np.argsort(turn))

            again = rnn.forward(lying(x), lying(h_0), lengths)
            np.testing.assert_allclose(again.output, run.output, rtol=1e-12)
            np.testing.assert_array_equal(rnn(lying(x), lying(h_0), lengths)[1], again.h_n)
            found = again.backward(lying(d_output), lying(d_h_n))
            np.testing.assert_allclose(found.d_x, expected.d_x, rtol=1e-9, atol=1e-12)
            np.testing.assert_allclose(found.d_h_0, expected.d_h_0, rtol=1e-9, atol=1e-12)
