"""What the models read, what they should answer, and what they write."""

import copy
import functools
import pickle
from contextlib import nullcontext

import numpy as np
import pytest

from sample_models import MODELS, E, H, V, decoder, language_model, model_and_inputs, reader, row_alone
from vanilla_rnn import (
    RNN,
    SGD,
    Decoder,
    Embedding,
    EncoderDecoder,
    ManyToMany,
    ManyToManyHead,
    ManyToOne,
    ManyToOneHead,
    OneToMany,
    RNNCell,
    binary_cross_entropy,
    cross_entropy,
    mean_squared_error,
    softmax,
)
from vanilla_rnn.models import ModelRun


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def arrays(gradients):
    """All arrays of what a model's backward returned, by name."""
    named = gradients._asdict()
    return named.pop("d_parameters") | {name: values for name, values in named.items() if values is not None}


def assert_same(arrays, others):
    assert arrays.keys() == others.keys()
    for name, values in arrays.items():
        np.testing.assert_array_equal(values, others[name], err_msg=name)


# --- every model


@pytest.mark.parametrize("name", MODELS)
def test_everything_beyond_a_length_is_ignored(name, rng):
    model, inputs = model_and_inputs(name, rng)
    other = dict(inputs)
    for ids, lengths in (("inputs", "lengths"), ("tokens", "lengths"), ("source", "source_lengths")):
        if ids in inputs:
            padding = np.arange(inputs[ids].shape[1]) >= inputs[lengths][:, None]
            other[ids] = np.where(padding, -77, inputs[ids])
    run, other_run = model.forward(**inputs), model.forward(**other)
    np.testing.assert_array_equal(run.logits, other_run.logits)
    d_logits = rng.standard_normal(run.logits.shape)
    other_d_logits = d_logits.copy()
    if run.lengths is not None:
        other_d_logits[np.arange(d_logits.shape[1]) >= run.lengths[:, None]] = np.nan
    assert_same(arrays(run.backward(d_logits)), arrays(other_run.backward(other_d_logits)))


@pytest.mark.parametrize("name", MODELS)
def test_one_sequence_needs_no_batch_axis(name, rng):
    model, inputs = model_and_inputs(name, rng)
    logits = model(**inputs)
    for row in range(3):
        alone = row_alone(inputs, row)
        expected = logits[row] if logits.ndim == 2 else logits[row, : len(model(**alone))]
        np.testing.assert_allclose(model(**alone), expected, atol=1e-14)


@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize("name", MODELS)
def test_nothing_that_happens_later_changes_a_run(name, padded, rng):
    model, inputs = model_and_inputs(name, rng)
    inputs = {name: values for name, values in inputs.items() if padded or "lengths" not in name}
    run = model.forward(**inputs)
    d_logits = rng.standard_normal(run.logits.shape)
    before, targets = arrays(run.backward(d_logits)), copy.copy(run.targets)
    copies = [run, copy.copy(run), copy.deepcopy(run), pickle.loads(pickle.dumps(run))]
    for values in (*model.parameters().values(), *inputs.values()):
        values[...] = 0
    model.forward(**inputs)
    for one in copies:
        assert_same(arrays(one.backward(d_logits)), before)
        np.testing.assert_array_equal(one.targets, targets)
        assert not one.logits.flags.writeable


@pytest.mark.parametrize("name", MODELS)
def test_results_are_writable_and_of_the_model_s_dtype(name, rng):
    model, inputs = model_and_inputs(name, rng, np.float32)
    run, logits = model.forward(**inputs), model(**inputs)
    logits[...] = 0.0
    np.testing.assert_array_equal(model(**inputs), run.logits)
    _, d_logits = cross_entropy(run.logits, np.zeros(run.logits.shape[:-1], int), lengths=run.lengths)
    results = [run.logits, d_logits, *arrays(run.backward(d_logits)).values()]
    assert {values.dtype for values in results} == {np.dtype(np.float32)}


@pytest.mark.parametrize("name", MODELS)
def test_a_gradient_that_overflows_is_for_the_optimiser_to_refuse(name, rng):
    """Backward returns infinity, or NaN, without a warning."""
    model, inputs = model_and_inputs(name, rng)
    run = model.forward(**inputs)
    d_logits = np.where(rng.random(run.logits.shape) < 0.5, 1.7e308, -1.7e308).astype(run.logits.dtype)
    d_parameters = run.backward(d_logits).d_parameters
    assert not all(np.isfinite(values).all() for values in d_parameters.values())
    before = copy.deepcopy(model.parameters())
    with pytest.raises(ValueError, match=r"SGD.step: d_parameters\['.*'\] must be finite"):
        SGD(0.1).step(model.parameters(), d_parameters)
    assert_same(model.parameters(), before)


# --- many to one, many to many


@pytest.mark.parametrize("kind", [ManyToOne, ManyToMany])
def test_a_reader_is_its_parts_one_after_another(kind, rng):
    model = reader(kind, rng, bidirectional=True)
    tokens, lengths = rng.integers(0, V, (5, 6)), np.array([6, 0, 3, 1, 6])
    vectors = model.embedding(tokens)
    expected = model.head(*model.rnn(vectors, lengths=lengths))
    run = model.forward(tokens, lengths)
    np.testing.assert_array_equal(run.logits, expected)
    np.testing.assert_array_equal(kind(model.rnn, model.head)(vectors, lengths), expected)
    np.testing.assert_array_equal(run.embedding_run.ids, np.where(np.arange(6) < lengths[:, None], tokens, 0))
    assert run.targets is None
    assert model.forward(tokens).lengths is None
    if kind is ManyToOne:
        assert run.lengths is None
    else:
        np.testing.assert_array_equal(run.lengths, lengths)


@pytest.mark.parametrize("kind", [ManyToOne, ManyToMany])
def test_a_long_sequence_can_be_read_in_pieces(kind, rng):
    model, tokens = reader(kind, rng), rng.integers(0, V, (3, 7))
    of_vectors, vectors = kind(model.rnn, model.head), model.embedding(tokens)
    whole, first = model.forward(tokens), model.forward(tokens[:, :4])
    rest = model.forward(tokens[:, 4:], h_0=first.h_n)
    np.testing.assert_allclose(rest.h_n, whole.h_n, atol=1e-14)
    logits = rest.logits if kind is ManyToOne else np.concatenate([first.logits, rest.logits], axis=1)
    np.testing.assert_allclose(logits, whole.logits, atol=1e-14)
    np.testing.assert_array_equal(of_vectors(vectors[:, 4:], None, first.h_n), rest.logits)
    np.testing.assert_allclose(model.forward(tokens[1, 4:], h_0=first.h_n[:, 1]).h_n, whole.h_n[:, 1], atol=1e-14)


# --- decoders


def test_a_decoder_reads_bos_and_the_tokens_and_should_answer_the_tokens_and_eos(rng):
    model = decoder(rng)
    run = model.forward([[4, 5, 6], [6, 0, 0]], [3, 1])
    assert run.targets[0].tolist() == [4, 5, 6, 3]
    assert run.targets[1, :2].tolist() == [6, 3]
    assert run.lengths.tolist() == [4, 2]
    vectors = model.embedding([[2, 4, 5, 6], [2, 6, 0, 0]])
    np.testing.assert_array_equal(run.logits, model.head(*model.rnn(vectors, lengths=[4, 2])))
    assert model.forward([4, 5, 6]).targets.tolist() == [4, 5, 6, 3]
    assert model.forward([4, 5, 6]).lengths is None
    assert model.forward(np.zeros((2, 0), int)).targets.tolist() == [[3], [3]]


def test_a_language_model_reads_all_tokens_but_the_last_and_should_answer_all_but_the_first(rng):
    model, tokens = language_model(rng), rng.integers(0, V, (3, 6))
    run = model.forward(tokens, [6, 1, 0])
    assert run.logits.shape == (3, 5, V)
    assert run.lengths.tolist() == [5, 0, 0]
    np.testing.assert_array_equal(run.targets[0], tokens[0, 1:])
    whole = model.forward(tokens)
    first = model.forward(tokens[:, :4])  # it reads tokens 0 to 2, so the next piece begins with token 3
    rest = model.forward(tokens[:, 3:], h_0=first.h_n)
    for name in ("logits", "targets"):
        pieces = [getattr(piece, name) for piece in (first, rest)]
        np.testing.assert_allclose(np.concatenate(pieces, axis=1), getattr(whole, name), atol=1e-14)
    np.testing.assert_allclose(rest.h_n, whole.h_n, atol=1e-14)


def test_one_to_many_begins_with_the_context(rng):
    writer = decoder(rng)
    model = OneToMany(5, writer, rng=rng)
    context, tokens = rng.standard_normal((3, 5)), rng.integers(0, V, (3, 4))
    states = np.tanh(context @ model.W_ch.T + model.b_c)
    h_0 = np.stack([states[:, :H], states[:, H:]])  # the bottom layer's first
    np.testing.assert_array_equal(model(context, tokens, [4, 2, 0]), writer(tokens, [4, 2, 0], h_0))
    ids, lengths = model.generate(context, max_length=6)
    expected_ids, expected_lengths = writer.generate(h_0=h_0, max_length=6)
    np.testing.assert_array_equal(ids, expected_ids)
    np.testing.assert_array_equal(lengths, expected_lengths)


@pytest.mark.parametrize("call", [lambda m, c: m.forward(c, [4, 5]), lambda m, c: m.generate(c, max_length=2)])
def test_an_initial_state_that_overflows(call, rng):
    model = OneToMany(64, decoder(rng), rng=0)
    model.W_ch[...] = 1e200
    call(model, np.full(64, 1e200))  # tanh of infinity is 1
    wave = 1e200 * np.cos(np.pi * np.arange(64))  # 1, -1, 1, -1, ...: in most orders the sum is inf - inf
    with np.errstate(all="ignore"):
        refused = np.isnan(model.W_ch @ wave).any()
    with pytest.raises(ValueError, match="OneToMany.*: h_0 must be finite") if refused else nullcontext():
        call(model, wave)


def test_the_weights_of_a_context_are_drawn_from_a_symmetric_interval():
    model = OneToMany(25, Decoder(RNN(2, 100), ManyToManyHead(100, V), Embedding(V, 2), bos_idx=2, eos_idx=3), rng=0)
    for values in (model.W_ch, model.b_c):
        assert -0.2 <= values.min() < -0.18 < 0.18 < values.max() <= 0.2  # k = 1 / sqrt(25)


@pytest.mark.parametrize("kind", [np.uint8, np.uint64, np.int32])
def test_the_ids_of_bos_and_eos_may_be_any_integers(kind, rng):
    rnn, head, embedding = RNN(E, H, rng=rng), ManyToManyHead(H, V, rng=rng), Embedding(V, E, rng=rng)
    expected = Decoder(rnn, head, embedding, bos_idx=1, eos_idx=2).forward([[3, 4]])
    run = Decoder(rnn, head, embedding, bos_idx=kind(1), eos_idx=kind(2)).forward([[3, 4]])
    np.testing.assert_array_equal(run.targets, expected.targets, strict=True)
    np.testing.assert_array_equal(run.logits, expected.logits)


def test_an_encoder_gives_its_final_states_to_the_decoder(rng):
    model, inputs = model_and_inputs("EncoderDecoder", rng)
    source, source_lengths = inputs["source"], inputs["source_lengths"]
    _, h_n = model.encoder(model.embedding(source), lengths=source_lengths)
    expected = model.decoder(inputs["tokens"], inputs["lengths"], h_n)
    np.testing.assert_array_equal(model(**inputs), expected)
    vectors = EncoderDecoder(model.encoder, model.decoder)
    np.testing.assert_array_equal(vectors(**inputs | {"source": model.embedding(source)}), expected)
    one, tokens = source[0], inputs["tokens"][0]
    np.testing.assert_array_equal(vectors(model.embedding(one), tokens), model(one, tokens))
    ids, _ = model.generate(source, source_lengths, max_length=4)
    np.testing.assert_array_equal(ids, model.decoder.generate(h_0=h_n, max_length=4)[0])


class TestGenerate:
    def test_every_token_is_the_most_likely_after_those_before_it(self, rng):
        model, h_0 = decoder(rng), rng.uniform(-1, 1, (2, 5, H))
        ids, lengths = model.generate(h_0=h_0, max_length=8)
        assert ids.shape == (5, lengths.max())
        for row, length in enumerate(lengths):
            written = ids[row, :length]
            likeliest = model(written, h_0=h_0[:, row]).argmax(axis=-1)  # teacher forcing with its own answers
            np.testing.assert_array_equal(likeliest[:length], written)
            assert 3 not in written
            assert length == 8 or likeliest[length] == 3
            assert not ids[row, length:].any()

    def counting_model(self, **specials):
        """After token 4 it writes 5, after 5 <eos>, after 6 another 6, after <bos> 4; it may take nine steps."""

        class NineSteps(RNN):
            def __call__(self, *arguments):
                self.steps = getattr(self, "steps", 0) + 1
                assert self.steps < 10
                return super().__call__(*arguments)

        one_hots, W_hy = np.eye(V), np.zeros((V, V))
        W_hy[[5, 3, 6, 4], [4, 5, 6, 2]] = 1.0
        rnn = NineSteps.from_cells([RNNCell.from_weights(9 * one_hots, 0 * one_hots)])
        return Decoder(rnn, ManyToManyHead.from_weights(W_hy), Embedding.from_vectors(one_hots), **specials)

    @pytest.mark.parametrize(
        ("prompt", "max_length", "written", "lengths"),
        [
            ([[4], [5], [6]], 3, [[5, 0, 0], [0, 0, 0], [6, 6, 6]], [1, 0, 3]),
            ([[4], [5]], 10**9, [[5], [0]], [1, 0]),  # it stops when both have ended, and allocates nothing before
            ([[5], [5]], 3, [[], []], [0, 0]),
            ([4], 3, [5], 1),
            (None, 10**9, [4, 5], 2),
        ],
    )
    def test_a_sequence_stops_at_its_own_eos(self, prompt, max_length, written, lengths):
        ids, counts = self.counting_model(bos_idx=2, eos_idx=3).generate(prompt, max_length=max_length)
        assert ids.dtype == np.int64
        assert (ids.tolist(), np.asarray(counts).tolist()) == (written, lengths)
        assert isinstance(counts, int if np.ndim(lengths) == 0 else np.ndarray)

    def test_without_an_eos_it_writes_max_length_tokens(self):
        model = self.counting_model(bos_idx=None, eos_idx=None)
        assert model.generate([5], max_length=3)[0].tolist() == [3, 0, 0]
        with pytest.raises(ValueError, match="Decoder.generate: prompt must be at least one token, got none"):
            model.generate(max_length=3)

    @pytest.mark.parametrize("prompted", [True, False])
    def test_a_row_is_the_same_without_a_batch_axis(self, prompted, rng):
        model, h_0 = decoder(rng), rng.uniform(-1, 1, (2, 3, H))
        prompt = rng.integers(4, V, (3, 2)) if prompted else [None] * 3
        ids, lengths = model.generate(prompt if prompted else None, h_0=h_0, max_length=5)
        for row in range(3):
            one, length = model.generate(prompt[row], h_0=h_0[:, row], max_length=5)
            assert one.shape == (length,)
            np.testing.assert_array_equal(one, ids[row, : lengths[row]])

    @pytest.mark.parametrize(("temperature", "top_k"), [(0.5, None), (1.0, None), (2.0, 100), (1.0, 3), (2.0, 2)])
    def test_tokens_are_drawn_from_the_softmax_of_the_top_k(self, temperature, top_k, rng):
        model, prompts = language_model(rng), np.full((20_000, 1), 5)
        p = softmax(model([5, 0])[0] / temperature)
        p = np.where(p >= np.sort(p)[-min(top_k or V, V)], p, 0.0)
        ids, _ = model.generate(prompts, max_length=1, temperature=temperature, top_k=top_k, rng=1)
        frequencies = np.bincount(ids[:, 0], minlength=V) / len(prompts)
        assert np.abs(frequencies - p / p.sum()).max() < 0.015
        assert (frequencies[p == 0] == 0).all()

    def test_of_equal_logits_exactly_k_stay_and_the_first_is_the_greedy_choice(self):
        model = language_model(np.random.default_rng(0))
        model.head.W_hy[...] = 0.0
        model.head.b_y[...] = [0, 1, 1, 0, 1, 1, 0]
        prompts = np.full((500, 1), 5)
        for top_k, expected in ((1, {1}), (2, {1, 2}), (5, {0, 1, 2, 4, 5})):
            ids, _ = model.generate(prompts, max_length=1, temperature=1e308, top_k=top_k, rng=1)
            assert set(ids.ravel().tolist()) == expected

    def test_a_seed_decides_the_draws(self, rng):
        model = language_model(rng)
        one, same, other = (model.generate([5], max_length=20, temperature=1.0, rng=seed)[0] for seed in (1, 1, 2))
        assert one.tolist() == same.tolist() != other.tolist()

    @pytest.mark.parametrize("options", [{"temperature": 1e-300}, {"temperature": 1.0, "top_k": 1}])
    def test_the_most_likely_token_has_no_rival(self, options, rng):
        model = language_model(rng)
        greedy, _ = model.generate([5], max_length=20)
        np.testing.assert_array_equal(model.generate([5], max_length=20, **options, rng=3)[0], greedy)

    def test_the_greedy_choice_draws_nothing(self, rng):
        generator = np.random.default_rng(3)
        decoder(rng).generate(max_length=5, rng=generator)
        assert generator.random() == np.random.default_rng(3).random()

    @pytest.mark.parametrize(
        ("arguments", "error", "message"),
        [
            ({"max_length": 0}, ValueError, "max_length must be .*, got 0"),
            ({"temperature": np.inf}, ValueError, "temperature must be .*, got inf"),
            ({"temperature": -1.0}, ValueError, "temperature must be .*, got -1.0"),
            ({"top_k": 2.5}, TypeError, "top_k must be .*, got 2.5"),
            ({"prompt": [4, V]}, IndexError, "prompt must be .*, got 7 at index 1"),  # not 2: <bos> isn't the user's
            ({"h_0": np.zeros((1, 1, H))}, ValueError, r"h_0 must be .*layers.*=2.*, got shape \(1, 1, 4\)"),
            ({"prompt": [4], "h_0": np.zeros((2, 3, H))}, ValueError, r"h_0 must be .*, got shape \(2, 3, 4\)"),
            ({"prompt": [[4]], "h_0": np.zeros((2, 3, H))}, ValueError, r"h_0 must be .*batch=1.*, got shape \(2, 3, 4\)"),
        ],
    )  # fmt: skip
    def test_bad_arguments(self, arguments, error, message, rng):
        with pytest.raises(error, match=f"^Decoder.generate: {message}"):
            decoder(rng).generate(**{"max_length": 2} | arguments)


@pytest.mark.parametrize(
    ("name", "value", "error", "message"),
    [
        ("bos_idx", V, IndexError, f"bos_idx must be .*, got {V}"),
        ("eos_idx", 2, ValueError, "bos_idx and eos_idx must be .*, got 2 twice"),
        ("eos_idx", None, ValueError, "bos_idx and eos_idx must be .*, got 2 and None"),
    ],
)
def test_ids_that_are_set_later_are_checked(name, value, error, message, rng):
    model = decoder(rng)
    setattr(model, name, value)
    with pytest.raises(error, match=f"^Decoder.forward: {message}"):
        model([4, 5])
    with pytest.raises(error, match=f"^Decoder.generate: {message}"):
        model.generate(max_length=2)


def test_an_empty_batch_of_contexts_is_legal(rng):
    model = OneToMany(3, decoder(rng), rng=rng)
    run = model.forward(np.empty((0, 3)), np.empty((0, 4), int))
    assert run.logits.shape == (0, 5, V)
    gradients = run.backward(np.empty((0, 5, V)))
    assert gradients.d_context.shape == (0, 3)
    assert not any(values.any() for values in gradients.d_parameters.values())
    assert model.generate(np.empty((0, 3)), max_length=2)[0].shape == (0, 0)


def test_a_decoder_s_own_backward_is_used_by_the_models_around_it(rng):
    class DoublingRun(ModelRun):
        __slots__ = ()

        def backward(self, d_logits):
            return super().backward(2 * np.asarray(d_logits))

    class DoublingDecoder(Decoder):
        def forward(self, tokens, lengths=None, h_0=None):
            run = super().forward(tokens, lengths, h_0)
            run.__class__ = DoublingRun
            return run

    plain = decoder(rng)
    doubling = DoublingDecoder(plain.rnn, plain.head, plain.embedding, bos_idx=2, eos_idx=3)
    results = []
    for part in (plain, doubling):
        run = OneToMany(3, part, rng=0).forward(np.ones((2, 3)), [[4, 5], [5, 6]])
        results.append(run.backward(np.ones(run.logits.shape)).d_context)
    np.testing.assert_allclose(results[1], 2 * results[0])


def test_a_decoder_s_own_forward_is_used_by_the_models_around_it(rng):
    class Deaf(Decoder):
        def forward(self, tokens, lengths=None, h_0=None):
            return super().forward(tokens, lengths, 0 * h_0)

    parts, tokens = decoder(rng), rng.integers(0, V, (2, 3))
    deaf = Deaf(parts.rnn, parts.head, parts.embedding, bos_idx=2, eos_idx=3)
    for model, start in ((OneToMany(5, deaf), np.ones((2, 5))), (EncoderDecoder(deaf.rnn, deaf), np.ones((2, 4, E)))):
        np.testing.assert_array_equal(model(start, tokens), parts(tokens))


@pytest.mark.parametrize(
    ("name", "path", "part", "error", "message"),
    [
        ("EncoderDecoder", "encoder", RNN(2, H, rng=0), ValueError, "encoder must be .*num_layers=2.*, got .*num_layers=1"),
        ("EncoderDecoder", "encoder", RNN(2, 5, num_layers=2, rng=0), ValueError, "encoder must be .*hidden_size=4"),
        ("EncoderDecoder", "encoder", RNN(3, H, num_layers=2, rng=0), ValueError, "encoder must be .*input_size=2"),
        ("EncoderDecoder", "encoder", RNN(2, H, num_layers=2, dtype="f4", rng=0), ValueError, "encoder must be .*float64"),
        ("EncoderDecoder", "encoder", "x", TypeError, "encoder must be an RNN, got 'x'"),
        ("EncoderDecoder", "encoder.cells", {}, TypeError, "cells must be a list of cells, got"),
        ("EncoderDecoder", "embedding", Embedding(9, 5, rng=0), ValueError, "encoder must be .*input_size=5"),
        ("EncoderDecoder", "embedding", "x", TypeError, "embedding must be an Embedding, got 'x'"),
        ("EncoderDecoder", "decoder", None, TypeError, "decoder must be a Decoder, got None"),
        ("EncoderDecoder", "decoder.rnn", RNN(E, H, rng=0), ValueError, "encoder must be .*num_layers=1.*, got .*num_layers=2"),
        ("EncoderDecoder", "decoder.rnn", None, TypeError, "rnn must be an RNN, got None"),
        ("OneToMany", "decoder", None, TypeError, "decoder must be a Decoder, got None"),
        ("OneToMany", "decoder.head", None, TypeError, "head must be a ManyToManyHead, got None"),
        ("OneToMany", "decoder.embedding", None, TypeError, "embedding must be an Embedding, got None"),
        ("Decoder", "rnn", None, TypeError, "rnn must be an RNN, got None"),
        ("Decoder", "embedding.vectors", None, TypeError, "vectors must be a NumPy array .*, got None"),
        ("Decoder", "rnn.cells", [None], TypeError, r"cells\[0\] must be a cell with .*, got None"),
        ("ManyToMany", "embedding", "x", TypeError, "embedding must be an Embedding, got 'x'"),
        ("ManyToOne", "rnn.cells", None, TypeError, "cells must be a list of cells, got None"),
    ],
)  # fmt: skip
def test_parts_that_were_replaced_are_checked(name, path, part, error, message, rng):
    model, inputs = model_and_inputs(name, rng)
    *owners, attribute = path.split(".")
    setattr(functools.reduce(getattr, owners, model), attribute, part)
    with pytest.raises(error, match=rf"^{name}.forward: {message}"):
        model.forward(**inputs)
    if hasattr(model, "generate"):
        with pytest.raises(error, match=rf"^{name}.generate: {message}"):
            model.generate(*(inputs[key] for key in ("context", "source") if key in inputs), max_length=2)


class Counting(Decoder):
    """A decoder that writes in its own way: it counts."""

    def generate(self, prompt=None, *, h_0=None, max_length, temperature=0.0, top_k=None, rng=None):
        assert (prompt, temperature, top_k, rng) == (None, 0.5, 2, 7)
        return np.tile(np.arange(max_length), (h_0.shape[1], 1)), np.full(h_0.shape[1], max_length)


@pytest.mark.parametrize("name", ["OneToMany", "EncoderDecoder"])
def test_a_decoder_s_own_generate_is_used_by_the_models_around_it(name, rng):
    model, inputs = model_and_inputs(name, rng)
    model.decoder = Counting(model.decoder.rnn, model.decoder.head, model.decoder.embedding, bos_idx=2, eos_idx=3)
    options = {"max_length": 3, "temperature": 0.5, "top_k": 2, "rng": 7}
    ids, lengths = model.generate(*(inputs[key] for key in ("context", "source") if key in inputs), **options)
    np.testing.assert_array_equal(ids, [[0, 1, 2]] * 3)
    np.testing.assert_array_equal(lengths, [3] * 3)


# --- the weights of a model


def test_load_parameters_copies_values_into_the_live_arrays(rng):
    rnn = RNN(H, H, num_layers=2, rng=rng)
    live, before = rnn.parameters(), copy.deepcopy(rnn.parameters())
    swapped = {f"cells.{1 - int(path[6])}{path[7:]}": path for path in live}
    rnn.load_parameters({path: live[other] for path, other in swapped.items()})  # its own arrays are legal too
    assert all(values is live[path] for path, values in rnn.parameters().items())
    assert_same(rnn.parameters(), {path: before[other] for path, other in swapped.items()})


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"head.b_y": None}, ValueError, "parameters must be .*, got one without 'head.b_y'"),
        ({"head.b": np.ones(V)}, ValueError, "parameters must be .*, got one with 'head.b'"),
        ({"head.b_y": np.ones(V + 1)}, ValueError, r"head.b_y must be .*\(7,\).*, got shape \(8,\)"),
        ({"head.b_y": np.full(V, np.nan)}, ValueError, "head.b_y must be finite .*, got nan at index 0"),
        ({"head.b_y": ["b"] * V}, TypeError, "head.b_y must be an array of numbers, got words"),
        ({}, ValueError, "head.b_y must be a writable array of floats, got a read-only array"),
    ],
)
def test_load_parameters_is_all_or_nothing(changes, error, message, rng):
    model = decoder(rng)
    model.head.b_y.flags.writeable = bool(changes)
    before = copy.deepcopy(model.parameters())
    parameters = {path: values + 1 for path, values in before.items()} | changes
    with pytest.raises(error, match=f"^Decoder.load_parameters: {message}"):
        model.load_parameters({path: values for path, values in parameters.items() if values is not None})
    assert_same(model.parameters(), before)
    with pytest.raises(TypeError, match=r"parameters must be a dictionary of arrays, got \[1\]"):
        model.load_parameters([1])


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("Decoder", "Decoder: 124"),
        ("OneToMany", "OneToMany(5, decoder): 172"),
        ("EncoderDecoder", "EncoderDecoder: 206"),
    ],
)
def test_repr_lists_the_weights(name, title, rng):
    model, _ = model_and_inputs(name, rng)
    first, *lines = repr(model).splitlines()
    assert first == f"{title} parameters"
    shapes = [[path, str(values.shape)] for path, values in model.parameters().items()]
    assert [line.split(maxsplit=1) for line in lines] == shapes


# --- what doesn't fit

RNN_1, WIDE, BOTH = RNN(E, H, rng=0), RNN(E, 5, rng=0), RNN(E, H, bidirectional=True, rng=0)
ONE, MANY, TABLE, LONG = (
    ManyToOneHead(H, 2, rng=0),
    ManyToManyHead(H, V, rng=0),
    Embedding(V, E, rng=0),
    Embedding(V, 5, rng=0),
)
IDS = {"bos_idx": 2, "eos_idx": 3}
WRITER = Decoder(RNN_1, MANY, TABLE, **IDS)


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda: ManyToOne(ONE, RNN_1), TypeError, "ManyToOne: rnn must be an RNN, got ManyToOneHead"),
        (lambda: ManyToOne(RNN_1, MANY), TypeError, "ManyToOne: head must be a ManyToOneHead, got ManyToManyHead"),
        (lambda: ManyToMany(RNN_1, ONE), TypeError, "ManyToMany: head must be a ManyToManyHead, got ManyToOneHead"),
        (lambda: ManyToOne(RNN_1, ONE, embedding="words"), TypeError, "ManyToOne: embedding must be .*, got 'words'"),
        (lambda: ManyToOne(BOTH, ONE), ValueError, "ManyToOne: head must be .*hidden_size=8, got hidden_size=4"),
        (lambda: ManyToOne(RNN_1, ONE, embedding=LONG), ValueError, "ManyToOne: rnn must be .*=5.*, got .*input_size=3"),
        (lambda: ManyToOne(RNN_1, ONE, embedding=Embedding(V, E, dtype="f4")), ValueError, "ManyToOne: rnn must be .*float32, got .*float64"),
        (lambda: ManyToOne(RNN_1, ManyToOneHead(H, 2, dtype="f4")), ValueError, "ManyToOne: head must be .*float64, got float32"),
        (lambda: Decoder(RNN_1, MANY, TABLE), TypeError, "Decoder: .*bos_idx"),
        (lambda: Decoder(RNN_1, MANY, None, **IDS), TypeError, "Decoder: embedding must be .*, got None"),
        (lambda: Decoder(BOTH, ManyToManyHead(8, V), TABLE, **IDS), ValueError, "Decoder: rnn must be .*, got bidirectional=True"),
        (lambda: Decoder(RNN_1, ManyToManyHead(H, 5), TABLE, **IDS), ValueError, "Decoder: head must be .*=7, got output_size=5"),
        (lambda: Decoder(RNN_1, MANY, TABLE, bos_idx=None, eos_idx=3), ValueError, "Decoder: bos_idx and eos_idx must be .*, got None and 3"),
        (lambda: Decoder(RNN_1, MANY, TABLE, bos_idx=3, eos_idx=3), ValueError, "Decoder: bos_idx and eos_idx must be .*, got 3 twice"),
        (lambda: Decoder(RNN_1, MANY, TABLE, bos_idx=2, eos_idx=V), IndexError, r"Decoder: eos_idx must be from 0 to 6 \(num_embeddings=7\), got 7"),
        (lambda: Decoder(RNN_1, MANY, TABLE, bos_idx=True, eos_idx=3), TypeError, "Decoder: bos_idx must be .*, got True"),
        (lambda: OneToMany(5, RNN_1), TypeError, "OneToMany: decoder must be a Decoder, got RNN"),
        (lambda: OneToMany(0, WRITER), ValueError, "OneToMany: context_size must be .*, got 0"),
        (lambda: EncoderDecoder(WRITER, RNN_1), TypeError, "EncoderDecoder: encoder must be an RNN, got Decoder"),
        (lambda: EncoderDecoder(RNN_1, RNN_1), TypeError, "EncoderDecoder: decoder must be a Decoder, got RNN"),
        (lambda: EncoderDecoder(BOTH, WRITER), ValueError, "EncoderDecoder: encoder must be .*directions=1.*, got .*directions=2"),
        (lambda: EncoderDecoder(WIDE, WRITER), ValueError, "EncoderDecoder: encoder must be .*hidden_size=4.*, got .*hidden_size=5"),
        (lambda: EncoderDecoder(RNN_1, WRITER, embedding=LONG), ValueError, "EncoderDecoder: encoder must be .*=5.*, got .*input_size=3"),
    ],
)  # fmt: skip
def test_parts_that_do_not_fit_are_refused(build, error, message):
    with pytest.raises(error, match=f"^{message}"):
        build()


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("ManyToOne", {"inputs": [1, 2], "lengths": [2]}, r"lengths must be None .*, got \[2\]"),
        ("ManyToMany", {"h_0": np.zeros((2, 3, H))}, r"h_0 must be .*, got shape \(2, 3, 4\)"),
        ("Decoder", {"h_0": np.full((2, 3, H), np.nan)}, "h_0 must be finite .*, got nan"),
        ("OneToMany", {"context": np.zeros((2, 5))}, r"context must be .*batch=3.*, got shape \(2, 5\)"),
        ("OneToMany", {"context": np.zeros(5)}, r"context must be .*batch=3.*, got shape \(5,\)"),
        ("EncoderDecoder", {"source": [[1]] * 2, "source_lengths": None}, "source must be .*3.*, got a batch of 2"),
        ("EncoderDecoder", {"source": [1, 2], "source_lengths": None}, "source must be .*3.*, got one sequence"),
        ("EncoderDecoder", {"tokens": [4], "lengths": None}, "source must be one sequence.*, got a batch of 3"),
    ],
)
def test_inputs_that_do_not_fit_each_other_are_refused(name, changes, message, rng):
    """For inputs that are wrong by themselves see test_bad_input.py."""
    model, inputs = model_and_inputs(name, rng)
    with pytest.raises(ValueError, match=f"^{name}.forward: {message}"):
        model.forward(**inputs | changes)


def test_the_live_arrays_are_not_a_snapshot(rng):
    model = language_model(rng)
    with pytest.raises(ValueError, match="^Decoder.load_parameters: parameters must be a copy .*copy.deepcopy"):
        model.load_parameters(model.parameters())
    model.load_parameters(model.parameters() | {"head.b_y": np.ones(V)})  # one array is new: the rest stays
    assert (model.head.b_y == 1).all()


@pytest.mark.parametrize(
    ("labels", "padding", "loss"),
    [
        ([[1, 2, 0], [1]], -1, cross_entropy),
        ([[1.0, 2.0, 3.0], [0.5]], np.nan, mean_squared_error),
        ([[True, False, True], [True]], -1, cross_entropy),
        ([np.array([1, 2, 0], np.uint8), np.array([1], np.uint8)], -1, cross_entropy),
        ([np.ones((3, V), int), np.ones((1, V), int)], -1, binary_cross_entropy),
    ],
)
def test_labels_at_the_padding_are_refused_by_a_loss_without_lengths(labels, padding, loss, rng):
    outputs = 1 if loss is mean_squared_error else V
    model = ManyToMany(RNN(E, H, rng=rng), ManyToManyHead(H, outputs, rng=rng), embedding=Embedding(V, E, rng=rng))
    (tokens, lengths), targets = model.batch([[4, 5, 6], [4]], labels)
    np.testing.assert_array_equal(targets[1, 1:], np.full_like(targets[1, 1:], padding))
    logits = model(tokens, lengths)
    assert np.isfinite(loss(logits, targets, lengths=lengths)[0])
    with pytest.raises((ValueError, IndexError), match="(labels|targets) must be .*, got (-1|nan)"):
        loss(logits, targets)


def test_a_batch_needs_a_label_for_each_step(rng):
    with pytest.raises(ValueError, match=r"ManyToMany.batch: labels\[1\] must be 2 labels.*, got 1"):
        reader(ManyToMany, rng).batch([[1], [1, 2]], [[1], [1]])


@pytest.mark.parametrize("name", ["Decoder", "OneToMany", "EncoderDecoder"])
def test_every_model_that_writes_draws_from_its_seed_and_the_top_k(name, rng):
    model, inputs = model_and_inputs(name, rng)
    given = [inputs[key] for key in ("context", "source") if key in inputs]

    def written(**options):
        return model.generate(*given, max_length=20, **options)[0].tolist()

    assert written(temperature=9.0, rng=1) == written(temperature=9.0, rng=1) != written(temperature=9.0, rng=2)
    assert written(temperature=9.0, top_k=1, rng=1) == written()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", [ManyToOne, ManyToMany])
def test_empty_sequences_have_the_axes_and_the_dtype_of_the_inputs(kind, dtype, rng):
    labels = [1, 0] if kind is ManyToOne else [[], []]
    (tokens, _), _ = reader(kind, rng).batch([[], []], labels)
    assert (tokens.shape, tokens.dtype.kind) == ((2, 0), "i")
    head = (ManyToOneHead if kind is ManyToOne else ManyToManyHead)(H, 2, dtype=dtype, rng=rng)
    (vectors, _), _ = kind(RNN(E, H, dtype=dtype, rng=rng), head).batch([[], []], labels)
    assert (vectors.shape, vectors.dtype) == ((2, 0, E), dtype)
    (source, *_), _ = model_and_inputs("EncoderDecoder", rng)[0].batch([[], []], [[4], [5]])
    assert (source.shape, source.dtype.kind) == ((2, 0), "i")
