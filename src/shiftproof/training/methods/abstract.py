"""The base class of training methods: from a batch to a loss. Your own loop or `shiftproof.train` drives it."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from shiftproof._part import Part
from shiftproof.data.examples import Examples
from shiftproof.data.space import InputSpace
from shiftproof.randomness import Rng
from shiftproof.shifts.abstract import Shift


@dataclass(frozen=True, eq=False)
class Batch:
    """What a step is made of.

    Args:
        x: inputs, shape (n, ...).
        y: labels, shape (n,).
        rng: one stream an example, another one at every step: all of a method's chance comes from here.
        space: the legal inputs.
        progress: the share of training that lies behind, in [0, 1).
        groups: the group number of each example, shape (n,), for methods whose `grouping` asks for it.
        rows: the place of each example in all that is trained on, shape (n,), for methods that remember examples.
    """

    x: Tensor
    y: Tensor
    rng: Rng
    space: InputSpace
    progress: float = 0.0
    groups: Tensor | None = None
    rows: Tensor | None = None


@dataclass(frozen=True, eq=False)
class Step:
    """What a method makes of a batch: `loss` is the mean of weights * losses, ready for `backward`.

    Args:
        x: the inputs trained on, shape (m, ...).
        targets: labels (m,), or probabilities (m, classes).
        losses: one an example, shape (m,).
        weights: of each, shape (m,), without a gradient; mean 1 where they are only a share of attention.
        scores: the network's answers to x, shape (m, classes), for the record.

    A method of language models may have one loss a token: then targets, losses and weights have shape (m, length), and scores (m, length,
    words).
    """

    x: Tensor
    targets: Tensor
    losses: Tensor
    weights: Tensor
    scores: Tensor

    @property
    def loss(self) -> Tensor:
        """The scalar to differentiate."""
        return (self.weights * self.losses).mean()

    @property
    def right(self) -> Tensor:
        """Whether the network is right on what it trains on, shape (m,); of probabilities, on the likeliest class; of tokens, on each."""
        if self.scores.dim() == 3:
            return (self.scores.detach().argmax(-1) == self.targets).flatten()
        labels = self.targets if self.targets.dim() == 1 else self.targets.argmax(1)
        return self.scores.detach().argmax(1) == labels


def plain_step(net: nn.Module, x: Tensor, y: Tensor) -> Step:
    """The cross-entropy of labels y, shape (n,), at inputs x, all weights equal."""
    scores = net(x)
    losses = F.cross_entropy(scores, y, reduction="none")
    return Step(x, y, losses, torch.ones_like(losses), scores)


@dataclass(frozen=True)
class Method(Part):
    """A way to train: `init` once, then for every batch `step`, `loss.backward()`, `learned`, and your optimiser's step.

    >>> import torch, shiftproof as sp
    >>> from shiftproof.training.methods import Batch, Plain
    >>> method, net = Plain(), torch.nn.Linear(4, 2)
    >>> data = sp.examples(torch.rand(8, 4), torch.randint(2, (8,)))
    >>> memory = method.init(net, data)
    >>> optimiser = torch.optim.SGD([*net.parameters(), *memory.parameters()], lr=0.1)
    >>> batch = Batch(data.x, data.y, Rng.for_ids(0, data.ids), data.space)
    >>> step = method.step(net, batch, memory)
    >>> step.loss.backward()
    >>> method.learned(step, batch, memory)
    >>> optimiser.step()
    """

    @property
    def replays(self) -> int:
        """How often a batch is shown in a row."""
        return 1

    def threat(self, space: InputSpace) -> Shift | None:
        """The shift that it defends against, on inputs of `space`; None where it has none. `UsageError` where it makes no sense there."""
        return None

    @property
    def grouping(self) -> str:
        """The columns of groups that it needs each example's group by, such as "place" or "label & place"; empty for none."""
        return ""

    def init(self, net: nn.Module, examples: Examples) -> nn.Module:
        """What it keeps between steps: its parameters are trained along, its buffers are its memory. Most keep nothing.

        `examples` are all that it will be trained on.
        """
        return nn.Module()

    def order(self, rng: Rng, memory: nn.Module) -> npt.NDArray[np.intp]:
        """The rows of an epoch in the order in which they are shown, as many in every epoch; `rng` has a stream for each example."""
        return shuffled(rng)

    def move(self, net: nn.Module, batch: Batch, memory: nn.Module) -> Tensor:
        """The inputs to train on, shape of batch.x or of several copies of it."""
        return batch.x

    @abstractmethod
    def judge(self, net: nn.Module, batch: Batch, x: Tensor, memory: nn.Module) -> Step:
        """Targets, losses and weights at the inputs `x` that `move` returned."""

    def step(self, net: nn.Module, batch: Batch, memory: nn.Module) -> Step:
        """A batch, turned into moved inputs, targets, weights and a loss."""
        return self.judge(net, batch, self.move(net, batch, memory), memory)

    def learned(self, step: Step, batch: Batch, memory: nn.Module) -> None:  # a hook
        """Called after `loss.backward()`, for methods that use its gradients."""

    def answering(self, net: nn.Module) -> nn.Module:
        """The network as one that answers with scores of shape (n, classes), for the looks at held-out examples; most are that already."""
        return net

    def counts(self, memory: nn.Module) -> dict[str, int]:
        """What it has counted, by name, for the record of the training; most count nothing."""
        return {}


def shuffled(rng: Rng) -> npt.NDArray[np.intp]:
    """Every row once, in random order."""
    return np.argsort(rng.uniform(1)[:, 0].numpy(), kind="stable")
