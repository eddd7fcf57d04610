"""One-to-many: melodies, each written from its first note alone.

Nine old tunes are transposed so that each begins on a different note. The network is given that one note, as a vector,
and writes all the others, pitch and length. It was trained on every tune, so this is memory, not composition. It shows
how long a sequence one vector can recall.

python examples/07_melodies.py                       (about 10 seconds)
python examples/07_melodies.py --plot melody.png     (one of them as a piano roll)
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy starts: threads slow down matrices this small

import numpy as np
from command_line import announce, drawing, parser, show_losses

from vanilla_rnn import RNN, Adam, Decoder, Embedding, ManyToManyHead, OneToMany, Vocab, cross_entropy, one_hot, train

# Notes in C major. A length other than one quarter note follows a colon.
TUNES = {
    "Frère Jacques": "C D E C C D E C E F G:2 E F G:2 G:.5 A:.5 G:.5 F:.5 E C G:.5 A:.5 G:.5 F:.5 E C "
    "C G- C:2 C G- C:2",
    "Ah vous dirai-je, maman": "C C G G A A G:2 F F E E D D C:2 G G F F E E D:2 G G F F E E D:2 C C G G A A G:2 "
    "F F E E D D C:2",
    "Ode to Joy": "E E F G G F E D C C D E E:1.5 D:.5 D:2 E E F G G F E D C C D E D:1.5 C:.5 C:2",
    "Au clair de la lune": "C C C D E:2 D:2 C E D D C:4 C C C D E:2 D:2 C E D D C:4 D D D D A-:2 A-:2 D C B- A- G-:4 "
    "C C C D E:2 D:2 C E D D C:4",
    "Mary Had a Little Lamb": "E D C D E E E:2 D D D:2 E G G:2 E D C D E E E E D D E D C:4",
    "Jingle Bells, chorus": "E E E:2 E E E:2 E G C:1.5 D:.5 E:4 F F F:1.5 F:.5 F E E E:.5 E:.5 E D D E D:2 G:2 "
    "E E E:2 E E E:2 E G C:1.5 D:.5 E:4 F F F:1.5 F:.5 F E E E:.5 E:.5 G G F D C:4",
    "London Bridge": "G:1.5 A:.5 G F E F G:2 D E F:2 E F G:2 G:1.5 A:.5 G F E F G:2 D:2 G:2 E C:3",
    "Hänschen klein": "G E E:2 F D D:2 C D E F G G G:2 G E E:2 F D D:2 C E G G C:4",
    "When the Saints": "C E F G:4 C E F G:4 C E F G:2 E:2 C:2 E:2 D:4 E E D C:3 C E:2 G:2 G F:3 "
    "E F G:2 E:2 C:2 D:2 C:4",
}
SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
NAMES = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"]


def main() -> None:
    arguments = parser(__doc__, picture="a melody that the network wrote").parse_args()
    announce(8)
    melodies = {title: moved(tune, first) for first, (title, tune) in enumerate(TUNES.items())}
    vocab = Vocab(note for notes in melodies.values() for note in notes)
    rng = np.random.default_rng(0)
    model = OneToMany(
        len(NAMES),
        Decoder(
            RNN(24, 96, recurrent_init="orthogonal", rng=rng),
            ManyToManyHead(96, len(vocab), rng=rng),
            Embedding(len(vocab), 24, rng=rng),
            bos_idx=vocab.bos_idx,
            eos_idx=vocab.eos_idx,
        ),
        rng=rng,
    )
    examples = [(first_note(notes), vocab.encode(notes[1:])) for notes in melodies.values()]
    options = {"loss": cross_entropy, "optimizer": Adam(4e-3), "clip": 1.0, "rng": rng}
    for _ in show_losses(train(model, examples, epochs=400, batch_size=3, **options), every=50):
        pass
    print()

    right = 0
    for title, notes in melodies.items():
        ids, _ = model.generate(first_note(notes), max_length=100)
        written = notes[:1] + vocab.decode(ids)
        right += written == notes
        print(f"{title}, {len(notes)} notes, {'every note right' if written == notes else 'WRONG'}")
        print(f"  {' '.join(written[:1])} -> {' '.join(written[1:13])} ...\n")
    print(f"{right} of {len(melodies)} melodies with every note right")
    if arguments.plot:
        with drawing(arguments.plot) as ax:
            start = 0.0
            for note in written:  # the last melody
                pitch, _, length = note.partition(":")
                ax.barh(height(pitch), float(length), left=start, color="C0", edgecolor="white")
                start += float(length)
            ax.set(title=title, xlabel="quarter notes", ylabel="semitones above middle C")


def moved(tune, first) -> list[str]:
    """A tune transposed to begin on this semitone above C, as names like C#4:2 for pitch, octave and length."""
    pitches, lengths = [], []
    for note in tune.split():
        pitch, _, length = note.partition(":")
        pitches.append(SEMITONES[pitch[0]] - 12 * pitch.count("-"))
        lengths.append(length or "1")
    shift = first - pitches[0]
    heights = [60 + pitch + shift for pitch in pitches]  # 60 is middle C, C4
    return [f"{NAMES[h % 12]}{h // 12 - 1}:{length}" for h, length in zip(heights, lengths, strict=True)]


def height(pitch) -> int:
    """The semitones of C#4 or another pitch above middle C, C4."""
    return NAMES.index(pitch[:-1]) + 12 * (int(pitch[-1]) - 4)


def first_note(notes) -> np.ndarray:
    """The context: a one-hot vector of the first note's name, without its octave and length."""
    return one_hot(NAMES.index(notes[0].split(":")[0][:-1]), len(NAMES))


if __name__ == "__main__":
    main()
