"""Blur: every pixel the Gaussian average of its neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from shiftproof.data.space import Kind
from shiftproof.shifts._in_cache import in_cache
from shiftproof.shifts.abstract import Params
from shiftproof.shifts.corruptions._filters import gaussian
from shiftproof.shifts.corruptions._opencv import installed
from shiftproof.shifts.corruptions.constants import Sigma, table
from shiftproof.shifts.corruptions.corruption import SMALLEST, Corruption

_TRUNCATE = 4.0
_BLOCK = 56
"""Columns per matrix product. A band of the whole product is enough, as only pixels within reach count."""


@dataclass(frozen=True)
class GaussianBlur(Corruption[Sigma]):
    """Convolution with a Gaussian of standard deviation sigma pixels, cut at 4 sigma; beyond the edge the nearest pixel repeats.

    In the conventions of scipy.ndimage.gaussian_filter(mode="nearest", truncate=4) and skimage.filters.gaussian, as published.

    Args:
        severity: in (0, 5].

    Params are (severity,), shape (n, 1). Differentiable in them, except where the cut-off moves to the next whole pixel, a jump of less
    than 1e-4 of the kernel. Below sigma 0.125 the kernel is one pixel, so the image stays as it is, bit for bit, with gradient 0. On the
    CPU, where no gradient is needed, OpenCV blurs, which is faster, if it is installed (the extra `corruptions`); otherwise matrix products
    do, and pixels differ by float32 rounding, at most 1e-6.

    Example:
        >>> import torch
        >>> edge = torch.tensor([0.0, 0.0, 1.0, 1.0]).expand(1, 1, 4, 4)
        >>> GaussianBlur(5).apply(edge, torch.tensor([[5.0]]))[0, 0, 0]  # sigma = 1
        tensor([0.0586, 0.3005, 0.6995, 0.9414])

    Reference: Hendrycks & Dietterich 2019, "Benchmarking neural network robustness to common corruptions and perturbations".
    """

    name: ClassVar[str] = "gaussian_blur"
    kinds: ClassVar[frozenset[Kind]] = frozenset({"image"})
    smallest: ClassVar[int] = 1
    references: ClassVar[tuple[str, ...]] = ("hendrycks2019benchmarking",)
    published: ClassVar = {
        "imagenet_c": table(Sigma, 0.0, 1.0, 2.0, 3.0, 4.0, 6.0),
        "cifar_10_c": table(Sigma, 0.0, 0.4, 0.6, 0.7, 0.8, 1.0),
        "tiny_imagenet_c": table(Sigma, 0.0, 0.5, 0.75, 1.0, 1.25, 1.5),
    }

    def apply(self, x: Tensor, params: Params) -> Tensor:
        shared = not params.requires_grad and len(x) > 1 and bool((params[:, 0] == params[0, 0]).all())
        if not shared or _by_opencv(x, params) or self.mode != "in_memory":  # the gradient of each example needs its own kernel
            return super().apply(x, params)
        kernels = self._kernels(x, params[:1])  # one severity for all, as in the published protocol: kernels are built once
        return in_cache(lambda some, _: self._blur(some, *kernels), x, params)

    def corrupt(self, x: Tensor, params: Params) -> Tensor:
        if not _by_opencv(x, params):
            return self._blur(x, *self._kernels(x, params))
        images = np.ascontiguousarray(x.permute(0, 2, 3, 1).numpy())
        sigmas = self.amount(x, params).flatten().tolist()
        moved = np.stack([gaussian(image, sigma) for image, sigma in zip(images, sigmas, strict=True)]) if len(x) else images
        return torch.from_numpy(moved).permute(0, 3, 1, 2).clamp(self.space.low, self.space.high)

    def _kernels(self, x: Tensor, params: Params) -> tuple[Tensor, Tensor, int]:
        """The blur along rows and along columns as matrices, shape (m, 1, w, w) and (m, 1, h, h) or (w, w) and (h, h), and its reach."""
        sigma = self.amount(x, params).flatten()
        reach = int(_reach(sigma).max())
        across, down = (_matrices(sigma, size, reach).to(x.dtype) for size in (x.shape[3], x.shape[2]))
        down = down.mT.contiguous()
        return (across[0], down[0], reach) if len(sigma) == 1 else (across[:, None], down[:, None], reach)

    def _blur(self, x: Tensor, across: Tensor, down: Tensor, reach: int) -> Tensor:
        x = x.contiguous()
        rows = torch.cat([x[..., near] @ across[..., near, own] for near, own in _bands(x.shape[3], reach)], dim=-1)
        both = torch.cat([down[..., own, near] @ rows[..., near, :] for near, own in _bands(x.shape[2], reach)], dim=-2)
        return both.clamp(self.space.low, self.space.high)


def _by_opencv(x: Tensor, params: Tensor) -> bool:
    """Whether OpenCV, which is faster, can blur: it is there, no gradient is needed, images are on the CPU and larger than any kernel."""
    wanted = params.requires_grad or x.requires_grad
    return installed() and not wanted and x.device.type == "cpu" and x.dtype == torch.float32 and min(x.shape[2:]) >= SMALLEST


def _reach(sigma: Tensor) -> Tensor:
    """Pixels on each side of the kernel, rounded as in scipy."""
    return (_TRUNCATE * sigma.detach() + 0.5).floor()


def _matrices(sigma: Tensor, size: int, reach: int) -> Tensor:
    """The blur of a line of `size` pixels as a matrix per sigma, [pixel read, pixel written], shape (m, size, size), float64."""
    offset = torch.arange(-reach, reach + 1, dtype=sigma.dtype, device=sigma.device)
    weight = torch.exp(-(offset**2) / (2 * sigma.clamp_min(0.1)[:, None] ** 2)) * (offset.abs() <= _reach(sigma)[:, None])
    weight = weight / weight.sum(1, keepdim=True)
    place = torch.arange(-reach, size + reach, device=sigma.device)
    tap = place[:, None] - torch.arange(size, device=sigma.device) + reach
    spread = weight[:, tap.clamp(0, 2 * reach)] * ((tap >= 0) & (tap <= 2 * reach))
    return spread.new_zeros(len(sigma), size, size).index_add(1, place.clamp(0, size - 1), spread)


def _bands(size: int, reach: int) -> list[tuple[slice, slice]]:
    """Blocks of pixels written, each with the pixels it reads: (read, written)."""
    starts = range(0, size, _BLOCK)
    return [(slice(max(0, at - reach), min(size, at + _BLOCK + reach)), slice(at, min(size, at + _BLOCK))) for at in starts]
