"""The same numbers as PyTorch, Keras and onnxruntime, for hundreds of random networks each.

In CI all three must be installed; elsewhere the tests of a missing one are skipped.
"""

import os

import numpy as np
import pytest

from needed import needed
from vanilla_rnn import (
    RNN,
    SGD,
    Adam,
    Embedding,
    ManyToMany,
    ManyToManyHead,
    ManyToOne,
    ManyToOneHead,
    RNNCell,
    clip_grad_norm,
    cross_entropy,
    load_keras_weights,
    load_torch_state_dict,
    to_keras_weights,
    to_onnx,
    to_torch_state_dict,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # those of the other libraries
]
os.environ.setdefault("KERAS_BACKEND", "torch")
NONLINEARITIES = ["tanh", "relu", "sigmoid", "linear"]


@pytest.fixture(scope="module")
def torch():
    torch = needed("torch")
    torch.set_num_threads(1)
    return torch


def random_case(seed, nonlinearities=("tanh", "relu")):
    """A network of any kind, and inputs for it."""
    rng = np.random.default_rng(seed)
    case = {
        "num_layers": int(rng.integers(1, 4)),
        "bidirectional": bool(rng.integers(2)),
        "bias": bool(rng.integers(4)),
        "nonlinearity": str(rng.choice(nonlinearities)),
        "dtype": rng.choice([np.float32, np.float64]),
    }
    input_size, hidden_size = (int(size) for size in rng.permutation(np.arange(1, 8))[:2])
    rnn = RNN(input_size, hidden_size, rng=rng, **case)
    batch, time = int(rng.integers(1, 6)), int(rng.integers(1, 9))
    x = rng.standard_normal((batch, time, input_size)).astype(case["dtype"])
    h_0 = rng.uniform(-0.9, 0.9, (len(rnn.cells), batch, hidden_size)).astype(case["dtype"])
    lengths = rng.integers(1, time + 1, batch) if rng.integers(2) else None
    return rnn, x, h_0 if rng.integers(2) else None, lengths, rng


def assert_near(ours, theirs, dtype, name):
    scale = max(1.0, float(np.abs(ours).max(initial=0.0)))
    tolerance = (2e-5 if dtype == np.float32 else 1e-12) * scale
    np.testing.assert_allclose(theirs, ours, rtol=0, atol=tolerance, err_msg=name)


def torch_rnn(torch, rnn):
    """The same network in PyTorch."""
    theirs = torch.nn.RNN(
        rnn.input_size,
        rnn.hidden_size,
        rnn.num_layers,
        bidirectional=rnn.bidirectional,
        bias=rnn.cells[0].b_h is not None,
        nonlinearity=rnn.cells[0].nonlinearity,
        batch_first=True,
        dtype=getattr(torch, str(rnn.dtype)),
    )
    theirs.load_state_dict({name: torch.from_numpy(values) for name, values in to_torch_state_dict(rnn).items()})
    return theirs


@pytest.mark.parametrize("hundred", range(3))
def test_forward_and_all_gradients_equal_pytorch_s(torch, hundred):
    """300 networks; different lengths are packed sequences in PyTorch."""
    pack, pad = torch.nn.utils.rnn.pack_padded_sequence, torch.nn.utils.rnn.pad_packed_sequence
    for seed in range(100 * hundred, 100 * hundred + 100):
        rnn, x, h_0, lengths, rng = random_case(seed)
        theirs = torch_rnn(torch, rnn)
        run = rnn.forward(x, h_0, lengths)
        d_output = rng.standard_normal(run.output.shape).astype(x.dtype)
        d_h_n = rng.standard_normal(run.h_n.shape).astype(x.dtype)
        gradients = run.backward(d_output, d_h_n)

        their_x = torch.tensor(x, requires_grad=True)
        their_h_0 = torch.zeros(run.h_n.shape, dtype=their_x.dtype) if h_0 is None else torch.tensor(h_0)
        their_h_0.requires_grad_()
        if lengths is None:
            output, h_n = theirs(their_x, their_h_0)
        else:
            packed = pack(their_x, torch.tensor(lengths), batch_first=True, enforce_sorted=False)
            output, h_n = theirs(packed, their_h_0)
            output, _ = pad(output, batch_first=True, total_length=x.shape[1])
        torch.autograd.backward([output, h_n], [torch.tensor(d_output), torch.tensor(d_h_n)])

        assert_near(run.output, output.detach(), x.dtype, f"seed {seed}: output")
        assert_near(run.h_n, h_n.detach(), x.dtype, f"seed {seed}: h_n")
        assert_near(gradients.d_x, their_x.grad, x.dtype, f"seed {seed}: d_x")
        assert_near(gradients.d_h_0, their_h_0.grad, x.dtype, f"seed {seed}: d_h_0")
        rnn.load_parameters(gradients.d_parameters)  # so that the gradients get PyTorch's names
        ours = to_torch_state_dict(rnn)
        for name in ours:
            gradient = ours[name.replace("bias_hh", "bias_ih")]  # PyTorch's two biases have the same gradient
            assert_near(gradient, getattr(theirs, name).grad, x.dtype, f"seed {seed}: {name}")


def torch_model(torch, model):
    """Embedding, RNN and a linear head."""

    class Theirs(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = torch.nn.Embedding(*model.embedding.vectors.shape)
            self.rnn = torch_rnn(torch, model.rnn)
            self.head = torch.nn.Linear(*model.head.W_hy.shape[::-1])

        def forward(self, ids):
            return self.head(self.rnn(self.embedding(ids))[0])

    theirs = Theirs().double()
    theirs.load_state_dict({name: torch.from_numpy(values) for name, values in to_torch_state_dict(model).items()})
    return theirs


@pytest.mark.parametrize("kind", ["sgd", "momentum", "adam"])
def test_50_training_steps_equal_pytorch_s(torch, kind):
    """With clipping. PyTorch's second bias stays at 0, because two biases would move their sum twice as far."""
    rng = np.random.default_rng(0)
    rnn = RNN(3, 6, num_layers=2, rng=rng)
    model = ManyToMany(rnn, ManyToManyHead(6, 4, rng=rng), embedding=Embedding(9, 3, rng=rng))
    theirs = torch_model(torch, model)
    free = [values for name, values in theirs.named_parameters() if "bias_hh" not in name]
    for name, values in theirs.named_parameters():
        values.requires_grad_("bias_hh" not in name)
    ours, other = {
        "sgd": lambda: (SGD(0.1), torch.optim.SGD(free, 0.1)),
        "momentum": lambda: (SGD(0.05, momentum=0.9), torch.optim.SGD(free, 0.05, momentum=0.9)),
        "adam": lambda: (Adam(0.01), torch.optim.Adam(free, 0.01)),
    }[kind]()
    losses = []
    for _ in range(50):
        ids, labels = rng.integers(0, 9, (5, 7)), rng.integers(0, 4, (5, 7))
        run = model.forward(ids)
        loss, d_logits = cross_entropy(run.logits, labels)
        gradients = run.backward(d_logits).d_parameters
        norm = clip_grad_norm(gradients, 0.5)
        ours.step(model.parameters(), gradients)

        other.zero_grad()
        their_loss = torch.nn.functional.cross_entropy(
            theirs(torch.tensor(ids)).flatten(0, 1), torch.tensor(labels).flatten()
        )
        their_loss.backward()
        their_norm = torch.nn.utils.clip_grad_norm_(free, 0.5)
        other.step()
        losses.append(loss)
        assert loss == pytest.approx(their_loss.item(), rel=1e-9)
        assert norm == pytest.approx(their_norm.item(), rel=1e-5)  # PyTorch adds 1e-6 to the norm before it divides
    for name, values in to_torch_state_dict(model).items():
        np.testing.assert_allclose(theirs.state_dict()[name], values, rtol=0, atol=1e-5, err_msg=name)
    assert len(set(losses)) == 50


def test_a_model_of_pytorch_can_be_loaded(torch):
    rng = np.random.default_rng(0)
    model = ManyToMany(RNN(3, 6, rng=rng), ManyToManyHead(6, 4, rng=rng), embedding=Embedding(9, 3, rng=rng))
    theirs = torch_model(torch, model)
    torch.manual_seed(0)
    for values in theirs.parameters():
        torch.nn.init.normal_(values)
    load_torch_state_dict(model, theirs.state_dict())
    ids = rng.integers(0, 9, (5, 7))
    assert_near(model(ids), theirs(torch.tensor(ids)).detach(), np.float64, "logits")
    load_torch_state_dict(model, dict(theirs.named_parameters()))  # still part of PyTorch's graph


@pytest.mark.parametrize("hundred", range(2))
def test_forward_equals_onnxruntime_s(hundred):
    """200 networks in float32, the only dtype of its RNN, with batches and times of any size, 0 too.

    In every third network each cell has its own nonlinearity.
    """
    onnxruntime = needed("onnxruntime")
    needed("onnx")
    for seed in range(100 * hundred, 100 * hundred + 100):
        rnn, x, h_0, lengths, rng = random_case(1000 + seed, NONLINEARITIES)
        for cell in rnn.cells if seed % 9 < 3 else ():
            cell.nonlinearity = str(rng.choice(NONLINEARITIES))
        head_size, output_size = rnn.directions * rnn.hidden_size, int(rng.integers(1, 5))
        options = {"dtype": rnn.dtype, "rng": rng}
        embedding = Embedding(9, rnn.input_size, **options) if rng.integers(2) else None
        bias = bool(rng.integers(2))
        model = (
            rnn,
            ManyToOne(rnn, ManyToOneHead(head_size, output_size, bias=bias, **options), embedding=embedding),
            ManyToMany(rnn, ManyToManyHead(head_size, output_size, bias=bias, **options), embedding=embedding),
        )[seed % 3]
        session = onnxruntime.InferenceSession(to_onnx(model).SerializeToString(), providers=["CPUExecutionProvider"])
        for batch, time in (x.shape[:2], (1, 1), (7, 3), (0, 3), (3, 0), (0, 0)):
            if seed % 3 and embedding is not None:
                inputs = rng.integers(0, 9, (batch, time))
            else:
                inputs = rng.standard_normal((batch, time, rnn.input_size)).astype(np.float32)
            counts = rng.integers(0, time + 1, batch) if lengths is not None else np.full(batch, time)
            feed, states = {"inputs": inputs, "lengths": counts}, None
            if h_0 is not None:
                states = feed["h_0"] = rng.uniform(-0.9, 0.9, (len(rnn.cells), batch, rnn.hidden_size)).astype(
                    np.float32
                )
            theirs = session.run(None, feed)
            run = model.forward(inputs, lengths=counts, h_0=states)
            ours = (run.output if isinstance(model, RNN) else run.logits), run.h_n
            for values, their_values in zip(ours, theirs, strict=True):
                assert_near(values, their_values, np.float32, f"seed {seed}, {type(model).__name__}, {batch} x {time}")


@pytest.mark.parametrize("hundred", range(2))
def test_forward_equals_keras_s(hundred):
    """200 networks: layers, directions, bias, nonlinearity, both precisions, masks, some with an initial state.

    At masked steps Keras repeats the last output, where ours is 0. With PyTorch as its backend, Keras 3.15 computes a
    float64 layer no more precisely than one in float32.
    """
    keras = needed("keras")
    for seed in range(100 * hundred, 100 * hundred + 100):
        rnn, x, h_0, lengths, _ = random_case(2000 + seed, NONLINEARITIES)
        sequence = x
        for layer in range(rnn.num_layers):
            cells = rnn.cells[layer * rnn.directions :][: rnn.directions]
            one = keras.layers.SimpleRNN(
                rnn.hidden_size,
                activation=cells[0].nonlinearity,
                use_bias=cells[0].b_h is not None,
                return_sequences=True,
                dtype=str(rnn.dtype),
            )
            both = keras.layers.Bidirectional(one, dtype=str(rnn.dtype)) if rnn.bidirectional else one
            both.build(sequence.shape)
            both.set_weights(to_keras_weights(RNN.from_cells(cells, bidirectional=rnn.bidirectional)))
            loaded = RNN(cells[0].input_size, rnn.hidden_size, bidirectional=rnn.bidirectional, dtype=rnn.dtype,
                         bias=cells[0].b_h is not None, nonlinearity=cells[0].nonlinearity)  # fmt: skip
            load_keras_weights(loaded, both.get_weights())
            start = None
            if h_0 is not None:
                states = [
                    keras.ops.convert_to_tensor(h, dtype=str(rnn.dtype))
                    for h in h_0[layer * rnn.directions :][: rnn.directions]
                ]
                start = states if rnn.bidirectional else states[0]
            mask = None if lengths is None else np.arange(x.shape[1]) < lengths[:, None]
            theirs = keras.ops.convert_to_numpy(both(sequence, mask=mask, initial_state=start))
            ours, _ = loaded(
                sequence, None if h_0 is None else h_0[layer * rnn.directions :][: rnn.directions], lengths
            )
            if lengths is not None:
                theirs = np.where(mask[..., None], theirs, 0.0)
            assert_near(ours, theirs, np.float32, f"seed {seed}, layer {layer}")
            sequence = ours


def test_keras_directions_may_differ_in_activation_and_bias():
    keras = needed("keras")
    rng = np.random.default_rng(0)
    forward, reverse = RNNCell(2, 3, rng=rng), RNNCell(2, 3, bias=False, nonlinearity="relu", rng=rng)
    rnn = RNN.from_cells([forward, reverse], bidirectional=True)
    theirs = keras.layers.Bidirectional(
        keras.layers.SimpleRNN(3, return_sequences=True),
        backward_layer=keras.layers.SimpleRNN(
            3, activation="relu", use_bias=False, return_sequences=True, go_backwards=True
        ),
    )
    x = rng.standard_normal((4, 5, 2)).astype(np.float32)
    theirs.build(x.shape)
    theirs.set_weights(to_keras_weights(rnn))
    assert_near(rnn(x)[0], keras.ops.convert_to_numpy(theirs(x)), np.float32, "output")


def test_a_row_of_length_0_keeps_its_state_in_keras_too():
    keras = needed("keras")
    rnn = RNN(2, 3, rng=0)
    theirs = keras.layers.SimpleRNN(3, return_sequences=True, return_state=True)
    rng = np.random.default_rng(0)
    x, h_0 = (rng.uniform(-0.9, 0.9, shape).astype(np.float32) for shape in ((2, 4, 2), (2, 3)))
    theirs.build(x.shape)
    theirs.set_weights(to_keras_weights(rnn))
    lengths = np.array([0, 3])
    results = theirs(x, mask=np.arange(4) < lengths[:, None], initial_state=keras.ops.convert_to_tensor(h_0))
    states, final = (keras.ops.convert_to_numpy(values) for values in results)
    output, h_n = rnn(x, h_0[None], lengths)
    assert_near(output[:, :3], states[:, :3], np.float32, "output")  # 0 in the first row
    assert_near(h_n[0], final, np.float32, "h_n")
    assert_near(output[1, 2], states[1, 3], np.float32, "a masked step repeats the output before")


def test_tensors_that_numpy_can_not_read_are_converted_or_refused(torch):
    model = RNN(2, 3, rng=0)
    names = {name: torch.from_numpy(values) for name, values in to_torch_state_dict(model).items()}
    for precision in (torch.bfloat16, torch.float16, torch.float32, torch.float8_e4m3fn):
        load_torch_state_dict(model, {name: values.to(precision) for name, values in names.items()})
        for name, values in to_torch_state_dict(model).items():
            np.testing.assert_array_equal(values, names[name].to(precision).double().numpy())
    hidden = names["weight_hh_l0"]
    for bad in (hidden.to_sparse(), hidden.to("meta"), torch.quantize_per_tensor(hidden.float(), 0.1, 0, torch.qint8)):
        with pytest.raises(
            TypeError, match="weight_hh_l0 must be a tensor that NumPy can read, got one with dtype torch."
        ):
            load_torch_state_dict(model, names | {"weight_hh_l0": bad})
    with pytest.raises(TypeError, match="weight_hh_l0 must be real numbers"):
        load_torch_state_dict(model, names | {"weight_hh_l0": hidden.to(torch.complex128)})


def test_a_sequential_model_of_keras_can_be_loaded():
    keras = needed("keras")
    theirs = keras.Sequential(
        [
            keras.layers.Embedding(9, 3),
            keras.layers.SimpleRNN(5, return_sequences=True),
            keras.layers.SimpleRNN(5),
            keras.layers.Dense(2),
        ]
    )
    theirs.build((None, 6))
    options = {"dtype": np.float32, "rng": 0}
    rnn, head = RNN(3, 5, num_layers=2, **options), ManyToOneHead(5, 2, **options)
    model = ManyToOne(rnn, head, embedding=Embedding(9, 3, **options))
    load_keras_weights(model, theirs.get_weights())
    ids = np.random.default_rng(0).integers(0, 9, (4, 6))
    assert_near(model(ids), keras.ops.convert_to_numpy(theirs(ids)), np.float32, "logits")
