"""The page for a trace: the network and its inputs, put into a file that computes everything else in the browser.

``page.html`` is the frame and the style. ``page.js`` is the arithmetic: the functions of ``cell.py``, ``unroll.py``,
``rnn.py``, ``heads.py`` and ``losses.py`` in JavaScript. ``page_view.js`` draws the numbers, ``page_edit.js``
lets the reader change them, and ``page_run.js`` handles training, questions, buttons and keys, and starts the page.
"""

from __future__ import annotations

import math
from types import NoneType
from typing import TYPE_CHECKING, Any

import numpy as np

from vanilla_rnn import _checks
from vanilla_rnn._module import merge_gradients, unchecked
from vanilla_rnn.cell import functions_of
from vanilla_rnn.embedding import EmbeddingRun, embed_backward
from vanilla_rnn.heads import HeadRun, ManyToManyHead, ManyToOneHead
from vanilla_rnn.losses import binary_cross_entropy, cross_entropy, mean_squared_error
from vanilla_rnn.rnn import RNNRun

if TYPE_CHECKING:
    from vanilla_rnn._types import Array, Sequence
    from vanilla_rnn.heads import Head
    from vanilla_rnn.inspection.flow import Source, Upstream
    from vanilla_rnn.models import ModelRun

    Question = str | tuple[str, int, int]

INTERFACE = ("page_view.js", "page_edit.js", "page_run.js")
LOSSES = (binary_cross_entropy, cross_entropy, mean_squared_error)  # those that the page can compute


def page(numbers: dict[str, Any]) -> str:
    """Return one self-contained page that makes no network requests.

    Parameters
    ----------
    numbers : dict
        What `page_numbers` returned.

    Returns
    -------
    str
        HTML.
    """
    import base64
    import hashlib
    import json
    import re
    from importlib.resources import files

    text = json.dumps(_plain(numbers), separators=(",", ":"), allow_nan=False)
    text = text.replace("<", "\\u003c")  # inside a script element only "<" could end it, or start another
    folder = files("vanilla_rnn.inspection")
    engine, *interface = (folder.joinpath(name).read_text("utf-8") for name in ("page.js", *INTERFACE))
    short = re.sub(r"(?m)^\s+|^// .*\n| // .*", "", "".join(interface))
    script = f"\n{engine}\n// The interface, without comments and indentation: see {', '.join(INTERFACE)}.\n{short}"
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()  # the only script that may run
    # Remove the indentation, and the spaces around braces in the styles, to keep the page small.
    template = re.sub(r"(\n)\s+| (\{) |;? (\})", r"\1\2\3", folder.joinpath("page.html").read_text("utf-8"))
    for name, value in (("{{digest}}", digest), ("{{script}}", script), ("{{numbers}}", text)):
        template = template.replace(name, value)
    return template


def page_numbers(
    tokens: list[str], names: list[str], source: Source, questions: Sequence[Question] = ()
) -> dict[str, Any]:
    """The network, its inputs, and Python's results, with which the page compares its own."""
    run, model_run, upstream, rows = source.rnn_run, source.model_run, source.upstream, source.rows
    if model_run is not None:
        _refuse_own_parts(model_run)
    paths, prefix = (run._paths, "") if model_run is None else (model_run._paths, "rnn.")
    length, reasons = len(tokens), []
    parameters: dict[str, Array] = {}

    def key(path: str, values: Array | None) -> str | None:
        """The key of a weight in ``parameters()``; the weight is added to the parameters of the page."""
        if values is None:
            return None
        parameters[paths[path]] = values
        return paths[path]

    cells = []
    for number, (row, name) in enumerate(zip(rows, names, strict=True)):
        cell, path = row.cell, f"{prefix}cells.{number}."
        entry: dict[str, Any] = {"name": name, "f": cell.nonlinearity, "reverse": row.reverse}
        entry["layer"] = number // run.directions
        entry |= {weight: key(path + weight, getattr(cell, weight)) for weight in ("W_xh", "W_hh", "b_h")}
        if not isinstance(cell.nonlinearity, str):
            entry |= {"f": "f", "given": {"states": row.h, "slopes": functions_of(cell.nonlinearity)[1](row.h)}}
            reasons.append("its nonlinearity is a function of your own, which this page can't compute")
        cells.append(entry)

    first = [row.h_prev[-1 if row.reverse else 0] for row in rows] if length else [source.of_row(h) for h in run.h_n]
    numbers: dict[str, Any] = {"tokens": tokens, "cells": cells, "h_0": first, "dtype": str(run.h_n.dtype)}
    results: dict[str, Any] = {"states": [row.h for row in rows], "logits": None, "loss": None, "gradients": {}}
    if model_run is not None:
        head, y = model_run.head_run.head, source.of_row(model_run.logits)
        y = results["logits"] = y[:length] if y.ndim == 2 else y
        weights = {weight: key(f"head.{weight}", getattr(head, weight)) for weight in ("W_hy", "b_y")}
        numbers["head"] = weights | {"each_step": y.ndim == 2}
    embedding_run = None if model_run is None else model_run.embedding_run
    if embedding_run is None:
        numbers["x"] = rows[0].x
    else:  # after the head, with which it may share its table
        numbers["embedding"] = _embedding(source, embedding_run, tokens, parameters, paths["embedding.vectors"])
    if upstream is not None:
        results["gradients"] = _gradients(source, upstream)
        known_loss = next((loss.__name__ for loss in LOSSES if loss is source.loss), None)
        if known_loss is not None:
            results["loss"] = upstream.loss
            numbers |= {"loss": known_loss, "target": _target(source, results["logits"])}
        else:
            numbers["upstream"] = _given(source, upstream, length)
            if source.loss is not None:
                reasons.append("its loss is a function of your own, which this page can't compute")
    numbers |= {"parameters": parameters, "results": results, "read_only": " and ".join(dict.fromkeys(reasons))}
    return numbers | {"questions": [_question(question, numbers) for question in questions]}


def _refuse_own_parts(run: ModelRun) -> None:
    """Refuse parts of your own: the page can compute only what this library's parts compute."""
    kinds: list[type] = [type(run.embedding_run), type(run.head_run)]
    own = [kind for kind in kinds if kind not in (EmbeddingRun, HeadRun, NoneType)]
    if not own and _is_own_head(type(run.head_run.head)):
        own = [type(run.head_run.head)]
    if own:
        got, fix = f"one with a {own[0].__name__}", "Use print(trace): the page can't compute what yours does."
        _checks.fail(TypeError, "Trace.save_html", "the model", "of parts of this library", got, fix)


def _is_own_head(kind: type[Head]) -> bool:
    """Whether a class of heads computes something other than this library's heads."""
    base = ManyToOneHead if issubclass(kind, ManyToOneHead) else ManyToManyHead
    return any(getattr(kind, name) is not getattr(base, name) for name in ("forward", "_forward", "select"))


def _embedding(
    source: Source, run: EmbeddingRun, tokens: list[str], parameters: dict[str, Array], key: str
) -> dict[str, Any]:
    """The ids of the sentence, and the vectors of its words; a run doesn't keep the other rows of the table."""
    ids, vectors = source.of_row(run.ids, len(tokens)), source.of_row(run.vectors, len(tokens))
    if key in parameters:  # the head uses the same table, and has all of it
        known = np.arange(run._num_embeddings)
    else:
        known, first = np.unique(ids, return_index=True)
        parameters[key] = vectors[first]
    words = dict(zip(ids.tolist(), tokens, strict=True))
    names = [words.get(one, "") for one in known.tolist()]
    return {"key": key, "count": run._num_embeddings, "ids": known, "words": names, "rows": np.searchsorted(known, ids)}


def _target(source: Source, logits: Array) -> Array:
    """The targets of this row, in the shape of its logits; for class ids, that shape without its last axis."""
    targets = source.model_run.targets if source.targets is None and source.model_run is not None else source.targets
    shape = logits.shape[:-1] if source.loss is cross_entropy else logits.shape
    of_row = source.of_row(np.asarray(targets), len(logits) if logits.ndim == 2 else None)
    values = np.asarray(of_row).reshape(shape)
    return values.astype(int) if values.dtype == bool else values


def _given(source: Source, upstream: Upstream, length: int) -> dict[str, Array | None]:
    """The upstream gradients for this row."""
    if upstream.d_logits is not None:
        d_logits = source.of_row(upstream.d_logits)
        return {"d_logits": d_logits[:length] if d_logits.ndim == 2 else d_logits}
    d_output, d_h_n = upstream.d_output, upstream.d_h_n
    if d_h_n is not None and source.rnn_run.batched:
        d_h_n = d_h_n[:, source.row]
    return {"d_output": None if d_output is None else source.of_row(d_output, length), "d_h_n": d_h_n}


@np.errstate(**_checks.QUIET)  # a gradient that exploded is shown as it is
def _gradients(source: Source, upstream: Upstream) -> dict[str, Array]:
    """The gradients of this row by the keys of ``parameters()``: those of all other rows are left out."""
    run, model_run = source.rnn_run, source.model_run

    def alone(values: Array | None, axis: int = 0) -> Array | None:
        """The values with zeros in place of all other rows."""
        if values is None or not run.batched:
            return values
        index = (slice(None),) * axis + (source.row,)
        zeros = np.zeros_like(values)
        zeros[index] = values[index]
        return zeros

    backward = unchecked(run, RNNRun, "backward")
    d_x, _, _, d_rnn = backward(alone(upstream.d_output), alone(upstream.d_h_n, axis=1))
    if model_run is None:
        return dict(d_rnn)
    parts, embedding_run = {"rnn": d_rnn}, model_run.embedding_run
    if upstream.d_logits is not None:
        d_logits = _checks.zero_padding(np.asarray(alone(upstream.d_logits)), model_run.lengths)
        parts["head"] = model_run.head_run.backward(d_logits).d_parameters
    if embedding_run is not None:
        d_vectors = embed_backward(d_x, embedding_run.ids, embedding_run._num_embeddings)
        if model_run._paths["embedding.vectors"] != model_run._paths["head.W_hy"]:
            d_vectors = d_vectors[np.unique(source.of_row(embedding_run.ids, source.length))]  # as in the page
        parts["embedding"] = {"vectors": d_vectors}
    return merge_gradients(model_run._paths, parts)


def _question(question: Any, numbers: dict[str, Any]) -> list[Any]:
    """A question as a list, with the step and the unit of a state."""
    where = "Trace.save_html"
    kind, *place = question if isinstance(question, (tuple, list)) and question else (question,)
    possible = ["state"] if numbers["tokens"] else []
    if "head" in numbers:
        possible.append("probability")
    if numbers["tokens"] and ("loss" in numbers or "upstream" in numbers):
        possible.append("gradient")
    if kind not in possible:
        expected, fix = _checks.listed(possible), "Ask for a number that this trace contains."
        _checks.fail(ValueError, where, "questions", f"chosen from {expected}", _checks.shown(question), fix)
    sizes = (len(numbers["tokens"]), len(numbers["h_0"][-1]))
    valid = [isinstance(n, int) and 0 <= n < size for n, size in zip(place, sizes, strict=False)]
    if place and not (kind == "state" and len(place) == 2 and all(valid)):
        expected = f'"state", or ("state", t, unit) with t below {sizes[0]} and unit below {sizes[1]}'
        _checks.fail(ValueError, where, "questions", expected, _checks.shown(question), "Count both from 0.")
    return [kind, *place]


def _plain(value: Any) -> Any:
    """Arrays as lists of Python numbers with all digits. Infinity and NaN become None, because JSON has neither."""
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    if isinstance(value, float):
        return None if not math.isfinite(value) else int(value) if value.is_integer() and abs(value) < 1e15 else value
    return value
