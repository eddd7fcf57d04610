"""One-to-many: captions for small drawn bitmaps, including combinations that were never trained on.

A picture shows two things, side by side or one above the other. One in eight of the combinations is held out: training
has no picture of it, but it has pictures of each of the two things with others. The picture enters through a single
layer, h_0 = tanh(W_ch c + b_c), so the two things are always in the same two places. The noise and the strength of the
ink vary.

python examples/06_captions.py                        (about 20 seconds)
python examples/06_captions.py --plot captions.png    (three pictures with their captions)
"""

import os
from itertools import product

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy starts: threads slow down matrices this small

import numpy as np
from command_line import announce, drawing, parser, show_losses

from vanilla_rnn import RNN, Adam, Decoder, Embedding, ManyToManyHead, OneToMany, Vocab, cross_entropy, tokenize, train

SHAPES = {  # 6 x 6 pixels
    "square": "###### #....# #....# #....# #....# ######",
    "box": "###### ###### ###### ###### ###### ######",
    "cross": "..##.. ..##.. ###### ###### ..##.. ..##..",
    "ring": "..##.. .#..#. #....# #....# .#..#. ..##..",
    "slope": "#..... ##.... ###... ####.. #####. ######",
    "stripe": "...... ...... ###### ###### ...... ......",
}
SIZES = ("", "small")  # a small one has half the width and height
RELATIONS = {"left of": ((0, 0), (0, 8)), "above": ((0, 0), (8, 0))}  # the corners of the two things, row and column
THINGS = list(product(SHAPES, SIZES))
SIDE, NOISE = 16, 0.1


def main() -> None:
    arguments = parser(__doc__, picture="three pictures with their captions").parse_args()
    announce(18)
    rng = np.random.default_rng(0)
    training, held_out = split(rng)
    print(f"{len(training)} training combinations, {len(held_out)} others held out")

    vocab = Vocab.from_texts(caption(*combination) for combination in training)
    kinds = {"dtype": np.float32, "rng": rng}
    model = OneToMany(
        SIDE * SIDE,
        Decoder(
            RNN(24, 256, recurrent_init="orthogonal", **kinds),
            ManyToManyHead(256, len(vocab), **kinds),
            Embedding(len(vocab), 24, **kinds),
            bos_idx=vocab.bos_idx,
            eos_idx=vocab.eos_idx,
        ),
        rng=rng,
    )
    examples = [(draw(*c, rng).ravel(), vocab.encode(tokenize(caption(*c)))) for c in training for _ in range(24)]
    options = {"loss": cross_entropy, "optimizer": Adam(1e-3), "clip": 1.0, "rng": rng}
    for _ in show_losses(train(model, examples, epochs=12, batch_size=32, **options)):
        pass

    shown = [(combination, draw(*combination, rng)) for combination in held_out for _ in range(10)]
    ids, lengths = model.generate(np.stack([picture.ravel() for _, picture in shown]), max_length=12)
    written = [" ".join(vocab.decode(row[:length])) for row, length in zip(ids, lengths, strict=True)]
    right = [text == caption(*combination) for (combination, _), text in zip(shown, written, strict=True)]
    print(f"\nPictures of held-out combinations captioned right: {sum(right)} of {len(right)}, {np.mean(right):.1%}\n")
    numbers = (0, 100, 200)
    for rows in zip(*(text_art(shown[number][1]) for number in numbers), strict=True):
        print("  " + "   ".join(rows))
    for place, number in zip(("left", "middle", "right"), numbers, strict=True):
        print(f"  {place + ':':<8}{written[number]}")
    if arguments.plot:
        with drawing(arguments.plot, panels=3) as axes:
            for ax, number in zip(axes, numbers, strict=True):
                ax.imshow(shown[number][1], cmap="Greys")
                ax.set(title=written[number], xticks=[], yticks=[])


def caption(relation, one, other) -> str:
    return f"{name(*one)} {relation} {name(*other)}"


def name(shape, size) -> str:
    return f"a {size} {shape}" if size else f"a {shape}"


def draw(relation, one, other, rng) -> np.ndarray:
    """A picture, (16, 16): paper is 0, ink about 1, and both have noise."""
    picture = np.zeros((SIDE, SIDE))
    for (row, column), thing in zip(RELATIONS[relation], (one, other), strict=True):
        ink = bitmap(*thing)
        picture[row + 1 : row + 1 + len(ink), column + 1 : column + 1 + len(ink)] = ink * rng.uniform(0.9, 1.1)
    return (picture + NOISE * rng.standard_normal(picture.shape)).astype(np.float32)


def bitmap(shape, size) -> np.ndarray:
    pixels = np.array([[mark == "#" for mark in row] for row in SHAPES[shape].split()], float)
    return pixels[::2, ::2] if size else pixels


def split(rng) -> tuple[list, list]:
    """All combinations of two different things: seven in eight for training, the others held out."""
    combinations = [c for c in product(RELATIONS, THINGS, THINGS) if c[1] != c[2]]
    order = rng.permutation(len(combinations))
    held = len(order) // 8
    return [combinations[i] for i in order[held:]], [combinations[i] for i in order[:held]]


def text_art(picture) -> list[str]:
    """The rows of a picture, two characters for each pixel."""
    return ["".join("  .:oO@"[min(6, max(0, round(ink * 5)))] * 2 for ink in row) for row in picture]


if __name__ == "__main__":
    main()
