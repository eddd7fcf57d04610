"""Why sequences need a memory: word order matters, and sentences have any length.

python examples/03_order_matters.py                       (takes a second)
python examples/03_order_matters.py --plot states.png     (the states after each word)
"""

import numpy as np
from command_line import drawing, parser

from vanilla_rnn import RNN, Embedding, Vocab, tokenize
from vanilla_rnn.inspection.plot import plot_hidden_states


def main() -> None:
    arguments = parser(__doc__, picture="the states of both sentences").parse_args()
    vocab = Vocab(["dog", "bites", "man"], specials=())
    embedding = Embedding(len(vocab), embedding_dim=2, rng=1)
    rnn = RNN(input_size=2, hidden_size=3, rng=2)

    print("The same words in another order")
    results = []
    for sentence in ("dog bites man", "man bites dog"):
        vectors = embedding(vocab.encode(tokenize(sentence)))  # (3 words, 2)
        _, h_n = rnn(vectors)
        results.append((vectors.sum(axis=0), h_n[0]))
        print(f"  {sentence:>15}   sum of its word vectors {results[-1][0].round(4)}   last state {h_n[0].round(4)}")
    (sum_a, state_a), (sum_b, state_b) = results
    apart = [np.abs(a - b).max() for a, b in ((sum_a, sum_b), (state_a, state_b))]
    print(f"  The sums differ by {apart[0]:.4f}, the states by {apart[1]:.4f}:")
    print("  a sum of the words can't tell who was bitten; a state can.\n")

    print("A sentence of any length through the same weights")
    before = {path: values.copy() for path, values in rnn.parameters().items()}
    for words in (4, 40):
        sentence = (["dog", "bites", "man"] * words)[:words]
        output, _ = rnn(embedding(vocab.encode(sentence)))
        count = sum(values.size for values in rnn.parameters().values())
        print(f"  {words:>2} words: {len(output):>2} states, {count} parameters")
    same = all(np.array_equal(values, before[path]) for path, values in rnn.parameters().items())
    print(f"  The weights are {'the same' if same else 'DIFFERENT'} before and after: {', '.join(before)}")
    if arguments.plot:
        with drawing(arguments.plot, panels=2) as axes:
            for ax, sentence in zip(axes, ("dog bites man", "man bites dog"), strict=True):
                plot_hidden_states(rnn.forward(embedding(vocab.encode(tokenize(sentence)))), tokenize(sentence), ax=ax)


if __name__ == "__main__":
    main()
