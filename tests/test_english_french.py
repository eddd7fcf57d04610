"""The grammar of the translation example: its French is correct."""

import importlib.util
from itertools import pairwise
from pathlib import Path

import pytest

PATH = Path(__file__).parent.parent / "examples" / "english_french.py"
PINNED = {
    "i love cats": "j'aime les chats",
    "i do not love cats": "je n'aime pas les chats",
    "i do not see a house": "je ne vois pas de maison",
    "i do not see the house": "je ne vois pas la maison",
    "i do not see a red house": "je ne vois pas de maison rouge",
    "i do not love the red house": "je n'aime pas la maison rouge",
    "i have a black cat": "j'ai un chat noir",
    "i admire horses": "j'admire les chevaux",
    "i hate old hotels": "je déteste les vieux hôtels",
    "i see small cats": "je vois de petits chats",
    "he does not have a cat": "il n'a pas de chat",
    "he loves the tree": "il aime l'arbre",
    "he sees black cats": "il voit des chats noirs",
    "he looks for the old hotel": "il cherche le vieil hôtel",
    "he wants an old horse": "il veut un vieux cheval",
    "she has a beautiful bird": "elle a un bel oiseau",
    "she does not have trees": "elle n'a pas d'arbres",
    "she hates the owl": "elle déteste le hibou",
    "she does not want an owl": "elle ne veut pas de hibou",
    "she admires the school": "elle admire l'école",
    "we see the horse": "nous voyons le cheval",
    "we do not want small mice": "nous ne voulons pas de petites souris",
    "we do not look for the black mouse": "nous ne cherchons pas la souris noire",
    "we have beautiful birds": "nous avons de beaux oiseaux",
    "you look for a hotel": "vous cherchez un hôtel",
    "you do not admire beautiful flowers": "vous n'admirez pas les belles fleurs",
    "you do not see an old school": "vous ne voyez pas de vieille école",
    "you want the red flower": "vous voulez la fleur rouge",
    "they do not have hotels": "ils n'ont pas d'hôtels",
    "they want red trees": "ils veulent des arbres rouges",
    "they love black owls": "ils aiment les hiboux noirs",
    "they do not see the beautiful tree": "ils ne voient pas le bel arbre",
}


@pytest.fixture(scope="module")
def sentences():
    spec = importlib.util.spec_from_file_location("english_french", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.all_sentences()


def test_the_french_is_right(sentences):
    french = {s.english: s.french for s in sentences}
    assert {english: french.get(english) for english in PINNED} == PINNED


def test_there_are_enough_sentences_and_none_twice(sentences):
    assert len(sentences) >= 3000
    assert len({s.english for s in sentences}) == len(sentences)


def test_every_sentence_names_its_verb_and_noun(sentences):
    plurals = {"mouse": "mice"}
    for s in sentences:
        words = s.english.replace("has", "have")
        assert s.verb.split()[0] in words, s
        assert words.endswith((s.noun, plurals.get(s.noun, s.noun + "s"))), s


def test_words_are_elided_before_vowels_and_nowhere_else(sentences):
    """Written independently of the grammar's own rule."""
    vowels = ("a", "é", "o", "hôtel")  # the beginnings of the grammar's words that start with a vowel; not "hibou"
    for s in sentences:
        words = s.french.replace("'", "' ").split()
        for word, following in pairwise(words):
            if word in {"je", "ne", "le", "la", "de"}:
                assert not following.startswith(vowels), s
            if word.endswith("'"):
                assert following.startswith(vowels), s
