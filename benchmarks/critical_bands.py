"""Do models with a narrow critical band, as people have, stand shifts better and err as people do? Judged on published tables.

`python -m benchmarks.critical_bands BENCHMARK.csv TRIALS...` reads the table of Gavrikov & Keuper 2024 (raw-data/benchmark.csv of
paulgavrikov/biases_vs_generalization: a row a model, with the bandwidth of its critical band in octaves, the full width at half height of
the Gaussian over log2 frequency that fits it) and recorded trials of model-vs-human (archives of CSV files). Two claims:

- a narrower band goes with higher accuracy on each test set of ImageNet under a shift: Spearman's correlation with the bandwidth is
  below 0, with intervals that hold together; shown beside it with the accuracy on ImageNet held fixed;
- a narrower band goes with errors more like those of people: the same of the mean error consistency with the human observers. It takes
  trials of observers named as models of the table; where there are none, it cannot be measured, and only what people have among
  themselves is shown.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import norm, rankdata

import shiftproof
from benchmarks.__main__ import RESULTS
from benchmarks.imagenet_biases import Floats, Interval, correlation
from shiftproof.measures.trials import error_consistency, read_trials

BAND, HOME = "metric/criticalband/bw", "top1_acc/imagenet"
TESTS = ("imagenet-v2", "imagenet-a", "imagenet-c", "imagenet-cbar", "imagenet-sketch", "imagenet-r", "stylized")
CONFIDENCE, LEAST = 0.95, 4
"""Of all intervals together; and the fewest models of which a correlation is told."""


def partial(first: Floats, second: Floats, given: Floats, *, confidence: float) -> tuple[float, Interval]:
    """Spearman's correlation of two columns with a third held fixed, shape (n,) each, and its interval, as `correlation` with n - 1."""
    ranks = [rankdata(each) for each in (first, second, given)]
    left = [each - np.polyval(np.polyfit(ranks[2], each, 1), ranks[2]) for each in ranks[:2]]
    found = float(np.corrcoef(*left)[0, 1])
    half = float(norm.isf((1 - confidence) / 2)) * np.sqrt((1 + found**2 / 2) / (len(first) - 4))
    return found, (float(np.tanh(np.arctanh(found) - half)), float(np.tanh(np.arctanh(found) + half)))


def verdict(intervals: Sequence[Interval]) -> str:
    """Of the claim that all correlations are below 0."""
    if all(high < 0 for _, high in intervals):
        return "reproduced"
    return "not reproduced" if any(low > 0 for low, _ in intervals) else "inconclusive"


def human_likeness(table: pd.DataFrame, trials: pd.DataFrame) -> dict[str, float]:
    """The mean error consistency of each model of the table that trials hold with all observers that are none."""
    models = set(table["model"])
    pairs: dict[str, list[float]] = {}
    for names, found in error_consistency(trials).items():
        inside = [name for name in names if name in models]
        if len(inside) == 1:
            pairs.setdefault(inside[0], []).append(found.kappa)
    return {name: float(np.mean(each)) for name, each in pairs.items()}


def alike(table: pd.DataFrame, trials: pd.DataFrame) -> dict[str, object]:
    """The second claim: its verdict, and what people have among themselves."""
    models = set(table["model"])
    people = {" and ".join(names): each.kappa for names, each in error_consistency(trials[~trials["subj"].isin(models)]).items()}
    likeness = human_likeness(table, trials)
    if len(likeness) < LEAST:
        return {"verdict": "cannot be measured here", "models with trials": len(likeness), "people among themselves": people}
    rows = table[table["model"].isin(likeness)]
    kappas = rows["model"].map(likeness).to_numpy(dtype=np.float64)
    value, interval = correlation(rows[BAND].to_numpy(dtype=np.float64), kappas, confidence=CONFIDENCE)
    told = {"spearman": value, "interval": interval, "models with trials": len(rows)}
    return {"verdict": verdict([interval]), **told, "people among themselves": people}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path, help="benchmark.csv, or benchmark.csv.gz")
    parser.add_argument("trials", type=Path, nargs="*", help="recorded trials")
    asked = parser.parse_args()
    table = pd.read_csv(asked.table).dropna(subset=[BAND])
    band, home = (table[column].to_numpy(dtype=np.float64) for column in (BAND, HOME))
    together = 1 - (1 - CONFIDENCE) / (2 * len(TESTS))
    found: dict[str, dict[str, object]] = {}
    intervals: list[Interval] = []
    for test in TESTS:
        there = table[f"top1_acc/{test}"].to_numpy(dtype=np.float64)
        (value, interval), (left, rest) = (
            correlation(band, there, confidence=together),
            partial(band, there, home, confidence=together),
        )
        intervals.append(interval)
        found[test] = {"value": value, "interval": interval, "value, ImageNet fixed": left, "interval, ImageNet fixed": rest}
    record: dict[str, object] = {
        "shiftproof": shiftproof.__version__,
        "models": len(table),
        "confidence": CONFIDENCE,
        "a narrower band goes with accuracy under shifts": {"verdict": verdict(intervals), "spearman": found},
    }
    if asked.trials:
        each = {path.name.split(".")[0]: alike(table, read_trials(path)) for path in asked.trials}
        record["a narrower band goes with errors like people's"] = each
    target = RESULTS / shiftproof.__version__ / "critical_bands.json"
    target.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(record, indent=2))
    print(target)


if __name__ == "__main__":
    main()
