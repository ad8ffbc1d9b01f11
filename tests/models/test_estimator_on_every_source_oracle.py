"""Clean accuracy of an estimator is its own `score`, whatever kind of place the numbers come from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.svm import SVC

import shiftproof as sp
from shiftproof.data.source import Source

rng = np.random.default_rng(0)
BYTES = rng.integers(0, 256, (120, 4, 4), dtype=np.uint8)
Y = (BYTES.reshape(120, -1).astype(float) @ rng.normal(size=16) > 0).astype(np.int64)
FLAT = BYTES.reshape(120, -1) / np.float32(255)
Made = tuple[object, object]


def npz(folder: Path) -> Made:
    np.savez(folder / "a.npz", x=FLAT, y=Y)
    return f"npz:{folder / 'a.npz'}", FLAT


def npz_of_bytes(folder: Path) -> Made:
    np.savez(folder / "b.npz", x=BYTES, y=Y)
    return f"npz:{folder / 'b.npz'}", FLAT


def arrays(_: Path) -> Made:
    return sp.examples(FLAT, Y), FLAT


def tensors(_: Path) -> Made:
    return sp.examples(torch.from_numpy(FLAT), torch.from_numpy(Y)), FLAT


def imagefolder(folder: Path) -> Made:
    order = np.argsort(Y, kind="stable")
    for place, row in enumerate(order):
        (folder / str(Y[row])).mkdir(exist_ok=True)
        Image.fromarray(BYTES[row]).save(folder / str(Y[row]) / f"{place:03}.png")
    return f"imagefolder:{folder}?mode=L", FLAT[order]


def parquet(folder: Path) -> Made:
    frame = pd.DataFrame(FLAT, columns=[f"p{i}" for i in range(16)])
    frame.assign(y=Y).to_parquet(folder / "t.parquet")
    return f"parquet:{folder / 't.parquet'}?label=y", frame


SOURCES: dict[str, Callable[[Path], Made]] = {made.__name__: made for made in (npz, npz_of_bytes, arrays, tensors, imagefolder, parquet)}
ESTIMATORS = {
    "logistic": LogisticRegression(max_iter=200),
    "forest": RandomForestClassifier(10, max_depth=3, random_state=0),
    "boosting": HistGradientBoostingClassifier(max_iter=10),
    "svc": SVC(),
    "threshold": FixedThresholdClassifier(LogisticRegression(max_iter=200), threshold=0.3),
}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_clean_accuracy_is_the_estimators_own_score(source: str, estimator: str, tmp_path: Path) -> None:
    data, x = SOURCES[source](tmp_path)
    y = np.sort(Y) if source == "imagefolder" else Y
    model = ESTIMATORS[estimator].fit(x, y)
    report = sp.audit(model, data, shifts=["identity"], searches=["one_draw"], progress=False, out=str(tmp_path / "run"))
    assert report.record.clean.accuracy == pytest.approx(model.score(x, y), abs=1e-12)


def test_digits_too(tmp_path: Path) -> None:
    whole: Source = sp.load_data("digits:")
    digits = load_digits()
    model = LogisticRegression(max_iter=50).fit(digits.data[:900] / 16, digits.target[:900])
    batch = whole.take(slice(None))
    assert float((sp.as_model(model).labels(batch.x) == batch.y).float().mean()) == pytest.approx(
        model.score(batch.x.flatten(1).numpy(), batch.y.numpy()), abs=1e-6
    )
