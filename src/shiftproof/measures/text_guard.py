"""Whether an edited text still means what it meant: kept, changed, or a matter for a person, by rules on the words that carry meaning."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from shiftproof.measures.opposites import judges, opposite
from shiftproof.shifts.text.lexicon import ALIKE, ANTONYMS, SYNONYMS, words_of

GuardWord = Literal["kept", "changed", "person"]
Encoder = Callable[[list[str]], object]
"""Vectors of shape (n, d) for n texts."""

_NEGATIONS = words_of("not no never none nothing nobody nowhere neither nor without cannot hardly barely scarcely seldom rarely lacks lack")
_QUANTITIES = words_of("all some any many few most more less least every each much little both half only almost nearly several enough too")
_CERTAINTY = words_of("may might must could would should will can perhaps maybe apparently arguably probably possibly somewhat supposedly")
_SMALL = words_of(
    """a an the of to in on at by for with from as and or but so yet is are was were be been being am has have had do does did it its he she
    they we you i him her them his their our your my me us this that these those which who whom whose what there here if than then also just
    very really quite um uh er like well actually basically while though although because since when where into about out up over s re ve
    ll"""
)
_JOINS = words_of("and but or while though although because if when")
_SENTIMENT = frozenset({*ANTONYMS, *(word for near in ANTONYMS.values() for word in near)}) - _NEGATIONS - _QUANTITIES - _SMALL
_CONTRACTED = re.compile(r"\b(ca|wo|sha|\w+?) ?n['’]t\b", re.IGNORECASE)
_IRREGULAR = {"ca": "can", "wo": "will", "sha": "shall"}
_WORDS = re.compile(r"[0-9]+(?:[.,][0-9]+)*|[^\W\d_]+(?:'[^\W\d_]+)?")
_LATIN = {other: letter for letter, forms in ALIKE.items() for other in forms}
_CLOSE = 0.7
"""From this share of letters in common on (`difflib.SequenceMatcher.ratio`), one word may be a misspelling of the other."""
_ELSE = 3
"""Words that are gone, and as many that are new, from which on a denial may be of something else."""
_LONG = 4
"""Letters of a word from which on a misspelling is told from another word."""


@dataclass(frozen=True)
class Guarded:
    """What the guard says of a pair of texts, and why, in one line each."""

    verdict: GuardWord
    reasons: tuple[str, ...]


@lru_cache(maxsize=8192)
def guard(before: str, after: str, *, similarity: Encoder | None = None, least: float = 0.8) -> Guarded:
    """Whether `after` still means what `before` meant.

    Rules, on words with case, look-alike letters, invisible signs, contractions and spacing undone:

    - an odd number of denials more or fewer, or a word replaced by its opposite, and not both: changed;
    - other numbers, names, quantities, certainty, words that judge, or the order of words: a person decides;
    - misspellings, synonyms of our table, small words of grammar: kept;
    - any other word: kept where `similarity` is given and the texts, with misspellings undone, are that alike; else a person decides.

    Args:
        before: the text.
        after: the edited text.
        similarity: an encoder, vectors of shape (n, d) for n texts. Alone it would pass "not great" for "great": it is asked last.
        least: the least cosine of the two texts, in [-1, 1].

    It guards, and proves nothing: on FLUKE's edited reviews the verdict "kept" was wrong in the share that the guide states.

    Cost: linear in the texts' lengths but for the alignment, which is quadratic in the number of words.

    Example:
        >>> guard("the film is great", "the flim is graet").verdict, guard("it is great", "it is not great").reasons
        ('kept', ('not was put in',))
    """
    one, two = _words(before), _words(after)
    if [word.lower() for word in one] == [word.lower() for word in two]:
        return Guarded("kept", ())
    gone, come, pairs = _aligned(one, two)
    denied = _negations(one, two)
    opposites = [(old, new) for old, new in pairs if new in ANTONYMS.get(old, ()) or opposite(old, new)]
    well = {word for pair in pairs if _same_meaning(*pair) for word in pair}
    turned, doubts = _turned(denied, opposites, one_each=_one_each(one) and _one_each(two))
    known = {*well, *(word for pair in opposites for word in pair), *_NEGATIONS}
    doubts += (
        ["the words stand in another order"] if sorted(map(str.lower, one)) == sorted(map(str.lower, two)) else _doubts(gone, come, known)
    )
    strange = _strange(gone, come, known)
    if turned and _of_something_else(strange):
        return Guarded("person", (*turned, *doubts, *strange[:3]))
    if turned or doubts:
        return Guarded("changed" if turned and (not doubts or len(denied) == 1) else "person", (*turned, *doubts))
    if not strange:
        return Guarded("kept", ())
    if similarity is not None:
        likeness = _cosine(similarity, " ".join(one), " ".join(two))
        if likeness >= least:
            return Guarded("kept", ())
        return Guarded("person", (f"{', '.join(strange[:3])}: cosine {likeness:.2f} below {least:g}",))
    return Guarded("person", tuple(strange[:3]))


def _words(text: str) -> list[str]:
    """The words and numbers of a text as a reader sees them."""
    plain = unicodedata.normalize("NFKD", re.sub(r".\x08", "", re.sub("\u202e(.)(.)\u202c", r"\2\1", text)))
    plain = "".join(_LATIN.get(letter, letter) for letter in plain if unicodedata.category(letter) not in ("Mn", "Cf"))
    plain = plain.replace("’", "'").replace("`", "'")
    plain = _CONTRACTED.sub(lambda found: f"{_IRREGULAR.get(found[1].lower(), found[1])} not", plain)
    return [part for word in _WORDS.findall(re.sub(r"(?<=\w) '(?=\w)", " ", plain)) for part in word.split("'")]


def _aligned(one: Sequence[str], two: Sequence[str]) -> tuple[list[str], list[str], list[tuple[str, str]]]:
    """The words that are in one text only, and the pairs that replace each other; words in small letters, but for names."""
    gone, come, pairs = list[str](), list[str](), list[tuple[str, str]]()
    low, high = [[word.lower() for word in words] for words in (one, two)]
    for what, start, end, left, right in difflib.SequenceMatcher(None, low, high, autojunk=False).get_opcodes():
        if what != "equal":
            old, new = list(one[start:end]), list(two[left:right])
            pairs += [(a.lower(), b.lower()) for a, b in _matched(old, new)]
            gone += old
            come += new
    return gone, come, pairs


def _matched(old: list[str], new: list[str]) -> Iterable[tuple[str, str]]:
    """Which word replaces which: the place where both are as many, else every pair."""
    return zip(old, new, strict=True) if len(old) == len(new) else ((a, b) for a in old for b in new)


def _negations(one: Sequence[str], two: Sequence[str]) -> list[str]:
    """The denials that one of the texts has more of, each as a sentence."""
    had, has = (Counter(word.lower() for word in words if word.lower() in _NEGATIONS) for words in (one, two))
    return [f"{word} was put in" for word in (has - had).elements()] + [f"{word} was left out" for word in (had - has).elements()]


def _of_something_else(strange: Sequence[str]) -> bool:
    """Whether so many words differ beside a denial or an opposite that it may be one of another thing."""
    return min(sum(word.endswith(how) for word in strange) for how in ("is gone", "is new")) >= _ELSE


def _one_each(words: Sequence[str]) -> bool:
    """Whether no clause has more than one denial; clauses are what conjunctions part."""
    count = 0
    for word in words:
        count = 0 if word.lower() in _JOINS else count + (word.lower() in _NEGATIONS)
        if count > 1:
            return False
    return True


def _turned(denied: list[str], opposites: list[tuple[str, str]], *, one_each: bool) -> tuple[list[str], list[str]]:
    """Why the truth is turned over, and what makes that doubtful; `one_each`: no clause has two denials, which might cancel."""
    swapped = [f"{new} for {old}, its opposite" for old, new in opposites if new not in _NEGATIONS and old not in _NEGATIONS]
    if denied and swapped:
        return [], [*denied, *swapped]
    alike = len({denial.rpartition(" was ")[2] for denial in denied}) == 1
    if len(denied) % 2 or (alike and one_each):
        return denied, []
    if len(swapped) % 2:
        return swapped, []
    return [], [*denied, *swapped]


def _doubts(gone: Sequence[str], come: Sequence[str], known: Collection[str]) -> list[str]:
    """The words that only one of the texts has and that only a person can weigh, but for the known ones."""
    had, has = (Counter(map(str.lower, words)) for words in (gone, come))
    different = [word for word in [*(had - has), *(has - had)] if word not in known]
    kinds = (("number", str.isdigit), ("quantity", _QUANTITIES.__contains__), ("certainty", _CERTAINTY.__contains__))
    return [f"{word}: a {kind}" for word in different for kind, holds in (*kinds, ("judgement", _SENTIMENT.__contains__)) if holds(word)]


def _strange(gone: Sequence[str], come: Sequence[str], well: Collection[str]) -> list[str]:
    """The words that are neither misspelled, nor synonyms, nor small, each as a sentence."""
    if "".join(gone).lower() == "".join(come).lower():  # spaces and hyphens moved
        return []
    both = ((gone, "is gone"), (come, "is new"))
    return [f"{word.lower()} {how}" for words, how in both for word in words if word.lower() not in _SMALL and word.lower() not in well]


def _same_meaning(old: str, new: str) -> bool:
    """Whether one word is the other misspelled, inflected or a synonym of it."""
    if new in SYNONYMS.get(old, ()) or old in SYNONYMS.get(new, ()):
        return True
    if (old in _SENTIMENT and new in _SENTIMENT) or (judges(new) and not judges(old)) or opposite(old, new):
        return False
    if min(len(old), len(new)) < _LONG - 1 or max(len(old), len(new)) < _LONG:
        return False
    return difflib.SequenceMatcher(None, old, new).ratio() >= _CLOSE


def _cosine(similarity: Encoder, one: str, two: str) -> float:
    import numpy as np

    left, right = np.asarray(similarity([one, two]), dtype=np.float64)
    return float(left @ right / max(1e-12, float(np.linalg.norm(left) * np.linalg.norm(right))))
