"""Eleven exercises: replace the last line of each function by its body, and watch its tests turn green.

python -m pytest examples/exercises -x

Arrays are NumPy arrays in float64; no class of the library is needed. The symbols are the chapter's: W_xh (hidden,
input), W_hh (hidden, hidden), b_h (hidden,), x_t (input,) and h_t (hidden,). A gradient's name is d_ plus the name of
the array it belongs to, and it has that array's shape. Steps count from 0; the argument h_0 is the state before step 0.
No function changes its arguments.
"""

from types import SimpleNamespace  # noqa: F401  # your solution of exercise 11 will need it

import numpy as np


def step(W_xh, W_hh, b_h, x_t, h_prev):
    """Compute the state after reading x_t.

    h_t = tanh(W_xh x_t + W_hh h_{t-1} + b_h)

    Given: x_t (input,), h_prev (hidden,).
    Returns: h_t (hidden,).
    Hint: `@` is the product of a matrix and a vector.
    Common mistake: `h_prev @ W_hh` raises no error, because W_hh is square, but it is another network.
    """
    raise NotImplementedError("exercise 1: step, the state after reading x_t")


def unroll(W_xh, W_hh, b_h, x, h_0):
    """Compute all states of one sequence, each from the one before, with the same weights.

    h_t = tanh(W_xh x_t + W_hh h_{t-1} + b_h) for t = 0, 1, ..., time - 1; for step 0, h_{t-1} is h_0

    Given: x (time, input), h_0 (hidden,). time may be 0.
    Returns: states (time, hidden), without h_0.
    Hint: use exercise 1 in a loop, and an empty array of the right shape to write into.
    Common mistake: every step starts from h_0; or a list of no states becomes an array of shape (0,).
    """
    raise NotImplementedError("exercise 2: unroll, all states of one sequence")


def step_backward(W_xh, W_hh, h_t, x_t, h_prev, d_h):
    """Propagate a gradient back through one step, by the chain rule.

    d_a = d_h (1 - h_t^2), number by number, where a is the sum before tanh, and then
    d_x = W_xh^T d_a, d_h_prev = W_hh^T d_a, d_W_xh = d_a x_t^T, d_W_hh = d_a h_prev^T, d_b_h = d_a

    Given: x_t (input,); h_t, h_prev and d_h = dL/dh_t, all (hidden,).
    Returns: d_x, d_h_prev, d_W_xh, d_W_hh, d_b_h, each with the shape of the array it belongs to.
    Hint: `np.outer(u, v)` is u v^T.
    Common mistake: the transposes. Forward, W_ij leads from unit j to unit i. Backward, it leads from i to j.
    """
    raise NotImplementedError("exercise 3: step_backward, the gradients of one step")


def backward(W_xh, W_hh, x, h_0, states, d_output, d_h_n):
    """Backpropagate through time: go through the same sequence from its last step to its first.

    d_h at step t = d_output[t] + dhnext, the gradient from step t's own output plus the gradient from all later steps.
    dhnext is d_h_n at the last step, and d_h_prev of the step after at every other step.

    Given: x (time, input), h_0 (hidden,), states (time, hidden) as exercise 2 returns them, d_output (time, hidden):
    the gradient of the loss for every state, d_h_n (hidden,): a further gradient for the final state. time may be 0.
    Returns: d_x (time, input), d_h_0 (hidden,), d_W_xh, d_W_hh, d_b_h, the last three summed over the steps.
    Hint: use exercise 3 in a loop over `reversed(range(time))`.
    Common mistake: dhnext is left out. At step 0, `states[t - 1]` is the last state, because -1 counts from the end.
    """
    raise NotImplementedError("exercise 4: backward, backpropagation through time")


def forward_padded(W_xh, W_hh, b_h, x, h_0, lengths):
    """Run over a batch whose sequences have different lengths and are padded to the longest.

    A step at t < lengths[row] is as before. From t = lengths[row] on, the row's state doesn't change, and its output is
    0.

    Given: x (batch, time, input), h_0 (batch, hidden), lengths (batch,) of int, each from 0 to time, in any order.
    Returns: output (batch, time, hidden), and h_n (batch, hidden): every row's state after its last real step.
    Hint: for rows instead of vectors, W_xh x_t becomes `x[:, t] @ W_xh.T`. `np.where` chooses row by row.
    Common mistake: the padding may contain anything, even NaN, and 0 * NaN is NaN. And `output[:, -1]` isn't h_n.
    """
    raise NotImplementedError("exercise 5: forward_padded, a batch of sequences of different lengths")


def padded_mean_squared_error(predictions, targets, lengths):
    """Compute the mean of (p - y)^2 over the real steps, and its gradient.

    loss = sum of (p - y)^2 / count, d_predictions = 2 (p - y) / count; count is the number of real steps in the batch

    Given: predictions p and targets y (batch, time), lengths (batch,) of int, some of which may be 0, but not all.
    Returns: loss, a float, and d_predictions (batch, time): 0 at the padding, whatever the arrays contain there.
    Hint: `np.arange(time) < lengths[:, None]` is True at the real steps.
    Common mistake: the padding is counted, because `.mean()` divides by batch * time.
    """
    raise NotImplementedError("exercise 6: padded_mean_squared_error, a mean over real steps only")


def shift(tokens, lengths, bos, eos):
    """Compute what a decoder reads, the previous token at every step, and what it should predict, the next token.

    inputs: bos, then the tokens. targets: the tokens, then eos. So the target of a step is the input of the next step.

    Given: tokens (batch, time) of int, lengths (batch,) of int, bos and eos: the ids of beginning and end.
    Returns: inputs (batch, time + 1), targets (batch, time + 1), and the number of steps of each row that count,
    (batch,). After these steps, inputs and targets may contain anything.
    Hint: `targets[np.arange(batch), lengths]` is one place in each row: the one after its last token.
    Common mistake: eos comes after the padding, not after the row's last token.
    """
    raise NotImplementedError("exercise 7: shift, a decoder's inputs, targets and lengths")


def clip(gradients, max_norm):
    """Scale all gradients by one factor if their common norm is too large.

    norm = sqrt(sum of g^2 over all numbers g of all gradients); if norm > max_norm, g max_norm / norm, else g unchanged

    Given: gradients, a dictionary of arrays by name; max_norm > 0.
    Returns: a dictionary with the same names.
    Hint: all gradients together are one long vector. Clipping changes its length, not its direction.
    Common mistake: each array is scaled by its own norm, or small gradients are made larger.
    """
    raise NotImplementedError("exercise 8: clip, all gradients by one factor")


def memory_left(W_hh, states):
    """Measure how much of each state is left in the last one: why memory fades.

    dh_t/dh_{t-1} = diag(1 - h_t^2) W_hh, the Jacobian J_t of step t, and by the chain rule
    dh_last/dh_t = J_last ... J_{t+2} J_{t+1}, which is the identity for the last state itself

    Given: states (time, hidden). time may be 0.
    Returns: the norm of dh_last/dh_t for every t, (time,): the largest factor by which a small change of h_t can be
    multiplied on its way to the last state.
    Hint: start with `np.eye(hidden)` at the last step and go back. The norm is `np.linalg.norm(J, 2)`.
    Common mistake: diag(s) W_hh multiplies the rows of W_hh; `s * W_hh` multiplies its columns.
    """
    raise NotImplementedError("exercise 9: memory_left, the norm of the product of the steps' Jacobians")


def flip_padded(x, lengths):
    """Reverse every row in time within its own length, as a reverse direction reads it.

    Given: x (batch, time, features), lengths (batch,) of int, each from 0 to time.
    Returns: an array of x's shape. The padding after a row's length stays where it is.
    Hint: flipping twice returns x.
    Common mistake: `x[:, ::-1]` moves the padding to the front.
    """
    raise NotImplementedError("exercise 10: flip_padded, every row reversed within its own length")


class LeakyCell:
    """A cell of your own, which RNN.from_cells takes: each unit keeps a part of its state.

    h_t = (1 - leak) h_{t-1} + leak n, number by number, where n = tanh(W_xh x_t + W_hh h_{t-1} + b_h)

    backward uses the product rule in both terms: h_{t-1} is in the first one and also in n.
    d_a = d_h leak (1 - n^2), d_h_prev = (1 - leak) d_h + W_hh^T d_a, and the other gradients as in exercise 3

    Given: leak (hidden,), constants from 0 to 1, which aren't learned. x_t (rows, input), h_prev (rows, hidden): one
    step of a batch of sequences.
    Returns: parameters() the arrays to learn, {"W_xh": ..., "W_hh": ..., "b_h": ...}; forward a run, with the new state
    h (rows, hidden) and with backward(d_h), which returns d_x, d_h_prev and a dictionary with a gradient for every
    parameter, added up over the rows.
    Hint: define backward inside forward, where it sees n, and return SimpleNamespace(h=h, backward=backward).
    Common mistake: n is kept in self. The next step replaces it before backward reads it: keep it in the run.
    """

    dtype = np.dtype(np.float64)

    def __init__(self, W_xh, W_hh, b_h, leak):
        self.W_xh, self.W_hh, self.b_h, self.leak = W_xh, W_hh, b_h, leak
        self.hidden_size, self.input_size = W_xh.shape

    def parameters(self):
        raise NotImplementedError("exercise 11: LeakyCell.parameters, the arrays to learn")

    def forward(self, x_t, h_prev):
        raise NotImplementedError("exercise 11: LeakyCell.forward, a step and its backward")
