"""The learned codec: its bits sum to one, its gradient is that of its networks, and its file is pinned."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from masked import digits
from shiftproof._errors import UsageError
from shiftproof.data.examples import Examples
from shiftproof.data.space import InputSpace
from shiftproof.defences import _autoencoder as autoencoder
from shiftproof.defences import defences
from shiftproof.defences import learned_codec as codec
from shiftproof.defences.defended_model import DefendedModel
from shiftproof.defences.learned_codec import LearnedCodec, save
from shiftproof.models.abstract import Scores
from shiftproof.models.torch_module import TorchModule

IMAGE = InputSpace(kind="image")


def linear(features: int = 64) -> Scores:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return TorchModule(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(features, 3)), name="linear")


def held_out(n: int = 200) -> Examples:
    x, y = digits()
    return Examples(x[:n], y[:n], np.array([f"held out {k}" for k in range(n)]), space=IMAGE)


def made(part: LearnedCodec) -> DefendedModel:
    return part(linear(), space=IMAGE, held_out=held_out())


def test_training_brings_images_back_with_fewer_bits_where_fewer_are_aimed_at() -> None:
    x = digits()[0][200:300]
    found = {}
    for target in (0.2, 4.0):
        codec = LearnedCodec(target=target, steps=100)
        behind = made(codec).behind
        with torch.no_grad():
            found[target] = float((codec.seen(behind, x) - x).square().mean()), float(codec.bits(behind, x).mean())
    middle = float((x - x.mean(0)).square().mean())
    assert found[4.0][0] <= found[0.2][0] < 0.7 * middle
    assert found[0.2][1] < found[4.0][1] - 0.1


def test_the_prior_is_a_probability_of_whole_numbers() -> None:
    weights = {"prior.middle": torch.tensor([0.3]), "prior.spread": torch.tensor([0.8])}
    every = torch.arange(-60.0, 61.0).reshape(-1, 1, 1, 1)
    assert float(torch.exp2(-autoencoder.bits(weights, every)).sum()) == pytest.approx(1.0, abs=1e-4)
    two = every[60:62].reshape(1, 1, 1, 2)
    torch.testing.assert_close(autoencoder.bits(weights, two)[0], autoencoder.bits(weights, every[60:62]).sum())


def test_answers_are_those_of_rounded_latents_and_the_gradient_that_of_the_networks() -> None:
    codec = LearnedCodec(steps=20)
    model = made(codec)
    weights = {name: tensor.double() for name, tensor in codec.weights(model.behind).items()}
    x = digits()[0][:1].double()
    z = autoencoder.encoded(weights, x)
    whole = z.round()
    torch.testing.assert_close(codec.seen(model.behind, x), autoencoder.decoded(weights, whole, 8, 8))
    assert float(autoencoder.decoded(weights, whole, 8, 8).min()) >= 0.0

    def cut_free(latents: Tensor) -> Tensor:
        """The decoder before the cut to [0, 1], by the layers themselves."""
        h = torch.relu(torch.pixel_shuffle(torch.conv2d(latents, weights["wide.weight"], weights["wide.bias"], padding=1), 2))
        return torch.pixel_shuffle(torch.conv2d(h, weights["out.weight"], weights["out.bias"], padding=1), 2) + 0.5

    leaf = x.clone().requires_grad_(True)
    direction = torch.randn(x.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    (gradient,) = torch.autograd.grad((codec.seen(model.behind, leaf) * direction).sum(), leaf)
    step = 1e-6
    for at in ((0, 0, 2, 3), (0, 0, 5, 5)):
        moved = [x.clone(), x.clone()]
        moved[0][at] += step
        moved[1][at] -= step
        change = (autoencoder.encoded(weights, moved[0]) - autoencoder.encoded(weights, moved[1])) / (2 * step)
        slope = (cut_free(whole + step * change) - cut_free(whole - step * change)) / (2 * step)
        assert float(gradient[at]) == pytest.approx(float((slope * direction).sum()), rel=1e-4, abs=1e-7)


def test_realism_is_another_codec_and_a_seed_the_same() -> None:
    one, same, other = (codec.weights(made(codec).behind) for codec in (*(LearnedCodec(steps=8),) * 2, LearnedCodec(steps=8, realism=0.5)))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert set(other) == set(one)
    assert not torch.equal(one["out.weight"], other["out.weight"])


def test_an_image_of_any_size_and_box_by_itself_or_among_others() -> None:
    codec = LearnedCodec(steps=5)
    x = torch.rand(4, 2, 9, 7, generator=torch.Generator().manual_seed(2))
    ids = np.array(["a", "b", "c", "d"])
    y = torch.zeros(4, dtype=torch.int64)
    narrow = codec(linear(126), space=IMAGE, held_out=Examples(x, y, ids, space=IMAGE))
    scores = narrow.scores(x)
    torch.testing.assert_close(torch.cat([narrow.scores(each[None]) for each in x]), scores)
    wide = InputSpace(-1.0, 1.0, "image", "[-1, 1]")
    broad = codec(linear(126), space=wide, held_out=Examples(2 * x - 1, y, ids, space=wide))
    torch.testing.assert_close(codec.seen(broad.behind, 2 * x - 1), 2 * codec.seen(narrow.behind, x) - 1, rtol=1e-3, atol=1e-3)


def test_a_file_holds_the_same_codec_and_is_pinned(tmp_path: Path) -> None:
    trained = LearnedCodec(steps=5)
    behind, path = made(trained).behind, tmp_path / "codec.safetensors"
    save(behind.fitted, path)
    stored = LearnedCodec(file=str(path))
    x = digits()[0][:5]
    model = stored(linear(), space=IMAGE)
    torch.testing.assert_close(model.scores(x), made(trained).scores(x))
    assert stored.sha256 in stored.spec()
    assert defences.build(stored.spec()) == stored
    assert "learned_codec" in model.fingerprint()
    save({**behind.fitted, "out.bias": behind.fitted["out.bias"] + 1}, path)
    with pytest.raises(UsageError, match="It has changed since; leave the option out to go on"):
        LearnedCodec(file=str(path), sha256=stored.sha256)
    assert not torch.equal(LearnedCodec(file=str(path))(linear(), space=IMAGE).scores(x), model.scores(x))
    codec._read.cache_clear()  # as in another process, which is handed the part as it was built
    with pytest.raises(UsageError, match=f"was {stored.sha256} when the defence was built, and is .* now. Put it back, or build it again"):
        model.scores(x)


def test_what_cannot_be_used(tmp_path: Path) -> None:
    for spec, message in (
        ("learned_codec(target=0)", r"The 'target' of learned_codec must be in \(0, inf\), got 0. It is in bits a pixel"),
        ("learned_codec(realism=-1)", r"The 'realism' of learned_codec must be in \[0, inf\), got -1"),
        ("learned_codec(steps=0)", "The 'steps' of learned_codec must be at least 1, got 0"),
        ("learned_codec(sha256=ab)", "The 'sha256' of learned_codec must be left out where there is no file, got 'ab'"),
        ("learned_codec(file='none.safetensors')", "There is no file"),
    ):
        with pytest.raises(UsageError, match=message):
            defences.build(spec)
    other = tmp_path / "other.safetensors"
    other.write_bytes(b"weights")
    with pytest.raises(UsageError, match="is no learned codec: it has no checksum.*Let 'shiftproof defend' write it"):
        LearnedCodec(file=str(other))
    with pytest.raises(UsageError, match="is calibrated on held-out clean examples, and none were given"):
        LearnedCodec()(linear(), space=IMAGE)
    model = made(LearnedCodec(steps=1))
    with pytest.raises(UsageError, match=r"takes images \(n, 1, height, width\), got inputs of shape \(2, 3, 8, 8\)"):
        model.scores(torch.zeros(2, 3, 8, 8))
    flat = Examples(torch.zeros(2, 4), torch.zeros(2, dtype=torch.int64), np.array(["a", "b"]), space=IMAGE)
    with pytest.raises(UsageError, match=r"takes images \(n, channels, height, width\), got inputs of shape \(2, 4\)"):
        LearnedCodec()(linear(4), space=IMAGE, held_out=flat)
