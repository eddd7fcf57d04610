"""The solutions. Yours may look different, as long as the tests pass.

EXERCISES=solutions python -m pytest examples/exercises
"""

from types import SimpleNamespace

import numpy as np


def step(W_xh, W_hh, b_h, x_t, h_prev):
    # The matrix is on the left: row i of W_hh holds the weights with which unit i reads all units. h_prev @ W_hh would
    # reverse every connection, and because W_hh is square, it would raise no error.
    return np.tanh(W_xh @ x_t + W_hh @ h_prev + b_h)


def unroll(W_xh, W_hh, b_h, x, h_0):
    # An array to write into has the right shape for any number of steps; np.array([]) has no hidden axis.
    states = np.empty((len(x), len(h_0)))
    h = h_0
    for t, x_t in enumerate(x):
        h = step(W_xh, W_hh, b_h, x_t, h)  # the state is the network's only memory
        states[t] = h
    return states


def step_backward(W_xh, W_hh, h_t, x_t, h_prev, d_h):
    # tanh'(a) = 1 - tanh(a)^2, and h_t is already tanh(a).
    d_a = d_h * (1.0 - h_t**2)
    # Forward, a_i = sum over j of W_ij h_j. So h_j changes the loss through every a_i, with the factor W_ij:
    # d_h_j = sum over i of W_ij d_a_i, which is the transpose times d_a.
    d_x = W_xh.T @ d_a
    d_h_prev = W_hh.T @ d_a
    # W_ij is only in a_i, where it multiplies h_j: d_W_ij = d_a_i h_j. For W_hh this is the previous state, not h_t.
    d_W_xh = np.outer(d_a, x_t)
    d_W_hh = np.outer(d_a, h_prev)
    return d_x, d_h_prev, d_W_xh, d_W_hh, d_a  # b_i is added to a_i, so d_b_h is d_a


def backward(W_xh, W_hh, x, h_0, states, d_output, d_h_n):
    d_x = np.empty(x.shape)
    d_W_xh, d_W_hh, d_b_h = np.zeros(W_xh.shape), np.zeros(W_hh.shape), np.zeros(len(W_hh))
    dhnext = d_h_n  # the gradient that arrives after the last step
    for t in reversed(range(len(x))):
        h_prev = states[t - 1] if t > 0 else h_0  # states[-1] would be the last state
        d_h = d_output[t] + dhnext  # h_t is used twice: by the loss, and by step t + 1
        d_x[t], dhnext, d_W_xh_t, d_W_hh_t, d_b_h_t = step_backward(W_xh, W_hh, states[t], x[t], h_prev, d_h)
        # All steps use the same weights, so their gradients are added.
        d_W_xh += d_W_xh_t
        d_W_hh += d_W_hh_t
        d_b_h += d_b_h_t
    return d_x, dhnext, d_W_xh, d_W_hh, d_b_h  # after step 0, dhnext is the gradient of h_0


def forward_padded(W_xh, W_hh, b_h, x, h_0, lengths):
    batch, time, _ = x.shape
    output = np.zeros((batch, time, len(b_h)))
    h = h_0
    for t in range(time):
        real = (t < lengths)[:, None]  # (batch, 1)
        # A row that has ended is computed like the others, from its padding; then np.where chooses its old state.
        # real * h_t + (1 - real) * h would multiply instead, and 0 * NaN is NaN.
        h_t = np.tanh(x[:, t] @ W_xh.T + h @ W_hh.T + b_h)
        h = np.where(real, h_t, h)  # at the end each row has the state of its own last step
        output[:, t] = np.where(real, h_t, 0.0)
    return output, h


def padded_mean_squared_error(predictions, targets, lengths):
    real = np.arange(predictions.shape[1]) < lengths[:, None]  # (batch, time)
    difference = np.where(real, predictions - targets, 0.0)
    count = real.sum()  # over all rows: every real step has the same weight, whatever row it is in
    return (difference**2).sum() / count, 2.0 * difference / count


def shift(tokens, lengths, bos, eos):
    batch = len(tokens)
    inputs = np.append(np.full((batch, 1), bos), tokens, axis=1)
    targets = np.append(tokens, np.full((batch, 1), eos), axis=1)
    targets[np.arange(batch), lengths] = eos  # a shorter row ends here, before its padding
    return inputs, targets, lengths + 1  # the end has to be predicted too, also for an empty row


def clip(gradients, max_norm):
    # One norm for all arrays together. A factor for each array would change the direction of the step.
    norm = np.sqrt(sum((g**2).sum() for g in gradients.values()))
    if norm <= max_norm:  # also if the norm is 0, which would be a division by 0
        return gradients
    return {name: g * (max_norm / norm) for name, g in gradients.items()}


def memory_left(W_hh, states):
    left = np.empty(len(states))
    product = np.eye(len(W_hh))  # dh_last/dh_last
    for t in reversed(range(len(states))):
        left[t] = np.linalg.norm(product, 2)
        # J_t leads from h_{t-1} to h_t, so it joins after h_t was measured. It is applied first: it goes on the right.
        # [:, None] turns the slopes into a column, which multiplies row i of W_hh by the slope of unit i.
        product = product @ ((1.0 - states[t] ** 2)[:, None] * W_hh)
    return left


def flip_padded(x, lengths):
    flipped = x.copy()
    for row, length in enumerate(lengths):
        # Cut first, then flip: in one slice, x[row, length - 1 :: -1], a row of length 0 would begin at -1, the end.
        flipped[row, :length] = x[row, :length][::-1]
    return flipped


class LeakyCell:  # noqa: D101  # the exercise describes it
    dtype = np.dtype(np.float64)

    def __init__(self, W_xh, W_hh, b_h, leak):
        self.W_xh, self.W_hh, self.b_h, self.leak = W_xh, W_hh, b_h, leak
        self.hidden_size, self.input_size = W_xh.shape

    def parameters(self):
        # The arrays themselves, not copies: an optimiser changes them in place.
        return {"W_xh": self.W_xh, "W_hh": self.W_hh, "b_h": self.b_h}

    def forward(self, x_t, h_prev):
        n = np.tanh(x_t @ self.W_xh.T + h_prev @ self.W_hh.T + self.b_h)
        h = (1.0 - self.leak) * h_prev + self.leak * n

        def backward(d_h):
            # h is no longer a result of tanh, so the slope comes from n. Each call of forward has its own n, which its
            # backward keeps; self.n would be the n of the last step when backward begins.
            d_a = d_h * self.leak * (1.0 - n**2)
            # h_prev is used twice. Its first part goes back without a matrix and without a slope: it fades slowly.
            d_h_prev = (1.0 - self.leak) * d_h + d_a @ self.W_hh
            # All rows use the same weights, so their gradients are added. d_a.T @ x_t is the sum of the outer products.
            d_parameters = {"W_xh": d_a.T @ x_t, "W_hh": d_a.T @ h_prev, "b_h": d_a.sum(axis=0)}
            return d_a @ self.W_xh, d_h_prev, d_parameters

        return SimpleNamespace(h=h, backward=backward)
