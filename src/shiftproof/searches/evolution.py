"""CMA-ES over shifts of few parameters: score queries only."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from shiftproof._errors import must
from shiftproof.models.abstract import Access, Graded
from shiftproof.oracle import Oracle
from shiftproof.randomness import Rng
from shiftproof.searches.abstract import Incumbent, Search
from shiftproof.shifts.abstract import Boxed, Params, Shift

_SPENT = 1e-3
"""The widest standard deviation of a cloud, as a share of the numbers' ranges, below which it starts again elsewhere."""


@dataclass(frozen=True)
class Evolution(Search):
    """Evolution with an adapted covariance over the numbers of a move: angles, offsets, severities, and those of compositions.

    Each example has a normal cloud of its own over the box of the shift's numbers. It starts at the worst of `spread` moves that fill the
    box evenly; each generation asks about `population` draws, goes to the weighted mean of the better half, and adapts width and shape. A
    cloud that has become a point starts again at a random place. Where the shift is random, every other generation keeps the worst
    numbers so far and draws other seeds, and those between keep the seed and move the numbers: a choice among draws, as seeds have no
    slope. Where there is one number beside the seed, `best_of_n` may find more.

    Args:
        queries: queries per example, at least 1. The first is a random draw.
        spread: queries of the even start, at least 1: a Latin hypercube, every other of its points put in the nearest corner.
        population: moves of a generation, at least 2; 0 takes 4 + 3 log(numbers).
        step_size: the first standard deviation, as a share of each range, in (0, 1].

    Guarantees:
        The best margin never falls. It finds failures and proves nothing. No example's moves depend on another's.
    Cost: up to `queries` forwards per example; an example that breaks is dropped. The algebra is batched over examples.

    Reference: Hansen & Ostermeier 2001, "Completely derandomized self-adaptation in evolution strategies" (CMA-ES).
    """

    name: ClassVar[str] = "evolution"
    aliases: ClassVar[tuple[str, ...]] = ("cma_es",)
    needs: ClassVar[Access] = Graded
    references: ClassVar[tuple[str, ...]] = ("hansen2001completely", "hansen2016cma")

    queries: int = 200
    spread: int = 12
    population: int = 0
    step_size: float = 0.3

    @classmethod
    def examples_for_check(cls) -> list[Evolution]:
        """One with few queries."""
        return [cls(queries=60)]

    def check(self) -> None:
        self.require("queries", "spread", least=1)
        if self.population < 0 or self.population == 1:
            raise must("population", self.name, "be at least 2, or 0 for 4 + 3 log(numbers)", self.population)
        self.require("step_size", within="(0, 1]", hint="It is a share of each number's range.")

    def unsupported(self, shift: Shift) -> str | None:
        if not isinstance(shift, Boxed):
            return f"{shift.name} has too many parameters: use square or best_of_n"
        if shift.varied and bool(shift.seeds.all()):
            return f"{shift.name} has no parameters to search, only random draws: use best_of_n"
        return None

    def most_passes(self, shift: Shift) -> int:
        return self.queries

    def __call__(self, shift: Shift, oracle: Oracle, x: Tensor, rng: Rng) -> Params:
        assert isinstance(shift, Boxed)  # `objection` has said so
        first = shift.sample(x, rng.child("first")).double()
        asking = _Asking(shift, oracle, rng, Incumbent(first), self.queries)
        if not len(x):
            return first
        asking(torch.arange(len(x), device=x.device), first)
        cloud = self._begin(asking, len(x))
        generation = 0
        while asking.left > 0 and len(rows := asking.best.standing()):
            generation += 1
            if asking.random and generation % 2:
                asking.redraw(rows, cloud.population, generation)
            else:
                self._generation(cloud, asking, rows, rng[rows.cpu()].child("generation", generation))
        return asking.best.params

    def _begin(self, asking: _Asking, n: int) -> _SearchDistribution:
        """A cloud around the worst of `spread` moves: a Latin hypercube, every other of its points put in the nearest corner."""
        count, k = self.spread, asking.count
        part = asking.rng.child("part").uniform(count, k).argsort(dim=1, stable=True)
        places = ((part + asking.rng.child("within").uniform(count, k)) / count).to(asking.low)
        places[:, 1::2] = places[:, 1::2].round()  # every other one in its corner, where the worst of a budget often lies
        found = torch.full((n, count), -torch.inf, dtype=torch.float64, device=places.device)
        for number in range(count):
            rows = asking.best.standing()
            if not len(rows) or asking.left <= 0:
                break
            found[rows, number] = asking.about(rows, places[rows, number], asking.fresh(rows, "spread", number))
        everyone = torch.arange(n, device=places.device)
        return _SearchDistribution.at(places[everyone, found.argmax(1)], self.step_size, self.population)

    def _generation(self, cloud: _SearchDistribution, asking: _Asking, rows: Tensor, rng: Rng) -> None:
        """Asks about one generation of the examples at `rows`, and moves the clouds of those that stand."""
        drawn = cloud.draw(rows, rng)
        margin = torch.full(drawn.shape[:2], -torch.inf, dtype=torch.float64, device=drawn.device)
        here = torch.arange(len(rows), device=drawn.device)
        for number in range(drawn.shape[1]):
            here = here[~asking.best.broken[rows[here]]]
            if not len(here) or asking.left <= 0:
                return  # no example is left, or the last generation is incomplete
            margin[here, number] = asking.about(rows[here], drawn[here, number], asking.best.params[rows[here]][:, asking.seeds])
        here = here[~asking.best.broken[rows[here]]]
        cloud.learn(rows[here], drawn[here], margin[here], rng[here.cpu()])


@dataclass
class _Asking:
    """The queries left, and how a place in the unit box of the numbers that can move becomes a move."""

    shift: Boxed
    oracle: Oracle
    rng: Rng
    best: Incumbent
    left: int

    def __post_init__(self) -> None:
        self.low, self.high = self.shift.ends(self.best.params)
        self.seeds = self.shift.seeds.to(self.low.device)
        self.free = (self.high > self.low) & ~self.seeds
        self.count = int(self.free.sum())

    def __call__(self, rows: Tensor, params: Params) -> Tensor:
        """The margins of the moves `params` of the examples at `rows`, shape (m,), which the best so far takes in."""
        answer = self.oracle[rows](params)
        self.best.update(rows, params, answer)
        self.left -= 1
        return answer.margin.double()

    @property
    def random(self) -> bool:
        """Whether some of the numbers are seeds."""
        return bool(self.seeds.any())

    def about(self, rows: Tensor, place: Tensor, seeds: Tensor) -> Tensor:
        """The margins at places in the unit box, shape (m, numbers that can move), with these seeds, shape (m, seeds)."""
        params = self.low.expand(len(rows), -1).clone()
        params[:, self.free] += (self.high - self.low)[self.free] * place
        params[:, self.seeds] = seeds
        return self(rows, self.shift.project(self.oracle.x[rows], params))

    def fresh(self, rows: Tensor, *path: str | int) -> Tensor:
        """New seeds, shape (m, seeds)."""
        stream = self.rng[rows.cpu()].child(*path)
        drawn = [stream.child("number", number).seeds() for number in range(int(self.seeds.sum()))]
        return torch.stack(drawn, dim=1).to(self.low) if drawn else self.low.new_zeros(len(rows), 0)

    def redraw(self, rows: Tensor, count: int, turn: int) -> None:
        """Asks about the worst moves so far of the examples at `rows` with other seeds, `count` times."""
        for number in range(count):
            rows = rows[~self.best.broken[rows]]
            if not len(rows) or self.left <= 0:
                return
            params = self.best.params[rows].clone()
            params[:, self.seeds] = self.fresh(rows, "redraw", turn, number)
            self(rows, params)


@dataclass
class _SearchDistribution:
    """One normal cloud an example over the unit box of k numbers, and the paths that its mean has taken."""

    mean: Tensor
    size: Tensor
    shape: Tensor
    evolved: Tensor
    paced: Tensor
    generations: Tensor
    first_size: float
    population: int
    age: int = 0

    @classmethod
    def at(cls, mean: Tensor, size: float, population: int) -> _SearchDistribution:
        """Round clouds around `mean`, shape (n, k)."""
        n, k = mean.shape
        eye = torch.eye(k, dtype=mean.dtype, device=mean.device).expand(n, k, k).clone()
        flat = mean.new_zeros(n)
        usual = 4 + int(3 * math.log(max(k, 1)))
        return cls(mean, flat + size, eye, mean * 0, mean * 0, flat.clone(), size, population or usual)

    def _axes(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Standard deviations along the principal axes, (m, k), and the axes, (m, k, k), of the shapes."""
        squared, axes = torch.linalg.eigh(self.shape[rows])
        return squared.clamp_min(1e-14).sqrt(), axes

    def draw(self, rows: Tensor, rng: Rng) -> Tensor:
        """A generation of places for each of the examples at `rows`, shape (m, population, k), cut off at the box."""
        self.age += 1
        lengths, axes = self._axes(rows)
        unit = rng.child("draw").normal(self.population, self.mean.shape[1]).to(self.mean)
        return (self.mean[rows, None] + self.size[rows, None, None] * ((unit * lengths[:, None]) @ axes.mT)).clamp(0, 1)

    def learn(self, rows: Tensor, drawn: Tensor, margin: Tensor, rng: Rng) -> None:
        """Takes in the margins of a whole generation, with the constants of Hansen 2016 [hansen2016cma]."""
        k, half = self.mean.shape[1], self.population // 2
        rank = torch.arange(1, half + 1, dtype=drawn.dtype, device=drawn.device)
        weight = math.log((self.population + 1) / 2) - rank.log()
        weight = weight / weight.sum()
        mass = float(1 / weight.square().sum())
        pace = (mass + 2) / (k + mass + 5)
        damping = 1 + 2 * max(0.0, math.sqrt((mass - 1) / (k + 1)) - 1) + pace
        along = (4 + mass / k) / (k + 4 + 2 * mass / k)
        one = 2 / ((k + 1.3) ** 2 + mass)
        many = min(1 - one, 2 * (mass - 2 + 1 / mass) / ((k + 2) ** 2 + mass))
        usual = math.sqrt(k) * (1 - 1 / (4 * k) + 1 / (21 * k * k))

        self.generations[rows] += 1
        order = margin.argsort(dim=1, descending=True, stable=True)[:, :half]
        steps = (drawn.gather(1, order[..., None].expand(-1, -1, k)) - self.mean[rows, None]) / self.size[rows, None, None]
        step = (weight[:, None] * steps).sum(1)
        self.mean[rows] += self.size[rows, None] * step
        lengths, axes = self._axes(rows)
        white = ((step[:, None] @ axes) / lengths[:, None] @ axes.mT)[:, 0]
        self.paced[rows] = (1 - pace) * self.paced[rows] + math.sqrt(pace * (2 - pace) * mass) * white
        length = torch.linalg.vector_norm(self.paced[rows], dim=1)
        settled = length / (1 - (1 - pace) ** (2 * self.generations[rows])).sqrt() < (1.4 + 2 / (k + 1)) * usual
        self.evolved[rows] = (1 - along) * self.evolved[rows] + (settled * math.sqrt(along * (2 - along) * mass))[:, None] * step
        rank_one = self.evolved[rows, :, None] * self.evolved[rows, None]
        rank_many = (weight[:, None, None] * steps[..., :, None] * steps[..., None, :]).sum(1)
        self.shape[rows] = (1 - one - many) * self.shape[rows] + one * rank_one + many * rank_many
        self.size[rows] = (self.size[rows] * (pace / damping * (length / usual - 1)).exp()).clamp_max(1.0)
        self._again(rows, rng)

    def _again(self, rows: Tensor, rng: Rng) -> None:
        """Starts the clouds that have become points again at chance places."""
        lengths, _ = self._axes(rows)
        spent = self.size[rows] * lengths.amax(1) < _SPENT
        at = rows[spent]
        if len(at):
            k = self.mean.shape[1]
            fresh = _SearchDistribution.at(rng[spent.cpu()].child("again").uniform(k).to(self.mean), self.first_size, self.population)
            self.mean[at], self.size[at], self.shape[at] = fresh.mean, fresh.size, fresh.shape
            self.evolved[at], self.paced[at], self.generations[at] = fresh.evolved, fresh.paced, fresh.generations
