"""Changes of the object and of what is behind it, on pictures whose objects are known."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from shiftproof._errors import UsageError
from shiftproof.data.space import InputSpace
from shiftproof.randomness import Rng
from shiftproof.shifts import Background, Boxed, Compose, Masks, ObjectLocation, ObjectRotation, ObjectSize, Rotation, shifts
from shiftproof.shifts.factors.mask import border_colour, estimate, fill_hole

IMAGE = InputSpace(kind="image")
FACTORS: list[Boxed] = [ObjectSize(2), ObjectLocation(1), ObjectRotation(90), Background(1)]


def rows(*values: tuple[float, ...]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def square(side: int = 4, at: tuple[int, int] = (6, 5), height: int = 16, width: int = 14) -> Tensor:
    """A bright square on a grey ground, three channels."""
    x = torch.full((1, 3, height, width), 0.25)
    x[:, 0, at[0] : at[0] + side, at[1] : at[1] + side] = 0.9
    x[:, 1, at[0] : at[0] + side, at[1] : at[1] + side] = 0.6
    return x


def rng(n: int = 1) -> Rng:
    return Rng.for_ids(0, [str(i) for i in range(n)])


def test_the_estimate_is_the_object_and_one_pixel_around_it() -> None:
    expected = torch.zeros(1, 16, 14, dtype=torch.bool)
    expected[:, 5:11, 4:10] = True
    assert torch.equal(estimate(square()), expected)
    assert border_colour(square()).tolist() == [[0.25] * 3]


def test_otsu_splits_where_the_variance_between_is_greatest() -> None:
    x = torch.rand(1, 1, 20, 20, generator=torch.Generator().manual_seed(0)) ** 3
    x[..., 0, :] = x[..., -1, :] = x[..., :, 0] = x[..., :, -1] = 0
    flat = x.flatten().double()
    values = torch.tensor(sorted(set(flat.tolist())), dtype=torch.float64)

    def between(t: Tensor) -> float:
        low, high = flat[flat <= t], flat[flat > t]
        return len(low) * len(high) * float(low.mean() - high.mean()) ** 2

    threshold = max(values[:-1], key=between)
    grown = torch.nn.functional.max_pool2d((x > threshold).float(), 3, 1, 1)[:, 0] > 0
    assert torch.equal(estimate(x), grown)


def test_a_picture_of_one_colour_has_no_object_and_nothing_moves() -> None:
    x = torch.full((2, 3, 9, 9), 0.3)
    assert not bool(estimate(x).any())
    for shift in (ObjectSize(2), ObjectLocation(1), ObjectRotation(90)):
        placed = shift.within(IMAGE)
        assert torch.equal(placed.apply(x, placed.sample(x, rng(2))), x)


@pytest.mark.parametrize("shift", FACTORS, ids=lambda shift: shift.name)
@pytest.mark.parametrize("space", [IMAGE, InputSpace(-1, 1, "image", "[-1, 1]")])
def test_the_origin_leaves_every_bit(shift: Boxed, space: InputSpace) -> None:
    x = space.low + torch.rand(4, 3, 17, 12, generator=torch.Generator().manual_seed(1)) * (space.high - space.low)
    placed = shift.within(space)
    assert torch.equal(placed.apply(x, placed.origin(x)), x)


def test_location_puts_the_object_against_the_edges() -> None:
    x, shift = square(), ObjectLocation(1).within(IMAGE)
    for across, under, at in [(1.0, 1.0, (11, 9)), (-1.0, -1.0, (1, 1)), (0.0, 0.4, (8, 5)), (-0.25, 0.0, (6, 4))]:
        torch.testing.assert_close(shift.apply(x, rows((across, under))), square(at=at), atol=1e-6, rtol=0)


def test_size_makes_a_square_larger_and_smaller_about_its_centre() -> None:
    x, shift = square(side=4, at=(6, 5)), ObjectSize(2).within(IMAGE)
    half = shift.apply(x, rows((-math.log(2),)))
    torch.testing.assert_close(half[0, 0, 7:9, 6:8], torch.full((2, 2), 0.9), atol=1e-6, rtol=0)
    assert float((half[0, 0] > 0.5).sum()) == 4
    large = shift.apply(x, rows((math.log(2),)))
    torch.testing.assert_close(large[0, 0, 5:11, 4:10], torch.full((6, 6), 0.9), atol=1e-6, rtol=0)
    assert float((large[0, 0] > 0.5).sum()) == 64
    assert float(large[0, 0, 0, 0]) == 0.25


def test_rotation_turns_the_object_and_leaves_the_background() -> None:
    x = torch.full((1, 1, 15, 15), 0.5)
    x[..., 7, 5:10] = torch.tensor([1.0, 1.0, 1.0, 1.0, 0.9])
    x[..., 0, 0] = 0.6  # a mark on the background that is not far enough to be an object
    turned = ObjectRotation(180).within(IMAGE).apply(x, rows((90.0,)))
    expected = torch.full((1, 1, 15, 15), 0.5)
    expected[..., 5:10, 7] = torch.tensor([0.9, 1.0, 1.0, 1.0, 1.0])
    expected[..., 0, 0] = 0.6
    torch.testing.assert_close(turned, expected, atol=1e-6, rtol=0)


def test_a_hole_takes_the_mean_of_the_nearest_that_is_left() -> None:
    x = torch.arange(25.0).reshape(1, 1, 5, 5) / 25
    hole = torch.zeros(1, 5, 5, dtype=torch.bool)
    hole[0, 2, 2] = True
    filled = fill_hole(x, hole)
    around = x[0, 0, 1:4, 1:4].flatten()[[0, 1, 2, 3, 5, 6, 7, 8]]
    torch.testing.assert_close(filled[0, 0, 2, 2], around.mean())
    kept = ~hole[:, None]
    assert torch.equal(filled[kept], x[kept])
    whole = fill_hole(x, torch.ones_like(hole))
    assert torch.equal(whole, torch.full_like(x, float(border_colour(x))))
    wide = torch.zeros(1, 5, 5, dtype=torch.bool)
    wide[0, :, :4] = True
    torch.testing.assert_close(fill_hole(x, wide)[0, 0, 2, 3], x[0, 0, 1:4, 4].mean())


@pytest.mark.parametrize("of", ["colour", "noise", "texture"])
def test_another_background_leaves_the_object_and_changes_the_rest(of: str) -> None:
    x = square()
    mask = estimate(x)[:, None].expand_as(x)
    shift = Background(1, of=of).within(IMAGE)
    one, two = (shift.apply(x, shift.sample(x, Rng.for_ids(seed, ["a"]))) for seed in (0, 1))
    assert torch.equal(one[mask], x[mask])
    assert float((one - x).abs()[~mask].mean()) > 0.05
    assert not torch.equal(one, two)
    assert bool((one[0, :, 0] == one[0, :, 0, :1]).all()) == (of == "colour")
    half = shift.apply(x, shift.sample(x, rng()) * rows((0.5, 1.0)))
    whole = shift.apply(x, shift.sample(x, rng()))
    torch.testing.assert_close(half, (x + whole) / 2, atol=1e-6, rtol=0)


def test_backgrounds_of_other_images() -> None:
    x = square()
    others = torch.stack([torch.full((3, 16, 14), level) for level in (0.1, 0.5, 0.7)])
    others[:, :, 7:9, 7:9] = 1.0  # objects, which do not come along
    shift = Background(1).with_images(others).within(IMAGE)
    assert shift.spec() == "background(share=1, of=images)"
    moved = torch.cat([shift.apply(x, shift.sample(x, Rng.for_ids(0, [str(i)]))) for i in range(20)])
    corner, behind = moved[:, 0, 0, 0], moved[:, 0, 12, 5]
    assert set(corner.tolist()) == {torch.tensor(level).item() for level in (0.1, 0.5, 0.7)}
    assert torch.equal(corner, behind)
    with pytest.raises(UsageError, match=r"The 'images' of background must have the inputs' shape \(3, 9, 9\), got \(3, 16, 14\)"):
        shift.apply(torch.rand(1, 3, 9, 9), rows((1.0, 3.0)))
    bare = shifts.build("background(share=1, of=images)", space=IMAGE)
    with pytest.raises(UsageError, match=r"takes its backgrounds from images, which can only be given in Python: shift.with_images\(x\)"):
        bare.apply(x, rows((1.0, 3.0)))


def test_masks_of_your_own_are_found_by_the_pixels_and_stand_in_the_spec() -> None:
    x = torch.rand(3, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    drawn = torch.zeros(3, 8, 8, dtype=torch.bool)
    drawn[:, 2:4, 2:4] = True
    masks = Masks.of(x, drawn)
    shift = ObjectLocation(1).with_masks(masks).within(IMAGE)
    assert shifts.build("object_location(0.5, alpha)") == ObjectLocation(0.5, mask="alpha")
    assert shift.spec() == f"object_location(share=1, mask=given_{masks.fingerprint()})"
    moved = shift.apply(x, rows((1.0, 0.0)).expand(3, -1))
    torch.testing.assert_close(moved[:, :, 2:4, 6:8], x[:, :, 2:4, 2:4])
    assert torch.equal(shift.apply(x.double(), rows((1.0, 0.0)).expand(3, -1)).float()[:, :, 2:4, 6:8], x[:, :, 2:4, 2:4])
    assert Masks.of(x, ~drawn).fingerprint() != masks.fingerprint()
    first = Compose.of(shift, Rotation(10)).within(IMAGE)
    assert first.apply(x, first.sample(x, rng(3))).shape == x.shape
    second = Compose.of(Rotation(10), shift).within(IMAGE)
    with pytest.raises(UsageError, match="3 of 3 images have no mask.*put this shift first in a composition"):
        second.apply(x, second.sample(x, rng(3)))
    with pytest.raises(UsageError, match=r"names masks, which can only be given in Python: shift.with_masks\(Masks.of\(x, masks\)\)"):
        shifts.build(shift.spec(), space=IMAGE).apply(x, rows((1.0, 0.0)))
    with pytest.raises(UsageError, match=r"The 'masks' of the object must have shape \(3, 8, 8\), got \(2, 8, 8\)"):
        Masks.of(x, drawn[:2])


def test_the_alpha_channel() -> None:
    x = torch.zeros(1, 4, 8, 8)
    x[:, :3] = 0.5
    x[:, :, 3, 3] = 1.0
    moved = ObjectLocation(1, mask="alpha").within(IMAGE).apply(x, rows((1.0, 1.0)))
    expected = torch.zeros(1, 4, 8, 8)
    expected[:, :3] = 0.5
    expected[:, :, 7, 7] = 1.0
    torch.testing.assert_close(moved, expected)
    with pytest.raises(UsageError, match="mask=alpha needs images of 2 or 4 channels, of which the last is alpha, got 3"):
        ObjectLocation(1, mask="alpha").within(IMAGE).apply(x[:, :3], rows((1.0, 1.0)))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("object_size(factor=1)", r"The 'factor' of object_size must be in \(1, inf\), got 1\. 2 halves"),
        ("object_location(share=2)", r"The 'share' of object_location must be in \(0, 1\], got 2\. It is the part of the room"),
        ("object_rotation(degrees=181)", r"The 'degrees' of object_rotation must be in \(0, 180\], got 181"),
        ("background(share=0)", r"The 'share' of background must be in \(0, 1\], got 0\. 1 replaces"),
        ("background(share=1, of=sky)", "The 'of' of background must be colour, noise, texture or images, got 'sky'"),
        ("object_size(factor=2, mask=mine)", "must be estimated or alpha, got 'mine'. For your own masks, use with_masks"),
    ],
)
def test_options_out_of_range(spec: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        shifts.build(spec)
