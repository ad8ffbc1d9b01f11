"""The table of layouts in the guide of language models is what the benchmark of a real small model stored."""

from __future__ import annotations

import json

from repository import ROOT

STORED = json.loads((ROOT / "benchmarks" / "results" / "0.1.0" / "small_language_model.json").read_text(encoding="utf-8"))
GUIDE = (ROOT / "docs" / "guide" / "language-models.md").read_text(encoding="utf-8")
NAMES = {
    "few shot": "as it is",
    "batch calibration": "batch calibration",
    "contextual calibration": "contextual calibration",
    "domain-context calibration": "domain-context calibration",
}


def test_every_method_is_in_the_table_with_its_intervals() -> None:
    methods = STORED["layouts of SST-2"]["methods"]
    assert set(methods) == set(NAMES)
    for method, found in methods.items():
        gain, (low, high) = found["gain of mean accuracy"]["value"], found["gain of mean accuracy"]["interval"]
        told = "" if method == "few shot" else f"{100 * gain:+.1f} ({100 * low:.1f} to {100 * high:.1f}) "
        spread, (least, most) = found["spread"], found["interval"]
        row = f"| {NAMES[method]} | {found['mean']:.1%} | {told}| {100 * spread:.0f} points ({100 * least:.0f} to {100 * most:.0f}) |"
        assert row.replace("%", " %") in GUIDE, row


def test_the_rest_of_the_paragraph() -> None:
    ensembles = STORED["layouts of SST-2"]["template ensembles"]
    assert {round(100 * ensembles[name]) for name in ensembles if name.startswith("spread")} == {23}
    gain = STORED["sensitivity-aware decoding"]["itself"]["gain of mean accuracy"]
    low, high = gain["interval"]
    assert f"gains {100 * gain['value']:+.1f} points ({100 * low:.1f} to {100 * high:.1f})" in " ".join(GUIDE.split())


def test_problems_with_other_numbers_and_in_other_words() -> None:
    found = STORED["problems of SVAMP"]
    numbers, words = found["operands_same_result"], found["template"]
    told = [f"{each['changed']:.0%} ({each['interval'][0]:.0%} to {each['interval'][1]:.0%})" for each in (numbers, words)]
    for one, many in zip(told, (" of problems (", " ("), strict=True):
        share, interval = one.replace("%", "").split(" (")
        assert f"in {share} %{many}{interval}" in " ".join(GUIDE.split())
    assert f"right on {found['operands']['right before, after'][0]} of them" in GUIDE
