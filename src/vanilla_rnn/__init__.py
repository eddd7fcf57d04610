"""Recurrent neural networks in plain NumPy, written to be read.

Calling a module answers; ``forward`` answers and remembers; what it remembers walks backward.
"""

from vanilla_rnn.cell import RNNCell
from vanilla_rnn.embedding import Embedding, one_hot
from vanilla_rnn.heads import ManyToManyHead, ManyToOneHead
from vanilla_rnn.losses import sigmoid, softmax
from vanilla_rnn.rnn import RNN, Unrolled
from vanilla_rnn.vocab import Vocab, pad_sequences, tokenize

__version__ = "0.1.0"

__all__ = [
    "RNN",
    "Embedding",
    "ManyToManyHead",
    "ManyToOneHead",
    "RNNCell",
    "Unrolled",
    "Vocab",
    "one_hot",
    "pad_sequences",
    "sigmoid",
    "softmax",
    "tokenize",
]
