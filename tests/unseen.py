"""Modules whose forward does what a trace does not show, for tests that nothing false is proven of them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

FEATURES = 2


class Plain(nn.Module):
    """Two linear layers, and a mask of -1e9 on the last of three classes."""

    says = ""
    """What the refusal says of it."""
    mask: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.out = nn.Linear(FEATURES, 8), nn.Linear(8, 8), nn.Linear(8, 3)
        self.act = nn.ReLU()
        self.register_buffer("mask", torch.tensor([0.0, 0.0, -1e9]))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.b(self.act(self.a(x))))

    def head(self, h: Tensor) -> Tensor:
        """The masked scores."""
        return self.out(h) + self.mask  # type: ignore[no-any-return]


class Autocast(Plain):
    says = "computes in bfloat16"

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return super().forward(x).float()


class Half(Plain):
    says = "computes in bfloat16"

    def forward(self, x: Tensor) -> Tensor:
        h = self.b(self.act(self.a(x)))
        return self.head(h.to(torch.bfloat16).float())


class HalfScores(Plain):
    says = "computes in bfloat16"

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).to(torch.bfloat16)


class Whole(Plain):
    """Values rounded to whole eighths by way of integers."""

    says = "computes in int32"

    def forward(self, x: Tensor) -> Tensor:
        return super().forward((x * 8.0).to(torch.int32).to(torch.float32) / 8.0)


class DoubleAndBack(Plain):
    """Shifted where float64 holds it, and rounded to float32 there."""

    says = "computes in float64"

    def forward(self, x: Tensor) -> Tensor:
        return super().forward((x.double() + 1e5).float() - 1e5)


class InPlaceSkip(Plain):
    """The skip carries relu(h)."""

    def __init__(self) -> None:
        super().__init__()
        self.act = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        h = self.a(x)
        return self.head(self.b(self.act(h)) + h)


class InPlaceFunction(Plain):
    """The skip carries relu(h), whose result nobody takes."""

    def forward(self, x: Tensor) -> Tensor:
        h = self.a(x)
        F.relu(h, inplace=True)
        return self.head(self.b(h) + h)


class InPlaceSum(Plain):
    """`h += ...` changes the skip as well."""

    def forward(self, x: Tensor) -> Tensor:
        h = skip = self.a(x)
        h += self.b(self.act(h))
        return self.head(h + skip)


class InPlaceProduct(Plain):
    def forward(self, x: Tensor) -> Tensor:
        h = skip = self.a(x)
        h *= -1.5
        return self.head(self.act(h) + skip)


class InPlaceDifference(Plain):
    """The first value is moved in place, and read again under its other name."""

    def forward(self, x: Tensor) -> Tensor:
        y = x = x * 1.0
        y -= 0.6
        return self.head(self.b(self.act(self.a(y))) + self.a(x))


class ThroughView(Plain):
    """A view of h is changed, and h is read."""

    says = "changed in place through a view"

    def forward(self, x: Tensor) -> Tensor:
        h = self.a(x)
        h.view(-1, 8).relu_()
        return self.head(self.b(h) + h)


class ThroughSlice(Plain):
    says = "changed in place through a view"

    def forward(self, x: Tensor) -> Tensor:
        h = self.a(x)
        h[:, :4].mul_(-1.0)
        return self.head(h)


class ByInstance(Plain):
    """Its first layer's forward is set on the object."""

    says = "forward of Linear"

    def __init__(self) -> None:
        super().__init__()
        self.a.forward = lambda x: F.linear(x, -self.a.weight, self.a.bias)  # type: ignore[method-assign,assignment]


class RootByInstance(Plain):
    says = "forward of RootByInstance"

    def __init__(self) -> None:
        super().__init__()
        self.forward = lambda x: Plain.forward(self, 1 - x)  # type: ignore[method-assign]


class Counting(Plain):
    """From the sixth call on it answers something else."""

    says = "changes its own attributes"

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return super().forward(x if self.calls < 6 else 1.0 - x)


class LooksForTensors(Plain):
    says = "steps differ"

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(1.0 - x if type(x) is Tensor else x)


class WithGradientsOnly(Plain):
    says = "steps differ"

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x if torch.is_grad_enabled() else 1.0 - x)


class Drawn(Plain):
    """Noise that only shows beside small scores."""

    says = "steps differ"

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x + 0.3 * torch.randn(FEATURES))


class Dropping(Plain):
    says = "steps differ"

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x * F.dropout(torch.ones(FEATURES), 0.5))


class Signed(torch.Tensor):
    """A weight whose products come out negative."""

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN206
        plain = [each.as_subclass(Tensor) if isinstance(each, Signed) else each for each in args]
        return -func(*plain, **(kwargs or {})) if func is F.linear else func(*plain, **(kwargs or {}))


class WithSubclass(Plain):
    says = "a kind of tensor with operations of its own"

    def __init__(self) -> None:
        super().__init__()
        del self.a.weight
        self.a.weight = torch.randn(8, FEATURES).as_subclass(Signed)


class Stepping(Plain):
    """A buffer moves at every call."""

    says = "changes its own weights or buffers"

    offset: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("offset", torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        self.offset.add_(0.01)
        return super().forward(x + self.offset)


UNSEEN: tuple[type[Plain], ...] = (
    Autocast, Half, HalfScores, Whole, DoubleAndBack, InPlaceSkip, InPlaceFunction, InPlaceSum, InPlaceProduct, InPlaceDifference,
    ThroughView, ThroughSlice, ByInstance, RootByInstance, Counting, LooksForTensors, WithGradientsOnly, Drawn, Dropping, WithSubclass,
    Stepping,
)  # fmt: skip
FOLLOWED = ("InPlaceSkip", "InPlaceFunction", "InPlaceSum", "InPlaceProduct", "InPlaceDifference")
"""Those that are read for what they do, and so can be certified."""


def balanced(make: Callable[[], Plain], seed: int) -> Plain:
    """The module with weights of a seed, and a bias by which half of the inputs in [0, 1] are of class 0 and half of class 1."""
    torch.manual_seed(seed)
    net = make().eval()
    with torch.no_grad():
        scores = net(torch.rand(2000, FEATURES)).float()
        net.out.bias[0] -= (scores[:, 0] - scores[:, 1]).median()
    return net
