"""The unrolled network the plain way, one row and one cell's step at a time, to hold the fast way against."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import strategies as st

from vanilla_rnn import RNN, RNNCell

if TYPE_CHECKING:
    from vanilla_rnn.cell import Step


@st.composite
def networks(draw: st.DrawFn, *, max_layers: int = 3, max_directions: int = 2, lengths: bool = True) -> dict[str, Any]:
    """A network of any kind with random weights, and inputs for it: rnn, x, h_0 or None, lengths or None."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    num_layers = draw(st.integers(1, max_layers))
    directions = draw(st.integers(1, max_directions))
    input_size, hidden_size = draw(st.permutations([1, 2, 3, 4, 5]))[:2]
    batch, time = draw(st.integers(0, 4)), draw(st.integers(0, 7))
    rnn = RNN(
        input_size,
        hidden_size,
        num_layers=num_layers,
        bidirectional=directions == 2,
        bias=draw(st.booleans()),
        nonlinearity=draw(st.sampled_from(["tanh", "relu"])),
        rng=rng,
    )
    x = rng.standard_normal((batch, time, input_size))
    h_0 = rng.uniform(-0.9, 0.9, (num_layers * directions, batch, hidden_size)) if draw(st.booleans()) else None
    counts = rng.integers(0, time + 1, batch) if lengths and draw(st.booleans()) else None
    return {"rnn": rnn, "x": x, "h_0": h_0, "lengths": counts, "rng": rng}


class PlainRow:
    """One row of a batch through all cells, with each step's record; and back through them."""

    def __init__(self, rnn: RNN, x: np.ndarray, h_0: np.ndarray) -> None:
        self.rnn = rnn
        self.steps: list[list[Step]] = []  # of each cell, in the order in which it read them
        self.h_n = h_0.copy()
        inputs = list(x)
        for first in range(0, len(rnn.cells), rnn.directions):
            sides = []
            for direction in range(rnn.directions):
                steps = run_cell(
                    rnn.cells[first + direction], inputs[::-1] if direction else inputs, h_0[first + direction]
                )
                self.steps.append(steps)
                if steps:
                    self.h_n[first + direction] = steps[-1].h
                states = [step.h for step in steps]
                sides.append(states[::-1] if direction else states)
            inputs = [np.concatenate(states) for states in zip(*sides, strict=True)]
        self.output = np.array(inputs).reshape(len(x), rnn.directions * rnn.hidden_size)

    def backward(self, d_output: np.ndarray, d_h_n: np.ndarray) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
        rnn, d_above = self.rnn, d_output
        d_h_0 = np.zeros_like(d_h_n)
        total = {path: np.zeros_like(values) for path, values in rnn.parameters().items()}
        for layer in reversed(range(rnn.num_layers)):
            d_below = np.zeros((len(d_output), rnn.cells[layer * rnn.directions].input_size))
            for direction in range(rnn.directions):
                number = layer * rnn.directions + direction
                part = d_above[:, direction * rnn.hidden_size : (direction + 1) * rnn.hidden_size]
                part = part[::-1] if direction else part
                d_h, d_inputs = d_h_n[number], []
                for step, d_own in reversed(list(zip(self.steps[number], part, strict=True))):
                    d_x, d_h, d_parameters = step.backward(d_own + d_h)
                    d_inputs.append(d_x)
                    for name, gradient in d_parameters.items():
                        total[f"cells.{number}.{name}"] += gradient
                d_h_0[number] = d_h
                if d_inputs:
                    d_below += np.array(d_inputs if direction else d_inputs[::-1])
            d_above = d_below
        return d_above, d_h_0, total


def run_cell(cell: RNNCell, inputs: list[np.ndarray], h: np.ndarray) -> list[Step]:
    steps = []
    for x_t in inputs:
        steps.append(cell.forward(x_t, h))
        h = steps[-1].h
    return steps


def plain_rows(case: dict[str, Any]) -> list[PlainRow]:
    """Every row of the batch by itself, cut at its length."""
    rnn, x, h_0, lengths = case["rnn"], case["x"], case["h_0"], case["lengths"]
    if h_0 is None:
        h_0 = np.zeros((len(rnn.cells), len(x), rnn.hidden_size))
    if lengths is None:
        lengths = [x.shape[1]] * len(x)
    return [PlainRow(rnn, row[:length], h_0[:, b]) for b, (row, length) in enumerate(zip(x, lengths, strict=True))]
