"""A language model of any text, character by character, trained on it as one stream.

The text is read in pieces, so a file may be larger than the memory. The first nine tenths are learned from, the rest is
held out: bits per character say how well each next character is foreseen (8 would be no idea among 256), beside what a
table of pairs of characters (a bigram) achieves.

python examples/10_character_model.py
python examples/10_character_model.py my_text.txt --passes 20
"""

import argparse
import math
import os
from codecs import getincrementaldecoder
from itertools import islice, pairwise
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy starts: for matrices this small, threads cost time

import numpy as np

from vanilla_rnn import RNN, Adam, Decoder, Embedding, ManyToManyHead, Vocab, cross_entropy, fit_stream

LANES, WINDOW, HIDDEN = 16, 64, 192
MEASURED = 20_000  # characters of the held-out part, at most


def main() -> None:
    import _pydecimal  # 6,000 lines of Python that come with it

    parser = argparse.ArgumentParser(description="Train a character-level language model on a text file.")
    parser.add_argument("path", nargs="?", type=Path, default=Path(_pydecimal.__file__), help="a text file, UTF-8")
    parser.add_argument("--passes", type=int, default=6, help="how often to go through the text")
    arguments = parser.parse_args()
    path = arguments.path
    if not path.is_file():
        parser.error(f"there is no file {path}")
    size = path.stat().st_size
    learned = size * 9 // 10
    if size < 120 * LANES * WINDOW:
        parser.error(f"{path} has {size:,} bytes; {120 * LANES * WINDOW:,} are needed to learn anything")
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

    def report(window):
        print(f"window {window}: {bits(model, held_out):.3f} bits per held-out character. It writes:")
        print(indent(sample(model, vocab, rng)))

    for number in range(1, arguments.passes + 1):
        print(f"pass {number}")
        fit_stream(
            model,
            lanes(path, learned, vocab),
            loss=cross_entropy,
            optimizer=optimizer,
            window=WINDOW,
            clip=1.0,
            report_every=500,
            on_report=report,
        )
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
    """The text cut into LANES long streams side by side, in pieces of (LANES, up to 1024) ids."""
    bounds = np.linspace(0, stop, LANES + 1).astype(int)
    streams = [characters(path, int(a), int(b)) for a, b in pairwise(bounds)]
    length = 1024
    while length == 1024:
        pieces = [list(islice(stream, 1024)) for stream in streams]
        length = min(map(len, pieces))
        if length:
            yield np.stack([vocab.encode(piece[:length]) for piece in pieces])


def bits(model, ids) -> float:
    """The mean of -log2 p of each character after the first, given all before it."""
    run = model.forward(ids)
    loss, _ = cross_entropy(run.logits, run.targets)
    return loss / math.log(2)


def bigram_bits(path, learned, vocab, held_out) -> float:
    """The same of a table that counts which character follows which; a tenth is added to each count, for new pairs."""
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
