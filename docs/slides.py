"""The slides of the lesson in for-teachers.md as one file: `python docs/slides.py` writes docs/static/slides.html.

The numbers are computed here, and the drawings are those of the chapters. To add a slide, add an entry to `slides`.
"""

import base64
import re
from html import escape
from pathlib import Path

import numpy as np

from vanilla_rnn import RNN, RNNCell, worked_example

DOCS = Path(__file__).parent
PAGE = DOCS / "static" / "slides.html"


def words(text):
    """HTML for a text in which `code` is code, and h_t and W_{hh} are symbols with an index."""
    parts = re.split(r"`(.+?)`", text)
    symbol = r"\b([A-Za-z]+)_(?:\{(.+?)\}|([A-Za-z0-9]+))"
    for place, part in enumerate(parts):
        index = r"<i>\1</i><sub>\2\3</sub>"
        part = escape(part)
        parts[place] = f"<code>{part}</code>" if place % 2 else re.sub(symbol, index, part)
    return "".join(parts)


def text(*paragraphs):
    """Paragraphs."""
    return "".join(f"<p>{words(paragraph)}</p>" for paragraph in paragraphs)


def points(*lines):
    """A list."""
    return f"<ul>{''.join(f'<li>{words(line)}</li>' for line in lines)}</ul>"


def formula(*lines):
    """Formulas, a line for each."""
    return f'<div class="formula">{"".join(f"<p>{words(line)}</p>" for line in lines)}</div>'


def code(lines):
    """Lines of code."""
    return f'<pre tabindex="0">{escape(lines)}</pre>'


def table(head, *rows):
    """A table that can be moved sideways on a phone."""
    head = "".join(f"<th>{words(cell)}</th>" if cell else "<td></td>" for cell in head)
    rows = "".join(f"<tr>{''.join(f'<td>{words(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="wide" tabindex="0"><table><tr>{head}</tr>{rows}</table></div>'


def question(asked, answer):
    """A question with an answer that unfolds."""
    return f'<details><summary class="ask">{words(asked)}</summary><p>{words(answer)}</p></details>'


def drawing(file, shown):
    """An SVG file of docs/ as an image that is part of the page, or nothing as long as there is no such file."""
    path = DOCS / file
    if not path.exists():
        return ""
    data = base64.b64encode(path.read_bytes()).decode()
    kind = "light" if b"prefers-color-scheme" not in path.read_bytes() else "both"
    return f'<figure class="{kind}"><img alt="{escape(shown)}" src="data:image/svg+xml;base64,{data}"></figure>'


def numbers(values):
    """Numbers with four decimals, as in the chapters."""
    return ", ".join(f"{value:.4f}" for value in values)


def states(order, W_hh):
    """The states of the worked example's network for its words in this order."""
    cell = RNNCell.from_weights(worked_example.W_xh, W_hh, worked_example.b_h)
    return RNN.from_cells([cell])(worked_example.EMBEDDINGS[order])[0]


def slides():
    """Title and content of every slide, in the order of the lesson."""
    example = worked_example
    h = states([0, 1, 2, 3], example.W_hh)
    word, memory = example.W_xh @ example.EMBEDDINGS[1], example.W_hh @ h[0]
    forgetful = 0 * example.W_hh
    exchanged = states([2, 1, 0, 3], example.W_hh)
    assert np.array_equal(states([2, 1, 0, 3], forgetful)[-1], states([0, 1, 2, 3], forgetful)[-1])
    return [
        ("Recurrent neural networks", text("A network that reads one word after another, and remembers.")),
        (
            "Why sequences?",
            question(
                "“Dog bites man” and “Man bites dog”: what is the same, and what isn’t?",
                "The words and the sum of their vectors are the same. The order differs, and with it the meaning.",
            )
            + points(
                "Sentences have different lengths.",
                "The order matters.",
                "The word that decides may be many steps back.",
            ),
        ),
        (
            "What a layer without a memory can’t do",
            table(
                ("", "feed-forward", "recurrent"),
                ("number of words", "fixed", "any"),
                ("“bank” after “river” and after “savings”", "the same output", "two outputs"),
                ("the same words in another order", "the same sum", "another state"),
                ("weights", "a set for each position", "the same at every step"),
            ),
        ),
        (
            "One formula",
            formula("h_t = tanh(W_{xh} x_t + W_{hh} h_{t−1} + b_h)")
            + table(
                ("symbol", "shape", "meaning"),
                ("x_t", "(input,)", "the vector of word t"),
                ("h_{t−1}", "(hidden,)", "the state before the word: the memory"),
                ("W_{xh}", "(hidden, input)", "how a word changes the state"),
                ("W_{hh}", "(hidden, hidden)", "how the old state changes the new one"),
                ("h_t", "(hidden,)", "the state after the word"),
            ),
        ),
        (
            "One step",
            text("Two products and a sum, and then tanh, number by number.")
            + drawing("static/drawings/step.svg", "A step: the word and the old state become the new state")
            + question(
                "W_{hh} h_{t−1} and h_{t−1} W_{hh}: does it matter?",
                "Yes. W_{hh} is square, so Python accepts both, but the second one reverses every connection.",
            ),
        ),
        (
            "Why tanh?",
            drawing("static/drawings/tanh.svg", "tanh and its slope")
            + question("What would a network without tanh be?", "Linear: all its steps together are one matrix.")
            + question("How large can a state become?", "Each number is between −1 and 1, after any number of steps.")
            + question(
                "Where is the slope 1, and where is it near 0?", "It is 1 at 0, and near 0 where h is near 1 or −1."
            ),
        ),
        (
            "“I love”: the step at “love”",
            table(
                ("unit", "from the word", "from the memory", "sum", "new state, tanh(sum)"),
                *(
                    (str(i), f"{word[i]:.4f}", f"{memory[i]:.4f}", f"{word[i] + memory[i]:.4f}", f"{h[1][i]:.4f}")
                    for i in range(3)
                ),
            )
            + question(
                "What would this state be if “love” were the first word?",
                f"The memory is 0, so it would be tanh of the second column: {numbers(np.tanh(word))}.",
            ),
        ),
        (
            "Unrolled through time",
            text("It looks like four networks. It is one, used four times, with the same weights.")
            + drawing("static/drawings/unrolled.svg", "A network, rolled up and unrolled for four words")
            + table(
                ("after", "h[0]", "h[1]", "h[2]"),
                *(
                    (f"“{token}”", *(f"{value:.4f}" for value in row))
                    for token, row in zip(example.TOKENS, h, strict=True)
                ),
            ),
        ),
        (
            "Does the order matter?",
            question(
                "“this love I movie”: the last word is the same. Is the last state the same?",
                f"No: {numbers(exchanged[-1])} instead of {numbers(h[-1])}.",
            )
            + question(
                "And if all numbers of W_{hh} are 0?",
                "Then it is the same. Without W_{hh} the state depends on the last word alone.",
            ),
        ),
        (
            "Your turn",
            code("python -m pytest examples/exercises -x")
            + points(
                "Open `examples/exercises/exercises.py`.",
                "Exercise 1: `step`. Replace the `raise` by the formula.",
                "A test that fails names the likely mistake.",
                "When it passes: exercise 2, `unroll`.",
            ),
        ),
        (
            "`output` and `h_n`",
            code("output, h_n = rnn(x, lengths=lengths)")
            + table(
                ("", "shape", "contains"),
                ("`output`", "(batch, time, hidden)", "the state after every step"),
                ("`h_n`", "(layers, batch, hidden)", "the state after each row’s last word"),
            )
            + question(
                "For one layer and one direction: where is `h_n` in `output`?",
                "At each row’s last real step, `output[row, lengths[row] - 1]`. Without padding: `output[:, -1]`.",
            ),
        ),
        (
            "Rows of different lengths",
            drawing("static/drawings/ragged.svg", "A batch of three rows that are padded, and how the loop reads it")
            + question(
                "A row of 2 words is padded to 5. What is in `output[row, 4]`, and what in `h_n`?",
                "`output[row, 4]` is 0: it is padding. `h_n` has the state after the second word.",
            )
            + question(
                "And if the network read the padding?",
                "The state would change: W_{hh} and b_h act on it at every step, even if the input is 0.",
            ),
        ),
        (
            "Four tasks, one network",
            table(
                ("task", "reads", "answers", "example"),
                ("many-to-one", "a sentence", "one answer, from h_n", "is the review positive?"),
                ("many-to-many", "a sentence", "an answer for each word", "noun or verb?"),
                ("one-to-many", "one vector", "a sentence", "a caption"),
                ("encoder-decoder", "a sentence", "another sentence", "translation"),
            ),
        ),
        ("Four tasks, drawn", drawing("static/drawings/tasks.svg", "The four architectures")),
        (
            "What a decoder reads",
            table(
                ("step", "reads", "should answer"),
                ("0", "<bos>", "C"),
                ("1", "C", "D"),
                ("2", "D", "E"),
                ("3", "E", "<eos>"),
            )
            + drawing(
                "static/drawings/teacher-forcing.svg",
                "In training a decoder reads the right tokens, in generation its own",
            )
            + question(
                "Three tokens: how many steps count in the loss?",
                "Four. The end has to be predicted too, and padding doesn’t count.",
            ),
        ),
        (
            "What does it learn from?",
            formula("p = sigmoid(W_{hy} h_T + b_y)", "loss = −log p, if the right answer is yes")
            + drawing("static/drawings/learning-step.svg", "One step of learning")
            + question(
                "p = 0.558. How large is the loss, and what if p were 0.01?",
                "−log 0.558 = 0.583, and −log 0.01 = 4.6. A confident mistake costs a lot.",
            ),
        ),
        ("There and back", drawing("flow.svg", "A sentence on its way to a loss, and the gradient on its way back")),
        (
            "One step backward",
            code(
                "d_a = d_h * (1 - h_t**2)            # back through tanh\n"
                "d_h_prev = W_hh.T @ d_a             # to the step before\n"
                "d_W_hh += np.outer(d_a, h_prev)     # to the weights\n"
                "d_W_xh += np.outer(d_a, x_t)\n"
                "d_b_h += d_a"
            )
            + question(
                "Which state is in the gradient of W_{hh}: h_t or h_{t−1}?",
                "h_{t−1}: W_{hh} multiplied the previous state.",
            )
            + question(
                "Why `+=`?",
                "All steps use the same weights. The loss changes through each step, so their gradients add up.",
            ),
        ),
        (
            "Backpropagation through time",
            code(
                "dhnext = d_h_n\n"
                "for t in reversed(range(time)):\n"
                "    d_h = d_output[t] + dhnext\n"
                "    dhnext = W_hh.T @ (d_h * slope[t])\n"
                "d_h_0 = dhnext"
            )
            + drawing("static/drawings/gradient-path.svg", "The path of the gradient back through the steps")
            + question(
                "What does `dhnext` contain?",
                "How the loss changes with h_t through all later steps. `d_output[t]` is for the step’s own output.",
            ),
        ),
        (
            "Why memory fades",
            formula("∂h_T / ∂h_t = J_T ⋯ J_{t+2} J_{t+1},   J_t = diag(1 − h_t²) W_{hh}")
            + table(
                ("if each step multiplies by", "after 5 steps", "after 20 steps", "after 50 steps"),
                *(
                    (f"{factor:g}", *(f"{factor**steps:.3g}" for steps in (5, 20, 50)))
                    for factor in (0.5, 0.9, 1.0, 1.1)
                ),
            )
            + question(
                "In which line of the loop does the gradient vanish?",
                "In `dhnext = ...`: each step multiplies by W_{hh}ᵀ and by slopes that are at most 1.",
            ),
        ),
        (
            "Too small, too large",
            points(
                "Exploding: clip the norm of all gradients. The direction stays.",
                "Vanishing: clipping doesn’t help. Start with another W_{hh}, or keep a part of the state.",
            )
            + drawing("static/drawings/clipping.svg", "Clipping shortens the gradient and keeps its direction")
            + formula("h_t = (1 − leak) h_{t−1} + leak tanh(W_{xh} x_t + W_{hh} h_{t−1} + b_h)"),
        ),
        (
            "Homework",
            code('python -m pytest examples/exercises --student "Ada Lovelace" --score')
            + points(
                "Exercises 2 to 4. Exercise 11, a cell of your own, if you want more.",
                "Your name chooses the numbers.",
                "Hand in `homework-ada-lovelace.json`: it contains your points and your solution.",
            ),
        ),
        (
            "What to remember",
            points(
                "The state is the only memory: h_t is computed from x_t and h_{t−1}.",
                "The weights are the same at every step, so their gradients are added.",
                "`output` has every state, `h_n` the last one of each row.",
                "Backward, the gradient of a state has two parts: its own output and all later steps.",
                "Many factors below 1 make a gradient vanish.",
            ),
        ),
    ]


def page():
    """The whole page."""
    template = (DOCS / "slides_template.html").read_text("utf-8")
    sections = []
    shown = [slide for slide in slides() if slide[1]]  # without those whose drawing is missing
    for place, (title, content) in enumerate(shown):
        heading = "h1" if place == 0 else "h2"
        kind = ' class="with-figure"' if "<figure" in content and content.count("<p>") else ""
        sections.append(f"<section>\n<{heading}>{words(title)}</{heading}>\n<div{kind}>{content}</div>\n</section>")
    return template.replace("<!-- slides -->", "\n".join(sections))


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
