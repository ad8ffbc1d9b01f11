"""The door trusts nobody: what a search or a shift does wrong is refused, and what speaks against a verdict is attached to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from shiftproof._errors import BudgetExceeded, UsageError
from shiftproof.data.examples import Examples
from shiftproof.data.space import InputSpace
from shiftproof.door import confront
from shiftproof.models.abstract import Access, Gradients, Labels, Scores
from shiftproof.models.torch_module import TorchModule
from shiftproof.oracle import Oracle
from shiftproof.outcomes import Bound, Broken, Held, Skipped
from shiftproof.randomness import Rng
from shiftproof.searches.abstract import Search
from shiftproof.searches.best_of_n import BestOfN
from shiftproof.searches.gradient_ascent import GradientAscent
from shiftproof.searches.one_draw import OneDraw
from shiftproof.shifts.abstract import Params, Shift
from shiftproof.shifts.norms.linf import Linf


class Plane(Gradients):
    """Class 1 above a mean of 0.5. Subclasses plant a fault in `bend`."""

    @property
    def name(self) -> str:
        return "plane"

    def fingerprint(self) -> str:
        return "plane"

    def scores(self, x: Tensor) -> Tensor:
        height = x.mean(1) - 0.5
        return self.bend(torch.stack([-height, height], dim=1), x)

    def bend(self, scores: Tensor, x: Tensor) -> Tensor:
        return scores * 10


def examples(n: int = 24, wrong: int = 3) -> Examples:
    """Means run from 0.1 to 0.9; the first few are labelled wrongly."""
    x = torch.linspace(0.1, 0.9, n)[:, None].expand(n, 4).clone()
    y = (x.mean(1) > 0.5).long()
    y[:wrong] = 1 - y[:wrong]
    return Examples(x, y, np.array([f"e{i}" for i in range(n)]))


@dataclass(frozen=True)
class Chosen(Search):
    """Returns what a test planted."""

    name: ClassVar[str] = "chosen"

    def move(self, shift: Shift, oracle: Oracle, x: Tensor, rng: Rng) -> Params:
        return torch.zeros_like(x)

    def most_passes(self, shift: Shift) -> int:
        return 100

    def __call__(self, shift: Shift, oracle: Oracle, x: Tensor, rng: Rng) -> Params:
        return self.move(shift, oracle, x, rng)


class Outside(Chosen):
    def move(self, shift: Shift, oracle: Oracle, x: Tensor, rng: Rng) -> Params:
        params = torch.zeros_like(x)
        params[:2] = 0.3
        return params


class NaNMoves(Chosen):
    def move(self, shift: Shift, oracle: Oracle, x: Tensor, rng: Rng) -> Params:
        return torch.full_like(x, torch.nan)


class TooMany(Chosen):
    def move(self, shift: Shift, oracle: Oracle, x: Tensor, rng: Rng) -> Params:
        return torch.zeros(len(x) + 1, 4)


class Hides(Chosen):
    def move(self, shift: Shift, oracle: Oracle, x: Tensor, rng: Rng) -> Params:
        for sign in (-1, 1):
            oracle(torch.full_like(x, sign * 0.1))
        return torch.zeros_like(x)


class AsksForGradients(Chosen):
    def move(self, shift: Shift, oracle: Oracle, x: Tensor, rng: Rng) -> Params:
        return oracle.gradient(torch.zeros_like(x))[1]


class Rounds(Chosen):
    """Outside by less than the tolerance: rounding."""

    def move(self, shift: Shift, oracle: Oracle, x: Tensor, rng: Rng) -> Params:
        return torch.full_like(x, 0.1 * (1 + 5e-6))


@pytest.mark.parametrize(
    ("search", "message"),
    [
        (
            Outside(),
            "The search chosen left its budget: linf(eps=0.1) was exceeded by 0.2 on 2 of 21 examples. None of its verdicts can be",
        ),
        (NaNMoves(), "The search chosen left its budget: linf(eps=0.1) was exceeded by nan on 21 of 21 examples."),
        (TooMany(), "The search chosen returned 22 moves for 21 examples."),
    ],
)
def test_cheating_search(search: Search, message: str) -> None:
    with pytest.raises(BudgetExceeded) as error:
        confront(Plane(), Linf(0.1), search=search, examples=examples())
    assert str(error.value).startswith(message)


def test_rounding_is_projected_back() -> None:
    finding = confront(Plane(), Linf(0.1), search=Rounds(), examples=examples())
    assert np.nanmax(finding.params) == np.float32(0.1)


def test_gradients_without_declaring_them() -> None:
    class OnlyScores(Plane, Scores):
        pass

    scores = type("S", (Scores,), {k: getattr(Plane, k) for k in ("name", "fingerprint", "scores", "bend")})
    with pytest.raises(TypeError, match="A search asked for gradients without declaring needs = Gradients"):
        confront(scores(), Linf(0.1), search=AsksForGradients(), examples=examples())


@dataclass(frozen=True)
class BadShift(Linf):
    fault: str = "box"

    def apply(self, x: Tensor, params: Params) -> Tensor:
        moved = super().apply(x, params)
        return {"box": moved + 1, "nan": moved * torch.nan, "shape": moved[:, :1]}[self.fault]


@pytest.mark.parametrize("fault", ["box", "nan", "shape"])
def test_cheating_shift(fault: str) -> None:
    with pytest.raises(BudgetExceeded) as error:
        confront(Plane(), BadShift(0.1, fault=fault), search=OneDraw(), examples=examples())
    assert str(error.value) == "The shift linf left the input box [0, 1], gave NaN or changed the inputs' shape."


def test_outcomes_of_a_worst_case() -> None:
    finding = confront(Plane(), Linf(0.1), search=GradientAscent(steps=5), examples=examples())
    margin = np.abs(np.linspace(0.1, 0.9, 24) - 0.5)
    assert (finding.outcome[:3] == "skipped").all()
    assert np.array_equal(finding.outcome[3:] == "broken", margin[3:] < 0.1)
    assert isinstance(finding[0], Skipped)
    assert isinstance(finding[23], Held)
    broken = finding[12]
    assert isinstance(broken, Broken)
    assert np.abs(broken.params).max() <= np.float32(0.1)
    assert examples().x[12].numpy().mean() + broken.params.mean() < 0.5
    assert np.isnan(finding.params[:3]).all()
    assert not np.isnan(finding.params[3:]).any()
    assert (finding.prediction[:3] == 0).all()  # the decision at the clean input
    assert finding.prediction[12] == 0
    assert finding.probability[23] == pytest.approx(1 / (1 + np.exp(-20 * 0.3)), rel=1e-4)
    assert finding.loss[23] == pytest.approx(-np.log(finding.probability[23]))
    assert finding.confidence[12] == pytest.approx(1 - finding.probability[12])
    assert np.isnan(finding.radius).all()
    assert finding.accuracy == (margin[3:] >= 0.1).sum() / 24
    assert finding.bound is Bound.AT_MOST
    assert finding.flags == ()
    assert finding.seconds > 0


def test_chance_moves_every_example() -> None:
    finding = confront(Plane(), Linf(0.1), search=OneDraw(), examples=examples())
    assert set(finding.outcome) == {"held", "broken"}
    assert finding.bound is Bound.ESTIMATE
    assert not np.isnan(finding.params).any()
    assert (finding.forwards == 1).all()


def test_labels_only_model() -> None:
    class Decides(Labels):
        @property
        def name(self) -> str:
            return "decides"

        def fingerprint(self) -> str:
            return "decides"

        def labels(self, x: Tensor) -> Tensor:
            return (x.mean(1) > 0.5).long()

    finding = confront(Decides(), Linf(0.1), search=BestOfN(30), examples=examples())
    assert set(finding.loss) == {0.0, 1.0}
    assert np.array_equal(finding.loss == 0, finding.correct)
    assert np.isnan(finding.probability).all()
    assert np.isnan(finding.confidence).all()
    assert finding.outcome[12] == "broken"
    with pytest.raises(UsageError) as error:
        confront(Decides(), Linf(0.1), search=GradientAscent(), examples=examples())
    assert str(error.value) == (
        "The search gradient_ascent needs gradients, and the model 'decides' gives labels only. Use best_of_n or grid."
    )


def test_refusals() -> None:
    with pytest.raises(UsageError, match="There are no examples to confront the model with. Check the data source and its limit."):
        confront(Plane(), Linf(0.1), search=OneDraw(), examples=examples()[:0])
    with pytest.raises(UsageError, match="The 'batch_size' of confront must be at least 1, got 0"):
        confront(Plane(), Linf(0.1), search=OneDraw(), examples=examples(), batch_size=0)

    class Pictures(Linf):
        kinds = frozenset({"image"})

    with pytest.raises(UsageError, match="linf moves image data, and these inputs are of kind 'vector'"):
        confront(Plane(), Pictures(0.1), search=OneDraw(), examples=examples())
    with pytest.raises(UsageError, match=r"The 'eps' of linf must be at most 1, which already reaches every input, got 8"):
        confront(Plane(), Linf(8.0), search=OneDraw(), examples=examples())
    table = Examples(examples().x, examples().y, examples().ids, space=InputSpace(0.0, 255.0))
    assert len(confront(Plane(), Linf(8.0), search=OneDraw(), examples=table)) == 24


def test_progress_counts_finished_examples() -> None:
    seen: list[int] = []
    confront(Plane(), Linf(0.1), search=OneDraw(), examples=examples(), batch_size=10, progress=seen.append)
    assert seen == [10, 10, 4]


@pytest.mark.parametrize("size", [1, 2, 23])
def test_batches_with_one_row_left(size: int) -> None:
    """A batch, or what is right in it, may be a single example, or none."""
    data = examples(24, wrong=4)
    finding = confront(Plane(), Linf(0.1), search=GradientAscent(steps=5), examples=data, batch_size=size)
    assert np.array_equal(finding.outcome, confront(Plane(), Linf(0.1), search=GradientAscent(steps=5), examples=data).outcome)
    alone = confront(Plane(), Linf(0.1), search=GradientAscent(steps=5), examples=data[[12]])
    assert list(alone.outcome) == ["broken"]


def test_all_wrong_already() -> None:
    finding = confront(Plane(), Linf(0.1), search=GradientAscent(), examples=examples(24, wrong=24))
    assert set(finding.outcome) == {"skipped"}
    assert finding.accuracy == 0.0
    assert (finding.forwards == 1).all()


# Flags: each raised by a planted model, and absent on an honest one (`test_outcomes_of_a_worst_case`).


class Saturated(Plane):
    def bend(self, scores: Tensor, x: Tensor) -> Tensor:
        return (scores * 1e4).detach() + 0 * scores


class HalfSaturated(Plane):
    """Blind above 0.7 only: a quarter of the examples."""

    def bend(self, scores: Tensor, x: Tensor) -> Tensor:
        return scores.where(x.mean(1, keepdim=True) < 0.8, scores.detach().sign())


class Coin(Plane):
    def __init__(self) -> None:
        self.generator = torch.Generator().manual_seed(0)

    def bend(self, scores: Tensor, x: Tensor) -> Tensor:
        return scores * 10 + torch.randn(scores.shape, generator=self.generator)


class Together(Plane):
    def bend(self, scores: Tensor, x: Tensor) -> Tensor:
        return scores - scores.mean(0)


class Probabilities(Plane):
    def bend(self, scores: Tensor, x: Tensor) -> Tensor:
        return (scores * 10).softmax(1)


class Overflows(Plane):
    """Gives infinity where it is very sure, on moved inputs only."""

    def bend(self, scores: Tensor, x: Tensor) -> Tensor:
        return torch.where(x.mean(1, keepdim=True) > 0.9 + 1e-6, torch.inf, scores * 10)


FLAGS: list[tuple[Callable[[], Gradients], Search, str, str]] = [
    (Saturated, GradientAscent(steps=3), "zero_gradients", "a gradient search is blind there. Use best_of_n too."),
    (HalfSaturated, GradientAscent(steps=3), "zero_gradients", "a gradient search is blind there"),
    (Coin, BestOfN(3), "randomised_model", "The same input got different outputs"),
    (Coin, BestOfN(3), "unreproduced", "The model was wrong while searched and right when scored again"),
    (Together, BestOfN(3), "batch_dependent", "depends on the other inputs in its batch"),
    (Probabilities, BestOfN(3), "probabilities", "The scores look like probabilities, not logits"),
    (Overflows, BestOfN(20), "nonfinite_scores", "The model gave NaN or infinite scores on moved inputs; they count as broken."),
    (Plane, Hides(), "unreproduced", "wrong while searched and right when scored again"),
]


@pytest.mark.parametrize(("model", "search", "name", "detail"), FLAGS, ids=[f"{m.__name__}-{n}" for m, _, n, _ in FLAGS])
def test_flag_is_raised(model: Callable[[], Gradients], search: Search, name: str, detail: str) -> None:
    finding = confront(model(), Linf(0.1), search=search, examples=examples())
    flags = {flag.name: flag for flag in finding.flags}
    assert name in flags
    assert detail in flags[name].detail
    share = flags[name].share
    assert share is None or 0 < share <= 1


@pytest.mark.parametrize("search", [GradientAscent(steps=3), BestOfN(3), OneDraw()], ids=lambda s: s.name)
def test_honest_model_has_no_flag(search: Search) -> None:
    for model in (Plane(), TorchModule(nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3)), name="torch")):
        data = examples(wrong=0)
        data = Examples(data.x, model.labels(data.x), data.ids)
        assert confront(model, Linf(0.1), search=search, examples=data).flags == ()


def test_shares_are_of_the_examples() -> None:
    flags = confront(HalfSaturated(), Linf(0.02), search=GradientAscent(steps=3), examples=examples(24, wrong=0)).flags
    blind = (np.linspace(0.1, 0.9, 24) > 0.82).mean()
    assert [flag.name for flag in flags] == ["zero_gradients"]
    assert flags[0].share == pytest.approx(blind, abs=0.05)


def test_nonfinite_scores_count_as_broken() -> None:
    finding = confront(Overflows(), Linf(0.1), search=BestOfN(20), examples=examples(24, wrong=0))
    assert finding.outcome[23] == "broken"


@pytest.mark.parametrize("needs", [Labels, Scores, Gradients])
def test_needs_are_checked_first(needs: Access) -> None:
    search = type("Needy", (Chosen,), {"needs": needs})()
    assert (confront(Plane(), Linf(0.1), search=search, examples=examples()).outcome[3:] == "held").all()
