"""Lines that are planted, lines that were published, and tables that hold none."""

from __future__ import annotations

import math
from io import StringIO

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from scipy.special import expit, logit, ndtr, ndtri

from sample_audit import sample_audit
from shiftproof._errors import UsageError
from shiftproof.measures.effective_robustness import Axis, effective_robustness, table_of_audits
from shiftproof.reports.accuracy_on_the_line import line_chart, line_page, terminal_line

# Top-1 accuracy on ImageNet and on ImageNetV2 (matched frequency), every seventh standard model and a CLIP, rounded to 0.001 %. From
# robustness_top1s.csv of modestyachts/imagenet-testbed (MIT).
TESTBED = {
    "alexnet": (56.522, 43.430),
    "resnet50_simsiam": (67.782, 54.580),
    "resnet50_simclrv2": (70.840, 57.930),
    "mnasnet1_0": (73.456, 60.440),
    "resnet50_swav": (75.268, 62.220),
    "resnet50-vtab-rotation": (76.502, 63.920),
    "resnet101": (77.374, 65.450),
    "resnet152": (78.312, 66.840),
    "efficientnet-b2": (78.890, 66.880),
    "resnext101_32x8d": (79.312, 67.450),
    "polynet": (80.858, 70.070),
    "pnasnet5large": (82.736, 72.310),
    "efficientnet-b7-randaug": (84.726, 74.840),
    "vit_b_32_clip_zeroshot": (63.302, 55.770),
}


def published() -> pd.DataFrame:
    return pd.DataFrame.from_dict(TESTBED, orient="index", columns=["val", "v2"])


def planted(axis: str, slope: float = 0.8, intercept: float = -0.4, n: int = 12) -> pd.DataFrame:
    to, back = {"logit": (logit, expit), "probit": (ndtri, ndtr), "linear": (np.asarray, np.asarray)}[axis]
    home = np.linspace(0.55, 0.9, n)
    away = back(slope * to(home) + (intercept if axis != "linear" else 0.05))
    return pd.DataFrame({"home": home, "away": away}, index=[f"m{i}" for i in range(n)])


@pytest.mark.parametrize("axis", ["logit", "probit", "linear"])
def test_points_on_a_line_give_it_back(axis: Axis) -> None:
    table = planted(axis)
    line = effective_robustness(table, inside="home", outside="away", axis=axis)
    assert line.slopes == pytest.approx((0.8,))
    assert line.r2 == pytest.approx(1.0)
    assert line.slope_intervals[0] == pytest.approx((0.8, 0.8), abs=1e-6)
    assert all(model.effective == pytest.approx(0, abs=1e-9) for model in line.models)
    assert line.expected(0.7) == pytest.approx(float(np.interp(0.7, table["home"], table["away"])), abs=2e-3)


def test_what_lies_above_the_line_is_effectively_robust() -> None:
    table = planted("logit")
    table.loc["clip"] = [0.7, float(expit(0.8 * logit(0.7) - 0.4)) + 0.1]
    line = effective_robustness(table, inside="home", outside="away", fit=[name for name in table.index if name != "clip"])
    assert (line.models[0].model, line.models[0].fitted, line.fitted) == ("clip", False, 12)
    assert line.models[0].effective == pytest.approx(0.1)
    low, high = line.models[0].interval
    assert low == pytest.approx(high, abs=1e-6)
    wide = effective_robustness(table, inside="home", outside="away", fit=list(table.index[:12]), n=400).models[0].interval
    assert wide.low < 0.1 < wide.high
    assert 0.08 < wide.high - wide.low < 0.13


def test_two_homes_are_fitted_together() -> None:
    draw = np.random.default_rng(0)
    a, b = draw.uniform(-1, 2, 40), draw.uniform(-1, 2, 40)
    away = 0.3 + 0.7 * a + 0.2 * b
    table = pd.DataFrame({"a": expit(a), "b": 100 * expit(b), "away": expit(away)}, index=[f"m{i}" for i in range(40)])
    line = effective_robustness(table, inside=["a", "b"], outside="away")
    assert line.slopes == pytest.approx((0.7, 0.2))
    assert line.intercept == pytest.approx(0.3)
    assert effective_robustness(table, inside="a", outside="away").r2 < 0.98
    page = line_page([line], "t.csv")
    assert "expected by the fit" in page


def test_published_rows() -> None:
    fit = [name for name in TESTBED if "clip" not in name]
    line = effective_robustness(published(), inside="val", outside="v2", fit=fit)
    assert line.slopes[0] == pytest.approx(0.923, abs=0.03)
    assert line.r2 > 0.99
    assert line.models[0].model == "vit_b_32_clip_zeroshot"
    assert line.models[0].effective == pytest.approx(0.056, abs=0.005)


def test_percents_and_shares_mix() -> None:
    shares = published().assign(val=published()["val"] / 100)
    one = effective_robustness(shares, inside="val", outside="v2")
    assert one.slopes == effective_robustness(published(), inside="val", outside="v2").slopes


def test_models_that_no_scale_can_place_are_named() -> None:
    table = planted("logit")
    table.loc["blank"] = [math.nan, 0.5]
    table.loc["full"] = [1.0, 0.9]
    line = effective_robustness(table, inside="home", outside="away")
    assert line.left_out == ("blank: home is missing", "full: home is 0 or 1")
    assert effective_robustness(table, inside="home", outside="away", axis="linear").left_out == ("blank: home is missing",)


def test_the_seed_is_the_whole_source_of_randomness() -> None:
    one, two, other = (effective_robustness(published(), inside="val", outside="v2", seed=seed).slope_intervals for seed in (0, 0, 1))
    assert one == two != other


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"inside": "vall"}, "Unknown column 'vall'. Did you mean: val"),
        ({"inside": []}, "The 'inside' of effective_robustness must name one or more columns"),
        ({"inside": "v2"}, "other than 'v2'"),
        ({"axis": "log"}, "Unknown axis 'log'. Did you mean: logit"),
        ({"fit": ["alexnet", "resnet"]}, "Unknown model to fit 'resnet'"),
        ({"fit": ["alexnet", "polynet"]}, "be at least 5 with every accuracy, for a line over 1 in-distribution column"),
        ({"draws": 10}, "The 'draws' .* be at least 100"),
        ({"confidence": 1.0}, "The 'confidence'"),
    ],
)
def test_questions_that_cannot_be_answered(change: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        effective_robustness(published(), **{"inside": "val", "outside": "v2", **change})  # type: ignore[arg-type]


def test_tables_that_cannot_be_used() -> None:
    with pytest.raises(UsageError, match="hold accuracies in .*, got 130"):
        effective_robustness(published().assign(val=130.0), inside="val", outside="v2")
    with pytest.raises(UsageError, match="The column 'val' must contain only numbers"):
        effective_robustness(published().assign(val="much"), inside="val", outside="v2")
    with pytest.raises(UsageError, match="The table has 14 models more than once, such as 'alexnet'"):
        effective_robustness(pd.concat([published(), published()]), inside="val", outside="v2")
    with pytest.raises(UsageError, match="has the column 'val' more than once"):
        effective_robustness(pd.concat([published(), published()[["val"]]], axis=1), inside="val", outside="v2")
    with pytest.raises(UsageError, match="The accuracies of val and copy do not vary independently"):
        effective_robustness(published().assign(copy=published()["val"]), inside=["val", "copy"], outside="v2")


def test_a_table_of_audits() -> None:
    audit = sample_audit()
    table = table_of_audits([audit])
    assert list(table.columns) == [audit.data.uri, *[natural.source for natural in audit.natural]]
    assert table.iloc[0, 0] == audit.clean.accuracy
    with pytest.raises(UsageError, match="Two audits are of a model named"):
        table_of_audits([audit, audit])


def test_the_page_and_the_terminal_say_the_same() -> None:
    table = published()
    table.loc["<b>bad</b>\x1b[31m"] = [70.0, 50.0]
    table.loc["empty"] = [math.nan, 50.0]
    line = effective_robustness(table, inside="val", outside="v2")
    page = line_page([line], "t.csv")
    assert "<b>bad</b>" not in page
    assert "Left out: empty: val is missing" in page
    out = StringIO()
    Console(file=out, width=160).print(terminal_line([line]))
    said = out.getvalue()
    assert "\x1b[31m" not in said
    assert f"slope of val {line.slopes[0]:.3f}" in said
    assert "slope of val" in page


def test_many_models_are_shortened_in_the_terminal_only() -> None:
    line = effective_robustness(planted("logit", n=40), inside="home", outside="away")
    out = StringIO()
    Console(file=out, width=160).print(terminal_line([line]))
    assert "... 20 more" in out.getvalue()
    assert '<tr><th scope="row">m20</th>' in line_page([line], "t.csv")


def test_the_chart_labels_accuracies() -> None:
    spec = line_chart(effective_robustness(published(), inside="val", outside="v2")).spec
    axis = spec["layer"][2]["encoding"]["x"]["axis"]
    assert axis["values"] == pytest.approx([float(logit(t)) for t in (0.6, 0.7, 0.8)])
    assert "60%" in axis["labelExpr"]
