"""Recurrent neural networks in plain NumPy, written to be read.

Calling a module answers; ``forward`` answers and remembers; what it remembers walks backward.

Every public name is imported from here. Its file is read when the name is first asked for, so that importing the
package costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # what type checkers and editors see; a test holds it equal to the table below
    from vanilla_rnn import worked_example
    from vanilla_rnn.cell import RNNCell
    from vanilla_rnn.decoder import Decoder
    from vanilla_rnn.diagnostics import check_gradients, gradient_flow, memory_span, spectral_radius
    from vanilla_rnn.embedding import Embedding, one_hot
    from vanilla_rnn.heads import ManyToManyHead, ManyToOneHead
    from vanilla_rnn.interchange import (
        load_keras_weights,
        load_torch_state_dict,
        to_keras_weights,
        to_torch_state_dict,
    )
    from vanilla_rnn.losses import binary_cross_entropy, cross_entropy, mean_squared_error, sigmoid, softmax
    from vanilla_rnn.models import ManyToMany, ManyToOne
    from vanilla_rnn.onnx_graph import to_onnx
    from vanilla_rnn.optim import SGD, Adam, clip_grad_norm
    from vanilla_rnn.rnn import RNN
    from vanilla_rnn.tracing import Trace, trace
    from vanilla_rnn.training import fit, fit_stream
    from vanilla_rnn.unrolled import Unrolled
    from vanilla_rnn.vocab import Vocab, pad_sequences, tokenize
    from vanilla_rnn.weights import load_weights, save_weights
    from vanilla_rnn.writers import EncoderDecoder, OneToMany

__version__ = "0.1.0"

_FILE_OF = {
    name: file
    for file, names in {
        "cell": "RNNCell",
        "decoder": "Decoder",
        "diagnostics": "check_gradients gradient_flow memory_span spectral_radius",
        "embedding": "Embedding one_hot",
        "heads": "ManyToManyHead ManyToOneHead",
        "interchange": "load_keras_weights load_torch_state_dict to_keras_weights to_torch_state_dict",
        "losses": "binary_cross_entropy cross_entropy mean_squared_error sigmoid softmax",
        "models": "ManyToMany ManyToOne",
        "onnx_graph": "to_onnx",
        "optim": "Adam SGD clip_grad_norm",
        "rnn": "RNN",
        "tracing": "Trace trace",
        "training": "fit fit_stream",
        "unrolled": "Unrolled",
        "vocab": "Vocab pad_sequences tokenize",
        "weights": "load_weights save_weights",
        "writers": "EncoderDecoder OneToMany",
    }.items()
    for name in names.split()
}

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
    "Trace",
    "Unrolled",
    "Vocab",
    "binary_cross_entropy",
    "check_gradients",
    "clip_grad_norm",
    "cross_entropy",
    "fit",
    "fit_stream",
    "gradient_flow",
    "load_keras_weights",
    "load_torch_state_dict",
    "load_weights",
    "mean_squared_error",
    "memory_span",
    "one_hot",
    "pad_sequences",
    "save_weights",
    "sigmoid",
    "softmax",
    "spectral_radius",
    "to_keras_weights",
    "to_onnx",
    "to_torch_state_dict",
    "tokenize",
    "trace",
    "worked_example",
]


if not TYPE_CHECKING:  # to whom any name would seem to be there

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module 'vanilla_rnn' has no attribute {name!r}; it has {', '.join(__all__)}")
        file = import_module(f"vanilla_rnn.{_FILE_OF.get(name, name)}")
        value = getattr(file, name, file)  # worked_example is a file itself
        globals()[name] = value  # from now on it is found at once
        return value


def __dir__() -> list[str]:
    return __all__
