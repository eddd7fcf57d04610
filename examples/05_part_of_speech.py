"""Many-to-many, one answer for each word: part-of-speech tags of words whose tag depends on the other words.

In "they bank at the bank", "time flies", "the flies like fruit" and "he can open the can", a word has different tags. A
bidirectional network reads the words before it and the words after it. The network is compared with the best rule that
sees one word at a time.

The sentences come from a small grammar, or from a file of tagged sentences, such as those of universaldependencies.org.

python examples/05_part_of_speech.py                               (about 5 seconds)
python examples/05_part_of_speech.py train.conllu                  (a fifth of the sentences is held out)
python examples/05_part_of_speech.py train.conllu dev.conllu       (the second file is held out)
python examples/05_part_of_speech.py --plot states.png
"""

import os
from collections import Counter, defaultdict
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy starts: threads slow down matrices this small

import numpy as np
from command_line import announce, drawing, lines, parser, refuse, shortened, show_losses

from vanilla_rnn import RNN, Adam, Embedding, ManyToMany, ManyToManyHead, Vocab, cross_entropy, pad_sequences, train
from vanilla_rnn.inspection.plot import plot_hidden_states

EPOCHS, SHORT = 6, 12  # SHORT: the most words of a sentence that is printed
SHOWN = ["the bank is steep", "they bank near the bank", "she can open the can", "the old flies like the fruit"]

# Words that can be both: a noun, and a verb in its base form; and the same with an s, for he, she and it.
BOTH = ["bank", "can", "fish", "play", "watch", "light", "water", "book", "plant", "park", "walk", "cook"]
BOTH_S = [
    "banks",
    "cans",
    "plays",
    "watches",
    "lights",
    "waters",
    "books",
    "plants",
    "parks",
    "walks",
    "cooks",
    "flies",
]
LEXICON = {
    "DET": ["the", "a", "this", "every"],
    "ADJ": ["steep", "old", "small", "quiet", "light", "open", "clean", "dry"],
    "NOUN1": ["river", "house", "garden", "child", "fruit", "arrow", *BOTH],
    "NOUNS": ["children", "friends", *BOTH_S],
    "VERB": ["see", "find", "like", "open", "clean", "dry", *BOTH],
    "VERBS": ["sees", "finds", "likes", "opens", "cleans", *BOTH_S],
    "AUX": ["can", "will", "must", "may"],
    "ONE": ["he", "she", "it"],
    "MANY": ["we", "they", "you", "i"],
    "ADP": ["near", "like", "in", "by", "behind"],
    "ADV": ["often", "well", "today", "there"],
}
TAG_OF = {"NOUN1": "NOUN", "NOUNS": "NOUN", "VERBS": "VERB", "ONE": "PRON", "MANY": "PRON"}

# A small grammar. All rules for a symbol are equally likely.
GRAMMAR = {
    "SENTENCE": [["THING", "DOES"], ["THINGS", "DO"], ["ANY", "AUX", "DO"], ["ANY", "AUX", "not/PART", "DO"]],
    "ANY": [["THING"], ["THINGS"]],
    "THING": [["ONE"], ["DET", "NOUN1"], ["DET", "ADJ", "NOUN1"], ["DET", "NOUN1", "ADP", "the/DET", "NOUN1"]],
    "THINGS": [["MANY"], ["the/DET", "NOUNS"], ["the/DET", "ADJ", "NOUNS"]],
    "DOES": [["VERBS", "OBJECT"], ["VERBS", "ADV"], ["is/AUX", "ADJ"], ["VERBS", "PLACE"]],
    "DO": [
        ["VERB", "OBJECT"],
        ["VERB", "ADV"],
        ["VERB", "PLACE"],
        ["VERB", "OBJECT", "PLACE"],
        ["like/VERB", "OBJECT"],
    ],
    "OBJECT": [["THING"], ["the/DET", "NOUNS"]],
    "PLACE": [["ADP", "the/DET", "NOUN1"], ["ADP", "the/DET", "ADJ", "NOUN1"]],
}


def main() -> None:
    options = parser(
        __doc__, file="tagged sentences in the format CoNLL-U", picture="the states at the words of a sentence"
    )
    options.add_argument("held_out", nargs="?", type=Path, help="another such file to measure on")
    arguments = options.parse_args()
    rng = np.random.default_rng(0)
    if arguments.held_out:
        training, held_out = read(arguments.file), read(arguments.held_out)
    else:
        sentences = read(arguments.file) if arguments.file else sentences_of_the_grammar(rng)
        training, held_out = split(sentences, rng)
    announce(1 + sum(map(len, training)) * EPOCHS / 40_000)
    print(f"{len(training):,} training sentences, {len(held_out):,} others held out")

    tagger = Tagger(training, rng)
    tagger.learn(training, rng)
    seen = tags_of_each_word(training)
    best = {word: tags.most_common(1)[0][0] for word, tags in seen.items()}
    most_common = tagger.tags.idx_to_token[0]
    rows = [
        (len(seen[word]) if word in seen else 0, answer == true, best.get(word, most_common) == true)
        for sentence, answers in zip(held_out, tagger.tag(held_out), strict=True)
        for (word, true), answer in zip(sentence, answers, strict=True)
    ]
    print(f"\n{'Held-out accuracy':<24}{'recurrent network':>19}{'most frequent tag of the word':>31}")
    for name, chosen in (
        ("all words", rows),
        ("words of several kinds", [row for row in rows if row[0] > 1]),
        ("unknown words", [row for row in rows if row[0] == 0]),
    ):
        if chosen:
            network, alone = np.mean(chosen, axis=0)[1:]
            print(f"{name:<24}{network:19.2%}{alone:31.2%}   ({len(chosen):,} words)")

    print("\nSentences with the network's tags:")
    short = [sentence for sentence in held_out if 3 < len(sentence) <= SHORT] if arguments.file else []
    shown = short[:4] or [[(word, "") for word in text.split()] for text in SHOWN]
    for sentence, answers in zip(shown, tagger.tag(shown), strict=True):
        wrong = [
            f"{word} is {true}"
            for (word, true), answer in zip(sentence, answers, strict=True)
            if true not in ("", answer)
        ]
        tagged = "  ".join(f"{word}/{answer}" for (word, _), answer in zip(sentence, answers, strict=True))
        print(f"  {tagged}" + (f"   WRONG: {', '.join(wrong)}" if wrong else ""))
    if arguments.plot:
        words = [word for word, _ in shown[1 % len(shown)]]
        with drawing(arguments.plot) as ax:
            plot_hidden_states(tagger.model.forward(tagger.encode(words)), words, ax=ax)
            ax.set(title="Units 0 to 31 read from the left, 32 to 63 from the right")


class Tagger:
    """A bidirectional network, its words and its tags."""

    def __init__(self, sentences, rng) -> None:
        self.counts = Counter(word for sentence in sentences for word, _ in sentence)
        self.vocab = Vocab(self.token(word) for sentence in sentences for word, _ in sentence)
        self.tags = Vocab((tag for sentence in sentences for _, tag in sentence), specials=())
        rnn = RNN(32, 32, bidirectional=True, recurrent_init="orthogonal", rng=rng)
        embedding = Embedding(len(self.vocab), 32, rng=rng)
        self.model = ManyToMany(rnn, ManyToManyHead(64, len(self.tags), rng=rng), embedding=embedding)
        embedding.vectors *= 0.1  # small at first: what a rare word means should come from training, not from chance

    def token(self, word) -> str:
        """The word if it is known well, else its ending: a word in -ing or -ly may be new, but its ending isn't."""
        return word if self.counts[word] > 1 else f"-{word[-3:]}"

    def encode(self, words) -> np.ndarray:
        return self.vocab.encode([self.token(word) for word in words])

    def learn(self, sentences, rng) -> None:
        examples = [
            (self.encode([word for word, _ in sentence]), self.tags.encode([tag for _, tag in sentence]))
            for sentence in sentences
        ]
        options = {"loss": cross_entropy, "optimizer": Adam(3e-3), "clip": 1.0, "rng": rng}
        for _ in show_losses(train(self.model, examples, epochs=EPOCHS, batch_size=16, **options)):
            pass

    def tag(self, sentences) -> list[list[str]]:
        """The most likely tag of each word."""
        tokens, lengths = pad_sequences([self.encode([word for word, _ in sentence]) for sentence in sentences])
        chosen = self.model(tokens, lengths).argmax(axis=-1)
        return [self.tags.decode(row[:length]) for row, length in zip(chosen, lengths, strict=True)]


def read(path: Path) -> list[list[tuple[str, str]]]:
    """The sentences of a CoNLL-U file: a line for each word with ten columns, an empty line after each sentence."""
    sentences = [[]]
    for number, line in lines(path):
        if not line.strip():
            sentences.append([])
        elif not line.startswith("#"):
            columns = line.split("\t")
            if len(columns) != 10:
                fix = "Use the format CoNLL-U: ID, FORM, LEMMA, UPOS and six more columns, separated by tabs."
                refuse(path, number, "ten columns", f"{len(columns)}: {shortened(line)!r}", fix)
            if columns[0].isdigit():  # not 3-4, a contraction whose words follow, nor 3.1, a word that was left out
                if columns[3] == "_":
                    refuse(path, number, "a tag in the fourth column", "'_'", "Use a treebank that has UPOS tags.")
                sentences[-1].append((columns[1].lower(), columns[3]))
    sentences = [sentence for sentence in sentences if sentence]
    if len(sentences) < 10:
        refuse(path, None, "at least 10 sentences", str(len(sentences)), "Put an empty line after each sentence.")
    return sentences


def split(sentences, rng) -> tuple[list, list]:
    """Training sentences, and a fifth of all that are held out, at most a thousand."""
    order = rng.permutation(len(sentences))
    held = min(1000, len(order) // 5)
    return [sentences[i] for i in order[held:]], [sentences[i] for i in order[:held]]


def sentences_of_the_grammar(rng) -> list[tuple[tuple[str, str], ...]]:
    return sorted({tuple(write("SENTENCE", rng)) for _ in range(6000)})


def write(symbol, rng) -> list[tuple[str, str]]:
    """A random phrase as (word, tag) pairs."""
    if "/" in symbol:
        return [tuple(symbol.split("/"))]
    if symbol in LEXICON:
        return [(str(rng.choice(LEXICON[symbol])), TAG_OF.get(symbol, symbol))]
    rules = GRAMMAR[symbol]
    return [pair for part in rules[rng.integers(len(rules))] for pair in write(part, rng)]


def tags_of_each_word(sentences) -> dict[str, Counter]:
    counts = defaultdict(Counter)
    for sentence in sentences:
        for word, tag in sentence:
            counts[word][tag] += 1
    return counts


if __name__ == "__main__":
    main()
