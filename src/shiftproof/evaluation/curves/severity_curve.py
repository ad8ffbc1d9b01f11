"""Accuracy against how far a shift moves, and the point at which each example fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from shiftproof._arrays import Bools, Floats, Ints
from shiftproof._errors import UsageError, must
from shiftproof.data.examples import Examples
from shiftproof.diagnostics.constant_answer import constant_answer
from shiftproof.door import confront, read
from shiftproof.judges.abstract import Reading
from shiftproof.models.abstract import Labels
from shiftproof.models.query_count import count_asked, counting_queries
from shiftproof.outcomes import HELD, Flag, join_flags
from shiftproof.preflight import inspect_model
from shiftproof.randomness import Rng
from shiftproof.records.severity import SeverityCurve
from shiftproof.risks.intervals import tail_of
from shiftproof.searches.one_draw import OneDraw
from shiftproof.shifts.abstract import Shift


def severity_curve(
    model: Labels,
    shift: Shift,
    *,
    examples: Examples,
    points: int = 11,
    halvings: int = 6,
    seed: int = 0,
    batch_size: int = 256,
    confidence: float = 0.95,
    progress: Callable[[int], None] | None = None,
) -> SeverityCurve:
    """The accuracy at evenly spaced strengths of a shift, and for each example the strength at which it first fails.

    Args:
        model: what is measured.
        shift: it must have an option that says how far it moves; the value given is the greatest one.
        examples: n labelled inputs.
        points: levels, at least 2; at the first, 0 (1 for factors), nothing moves.
        halvings: bisections of the step in which an example first failed, at least 0; each halves what is not known of its failure point.
        seed: with each example's id, the whole source of randomness.
        batch_size: inputs per call of the model.
        confidence: of the intervals, in (0, 1).
        progress: called after each level with the number of examples asked about.

    Guarantees:
        Each level is what `confront` with `one_draw` says at that strength and seed. All levels of an example share one draw (one seed, one
        direction of the angle). The failure point is the end of a bracket: right at failure - gap, wrong at failure, and gap is at most
        a step / 2**halvings. It is the first failure that the scan saw; a narrower one between two levels at which the model is right
        may have been missed, and `recoveries` says how often failure came and went.

    Raises:
        UsageError: the shift has no strength, or points or halvings are too few.

    Cost: points forwards per example, and one for each halving for those that fail on the way.

    Example:
        >>> import torch, shiftproof as sp
        >>> from shiftproof.shifts import GaussianNoise
        >>> model = sp.as_model(torch.nn.Linear(4, 2), name="linear")
        >>> x = torch.rand(8, 4)
        >>> curve = severity_curve(model, GaussianNoise(5), examples=sp.examples(x, model.labels(x)), points=3)
        >>> curve.levels.tolist(), float(curve.accuracy[0])
        ([0.0, 2.5, 5.0], 1.0)

    Reference: Dünkel et al. 2025 [dunkel2025cnsbench], "CNS-Bench: benchmarking image classifier robustness".
    """
    for option, value, least in (("points", points, 2), ("halvings", halvings, 0)):
        if value < least:
            raise must(option, "severity_curve", f"be at least {least}", value)
    tail_of(confidence)
    with counting_queries() as count:
        path = _Path.of(model, shift, examples, seed, batch_size)
        levels, right, flags = path.scan(points, progress)
        low, high = path.narrow(levels, right, halvings)
    return SeverityCurve(
        model=model.name,
        shift=path.shift.spec(),
        strength=path.strength,
        levels=levels,
        right=right,
        ids=examples.ids,
        failure=high,
        gap=np.where(np.isfinite(high), high - low, np.nan),
        recoveries=(right[1:] & ~right[:-1]).sum(0).astype(np.int64),
        forwards=path.forwards,
        confidence=confidence,
        flags=(*path.doubts(confidence), *flags),
        sent=count.sent,
    )


@dataclass
class _Path:
    """The examples of one model on their way along a shift's strength."""

    model: Labels
    shift: Shift
    strength: str
    most: float
    examples: Examples
    seed: int
    batch_size: int
    flags: tuple[Flag, ...]
    forwards: Ints
    unmoved: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    """The answers to the examples as they are, once they were asked about; `sure` is the largest probability of each."""
    sure: Floats = field(default_factory=lambda: np.zeros(0))

    @classmethod
    def of(cls, model: Labels, shift: Shift, examples: Examples, seed: int, batch_size: int) -> _Path:
        if shift.strength is None:
            raise UsageError(
                f"{shift.name} has no option that says how far it moves, so there is no curve. Choose a shift such as rotation."
            )
        most = shift.options()[shift.strength]
        if not isinstance(most, float):
            raise UsageError(f"The '{shift.strength}' of {shift.name} is a whole number, so failure points cannot be narrowed down on it.")
        placed = shift.within(examples.space)
        flags = tuple(inspect_model(model, examples))
        return cls(model, placed, shift.strength, most, examples, seed, batch_size, flags, np.zeros(len(examples), dtype=np.int64))

    def at(self, strength: float) -> Shift:
        option: dict[str, Any] = {self.strength: strength}
        return replace(self.shift, **option)

    def scan(self, points: int, progress: Callable[[int], None] | None) -> tuple[Floats, Bools, tuple[Flag, ...]]:
        """The levels, shape (k,), whether each example is right at each, shape (k, n), and the flags of all of them."""
        levels = np.linspace(self.shift.unmoved, self.most, points)
        rows: list[Bools] = []
        flags: list[tuple[tuple[Flag, ...], int]] = []
        for level in levels:
            if level == self.shift.unmoved:
                rows.append(self._still())
            else:
                finding = confront(
                    self.model,
                    self.at(level),
                    search=OneDraw(),
                    examples=self.examples,
                    seed=self.seed,
                    batch_size=self.batch_size,
                    flags=self.flags,
                )
                self.forwards += finding.forwards
                rows.append(finding.outcome == HELD)
                flags.append((finding.flags, len(finding)))
            if progress:
                progress(len(self.examples))
        return levels, np.stack(rows), join_flags(flags)

    def doubts(self, confidence: float) -> tuple[Flag, ...]:
        """Whether the model is any better than a constant answer, on the examples as they are."""
        y, units = self.examples.y.numpy(), self.examples.space.units
        flag = constant_answer(y, self.unmoved, sure=self.sure, units=units, confidence=confidence)
        return (flag,) if flag else ()

    def narrow(self, levels: Floats, right: Bools, halvings: int) -> tuple[Floats, Floats]:
        """Where each example was last seen right and first seen wrong, shape (n,): the first failure of the scan, bisected."""
        first = np.where(right.all(0), len(levels), (~right).argmax(0))  # the first level at which it is wrong
        low, high = levels[np.maximum(first - 1, 0)], np.append(levels, np.inf)[first]
        open_ = np.flatnonzero((first > 0) & (first < len(levels)))
        for _ in range(halvings):
            middle = (low[open_] + high[open_]) / 2
            held = self.right(open_, middle)
            low[open_[held]], high[open_[~held]] = middle[held], middle[~held]
        return low, high

    def _still(self) -> Bools:
        found: list[Reading] = []
        for start in range(0, len(self.examples), self.batch_size):
            batch = self.examples[start : start + self.batch_size]
            found.append(self._read(batch.x, batch.y))
        self.forwards += 1
        self.unmoved = np.concatenate([each.prediction.cpu().numpy() for each in found])
        self.sure = np.concatenate([each.confidence.cpu().numpy() for each in found])
        return np.concatenate([~each.broken.cpu().numpy() for each in found])

    def right(self, rows: npt.NDArray[np.intp], strengths: Floats) -> Bools:
        """Whether each of the examples at `rows` is right at its own strength, shape (m,)."""
        found = np.zeros(len(rows), dtype=bool)
        order = np.argsort(strengths, kind="stable")
        for start in range(0, len(rows), self.batch_size):
            mine = order[start : start + self.batch_size]
            found[mine] = self._ask(self._moved(rows[mine], strengths[mine]), self.examples.y[rows[mine]])
        self.forwards[rows] += 1
        return found

    def _moved(self, rows: npt.NDArray[np.intp], strengths: Floats) -> torch.Tensor:
        """Each of the examples at its own strength, those that share one together."""
        parts: list[torch.Tensor] = []
        for strength in np.unique(strengths):  # ascending, as `right` has sorted them
            some = self.examples[rows[strengths == strength]]
            x = some.x.to(self.model.device)
            shift = self.at(float(strength))
            with torch.no_grad():
                parts.append(shift.apply(x, shift.sample(x, Rng.for_ids(self.seed, some.ids))))
        return torch.cat(parts)

    def _ask(self, x: torch.Tensor, y: torch.Tensor) -> Bools:
        right: Bools = (~self._read(x, y).broken).cpu().numpy()
        return right

    def _read(self, x: torch.Tensor, y: torch.Tensor) -> Reading:
        count_asked(len(x))
        return read(self.model, x.to(self.model.device), y.to(self.model.device))
