"""How far back a network can learn to remember, for each initial W_hh, with and without clipping.

There are two tasks, each with growing lags. In the first, the network reads a symbol and then a number of others that
don't matter, and names the first symbol. In the second, it reads a sentence such as "The cat near the dogs often" and
chooses between "was" and "were". The subject is a number of words before the verb, with singular and plural nouns in
between. For every lag, a new network is trained and measured on held-out sequences.

python examples/14_memory_span.py                    (about 2 minutes)
python examples/14_memory_span.py 1                  (another seed)
python examples/14_memory_span.py --plot span.png    (accuracy by lag)
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy starts: threads slow down matrices this small

from collections.abc import Callable
from pathlib import Path

import numpy as np
from command_line import announce, drawing, parser

from vanilla_rnn import (
    RNN,
    Adam,
    Embedding,
    ManyToOne,
    ManyToOneHead,
    Vocab,
    cross_entropy,
    memory_span,
    spectral_radius,
    train,
)

LAGS = [2, 5, 10, 20, 30, 50]
STARTS = {"uniform": "tanh", "orthogonal": "tanh", "identity": "relu"}  # each initial W_hh, and what suits it
TRAINING, HELD_OUT, EPOCHS, LEARNED = 3200, 100, 15, 0.95

SYMBOLS, OTHERS = list("ABCDEFGH"), list("ijklmnop")
SINGULAR = ["cat", "dog", "bird", "horse", "owl", "child", "friend", "teacher", "doctor", "farmer", "sailor", "king"]
PLURAL = [{"child": "children"}.get(noun, noun + "s") for noun in SINGULAR]
LINKS = ["near", "behind", "beside", "above"]
ADVERBS = ["often", "never", "always", "now", "once", "soon", "today", "also", "still", "then"]
VOCAB = Vocab([*SYMBOLS, *OTHERS, "The", "the", *SINGULAR, *PLURAL, *LINKS, "which", "saw", *ADVERBS], specials=())

Sequence = tuple[tuple[str, ...], int]  # the input, and the answer


def one_of(words: list[str], rng: np.random.Generator) -> str:
    return words[rng.integers(len(words))]


def first_symbol(lag: int, rng: np.random.Generator) -> Sequence:
    """A symbol and ``lag`` others; the answer is the symbol's number."""
    answer = int(rng.integers(len(SYMBOLS)))
    return (SYMBOLS[answer], *(one_of(OTHERS, rng) for _ in range(lag))), answer


def subject_s_number(lag: int, rng: np.random.Generator) -> Sequence:
    """A sentence up to its verb, which follows ``lag`` words after the subject; the answer is 1 for "were"."""
    answer = int(rng.integers(2))
    words = ["The", one_of(PLURAL if answer else SINGULAR, rng)]
    while (room := lag + 1 - len(words)) > 0:
        other = one_of(SINGULAR + PLURAL, rng)
        phrases = [[one_of(ADVERBS, rng)], [one_of(LINKS, rng), "the", other], ["which", "saw", "the", other]]
        fitting = [phrase for phrase in phrases if len(phrase) <= room]
        words += fitting[rng.integers(len(fitting))]
    return tuple(words), answer


def draw(task: Callable[[int, np.random.Generator], Sequence], lag: int, seed: int) -> tuple[list, list]:
    """Training sequences, and held-out ones that aren't among them."""
    rng = np.random.default_rng(seed)
    held_out = [task(lag, rng) for _ in range(HELD_OUT)]
    training: list[Sequence] = []
    while len(training) < TRAINING:
        drawn = task(lag, rng)
        if drawn not in held_out:
            training.append(drawn)
    return training, held_out


def network(start: str, answers: int, rng: np.random.Generator) -> ManyToOne:
    rnn = RNN(8, 32, recurrent_init=start, nonlinearity=STARTS[start], rng=rng)
    return ManyToOne(rnn, ManyToOneHead(32, answers, rng=rng), embedding=Embedding(len(VOCAB), 8, rng=rng))


def learn(training: list, held_out: list, start: str, clip: float | None, seed: int) -> tuple[float, int]:
    """Train a network. Return its accuracy on the held-out sequences, and its memory span on the first of them."""
    rng = np.random.default_rng(seed)
    model, optimizer = network(start, 1 + max(answer for _, answer in training), rng), Adam(2e-3)
    examples = [(VOCAB.encode(words), answer) for words, answer in training]
    inputs, targets = np.array([VOCAB.encode(words) for words, _ in held_out]), [answer for _, answer in held_out]
    accuracy, options = 0.0, {"loss": cross_entropy, "optimizer": optimizer, "clip": clip, "rng": rng}
    for _ in train(model, examples, epochs=EPOCHS, batch_size=32, **options):
        accuracy = float(np.mean(model(inputs).argmax(axis=-1) == targets))
        if accuracy >= LEARNED:
            break
    return accuracy, memory_span(model.forward(inputs[:1]))[0]


def draw_accuracies(path: Path, reached: dict[str, dict[int, float]]) -> None:
    """A line for each row of the table: the accuracy by lag, up to the first lag that wasn't learned."""
    with drawing(path) as ax:
        for name, accuracies in reached.items():
            ax.plot(list(accuracies), list(accuracies.values()), marker="o", label=name)
        ax.axhline(LEARNED, color="0.6", linestyle=":", label="learned")
        ax.axhline(1 / len(SYMBOLS), color="0.6", label="random guessing")
        ax.set(xlabel="lag", ylabel="held-out accuracy", ylim=(0, 1.03))
        ax.legend(fontsize="small")


def main() -> None:
    options = parser(__doc__, picture="the accuracy by lag for the first symbol")
    options.add_argument("seed", type=int, nargs="?", default=0, help="for data and weights; default: 0")
    arguments = options.parse_args()
    seed = arguments.seed
    announce(110)
    print("Before training, on 50 steps of the first task:")
    words, _ = first_symbol(50, np.random.default_rng(seed))
    for start, nonlinearity in STARTS.items():
        model = network(start, len(SYMBOLS), np.random.default_rng(seed))
        radius, span = spectral_radius(model.rnn.cells[0].W_hh), memory_span(model.forward(VOCAB.encode(words)))[0]
        print(f"  {start + ', ' + nonlinearity:<18} spectral radius {radius:.2f}, gradient reaches {span} steps back")

    print(f"\nA lag counts as learned if {LEARNED:.0%} of {HELD_OUT} held-out sequences are answered correctly after")
    print(f"at most {EPOCHS} epochs over {TRAINING:,} others. Then the next lag is tried. Brackets show the first lag")
    print("that wasn't learned.")
    reached: dict[str, dict[str, dict[int, float]]] = {}
    for name, task, guessing in (
        ("the first symbol", first_symbol, 1 / len(SYMBOLS)),
        ("the subject's number", subject_s_number, 1 / 2),
    ):
        lags = ", ".join(map(str, LAGS))
        print(f"\nRemember {name} {lags} steps back; random guessing is right {guessing:.1%} of the time")
        data = {lag: draw(task, lag, seed) for lag in LAGS}
        reached[name] = {}
        for start, nonlinearity in STARTS.items():
            for clip in (None, 1.0):
                learned, failed = 0, ""
                row = f"{start}, {nonlinearity}, {'no clipping' if clip is None else f'clipped to {clip:.0f}'}"
                accuracies = reached[name][row] = {}
                for lag in LAGS:
                    accuracy, span = learn(*data[lag], start, clip, seed)
                    accuracies[lag] = accuracy
                    if accuracy < LEARNED:
                        failed = f"   ({lag}: {accuracy:.0%}, gradient reaches {span} steps back)"
                        break
                    learned = lag
                print(f"  {row:<31} learned {learned:>3}{failed}", flush=True)
    print("\nThe reach of a gradient shows how far back a small change of a state still matters. Before training, a")
    print("network can learn from nothing else. After training, a short reach doesn't mean a short memory: a saturated")
    print("unit remembers, and passes almost no gradient back.")
    if arguments.plot:
        draw_accuracies(arguments.plot, reached["the first symbol"])


if __name__ == "__main__":
    main()
