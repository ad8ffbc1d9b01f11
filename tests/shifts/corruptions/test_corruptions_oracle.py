"""Corruptions in closed form: what one line of arithmetic says they must do."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from shiftproof._errors import UsageError
from shiftproof.data.space import Column, InputSpace
from shiftproof.randomness import Rng
from shiftproof.shifts import Brightness, Contrast, GaussianBlur, GaussianNoise
from shiftproof.shifts.corruptions.corruption import Corruption

IMAGE = InputSpace(kind="image")
ALL = (GaussianNoise, Brightness, Contrast, GaussianBlur)
PUBLISHED = {  # severity 1 to 5: above 64 pixels (ImageNet-C), up to 64 (Tiny-ImageNet-C) and up to 32 (CIFAR-10-C)
    "gaussian_noise": ((0.08, 0.12, 0.18, 0.26, 0.38), (0.04, 0.08, 0.12, 0.15, 0.18), (0.04, 0.06, 0.08, 0.09, 0.10)),
    "brightness": ((0.1, 0.2, 0.3, 0.4, 0.5), (0.1, 0.2, 0.3, 0.4, 0.5), (0.05, 0.1, 0.15, 0.2, 0.3)),
    "contrast": ((0.4, 0.3, 0.2, 0.1, 0.05), (0.4, 0.3, 0.2, 0.1, 0.05), (0.75, 0.5, 0.4, 0.3, 0.15)),
    "gaussian_blur": ((1, 2, 3, 4, 6), (0.5, 0.75, 1, 1.25, 1.5), (0.4, 0.6, 0.7, 0.8, 1)),
}


def at(*severity: float, seed: int | None = None) -> Tensor:
    rows = [[s] if seed is None else [s, float(seed)] for s in severity]
    return torch.tensor(rows, dtype=torch.float64)


def picture(n: int = 2, size: int = 32, channels: int = 3) -> Tensor:
    return torch.rand(n, channels, size, size, generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize(("size", "table"), [(224, 0), (65, 0), (64, 1), (33, 1), (32, 2), (28, 2)])
def test_constants_are_the_published_ones_at_whole_severities_and_between_them_in_between(
    kind: type[Corruption[Any]], size: int, table: int
) -> None:
    shift = kind(5).within(IMAGE)
    x = torch.zeros(1, 1, size, 9)
    published = torch.tensor(PUBLISHED[kind.name][table], dtype=torch.float64)
    assert torch.equal(shift.amount(x, at(1, 2, 3, 4, 5)).flatten(), published)
    half = shift.amount(x, at(1.5, 2.5, 3.5, 4.5)).flatten()
    torch.testing.assert_close(half, (published[1:] + published[:-1]) / 2)


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("space", [IMAGE, InputSpace(0, 255, "image", "[0, 255]"), InputSpace(-1, 1, "image", "[-1, 1]")])
def test_severity_0_leaves_every_bit(kind: type[Corruption[Any]], space: InputSpace) -> None:
    shift = kind(5).within(space)
    x = space.low + picture(size=70) * (space.high - space.low)
    assert torch.equal(shift.apply(x, shift.project(x, shift.origin(x))), x)


@pytest.mark.parametrize("kind", ALL)
def test_other_boxes_are_the_unit_box_stretched(kind: type[Corruption[Any]]) -> None:
    x = picture()
    unit, wide = kind(4).within(IMAGE), kind(4).within(InputSpace(-3.0, 7.0, "image", "[-3, 7]"))
    params = unit.sample(x, Rng.for_ids(0, ["a", "b"]))
    torch.testing.assert_close((wide.apply(10 * x - 3, params) + 3) / 10, unit.apply(x, params), atol=2e-6, rtol=0)


def test_noise_has_the_published_spread_and_no_mean() -> None:
    x = torch.full((1, 3, 100, 100), 0.5)
    moved = GaussianNoise(5).within(IMAGE).apply(x, at(1.0, seed=7)) - x
    assert abs(float(moved.std()) - 0.08) < 3 * 0.08 / math.sqrt(2 * x.numel())
    assert abs(float(moved.mean())) < 4 * 0.08 / math.sqrt(x.numel())


def test_noise_hangs_on_the_seed_alone() -> None:
    shift = GaussianNoise(5).within(IMAGE)
    x = torch.full((1, 1, 8, 8), 0.5)
    weak, strong, other = (shift.apply(x, p) - x for p in (at(1, seed=3), at(2, seed=3), at(1, seed=4)))
    torch.testing.assert_close(strong, weak * 1.5, atol=1e-6, rtol=0)
    assert not torch.allclose(weak, other, atol=0.01)


@pytest.mark.parametrize("kind", ALL)
def test_the_average_case_is_at_the_named_severity_and_the_worst_case_up_to_it(kind: type[Corruption[Any]]) -> None:
    shift = kind(3).within(IMAGE)
    x = picture()
    params = shift.sample(x, Rng.for_ids(0, ["a", "b"]))
    assert torch.equal(params[:, 0], torch.tensor([3.0, 3.0], dtype=torch.float64))
    assert float(shift.excess(x, params).max()) <= 0
    beyond = params.clone()
    beyond[:, 0] = 4.5
    assert torch.equal(shift.excess(x, beyond), torch.tensor([1.5, 1.5], dtype=torch.float64))
    assert torch.equal(shift.project(x, beyond), params)


def test_brightness_keeps_hue_and_saturation() -> None:
    x = torch.tensor([[0.1, 0.3, 0.2], [0.0, 0.0, 0.0], [0.9, 0.3, 0.0], [1.0, 0.5, 0.5]]).T.reshape(1, 3, 1, 4)
    moved = Brightness(5).within(IMAGE).apply(x, at(4))  # + 0.2
    expected = torch.tensor([[1 / 6, 0.5, 1 / 3], [0.2, 0.2, 0.2], [1.0, 1 / 3, 0.0], [1.0, 0.5, 0.5]]).T.reshape(1, 3, 1, 4)
    torch.testing.assert_close(moved, expected)


def test_brightness_of_grey_is_a_sum() -> None:
    x = picture(channels=1)
    torch.testing.assert_close(Brightness(5).within(IMAGE).apply(x, at(5, 5)), (x + 0.3).clamp(max=1))


def test_contrast_keeps_each_channel_mean_and_scales_its_spread() -> None:
    x = picture()
    moved = Contrast(5).within(IMAGE).apply(x, at(2, 5))
    torch.testing.assert_close(moved.mean((2, 3)), x.mean((2, 3)))
    torch.testing.assert_close(moved.std((2, 3)), x.std((2, 3)) * torch.tensor([[0.5], [0.15]]))


def test_blur_of_a_point_is_the_gaussian() -> None:
    x = torch.zeros(1, 1, 99, 99)
    x[..., 49, 49] = 1
    moved = GaussianBlur(5).within(IMAGE).apply(x, at(3))[0, 0]  # sigma 3, cut at 12
    offset = torch.arange(-49.0, 50)
    bell = torch.exp(-(offset**2) / 18) * (offset.abs() <= 12)
    bell = bell / bell.sum()
    torch.testing.assert_close(moved, bell[:, None] * bell, atol=1e-7, rtol=0)


def test_blur_of_plain_is_plain_and_of_a_wave_a_weaker_wave() -> None:
    shift = GaussianBlur(5).within(IMAGE)
    torch.testing.assert_close(shift.apply(torch.full((1, 1, 70, 3), 0.3), at(5)), torch.full((1, 1, 70, 3), 0.3))
    phase = 2 * math.pi * 0.05 * torch.arange(300.0)
    wave = 0.5 + 0.4 * phase.cos().expand(1, 1, 5, 300)
    moved = shift.apply(wave, at(2))  # sigma 2: the transfer of a Gaussian, exp(-2 (pi sigma f)^2)
    expected = 0.5 + (wave - 0.5) * math.exp(-2 * (math.pi * 2 * 0.05) ** 2)
    torch.testing.assert_close(moved[..., 20:-20], expected[..., 20:-20], atol=2e-4, rtol=0)


def test_blur_treats_each_example_at_its_own_severity() -> None:
    shift = GaussianBlur(5).within(IMAGE)
    x = picture(4, size=130)
    together = shift.apply(x, at(0, 1.3, 3, 5))
    for row, severity in enumerate((0, 1.3, 3, 5)):
        torch.testing.assert_close(together[row : row + 1], shift.apply(x[row : row + 1], at(severity)), atol=1e-6, rtol=0)


def test_noise_on_vectors_and_tables_is_a_share_of_the_range() -> None:
    vectors = torch.full((1, 20_000), 5.0)
    moved = GaussianNoise(5).within(InputSpace(0, 10, units="[0, 10]")).apply(vectors, at(3, seed=0)) - vectors
    assert abs(float(moved.std()) / 10 - 0.06) < 0.002  # 2 % of the range a step

    columns = (
        Column("real", "real", 0, 1000),
        Column("whole", "integer", 0, 100),
        Column("word", "categorical", 0, 1, ("a", "b")),
    )
    shift = GaussianNoise(5).within(InputSpace(kind="table", columns=columns))
    x = torch.tensor([[500.0, 50.0, 1.0]]).repeat(2000, 1)
    moved = shift.apply(x, shift.sample(x, Rng.for_ids(0, [str(i) for i in range(2000)])))
    assert abs(float(moved[:, 0].std()) / 1000 - 0.10) < 0.01
    assert torch.equal(moved[:, 1], moved[:, 1].round())
    assert 5 < float(moved[:, 1].std()) < 10.5  # rounded towards where it was
    assert torch.equal(moved[:, 2], x[:, 2])


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("severity", [0, -1, 5.1, math.nan])
def test_severity_out_of_range(kind: type[Corruption[Any]], severity: float) -> None:
    with pytest.raises(UsageError, match=rf"The 'severity' of {kind.name} must be in \(0, 5\], got .*1 to 5 are the published settings"):
        kind(severity)


@pytest.mark.parametrize("kind", ALL)
def test_a_box_without_ends_is_refused(kind: type[Corruption[Any]]) -> None:
    with pytest.raises(UsageError, match=rf"{kind.name} moves by shares of the inputs' range, and reals is unbounded. Declare the box"):
        kind(3).within(InputSpace(-math.inf, math.inf, "image", "reals"))


def test_a_column_without_ends_and_a_table_of_words_are_refused() -> None:
    shift = GaussianNoise(3)
    with pytest.raises(UsageError, match="gaussian_noise moves by shares of the inputs' range"):
        shift.within(InputSpace(kind="table", columns=(Column("a", "real", 0, math.inf),)))
    with pytest.raises(UsageError, match="every column of this table is categorical"):
        shift.within(InputSpace(kind="table", columns=(Column("a", "categorical", 0, 1, ("x", "y")),)))


@pytest.mark.parametrize("kind", [Brightness, Contrast, GaussianBlur])
def test_other_kinds_of_data_are_refused(kind: type[Corruption[Any]]) -> None:
    with pytest.raises(UsageError, match=rf"{kind.name} moves image data, and these inputs are of kind 'vector'"):
        kind(3).within(InputSpace())
