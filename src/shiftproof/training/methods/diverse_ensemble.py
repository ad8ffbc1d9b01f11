"""Diverse ensembles: networks trained together to be right, and to differ in what they take for the next likeliest."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from shiftproof._errors import UsageError, must
from shiftproof.data.examples import Examples
from shiftproof.training.methods.abstract import Batch, Method, Step

_OFFSET = 1e-6
"""Added to the Gram matrix, as in the authors' code: members that agree have a determinant of 0, and no logarithm."""


class Together(nn.Module):
    """Several networks as one, which answers with the logarithm of their mean probabilities.

    Args:
        members: the networks, at least 2, each with weights of its own.

    >>> net = Together(nn.Linear(4, 3) for _ in range(2))
    >>> bool(torch.isclose(net(torch.rand(1, 4)).exp().sum(), torch.tensor(1.0)))
    True
    """

    def __init__(self, members: Iterable[nn.Module]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        if len(self.members) < 2:
            raise must("members", "Together", "be at least 2 networks", len(self.members))

    def forward(self, x: Tensor) -> Tensor:
        """Logarithms of the mean probabilities of x, shape (n, classes)."""
        return mean_answer([member(x) for member in self.members])


@dataclass(frozen=True)
class DiverseEnsemble(Method):
    """min_f sum_k cross_entropy(f_k(x), y) - entropy H(mean_k f_k(x)) - diversity log det(M^T M).

    Column k of M are the probabilities that member k gives to the wrong labels, at length 1: the determinant is the squared volume
    that they span, 0 where two agree. The network must be a `Together` of them: `def three(): return Together(small() for _ in range(3))`.

    Args:
        members: networks, at least 2 and fewer than there are classes.
        entropy: weight of the mean answer's entropy H, at least 0; 2 is the paper's.
        diversity: weight of the logarithm of the volume, at least 0; 0.5 is the paper's.

    Guarantees:
        None: it makes moves transfer less from member to member, and a search that follows the mean's gradient attacks all at once (Tramer
        et al. 2020 broke it so).
    Cost: `members` forwards and backwards per example.

    Reference: Pang et al. 2019, "Improving adversarial robustness via promoting ensemble diversity" (ADP).
    """

    name: ClassVar[str] = "diverse_ensemble"
    aliases: ClassVar[tuple[str, ...]] = ("adp",)
    references: ClassVar[tuple[str, ...]] = ("pang2019improving", "tramer2020adaptive")

    members: int = 3
    entropy: float = 2.0
    diversity: float = 0.5

    def check(self) -> None:
        if self.members < 2:
            raise must("members", self.name, "be at least 2", self.members)
        self.require("entropy", "diversity", within="[0, inf)")

    def init(self, net: nn.Module, examples: Examples) -> nn.Module:
        if not isinstance(net, Together) or len(net.members) != self.members:
            raise UsageError(
                f"{self.name} trains {self.members} networks as one, got {_told(net)}. Let the factory return "
                f"shiftproof.training.Together(small() for _ in range({self.members})), or set members=..."
            )
        return nn.Module()

    def judge(self, net: nn.Module, batch: Batch, x: Tensor, memory: nn.Module) -> Step:
        assert isinstance(net, Together)  # `init` has said so
        answers = [member(x) for member in net.members]
        classes = answers[0].shape[1]
        if classes <= self.members:
            raise must(
                "members",
                self.name,
                f"be fewer than the {classes} classes",
                self.members,
                "Their probabilities of the wrong labels cannot be independent otherwise.",
            )
        scores = mean_answer(answers)
        entropy = -(scores.exp() * scores).sum(1)
        losses = sum((F.cross_entropy(one, batch.y, reduction="none") for one in answers), -self.entropy * entropy)
        if self.diversity:
            losses = losses - self.diversity * log_volume(answers, batch.y)
        return Step(x, batch.y, losses, torch.ones_like(losses), scores)


def mean_answer(answers: list[Tensor]) -> Tensor:
    """The logarithm of the mean probabilities of several answers, each of shape (n, classes)."""
    return torch.stack([one.log_softmax(1) for one in answers]).logsumexp(0) - math.log(len(answers))


def log_volume(answers: list[Tensor], y: Tensor) -> Tensor:
    """Log det(M^T M) of the answers, each of shape (n, classes), at labels (n,); shape (n,)."""
    wrong = [one.softmax(1).scatter(1, y[:, None], 0.0) for one in answers]
    columns = torch.stack([F.normalize(one, dim=1) for one in wrong], dim=2)
    gram = columns.transpose(1, 2) @ columns
    volume: Tensor = torch.logdet(gram + _OFFSET * torch.eye(len(answers), device=gram.device, dtype=gram.dtype))
    return volume


def _told(net: nn.Module) -> str:
    return f"{len(net.members)} of them" if isinstance(net, Together) else f"a single {type(net).__name__}"
