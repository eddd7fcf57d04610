"""The tests of the exercises. Each failure says which exercise is still open, or what the likely mistake is.

python -m pytest examples/exercises -x

What is right here comes from the library, from the derivative itself, or from what the thing must do. Weights are
random, unequal and far from saturation, and sizes differ along every axis, so that no transposed matrix stays hidden.
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
    clip_grad_norm,
    mean_squared_error,
    worked_example,
)

# the file to test: exercises.py, or another one beside it
MODULE = importlib.import_module(f"{__package__}.{os.environ.get('EXERCISES', 'exercises')}")

GIVES = {
    "step_backward": ("d_x", "d_h_prev", "d_W_xh", "d_W_hh", "d_b_h"),
    "backward": ("d_x", "d_h_0", "d_W_xh", "d_W_hh", "d_b_h"),
    "forward_padded": ("output", "h_n"),
    "padded_mean_squared_error": ("loss", "d_predictions"),
    "shift": ("inputs", "targets", "counts"),
}

INPUT, HIDDEN, TIME, BATCH = 3, 4, 6, 5
rng = np.random.default_rng(7)
W_xh = rng.uniform(-0.7, 0.7, (HIDDEN, INPUT))
W_hh = rng.uniform(-0.7, 0.7, (HIDDEN, HIDDEN))
b_h = rng.uniform(-0.7, 0.7, HIDDEN)
x, h_0 = rng.uniform(-1, 1, (TIME, INPUT)), rng.uniform(-0.9, 0.9, HIDDEN)
d_output, d_h_n = rng.standard_normal((TIME, HIDDEN)), rng.standard_normal(HIDDEN)
cell = RNNCell.from_weights(W_xh, W_hh, b_h)
rnn = RNN.from_cells([cell])
states = rnn.forward(x, h_0[None]).output
before = np.concatenate([h_0[None], states[:-1]])  # the state that each step began with

rows, rows_h_0 = rng.uniform(-1, 1, (BATCH, TIME, INPUT)), rng.uniform(-0.9, 0.9, (BATCH, HIDDEN))
lengths = np.array([4, 6, 0, 1, 5])
real = np.arange(TIME) < lengths[:, None]  # (batch, time)


def answer(name, *arguments):
    """What the learner's function of this name gives."""
    __tracebackhide__ = True
    given, problem = deepcopy(arguments), None
    try:
        found = getattr(MODULE, name)(*given)
    except NotImplementedError as error:
        problem = str(error)
    except ValueError as error:
        if not re.search("matmul|core dimension|broadcast|not aligned", str(error)):
            raise
        problem = shapes_differ(name, error)
    if problem:
        pytest.fail(problem, pytrace=False)
    if found is None:
        pytest.fail(f"{name} gives None: is there a return?", pytrace=False)
    parts = GIVES.get(name, ())
    if parts and not (isinstance(found, (tuple, list)) and len(found) == len(parts)):
        pytest.fail(f"{name} should give {len(parts)} things: {', '.join(parts)}.", pytrace=False)
    for now, then in zip(given, arguments, strict=True):
        pairs = [(now[key], then[key]) for key in then] if isinstance(then, dict) else [(now, then)]
        if not all(np.array_equal(a, b, equal_nan=np.asarray(b).dtype.kind == "f") for a, b in pairs):
            hint = "`a += b` and `a *= b` write into the array itself: write a = a + b, or begin with a copy."
            pytest.fail(f"{name} has changed what it was given. {hint}", pytrace=False)
    if isinstance(found, dict):
        return found
    return [np.asarray(part) for part in found] if parts else np.asarray(found)


def shapes_differ(name, error):
    """What to say of NumPy's error about shapes: the learner's line in which they met, and the error."""
    lines = [line for line in traceback.extract_tb(error.__traceback__) if line.filename == MODULE.__file__]
    said = [f"{name}: the shapes don't fit: `@`, or a transpose? Or, in a batch, `[:, None]`?"]
    said += [f"{Path(line.filename).name}, line {line.lineno}: {line.line}" for line in lines[-1:]]
    return "\n".join([*said, f"ValueError: {error}"])


def check(what, found, right, mistakes=None):
    """Fail if something found isn't right, and say why where it is a known mistake: {what to say: its result}."""
    __tracebackhide__ = True
    found, right = np.asarray(found), np.asarray(right)
    if same(found, right):
        return
    for hint, wrong in (mistakes or {}).items():
        if same(found, np.asarray(wrong)):
            pytest.fail(f"{what}: {hint}", pytrace=False)
    if found.shape != right.shape:
        pytest.fail(f"{what}: its shape is {found.shape}, and should be {right.shape}.", pytrace=False)
    place = tuple(int(i) for i in np.argwhere(~np.isclose(found, right, rtol=1e-9, atol=1e-12))[0])
    where = f" at {list(place)}" if place else ""
    pytest.fail(f"{what}:{where} it is {found[place]:.6g}, and should be {right[place]:.6g}.", pytrace=False)


def same(a, b):
    return a.shape == b.shape and np.allclose(a, b, rtol=1e-9, atol=1e-12, equal_nan=True)


def derivative(f, values):
    """df/dvalues, number by number. f(v + i h) = f(v) + i h f'(v), exactly so for an h whose square vanishes."""
    found = np.empty(values.shape)
    for place in np.ndindex(values.shape):
        moved = values.astype(complex)
        moved[place] += 1e-50j
        found[place] = f(moved).imag / 1e-50
    return found


def loss(given):
    """Reads every state, and the final one once more; of a network of one cell, run on x from h_0."""
    given = {name: values.astype(complex) for name, values in given.items()}
    moved = RNNCell(INPUT, HIDDEN)
    moved.W_xh, moved.W_hh, moved.b_h = given["W_xh"], given["W_hh"], given["b_h"]
    run = RNN.from_cells([moved]).forward(given["x"], given["h_0"][None])
    return (d_output[: len(run.output)] * run.output).sum() + (d_h_n * run.h_n[0]).sum()


def true_gradients(steps):
    """The derivatives of that loss over the first so many steps."""
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
        "W_hh is transposed. It is W_hh @ h_prev; did you write h_prev @ W_hh?": np.tanh(
            right.a + (W_hh.T - W_hh) @ h_0
        ),
    }
    check("h_t", answer("step", W_xh, W_hh, b_h, x[0], h_0), right.h, mistakes)


# 2: unroll


def test_2_every_state_comes_from_the_one_before():
    found = answer("unroll", W_xh, W_hh, b_h, x, h_0)
    from_h_0 = cell(x, np.tile(h_0, (TIME, 1)))
    mistakes = {
        "every step began with h_0. Carry the state on: h_t is the next step's h_prev.": from_h_0,
        "it began with zeros. The first step's h_prev is h_0.": rnn(x)[0],
        "h_0 stands in front. Only states after a step belong here.": np.concatenate([h_0[None], states]),
        "it is one step late: row t is the state after reading x_t.": before,
        "this is the last state alone.": states[-1],
        "every row is the last state: was one array written into again and again?": np.tile(states[-1], (TIME, 1)),
    }
    check("states", found, states, mistakes)


def test_2_no_steps_no_states():
    found = answer("unroll", W_xh, W_hh, b_h, x[:0], h_0)
    mistakes = {"an array of an empty list has shape (0,). Begin with np.empty((len(x), len(h_0))).": np.empty(0)}
    check("states of a sequence of no steps", found, states[:0], mistakes)


def test_2_i_love_this_movie():
    example = worked_example
    found = answer("unroll", example.W_xh, example.W_hh, example.b_h, example.EMBEDDINGS, np.zeros(3))
    check("the worked example's twelve numbers", np.round(found, 4), example.PRINTED_STATES)


# 3: step_backward

d_h = d_output[0] + d_h_n  # what reaches the state after step 0, if that is the only step


def step_backward():
    found = answer("step_backward", W_xh, W_hh, states[0], x[0], h_0, d_h)
    return dict(zip(GIVES["step_backward"], found, strict=True))


def test_3_the_gradient_passes_tanh_first():
    right = back_through(0, d_h).d_parameters["b_h"]
    mistakes = {
        "the slope of tanh is missing. d_b_h is d_a = d_h (1 - h_t^2), not d_h.": d_h,
        "tanh is taken twice. h_t is tanh(a) already: the slope is 1 - h_t^2.": d_h * (1 - np.tanh(states[0]) ** 2),
        "the slope is read off h_prev. It is h_t that tanh gave.": d_h * (1 - h_0**2),
    }
    check("d_b_h", step_backward()["d_b_h"], right, mistakes)


def test_3_x_and_h_prev_get_theirs_through_the_transposes():
    right, found = back_through(0, d_h), step_backward()
    d_a = right.d_parameters["b_h"]
    check("d_x", found["d_x"], right.d_x, {"it is W_xh^T d_a; you have W_xh^T d_h.": W_xh.T @ d_h})
    mistakes = {
        "it is W_hh's transpose times d_a: did you multiply by W_hh?": W_hh @ d_a,
        "it is W_hh^T d_a; you have W_hh^T d_h.": W_hh.T @ d_h,
    }
    check("d_h_prev", found["d_h_prev"], right.d_h_prev, mistakes)


def test_3_each_weight_gets_an_outer_product():
    right, found = back_through(0, d_h).d_parameters, step_backward()
    d_a = right["b_h"]
    mistakes = {"it is transposed. d_a x_t^T has W_xh's shape: a row for each unit.": np.outer(x[0], d_a)}
    check("d_W_xh", found["d_W_xh"], right["W_xh"], mistakes)
    mistakes = {
        "it is transposed. It is d_a h_prev^T, not h_prev d_a^T.": np.outer(h_0, d_a),
        "it is made with h_t. W_hh was multiplied with the state that went in, h_prev.": np.outer(d_a, states[0]),
    }
    check("d_W_hh", found["d_W_hh"], right["W_hh"], mistakes)


def test_3_it_is_the_derivative_itself():
    right, found = true_gradients(1), step_backward()
    check("d_x", found["d_x"], right["d_x"][0])
    check("d_h_prev", found["d_h_prev"], right["d_h_0"])
    for name in ("d_W_xh", "d_W_hh", "d_b_h"):
        check(name, found[name], right[name])


# 4: backward

d_x, d_h_0, (d_a,), d_parameters = rnn.forward(x, h_0[None]).backward(d_output, d_h_n[None])


def backward(steps=TIME):
    found = answer("backward", W_xh, W_hh, x[:steps], h_0, states[:steps], d_output[:steps], d_h_n)
    return dict(zip(GIVES["backward"], found, strict=True))


def test_4_the_last_step_gets_its_own_share_and_d_h_n():
    found, own, onward = backward()["d_x"], d_output[-1], d_h_n
    for t in range(TIME - 1):
        onward = back_through(t, d_output[t] + onward).d_h_prev
    mistakes = {
        "d_h_n is missing. At the last step, dhnext is d_h_n.": own,
        "d_h_n came in twice. dhnext begins as d_h_n: don't add it once more.": own + 2 * d_h_n,
        "the steps were walked from the first to the last. Go back in time, over reversed(range(time)).": own + onward,
        "d_output[t] is missing: the loss reads this state itself too.": d_h_n,
    }
    mistakes = {hint: back_through(-1, wrong).d_x for hint, wrong in mistakes.items()}
    neither = same(found[-2:-1], back_through(-2, d_output[-2]).d_x[None])  # nor has the step before a share of dhnext
    hint = "dhnext is missing. It is d_h_n at the last step, and d_h_prev of the step after at every other."
    mistakes = {hint: back_through(-1, own).d_x if neither else ()} | mistakes
    hint = "it is that of step 0. The steps were walked from the last to the first; d_x is in the order of x."
    mistakes[hint] = d_x[0]
    check("d_x of the last step", found[-1], d_x[-1], mistakes)


def test_4_earlier_steps_get_the_share_of_the_future():
    own, future = d_output[-2], W_hh.T @ d_a[-1]
    mistakes = {
        "the share of the future is missing. d_h = d_output[t] + dhnext.": own,
        "W_hh is not transposed on the way back: dhnext is W_hh^T d_a of the step after.": own + W_hh @ d_a[-1],
        "dhnext is d_a of the step after. It has to come back through W_hh.": own + d_a[-1],
        "dhnext is d_h of the step after. It has to come back through that step.": own + d_output[-1] + d_h_n,
        "dhnext is d_h_n here too. It is replaced at every step, by that step's d_h_prev.": own + d_h_n,
        "d_h_n came in again. dhnext is replaced at every step, not added to.": own + future + d_h_n,
    }
    mistakes = {hint: back_through(-2, wrong).d_x for hint, wrong in mistakes.items()}
    check("d_x of the step before the last", backward()["d_x"][-2], d_x[-2], mistakes)


def test_4_h_0_gets_what_is_left_before_step_0():
    mistakes = {
        "it is 0. What h_0 gets is dhnext after the loop.": np.zeros(HIDDEN),
        "it is dL/dh at step 0. It still has to come back through that step.": d_output[0] + W_hh.T @ d_a[1],
    }
    check("d_h_0", backward()["d_h_0"], d_h_0[0], mistakes)


def test_4_the_weights_gradients_are_summed_over_the_steps():
    found, right = backward(), {name.removeprefix("cells.0."): d for name, d in d_parameters.items()}
    one_step = "it is that of step 0 alone. One weight serves all steps: add up."
    mean = "it is the mean over the steps. A gradient is their sum."
    check("d_b_h", found["d_b_h"], right["b_h"], {one_step: d_a[0], mean: right["b_h"] / TIME})
    mistakes = {one_step: np.outer(d_a[0], x[0]), mean: right["W_xh"] / TIME}
    check("d_W_xh", found["d_W_xh"], right["W_xh"], mistakes)
    wrapped = np.concatenate([states[-1:], states[:-1]])
    mistakes = {
        one_step: np.outer(d_a[0], h_0),
        mean: right["W_hh"] / TIME,
        "at step 0, states[t - 1] is states[-1], the last state. What step 0 began with is h_0.": d_a.T @ wrapped,
        "step 0 began with h_0, not with zeros.": d_a[1:].T @ states[:-1],
        "it is made with states[t]. W_hh was multiplied with the state before it.": d_a.T @ states,
    }
    check("d_W_hh", found["d_W_hh"], right["W_hh"], mistakes)


def test_4_it_is_the_derivative_itself():
    found = backward()
    for name, right in true_gradients(TIME).items():
        check(name, found[name], right)


def test_4_no_steps_leave_d_h_n_as_it_is():
    found = backward(steps=0)
    for name, right in true_gradients(0).items():
        check(f"{name} of a sequence of no steps", found[name], right)


# 5: forward_padded

output, (h_n,) = rnn(rows, rows_h_0[None], lengths)
full_output, (full_h_n,) = rnn(rows, rows_h_0[None])  # on through the padding


def forward_padded(inputs=rows):
    return answer("forward_padded", W_xh, W_hh, b_h, inputs, rows_h_0, lengths)


def test_5_output_is_0_behind_a_row_s_length():
    held = np.where(real[..., None], output, h_n[:, None])
    mistakes = {
        "it goes on through the padding. At t >= lengths[row] it is 0.": full_output,
        "it repeats the last state behind the row's length. The state stays; the output is 0.": held,
    }
    check("output", forward_padded()[0], output, mistakes)


def test_5_h_n_is_the_state_after_the_last_real_step():
    some = lengths > 0
    mistakes = {
        "it is output[:, -1], which is 0 in a row that ends before the longest.": output[some, -1],
        "the state ran on through the padding.": full_h_n[some],
    }
    check("h_n of the rows that have steps", forward_padded()[1][some], h_n[some], mistakes)


def test_5_a_row_of_length_0_keeps_h_0():
    row = int(np.flatnonzero(lengths == 0)[0])
    hint = "it is 0. With lengths[row] = 0, output[row, lengths[row] - 1] is the last step: -1 counts from the end."
    mistakes = {hint: np.zeros(HIDDEN)}
    check("h_n of a row of length 0", forward_padded()[1][row], rows_h_0[row], mistakes)


def test_5_what_stands_in_the_padding_is_invisible():
    found = forward_padded(np.where(real[..., None], rows, np.nan))
    check_unseen("output", found[0], output)
    check_unseen("h_n", found[1], h_n)


def check_unseen(what, found, right):
    """The padding held NaN, and right is what there is without it."""
    __tracebackhide__ = True
    if np.isnan(found).any():
        hint = "the padding's NaN came through. 0 * NaN is NaN: choose with np.where, don't multiply by 0 and 1."
        pytest.fail(f"{what}: {hint}", pytrace=False)
    check(f"{what} with NaN in the padding", found, right)


# 6: padded_mean_squared_error

predictions, targets = rng.standard_normal((2, 3, TIME))
counts = np.array([2, 6, 3])
counting = np.arange(TIME) < counts[:, None]


def test_6_the_mean_is_over_real_steps():
    found, _ = answer("padded_mean_squared_error", predictions, targets, counts)
    right, _ = mean_squared_error(predictions, targets, lengths=counts)
    squares = (predictions - targets) ** 2
    total, share = squares[counting].sum(), squares[counting].sum() / squares.size
    means = [row[:count].mean() for row, count in zip(squares, counts, strict=True)]
    mistakes = {
        "the padding is in the mean.": squares.mean(),
        "the padding is in the count. Divide by the number of real steps, lengths.sum(), not by all.": share,
        "it is the sum. Divide by the number of real steps.": total,
        "it is a mean of the rows' means, in which a short row's steps weigh more than a long one's.": np.mean(means),
    }
    check("loss", found, right, mistakes)


def test_6_the_gradient_is_of_that_very_mean():
    _, found = answer("padded_mean_squared_error", predictions, targets, counts)
    _, right = mean_squared_error(predictions, targets, lengths=counts)
    everywhere = 2 * (predictions - targets)
    mistakes = {
        "the padding has a gradient. What isn't in the loss gets 0.": everywhere / counts.sum(),
        "the padding has a gradient and is in the count. What isn't in the loss gets 0.": everywhere / everywhere.size,
        "it isn't divided by the number of real steps, as the loss is.": right * counts.sum(),
        "it is divided by the number of all steps; only real ones are in the loss.": right * counts.sum() / right.size,
        "the 2 is missing: the derivative of d^2 is 2 d.": right / 2,
    }
    check("d_predictions", found, right, mistakes)


def test_6_what_stands_in_the_padding_is_invisible():
    shorter = np.array([2, 0, 3])
    visible = np.arange(TIME) < shorter[:, None]
    given = np.where(visible, predictions, np.nan), np.where(visible, targets, np.nan)
    right = mean_squared_error(*given, lengths=shorter)
    found = answer("padded_mean_squared_error", *given, shorter)
    check_unseen("loss", found[0], right[0])
    check_unseen("d_predictions", found[1], right[1])


# 7: shift

BOS, EOS = 2, 3
tokens = rng.integers(4, 10, (4, 5))
words = np.array([3, 5, 0, 1])
tokens[np.arange(5) >= words[:, None]] = 0  # padding
decoder = Decoder(RNN(2, 3, rng=0), ManyToManyHead(3, 10, rng=1), Embedding(10, 2, rng=2), bos_idx=BOS, eos_idx=EOS)
decoded = decoder.forward(tokens, words)
counted = np.arange(6) < decoded.lengths[:, None]


def shift():
    return answer("shift", tokens, words, BOS, EOS)


def seen(ids):
    """Ids with -1 where no step counts; of arrays that have another shape, as they are."""
    return np.where(counted, ids, -1) if np.shape(ids) == counted.shape else np.asarray(ids)


def test_7_one_step_more_than_tokens_counts():
    mistakes = {"as many as tokens. The end is an answer too: one step more counts.": words}
    check("counts", shift()[2], decoded.lengths, mistakes)


def test_7_inputs_begin_with_bos():
    mistakes = {
        "they are the tokens. Before the first one the decoder reads bos.": tokens,
        "nothing is shifted: these are the targets.": seen(decoded.targets),
    }
    check("inputs", seen(shift()[0]), seen(decoded.embedded.ids), mistakes)


def test_7_targets_end_with_eos_where_the_row_ends():
    bare, behind = (np.append(tokens, np.full((4, 1), last), axis=1) for last in (0, EOS))
    mistakes = {
        "they are the tokens. After the last one the answer is eos.": tokens,
        "eos is missing. It is the answer after a row's last token.": seen(bare),
        "eos stands behind the padding. It belongs behind the row's own last token, at lengths[row].": seen(behind),
        "nothing is shifted: these are the inputs.": seen(decoded.embedded.ids),
    }
    check("targets", seen(shift()[1]), seen(decoded.targets), mistakes)


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
    """All gradients as the one vector that they are."""
    return np.concatenate([named[name].ravel() for name in gradients])


def test_8_long_gradients_are_cut_by_one_factor():
    norms = [np.linalg.norm(g) for g in gradients.values()]
    apart = {name: g * min(1, 2 / norm) for (name, g), norm in zip(gradients.items(), norms, strict=True)}
    mistakes = {
        "each array is cut by its own norm. It is one norm of all, and one factor.": flat(apart),
        "each number is cut by itself. That turns the step in another direction.": flat(gradients).clip(-2, 2),
        "the norm is a sum of norms. It is the root of the sum of all squares.": flat(gradients) * 2 / sum(norms),
        "the norm is without its root.": flat(gradients) * 2 / NORM**2,
        "they are as they were.": flat(gradients),
    }
    check("gradients of norm > max_norm", flat(answer("clip", gradients, 2.0)), flat(clipped), mistakes)


def test_8_short_gradients_are_left_alone():
    mistakes = {"they are made longer. Only a norm above max_norm is cut.": flat(gradients) * 2}
    found = answer("clip", gradients, 2 * NORM)
    check("gradients of norm < max_norm", flat(found), flat(gradients), mistakes)


def test_8_nothing_is_divided_by_a_norm_of_0():
    zeros = {name: np.zeros_like(g) for name, g in gradients.items()}
    with np.errstate(divide="ignore", invalid="ignore"):  # to say it in words
        found = flat(answer("clip", zeros, 2.0))
    hint = "max_norm / 0 is infinity, and 0 times that is NaN. Nothing has to be cut here."
    mistakes = {hint: np.full(found.shape, np.nan)}
    check("gradients that are all 0", found, flat(zeros), mistakes)


# 9: memory_left


def jacobian(t):
    """dh_last/dh_t: the network run on from h_t, and back from each unit of its last state. A row for each unit."""
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
    products = [np.prod(norms(steps[t + 1 :])) for t in range(TIME)]
    squares = [np.linalg.norm(J) for J in jacobians]
    mistakes = {
        "step t's own Jacobian is in it. h_t comes after that: only later steps lie between.": norms(too_many),
        "the slopes multiply the columns of W_hh. diag(s) W_hh is s[:, None] * W_hh.": norms(columns),
        "the slopes of tanh are missing: J_t = diag(1 - h_t^2) W_hh.": norms(no_slopes),
        "the product is in the wrong order. Of two steps, the earlier stands on the right.": norms(turned),
        "it is a product of norms. That is only a bound; multiply the matrices, then take the norm.": products,
        "it is the root of the sum of squares, another norm. np.linalg.norm(J, 2), with the 2.": squares,
    }
    found = answer("memory_left", W_hh, states)
    check("the norm of dh_last/dh_t", found, norms(jacobians), mistakes)


def norms(matrices):
    """The most that each can multiply a vector's length by."""
    return np.array([np.linalg.norm(matrix, 2) for matrix in matrices])


def test_9_no_states_no_norms():
    check("the norms of no states", answer("memory_left", W_hh, states[:0]), np.zeros(0))


def test_9_memory_fades_by_tanh_and_by_the_weights():
    rotation, _ = np.linalg.qr(W_hh)  # which changes no length
    kept = answer("memory_left", rotation, np.zeros((TIME, HIDDEN)))
    check("with a rotation for W_hh, and states at which tanh' is 1, all is kept: the norm", kept, np.ones(TIME))
    halved = answer("memory_left", rotation, np.full((TIME, HIDDEN), np.sqrt(0.5)))
    check("where tanh' is 1/2, each step halves the norm, which", halved, 0.5 ** np.arange(TIME)[::-1])
    shorter = answer("memory_left", 0.8 * rotation, np.zeros((TIME, HIDDEN)))
    check("with 0.8 of a rotation, each step keeps 0.8 of the norm, which", shorter, 0.8 ** np.arange(TIME)[::-1])


# 10: flip_padded


def flip_padded(values):
    return answer("flip_padded", values, lengths)


def test_10_a_row_is_flipped_within_its_length():
    right = np.array([np.concatenate([row[:n][::-1], row[n:]]) for row, n in zip(rows, lengths, strict=True)])
    mistakes = {
        "the whole row is flipped, which brings the padding to the front.": rows[:, ::-1],
        "the rows are in another order. Time is the second axis.": rows[::-1],
        "nothing is flipped.": rows,
        "what stands behind a row's length isn't where it was.": np.where(real[..., None], right, 0),
    }
    check("the flipped rows", flip_padded(rows), right, mistakes)


def test_10_twice_is_as_before():
    check("a batch flipped twice", flip_padded(flip_padded(rows)), rows)


def test_10_it_makes_a_reverse_direction():
    both = RNN.from_cells([cell, RNNCell(INPUT, HIDDEN, rng=3)], bidirectional=True)
    reverse = RNN.from_cells(both.cells[1:])
    right, _ = both(rows, lengths=lengths)
    states_on_the_way_back, _ = reverse(flip_padded(rows), lengths=lengths)
    what = "flipped, run and flipped again, against the reverse half of a bidirectional network:"
    check(what, flip_padded(states_on_the_way_back), right[..., HIDDEN:])
