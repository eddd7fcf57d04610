"""Modules hold weights and nothing else; runs are read-only, and results and gradients belong to the caller."""

import copy
import inspect
import pickle
from contextlib import suppress

import numpy as np
import pytest

from plain import GRUCell, LeakyCell
from vanilla_rnn import RNN, Embedding, ManyToManyHead, ManyToOneHead, RNNCell

COPIES = {  # how a run can be duplicated; the first leaves it as it is
    "itself": lambda run: run,
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda run: pickle.loads(pickle.dumps(run)),
}
KINDS = ["cell", "network", "lengths", "one row", "one step", "one sequence", "own cells", "embedding", "last", "every"]


def module_and_inputs(kind, rng, dtype=np.float64):
    """A module with random weights, and the arguments of its forward, in arrays of its dtype."""

    def random(*shape):
        return rng.uniform(-0.9, 0.9, shape).astype(dtype)

    options = {"rng": rng, "dtype": dtype}
    if kind == "cell":
        return RNNCell(3, 4, **options), [random(2, 3), random(2, 4)]
    if kind == "embedding":
        return Embedding(5, 4, **options), [rng.integers(0, 5, (2, 5))]
    if kind in ("last", "every"):
        head = ManyToOneHead if kind == "last" else ManyToManyHead
        return head(8, 3, **options), [random(2, 5, 8), random(4, 2, 4)]
    if kind == "own cells":
        kinds = [LeakyCell, GRUCell, GRUCell, LeakyCell]
        cells = [cell(size, 4, **options) for cell, size in zip(kinds, [3, 3, 8, 8], strict=True)]
        return RNN.from_cells(cells, bidirectional=True), [random(2, 5, 3), random(4, 2, 4), np.array([3, 5])]
    deep = kind in ("network", "lengths")
    batch, time = {"one row": (1, 5), "one step": (2, 1)}.get(kind, (2, 5))
    rnn = RNN(3, 4, num_layers=1 + deep, bidirectional=deep, **options)
    inputs = [random(batch, time, 3), random(len(rnn.cells), batch, 4)]
    if kind == "one sequence":
        inputs = [inputs[0][0], inputs[1][:, 0].copy()]
    return rnn, [*inputs, np.array([3, 5])] if kind == "lengths" else inputs


def upstream(run, rng):
    """Random gradients for a run's backward."""
    names = inspect.signature(run.backward).parameters
    return [rng.standard_normal(getattr(run, name.removeprefix("d_")).shape) for name in names]


def arrays(results):
    """All arrays of a run, or of what a call or backward returned, by name."""
    if isinstance(results, np.ndarray):
        return {"": results}
    names = getattr(results, "_fields", getattr(results, "__slots__", ()))
    parts = {name: getattr(results, name) for name in names if name[0] != "_"} or dict(enumerate(results))
    found = {name: values for name, values in parts.items() if isinstance(values, np.ndarray)}
    for name, part in parts.items():
        if isinstance(part, (list, dict)):
            items = part.items() if isinstance(part, dict) else enumerate(part)
            found |= {f"{name}.{key}": values for key, values in items if values is not None}
    return found


def assert_same(results, others):
    results, others = arrays(results), arrays(others)
    assert results.keys() == others.keys() != set()
    for name, values in results.items():
        np.testing.assert_array_equal(values, others[name], err_msg=name)


def run_and_backward(kind, seed):
    """A module, its inputs and a run of it; upstream gradients, and what the run's backward makes of them."""
    rng = np.random.default_rng(seed)
    module, inputs = module_and_inputs(kind, rng)
    run = module.forward(*inputs)
    gradients = upstream(run, rng)
    return module, inputs, run, gradients, run.backward(*gradients)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_that_happens_later_changes_a_run(kind):
    module, inputs, run, gradients, before = run_and_backward(kind, 0)
    for values in module.parameters().values():
        values += 1.0
    for values in inputs:
        values[...] = values[::-1] if values.dtype.kind == "i" else 0.5
    module.forward(*inputs)
    assert_same(run.backward(*gradients), before)


@pytest.mark.parametrize("duplicate", COPIES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_run_and_its_copies_are_read_only(kind, duplicate):
    rng = np.random.default_rng(1)
    module, inputs = module_and_inputs(kind, rng)
    run = module.forward(*inputs)
    other, gradients = COPIES[duplicate](run), upstream(run, rng)
    assert_same(other.backward(*gradients), run.backward(*gradients))
    kept = [*arrays(other).values(), *filter(lambda values: values is not None, [getattr(other, "lengths", None)])]
    for part in (getattr(other, "cell", None), getattr(other, "head", None), *getattr(other, "cells", [])):
        if isinstance(part, (RNNCell, ManyToOneHead, ManyToManyHead)) and not isinstance(part, LeakyCell):
            kept += part.parameters().values()
    assert len(kept) > 1
    for values in kept:
        with pytest.raises(ValueError, match="read-only"):
            values[...] = 0


@pytest.mark.parametrize("kind", ["network", "one row", "one sequence", "own cells"])
def test_what_read_returns_can_not_change_the_run(kind):
    _, _, run, gradients, before = run_and_backward(kind, 8)
    for row in run.read(0):
        for values in (row.x, row.h_prev, row.h):
            with suppress(ValueError):  # read-only
                values[...] = 0.5
    assert_same(run.backward(*gradients), before)


@pytest.mark.parametrize("kind", KINDS)
def test_backward_leaves_the_gradients_that_it_is_given_alone(kind):
    rng = np.random.default_rng(2)
    module, inputs = module_and_inputs(kind, rng)
    run = module.forward(*inputs)
    gradients = upstream(run, rng)
    kept = copy.deepcopy(gradients)
    run.backward(*gradients)
    assert_same(gradients, kept)


@pytest.mark.parametrize("kind", KINDS)
def test_results_and_gradients_belong_to_the_caller(kind):
    rng = np.random.default_rng(3)
    module, inputs = module_and_inputs(kind, rng)
    before, run = copy.deepcopy(inputs), module.forward(*inputs)
    upstream_gradients = upstream(run, rng)
    results, gradients = module(*inputs), run.backward(*upstream_gradients)
    expected = copy.deepcopy(results), copy.deepcopy(gradients)
    for number, values in enumerate((*arrays(results).values(), *arrays(gradients).values())):
        values[...] = number
    assert_same(inputs, before)
    assert_same(module(*inputs), expected[0])
    assert_same(run.backward(*upstream_gradients), expected[1])


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_plain_tuples(kind):
    rng = np.random.default_rng(4)
    module, inputs = module_and_inputs(kind, rng)
    run = module.forward(*inputs)
    gradients = run.backward(*upstream(run, rng))
    assert_same(pickle.loads(pickle.dumps(gradients)), gradients)
    first = gradients._fields[0]
    assert gradients._replace(**{first: 7})[0] == 7
    assert list(gradients.d_parameters) == list(module.parameters())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", KINDS)
def test_all_results_have_the_module_s_dtype(kind, dtype):
    rng = np.random.default_rng(5)
    module, inputs = module_and_inputs(kind, rng, dtype)
    inputs = [values.tolist() for values in inputs]  # of Python's floats
    run = module.forward(*inputs)
    gradients = run.backward(*upstream(run, rng))
    results = [*arrays(run).values(), *arrays(module(*inputs)).values(), *arrays(gradients).values()]
    assert {values.dtype for values in results if values.dtype.kind == "f"} == {np.dtype(dtype)}


@pytest.mark.parametrize(("kind", "shapes"), [
    ("cell", "<CellRun: a (2, 4), h (2, 4), h_prev (2, 4), x (2, 3)>"),
    ("network", "<RNNRun: h_n (4, 2, 4), last (2, 8), output (2, 5, 8)>"),
    ("embedding", "<EmbeddingRun: ids (2, 5), vectors (2, 5, 4)>"),
    ("last", "<HeadRun: h (2, 8), y (2, 3)>"),
])  # fmt: skip
def test_the_repr_of_a_run_shows_its_shapes(kind, shapes):
    module, inputs = module_and_inputs(kind, np.random.default_rng(6))
    assert repr(module.forward(*inputs)) == shapes


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("cell", "w_hh"),
        ("network", "nonlinearity"),
        ("network", "num_layers"),
        ("embedding", "trainable"),
        ("last", "bias"),
    ],
)
def test_an_attribute_that_does_not_exist_can_not_be_set(kind, name):
    module, _ = module_and_inputs(kind, np.random.default_rng(7))
    with pytest.raises(AttributeError, match=name):
        setattr(module, name, "relu")
