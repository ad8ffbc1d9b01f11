"""Arithmetic word problems asked as they are and after interventions: what moves an answer that should not, and what fails to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shiftproof._errors import UsageError, must
from shiftproof.data.rows import Items
from shiftproof.data.word_problems import INTERVENTIONS, WordProblem, intervened
from shiftproof.judges.number_with_unit import amount_of
from shiftproof.models.abstract import Answers
from shiftproof.outcomes import Interval
from shiftproof.risks.intervals import clopper_pearson
from shiftproof.risks.paired import PairedComparison, paired

_ASK = "Reply with the number only."


@dataclass(frozen=True)
class InterventionEffect:
    """One intervention on the problems for which it was found.

    Args:
        kind: which.
        n: problems.
        accuracy: as they are and after it, in pairs.
        changed: share of problems whose predicted number changed.
        changed_interval: of it.
        should_change: whether the right answer changed, so that an unchanged prediction is the fault; else a changed one is.
    """

    kind: str
    n: int
    accuracy: PairedComparison
    changed: float
    changed_interval: Interval
    should_change: bool


def word_problem_effects(
    model: Answers, problems: Sequence[WordProblem], *, seed: int = 0, largest: int = 300, confidence: float = 0.95
) -> list[InterventionEffect]:
    """Asks each problem as it is and after each of four interventions; the right answers are computed from the equations.

    Args:
        model: of texts.
        problems: with whole answers of 0 or more; templates come from among them.
        seed: of the draws.
        largest: number that is drawn.
        confidence: of each interval, in (0, 1).

    Guarantees: intervals and tests are exact for independent problems. A prediction is the number of the answer; one without a number is
    wrong, and equal to another without one.

    Cost: up to five questions for each problem.

    Reference: Stolfo et al. 2023 [stolfo2023causal], "A causal framework to quantify the robustness of mathematical reasoning with language
    models", with predictions in place of probabilities, which endpoints give of few tokens only.
    """
    fit = [one for one in problems if one.answer >= 0 and one.answer.denominator == 1]
    if not fit:
        raise must("problems", "word_problem_effects", "have at least one with a whole answer of 0 or more", len(problems))
    rng = np.random.default_rng(seed)
    moved = {kind: [intervened(one, kind, fit, rng, largest=largest) for one in fit] for kind in INTERVENTIONS}
    asked = list(dict.fromkeys([*fit, *(one for found in moved.values() for one in found if one is not None)]))
    said = [str(answer) for answer in model.answers(Items(f"{one.question}\n{_ASK}" for one in asked))]
    predicted = {one: amount_of(answer) for one, answer in zip(asked, said, strict=True)}
    right = {one: float(value is not None and value.value == float(one.answer)) for one, value in predicted.items()}
    effects: list[InterventionEffect] = []
    for kind, found in moved.items():
        pairs = [(one, other) for one, other in zip(fit, found, strict=True) if other is not None]
        if not pairs:
            continue
        changed = sum(predicted[one] != predicted[other] for one, other in pairs)
        accuracy = paired([right[one] for one, _ in pairs], [right[other] for _, other in pairs], against=kind, confidence=confidence)
        interval = clopper_pearson(changed, len(pairs), confidence=confidence).one()
        should = kind in ("operands", "template_and_result")
        effects.append(InterventionEffect(kind, len(pairs), accuracy, changed / len(pairs), interval, should))
    if not effects:
        raise UsageError("No intervention was found for any of these problems. Give more templates, or a larger largest number.")
    return effects
