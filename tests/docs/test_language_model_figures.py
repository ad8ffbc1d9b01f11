"""The table of layouts in the guide of language models is what the benchmark of a real small model stored."""

from __future__ import annotations

import json
from typing import Any

from repository import ROOT


def stored(name: str) -> Any:
    """What a benchmark stored."""
    return json.loads((ROOT / "benchmarks" / "results" / "0.1.0" / f"{name}.json").read_text(encoding="utf-8"))


STORED = stored("small_language_model")
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


def test_what_an_endpoint_costs() -> None:
    found, text = stored("chat_cost"), " ".join(GUIDE.split())
    assert f"costs {found['their median']:.1f} ms of CPU time and a run {found[MEMORY]:.0f} MB of memory above" in text
    (whole,) = found["CPU-ms a sample, all of inspect"]
    assert f"`inspect eval` takes {whole:.0f} ms a sample in all, its start included ({found['samples']} samples," in text


MEMORY = "MB above the function's audit"


def test_how_far_engines_are_apart() -> None:
    found, text = stored("engines"), " ".join(GUIDE.split())
    ways = [found[name] for name in ("completions", "chat")]
    median, most = (max(one[f"their {name}, nats"] for one in ways) for name in ("median", "largest"))
    assert f"by {median:.2f} nats in the median and {most:.2f} at most" in text
    largest = max(one["largest, nats"] for one in found["float32"].values())
    assert f"by {largest:.2f} at most on weights in float32" in text


def test_steady_rewards() -> None:
    found, text = stored("steady_rewards"), " ".join(GUIDE.split())
    assert f"a head ranks {found['without a penalty']['as it is']:.1%}".replace("%", " %") in text
    assert all(one["interval"][1] >= 0 for one in found["1. change under each shift, joint"].values())
    for name, told in (("2. gain over the shifts", "changes by "), ("3. change as they are", "on the pairs as they are by ")):
        gain = found[name]["1.0"]
        low, high = gain["interval"]
        assert f"{told}{100 * gain['value']:+.1f}{' points' * (name[0] == '2')} ({100 * low:.1f} to {100 * high:.1f})" in text


def test_layout_tuning() -> None:
    found, text = stored("layout_tuning"), " ".join(GUIDE.split())
    gain = found["after"]["gain of mean accuracy"]
    low, high = gain["interval"]
    assert f"by {100 * gain['value']:+.1f} points ({100 * low:.1f} to {100 * high:.1f})" in text
    assert f"On {found['n']} sentences of SST-2 and six layouts" in text
    assert f"from {100 * found['before']['spread']:.0f} to {100 * found['after']['spread']:.0f} points" in text
