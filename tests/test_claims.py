"""The chapter's claims, one by one: ``docs/claims.md`` has a row for each, and names the test here that shows it.

What a test measured stands in the row too, in the words of ``row.says(...)``, which fails where it doesn't. The last test
lets no figure stand that none of them says.
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
from vanilla_rnn.flow import left_of_the_first

TESTS = Path(__file__).parent
LEDGER = TESTS.parent / "docs" / "claims.md"
SAID = {}  # by the tests that have passed
ROWS = [line for line in LEDGER.read_text("utf-8").splitlines() if re.match(r"\| \d+ \|", line)]


def measured(row):
    return row.split(" | ")[2]


class Row:
    """What is measured, according to the rows of the ledger that name a test."""

    def __init__(self, test):
        self.rows = [row for row in ROWS if f"`{test}`" in row]
        self.said = []

    def says(self, *clauses):
        for clause in clauses:
            assert any(clause in measured(row) for row in self.rows), clause
        self.said += clauses


@pytest.fixture(autouse=True)
def row(request):
    row = Row(request.node.originalname)
    yield row
    SAID[request.node.originalname] = row.said


def test_every_claim_has_a_test():
    tests = {name for path in TESTS.glob("test_*.py") for name in re.findall(r"^def (test_\w+)", path.read_text("utf-8"), re.M)}  # fmt: skip
    table = [
        line for line in LEDGER.read_text("utf-8").split("## What is learned")[0].splitlines() if line.startswith("| ")
    ]
    assert [line for line in table if not line.startswith("| # |")] == ROWS
    assert len(ROWS) >= 30
    assert [int(row.split("|")[1]) for row in ROWS] == list(range(1, len(ROWS) + 1))
    for row in ROWS:
        named = re.findall(r"`(test_\w+)`", row.split(" | ")[-1])
        assert named, row
        assert set(named) <= tests, row
    here = set(re.findall(r"^def (test_\w+)", Path(__file__).read_text("utf-8"), re.M))
    assert here - {"test_every_claim_has_a_test", "test_no_figure_stands_that_no_test_says"} <= set(
        re.findall(r"`(test_\w+)`", "\n".join(ROWS))
    )


# --- why sequences need a memory


def reader(*sentences, seed=0):
    """A vocabulary of these sentences, and random networks that read them."""
    vocab = Vocab.from_texts(sentences, specials=())
    embedding, rnn = Embedding(len(vocab), 3, rng=seed), RNN(3, 4, rng=seed + 1)
    return lambda text: vocab.encode(tokenize(text)), embedding, rnn


def test_without_a_memory_a_word_is_always_the_same(row):
    river, savings = "The river bank is steep", "The savings bank is closed"
    ids, embedding, rnn = reader(river, savings)
    feedforward = ManyToManyHead(3, 2, rng=0)  # reads each word's vector by itself
    answers = [feedforward(embedding(ids(text)), np.zeros((1, 3)))[2] for text in (river, savings)]
    assert np.array_equal(*answers)
    states = [rnn(embedding(ids(text)))[0][2] for text in (river, savings)]
    assert np.abs(states[0] - states[1]).max() > 0.01
    row.says(f'the states at "bank" differ by {np.abs(states[0] - states[1]).max():.3f}')


def test_the_same_input_twice_gives_the_same_answer_unless_something_is_remembered():
    _, _, rnn = reader("a")
    x = np.random.default_rng(0).standard_normal((5, 3))
    first, h_n = rnn(x)
    assert np.array_equal(rnn(x)[0], first)
    assert np.abs(rnn(x, h_0=h_n)[0] - first).max() > 0.01


def test_order_carries_information():
    ids, embedding, rnn = reader("Dog bites man", "man bites Dog")
    one, other = (embedding(ids(text)) for text in ("Dog bites man", "man bites Dog"))
    np.testing.assert_allclose(one.sum(axis=0), other.sum(axis=0))
    assert np.abs(rnn(one)[1] - rnn(other)[1]).max() > 0.01


def test_one_network_reads_sequences_of_any_length(row):
    _, _, rnn = reader("a")
    x = np.random.default_rng(0).standard_normal((100_000, 3))
    for words in (4, 40, 280, 10_000, 100_000):
        output, h_n = rnn(x[:words])
        assert output.shape == (words, 4)
        assert np.array_equal(output[-1:], h_n)
        assert np.isfinite(output).all()
    row.says("4, 40, 280, 10,000 and 100,000 steps")


def test_a_fixed_size_network_can_not(row):
    W = np.ones((2, 4 * 3))  # made for 4 words of 3 numbers
    assert (W @ np.ones((4, 3)).ravel()).shape == (2,)
    with pytest.raises(ValueError, match="mismatch"):
        W @ np.ones((5, 3)).ravel()
    row.says("made for 4 words, it refuses 5")


def test_an_element_far_away_influences_a_later_one(row):
    text = "The cat , which sat on the mat ,"
    ids, embedding, rnn = reader(text, "cats mats")
    run = rnn.forward(embedding(ids(text)))
    assert np.abs(rnn(embedding(ids(text.replace("cat", "cats"))))[1] - run.h_n).max() > 0
    flow = gradient_flow(run, d_h_n=run.h_n / np.linalg.norm(run.h_n))
    cat, mat = flow.d_h[0, 1], flow.d_h[0, 7]
    assert 0 < cat < mat / 10  # an untrained network listens to the mat
    row.says(f'{cat:.1g} at "cat", {mat:.2f} at "mat"')


# --- the recurrence


def test_the_new_state_is_the_next_step_s_input():
    _, _, rnn = reader("a")
    (read,) = rnn.forward(np.random.default_rng(0).standard_normal((6, 3))).read(0)
    assert np.array_equal(read.h_prev[1:], read.h[:-1])
    assert not read.h_prev[0].any()


def test_the_state_is_all_that_is_kept_of_the_past(row):
    """Two histories that leave the same state can't be told apart by anything that follows."""
    _, _, rnn = reader("a")
    x = np.random.default_rng(0).standard_normal((9, 3))
    output, _ = rnn(x)
    np.testing.assert_allclose(rnn(x[4:], h_0=output[3:4])[0], output[4:], rtol=0, atol=1e-14)
    row.says("to 1e-14")


def test_unrolled_it_is_one_cell_applied_again_and_again(row):
    _, _, rnn = reader("a")
    x, h = np.random.default_rng(0).standard_normal((4, 3)), np.zeros(4)
    for x_t, expected in zip(x, rnn(x)[0], strict=True):
        h = rnn.cells[0](x_t, h)
        np.testing.assert_allclose(h, expected, rtol=0, atol=1e-15)
    row.says("to 1e-15")


def test_a_step_combines_and_squashes():
    cell, rng = RNNCell(3, 4, rng=0), np.random.default_rng(0)
    x_t, h_prev = rng.standard_normal(3), rng.uniform(-1, 1, 4)
    step = cell.forward(x_t, h_prev)
    np.testing.assert_allclose(step.a, cell.W_xh @ x_t + cell.W_hh @ h_prev + cell.b_h)
    np.testing.assert_allclose(step.h, [math.tanh(a) for a in step.a])  # each number by itself


def test_an_output_can_be_read_at_each_step_or_at_the_last():
    _, _, rnn = reader("a")
    W_hy, b_y = np.random.default_rng(0).standard_normal((2, 4)), [0.1, -0.2]
    output, h_n = rnn(np.random.default_rng(1).standard_normal((5, 3)))
    each, last = (head.from_weights(W_hy, b_y)(output, h_n) for head in (ManyToManyHead, ManyToOneHead))
    np.testing.assert_allclose(each, output @ W_hy.T + b_y)
    np.testing.assert_allclose(last, each[-1])


def test_the_shapes_of_the_symbols():
    input_size, hidden_size, output_size = 2, 3, 5
    cell, head = RNNCell(input_size, hidden_size, rng=0), ManyToManyHead(hidden_size, output_size, rng=0)
    shapes = {name: values.shape for name, values in (cell.parameters() | head.parameters()).items()}
    assert shapes == {
        "W_xh": (hidden_size, input_size),
        "W_hh": (hidden_size, hidden_size),
        "b_h": (hidden_size,),
        "W_hy": (output_size, hidden_size),
        "b_y": (output_size,),
    }
    step = cell.forward(np.zeros(input_size))
    assert (step.x.shape, step.h_prev.shape, step.h.shape) == ((input_size,), (hidden_size,), (hidden_size,))


def test_tanh_prevents_unbounded_growth(row):
    x = 100 * np.random.default_rng(0).standard_normal((50, 2))
    assert np.abs(RNN(2, 3, rng=0)(x)[0]).max() == 1.0  # not below it: floating point rounds tanh(20) to 1
    grown = RNN.from_cells([RNNCell.from_weights([[1.0]], [[2.0]], nonlinearity="relu")])
    assert grown(np.ones((50, 1)))[1] == 2**50 - 1
    row.says("with inputs of about 100 the largest state is exactly 1", "a weight of 2 reaches 2^50 - 1 in 50 steps")


# --- weight sharing


def test_the_number_of_parameters_does_not_grow_with_the_sequence(row):
    rnn = RNN(8, 16, rng=0)
    counts = set()
    for words in (5, 100):
        run = rnn.forward(np.random.default_rng(0).standard_normal((words, 8)))
        gradients = run.backward(d_h_n=np.ones((1, 16)))
        counts.add(sum(values.size for values in gradients.d_parameters.values()))
    assert counts == {16 * 8 + 16 * 16 + 16}
    row.says(f"{counts.pop()} for both, at sizes 8 and 16")


FILLERS = ["so", "well", "now", "then"]
MOODS = Vocab([*FILLERS, "good", "bad", "not"], specials=())


def moods(count, places, behind, rng):
    """Sentences in which one word is good or bad, "not" before it turns it round, and nothing else means anything."""
    drawn = []
    for _ in range(count):
        place, good, negated = int(rng.choice(places)), bool(rng.integers(2)), bool(rng.integers(2))
        words = [FILLERS[i] for i in rng.integers(len(FILLERS), size=place + 1 + behind)]
        words[place] = "good" if good else "bad"
        if negated:
            words[place - 1] = "not"
        drawn.append((MOODS.encode(words), good != negated))
    return drawn


def right(model, sentences):
    return np.mean([(model(ids)[0] > 0) == positive for ids, positive in sentences])


def test_a_pattern_learned_at_one_place_transfers_to_others(row):
    later, other_end = [], []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        embedding = Embedding(len(MOODS), 4, rng=rng)
        model = ManyToOne(RNN(4, 12, rng=rng), ManyToOneHead(12, 1, rng=rng), embedding=embedding)
        learned = moods(300, [1, 2, 3], 2, rng)
        fit(
            model, learned, loss=binary_cross_entropy, optimizer=Adam(2e-2), epochs=15, batch_size=32, clip=1.0, rng=rng
        )
        assert right(model, learned) >= 0.99
        later.append(right(model, moods(300, [6, 7, 8], 2, rng)))  # places it has never seen
        other_end.append(right(model, moods(300, [1, 2, 3], 6, rng)))  # further from the end, where it is asked
    assert np.mean(later) >= 0.9
    assert np.mean(other_end) < 0.8
    row.says("learned at words 2 to 4: at words 7 to 9, over 90 % right", "under 80 %")


# --- inside the cell


@pytest.fixture
def example():
    """The worked example's network, its four words as vectors, and the record of reading them."""
    cell = RNNCell.from_weights(worked_example.W_xh, worked_example.W_hh, worked_example.b_h)
    rnn, x = RNN.from_cells([cell]), worked_example.EMBEDDINGS
    return cell, x, rnn.forward(x)


def test_the_state_is_a_blend_of_what_is_seen_and_what_is_remembered(example):
    cell, x, run = example
    (read,) = run.read(0)
    from_input, from_memory = x @ cell.W_xh.T, read.h_prev @ cell.W_hh.T
    np.testing.assert_allclose(run.output, np.tanh(from_input + from_memory))
    assert np.abs(from_input[1:]).min() > 0
    assert np.abs(from_memory[1:]).min() > 0


def test_the_sizes_of_the_weights_control_the_balance(row):
    """How much of a change of the first state, and of the last input, is left in the last state."""
    rng = np.random.default_rng(0)
    cell, x = RNNCell(3, 8, bias=False, rng=rng), 0.3 * rng.standard_normal((6, 3))

    def left(by_hh, by_xh):
        one = RNNCell.from_weights(by_xh * cell.W_xh, by_hh * cell.W_hh)
        run = RNN.from_cells([one]).forward(x)
        (read,) = run.read(0)
        slope = 1 - run.output[-1] ** 2
        return left_of_the_first(read)[-1], np.linalg.norm(slope[:, None] * one.W_xh, 2)

    (memory, news), (larger, _), (_, louder) = left(1, 1), left(1.5, 1), left(1, 1.5)
    assert larger > 2 * memory
    assert louder > 1.2 * news
    assert left(1, 8)[0] < 0.2 * memory  # loud inputs saturate tanh, and what was remembered is lost
    row.says(f"W_hh by 1.5: of a change five steps ago {larger / memory:.1f} times as much is left")
    row.says("with W_xh by 8 less than a fifth of that memory is left")
    row.says(f"W_xh by 1.5: the last input counts {louder / news:.2f} times as much")


def test_the_step_at_love(example, row):
    cell, x, run = example
    from_input, from_memory = cell.W_xh @ x[1], cell.W_hh @ run.output[0]
    assert np.array_equal(from_input.round(4), [0.01, 0.66, 0.27])
    assert np.array_equal(from_memory.round(4), [0.1451, -0.1490, 0.1089])
    assert np.array_equal(np.tanh(from_input + from_memory).round(4), worked_example.PRINTED_STATES[1])
    row.says("(0.01, 0.66, 0.27) and (0.1451, -0.1490, 0.1089)")


def test_hidden_unit_1_jumps_at_love(example, row):
    _, _, run = example
    h = run.output[:, 1].round(4)
    assert (h[0], h[1]) == (0.1974, 0.4707)
    row.says("0.1974 to 0.4707")


def test_it_answers_to_love_but_not_to_emotion_alone(example, row):
    cell, x, run = example
    drive = (x @ cell.W_xh.T)[:, 1]
    assert drive.argmax() == 1  # love
    assert run.output[:, 1].argmax() == 2  # this
    row.says(f'"love" drives it the most, by {drive[1]:.2f}; "this" drives it by {drive[2]:.2f}')
    row.says(f"at its highest, {run.output[2, 1]:.4f}")


def test_the_table_of_states(example):
    _, _, run = example
    assert np.array_equal(run.output.round(4), worked_example.PRINTED_STATES)


def test_each_state_carries_traces_of_all_words_before(example, row):
    _, x, run = example
    shares = []
    for word in range(4):
        d_x = np.array([run.backward(d_h_n=[one]).d_x[word] for one in np.eye(3)])  # (hidden, input)
        shares.append(np.linalg.norm(d_x, 2))
        assert shares[-1] > 0
        moved = x.copy()
        moved[word] += 0.1
        assert np.abs(RNN.from_cells([run.read(0)[0].cell])(moved)[1] - run.h_n).max() > 0
    row.says('{:.3f} ("I"), {:.3f}, {:.3f} and {:.3f} ("movie")'.format(*shares))


def from_scratch(W_xh, W_hh, b_h, x):
    """The chapter's one line, in its loop."""
    h, states = np.zeros(len(b_h)), []
    for x_t in x:
        h = np.tanh(W_xh @ x_t + W_hh @ h + b_h)
        states.append(h)
    return np.array(states)


def test_the_forward_pass_is_one_line_in_a_loop(row):
    states = from_scratch(worked_example.W_xh, worked_example.W_hh, worked_example.b_h, worked_example.EMBEDDINGS)
    assert np.array_equal(states.round(4), worked_example.PRINTED_STATES)
    lines = len(inspect.getsource(from_scratch).splitlines())
    assert lines <= 20
    row.says(f"{lines} lines")


def test_this_goes_on_rising_and_movie_raises_unit_0(example, row):
    _, _, run = example
    h = run.output.round(4)
    assert h[2, 1] > h[1, 1] > h[0, 1]
    assert h[3, 0] > 5 * h[2, 0]
    row.says("h[1] goes on from 0.4707 to 0.6521", "from 0.0712 to 0.5597")


def test_the_sentence_is_more_likely_positive(example, row):
    _, _, run = example
    head = ManyToOneHead.from_weights(worked_example.W_hy, worked_example.b_y)
    assert sigmoid(head(run.output, run.h_n)).round(3) == [0.558]
    row.says("0.558")


# --- the same in PyTorch


@pytest.mark.slow
def test_pytorch_computes_the_same(row):
    torch = needed("torch")
    rnn = RNN(3, 4, num_layers=2, rng=0)
    theirs = torch.nn.RNN(3, 4, num_layers=2, batch_first=True).double()
    theirs.load_state_dict({name: torch.from_numpy(values) for name, values in to_torch_state_dict(rnn).items()})
    x = np.random.default_rng(0).standard_normal((5, 7, 3))
    with torch.no_grad():
        found = [values.numpy() for values in theirs(torch.from_numpy(x))]
    for one, other in zip(rnn(x), found, strict=True):
        assert np.abs(one - other).max() < 1e-12
    row.says("within 1e-12")


@pytest.mark.slow
def test_pytorch_makes_the_weights_and_takes_about_ten_lines(row):
    torch = needed("torch")
    theirs = torch.nn.RNN(3, 4)
    assert {tuple(weight.shape) for weight in theirs.parameters()} == {(4, 3), (4, 4), (4,)}
    theirs(torch.zeros(7, 5, 3))[0].sum().backward()  # no loop and no gradient of ours
    assert all(weight.grad is not None for weight in theirs.parameters())
    source = (TESTS.parent / "examples" / "11_same_in_pytorch.py").read_text("utf-8")
    (classifier,) = [node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)]
    lines = ast.get_source_segment(source, classifier).splitlines()
    count = sum(1 for line in lines if line.strip() and '"""' not in line)
    assert count <= 12
    row.says(f"the classifier of example 11 takes {count} lines there")


def test_pytorch_names_them_w_ih_and_has_two_biases():
    rnn = RNN(3, 4, rng=0)
    state = to_torch_state_dict(rnn)
    assert np.array_equal(state["weight_ih_l0"], rnn.cells[0].W_xh)
    assert np.array_equal(state["weight_hh_l0"], rnn.cells[0].W_hh)
    assert np.array_equal(state["bias_ih_l0"] + state["bias_hh_l0"], rnn.cells[0].b_h)


def test_here_batches_and_backpropagation_are_in_numpy():
    rnn = RNN(3, 4, rng=0)
    x = np.random.default_rng(0).standard_normal((5, 7, 3))
    run = rnn.forward(x)
    for row_of_x, output in zip(x, run.output, strict=True):
        np.testing.assert_allclose(
            from_scratch(rnn.cells[0].W_xh, rnn.cells[0].W_hh, rnn.cells[0].b_h, row_of_x), output
        )
    assert run.backward(np.ones(run.output.shape)).d_x.shape == x.shape  # test_gradients.py: and it is right


def test_output_has_every_step_and_h_n_the_last():
    batch, time, layers, hidden = 5, 7, 2, 4
    output, h_n = RNN(3, hidden, num_layers=layers, rng=0)(np.random.default_rng(0).standard_normal((batch, time, 3)))
    assert output.shape == (batch, time, hidden)
    assert h_n.shape == (layers, batch, hidden)
    assert np.array_equal(output[:, -1], h_n[-1])


def test_h_n_is_the_last_step_s_state_only_in_one_direction_and_without_padding():
    rnn, x = RNN(3, 4, bidirectional=True, rng=0), np.random.default_rng(0).standard_normal((2, 7, 3))
    output, h_n = rnn(x, lengths=[7, 5])
    assert np.array_equal(output[0, -1, :4], h_n[0, 0])
    assert np.array_equal(output[0, 0, 4:], h_n[1, 0])  # the reverse direction ends at the first step
    assert np.abs(output[0, -1, 4:] - h_n[1, 0]).max() > 0.01
    assert np.array_equal(output[1, 4, :4], h_n[0, 1])  # a shorter row ends earlier
    assert not output[1, 5:].any()


# --- the four tasks


def test_classification_reads_h_n_and_sequence_labelling_output():
    output, h_n = RNN(3, 4, num_layers=2, rng=0)(np.random.default_rng(0).standard_normal((5, 7, 3)))
    one, each = ManyToOneHead(4, 1, rng=0), ManyToManyHead(4, 1, rng=0)
    assert np.array_equal(one(np.zeros_like(output), h_n), one(output, h_n))
    assert np.array_equal(each(output, np.zeros_like(h_n)), each(output, h_n))


def test_many_to_one_reads_the_final_state_alone():
    """And of a padded row the state after its own last step, whatever came before it being in that state."""
    model = ManyToOne(RNN(3, 4, num_layers=2, rng=0), ManyToOneHead(4, 1, rng=0))
    run = model.forward(np.random.default_rng(0).standard_normal((5, 7, 3)), lengths=[7, 1, 4, 2, 7])
    assert run.logits.shape == (5, 1)
    np.testing.assert_allclose(run.logits, run.run.last @ model.head.W_hy.T + model.head.b_y)
    _, d_h_n, _ = run.reading.backward(np.ones((5, 1)))
    assert not d_h_n[0].any()  # nor the layer below


@pytest.fixture
def decoder():
    rng = np.random.default_rng(0)
    return Decoder(RNN(2, 3, rng=rng), ManyToManyHead(3, 9, rng=rng), Embedding(9, 2, rng=rng))


def test_one_to_many_begins_with_the_input_and_answers_at_every_step(decoder):
    model = OneToMany(4, decoder, rng=0)
    contexts = np.random.default_rng(1).standard_normal((2, 4))
    run = model.forward(contexts, [[4, 5, 6], [4, 5, 6]])
    assert run.logits.shape == (2, 4, 9)  # three tokens and <eos>
    h_0 = np.tanh(contexts @ model.W_ch.T + model.b_c)[None]
    assert np.array_equal(run.logits, decoder([[4, 5, 6], [4, 5, 6]], h_0=h_0))
    assert np.abs(run.logits[0] - run.logits[1]).max() > 0


def test_many_to_many_answers_as_often_as_it_reads(row):
    model = ManyToMany(RNN(3, 4, rng=0), ManyToManyHead(4, 5, rng=0))
    for time in (1, 4, 40):
        assert model(np.zeros((2, time, 3))).shape == (2, time, 5)
    row.says("1, 4 and 40 steps")


def test_encoder_and_decoder_may_read_and_write_different_lengths(decoder, row):
    model = EncoderDecoder(RNN(2, 3, rng=0), decoder, embedding=Embedding(7, 2, rng=0))
    run = model.forward([[1, 2, 3, 4, 5]], [[4, 5]])
    assert (run.encoded.output.shape[1], run.logits.shape[1]) == (5, 3)
    row.says("5 words read, 3 answers")
    assert np.array_equal(run.decoded.logits, decoder([[4, 5]], h_0=run.encoded.h_n))
    ids, lengths = model.generate([[1, 2]], max_length=6)
    assert lengths[0] == ids.shape[1] <= 6


# --- the limits


def hundred_words(factor=1.0):
    """A record of 100 words, by the usual weights times a factor."""
    rng = np.random.default_rng(0)
    rnn = RNN(8, 32, rng=rng)
    rnn.cells[0].W_hh *= factor
    return rnn.forward(rng.standard_normal((100, 8)))


def test_word_1_reaches_word_100_through_99_multiplications(row):
    run = hundred_words()
    (read,) = run.read(0)
    steps = [np.diag(1 - h_t**2) @ read.cell.W_hh for h_t in read.h[1:]]
    assert len(steps) == 99
    product = np.linalg.multi_dot(steps[::-1])
    nudge = 1e-3 * np.eye(32)[0]
    rnn = RNN.from_cells([read.cell])
    moved = [rnn(read.x[1:21], h_0=[read.h[0] + side * nudge])[0][-1] for side in (1, -1)]  # as far as digits reach
    expected = np.linalg.multi_dot(steps[:20][::-1]) @ nudge
    np.testing.assert_allclose((moved[0] - moved[1]) / 2, expected, atol=1e-3 * np.abs(expected).max())
    np.testing.assert_allclose(np.linalg.norm(product, 2), left_of_the_first(read)[-1], rtol=1e-6)
    row.says(f"99 Jacobians, whose product has the norm {np.linalg.norm(product, 2):.0e}")


def test_the_gradient_goes_back_through_the_same_99():
    run = hundred_words()
    (read,) = run.read(0)
    d_h = np.random.default_rng(1).standard_normal(32)
    flow = gradient_flow(run, d_h_n=[d_h])
    for h_t in read.h[:0:-1]:
        d_h = read.cell.W_hh.T @ ((1 - h_t**2) * d_h)
    np.testing.assert_allclose(flow.d_h[0, 0], np.linalg.norm(d_h), rtol=1e-6)


def decay(run):
    """The factor a step of the gradient on its way back, over the last 60 of 99 steps, where it has settled."""
    d_h = gradient_flow(run, d_h_n=run.h_n).d_h[0]
    return (d_h[0] / d_h[60]) ** (1 / 60)


def test_eigenvalues_below_1_make_gradients_shrink_exponentially(row):
    run = hundred_words()
    radius, factor = spectral_radius(run.read(0)[0].cell.W_hh), decay(run)
    assert factor < radius < 1  # tanh' takes its share too
    row.says(f"spectral radius {radius:.2f}: a factor of {factor:.2f} a step")


def test_eigenvalues_above_1_need_not_make_them_grow(row):
    run = hundred_words(factor=1.8)
    radius, factor = spectral_radius(run.read(0)[0].cell.W_hh), decay(run)
    assert factor < 1 < radius
    row.says(f"radius {radius:.2f}: still {factor:.2f} a step")


def test_eigenvalues_below_1_do_not_keep_them_from_growing(row):
    """What bounds a step is ||W_hh||, and a matrix of small eigenvalues may have a large norm."""
    cell = RNNCell.from_weights([[1e-9], [1e-9]], [[0.5, 8.0], [0.0, 0.5]])
    flow = gradient_flow(RNN.from_cells([cell]).forward(np.ones((40, 1))), d_h_n=[[1.0, 0.0]])
    assert spectral_radius(cell.W_hh) == 0.5
    assert flow.d_h[0, 0] < 1e-6
    row.says(f"eigenvalues of 0.5 and a large entry: a gradient grows {flow.d_h[0].max():.1f} times, then shrinks")

    # Where tanh' holds one unit still, what it took from another is missing: diag(tanh') W_hh has larger eigenvalues.
    cell = RNNCell.from_weights([[1.0], [0.0]], [[1.5, -2.5], [1.0, -1.5]], [2.5, 40.0])
    x = np.zeros((50, 1))
    x[0] = -2.5
    flow = gradient_flow(RNN.from_cells([cell]).forward(x), d_h_n=[[1.0, 0.0]])
    np.testing.assert_allclose(spectral_radius(cell.W_hh), 0.5)
    factor = (flow.d_h[0, 0] / flow.d_h[0, 40]) ** (1 / 40)
    row.says(f"eigenvalues of 0.5 and one unit saturated: it grows by {factor:.1f} a step")


def test_a_norm_below_1_makes_every_gradient_shrink(row):
    """What is enough: no step can lengthen a gradient by more than the largest singular value of W_hh."""
    for seed in range(20):
        rng = np.random.default_rng(seed)
        rnn = RNN(3, 6, rng=rng)
        W_hh = rnn.cells[0].W_hh
        W_hh *= 0.9 / np.linalg.norm(W_hh, 2)
        flow = gradient_flow(rnn.forward(3 * rng.standard_normal((30, 3))), d_h_n=rng.standard_normal((1, 6)))
        assert (flow.d_h[0, :-1] <= 0.9 * flow.d_h[0, 1:] + 1e-15).all()
    row.says("a norm of 0.9: never more than 0.9 a step")


def spans(start, nonlinearity, count=20):
    found = []
    for seed in range(count):
        rng = np.random.default_rng(seed)
        rnn = RNN(8, 32, recurrent_init=start, nonlinearity=nonlinearity, rng=rng)
        found += memory_span(rnn.forward(rng.standard_normal((101, 8))))
    return found


def test_a_fresh_network_s_memory_span(row):
    usual, rotation, identity = spans("uniform", "tanh"), spans("orthogonal", "tanh"), spans("identity", "relu")
    assert max(usual) < 10
    assert np.median(rotation) > 2 * np.median(usual)
    row.says(
        f"before training, 32 units, 1 %: {min(usual)} to {max(usual)} steps as PyTorch starts them, "
        f"{min(rotation)} to {max(rotation)} from an orthogonal W_hh, "
        f"{min(identity)} to {max(identity)} of 100 from an identity with relu"
    )


def test_the_signal_from_50_words_away_is_small_but_not_zero(row):
    run = hundred_words()
    left = gradient_flow(run, d_h_n=run.h_n / np.linalg.norm(run.h_n)).d_h[0, -51]
    assert 0 < left < 1e-9
    row.says(f"{left:.0e} of the gradient is left before training: not zero")


def test_no_figure_stands_that_no_test_says():
    """Of the rows whose tests have all run: `-k` leaves some out, and so does leaving out the slow ones."""
    here = set(re.findall(r"^def (test_\w+)", Path(__file__).read_text("utf-8"), re.MULTILINE))
    for row in ROWS:
        named = set(re.findall(r"`(test_\w+)`", row)) & here
        if named <= SAID.keys():
            left = measured(row)
            for clause in sorted((clause for test in named for clause in SAID[test]), key=len, reverse=True):
                left = left.replace(clause, "")
            assert not re.search(r"\d", left), left
