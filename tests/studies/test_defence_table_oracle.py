"""Which answers each family's figure is made of, on answers made by hand; and that the predictions are the ranges that papers state."""

from __future__ import annotations

import numpy as np
import pytest

from shiftproof.defences.detection_outcomes import DetectionOutcomes
from shiftproof.evaluation.defend.measure import AttackOutcomes
from shiftproof.evaluation.defend.rows import LITERATURE
from shiftproof.studies.defence_table import DefenceTable, _figures

N = 10


def _first(k: int) -> np.ndarray:
    """The first k of N."""
    return np.arange(N) < k


def _answered(
    transfer: int, plain: int, adaptive: int, detection: tuple[DetectionOutcomes, DetectionOutcomes] | None = None
) -> AttackOutcomes:
    return AttackOutcomes(_first(9), _first(transfer), _first(plain), _first(adaptive), _first(0), {}, detection=detection)


BEFORE = _answered(2, 2, 1)
AFTER = _answered(8, 7, 5)


@pytest.mark.parametrize(
    ("family", "stated"),
    [
        ("adversarial training", 0.4),
        ("distillation", 0.5),
        ("transformation", 0.6),
        ("squeezing", 0.6),
        ("ensemble", 0.6),
        ("masking", 0.4),
    ],
)
def test_each_family_is_measured_against_what_its_papers_used(family: str, stated: float) -> None:
    found = _figures(family, AFTER, BEFORE)
    assert found[f"{family}, as stated"].value == pytest.approx(stated)
    assert found[f"{family}, clean"].value == pytest.approx(0.9)
    assert found[f"{family}, gain under every attack"].value == pytest.approx(0.4)


def test_masking_hides_what_only_the_plain_attack_leaves() -> None:
    assert _figures("masking", AFTER, BEFORE)["masking, hidden"].value == pytest.approx(0.2)
    assert "distillation, hidden" not in _figures("distillation", AFTER, BEFORE)


def test_a_detector_is_judged_by_the_moves_that_fool_the_network_behind_it() -> None:
    all_of_them = np.ones(N, dtype=bool)
    unaware = DetectionOutcomes(all_of_them, all_of_them, _first(0), fooled=_first(8), caught=_first(6))
    aware = DetectionOutcomes(all_of_them, all_of_them, _first(0), fooled=_first(8), caught=_first(1))
    found = _figures("detection", _answered(9, 9, 9, (unaware, aware)), BEFORE)
    assert found["detection, as stated"].value == pytest.approx(0.75)
    nothing = DetectionOutcomes(all_of_them, all_of_them, _first(0), fooled=_first(0), caught=_first(0))
    empty = _figures("detection", _answered(9, 9, 9, (nothing, nothing)), BEFORE)["detection, as stated"]
    assert (empty.value, empty.error) == (0.5, 0.5)


def test_every_stated_range_is_a_prediction() -> None:
    predicted = {each.quantity: (each.low, each.high) for each in DefenceTable.predictions}
    for family, stated in LITERATURE.items():
        assert predicted[f"{family}, as stated"] == (stated.low, stated.high)
