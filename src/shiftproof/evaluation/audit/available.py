"""Every number that a plan will have: what conditions may name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from shiftproof.evaluation.audit import collect
from shiftproof.evaluation.audit.plan import AuditPlan
from shiftproof.gate import Available
from shiftproof.gate.match import natural_spec
from shiftproof.gate.measured import DROP
from shiftproof.gate.names import AVERAGE
from shiftproof.models.abstract import Scores
from shiftproof.outcomes import Bound
from shiftproof.searches.abstract import Search


def available(plan: AuditPlan) -> list[Available]:
    """Every number that the plan will have, as (shift, search, risk, measure, group): what conditions may name."""
    groups = sorted({group for names in collect.group_namings(plan.data) for group in names.tolist()}) if plan.data.groups else []
    found: list[Available] = []
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
        if bound is Bound.ESTIMATE and plan.judge.asks:
            found.append((*pair, "mean", collect.CORRECTED, None))
        if plan.judge.graded:
            found.append((*pair, f"cvar(alpha={collect.TAIL})", f"{plan.judge.measure}_loss", None))
        if bound is not Bound.AT_LEAST and isinstance(plan.model, Scores) and plan.judge.said == "classes":
            found.append((*pair, f"cvar(alpha={collect.TAIL})", "error_probability", None))
        if bound is not Bound.AT_LEAST and cell.shift.name != "identity":
            found.append((*pair, "mean", DROP, None))
    for source in plan.natural:
        found += [(natural_spec(source.uri), AVERAGE, "mean", measure, None) for measure in (plan.judge.measure, DROP)]
    return list(dict.fromkeys([*found, *_available_measures(plan, groups)]))


def _available_measures(plan: AuditPlan, groups: Sequence[str]) -> Iterator[Available]:
    """The measures of stored answers, of everyone and of each group, and their drops from the sample as it is."""
    for cell in plan.cells:
        if not isinstance(cell.method, Search):
            continue
        own = cell.data == plan.data.fingerprint()
        shift = cell.shift.spec() if own else natural_spec(plan.sources[cell.data].uri)
        for measure in plan.measures:
            for place in [("mean", None), *(("group", group) for group in (groups if own else ()))]:
                risk, group = place
                yield shift, cell.method.spec(), risk, measure.spec(), group
                if not own or cell.shift.name != "identity":
                    yield shift, cell.method.spec(), risk, f"{DROP}({measure.spec()})", group
