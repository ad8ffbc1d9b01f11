"""Heat maps, curves, bands and hybrids of models that look at known frequencies alone."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import shiftproof as sp
from shiftproof._errors import UsageError
from shiftproof.data.space import InputSpace
from shiftproof.diagnostics.bands import frequency_curves, spectral_bias
from shiftproof.diagnostics.critical_band import critical_band
from shiftproof.diagnostics.fourier import _basis, _distinct, _frequencies, fourier_heat_map
from shiftproof.diagnostics.shape_bias import _shuffle, shape_bias
from shiftproof.models.abstract import Labels
from shiftproof.randomness import Rng
from shiftproof.reports.frequency import FrequencyReport, curves_chart, frequency_page, heat_map_chart, in_words
from shiftproof.shifts import BandPass, HighPass

SIDE = 16


class Reads(nn.Module):
    """Class 1 where the image's component along one wave is above a limit."""

    def __init__(self, down: int, right: int, limit: float = 0.0, side: int = SIDE) -> None:
        super().__init__()
        self.wave = _basis([(down, right)], side, side)[0]
        self.limit = limit

    def forward(self, x: Tensor) -> Tensor:
        score = ((x - 0.5).mean(1) * self.wave).sum((1, 2)) - self.limit
        return torch.stack([-score, score], dim=1)


def model_of(net: nn.Module) -> Labels:
    return sp.as_model(net, name="reads")


def grey(n: int = 40, channels: int = 1, side: int = SIDE) -> sp.Examples:
    return sp.examples(torch.full((n, channels, side, side), 0.5), torch.zeros(n, dtype=torch.int64), kind="image")


def _wave(down: int, right: int, side: int) -> Tensor:
    """A wave that reaches 1."""
    wave = _basis([(down, right)], side, side)[0]
    return wave / wave.abs().max()


def waves(down: int, right: int, n: int = 20, height: float = 0.2, side: int = SIDE) -> sp.Examples:
    """Half of the images have the wave, half its opposite: class 1 and class 0."""
    y = torch.arange(n) % 2
    sign = (2.0 * y - 1)[:, None, None, None]
    x = 0.5 + height * sign * _wave(down, right, side)
    return sp.examples(x, y, kind="image")


@pytest.mark.parametrize(("side", "reach"), [(8, 4), (9, 4), (8, 2), (7, 3)])
def test_the_basis_is_real_of_norm_one_and_of_two_frequencies(side: int, reach: int) -> None:
    axis = _frequencies(side, reach)
    distinct = _distinct(axis, axis, side, side)
    basis = _basis(distinct, side, side).double()
    torch.testing.assert_close(basis.flatten(1).norm(dim=1), torch.ones(len(distinct), dtype=torch.float64))
    spectrum = torch.fft.fft2(basis).abs()
    for (i, j), one in zip(distinct, spectrum, strict=True):
        there = {(i % side, j % side), (-i % side, -j % side)}
        assert {(int(a), int(b)) for a, b in (one > 1e-4 * side).nonzero()} == there
    if 2 * reach >= side - 1:  # all frequencies: the waves and their opposites are all there are
        both = sum(1 if (2 * i % side, 2 * j % side) == (0, 0) else 2 for i, j in distinct)
        assert both == side * side


def test_a_model_that_reads_one_wave_errs_there_alone_and_half_of_the_time() -> None:
    found = fourier_heat_map(model_of(Reads(3, -5, limit=0.5)), examples=grey(400), eps=1.0)
    assert found.clean == 0.0
    wrong = {(int(found.down[a]), int(found.right[b])) for a, b in np.argwhere(found.error > 0)}
    assert wrong == {(3, -5), (-3, 5)}
    assert found.worst[2] == found.error[SIDE // 2 + 3, SIDE // 2 - 5] == found.error[SIDE // 2 - 3, SIDE // 2 + 5]
    assert 0.4 < found.worst[2] < 0.6  # a sign by chance
    assert found.clipped == pytest.approx(0.0, abs=1e-5)
    assert found.centre == pytest.approx(math.hypot(3, 5) / 8)
    low, high = found.interval(3, -5)
    assert low < 0.5 < high


def test_eps_is_a_norm_and_decides_exactly() -> None:
    for eps, wrong in ((0.49, 0), (0.51, 2)):
        found = fourier_heat_map(model_of(Reads(2, 1, limit=0.5)), examples=grey(200), eps=eps)
        assert int((found.error > 0).sum()) == wrong


def test_a_linear_model_errs_where_its_own_spectrum_is_large() -> None:
    weight = torch.randn(SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    last = nn.Linear(SIDE * SIDE, 2)
    linear = nn.Sequential(nn.Flatten(), last)
    with torch.no_grad():
        last.weight.copy_(torch.stack([-weight.flatten(), weight.flatten()]))
        last.bias.copy_(torch.tensor([1.0, -1.0]) * (1.0 + float(weight.sum()) * 0.5))
    found = fourier_heat_map(sp.as_model(linear, name="linear"), examples=grey(60), eps=1.0)
    for a, i in enumerate(found.down.tolist()):
        for b, j in enumerate(found.right.tolist()):
            along = float((weight * _basis([(i, j)], SIDE, SIDE)[0]).sum())
            assert (found.error[a, b] > 0) == (abs(along) > 1.0), (i, j)


def test_the_map_depends_neither_on_batches_nor_on_order() -> None:
    examples = waves(1, 2, 30)
    model = model_of(Reads(1, 2))
    one = fourier_heat_map(model, examples=examples, eps=3.0, reach=3, batch_size=7)
    two = fourier_heat_map(model, examples=examples[np.arange(29, -1, -1)], eps=3.0, reach=3, batch_size=512)
    np.testing.assert_array_equal(one.error, two.error)
    assert one.error.shape == (7, 7)
    np.testing.assert_array_equal(one.error, one.error[::-1, ::-1])
    other = fourier_heat_map(model, examples=examples, eps=3.0, reach=3, seed=1)
    assert (other.error != one.error).any()


def test_channels_have_signs_of_their_own() -> None:
    found = fourier_heat_map(model_of(Reads(2, 0, limit=0.9)), examples=grey(300, channels=2), eps=1.0, reach=2)
    assert found.worst[2] == pytest.approx(0.25, abs=0.09)  # both channels up: their mean reaches 0.9


def test_what_the_box_cuts_off_is_told() -> None:
    white = sp.examples(torch.ones(10, 1, 8, 8), torch.zeros(10, dtype=torch.int64), kind="image")
    found = fourier_heat_map(model_of(Reads(1, 1, side=8)), examples=white, eps=1.0)
    assert 0.3 < found.clipped < 0.7
    assert math.isnan(fourier_heat_map(model_of(Reads(1, 1, 99, side=8)), examples=white, eps=1.0).centre)


def test_low_and_high_accuracy_change_places_at_the_wave() -> None:
    found = frequency_curves(model_of(Reads(0, 4)), examples=waves(0, 4), radii=(0.2, 0.4, 0.5, 0.6, 1.0))  # distance 0.5
    np.testing.assert_array_equal(found.low, [10, 10, 10, 20, 20])
    np.testing.assert_array_equal(found.high, [20, 20, 20, 10, 10])
    np.testing.assert_array_equal(found.high_normalised, [20, 20, 20, 10, 10])
    assert (found.clean, found.crossing) == (20, 0.6)
    assert frequency_curves(model_of(Reads(0, 4)), examples=waves(0, 4), radii=(0.3,)).crossing == math.inf


def test_normalising_lifts_what_is_too_faint_to_be_read() -> None:
    faint = waves(0, 6, height=0.01)
    net = Reads(0, 6, limit=0.3)
    found = frequency_curves(model_of(net), examples=faint, radii=(0.5,), std=0.2)
    assert (int(found.high[0]), int(found.high_normalised[0])) == (10, 20)


@pytest.mark.parametrize("shift", [HighPass(0.3, 0.2), BandPass(0.3, 0.9, 0.2)])
def test_a_normalised_filter_gives_each_image_its_spread(shift: HighPass | BandPass) -> None:
    x = (
        0.5
        + 0.1 * torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(1)) * torch.tensor([0.05, 0.3, 1.0])[:, None, None, None]
    )
    put = shift.within(InputSpace(kind="image"))
    out = put.apply(x, put.origin(x))
    torch.testing.assert_close((out - 0.5).flatten(1).square().mean(1).sqrt(), torch.full((3,), 0.2), rtol=0.02, atol=0)
    flat = torch.full((1, 1, 16, 16), 0.7)
    torch.testing.assert_close(put.apply(flat, put.origin(flat)), torch.full_like(flat, 0.5))
    with pytest.raises(UsageError, match=r"The 'std' of \w+ must be in \[0, 0.5\], got 0.7"):
        type(shift)(**{**vars(shift), "std": 0.7}).check()


def coarse_and_fine(n: int = 40) -> sp.Examples:
    """A coarse wave and a fine one, of the same sign: both say the class."""
    coarse, fine = waves(0, 1, n, 0.2), waves(0, 6, n, 0.2)
    return sp.examples(coarse.x + fine.x - 0.5, coarse.y, kind="image")


def test_hybrids_part_coarse_from_fine() -> None:
    coarse = shape_bias(model_of(Reads(0, 1)), examples=coarse_and_fine(), radius=0.4)
    fine = shape_bias(model_of(Reads(0, 6)), examples=coarse_and_fine(), radius=0.4)
    assert (coarse.coarse, coarse.fine, coarse.neither, coarse.bias) == (40, 0, 0, 1.0)
    assert (fine.coarse, fine.fine, fine.neither, fine.bias) == (0, 40, 0, 0.0)
    assert coarse.interval.low > 0.9
    assert coarse.clean == 40


def test_pieces_are_all_there_in_another_order() -> None:
    x = torch.arange(2 * 3 * 8 * 8).reshape(2, 3, 8, 8).float()
    mixed = _shuffle(x, 4, Rng.for_ids(0, ["a", "b"]))
    assert mixed.shape == x.shape
    for one, other in zip(x, mixed, strict=True):
        pieces = {tuple(p.flatten().tolist()) for row in one.split(2, 1) for p in row.split(2, 2)}
        assert {tuple(p.flatten().tolist()) for row in other.split(2, 1) for p in row.split(2, 2)} == pieces
    assert bool((mixed != x).any())
    found = shape_bias(model_of(Reads(0, 1)), examples=coarse_and_fine(), pieces=(2,))
    assert 0 < found.shuffled[2] < 40  # halves that change places turn the wave over


def report() -> FrequencyReport:
    model, examples = model_of(Reads(0, 4)), waves(0, 4)
    heat = fourier_heat_map(model, examples=examples, eps=2.0, reach=4)
    shape = shape_bias(model, examples=coarse_and_fine())
    return FrequencyReport(
        "<i>m</i>",
        "data",
        heat,
        frequency_curves(model, examples=examples),
        spectral_bias(model, examples=examples),
        critical_band(model, examples=examples),
        shape,
    )


def test_the_page_shows_what_was_measured() -> None:
    made = report()
    page = frequency_page(made)
    assert "<i>m</i>" not in page
    assert page.count('class="plot"') == 3
    cells = heat_map_chart(made.heat_map).spec["data"]["values"]
    assert len(cells) == made.heat_map.error.size
    assert {(c["down"], c["right"]): c["error"] for c in cells}[0, 4] == made.heat_map.worst[2]
    values = curves_chart(made.curves).spec["layer"][1]["data"]["values"]
    assert [row["value"] for row in values if row["series"] == "low frequencies"] == (made.curves.low / 20).tolist()
    said = " ".join(in_words(made))
    for part in ("up to ", "a shape bias of", "Cut into 2 x 2 pieces"):
        assert part in said


@pytest.mark.parametrize(
    ("call", "change", "message"),
    [
        (fourier_heat_map, {"eps": 0.0}, r"The 'eps' of fourier_heat_map must be in \(0, inf\)"),
        (fourier_heat_map, {"reach": 9}, "The 'reach' of fourier_heat_map must be from 1 to 8, half a side"),
        (fourier_heat_map, {"batch_size": 0}, "The 'batch_size' of fourier_heat_map must be at least 1"),
        (frequency_curves, {"radii": (0.5, 0.2)}, "The 'radii' of frequency_curves must be one or more numbers, ascending"),
        (frequency_curves, {"std": 0.0}, "The 'std' of frequency_curves"),
        (critical_band, {"levels": (0.0, 0.1)}, "The 'levels' of critical_band"),
        (critical_band, {"contrast": 0.0}, "The 'contrast' of critical_band"),
        (critical_band, {"limit": 1.0}, r"The 'limit' of critical_band must be in \(0, 1\)"),
        (spectral_bias, {"cutoffs": (0.5, 0.2)}, "The 'cutoffs' of spectral_bias must be one or more numbers"),
        (spectral_bias, {"cutoffs": (0.5, 1.2)}, "The 'cutoffs' of spectral_bias"),
        (shape_bias, {"pieces": (3,)}, "The 'pieces' of shape_bias must be numbers of at least 2 that divide 16 and 16"),
        (shape_bias, {"examples": grey()}, "all of these belong to one"),
        (shape_bias, {"radius": 0.0}, "The 'radius' of low_pass"),
        (critical_band, {"examples": grey(side=6)}, "at least 8 pixels per side for two bands, got 6"),
        (
            critical_band,
            {"examples": sp.examples(torch.full((4, 1, 16, 16), 0.5), torch.ones(4).long(), kind="image")},
            "misclassifies every example even without noise",
        ),
        (fourier_heat_map, {"examples": sp.examples(torch.rand(3, 4), torch.zeros(3).long())}, "needs images"),
        (frequency_curves, {"examples": grey(0)}, "The 'examples' of frequency_curves must be at least 1"),
    ],
)
def test_questions_that_cannot_be_answered(call: object, change: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        call(model_of(Reads(0, 2, limit=0.5)), **{"examples": waves(0, 2), **change})  # type: ignore[operator]


def test_frequencies_outside_the_map_are_refused() -> None:
    found = fourier_heat_map(model_of(Reads(0, 2)), examples=waves(0, 2), reach=2)
    with pytest.raises(UsageError, match=r"The 'frequency' of the heat map must be one of its own, got \(7, 0\)"):
        found.interval(7, 0)
