"""`fit` is a loop around five lines, `fit_stream` carries the state and cuts the gradient, and both stop in time."""

import builtins
import sys
import tracemalloc
from itertools import islice, repeat

import numpy as np
import pytest

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
)

V, H = 6, 5


def sentences(rng, count=20):
    return [rng.integers(0, V, rng.integers(1, 7)) for _ in range(count)]


def classifier(seed=0):
    rng = np.random.default_rng(seed)
    return ManyToOne(RNN(3, H, rng=rng), ManyToOneHead(H, 1, rng=rng), embedding=Embedding(V, 3, rng=rng))


def decoder(seed=0, **specials):
    rng = np.random.default_rng(seed)
    return Decoder(RNN(3, H, rng=rng), ManyToManyHead(H, V, rng=rng), Embedding(V, 3, rng=rng), **specials)


def language_model(seed=0):
    return decoder(seed, bos_idx=None, eos_idx=None)


def weights(model):
    return {path: values.copy() for path, values in model.parameters().items()}


def same(one, other):
    return one.keys() == other.keys() and all(np.array_equal(values, other[path]) for path, values in one.items())


def test_fit_is_a_loop_around_the_five_lines():
    rng = np.random.default_rng(0)
    examples = [(tokens, int(tokens.sum() % 2)) for tokens in sentences(rng)]
    one, other = classifier(), classifier()
    history = fit(
        one, examples, loss=binary_cross_entropy, optimizer=Adam(0.01), epochs=3, batch_size=8, clip=0.1, rng=5
    )

    optimizer, shuffle, rows = Adam(0.01), np.random.default_rng(5), []
    for epoch in (1, 2, 3):
        order = shuffle.permutation(20)
        total, norms = 0.0, []
        for chosen in (order[:8], order[8:16], order[16:]):
            tokens, lengths = pad_sequences([examples[i][0] for i in chosen])
            labels = np.array([examples[i][1] for i in chosen])
            run = other.forward(tokens, lengths)
            loss, d_logits = binary_cross_entropy(run.logits, labels)
            gradients = run.backward(d_logits).d_parameters
            norms.append(clip_grad_norm(gradients, 0.1))
            optimizer.step(other.parameters(), gradients)
            total += loss * len(chosen)
        rows.append({"epoch": epoch, "loss": total / 20, "gradient_norm": np.mean(norms)})
    assert same(one.parameters(), other.parameters())
    assert history == rows
    assert min(norms) > 0.1  # or clipping has not been seen


def test_the_same_seed_trains_bit_for_bit_the_same():
    examples = [(tokens, tokens) for tokens in sentences(np.random.default_rng(1))]

    def train(seed):
        rng = np.random.default_rng(seed)
        model = EncoderDecoder(RNN(3, H, rng=rng), decoder(seed), embedding=Embedding(V, 3, rng=rng))
        history = fit(
            model, examples, loss=cross_entropy, optimizer=SGD(0.1, momentum=0.9), epochs=2, batch_size=4, rng=rng
        )
        return weights(model), history

    assert same(train(3)[0], train(3)[0])
    assert train(3)[1] == train(3)[1]
    assert not same(train(3)[0], train(4)[0])


def test_every_model_learns_what_can_be_learned():
    """Each task is settled by its inputs, so the loss must come near to 0."""
    rng = np.random.default_rng(2)
    tokens = sentences(rng, 12)
    kinds = {"rng": rng}

    def parts(head):
        return RNN(4, 16, **kinds), head

    table = {"embedding": Embedding(V, 4, **kinds)}
    vectors = rng.standard_normal((12, 5, 4))
    writer = Decoder(*parts(ManyToManyHead(16, V, **kinds)), Embedding(V, 4, **kinds))
    tasks = [
        (
            ManyToOne(*parts(ManyToOneHead(16, 1, **kinds)), **table),
            [(t, t[0] % 2) for t in tokens],
            binary_cross_entropy,
        ),
        (ManyToOne(*parts(ManyToOneHead(16, 3, **kinds)), **table), [(t, t[-1] % 3) for t in tokens], cross_entropy),
        (ManyToOne(*parts(ManyToOneHead(16, 2, **kinds))), [(v, v[-1, :2] / 3) for v in vectors], mean_squared_error),
        (ManyToMany(*parts(ManyToManyHead(16, 2, **kinds)), **table), [(t, t % 2) for t in tokens], cross_entropy),
        (writer, [([4, 5, 4],), ([4, 5, 4],)], cross_entropy),
        (OneToMany(4, writer, **kinds), [(v[0], t[:3]) for v, t in zip(vectors, tokens, strict=True)], cross_entropy),
        (EncoderDecoder(RNN(4, 16, **kinds), writer, **table), [(t, t[-1:]) for t in tokens], cross_entropy),
    ]
    for model, examples, loss in tasks:
        history = fit(model, examples, loss=loss, optimizer=Adam(0.02), epochs=150, batch_size=6, clip=1.0, rng=rng)
        assert history[-1]["loss"] < 0.03 < history[0]["loss"], type(model).__name__


def test_history_and_on_epoch():
    examples = [(tokens, 1) for tokens in sentences(np.random.default_rng(3))]
    model, seen = classifier(), []

    def on_epoch(epoch):
        seen.append((epoch, weights(model)))
        return {"accuracy": epoch / 10} if epoch < 3 else None

    history = fit(
        model,
        examples,
        loss=binary_cross_entropy,
        optimizer=SGD(0.1),
        epochs=3,
        batch_size=64,
        rng=0,
        on_epoch=on_epoch,
    )
    assert [list(row) for row in history] == [["epoch", "loss", "gradient_norm", "accuracy"]] * 2 + [
        ["epoch", "loss", "gradient_norm"]
    ]
    assert [row["epoch"] for row in history] == [epoch for epoch, _ in seen] == [1, 2, 3]
    assert history[1]["accuracy"] == 0.2
    assert same(seen[-1][1], model.parameters())
    assert not same(seen[0][1], seen[1][1])


def test_progress_shows_a_bar_where_tqdm_is_and_nothing_where_it_is_not(capsys, monkeypatch):
    examples = [(tokens, 1) for tokens in sentences(np.random.default_rng(3))]
    arguments = {"loss": binary_cross_entropy, "optimizer": SGD(0.1), "epochs": 2, "batch_size": 64, "rng": 0}
    bars = []

    class Bar:
        def __init__(self, **options):
            bars.append(self)
            self.options, self.done, self.shown, self.closed = options, 0, [], False

        def update(self):
            self.done += 1

        def set_postfix(self, **values):
            self.shown.append(values)

        def close(self):
            self.closed = True

    monkeypatch.setitem(sys.modules, "tqdm", type(sys)("tqdm"))
    auto = type(sys)("tqdm.auto")
    auto.tqdm = Bar
    monkeypatch.setitem(sys.modules, "tqdm.auto", auto)
    history = fit(classifier(), examples, progress=True, **arguments)
    (bar,) = bars
    assert (bar.options["total"], bar.done, bar.closed) == (2, 2, True)
    assert bar.shown == [{"loss": row["loss"]} for row in history]
    real_import = builtins.__import__

    def without_tqdm(name, *rest):
        if name.startswith("tqdm"):
            raise ImportError(name)
        return real_import(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_tqdm)
    assert fit(classifier(), examples, progress=True, **(arguments | {"optimizer": SGD(0.1)})) == history
    assert capsys.readouterr() == ("", "")


def explodes_in_batch(number):
    """A loss that is right until its n-th call."""
    calls = []

    def loss(logits, targets, *, lengths=None):
        value, d_logits = binary_cross_entropy(logits, targets, lengths=lengths)
        calls.append(1)
        return (float("nan") if len(calls) == number else value), d_logits

    return loss


def spoils_in_batch(number):
    """A loss whose gradient is right until its n-th call."""
    calls = []

    def loss(logits, targets, *, lengths=None):
        value, d_logits = binary_cross_entropy(logits, targets, lengths=lengths)
        calls.append(1)
        return value, d_logits * (1e308 if len(calls) == number else 1.0) * 1e10 ** (len(calls) == number)

    return loss


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (explodes_in_batch(5), "^fit, epoch 2, batch 2: training: the loss must be a finite number, got nan"),
        (spoils_in_batch(5), "^fit, epoch 2, batch 2: .* must be finite numbers .*got (nan|inf|-inf) at index"),
    ],
)
@pytest.mark.filterwarnings("ignore:overflow")  # of the spoiled gradient itself
def test_what_is_not_finite_stops_training_and_leaves_the_last_finite_weights(loss, message):
    examples = [(tokens, 1) for tokens in sentences(np.random.default_rng(4), 9)]
    arguments = {"optimizer": SGD(0.1), "epochs": 3, "batch_size": 3, "rng": 0}  # three batches an epoch
    undisturbed, before_each_batch = classifier(), []

    def watched(logits, targets, *, lengths=None):
        before_each_batch.append(weights(undisturbed))
        return binary_cross_entropy(logits, targets, lengths=lengths)

    fit(undisturbed, examples, loss=watched, **arguments)
    stopped = classifier()
    with pytest.raises(ValueError, match=message):
        fit(stopped, examples, loss=loss, **arguments)
    assert same(stopped.parameters(), before_each_batch[4])  # of the fifth
    assert not same(stopped.parameters(), before_each_batch[3])


def test_weights_that_diverge_stop_training_with_the_parameter_s_name():
    rng = np.random.default_rng(5)
    model = ManyToOne(RNN(1, 2, rng=rng), ManyToOneHead(2, 1, rng=rng))
    examples = [(rng.standard_normal((3, 1)), 1.0) for _ in range(8)]
    with pytest.raises(ValueError, match=r"^fit, epoch \d+, batch \d: .*(head|rnn|loss|\by\b)"):
        fit(model, examples, loss=mean_squared_error, optimizer=SGD(1e6), epochs=200, batch_size=4, rng=0)
    for path, values in model.parameters().items():
        assert np.isfinite(values).all(), path


def test_fit_stream_carries_the_state_and_cuts_the_gradient():
    text = np.random.default_rng(6).integers(0, V, 23)
    one, other = language_model(), language_model()
    history = fit_stream(
        one, [text[:4], text[4:15], text[15:]], loss=cross_entropy, optimizer=SGD(0.5), window=5, clip=0.3
    )

    optimizer, h, rows = SGD(0.5), None, []
    for number, start in enumerate(range(0, 22, 5), start=1):
        run = other.forward(text[start : start + 6], h_0=h)
        loss, d_logits = cross_entropy(run.logits, run.targets)
        gradients = run.backward(d_logits).d_parameters
        rows.append({"window": number, "loss": loss, "gradient_norm": clip_grad_norm(gradients, 0.3)})
        optimizer.step(other.parameters(), gradients)
        h = run.h_n
    assert same(one.parameters(), other.parameters())
    assert history == rows
    assert len(rows) == 5


def test_fit_stream_of_lanes_and_reports():
    text = np.random.default_rng(7).integers(0, V, (3, 41))
    whole, pieces = language_model(), language_model()
    seen = []
    one = fit_stream(whole, [text], loss=cross_entropy, optimizer=Adam(), window=4)
    two = fit_stream(
        pieces,
        iter(np.split(text, [1, 9, 30], axis=1)),
        loss=cross_entropy,
        optimizer=Adam(),
        window=4,
        report_every=4,
        on_report=lambda window: seen.append(window) or {"note": window},
    )
    assert same(whole.parameters(), pieces.parameters())
    assert [row["window"] for row in one] == list(range(1, 11))
    assert [row["window"] for row in two] == [row["note"] for row in two] == seen == [4, 8, 10]
    for row, of in zip(two, (one[:4], one[4:8], one[8:]), strict=True):
        assert row["loss"] == pytest.approx(np.mean([window["loss"] for window in of]))
        assert row["gradient_norm"] == pytest.approx(np.mean([window["gradient_norm"] for window in of]))


def test_fit_stream_needs_less_memory_than_the_stream():
    piece, pieces = np.random.default_rng(8).integers(0, V, 400), 100
    tracemalloc.start()
    fit_stream(
        language_model(),
        islice(repeat(piece), pieces),
        loss=cross_entropy,
        optimizer=SGD(0.1),
        window=20,
        report_every=10**6,
    )
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.6 * pieces * piece.nbytes


def test_fit_stream_of_chunks_in_one_memory():
    text = np.random.default_rng(9).integers(0, V, 42)
    one, other, memory = language_model(), language_model(), np.empty(7, np.int64)

    def refilled():
        for start in range(0, 42, 7):
            memory[:] = text[start : start + 7]
            yield memory

    for model, chunks in ((one, [text]), (other, refilled())):
        fit_stream(model, chunks, loss=cross_entropy, optimizer=SGD(0.5), window=4)
    assert same(one.parameters(), other.parameters())


def test_fit_stream_reads_a_chunk_when_it_is_needed():
    read = []

    def chunks():
        for number in range(4):
            read.append(number)
            yield np.arange(5) % V

    fit_stream(
        language_model(),
        chunks(),
        loss=cross_entropy,
        optimizer=SGD(0.1),
        window=5,
        on_report=lambda window: read.append(f"w{window}"),
    )
    assert read == [0, 1, "w1", 2, "w2", 3, "w3", "w4"]


def unreadable(*_, **__):
    raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "of its own kind")


GOOD = [(np.array([1, 2]), 1)]
OPTIONS = {"loss": binary_cross_entropy, "optimizer": SGD(0.1), "epochs": 1, "batch_size": 2, "rng": 0}
STREAM = {"loss": cross_entropy, "optimizer": SGD(0.1), "window": 3}


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: fit(classifier(), [], **OPTIONS),
            ValueError,
            r"examples must be a list of at least one of the tuples of \(inputs, label\), got an empty",
        ),
        (lambda: fit(classifier(), {"a": 1}, **OPTIONS), TypeError, "examples must be a list of tuples"),
        (
            lambda: fit(classifier(), [*GOOD, np.array([1])], **OPTIONS),
            TypeError,
            r"examples\[1\] must be one of the tuples of \(inputs, label\), got array",
        ),
        (lambda: fit(decoder(), GOOD, **OPTIONS), TypeError, r"examples\[0\] must be one of the tuples of \(tokens,\)"),
        (lambda: fit(classifier(), GOOD, **(OPTIONS | {"epochs": 0})), ValueError, "epochs must be at least 1"),
        (
            lambda: fit(classifier(), GOOD, **(OPTIONS | {"batch_size": 2.5})),
            TypeError,
            "batch_size must be a whole number",
        ),
        (
            lambda: fit(classifier(), GOOD, **(OPTIONS | {"clip": -1})),
            ValueError,
            "fit: clip must be above 0.0, got -1",
        ),
        (
            lambda: fit(classifier(), [(np.array([1, V]), 1)], **OPTIONS),
            IndexError,
            r"fit, epoch 1, batch 1: .*got 6 at index \(0, 1\)",
        ),
        (
            lambda: fit(classifier(), [(np.array([1]), 3)], **OPTIONS),
            ValueError,
            "fit, epoch 1, batch 1: .*labels must be from 0 to 1, got 3",
        ),
        (
            lambda: fit(classifier(), [(np.array([1]), [1, 2]), (np.array([1]), 3)], **OPTIONS),
            ValueError,
            "labels must be a rectangular array",
        ),
        (
            lambda: fit_stream(decoder(), [[1, 2]], **STREAM),
            ValueError,
            "model must be made with bos_idx=None, eos_idx=None, got bos_idx=2",
        ),
        (lambda: fit_stream(classifier(), [[1, 2]], **STREAM), TypeError, "model must be made by Decoder"),
        (
            lambda: fit_stream(language_model(), [], **STREAM),
            ValueError,
            "chunks must be a stream of at least two tokens, got fewer",
        ),
        (
            lambda: fit_stream(language_model(), [[1]], **STREAM),
            ValueError,
            "chunks must be a stream of at least two tokens, got fewer",
        ),
        (
            lambda: fit_stream(language_model(), [[1, 2, 3, 4], [[1, 2]]], **STREAM),
            ValueError,
            "chunk 1 must be .*lanes of the chunk before",
        ),
        (lambda: fit_stream(language_model(), [[0.5]], **STREAM), TypeError, "chunk 0 must be .*whole numbers"),
        (lambda: fit_stream(language_model(), [[[[1]]]], **STREAM), ValueError, "chunk 0 must be .*got 3 axes"),
        (
            lambda: fit_stream(language_model(), [[1, 2, 3, 4, 5, V]], **STREAM),
            IndexError,
            "fit_stream, window 2: .*targets must be from 0 to 5.*got 6",
        ),
        (
            lambda: fit_stream(language_model(), [[1, 2]], **STREAM, clip=0),
            ValueError,
            "fit_stream: clip must be above 0.0, got 0",
        ),
        (lambda: fit_stream(language_model(), 5, **STREAM), TypeError, "chunks must be an iterable, got 5"),
        (
            lambda: fit_stream(language_model(), np.arange(5), **STREAM),
            ValueError,
            r"chunk 0 must be .*got 0 axes.*\[ids\]",
        ),
        (
            lambda: fit_stream(language_model(), [[1, 2]], **STREAM, on_report=float),
            TypeError,
            "what on_report returns must be a dict or None",
        ),
        (
            lambda: fit(classifier(), GOOD, **OPTIONS, on_epoch=float),
            TypeError,
            "what on_epoch returns must be a dict or None, got 1.0",
        ),
        (
            lambda: fit(classifier(), [(np.array([1]), "one")], **OPTIONS),
            TypeError,
            "fit, epoch 1, batch 1: .*labels must be an array of numbers",
        ),
        (
            lambda: fit(classifier(), GOOD, **(OPTIONS | {"loss": unreadable})),
            ValueError,
            "fit, epoch 1, batch 1: 'utf-8' codec",
        ),
        (
            lambda: fit_stream(language_model(), [[1, 2]], **(STREAM | {"window": 0})),
            ValueError,
            "window must be at least 1",
        ),
        (
            lambda: fit_stream(language_model(), [[1, 2]], **(STREAM | {"report_every": 0})),
            ValueError,
            "report_every must be at least 1",
        ),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()
