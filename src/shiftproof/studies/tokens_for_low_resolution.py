"""Pathak et al. 2025: tokens learned from pairs of low and full resolution make a frozen vision transformer read low resolution better."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from torch import nn

from shiftproof._arrays import Bools
from shiftproof.data.examples import Examples
from shiftproof.shifts import shifts
from shiftproof.studies.abstract import EarlierLook, Prediction, Study
from shiftproof.studies.fit import made
from shiftproof.studies.quantity import Quantity, difference, share
from shiftproof.studies.small_transformers import SmallVisionTransformer
from shiftproof.studies.trial import Trial, right
from shiftproof.training.methods.low_resolution_tokens import LowResolutionTokens, shrunk
from shiftproof.training.pieces.resolution_tokens import ResolutionTokens

LEVELS = {"full": None, "8 pixels": 2, "4 pixels": 4}
"""The resolutions judged at, by the severity of `low_resolution` for images of 28 pixels."""
LITTLE = 0.01
"""What tokens may cost at full resolution."""


@dataclass(frozen=True)
class TokensForLowResolution(Study):
    """A vision transformer learns digits, and then stays as it is; tokens, or all its weights, learn from other images without labels.

    Cost: three trainings of a small transformer a seed; under a minute of one core in the full form.

    Reference: Pathak et al. 2025, "LR0.FM: low-res benchmark and improving robustness for zero-shot classification in foundation models".
    """

    name: ClassVar[str] = "tokens_for_low_resolution"
    references: ClassVar[tuple[str, ...]] = LowResolutionTokens.references
    claim: ClassVar[str] = (
        "Tokens added to a frozen vision transformer, learned from low-resolution copies of images without labels, make it more accurate "
        "at low resolution and cost nothing at full resolution."
    )
    paper: ClassVar[str] = "Pathak et al. 2025"
    figure: ClassVar[str] = (
        "Stated in words by the abstract, for visual-language foundation models on 15 data sets: LR-TK0 enhances robustness against low "
        "resolution without compromising the pre-trained weights."
    )
    predictions: ClassVar[tuple[Prediction, ...]] = (
        Prediction("4 pixels, gain of tokens", "at 4 of 28 pixels more images are read", low=0.0),
        Prediction("8 pixels, gain of tokens", "at 8 of 28 too", low=0.0),
        Prediction("full, gain of tokens", "and at full resolution at most one point is lost", low=-LITTLE),
    )
    protocol: ClassVar[str] = (
        "MNIST. A transformer of three blocks of width 48 and patches of 7 pixels learns 4,000 images, Adam, 8 epochs, by the plain loss. "
        "Then 1,500 other training images without their labels teach LR-TK0's tokens, or all weights for comparison, by its contrast at "
        "two scales, sides of 4 to 7 and 8 to 15 pixels, Adam, 6 epochs; the epoch is chosen by accuracy at 4 pixels on a tenth of them. "
        "Judged on 2,000 test images as they are and shrunk to 8 and 4 pixels and enlarged again."
    )
    scaled_down: ClassVar[str] = (
        "A transformer trained on the task itself in place of zero-shot CLIP models, and real images of the task in place of images that "
        "a diffusion model paints from captions: what is learned need not carry over to another task here."
    )
    seeds: ClassVar[int] = 6
    looks: ClassVar[tuple[EarlierLook, ...]] = (
        EarlierLook(
            "Two seeds for the spread: tokens gained 49 and 41 points at 4 pixels and 21 and 11 at 8, and lost 3.3 and 2.2 at full "
            "resolution, where at most 1 is predicted. Nothing was changed after it.",
            seeds=(0, 1),
            changed=False,
        ),
    )
    needs: ClassVar[tuple[str, ...]] = ("mnist.train", "mnist.test")

    def measure(self, trial: Trial) -> Mapping[str, Quantity]:
        """Accuracy at each resolution of the transformer, with tokens, and with all weights trained, and what is gained."""
        first, more = trial.pick(quick=300, full=4000), trial.pick(quick=150, full=1500)
        task = trial.task("mnist", train=first + more, test=trial.pick(quick=200, full=2000))
        order = trial.numbers("images of the transformer").permutation(len(task.train))
        learned, pool = task.train[np.sort(order[:first])], task.train[np.sort(order[first:])]
        shape = tuple(task.train.x.shape[1:])
        adam = {"batch_size": 50, "optimiser": "adam(lr=0.002)"}
        epochs = trial.pick(quick=3, full=8)
        net = trial.train("transformer", lambda: _transformer(trial, shape), learned, "plain", epochs=epochs, **adam)
        method = LowResolutionTokens(least=4 / 28, scales=2)
        recipe = {**adam, "epochs": trial.pick(quick=1, full=6), **_choice(trial)}
        tokens = ResolutionTokens(made(lambda: _transformer(trial, shape), 0), pool.x[:1], seed=trial.seed)
        tokens.net.load_state_dict(net.state_dict())
        ways: dict[str, nn.Module] = {
            "the transformer": net,
            "tokens": trial.train("tokens", tokens, pool, method, **{**recipe, "optimiser": "adam(lr=0.01)"}),
            "all weights": trial.train("all weights", net, pool, method, **{**recipe, "optimiser": "adam(lr=0.0005)"}),
        }
        found: dict[str, Quantity] = {}
        for level, severity in LEVELS.items():
            judged = task.test if severity is None else _reduced(trial, task.test, severity)
            flags: dict[str, Bools] = {way: right(each, judged) for way, each in ways.items()}
            found |= {f"{level}, {way}": share(each) for way, each in flags.items()}
            for way in ("tokens", "all weights"):
                found[f"{level}, gain of {way}"] = difference(flags[way], flags["the transformer"])
        return found


def _transformer(trial: Trial, shape: tuple[int, ...]) -> SmallVisionTransformer:
    return SmallVisionTransformer(shape, patch=trial.pick(quick=2, full=7), width=trial.pick(quick=16, full=48), depth=3)


def _choice(trial: Trial) -> dict[str, object]:
    """What chooses the epoch: accuracy at the lowest resolution; digits of 8 pixels are too small for it."""
    return {"held_out": 0.3} if trial.quick else {"threat": f"low_resolution(severity={LEVELS['4 pixels']})", "search": "one_draw"}


def _reduced(trial: Trial, examples: Examples, severity: int) -> Examples:
    """The examples shrunk and enlarged again; those of the quick form to a half or a quarter of their 8 pixels."""
    if trial.quick:
        moved = shrunk(examples.x, [8 // severity] * len(examples)).clamp(0, 1)
    else:
        shift = shifts.build(f"low_resolution(severity={severity})").within(examples.space)
        moved = shift.apply(examples.x, shift.sample(examples.x, trial.rng("resolution").for_ids(trial.seed, examples.ids)))
    return Examples(moved.to(examples.x), examples.y, examples.ids, space=examples.space)
