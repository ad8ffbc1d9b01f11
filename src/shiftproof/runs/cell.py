"""One cell of a plan: one model, one sample, one shift, one search, one shard of the examples."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property

from shiftproof._identity.fingerprinted import Fingerprint
from shiftproof._identity.parts import known_part
from shiftproof.certificates.abstract import Certificate
from shiftproof.certificates.smoothing.smoothed_attack import SmoothedAttack
from shiftproof.judges.abstract import Judge
from shiftproof.judges.classify import CLASSIFY
from shiftproof.searches.abstract import Search
from shiftproof.searches.one_draw import OneDraw
from shiftproof.shifts.abstract import Shift
from shiftproof.shifts.identity import Identity

CELL_VERSION = 2
"""Raised when the meaning of a cell's identity or of its file changes, so that old files are not taken for new ones."""

_UNKNOWN = Fingerprint("")


@dataclass(frozen=True)
class Cell:
    """What is measured where; its `key` is the same before the run and from its record.

    Args:
        model: fingerprint of the model.
        data: fingerprint of the sample.
        shift: the moves allowed.
        method: the search that picks them, the certificate that rules them out, or the attack on the model that a certificate speaks of.
        seed: seed of the run.
        start, stop: the examples of this shard, as positions in the sample.
        total: examples of the whole sample, all shards together.
        judge: says when an answer is wrong.
        shift_known, method_known, judge_known: what the three are known by, drawn up once: a worker is handed them with the cell.
    """

    model: str
    data: str
    shift: Shift
    method: Search | Certificate | SmoothedAttack
    seed: int
    start: int
    stop: int
    total: int
    judge: Judge = CLASSIFY
    shift_known: Fingerprint = field(default=_UNKNOWN, compare=False)
    method_known: Fingerprint = field(default=_UNKNOWN, compare=False)
    judge_known: Fingerprint = field(default=_UNKNOWN, compare=False)

    def __post_init__(self) -> None:
        if self.shift_known is _UNKNOWN:
            object.__setattr__(self, "shift_known", known_part(self.shift))
        if self.method_known is _UNKNOWN:
            object.__setattr__(self, "method_known", known_part(self.method))
        if self.judge_known is _UNKNOWN:
            object.__setattr__(self, "judge_known", known_part(self.judge))

    def identity(self) -> dict[str, str | int]:
        """Everything that its numbers depend on. Batch size and backend are not in it: verdicts do not depend on them.

        The judge is in it unless it is `classify`, so that runs made before there were judges can be resumed.
        """
        return {
            "version": CELL_VERSION,
            "model": self.model,
            "data": self.data,
            "shift": self.shift_known.text,
            "method": self.method_known.text,
            "seed": self.seed,
            "total": self.total,
            **({} if self.judge == CLASSIFY else {"judge": self.judge_known.text}),
        }

    @property
    def group(self) -> str:
        """The key of all shards together: what results refer to."""
        return key_of(self.identity())

    def key(self) -> str:
        """The name of its file: the group's key, and which examples where the sample is split."""
        return self.group if (self.start, self.stop) == (0, self.total) else f"{self.group}-{self.start}-{self.stop}"

    @cached_property
    def unmoved(self) -> Cell:
        """The cell of the same examples as they are."""
        shift, (method, method_known) = Identity(space=self.shift.space), _one_draw()
        return replace(self, shift=shift, method=method, shift_known=known_part(shift), method_known=method_known)

    def __len__(self) -> int:
        return self.stop - self.start


def key_of(identity: Mapping[str, str | int]) -> str:
    """The versioned hash of an identity, 20 hexadecimal digits."""
    return hashlib.blake2b(json.dumps(identity, sort_keys=True).encode(), digest_size=10).hexdigest()


@cache
def _one_draw() -> tuple[OneDraw, Fingerprint]:
    return OneDraw(), known_part(OneDraw())
