"""Whether a reward model keeps its ranking of two responses when both are written otherwise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shiftproof._errors import must
from shiftproof.data.rows import Items
from shiftproof.outcomes import Interval
from shiftproof.randomness import Rng
from shiftproof.risks.intervals import clopper_pearson
from shiftproof.risks.paired import PairedComparison, paired
from shiftproof.shifts import shifts
from shiftproof.shifts.edits import Edits

Reward = Callable[[Sequence[str], Sequence[str]], npt.ArrayLike]
"""Rewards of responses to prompts, n each."""


@dataclass(frozen=True)
class PreferencePair:
    """A prompt, the response that people prefer, and the other one."""

    prompt: str
    chosen: str
    rejected: str


@dataclass(frozen=True)
class RewardShift:
    """What one shift of both responses does to the ranking.

    Args:
        shift: its spec.
        ranking: share of pairs in which the chosen response has the larger reward, as they are and shifted, in pairs; a tie is wrong.
        accuracy: the share after the shift.
        interval: of it.
        below_chance: whether the interval is below one half: the shift turns the ranking over.
    """

    shift: str
    ranking: PairedComparison
    accuracy: float
    interval: Interval
    below_chance: bool


def reward_shifts(
    reward: Reward, pairs: Sequence[PreferencePair], specs: Sequence[str], *, which: str = "both", seed: int = 0, confidence: float = 0.95
) -> list[RewardShift]:
    """Ranking accuracy before and after each shift of the responses.

    Args:
        reward: of prompts and responses; larger is better. Its values must be finite.
        pairs: at least one.
        specs: shifts of texts that keep what a response is worth, such as "quoted(edits=1)" or "typos(edits=2)".
        which: "both" responses are shifted, each with its own draw, or only the "chosen" or the "rejected" one, which shows a liking for
            what the shift adds.
        seed: of the draws.
        confidence: of the intervals, in (0, 1).

    Guarantees: intervals and the test are exact for independent pairs.

    Cost: 2 rewards for each pair, and as many for each shift.

    Reference: the setting of Wu et al. 2025 [wu2025rewordbench], "reWordBench: Benchmarking and improving the robustness of reward models
    with transformed inputs".
    """
    if not pairs or not specs:
        raise must("pairs and specs", "reward_shifts", "be at least one each", (len(pairs), len(specs)))
    if which not in ("both", "chosen", "rejected"):
        raise must("which", "reward_shifts", "be both, chosen or rejected", which)
    prompts = [one.prompt for one in pairs]
    chosen, rejected = [one.chosen for one in pairs], [one.rejected for one in pairs]
    before = _rewards(reward, prompts, chosen) > _rewards(reward, prompts, rejected)
    found: list[RewardShift] = []
    for spec in specs:
        shift = shifts.build(spec)
        if not isinstance(shift, Edits):
            raise must("specs", "reward_shifts", "be shifts of texts", spec)
        moved = [
            _moved(shift, responses, f"{name}-", seed) if which in ("both", name) else responses
            for name, responses in (("chosen", chosen), ("rejected", rejected))
        ]
        after = _rewards(reward, prompts, moved[0]) > _rewards(reward, prompts, moved[1])
        interval = clopper_pearson(int(after.sum()), len(after), confidence=confidence).one()
        ranking = paired(before, after, against=spec, confidence=confidence)
        found.append(RewardShift(spec, ranking, float(after.mean()), interval, interval.high < 0.5))
    return found


def _rewards(reward: Reward, prompts: Sequence[str], responses: Sequence[str]) -> npt.NDArray[np.float64]:
    values = np.asarray(reward(prompts, responses), dtype=np.float64)
    if values.shape != (len(prompts),) or not np.isfinite(values).all():
        raise must("rewards", "the reward model", f"be {len(prompts)} finite numbers", values.shape)
    return values


def _moved(shift: Edits, responses: Sequence[str], name: str, seed: int) -> list[str]:
    rows = Items(responses)
    return [str(one) for one in shift.apply(rows, shift.sample(rows, Rng.for_ids(seed, [f"{name}{i}" for i in range(len(responses))])))]
