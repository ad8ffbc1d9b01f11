"""Model selection under shift, by rules that state which data they used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from shiftproof._errors import UsageError, must, unknown
from shiftproof.risks.cvar import CVaR
from shiftproof.risks.mean import Mean
from shiftproof.risks.worst_group import WorstGroup

Rule = Literal["average", "worst_group", "cvar", "oracle"]
RULES: dict[str, str] = {
    "average": "mean accuracy on validation data; groups unknown",
    "worst_group": "accuracy of the worst group of the validation data; groups known there",
    "cvar": "mean error of the worst share of the validation data; groups unknown",
    "oracle": "accuracy of the worst group of the test data: not a valid selection, only the best that was possible",
}
_ALPHA = 0.2


@dataclass(frozen=True, eq=False)
class Scored:
    """Verdicts of every candidate on one sample.

    Args:
        right: per candidate, whether each example is right (0 or 1), or for `cvar` the probability of the true label, shape (n,).
        ids: the examples' names, shape (n,).
        groups: each example's group, shape (n,); None where unknown.
        role: "validation", or "test".
    """

    right: Mapping[str, npt.ArrayLike]
    ids: Sequence[str] | npt.NDArray[np.str_]
    groups: Sequence[str] | npt.NDArray[np.str_] | None = None
    role: Literal["validation", "test"] = "validation"


@dataclass(frozen=True)
class SelectedCandidate:
    """The candidate chosen, by which rule, what every candidate scored, and whether it looked at the test set."""

    candidate: str
    rule: str
    scores: Mapping[str, float]
    oracle: bool


def select(scored: Scored, *, rule: Rule, test_ids: Sequence[str] | npt.NDArray[np.str_] | None = None) -> SelectedCandidate:
    """The best candidate by a rule; the first of equals.

    Args:
        scored: verdicts on the sample that the rule looks at.
        rule: "average", "worst_group" and "cvar" look at validation data, "oracle" at the test data.
        test_ids: names of the test examples. With them the rule's sample is checked for leaks: not one of them may be in it.

    Guarantees: a rule that looks at the test set, by its role or by a single shared id, is refused unless it is called "oracle".

    Raises:
        UsageError: such a leak, an unknown rule, or a rule that needs groups where they are unknown.

    >>> verdicts = Scored({"erm": [1, 1, 1, 0], "dro": [1, 1, 0, 1]}, ["1", "2", "3", "4"], ["a", "a", "a", "b"])
    >>> select(verdicts, rule="average").candidate, select(verdicts, rule="worst_group").candidate
    ('erm', 'dro')

    Reference: Gulrajani & Lopez-Paz 2021 [gulrajani2021search], "In search of lost domain generalization", section 3; Sagawa et al. 2020
    [sagawa2020distributionally].
    """
    if rule not in RULES:
        raise unknown("rule of selection", rule, RULES)
    _no_leak(scored, rule, test_ids)
    if not scored.right:
        raise must("right", "select", "hold at least one candidate", "none")
    for name, verdicts in scored.right.items():
        if np.shape(verdicts) != (len(scored.ids),):
            raise must(f"right[{name}]", "select", f"have one verdict per example ({len(scored.ids)})", np.shape(verdicts))
    if rule in ("worst_group", "oracle") and scored.groups is None:
        raise UsageError(f"The rule {rule} needs each example's group, and they are unknown. Use average or cvar, which need none.")
    scores = {name: _score(np.asarray(verdicts, dtype=np.float64), scored, rule) for name, verdicts in scored.right.items()}
    return SelectedCandidate(max(scores, key=lambda name: scores[name]), rule, scores, oracle=rule == "oracle")


def _score(verdicts: npt.NDArray[np.float64], scored: Scored, rule: Rule) -> float:
    if rule == "average":
        return Mean().measure(verdicts).value
    if rule == "cvar":
        return 1 - CVaR(_ALPHA).measure(1 - verdicts).value
    return WorstGroup().measure(verdicts, np.asarray(scored.groups)).value


def _no_leak(scored: Scored, rule: Rule, test_ids: Sequence[str] | npt.NDArray[np.str_] | None) -> None:
    if rule == "oracle":
        return
    if scored.role == "test":
        raise UsageError(f"The rule {rule} would use the test set. Pass validation data, or use the rule oracle.")
    shared = set() if test_ids is None else {str(i) for i in scored.ids} & {str(i) for i in test_ids}
    if shared:
        raise UsageError(
            f"{len(shared)} validation examples are also test examples, first '{min(shared)}', so the rule {rule} would use the test set. "
            "Remove them, or use the rule oracle."
        )
