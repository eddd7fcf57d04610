from copy import deepcopy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vanilla_rnn import RNNCell

EPS = 1e-200  # of the complex step: f(x + i eps) = f(x) + i eps f'(x), with nothing to cancel


def complex_copy(cell):
    twin = deepcopy(cell)
    for name, values in cell.parameters().items():
        setattr(twin, name, values.astype(complex))
    return twin


@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([(), (1,), (4,), (2, 3)]),
    st.booleans(),
    st.sampled_from(["tanh", "relu"]),
)
def test_step_and_its_gradient(seed, leading, bias, nonlinearity):
    """The step is the formula, and its backward is the derivative that the complex step gives."""
    rng = np.random.default_rng(seed)
    cell = RNNCell(3, 2, bias=bias, nonlinearity=nonlinearity, rng=rng)
    x, h_prev = rng.standard_normal((*leading, 3)), rng.uniform(-0.9, 0.9, (*leading, 2))
    step = cell.forward(x, h_prev)
    f = np.tanh if nonlinearity == "tanh" else (lambda a: np.maximum(a, 0))
    for index in np.ndindex(leading):
        a = cell.W_xh @ x[index] + cell.W_hh @ h_prev[index] + (cell.b_h if bias else 0)
        np.testing.assert_allclose(step.a[index], a, rtol=0, atol=1e-14)
        np.testing.assert_allclose(step.h[index], f(a), rtol=0, atol=1e-14)
    assert np.array_equal(cell(x, h_prev), step.h)

    d_h = rng.standard_normal((*leading, 2))
    d_x, d_h_prev, d_parameters = step.backward(d_h)
    assert list(d_parameters) == list(cell.parameters())
    twin = complex_copy(cell)
    arrays = {"x": x.astype(complex), "h_prev": h_prev.astype(complex)} | twin.parameters()
    for name, gradient in ({"x": d_x, "h_prev": d_h_prev} | d_parameters).items():
        assert gradient.shape == arrays[name].shape
        for index in np.ndindex(arrays[name].shape):
            arrays[name][index] += EPS * 1j
            derivative = (twin(arrays["x"], arrays["h_prev"]) * d_h).sum().imag / EPS
            arrays[name][index] -= EPS * 1j
            np.testing.assert_allclose(gradient[index], derivative, rtol=1e-11, atol=1e-13)


def test_without_a_state_before_it_begins_at_zero():
    cell = RNNCell(3, 2, rng=0)
    x = np.random.default_rng(0).standard_normal((4, 3))
    assert np.array_equal(cell(x), cell(x, np.zeros((4, 2))))


def test_a_step_is_proof_against_what_happens_after_it():
    rng = np.random.default_rng(1)
    cell, x, h_prev, d_h = (
        RNNCell(3, 2, rng=rng),
        rng.standard_normal((4, 3)),
        rng.standard_normal((4, 2)),
        np.ones((4, 2)),
    )
    before = cell.forward(x, h_prev).backward(d_h)
    step = cell.forward(x, h_prev)
    for values in (x, h_prev, *cell.parameters().values()):
        values += 1.0
    cell(x, h_prev)
    after = step.backward(d_h)
    assert np.array_equal(before.d_x, after.d_x)
    assert np.array_equal(before.d_h_prev, after.d_h_prev)
    for name, gradient in before.d_parameters.items():
        assert np.array_equal(gradient, after.d_parameters[name])
    for values in (step.x, step.h_prev, step.a, step.h):
        with pytest.raises(ValueError, match="read-only"):
            values += 1
    answer = cell(x)
    answer += 1.0  # what a call answers is the caller's


def test_the_initial_weights_are_drawn_as_documented():
    cell = RNNCell(200, 100, rng=0)
    for values in cell.parameters().values():
        assert np.abs(values).max() <= 0.1
        assert np.abs(values).max() > 0.095
        assert abs(values.mean()) < 0.02
    for name, values in RNNCell(200, 100, rng=0).parameters().items():
        assert np.array_equal(values, cell.parameters()[name])
    for rotation in (RNNCell(2, 50, recurrent_init="orthogonal", rng=seed) for seed in (0, 1)):
        np.testing.assert_allclose(rotation.W_hh @ rotation.W_hh.T, np.eye(50), atol=1e-12)
        assert not rotation.b_h.any()
        assert rotation.W_xh.any()
    signs = [np.sign(RNNCell(1, 1, recurrent_init="orthogonal", rng=seed).W_hh.item()) for seed in range(20)]
    assert set(signs) == {-1.0, 1.0}
    identity = RNNCell(2, 5, recurrent_init="identity", nonlinearity="relu", rng=0)
    assert np.array_equal(identity.W_hh, np.eye(5))
    assert not identity.b_h.any()
    assert np.array_equal(identity(np.zeros(2), np.arange(5.0)), np.arange(5.0))  # carried on as it is


def test_parameters_are_live_and_follow_the_dtype():
    cell = RNNCell(3, 2, dtype=np.float32, rng=0)
    assert {name: values.dtype for name, values in cell.parameters().items()} == dict.fromkeys(
        ("W_xh", "W_hh", "b_h"), np.dtype(np.float32)
    )
    cell.parameters()["b_h"][:] = 7.0
    assert (cell.b_h == 7.0).all()
    without = RNNCell(3, 2, bias=False)
    assert list(without.parameters()) == ["W_xh", "W_hh"]
    assert without.b_h is None


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("options", [{}, {"bias": False, "nonlinearity": "relu"}])
def test_all_results_have_the_cell_s_dtype(dtype, options):
    rng = np.random.default_rng(2)
    cell, x, h_prev = RNNCell(3, 2, dtype=dtype, rng=rng, **options), rng.standard_normal((4, 3)), np.ones((4, 2))
    for step in (cell.forward(x), cell.forward(x, h_prev)):
        d_x, d_h_prev, d_parameters = step.backward(rng.standard_normal((4, 2)))
        arrays = [step.x, step.h_prev, step.a, step.h, d_x, d_h_prev, *d_parameters.values()]
        assert {values.dtype for values in arrays} == {np.dtype(dtype)}


def test_the_quick_look_knows_sound_weights():
    """Were it to say no, each call would look at every weight by itself, and nobody would notice but by the clock."""
    for options in (
        {},
        {"bias": False},
        {"nonlinearity": "relu"},
        {"dtype": np.float32},
        {"bias": False, "dtype": np.float32},
    ):
        assert RNNCell(3, 2, rng=0, **options)._sound()
    assert complex_copy(RNNCell(3, 2, rng=0))._sound()  # as check_gradients makes it


def test_a_random_rotation_is_drawn_uniformly():
    """Of normal numbers G = Q R, the one Q for which all of R's diagonal is positive."""
    for seed in range(20):
        W_hh, rng = RNNCell(2, 9, recurrent_init="orthogonal", rng=seed).W_hh, np.random.default_rng(seed)
        rng.random((9, 2))  # W_xh is drawn first
        R = W_hh.T @ rng.standard_normal((9, 9))
        np.testing.assert_allclose(np.tril(R, -1), 0, atol=1e-12)
        assert (np.diag(R) > 0).all()


def test_from_weights_copies_and_settles_on_one_dtype():
    W_xh, W_hh = np.ones((2, 3), np.float32), np.eye(2, dtype=np.float32)
    cell = RNNCell.from_weights(W_xh, W_hh)
    W_xh += 1.0
    assert (cell.W_xh == 1.0).all()
    assert cell.dtype == np.float32
    mixed = RNNCell.from_weights(W_xh, W_hh, [0, 1])
    assert {values.dtype for values in mixed.parameters().values()} == {np.dtype(np.float64)}
    assert (mixed.input_size, mixed.hidden_size) == (3, 2)


def test_repr_gives_sizes_and_the_count():
    text = repr(RNNCell(3, 2, bias=False, nonlinearity="relu"))
    assert text.splitlines()[0] == "RNNCell(3, 2, bias=False, nonlinearity='relu'): 10 parameters"
    assert text.splitlines()[1].split() == ["W_xh", "(2,", "3)"]
