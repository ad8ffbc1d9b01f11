"""Objects pasted at given sizes, places and angles, on pictures whose objects are known; and the grids of the papers."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from shiftproof._errors import UsageError
from shiftproof.data.space import InputSpace
from shiftproof.randomness import Rng
from shiftproof.shifts import Masks, PlacedObject, shifts
from shiftproof.suites.published import PUBLISHED

IMAGE = InputSpace(kind="image")
SIDE, TALL, WIDE = 24, 4, 6
NONE = torch.zeros(1, 0, dtype=torch.float64)


def picture(top: int = 3, left: int = 9) -> tuple[Tensor, Tensor]:
    """A bright block on grey, and its exact mask."""
    x = torch.full((1, 3, SIDE, SIDE), 0.25)
    x[:, :, top : top + TALL, left : left + WIDE] = 0.9
    return x, x[:, 0] > 0.5


def placed(top: int = 3, left: int = 9, **options: object) -> Tensor:
    x, mask = picture(top, left)
    shift = PlacedObject(**{"on": "own", **options}).with_masks(Masks.of(x, mask)).within(IMAGE)  # type: ignore[arg-type]
    return shift.apply(x, NONE)


def block(moved: Tensor) -> tuple[int, int, int, int]:
    """First and last row and column where the object covers more than half: there it has also more than half of its own colour."""
    rows, columns = ((moved[0, 0] > 0.25 + 0.65 / 4).any(axis).nonzero()[:, 0] for axis in (1, 0))
    return int(rows[0]), int(rows[-1]), int(columns[0]), int(columns[-1])


SAME = TALL * WIDE / SIDE**2


@pytest.mark.parametrize("factor", [1, 2, 3])
def test_the_share_is_the_area_of_the_box_over_that_of_the_picture(factor: float) -> None:
    first, last, left, right = block(placed(share=SAME * factor**2))
    assert (last - first + 1, right - left + 1) == (TALL * factor, WIDE * factor)
    assert (first + last, left + right) == (SIDE - 1, SIDE - 1)  # in the middle, wherever it was


def test_places_are_those_of_the_centre_and_objects_leave_the_picture() -> None:
    # The published generator's corner is int(across * width) - wide / 2, without rounding here: 5 and 7 are whole.
    moved = placed(share=SAME, across=10 / SIDE, under=7 / SIDE)
    assert block(moved) == (5, 8, 7, 12)
    torch.testing.assert_close(moved, picture(5, 7)[0], atol=1e-6, rtol=0)
    assert block(placed(share=SAME, across=0.0, under=1.0)) == (SIDE - TALL // 2, SIDE - 1, 0, WIDE // 2 - 1)


def test_turns_are_counter_clockwise_about_the_centre() -> None:
    x, mask = picture()
    x[:, :, 3, 14] = 0.7  # the upper right corner of the block
    moved = PlacedObject(SAME, degrees=90, on="own").with_masks(Masks.of(x, mask)).within(IMAGE).apply(x, NONE)
    assert block(moved) == (9, 14, 10, 13)
    assert float(moved[0, 0, 9, 10]) == pytest.approx(0.7)  # now the upper left


def test_pixels_are_counted_where_the_object_is_no_box() -> None:
    x = torch.full((1, 1, SIDE, SIDE), 0.25)
    mask = torch.zeros(1, SIDE, SIDE, dtype=torch.bool)
    mask[:, :4, :2] = mask[:, 2:4, :4] = True  # twelve pixels in a box of sixteen
    x[:, 0][mask] = 0.9
    shift = PlacedObject(4 * 12 / SIDE**2, counted="pixels", on="own").with_masks(Masks.of(x, mask)).within(IMAGE)
    first, last, left, right = block(shift.apply(x, NONE))
    assert (last - first + 1, right - left + 1) == (8, 8)


def test_full_size_is_as_large_as_it_can_be_whole() -> None:
    assert block(placed(share=1, counted="side", place="own")) == (0, 15, 0, 23)  # its row was 4.5, the nearest that is inside is 7.5
    assert block(placed(top=12, share=1, counted="side", place="own")) == (6, 21, 0, 23)  # about its own row, 13.5


def test_its_own_place_is_kept_as_far_as_the_box_stays_inside() -> None:
    torch.testing.assert_close(placed(share=SAME, place="own"), picture()[0], atol=1e-6, rtol=0)
    larger = placed(top=1, left=17, share=4 * SAME, place="own")
    assert block(larger) == (0, 7, 12, 23)


def test_chance_keeps_the_box_inside_and_reaches_all_of_the_room() -> None:
    x, mask = picture()
    shift = PlacedObject(SAME, place="chance", on="own").with_masks(Masks.of(x, mask)).within(IMAGE)
    ends = [block(shift.apply(x, torch.tensor([move], dtype=torch.float64))) for move in itertools.product((0.0, 1.0), repeat=2)]
    assert ends == [(0, 3, 0, 5), (20, 23, 0, 5), (0, 3, 18, 23), (20, 23, 18, 23)]
    ids = [str(i) for i in range(400)]
    drawn = shift.sample(x.expand(400, -1, -1, -1), Rng.for_ids(0, ids))
    assert drawn.shape == (400, 2)
    assert float((drawn.mean(0) - 0.5).abs().max()) < 0.05
    turned = PlacedObject(SAME, place="chance", degrees=45, on="own").with_masks(Masks.of(x, mask)).within(IMAGE)
    least, most = (block(turned.apply(x, torch.full((1, 2), end, dtype=torch.float64))) for end in (0.0, 1.0))
    assert (least[0], least[2]) <= (1, 1)
    assert (most[1], most[3]) >= (22, 22)


def test_backgrounds_are_foreign_and_of_the_seed() -> None:
    x, mask = picture()
    shift = PlacedObject(SAME).with_masks(Masks.of(x, mask)).within(IMAGE)
    one, two = (shift.apply(x, shift.sample(x, Rng.for_ids(seed, ["a"]))) for seed in (0, 1))
    bright = placed(share=SAME)[0, 0] > 0.89
    assert int(bright.sum()) == TALL * WIDE
    torch.testing.assert_close(one[0, :, bright], two[0, :, bright])
    assert float((one - two)[0, :, ~bright].abs().mean()) > 0.05
    torch.testing.assert_close(shift.apply(x, shift.origin(x)), placed(share=SAME))
    ground = torch.rand(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    own = shift.with_images(ground)
    assert own.spec().startswith("placed_object(share=0.0416")
    assert "on=images" in own.spec()
    moved = own.apply(x, own.sample(x, Rng.for_ids(0, ["a"])))
    assert any(torch.equal(moved[0, :, ~bright], each[:, ~bright]) for each in ground)
    with pytest.raises(UsageError, match=r"takes its backgrounds from images, which can only be given in Python"):
        shifts.build("placed_object(share=0.2, on=images)", space=IMAGE).apply(x, torch.ones(1, 1, dtype=torch.float64))


def test_without_an_object_there_is_only_background() -> None:
    x = torch.full((1, 3, 9, 9), 0.3)
    shift = PlacedObject(0.2, on="own").within(IMAGE)
    assert torch.equal(shift.apply(x, NONE), x)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("placed_object(share=0)", r"The 'share' of placed_object must be in \(0, 1\], got 0"),
        ("placed_object(share=0.2, across=1.1)", r"The 'across' of placed_object must be in \[0, 1\], got 1.1"),
        ("placed_object(share=0.2, degrees=360)", r"The 'degrees' of placed_object must be in \[0, 360\), got 360"),
        ("placed_object(share=0.2, counted=area)", "The 'counted' of placed_object must be box, pixels or side, got 'area'"),
        ("placed_object(share=0.2, place=here)", "The 'place' of placed_object must be given, own or chance, got 'here'"),
        ("placed_object(share=0.2, place=own, across=0)", "The 'across and under' of placed_object must be left out where the place"),
        ("placed_object(share=0.2, on=sky)", "The 'on' of placed_object must be own, colour, noise, texture or images, got 'sky'"),
    ],
)
def test_options_out_of_range(spec: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        shifts.build(spec)


def test_the_grids_are_those_of_the_papers() -> None:
    built = {name: [shifts.build(spec) for spec in PUBLISHED[name]] for name in PUBLISHED if name.startswith("si_score")}
    size, place, turn = (list(built[f"si_score_{name}"]) for name in ("size", "location", "rotation"))
    assert [shift.options()["share"] for shift in size] == pytest.approx([k / 100 for k in range(1, 101)])
    centres = {(shift.options()["across"], shift.options()["under"]) for shift in place}
    assert len(place) == len(centres) == 21 * 21
    assert {min(c) for c in centres} >= {0.0}
    assert {max(c) for c in centres} >= {1.0}
    assert {shift.options()["share"] for shift in place} == {0.2}
    angles = {(shift.options()["share"], shift.options()["degrees"]) for shift in turn}
    assert angles == set(itertools.product((0.2, 0.5, 0.8, 1.0), range(1, 342, 20)))
    shares = [shift.options().get("share") for shift in map(shifts.build, PUBLISHED["imagenet_e"])]
    assert shares == [1.0, 0.1, 0.08, 0.05, 0.05, None]
