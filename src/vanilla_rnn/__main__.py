"""``python -m vanilla_rnn "any sentence"``: run a sentence through a small network, and look at it in a browser.

The network is the one from the worked example. The vector for a word is computed from its letters, so every word has a
vector, and it is the same every time and on every machine. A new word that you type into the page gets its vector in
the same way.
"""

import argparse
import tempfile
import webbrowser
from pathlib import Path

from vanilla_rnn.cell import RNNCell
from vanilla_rnn.embedding import Embedding
from vanilla_rnn.heads import ManyToOneHead
from vanilla_rnn.inspection.trace import Trace, trace
from vanilla_rnn.losses import binary_cross_entropy
from vanilla_rnn.models import ManyToOne
from vanilla_rnn.rnn import RNN
from vanilla_rnn.vocab import Vocab, tokenize
from vanilla_rnn.worked_example import TOKENS, W_hh, W_hy, W_xh, b_h, b_y


def word_vector(word: str, size: int) -> list[float]:
    """A vector for a word: numbers from -1 to 1 with two decimals, from a hash of its letters (FNV-1a)."""
    state, values = 2166136261, []
    for letter in word:
        state = (state ^ ord(letter)) * 16777619 % 2**32
    for _ in range(size):
        state = (state * 1664525 + 1013904223) % 2**32
        values.append(((state >> 16) % 201 - 100) / 100)
    return values


def trace_sentence(sentence: str) -> Trace:
    """Trace a sentence through the network, with the gradients of the loss for the target "yes"."""
    tokens = tokenize(sentence)
    vocab = Vocab(tokens, specials=())
    vectors = [word_vector(word, W_xh.shape[1]) for word in vocab.idx_to_token]
    rnn = RNN.from_cells([RNNCell.from_weights(W_xh, W_hh, b_h)])
    model = ManyToOne(rnn, ManyToOneHead.from_weights(W_hy, b_y), embedding=Embedding.from_vectors(vectors))
    return trace(model.forward(vocab.encode(tokens)), tokens, loss=binary_cross_entropy, targets=[1])


def main(arguments: list[str] | None = None) -> None:
    """Write the page for a sentence and open it, or print the states."""
    parser = argparse.ArgumentParser(
        prog="python -m vanilla_rnn", description="Run a sentence through a small network and look at every number."
    )
    parser.add_argument("sentence", nargs="?", default=" ".join(TOKENS), help="any words; default: %(default)s")
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--text", action="store_true", help="print the hidden states instead of writing a page")
    output.add_argument("--html", metavar="PATH", type=Path, help="where to write the page; default: a temporary file")
    given = parser.parse_args(arguments)
    if not tokenize(given.sentence):
        parser.error("the sentence must have at least one word, got none. Put it in quotes.")
    steps = trace_sentence(given.sentence)
    if given.text:
        print(steps.table())
        return
    path = given.html or Path(tempfile.mkdtemp(prefix="vanilla_rnn_")) / "page.html"
    try:
        steps.save_html(path)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    print(f"Wrote {path}")
    if not webbrowser.open(path.resolve().as_uri()):
        print("Open it in a browser.")


if __name__ == "__main__":
    main()
