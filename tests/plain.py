"""Networks computed the plain way, one row and one step at a time; random networks to compare; cells of our own."""

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from vanilla_rnn import RNN, RNNCell

SEEDS = st.integers(0, 2**32 - 1)


def examples(percent):
    """Settings for a test whose examples are expensive: this part of the usual number."""
    return settings(max_examples=max(1, settings.default.max_examples * percent // 100))


NONLINEARITIES = ["tanh", "relu", "sigmoid", "linear"]


@st.composite
def networks(
    draw,
    *,
    max_layers=3,
    max_directions=2,
    lengths=True,
    cells=(RNNCell,),
    nonlinearities=NONLINEARITIES,
    biases=(False, True),
):
    """A network of any kind with random weights, and inputs for it: rnn, x, h_0 or None, lengths or None, rng."""
    rng = np.random.default_rng(draw(SEEDS))
    num_layers, directions = draw(st.integers(1, max_layers)), draw(st.integers(1, max_directions))
    input_size, hidden_size = draw(st.permutations([1, 2, 3, 4, 5]))[:2]
    batch, time = draw(st.integers(0, 4)), draw(st.integers(0, 7))
    kind = draw(st.sampled_from(cells))
    options = {"bias": draw(st.sampled_from(biases)), "nonlinearity": draw(st.sampled_from(nonlinearities))}
    sizes = [input_size] * directions + [directions * hidden_size] * (num_layers - 1) * directions
    made = [kind(size, hidden_size, rng=rng, **({} if kind is GRUCell else options)) for size in sizes]
    return {
        "rnn": RNN.from_cells(made, bidirectional=directions == 2),
        "x": rng.standard_normal((batch, time, input_size)),
        "h_0": rng.uniform(-0.9, 0.9, (len(sizes), batch, hidden_size)) if draw(st.booleans()) else None,
        "lengths": rng.integers(0, time + 1, batch) if lengths and draw(st.booleans()) else None,
        "rng": rng,
    }


def assert_close(values, expected, tolerance=1e-12):
    """Equality up to a fraction of the largest expected number, or of 1."""
    np.testing.assert_allclose(values, expected, rtol=0, atol=tolerance * max(1.0, np.abs(expected).max(initial=0.0)))


def initial_states(case):
    """The h_0 of a case; zeros if it was left out."""
    rnn = case["rnn"]
    return np.zeros((len(rnn.cells), len(case["x"]), rnn.hidden_size)) if case["h_0"] is None else case["h_0"]


class PlainRow:
    """One row of a batch through all cells, step by step; and back through them."""

    def __init__(self, rnn, x, h_0):
        self.rnn, self.h_n = rnn, h_0.copy()
        self.runs = []  # for each cell, the runs of its steps in the order in which it read them
        inputs = list(x)
        for first in range(0, len(rnn.cells), rnn.directions):
            outputs = []
            for number in range(first, first + rnn.directions):
                reverse = number > first
                runs, h = [], h_0[number]
                for x_t in inputs[::-1] if reverse else inputs:
                    runs.append(rnn.cells[number].forward(x_t, h))
                    h = runs[-1].h
                self.runs.append(runs)
                self.h_n[number] = h
                states = [run.h for run in runs]
                outputs.append(states[::-1] if reverse else states)
            inputs = [np.concatenate(states) for states in zip(*outputs, strict=True)]
        self.output = np.array(inputs).reshape(len(x), rnn.directions * rnn.hidden_size)

    def backward(self, d_output, d_h_n):
        """(d_x, d_h_0, d_parameters): each step's gradient is the part from its output plus the part from the next."""
        rnn, d_above, d_h_0 = self.rnn, d_output, np.zeros_like(d_h_n)
        total = {path: np.zeros_like(values) for path, values in rnn.parameters().items()}
        for number in reversed(range(len(rnn.cells))):
            direction = number % rnn.directions
            if direction == rnn.directions - 1:  # the layer's first cell in this loop
                d_below = np.zeros((len(d_output), rnn.cells[number].input_size))
            d_own = d_above[:, direction * rnn.hidden_size :][:, : rnn.hidden_size]
            order = range(len(d_output))[:: -1 if direction else 1]  # in which the cell read the steps
            d_h = d_h_n[number]
            for run, t in reversed(list(zip(self.runs[number], order, strict=True))):
                d_x, d_h, d_parameters = run.backward(d_own[t] + d_h)
                d_below[t] += d_x
                for name, gradient in d_parameters.items():
                    total[f"cells.{number}.{name}"] += gradient
            d_h_0[number] = d_h
            if direction == 0:
                d_above = d_below
        return d_above, d_h_0, total


def plain_rows(case):
    """Every row of the batch by itself, cut at its length."""
    x, h_0 = case["x"], initial_states(case)
    lengths = [x.shape[1]] * len(x) if case["lengths"] is None else case["lengths"]
    return [PlainRow(case["rnn"], x[b, :length], h_0[:, b]) for b, length in enumerate(lengths)]


# --- cells of our own


class SameCell(RNNCell):
    """Computes what an `RNNCell` does, but in a forward of its own: the network can't use its fast loop."""

    def forward(self, x_t, h_prev=None):
        return super().forward(x_t, h_prev)

    @classmethod
    def like(cls, cell):
        return cls.from_weights(cell.W_xh, cell.W_hh, cell.b_h, nonlinearity=cell.nonlinearity)


class LeakyCell(RNNCell):
    """``h_t = 0.7 h_{t-1} + 0.3 tanh(W_xh x_t + W_hh h_{t-1} + b_h)``."""

    def forward(self, x_t, h_prev=None):
        return LeakyRun(super().forward(x_t, h_prev))


class LeakyRun:
    def __init__(self, run):
        self.run, self.h = run, 0.7 * run.h_prev + 0.3 * run.h

    def backward(self, d_h):
        gradients = self.run.backward(0.3 * d_h)
        return gradients._replace(d_h_prev=gradients.d_h_prev + 0.7 * d_h)


class GRUCell:
    """A gated recurrent unit, which shares no code with the library.

    ``z, r = sigmoid(W_z [x, h]), sigmoid(W_r [x, h])``, ``n = tanh(W_n [x, r h])`` and ``h_t = (1 - z) n + z h``
    """

    def __init__(self, input_size, hidden_size, *, rng, dtype=np.float64):
        self.input_size, self.hidden_size = input_size, hidden_size
        size = (hidden_size, input_size + hidden_size)
        self.W_z, self.W_r, self.W_n = (rng.uniform(-0.8, 0.8, size).astype(dtype) for _ in range(3))

    @property
    def dtype(self):
        return self.W_z.dtype

    def parameters(self):
        return {"W_z": self.W_z, "W_r": self.W_r, "W_n": self.W_n}

    def forward(self, x_t, h_prev):
        return GRURun(self, x_t, h_prev)


class GRURun:
    def __init__(self, cell, x, h_prev):
        self.x, self.h_prev, self.W = x.copy(), h_prev.copy(), [values.copy() for values in cell.parameters().values()]
        W_z, W_r, W_n = self.W
        self.x_h = np.concatenate([x, h_prev], axis=-1)
        self.z, self.r = (1 / (1 + np.exp(-self.x_h @ W.T)) for W in (W_z, W_r))
        self.x_rh = np.concatenate([x, self.r * h_prev], axis=-1)
        self.n = np.tanh(self.x_rh @ W_n.T)
        self.h = (1 - self.z) * self.n + self.z * h_prev

    def backward(self, d_h):
        (W_z, W_r, W_n), size, z, r = self.W, self.x.shape[-1], self.z, self.r
        d_n = d_h * (1 - z) * (1 - self.n**2)
        d_x_rh = d_n @ W_n
        d_z, d_r = d_h * (self.h_prev - self.n) * z * (1 - z), d_x_rh[..., size:] * self.h_prev * r * (1 - r)
        d_x_h = d_z @ W_z + d_r @ W_r
        d_h_prev = d_h * z + d_x_rh[..., size:] * r + d_x_h[..., size:]
        inputs = {"W_z": (d_z, self.x_h), "W_r": (d_r, self.x_h), "W_n": (d_n, self.x_rh)}
        d_parameters = {
            name: d.reshape(-1, len(W_z)).T @ values.reshape(-1, values.shape[-1])
            for name, (d, values) in inputs.items()
        }
        return d_x_h[..., :size] + d_x_rh[..., :size], d_h_prev, d_parameters


ANY_CELL = RNNCell, LeakyCell, GRUCell
