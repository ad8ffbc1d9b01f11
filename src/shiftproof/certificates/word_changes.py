"""Exact proofs against changed words for linear models of word counts."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch

from shiftproof._arrays import Floats
from shiftproof.certificates._linear_text import LinearText, read_linear_text
from shiftproof.certificates.abstract import Certificate, Proof
from shiftproof.models.abstract import Labels
from shiftproof.outcomes import Flag
from shiftproof.randomness import Rng
from shiftproof.shifts.abstract import Shift
from shiftproof.shifts.text.rewrite import Rewrite

_AT_ONCE = 4096
_WORD = re.compile(r"\w")


@dataclass(frozen=True)
class WordChanges(Certificate):
    """The most words that may change, each to one of its choices in the shift, without another decision.

    A pipeline of CountVectorizer or TfidfVectorizer and a linear classifier decides for class c over j by the sign of
    (w_c - w_j) . v / |v| + (b_c - b_j), v the weighed counts. Without scaling every change adds to it, so the worst k changes are the k
    worst single ones: exact for any k. With scaling, every set of up to k changes is looked at while there are at most `most` of them;
    beyond that the decision is proven by bounds of w . v and |v|, which are sound and may be too careful.

    Args:
        most: sets of changes of one text that are enumerated for one k, at least 1.

    Guarantees: no move of up to `radius` edits of the shift changes the decision. Where the sets are enumerated, or nothing is scaled, it
    is exact but for rounding: with one edit more some move changes it.
    Cost: one forward per example, and the vectoriser's analysis of each choice; two words of 20 with 10 choices each are 19,000 sets.

    Example:
        >>> from sklearn.feature_extraction.text import CountVectorizer
        >>> from sklearn.linear_model import LogisticRegression
        >>> from sklearn.pipeline import make_pipeline
        >>> import shiftproof as sp
        >>> from shiftproof.shifts.text.words.antonyms import Antonyms
        >>> texts = ["good film", "great film", "bad film", "dull film"]
        >>> model = sp.as_model(make_pipeline(CountVectorizer(), LogisticRegression()).fit(texts, [1, 1, 0, 0]))
        >>> x = sp.examples(["good good great film"], [1]).x
        >>> WordChanges().certify(model, Antonyms(edits=2), x, Rng.for_ids(0, ["a"])).radius.tolist()
        [1.0]

    New here as a certificate; the idea of exact worst cases of linear models of words is in Catellier et al. 2023, "On the robustness of
    text vectorizers".
    """

    name: ClassVar[str] = "word_changes"
    references: ClassVar[tuple[str, ...]] = ("catellier2023robustness",)

    most: int = 200_000

    def check(self) -> None:
        self.require("most", least=1)

    def objection(self, model: Labels, shift: Shift) -> str | None:
        found = read_for_words(model, shift)
        return found if isinstance(found, str) else None

    def certify(self, model: Labels, shift: Shift, x: Any, rng: Rng) -> Proof:
        return proof_of_texts(model, shift, x, self._radius)

    def _radius(self, linear: LinearText, local: LocalChanges | None, most: int) -> float:
        if local is None:
            return 0.0
        start = _scores(linear, local.counts[None], local.places)[0]
        label = int(start.argmax())
        rivals = [rival for rival in range(len(start)) if rival != label]
        proven = 0
        if not all(_holds(linear, local, label, rival, local.counts[None]) for rival in rivals):
            return 0.0
        for edits in range(1, most + 1):
            if edits <= len(local.changes) and not self._all_hold(linear, local, label, rivals, edits):
                break
            proven = edits
        return float(proven)

    def _all_hold(self, linear: LinearText, local: LocalChanges, label: int, rivals: list[int], edits: int) -> bool:
        """Whether no set of exactly so many changes makes a rival win."""
        if linear.norm is not None or not linear.additive:
            sizes = [len(choices) for choices in local.changes]
            if _sets(sizes, edits) <= self.most:
                moved = _moved(local, edits)
                return all(_holds(linear, local, label, rival, part) for part in moved for rival in rivals)
            if not linear.additive:
                return False
        return all(_bounded(linear, local, label, rival, edits) for rival in rivals)


class LocalChanges(NamedTuple):
    """A text in the tokens that it and its changes have.

    Args:
        places: of the tokens in the vocabulary, d of them.
        counts: of the text, shape (d,).
        changes: by each place of the shift what each of its choices adds to the counts, shape (choices, d).
    """

    places: list[int]
    counts: Floats
    changes: list[Floats]


def read_for_words(model: Labels, shift: Shift) -> LinearText | str:
    """The model as a linear one over words, for edits of words; or why there is no proof."""
    if not isinstance(shift, Rewrite) or shift.unit != "word":
        return f"it supports edits of words, not {shift.name}"
    return read_linear_text(model)


def proof_of_texts(
    model: Labels, shift: Shift, x: Any, radius: Callable[[LinearText, LocalChanges | None, int], float], *, loose: str = ""
) -> Proof:
    """The proofs of texts of a model and a shift that `read_for_words` has let pass.

    Args:
        model: the model.
        shift: the shift.
        x: texts.
        radius: the words of a text that may change, by the linear model, the text's changes, and up to so many.
        loose: what the flag `loose_bound` says where a text has no proof; "" for no flag.
    """
    linear = read_linear_text(model)
    assert isinstance(linear, LinearText)  # `objection` has said so
    assert isinstance(shift, Rewrite)
    found = torch.tensor([radius(linear, changes_of(linear, shift, str(one)), shift.edits) for one in x], dtype=torch.float64)
    none = found <= 0
    flags = (Flag("loose_bound", loose, float(none.double().mean())),) if loose and bool(none.any()) else ()
    return Proof(model.labels(x), found, none, torch.ones(len(x), dtype=torch.int64), flags)


def changes_of(linear: LinearText, shift: Rewrite, text: str) -> LocalChanges | None:
    """The changes of a text; None where a word that is replaced touches what may be of one token with it.

    That are letters and digits, and any sign beyond ASCII where accents are stripped: dashes and curly quotes go with them, and some signs
    become letters.
    """
    found = shift.found(text)
    base = linear.counts(text)
    free = shift.free(text)
    differences: list[list[dict[int, int]]] = []
    there = set(base)
    for place in free:
        end, choices = found.at[place]
        beside = (text[max(0, place - 1) : place], text[end : end + 1])
        if any(_WORD.match(sign) or (linear.strips and not sign.isascii()) for sign in beside):
            return None
        mine: list[dict[int, int]] = []
        for choice in range(len(choices)):
            after = linear.counts(shift.edited(text, [(place, choice)]))
            mine.append({token: after[token] - base[token] for token in {*after, *base} if after[token] != base[token]})
            there |= set(mine[-1])
        differences.append(mine)
    places = sorted(there)
    at = {token: column for column, token in enumerate(places)}
    counts = np.array([base[token] for token in places], dtype=np.float64)
    changes = [_rows(mine, at) for mine in differences]
    return LocalChanges(places, counts, changes)


def _rows(differences: list[dict[int, int]], at: dict[int, int]) -> Floats:
    rows = np.zeros((len(differences), len(at)))
    for row, difference in enumerate(differences):
        for token, more in difference.items():
            rows[row, at[token]] = more
    return rows


def _scores(linear: LinearText, counts: Floats, places: list[int]) -> Floats:
    features = linear.weighed(counts, places)
    found: Floats = features @ linear.weight[:, places].T / linear.size(features)[:, None] + linear.bias
    return found


def _holds(linear: LinearText, local: LocalChanges, label: int, rival: int, counts: Floats) -> bool:
    """Whether the label beats the rival at all these counts, rounding included."""
    features = linear.weighed(counts, local.places)
    size = linear.size(features)
    difference = linear.weight[label, local.places] - linear.weight[rival, local.places]
    offset = linear.bias[label] - linear.bias[rival]
    room = linear.rounding * (np.abs(features) @ np.abs(difference) / size + abs(offset))
    return bool((features @ difference / size + offset > room).all())


def _sets(sizes: list[int], edits: int) -> int:
    """How many sets of exactly so many changes there are, no two at one place."""
    sums = [1] + [0] * edits
    for size in sizes:
        for taken in range(edits, 0, -1):
            sums[taken] += size * sums[taken - 1]
    return sums[edits]


def _moved(local: LocalChanges, edits: int) -> Iterator[Floats]:
    """The counts after every set of exactly so many changes, some thousands at a time."""
    waiting: list[Floats] = []
    for places in combinations(range(len(local.changes)), edits):
        *first, last = places
        for chosen in product(*(local.changes[place] for place in first)):
            waiting.append(local.counts + sum(chosen, np.zeros_like(local.counts)) + local.changes[last])
            if sum(map(len, waiting)) >= _AT_ONCE:
                yield np.concatenate(waiting)
                waiting = []
    if waiting:
        yield np.concatenate(waiting)


def _bounded(linear: LinearText, local: LocalChanges, label: int, rival: int, edits: int) -> bool:
    """Whether the label beats the rival for certain, by the least of w . v and both ends of |v|; exact where nothing is scaled."""
    difference = (linear.weight[label] - linear.weight[rival])[local.places] * linear.idf[local.places]
    offset = float(linear.bias[label] - linear.bias[rival])
    losses = sorted(min(0.0, float((change @ difference).min())) for change in local.changes if len(change))[:edits]
    least = float(local.counts @ difference) + sum(losses)
    room = linear.rounding * (float(np.abs(local.counts) @ np.abs(difference)) + abs(sum(losses)) + abs(offset))
    if linear.norm is None:
        return least + offset > room
    order = 1 if linear.norm == "l1" else 2
    steps = sorted(float(np.linalg.norm(change * linear.idf[local.places], order, axis=1).max()) for change in local.changes if len(change))
    reach = sum(steps[::-1][:edits])
    size = float(np.linalg.norm(local.counts * linear.idf[local.places], order))
    if size - reach <= 0 and offset <= room:
        return False
    return all(least + offset * scale > room * max(1.0, scale) for scale in (max(0.0, size - reach), size + reach)) and not math.isnan(
        least
    )
