"""Reward models that give a response and its paraphrase about the same reward: the loss, and a linear head in closed steps."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit
from torch import Tensor
from torch.nn.functional import softplus

from shiftproof._arrays import Floats
from shiftproof._errors import must

_ROUNDS = 100
_STILL = 1e-10


def steady_preference_loss(
    chosen: Tensor, rejected: Tensor, *, chosen_moved: Tensor, rejected_moved: Tensor, weight: float = 1.0
) -> Tensor:
    """The loss of Bradley and Terry, and how far rewards move: mean log(1 + exp(r(rejected) - r(chosen))) + weight * mean (r(y) - r(y'))^2.

    Args:
        chosen: rewards of the responses that people prefer, shape (n,).
        rejected: of the others, shape (n,).
        chosen_moved: of the first, written otherwise in a way that keeps what they are worth, shape (n,).
        rejected_moved: of the second, shape (n,).
        weight: of the second term, in [0, inf).

    Returns: a scalar. The second mean is over both responses.

    Guarantees:
        With weight 0 it is the loss of Bradley and Terry. Where the reward is steady under the moves, their term is 0.
    Cost: beside the loss of Bradley and Terry, the rewards of as many texts again.

    >>> import torch
    >>> rewards = torch.tensor([1.0, 2.0]), torch.tensor([0.0, 0.0])
    >>> moved = {"chosen_moved": torch.tensor([1.0, 1.0]), "rejected_moved": torch.zeros(2)}
    >>> round((steady_preference_loss(*rewards, **moved) - steady_preference_loss(*rewards, **moved, weight=0.0)).item(), 3)
    0.25

    Reference: the regularisation of Wu et al. 2025 [wu2025rewordbench], "reWordBench: Benchmarking and improving the robustness of reward
    models with transformed inputs".
    """
    for name, one in {"rejected": rejected, "chosen_moved": chosen_moved, "rejected_moved": rejected_moved}.items():
        if one.shape != chosen.shape or one.ndim != 1 or not len(one):
            raise must(name, "steady_preference_loss", f"have shape (n,), n >= 1, as the chosen {tuple(chosen.shape)}", tuple(one.shape))
    _check_weight(weight, "steady_preference_loss")
    moved = ((chosen - chosen_moved).square() + (rejected - rejected_moved).square()).mean() / 2
    return softplus(rejected - chosen).mean() + weight * moved


@dataclass(frozen=True, eq=False)
class RewardHead:
    """A linear reward of embeddings.

    Args:
        weights: shape (d,).
    """

    weights: Floats

    def __call__(self, embeddings: npt.ArrayLike) -> Floats:
        """Rewards of embeddings (n, d), shape (n,)."""
        found: Floats = np.asarray(embeddings, dtype=np.float64) @ self.weights
        return found


def fit_reward_head(
    chosen: npt.ArrayLike,
    rejected: npt.ArrayLike,
    *,
    moved: npt.ArrayLike | None = None,
    weight: float = 0.0,
    decay: float = 1e-3,
) -> RewardHead:
    """The linear head over embeddings with the least `steady_preference_loss`, plus decay * |weights|^2.

    Args:
        chosen: embeddings of the responses (with their prompts) that people prefer, finite, shape (n, d).
        rejected: of the others, shape (n, d).
        moved: of both written otherwise, chosen first, shape (2, n, d), or (k, 2, n, d) for k ways; None for none.
        weight: of how far rewards move, in [0, inf); above 0 it needs `moved`.
        decay: above 0: the minimum is then the only one.

    Guarantees:
        The loss is convex and Newton's steps are halved until it falls: the gradient at the end is below 1e-10 of that at the start.
        It has no intercept, as only differences of rewards count.
    Cost: some ten linear systems of d unknowns.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> good, bad = np.array([1.0, 0.6]), np.array([0.0, 0.0])  # the second number is a liking that a paraphrase moves
        >>> chosen, rejected = good + 0.5 * rng.normal(size=(40, 2)), bad + 0.5 * rng.normal(size=(40, 2))
        >>> moved = np.stack([chosen, rejected]) + [0.0, 1.0]
        >>> plain, steady = (fit_reward_head(chosen, rejected, moved=moved, weight=weight).weights for weight in (0.0, 100.0))
        >>> bool(abs(plain[1]) > 1), bool(abs(steady[1]) < 0.01)
        (True, True)

    Reference: Wu et al. 2025 [wu2025rewordbench], over embeddings that stay as they are.
    """
    won, lost = _checked(chosen, "chosen"), _checked(rejected, "rejected")
    if won.shape != lost.shape:
        raise must("rejected", "fit_reward_head", f"have the shape of the chosen {won.shape}", lost.shape)
    _check_weight(weight, "fit_reward_head")
    if not 0 < decay < math.inf:
        raise must("decay", "fit_reward_head", "be in (0, inf)", decay)
    if weight and moved is None:
        raise must("moved", "fit_reward_head", "be given where weight is above 0", None)
    gaps = won - lost
    steady = 2 * decay * np.eye(gaps.shape[1])
    if moved is not None and weight:
        ways = np.asarray(moved, dtype=np.float64).reshape(-1, 2, *won.shape) if np.ndim(moved) in (3, 4) else np.empty(0)
        if not ways.size or not np.isfinite(ways).all() or np.shape(moved)[-3:] != (2, *won.shape):
            raise must("moved", "fit_reward_head", f"be finite, of shape (2, {won.shape[0]}, {won.shape[1]})", np.shape(moved))
        far = (ways - np.stack([won, lost])).reshape(-1, won.shape[1])
        steady = steady + 2 * weight * far.T @ far / len(far)
    return RewardHead(_least(gaps, steady))


def _least(gaps: Floats, steady: Floats) -> Floats:
    """The w with the least mean log(1 + exp(-gaps @ w)) + w' steady w / 2."""

    def loss(w: Floats) -> float:
        return float(np.logaddexp(0.0, -gaps @ w).mean() + w @ steady @ w / 2)

    w = np.zeros(gaps.shape[1])
    start = None
    for _ in range(_ROUNDS):
        wrong = expit(-gaps @ w)
        slope = steady @ w - gaps.T @ wrong / len(gaps)
        start = float(np.abs(slope).max()) if start is None else start
        if np.abs(slope).max() <= _STILL * max(start, _STILL):
            break
        curved = (gaps * (wrong * (1 - wrong))[:, None]).T @ gaps / len(gaps) + steady
        step, before, size = np.linalg.solve(curved, slope), loss(w), 1.0
        while loss(w - size * step) > before and size > _STILL:
            size /= 2
        w = w - size * step
    return w


def _checked(values: npt.ArrayLike, name: str) -> Floats:
    found = np.asarray(values, dtype=np.float64)
    if found.ndim != 2 or not found.size or not np.isfinite(found).all():
        raise must(name, "fit_reward_head", "be finite, of shape (n, d), n >= 1", found.shape)
    return found


def _check_weight(weight: float, owner: str) -> None:
    if not 0 <= weight < math.inf:
        raise must("weight", owner, "be in [0, inf)", weight)
