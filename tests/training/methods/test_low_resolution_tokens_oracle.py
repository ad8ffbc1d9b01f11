"""Tokens for low resolution against their definition written by hand, and what they leave as it was."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import shiftproof as sp
from shiftproof import UsageError
from shiftproof.data.examples import Examples
from shiftproof.data.space import boxed
from shiftproof.randomness import Rng
from shiftproof.shifts import shifts
from shiftproof.studies.small_transformers import SmallVisionTransformer
from shiftproof.training.methods import Batch, LowResolutionTokens
from shiftproof.training.methods.low_resolution_tokens import ResolutionMemory, contrast, shrunk
from shiftproof.training.pieces import ResolutionTokens

SPACE = boxed((0, 1), "image")
N, SIDE = 6, 16


def transformer(seed: int = 0) -> SmallVisionTransformer:
    torch.manual_seed(seed)
    return SmallVisionTransformer((1, SIDE, SIDE), patch=4, width=8, depth=2, heads=2)


def images(n: int = N) -> Examples:
    x = torch.rand(n, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    return Examples(x, torch.arange(n) % 10, np.array([str(i) for i in range(n)]), space=SPACE)


def batch(given: Examples) -> Batch:
    return Batch(given.x, given.y, Rng.for_ids(0, given.ids), SPACE, 0.0)


def by_hand(net: SmallVisionTransformer, x: Tensor, tokens: Tensor) -> Tensor:
    """The transformer with one token more added to each patch: once to the embedded ones, and before each block."""
    patches = net.patch_embed(x) + tokens[0]
    whole = torch.cat([net.first.expand(len(x), -1, -1), patches], 1) + net.place
    for number, block in enumerate(net.blocks):
        whole = block(torch.cat([whole[:, :1], whole[:, 1:] + tokens[1 + number]], 1))
    found: Tensor = net.last(whole)[:, 0]
    return found


def test_tokens_are_added_to_the_patches_and_before_every_block() -> None:
    net, x = transformer(), images().x
    before = net(x)
    wrapped = ResolutionTokens(net, x[:1], seed=3)
    assert tuple(wrapped.tokens.shape) == (3, 16, 8)
    assert 0.01 < float(wrapped.tokens.detach().std()) < 0.03
    assert torch.allclose(wrapped(x), net.scores(by_hand(net, x, wrapped.tokens)), atol=1e-6)
    assert torch.equal(wrapped.plain()(x), before)  # nothing is left hanging on the net
    with torch.no_grad():
        wrapped.tokens.zero_()
    assert torch.equal(wrapped(x), before)
    wrapped.train()
    assert [name for name, value in wrapped.named_parameters() if value.requires_grad] == ["tokens"]
    assert not wrapped.net.training


def test_the_loss_is_the_two_sided_contrast_with_the_full_image_at_every_scale() -> None:
    net, given = transformer(), images()
    wrapped, method = ResolutionTokens(net, given.x[:1]), LowResolutionTokens(least=0.25, scales=2)
    memory = method.init(wrapped, given)
    step = method.step(wrapped, batch(given), memory)
    lower = [SPACE.clip(shrunk(given.x, method.sides(batch(given), scale))) for scale in range(2)]
    zero = torch.zeros_like(wrapped.tokens)
    seen = F.normalize(by_hand(net, given.x, zero), dim=1)
    loss = torch.tensor(0.0)
    for each in (given.x, *lower):
        alike = F.normalize(by_hand(net, each, wrapped.tokens), dim=1) @ seen.T / 0.07
        loss = loss + (F.cross_entropy(alike, torch.arange(N)) + F.cross_entropy(alike.T, torch.arange(N))) / 2
    torch.testing.assert_close(step.loss, loss, rtol=1e-5, atol=1e-6)
    mine = torch.autograd.grad(step.loss, wrapped.tokens)[0]
    torch.testing.assert_close(mine, torch.autograd.grad(loss, wrapped.tokens)[0], rtol=1e-3, atol=1e-5)
    assert step.right.tolist() == (wrapped(given.x).argmax(1) == given.y).tolist()


def test_the_contrast_is_that_of_the_authors_code() -> None:
    """`ClipLoss()(x, y, 1 / 0.07)[0]` of shyammarjit/LR0.FM at aabd8b8, EVA/EVA-CLIP/rei/eva_clip/loss.py, with x and y as here."""
    angles = torch.arange(35.0).view(7, 5)
    x, y = F.normalize(angles.sin(), dim=1), F.normalize(angles.cos(), dim=1)
    assert float(contrast(y, x, torch.tensor(1 / 0.07)).mean()) == pytest.approx(13.993560, rel=1e-6)


def test_the_contrast_is_least_for_equal_features() -> None:
    one = torch.eye(4)
    assert float(contrast(one, one, torch.tensor(50.0)).max()) < 1e-6
    assert float(contrast(one, one.roll(1, 0), torch.tensor(50.0)).min()) == pytest.approx(50.0)


def test_sides_are_even_in_their_ranges_and_images_are_shrunk_as_the_shift_shrinks_them() -> None:
    ids = np.array([str(i) for i in range(3000)])
    given = Batch(torch.zeros(3000, 1, 224, 1).expand(-1, -1, -1, 224), torch.zeros(3000), Rng.for_ids(0, ids), SPACE, 0.0)
    method = LowResolutionTokens()
    for scale, (low, high) in enumerate(((16, 32), (32, 64), (64, 128))):
        sides = np.array(method.sides(given, scale))
        counts = np.bincount(sides, minlength=high)
        assert (counts[:low].sum(), len(counts)) == (0, high)
        assert counts[low:].min() > 0
        assert abs(sides.mean() - (low + high - 1) / 2) < 4 * (high - low) / np.sqrt(12 * 3000)
    x = torch.rand(N, 1, 28, 28, generator=torch.Generator().manual_seed(1))
    moved = shifts.build("low_resolution(severity=4)").within(SPACE)  # 32 of 224
    theirs = moved.apply(x, moved.sample(x, Rng.for_ids(0, [str(i) for i in range(N)])))
    assert float((SPACE.clip(shrunk(x, [4] * N)) - theirs).abs().max()) < 1e-5


def test_training_moves_the_tokens_alone_and_towards_what_the_full_image_shows(tmp_path: Path) -> None:
    given, net = images(60), transformer()
    options = {"epochs": 4, "batch_size": 18, "optimiser": "adam(lr=0.02)"}
    wrapped = ResolutionTokens(net, given.x[:1])
    method = LowResolutionTokens(least=0.25, scales=1)
    before = {name: value.clone() for name, value in wrapped.net.state_dict().items()}
    done = sp.train(wrapped, given, method, out=tmp_path / "run", held_out=0.5, **options)  # type: ignore[arg-type]
    assert isinstance(done.module, ResolutionTokens)
    assert all(torch.equal(value, before[name]) for name, value in done.module.net.state_dict().items())
    assert not torch.equal(done.module.tokens, wrapped.tokens)
    assert done.curve[-1].loss < done.curve[0].loss


def test_a_network_without_tokens_learns_with_all_its_weights() -> None:
    torch.manual_seed(0)
    net, given, method = nn.Sequential(nn.Flatten(), nn.Linear(SIDE * SIDE, 10)), images(), LowResolutionTokens()
    memory = method.init(net, given)
    assert isinstance(memory, ResolutionMemory)
    method.step(net, batch(given), memory).loss.backward()  # type: ignore[no-untyped-call]
    assert [p.grad is None for p in memory.teacher.parameters()] == [True, True]
    assert memory.log_scale.grad is not None


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: LowResolutionTokens(least=1.0), "The 'least' of low_resolution_tokens"),
        (lambda: LowResolutionTokens(scales=0), "The 'scales' of low_resolution_tokens"),
        (
            lambda: LowResolutionTokens().init(nn.Linear(2, 2), sp.examples(np.zeros((2, 2)), [0, 1])),
            "low_resolution_tokens needs images, got inputs of kind 'vector'",
        ),
        (
            lambda: ResolutionTokens(transformer(), images().x[:1], blocks="layers"),
            "The transformer has no part 'layers'. Its parts: patch_embed",
        ),
        (
            lambda: ResolutionTokens(transformer(), images().x[:1], blocks="last"),
            "The 'part 'last'' of the transformer must be a list of blocks",
        ),
        (lambda: ResolutionTokens(transformer(), images().x[:1], embedding="scores"), "give patches"),
    ],
)
def test_what_makes_no_sense_is_refused(made: object, message: str) -> None:
    assert callable(made)
    with pytest.raises(UsageError, match=message):
        made()
