"""Many-to-one: the sentiment of sentences in which the order of the words decides.

"good, not bad" and "bad, not good" contain the same words. A network that reads them in order can tell them apart. A
logistic regression on word counts can't, whatever its weights.

python examples/04_sentiment.py                    (about 10 seconds)
python examples/04_sentiment.py my_file.tsv        (a line for each example: label, tab, text, or text, tab, label)
python examples/04_sentiment.py --plot sentiment.png
"""

import os
from collections import Counter
from itertools import product
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy starts: threads slow down matrices this small

import numpy as np
from command_line import announce, drawing, listed, parser, refuse, shortened, show_losses, table

from vanilla_rnn import (
    RNN,
    Adam,
    Embedding,
    ManyToOne,
    ManyToOneHead,
    Vocab,
    binary_cross_entropy,
    pad_sequences,
    sigmoid,
    tokenize,
    train,
)

EPOCHS = 12
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
    options = parser(
        __doc__,
        file="a line for each example with a label, a tab and a text, in either order; two labels; a header is allowed",
        picture="the training, and the answer after each word of a sentence",
    )
    arguments = options.parse_args()
    names, examples = read(arguments.file) if arguments.file else (("negative", "positive"), write())
    training, held_out = split(examples, np.random.default_rng(0))
    if len({label for label, _ in training}) < 2:
        refuse(
            arguments.file, None, "more sentences", str(len(examples)), "Add some, with other words and both labels."
        )
    announce(2 + sum(len(text.split()) for _, text in training) * EPOCHS / 40_000)
    print(f"{len(training)} training sentences, {len(held_out)} held out, none with the words of a training one")

    vocab = Vocab.from_texts([text for _, text in training], min_freq=2)  # a word that occurs once is read as <unk>
    truth = np.array([label for label, _ in held_out])
    model, history = learn(training, held_out, vocab)
    answers = {
        "recurrent network": (ask(model, vocab, [text for _, text in held_out]) > 0.5).astype(int),
        "bag of words": bag_of_words(training, held_out, vocab),
        "most frequent label": np.full(len(held_out), np.mean([label for label, _ in training]) > 0.5),
    }
    paired = np.isin([text for _, text in held_out], list(of_pairs(held_out)))
    print(f"\n{'Held-out accuracy':<26}" + "".join(f"{name:>21}" for name in answers))
    for name, rows in (("all sentences", paired | True), ("pairs of the same words", paired)):
        if rows.any():
            right = "".join(f"{np.mean(says[rows] == truth[rows]):21.1%}" for says in answers.values())
            print(f"{name:<26}{right}   ({rows.sum()} sentences)")
    print("\nA few held-out sentences, with the network's answer:")
    for (label, text), says in list(zip(held_out, answers["recurrent network"], strict=True))[:6]:
        print(f"  {names[says]:<10} {'right' if says == label else 'WRONG'}  {shortened(text, 90)}")
    if arguments.plot:
        draw(arguments.plot, history, model, vocab, names, held_out)


def learn(training, held_out, vocab) -> tuple[ManyToOne, list[dict]]:
    rng = np.random.default_rng(0)
    model = ManyToOne(
        RNN(16, 32, bidirectional=True, recurrent_init="orthogonal", rng=rng),
        ManyToOneHead(64, 1, rng=rng),
        embedding=Embedding(len(vocab), 16, rng=rng),
    )
    model.embedding.vectors *= 0.1  # small at first: what a rare word means should come from training, not from chance
    examples = [(vocab.encode(tokenize(text)), label) for label, text in training]
    options = {"loss": binary_cross_entropy, "optimizer": Adam(3e-3), "clip": 1.0, "rng": rng}
    history, truth = [], np.array([label for label, _ in held_out])
    for row in show_losses(train(model, examples, epochs=EPOCHS, batch_size=32, **options)):
        right = (ask(model, vocab, [text for _, text in held_out]) > 0.5) == truth
        history.append(row | {"accuracy": right.mean()})
    return model, history


def ask(model, vocab, texts) -> np.ndarray:
    """The probability of label 1 for each text."""
    tokens, lengths = pad_sequences([vocab.encode(tokenize(text)) for text in texts])
    return sigmoid(model(tokens, lengths)[:, 0])


def bag_of_words(training, held_out, vocab) -> np.ndarray:
    """The answers of a logistic regression on word counts: a model that doesn't see the order of the words."""

    def counts(examples):
        return np.array(
            [np.bincount(vocab.encode(tokenize(text)), minlength=len(vocab)) for _, text in examples], float
        )

    x, y = counts(training), np.array([label for label, _ in training])
    weights, optimizer = {"w": np.zeros(len(vocab)), "b": np.zeros(1)}, Adam(0.05)
    for _ in range(200):
        _, d_logits = binary_cross_entropy(x @ weights["w"] + weights["b"], y)
        optimizer.step(weights, {"w": x.T @ d_logits, "b": d_logits.sum(keepdims=True)})
    return (counts(held_out) @ weights["w"] + weights["b"] > 0).astype(int)


def draw(path, history, model, vocab, names, held_out) -> None:
    """The training, and how the answer changes from word to word in a sentence of each label."""
    # The last one of each label is used: about eight words long, and if there are pairs, both of a pair.
    order = sorted(held_out, key=lambda example: (abs(len(tokenize(example[1])) - 8), bag(example[1])), reverse=True)
    chosen = dict(order)
    with drawing(path, panels=2) as (left, right):
        epochs = [row["epoch"] for row in history]
        left.plot(epochs, [row["loss"] for row in history], label="loss in training")
        left.plot(epochs, [row["accuracy"] for row in history], label="accuracy on held-out sentences")
        left.set(xlabel="epoch", ylim=(0, 1.05))
        left.legend()
        for label, text in sorted(chosen.items()):
            words = tokenize(text)
            p = ask(model, vocab, [" ".join(words[: end + 1]) for end in range(len(words))])
            right.plot(p, marker="o", label=names[label])
            for step, word in enumerate(words):
                right.annotate(word, (step, p[step]), rotation=45, fontsize=8)
        right.set(
            xlabel="words read", xticks=[], yticks=[0, 0.5, 1], ylabel=f"probability of {names[1]}", ylim=(-0.05, 1.3)
        )
        right.legend()


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


def read(path: Path) -> tuple[list[str], list[tuple[int, str]]]:
    """The two labels of a file, and its examples. The labels are in the column with fewer different values."""
    rows = []
    for number, columns in table(path, "a label", "a text"):
        if len(columns) > 2:
            refuse(path, number, "two columns", f"{len(columns)}", "Keep only the label and the text, and one tab.")
        rows.append(columns)
    column = 0 if len({row[0] for row in rows}) <= len({row[1] for row in rows}) else 1
    counts = Counter(row[column] for row in rows)
    if len(counts) == 3 and counts[rows[0][column]] == 1:
        print(f"The first row of {path} is its header: {listed(rows[0])}.")
        del counts[rows.pop(0)[column]]
    if len(counts) != 2 or min(counts.values()) < 2:
        got = f"{len(counts):,}: {listed(counts)}"
        refuse(path, None, "two different labels, each at least twice", got, "Keep the examples of two labels.")
    labels = sorted(counts)
    print(f"{path} has {' and '.join(f'{counts[label]:,} examples of {label!r}' for label in labels)}.")
    return labels, [(labels.index(row[column]), row[1 - column].lower()) for row in rows]


def bag(text: str) -> tuple[str, ...]:
    return tuple(sorted(tokenize(text)))


def split(examples, rng, share=0.25) -> tuple[list[tuple[int, str]], list[tuple[int, str]]]:
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
