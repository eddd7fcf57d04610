import json

import numpy as np
import pytest

from optimizers_by_pytorch import CALLS, PLACE, by_pytorch, start_and_gradients
from vanilla_rnn import SGD, Adam, clip_grad_norm


def make(call):
    return eval(call, {"SGD": SGD, "Adam": Adam})


@pytest.mark.parametrize("call", CALLS)
def test_fifty_steps_as_pytorch_takes_them(call):
    expected = json.loads(PLACE.read_text())[call]
    parameters, steps = start_and_gradients()
    optimizer = make(call)
    for gradients in steps:
        optimizer.step(parameters, gradients)
    for name, values in parameters.items():
        np.testing.assert_allclose(values, expected[name], rtol=1e-12, atol=1e-12)


def test_the_stored_numbers_are_what_pytorch_gives_now():
    pytest.importorskip("torch")
    stored = json.loads(PLACE.read_text())
    assert list(stored) == list(CALLS)
    for call, weights in by_pytorch().items():
        for name, values in weights.items():
            np.testing.assert_allclose(values, stored[call][name], rtol=1e-12)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_state_that_is_saved_and_resumed_goes_on_bit_for_bit(call, dtype, tmp_path):
    parameters, steps = start_and_gradients()
    parameters = {name: values.astype(dtype) for name, values in parameters.items()}
    steps = [{name: values.astype(dtype) for name, values in gradients.items()} for gradients in steps]
    one = make(call)
    for gradients in steps[:20]:
        one.step(parameters, gradients)
    np.savez(tmp_path / "state.npz", **one.state)
    resumed, other = {name: values.copy() for name, values in parameters.items()}, make(call)
    other.state = dict(np.load(tmp_path / "state.npz"))
    for gradients in steps[20:]:
        one.step(parameters, gradients)
        other.step(resumed, gradients)
    for name, values in parameters.items():
        assert values.dtype == dtype
        assert np.array_equal(values, resumed[name])
    for name, values in one.state.items():
        assert np.array_equal(values, other.state[name])


def test_a_step_changes_arrays_in_place_and_leaves_gradients_alone():
    for call in CALLS:
        parameters, steps = start_and_gradients()
        arrays, kept = list(parameters.values()), {name: values.copy() for name, values in steps[0].items()}
        optimizer = make(call)
        for _ in range(2):
            optimizer.step(parameters, steps[0])
        assert all(values is array for values, array in zip(parameters.values(), arrays, strict=True))
        assert all(np.array_equal(values, kept[name]) for name, values in steps[0].items())


@pytest.mark.parametrize("call", CALLS)
def test_a_step_that_is_refused_changes_nothing(call):
    parameters, steps = start_and_gradients()
    optimizer = make(call)
    optimizer.step(parameters, steps[0])
    before = {name: values.copy() for name, values in parameters.items()}
    state = {name: values.copy() for name, values in optimizer.state.items()}
    bad = steps[1] | {"b": np.array([0.0, np.nan])}
    made, same = "It came about before: print it where it is made.", "Are both of one model?"
    keys = "Pass model.parameters() and the d_parameters of the same model's backward."
    for gradients, message in (
        (bad, f"the gradient of b must be finite numbers (float64), got nan at index 1. {made}"),
        (
            steps[1] | {"b": np.zeros(3)},
            f"the gradient of b must be an array of 1 axis, of shape (2,) = the parameter's shape, got shape (3,). {same}",
        ),
        ({"W": steps[1]["W"]}, f"d_parameters must be of the same keys as parameters, got 'b' in one. {keys}"),
        ({}, f"d_parameters must be of the same keys as parameters, got 'W', 'b' in one. {keys}"),
    ):
        with pytest.raises(ValueError, match="must be") as caught:
            optimizer.step(parameters, gradients)
        assert str(caught.value) == f"{type(optimizer).__name__}.step: {message}"
    for name, values in parameters.items():
        assert np.array_equal(values, before[name])
    assert optimizer.state.keys() == state.keys()
    for name, values in optimizer.state.items():
        assert np.array_equal(values, state[name])


def test_a_result_that_overflows_is_refused():
    parameters = {"W": np.array([1.0])}
    for optimizer, gradient, message in (
        (SGD(1e10), 1e300, "SGD.step: W after the step must be finite"),
        (SGD(1e-300, momentum=0.9), 1.7e308, "SGD.step: W after the step must be finite"),
        (Adam(), 1e200, r"Adam.step: state\['s.W'\] after the step must be finite"),
        (Adam(1e300), 1e200, "Adam.step: W after the step must be finite"),  # inf / inf
    ):
        with pytest.raises(
            ValueError, match=rf"{message} numbers \(float64\), got (nan|-?inf) at index 0. It came about"
        ):
            for _ in range(3):
                optimizer.step(parameters, {"W": np.array([gradient])})
        assert np.isfinite(parameters["W"]).all()
        assert all(np.isfinite(values).all() for values in optimizer.state.values())


def test_no_parameter_changes_where_one_can_not():
    parameters = {"W": np.ones(2), "b": np.ones(2)}
    parameters["b"].flags.writeable = False
    with pytest.raises(ValueError, match="b must be") as caught:
        SGD(0.1).step(parameters, {"W": np.ones(2), "b": np.ones(2)})
    got = "got one of float64, writeable=False. Pass model.parameters(), the arrays themselves."
    assert str(caught.value) == f"SGD.step: b must be an array of floats that can be written to, {got}"
    assert np.array_equal(parameters["W"], [1.0, 1.0])
    with pytest.raises(ValueError, match="W must be an array of floats .*got one of int64"):
        SGD(0.1).step({"W": np.ones(2, int)}, {"W": np.ones(2)})
    narrow = {"W": np.ones(2, np.float32)}
    with pytest.raises(ValueError, match="W after the step must be finite numbers .float32."):
        SGD(1.0).step(narrow, {"W": np.full(2, 1e300)})
    assert np.array_equal(narrow["W"], [1.0, 1.0])


def test_repr():
    assert repr(SGD(0.1, momentum=0.5)) == "SGD(learning_rate=0.1, momentum=0.5)"
    assert repr(Adam()) == "Adam(learning_rate=0.001, betas=(0.9, 0.999), eps=1e-08)"


def test_an_optimizer_goes_with_one_model():
    for optimizer in (SGD(0.1, momentum=0.5), Adam()):
        optimizer.step({"W": np.ones(3)}, {"W": np.ones(3)})
        with pytest.raises(ValueError, match="state") as caught:
            optimizer.step({"W": np.ones(2)}, {"W": np.ones(2)})
        expected = "an array of 1 axis, of shape (2,) = the parameter's shape, got shape (3,)"
        assert str(caught.value) == (
            f"{type(optimizer).__name__}.step: state['{optimizer.kinds[0]}.W'] must be {expected}."
            " An optimiser goes with one model: make another one."
        )


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            "SGD(0.0)",
            ValueError,
            "SGD: learning_rate must be above 0.0 and finite, got 0.0. Other values have no meaning here.",
        ),
        (
            "Adam(-1)",
            ValueError,
            "Adam: learning_rate must be above 0.0 and finite, got -1. Other values have no meaning here.",
        ),
        (
            "SGD(float('inf'))",
            ValueError,
            "SGD: learning_rate must be above 0.0 and finite, got inf. Other values have no meaning here.",
        ),
        (
            "SGD(float('nan'))",
            ValueError,
            "SGD: learning_rate must be above 0.0 and finite, got nan. Other values have no meaning here.",
        ),
        (
            "SGD(True)",
            TypeError,
            "SGD: learning_rate must be a number, got True (bool). Pass a float, for example learning_rate=0.1.",
        ),
        (
            "SGD('fast')",
            TypeError,
            "SGD: learning_rate must be a number, got 'fast' (str). Pass a float, for example learning_rate=0.1.",
        ),
        (
            "SGD(0.1, momentum=1.0)",
            ValueError,
            "SGD: momentum must be at least 0.0 and below 1.0, got 1.0. Other values have no meaning here.",
        ),
        (
            "Adam(betas=(0.9,))",
            TypeError,
            "Adam: betas must be two numbers, got (0.9,) (tuple). For example (0.9, 0.999).",
        ),
        (
            "Adam(betas=(0.9, 1.0))",
            ValueError,
            "Adam: betas[1] must be at least 0.0 and below 1.0, got 1.0. Other values have no meaning here.",
        ),
        (
            "Adam(eps=0)",
            ValueError,
            "Adam: eps must be above 0.0 and finite, got 0. Other values have no meaning here.",
        ),
    ],
)
def test_bad_options(call, error, message):
    with pytest.raises(error) as caught:
        make(call)
    assert str(caught.value) == message


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_clipping_scales_all_gradients_by_one_factor(dtype):
    rng = np.random.default_rng(1)
    gradients = {"W": rng.standard_normal((3, 4)).astype(dtype), "b": rng.standard_normal(3).astype(dtype)}
    kept = {name: values.copy() for name, values in gradients.items()}
    norm = np.sqrt(sum((values.astype(float) ** 2).sum() for values in kept.values()))
    for at_least in (norm * 1.001, np.inf):
        assert clip_grad_norm(gradients, at_least) == pytest.approx(norm, rel=1e-6)
        assert all(np.array_equal(values, kept[name]) for name, values in gradients.items())
    arrays = list(gradients.values())
    assert clip_grad_norm(gradients, 0.5) == pytest.approx(norm, rel=1e-6)
    for name, values in gradients.items():
        assert values.dtype == dtype
        np.testing.assert_allclose(values, kept[name] * 0.5 / norm, rtol=1e-6)
    assert all(values is array for values, array in zip(gradients.values(), arrays, strict=True))


def test_a_norm_that_is_just_let_through_changes_nothing():
    rng = np.random.default_rng(2)
    for _ in range(50):  # of some, the factor max_norm / norm would come out a digit below 1
        gradients = {"W": rng.standard_normal(5)}
        kept, norm = gradients["W"].copy(), clip_grad_norm(gradients, np.inf)
        assert clip_grad_norm(gradients, norm) == norm
        assert np.array_equal(gradients["W"], kept)


def test_clipping_of_extremes():
    assert clip_grad_norm({"W": np.zeros(3)}, 1.0) == 0.0
    assert clip_grad_norm({}, 1.0) == 0.0
    assert clip_grad_norm({"W": np.zeros((0, 2))}, 1.0) == 0.0
    for size in (1e200, 1e-200):  # whose squares are out of range
        gradients = {"W": np.array([3.0, 4.0]) * size}
        assert clip_grad_norm(gradients, 1.0) == pytest.approx(5.0 * size, rel=1e-12, abs=0.0)
    np.testing.assert_allclose(gradients["W"], np.array([3.0, 4.0]) * size)
    gradients = {"W": np.full(4, 1.7e308)}  # of a norm that is out of range itself
    assert clip_grad_norm(gradients, 1.0) == np.inf
    np.testing.assert_allclose(gradients["W"], 0.5)
    gradients = {"W": np.array([3.0, 4.0]), "b": np.array([np.inf])}
    got = "got inf at index 0. It came about before: print it where it is made."
    with pytest.raises(ValueError, match="finite") as caught:
        clip_grad_norm(gradients, 1.0)
    assert str(caught.value) == f"clip_grad_norm: the gradient of b must be finite numbers (float64), {got}"
    assert np.array_equal(gradients["W"], [3.0, 4.0])
    with pytest.raises(ValueError, match="above") as caught:
        clip_grad_norm(gradients, 0.0)
    assert (
        str(caught.value) == "clip_grad_norm: max_norm must be above 0.0, got 0.0. Other values have no meaning here."
    )


@pytest.mark.parametrize("call", ["SGD(0.1, momentum=0.9)", "Adam(0.1)"])
def test_a_state_of_other_parameters_is_refused(call):
    """It would go unused, and Adam's count of steps be applied to others."""
    optimizer = make(call)
    optimizer.step({"W": np.ones(2), "b": np.ones(2)}, {"W": np.ones(2), "b": np.ones(2)})
    before = dict(optimizer.state)
    for names in (["U"], ["W", "U"]):
        others = {name: np.ones(2) for name in names}
        message = r"step: state must be what .* remembers of these parameters, got also '[mv]\..*another one"
        with pytest.raises(ValueError, match=message):
            optimizer.step(others, {name: np.ones(2) for name in names})
        assert all((values == 1).all() for values in others.values())
        assert optimizer.state == before


@pytest.mark.parametrize("call", ["SGD(0.1, momentum=0.9)", "Adam(0.1)"])
def test_what_is_remembered_of_a_parameter_left_out_is_kept(call):
    """A part may be left as it is for some steps."""
    optimizer, parameters = make(call), {"rnn.W": np.ones(2), "rnn.b": np.ones(3)}
    optimizer.step(parameters, {name: np.ones(values.shape) for name, values in parameters.items()})
    before = {name: values.copy() for name, values in optimizer.state.items()}
    optimizer.step({"rnn.W": parameters["rnn.W"]}, {"rnn.W": np.full(2, 5.0)})
    optimizer.step({}, {})
    assert optimizer.state.keys() == before.keys()
    for name, values in before.items():
        if name.endswith(".b"):
            np.testing.assert_array_equal(optimizer.state[name], values)
        elif name != "t":
            assert (optimizer.state[name] != values).any()


def test_a_state_of_another_kind_of_optimiser_is_refused():
    for one, other in ((SGD(0.1, momentum=0.9), Adam()), (Adam(), SGD(0.1)), (Adam(), SGD(0.1, momentum=0.9))):
        one.step({"W": np.ones(2)}, {"W": np.ones(2)})
        other.state = dict(one.state)
        with pytest.raises(ValueError, match="state must be what .* remembers of these parameters, got also "):
            other.step({"W": np.ones(2)}, {"W": np.ones(2)})
    own = Adam()
    own.step({"W": np.ones(2)}, {"W": np.ones(2)})
    own.state = own.state | {"v.W": np.ones(2)}  # beside all that is Adam's
    with pytest.raises(ValueError, match=r"Adam\.step: state must be what Adam remembers .*, got also 'v\.W'"):
        own.step({"W": np.ones(2)}, {"W": np.ones(2)})


def test_the_message_about_a_state_of_others_is_whole():
    optimizer, others = Adam(), {name: np.ones(2) for name in "abcdefg"}
    optimizer.step(others, {name: np.ones(2) for name in others})
    with pytest.raises(ValueError, match="state must be") as caught:
        optimizer.step({"W": np.ones(2)}, {"W": np.ones(2)})
    got = "also 'm.a', 'm.b', 'm.c', 'm.d', 'm.e', ... (14 in all)"
    fix = "An optimiser goes with one model: make another one."
    assert str(caught.value) == f"Adam.step: state must be what Adam remembers of these parameters, got {got}. {fix}"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("call", ["SGD(0.1, momentum=0.9)", "Adam(0.1)"])
def test_a_parameter_that_joins_later_takes_the_first_step_that_it_would_have_taken(call, dtype):
    """A part may be trained later than the rest."""
    optimizer, alone = make(call), make(call)
    late, other, gradient = np.ones(2, dtype), np.ones(2, dtype), np.array([0.003, -500.0], dtype)
    parameters = {"W": np.ones(3, dtype)}
    for _ in range(5):
        optimizer.step(parameters, {"W": np.ones(3, dtype)})
    optimizer.step(parameters | {"b": late}, {"W": np.ones(3, dtype), "b": gradient})
    alone.step({"b": other}, {"b": gradient})
    np.testing.assert_allclose(late, other, rtol=1e-5)
    assert {values.dtype for name, values in optimizer.state.items() if name != "t"} == {np.dtype(dtype)}


def test_a_negative_mean_of_squares_is_named_and_not_the_parameter():
    optimizer, W = Adam(), np.ones(2)
    optimizer.state = {"t": np.array(1), "m.W": np.ones(2), "s.W": np.array([1.0, -0.25])}
    with pytest.raises(ValueError, match="mean of squares") as caught:
        optimizer.step({"W": W}, {"W": np.zeros(2)})
    expected = "a mean of squares, at least 0, got -0.25. Was it saved by save_weights?"
    assert str(caught.value) == f"Adam.step: state['s.W'] must be {expected}"
    assert (W == 1.0).all()
    optimizer = Adam(1e308)
    optimizer.state = {"t": np.array(1), "m.W": np.full(2, -1e9), "s.W": np.array([0.0, 0.5])}  # as it may be
    with pytest.raises(ValueError, match="Adam.step: W after the step must be finite"):
        optimizer.step({"W": W}, {"W": np.zeros(2)})
    with pytest.raises(ValueError, match="Adam.step: W after the step must be finite"):  # where the state is right
        Adam(1e308).step({"W": W * -1e308}, {"W": W})
