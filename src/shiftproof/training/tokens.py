"""Language models: train on the tokens that are hardest, not on the average one."""

from __future__ import annotations

import torch
from torch import Tensor

from shiftproof._errors import must
from shiftproof.risks.cvar import CVaR
from shiftproof.training.losses import risk_loss


def token_cvar(losses: Tensor, *, mask: Tensor, alpha: float) -> Tensor:
    """The mean loss of the hardest share `alpha` of a batch's tokens.

    Args:
        losses: one a token, shape (n, length), not averaged.
        mask: which tokens count (no padding, no prompt), shape (n, length).
        alpha: the share kept, in (0, 1].

    Returns: a scalar; only the tokens kept have a gradient. The number is that of this batch, biased low as `risk_loss` says.

    Reference: "ESLM: risk-averse selective language modeling" (Bal et al. 2025): tokens above the batch's value at risk are kept.
    """
    if losses.shape != mask.shape:
        raise must("mask", "token_cvar", f"have the shape of the losses {tuple(losses.shape)}", tuple(mask.shape))
    kept = losses[mask.to(torch.bool)]
    if not len(kept):
        raise must("mask", "token_cvar", "keep at least one token", "none")
    return risk_loss(CVaR(alpha), kept)
