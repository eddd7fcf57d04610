"""The pictures show the numbers."""

import numpy as np
import pytest

from vanilla_rnn import RNN, Embedding, ManyToOne, ManyToOneHead, RNNCell, binary_cross_entropy, gradient_flow, trace
from vanilla_rnn.inspection import plot

plt = pytest.importorskip("matplotlib.pyplot")


@pytest.fixture(autouse=True)
def no_window():
    plt.switch_backend("agg")
    yield
    plt.close("all")


@pytest.fixture
def run():
    rng = np.random.default_rng(0)
    return RNN(2, 3, num_layers=2, rng=rng).forward(rng.standard_normal((5, 7, 2)), lengths=[7, 4, 0, 1, 2])


def tick_labels(ax):
    return [label.get_text() for label in ax.get_xticklabels()]


def test_hidden_states(run):
    ax = plot.plot_hidden_states(run, list("abcdefg"))
    np.testing.assert_array_equal(ax.images[0].get_array(), run.output[0].T)
    assert tick_labels(ax) == list("abcdefg")
    low, high = ax.images[0].get_clim()
    assert -low == high == 1  # 0 has the neutral colour
    own_axes = plt.subplots()[1]
    assert plot.plot_hidden_states(run, row=1, ax=own_axes) is own_axes
    assert own_axes.images[0].get_array().shape == (3, 4)
    assert list(plot.plot_hidden_states(run, row=2).images) == []


def test_the_hidden_states_of_a_trace(run):
    ax = plot.plot_hidden_states(trace(run, list("wxyz"), row=1))
    np.testing.assert_array_equal(ax.images[0].get_array(), run.output[1, :4].T)
    assert tick_labels(ax) == list("wxyz")


def test_gradient_flow(run):
    d_h_n = np.zeros(run.h_n.shape)
    d_h_n[1, :, 0] = 1.0
    own_axes = plt.subplots()[1]
    assert plot.plot_gradient_flow(run, d_h_n=d_h_n, row=1, ax=own_axes) is own_axes
    lower, upper = own_axes.lines
    slope, W_hh = 1 - run.output[1, 3] ** 2, run.cells[1].W_hh
    assert upper.get_ydata()[-1] == 1.0
    np.testing.assert_allclose(upper.get_ydata()[-2], np.linalg.norm(W_hh.T @ (slope * [1.0, 0.0, 0.0])))
    assert np.isfinite(lower.get_ydata()).all()
    assert own_axes.get_yscale() == "log"
    assert tick_labels(plot.plot_gradient_flow(run, list("wxyz"), d_h_n=d_h_n, row=1)) == list("wxyz")
    assert len(plot.plot_gradient_flow(run, d_h_n=d_h_n, row=2).lines) == 0


def test_the_gradient_flow_of_a_run_a_flow_and_a_trace_is_the_same():
    rng = np.random.default_rng(0)
    model = ManyToOne(RNN(2, 3, rng=rng), ManyToOneHead(3, 1, rng=rng), embedding=Embedding(7, 2, rng=rng))
    run, options = (
        model.forward([[4, 5, 6], [1, 2, 0]], [3, 2]),
        {"loss": binary_cross_entropy, "targets": [1, 0], "row": 1},
    )
    pictures = [
        plot.plot_gradient_flow(run, ["a", "b"], **options),
        plot.plot_gradient_flow(gradient_flow(run, **options), ["a", "b"]),
        plot.plot_gradient_flow(trace(run, ["a", "b"], **options)),
    ]
    for ax in pictures:
        np.testing.assert_allclose(ax.lines[0].get_ydata(), gradient_flow(run, **options).d_h[0])
        assert tick_labels(ax) == ["a", "b"]


def test_a_step_that_no_gradient_reaches_is_left_out(run):
    d_output = np.zeros(run.output.shape)
    d_output[:, 0] = 1.0
    ax = plot.plot_gradient_flow(run, d_output=d_output)
    assert np.isnan(ax.lines[1].get_ydata()).tolist() == [False] + [True] * 6


def test_a_trace_without_gradients_has_no_flow(run):
    with pytest.raises(ValueError, match="plot_gradient_flow: run must be a trace with gradients, got none"):
        plot.plot_gradient_flow(trace(run))


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_norms_whose_squares_vanish_or_overflow_are_drawn(factor):
    one = np.ones((1, 1), np.float32)
    rnn = RNN.from_cells([RNNCell.from_weights(one, factor * one, nonlinearity="linear")])
    run = rnn.forward(np.zeros((100, 1)))
    for source in (run, trace(run, d_h_n=one), gradient_flow(run, d_h_n=one)):
        ax = plot.plot_gradient_flow(source, **({"d_h_n": one} if source is run else {}))
        np.testing.assert_allclose(ax.lines[0].get_ydata(), factor ** np.arange(99.0, -1.0, -1.0), rtol=1e-5)


def test_a_dollar_in_a_token_is_a_dollar(run):
    ax = plot.plot_hidden_states(run, ["6$_$", "$x$", *"cdefg"])
    ax.figure.canvas.draw()
    assert tick_labels(ax)[:2] == [r"6\$_\$", r"\$x\$"]


D_H_N = np.ones((2, 5, 3))


@pytest.mark.parametrize(
    ("draw", "source", "more"),
    [
        ("plot_hidden_states", trace, {"tokens": list("wxyz")}),
        ("plot_hidden_states", trace, {"row": 2}),
        ("plot_gradient_flow", trace, {"tokens": list("wxyz")}),
        ("plot_gradient_flow", trace, {"d_h_n": D_H_N}),
        ("plot_gradient_flow", gradient_flow, {"row": 2}),
        ("plot_gradient_flow", gradient_flow, {"d_output": np.ones((5, 7, 3))}),
    ],
)
def test_what_a_trace_has_already_is_not_ignored(run, draw, source, more):
    (name,) = more
    with pytest.raises(ValueError, match=rf"^{draw}: {name} must be left out for a \w+, got .*{source.__name__}\("):
        getattr(plot, draw)(source(run, d_h_n=D_H_N, row=1), **more)


def test_a_gradient_flow_has_a_token_for_each_step(run):
    flow = gradient_flow(run, d_h_n=D_H_N, row=1)
    assert tick_labels(plot.plot_gradient_flow(flow, np.array(list("wxyz")))) == list("wxyz")
    with pytest.raises(ValueError, match="^plot_gradient_flow: tokens must be 4 tokens, .*, got 3"):
        plot.plot_gradient_flow(flow, list("wxy"))


@pytest.mark.parametrize("counter", ["epoch", "window"])
def test_history(counter):
    ax = plot.plot_history(
        [{counter: 1, "loss": 0.5, "gradient_norm": 2.0}, {counter: 2, "loss": 0.25, "gradient_norm": 1.0}]
    )
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), [[1, 0.5], [2, 0.25]])
    assert ax.get_xlabel() == counter


@pytest.mark.parametrize("history", [[], [{"epoch": 1}], {"loss": 1.0}, [1, 2]])
def test_a_history_has_losses(history):
    with pytest.raises(ValueError, match="plot_history: history must be a list of rows with a loss, got"):
        plot.plot_history(history)
