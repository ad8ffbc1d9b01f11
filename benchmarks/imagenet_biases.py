"""Do shape bias, spectral bias or the critical band explain how ImageNet models generalise? Judged on the table that the paper published.

`python -m benchmarks.imagenet_biases BENCHMARK.csv CATEGORIES.json` reads the table of Gavrikov & Keuper 2024, "Can biases in ImageNet
models explain generalization?" (raw-data/benchmark.csv and r50_categories.json of paulgavrikov/biases_vs_generalization): a row a model, of
which the 48 ResNet-50 of the categories count. Their claim is that no bias explains generalisation as a whole. It is judged of each bias by
rank correlations with ten test sets, with intervals that hold together: it fails where a bias correlates by more than 0.5 in absolute
value, in one direction, with all of them; it holds where for some test set the interval lies within -0.5 to 0.5, or where two intervals
have opposite signs.
"""

from __future__ import annotations

import argparse
import json
from itertools import product
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import norm, spearmanr

import shiftproof
from benchmarks.__main__ import RESULTS
from shiftproof.diagnostics.bands import CUTOFFS

BAND = "metric/bandpass"
BIASES = {
    "shape bias": "shape-bias",
    "critical band, width": "metric/criticalband/bw",
    "critical band, centre": "metric/criticalband/cf",
    "critical band, peak": "metric/criticalband/pns",
    "high frequencies, cutoff 0.3": f"{BAND}/HFC/0.3",
}
TESTS = (
    "imagenet",
    "imagenet-v2",
    "imagenet-real",
    "imagenet-a",
    "imagenet-c",
    "imagenet-cbar",
    "imagenet-sketch",
    "imagenet-r",
    "stylized",
)
ATTACK = "PGD-40/low"
SUBSTANTIAL, CONFIDENCE = 0.5, 0.95
Interval = tuple[float, float]
Floats = npt.NDArray[np.float64]


def correlation(first: Floats, second: Floats, *, confidence: float) -> tuple[float, Interval]:
    """Spearman's correlation over n models, and its interval: tanh(atanh(r) +- z sqrt((1 + r^2 / 2) / (n - 3))), Bonett & Wright 2000."""
    found = float(spearmanr(first, second).statistic)
    half = float(norm.isf((1 - confidence) / 2)) * np.sqrt((1 + found**2 / 2) / (len(first) - 3))
    return found, (float(np.tanh(np.arctanh(found) - half)), float(np.tanh(np.arctanh(found) + half)))


def verdict(intervals: list[Interval]) -> str:
    """Of the claim that a bias does not explain all of generalisation."""
    within = any(low > -SUBSTANTIAL and high < SUBSTANTIAL for low, high in intervals)
    signs = {low > 0 for low, high in intervals if low > 0 or high < 0}
    if within or len(signs) > 1:
        return "reproduced"
    beyond = {low > 0 for low, high in intervals if low > SUBSTANTIAL or high < -SUBSTANTIAL}
    return (
        "not reproduced"
        if len(beyond) == 1 and all(low > SUBSTANTIAL or high < -SUBSTANTIAL for low, high in intervals)
        else "inconclusive"
    )


def read(table: Path, categories: Path) -> pd.DataFrame:
    """The rows of the categories' models, with the spectral bias: mean high over mean low and high, of five cutoffs."""
    names = {name for group in json.loads(categories.read_text(encoding="utf-8")).values() for name in group}
    rows = pd.read_csv(table)
    rows = rows[rows["model"].isin(names)]
    low, high = (rows[[f"{BAND}/{kind}/{cutoff}" for cutoff in CUTOFFS]].mean(axis=1) for kind in ("LFC", "HFC"))
    return pd.concat([rows, (high / (low + high)).rename("spectral bias")], axis=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path, help="benchmark.csv, or benchmark.csv.gz")
    parser.add_argument("categories", type=Path, help="r50_categories.json")
    asked = parser.parse_args()
    rows = read(asked.table, asked.categories)
    biases, tests = {**BIASES, "spectral bias": "spectral bias"}, (*TESTS, ATTACK)
    together = 1 - (1 - CONFIDENCE) / (len(biases) * len(tests))
    found = {
        (bias, test): correlation(rows[biases[bias]].to_numpy(), rows[f"top1_acc/{test}"].to_numpy(), confidence=together)
        for bias, test in product(biases, tests)
    }
    verdicts = {bias: verdict([found[bias, test][1] for test in tests]) for bias in biases}
    record = {
        "shiftproof": shiftproof.__version__,
        "models": len(rows),
        "confidence": CONFIDENCE,
        "claim": "No bias explains generalisation as a whole (Gavrikov & Keuper 2024).",
        "verdicts": verdicts,
        "spearman": {bias: {test: {"value": found[bias, test][0], "interval": found[bias, test][1]} for test in tests} for bias in biases},
    }
    target = RESULTS / shiftproof.__version__ / "imagenet_biases.json"
    target.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    for bias in biases:
        said = ", ".join(f"{test} {found[bias, test][0]:+.2f}" for test in tests)
        print(f"{bias}: {verdicts[bias]}; {said}")
    print(target)


if __name__ == "__main__":
    main()
