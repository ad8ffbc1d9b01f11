"""Which parts of a plan are run: all, those that a budget allows, or those that an earlier plan chose."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from shiftproof._errors import UsageError, must
from shiftproof._part import Part
from shiftproof._secrets import without_secrets
from shiftproof.evaluation.audit.available import available
from shiftproof.evaluation.audit.cost import LOOKS, PATIENCE, PlannedPart, Tokens, parts_of, plan_cost
from shiftproof.evaluation.audit.plan import AuditPlan
from shiftproof.evaluation.config import AuditConfig
from shiftproof.gate import check_against
from shiftproof.gate.match import entries_of, parsed, select
from shiftproof.records.audit import LeftOut
from shiftproof.runs.cell import Cell
from shiftproof.runs.store import read_plan

BUDGET, CUT, OPTIONS = "budget", "left out by the budget", "options"
"""The entries of a stored plan that a budget adds: the budget, the parts that it left out, and the options that lead to the same parts."""
_KEPT = (
    "data",
    "box",
    "limit",
    "shift_from",
    "suite",
    "shifts",
    "searches",
    "judge",
    "certify",
    "curves",
    "diagnose",
    "seed",
    "confidence",
)
"""Options that a stored plan brings along; the model, the folder and the gate are those of the call."""
_SECONDS = {"s": 1, "m": 60, "h": 3600}
_FORM = "be a time, rows or tokens, above 0, such as 10m, 20000 rows or 200000 tokens"


@dataclass(frozen=True)
class Budget:
    """What a run may cost, in seconds, rows (passes of the model) or tokens."""

    text: str
    amount: float
    unit: Literal["seconds", "rows", "tokens"]


def read_budget(text: str) -> Budget:
    """A budget such as 10m, 90s, 2h, 20000 rows or 200000 tokens.

    >>> read_budget("10m").amount, read_budget("20000rows").unit
    (600.0, 'rows')
    """
    found = re.fullmatch(r"\s*([0-9][0-9_,.]*)\s*(s|m|h|rows|tokens)\s*", text)
    try:
        number = float(found[1].replace(",", "").replace("_", "")) if found else 0.0
    except ValueError:
        number = 0.0
    if found is None or not number > 0:
        raise must("budget", "the audit", _FORM, text)
    if found[2] in _SECONDS:
        return Budget(text.strip(), number * _SECONDS[found[2]], "seconds")
    return Budget(text.strip(), number, "rows" if found[2] == "rows" else "tokens")


def chosen_plan(config: AuditConfig, plan: AuditPlan, out: Path | None) -> AuditPlan:
    """The plan that is run, with what was left out of it and why.

    A budget chooses once: a folder whose run has chosen keeps its choice, however fast the model is today. Rows and tokens are counted at
    their most, so that a run never spends more than its budget; time is measured.

    Raises:
        UsageError: a condition is about a number that the run will not have, or that the budget left out; the budget does not pay for the
            sample as it is; or the stored plan is of another model, other data or other parts.
    """
    whole = available(plan)
    check_against(config.fail_on, whole)
    if config.budget is not None and config.plan is not None:
        raise UsageError("Give either --budget, which chooses a plan, or --plan FILE, which has been chosen.")
    if config.plan is not None:
        chosen = _as_stored(plan, read_plan(plan_file(config.plan)), config.plan)
    elif config.budget is not None:
        chosen = _within(plan, config, read_budget(config.budget), _stored_choice(out, config.budget))
    else:
        return plan
    kept = set(available(chosen))
    lost = [entry for entry in whole if entry not in kept]
    for condition in parsed(config.fail_on):
        if select(condition, entries_of(lost)):
            raise UsageError(
                f"The condition '{condition}' is about numbers that the budget of {chosen.chosen[BUDGET]} leaves out: "
                f"{'; '.join(chosen.chosen[CUT])}. Raise --budget, or take the condition out."
            )
    return chosen


def plan_file(given: str) -> Path:
    """A stored plan: the file, or the folder of the run that stored it."""
    path = Path(given).expanduser()
    return path / "plan.json" if path.is_dir() else path


def options_of_plan(given: str) -> dict[str, Any]:
    """The options that a stored plan brings along, for what the call does not say.

    Raises:
        UsageError: it is not there, cannot be read, or no budget chose it.
    """
    written = read_plan(plan_file(given))
    if BUDGET not in written:
        raise UsageError(
            f"The plan '{given}' is that of a whole run: no budget chose its parts. Make one with: shiftproof audit --budget 10m ..."
        )
    found: dict[str, Any] = written[OPTIONS]
    return found


def _stored_choice(out: Path | None, budget: str) -> Collection[str] | None:
    """The parts that an earlier call with the same budget left out of the run in this folder; None where there was none."""
    if out is None or not (out / "plan.json").exists():
        return None
    written = read_plan(out / "plan.json")
    return written[CUT] if written.get(BUDGET) == read_budget(budget).text else None


def _within(plan: AuditPlan, config: AuditConfig, budget: Budget, stored: Collection[str] | None) -> AuditPlan:
    parts = parts_of(plan)
    if stored is not None:
        return _cut(plan, parts, dict.fromkeys(stored, _reason(budget, None)), budget.text, _options(config))
    cost = plan_cost(plan, config, patience=PATIENCE if budget.unit == "seconds" else 0.0)
    looks = _need(budget, LOOKS * len(plan.sources), 0.0, cost.tokens)
    left = budget.amount - looks
    out: dict[str, str] = {}
    for part, price in zip(parts, cost.parts, strict=True):
        need = _need(budget, price.rows, price.seconds, cost.tokens)
        if need <= left:
            left -= need
        elif part.unmoved:
            raise must(
                "budget", "the audit", f"pay for the sample as it is, which takes {_amount(need + looks, budget)}", budget.text, "Raise it."
            )
        else:
            out[part.name] = _reason(budget, need)
    return _cut(plan, parts, out, budget.text, _options(config))


def _need(budget: Budget, rows: int, seconds: float, tokens: Tokens | None) -> float:
    """What so many rows and seconds take of the budget, in its unit."""
    if budget.unit == "seconds":
        return seconds
    if budget.unit == "rows":
        return rows
    if tokens is None:
        hint = "Tokens are counted for endpoints and texts. Give a time or rows."
        raise must("budget", "the audit", "be a time or rows for this model", budget.text, hint)
    return rows * (tokens.sent + tokens.answered)


def _amount(need: float, budget: Budget) -> str:
    return f"{need:,.1f} s" if budget.unit == "seconds" else f"{need:,.0f} {budget.unit}"


def _reason(budget: Budget, need: float | None) -> str:
    most = "about" if budget.unit == "seconds" else "up to"
    return f"the budget of {budget.text} leaves it out" + ("" if need is None else f": it takes {most} {_amount(need, budget)}")


def _as_stored(plan: AuditPlan, written: Mapping[str, Any], given: str) -> AuditPlan:
    """The parts that a stored plan has.

    Raises:
        UsageError: it is of another model, other data or other parts.
    """
    hint = "Choose a plan for this one with --budget."
    if written.get("model") != plan.known.name:
        raise must("plan", "the audit", f"be one of the model '{plan.known.name}'", written.get("model"), hint)
    if written.get("data") != [source.fingerprint() for source in (plan.data, *plan.natural)]:
        raise UsageError(f"The plan '{given}' was chosen for other data than {plan.data.uri}. {hint}")
    parts = parts_of(plan)
    there = {*written["parts"], *written[CUT]}
    new = [part.name for part in parts if part.name not in there]
    gone = sorted(there - {part.name for part in parts})
    if new or gone:
        changed = "; ".join([*(f"{name} is not in it" for name in new), *(f"{name} is not in this call" for name in gone)])
        raise UsageError(f"The plan '{given}' has other parts than this call: {changed}. {hint}")
    budget = read_budget(written[BUDGET])
    return _cut(plan, parts, dict.fromkeys(written[CUT], _reason(budget, None)), budget.text, written[OPTIONS])


def _cut(plan: AuditPlan, parts: Sequence[PlannedPart], reasons: Mapping[str, str], budget: str, options: Mapping[str, Any]) -> AuditPlan:
    """The plan without the parts that there is a reason to leave out."""
    out = [part for part in parts if part.name in reasons]
    cells = {part.work.group for part in out if isinstance(part.work, Cell)}
    questions = [part.work for part in out]
    return replace(
        plan,
        cells=tuple(cell for cell in plan.cells if cell.group not in cells),
        curves=tuple(cell for cell in plan.curves if cell.group not in cells),
        diagnoses=tuple(question for question in plan.diagnoses if question not in questions),
        left_out=(*plan.left_out, *(LeftOut(shift=part.shift, search=part.search, reason=reasons[part.name]) for part in out)),
        chosen={
            BUDGET: budget,
            CUT: [part.name for part in out],
            "parts": [part.name for part in parts if part.name not in reasons],
            OPTIONS: options,
        },
    )


def _options(config: AuditConfig) -> dict[str, Any]:
    """The options that lead to the same parts again, as JSON has them; data in memory are left out."""
    found: dict[str, Any] = {}
    for name in _KEPT:
        value = getattr(config, name)
        if value is not None and value != () and _is_plain(value):
            found[name] = _as_text(value)
    return found


def _is_plain(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(map(_is_plain, value))
    return isinstance(value, str | int | float | Part) and (not isinstance(value, str) or without_secrets(value) == value)


def _as_text(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(map(_as_text, value))
    return value.spec() if isinstance(value, Part) else value
