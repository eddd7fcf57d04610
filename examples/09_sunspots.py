"""A real time series: next year's sunspot number from those of the years before, and the years after that.

The network reads 30 years and predicts by how much the next one differs from the last. To look further ahead, its
prediction becomes the last year that it reads. It is tested on the last fifth of the series, which was used neither for
training nor to choose when to stop. Two simpler forecasts are tested likewise: next year is like this year
(persistence), and a weighted sum of the last nine years (a linear autoregression).

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
    """Columns of a table, the target first."""

    names: list[str]
    labels: list[str]  # the first column of each row: a year, a date, a number
    numbers: np.ndarray  # (time, columns), gaps filled with the number before
    known: np.ndarray  # (time,): False where the target was missing


def main() -> None:
    options = parser(__doc__, file="a CSV file with a header, a row for each time step", picture="forecasts and truth")
    options.add_argument("--target", metavar="COLUMN", help="the column to predict; default: the last one with numbers")
    options.add_argument(
        "--inputs", metavar="A,B,...", default="", help="other columns to read, and to predict with it"
    )
    options.add_argument("--ahead", metavar="N", type=int, default=5, help="how many steps to predict; default: 5")
    arguments = options.parse_args()
    path = arguments.file or Path(__file__).with_name("sunspots.csv")
    series = read(path, arguments.target, [name for name in arguments.inputs.split(",") if name])
    target, count = series.names[0], len(series.numbers)
    test = count - count // 5  # the first row of the test, and of the validation, which chooses when to stop
    validation = test - count // 8
    if not 1 <= arguments.ahead < count // 5:
        options.error(f"--ahead must be from 1 to {count // 5 - 1}, got {arguments.ahead}")
    mean, scale = series.numbers[:validation].mean(axis=0), series.numbers[:validation].std(axis=0)
    if not scale.all():
        name = series.names[int(scale.argmin())]
        refuse(path, None, f"different numbers in column {name}", "the same in all training rows", "Leave it out.")

    epochs = math.ceil(45_000 / (validation + 100))
    announce(1 + epochs * validation / 6_000)
    print(f"{target}: {count:,} rows from {series.labels[0]} to {series.labels[-1]}")
    print(f"The validation rows begin with {series.labels[validation]}, the held-out rows with {series.labels[test]}.")
    if gaps := count - series.known.sum():
        print(f"Each of the {gaps} missing values is replaced by the one before it, and not counted in the errors.")

    rows = (series.numbers - mean) / scale
    methods = {
        "persistence": lambda windows: windows[:, -1],
        f"autoregression of order {ORDER}": autoregression(rows[:test]),
        "recurrent network": recurrent(rows[:test], validation, epochs, scale[0]),
    }
    starts = sliding_windows(rows[test - READ : -1], READ)
    forecasts = {  # (steps ahead, starts): row k - 1 has the forecasts from k steps before
        name: np.stack([row[:, 0] for row in ahead(method, starts, arguments.ahead)]) * scale[0] + mean[0]
        for name, method in methods.items()
    }
    report(series, test, forecasts)
    if arguments.plot:
        draw(arguments.plot, series, test, forecasts)


def ahead(method: Callable[[np.ndarray], np.ndarray], windows: np.ndarray, steps: int) -> Iterator[np.ndarray]:
    """The forecasts 1, 2, ... steps ahead, each (windows, columns): a forecast is the last row of the next window."""
    for _ in range(steps):
        next_row = method(windows)
        windows = np.concatenate([windows[:, 1:], next_row[:, None]], axis=1)
        yield next_row


def sliding_windows(rows: np.ndarray, size: int) -> np.ndarray:
    """All windows of this many rows, (windows, size, columns)."""
    return np.lib.stride_tricks.sliding_window_view(rows, size, axis=0).swapaxes(1, 2)


def autoregression(rows: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """The forecast of a weighted sum of the last rows plus a constant, with the weights of least squares."""

    def inputs(windows):
        return np.hstack([windows[:, -ORDER:].reshape(len(windows), -1), np.ones((len(windows), 1))])

    windows = sliding_windows(rows, ORDER + 1)
    weights, *_ = np.linalg.lstsq(inputs(windows[:, :-1]), windows[:, -1], rcond=None)
    return lambda windows: inputs(windows) @ weights


def recurrent(rows: np.ndarray, validation: int, epochs: int, scale: float) -> Callable[[np.ndarray], np.ndarray]:
    """The forecast of a network, which predicts the change from the last row, with its best weights on validation."""
    windows = sliding_windows(rows, READ + 1)
    inputs, changes = windows[:, :-1], windows[:, -1] - windows[:, -2]
    count = validation - READ  # the windows that end in a training row
    rng, columns = np.random.default_rng(0), rows.shape[1]
    model = ManyToOne(RNN(columns, 16, rng=rng), ManyToOneHead(16, columns, rng=rng))
    examples = list(zip(inputs[:count], changes[:count], strict=True))
    options = {"loss": mean_squared_error, "optimizer": Adam(2e-3), "clip": 1.0, "rng": rng}
    lowest = np.inf
    for row in train(model, examples, epochs=epochs, batch_size=16, **options):
        error = root_mean_square((model(inputs[count:]) - changes[count:])[:, 0]) * scale
        if error < lowest:
            lowest, best_epoch, best_weights = error, row["epoch"], deepcopy(model.parameters())
        if row["epoch"] % math.ceil(epochs / 6) == 0:
            print(f"  epoch {row['epoch']:3}: error on the validation rows {error:#.4g}", flush=True)
    print(f"  The lowest, {lowest:#.4g}, was in epoch {best_epoch}. The forecast uses these weights.")
    model.load_parameters(best_weights)
    return lambda windows: windows[:, -1] + model(windows)


def report(series: Series, test: int, forecasts: dict[str, np.ndarray]) -> None:
    """Print the errors of all forecasts by steps ahead, and the last rows."""
    truth, known = series.numbers[test:, 0], series.known[test:]
    decimals = max(1, 2 - math.floor(math.log10(truth.std() or 1)))
    most = max(map(len, forecasts.values()))
    shown = [steps for steps in sorted({1, 2, 3, 5, 7, 12, 24, most}) if steps <= most]
    print(f"\nHeld-out error, root mean square (the standard deviation of the truth is {truth.std():.{decimals}f}):")
    print(f"{'steps ahead':<28}" + "".join(f"{steps:9}" for steps in shown))
    first = {}
    for name, forecast in forecasts.items():
        wrong = {k: (forecast[k - 1, : len(truth) - k + 1] - truth[k - 1 :])[known[k - 1 :]] for k in shown}
        first[name] = root_mean_square(wrong[1])
        print(f"  {name:<26}" + "".join(f"{root_mean_square(wrong[k]):9.{decimals}f}" for k in shown))
    print(f"One step ahead, the {min(first, key=first.get)} wins.")

    width = max(9, *(len(label) + 2 for label in series.labels[-6:]))
    labels = series.labels[-max(1, min(6, 80 // width)) :]
    print(f"\n{'The last rows':<28}" + "".join(f"{label:>{width}}" for label in labels))
    for name, values in ((series.names[0], truth), *((name, forecast[0]) for name, forecast in forecasts.items())):
        print(f"  {name:<26}" + "".join(f"{value:{width}.{decimals}f}" for value in values[-len(labels) :]))


def read(path: Path, target: str | None, others: list[str]) -> Series:
    """Columns of a CSV file, the target first."""
    header, columns, rows = read_table(path)
    numeric = [
        name
        for i, name in enumerate(columns)
        if all(is_number(cells[i]) or cells[i].lower() in GAPS for _, cells in rows)
        and any(is_number(cells[i]) for _, cells in rows)
    ]
    names = [target or (numeric or columns)[-1], *others]
    values = np.empty((len(rows), len(names)))
    for column, name in enumerate(names):
        if name not in columns:
            refuse(path, header, "a column of the table", repr(name), f"Choose from {listed(numeric, 20)}.")
        for row, (number, cells) in enumerate(rows):
            cell = cells[columns.index(name)]
            if not (is_number(cell) or cell.lower() in GAPS):
                fix = f"Columns with numbers are {listed(numeric, 20)}." if numeric else "Write numbers like 1234.5."
                refuse(path, number, f"a number in column {name}", repr(cell), fix)
            values[row, column] = math.nan if cell.lower() in GAPS else float(cell)
    complete = np.flatnonzero(~np.isnan(values).any(axis=1))
    begin = int(complete[0]) if len(complete) else len(values)  # before it, there is nothing to fill the gaps with
    if len(values) - begin < 150:
        refuse(path, None, "at least 150 rows", str(len(values) - begin), "Use a longer series.")
    known = ~np.isnan(values[begin:, 0])
    for row in range(begin + 1, len(values)):
        values[row] = np.where(np.isnan(values[row]), values[row - 1], values[row])
    return Series(names, [cells[0] for _, cells in rows[begin:]], values[begin:], known)


def read_table(path: Path) -> tuple[int, list[str], list[tuple[int, list[str]]]]:
    """The header's line number and columns, and the cells of each row with its line number. Comments begin with #."""
    numbered = [(number, line) for number, line in lines(path) if line.strip() and not line.startswith("#")]
    separator = max(",;\t", key=numbered[0][1].count) if numbered else ","
    reader = csv.reader((line for _, line in numbered), delimiter=separator, skipinitialspace=True)
    try:
        rows = [(numbered[reader.line_num - 1][0], [cell.strip() for cell in cells]) for cells in reader]
    except csv.Error as error:
        refuse(path, numbered[reader.line_num - 1][0], "a CSV table", str(error), "Save the table as CSV again.")
    if not rows or any(map(is_number, rows[0][1])):
        got = listed(rows[0][1]) if rows else "only comments"
        refuse(path, rows[0][0] if rows else 1, "a header with the columns' names", got, "Add it as the first line.")
    (header, columns), *rows = rows
    for number, cells in rows:
        if len(cells) != len(columns):
            fix = f"The header has {len(columns)}, with {separator!r} between them. Correct this line or the header."
            refuse(path, number, f"{len(columns)} columns", str(len(cells)), fix)
    return header, columns, rows


def is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def root_mean_square(errors: np.ndarray) -> float:
    return float(np.sqrt(np.mean(errors**2)))


def draw(path: Path, series: Series, test: int, forecasts: dict[str, np.ndarray]) -> None:
    """The last held-out rows with the network's forecasts: one step ahead, and as many as were asked for."""
    forecast, end = forecasts["recurrent network"], len(series.numbers)
    with drawing(path, panels=2) as axes:
        for ax, k in zip(axes, (1, len(forecast)), strict=True):
            times = range(max(test + k - 1, end - 100), end)
            ax.plot(times, series.numbers[times, 0], color="0.6", label="truth")
            ax.plot(times, forecast[k - 1][: end - test - k + 1][-len(times) :], label="network")
            ax.set(title=f"{k} step{'s' if k > 1 else ''} ahead", ylabel=series.names[0])
            ticks = times[:: math.ceil(len(times) / 4)]
            ax.set_xticks(ticks, [series.labels[t] for t in ticks])
            ax.legend()


if __name__ == "__main__":
    main()
