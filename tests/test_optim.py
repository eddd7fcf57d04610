"""Optimisers: PyTorch's numbers, a state that can be saved, and steps that happen as a whole or not at all."""

import copy
import gc
import itertools
import json
import pickle
import sys
import tracemalloc
from unittest import mock

import numpy as np
import pytest

from needed import needed
from optimizers_by_pytorch import CALLS, FILE, by_pytorch, start_and_gradients
from vanilla_rnn import SGD, Adam, RNNCell, clip_grad_norm, optim, save_weights

MOMENTUM, ADAM = "SGD(0.1, momentum=0.9)", "Adam(0.1)"


def create(call):
    return eval(call, {"SGD": SGD, "Adam": Adam})


def assert_same(arrays, others):
    assert arrays.keys() == others.keys()
    for name, values in arrays.items():
        np.testing.assert_array_equal(values, others[name], err_msg=name, strict=True)


# --- the numbers


@pytest.mark.parametrize("call", CALLS)
def test_fifty_steps_as_pytorch_takes_them(call):
    expected = json.loads(FILE.read_text())[call]
    parameters, steps = start_and_gradients()
    optimizer = create(call)
    for gradients in steps:
        optimizer.step(parameters, gradients)
    for name, values in parameters.items():
        np.testing.assert_allclose(values, expected[name], rtol=1e-12, atol=1e-12)


@pytest.mark.slow
def test_the_stored_numbers_are_what_pytorch_gives_now():
    needed("torch")
    stored = json.loads(FILE.read_text())
    assert list(stored) == list(CALLS)
    for call, parameters in by_pytorch().items():
        for name, values in parameters.items():
            np.testing.assert_allclose(values, stored[call][name], rtol=1e-12)


@pytest.mark.parametrize(
    ("gradients", "expected"),
    [
        ([1, None, 1], 0.8),  # the same gradient twice: two steps of 0.1
        ([None, None, 1, -1], 0.9053),  # 1 - 0.1, then m = 0.09 - 0.1 and 0.9 + 0.1 (0.01 / (1 - 0.9^2))
        ([1, -1], 0.9053),
    ],
)
def test_adam_counts_the_steps_of_each_parameter(gradients, expected):
    optimizer, parameters = Adam(0.1), {"A": np.array([1.0]), "B": np.array([1.0])}
    for gradient in gradients:
        taken = {"A": 1.0} if gradient is None else {"A": 1.0, "B": gradient}
        optimizer.step({name: parameters[name] for name in taken}, {name: np.array([g]) for name, g in taken.items()})
    assert parameters["B"].round(4) == [expected]
    assert (optimizer.state["t.A"], optimizer.state["t.B"]) == (len(gradients), len(gradients) - gradients.count(None))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("call", [MOMENTUM, ADAM])
def test_a_parameter_s_steps_do_not_depend_on_when_the_others_step(call, dtype):
    optimizer, alone = create(call), create(call)
    early, late, same = np.ones(3, dtype), np.ones(2, dtype), np.ones(2, dtype)
    gradient = np.array([0.003, -500.0], dtype)
    for number in range(6):
        state = dict(optimizer.state)
        if number in (2, 5):
            optimizer.step({"W": early, "b": late}, {"W": np.ones_like(early), "b": gradient})
            alone.step({"b": same}, {"b": gradient})
        else:
            optimizer.step({"W": early}, {"W": np.ones_like(early)})
            assert all(optimizer.state[name] is values for name, values in state.items() if name.endswith(".b"))
    np.testing.assert_array_equal(late, same, strict=True)
    assert {values.dtype for values in optimizer.state.values() if values.ndim} == {np.dtype(dtype)}
    optimizer.step({}, {})


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("call", CALLS)
def test_an_optimiser_with_a_saved_state_continues_bit_for_bit(call, dtype, tmp_path):
    parameters, steps = start_and_gradients()
    parameters = {name: values.astype(dtype) for name, values in parameters.items()}
    steps = [{name: values.astype(dtype) for name, values in gradients.items()} for gradients in steps]
    optimizer, resumed_optimizer = create(call), create(call)
    for gradients in steps[:20]:
        optimizer.step(parameters, gradients)
    np.savez(tmp_path / "state.npz", **optimizer.state)
    resumed, resumed_optimizer.state = copy.deepcopy(parameters), dict(np.load(tmp_path / "state.npz"))
    for gradients in steps[20:]:
        optimizer.step(parameters, gradients)
        resumed_optimizer.step(resumed, gradients)
    assert {values.dtype for values in parameters.values()} == {np.dtype(dtype)}
    assert_same(resumed, parameters)
    assert_same(resumed_optimizer.state, optimizer.state)


@pytest.mark.parametrize("call", CALLS)
def test_a_step_changes_arrays_in_place_and_leaves_gradients_alone(call):
    parameters, (gradients, *_) = start_and_gradients()
    arrays, before, optimizer = dict(parameters), copy.deepcopy(gradients), create(call)
    for _ in range(2):
        optimizer.step(parameters, gradients)
        assert not any(np.shares_memory(g, values) for g in gradients.values() for values in optimizer.state.values())
    assert all(values is arrays[name] for name, values in parameters.items())
    assert_same(gradients, before)


@pytest.mark.parametrize(
    "duplicate", [copy.copy, copy.deepcopy, lambda optimizer: pickle.loads(pickle.dumps(optimizer))]
)
@pytest.mark.parametrize("block", [1, 2**15])
@pytest.mark.parametrize("call", [MOMENTUM, ADAM])
def test_a_copy_of_an_optimiser_goes_its_own_way(call, block, duplicate, monkeypatch):
    monkeypatch.setattr(optim, "BLOCK", block)
    gradients, results = np.random.default_rng(0).standard_normal((6, 5)), []
    for meanwhile in (True, False):
        optimizer, W = create(call), np.ones(5)
        for number, gradient in enumerate(gradients):
            optimizer.step({"W": W}, {"W": gradient})
            if number == 2:
                other = duplicate(optimizer)
                assert repr(other) == repr(optimizer)
            if number > 2 and meanwhile:
                other.step({"W": np.ones(5)}, {"W": -gradient})
        results.append(W)
    np.testing.assert_array_equal(*results)


def test_names_that_begin_like_the_keys_of_a_state_are_legal(monkeypatch):
    monkeypatch.setattr(optim, "BLOCK", 1)
    together, optimizer = {"W": np.ones(3), "m.W": np.ones(3)}, Adam(0.1)
    alone, alone_optimizer = np.ones(3), Adam(0.1)
    for gradient in np.random.default_rng(0).standard_normal((4, 3)):
        optimizer.step(together, {"W": gradient, "m.W": -gradient})
        alone_optimizer.step({"W": alone}, {"W": gradient})
    np.testing.assert_array_equal(together["W"], alone)


def test_without_momentum_the_past_is_forgotten(tmp_path):
    W, optimizer, fresh = np.zeros(1), SGD(1.0, momentum=0.9), SGD(1.0, momentum=0.9)
    optimizer.step({"W": W}, {"W": np.ones(1)})
    optimizer.momentum = 0.0
    optimizer.step({"W": W}, {"W": np.ones(1)})
    save_weights(tmp_path / "optimizer.npz", optimizer)
    optimizer.momentum = 0.9
    for gradient in ([0.0], [1.0], [1.0]):
        before, expected = W.copy(), np.zeros(1)
        optimizer.step({"W": W}, {"W": np.array(gradient)})
        fresh.step({"W": expected}, {"W": np.array(gradient)})
        np.testing.assert_allclose(W - before, expected)


def test_memory_mapped_parameters_of_any_size_can_be_trained(tmp_path, monkeypatch):
    monkeypatch.setattr(optim, "BLOCK", 1)
    W, optimizer = np.memmap(tmp_path / "W", np.float64, "w+", shape=(3, 2)), SGD(0.1, momentum=0.5)
    for _ in range(3):
        optimizer.step({"W": W}, {"W": np.ones((3, 2))})
    np.testing.assert_allclose(W, -0.1 * (1 + 1.5 + 1.75))


# --- options


@pytest.mark.parametrize("optimizer", [SGD(0.1), Adam(0.1)])
def test_the_learning_rate_can_be_changed_between_two_steps(optimizer):
    parameters = {"W": np.array([1.0])}
    for rate, expected in ((0.01, 0.99), (0, 0.99), (0.5, 0.49)):
        optimizer.learning_rate = rate
        optimizer.step(parameters, {"W": np.array([1.0])})
        np.testing.assert_allclose(parameters["W"], expected)
    with pytest.raises(ValueError, match="learning_rate must be .*, got -0.1"):
        optimizer.learning_rate = -0.1
    assert optimizer.learning_rate == 0.5
    with pytest.raises(AttributeError, match="lr"):
        optimizer.lr = 0.001
    with pytest.raises(AttributeError, match="weight_decay"):
        optimizer.weight_decay = 0.1


def test_repr():
    assert repr(SGD(0.1, momentum=0.5)) == "SGD(learning_rate=0.1, momentum=0.5)"
    assert repr(Adam()) == "Adam(learning_rate=0.001, betas=(0.9, 0.999), eps=1e-08)"


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        ("Adam(-1)", ValueError, "learning_rate must be .*, got -1"),
        ("SGD('fast')", TypeError, "learning_rate must be .*, got 'fast'"),
        ("SGD(0.1, momentum=1.0)", ValueError, "momentum must be .*, got 1.0"),
        ("Adam(betas=(0.9,))", TypeError, r"betas must be two numbers, got \(0.9,\)"),
        ("Adam(betas=(0.9, 1.0))", ValueError, r"betas\[1\] must be .*, got 1.0"),
        ("Adam(eps=0)", ValueError, "eps must be .*, got 0"),
    ],
)
def test_bad_options(call, error, message):
    with pytest.raises(error, match=f"^{call.partition('(')[0]}: {message}"):
        create(call)


# --- a step happens as a whole or not at all


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"b": np.array([0.0, np.nan])}, ValueError, r"d_parameters\['b'\] must be finite .*, got nan at index 1"),
        (
            {"b": np.zeros(3)},
            ValueError,
            r"d_parameters\['b'\] must be .*\(2,\), like parameters\['b'\], got shape \(3,\)",
        ),
        ({"b": None}, ValueError, "d_parameters must be .*, got one without 'b'"),
        ({"c": np.zeros(2)}, ValueError, "d_parameters must be .*, got one with 'c'"),
    ],
)
def test_a_step_that_is_refused_changes_nothing(call, changes, error, message):
    parameters, steps = start_and_gradients()
    optimizer = create(call)
    optimizer.step(parameters, steps[0])
    before, state = copy.deepcopy(parameters), copy.deepcopy(optimizer.state)
    gradients = {name: values for name, values in (steps[1] | changes).items() if values is not None}
    with pytest.raises(error, match=f"^{type(optimizer).__name__}.step: {message}"):
        optimizer.step(parameters, gradients)
    assert_same(parameters, before)
    assert_same(optimizer.state, state)


@pytest.mark.parametrize(
    ("call", "gradient", "name"),
    [
        ("SGD(1e10)", 1e300, "W"),
        ("SGD(1e-300, momentum=0.9)", 1.7e308, "W"),
        ("Adam()", 1e200, r"state\['s.W'\]"),
        ("Adam(1e300)", 1e200, "W"),  # inf / inf
    ],
)
def test_a_result_that_overflows_is_refused(call, gradient, name):
    optimizer, parameters = create(call), {"W": np.array([1.0])}
    with pytest.raises(ValueError, match=f"step: {name} after the step must be finite .*, got (nan|-?inf) at index 0"):
        for _ in range(3):
            optimizer.step(parameters, {"W": np.array([gradient])})
    assert np.isfinite(parameters["W"]).all()
    assert all(np.isfinite(values).all() for values in optimizer.state.values())


def read_only(values):
    values.flags.writeable = False
    return values


@pytest.mark.parametrize(
    ("b", "gradient", "error", "message"),
    [
        (read_only(np.ones(2)), 1.0, ValueError, "b must be .*, got a read-only array"),
        (np.ones(2, int), 1.0, ValueError, "b must be .*, got an array of int64"),
        (np.full(2, -3e38, np.float32), 3e38, ValueError, r"b after the step must be finite .*float32"),
    ],
)
def test_no_parameter_changes_if_one_can_not(b, gradient, error, message):
    parameters, before = {"W": np.ones(2), "b": b}, copy.deepcopy(b)
    with pytest.raises(error, match=f"^SGD.step: {message}"):
        SGD(1.0).step(parameters, {"W": np.ones(2), "b": np.full(2, gradient)})
    assert_same(parameters, {"W": np.ones(2), "b": before})


def test_a_name_of_another_type_is_refused():
    """The state would use one key for 7 and "7"."""
    with pytest.raises(TypeError, match="^SGD.step: parameters must be .*, got the key 7 .int"):
        SGD(1.0).step({"7": np.ones(2), 7: np.ones(2)}, {"7": np.ones(2), 7: np.ones(2)})


def test_arrays_that_overlap_are_refused():
    W = np.ones(3)
    with pytest.raises(ValueError, match="^SGD.step: b must be an array that doesn't overlap W, got a view"):
        SGD(1.0).step({"W": W, "b": W[1:]}, {"W": np.ones(3), "b": np.ones(2)})


def test_a_name_that_is_no_text_is_shown_too():
    overlapping = np.ones(3)
    with pytest.raises(ValueError, match=r"^clip_grad_norm: d_parameters\[8\] must be .* overlap 7, got a view"):
        clip_grad_norm({7: overlapping, 8: overlapping[1:]}, 1.0)


def finishes(function, interrupted_at):
    """Whether a function runs to its end, if Ctrl-C comes before its n-th instruction; 0: it never comes."""
    instructions = itertools.count(1)

    def trace(frame, event, _):
        frame.f_trace_opcodes = True
        if event == "opcode" and next(instructions) == interrupted_at:
            raise KeyboardInterrupt
        return trace

    tracer = sys.gettrace()
    gc.disable()  # what other tests run after a collection would be counted
    try:
        sys.settrace(trace)
        function()
    except KeyboardInterrupt:
        return False
    finally:
        sys.settrace(tracer)
        gc.enable()
    return True


def test_an_eps_below_the_smallest_float32_still_keeps_the_quotient_finite():
    parameters = {"W": np.ones(2, np.float32)}
    Adam(0.1, eps=1e-50).step(parameters, {"W": np.array([0.0, 1.0], np.float32)})
    np.testing.assert_allclose(parameters["W"], [1.0, 0.9], rtol=1e-6)


@pytest.mark.parametrize("kind", ["SGD", "Adam", "load_parameters"])
def test_ctrl_c_at_any_moment_leaves_all_or_nothing_done(kind):
    """Every moment is tried, because Python handles a signal between two instructions."""
    cell, optimizer = RNNCell(2, 3, rng=0), {"SGD": SGD(0.1, momentum=0.9), "Adam": Adam(0.1)}.get(kind)
    before = copy.deepcopy(cell.parameters())
    gradients = {name: np.ones_like(values) for name, values in before.items()}

    def change():
        if optimizer is None:
            cell.load_parameters(gradients)
        else:
            optimizer.step(cell.parameters(), gradients)

    def all_arrays():
        return cell.parameters() | (optimizer.state if optimizer else {})

    assert finishes(change, interrupted_at=0)
    after, outcomes = copy.deepcopy(all_arrays()), []
    for moment in itertools.count(1):
        for name, values in cell.parameters().items():
            values[...] = before[name]
        if optimizer:
            optimizer.state = {}
        if finishes(change, interrupted_at=moment):
            break
        changed = bool((cell.W_xh != before["W_xh"]).any())
        assert_same(all_arrays(), after if changed else before)
        outcomes.append(changed)
    assert len(outcomes) > 200
    assert outcomes == sorted(outcomes)  # first nothing is done, then everything


# --- the state belongs to the parameters


@pytest.mark.parametrize("call", [ADAM, MOMENTUM])
def test_groups_of_parameters_may_take_turns(call):
    together, turns = create(call), create(call)
    parameters = [{"W": np.ones(2), "b": np.ones(3)} for _ in range(2)]
    rng = np.random.default_rng(0)
    for _ in range(3):
        gradients = {name: rng.standard_normal(values.shape) for name, values in parameters[0].items()}
        together.step(parameters[0], gradients)
        for name, gradient in gradients.items():
            turns.step({name: parameters[1][name]}, {name: gradient})
    for name, values in parameters[0].items():
        np.testing.assert_array_equal(values, parameters[1][name])


@pytest.mark.parametrize("order", "CF")
@pytest.mark.parametrize("call", ["SGD(0.1)", MOMENTUM, ADAM])
def test_large_arrays_are_updated_in_blocks_with_the_same_result(call, order, monkeypatch):
    results = []
    for block in (optim.BLOCK, 7, 1):
        monkeypatch.setattr(optim, "BLOCK", block)
        optimizer, rng = create(call), np.random.default_rng(0)
        W, V = (np.asarray(rng.standard_normal((5, 3)), order=order) for _ in range(2))
        parameters = {"W": W, "V": V, "b": rng.standard_normal(9)}
        for _ in range(4):
            optimizer.step(parameters, {name: rng.standard_normal(v.shape) for name, v in parameters.items()})
        results.append(parameters | optimizer.state)
    for other in results[1:]:
        assert_same(other, results[0])


@pytest.mark.parametrize(("block", "rows"), [(6, [2] * 5), (9, [3, 3, 3, 1]), (2, [1] * 10)])
def test_a_block_has_whole_rows_and_each_row_is_updated_once(block, rows, monkeypatch):
    monkeypatch.setattr(optim, "BLOCK", block)
    with mock.patch.object(optim, "sgd_update", wraps=optim.sgd_update) as update:
        SGD(0.1).step({"W": np.ones((10, 3))}, {"W": np.ones((10, 3))})
    assert [len(gradient) for (gradient, *_), _ in update.call_args_list] == rows


@pytest.mark.parametrize("call", [MOMENTUM, ADAM])
def test_a_result_that_overflows_leaves_large_arrays_as_they_were(call, monkeypatch):
    monkeypatch.setattr(optim, "BLOCK", 1)
    optimizer, parameters = create(call), {"W": np.ones(3), "b": np.ones(1)}
    for _ in range(3):
        optimizer.step(parameters, {"W": np.ones(3), "b": np.ones(1)})
    before, state = copy.deepcopy(parameters), copy.deepcopy(optimizer.state)
    optimizer.learning_rate = 1e300
    for _ in range(2):
        with pytest.raises(ValueError, match="after the step must be finite"):
            optimizer.step(parameters, {"W": np.full(3, 2.0), "b": np.full(1, 1e200)})
    assert_same(parameters, before)
    assert_same(optimizer.state, state)


@pytest.mark.parametrize(
    ("share", "message"),
    [
        (lambda W: W, "b must be an array of its own, got the array of a"),
        (lambda W: W[:], "b must be an array of its own, got the array of a"),
        (lambda W: W.T, "b must be an array that doesn't overlap a"),
    ],
)
def test_a_step_refuses_an_array_under_two_names(share, message):
    """It would get the step of one of the two gradients."""
    W = np.ones((3, 2))[:2]
    with pytest.raises(ValueError, match=message):
        SGD(0.1).step({"a": W, "b": share(W)}, {"a": np.ones((2, 2)), "b": 2 * np.ones((2, 2))})
    assert (W == 1).all()


def test_a_number_of_steps_may_be_large():
    optimizer, parameters = Adam(0.1), {"W": np.ones(2)}
    optimizer.state = {"t.W": 2**53 - 1, "m.W": np.zeros(2), "s.W": np.ones(2)}
    optimizer.step(parameters, {"W": np.zeros(2)})
    assert (parameters["W"] == 1).all()


def test_a_state_of_no_steps_is_that_of_a_new_optimiser():
    results = []
    for state in ({}, {"t.W": np.array(0), "m.W": np.zeros(2), "s.W": np.zeros(2)}):
        optimizer, parameters = Adam(0.1), {"W": np.ones(2)}
        optimizer.state = state
        optimizer.step(parameters, {"W": np.array([0.5, -2.0])})
        results.append(parameters | optimizer.state)
    assert_same(*results)


def test_arrays_put_into_the_state_are_not_written_to(monkeypatch):
    monkeypatch.setattr(optim, "BLOCK", 1)
    optimizer, parameters = Adam(0.1), {"W": np.ones(3)}
    optimizer.step(parameters, {"W": np.ones(3)})
    saved = copy.deepcopy(optimizer.state)
    unchanged, optimizer.state = copy.deepcopy(saved), saved
    for _ in range(3):
        optimizer.step(parameters, {"W": np.full(3, 2.0)})
    assert_same(saved, unchanged)


def test_a_step_of_large_arrays_needs_no_new_memory():
    parameters = {"W": np.ones((2**9, 2**9))}
    gradients, optimizer = {"W": np.ones((2**9, 2**9))}, Adam(0.1)
    for _ in range(2):
        optimizer.step(parameters, gradients)
    tracemalloc.start()
    optimizer.step(parameters, gradients)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < parameters["W"].nbytes


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("learning_rate", -1, ValueError),
        ("learning_rate", "0.1", TypeError),
        ("momentum", 1, ValueError),
        ("betas", 0.9, TypeError),
        ("betas", (0.9, 1.0), ValueError),
        ("eps", 0, ValueError),
    ],
)
def test_an_option_is_checked_when_it_is_set(name, value, error):
    optimizer = SGD(0.1, momentum=0.5) if name == "momentum" else Adam(0.1)
    before = getattr(optimizer, name)
    with pytest.raises(error, match=rf"^{type(optimizer).__name__}: {name}(\[1\])? must be"):
        setattr(optimizer, name, value)
    assert getattr(optimizer, name) == before


def test_gradients_of_both_dtypes_may_differ_beyond_float32():
    gradients = {"a": np.array([3e300, 4e300]), "b": np.array([1.0], np.float32)}
    assert clip_grad_norm(gradients, 5.0) == pytest.approx(5e300)
    np.testing.assert_allclose(gradients["a"], [3.0, 4.0])
    assert gradients["b"] == 0


def test_the_message_for_a_long_name_is_short():
    with pytest.raises(ValueError, match="must be finite .*, got nan at index 0") as caught:
        clip_grad_norm({"W" * 10**6: np.array([np.nan])}, 1.0)
    assert len(str(caught.value)) < 2000


@pytest.mark.parametrize("view", [lambda array: array, lambda array: array[:]])
def test_an_array_under_two_names_is_clipped_once(view):
    shared = np.array([3.0, 4.0])
    clip_grad_norm({"a": shared, "b": view(shared)}, 1.0)
    np.testing.assert_allclose(shared, np.array([3.0, 4.0]) / np.sqrt(50))


@pytest.mark.parametrize(
    ("call", "state_of", "names", "message"),
    [
        (ADAM, MOMENTUM, "Wb", "state must be .*, got one with 'v.W', 'v.b'"),
        (MOMENTUM, ADAM, "Wb", "state must be .*, got one with 'm.W', 'm.b', 's.W', 's.b', 't.W', ... .6 in all."),
        ("SGD(0.1)", ADAM, "Wb", "state must be .*, got one with 'm.W'"),
    ],
)
def test_a_state_of_other_parameters_or_another_optimiser_is_refused(call, state_of, names, message):
    other, optimizer = create(state_of), create(call)
    other.step({"W": np.ones(2), "b": np.ones(2)}, {"W": np.ones(2), "b": np.ones(2)})
    optimizer.state = state = other.state
    parameters = {name: np.ones(2) for name in names}
    with pytest.raises(ValueError, match=f"step: {message}"):
        optimizer.step(parameters, {name: np.ones(2) for name in names})
    assert all((values == 1).all() for values in parameters.values())
    assert optimizer.state is state


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"v.W": np.ones(2)}, "state must be .*, got one with 'v.W'"),
        ({"t.W": None}, "state must be all of m, s, t for W, or none, got only some"),
        ({"m.W": np.ones(3)}, r"state\['m.W'\] must be .*\(2,\), got an array of shape \(3,\)"),
        ({"m.W": [1.0, 1.0]}, r"state\['m.W'\] must be .*\(2,\), got \[1.0, 1.0\]"),
        ({"t.W": np.array(-1)}, r"state\['t.W'\] must be .*, got -1"),
        ({"t.W": np.ones(2)}, r"state\['t.W'\] must be a number of steps, got an array of shape \(2,\)"),
        ({"t.W": np.array(1.5)}, r"state\['t.W'\] must be a number of steps, got "),
        ({"t.W": 2**53}, r"state\['t.W'\] must be a number of steps, got 9007199254740992"),
        ({"t.W": 10**400}, r"state\['t.W'\] must be a number of steps, got 10\^400"),
        ({"m.W": np.ones(2) + 0j}, r"state\['m.W'\] must be an array of floats of shape \(2,\), got "),
        (
            {"m.W": np.ma.array(np.ones(2), mask=[0, 1])},
            r"state\['m.W'\] must be an array of floats of shape \(2,\), got ",
        ),
        ({1: np.ones(2)}, "state must be .*, got one with '1'"),
        ({"s.W": np.array([1.0, -0.25])}, "W.* must be .*, got"),  # s is a mean of squares
    ],
)
def test_a_state_that_does_not_fit_is_refused(changes, message):
    optimizer, W = Adam(), np.ones(2)
    state = {"t.W": np.array(1), "m.W": np.ones(2), "s.W": np.ones(2)} | changes
    optimizer.state = {key: values for key, values in state.items() if values is not None}
    with pytest.raises(ValueError, match=f"^Adam.step: {message}"):
        optimizer.step({"W": W}, {"W": np.zeros(2)})
    assert (W == 1.0).all()


# --- clipping


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_clipping_scales_all_gradients_by_one_factor(dtype):
    rng = np.random.default_rng(1)
    gradients = {"W": rng.standard_normal((3, 4)).astype(dtype), "b": rng.standard_normal(3).astype(dtype)}
    arrays, before = dict(gradients), copy.deepcopy(gradients)
    norm = np.sqrt(sum((values.astype(float) ** 2).sum() for values in before.values()))
    for large_enough in (norm * 1.001, np.inf):
        assert clip_grad_norm(gradients, large_enough) == pytest.approx(norm, rel=1e-6)
        assert_same(gradients, before)
    assert clip_grad_norm(gradients, 0.5) == pytest.approx(norm, rel=1e-6)
    for name, values in gradients.items():
        assert values is arrays[name]
        assert values.dtype == dtype
        np.testing.assert_allclose(values, before[name] * 0.5 / norm, rtol=1e-6)


@pytest.mark.parametrize("size", [1.0, 1e-200, 1e200])
@pytest.mark.parametrize("seed", range(20))
def test_a_norm_that_is_just_allowed_changes_nothing(seed, size):
    """For some gradients the factor max_norm / norm would be one digit below 1."""
    gradients = {"W": size * np.random.default_rng(seed).standard_normal(5)}
    before, norm = gradients["W"].copy(), clip_grad_norm(gradients, np.inf)
    assert clip_grad_norm(gradients, norm) == norm
    np.testing.assert_array_equal(gradients["W"], before)


@pytest.mark.parametrize(
    ("gradient", "norm", "clipped"),
    [
        ([], 0.0, []),
        ([0.0, 0.0], 0.0, [0.0, 0.0]),
        ([3e200, 4e200], 5e200, [0.6, 0.8]),  # the squares would overflow
        ([3e-200, 4e-200], 5e-200, [3e-200, 4e-200]),  # or vanish
        ([1.7e308] * 4, np.inf, [0.5] * 4),  # the norm itself overflows
    ],
)
def test_clipping_of_extremes(gradient, norm, clipped):
    gradients = {"W": np.array(gradient)}
    assert clip_grad_norm(gradients, np.inf) == pytest.approx(norm, rel=1e-12, abs=0.0)
    np.testing.assert_array_equal(gradients["W"], gradient)
    assert clip_grad_norm(gradients, 1.0) == pytest.approx(norm, rel=1e-12, abs=0.0)
    np.testing.assert_allclose(gradients["W"], clipped)


@pytest.mark.parametrize(
    ("b", "max_norm", "error", "message"),
    [
        (np.array([np.inf]), 1.0, ValueError, r"d_parameters\['b'\] must be .*, got inf at index 0"),
        (np.broadcast_to(1.0, 2), 0.1, ValueError, r"d_parameters\['b'\] must be .*, got a read-only array"),
        (np.array([1]), 0.1, ValueError, r"d_parameters\['b'\] must be .*, got an array of int64"),
        ([1.0], 0.1, TypeError, r"d_parameters\['b'\] must be .*, got \[1.0\]"),
        (np.ones(1), 0.0, ValueError, "max_norm must be .*, got 0.0"),
    ],
)
def test_clipping_that_is_refused_changes_nothing(b, max_norm, error, message):
    gradients = {"a": np.ones(2), "b": b}
    with pytest.raises(error, match=f"^clip_grad_norm: {message}"):
        clip_grad_norm(gradients, max_norm)
    np.testing.assert_array_equal(gradients["a"], [1.0, 1.0])


def test_clipping_takes_a_dictionary():
    assert clip_grad_norm({}, 1.0) == 0.0
    with pytest.raises(TypeError, match="clip_grad_norm: d_parameters must be a dictionary of arrays, got"):
        clip_grad_norm([np.ones(2)], 1.0)
