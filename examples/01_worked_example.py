"""Trace a sentence through the worked example's network, one word at a time, with all the arithmetic.

python examples/01_worked_example.py                      (takes a second)
python examples/01_worked_example.py "I love love this movie"
python examples/01_worked_example.py --html steps.html    (a page to step through in a browser, with the gradients)
"""

import argparse
import sys

from vanilla_rnn import (
    RNN,
    Embedding,
    ManyToOne,
    ManyToOneHead,
    RNNCell,
    Vocab,
    binary_cross_entropy,
    sigmoid,
    tokenize,
    trace,
    worked_example,
)


def main() -> None:
    known = " ".join(worked_example.TOKENS)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sentence", nargs="?", default=known, help=f"any of these words: {known}")
    parser.add_argument("--html", metavar="PATH", help="write a page to step through, with the gradients")
    arguments = parser.parse_args()

    vocab = Vocab(worked_example.TOKENS, specials=())
    tokens = tokenize(arguments.sentence)
    unknown = [token for token in tokens if token not in vocab]
    if unknown or not tokens:
        problem = f"The network doesn't know {unknown[0]!r}" if unknown else "The sentence is empty"
        sys.exit(
            f"{problem}. The words it knows, in any order and number: {known}.\n"
            'For words of your own: python -m vanilla_rnn "any sentence"'
        )

    embedding = Embedding.from_vectors(worked_example.EMBEDDINGS)
    cell = RNNCell.from_weights(worked_example.W_xh, worked_example.W_hh, worked_example.b_h)
    head = ManyToOneHead.from_weights(worked_example.W_hy, worked_example.b_y)
    model = ManyToOne(RNN.from_cells([cell]), head, embedding=embedding)
    run = model.forward(vocab.encode(tokens))

    steps = trace(run, tokens)
    print(steps)
    print("\nThe hidden state after each word:\n")
    print(steps.table())
    print(f"\nProbability that the sentence is positive: {sigmoid(run.logits)[0]:.3f}")
    print("(The output weights are chosen, not recovered: see worked_example.py.)")

    if arguments.html:
        # The gradients are those of the loss if the sentence's label is 1, "positive".
        trace(run, tokens, loss=binary_cross_entropy, targets=[1]).save_html(arguments.html)
        print(f"\nWrote {arguments.html}: open it in a browser.")


if __name__ == "__main__":
    main()
