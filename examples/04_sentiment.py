"""Many-to-one: the sentiment of sentences in which the order of the words decides.

"good, not bad" and "bad, not good" contain the same words. A network that reads them in order can tell them apart. A
logistic regression on word counts can't, whatever its weights.

python examples/04_sentiment.py
python examples/04_sentiment.py my_file.tsv        (a line for each example: label, a tab, text; two labels)
"""

import sys
from itertools import product
from pathlib import Path

import numpy as np

from vanilla_rnn import RNN, Adam, Embedding, ManyToOne, ManyToOneHead, Vocab, binary_cross_entropy, fit, tokenize

GOOD = ["good", "great", "lovely", "superb", "clever", "moving", "funny", "brilliant"]
BAD = ["bad", "awful", "dull", "poor", "silly", "boring", "weak", "terrible"]
THINGS = ["the film", "the plot", "the acting", "the ending", "the music", "this movie", "the story", "it"]

# In each of these, X says what the thing was, and Y what it wasn't.
TURNS = [
    "{thing} was X, not Y",
    "{thing} was not Y but X",
    "X, not Y at all",
    "i expected {thing} to be Y but {thing} was X",
    "{thing} was never Y, always X",
    "some say Y, i say {thing} was X",
    "not Y, {thing} was X from beginning to end",
    "{thing} could have been Y, yet in the end {thing} was X",
]
PLAIN = ["{thing} was {word}", "{thing} was really {word}", "i found {thing} {word}"]
NEGATED = ["{thing} was not {word}", "{thing} was not really {word}", "i never found {thing} {word}"]


def main() -> None:
    examples = read(Path(sys.argv[1])) if len(sys.argv) > 1 else write()
    train, held_out = split(examples, np.random.default_rng(0))
    if len({label for label, _ in train}) < 2:
        sys.exit("There are too few sentences with different words to train on some and hold out others.")
    print(f"{len(train)} training sentences, {len(held_out)} held out, none with the words of a training one")

    vocab = Vocab.from_texts([text for _, text in train])
    model = learn(train, vocab)
    rnn_says = np.array([ask(model, vocab, text) for _, text in held_out])
    bag_says = bag_of_words(train, held_out)
    truth = np.array([label for label, _ in held_out])

    paired = np.array([text in of_pairs(held_out) for _, text in held_out])
    print(f"\nHeld-out accuracy          recurrent network   bag of words\n{'':<27}{'-' * 32}")
    for name, rows in (("all sentences", paired | True), ("pairs of the same words", paired)):
        if rows.any():
            right = [100 * np.mean(says[rows] == truth[rows]) for says in (rnn_says, bag_says)]
            print(f"{name:<27}{right[0]:15.1f} % {right[1]:12.1f} %   ({rows.sum()} sentences)")
    print(f"\nA few of them, with the network's answer{'' if sys.argv[1:] else ' (1 is positive)'}:")
    for (label, text), says in list(zip(held_out, rnn_says, strict=True))[:6]:
        print(f"  {says} {'right' if says == label else 'WRONG'}  {text}")


def learn(train, vocab) -> ManyToOne:
    rng = np.random.default_rng(0)
    model = ManyToOne(
        RNN(16, 32, recurrent_init="orthogonal", rng=rng),
        ManyToOneHead(32, 1, rng=rng),
        embedding=Embedding(len(vocab), 16, rng=rng),
    )
    examples = [(vocab.encode(tokenize(text)), label) for label, text in train]
    history = fit(
        model, examples, loss=binary_cross_entropy, optimizer=Adam(3e-3), epochs=12, batch_size=32, clip=1.0, rng=rng
    )
    print("Loss by epoch:", " ".join(f"{row['loss']:.3f}" for row in history))
    return model


def ask(model, vocab, text) -> int:
    return int(model(vocab.encode(tokenize(text)))[0] > 0)


def bag_of_words(train, held_out) -> np.ndarray:
    """The answers of a logistic regression on word counts: a model that doesn't see the order of the words."""
    vocab = Vocab.from_texts([text for _, text in train])

    def counts(examples):
        return np.array(
            [np.bincount(vocab.encode(tokenize(text)), minlength=len(vocab)) for _, text in examples], float
        )

    x, y = counts(train), np.array([label for label, _ in train])
    weights, optimizer = {"w": np.zeros(len(vocab)), "b": np.zeros(1)}, Adam(0.05)
    for _ in range(500):
        _, d_logits = binary_cross_entropy(x @ weights["w"] + weights["b"], y)
        optimizer.step(weights, {"w": x.T @ d_logits, "b": d_logits.sum(keepdims=True)})
    return (counts(held_out) @ weights["w"] + weights["b"] > 0).astype(int)


def write() -> list[tuple[int, str]]:
    """Sentences of the grammar above, drawn at random; of a pair, both."""
    rng = np.random.default_rng(1)
    turns = list(product(TURNS, THINGS, GOOD, BAD))
    examples = []
    for number in rng.choice(len(turns), 700, replace=False):
        turn, thing, good, bad = turns[number]
        for label, x, y in ((1, good, bad), (0, bad, good)):
            examples.append((label, turn.replace("X", x).replace("Y", y).format(thing=thing)))
    for thing, (label, words) in product(THINGS, ((1, GOOD), (0, BAD))):
        for word in words:
            examples.append((label, PLAIN[rng.integers(3)].format(thing=thing, word=word)))
            examples.append((1 - label, NEGATED[rng.integers(3)].format(thing=thing, word=word)))
    return sorted(set(examples))


def read(path: Path) -> list[tuple[int, str]]:
    """A user's own examples. The label that sorts last counts as 1."""
    try:
        text = path.read_text(encoding="utf-8-sig")  # some editors write a mark at the start
    except (OSError, UnicodeDecodeError) as error:
        sys.exit(f"{path} can't be read: {error}")
    lines = []
    for number, line in enumerate(text.splitlines(), start=1):
        label, _, sentence = line.partition("\t")
        if line.strip() and not (label.strip() and sentence.strip()):
            sys.exit(f"{path}, line {number}: expected a label, a tab and a text, got {line!r}")
        if line.strip():
            lines.append((label, sentence))
    labels = sorted({label.strip() for label, _ in lines})
    if len(labels) != 2:
        sys.exit(f"{path}: expected two different labels, got {len(labels)}: {', '.join(labels)}")
    print(f"In {path}, 1 is {labels[1]!r} and 0 is {labels[0]!r}.")
    return [(labels.index(label.strip()), text.strip()) for label, text in lines]


def bag(text: str) -> tuple[str, ...]:
    return tuple(sorted(tokenize(text)))


def split(examples, rng, share=0.25):
    """Sentences with the same words stay together: both of a pair are for training, or both are held out."""
    bags = sorted({bag(text) for _, text in examples})
    rng.shuffle(bags)
    held = set(map(tuple, bags[: max(1, int(share * len(bags)))]))
    sides = [example for example in examples if bag(example[1]) not in held], [e for e in examples if bag(e[1]) in held]
    for side in sides:
        rng.shuffle(side)
    return tuple([(int(label), str(text)) for label, text in side] for side in sides)


def of_pairs(examples) -> set[str]:
    """The sentences for which another one has the same words and the opposite label."""
    labels = {}
    for label, text in examples:
        labels.setdefault(bag(text), set()).add(label)
    return {text for _, text in examples if len(labels[bag(text)]) == 2}


if __name__ == "__main__":
    main()
