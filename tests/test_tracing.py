"""The trace reads a record: its sums are the record's states, its shares the record's gradients."""

import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plain import networks
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
    binary_cross_entropy,
    cross_entropy,
    trace,
    worked_example,
)
from vanilla_rnn.flow import left_at_the_end, left_of_the_first


@pytest.fixture
def model():
    cell = RNNCell.from_weights(worked_example.W_xh, worked_example.W_hh, worked_example.b_h)
    head = ManyToOneHead.from_weights(worked_example.W_hy, worked_example.b_y)
    return ManyToOne(RNN.from_cells([cell]), head, embedding=Embedding.from_vectors(worked_example.EMBEDDINGS))


@pytest.fixture
def run(model):
    return model.forward([0, 1, 2, 3])


@given(case=networks())
def test_every_sum_is_the_record_s_state(case):
    run = case["rnn"].forward(case["x"], case["h_0"], case["lengths"])
    for row in range(len(case["x"])):
        found = trace(run, row=row)
        length = case["x"].shape[1] if case["lengths"] is None else case["lengths"][row]
        assert len(found) == len(found.steps) == len(found.tokens) == length
        np.testing.assert_allclose(found.output, run.output[row, :length], rtol=0, atol=0)
        for entries in found.steps:
            assert len(entries) == len(case["rnn"].cells)
            for step, cell in zip(entries, case["rnn"].cells, strict=True):
                f = np.tanh if cell.nonlinearity == "tanh" else lambda a: np.maximum(a, 0)
                np.testing.assert_allclose(step.W_xh_x + step.W_hh_h + step.b_h, step.a, rtol=0, atol=1e-12)
                np.testing.assert_allclose(f(step.a), step.h, rtol=1e-12, atol=1e-12)
                np.testing.assert_allclose(cell.W_xh @ step.x, step.W_xh_x, rtol=1e-12, atol=1e-12)
                np.testing.assert_allclose(cell.W_hh @ step.h_prev, step.W_hh_h, rtol=1e-12, atol=1e-12)


@given(case=networks(), kind=st.sampled_from(["output", "h_n", "both"]))
def test_the_steps_contributions_add_up_to_the_gradients(case, kind):
    rnn, rng = case["rnn"], case["rng"]
    run = rnn.forward(case["x"], case["h_0"], case["lengths"])
    d_output = None if kind == "h_n" else rng.standard_normal(run.output.shape)
    d_h_n = None if kind == "output" else rng.standard_normal(run.h_n.shape)
    gradients = run.backward(d_output, d_h_n)
    total = {path: np.zeros_like(values) for path, values in rnn.parameters().items()}
    for row in range(len(case["x"])):
        for t, entries in enumerate(trace(run, row=row, gradients=gradients).steps):
            for number, step in enumerate(entries):
                flow = step.gradients
                np.testing.assert_array_equal(flow.d_a, gradients.d_a[number][row, t])
                np.testing.assert_array_equal(flow.from_output + flow.from_future, flow.d_h)
                total[f"cells.{number}.W_xh"] += flow.d_W_xh
                total[f"cells.{number}.W_hh"] += flow.d_W_hh
                if f"cells.{number}.b_h" in total:
                    total[f"cells.{number}.b_h"] += flow.d_a
    for path, gradient in gradients.d_parameters.items():
        np.testing.assert_allclose(total[path], gradient, rtol=1e-9, atol=1e-9)


def test_d_h_is_what_moving_the_state_does():
    """A step is cut out and its state moved: the loss changes as dL/dh_t says, and by the shares it names."""
    rng = np.random.default_rng(0)
    cell = RNNCell(2, 3, rng=rng)
    x, d_output, d_h_n = rng.standard_normal((6, 2)), rng.standard_normal((6, 3)), rng.standard_normal((1, 3))
    run = RNN.from_cells([cell]).forward(x)
    found = trace(run, gradients=run.backward(d_output, d_h_n))

    def future(h, t):  # the part of the loss that reads the states after h_t
        loss = 0.0
        for k in range(t + 1, 6):
            h = cell(x[k], h)
            loss += d_output[k] @ h
        return loss + d_h_n[0] @ h if t < 5 else 0.0

    for t, (step,) in enumerate(found.steps):
        slope = [(future(step.h + move, t) - future(step.h - move, t)) / 2e-6 for move in 1e-6 * np.eye(3)]
        np.testing.assert_allclose(step.gradients.from_future, slope, rtol=1e-6, atol=1e-8)
        at_the_end = d_h_n[0] if t == 5 else 0
        np.testing.assert_allclose(step.gradients.from_output, d_output[t] + at_the_end, rtol=1e-12)


def test_the_layer_below_is_read_by_the_one_above():
    rng = np.random.default_rng(0)
    rnn = RNN(2, 3, num_layers=2, bidirectional=True, rng=rng)
    run = rnn.forward(rng.standard_normal((5, 2)))
    found = trace(run, gradients=run.backward(rng.standard_normal((5, 6))))
    for entries in found.steps:
        below = np.concatenate([entries[0].gradients.from_output, entries[1].gradients.from_output])
        above = sum(rnn.cells[n].W_xh.T @ entries[n].gradients.d_a for n in (2, 3))
        np.testing.assert_allclose(below, above, rtol=1e-12)
        np.testing.assert_array_equal(entries[2].x, entries[3].x)


def test_a_step_that_is_off_still_knows_what_reached_it():
    """relu' is 0 there: from d_a alone nobody could tell."""
    cell = RNNCell.from_weights([[1.0]], [[0.5]], nonlinearity="relu")
    run = RNN.from_cells([cell]).forward([[-1.0], [-1.0]])
    found = trace(run, gradients=run.backward([[2.0], [3.0]]))
    assert [step.gradients.d_h.tolist() for (step,) in found.steps] == [[2.0], [3.0]]
    assert [step.gradients.d_a.tolist() for (step,) in found.steps] == [[0.0], [0.0]]


def test_what_is_left_of_the_first_state():
    rng = np.random.default_rng(0)
    rnn = RNN(2, 3, bidirectional=True, rng=rng)
    x = rng.standard_normal((5, 2))
    for number, (cell, row) in enumerate(zip(rnn.cells, rnn.forward(x).read(0), strict=True)):
        left = left_of_the_first(row)
        h = row.h[::-1] if number else row.h
        inputs = x[::-1] if number else x
        for t in range(5):
            columns = []
            for move in 1e-6 * np.eye(3):
                ends = []
                for state in (h[0] + move, h[0] - move):
                    for x_t in inputs[1 : t + 1]:
                        state = cell(x_t, state)
                    ends.append(state)
                columns.append((ends[0] - ends[1]) / 2e-6)
            np.testing.assert_allclose(
                left[::-1][t] if number else left[t], np.linalg.norm(np.array(columns), 2), rtol=1e-6
            )


def exploding():
    """Ten times as much each step, at a state that stays where it is: after 309 steps no float64 holds the product."""
    cell = RNNCell.from_weights([[0.0], [0.0]], [[1, 0], [0, 10.0]], [0, -9.0], nonlinearity="relu")
    return RNN.from_cells([cell]).forward(np.zeros((400, 1)), h_0=[[1.0, 1.0]])


def test_what_is_left_may_overflow():
    run = exploding()
    left = left_of_the_first(run.read(0)[0])
    np.testing.assert_allclose(left[:300], 10.0 ** np.arange(300), rtol=1e-12)
    assert np.isinf(left[310:]).all()
    np.testing.assert_array_equal(left, left_at_the_end(run.read(0)[0])[::-1])


def test_the_page_s_numbers_are_json_whatever_overflowed():
    def no_json(word):
        raise ValueError(word)

    run = exploding()
    with np.errstate(over="ignore", invalid="ignore"):
        gradients = run.backward(np.ones((400, 2)))
    text = trace(run, gradients=gradients).to_html()
    numbers = json.loads(re.search(r'id="numbers">(.*?)</script>', text).group(1), parse_constant=no_json)
    assert numbers["cells"][0]["left"][-1] is None
    assert numbers["cells"][0]["flows"][0][2][1] is None  # dL/dh_0 of the unit that explodes

    found = trace(RNN.from_cells([RNNCell.from_weights([[1e308]], [[0.0]])]).forward([[1e3]]))  # tanh of it is 1
    assert "= inf" in str(found)
    assert "null" in found.to_html()


def test_worked_example_in_text(run):
    text = str(trace(run, worked_example.TOKENS))
    assert text.startswith("h_t = tanh(W_xh x_t + W_hh h_{t-1} + b_h)")
    assert 't=1 "love"\n  x_1 = (0.5000, 0.8000)   h_0 = (0.4621, 0.1974, -0.0997)' in text
    assert re.search(r"h\[1\] +0\.6600 \+ +-0\.1490 \+ +0\.0000 = +0\.5110 +0\.4707\n", text)
    assert "(W_xh x_1)[1]    = 0.2 * 0.5000 + 0.7 * 0.8000 = 0.6600" in text
    assert "(W_hh h_0)[1]    = -0.3 * 0.4621 + 0.2 * 0.1974 + 0.5 * -0.0997 = -0.1490" in text
    assert "dL/dh" not in text


def test_gradients_in_text(run):
    _, d_logits = binary_cross_entropy(run.logits, [1])
    text = str(trace(run, worked_example.TOKENS, gradients=run.backward(d_logits)))
    row = re.search(r"dL/da_2\n.*\n  h\[1\] +(\S+) \+ +(\S+) = +(\S+) \* +(\S+) = +(\S+)", text)
    own, future, d_h, slope, d_a = map(float, row.groups())
    assert own == 0
    assert future == d_h
    assert d_h * slope == pytest.approx(d_a, abs=1e-6)
    assert slope == pytest.approx(1 - 0.6521**2, abs=1e-4)


def test_table(run):
    lines = trace(run, worked_example.TOKENS).table().split("\n")
    assert lines[0] == "| Timestep | Token   |    h[0] |    h[1] |    h[2] |"
    for line, token, states in zip(lines[2:], worked_example.TOKENS, worked_example.PRINTED_STATES, strict=True):
        assert f'"{token}"' in line
        assert [float(cell) for cell in line.split("|")[3:-1]] == states.tolist()
    marked = trace(run, ["a|b", "c\nd", "", "e"]).table()
    assert "a\\|b" in marked
    assert "c\\nd" in marked


def test_long_rows_are_cut_in_text():
    rnn = RNN(9, 8, rng=0)
    text = str(trace(rnn.forward(np.ones((2, 9)))))
    assert "+ ... (9 products) = " in text
    assert ", ... 9 numbers)" in text


def test_layers_and_directions_are_named():
    rnn = RNN(2, 3, num_layers=2, bidirectional=True, rng=0)
    text = str(trace(rnn.forward(np.ones((2, 2)))))
    for name in ("cells[0]: layer 0, forward", "cells[1]: layer 0, reverse", "cells[3]: layer 1, reverse"):
        assert text.count(name) == 2
    assert "h_1 = (" in text.split("layer 0, reverse")[1]  # at t=0 its memory is the state at t=1
    assert "layer 1" in str(trace(RNN(2, 3, num_layers=2, rng=0).forward(np.ones((1, 2)))))


def test_every_kind_of_cell_has_its_equation():
    below = RNNCell.from_weights([[1.0]], [[0.5]], [0.1])
    above = RNNCell.from_weights([[1.0]], [[0.5]], nonlinearity="relu")
    text = str(trace(RNN.from_cells([below, below, above]).forward([[1.0]])))
    assert text.startswith(
        "cells[0], cells[1]: h_t = tanh(W_xh x_t + W_hh h_{t-1} + b_h), the same weights at every step\n"
        "cells[2]: h_t = relu(W_xh x_t + W_hh h_{t-1}), the same weights at every step\n\n"
    )
    text = str(trace(RNN(2, 3, bidirectional=True, rng=0).forward(np.ones((2, 2)))))
    assert "cells[1]: h_t = tanh(W_xh x_t + W_hh h_{t+1} + b_h)" in text


def test_tokens_are_the_ids_where_none_are_given(run):
    assert trace(run).tokens == ["0", "1", "2", "3"]
    assert trace(run.run).tokens == [""] * 4
    assert repr(trace(run)) == "<Trace, steps: 4, cells: 1; print(it), .table() and .save_html('steps.html') show it>"


def test_rows_have_lengths():
    rng = np.random.default_rng(0)
    embedding, rnn = Embedding(7, 2, rng=rng), RNN(2, 3, rng=rng)
    model = ManyToMany(rnn, ManyToManyHead(3, 2, rng=rng), embedding=embedding)
    run = model.forward([[1, 2, 3, 4], [5, 6, 0, 0], [0, 0, 0, 0]], lengths=[4, 2, 0])
    _, d_logits = cross_entropy(run.logits, np.ones((3, 4), int), lengths=[4, 2, 0])
    gradients = run.backward(d_logits)
    found = trace(run, ["a", "b", "<pad>", "<pad>"], row=1, gradients=gradients)
    assert found.tokens == ["a", "b"]
    np.testing.assert_array_equal(found.y, run.logits[1, :2])
    assert trace(run, row=1).tokens == ["5", "6"]
    empty = trace(run, row=2, gradients=gradients)
    assert len(empty) == 0
    assert empty.table().count("\n") == 1
    assert "empty" in empty.to_html()


def test_records_of_all_models():
    rng = np.random.default_rng(0)
    decoder = Decoder(RNN(2, 3, rng=rng), ManyToManyHead(3, 7, rng=rng), Embedding(7, 2, rng=rng))
    run = decoder.forward([[4, 5]])
    _, d_logits = cross_entropy(run.logits, run.targets)
    found = trace(run, gradients=run.backward(d_logits))
    assert found.tokens == ["2", "4", "5"]
    assert found.y.shape == (3, 7)
    assert found.steps[0][0].gradients is not None

    run = OneToMany(4, decoder, rng=0).forward(rng.standard_normal((1, 4)), [[4, 5]])
    _, d_logits = cross_entropy(run.logits, run.targets)
    found = trace(run, gradients=run.backward(d_logits))
    assert np.abs(found.steps[0][0].h_prev).max() > 0
    assert found.steps[0][0].gradients is not None

    run = EncoderDecoder(RNN(2, 3, rng=rng), decoder).forward(rng.standard_normal((1, 5, 2)), [[4, 5]])
    _, d_logits = cross_entropy(run.logits, run.targets)
    gradients = run.backward(d_logits)
    encoded = trace(run.encoded, gradients=gradients.encoded)
    np.testing.assert_array_equal(encoded.steps[-1][0].gradients.from_output, gradients.decoded.d_h_0[0, 0])
    assert len(trace(run.decoded, gradients=gradients.decoded)) == 3
    with pytest.raises(TypeError, match=r"trace: run must be the record of a network.*run\.encoded or run\.decoded"):
        trace(run)


def test_one_answer_is_read_at_the_end(run):
    np.testing.assert_array_equal(trace(run).y, run.logits)
    assert trace(run.run).y is None


def test_bad_input(model, run):
    with pytest.raises(ValueError, match=r"trace: tokens must be 4 long, the steps of row 0, got 3"):
        trace(run, ["I", "love", "this"])
    with pytest.raises(IndexError, match=r"trace: row must be from 0 to 0, got 1"):
        trace(run, row=1)
    with pytest.raises(TypeError, match=r"trace: row must be a whole number"):
        trace(run, row="0")
    with pytest.raises(TypeError, match=r"trace: run must be the record of a network"):
        trace(model.rnn)
    _, d_logits = binary_cross_entropy(run.logits, [1])
    with pytest.raises(TypeError, match=r"trace: gradients must be what the record's backward gives.*the whole of it"):
        trace(run, gradients=run.backward(d_logits).d_parameters)


def test_gradients_of_another_run_are_refused(model, run):
    _, d_logits = binary_cross_entropy(run.logits, [1])
    for other in ([1, 1, 2, 3], [0, 1, 2], [[0, 1, 2, 3]]):
        theirs = model.forward(other)
        gradients = theirs.backward(np.broadcast_to(d_logits, theirs.logits.shape))
        with pytest.raises(ValueError, match=r"gradients must be those of this run"):
            trace(run, gradients=gradients)
    d_output = np.ones((4, 3))
    gradients = run.run.backward(d_output)
    d_output[2] = 5.0
    with pytest.raises(ValueError, match=r"leave the arrays that were given to it as they are"):
        trace(run.run, gradients=gradients)


def test_float32_is_no_reason_to_refuse():
    rng = np.random.default_rng(0)
    rnn = RNN(20, 30, num_layers=2, bidirectional=True, dtype=np.float32, rng=rng)
    run = rnn.forward(rng.standard_normal((2, 50, 20)))
    found = trace(run, row=1, gradients=run.backward(rng.standard_normal(run.output.shape)))
    assert found.steps[0][0].gradients.d_h.dtype == np.float32
