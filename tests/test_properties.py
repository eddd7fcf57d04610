"""What holds for every recurrent network, whatever its weights: a sentence each, tried on random networks."""

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from plain import networks
from vanilla_rnn import RNN, Embedding, RNNCell, check_gradients, one_hot

onward = networks(max_directions=1, lengths=False)  # one direction, all rows equally long
single = networks(max_layers=1, max_directions=1)


def close(found, expected):
    scale = max(1.0, float(np.abs(expected).max(initial=0.0)))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10 * scale)


def answer(case, **changed):
    """The network's answer, with some of its inputs changed."""
    case = case | changed
    return case["rnn"](case["x"], case["h_0"], case["lengths"])


def gradients(case, d_output, d_h_n, **changed):
    case = case | changed
    return case["rnn"].forward(case["x"], case["h_0"], case["lengths"]).backward(d_output, d_h_n)


def from_above(case):
    """Random gradients of output and h_n."""
    output, h_n = answer(case)
    return case["rng"].standard_normal(output.shape), case["rng"].standard_normal(h_n.shape)


def starts(case):
    """The states it begins with, also where they were left out."""
    rnn = case["rnn"]
    return np.zeros((len(rnn.cells), len(case["x"]), rnn.hidden_size)) if case["h_0"] is None else case["h_0"]


def remade(case, change):
    """The network of one cell with changed weights."""
    cell = case["rnn"].cells[0]
    b_h = np.zeros(cell.hidden_size) if cell.b_h is None else cell.b_h
    return RNN.from_cells([RNNCell.from_weights(*change(cell.W_xh, cell.W_hh, b_h), nonlinearity=cell.nonlinearity)])


@given(case=onward, data=st.data())
def test_causality(case, data):
    """No step knows what comes after it."""
    time = case["x"].shape[1]
    assume(time)
    k = data.draw(st.integers(0, time - 1))
    changed = case["x"].copy()
    changed[:, k:] = case["rng"].standard_normal(changed[:, k:].shape)
    before, after = answer(case)[0], answer(case, x=changed)[0]
    np.testing.assert_array_equal(after[:, :k], before[:, :k])


@given(case=networks(), data=st.data())
def test_rows_do_not_see_one_another(case, data):
    """What one row of a batch holds changes no other row."""
    batch = len(case["x"])
    assume(batch > 1)
    row = data.draw(st.integers(0, batch - 1))
    changed = case["x"].copy()
    changed[row] = case["rng"].standard_normal(changed[row].shape)
    others = np.arange(batch) != row
    for before, after, axis in zip(answer(case), answer(case, x=changed), (0, 1), strict=True):
        close(after.compress(others, axis), before.compress(others, axis))


@given(case=networks(), data=st.data())
def test_a_batch_of_one_is_its_row(case, data):
    """A row by itself gives what it gives among others."""
    batch = len(case["x"])
    assume(batch)
    row = data.draw(st.integers(0, batch - 1))
    part = {name: None if case[name] is None else case[name][row : row + 1] for name in ("x", "lengths")}
    part["h_0"] = None if case["h_0"] is None else case["h_0"][:, row : row + 1]
    output, h_n = answer(case)
    alone, h_n_alone = answer(case, **part)
    close(alone[0], output[row])
    close(h_n_alone[:, 0], h_n[:, row])


@given(case=networks())
def test_permuting_the_batch_permutes_the_result(case):
    """The order of the rows is nothing but an order."""
    order = case["rng"].permutation(len(case["x"]))
    turned = {name: None if case[name] is None else case[name][order] for name in ("x", "lengths")}
    turned["h_0"] = None if case["h_0"] is None else case["h_0"][:, order]
    output, h_n = answer(case)
    turned_output, turned_h_n = answer(case, **turned)
    close(turned_output, output[order])
    close(turned_h_n, h_n[:, order])


@given(case=onward, data=st.data())
def test_carrying_the_state_equals_reading_on(case, data):
    """Reading a beginning, and the rest from the state it left, is reading it all."""
    x = case["x"]
    k = data.draw(st.integers(0, x.shape[1]))
    first, h = answer(case, x=x[:, :k])
    second, h_n = answer(case, x=x[:, k:], h_0=h)
    output, expected = answer(case)
    close(np.concatenate([first, second], axis=1), output)
    close(h_n, expected)


@given(case=networks())
def test_what_stands_behind_a_row_s_length_is_invisible(case):
    """Padding of NaN and infinity changes nothing, forward and backward."""
    assume(case["lengths"] is not None)
    behind = np.arange(case["x"].shape[1]) >= case["lengths"][:, None]
    d_output, d_h_n = from_above(case)
    spoiled, d_spoiled = case["x"].copy(), d_output.copy()
    spoiled[behind], d_spoiled[behind] = np.nan, np.inf
    for one, other in zip(answer(case), answer(case, x=spoiled), strict=True):
        np.testing.assert_array_equal(one, other)
    one, other = gradients(case, d_output, d_h_n), gradients(case, d_spoiled, d_h_n, x=spoiled)
    np.testing.assert_array_equal(one.d_x, other.d_x)
    assert not one.d_x[behind].any()
    for name, gradient in one.d_parameters.items():
        np.testing.assert_array_equal(gradient, other.d_parameters[name])


@given(case=networks(), more=st.integers(1, 4))
def test_more_padding_changes_nothing(case, more):
    """A batch padded further gives the same, and 0 at the new steps."""
    batch, time, size = case["x"].shape
    lengths = np.full(batch, time) if case["lengths"] is None else case["lengths"]
    padded = np.concatenate([case["x"], case["rng"].standard_normal((batch, more, size))], axis=1)
    output, h_n = answer(case)
    longer, longer_h_n = answer(case, x=padded, lengths=lengths)
    close(longer[:, :time], output)
    close(longer_h_n, h_n)
    assert not longer[:, time:].any()


@given(case=networks())
def test_a_row_of_length_0_keeps_its_state(case):
    """Who reads nothing remembers what it began with."""
    batch = len(case["x"])
    output, h_n = answer(case, lengths=np.zeros(batch, int))
    np.testing.assert_array_equal(h_n, starts(case))
    assert not output.any()


@given(case=networks(max_layers=1))
def test_two_directions_are_each_by_itself_side_by_side(case):
    """The forward half is the forward cell's network; the reverse half reads the rows flipped, and is flipped back."""
    rnn, x = case["rnn"], case["x"]
    assume(rnn.bidirectional)
    batch, time, _ = x.shape
    lengths = np.full(batch, time) if case["lengths"] is None else case["lengths"]
    flip = np.arange(time) + np.zeros((batch, 1), int)
    flip = np.where(flip < lengths[:, None], lengths[:, None] - 1 - flip, flip)[:, :, None]
    output, h_n = answer(case)
    for direction, cell in enumerate(rnn.cells):
        one = RNN.from_cells([cell])
        reads = np.take_along_axis(x, flip, axis=1) if direction else x
        states, final = one(reads, starts(case)[direction : direction + 1], lengths)
        states = np.take_along_axis(states, flip, axis=1) if direction else states
        close(output[:, :, direction * rnn.hidden_size :][:, :, : rnn.hidden_size], states)
        close(h_n[direction], final[0])


@given(case=networks())
def test_tanh_bounds_the_state(case):
    """After a step of tanh no unit is beyond -1 or 1, however large the inputs."""
    assume(case["rnn"].cells[0].nonlinearity == "tanh")
    output, _ = answer(case, x=case["x"] * 1e3)
    assert (np.abs(output) <= 1).all()


@given(case=single)
def test_relabelling_units_relabels_the_output(case):
    """Hidden units have no order: P W_xh, P W_hh P^T, P b and P h_0 give P h."""
    order = case["rng"].permutation(case["rnn"].hidden_size)
    turned = remade(case, lambda W_xh, W_hh, b_h: (W_xh[order], W_hh[order][:, order], b_h[order]))
    output, h_n = answer(case)
    turned_output, turned_h_n = answer(case, rnn=turned, h_0=starts(case)[..., order])
    close(turned_output, output[..., order])
    close(turned_h_n, h_n[..., order])


@given(case=single)
def test_flipping_a_unit_s_sign_flips_its_state(case):
    """A unit of tanh and its mirror image do the same work: S W_xh, S W_hh S, S b and S h_0 give S h."""
    assume(case["rnn"].cells[0].nonlinearity == "tanh")
    signs = case["rng"].choice([-1.0, 1.0], case["rnn"].hidden_size)
    flipped = remade(case, lambda W_xh, W_hh, b_h: (signs[:, None] * W_xh, signs[:, None] * W_hh * signs, signs * b_h))
    for found, expected in zip(answer(case, rnn=flipped, h_0=starts(case) * signs), answer(case), strict=True):
        close(found, expected * signs)


@given(case=networks())
def test_tanh_without_bias_is_odd(case):
    """Without a bias, the opposite inputs and states give the opposite answer."""
    cells = case["rnn"].cells
    assume(cells[0].nonlinearity == "tanh" and cells[0].b_h is None)
    for found, expected in zip(answer(case, x=-case["x"], h_0=-starts(case)), answer(case), strict=True):
        close(found, -expected)


@given(case=single)
def test_a_bias_is_one_more_input_that_is_always_1(case):
    """b_h is a column of W_xh whose input never changes."""
    cell = case["rnn"].cells[0]
    assume(cell.b_h is not None)
    wider = RNN.from_cells(
        [RNNCell.from_weights(np.column_stack([cell.W_xh, cell.b_h]), cell.W_hh, nonlinearity=cell.nonlinearity)]
    )
    ones = np.concatenate([case["x"], np.ones((*case["x"].shape[:2], 1))], axis=2)
    for found, expected in zip(answer(case, rnn=wider, x=ones), answer(case), strict=True):
        close(found, expected)


@given(case=single)
def test_rotating_inputs_and_W_xh_together_changes_nothing(case):  # noqa: N802
    """The input's axes are a choice: (W_xh R^T) (R x) = W_xh x."""
    R, _ = np.linalg.qr(case["rng"].standard_normal((case["rnn"].input_size, case["rnn"].input_size)))
    turned = remade(case, lambda W_xh, W_hh, b_h: (W_xh @ R.T, W_hh, b_h))
    for found, expected in zip(answer(case, rnn=turned, x=case["x"] @ R.T), answer(case), strict=True):
        close(found, expected)


@given(case=single, more=st.integers(1, 3))
def test_units_that_only_listen_change_nothing(case, more):
    """New units that hear the old ones, but that no old one hears, leave the old ones as they were."""
    rng, hidden = case["rng"], case["rnn"].hidden_size

    def grown(W_xh, W_hh, b_h):
        silent = np.block([[W_hh, np.zeros((hidden, more))], [rng.standard_normal((more, hidden + more))]])
        return np.vstack([W_xh, rng.standard_normal((more, W_xh.shape[1]))]), silent, np.append(b_h, np.ones(more))

    h_0 = np.concatenate([starts(case), np.zeros((1, len(case["x"]), more))], axis=2)
    for found, expected in zip(answer(case, rnn=remade(case, grown), h_0=h_0), answer(case), strict=True):
        close(found[..., :hidden], expected)


@given(seed=st.integers(0, 2**32 - 1), shape=st.tuples(st.integers(0, 3), st.integers(0, 5)))
def test_an_embedding_is_a_one_hot_vector_times_a_matrix(seed, shape):
    """Looking up and multiplying are the same, and in the gradient repeated ids add up."""
    rng = np.random.default_rng(seed)
    embedding, ids = Embedding(4, 3, rng=rng), rng.integers(0, 4, shape)
    ones = one_hot(ids, 4)
    embedded = embedding.forward(ids)
    close(embedded.vectors, ones @ embedding.vectors)
    d_vectors = rng.standard_normal(embedded.vectors.shape)
    (gradient,) = embedded.backward(d_vectors).d_parameters.values()
    close(gradient, np.einsum("btv,btd->vd", ones, d_vectors))


@given(case=onward, c=st.floats(0.1, 0.95))
def test_a_contraction_forgets_where_it_began(case, c):
    """With ||W_hh|| <= c < 1 two starting states come together by a factor of c a step, at least."""
    rnn = RNN(case["rnn"].input_size, case["rnn"].hidden_size, nonlinearity=case["rnn"].cells[0].nonlinearity, rng=0)
    W_hh = rnn.cells[0].W_hh
    W_hh *= c / np.linalg.norm(W_hh, 2)
    h_0 = case["rng"].standard_normal((2, 1, len(case["x"]), rnn.hidden_size))
    apart = np.linalg.norm(rnn(case["x"], h_0[0])[0] - rnn(case["x"], h_0[1])[0], axis=2)  # (batch, time)
    bound = np.linalg.norm(h_0[0] - h_0[1], axis=2)[0][:, None] * c ** np.arange(1, case["x"].shape[1] + 1)
    assert (apart <= bound + 1e-12).all()


@given(case=networks(), one=st.floats(-3, 3), other=st.floats(-3, 3))
def test_the_gradient_is_linear_in_what_comes_from_above(case, one, other):
    """The gradient of a weighted sum of losses is the weighted sum of their gradients."""
    first, second = from_above(case), from_above(case)
    both = [one * a + other * b for a, b in zip(first, second, strict=True)]
    a, b, sum_ = gradients(case, *first), gradients(case, *second), gradients(case, *both)
    close(sum_.d_x, one * a.d_x + other * b.d_x)
    close(sum_.d_h_0, one * a.d_h_0 + other * b.d_h_0)
    for name, gradient in sum_.d_parameters.items():
        close(gradient, one * a.d_parameters[name] + other * b.d_parameters[name])


@given(case=onward, data=st.data())
def test_no_gradient_comes_from_the_past(case, data):
    """A loss that reads only the steps before k gives the inputs from k on no gradient."""
    k = data.draw(st.integers(0, case["x"].shape[1]))
    d_output, _ = from_above(case)
    d_output[:, k:] = 0
    assert not gradients(case, d_output, None).d_x[:, k:].any()


@given(case=networks())
def test_backpropagation_is_the_derivative(case):
    """BPTT agrees with the complex-step derivative to eleven digits."""
    assume(case["rnn"].cells[0].nonlinearity == "tanh")  # relu has no derivative at 0, where a silent layer leaves it
    inputs = [case["x"], starts(case)]
    if case["lengths"] is not None:
        inputs.append(case["lengths"])
    assert check_gradients(case["rnn"], *inputs) < 1e-11


@given(case=networks(max_layers=1))
def test_what_weights_and_inputs_get_is_the_same_in_sum(case):
    """W_xh and x act only as their product, so sum(d_W_xh * W_xh) = sum(d_x * x)."""
    found = gradients(case, *from_above(case))
    weights = sum((found.d_parameters[f"cells.{i}.W_xh"] * cell.W_xh).sum() for i, cell in enumerate(case["rnn"].cells))
    close(weights, (found.d_x * case["x"]).sum())


@given(case=networks())
def test_a_batch_s_gradient_is_the_sum_of_its_rows(case):
    """A batch is its rows, and a sum's derivative the sum of derivatives."""
    d_output, d_h_n = from_above(case)
    found = gradients(case, d_output, d_h_n).d_parameters
    total = {name: np.zeros_like(gradient) for name, gradient in found.items()}
    for row in range(len(case["x"])):
        part = {name: None if case[name] is None else case[name][row : row + 1] for name in ("x", "lengths")}
        part["h_0"] = starts(case)[:, row : row + 1]
        of_row = gradients(case, d_output[row : row + 1], d_h_n[:, row : row + 1], **part).d_parameters
        for name, gradient in of_row.items():
            total[name] += gradient
    for name, gradient in found.items():
        close(gradient, total[name])


@given(case=networks())
def test_float32_is_near_float64(case):
    """On short sequences half the digits lose little: 2e-5 of the largest number."""
    cells = [
        RNNCell.from_weights(*(None if w is None else w.astype(np.float32) for w in (cell.W_xh, cell.W_hh, cell.b_h)),
                             nonlinearity=cell.nonlinearity)
        for cell in case["rnn"].cells
    ]  # fmt: skip
    short = RNN.from_cells(cells, bidirectional=case["rnn"].bidirectional)
    assert short.dtype == np.float32
    for found, expected in zip(answer(case, rnn=short), answer(case), strict=True):
        scale = max(1.0, float(np.abs(expected).max(initial=0.0)))
        np.testing.assert_allclose(found, expected, rtol=0, atol=2e-5 * scale)
