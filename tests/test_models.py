"""What the models read, what they should answer, and what they write."""

import numpy as np
import pytest

from vanilla_rnn import (
    RNN,
    Decoder,
    Embedding,
    EncoderDecoder,
    ManyToMany,
    ManyToManyHead,
    ManyToOne,
    ManyToOneHead,
    OneToMany,
    RNNCell,
    cross_entropy,
    softmax,
)

V, H = 7, 4  # tokens, units


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def decoder(rng, layers=1, **specials):
    parts = RNN(3, H, num_layers=layers, rng=rng), ManyToManyHead(H, V, rng=rng), Embedding(V, 3, rng=rng)
    return Decoder(*parts, **specials)


def test_models_that_answer_are_their_parts_one_after_another(rng):
    tokens, lengths = rng.integers(0, V, (5, 6)), np.array([6, 0, 3, 1, 6])
    embedding, rnn = Embedding(V, 3, rng=rng), RNN(3, H, num_layers=2, bidirectional=True, rng=rng)
    for kind, head in ((ManyToOne, ManyToOneHead(2 * H, 2, rng=rng)), (ManyToMany, ManyToManyHead(2 * H, 2, rng=rng))):
        model = kind(rnn, head, embedding=embedding)
        expected = head(*rnn(embedding(tokens), lengths=lengths))
        run = model.forward(tokens, lengths)
        assert np.array_equal(run.logits, expected)
        assert np.array_equal(model(tokens, lengths), expected)
        assert np.array_equal(kind(rnn, head)(embedding(tokens), lengths), expected)
        np.testing.assert_allclose(model(tokens[0]), expected[0], atol=1e-14)
        assert run.targets is None
    assert np.array_equal(run.lengths, lengths)
    assert ManyToOne(rnn, ManyToOneHead(2 * H, 2), embedding=embedding).forward(tokens, lengths).lengths is None


def test_tokens_behind_a_row_s_length_are_never_looked_at(rng):
    tokens, lengths = rng.integers(0, V, (3, 5)), np.array([5, 2, 0])
    other = np.where(np.arange(5) < lengths[:, None], tokens, -77)
    writer = decoder(rng, layers=2)
    models = [
        (ManyToOne(RNN(3, H, rng=rng), ManyToOneHead(H, 2, rng=rng), embedding=Embedding(V, 3, rng=rng)), 1),
        (ManyToMany(RNN(3, H, rng=rng), ManyToManyHead(H, 2, rng=rng), embedding=Embedding(V, 3, rng=rng)), 1),
        (writer, 1),
        (EncoderDecoder(RNN(3, H, num_layers=2, rng=rng), writer, embedding=Embedding(V, 3, rng=rng)), 2),
    ]
    for model, sequences in models:
        one = model.forward(*[tokens] * sequences, *[lengths] * sequences)
        two = model.forward(*[other] * sequences, *[lengths] * sequences)
        assert np.array_equal(one.logits, two.logits)
        d_logits = rng.standard_normal(one.logits.shape)
        a, b = one.backward(d_logits).d_parameters, two.backward(d_logits).d_parameters
        assert all(np.array_equal(gradient, b[path]) for path, gradient in a.items())


def test_a_decoder_reads_bos_and_the_tokens_and_should_answer_the_tokens_and_eos(rng):
    model = decoder(rng)
    tokens, lengths = np.array([[4, 5, 6], [6, 0, 0]]), [3, 1]
    run = model.forward(tokens, lengths)
    assert run.targets.tolist()[0] == [4, 5, 6, 3]
    assert run.targets.tolist()[1][:2] == [6, 3]
    assert run.lengths.tolist() == [4, 2]
    read = model.embedding(np.array([[2, 4, 5, 6], [2, 6, 0, 0]]))
    assert np.array_equal(run.logits, model.head(*model.rnn(read, lengths=[4, 2])))
    alone = model.forward([4, 5, 6])
    assert alone.targets.tolist() == [4, 5, 6, 3]
    assert alone.lengths is None
    np.testing.assert_allclose(alone.logits, run.logits[0], atol=1e-14)
    nothing = model.forward(np.zeros((2, 0), int))
    assert nothing.targets.tolist() == [[3], [3]]


def test_a_language_model_reads_all_tokens_but_the_last_and_should_answer_all_but_the_first(rng):
    model = decoder(rng, bos_idx=None, eos_idx=None)
    tokens = rng.integers(0, V, (3, 6))
    run = model.forward(tokens, [6, 1, 0])
    assert np.array_equal(run.targets[0], tokens[0, 1:])
    assert run.lengths.tolist() == [5, 0, 0]
    assert run.logits.shape == (3, 5, V)
    whole = model.forward(tokens)
    first = model.forward(tokens[:, :4])  # reads 0..2, and the next piece begins with 3
    rest = model.forward(tokens[:, 3:], h_0=first.h_n)
    np.testing.assert_allclose(np.concatenate([first.logits, rest.logits], axis=1), whole.logits, atol=1e-14)
    assert np.array_equal(np.concatenate([first.targets, rest.targets], axis=1), whole.targets)
    np.testing.assert_allclose(rest.h_n, whole.h_n, atol=1e-14)


def test_one_to_many_begins_with_the_context(rng):
    writer = decoder(rng, layers=2)
    model = OneToMany(5, writer, rng=rng)
    context, tokens = rng.standard_normal((3, 5)), rng.integers(0, V, (3, 4))
    states = np.tanh(context @ model.W_ch.T + model.b_c)
    h_0 = np.stack([states[:, :H], states[:, H:]])  # the bottom layer's first
    assert np.array_equal(model(context, tokens, [4, 2, 0]), writer(tokens, [4, 2, 0], h_0))
    np.testing.assert_allclose(model(context[0], tokens[0]), model(context, tokens)[0], atol=1e-14)
    for greedy, expected in zip(
        model.generate(context, max_length=6), writer.generate(h_0=h_0, max_length=6), strict=True
    ):
        assert np.array_equal(greedy, expected)


def test_an_encoder_hands_its_final_states_to_the_decoder(rng):
    writer, embedding = decoder(rng, layers=2), Embedding(9, 5, rng=rng)
    encoder = RNN(5, H, num_layers=2, rng=rng)
    model = EncoderDecoder(encoder, writer, embedding=embedding)
    source, tokens = rng.integers(0, 9, (3, 5)), rng.integers(0, V, (3, 2))
    _, h_n = encoder(embedding(source), lengths=[5, 1, 0])
    assert np.array_equal(model(source, tokens, [5, 1, 0], [2, 0, 1]), writer(tokens, [2, 0, 1], h_n))
    ids, lengths = model.generate(source, [5, 1, 0], max_length=4)
    expected = writer.generate(h_0=h_n, max_length=4)
    assert np.array_equal(ids, expected[0])
    assert np.array_equal(lengths, expected[1])


class TestGenerate:
    def test_every_token_is_the_likeliest_after_what_was_written(self, rng):
        model = decoder(rng, layers=2)
        h_0 = rng.uniform(-1, 1, (2, 5, H))
        ids, lengths = model.generate(h_0=h_0, max_length=8)
        assert ids.shape == (5, lengths.max())
        for row in range(5):
            written = ids[row, : lengths[row]]
            likeliest = model(written, h_0=h_0[:, row]).argmax(axis=-1)  # teacher forcing on its own answers
            assert np.array_equal(likeliest[: len(written)], written)
            assert 3 not in written
            assert len(written) == 8 or likeliest[len(written)] == 3
            assert not ids[row, lengths[row] :].any()

    def test_rows_stop_at_their_own_eos(self, rng):
        """After token 4 comes 5, after 5 comes <eos>, after 6 comes 6: the state is what was read last."""
        table = np.eye(V)
        cell = RNNCell.from_weights(table * 9, np.zeros((V, V)))
        W_hy = np.zeros((V, V))
        W_hy[[5, 3, 6, 4], [4, 5, 6, 2]] = 1.0
        model = Decoder(RNN.from_cells([cell]), ManyToManyHead.from_weights(W_hy), Embedding.from_vectors(table))
        ids, lengths = model.generate([[4], [5], [6]], max_length=3)
        assert ids.tolist() == [[5, 0, 0], [0, 0, 0], [6, 6, 6]]
        assert lengths.tolist() == [1, 0, 3]
        assert model.generate([5], max_length=3)[0].shape == (0,)
        ids, lengths = model.generate(max_length=9)
        assert ids.tolist() == [[4, 5]]
        assert lengths.tolist() == [2]
        endless = Decoder(model.rnn, model.head, model.embedding, bos_idx=None, eos_idx=None)
        assert endless.generate([5], max_length=3)[0].tolist() == [3, 0, 0]

    def test_without_a_batch_axis(self, rng):
        model = decoder(rng, layers=2)
        prompt, h_0 = rng.integers(4, V, (3, 2)), rng.uniform(-1, 1, (2, 3, H))
        for prompts in (prompt, None):
            ids, lengths = model.generate(prompts, h_0=h_0, max_length=5)
            for row in range(3):
                own = None if prompts is None else prompts[row]
                one, length = model.generate(own, h_0=h_0[:, row], max_length=5)
                assert one.shape == (length,)
                assert np.array_equal(one, ids[row, : lengths[row]])

    def test_temperature_draws_from_the_softmax(self, rng):
        model = decoder(rng, bos_idx=None, eos_idx=None)
        for temperature in (0.5, 1.0, 2.0):
            p = softmax(model([5, 0])[0] / temperature)
            ids, _ = model.generate(np.full((20_000, 1), 5), max_length=1, temperature=temperature, rng=1)
            assert np.abs(np.bincount(ids[:, 0], minlength=V) / 20_000 - p).max() < 0.015
        draws = [model.generate([5], max_length=20, temperature=1.0, rng=seed)[0].tolist() for seed in (1, 1, 2)]
        assert draws[0] == draws[1] != draws[2]
        greedy = [model.generate([5], max_length=20, rng=seed)[0].tolist() for seed in (1, 2)]
        assert greedy[0] == greedy[1] == model.generate([5], max_length=20, temperature=1e-300, rng=3)[0].tolist()

    @pytest.mark.parametrize(
        ("arguments", "error", "message"),
        [
            ({"max_length": 0}, ValueError, "max_length must be at least 1"),
            (
                {"max_length": 2, "temperature": -1.0},
                ValueError,
                "temperature must be at least 0.0 and finite, got -1.0",
            ),
            ({"max_length": 2, "temperature": "hot"}, TypeError, "temperature must be a number"),
            ({"max_length": 2, "prompt": [[[4]]]}, ValueError, "prompt must be .*got 3 axes"),
            ({"max_length": 2, "prompt": [V]}, IndexError, "ids must be from 0 to 6"),
            ({"max_length": 2, "h_0": np.zeros(H)}, ValueError, "h_0 must be .*got 1 axis"),
            ({"max_length": 2, "h_0": np.zeros((2, 1, H))}, ValueError, r"h_0 must be .*\(1, 1, 4\)"),
            (
                {"max_length": 2, "prompt": [4], "h_0": np.zeros((1, 2, H))},
                ValueError,
                "prompt must be of 2 axes, as h_0 is, got 1",
            ),
            ({"max_length": 2, "prompt": [[4]], "h_0": np.zeros((1, 2, H))}, ValueError, r"h_0 must be .*\(1, 1, 4\)"),
        ],
    )
    def test_bad_input(self, rng, arguments, error, message):
        with pytest.raises(error, match=message):
            decoder(rng).generate(**arguments)

    def test_a_language_model_needs_a_prompt(self, rng):
        with pytest.raises(ValueError, match="prompt must be at least one token, got none.*without <bos>"):
            decoder(rng, bos_idx=None, eos_idx=None).generate(max_length=3)


def test_a_record_is_proof_against_what_happens_after_it(rng):
    writer = decoder(rng)
    cases = [
        (ManyToOne(RNN(3, H, rng=rng), ManyToOneHead(H, 2, rng=rng)), [rng.standard_normal((2, 4, 3))]),
        (OneToMany(5, writer, rng=rng), [rng.standard_normal((2, 5)), rng.integers(0, V, (2, 3))]),
        (
            EncoderDecoder(RNN(3, H, rng=rng), writer, embedding=Embedding(V, 3, rng=rng)),
            [rng.integers(0, V, (2, 4))] * 2,
        ),
    ]
    for model, inputs in cases:
        inputs = [values.copy() for values in inputs]
        d_logits = rng.standard_normal(model(*inputs).shape)
        before, run = model.forward(*inputs).backward(d_logits), model.forward(*inputs)
        for values in model.parameters().values():
            values += 0.1
        for values in inputs:
            values[...] = 0
        model.forward(*inputs)
        answer = model(*inputs)
        answer += 1.0
        after = run.backward(d_logits)
        for path, gradient in before.d_parameters.items():
            assert np.array_equal(gradient, after.d_parameters[path])
        assert before[0] is None or np.array_equal(before[0], after[0])


def test_targets_are_proof_against_what_happens_to_the_tokens(rng):
    for specials in ({}, {"bos_idx": None, "eos_idx": None}):
        tokens = rng.integers(4, V, (2, 5))
        run = decoder(rng, **specials).forward(tokens)
        kept = run.targets.copy()
        tokens[:] = 0
        assert np.array_equal(run.targets, kept)
        with pytest.raises(ValueError, match="read-only"):
            run.targets[:] = 0


def test_tokens_may_be_small_or_unsigned_integers(rng):
    model = decoder(rng)
    tokens = rng.integers(0, V, (2, 3))
    for dtype in (np.uint8, np.uint64, np.int16):
        assert np.array_equal(model(tokens.astype(dtype)), model(tokens))
        assert np.array_equal(
            model.generate(tokens.astype(dtype), max_length=3)[0], model.generate(tokens, max_length=3)[0]
        )


def test_the_greedy_choice_draws_nothing(rng):
    drawn = np.random.default_rng(3)
    decoder(rng).generate(max_length=5, rng=drawn)
    assert drawn.random() == np.random.default_rng(3).random()


def test_repr_draws_the_structure(rng):
    model = OneToMany(5, decoder(rng), rng=rng)
    first, *lines = repr(model).splitlines()
    assert first == "OneToMany(5, decoder): 112 parameters"
    assert [line.split()[0] for line in lines] == list(model.parameters())
    assert repr(decoder(rng)).startswith("Decoder: 88 parameters")
    assert repr(EncoderDecoder(RNN(3, H), decoder(rng))).startswith("EncoderDecoder: 120 parameters")


def test_dtype_float32_throughout(rng):
    kinds = {"dtype": np.float32, "rng": rng}
    writer = Decoder(RNN(3, H, **kinds), ManyToManyHead(H, V, **kinds), Embedding(V, 3, **kinds))
    model = OneToMany(5, writer, rng=rng)
    run = model.forward(rng.standard_normal((2, 5)), rng.integers(0, V, (2, 3)))
    _, d_logits = cross_entropy(run.logits, run.targets)
    gradients = run.backward(d_logits)
    assert {
        values.dtype for values in (run.logits, d_logits, gradients.d_context, *gradients.d_parameters.values())
    } == {np.dtype(np.float32)}


def test_parts_that_do_not_fit_are_refused(rng):
    rnn, both, one, many = RNN(3, H), RNN(3, H, bidirectional=True), ManyToOneHead(H, 2), ManyToManyHead(H, V)
    table, narrow = Embedding(V, 3), Embedding(V, 3, dtype=np.float32)
    writer = decoder(rng)
    for call, error, message in (
        (lambda: ManyToOne(one, rnn), TypeError, "ManyToOne: rnn must be made by RNN, got ManyToOneHead.*in order"),
        (lambda: ManyToOne(rnn, many), TypeError, "head must be made by ManyToOneHead, got ManyToManyHead"),
        (lambda: ManyToMany(rnn, one), TypeError, "head must be made by ManyToManyHead"),
        (lambda: ManyToOne(rnn, one, embedding="words"), TypeError, "embedding must be made by Embedding, got 'words'"),
        (
            lambda: ManyToOne(both, one),
            ValueError,
            "head must be made with hidden_size 8, directions times the RNN's, got 4",
        ),
        (
            lambda: ManyToOne(rnn, one, embedding=Embedding(V, 5)),
            ValueError,
            "rnn must be made with input_size 5 .*got 3",
        ),
        (
            lambda: ManyToOne(rnn, one, embedding=narrow),
            ValueError,
            "rnn must be made with .*float32, .*got 3 and float64",
        ),
        (
            lambda: ManyToOne(rnn, ManyToOneHead(H, 2, dtype="f4")),
            ValueError,
            "head must be of the RNN's dtype, float64, got float32",
        ),
        (lambda: Decoder(rnn, many, None), TypeError, "embedding must be made by Embedding, got None"),
        (lambda: Decoder(both, ManyToManyHead(8, V), table), ValueError, "rnn must be of one direction"),
        (lambda: Decoder(rnn, ManyToManyHead(H, 5), table), ValueError, "output_size 7, the embedding's .*got 5"),
        (
            lambda: Decoder(rnn, many, table, bos_idx=None),
            ValueError,
            "bos_idx and eos_idx must be two ids or None for both, got None and 3",
        ),
        (
            lambda: Decoder(rnn, many, table, bos_idx=3),
            ValueError,
            "bos_idx and eos_idx must be two different ids, got 3 twice",
        ),
        (lambda: Decoder(rnn, many, table, eos_idx=7), IndexError, "eos_idx must be from 0 to 6 .*got 7"),
        (lambda: Decoder(rnn, many, table, bos_idx=-1), IndexError, "bos_idx must be from 0 to 6 .*got -1"),
        (lambda: Decoder(rnn, many, table, bos_idx=True), TypeError, "bos_idx must be a whole number, got True"),
        (lambda: OneToMany(5, rnn), TypeError, "decoder must be made by Decoder, got RNN"),
        (lambda: OneToMany(0, writer), ValueError, "context_size must be at least 1"),
        (lambda: EncoderDecoder(writer, rnn), TypeError, "encoder must be made by RNN"),
        (
            lambda: EncoderDecoder(both, writer),
            ValueError,
            r"encoder must be like the decoder's RNN.*\(1, 1, 4.*got \(1, 2, 4",
        ),
        (lambda: EncoderDecoder(RNN(3, 5), writer), ValueError, "encoder must be like the decoder's RNN"),
    ):
        with pytest.raises(error, match=message):
            call()


def test_inputs_that_do_not_fit_are_refused(rng):
    answerer = ManyToOne(RNN(3, H), ManyToOneHead(H, 2), embedding=Embedding(V, 3))
    captioner = OneToMany(5, decoder(rng), rng=rng)
    for call, error, message in (
        (lambda: answerer([0.5, 1.0]), TypeError, "inputs must be .*whole numbers.*vectors need no embedding"),
        (lambda: answerer([[[1]]]), ValueError, "inputs must be .*got 3 axes"),
        (lambda: answerer([1, 2], [2]), ValueError, "lengths must be None without a batch axis"),
        (lambda: answerer([[1, 2]], [3]), ValueError, "lengths must be from 0 to 2"),
        (lambda: answerer([[1, V]]), IndexError, r"ids must be from 0 to 6 .*got 7 at index \(0, 1\)"),
        (
            lambda: captioner(np.zeros((2, 4)), [[1], [2]]),
            ValueError,
            r"context must be .*5 long .context_size., got 4",
        ),
        (lambda: captioner(np.full(5, np.nan), [1]), ValueError, "context must be finite"),
        (lambda: captioner(np.zeros((1, 1, 5)), [1]), ValueError, "context must be .*got 3 axes"),
        (lambda: captioner(np.zeros((2, 5)), [[1]]), ValueError, "h_0 must be"),
        (
            lambda: ManyToMany.batch(answerer, [[1, 2]], [[1]]),
            ValueError,
            r"labels\[0\] must be of 2 steps like its inputs, got 1",
        ),
    ):
        with pytest.raises(error, match=message):
            call()
