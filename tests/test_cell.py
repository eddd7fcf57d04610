"""One step is its formula, and its backward is the derivative."""

import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plain import NONLINEARITIES, SEEDS, LeakyCell
from vanilla_rnn import RNN, RNNCell, check_gradients

FORMULAS = {
    "tanh": np.tanh,
    "relu": lambda a: np.maximum(a, 0),
    "sigmoid": lambda a: 1 / (1 + np.exp(-a)),
    "linear": lambda a: a,
}
LEADING_AXES = [(), (1,), (4,), (2, 3)]


def random_cell(rng, **options):
    """A cell, and the arguments of its forward for four sequences."""
    return RNNCell(3, 2, rng=rng, **options), rng.standard_normal((4, 3)), rng.uniform(-0.9, 0.9, (4, 2))


def complex_copy(cell):
    twin = copy.deepcopy(cell)
    for name, values in cell.parameters().items():
        setattr(twin, name, values.astype(complex))
    return twin


@given(SEEDS, st.sampled_from(LEADING_AXES), st.booleans(), st.sampled_from(NONLINEARITIES))
def test_a_step_is_its_formula(seed, leading, bias, nonlinearity):
    rng = np.random.default_rng(seed)
    cell = RNNCell(3, 2, bias=bias, nonlinearity=nonlinearity, rng=rng)
    x, h_prev = rng.standard_normal((*leading, 3)), rng.uniform(-0.9, 0.9, (*leading, 2))
    run = cell.forward(x, h_prev)
    for index in np.ndindex(leading):
        a = cell.W_xh @ x[index] + cell.W_hh @ h_prev[index] + (cell.b_h if bias else 0)
        np.testing.assert_allclose(run.a[index], a, rtol=0, atol=1e-14)
        np.testing.assert_allclose(run.h[index], FORMULAS[nonlinearity](a), rtol=0, atol=1e-14)
    np.testing.assert_array_equal(cell(x, h_prev), run.h)


@given(SEEDS, st.sampled_from(LEADING_AXES), st.booleans(), st.sampled_from(NONLINEARITIES))
def test_backward_is_the_derivative(seed, leading, bias, nonlinearity):
    """Computed here by the complex step, f'(x) = Im f(x + i e) / e, without the help of `check_gradients`."""
    rng = np.random.default_rng(seed)
    cell = RNNCell(3, 2, bias=bias, nonlinearity=nonlinearity, rng=rng)
    x, h_prev, d_h = (rng.uniform(-1, 1, (*leading, size)) for size in (3, 2, 2))
    d_x, d_h_prev, d_parameters = cell.forward(x, h_prev).backward(d_h)
    assert list(d_parameters) == list(cell.parameters())
    twin = complex_copy(cell)
    arrays = {"x": x.astype(complex), "h_prev": h_prev.astype(complex)} | twin.parameters()
    for name, gradient in ({"x": d_x, "h_prev": d_h_prev} | d_parameters).items():
        assert gradient.shape == arrays[name].shape
        for index in np.ndindex(gradient.shape):
            arrays[name][index] += 1e-200j
            derivative = (twin(arrays["x"], arrays["h_prev"]) * d_h).sum().imag / 1e-200
            arrays[name][index] -= 1e-200j
            np.testing.assert_allclose(gradient[index], derivative, rtol=1e-11, atol=1e-13)


def test_a_nonlinearity_of_your_own_is_a_function_and_its_slope():
    rng = np.random.default_rng(3)
    pair = np.arctan, lambda h: np.cos(h) ** 2  # d arctan(a) / da = 1 / (1 + a^2) = cos(arctan a)^2
    cell, x, h_prev = random_cell(rng, nonlinearity=pair)
    np.testing.assert_array_equal(cell(x, h_prev), np.arctan(cell.forward(x, h_prev).a))
    assert check_gradients(cell, x, h_prev) < 1e-11
    assert repr(cell).startswith("RNNCell(3, 2, nonlinearity=(f, slope)): ")
    cell.nonlinearity = lambda a: np.arctan(a).tolist(), pair[1]  # complex numbers too may be in a list
    assert check_gradients(cell, x, h_prev) < 1e-11


def test_without_a_previous_state_a_step_starts_from_zeros():
    cell, x, _ = random_cell(np.random.default_rng(0))
    np.testing.assert_array_equal(cell(x), cell(x, np.zeros((4, 2))))


def test_a_subclass_s_own_forward_is_used():
    rng = np.random.default_rng(2)
    cell = LeakyCell(3, 2, rng=rng)
    x, h_prev = rng.standard_normal((4, 3)), rng.uniform(-0.9, 0.9, (4, 2))
    np.testing.assert_array_equal(cell(x, h_prev), 0.7 * h_prev + 0.3 * RNNCell.forward(cell, x, h_prev).h)
    assert check_gradients(cell, x, h_prev) < 1e-11


def test_uniform_weights_reach_from_minus_k_to_k():
    cell = RNNCell(200, 100, rng=0)  # k = 1 / sqrt(100)
    for values in cell.parameters().values():
        assert 0.095 < np.abs(values).max() <= 0.1
        assert abs(values.mean()) < 0.02
    for name, values in RNNCell(200, 100, rng=0).parameters().items():
        np.testing.assert_array_equal(values, cell.parameters()[name])


@pytest.mark.parametrize("seed", range(5))
def test_orthogonal_weights_are_a_rotation_drawn_uniformly(seed):
    """Of a normal matrix G = Q R, the one Q for which R's whole diagonal is positive."""
    cell, rng = RNNCell(2, 9, recurrent_init="orthogonal", rng=seed), np.random.default_rng(seed)
    np.testing.assert_allclose(cell.W_hh @ cell.W_hh.T, np.eye(9), atol=1e-12)
    rng.random((9, 2))  # W_xh is drawn first
    R = cell.W_hh.T @ rng.standard_normal((9, 9))
    np.testing.assert_allclose(np.tril(R, -1), 0, atol=1e-12)
    assert (np.diag(R) > 0).all()
    assert cell.W_xh.all()
    assert not cell.b_h.any()


def test_an_orthogonal_weight_of_size_1_has_either_sign():
    signs = [np.sign(RNNCell(1, 1, recurrent_init="orthogonal", rng=seed).W_hh.item()) for seed in range(20)]
    assert set(signs) == {-1.0, 1.0}


def test_identity_weights_pass_the_state_on_unchanged():
    cell = RNNCell(2, 5, recurrent_init="identity", nonlinearity="relu", rng=0)
    np.testing.assert_array_equal(cell(np.zeros(2), np.arange(5.0)), np.arange(5.0))


def test_parameters_are_live():
    cell = RNNCell(3, 2, rng=0)
    assert list(cell.parameters()) == ["W_xh", "W_hh", "b_h"]
    cell.parameters()["b_h"][:] = 7.0
    assert (cell.b_h == 7.0).all()
    without = RNNCell(3, 2, bias=False)
    assert list(without.parameters()) == ["W_xh", "W_hh"]
    assert without.b_h is None


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("nonlinearity", NONLINEARITIES)
def test_all_results_have_the_cell_s_dtype(dtype, bias, nonlinearity):
    cell, x, h_prev = random_cell(np.random.default_rng(2), dtype=dtype, bias=bias, nonlinearity=nonlinearity)
    for run in (cell.forward(x), cell.forward(x, h_prev)):
        d_x, d_h_prev, d_parameters = run.backward(np.ones((4, 2)))
        arrays = [run.x, run.h_prev, run.a, run.h, d_x, d_h_prev, *cell.parameters().values(), *d_parameters.values()]
        assert {values.dtype for values in arrays} == {np.dtype(dtype)}


@pytest.mark.parametrize("options", [{}, {"bias": False}, {"nonlinearity": "relu"}, {"dtype": np.float32}])
def test_the_fast_check_accepts_sound_weights(options):
    """If it didn't, every call would check every weight by itself, and only a clock would notice."""
    cell = RNNCell(3, 2, rng=0, **options)
    assert cell.is_sound()
    assert complex_copy(cell).is_sound()  # as `check_gradients` makes it


def test_a_gradient_that_overflows_is_infinite():
    run = RNNCell.from_weights([[1e200]], [[2.0]], nonlinearity="linear").forward([[1e-200]], [[0.5]])
    d_x, d_h_prev, d_parameters = run.backward([[1e200]])
    np.testing.assert_array_equal([d_x, d_h_prev], [[[np.inf]], [[2e200]]])
    np.testing.assert_array_equal(d_parameters["W_hh"], [[5e199]])


def test_weights_whose_squares_overflow_are_legal():
    cell = RNNCell.from_weights([[1e200]], [[-1e200]], [1e200])
    np.testing.assert_array_equal(cell([0.0]), [1.0])
    np.testing.assert_array_equal(RNN.from_cells([cell])([[0.0], [-3.0]])[0], [[1.0], [-1.0]])


def test_from_weights_copies_into_one_dtype():
    W_xh, W_hh = np.ones((2, 3), np.float32), np.eye(2, dtype=np.float32)
    cell, mixed = RNNCell.from_weights(W_xh, W_hh), RNNCell.from_weights(W_xh, W_hh, [0, 1])
    W_xh += 1.0
    assert (cell.W_xh == 1.0).all()
    assert cell.dtype == np.float32
    assert {values.dtype for values in mixed.parameters().values()} == {np.dtype(np.float64)}
    assert (mixed.input_size, mixed.hidden_size) == (3, 2)


def test_repr_shows_sizes_options_and_the_number_of_parameters():
    lines = repr(RNNCell(3, 2, bias=False, nonlinearity="relu", dtype=np.float32)).splitlines()
    assert lines[0] == "RNNCell(3, 2, bias=False, nonlinearity='relu', dtype=np.float32): 10 parameters"
    assert lines[1].split(maxsplit=1) == ["W_xh", "(2, 3)"]


@pytest.mark.parametrize("value", [None, 3.0, [[1.0]], np.eye(3, dtype=int)])
def test_weights_replaced_by_something_else_are_refused(value):
    cell = RNNCell(2, 3, rng=0)
    cell.W_hh = value
    with pytest.raises(TypeError, match="^RNNCell.forward: W_hh must be a NumPy array of float64, got "):
        cell([1.0, 2.0])
