"""The chapter's claims: ``docs/claims.md`` has a row for each, which names the test that checks it.

A test whose rows contain figures takes them as ``figures`` and compares all of them with what it measures.
"""

import ast
import inspect
import math
import re
from pathlib import Path

import numpy as np
import pytest

from needed import needed
from vanilla_rnn import (
    RNN,
    Adam,
    Decoder,
    Embedding,
    EncoderDecoder,
    ManyToMany,
    ManyToManyHead,
    ManyToOne,
    ManyToOneHead,
    OneToMany,
    RNNCell,
    Vocab,
    binary_cross_entropy,
    fit,
    gradient_flow,
    memory_span,
    sigmoid,
    spectral_radius,
    to_torch_state_dict,
    tokenize,
    worked_example,
)
from vanilla_rnn.inspection.flow import jacobian_norms_to_end

TESTS = Path(__file__).parent
CLAIMS = (TESTS.parent / "docs" / "claims.md").read_text("utf-8")
ROWS = [line.split(" | ") for line in re.findall(r"^\| (\d+ \| .*) \|$", CLAIMS, re.MULTILINE)]
NUMBER = re.compile(r"(?<![\w\[.^])-?\d+(?:,\d{3})*(?:\.\d+)?(?:e-?\d+|\^\d+)?")


def figures_of(test):
    """All numbers in the column "measured" of the rows that name a test."""
    return [number for row in ROWS if f"`{test}`" in row[-1] for number in NUMBER.findall(row[2])]


@pytest.fixture
def figures(request):
    return figures_of(request.node.originalname)


def test_every_claim_has_a_test_and_every_test_a_claim():
    tests = set()
    for path in TESTS.glob("test_*.py"):
        tests |= set(re.findall(r"^def (test_\w+)", path.read_text("utf-8"), re.MULTILINE))
    assert [int(row[0]) for row in ROWS] == list(range(1, len(ROWS) + 1))
    assert len(ROWS) == CLAIMS.split("## What is learned")[0].count("\n| ") - CLAIMS.count("\n| # |") >= 30
    named = [set(re.findall(r"`(test_\w+)`", row[-1])) for row in ROWS]
    assert all(named)
    assert set().union(*named) <= tests
    here = {name for name in globals() if name.startswith("test_")}
    assert here - set().union(*named) == {
        "test_every_claim_has_a_test_and_every_test_a_claim",
        "test_every_figure_is_compared",
    }


def test_every_figure_is_compared():
    comparing = [
        name
        for name, test in globals().items()
        if name[:5] == "test_" and "figures" in inspect.signature(test).parameters
    ]
    for row in ROWS:
        if NUMBER.search(row[2]):
            assert any(f"`{test}`" in row[-1] for test in comparing), row[0]
    for test in comparing:
        assert figures_of(test), test


# --- why sequences need a memory


def reader(*sentences):
    """A function from text to vectors with the vocabulary of these sentences, and a network, both random."""
    vocab = Vocab.from_texts(sentences, specials=())
    embedding, rnn = Embedding(len(vocab), 3, rng=0), RNN(3, 4, rng=1)
    return lambda text: embedding(vocab.encode(tokenize(text))), rnn


@pytest.fixture
def rnn():
    return RNN(3, 4, rng=1)


def random_x(*shape):
    return np.random.default_rng(0).standard_normal(shape)


def test_without_a_memory_a_word_is_always_the_same(figures):
    river, savings = "The river bank is steep", "The savings bank is closed"
    vectors, rnn = reader(river, savings)
    feedforward = ManyToManyHead(3, 2, rng=0)  # it reads each word's vector alone
    answers = [feedforward(vectors(text), np.zeros((1, 3)))[2] for text in (river, savings)]
    np.testing.assert_array_equal(*answers)
    states = [rnn(vectors(text))[0][2] for text in (river, savings)]
    assert figures == [f"{np.abs(states[0] - states[1]).max():.3f}"]


def test_the_same_input_twice_gives_the_same_answer_unless_something_is_remembered(rnn):
    x = random_x(5, 3)
    first, h_n = rnn(x)
    np.testing.assert_array_equal(rnn(x)[0], first)
    assert np.abs(rnn(x, h_0=h_n)[0] - first).max() > 0.01


def test_order_carries_information():
    vectors, rnn = reader("Dog bites man", "man bites Dog")
    one, other = vectors("Dog bites man"), vectors("man bites Dog")
    np.testing.assert_allclose(one.sum(axis=0), other.sum(axis=0))
    assert np.abs(rnn(one)[1] - rnn(other)[1]).max() > 0.01


def test_one_network_reads_sequences_of_any_length(rnn, figures):
    x, lengths = random_x(100_000, 3), (4, 40, 280, 10_000, 100_000)
    for words in lengths:
        output, h_n = rnn(x[:words])
        assert output.shape == (words, 4)
        np.testing.assert_array_equal(output[-1:], h_n)
        assert np.isfinite(output).all()
    assert figures == [f"{words:,}" for words in lengths]


def test_a_fixed_size_network_can_not(figures):
    words, others = 4, 5
    W = np.ones((2, words * 3))  # for words of 3 numbers
    assert (W @ np.ones((words, 3)).ravel()).shape == (2,)
    with pytest.raises(ValueError, match="mismatch"):
        W @ np.ones((others, 3)).ravel()
    assert figures == [str(words), str(others)]


def test_an_element_far_away_influences_a_later_one(figures):
    text = "The cat , which sat on the mat ,"
    vectors, rnn = reader(text, "cats mats")
    run = rnn.forward(vectors(text))
    assert np.abs(rnn(vectors(text.replace("cat", "cats")))[1] - run.h_n).max() > 0
    flow = gradient_flow(run, d_h_n=run.h_n / np.linalg.norm(run.h_n))
    cat, mat = flow.d_h[0, 1], flow.d_h[0, 7]
    assert 0 < cat < mat / 10  # before training, "mat" has more influence
    assert figures == [f"{cat:.1g}", f"{mat:.2f}"]


# --- the recurrence


def test_the_new_state_is_the_next_step_s_input(rnn):
    (row,) = rnn.forward(random_x(6, 3)).read(0)
    np.testing.assert_array_equal(row.h_prev[1:], row.h[:-1])
    assert not row.h_prev[0].any()


def test_the_state_is_all_that_is_kept_of_the_past(rnn, figures):
    """Nothing that follows can distinguish two histories that end in the same state."""
    x, tolerance = random_x(9, 3), 1e-14
    output, _ = rnn(x)
    np.testing.assert_allclose(rnn(x[4:], h_0=output[3:4])[0], output[4:], rtol=0, atol=tolerance)
    assert figures == [f"{tolerance:.0e}"]


def test_unrolled_it_is_one_cell_applied_again_and_again(rnn, figures):
    x, h, tolerance = random_x(4, 3), np.zeros(4), 1e-15
    for x_t, expected in zip(x, rnn(x)[0], strict=True):
        h = rnn.cells[0](x_t, h)
        np.testing.assert_allclose(h, expected, rtol=0, atol=tolerance)
    assert figures == [f"{tolerance:.0e}"]


def test_a_step_combines_and_squashes():
    cell, rng = RNNCell(3, 4, rng=0), np.random.default_rng(0)
    x_t, h_prev = rng.standard_normal(3), rng.uniform(-1, 1, 4)
    run = cell.forward(x_t, h_prev)
    np.testing.assert_allclose(run.a, cell.W_xh @ x_t + cell.W_hh @ h_prev + cell.b_h)
    np.testing.assert_allclose(run.h, [math.tanh(a) for a in run.a])  # each number by itself


def test_an_output_can_be_read_at_each_step_or_at_the_last(rnn):
    W_hy, b_y = random_x(2, 4), [0.1, -0.2]
    output, h_n = rnn(random_x(5, 3))
    each, last = (head.from_weights(W_hy, b_y)(output, h_n) for head in (ManyToManyHead, ManyToOneHead))
    np.testing.assert_allclose(each, output @ W_hy.T + b_y)
    np.testing.assert_allclose(last, each[-1])


def test_the_shapes_of_the_symbols():
    input_size, hidden_size, output_size = 2, 3, 5
    cell, head = RNNCell(input_size, hidden_size, rng=0), ManyToManyHead(hidden_size, output_size, rng=0)
    assert {name: values.shape for name, values in (cell.parameters() | head.parameters()).items()} == {
        "W_xh": (hidden_size, input_size),
        "W_hh": (hidden_size, hidden_size),
        "b_h": (hidden_size,),
        "W_hy": (output_size, hidden_size),
        "b_y": (output_size,),
    }
    run = cell.forward(np.zeros(input_size))
    assert (run.x.shape, run.h_prev.shape, run.h.shape) == ((input_size,), (hidden_size,), (hidden_size,))


def test_tanh_prevents_unbounded_growth(figures):
    size, weight, steps = 100, 2, 50
    largest = np.abs(RNN(2, 3, rng=0)(size * random_x(50, 2))[0]).max()
    assert largest == 1.0  # not below it: in floating point tanh(20) is 1
    grown = RNN.from_cells([RNNCell.from_weights([[1.0]], [[float(weight)]], nonlinearity="relu")])
    assert grown(np.ones((steps, 1)))[1] == 2**50 - 1
    assert figures == [str(size), f"{largest:.0f}", str(weight), "2^50", "1", str(steps)]


# --- weight sharing


def test_the_number_of_parameters_does_not_grow_with_the_sequence(figures):
    input_size, hidden_size = 8, 16
    rnn, counts = RNN(input_size, hidden_size, rng=0), set()
    for words in (5, 100):
        gradients = rnn.forward(random_x(words, input_size)).backward(d_h_n=np.ones((1, hidden_size)))
        counts.add(sum(values.size for values in gradients.d_parameters.values()))
    assert figures == [*map(str, counts), str(input_size), str(hidden_size)]


FILLERS = ["so", "well", "now", "then"]
MOODS = Vocab([*FILLERS, "good", "bad", "not"], specials=())


def moods(count, places, after, rng):
    """Sentences with one word that is good or bad, "not" before it reverses it, and the other words mean nothing.

    ``places`` are those where the word can be, counted from 1; ``after`` is the number of words after it.
    """
    sentences = []
    for _ in range(count):
        place, good, negated = int(rng.choice(places)) - 1, bool(rng.integers(2)), bool(rng.integers(2))
        words = [FILLERS[i] for i in rng.integers(len(FILLERS), size=place + 1 + after)]
        words[place] = "good" if good else "bad"
        if negated:
            words[place - 1] = "not"
        sentences.append((MOODS.encode(words), good != negated))
    return sentences


def accuracy(model, sentences):
    return np.mean([(model(ids)[0] > 0) == positive for ids, positive in sentences])


def test_a_pattern_learned_at_one_place_transfers_to_others(figures):
    learned_places, new_places, bounds = [2, 3, 4], [7, 8, 9], (90, 80)
    at_new_places, with_more_after = [], []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        embedding = Embedding(len(MOODS), 4, rng=rng)
        model = ManyToOne(RNN(4, 12, rng=rng), ManyToOneHead(12, 1, rng=rng), embedding=embedding)
        learned = moods(300, learned_places, 2, rng)
        options = {"optimizer": Adam(2e-2), "epochs": 15, "batch_size": 32, "clip": 1.0, "rng": rng}
        fit(model, learned, loss=binary_cross_entropy, **options)
        assert accuracy(model, learned) >= 0.99
        at_new_places.append(accuracy(model, moods(300, new_places, 2, rng)))
        with_more_after.append(accuracy(model, moods(300, learned_places, 6, rng)))
    assert 100 * np.mean(at_new_places) >= bounds[0]
    assert 100 * np.mean(with_more_after) < bounds[1]
    assert figures == [str(figure) for figure in (*learned_places[::2], *new_places[::2], *bounds)]


# --- inside the cell


@pytest.fixture
def example():
    """The worked example's cell, its four words as vectors, and the run of a network that reads them."""
    cell = RNNCell.from_weights(worked_example.W_xh, worked_example.W_hh, worked_example.b_h)
    return cell, worked_example.EMBEDDINGS, RNN.from_cells([cell]).forward(worked_example.EMBEDDINGS)


def test_the_state_is_a_blend_of_what_is_seen_and_what_is_remembered(example):
    cell, x, run = example
    (row,) = run.read(0)
    from_input, from_memory = x @ cell.W_xh.T, row.h_prev @ cell.W_hh.T
    np.testing.assert_allclose(run.output, np.tanh(from_input + from_memory))
    assert np.abs(from_input[1:]).min() > 0
    assert np.abs(from_memory[1:]).min() > 0


def test_the_sizes_of_the_weights_control_the_balance(figures):
    """How much of a change of the first state, and of the last input, is left in the last state."""
    rng = np.random.default_rng(0)
    cell, x = RNNCell(3, 8, bias=False, rng=rng), 0.3 * rng.standard_normal((6, 3))
    larger, loud = 1.5, 8

    def left(W_hh_factor, W_xh_factor):
        scaled = RNNCell.from_weights(W_xh_factor * cell.W_xh, W_hh_factor * cell.W_hh)
        run = RNN.from_cells([scaled]).forward(x)
        (row,) = run.read(0)
        slope = 1 - run.output[-1] ** 2
        return jacobian_norms_to_end(row)[0], np.linalg.norm(slope[:, None] * scaled.W_xh, 2)

    memory, news = left(1, 1)
    more_memory, more_news = left(larger, 1)[0] / memory, left(1, larger)[1] / news
    assert more_memory > 2
    assert more_news > 1.2
    assert left(1, loud)[0] < memory / 5  # loud inputs saturate tanh, and the memory is lost
    assert figures == [f"{larger}", f"{more_memory:.1f}", f"{loud}", f"{larger}", f"{more_news:.2f}"]


def test_the_step_at_love(example, figures):
    cell, x, run = example
    from_input, from_memory = cell.W_xh @ x[1], cell.W_hh @ run.output[0]
    np.testing.assert_array_equal(np.tanh(from_input + from_memory).round(4), worked_example.PRINTED_STATES[1])
    np.testing.assert_allclose(from_input, from_input.round(2), atol=1e-12)
    assert figures == [f"{value:.2f}" for value in from_input] + [f"{value:.4f}" for value in from_memory]


def test_hidden_unit_1_jumps_at_love(example, figures):
    _, _, run = example
    assert figures == [f"{h:.4f}" for h in run.output[:2, 1]]


def test_it_answers_to_love_but_not_to_emotion_alone(example, figures):
    cell, x, run = example
    drive, (love, this) = (x @ cell.W_xh.T)[:, 1], (1, 2)
    assert drive.argmax() == love
    assert run.output[:, 1].argmax() == this
    assert figures == [f"{drive[love]:.2f}", f"{drive[this]:.2f}", f"{run.output[this, 1]:.4f}"]


def test_the_table_of_states(example):
    _, _, run = example
    np.testing.assert_array_equal(run.output.round(4), worked_example.PRINTED_STATES)


def test_each_state_carries_traces_of_all_words_before(example, figures):
    cell, x, run = example
    for word in range(4):
        moved = x.copy()
        moved[word] += 0.1
        assert np.abs(RNN.from_cells([cell])(moved)[1] - run.h_n).max() > 0
    d_x = np.array([run.backward(d_h_n=[one]).d_x for one in np.eye(3)])  # (hidden, word, input)
    assert figures == [f"{np.linalg.norm(d_x[:, word], 2):.3f}" for word in range(4)]


def from_scratch(W_xh, W_hh, b_h, x):
    """The chapter's one line, in its loop."""
    h, states = np.zeros(len(b_h)), []
    for x_t in x:
        h = np.tanh(W_xh @ x_t + W_hh @ h + b_h)
        states.append(h)
    return np.array(states)


def test_the_forward_pass_is_one_line_in_a_loop(figures):
    states = from_scratch(worked_example.W_xh, worked_example.W_hh, worked_example.b_h, worked_example.EMBEDDINGS)
    np.testing.assert_array_equal(states.round(4), worked_example.PRINTED_STATES)
    assert figures == [str(len(inspect.getsource(from_scratch).splitlines()))]


def test_this_goes_on_rising_and_movie_raises_unit_0(example, figures):
    _, _, run = example
    h = run.output
    assert h[2, 1] > h[1, 1] > h[0, 1]
    assert h[3, 0] > 5 * h[2, 0]
    assert figures == [f"{value:.4f}" for value in (h[1, 1], h[2, 1], h[2, 0], h[3, 0])]


def test_the_sentence_is_more_likely_positive(example, figures):
    _, _, run = example
    head = ManyToOneHead.from_weights(worked_example.W_hy, worked_example.b_y)
    (probability,) = sigmoid(head(run.output, run.h_n))
    assert figures == [f"{probability:.3f}"]


# --- the same in PyTorch


@pytest.mark.slow
def test_pytorch_computes_the_same(figures):
    torch, tolerance = needed("torch"), 1e-12
    rnn = RNN(3, 4, num_layers=2, rng=0)
    same_rnn = torch.nn.RNN(3, 4, num_layers=2, batch_first=True).double()
    same_rnn.load_state_dict({name: torch.from_numpy(values) for name, values in to_torch_state_dict(rnn).items()})
    x = random_x(5, 7, 3)
    with torch.no_grad():
        expected = [values.numpy() for values in same_rnn(torch.from_numpy(x))]
    for values, expected_values in zip(rnn(x), expected, strict=True):
        np.testing.assert_allclose(values, expected_values, rtol=0, atol=tolerance)
    assert figures == [f"{tolerance:.0e}"]


@pytest.mark.slow
def test_pytorch_makes_the_weights_and_takes_about_ten_lines(figures):
    torch = needed("torch")
    rnn = torch.nn.RNN(3, 4)
    assert {tuple(weight.shape) for weight in rnn.parameters()} == {(4, 3), (4, 4), (4,)}
    rnn(torch.zeros(7, 5, 3))[0].sum().backward()  # without a loop or a gradient of ours
    assert all(weight.grad is not None for weight in rnn.parameters())
    (example,) = (TESTS.parent / "examples").glob("11_*.py")
    source = example.read_text("utf-8")
    (classifier,) = [node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)]
    lines = ast.get_source_segment(source, classifier).splitlines()
    assert figures == ["11", str(sum(1 for line in lines if line.strip() and '"""' not in line))]


def test_pytorch_names_them_w_ih_and_has_two_biases(rnn):
    state = to_torch_state_dict(rnn)
    np.testing.assert_array_equal(state["weight_ih_l0"], rnn.cells[0].W_xh)
    np.testing.assert_array_equal(state["weight_hh_l0"], rnn.cells[0].W_hh)
    np.testing.assert_array_equal(state["bias_ih_l0"] + state["bias_hh_l0"], rnn.cells[0].b_h)


def test_here_batches_and_backpropagation_are_in_numpy(rnn):
    x, (cell,) = random_x(5, 7, 3), rnn.cells
    run = rnn.forward(x)
    for x_of_row, output in zip(x, run.output, strict=True):
        np.testing.assert_allclose(from_scratch(cell.W_xh, cell.W_hh, cell.b_h, x_of_row), output)
    assert run.backward(np.ones(run.output.shape)).d_x.shape == x.shape  # test_gradients.py checks its values


def test_output_has_every_step_and_h_n_the_last():
    batch, time, layers, hidden = 5, 7, 2, 4
    output, h_n = RNN(3, hidden, num_layers=layers, rng=0)(random_x(batch, time, 3))
    assert output.shape == (batch, time, hidden)
    assert h_n.shape == (layers, batch, hidden)
    np.testing.assert_array_equal(output[:, -1], h_n[-1])


def test_h_n_is_the_last_step_s_state_only_in_one_direction_and_without_padding():
    output, h_n = RNN(3, 4, bidirectional=True, rng=0)(random_x(2, 7, 3), lengths=[7, 5])
    np.testing.assert_array_equal(output[0, -1, :4], h_n[0, 0])
    np.testing.assert_array_equal(output[0, 0, 4:], h_n[1, 0])  # the reverse direction ends at the first step
    assert np.abs(output[0, -1, 4:] - h_n[1, 0]).max() > 0.01
    np.testing.assert_array_equal(output[1, 4, :4], h_n[0, 1])  # a shorter row ends earlier
    assert not output[1, 5:].any()


# --- the four tasks


def test_classification_reads_h_n_and_sequence_labelling_output():
    output, h_n = RNN(3, 4, num_layers=2, rng=0)(random_x(5, 7, 3))
    one, each = ManyToOneHead(4, 1, rng=0), ManyToManyHead(4, 1, rng=0)
    np.testing.assert_array_equal(one(np.zeros_like(output), h_n), one(output, h_n))
    np.testing.assert_array_equal(each(output, np.zeros_like(h_n)), each(output, h_n))


def test_many_to_one_reads_the_final_state_alone():
    """For a padded row this is the state after its own last step."""
    model = ManyToOne(RNN(3, 4, num_layers=2, rng=0), ManyToOneHead(4, 1, rng=0))
    run = model.forward(random_x(5, 7, 3), lengths=[7, 1, 4, 2, 7])
    assert run.logits.shape == (5, 1)
    np.testing.assert_allclose(run.logits, run.rnn_run.last @ model.head.W_hy.T + model.head.b_y)
    _, d_h_n, _ = run.head_run.backward(np.ones((5, 1)))
    assert not d_h_n[0].any()  # nor does it read the layer below


@pytest.fixture
def decoder():
    rng = np.random.default_rng(0)
    parts = RNN(2, 3, rng=rng), ManyToManyHead(3, 9, rng=rng), Embedding(9, 2, rng=rng)
    return Decoder(*parts, bos_idx=2, eos_idx=3)


def test_one_to_many_begins_with_the_input_and_answers_at_every_step(decoder):
    model, contexts = OneToMany(4, decoder, rng=0), random_x(2, 4)
    run = model.forward(contexts, [[4, 5, 6], [4, 5, 6]])
    assert run.logits.shape == (2, 4, 9)  # three tokens and <eos>
    h_0 = np.tanh(contexts @ model.W_ch.T + model.b_c)[None]
    np.testing.assert_array_equal(run.logits, decoder([[4, 5, 6], [4, 5, 6]], h_0=h_0))
    assert np.abs(run.logits[0] - run.logits[1]).max() > 0


def test_many_to_many_answers_as_often_as_it_reads(figures):
    model, times = ManyToMany(RNN(3, 4, rng=0), ManyToManyHead(4, 5, rng=0)), (1, 4, 40)
    for time in times:
        assert model(np.zeros((2, time, 3))).shape == (2, time, 5)
    assert figures == [str(time) for time in times]


def test_encoder_and_decoder_may_read_and_write_different_lengths(decoder, figures):
    model = EncoderDecoder(RNN(2, 3, rng=0), decoder, embedding=Embedding(7, 2, rng=0))
    run = model.forward([[1, 2, 3, 4, 5]], [[4, 5]])
    assert figures == [str(run.encoder_run.output.shape[1]), str(run.logits.shape[1])]
    np.testing.assert_array_equal(run.decoder_run.logits, decoder([[4, 5]], h_0=run.encoder_run.h_n))
    ids, lengths = model.generate([[1, 2]], max_length=6)
    assert lengths[0] == ids.shape[1] <= 6


# --- the limits


def hundred_words(factor=1.0):
    """The run of 100 words, with the usual initial weights and W_hh multiplied by a factor."""
    rng = np.random.default_rng(0)
    rnn = RNN(8, 32, rng=rng)
    rnn.cells[0].W_hh *= factor
    return rnn.forward(rng.standard_normal((100, 8)))


def test_word_1_reaches_word_100_through_99_multiplications(figures):
    (row,) = hundred_words().read(0)
    jacobians = [np.diag(1 - h_t**2) @ row.cell.W_hh for h_t in row.h[1:]]
    product = np.linalg.multi_dot(jacobians[::-1])
    np.testing.assert_allclose(np.linalg.norm(product, 2), jacobian_norms_to_end(row)[0], rtol=1e-6)
    assert figures == [str(len(jacobians)), f"{np.linalg.norm(product, 2):.0e}"]

    nudge, rnn = (
        1e-3 * np.eye(32)[0],
        RNN.from_cells([row.cell]),
    )  # over 20 steps, where the difference has enough digits
    up, down = (rnn(row.x[1:21], h_0=[row.h[0] + side * nudge])[0][-1] for side in (1, -1))
    expected = np.linalg.multi_dot(jacobians[:20][::-1]) @ nudge
    np.testing.assert_allclose((up - down) / 2, expected, atol=1e-3 * np.abs(expected).max())


def test_the_gradient_goes_back_through_the_same_99():
    run, d_h = hundred_words(), np.random.default_rng(1).standard_normal(32)
    flow, (row,) = gradient_flow(run, d_h_n=[d_h]), run.read(0)
    for h_t in row.h[:0:-1]:
        d_h = row.cell.W_hh.T @ ((1 - h_t**2) * d_h)
    np.testing.assert_allclose(flow.d_h[0, 0], np.linalg.norm(d_h), rtol=1e-6)


def radius_and_factor(run):
    """The spectral radius; and the factor by which a step scales the gradient, over the last 60 of 99 steps back."""
    d_h = gradient_flow(run, d_h_n=run.h_n).d_h[0]
    return spectral_radius(run.cells[0].W_hh), (d_h[0] / d_h[60]) ** (1 / 60)


def test_eigenvalues_below_1_make_gradients_shrink_exponentially(figures):
    radius, factor = radius_and_factor(hundred_words())
    assert factor < radius < 1  # tanh' contributes to it
    assert figures[:2] == [f"{radius:.2f}", f"{factor:.2f}"]


def test_eigenvalues_above_1_need_not_make_them_grow(figures):
    radius, factor = radius_and_factor(hundred_words(factor=1.8))
    assert factor < 1 < radius
    assert figures[2:4] == [f"{radius:.2f}", f"{factor:.2f}"]


def test_eigenvalues_below_1_do_not_keep_them_from_growing(figures):
    """||W_hh|| bounds a step, and a matrix with small eigenvalues can have a large norm."""
    cell = RNNCell.from_weights([[1e-9], [1e-9]], [[0.5, 8.0], [0.0, 0.5]])
    d_h = gradient_flow(RNN.from_cells([cell]).forward(np.ones((40, 1))), d_h_n=[[1.0, 0.0]]).d_h[0]
    assert d_h[0] < 1e-6
    assert figures[4:6] == [f"{spectral_radius(cell.W_hh)}", f"{d_h.max():.1f}"]

    # A saturated unit can't cancel the other's growth any more: diag(tanh') W_hh has larger eigenvalues.
    cell = RNNCell.from_weights([[1.0], [0.0]], [[1.5, -2.5], [1.0, -1.5]], [2.5, 40.0])
    x = np.zeros((50, 1))
    x[0] = -2.5
    d_h = gradient_flow(RNN.from_cells([cell]).forward(x), d_h_n=[[1.0, 0.0]]).d_h[0]
    assert figures[6:8] == [f"{spectral_radius(cell.W_hh):.1f}", f"{(d_h[0] / d_h[40]) ** (1 / 40):.1f}"]


def test_a_norm_below_1_makes_every_gradient_shrink(figures):
    """No step can scale a gradient by more than the largest singular value of W_hh."""
    norm = 0.9
    for seed in range(20):
        rng = np.random.default_rng(seed)
        rnn = RNN(3, 6, rng=rng)
        W_hh = rnn.cells[0].W_hh
        W_hh *= norm / np.linalg.norm(W_hh, 2)
        flow = gradient_flow(rnn.forward(3 * rng.standard_normal((30, 3))), d_h_n=rng.standard_normal((1, 6)))
        assert (flow.d_h[0, :-1] <= norm * flow.d_h[0, 1:] + 1e-15).all()
    assert figures[8:] == [str(norm), str(norm)]


def test_a_fresh_network_s_memory_span(figures):
    steps, hidden_size, percent, spans = 100, 32, 1, []
    for recurrent_init, nonlinearity in (("uniform", "tanh"), ("orthogonal", "tanh"), ("identity", "relu")):
        spans.append([])
        for seed in range(20):
            rng = np.random.default_rng(seed)
            rnn = RNN(8, hidden_size, recurrent_init=recurrent_init, nonlinearity=nonlinearity, rng=rng)
            spans[-1] += memory_span(rnn.forward(rng.standard_normal((steps + 1, 8))), threshold=percent / 100)
    assert max(spans[0]) < 10
    assert np.median(spans[1]) > 2 * np.median(spans[0])
    ranges = [figure for of_kind in spans for figure in (min(of_kind), max(of_kind))]
    assert figures == [str(figure) for figure in (hidden_size, percent, *ranges, steps)]


def test_the_signal_from_50_words_away_is_small_but_not_zero(figures):
    run = hundred_words()
    left = gradient_flow(run, d_h_n=run.h_n / np.linalg.norm(run.h_n)).d_h[0, -51]
    assert 0 < left < 1e-9
    assert figures == [f"{left:.0e}"]
