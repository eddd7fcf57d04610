"""Many-to-many, one answer for each word: part-of-speech tags of words whose tag depends on the other words.

In "they bank at the bank", "time flies", "the flies like fruit" and "he can open the can", a word has different tags. A
bidirectional network reads the words before it and the words after it. The network is compared with the best rule that
sees one word at a time.

python examples/05_part_of_speech.py
"""

from collections import Counter, defaultdict

import numpy as np

from vanilla_rnn import RNN, Adam, Embedding, ManyToMany, ManyToManyHead, Vocab, cross_entropy, fit, pad_sequences

TAGS = ["DET", "ADJ", "NOUN", "VERB", "AUX", "PRON", "ADP", "ADV", "PART"]

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
    rng = np.random.default_rng(0)
    sentences = sorted({tuple(sentence) for sentence in (write("SENTENCE", rng) for _ in range(6000))})
    rng.shuffle(sentences)
    held_out, train = [[tuple(map(tuple, s)) for s in part] for part in (sentences[:1000], sentences[1000:])]
    print(f"{len(train)} training sentences, {len(held_out)} others held out")

    vocab = Vocab(word for sentence in train for word, _ in sentence)
    examples = [encode(sentence, vocab) for sentence in train]
    model = ManyToMany(
        RNN(24, 32, bidirectional=True, recurrent_init="orthogonal", rng=rng),
        ManyToManyHead(64, len(TAGS), rng=rng),
        embedding=Embedding(len(vocab), 24, rng=rng),
    )
    history = fit(model, examples, loss=cross_entropy, optimizer=Adam(3e-3), epochs=5, batch_size=32, clip=1.0, rng=rng)
    print("Loss by epoch:", " ".join(f"{row['loss']:.3f}" for row in history))

    best = best_tag_of_each_word(train)
    ambiguous = {word for word, tags in tags_of_each_word(train).items() if len(tags) > 1}
    answers = tag(model, vocab, held_out)
    rows = [
        (word in ambiguous, answer == true, best.get(word, "NOUN") == true)
        for sentence, tagged in zip(held_out, answers, strict=True)
        for (word, true), answer in zip(sentence, tagged, strict=True)
    ]
    print(f"\nHeld-out accuracy      recurrent network   best tag of the word alone\n{'':<23}{'-' * 46}")
    for name, chosen in (("all words", rows), ("words of two kinds", [row for row in rows if row[0]])):
        network, alone = (100 * np.mean([row[i] for row in chosen]) for i in (1, 2))
        print(f"{name:<23}{network:15.2f} % {alone:25.2f} %   ({len(chosen)} words)")

    print()
    for text in (
        "the bank is steep",
        "they bank near the bank",
        "she can open the can",
        "the old flies like the fruit",
    ):
        words = [(word, "") for word in text.split()]
        (tagged,) = tag(model, vocab, [words])
        print("  " + "  ".join(f"{word}/{answer}" for (word, _), answer in zip(words, tagged, strict=True)))


def write(symbol, rng) -> list[tuple[str, str]]:
    """A random phrase as (word, tag) pairs."""
    if "/" in symbol:
        return [tuple(symbol.split("/"))]
    if symbol in LEXICON:
        return [(str(rng.choice(LEXICON[symbol])), TAG_OF.get(symbol, symbol))]
    rules = GRAMMAR[symbol]
    return [pair for part in rules[rng.integers(len(rules))] for pair in write(part, rng)]


def encode(sentence, vocab) -> tuple[np.ndarray, np.ndarray]:
    return vocab.encode([word for word, _ in sentence]), np.array([TAGS.index(tag) for _, tag in sentence])


def tag(model, vocab, sentences) -> list[list[str]]:
    tokens, lengths = pad_sequences([vocab.encode([word for word, _ in sentence]) for sentence in sentences])
    chosen = model(tokens, lengths).argmax(axis=-1)
    return [[TAGS[i] for i in row[:length]] for row, length in zip(chosen, lengths, strict=True)]


def tags_of_each_word(sentences) -> dict[str, Counter]:
    counts = defaultdict(Counter)
    for sentence in sentences:
        for word, tag in sentence:
            counts[word][tag] += 1
    return counts


def best_tag_of_each_word(sentences) -> dict[str, str]:
    return {word: tags.most_common(1)[0][0] for word, tags in tags_of_each_word(sentences).items()}


if __name__ == "__main__":
    main()
