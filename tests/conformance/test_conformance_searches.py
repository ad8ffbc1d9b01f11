"""A cheating search is caught, and the report says at what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch
from torch import Tensor

from shiftproof._errors import UsageError
from shiftproof.conformance import check_part
from shiftproof.models.abstract import Access, Gradients, Labels, Scores
from shiftproof.oracle import Oracle
from shiftproof.outcomes import Bound
from shiftproof.randomness import Rng
from shiftproof.searches.abstract import Incumbent, Search
from shiftproof.shifts.abstract import Differentiable, Params, Shift
from shiftproof.shifts.norms.linf import Linf


@dataclass(frozen=True)
class Dice(Search):
    """Sound: the worst of three draws."""

    name: ClassVar[str] = "dice"

    def unsupported(self, shift: Shift) -> str | None:
        return None if shift.space.kind == "vector" else "it is kept small"

    def most_passes(self, shift: Shift) -> int:
        return 3

    def __call__(self, shift: Shift, oracle: Oracle, x: Tensor, rng: Rng) -> Params:
        best = Incumbent(shift.sample(x, rng))
        for draw in range(3):
            params = self.draw(shift, x, rng.child(draw))
            best.update(torch.arange(len(x)), params, oracle(params))
        return best.params

    def draw(self, shift: Shift, x: Tensor, rng: Rng) -> Params:
        return shift.sample(x, rng)


@dataclass(frozen=True)
class Outside(Dice):
    def __call__(self, shift: Shift, oracle: Oracle, x: Tensor, rng: Rng) -> Params:
        return shift.sample(x, rng) * 10


@dataclass(frozen=True)
class TooFew(Dice):
    def __call__(self, shift: Shift, oracle: Oracle, x: Tensor, rng: Rng) -> Params:
        return shift.sample(x, rng)[:-1]


@dataclass(frozen=True)
class NaNMoves(Dice):
    def __call__(self, shift: Shift, oracle: Oracle, x: Tensor, rng: Rng) -> Params:
        return shift.sample(x, rng) * torch.nan


@dataclass(frozen=True)
class Forgetful(Dice):
    """Asks, sees failures, and returns the move that moves nothing."""

    def __call__(self, shift: Shift, oracle: Oracle, x: Tensor, rng: Rng) -> Params:
        super().__call__(shift, oracle, x, rng)
        return shift.project(x, shift.sample(x, rng) * 0)


@dataclass(frozen=True)
class Lazy(Dice):
    """Asks nothing and moves nothing, so that every model looks robust."""

    def __call__(self, shift: Shift, oracle: Oracle, x: Tensor, rng: Rng) -> Params:
        return shift.project(x, shift.sample(x, rng) * 0)


@dataclass(frozen=True)
class ChangesInputs(Dice):
    def __call__(self, shift: Shift, oracle: Oracle, x: Tensor, rng: Rng) -> Params:
        oracle.x.zero_()
        return super().__call__(shift, oracle, x, rng)


@dataclass(frozen=True)
class WidensTheShift(Dice):
    def __call__(self, shift: Shift, oracle: Oracle, x: Tensor, rng: Rng) -> Params:
        if isinstance(shift, Linf):
            object.__setattr__(shift, "eps", 0.9)
        return super().__call__(shift, oracle, x, rng)


@dataclass(frozen=True)
class GlobalDice(Dice):
    def draw(self, shift: Shift, x: Tensor, rng: Rng) -> Params:
        return shift.project(x, torch.rand_like(shift.sample(x, rng)) - 0.5)


@dataclass(frozen=True)
class FreshDice(Dice):
    """A generator of its own, seeded from the system."""

    def draw(self, shift: Shift, x: Tensor, rng: Rng) -> Params:
        generator = torch.Generator()
        generator.seed()
        sample = shift.sample(x, rng)
        return shift.project(x, torch.rand(sample.shape, generator=generator, dtype=sample.dtype) - 0.5)


@dataclass(frozen=True)
class BatchDice(Dice):
    """One generator for the batch, seeded from its first example."""

    def draw(self, shift: Shift, x: Tensor, rng: Rng) -> Params:
        generator = torch.Generator().manual_seed(int(rng.keys[0] >> 33) if len(rng) else 0)
        sample = shift.sample(x, rng)
        return shift.project(x, torch.rand(sample.shape, generator=generator, dtype=sample.dtype) - 0.5)


@dataclass(frozen=True)
class SecretGradients(Dice):
    """Uses gradients and does not say so."""

    def unsupported(self, shift: Shift) -> str | None:
        return super().unsupported(shift) if isinstance(shift, Differentiable) else "no gradient"

    def __call__(self, shift: Shift, oracle: Oracle, x: Tensor, rng: Rng) -> Params:
        params = shift.sample(x, rng)
        oracle.gradient(params)
        return params


@dataclass(frozen=True)
class PickyEstimate(Dice):
    """Picks the worst draw and calls it the average case."""

    bound: ClassVar[Bound] = Bound.ESTIMATE


@dataclass(frozen=True)
class Proves(Dice):
    bound: ClassVar[Bound] = Bound.AT_LEAST


@dataclass(frozen=True)
class NoEmptyBatch(Dice):
    def __call__(self, shift: Shift, oracle: Oracle, x: Tensor, rng: Rng) -> Params:
        x.max()
        return super().__call__(shift, oracle, x, rng)


@dataclass(frozen=True)
class OddNeeds(Dice):
    needs: ClassVar[Access] = Linf  # type: ignore[assignment]


@dataclass(frozen=True)
class Understates(Dice):
    def most_passes(self, shift: Shift) -> int:
        return 2


PLANTED: list[tuple[type[Search], str, str]] = [
    (Outside, "stays_inside_the_budget", "The search dice left its budget: linf(eps=0.25) was exceeded"),
    (TooFew, "stays_inside_the_budget", "returned 31 moves for 32 examples"),
    (NaNMoves, "stays_inside_the_budget", "was exceeded by nan"),
    (Forgetful, "returns_the_worst_move_seen", "of the examples during the search but returned moves at which the model is correct"),
    (Forgetful, "finds_what_a_random_draw_finds", "It broke 0 of 32 examples"),
    (Lazy, "finds_what_a_random_draw_finds", "It broke 0 of 32 examples, and one random draw breaks"),
    (ChangesInputs, "leaves_its_arguments_unchanged", "It changed the inputs in place"),
    (ChangesInputs, "returns_the_worst_move_seen", "Changing the inputs in place is another cause"),
    (WidensTheShift, "leaves_its_arguments_unchanged", "It changed the shift linf(eps=0.25"),
    (GlobalDice, "stays_inside_the_budget", "drew from the global generator of torch. Draw from the rng"),
    (FreshDice, "same_seed_same_result", "The same seed gave another result"),
    (BatchDice, "batches_and_order_change_nothing", "Draw from the rng argument (one stream per row)"),
    (SecretGradients, "needs_are_correct", "does not work on a model that provides only labels, which it declares as enough"),
    (OddNeeds, "needs_are_correct", "Its `needs` must be Answers, Labels, Graded, Scores or Gradients, got <class"),
    (Understates, "costs_at_most_most_passes", "It used 3 passes on an example, and `most_passes` is 2"),
    (PickyEstimate, "claims_a_valid_bound", "which biases the mean"),
    (Proves, "claims_a_valid_bound", "a lower bound needs a Certificate"),
    (NoEmptyBatch, "empty_batches_work", "It raised RuntimeError: max()"),
]


@pytest.mark.parametrize("needs", [Labels, Scores, Gradients])
def test_sound_search_passes(needs: Access) -> None:
    report = check_part(type("Sound", (Dice,), {"needs": needs}))
    assert report.passed, f"\n{report}"


@pytest.mark.parametrize(("part", "check", "message"), PLANTED, ids=[f"{p.__name__}-{c}" for p, c, _ in PLANTED])
def test_cheating_search_is_caught(part: type[Search], check: str, message: str) -> None:
    report = check_part(part)
    assert not report.passed
    said = [result.message for result in report.failures if result.check == check]
    assert any(message in line for line in said), f"\n{report}"


def test_search_that_takes_none_of_the_probe_shifts() -> None:
    class Nowhere(Dice):
        def unsupported(self, shift: Shift) -> str | None:
            return "it moves text only"

    with pytest.raises(UsageError, match=r"dice supports none of the shifts.*shifts_for_check") as error:
        check_part(Nowhere)
    assert "linf(eps=0.25) on vectors: it moves text only" in str(error.value)


def test_search_brings_its_own_shifts() -> None:
    class Special(Linf):
        name = "special"

    class Only(Dice):
        def unsupported(self, shift: Shift) -> str | None:
            return None if isinstance(shift, Special) and shift.space.kind == "vector" else "another shift"

        @classmethod
        def shifts_for_check(cls) -> list[Shift]:
            return [Special(0.3)]

    report = check_part(Only)
    assert report.passed, f"\n{report}"
    assert {r.case for r in report.results} == {"dice", "dice of special(eps=0.3) on vectors"}
