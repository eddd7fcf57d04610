"""Every backward is the derivative, and `check_gradients` reports a wrong one."""

import warnings
from copy import deepcopy
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plain import ANY_CELL, SEEDS, GRUCell, LeakyCell, examples, networks
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
    RNNRun,
    check_gradients,
)
from vanilla_rnn.packing import Ragged
from vanilla_rnn.unroll import unroll_cell_backward

RIGHT = 1e-11  # the largest error of a right backward


def ids_and_lengths(rng, batch, time, count):
    """Token ids, some of them repeated, and lengths, the longest and 0 among them."""
    lengths = rng.integers(0, time + 1, batch)
    lengths[:2] = [time, 0][:batch]
    return rng.integers(0, count, (batch, time)), lengths


@examples(60)
@given(networks(cells=ANY_CELL))
def test_rnn(case):
    assert check_gradients(case["rnn"], case["x"], case["h_0"], case["lengths"]) < RIGHT


@pytest.mark.parametrize("share", [lambda W: W, lambda W: W[:]])
def test_a_cell_that_uses_one_matrix_twice(share):
    cell = RNNCell(3, 3, rng=0)
    cell.W_hh = share(cell.W_xh)
    assert list(cell.forward(np.ones(3)).backward(np.ones(3)).d_parameters) == ["W_xh", "b_h"]
    assert check_gradients(cell, *np.random.default_rng(1).standard_normal((2, 4, 3))) < RIGHT


def test_a_cell_whose_weights_overlap_in_part_is_refused():
    cell = RNNCell(3, 3, rng=0)
    cell.W_hh = cell.W_xh.T
    with pytest.raises(ValueError, match="W_hh must be an array that doesn't overlap W_xh"):
        cell(np.ones(3))


@examples(15)
@given(SEEDS)
def test_embedding_and_heads(seed):
    rng = np.random.default_rng(seed)
    assert check_gradients(Embedding(4, 3, rng=rng), rng.integers(0, 4, (2, 5))) < RIGHT
    for bidirectional in (False, True):
        rnn = RNN(2, 3, num_layers=2, bidirectional=bidirectional, rng=rng)
        for kind in (ManyToOneHead, ManyToManyHead):
            head = kind(rnn.directions * 3, 2, rng=rng)
            assert check_gradients(head, *rnn(rng.standard_normal((4, 5, 2)))) < RIGHT
            assert check_gradients(head, *rnn(rng.standard_normal((5, 2)))) < RIGHT


@pytest.mark.parametrize(("kind", "head_kind"), [(ManyToOne, ManyToOneHead), (ManyToMany, ManyToManyHead)])
@examples(20)
@given(SEEDS, st.integers(1, 2), st.booleans(), st.integers(0, 4), st.integers(1, 4))
def test_models_that_read(kind, head_kind, seed, num_layers, bidirectional, time, batch):
    rng = np.random.default_rng(seed)
    tokens, lengths = ids_and_lengths(rng, batch, time, 4)
    rnn = RNN(3, 2, num_layers=num_layers, bidirectional=bidirectional, rng=rng)
    head = head_kind(rnn.directions * 2, 2, rng=rng)
    of_ids, of_vectors = kind(rnn, head, embedding=Embedding(4, 3, rng=rng)), kind(rnn, head)
    h_0 = rng.uniform(-1, 1, (len(rnn.cells), batch, 2))
    assert check_gradients(of_ids, tokens, lengths, h_0) < RIGHT
    assert check_gradients(of_ids, tokens[0]) < RIGHT
    assert check_gradients(of_vectors, rng.standard_normal((batch, time, 3)), lengths, h_0) < RIGHT


@examples(25)
@given(SEEDS, st.integers(1, 2), st.integers(0, 4), st.integers(1, 4), st.sampled_from([(2, 3), (None, None)]))
def test_models_that_write(seed, num_layers, time, batch, specials):
    rng = np.random.default_rng(seed)
    tokens, lengths = ids_and_lengths(rng, batch, time, 6)
    embedding, rnn = Embedding(6, 3, rng=rng), RNN(3, 2, num_layers=num_layers, rng=rng)
    decoder = Decoder(rnn, ManyToManyHead(2, 6, rng=rng), embedding, bos_idx=specials[0], eos_idx=specials[1])
    assert check_gradients(decoder, tokens, lengths, rng.uniform(-1, 1, (num_layers, batch, 2))) < RIGHT
    assert check_gradients(decoder, tokens[0], None, rng.uniform(-1, 1, (num_layers, 2))) < RIGHT
    captioner = OneToMany(5, decoder, rng=rng)
    assert check_gradients(captioner, rng.standard_normal((batch, 5)), tokens, lengths) < RIGHT
    assert check_gradients(captioner, rng.standard_normal(5), tokens[0]) < RIGHT
    encoder = RNN(3, 2, num_layers=num_layers, rng=rng)
    source, source_lengths = ids_and_lengths(rng, batch, time + 2, 6)
    for source_embedding in (Embedding(6, 3, rng=rng), embedding):  # of its own, and shared with the decoder
        translator = EncoderDecoder(encoder, decoder, embedding=source_embedding)
        assert check_gradients(translator, source, tokens, source_lengths, lengths) < RIGHT
    of_vectors = EncoderDecoder(encoder, decoder)
    assert check_gradients(of_vectors, rng.standard_normal((batch, 4, 3)), tokens, None, lengths) < RIGHT


# --- parts of our own


class ScaledEmbedding(Embedding):
    def forward(self, ids):
        run = super().forward(ids)
        return SimpleNamespace(
            ids=run.ids, vectors=3.0 * run.vectors, backward=lambda d_vectors: run.backward(3.0 * np.asarray(d_vectors))
        )


class HalfRNN(RNN):
    def forward(self, x, h_0=None, lengths=None):
        return super().forward(x, None if h_0 is None else 0.5 * np.asarray(h_0), lengths)


class ShiftedHead(ManyToManyHead):
    def forward(self, output, h_n):
        return super().forward(np.asarray(output) + 1.0, h_n)


def test_a_network_s_own_forward_gets_all_arguments():
    rng = np.random.default_rng(0)
    rnn, x, h_0 = HalfRNN(2, 3, rng=rng), rng.standard_normal((2, 4, 2)), rng.standard_normal((1, 2, 3))
    run = rnn.forward(x, h_0, [4, 2])
    for result, expected in zip(rnn(x, h_0, [4, 2]), (run.output, run.h_n), strict=True):
        np.testing.assert_array_equal(result, expected)


def test_the_own_forward_of_every_part_is_used_and_checked():
    rng = np.random.default_rng(0)
    cells = [LeakyCell(3, 4, rng=rng), GRUCell(3, 4, rng=rng), GRUCell(8, 4, rng=rng), LeakyCell(8, 4, rng=rng)]
    rnn = HalfRNN.from_cells(cells, bidirectional=True)
    model = ManyToMany(rnn, ShiftedHead(8, 2, rng=rng), embedding=ScaledEmbedding(6, 3, rng=rng))
    tokens, lengths = ids_and_lengths(rng, 4, 5, 6)
    vectors = 3.0 * model.embedding.vectors[tokens]
    np.testing.assert_array_equal(model.embedding(tokens), vectors)
    output, h_n = RNN.from_cells(cells, bidirectional=True)(vectors, lengths=lengths)
    expected = ManyToManyHead.from_weights(model.head.W_hy, model.head.b_y)(output + 1.0, h_n)
    np.testing.assert_array_equal(model.head(output, h_n), expected)
    np.testing.assert_array_equal(model(tokens, lengths), expected)
    assert check_gradients(model, tokens, lengths) < RIGHT
    assert check_gradients(model.embedding, tokens) < RIGHT
    assert check_gradients(model.head, output, h_n) < RIGHT
    assert check_gradients(rnn, vectors, rng.uniform(-1, 1, h_n.shape)) > 0.1  # d_h_0 lacks the factor 0.5


def tied_decoder(tie):
    rng = np.random.default_rng(0)
    embedding, head = Embedding(6, 4, rng=rng), ManyToManyHead(4, 6, rng=rng)
    head.W_hy = tie(embedding.vectors)
    return Decoder(RNN(4, 4, rng=rng), head, embedding, bos_idx=2, eos_idx=3)


@pytest.mark.parametrize("tie", [lambda vectors: vectors, lambda vectors: vectors[:], lambda vectors: vectors.T.T])
def test_a_tied_weight_gets_the_gradients_of_all_its_places(tie):
    decoder = tied_decoder(tie)
    assert next(iter(decoder.parameters())) == "embedding.vectors"
    assert "head.W_hy" not in decoder.parameters()
    tokens, d_logits = np.array([[4, 5, 4, 1], [0, 3, 5, 2]]), np.random.default_rng(1).standard_normal((2, 5, 6))
    tied, free = (d.forward(tokens).backward(d_logits).d_parameters for d in (decoder, tied_decoder(np.copy)))
    np.testing.assert_allclose(tied["embedding.vectors"], free["embedding.vectors"] + free["head.W_hy"])
    assert check_gradients(decoder, tokens) < RIGHT


def test_a_sum_of_the_gradients_of_two_places_that_overflows_is_infinite():
    decoder = tied_decoder(lambda vectors: vectors)
    run = decoder.forward([4, 5])
    d_logits = np.zeros(run.logits.shape)
    d_logits[0] = 1e308 / run.rnn_run.output[0, 0]
    d_logits[1] = 1e308 / run.rnn_run.output[1, 0]
    assert np.isinf(run.backward(d_logits).d_parameters["embedding.vectors"]).any()


@pytest.mark.parametrize(
    "tie", [lambda vectors: vectors[::-1], lambda vectors: np.lib.stride_tricks.as_strided(vectors, strides=(8, 8))]
)
def test_a_weight_that_overlaps_another_in_another_way_is_refused(tie):
    with pytest.raises(
        ValueError, match="head.W_hy must be an array that doesn't overlap embedding.vectors, got a view of it"
    ):
        tied_decoder(tie).parameters()


def test_weights_that_are_a_row_apart_are_refused():
    decoder, rows = tied_decoder(np.copy), np.random.default_rng(0).standard_normal((7, 4))
    decoder.embedding.vectors, decoder.head.W_hy = rows[:6], rows[1:]
    with pytest.raises(ValueError, match="head.W_hy must be an array that doesn't overlap embedding.vectors"):
        decoder.parameters()


def test_two_views_of_one_array_are_one_weight():
    cell, x = RNNCell(3, 3, bias=False, rng=0), np.random.default_rng(1).standard_normal((2, 4, 3))
    square = cell.W_hh
    cell.W_xh, cell.W_hh = square[:], square[:]
    rnn = RNN.from_cells([cell])
    assert list(rnn.parameters()) == list(rnn.forward(x).backward(x).d_parameters) == ["cells.0.W_xh"]


def test_views_of_different_arrays_are_different_weights():
    decoder = tied_decoder(lambda vectors: vectors.copy()[:])
    assert {"embedding.vectors", "head.W_hy"} <= decoder.parameters().keys()


def test_float32_gradients_are_close_to_the_derivative():
    rng = np.random.default_rng(1)
    model = ManyToOne(RNN(3, 4, dtype=np.float32, rng=rng), ManyToOneHead(4, 2, dtype=np.float32, rng=rng))
    assert 0 < check_gradients(model, rng.standard_normal((3, 6, 3)), [6, 0, 4]) < 1e-4


# --- wrong gradients: each replaces a right function, and the check must report it


def with_W_hh(unrolled, change):  # noqa: N802
    """The same, with another W_hh for backward to use."""
    other = unrolled._replace(cell=deepcopy(unrolled.cell))
    other.cell.W_hh = change(unrolled.cell.W_hh)
    return other


def not_transposed(unrolled, d_h, d_h_n):
    """W_hh where its transpose belongs."""
    return unroll_cell_backward(with_W_hh(unrolled, lambda W_hh: W_hh.T.copy()), d_h, d_h_n)


def without_future(unrolled, d_h, d_h_n):
    """Only the part from each step's own output."""
    return unroll_cell_backward(with_W_hh(unrolled, np.zeros_like), d_h, d_h_n)


def without_future_in_d_x(unrolled, d_h, d_h_n):
    d_x = without_future(unrolled, d_h.copy(), d_h_n.copy()).d_x
    return unroll_cell_backward(unrolled, d_h, d_h_n)._replace(d_x=d_x)


def later_state(unrolled, d_h, d_h_n):
    """d_W_hh with h_t where h_{t-1} belongs."""
    gradients = unroll_cell_backward(unrolled, d_h, d_h_n)
    return gradients._replace(d_parameters=gradients.d_parameters | {"W_hh": gradients.d_a.T @ unrolled.h})


def without_d_h_0(unrolled, d_h, d_h_n):
    gradients = unroll_cell_backward(unrolled, d_h, d_h_n)
    return gradients._replace(d_h_0=np.zeros_like(gradients.d_h_0))


def last_id_only(d_x, ids, num_embeddings):
    """The gradients of a repeated id aren't added."""
    d_vectors = np.zeros((num_embeddings, d_x.shape[-1]))
    d_vectors[ids] = d_x
    return d_vectors


def padding_counts(layout, values, pack=Ragged.pack):
    """The gradient of the first step is taken from the padding."""
    rows = pack(layout, values)
    rows[: layout.sizes[0]] = values[layout.order[: layout.sizes[0]], -1]
    return rows


def reversed_with_padding(layout, rows, pack=Ragged.pack):
    """The reverse direction's rows are flipped in the whole array, whatever their lengths."""
    return pack(layout, layout.unpack(rows)[:, ::-1])


@pytest.mark.parametrize(
    ("place", "wrong"),
    [
        ("rnn.unroll_cell_backward", not_transposed),
        ("rnn.unroll_cell_backward", without_future),
        ("rnn.unroll_cell_backward", without_future_in_d_x),
        ("rnn.unroll_cell_backward", later_state),
        ("rnn.unroll_cell_backward", without_d_h_0),
        ("embedding.embed_backward", last_id_only),
        ("packing.Ragged.pack", padding_counts),
        ("packing.Ragged.flip", reversed_with_padding),
    ],
)
def test_a_wrong_gradient_is_reported(monkeypatch, place, wrong):
    rng = np.random.default_rng(2)
    case = Embedding(3, 2, rng=rng), np.array([[0, 1, 0], [2, 2, 0]])
    if wrong is not last_id_only:
        rnn = RNN(3, 4, bidirectional=wrong is reversed_with_padding, rng=rng)
        lengths = [5, 2, 3] if "Ragged" in place else None
        case = rnn, rng.standard_normal((3, 5, 3)), rng.uniform(-1, 1, (rnn.directions, 3, 4)), lengths
    assert check_gradients(*case) < RIGHT
    right_backward = RNNRun.backward

    def wrong_backward(self, d_output=None, d_h_n=None):
        with pytest.MonkeyPatch.context() as patch:  # a forward that is wrong in the same way would agree
            patch.setattr(f"vanilla_rnn.{place}", wrong)
            return right_backward(self, d_output, d_h_n)

    if wrong is last_id_only:
        monkeypatch.setattr(f"vanilla_rnn.{place}", wrong)
    monkeypatch.setattr(RNNRun, "backward", wrong_backward)
    assert check_gradients(*case) > 1e-3


# --- a module of our own


class Scale:
    """``y = factor x``, whose backward can return anything in place of its gradients."""

    def __init__(self, **replaced):
        self.factor, self.replaced = np.array([2.0]), replaced

    def parameters(self):
        return {"factor": self.factor}

    def forward(self, x):
        return ScaleRun(self, x)


class ScaleRun:
    def __init__(self, module, x):
        self.factor, self.replaced, self.x, self.y = module.factor, module.replaced, x, module.factor * x

    def backward(self, d_y):
        gradients = {"d_x": self.factor * d_y, "d_parameters": {"factor": np.array([(self.x * d_y).sum()])}}
        return SimpleNamespace(
            **{name: value for name, value in (gradients | self.replaced).items() if value is not None}
        )


X = np.array([1.0, 2.0, 3.0])


@pytest.mark.parametrize(
    ("gradient", "x", "smallest", "largest"),
    [
        (np.array([1e9]), X, 1e3, np.inf),
        (np.array([0.0]), X, 1.0, 1.0),
        (np.array([0.0]), X / 1000, 1.0, 1.0),
        ([0.0], np.zeros(3), 0.0, 0.0),
        (np.array([1.0]), np.zeros(3), np.inf, np.inf),
        (np.array([np.nan]), X, np.inf, np.inf),
    ],
)
def test_the_error_is_relative_to_the_derivative(gradient, x, smallest, largest):
    assert smallest <= check_gradients(Scale(d_parameters={"factor": gradient}), x) <= largest


def test_a_module_of_our_own_can_be_right():
    assert check_gradients(Scale(), X) < RIGHT


@pytest.mark.parametrize(
    ("replaced", "message"),
    [
        ({"d_parameters": {}}, "d_parameters must be a dictionary with the keys of .*, got one without 'factor'"),
        ({"d_parameters": {"factor": [9.0], "bogus": X}}, "d_parameters must be .*, got one with 'bogus'"),
        ({"d_parameters": {"factor": X}}, r"the gradient of factor must be .*\(1,\), got shape \(3,\)"),
        ({"d_parameters": {"factor": [[1.0], [2.0, 3.0]]}}, "the gradient of factor must be a rectangular array"),
        ({"d_x": None}, "the gradient of x must be returned by backward as d_x, got none"),
    ],
)
def test_a_gradient_that_belongs_to_nothing_is_refused(replaced, message):
    with pytest.raises(ValueError, match=f"^check_gradients: {message}"):
        check_gradients(Scale(**replaced), X)


def rounded(values):
    """A buffer of real numbers, which loses the imaginary part."""
    buffer = np.zeros(3)
    buffer[...] = values
    return buffer


class Rounding(Scale):
    def forward(self, x):
        run = super().forward(x)
        run.y = rounded(run.y)
        return run


def test_a_forward_that_loses_the_imaginary_part_is_refused():
    with pytest.raises(
        ValueError, match=r"^check_gradients: forward must .* the imaginary part at .*test_gradients.py:\d+: buffer"
    ):
        check_gradients(Rounding(), X)


class Renamed(Scale):
    def forward(self, x):
        warnings.warn("factor will be called gain", FutureWarning, stacklevel=2)
        return super().forward(x)


def test_a_forward_may_warn_of_something_else():
    with pytest.warns(FutureWarning, match="gain"):
        assert check_gradients(Renamed(), X) < RIGHT


@pytest.mark.parametrize("module", [Scale, X, SimpleNamespace(forward=np.tanh), SimpleNamespace(parameters=dict)])
def test_what_is_not_a_module_is_refused(module):
    with pytest.raises(TypeError, match="^check_gradients: module must be a module with forward and parameters"):
        check_gradients(module, X)
