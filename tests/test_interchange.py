"""Weights go to the layouts of PyTorch, Keras and ONNX and back; what doesn't fit is refused. See also test_parity."""

# ruff: noqa: I001  # a name a line would be a page of them

from unittest.mock import Mock

import numpy as np
import pytest

from needed import needed
from vanilla_rnn import (
    RNN, Decoder, Embedding, EncoderDecoder, ManyToMany, ManyToManyHead, ManyToOne, ManyToOneHead, OneToMany, RNNCell,
    load_keras_weights, load_torch_state_dict, to_keras_weights, to_onnx, to_torch_state_dict,
)  # fmt: skip

TORCH, KERAS = (to_torch_state_dict, load_torch_state_dict), (to_keras_weights, load_keras_weights)
BOTH = pytest.mark.parametrize(("to", "load"), [TORCH, KERAS], ids=["torch", "keras"])
ONNX = pytest.param(to_onnx, marks=pytest.mark.slow)  # it needs an extra
F4 = {"dtype": np.float32, "rng": 0}
MODELS = {
    "rnn": lambda rng: RNN(2, 3, num_layers=2, bidirectional=True, rng=rng),
    "small rnn": lambda rng: RNN(2, 3, rng=rng),
    "head": lambda rng: ManyToOneHead(3, 4, rng=rng),
    "many to one": lambda rng: ManyToOne(RNN(2, 3, rng=rng), ManyToOneHead(3, 4, rng=rng)),
    "many to many": lambda rng: ManyToMany(RNN(2, 3, bias=False, rng=rng), ManyToManyHead(3, 4, bias=False, rng=rng), embedding=Embedding(5, 2, rng=rng)),
    "decoder": lambda rng: Decoder(RNN(2, 3, rng=rng), ManyToManyHead(3, 7, rng=rng), Embedding(7, 2, rng=rng), bos_idx=1, eos_idx=2),
    "one to many": lambda rng: OneToMany(4, MODELS["decoder"](rng), rng=rng),
    "encoder-decoder": lambda rng: EncoderDecoder(RNN(5, 3, rng=rng), MODELS["decoder"](rng)),
}  # fmt: skip


def made(name, seed=0):
    return MODELS[name](np.random.default_rng(seed))


def numbers(module):
    return {path: values.tolist() for path, values in module.parameters().items()} if module is not None else {}


@pytest.mark.parametrize(
    ("name", "to", "load"), [(name, *TORCH) for name in MODELS] + [(name, *KERAS) for name in list(MODELS)[:6]]
)
def test_a_model_s_weights_load_into_another(name, to, load):
    one, other = made(name), made(name, seed=1)
    load(other, given_ := to(one))
    for values in given_.values() if isinstance(given_, dict) else given_:
        values[...] = 0.0  # all are copies
    assert numbers(one) == numbers(other) == numbers(made(name))


def test_the_names_and_the_two_biases_are_pytorch_s():
    kinds = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    names = to_torch_state_dict(made("rnn"))
    assert list(names) == [f"{kind}_{end}" for end in ("l0", "l0_reverse", "l1", "l1_reverse") for kind in kinds]
    assert names["weight_ih_l1_reverse"].shape == (3, 6)
    assert not names["bias_hh_l0"].any()
    rnn, biases = made("small rnn"), {"bias_ih_l0": np.array([1.0, 2.0, 3.0]), "bias_hh_l0": np.array([0.5, 0.25, 0.0])}
    load_torch_state_dict(rnn, to_torch_state_dict(rnn) | biases)
    np.testing.assert_array_equal(rnn.cells[0].b_h, [1.5, 2.25, 3.0])
    parts = {f"decoder.rnn.{kind}_l0" for kind in kinds} | {
        "context.weight",
        "context.bias",
        "decoder.embedding.weight",
    }
    assert set(to_torch_state_dict(made("one to many"))) == parts | {"decoder.head.weight", "decoder.head.bias"}


def test_the_order_and_the_layout_are_keras_s():
    model = made("many to many")
    expected = [model.embedding.vectors, model.rnn.cells[0].W_xh.T, model.rnn.cells[0].W_hh.T, model.head.W_hy.T]
    assert [values.tolist() for values in to_keras_weights(model)] == [values.tolist() for values in expected]
    assert [values.shape for values in to_keras_weights(made("many to one"))] == [(2, 3), (3, 3), (3,), (3, 4), (4,)]


@BOTH
def test_a_cell_in_two_layers_takes_one_set_of_weights(to, load):
    rnn, given_ = RNN.from_cells([RNNCell(3, 3, rng=0)] * 2), to(RNN.from_cells([RNNCell(3, 3, rng=1)] * 2))
    before, (first, second) = numbers(rnn), (("bias_hh_l0", "bias_ih_l1") if to is to_torch_state_dict else (1, 4))
    given_[first][..., 2] += 1.0
    with pytest.raises(ValueError, match=r"l1 must be equal to .*l0|weights\[4\].* must be equal to weights\[1\]"):
        load(rnn, given_)
    assert numbers(rnn) == before
    given_[second][..., 2] += 1.0  # equal again; of PyTorch's biases, it is their sum that counts
    load(rnn, given_)
    assert numbers(rnn) != before


@BOTH
@pytest.mark.parametrize("size", [1, 2, 7])
def test_a_head_that_shares_the_embedding_s_vectors_gets_one_table(to, load, size):
    """In the list for Keras, one is the transpose of the other."""
    head, embedding = ManyToManyHead(size, 7, bias=False, rng=0), Embedding(7, size, rng=1)
    model = ManyToMany(RNN(size, size, rng=2), head, embedding=embedding)
    head.W_hy = embedding.vectors
    before, given_, table = numbers(model), to(model), np.arange(7.0 * size).reshape(7, size)
    first, last = ("embedding.weight", "head.weight") if isinstance(given_, dict) else (0, -1)
    given_[last] = table if isinstance(given_, dict) else table.T
    with pytest.raises(ValueError, match=r"must be equal to .*embedding"):
        load(model, given_)
    assert numbers(model) == before
    given_[first] = table
    load(model, given_)
    np.testing.assert_array_equal(embedding.vectors, table)


def tensor(values):
    """A tensor, as far as it matters: NumPy can read it without its graph, and if it isn't of bfloat16."""
    plain = Mock(spec=["is_floating_point", "double"], double=lambda: values)
    return Mock(spec=["dtype", "detach"], dtype="bfloat16", detach=lambda: Mock(cpu=lambda: plain))


class ComplexTensor(np.ndarray):
    detach = cpu = lambda self: self
    is_floating_point = lambda _: False  # noqa: E731
    double = lambda self: self.real  # noqa: E731  # as in PyTorch, it drops the imaginary part


def test_the_given_arrays_may_be_tensors_and_the_module_s_own():
    """Two layers are swapped: neither is overwritten before it is read."""
    rnn = RNN(3, 3, num_layers=2, rng=0)
    lower, upper = (cell.W_xh.copy() for cell in rnn.cells)
    own = {"weight_ih_l0": tensor(rnn.cells[1].W_xh), "weight_ih_l1": rnn.cells[0].W_xh}
    load_torch_state_dict(rnn, to_torch_state_dict(rnn) | own)
    np.testing.assert_array_equal([cell.W_xh for cell in rnn.cells], [upper, lower])


GOOD, LIST, ONES = to_torch_state_dict(made("small rnn", 1)), to_keras_weights(made("small rnn", 1)), np.ones((3, 3))


@pytest.mark.parametrize(("error", "words", "given_"), [
    (ValueError, "without 'bias_hh_l0'", {name: values for name, values in GOOD.items() if name != "bias_hh_l0"}),
    (ValueError, "with 'weight_ih_l1'", GOOD | {"weight_ih_l1": ONES}),
    (ValueError, "bias_hh_l0 must be an array of shape", GOOD | {"bias_hh_l0": np.ones(4)}),
    (ValueError, "weight_hh_l0 must be finite", GOOD | {"weight_hh_l0": np.nan * ONES}),
    (ValueError, "bias_ih_l0 . bias_hh_l0 must be finite", GOOD | dict.fromkeys(("bias_ih_l0", "bias_hh_l0"), [1.7e308] * 3)),
    (TypeError, "weight_hh_l0 must be an array of numbers", GOOD | {"weight_hh_l0": [["a"] * 3] * 3}),
    (TypeError, "weight_hh_l0 must be real numbers", GOOD | {"weight_hh_l0": ONES.astype(complex).view(ComplexTensor)}),
    (TypeError, "weight_hh_l0 must be .*quint8.*dequantize", GOOD | {"weight_hh_l0": Mock(dtype="quint8", detach=Mock(side_effect=RuntimeError))}),
    *((TypeError, "state_dict must be a dictionary", wrong) for wrong in (None, 3, ["weight_ih_l0"])),
    (ValueError, "weights must be 3 arrays.*W_xh.*got 2", LIST[:2]),
    (ValueError, r"weights\[0\].*W_xh.* must be an array of shape \(2, 3\)", [LIST[0].T, *LIST[1:]]),
    (ValueError, r"weights\[2\].*b_h.* must be finite", [*LIST[:2], [0, np.inf, 0]]),
    *((TypeError, "weights must be a list", wrong) for wrong in (None, 3, {})),
])  # fmt: skip
def test_weights_that_do_not_fit_are_refused_whole(error, words, given_):
    rnn, load = made("small rnn"), load_keras_weights if words.startswith("weights") else load_torch_state_dict
    before = numbers(rnn)
    with pytest.raises(error, match=f"^{load.__name__}: .*{words}"):
        load(rnn, given_)
    assert numbers(rnn) == before


@BOTH
def test_a_number_that_float32_can_not_hold_is_refused(to, load):
    rnn, given_ = RNN(2, 3, **F4), to(made("small rnn"))
    before, last = numbers(rnn), list(given_)[-1] if isinstance(given_, dict) else -1
    given_[last] = np.full(3, -1e200)
    with pytest.raises(ValueError, match=rf"^{load.__name__}: .* must be finite .float32"):
        load(rnn, given_)
    assert numbers(rnn) == before


FULL, BIASLESS = (to_torch_state_dict(made(name)) for name in ("many to one", "many to many"))


@pytest.mark.parametrize(("fix", "name", "state_dict"), [
    ("Remove the prefix 'module.' from every key.", "many to one", {f"module.{key}": 0 for key in FULL}),
    ("Remove the prefix 'a.b.' from every key.", "many to one", {f"a.b.{key}".replace("head", "fc"): 0 for key in FULL}),
    ("Remove the prefix 'fc.' from every key.", "head", {"fc.weight": 0, "fc.bias": 0}),
    ("Pass only the keys that start with 'rnn.', without this prefix.", "small rnn", FULL),
    ("Pass state_dict['state_dict'].", "many to one", {"state_dict": FULL, 7: 0}),
    ("Pass state_dict['model'].", "many to one", {"epoch": 3, "optimizer": {"state": {}}, "model": FULL}),
    ("Rename 'fc.weight' to 'head.weight' and 'fc.bias' to 'head.bias'.", "many to one", {key.replace("head", "fc"): 0 for key in FULL}),
    ("Rename 'linear.weight' to 'head.weight'.", "many to many", {key.replace("head", "linear"): 0 for key in BIASLESS}),
    ("Build both models with the same layers, directions and biases.", "many to one", BIASLESS),
])  # fmt: skip
def test_an_error_about_names_says_what_to_do(fix, name, state_dict):
    with pytest.raises(ValueError, match="^load_torch_state_dict: state_dict must be") as caught:
        load_torch_state_dict(made(name), state_dict)
    assert str(caught.value).endswith(fix)


@BOTH
def test_if_one_array_can_not_be_written_to_none_is(to, load):
    rnn = made("small rnn")
    before, rnn.cells[0].b_h.flags.writeable = numbers(rnn), False
    with pytest.raises(ValueError, match=rf"{load.__name__}: (bias_ih_l0|.*cells\.0\.b_h.*) must be a writable array"):
        load(rnn, to(made("small rnn", seed=1)))
    assert numbers(rnn) == before


def scaled(kind, *parts, **options):
    """A subclass's object with an array that no other library knows."""
    module = type("Own", (kind,), {})(*parts, **options)
    module.scale = np.ones(3)
    return module


OwnCell = type("OwnCell", (RNNCell,), {"forward": lambda *args: RNNCell.forward(*args)})  # noqa: PLW0108  # another
CELLS = [RNNCell(3, 3, rng=0), OwnCell(3, 3, rng=0)]
CALLS = [to_torch_state_dict, lambda module: load_torch_state_dict(module, {}), to_keras_weights,
         lambda module: load_keras_weights(module, []), ONNX]  # fmt: skip


@pytest.mark.parametrize("call", CALLS, ids=["to torch", "load torch", "to keras", "load keras", "onnx"])
@pytest.mark.parametrize(("module", "error", "words"), [
    (scaled(ManyToOne, RNN(2, 3), ManyToOneHead(3, 1)), TypeError, "scale"),
    (ManyToOne(RNN(2, 3), scaled(ManyToOneHead, 3, 3, bias=False)), TypeError, r"head\.scale"),  # not its bias
    (ManyToOne(RNN.from_cells(CELLS), ManyToOneHead(3, 1)), TypeError, r"cells\[1\] .*OwnCell"),
    (RNN(2, 3, nonlinearity=(np.square, np.ones_like)), ValueError, r"cells\[0\] .*square"),
    (RNNCell(2, 3), TypeError, "RNNCell"),
    (None, TypeError, "None"),
], ids=["scale", "bias", "own cell", "own function", "cell", "None"])  # fmt: skip
def test_what_has_no_counterpart_is_refused(call, module, error, words):
    before = numbers(module)
    with pytest.raises(error, match=rf"^(to|load)_\w+: .*{words}"):
        call(module)
    assert numbers(module) == before


@pytest.mark.parametrize("call", CALLS[2:], ids=["to keras", "load keras", "onnx"])
@pytest.mark.parametrize("name", ["one to many", "encoder-decoder"])
def test_only_pytorch_has_models_of_several_networks(call, name):
    with pytest.raises(TypeError, match=r"^(to|load)_\w+: .* must be .*got (OneToMany|EncoderDecoder)"):
        call(made(name))


RELU, BARE = RNNCell(3, 3, nonlinearity="relu", rng=0), RNNCell(3, 3, bias=False, rng=0)


@pytest.mark.parametrize(("rnn", "words"), [
    (RNN.from_cells([CELLS[0], RELU]), "the RNN's cells must be .*relu with bias=True and tanh with bias=True"),
    (RNN.from_cells([CELLS[0], BARE], bidirectional=True), "the RNN's cells must be .*tanh with bias=False and tanh with bias=True"),
    (RNN(2, 3, nonlinearity="sigmoid"), r"cells\[0\] must be .*sigmoid"),
    (RNN(2, 3, nonlinearity="linear"), r"cells\[0\] must be .*linear"),
], ids=["relu and tanh", "biases", "sigmoid", "linear"])  # fmt: skip
def test_keras_has_networks_that_pytorch_does_not_have(rnn, words):
    for call in CALLS[:2]:
        with pytest.raises(ValueError, match=rf"torch_state_dict: {words}"):
            call(rnn)
    load_keras_weights(rnn, to_keras_weights(rnn))


@pytest.mark.parametrize(("to", "value"), [
    *((to, value) for to in (to_torch_state_dict, to_keras_weights) for value in (np.nan, np.inf)),
    *(pytest.param(to_onnx, value, marks=pytest.mark.slow) for value in (np.nan, 1e200)),  # it is in float32
])  # fmt: skip
def test_numbers_that_are_not_finite_are_not_exported(to, value):
    model = made("many to one")
    model.head.W_hy[3, 1] = value
    with pytest.raises(ValueError, match=rf"^{to.__name__}: head\.W_hy must be finite .*at index \(3, 1\)"):
        to(model)
    load_torch_state_dict(model, FULL)  # repairs it
    to(model)


@pytest.mark.parametrize("to", [to_torch_state_dict, to_keras_weights])
def test_complex_weights_are_not_exported(to):
    rnn = made("small rnn")
    rnn.cells[0].W_hh = rnn.cells[0].W_hh + 0j
    with pytest.raises(TypeError, match=rf"^{to.__name__}: cells\.0\.W_hh must be real numbers"):
        to(rnn)


def graph_of(kind, rng, **options):
    """A model, its graph as a function, and random inputs for it, (4, 12)."""
    runtime, _ = needed("onnxruntime"), needed("onnx")
    rnn = RNN(2, 3, num_layers=2, **F4, **options)
    model, inputs = rnn, lambda batch, time: rng.standard_normal((batch, time, 2), np.float32)
    if kind == "ManyToOne":
        model = ManyToOne(rnn, ManyToOneHead(3 * rnn.directions, 2, **F4))
    elif kind == "ManyToMany":
        head, inputs = ManyToManyHead(3 * rnn.directions, 2, bias=False, **F4), lambda *shape: rng.integers(0, 7, shape)
        model = ManyToMany(rnn, head, embedding=Embedding(7, 2, **F4))
    quiet = runtime.SessionOptions()
    quiet.log_severity_level = 3  # it warns that h_0 has a default
    session = runtime.InferenceSession(to_onnx(model).SerializeToString(), quiet, providers=["CPUExecutionProvider"])
    return model, lambda **given_: session.run(None, given_), inputs


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["RNN", "ManyToOne", "ManyToMany"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("nonlinearity", ["tanh", "relu", "sigmoid", "linear"])
@pytest.mark.parametrize(("batch", "time"), [(4, 5), (1, 1), (0, 3), (3, 0), (0, 0)])
def test_a_graph_computes_what_the_model_does(kind, bidirectional, nonlinearity, batch, time):
    """With int64 lengths, 0 among them, and with h_0; without h_0 as with zeros."""
    rng = np.random.default_rng(0)
    model, graph, inputs = graph_of(kind, rng, bidirectional=bidirectional, nonlinearity=nonlinearity)
    x, lengths = inputs(batch, time), rng.integers(0, time + 1, batch)
    h_0 = rng.uniform(-1, 1, (2 * (1 + bidirectional), batch, 3)).astype(np.float32)
    run = model.forward(x, lengths=lengths, h_0=h_0)
    result, h_n = graph(inputs=x, lengths=lengths, h_0=h_0)
    np.testing.assert_allclose(result, run.output if kind == "RNN" else run.logits, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(h_n, run.h_n, rtol=1e-4, atol=1e-5)
    for one, other in zip(graph(inputs=x, lengths=lengths), graph(inputs=x, lengths=lengths, h_0=0 * h_0), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["RNN", "ManyToOne", "ManyToMany"])
def test_a_graph_reads_a_long_series_in_pieces(kind):
    _, graph, inputs = graph_of(kind, np.random.default_rng(0))
    x, lengths = inputs(4, 12), np.full(4, 6)
    whole, h_n = graph(inputs=x, lengths=2 * lengths)
    first, h_6 = graph(inputs=x[:, :6], lengths=lengths)
    second, h_12 = graph(inputs=x[:, 6:], lengths=lengths, h_0=h_6)
    np.testing.assert_allclose(h_12, h_n, rtol=0, atol=1e-6)
    np.testing.assert_allclose(second, whole if kind == "ManyToOne" else whole[:, 6:], rtol=0, atol=1e-6)
    assert kind == "ManyToOne" or np.allclose(first, whole[:, :6], rtol=0, atol=1e-6)
