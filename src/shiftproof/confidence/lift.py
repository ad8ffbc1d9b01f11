"""Information lift: how much surer a model is than one that has not seen the input, and a bound on the risk of acting on it."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.special import log_softmax, rel_entr

from shiftproof._errors import must
from shiftproof.confidence.checked import Floats, checked_scores, checked_share
from shiftproof.confidence.recalibrate import checked_logits

CLIP = 6.0
"""Nats: the lift is cut to this on both sides."""


def information_lift(scores: npt.ArrayLike, skeleton: npt.ArrayLike, *, clip: float = CLIP) -> Floats:
    """The lift log p(y | x) - log S(y) of the answer y, cut to [-clip, clip], shape (n,): larger is surer.

    Args:
        scores: of a model, shape (n, classes).
        skeleton: probabilities of a model that has not seen the input, shape (classes,) such as class frequencies, or (n, classes), such as
            the model's own on masked inputs; above 0.
        clip: above 0.

    Guarantees: none by itself. `certified_threshold` takes it once it is mapped to [0, 1] by any rising map, such as a logistic one.

    >>> information_lift([[2.0, 0.0], [0.0, 2.0]], [0.9, 0.1]).round(3).tolist()
    [-0.022, 2.176]

    With even class frequencies it orders answers as their confidence does.

    Reference: Akter, Shihab & Sharma 2025 [akter2025selective], "Selective risk certification for LLM outputs via information-lift
    statistics".
    """
    z = checked_logits(scores, "information_lift")
    if not clip > 0:
        raise must("clip", "information_lift", "be above 0", clip)
    s = np.asarray(skeleton, dtype=np.float64)
    if s.shape not in ((z.shape[1],), z.shape) or not bool(((s > 0) & (s <= 1)).all()):
        raise must("skeleton", "information_lift", f"be probabilities above 0 of shape {(z.shape[1],)} or {z.shape}", s.shape)
    rows, said = np.arange(len(z)), z.argmax(1)
    prior = s[said] if s.ndim == 1 else s[rows, said]
    return np.asarray(np.clip(log_softmax(z, axis=1)[rows, said] - np.log(prior), -clip, clip))


def sub_gamma_bound(
    risks: npt.ArrayLike,
    posterior: npt.ArrayLike,
    prior: npt.ArrayLike,
    *,
    n: int,
    variance: float,
    scale: float,
    delta: float = 0.05,
    rate: float | None = None,
) -> float:
    """A PAC-Bayes bound on the mean risk under a posterior over finitely many hypotheses, for sub-gamma losses.

    E_Q R <= E_Q R^ + (KL(Q || P) + ln(1 / delta)) / (rate n) + rate variance / (2 (1 - rate scale)).

    Args:
        risks: mean losses of the hypotheses on the sample, shape (h,).
        posterior: weights of the hypotheses, chosen after the sample, shape (h,), summing to 1.
        prior: weights chosen before it, shape (h,), summing to 1.
        n: examples, at least 1.
        variance: of the loss, at most; beforehand.
        scale: c of the sub-gamma tail, at least 0; beforehand. For losses in [0, 1], variance 1/4 and scale 1/3 do.
        delta: the bound is false with at most this probability.
        rate: above 0 and below 1 / scale; beforehand. By default the best one for KL = 0.

    Guarantees: holds for all posteriors at once, if losses of each hypothesis are independent and R - loss is sub-gamma with these
    constants.
    A value of 1 or more says nothing about losses in [0, 1] (vacuous).

    Reference: Alquier 2024 [alquier2024user], "User-friendly introduction to PAC-Bayes bounds"; Boucheron, Lugosi & Massart 2013
    [boucheron2013concentration], "Concentration inequalities", chapter 2, for sub-gamma tails.
    """
    r = checked_scores(risks, "sub_gamma_bound", name="risks")
    q, p = (_law(each, len(r), name) for each, name in ((posterior, "posterior"), (prior, "prior")))
    checked_share(delta, "delta", "sub_gamma_bound")
    for name, value, good in (("n", n, n >= 1), ("variance", variance, variance > 0), ("scale", scale, scale >= 0)):
        if not good:
            raise must(name, "sub_gamma_bound", "be above 0" if name != "scale" else "be at least 0", value)
    log = math.log(1 / delta)
    best = math.sqrt(2 * log / (n * variance))
    chosen = best / (1 + scale * best) if rate is None else rate
    if chosen <= 0 or chosen * scale >= 1:
        raise must("rate", "sub_gamma_bound", "be above 0 and below 1 / scale", chosen)
    divergence = float(rel_entr(q, p).sum())
    return float(q @ r) + (divergence + log) / (chosen * n) + chosen * variance / (2 * (1 - chosen * scale))


def _law(values: npt.ArrayLike, size: int, name: str) -> Floats:
    w = np.asarray(values, dtype=np.float64)
    if w.shape != (size,) or not bool((w >= 0).all()) or abs(float(w.sum()) - 1) > 1e-9:
        raise must(name, "sub_gamma_bound", f"be {size} weights of at least 0 that sum to 1", w.tolist())
    return w
