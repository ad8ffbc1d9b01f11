"""A realistic run made of nothing but numbers: what the reports are tested on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from shiftproof.outcomes import Flag, Interval
from shiftproof.records.audit import (
    Audit,
    BudgetCurve,
    CellRecord,
    ClaimKind,
    Clean,
    DataCard,
    GalleryExample,
    GateRecord,
    LeftOut,
    ModelCard,
    NaturalShift,
    Provenance,
    Result,
)
from shiftproof.records.diagnosis import CheckRecord, Diagnosis
from shiftproof.records.document import write_document
from shiftproof.risks.paired import PairedComparison

HOSTILE = "<script>alert(1)</script>"
BREAKOUT = "</script><!--<script>alert(2)</script>\"'><img src=x onerror=alert(3)>"
N = 500
_CLAIMS: dict[ClaimKind, str] = {
    "at_most": "The search found these failures: true worst-case accuracy is at most this. A stronger search may find more.",
    "at_least": "Proven for these examples: true worst-case accuracy is at least this.",
    "estimate": "The mean over these examples of one chance draw each: an estimate of the average case, with its sampling interval.",
}
_MEASURES: dict[ClaimKind, str] = {"at_most": "robust_accuracy", "at_least": "certified_accuracy", "estimate": "accuracy"}
_GROUPS = ("light=day", "light=dusk", "light=night")


def wilson(value: float, n: int) -> tuple[float, float]:
    """Wilson's 95% interval of a share."""
    z = 1.96
    middle, half = (value + z * z / (2 * n)) / (1 + z * z / n), z / (1 + z * z / n) * (value * (1 - value) / n + z * z / (4 * n * n)) ** 0.5
    return max(0.0, middle - half), min(1.0, middle + half)


@dataclass
class Builder:
    """Cells and results as a run would have made them."""

    data: str
    cells: list[CellRecord] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)

    def add(
        self,
        family: str,
        option: str | None,
        strength: float | None,
        search: str,
        kind: ClaimKind,
        value: float | None,
        flags: Sequence[Flag] = (),
        state: str = "done",
        error: str | None = None,
    ) -> None:
        shown = {None: "", 8 / 255: "8/255", 4 / 255: "4/255", 2 / 255: "2/255", 1 / 255: "1/255"}.get(
            strength, f"{strength:g}" if strength else ""
        )
        shift = f"{family}({option}={shown})" if option else family
        key = f"{len(self.cells):020x}"
        done = state == "done"
        passes = {"at_most": 101.0, "at_least": 1000.0, "estimate": 2.0}[kind]
        self.cells.append(
            CellRecord.model_validate(
                {
                    "key": key,
                    "data": self.data,
                    "shift": shift,
                    "shift_full": f"{family}({option}={strength!r})" if option else f"{family}()",
                    "search": search,
                    "search_full": f"{search}, seed=0",
                    "access": "gradients" if "gradient" in search else "labels",
                    "claim": _CLAIMS[kind],
                    "kind": kind,
                    "state": state,
                    "error": error,
                    "n": N if done else 0,
                    "outcomes": {"skipped": 41, "broken": 300, "held": 159} if done else {},
                    "forwards_per_example": passes,
                    "backwards_per_example": 100.0 if "gradient" in search else 0.0,
                    "seconds": 0.4 if kind == "estimate" else 41.7,
                    "seed": 0,
                    "batch_size": 256,
                    "flags": list(flags),
                }
            )
        )
        if done:
            self._numbers(key, shift, family, option, strength, search, kind, value, [flag.name for flag in flags])

    def _numbers(
        self,
        key: str,
        shift: str,
        family: str,
        option: str | None,
        strength: float | None,
        search: str,
        kind: ClaimKind,
        value: float | None,
        flags: list[str],
    ) -> None:
        def add(value: float | None, n: int, risk: str, group: str | None, measure: str, kind: ClaimKind) -> None:
            self.results.append(
                Result(
                    cell=key,
                    data=self.data,
                    shift=shift,
                    family=family,
                    strength=strength,
                    strength_name=option,
                    search=search,
                    risk=risk,
                    measure=measure,
                    group=group,
                    value=value,
                    kind=kind,
                    interval=None if value is None else wilson(value, n),
                    confidence=0.95,
                    n=n,
                    forwards_per_example=101.0,
                    backwards_per_example=100.0,
                    seconds=41.7,
                    flags=flags,
                    notes=[],
                )
            )

        add(value, N, "mean", None, _MEASURES[kind], kind)
        if value is None:
            return
        for place, (group, n) in enumerate(zip((*_GROUPS, f"light={HOSTILE}"), (260, 150, 80, 10), strict=True)):
            add(max(0.0, value - 0.06 * place), n, "group", group, _MEASURES[kind], kind)
        add(max(0.0, value - 0.18), 10, "worst_group", f"light={HOSTILE}", _MEASURES[kind], kind)
        if family != "identity" and kind != "at_least":
            bound: ClaimKind = "at_least" if kind == "at_most" else "estimate"
            add(0.918 - value, N, "mean", None, "drop", bound)
            add(min(1.0, 1.3 - value), N, "cvar(alpha=0.1)", None, "error_probability", bound)


def sample_audit(*, hostile: bool = False, incomplete: bool = False, gallery: bool = True) -> Audit:
    """A thorough audit; `hostile` puts markup into every name, `incomplete` leaves a failed and a missing cell."""
    evil = BREAKOUT if hostile else ""
    data = f"npz:street_signs.npz{evil}"
    build = Builder(data)
    _fill(build)
    if incomplete:
        error = f"Traceback (most recent call last):\n  File 'net.py', line 3, in forward\nRuntimeError: out of memory {evil}\n"
        build.add("fog", "severity", 4.0, "best_of_n(n=20)", "at_most", None, state="failed", error=error)
        build.add("fog", "severity", 5.0, "best_of_n(n=20)", "at_most", None, state="missing")
    return Audit(
        complete=not incomplete,
        model=ModelCard(
            name=f"street-net{evil}",
            spec=f"nets.py:street{evil}",
            fingerprint="b5d1c0ffee",
            access="gradients",
            flags=[Flag(name="softmax_output", detail="Scores sum to 1: gradients of their logarithm saturate. Give logits.")]
            if hostile
            else [],
        ),
        data=DataCard(
            uri=data,
            fingerprint="9a7e5eed",
            n=N,
            kind="image",
            units="[0, 1]",
            low=0.0,
            high=1.0,
            classes=5,
            class_names=["stop", "yield", "limit 30", HOSTILE if hostile else "limit 50", evil or "no entry"],
            groups={"light": {"day": 260, "dusk": 150, "night": 80, HOSTILE: 10}},
            notes=[f"The sample is in file order{evil}."],
        ),
        clean=Clean(accuracy=0.918, interval=wilson(0.918, N), n=N),
        results=build.results,
        natural=_natural(evil),
        diagnoses=_diagnoses(data, evil, incomplete=incomplete),
        curves=[_curve(data, evil)],
        cells=build.cells,
        left_out=[LeftOut(shift="l2(eps=1)", search="grid", reason=f"grid needs a shift of a few numbers{evil}")],
        gallery=_pictures(build, evil) if gallery else [],
        gates=[
            GateRecord(condition="linf(eps=4/255).robust_accuracy < 0.4", failed=True, value=0.23, detail=f"it is 0.23{evil}"),
            GateRecord(condition="accuracy < 0.9", failed=False, value=0.918, detail="it is 0.918"),
        ],
        provenance=_provenance(evil),
    )


def _provenance(evil: str) -> Provenance:
    return Provenance(
        shiftproof="0.1.0",
        python="3.12.1",
        platform=f"Linux{evil}",
        versions={"torch": "2.4.0", "numpy": "2.1.0"},
        device="cpu",
        commit="0123456789abcdef0123456789abcdef01234567",
        started="2025-03-01T10:00:00+00:00",
        finished="2025-03-01T10:41:00+00:00",
        seed=0,
        confidence=0.95,
        suite="thorough",
        command=["shiftproof", "audit", "--model", f"nets.py:street{evil}", "--shift", "linf(eps=8/255)"],
    )


def _fill(build: Builder) -> None:
    build.add("identity", None, None, "one_draw", "estimate", 0.918)
    zero = Flag(
        name="zero_gradients",
        detail="The loss gradient was zero at every step; a gradient search is blind there. Use best_of_n too.",
        share=0.12,
    )
    for pixels, attacked, blind, average in ((1, 0.66, 0.88, 0.91), (2, 0.47, 0.86, 0.9), (4, 0.23, 0.81, 0.89), (8, 0.034, 0.74, 0.87)):
        build.add("linf", "eps", pixels / 255, "gradient_ascent(steps=100, restarts=5)", "at_most", attacked, [zero] if pixels == 8 else [])
        build.add("linf", "eps", pixels / 255, "best_of_n(n=100)", "at_most", blind)
        build.add("linf", "eps", pixels / 255, "one_draw", "estimate", average)
    for eps, proven, attacked_l2 in ((0.25, 0.61, 0.7), (0.5, 0.42, 0.58), (1.0, 0.17, 0.39)):
        build.add("l2", "eps", eps, "gaussian_smoothing(sigma=0.25, n=1000)", "at_least", proven)
        build.add("l2", "eps", eps, "gradient_ascent", "at_most", attacked_l2)
    for family, slope, depth in (
        ("fog", 0.035, 0.09),
        ("gaussian_noise", 0.085, 0.12),
        ("gaussian_blur", 0.06, 0.1),
        ("contrast", 0.1, 0.06),
    ):
        for severity in range(1, 6):
            build.add(family, "severity", float(severity), "one_draw", "estimate", 0.918 - slope * severity)
            if severity <= 3:
                build.add(family, "severity", float(severity), "best_of_n(n=20)", "at_most", 0.918 - slope * severity - depth)
    build.add("brightness", "severity", 3.0, "one_draw", "estimate", None)
    for degrees in (10.0, 20.0, 30.0):
        build.add("rotation", "degrees", degrees, "one_draw", "estimate", 0.91 - 0.004 * degrees)
        build.add("rotation", "degrees", degrees, "grid(points=31)", "at_most", 0.9 - 0.013 * degrees)
    for radius in (0.1, 0.25, 0.5, 0.75):
        build.add("low_pass", "radius", radius, "one_draw", "estimate", 0.2 + 0.9 * radius)
        build.add("high_pass", "radius", radius, "one_draw", "estimate", 0.8 - 0.9 * radius)
        build.add("band_pass", "radius", radius, "one_draw", "estimate", 0.5 - 0.3 * radius)


def _diagnoses(data: str, evil: str, *, incomplete: bool) -> list[Diagnosis]:
    """One family whose checks failed, one whose checks passed, and one that was never asked about."""
    passed = CheckRecord(
        name="slope", state="pass", figure=0.04, limit=0.5, detail=f"Median error of the slope{evil}.", reference="Somebody"
    )
    failed = CheckRecord(
        name="zero_gradients",
        state="fail",
        figure=0.31,
        limit=0.05,
        detail=f"Share of examples at which the gradient is exactly zero{evil}.",
        search="square(queries=500)",
        reference="Athalye et al. 2018",
    )
    silent = CheckRecord(name="transfer", state="not_run", detail="No surrogate was given.")
    common = {"data": data, "examples": 100, "queries": 500, "seconds": 4.2}
    done = [
        Diagnosis.model_validate(
            {**common, "shift": "linf(eps=2/255)", "family": "linf", "state": "done", "checks": [passed, failed, silent]}
        ),
        Diagnosis.model_validate({**common, "shift": "l2(eps=0.5)", "family": "l2", "state": "done", "checks": [passed, silent]}),
    ]
    error = f"Traceback\nRuntimeError: no more {evil}"
    lost = Diagnosis(data=data, shift="rotation(degrees=20)", family="rotation", state="failed", error=error)
    return [*done, lost] if incomplete else done


def _curve(data: str, evil: str) -> BudgetCurve:
    eps = [i / 255 for i in range(13)]
    accuracy = [max(0.0, 0.918 - 0.1 * i) for i in range(13)]
    return BudgetCurve(
        cell="c" * 20,
        data=data,
        family="linf",
        search=f"boundary_projection(candidates=3){evil}",
        search_full="boundary_projection(steps=100)",
        kind="at_most",
        state="done",
        n=N,
        eps=eps,
        accuracy=accuracy,
        low=[max(0.0, value - 0.06) for value in accuracy],
        high=[min(1.0, value + 0.06) for value in accuracy],
        confidence=0.95,
        median=5 / 255,
        forwards_per_example=198.0,
        backwards_per_example=292.0,
        seconds=3.0,
        flags=[Flag(name="failed_checks", detail=f"1 of 2 checks failed{evil}.")],
    )


def _natural(evil: str) -> list[NaturalShift]:
    pairs = PairedComparison(
        against="x",
        n=480,
        both_right=360,
        only_first=81,
        only_second=19,
        both_wrong=20,
        difference=-0.129,
        interval=Interval(-0.168, -0.09),
        p_value=2e-10,
    )
    return [
        NaturalShift(
            source=f"npz:winter.npz{evil}",
            n=480,
            accuracy=0.79,
            interval=wilson(0.79, 480),
            difference=-0.129,
            difference_interval=(-0.168, -0.09),
            paired=pairs,
        ),
        NaturalShift(
            source="npz:other_town.npz", n=90, accuracy=0.9, interval=wilson(0.9, 90), difference=-0.018, difference_interval=(-0.09, 0.05)
        ),
        NaturalShift(source="npz:empty.npz", n=0, accuracy=None, interval=None, difference=None, difference_interval=None),
    ]


def _pictures(build: Builder, evil: str) -> list[GalleryExample]:
    wanted = {"linf(eps=8/255)": 6, "rotation(degrees=30)": 3}
    found: list[GalleryExample] = []
    for cell in build.cells:
        if cell.kind == "at_most" and "best_of_n" not in cell.search:
            for place in range(wanted.get(cell.shift, 0)):
                found.append(
                    GalleryExample(
                        cell=cell.key,
                        shift=cell.shift,
                        search=cell.search,
                        id=f"sign-{place:03d}{evil}",
                        file=f"{cell.key}-{place:06d}.npz",
                        label=place % 5,
                        clean_prediction=place % 5,
                        clean_confidence=0.99 - 0.04 * place,
                        prediction=(place + 3) % 5,
                        confidence=None if place == 2 else 0.97 - 0.03 * place,
                    )
                )
    return found


def write_run(folder: Path, audit: Audit) -> Path:
    """The audit as a run folder: audit.json, gallery/ and cells/; the last picture's file is left out."""
    (folder / "gallery").mkdir(parents=True, exist_ok=True)
    (folder / "cells").mkdir(exist_ok=True)
    write_document(folder / "audit.json", audit, "audit")
    rng = np.random.default_rng(0)
    for picture in audit.gallery[:-1]:
        clean = sign(int(picture.label), rng)
        moved = (
            np.rot90(clean, axes=(1, 2))
            if picture.shift.startswith("rotation")
            else clean + 8 / 255 * np.sign(rng.normal(size=clean.shape))
        )
        np.savez(folder / "gallery" / picture.file, clean=clean.astype(np.float32), moved=np.clip(moved, 0, 1).astype(np.float32))
    for cell in audit.cells[:3]:
        (folder / "cells" / f"{cell.key}.parquet").write_bytes(b"PAR1")
    return folder


def sign(label: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """A picture of a kind of street sign, shape (3, 32, 32), in [0, 1]."""
    y, x = np.mgrid[-1:1:32j, -1:1:32j]
    inside = (x**2 + y**2 < 0.6, y - 0.5 < -2 * np.abs(x) + 0.8, np.maximum(abs(x), abs(y)) < 0.7, abs(x) + abs(y) < 0.9, np.abs(y) < 0.25)[
        label
    ]
    colour = np.array([[0.8, 0.1, 0.1], [0.9, 0.8, 0.1], [0.1, 0.3, 0.8], [0.9, 0.4, 0.1], [0.2, 0.6, 0.3]])[label]
    picture = np.where(inside, colour[:, None, None], 0.55 + 0.15 * y)
    noisy: npt.NDArray[np.float64] = np.clip(picture + 0.03 * rng.normal(size=picture.shape), 0, 1)
    return noisy


def as_json(audit: Audit) -> dict[str, object]:
    """The records as plain JSON, for tests that spoil one."""
    loaded: dict[str, object] = json.loads(audit.model_dump_json())
    return loaded
