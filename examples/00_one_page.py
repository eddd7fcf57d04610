"""The whole method on one page: a character-level RNN in NumPy alone, from reading a text to writing one.

Each step reads a character x_t, updates the state h_t and scores every character as the possible next one:

    h_t = tanh(W_xh x_t + W_hh h_{t-1} + b_h)
    y_t = W_hy h_t + b_y

Training repeats four things: unroll the network over a window of text, backpropagate through time, clip the gradients,
update the weights. The last tenth of the text is held out and never trained on. The loss on it, in bits per character,
shows how well the network predicts text it hasn't seen. A bigram model, which sees one character only, is the baseline.

The library vanilla_rnn generalises this page to several layers, two directions and rows of unequal length. The tests
check that loss, gradients and updates are the same in both.

python examples/00_one_page.py
python examples/00_one_page.py my_text.txt    (UTF-8, at least 20,000 characters; only the first million are used)
"""

import os
import sys
from pathlib import Path
from pydoc_data.topics import topics

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy starts: threads slow down matrices this small

import numpy as np

# The units of the state, the rows of a batch, the time steps of a window, the updates of the weights.
HIDDEN, LANES, WINDOW, UPDATES = 192, 32, 32, 1000
# The fewest characters a text must have, so that its last tenth fills a window, and the most that are used of it.
SHORTEST, LONGEST = 20_000, 1_000_000


# The network. W_xh is (hidden, input), W_hh (hidden, hidden), b_h (hidden,), W_hy (output, hidden) and b_y (output,).
# The batch comes first: each row of h_t belongs to one row of the batch. So W_hh h_{t-1} becomes h_{t-1} @ W_hh.T.


def forward(ids, h_0, W_xh, W_hh, b_h, W_hy, b_y):
    """Unroll the network over ids (batch, time): return the states h_0, h_1, ..., h_T and the scores y_1, ..., y_T."""
    h = [h_0]  # (batch, hidden)
    for x_t in ids.T:  # (batch,): each id stands for a one-hot vector, so W_xh x_t is a column of W_xh
        h.append(np.tanh(W_xh[:, x_t].T + h[-1] @ W_hh.T + b_h))  # (batch, hidden)
    h = np.stack(h, axis=1)  # (batch, 1 + time, hidden): h[:, t] is h_t
    return h, h[:, 1:] @ W_hy.T + b_y  # (batch, time, output): no y_t depends on another, so compute all at once


def backward(ids, h, d_y, W_xh, W_hh, b_h, W_hy, b_y):
    """Backpropagate through time: walk the steps of forward from last to first and return every weight's gradient."""
    d_W_xh, d_W_hh, d_b_h, d_W_hy, d_b_y = (np.zeros_like(array) for array in (W_xh, W_hh, b_h, W_hy, b_y))
    d_h_later = np.zeros_like(h[:, 0])  # (batch, hidden): the gradient of h_t through later steps; none for the last
    for t in range(ids.shape[1], 0, -1):
        x_t, d_y_t = ids[:, t - 1], d_y[:, t - 1]  # (batch,) and (batch, output): these arrays start with step 1
        d_W_hy += d_y_t.T @ h[:, t]  # (output, hidden): every step uses the same weights, so their gradients add up
        d_b_y += d_y_t.sum(axis=0)  # (output,)
        d_h_t = d_y_t @ W_hy + d_h_later  # (batch, hidden): h_t is used twice, by y_t and by h_{t+1}
        d_a_t = d_h_t * (1 - h[:, t] ** 2)  # (batch, hidden): a_t is the sum inside tanh, and tanh' = 1 - tanh^2
        np.add.at(d_W_xh.T, x_t, d_a_t)  # (input, hidden): += would count a character only once if two rows share it
        d_W_hh += d_a_t.T @ h[:, t - 1]  # (hidden, hidden)
        d_b_h += d_a_t.sum(axis=0)  # (hidden,)
        d_h_later = d_a_t @ W_hh  # (batch, hidden): repeated at every step, this makes gradients vanish or explode
    return {"W_xh": d_W_xh, "W_hh": d_W_hh, "b_h": d_b_h, "W_hy": d_W_hy, "b_y": d_b_y}


# The loss: -log of the probability that the network gave to the character that came next.


def log_softmax(y):
    """The logarithm of the probabilities, exp(y) / (sum of exp(y)), computed so that no exp can overflow."""
    return y - np.logaddexp.reduce(y, axis=-1, keepdims=True)


def cross_entropy(y, targets):
    """The mean of -log p(target) over batch and time, in nats, and its gradient: (p - one_hot) / (batch * time)."""
    log_p = log_softmax(y)  # (batch, time, output)
    one_hot = targets[..., np.newaxis] == np.arange(y.shape[-1])  # (batch, time, output)
    return -log_p[one_hot].mean(), (np.exp(log_p) - one_hot) / targets.size


def loss_and_gradients(parameters, ids, targets, h_0):
    """The loss on a window, the gradient of every weight, and the last state for the next window to start from."""
    h, y = forward(ids, h_0, **parameters)
    loss, d_y = cross_entropy(y, targets)
    return loss, backward(ids, h, d_y, **parameters), h[:, -1]


# The update.


def clip(d_parameters, max_norm):
    """Scale all gradients by one factor if their common norm exceeds max_norm. Their direction stays the same."""
    norm = np.sqrt(sum((gradient**2).sum() for gradient in d_parameters.values()))
    return {name: gradient * (max_norm / max(norm, max_norm)) for name, gradient in d_parameters.items()}


def adam(parameters, d_parameters, m, s, step, learning_rate, b1=0.9, b2=0.999):
    """Update the weights in place. m and s are running means of the gradients and of their squares."""
    for name, gradient in d_parameters.items():
        m[name] = b1 * m[name] + (1 - b1) * gradient
        s[name] = b2 * s[name] + (1 - b2) * gradient**2
        mean, mean_square = m[name] / (1 - b1**step), s[name] / (1 - b2**step)  # m and s started at 0: undo that
        parameters[name] -= learning_rate * mean / (np.sqrt(mean_square) + 1e-8)


# The text.


def read_text(path=None):
    if path is None:  # the help pages that Python contains, each paragraph once, because some pages repeat others
        return "\n\n".join(dict.fromkeys(part for name in sorted(topics) for part in topics[name].split("\n\n")))
    try:
        text = Path(path).read_text(encoding="utf-8")[:LONGEST]
    except (OSError, UnicodeDecodeError) as error:
        sys.exit(f"{path} can't be read: {error}. It must be a text file, saved as UTF-8.")
    if len(text) < SHORTEST or "\0" in text:  # UTF-16, read as UTF-8, has a NUL for every letter
        sys.exit(f"{path} must be UTF-8 text of at least {SHORTEST:,} characters, got {len(text):,}: {text[:9]!r} ...")
    return text


def windows(ids):
    """Cut a text into LANES long rows, and these into windows of inputs and targets, both (LANES, WINDOW).

    A target is the character after its input. Each row of a window continues the same row of the window before.
    """
    rows = ids[: len(ids) // LANES * LANES].reshape(LANES, -1)
    return [(rows[:, t : t + WINDOW], rows[:, t + 1 :][:, :WINDOW]) for t in range(0, rows.shape[1] - WINDOW, WINDOW)]


# Measuring and sampling.


def network_bits(parameters, held_out):
    """The network's mean loss over all windows, in bits per character. Each window starts from the last one's state."""
    h, losses = np.zeros((LANES, 1, HIDDEN)), []  # h has a time axis, as if one state had been computed before
    for ids, targets in held_out:
        h, y = forward(ids, h[:, -1], **parameters)
        losses.append(cross_entropy(y, targets)[0])
    return np.mean(losses) / np.log(2)


def bigram_bits(train, held_out, output):
    """The mean loss of a table that counts which character follows which. Counts start at 1: no pair is impossible."""
    counts = np.ones((output, output))
    np.add.at(counts, (train[:-1], train[1:]), 1)
    # Softmax turns log(counts) into counts / (sum of counts), so they can be treated as scores.
    return np.mean([cross_entropy(np.log(counts[ids]), targets)[0] for ids, targets in held_out]) / np.log(2)


def sample(parameters, first, length, rng):
    """Draw each next character from the network's probabilities, then feed it back as the next input."""
    ids, h = [first], np.zeros((1, 1, HIDDEN))
    for _ in range(length):
        h, y = forward(np.array([[ids[-1]]]), h[:, -1], **parameters)
        ids.append(rng.choice(y.shape[-1], p=np.exp(log_softmax(y[0, -1]))))
    return ids


def main():
    if sys.argv[1:] in (["-h"], ["--help"]):
        sys.exit(print(__doc__))
    # The alphabet is that of the whole text, so that every character has an id.
    alphabet, ids = np.unique(list(read_text(*sys.argv[1:2])), return_inverse=True)
    train, held_out = np.split(ids, [len(ids) * 9 // 10])
    train_windows, held_out = windows(train), windows(held_out)
    output, rng = len(alphabet), np.random.default_rng(0)
    print(f"{output} different characters: about {25 + output // 7} seconds on one core. Bits per held-out character:")
    bigram = bigram_bits(train, held_out, output)

    # W_hh h and W_hy h are sums over all hidden units. A sum of n random terms grows with sqrt(n), so divide by that.
    # W_xh x_t is a single column of W_xh, because x_t is one-hot.
    W_xh = rng.uniform(-1, 1, (HIDDEN, output))
    W_hh = rng.uniform(-1, 1, (HIDDEN, HIDDEN)) / np.sqrt(HIDDEN)
    W_hy = rng.uniform(-1, 1, (output, HIDDEN)) / np.sqrt(HIDDEN)
    parameters = {"W_xh": W_xh, "W_hh": W_hh, "b_h": np.zeros(HIDDEN), "W_hy": W_hy, "b_y": np.zeros(output)}
    m, s = ({name: np.zeros_like(array) for name, array in parameters.items()} for _ in range(2))

    for step in range(UPDATES):
        if step % len(train_windows) == 0:  # the text starts again, so there is nothing to remember yet
            h = np.zeros((LANES, HIDDEN))
        # The state is carried over from the window before, but no gradient goes back into it: this is truncated BPTT.
        _, d_parameters, h = loss_and_gradients(parameters, *train_windows[step % len(train_windows)], h)
        # The learning rate falls to 0, so that the weights settle instead of following the noise of each window.
        adam(parameters, clip(d_parameters, 5.0), m, s, step + 1, learning_rate=0.01 * (1 - step / UPDATES))
        if (step + 1) % 100 == 0:
            print(f"update {step + 1}: network {network_bits(parameters, held_out):.3f}, bigram {bigram:.3f}")

    print("\nThe network writes:\n\n" + "".join(alphabet[sample(parameters, ids[0], 500, rng)]))


if __name__ == "__main__":
    main()
