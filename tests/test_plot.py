"""The pictures show the numbers."""

import numpy as np
import pytest

from vanilla_rnn import RNN, plot

plt = pytest.importorskip("matplotlib.pyplot")


@pytest.fixture(autouse=True)
def close():
    plt.switch_backend("agg")
    yield
    plt.close("all")


@pytest.fixture
def run():
    rng = np.random.default_rng(0)
    return RNN(2, 3, num_layers=2, rng=rng).forward(rng.standard_normal((5, 7, 2)), lengths=[7, 4, 0, 1, 2])


def test_hidden_states(run):
    ax = plot.plot_hidden_states(run, list("abcdefg"))
    np.testing.assert_array_equal(ax.images[0].get_array(), run.output[0].T)
    assert [label.get_text() for label in ax.get_xticklabels()] == list("abcdefg")
    low, high = ax.images[0].get_clim()
    assert -low == high == 1  # 0 is the colour between the two
    mine = plt.subplots()[1]
    assert plot.plot_hidden_states(run, row=1, ax=mine) is mine
    assert mine.images[0].get_array().shape == (3, 4)
    assert list(plot.plot_hidden_states(run, row=2).images) == []


def test_gradient_flow(run):
    d_h_n = np.zeros(run.h_n.shape)
    d_h_n[1, :, 0] = 1.0
    gradients = run.backward(d_h_n=d_h_n)
    mine = plt.subplots()[1]
    assert plot.plot_gradient_flow(run, gradients, row=1, ax=mine) is mine
    lower, upper = mine.lines
    slopes = [1 - run.output[1, t] ** 2 for t in range(4)]
    assert upper.get_ydata()[-1] == 1.0
    W_hh = run.read(1)[1].cell.W_hh
    np.testing.assert_allclose(upper.get_ydata()[-2], np.linalg.norm(W_hh.T @ (slopes[-1] * [1.0, 0.0, 0.0])))
    assert np.isfinite(lower.get_ydata()).all()
    assert mine.get_yscale() == "log"
    named = plot.plot_gradient_flow(run, gradients, list("wxyz"), row=1)
    assert [label.get_text() for label in named.get_xticklabels()] == list("wxyz")
    assert len(plot.plot_gradient_flow(run, gradients, row=2).lines) == 0


def test_a_step_that_no_gradient_reaches_is_left_out(run):
    d_output = np.zeros(run.output.shape)
    d_output[:, 0] = 1.0
    ax = plot.plot_gradient_flow(run, run.backward(d_output))
    assert np.isnan(ax.lines[1].get_ydata()).tolist() == [False] + [True] * 6


def test_history():
    ax = plot.plot_history(
        [{"epoch": 1, "loss": 0.5, "gradient_norm": 2.0}, {"epoch": 2, "loss": 0.25, "gradient_norm": 1.0}]
    )
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), [[1, 0.5], [2, 0.25]])
    assert ax.get_xlabel() == "epoch"
    for bad in ([], [{"epoch": 1}]):
        with pytest.raises(ValueError, match="plot_history: history must be rows with a loss"):
            plot.plot_history(bad)
