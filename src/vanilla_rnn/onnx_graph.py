"""A model as an ONNX graph, for programs that run such graphs; needs the package onnx (the extra ``onnx``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vanilla_rnn import _checks
from vanilla_rnn.models import ManyToMany, ManyToOne
from vanilla_rnn.rnn import RNN

if TYPE_CHECKING:
    from onnx import ModelProto

    from vanilla_rnn._checks import Array
    from vanilla_rnn._parameters import Module
    from vanilla_rnn.embedding import Embedding

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

        The graph looks up every id, behind a row's length too: pad with 0, not with -100. And it doesn't mind an id of
        -1: it takes the last row of the table.

    Raises
    ------
    ValueError
        If a number isn't finite, or too large for float32.
    TypeError
        If it is of another kind, or has parameters beside those of its kind.
    ModuleNotFoundError
        If onnx isn't installed.
    """
    if not isinstance(model, (RNN, ManyToOne, ManyToMany)):
        fix = "A decoder chooses what it reads next, which a graph can't: export its RNN."
        _checks.refuse(TypeError, "to_onnx", "model", "an RNN, ManyToOne or ManyToMany", _checks.shown(model), fix)
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    rnn, embedding = (model, None) if isinstance(model, RNN) else (model.rnn, model.embedding)
    parts = _Parts()
    vectors = "inputs" if embedding is None else parts.look_up(embedding)
    output, finals = parts.unroll(rnn, vectors)
    outputs: dict[str, list[str | int]]
    if isinstance(model, RNN):
        parts.node("Concat", finals, "h_n", axis=0)
        outputs = {"output": ["batch", "time", rnn.directions * rnn.hidden_size]}
        outputs["h_n"] = [len(rnn.cells), "batch", rnn.hidden_size]
    else:
        parts.read(model, output, finals[-1])
        steps = [] if isinstance(model, ManyToOne) else ["time"]
        outputs = {"logits": ["batch", *steps, len(model.head.W_hy)]}
    _checks.none_lost(model.parameters(), parts.taken, "model", "to_onnx")
    for path, values in model.parameters().items():
        rounded = _checks.floats(values, path, "to_onnx", np.dtype(np.float32))
        _checks.finite(rounded, path, "to_onnx", "Is it too large for float32, or has training diverged?")

    ids, numbers, info = TensorProto.INT64, TensorProto.FLOAT, helper.make_tensor_value_info
    inputs = info("inputs", numbers, ["batch", "time", rnn.input_size])
    if embedding is not None:
        inputs = info("inputs", ids, ["batch", "time"])
    graph = helper.make_graph(
        [helper.make_node(kind, reads, writes, **options) for kind, reads, writes, options in parts.nodes],
        type(model).__name__,
        [inputs, info("lengths", TensorProto.INT32, ["batch"])],
        [info(name, numbers, axes) for name, axes in outputs.items()],
        [numpy_helper.from_array(_of_the_graph(values), name) for name, values in parts.weights.items()],
    )
    opsets = [helper.make_opsetid("", OPSET)]
    found = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="vanilla_rnn")
    onnx.checker.check_model(found)
    return found


class _Parts:
    """The nodes of a graph and the weights they read, as they are put together, by the names they go by in it."""

    def __init__(self) -> None:
        self.nodes: list[tuple[str, list[str], list[str], dict[str, Any]]] = []
        self.weights: dict[str, Array] = {}
        self.taken: list[Array] = []  # of the model's own arrays

    def node(self, kind: str, reads: list[str], *writes: str, **options: Any) -> str:
        """One operation; the first name that it writes."""
        self.nodes.append((kind, reads, list(writes), options))
        return writes[0]

    def look_up(self, embedding: Embedding) -> str:
        """Ids -> vectors, (batch, time, input)."""
        self.weights["vectors"] = embedding.vectors
        self.taken.append(embedding.vectors)
        return self.node("Gather", ["vectors", "inputs"], "embedded")

    def unroll(self, rnn: RNN, vectors: str) -> tuple[str, list[str]]:
        """Vectors -> output, (batch, time, directions * hidden), and each layer's final states."""
        self.weights["row_by_row"] = np.array([0, 0, rnn.directions * rnn.hidden_size])  # 0: as it is
        x = self.node("Transpose", [vectors], "by_step", perm=[1, 0, 2])  # (time, batch, input)
        finals = []
        for layer in range(rnn.num_layers):
            cells = rnn.cells[layer * rnn.directions :][: rnn.directions]
            for cell in cells:
                self.taken += [cell.W_xh, cell.W_hh] + ([] if cell.b_h is None else [cell.b_h])
            zero = np.zeros(rnn.hidden_size)  # there are two biases in ONNX, as in PyTorch
            self.weights[f"W_{layer}"] = np.stack([cell.W_xh for cell in cells])
            self.weights[f"R_{layer}"] = np.stack([cell.W_hh for cell in cells])
            self.weights[f"B_{layer}"] = np.stack(
                [np.concatenate([zero if cell.b_h is None else cell.b_h, zero]) for cell in cells]
            )
            states = self.node(
                "RNN",
                [x, f"W_{layer}", f"R_{layer}", f"B_{layer}", "lengths"],
                f"states_{layer}",  # (time, directions, batch, hidden)
                f"final_{layer}",  # (directions, batch, hidden)
                hidden_size=rnn.hidden_size,
                direction="bidirectional" if rnn.bidirectional else "forward",
                activations=[cell.nonlinearity.capitalize() for cell in cells],
            )
            finals.append(f"final_{layer}")
            turned = self.node("Transpose", [states], f"turned_{layer}", perm=[0, 2, 1, 3])
            x = self.node("Reshape", [turned, "row_by_row"], f"side_by_side_{layer}")  # (time, batch, all of hidden)
        return self.node("Transpose", [x], "output", perm=[1, 0, 2]), finals

    def read(self, model: ManyToOne | ManyToMany, output: str, final: str) -> str:
        """Output, or the top layer's final states, -> logits."""
        head, states = model.head, output
        if isinstance(model, ManyToOne):
            self.weights["flat"] = np.array([0, head.W_hy.shape[1]])
            turned = self.node("Transpose", [final], "final_turned", perm=[1, 0, 2])  # (batch, directions, hidden)
            states = self.node("Reshape", [turned, "flat"], "last")  # (batch, directions * hidden)
        self.taken += [head.W_hy] + ([] if head.b_y is None else [head.b_y])
        self.weights["W_hy_T"] = head.W_hy.T
        self.weights["b_y"] = np.zeros(len(head.W_hy)) if head.b_y is None else head.b_y
        return self.node("Add", [self.node("MatMul", [states, "W_hy_T"], "product"), "b_y"], "logits")


def _of_the_graph(values: Array) -> Array:
    """Weights as float32, shapes as they are."""
    return np.ascontiguousarray(values if values.dtype.kind == "i" else values.astype(np.float32))
