"""A real time series: next year's sunspot number from those of the years before, and the years after that.

The network reads 30 years and predicts the next one. To look further ahead, its prediction becomes the last year that
it reads. It is tested on the last fifth of the series, which was used neither for training nor to choose when to stop.
Two simpler forecasts are tested likewise: next year is like this year (persistence), and a weighted sum of the last
nine years (a linear autoregression).

Any other table works too: a CSV file with the columns' names in its first line. The column --target is predicted, also
from the columns --inputs if you name some. All are scaled by their mean and standard deviation in training.

python examples/09_sunspots.py                                            (about 10 seconds)
python examples/09_sunspots.py temperatures.csv --ahead 7 --plot forecast.png
python examples/09_sunspots.py pollution.csv --target pm2.5 --inputs DEWP,TEMP,Iws --ahead 24
"""

import csv
import math
import os
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy starts: threads slow down matrices this small

import numpy as np
from command_line import announce, drawing, lines, listed, parser, refuse

from vanilla_rnn import RNN, Adam, ManyToOne, ManyToOneHead, mean_squared_error, train

READ, ORDER = 30, 9  # the rows that the network reads, and those that the autoregression reads
GAPS = {"", "na", "nan", "null", "none", "?"}  # what tables contain where a number is missing


class Series(NamedTuple):
    """The columns of a table, the target first, over time."""

    names: list[str]
    labels: list[str]  # the first column of each row: a year, a date, a number
    numbers: np.ndarray  # (time, columns), gaps filled with the number before
    known: np.ndarray  # (time,): False where the target was missing


def main() -> None:
    options = parser(__doc__, file="a CSV file with a header, a row for each time step", picture="forecasts and truth")
    options.add_argument("--target", metavar="COLUMN", help="the column to predict; default: the last one with numbers")
    options.add_argument("--inputs", metavar="A,B,...", default="", help="other columns to read and predict with it")
    options.add_argument("--ahead", type=int, default=5, help="how many steps ahead to predict; default: 5")
    arguments = options.parse_args()
    if arguments.ahead < 1:
        options.error(f"--ahead must be at least 1, got {arguments.ahead}")
    path = arguments.file or Path(__file__).with_name("sunspots.csv")
    series = read(path, arguments.target, [name for name in arguments.inputs.split(",") if name])

    count = len(series.numbers)
    test = count - count // 5  # the first row of the test, and of the validation, which chooses when to stop
    validation = test - count // 8
    if count // 5 < arguments.ahead + 1 or validation < 3 * READ:
        refuse(path, None, "at least 150 rows, and --ahead below a fifth of them", str(count), "Use a longer series.")
    epochs = math.ceil(30_000 / (validation + 100))
    announce(1 + epochs * validation / 6_000)
    print(f"{series.names[0]}: {count:,} rows from {series.labels[0]} to {series.labels[-1]}, held out from", end=" ")
    print(f"{series.labels[test]} on, validation from {series.labels[validation]} on")
    if gaps := count - series.known.sum():
        print(f"{gaps} missing values are replaced by those before them, and not counted in the errors.")

    mean, scale = series.numbers[:validation].mean(axis=0), series.numbers[:validation].std(axis=0)
    rows = (series.numbers - mean) / np.where(scale > 0, scale, 1)
    methods = {
        "persistence": lambda windows: windows[:, -1],
        f"autoregression of order {ORDER}": autoregression(rows[:validation]),
        "recurrent network": recurrent(rows[:test], validation, epochs, scale[0]),
    }
    starts = np.lib.stride_tricks.sliding_window_view(rows[test - READ : -1], READ, axis=0).swapaxes(1, 2)
    forecasts = {  # (steps ahead, starts): row k - 1 has the forecasts from k steps before
        name: np.stack([row[:, 0] for row in ahead(method, starts, arguments.ahead)]) * scale[0] + mean[0]
        for name, method in methods.items()
    }
    truth, known = series.numbers[test:, 0], series.known[test:]
    print(f"\nHeld-out error, root mean square (the standard deviation of {series.names[0]} is {truth.std():.1f}):")
    shown = sorted({1, 2, 3, 5, 7, 12, 24, arguments.ahead})
    shown = [steps for steps in shown if steps <= arguments.ahead]
    print(f"{'steps ahead':<28}" + "".join(f"{steps:8}" for steps in shown))
    for name, forecast in forecasts.items():
        errors = [
            root_mean_square((forecast[k - 1, : len(truth) - k + 1] - truth[k - 1 :])[known[k - 1 :]]) for k in shown
        ]
        print(f"  {name:<26}" + "".join(f"{error:8.1f}" for error in errors))

    print(f"\n{'The last rows':<28}" + "".join(f"{label:>11}" for label in series.labels[-6:]))
    for name, values in ((series.names[0], truth), *((name, forecast[0]) for name, forecast in forecasts.items())):
        print(f"  {name:<26}" + "".join(f"{value:11.1f}" for value in values[-6:]))
    if arguments.plot:
        draw(arguments.plot, series, test, forecasts)


def ahead(method: Callable[[np.ndarray], np.ndarray], windows: np.ndarray, steps: int) -> Iterator[np.ndarray]:
    """The forecasts 1, 2, ... steps ahead, each (windows, columns): a forecast is the last row of the next window."""
    for _ in range(steps):
        next_row = method(windows)
        windows = np.concatenate([windows[:, 1:], next_row[:, None]], axis=1)
        yield next_row


def autoregression(rows: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """The forecast of a weighted sum of the last rows plus a constant, with the weights of least squares."""

    def inputs(windows):
        return np.hstack([windows[:, -ORDER:].reshape(len(windows), -1), np.ones((len(windows), 1))])

    windows = np.lib.stride_tricks.sliding_window_view(rows, ORDER + 1, axis=0).swapaxes(1, 2)
    weights, *_ = np.linalg.lstsq(inputs(windows[:, :-1]), windows[:, -1], rcond=None)
    return lambda windows: inputs(windows) @ weights


def recurrent(rows: np.ndarray, validation: int, epochs: int, scale: float) -> ManyToOne:
    """A network with the weights that were best on the validation rows."""
    windows = np.lib.stride_tricks.sliding_window_view(rows, READ + 1, axis=0).swapaxes(1, 2)
    inputs, targets = windows[:, :-1], windows[:, -1]
    count = validation - READ  # the windows whose targets are training rows
    rng, columns = np.random.default_rng(0), rows.shape[1]
    model = ManyToOne(RNN(columns, 16, recurrent_init="orthogonal", rng=rng), ManyToOneHead(16, columns, rng=rng))
    examples = list(zip(inputs[:count], targets[:count], strict=True))
    options = {"loss": mean_squared_error, "optimizer": Adam(2e-3), "clip": 1.0, "rng": rng}
    lowest = np.inf
    for row in train(model, examples, epochs=epochs, batch_size=16, **options):
        error = root_mean_square(model(inputs[count:])[:, 0] - targets[count:, 0]) * scale
        if error < lowest:
            lowest, best_epoch, best_weights = error, row["epoch"], deepcopy(model.parameters())
        if row["epoch"] % math.ceil(epochs / 6) == 0:
            print(f"  epoch {row['epoch']:3}: error on the validation rows {error:.1f}", flush=True)
    print(f"  The lowest, {lowest:.1f}, was in epoch {best_epoch}. The forecast uses these weights.")
    model.load_parameters(best_weights)
    return model


def read(path: Path, target: str | None, others: list[str]) -> Series:
    """Columns of a CSV file. Lines that begin with # are comments."""
    numbered = [(number, line) for number, line in lines(path) if line.strip() and not line.startswith("#")]
    separator = max(",;\t", key=numbered[0][1].count)
    cells = [row for row in csv.reader((line for _, line in numbered), delimiter=separator, skipinitialspace=True)]
    header = [name.strip() for name in cells[0]]
    if any(is_number(name) for name in header):
        refuse(path, numbered[0][0], "a header with the columns' names", listed(header), "Add one as the first line.")
    for (number, _), row in zip(numbered, cells, strict=False):
        if len(row) != len(header):
            fix = f"The header has {len(header)} columns, {separator!r} between them. Correct this line or the header."
            refuse(path, number, f"{len(header)} columns", str(len(row)), fix)
    numeric = [name for i, name in enumerate(header) if all(is_number(r[i]) or is_gap(r[i]) for r in cells[1:])]
    for name in [target or numeric[-1] if numeric else header[-1], *others]:
        if name not in header:
            refuse(path, numbered[0][0], "a column name", repr(name), f"Choose from {listed(header, 20)}.")
    names = [target or (numeric or header)[-1], *others]
    numbers = np.empty((len(cells) - 1, len(names)))
    for column, name in enumerate(names):
        for row, ((number, _), values) in enumerate(zip(numbered[1:], cells[1:], strict=True)):
            value = values[header.index(name)]
            if not (is_number(value) or is_gap(value)):
                fix = f"Columns with numbers are {listed(numeric, 20)}." if numeric else "Write numbers as 1234.5."
                refuse(path, number, f"a number in column {name}", repr(value), fix)
            numbers[row, column] = math.nan if is_gap(value) else float(value)
    known = ~np.isnan(numbers[:, 0])
    start = int(np.argmax(~np.isnan(numbers).any(axis=1)))  # without gaps that have nothing before them
    for row in range(start + 1, len(numbers)):
        numbers[row] = np.where(np.isnan(numbers[row]), numbers[row - 1], numbers[row])
    return Series(names, [row[0] for row in cells[1 + start :]], numbers[start:], known[start:])


def is_gap(text: str) -> bool:
    return text.strip().lower() in GAPS


def is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def root_mean_square(errors: np.ndarray) -> float:
    return float(np.sqrt(np.mean(errors**2)))


def draw(path: Path, series: Series, test: int, forecasts: dict[str, np.ndarray]) -> None:
    """The last test rows with the network's forecasts: one step ahead, and as many steps as were asked for."""
    *_, forecast = forecasts.values()
    steps, rows = len(forecast), min(100, forecast.shape[1])
    times = np.arange(len(series.numbers))[-rows:]
    with drawing(path, panels=2) as axes:
        for ax, k in zip(axes, (1, steps), strict=True):
            ax.plot(times, series.numbers[-rows:, 0], color="0.6", label="truth")
            ax.plot(
                np.arange(test + k - 1, len(series.numbers))[-rows:],
                forecast[k - 1, : forecast.shape[1] - k + 1][-rows:],
                label="network",
            )
            ax.set(title=f"{k} step{'s' if k > 1 else ''} ahead", ylabel=series.names[0])
            ticks = times[:: math.ceil(rows / 5)]
            ax.set_xticks(ticks, [series.labels[t] for t in ticks], rotation=20)
            ax.legend()


if __name__ == "__main__":
    main()
