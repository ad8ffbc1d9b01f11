"""Selective language modelling: a language model learns from the tokens of a batch that are hardest for it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from shiftproof._errors import must
from shiftproof.data.examples import Examples
from shiftproof.training.methods.abstract import Batch, Method, Step
from shiftproof.training.pieces.tokens import at_risk, next_tokens, token_entropy, token_losses

LOSS, ENTROPY, CHANCE = "loss", "entropy", "chance"


class LastToken(nn.Module):
    """A causal language model as one that says what follows a window: its scores at the last place, shape (n, words)."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        """Scores of the token after each window x, shape (n, length)."""
        scores: Tensor = self.net(x)
        return scores[:, -1] if scores.dim() == 3 else scores


class SelectionMemory(nn.Module):
    """The share of tokens that is kept now, what has been counted, and the risk since the share was last changed.

    Args:
        alpha: the share kept at first.
    """

    alpha: Tensor
    seen: Tensor
    kept: Tensor
    risk: Tensor
    steps: Tensor
    before: Tensor

    def __init__(self, alpha: float) -> None:
        super().__init__()
        numbers = {"alpha": alpha, "risk": 0.0, "before": math.nan}
        for name, number in numbers.items():
            self.register_buffer(name, torch.tensor(number, dtype=torch.float64))
        for name in ("seen", "kept", "steps"):
            self.register_buffer(name, torch.tensor(0))


@dataclass(frozen=True)
class TokenSelection(Method):
    """min_f mean of cross_entropy over the tokens whose score is at least the batch's value at risk: about the share `alpha` of them.

    An input is a window of token numbers, and its label the token after it; the network is a causal language model, which answers with
    scores of shape (n, length, words), and every place of a window is a token to learn. Of a network that answers with (n, classes), an
    example is a token.

    Args:
        alpha: the share of tokens kept (at first), in (0, 1]; the paper's alpha is 1 less this. 1 keeps all: plain language modelling.
        by: what is large for a hard token: its "loss", the "entropy" of the prediction, or "chance", the control that keeps as many.
        gain: 0 keeps alpha (ESLM). Above 0 the share left out, 1 - alpha, is multiplied by exp(-gain (R' - R) / R) after each `every`
            steps: R' and R are the mean scores of tokens kept in these steps and in those before, so that more is left out while the risk
            falls, and less where it rises (Ada-ESLM).
        every: steps between two changes, at least 1.
        least: the smallest share kept, in (0, alpha].

    Guarantees:
        The loss is the mean over `at_risk` of the batch's tokens, of all windows together; tokens left out have no gradient. Tokens seen
        and kept are counted (`counts`). With `by="loss"` the number is at least the mean loss of all tokens.
        That the paper's adaptive form goes by the change of the CVaR is taken from its abstract and reviews; the rule above is ours. The
        scores in `training.json` are those of the last place of each held-out window.
    Cost: 1 forward and 1 backward per window: a token left out saves no time by itself, as tokens kept later depend on it.

    Reference: Bal, Cevher & Muehlebach 2025, "ESLM: risk-averse selective language modeling for efficient pretraining".
    """

    name: ClassVar[str] = "token_selection"
    aliases: ClassVar[tuple[str, ...]] = ("eslm",)
    references: ClassVar[tuple[str, ...]] = ("bal2025eslm",)

    alpha: float = 0.9
    by: str = LOSS
    gain: float = 0.0
    every: int = 50
    least: float = 0.5

    def check(self) -> None:
        self.require("alpha", "least", within="(0, 1]")
        if self.by not in (LOSS, ENTROPY, CHANCE):
            raise must("by", self.name, "be loss, entropy or chance", self.by)
        self.require("gain", within="[0, inf)")
        self.require("every", least=1)
        if self.gain and self.least > self.alpha:
            raise must("least", self.name, f"be in (0, alpha = {self.alpha:g}]", self.least)
        if self.gain and (self.by == CHANCE or self.alpha == 1):
            raise must("gain", self.name, "be 0 where tokens are kept by chance, or all of them", self.gain)

    def init(self, net: nn.Module, examples: Examples) -> nn.Module:
        return SelectionMemory(self.alpha)

    def answering(self, net: nn.Module) -> nn.Module:
        return LastToken(net)

    def judge(self, net: nn.Module, batch: Batch, x: Tensor, memory: nn.Module) -> Step:
        assert isinstance(memory, SelectionMemory)  # `init` made it
        scores = net(x)
        targets = next_tokens(x, batch.y, scores, owner=self.name)
        losses = token_losses(scores, targets)
        kept = at_risk(self._hardness(losses, scores, batch), alpha=float(memory.alpha))
        weights = kept.to(losses.dtype) * (kept.numel() / kept.sum())
        return Step(x, targets, losses, weights, scores)

    def learned(self, step: Step, batch: Batch, memory: nn.Module) -> None:
        assert isinstance(memory, SelectionMemory)
        kept = step.weights > 0
        memory.seen += kept.numel()
        memory.kept += kept.sum()
        if not self.gain:
            return
        memory.risk += self._hardness(step.losses, step.scores, batch).detach()[kept].double().mean()
        memory.steps += 1
        if int(memory.steps) == self.every:
            self._adapt(memory)

    def counts(self, memory: nn.Module) -> dict[str, int]:
        assert isinstance(memory, SelectionMemory)
        seen, kept = int(memory.seen), int(memory.kept)
        return {"tokens seen": seen, "tokens trained on": kept, "tokens left out": seen - kept}

    def _hardness(self, losses: Tensor, scores: Tensor, batch: Batch) -> Tensor:
        if self.by == CHANCE:
            drawn = batch.rng.child(self.name).uniform(losses[0].numel())
            return drawn.reshape(losses.shape).to(losses.device)
        return losses if self.by == LOSS else token_entropy(scores)

    def _adapt(self, memory: SelectionMemory) -> None:
        """The share for the next steps, by the change of the risk."""
        now, before = float(memory.risk) / self.every, float(memory.before)
        if before > 0:
            left_out = (1 - float(memory.alpha)) * math.exp(-self.gain * (now - before) / before)
            memory.alpha.fill_(1 - min(left_out, 1 - self.least))
        memory.before.fill_(now)
        memory.risk.zero_()
        memory.steps.zero_()

    @classmethod
    def examples_for_check(cls) -> list[TokenSelection]:
        """Each kind of score."""
        return [cls(alpha=0.5), cls(by=ENTROPY, gain=1.0), cls(alpha=0.5, by=CHANCE)]
