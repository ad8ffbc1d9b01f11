"""Transfer attacks: moves made on surrogate models, without queries to the attacked model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from shiftproof._errors import UsageError, must
from shiftproof._rows import total
from shiftproof.losses import cross_entropy
from shiftproof.models.abstract import Access, Gradients, Labels, access_name
from shiftproof.oracle import Oracle
from shiftproof.randomness import Rng
from shiftproof.searches.abstract import Search
from shiftproof.shifts.abstract import Differentiable, Params, Shift, gradient_objection


@dataclass(frozen=True)
class Transfer(Search):
    """Searches on surrogates and hands over what it found, whether or not it breaks the model.

    With `search`, that search runs on the surrogate as if it were the model. Without, moves maximise the cross-entropy of the surrogates'
    mean scores with momentum, to the last step, since a move that barely breaks a surrogate seldom breaks another model.

    Built in Python, as models are no option of a spec: `Transfer((surrogate,))`.

    Args:
        steps: steps of ascent, at least 1.
        step_size: each step as a share of the budget's radius; 0 means the shift's `path` / steps, as of gradient_ascent.
        momentum: decay of the accumulated gradient, at least 0 (Dong et al. 2018).
        diversity: for images, how far inputs are shrunk at random before each gradient, in [0, 1): sizes are drawn from 1 - diversity to 1
            and the place evenly, for half of the steps; 0 for none (Xie et al. 2019).
        blur: for images, the width in pixels of the Gaussian that gradients are smoothed with; 0 for none (Dong et al. 2019).
        of: who the surrogates are, for a run's identity; set here.
        surrogates: the models that moves are made on, at least 1; without `search` they must give gradients.
        search: what runs on the surrogate, of which there must then be one.

    Guarantees:
        Asks the model nothing: its verdict is the door's one reading of the move. The surrogates' passes are not in its cost.
    Cost: no forwards of the model; steps forwards and backwards of each surrogate an example, or what `search` spends.

    Example:
        >>> import torch, shiftproof as sp
        >>> mine, theirs = (sp.as_model(torch.nn.Linear(4, 2), name=name) for name in ("mine", "theirs"))
        >>> x = torch.rand(8, 4)
        >>> finding = sp.confront(theirs, sp.Linf(0.3), search=Transfer(surrogates=(mine,)), examples=sp.examples(x, theirs.labels(x)))
        >>> int(finding.forwards.max()), int(finding.backwards.max())
        (2, 0)

    Reference: Dong et al. 2018, "Boosting adversarial attacks with momentum" (MI-FGSM); Xie et al. 2019 (DI); Dong et al. 2019 (TI).
    """

    name: ClassVar[str] = "transfer"
    needs: ClassVar[Access] = Labels
    of_classes: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = (
        "dong2018boosting",
        "xie2019improving",
        "dong2019evading",
    )

    steps: int = 20
    step_size: float = 0.0
    momentum: float = 1.0
    diversity: float = 0.0
    blur: float = 0.0
    of: str = ""
    surrogates: tuple[Labels, ...] = field(default=(), kw_only=True, repr=False, compare=False)
    search: Search | None = field(default=None, kw_only=True, repr=False)

    def check(self) -> None:
        self.require("steps", least=1)
        self.require("step_size", "momentum", "blur", within="[0, inf)")
        self.require("diversity", within="[0, 1)")
        if self.search is not None and len(self.surrogates) != 1:
            rule = "be one model where a search is given"
            raise must("surrogates", self.name, rule, len(self.surrogates), "To use several surrogates, leave the search out.")
        for surrogate in self.surrogates:
            least = Gradients if self.search is None else self.search.needs
            if not isinstance(surrogate, least):
                raise UsageError(f"The surrogate '{surrogate.name}' of {self.name} must provide {access_name(least)}.")
        if self.surrogates:
            inner = f" by {self.search.full_spec()}" if self.search else ""
            object.__setattr__(self, "of", " ".join(s.fingerprint() for s in self.surrogates) + inner)

    def unsupported(self, shift: Shift) -> str | None:
        if not self.surrogates:
            return "it has no surrogate: build it in Python with Transfer(surrogates=(model,))"
        if self.search is not None:
            return self.search.objection(shift)
        if (self.diversity or self.blur) and shift.space.kind != "image":
            return f"diversity and blur are for images, and these inputs are of kind '{shift.space.kind}': set them to 0"
        return gradient_objection(shift)

    def most_passes(self, shift: Shift) -> int:
        return 0

    def __call__(self, shift: Shift, oracle: Oracle, x: Tensor, rng: Rng) -> Params:
        if self.search is not None:
            return self.search(shift, oracle.facing(self.surrogates[0]), x, rng)
        assert isinstance(shift, Differentiable)  # `objection` has said so
        params = shift.origin(x)
        velocity = torch.zeros_like(params)
        for step in range(self.steps if len(x) else 0):
            surrogate = _Seen(self.surrogates, _look(rng.child("look", step), self.diversity) if self.diversity else None)
            _, gradient = oracle.facing(surrogate).gradient(params, cross_entropy)
            if self.blur and gradient.dim() == 4:
                gradient = _blurred(gradient, self.blur)
            flat = gradient.flatten(1)
            size = (total(flat.abs()) / flat.shape[1]).clamp_min(torch.finfo(gradient.dtype).tiny)
            velocity = self.momentum * velocity + gradient / size.reshape(-1, *[1] * (gradient.dim() - 1))
            params = shift.project(x, shift.ascend(params, velocity, self.step_size or shift.path / self.steps))
        return params


class _Seen(Gradients):
    """Several models as one, by their mean scores, on inputs as `look` shows them."""

    def __init__(self, models: tuple[Labels, ...], look: Callable[[Tensor], Tensor] | None) -> None:
        self._models = [model for model in models if isinstance(model, Gradients)]  # all of them: `check` has seen to it
        self._look = look

    @property
    def name(self) -> str:
        return " + ".join(model.name for model in self._models)

    def fingerprint(self) -> str:
        return " ".join(model.fingerprint() for model in self._models)

    def scores(self, x: Tensor) -> Tensor:
        seen = self._look(x) if self._look else x
        total = self._models[0].scores(seen)
        for model in self._models[1:]:
            total = total + model.scores(seen).to(total)
        return total / len(self._models)


def _look(rng: Rng, diversity: float) -> Callable[[Tensor], Tensor]:
    """Images shrunk by up to `diversity` and put at a random place on black, one in two; the others unchanged."""
    draw = rng.uniform(4)
    size = torch.where(draw[:, 0] < 0.5, 1 - diversity * draw[:, 1], torch.ones(len(draw)))
    place = (2 * draw[:, 2:] - 1) * (1 - size)[:, None]

    def look(x: Tensor) -> Tensor:
        n = len(x)
        map_ = torch.zeros(n, 2, 3)
        map_[:, 0, 0] = map_[:, 1, 1] = 1 / size
        map_[:, :, 2] = -place / size[:, None]
        grid = F.affine_grid(map_.to(x), [n, 1, *x.shape[2:]], align_corners=False)
        return F.grid_sample(x, grid, padding_mode="zeros", align_corners=False)

    return look


def _blurred(gradient: Tensor, width: float) -> Tensor:
    """Smoothed with a Gaussian of this standard deviation, cut at three of them."""
    reach = max(1, round(3 * width))
    line = torch.exp(-(torch.arange(-reach, reach + 1, dtype=torch.float64) ** 2) / (2 * width**2))
    line = (line / line.sum()).to(gradient)
    channels = gradient.shape[1]
    down = F.conv2d(gradient, line.reshape(1, 1, -1, 1).expand(channels, 1, -1, 1), padding=(reach, 0), groups=channels)
    return F.conv2d(down, line.reshape(1, 1, 1, -1).expand(channels, 1, 1, -1), padding=(0, reach), groups=channels)
