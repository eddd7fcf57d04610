"""A language model of any text, character by character, trained on the text as one stream.

The text is read in pieces, so a file may be larger than the memory. The first nine tenths are for training, the rest is
held out. Bits per character measure how well the model predicts the next character; a uniform guess among 256 would
need 8. They are compared with those of a table of pairs of characters (a bigram).

python examples/10_character_model.py
python examples/10_character_model.py my_text.txt --passes 20
"""

import argparse
import math
import os
from codecs import getincrementaldecoder
from itertools import islice, pairwise
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy starts: threads slow down matrices this small

import numpy as np

from vanilla_rnn import RNN, Adam, Decoder, Embedding, ManyToManyHead, Vocab, cross_entropy, train_stream

LANES, WINDOW, HIDDEN, REPORT_EVERY = 16, 64, 192, 500
MEASURED = 20_000  # characters of the held-out part, at most


def main() -> None:
    import _pydecimal  # a text of 6,000 lines that Python includes

    parser = argparse.ArgumentParser(description="Train a character-level language model on a text file.")
    parser.add_argument("path", nargs="?", type=Path, default=Path(_pydecimal.__file__), help="a text file, UTF-8")
    parser.add_argument("--passes", type=int, default=6, help="the number of times to go through the text")
    arguments = parser.parse_args()
    path = arguments.path
    if not path.is_file():
        parser.error(f"there is no file {path}")
    size = path.stat().st_size
    learned = size * 9 // 10
    if size < 120 * LANES * WINDOW:
        parser.error(f"{path} has {size:,} bytes; {120 * LANES * WINDOW:,} are needed")
    if arguments.passes < 1:
        parser.error(f"--passes must be at least 1, got {arguments.passes}")

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

    def report(window):
        print(f"window {window}: {bits(model, held_out):.3f} bits per held-out character. It writes:")
        print(indent(sample(model, vocab, rng)))

    for number in range(1, arguments.passes + 1):
        print(f"pass {number}")
        for row in train_stream(model, lanes(path, learned, vocab), **options):
            if row["window"] % REPORT_EVERY == 0:
                report(row["window"])
        if row["window"] % REPORT_EVERY:  # after the last window
            report(row["window"])
        optimizer.learning_rate *= 0.7
    print(f"bits per held-out character: network {bits(model, held_out):.3f}, bigram {bigram:.3f}")


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
    prompt = vocab.encode(["\n"] if "\n" in vocab else [vocab.idx_to_token[1]])
    ids, _ = model.generate(prompt, max_length=300, temperature=0.6, rng=rng)
    return "".join(vocab.decode(ids))


def indent(text) -> str:
    return "\n".join("    | " + line for line in text.strip("\n").splitlines()) + "\n"


if __name__ == "__main__":
    main()
