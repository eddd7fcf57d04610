"""Recurrent neural networks in plain NumPy, written to be read.

``model(x)`` returns the result. ``model.forward(x)`` returns a run: the result plus everything needed to compute
gradients with ``.backward()``.

Import every public name from here. A file is loaded only when one of its names is first used, which keeps
``import vanilla_rnn`` fast.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # for type checkers and editors; a test compares it with the table below
    from vanilla_rnn import worked_example
    from vanilla_rnn.cell import RNNCell
    from vanilla_rnn.embedding import Embedding, one_hot
    from vanilla_rnn.files.npz import load_weights, save_weights
    from vanilla_rnn.files.onnx import to_onnx
    from vanilla_rnn.files.torch_keras import (
        load_keras_weights,
        load_torch_state_dict,
        to_keras_weights,
        to_torch_state_dict,
    )
    from vanilla_rnn.heads import ManyToManyHead, ManyToOneHead
    from vanilla_rnn.inspection.diagnostics import check_gradients, gradient_flow, memory_span, spectral_radius
    from vanilla_rnn.inspection.trace import Trace, trace
    from vanilla_rnn.losses import binary_cross_entropy, cross_entropy, mean_squared_error, sigmoid, softmax
    from vanilla_rnn.models import Decoder, ManyToMany, ManyToOne
    from vanilla_rnn.optim import SGD, Adam, clip_grad_norm
    from vanilla_rnn.rnn import RNN, RNNRun
    from vanilla_rnn.seq2seq import EncoderDecoder, OneToMany
    from vanilla_rnn.training import fit, fit_stream, train, train_stream
    from vanilla_rnn.vocab import Vocab, pad_sequences, tokenize

__version__ = "0.2.0"

_FILE_OF = {
    name: file
    for file, names in {
        "cell": "RNNCell",
        "embedding": "Embedding one_hot",
        "files.npz": "load_weights save_weights",
        "files.onnx": "to_onnx",
        "files.torch_keras": "load_keras_weights load_torch_state_dict to_keras_weights to_torch_state_dict",
        "heads": "ManyToManyHead ManyToOneHead",
        "inspection.diagnostics": "check_gradients gradient_flow memory_span spectral_radius",
        "inspection.trace": "Trace trace",
        "losses": "binary_cross_entropy cross_entropy mean_squared_error sigmoid softmax",
        "models": "Decoder ManyToMany ManyToOne",
        "optim": "Adam SGD clip_grad_norm",
        "rnn": "RNN RNNRun",
        "seq2seq": "EncoderDecoder OneToMany",
        "training": "fit fit_stream train train_stream",
        "vocab": "Vocab pad_sequences tokenize",
        "worked_example": "worked_example",
    }.items()
    for name in names.split()
}

__all__ = [
    "RNN", "SGD", "Adam", "Decoder", "Embedding", "EncoderDecoder", "ManyToMany", "ManyToManyHead", "ManyToOne",
    "ManyToOneHead", "OneToMany", "RNNCell", "RNNRun", "Trace", "Vocab", "binary_cross_entropy", "check_gradients",
    "clip_grad_norm", "cross_entropy", "fit", "fit_stream", "gradient_flow", "load_keras_weights",
    "load_torch_state_dict", "load_weights", "mean_squared_error", "memory_span", "one_hot", "pad_sequences",
    "save_weights", "sigmoid", "softmax", "spectral_radius", "to_keras_weights", "to_onnx", "to_torch_state_dict",
    "tokenize", "trace", "train", "train_stream", "worked_example",
]  # fmt: skip

if not TYPE_CHECKING:  # a type checker would believe that any name exists

    def __getattr__(name: str) -> object:
        if name not in _FILE_OF:
            raise AttributeError(f"module 'vanilla_rnn' has no attribute {name!r}; it has {', '.join(__all__)}")
        file = import_module(f"vanilla_rnn.{_FILE_OF[name]}")
        value = getattr(file, name, file)  # worked_example is a file itself
        globals()[name] = value  # from now on it is found without this function
        return value


def __dir__() -> list[str]:
    return __all__
