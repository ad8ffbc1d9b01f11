"""Proofs against any words whatever, for linear models of word counts: by what they weigh in the decision, not by how far they move."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np

from shiftproof._arrays import Floats
from shiftproof.certificates._linear_text import LinearText
from shiftproof.certificates.abstract import Certificate, Proof
from shiftproof.certificates.hamming import lipschitz_radius
from shiftproof.certificates.word_changes import LocalChanges, proof_of_texts, read_for_words
from shiftproof.models.abstract import Labels
from shiftproof.randomness import Rng
from shiftproof.shifts.abstract import Shift

_OPEN = (
    "Of these texts any_words proves no single changed word: the worst word of the vocabulary in the place of the best one of the text "
    "would, or might, turn the decision. word_changes proves more where only a shift's own words may come."
)


@dataclass(frozen=True)
class AnyWords(Certificate):
    """How many words may become any others without another decision, from the weights of the words that leave and of those that come.

    With w = w_c - w_j and b = b_c - b_j, class c stays above j while w . v' + b |v'| > 0, v' the weighed counts after the change. Of d
    changed words at most d `out` tokens leave and d `in` come. What leaves takes at most the d `out` largest positive entries of w_i idf_i
    over the text's tokens; what comes brings at worst d `in` times the least w_j idf_j of the vocabulary. |v'| lies between
    |v|^2 less the largest decrements of d `out` tokens and |v|^2 + max_j ((c_j + d in)^2 - c_j^2) idf_j^2 (l2; sums for l1; 1 unscaled).

    Guarantees: no move of up to `radius` edits changes the decision, nor any other change of as many words, whatever they become, as long
    as each is of no more tokens than the shift's own changes take out and bring at that text; of one token each is always allowed. Where
    nothing is scaled and two classes compete it is exact for that promise. It knows nothing of what the choices are, so `word_changes`
    proves at least as much of a shift where it enumerates; it takes the bound of `hamming` for the same promise where that is larger.
    Counts stand as they are.
    Cost: one forward per example, and the vectoriser's analysis of each choice.

    New here. What it improves on is the bound of Catellier et al. 2023, "On the robustness of text vectorizers", which is `hamming`.
    """

    name: ClassVar[str] = "any_words"
    references: ClassVar[tuple[str, ...]] = ("catellier2023robustness",)

    def objection(self, model: Labels, shift: Shift) -> str | None:
        found = read_for_words(model, shift)
        if isinstance(found, str):
            return found
        return None if found.additive else f"it bounds counts as they are, and '{model.name}' has others"

    def certify(self, model: Labels, shift: Shift, x: Any, rng: Rng) -> Proof:
        return proof_of_texts(model, shift, x, partial(_radius, worst={}), loose=_OPEN)


def _radius(linear: LinearText, local: LocalChanges | None, most: int, worst: dict[tuple[int, int], float]) -> float:
    if local is None:
        return 0.0
    features = linear.weighed(local.counts, local.places)
    label = int((linear.weight[:, local.places] @ features / float(linear.size(features)) + linear.bias).argmax())
    leave, come = tokens_moved(local)
    proven = 0
    while proven < most and _stands(linear, local, label, (proven + 1) * leave, (proven + 1) * come, worst):
        proven += 1
    step = math.hypot(leave, come) * float(linear.idf.max(initial=0.0))
    return max(float(proven), 0.0 if linear.norm == "l1" else lipschitz_radius(linear, local, most, step=step))


def tokens_moved(local: LocalChanges) -> tuple[int, int]:
    """How many tokens of the vocabulary leave, and how many come, by one change at most: at least one of each, as any word may be one."""
    leave = max((float(-row[row < 0].sum()) for change in local.changes for row in change), default=1.0)
    come = max((float(row[row > 0].sum()) for change in local.changes for row in change), default=1.0)
    return max(1, round(leave)), max(1, round(come))


def _stands(linear: LinearText, local: LocalChanges, label: int, leave: int, come: int, worst: dict[tuple[int, int], float]) -> bool:
    """Whether the label beats every rival whatever so many tokens that leave and that come are."""
    idf = linear.idf[local.places]
    sizes = _sizes(linear, local.counts, idf, leave, come)
    for rival in range(len(linear.bias)):
        if rival == label:
            continue
        difference, offset = linear.weight[label] - linear.weight[rival], float(linear.bias[label] - linear.bias[rival])
        if (label, rival) not in worst:
            worst[label, rival] = min(0.0, float((difference * linear.idf).min(initial=0.0)))
        values = difference[local.places] * idf
        each = np.repeat(values, local.counts.astype(np.int64))
        lost = float(np.sort(each[each > 0])[::-1][:leave].sum())
        least = float(local.counts @ values) - lost + come * worst[label, rival]
        room = linear.rounding * (float(local.counts @ np.abs(values)) + come * abs(worst[label, rival]) + abs(offset) * max(sizes))
        if not all(least + offset * size > room for size in sizes):
            return False
    return True


def _sizes(linear: LinearText, counts: Floats, idf: Floats, leave: int, come: int) -> tuple[float, float]:
    """The least and the greatest size of the weighed counts after so many tokens leave and come."""
    if linear.norm is None:
        return 1.0, 1.0
    largest = float(linear.idf.max(initial=0.0))
    if linear.norm == "l1":
        size, each = float(counts @ idf), np.repeat(idf, counts.astype(np.int64))
        return max(0.0, size - float(np.sort(each)[::-1][:leave].sum())), size + come * largest
    squares = float((counts * idf) @ (counts * idf))
    decrements = np.concatenate([(2 * np.arange(1, count + 1) - 1) * weight**2 for count, weight in zip(counts, idf, strict=True)] or [[]])
    least = squares - float(np.sort(decrements)[::-1][:leave].sum())
    grown = float(((2 * counts * come + come**2) * idf**2).max(initial=0.0))
    return math.sqrt(max(0.0, least)), math.sqrt(squares + max(grown, (come * largest) ** 2))
