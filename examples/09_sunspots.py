"""A real time series: next year's sunspot number from those of the years before.

The network reads 30 years and predicts the next one. It is tested on the last 60 years of the series, which were used
neither for training nor to choose when to stop. It is compared with two simpler forecasts: next year is like this year
(persistence), and a weighted sum of the last nine years (a linear autoregression). The better forecast wins.

python examples/09_sunspots.py
"""

from copy import deepcopy
from pathlib import Path

import numpy as np

from vanilla_rnn import RNN, Adam, ManyToOne, ManyToOneHead, mean_squared_error, train

YEARS_READ = 30
VALIDATION, TEST = 1909, 1949  # the first year of each part


def main() -> None:
    years, numbers = np.loadtxt(Path(__file__).with_name("sunspots.csv"), delimiter=",", skiprows=3, unpack=True)
    print(f"Yearly sunspot numbers {years[0]:.0f}-{years[-1]:.0f}: for training up to {VALIDATION - 1},")
    print(f"for choosing when to stop {VALIDATION}-{TEST - 1}, held out {TEST}-{years[-1]:.0f}.\n")

    forecasts = {
        "persistence": numbers[years >= TEST - 1][:-1],
        "linear autoregression of order 9": autoregression(years, numbers, order=9),
        "recurrent network": recurrent(years, numbers),
    }
    truth = numbers[years >= TEST]
    errors = {name: np.sqrt(np.mean((forecast - truth) ** 2)) for name, forecast in forecasts.items()}
    print(f"\nHeld-out error, root mean square (the standard deviation of the numbers is {truth.std():.1f}):")
    for name, error in errors.items():
        print(f"  {name:<33}{error:5.1f}")
    print(f"The {min(errors, key=errors.get)} wins.\n")

    print("The last years:   " + "".join(f"{year:7.0f}" for year in years[-10:]))
    for name, values in (("sunspot number", truth), *forecasts.items()):
        print(f"  {name[:16]:<16}" + "".join(f"{value:7.1f}" for value in values[-10:]))


def autoregression(years, numbers, order) -> np.ndarray:
    """The forecast of a weighted sum of the last years plus a constant, with the weights of least squares."""
    past = np.stack(
        [numbers[i : len(numbers) - order + i] for i in range(order)] + [np.ones(len(numbers) - order)], axis=1
    )
    next_year, year = numbers[order:], years[order:]
    weights, *_ = np.linalg.lstsq(past[year < TEST], next_year[year < TEST], rcond=None)
    return past[year >= TEST] @ weights


def recurrent(years, numbers) -> np.ndarray:
    """The forecast of the weights that were best on the validation years."""
    scale = numbers[years < VALIDATION].std()
    windows = np.lib.stride_tricks.sliding_window_view(numbers / scale, YEARS_READ)[:-1, :, None]
    next_year, year = numbers[YEARS_READ:] / scale, years[YEARS_READ:]
    training, validation, test = year < VALIDATION, (year >= VALIDATION) & (year < TEST), year >= TEST

    rng = np.random.default_rng(0)
    model = ManyToOne(RNN(1, 16, recurrent_init="orthogonal", rng=rng), ManyToOneHead(16, 1, rng=rng))
    examples = list(zip(windows[training], next_year[training], strict=True))
    options = {"loss": mean_squared_error, "optimizer": Adam(2e-3), "clip": 1.0, "rng": rng}
    lowest = np.inf
    for row in train(model, examples, epochs=150, batch_size=16, **options):
        error = np.sqrt(np.mean((model(windows[validation])[:, 0] - next_year[validation]) ** 2)) * scale
        if error < lowest:
            lowest, best_epoch, best_weights = error, row["epoch"], deepcopy(model.parameters())
        if row["epoch"] % 20 == 10:
            print(
                f"  epoch {row['epoch']:3}: error on the training years {np.sqrt(row['loss']) * scale:5.1f}, "
                f"on the validation years {error:5.1f}"
            )
    print(f"  Lowest on the validation years in epoch {best_epoch}: {lowest:.1f}. The forecast uses these weights.")
    model.load_parameters(best_weights)
    return model(windows[test])[:, 0] * scale


if __name__ == "__main__":
    main()
