"""A small grammar of English sentences with their French translations, and the rules of French that it needs.

Everything is in lower case. examples/08_translation.py trains on it.
"""

from itertools import product
from typing import NamedTuple

ELIDED = {"je", "ne", "le", "la", "de"}  # these lose their vowel before another vowel
MUTE_H = {"hôtel", "hôtels"}  # "l'hôtel", but "le hibou": whether an h is silent depends on the word


class Subject(NamedTuple):
    """The subject of a sentence."""

    english: str
    french: str
    person: int  # the index of the French form of the verb: 0 je, 1 il, 2 nous, 3 vous, 4 ils


class Verb(NamedTuple):
    """A verb. After a feeling, "I love cats" means all cats, so French uses the article "les"."""

    english: str
    third_person: str
    french: str  # the forms for je, il, nous, vous, ils
    feeling: bool = False


class Noun(NamedTuple):
    """The noun of the object, singular and plural."""

    english: str
    english_plural: str
    french: str
    french_plural: str
    feminine: bool = False


class Adjective(NamedTuple):
    """An adjective of the object, with its French forms."""

    english: str
    masculine: str
    feminine: str
    masculine_plural: str
    feminine_plural: str
    before_vowel: str = ""  # the masculine before a vowel, if it differs: "un vieil arbre"
    precedes: bool = False  # in French a colour follows its noun; a few short adjectives precede it


class Sentence(NamedTuple):
    """An English sentence, its French translation, and its verb and noun in English."""

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
    form = noun.english_plural if plural else noun.english
    words = f"{adjective.english} {form}" if adjective else form
    if definite:
        return f"the {words}"
    if plural:
        return words
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def french_clause(subject: Subject, verb: Verb, negated: bool, french_object: str) -> str:
    """The subject, the verb in the right person (between "ne" and "pas" if negated), and the object."""
    form = verb.french.split()[subject.person]
    predicate = elide("ne", f"{form} pas") if negated else form
    return f"{elide(subject.french, predicate)} {french_object}"


def french_determiner(
    verb: Verb, noun: Noun, adjective: Adjective | None, definite: bool, plural: bool, negated: bool
) -> str:
    """The article, or "de" in place of an indefinite article after a negation: "je ne vois pas de maison".

    After a feeling the article is always definite. A negation doesn't change a definite one: "je n'aime pas les chats".
    """
    if definite or verb.feeling:
        return "les" if plural else "la" if noun.feminine else "le"
    if negated:
        return "de"
    if plural:
        return "de" if adjective and adjective.precedes else "des"  # "de petits chats", but "des chats noirs"
    return "une" if noun.feminine else "un"


def french_noun(noun: Noun, adjective: Adjective | None, plural: bool) -> str:
    """The noun, and before or after it the adjective, which agrees in gender and number."""
    form = noun.french_plural if plural else noun.french
    if adjective is None:
        return form
    if plural:
        quality = adjective.feminine_plural if noun.feminine else adjective.masculine_plural
    elif noun.feminine:
        quality = adjective.feminine
    else:
        quality = adjective.before_vowel if adjective.before_vowel and begins_with_vowel(form) else adjective.masculine
    return f"{quality} {form}" if adjective.precedes else f"{form} {quality}"


def elide(word: str, rest: str) -> str:
    """The word followed by the rest, elided before a vowel: "je vois", but "j'aime"."""
    if word in ELIDED and begins_with_vowel(rest):
        return f"{word[:-1]}'{rest}"
    return f"{word} {rest}"


def begins_with_vowel(words: str) -> bool:
    first = words.split(maxsplit=1)[0]
    return first[0] in "aeiouéèêîôœ" or first in MUTE_H
