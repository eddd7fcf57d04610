"""What is measured. Each case has contestants, functions that make the calls to time; None if one isn't installed."""

from functools import partial

import contestants
import numpy as np
import tasks

from vanilla_rnn import RNN, Vocab

SHAPES = [  # (batch, time, input, hidden)
    (1, 4, 4, 3),
    (1, 100, 32, 64),
    (1, 1000, 64, 128),
    (16, 50, 64, 64),
    (32, 50, 128, 128),
    (32, 100, 128, 256),
    (64, 100, 256, 512),
    (128, 50, 512, 1024),
]
CONTESTANTS = "ours", "bare", "torch", "jax", "onnxruntime"


def one_shape(shape):
    """One forward, and one training step's forward and backward, of every contestant."""
    return {name: partial(getattr(contestants, name), *shape) for name in CONTESTANTS}


def textbook(batch):
    """The loop of many tutorials."""
    shape = batch, 50, 64, 64
    return {"ours": partial(contestants.ours, *shape), "textbook": partial(contestants.textbook, *shape)}


def lengths(batch, steps, inputs, hidden):
    """The same batch with lengths uniform in 1..steps, and padded."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((batch, steps, inputs), np.float32)
    counts = rng.integers(1, steps + 1, batch)
    d_output = np.ones((batch, steps, hidden), np.float32)

    def calls(given):
        rnn = RNN(inputs, hidden, dtype=np.float32, rng=0)
        return {
            "forward": lambda: rnn(x, lengths=given),
            "training": lambda: rnn.forward(x, lengths=given).backward(d_output),
        }

    return {"ours": partial(calls, counts), "padded": partial(calls, None)}


def stream(steps, inputs, hidden):
    """A thousand steps one at a time, and all at once."""
    rnn = RNN(inputs, hidden, dtype=np.float32, rng=0)
    x = np.random.default_rng(0).standard_normal((steps, inputs), np.float32)

    def one_at_a_time():
        for _ in rnn.stream(x):
            pass

    return {"ours": lambda: {"forward": lambda: rnn(x)}, "stream": lambda: {"forward": one_at_a_time}}


def encoding(count):
    """A vocabulary of characters and the ids of a text of so many, as a text and as a list."""
    text = "".join(np.random.default_rng(0).choice(list("abcdefghijklmnopqrstuvwxyz .,\né"), count))

    def calls(given):
        return {"encoding": lambda: Vocab.from_texts([text], level="char").encode(given)}

    return {"ours": lambda: calls(text), "list": lambda: calls(list(text))}


CASES = {
    **{f"shape {shape}": partial(one_shape, shape) for shape in SHAPES},
    "tagger": tasks.tagger,
    **{f"classifier, {vocab:,} words": partial(tasks.classifier, vocab) for vocab in (4000, 20_000, 60_000)},
    "character model": tasks.characters,
    "series of 8 features": tasks.series,
    **{f"textbook, batch {batch}": partial(textbook, batch) for batch in (1, 16, 32)},
    "lengths": partial(lengths, 64, 100, 128, 256),
    "stream": partial(stream, 1000, 64, 128),
    "20 million characters": partial(encoding, 20_000_000),
}
SMALL = {  # every part on small shapes; no name is one of the names above
    "small shape (2, 6, 5, 4)": partial(one_shape, (2, 6, 5, 4)),
    "small tagger": partial(tasks.tagger, vocab=50, hidden=4),
    "small classifier": partial(tasks.classifier, 50, hidden=4),
    "small character model": partial(tasks.characters, hidden=4, steps=5),
    "small series": partial(tasks.series, hidden=4, steps=5),
    "small textbook": partial(textbook, 1),
    "small lengths": partial(lengths, 3, 6, 5, 4),
    "small stream": partial(stream, 10, 5, 4),
    "small encoding": partial(encoding, 1000),
}
