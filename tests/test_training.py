"""`train` is a loop around five lines, `train_stream` carries the state and cuts the gradient, and both stop in time."""

import copy
import inspect
import sys
import tracemalloc
from itertools import islice, repeat

import numpy as np
import pytest

import vanilla_rnn
from vanilla_rnn import (
    RNN,
    SGD,
    Adam,
    Decoder,
    Embedding,
    EncoderDecoder,
    ManyToMany,
    ManyToManyHead,
    ManyToOne,
    ManyToOneHead,
    OneToMany,
    binary_cross_entropy,
    clip_grad_norm,
    cross_entropy,
    fit,
    fit_stream,
    mean_squared_error,
    pad_sequences,
    train,
    train_stream,
)

V, H = 6, 5  # tokens, units


def random_tokens(seed, count=20):
    rng = np.random.default_rng(seed)
    return [rng.integers(0, V, rng.integers(1, 7)) for _ in range(count)]


def classifier(seed=0, output_size=1):
    rng = np.random.default_rng(seed)
    return ManyToOne(RNN(3, H, rng=rng), ManyToOneHead(H, output_size, rng=rng), embedding=Embedding(V, 3, rng=rng))


def vector_reader(seed=0):
    rng = np.random.default_rng(seed)
    return ManyToOne(RNN(2, 3, rng=rng), ManyToOneHead(3, 1, rng=rng))


def decoder(seed=0, bos_idx=2, eos_idx=3):
    rng = np.random.default_rng(seed)
    parts = RNN(3, H, rng=rng), ManyToManyHead(H, V, rng=rng), Embedding(V, 3, rng=rng)
    return Decoder(*parts, bos_idx=bos_idx, eos_idx=eos_idx)


def language_model(seed=0):
    return decoder(seed, bos_idx=None, eos_idx=None)


def snapshot(model):
    return copy.deepcopy(model.parameters())


def same(parameters, others):
    return parameters.keys() == others.keys() and all(np.array_equal(parameters[path], others[path]) for path in others)


EXAMPLES = [(tokens, int(tokens.sum() % 2)) for tokens in random_tokens(0)]


def options(**changes):
    """What `train` needs for the classifier, with changes."""
    defaults = {"loss": binary_cross_entropy, "optimizer": SGD(0.1), "epochs": 3, "batch_size": 8, "rng": 5}
    return defaults | changes


def stream_options(**changes):
    return {"loss": cross_entropy, "optimizer": SGD(0.5), "window": 5} | changes


def rows_of(name, model, data, **changes):
    """All rows of one of the four functions."""
    complete = stream_options if "stream" in name else options
    return list(getattr(vanilla_rnn, name)(model, data, **complete(**changes)))


# --- over examples


def test_train_is_a_loop_around_the_five_lines():
    model, same_model = classifier(), classifier()
    rows = fit(model, EXAMPLES, **options(optimizer=Adam(0.01), clip=0.1))

    optimizer, shuffle, expected = Adam(0.01), np.random.default_rng(5), []
    for epoch in (1, 2, 3):
        order = shuffle.permutation(20)
        total, norms = 0.0, []
        for chosen in (order[:8], order[8:16], order[16:]):
            tokens, lengths = pad_sequences([EXAMPLES[i][0] for i in chosen])
            run = same_model.forward(tokens, lengths)
            loss, d_logits = binary_cross_entropy(run.logits, [EXAMPLES[i][1] for i in chosen])
            gradients = run.backward(d_logits).d_parameters
            norms.append(clip_grad_norm(gradients, 0.1))
            optimizer.step(same_model.parameters(), gradients)
            total += loss * len(chosen)
        expected.append({"epoch": epoch, "loss": total / 20, "gradient_norm": np.mean(norms)})
    assert rows == expected
    assert same(model.parameters(), same_model.parameters())
    assert min(norms) > 0.1  # so that clipping has an effect


def test_a_row_arrives_after_its_epoch():
    model, same_model = classifier(), classifier()
    rows = train(model, examples := list(EXAMPLES), **options())
    assert same(model.parameters(), classifier().parameters())
    seen = [next(rows)]
    fit(same_model, EXAMPLES, **options(epochs=1))
    assert same(model.parameters(), same_model.parameters())
    examples.clear()  # the loop's body may do what it likes with the caller's list
    seen += rows
    assert seen == fit(classifier(), EXAMPLES, **options())


def test_the_body_of_the_loop_can_stop_and_keep_the_best_weights():
    model, best_loss, best_epoch, after = classifier(), np.inf, 0, {}
    for row in train(model, EXAMPLES, **options(optimizer=SGD(3.0), epochs=50)):
        after[row["epoch"]] = snapshot(model)
        held_out, _ = binary_cross_entropy(model([[1, 2], [3, 4]]), [1, 0])
        if held_out < best_loss:
            best_loss, best_epoch, best = held_out, row["epoch"], copy.deepcopy(model.parameters())
        elif row["epoch"] >= best_epoch + 3:
            break
    assert 1 < best_epoch == row["epoch"] - 3 < 47
    model.load_parameters(best)
    assert same(model.parameters(), after[best_epoch])


def test_the_body_of_the_loop_can_change_the_learning_rate():
    model, optimizer = classifier(), SGD(0.5, momentum=0.9)
    for row in train(model, EXAMPLES, **options(optimizer=optimizer, epochs=4)):
        if row["epoch"] == 2:
            optimizer.learning_rate = 0.01
    other, optimizer, rng = classifier(), SGD(0.5, momentum=0.9), np.random.default_rng(5)
    for rate in (0.5, 0.01):  # an optimiser and a generator continue from one call to the next
        optimizer.learning_rate = rate
        fit(other, EXAMPLES, **options(optimizer=optimizer, epochs=2, rng=rng))
    assert same(model.parameters(), other.parameters())


def test_the_same_seed_trains_bit_for_bit_the_same():
    examples = [(tokens, tokens) for tokens in random_tokens(1)]

    def trained(seed):
        rng = np.random.default_rng(seed)
        model = EncoderDecoder(RNN(3, H, rng=rng), decoder(seed), embedding=Embedding(V, 3, rng=rng))
        return fit(model, examples, **options(loss=cross_entropy, rng=rng)), snapshot(model)

    (rows, parameters), (same_rows, same_parameters), (_, others) = trained(3), trained(3), trained(4)
    assert rows == same_rows
    assert same(parameters, same_parameters)
    assert not same(parameters, others)


def tasks():
    """For each kind of model examples whose answer follows from the inputs, so that the loss can come near to 0."""
    rng = np.random.default_rng(2)
    tokens, vectors = random_tokens(2, 12), rng.standard_normal((12, 5, 4))
    rnn, table = RNN(4, 16, rng=rng), {"embedding": Embedding(V, 4, rng=rng)}
    writer = Decoder(rnn, ManyToManyHead(16, V, rng=rng), Embedding(V, 4, rng=rng), bos_idx=2, eos_idx=3)
    one, two, three = (ManyToOneHead(16, size, rng=rng) for size in (1, 2, 3))
    translator = EncoderDecoder(RNN(4, 16, rng=rng), writer, **table)
    return {
        "binary": (ManyToOne(rnn, one, **table), [(t, t[0] % 2) for t in tokens], binary_cross_entropy),
        "classes": (ManyToOne(rnn, three, **table), [(t, t[-1] % 3) for t in tokens], cross_entropy),
        "numbers": (ManyToOne(rnn, two), [(v, v[-1, :2] / 3) for v in vectors], mean_squared_error),
        "tags": (ManyToMany(rnn, ManyToManyHead(16, 2, rng=rng), **table), [(t, t % 2) for t in tokens], cross_entropy),
        "text": (writer, [([4, 5, 4],), ([4, 5, 4],)], cross_entropy),
        "captions": (OneToMany(4, writer, rng=rng), [(v[0], t[:3]) for v, t in zip(vectors, tokens)], cross_entropy),  # noqa: B905
        "translation": (translator, [(t, t[-1:]) for t in tokens], cross_entropy),
    }


@pytest.mark.parametrize("task", ["binary", "classes", "numbers", "tags", "text", "captions", "translation"])
def test_every_model_learns_what_can_be_learned(task):
    model, examples, loss = tasks()[task]
    rows = fit(model, examples, loss=loss, optimizer=Adam(0.05), epochs=80, batch_size=6, clip=1.0, rng=0)
    assert rows[-1]["loss"] < 0.03 < rows[0]["loss"]


def test_weights_are_a_function_of_the_targets():
    examples = [(tokens, [0, 1, 2, -100][number % 4]) for number, tokens in enumerate(random_tokens(0))]
    labelled = [(tokens, label) for tokens, label in examples if label != -100]

    def weights(targets):
        return np.where(targets == 1, 0.5, targets != -100)

    def weighted_loss(logits, targets, *, lengths):
        return cross_entropy(logits, targets, lengths=lengths, weights=weights(targets))

    def losses(examples, **changes):
        return [row["loss"] for row in fit(classifier(output_size=3), examples, **options(**changes))]

    assert losses(examples, loss=cross_entropy, weights=weights) == losses(examples, loss=weighted_loss)
    whole_batch = {"loss": cross_entropy, "weights": weights, "batch_size": 20}
    np.testing.assert_allclose(losses(examples, **whole_batch), losses(labelled, **whole_batch))


def test_weights_are_given_the_targets_that_a_decoder_makes():
    seen = []

    def weights(targets):
        seen.append(targets)
        return targets > 0

    fit(decoder(), [([4, 5],), ([4],)], **options(loss=cross_entropy, epochs=1, weights=weights))
    assert sorted(row[:2].tolist() for row in seen[0]) == [[4, 3], [4, 5]]


@pytest.mark.parametrize("batch_size", [1, 2, 3])
@pytest.mark.parametrize("empty", [[], np.empty((0, 2))])
def test_an_empty_example_among_vectors_is_legal_in_any_batch(empty, batch_size):
    rng = np.random.default_rng(0)
    examples = [(empty, 1), (rng.standard_normal((3, 2)), 0), (rng.standard_normal((2, 2)), 1)]
    model = vector_reader()
    assert len(fit(model, examples, **options(batch_size=batch_size))) == 3
    arguments, _ = model.batch([empty], [1])
    np.testing.assert_array_equal(model(*arguments), [model.head.b_y])  # the answer of a network that has read nothing


def test_an_empty_source_among_vectors_is_legal():
    parts = RNN(2, 3, rng=0), ManyToManyHead(3, 6, rng=1), Embedding(6, 2, rng=2)
    model = EncoderDecoder(RNN(2, 3, rng=3), Decoder(*parts, bos_idx=2, eos_idx=3))
    examples = [([], [4, 5]), (np.ones((2, 2)), [4])]
    assert len(fit(model, examples, **options(loss=cross_entropy, batch_size=1, epochs=1))) == 1


# --- over a stream


def test_train_stream_carries_the_state_and_cuts_the_gradient():
    text = np.random.default_rng(6).integers(0, V, 23)
    model, other = language_model(), language_model()
    rows = fit_stream(model, [text[:4], text[4:15], text[15:]], **stream_options(clip=0.3))

    optimizer, h, expected = SGD(0.5), None, []
    for number, start in enumerate(range(0, 22, 5), start=1):
        run = other.forward(text[start : start + 6], h_0=h)
        loss, d_logits = cross_entropy(run.logits, run.targets)
        gradients = run.backward(d_logits).d_parameters
        expected.append({"window": number, "loss": loss, "gradient_norm": clip_grad_norm(gradients, 0.3)})
        optimizer.step(other.parameters(), gradients)
        h = run.h_n
    assert rows == expected
    assert len(rows) == 5
    assert same(model.parameters(), other.parameters())


def refilled(text, size):
    """Chunks that are all in the same memory, as some readers deliver them."""
    memory = np.empty(size, np.int64)
    for start in range(0, len(text), size):
        memory[:] = text[start : start + size]
        yield memory


@pytest.mark.parametrize("lanes", [None, 3])
def test_the_sizes_of_the_chunks_make_no_difference(lanes):
    text = np.random.default_rng(7).integers(0, V, 42 if lanes is None else (lanes, 42))
    whole, pieces = language_model(), language_model()
    rows = fit_stream(whole, [text], **stream_options(window=4))
    chunks = refilled(text, 7) if lanes is None else iter(np.split(text, [1, 9, 30], axis=1))
    assert list(train_stream(pieces, chunks, **stream_options(window=4))) == rows
    assert [row["window"] for row in rows] == list(range(1, 12))
    assert same(whole.parameters(), pieces.parameters())


def test_a_chunk_is_read_when_it_is_needed():
    events = []

    def chunks():
        for number in range(4):
            events.append(f"chunk {number}")
            yield np.arange(5) % V

    for row in train_stream(language_model(), chunks(), **stream_options()):
        events.append(row["window"])  # noqa: PERF401  # `chunks` appends between two rows
    assert events == ["chunk 0", "chunk 1", 1, "chunk 2", 2, "chunk 3", 3, 4]


def test_a_stream_needs_less_memory_than_its_text():
    lanes, pieces = np.random.default_rng(8).integers(0, V, (16, 1000)), 8
    fit_stream(language_model(), [lanes[:, :9]], **stream_options())  # whatever the first call imports isn't counted
    tracemalloc.start()
    for _ in train_stream(language_model(), islice(repeat(lanes), pieces), **stream_options(window=20)):
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 0.5 * pieces * lanes.nbytes


def test_an_error_of_the_caller_s_own_iterable_is_passed_on_as_it_is():
    def chunks():
        yield [1, 2, 3]
        raise ValueError("no connection")

    with pytest.raises(ValueError, match="^no connection$"):
        fit_stream(language_model(), chunks(), **stream_options())


# --- progress


STREAM_OF_16 = [[1, 2, 3, 4] * 4]


@pytest.mark.parametrize("name", ["fit", "train", "fit_stream", "train_stream"])
def test_a_progress_bar_is_shown_only_on_request(name, capsys):
    pytest.importorskip("tqdm")
    model, data, count = (
        (language_model, STREAM_OF_16, "3window ") if "stream" in name else (classifier, EXAMPLES, "3/3 ")
    )
    rows = rows_of(name, model(), data)
    assert rows_of(name, model(), data, progress=False) == rows
    assert capsys.readouterr() == ("", "")
    assert rows_of(name, model(), data, progress=True) == rows
    out, bar = capsys.readouterr()
    assert out == ""
    assert count in bar
    assert f"loss={rows[-1]['loss']:.3g}" in bar


@pytest.mark.parametrize(
    ("name", "model", "data"), [("fit", classifier, EXAMPLES), ("fit_stream", language_model, STREAM_OF_16)]
)
def test_without_tqdm_there_is_no_bar(name, model, data, capsys, monkeypatch):
    expected = rows_of(name, model(), data)
    for module in ("tqdm", "tqdm.auto"):
        monkeypatch.setitem(sys.modules, module, None)  # so that importing it fails
    assert rows_of(name, model(), data, progress=True) == expected
    assert capsys.readouterr() == ("", "")


# --- what stops training


@pytest.mark.parametrize(
    ("loss_factor", "gradient_factor", "message"),
    [(np.nan, 1.0, "the loss must be .*, got nan"), (1.0, np.inf, "d_logits must be finite .*, got (nan|inf|-inf) at")],
)
def test_a_number_that_is_not_finite_stops_training_before_the_step(loss_factor, gradient_factor, message):
    before_each_step, model = [], classifier()

    def wrong_in_the_fifth_step(logits, targets, *, lengths=None):
        before_each_step.append(snapshot(model))
        loss, d_logits = binary_cross_entropy(logits, targets, lengths=lengths)
        return (loss, d_logits) if len(before_each_step) < 5 else (loss * loss_factor, d_logits * gradient_factor)

    with pytest.raises(ValueError, match=f"^fit, epoch 2, batch 2: .*{message}"):
        fit(model, EXAMPLES, **options(loss=wrong_in_the_fifth_step, batch_size=7))  # three batches in an epoch
    assert len(before_each_step) == 5
    assert same(model.parameters(), before_each_step[4])


def test_weights_that_diverge_stop_training_at_the_last_good_ones():
    rng, model = np.random.default_rng(5), vector_reader()
    examples = [(rng.standard_normal((3, 2)), 1.0) for _ in range(8)]
    with pytest.raises(ValueError, match=r"^fit, epoch \d+, batch \d: .* must be .*finite"):
        fit(model, examples, **options(loss=mean_squared_error, optimizer=SGD(1e6), epochs=200))
    assert all(np.isfinite(values).all() for values in model.parameters().values())


@pytest.mark.parametrize("batch_size", [1, 8, 100])
@pytest.mark.parametrize(
    ("number", "example", "error", "message"),
    [
        (57, (np.array([[0.0, 1.0], [np.nan, 0.0]]), 1), ValueError, "inputs must be finite .*, got nan"),
        (23, (np.ones((3, 5)), 1), ValueError, "inputs must be .*input_size=2"),
        (40, (np.ones(3), 1), ValueError, "inputs must be .*input_size=2"),
        (0, (np.ones((3, 2)), "one"), TypeError, "labels must be .*, got words, such as 'one'"),
        (31, (np.ones((3, 2)), 2), ValueError, "labels must be from 0 to 1, got 2"),
        (32, (np.ones((3, 2)), [0, 1]), ValueError, r"labels must be .*, got shape \(1, 2\)"),
        (33, (np.ones((3, 2)), np.nan), ValueError, "labels must be finite .*, got nan"),
    ],
)
def test_an_example_that_can_not_be_used_is_named(number, example, error, message, batch_size):
    rng = np.random.default_rng(0)
    examples = [(rng.standard_normal((3, 2)), 0) for _ in range(80)]
    examples[number] = example
    with pytest.raises(error, match=rf"^fit, epoch 1, batch \d+, examples\[{number}\]: .*{message}"):
        fit(vector_reader(), examples, **options(batch_size=batch_size))


def test_examples_that_can_not_be_used_together_are_named():
    examples = [*EXAMPLES[:7], (EXAMPLES[7][0], [1]), *EXAMPLES[8:]]  # each can be used alone
    with pytest.raises(ValueError, match=r"^fit, epoch 1, batch 1, examples\[7\] together with examples\[\d+\]: "):
        fit(classifier(), examples, **options(batch_size=len(examples)))


def test_of_two_examples_that_can_not_be_used_together_the_second_is_named():
    pair = [([1, 2], 0), ([3], [1])]
    with pytest.raises(ValueError, match=r"^fit, epoch 1, batch 1, examples\[[01]\] together with examples\[[01]\]: "):
        fit(classifier(), pair, **options())


def test_a_batch_in_which_nothing_counts_makes_no_step():
    positive = next(example for example in EXAMPLES if example[1])
    others = [example for example in EXAMPLES if not example[1]]
    expected, model = classifier(), classifier()
    history = fit(expected, [positive], **options(optimizer=Adam(0.1), batch_size=1, epochs=2))
    rows = fit(model, [*others, positive], **options(optimizer=Adam(0.1), batch_size=1, epochs=2, weights=lambda y: y))
    assert rows == history
    assert same(model.parameters(), expected.parameters())
    with pytest.raises(ValueError, match="^fit: examples must be .*, got none"):
        fit(model, others, **options(weights=lambda labels: labels))


def tagger():
    rng = np.random.default_rng(0)
    return ManyToMany(RNN(3, H, rng=rng), ManyToManyHead(H, 4, rng=rng), embedding=Embedding(V, 3, rng=rng))


@pytest.mark.parametrize(
    ("outputs", "label", "loss"),
    [
        (1, 1, binary_cross_entropy),
        (1, [1], binary_cross_entropy),
        (4, 1, cross_entropy),
        (2, [1, 1], binary_cross_entropy),
        (2, [1.0, 1.0], mean_squared_error),
    ],
)
def test_a_weight_at_the_padding_makes_nothing_count(outputs, label, loss):
    rng = np.random.default_rng(0)
    model = ManyToMany(RNN(2, H, rng=rng), ManyToManyHead(H, outputs, rng=rng))
    examples, before = [(rng.standard_normal((time, 2)), [label] * time) for time in (4, 2)], snapshot(model)
    with pytest.raises(ValueError, match="^fit: examples must be .*, got none"):
        fit(model, examples, **options(loss=loss, weights=lambda labels: labels != 1))  # -1 or NaN at the padding
    assert same(model.parameters(), before)


@pytest.mark.parametrize("batch_size", [1, 3])
@pytest.mark.parametrize(
    ("model", "empty", "full"),
    [(tagger, ([], []), ([1, 2], [0, 3])), (language_model, ([4],), ([1, 2, 3],)), (language_model, ([],), ([1, 2],))],
)
def test_whether_an_empty_example_is_legal_does_not_depend_on_its_batch(model, empty, full, batch_size):
    expected, trained = model(), model()
    fit(expected, [full, full], **options(loss=cross_entropy, batch_size=batch_size, epochs=2))
    fit(trained, [full, empty, full], **options(loss=cross_entropy, batch_size=batch_size, epochs=2))
    for path, values in trained.parameters().items():  # an empty example changes nothing
        np.testing.assert_allclose(values, expected.parameters()[path], atol=1e-12)


def own_loss(logits, targets, *, lengths=None):
    return binary_cross_entropy(logits, targets, lengths=lengths)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        (
            {"loss": lambda logits, labels: own_loss(logits, labels * 1)},
            TypeError,
            ".*'lengths'. Its arguments are logits",
        ),
        ({"loss": own_loss, "weights": lambda y: y + 1}, TypeError, "own_loss: .*'weights'"),
        (
            {"loss": lambda z, y, lengths: own_loss(z, y, lengths=lengths)[0]},
            TypeError,
            r"the result of loss must be \(loss, d_logits\)",
        ),
        ({"weights": lambda _: None}, TypeError, "the result of weights must be an array of weights, got None"),
        ({"weights": lambda labels: [1, 2][labels]}, TypeError, "only integer scalar arrays"),
    ],
)
def test_functions_of_another_form_are_named(changes, error, message):
    with pytest.raises(error, match=f"^fit, epoch 1, batch 1(: |, the function weights: ){message}"):
        fit(classifier(), EXAMPLES, **options(**changes))


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ((0.5, None), "d_logits must be the gradient of the loss, got None"),
        (("a", np.ones(1)), "the loss must be a number, got 'a'"),
        ((10**400, np.ones(1)), r"the loss must be a number, got 10\^400"),
        (([0.5], np.ones(1)), r"the loss must be a number, got \[0.5\]"),
    ],
)
def test_a_result_of_a_loss_that_can_not_be_used_is_named(result, message):
    with pytest.raises(TypeError, match=f"^fit, epoch 1, batch 1: {message}"):
        fit(classifier(), EXAMPLES, **options(loss=lambda *_, **__: result))


def test_a_model_that_diverged_is_not_an_example_s_fault():
    model = vector_reader()
    model.head.W_hy[...] = 1e200
    examples = [(np.ones((3, 2)), 1.0), (np.ones((2, 2)), 2.0)]
    with pytest.raises(ValueError, match=r"^fit, epoch 1, batch 1: mean_squared_error: the loss must be .*, got inf"):
        fit(model, examples, **options(loss=mean_squared_error))


def unreadable(*_, **__):
    raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "an error with arguments of its own kind")


@pytest.mark.parametrize("function", [fit, train])
@pytest.mark.parametrize(
    ("model", "examples", "changes", "error", "message"),
    [
        (classifier, [], {}, ValueError, "examples must be .*, got an empty list"),
        (classifier, {"a": 1}, {}, TypeError, "examples must be a list of tuples .*, got {'a': 1}"),
        (classifier, [([1], 0), np.array([1])], {}, TypeError, r"examples\[1\] must be a tuple \(inputs, label\), got an array"),
        (decoder, [([1], 0)], {}, TypeError, r"examples\[0\] must be a tuple \(tokens,\), got \(\[1\], 0\)"),
        (lambda: RNN(2, 3), EXAMPLES, {}, TypeError, "model must be .*, got RNN"),
        (classifier, EXAMPLES, {"epochs": 0}, ValueError, "epochs must be at least 1.*, got 0"),
        (classifier, EXAMPLES, {"batch_size": 2.5}, TypeError, "batch_size must be an integer, got 2.5"),
        (classifier, EXAMPLES, {"clip": -1}, ValueError, "clip must be above 0, got -1"),
        (classifier, EXAMPLES, {"progress": "yes"}, TypeError, "progress must be .*, got 'yes'"),
        (classifier, EXAMPLES, {"weights": [1.0, 2.0]}, TypeError, r"weights must be a function .*, got \[1.0, 2.0\]"),
        (classifier, EXAMPLES, {"on_epoch": print}, TypeError, ".*'on_epoch'"),
        (classifier, EXAMPLES, {"class_weight": [1, 2]}, TypeError, ".*'class_weight'.*weights=lambda targets"),
        (classifier, EXAMPLES, {"lr": 3}, TypeError, ".*'lr'. Pass it to the optimiser"),
        (classifier, EXAMPLES, {"patience": 3}, TypeError, ".*'patience'.*for row in train"),
    ],
)  # fmt: skip
def test_bad_arguments_are_refused_at_the_call(function, model, examples, changes, error, message):
    with pytest.raises(error, match=f"^{function.__name__}: {message}"):
        function(model(), examples, **options(**changes))  # `train` raises here, not at its first row


@pytest.mark.parametrize(
    ("examples", "changes", "error", "message"),
    [
        ([([1, V], 1)], {}, IndexError, r"examples\[0\]: ManyToOne.forward: inputs must be .*, got 6 at index \(0, 1\)"),
        ([([1], 3)], {}, ValueError, "binary_cross_entropy: labels must be from 0 to 1, got 3"),
        ([([1], [1, 2]), ([1], 3)], {}, ValueError, "ManyToOne.batch: labels must be a rectangular array"),
        ([([1], 1)], {"loss": unreadable}, ValueError, "'utf-8' codec"),
        ([([1], 1)], {"loss": lambda *_, **__: list("abc")[5]}, IndexError, "list index"),
        ([([1], 1)], {"weights": lambda _: [1.0, 2.0]}, ValueError, r"weights must be .*, got shape \(2,\)"),
    ],
)  # fmt: skip
def test_an_error_in_a_batch_says_where_it_happened(examples, changes, error, message):
    for name in ("fit", "train"):
        with pytest.raises(error, match=rf"^{name}, epoch 1, batch 1[,:] .*{message}"):
            rows_of(name, classifier(), examples, **changes)


@pytest.mark.parametrize("name", ["fit_stream", "train_stream"])
@pytest.mark.parametrize(
    ("model", "chunks", "changes", "error", "message"),
    [
        (decoder, [[1, 2]], {}, ValueError, ": model must be a Decoder without .*, got bos_idx=2"),
        (classifier, [[1, 2]], {}, TypeError, ": model must be a Decoder, got ManyToOne"),
        (language_model, 5, {}, TypeError, ": chunks must be an iterable, got 5"),
        (language_model, np.ones((32, 101), int), {}, TypeError, r": chunks must be .*, got an array .*\(32, 101\).*\[ids\]"),
        (language_model, [[1]], {}, ValueError, ": chunks must be a stream of at least two tokens, got fewer"),
        (language_model, [1, 2, 3], {}, ValueError, r": chunks\[0\] must be .*, got shape \(\).*\[ids\]"),
        (language_model, [np.ones((0, 5), int)], {}, ValueError, r": chunks\[0\] must be an array with lanes, got none"),
        (language_model, [[0.5]], {}, TypeError, r": chunks\[0\] must be .*integers.*, got an array of float64"),
        (language_model, [[1, 2, 3, 4], [[1, 2]]], {}, ValueError, r": chunks\[1\] must be .*, got shape \(1, 2\)"),
        (language_model, [[1, 2, 3, 4, 5, 1, V]], {}, IndexError, r": chunks\[0\] must be .*, got 6 at index 6"),
        (language_model, [[1, 2]], {"clip": 0}, ValueError, ": clip must be above 0, got 0"),
        (language_model, [[1, 2]], {"window": 0}, ValueError, ": window must be at least 1.*, got 0"),
        (language_model, [[1, 2]], {"optimizer": "Adam"}, TypeError, ": optimizer must be .*, got 'Adam'"),
        (language_model, [[1, 2]], {"report_every": 4}, TypeError, ": .*'report_every'"),
    ],
)  # fmt: skip
def test_bad_streams_are_refused(name, model, chunks, changes, error, message):
    with pytest.raises(error, match=f"^{name}{message}"):
        rows_of(name, model(), chunks, **changes)


@pytest.mark.parametrize(("function", "generator"), [(fit, train), (fit_stream, train_stream)])
def test_help_shows_the_arguments_of_the_generator_and_a_list_as_the_result(function, generator):
    shown, expected = inspect.signature(function), inspect.signature(generator)
    assert shown.parameters == expected.parameters
    assert (shown.return_annotation, expected.return_annotation) == ("list[Row]", "Iterator[Row]")
