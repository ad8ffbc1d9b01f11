"""Published figures from the published tables themselves, where the folder that holds them is named by SHIFTPROOF_DATA."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from shiftproof.measures.corruption_error import mean_corruption_error
from shiftproof.measures.corruption_table import CorruptionTable, from_row
from shiftproof.measures.effective_robustness import effective_robustness
from shiftproof.risks.intervals import proportion_difference

FOLDER = Path(os.environ.get("SHIFTPROOF_DATA", "")) / "tables"
pytestmark = pytest.mark.skipif(
    not os.environ.get("SHIFTPROOF_DATA"), reason="SHIFTPROOF_DATA does not name a folder with the published tables"
)
COLUMNS = "imagenet-c.{corruption}.{severity}_on-disk"
V2 = "imagenetv2-matched-frequency-format-val"


@pytest.fixture(scope="module")
def testbed() -> pd.DataFrame:
    """The ImageNet testbed of Taori et al. 2020: 338 models under 213 settings."""
    return pd.read_csv(FOLDER / "imagenet_testbed_robustness_top1s.csv.gz", index_col="model")


def corruptions(testbed: pd.DataFrame, model: str) -> CorruptionTable:
    return from_row(testbed.loc[model], COLUMNS, values="accuracy", clean="val", name=f"{model} of the testbed")


def test_mean_corruption_error_of_resnet50(testbed: pd.DataFrame) -> None:
    resnet, alexnet = corruptions(testbed, "resnet50"), corruptions(testbed, "alexnet")
    own = mean_corruption_error(resnet, baseline=alexnet)
    standard = mean_corruption_error(resnet)
    assert round(100 * own.mean, 2) == 76.51
    assert round(100 * standard.mean, 2) == 78.20
    assert round(100 * standard.relative, 1) == 109.3
    assert own.baseline == "alexnet of the testbed"


def test_the_line_of_imagenetv2(testbed: pd.DataFrame) -> None:
    kinds = pd.read_csv(FOLDER / "imagenet_testbed_model_categories.csv", index_col="model")
    standard = list(kinds.index[kinds["in_standard_line"] == 1])
    line = effective_robustness(testbed, inside="val", outside=V2, fit=standard)
    assert (line.fitted, round(line.slopes[0], 3), round(line.r2, 3)) == (85, 0.923, 0.996)
    clip = next(model for model in line.models if model.model == "vit_b_32_clip_zeroshot")
    assert round(100 * clip.effective, 1) == 5.6
    sketch = effective_robustness(testbed, inside="val", outside="imagenet-sketch", fit=standard)
    assert (round(sketch.slopes[0], 3), round(sketch.r2, 3)) == (1.071, 0.869)


def test_the_same_line_from_the_tables_of_timm() -> None:
    keys = ["model", "img_size", "crop_pct"]
    home, away = (
        pd.read_csv(FOLDER / "timm" / f"results-{name}.csv.gz")[[*keys, "top1"]] for name in ("imagenet", "imagenetv2-matched-frequency")
    )
    both = home.merge(away, on=keys, suffixes=("", "_v2"))
    both.index = pd.Index(both["model"] + " " + both["img_size"].astype(str) + " " + both["crop_pct"].astype(str))
    line = effective_robustness(both, inside="top1", outside="top1_v2", draws=200)
    assert line.fitted > 1500
    assert (round(line.slopes[0], 3), round(line.r2, 3)) == (0.916, 0.993)


def test_thirty_models_lose_on_a_new_cifar10() -> None:
    with np.load(FOLDER / "cifar10_1_model_predictions.npz", allow_pickle=False) as stored:
        right = {name: stored[f"pred_{name}"] == stored[f"y_{name}"] for name in ("original", "v6")}
        names = stored["models"].tolist()
    counts = {name: verdicts.sum(1) for name, verdicts in right.items()}
    sizes = {name: verdicts.shape[1] for name, verdicts in right.items()}
    drops = proportion_difference((counts["original"], sizes["original"]), (counts["v6"], sizes["v6"]))
    assert len(names) == 30
    assert (drops.high < 0).all(), "every model is worse on the new sample, beyond chance"
    table = pd.DataFrame({name: verdicts.mean(1) for name, verdicts in right.items()}, index=names)
    line = effective_robustness(table, inside="original", outside="v6", axis="linear")
    assert round(line.slopes[0], 2) == 1.60
    low, high = line.slope_intervals[0]
    assert low < line.slopes[0] < high
    assert low > 1
