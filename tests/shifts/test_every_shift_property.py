"""What every shift on images owes, whatever the image, the size and the option."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from shiftproof._references import bibtex
from shiftproof.data.space import InputSpace
from shiftproof.randomness import Rng
from shiftproof.registry import parse_spec
from shiftproof.shifts import Boxed, Brightness, Contrast, GaussianBlur, GaussianNoise, Rotation, Shift, Translation, shifts
from shiftproof.shifts.corruptions.corruption import Corruption

BOXES = (InputSpace(kind="image"), InputSpace(0, 255, "image", "[0, 255]"), InputSpace(-2.1, 2.6, "image", "[-2.1, 2.6]"))
SPECS = (
    "gaussian_noise(severity=3)",
    "brightness(severity=5)",
    "contrast(severity=0.5)",
    "gaussian_blur(severity=2.5)",
    "rotation(degrees=30)",
    "translation(pixels=3)",
    "low_pass(radius=0.4)",
    "high_pass(radius=0.3)",
    "band_pass(low=0.1, high=0.9)",
    "linf(eps=8/255)",
    "l2(eps=0.5)",
)
few = settings(deadline=None, max_examples=12)


def boxed_images(seed: int, shape: tuple[int, int, int, int], space: InputSpace) -> Tensor:
    """Images with flat parts and pixels at both ends of the box."""
    unit = torch.rand(shape, generator=torch.Generator().manual_seed(seed)) * 1.4 - 0.2
    return (space.low + unit * (space.high - space.low)).clamp(space.low, space.high)


def names(n: int) -> list[str]:
    return [f"example-{i}" for i in range(n)]


@pytest.mark.parametrize("spec", SPECS)
@few
@given(
    seed=st.integers(0, 1000),
    channels=st.sampled_from([1, 3]),
    height=st.integers(4, 40),
    width=st.sampled_from([4, 17, 70]),
    box=st.sampled_from(BOXES),
)
def test_moves_are_legal_pure_and_inside_the_box(spec: str, seed: int, channels: int, height: int, width: int, box: InputSpace) -> None:
    shift = shifts.build(spec).within(box)
    x = boxed_images(seed, (3, channels, height, width), box)
    before = x.clone()
    params = shift.sample(x, Rng.for_ids(seed, names(3)))
    assert bool((shift.excess(x, params) <= shift.tolerance).all())
    moved = shift.apply(x, params)
    assert torch.equal(moved, shift.apply(x, params))
    assert torch.equal(x, before)
    assert (moved.shape, moved.dtype) == (x.shape, x.dtype)
    assert bool(((moved >= box.low) & (moved <= box.high)).all())
    assert torch.equal(params, shift.sample(x, Rng.for_ids(seed, names(3))))


@pytest.mark.parametrize("spec", SPECS)
@few
@given(seed=st.integers(0, 1000), spread=st.sampled_from([0.1, 10.0, 1e4]))
def test_project_is_inside_and_idempotent(spec: str, seed: int, spread: float) -> None:
    shift = shifts.build(spec).within(BOXES[0])
    x = boxed_images(seed, (3, 3, 12, 12), BOXES[0])
    legal = shift.sample(x, Rng.for_ids(seed, names(3)))
    wild = legal + spread * torch.randn(legal.shape, generator=torch.Generator().manual_seed(seed)).to(legal)
    once = shift.project(x, wild)
    assert bool((shift.excess(x, once) <= shift.tolerance).all())
    torch.testing.assert_close(shift.project(x, once), once, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("spec", SPECS)
@few
@given(seed=st.integers(0, 1000), order=st.permutations(range(6)), size=st.sampled_from([9, 80]))
def test_neighbours_in_the_batch_do_not_matter(spec: str, seed: int, order: list[int], size: int) -> None:
    shift = shifts.build(spec).within(BOXES[0])
    x, rng = boxed_images(seed, (6, 3, size, size), BOXES[0]), Rng.for_ids(seed, names(6))
    params = shift.sample(x, rng)
    torch.testing.assert_close(shift.sample(x[order], rng[order]), params[order], rtol=0, atol=1e-6)
    whole = shift.apply(x, params)
    # Matrix products and transforms sum in an order that depends on the batch; everything else is the same to the last bit.
    slack = 2e-6 if spec.startswith(("gaussian_blur", "low", "high", "band")) else 0.0
    torch.testing.assert_close(shift.apply(x[order], params[order]), whole[order], rtol=0, atol=slack)
    torch.testing.assert_close(shift.apply(x[2:3], params[2:3]), whole[2:3], rtol=0, atol=slack)


@pytest.mark.parametrize("spec", SPECS)
def test_an_empty_batch_stays_empty(spec: str) -> None:
    shift = shifts.build(spec).within(BOXES[0])
    x = torch.zeros(0, 3, 8, 8)
    params = shift.sample(x, Rng.for_ids(0, []))
    assert shift.apply(x, shift.project(x, params)).shape == x.shape


@pytest.mark.parametrize("kind", [GaussianNoise, Brightness, Contrast, GaussianBlur])
@few
@given(seed=st.integers(0, 1000), size=st.sampled_from([16, 66]), low=st.floats(0, 5), high=st.floats(0, 5))
def test_more_severe_moves_more(kind: type[Corruption[Any]], seed: int, size: int, low: float, high: float) -> None:
    shift = kind(5).within(BOXES[0])
    x = boxed_images(seed, (1, 3, size, size), BOXES[0])
    params = shift.sample(x, Rng.for_ids(seed, names(1)))
    change = []
    for severity in sorted((low, high)):
        params[:, 0] = severity
        change.append(float((shift.apply(x, params) - x).abs().mean()))
    assert change[0] <= change[1] * (1 + 1e-4) + 1e-7


@pytest.mark.parametrize("shift", [Rotation(40), Translation(2.5), Brightness(5), Contrast(5), GaussianBlur(5)])
@few
@given(seed=st.integers(0, 1000), size=st.sampled_from([12, 66]))
def test_gradients_are_finite_differences(shift: Boxed, seed: int, size: int) -> None:
    shift = shift.within(BOXES[0])
    # Grey levels well inside the box, so that no pixel is clipped on one side of the difference only.
    x = 0.2 + 0.2 * torch.rand(2, 3, size, size + 1, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    weight = torch.rand(x.shape, generator=torch.Generator().manual_seed(seed + 1), dtype=torch.float64)
    low, high = shift.ends(x)
    chance = torch.rand(2, len(low), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    params = low + (high - low) * (0.1 + 0.8 * chance)

    def value(p: Tensor) -> Tensor:
        found: Tensor = shift.apply(x, p)
        return (found * weight).flatten(1).sum(1)

    leaf = params.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(value(leaf).sum(), leaf)
    step = 1e-7  # small enough that no pixel's position crosses a whole one, but for bad luck with 12 rows of a 66-pixel image
    for k in range(params.shape[1]):
        shifted = torch.zeros_like(params)
        shifted[:, k] = step
        slope = (value(params + shifted) - value(params - shifted)) / (2 * step)
        torch.testing.assert_close(gradient[:, k], slope, rtol=1e-3, atol=1e-3 * float(weight[0].sum()) / size)


@pytest.mark.parametrize("shift", [Rotation(40), Translation(2.5), Brightness(5), Contrast(5), GaussianBlur(5)])
@pytest.mark.parametrize("size", [12, 66])
def test_equal_moves_of_equal_images_have_equal_gradients(shift: Boxed, size: int) -> None:
    shift = shift.within(BOXES[0])
    x = (0.3 * torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0))).repeat(5, 1, 1, 1)
    params = (0.7 * shift.ends(x)[1]).repeat(5, 1).requires_grad_()
    weight = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(1))
    (gradient,) = torch.autograd.grad((shift.apply(x, params) * weight).sum(), params)
    assert bool((gradient != 0).all())
    torch.testing.assert_close(gradient, gradient[:1].expand(5, -1), rtol=1e-4, atol=0)


@pytest.mark.parametrize("spec", SPECS)
def test_specs_and_full_specs_round_trip(spec: str) -> None:
    shift: Shift = shifts.build(spec)
    assert shift.spec() == spec
    assert shifts.build(shift.full_spec()) == shift
    name, positional, named = parse_spec(spec)
    assert (shift.name, not positional) == (name, True)
    assert named.items() <= shift.options().items()


@pytest.mark.parametrize("spec", SPECS)
def test_every_shift_names_its_paper(spec: str) -> None:
    shift = shifts.build(spec)
    assert shift.references
    for entry in map(bibtex, shift.references):
        assert entry is not None
        assert entry.startswith("@")
        assert entry.count("{") == entry.count("}")
        assert "title" in entry
        assert "year" in entry


def test_strength_is_the_option_that_grows_the_damage() -> None:
    known = {spec.partition("(")[0]: shifts.build(spec).strength for spec in SPECS}
    assert known == {
        **dict.fromkeys(("gaussian_noise", "brightness", "contrast", "gaussian_blur"), "severity"),
        "rotation": "degrees",
        "translation": "pixels",
        "low_pass": None,  # a larger radius keeps more
        "high_pass": "radius",
        "band_pass": None,
        "linf": "eps",
        "l2": "eps",
    }
