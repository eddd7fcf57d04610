"""Translate English into French: one network reads a sentence, another writes from the state that the first ended in.

The sentences come from the grammar in english_french.py. The held-out ones don't occur in training in either language.
For some pairs of a verb and a noun, all sentences that contain both are held out.

python examples/08_translation.py
python examples/08_translation.py "They do not have an old owl"
"""

import argparse
import os
import re
import sys
from typing import NamedTuple

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy starts: threads slow down matrices this small

import numpy as np
from english_french import NOUNS, VERBS, Sentence, all_sentences

from vanilla_rnn import (
    RNN,
    Adam,
    Decoder,
    Embedding,
    EncoderDecoder,
    ManyToManyHead,
    Vocab,
    cross_entropy,
    pad_sequences,
    tokenize,
    train,
)

SEEDS = (0, 1, 2)  # each has its own split, network and training
SHOWN = ["i love cats", "i do not love cats", "i do not see a house"]


def main() -> None:
    parser = argparse.ArgumentParser(description="Translate English into French.")
    parser.add_argument("sentence", nargs="?", help="an English sentence of the grammar's words, to translate")
    sentence = parser.parse_args().sentence

    sentences = all_sentences()
    if sentence is not None:
        check_words(sentence, sentences)
    describe(sentences)
    for seed in SEEDS if sentence is None else SEEDS[:1]:
        rng = np.random.default_rng(seed)
        split = split_sentences(sentences, rng)
        translator = Translator(split.training, rng)
        translator.learn(split.training, rng)
        print(f"\nSeed {seed}: trained on {len(split.training):,} sentences")
        report("held out", split.held_out, translator)
        report("held out, verb and object never together in training", split.new_pairs, translator)
        if sentence is not None:
            show([sentence.lower()], split, translator)
        elif seed == SEEDS[0]:
            held_out = (part[rng.integers(len(part))].english for part in (split.held_out, split.new_pairs) * 2)
            show([*SHOWN, *held_out], split, translator)


class Split(NamedTuple):
    """The training sentences; held-out ones with pairs of verb and noun known from training; those with new pairs."""

    training: list[Sentence]
    held_out: list[Sentence]
    new_pairs: list[Sentence]


def split_sentences(sentences: list[Sentence], rng: np.random.Generator, training_share: float = 0.6) -> Split:
    """Draw a verb for each noun, hold out all sentences with both, and draw the training sentences from the others.

    The French sentences are drawn: "I love cats" and "I love the cats" have the same translation, and stay together.
    """
    verbs = rng.permutation([verb.english for verb in VERBS])
    new = {(verbs[i % len(verbs)], noun.english) for i, noun in enumerate(NOUNS)}
    new_pairs = [s for s in sentences if (s.verb, s.noun) in new]
    rest = [s for s in sentences if (s.verb, s.noun) not in new]
    french = rng.permutation(sorted({s.french for s in rest}))
    chosen = set(french[: round(training_share * len(french))])
    return Split([s for s in rest if s.french in chosen], [s for s in rest if s.french not in chosen], new_pairs)


class Translator:
    """An `EncoderDecoder` and the vocabularies of its two languages."""

    def __init__(self, sentences: list[Sentence], rng: np.random.Generator, size: int = 192, dim: int = 48) -> None:
        self.english = Vocab(token for s in sentences for token in tokenize(s.english))
        self.french = Vocab(token for s in sentences for token in french_tokens(s.french))
        options = {"dtype": np.float32, "rng": rng}
        encoder = RNN(dim, size, recurrent_init="orthogonal", **options)
        writer = RNN(dim, size, recurrent_init="orthogonal", **options)
        head = ManyToManyHead(size, len(self.french), **options)
        embedding = Embedding(len(self.french), dim, **options)
        decoder = Decoder(writer, head, embedding, bos_idx=self.french.bos_idx, eos_idx=self.french.eos_idx)
        self.model = EncoderDecoder(encoder, decoder, embedding=Embedding(len(self.english), dim, **options))

    def learn(self, sentences: list[Sentence], rng: np.random.Generator, epochs: int = 5) -> None:
        """Go through the sentences a few times, with a falling learning rate."""
        examples = [(self.source(s.english), self.french.encode(french_tokens(s.french))) for s in sentences]
        learning_rate = 2e-3
        optimizer = Adam(learning_rate, betas=(0.9, 0.99))
        options = {"loss": cross_entropy, "optimizer": optimizer, "clip": 1.0, "rng": rng}
        for row in train(self.model, examples, epochs=epochs, batch_size=32, **options):
            optimizer.learning_rate = learning_rate * (1 - row["epoch"] / epochs)

    def translate(self, sentences: list[str]) -> list[str]:
        """The French for English sentences: at each step, the most likely next word."""
        source, lengths = pad_sequences([self.source(sentence) for sentence in sentences])
        written, lengths = self.model.generate(source, lengths, max_length=20)
        rows = zip(written, lengths, strict=True)
        return [" ".join(self.french.decode(ids[:length])).replace("' ", "'") for ids, length in rows]

    def source(self, sentence: str) -> np.ndarray:
        """The ids of an English sentence."""
        return self.english.encode(tokenize(sentence))


def french_tokens(text: str) -> list[str]:
    """The tokens of a French text. An elided word is its own token: "j'aime" is "j'" and "aime"."""
    return [part for word in tokenize(text) for part in re.findall(r"\w+'?", word)]


def check_words(sentence: str, sentences: list[Sentence]) -> None:
    known = Vocab(token for s in sentences for token in tokenize(s.english))
    unknown = [token for token in tokenize(sentence.lower()) if token not in known]
    if unknown or not sentence.strip():
        problem = f"The grammar doesn't have {unknown[0]!r}" if unknown else "The sentence is empty"
        sys.exit(f"{problem}. The words it has: {' '.join(sorted(set(known) - set(known.specials)))}")


def describe(sentences: list[Sentence]) -> None:
    lengths = [(len(tokenize(s.english)), len(french_tokens(s.french))) for s in sentences]
    (shortest, fewest), (longest, most) = np.min(lengths, axis=0), np.max(lengths, axis=0)
    different = np.mean([english != french for english, french in lengths])
    print(f"{len(sentences):,} sentences: {shortest} to {longest} tokens of English, {fewest} to {most} of French,")
    print(f"in {different:.0%} of them not the same number.")


def report(name: str, sentences: list[Sentence], translator: Translator) -> None:
    """Print how many sentences are translated exactly right, and the first one that isn't."""
    answers = translator.translate([s.english for s in sentences])
    wrong = [(s, answer) for s, answer in zip(sentences, answers, strict=True) if answer != s.french]
    right = len(sentences) - len(wrong)
    print(f"  {name}: {right:,} of {len(sentences):,} exactly right, {right / len(sentences):.2%}")
    for sentence, answer in wrong[:1]:
        print(f"    wrong: {capital(sentence.english)} -> {capital(answer)} (should be: {capital(sentence.french)})")


def show(shown: list[str], split: Split, translator: Translator) -> None:
    """Print translations, and the part of the split that each sentence belongs to."""
    sides = {s.english: side for side, part in split._asdict().items() for s in part}
    for english, answer in zip(shown, translator.translate(shown), strict=True):
        side = sides.get(" ".join(tokenize(english)), "not in the grammar").replace("_", " ")
        print(f"  {capital(english)} -> {capital(answer)} ({side})")


def capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


if __name__ == "__main__":
    main()
