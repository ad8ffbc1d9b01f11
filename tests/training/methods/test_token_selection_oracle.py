"""Selection of tokens against its definition by brute force, and against plain training where nothing is left out."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

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
from shiftproof.training.methods import Batch, Plain, TokenSelection
from shiftproof.training.methods.token_selection import LastToken, SelectionMemory
from shiftproof.training.pieces import at_risk, next_tokens, token_cvar, token_losses

WORDS, LENGTH, N = 7, 6, 5
SPACE = boxed((0, WORDS - 1))


class Bigrams(nn.Module):
    """The least causal language model: what follows a token depends on that token alone."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(WORDS, WORDS)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.table(x.long())
        return found


def model(seed: int = 0) -> Bigrams:
    torch.manual_seed(seed)
    return Bigrams()


def windows(n: int = N, seed: int = 1) -> Examples:
    numbers = np.random.default_rng(seed)
    x = torch.from_numpy(numbers.integers(0, WORDS, (n, LENGTH)).astype(np.float32))
    y = torch.from_numpy(numbers.integers(0, WORDS, n))
    return Examples(x, y, np.array([str(i) for i in range(n)]), space=SPACE)


def batch(given: Examples, step: int = 0) -> Batch:
    return Batch(given.x, given.y, Rng.for_ids(0, given.ids).child("step", step), SPACE, 0.0)


def by_hand(scores: list[float], confidence: float) -> list[bool]:
    """The definition: the least value that at least the share `confidence` of all values do not exceed, found by trying each."""
    if confidence <= 0:
        return [True] * len(scores)
    least = min(t for t in scores if sum(s <= t for s in scores) / len(scores) >= confidence - 1e-12)
    return [s >= least for s in scores]


@pytest.mark.parametrize("alpha", [1.0, 0.9, 0.7, 0.5, 1 / 3, 0.1, 0.01])
def test_what_is_kept_is_what_the_definition_says_with_and_without_ties(alpha: float) -> None:
    numbers = np.random.default_rng(0)
    for size in (1, 3, 10, 30):
        for scores in (numbers.normal(size=size), numbers.integers(0, 4, size).astype(float)):
            kept = at_risk(torch.from_numpy(scores), alpha=alpha)
            assert kept.tolist() == by_hand(scores.tolist(), 1 - alpha)
            assert int(kept.sum()) >= alpha * size - 1e-9


def test_where_the_share_is_not_whole_the_loss_lies_just_below_the_exact_cvar() -> None:
    """The mean over the tokens kept takes the token at the edge whole; the CVaR takes part of it, so it is never smaller."""
    losses = torch.from_numpy(np.random.default_rng(3).exponential(size=(4, 25)))
    for alpha in (0.25, 0.4, 0.933):
        mean = float(losses[at_risk(losses, alpha=alpha)].mean())
        exact = float(token_cvar(losses, mask=torch.ones(4, 25), alpha=alpha))
        assert mean <= exact + 1e-9
        assert exact - mean < 1.5 / (alpha * 100) * float(losses.max())


def test_a_window_teaches_the_token_after_each_of_its_places() -> None:
    x, y = torch.tensor([[3.0, 1.0, 4.0]]), torch.tensor([5])
    assert next_tokens(x, y, torch.zeros(1, 3, 9), owner="a test").tolist() == [[1, 4, 5]]
    assert next_tokens(x, y, torch.zeros(1, 9), owner="a test").tolist() == [5]
    with pytest.raises(UsageError, match=r"The 'scores' of a test must have shape .*got \(\(1, 2, 9\), \(1, 3\)\)"):
        next_tokens(x, y, torch.zeros(1, 2, 9), owner="a test")


@pytest.mark.parametrize("by", ["loss", "entropy", "chance"])
def test_the_gradient_is_that_of_the_mean_over_the_tokens_kept(by: str) -> None:
    net, given = model(), windows()
    method = TokenSelection(alpha=0.4, by=by)
    memory = method.init(net, given)
    step = method.step(net, batch(given), memory)
    targets = torch.cat([given.x[:, 1:].long(), given.y[:, None]], 1)
    losses = F.cross_entropy(net(given.x).permute(0, 2, 1), targets, reduction="none")
    chances = net(given.x).softmax(-1)
    hard = {
        "loss": losses,
        "entropy": -(chances * chances.log()).sum(-1),
        "chance": batch(given).rng.child("token_selection").uniform(LENGTH),
    }
    kept = torch.tensor(by_hand(hard[by].flatten().tolist(), 0.6)).view(N, LENGTH)
    assert 12 <= int(kept.sum()) <= 16 or by == "entropy"  # a bigram's entropies tie
    mine = torch.autograd.grad(step.loss, net.table.weight)[0]
    theirs = torch.autograd.grad(losses[kept].mean(), net.table.weight)[0]
    assert float(theirs.abs().max()) > 1e-3
    torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-7)
    method.learned(step, batch(given), memory)
    assert method.counts(memory) == {
        "tokens seen": N * LENGTH,
        "tokens trained on": int(kept.sum()),
        "tokens left out": N * LENGTH - int(kept.sum()),
    }


def test_keeping_all_is_plain_training_bit_for_bit() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(LENGTH, 8), nn.ReLU(), nn.Linear(8, WORDS))
    given = windows()
    found = [
        torch.autograd.grad(method.step(net, batch(given), method.init(net, given)).loss, list(net.parameters()))
        for method in (TokenSelection(alpha=1.0), Plain())
    ]
    assert all(torch.equal(mine, theirs) for mine, theirs in zip(*found, strict=True))


def test_more_is_left_out_as_the_risk_falls_and_less_where_it_rises() -> None:
    net, given, held = model(), windows(), batch(windows())
    method = TokenSelection(alpha=0.8, gain=2.0, every=2, least=0.3)
    memory = method.init(net, given)
    assert isinstance(memory, SelectionMemory)
    risks: list[float] = []
    shares = [0.8]
    for scale in (1.0, 1.0, 0.5, 0.5, 4.0, 4.0, 1e-3, 1e-3):
        with torch.no_grad():
            net.table.weight.mul_(scale)
        step = method.step(net, held, memory)
        risks.append(float(step.losses.detach()[step.weights > 0].double().mean()))
        method.learned(step, held, memory)
        if len(risks) in (4, 6, 8):
            before, now = (sum(risks[-4:-2]) / 2, sum(risks[-2:]) / 2)
            shares.append(1 - min((1 - shares[-1]) * math.exp(-2.0 * (now - before) / before), 0.7))
        assert float(memory.alpha) == pytest.approx(shares[-1], rel=1e-6)
    first, falls, rises, again = shares
    assert falls < first < rises
    assert again < rises


def test_training_counts_its_tokens_and_looks_at_the_token_after_each_window(tmp_path: Path) -> None:
    chain = torch.arange(400) % WORDS  # the next token is the last one plus 1
    x = chain.unfold(0, LENGTH, 1)[:300].float()
    given = Examples(x, (x[:, -1].long() + 1) % WORDS, np.array([str(i) for i in range(300)]), space=SPACE)
    options: dict[str, Any] = {"epochs": 3, "batch_size": 30, "optimiser": "adam(lr=0.3)"}
    done = sp.train(model(), given, "eslm(alpha=0.5)", out=tmp_path / "run", **options)
    assert done.best.held_out == 1.0
    assert done.counts["tokens seen"] == 3 * 9 * 30 * LENGTH
    assert 0.5 <= done.counts["tokens trained on"] / done.counts["tokens seen"] < 0.8
    assert f"tokens trained on: {done.counts['tokens trained on']:,}" in str(done)
    assert json.loads((tmp_path / "run" / "training.json").read_text())["counts"] == dict(done.counts)
    again = sp.train(model(), given, "eslm(alpha=0.5)", out=tmp_path / "run", **options)
    assert again.counts == done.counts
    assert LastToken(done.module)(x[:4]).argmax(1).tolist() == given.y[:4].tolist()
    with pytest.raises(UsageError, match=r"must return scores of shape \(n, classes\)"):
        sp.train(model(), given, "plain", out=tmp_path / "plain", **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alpha": 0.0}, "The 'alpha' of token_selection"),
        ({"by": "length"}, "The 'by' of token_selection must be loss, entropy or chance, got 'length'"),
        ({"gain": -1.0}, "The 'gain' of token_selection"),
        ({"every": 0}, "The 'every' of token_selection"),
        ({"gain": 1.0, "least": 0.95}, r"The 'least' of token_selection must be in \(0, alpha = 0.9\]"),
        ({"gain": 1.0, "by": "chance"}, "The 'gain' of token_selection must be 0 where"),
    ],
)
def test_what_makes_no_sense_is_refused(options: dict[str, float | str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        TokenSelection(**options)  # type: ignore[arg-type]


def test_a_share_of_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="The 'alpha' of at_risk"):
        at_risk(torch.zeros(3), alpha=0.0)
    assert token_losses(torch.zeros(2, 3, 4), torch.zeros(2, 3, dtype=torch.long)).tolist() == [[pytest.approx(math.log(4))] * 3] * 2
