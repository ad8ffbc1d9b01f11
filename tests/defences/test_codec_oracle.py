"""Codecs against Pillow called by hand, and the gradient that an attack is given through them."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image, features

import shiftproof as sp
from shiftproof._errors import UsageError
from shiftproof.data.space import InputSpace
from shiftproof.defences import Codec, defences
from shiftproof.randomness import Rng

IMAGE = InputSpace(kind="image")
NONE = Rng.for_ids(0, [])


def smooth(channels: int = 3) -> torch.Tensor:
    rows = torch.linspace(0, 1, 24)[:, None] * torch.linspace(0.2, 1, 20)
    return torch.stack([rows * scale for scale in (1.0, 0.7, 0.4)][:channels])[None]


@pytest.mark.parametrize(
    ("of", "options"),
    [
        ("webp", {"format": "WEBP", "quality": 30}),
        ("avif", {"format": "AVIF", "quality": 30}),
        ("jpeg2000", {"format": "JPEG2000", "quality_mode": "dB", "quality_layers": [30.0], "irreversible": True}),
    ],
)
def test_it_is_what_pillow_writes_and_reads(of: str, options: dict[str, object]) -> None:
    x = smooth()
    pixels = (x[0].permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()
    file = BytesIO()
    Image.fromarray(pixels).save(file, **options)  # type: ignore[arg-type]
    with Image.open(file) as stored:
        expected = np.array(stored.convert("RGB"))
    moved = Codec(of, 30).step(x, IMAGE, NONE)
    assert torch.equal((moved[0].permute(1, 2, 0) * 255).round().to(torch.uint8), torch.from_numpy(expected))
    assert 0 < float((moved - x).abs().mean()) < 0.06
    one, wide = x[:, :1], InputSpace(-1.0, 1.0, "image", "[-1, 1]")
    assert Codec(of, 30).step(one, IMAGE, NONE).shape == one.shape
    torch.testing.assert_close(Codec(of, 30).step(2 * x - 1, wide, NONE), 2 * moved - 1)
    assert Codec(of, 30).step(x[:0], IMAGE, NONE).shape == (0, 3, 24, 20)


@pytest.mark.parametrize("of", ["webp", "avif", "jpeg2000"])
def test_a_higher_quality_is_nearer(of: str) -> None:
    x = torch.rand(1, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    low, high = (float((Codec(of, quality).step(x, IMAGE, NONE) - x).abs().mean()) for quality in (15, 90))
    assert high < low


def test_an_attack_sees_exact_answers_and_the_gradient_behind_a_codec_that_rounds_wavelets() -> None:
    last = torch.nn.Linear(480, 2)
    net = torch.nn.Sequential(torch.nn.Flatten(), last).double()
    defended = Codec("jpeg2000", 30)(sp.as_model(net), space=IMAGE)
    x = smooth(1).double().requires_grad_(True)
    scores = defended.scores(x)
    torch.testing.assert_close(scores, net(Codec("jpeg2000", 30).step(x.detach(), IMAGE, NONE)))
    (gradient,) = torch.autograd.grad(scores[0, 1] - scores[0, 0], x)
    torch.testing.assert_close(gradient.flatten(), last.weight[1] - last.weight[0])


def test_what_cannot_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="The 'of' of codec must be webp, jpeg2000 or avif, got 'jpeg'. For JPEG take the defence jpeg"):
        defences.build("codec(of=jpeg)")
    with pytest.raises(UsageError, match="The 'quality' of codec must be from 1 to 100, got 0"):
        defences.build("codec(quality=0)")
    with pytest.raises(UsageError, match=r"takes images \(n, 1 or 3, height, width\), got inputs of shape \(2, 5\)"):
        Codec().step(torch.zeros(2, 5), IMAGE, NONE)
    monkeypatch.setattr(features, "check", lambda feature: False)
    with pytest.raises(UsageError, match="The Pillow that is installed cannot write webp. Install a build that can"):
        Codec().step(smooth(), IMAGE, NONE)
