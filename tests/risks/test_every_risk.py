"""What every risk keeps: its name, its words where it refuses, NaN where nothing was measured."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from shiftproof import UsageError
from shiftproof._part import show
from shiftproof.conformance import check_part
from shiftproof.registry import parse_spec
from shiftproof.risks import CVaR, Mean, Risk, WorstGroup, risks

GROUPS = np.array(["a", "b"])
BALLS = (
    "group_mixture(floor=0.2)",
    "conditional_cvar(alpha=0.3)",
    "chi_square(radius=0.5)",
    "chi_square_penalised(penalty=0.2)",
    "kl(radius=0.3)",
    "kl_penalised(penalty=0.2)",
    "total_variation(radius=0.2)",
    "total_variation_penalised(penalty=0.3)",
    "extremile(order=2.5)",
    "exponential_spectral(rho=3)",
    "holistic(0.1, 0.2)",
    "wasserstein(radius=0.1)",
    "sinkhorn(radius=0.1, epsilon=1)",
    "mmd(radius=0.1)",
)
EVERY: list[Risk[Any]] = [Mean(), WorstGroup(), CVaR(0.1), *(risks.build(spec) for spec in BALLS)]
every_risk = pytest.mark.parametrize("risk", EVERY, ids=lambda r: r.name)


@every_risk
def test_it_is_registered_and_its_spec_builds_it(risk: Risk[Any]) -> None:
    assert risks.build(risk.spec()) == risk
    assert risk.references


def test_all_of_ours_are_here() -> None:
    assert [risk.name for risk in EVERY] == risks.names()


@every_risk
def test_it_passes_the_contract_suite(risk: Risk[Any]) -> None:
    report = check_part(risk)
    assert report.passed, report


UNBOUNDED = ("chi_square(inf)", "kl(inf)", "holistic(0, inf)", "wasserstein(inf)", "sinkhorn(inf, 1)", "mmd(inf)")


@pytest.mark.parametrize("spec", UNBOUNDED)
def test_an_infinite_radius_is_written_and_read(spec: str) -> None:
    risk = risks.build(spec)
    assert risk.options()["radius"] == math.inf
    assert risks.build(risk.spec()) == risk == risks.build(risk.full_spec())


def test_the_word_inf_is_written_in_quotes_where_it_is_a_word() -> None:
    assert show("inf") == "'inf'"
    assert parse_spec("part('inf', inf, -inf)")[1] == ["inf", math.inf, -math.inf]


@pytest.mark.parametrize("spec", [spec.replace("inf", "-1") for spec in UNBOUNDED])
def test_a_radius_below_0_is_refused(spec: str) -> None:
    with pytest.raises(UsageError, match=r"The 'radius' of \w+ must be in \[0, inf\], got -1"):
        risks.build(spec)


def test_an_unknown_risk_names_its_neighbours() -> None:
    with pytest.raises(UsageError, match=r"Unknown risk 'chi_sqare'\. Did you mean: chi_square"):
        risks.build("chi_sqare(radius=1)")


@every_risk
def test_nothing_measured_is_nan(risk: Risk[Any]) -> None:
    m = risk.measure(np.zeros(0), GROUPS[:0])
    assert m.n == 0
    assert all(map(math.isnan, (m.value, *m.interval)))


@every_risk
@pytest.mark.parametrize("value", [-0.1, 1.5, math.inf])
def test_values_outside_0_and_1_are_refused(risk: Risk[Any], value: float) -> None:
    with pytest.raises(UsageError, match=rf"The 'values' of {risk.name} must lie in \[0, 1\], got {value!r}\. 1 of 2 values do not\."):
        risk.measure(np.array([0.5, value]), GROUPS)


@every_risk
def test_values_of_another_shape_are_refused(risk: Risk[Any]) -> None:
    with pytest.raises(UsageError, match=rf"The 'values' of {risk.name} must have shape \(n,\), one number per example, got \(2, 1\)\."):
        risk.measure(np.zeros((2, 1)), GROUPS)


@every_risk
@pytest.mark.parametrize("confidence", [0.0, 1.0, 95.0])
def test_a_confidence_outside_0_and_1_is_refused(risk: Risk[Any], confidence: float) -> None:
    for values in (np.zeros(0), np.array([0.5, 1.0])):
        with pytest.raises(UsageError, match=r"The 'confidence' of an interval must be in \(0, 1\)"):
            risk.measure(values, GROUPS[: len(values)], confidence=confidence)


@pytest.mark.parametrize("risk", [Mean(), WorstGroup()], ids=lambda r: r.name)
def test_nan_among_right_and_wrong_is_refused(risk: Risk[Any]) -> None:
    with pytest.raises(UsageError, match=rf"The 'values' of {risk.name} must be numbers, got 'NaN in 1 of 2'\. Leave out what was not"):
        risk.measure(np.array([1.0, math.nan]), GROUPS)


def test_nan_among_probabilities_points_at_models_that_give_labels_only() -> None:
    with pytest.raises(
        UsageError, match=r"The 'values' of cvar are NaN in 2 of 2 examples\. .*provides only labels does not have: use a model with scores"
    ):
        CVaR(0.1).measure(np.full(2, math.nan))


@pytest.mark.parametrize("alpha", [0.0, -1.0, 1.5, math.nan])
def test_a_share_that_is_none_is_refused(alpha: float) -> None:
    with pytest.raises(UsageError, match=r"The 'alpha' of cvar must be in \(0, 1\], got .*0\.1 is the worst tenth\."):
        CVaR(alpha)


def test_groups_are_needed_one_a_value() -> None:
    with pytest.raises(UsageError, match=r"The risk worst_group needs a group name for each example, and none was given\. Name a column"):
        WorstGroup().measure(np.zeros(2))
    with pytest.raises(UsageError, match=r"The 'groups' of worst_group must have one name per value \(2\), got 3\."):
        WorstGroup().measure(np.zeros(2), np.array(["a", "b", "c"]))


def test_comparisons_refuse_what_is_no_verdict_or_no_pair() -> None:
    from shiftproof.risks.paired import paired

    with pytest.raises(UsageError, match=r"The 'first' of a comparison must be 0 or 1 per example, shape \(n,\), got \[0\.5, 1\.0\]\."):
        paired([0.5, 1.0], [1, 0])
    with pytest.raises(UsageError, match=r"The 'second' of a comparison must be 0 or 1 per example, shape \(n,\), got \(8, 1\)\."):
        paired([1], np.zeros((8, 1)))
    with pytest.raises(UsageError, match=r"The 'second' of a paired comparison must have one verdict per pair \(2\), got 3\."):
        paired([1, 0], [1, 0, 1])
