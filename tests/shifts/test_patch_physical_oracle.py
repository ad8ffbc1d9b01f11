"""Patches and pictures of pictures: what moves, what stays, and every message."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from shiftproof._errors import UsageError
from shiftproof.data.space import InputSpace
from shiftproof.randomness import Rng
from shiftproof.shifts import Patch, Physical, Rotation

SIGNED = InputSpace(-1.0, 1.0, "image", "[-1, 1]")


def images(n: int, channels: int = 3, height: int = 7, width: int = 9) -> Tensor:
    return torch.rand(n, channels, height, width, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 2 - 1


def rng(n: int) -> Rng:
    return Rng.for_ids(0, [str(i) for i in range(n)])


def test_a_patch_holds_its_content_and_leaves_the_rest() -> None:
    shift, x = Patch(3).within(SIGNED), images(200)
    params = shift.sample(x, rng(200))
    moved = shift.apply(x, params)
    corners = set()
    for row in range(200):
        top, left = int(params[row, 0] * 5), int(params[row, 1] * 7)
        corners.add((top, left))
        expected = x[row].clone()
        expected[:, top : top + 3, left : left + 3] = params[row, 2:].reshape(3, 3, 3) * 2 - 1
        torch.testing.assert_close(moved[row], expected)
        outside = torch.ones(7, 9, dtype=torch.bool)
        outside[top : top + 3, left : left + 3] = False
        assert torch.equal(moved[row][:, outside], x[row][:, outside])
    assert len(corners) == 35  # every place that there is


def test_a_patch_at_the_centre_stays_there_and_the_origin_moves_nothing() -> None:
    x = images(20, 1, 8, 8)
    shift = Patch(4, place="centre").within(SIGNED)
    moved = shift.apply(x, shift.sample(x, rng(20)))
    assert torch.equal((moved != x).any(0)[0].nonzero().amin(0), torch.tensor([2, 2]))
    assert torch.equal((moved != x).any(0)[0].nonzero().amax(0), torch.tensor([5, 5]))
    for any_shift in (shift, Patch(3).within(SIGNED), Patch(8).within(SIGNED)):
        torch.testing.assert_close(any_shift.apply(x, any_shift.origin(x)), x)


def test_a_patch_of_the_whole_image_is_any_image() -> None:
    x, other = images(4, 1, 5, 5), images(8, 1, 5, 5)[4:]
    params = torch.cat([torch.zeros(4, 2, dtype=torch.float64), (other.flatten(1) + 1) / 2], dim=1)
    torch.testing.assert_close(Patch(5).within(SIGNED).apply(x, params), other)


def test_gradients_move_the_content_and_not_the_place() -> None:
    shift, x = Patch(2).within(SIGNED), images(3)
    leaf = shift.sample(x, rng(3)).requires_grad_()
    (gradient,) = torch.autograd.grad(shift.apply(x, leaf).sum(), leaf)
    assert torch.equal(gradient[:, :2], torch.zeros(3, 2, dtype=torch.float64))
    assert torch.equal(gradient[:, 2:], torch.full((3, 12), 2.0, dtype=torch.float64))


def test_wrong_patches_are_refused() -> None:
    with pytest.raises(UsageError, match="The 'side' of patch must be at least 1, got 0"):
        Patch(0)
    with pytest.raises(UsageError, match="The 'place' of patch must be one of anywhere, centre, got 'corner'"):
        Patch(2, place="corner")
    with pytest.raises(UsageError, match="The 'side' of patch must be at most 7, as the images are 9 x 7, got 8"):
        Patch(8).sample(images(1), rng(1))
    with pytest.raises(UsageError, match=r"patch needs images of shape \(n, channels, height, width\), got \(2, 5\)"):
        Patch(2).apply(torch.zeros(2, 5), torch.zeros(2, 6))


def test_physical_moves_nothing_at_its_origin() -> None:
    x = images(3)
    shift = Physical().within(SIGNED)
    torch.testing.assert_close(shift.apply(x, shift.origin(x)), x, atol=1e-9, rtol=0)


def test_turning_alone_is_a_rotation() -> None:
    x = images(4, 2, 11, 11)
    only = Physical(degrees=40, zoom=0.0, offset=0.0, brightness=0.0, contrast=0.0, blur=0.0, colour=0.0).within(SIGNED)
    params = only.sample(x, rng(4))
    torch.testing.assert_close(only.apply(x, params), Rotation(40).within(SIGNED).apply(x, params[:, :1]), atol=1e-6, rtol=0)


def params_with(position: int, value: float) -> Tensor:
    params = torch.zeros(1, 10, dtype=torch.float64)
    params[0, position] = value
    return params


def test_each_number_does_what_it_says() -> None:
    box = InputSpace(kind="image")
    x = 0.5 + 0.2 * images(1, 3, 8, 8)
    shift = Physical(zoom=1.0, offset=0.25, brightness=0.1, blur=1.0).within(box)
    assert torch.allclose(shift.apply(x, params_with(4, 0.1)), x + 0.1)
    assert torch.allclose(shift.apply(x, params_with(5, 0.2)), 0.5 + 1.2 * (x - 0.5))
    assert torch.allclose(shift.apply(x, params_with(2, 0.25))[..., 2:, :], x[..., :-2, :])
    assert torch.allclose(shift.apply(x, params_with(3, 0.25))[..., 2:], x[..., :-2])
    red = shift.apply(x, params_with(7, 0.05))
    assert torch.allclose(red[:, 0], 1.05 * x[:, 0])
    assert torch.allclose(red[:, 1:], x[:, 1:])
    # Twice as large: the four pixels in the middle are read at a quarter from the old centre.
    large = shift.apply(x, params_with(1, 1.0))
    middle = x[..., 3:5, 3:5]
    weight = torch.tensor([[0.75, 0.25], [0.25, 0.75]], dtype=torch.float64)
    assert torch.allclose(large[..., 3:5, 3:5], weight @ middle @ weight)
    point = torch.zeros(1, 1, 9, 9, dtype=torch.float64)
    point[..., 4, 4] = 1.0
    spread = shift.apply(point, params_with(6, 1.0))
    bell = torch.exp(-0.5 * torch.arange(-3.0, 4.0, dtype=torch.float64).square())
    assert torch.allclose(spread[0, 0, 1:8, 1:8], torch.outer(bell, bell) / bell.sum() ** 2, atol=1e-9)


def test_wrong_amounts_are_refused() -> None:
    with pytest.raises(UsageError, match="The 'amount' of physical must be in"):
        Physical(amount=0.0)
    with pytest.raises(UsageError, match=r"The 'blur' of physical must be in \[0, inf\), got -1"):
        Physical(blur=-1.0)
    with pytest.raises(UsageError, match="Every amount of physical is 0, so nothing would move"):
        Physical(degrees=0.0, zoom=0.0, offset=0.0, brightness=0.0, contrast=0.0, blur=0.0, colour=0.0)
    with pytest.raises(UsageError, match="A grid of 9 values of each of the 10 numbers of physical has 3486784401 points. Use best_of_n"):
        Physical().grid(9)
