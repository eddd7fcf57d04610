"""Translate English into French: one network reads a sentence, another writes from the state that the first ended in.

The sentences come from the grammar in english_french.py. The held-out ones don't occur in training in either language.
For some pairs of a verb and a noun, all sentences that contain both are held out.

To use a real language, pass a file of sentence pairs, each a source, a tab and its translation, such as those of
manythings.org/anki. A few thousand pairs are far too few to translate well. So the network is compared with a table of
which word follows which (a bigram), and with copying: the translation of the most similar training sentence.

python examples/08_translation.py                                         (about 40 seconds)
python examples/08_translation.py --sentence "They do not have an old owl"
python examples/08_translation.py pairs.tsv --plot translation.png
"""

import os
import re
import sys
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy starts: threads slow down matrices this small

import numpy as np
from command_line import announce, drawing, parser, refuse, show_losses, table
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
from vanilla_rnn.inspection.plot import plot_history

SEEDS = (0, 1, 2)  # each has its own split, network and training
SHOWN = ["i love cats", "i do not love cats", "i do not see a house"]
HELD_OUT = 500  # pairs of a file, at most


def main() -> None:
    options = parser(
        __doc__,
        file="a line for each pair: a sentence, a tab, its translation",
        picture="the loss, and how translations become worse with the length of a sentence",
    )
    options.add_argument("--sentence", help="a sentence to translate after training")
    arguments = options.parse_args()
    if arguments.file:
        translate_file(arguments.file, arguments.sentence, arguments.plot)
    else:
        translate_grammar(arguments.sentence, arguments.plot)


def translate_grammar(sentence: str | None, picture: Path | None) -> None:
    sentences = all_sentences()
    if sentence is not None:
        check_words(sentence, sentences)
    seeds = SEEDS if sentence is None and picture is None else SEEDS[:1]
    announce(13 * len(seeds))
    describe(sentences)
    for seed in seeds:
        rng = np.random.default_rng(seed)
        split = split_sentences(sentences, rng)
        training = [(s.english, s.french) for s in split.training]
        translator = Translator(training, rng)
        print(f"\nSeed {seed}: trained on {len(training):,} sentences")
        history = translator.learn(training, rng, epochs=5)
        report("held out", split.held_out, translator)
        report("held out, verb and object never together in training", split.new_pairs, translator)
        if sentence is not None:
            show([sentence.lower()], split, translator)
        elif seed == SEEDS[0]:
            held_out = (part[rng.integers(len(part))].english for part in (split.held_out, split.new_pairs) * 2)
            show([*SHOWN, *held_out], split, translator)
    if picture:
        draw(picture, history, translator, [(s.english, s.french) for s in split.held_out])


def translate_file(path: Path, sentence: str | None, picture: Path | None) -> None:
    pairs = [(a.lower(), b.lower()) for _, (a, b, *_) in table(path, "a sentence", "its translation")]
    rng = np.random.default_rng(0)
    training, held_out = split_pairs(pairs, rng)
    if not (training and held_out):
        different = len({target for _, target in pairs})
        refuse(path, None, "at least 10 different translations", str(different), "Add pairs; thousands are better.")
    # Long sentences are learned better if the words to begin the translation with are those that were read last.
    translator, epochs = Translator(training, rng, min_freq=2, backward=True), 8
    words = sum(len(tokens(target)) for _, target in training)
    announce(2 + epochs * words * (len(translator.target) + 500) / 17e6)
    print(f"{len(training):,} training pairs, {len(held_out)} held out; words that occur once are read as <unk>:")
    print(f"{len(translator.source):,} words are left in the first language, {len(translator.target):,} in the second")
    history = translator.learn(training, rng, epochs)

    answers = translator.translate([source for source, _ in held_out])
    truth = [tokens(target) for _, target in held_out]
    copies = [tokens(target) for target in most_similar(training, held_out)]
    follows = bigram([tokens(target) for _, target in training])
    guesses = [follows[before] == word for line in truth for before, word in pairwise(["<bos>", *line, "<eos>"])]
    print(f"\n{'On held-out pairs':<54}{'network':>9}{'bigram':>9}{'copying':>9}")
    print(
        f"{'next word right, given all words before it':<54}{translator.accuracy(held_out):9.1%}{np.mean(guesses):9.1%}"
    )
    for name, measure in (
        ("words in common with the file's translation", in_common),
        ("exactly the file's translation", list.__eq__),
    ):
        network, copying = (
            np.mean([measure(*two) for two in zip(these, truth, strict=True)]) for these in (answers, copies)
        )
        print(f"{name:<54}{network:9.1%}{'':9}{copying:9.1%}")
    print()
    for (source, target), answer in [*zip(held_out, answers, strict=True)][:4]:
        print(f"  {source}\n    network: {joined(answer)}\n    file:    {target}")
    if sentence is not None:
        print(f"\n  {sentence} -> {joined(translator.translate([sentence.lower()])[0])}")
    if picture:
        draw(picture, history, translator, held_out)


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


def split_pairs(pairs: list[tuple[str, str]], rng: np.random.Generator) -> tuple[list, list]:
    """Training pairs, and held-out ones: a tenth of the translations, and no sentence is in both."""
    targets = rng.permutation(sorted({target for _, target in pairs}))
    chosen = set(targets[: min(HELD_OUT, len(targets) // 10)])
    held_out = list({source: (source, target) for source, target in pairs if target in chosen}.values())
    sources = {source for source, _ in held_out}
    return [(a, b) for a, b in pairs if b not in chosen and a not in sources], held_out


class Translator:
    """An `EncoderDecoder` and the vocabularies of its two languages."""

    def __init__(
        self, pairs: list[tuple[str, str]], rng: np.random.Generator, *, min_freq: int = 1, backward: bool = False
    ) -> None:
        self.source = Vocab((token for source, _ in pairs for token in tokens(source)), min_freq=min_freq)
        self.target = Vocab((token for _, target in pairs for token in tokens(target)), min_freq=min_freq)
        self.backward = backward  # whether to read the source from its last word to its first
        size, dim, options = 192, 48, {"dtype": np.float32, "rng": rng}
        encoder = RNN(dim, size, recurrent_init="orthogonal", **options)
        writer = RNN(dim, size, recurrent_init="orthogonal", **options)
        head = ManyToManyHead(size, len(self.target), **options)
        embedding = Embedding(len(self.target), dim, **options)
        decoder = Decoder(writer, head, embedding, bos_idx=self.target.bos_idx, eos_idx=self.target.eos_idx)
        self.model = EncoderDecoder(encoder, decoder, embedding=Embedding(len(self.source), dim, **options))

    def learn(self, pairs: list[tuple[str, str]], rng: np.random.Generator, epochs: int) -> list[dict]:
        """Go through the pairs a few times, with a falling learning rate."""
        examples = [self.encode(*pair) for pair in pairs]
        learning_rate = 2e-3
        optimizer = Adam(learning_rate, betas=(0.9, 0.99))
        options = {"loss": cross_entropy, "optimizer": optimizer, "clip": 1.0, "rng": rng}
        history = []
        for row in show_losses(train(self.model, examples, epochs=epochs, batch_size=32, **options)):
            optimizer.learning_rate = learning_rate * (1 - row["epoch"] / epochs)
            history.append(row)
        return history

    def encode(self, source: str, target: str) -> tuple[np.ndarray, np.ndarray]:
        """The ids of a pair."""
        words = tokens(source)[::-1] if self.backward else tokens(source)
        return self.source.encode(words), self.target.encode(tokens(target))

    def translate(self, sentences: list[str]) -> list[list[str]]:
        """The tokens of the translations: at each step, the most likely next word."""
        source, lengths = pad_sequences([self.encode(sentence, "")[0] for sentence in sentences])
        written, lengths = self.model.generate(source, lengths, max_length=40)
        return [self.target.decode(ids[:length]) for ids, length in zip(written, lengths, strict=True)]

    def accuracy(self, pairs: list[tuple[str, str]]) -> float:
        """How often the most likely next word is the one of the given translation, all before it being given too."""
        sources, targets = zip(*(self.encode(*pair) for pair in pairs), strict=True)
        (source, source_lengths), (target, lengths) = pad_sequences(sources), pad_sequences(targets)
        run = self.model.forward(source, target, source_lengths, lengths)
        counted = np.arange(run.targets.shape[1]) < run.lengths[:, None]
        return float(np.mean(run.logits.argmax(axis=-1)[counted] == run.targets[counted]))


def tokens(text: str) -> list[str]:
    """The tokens of a text in lower case. An elided word is its own token: "j'aime" is "j'" and "aime"."""
    return [part for word in tokenize(text.replace("’", "'")) for part in re.findall(r"\w+'?|\S", word)]


def joined(words: list[str]) -> str:
    """The text of these tokens."""
    return re.sub(r" (?=[.,])|(?<=') ", "", " ".join(words))


def most_similar(training: list[tuple[str, str]], held_out: list[tuple[str, str]]) -> list[str]:
    """For each held-out sentence, the translation of the training sentence that has most words in common with it."""
    known, places = [set(tokens(source)) for source, _ in training], defaultdict(list)
    for number, words in enumerate(known):
        for word in words:
            places[word].append(number)
    copies = []
    for source, _ in held_out:
        words = set(tokens(source))
        common = Counter(number for word in words for number in places[word]) or {0: 0}
        best = max(common, key=lambda number: common[number] / (len(words) + len(known[number])))
        copies.append(training[best][1])
    return copies


def bigram(sentences: list[list[str]]) -> dict[str, str]:
    """The word that follows each word most often; after an unknown word, the most frequent word."""
    counts = defaultdict(Counter)
    for sentence in sentences:
        for before, word in pairwise(["<bos>", *sentence, "<eos>"]):
            counts[before][word] += 1
    most_frequent = Counter(word for sentence in sentences for word in sentence).most_common(1)[0][0]
    return defaultdict(lambda: most_frequent, {before: c.most_common(1)[0][0] for before, c in counts.items()})


def in_common(one: list[str], other: list[str]) -> float:
    """The share of the words of two sentences that both have."""
    return 2 * (Counter(one) & Counter(other)).total() / (len(one) + len(other))


def draw(path: Path, history: list[dict], translator: Translator, pairs: list[tuple[str, str]]) -> None:
    by_length = defaultdict(list)
    for (source, target), answer in zip(pairs, translator.translate([s for s, _ in pairs]), strict=True):
        by_length[len(tokens(source))].append(in_common(answer, tokens(target)))
    lengths = sorted(length for length, shares in by_length.items() if len(shares) >= 5)
    with drawing(path, panels=2) as (left, right):
        plot_history(history, ax=left)
        right.plot(lengths, [np.mean(by_length[length]) for length in lengths], marker="o")
        right.set(
            xlabel="words of the sentence", ylabel="held-out words in common with the translation", ylim=(0, 1.03)
        )
        right.locator_params(axis="x", integer=True)


def check_words(sentence: str, sentences: list[Sentence]) -> None:
    known = {token for s in sentences for token in tokens(s.english)}
    unknown = [token for token in tokens(sentence.lower()) if token not in known]
    if unknown or not sentence.strip():
        problem = f"The grammar doesn't have {unknown[0]!r}" if unknown else "The sentence is empty"
        sys.exit(f"{problem}. The words it has: {' '.join(sorted(known))}")


def describe(sentences: list[Sentence]) -> None:
    lengths = [(len(tokens(s.english)), len(tokens(s.french))) for s in sentences]
    (shortest, fewest), (longest, most) = np.min(lengths, axis=0), np.max(lengths, axis=0)
    different = np.mean([english != french for english, french in lengths])
    print(f"{len(sentences):,} sentences: {shortest} to {longest} tokens of English, {fewest} to {most} of French,")
    print(f"in {different:.0%} of them not the same number.")


def report(name: str, sentences: list[Sentence], translator: Translator) -> None:
    """Print how many sentences are translated exactly right, and the first one that isn't."""
    answers = map(joined, translator.translate([s.english for s in sentences]))
    wrong = [(s, answer) for s, answer in zip(sentences, answers, strict=True) if answer != s.french]
    right = len(sentences) - len(wrong)
    print(f"  {name}: {right:,} of {len(sentences):,} exactly right, {right / len(sentences):.2%}")
    for sentence, answer in wrong[:1]:
        print(f"    wrong: {capital(sentence.english)} -> {capital(answer)} (should be: {capital(sentence.french)})")


def show(shown: list[str], split: Split, translator: Translator) -> None:
    """Print translations, and the part of the split that each sentence belongs to."""
    sides = {s.english: side for side, part in split._asdict().items() for s in part}
    for english, answer in zip(shown, map(joined, translator.translate(shown)), strict=True):
        side = sides.get(" ".join(tokens(english)), "not in the grammar").replace("_", " ")
        print(f"  {capital(english)} -> {capital(answer)} ({side})")


def capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


if __name__ == "__main__":
    main()
