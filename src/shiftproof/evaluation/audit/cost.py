"""What a plan will cost, before it is paid: passes of the model, time measured on the model itself, tokens of an endpoint."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from shiftproof.certificates.smoothing.smoothed_attack import SmoothedAttack
from shiftproof.data.source import Source
from shiftproof.evaluation.audit.diagnose import QUERIES, PlannedDiagnosis
from shiftproof.evaluation.audit.plan import PROBES, AuditPlan
from shiftproof.evaluation.config import AuditConfig
from shiftproof.finding import Finding
from shiftproof.models.answers import rows_of
from shiftproof.models.endpoint import EndpointLabels, EndpointScores
from shiftproof.models.posting import EndpointOptions
from shiftproof.runs.cell import Cell
from shiftproof.runs.work import measured_chunk
from shiftproof.searches.abstract import Search
from shiftproof.shifts.abstract import Shift

LOOKS = 64
"""Rows that looking at a model on a sample takes at most."""
PATIENCE = 5.0
"""Seconds that measuring takes, about."""
_SLICE = 0.5
"""Seconds that measuring one part may take before it is measured on more examples."""
_FIRST, _MORE, _SHARE = 8, 4, 8
"""Examples that a part is measured on at first, by how much more then, and one in how many at most."""
_DIAGNOSIS_PASSES = 2400 + QUERIES
"""Passes of `masking`, an example."""
_LETTERS = 4
"""Letters in a token, about."""


@dataclass(frozen=True, eq=False)
class PlannedPart:
    """What is run or left out as a whole: a cell with all its shards, a curve or a diagnosis."""

    name: str
    shift: str
    search: str
    data: Source
    examples: int
    work: Cell | PlannedDiagnosis

    @property
    def unmoved(self) -> bool:
        """Whether it is the sample as it is, which everything else is compared with."""
        return isinstance(self.work, Cell) and self.work == self.work.unmoved

    @property
    def passes(self) -> int:
        """The most passes of the model that it takes, an example."""
        if isinstance(self.work, PlannedDiagnosis):
            return _DIAGNOSIS_PASSES
        method = self.work.method
        if isinstance(method, Search):
            return 1 + method.most_passes(self.work.shift)
        if isinstance(method, SmoothedAttack):
            return method.copies * (2 * method.steps + 2) + 2 * method.draws
        options = method.options()  # a bound reads the model, and asks it for its decision; smoothing asks it about noisy copies
        return 1 + sum(int(options.get(name, 0)) for name in ("draws", "selection"))


def _with_strength(shift: Shift) -> str:
    """A shift's spec, with its strength where the spec leaves it at its default."""
    spec = shift.spec()
    return spec if "(" in spec or shift.strength is None else f"{spec}({shift.strength}={shift.full_strength:g})"


def parts_of(plan: AuditPlan) -> list[PlannedPart]:
    """The parts of a plan, in the order in which they are run."""
    found: dict[str, PlannedPart] = {}
    for what, cells in (("", plan.cells), ("curve of ", plan.curves)):
        for cell in cells:
            shift, search = cell.shift.spec(), cell.method.spec()
            source = plan.sources[cell.data]
            place = "" if source is plan.data else f" on {source.uri}"
            part = PlannedPart(f"{what}{_with_strength(cell.shift)} under {search}{place}", shift, search, source, cell.total, cell)
            found.setdefault(what + cell.group, part)
    for question in plan.diagnoses:
        shift = question.shift.spec()
        found[question.key()] = PlannedPart(f"diagnosis of {shift}", shift, "masking", plan.data, question.examples, question)
    return list(found.values())


@dataclass(frozen=True)
class PartCost:
    """What one part will cost.

    Args:
        part: its name.
        shift, search: specs.
        data: URI of the sample.
        examples: how many.
        rows: forwards and backwards of the model, an input each, at most.
        seconds: about, as measured on a few examples, or for `rows` where `measured` is False.
        measured: whether the part itself was run on a few examples.
    """

    part: str
    shift: str
    search: str
    data: str
    examples: int
    rows: int
    seconds: float
    measured: bool


@dataclass(frozen=True)
class TokensPerRow:
    """About how many tokens a row costs an endpoint, by the length of the texts: 4 letters a token."""

    sent: float
    answered: float

    def money(self, rows: int, price: tuple[float, float]) -> float:
        """What rows cost, with `price` for a million tokens sent and answered."""
        return rows * (self.sent * price[0] + self.answered * price[1]) / 1e6


@dataclass(frozen=True)
class PlanCost:
    """What a whole plan will cost.

    Args:
        parts: its parts, in the order in which they are run.
        rows: all of them together, and those of the looks before.
        seconds: about, in one process or in those that were asked for.
        requests: of an endpoint, about; None for other models.
        tokens: of a row; None where the model is no endpoint and the data are no texts.
    """

    parts: tuple[PartCost, ...]
    rows: int
    seconds: float
    requests: int | None = None
    tokens: TokensPerRow | None = None


def plan_cost(plan: AuditPlan, config: AuditConfig, *, patience: float = PATIENCE) -> PlanCost:
    """Measures the parts of a plan on a few examples, and says what the whole will cost.

    Args:
        plan: what would be run.
        config: how.
        patience: seconds to measure for, about; with 0 only the sample as it is is asked about, and times are those of the rows alone.

    An endpoint is asked about 16 inputs only, since every question may cost money. Otherwise each part is run on an eighth of its
    examples at most.
    """
    endpoint = isinstance(plan.model, EndpointScores | EndpointLabels)
    until = time.monotonic() + patience
    parts = parts_of(plan)
    unmoved, said = _timed(plan, config, parts[0], PROBES if endpoint else config.batch_size)
    costs = tuple(_cost(plan, config, part, unmoved, until=0.0 if endpoint else until) for part in parts)
    rows = sum(cost.rows for cost in costs) + LOOKS * len(plan.sources)
    seconds = sum(cost.seconds for cost in costs) / (config.workers if config.backend == "processes" else 1)
    return PlanCost(
        costs,
        rows,
        seconds,
        requests=math.ceil(rows / EndpointOptions().rows) if endpoint else None,
        tokens=_tokens(plan, said) if endpoint or plan.data.space.kind == "text" else None,
    )


def _cost(plan: AuditPlan, config: AuditConfig, part: PlannedPart, unmoved: float, *, until: float) -> PartCost:
    """A part's cost; `unmoved` is the seconds of one row as it is."""
    runs = list(_growing(plan, config, part, until)) if isinstance(part.work, Cell) else []
    rows = _sent(plan, part, config.batch_size) * part.passes
    seconds = _whole(part.examples, config.batch_size, runs) if runs else rows * unmoved
    return PartCost(part.name, part.shift, part.search, part.data.uri, part.examples, rows, seconds, bool(runs))


def _sent(plan: AuditPlan, part: PlannedPart, batch_size: int) -> int:
    """The rows of one pass over the examples: batches are filled up, but for texts and endpoints."""
    if plan.data.space.kind == "text" or isinstance(plan.model, EndpointScores | EndpointLabels):
        return part.examples
    whole, rest = divmod(part.examples, batch_size)
    return whole * rows_of(batch_size) + rows_of(rest)


def _growing(plan: AuditPlan, config: AuditConfig, part: PlannedPart, until: float) -> Iterator[tuple[int, float]]:
    """The part on more and more examples, as long as there is time: how many, and the seconds that they took."""
    n, most = 0, min(config.batch_size, part.examples, max(_FIRST, part.examples // _SHARE))
    while n < most and time.monotonic() < until:
        if not n:
            _run(plan, config, part, 1)  # the first time loads what is needed
        n = min(max(_FIRST, n * _MORE), most)
        took, _ = _run(plan, config, part, n)
        yield n, took
        if took > _SLICE / _MORE:
            return


def _whole(examples: int, batch_size: int, runs: Sequence[tuple[int, float]]) -> float:
    """Seconds for all examples: each batch costs something, and each example in it; the last two runs tell the two apart."""
    n, took = runs[-1]
    if len(runs) == 1 or n >= batch_size:
        return took * examples / n
    fewer, before = runs[-2]
    slope = max(took - before, 0.0) / (n - fewer)
    return math.ceil(examples / batch_size) * max(took - slope * n, 0.0) + slope * examples


def _timed(plan: AuditPlan, config: AuditConfig, part: PlannedPart, n: int) -> tuple[float, Finding]:
    """Seconds of one row of the sample as it is, and what was said of it."""
    if n > PROBES:
        _run(plan, config, part, PROBES)  # the first time loads what is needed
    took, found = _run(plan, config, part, min(n, part.examples))
    return took / len(found), found


def _run(plan: AuditPlan, config: AuditConfig, part: PlannedPart, n: int) -> tuple[float, Finding]:
    assert isinstance(part.work, Cell)  # a diagnosis is not run on a few examples
    examples = part.data.take(slice(0, n))
    before = time.monotonic()
    found = measured_chunk(plan.model, part.work, examples, batch_size=config.batch_size, flags=plan.flags[part.data.fingerprint()])
    return time.monotonic() - before, found


def _tokens(plan: AuditPlan, said: Finding) -> TokensPerRow:
    x = plan.data.take(slice(0, len(said))).x
    sent = [json.dumps(row) for row in x.tolist()] if isinstance(x, torch.Tensor) else [str(row) for row in x]
    answers: Sequence[Any] = said.prediction.tolist() if said.said is None else [row.round(4).tolist() for row in said.said]
    return TokensPerRow(_mean_tokens(sent), _mean_tokens([str(answer) for answer in answers]))


def _mean_tokens(texts: Sequence[str]) -> float:
    return sum(map(len, texts)) / max(len(texts), 1) / _LETTERS
