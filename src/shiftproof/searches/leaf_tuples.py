"""Search over neighbouring leaf tuples of a tree ensemble, whose structure is read."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from shiftproof._arrays import Floats
from shiftproof._errors import must
from shiftproof.models.abstract import Access, Labels
from shiftproof.models.estimator import EstimatorLabels, EstimatorScores
from shiftproof.oracle import Oracle
from shiftproof.randomness import Rng
from shiftproof.searches._trees import Trees, read_trees
from shiftproof.searches.abstract import Incumbent, Search
from shiftproof.shifts.abstract import Params, Shift
from shiftproof.shifts.norms.linf import Linf

_MARGIN = 1e-5
"""How far inside a leaf a point is put, as a share of the budget or of the room in the leaf: rounding must not carry it across."""

_ROUNDING = 1e-4
"""Ends of a budget that come so near to a whole number, from below, reach it."""


@dataclass(frozen=True)
class LeafTuples(Search):
    """Climbs the margin of a tree ensemble over the leaves in reach: one tree is taken to another leaf at a time, the best first.

    A point lies in one leaf of every tree, and the scores depend on that tuple of leaves only. From a point, each leaf that the budget
    reaches gives a neighbour: the nearest point of that leaf. Neighbours are scored from the trees' structure, which costs no query; the
    best is gone to until none is better; then the search begins again at a chance point of the budget. Only a point at which the trees say
    that the decision changes is asked about.

    The trees are read from the model that it is asked about, where that is an estimator made of them; `LeafTuples.of(forest)` reads
    those of another.

    Args:
        queries: queries per example, at least 1.
        restarts: runs per example, at least 1; the first begins at the input.
        trees: the structure, from `read_trees`.
        reads: a digest of the trees, for a run's identity; set here.

    Guarantees:
        On a single tree it is exact: every leaf in reach is tried, so what is held has no failure in the budget (but within rounding,
        1e-5 of the budget, of its edge). On an ensemble it finds failures and proves nothing. Categorical columns stay as they are and
        integer columns move by whole numbers.
    Cost: at most `queries` forwards per example, most often one or none; and for each step of a run as many evaluations of the trees'
    structure as leaves are in reach.

    Example:
        >>> import numpy as np, shiftproof as sp
        >>> from sklearn.tree import DecisionTreeClassifier
        >>> x = np.linspace(0, 1, 40, dtype=np.float32)[:, None]
        >>> tree = DecisionTreeClassifier().fit(x, x[:, 0] > 0.5)
        >>> data = sp.examples(x, (x[:, 0] > 0.5).astype(int))
        >>> finding = sp.confront(sp.as_model(tree, name="tree"), sp.Linf(0.1), search=LeafTuples.of(tree), examples=data)
        >>> bool((finding.correct == (abs(x[:, 0] - 0.5) > 0.1)).all())
        True

    Reference: Zhang, Zhang & Hsieh 2020, "An efficient adversarial attack for tree ensembles".
    """

    name: ClassVar[str] = "leaf_tuples"
    aliases: ClassVar[tuple[str, ...]] = ("lt_attack",)
    needs: ClassVar[Access] = Labels
    of_classes: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = ("zhang2020efficient",)

    queries: int = 20
    restarts: int = 5
    reads: str = ""
    trees: Trees | None = field(default=None, kw_only=True, repr=False, compare=False)

    @classmethod
    def of(cls, estimator: object, *, queries: int = 20, restarts: int = 5) -> LeafTuples:
        """The search that knows the trees of this fitted scikit-learn estimator."""
        return cls(queries, restarts, trees=read_trees(estimator))

    @classmethod
    def examples_for_check(cls) -> list[LeafTuples]:
        """With a tree of its own: the networks there have none."""
        from sklearn.tree import DecisionTreeClassifier

        grid = np.stack(np.meshgrid(np.linspace(0, 1, 8), np.linspace(0, 1, 8)), axis=-1).reshape(-1, 2)
        return [cls.of(DecisionTreeClassifier(max_depth=3).fit(grid, grid.sum(1) > 1))]

    @classmethod
    def shifts_for_check(cls) -> list[Shift]:
        """Boxes, on vectors."""
        return [Linf(0.25)]

    def matched(self, model: Labels) -> LeafTuples:
        if self.trees is not None:
            return self
        if not isinstance(model, EstimatorScores | EstimatorLabels):
            raise must("model", self.name, "be a tree ensemble", f"'{model.name}'", "Use hop_skip_jump or best_of_n.")
        fitted = model.fitted
        return replace(self, trees=read_trees(fitted.estimator, fitted.input_format.positions))

    def check(self) -> None:
        self.require("queries", "restarts", least=1)
        if self.trees is not None:
            object.__setattr__(self, "reads", self.trees.digest())

    def unsupported(self, shift: Shift) -> str | None:
        if self.trees is None:
            return "it has no trees: use it on a tree ensemble, or build it in Python with LeafTuples.of(estimator)"
        if not isinstance(shift, Linf):
            return f"it needs a shift that is a box, and {shift.name} is not: use linf or hop_skip_jump"
        return None

    def most_passes(self, shift: Shift) -> int:
        return self.queries

    def __call__(self, shift: Shift, oracle: Oracle, x: Tensor, rng: Rng) -> Params:
        assert isinstance(shift, Linf)  # `objection` has said so
        assert self.trees is not None
        best = Incumbent(shift.origin(x))
        if not len(x):
            return best.params
        low, high = _reach(shift, x)
        leaves = _Leaves(self.trees, _whole(shift, low.shape[1]), low.shape[1])
        scale = torch.as_tensor(shift.space.scale(x), dtype=torch.float64).cpu().numpy()
        points = x.flatten(1).double().cpu().numpy()
        for row in range(len(x)):
            at = torch.tensor([row], device=x.device)
            label = int(self.trees.scores(points[row : row + 1]).argmax())
            asked = 0
            for restart in range(self.restarts):
                if asked == self.queries or bool(best.broken[row]):
                    break
                start = points[row] if not restart else _chance(rng[[row]].child("restart", restart), low[row], high[row], leaves.whole)
                for found in leaves.climb(start, low[row], high[row], label, self.queries - asked):
                    step = np.divide(found - points[row], scale, out=np.zeros_like(found), where=np.broadcast_to(scale != 0, found.shape))
                    move = shift.project(x[at], torch.from_numpy(step).to(x).reshape(1, *x.shape[1:]))
                    best.update(at, move, oracle[at](move))
                    asked += 1
                    if bool(best.broken[row]):
                        break
        return best.params


def _reach(shift: Linf, x: Tensor) -> tuple[Floats, Floats]:
    """The least and greatest value of each feature inside the budget, shape (n, d)."""
    room_low, room_high = shift.room(x)
    flat = x.flatten(1).double()
    scale = torch.as_tensor(shift.space.scale(x), dtype=torch.float64, device=x.device)
    low = torch.as_tensor(room_low).expand_as(x).flatten(1).double().clamp_min(-shift.eps)
    high = torch.as_tensor(room_high).expand_as(x).flatten(1).double().clamp_max(shift.eps)
    least, most = (flat + low * scale).cpu().numpy(), (flat + high * scale).cpu().numpy()
    whole = _whole(shift, least.shape[1])
    return np.where(whole, np.ceil(least - _ROUNDING), least), np.where(whole, np.floor(most + _ROUNDING), most)


def _whole(shift: Linf, size: int) -> npt.NDArray[np.bool_]:
    columns = shift.space.columns
    return np.array([column.kind == "integer" for column in columns]) if columns else np.zeros(size, dtype=bool)


def _chance(rng: Rng, low: Floats, high: Floats, whole: npt.NDArray[np.bool_]) -> Floats:
    """A random point of the budget, integer columns whole."""
    unit = rng.uniform(len(low))[0].double().numpy()
    steps = np.clip(np.floor(low + (high - low + 1) * unit), low, high)
    point: Floats = np.where(whole, steps, low + (high - low) * unit)
    return point


class _Leaves:
    """The boxes of all leaves, with the local search over them."""

    def __init__(self, trees: Trees, whole: npt.NDArray[np.bool_], columns: int) -> None:
        self.trees, self.whole = trees, whole
        self.low, self.high, _ = trees.boxes(columns)
        self.low[:, whole] = np.floor(self.low[:, whole]) + 1
        self.high[:, whole] = np.floor(self.high[:, whole])

    def climb(self, point: Floats, low: Floats, high: Floats, label: int, most: int) -> list[Floats]:
        """Up to `most` points inside [low, high] at which the trees do not decide for `label`, the best last found first."""
        near, far = np.maximum(self.low, low), np.minimum(self.high, high)
        reached = np.where(self.whole, near <= far, (self.low < high) & (self.high >= low)).all(1)
        # A face of the leaf's own is kept away from, against rounding; the budget's may be touched.
        inset = np.where(self.whole, 0.0, np.minimum(_MARGIN * (high - low), np.maximum(far - near, 0.0) / 4))
        near, far = near + inset * (self.low >= low), far - inset * (self.high <= high)
        near, far = near[reached], far[reached]
        best = self._margin(point[None], label)[0]
        found: list[Floats] = [point] if best > 0 else []
        while len(near) and len(found) < most:
            neighbours = np.unique(np.clip(point, near, far), axis=0)
            margins = self._margin(neighbours, label)
            if margins.max() <= best:
                break
            point, best = neighbours[margins.argmax()], margins.max()
            if best > 0:
                found.append(point)
        return found[::-1]

    def _margin(self, points: Floats, label: int) -> Floats:
        scores = self.trees.scores(points)
        rest = np.delete(scores, label, axis=1)
        margin: Floats = rest.max(1) - scores[:, label]
        # On a tie the first class decides, so a margin of 0 may be a failure: it counts as the least that is positive.
        decided: Floats = np.where((scores.argmax(1) != label) & (margin <= 0), np.finfo(np.float64).tiny, margin)
        return decided
