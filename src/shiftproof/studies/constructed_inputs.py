"""Training sets made by a network: images moved a little towards a class, and images that mean to the network what others mean."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from shiftproof.data.examples import Examples
from shiftproof.randomness import Rng
from shiftproof.searches.gradient_ascent import GradientAscent
from shiftproof.shifts.norms.l2 import L2
from shiftproof.training.inner_search import InnerObjective, worst

_BATCH = 500


def towards(net: nn.Module, images: Examples, targets: npt.NDArray[np.int64], *, eps: float, steps: int) -> Examples:
    """The images, each moved inside the l2 ball of `eps` until the network sees its target in it, and labelled with that target.

    Every step is taken, also those after the network has given in (Ilyas et al. 2019 [ilyas2019adversarial], section 3.2). Targets have
    shape (n,).

    Cost: `steps` forwards and backwards per image.
    """
    goal = torch.from_numpy(targets)

    def objective_of(rows: slice) -> InnerObjective:
        return lambda scores: -F.cross_entropy(scores, goal[rows], reduction="none")

    search = GradientAscent(steps=steps, random_start=False)
    return Examples(_moved(net, images, objective_of, L2(eps), search), goal, images.ids, images.groups, images.space)


def like(net: nn.Module, images: Examples, starts: Tensor, *, steps: int, reach: float) -> Examples:
    """For each image, another that starts from `starts`, shape of images.x, and is to the network's last layer but one what the image is.

    minimise_z ||g(z) - g(x)||_2 over z in the box, g the network, a chain, without its last layer, by steps of normalised gradient
    descent that shrink to 0 and are `reach` long in all (Ilyas et al. 2019, section 3.1). The label stays that of the image.

    Cost: `steps` forwards and backwards per image.
    """
    features = nn.Sequential(*list(net.children())[:-1])
    with torch.no_grad():
        goal = torch.cat([features(part) for part in torch.split(images.x, _BATCH)])

    def objective_of(rows: slice) -> InnerObjective:
        return lambda found: -torch.linalg.vector_norm(found - goal[rows], dim=1)

    search = GradientAscent(steps=steps, step_size=2 / steps, schedule="cosine", random_start=False)
    begun = Examples(starts, images.y, images.ids, images.groups, images.space)
    return Examples(_moved(features, begun, objective_of, L2(reach), search), images.y, images.ids, images.groups, images.space)


def _moved(net: nn.Module, images: Examples, objective_of: Callable[[slice], InnerObjective], shift: L2, search: GradientAscent) -> Tensor:
    rng, found = Rng.for_ids(0, images.ids), []
    for start in range(0, len(images), _BATCH):
        rows = slice(start, start + _BATCH)
        x, y = images.x[rows], images.y[rows]
        found.append(worst(net, shift.within(images.space), search, x=x, y=y, rng=rng[rows], objective=objective_of(rows)))
    return torch.cat(found)
