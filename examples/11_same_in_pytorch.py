"""The worked example's classifier in this library and in PyTorch: the same numbers, forward and backward.

python examples/11_same_in_pytorch.py    (a few seconds, most of them to import PyTorch)
"""

import sys

import numpy as np
from command_line import parser

from vanilla_rnn import (
    RNN,
    Embedding,
    ManyToOne,
    ManyToOneHead,
    RNNCell,
    Vocab,
    binary_cross_entropy,
    to_torch_state_dict,
    tokenize,
    worked_example,
)

try:
    import torch
except ModuleNotFoundError:
    sys.exit("This example compares with PyTorch, which isn't installed here: pip install torch")

SENTENCE = "I love this movie"


class Classifier(torch.nn.Module):
    """PyTorch's version of `ManyToOne`: an embedding, an RNN and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = torch.nn.Embedding(4, 2)
        self.rnn = torch.nn.RNN(2, 3, batch_first=True)  # tanh is the default
        self.head = torch.nn.Linear(3, 1)

    def forward(self, ids):
        output, h_n = self.rnn(self.embedding(ids))
        return self.head(h_n[-1]), output, h_n


def main() -> None:
    parser(__doc__).parse_args()
    vocab = Vocab(worked_example.TOKENS, specials=())
    ids = vocab.encode(tokenize(SENTENCE))[None]  # (batch, time) = (1, 4)

    ours = ManyToOne(
        RNN.from_cells([RNNCell.from_weights(worked_example.W_xh, worked_example.W_hh, worked_example.b_h)]),
        ManyToOneHead.from_weights(worked_example.W_hy, worked_example.b_y),
        embedding=Embedding.from_vectors(worked_example.EMBEDDINGS),
    )
    theirs = Classifier().double()  # float64, like ours; PyTorch's default is float32
    theirs.load_state_dict({name: torch.from_numpy(values) for name, values in to_torch_state_dict(ours).items()})

    run = ours.forward(ids)
    logits, output, h_n = theirs(torch.from_numpy(ids))

    print(f'"{SENTENCE}", the hidden state after each word\n')
    print(f"{'':<8}{'vanilla_rnn':^28}{'torch.nn.RNN':^28}")
    for token, one, other in zip(tokenize(SENTENCE), run.rnn_run.output[0], output[0].detach().numpy(), strict=True):
        print(f"{token:<8}{numbers(one):^28}{numbers(other):^28}")

    loss, d_logits = binary_cross_entropy(run.logits, [1])
    gradients = run.backward(d_logits).d_parameters
    their_loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, torch.ones(1, 1, dtype=torch.float64))
    their_loss.backward()
    print(f"\n{'logit':<8}{run.logits[0, 0]:^28.6f}{logits.item():^28.6f}")
    print(f"{'loss':<8}{loss:^28.6f}{their_loss.item():^28.6f}")
    print("\ndL/dW_hh, called rnn.cells.0.W_hh here and rnn.weight_hh_l0 in PyTorch")
    for one, other in zip(gradients["rnn.cells.0.W_hh"], theirs.rnn.weight_hh_l0.grad.numpy(), strict=True):
        print(f"{'':<8}{numbers(one, 5):^28}{numbers(other, 5):^28}")
    largest = max(
        np.abs(gradients["rnn.cells.0.W_hh"] - theirs.rnn.weight_hh_l0.grad.numpy()).max(),
        np.abs(run.rnn_run.output - output.detach().numpy()).max(),
    )
    print(f"\nlargest difference of these: {largest:.0e}")

    print("\nBoth return output and h_n, in the same shapes:")
    rows = [
        ("output", run.rnn_run.output.shape, tuple(output.shape), "(batch, time, directions * hidden)"),
        ("h_n", run.rnn_run.h_n.shape, tuple(h_n.shape), "(layers * directions, batch, hidden)"),
    ]
    for name, one, other, meaning in rows:
        print(f"  {name:<8}{one!s:<12}{other!s:<12}{meaning}")
    print("output is the top layer's state after every step: use it for an answer at each step.")
    print("h_n is every cell's state after its last step: use it for one answer. The batch is its second axis, even")
    print("with batch_first=True. A reverse direction reads the first word last, so its h_n isn't in output[:, -1].")
    print("The one difference: PyTorch has two biases, which it adds. Here b_h went into bias_ih, and bias_hh is 0.")


def numbers(values, decimals=4) -> str:
    return " ".join(f"{value:{decimals + 4}.{decimals}f}" for value in values)


if __name__ == "__main__":
    main()
