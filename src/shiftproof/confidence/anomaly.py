"""Strangeness of images beside normal ones alone, without any labels, that stays low for normal images whose style has moved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from shiftproof._errors import must, unknown
from shiftproof.confidence.checked import Floats
from shiftproof.randomness import Rng

Align = Literal["efdm", "mixstyle", "none"]
View = Callable[[Tensor, Rng], Tensor]
"""Images (n, c, h, w) as they might look elsewhere; the second argument is a stream of chance per image."""

_NORMAL, _APART = 0.9, 0.05
"""Weights of the distance from the teacher, and of each of two distances between views."""
_RATE, _BETAS = 0.005, (0.5, 0.999)
_SMOOTH = 4 / 256
"""Standard deviation of the smoothing of a map, as a share of the image's side."""
_TINY = 1e-6
_PART = 256


@dataclass(frozen=True, eq=False)
class ReverseDistillation:
    """A student learns from a code of a teacher's features to give them back, for normal images only; elsewhere it fails.

    The strangeness of an image is the greatest value of its map sum_i (1 - cos(teacher_i, student_i)), i the teacher's stages, each brought
    to the image's size, smoothed. With `views` the student also learns that a view of an image has its code and its last features. With
    `align` the teacher's features of an image are moved towards those of one normal image, after every stage but the last.

    Args:
        stages: of the teacher, one applied after the other, each giving (n, channels, height, width).
        bottleneck: features of all stages to a code.
        student: a code to features of all stages.
        reference: a normal image, shape (1, c, h, w).

    Guarantees: none by itself; `alarm_threshold` on the strangeness of held-out normal images sets an alarm whose rate holds.
    Cost: of strangeness, one forward of the teacher and of the student.

    Reference: Cao, Zhu & Pang 2023 [cao2023anomaly], "Anomaly detection under distribution shift"; Deng & Li 2022 [deng2022anomaly],
    "Anomaly detection via reverse distillation from one-class embedding". The student here is a small one for any teacher; theirs
    mirrors a wide ResNet-50.
    """

    stages: tuple[nn.Module, ...]
    bottleneck: nn.Module
    student: nn.Module
    reference: Tensor

    @classmethod
    def fit(
        cls,
        stages: Sequence[nn.Module],
        x: Tensor,
        *,
        views: Sequence[View] = (),
        steps: int = 300,
        batch_size: int = 16,
        seed: int = 0,
    ) -> ReverseDistillation:
        """Trains the bottleneck and the student; the teacher stays as it is.

        Args:
            stages: two or more, trained on any other task; they are put into evaluation mode.
            x: normal images, shape (n, c, h, w); the first one becomes the reference.
            views: such as `AugMix().mix` and `grey`; none is plain reverse distillation.
            steps: of Adam.
            batch_size: images a step.
            seed: of everything.

        Cost: a step is one forward of the teacher, and a forward and backward of the student, for every image and every view of it.
        """
        images = _checked(x)
        if len(stages) < 2:
            raise must("stages", "reverse_distillation", "be two or more modules", len(stages))
        for name, value in (("steps", steps), ("batch_size", batch_size)):
            if value < 1:
                raise must(name, "reverse_distillation", "be at least 1", value)
        teacher = tuple(stage.eval() for stage in stages)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            shapes = [feature.shape[1:] for feature in _features(teacher, images[:1])]
            made = cls(teacher, _Bottleneck(shapes), _Student(shapes), images[:1])
            made._train(images, views, steps, batch_size, seed)
        return made

    def _train(self, x: Tensor, views: Sequence[View], steps: int, batch_size: int, seed: int) -> None:
        learning = [*self.bottleneck.parameters(), *self.student.parameters()]
        optimiser = torch.optim.Adam(learning, lr=_RATE, betas=_BETAS)
        rng = Rng.for_ids(seed, [str(row) for row in range(len(x))])
        for step in range(steps):
            rows = torch.randint(len(x), (batch_size,)).numpy()
            batch = x[torch.from_numpy(rows)]
            seen = [view(batch, rng[rows].child("step", step).child("view", number)) for number, view in enumerate(views)]
            optimiser.zero_grad()
            self._loss(batch, seen).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        self.bottleneck.eval()
        self.student.eval()

    def _loss(self, x: Tensor, views: Sequence[Tensor]) -> Tensor:
        told = _features(self.stages, x)
        code = self.bottleneck(told)
        given = self.student(code)
        loss = _NORMAL * torch.stack([_apart(a, b) for a, b in zip(told, given, strict=True)]).sum()
        for view in views:
            other = self.bottleneck(_features(self.stages, view))
            loss = loss + _APART * (_apart(code, other) + _apart(given[0], self.student(other)[0]))
        return loss

    def strangeness(self, x: Tensor, *, align: Align = "efdm", own: float = 0.5) -> Floats:
        """Of images (n, c, h, w), shape (n,): larger is stranger.

        Args:
            x: images.
            align: efdm matches the values of each channel, by rank, to those of the reference; mixstyle matches mean and deviation; none.
            own: share that the image keeps of its own, in [0, 1].
        """
        images = _checked(x)
        if align not in get_args(Align):
            raise unknown("align", align, get_args(Align))
        if not 0 <= own <= 1:
            raise must("own", "reverse_distillation", "be in [0, 1]", own)
        found = [self._map(part, align, own).amax((1, 2)) for part in torch.split(images, _PART)]
        return np.asarray(torch.cat(found).double().numpy())

    def _map(self, x: Tensor, align: Align, own: float) -> Tensor:
        from scipy.ndimage import gaussian_filter

        with torch.no_grad():
            told = self._aligned(x, align, own)
            given = self.student(self.bottleneck(told))
            size = x.shape[2:]
            off = [1 - F.cosine_similarity(a, b) for a, b in zip(told, given, strict=True)]
            full = [F.interpolate(each[:, None], size=size, mode="bilinear", align_corners=True)[:, 0] for each in off]
        spread = (0.0, _SMOOTH * size[0], _SMOOTH * size[1])
        return torch.from_numpy(gaussian_filter(torch.stack(full).sum(0).double().numpy(), sigma=spread))

    def _aligned(self, x: Tensor, align: Align, own: float) -> list[Tensor]:
        found: list[Tensor] = []
        like = self.reference
        for number, stage in enumerate(self.stages):
            x, like = stage(x), stage(like)
            if align != "none" and number < len(self.stages) - 1:
                x = (matched_values if align == "efdm" else matched_moments)(x, like, own)
            found.append(x)
        return found


def matched_values(x: Tensor, reference: Tensor, own: float) -> Tensor:
    """Each channel's values moved towards those of the reference with the same rank: own x + (1 - own) reference.

    Args:
        x: shape (n, c, h, w).
        reference: shape (1, c, h, w).
        own: share that stays, in [0, 1].

    >>> matched_values(torch.tensor([[[[3.0, 1.0]]]]), torch.tensor([[[[0.0, 7.0]]]]), 0.0)
    tensor([[[[7., 0.]]]])

    Reference: Zhang et al. 2022 [zhang2022exact], "Exact feature distribution matching for arbitrary style transfer and domain
    generalization".
    """
    values, order = x.flatten(2).sort(2)
    moved = own * values + (1 - own) * reference.flatten(2).sort(2).values
    return torch.empty_like(moved).scatter_(2, order, moved).reshape(x.shape)


def matched_moments(x: Tensor, reference: Tensor, own: float) -> Tensor:
    """Each channel with mean and standard deviation moved towards those of the reference; arguments as for `matched_values`.

    Reference: Zhou et al. 2021 [zhou2021domain], "Domain generalization with MixStyle".
    """
    (mean, spread), (target, width) = _moments(x), _moments(reference)
    return (x - mean) / spread * (own * spread + (1 - own) * width) + own * mean + (1 - own) * target


def grey(x: Tensor, rng: Rng) -> Tensor:  # noqa: ARG001  # the signature of a view
    """Images (n, c, h, w) with all channels at their mean."""
    return x.mean(1, keepdim=True).expand_as(x)


def _moments(x: Tensor) -> tuple[Tensor, Tensor]:
    return x.mean((2, 3), keepdim=True), (x.var((2, 3), keepdim=True) + _TINY).sqrt()


def _features(stages: Sequence[nn.Module], x: Tensor) -> list[Tensor]:
    found = []
    with torch.no_grad():
        for stage in stages:
            x = stage(x)
            if x.dim() != 4:
                raise must("stages", "reverse_distillation", "each give shape (n, channels, height, width)", tuple(x.shape))
            found.append(x)
    return found


def _apart(a: Tensor, b: Tensor) -> Tensor:
    return (1 - F.cosine_similarity(a.flatten(1), b.flatten(1))).mean()


def _checked(x: Tensor) -> Tensor:
    if x.dim() != 4 or not len(x) or not bool(torch.isfinite(x).all()):
        raise must("x", "reverse_distillation", "be finite images of shape (n, c, h, w), n at least 1", tuple(x.shape))
    return x.detach().float()


def _block(inputs: int, outputs: int, kernel: int = 3) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU())


class _Bottleneck(nn.Module):
    """Features of all stages, brought to half the last one's size and put together, to one code."""

    def __init__(self, shapes: Sequence[torch.Size]) -> None:
        super().__init__()
        channels, height, width = shapes[-1]
        self.size = (max(1, height // 2), max(1, width // 2))
        self.each = nn.ModuleList(_block(shape[0], channels) for shape in shapes)
        self.all = _block(len(shapes) * channels, 2 * channels, kernel=1)

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        small = [F.adaptive_avg_pool2d(block(f), self.size) for block, f in zip(self.each, features, strict=True)]
        code: Tensor = self.all(torch.cat(small, 1))
        return code


class _Student(nn.Module):
    """A code to features of all stages, the last stage's first."""

    def __init__(self, shapes: Sequence[torch.Size]) -> None:
        super().__init__()
        self.sizes = [tuple(shape[1:]) for shape in reversed(shapes)]
        widths = [2 * shapes[-1][0], *(shape[0] for shape in reversed(shapes))]
        self.up = nn.ModuleList(nn.Sequential(_block(a, b), _block(b, b)) for a, b in pairwise(widths))

    def forward(self, code: Tensor) -> list[Tensor]:
        found: list[Tensor] = []
        for size, block in zip(self.sizes, self.up, strict=True):
            code = block(F.interpolate(code, size=size, mode="bilinear", align_corners=False))
            found.append(code)
        return found[::-1]
