"""A model as an ONNX graph, for programs that run such graphs; needs the package onnx (the extra ``onnx``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vanilla_rnn import _checks
from vanilla_rnn.models import ManyToMany, ManyToOne
from vanilla_rnn.rnn import RNN

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

    from vanilla_rnn._checks import Array
    from vanilla_rnn._parameters import Module

OPSET, IR_VERSION = 17, 9  # of 2022: old enough for the programs in use, new enough for all that is needed


def to_onnx(model: Module) -> ModelProto:
    """Embedding, RNN and head as one graph, in which batch and time may be of any size.

    Parameters
    ----------
    model : RNN, ManyToOne or ManyToMany
        What to write down, with the weights it has now, rounded to float32: that is what onnxruntime's RNN computes in.

    Returns
    -------
    onnx.ModelProto
        ``onnx.save(it, path)`` writes a file. Its inputs are ``inputs``, as the model's own with a batch axis (token
        ids are int64, vectors float32), and ``lengths``, int32, (batch,), which can't be left out: of a full batch it
        is time for every row. Its outputs are ``logits``, or of an RNN ``output`` and ``h_n``.

    Raises
    ------
    TypeError
        If it is of another kind.
    ModuleNotFoundError
        If onnx isn't installed.
    """
    if not isinstance(model, (RNN, ManyToOne, ManyToMany)):
        fix = "A decoder chooses what it reads next, which a graph can't: export its RNN."
        _checks.refuse(TypeError, "to_onnx", "model", "an RNN, ManyToOne or ManyToMany", _checks.shown(model), fix)
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    rnn = model if isinstance(model, RNN) else model.rnn
    embedding = None if isinstance(model, RNN) else model.embedding
    nodes: list[NodeProto] = []
    outputs: dict[str, list[str | int]]
    weights: dict[str, Array] = {"row_by_row": np.array([0, 0, -1])}

    def node(kind: str, inputs: list[str], *outputs: str, **attributes: Any) -> str:
        nodes.append(helper.make_node(kind, inputs, outputs, **attributes))
        return outputs[0]

    x = "inputs"
    if embedding is not None:
        weights["vectors"] = embedding.vectors
        x = node("Gather", ["vectors", x], "embedded")
    x = node("Transpose", [x], "by_step", perm=[1, 0, 2])  # (time, batch, input)
    finals = []
    for layer in range(rnn.num_layers):
        cells = rnn.cells[layer * rnn.directions :][: rnn.directions]
        zero = np.zeros(rnn.hidden_size)  # there are two biases in ONNX, as in PyTorch
        biases = [np.concatenate([zero if cell.b_h is None else cell.b_h, zero]) for cell in cells]
        parts = {
            "W": np.stack([cell.W_xh for cell in cells]),
            "R": np.stack([cell.W_hh for cell in cells]),
            "B": np.stack(biases),
        }
        weights |= {f"{name}_{layer}": values for name, values in parts.items()}
        states, final = f"states_{layer}", f"final_{layer}"
        node(
            "RNN",
            [x, f"W_{layer}", f"R_{layer}", f"B_{layer}", "lengths"],
            states,  # (time, directions, batch, hidden)
            final,  # (directions, batch, hidden)
            hidden_size=rnn.hidden_size,
            direction="bidirectional" if rnn.bidirectional else "forward",
            activations=[cells[0].nonlinearity.capitalize()] * rnn.directions,
        )
        finals.append(final)
        turned = node("Transpose", [states], f"turned_{layer}", perm=[0, 2, 1, 3])  # (time, batch, directions, hidden)
        x = node("Reshape", [turned, "row_by_row"], f"side_by_side_{layer}")  # (time, batch, directions * hidden)
    output = node("Transpose", [x], "output", perm=[1, 0, 2])

    if isinstance(model, RNN):
        node("Concat", finals, "h_n", axis=0)
        outputs = {"output": ["batch", "time", rnn.directions * rnn.hidden_size]}
        outputs["h_n"] = [len(rnn.cells), "batch", rnn.hidden_size]
    else:
        head, read = model.head, output
        if isinstance(model, ManyToOne):
            weights["flat"] = np.array([0, -1])
            turned = node("Transpose", [finals[-1]], "final_turned", perm=[1, 0, 2])  # (batch, directions, hidden)
            read = node("Reshape", [turned, "flat"], "last")  # (batch, directions * hidden)
        weights |= {"W_hy_T": head.W_hy.T, "b_y": np.zeros(len(head.W_hy)) if head.b_y is None else head.b_y}
        node("Add", [node("MatMul", [read, "W_hy_T"], "product"), "b_y"], "logits")
        steps = [] if isinstance(model, ManyToOne) else ["time"]
        outputs = {"logits": ["batch", *steps, len(head.W_hy)]}

    of_ids = embedding is not None
    shape: list[str | int] = ["batch", "time"] if of_ids else ["batch", "time", rnn.input_size]
    kind = TensorProto.INT64 if of_ids else TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        type(model).__name__,
        [
            helper.make_tensor_value_info("inputs", kind, shape),
            helper.make_tensor_value_info("lengths", TensorProto.INT32, ["batch"]),
        ],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, axes) for name, axes in outputs.items()],
        [numpy_helper.from_array(_of_the_graph(values), name) for name, values in weights.items()],
    )
    found = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="vanilla_rnn"
    )
    onnx.checker.check_model(found)
    return found


def _of_the_graph(values: Array) -> Array:
    """Weights as float32, shapes as they are."""
    return np.ascontiguousarray(values if values.dtype.kind == "i" else values.astype(np.float32))
