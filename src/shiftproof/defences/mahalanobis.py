"""Detection by the distance from the classes in feature space."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from shiftproof._errors import UsageError, must
from shiftproof.data.examples import Examples
from shiftproof.defences.context import DefenceContext, FittedTensors
from shiftproof.defences.detection import Detection
from shiftproof.models.torch_module import TorchModule

_RIDGE = 1e-3
"""Added to the covariance, as a share of its mean variance: features may be fewer dimensions than they are numbers."""


@dataclass(frozen=True)
class Mahalanobis(Detection):
    """Abstains far from every class: the least of (f - m_c)' S^-1 (f - m_c) over the classes c, their means m and common covariance S.

    Means and covariance are those of the decisions that the model makes on half of the held-out examples, whose labels are not asked.

    Args:
        of: "logits", or "features", the input of the last linear layer of a torch module.
        rate: share of clean inputs that may raise an alarm, in (0, 1).

    Guarantees:
        False alarms at most at `rate` on inputs like the held-out ones; of detection none.
    Differentiable: yes. Cost: one pass for an answer, two with features, and one product with a matrix.

    Reference: Lee et al. 2018, "A simple unified framework for detecting out-of-distribution samples and adversarial attacks": one
    layer of it.
    """

    name: ClassVar[str] = "mahalanobis"
    references: ClassVar[tuple[str, ...]] = ("lee2018simple",)

    of: str = "logits"

    def check(self) -> None:
        super().check()
        if self.of not in ("logits", "features"):
            raise must("of", self.name, "be logits or features", self.of)

    @property
    def passes(self) -> int:
        return 1 if self.of == "logits" else 2

    def learn(self, behind: DefenceContext, examples: Examples) -> FittedTensors:
        x = examples.x.to(behind.models[0].device)
        with torch.no_grad():
            scores = behind.scores(x)
            found = self._found(behind, x, scores).double()
        decided = scores.argmax(1)
        classes = torch.unique(decided)
        means = torch.stack([found[decided == c].mean(0) for c in classes])
        off = found - means[torch.searchsorted(classes, decided)]
        spread = off.T @ off / max(1, len(found) - len(classes))
        ridge = (_RIDGE * spread.diagonal().mean()).clamp_min(1e-12) * torch.eye(len(spread)).to(spread)
        root = torch.linalg.cholesky(torch.linalg.inv(spread + ridge))
        return {"means": means.float(), "root": root.float()}

    def suspicion(self, behind: DefenceContext, x: Tensor, scores: Tensor) -> Tensor:
        root = behind.fitted["root"].to(scores)
        off = self._found(behind, x, scores)[:, None] @ root - (behind.fitted["means"].to(scores) @ root)[None]
        return off.square().sum(2).amin(1)

    def _found(self, behind: DefenceContext, x: Tensor, scores: Tensor) -> Tensor:
        return scores if self.of == "logits" else _features(behind, x, self.name)


def _features(behind: DefenceContext, x: Tensor, owner: str) -> Tensor:
    """What goes into the last linear layer, shape (n, features)."""
    model = behind.models[0]
    layers = [part for part in model.module.modules() if isinstance(part, nn.Linear)] if isinstance(model, TorchModule) else []
    if not layers:
        raise UsageError(f"The defence {owner} needs the features of a linear layer, and the model '{model.name}' has none. Set of=logits.")
    seen: list[Tensor] = []
    hook = layers[-1].register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    try:
        behind.scores(x)
    finally:
        hook.remove()
    return seen[-1][: len(x)].flatten(1)
