"""Rewriting at test time: the mean over a text and rewritten ones, asked for where the model is unsure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from torch import Tensor

from shiftproof._arrays import Bools, Floats
from shiftproof._errors import UsageError, must
from shiftproof.data.rows import Items
from shiftproof.defences.context import DefenceContext
from shiftproof.defences.text_mixture import TextMixture, Writing, as_scores, weighted
from shiftproof.randomness import Rng
from shiftproof.shifts import shifts
from shiftproof.shifts.edits import Edits
from shiftproof.shifts.text.rewrite import rule_of


@dataclass(frozen=True)
class GatedRewriting(TextMixture):
    """The mean class probabilities over a text and `copies` rewritten ones, where the entropy of the model's answer is at least `gate`.

    Args:
        shift: how texts are rewritten: the spec of edits of texts that keep the truth, such as common_synonyms(edits=2), or
            rewritten(edits=1, by=FILE.py:NAME) for a paraphraser of yours, a translation there and back or a language model.
        copies: rewritten texts in the mean, at least 1. Where there are no more rewritings each is in it once; else so many are drawn.
        gate: of the entropy in nats, at least 0. At 0 every text is rewritten; above the logarithm of the number of classes none is. See
            `chosen_gate`.
        seed: of the draws.

    Guarantees:
        Texts below the gate are answered by the model as it is, with one pass.
    Differentiable: no. Cost: one pass, and `copies` more for a text above the gate.

    Reference: O'Brien et al. 2024, "Improving black-box robustness with in-context rewriting", where a language model writes four.
    """

    name: ClassVar[str] = "gated_rewriting"
    references: ClassVar[tuple[str, ...]] = ("obrien2024improving",)

    shift: str
    copies: int = 4
    gate: float = 0.0
    seed: int = 0

    @classmethod
    def examples_for_check(cls) -> list[GatedRewriting]:
        """One that rewrites all texts, and one that rewrites some."""
        return [cls("typos(edits=1)", copies=3), cls("typos(edits=1)", copies=2, gate=0.6)]

    def check(self) -> None:
        self.require("copies", least=1)
        self.require("gate", within="[0, inf)")
        made = shifts.build(self.shift)
        if not isinstance(made, Edits) or "text" not in made.kinds:
            raise must("shift", self.name, "be edits of texts", self.shift, "Choose one with 'shiftproof list shifts'.")
        if rule_of(made) == "changed":
            raise UsageError(f"The shift {made.name} turns the truth of a text over, so {self.name} cannot rewrite by it. Choose another.")

    @property
    def passes(self) -> int:
        return 1 + self.copies

    def writings(self, text: str) -> list[Writing]:
        made = self.rewritten(text)
        return [Writing(one, 1 / (1 + len(made))) for one in made]

    def rewritten(self, text: str) -> list[str]:
        """The rewritings of a text, at most `copies`; none where nothing in it can be edited."""
        shift = shifts.build(self.shift)
        if not isinstance(shift, Edits):  # `check` has refused it
            return []
        if shift.count(text) <= 1 + self.copies:
            return [shift.edited(text, move) for move in shift.every(text) if move]
        texts = Items([text] * self.copies)
        return [*shift.apply(texts, shift.sample(texts, Rng.for_ids(self.seed, [text]).each(0, self.copies)))]

    def answer(self, behind: DefenceContext, x: Any, rng: Any) -> Tensor:
        del rng
        probabilities = behind.scores(x).double().softmax(1)
        unsure = (entropy_of(probabilities) >= self.gate).nonzero()[:, 0]
        writings = [self.writings(str(text)) for text in x[unsure]]
        if any(writings):
            kept = 1 - probabilities.new_tensor([sum(one.weight for one in mine) for mine in writings])
            probabilities[unsure] = probabilities[unsure] * kept[:, None] + weighted(behind, writings)
        return as_scores(probabilities)


def entropy_of(probabilities: Tensor) -> Tensor:
    """The entropy of each row of probabilities (n, classes) in nats, shape (n,)."""
    return -(probabilities * probabilities.clamp_min(math.ulp(0.0)).log()).sum(1)


def chosen_gate(entropy: Floats, plain: Bools, rewritten: Bools) -> float:
    """The gate under which most of some labelled examples are answered rightly; the highest of equals, which asks least.

    Args:
        entropy: of the model's own answers, shape (n,), n at least 1.
        plain: whether the model alone is right, shape (n,).
        rewritten: whether it is with all rewritings, shape (n,).

    >>> chosen_gate(np.array([0.1, 0.4, 0.6]), np.array([True, False, False]), np.array([False, False, True]))
    0.6
    """
    if not (len(entropy) == len(plain) == len(rewritten) and len(entropy)):
        raise must("examples", "chosen_gate", "be the same in all three, and at least one", (len(entropy), len(plain), len(rewritten)))
    gates: npt.NDArray[np.float64] = np.append(np.unique(entropy), np.nextafter(entropy.max(), np.inf))
    right = [np.where(entropy >= gate, rewritten, plain).mean() for gate in gates]
    return float(gates[len(gates) - 1 - int(np.argmax(right[::-1]))])
