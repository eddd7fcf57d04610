"""Random calls with wrong and odd arguments: each gives the right answer, or an error that names the argument.

An argument keeps its numbers in another form, and must then be accepted, or it becomes something else. An answer is
compared with that of the same call with plain arrays. Whatever happens, there is no warning and nothing has changed.
VANILLA_RNN_FUZZ_SEED repeats a run.
"""

import datetime as dt
import os
import pickle
import re
import tempfile
import warnings
from fractions import Fraction
from functools import cached_property
from pathlib import Path

import numpy as np
import pytest

import vanilla_rnn as v
from vanilla_rnn._module import Module, Run

try:
    import pandas as pd
except ImportError:
    pd = None

E, H, V, C = 3, 4, 7, 2  # values in an input, units, tokens, values in a context
WORDS = ["a", "rose", "is", "a", "rose"]


class Own(np.ndarray):
    """A subclass of NumPy's array."""


class Tensor:
    """An array of another library."""

    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.values, dtype)


class Broken:
    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("on another device")


# --- the grammar of arguments

FORMS = {  # the same numbers, or nearly
    "Fortran": np.asfortranarray, "list": np.ndarray.tolist, "subclass": lambda a: a.view(Own), "tensor": Tensor,
    "strided": lambda a: np.repeat(a, 2, axis=-1)[..., ::2], "reversed": lambda a: np.flip(np.flip(a).copy()),
    "big-endian": lambda a: a.astype(a.dtype.newbyteorder(">")), "read-only": lambda a: read_only(a.copy()),
    "broadcast": lambda a: np.broadcast_to(a[:1], a.shape), "masked, but no value is": lambda a: np.ma.array(a),
    "tuple of rows": tuple, "float16 or int8": lambda a: a.astype(np.float16 if a.dtype.kind == "f" else np.int8),
    "longdouble or uint64": lambda a: a.astype(np.longdouble if a.dtype.kind == "f" else np.uint64),
    "rows of two kinds": lambda a: [a[0].astype(np.longdouble if a.dtype.kind == "f" else np.uint64), *a[1:]],
}  # fmt: skip
if pd:
    FORMS["table"] = lambda a: pd.DataFrame(a) if a.ndim == 2 else pd.Series(a) if a.ndim == 1 else a
NUMBERS = [np.nan, np.inf, -np.inf, 1e300, 1e39, 70000.0, -1, 10**6, 2**63 - 1, 5e-324, 0, 0.5]
CHANGES = {  # other numbers, another shape, or no numbers
    **{str(n): lambda a, n=n: with_number(a, n) for n in NUMBERS},
    "transposed": np.transpose, "an axis more": lambda a: a[None], "an axis less": lambda a: a[0],
    "shorter": lambda a: a[..., :-1], "longer": lambda a: np.append(a, a[..., -1:], axis=-1), "empty": lambda a: a[:0],
    "above 2^63": lambda a: with_number(a.astype(np.uint64) if a.dtype.kind == "i" else a, 2**63 + 1),
    "complex": lambda a: a + 0j, "bool": lambda a: a > 0, "object": lambda a: a.astype(object),
    "words": lambda a: a.astype(str), "dates": lambda a: a.astype("M8[s]"), "durations": lambda a: a.astype("m8[s]"),
    "bytes": lambda a: a.astype(bytes), "masked": lambda a: np.ma.array(a, mask=np.arange(a.size).reshape(a.shape) == 0),
    "ragged": lambda a: [*a.tolist(), [1]], "with a bool": lambda a: with_number(a.astype(object), True).tolist(),
    "with None": lambda a: with_number(a.astype(object), None), "structured": lambda a: np.zeros(a.shape, "f8,i4"),
}  # fmt: skip
ODD = [
    None, True, np.True_, -1, 0, 1, 2, 3, 2**31, 2**64, 10**5000, -(10**5000), 0.5, 3.0, 1e-50, 1e300, 1.7e308, np.nan,
    np.inf, -np.inf, 1j, np.float16(0.1), np.float32(0.3), np.longdouble(0.2), np.int8(3), np.uint64(2**63 + 1), Fraction(1, 3),
    np.array(3), np.array([0.1, 0.2]), "", "abc", "3", "\0", b"tanh", [], [3], (0.9, 0.99), (0.9, "x"), {}, {1, 2}, {"W": 1},
    object, np.float32, dt.date(2020, 1, 1), np.datetime64("NaT"), Broken(), Module(), "x" * 10**6, [["y" * 100] * 100] * 100,
]  # fmt: skip


def read_only(a):
    a.flags.writeable = False
    return a


def with_number(a, number):
    """A copy whose last number is another one, in a dtype that can hold it."""
    a = a.astype(float) if isinstance(number, float) and a.dtype.kind in "iu" else a.copy()
    with np.errstate(over="ignore"):
        if a.size:
            a.flat[-1] = number if a.dtype.kind != "u" or number >= 0 else 0
    return a


def changed(value, rng):
    """Another value, what was done, and whether it must be accepted."""
    has_parts = len(value) if isinstance(value, (dict, list, tuple)) else isinstance(value, np.ndarray) and value.ndim and len(value)
    if not has_parts or rng.random() < 0.15:
        odd = ODD[rng.integers(len(ODD))]
        return odd, repr(odd)[:60] if not isinstance(odd, int) else f"{float(odd % 2**70):g}", False
    if isinstance(value, np.ndarray):
        forms, certain = (FORMS, True) if rng.random() < 0.5 else (CHANGES, False)
        name = list(forms)[rng.integers(len(forms))]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return forms[name](value), name, certain
    if isinstance(value, dict):
        key = list(value)[rng.integers(len(value))]
        if rng.random() < 0.15:
            return {k: a for k, a in value.items() if k != key}, f"without {key}", False
        if rng.random() < 0.1:
            return value | {(7 if rng.random() < 0.5 else "more"): value[key]}, "more", False
    else:
        key = rng.integers(len(value))
    part, what, certain = changed(value[key], rng)
    if isinstance(value, dict):
        return value | {key: part}, f"{key}: {what}", certain
    return type(value)([*value[:key], part, *value[key + 1 :]]), f"[{key}]: {what}", certain


class NoNumbersError(Exception):
    """Nothing but an error is right for this value."""


def plain(value):
    """The same numbers in plain arrays of float64 or int64."""
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    if value is None or isinstance(value, (str, type, Path, Module, Run, bool, int, float, v.SGD, v.Adam)) or callable(value):
        return value
    if isinstance(value, np.generic) and value.dtype.kind in "biuf":
        return float(value) if value.dtype.kind == "f" else value.item()
    if np.ma.is_masked(value):
        raise NoNumbersError
    if isinstance(value, (list, tuple)) and not all(isinstance(part, (int, float)) for part in value):
        return type(value)(map(plain, value))
    array = np.asarray(value)
    if array.dtype.kind not in "biufO":
        raise NoNumbersError
    whole = array.dtype.kind in "iu" and (array.dtype != np.uint64 or (array < 2**63).all())
    try:
        return np.array(array, np.int64 if whole else np.float64, order="C")
    except (TypeError, ValueError) as error:
        raise NoNumbersError from error


# --- the calls


class Scene:
    """Random objects to call, and arguments for them."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.dtype = np.float32 if self.rng.random() < 0.3 else np.float64
        self.options = {"dtype": self.dtype, "rng": self.rng}
        self.folder = Path(tempfile.gettempdir(), f"vanilla_rnn_fuzz_{os.getpid()}")
        self.bias = bool(self.rng.random() < 0.8)
        self.cell = v.RNNCell(E, H, nonlinearity=["tanh", "relu"][self.rng.integers(2)], **self.options)
        self.rnn = v.RNN(E, H, num_layers=2, bidirectional=bool(self.rng.integers(2)), bias=self.bias, **self.options)
        self.embedding, self.vocab = v.Embedding(V, E, **self.options), v.Vocab(WORDS)
        width = self.rnn.directions * H
        self.head = [v.ManyToOneHead, v.ManyToManyHead][self.rng.integers(2)](width, 2, **self.options)
        kind = v.ManyToOne if isinstance(self.head, v.ManyToOneHead) else v.ManyToMany
        self.model, self.series = kind(self.rnn, self.head, embedding=self.embedding), kind(self.rnn, self.head)
        self.x, self.h_0, self.lengths = self.floats(2, 5, E), self.floats(2 * self.rnn.directions, 2, H), np.array([5, 3])
        self.ids, self.y = self.rng.integers(0, V, (2, 5)), self.rng.integers(0, 2, (2, 5)[: 2 if kind is v.ManyToMany else 1])
        self.optimizer = [v.SGD(0.1, momentum=0.5), v.Adam(0.1)][self.rng.integers(2)]
        self.loss = v.cross_entropy

    def writer(self, **specials):
        parts = v.RNN(E, H, **self.options), v.ManyToManyHead(H, V, **self.options), self.embedding
        return v.Decoder(*parts, **specials)

    @cached_property
    def decoder(self):
        return self.writer(bos_idx=2, eos_idx=3)

    @cached_property
    def language_model(self):
        return self.writer(bos_idx=None, eos_idx=None)

    @cached_property
    def captioner(self):
        return v.OneToMany(C, self.decoder, rng=self.rng)

    @cached_property
    def translator(self):
        return v.EncoderDecoder(v.RNN(E, H, **self.options), self.decoder, embedding=self.embedding)

    def floats(self, *shape):
        return self.rng.uniform(-1, 1, shape).astype(self.dtype)

    def like(self, arrays):
        return {name: self.floats(*values.shape) for name, values in arrays.items()}

    def saved(self):
        self.folder.mkdir(exist_ok=True)
        v.save_weights(self.folder / "cell.npz", self.cell)
        self.vocab.save(self.folder / "vocab.json")
        return self.folder


def with_weights(module, forward):
    """A function that puts weights in place of a module's, and calls it."""

    def call(**arguments):
        inputs = [arguments.pop(name) for name in ("x", "x_t", "context", "inputs") if name in arguments]
        for name, values in arguments.items():
            setattr(module, name, values)
        return forward(*inputs)

    return call


def states(rnn):
    return lambda steps, h_0: list(rnn.stream(steps, h_0))


def with_option(optimizer):
    def call(**options):
        for name, value in options.items():
            setattr(optimizer, name, value)
        return repr(optimizer)

    return call


SIZES = {"input_size": E, "hidden_size": H, "bias": True, "nonlinearity": "tanh", "recurrent_init": "uniform", "dtype": np.float64, "rng": 0}
DRAW = {"max_length": 3, "temperature": 0.5, "top_k": 2, "rng": 0}
CALLS = {  # from a scene, what to call and its arguments
    "RNNCell": lambda s: (v.RNNCell, SIZES),
    "RNNCell.from_weights": lambda s: (v.RNNCell.from_weights, {"W_xh": s.floats(H, E), "W_hh": s.floats(H, H), "b_h": s.floats(H)}),
    "RNNCell()": lambda s: (s.cell, {"x_t": s.floats(2, E), "h_prev": s.floats(2, H)}),
    "CellRun.backward": lambda s: (s.cell.forward(s.x[0]).backward, {"d_h": s.floats(5, H)}),
    "RNNCell with weights": lambda s: (with_weights(s.cell, s.cell), {"x_t": s.x[0], "W_xh": s.floats(H, E), "W_hh": s.floats(H, H), "b_h": s.floats(H)}),
    "RNN": lambda s: (v.RNN, SIZES | {"num_layers": 2, "bidirectional": True}),
    "RNN.from_cells": lambda s: (v.RNN.from_cells, {"cells": s.rnn.cells, "bidirectional": s.rnn.bidirectional}),
    "RNN()": lambda s: (s.rnn, {"x": s.x, "h_0": s.h_0, "lengths": s.lengths}),
    "RNN.forward": lambda s: (s.rnn.forward, {"x": s.x, "h_0": s.h_0, "lengths": s.lengths}),
    "RNN with weights": lambda s: (with_weights(s.rnn.cells[0], s.rnn), {"x": s.x, "W_xh": s.floats(H, E), "W_hh": s.floats(H, H)}),
    "RNNRun.backward": lambda s: ((run := s.rnn.forward(s.x, lengths=s.lengths)).backward, {"d_output": s.floats(*run.output.shape), "d_h_n": s.floats(*run.h_n.shape)}),
    "RNN.stream": lambda s: (states(v.RNN.from_cells(s.rnn.cells[:1])), {"steps": list(s.x[0]), "h_0": s.h_0[:1, 0]}),
    "Head": lambda s: (type(s.head), {"hidden_size": H, "output_size": 2, "bias": True, "dtype": np.float32, "rng": 0}),
    "Head.from_weights": lambda s: (type(s.head).from_weights, {"W_hy": s.floats(2, H), "b_y": s.floats(2)}),
    "Head()": lambda s: (s.head, dict(zip(("output", "h_n"), s.rnn(s.x), strict=True))),
    "Head with weights": lambda s: (with_weights(s.head, lambda x: s.head(*s.rnn(x))), {"x": s.x, "W_hy": s.floats(*s.head.W_hy.shape), "b_y": s.floats(2)}),
    "HeadRun.backward": lambda s: ((run := s.head.forward(*s.rnn(s.x))).backward, {"d_y": s.floats(*run.y.shape)}),
    "Embedding": lambda s: (v.Embedding, {"num_embeddings": V, "embedding_dim": E, "dtype": np.float64, "rng": 0}),
    "Embedding.from_vectors": lambda s: (v.Embedding.from_vectors, {"vectors": s.floats(V, E)}),
    "Embedding()": lambda s: (s.embedding, {"ids": s.ids}),
    "Embedding with vectors": lambda s: (with_weights(s.embedding, s.model), {"inputs": s.ids, "vectors": s.floats(V, E)}),
    "EmbeddingRun.backward": lambda s: (s.embedding.forward(s.ids).backward, {"d_vectors": s.floats(2, 5, E)}),
    "one_hot": lambda s: (v.one_hot, {"ids": s.ids, "num_classes": V}),
    "ManyToOne or ManyToMany": lambda s: (type(s.model), {"rnn": s.rnn, "head": s.head, "embedding": s.embedding}),
    "model of ids()": lambda s: (s.model, {"inputs": s.ids, "lengths": s.lengths, "h_0": s.h_0}),
    "model of vectors.forward": lambda s: (s.series.forward, {"inputs": s.x, "lengths": s.lengths, "h_0": s.h_0}),
    "ModelRun.backward": lambda s: ((run := s.series.forward(s.x, s.lengths)).backward, {"d_logits": s.floats(*run.logits.shape)}),
    "model.batch": lambda s: (s.series.batch, {"inputs": list(s.x), "labels": list(s.y)}),
    "Decoder": lambda s: (v.Decoder, {"rnn": s.decoder.rnn, "head": s.decoder.head, "embedding": s.embedding, "bos_idx": 2, "eos_idx": 3}),
    "Decoder()": lambda s: (s.decoder, {"tokens": s.ids, "lengths": s.lengths, "h_0": s.floats(1, 2, H)}),
    "language model()": lambda s: (s.language_model, {"tokens": s.ids, "lengths": s.lengths}),
    "Decoder.generate": lambda s: (s.decoder.generate, {"prompt": s.ids, "h_0": s.floats(1, 2, H)} | DRAW),
    "OneToMany": lambda s: (v.OneToMany, {"context_size": C, "decoder": s.decoder, "rng": 0}),
    "OneToMany()": lambda s: (s.captioner, {"context": s.floats(2, C), "tokens": s.ids, "lengths": s.lengths}),
    "OneToMany with weights": lambda s: (with_weights(s.captioner, lambda x: s.captioner(x, s.ids)), {"context": s.floats(2, C), "W_ch": s.floats(H, C), "b_c": s.floats(H)}),
    "OneToMany.generate": lambda s: (s.captioner.generate, {"context": s.floats(2, C)} | DRAW),
    "OneToManyRun.backward": lambda s: ((run := s.captioner.forward(s.floats(2, C), s.ids)).backward, {"d_logits": s.floats(*run.logits.shape)}),
    "EncoderDecoder": lambda s: (v.EncoderDecoder, {"encoder": s.translator.encoder, "decoder": s.decoder, "embedding": s.embedding}),
    "EncoderDecoder()": lambda s: (s.translator, {"source": s.ids, "tokens": s.ids, "source_lengths": s.lengths, "lengths": s.lengths}),
    "EncoderDecoder.generate": lambda s: (s.translator.generate, {"source": s.ids, "lengths": s.lengths} | DRAW),
    "EncoderDecoderRun.backward": lambda s: ((run := s.translator.forward(s.ids, s.ids)).backward, {"d_logits": s.floats(*run.logits.shape)}),
    "binary_cross_entropy": lambda s: (v.binary_cross_entropy, {"logits": s.floats(2, 5), "labels": s.rng.integers(0, 2, (2, 5)), "lengths": s.lengths, "weights": abs(s.floats(2, 5))}),
    "cross_entropy": lambda s: (v.cross_entropy, {"logits": s.floats(2, 5, V), "targets": s.ids, "lengths": s.lengths, "weights": abs(s.floats(2, 5))}),
    "mean_squared_error": lambda s: (v.mean_squared_error, {"predictions": s.floats(2, 5), "targets": s.floats(2, 5), "lengths": s.lengths, "weights": abs(s.floats(2, 5))}),
    "cross_entropy without weights": lambda s: (v.cross_entropy, {"logits": s.floats(2, 5, V), "targets": s.ids}),
    "sigmoid": lambda s: (v.sigmoid, {"logits": s.floats(2, 5)}),
    "softmax": lambda s: (v.softmax, {"logits": s.floats(2, 5)}),
    "SGD": lambda s: (v.SGD, {"learning_rate": 0.1, "momentum": 0.5}),
    "Adam": lambda s: (v.Adam, {"learning_rate": 0.1, "betas": (0.9, 0.99), "eps": 1e-8}),
    "Adam with options": lambda s: (with_option(v.Adam()), {"learning_rate": 0.1, "betas": (0.9, 0.99), "eps": 1e-8}),
    "optimizer.step": lambda s: (s.optimizer.step, {"parameters": s.cell.parameters(), "d_parameters": s.like(s.cell.parameters())}),
    "Adam().step": lambda s: (lambda learning_rate, betas, eps: v.Adam(learning_rate, betas=betas, eps=eps).step(s.rnn.parameters(), s.like(s.rnn.parameters())), {"learning_rate": 0.1, "betas": (0.9, 0.99), "eps": 1e-8}),
    "clip_grad_norm": lambda s: (v.clip_grad_norm, {"d_parameters": s.like(s.rnn.parameters()), "max_norm": 0.5}),
    "load_parameters": lambda s: (s.model.load_parameters, {"parameters": s.like(s.model.parameters())}),
    "tokenize": lambda s: (v.tokenize, {"text": "a rose", "level": "word"}),
    "Vocab": lambda s: (v.Vocab, {"tokens": WORDS, "min_freq": 2, "specials": ("<pad>", "<unk>")}),
    "Vocab.from_texts": lambda s: (v.Vocab.from_texts, {"texts": ["a rose"], "level": "char", "min_freq": 1, "specials": ("<pad>",)}),
    "Vocab.encode": lambda s: (s.vocab.encode, {"tokens": WORDS}),
    "Vocab.decode": lambda s: (s.vocab.decode, {"ids": s.ids[0]}),
    "Vocab.save": lambda s: (s.vocab.save, {"path": s.saved() / "vocab.json"}),
    "Vocab.load": lambda s: (v.Vocab.load, {"path": s.saved() / "vocab.json"}),
    "pad_sequences": lambda s: (v.pad_sequences, {"sequences": [s.ids[0], s.ids[1, :2], s.ids[0]], "padding_value": 0}),
    "pad_sequences of vectors": lambda s: (v.pad_sequences, {"sequences": [s.x[0], s.x[1, :2]], "padding_value": 0.5}),
    "fit": lambda s: (v.fit, {"model": s.model, "examples": list(zip(s.ids, s.y, strict=True)), "loss": s.loss, "optimizer": s.optimizer, "epochs": 1, "batch_size": 5, "clip": 1.0, "rng": 0}),
    "fit on vectors": lambda s: (v.fit, {"model": s.series, "examples": list(zip(s.x, s.y, strict=True)), "loss": s.loss, "optimizer": s.optimizer, "epochs": 1, "batch_size": 5, "clip": 1.0, "rng": 0}),
    "fit a decoder": lambda s: (v.fit, {"model": s.decoder, "examples": [(s.ids[0],), (s.ids[1],)], "loss": s.loss, "optimizer": s.optimizer, "epochs": 1, "batch_size": 2, "progress": False}),
    "fit_stream": lambda s: (v.fit_stream, {"model": s.language_model, "chunks": [s.ids[0], s.ids[1]], "loss": s.loss, "optimizer": s.optimizer, "window": 20, "clip": 1.0}),
    "save_weights": lambda s: (v.save_weights, {"path": s.saved() / "cell.npz", "module": s.model}),
    "load_weights": lambda s: (v.load_weights, {"path": s.saved() / "cell.npz", "module": s.cell}),
    "to_torch_state_dict": lambda s: (v.to_torch_state_dict, {"module": s.model}),
    "load_torch_state_dict": lambda s: (v.load_torch_state_dict, {"module": s.rnn, "state_dict": s.like(v.to_torch_state_dict(s.rnn))}),
    "to_keras_weights": lambda s: (v.to_keras_weights, {"module": s.model}),
    "load_keras_weights": lambda s: (v.load_keras_weights, {"module": s.rnn, "weights": [s.floats(*w.shape) for w in v.to_keras_weights(s.rnn)]}),
    "trace": lambda s: (v.trace, {"run": s.model.forward(s.ids), "tokens": list("abcde"), "row": 1, "loss": s.loss, "targets": s.y}),
    "trace with d_logits": lambda s: (v.trace, {"run": (run := s.series.forward(s.x, s.lengths)), "row": 1, "d_logits": s.floats(*run.logits.shape)}),
    "gradient_flow": lambda s: (v.gradient_flow, {"run": (run := s.rnn.forward(s.x)), "d_output": s.floats(*run.output.shape), "d_h_n": s.floats(*run.h_n.shape), "row": 1}),
    "memory_span": lambda s: (v.memory_span, {"run": s.rnn.forward(s.x), "threshold": 0.1, "row": 1}),
    "spectral_radius": lambda s: (v.spectral_radius, {"W_hh": s.floats(H, H)}),
    "check_gradients": lambda s: (lambda module, x, h_prev: v.check_gradients(module, x, h_prev), {"module": s.cell, "x": s.x[0, :2], "h_prev": s.floats(2, H)}),
}  # fmt: skip
IN_PLACE = {"parameters", "d_parameters", "W_xh", "W_hh", "b_h", "W_hy", "b_y", "W_ch", "b_c", "vectors"}  # may have to be plain arrays
MUTATES = re.compile(r"fit|load_|step|clip|with (weights|vectors|options)")
RESULTS = r"h_t|y|the hidden state of \S+|the loss|\S+ after the step|d_\w+"  # what a large number leads to


# --- what must hold


def numbers(value):
    """Everything in a result, in one flat list."""
    if isinstance(value, Run):
        value = [getattr(value, name) for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ()) if name[0] != "_"]
    if isinstance(value, Module):
        value = value.parameters()
    if isinstance(value, (v.SGD, v.Adam)):
        value = [repr(value), value.state]
    value = list(value.items()) if isinstance(value, dict) else getattr(value, "steps", value)  # those of a trace
    if isinstance(value, (list, tuple)):
        return [number for part in value for number in numbers(part)]
    return [value]


def assert_same(values, expected, tolerance):
    values, expected = numbers(values), numbers(expected)
    assert len(values) == len(expected)
    for one, other in zip(values, expected, strict=True):
        if isinstance(one, (np.ndarray, float, int, np.generic)):
            one, other = np.asarray(one), np.asarray(other)
            assert (one.shape, one.dtype.kind) == (other.shape, other.dtype.kind)
            largest = np.abs(other).max(initial=1.0) if other.dtype.kind in "iuf" else 1
            np.testing.assert_allclose(one, other, rtol=0, atol=tolerance * largest)
        else:
            assert type(one) is type(other)
            assert not isinstance(one, str) or one == other


def names_in(args):
    """The names that a message may use: of the arguments, because two may not fit each other, and of the entries in them."""
    entries = [key for value in args.values() if isinstance(value, dict) for key in value]
    return "|".join(re.escape(str(name)) for name in [*args, *entries])


def attempt(call, args):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return call(**args), None
        except Exception as error:
            return None, error


def check(name, seed):
    """One call with one or two odd arguments."""
    scene, rng = Scene(seed), np.random.default_rng([*seed, 1])
    call, args = CALLS[name](scene)
    odd = list(rng.choice(list(args), size=min(len(args), rng.integers(1, 3)), replace=False))
    done = {argument: changed(args[argument], rng) for argument in odd}
    usual, args = args, args | {argument: value for argument, (value, *_) in done.items()}
    owner = getattr(call, "__self__", None)
    before = pickle.dumps((owner, args))
    twin, twin_args = CALLS[name](Scene(seed))
    try:
        twin_args |= {argument: plain(args[argument]) for argument in odd}
    except NoNumbersError:
        twin = None
    answer, error = attempt(call, args)
    if error is not None or not MUTATES.search(name):
        assert pickle.dumps((owner, args)) == before, "something changed"
    if isinstance(error, OSError) and "path" in odd:
        return
    if error is not None:
        assert type(error) in (ValueError, TypeError, IndexError), repr(error)[:500]
        text, named = str(error), names_in(usual)
        assert re.search(rf"^[\w.]+[:,].*?(?<!\w)({named}|{RESULTS})(?!\w).* must be .*, got ", text, re.DOTALL), text[:500]
        assert len(text) < 1000
        assert IN_PLACE & {*odd} or not all(certain for *_, certain in done.values()), text
        return
    assert twin is not None, "it was accepted"
    expected, refused = attempt(twin, twin_args)
    assert refused is None, f"it was accepted, but the plain arrays give {refused!r}"[:500]
    tolerance = 1e-3 if scene.dtype == np.float32 else 1e-9
    assert_same(answer, expected, tolerance)
    if MUTATES.search(name):
        assert_same([owner, plain(args)], [getattr(twin, "__self__", None), plain(twin_args)], tolerance)


def fuzz(calls):
    seed = int(os.environ.get("VANILLA_RNN_FUZZ_SEED", np.random.SeedSequence().entropy % 2**32))
    for number in range(calls):
        name = list(CALLS)[number % len(CALLS)]
        try:
            check(name, [seed, number])
        except Exception as error:
            error.add_note(f"{name}, call {number} of VANILLA_RNN_FUZZ_SEED={seed}")
            raise


def test_a_few_hundred_calls(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fuzz(4 * len(CALLS))


@pytest.mark.slow
def test_20_000_calls(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fuzz(20_000)
