"""Small hand-made entries: in RobustBench's format, and measured ones with their verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from shiftproof.records.leaderboard import Entry, Number, Origin, Sample, Threat
from shiftproof.risks.mean import Mean

LINF: dict[str, object] = {
    "link": "https://example.org/abs/1",
    "name": "Training on Noon Light Only",
    "authors": "A. Author, B. Author",
    "additional_data": False,
    "number_forward_passes": 1,
    "dataset": "cifar10",
    "venue": "Workshop 2031",
    "architecture": "TinyNet-3",
    "eps": "8/255",
    "clean_acc": "85.30",
    "reported": "58",
    "autoattack_acc": "53.40",
    "external": "51.2",
    "footnote": "Uses a second network.",
    "unreliable": True,
}
L2: dict[str, object] = {
    **{key: LINF[key] for key in ("link", "name", "authors", "additional_data", "dataset", "venue", "architecture")},
    "number_forward_passes": 2,
    "eps": "0.5",
    "clean_acc": "90.0",
    "reported": None,
    "autoattack_acc": "70.07",
    "footnote": "",
}
CORRUPTED: dict[str, object] = {
    **{key: LINF[key] for key in ("link", "name", "authors", "additional_data", "number_forward_passes", "venue", "architecture")},
    "dataset": "imagenet",
    "eps": None,
    "clean_acc": "76.72",
    "reported": "",
    "corruptions_acc": "52.9",
    "corruptions_mce": "100.0",
    "corruptions_acc_3d": "56.51",
    "corruptions_mce_3d": "60.69",
}
Verdict = tuple[Any, Any, Any]


def measured(
    model: str, right: Sequence[int] | np.ndarray[Any, Any], *, fingerprint: str = "data", search: str = "gradient_ascent", **more: object
) -> Entry:
    """An entry against linf(eps=8/255) whose attacked accuracy stands on these verdicts."""
    values = np.asarray(right, dtype=np.float64)
    m = Mean().measure(values, confidence=0.95)
    number = Number(
        value=m.value,
        kind="at_most",
        search=search,
        made_by=[search],
        interval=(m.interval.low, m.interval.high),
        confidence=0.95,
        n=len(values),
        cell=model,
    )
    fields: dict[str, object] = {
        "model": model,
        "dataset": "npz:a.npz",
        "sample": Sample(uri="npz:a.npz", fingerprint=fingerprint, n=len(values)),
        "threat": Threat(family="linf", spec="linf(eps=8/255)", strength=8 / 255, strength_name="eps", units="[0, 1]"),
        "clean": Number(value=0.9, kind="estimate", search="one_draw", interval=(0.85, 0.94), confidence=0.95, n=len(values)),
        "attacked": [number],
        "unreliable": False,
        "origin": Origin(claim="measured", source=f"runs/{model}", fingerprint=f"model {model}", complete=True),
    }
    return Entry.model_validate({**fields, **more})


def verdict(right: Sequence[int] | np.ndarray[Any, Any]) -> Verdict:
    """Verdicts of numbered examples, all of class 0."""
    values = np.asarray(right, dtype=np.float64)
    return np.arange(len(values)).astype(str), values, np.zeros(len(values), dtype=int).astype(str)
