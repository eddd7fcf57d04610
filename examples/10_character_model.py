"""A language model of any text, character by character, trained on the text as one stream.

The text is read in pieces, so a file may be larger than the memory. The first nine tenths are for training, the rest is
held out. Bits per character measure how well the model predicts the next character; a uniform guess among 256 would
need 8. They are compared with those of a bigram model. Without a file, the text is the help pages that Python contains.

python examples/10_character_model.py                           (about 30 seconds)
python examples/10_character_model.py my_text.txt --passes 20
python examples/10_character_model.py --plot learning.png
"""

import importlib
import math
import os
import sys
import tempfile
import textwrap
from codecs import getincrementaldecoder
from itertools import islice, pairwise
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy starts: threads slow down matrices this small

import numpy as np
from command_line import announce, drawing, lines, parser

from vanilla_rnn import RNN, Adam, Decoder, Embedding, ManyToManyHead, Vocab, cross_entropy, train_stream

LANES, WINDOW, HIDDEN = 16, 64, 192
SHORTEST = 120 * LANES * WINDOW  # bytes
MEASURED = 20_000  # characters of the held-out part, at most
REPORTS = 12  # how often to measure on them


def main() -> None:
    options = parser(__doc__, file="a text", picture="the bits per held-out character during training")
    options.add_argument("--passes", metavar="N", type=int, default=6, help="how often to read the text; default: 6")
    arguments = options.parse_args()
    if arguments.passes < 1:
        options.error(f"--passes must be at least 1, got {arguments.passes}")
    with tempfile.TemporaryDirectory() as folder:
        path = arguments.file or Path(folder) / "Python's help pages"
        if arguments.file is None:
            path.write_text(importlib.import_module("00_one_page").read_text(), "utf-8")
        learn(path, arguments.passes, arguments.plot)


def learn(path: Path, passes: int, picture: Path | None) -> None:
    for _ in lines(path):  # refuses a file that isn't UTF-8 text
        pass
    size = path.stat().st_size
    learned = size * 9 // 10
    if size < SHORTEST:
        sys.exit(f"{path} must have at least {SHORTEST:,} bytes, got {size:,}. Use a longer text.")
    announce(3 + learned * passes / 70_000)

    vocab = Vocab(characters(path, 0, learned), specials=("<unk>",))
    print(f"{path.name}: {size:,} bytes, {len(vocab) - 1} different characters, the last tenth held out")
    rng = np.random.default_rng(0)
    model = Decoder(
        RNN(64, HIDDEN, recurrent_init="orthogonal", dtype=np.float32, rng=rng),
        ManyToManyHead(HIDDEN, len(vocab), dtype=np.float32, rng=rng),
        Embedding(len(vocab), 64, dtype=np.float32, rng=rng),
        bos_idx=None,
        eos_idx=None,
    )
    held_out = vocab.encode(islice(characters(path, learned, size), MEASURED))
    bigram = bigram_bits(path, learned, vocab, held_out)
    print(f"bigram: {bigram:.3f} bits per held-out character\n")

    optimizer = Adam(3e-3)
    options = {"loss": cross_entropy, "optimizer": optimizer, "window": WINDOW, "clip": 1.0}
    windows = [learned * passes * part // (REPORTS * LANES * WINDOW) for part in range(1, REPORTS)]
    measured, done = {}, 0
    for _ in range(passes):
        for _ in train_stream(model, lanes(path, learned, vocab), **options):
            done += 1
            if done in windows:
                measured[done] = bits(model, held_out)
                print(f"window {done}: {measured[done]:.3f} bits per held-out character", flush=True)
                if len(measured) == 1:
                    print(f"It writes:\n{sample(model, vocab, rng)}\n")
        optimizer.learning_rate *= 0.7
    measured[done] = bits(model, held_out)
    print(f"window {done}: {measured[done]:.3f} bits per held-out character")
    print(f"It writes:\n{sample(model, vocab, rng)}\n")
    print(f"bits per held-out character: network {measured[done]:.3f}, bigram {bigram:.3f}")
    if picture:
        with drawing(picture) as ax:
            ax.plot(list(measured), list(measured.values()), marker="o", label="network")
            ax.axhline(bigram, color="0.6", label="bigram")
            ax.set(xlabel="windows read", ylabel="bits per held-out character", ylim=(0, 1.2 * bigram))
            ax.legend()


def characters(path, start, stop):
    """The characters between two bytes of a file, one at a time."""
    decoder = getincrementaldecoder("utf-8")(errors="ignore")  # a lane may begin within a character
    with path.open("rb") as file:
        file.seek(start)
        while block := file.read(min(8192, stop - file.tell())):
            yield from decoder.decode(block)


def lanes(path, stop, vocab):
    """The text cut into LANES long streams, in pieces of (LANES, at most 1024) ids."""
    bounds = np.linspace(0, stop, LANES + 1).astype(int)
    streams = [characters(path, int(a), int(b)) for a, b in pairwise(bounds)]
    length = 1024
    while length == 1024:
        pieces = [list(islice(stream, 1024)) for stream in streams]
        length = min(map(len, pieces))
        if length:
            yield np.stack([vocab.encode(piece[:length]) for piece in pieces])


def bits(model, ids) -> float:
    """The mean of -log2 p over all characters but the first, each predicted from those before it."""
    run = model.forward(ids)
    loss, _ = cross_entropy(run.logits, run.targets)
    return loss / math.log(2)


def bigram_bits(path, learned, vocab, held_out) -> float:
    """The same for a table of which character follows which. Each count starts at 0.1, so no pair is impossible."""
    counts = np.full((len(vocab), len(vocab)), 0.1)
    stream = characters(path, 0, learned)
    before = vocab.encode(islice(stream, 1))
    while piece := list(islice(stream, 65536)):
        ids = np.concatenate([before, vocab.encode(piece)])
        np.add.at(counts, (ids[:-1], ids[1:]), 1.0)
        before = ids[-1:]
    p = counts / counts.sum(axis=1, keepdims=True)
    return float(-np.log2(p[held_out[:-1], held_out[1:]]).mean())


def sample(model, vocab, rng) -> str:
    """A text by the model, with a bar in front of each line."""
    prompt = vocab.encode(["\n"] if "\n" in vocab else [vocab.idx_to_token[1]])
    ids, _ = model.generate(prompt, max_length=300, temperature=0.6, rng=rng)
    written = "".join(vocab.decode(ids)).strip("\n").split("\n")
    bar = {"initial_indent": "    | ", "subsequent_indent": "    | "}
    return "\n".join(textwrap.fill(line, 100, **bar) or "    |" for line in written)


if __name__ == "__main__":
    main()
