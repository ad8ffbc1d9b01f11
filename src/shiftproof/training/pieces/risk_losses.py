"""Every risk as a training loss on per-example losses, and what a mini-batch does to it.

The mean of a risk over mini-batches is not the risk of the whole: a batch has fewer bad examples to put the weight on, so on average the
number is too low (it is a supremum, and in its dual form an infimum over numbers that the batch fits to itself). Of its estimators:

- `risk_loss`, `group_mixture_loss`, `sinkhorn_loss`, `mmd_loss`: the plug-in, biased.
- `MultilevelRisk`: debiased down to the bias of the largest batch, at the price of variance.
- `DualRisk`: the dual variable is a parameter, the objective a plain mean, so there is no bias at all; for three risks.
- `instance_weights.InstanceWeights`: the price on Kullback-Leibler distance with a moving average; biased, and less so as it settles.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from shiftproof._errors import UsageError, must
from shiftproof.risks.chi_square import ChiSquarePenalised
from shiftproof.risks.cvar import CVaR
from shiftproof.risks.grouped import GroupedRisk
from shiftproof.risks.holistic import Holistic
from shiftproof.risks.kl import KLPenalised
from shiftproof.risks.mmd import mmd
from shiftproof.risks.sinkhorn import sinkhorn
from shiftproof.risks.wasserstein import Wasserstein
from shiftproof.risks.worst_weights import Reweighted
from shiftproof.risks.worst_weights import group_mixture as _mixture

Groups = Tensor | Sequence[str] | npt.NDArray[np.str_] | npt.NDArray[np.int64]


class Reweighs(Protocol):
    """A risk that has weights: mean, cvar, chi_square, kl, total_variation, extremile, exponential_spectral, and those with a penalty."""

    def reweigh(self, values: npt.ArrayLike, base: npt.ArrayLike | None = None) -> Reweighted:
        """The worst value and the weights that attain it."""
        ...


def risk_loss(risk: Reweighs | GroupedRisk, losses: Tensor, *, base: Tensor | None = None, groups: Groups | None = None) -> Tensor:
    """The risk of a batch of losses, with the worst weights as its gradient: the plug-in estimator, which is biased low.

    Args:
        risk: any but `wasserstein`, which moves values. `holistic` takes the batch's largest loss for the worst that there could be.
        losses: one an example, not averaged (reduction="none"), shape (n,), any finite numbers; for `sinkhorn` one a draw.
        base: reference weights, shape (n,), >= 0; equal ones by default. Risks over groups have none.
        groups: each example's group, names or numbers, shape (n,), which risks over groups need: worst_group, group_mixture,
            conditional_cvar, mmd; and sinkhorn, as whose draw each loss is.

    Returns:
        A scalar. Its value is exact, and so is its gradient wherever it has one (Danskin).

    Cost: O(n log n) on the CPU, in float64; one copy from the device.

    >>> losses = torch.tensor([0.1, 0.2, 0.9], requires_grad=True)
    >>> value = risk_loss(CVaR(0.5), losses)
    >>> value.backward()
    >>> round(value.item(), 4), [round(w, 3) for w in losses.grad.tolist()]
    (0.6667, [0.0, 0.333, 0.667])
    """
    if isinstance(risk, Wasserstein):
        raise UsageError(
            f"The risk {risk.name} moves values up to 1, and losses have no such bound, so it cannot be a training loss. Use "
            "wasserstein_linear "
            "for linear models, wasserstein_loss for others, or a ball of weights such as chi_square."
        )
    _per_example(losses, "risk_loss")
    if isinstance(risk, GroupedRisk):
        if base is not None:
            raise UsageError(f"The risk {risk.name} weighs groups by how often they occur, so it takes no 'base'. Leave it out.")
        named = groups.cpu().numpy() if isinstance(groups, Tensor) else groups
        return _with_gradient(risk.weigh(_numbers(losses), named), losses)
    weights = None if base is None else _numbers(base)
    found = _holistic(risk, _numbers(losses), weights) if isinstance(risk, Holistic) else risk.reweigh(_numbers(losses), weights)
    return _with_gradient(found, losses)


def _holistic(risk: Holistic, losses: npt.NDArray[np.float64], base: npt.NDArray[np.float64] | None) -> Reweighted:
    """The risk of losses moved so that the largest is at 1, where tampered examples lie; what leaves the sample is put on the largest."""
    weights = risk.reweigh(losses - losses.max() + 1, base).weights.copy()
    weights[losses.argmax()] += 1 - weights.sum()
    return Reweighted(float(weights @ losses), weights)


def group_mixture_loss(losses: Tensor, *, members: Tensor, floors: Tensor | float = 0.0) -> Tensor:
    """The worst mixture of groups in the batch, each with its floor; groups may overlap.

    Args:
        losses: shape (n,).
        members: shape (groups, n), how much each example belongs to each group. Groups without examples in the batch take no part.
        floors: the least share of each group, shape (groups,) or one number, sum at most 1.

    Over mini-batches that miss groups prefer `GroupDROLoss`, which remembers.
    """
    _per_example(losses, "group_mixture_loss")
    least = _numbers(floors) if isinstance(floors, Tensor) else floors
    return _with_gradient(_mixture(_numbers(losses), members=_numbers(members), floors=least), losses)


def sinkhorn_loss(losses: Tensor, *, radius: float, epsilon: float) -> Tensor:
    """`risks.sinkhorn` of the losses at m draws around each of n examples, shape (n, m), as a scalar to train on."""
    found = sinkhorn(_numbers(losses), radius=radius, epsilon=epsilon)
    return _with_gradient(Reweighted(found.value, found.weights.ravel()), losses.reshape(-1))


def mmd_loss(losses: Tensor, *, kernel: Tensor, radius: float) -> Tensor:
    """`risks.mmd` of losses of shape (n,) in the kernel ball around the batch, K of shape (n, n), as a scalar to train on."""
    _per_example(losses, "mmd_loss")
    found = mmd(_numbers(losses), kernel=_numbers(kernel), radius=radius)
    return _with_gradient(Reweighted(found.value, found.weights), losses)


def wasserstein_loss(
    loss: Callable[[Tensor], Tensor], x: Tensor, *, penalty: float, steps: int = 15, step_size: float | None = None
) -> Tensor:
    """The dual of an order-2 transport ball: mean of max over z of loss(z) - penalty |z - x|^2, one maximum an example, by gradient ascent.

    Args:
        loss: inputs (n, ...) to losses (n,), which the labels are part of.
        x: inputs, shape (n, ...).
        penalty: gamma, in (0, inf): for a loss with L-Lipschitz gradients, from L / 2 on the inner problem is concave and ascent finds it.
        steps: of the ascent, at least 1.
        step_size: by default 1 / (2 penalty), at which one step solves a linear loss exactly.

    Returns:
        The scalar to train on: the loss at the points found, less what they cost. At any points it is at most the dual's value (a lower
        estimate), and adding penalty * radius^2 bounds the risk of a ball only where the ascent found the maxima.

    Cost: `steps` forwards and backwards, and one more of each to train.

    Reference: Sinha, Namkoong & Duchi 2018 [sinha2018certifying], "Certifying some distributional robustness with principled adversarial
    training".
    """
    if not 0 < penalty < math.inf:
        raise must("penalty", "wasserstein_loss", "be in (0, inf)", penalty)
    if steps < 1:
        raise must("steps", "wasserstein_loss", "be at least 1", steps)
    size = 1 / (2 * penalty) if step_size is None else step_size
    moved = x.detach().clone()
    for _ in range(steps):
        moved.requires_grad_(True)
        gain = loss(moved).sum() - penalty * ((moved - x.detach()) ** 2).sum()
        (slope,) = torch.autograd.grad(gain, moved)
        moved = (moved + size * slope).detach()
    paid = penalty * ((moved - x.detach()) ** 2).flatten(1).sum(1)
    return (loss(moved) - paid).mean()


class MultilevelRisk(nn.Module):
    """The risk of large batches, estimated without bias from random pieces of them: the multilevel estimator.

    = R(first n0) + (R(n) - (R(first half) + R(second half)) / 2) / P(J), n = n0 2^J, J drawn with P(J = j) proportional to 2^-j. On average
    it is R of a batch of the largest n that fits into the losses given, whatever J comes out, while small J are drawn more often.

    Args:
        risk: which.
        smallest: n0, at least 1.
        seed: of the draws of J; draws are made one after another.

    Guarantees: its expectation over J is exactly the mean plug-in at n0 2^Jmax. What bias that batch size has is left. More variance than
    the plug-in of the same batch; use it where losses are computed lazily, or to see how large the bias is.

    Reference: Levy et al. 2020 [levy2020large], "Large-scale methods for distributionally robust optimization", section 4; Blanchet &
    Glynn 2015 [blanchet2015unbiased].
    """

    def __init__(self, risk: Reweighs, *, smallest: int = 8, seed: int = 0) -> None:
        super().__init__()
        if smallest < 1:
            raise must("smallest", "MultilevelRisk", "be at least 1", smallest)
        self.risk = risk
        self.smallest = smallest
        self._rng = np.random.default_rng(seed)

    def forward(self, losses: Tensor) -> Tensor:
        """The estimate from losses of shape (n,) in random order, n >= smallest; as many as the largest 2-fold of `smallest` are used."""
        _per_example(losses, "MultilevelRisk")
        if len(losses) < self.smallest:
            raise must("losses", "MultilevelRisk", f"be at least {self.smallest}", len(losses), "Lower smallest, or use larger batches.")
        levels = int(math.log2(len(losses) // self.smallest))
        start = risk_loss(self.risk, losses[: self.smallest])
        if levels == 0:
            return start
        chances = 0.5 ** np.arange(1, levels + 1)
        chances /= chances.sum()
        level = int(self._rng.choice(levels, p=chances))
        return start + self.correction(losses, level + 1) / float(chances[level])

    def correction(self, losses: Tensor, level: int) -> Tensor:
        """R(n) less the mean of R of its halves, n = smallest 2^level."""
        n = self.smallest * 2**level
        halves = risk_loss(self.risk, losses[: n // 2]) + risk_loss(self.risk, losses[n // 2 : n])
        return risk_loss(self.risk, losses[:n]) - halves / 2


class DualRisk(nn.Module):
    """A risk by its dual, with the threshold eta as a parameter: a mean over examples, so mini-batches have no bias.

    cvar: eta + mean max(0, l - eta) / alpha. chi_square_penalised: eta + mean max(0, l - eta)^2 / (2 penalty) + penalty / 2.
    kl_penalised: eta + penalty (mean exp((l - eta) / penalty) - 1). At every eta it is at least the risk, and at the best eta it is the
    risk.

    Args:
        risk: one of those three.
        start: eta at first, in units of the loss.

    Give `parameters()` to the optimiser beside the model's: eta is learnt with it, and needs a step size that suits the losses.

    Reference: Rockafellar & Uryasev 2000 [rockafellar2000optimization]; Levy et al. 2020, "Large-scale methods for distributionally
    robust optimization".
    """

    def __init__(self, risk: CVaR | ChiSquarePenalised | KLPenalised, *, start: float = 0.0) -> None:
        super().__init__()
        if not isinstance(risk, CVaR | ChiSquarePenalised | KLPenalised):
            raise must("risk", "DualRisk", "be cvar, chi_square_penalised or kl_penalised", risk, "Others have no dual that is a mean.")
        self.risk = risk
        self.eta = nn.Parameter(torch.tensor(float(start)))

    def forward(self, losses: Tensor) -> Tensor:
        """The objective of losses of shape (n,)."""
        _per_example(losses, "DualRisk")
        above = losses - self.eta
        if isinstance(self.risk, CVaR):
            return self.eta + above.clamp_min(0).mean() / self.risk.alpha
        if isinstance(self.risk, ChiSquarePenalised):
            return self.eta + (above.clamp_min(0) ** 2).mean() / (2 * self.risk.penalty) + self.risk.penalty / 2
        return self.eta + self.risk.penalty * ((above / self.risk.penalty).exp().mean() - 1)


def _with_gradient(found: Reweighted, losses: Tensor) -> Tensor:
    weights = torch.as_tensor(found.weights, dtype=losses.dtype, device=losses.device)
    rise = (weights * (losses - losses.detach())).sum()  # 0, with the weights as its gradient
    return rise + found.value


def _numbers(values: Tensor) -> npt.NDArray[np.float64]:
    return np.asarray(values.detach().cpu().numpy(), dtype=np.float64)


def _per_example(losses: Tensor, owner: str) -> None:
    if losses.ndim != 1 or not len(losses):
        raise must("losses", owner, "have shape (n,), one an example", tuple(losses.shape), 'Compute them with reduction="none".')
    if not bool(torch.isfinite(losses.detach()).all()):
        raise must("losses", owner, "be finite", "NaN or infinite ones", "Lower the step size, or clip.")
