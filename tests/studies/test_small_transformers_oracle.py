"""What the studies of small transformers are made of, where the answer is known."""

from __future__ import annotations

import torch

from shiftproof.studies.selective_language_modelling import BATCH, CHARACTERS, LENGTH, losses, trained, windows_of
from shiftproof.studies.small_transformers import CausalLanguageModel, SmallVisionTransformer
from shiftproof.training.methods import TokenSelection


def test_a_place_sees_nothing_that_comes_after_it() -> None:
    torch.manual_seed(0)
    net = CausalLanguageModel(9, 12, width=8, heads=2)
    x = torch.randint(9, (2, 12))
    other = x.clone()
    other[:, 7] = (other[:, 7] + 1) % 9
    before, after = net(x).detach(), net(other).detach()
    assert torch.allclose(before[:, :7], after[:, :7], atol=1e-6)
    assert float((before[:, 7:] - after[:, 7:]).abs().amin((0, 2)).min()) > 0
    assert torch.allclose(net(x[:, :5]), before[:, :5], atol=1e-6)


def test_a_vision_transformer_sees_every_patch() -> None:
    torch.manual_seed(0)
    net = SmallVisionTransformer((1, 8, 8), patch=4, width=8, depth=1, heads=2)
    x = torch.rand(1, 1, 8, 8, requires_grad=True)
    (found,) = torch.autograd.grad(net(x)[0, 0], x)
    assert tuple(net.patch_embed(x).shape) == (1, 4, 8)
    assert bool((found.view(2, 4, 2, 4).abs().amax((1, 3)) > 0).all())


def test_texts_become_windows_of_characters_that_follow_one_another() -> None:
    made = windows_of(["Two films, 19 stars!"] * 20)
    line = "two films , 0 stars !\n"
    whole = line * 20
    assert made.x.shape == ((len(whole) - 1) // LENGTH, LENGTH)
    read = "".join(CHARACTERS[int(code)] for code in made.x.flatten())
    assert read == whole[: len(read)]
    assert [CHARACTERS[code] for code in made.y] == [whole[(place + 1) * LENGTH] for place in range(len(made))]


def test_training_ends_with_its_budget_of_the_tokens_that_it_counts() -> None:
    windows = windows_of(["a b c d e f g h"] * 400)[: 3 * BATCH]
    half = TokenSelection(alpha=0.5, by="chance")
    budget = 4 * BATCH * LENGTH
    plain, equal, short = (
        trained(method, windows, budget=budget, seed=0, count=count)
        for method, count in (
            (TokenSelection(alpha=1.0), "tokens seen"),
            (half, "tokens trained on"),
            (half, "tokens seen"),
        )
    )
    assert (plain.counts["tokens seen"], plain.counts["tokens left out"]) == (budget, 0)
    assert (short.counts["tokens seen"], equal.counts["tokens seen"]) == (budget, 2 * budget)  # a token more than half is kept each step
    assert short.counts["tokens trained on"] == 4 * (BATCH * LENGTH // 2 + 1)
    each = losses(plain.net, windows)
    assert each.shape == (len(windows),)
    assert float(each.mean()) < 3.5  # below the logarithm of the 35 characters
