"""Square attack: random squares of full strength, kept where they lower the margin. Score queries only."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, ClassVar

import torch
from torch import Tensor
from typing_extensions import Self

from shiftproof.models.abstract import Access, Graded
from shiftproof.oracle import Oracle
from shiftproof.randomness import Rng
from shiftproof.searches._random_search import StepChance, place_of, random_search, sign_of, signs, subset
from shiftproof.searches.abstract import Search
from shiftproof.shifts.abstract import Params, Shift
from shiftproof.shifts.norms.l2 import L2
from shiftproof.shifts.norms.linf import Linf

_HALVINGS = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)
"""Steps of 10,000 at which the share of the input that a proposal changes is halved."""

_LEAST_TURN = 0.02
"""The least size of a turn of the move within a set of features, against the 1 of the content that is turned."""


@dataclass(frozen=True)
class Square(Search):
    """Random search over squares: a proposal sets a square of the image to the edge of the budget, and stays if the margin grows.

    Under linf every channel of the square goes to +eps or -eps, the start being vertical stripes. Under l2 the square gets the mass of a
    second one and what is left of the budget, in two opposed humps, the start being a grid of such humps. The side of the square is
    sqrt(p * height * width), with p falling from `share` by halves over the queries, as in the paper. Vectors and tables have no
    neighbourhood: there the square is a chance set of p * d features, with a sign for each under linf, while under l2 the move within the
    set is rotated at random. Columns that cannot move are left out.

    Args:
        queries: queries per example, at least 1.
        share: the share p of the input that the first proposals change, in (0, 1].

    Guarantees:
        Blind to masked gradients: it asks for scores only. Under linf, on a linear model of two classes, it reaches the worst case once
        every feature was tried at last, about d * log(d) queries for d features. Elsewhere it finds failures and proves nothing.
        A proposal that would change nothing is turned round, so no query is spent on one.
    Cost: up to `queries` forwards per example; an example that breaks is dropped.

    Example:
        >>> import torch, shiftproof as sp
        >>> model = sp.as_model(torch.nn.Linear(4, 2), name="linear")
        >>> x = torch.rand(8, 4)
        >>> finding = sp.confront(model, sp.Linf(0.3), search=Square(queries=50), examples=sp.examples(x, model.labels(x)))
        >>> int(finding.forwards.max()) <= 52  # the clean reading and the last word are the door's
        True

    Reference: Andriushchenko et al. 2020, "Square Attack: a query-efficient black-box adversarial attack via random search".
    """

    name: ClassVar[str] = "square"
    aliases: ClassVar[tuple[str, ...]] = ("square_attack",)
    needs: ClassVar[Access] = Graded
    supports: ClassVar[tuple[type[Shift], ...]] = (
        Linf,
        L2,
    )
    instead: ClassVar[str] = "best_of_n or gradient_estimate"
    references: ClassVar[tuple[str, ...]] = ("andriushchenko2020square",)

    queries: int = 1000
    share: float = 0.8

    @classmethod
    def examples_for_check(cls) -> list[Square]:
        """One with few queries."""
        return [cls(queries=60)]

    def check(self) -> None:
        self.require("queries", least=1)
        self.require("share", within="(0, 1]")

    def most_passes(self, shift: Shift) -> int:
        return self.queries

    def __call__(self, shift: Shift, oracle: Oracle, x: Tensor, rng: Rng) -> Params:
        assert isinstance(shift, Linf | L2)  # `supports` says so
        if not len(x):
            return shift.origin(x)
        squares = shift.space.kind == "image" and x.dim() == 4
        start, way = _WAYS[Linf if isinstance(shift, Linf) else L2, squares]
        low, high = shift.move_limits(x) if isinstance(shift, Linf) else shift.room(x)
        proposals = way(shift, x, low.expand_as(x).flatten(1), high.expand_as(x).flatten(1), self._share)
        return random_search(oracle, start(shift, x, rng.child("start")), proposals, queries=self.queries, rng=rng)

    def _share(self, step: int) -> float:
        """P at a step from 0: halved at fixed parts of the queries."""
        of_ten_thousand = step * 10_000 // self.queries
        return self.share / float(2 ** sum(of_ten_thousand > halving for halving in _HALVINGS))


def _stripes(shift: Linf, x: Tensor, rng: Rng) -> Params:
    _, channels, _, width = x.shape
    return shift.project(x, (shift.eps * signs(rng, channels, 1, width)).to(x).expand_as(x))


def _corner(shift: Linf, x: Tensor, rng: Rng) -> Params:
    return shift.project(x, (shift.eps * signs(rng, *x.shape[1:])).to(x))


@dataclass(frozen=True, eq=False)
class _Changes(ABC):
    """Proposals for the inputs x, whose features may each move from `low` to `high`, shape (n, d)."""

    shift: Any
    x: Tensor
    low: Tensor
    high: Tensor
    share: Callable[[int], float]
    """The share of the input that a step, from 0, changes."""

    def __getitem__(self, rows: Tensor) -> Self:
        return replace(self, x=self.x[rows], low=self.low[rows], high=self.high[rows])

    @abstractmethod
    def draw(self, rng: Rng) -> StepChance:
        """The chance that a proposal for each of the streams takes."""

    @abstractmethod
    def __call__(self, params: Params, chance: StepChance, step: int) -> Params:
        """Another legal move for each of the inputs."""

    def square(self, top: Tensor, left: Tensor, side: int) -> Tensor:
        """The features of a square of `side` with its corner at (top, left), (n,), of each image; shape (n, channels * side * side)."""
        _, _, width = self.x.shape[1:]
        return ((top * width + left)[:, None] + _offsets(tuple(self.x.shape[1:]), side)).to(self.x.device)


@lru_cache(maxsize=256)
def _offsets(image: tuple[int, int, int], side: int) -> Tensor:
    """How far the features of a square lie behind its corner in the first channel, shape (channels * side * side)."""
    channels, height, width = image
    along = torch.arange(side)
    picture = along[:, None] * width + along
    return (torch.arange(channels)[:, None, None] * (height * width) + picture).flatten()


class _FlatSquare(_Changes):
    """Every channel of a square at one end of the budget."""

    def draw(self, rng: Rng) -> StepChance:
        return (rng.uniform(2 + self.x.shape[1]),)

    def __call__(self, params: Params, chance: StepChance, step: int) -> Params:
        channels, height, width = self.x.shape[1:]
        side = min(max(1, round(math.sqrt(self.share(step - 1) * height * width))), height, width)
        (drawn,) = chance
        at = self.square(place_of(drawn[:, 0], height - side + 1), place_of(drawn[:, 1], width - side + 1), side)
        # Only the square's pixels are looked at: it is soon a small part of the image.
        edge = (self.shift.eps * sign_of(drawn[:, 2:, None])).to(self.x).expand(-1, channels, side * side).flatten(1)
        low, high, changed = self.low.gather(1, at), self.high.gather(1, at), params.flatten(1).clone()
        new = torch.clamp(edge, low, high)
        same = (new == changed.gather(1, at)).all(1).nonzero()[:, 0]
        if len(same):  # it is there already: the other way
            new[same] = torch.clamp(-edge[same], low[same], high[same])
        return changed.scatter_(1, at, new).reshape(params.shape)


class _FlatSet(_Changes):
    """A chance set of features, each at one end of the budget."""

    def draw(self, rng: Rng) -> StepChance:
        size = self.low.shape[1]
        return rng.child("set").uniform(size), rng.child("sign").uniform(size)

    def __call__(self, params: Params, chance: StepChance, step: int) -> Params:
        movable = _movable(self.shift, self.x)
        key, side = chance
        mask = subset(key, movable, max(1, round(self.share(step - 1) * movable.shape[1])))
        edge, now = (self.shift.eps * sign_of(side)).to(self.x), params.flatten(1)
        changed = torch.clamp(torch.where(mask, edge, now), self.low, self.high)
        same = (changed == now).all(1).nonzero()[:, 0]
        if len(same):  # it is there already: the other way
            changed[same] = torch.clamp(torch.where(mask[same], -edge[same], now[same]), self.low[same], self.high[same])
        return changed.reshape(params.shape)


def _movable(shift: Linf | L2, x: Tensor) -> Tensor:
    """Which features the box lets move at all, shape (n, d)."""
    low, high = shift.room(x)
    return (high > low).flatten(1)


def _hump(height: int, width: int) -> Tensor:
    """Rings that fall off with the square of their distance from the middle."""
    middle_row, middle_column = height // 2, width // 2
    hump = torch.zeros(height, width)
    for ring in range(max(middle_row, middle_column) + 1):
        top, left = max(0, middle_row - ring), max(0, middle_column - ring)
        hump[top : middle_row + ring + 1, left : middle_column + ring + 1] += 1 / (ring + 1) ** 2
    return hump / _length(hump)


@lru_cache(maxsize=256)
def _humps(side: int) -> Tensor:
    """One hump up and one down, of length 1 together: one over the other, and side by side; shape (2, side, side)."""
    half = side // 2
    upper = _hump(half, side) if half else torch.zeros(0, side)
    pair = torch.cat([upper, -_hump(side - half, side)])
    pair = pair / _length(pair)
    return torch.stack([pair, pair.T])


def _length(values: Tensor) -> Tensor:
    size: Tensor = values.square().sum().sqrt().clamp_min(1e-12)
    return size


def _grid_of_humps(shift: L2, x: Tensor, rng: Rng) -> Params:
    n, channels, height, width = x.shape
    side = max(1, min(height, width) // 5)
    rows, columns = height // side, width // side
    pair, beside = _humps(side)
    turned = rng.child("turn").uniform(rows * columns).reshape(n, 1, rows, columns) < 0.5
    sign = signs(rng.child("sign"), channels, rows, columns)
    tiles = torch.where(turned[..., None, None], beside, pair) * sign[..., None, None]
    picture = tiles.permute(0, 1, 2, 4, 3, 5).reshape(n, channels, rows * side, columns * side)
    down, right = height - rows * side, width - columns * side
    padded = torch.nn.functional.pad(picture, (right // 2, right - right // 2, down // 2, down - down // 2))
    return _fill(shift, x, padded.to(x))


def _chance_direction(shift: L2, x: Tensor, rng: Rng) -> Params:
    return _fill(shift, x, signs(rng, *x.shape[1:]).to(x))


def _fill(shift: L2, x: Tensor, move: Tensor) -> Params:
    """The move in this direction that uses the whole budget, box and all."""
    return _filled(shift, move, *shift.room(x))


def _filled(shift: L2, move: Tensor, low: Tensor, high: Tensor) -> Params:
    """The same where the box's room is known."""
    length = shift.norm(move).clamp_min(1e-12).reshape(-1, *[1] * (move.dim() - 1))
    return shift.fit(move * (2 * shift.eps / length), low, high)


class _HumpedSquare(_Changes):
    """A square with the mass of a second one and what is left of the budget, in two opposed humps."""

    def draw(self, rng: Rng) -> StepChance:
        corners = (rng.child(square).child(edge).uniform(1)[:, 0] for square in ("to", "from") for edge in ("top", "left"))
        return (*corners, rng.child("turn").uniform(1)[:, 0], rng.child("sign").uniform(self.x.shape[1], 1, 1))

    def __call__(self, params: Params, chance: StepChance, step: int) -> Params:
        n, channels, height, width = self.x.shape
        side = max(3, round(math.sqrt(self.share(step - 1) * height * width)))
        side = min(side + (side % 2 == 0), height, width)
        tall, wide = height - side + 1, width - side + 1
        target, source = (self.square(place_of(chance[k], tall), place_of(chance[k + 1], wide), side) for k in (0, 2))
        shape = _humps(side)[place_of(chance[-2], 2)][:, None] * sign_of(chance[-1])
        moved, squares = params.flatten(1).clone(), (n, channels, side, side)
        old = moved.gather(1, target)
        moved.scatter_(1, target, 0.0)
        taken = moved.gather(1, source)  # what both share counts once
        moved.scatter_(1, source, 0.0)
        mass = _new_mass(self.shift, params, old.reshape(squares), taken.reshape(squares), shape.to(self.x), (2, 3))
        moved.scatter_(1, target, mass.flatten(1))
        return _filled(self.shift, moved.reshape(params.shape), self.low, self.high)


class _SpreadSet(_Changes):
    """The move within a chance set of features, turned at random."""

    def draw(self, rng: Rng) -> StepChance:
        features = self.low.shape[1]
        return rng.child("set").uniform(features), rng.child("size").uniform(1), rng.child("shape").normal(features)

    def __call__(self, params: Params, chance: StepChance, step: int) -> Params:
        movable = _movable(self.shift, self.x)
        features = movable.shape[1]
        key, size, noise = chance
        chosen = subset(key, movable, min(max(2, round(self.share(step - 1) * features)), features))
        # With whole masses a few features could not be balanced finely: the turn's size is drawn too, evenly in its logarithm.
        turn = torch.exp(math.log(_LEAST_TURN) * size).to(self.x)
        noise = noise.to(self.x) * chosen
        shape = turn * noise / noise.square().sum(1, keepdim=True).sqrt().clamp_min(1e-12)
        old = params.flatten(1) * chosen
        mass = _new_mass(self.shift, params.flatten(1), old, torch.zeros_like(old), shape, (1,))
        moved = torch.where(chosen, mass, params.flatten(1))
        return _filled(self.shift, moved.reshape(params.shape), self.low, self.high)


def _new_mass(shift: L2, params: Tensor, old: Tensor, taken: Tensor, shape: Tensor, over: tuple[int, ...]) -> Tensor:
    """The old content plus a new shape, with the mass of both `old` and `taken` and of the budget that `params` leave unused."""
    every = tuple(range(1, params.dim()))
    unused = (shift.eps**2 - params.square().sum(every, keepdim=True)).clamp_min(0)
    squares = old.square().sum(over, keepdim=True)
    content = shape + old / squares.sqrt().clamp_min(1e-12)
    channels = params.shape[1] if params.dim() == 4 else 1
    mass = (squares + taken.square().sum(over, keepdim=True) + unused / channels).sqrt()
    return content * (mass / content.square().sum(over, keepdim=True).sqrt().clamp_min(1e-12))


_Start = Callable[..., Params]
_WAYS: dict[tuple[type[Shift], bool], tuple[_Start, type[_Changes]]] = {
    (Linf, True): (_stripes, _FlatSquare),
    (Linf, False): (_corner, _FlatSet),
    (L2, True): (_grid_of_humps, _HumpedSquare),
    (L2, False): (_chance_direction, _SpreadSet),
}
