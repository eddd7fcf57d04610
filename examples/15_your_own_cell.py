"""Two cells of your own in an RNN: a leaky unit and a gated one (GRU), and how far back each learns to remember.

`RNN.from_cells` takes any object with input_size, hidden_size, dtype, parameters() and forward(x_t, h_prev). The run
that forward returns has the new state h, and backward(d_h), which returns (d_x, d_h_prev, d_parameters). Layers,
lengths, models, training and check_gradients then work as with the library's own cell. The task is the first one of
example 14: name the first symbol of a sequence.

python examples/15_your_own_cell.py                     (about 40 seconds)
python examples/15_your_own_cell.py 1                   (another seed)
python examples/15_your_own_cell.py --plot reach.png    (accuracy by lag)
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy starts: threads slow down matrices this small

import importlib
from types import SimpleNamespace

import numpy as np
from command_line import announce, parser

from vanilla_rnn import RNN, Adam, Embedding, ManyToOne, ManyToOneHead, RNNCell, check_gradients, cross_entropy, train

task = importlib.import_module("14_memory_span")
LAGS, EPOCHS, HIDDEN = [5, 10, 20, 50], 10, 32


class LeakyCell:
    """h_t = (1 - leak) h_{t-1} + leak tanh(W_xh x_t + W_hh h_{t-1} + b_h), where leak is a constant for each unit."""

    dtype = np.dtype(np.float64)

    def __init__(self, input_size, hidden_size, rng):
        self.input_size, self.hidden_size = input_size, hidden_size
        start = RNNCell(input_size, hidden_size, rng=rng)
        self.W_xh, self.W_hh, self.b_h = start.W_xh, start.W_hh, start.b_h
        self.leak = np.geomspace(1.0, 0.01, hidden_size)  # the first unit forgets at once, the last one slowly

    def parameters(self):
        return {"W_xh": self.W_xh, "W_hh": self.W_hh, "b_h": self.b_h}

    def forward(self, x_t, h_prev):
        new = np.tanh(x_t @ self.W_xh.T + h_prev @ self.W_hh.T + self.b_h)  # (rows, hidden)
        h = (1 - self.leak) * h_prev + self.leak * new

        def backward(d_h):
            d_a = d_h * self.leak * (1 - new**2)
            d_h_prev = d_h * (1 - self.leak) + d_a @ self.W_hh  # the first part has no matrix and no slope in it
            return d_a @ self.W_xh, d_h_prev, {"W_xh": d_a.T @ x_t, "W_hh": d_a.T @ h_prev, "b_h": d_a.sum(axis=0)}

        return SimpleNamespace(h=h, backward=backward)


class GatedCell:
    """A GRU: h_t = (1 - z) n + z h_{t-1}, where the gate z chooses for each unit between a new state and the old one.

    z = sigmoid(W_xz x_t + b_z + W_hz h_{t-1}), r likewise, and n = tanh(W_xn x_t + b_n + r * (W_hn h_{t-1})). One
    product with W_xh (3 hidden, input) and one with W_hh (3 hidden, hidden) compute all the sums.
    """

    dtype = np.dtype(np.float64)

    def __init__(self, input_size, hidden_size, rng):
        self.input_size, self.hidden_size = input_size, hidden_size
        bound = hidden_size**-0.5
        self.W_xh = rng.uniform(-bound, bound, (3 * hidden_size, input_size))
        self.W_hh = rng.uniform(-bound, bound, (3 * hidden_size, hidden_size))
        self.b_h = np.repeat([0.0, 2.0, 0.0], hidden_size)  # z starts near 0.9: keep the old state

    def parameters(self):
        return {"W_xh": self.W_xh, "W_hh": self.W_hh, "b_h": self.b_h}

    def forward(self, x_t, h_prev):
        x_r, x_z, x_n = np.split(x_t @ self.W_xh.T + self.b_h, 3, axis=-1)  # each (rows, hidden)
        h_r, h_z, h_n = np.split(h_prev @ self.W_hh.T, 3, axis=-1)
        r, z = 1 / (1 + np.exp(-x_r - h_r)), 1 / (1 + np.exp(-x_z - h_z))
        n = np.tanh(x_n + r * h_n)

        def backward(d_h):
            d_n = d_h * (1 - z) * (1 - n**2)
            d_r, d_z = d_n * h_n * r * (1 - r), d_h * (h_prev - n) * z * (1 - z)
            d_x_sums, d_h_sums = np.hstack([d_r, d_z, d_n]), np.hstack([d_r, d_z, d_n * r])  # (rows, 3 hidden)
            d_parameters = {"W_xh": d_x_sums.T @ x_t, "W_hh": d_h_sums.T @ h_prev, "b_h": d_x_sums.sum(axis=0)}
            return d_x_sums @ self.W_xh, d_h * z + d_h_sums @ self.W_hh, d_parameters

        return SimpleNamespace(h=(1 - z) * n + z * h_prev, backward=backward)


CELLS = {"RNNCell": RNNCell, "LeakyCell": LeakyCell, "GatedCell": GatedCell}


def create(kind, rng):
    cell = kind(8, HIDDEN, rng=rng)
    head, embedding = ManyToOneHead(HIDDEN, len(task.SYMBOLS), rng=rng), Embedding(len(task.VOCAB), 8, rng=rng)
    return ManyToOne(RNN.from_cells([cell]), head, embedding=embedding)


def learn(kind, lag, seed):
    """Train a network on one lag; return its accuracy on held-out sequences."""
    training, held_out = task.draw(task.first_symbol, lag, seed)
    inputs, answers = np.array([task.VOCAB.encode(words) for words, _ in held_out]), [answer for _, answer in held_out]
    examples = [(task.VOCAB.encode(words), answer) for words, answer in training]
    rng = np.random.default_rng(seed)
    model, optimizer, accuracy = create(kind, rng), Adam(3e-3), 0.0
    options = {"loss": cross_entropy, "optimizer": optimizer, "clip": 1.0, "rng": rng}
    for _ in train(model, examples, epochs=EPOCHS, batch_size=32, **options):
        accuracy = float(np.mean(model(inputs).argmax(axis=-1) == answers))
        if accuracy >= task.LEARNED:
            break
    return accuracy


def main():
    options = parser(__doc__, picture="the accuracy of each cell by lag")
    options.add_argument("seed", type=int, nargs="?", default=0, help="for data and weights; default: 0")
    arguments = options.parse_args()
    seed = arguments.seed
    announce(40)
    print("backward compared with the derivative itself, the worst error:")
    for name, kind in CELLS.items():
        rng = np.random.default_rng(seed)
        rnn = RNN.from_cells([kind(2, 3, rng=rng), kind(3, 3, rng=rng)])
        error = check_gradients(rnn, rng.standard_normal((4, 6, 2)), rng.uniform(-1, 1, (2, 4, 3)), [6, 2, 0, 5])
        print(f"  {name:<10} {error:.0e}")
    print(
        f"\nName the first symbol {', '.join(map(str, LAGS))} steps later: accuracy on held-out sequences after at most"
    )
    print(f"{EPOCHS} epochs (random guessing: {1 / len(task.SYMBOLS):.1%})")
    reached = {name: {} for name in CELLS}
    for name, kind in CELLS.items():
        print(f"  {name:<10}", end="", flush=True)
        for lag in LAGS:
            reached[name][lag] = accuracy = learn(kind, lag, seed)
            print(f"   {lag}: {accuracy:4.0%}", end="", flush=True)
            if accuracy < task.LEARNED:
                break
        print()
    print(
        "\nA cell that doesn't learn one distance isn't tried on the next. In the leaky and the gated cell, part of the"
    )
    print("gradient goes back to h_prev without W_hh and without a slope: that part doesn't vanish.")
    if arguments.plot:
        task.draw_accuracies(arguments.plot, reached)


if __name__ == "__main__":
    main()
