"""Properties of every recurrent network, whatever its weights: a sentence for each, tried on random networks."""

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from plain import SEEDS, assert_close, initial_states, networks
from vanilla_rnn import RNN, Embedding, RNNCell, check_gradients, one_hot

one_direction = networks(max_directions=1, lengths=False)  # with all steps of all rows
one_cell = networks(max_layers=1, max_directions=1)


def run_of(case, **changes):
    """The run of a case, with some of its inputs changed."""
    case = case | changes
    return case["rnn"].forward(case["x"], case["h_0"], case["lengths"])


def output_of(case, **changes):
    """The pair (output, h_n)."""
    case = case | changes
    return case["rnn"](case["x"], case["h_0"], case["lengths"])


def upstream_of(case):
    """Random gradients of output and h_n."""
    return [case["rng"].standard_normal(values.shape) for values in output_of(case)]


def rows_of(case, rows):
    """The inputs of some rows of the batch."""
    chosen = {name: None if case[name] is None else case[name][rows] for name in ("x", "lengths")}
    return chosen | {"h_0": None if case["h_0"] is None else case["h_0"][:, rows]}


def nonlinearity_of(case):
    return case["rnn"].cells[0].nonlinearity


def other_cell(case, change):
    """A network of one cell, with the changed weights of the case's cell."""
    cell = case["rnn"].cells[0]
    b_h = np.zeros(cell.hidden_size) if cell.b_h is None else cell.b_h
    weights = change(cell.W_xh, cell.W_hh, b_h)
    return RNN.from_cells([RNNCell.from_weights(*weights, nonlinearity=cell.nonlinearity)])


def assert_all_close(results, expected):
    for values, expected_values in zip(results, expected, strict=True):
        assert_close(values, expected_values, 1e-10)


@given(case=one_direction, data=st.data())
def test_no_step_depends_on_a_later_step(case, data):
    """Causality: changed inputs from step k on leave the output before step k as it was."""
    assume(case["x"].shape[1])
    k = data.draw(st.integers(0, case["x"].shape[1] - 1))
    changed = case["x"].copy()
    changed[:, k:] = case["rng"].standard_normal(changed[:, k:].shape)
    np.testing.assert_array_equal(output_of(case, x=changed)[0][:, :k], output_of(case)[0][:, :k])


@given(case=networks(), data=st.data())
def test_no_row_depends_on_another_row(case, data):
    """The inputs of one row of a batch change no other row."""
    batch = len(case["x"])
    assume(batch > 1)
    row = data.draw(st.integers(0, batch - 1))
    changed = case["x"].copy()
    changed[row] = case["rng"].standard_normal(changed[row].shape)
    others = np.arange(batch) != row
    before, after = output_of(case), output_of(case, x=changed)
    assert_all_close((after[0][others], after[1][:, others]), (before[0][others], before[1][:, others]))


@given(case=networks(), data=st.data())
def test_a_batch_of_one_is_its_row(case, data):
    """A row by itself gives the same result as among others."""
    assume(len(case["x"]))
    row = data.draw(st.integers(0, len(case["x"]) - 1))
    (output, h_n), (alone, h_n_alone) = output_of(case), output_of(case, **rows_of(case, [row]))
    assert_all_close((alone[0], h_n_alone[:, 0]), (output[row], h_n[:, row]))


@given(case=networks())
def test_permuting_the_batch_permutes_the_result(case):
    """The order of the rows has no meaning."""
    order = case["rng"].permutation(len(case["x"]))
    output, h_n = output_of(case)
    assert_all_close(output_of(case, **rows_of(case, order)), (output[order], h_n[:, order]))


@given(case=one_direction, data=st.data())
def test_a_sequence_can_be_read_in_pieces(case, data):
    """The rest of a sequence, read from the state after its beginning, gives the same as the whole sequence."""
    x = case["x"]
    k = data.draw(st.integers(0, x.shape[1]))
    first, h = output_of(case, x=x[:, :k])
    second, h_n = output_of(case, x=x[:, k:], h_0=h)
    assert_all_close((np.concatenate([first, second], axis=1), h_n), output_of(case))


@given(case=networks())
def test_everything_beyond_a_row_s_length_is_ignored(case):
    """Padding of NaN, infinity and huge numbers changes nothing, forward and backward."""
    assume(case["lengths"] is not None)
    padding = np.arange(case["x"].shape[1]) >= case["lengths"][:, None]
    d_output, d_h_n = upstream_of(case)
    other_x, other_d_output = case["x"].copy(), d_output.copy()
    other_x[padding] = case["rng"].choice([np.nan, np.inf, 1e300])
    other_d_output[padding] = case["rng"].choice([np.nan, -np.inf, 1e300])
    run, other_run = run_of(case), run_of(case, x=other_x)
    for values, other in ((run.output, other_run.output), (run.h_n, other_run.h_n)):
        np.testing.assert_array_equal(values, other)
    gradients, others = run.backward(d_output, d_h_n), other_run.backward(other_d_output, d_h_n)
    np.testing.assert_array_equal(gradients.d_x, others.d_x)
    assert not gradients.d_x[padding].any()
    for path, gradient in gradients.d_parameters.items():
        np.testing.assert_array_equal(gradient, others.d_parameters[path])


@given(case=networks(), more=st.integers(1, 4))
def test_more_padding_changes_nothing(case, more):
    """With more padding the result is the same, and 0 at the new steps."""
    batch, time, size = case["x"].shape
    lengths = np.full(batch, time) if case["lengths"] is None else case["lengths"]
    padded = np.concatenate([case["x"], case["rng"].standard_normal((batch, more, size))], axis=1)
    longer, h_n = output_of(case, x=padded, lengths=lengths)
    assert_all_close((longer[:, :time], h_n), output_of(case))
    assert not longer[:, time:].any()


@given(case=networks())
def test_a_row_of_length_0_keeps_its_state(case):
    """Without a step, the final state is the initial state."""
    output, h_n = output_of(case, lengths=np.zeros(len(case["x"]), int))
    np.testing.assert_array_equal(h_n, initial_states(case))
    assert not output.any()


@given(case=networks(max_layers=1))
def test_two_directions_are_two_networks_next_to_each_other(case):
    """The reverse half is a network that reads every row reversed; its output is reversed back."""
    rnn, x = case["rnn"], case["x"]
    assume(rnn.bidirectional)
    batch, time, _ = x.shape
    lengths = np.full(batch, time) if case["lengths"] is None else case["lengths"]
    steps = np.arange(time) + np.zeros((batch, 1), int)
    reverse = np.where(steps < lengths[:, None], lengths[:, None] - 1 - steps, steps)[:, :, None]
    output, h_n = output_of(case)
    halves = np.split(output, 2, axis=2)
    for direction, (cell, half) in enumerate(zip(rnn.cells, halves, strict=True)):
        inputs = np.take_along_axis(x, reverse, axis=1) if direction else x
        states, final = RNN.from_cells([cell])(inputs, initial_states(case)[direction : direction + 1], lengths)
        states = np.take_along_axis(states, reverse, axis=1) if direction else states
        assert_all_close((half, h_n[direction]), (states, final[0]))


@given(case=networks(nonlinearities=["tanh", "sigmoid"]))
def test_tanh_and_sigmoid_bound_the_state(case):
    """No unit leaves the range of its nonlinearity, however large the inputs."""
    output, _ = output_of(case, x=case["x"] * 1e3)
    assert (np.abs(output) <= 1).all()
    assert nonlinearity_of(case) == "tanh" or (output >= 0).all()


@given(case=one_cell)
def test_renumbering_the_units_renumbers_the_output(case):
    """Hidden units have no order: P W_xh, P W_hh P^T, P b and P h_0 give P h."""
    order = case["rng"].permutation(case["rnn"].hidden_size)
    renumbered = other_cell(case, lambda W_xh, W_hh, b_h: (W_xh[order], W_hh[order][:, order], b_h[order]))
    expected = [values[..., order] for values in output_of(case)]
    assert_all_close(output_of(case, rnn=renumbered, h_0=initial_states(case)[..., order]), expected)


@given(case=networks(max_layers=1, max_directions=1, nonlinearities=["tanh", "linear"]))
def test_changing_the_sign_of_a_unit_changes_the_sign_of_its_state(case):
    """A unit with an odd nonlinearity has a mirror image: S W_xh, S W_hh S, S b and S h_0 give S h."""
    s = case["rng"].choice([-1.0, 1.0], case["rnn"].hidden_size)
    mirrored = other_cell(case, lambda W_xh, W_hh, b_h: (s[:, None] * W_xh, s[:, None] * W_hh * s, s * b_h))
    expected = [values * s for values in output_of(case)]
    assert_all_close(output_of(case, rnn=mirrored, h_0=initial_states(case) * s), expected)


@given(case=networks(nonlinearities=["tanh", "linear"], biases=[False]))
def test_a_network_of_tanh_without_bias_is_odd(case):
    """Without a bias, inputs and states of the opposite sign give the opposite result; so does a linear network."""
    expected = [-values for values in output_of(case)]
    assert_all_close(output_of(case, x=-case["x"], h_0=-initial_states(case)), expected)


@given(case=networks(nonlinearities=["relu", "linear"], biases=[False]), factor=st.floats(0.1, 3))
def test_a_network_of_relu_without_bias_is_homogeneous(case, factor):
    """Without a bias, inputs and states times c > 0 give the result times c."""
    expected = [factor * values for values in output_of(case)]
    assert_all_close(output_of(case, x=factor * case["x"], h_0=factor * initial_states(case)), expected)


@given(case=networks(max_layers=1, max_directions=1, nonlinearities=["sigmoid"]))
def test_sigmoid_is_tanh_on_another_scale(case):
    """sigmoid(a) = (1 + tanh(a / 2)) / 2: with h = (1 + g) / 2, a network of sigmoid is one of tanh."""
    cell = case["rnn"].cells[0]
    b_h = 0.0 if cell.b_h is None else cell.b_h
    weights = cell.W_xh / 2, cell.W_hh / 4, b_h / 2 + cell.W_hh.sum(axis=1) / 4
    g = RNN.from_cells([RNNCell.from_weights(*weights)])
    output, h_n = output_of(case, rnn=g, h_0=2 * initial_states(case) - 1)
    real = np.ones(output.shape[:2], bool)
    if case["lengths"] is not None:
        real = np.arange(output.shape[1]) < case["lengths"][:, None]
    expected, expected_h_n = output_of(case)
    assert_all_close(((1 + output[real]) / 2, (1 + h_n) / 2), (expected[real], expected_h_n))


@given(case=networks(max_layers=1, max_directions=1, biases=[True]))
def test_a_bias_is_the_weight_of_an_input_that_is_always_1(case):
    """b_h is a column of W_xh whose input never changes."""
    wider = other_cell(case, lambda W_xh, W_hh, b_h: (np.column_stack([W_xh, b_h]), W_hh))
    ones = np.concatenate([case["x"], np.ones((*case["x"].shape[:2], 1))], axis=2)
    assert_all_close(output_of(case, rnn=wider, x=ones), output_of(case))


@given(case=one_cell)
def test_rotating_inputs_and_input_weights_together_changes_nothing(case):
    """The axes of the input are a choice: (W_xh R^T) (R x) = W_xh x."""
    R, _ = np.linalg.qr(case["rng"].standard_normal((case["rnn"].input_size, case["rnn"].input_size)))
    rotated = other_cell(case, lambda W_xh, W_hh, b_h: (W_xh @ R.T, W_hh, b_h))
    assert_all_close(output_of(case, rnn=rotated, x=case["x"] @ R.T), output_of(case))


@given(case=one_cell, more=st.integers(1, 3))
def test_units_that_no_other_unit_reads_change_nothing(case, more):
    """New units that read the old ones, but that no old one reads, leave the old ones as they were."""
    rng, hidden = case["rng"], case["rnn"].hidden_size

    def grown(W_xh, W_hh, b_h):
        square = np.block([[W_hh, np.zeros((hidden, more))], [rng.standard_normal((more, hidden + more))]])
        return np.vstack([W_xh, rng.standard_normal((more, W_xh.shape[1]))]), square, np.append(b_h, np.ones(more))

    h_0 = np.concatenate([initial_states(case), np.zeros((1, len(case["x"]), more))], axis=2)
    results = [values[..., :hidden] for values in output_of(case, rnn=other_cell(case, grown), h_0=h_0)]
    assert_all_close(results, output_of(case))


@given(seed=SEEDS, shape=st.tuples(st.integers(0, 3), st.integers(0, 5)))
def test_a_network_after_an_embedding_is_a_network_of_one_hot_vectors(seed, shape):
    """W_xh (E^T one_hot) = (W_xh E^T) one_hot: an embedding is a part of the input weights."""
    rng = np.random.default_rng(seed)
    embedding, cell, ids = Embedding(4, 3, rng=rng), RNNCell(3, 2, rng=rng), rng.integers(0, 4, shape)
    joined = RNN.from_cells([RNNCell.from_weights(cell.W_xh @ embedding.vectors.T, cell.W_hh, cell.b_h)])
    assert_all_close(joined(one_hot(ids, 4)), RNN.from_cells([cell])(embedding(ids)))


@given(case=one_direction, c=st.floats(0.1, 0.95))
def test_a_contraction_forgets_its_initial_state(case, c):
    """With ||W_hh|| <= c < 1 two initial states come closer by a factor of at least c at every step."""
    rnn = RNN(case["rnn"].input_size, case["rnn"].hidden_size, nonlinearity=nonlinearity_of(case), rng=0)
    W_hh = rnn.cells[0].W_hh
    W_hh *= c / np.linalg.norm(W_hh, 2)
    h_0 = case["rng"].standard_normal((2, 1, len(case["x"]), rnn.hidden_size))
    distance = np.linalg.norm(rnn(case["x"], h_0[0])[0] - rnn(case["x"], h_0[1])[0], axis=2)  # (batch, time)
    bound = np.linalg.norm(h_0[0] - h_0[1], axis=2)[0][:, None] * c ** np.arange(1, case["x"].shape[1] + 1)
    assert (distance <= bound + 1e-12).all()


@given(case=networks(), one=st.floats(-3, 3), other=st.floats(-3, 3))
def test_the_gradient_is_linear_in_the_upstream_gradient(case, one, other):
    """The gradient of a weighted sum of losses is the weighted sum of their gradients."""
    run, first, second = run_of(case), upstream_of(case), upstream_of(case)
    both = [one * a + other * b for a, b in zip(first, second, strict=True)]
    a, b, combined = run.backward(*first), run.backward(*second), run.backward(*both)
    assert_all_close((combined.d_x, combined.d_h_0), (one * a.d_x + other * b.d_x, one * a.d_h_0 + other * b.d_h_0))
    for path, gradient in combined.d_parameters.items():
        assert_close(gradient, one * a.d_parameters[path] + other * b.d_parameters[path], 1e-10)


@given(case=one_direction, data=st.data())
def test_no_gradient_reaches_a_later_step(case, data):
    """A loss of the steps before k gives the inputs from k on no gradient."""
    k = data.draw(st.integers(0, case["x"].shape[1]))
    d_output, _ = upstream_of(case)
    d_output[:, k:] = 0
    assert not run_of(case).backward(d_output).d_x[:, k:].any()


@given(case=networks(nonlinearities=["tanh", "sigmoid", "linear"]))
def test_backpropagation_is_the_derivative(case):
    """BPTT agrees with the complex-step derivative to eleven digits."""
    # relu has no derivative at 0, and zeros are what a layer reads above a layer of relu that is off.
    lengths = [] if case["lengths"] is None else [case["lengths"]]
    assert check_gradients(case["rnn"], case["x"], initial_states(case), *lengths) < 1e-11


@given(case=networks(max_layers=1))
def test_the_gradients_of_weights_and_inputs_have_the_same_sum(case):
    """Only the product W_xh x matters, so sum(d_W_xh * W_xh) = sum(d_x * x)."""
    gradients = run_of(case).backward(*upstream_of(case))
    cells = enumerate(case["rnn"].cells)
    weights = sum((gradients.d_parameters[f"cells.{number}.W_xh"] * cell.W_xh).sum() for number, cell in cells)
    assert_close(weights, (gradients.d_x * case["x"]).sum(), 1e-10)


@given(case=networks())
def test_the_gradient_of_a_batch_is_the_sum_of_its_rows(case):
    """The derivative of a sum is the sum of the derivatives."""
    d_output, d_h_n = upstream_of(case)
    d_parameters = run_of(case).backward(d_output, d_h_n).d_parameters
    total = {path: np.zeros_like(gradient) for path, gradient in d_parameters.items()}
    for row in range(len(case["x"])):
        of_row = run_of(case, **rows_of(case, [row])).backward(d_output[[row]], d_h_n[:, [row]]).d_parameters
        total = {path: total[path] + of_row[path] for path in total}
    for path, gradient in d_parameters.items():
        assert_close(gradient, total[path], 1e-10)


@given(case=networks())
def test_float32_is_close_to_float64(case):
    """On short sequences, half of the digits lose little: 2e-5 of the largest number, 1e-4 in a gradient."""
    rnn = case["rnn"]
    narrow = RNN(rnn.input_size, rnn.hidden_size, num_layers=rnn.num_layers, bidirectional=rnn.bidirectional,
                 bias=rnn.cells[0].b_h is not None, nonlinearity=nonlinearity_of(case), dtype=np.float32)  # fmt: skip
    narrow.load_parameters(rnn.parameters())
    run, narrow_run, upstream = run_of(case), run_of(case, rnn=narrow), upstream_of(case)
    assert_close(narrow_run.output, run.output, 2e-5)
    assert_close(narrow_run.h_n, run.h_n, 2e-5)
    narrow_gradients = narrow_run.backward(*upstream).d_parameters
    for path, gradient in run.backward(*upstream).d_parameters.items():
        assert narrow_gradients[path].dtype == np.float32
        assert_close(narrow_gradients[path], gradient, 1e-4)
