"""The live page in a real browser: its arithmetic equals Python's, and everything on it can be changed."""

import json
import re
import runpy
import sys
import webbrowser
from pathlib import Path

import numpy as np
import pytest

import vanilla_rnn.__main__
from sample_models import worked_model
from vanilla_rnn import (
    RNN,
    SGD,
    Embedding,
    ManyToMany,
    ManyToManyHead,
    ManyToOne,
    ManyToOneHead,
    RNNCell,
    binary_cross_entropy,
    cross_entropy,
    mean_squared_error,
    spectral_radius,
    trace,
    worked_example,
)
from vanilla_rnn.__main__ import main, word_vector
from vanilla_rnn.inspection.page import _plain, page_numbers

pytestmark = pytest.mark.slow

W_XH, W_HH = "rnn.cells.0.W_xh", "rnn.cells.0.W_hh"
AXE = Path(__file__).parent.parent / "build" / "node_modules" / "axe-core" / "axe.min.js"


@pytest.fixture(scope="module")
def worked_trace():
    return trace(worked_model().forward([0, 1, 2, 3]), worked_example.TOKENS, loss=binary_cross_entropy, targets=[1])


@pytest.fixture
def page(show, worked_trace):
    return show(worked_trace)


def number(page, key, *index):
    return page.locator(f'[data-edit="{key}"][data-index="{",".join(map(str, index))}"]')


def value(page, key, *index):
    return page.evaluate(
        "([key, index]) => index.reduce((a, i) => a[i], rnn.network.parameters[key])", [key, list(index)]
    )


def apart(actual, expected):
    """The largest difference, relative to numbers above 1."""
    actual, expected = np.asarray(actual, float), np.asarray(expected, float)
    assert actual.shape == expected.shape
    return np.max(np.abs(actual - expected) / np.maximum(1, np.abs(expected)), initial=0)


def drag(page, element, pixels):
    box = element.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + pixels, y, steps=5)
    page.mouse.up()


# --- the arithmetic


def random_case(rng, number):
    """A random network, and the data of its page; with every nonlinearity, head and loss in turn."""
    hidden, size, outputs, layers = (int(n) for n in rng.integers(1, [6, 6, 5, 4]))
    loss = (binary_cross_entropy, cross_entropy, mean_squared_error)[number % 3]
    rnn = RNN(
        size, hidden, num_layers=layers, bidirectional=bool(number % 2), bias=bool(rng.integers(4)),
        nonlinearity=("tanh", "relu", "sigmoid", "linear")[number % 4], rng=rng,
    )  # fmt: skip
    kind, head = ((ManyToOne, ManyToOneHead), (ManyToMany, ManyToManyHead))[number // 2 % 2]
    embedding = Embedding(6, size, rng=rng) if number // 3 % 2 else None
    head = head(rnn.directions * hidden, outputs, bias=bool(rng.integers(2)), rng=rng)
    model = kind(rnn, head, embedding=embedding)
    batch, time = rng.integers(1, [4, 13])
    inputs = rng.standard_normal((batch, time, size)) if embedding is None else rng.integers(6, size=(batch, time))
    lengths = rng.integers(1, time + 1, batch) if rng.integers(2) else None
    h_0 = rng.normal(0, 0.5, (len(rnn.cells), batch, hidden))
    run, row = model.forward(inputs, lengths, h_0), int(rng.integers(batch))
    shape = run.logits.shape[:-1] if loss is cross_entropy else run.logits.shape
    targets = (
        rng.standard_normal(shape)
        if loss is mean_squared_error
        else rng.integers(0, outputs if loss is cross_entropy else 2, shape)
    )
    source = trace(run, row=row, loss=loss, targets=targets)._source
    numbers = _plain(page_numbers([""] * len(source.rows[0].x), [""] * len(rnn.cells), source))
    length = len(source.rows[0].x)
    alone = {"inputs": inputs[row][:length], "h_0": h_0[:, row]}
    return model, alone, loss, targets[row][:length] if kind is ManyToMany else targets[row], numbers


def test_the_engine_computes_what_python_computes(page):
    """300 random networks: states, outputs, loss, every gradient, and 50 steps of SGD."""
    rng, worst = np.random.default_rng(0), {}
    for number in range(300):
        model, inputs, loss, targets, numbers = random_case(rng, number)
        found, losses, trained, difference_found = page.evaluate(
            """data => { const one = live(data), found = one.run(), losses = one.train(50, 0.002);
                         return [found, losses, one.run(), difference(data)]; }""",
            numbers,
        )
        assert difference_found < 1e-12
        optimizer, expected = SGD(0.002), []
        for step in range(51):
            run = model.forward(**inputs)
            value, d_logits = loss(run.logits, targets)
            gradients = run.backward(d_logits).d_parameters
            if step in (0, 50):
                result = found if step == 0 else trained
                assert set(result["gradients"]) == set(gradients)
                pairs = {"loss": (result["loss"], value), "logits": (result["logits"], run.logits)}
                pairs |= {f"d_{key}": (result["gradients"][key], gradients[key]) for key in gradients}
                pairs |= {
                    f"states {n}": (states, cell.h)
                    for n, (states, cell) in enumerate(zip(result["states"], run.rnn_run.read(0), strict=True))
                }
                worst[number, step] = max(apart(*pair) for pair in pairs.values())
            expected.append(value)
            optimizer.step(model.parameters(), gradients)
        worst[number, "losses"] = apart(losses, expected[:50])
    assert len(worst) == 900
    assert max(worst.values()) < 1e-12


def test_a_weight_that_is_used_twice_gets_both_gradients(show):
    """Two layers share W_hh, and the head is the table of the embedding."""
    rng = np.random.default_rng(1)
    embedding, cells = Embedding(5, 3, rng=rng), RNN(3, 3, num_layers=2, rng=rng).cells
    cells[1].W_hh, head = cells[0].W_hh, ManyToManyHead(3, 5, rng=rng)
    head.W_hy = embedding.vectors
    run = ManyToMany(RNN.from_cells(cells), head, embedding=embedding).forward([1, 2, 1])
    page = show(trace(run, loss=cross_entropy, targets=[2, 1, 0]))
    expected = run.backward(cross_entropy(run.logits, [2, 1, 0])[1]).d_parameters
    found = page.evaluate("rnn.run().gradients")
    assert set(found) == set(expected)
    assert max(apart(found[key], expected[key]) for key in expected) < 1e-14
    assert "equal to Python" in page.inner_text("#check")


@pytest.mark.parametrize("way", ["d_output", "d_h_n", "d_logits", "logits at each step", "an exploding gradient"])
def test_given_gradients_are_those_of_the_row(page, way):
    """Row 1 of a batch with different lengths; the page's gradients equal Python's for this row alone."""
    rng = np.random.default_rng(2)
    rnn, embedding = RNN(2, 3, num_layers=2, bidirectional=True, rng=rng), Embedding(5, 2, rng=rng)
    kind, head = (ManyToMany, ManyToManyHead) if "each" in way else (ManyToOne, ManyToOneHead)
    run = kind(rnn, head(6, 2, rng=rng), embedding=embedding).forward([[0, 1, 2, 3], [4, 1, 4, 0]], [4, 3])
    given = {"d_output": {"d_output": rng.normal(size=(2, 4, 6))}, "d_h_n": {"d_h_n": rng.normal(size=(4, 2, 3))}}
    given = given.get(way, {"d_logits": rng.normal(size=run.logits.shape)})
    if "exploding" in way:
        cell = RNNCell.from_weights([[0.0], [0.0]], [[1, 0], [0, 10.0]], [0, -9.0], nonlinearity="relu")
        model = ManyToOne(RNN.from_cells([cell]), ManyToOneHead(2, 1, rng=0), embedding=Embedding(1, 1, rng=0))
        run, given = model.forward([[0] * 400] * 2, h_0=np.ones((1, 2, 2))), {"d_logits": np.ones((2, 1))}
    source = trace(run, row=1, **given)._source
    numbers = page_numbers([""] * len(source.rows[0].x), [""] * len(source.rows), source)
    assert {key for key in numbers["parameters"] if "head" not in key} <= set(numbers["results"]["gradients"])
    nan = "(key, v) => v === null && key !== '' && !isNaN(key) ? NaN : v"
    assert page.evaluate(f"text => difference(JSON.parse(text, {nan}))", json.dumps(_plain(numbers))) < 1e-12


def test_the_page_says_whether_its_numbers_are_python_s(show, worked_trace):
    assert "recomputed here, equal to Python’s to 1e-16" in show(worked_trace).inner_text("#check")
    assert not show(worked_trace).get_attribute("#check", "class")
    float32 = ManyToOne(RNN(2, 3, dtype=np.float32, rng=0), ManyToOneHead(3, 1, dtype=np.float32, rng=0))
    run = float32.forward(np.ones((4, 2)))
    assert "equal" in show(trace(run, loss=binary_cross_entropy, targets=[1])).inner_text("#check")

    def altered(numbers):
        numbers["results"]["loss"] += 1e-6
        return numbers

    class Altered:
        def save_html(self, path, questions):
            text = worked_trace.to_html()
            start, end = text.index('id="numbers">') + len('id="numbers">'), text.index("</script>")
            path.write_text(text[:start] + json.dumps(altered(json.loads(text[start:end]))) + text[end:], "utf-8")

    page = show(Altered())
    assert "different from Python’s: 1.0e-6" in page.inner_text("#check")
    assert page.get_attribute("#check", "class") == "wrong"


def test_the_console_changes_every_kind_of_number(page):
    changes = [
        ("x", [1, 0], 0.25),
        ("h_0", [0, 2], -0.5),
        ("target", [], 0),
        (W_HH, [2, 1], 0.75),
        ("head.b_y", [0], 2),
    ]
    for key, index, new in [*changes, ("embedding.vectors", [3, 1], 0.5)]:
        page.evaluate("change => rnn.set(...change)", [key, index, new])
    model = worked_model()
    model.embedding.vectors[1, 0], model.embedding.vectors[3, 1] = 0.25, 0.5
    model.rnn.cells[0].W_hh[2, 1], model.head.b_y[0] = 0.75, 2
    run = model.forward([0, 1, 2, 3], h_0=[[0, 0, -0.5]])
    loss, d_logits = binary_cross_entropy(run.logits, [0])
    found = page.evaluate("rnn.run()")
    assert apart(found["loss"], loss) < 1e-15
    assert apart(found["gradients"][W_HH], run.backward(d_logits).d_parameters[W_HH]) < 1e-15
    page.evaluate("rnn.reset()")
    assert page.evaluate("rnn.run().loss") == pytest.approx(0.5832, abs=1e-4)
    for wrong in (["W", [0, 0], 1], [W_HH, [3, 0], 1], [W_HH, [0], 1], [W_HH, [0, 0], None], ["target", [], 2]):
        assert page.evaluate(
            "change => { try { rnn.set(...change); return ''; } catch (error) { return error.message; } }", wrong
        )


# --- changing numbers


def test_a_number_is_dragged_and_everything_follows(page):
    page.keyboard.press("ArrowRight")
    cell, before = number(page, W_XH, 1, 1), page.inner_text("#states")
    page.evaluate("window.kept = document.querySelector('#arithmetic td')")
    drag(page, cell, 30)
    assert value(page, W_XH, 1, 1) == pytest.approx(1.0)
    page.wait_for_timeout(300)  # what is out of view follows
    assert cell.inner_text() == "1"
    assert "+ 1·0.8 = 0.9000" in page.inner_text("[data-sum='1']")
    assert page.inner_text("#states") != before
    assert "was 0.558" in page.inner_text("#outcome")
    assert "was 0.5832" in page.inner_text("#outcome")
    assert "was 0.4707" in page.inner_text("#states .legend")
    assert page.locator("#states .ghost").count() == 3
    assert page.evaluate("kept.isConnected")  # cells are changed, not replaced
    page.keyboard.press("Control+z")
    assert value(page, W_XH, 1, 1) == 0.7  # a drag is one change
    page.keyboard.press("Control+Shift+z")
    assert value(page, W_XH, 1, 1) == pytest.approx(1.0)
    page.click('[data-do="reset"]')
    assert value(page, W_XH, 1, 1) == 0.7
    page.click('[data-do="undo"]')
    assert value(page, W_XH, 1, 1) == pytest.approx(1.0)


def test_a_number_is_changed_with_keys_and_the_focus_stays(page):
    cell = number(page, W_HH, 0, 2)
    cell.focus()
    for key, expected in (("ArrowUp", -0.1), ("ArrowUp", 0), ("Shift+ArrowDown", -0.01)):
        page.keyboard.press(key)
        assert value(page, W_HH, 0, 2) == pytest.approx(expected, abs=1e-12)
        assert cell.evaluate("element => element === document.activeElement")
    page.keyboard.press("0")
    page.keyboard.type(",35")
    page.keyboard.press("Enter")
    assert value(page, W_HH, 0, 2) == 0.35
    page.keyboard.press("Enter")
    page.keyboard.type("7")
    page.keyboard.press("Escape")
    assert value(page, W_HH, 0, 2) == 0.35
    assert cell.evaluate("element => element === document.activeElement")


def test_the_arrow_keys_also_work_in_the_box_for_typing(page):
    number(page, W_HH, 0, 2).click()
    for key, expected in (("ArrowUp", "-0.1"), ("Shift+ArrowUp", "-0.09"), ("ArrowDown", "-0.19")):
        page.keyboard.press(key)
        assert page.input_value("#typed") == expected
        assert value(page, W_HH, 0, 2) == float(expected)


@pytest.mark.parametrize(
    ("name", "index"),
    [("x", (0, 1)), ("h_0", (0, 0)), ("rnn.cells.0.b_h", (2,)), ("head.W_hy", (0, 1)), ("head.b_y", (0,))],
)
def test_every_kind_of_number_can_be_typed(page, name, index):
    loss = page.evaluate("rnn.run().loss")
    page.keyboard.press("End" if name.startswith("head") else "Home")
    number(page, name, *index).click()
    page.keyboard.type("0.9")
    page.keyboard.press("Enter")
    assert number(page, name, *index).inner_text() == "0.9"
    assert page.evaluate("rnn.run().loss") != loss


@pytest.mark.parametrize(
    ("typed", "said"),
    [("", "Type a number"), ("1e999", "too large"), ("abc", "“abc” is not a number"), ("<b>", "“<b>” is not")],
)
def test_what_is_no_number_is_refused_next_to_the_field(page, typed, said):
    number(page, W_XH, 0, 0).click()
    page.fill("#typed", typed)
    page.keyboard.press("Enter")
    assert said in page.inner_text("#editor .complaint")
    assert page.input_value("#typed") == "0.5"  # the last good number
    assert value(page, W_XH, 0, 0) == 0.5
    page.keyboard.press("Escape")
    assert not page.is_visible("#complaint")


@pytest.mark.parametrize(
    ("typed", "said"), [("I love <b>it</b>", "“<b>it</b>” can't be a word"), ("  ", "at least one word")]
)
def test_what_is_no_sentence_is_refused_next_to_the_field(page, typed, said):
    page.fill("#say", typed)
    assert said in page.inner_text("#say + .complaint")
    assert page.inner_text("h1") == "I love this movie"
    page.keyboard.press("Enter")
    assert page.input_value("#say") == "I love this movie"


def test_the_sentence_can_be_changed(page):
    page.fill("#say", "I love this great movie movie")
    assert page.inner_text("h1") == "I love this great movie movie"
    vectors = worked_example.EMBEDDINGS
    model = worked_model()
    expected = model.rnn([*vectors[:3], word_vector("great", 2), vectors[3], vectors[3]])[0]
    assert apart(page.evaluate("rnn.run().states[0]"), expected) < 1e-15
    page.keyboard.press("Enter")
    page.keyboard.press("Control+z")
    assert page.inner_text("h1") == "I love this movie"  # typing is one change
    page.keyboard.press("ArrowRight")
    for tool, sentence in (("later", "I this love movie"), ("earlier", "I love this movie"), ("repeat", "I love love this movie"),
                           ("remove", "I love this movie"), ("backwards", "movie this love I"), ("longer", " ".join(["movie this love I"] * 5))):  # fmt: skip
        page.click(f'[data-word="{tool}"]')
        assert page.inner_text("h1") == sentence


def test_targets_follow_their_words(show):
    model = ManyToMany(RNN(2, 3, rng=0), ManyToManyHead(3, 3, rng=1))
    page = show(trace(model.forward(np.eye(4)[:, :2]), list("abcd"), loss=cross_entropy, targets=[0, 1, 2, 0]))
    page.click('[data-word="later"]')
    assert page.evaluate("[rnn.network.target, rnn.network.x]") == [[1, 0, 2, 0], [[0, 1], [1, 0], [0, 0], [0, 0]]]
    page.click('#outcome [data-target="2"]')
    assert page.evaluate("rnn.network.target") == [1, 2, 2, 0]


# --- training, long sequences, links, questions


def test_training_in_the_page_is_sgd(page):
    page.fill("#rate", "0,25")
    page.keyboard.press("Tab")
    page.click('[data-do="train-50"]')
    page.click('[data-do="train-1"]')
    model, optimizer = worked_model(), SGD(0.25)
    for _ in range(51):
        run = model.forward([0, 1, 2, 3])
        _, d_logits = binary_cross_entropy(run.logits, [1])
        optimizer.step(model.parameters(), run.backward(d_logits).d_parameters)
    trained = page.evaluate("rnn.network.parameters")
    assert max(apart(trained[key], values) for key, values in model.parameters().items()) < 1e-14
    assert "51 steps: loss 0.5832 → " in page.inner_text("#curve")
    page.click('[data-do="undo"]')
    page.click('[data-do="undo"]')
    assert value(page, W_XH, 0, 0) == 0.5
    for rate, said in (("0", "above 0"), ("x", "not a number")):
        page.fill("#rate", rate)
        page.keyboard.press("Tab")
        assert said in page.inner_text(".train .complaint")
        assert page.input_value("#rate") == "0.25"


def test_training_is_animated_until_it_is_paused(show, worked_trace):
    page = show(worked_trace, motion="no-preference")
    page.click("#train-play")
    page.wait_for_selector("#curve svg")
    page.click("#train-play")
    loss = page.evaluate("rnn.run().loss")
    page.wait_for_timeout(200)
    assert page.evaluate("rnn.run().loss") == loss < 0.5832
    page.keyboard.press("Control+z")
    assert value(page, W_XH, 0, 0) == 0.5


def test_training_that_diverges_stops_with_the_last_good_weights(show):
    model = ManyToOne(RNN(1, 1, nonlinearity="linear", rng=0), ManyToOneHead(1, 1, rng=0))
    page = show(trace(model.forward(np.ones((30, 1))), loss=mean_squared_error, targets=[1.0]))
    page.fill("#rate", "1e6")
    page.keyboard.press("Tab")
    page.click('[data-do="train-50"]')
    assert "smaller learning rate" in page.inner_text(".train .complaint")
    assert page.evaluate("Number.isFinite(rnn.run().loss)")


def test_the_gradient_vanishes_explodes_and_dies(page):
    def share_of_the_first_word():
        sizes = page.evaluate("compute(rnn.network).d_x.map(norm)")
        return sizes[0] / sizes[-1]

    page.click('[data-word="longer"]')
    page.locator("#radius").fill("0.3")
    assert share_of_the_first_word() < 1e-9
    assert page.inner_text("#radius-text") == "0.30"
    W_hh = page.evaluate("rnn.network.parameters['rnn.cells.0.W_hh']")
    assert spectral_radius(np.array(W_hh)) == pytest.approx(0.3, rel=1e-9)
    page.select_option("#f", "linear")
    page.locator("#radius").fill("3")
    page.evaluate("rnn.set('target', [], rnn.run().logits[0] > 0 ? 0 : 1)")  # where the sigmoid isn't saturated
    assert share_of_the_first_word() > 1e6
    page.select_option("#f", "relu")
    for unit in range(3):
        page.evaluate("unit => rnn.set('rnn.cells.0.b_h', [unit], -50)", unit)
    assert "No gradient reaches any word" in page.inner_text("#fading")
    assert page.inner_text("#equation").startswith("ht = relu(")


def test_the_address_stores_the_changes(show, page, worked_trace):
    page.fill("#say", "movie this great")
    page.select_option("#f", "sigmoid")
    page.evaluate("rnn.set('rnn.cells.0.W_xh', [0, 0], 1 / 3)")
    page.wait_for_timeout(400)
    address = page.evaluate("location.hash")
    assert address == page.get_attribute("#link", "href")
    other = show(worked_trace, address=address)
    assert other.evaluate("rnn.run()") == page.evaluate("rnn.run()")
    assert other.inner_text("h1") == "movie this great"
    other.click('[data-do="reset"]')
    other.wait_for_timeout(400)
    assert other.evaluate("location.hash") == ""


def link(**changes):
    return "#1:" + json.dumps(changes)


@pytest.mark.parametrize(
    "address",
    [
        "#0:{}", "#2:{}", "#1:", "#1:{", "#1:null", "#1:%E0%A4%A",
        link(tokens=[]), link(tokens=["a"]), link(tokens="abcd"), link(rows=[0, 1, 2, 9]), link(f=["cube"]),
        link(target=[]), link(parameters={W_XH: [[1, 2], [3, 4]]}), link(parameters={W_XH: [[1, 2], [3, "4"], [5, 6]]}),
        link(parameters={"W": [1]}), link(h_0=[[0, 0]]), link(words=["a"]),
    ],
)  # fmt: skip
def test_a_link_that_does_not_fit_is_refused(show, worked_trace, address):
    page = show(worked_trace, address=address)
    assert "link" in page.inner_text("#complaint").lower()
    assert page.evaluate("rnn.run().loss") == pytest.approx(worked_trace.loss, rel=1e-14)


def test_it_asks_before_it_shows(show, worked_trace):
    page = show(worked_trace, questions=[("state", 1, 1), "probability", "gradient"])
    assert "h1[1]" in page.inner_text("#quiz")
    assert "0.4707" not in page.inner_text("body")
    page.fill("#guess", "nothing")
    page.keyboard.press("Enter")
    assert "not a number" in page.inner_text("#quiz .complaint")
    page.fill("#guess", "0.5")
    page.keyboard.press("Enter")
    assert "You said 0.5. It is 0.4707: 0.0293 apart." in page.inner_text("#quiz")
    assert "0.4707" in page.inner_text("#arithmetic")
    page.click('[data-do="ask-next"]')
    assert "0.558" not in page.inner_text("body")
    page.fill("#guess", "0.9")
    page.click('[data-do="answer"]')
    assert "It is 0.5581" in page.inner_text("#quiz")
    page.click('[data-do="ask-next"]')
    assert "0.1128" not in page.inner_text("body")
    page.select_option("#guess", "0")
    page.click('[data-do="answer"]')
    assert "It is “movie”, with 0.1128. The gradient of “I” is 0.0059." in page.inner_text("#quiz")
    page.click('[data-do="ask-stop"]')
    assert not page.is_visible("#quiz")
    page.click('[data-do="ask"]')
    assert page.is_visible("#quiz")


@pytest.mark.parametrize(
    "question", ["weather", ("state", 4, 0), ("state", 0, 3), ("state", 1), ("state", "1", 0), ("gradient", 1)]
)
def test_a_question_without_an_answer_is_refused(worked_trace, question):
    with pytest.raises(ValueError, match=r"^Trace.save_html: questions must be "):
        worked_trace.to_html(questions=[question])


@pytest.mark.parametrize("question", ["probability", "gradient"])
def test_the_states_alone_answer_no_question_about_outputs(question):
    steps = trace(RNN(2, 3, rng=0).forward(np.ones((4, 2))))
    assert '"questions":[["state"]]' in steps.to_html(questions=["state"])
    with pytest.raises(ValueError, match=rf"questions must be chosen from 'state', got '{question}'"):
        steps.to_html(questions=[question])


def test_without_a_loss_the_page_can_be_changed_but_not_trained(show):
    page = show(trace(worked_model().forward([0, 1, 2, 3]), worked_example.TOKENS))
    number(page, W_XH, 0, 0).focus()
    page.keyboard.press("ArrowUp")
    assert value(page, W_XH, 0, 0) == 0.6
    assert not page.is_visible('[data-do="train-1"]')
    assert "you can't train" in page.inner_text("#backward")


def own_loss(logits, targets, *, lengths=None):
    return mean_squared_error(logits, targets, lengths=lengths)


@pytest.mark.parametrize("kind", ["nonlinearity", "loss"])
def test_a_function_of_your_own_makes_the_page_read_only(show, kind):
    pair = (lambda a: a / (1 + np.abs(a)), lambda h: (1 - np.abs(h)) ** 2)
    cell = RNNCell(2, 3, nonlinearity=pair if kind == "nonlinearity" else "tanh", rng=0)
    run = ManyToOne(RNN.from_cells([cell]), ManyToOneHead(3, 1, rng=1)).forward(np.ones((4, 2)))
    page = show(trace(run, loss=own_loss if kind == "loss" else mean_squared_error, targets=[1.0]))
    assert f"its {kind} is a function of your own" in page.inner_text("#why")
    assert page.locator(".edit").count() == 0
    assert not page.is_visible('[data-do="train-1"]')
    assert "equal to Python" in page.inner_text("#check")


# --- the page as a whole


def checked_states(show, steps, width, scheme):
    page = show(steps, width=width, height=900 if width > 400 else 812, scheme=scheme)
    yield page
    number(page, W_XH, 0, 0).click()
    page.keyboard.type("x")
    page.keyboard.press("Enter")
    yield page
    page.keyboard.press("Escape")
    page.click('[data-do="train-50"]')
    page.keyboard.press("End")
    yield page
    page.click('[data-do="ask"]')
    yield page


@pytest.mark.skipif(not AXE.exists(), reason="needs axe-core: npm install --prefix build axe-core")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1280])
def test_axe_finds_nothing(show, worked_trace, width, scheme):
    for page in checked_states(show, worked_trace, width, scheme):
        page.evaluate(AXE.read_text("utf-8"))
        found = page.evaluate("axe.run(document)")
        assert [(rule["id"], rule["nodes"][0]["html"]) for rule in found["violations"]] == []
        assert len(found["passes"]) > 20


@pytest.mark.parametrize(("width", "height"), [(375, 812), (1280, 900)])
def test_the_matrices_are_on_the_first_screen_and_can_be_hit(show, worked_trace, width, height):
    page = show(worked_trace, width=width, height=height)
    for name in ("W_xh", "W_hh"):
        box = page.locator(f"[data-grid='{name}']").bounding_box()
        assert box["y"] + box["height"] <= height
    small = """Array.from(document.querySelectorAll("button,select,input,textarea,a,.edit")).filter(e => e.checkVisibility())
        .map(e => [e.outerHTML.slice(0, 80), e.getBoundingClientRect()]).filter(([, r]) => r.width < 24 || r.height < 24)"""
    assert page.evaluate(small) == []
    apart_from_results = """Array.from(document.querySelectorAll(".tied")).filter(e => { const [a, b] = [...e.children].map(c => c.getBoundingClientRect());
        return b.left < a.right - 1 || b.top > a.bottom || b.bottom < a.top; }).length"""
    assert page.evaluate(apart_from_results) == 0  # an = stays next to its result


def test_on_paper_every_step_has_its_numbers(page):
    page.emulate_media(media="print")
    page.locator("#all-steps section").last.wait_for()
    text = page.inner_text("#all-steps")
    for h in worked_example.PRINTED_STATES.flat:
        assert f"{h:.4f}" in text
    for hidden in ("nav", ".tools", "#arithmetic", "footer"):
        assert not page.locator(hidden).first.is_visible()
    assert page.locator("#all-steps td").first.evaluate("e => getComputedStyle(e).printColorAdjust") == "exact"
    page.emulate_media(media="screen")
    page.locator("#all-steps section").first.wait_for(state="detached")


def test_in_a_frame_it_follows_the_theme_and_never_scrolls(browser, worked_trace, tmp_path):
    (tmp_path / "page.html").write_text(worked_trace.to_html(), "utf-8")
    path, script = tmp_path / "outside.html", Path(__file__).parent.parent / "docs" / "static" / "site.js"
    path.write_text(
        f'<!doctype html><body data-theme="dark"><iframe src="page.html" class="live" style="width:100%"></iframe><script>{script.read_text("utf-8")}</script>',
        "utf-8",
    )
    page = browser.new_page()
    page.goto(path.as_uri())
    inside = page.frames[1]
    inside.wait_for_selector("html[data-theme=dark]", state="attached")
    page.wait_for_timeout(300)
    assert inside.evaluate("document.documentElement.scrollHeight <= innerHeight && innerHeight > 900")
    assert inside.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(23, 24, 27)"
    page.evaluate("document.body.dataset.theme = 'light'")
    inside.wait_for_selector("html[data-theme=light]", state="attached")
    page.close()


def test_the_page_can_make_no_request(browser, worked_trace, tmp_path):
    (tmp_path / "page.html").write_text(worked_trace.to_html(), "utf-8")
    page, requests = browser.new_page(), []
    page.goto((tmp_path / "page.html").as_uri())
    page.on("requestfinished", lambda request: requests.append(request.url))
    page.on("requestfailed", lambda request: request.failure == "csp" or requests.append(request.failure))
    page.evaluate("""() => { document.body.insertAdjacentHTML("beforeend", '<img src="https://example.org/a.png" onerror="window.ran = 1">');
        const script = document.createElement("script"); script.textContent = "window.ran = 1"; document.body.append(script);
        return fetch("https://example.org").catch(() => null); }""")
    page.wait_for_timeout(200)
    assert requests == []
    assert page.evaluate("window.ran") is None
    page.close()


def test_5000_steps_draw_only_what_is_in_view(show):
    model = ManyToOne(RNN(2, 4, rng=0), ManyToOneHead(4, 1, rng=1))
    run = model.forward(np.random.default_rng(0).standard_normal((5000, 2)))
    page = show(trace(run, loss=binary_cross_entropy, targets=[1]))
    assert page.evaluate("document.querySelectorAll('*').length") < 3000
    page.keyboard.press("End")
    assert page.locator("#unrolled [data-t='4999']").is_visible()
    assert page.inner_text("#where").startswith("t = 4999")


def test_it_stays_small(worked_trace):
    assert len(worked_trace.to_html().encode()) <= 90_000


# --- python -m vanilla_rnn


@pytest.fixture
def opened(monkeypatch):
    addresses = []
    monkeypatch.setattr(webbrowser, "open", lambda address: addresses.append(address) or len(addresses) == 1)
    return addresses


def test_any_sentence_becomes_a_page(opened, capsys, tmp_path):
    main(["Any words at all", "--html", str(tmp_path / "own.html")])
    assert opened == [(tmp_path / "own.html").as_uri()]
    assert '"tokens":["Any","words","at","all"]' in (tmp_path / "own.html").read_text("utf-8")
    main(["I love it"])
    assert Path(opened[1].removeprefix("file://")).exists()
    assert "Open it in a browser" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["Hi", "--text", "--html", "page.html"], "not allowed with argument"),
        (["Hi", "--html", "missing/page.html"], "No such file or directory: .*missing"),
        (["Hi", "--html", "."], "path must be a regular file or a new name"),
    ],
)
def test_a_page_that_can_not_be_written_is_an_error_of_the_command(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        main(arguments)
    assert re.search(message, capsys.readouterr().err)
    assert list(tmp_path.iterdir()) == []


def test_the_numbers_belong_to_the_words(opened, capsys, monkeypatch):
    tables = []
    for sentence in ("one two", "one two", "one three"):
        main([sentence, "--text"])
        tables.append(capsys.readouterr().out.splitlines())
    assert tables[0] == tables[1]
    states = [[line.split("|")[3:] for line in table[2:]] for table in tables]
    assert states[0][0] == states[2][0]
    assert states[0][1] != states[2][1]
    assert word_vector("love", 4) == [0.88, 0.12, 0.41, -0.58]  # on every machine
    monkeypatch.setattr(sys, "argv", ["vanilla_rnn", "", "--text"])
    with pytest.raises(SystemExit):
        runpy.run_path(vanilla_rnn.__main__.__file__, run_name="__main__")
    assert opened == []


def test_a_word_typed_into_the_page_has_the_same_vector(page):
    for text in ("love", "naïve", "\U0001f600", "x" * 50):
        assert page.evaluate("text => vectorOf(text, 5)", text) == word_vector(text, 5)
