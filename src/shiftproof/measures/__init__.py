"""Figures made of stored answers. Those with a name in conditions and in `--measure` are parts: one file, one measure."""

from __future__ import annotations

from shiftproof.registry import package_of_parts

measures, __all__, __getattr__ = package_of_parts(
    __name__,
    "measure",
    base="abstract:Measure",
    parts={
        "recall": "recall:Recall",
        "precision": "precision:Precision",
        "f1": "f1:F1",
        "auroc": "auroc:Auroc",
        "aupr": "aupr:Aupr",
        "log_loss": "log_loss:LogLoss",
        "brier": "brier:Brier",
        "expected_cost": "expected_cost:ExpectedCost",
        "top_k": "top_k:TopK",
        "equalized_odds_gap": "equalized_odds_gap:EqualizedOddsGap",
        "uncommon_gap": "uncommon_gap:UncommonGap",
        "uncommon_accuracy": "uncommon_accuracy:UncommonAccuracy",
        "coverage": "coverage:Coverage",
        "label_shift": "label_shift:LabelShift",
    },
    also=("answered:Answered",),
)
