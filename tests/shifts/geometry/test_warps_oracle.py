"""Scale, shear, perspective, elastic and crop against moves that need no interpolation, and against torch's own resampling."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from shiftproof._errors import UsageError
from shiftproof.data.space import InputSpace
from shiftproof.searches import BestOfN, Evolution, Grid
from shiftproof.shifts import Boxed, Crop, Elastic, Perspective, Rotation, Scale, Shear, Translation

IMAGE = InputSpace(kind="image")
WARPS: list[Boxed] = [Scale(2), Shear(30), Perspective(0.2), Elastic(3), Crop(0.5), Rotation(30)]


def picture(n: int = 2, height: int = 12, width: int = 12) -> Tensor:
    return torch.rand(n, 3, height, width, generator=torch.Generator().manual_seed(4))


def rows(*values: tuple[float, ...]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


@pytest.mark.parametrize("shift", WARPS, ids=lambda shift: shift.name)
@pytest.mark.parametrize("space", [IMAGE, InputSpace(-1, 1, "image", "[-1, 1]"), InputSpace(0, 255, "image", "[0, 255]")])
@pytest.mark.parametrize(("height", "width"), [(28, 28), (225, 31), (1, 5)])
def test_the_origin_leaves_every_bit(shift: Boxed, space: InputSpace, height: int, width: int) -> None:
    x = space.low + picture(2, height, width) * (space.high - space.low)
    placed = shift.within(space)
    assert torch.equal(placed.apply(x, placed.origin(x)), x)


def test_a_picture_three_times_as_large_is_the_middle_third_with_each_pixel_at_its_own_place() -> None:
    x = picture(1, 9, 9)
    large = Scale(3).within(IMAGE).apply(x, rows((math.log(3),)))
    assert torch.allclose(large[..., 1::3, 1::3], x[..., 3:6, 3:6], atol=1e-6)


def test_twice_as_large_keeps_blocks_and_half_as_large_takes_their_means() -> None:
    small = picture(1, 4, 4)
    blocky = small.repeat_interleave(2, 2).repeat_interleave(2, 3)
    shift = Scale(2).within(IMAGE)
    half = shift.apply(blocky, rows((-math.log(2),)))
    torch.testing.assert_close(half[..., 2:6, 2:6], small, atol=1e-6, rtol=0)
    assert float(half[..., :1, :].abs().max()) == 0  # what comes from outside is black
    blocks = picture(1, 2, 2).repeat_interleave(4, 2).repeat_interleave(4, 3)
    large = shift.apply(blocks, rows((math.log(2),)))
    torch.testing.assert_close(large[..., :3, :3], blocks[..., :3, :3], atol=1e-6, rtol=0)


def test_a_shear_of_45_degrees_slides_each_row_by_its_distance_from_the_centre() -> None:
    x = picture(1, 5, 9)
    leaning = Shear(45).within(IMAGE).apply(x, rows((45.0, 0.0)))
    for row in range(5):
        left = row - 2  # rows below the centre slide to the left
        expected = torch.zeros_like(x[:, :, row])
        for column in range(9):
            if 0 <= column + left < 9:
                expected[..., column] = x[:, :, row, column + left]
        torch.testing.assert_close(leaning[:, :, row], expected, atol=1e-6, rtol=0)


def test_the_second_shear_moves_columns_to_the_right_up() -> None:
    x = picture(1, 9, 5)
    leaning = Shear(45).within(IMAGE).apply(x, rows((0.0, 45.0)))
    torch.testing.assert_close(leaning[..., :8, 3], x[..., 1:, 3], atol=1e-6, rtol=0)
    torch.testing.assert_close(leaning[..., 1:, 1], x[..., :8, 1], atol=1e-6, rtol=0)


def test_corners_that_move_alike_are_a_translation() -> None:
    x = picture(1, 11, 21)
    moved = Perspective(0.2).within(IMAGE).apply(x, rows((0.1, 0.1, 0.1, 0.1, -0.2, -0.2, -0.2, -0.2)))
    expected = Translation(5).within(IMAGE).apply(x, rows((-2.0, 2.0)))
    torch.testing.assert_close(moved, expected, atol=1e-6, rtol=0)


def homography(corners: list[tuple[float, float]], given: list[tuple[float, float]]) -> Tensor:
    """The 3 x 3 map that takes `given` to `corners`, by solving the usual eight equations."""
    lines, values = [], []
    for (u, v), (x, y) in zip(given, corners, strict=True):
        lines += [[u, v, 1, 0, 0, 0, -u * x, -v * x], [0, 0, 0, u, v, 1, -u * y, -v * y]]
        values += [x, y]
    solved = torch.linalg.solve(torch.tensor(lines, dtype=torch.float64), torch.tensor(values, dtype=torch.float64))
    return torch.cat([solved, solved.new_ones(1)]).reshape(3, 3)


def test_perspective_is_the_map_that_the_eight_equations_give() -> None:
    x = picture(1, 15, 12).double()
    generator = torch.Generator().manual_seed(1)
    moves = (torch.rand(1, 8, generator=generator, dtype=torch.float64) - 0.5) * 0.4
    square = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]
    corners = [(u + float(moves[0, k]), v + float(moves[0, k + 4])) for k, (u, v) in enumerate(square)]
    u, v = torch.meshgrid(torch.linspace(0, 1, 12, dtype=torch.float64), torch.linspace(0, 1, 15, dtype=torch.float64), indexing="xy")
    read = torch.stack([u, v, torch.ones_like(u)], dim=-1) @ homography(corners, square).T
    grid = (read[..., :2] / read[..., 2:]) * 2 - 1
    theirs = F.grid_sample(x, grid[None], align_corners=True)
    torch.testing.assert_close(Perspective(0.24).within(IMAGE).apply(x, moves), theirs, atol=1e-10, rtol=0)


@pytest.mark.parametrize("share", [0.1, 0.24])
def test_the_picture_is_never_folded(share: float) -> None:
    signs = torch.cartesian_prod(*[torch.tensor([-share, share], dtype=torch.float64)] * 8)
    down, right = torch.arange(9.0, dtype=torch.float64)[:, None] - 4, torch.arange(9.0, dtype=torch.float64) - 4
    row, column = Perspective(share).within(IMAGE).sources(signs, down, right)
    turn = row.diff(dim=1)[..., :-1] * column.diff(dim=2)[:, :-1] - column.diff(dim=1)[..., :-1] * row.diff(dim=2)[:, :-1]
    assert float(turn.min()) > 0


def test_equal_nodes_are_a_translation_and_no_pixel_moves_farther_than_they_do() -> None:
    x = picture(1, 20, 16)
    nodes = Elastic(3, nodes=6).within(IMAGE)
    whole = torch.cat([torch.full((1, 36), 2.0), torch.full((1, 36), -3.0)], dim=1).double()
    torch.testing.assert_close(nodes.apply(x, whole), Translation(3).within(IMAGE).apply(x, rows((2.0, -3.0))), atol=1e-5, rtol=0)
    down, right = torch.arange(20.0, dtype=torch.float64)[:, None] - 9.5, torch.arange(16.0, dtype=torch.float64) - 7.5
    drawn = 3 * (2 * torch.rand(50, 72, generator=torch.Generator().manual_seed(0), dtype=torch.float64) - 1).sign()
    row, column = nodes.sources(drawn, down, right)
    assert float((row - down).abs().max()) <= 3 + 1e-9
    assert float((column - right).abs().max()) <= 3 + 1e-9


def test_a_crop_to_the_left_upper_quarter_reads_its_corners_at_the_corners() -> None:
    x = picture(1, 9, 9)
    cut = Crop(0.5).within(IMAGE).apply(x, rows((0.5, -1.0, -1.0)))
    torch.testing.assert_close(cut[..., ::2, ::2], x[..., :5, :5], atol=1e-6, rtol=0)


@settings(deadline=None, max_examples=25)
@given(cut=st.floats(0, 0.9), across=st.floats(-1, 1), under=st.floats(-1, 1))
def test_a_crop_never_reads_outside(cut: float, across: float, under: float) -> None:
    white = torch.ones(1, 1, 7, 10)
    assert torch.allclose(Crop(0.9).within(IMAGE).apply(white, rows((cut, across, under))), white)


@pytest.mark.parametrize("shift", WARPS, ids=lambda shift: shift.name)
def test_gradients_at_the_origin_are_those_of_a_small_step_forward(shift: Boxed) -> None:
    x = picture(1).double()
    weight = torch.rand(x.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    placed = shift.within(IMAGE)
    origin = placed.origin(x)
    if shift.name == "crop":
        origin[0, 1:] = torch.tensor([0.3, -0.4], dtype=torch.float64)  # at the very centre of the room they move nothing
    leaf = origin.clone().requires_grad_()
    (gradient,) = torch.autograd.grad((placed.apply(x, leaf) * weight).sum(), leaf)
    step = torch.full_like(origin, 1e-6)
    slope = ((placed.apply(x, origin + step) - placed.apply(x, origin)) * weight).sum() / 1e-6
    torch.testing.assert_close(gradient.sum(), slope, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Scale(1.0), r"The 'factor' of scale must be in \(1, inf\), got 1\.0\. 1\.25 is a quarter larger"),
        (lambda: Shear(90), r"The 'degrees' of shear must be in \(0, 90\), got 90\. 15 leans a line"),
        (lambda: Perspective(0.25), r"The 'share' of perspective must be in \(0, 0\.25\), got 0\.25\. It is the part of a side"),
        (lambda: Elastic(0), r"The 'pixels' of elastic must be in \(0, inf\), got 0\. Published attacks"),
        (lambda: Elastic(1, nodes=3), r"The 'nodes' of elastic must be at least 4, got 3\. A cubic spline"),
        (lambda: Crop(1.0), r"The 'share' of crop must be in \(0, 1\), got 1\.0\. It is the part of each side"),
    ],
)
def test_options_out_of_range(make: object, message: str) -> None:
    assert callable(make)
    with pytest.raises(UsageError, match=message):
        make()


def test_grids_that_nobody_could_finish_are_refused() -> None:
    assert Elastic(1).grid_size(3) == 3**50
    refusal = Grid(points=5).objection(Perspective(0.1))
    assert refusal == "a grid of 5 values for each parameter of perspective has 3.9e+05 points: use evolution or best_of_n"
    assert Grid(points=4).objection(Perspective(0.1)) is None
    assert len(Crop(0.5).grid(3)) == Crop(0.5).grid_size(3) == 27


@pytest.mark.parametrize("shift", WARPS, ids=lambda shift: shift.name)
def test_every_warp_has_an_average_case_and_worst_cases(shift: Boxed) -> None:
    placed = shift.within(IMAGE)
    assert placed.strength in placed.options()
    for search in (BestOfN(5), Evolution(queries=5)):
        assert search.objection(placed) is None
