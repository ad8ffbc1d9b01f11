"""Suites: which shifts under which searches fit a kind of data and what a model gives, with what was left out and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch

from shiftproof._errors import MissingExtra, UsageError, unknown
from shiftproof.data.space import FieldsSpace, InputSpace, Space
from shiftproof.judges.abstract import Judge
from shiftproof.judges.classify import CLASSIFY
from shiftproof.models.abstract import Access, access_name
from shiftproof.records.audit import LeftOut
from shiftproof.searches import searches
from shiftproof.searches.abstract import Search, judged_objection
from shiftproof.shifts import shifts
from shiftproof.shifts.abstract import Boxed, Shift
from shiftproof.shifts.norms.ball import Ball
from shiftproof.suites import image, table, text
from shiftproof.suites.common import AVERAGE, SuiteRuns
from shiftproof.suites.published import PUBLISHED

GENERAL = ("quick", "standard", "thorough")
NAMES = (*GENERAL, *PUBLISHED)

ATTACK = {"quick": "gradient_ascent(steps=20)", "standard": "cascade", "thorough": "cascade"}
"""The gradient search of each suite. `quick` keeps a short one: the cascade costs some 15 times as much."""
BLIND = {
    "quick": ("square(queries=100)", "hop_skip_jump(queries=200)", "best_of_n(n=10)"),
    "standard": ("square(queries=1000)", "hop_skip_jump(queries=1000)", "best_of_n(n=20)"),
    "thorough": ("square(queries=5000)", "hop_skip_jump(queries=5000)", "best_of_n(n=100)"),
}
"""Searches without gradients, the strongest first: by scores, by decisions, by chance."""
OF_NUMBERS = {
    "quick": "gradient_ascent(steps=20)",
    "standard": "gradient_ascent(steps=100, restarts=5)",
    "thorough": "gradient_ascent(steps=100, restarts=20)",
}
"""The gradient search of each suite where no classes are judged."""
CONTROL = {"quick": ("best_of_n(n=10)",), "standard": (), "thorough": ("square(queries=1000)",)}
"""What is run beside a gradient search, to see whether gradients mislead."""
USUAL = ("greedy", "gradient_ascent", "grid", "best_of_n(n=20)")
"""What is run on shifts that are not balls, the strongest first: the first that fits."""
ShiftAndSearch = tuple[Shift, Search]
Match = Callable[[Search], Search]
"""A search as it should be run on the model at hand."""


@dataclass(frozen=True)
class SuiteChoice:
    """What will be run, in order, and what will not."""

    pairs: tuple[ShiftAndSearch, ...]
    left_out: tuple[LeftOut, ...]


def as_it_is(search: Search) -> Search:
    """No matching."""
    return search


def suite_named(
    name: str, space: Space, access: Access, shape: tuple[int, ...], *, match: Match = as_it_is, judge: Judge = CLASSIFY
) -> SuiteChoice:
    """The suite called `name` for data of this space (and, where they are tensors, input shape) and a model that gives `access`."""
    if name not in NAMES:
        raise unknown("suite", name, NAMES)
    chosen: list[ShiftAndSearch] = []
    left: list[LeftOut] = []
    for shift_spec, search_specs in _wanted(name, space, shape):
        kinds = shifts.get(shift_spec.partition("(")[0]).kinds
        if space.kind not in kinds and not shift_spec.startswith("on("):
            left.append(_out(shift_spec, "any", f"it moves {' or '.join(sorted(kinds))} data, and this is a {space.kind}"))
            continue
        try:
            shift = shifts.build(shift_spec).within(space)
            if shape:
                shift.check_inputs(torch.empty(1).expand(1, *shape))
        except MissingExtra:
            raise  # a suite is measured whole: what only needs an install is not left out
        except UsageError as error:  # the suite chose it, not the user: what does not fit these inputs is left out
            left.append(_out(shift_spec, "any", str(error).rstrip(".")))
            continue
        for spec in (*search_specs, *(_attacks(name, shift, access, match, judge) if isinstance(shift, Ball) else ())):
            search, reason = _matched(searches.build(spec), shift, access, match, judge)
            if reason:
                left.append(_out(shift.spec(), search.spec(), reason))
            else:
                chosen.append((shift, search))
    return SuiteChoice(tuple(chosen), tuple(left))


def _wanted(name: str, space: Space, shape: tuple[int, ...]) -> SuiteRuns:
    """Shifts with their searches, before anything is left out; norm balls get their worst case from `_attacks`."""
    if name in PUBLISHED:
        return [(spec, (AVERAGE,)) for spec in PUBLISHED[name]]
    if isinstance(space, FieldsSpace):
        return [
            (f"on(field={field}, inner={spec})", how)
            for field, inner in space.fields
            for spec, how in _wanted(name, inner, ())
            if not isinstance(inner, InputSpace)  # the worst case in a ball needs gradients, which a field has none of
        ]
    if space.kind == "text":
        return text.wanted(name)
    if not isinstance(space, InputSpace):
        raise UsageError(f"There is no suite for data of kind '{space.kind}'. Name shifts with --shift.")
    return image.wanted(name, space, shape) if space.kind == "image" else table.wanted(name, space)


def _attacks(name: str, shift: Ball, access: Access, match: Match, judge: Judge) -> tuple[str, ...]:
    """The worst case in a norm ball: the gradient search, and where it does not fit the strongest search without gradients that does.

    A model that gives gradients is also asked without them where that says something: whether gradients mislead. The cascade asks so by
    itself, so that only `quick`, whose gradient search is short, and `thorough`, which asks longer, do it again.
    """
    attack, blind = ATTACK[name], BLIND[name]
    if judge.said != "classes":
        attack = OF_NUMBERS[name]
    if not _refusal(attack, shift, access, match, judge):
        return (attack, *CONTROL[name])
    strongest = next((spec for spec in blind if not _refusal(spec, shift, access, match, judge)), blind[-1])
    return (attack, *dict.fromkeys((strongest, blind[-1])))


def crossed(
    shift_parts: Sequence[Shift],
    search_parts: Sequence[Search],
    space: Space,
    access: Access,
    *,
    match: Match = as_it_is,
    judge: Judge = CLASSIFY,
) -> SuiteChoice:
    """Every shift under every search that can search it; without searches, the average case and the strongest fitting worst case.

    Raises:
        UsageError: a shift or search that was asked for by name fits nothing at all.
    """
    pairs: list[ShiftAndSearch] = []
    left: list[LeftOut] = []
    bound = [shift.within(space) for shift in shift_parts]
    used: set[str] = set()
    for shift in bound:
        for asked in search_parts or _usual(shift, access, match, judge):
            search, reason = _matched(asked, shift, access, match, judge)
            if reason:
                left.append(_out(shift.spec(), asked.spec(), reason))
            else:
                pairs.append((shift, search))
                used.add(asked.spec())
    _nothing_left("search", [s.spec() for s in search_parts], used, left)
    _nothing_left("shift", [s.spec() for s in bound], {shift.spec() for shift, _ in pairs}, left)
    return SuiteChoice(tuple(pairs), tuple(left))


def _nothing_left(what: str, asked: Iterable[str], used: set[str], left: Sequence[LeftOut]) -> None:
    for spec in asked:
        if spec not in used:
            reasons = sorted({out.reason for out in left if spec in (out.search, out.shift)})
            raise UsageError(f"The {what} {spec} cannot be used here: {'; '.join(reasons)}.")


_FEW = 16
"""Numbers of a move up to which evolution finds more than one climb along the gradient, which ends on the nearest slope."""


def _usual(shift: Shift, access: Access, match: Match, judge: Judge) -> list[Search]:
    """The average case, and the strongest worst case that fits."""
    chain: tuple[str, ...] = (ATTACK["standard"], OF_NUMBERS["standard"], *BLIND["standard"]) if isinstance(shift, Ball) else USUAL
    if isinstance(shift, Boxed):
        seeds = shift.seeds.tolist()
        if seeds.count(False) <= _FEW and not (any(seeds) and seeds.count(False) == 1):  # beside one number, draws find more
            chain = ("evolution", *chain)
    worst = [spec for spec in chain if not _refusal(spec, shift, access, match, judge)][:1]
    return [searches.build(spec) for spec in (AVERAGE, *worst)]


def _refusal(spec: str, shift: Shift, access: Access, match: Match, judge: Judge) -> str | None:
    return _matched(searches.build(spec), shift, access, match, judge)[1]


def _matched(search: Search, shift: Shift, access: Access, match: Match, judge: Judge) -> tuple[Search, str | None]:
    """The search as it should be run on the model, and why it cannot be."""
    try:
        search = match(search)
    except UsageError as error:
        return search, str(error).rstrip(".")
    if not issubclass(access, search.needs):
        return search, f"{search.name} needs {access_name(search.needs)}, and the model gives {access_name(access)} only"
    return search, search.objection(shift) or judged_objection(search, judge)


def _out(shift: str, search: str, reason: str) -> LeftOut:
    return LeftOut(shift=shift, search=search, reason=reason)
