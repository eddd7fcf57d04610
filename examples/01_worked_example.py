"""Trace a sentence through the worked example's network, one word at a time, with all of its arithmetic.

python examples/01_worked_example.py
python examples/01_worked_example.py "I love love this movie"
"""

import argparse
import sys

from vanilla_rnn import RNN, Embedding, ManyToOneHead, RNNCell, Vocab, sigmoid, tokenize, worked_example


def main() -> None:
    known = " ".join(worked_example.TOKENS)
    parser = argparse.ArgumentParser(description="Trace a sentence through the worked example's network.")
    parser.add_argument("sentence", nargs="?", default=known, help=f"words out of: {known}")
    sentence = parser.parse_args().sentence

    vocab = Vocab(worked_example.TOKENS, specials=())
    tokens = tokenize(sentence)
    unknown = [token for token in tokens if token not in vocab]
    if unknown or not tokens:
        problem = f"The network doesn't know {unknown[0]!r}" if unknown else "The sentence is empty"
        sys.exit(f"{problem}. The words it knows, in any order and number: {known}")
    ids = vocab.encode(tokens)

    embedding = Embedding.from_vectors(worked_example.EMBEDDINGS)
    cell = RNNCell.from_weights(worked_example.W_xh, worked_example.W_hh, worked_example.b_h)
    head = ManyToOneHead.from_weights(worked_example.W_hy, worked_example.b_y)

    print("h_t = tanh(W_xh x_t + W_hh h_{t-1} + b_h), where h before the first word is 0, and so is b_h\n")
    h = [0.0] * cell.hidden_size
    for t, (token, x_t) in enumerate(zip(tokens, embedding(ids), strict=True)):
        step = cell.forward(x_t, h)
        print_step(t, token, step)
        h = step.h

    output, h_n = RNN.from_cells([cell])(embedding(ids))
    print("The hidden state after each word:\n")
    print_table(tokens, output)
    probability = sigmoid(head(output, h_n))[0]
    print(f"\nProbability that the sentence is positive: {probability:.3f}")
    print("(its output weights are chosen, not recovered: see worked_example.py)")


def print_step(t: int, token: str, step) -> None:
    """One step's products, sum and tanh, a line for each hidden unit."""
    W_xh, W_hh = step.cell.W_xh, step.cell.W_hh
    print(f't={t} "{token}"   x_{t} = {vector(step.x)}   h_{t - 1} = {vector(step.h_prev)}')
    print(f"        {f'W_xh x_{t}':>10}   {f'W_hh h_{t - 1}':>10}   {'sum':>9}         {f'h_{t}':>7}")
    for i, (from_word, from_memory) in enumerate(zip(W_xh @ step.x, W_hh @ step.h_prev, strict=True)):
        print(f"  h[{i}]  {from_word:10.4f} + {from_memory:10.4f} = {step.a[i]:9.4f}   tanh: {step.h[i]:8.4f}")
    print()


def print_table(tokens, states) -> None:
    """The states as the worked example's text prints them."""
    units = range(states.shape[1])
    width = max(len(token) for token in tokens) + 2
    print(f"| Timestep | {'Token':<{width}} | " + " | ".join(f"{f'h[{i}]':>7}" for i in units) + " |")
    print(f"|----------|{'-' * (width + 2)}|" + "|".join("-" * 9 for _ in units) + "|")
    for t, (token, h_t) in enumerate(zip(tokens, states, strict=True)):
        label = f'"{token}"'
        print(f"| {f't={t}':<8} | {label:<{width}} | " + " | ".join(f"{h:7.4f}" for h in h_t) + " |")


def vector(values) -> str:
    return "(" + ", ".join(f"{value:.4f}" for value in values) + ")"


if __name__ == "__main__":
    main()
