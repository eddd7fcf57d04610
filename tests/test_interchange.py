"""Weights go to PyTorch's and Keras's layouts and back; what doesn't fit is refused whole. Parity is in test_parity."""

import numpy as np
import pytest
from hypothesis import given

from needed import needed
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
    """And no others than in the other layer, of which it could keep but one."""
    cell = RNNCell(3, 3, rng=0)
    rnn = RNN.from_cells([cell, cell])
    before = cell.b_h.copy()
    names = to_torch_state_dict(rnn)
    names["bias_hh_l0"] += 1.0
    with pytest.raises(
        ValueError, match="bias_ih_l1 must be equal to bias_ih_l0, for here both are one array, got other numbers"
    ):
        load_torch_state_dict(rnn, names)
    np.testing.assert_array_equal(cell.b_h, before)
    names["bias_ih_l1"] += 1.0  # the sums are equal again, and they are what counts
    load_torch_state_dict(rnn, names)
    np.testing.assert_array_equal(cell.b_h, before + 1)

    keras = to_keras_weights(rnn)
    keras[1][0, 2] += 1.0
    with pytest.raises(
        ValueError, match=r"weights\[4\] \(cells\.1 recurrent_kernel\) must be equal to weights\[1\] \(cells\.0 rec"
    ):
        load_keras_weights(rnn, keras)
    keras[4][0, 2] += 1.0
    expected = cell.W_hh.copy()
    expected[2, 0] += 1.0
    load_keras_weights(rnn, keras)
    np.testing.assert_array_equal(cell.W_hh, expected)


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_a_head_that_shares_the_embedding_s_vectors_gets_one_table(size):
    """In Keras's list one is the transpose of the other."""
    rng = np.random.default_rng(0)
    embedding = Embedding(7, size, rng=rng)
    model = ManyToMany(RNN(size, size, rng=rng), ManyToManyHead(size, 7, bias=False, rng=rng), embedding=embedding)
    model.head.W_hy = embedding.vectors
    for to, load, first, last, turn in (
        (to_torch_state_dict, load_torch_state_dict, "embedding.weight", "head.weight", np.array),
        (to_keras_weights, load_keras_weights, 0, -1, np.transpose),
    ):
        other = rng.standard_normal((7, size))
        before = embedding.vectors.copy()
        given_ = to(model)
        given_[last] = turn(other)
        with pytest.raises(ValueError, match="must be equal to .*(embedding.weight|embeddings).*one array"):
            load(model, given_)
        np.testing.assert_array_equal(embedding.vectors, before)
        given_[first] = other
        load(model, given_)
        np.testing.assert_array_equal(embedding.vectors, other)


def test_what_is_given_may_be_of_the_module_itself():
    """Layers swapped: neither is overwritten before it is read."""
    rnn = RNN(3, 3, num_layers=2, rng=0)
    lower, upper = (cell.W_xh.copy() for cell in rnn.cells)
    names = to_torch_state_dict(rnn)
    names["weight_ih_l0"], names["weight_ih_l1"] = rnn.cells[1].W_xh, Tensor(rnn.cells[0].W_xh)
    load_torch_state_dict(rnn, names)
    np.testing.assert_array_equal(rnn.cells[0].W_xh, upper)
    np.testing.assert_array_equal(rnn.cells[1].W_xh, lower)
    keras = to_keras_weights(rnn)
    keras[0], keras[3] = rnn.cells[1].W_xh.T, rnn.cells[0].W_xh.T
    load_keras_weights(rnn, keras)
    np.testing.assert_array_equal(rnn.cells[0].W_xh, lower)
    np.testing.assert_array_equal(rnn.cells[1].W_xh, upper)


@pytest.mark.parametrize(
    ("to", "load"), [(to_torch_state_dict, load_torch_state_dict), (to_keras_weights, load_keras_weights)]
)
def test_where_one_array_can_not_be_written_to_none_is(to, load):
    rnn, other = RNN(2, 3, rng=0), RNN(2, 3, rng=1)
    before = {path: values.copy() for path, values in rnn.parameters().items()}
    rnn.cells[0].W_hh.flags.writeable = False
    with pytest.raises(
        ValueError, match=f"{load.__name__}: .* must be an array that can be written to, got one that can't"
    ):
        load(rnn, to(other))
    for path, values in rnn.parameters().items():
        np.testing.assert_array_equal(values, before[path])


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

    dtype = "bfloat16"

    def __init__(self, values, on_graph=True, known=True, floating=False):
        self.values, self.on_graph, self.known, self.floating = values, on_graph, known, floating

    def detach(self):
        return Tensor(self.values, on_graph=False, known=self.known, floating=self.floating)

    def cpu(self):
        return self

    def is_floating_point(self):
        return self.floating

    def double(self):
        return Tensor(self.values, on_graph=self.on_graph)

    def __array__(self, dtype=None, copy=None):
        assert not self.on_graph
        if not self.known:
            raise TypeError("Got unsupported ScalarType")
        return np.asarray(self.values, dtype=dtype)


def test_tensors_are_taken_off_their_graph():
    rnn, other = RNN(2, 3, rng=0), RNN(2, 3, rng=1)
    load_torch_state_dict(other, {name: Tensor(values.tolist()) for name, values in to_torch_state_dict(rnn).items()})
    same(rnn, other)


def test_tensors_of_a_precision_that_numpy_does_not_know_are_rounded_and_others_refused():
    rnn, other = RNN(2, 3, rng=0), RNN(2, 3, rng=1)
    names = to_torch_state_dict(rnn)
    load_torch_state_dict(other, {name: Tensor(values, known=False, floating=True) for name, values in names.items()})
    same(rnn, other)
    names["weight_hh_l0"] = Tensor(names["weight_hh_l0"], known=False)
    with pytest.raises(
        TypeError,
        match=r"weight_hh_l0 must be a tensor that NumPy can read, got one of dtype bfloat16, layout \?, .*to_dense",
    ):
        load_torch_state_dict(other, names)
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
    for given_ in (None, 3, ["weight_ih_l0"], iter([])):
        with pytest.raises(TypeError, match="load_torch_state_dict: state_dict must be a mapping .*got .*state_dict"):
            load_torch_state_dict(RNN(2, 3, rng=0), given_)
    for given_ in (None, 3, {}, iter([])):
        with pytest.raises(TypeError, match="load_keras_weights: weights must be a list, got .*get_weights"):
            load_keras_weights(RNN(2, 3, rng=0), given_)
    with pytest.raises(TypeError, match="to_keras_weights: module must be .*OneToMany.*Pass its parts"):
        to_keras_weights(model)
    with pytest.raises(TypeError, match="to_onnx: model must be an RNN, ManyToOne or ManyToMany.*which a graph can't"):
        to_onnx(model)


class Scaled(ManyToOne):
    """A model with an array that no other library asks for."""

    def __init__(self, *parts, **named):
        super().__init__(*parts, **named)
        self.scale = np.ones(3)


class Deeper(ManyToOne):
    """A model with cells that no other library asks for."""

    def __init__(self, *parts, **named):
        super().__init__(*parts, **named)
        self.more = [RNNCell(3, 3, rng=0)]


class ScaledRNN(RNN):
    """A network with an array of its own."""

    def __init__(self, *sizes, **named):
        super().__init__(*sizes, **named)
        self.scale = np.ones(3)


@pytest.mark.parametrize("kind", [Scaled, Deeper, ScaledRNN])
def test_a_module_is_not_exported_in_part(kind):
    def parts(seed=0):
        return RNN(2, 3, rng=seed), ManyToOneHead(3, 1, rng=seed)

    module, plain = (
        (ScaledRNN(2, 3, rng=0), RNN(2, 3, rng=1)) if kind is ScaledRNN else (kind(*parts()), ManyToOne(*parts(1)))
    )
    before = {path: values.copy() for path, values in module.parameters().items()}
    refused = pytest.raises(
        TypeError, match=r": module must be of parameters that all have .* got one that has (scale|more\.0\.W_xh) too"
    )
    for to in (to_torch_state_dict, to_keras_weights):
        with refused:
            to(module)
    for load, given_ in (
        (load_torch_state_dict, to_torch_state_dict(plain)),
        (load_keras_weights, to_keras_weights(plain)),
    ):
        with refused:
            load(module, given_)
    for path, values in module.parameters().items():
        np.testing.assert_array_equal(values, before[path])


def test_numbers_that_are_not_finite_are_not_exported():
    for value in (np.nan, np.inf):
        model = MODELS["many to one"](np.random.default_rng(0))
        model.rnn.cells[1].W_xh[2, 1] = value
        for to in (to_torch_state_dict, to_keras_weights):
            with pytest.raises(
                ValueError, match=rf"{to.__name__}: rnn\.cells\.1\.W_xh must be finite .*at index \(2, 1\)"
            ):
                to(model)
        load_torch_state_dict(model, to_torch_state_dict(MODELS["many to one"](np.random.default_rng(1))))  # is a cure
        assert np.isfinite(model.rnn.cells[1].W_xh).all()


def test_cells_that_no_network_of_pytorch_has_together_are_refused():
    rng = np.random.default_rng(0)
    tanh, relu, bare = (
        RNNCell(3, 3, rng=rng),
        RNNCell(3, 3, nonlinearity="relu", rng=rng),
        RNNCell(3, 3, bias=False, rng=rng),
    )
    for cells, got in (
        ([tanh, relu], "relu with bias=True and tanh with bias=True"),
        ([tanh, bare], "tanh with bias=False and tanh"),
    ):
        for bidirectional in (False, True):
            mixed = RNN.from_cells(cells, bidirectional=bidirectional)
            for call in (to_torch_state_dict, lambda module: load_torch_state_dict(module, {})):
                with pytest.raises(ValueError, match=f"the RNN's cells must be of one nonlinearity, .*got {got}"):
                    call(mixed)
            weights = to_keras_weights(mixed)  # there every layer and direction has an activation of its own
            load_keras_weights(mixed, weights)
            assert len(weights) == 5 + (got.count("True") == 2)


@pytest.mark.slow  # it needs an extra that is there where the slow tests are
def test_what_a_graph_can_not_hold_is_refused():
    needed("onnx")
    model = MODELS["many to one"](np.random.default_rng(0))
    for value, got in ((1e200, "inf"), (np.nan, "nan")):
        model.head.W_hy[3, 5] = value
        with pytest.raises(
            ValueError, match=rf"to_onnx: head\.W_hy must be finite numbers \(float32\), got {got} at index \(3, 5\)"
        ):
            to_onnx(model)
    for module in (ScaledRNN(2, 3, rng=0), Scaled(RNN(2, 3, rng=0), ManyToOneHead(3, 1, rng=0))):
        with pytest.raises(TypeError, match="to_onnx: model must be of parameters .*got one that has scale too"):
            to_onnx(module)
