"""The same recurrent network from several libraries, and in bare NumPy: functions that do one forward, or one training
step's forward and backward. A library that isn't installed gives None.
"""

import numpy as np

from vanilla_rnn import RNN
from vanilla_rnn.unroll import _aligned


def ours(batch, time, inputs, hidden):
    rnn = RNN(inputs, hidden, dtype=np.float32, rng=0)
    x, d_output = arrays(batch, time, inputs, hidden)
    return {"forward": lambda: rnn(x), "training": lambda: rnn.forward(x).backward(d_output)}


def bare(batch, time, inputs, hidden):
    """The least that NumPy can do: the calls of the loops alone, in memory that exists already, without a check."""
    cell = RNN(inputs, hidden, dtype=np.float32, rng=0).cells[0]
    W_xh, W_hh, W_hh_T, b_h = cell.W_xh, _aligned(cell.W_hh), _aligned(cell.W_hh.T), cell.b_h
    x, d_output = (np.ascontiguousarray(rows.swapaxes(0, 1)).reshape(time * batch, -1) for rows in
                   arrays(batch, time, inputs, hidden))  # fmt: skip
    states = np.zeros(((time + 1) * batch, hidden), np.float32)
    h_prev, h, slope, d_a = states[:-batch], states[batch:], np.empty_like(d_output), np.empty_like(d_output)
    shape = (-1, hidden) if batch == 1 else (-1, batch, hidden)  # a batch of one as vectors
    h_0, *steps = states.reshape(shape)
    backwards = [list(rows.reshape(shape))[::-1] for rows in (d_a, slope)]
    W_hh_h, d_future = np.empty_like(h_0), np.empty_like(h_0)

    def forward():
        x.dot(W_xh.T, h)
        np.add(h, b_h, h)
        h_t = h_0
        for a_t in steps:
            h_t.dot(W_hh_T, W_hh_h)
            np.add(a_t, W_hh_h, a_t)
            h_t = np.tanh(a_t, a_t)

    def training():
        forward()
        np.multiply(h, h, slope)
        np.subtract(1.0, slope, slope)
        d_a[...] = d_output
        d_future[...] = 0.0
        for d_t, slope_t in zip(*backwards, strict=True):
            np.add(d_t, d_future, d_t)
            np.multiply(d_t, slope_t, d_t)
            d_t.dot(W_hh, d_future)
        return d_a.dot(W_xh), d_a.T.dot(x), d_a.T.dot(h_prev), np.add.reduce(d_a, axis=0)

    return {"forward": forward, "training": training}


def torch(batch, time, inputs, hidden):
    try:
        import torch
    except ImportError:
        return None
    rnn = torch.nn.RNN(inputs, hidden, batch_first=True)
    x, d_output = map(torch.from_numpy, arrays(batch, time, inputs, hidden))
    x_that_learns = x.clone().requires_grad_()

    def forward():
        with torch.no_grad():
            rnn(x)

    def training():
        rnn.zero_grad()
        x_that_learns.grad = None
        output, _ = rnn(x_that_learns)
        output.backward(d_output)

    return {"forward": forward, "training": training}


def jax(batch, time, inputs, hidden):
    try:
        import jax
        import jax.numpy as jnp
    except ImportError:
        return None
    rnn = RNN(inputs, hidden, dtype=np.float32, rng=0)
    parameters = {name: jnp.asarray(values) for name, values in rnn.cells[0].parameters().items()}
    x, d_output = map(jnp.asarray, arrays(batch, time, inputs, hidden))

    def run(parameters, x):
        z = jnp.swapaxes(x, 0, 1) @ parameters["W_xh"].T + parameters["b_h"]

        def step(h, z_t):
            h = jnp.tanh(z_t + h @ parameters["W_hh"].T)
            return h, h

        _, output = jax.lax.scan(step, jnp.zeros((batch, hidden), jnp.float32), z)
        return jnp.swapaxes(output, 0, 1)

    compiled = jax.jit(run)
    gradient = jax.jit(lambda parameters, x: jax.vjp(run, parameters, x)[1](d_output))
    return {
        "forward": lambda: compiled(parameters, x).block_until_ready(),
        "training": lambda: jax.block_until_ready(gradient(parameters, x)),
    }


def onnxruntime(batch, time, inputs, hidden, threads=1):
    """Its RNN is for inference only."""
    try:
        import onnx
        import onnxruntime
    except ImportError:
        return None
    cell = RNN(inputs, hidden, dtype=np.float32, rng=0).cells[0]
    helper, tensor = onnx.helper, onnx.numpy_helper.from_array
    weights = [
        tensor(cell.W_xh[None], "W"),
        tensor(cell.W_hh[None], "R"),
        tensor(np.concatenate([cell.b_h, np.zeros_like(cell.b_h)])[None], "B"),
    ]
    node = helper.make_node("RNN", ["x", "W", "R", "B"], ["output"], hidden_size=hidden)
    shapes = {"x": (time, batch, inputs), "output": (time, 1, batch, hidden)}
    values = {
        name: helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name, shape in shapes.items()
    }
    graph = helper.make_graph([node], "rnn", [values["x"]], [values["output"]], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    x = np.ascontiguousarray(arrays(batch, time, inputs, hidden)[0].swapaxes(0, 1))
    return {"forward": lambda: session.run(None, {"x": x})}


def textbook(batch, time, inputs, hidden):
    """The loop of many tutorials: one sample and one step at a time, with new arrays each time."""
    cell = RNN(inputs, hidden, dtype=np.float32, rng=0).cells[0]
    W_xh, W_hh, b_h = cell.W_xh, cell.W_hh, cell.b_h
    x, d_output = arrays(batch, time, inputs, hidden)

    def states_of(row):
        states = [np.zeros(hidden, np.float32)]
        for x_t in row:
            states.append(np.tanh(W_xh @ x_t + W_hh @ states[-1] + b_h))
        return states

    def training():
        d_W_xh, d_W_hh, d_b_h = np.zeros_like(W_xh), np.zeros_like(W_hh), np.zeros_like(b_h)
        for row, d_row in zip(x, d_output, strict=True):
            states = states_of(row)
            d_h_next = np.zeros(hidden, np.float32)
            for t in reversed(range(time)):
                d_a = (d_row[t] + d_h_next) * (1 - states[t + 1] ** 2)
                d_W_xh += np.outer(d_a, row[t])
                d_W_hh += np.outer(d_a, states[t])
                d_b_h += d_a
                d_h_next = W_hh.T @ d_a

    return {"forward": lambda: [states_of(row) for row in x], "training": training}


def arrays(batch, time, inputs, hidden):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((batch, time, inputs), np.float32)
    return x, rng.standard_normal((batch, time, hidden), np.float32)
