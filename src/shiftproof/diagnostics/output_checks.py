"""Checks of the model's outputs: are they repeatable, and are they saturated?"""

from __future__ import annotations

import torch

from shiftproof.diagnostics.check import Check, Status, measured, not_run
from shiftproof.diagnostics.probed_model import ProbedModel
from shiftproof.models.abstract import Gradients, Scores
from shiftproof.models.query_count import count_asked

_ATHALYE = "Athalye, Carlini & Wagner 2018"
_CARLINI = "Carlini & Wagner 2016, 2017"


def randomness(subject: ProbedModel) -> Check:
    """Does the same input get the same answer twice? A gradient of one draw is not that of the next."""
    count_asked(2 * len(subject.examples))
    with torch.no_grad():
        ask = subject.model.scores if isinstance(subject.model, Scores) else subject.model.labels
        first, second = (torch.cat([ask(subject.x[rows]).double() for rows in subject.batches()]) for _ in range(2))
    close = torch.isclose(first, second, rtol=1e-4, atol=1e-5).reshape(len(first), -1).all(1)
    figure = float((~close).double().mean())
    advice = subject.usable(
        ("cascade(draws=20)", "expectation(search=gradient_ascent(steps=40), draws=20)", "gradient_ascent(steps=100)", subject.black_box)
    )
    detail = "Share of examples whose scores differ between two calls; a random model needs gradients averaged over its draws (EOT)."
    return measured("randomness", figure, subject.limit("randomness"), detail, search=advice, reference=_ATHALYE)


def saturation(subject: ProbedModel) -> Check:
    """Are the scores so far apart that the softmax rounds to 0 and 1, and the loss has no gradient left?"""
    name = "saturation"
    if not isinstance(subject.model, Scores):
        return not_run(name, "The model provides only labels.", reference=_CARLINI)
    count_asked(len(subject.examples))
    with torch.no_grad():
        scores = torch.cat([subject.model.scores(subject.x[rows]).double() for rows in subject.batches()])
    best = scores.topk(2, dim=1).values
    figure = float((best[:, 0] - best[:, 1]).median())
    if bool((scores >= 0).all()) and torch.allclose(scores.sum(1), scores.new_ones(len(scores)), atol=1e-4):
        certain = float((scores.amax(1) == 1).double().mean())
        detail = f"The scores are probabilities, {certain:.0%} of the largest exactly 1: search the logits, without the final softmax."
        return Check(name, Status.FAIL, certain, 0.0, detail, subject.black_box, _CARLINI)
    loss = subject.usable(("gradient_ascent(steps=100, loss=margin)",)) if isinstance(subject.model, Gradients) else ""
    detail = "Median nats between the best two scores; with more, the softmax is 1 in float32 and its cross-entropy has no gradient."
    return measured(name, figure, subject.limit(name), detail, search=loss or subject.black_box, reference=_CARLINI)
