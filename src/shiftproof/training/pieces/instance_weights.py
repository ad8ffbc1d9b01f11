"""Weights of single examples from their (adversarial) losses, by the soft worst case over them, learnt over mini-batches."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from shiftproof._errors import must


class InstanceWeights(nn.Module):
    """penalty ln E exp(l / penalty), the worst reweighting at a price in Kullback-Leibler distance, with a memory for the mean inside.

    An example weighs exp(l / penalty) / u, where u follows the mean of exp(l / penalty) over batches: u <- (1 - average) u + average mean.
    A batch of easy examples so has a small weight as a whole, which the plug-in (`risk_loss(KLPenalised(penalty), losses)`, average = 1)
    cannot give it: there each batch's weights have the mean 1.

    Args:
        penalty: r, in (0, inf), in units of the loss: a large one gives equal weights, a small one the worst example.
        average: the share of each batch in u, in (0, 1]; 1 has no memory.
        most: weights above this are cut, in (0, inf]: while u is young a hard batch may weigh many times what it should.

    Give it losses at inputs that an attack moved, and it is the doubly robust adversarial training of Sow et al.: robust to the moves and
    to the mix. Their method also differentiates through the attack (implicit differentiation of an inner problem with a log barrier), for
    attacks that do not maximise the loss trained on; where the attack does maximise it, that term is 0 at a maximum (Danskin), and it is
    left out here.

    Guarantees:
        At average = 1 value and gradient are exactly those of the batch's soft maximum. Else the gradient is biased for that of the whole
        sample, and the bias vanishes as u settles: with steps that go to 0 the method converges (Qi et al. 2021 [qi2021online]). u is kept
        as a logarithm, so that losses of any size neither overflow nor vanish. It is a buffer: it is saved and resumed with the module.
    Cost: nothing beside the losses.

    >>> weights = InstanceWeights(1.0, average=1.0)
    >>> losses = torch.tensor([0.0, 1.0], requires_grad=True)
    >>> value = weights(losses)
    >>> value.backward()
    >>> round(value.item(), 4), [round(w, 3) for w in losses.grad.tolist()]  # ln((1 + e) / 2), and the softmax
    (0.6201, [0.269, 0.731])

    Reference: Sow, Lin, Wang & Liang 2024 [sow2024doubly], "Doubly robust instance-reweighted adversarial training"; the moving average: Qi
    et al. 2021, "An online method for a class of distributionally robust optimization with non-convex objectives".
    """

    log_mean: Tensor

    def __init__(self, penalty: float, *, average: float = 0.1, most: float = math.inf) -> None:
        super().__init__()
        if not 0 < penalty < math.inf:
            raise must("penalty", "InstanceWeights", "be in (0, inf)", penalty, "In units of the loss; a large one gives equal weights.")
        if not 0 < average <= 1:
            raise must("average", "InstanceWeights", "be in (0, 1]", average, "1 has no memory.")
        if not most > 0:
            raise must("most", "InstanceWeights", "be above 0", most)
        self.penalty = penalty
        self.average = average
        self.most = most
        self.register_buffer("log_mean", torch.tensor(math.nan, dtype=torch.float64))

    def weights(self, losses: Tensor) -> Tensor:
        """The weights of losses of shape (n,) as of now, without a gradient and without learning from them; mean 1 at average = 1."""
        return self._weights(losses, self._next(losses))

    def forward(self, losses: Tensor) -> Tensor:
        """The loss to train on, from losses of shape (n,); in training, u learns from them.

        Its value is penalty ln u, and its gradient by the losses their weights over n.
        """
        after = self._next(losses)
        weights = self._weights(losses, after)
        if self.training:
            self.log_mean = after.to(self.log_mean.device)
        rise = (weights * (losses - losses.detach())).mean()  # 0, with the weights as its gradient
        return rise + (self.penalty * after).to(losses)

    def _next(self, losses: Tensor) -> Tensor:
        """Ln u after these losses; the first batch sets it."""
        if losses.ndim != 1 or not len(losses):
            raise must("losses", "InstanceWeights", "have shape (n,), one an example", tuple(losses.shape), 'Use reduction="none".')
        if not bool(torch.isfinite(losses.detach()).all()):
            raise must("losses", "InstanceWeights", "be finite", "NaN or infinite ones", "Lower the step size, or clip.")
        own = torch.logsumexp(losses.detach().double() / self.penalty, 0) - math.log(len(losses))
        before = self.log_mean.to(own.device)
        if self.average == 1 or bool(torch.isnan(before)):
            return own
        return torch.logaddexp(before + math.log1p(-self.average), own + math.log(self.average))

    def _weights(self, losses: Tensor, log_mean: Tensor) -> Tensor:
        return (losses.detach().double() / self.penalty - log_mean).exp().clamp_max(self.most).to(losses)
