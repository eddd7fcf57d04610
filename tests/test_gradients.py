"""Every backward is the derivative, and the check that says so notices a wrong one."""

from copy import deepcopy
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plain import networks
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
    Unrolled,
    check_gradients,
)
from vanilla_rnn.embedding import Embedded, EmbeddingGradients
from vanilla_rnn.packing import Ragged
from vanilla_rnn.unroll import CellGradients, UnrolledCell

seeds = st.integers(0, 2**32 - 1)
right = 1e-11


def ids_and_lengths(rng, batch, time, count):
    """Token ids, some of them repeated, and lengths, 0 and full among them."""
    lengths = rng.integers(0, time + 1, batch)
    lengths[:2] = [time, 0][: len(lengths)]
    return rng.integers(0, count, (batch, time)), lengths


@settings(max_examples=60)
@given(networks())
def test_rnn(case):
    assert check_gradients(case["rnn"], case["x"], case["h_0"], case["lengths"]) < right


@given(seeds, st.sampled_from([(), (3,), (2, 3)]), st.sampled_from(["tanh", "relu"]))
def test_cell(seed, leading, nonlinearity):
    rng = np.random.default_rng(seed)
    cell = RNNCell(2, 3, nonlinearity=nonlinearity, rng=rng)
    assert check_gradients(cell, rng.standard_normal((*leading, 2)), rng.uniform(-1, 1, (*leading, 3))) < right


@given(seeds)
def test_embedding_and_heads(seed):
    rng = np.random.default_rng(seed)
    assert check_gradients(Embedding(4, 3, rng=rng), rng.integers(0, 4, (2, 5))) < right
    for bidirectional in (False, True):
        rnn = RNN(2, 3, num_layers=2, bidirectional=bidirectional, rng=rng)
        for kind in (ManyToOneHead, ManyToManyHead):
            head = kind(rnn.directions * 3, 2, rng=rng)
            assert check_gradients(head, *rnn(rng.standard_normal((4, 5, 2)))) < right
            assert check_gradients(head, *rnn(rng.standard_normal((5, 2)))) < right


@settings(max_examples=40)
@given(
    seeds,
    st.sampled_from([(ManyToOne, ManyToOneHead), (ManyToMany, ManyToManyHead)]),
    st.integers(1, 2),
    st.booleans(),
    st.integers(0, 4),
    st.integers(1, 4),
)
def test_models_that_answer(seed, kinds, num_layers, bidirectional, time, batch):
    rng = np.random.default_rng(seed)
    tokens, lengths = ids_and_lengths(rng, batch, time, 4)
    rnn = RNN(3, 2, num_layers=num_layers, bidirectional=bidirectional, rng=rng)
    head = kinds[1](rnn.directions * 2, 2, rng=rng)
    of_ids, of_vectors = kinds[0](rnn, head, embedding=Embedding(4, 3, rng=rng)), kinds[0](rnn, head)
    assert check_gradients(of_ids, tokens, lengths) < right
    assert check_gradients(of_ids, tokens[0]) < right
    assert check_gradients(of_vectors, rng.standard_normal((batch, time, 3)), lengths) < right


@settings(max_examples=25)
@given(seeds, st.integers(1, 2), st.integers(0, 4), st.integers(1, 4), st.booleans())
def test_models_that_write(seed, num_layers, time, batch, begins):
    rng = np.random.default_rng(seed)
    tokens, lengths = ids_and_lengths(rng, batch, time, 6)
    embedding, rnn = Embedding(6, 3, rng=rng), RNN(3, 2, num_layers=num_layers, rng=rng)
    specials = {} if begins else {"bos_idx": None, "eos_idx": None}
    decoder = Decoder(rnn, ManyToManyHead(2, 6, rng=rng), embedding, **specials)
    assert check_gradients(decoder, tokens, lengths, rng.uniform(-1, 1, (num_layers, batch, 2))) < right
    assert check_gradients(decoder, tokens[0], None, rng.uniform(-1, 1, (num_layers, 2))) < right
    captioner = OneToMany(5, decoder, rng=rng)
    assert check_gradients(captioner, rng.standard_normal((batch, 5)), tokens, lengths) < right
    assert check_gradients(captioner, rng.standard_normal(5), tokens[0]) < right
    encoder = RNN(3, 2, num_layers=num_layers, rng=rng)
    source, source_lengths = ids_and_lengths(rng, batch, time + 2, 6)
    for source_embedding in (Embedding(6, 3, rng=rng), embedding):  # of its own, and shared with the decoder
        translator = EncoderDecoder(encoder, decoder, embedding=source_embedding)
        assert check_gradients(translator, source, tokens, source_lengths, lengths) < right
    of_vectors = EncoderDecoder(encoder, decoder)
    assert check_gradients(of_vectors, rng.standard_normal((batch, 4, 3)), tokens, None, lengths) < right


def test_a_tied_weight_gets_the_gradients_of_all_its_places():
    rng = np.random.default_rng(0)
    embedding, head = Embedding(6, 4, rng=rng), ManyToManyHead(4, 6, rng=rng)
    head.W_hy = embedding.vectors
    decoder = Decoder(RNN(4, 4, rng=rng), head, embedding)
    assert next(iter(decoder.parameters())) == "embedding.vectors"
    assert "head.W_hy" not in decoder.parameters()
    assert check_gradients(decoder, rng.integers(0, 6, (3, 5))) < right


def test_float32_gradients_stay_near_the_derivative():
    rng = np.random.default_rng(1)
    model = ManyToOne(RNN(3, 4, dtype=np.float32, rng=rng), ManyToOneHead(4, 2, dtype=np.float32, rng=rng))
    assert 0 < check_gradients(model, rng.standard_normal((3, 6, 3)), [6, 0, 4]) < 1e-4


# What a wrong backward looks like. Each is put in the place of the right one, and the check must be loud.


def not_transposed(run, d_h, d_h_n):
    """W_hh where its transpose belongs."""
    wrong = run._replace(cell=deepcopy(run.cell))
    wrong.cell.W_hh = wrong.cell.W_hh.T.copy()
    return RIGHT_UNROLLED(wrong, d_h, d_h_n)


def future_dropped(run, d_h, d_h_n):
    """Each step's own share alone."""
    wrong = run._replace(cell=deepcopy(run.cell))
    wrong.cell.W_hh = np.zeros_like(wrong.cell.W_hh)
    return RIGHT_UNROLLED(wrong, d_h, d_h_n)


def future_dropped_from_inputs(run, d_h, d_h_n):
    """Weight gradients right, input gradients without the future's share."""
    only_own = future_dropped(run, d_h.copy(), d_h_n.copy())
    return RIGHT_UNROLLED(run, d_h, d_h_n)._replace(d_x=only_own.d_x)


def stale_state(run, d_h, d_h_n):
    """d_W_hh with h_t where h_{t-1} belongs."""
    found = RIGHT_UNROLLED(run, d_h, d_h_n)
    return found._replace(d_parameters=found.d_parameters | {"W_hh": found.d_a.T @ run.h})


def no_initial_state(run, d_h, d_h_n):
    found = RIGHT_UNROLLED(run, d_h, d_h_n)
    return CellGradients(found.d_x, np.zeros_like(found.d_h_0), found.d_a, found.d_parameters)


def overwritten(embedded, d_vectors):
    """Of repeated ids the last one wins."""
    table = np.zeros((embedded._num_embeddings, embedded.vectors.shape[-1]))
    table[embedded.ids] = d_vectors
    return EmbeddingGradients({"vectors": table})


def padded_step_counted(layout, values):
    """The gradient of a row's last step taken from the padding behind it."""
    rows = RIGHT_PACK(layout, values)
    if values.shape[-1] == 4 and layout.sizes:  # the states', not the inputs'
        rows[: layout.sizes[0]] = values[layout.order[: layout.sizes[0]], -1]
    return rows


def reversed_with_padding(layout, rows):
    """The reverse direction's rows flipped in the whole array, whatever their lengths."""
    whole = layout.unpack(rows)[:, ::-1]
    return RIGHT_PACK(layout, whole)


RIGHT_UNROLLED, RIGHT_PACK = UnrolledCell.backward, Ragged.pack


@pytest.mark.parametrize(
    ("place", "name", "wrong"),
    [
        (UnrolledCell, "backward", not_transposed),
        (UnrolledCell, "backward", future_dropped),
        (UnrolledCell, "backward", future_dropped_from_inputs),
        (UnrolledCell, "backward", stale_state),
        (UnrolledCell, "backward", no_initial_state),
        (Embedded, "backward", overwritten),
        (Ragged, "pack", padded_step_counted),
        (Ragged, "flip", reversed_with_padding),
    ],
)
def test_a_wrong_gradient_is_noticed(monkeypatch, place, name, wrong):
    rng = np.random.default_rng(2)
    rnn = RNN(3, 4, bidirectional=wrong is reversed_with_padding, rng=rng)
    if wrong is overwritten:
        case = Embedding(3, 2, rng=rng), np.array([[0, 1, 0], [2, 2, 0]])
    else:
        lengths = [5, 2, 3] if place is Ragged else None
        case = rnn, rng.standard_normal((3, 5, 3)), rng.uniform(-1, 1, (rnn.directions, 3, 4)), lengths
    assert check_gradients(*case) < right
    if place is Embedded:
        monkeypatch.setattr(place, name, wrong)
    else:  # wrong in backward alone, for a forward that is wrong in the same way would agree with it

        def wrong_backward(self, d_output=None, d_h_n=None):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(place, name, wrong)
                return right_backward(self, d_output, d_h_n)

        right_backward = Unrolled.backward
        monkeypatch.setattr(Unrolled, "backward", wrong_backward)
    assert check_gradients(*case) > 1e-3


class Doubled:
    """y = 2 x, with a gradient that is right, missing, or of the wrong shape."""

    def __init__(self, gradient):
        self.factor, self.gradient = np.array([2.0]), gradient

    def parameters(self):
        return {"factor": self.factor}

    def forward(self, x):
        return DoubledRun(self, x)


class Extra(Doubled):
    """With a gradient of what is no parameter."""

    def forward(self, x):
        run = DoubledRun(self, x)
        right_backward = run.backward

        def backward(d_y):
            right_backward(d_y).d_parameters["bogus"] = d_y
            return run

        run.backward = backward
        return run


class Deaf(Doubled):
    """Without a gradient of its input."""

    def forward(self, x):
        run = DoubledRun(self, x)
        run.backward = lambda d_y: SimpleNamespace(d_parameters={"factor": np.array([(x * d_y).sum()])})
        return run


class DoubledRun:
    def __init__(self, module, x):
        self.module, self.x, self.y = module, x, module.factor * x

    def backward(self, d_y):
        self.d_x = self.module.factor * d_y
        self.d_parameters = {} if self.module.gradient is None else {"factor": self.module.gradient(self.x, d_y)}
        return self


def test_a_module_of_one_s_own():
    x = np.array([1.0, 2.0, 3.0])
    assert check_gradients(Doubled(lambda x, d_y: np.array([(x * d_y).sum()])), x) < right
    assert check_gradients(Doubled(lambda *_: np.array([1e9])), x) > 1e3
    assert check_gradients(Doubled(lambda *_: np.array([0.0])), np.zeros(3)) == 0.0
    assert check_gradients(Doubled(lambda *_: np.array([1.0])), np.zeros(3)) == np.inf
    assert check_gradients(Doubled(lambda *_: np.array([np.nan])), x) == np.inf
    with pytest.raises(
        ValueError, match="the gradient of factor must be there if and only if it is a parameter, got none"
    ):
        check_gradients(Doubled(None), x)
    with pytest.raises(ValueError, match=r"the gradient of factor must be .*1,.*got shape .3,"):
        check_gradients(Doubled(lambda x, d_y: x * d_y), x)
    right_factor = lambda x, d_y: np.array([(x * d_y).sum()])  # noqa: E731
    with pytest.raises(ValueError, match="the gradient of bogus must be .*got one of what isn't a parameter"):
        check_gradients(Extra(right_factor), x)
    with pytest.raises(ValueError, match="the gradient of x must be what backward calls d_x, got none"):
        check_gradients(Deaf(right_factor), x)
    assert check_gradients(Doubled(lambda x, d_y: [float((x * d_y).sum())]), x) < right
