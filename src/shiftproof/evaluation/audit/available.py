"""Every number that a plan will have: what conditions may name."""

from __future__ import annotations

from shiftproof.evaluation.audit import collect
from shiftproof.evaluation.audit.plan import AuditPlan
from shiftproof.gate.match import natural_spec
from shiftproof.models.abstract import Scores
from shiftproof.outcomes import Bound
from shiftproof.searches.abstract import Search


def available(plan: AuditPlan) -> list[tuple[str, str, str, str, str | None]]:
    """Every number that the plan will have, as (shift, search, risk, measure, group): what conditions may name."""
    groups = sorted({group for names in collect.group_namings(plan.data) for group in names.tolist()}) if plan.data.groups else []
    found: list[tuple[str, str, str, str, str | None]] = []
    for cell in plan.cells:
        bound = cell.method.bound
        subject = None if isinstance(cell.method, Search) else cell.method.subject
        measure = collect.measure_of(bound, subject, plan.judge)
        pair = (cell.shift.spec(), cell.method.spec())
        found.append((*pair, "mean", measure, None))
        if groups:
            found += [(*pair, "worst_group", measure, None), *((*pair, "group", measure, group) for group in groups)]
        if subject is not None:
            continue
        if isinstance(cell.method, Search) and cell.method.proves:
            found.append((*pair, "mean", collect.measure_of(Bound.AT_LEAST, None, plan.judge), None))
        if plan.judge.graded:
            found.append((*pair, f"cvar(alpha={collect.TAIL})", f"{plan.judge.measure}_loss", None))
        if bound is not Bound.AT_LEAST and isinstance(plan.model, Scores) and plan.judge.said == "classes":
            found.append((*pair, f"cvar(alpha={collect.TAIL})", "error_probability", None))
        if bound is not Bound.AT_LEAST and cell.shift.name != "identity":
            found.append((*pair, "mean", "drop", None))
    for source in plan.natural:
        found += [(natural_spec(source.uri), "one_draw", "mean", measure, None) for measure in (plan.judge.measure, "drop")]
    return list(dict.fromkeys(found))
