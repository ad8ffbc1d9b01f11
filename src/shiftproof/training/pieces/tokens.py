"""Losses of language models on the hardest tokens."""

from __future__ import annotations

import torch
from torch import Tensor

from shiftproof._errors import must
from shiftproof.risks.cvar import CVaR
from shiftproof.training.pieces.risk_losses import risk_loss


def token_cvar(losses: Tensor, *, mask: Tensor, alpha: float, scores: Tensor | None = None) -> Tensor:
    """The mean loss of the hardest share `alpha` of a batch's tokens: above their value at risk.

    Args:
        losses: one a token, shape (n, length), not averaged.
        mask: which tokens count (no padding, no prompt), shape (n, length).
        alpha: the share kept, in (0, 1]; the paper's alpha is 1 less this.
        scores: how hard each token is, shape (n, length), where that is not its loss: the entropy of the prediction (`token_entropy`).

    Returns: a scalar; only the tokens kept have a gradient. The number is that of this batch, biased low as `risk_loss` says.

    Guarantees:
        Without scores it is the batch's CVaR exactly: the token at the edge counts in part, and equal ones share. The paper keeps all
        tokens at or above the threshold and takes their plain mean, which is the same where alpha times the number of tokens is whole and
        no token ties with the one at the edge.

    Reference: Bal, Cevher & Muehlebach 2025 [bal2025eslm], "ESLM: risk-averse selective language modeling for efficient pretraining".
    """
    if losses.shape != mask.shape:
        raise must("mask", "token_cvar", f"have the shape of the losses {tuple(losses.shape)}", tuple(mask.shape))
    if scores is not None and scores.shape != losses.shape:
        raise must("scores", "token_cvar", f"have the shape of the losses {tuple(losses.shape)}", tuple(scores.shape))
    counts = mask.to(torch.bool)
    kept = losses[counts]
    if not len(kept):
        raise must("mask", "token_cvar", "keep at least one token", "none")
    if scores is None:
        return risk_loss(CVaR(alpha), kept)
    weights = CVaR(alpha).reweigh(scores.detach()[counts].double().cpu().numpy()).weights
    return (torch.as_tensor(weights, dtype=kept.dtype, device=kept.device) * kept).sum()


def token_entropy(logits: Tensor) -> Tensor:
    """The entropy of the prediction of each token, shape (n, length), from logits of shape (n, length, words); without a gradient.

    >>> token_entropy(torch.zeros(1, 1, 4)).item() == torch.tensor(4.0).log().item()
    True
    """
    log = torch.log_softmax(logits.detach(), -1)
    return -(log.exp() * log).sum(-1)
