"""Rotation and translation against moves that need no interpolation, and against torch's own resampling."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from shiftproof._errors import UsageError
from shiftproof.data.space import InputSpace
from shiftproof.shifts import Rotation, Translation

IMAGE = InputSpace(kind="image")


def picture(n: int = 3, height: int = 28, width: int = 28) -> Tensor:
    return torch.rand(n, 3, height, width, generator=torch.Generator().manual_seed(9))


def rows(*values: tuple[float, ...]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


@pytest.mark.parametrize("space", [IMAGE, InputSpace(-1, 1, "image", "[-1, 1]"), InputSpace(0, 255, "image", "[0, 255]")])
@pytest.mark.parametrize("size", [28, 225])
def test_the_origin_leaves_every_bit(space: InputSpace, size: int) -> None:
    x = space.low + picture(2, size, size + 3) * (space.high - space.low)
    for shift in (Rotation(30).within(space), Translation(3).within(space)):
        assert torch.equal(shift.apply(x, shift.origin(x)), x)


@pytest.mark.parametrize("size", [28, 33, 224])
@pytest.mark.parametrize("quarters", [-2, -1, 1, 2])
def test_quarter_turns_are_exact_and_counter_clockwise(size: int, quarters: int) -> None:
    x = picture(1, size, size)
    turned = Rotation(180).within(IMAGE).apply(x, rows((90.0 * quarters,)))
    torch.testing.assert_close(turned, torch.rot90(x, quarters, (2, 3)), atol=1e-6, rtol=0)


def test_half_a_turn_of_an_oblong_picture_is_exact() -> None:
    x = picture(1, 20, 31)
    torch.testing.assert_close(Rotation(180).within(IMAGE).apply(x, rows((180.0,))), x.flip(2, 3), atol=1e-6, rtol=0)


@pytest.mark.parametrize("angle", [-30.0, 7.5, 45.0, 171.0])
def test_rotation_agrees_with_torch_resampling(angle: float) -> None:
    x = picture(2, 30, 30).double()
    turn = math.radians(angle)
    matrix = torch.tensor([[math.cos(turn), -math.sin(turn), 0], [math.sin(turn), math.cos(turn), 0]], dtype=torch.float64)
    theirs = F.grid_sample(x, F.affine_grid(matrix.expand(2, 2, 3), list(x.shape), align_corners=False), align_corners=False)
    ours = Rotation(180).within(IMAGE).apply(x, rows((angle,), (angle,)))
    torch.testing.assert_close(ours, theirs, atol=1e-10, rtol=0)


def test_an_oblong_picture_turns_without_being_squeezed() -> None:
    disc = torch.zeros(1, 1, 40, 80)
    i, j = torch.meshgrid(torch.arange(40) - 19.5, torch.arange(80) - 39.5, indexing="ij")
    disc[0, 0] = torch.sigmoid(15 - torch.hypot(i, j))
    torch.testing.assert_close(Rotation(90).within(IMAGE).apply(disc, rows((37.0,))), disc, atol=0.05, rtol=0)


@pytest.mark.parametrize(("dx", "dy"), [(1, 0), (0, 1), (-3, 2), (4, -5), (28, 0), (0, -28), (100, 3), (-100, -100)])
def test_whole_moves_are_exact_right_and_down_are_positive_and_what_enters_is_black(dx: int, dy: int) -> None:
    x = picture()
    expected = torch.zeros_like(x)
    for i in range(28):
        for j in range(28):
            if 0 <= i - dy < 28 and 0 <= j - dx < 28:
                expected[:, :, i, j] = x[:, :, i - dy, j - dx]
    moved = Translation(100).within(IMAGE).apply(x, rows((dx, dy)).repeat(3, 1))
    assert torch.equal(moved, expected)


def test_translation_agrees_with_torch_resampling() -> None:
    x = picture().double()
    moves = rows((0.25, -1.5), (2.9, 0.1), (-0.5, 3.0))
    matrix = torch.eye(2, 3, dtype=torch.float64).repeat(3, 1, 1)
    matrix[:, :, 2] = -moves * 2 / 28
    theirs = F.grid_sample(x, F.affine_grid(matrix, list(x.shape), align_corners=False), align_corners=False)
    torch.testing.assert_close(Translation(3).within(IMAGE).apply(x, moves), theirs, atol=1e-10, rtol=0)


@pytest.mark.parametrize("space", [InputSpace(-1, 1, "image", "[-1, 1]"), InputSpace(2, 3, "image", "[2, 3]")])
def test_outside_is_the_least_of_the_box(space: InputSpace) -> None:
    x = torch.full((1, 1, 9, 9), float(space.high))
    moved = Translation(20).within(space).apply(x, rows((20.0, 0.0)))
    assert torch.equal(moved, torch.full_like(x, space.low))
    assert float(Rotation(45).within(space).apply(x, rows((45.0,)))[0, 0, 0, 0]) == space.low


def test_gradients_at_the_origin_are_those_of_a_small_step_forward() -> None:
    x = picture(1).double()
    weight = torch.rand(x.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    for shift in (Rotation(30).within(IMAGE), Translation(3).within(IMAGE)):
        params = shift.origin(x).requires_grad_()
        (gradient,) = torch.autograd.grad((shift.apply(x, params) * weight).sum(), params)
        step = torch.full_like(params, 1e-6)
        for k in range(params.shape[1]):
            only = torch.zeros_like(params)
            only[0, k] = step[0, k]
            slope = ((shift.apply(x, only) - x) * weight).sum() / 1e-6
            torch.testing.assert_close(gradient[0, k], slope, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("degrees", [0, -30, 180.5, math.nan])
def test_degrees_out_of_range(degrees: float) -> None:
    with pytest.raises(UsageError, match=r"The 'degrees' of rotation must be in \(0, 180\], got .*Published attacks use 30 degrees"):
        Rotation(degrees)


@pytest.mark.parametrize("pixels", [0, -3, math.inf, math.nan])
def test_pixels_out_of_range(pixels: float) -> None:
    with pytest.raises(UsageError, match=r"The 'pixels' of translation must be in \(0, inf\), got .*3 pixels of 28 or 32"):
        Translation(pixels)


@pytest.mark.parametrize("shift", [Rotation(30), Translation(3)])
def test_other_data_are_refused(shift: Rotation | Translation) -> None:
    with pytest.raises(UsageError, match=rf"{shift.name} moves image data, and these inputs are of kind 'table'"):
        shift.within(InputSpace(kind="table"))
    with pytest.raises(UsageError, match=rf"{shift.name} moves by shares of the inputs' range, and any is unbounded"):
        shift.within(InputSpace(0, math.inf, "image", "any"))
