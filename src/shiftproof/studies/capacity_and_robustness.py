"""Madry et al. 2018: robustness asks for more capacity than accuracy does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.norms.linf import Linf
from shiftproof.studies.abstract import EarlierLook, Prediction, Study
from shiftproof.studies.nets import convolutional
from shiftproof.studies.quantity import Quantity, less, share
from shiftproof.studies.trial import Trial, right, right_under

WIDTHS = (1, 2, 4, 8)
"""Channels of the first layer; all layers grow with it."""


@dataclass(frozen=True)
class CapacityAndRobustness(Study):
    """Networks of one shape and growing width, trained plainly and on the worst moves of several steps.

    Cost: eight trainings of small networks and attacks a seed; half a minute.

    Reference: Madry et al. 2018, "Towards deep learning models resistant to adversarial attacks", section 4.
    """

    name: ClassVar[str] = "capacity_and_robustness"
    references: ClassVar[tuple[str, ...]] = ("madry2018towards",)
    claim: ClassVar[str] = (
        "Adversarial training needs more capacity than plain training: wider networks gain more under attack than they gain clean, and the "
        "narrowest lose accuracy that plain training has."
    )
    paper: ClassVar[str] = "Madry et al. 2018"
    figure: ClassVar[str] = (
        "MNIST and CIFAR-10: adversarial accuracy rises with the width of a simple network, and the smallest, trained against PGD, learn "
        "nothing (MNIST, capacity 1 and 2: 11 % clean and under attack) though plain training gives them more than 90 %."
    )
    predictions: ClassVar[tuple[Prediction, ...]] = (
        Prediction("adversarial, gain of width under attack", "the widest stands more attacks than the narrowest", low=0.0),
        Prediction("gain of width, attacked less plain clean", "by more than it is more accurate when trained plainly", low=0.0),
        Prediction("narrowest, clean accuracy lost", "adversarial training costs the narrowest clean accuracy", low=0.0),
        Prediction("clean accuracy lost, narrowest less widest", "and more than it costs the widest", low=0.0),
    )
    protocol: ClassVar[str] = (
        "2,000 MNIST images, others for each seed, linf moves of 0.15; networks of two convolutions and two linear layers of 1, 2, 4 and 8 "
        "channels at first, Adam, 8 epochs of batches of 50, plainly and on moves of 5 steps. 600 test images under 20 steps of ascent."
    )
    scaled_down: ClassVar[str] = "Half of the paper's radius and few images; its networks of 2 to 64 channels are wider."
    seeds: ClassVar[int] = 8
    looks: ClassVar[tuple[EarlierLook, ...]] = (
        EarlierLook(
            "Three seeds were measured in full and left the claim open: adversarial, gain of width under attack 38.3 points (-100.0 to "
            "100.0), gain of width, attacked less plain clean 1.2 points (-100.0 to 100.0), narrowest, clean accuracy lost 44.7 points "
            "(-100.0 to 100.0), clean accuracy lost, narrowest less widest 15.7 points (-100.0 to 100.0). 8 other seeds take their "
            "place; nothing else was changed.",
            seeds=(0, 1, 2),
        ),
    )
    needs: ClassVar[tuple[str, ...]] = ("mnist.train", "mnist.test")

    def measure(self, trial: Trial) -> Mapping[str, Quantity]:
        """Clean and attacked accuracy of both trainings at each width, and what width gains."""
        task = trial.task("mnist", train=trial.pick(quick=700, full=2000), test=trial.pick(quick=200, full=600))
        eps = trial.pick(quick=0.1, full=0.15)
        ways = {"plain": "plain", "adversarial": f"adversarial(shift=linf(eps={eps}), search=gradient_ascent(steps=5))"}
        found: dict[str, Quantity] = {}
        clean: dict[tuple[str, int], Quantity] = {}
        attacked: dict[tuple[str, int], Quantity] = {}
        for way, method in ways.items():
            for width in WIDTHS:
                net = trial.train(
                    f"{way} {width}",
                    convolutional(tuple(task.train.x.shape[1:]), width=width),
                    task.train,
                    method,
                    epochs=trial.pick(quick=4, full=8),
                    batch_size=50,
                    optimiser="adam(lr=0.003)",
                    search="gradient_ascent(steps=5, loss=margin)",
                    unseen="none",
                )
                clean[way, width] = share(right(net, task.test))
                attacked[way, width] = share(right_under(net, task.test, Linf(eps), "gradient_ascent(steps=20)", trial.seed))
                found[f"{way}, width {width}, clean"], found[f"{way}, width {width}, attacked"] = clean[way, width], attacked[way, width]
        narrow, wide = WIDTHS[0], WIDTHS[-1]
        gain = less(attacked["adversarial", wide], attacked["adversarial", narrow])
        lost = {width: less(clean["plain", width], clean["adversarial", width]) for width in (narrow, wide)}
        return {
            **found,
            "adversarial, gain of width under attack": gain,
            "gain of width, attacked less plain clean": less(gain, less(clean["plain", wide], clean["plain", narrow])),
            "narrowest, clean accuracy lost": lost[narrow],
            "clean accuracy lost, narrowest less widest": less(lost[narrow], lost[wide]),
        }
