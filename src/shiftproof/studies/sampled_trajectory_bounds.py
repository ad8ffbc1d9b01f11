"""Zhang et al. 2023: probable robustness of predicted trajectories; 459 random moves against a fitted linear model, and the worst move."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from shiftproof._arrays import Bools, Floats
from shiftproof.data.examples import Examples
from shiftproof.data.space import InputSpace
from shiftproof.door import confront
from shiftproof.judges.abstract import Judge
from shiftproof.models.abstract import Access, Answers, Gradients, Said
from shiftproof.models.torch_module import TorchModule
from shiftproof.sampled_bounds import bound_by_sampling
from shiftproof.searches.gradient_ascent import GradientAscent
from shiftproof.shifts.norms.linf import Linf
from shiftproof.studies.abstract import EarlierLook, Prediction, Study
from shiftproof.studies.quantity import Quantity, share
from shiftproof.studies.social_stgcnn import OBSERVED, PREDICTED, in_metres
from shiftproof.studies.trial import Trial

REACH = 0.03
"""Of every observed coordinate, in metres."""
SHARE, CONFIDENCE = 0.01, 0.99
FIT, MARGIN = 6_000, 12_000
"""Random moves that the linear model is fitted on, and those of its margin: the paper's are 30,000 and 12,000."""
FRESH = 4_000
"""Further random moves that count how many lie above a bound."""
METRES = InputSpace(-math.inf, math.inf, units="metres")


@dataclass(frozen=True)
class Displacement(Judge):
    """Right where the mean distance of a predicted way from the true one, both shape (n, 2 steps), is at most `metres`."""

    name: ClassVar[str] = "displacement"
    said: ClassVar[Said] = "numbers"
    measure: ClassVar[str] = "near"
    word: ClassVar[str] = "share of ways that are near enough"
    climbs: ClassVar[bool] = True

    metres: float = 1.0

    def gives(self, model: Answers) -> Access:
        return Gradients if isinstance(model, Gradients) else super().gives(model)

    def truth(self, examples: Examples) -> Tensor:
        way: Tensor = examples.y
        return way

    def score(self, said: Any, y: Any) -> Tensor:
        return (self.margin(said, y) <= 0).double()

    def margin(self, said: Any, y: Any) -> Tensor:
        return distance(said, y) / self.metres - 1

    def steady(self, first: Any, again: Any) -> bool:
        return torch.allclose(first, again, rtol=1e-4, atol=1e-5)

    def shown(self, said: Any) -> Tensor:
        length: Tensor = torch.linalg.vector_norm(said, dim=1)
        return length


FAR = Displacement(1000.0)
"""Nothing is wrong by it, so that a search goes to the end."""


def distance(way: Tensor, truth: Tensor) -> Tensor:
    """The mean distance of ways from the true ones, shape (n,), in metres, float64."""
    gap = (way - truth).double().reshape(len(way), -1, 2)
    mean: Tensor = torch.linalg.vector_norm(gap, dim=2).mean(1)
    return mean


class StraightOn(nn.Module):
    """The first walker of each scene, shape (n, walkers, 8, 2), goes on as in the last step: ways of shape (n, 24)."""

    def forward(self, x: Tensor) -> Tensor:
        step = x[:, 0, -1] - x[:, 0, -2]
        ahead = torch.arange(1, PREDICTED + 1, device=x.device)[None, :, None]
        return (x[:, 0, -1, None] + ahead * step[:, None]).flatten(1)


@dataclass(frozen=True)
class SampledTrajectoryBounds(Study):
    """The same statement, that at most 1 % of random moves end farther off with 99 % confidence, in two ways; and the worst move.

    The bound of each scene is an order statistic of 459 calls (`bound_by_sampling`), or the largest value in the box of a linear model
    fitted to random moves, plus the margin that it needs on others.

    Cost: 24,000 calls and 200 gradients a scene; half a minute a seed.

    Reference: Zhang et al. 2023, "TrajPAC: towards robustness verification of pedestrian trajectory prediction models".
    """

    name: ClassVar[str] = "sampled_trajectory_bounds"
    references: ClassVar[tuple[str, ...]] = ("zhang2023trajpac", "wilks1941determination", "mohamed2020social")
    claim: ClassVar[str] = (
        "Probable robustness of predicted trajectories needs a fitted linear model of some 42,000 calls, and says how far they are robust."
    )
    paper: ClassVar[str] = "Zhang et al. 2023"
    figure: ClassVar[str] = (
        "30,000 moves to fit and 12,000 for the margin, at a share and an error probability of 0.01; no bound without the fit and no worst "
        "move is given."
    )
    predictions: ClassVar[tuple[Prediction, ...]] = (
        Prediction("zara1, fitted over sampled", "the fit's bound is the tighter one on zara1", high=1.0),
        Prediction("eth, fitted over sampled", "and on eth", high=1.0),
        Prediction("zara1, worst over sampled", "the worst move is no farther off than the bound on zara1", high=1.0),
        Prediction("eth, worst over sampled", "and on eth", high=1.0),
    )
    protocol: ClassVar[str] = (
        "Scenes of a recording, five a seed, with the published Social-STGCNN trained without it. Every observed coordinate of every "
        "walker moves by up to 0.03 m; the mean distance of the first walker's predicted way from the recorded one is bounded: by 459 "
        "draws, by a linear model (least squares on 6,000 draws, margin on 12,000), and it is climbed by 100 steps of gradient ascent, "
        "twice. 4,000 further draws count how many lie above the sampled bound."
    )
    scaled_down: ClassVar[str] = (
        "The fit uses 6,000 in place of 30,000 draws, and its margin is that of the whole model, without the paper's choice of features. "
        "Scenes have a fixed number of walkers. The quick form has made scenes and a predictor that goes straight on."
    )
    seeds: ClassVar[int] = 3
    looks: ClassVar[tuple[EarlierLook, ...]] = (
        EarlierLook(
            "Figures of five other scenes of zara1, by another implementation, were known: 0.26 m by sampling, 0.42 m by the fit, 0.66 m "
            "under gradient ascent.",
            changed=False,
        ),
    )
    needs: ClassVar[tuple[str, ...]] = ("zara1.test", "eth.test")
    nets: ClassVar[tuple[str, ...]] = ("zara1.social_stgcnn", "eth.social_stgcnn")

    def measure(self, trial: Trial) -> Mapping[str, Quantity]:
        """Bounds and the worst move in metres, their ratios, and the share of fresh draws above the sampled bound."""
        found: dict[str, Quantity] = {}
        for name in ("zara1", "eth"):
            whole = made_scenes(trial, name) if trial.quick else in_metres(trial.sample(f"{name}.test").x)
            net = StraightOn() if trial.quick else trial.nets[f"{name}.social_stgcnn"]
            rows = np.sort(trial.numbers(name).permutation(len(whole))[: trial.pick(quick=2, full=5)])
            trial.say(f"bounding {len(rows)} scenes of {name}")
            each = [_bounds(net, whole[[row]], f"{name}-{row}", trial) for row in rows]
            sampled, fitted, worst, above = (np.array(column) for column in zip(*each, strict=True))
            found |= {
                f"{name}, sampled": Quantity(float(sampled.mean()), unit="amount"),
                f"{name}, fitted": Quantity(float(fitted.mean()), unit="amount"),
                f"{name}, worst": Quantity(float(worst.mean()), unit="amount"),
                f"{name}, fitted over sampled": Quantity(float((fitted / sampled).mean()), unit="amount"),
                f"{name}, worst over sampled": Quantity(float((worst / sampled).mean()), unit="amount"),
                f"{name}, fresh draws above": share(above.ravel()),
            }
        return found


def _bounds(net: nn.Module, scene: Tensor, name: str, trial: Trial) -> tuple[float, float, float, Bools]:
    """The sampled bound, the fitted one and the worst distance found in metres, and which fresh draws lie above the first."""
    seen = scene[:, :, :OBSERVED].double() if trial.quick else scene[:, :, :OBSERVED]
    one = Examples(seen, scene[:, 0, OBSERVED:].flatten(1).to(seen), np.array([name]), space=METRES)
    model = TorchModule(net, name="predictor", said="numbers")
    sampled = bound_by_sampling(model, Linf(REACH), examples=one, judge=FAR, share=SHARE, confidence=CONFIDENCE, seed=trial.seed)
    search = GradientAscent(steps=trial.pick(quick=20, full=100), restarts=2)
    worst = confront(model, Linf(REACH), search=search, examples=one, judge=FAR, to_the_end=True, seed=trial.seed)
    moves, fit, margin = (trial.pick(quick=n // 10, full=n) for n in (FRESH, FIT, MARGIN))
    bound = metres(float(sampled.bound[0]))
    above = _far(net, one, _moves(trial, f"fresh {name}", moves, one)) > bound
    learned, kept = (_moves(trial, f"{part} {name}", n, one) for part, n in (("fit", fit), ("margin", margin)))
    fitted = linear_bound(learned, _far(net, one, learned), kept, _far(net, one, kept))
    return bound, fitted, metres(float(worst.loss[0])), above


def metres(margin: float) -> float:
    """The distance behind a margin of `FAR`."""
    return FAR.metres * (margin + 1)


def _moves(trial: Trial, name: str, n: int, one: Examples) -> Floats:
    return trial.numbers(name).uniform(-REACH, REACH, (n, one.x[0].numel()))


def _far(net: nn.Module, one: Examples, moves: Floats) -> Floats:
    """How far off the way is at each move, shape (n,), in metres."""
    added = torch.from_numpy(moves).to(one.x).reshape(-1, *one.x.shape[1:])
    with torch.no_grad():
        found = [distance(net(one.x + part), one.y.expand(len(part), -1)) for part in torch.split(added, 2000)]
    return torch.cat(found).numpy()


def linear_bound(moves: Floats, far: Floats, others: Floats, far_there: Floats) -> float:
    """The largest value in the box of a linear model of `far`, shape (n,), by the moves, (n, k), plus its largest error at other moves."""
    design = np.column_stack([np.ones(len(moves)), moves])
    weights = np.linalg.lstsq(design, far, rcond=None)[0]
    margin = float((far_there - np.column_stack([np.ones(len(others)), others]) @ weights).max())
    return float(weights[0] + REACH * np.abs(weights[1:]).sum()) + margin


def made_scenes(trial: Trial, name: str) -> Tensor:
    """Scenes of two walkers who go straight on with small errors, shape (20, 2, 20, 2)."""
    numbers = trial.numbers(f"made {name}")
    start, pace = numbers.normal(size=(2, 20, 2, 1, 2))
    way = start + 0.4 * pace * np.arange(OBSERVED + PREDICTED)[:, None]
    return torch.from_numpy(way + 0.01 * numbers.normal(size=(20, 2, OBSERVED + PREDICTED, 2))).float()
