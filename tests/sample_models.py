"""One model of every kind with random weights, inputs for it, and the model of the worked example."""

import numpy as np

from vanilla_rnn import (
    RNN,
    Decoder,
    Embedding,
    EncoderDecoder,
    ManyToMany,
    ManyToManyHead,
    ManyToOne,
    ManyToOneHead,
    OneToMany,
    RNNCell,
    worked_example,
)

V, E, H = 7, 3, 4  # tokens, values in a token's vector, units
MODELS = ["ManyToOne", "ManyToMany", "Decoder", "language model", "OneToMany", "EncoderDecoder"]


def decoder(rng, *, bos_idx=2, eos_idx=3, dtype=np.float64):
    options = {"dtype": dtype, "rng": rng}
    parts = RNN(E, H, num_layers=2, **options), ManyToManyHead(H, V, **options), Embedding(V, E, **options)
    return Decoder(*parts, bos_idx=bos_idx, eos_idx=eos_idx)


def language_model(rng):
    return decoder(rng, bos_idx=None, eos_idx=None)


def reader(kind, rng, *, bidirectional=False, dtype=np.float64):
    """A ManyToOne or a ManyToMany."""
    options = {"dtype": dtype, "rng": rng}
    rnn = RNN(E, H, num_layers=2, bidirectional=bidirectional, **options)
    head = ManyToOneHead if kind is ManyToOne else ManyToManyHead
    return kind(rnn, head(rnn.directions * H, 2, **options), embedding=Embedding(V, E, **options))


def model_and_inputs(name, rng, dtype=np.float64):
    """A model with random weights, and a batch for its forward: rows of which all, some and none of the steps are real."""
    tokens, lengths = rng.integers(0, V, (3, 4)), np.array([4, 2, 0])
    if name in ("ManyToOne", "ManyToMany"):
        kind = ManyToOne if name == "ManyToOne" else ManyToMany
        return reader(kind, rng, bidirectional=True, dtype=dtype), {"inputs": tokens, "lengths": lengths}
    specials = {"bos_idx": None, "eos_idx": None} if name == "language model" else {}
    model, inputs = decoder(rng, dtype=dtype, **specials), {"tokens": tokens, "lengths": lengths}
    if name == "OneToMany":
        return OneToMany(5, model, rng=rng), {"context": rng.standard_normal((3, 5)), **inputs}
    if name == "EncoderDecoder":
        encoder, embedding = RNN(2, H, num_layers=2, dtype=dtype, rng=rng), Embedding(9, 2, dtype=dtype, rng=rng)
        source = {"source": rng.integers(0, 9, (3, 5)), "source_lengths": np.array([5, 1, 0])}
        return EncoderDecoder(encoder, model, embedding=embedding), source | inputs
    return model, inputs


def row_alone(inputs, row):
    """One row of a batch for a model's forward, without a batch axis, cut at its length."""
    lengths = {"source": inputs.get("source_lengths"), "tokens": inputs["lengths"], "inputs": inputs["lengths"]}
    alone = {name: values[row] for name, values in inputs.items() if "lengths" not in name}
    return {name: values[: lengths[name][row]] if name in lengths else values for name, values in alone.items()}


def worked_model():
    """The network of the worked example, with its embedding and its head."""
    cell = RNNCell.from_weights(worked_example.W_xh, worked_example.W_hh, worked_example.b_h)
    head = ManyToOneHead.from_weights(worked_example.W_hy, worked_example.b_y)
    return ManyToOne(RNN.from_cells([cell]), head, embedding=Embedding.from_vectors(worked_example.EMBEDDINGS))
