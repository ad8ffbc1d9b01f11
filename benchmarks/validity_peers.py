"""The other libraries behind `validity`, each as a function of arrays; those that are not installed are left out or None."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import bdtr

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Sets = Callable[[Floats, npt.NDArray[np.int64], Floats, float], Bools]
"""(calibration probabilities, labels, new probabilities, level) -> sets (m, classes)."""
Two = Callable[[Floats, Floats], float]
BINS = 15


def has(package: str) -> bool:
    return find_spec(package) is not None


def sets() -> dict[str, Sets | None]:
    """MAPIE's three scores as they come, and crepes without smoothing."""
    found: dict[str, Sets | None] = {f"MAPIE {score}": _mapie(score) if has("mapie") else None for score in ("lac", "aps", "raps")}
    return {**found, "crepes": _crepes if has("crepes") else None}


class Stored:
    """A classifier whose inputs are its probabilities."""

    def __init__(self, classes: int) -> None:
        self.classes_ = np.arange(classes)
        self.is_fitted_ = True

    def fit(self, x: Floats, y: object) -> Stored:
        return self

    def predict_proba(self, x: Floats) -> Floats:
        return np.asarray(x)

    def predict(self, x: Floats) -> npt.NDArray[np.int64]:
        return np.asarray(x).argmax(1)

    def __sklearn_tags__(self) -> Any:
        from sklearn.dummy import DummyClassifier

        return DummyClassifier().__sklearn_tags__()

    def __sklearn_is_fitted__(self) -> bool:
        return True


def _mapie(score: str) -> Sets:
    def make(p: Floats, y: npt.NDArray[np.int64], q: Floats, level: float) -> Bools:
        from mapie.classification import SplitConformalClassifier

        model = SplitConformalClassifier(Stored(p.shape[1]), confidence_level=level, conformity_score=score, prefit=True, random_state=0)
        found = model.conformalize(p, y).predict_set(q)[1]
        return np.asarray(found[:, :, 0], dtype=bool)

    return make


def _crepes(p: Floats, y: npt.NDArray[np.int64], q: Floats, level: float) -> Bools:
    from crepes import ConformalClassifier
    from crepes.extras import hinge

    model = ConformalClassifier()
    model.fit(hinge(p, np.arange(p.shape[1]), y))
    return np.asarray(model.predict_set(hinge(q), confidence=level, smoothing=False), dtype=bool)


def calibration_errors() -> dict[str, Two]:
    """(confidence, right) -> expected calibration error with 15 bins."""
    found: dict[str, Two] = {}
    if has("netcal"):
        from netcal.metrics import ECE

        found["netcal"] = lambda c, z: float(ECE(BINS).measure(c, z.astype(int)))
    if has("torchmetrics"):
        import torch
        from torchmetrics.functional.classification import binary_calibration_error

        found["torchmetrics"] = lambda c, z: float(binary_calibration_error(torch.from_numpy(c), torch.from_numpy(z).long(), n_bins=BINS))
    return found


def aurocs() -> dict[str, Two]:
    """(familiar, unfamiliar) -> AUROC."""
    found: dict[str, Two] = {}
    if has("torchmetrics"):
        import torch
        from torchmetrics.functional.classification import binary_auroc

        def metrics(a: Floats, b: Floats) -> float:
            return float(binary_auroc(torch.from_numpy(np.concatenate([a, b])).float(), torch.tensor([0] * len(a) + [1] * len(b))))

        found["torchmetrics"] = metrics
    return {**found, **{name: partial(_one, f, "AUROC") for name, f in ood().items()}}


def _one(metrics: Callable[..., Any], name: str, familiar: Floats, unfamiliar: Floats) -> float:
    """One of several figures, as a share."""
    return float(metrics(familiar, unfamiliar)[name] / _scale(metrics))


def auprs() -> dict[str, Two]:
    """(familiar, unfamiliar) -> area under precision and recall, the unfamiliar positive."""
    return {name: partial(_one, f, "AUPR-OUT") for name, f in ood().items()}


def _scale(metrics: Callable[[Floats, Floats], dict[str, float]]) -> float:
    """1, or 100 where a version gives percent."""
    return 100.0 if metrics(np.zeros(2), np.ones(2))["AUROC"] > 1 else 1.0


def ood() -> dict[str, Callable[[Floats, Floats], dict[str, float]]]:
    """pytorch-ood's metrics. The package itself imports torchvision for data sets, so its metrics are imported without it."""
    spec = find_spec("pytorch_ood") if "pytorch_ood" not in sys.modules else None
    if spec is not None and spec.submodule_search_locations:
        place = spec.submodule_search_locations[0]
        for name, path in (("pytorch_ood", place), ("pytorch_ood.utils", f"{place}/utils")):
            sys.modules[name] = ModuleType(name)
            sys.modules[name].__path__ = [path]
    if "pytorch_ood" not in sys.modules:
        return {}
    import torch
    from pytorch_ood.metrics import OODMetrics

    def make(a: Floats, b: Floats) -> dict[str, float]:
        metrics = OODMetrics()
        metrics.update(torch.from_numpy(np.concatenate([a, b])), torch.tensor([0] * len(a) + [-1] * len(b)))
        return {name: float(value) for name, value in metrics.compute().items()}

    return {"pytorch-ood": make}


def naive_threshold(c: Floats, right: Bools, target: float) -> float | None:
    """The lowest threshold whose error rate on the sample is at most the target."""
    order = np.argsort(-c)
    fits = np.flatnonzero(np.cumsum(~right[order]) <= target * np.arange(1, len(c) + 1))
    return float(c[order][fits[-1]]) if len(fits) else None


def sgr(c: Floats, right: Bools, target: float, delta: float) -> float | None:
    """Geifman & El-Yaniv 2017, algorithm 1: a binary search whose steps share delta."""
    ordered, best = np.sort(c), None
    low, high, steps = 0, len(c) - 1, math.ceil(math.log2(len(c)))
    for _ in range(steps):
        middle = (low + high + 1) // 2
        keep = c >= ordered[middle]
        if bdtr(float((keep & ~right).sum()), int(keep.sum()), target) <= delta / steps:
            high, best = middle, float(ordered[middle])
        else:
            low = middle
    return best


def fixed_sequence(c: Floats, right: Bools, target: float, delta: float) -> float | None:
    """Learn then test in fixed sequence from the most confident on, in steps of a twentieth of the sample."""
    ordered, best = np.sort(c)[::-1], None
    for share in range(1, 21):
        threshold = float(ordered[math.ceil(share * len(c) / 20) - 1])
        keep = c >= threshold
        if bdtr(float((keep & ~right).sum()), int(keep.sum()), target) > delta:
            break
        best = threshold
    return best
