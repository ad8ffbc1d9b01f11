"""The limits of the masking checks: calibrated on 30 honest nets, then tested once on 59 others and on nets that hide their gradients.

`python -m benchmarks.masking calibrate [--given NAME=FILE.py:NAME@URI ...]` examines 30 honest nets, drawn from the whole list
with a fixed seed, under a shift of few numbers and one of another family each, and prints the limits that they call for. `python
-m benchmarks.masking test` examines each of the others in one family, and masked nets in all, by the limits that stand in
`shiftproof.diagnostics.limits`. Nets on the embedded digits are trained here; --given adds trained nets of yours, with the data
that they are examined on.
"""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

import shiftproof as sp
from benchmarks.__main__ import RESULTS
from benchmarks.masking_nets import BODIES, HONEST, MASKED, trained
from shiftproof._memory import keep_freed_memory
from shiftproof.data.examples import Examples
from shiftproof.diagnostics.check import MaskingReport, Status
from shiftproof.diagnostics.limits import NOMINAL, family_of
from shiftproof.diagnostics.masking import masking
from shiftproof.models.abstract import Labels
from shiftproof.models.torch_module import TorchModule
from shiftproof.shifts import shifts

CALIBRATED, TESTED, EXAMPLES, QUERIES = 30, 59, 30, 150
SHIFTS = {
    "norms": ("linf(eps=0.1)", "l2(eps=0.7)", "l1(eps=3)", "linf(eps=0.2)"),
    "few numbers": ("rotation(degrees=15)", "translation(pixels=1)", "shear(degrees=15)", "scale(factor=1.2)", "elastic(pixels=1)"),
    "patch": ("patch(side=2)", "patch(side=3)"),
}
"""By family; the nets take turns."""
SECOND = {
    "patch": SHIFTS["patch"],
    "few numbers": ("rotation(degrees=30)", "translation(pixels=2)", "shear(degrees=30)", "scale(factor=1.5)", "elastic(pixels=2)"),
}
"""Of a second round: patches of both sizes for every net, and moves of a few numbers that are twice as great."""
Shifts = Mapping[str, Sequence[str]]
_ENDLESS = 1e9
"""Stands for infinity, which JSON has not."""
RECORD = RESULTS / sp.__version__ / "masking.json"


@dataclass(frozen=True)
class Net:
    """An honest net by name: one to train, or a given one."""

    name: str
    given: tuple[str, str] | None = None
    trained: tuple[str, str] | None = None


def listed(given: Sequence[str]) -> tuple[list[Net], list[Net]]:
    """The nets to calibrate on and to test on: the given ones, and as many others as are wanted, in an order drawn once."""
    own = [Net(word.partition("=")[0], given=_split(word.partition("=")[2])) for word in given]
    made = [Net(f"{body}, {way}", trained=(body, way)) for body, way in HONEST]
    order = np.random.default_rng(16)
    chosen = own + [made[i] for i in order.permutation(len(made))[: CALIBRATED + TESTED - len(own)]]
    mixed = [chosen[i] for i in order.permutation(len(chosen))]
    return mixed[:CALIBRATED], mixed[CALIBRATED:]


def _split(word: str) -> tuple[str, str]:
    spec, _, uri = word.partition("@")
    return spec, uri


def ready(net: Net, seed: int) -> tuple[Labels, Examples]:
    """A net and what it is examined on."""
    if net.given is not None:
        return sp.load_model(net.given[0], name=net.name), _spread(net.given[1])
    body, way = net.trained or ("dense", "plain")
    module = trained(BODIES[body], way, sp.load_data("digits:?split=train").take(slice(None)), seed)
    return TorchModule(module, name=net.name), _spread("digits:?split=test")


def _spread(uri: str) -> Examples:
    data = sp.load_data(uri)
    return data.take(np.linspace(0, len(data) - 1, EXAMPLES).round().astype(np.intp))


def examined(
    model: Labels, examples: Examples, place: int, families: Sequence[str], of: Shifts = SHIFTS
) -> Iterator[tuple[str, MaskingReport]]:
    """The report of a net in each of the families; its place among those examined so says under which shift of the family."""
    for family in families:
        specs = of[family]
        shift = shifts.build(specs[place % len(specs)])
        assert family_of(shift) == family
        with torch.random.fork_rng():
            torch.manual_seed(place)
            yield family, masking(model, shift, examples=examples, queries=QUERIES)


def record_of(model: Labels, family: str, report: MaskingReport) -> dict[str, object]:
    """What is kept of a report: every figure, and which checks failed."""
    ran = {check.name: round(min(check.figure, _ENDLESS), 6) for check in report.checks if check.status is not Status.NOT_RUN}
    return {"net": model.name, "family": family, "shift": report.shift, "figures": ran, "failed": [c.name for c in report.failed]}


def limits_of(figures: Sequence[float], nominal: float) -> float:
    """The nominal limit; where honest nets come near it, as far beyond the largest of them as that lies beyond their median."""
    largest = max(figures)
    return max(nominal, float(f"{2 * largest - float(np.median(figures)):.2g}"))


def called_for(rows: Sequence[dict[str, object]]) -> dict[str, dict[str, float]]:
    """By family, the limits that the figures of honest nets call for, where they are not the nominal ones."""
    found: dict[str, dict[str, float]] = {}
    for family in SHIFTS:
        figures = [row["figures"] for row in rows if row["family"] == family]
        assert all(isinstance(each, dict) for each in figures)
        for name, nominal in NOMINAL.items():
            known = [each[name] for each in figures if name in each]  # type: ignore[operator,index,call-overload]
            limit = limits_of(known, nominal) if known else nominal
            if limit > nominal:
                found.setdefault(family, {})[name] = limit
    return found


def honest(nets: Sequence[Net], first_seed: int, turns: Sequence[Sequence[str]], of: Shifts = SHIFTS) -> list[dict[str, object]]:
    """The reports of honest nets, which take turns in these families."""
    rows = []
    for place, net in enumerate(nets):
        model, examples = ready(net, first_seed + place)
        for family, report in examined(model, examples, place // len(turns), turns[place % len(turns)], of):
            rows.append(record_of(model, family, report))
            print(json.dumps(rows[-1]), flush=True)
    return rows


def hidden() -> list[dict[str, object]]:
    """The reports of masked nets: each way to hide on a body of its own."""
    rows = []
    for place, (name, hide) in enumerate(MASKED.items()):
        body = list(BODIES)[place % len(BODIES)]
        module = trained(BODIES[body], "plain", sp.load_data("digits:?split=train").take(slice(None)), 1000 + place)
        model = TorchModule(hide(module).eval(), name=f"{name}, {body}")
        for family, report in examined(model, _spread("digits:?split=test"), place, list(SHIFTS)):
            rows.append(record_of(model, family, report))
            print(json.dumps(rows[-1]), flush=True)
    return rows


def counted(rows: Sequence[dict[str, object]]) -> dict[str, str]:
    """By family: how many reports have a failed check, of how many."""
    return {
        family: f"{sum(bool(row['failed']) for row in rows if row['family'] == family)} of {sum(row['family'] == family for row in rows)}"
        for family in SHIFTS
    }


def again(family: str, part: str, calibration: Sequence[Net], test: Sequence[Net], made: Mapping[str, object]) -> dict[str, object]:
    """A second round for one family: every calibration net under it, then the nets of the test trained anew with other seeds.

    The limits are those that the honest figures of both rounds call for, or of the second alone where it repeats the first.
    """
    rounds = made.get("again", {})
    assert isinstance(rounds, dict)
    if part == "calibrate":
        rows = honest(calibration, 0, [(family,)], SECOND)
        first = made["calibration"] if SECOND[family] != SHIFTS[family] else []
        assert isinstance(first, list)
        limits = called_for([*(row for row in first if row["family"] == family), *rows])
        return {**rounds, family: {"limits": limits, "calibration": rows}}
    rows = honest(test, 500, [(family,)], SECOND)
    return {**rounds, family: {**rounds[family], "alarms": counted(rows)[family], "test": rows}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("calibrate", "test"))
    parser.add_argument("--given", action="append", default=[], metavar="NAME=FILE.py:NAME@URI")
    parser.add_argument("--again", choices=tuple(SECOND), help="one family alone, after its first test was seen: on nets of other seeds")
    parser.add_argument("--most", type=int, default=TESTED, help="nets of the test of a second round [all]")
    parser.add_argument("--record", type=Path, default=RECORD)
    options = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()
    calibration, test = listed(options.given)
    made: dict[str, object] = json.loads(options.record.read_text()) if options.record.exists() else {}
    made |= {"shiftproof": sp.__version__, "torch": torch.__version__, "python": platform.python_version()}
    made |= {"examples": EXAMPLES, "queries": QUERIES, "given": [word.partition("=")[0] for word in options.given]}
    if options.again:
        made["again"] = again(options.again, options.part, calibration, [net for net in test if net.trained][: options.most], made)
    elif options.part == "calibrate":
        rows = honest(calibration, 0, [("few numbers", "norms"), ("few numbers", "patch")])
        made |= {"limits": called_for(rows), "calibration": rows}
        print(json.dumps(made["limits"], indent=2))
    else:
        rows, planted = honest(test, 100, [("few numbers",), ("norms",), ("few numbers",), ("patch",)]), hidden()
        made |= {"alarms": counted(rows), "found": counted(planted), "test": rows, "masked": planted}
        print(f"alarms of honest nets: {made['alarms']}; masked nets found: {made['found']}")
    options.record.parent.mkdir(parents=True, exist_ok=True)
    options.record.write_text(json.dumps(made, indent=1) + "\n")


if __name__ == "__main__":
    main()
