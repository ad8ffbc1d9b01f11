"""pytest fixtures that measure a model and hold it to conditions.

Loaded by pytest itself wherever shiftproof is installed, so importing it imports nothing heavy: all work is in the fixtures.

Example::

    def test_robustness(shiftproof_audit, shiftproof_gate):
        report = shiftproof_audit(my_model, "digits:", shifts=["linf(eps=0.1)"])
        shiftproof_gate(report, "accuracy < 0.9", "linf(eps=0.1).robust_accuracy < 0.6")
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, Protocol

import pytest

if TYPE_CHECKING:
    from shiftproof.evaluation.audit.report import Report
    from shiftproof.evaluation.config import AuditConfig
    from shiftproof.records.audit import Audit, CellRecord, GateRecord


class AuditFactory(Protocol):
    """What the fixture `shiftproof_audit` gives."""

    def __call__(self, model: object, data: object, **options: object) -> Report:
        """`shiftproof.audit` of the same arguments; a run whose numbers would be the same is not repeated."""


class Gate(Protocol):
    """What the fixture `shiftproof_gate` gives."""

    def __call__(self, report: Report | Audit, *conditions: str) -> list[GateRecord]:
        """Fails the test where one of the conditions is true, where one cannot be judged, or where the run is incomplete."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """The folder of runs: an option, and an ini value of the same meaning."""
    group = parser.getgroup("shiftproof")
    folder = "Folder that keeps shiftproof's runs, so that the next session goes on from there. Without it, a temporary one."
    group.addoption("--shiftproof-out", metavar="DIR", default=None, help=folder)
    parser.addini("shiftproof_out", help=f"{folder} Relative to the root folder.", default="")


@pytest.fixture(scope="session")
def shiftproof_audit(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AuditFactory:
    """A function like `shiftproof.audit`, without a progress bar; equal runs are made once a session, or once for all in an out folder."""
    home = _home(request.config) or tmp_path_factory.mktemp("shiftproof")
    reports: dict[tuple[str, ...], Report] = {}

    def audit(model: object, data: object, **options: object) -> Report:
        from shiftproof.evaluation.config import make_config

        config = make_config({"model": model, "data": data, **options})
        with _no_exit():
            return measured(config)

    def measured(config: AuditConfig) -> Report:
        from shiftproof.evaluation.audit.audit import run_audit
        from shiftproof.evaluation.audit.plan import make_plan
        from shiftproof.runs.cell import key_of
        from shiftproof.runs.store import ANSWERS

        # The model may be an object that has changed since (trained further), so runs are distinguished by what they will measure.
        plan = make_plan(config)
        identity = {name: str(value) for name, value in plan.identity(config).items() if name != ANSWERS}
        name = f"{re.sub('[^A-Za-z0-9_.-]+', '_', plan.model.name)[:40]}-{key_of(identity)}"
        folder = config.out or str(home / name)
        key = (name, folder, *config.fail_on, *map(str, config.measures))
        if key not in reports:
            reports[key] = run_audit(config.model_copy(update={"out": folder}), progress=False)
        return reports[key]

    return audit


@pytest.fixture(scope="session")
def shiftproof_gate() -> Gate:
    """A function that fails the test where a condition on a report is true: `shiftproof_gate(report, "accuracy < 0.9", ...)`."""

    def gate(report: Report | Audit, *conditions: str) -> list[GateRecord]:
        from shiftproof._errors import UsageError
        from shiftproof.gate import available_in, check_against, exit_code, verdicts
        from shiftproof.records.audit import Audit

        __tracebackhide__ = True
        record = report if isinstance(report, Audit) else report.record
        if not conditions:
            pytest.fail("shiftproof_gate needs at least one condition under which the test fails, for example 'accuracy < 0.9'.")
        try:
            if record.complete:  # else what is missing may just be unfinished, and is said so below
                check_against(conditions, available_in(record))
            found = verdicts(record, conditions)
        except UsageError as error:
            pytest.fail(str(error))
        records = [verdict.record() for verdict in found]
        if exit_code(records, record.complete, too_many_missing=record.too_many_missing):
            from shiftproof.gate import table

            pytest.fail("\n".join([_headline(record, records), table(found), *_unfinished(record)]))
        return records

    return gate


@contextmanager
def _no_exit() -> Iterator[None]:
    """Makes `os._exit` an error inside the block: a model that calls it would end pytest with the exit code of tests that passed.

    Exits that Python does not see (C's `exit`, a reference to `os._exit` taken before) are not caught here; `shiftproof audit` catches all.
    """
    leave, process = os._exit, os.getpid()

    def refuse(status: int) -> NoReturn:
        if os.getpid() != process:  # a child process of the model's own
            leave(status)
        raise RuntimeError(f"The model, or code that it loads, called os._exit({status}), which would end pytest without a verdict.")

    os._exit = refuse
    try:
        yield
    finally:
        os._exit = leave


def _home(config: pytest.Config) -> Path | None:
    """The folder that was asked for; each process of pytest-xdist has its own in it, as two writers of one run would get in their way."""
    asked = config.getoption("--shiftproof-out")
    ini = str(config.getini("shiftproof_out"))
    if not asked and not ini:
        return None
    folder = config.invocation_params.dir / str(asked) if asked else config.rootpath / ini
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    return folder / worker if worker else folder


def _headline(audit: Audit, records: list[GateRecord]) -> str:
    failed = sum(record.failed and record.value is not None for record in records)
    unjudged = sum(record.value is None for record in records)
    parts = [f"fails {failed} of {len(records)} conditions"] if failed else []
    parts += [f"cannot be judged on {unjudged} of {len(records)} conditions"] if unjudged else []
    return f"The model '{audit.model.name}' on {audit.data.uri} {' and '.join(parts) or 'was not measured to the end'}:"


def _unfinished(audit: Audit) -> list[str]:
    """A line for each cell that has no result, or to some of whose examples no answer came."""
    return [f"The cell {cell.shift} under {cell.search} is {cell.state}{_why(cell)}" for cell in audit.cells if cell.state != "done"]


def _why(cell: CellRecord) -> str:
    if cell.unanswered:
        return f": no answer came to {cell.unanswered} of {cell.n} examples."
    return f": {cell.error.strip().splitlines()[-1]}" if cell.error else "."
