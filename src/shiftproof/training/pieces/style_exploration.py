"""Style exploration: images in the worst mix of other images' styles, for training for unseen domains."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from shiftproof._errors import must

_TINY = 1e-5
ExploredFactor = Literal["style", "amplitude"]


def explore(
    loss: Callable[[Tensor], Tensor],
    x: Tensor,
    *,
    seed: int,
    factor: ExploredFactor = "style",
    styles: int = 4,
    steps: int = 5,
    step_size: float = 0.05,
    strength: float = 1.0,
    partners: npt.NDArray[np.int64] | None = None,
) -> Tensor:
    """Inputs with their meaning kept and their style moved to where the loss is large: a mix of their own style and those of others.

    "style" is the mean and standard deviation of each channel, and what is left, (x - mean) / std, is taken for the meaning; "amplitude" is
    the modulus of the Fourier transform, and the phase is taken for the meaning. An input's style becomes sum_k a_k style_k / sum_k a_k
    over its own and styles - 1 others of the batch, with a in [0, 1] from equal ones by `steps` steps of `step_size` along the sign of
    the gradient.

    Args:
        loss: inputs (n, channels, ...) to one loss an example, shape (n,), which the labels are part of.
        x: images, or the features of a layer with `loss` the rest of the network, shape (n, channels, ...).
        seed: of whose styles are mixed; give another one for each batch.
        factor: "style" or "amplitude".
        styles: how many are mixed, the own one included, at least 2.
        steps: at least 0; 0 is the even mix.
        step_size: above 0; the weights lie in [0, 1].
        strength: of the move, in [0, 1]: the input becomes (1 - strength) x + strength moved; for amplitudes, these are mixed so.
        partners: whose styles each example mixes, shape (n, styles), rows of x; by default its own and others drawn with replacement.

    Returns:
        The moved inputs, detached, shape of x. Images may leave [0, 1]: clip them if your network wants that, also inside `loss`.

    Guarantees:
        Styles stay in the convex hull of those in the batch, and the meaning is untouched, so far as the factor is the style. The loss
        is that of the last weights, which no step checks to be larger than before.
    Cost: `steps` forwards and backwards.

    The authors take style in the features of a fixed VGG network and decode it back into an image; here it is that of x itself, or of the
    layer that you give. With the identity in place of both it is their code's answer, and so it is for amplitudes.

    >>> x = torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    >>> moved = explore(lambda z: z.mean((1, 2, 3)), x, seed=0)
    >>> moved.shape == x.shape, bool(moved.mean() > x.mean())  # brighter is worse here
    (True, True)

    Reference: Dai, Zhang, Fang, Han & Tian 2023 [dai2023moderately], "Moderately distributional exploration for domain generalization"
    (MODE-A, MODE-F).
    """
    _check(x, factor, styles, steps, step_size, strength)
    n = len(x)
    with torch.no_grad():
        parts = _style_of(x) if factor == "style" else torch.fft.fft2(x).abs()[:, None]
    whose = _partners(n, styles, seed, partners)
    mixable = parts[torch.as_tensor(whose, device=x.device)]  # (n, styles, parts, ...)
    share = torch.full((n, styles), 1 / styles, dtype=x.dtype, device=x.device)
    for _ in range(steps):
        share.requires_grad_(True)
        losses = loss(_moved(x, _mixed(share, mixable), factor, strength))
        if losses.shape != (n,):
            raise must("loss", "explore", f"give one number per example ({n},)", tuple(losses.shape), 'Use reduction="none".')
        (slope,) = torch.autograd.grad(losses.sum(), share)
        share = (share + step_size * slope.sign()).clamp(0.0, 1.0).detach()
    with torch.no_grad():
        return _moved(x, _mixed(share, mixable), factor, strength)


def _style_of(x: Tensor) -> Tensor:
    """Mean and standard deviation of each channel, shape (n, 2, channels, 1, ...)."""
    rest = tuple(range(2, x.ndim))
    deviation = (x.var(rest, keepdim=True) + _TINY).sqrt()
    return torch.stack([x.mean(rest, keepdim=True), deviation], dim=1)


def _mixed(share: Tensor, parts: Tensor) -> Tensor:
    """The mix of the styles, shape of one; weights that are all 0 give none."""
    even = share / (share.sum(1, keepdim=True) + 1e-6)
    return (even.reshape(*even.shape, *[1] * (parts.ndim - 2)) * parts).sum(1)


def _moved(x: Tensor, mix: Tensor, factor: ExploredFactor, strength: float) -> Tensor:
    if factor == "amplitude":
        spectrum = torch.fft.fft2(x)
        size = (1 - strength) * spectrum.abs() + strength * mix[:, 0]
        back: Tensor = torch.fft.ifft2(torch.polar(size, spectrum.angle())).real
        return back
    own = _style_of(x)
    meaning = (x - own[:, 0]) / own[:, 1]
    return strength * (meaning * mix[:, 1] + mix[:, 0]) + (1 - strength) * x


def _partners(n: int, styles: int, seed: int, given: npt.NDArray[np.int64] | None) -> npt.NDArray[np.int64]:
    if given is None:
        others = np.random.default_rng(seed).integers(0, n, (n, styles - 1))
        return np.concatenate([np.arange(n)[:, None], others], axis=1)
    rows = np.asarray(given)
    if rows.shape != (n, styles) or not bool(((rows >= 0) & (rows < n)).all()):
        raise must("partners", "explore", f"be rows of x, shape {(n, styles)}", rows.shape)
    return rows


def _check(x: Tensor, factor: str, styles: int, steps: int, step_size: float, strength: float) -> None:
    if factor not in ("style", "amplitude"):
        raise must("factor", "explore", "be style or amplitude", factor)
    if x.ndim < 3 or not len(x) or (factor == "amplitude" and x.ndim != 4):
        shape = "(n, channels, height, width)" if factor == "amplitude" else "(n, channels, ...)"
        raise must("x", "explore", f"have shape {shape}", tuple(x.shape), "Vectors have no separate style.")
    if styles < 2:
        raise must("styles", "explore", "be at least 2", styles)
    if steps < 0:
        raise must("steps", "explore", "be at least 0", steps)
    if not 0 < step_size < math.inf:
        raise must("step_size", "explore", "be in (0, inf)", step_size)
    if not 0 <= strength <= 1:
        raise must("strength", "explore", "be in [0, 1]", strength)
