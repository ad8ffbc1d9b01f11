"""Checks of attack effort: does a longer search, another loss or step, or a gradient-free search find more failures?"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from shiftproof.diagnostics.check import Check, measured, not_run
from shiftproof.diagnostics.probed_model import ProbedModel
from shiftproof.shifts.abstract import Differentiable
from shiftproof.shifts.norms.ball import Ball

_CARLINI = "Carlini et al. 2019"
_ATHALYE = "Athalye, Carlini & Wagner 2018"
_CROCE = "Croce & Hein 2020"
USUAL = "gradient_ascent"
"""The search whose verdict is examined: 40 steps of projected gradient ascent from a random draw."""
SIGHTED = (
    USUAL,
    "gradient_ascent(steps=160)",
    "gradient_ascent(restarts=3)",
    "gradient_ascent(loss=margin)",
    "gradient_ascent(loss=dlr)",
)
"""Gradient searches that a search without gradients should not beat."""
_STEP_SHARES = (0.25, 4.0)


def more_effort(subject: ProbedModel) -> Check:
    """Do four times the steps, or three restarts, find much more?"""
    usual = subject.accuracy(USUAL)
    gains = {spec: usual - subject.accuracy(spec) for spec in SIGHTED[1:3]}
    best = max(gains, key=lambda spec: gains[spec])
    advice = subject.usable(("auto_step(steps=200, restarts=5, loss=dlr)", "gradient_ascent(steps=400, restarts=5, schedule=cosine)"))
    detail = f"Accuracy lost from {USUAL} to {best}: the default search has not converged."
    return measured("more_effort", gains[best], subject.gap("more_effort"), detail, search=advice, reference=_CARLINI)


def longer_is_worse(subject: ProbedModel) -> Check:
    """Does the model look better against more steps? It cannot be."""
    gains = [subject.accuracy("gradient_ascent(steps=160)") - subject.accuracy(USUAL)]
    gains.append(subject.accuracy(USUAL) - subject.accuracy("gradient_ascent(steps=5)"))
    detail = "Largest gain in accuracy when the search is longer (5, 40, 160 steps)."
    return measured("longer_is_worse", max(gains), subject.gap("longer_is_worse"), detail, search=subject.black_box, reference=_CARLINI)


def unbounded(subject: ProbedModel) -> Check:
    """Does accuracy reach 0 once every input can be reached?"""
    name = "unbounded"
    shift = subject.shift
    if not isinstance(shift, Ball) or shift.name == "l0":
        return not_run(name, f"{shift.name} has no radius from which it reaches every input.", reference=_CARLINI)
    if not shift.space.bounded and not shift.space.columns:
        return not_run(name, "The inputs have no box, so no radius reaches every input.", reference=_CARLINI)
    largest = shift.largest()
    if math.isinf(largest):
        size = subject.x[0].numel()
        largest = shift.space.width * (size if shift.name == "l1" else math.sqrt(size))
    # From the input itself: random moves of this size break any model without a gradient.
    figure = subject.accuracy("gradient_ascent(steps=100, random_start=false)", replace(shift, eps=largest))
    detail = f"Accuracy under {shift.name}(eps={largest:.3g}), which reaches every input; a search with useful gradients brings it to 0."
    return measured(name, figure, subject.limit(name), detail, search=subject.black_box, reference=_CARLINI)


def black_box(subject: ProbedModel) -> Check:
    """Does a search without gradients break what the gradient search does not?"""
    search = subject.black_box
    sighted = np.logical_or.reduce([subject.broken(spec) for spec in SIGHTED])
    only = subject.broken_besides(search, sighted)
    detail = (
        f"Share of examples that {search} breaks and none of {len(SIGHTED)} gradient searches breaks (steps, restarts and losses as above)."
    )
    return measured("black_box", float(only.mean()), subject.gap("black_box"), detail, search=search, reference=_ATHALYE)


def loss_choice(subject: ProbedModel) -> Check:
    """Does another loss break many more than the cross-entropy?"""
    usual = subject.accuracy(USUAL)
    others = {name: subject.accuracy(f"gradient_ascent(loss={name})") for name in ("margin", "dlr")}
    best = min(others, key=lambda name: others[name])
    detail = f"Accuracy lost when maximising the {best} instead of the cross-entropy."
    advice = f"gradient_ascent(steps=100, loss={best})"
    return measured("loss_choice", usual - others[best], subject.gap("loss_choice"), detail, search=advice, reference=_CROCE)


def step_size(subject: ProbedModel) -> Check:
    """Does another step size break many more?"""
    usual = subject.accuracy(USUAL)
    path = subject.shift.path if isinstance(subject.shift, Differentiable) else Differentiable.path
    sizes = {share * path / 40: subject.accuracy(f"gradient_ascent(step_size={share * path / 40})") for share in _STEP_SHARES}
    best = min(sizes, key=lambda size: sizes[size])
    detail = f"Accuracy lost with steps of {best:.3g} of the radius instead of {path / 40:.3g}."
    advice = subject.usable(("auto_step(steps=100)", f"gradient_ascent(steps=100, step_size={best:.3g})"))
    return measured("step_size", usual - sizes[best], subject.gap("step_size"), detail, search=advice, reference=_CROCE)
