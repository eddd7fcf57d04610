"""How far back a network can learn to remember, for each way to start W_hh, with and without clipping.

Two tasks, each at growing lags. The first symbol: a symbol, then so many others that mean nothing; which was it? The
subject's number: "The cat near the dogs often" goes on with "was" or "were", and the subject that decides it stands so
many words before the verb, with nouns of either number in between. For every lag a new network is trained, and measured
on sequences that were set aside.

python examples/14_memory_span.py
python examples/14_memory_span.py 1    (another seed)
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # for products this small, threads would wait for one another

import sys
from collections.abc import Callable

import numpy as np

from vanilla_rnn import (
    RNN,
    Adam,
    Embedding,
    ManyToOne,
    ManyToOneHead,
    Vocab,
    cross_entropy,
    fit,
    memory_span,
    spectral_radius,
)

LAGS = [2, 5, 10, 20, 30, 50]
STARTS = {"uniform": "tanh", "orthogonal": "tanh", "identity": "relu"}  # how W_hh starts, and what it is meant for
TRAINING, HELD_OUT, EPOCHS, LEARNED = 3200, 100, 15, 0.95

SYMBOLS, OTHERS = list("ABCDEFGH"), list("ijklmnop")
SINGULAR = ["cat", "dog", "bird", "horse", "owl", "child", "friend", "teacher", "doctor", "farmer", "sailor", "king"]
PLURAL = [{"child": "children"}.get(noun, noun + "s") for noun in SINGULAR]
LINKS = ["near", "behind", "beside", "above"]
ADVERBS = ["often", "never", "always", "now", "once", "soon", "today", "also", "still", "then"]
VOCAB = Vocab([*SYMBOLS, *OTHERS, "The", "the", *SINGULAR, *PLURAL, *LINKS, "which", "saw", *ADVERBS], specials=())

Sequence = tuple[tuple[str, ...], int]  # what is read, and the answer


def one_of(words: list[str], rng: np.random.Generator) -> str:
    return words[rng.integers(len(words))]


def first_symbol(lag: int, rng: np.random.Generator) -> Sequence:
    """A symbol and ``lag`` others; the answer is the symbol's number."""
    answer = int(rng.integers(len(SYMBOLS)))
    return (SYMBOLS[answer], *(one_of(OTHERS, rng) for _ in range(lag))), answer


def subject_s_number(lag: int, rng: np.random.Generator) -> Sequence:
    """A sentence up to its verb, which stands ``lag`` words after the subject; the answer is 1 for "were"."""
    answer = int(rng.integers(2))
    words = ["The", one_of(PLURAL if answer else SINGULAR, rng)]
    while (room := lag + 1 - len(words)) > 0:
        other = one_of(SINGULAR + PLURAL, rng)
        phrases = [[one_of(ADVERBS, rng)], [one_of(LINKS, rng), "the", other], ["which", "saw", "the", other]]
        fitting = [phrase for phrase in phrases if len(phrase) <= room]
        words += fitting[rng.integers(len(fitting))]
    return tuple(words), answer


def draw(task: Callable[[int, np.random.Generator], Sequence], lag: int, seed: int) -> tuple[list, list]:
    """Sequences to learn from, and others to measure on, which are none of them."""
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


def train(training: list, held_out: list, start: str, clip: float | None, seed: int) -> tuple[float, int]:
    """The accuracy on the sequences set aside, and how far back the trained network's memory reaches on one of them."""
    rng = np.random.default_rng(seed)
    model, optimizer = network(start, 1 + max(answer for _, answer in training), rng), Adam(2e-3)
    examples = [(VOCAB.encode(words), answer) for words, answer in training]
    inputs, targets = np.array([VOCAB.encode(words) for words, _ in held_out]), [answer for _, answer in held_out]
    accuracy = 0.0
    for _ in range(EPOCHS):
        fit(model, examples, loss=cross_entropy, optimizer=optimizer, epochs=1, batch_size=32, clip=clip, rng=rng)
        accuracy = float(np.mean(model(inputs).argmax(axis=-1) == targets))
        if accuracy >= LEARNED:
            break
    return accuracy, memory_span(model.forward(inputs[:1]))[0]


def main() -> None:
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    print("Before training, on 50 steps of the first task:")
    words, _ = first_symbol(50, np.random.default_rng(seed))
    for start, nonlinearity in STARTS.items():
        model = network(start, len(SYMBOLS), np.random.default_rng(seed))
        radius, span = spectral_radius(model.rnn.cells[0].W_hh), memory_span(model.forward(VOCAB.encode(words)))[0]
        print(f"  {start + ', ' + nonlinearity:<18} spectral radius {radius:.2f}, gradient reaches {span} steps back")

    print(f"\nLearned is a lag at which {LEARNED:.0%} of {HELD_OUT} sequences set aside are answered rightly, after")
    print(f"going {EPOCHS} times at most through {TRAINING:,} others. Longer lags are tried only then; in brackets the")
    print("one that wasn't learned.")
    for name, task, guessing in (
        ("the first symbol", first_symbol, 1 / len(SYMBOLS)),
        ("the subject's number", subject_s_number, 1 / 2),
    ):
        print(f"\nRemember {name}: {', '.join(map(str, LAGS))} steps back; who guesses is right in {guessing:.1%}")
        data = {lag: draw(task, lag, seed) for lag in LAGS}
        for start, nonlinearity in STARTS.items():
            for clip in (None, 1.0):
                learned, failed = 0, ""
                for lag in LAGS:
                    accuracy, span = train(*data[lag], start, clip, seed)
                    if accuracy < LEARNED:
                        failed = f"   ({lag}: {accuracy:.0%}, gradient reaches {span} steps back)"
                        break
                    learned = lag
                row = f"{start}, {nonlinearity}, {'no clipping' if clip is None else f'clipped to {clip:.0f}'}"
                print(f"  {row:<31} learned {learned:>3}{failed}", flush=True)
    print("\nHow far a gradient reaches says what a small change would move. Before training that is all there is to")
    print("learn by. Afterwards a short reach needn't be a short memory: a unit at the end of tanh's range remembers,")
    print("and has next to no gradient.")


if __name__ == "__main__":
    main()
