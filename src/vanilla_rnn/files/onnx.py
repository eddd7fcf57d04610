"""A model as an ONNX graph, for programs that run such graphs; needs the package onnx (the extra ``onnx``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vanilla_rnn import _checks
from vanilla_rnn.files._shared import exported_arrays, require_finite
from vanilla_rnn.models import ManyToMany, ManyToOne
from vanilla_rnn.rnn import RNN

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, TensorProto

    from vanilla_rnn._module import Module
    from vanilla_rnn.heads import Head

OPSET, IR_VERSION = 17, 9  # from 2022: old enough for the programs in use, new enough for these operators
ACTIVATIONS = {"tanh": "Tanh", "relu": "Relu", "sigmoid": "Sigmoid", "linear": "Affine"}  # Affine: alpha a + beta


def to_onnx(model: Module) -> ModelProto:
    """Return embedding, RNN and head as one graph, in which batch and time may have any size.

    A long sequence can be read in pieces: pass the ``h_n`` of one piece as the ``h_0`` of the next.

    Parameters
    ----------
    model : RNN, ManyToOne or ManyToMany
        What to export, with its current weights. They are rounded to float32, because onnxruntime's RNN
        computes in float32.

    Returns
    -------
    onnx.ModelProto
        ``onnx.save(graph, path)`` writes a file.

        It has three inputs. ``inputs`` has the shape of the model's inputs, with a batch axis: token ids in int64,
        vectors in float32.
        ``lengths``, int64, (batch,), is required: for a full batch, pass the number of steps for every sequence.
        ``h_0``, float32, (num_layers * directions, batch, hidden_size), is optional and defaults to zeros. onnxruntime
        warns that h_0 "will not be treated as constant"; this is intended.

        Its outputs are ``logits`` and ``h_n``, or for an RNN ``output`` and ``h_n``.

        The graph looks up every id, including those beyond a sequence's length, so pad with 0. It doesn't refuse
        negative ids: -1 gives the last row of the table.

    Raises
    ------
    ValueError
        If a number isn't finite or is too large for float32, or a nonlinearity is a pair of your own functions.
    TypeError
        If the model is of another kind, has additional parameters, or has cells of your own.
    ModuleNotFoundError
        If onnx isn't installed.
    """
    where = "to_onnx"
    if not isinstance(model, (RNN, ManyToOne, ManyToMany)):
        fix = "Export an RNN on its own: decoder.rnn, or RNN.from_cells([cell])."
        _checks.fail(TypeError, where, "model", "an RNN, a ManyToOne or a ManyToMany", _checks.shown(model), fix)
    import onnx
    from onnx import TensorProto, helper

    exported_arrays(model, where)  # only for its checks: the graph contains all these arrays
    require_finite(model, where, np.float32)
    graph, info, x = _Graph(), helper.make_tensor_value_info, "inputs"
    axes: list[str | int] = ["batch", "time"]
    rnn, embedding = (model, None) if isinstance(model, RNN) else (model.rnn, model.embedding)
    inputs = info("inputs", TensorProto.FLOAT, [*axes, rnn.input_size])
    if embedding is not None:
        x = graph.node("Gather", [graph.weight("vectors", embedding.vectors), "inputs"], "embedded")
        inputs = info("inputs", TensorProto.INT64, axes)
    result, h_n = graph.unroll(rnn, x)
    size = rnn.directions * rnn.hidden_size
    if isinstance(model, ManyToOne):
        result, axes = graph.last(rnn, h_n), ["batch"]
    if not isinstance(model, RNN):
        result, size = graph.read(model.head, result), len(model.head.W_hy)

    states: list[str | int] = [len(rnn.cells), "batch", rnn.hidden_size]
    exported = helper.make_model(
        helper.make_graph(
            graph.nodes, type(model).__name__,
            [inputs, info("lengths", TensorProto.INT64, ["batch"]), info("h_0", TensorProto.FLOAT, states)],
            [info(result, TensorProto.FLOAT, [*axes, size]), info(h_n, TensorProto.FLOAT, states)],
            graph.weights,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="vanilla_rnn",
    )  # fmt: skip
    onnx.checker.check_model(exported)
    return exported


class _Graph:
    """The operators of a graph and the arrays that they read. Each method returns the name of its result."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.weights: list[TensorProto] = []

    def node(self, kind: str, reads: list[str], *writes: str, **options: Any) -> str:
        """Add an operator and return the name of its first result."""
        from onnx.helper import make_node

        self.nodes.append(make_node(kind, reads, writes, **options))
        return writes[0]

    def weight(self, name: str, values: Any) -> str:
        """Add an array: whole numbers in int64, others in float32."""
        from onnx.numpy_helper import from_array

        dtype = np.int64 if np.asarray(values).dtype.kind == "i" else np.float32
        self.weights.append(from_array(np.ascontiguousarray(values, dtype), name))
        return name

    def unroll(self, rnn: RNN, x: str) -> tuple[str, str]:
        """(batch, time, input) -> output, (batch, time, directions * hidden), and h_n."""
        self.weight("h_0", np.zeros((len(rnn.cells), 1, rnn.hidden_size)))  # the default, for a batch of any size
        self.node("Cast", ["lengths"], "lengths_int32", to=6)  # TensorProto.INT32, which the operator RNN reads
        batch = self.node("Shape", ["lengths"], "batch")
        shape = self.node("Concat", [self.weight("one", [1]), batch, "one"], "one_batch_one", axis=0)
        h_0 = self.node("Expand", ["h_0", shape], "h_0_of_batch")
        self.node("Split", [h_0], *(f"h_0_{layer}" for layer in range(rnn.num_layers)), axis=0)
        self.weight("concat_directions", [0, 0, rnn.directions * rnn.hidden_size])  # 0: the axis stays
        x = self.node("Transpose", [x], "time_first", perm=[1, 0, 2])  # (time, batch, input)
        for layer in range(rnn.num_layers):
            cells = rnn.cells[layer * rnn.directions :][: rnn.directions]
            zeros = np.zeros(rnn.hidden_size)  # there are two biases in ONNX, as in PyTorch
            W = self.weight(f"W_{layer}", [cell.W_xh for cell in cells])
            R = self.weight(f"R_{layer}", [cell.W_hh for cell in cells])
            biases = [np.append(zeros if cell.b_h is None else cell.b_h, zeros) for cell in cells]
            options: dict[str, Any] = {"activations": [ACTIVATIONS[cell.nonlinearity] for cell in cells]}
            if "Affine" in options["activations"]:
                options |= {"activation_alpha": [1.0] * len(cells), "activation_beta": [0.0] * len(cells)}
            states = self.node(
                "RNN", [x, W, R, self.weight(f"B_{layer}", biases), "lengths_int32", f"h_0_{layer}"],
                f"states_{layer}", f"final_{layer}",  # (time, directions, batch, hidden), (directions, batch, hidden)
                hidden_size=rnn.hidden_size, direction="bidirectional" if rnn.bidirectional else "forward", **options,
            )  # fmt: skip
            turned = self.node("Transpose", [states], f"turned_{layer}", perm=[0, 2, 1, 3])
            x = self.node("Reshape", [turned, "concat_directions"], f"output_{layer}")  # (time, batch, all of hidden)
        final = self.node("Concat", [f"final_{layer}" for layer in range(rnn.num_layers)], "final", axis=0)
        # For empty sequences onnxruntime gives 0, so h_0 is used instead.
        empty = self.node("Equal", ["lengths", self.weight("zero", [0])], "empty")
        empty = self.node("Unsqueeze", [empty, "one"], "empty_rows")  # (batch, 1)
        return self.node("Transpose", [x], "output", perm=[1, 0, 2]), self.node("Where", [empty, h_0, final], "h_n")

    def last(self, rnn: RNN, h_n: str) -> str:
        """The top layer's final states, (batch, directions * hidden)."""
        top = self.weight("top", np.arange(len(rnn.cells))[-rnn.directions :])
        turned = self.node("Transpose", [self.node("Gather", [h_n, top], "h_n_top")], "h_n_turned", perm=[1, 0, 2])
        return self.node("Reshape", [turned, self.weight("flat", [0, rnn.directions * rnn.hidden_size])], "last")

    def read(self, head: Head, states: str) -> str:
        """The states that a head reads -> logits."""
        b_y = self.weight("b_y", np.zeros(len(head.W_hy)) if head.b_y is None else head.b_y)
        product = self.node("MatMul", [states, self.weight("W_hy_T", head.W_hy.T)], "product")
        return self.node("Add", [product, b_y], "logits")
