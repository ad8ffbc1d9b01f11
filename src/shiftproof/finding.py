"""What one confrontation found, example by example."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from shiftproof import outcomes
from shiftproof._arrays import Bools, Floats, Ints
from shiftproof.data.examples import Ids
from shiftproof.outcomes import Abstained, Bound, Broken, Certified, Flag, Held, Outcome, Skipped, Stage, join_flags, join_stages


@dataclass(frozen=True, eq=False, repr=False)
class Finding:
    """The outcome of each of n examples under one shift and one search or certificate, with what it cost.

    Args:
        ids: the examples' names, shape (n,).
        outcome: "skipped", "broken", "held", "certified", "abstained" or, where the model did not answer, "no_answer", shape (n,).
        prediction: the model's decision at the move found (at the clean input where skipped, certified or abstained), shape (n,): a class,
            or under judges of other answers a number or a text.
        loss: cross-entropy in nats there, or 0/1 where the model gives labels only, shape (n,); under other judges what a search climbs.
        probability: the model's probability of the true label there, NaN where it gives labels only, shape (n,).
        confidence: the model's largest probability there, NaN likewise, shape (n,).
        radius: the certified radius, NaN where there is none, shape (n,).
        params: the moves found, shape (n, ...), NaN where skipped.
        forwards, backwards: the passes that were asked of each example's budget, shape (n,).
        bound: what accuracy over these outcomes claims.
        flags: reasons to distrust it.
        stages: what each part of a search that has several did.
        seconds: wall time.
        sent: rows that reached the model for all of it together: looks at it before any work and rows that fill up batches are among them,
            passes back are not, and what was answered from store did not reach it.
        score: how right the answer is there, in [0, 1], shape (n,); None under judges that say right or wrong only, such as `classify`.
        said: the model's scores there, shape (n, classes), float32; None where it gives none.
        unreadable: whether the answer there is a refusal or cannot be judged, shape (n,); None under judges that read every answer.
    """

    ids: Ids
    outcome: npt.NDArray[np.str_]
    prediction: npt.NDArray[Any]
    loss: Floats
    probability: Floats
    confidence: Floats
    radius: Floats
    params: npt.NDArray[np.floating]
    forwards: Ints
    backwards: Ints
    bound: Bound
    flags: tuple[Flag, ...]
    seconds: float
    stages: tuple[Stage, ...] = ()
    sent: int = 0
    score: Floats | None = None
    said: npt.NDArray[np.float32] | None = None
    unreadable: npt.NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        """What it claims, in one line."""
        words = {Bound.AT_MOST: "at most ", Bound.AT_LEAST: "at least ", Bound.ESTIMATE: ""}
        counts = ", ".join(f"{n} {name}" for name, n in sorted(Counter(self.outcome.tolist()).items()))
        flags = f", flags: {', '.join(flag.name for flag in self.flags)}" if self.flags else ""
        return f"Finding(score {words[self.bound]}{self.mean_score:.4g} of {len(self)} examples: {counts}; {self.asked} forwards{flags})"

    def __getitem__(self, row: int) -> Outcome:
        """The outcome of one example, as a value with its evidence."""
        match str(self.outcome[row]):
            case outcomes.SKIPPED:
                return Skipped()
            case outcomes.BROKEN:
                return Broken(self.params[row])
            case outcomes.CERTIFIED:
                return Certified(float(self.radius[row]))
            case outcomes.ABSTAINED:
                if self.bound is Bound.AT_MOST:
                    return Abstained("the votes decide nothing")
                radius = float(self.radius[row])
                return Abstained("nothing is proven" if np.isnan(radius) else f"proven up to {radius:.4g} only")
            case outcomes.NO_ANSWER:
                return Abstained("no answer came")
            case _:
                return Held()

    @property
    def correct(self) -> Bools:
        """Which examples the model still gets right, shape (n,), see `still_right`."""
        return still_right(self.outcome, self.bound)

    @property
    def bracket(self) -> tuple[float, float]:
        """The mean score if all answers that did not come were wrong, and if all were right; twice the same where all came."""
        silent = self.outcome == outcomes.NO_ANSWER
        score = (self.correct if self.score is None else self.score).astype(np.float64)
        ends = [float(np.where(silent, end, score).mean()) if len(self) else float("nan") for end in (0.0, 1.0)]
        return ends[0], ends[1]

    @property
    def asked(self) -> int:
        """Forwards that were asked of all budgets together."""
        return int(self.forwards.sum())

    @property
    def mean_score(self) -> float:
        """The mean of how right the answers are, in [0, 1]; NaN for no examples. Of a bracket, the end that the bound claims."""
        return self.bracket[self.bound is Bound.AT_MOST]

    @property
    def accuracy(self) -> float:
        """The share still right; NaN for no examples."""
        return float(self.correct.mean()) if len(self) else float("nan")


def still_right(outcome: npt.NDArray[np.str_], bound: Bound) -> Bools:
    """Which examples the model still gets right, shape (n,): held or certified, and under an attack those without a verdict.

    An attack that reached no verdict broke nothing; a certificate that reached none proved nothing.
    """
    right = [outcomes.HELD, outcomes.CERTIFIED]
    return np.isin(outcome, [*right, outcomes.ABSTAINED, outcomes.NO_ANSWER] if bound is Bound.AT_MOST else right)


def join(findings: Sequence[Finding]) -> Finding:
    """One finding from those of disjoint parts of the data, in their order."""
    first = findings[0]
    columns = ("ids", "outcome", "prediction", "loss", "probability", "confidence", "radius", "params", "forwards", "backwards")
    arrays = {name: np.concatenate([getattr(f, name) for f in findings]) for name in columns}
    stages = join_stages(stage for f in findings for stage in f.stages)
    return Finding(
        **arrays,
        bound=first.bound,
        flags=join_flags((f.flags, len(f)) for f in findings),
        seconds=sum(f.seconds for f in findings),
        stages=stages,
        sent=sum(f.sent for f in findings),
        score=_joined([f.score for f in findings]),
        said=_joined([f.said for f in findings]),
        unreadable=_joined([f.unreadable for f in findings]),
    )


def _joined(parts: Sequence[npt.NDArray[Any] | None]) -> npt.NDArray[Any] | None:
    there = [part for part in parts if part is not None]
    return np.concatenate(there) if len(there) == len(parts) else None
