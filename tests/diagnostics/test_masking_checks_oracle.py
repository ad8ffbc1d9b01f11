"""Each check's figure where it is known in closed form, and what the report says."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from masked import examples, honest
from shiftproof._errors import UsageError
from shiftproof.data.examples import Examples
from shiftproof.diagnostics import attack_path
from shiftproof.diagnostics.attack_path import STEPS, AscentPath
from shiftproof.diagnostics.check import Check, MaskingReport, Status, measured, not_run
from shiftproof.diagnostics.limits import LIMITS, NOMINAL, family_of
from shiftproof.diagnostics.masking import masking
from shiftproof.models.abstract import Labels
from shiftproof.models.torch_module import TorchModule
from shiftproof.shifts import Brightness, Linf, LowPass, Patch, Rotation
from shiftproof.shifts.norms.l0 import L0


def linear(scale: float = 1.0) -> TorchModule:
    layer = nn.Linear(6, 2)
    with torch.no_grad():
        layer.weight.copy_(scale * torch.tensor([[1.0, -2.0, 3.0, 0.5, -1.0, 2.0], [0.0] * 6]))
        layer.bias.copy_(scale * torch.tensor([-1.75, 0.0]))
    return TorchModule(layer, name="linear")


def vectors(model: Labels, n: int = 40) -> Examples:
    x = torch.rand(n, 6, generator=torch.Generator().manual_seed(0))
    return Examples(x, model.labels(x), np.array([str(i) for i in range(n)]))


def test_a_linear_model_is_a_straight_line_with_a_true_slope() -> None:
    report = masking(linear(), Linf(0.1), examples=vectors(linear()))
    assert report["slope"].figure < 1e-3
    assert report["ruggedness"].figure < 1e-3
    assert report["gradient_norms"].figure == pytest.approx(0, abs=1e-5)
    assert report["zero_gradients"].figure == 0
    assert report["black_box"].figure <= 0
    assert not report.suspected


def test_saturation_is_the_median_gap_of_the_scores() -> None:
    data = vectors(linear())
    scores = linear().scores(data.x).detach()
    expected = float((scores[:, 0] - scores[:, 1]).abs().double().median())
    assert masking(linear(), Linf(0.1), examples=data, queries=1)["saturation"].figure == pytest.approx(expected)
    steep = masking(linear(1000.0), Linf(0.01), examples=data, queries=1)["saturation"]
    assert steep.figure == pytest.approx(1000 * expected, rel=1e-5)
    assert (steep.status, steep.search) == (Status.FAIL, "gradient_ascent(steps=100, loss=margin)")


def test_probabilities_are_called_so() -> None:
    model = TorchModule(nn.Sequential(linear(1000.0).module, nn.Softmax(dim=1)), name="softmax")
    check = masking(model, Linf(0.01), examples=vectors(model), queries=1)["saturation"]
    assert check.status is Status.FAIL
    assert "without the final softmax" in check.detail


class OnlyLabels(Labels):
    """A model of which only the decision is seen."""

    @property
    def name(self) -> str:
        return "closed"

    def fingerprint(self) -> str:
        return "closed"

    def labels(self, x: Tensor) -> Tensor:
        return (x.sum(1) > 3).long()


def test_what_cannot_be_asked_is_listed_as_not_run() -> None:
    report = masking(OnlyLabels(), Linf(0.1), examples=vectors(OnlyLabels()))
    ran = {check.name for check in report.checks if check.status is not Status.NOT_RUN}
    assert ran == {"randomness"}
    assert len(report.checks) == 16
    assert report["slope"].detail == "The model provides only labels, so no gradient can be masked."
    assert math.isnan(report["slope"].figure)


def test_of_a_shift_with_one_move_only_the_answers_are_checked() -> None:
    report = masking(honest("plain"), LowPass(0.3), examples=examples(12))
    ran = {check.name for check in report.checks if check.status is not Status.NOT_RUN}
    assert ran <= {"randomness", "saturation"}
    assert report["transfer"].detail == report["slope"].detail == "low_pass has one move only, so there is nothing to search."


def test_a_shift_that_draws_nothing_by_chance_is_searched_by_its_grid() -> None:
    assert "grid" in masking(honest("plain"), Brightness(severity=3), examples=examples(12))["black_box"].detail


def test_limits_are_those_of_the_family_of_the_shift() -> None:
    families = {"norms": Linf(0.1), "few numbers": Rotation(15), "patch": Patch(2)}
    for family, shift in families.items():
        assert family_of(shift) == family
        report = masking(honest("plain"), shift, examples=examples(60), queries=1)
        limits = {check.name: check.limit for check in report.checks if check.status is not Status.NOT_RUN}
        assert all(limit >= LIMITS[family][name] >= NOMINAL[name] for name, limit in limits.items())
        assert limits["ruggedness"] == LIMITS[family]["ruggedness"]


def test_shifts_without_a_reach_have_no_unbounded_check() -> None:
    for shift in (Rotation(15), L0(3)):
        check = masking(honest("plain"), shift, examples=examples(6), queries=1)["unbounded"]
        assert (check.status, check.detail) == (Status.NOT_RUN, f"{shift.name} has no radius from which it reaches every input.")


def test_errors_say_what_to_do() -> None:
    wrong = vectors(linear())
    flipped = Examples(wrong.x, 1 - wrong.y, wrong.ids)
    with pytest.raises(UsageError, match="The model 'linear' misclassifies all 40 examples, so there is nothing to attack"):
        masking(linear(), Linf(0.1), examples=flipped)
    with pytest.raises(UsageError, match="The 'queries' of masking must be at least 1, got 0"):
        masking(linear(), Linf(0.1), examples=wrong, queries=0)
    with pytest.raises(UsageError, match="The 'surrogates' of masking must give gradients, got 'labels'"):
        masking(linear(), Linf(0.1), examples=wrong, surrogates=[OnlyLabels()])  # type: ignore[list-item]


def curve(values: Tensor, broken: Tensor | None = None) -> AscentPath:
    """A path of one example a column."""
    return AscentPath(values.double(), torch.zeros(values.shape, dtype=torch.bool) if broken is None else broken)


STRAIGHT = torch.linspace(0, 1, STEPS + 1)


def test_a_loss_that_still_rises_is_unfinished() -> None:
    bent = 1 - (1 - STRAIGHT) ** 4
    both = attack_path.break_point_angle(curve(torch.stack([STRAIGHT, bent, bent, bent], dim=1)))
    assert both.figure == pytest.approx(0.25)
    assert both.status is Status.FAIL
    assert attack_path.break_point_angle(curve(bent[:, None])).figure == 0
    assert attack_path.break_point_angle(curve(torch.ones(STEPS + 1, 1))).figure == 0  # nothing rose: that is another check's business


def test_a_loss_that_goes_nowhere_falls_half_of_the_time() -> None:
    zigzag = (torch.arange(STEPS + 1) % 2).float()
    assert attack_path.falling_loss(curve(zigzag[:, None])).figure == pytest.approx(0.5)
    assert attack_path.falling_loss(curve(zigzag[:, None])).status is Status.FAIL
    assert attack_path.falling_loss(curve(STRAIGHT[:, None])).figure == 0


def test_a_break_on_the_way_that_the_end_has_lost_is_silent() -> None:
    broken = torch.zeros(STEPS + 1, 4, dtype=torch.bool)
    broken[5, 0] = True
    broken[5:, 1] = True
    assert attack_path.silent_success(curve(STRAIGHT[:, None].repeat(1, 4), broken)).figure == 0.25


def test_the_report_reads_as_sentences() -> None:
    checks = (
        measured("slope", 0.9, 0.5, "How wrong.", search="square(queries=500)"),
        measured("ruggedness", 0.1, 1.0, "How rough.", search="square(queries=500)"),
        not_run("transfer", "No surrogate was given."),
    )
    report = MaskingReport("net", "linf(eps=0.1)", 30, checks)
    text = str(report)
    assert "fail     slope                0.9 (limit 0.5)" in text
    assert "Next: square(queries=500)." in text
    assert text.endswith("Masking suspected: 1 of 2 checks failed. Search again with square(queries=500).")
    assert report.next_searches == ("square(queries=500)",)
    assert checks[1].search == ""
    fine = MaskingReport("net", "linf(eps=0.1)", 30, checks[1:])
    assert str(fine).endswith("Nothing suspicious: 1 of 2 checks ran, none failed. That is no proof of robustness.")


def test_a_figure_that_is_no_number_fails() -> None:
    assert measured("slope", math.nan, 0.5, "How wrong.").status is Status.FAIL
    assert isinstance(not_run("slope", "Why."), Check)
