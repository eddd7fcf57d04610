"""A small grammar of English sentences, each with its French translation, and the French rules that it takes.

All is in lower case. examples/08_translation.py learns from it.
"""

from itertools import product
from typing import NamedTuple

ELIDED = {"je", "ne", "le", "la", "de"}  # these lose their vowel before another one
MUTE_H = {"hôtel", "hôtels"}  # "l'hôtel", but "le hibou": whether an h counts as a vowel is a matter of the word


class Subject(NamedTuple):
    """Who does it."""

    english: str
    french: str
    person: int  # which of a verb's French forms: 0 je, 1 il, 2 nous, 3 vous, 4 ils


class Verb(NamedTuple):
    """What is done, or what is felt: "I love cats" means all of them, so that French has "les"."""

    english: str
    third_person: str
    french: str  # the forms for je, il, nous, vous, ils
    feeling: bool = False


class Noun(NamedTuple):
    """What it is done to, one and many of it."""

    english: str
    english_plural: str
    french: str
    french_plural: str
    feminine: bool = False


class Adjective(NamedTuple):
    """What the thing is like."""

    english: str
    masculine: str
    feminine: str
    masculine_plural: str
    feminine_plural: str
    before_vowel: str = ""  # the masculine before a vowel, where that is a form of its own: "un vieil arbre"
    precedes: bool = False  # in French a colour stands behind its noun, and a few short words before it


class Sentence(NamedTuple):
    """An English sentence, its French translation, and the verb and the noun that it joins, in English."""

    english: str
    french: str
    verb: str
    noun: str


SUBJECTS = [
    Subject("i", "je", 0),
    Subject("he", "il", 1),
    Subject("she", "elle", 1),
    Subject("we", "nous", 2),
    Subject("you", "vous", 3),
    Subject("they", "ils", 4),
]
VERBS = [
    Verb("love", "loves", "aime aime aimons aimez aiment", feeling=True),
    Verb("hate", "hates", "déteste déteste détestons détestez détestent", feeling=True),
    Verb("admire", "admires", "admire admire admirons admirez admirent", feeling=True),
    Verb("have", "has", "ai a avons avez ont"),
    Verb("see", "sees", "vois voit voyons voyez voient"),
    Verb("want", "wants", "veux veut voulons voulez veulent"),
    Verb("look for", "looks for", "cherche cherche cherchons cherchez cherchent"),
]
NOUNS = [
    Noun("cat", "cats", "chat", "chats"),
    Noun("horse", "horses", "cheval", "chevaux"),
    Noun("bird", "birds", "oiseau", "oiseaux"),
    Noun("owl", "owls", "hibou", "hiboux"),
    Noun("tree", "trees", "arbre", "arbres"),
    Noun("hotel", "hotels", "hôtel", "hôtels"),
    Noun("mouse", "mice", "souris", "souris", feminine=True),
    Noun("house", "houses", "maison", "maisons", feminine=True),
    Noun("flower", "flowers", "fleur", "fleurs", feminine=True),
    Noun("school", "schools", "école", "écoles", feminine=True),
]
ADJECTIVES = [
    None,
    Adjective("small", "petit", "petite", "petits", "petites", precedes=True),
    Adjective("old", "vieux", "vieille", "vieux", "vieilles", before_vowel="vieil", precedes=True),
    Adjective("beautiful", "beau", "belle", "beaux", "belles", before_vowel="bel", precedes=True),
    Adjective("red", "rouge", "rouge", "rouges", "rouges"),
    Adjective("black", "noir", "noire", "noirs", "noires"),
]


def all_sentences() -> list[Sentence]:
    """Every sentence of the grammar."""
    sentences = []
    for verb, noun, adjective, definite, plural in product(VERBS, NOUNS, ADJECTIVES, (True, False), (True, False)):
        if verb.feeling and not definite and not plural:
            continue  # "I love a cat" is about one cat, not about cats
        for subject, negated in product(SUBJECTS, (False, True)):
            english = f"{english_verb(subject, verb, negated)} {english_object(noun, adjective, definite, plural)}"
            french_article = french_determiner(verb, noun, adjective, definite, plural, negated)
            french_object = elide(french_article, french_noun(noun, adjective, plural))
            french = french_clause(subject, verb, negated, french_object)
            sentences.append(Sentence(english, french, verb.english, noun.english))
    return sentences


def english_verb(subject: Subject, verb: Verb, negated: bool) -> str:
    third = subject.person == 1
    if negated:
        return f"{subject.english} {'does' if third else 'do'} not {verb.english}"
    return f"{subject.english} {verb.third_person if third else verb.english}"


def english_object(noun: Noun, adjective: Adjective | None, definite: bool, plural: bool) -> str:
    thing = noun.english_plural if plural else noun.english
    words = f"{adjective.english} {thing}" if adjective else thing
    if definite:
        return f"the {words}"
    if plural:
        return words
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def french_clause(subject: Subject, verb: Verb, negated: bool, french_object: str) -> str:
    """The subject, the verb in its person, if negated between "ne" and "pas", and the object."""
    form = verb.french.split()[subject.person]
    said = elide("ne", f"{form} pas") if negated else form
    return f"{elide(subject.french, said)} {french_object}"


def french_determiner(
    verb: Verb, noun: Noun, adjective: Adjective | None, definite: bool, plural: bool, negated: bool
) -> str:
    """The article, or the "de" that stands for an indefinite one after a negation: "je ne vois pas de maison".

    With a feeling the article is always definite, and a definite one stays: "je n'aime pas les chats".
    """
    if definite or verb.feeling:
        return "les" if plural else "la" if noun.feminine else "le"
    if negated:
        return "de"
    if plural:
        return "de" if adjective and adjective.precedes else "des"  # "de petits chats", but "des chats noirs"
    return "une" if noun.feminine else "un"


def french_noun(noun: Noun, adjective: Adjective | None, plural: bool) -> str:
    """The noun, and before or behind it the adjective, which agrees in gender and number."""
    thing = noun.french_plural if plural else noun.french
    if adjective is None:
        return thing
    if plural:
        quality = adjective.feminine_plural if noun.feminine else adjective.masculine_plural
    elif noun.feminine:
        quality = adjective.feminine
    else:
        quality = adjective.before_vowel if adjective.before_vowel and begins_with_vowel(thing) else adjective.masculine
    return f"{quality} {thing}" if adjective.precedes else f"{thing} {quality}"


def elide(word: str, rest: str) -> str:
    """The word before the rest: "je vois", but "j'aime"."""
    if word in ELIDED and begins_with_vowel(rest):
        return f"{word[:-1]}'{rest}"
    return f"{word} {rest}"


def begins_with_vowel(words: str) -> bool:
    first = words.split(maxsplit=1)[0]
    return first[0] in "aeiouéèêîôœ" or first in MUTE_H
