"""The page of a trace, in a real browser: what it shows, what its keys do, and that nothing on it overlaps."""

import re

import numpy as np
import pytest

from sample_models import worked_model
from vanilla_rnn import (
    RNN,
    Embedding,
    ManyToMany,
    ManyToManyHead,
    RNNCell,
    binary_cross_entropy,
    cross_entropy,
    trace,
    worked_example,
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run():
    return worked_model().forward([0, 1, 2, 3])


@pytest.fixture(scope="module")
def worked_trace(run):
    return trace(run, worked_example.TOKENS, loss=binary_cross_entropy, targets=[1])


@pytest.fixture(scope="module")
def tagger():
    """A run with two layers, two directions, an answer at each step and different lengths; and its loss and targets."""
    rng = np.random.default_rng(0)
    rnn = RNN(2, 5, num_layers=2, bidirectional=True, rng=rng)
    model = ManyToMany(rnn, ManyToManyHead(10, 3, rng=rng), embedding=Embedding(9, 2, rng=rng))
    run = model.forward([[1, 2, 3, 4, 5, 6], [1, 2, 3, 0, 0, 0]], [6, 3])
    return run, {"loss": cross_entropy, "targets": rng.integers(0, 3, (2, 6))}


def now(page):
    return int(re.match(r"t = (\d+)", page.inner_text("#where")).group(1))


def variables(page):
    rows = page.eval_on_selector_all(
        ".variables tr[data-name]",
        "rows => rows.map(r => [r.dataset.name, r.cells[1].innerText, r.cells[2].innerText])",
    )
    return {name: (shape, value) for name, shape, value in rows}


def shown(values):
    return "[" + ", ".join(f"{value + 0.0:.4f}" for value in values) + "]"


def test_it_opens_at_the_first_step_and_keys_move_it(show, worked_trace):
    page = show(worked_trace)
    assert now(page) == 0
    assert page.inner_text("h1") == "I love this movie"
    assert page.title().startswith("I love this movie")
    for key, t in (("ArrowRight", 1), ("ArrowLeft", 0), ("ArrowLeft", 0), ("End", 3), ("ArrowRight", 3), ("Home", 0)):
        page.keyboard.press(key)
        assert now(page) == t, key
    assert "in the end p = 0.558" in page.inner_text("#where")
    page.keyboard.press("End")
    assert "p = 1 / (1 + exp(-y))  # for a logit" in page.inner_text(".code")


def test_buttons_move_it_and_keys_work_wherever_the_focus_is(show, worked_trace):
    page = show(worked_trace)
    for name, t in (("next", 1), ("next", 2), ("back", 1), ("last", 3), ("first", 0)):
        page.click(f'[data-do="{name}"]')
        assert now(page) == t
    for place in ('[data-do="back"]', '[data-line="3"]', '[data-pick="2"]', '[data-do="line-next"]'):
        page.focus(place)
        page.keyboard.press("ArrowRight")
        assert now(page) == 1
        page.keyboard.press("Home")
    page.focus('[data-pick="2"]')
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.dataset.pick") == "2"  # and the focus stays
    page.click("#unrolled [data-t='3'] text >> text=tanh")
    assert now(page) == 3


def test_space_plays_and_pauses(show, worked_trace):
    page = show(worked_trace)
    page.clock.install()
    page.keyboard.press(" ")
    assert page.inner_text('[data-do="play"]') == "Pause"
    page.clock.run_for(1300)
    assert now(page) == 1
    page.keyboard.press(" ")
    page.clock.run_for(5000)
    assert now(page) == 1
    page.click('[data-do="play"]')
    page.clock.run_for(9000)
    assert now(page) == 3
    assert page.inner_text('[data-do="play"]') == "Play"


def test_the_step_at_love_is_in_the_visible_text(show, worked_trace):
    page = show(worked_trace)
    page.keyboard.press("ArrowRight")
    text = page.inner_text("main")
    for number in ("0.4707", "0.6600", "-0.1490", "0.5110", "0.1539", "0.3618", "0.4621"):
        assert number in text
    sums = page.inner_text("[data-sum='1']")
    assert "= 0.2·0.5 + 0.7·0.8 = 0.6600" in sums
    assert "= -0.3·0.4621 + 0.2·0.1974 + 0.5·(-0.0997) = -0.1490" in sums
    assert "= tanh(0.6600 + (-0.1490) + 0.0000) = tanh(0.5110) = 0.4707" in sums


def test_the_answer_s_products_are_written_out(show, worked_trace):
    page = show(worked_trace)
    assert "y[0]" not in page.inner_text("#arithmetic")
    page.keyboard.press("End")
    assert "y[0] = 0.1·0.5597 + 0.4·0.4605 + 0.1·(-0.066) + 0 = 0.2336" in page.inner_text("#arithmetic")
    page.hover("[data-pick='2'] >> nth=0")
    assert "y[0]" in page.inner_text("#arithmetic")


def test_what_is_before_the_first_step_is_drawn(show, worked_trace):
    assert show(worked_trace).text_content("#unrolled [data-t='0']").count("h-1 = 0") == 1
    rnn = RNN(2, 3, bidirectional=True, rng=0)
    page = show(trace(rnn.forward(np.ones((2, 2)), h_0=[[0.0] * 3, [0.5] * 3])))
    assert "h2" in page.text_content("#unrolled [data-t='1']")  # of the reverse direction; it isn't 0
    assert "h2 = 0" not in page.text_content("#unrolled [data-t='1']")
    page.select_option("#cell", "0")
    assert "h-1 = 0" in page.text_content("#unrolled [data-t='0']")


def test_pointing_at_a_result_shows_its_row_and_sum(show, worked_trace):
    page = show(worked_trace)
    page.hover("[data-pick='2'] >> nth=0")
    assert page.locator("[data-grid='W_xh'] td.on").all_inner_texts() == ["-0.1", "0.4"]
    assert page.locator("[data-read='x'] td").all_inner_texts() == ["1", "0"]
    lit = "e => getComputedStyle(e).outlineStyle"
    assert {page.locator(f"[data-read='{name}'] td").first.evaluate(lit) for name in "xh"} == {"solid"}
    assert page.locator(".sums li.on").get_attribute("data-sum") == "2"
    page.focus("[data-pick='1'] >> nth=1")
    assert page.locator("[data-grid='W_hh'] td.on").all_inner_texts() == ["-0.3", "0.2", "0.5"]


def test_the_current_step_is_in_sight_on_a_phone(show, worked_trace):
    page = show(worked_trace, width=375)
    for key in ("End", "ArrowLeft", "Home"):
        page.keyboard.press(key)
        box = page.locator("#states .scroll").bounding_box()
        cell = page.locator("#states td.now").first.bounding_box()
        name = page.locator("#states tbody th").first.bounding_box()
        assert box["x"] <= name["x"]  # h[0] stays, beside it
        assert name["x"] + name["width"] <= cell["x"]
        assert cell["x"] + cell["width"] <= box["x"] + box["width"]


def test_every_line_of_the_code_shows_what_is_in_memory_then(show, run, worked_trace):
    """Held against the same ten lines, run here."""
    page = show(worked_trace)
    page.keyboard.press("Home")
    page.click('[data-line="0"]')
    W_xh, W_hh, b_h = worked_example.W_xh, worked_example.W_hh, worked_example.b_h
    memory = {"h": np.zeros(3)}

    def check(t, line, count):
        assert (now(page), int(page.get_attribute("[aria-current]", "data-line"))) == (t, line)
        there = variables(page)
        for name in ("x", "from_input", "from_memory", "a", "h", "y", "p"):
            assert there[name][1] == (shown(memory[name]) if name in memory else "not yet"), (t, line, name)
            assert there[name][0] == (f"({len(memory[name])})" if name in memory else "")
        assert there["states"] == ((f"({count}, 3)", f"{count} vector{'s' * (count > 1)}") if count else ("(0)", "[]"))
        assert there["W_hh"] == ("(3, 3)", "[0.1, 0.4, -0.2]\n[-0.3, 0.2, 0.5]\n[0.3, -0.1, 0.1]")
        page.keyboard.press("Shift+ArrowRight")

    check(0, 0, 0)
    for t, x in enumerate(worked_example.EMBEDDINGS):
        memory["x"] = x
        check(t, 1, t)
        memory["from_input"] = W_xh @ x
        check(t, 2, t)
        memory["from_memory"] = W_hh @ memory["h"]
        check(t, 3, t)
        memory["a"] = memory["from_input"] + memory["from_memory"] + b_h
        check(t, 4, t)
        memory["h"] = np.tanh(memory["a"])
        check(t, 5, t)
        check(t, 6, t + 1)
    memory["y"] = run.logits
    check(3, 7, 4)
    memory["p"] = 1 / (1 + np.exp(-run.logits))
    check(3, 8, 4)
    check(3, 8, 4)  # there is nothing after it
    for _ in range(100):
        page.keyboard.press("Shift+ArrowLeft")
    memory = {"h": np.zeros(3)}
    check(0, 0, 0)
    page.click('[data-line="7"]')
    assert now(page) == 3


def test_the_way_back_is_on_the_page(show, run, worked_trace):
    gradients = run.backward(binary_cross_entropy(run.logits, [1])[1])
    page = show(worked_trace)
    page.keyboard.press("End")
    text = page.inner_text("#backward")
    flow = worked_trace.steps[3][0].gradients
    for value in (*flow.from_output, *flow.d_a, *flow.d_W_xh.flat, *flow.d_W_hh.flat):
        assert f"{value:.4f}" in text
    sizes = page.locator("#backward .plain td:nth-child(2)").all_inner_texts()
    assert sizes == [f"{np.linalg.norm(step.gradients.d_h):.4f}" for (step,) in worked_trace.steps]
    assert "that of step 3, “movie”" in text
    for name in ("W_xh", "W_hh", "b_h"):
        total = gradients.d_parameters[f"rnn.cells.0.{name}"]
        for line in np.atleast_2d(total):
            assert ("\t" if total.ndim == 2 else "\n").join(f"{value:.4f}" for value in line) in text, name
    page.keyboard.press("Home")
    faint = page.locator("#backward figure:has-text('dL/dh') td").first.evaluate("e => e.style.getPropertyValue('--v')")
    assert float(faint) > 0.15  # 3 % of the strongest
    assert "9.8 %" in page.inner_text("#states")


def test_the_gradient_of_x_is_what_both_directions_pass_on(show):
    """One input after another, every cell's two directions together, and the layer above it likewise."""
    rng = np.random.default_rng(3)
    run = RNN(2, 5, num_layers=2, bidirectional=True, rng=rng).forward(rng.standard_normal((6, 2)))
    d_output = rng.standard_normal((6, 10))
    gradients, steps = run.backward(d_output), trace(run, list("abcdef"), d_output=d_output)
    d_h = [np.concatenate([step.gradients.from_output for step in entries[:2]]) for entries in steps.steps]
    page = show(steps)
    for number in range(4):
        page.select_option("#cell", str(number))
        page.focus("#cell")
        page.keyboard.press("End")
        d_x = np.array(d_h) if number > 1 else gradients.d_x
        sizes = np.linalg.norm(d_x, axis=1)
        assert page.locator("#backward .plain td:nth-child(4)").all_inner_texts() == [f"{size:.4f}" for size in sizes]
        winner = sizes.argmax()
        text = page.inner_text("#backward")
        assert f"step {winner}, “{'abcdef'[winner]}”: {sizes[winner]:.4f}." in text
        assert ("state of the layer below" in text) == (number > 1)
        assert ("The input with" in text) == (number < 2)
        assert "\n".join(f"{value:.4f}" for value in d_x[5][:8]) in text
        assert ("The network reads “f”." in page.inner_text("#arithmetic")) == (number < 2)
        assert ("This cell reads x5: the state of the layer below" in page.inner_text("#arithmetic")) == (number > 1)


def test_the_equation_is_that_of_the_cell(show):
    below = RNNCell.from_weights([[1.0]], [[0.5]], [0.1])
    above = RNNCell.from_weights([[1.0]], [[0.5]], nonlinearity="relu")
    page = show(trace(RNN.from_cells([below, above]).forward([[1.0]])))
    assert page.inner_text("#equation") == "ht = relu(Wxh xt + Whh ht−1)"
    page.select_option("#cell", "0")
    assert page.inner_text("#equation") == "ht = tanh(Wxh xt + Whh ht−1 + bh)"
    page = show(trace(RNN(2, 3, bidirectional=True, rng=0).forward(np.ones((2, 2)))))
    assert page.inner_text("#equation") == "ht = tanh(Wxh xt + Whh ht+1 + bh)"  # of the reverse direction, shown first


def test_without_gradients_it_says_how_to_get_them(show, run):
    page = show(trace(run, worked_example.TOKENS))
    assert "trace(run, words, " in page.inner_text("#backward")


def test_tokens_are_shown_not_run(show, tagger):
    run, upstream = tagger
    tokens = [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(2)>",
        "</script>",
        "&amp;",
        "\u2028\ud800",
        "{{numbers}}",
    ]
    page = show(trace(run, tokens, **upstream))
    for _ in range(6):
        page.keyboard.press("ArrowRight")
    for token in tokens[:4]:
        assert token in page.inner_text("h1")
        assert token in page.inner_text("#backward")
    assert page.locator("main script, main img").count() == 0


def test_a_token_of_any_length_leaves_the_numbers_in_sight(show, tagger):
    run, upstream = tagger
    page = show(trace(run, ["x" * 300, *"bcdef"], **upstream), width=375)
    box = page.locator("#backward .scroll:has(.plain)").bounding_box()
    for value in page.locator("#backward .plain td:not(.bar)").all():
        place = value.bounding_box()
        assert box["x"] <= place["x"]
        assert place["x"] + place["width"] <= box["x"] + box["width"]
    assert page.locator("nav").bounding_box()["height"] < 300


def test_a_token_keeps_its_direction_to_itself(show, tagger):
    """U+202E has what follows read from the right to the left."""
    run, upstream = tagger
    tokens = ["a", "\u202edrawkcab", *"cdef"]
    page = show(trace(run, tokens, **upstream))
    where = """text => { // the first letter of a text in the heading, from the left
        const nodes = document.createTreeWalker(document.querySelector("h1"), NodeFilter.SHOW_TEXT), range = document.createRange();
        while (!nodes.nextNode().data.includes(text)) {}
        range.setStart(nodes.currentNode, nodes.currentNode.data.indexOf(text)); range.setEnd(nodes.currentNode, range.startOffset + 1);
        return range.getBoundingClientRect().left; }"""
    assert page.evaluate(where, "c") < page.evaluate(where, "d") < page.evaluate(where, "f")
    assert page.evaluate(where, "drawkcab") > page.evaluate(where, "b")
    assert "\u202e" not in page.title()
    page.keyboard.press("ArrowRight")
    assert page.locator("bdi:text-is('\u202edrawkcab')").count() >= 5


def test_every_cell_has_its_numbers(show, tagger):
    run, upstream = tagger
    steps = trace(run, list("abc"), row=1, **upstream)
    page = show(steps)
    assert page.locator("#cell option").all_inner_texts() == [
        "cells[0]: layer 0, forward", "cells[1]: layer 0, reverse", "cells[2]: layer 1, forward", "cells[3]: layer 1, reverse"
    ]  # fmt: skip
    for number in range(4):
        page.select_option("#cell", str(number))
        for t in (0, 1, 2):
            page.focus("#cell")
            page.keyboard.press("Home")
            for _ in range(t):
                page.keyboard.press("ArrowRight")
            there = variables(page)
            step = steps.steps[t][number]
            assert there["x"][1].startswith(shown(step.x[:8])[:-1])
            assert there["h"][1] == shown(step.h)
            assert f"{steps.y[t][0]:.4f}" in page.inner_text("#where")
        page.click('[data-line="0"]')
        assert now(page) == (2 if number % 2 else 0)
        assert variables(page)["h"][1] == shown(np.zeros(5))
        assert ("reversed" in page.inner_text(".code")) == bool(number % 2)
        for k in range(18):
            page.keyboard.press("Shift+ArrowRight")
            assert now(page) == (2 - k // 6 if number % 2 else k // 6)


def test_an_answer_at_each_step_is_in_the_code(show):
    model = ManyToMany(RNN(2, 3, rng=0), ManyToManyHead(3, 2, bias=False, rng=1))
    run = model.forward(np.random.default_rng(0).standard_normal((4, 2)))
    page = show(trace(run))
    assert "y.append(W_hy @ h)" in page.inner_text(".code")
    page.keyboard.press("ArrowRight")
    page.click('[data-line="7"]')
    assert variables(page)["y"] == ("(2, 2)", "… " + shown(run.logits[1]))


def test_an_empty_sequence_says_so(show):
    page = show(trace(RNN(2, 3, rng=0).forward(np.ones((0, 2)))))
    page.keyboard.press("ArrowRight")
    assert "no step was taken" in page.inner_text("#where")


def test_what_overflowed_is_called_so(show):
    cell = RNNCell.from_weights([[0.1], [0.0]], [[1, 0], [0, 10.0]], [0, -9.0], nonlinearity="relu")
    run = RNN.from_cells([cell]).forward(np.zeros((400, 1)), h_0=[[1.0, 1.0]])
    page = show(trace(run, d_output=np.ones((400, 2))))
    for key in ("End", "Home"):
        page.keyboard.press(key)
        assert re.search("NaN|null|undefined|Infinity", page.inner_text("body")) is None
        assert "overflow" in page.inner_text("#states" if key == "End" else "#backward")
    assert "Overflow: on its way back" in page.inner_text("#backward")
    page.keyboard.press("End")
    for _ in range(150):
        page.keyboard.press("ArrowLeft")
    assert "1.0e+249-fold" in page.inner_text("#states")


def test_a_long_trace_shows_a_slice(show):
    """200 steps of 64 units: what is drawn stays small, so that a step is quick."""
    rng = np.random.default_rng(0)
    rnn = RNN(32, 64, rng=0)
    run = rnn.forward(rng.standard_normal((200, 32)))
    steps = trace(run, [f"w{t}" for t in range(200)], d_output=rng.standard_normal((200, 64)))
    page = show(steps)
    assert page.evaluate("document.querySelectorAll('main *').length") < 12000
    assert page.evaluate("document.querySelectorAll('main section:not(:first-child) *').length") < 2000
    page.keyboard.press("End")
    assert now(page) == 199
    assert "h[0]" in page.inner_text("#states")
    page.select_option("#slice", "56")
    there = page.inner_text("#states")
    assert "h[63]" in there
    assert "h[0]" not in there
    assert f"{steps.steps[199][0].h[63]:.4f}" in there
    box = page.locator("#unrolled").bounding_box()
    lit = page.locator("#unrolled .lit").bounding_box()
    assert box["x"] <= lit["x"]
    assert lit["x"] + lit["width"] <= box["x"] + box["width"]
    page.click("canvas", position={"x": 2, "y": 2})
    assert now(page) < 5


OVERLAPS = """() => {
  const seen = element => { // its rectangle, as far as scrolling boxes let it be seen
    let { left, top, right, bottom } = element.getBoundingClientRect();
    for (let box = element.parentElement; box; box = box.parentElement)
      if (getComputedStyle(box).overflowX !== "visible") {
        const r = box.getBoundingClientRect();
        left = Math.max(left, r.left); right = Math.min(right, r.right); top = Math.max(top, r.top); bottom = Math.min(bottom, r.bottom);
      }
    const name = element.closest("tr")?.cells[0]; // what slides under a name that stays isn't seen
    if (name && name !== element && getComputedStyle(name).position === "sticky") left = Math.max(left, name.getBoundingClientRect().right);
    return { left, top, right, bottom, element };
  };
  const texts = [...document.querySelectorAll("h1,h2,p,td,th,figcaption,.sign,.code button,.lines button,nav button,nav output,nav select,.sums li,.legend li,pre,svg text")]
    .filter(e => !e.hidden && e.checkVisibility()).map(seen).filter(r => r.right - r.left > 1 && r.bottom - r.top > 1);
  const found = [];
  texts.forEach((a, i) => texts.slice(i + 1).forEach(b => {
    if (a.element.contains(b.element) || b.element.contains(a.element)) return;
    const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left), high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    if (wide > 1.5 && high > 1.5) found.push([a.element.outerHTML.slice(0, 90), b.element.outerHTML.slice(0, 90), wide, high]);
  }));
  return found;
}"""

CONTRASTS = """() => {
  const pen = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true });
  const rgb = colour => { pen.clearRect(0, 0, 1, 1); pen.fillStyle = colour; pen.fillRect(0, 0, 1, 1); return [...pen.getImageData(0, 0, 1, 1).data]; };
  const light = colour => rgb(colour).slice(0, 3).map(v => v / 255).map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const under = element => { for (let e = element; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (rgb(c)[3] === 255) return c; } return "white"; };
  return Math.min(...[...document.querySelectorAll("h1,h2,p,td,th,figcaption,button,li,output")].filter(e => e.checkVisibility() && e.innerText.trim()).map(e => {
    const [a, b] = [light(getComputedStyle(e).color), light(under(e))]; return (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
  }));
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1280])
def test_nothing_overlaps_and_all_can_be_read(show, worked_trace, tagger, width, scheme):
    run, upstream = tagger
    words = ["antidisestablishmentarianism", "a", "of", "", "<b>", "x" * 60]
    for one in (worked_trace, trace(run, words, **upstream)):
        page = show(one, width=width, scheme=scheme)
        for key in ("Home", "ArrowRight", "End"):
            page.keyboard.press(key)
            assert page.evaluate("document.documentElement.scrollWidth") == width
            assert page.evaluate(OVERLAPS) == []
            assert page.evaluate(CONTRASTS) >= 4.5  # what the web's accessibility guidelines (WCAG 2.2, AA) ask for


def test_a_notebook_shows_it_in_a_frame(worked_trace, browser, tmp_path):
    path = tmp_path / "notebook.html"
    path.write_text(f"<!doctype html><body><p id=outside>text</p>{worked_trace._repr_html_()}", "utf-8")
    page = browser.new_page()
    page.goto(path.as_uri())
    frame = page.frame_locator("iframe")
    assert frame.locator("h1").inner_text() == "I love this movie"
    frame.locator('[data-do="next"]').click()
    assert "t = 1" in frame.locator("#where").inner_text()
    page.close()


def test_it_stays_small(worked_trace):
    assert len(worked_trace.to_html().encode()) < 300_000
