"""The tests of the exercises. A failure says which exercise is still open, or what the likely mistake is.

python -m pytest examples/exercises -x

The expected values come from the library, from derivatives, or from a property that must hold. Weights are random,
unequal and far from saturation, and sizes differ along every axis, so that a test notices every transposed matrix.
"""

import importlib
import os
import re
import traceback
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest

from vanilla_rnn import (
    RNN,
    Decoder,
    Embedding,
    ManyToManyHead,
    RNNCell,
    check_gradients,
    clip_grad_norm,
    mean_squared_error,
    worked_example,
)

# The file to test: exercises.py, or another one in this folder.
MODULE = importlib.import_module(f"{__package__}.{os.environ.get('EXERCISES', 'exercises')}")

RETURNS = {
    "step_backward": ("d_x", "d_h_prev", "d_W_xh", "d_W_hh", "d_b_h"),
    "backward": ("d_x", "d_h_0", "d_W_xh", "d_W_hh", "d_b_h"),
    "forward_padded": ("output", "h_n"),
    "padded_mean_squared_error": ("loss", "d_predictions"),
    "shift": ("inputs", "targets", "counts"),
}

INPUT, HIDDEN, TIME, BATCH = 3, 4, 6, 5
rng = np.random.default_rng(int(os.environ.get("EXERCISES_SEED", "7")))  # --student sets it: see conftest.py
W_xh = rng.uniform(-0.7, 0.7, (HIDDEN, INPUT))
W_hh = rng.uniform(-0.7, 0.7, (HIDDEN, HIDDEN))
b_h = rng.uniform(-0.7, 0.7, HIDDEN)
x, h_0 = rng.uniform(-1, 1, (TIME, INPUT)), rng.uniform(-0.9, 0.9, HIDDEN)
d_output, d_h_n = rng.standard_normal((TIME, HIDDEN)), rng.standard_normal(HIDDEN)
cell = RNNCell.from_weights(W_xh, W_hh, b_h)
rnn = RNN.from_cells([cell])
states = rnn.forward(x, h_0[None]).output
before = np.concatenate([h_0[None], states[:-1]])  # the state before each step

rows, rows_h_0 = rng.uniform(-1, 1, (BATCH, TIME, INPUT)), rng.uniform(-0.9, 0.9, (BATCH, HIDDEN))
lengths = rng.permutation([4, 6, 0, 1, 5])
real = np.arange(TIME) < lengths[:, None]  # (batch, time)


def attempt(name, call, *arguments):
    """The result of the learner's code. If it is still open, or shapes differ in it, the test fails with a message."""
    __tracebackhide__ = True
    problem = None
    try:
        result = call(*arguments)
    except NotImplementedError as error:
        problem = str(error)
    except ValueError as error:
        if not re.search("matmul|core dimension|broadcast|not aligned", str(error)):
            raise
        problem = shapes_differ(name, error)
    if problem:
        pytest.fail(problem, pytrace=False)
    if result is None:
        pytest.fail(f"{name} returns None: add a return statement.", pytrace=False)
    return result


def answer(name, *arguments):
    """The result of the learner's function of this name."""
    __tracebackhide__ = True
    given = deepcopy(arguments)
    result = attempt(name, getattr(MODULE, name), *given)
    parts = RETURNS.get(name, ())
    if not parts and isinstance(result, tuple):
        pytest.fail(f"{name} should return one value, and returns {len(result)}.", pytrace=False)
    names = list(arguments[0]) if isinstance(arguments[0], dict) else []
    if names and not (isinstance(result, dict) and set(result) == set(names)):
        pytest.fail(f"{name} should return a dictionary with the names {', '.join(names)}.", pytrace=False)
    if parts and not (isinstance(result, (tuple, list)) and len(result) == len(parts)):
        pytest.fail(f"{name} should return {len(parts)} values: {', '.join(parts)}.", pytrace=False)
    for now, then in zip(given, arguments, strict=True):
        pairs = [(now[key], then[key]) for key in then] if isinstance(then, dict) else [(now, then)]
        if not all(np.array_equal(a, b, equal_nan=np.asarray(b).dtype.kind == "f") for a, b in pairs):
            hint = "`a += b` and `a *= b` write into the array: write a = a + b, or work on a copy."
            pytest.fail(f"{name} has changed its arguments. {hint}", pytrace=False)
    if isinstance(result, dict):
        return result
    return [np.asarray(part) for part in result] if parts else np.asarray(result)


def shapes_differ(name, error):
    """A message for NumPy's error about shapes: a hint, the learner's line that raised it, and the error."""
    lines = [line for line in traceback.extract_tb(error.__traceback__) if line.filename == MODULE.__file__]
    texts = [f"{name}: the shapes don't fit. Check `@` and the transposes and, in a batch, `[:, None]`."]
    texts += [f"{Path(line.filename).name}, line {line.lineno}: {line.line}" for line in lines[-1:]]
    return "\n".join([*texts, f"ValueError: {error}"])


def check(name, result, right, mistakes=None):
    """Fail if the result isn't right, with the hint for a known mistake, {hint: result}, or the first wrong number."""
    __tracebackhide__ = True
    result, right = np.asarray(result), np.asarray(right)
    if same(result, right):
        return
    for hint, wrong in (mistakes or {}).items():
        if same(result, np.asarray(wrong)):
            pytest.fail(f"{name}: {hint}", pytrace=False)
    if result.shape != right.shape:
        pytest.fail(f"{name}: the shape is {result.shape}, and should be {right.shape}.", pytrace=False)
    place = tuple(int(i) for i in np.argwhere(~np.isclose(result, right, rtol=1e-9, atol=1e-12))[0])
    where = f" at {list(place)}" if place else ""
    pytest.fail(f"{name}:{where} it is {result[place]:.6g}, and should be {right[place]:.6g}.", pytrace=False)


def check_order(name, results, right):
    """Fail if the function returns the right arrays, but in another order."""
    __tracebackhide__ = True
    places = [[place for place, array in enumerate(right) if same(result, np.asarray(array))] for result in results]
    order = [place for candidates in places for place in candidates]
    if all(len(candidates) == 1 for candidates in places) and sorted(order) == list(range(len(right))) != order:
        parts, given = RETURNS[name], ", ".join(RETURNS[name][place] for place in order)
        hint = f"the arrays are right, but in another order: {given}. Return {', '.join(parts)}."
        pytest.fail(f"{name}: {hint}", pytrace=False)


def same(a, b):
    return a.shape == b.shape and np.allclose(a, b, rtol=1e-9, atol=1e-12, equal_nan=True)


def derivative(f, values):
    """df/dvalues, number by number: f(v + i h) = f(v) + i h f'(v), which is exact for an h so small that h^2 is 0."""
    gradient = np.empty(values.shape)
    for place in np.ndindex(values.shape):
        moved = values.astype(complex)
        moved[place] += 1e-50j
        gradient[place] = f(moved).imag / 1e-50
    return gradient


def loss(given):
    """A loss that depends on every state, and once more on the final one, for a network with one cell."""
    given = {name: values.astype(complex) for name, values in given.items()}
    moved = RNNCell(INPUT, HIDDEN)
    moved.W_xh, moved.W_hh, moved.b_h = given["W_xh"], given["W_hh"], given["b_h"]
    run = RNN.from_cells([moved]).forward(given["x"], given["h_0"][None])
    return (d_output[: len(run.output)] * run.output).sum() + (d_h_n * run.h_n[0]).sum()


def true_gradients(steps):
    """The derivatives of that loss for a sequence of so many steps."""
    given = {"x": x[:steps], "h_0": h_0, "W_xh": W_xh, "W_hh": W_hh, "b_h": b_h}

    def with_another(name):
        return lambda values: loss(given | {name: values})

    return {f"d_{name}": derivative(with_another(name), values) for name, values in given.items()}


def back_through(t, d_h):
    """The library's gradients of step t alone."""
    return cell.forward(x[t], before[t]).backward(d_h)


# 1: step


def test_1_the_state_after_one_step():
    right = cell.forward(x[0], h_0)
    mistakes = {
        "this is the sum before tanh.": right.a,
        "b_h is missing.": np.tanh(right.a - b_h),
        "the memory is missing, W_hh h_prev.": np.tanh(right.a - W_hh @ h_0),
        "W_hh is transposed. Write W_hh @ h_prev, not h_prev @ W_hh.": np.tanh(right.a + (W_hh.T - W_hh) @ h_0),
        "only W_xh x_t is inside tanh. Add all three terms first: tanh(W_xh x_t + W_hh h_prev + b_h).": (
            np.tanh(W_xh @ x[0]) + W_hh @ h_0 + b_h
        ),
        "b_h is outside tanh. Add it to the sum before tanh.": np.tanh(right.a - b_h) + b_h,
        "each term has its own tanh. Add all three terms first: one tanh of the whole sum.": (
            np.tanh(W_xh @ x[0]) + np.tanh(W_hh @ h_0 + b_h)
        ),
        "W_hh isn't used. The memory is W_hh h_prev, not h_prev itself.": np.tanh(right.a + h_0 - W_hh @ h_0),
        "x_t isn't read. Add W_xh x_t.": np.tanh(right.a - W_xh @ x[0]),
        "this is relu of the sum. The nonlinearity is np.tanh.": np.maximum(right.a, 0),
        "this is the sigmoid of the sum. The nonlinearity is np.tanh.": 1 / (1 + np.exp(-right.a)),
        "`W_hh * h_prev` is a matrix. The product of a matrix and a vector is `W_hh @ h_prev`.": (
            np.tanh(W_xh @ x[0] + W_hh * h_0 + b_h)
        ),
    }
    check("h_t", answer("step", W_xh, W_hh, b_h, x[0], h_0), right.h, mistakes)


# 2: unroll


def test_2_every_state_comes_from_the_one_before():
    result = answer("unroll", W_xh, W_hh, b_h, x, h_0)
    from_h_0 = cell(x, np.tile(h_0, (TIME, 1)))
    mistakes = {
        "every step started from h_0. Pass the state on: h_t is the next step's h_prev.": from_h_0,
        "the first step started from zeros. Its h_prev is h_0.": rnn(x)[0],
        "the first row is h_0. Return only the states after a step.": np.concatenate([h_0[None], states]),
        "it is one step late. Row t is the state after reading x_t.": before,
        "this is only the last state. Return all of them.": states[-1],
        "it is in reverse. Row 0 is the state after the first step.": states[::-1],
        "it reads from the last input to the first. Begin with x[0].": rnn(x[::-1], h_0[None])[0][::-1],
        "every step reads x[0]. Step t reads x[t].": rnn(np.tile(x[0], (TIME, 1)), h_0[None])[0],
        "step 0 is left out. Row 0 is the state after reading x[0].": (
            np.concatenate([h_0[None], rnn(x[1:], h_0[None])[0]])
        ),
        "the last state is missing. There are as many states as inputs.": states[:-1],
        "this is only the first state. Is `return` inside the loop?": states[:1],
        "only the first row is computed. Is `return` inside the loop?": np.where(
            np.arange(TIME)[:, None] < 1, states, 0
        ),
        "every row is the last state. Write each step into its own row.": np.tile(states[-1], (TIME, 1)),
    }
    check("states", result, states, mistakes)


def test_2_no_steps_no_states():
    result = answer("unroll", W_xh, W_hh, b_h, x[:0], h_0)
    mistakes = {"an array of an empty list has shape (0,). Start with np.empty((len(x), len(h_0))).": np.empty(0)}
    check("states of a sequence of no steps", result, states[:0], mistakes)


def test_2_i_love_this_movie():
    example = worked_example
    result = answer("unroll", example.W_xh, example.W_hh, example.b_h, example.EMBEDDINGS, np.zeros(3))
    check("the worked example's twelve numbers", np.round(result, 4), example.PRINTED_STATES)


# 3: step_backward

d_h = d_output[0] + d_h_n  # the gradient of the state after step 0, if that is the only step


def step_backward():
    result = answer("step_backward", W_xh, W_hh, states[0], x[0], h_0, d_h)
    right = back_through(0, d_h)
    check_order("step_backward", result, [right.d_x, right.d_h_prev, *right.d_parameters.values()])
    return dict(zip(RETURNS["step_backward"], result, strict=True))


def test_3_the_gradient_passes_tanh_first():
    right = back_through(0, d_h).d_parameters["b_h"]
    mistakes = {
        "the slope of tanh is missing. d_b_h is d_a = d_h (1 - h_t^2), not d_h.": d_h,
        "tanh is applied twice. h_t is already tanh(a): the slope is 1 - h_t^2.": d_h * (1 - np.tanh(states[0]) ** 2),
        "the slope is computed from h_prev. Compute it from h_t, the result of tanh.": d_h * (1 - h_0**2),
        "d_h is missing. d_a = d_h (1 - h_t^2): by the chain rule, the slope multiplies d_h.": 1 - states[0] ** 2,
        "it is d_h - h_t^2. Put parentheses around the slope: d_h * (1 - h_t**2).": d_h - states[0] ** 2,
        "the slope is 1 - h_t^2, not (1 - h_t)^2. In Python, 1 - h_t**2.": d_h * (1 - states[0]) ** 2,
        "the square is missing. The slope is 1 - h_t^2.": d_h * (1 - states[0]),
        "the slope is h_t (1 - h_t), that of a sigmoid. The slope of tanh is 1 - h_t^2.": d_h
        * states[0]
        * (1 - states[0]),
        "the sign is wrong. The slope is 1 - h_t^2.": -right,
        "it is the sum of d_a. Each unit has its own bias: d_b_h is d_a.": right.sum(),
    }
    check("d_b_h", step_backward()["d_b_h"], right, mistakes)


def test_3_x_and_h_prev_get_theirs_through_the_transposes():
    right, result = back_through(0, d_h), step_backward()
    d_a = right.d_parameters["b_h"]
    check("d_x", result["d_x"], right.d_x, {"it is W_xh^T d_a; you have W_xh^T d_h.": W_xh.T @ d_h})
    mistakes = {
        "it is W_hh^T d_a; you have W_hh d_a.": W_hh @ d_a,
        "it is W_hh^T d_a; you have W_hh^T d_h.": W_hh.T @ d_h,
    }
    check("d_h_prev", result["d_h_prev"], right.d_h_prev, mistakes)


def test_3_each_weight_gets_an_outer_product():
    right, result = back_through(0, d_h).d_parameters, step_backward()
    d_a = right["b_h"]
    mistakes = {
        "it is transposed. d_a x_t^T has W_xh's shape: a row for each unit.": np.outer(x[0], d_a),
        "it is d_a x_t^T; you have d_h x_t^T.": np.outer(d_h, x[0]),
    }
    check("d_W_xh", result["d_W_xh"], right["W_xh"], mistakes)
    mistakes = {
        "it is transposed. It is d_a h_prev^T, not h_prev d_a^T.": np.outer(h_0, d_a),
        "it is computed with h_t. W_hh multiplied the previous state, h_prev.": np.outer(d_a, states[0]),
        "it is d_a h_prev^T; you have d_h h_prev^T.": np.outer(d_h, h_0),
        "`d_a * h_prev` is a vector. Each pair of units has a weight: use np.outer.": d_a * h_0,
    }
    check("d_W_hh", result["d_W_hh"], right["W_hh"], mistakes)


def test_3_it_is_the_derivative_itself():
    right, result = true_gradients(1), step_backward()
    check("d_x", result["d_x"], right["d_x"][0])
    check("d_h_prev", result["d_h_prev"], right["d_h_0"])
    for name in ("d_W_xh", "d_W_hh", "d_b_h"):
        check(name, result[name], right[name])


# 4: backward

d_x, d_h_0, (d_a,), d_parameters = rnn.forward(x, h_0[None]).backward(d_output, d_h_n[None])


def backward(steps=TIME):
    result = answer("backward", W_xh, W_hh, x[:steps], h_0, states[:steps], d_output[:steps], d_h_n)
    if steps == TIME:
        check_order("backward", result, [d_x, d_h_0[0], *d_parameters.values()])
    return dict(zip(RETURNS["backward"], result, strict=True))


def test_4_the_last_step_gets_its_own_share_and_d_h_n():
    result, own, onward = backward()["d_x"], d_output[-1], d_h_n
    for t in range(TIME - 1):
        onward = back_through(t, d_output[t] + onward).d_h_prev
    mistakes = {
        "d_h_n is missing. At the last step, dhnext is d_h_n.": own,
        "d_h_n is added twice. dhnext starts as d_h_n, so don't add it again.": own + 2 * d_h_n,
        "the loop goes from the first step to the last. Go back in time, over reversed(range(time)).": own + onward,
        "d_output[t] is missing. The loss also depends on this state directly.": d_h_n,
        "the slope of tanh is applied twice: step_backward multiplies by it already.": (own + d_h_n)
        * (1 - states[-1] ** 2),
        "h_t and h_prev are exchanged. step_backward takes h_t, x_t, h_prev, in this order.": (own + d_h_n)
        * ((1 - states[-2] ** 2) / (1 - states[-1] ** 2)),
    }
    mistakes = {hint: back_through(-1, wrong).d_x for hint, wrong in mistakes.items()}
    neither = same(result[-2:-1], back_through(-2, d_output[-2]).d_x[None])  # the step before has no dhnext either
    hint = "dhnext is missing. It is d_h_n at the last step, and d_h_prev of the step after at every other."
    mistakes = {hint: back_through(-1, own).d_x if neither else ()} | mistakes
    mistakes["the loop leaves this step out. Go over reversed(range(time))."] = np.zeros(INPUT)
    hint = "it is d_x of step 0. The loop goes back in time, but d_x has the order of x."
    mistakes[hint] = d_x[0]
    check("d_x of the last step", result[-1], d_x[-1], mistakes)


def test_4_earlier_steps_get_the_share_of_the_future():
    own, future = d_output[-2], W_hh.T @ d_a[-1]
    mistakes = {
        "the gradient from later steps is missing. d_h = d_output[t] + dhnext.": own,
        "W_hh isn't transposed on the way back. dhnext is W_hh^T d_a of the step after.": own + W_hh @ d_a[-1],
        "dhnext is d_a of the step after. Multiply it by W_hh^T.": own + d_a[-1],
        "dhnext is d_h of the step after. Propagate it through that step.": own + d_output[-1] + d_h_n,
        "dhnext is still d_h_n. Replace it at every step by that step's d_h_prev.": own + d_h_n,
        "d_h_n is added again. Replace dhnext at every step instead of adding to it.": own + future + d_h_n,
    }
    mistakes = {hint: back_through(-2, wrong).d_x for hint, wrong in mistakes.items()}
    mistakes["it isn't computed. Is `return` inside the loop?"] = np.zeros(INPUT)
    check("d_x of the step before the last", backward()["d_x"][-2], d_x[-2], mistakes)


def test_4_h_0_gets_what_is_left_before_step_0():
    mistakes = {
        "it is 0. The gradient of h_0 is dhnext after the loop.": np.zeros(HIDDEN),
        "it is dL/dh at step 0. Propagate it through that step.": d_output[0] + W_hh.T @ d_a[1],
        "it is d_h_n, which isn't carried on. Go back through all steps; d_h_0 is dhnext after the loop.": d_h_n,
        "it is d_h_prev of the last step, which isn't carried on. d_h_0 is that of step 0.": W_hh.T @ d_a[-1],
        "it is d_h_prev of step 1, which isn't carried on. d_h_0 is that of step 0.": W_hh.T @ d_a[1],
        "it has only d_output[0]. Carry the gradient from later steps on: d_h = d_output[t] + dhnext.": (
            back_through(0, d_output[0]).d_h_prev
        ),
        "it is the sum of all steps' d_h_prev. Only step 0 reads h_0.": (d_a @ W_hh).sum(axis=0),
    }
    check("d_h_0", backward()["d_h_0"], d_h_0[0], mistakes)


def test_4_the_weights_gradients_are_summed_over_the_steps():
    result, right = backward(), {name.removeprefix("cells.0."): d for name, d in d_parameters.items()}
    one_step = "it is that of step 0 alone. All steps use the same weights: add their gradients."
    mean = "it is the mean over the steps. A gradient is their sum."
    check("d_b_h", result["d_b_h"], right["b_h"], {one_step: d_a[0], mean: right["b_h"] / TIME})
    mistakes = {one_step: np.outer(d_a[0], x[0]), mean: right["W_xh"] / TIME}
    check("d_W_xh", result["d_W_xh"], right["W_xh"], mistakes)
    wrapped = np.concatenate([states[-1:], states[:-1]])
    mistakes = {
        one_step: np.outer(d_a[0], h_0),
        mean: right["W_hh"] / TIME,
        "at step 0, states[t - 1] is states[-1], the last state. The state before step 0 is h_0.": d_a.T @ wrapped,
        "the state before step 0 is h_0, not zeros.": d_a[1:].T @ states[:-1],
        "it is computed with states[t]. W_hh multiplied the state before it.": d_a.T @ states,
    }
    check("d_W_hh", result["d_W_hh"], right["W_hh"], mistakes)


def test_4_it_is_the_derivative_itself():
    result = backward()
    for name, right in true_gradients(TIME).items():
        check(name, result[name], right)


def test_4_no_steps_leave_d_h_n_as_it_is():
    result = backward(steps=0)
    for name, right in true_gradients(0).items():
        check(f"{name} of a sequence of no steps", result[name], right)


# 5: forward_padded

output, (h_n,) = rnn(rows, rows_h_0[None], lengths)
full_output, (full_h_n,) = rnn(rows, rows_h_0[None])  # as if the padding were real


def forward_padded(inputs=rows):
    result = answer("forward_padded", W_xh, W_hh, b_h, inputs, rows_h_0, lengths)
    check_order("forward_padded", result, [output, h_n])
    return result


def test_5_output_is_0_behind_a_row_s_length():
    held = np.where(real[..., None], output, h_n[:, None])
    turned = RNN.from_cells([RNNCell.from_weights(W_xh, W_hh.T, b_h)])
    one_more = rnn(rows, rows_h_0[None], np.minimum(lengths + 1, TIME))[0]
    mistakes = {
        "it continues through the padding. At t >= lengths[row] it is 0.": full_output,
        "it repeats the last state after the row's length. The state stays, but the output is 0.": held,
        "it has one step too many. A step is real if t < lengths[row], not t <= lengths[row].": one_more,
        "W_hh isn't transposed. For rows, W_hh h becomes h @ W_hh.T.": turned(rows, rows_h_0[None], lengths)[0],
        "it starts from zeros. The state before step 0 is h_0.": rnn(rows, None, lengths)[0],
        "b_h is missing.": RNN.from_cells([RNNCell.from_weights(W_xh, W_hh)])(rows, rows_h_0[None], lengths)[0],
    }
    check("output", forward_padded()[0], output, mistakes)


def test_5_h_n_is_the_state_after_the_last_real_step():
    some = lengths > 0
    read_as_zeros = rnn(np.where(real[..., None], rows, 0), rows_h_0[None])[1][0]
    mistakes = {
        "it is 0 in a row that ends before the longest, as output[:, -1] is. It keeps its state.": output[:, -1],
        "the state was updated through the padding.": full_h_n,
        "the padding was read as zeros. That is still a step: W_hh and b_h change the state.": read_as_zeros,
        "`output[:, lengths - 1]` takes these steps from every row. Take one step of each row.": output[:, lengths - 1],
    }
    mistakes = {hint: wrong[some] for hint, wrong in mistakes.items()}
    check("h_n of the rows that have steps", forward_padded()[1][some], h_n[some], mistakes)


def test_5_a_row_of_length_0_keeps_h_0():
    row = int(np.flatnonzero(lengths == 0)[0])
    hint = "it is 0. With lengths[row] = 0, output[row, lengths[row] - 1] is the last step: -1 counts from the end."
    mistakes = {hint: np.zeros(HIDDEN)}
    check("h_n of a row of length 0", forward_padded()[1][row], rows_h_0[row], mistakes)


def test_5_what_stands_in_the_padding_is_invisible():
    padded_output, padded_h_n = forward_padded(np.where(real[..., None], rows, np.nan))
    check_ignored("output", padded_output, output)
    check_ignored("h_n", padded_h_n, h_n)


def check_ignored(name, result, right):
    """`check` for a result that was computed with NaN in the padding."""
    __tracebackhide__ = True
    if np.isnan(result).any():
        hint = "it contains the padding's NaN. 0 * NaN is NaN: choose with np.where, don't multiply by 0 and 1."
        pytest.fail(f"{name}: {hint}", pytrace=False)
    check(f"{name} with NaN in the padding", result, right)


# 6: padded_mean_squared_error

predictions, targets = rng.standard_normal((2, 3, TIME))
counts = rng.permutation([2, 6, 3])
counting = np.arange(TIME) < counts[:, None]


def error_and_gradient():
    result = answer("padded_mean_squared_error", predictions, targets, counts)
    check_order("padded_mean_squared_error", result, mean_squared_error(predictions, targets, lengths=counts))
    return result


def test_6_the_mean_is_over_real_steps():
    result, _ = error_and_gradient()
    right, _ = mean_squared_error(predictions, targets, lengths=counts)
    squares = (predictions - targets) ** 2
    total, share = squares[counting].sum(), squares[counting].sum() / squares.size
    means = [row[:count].mean() for row, count in zip(squares, counts, strict=True)]
    mistakes = {
        "the mean includes the padding.": squares.mean(),
        "the count includes the padding. Divide by the number of real steps, lengths.sum().": share,
        "it is the sum. Divide by the number of real steps.": total,
        "it is divided by the number of rows. Divide by the number of real steps.": total / len(counts),
        "it is half of it. This loss is the plain mean, without 1/2.": right / 2,
        "it is the mean of |p - y|. Take the squares.": np.abs(predictions - targets)[counting].mean(),
        "it has one step too many. A step is real if t < lengths[row], not t <= lengths[row].": (
            mean_squared_error(predictions, targets, lengths=np.minimum(counts + 1, TIME))[0]
        ),
        "it is its root. This loss is the mean of the squares.": np.sqrt(right),
        "it is the mean of the rows' means, in which the steps of short rows have a larger weight.": np.mean(means),
    }
    check("loss", result, right, mistakes)


def test_6_the_gradient_is_of_that_very_mean():
    _, result = error_and_gradient()
    _, right = mean_squared_error(predictions, targets, lengths=counts)
    everywhere = 2 * (predictions - targets)
    mistakes = {
        "the padding has a gradient. Its gradient is 0, because the loss ignores it.": everywhere / counts.sum(),
        "the padding has a gradient and is in the count. The loss ignores it.": everywhere / everywhere.size,
        "it isn't divided by the number of real steps, as the loss is.": right * counts.sum(),
        "it is divided by the number of all steps. Only real ones are in the loss.": right * counts.sum() / right.size,
        "the 2 is missing: the derivative of d^2 is 2 d.": right / 2,
        "it has only the real steps. Keep the shape, with 0 in the padding: np.where(real, ..., 0).": right[counting],
        "it is divided by the number of rows. Divide by the number of real steps.": right * counts.sum() / len(counts),
        "the sign is wrong. The larger p, the larger p - y: the gradient is 2 (p - y) / count.": -right,
    }
    check("d_predictions", result, right, mistakes)


def test_6_what_stands_in_the_padding_is_invisible():
    shorter = np.array([2, 0, 3])
    visible = np.arange(TIME) < shorter[:, None]
    given = np.where(visible, predictions, np.nan), np.where(visible, targets, np.nan)
    right = mean_squared_error(*given, lengths=shorter)
    result = answer("padded_mean_squared_error", *given, shorter)
    check_ignored("loss", result[0], right[0])
    check_ignored("d_predictions", result[1], right[1])


# 7: shift

BOS, EOS = 2, 3
tokens = rng.integers(4, 10, (4, 5))
words = rng.permutation([3, 5, 0, 1])
tokens[np.arange(5) >= words[:, None]] = 0  # padding
decoder = Decoder(RNN(2, 3, rng=0), ManyToManyHead(3, 10, rng=1), Embedding(10, 2, rng=2), bos_idx=BOS, eos_idx=EOS)
decoder_run = decoder.forward(tokens, words)
counted = np.arange(6) < decoder_run.lengths[:, None]


def shift():
    result = answer("shift", tokens, words, BOS, EOS)
    right = seen(decoder_run.embedding_run.ids), seen(decoder_run.targets), decoder_run.lengths
    check_order("shift", [seen(ids) for ids in result], right)
    return result


def seen(ids):
    """Ids with -1 where no step counts; an array of another shape unchanged."""
    return np.where(counted, ids, -1) if np.shape(ids) == counted.shape else np.asarray(ids)


def test_7_one_step_more_than_tokens_counts():
    mistakes = {
        "as many as tokens. The end has to be predicted too: one step more counts.": words,
        "padding counts. It is the number of each row's own tokens and 1 for the end.": np.full(4, 6),
    }
    check("counts", shift()[2], decoder_run.lengths, mistakes)


def test_7_inputs_begin_with_bos():
    mistakes = {
        "they are the tokens. Before the first one the decoder reads bos.": tokens,
        "these are the targets, which aren't shifted.": seen(decoder_run.targets),
        "bos replaces the first token. Put it before the first token.": np.where(np.arange(5) == 0, BOS, tokens),
    }
    check("inputs", seen(shift()[0]), seen(decoder_run.embedding_run.ids), mistakes)


def test_7_targets_end_with_eos_where_the_row_ends():
    without_eos, after_padding = (np.append(tokens, np.full((4, 1), last), axis=1) for last in (0, EOS))
    too_early = without_eos.copy()
    too_early[np.arange(4), words - 1] = EOS
    mistakes = {
        "they are the tokens. The target after the last one is eos.": tokens,
        "eos is missing. It is the target after a row's last token.": seen(without_eos),
        "eos is after the padding. Put it after the row's own last token, at lengths[row].": seen(after_padding),
        "these are the inputs, shifted the other way.": seen(decoder_run.embedding_run.ids),
        "eos replaces a row's last token. Put it after that token, at lengths[row].": seen(too_early),
    }
    check("targets", seen(shift()[1]), seen(decoder_run.targets), mistakes)


def test_7_a_step_s_target_is_the_next_step_s_input():
    inputs, answers, _ = shift()
    following = counted[:, 1:]
    check("the targets before the last", answers[:, :-1][following], inputs[:, 1:][following])


# 8: clip

gradients = {"W_xh": rng.standard_normal((HIDDEN, INPUT)), "W_hh": 3 * rng.standard_normal((HIDDEN, HIDDEN))}
gradients["b_h"] = 0.1 * rng.standard_normal(HIDDEN)
clipped = deepcopy(gradients)
NORM = clip_grad_norm(clipped, 2.0)


def flat(named):
    """All gradients in one vector."""
    return np.concatenate([named[name].ravel() for name in gradients])


def test_8_long_gradients_are_cut_by_one_factor():
    norms = [np.linalg.norm(g) for g in gradients.values()]
    apart = {name: g * min(1, 2 / norm) for (name, g), norm in zip(gradients.items(), norms, strict=True)}
    mistakes = {
        "each array is scaled by its own norm. Use one norm and one factor for all.": flat(apart),
        "each number is clipped by itself. This changes the direction of the step.": flat(gradients).clip(-2, 2),
        "the norm is a sum of norms. It is the root of the sum of all squares.": flat(gradients) * 2 / sum(norms),
        "the norm lacks its square root.": flat(gradients) * 2 / NORM**2,
        "they haven't changed.": flat(gradients),
        "their norm is 1. It should be max_norm: multiply by max_norm / norm.": flat(gradients) / NORM,
        "they are made larger. The factor is max_norm / norm, not norm / max_norm.": flat(gradients) * NORM / 2,
        "the norm is the largest number. It is the root of the sum of all squares.": (
            flat(gradients) * 2 / np.abs(flat(gradients)).max()
        ),
    }
    check("gradients of norm > max_norm", flat(answer("clip", gradients, 2.0)), flat(clipped), mistakes)


def test_8_short_gradients_are_left_alone():
    mistakes = {"they are made larger. Scale only if the norm is above max_norm.": flat(gradients) * 2}
    result = answer("clip", gradients, 2 * NORM)
    check("gradients of norm < max_norm", flat(result), flat(gradients), mistakes)


def test_8_nothing_is_divided_by_a_norm_of_0():
    zeros = {name: np.zeros_like(g) for name, g in gradients.items()}
    with np.errstate(divide="ignore", invalid="ignore"):  # the hint explains it better than NumPy's warning
        result = flat(answer("clip", zeros, 2.0))
    hint = "max_norm / 0 is infinity, and 0 times infinity is NaN. Return gradients of norm 0 unchanged."
    mistakes = {hint: np.full(result.shape, np.nan)}
    check("gradients that are all 0", result, flat(zeros), mistakes)


# 9: memory_left


def jacobian(t):
    """dh_last/dh_t, a row for each unit of the last state: backward from that unit, in a run that starts at h_t."""
    run = rnn.forward(x[t + 1 :], states[t][None])
    return np.stack([run.backward(d_h_n=unit[None]).d_h_0[0] for unit in np.eye(HIDDEN)])


def test_9_what_is_left_of_each_state_in_the_last():
    jacobians = [jacobian(t) for t in range(TIME)]
    slopes = 1 - states**2
    steps = [slope[:, None] * W_hh for slope in slopes]  # the Jacobian of each step
    too_many = [J @ step for J, step in zip(jacobians, steps, strict=True)]
    columns, no_slopes, turned = [np.eye(HIDDEN)], [np.eye(HIDDEN)], [np.eye(HIDDEN)]
    for t in reversed(range(1, TIME)):
        columns.insert(0, columns[0] @ (slopes[t] * W_hh))
        no_slopes.insert(0, no_slopes[0] @ W_hh)
        turned.insert(0, steps[t] @ turned[0])
    from_start = [np.eye(HIDDEN)]
    for step in steps[1:]:
        from_start.append(step @ from_start[-1])
    powers = norms([W_hh]) ** np.arange(TIME)[::-1]
    products = [np.prod(norms(steps[t + 1 :])) for t in range(TIME)]
    squares = [np.linalg.norm(J) for J in jacobians]
    mistakes = {
        "it includes step t's own Jacobian. From h_t to the last state there are only later steps.": norms(too_many),
        "the slopes multiply the columns of W_hh. diag(s) W_hh is s[:, None] * W_hh.": norms(columns),
        "the slopes of tanh are missing: J_t = diag(1 - h_t^2) W_hh.": norms(no_slopes),
        "the product is in the wrong order. The earlier of two steps is on the right.": norms(turned),
        "it is a product of norms, which is only a bound. Multiply the matrices, then take the norm.": products,
        "it is the norm of dh_t/dh_first. Begin at the last state and go back.": norms(from_start),
        "it is a power of W_hh's norm. Multiply the Jacobians of the steps.": powers,
        "it is in reverse. Place t belongs to state t, and the last one is 1.": norms(jacobians)[::-1],
        "it is the root of the sum of squares, another norm. Write np.linalg.norm(J, 2), with the 2.": squares,
    }
    result = answer("memory_left", W_hh, states)
    check("the norm of dh_last/dh_t", result, norms(jacobians), mistakes)


def norms(matrices):
    """The largest factor by which each matrix can multiply the length of a vector."""
    return np.array([np.linalg.norm(matrix, 2) for matrix in matrices])


def test_9_no_states_no_norms():
    check("the norms of no states", answer("memory_left", W_hh, states[:0]), np.zeros(0))


def test_9_memory_fades_by_tanh_and_by_the_weights():
    rotation, _ = np.linalg.qr(W_hh)  # it changes no length
    kept = answer("memory_left", rotation, np.zeros((TIME, HIDDEN)))
    check("if W_hh is a rotation and tanh' is 1, the norm stays 1", kept, np.ones(TIME))
    halved = answer("memory_left", rotation, np.full((TIME, HIDDEN), np.sqrt(0.5)))
    check("if tanh' is 1/2, each step halves the norm", halved, 0.5 ** np.arange(TIME)[::-1])
    shorter = answer("memory_left", 0.8 * rotation, np.zeros((TIME, HIDDEN)))
    check("if W_hh is 0.8 times a rotation, each step keeps 0.8 of the norm", shorter, 0.8 ** np.arange(TIME)[::-1])


# 10: flip_padded


def flip_padded(values):
    return answer("flip_padded", values, lengths)


def test_10_a_row_is_flipped_within_its_length():
    right = np.array([np.concatenate([row[:n][::-1], row[n:]]) for row, n in zip(rows, lengths, strict=True)])
    mistakes = {
        "the whole row is flipped, which moves the padding to the front.": rows[:, ::-1],
        "the rows are in another order. Time is the second axis.": rows[::-1],
        "the features are flipped too. Flip along time only: axis=0 of a row.": np.where(
            real[..., None], right[..., ::-1], rows
        ),
        "nothing is flipped.": rows,
        "the padding is in front. It stays behind the row.": np.array(
            [np.concatenate([row[n:], row[:n][::-1]]) for row, n in zip(rows, lengths, strict=True)]
        ),
        "the padding isn't where it was.": np.where(real[..., None], right, 0),
    }
    check("the flipped rows", flip_padded(rows), right, mistakes)


def test_10_twice_is_as_before():
    check("a batch flipped twice", flip_padded(flip_padded(rows)), rows)


def test_10_it_makes_a_reverse_direction():
    both = RNN.from_cells([cell, RNNCell(INPUT, HIDDEN, rng=3)], bidirectional=True)
    reverse = RNN.from_cells(both.cells[1:])
    right, _ = both(rows, lengths=lengths)
    states_on_the_way_back, _ = reverse(flip_padded(rows), lengths=lengths)
    name = "flipped, run and flipped again, compared with the reverse half of a bidirectional network"
    check(name, flip_padded(states_on_the_way_back), right[..., HIDDEN:])


# 11: LeakyCell

leak = rng.uniform(0.2, 0.8, HIDDEN)
x_t, d_rows = rows[:, 0], rng.standard_normal((BATCH, HIDDEN))
new = np.tanh(x_t @ W_xh.T + rows_h_0 @ W_hh.T + b_h)
leaky_d_a = d_rows * leak * (1 - new**2)


def leaky_cell(leak=leak):
    return attempt("LeakyCell", MODULE.LeakyCell, *deepcopy((W_xh, W_hh, b_h, leak)))


def leaky_run():
    """A step of the learner's cell: its run and its gradients, after a check of what backward returns."""
    __tracebackhide__ = True
    cell = leaky_cell()
    run = attempt("forward", cell.forward, x_t.copy(), rows_h_0.copy())
    if not (hasattr(run, "h") and hasattr(run, "backward")):
        hint = "should return a run, SimpleNamespace(h=h, backward=backward)"
        pytest.fail(f"forward {hint}, and returns {type(run).__name__}.", pytrace=False)
    return run


def leaky_gradients():
    __tracebackhide__ = True
    result = attempt("backward", leaky_run().backward, d_rows.copy())
    if not (isinstance(result, tuple) and len(result) == 3 and isinstance(result[2], dict)):
        pytest.fail("backward should return d_x, d_h_prev and a dictionary of gradients.", pytrace=False)
    d_x, d_h_prev, named = result
    if set(named) != {"W_xh", "W_hh", "b_h"}:
        pytest.fail(f"backward returns gradients for {sorted(named)}. Return W_xh, W_hh and b_h.", pytrace=False)
    return {"d_x": d_x, "d_h_prev": d_h_prev} | {f"d_{name}": values for name, values in named.items()}


def test_11_the_state_after_one_step():
    right = (1 - leak) * rows_h_0 + leak * new
    mistakes = {
        "this is n. A part of the old state stays: h = (1 - leak) h_prev + leak n.": new,
        "leak and 1 - leak are exchanged. leak multiplies n.": leak * rows_h_0 + (1 - leak) * new,
        "the old state isn't kept. Add (1 - leak) h_prev.": leak * new,
        "the old state is kept whole. It is multiplied by 1 - leak.": rows_h_0 + leak * new,
        "W_hh is transposed. For rows, W_hh h becomes h @ W_hh.T.": (1 - leak) * rows_h_0
        + leak * np.tanh(x_t @ W_xh.T + rows_h_0 @ W_hh + b_h),
        "b_h is missing.": (1 - leak) * rows_h_0 + leak * np.tanh(x_t @ W_xh.T + rows_h_0 @ W_hh.T),
    }
    check("h", leaky_run().h, right, mistakes)


def test_11_the_parameters_are_the_arrays_themselves():
    cell = leaky_cell()
    parameters = attempt("parameters", cell.parameters)
    if not isinstance(parameters, dict) or set(parameters) != {"W_xh", "W_hh", "b_h"}:
        hint = "a dictionary of the three arrays to learn: W_xh, W_hh and b_h. leak is a constant"
        pytest.fail(f"parameters should return {hint}.", pytrace=False)
    for name, values in parameters.items():
        if values is not getattr(cell, name):
            hint = "An optimiser changes the arrays in place, so a copy never learns."
            pytest.fail(f"parameters: {name} should be self.{name} itself. {hint}", pytrace=False)


def test_11_the_old_state_gets_its_gradient_in_two_parts():
    through_n = leaky_d_a @ W_hh
    mistakes = {
        "the part through n is missing, W_hh^T d_a.": (1 - leak) * d_rows,
        "the direct part is missing, (1 - leak) d_h. h_prev is used twice.": through_n,
        "the direct part is d_h. It is multiplied by 1 - leak.": d_rows + through_n,
        "W_hh isn't transposed on the way back. For rows, W_hh^T d_a becomes d_a @ W_hh.": (1 - leak) * d_rows
        + leaky_d_a @ W_hh.T,
    }
    check("d_h_prev", leaky_gradients()["d_h_prev"], (1 - leak) * d_rows + through_n, mistakes)


def test_11_the_weights_get_theirs_through_n():
    result, h = leaky_gradients(), (1 - leak) * rows_h_0 + leak * new
    mistakes = {
        "it has a row for each sequence. Add them up: d_a.sum(axis=0).": leaky_d_a,
        "it is the mean over the rows. A gradient is their sum.": leaky_d_a.mean(axis=0),
        "leak is missing. d_a = d_h leak (1 - n^2).": (leaky_d_a / leak).sum(axis=0),
        "the slope is computed from h, which isn't a result of tanh. Compute it from n.": (
            (d_rows * leak * (1 - h**2)).sum(axis=0)
        ),
        "the slope of tanh is missing. d_a = d_h leak (1 - n^2).": (d_rows * leak).sum(axis=0),
        "d_h is missing. d_a = d_h leak (1 - n^2).": (leak * (1 - new**2)).sum(axis=0),
    }
    check("d_b_h", result["d_b_h"], leaky_d_a.sum(axis=0), mistakes)
    check("d_x", result["d_x"], leaky_d_a @ W_xh)
    mistakes = {"it is transposed. It is d_a^T x_t, with W_xh's shape.": x_t.T @ leaky_d_a}
    check("d_W_xh", result["d_W_xh"], leaky_d_a.T @ x_t, mistakes)
    mistakes = {
        "it is transposed. It is d_a^T h_prev.": rows_h_0.T @ leaky_d_a,
        "it is computed with h. W_hh multiplied the previous state, h_prev.": leaky_d_a.T @ h,
    }
    check("d_W_hh", result["d_W_hh"], leaky_d_a.T @ rows_h_0, mistakes)


def test_11_it_works_in_a_network():
    network = attempt("RNN.from_cells", RNN.from_cells, [leaky_cell()])
    error = attempt("backward", check_gradients, network, rows, rows_h_0[None], lengths)
    if not error < 1e-11:
        hint = "Each step of a sequence needs its own n: keep what backward reads in the run, not in self."
        pytest.fail(
            f"backward through a sequence isn't the derivative, the error is {error:.0e}. {hint}", pytrace=False
        )
    plain, _ = RNN.from_cells([leaky_cell(np.ones(HIDDEN))])(rows, rows_h_0[None], lengths)
    check("the states of a network with leak 1, compared with RNNCell", plain, output)
