"""CROWN: linear bounds from the scores back to the inputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from shiftproof.certificates.bounds.backward import lower_bounds
from shiftproof.certificates.bounds.certificate import Bounding
from shiftproof.certificates.bounds.network import Network
from shiftproof.certificates.bounds.propagate import intervals
from shiftproof.certificates.bounds.region import Region


@dataclass(frozen=True)
class Crown(Bounding):
    """f_c(x) - f_j(x) >= a x + b on all moves: every curve is put between two lines, from the scores back to the inputs.

    The intervals that the lines hang on come from the same passes, met with interval arithmetic. A ReLU whose sign is open has the upper
    line through its ends and the lower line 0 or x, whichever leaves less area. The least of a x is exact over the box (`linf`), and for
    `l2` and `l1` over ball and box together, by duality.

    Args:
        radius: "asked" proves at the shift's strength or not; "largest" finds by bisection how far the proof reaches.

    Guarantees:
        As `interval_bounds`, and never looser. Nothing is random.
    Cost: for each layer one backward pass, in float64, for twice the units whose sign is open, all examples and classes together.

    Example:
        >>> import shiftproof as sp
        >>> from shiftproof.randomness import Rng
        >>> module = torch.nn.Linear(2, 2, bias=False)
        >>> _ = module.weight.data.copy_(torch.eye(2))
        >>> x = torch.tensor([[0.9, 0.5]])
        >>> proof = Crown(radius="largest").certify(sp.as_model(module, name="two"), sp.L2(0.1), x, Rng.for_ids(0, ["a"]))
        >>> round(float(proof.radius[0]), 3)  # 0.4 / sqrt(2)
        0.283

    Reference: Zhang et al. 2018, "Efficient neural network robustness certification with general activation functions".
    """

    name: ClassVar[str] = "crown"
    aliases: ClassVar[tuple[str, ...]] = ("linear_relaxation",)
    references: ClassVar[tuple[str, ...]] = (
        """@inproceedings{zhang2018efficient,
  title = {Efficient Neural Network Robustness Certification with General Activation Functions},
  author = {Zhang, Huan and Weng, Tsui-Wei and Chen, Pin-Yu and Hsieh, Cho-Jui and Daniel, Luca},
  booktitle = {Advances in Neural Information Processing Systems},
  year = {2018}
}""",
    )

    def least_margins(self, network: Network, region: Region, c: Tensor) -> Tensor:
        with torch.no_grad():
            boxes = intervals(network, region)
            whole = lower_bounds(network, region, boxes, c).least
            return torch.maximum(whole, lower_bounds(network, region, boxes, c, back_to_curves=True).least)
