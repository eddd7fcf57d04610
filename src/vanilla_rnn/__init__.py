"""Recurrent neural networks in plain NumPy, written to be read.

Calling a module answers; ``forward`` answers and remembers; what it remembers walks backward.
"""

from vanilla_rnn import worked_example
from vanilla_rnn.cell import RNNCell
from vanilla_rnn.decoder import Decoder
from vanilla_rnn.diagnostics import check_gradients
from vanilla_rnn.embedding import Embedding, one_hot
from vanilla_rnn.heads import ManyToManyHead, ManyToOneHead
from vanilla_rnn.losses import binary_cross_entropy, cross_entropy, mean_squared_error, sigmoid, softmax
from vanilla_rnn.models import ManyToMany, ManyToOne
from vanilla_rnn.optim import SGD, Adam, clip_grad_norm
from vanilla_rnn.rnn import RNN
from vanilla_rnn.training import fit, fit_stream
from vanilla_rnn.unrolled import Unrolled
from vanilla_rnn.vocab import Vocab, pad_sequences, tokenize
from vanilla_rnn.writers import EncoderDecoder, OneToMany

__version__ = "0.1.0"

__all__ = [
    "RNN",
    "SGD",
    "Adam",
    "Decoder",
    "Embedding",
    "EncoderDecoder",
    "ManyToMany",
    "ManyToManyHead",
    "ManyToOne",
    "ManyToOneHead",
    "OneToMany",
    "RNNCell",
    "Unrolled",
    "Vocab",
    "binary_cross_entropy",
    "check_gradients",
    "clip_grad_norm",
    "cross_entropy",
    "fit",
    "fit_stream",
    "mean_squared_error",
    "one_hot",
    "pad_sequences",
    "sigmoid",
    "softmax",
    "tokenize",
    "worked_example",
]
