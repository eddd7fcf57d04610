"""Ten exercises: put each function's body in the place of its last line, and watch its tests turn green.

python -m pytest examples/exercises -x

Arrays are NumPy's and in float64; no class of the library is needed. The symbols are the chapter's: W_xh (hidden,
input), W_hh (hidden, hidden), b_h (hidden,), x_t (input,) and h_t (hidden,). A gradient is named d_ and what it is of.
Steps are counted from 0; h_0, as an argument, is the state before step 0. No function changes what it is given.
"""

import numpy as np  # noqa: F401  # your solutions will need it


def step(W_xh, W_hh, b_h, x_t, h_prev):
    """The state after reading x_t.

    h_t = tanh(W_xh x_t + W_hh h_{t-1} + b_h)

    Given: x_t (input,), h_prev (hidden,).
    Gives: h_t (hidden,).
    Hint: `@` is the product of matrix and vector.
    Goes wrong: W_hh is square, so `h_prev @ W_hh` runs too, and is another network.
    """
    raise NotImplementedError("exercise 1: step, the state after reading x_t")


def unroll(W_xh, W_hh, b_h, x, h_0):
    """All states of one sequence, each made from the one before, with the same weights.

    h_t = tanh(W_xh x_t + W_hh h_{t-1} + b_h) for t = 0, 1, ..., time - 1; what step 0 finds as h_{t-1} is h_0

    Given: x (time, input), h_0 (hidden,). time may be 0.
    Gives: states (time, hidden), h_0 not among them.
    Hint: exercise 1 in a loop, and an empty array of the right shape to write into.
    Goes wrong: every step begins with h_0; or a list of no states becomes an array of shape (0,).
    """
    raise NotImplementedError("exercise 2: unroll, all states of one sequence")


def step_backward(W_xh, W_hh, h_t, x_t, h_prev, d_h):
    """A gradient, carried back through one step by the chain rule.

    d_a = d_h (1 - h_t^2), number by number, where a is the sum before tanh, and then
    d_x = W_xh^T d_a, d_h_prev = W_hh^T d_a, d_W_xh = d_a x_t^T, d_W_hh = d_a h_prev^T, d_b_h = d_a

    Given: x_t (input,); h_t, h_prev and d_h = dL/dh_t, all (hidden,).
    Gives: d_x, d_h_prev, d_W_xh, d_W_hh, d_b_h, each of the shape of what it is of.
    Hint: `np.outer(u, v)` is u v^T.
    Goes wrong: the transposes. What unit j gave to unit i forward, i gives back to j: rows and columns change places.
    """
    raise NotImplementedError("exercise 3: step_backward, the gradients of one step")


def backward(W_xh, W_hh, x, h_0, states, d_output, d_h_n):
    """Backpropagation through time: the same sequence, walked from its last step to its first.

    d_h at step t = d_output[t] + dhnext, the share of step t's own output and that of all later steps.
    dhnext is d_h_n at the last step, and at every other one d_h_prev of the step after it.

    Given: x (time, input), h_0 (hidden,), states (time, hidden) as exercise 2 gives them, d_output (time, hidden): what
    the loss says of every state, d_h_n (hidden,): what it says of the final state besides. time may be 0.
    Gives: d_x (time, input), d_h_0 (hidden,), d_W_xh, d_W_hh, d_b_h, the last three summed over the steps.
    Hint: exercise 3 in a loop over `reversed(range(time))`.
    Goes wrong: the future's share is forgotten. At step 0, `states[t - 1]` is the last state: -1 counts from the end.
    """
    raise NotImplementedError("exercise 4: backward, backpropagation through time")


def forward_padded(W_xh, W_hh, b_h, x, h_0, lengths):
    """Run over a batch whose rows have lengths of their own, filled up to the longest with padding.

    At t < lengths[row] a step as ever. From there on the row's state stays what it is, and its output is 0.

    Given: x (batch, time, input), h_0 (batch, hidden), lengths (batch,) of int, each from 0 to time, in any order.
    Gives: output (batch, time, hidden), and h_n (batch, hidden): every row's state after its last real step.
    Hint: with rows for vectors, W_xh x_t becomes `x[:, t] @ W_xh.T`. `np.where` chooses row by row.
    Goes wrong: what stands in the padding may be anything, even NaN, and 0 * NaN is NaN. And `output[:, -1]` isn't h_n.
    """
    raise NotImplementedError("exercise 5: forward_padded, a batch of rows of unequal length")


def padded_mean_squared_error(predictions, targets, lengths):
    """The mean of (p - y)^2 over the real steps, and its gradient.

    loss = sum of (p - y)^2 / count, d_predictions = 2 (p - y) / count; count is the number of real steps in the batch

    Given: predictions p and targets y (batch, time), lengths (batch,) of int, of which some may be 0, but not all.
    Gives: loss, a float, and d_predictions (batch, time): 0 where no step is real, whatever stands there.
    Hint: `np.arange(time) < lengths[:, None]` is where a step is real.
    Goes wrong: padding is counted: `.mean()` divides by batch * time.
    """
    raise NotImplementedError("exercise 6: padded_mean_squared_error, a mean over real steps only")


def shift(tokens, lengths, bos, eos):
    """What a decoder reads and what it should answer: at every step the token before, and the token that comes next.

    inputs: bos, then the tokens. targets: the tokens, then eos. So the target of a step is the input of the next.

    Given: tokens (batch, time) of int, lengths (batch,) of int, bos and eos: the ids of beginning and end.
    Gives: inputs (batch, time + 1), targets (batch, time + 1), and how many steps of each row count, (batch,). What
    stands behind those may be anything.
    Hint: `targets[np.arange(batch), lengths]` is one place in each row: the one behind its last token.
    Goes wrong: eos is put behind the padding, not behind the row's last token.
    """
    raise NotImplementedError("exercise 7: shift, a decoder's inputs, targets and lengths")


def clip(gradients, max_norm):
    """The gradients, shortened together if they are too long.

    norm = sqrt(sum of g^2 over all numbers g of all gradients); if norm > max_norm, g max_norm / norm, else g as it is

    Given: gradients, a dictionary of arrays by name; max_norm > 0.
    Gives: a dictionary with the same names.
    Hint: all gradients are one long vector, of which only the length is cut, not the direction.
    Goes wrong: each array is cut by itself, or short gradients are made longer.
    """
    raise NotImplementedError("exercise 8: clip, all gradients by one factor")


def memory_left(W_hh, states):
    """How much of each state is left in the last one: why memory fades.

    dh_t/dh_{t-1} = diag(1 - h_t^2) W_hh, the Jacobian J_t of step t, and by the chain rule
    dh_last/dh_t = J_last ... J_{t+2} J_{t+1}, the identity for the last state itself

    Given: states (time, hidden). time may be 0.
    Gives: the norm of dh_last/dh_t for every t, (time,): by how much a small change of h_t can be multiplied, at most,
    on its way to the last state.
    Hint: begin with `np.eye(hidden)` at the last step and go back. The norm is `np.linalg.norm(J, 2)`.
    Goes wrong: diag(s) W_hh multiplies the rows of W_hh; `s * W_hh` multiplies its columns.
    """
    raise NotImplementedError("exercise 9: memory_left, the norm of the product of the steps' Jacobians")


def flip_padded(x, lengths):
    """Every row backward in time within its own length, as a reverse direction reads it.

    Given: x (batch, time, features), lengths (batch,) of int, each from 0 to time.
    Gives: an array of x's shape. What stands behind a row's length stays where it is.
    Hint: done twice, it gives x again.
    Goes wrong: `x[:, ::-1]` brings the padding to the front.
    """
    raise NotImplementedError("exercise 10: flip_padded, every row backward within its own length")
