"""Accuracy against the size of the budget, for every size at once, from one run of a search for least moves."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from shiftproof._arrays import Floats, Ints
from shiftproof.data.examples import Examples, Ids
from shiftproof.door import confront
from shiftproof.models.abstract import Labels
from shiftproof.outcomes import BROKEN, Bound, Flag
from shiftproof.risks.intervals import Ends, clopper_pearson, dkw_width, tail_of
from shiftproof.searches.abstract import Search
from shiftproof.searches.to_the_end import endless, sizes
from shiftproof.shifts.norms.ball import Ball


@dataclass(frozen=True, eq=False)
class SecurityCurve:
    """The least move found for each of n examples, and with it the accuracy at every budget: a step function of eps.

    Args:
        ids: the examples' names, shape (n,).
        size: the least move found that breaks each example, shape (n,), in the units of eps: 0 where it is wrong already, infinite where no
            move broke it.
        params: those moves, shape (n, ...), NaN where there is none.
        forwards, backwards: the passes asked of each example's budget, shape (n,).
        shift: the name of the ball.
        search: the search's spec.
        confidence: that of `interval`.
        bound: what the accuracies claim: the truth is at most this.
        flags: reasons to distrust them.
        sent: rows that reached the model for all of it.
    """

    ids: Ids
    size: Floats
    params: npt.NDArray[np.floating]
    forwards: Ints
    backwards: Ints
    shift: str
    search: str
    confidence: float
    bound: Bound
    flags: tuple[Flag, ...]
    sent: int = 0

    def __len__(self) -> int:
        return len(self.ids)

    def accuracy(self, eps: npt.ArrayLike) -> Floats:
        """The share of examples that no move of size at most `eps` was found to break, shape of eps; at most this is the truth."""
        return self._held(eps) / len(self)

    def interval(self, eps: npt.ArrayLike, *, everywhere: bool = False) -> Ends:
        """The interval of each of those shares, ends of the shape of eps.

        For each budget by itself (Clopper-Pearson), or such that the whole curve lies inside with the confidence (Massart's band).
        """
        if not everywhere:
            return clopper_pearson(self._held(eps), len(self), confidence=self.confidence)
        width = dkw_width(len(self), confidence=self.confidence)
        share = self.accuracy(eps)
        return Ends(np.clip(share - width, 0.0, 1.0), np.clip(share + width, 0.0, 1.0))

    def steps(self) -> tuple[Floats, Floats]:
        """Where the curve falls: the sizes in order, beginning with 0, and the accuracy from each on, both of shape (k,)."""
        at = np.unique(np.concatenate([[0.0], self.size[np.isfinite(self.size)]]))
        return at, self.accuracy(at)

    @property
    def median(self) -> float:
        """The least eps found at which accuracy is at most one half; infinite where it stays above."""
        return float(np.sort(self.size)[math.ceil(len(self) / 2) - 1])

    def _held(self, eps: npt.ArrayLike) -> Floats:
        return (len(self) - np.searchsorted(np.sort(self.size), np.asarray(eps, dtype=np.float64), side="right")).astype(np.float64)


def security_curve(
    model: Labels,
    shift: Ball,
    *,
    search: Search,
    examples: Examples,
    seed: int = 0,
    batch_size: int = 256,
    confidence: float = 0.95,
    progress: Callable[[int], None] | None = None,
) -> SecurityCurve:
    """The accuracy under every budget of one kind of ball, from one run.

    Args:
        model: what is measured; it must give what the search needs.
        shift: says which ball; its eps does not matter.
        search: a search for least moves of that ball's norm.
        examples: n labelled inputs.
        seed: with each example's id, the whole source of randomness.
        batch_size: inputs per call of the model.
        confidence: of the curve's intervals, in (0, 1).
        progress: called with the number of examples finished since the last call.

    Guarantees:
        Every move is checked by the one door: inside the box, of the size stated, and scored again. So at each eps the true robust accuracy
        of this sample is at most the curve's, and `confront` with that eps and this search breaks the same examples (up to rounding where a
        size equals eps, and where that search stops earlier at a larger move that is small enough).

    Raises:
        UsageError: the search looks for no least move, or not in this ball, or needs more than the model gives.

    Cost: that of the search run to its end, which is once, and not once for each eps.

    Example:
        >>> import torch, shiftproof as sp
        >>> from shiftproof.searches.fast_minimum_norm import FastMinimumNorm
        >>> model = sp.as_model(torch.nn.Linear(4, 2), name="linear")
        >>> x = torch.rand(8, 4)
        >>> curve = security_curve(model, sp.L2(1), search=FastMinimumNorm(), examples=sp.examples(x, model.labels(x)))
        >>> float(curve.accuracy(0.0))
        1.0
    """
    tail_of(confidence)
    whole, to_the_end = endless(replace(shift, space=examples.space), search)
    finding = confront(model, whole, search=to_the_end, examples=examples, seed=seed, batch_size=batch_size, progress=progress)
    broken = finding.outcome == BROKEN
    return SecurityCurve(
        ids=finding.ids,
        size=sizes(finding, whole),
        params=np.where(broken.reshape(-1, *[1] * (finding.params.ndim - 1)), finding.params, np.nan),
        forwards=finding.forwards,
        backwards=finding.backwards,
        shift=shift.name,
        search=search.spec(),
        confidence=confidence,
        bound=finding.bound,
        flags=finding.flags,
        sent=finding.sent,
    )
