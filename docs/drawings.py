"""The drawings of the chapters: `python docs/drawings.py` writes them to docs/static/drawings.

Every curve is computed, with the library or with NumPy.
"""

import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
from drawing import Drawing

from vanilla_rnn import RNN

FOLDER = Path(__file__).parent / "static" / "drawings"
FILES: dict[Path, str] = {}  # filled by the functions below
MIDDLE = 220  # of the width
WORDS = ["I", "love", "this", "movie"]


def drawing(height: float) -> Callable[[Callable[[Drawing], None]], Callable[[Drawing], None]]:
    """Make a file of what the function draws: its docstring is the title and the description."""

    def draw(function: Callable[[Drawing], None]) -> Callable[[Drawing], None]:
        title, _, description = (function.__doc__ or "").partition("\n")
        sheet = Drawing(title, " ".join(description.split()), height)
        function(sheet)
        FILES[FOLDER / f"{function.__name__.replace('_', '-')}.svg"] = sheet.svg()
        return function

    return draw


@drawing(height=236)
def unrolled(d: Drawing) -> None:
    """A recurrent network, rolled up and unrolled.

    On the left, one cell whose state returns to it. On the right, the same cell drawn four times, once for each
    word of I love this movie: each passes its state to the next, from h_0 to h_4.
    """
    y = 112
    d.box(44, y, 46, 46, "cell", "state")
    d.arrow((44, 178), (44, y + 23), kind="input")
    d.arrow((44, y - 23), (44, 52), kind="state")
    d.label(44, 192, "x_t", "input", size=17)
    d.label(44, 34, "h_t", "state", size=17)
    d.arrow((67, y - 11), (92, y - 11), (92, y + 11), (67, y + 11), kind="state")
    d.label(112, y, "=", size=20)
    xs = [194, 260, 326, 392]
    d.label(140, y, "h_0", "state", size=17)
    d.arrow((153, y), (173, y), kind="state")
    d.chain(xs, y, 21)
    for t, (x, word) in enumerate(zip(xs, WORDS, strict=True), start=1):
        d.box(x, y, 42, 46, "cell", "state")
        d.arrow((x, 178), (x, y + 23), kind="input")
        d.arrow((x, y - 23), (x, 52), kind="state")
        d.label(x, 34, f"h_{t}", "state", size=17)
        d.label(x, 192, f"x_{t}", "input", size=17)
        d.label(x, 219, f"“{word}”", "input")


@drawing(height=216)
def step(d: Drawing) -> None:
    """One step of the recurrence.

    The word's vector is multiplied by W_xh, the state before it by W_hh. The two products and b_h are added. tanh
    of the sum is the new state.
    """
    top, middle, bottom = 44, 108, 172
    d.label(32, top, "h_{t-1}", "state", size=18)
    d.label(32, bottom, "x_t", "input", size=18)
    d.box(124, top, 68, 40, "W_hh", "state")
    d.box(124, bottom, 68, 40, "W_xh", "input")
    d.arrow((60, top), (90, top), kind="state")
    d.arrow((52, bottom), (90, bottom), kind="input")
    d.label(124, middle, "b_h", size=18)
    d.arrow((142, middle), (204, middle))
    d.arrow((158, top), (222, top), (222, middle - 18), kind="state")
    d.arrow((158, bottom), (222, bottom), (222, middle + 18), kind="input")
    d.dot(222, middle, 18, "plain")
    d.label(222, middle - 1, "+", size=22)
    d.arrow((240, middle), (298, middle))
    d.label(268, middle - 18, "a_t", size=17)
    d.box(330, middle, 64, 40, "tanh", "plain")
    d.arrow((362, middle), (396, middle), kind="state")
    d.label(414, middle, "h_t", "state", size=18)


@drawing(height=350)
def directions(d: Drawing) -> None:
    """Two directions and a length: output and h_n.

    A row of three words, padded to four. The forward cells pass their state to the right, the reverse cells to
    the left, from the row's own last word. output joins both states at every step and is 0 at the padding. h_n
    has the forward state of the third step and the reverse state of the first.
    """
    xs, words = [160, 234, 308, 382], ["I", "love", "this", "padding"]
    first_half, forward, word_y, reverse, second_half = 38, 102, 160, 218, 282
    for text, y, kind in (
        ("output,", 29, "state"), ("first half", 48, "state"), ("forward", forward, "state"),
        ("reverse", reverse, "output"), ("output,", 273, "output"), ("second half", 292, "output"),
    ):  # fmt: skip
        d.label(8, y, text, kind, anchor="start")
    for x, word in zip(xs, words, strict=True):
        real = word != "padding"
        d.label(x, word_y, f"“{word}”" if real else word, "input" if real else "quiet")
        for y, cell, kind, is_last in (
            (first_half, forward, "state", x == xs[2]), (second_half, reverse, "output", x == xs[0]),
        ):  # fmt: skip
            d.box(x, y, 52, 34, "" if real else "0", kind if real else "quiet", dashed=not real, strong=is_last)
            if real:
                side = 17 if cell < word_y else -17
                d.arrow((x, word_y - side * 0.7), (x, cell + side), kind="input")
                d.arrow((x, cell - side), (x, y + side), kind=kind)
                d.box(x, cell, 52, 34, "cell", kind)
    d.chain(xs[:3], forward, 26)
    d.chain(xs[2::-1], reverse, -26, "output")
    d.label(MIDDLE, 326, "Thick frames: h_n, each direction’s final state")


@drawing(height=404)
def tasks(d: Drawing) -> None:
    """The four tasks.

    Many-to-one reads a sequence and answers once, from the last state. Many-to-many, synced, answers at every
    step. One-to-many begins with one vector and writes a sequence. An encoder-decoder reads a sequence into a
    state, and writes a sequence from that state.
    """

    def panel(
        left: float, top: float, title: str, cells: str, inputs: str, outputs: str, context: bool = False
    ) -> None:
        """A string has a mark for each cell: its kind (s or o for an encoder's or a decoder's), or whether it reads."""
        kinds = {"e": "plain", "s": "state"}
        step = 34 if len(cells) > 4 else 42
        xs = [left + (56 if context else 22) + step * number for number in range(len(cells))]
        d.label(left + 8, top, title, anchor="start", size=16)
        y = top + 88
        for x, cell, reads, writes in zip(xs, cells, inputs, outputs, strict=True):
            d.box(x, y, 24, 28, "", kinds[cell])
            if reads != ".":
                d.arrow((x, y + 42), (x, y + 14), kind="input")
                d.dot(x, y + 51, 8, "input" if reads == "x" else "output")
            if writes != ".":
                d.arrow((x, y - 14), (x, y - 42), kind="output")
                d.dot(x, y - 51, 8, "output")
        d.chain(xs, y, 12)
        if context:
            d.dot(xs[0] - 36, y, 8, "input")
            d.arrow((xs[0] - 28, y), (xs[0] - 12, y), kind="input")

    panel(0, 18, "many-to-one", "ssss", "xxxx", "...y")
    panel(228, 18, "many-to-many, synced", "ssss", "xxxx", "yyyy")
    panel(0, 196, "one-to-many", "ssss", ".yyy", "yyyy", context=True)
    panel(228, 196, "encoder-decoder", "eeesss", "xxx.yy", "...yyy")
    for x, kind, text in (
        (20, "input", "input"),
        (112, "output", "output"),
        (210, "state", "cell"),
        (290, "plain", "encoder’s cell"),
    ):
        if kind in ("input", "output"):
            d.dot(x, 384, 8, kind)
        else:
            d.box(x, 384, 16, 16, "", kind)
        d.label(x + 15, 384, text, "quiet", anchor="start")


@drawing(height=300)
def tanh(d: Drawing) -> None:
    """The slope of tanh.

    tanh rises from -1 to 1 and is steep only near 0. Its slope is 1 at 0, 0.42 at 1 and 0.01 at 3.
    """
    place = d.axes(
        (60, 44, 424, 232),
        [-4, -2, 0, 2, 4],
        [-1, -0.5, 0, 0.5, 1],
        ("the sum a", ""),
        written=lambda b: f"{b:g}".replace("-", "−"),
    )
    a = np.linspace(-4, 4, 161)
    d.line([place(*point) for point in zip(a, np.tanh(a), strict=True)], "state", thick=2.6)
    d.line([place(*point) for point in zip(a, 1 - np.tanh(a) ** 2, strict=True)], "gradient", dashed=True, thick=2.6)
    d.label(368, 30, "h = tanh(a)", "state", size=16)
    d.label(368, 116, "slope 1 − h²", "gradient", size=16)


@drawing(height=330)
def learning_step(d: Drawing) -> None:
    """Three steps of gradient descent.

    The loss of a network of one unit against its weight W_xh: a valley. From the left, three steps against the
    slope go down, each shorter than the one before.
    """

    def loss(w: float) -> float:
        h_1 = np.tanh(w * 1.0)
        h_2 = np.tanh(w * 0.5 + 0.5 * h_1)
        return float((h_2 - 0.6) ** 2)

    place = d.axes((60, 44, 424, 256), [-1, 0, 1, 2], [0, 0.5, 1, 1.5, 2], ("the weight W_xh", "loss"))
    ws = np.linspace(-1, 2, 121)
    d.line([place(w, loss(w)) for w in ws], "plain", thick=2.6)
    w = -0.35
    path = [w]
    for _ in range(3):
        slope = (loss(w + 1e-6) - loss(w - 1e-6)) / 2e-6
        w -= 0.25 * slope
        path.append(w)
    w = path[0]
    slope = (loss(w + 1e-6) - loss(w - 1e-6)) / 2e-6
    d.line([place(w + s, loss(w) + slope * s) for s in (-0.35, 0.42)], "gradient", thick=2)
    for number, w in enumerate(path):
        x, y = place(w, loss(w))
        d.dot(x, y, 5, "state")
        d.label(x + 9 + 2 * number, y - 13, str(number), "state")
    x, y = place(path[0], loss(path[0]))
    d.label(x + 26, y - 30, "the slope here is the gradient", "gradient", anchor="start")


@drawing(height=318)
def gradient_path(d: Drawing) -> None:
    """The path of the gradient.

    Four cells. Each state gets a gradient from its own output, from above, and a gradient from the later steps,
    from the right, through the transpose of W_hh. Every cell adds its part to the gradient of the same weights,
    below.
    """
    xs, y = [58, 164, 270, 376], 150
    for t, x in enumerate(xs, start=1):
        d.box(x, y, 56, 50, f"h_{t}", "state", size=18)
        d.label(x, 26, f"L_{t}", size=18)
        d.arrow((x, 44), (x, y - 25), kind="gradient", dashed=True)
        d.arrow((x, y + 25), (x, 260), kind="gradient", dashed=True)
    d.chain(xs, y - 12, 28)
    for a, b in pairwise(xs):
        d.arrow((b - 28, y + 12), (a + 28, y + 12), kind="gradient", dashed=True)
        d.label((a + b) / 2, y + 32, "W_hhᵀ", "gradient")
    d.label(xs[1] + 8, 84, "own output", "gradient", anchor="start")
    d.label(217, 204, "later steps", "gradient")
    d.box(217, 280, 376, 40, "dL/dW_hh: the sum over all steps", "gradient", size=16)


@drawing(height=330)
def clipping(d: Drawing) -> None:
    """A cliff in the loss, and clipping.

    The loss of a network that multiplies its state by w twenty times: flat below 1, a wall above. From a point on
    the wall, a step along the full gradient leaves the picture. A clipped step is short and goes the same way.
    """

    def loss(w: float) -> float:
        return float(0.5 * (w**20 - 1.2) ** 2)

    place = d.axes(
        (60, 44, 424, 256),
        [0.8, 0.9, 1.0, 1.1],
        [0, 5, 10, 15, 20],
        ("the weight w of a unit with h_20 = w^20".replace("w^20", "w²⁰"), "loss"),
    )
    d.line([place(w, loss(w)) for w in np.linspace(0.8, 1.1, 151)], "plain", thick=2.6)
    w, rate = 1.093, 0.03
    slope = (w**20 - 1.2) * 20 * w**19
    x, y = place(w, loss(w))
    target = place(w - rate * 1.0, loss(w - rate))
    d.arrow((x, y), (72, y), kind="gradient", dashed=True)
    d.arrow((x, y), target, kind="state")
    d.dot(x, y, 5, "state")
    d.label(84, y - 20, f"the full step: {rate * slope:.1f} to the left, far outside", "gradient", anchor="start")
    d.label(target[0] - 14, target[1] - 24, "clipped to norm 1:", "state", anchor="end")
    d.label(target[0] - 14, target[1] - 5, f"{rate} to the left", "state", anchor="end")


@drawing(height=330)
def initialisations(d: Drawing) -> None:
    """What three initial matrices W_hh do to a vector.

    The norm of W_hh to the power k times a vector of norm 1, for k up to 50, on a logarithmic axis. Orthogonal
    and identity: level at 1. Uniform: a falling line, below a hundred-millionth at k = 50.
    """
    vector = np.random.default_rng(1).standard_normal(32)
    vector /= np.linalg.norm(vector)
    ticks = [1e-12, 1e-10, 1e-8, 1e-6, 1e-4, 1e-2, 1.0]
    powers = dict(zip(ticks, ("10⁻¹²", "10⁻¹⁰", "10⁻⁸", "10⁻⁶", "10⁻⁴", "10⁻²", "1"), strict=True))
    place = d.axes(
        (64, 44, 424, 256), [0, 10, 20, 30, 40, 50], ticks, ("k, the number of steps", "norm of W_hhᵏ v"),
        np.log10, powers.__getitem__,
    )  # fmt: skip
    for start, kind in (("uniform", "gradient"), ("orthogonal", "state"), ("identity", "input")):
        W_hh = RNN(8, 32, recurrent_init=start, rng=0).cells[0].W_hh
        norms, h = [], vector
        for _ in range(51):
            norms.append(float(np.linalg.norm(h)))
            h = W_hh @ h
        d.line([place(k, norm) for k, norm in enumerate(norms)], kind, dashed=start == "identity", thick=2.6)
    d.label(400, 62, "orthogonal and identity", "state", anchor="end")
    d.label(424, 138, "uniform, the default", "gradient", anchor="end")


@drawing(height=390)
def teacher_forcing(d: Drawing) -> None:
    """Teacher forcing.

    In training, the decoder reads the true tokens, shifted by one: begin, C, D, E, and should predict C, D, E,
    end. When it writes, each predicted token becomes its next input.
    """
    xs = [92, 186, 280, 374]
    for top, title, writes in (
        (18, "Training: it reads the true tokens", False),
        (214, "Writing: it reads its own tokens", True),
    ):
        d.label(8, top, title, anchor="start", size=16)
        out, cell, into = top + 34, top + 90, top + 148
        d.chain(xs, cell, 24)
        for number, x in enumerate(xs):
            d.box(x, cell, 48, 38, "cell", "state")
            d.arrow((x, into - 14), (x, cell + 19), kind="input" if not writes or number == 0 else "output")
            d.arrow((x, cell - 19), (x, out + 13), kind="output")
            d.label(x, out, ["C", "D", "E", "<eos>"][number], "output", size=17)
            kind = "output" if writes and number else "input"
            d.label(x, into, ["<bos>", "C", "D", "E"][number], kind, size=17)
        if writes:
            for a, b in pairwise(xs):
                middle = (a + b) / 2
                d.arrow((a + 12, out), (middle, out), (middle, into), (b - 12, into), kind="output", dashed=True)


@drawing(height=196)
def windows(d: Drawing) -> None:
    """Truncated backpropagation through time.

    Twelve cells in three windows of four. The state is carried through all of them. The gradient goes back within
    a window and stops at its beginning.
    """
    xs = [33 + 34 * number for number in range(12)]
    y = 92
    for window in range(3):
        first, last = xs[4 * window], xs[4 * window + 3]
        d.box((first + last) / 2, y + 10, 132, 92, "", "quiet", dashed=True)
        d.label((first + last) / 2, 30, f"window {window + 1}", "quiet")
        d.arrow((last + 8, y + 36), (first - 8, y + 36), kind="gradient", dashed=True)
    for x in xs:
        d.box(x, y, 18, 30, "", "state")
    d.chain(xs, y, 9)
    d.label(MIDDLE, 176, "→ the state is carried", "state", anchor="end")
    d.label(MIDDLE + 16, 176, "⇠ the gradient is cut", "gradient", anchor="start")


@drawing(height=372)
def ragged(d: Drawing) -> None:
    """The layout of a batch of different lengths.

    Three rows of 2, 5 and 3 steps. In the user's array each is padded to 5. Inside, the longest row comes first,
    the array goes step by step, and padding isn't stored: 3, 3, 2, 1 and 1 rows.
    """
    lengths, kinds = [2, 5, 3], ["input", "state", "output"]
    d.label(8, 18, "x, as you pass it: (batch, time, …) and lengths", anchor="start", size=16)
    for row, (length, kind) in enumerate(zip(lengths, kinds, strict=True)):
        y = 58 + 40 * row
        d.label(8, y, f"row {row}", kind, anchor="start")
        for t in range(5):
            real = t < length
            d.box(96 + 60 * t, y, 52, 32, f"{row},{t}" if real else "", kind if real else "quiet", dashed=not real)
        d.label(404, y, str(length), kind, size=17)
    d.label(8, 202, "as the loop reads it: step by step, longest first", anchor="start", size=16)
    for t in range(5):
        d.label(96 + 60 * t, 350, f"step {t}", "quiet")
    for place, row in enumerate([1, 2, 0]):
        for t in range(lengths[row]):
            d.box(96 + 60 * t, 238 + 38 * place, 52, 32, f"{row},{t}", kinds[row])


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path, text in FILES.items():
        path.write_text(text, "utf-8")
        sys.stdout.write(f"{path.name}\n")
