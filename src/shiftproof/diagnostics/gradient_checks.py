"""Checks of the loss gradient: does it exist, is it correct, and is the loss smooth enough for it to be useful?"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from shiftproof.diagnostics.check import Check, measured
from shiftproof.diagnostics.probed_model import ProbedModel, differentiable, lengths
from shiftproof.losses import cross_entropy, margin
from shiftproof.shifts.abstract import Params

_ATHALYE = "Athalye, Carlini & Wagner 2018"
_PINTOR = "Pintor et al. 2022"
_TRAMER = "Tramer et al. 2020"
_STEPS = (0.02, 0.1, 0.3)
_POINTS = 11


def zero_gradients(subject: ProbedModel) -> Check:
    """For how many examples is the gradient of the cross-entropy exactly zero, unmoved or at a random move?"""
    shift = differentiable(subject.shift)
    moves = (shift.origin(subject.x), shift.sample(subject.x, subject.rng("zero")))
    blind = torch.stack([(subject.gradient(params, cross_entropy)[2].flatten(1) == 0).all(1) for params in moves])
    other = torch.stack([(subject.gradient(params, margin)[2].flatten(1) == 0).all(1) for params in moves])
    figure, limit = float(blind.any(0).double().mean()), subject.limit("zero_gradients")
    sighted = float(other.any(0).double().mean()) <= limit
    advice = "gradient_ascent(steps=100, loss=margin)" if sighted else subject.black_box
    detail = "Share of examples at which the gradient of the cross-entropy is exactly zero; a gradient search does not move there."
    return measured("zero_gradients", figure, limit, detail, search=advice, reference=f"{_ATHALYE}; {_PINTOR}")


def gradient_norms(subject: ProbedModel) -> Check:
    """Over how many powers of ten do the lengths of the margin's gradient spread from example to example?"""
    shift = differentiable(subject.shift)
    size = lengths(subject.gradient(shift.sample(subject.x, subject.rng("norms")), margin)[2])
    low, middle, high = (float(size.quantile(q)) for q in (0.05, 0.5, 0.95))
    figure = float(torch.tensor(high / low).log10()) if low > 0 else torch.inf
    detail = f"Powers of ten between the 5% shortest and longest gradients of the margin (median length {middle:.2g})."
    return measured("gradient_norms", figure, subject.limit("gradient_norms"), detail, search=subject.black_box, reference=_PINTOR)


def slope(subject: ProbedModel) -> Check:
    """Does the margin change by what its gradient says, uphill and in a random direction?"""
    shift, x = differentiable(subject.shift), subject.x
    here = shift.project(x, shift.sample(x, subject.rng("slope")))
    _, value, gradient = subject.gradient(here, margin)
    far = shift.sample(x, subject.rng("slope", "far"))
    errors: list[float] = []
    for step in _STEPS:
        uphill = shift.project(x, shift.ascend(here, gradient, step))
        aside = shift.project(x, here + step * (far - here))
        found = [_error(subject, here, there, value, gradient) for there in (uphill, aside)]
        errors += [max(known) for known in [[error for error in found if not math.isnan(error)]] if known]
    figure = min(errors, default=0.0)
    detail = "Median error of the change that the gradient predicts, as a share of it, at the best of three step lengths."
    advice = subject.black_box
    return measured("slope", figure, subject.limit("slope"), detail, search=advice, reference=_ATHALYE)


def _error(subject: ProbedModel, here: Params, there: Params, value: Tensor, gradient: Tensor) -> float:
    said = ((there - here).double() * gradient.double()).flatten(1).sum(1)
    came = (subject.loss(there, margin) - value).double()
    size = torch.maximum(said.abs(), came.abs())
    noise = 1e-6 * value.abs().double() + 1e-12
    moved = size > noise
    # Where most examples neither moved nor should have, there is nothing to compare: a shorter step than the model's own resolution.
    return float(((said - came).abs() / size)[moved].median()) if float(moved.double().mean()) >= 0.5 else math.nan


def ruggedness(subject: ProbedModel) -> Check:
    """Is the margin a smooth curve across the budget, or does it jump up and down?"""
    shift, x = differentiable(subject.shift), subject.x
    start = shift.origin(x)
    _, _, gradient = subject.gradient(start, margin)
    ends = {"uphill": shift.project(x, shift.ascend(start, gradient, 1.0)), "chance": shift.sample(x, subject.rng("rugged"))}
    figures = {name: _roughness(subject, start, end) for name, end in ends.items()}
    worst = max(figures, key=lambda name: figures[name])
    detail = "Median of the curve's bends over its slopes on a line across the budget, 0 for a straight line and 1.7 for pure noise "
    detail += f"(worst: {'along the gradient' if worst == 'uphill' else 'in a random direction'})."
    return measured("ruggedness", figures[worst], subject.limit("ruggedness"), detail, search=subject.black_box, reference=_TRAMER)


def _roughness(subject: ProbedModel, start: Params, end: Params) -> float:
    curve = torch.stack([subject.loss(start + t * (end - start), margin).double() for t in torch.linspace(0, 1, _POINTS).tolist()])
    slopes = curve.diff(dim=0)
    size = slopes.abs().mean(0)
    rough = slopes.diff(dim=0).abs().mean(0) / size
    return float(rough.where(size > 1e-6 * curve.abs().amax(0) + 1e-12, 0.0).median())
