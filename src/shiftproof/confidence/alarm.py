"""An alarm for unfamiliar inputs that goes off for familiar ones at most as often as it says."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shiftproof.confidence.checked import Refused, checked_flags, checked_scores, checked_share
from shiftproof.outcomes import Interval
from shiftproof.risks.intervals import simultaneous

_OWNER = "alarm"


def alarm_threshold(strangeness: npt.ArrayLike, *, rate: float = 0.05) -> float:
    """The ceil((n + 1) (1 - rate))-th smallest of held-out familiar inputs (n,): an alarm is raised above it.

    Guarantees: a new familiar input raises an alarm with probability at most `rate`, over the choice of the held-out ones too, for every n
    and whatever the ties.

    Raises:
        Refused: n is below 1 / rate - 1.

    >>> alarm_threshold(range(19), rate=0.05)
    18.0
    """
    x = checked_scores(strangeness, _OWNER, name="strangeness")
    place = math.ceil((len(x) + 1) * (1 - checked_share(rate, "rate", _OWNER)) - 1e-9)
    if place > len(x):
        raise Refused(
            f"A rate of false alarms of {rate:g} takes at least {math.ceil(1 / rate) - 1} familiar inputs, and there are {len(x)}."
        )
    return float(np.partition(x, place - 1)[place - 1])


@dataclass(frozen=True)
class Alarms:
    """How often an alarm goes off where the model is right and where it is wrong.

    Args:
        on_right: share of right answers with an alarm; NaN where there is none.
        on_wrong: share of wrong answers with an alarm; NaN where there is none.
        on_right_interval: both intervals hold together.
        on_wrong_interval: the same.
    """

    on_right: float
    on_wrong: float
    on_right_interval: Interval
    on_wrong_interval: Interval


def alarms(strangeness: npt.ArrayLike, right: npt.ArrayLike, *, threshold: float, level: float = 0.95) -> Alarms:
    """Alarms above `threshold` on a sample of strangeness (n,), apart for right and wrong answers (n,).

    >>> found = alarms([1, 2, 3, 4], [True, True, False, False], threshold=2.5)
    >>> found.on_right, found.on_wrong
    (0.0, 1.0)
    """
    x = checked_scores(strangeness, _OWNER, name="strangeness")
    z = checked_flags(right, len(x), _OWNER)
    loud = x > threshold
    hits, n = np.array([int((loud & z).sum()), int((loud & ~z).sum())]), np.array([int(z.sum()), int((~z).sum())])
    low, high = simultaneous(hits, n, confidence=level)
    share = [float(k) / float(of) if of else float("nan") for k, of in zip(hits, n, strict=True)]
    spans = [Interval(float(a), float(b)) for a, b in zip(low, high, strict=True)]
    return Alarms(share[0], share[1], spans[0], spans[1])
