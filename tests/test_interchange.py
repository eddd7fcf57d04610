"""Weights go to PyTorch's and Keras's layouts and back; what doesn't fit is refused whole. Parity is in test_parity."""

import numpy as np
import pytest
from hypothesis import given

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
    load_keras_weights,
    load_torch_state_dict,
    to_keras_weights,
    to_onnx,
    to_torch_state_dict,
)
from vanilla_rnn._parameters import Module


def decoder(rng):
    return Decoder(RNN(2, 3, rng=rng), ManyToManyHead(3, 7, rng=rng), Embedding(7, 2, rng=rng))


MODELS = {
    "many to one": lambda rng: ManyToOne(RNN(2, 3, bidirectional=True, rng=rng), ManyToOneHead(6, 4, rng=rng)),
    "many to many": lambda rng: ManyToMany(
        RNN(2, 3, bias=False, rng=rng), ManyToManyHead(3, 4, bias=False, rng=rng), embedding=Embedding(5, 2, rng=rng)
    ),
    "decoder": decoder,
    "one to many": lambda rng: OneToMany(4, decoder(rng), rng=rng),
    "encoder-decoder": lambda rng: EncoderDecoder(RNN(5, 3, rng=rng), decoder(rng)),
}


def same(one, other):
    assert one.parameters().keys() == other.parameters().keys()
    for path, values in one.parameters().items():
        np.testing.assert_array_equal(values, other.parameters()[path], err_msg=path)


@pytest.mark.parametrize("name", MODELS)
def test_pytorch_s_layout_and_back(name):
    one, other = (MODELS[name](np.random.default_rng(seed)) for seed in (0, 1))
    load_torch_state_dict(other, to_torch_state_dict(one))
    same(one, other)


@given(case=networks())
def test_networks_of_any_kind_and_back(case):
    rnn = case["rnn"]
    names = to_torch_state_dict(rnn)
    keras = to_keras_weights(rnn)
    before = {path: values.copy() for path, values in rnn.parameters().items()}
    for load, given_ in ((load_torch_state_dict, names), (load_keras_weights, keras)):
        for values in rnn.parameters().values():
            values[...] = 0
        load(rnn, given_)
        for path, values in rnn.parameters().items():
            np.testing.assert_array_equal(values, before[path])


def test_the_names_are_pytorch_s():
    names = to_torch_state_dict(RNN(2, 3, num_layers=2, bidirectional=True, rng=0))
    assert list(names) == [
        f"{kind}_l{layer}{end}"
        for layer in (0, 1)
        for end in ("", "_reverse")
        for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    ]
    assert names["weight_ih_l1_reverse"].shape == (3, 6)
    assert not names["bias_hh_l0"].any()
    assert set(to_torch_state_dict(MODELS["one to many"](np.random.default_rng(0)))) == {
        "context.weight", "context.bias", "decoder.embedding.weight", "decoder.rnn.weight_ih_l0", "decoder.rnn.weight_hh_l0",
        "decoder.rnn.bias_ih_l0", "decoder.rnn.bias_hh_l0", "decoder.head.weight", "decoder.head.bias",
    }  # fmt: skip


def test_both_biases_count():
    rnn = RNN(2, 3, rng=0)
    names = to_torch_state_dict(rnn)
    names["bias_ih_l0"], names["bias_hh_l0"] = np.array([1.0, 2.0, 3.0]), np.array([0.5, 0.25, 0.125])
    load_torch_state_dict(rnn, names)
    np.testing.assert_array_equal(rnn.cells[0].b_h, [1.5, 2.25, 3.125])


def test_a_cell_in_two_layers_gets_its_weights_once():
    cell = RNNCell(3, 3, rng=0)
    rnn = RNN.from_cells([cell, cell])
    before = cell.b_h.copy()
    names = to_torch_state_dict(rnn)
    for layer in (0, 1):
        names[f"bias_hh_l{layer}"] += 1.0
    load_torch_state_dict(rnn, names)
    np.testing.assert_array_equal(cell.b_h, before + 1)


def test_keras_s_order_and_layout():
    model = MODELS["many to many"](np.random.default_rng(0))
    embeddings, kernel, recurrent_kernel, dense = to_keras_weights(model)
    np.testing.assert_array_equal(embeddings, model.embedding.vectors)
    np.testing.assert_array_equal(kernel, model.rnn.cells[0].W_xh.T)
    np.testing.assert_array_equal(recurrent_kernel, model.rnn.cells[0].W_hh.T)
    np.testing.assert_array_equal(dense, model.head.W_hy.T)
    other = MODELS["many to many"](np.random.default_rng(1))
    load_keras_weights(other, [embeddings, kernel, recurrent_kernel, dense])
    same(model, other)
    biased = ManyToOne(RNN(2, 3, rng=0), ManyToOneHead(3, 1, rng=0))
    assert [values.shape for values in to_keras_weights(biased)] == [(2, 3), (3, 3), (3,), (3, 1), (1,)]


def test_what_is_given_is_copied():
    rnn = RNN(2, 3, rng=0)
    before = rnn.cells[0].W_hh.copy()
    to_torch_state_dict(rnn)["weight_hh_l0"][...] = 0
    to_keras_weights(rnn)[1][...] = 0
    np.testing.assert_array_equal(rnn.cells[0].W_hh, before)


class Tensor:
    """As much of a tensor as matters: it can't be read while it is on a graph."""

    def __init__(self, values, on_graph=True):
        self.values, self.on_graph = values, on_graph

    def detach(self):
        return Tensor(self.values, on_graph=False)

    def cpu(self):
        return self

    def __array__(self, dtype=None, copy=None):
        assert not self.on_graph
        return np.array(self.values, dtype=dtype)


def test_tensors_are_taken_off_their_graph():
    rnn, other = RNN(2, 3, rng=0), RNN(2, 3, rng=1)
    load_torch_state_dict(other, {name: Tensor(values.tolist()) for name, values in to_torch_state_dict(rnn).items()})
    same(rnn, other)


def test_what_does_not_fit_is_refused_whole():
    rnn = RNN(2, 3, rng=0)
    before = {path: values.copy() for path, values in rnn.parameters().items()}
    good = to_torch_state_dict(RNN(2, 3, rng=1))
    bad = {
        "got one without 'bias_hh_l0'. Layers": {name: values for name, values in good.items() if name != "bias_hh_l0"},
        "got one with 'weight_ih_l1'. Layers": good | {"weight_ih_l1": np.ones((3, 3))},
        "bias_hh_l0 must be an array of 1 axis, of shape": good | {"bias_hh_l0": np.ones(4)},
        "weight_hh_l0 must be finite numbers": good | {"weight_hh_l0": np.full((3, 3), np.nan)},
        "bias_ih_l0 . bias_hh_l0 must be finite": good
        | dict.fromkeys(["bias_ih_l0", "bias_hh_l0"], np.full(3, 1.7e308)),
    }
    for words, names in bad.items():
        with pytest.raises(ValueError, match=words), np.errstate(over="ignore"):
            load_torch_state_dict(rnn, names)
    with pytest.raises(TypeError, match="weight_hh_l0 must be an array of numbers"):
        load_torch_state_dict(rnn, good | {"weight_hh_l0": [["a"] * 3] * 3})
    keras = to_keras_weights(rnn)
    for words, weights in (
        ("weights must be 3 arrays: 'cells.0 kernel', 'cells.0 recurrent_kernel', 'cells.0 bias', got 2", keras[:2]),
        (r"weights\[0\] \(cells.0 kernel\) must be an array of 2 axes, of shape \(2, 3\)", [keras[0].T, *keras[1:]]),
        (r"weights\[2\] \(cells.0 bias\) must be finite", [*keras[:2], [0, np.inf, 0]]),
    ):
        with pytest.raises(ValueError, match=words):
            load_keras_weights(rnn, weights)
    for path, values in rnn.parameters().items():
        np.testing.assert_array_equal(values, before[path])


def test_modules_without_a_counterpart():
    cell, model = RNNCell(2, 3, rng=0), MODELS["one to many"](np.random.default_rng(0))
    with pytest.raises(
        TypeError, match=r"to_torch_state_dict: module must be .*got RNNCell.*RNN\.from_cells\(\[cell\]\)"
    ):
        to_torch_state_dict(cell)

    class Mine(Module):
        def __init__(self):
            self.rnn, self.scale = RNN(2, 3, rng=0), np.ones(3)

        def _signature(self):
            return "Mine()"

    with pytest.raises(TypeError, match="to_torch_state_dict: module must be .*got Mine"):
        to_torch_state_dict(Mine())  # whose scale would be lost
    with pytest.raises(TypeError, match="load_torch_state_dict: module must be .*got None"):
        load_torch_state_dict(None, {})
    with pytest.raises(TypeError, match="to_keras_weights: module must be .*OneToMany.*Pass its parts"):
        to_keras_weights(model)
    with pytest.raises(TypeError, match="to_onnx: model must be an RNN, ManyToOne or ManyToMany.*which a graph can't"):
        to_onnx(model)
