"""Square attack: random squares of full strength, kept where they lower the margin. Score queries only."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from shiftproof.models.abstract import Access, Graded
from shiftproof.oracle import Oracle
from shiftproof.randomness import Rng
from shiftproof.searches._random_search import place_of, places, random_search, sign_of, signs, subset
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
        start, change = _WAYS[Linf if isinstance(shift, Linf) else L2, squares]

        def propose(x: Tensor, params: Params, rng: Rng, step: int) -> Params:
            return change(shift, x, params, rng, self._share(step - 1))

        return random_search(oracle, start(shift, x, rng.child("start")), propose, queries=self.queries, rng=rng)

    def _share(self, step: int) -> float:
        """P at a step from 0: halved at fixed parts of the queries."""
        of_ten_thousand = step * 10_000 // self.queries
        return self.share / float(2 ** sum(of_ten_thousand > halving for halving in _HALVINGS))


def _stripes(shift: Linf, x: Tensor, rng: Rng) -> Params:
    _, channels, _, width = x.shape
    return shift.project(x, (shift.eps * signs(rng, channels, 1, width)).to(x).expand_as(x))


def _corner(shift: Linf, x: Tensor, rng: Rng) -> Params:
    return shift.project(x, (shift.eps * signs(rng, *x.shape[1:])).to(x))


def _window(x: Tensor, rng: Rng, side: int) -> tuple[Tensor, Tensor]:
    """For a square of `side` at a random place of each image: each row's and each column's distance from its corner."""
    height, width = x.shape[2:]
    top, left = places(rng.child("top"), height - side + 1), places(rng.child("left"), width - side + 1)
    return torch.arange(height) - top[:, None], torch.arange(width) - left[:, None]


def _inside(down: Tensor, right: Tensor, side: int) -> Tensor:
    """The square's mask, shape (n, 1, height, width)."""
    rows, columns = (down >= 0) & (down < side), (right >= 0) & (right < side)
    return rows[:, None, :, None] & columns[:, None, None, :]


def _flat_square(shift: Linf, x: Tensor, params: Params, rng: Rng, share: float) -> Params:
    n, channels, height, width = x.shape
    side = min(max(1, round(math.sqrt(share * height * width))), height, width)
    chance = rng.uniform(2 + channels)  # one draw for all: beside a small model each has its price
    down, right = place_of(chance[:, 0], height - side + 1), place_of(chance[:, 1], width - side + 1)
    along, image, channel = torch.arange(side), torch.arange(n), torch.arange(channels)
    rows, columns = (down[:, None] + along)[:, None, :, None], (right[:, None] + along)[:, None, None, :]
    at = tuple(index.to(x.device) for index in (image[:, None, None, None], channel[:, None, None], rows, columns))
    # Only the square's pixels are looked at: it is soon a small part of the image.
    here, now = x[at], params[at]
    edge = (shift.eps * sign_of(chance[:, 2:, None, None])).to(x).expand_as(here)
    new = shift.project(here, edge)
    same = (new == now).flatten(1).all(1).nonzero()[:, 0]
    if len(same):  # it is there already: the other way
        new[same] = shift.project(here[same], -edge[same])
    changed = params.clone()
    changed[at] = new
    return changed


def _flat_set(shift: Linf, x: Tensor, params: Params, rng: Rng, share: float) -> Params:
    movable = _movable(shift, x)
    mask = subset(rng.child("set"), movable, max(1, round(share * movable.shape[1])))
    return _to_the_edge(shift, x, params, mask.reshape(x.shape), signs(rng.child("sign"), *x.shape[1:]))


def _to_the_edge(shift: Linf, x: Tensor, params: Params, mask: Tensor, sign: Tensor) -> Params:
    edge = (shift.eps * sign).to(x)
    changed = shift.project(x, torch.where(mask, edge, params))
    same = (changed == params).flatten(1).all(1).nonzero()[:, 0]
    if len(same):  # it is there already: the other way
        changed[same] = shift.project(x[same], torch.where(mask[same], -edge[same], params[same]))
    return changed


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


def _humps(side: int) -> Tensor:
    """One hump up and one down, side by side, of length 1; shape (side, side)."""
    half = side // 2
    upper = _hump(half, side) if half else torch.zeros(0, side)
    pair = torch.cat([upper, -_hump(side - half, side)])
    return pair / _length(pair)


def _length(values: Tensor) -> Tensor:
    size: Tensor = values.square().sum().sqrt().clamp_min(1e-12)
    return size


def _grid_of_humps(shift: L2, x: Tensor, rng: Rng) -> Params:
    n, channels, height, width = x.shape
    side = max(1, min(height, width) // 5)
    rows, columns = height // side, width // side
    pair = _humps(side)
    turned = rng.child("turn").uniform(rows * columns).reshape(n, 1, rows, columns) < 0.5
    sign = signs(rng.child("sign"), channels, rows, columns)
    tiles = torch.where(turned[..., None, None], pair.T, pair) * sign[..., None, None]
    picture = tiles.permute(0, 1, 2, 4, 3, 5).reshape(n, channels, rows * side, columns * side)
    down, right = height - rows * side, width - columns * side
    padded = torch.nn.functional.pad(picture, (right // 2, right - right // 2, down // 2, down - down // 2))
    return _fill(shift, x, padded.to(x))


def _chance_direction(shift: L2, x: Tensor, rng: Rng) -> Params:
    return _fill(shift, x, signs(rng, *x.shape[1:]).to(x))


def _fill(shift: L2, x: Tensor, move: Tensor) -> Params:
    """The move in this direction that uses the whole budget, box and all."""
    length = shift.norm(move).clamp_min(1e-12).reshape(-1, *[1] * (x.dim() - 1))
    return shift.project(x, move * (2 * shift.eps / length))


def _humped_square(shift: L2, x: Tensor, params: Params, rng: Rng, share: float) -> Params:
    _, channels, height, width = x.shape
    side = max(3, round(math.sqrt(share * height * width)))
    side = min(side + (side % 2 == 0), height, width)
    down, right = _window(x, rng.child("to"), side)
    target = _inside(down, right, side).to(x.device)
    source = _inside(*_window(x, rng.child("from"), side), side).to(x.device)
    pair = _humps(side)
    pair = torch.stack([pair, pair.T])[places(rng.child("turn"), 2)]
    at = torch.arange(len(x))[:, None, None]
    shape = pair[at, down.clamp(0, side - 1)[:, :, None], right.clamp(0, side - 1)[:, None, :]][:, None]
    shape = shape * signs(rng.child("sign"), channels, 1, 1)
    return _fill(shift, x, _moved_mass(shift, params, target, source, shape.to(x), (2, 3)))


def _spread_set(shift: L2, x: Tensor, params: Params, rng: Rng, share: float) -> Params:
    movable = _movable(shift, x)
    features = movable.shape[1]
    chosen = subset(rng.child("set"), movable, min(max(2, round(share * features)), features))
    # With whole masses a few features could not be balanced finely: the turn's size is drawn too, evenly in its logarithm.
    turn = torch.exp(math.log(_LEAST_TURN) * rng.child("size").uniform(1)).to(x)
    noise = rng.child("shape").normal(features).to(x) * chosen
    shape = turn * noise / noise.square().sum(1, keepdim=True).sqrt().clamp_min(1e-12)
    return _fill(shift, x, _moved_mass(shift, params.flatten(1), chosen, chosen, shape, (1,)).reshape(x.shape))


def _moved_mass(shift: L2, params: Tensor, target: Tensor, source: Tensor, shape: Tensor, over: tuple[int, ...]) -> Tensor:
    """`params` with the mass of `source` and the unused budget put into `target`, as the old content plus the new shape."""

    def length(values: Tensor) -> Tensor:
        return values.square().sum(over, keepdim=True).sqrt()

    every = tuple(range(1, params.dim()))
    unused = (shift.eps**2 - params.square().sum(every, keepdim=True)).clamp_min(0)
    old = params * target
    content = (shape * target) + old / length(old).clamp_min(1e-12)
    channels = params.shape[1] if params.dim() == 4 else 1
    mass = ((params * (target | source)).square().sum(over, keepdim=True) + unused / channels).sqrt()
    return torch.where(target, content / length(content).clamp_min(1e-12) * mass, params.masked_fill(source, 0.0))


_Start = Callable[..., Params]
_WAYS: dict[tuple[type[Shift], bool], tuple[_Start, Callable[..., Params]]] = {
    (Linf, True): (_stripes, _flat_square),
    (Linf, False): (_corner, _flat_set),
    (L2, True): (_grid_of_humps, _humped_square),
    (L2, False): (_chance_direction, _spread_set),
}
