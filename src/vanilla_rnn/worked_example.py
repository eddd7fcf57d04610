"""The worked example as data: the sentence, the network's weights, and the hidden states as they were printed.

The text that this library is based on runs "I love this movie" through a network of three hidden units and prints the
hidden state after each word, to four decimals. The weights behind these states were in pictures, which are lost.

``W_hh``, ``W_xh`` and ``EMBEDDINGS`` were recovered from the twelve printed numbers, by
``examples/02_recover_the_weights.py``. Three assumptions single out one of the many networks that produce these
numbers: every weight has one decimal and is between -1 and 1, the bias is zero, and no embedding has a negative entry.

``W_hy`` and ``b_y`` were chosen, not recovered: the text prints no output for this example. Its next section says that
the sentence has a probability of 0.558 of being positive. The chosen weights give this probability without a bias. They
have one decimal, and the largest belongs to h[1], the unit that the text calls emotional. Of all such weights, they are
the smallest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from vanilla_rnn._types import Array


def _constant(values: list[list[float]] | list[float]) -> Array:
    constant = np.array(values)
    constant.flags.writeable = False
    return constant


TOKENS = ("I", "love", "this", "movie")

EMBEDDINGS = _constant([[1.0, 0.0], [0.5, 0.8], [0.3, 0.7], [0.9, 0.1]])  # (tokens, input): a row for each of TOKENS

W_xh = _constant([[0.5, -0.3], [0.2, 0.7], [-0.1, 0.4]])  # (hidden, input)
W_hh = _constant([[0.1, 0.4, -0.2], [-0.3, 0.2, 0.5], [0.3, -0.1, 0.1]])  # (hidden, hidden)
b_h = _constant([0.0, 0.0, 0.0])  # (hidden,)

PRINTED_STATES = _constant(  # (tokens, hidden): h after each of TOKENS, as printed
    [[0.4621, 0.1974, -0.0997], [0.1539, 0.4707, 0.3618], [0.0712, 0.6521, 0.2778], [0.5597, 0.4605, -0.0660]]
)

W_hy = _constant([[0.1, 0.4, 0.1]])  # (output, hidden): chosen
b_y = _constant([0.0])  # (output,): chosen
PRINTED_PROBABILITY = 0.558  # that the sentence is positive
