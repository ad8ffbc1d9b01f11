"""A violation planted in a sound shift turns exactly the check red that is about it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import pytest
import torch
from torch import Tensor

from shiftproof._errors import UsageError
from shiftproof._part import Part
from shiftproof.conformance import check_part
from shiftproof.conformance.part import options_are_fields
from shiftproof.conformance.report import Failed
from shiftproof.data.space import InputSpace, Kind
from shiftproof.randomness import Rng
from shiftproof.shifts.abstract import Boxed, Params, Shift
from shiftproof.shifts.norms.l2 import L2
from shiftproof.shifts.norms.linf import Linf


@dataclass(frozen=True)
class Nudge(Boxed):
    """Sound: adds one number to every feature."""

    name: ClassVar[str] = "nudge"
    kinds: ClassVar[frozenset[Kind]] = frozenset({"vector"})

    reach: float = 0.3

    def check(self) -> None:
        if not 0 < self.reach < math.inf:
            raise UsageError("no")

    def limits(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        return (-self.reach,), (self.reach,)

    def apply(self, x: Tensor, params: Params) -> Tensor:
        return (x + params.to(x)).clamp(self.space.low, self.space.high)


class NoDecorator(Nudge):
    power: float = 1.0


@dataclass(frozen=True)
class BadName(Nudge):
    name: ClassVar[str] = "My Nudge"


@dataclass(frozen=True)
class ShortSpec(Nudge):
    """Leaves out what makes it another shift."""

    def spec(self) -> str:
        return "nudge"

    @classmethod
    def examples_for_check(cls) -> list[Part]:
        return [cls(reach=0.2)]


@dataclass(frozen=True)
class ForeignSpec(Nudge):
    def full_spec(self) -> str:
        return "nudge(power=2)"


@dataclass(frozen=True)
class LooseOptions(Nudge):
    def __post_init__(self) -> None: ...


@dataclass(frozen=True)
class TakesNaN(Nudge):
    def check(self) -> None: ...


@dataclass(frozen=True)
class OwnHash(Nudge):
    def __hash__(self) -> int:
        return id(self)


@dataclass(frozen=True)
class ForgetsOptions(Nudge):
    def within(self, space: InputSpace) -> ForgetsOptions:
        super().within(space)
        return ForgetsOptions(0.2, space=space)


@dataclass(frozen=True)
class GlobalDraw(Nudge):
    def sample(self, x: Tensor, rng: Rng) -> Params:
        return (torch.rand(len(x), 1, dtype=torch.float64) * 2 - 1) * self.reach


@dataclass(frozen=True)
class OrderedDraw(Nudge):
    """One generator for the whole batch, started from the first row's stream."""

    def sample(self, x: Tensor, rng: Rng) -> Params:
        generator = torch.Generator().manual_seed(int(rng.keys[0] >> 33) if len(rng) else 0)
        return (torch.rand(len(x), 1, dtype=torch.float64, generator=generator) * 2 - 1) * self.reach


@dataclass(frozen=True)
class DrawByInput(Nudge):
    """Looks random, and depends on the input only."""

    def sample(self, x: Tensor, rng: Rng) -> Params:
        return ((x[:, :1] * 1e4).double().sin()) * self.reach


@dataclass(frozen=True)
class SeedlessDraw(Nudge):
    """Draws from the id alone: every seed gives the same run."""

    def sample(self, x: Tensor, rng: Rng) -> Params:
        names = [f"{i}" for i in range(19)]
        table = {
            int(k): n for seed in (0, 1) for k, n in zip(Rng.for_ids(seed, [f"example {i}" for i in range(19)]).keys, names, strict=True)
        }
        return super().sample(x, Rng.for_ids(0, [table.get(int(k), "?") for k in rng.keys]))


@dataclass(frozen=True)
class DrawsOutside(Nudge):
    def sample(self, x: Tensor, rng: Rng) -> Params:
        return super().sample(x, rng) * 2


@dataclass(frozen=True)
class WholeDraws(Nudge):
    def sample(self, x: Tensor, rng: Rng) -> Params:
        return super().sample(x, rng).long()


@dataclass(frozen=True)
class OneSided(Nudge):
    """Its average case moves to the bright side only."""

    def sample(self, x: Tensor, rng: Rng) -> Params:
        return super().sample(x, rng).abs()


@dataclass(frozen=True)
class SlightlyBiased(Linf):
    """Draws lean by 4% of eps."""

    kinds: ClassVar[frozenset[Kind]] = frozenset({"vector"})

    def sample(self, x: Tensor, rng: Rng) -> Params:
        return self.project(x, (rng.uniform(*x.shape[1:], low=-0.92 * self.eps, high=self.eps)).to(x))


@dataclass(frozen=True)
class NoProjection(Nudge):
    def project(self, x: Tensor, params: Params) -> Params:
        return params


@dataclass(frozen=True)
class ShrinkingProjection(Nudge):
    def project(self, x: Tensor, params: Params) -> Params:
        return super().project(x, params) * 0.9


@dataclass(frozen=True)
class BlindBudget(Nudge):
    def excess(self, x: Tensor, params: Params) -> Tensor:
        return torch.zeros(len(x))


@dataclass(frozen=True)
class BlindToNaN(Nudge):
    def excess(self, x: Tensor, params: Params) -> Tensor:
        return super().excess(x, params).nan_to_num(nan=-1.0)


@dataclass(frozen=True)
class GenerousBall(L2):
    """Lets moves of 1.5 eps through."""

    kinds: ClassVar[frozenset[Kind]] = frozenset({"vector"})

    def excess(self, x: Tensor, params: Params) -> Tensor:
        return self.norm(params) - 1.5 * self.eps


@dataclass(frozen=True)
class LeavesTheBox(Nudge):
    def apply(self, x: Tensor, params: Params) -> Tensor:
        return x + params.to(x)


@dataclass(frozen=True)
class UnitBoxOnly(Nudge):
    """Clamps to [0, 1] wherever it is."""

    def apply(self, x: Tensor, params: Params) -> Tensor:
        return (x + params.to(x)).clamp(max(self.space.low, 0.0), min(self.space.high, 1.0))


@dataclass(frozen=True)
class GivesNaN(Nudge):
    def apply(self, x: Tensor, params: Params) -> Tensor:
        return super().apply(x, params) * torch.tensor(math.nan)


@dataclass(frozen=True)
class ChangesType(Nudge):
    def apply(self, x: Tensor, params: Params) -> Tensor:
        return super().apply(x, params).double()


@dataclass(frozen=True)
class RandomApply(Nudge):
    def apply(self, x: Tensor, params: Params) -> Tensor:
        return super().apply(x, params * torch.rand(()))


@dataclass(frozen=True)
class InPlace(Nudge):
    def apply(self, x: Tensor, params: Params) -> Tensor:
        with torch.no_grad():
            x.add_(params.to(x))
        return x.clamp(self.space.low, self.space.high)


@dataclass(frozen=True)
class BatchMean(Nudge):
    def apply(self, x: Tensor, params: Params) -> Tensor:
        return super().apply(x, params - params.mean() if len(x) else params)


@dataclass(frozen=True)
class NoEmptyBatch(Nudge):
    def apply(self, x: Tensor, params: Params) -> Tensor:
        return super().apply(x, params + 0 * params.max())


@dataclass(frozen=True)
class CutGradient(Nudge):
    def apply(self, x: Tensor, params: Params) -> Tensor:
        return super().apply(x, params.detach())


@dataclass(frozen=True)
class WrongGradient(Nudge):
    def apply(self, x: Tensor, params: Params) -> Tensor:
        return super().apply(x, params * 0.5 + (params * 0.5).detach())


@dataclass(frozen=True)
class OriginOutside(Nudge):
    def limits(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        return (0.1,), (0.2,)

    def origin(self, x: Tensor) -> Params:
        return torch.zeros(len(x), 1, dtype=torch.float64)


@dataclass(frozen=True)
class Downhill(Nudge):
    def ascend(self, params: Params, gradient: Tensor, step: float) -> Params:
        return super().ascend(params, -gradient, step)


@dataclass(frozen=True)
class DividesByZero(Nudge):
    def ascend(self, params: Params, gradient: Tensor, step: float) -> Params:
        length: Tensor = gradient.norm(dim=1, keepdim=True)
        return params + step * gradient / length


@dataclass(frozen=True)
class TwiceAsFar(L2):
    kinds: ClassVar[frozenset[Kind]] = frozenset({"vector"})

    def apply(self, x: Tensor, params: Params) -> Tensor:
        return super().apply(x, params * 2)


@dataclass(frozen=True)
class GridOutside(Nudge):
    def grid(self, points: int) -> Tensor:
        return super().grid(points) * 2


PLANTED: list[tuple[type[Shift], str, str]] = [
    (NoDecorator, "options_are_fields", "power of NoDecorator is not a field"),
    (BadName, "has_a_name", "got 'My Nudge'"),
    (ShortSpec, "spec_reads_back", "Its spec 'nudge' reads back as nudge(reach=0.3), not nudge(reach=0.2)"),
    (ForeignSpec, "spec_reads_back", "Its spec 'nudge(power=2)' does not build it"),
    (LooseOptions, "refuses_wrong_options", "accepts reach='a word' (a float)"),
    (TakesNaN, "refuses_wrong_options", "accepts reach=nan"),
    (OwnHash, "is_immutable_and_hashable", "hashes differently"),
    (ForgetsOptions, "within_changes_no_option", "changed nudge(reach=0.3) to nudge(reach=0.2)"),
    (GlobalDraw, "draws_are_inside", "drew from the global generator of torch"),
    (OrderedDraw, "draws_depend_on_seed_and_id_only", "in another order or batch drew other moves"),
    (SeedlessDraw, "draws_depend_on_seed_and_id_only", "change with the id but not with the seed"),
    (DrawsOutside, "draws_are_inside", "exceeds the budget by"),
    (WholeDraws, "draws_are_inside", "returned torch.int64; params must be floating"),
    (OneSided, "draws_have_no_bias", "standard errors from the midpoint 0"),
    (SlightlyBiased, "draws_have_no_bias", "standard errors from the midpoint 0"),
    (NoProjection, "project_is_inside_and_idempotent", "Projected params exceed the budget"),
    (ShrinkingProjection, "project_keeps_legal_params", "changed legal params"),
    (ShrinkingProjection, "project_is_inside_and_idempotent", "`project` is not idempotent"),
    (BlindBudget, "excess_detects_violations", "that are far above the budget"),
    (BlindToNaN, "excess_detects_violations", "that are NaN"),
    (GenerousBall, "excess_detects_violations", "that are 5% longer than eps"),
    (LeavesTheBox, "moves_stay_in_the_box", "left the box [0, 1]"),
    (UnitBoxOnly, "origin_scales_with_the_box", "Use self.space instead of [0, 1]."),
    (GivesNaN, "moves_stay_in_the_box", "returned NaN"),
    (ChangesType, "moves_stay_in_the_box", "torch.float32 to (19, 7) torch.float64"),
    (RandomApply, "moves_are_pure", "drew from the global generator of torch"),
    (InPlace, "moves_are_pure", "changed the inputs in place"),
    (BatchMean, "rows_are_independent", "`apply` returns another result for an example in another batch"),
    (NoEmptyBatch, "empty_batches_work", "It raised RuntimeError: max()"),
    (CutGradient, "gradient_is_correct", "torch cannot differentiate"),
    (WrongGradient, "gradient_is_correct", "differs from finite differences by"),
    (OriginOutside, "origin_is_inside", "The origin exceeds the budget by 0.1"),
    (Downhill, "steps_go_uphill", "goes downhill on 19 of 19"),
    (DividesByZero, "steps_go_uphill", "for a gradient of zero"),
    (TwiceAsFar, "moves_are_within_eps", "and eps is 0.1"),
    (GridOutside, "grid_is_inside", "exceeds the budget by 0.3"),
]


def test_sound_shift_passes() -> None:
    report = check_part(Nudge)
    assert report.passed, f"\n{report}"


@pytest.mark.parametrize(("part", "check", "message"), PLANTED, ids=[f"{p.__name__}-{c}" for p, c, _ in PLANTED])
def test_planted_violation_is_caught(part: type[Shift], check: str, message: str) -> None:
    report = check_part(part)
    assert not report.passed
    said = [result.message for result in report.failures if result.check == check]
    assert any(message in line for line in said), f"\n{report}"


def test_draws_that_ignore_seed_and_id_are_a_chosen_move() -> None:
    """A sampler may always take the same move (a corruption at its exact severity); hanging on the input alone is no randomness."""
    assert check_part(replace(Nudge(), reach=0.1)).passed
    assert not [r for r in check_part(DrawByInput).failures if r.check == "draws_depend_on_seed_and_id_only"]


def test_required_field_that_no_spec_can_write() -> None:
    @dataclass(frozen=True)
    class SetByUs(Nudge):
        table: tuple[float, ...] = ()

    @dataclass(frozen=True)
    class Needy(Part):
        name: ClassVar[str] = "needy"
        table: tuple[float, ...]

    options_are_fields(SetByUs())  # it has a default: the library sets it, not people
    with pytest.raises(Failed, match="Needy requires table"):
        options_are_fields(Needy((1.0,)))
