"""Zhang et al. 2024: a nonlinear network learns features that say nothing of the label, and fails where these change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from shiftproof.studies.abstract import EarlierLook, Prediction, Study
from shiftproof.studies.quantity import Quantity, less, share
from shiftproof.studies.trial import Trial

CORE = BACKGROUND = 32
"""Features that tell the label, and those that do not."""
NOTHING = 0.01


class Drawn(NamedTuple):
    """Inputs, shape (n, 64), and labels of 0 and 1."""

    x: Tensor
    y: Tensor


def draw(n: int, *, sign: float, chance: torch.Generator) -> Drawn:
    """Core features of the label's sign, and background features of `sign` whatever the label, all of size in [0, 1]."""
    y = torch.randint(2, (n,), generator=chance)
    sizes = torch.rand(n, CORE + BACKGROUND, generator=chance)
    told = (2.0 * y - 1)[:, None].expand(-1, CORE)
    return Drawn(sizes * torch.cat([told, torch.full((n, BACKGROUND), sign)], 1), y)


class TwoLayers(nn.Module):
    """sum over the units of each class of act(w . x): only the first layer is learned, as in the paper's analysis."""

    def __init__(self, act: nn.Module, units: int = 128) -> None:
        super().__init__()
        self.first = nn.Linear(CORE + BACKGROUND, 2 * units, bias=False)
        self.act = act
        with torch.no_grad():
            self.first.weight.mul_(0.1)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.act(self.first(x)).reshape(len(x), 2, -1).mean(2)
        return scores


@dataclass(frozen=True)
class FeatureContamination(Study):
    """Networks of two layers, with ReLU and without, where background features are never correlated with the label and then turn round.

    Cost: two trainings on fresh draws a seed; seconds.

    Reference: Zhang et al. 2024, "Feature contamination: neural networks learn uncorrelated features and fail to generalize".
    """

    name: ClassVar[str] = "feature_contamination"
    references: ClassVar[tuple[str, ...]] = ("zhang2024feature",)
    claim: ClassVar[str] = (
        "A nonlinear network learns background features though they are uncorrelated with the label, and so does worse where they change; "
        "a linear one does not."
    )
    paper: ClassVar[str] = "Zhang et al. 2024"
    figure: ClassVar[str] = (
        "Proven for two-layer ReLU networks, whose weights on background features grow and whose loss under shift stays above a constant; "
        "not for linear ones."
    )
    predictions: ClassVar[tuple[Prediction, ...]] = (
        Prediction("ReLU, background over core", "ReLU's weights on the background are at least a third of those on the core", low=1 / 3),
        Prediction("identity, background over core", "a linear network's are at most a tenth", high=0.1),
        Prediction("ReLU, loss grown by the shift", "the shift raises the ReLU network's cross-entropy", low=0.01),
        Prediction("identity, loss grown by the shift", "and the linear one's by next to nothing", high=NOTHING),
    )
    protocol: ClassVar[str] = (
        "Inputs of 32 core and 32 background features, as in the paper's analysis; two layers of 256 units, of which the first is learned, "
        "from small weights; 2,000 steps of SGD at 0.5 on fresh batches of 256 with weight decay 1e-4. The background is positive in "
        "training and negative under the shift; 20,000 test draws. Weights are compared by the norm of their mean over the units of a "
        "class."
    )
    scaled_down: ClassVar[str] = "The paper's own synthetic task at a small width; its experiments on images are left out."
    seeds: ClassVar[int] = 5
    looks: ClassVar[tuple[EarlierLook, ...]] = (
        EarlierLook(
            "In another trial of a like task the shift cost ReLU networks 25 to 30 points and a linear one nothing.", changed=False
        ),
    )

    def measure(self, trial: Trial) -> Mapping[str, Quantity]:
        """Accuracy and cross-entropy of both networks with the background as it was and turned round, and what their weights hold."""
        found: dict[str, Quantity] = {}
        for name, act in (("ReLU", nn.ReLU()), ("identity", nn.Identity())):
            chance = torch.Generator().manual_seed(trial.seed)
            torch.manual_seed(trial.seed)
            net = _trained(TwoLayers(act), trial.pick(quick=300, full=2000), chance)
            losses: list[float] = []
            flags: list[Quantity] = []
            for sign in (1.0, -1.0):
                judged = draw(20_000, sign=sign, chance=chance)
                with torch.no_grad():
                    scores = net(judged.x)
                losses.append(float(F.cross_entropy(scores, judged.y)))
                flags.append(share((scores.argmax(1) == judged.y).numpy()))
            found |= {
                f"{name}, accuracy": flags[0],
                f"{name}, accuracy under the shift": flags[1],
                f"{name}, lost by the shift": less(flags[0], flags[1]),
                f"{name}, loss grown by the shift": Quantity(losses[1] - losses[0]),
                f"{name}, background over core": Quantity(held(net), unit="amount"),
            }
        return found


def _trained(net: TwoLayers, steps: int, chance: torch.Generator) -> TwoLayers:
    optimiser = torch.optim.SGD(net.parameters(), lr=0.5, weight_decay=1e-4)
    for _ in range(steps):
        batch = draw(256, sign=1.0, chance=chance)
        optimiser.zero_grad()
        F.cross_entropy(net(batch.x), batch.y).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return net


def held(net: TwoLayers) -> float:
    """The size of the mean weights of a class on the background over that on the core, the mean of both classes."""
    weights = net.first.weight.detach().reshape(2, -1, CORE + BACKGROUND).mean(1)
    core, background = weights[:, :CORE].norm(dim=1), weights[:, CORE:].norm(dim=1)
    return float((background / core).mean())
