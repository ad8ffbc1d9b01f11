"""Does any method make ImageNet models more robust on every shift? Judged on the table of the ImageNet testbed.

`python -m benchmarks.many_shifts robustness_top1s.csv model_categories.csv` reads the published accuracies of Taori et al. 2020
(modestyachts/imagenet-testbed): a row a model, a column a setting, and what each model is. The claim of Hendrycks et al. 2021, "The many
faces of robustness", is that no method consistently improves robustness. A method here is a model of the categories ROBUST_INTV and
MORE_DATA; it improves robustness on a shift where its effective robustness, from the line of the testbed's standard models, is above 0
by its interval. The claim is reproduced where every model is below 0 on some shift, not reproduced where one is above 0 on all, and open
else; it is told for each category.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pandas as pd

import shiftproof
from benchmarks.__main__ import RESULTS
from shiftproof.measures.effective_robustness import effective_robustness
from shiftproof.measures.many_shifts import ModelOnShifts, many_shifts

SHIFTS = {
    "imagenetv2-matched-frequency-format-val": 10_000,
    "objectnet-1.0-beta": 18_574,
    "imagenet-sketch": 50_889,
    "imagenet-r": 30_000,
    "imagenet-a": 7_500,
    "stylized_imagenet": 50_000,
    "imagenet-vid-robust_pm0": 1_109,
}
"""Columns, and how many images each was measured on."""
CATEGORIES = {"ROBUST_INTV": "robustness interventions", "MORE_DATA": "more data"}
CONFIDENCE = 0.95


def verdict(models: list[ModelOnShifts]) -> str:
    """Of the claim that no model is above the line on every shift."""
    if any(model.everywhere == "yes" for model in models):
        return "not reproduced"
    return "reproduced" if all(model.everywhere == "no" for model in models) else "inconclusive"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path, help="robustness_top1s.csv, or .csv.gz")
    parser.add_argument("categories", type=Path, help="model_categories.csv")
    asked = parser.parse_args()
    kinds = pd.read_csv(asked.categories).set_index("model")
    table = pd.read_csv(asked.table).set_index("model")
    standard = [name for name in kinds.index[kinds["in_standard_line"] == 1] if name in table.index]
    lines = [
        effective_robustness(table, inside="val", outside=shift, fit=standard, n=n, confidence=CONFIDENCE) for shift, n in SHIFTS.items()
    ]
    together = many_shifts(lines)
    claims: dict[str, object] = {}
    for category, words in CATEGORIES.items():
        models = [model for model in together.models if model.model in kinds.index and kinds.loc[model.model, "category"] == category]
        above = {model.model: [place.effective for place in model.places] for model in models if model.everywhere == "yes"}
        counts = {answer: sum(model.everywhere == answer for model in models) for answer in ("yes", "no", "open")}
        claims[words] = {"verdict": verdict(models), "models": len(models), "above on all": counts, "effective robustness of those": above}
    record = {
        "shiftproof": shiftproof.__version__,
        "confidence": CONFIDENCE,
        "claim": "No method improves robustness on every shift (Hendrycks et al. 2021).",
        "shifts": list(SHIFTS),
        "fitted": lines[0].fitted,
        "claims": claims,
    }
    target = RESULTS / shiftproof.__version__ / "many_shifts.json"
    target.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(record, indent=2))
    print(target)


if __name__ == "__main__":
    main()
