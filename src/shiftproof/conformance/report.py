"""The results of checks, and how a check is run."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

CheckStatus = Literal["pass", "fail", "skip"]
C = TypeVar("C")
_SHOWN = 2
"""The most messages of a check that the table shows."""


class Failed(Exception):
    """The part violates the contract; the message says what was observed and how to fix it."""


class NotApplicable(Exception):
    """The check does not apply to this part; the message says why."""


@dataclass(frozen=True)
class CheckResult:
    """One check of one case.

    Args:
        check: its name, snake_case.
        meaning: what it checks, in one line.
        case: what it ran on, such as "linf(eps=0.1) on vectors".
        status: "pass", "fail" or "skip".
        message: for a failure, what was observed and how to fix it; for a skipped check, the reason.
    """

    check: str
    meaning: str
    case: str
    status: CheckStatus
    message: str = ""


@dataclass(frozen=True)
class ConformanceReport:
    """All checks of one part; printing it gives a table.

    Args:
        target: what was checked.
        kind: "shift", "search", "risk", "certificate", "defence", "method" or "model".
        results: one entry per check and case.
    """

    target: str
    kind: str
    results: tuple[CheckResult, ...]

    @property
    def passed(self) -> bool:
        """Whether no check failed and at least one passed."""
        return not self.failures and any(r.status == "pass" for r in self.results)

    @property
    def failures(self) -> tuple[CheckResult, ...]:
        """The checks that failed."""
        return tuple(r for r in self.results if r.status == "fail")

    def __str__(self) -> str:
        by_check: dict[str, list[CheckResult]] = {}
        for result in self.results:
            by_check.setdefault(result.check, []).append(result)
        width = max(map(len, by_check), default=0)
        lines = [f"{self.kind} {self.target}", ""]
        for check, results in by_check.items():
            lines += _rows(check.ljust(width), results)
        count = {status: sum(_status(r) == status for r in by_check.values()) for status in ("pass", "fail", "skip")}
        verdict = "passes" if self.passed else "FAILS"
        lines += ["", f"{self.target} {verdict}: {count['pass']} checks passed, {count['fail']} failed, {count['skip']} skipped."]
        return "\n".join(lines)


def _status(results: Sequence[CheckResult]) -> CheckStatus:
    """The status of one check over its cases: "fail" if any failed, "skip" if all were skipped."""
    seen = {r.status for r in results}
    return "fail" if "fail" in seen else "pass" if "pass" in seen else "skip"


def _rows(name: str, results: Sequence[CheckResult]) -> list[str]:
    status = _status(results)
    rows = [f"{status}  {name}  {results[0].meaning}"]
    if status == "pass":
        return rows
    cases: dict[str, list[str]] = {}
    for result in results:
        if result.status == status:
            cases.setdefault(result.message, []).append(result.case)
    for message, where in list(cases.items())[:_SHOWN]:
        more = f" and {len(where) - 1} more" if len(where) > 1 else ""
        rows.append(f"      on {where[0]}{more}:")
        rows += [f"        {line}" for line in message.splitlines()]
    if len(cases) > _SHOWN:
        rows.append(f"      and {len(cases) - _SHOWN} more messages.")
    return rows


def run_checks(checks: Sequence[Callable[[C], None]], subject: C, case: str) -> list[CheckResult]:
    """Runs each check on one subject. Its name is that of the function, and its meaning the first line of the docstring."""
    return [_run(check, subject, case) for check in checks]


def _run(check: Callable[[C], None], subject: C, case: str) -> CheckResult:
    meaning = (check.__doc__ or "").strip().split("\n")[0]
    status: CheckStatus = "pass"
    message = ""
    try:
        check(subject)
    except Failed as failure:
        status, message = "fail", str(failure)
    except NotApplicable as reason:
        status, message = "skip", str(reason)
    except Exception as error:  # the part is the user's code: any error is shown with its location
        status, message = "fail", describe(error)
    return CheckResult(check.__name__, meaning, case, status, message)


def describe(error: Exception) -> str:
    """The error and its location outside the checks."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if Path(f.filename).parent != Path(__file__).parent]
    where = f"\n  at {Path(frames[-1].filename).name}:{frames[-1].lineno}, in {frames[-1].name}: {frames[-1].line}" if frames else ""
    return f"It raised {type(error).__name__}: {error}{where}"


def expect(condition: bool, message: str) -> None:
    """Fails the check with `message` unless the condition holds."""
    if not condition:
        raise Failed(message)
