"""How likely a decision is to stay under input noise, by propagating the noise through the network instead of drawing it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from shiftproof._errors import must, unknown
from shiftproof.models.abstract import Gradients
from shiftproof.models.query_count import count_asked

NoiseName = Literal["gaussian", "cauchy"]
_TINY = 1e-30


@dataclass(frozen=True, eq=False)
class Stability:
    """What propagated noise says of n decisions.

    Args:
        stay: estimated probability that the decision stays ahead of its closest rival, shape (n,).
        rival: that class, shape (n,).
        spread: standard deviation (Cauchy: scale) of the difference between the two scores, shape (n,).
    """

    stay: Tensor
    rival: Tensor
    spread: Tensor


def noise_stability(model: Gradients, x: Tensor, *, sigma: float, noise: NoiseName = "gaussian") -> Stability:
    """P(z_a + N_a > z_b + N_b) with N = J n, for input noise n, the scores' Jacobian J at x, the decision a and the rival b.

    A linear layer maps Gaussian (Cauchy) noise to such noise exactly; a ReLU is replaced by its slope at the mean, which of all stable laws
    is the nearest in total variation. Both together are the rows of J: no layer's covariance is made, and any differentiable model will do.

    Args:
        model: its scores can be differentiated.
        x: inputs, shape (n, ...).
        sigma: standard deviation (Cauchy: scale) of the noise on every input number, in input units, above 0. The noise may leave the box.
        noise: gaussian or cauchy.

    Guarantees: exact for a linear model and two classes. Else an estimate, never a certificate: it sees the slope at x alone, and errs
    where noise crosses many kinks.
    Cost: one forward and as many backwards as there are classes.

    Example:
        >>> import shiftproof as sp
        >>> net = torch.nn.Linear(2, 2, bias=False)
        >>> _ = net.weight.data.copy_(torch.tensor([[1.0, 0.0], [0.0, 0.0]]))
        >>> noise_stability(sp.as_model(net), torch.tensor([[0.5, 0.5]]), sigma=0.5).stay.round(decimals=4)
        tensor([0.8413], dtype=torch.float64)

    Reference: Petersen et al. 2024 [petersen2024uncertainty], "Uncertainty quantification via stable distribution propagation".
    """
    if not sigma > 0:
        raise must("sigma", "noise_stability", "be above 0", sigma)
    if noise not in get_args(NoiseName):
        raise unknown("noise", noise, get_args(NoiseName))
    count_asked(len(x))
    points = x.detach().to(model.device).clone().requires_grad_(True)
    with torch.enable_grad():
        scores = model.scores(points)
        rows = [torch.autograd.grad(scores[:, k].sum(), points, retain_graph=True)[0].flatten(1) for k in range(scores.shape[1])]
    slope = torch.stack(rows, 1).double()  # (n, classes, numbers)
    z = scores.detach().double()
    top = z.argmax(1, keepdim=True)
    between = slope.gather(1, top[:, :, None].expand(-1, 1, slope.shape[2])) - slope
    spread = sigma * torch.linalg.vector_norm(between, ord=2 if noise == "gaussian" else 1, dim=2)
    ratio = (z.gather(1, top) - z) / spread.clamp_min(_TINY)
    stay = torch.special.ndtr(ratio) if noise == "gaussian" else 0.5 + torch.atan(ratio) / torch.pi
    stay = stay.scatter(1, top, torch.inf)
    least, rival = stay.min(1)
    return Stability(least, rival, spread.gather(1, rival[:, None])[:, 0])
