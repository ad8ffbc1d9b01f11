"""Losses of language models on the hardest tokens."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

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
        tokens at or above the threshold (`at_risk`) and takes their plain mean: where alpha times the number of tokens is whole, one
        token more.

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


def at_risk(scores: Tensor, *, alpha: float) -> Tensor:
    """Which tokens score at least the batch's value at risk, true or false, of the shape of the scores.

    The value at risk is the least t with (1 / M) #{j: score_j <= t} >= 1 - alpha, over all M tokens; at alpha = 1 every token counts.

    Args:
        scores: how hard each token is, any shape, finite.
        alpha: the share kept, in (0, 1]; the paper's alpha is 1 less this.

    Guarantees: at least alpha M tokens are kept; of scores without ties the hardest M - ceil((1 - alpha) M) + 1, at alpha = 1 all M.

    Example:
        >>> at_risk(torch.tensor([0.1, 3.0, 0.2, 2.0]), alpha=0.5).tolist()  # half of them lie at or below 0.2
        [False, True, True, True]

    Reference: Bal, Cevher & Muehlebach 2025 [bal2025eslm].
    """
    if not 0 < alpha <= 1:
        raise must("alpha", "at_risk", "be in (0, 1]", alpha)
    flat = scores.detach().flatten()
    place = math.ceil((1 - alpha) * len(flat) - 1e-9)  # a product that is whole but for rounding is whole
    if place < 1:
        return torch.ones_like(scores, dtype=torch.bool)
    kept: Tensor = scores.detach() >= flat.kthvalue(place).values
    return kept


def next_tokens(x: Tensor, y: Tensor, scores: Tensor, *, owner: str) -> Tensor:
    """What each place of a window should predict, shape (n, length): the token after it, and `y` at the last.

    Args:
        x: windows of token numbers, shape (n, length), of any type of number.
        y: the token after each window, shape (n,).
        scores: of every place, shape (n, length, words); or of shape (n, words), for which `y` is all there is to predict.
        owner: named where shapes do not fit.
    """
    if scores.dim() == 2:
        return y
    if scores.dim() != 3 or scores.shape[:-1] != x.shape:
        wanted = "(n, words), or (n, length, words) for windows of shape (n, length)"
        raise must("scores", owner, f"have shape {wanted}", (tuple(scores.shape), tuple(x.shape)))
    return torch.cat([x[:, 1:].long(), y[:, None]], dim=1)


def token_losses(scores: Tensor, targets: Tensor) -> Tensor:
    """The cross-entropy of each token in nats, of the shape of the targets, from scores with one dimension more: the words.

    >>> token_losses(torch.zeros(2, 3, 4), torch.zeros(2, 3, dtype=torch.long)).shape
    torch.Size([2, 3])
    """
    return F.cross_entropy(scores.flatten(0, -2), targets.flatten(), reduction="none").view(targets.shape)
