"""Losses over the labels of one example: the worst label distribution, with a penalty on its distance from uniform."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from shiftproof._errors import must

_GRID = 64


def label_kl(scores: Tensor, y: Tensor, *, temperature: float, margin: float = 0.0, even: bool = True) -> Tensor:
    """LDR-KL: the worst distribution over labels, at a price in Kullback-Leibler distance from the uniform one; shape (n,).

    = temperature ln mean_k exp((s_k - s_y + margin [k != y]) / temperature). At temperature 1 it is the cross-entropy less ln K, towards 0
    the margin loss max_k of Crammer & Singer, towards infinity the mean difference of scores.

    Args:
        scores: shape (n, K).
        y: labels, shape (n,).
        temperature: lambda, in (0, inf).
        margin: added to every other label's score, at least 0.
        even: whether the softplus of the scores over its mean takes their place first (`even_scores`), as in the authors' code; the
            formula and its limits are those of the scores that are put in.

    Reference: Zhu, Ying & Yang 2023 [zhu2023label], "Label distributionally robust losses for multi-class classification".
    """
    if not 0 < temperature < math.inf:
        raise must("temperature", "label_kl", "be in (0, inf)", temperature)
    scores = even_scores(scores, positive=True) if even else scores
    return _soft(_excess(scores, y, margin), torch.full_like(scores[:, 0], temperature))


def label_kl_adaptive(
    scores: Tensor, y: Tensor, *, temperature: float, pull: float, margin: float = 0.0, halvings: int = 40, even: bool = True
) -> Tensor:
    """ALDR-KL: `label_kl` with a temperature of its own for each example, max over l of label_kl at l - (pull / 2) (l - temperature)^2.

    At the best l it holds l = temperature - KL / pull, KL the distance of the example's worst labels from uniform: where the network is
    sure of a label the temperature falls, towards a margin loss; where it is not, as on a mislabelled example, it stays high, and the loss
    flat.

    Args:
        scores: shape (n, K).
        y: labels, shape (n,).
        temperature: lambda_0, in (0, inf), the temperature of examples whose labels are even.
        pull: how strongly temperatures stay there, above ln K / temperature, so that they stay above 0. The authors' code writes it as
            alpha ln K / lambda_0 with alpha > 1.
        margin: added to every other label's score.
        halvings: of the piece of 1/64 of the range in which the best temperature lies.
        even: whether the scores over their mean size take their place first (`even_scores`), as in the authors' code.

    Returns: shape (n,). The temperature found is a constant to the gradient, which is exact where it is the maximum (Danskin).

    The authors keep a temperature for each example and take one step l <- temperature - KL(l) / pull each time it is seen, which needs
    indices. The maximum is taken afresh here; where it is the one point of slope 0, those steps settle at it. With a margin they do not
    quite: their KL leaves the margin out.

    Reference: Zhu, Ying & Yang 2023, "Label distributionally robust losses for multi-class classification".
    """
    if not 0 < temperature < math.inf:
        raise must("temperature", "label_kl_adaptive", "be in (0, inf)", temperature)
    least = math.log(scores.shape[-1]) / temperature
    if not least < pull < math.inf:
        raise must("pull", "label_kl_adaptive", f"be above ln K / temperature = {least:.4g}", pull, "Else a temperature may fall below 0.")
    excess = _excess(even_scores(scores) if even else scores, y, margin)
    with torch.no_grad():
        found = _best(excess, temperature, pull, halvings)
    return _soft(excess, found) - pull / 2 * (found - temperature) ** 2


def even_scores(scores: Tensor, *, positive: bool = False) -> Tensor:
    """Scores over the mean of their sizes, shape (n, K), as the authors of LDR-KL and ALDR-KL put them in.

    Args:
        scores: shape (n, K).
        positive: whether the softplus of the scores is taken first, as their LDR-KL does.
    """
    given = torch.nn.functional.softplus(scores) if positive else scores
    return given / given.abs().mean(1, keepdim=True).clamp_min(torch.finfo(given.dtype).tiny)


def _best(excess: Tensor, temperature: float, pull: float, halvings: int) -> Tensor:
    """The temperature of each example that makes its loss largest: the best of a grid, then halvings beside it."""
    least = temperature - math.log(excess.shape[1]) / pull  # at the best one KL / pull is what is missing, and KL is at most ln K
    steps = torch.linspace(least, temperature, _GRID + 1, dtype=excess.dtype, device=excess.device)
    values = torch.stack([_soft(excess, step.expand(len(excess))) - pull / 2 * (step - temperature) ** 2 for step in steps])
    best = values.argmax(0)
    low, high = steps[(best - 1).clamp_min(0)], steps[(best + 1).clamp_max(_GRID)]
    for _ in range(halvings):
        middle = (low + high) / 2
        log = torch.log_softmax(excess / middle[:, None], 1)
        distance = (log.exp() * log).sum(1) + math.log(excess.shape[1])
        rises = pull * (temperature - middle) > distance
        low, high = torch.where(rises, middle, low), torch.where(rises, high, middle)
    return (low + high) / 2


def _excess(scores: Tensor, y: Tensor, margin: float) -> Tensor:
    """s_k - s_y + margin [k != y], shape (n, K)."""
    if scores.ndim != 2 or y.shape != scores.shape[:1]:
        raise must("scores", "label_kl", "have shape (n, K) with n labels", (tuple(scores.shape), tuple(y.shape)))
    others = torch.ones_like(scores).scatter(1, y[:, None], 0.0)
    return scores - scores.gather(1, y[:, None]) + margin * others


def _soft(excess: Tensor, temperature: Tensor) -> Tensor:
    """Temperature times the soft maximum of the excess over labels, shape (n,)."""
    return temperature * (torch.logsumexp(excess / temperature[:, None], 1) - math.log(excess.shape[1]))
