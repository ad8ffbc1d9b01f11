"""The other end of a smoothed model's bracket: what an attack on it is, and how a verdict on a vote is reached."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from shiftproof._arrays import Ints
from shiftproof._errors import must
from shiftproof._part import Part
from shiftproof.certificates.smoothing.noises.abstract import Additive, Noise
from shiftproof.certificates.smoothing.smoothing_certificate import SmoothingCertificate
from shiftproof.certificates.smoothing.votes import Votes
from shiftproof.models.abstract import Gradients, Labels
from shiftproof.outcomes import Bound
from shiftproof.shifts.abstract import Shift, gradient_objection


@dataclass(frozen=True)
class SmoothedAttack(Part):
    """Attacks the smoothed model: climbs the margin of the mean probabilities of noisy copies, then asks the smoothed model at the end.

    The verdict is Cohen et al.'s PREDICT: `draws` votes, and an answer only where an exact binomial test of the two most frequent classes
    rejects a tie; else it abstains.

    Args:
        sigma, noise: of the smoothed model, as of the certificate; noise that is added to the inputs.
        alpha: chance that a verdict on one example is false; each of the two questions (as it is, and moved) has half of it.
        steps: gradient steps, from the example as it is.
        copies: noisy copies whose probabilities are averaged at each step, the same ones at all steps.
        draws: votes for a verdict; at least so many that unanimous ones decide.

    Guarantees:
        Each example that it calls broken is one on which the smoothed model errs inside the shift, with probability at least 1 - alpha. So
        the smoothed model's robust accuracy on the sample is at most the reported one, up to such false verdicts. An abstention counts as
        not broken.
    Cost: copies * (2 * steps + 2) passes and 2 * draws forwards per example.

    Reference: Salman et al. 2019, "Provably robust deep learning via adversarially trained smoothed classifiers" (SmoothAdv); Cohen et al.
    2019, "Certified adversarial robustness via randomized smoothing" (PREDICT).
    """

    name: ClassVar[str] = "smoothed_attack"
    references: ClassVar[tuple[str, ...]] = ("salman2019provably", "cohen2019certified")
    bound: ClassVar[Bound] = Bound.AT_MOST

    sigma: float
    noise: str = "gaussian"
    alpha: float = 0.001
    steps: int = 20
    copies: int = 16
    draws: int = 1000

    @classmethod
    def on(cls, certificate: SmoothingCertificate) -> SmoothedAttack:
        """The attack on the model that a certificate speaks of."""
        return cls(sigma=certificate.sigma, noise=certificate.noise, alpha=certificate.alpha)

    def check(self) -> None:
        self.source  # noqa: B018  # builds the noise, which checks itself
        if not 0 < self.alpha < 1:
            raise must("alpha", self.name, "be in (0, 1)", self.alpha, "It is the chance that a verdict on one example is false.")
        for name in ("steps", "copies"):
            if (value := vars(self)[name]) < 1:
                raise must(name, self.name, "be at least 1", value)
        if 2.0 * 0.5**self.draws > self.alpha / 2:
            raise must("draws", self.name, "be enough for unanimous votes to decide", self.draws, "1000 is usual.")

    @property
    def source(self) -> Noise:
        return SmoothingCertificate.source_of(self.name, self.sigma, self.noise)

    @property
    def subject(self) -> str:
        return f"the model smoothed with {self.source.spec()} noise"

    @property
    def confidence(self) -> float:
        return 1 - self.alpha

    def objection(self, model: Labels, shift: Shift) -> str | None:
        """Why it cannot attack this model under this shift, as half a sentence; None where it can."""
        if not isinstance(self.source, Additive):
            return f"{self.source.name} noise is not added to the inputs, and only added noise has a gradient to follow"
        if not isinstance(model, Gradients):
            return f"the model '{model.name}' has no gradient to follow"
        return gradient_objection(shift)

    def predicted(self, votes: Votes, purpose: str) -> Predicted:
        """PREDICT on the votes' inputs, with draws of this purpose."""
        from scipy.stats import binomtest  # late: it takes half a second

        answers = votes.labels(np.arange(len(votes.x)), purpose, 0, self.draws)
        first, sure = np.zeros(len(answers), dtype=np.int64), np.zeros(len(answers), dtype=np.bool_)
        for row, given in enumerate(answers):
            labels, counts = np.unique(given, return_counts=True)
            order = np.argsort(-counts, kind="stable")
            top, next_ = int(counts[order[0]]), int(counts[order[1]]) if len(order) > 1 else 0
            first[row], sure[row] = labels[order[0]], binomtest(top, top + next_, 0.5).pvalue <= self.alpha / 2
        return Predicted(first, sure)


class Predicted(NamedTuple):
    """The most frequent answer of each example, and whether the votes decide for it, both (n,)."""

    label: Ints
    sure: npt.NDArray[np.bool_]
