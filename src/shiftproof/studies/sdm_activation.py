"""Schmaltz 2026: probabilities that know similar and distant inputs choose answers that stay right after a shift."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from shiftproof._arrays import Bools, Floats
from shiftproof.confidence.recalibrate import Temperature
from shiftproof.confidence.sdm import SimilarityDistanceMagnitude, reliable_region, rescaled_similarity
from shiftproof.data.examples import Examples
from shiftproof.studies.abstract import Prediction, Study
from shiftproof.studies.cross_domain_errors import strokes
from shiftproof.studies.nets import convolutional
from shiftproof.studies.quantity import Quantity, difference, less, share
from shiftproof.studies.trial import Trial

ALPHA = 0.95
_NOISE = 0.3


class _Said(NamedTuple):
    """What a network says of inputs: features (n, d), scores (n, classes), answers (n,)."""

    features: Floats
    scores: Floats
    answers: np.ndarray[tuple[int], np.dtype[np.int64]]


@dataclass(frozen=True)
class SdmActivation(Study):
    """A network keeps the answers that the rule of the SDM activation calls reliable, or those whose softmax is sure enough.

    Both aim at 95 % right among what is kept: the SDM rule at alpha 0.95, the softmax, its temperature fitted, at a confidence of 0.95.

    Cost: one training a seed, and nearest neighbours; about half a minute on one core in the full form.

    Reference: Schmaltz 2026 [schmaltz2026similarity], "Similarity-Distance-Magnitude activations".
    """

    name: ClassVar[str] = "sdm_activation"
    references: ClassVar[tuple[str, ...]] = ("schmaltz2026similarity",)
    claim: ClassVar[str] = (
        "For selective classification the SDM activation stands shifts of the inputs and unfamiliar inputs better than a calibrated "
        "softmax, and still answers most inputs of the kind that it was trained on."
    )
    paper: ClassVar[str] = "Schmaltz 2026"
    figure: ClassVar[str] = "Stated in words by the paper's abstract, for language models at alpha 0.95."
    predictions: ClassVar[tuple[Prediction, ...]] = (
        Prediction("kept right, SDM", "of the kept answers to digits of its kind 95 % are right", low=ALPHA),
        Prediction("kept, SDM", "and most are kept", low=0.5),
        Prediction("kept right after the shift, SDM", "of the kept answers to shifted digits 95 % are still right", low=ALPHA),
        Prediction("kept right after the shift, SDM over softmax", "which is more than the softmax's", low=0.0),
        Prediction("unfamiliar kept, SDM over softmax", "fewer answers to what is no digit are kept than by the softmax", high=0.0),
    )
    protocol: ClassVar[str] = (
        "Train a network of two convolutions on 10,000 images of MNIST for three epochs. Its features are what goes into the last layer. "
        "5,000 other images calibrate: the distances and the region of the SDM rule at alpha 0.95, and the temperature of the softmax. "
        "Count what is kept, and right, of MNIST's test images, of USPS, and of 900 grey images of clothes."
    )
    scaled_down: ClassVar[str] = (
        "Small networks of images in place of language models. The scores are those of a network trained by cross-entropy; the paper also "
        "trains the last layer with this activation, and averages over several. The quick form is of 8x8 digits, with Gaussian noise as "
        "the shift and random strokes in place of clothes."
    )
    needs: ClassVar[tuple[str, ...]] = ("mnist.train", "mnist.test", "usps.test", "fashion_grey.test")

    def measure(self, trial: Trial) -> Mapping[str, Quantity]:
        """What both rules keep of the three samples, and how much of it is right."""
        task = trial.task("mnist", train=trial.pick(quick=1200, full=15000))
        rows = np.arange(len(task.train))
        lessons, own = task.train[rows[rows % 3 > 0]], task.train[rows[rows % 3 == 0]]
        shifted, unfamiliar = _others(trial, task.test)
        make = convolutional(tuple(task.train.x.shape[1:]))
        net = trial.train("net", make, lessons, epochs=trial.pick(quick=8, full=3), batch_size=64)
        known, calibration = _said(net, lessons.x), _said(net, own.x)
        truth = own.y.numpy()
        sdm = SimilarityDistanceMagnitude.fit(
            known.features, lessons.y.numpy(), known.answers, (calibration.features, truth, calibration.answers), classes=10
        )

        def similar(said: _Said) -> tuple[Floats, Floats]:
            like = sdm.likeness(said.features, said.answers)
            p = sdm.probabilities(said.scores, like)
            return rescaled_similarity(like.q, p), p

        region = reliable_region(*similar(calibration), truth, alpha=ALPHA)
        softmax = Temperature.fit(calibration.scores, truth)
        found: dict[str, Quantity] = {}
        for place, sample in {"": task.test, " after the shift": shifted}.items():
            said = _said(net, sample.x)
            right = said.answers == sample.y.numpy()
            kept = {"SDM": region.reliable(*similar(said)), "softmax": softmax.confidence(said.scores) >= ALPHA}
            found[f"all right{place}"] = share(right)
            for rule, keep in kept.items():
                found[f"kept{place}, {rule}"], found[f"kept right{place}, {rule}"] = share(keep), right_among(keep, right)
            found[f"kept right{place}, SDM over softmax"] = less(found[f"kept right{place}, SDM"], found[f"kept right{place}, softmax"])
        said = _said(net, unfamiliar)
        ours, theirs = region.reliable(*similar(said)), softmax.confidence(said.scores) >= ALPHA
        found |= {"unfamiliar kept, SDM": share(ours), "unfamiliar kept, softmax": share(theirs)}
        return {**found, "unfamiliar kept, SDM over softmax": difference(ours, theirs)}


def right_among(keep: Bools, right: Bools) -> Quantity:
    """The share of right answers among those kept, 0 where none is: nothing kept is nothing gained."""
    return share(right[keep]) if keep.any() else Quantity(0.0, unit="share")


def _others(trial: Trial, test: Examples) -> tuple[Examples, Tensor]:
    """A shifted sample, and inputs of no class."""
    if not trial.quick:
        return trial.sample("usps.test"), trial.sample("fashion_grey.test").x
    noise = torch.from_numpy(trial.numbers("noise").normal(scale=_NOISE, size=tuple(test.x.shape))).to(test.x)
    moved = Examples((test.x + noise).clamp(0, 1), test.y, test.ids, test.groups, test.space)
    return moved, strokes(300, 8, trial.numbers("strokes"))


def _said(net: nn.Module, x: Tensor) -> _Said:
    *first, last = net.children()
    with torch.no_grad():
        features = torch.cat([nn.Sequential(*first)(part) for part in torch.split(x, 1000)])
        scores = last(features)
    return _Said(features.double().numpy(), scores.double().numpy(), scores.argmax(1).numpy())
