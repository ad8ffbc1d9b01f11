"""Several shifts one after the other: an image rotated, then blurred, then with noise."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import ClassVar, TypeVar

import torch
from torch import Tensor

from shiftproof._errors import UsageError, must
from shiftproof.data.space import InputSpace
from shiftproof.randomness import Rng
from shiftproof.shifts.abstract import SEED_RANGE, Boxed, Params, Shift

C = TypeVar("C", bound="Compose")


@dataclass(frozen=True)
class Compose(Boxed):
    """Two or three shifts of a few numbers each, applied one after the other: apply_3(apply_2(apply_1(x, p_1), p_2), p_3).

    Args:
        first, second, third: the shifts, written as specs, such as rotation(degrees=15). The third may be left out.
        share: how much of each budget is used, in (0, 1]: every number lies within this share of its range around where it moves nothing.

    Params, shape (n, k_1 + k_2 + k_3), are those of the shifts side by side. Each shift has its own budget; budgets are not traded.

    The average case draws each shift's own average case, independently, and multiplies every number's distance from its unmoved value by
    `share`; seeds are not scaled. At share = 1 that is, for example, a fog of exactly its severity on an image rotated by a random angle.

    Guarantees:
        Those of its shifts: replayable, inside the box after each one, exact where none moves, differentiable where all are and none is
        random. Order matters: noise that is blurred is not blur with noise.
    Cost: the sum of its shifts' costs.

    Example:
        >>> shift = Compose("rotation(degrees=15)", "gaussian_noise(severity=2)")
        >>> shift.limits()[1][:2]
        (15.0, 2.0)
        >>> shift.spec()
        'compose(first=rotation(degrees=15), second=gaussian_noise(severity=2))'

    Reference: Hsiung et al. 2023, "Towards compositional adversarial robustness".
    """

    name: ClassVar[str] = "compose"
    strength: ClassVar[str] = "share"
    references: ClassVar[tuple[str, ...]] = ("hsiung2023towards",)

    first: str
    second: str
    third: str = ""
    share: float = 1.0
    given: tuple[Shift, ...] = field(default=(), kw_only=True, repr=False)
    """The shifts themselves, where they cannot be built from a spec. Set by `of`, not by users."""

    @classmethod
    def of(cls, *shifts: Shift) -> Compose:
        """The composition of two or three shift objects, in this order.

        >>> from shiftproof.shifts import Rotation, Translation
        >>> Compose.of(Rotation(15), Translation(2)).spec()
        'compose(first=rotation(degrees=15), second=translation(pixels=2))'
        """
        if len(shifts) not in (2, 3):
            raise must("shifts", "compose", "be two or three", len(shifts))
        first, second, *rest = (shift.spec() for shift in shifts)
        return cls(first, second, rest[0] if rest else "", given=shifts)

    @classmethod
    def examples_for_check(cls) -> list[Compose]:
        """One that is differentiable, one with noise in the middle, and one that also moves vectors and tables."""
        return [
            cls("rotation(degrees=15)", "brightness(severity=3)"),
            cls("contrast(severity=2)", "gaussian_noise(severity=2)", "translation(pixels=1)", share=0.5),
            cls("gaussian_noise(severity=2)", "gaussian_noise(severity=3)"),
        ]

    def check(self) -> None:
        self.require("share", within="(0, 1]", hint="1 uses the whole budget of every part.")
        for member in self.members:
            if isinstance(member, Compose):
                raise UsageError(f"A composition cannot contain another composition, got {member.spec()}. Use `third`.")

    def within(self: C, space: InputSpace) -> C:
        for member in self.members:
            member.within(space)
        return replace(super().within(space), given=tuple(part.within(space) for part in self.given))

    def check_inputs(self, x: Tensor) -> None:
        for member in self.members:
            member.check_inputs(x)

    @cached_property
    def members(self) -> tuple[Boxed, ...]:
        """The shifts in order, in the composition's space."""
        from shiftproof.shifts import shifts  # the registry knows this file

        parts = self.given or tuple(shifts.build(spec, space=self.space) for spec in (self.first, self.second, self.third) if spec)
        for part in parts:
            if not isinstance(part, Boxed):
                raise UsageError(
                    f"A composition needs shifts of a few numbers each, and {part.spec()} moves every number of the input separately. "
                    "Use it alone, or use gaussian_noise for a random move of every pixel."
                )
        return tuple(part for part in parts if isinstance(part, Boxed))

    @property
    def smooth(self) -> bool:
        return all(member.smooth for member in self.members)

    @property
    def random(self) -> bool:
        return any(member.random for member in self.members)

    @property
    def varied(self) -> bool:
        return any(member.varied for member in self.members)

    def limits(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        low: list[float] = []
        high: list[float] = []
        for member in self.members:
            for least, most in zip(*member.limits(), strict=True):
                still = min(max(0.0, least), most)
                share = 1.0 if most - least >= SEED_RANGE else self.share
                low.append(still + share * (least - still))
                high.append(still + share * (most - still))
        return tuple(low), tuple(high)

    def sample(self, x: Tensor, rng: Rng) -> Params:
        drawn = torch.cat([m.sample(x, rng.child("part", place)).double() for place, m in enumerate(self.members)], dim=1)
        still = self.origin(x)
        share = torch.where(self.seeds, 1.0, self.share).to(drawn)
        return self.project(x, torch.lerp(still, drawn, share))

    def apply(self, x: Tensor, params: Params) -> Tensor:
        for member, theirs in zip(self.members, self.split(params), strict=True):
            x = member.apply(x, theirs)
        return x

    def split(self, params: Params) -> list[Params]:
        """The params of each shift, in order."""
        return list(torch.split(params, [len(member.limits()[0]) for member in self.members], dim=1))
