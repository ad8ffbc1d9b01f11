"""Evolution against failures whose place is planted, and against chance at equal questions."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import shiftproof as sp
from shiftproof._errors import UsageError
from shiftproof.conformance.probes import Drift
from shiftproof.data.examples import Examples
from shiftproof.searches import BestOfN, Evolution, searches
from shiftproof.shifts import GaussianNoise, Identity, Linf, Rotation


class Funnel(nn.Module):
    """Wrong only within a small radius of one move, told by how far away it is."""

    def __init__(self, place: tuple[float, float], radius: float) -> None:
        super().__init__()
        self.place = torch.tensor(place)
        self.radius = radius

    def forward(self, x: Tensor) -> Tensor:
        away = torch.linalg.vector_norm(x[:, :2] - 0.5 - self.place, dim=1)
        return torch.stack([torch.zeros_like(away), self.radius - away], dim=1)


def funnel(place: tuple[float, float] = (0.17, -0.11), radius: float = 0.005) -> tuple[sp.Examples, nn.Module]:
    return sp.examples(torch.full((60, 2), 0.5), torch.zeros(60, dtype=torch.int64)), Funnel(place, radius)


def broken(model: nn.Module, examples: Examples, search: BestOfN | Evolution) -> int:
    finding = sp.confront(sp.as_model(model, name="funnel"), Drift(0.25), search=search, examples=examples)
    return int((finding.outcome == "broken").sum())


def test_it_finds_a_narrow_failure_that_chance_misses_at_equal_questions() -> None:
    examples, model = funnel()
    assert broken(model, examples, Evolution(queries=100)) >= 45
    assert broken(model, examples, BestOfN(100)) <= 10  # the disc is 1/3200 of the square


@pytest.mark.parametrize("corner", [(0.25, 0.25), (-0.25, 0.25)])
def test_it_finds_a_failure_in_a_corner(corner: tuple[float, float]) -> None:
    examples, model = funnel(corner)
    assert broken(model, examples, Evolution(queries=120)) >= 55


class Valley(nn.Module):
    """Two funnels: a wide one that leads nowhere, and a narrow one that fails."""

    def forward(self, x: Tensor) -> Tensor:
        at = x[:, :2] - 0.5
        wide = 0.1 - torch.linalg.vector_norm(at + 0.12, dim=1) - 0.11
        narrow = 0.02 - torch.linalg.vector_norm(at - 0.12, dim=1)
        return torch.stack([torch.zeros_like(wide), torch.maximum(wide, 3 * narrow)], dim=1)


def test_a_cloud_that_has_become_a_point_starts_again_elsewhere() -> None:
    examples, _ = funnel()
    few, many = (broken(Valley(), examples, Evolution(queries=queries, spread=1)) for queries in (60, 800))
    assert few < 40 < many


@dataclass(frozen=True)
class Still(Drift):
    """A drift of one number: the other has one value only."""

    def limits(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        return (-self.reach, 0.1), (self.reach, 0.1)


def test_a_number_that_cannot_move_stays() -> None:
    examples, model = funnel((0.2, 0.1))
    finding = sp.confront(sp.as_model(model, name="funnel"), Still(0.25), search=Evolution(queries=60), examples=examples)
    assert bool((finding.params[:, 1] == 0.1).all())
    assert int((finding.outcome == "broken").sum()) >= 55


def test_seeds_are_a_choice_among_draws() -> None:
    x = torch.full((40, 30), 0.5)
    model = nn.Linear(30, 2)
    with torch.no_grad():
        model.weight.copy_(torch.stack([torch.zeros(30), torch.ones(30)]))
        model.bias.copy_(torch.tensor([0.0, -15.9]))
    examples = sp.examples(x, torch.zeros(40, dtype=torch.int64))
    wrapped = sp.as_model(model, name="sum")
    one = sp.confront(wrapped, GaussianNoise(5), search=sp.OneDraw(), examples=examples)
    few = sp.confront(wrapped, GaussianNoise(5), search=Evolution(queries=40), examples=examples)
    assert few.accuracy < one.accuracy - 0.3
    hit = few.outcome == "broken"
    assert bool((few.params[:, 1] == np.floor(few.params[:, 1])).all())
    assert len(set(few.params[hit, 1].tolist())) == int(hit.sum())


@pytest.mark.parametrize("queries", [1, 5, 12, 13, 20])
def test_it_never_asks_more_than_it_may(queries: int) -> None:
    examples, model = funnel()
    finding = sp.confront(sp.as_model(model, name="funnel"), Drift(0.25), search=Evolution(queries=queries), examples=examples)
    assert int(finding.forwards.max()) <= queries + 2
    assert Evolution(queries=queries).most_passes(Drift(0.25)) == queries


def test_more_questions_never_break_fewer() -> None:
    examples, model = funnel(radius=0.05)
    counts = [broken(model, examples, Evolution(queries=queries)) for queries in (5, 13, 40)]
    assert counts == sorted(counts)


def test_its_names_and_what_it_refuses() -> None:
    assert searches.get("cma_es") is Evolution
    assert Evolution().objection(Rotation(3)) is None
    assert str(Evolution().objection(Linf(0.1))) == "linf has too many parameters: use square or best_of_n"
    assert "only one move" in str(Evolution().objection(Identity()))
    with pytest.raises(UsageError, match="The 'queries' of evolution must be at least 1, got 0"):
        Evolution(queries=0)
    with pytest.raises(UsageError, match="The 'spread' of evolution must be at least 1, got 0"):
        Evolution(spread=0)
    with pytest.raises(UsageError, match=r"The 'population' of evolution must be at least 2, or 0 for 4 \+ 3 log\(numbers\), got 1"):
        replace(Evolution(), population=1)
    with pytest.raises(UsageError, match=r"The 'step_size' of evolution must be in \(0, 1\], got 1\.5\. It is a share"):
        Evolution(step_size=1.5)
