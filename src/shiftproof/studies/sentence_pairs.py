"""Pairs of sentences, one of which may follow from the other: what they have in common as numbers, and pairs made by a grammar."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from shiftproof._arrays import Ints

DENIALS = frozenset({"no", "not", "n't", "nobody", "never", "without", "none", "nothing", "neither", "nor", "cannot"})
HASHED = 512
"""Numbers that the words of one sentence alone are hashed to, for each of the two."""
CONTRADICTION, ENTAILMENT, NEUTRAL = range(3)
"""The labels, as their names are sorted."""

_TOKEN = re.compile(r"n't|\w+")
_KINDS = (("man", "person"), ("woman", "person"), ("boy", "child"), ("girl", "child"), ("dog", "animal"), ("cat", "animal"))
_LOOKS = (("young", "old"), ("tall", "short"), ("happy", "sad"), ("small", "big"), ("wet", "dry"), ("tired", "rested"))
_DEEDS = (
    ("running", "moving"),
    ("walking", "moving"),
    ("sleeping", "resting"),
    ("sitting", "resting"),
    ("jumping", "moving"),
    ("lying down", "resting"),
    ("eating", "having a meal"),
    ("standing still", "waiting"),
)
_PLACES = ("in the park", "on the beach", "in a kitchen", "near a lake", "on the street", "in a garden", "at a market", "by a fence")
_MORE = ("before lunch", "with a friend", "for the first time", "to win a prize", "because it is late", "near its home", "after a long day")


def made_up_pairs(labels: Ints, numbers: np.random.Generator) -> list[str]:
    """A pair for each label: a scene, and what follows from it, contradicts it, or may be true or not.

    What follows leaves the looks or the place out, or names a wider kind or deed. What contradicts it denies the deed, or has opposite
    looks or a deed of another kind. What may be true adds something that the scene does not say, or names other looks where it names none.
    """
    return [_pair(int(label), numbers) for label in labels]


def _pair(label: int, numbers: np.random.Generator) -> str:
    (kind, wider), (looks, opposite), (deed, manner) = (each[numbers.integers(len(each))] for each in (_KINDS, _LOOKS, _DEEDS))
    place, said = _PLACES[numbers.integers(len(_PLACES))], bool(numbers.integers(2))
    way = int(numbers.integers(3))
    scene = f"A {looks + ' ' if said else ''}{kind} is {deed} {place}"
    plain = f"A {kind} is {deed}"
    if label == ENTAILMENT:
        other = (f"{plain} {place}" if said else plain, f"A {wider} is {deed} {place}", f"A {kind} is {manner}")[way]
    elif label == CONTRADICTION:
        others = [each for each, its in _DEEDS if its not in (manner, "waiting") and manner != "waiting"] or ["running"]
        unlike = others[numbers.integers(len(others))]
        looked = f"The {kind} is {opposite}" if said else f"There is no {kind} {place}"
        other = (f"The {kind} is not {deed}", looked, f"The {kind} is {unlike}")[way]
    else:
        added = _MORE[numbers.integers(len(_MORE))]
        other = (
            f"{plain} {added}",
            f"The {kind} is {place} {added}",
            f"{plain} {place} {added}" if said else f"The {looks} {kind} is {deed}",
        )[way]
    return f"{scene}\n{other}"


def pair_features(pairs: Sequence[str]) -> Tensor:
    """What two sentences have in common, and hashed words of each alone, shape (n, 24 + 2 HASHED); a pair stands on two lines."""
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, HashingVectorizer

    hashed = HashingVectorizer(analyzer=lambda words: words, n_features=HASHED, norm=None)
    numbers, first, second = [], [], []
    for pair in pairs:
        a, b = (_TOKEN.findall(side.lower().replace("n't", " n't")) for side in _sides(pair))
        own, its = ({*words} - ENGLISH_STOP_WORDS - DENIALS for words in (a, b))
        numbers.append([*_overlaps(a, b, own, its), *_kinds_of_change(a, b, own, its)])
        first.append(sorted(own - its))
        second.append(sorted(its - own))
    parts = [np.asarray(numbers, dtype=np.float32) * 2, *(hashed.transform(each).toarray().astype(np.float32) for each in (first, second))]
    return torch.from_numpy(np.concatenate(parts, axis=1))


def pair_network() -> nn.Module:
    """A network of one hidden layer over `pair_features`."""
    return nn.Sequential(nn.Linear(24 + 2 * HASHED, 64), nn.ReLU(), nn.Linear(64, 3))


def _sides(pair: str) -> tuple[str, str]:
    first, _, second = pair.partition("\n")
    return first, second


def _overlaps(a: list[str], b: list[str], own: set[str], its: set[str]) -> list[float]:
    left, right = {*a}, {*b}
    both, pairs = left & right, {*pairwise(a)} & {*pairwise(b)}
    shares = [
        (both, left | right),
        (both, right),
        (both, left),
        (own & its, its),
        (own & its, own),
    ]
    found = [len(part) / max(1, len(whole)) for part, whole in shares]
    return [*found, len(pairs) / max(1, len(b) - 1), len(a) / 20, len(b) / 20, min(len(b) / max(1, len(a)), 2.0)]


def _kinds_of_change(a: list[str], b: list[str], own: set[str], its: set[str]) -> list[float]:
    denied, denies = bool(DENIALS & {*a}), bool(DENIALS & {*b})
    starts, its_starts = {word[:4] for word in own}, {word[:4] for word in its}
    new, gone, lost = len(its - own), len(its_starts - starts), len(starts - its_starts)
    numbers = any(word.isdigit() for word in its - own)
    flags = [denied, denies, denied and not denies, denies and not denied, new == 0, new == 1, new == 2, new > 2]
    return [float(flag) for flag in (*flags, gone == 0, gone == 1, gone > 1, lost == 0, lost == 1, lost > 1, numbers)]
