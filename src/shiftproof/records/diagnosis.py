"""Whether verdicts can be trusted, as it is written: the checks against gradient masking."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from shiftproof.records.document import SENT, Record


class CheckRecord(Record):
    """One question of a diagnosis: its figure, and above which limit it fails."""

    name: str = Field(description="Stable snake_case word.")
    state: Literal["pass", "fail", "not_run"]
    figure: float | None = Field(default=None, description="What was measured; null where nothing was, or it is not finite.")
    limit: float | None = Field(default=None, description="The check fails above it.")
    detail: str = Field(description="One sentence: what the figure is, or why the check was not run.")
    search: str = Field(default="", description="Where it failed, the spec of the search to use next; empty where no search helps.")
    reference: str = Field(default="", description="Who published it.")


class Diagnosis(Record):
    """Whether a gradient search's verdict on one family of shifts can be trusted: the checks against gradient masking."""

    data: str
    shift: str = Field(description="Spec of the shift it was made under: the middle strength of its family in this run.")
    family: str = Field(description="Shift family that this diagnosis covers.")
    state: Literal["done", "failed", "missing"]
    error: str | None = Field(default=None, description="Traceback of a failed diagnosis.")
    examples: int = Field(default=0, description="Number of examples, spread over the sample, all classified correctly before the shift.")
    queries: int = Field(default=0, description="Queries per example of its search without gradients.")
    checks: list[CheckRecord] = Field(default_factory=list)
    note: str = Field(default="", description="Why there are no checks, where there are none.")
    asked: int = Field(default=0, description="Forwards asked of the budgets of its searches.")
    sent: int | None = Field(default=None, description=SENT)
    seconds: float = 0.0
    seed: int = 0

    @property
    def failed(self) -> list[CheckRecord]:
        """The checks that failed."""
        return [check for check in self.checks if check.state == "fail"]

    @property
    def ran(self) -> int:
        """How many checks came to a verdict."""
        return sum(check.state != "not_run" for check in self.checks)

    @property
    def next_searches(self) -> list[str]:
        """The specs that the failed checks recommend, each once, in order."""
        return list(dict.fromkeys(check.search for check in self.failed if check.search))
