"""The result of one masking check, and the report of all of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum


class Status(str, Enum):
    """How a check ended."""

    PASS = "pass"  # noqa: S105
    FAIL = "fail"
    NOT_RUN = "not run"


@dataclass(frozen=True)
class Check:
    """One figure that tells an honest verdict from a masked one.

    Args:
        name: a stable snake_case word, for gates and tests.
        status: "pass", "fail", or "not run" where it does not apply; `detail` then says why.
        figure: what was measured; NaN where nothing was.
        limit: the check fails above it.
        detail: one sentence for people: what the figure is.
        search: where it failed, the spec of the search to use next; "" where no search helps.
        reference: who published it.
    """

    name: str
    status: Status
    figure: float
    limit: float
    detail: str
    search: str = ""
    reference: str = ""

    def __str__(self) -> str:
        figure = "" if math.isnan(self.figure) else f"{self.figure:.3g} (limit {self.limit:.3g})"
        fix = f" Next: {self.search}." if self.status is Status.FAIL and self.search else ""
        return f"{self.status.value:<8} {self.name:<20} {figure:<22} {self.detail}{fix}"


def measured(name: str, figure: float, limit: float, detail: str, *, search: str = "", reference: str = "") -> Check:
    """A check that ran: it fails where its figure is above the limit, or is not a number."""
    status = Status.PASS if figure <= limit else Status.FAIL
    return Check(name, status, figure, limit, detail, search if status is Status.FAIL else "", reference)


def not_run(name: str, why: str, *, reference: str = "") -> Check:
    """A check that does not apply, and why."""
    return Check(name, Status.NOT_RUN, math.nan, math.nan, why, reference=reference)


@dataclass(frozen=True)
class MaskingReport:
    """Whether a search's verdict on a model can be trusted, check by check.

    Args:
        model: the model's name.
        shift: the spec of the shift it was examined under.
        examples: how many examples, all of them right before anything moved.
        checks: what was found, in a fixed order.
    """

    model: str
    shift: str
    examples: int
    checks: tuple[Check, ...]

    @property
    def suspected(self) -> bool:
        """Whether any check failed: robust accuracy by gradient search is then unreliable."""
        return bool(self.failed)

    @property
    def failed(self) -> tuple[Check, ...]:
        """The checks that failed."""
        return tuple(check for check in self.checks if check.status is Status.FAIL)

    @property
    def next_searches(self) -> tuple[str, ...]:
        """The specs that the failed checks recommend, each once, in order."""
        return tuple(dict.fromkeys(check.search for check in self.failed if check.search))

    def __getitem__(self, name: str) -> Check:
        """The check called `name`."""
        return next(check for check in self.checks if check.name == name)

    def __str__(self) -> str:
        lines = [f"{self.model} under {self.shift}, {self.examples} examples", *map(str, self.checks)]
        ran = sum(check.status is not Status.NOT_RUN for check in self.checks)
        if self.suspected:
            search = f" Search again with {', then '.join(self.next_searches)}." if self.next_searches else ""
            lines.append(f"Masking suspected: {len(self.failed)} of {ran} checks failed.{search}")
        else:
            lines.append(f"Nothing suspicious: {ran} of {len(self.checks)} checks ran, none failed. That is no proof of robustness.")
        return "\n".join(lines)
