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
    if subject.settled("more_effort", most := _standing(subject)):
        return _too_few("more_effort", subject, most, _CARLINI)
    gains = {spec: usual - subject.accuracy(spec) for spec in SIGHTED[1:3]}
    best = max(gains, key=lambda spec: gains[spec])
    advice = subject.usable(("auto_step(steps=200, restarts=5, loss=dlr)", "gradient_ascent(steps=400, restarts=5, schedule=cosine)"))
    detail = f"Accuracy lost from {USUAL} to {best}: the default search has not converged."
    return measured("more_effort", gains[best], subject.gap("more_effort"), detail, search=advice, reference=_CARLINI)


def longer_is_worse(subject: ProbedModel) -> Check:
    """Does the model look better against more steps? It cannot be."""
    usual, long = subject.broken(USUAL), SIGHTED[1]
    shorter = subject.accuracy(USUAL) - subject.accuracy("gradient_ascent(steps=5)")
    most = float((usual & ~subject.broken(long, among=usual)).mean())  # unless it also breaks what the usual search does not
    detail = "Largest gain in accuracy when the search is longer (5, 40, 160 steps)."
    if not subject.asked(long).all() and subject.settled("longer_is_worse", most):
        figure, detail = max(most, shorter), f"{detail} At most this: what holds was not searched longer, which could only lower it."
    else:
        figure = max(subject.accuracy(long) - subject.accuracy(USUAL), shorter)
    return measured("longer_is_worse", figure, subject.gap("longer_is_worse"), detail, search=subject.black_box, reference=_CARLINI)


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
    name, search = "black_box", subject.black_box
    detail = (
        f"Share of examples that {search} breaks and none of {len(SIGHTED)} gradient searches breaks (steps, restarts and losses as above)."
    )
    sighted = [subject.broken(spec, among=None if subject.exact else subject.asked(spec)) for spec in SIGHTED]
    standing = ~np.logical_or.reduce(sighted) & ~subject.proven
    if subject.settled(name, float(standing.mean())):
        return _too_few(name, subject, float(standing.mean()), _ATHALYE)
    only = subject.broken(search, among=standing)
    for spec in SIGHTED:
        if subject.settled(name, float(only.mean())):
            break
        only &= ~subject.broken(spec, among=only)
    if not all(subject.asked(spec)[only].all() for spec in SIGHTED):
        detail += " At most this: not all of these searches were run on them."
    return measured(name, float(only.mean()), subject.gap(name), detail, search=search, reference=_ATHALYE)


def loss_choice(subject: ProbedModel) -> Check:
    """Does another loss break many more than the cross-entropy?"""
    usual = subject.accuracy(USUAL)
    if subject.settled("loss_choice", most := _standing(subject)):
        return _too_few("loss_choice", subject, most, _CROCE)
    others = {name: subject.accuracy(f"gradient_ascent(loss={name})") for name in ("margin", "dlr")}
    best = min(others, key=lambda name: others[name])
    detail = f"Accuracy lost when maximising the {best} instead of the cross-entropy."
    advice = f"gradient_ascent(steps=100, loss={best})"
    return measured("loss_choice", usual - others[best], subject.gap("loss_choice"), detail, search=advice, reference=_CROCE)


def step_size(subject: ProbedModel) -> Check:
    """Does another step size break many more?"""
    usual = subject.accuracy(USUAL)
    if subject.settled("step_size", most := _standing(subject)):
        return _too_few("step_size", subject, most, _CROCE)
    path = subject.shift.path if isinstance(subject.shift, Differentiable) else Differentiable.path
    sizes = {share * path / 40: subject.accuracy(f"gradient_ascent(step_size={share * path / 40})") for share in _STEP_SHARES}
    best = min(sizes, key=lambda size: sizes[size])
    detail = f"Accuracy lost with steps of {best:.3g} of the radius instead of {path / 40:.3g}."
    advice = subject.usable(("auto_step(steps=100)", f"gradient_ascent(steps=100, step_size={best:.3g})"))
    return measured("step_size", usual - sizes[best], subject.gap("step_size"), detail, search=advice, reference=_CROCE)


def _standing(subject: ProbedModel) -> float:
    """The share of examples that the usual search does not break, and that are not proven to hold."""
    return float((~subject.broken(USUAL) & ~subject.proven).mean())


def _too_few(name: str, subject: ProbedModel, most: float, reference: str) -> Check:
    """A check that cannot fail, as too few examples stand for a difference that counts."""
    detail = f"At most this, the share of examples that {USUAL} leaves standing and no proof covers: too few to search them further."
    return measured(name, most, subject.gap(name), detail, reference=reference)
