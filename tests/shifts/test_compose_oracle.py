"""Compositions against their parts applied one after the other, and the search that picks the worst of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import shiftproof as sp
from shiftproof._errors import UsageError
from shiftproof.data.space import InputSpace
from shiftproof.evaluation.curves.worst_composition import worst_composition
from shiftproof.randomness import Rng
from shiftproof.searches import BestOfN, Evolution, GradientAscent, Grid
from shiftproof.shifts import Boxed, Brightness, Compose, GaussianNoise, Linf, Rotation, Translation, shifts

IMAGE = InputSpace(kind="image")


@dataclass(frozen=True)
class Lift(Boxed):
    """Raises one feature of a vector by up to an amount."""

    name: ClassVar[str] = "lift"
    strength: ClassVar[str] = "amount"

    amount: float
    which: int

    def limits(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        return (0.0,), (self.amount,)

    def apply(self, x: Tensor, params: Tensor) -> Tensor:
        pick = torch.zeros(x.shape[1], dtype=x.dtype)
        pick[self.which] = 1
        return (x + params.to(x) * pick).clamp(0, 1)


class Both(nn.Module):
    """Wrong where the first two features together have risen above a threshold that no one of them reaches alone."""

    def forward(self, x: Tensor) -> Tensor:
        over = x[:, 0] + x[:, 1] - 0.3
        return torch.stack([torch.zeros_like(over), over], dim=1)


def images(n: int = 3) -> tuple[Tensor, Rng]:
    return torch.rand(n, 1, 8, 8, generator=torch.Generator().manual_seed(3)), Rng.for_ids(0, [str(i) for i in range(n)])


def test_parts_are_applied_in_order_with_params_side_by_side() -> None:
    x, rng = images()
    turn, slide = Rotation(30).within(IMAGE), Translation(2).within(IMAGE)
    shift = Compose.of(Rotation(30), Translation(2)).within(IMAGE)
    params = shift.sample(x, rng)
    assert params.shape == (3, 3)
    assert torch.equal(shift.apply(x, params), slide.apply(turn.apply(x, params[:, :1]), params[:, 1:]))
    other = Compose.of(Translation(2), Rotation(30)).within(IMAGE)
    swapped = torch.cat([params[:, 1:], params[:, :1]], dim=1)
    assert not torch.allclose(other.apply(x, swapped), shift.apply(x, params))
    assert torch.equal(shift.apply(x, shift.origin(x)), x)


def test_a_nested_spec_builds_it_and_three_parts_fit() -> None:
    shift = shifts.build(
        "compose(first=rotation(degrees=15), second=gaussian_noise(severity=2), third=translation(pixels=1/2))", space=IMAGE
    )
    assert isinstance(shift, Compose)
    assert [part.spec() for part in shift.members] == ["rotation(degrees=15)", "gaussian_noise(severity=2)", "translation(pixels=0.5)"]
    assert shifts.build(shift.spec()).full_spec() == shift.full_spec()
    assert shift.limits() == ((-15.0, 0.0, 0.0, -0.5, -0.5), (15.0, 2.0, 2.0**53 - 1, 0.5, 0.5))


def test_each_part_keeps_its_own_average_case_and_share_scales_all_but_seeds() -> None:
    x, rng = images()
    whole = Compose("gaussian_noise(severity=4)", "rotation(degrees=20)").within(IMAGE)
    half = Compose("gaussian_noise(severity=4)", "rotation(degrees=20)", share=0.5).within(IMAGE)
    full, less = whole.sample(x, rng), half.sample(x, rng)
    assert full[:, 0].tolist() == [4.0] * 3
    assert less[:, 0].tolist() == [2.0] * 3
    assert torch.equal(full[:, 1], less[:, 1])
    assert torch.allclose(less[:, 2], full[:, 2] / 2)
    assert half.limits()[1] == (2.0, 2.0**53 - 1, 10.0)
    assert len(set(full[:, 1].tolist())) == 3


def test_what_a_composition_is_depends_on_its_parts() -> None:
    smooth, noisy = Compose.of(Rotation(30), Brightness(3)), Compose.of(Rotation(30), GaussianNoise(3))
    assert (smooth.random, noisy.random) == (False, True)
    assert GradientAscent().objection(smooth) is None
    assert "is random" in str(GradientAscent().objection(noisy))
    assert "is random" in str(Grid().objection(noisy))
    assert Evolution().objection(noisy) is None
    assert BestOfN(3).objection(Compose.of(Brightness(3), Brightness(2))) is not None  # both draws are always the same
    x, _ = images()
    params = smooth.within(IMAGE).origin(x).requires_grad_()
    (gradient,) = torch.autograd.grad(smooth.within(IMAGE).apply(x, params).sum(), params)
    assert bool(gradient.isfinite().all())
    assert float(gradient[:, 1].min()) > 0


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ("linf(eps=0.1)", "rotation(degrees=3)", r"shifts of a few numbers each, and linf\(eps=0.1\) moves every number"),
        ("rotation(degrees=3)", "no_such(eps=1)", "Unknown shift 'no_such'"),
        (
            "compose(first=identity, second=identity)",
            "identity",
            r"cannot contain another composition, got compose\(first=identity, second=identity\)",
        ),
        ("rotation", "identity", "shift 'rotation' needs degrees"),
    ],
)
def test_parts_that_do_not_compose(first: str, second: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Compose(first, second)


def test_other_mistakes() -> None:
    with pytest.raises(UsageError, match=r"The 'share' of compose must be in \(0, 1\], got 0\. 1 uses the whole budget"):
        Compose("identity", "identity", share=0)
    with pytest.raises(UsageError, match="The 'shifts' of compose must be two or three, got 1"):
        Compose.of(Rotation(3))
    with pytest.raises(UsageError, match="rotation moves image data"):
        Compose.of(GaussianNoise(3), Rotation(3)).within(InputSpace(kind="vector"))


def planted(n: int = 60) -> tuple[sp.Examples, list[Boxed]]:
    x = torch.rand(n, 3, generator=torch.Generator().manual_seed(0)) * 0.02
    return sp.examples(x, torch.zeros(n, dtype=torch.int64)), [Lift(0.2, 0), Lift(0.2, 1), Lift(0.2, 2)]


def test_the_planted_worst_composition_is_found_and_reported_on_fresh_examples() -> None:
    examples, parts = planted()
    model = sp.as_model(Both(), name="both")
    asked: list[str] = []
    found = worst_composition(model, parts, examples=examples, search=Evolution(queries=30), progress=asked.append)
    assert {part.spec() for part in found.chosen.members} == {"lift(amount=0.2, which=0)", "lift(amount=0.2, which=1)"}
    assert len(found.ranking) == 3 + 6
    assert asked == [*dict.fromkeys(asked), found.chosen.spec()]  # each candidate once, then the chosen one
    worst = [row.worst for row in found.ranking]
    assert worst == [0.0, 0.0, *[1.0] * 7]
    assert [row.composed for row in found.ranking].count(True) == 6
    assert found.worst.accuracy == 0.0
    assert found.average.accuracy > 0.5
    assert found.cost_of_the_worst.value == pytest.approx(found.worst.accuracy - found.average.accuracy)
    assert found.choosing + len(found.worst) == 60
    assert found.average_interval.low < found.average.accuracy <= found.average_interval.high
    assert found.worst_interval.low == 0.0 < found.worst_interval.high < 0.2
    rows = np.isin(examples.ids, found.worst.ids)
    moved = found.chosen.within(examples.space).apply(examples.x[rows], torch.from_numpy(found.worst.params))
    assert bool((Both()(moved).argmax(1) == 1).all())  # the moves replay
    assert str(found).splitlines()[-1] == f"{found.forwards} forwards in all"
    per_example = sum(row.forwards for row in found.ranking) * found.choosing
    assert found.forwards == round(per_example) + int(found.worst.forwards.sum() + found.average.forwards.sum())


def test_the_ranking_pays_for_the_choice_and_the_order_of_examples_is_nothing() -> None:
    examples, parts = planted()
    model = sp.as_model(Both(), name="both")
    found = worst_composition(model, parts, examples=examples, search=BestOfN(3), ordered=False)
    assert len(found.ranking) == 3 + 3
    assert found.ranking[-1].worst_interval.low < 0.9 < found.ranking[-1].average_interval.low + 0.1  # wider than one by itself
    again = worst_composition(model, parts, examples=examples[np.arange(60)[::-1].copy()], search=BestOfN(3), ordered=False)
    assert [row.worst for row in again.ranking] == [row.worst for row in found.ranking]
    assert set(again.worst.ids) == set(found.worst.ids)
    threes = worst_composition(model, parts, examples=examples, search=BestOfN(1), sizes=(2, 3))
    assert len(threes.ranking) == 3 + 6 + 6


def test_models_that_give_labels_only_get_draws() -> None:
    examples, parts = planted(8)
    model = sp.as_model(lambda x: (x.sum(1) > 2).astype(int), name="labels", gives="labels")
    found = worst_composition(model, parts[:2], examples=examples)
    assert found.search == "best_of_n(n=100)"


def test_what_worst_composition_refuses() -> None:
    examples, parts = planted()
    model = sp.as_model(Both(), name="both")
    with pytest.raises(UsageError, match="The 'shifts' of worst_composition must be at least 2, got 1"):
        worst_composition(model, parts[:1], examples=examples)
    with pytest.raises(UsageError, match=r"The 'sizes' of worst_composition must be 2, 3 or both, got \[4\]"):
        worst_composition(model, parts, examples=examples, sizes=(4,))
    with pytest.raises(UsageError, match=r"must be at most the number of shifts \(2\), got \[3\]"):
        worst_composition(model, parts[:2], examples=examples, sizes=(3,))
    with pytest.raises(UsageError, match="and 3 examples are too few for it"):
        worst_composition(model, parts, examples=examples[:3])
    with pytest.raises(UsageError, match="confidence"):
        worst_composition(model, parts, examples=examples, confidence=1.0)
    with pytest.raises(UsageError, match="linf"):
        worst_composition(model, [Linf(0.1), parts[0]], examples=examples)  # type: ignore[list-item]
