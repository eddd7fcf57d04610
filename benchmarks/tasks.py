"""Whole training steps, as users write them: batching, forward, loss, backward, clipping and Adam.

Each function makes random data of a task's size and returns the step of this library and that of PyTorch.
"""

import numpy as np

from vanilla_rnn import (
    RNN,
    Adam,
    Decoder,
    Embedding,
    ManyToMany,
    ManyToManyHead,
    ManyToOne,
    ManyToOneHead,
    binary_cross_entropy,
    clip_grad_norm,
    cross_entropy,
    mean_squared_error,
)

KINDS = {"dtype": np.float32, "rng": 0}
BATCH = 32
EXAMPLES = 512  # the batches go through them in turn


def tagger(vocab=4000, hidden=64, tags=17):
    """A tag for every word, read in both directions: sentences of 5 to 40 words."""
    rng = np.random.default_rng(0)
    sentences = [rng.integers(0, vocab, length) for length in rng.integers(5, 41, EXAMPLES)]
    examples = [(words, rng.integers(0, tags, len(words))) for words in sentences]

    def ours():
        parts = RNN(64, hidden, bidirectional=True, **KINDS), ManyToManyHead(2 * hidden, tags, **KINDS)
        return our_step(ManyToMany(*parts, embedding=Embedding(vocab, 64, **KINDS)), cross_entropy, examples)

    def torch():
        return torch_step(examples, vocab, hidden, tags, bidirectional=True, every_step=True)

    return {"ours": ours, "torch": torch}


def classifier(vocab, hidden=64):
    """One answer to a text of 20 to 80 words."""
    rng = np.random.default_rng(0)
    texts = [rng.integers(0, vocab, length) for length in rng.integers(20, 81, EXAMPLES)]
    examples = [(words, int(label)) for words, label in zip(texts, rng.integers(0, 2, EXAMPLES), strict=True)]

    def ours():
        parts = RNN(64, hidden, **KINDS), ManyToOneHead(hidden, 1, **KINDS)
        return our_step(ManyToOne(*parts, embedding=Embedding(vocab, 64, **KINDS)), binary_cross_entropy, examples)

    def torch():
        return torch_step(examples, vocab, hidden, 1)

    return {"ours": ours, "torch": torch}


def characters(vocab=65, hidden=256, steps=50):
    """A language model of characters: BATCH pieces of a text, all of one length."""
    ids = np.random.default_rng(0).integers(0, vocab, (EXAMPLES, steps + 1))

    def ours():
        parts = RNN(64, hidden, **KINDS), ManyToManyHead(hidden, vocab, **KINDS), Embedding(vocab, 64, **KINDS)
        return our_step(Decoder(*parts, bos_idx=None, eos_idx=None), cross_entropy, [(row,) for row in ids])

    def torch():
        return torch_step([(row[:-1], row[1:]) for row in ids], vocab, hidden, vocab, every_step=True)

    return {"ours": ours, "torch": torch}


def series(features=8, hidden=32, steps=48):
    """The next value of a series of several features."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((EXAMPLES, steps, features)).astype(np.float32)
    examples = list(zip(x, rng.standard_normal((EXAMPLES, 1)).astype(np.float32), strict=True))

    def ours():
        parts = RNN(features, hidden, **KINDS), ManyToOneHead(hidden, 1, **KINDS)
        return our_step(ManyToOne(*parts), mean_squared_error, examples)

    def torch():
        return torch_step(examples, None, hidden, 1, features=features)

    return {"ours": ours, "torch": torch}


def batches(examples):
    """One batch after another, without end."""
    while True:
        for start in range(0, len(examples), BATCH):
            yield examples[start : start + BATCH]


def our_step(model, loss, examples):
    """The step of `fit`."""
    optimizer, following = Adam(1e-3), batches(examples)

    def step():
        arguments, labels = model.batch(*zip(*next(following), strict=True))
        run = model.forward(*arguments)
        _, d_logits = loss(run.logits, run.targets if labels is None else labels, lengths=run.lengths)
        gradients = run.backward(d_logits).d_parameters
        clip_grad_norm(gradients, 5.0)
        optimizer.step(model.parameters(), gradients)

    return {"step": step}


def torch_step(examples, vocab, hidden, outputs, *, features=64, bidirectional=False, every_step=False):
    """The same step in PyTorch: sequences of different lengths are padded, packed and unpacked."""
    try:
        import torch
    except ImportError:
        return None
    from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

    embedding = torch.nn.Identity() if vocab is None else torch.nn.Embedding(vocab, features)
    rnn = torch.nn.RNN(features, hidden, batch_first=True, bidirectional=bidirectional)
    head = torch.nn.Linear(hidden * (1 + bidirectional), outputs)
    parameters = [*embedding.parameters(), *rnn.parameters(), *head.parameters()]
    adam, following = torch.optim.Adam(parameters, lr=1e-3), batches(examples)
    equal = len({len(inputs) for inputs, _ in examples}) == 1

    def step():
        batch = next(following)
        adam.zero_grad()
        if equal:
            x = torch.from_numpy(np.stack([inputs for inputs, _ in batch]))
            output, h_n = rnn(embedding(x))
        else:
            lengths = torch.tensor([len(inputs) for inputs, _ in batch])
            x = embedding(pad_sequence([torch.from_numpy(inputs) for inputs, _ in batch], batch_first=True))
            output, h_n = rnn(pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False))
            if every_step:
                output, _ = pad_packed_sequence(output, batch_first=True)
        if every_step:
            targets = pad_sequence([torch.from_numpy(y) for _, y in batch], batch_first=True, padding_value=-100)
            loss = torch.nn.functional.cross_entropy(head(output).flatten(0, 1), targets.flatten())
        elif vocab is None:
            targets = torch.from_numpy(np.stack([y for _, y in batch]))
            loss = torch.nn.functional.mse_loss(head(h_n[-1]), targets)
        else:
            targets = torch.tensor([[float(y)] for _, y in batch])
            loss = torch.nn.functional.binary_cross_entropy_with_logits(head(h_n[-1]), targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 5.0)
        adam.step()

    return {"step": step}
