"""Alignment against brute force, strangeness against its formula, and a student that fails where images are not normal."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from shiftproof._errors import UsageError
from shiftproof.confidence.anomaly import Align, ReverseDistillation, grey, matched_moments, matched_values
from shiftproof.confidence.separation import rank_area
from shiftproof.randomness import Rng


def stages(stride: int = 1) -> list[nn.Module]:
    torch.manual_seed(0)
    return [nn.Sequential(nn.Conv2d(a, b, 3, stride=stride, padding=1), nn.ReLU()) for a, b in ((1, 6), (6, 8))]


def bars(n: int, *, upright: bool, seed: int) -> Tensor:
    """Images of bars two pixels apart, in any phase and with some noise."""
    generator = torch.Generator().manual_seed(seed)
    place = torch.arange(8) + torch.randint(4, (n, 1), generator=generator)
    rows = (place % 4 < 2).float()[:, None, None].expand(n, 1, 8, 8)
    return (rows if upright else rows.transpose(2, 3)) + 0.1 * torch.randn(n, 1, 8, 8, generator=generator)


@pytest.fixture(scope="module")
def fitted() -> ReverseDistillation:
    return ReverseDistillation.fit(stages(), bars(100, upright=True, seed=0), steps=120)


@pytest.mark.parametrize("own", [0.0, 0.5, 1.0])
def test_values_are_matched_by_rank(own: float) -> None:
    rng = np.random.default_rng(0)
    x, reference = rng.normal(size=(3, 2, 4, 5)), rng.normal(size=(1, 2, 4, 5))
    expected = np.empty_like(x)
    for row in range(3):
        for channel in range(2):
            values, target = x[row, channel].ravel(), sorted(reference[0, channel].ravel())
            for place, value in enumerate(values):
                rank = sum(other < value for other in values)
                expected[row, channel].flat[place] = own * value + (1 - own) * target[rank]
    found = matched_values(torch.from_numpy(x), torch.from_numpy(reference), own)
    np.testing.assert_allclose(found.numpy(), expected)


def test_moments_are_those_of_the_reference() -> None:
    x, reference = torch.randn(3, 2, 6, 6, generator=torch.Generator().manual_seed(0)), 3 + 2 * torch.rand(1, 2, 6, 6)
    found = matched_moments(x, reference, 0.0)
    assert torch.allclose(found.mean((2, 3)), reference.mean((2, 3)).expand(3, 2), atol=1e-4)
    assert torch.allclose(found.std((2, 3)), reference.std((2, 3)).expand(3, 2), atol=1e-4)
    assert torch.allclose(matched_moments(x, reference, 1.0), x, atol=1e-5)


def test_strangeness_is_the_greatest_sum_of_one_less_cosines(fitted: ReverseDistillation) -> None:
    """On images of eight pixels the smoothing is narrower than a pixel."""
    x = bars(5, upright=False, seed=1)
    with torch.no_grad():
        first = fitted.stages[0](x)
        told = [first, fitted.stages[1](first)]
        given = fitted.student(fitted.bottleneck(told))
        off = torch.stack([1 - (a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1)).clamp_min(1e-8) for a, b in zip(told, given, strict=True)])
    assert fitted.strangeness(x, align="none") == pytest.approx(off.sum(0).amax((1, 2)).tolist(), rel=1e-4)


@pytest.mark.parametrize("align", ["efdm", "mixstyle"])
def test_the_reference_is_aligned_with_itself(align: Align, fitted: ReverseDistillation) -> None:
    assert fitted.strangeness(fitted.reference, align=align) == pytest.approx(fitted.strangeness(fitted.reference, align="none"), rel=1e-3)
    x = bars(5, upright=True, seed=2)
    assert fitted.strangeness(x, align=align, own=1.0) == pytest.approx(fitted.strangeness(x, align="none"), rel=1e-3)


def test_what_is_not_normal_is_stranger(fitted: ReverseDistillation) -> None:
    normal, other = (fitted.strangeness(bars(60, upright=upright, seed=3), align="none") for upright in (True, False))
    assert rank_area(normal, other) > 0.95


def test_alignment_undoes_a_change_of_contrast(fitted: ReverseDistillation) -> None:
    plain, moved = bars(60, upright=True, seed=4), 0.3 * bars(60, upright=True, seed=4) + 0.5
    far, near = (fitted.strangeness(moved, align=align).mean() for align in ("none", "efdm"))
    assert abs(near - fitted.strangeness(plain).mean()) < abs(far - fitted.strangeness(plain, align="none").mean())


def test_views_draw_codes_together_and_the_teacher_stays() -> None:
    teacher, x = stages(), bars(60, upright=True, seed=0)
    before = [each.clone() for stage in teacher for each in stage.parameters()]

    def darker(images: Tensor, rng: Rng) -> Tensor:
        return images * rng.uniform(1, low=0.3, high=1.0)[:, :, None, None]

    def apart(made: ReverseDistillation) -> float:
        def code(images: Tensor) -> Tensor:
            with torch.no_grad():
                first = made.stages[0](images)
                found: Tensor = made.bottleneck([first, made.stages[1](first)]).flatten(1)
                return found

        return float((1 - F.cosine_similarity(code(x), code(0.5 * x))).mean())

    without, with_views, again = (
        ReverseDistillation.fit(teacher, x, steps=80, views=views, seed=1) for views in ((), (darker, grey), (darker, grey))
    )
    assert apart(with_views) < apart(without)
    assert with_views.strangeness(x).tolist() == again.strangeness(x).tolist()
    assert all(torch.equal(a, b) for a, b in zip(before, (each for stage in teacher for each in stage.parameters()), strict=True))


def test_grey_has_one_value_per_pixel() -> None:
    x = torch.rand(2, 3, 4, 4)
    assert torch.allclose(grey(x, Rng.for_ids(0, ["a", "b"])), x.mean(1, keepdim=True).expand(2, 3, 4, 4))


def test_messages(fitted: ReverseDistillation) -> None:
    x = bars(2, upright=True, seed=0)
    with pytest.raises(UsageError, match="The 'x' of reverse_distillation must be finite images"):
        fitted.strangeness(x * torch.nan)
    with pytest.raises(UsageError, match="The 'x' of reverse_distillation must be finite images"):
        ReverseDistillation.fit(stages(), x[:0])
    with pytest.raises(UsageError, match="The 'stages' of reverse_distillation must be two or more modules, got 1"):
        ReverseDistillation.fit(stages()[:1], x)
    with pytest.raises(UsageError, match="The 'stages' of reverse_distillation must each give shape"):
        ReverseDistillation.fit([nn.Flatten(), nn.Linear(64, 2)], x)
    with pytest.raises(UsageError, match="The 'steps' of reverse_distillation must be at least 1"):
        ReverseDistillation.fit(stages(), x, steps=0)
    with pytest.raises(UsageError, match="Unknown align 'edfm'"):
        fitted.strangeness(x, align="edfm")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"The 'own' of reverse_distillation must be in \[0, 1\], got 2"):
        fitted.strangeness(x, own=2.0)
