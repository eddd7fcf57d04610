"""Every public function and method, with valid arguments made of random numbers, for the fuzz test."""

from functools import cached_property
from pathlib import Path

import numpy as np

import vanilla_rnn as v

E, H, V, C = 3, 4, 7, 2  # values in an input, units, tokens, values in a context
WORDS = ["a", "rose", "is", "a", "rose"]
SIZES = {"input_size": E, "hidden_size": H, "bias": True, "nonlinearity": "tanh", "recurrent_init": "uniform", "dtype": float, "rng": 0}  # fmt: skip
DRAW = {"max_length": 3, "temperature": 0.5, "top_k": 2, "rng": 0}
ADAM = {"learning_rate": 0.1, "betas": (0.9, 0.99), "eps": 1e-8}


class Scene:
    """Random objects to call, and arguments for them."""

    def __init__(self, seed):
        rng = self.rng = np.random.default_rng(seed)
        self.dtype = np.float32 if rng.random() < 0.3 else np.float64
        self.options = {"dtype": self.dtype, "rng": rng}
        directions = rng.integers(1, 3)
        self.cell = v.RNNCell(E, H, nonlinearity=["tanh", "relu"][rng.integers(2)], **self.options)
        self.rnn = v.RNN(E, H, num_layers=2, bidirectional=directions == 2, bias=rng.random() < 0.8, **self.options)
        self.embedding, self.vocab = v.Embedding(V, E, **self.options), v.Vocab(WORDS)
        head, kind = [(v.ManyToOneHead, v.ManyToOne), (v.ManyToManyHead, v.ManyToMany)][rng.integers(2)]
        self.head = head(directions * H, 2, **self.options)
        self.model, self.series = kind(self.rnn, self.head, embedding=self.embedding), kind(self.rnn, self.head)
        self.x, self.h_0, self.lengths = self.floats(2, 5, E), self.floats(2 * directions, 2, H), np.array([5, 3])
        self.ids, self.y = rng.integers(0, V, (2, 5)), rng.integers(0, 2, (2, 5) if kind is v.ManyToMany else 2)
        self.optimizer = [v.SGD(0.1, momentum=0.5), v.Adam(0.1)][rng.integers(2)]

    def writer(self, **specials):
        parts = v.RNN(E, H, **self.options), v.ManyToManyHead(H, V, **self.options), self.embedding
        return v.Decoder(*parts, **specials)

    decoder = cached_property(lambda self: self.writer(bos_idx=2, eos_idx=3))
    language_model = cached_property(lambda self: self.writer(bos_idx=None, eos_idx=None))
    captioner = cached_property(lambda self: v.OneToMany(C, self.decoder, rng=self.rng))
    translator = cached_property(
        lambda self: v.EncoderDecoder(v.RNN(E, H, **self.options), self.decoder, embedding=self.embedding)
    )

    def floats(self, *shape):
        return self.rng.uniform(-1, 1, shape).astype(self.dtype)

    def like(self, arrays):
        return {name: self.floats(*values.shape) for name, values in arrays.items()}

    def saved(self, name):
        self.vocab.save(name) if name == "vocab.json" else v.save_weights(name, self.cell)
        return Path(name)


def assign(owner, call, *inputs):
    """A call that takes these inputs, and that first assigns its other arguments to attributes of an object."""

    def assign_and_call(**arguments):
        for name in arguments.keys() - inputs:
            setattr(owner, name, arguments[name])
        return call(*(arguments[name] for name in inputs))

    return assign_and_call


CALLS = {  # from a scene, what to call and its arguments
    "RNNCell": lambda _: (v.RNNCell, SIZES),
    "RNNCell.from_weights": lambda s: (v.RNNCell.from_weights, {"W_xh": s.floats(H, E), "W_hh": s.floats(H, H), "b_h": s.floats(H)}),
    "RNNCell()": lambda s: (s.cell, {"x_t": s.floats(2, E), "h_prev": s.floats(2, H)}),
    "CellRun.backward": lambda s: (s.cell.forward(s.x[0]).backward, {"d_h": s.floats(5, H)}),
    "RNNCell with weights": lambda s: (assign(s.cell, s.cell, "x_t"), {"x_t": s.x[0], "W_xh": s.floats(H, E), "W_hh": s.floats(H, H), "b_h": s.floats(H)}),
    "RNN": lambda _: (v.RNN, SIZES | {"num_layers": 2, "bidirectional": True}),
    "RNN.from_cells": lambda s: (v.RNN.from_cells, {"cells": s.rnn.cells, "bidirectional": s.rnn.bidirectional}),
    "RNN()": lambda s: (s.rnn, {"x": s.x, "h_0": s.h_0, "lengths": s.lengths}),
    "RNN.forward": lambda s: (s.rnn.forward, {"x": s.x, "h_0": s.h_0, "lengths": s.lengths}),
    "RNN with weights": lambda s: (assign(s.rnn.cells[0], s.rnn, "x"), {"x": s.x, "W_xh": s.floats(H, E), "W_hh": s.floats(H, H)}),
    "RNNRun.backward": lambda s: ((run := s.rnn.forward(s.x, lengths=s.lengths)).backward, {"d_output": s.floats(*run.output.shape), "d_h_n": s.floats(*run.h_n.shape)}),
    "RNN.stream": lambda s: (lambda **arguments: list(v.RNN.from_cells(s.rnn.cells[:1]).stream(**arguments)), {"steps": list(s.x[0]), "h_0": s.h_0[:1, 0]}),
    "Head": lambda s: (type(s.head), {"hidden_size": H, "output_size": 2, "bias": True, "dtype": np.float32, "rng": 0}),
    "Head.from_weights": lambda s: (type(s.head).from_weights, {"W_hy": s.floats(2, H), "b_y": s.floats(2)}),
    "Head()": lambda s: (s.head, dict(zip(("output", "h_n"), s.rnn(s.x), strict=True))),
    "Head with weights": lambda s: (assign(s.head, lambda x: s.head(*s.rnn(x)), "x"), {"x": s.x, "W_hy": s.floats(*s.head.W_hy.shape), "b_y": s.floats(2)}),
    "HeadRun.backward": lambda s: ((run := s.head.forward(*s.rnn(s.x))).backward, {"d_y": s.floats(*run.y.shape)}),
    "Embedding": lambda _: (v.Embedding, {"num_embeddings": V, "embedding_dim": E, "dtype": np.float64, "rng": 0}),
    "Embedding.from_vectors": lambda s: (v.Embedding.from_vectors, {"vectors": s.floats(V, E)}),
    "Embedding()": lambda s: (s.embedding, {"ids": s.ids}),
    "Embedding with vectors": lambda s: (assign(s.embedding, s.model, "inputs"), {"inputs": s.ids, "vectors": s.floats(V, E)}),
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
    "OneToMany with weights": lambda s: (assign(s.captioner, lambda c: s.captioner(c, s.ids), "context"), {"context": s.floats(2, C), "W_ch": s.floats(H, C), "b_c": s.floats(H)}),
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
    "SGD": lambda _: (v.SGD, {"learning_rate": 0.1, "momentum": 0.5}),
    "Adam": lambda _: (v.Adam, ADAM),
    "Adam with options": lambda _: (assign(adam := v.Adam(), adam.__repr__), ADAM),
    "optimizer.step": lambda s: (s.optimizer.step, {"parameters": s.cell.parameters(), "d_parameters": s.like(s.cell.parameters())}),
    "Adam().step": lambda s: (lambda **options: v.Adam(**options).step(s.rnn.parameters(), s.like(s.rnn.parameters())), ADAM),
    "clip_grad_norm": lambda s: (v.clip_grad_norm, {"d_parameters": s.like(s.rnn.parameters()), "max_norm": 0.5}),
    "load_parameters": lambda s: (s.model.load_parameters, {"parameters": s.like(s.model.parameters())}),
    "tokenize": lambda _: (v.tokenize, {"text": "a rose", "level": "word"}),
    "Vocab": lambda _: (v.Vocab, {"tokens": WORDS, "min_freq": 2, "specials": ("<pad>", "<unk>")}),
    "Vocab.from_texts": lambda _: (v.Vocab.from_texts, {"texts": ["a rose"], "level": "char", "min_freq": 1, "specials": ("<pad>",)}),
    "Vocab.encode": lambda s: (s.vocab.encode, {"tokens": WORDS}),
    "Vocab.decode": lambda s: (s.vocab.decode, {"ids": s.ids[0]}),
    "Vocab.save": lambda s: (s.vocab.save, {"path": s.saved("vocab.json")}),
    "Vocab.load": lambda s: (v.Vocab.load, {"path": s.saved("vocab.json")}),
    "pad_sequences": lambda s: (v.pad_sequences, {"sequences": [s.ids[0], s.ids[1, :2], s.ids[0]], "padding_value": 0}),
    "pad_sequences of vectors": lambda s: (v.pad_sequences, {"sequences": [s.x[0], s.x[1, :2]], "padding_value": 0.5}),
    "fit": lambda s: (v.fit, {"model": s.model, "examples": list(zip(s.ids, s.y, strict=True)), "loss": v.cross_entropy, "optimizer": s.optimizer, "epochs": 1, "batch_size": 5, "clip": 1.0, "rng": 0}),
    "fit on vectors": lambda s: (v.fit, {"model": s.series, "examples": list(zip(s.x, s.y, strict=True)), "loss": v.cross_entropy, "optimizer": s.optimizer, "epochs": 1, "batch_size": 5, "clip": 1.0, "rng": 0}),
    "fit a decoder": lambda s: (v.fit, {"model": s.decoder, "examples": [(s.ids[0],), (s.ids[1],)], "loss": v.cross_entropy, "optimizer": s.optimizer, "epochs": 1, "batch_size": 2, "rng": 0, "progress": False}),
    "fit_stream": lambda s: (v.fit_stream, {"model": s.language_model, "chunks": [s.ids[0], s.ids[1]], "loss": v.cross_entropy, "optimizer": s.optimizer, "window": 20, "clip": 1.0}),
    "save_weights": lambda s: (v.save_weights, {"path": s.saved("cell.npz"), "module": s.model}),
    "load_weights": lambda s: (v.load_weights, {"path": s.saved("cell.npz"), "module": s.cell}),
    "to_torch_state_dict": lambda s: (v.to_torch_state_dict, {"module": s.model}),
    "load_torch_state_dict": lambda s: (v.load_torch_state_dict, {"module": s.rnn, "state_dict": s.like(v.to_torch_state_dict(s.rnn))}),
    "to_keras_weights": lambda s: (v.to_keras_weights, {"module": s.model}),
    "load_keras_weights": lambda s: (v.load_keras_weights, {"module": s.rnn, "weights": [s.floats(*w.shape) for w in v.to_keras_weights(s.rnn)]}),
    "trace": lambda s: (v.trace, {"run": s.model.forward(s.ids), "row": 1, "loss": v.cross_entropy, "targets": s.y}),
    "trace with d_logits": lambda s: (v.trace, {"run": (run := s.series.forward(s.x, s.lengths)), "row": 1, "d_logits": s.floats(*run.logits.shape)}),
    "gradient_flow": lambda s: (v.gradient_flow, {"run": (run := s.rnn.forward(s.x)), "d_output": s.floats(*run.output.shape), "d_h_n": s.floats(*run.h_n.shape), "row": 1}),
    "memory_span": lambda s: (v.memory_span, {"run": s.rnn.forward(s.x), "threshold": 0.1, "row": 1}),
    "spectral_radius": lambda s: (v.spectral_radius, {"W_hh": s.floats(H, H)}),
    "check_gradients": lambda s: (lambda **arguments: v.check_gradients(*arguments.values()), {"module": s.cell, "x_t": s.x[0, :2], "h_prev": s.floats(2, H)}),
}  # fmt: skip
