"""Why memory fades: how much of a gradient is left after a number of steps back, for four sizes of W_hh.

The size that matters is the spectral radius, the largest absolute eigenvalue. While states are small, each of many
steps multiplies a gradient by the radius: below 1 it vanishes, at 1 it lasts, above 1 it explodes. With larger states
the slope of tanh shrinks it too. The example measures both.

python examples/13_vanishing_gradients.py                      (about 20 seconds)
python examples/13_vanishing_gradients.py --plot fading.png
"""

import os
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy starts: threads slow down matrices this small

import numpy as np
from command_line import announce, drawing, parser

from vanilla_rnn import (
    RNN,
    SGD,
    ManyToOne,
    ManyToOneHead,
    clip_grad_norm,
    gradient_flow,
    mean_squared_error,
    spectral_radius,
)

RADII = [0.5, 0.9, 1.0, 1.1]
QUIET, ORDINARY = 1e-9, 1.0  # how large the inputs are
LAGS = [0, 1, 10, 20, 50, 100]
STEPS, SETTLED = 121, 20  # after so many steps, only the direction that fades most slowly is left


def network(radius: float) -> RNN:
    """Random weights from the default distribution, scaled to this spectral radius, without a bias."""
    rnn = RNN(input_size=1, hidden_size=32, bias=False, rng=0)
    W_hh = rnn.cells[0].W_hh
    W_hh *= radius / spectral_radius(W_hh)
    return rnn


def gradient_by_lag(rnn: RNN, loudness: float) -> np.ndarray:
    """The norm of dL/dh_{T-k} for k = 0, 1, 2, ... steps back; that of dL/dh_T is 1."""
    run = rnn.forward(loudness * np.random.default_rng(1).standard_normal((STEPS, 1)))
    d_h_T = np.random.default_rng(2).standard_normal((1, rnn.hidden_size))
    return gradient_flow(run, d_h_n=d_h_T / np.linalg.norm(d_h_T)).d_h[0, ::-1]


def factor_a_step(by_lag: np.ndarray) -> float:
    """The factor by which a step multiplies the norm: the slope of its logarithm."""
    slope, _ = np.polyfit(np.arange(SETTLED, STEPS), np.log(by_lag[SETTLED:]), 1)
    return np.exp(slope)


def fate(factor: float) -> str:
    return "lasts" if abs(factor - 1) < 0.005 else "vanishes" if factor < 1 else "explodes"


def main() -> None:
    arguments = parser(__doc__, picture="the norm of the gradient by steps back").parse_args()
    announce(15)
    measured = {}
    for title, loudness in (
        ("Quiet inputs: states are near 0, where tanh' is 1, so only W_hh matters", QUIET),
        ("Inputs of ordinary size: tanh' is below 1 and also shrinks the gradient at every step", ORDINARY),
    ):
        print(title)
        print("  radius   in theory   measured        k =" + "".join(f"{lag:>9}" for lag in LAGS).removeprefix("    "))
        for radius in RADII:
            by_lag = measured[radius, loudness] = gradient_by_lag(network(radius), loudness)
            numbers = "".join(f"{by_lag[lag]:9.1e}" for lag in LAGS)
            factor = factor_a_step(by_lag)
            print(f"  {radius:6.1f}   x {radius:.3f}    x {factor:.3f} {fate(factor):<9}{numbers}")
        print()
    print("Each row has the factor for each step in theory, the factor measured from 20 to 120 steps back, and the")
    print("norm of the gradient k steps back.")
    factor = factor_a_step(gradient_by_lag(network(2.0), ORDINARY))
    print(f"tanh' can't always prevent an explosion: at radius 2, the measured factor is {factor:.3f}.\n")

    with_and_without_clipping()
    if arguments.plot:
        draw(measured, arguments.plot)


def with_and_without_clipping() -> None:
    """Show what exploding gradients do to training: five networks with relu, 600 steps of SGD."""
    print("Training at radius 1.1 with relu, which lets gradients grow: repeat the first of 50 inputs.")
    for name, max_norm in (("as they are", np.inf), ("clipped to 1", 1.0)):
        losses = sorted(train(seed, max_norm) for seed in range(5))
        print(f"  gradients {name:<13} loss of five networks at the end: {losses[0]:.2g} to {losses[-1]:.2g}")
    print(f"  Always predicting the mean has a loss of {1 / 12:.2g}.")


def train(seed: int, max_norm: float) -> float:
    """The mean loss over the last 20 batches; every batch is new."""
    rng = np.random.default_rng(seed)
    rnn = RNN(1, 16, nonlinearity="relu", recurrent_init="identity", rng=rng)
    rnn.cells[0].W_hh *= 1.1
    model, optimizer = ManyToOne(rnn, ManyToOneHead(16, 1, rng=rng)), SGD(3e-3)
    losses = []
    for _ in range(600):
        x = np.zeros((32, 50, 1))
        x[:, 0, 0] = rng.uniform(0, 1, 32)
        run = model.forward(x)
        loss, d_logits = mean_squared_error(run.logits, x[:, 0])
        gradients = run.backward(d_logits).d_parameters
        clip_grad_norm(gradients, max_norm)
        optimizer.step(model.parameters(), gradients)
        losses.append(loss)
    return float(np.mean(losses[-20:]))


def draw(measured: dict[tuple[float, float], np.ndarray], path: Path) -> None:
    """On a logarithmic axis, a constant factor for each step is a straight line."""
    with drawing(path, panels=2) as axes:
        for ax, loudness, title in zip(axes, (QUIET, ORDINARY), ("quiet inputs", "ordinary inputs"), strict=True):
            for radius in RADII:
                (line,) = ax.semilogy(measured[radius, loudness], label=f"radius {radius}")
                ax.semilogy(radius ** np.arange(STEPS), color=line.get_color(), linestyle=":", linewidth=1)
            ax.set(title=title, xlabel="steps back", ylabel="norm of the gradient", ylim=(1e-12, 1e6))
        axes[0].legend(title="dotted: radius^k")


if __name__ == "__main__":
    main()
