"""Proofs from Lipschitz bounds in the number of changed words, for counts, TF-IDF and doc2vec."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from shiftproof._arrays import Floats
from shiftproof._errors import must
from shiftproof.certificates._linear_text import LinearText
from shiftproof.certificates.abstract import Certificate, Proof
from shiftproof.certificates.word_changes import LocalChanges, proof_of_texts, read_for_words
from shiftproof.models.abstract import Labels
from shiftproof.randomness import Rng
from shiftproof.shifts.abstract import Shift

_LOOSE = (
    "Of these texts hamming proves no single changed word: the margin would have to exceed what one word can move at most, times the "
    "norm of all weights. Use any_words, which proves the same of more texts, or word_changes, which is exact for a shift's own "
    "words; hamming itself needs longer texts, counts instead of TF-IDF, or a stronger penalty."
)


@dataclass(frozen=True)
class Hamming(Certificate):
    """Margin over Lipschitz constant: the number of words that can change at all before a linear decision can.

    One changed word moves the weighed counts by at most sqrt(out^2 + in^2) idf_max, with `out` and `in` the tokens that leave and come:
    sqrt(2) idf_max where one replaces one; the largest is L. So radius = min_j m_j / L words, m_j = margin_j / |w_c - w_j|. Scaled to
    length 1, weighed counts v of no negative entry turn by an angle of sine d L / |v| at most with d words, and never by more than a right
    one. So radius = min_j m_j sqrt(1 - m_j^2 / 4) |v| / L words, and any number where m_j is at least sqrt(2). The paper's constant there,
    2 L / |v| a word, gives half of that.

    The norm |w_c - w_j| is over all words of the vocabulary, also those that no text could bring at once. So of short texts nothing is
    proven as a rule: on SST-2, of 19 words, TF-IDF with a logistic regression (C = 1) lacks a factor of 7 at the best of 400 sentences.
    Texts of hundreds of words, counts as they are and a stronger penalty bring proofs; the flag `loose_bound` has the share without one.

    Guarantees: no move of up to `radius` edits changes the decision, nor any other change of as many words, whatever they are, by which no
    more tokens of the vocabulary leave and come than by one of the shift's own at that text: of a text that the shift leaves alone it says
    nothing more. It knows nothing of what the choices are, so `word_changes` proves at least as much of a shift, and
    `any_words` the same of more texts. The norm is l2 or none, and counts stand as they are.
    Cost: one forward per example, and the vectoriser's analysis of each choice.

    Reference: Catellier et al. 2023, "On the robustness of text vectorizers".
    """

    name: ClassVar[str] = "hamming"
    references: ClassVar[tuple[str, ...]] = ("catellier2023robustness",)

    def objection(self, model: Labels, shift: Shift) -> str | None:
        found = read_for_words(model, shift)
        if isinstance(found, str):
            return found
        if not found.additive or found.norm == "l1":
            return f"it bounds counts as they are, scaled by l2 or not at all, and '{model.name}' has others"
        return None

    def certify(self, model: Labels, shift: Shift, x: Any, rng: Rng) -> Proof:
        return proof_of_texts(model, shift, x, lipschitz_radius, loose=_LOOSE)


def lipschitz_radius(linear: LinearText, local: LocalChanges | None, most: int, *, step: float | None = None) -> float:
    """The words that can change before the decision can, up to `most`, where each moves the counts by `step`; None asks the changes."""
    if local is None:
        return 0.0
    features = linear.weighed(local.counts, local.places)
    size = float(linear.size(features))
    scores = linear.weight[:, local.places] @ features / size + linear.bias
    label = int(scores.argmax())
    step = step_bound(linear, local.changes) if step is None else step
    blank = linear.norm is not None and not features.any()
    found = math.inf
    for rival in range(len(scores)):
        if rival != label:
            difference = linear.weight[label] - linear.weight[rival]
            apart = float(np.linalg.norm(difference))
            # of the terms of the scores, here and behind the changes, whose sum is at most as large again or, of length 1, `apart`
            terms = (
                2 * float(np.abs(difference[local.places]) @ features) / size + apart + abs(float(linear.bias[label] - linear.bias[rival]))
            )
            margin = float(scores[label] - scores[rival]) - linear.rounding * (1 + terms)
            far = margin / apart if apart else (math.inf if margin > 0 else 0.0)
            if blank:  # no word of the text counts: it lies at 0, and the first that does takes it to length 1
                found = min(found, math.inf if far > 1 else 0.0)
            elif linear.norm is None:
                found = min(found, far / step if step else math.inf)
            else:
                turn = math.inf if far >= math.sqrt(2) else far * math.sqrt(1 - far**2 / 4)
                found = min(found, turn * size / step if step else math.inf)
    words = max(0, math.ceil(found) - 1) if math.isfinite(found) else most  # a tie is no win
    return float(min(most, words))


def step_bound(linear: LinearText, changes: list[Floats]) -> float:
    """The farthest that one change can move the weighed counts: idf_max sqrt(out^2 + in^2), over all changes."""
    most = 0.0
    for change in changes:
        for row in change:
            most = max(most, math.hypot(float(-row[row < 0].sum()), float(row[row > 0].sum())))
    return most * float(linear.idf.max(initial=0.0))


def doc2vec_bound(outputs: Floats, *, length: int, alpha: float = 1e-4, window: int = 0) -> float:
    """How far a doc2vec embedding can move per changed word.

    The embedding of a text of T words minimises (1/T) sum_t psi_t(q) + alpha/2 |q|^2, psi_t the cross-entropy of word t under the softmax
    of R q (PV-DBOW; with a window of nu words on either side, PV-DM, whose context enters as a constant). It is alpha-strongly convex,
    and a changed word changes 2 nu + 1 of the gradients, each by at most 2 max_i |R_i|: so
    |q - q'| <= 2 max|R| (2 nu + 1) / (alpha T) per word.

    Args:
        outputs: R, the output vectors of the words, shape (words, d).
        length: T, words of the text, at least 1.
        alpha: the weight of the penalty, above 0.
        window: nu, 0 for PV-DBOW.

    Returns: the bound per changed word, in units of the embedding. For PV-DM it holds where contexts move gradients by no more than that.

    >>> doc2vec_bound(np.array([[3.0, 4.0], [0.0, 1.0]]), length=10, alpha=0.5)
    2.0

    Reference: Catellier et al. 2023 [catellier2023robustness], "On the robustness of text vectorizers".
    """
    if length < 1:
        raise must("length", "doc2vec_bound", "be at least 1", length)
    if not alpha > 0:
        raise must("alpha", "doc2vec_bound", "be above 0", alpha)
    largest = float(np.linalg.norm(np.asarray(outputs, dtype=np.float64), axis=1).max(initial=0.0))
    return 2 * largest * (2 * window + 1) / (alpha * length)
