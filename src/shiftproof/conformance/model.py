"""The contract of models: outputs of the right shape that depend on the input only, and no state that changes with use."""

from __future__ import annotations

import inspect
import pickle
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from shiftproof.conformance.probes import no_global_randomness, noise, same_bits
from shiftproof.conformance.report import Failed, NotApplicable, describe, expect
from shiftproof.models.abstract import Gradients, Labels, Scores


@dataclass(frozen=True, eq=False)
class ModelCase:
    """A model and valid inputs of shape (n, ...), n at least 2."""

    model: Labels
    x: Tensor
    label: str

    def scores(self, x: Tensor) -> Tensor:
        """Its scores, without gradients; the check is not applicable if it has none."""
        if not isinstance(self.model, Scores):
            raise NotApplicable("It provides only labels.")
        with torch.no_grad():
            return self.model.scores(x)


def has_a_stable_fingerprint(case: ModelCase) -> None:
    """It has a name, and a fingerprint that is the same at each call."""
    name, first, second = case.model.name, case.model.fingerprint(), case.model.fingerprint()
    expect(isinstance(name, str) and bool(name), f"Its name must be text for reports, got {name!r}.")
    expect(
        isinstance(first, str) and bool(first) and first == second,
        f"Its fingerprint must be the same at each call, got {first!r} and {second!r}.",
    )


def labels_are_classes(case: ModelCase) -> None:
    """`labels` returns one int64 class per input, counted from 0."""
    labels = case.model.labels(case.x)
    expect(labels.shape == (len(case.x),), f"`labels` must have shape (n,) = ({len(case.x)},), got {tuple(labels.shape)}.")
    expect(labels.dtype == torch.int64, f"`labels` must be int64, got {labels.dtype}.")
    expect(int(labels.min()) >= 0, f"`labels` must be classes 0, 1, 2, ..., got {int(labels.min())}.")


def scores_are_logits(case: ModelCase) -> None:
    """`scores` returns finite floating logits of shape (n, classes), and `labels` is their argmax."""
    scores = case.scores(case.x)
    good = scores.dim() == 2 and len(scores) == len(case.x) and scores.shape[1] >= 2
    expect(good, f"`scores` must have shape (n, classes) with at least 2 classes, got {tuple(scores.shape)} for {len(case.x)} inputs.")
    expect(scores.is_floating_point(), f"`scores` must be floating, got {scores.dtype}.")
    expect(bool(scores.isfinite().all()), "`scores` has NaN or infinity on ordinary inputs.")
    expect(torch.equal(scores.argmax(1), case.model.labels(case.x)), "`labels` is not the argmax of `scores`.")
    total = scores.sum(1)
    probabilities = bool((scores >= 0).all()) and torch.allclose(total, torch.ones_like(total), atol=1e-4)
    expect(not probabilities, "`scores` look like probabilities. Return logits: remove the final softmax, or return the logarithm.")


def answers_are_repeatable(case: ModelCase) -> None:
    """The same input gives the same output, and no global generator is used."""
    with no_global_randomness("The model"):
        first, second = case.model.labels(case.x), case.model.labels(case.x)
    expect(
        torch.equal(first, second),
        f"{int((first != second).sum())} of {len(first)} labels changed at the second call. Fix its seed, or average its outputs.",
    )
    if isinstance(case.model, Scores):
        left, right = case.scores(case.x), case.scores(case.x)
        expect(
            torch.allclose(left, right, rtol=1e-4, atol=1e-5), "Scores changed at the second call. Fix its seed, or average its outputs."
        )


def answers_do_not_depend_on_the_batch(case: ModelCase) -> None:
    """The output for an input does not depend on the others in its batch."""
    whole = case.model.labels(case.x)
    alone = torch.cat([case.model.labels(x[None]) for x in case.x])
    advice = "If it is in training mode (batch norm), call .eval()."
    expect(
        torch.equal(whole, alone),
        f"{int((whole != alone).sum())} of {len(whole)} labels differ between single inputs and a batch. {advice}",
    )
    if isinstance(case.model, Scores):
        together, single = case.scores(case.x), torch.cat([case.scores(x[None]) for x in case.x])
        far = float((together - single).abs().max())
        expect(
            torch.allclose(together, single, rtol=1e-3, atol=1e-4),
            f"Scores of single inputs differ by up to {far:.3g} from those in a batch. {advice}",
        )


def use_changes_nothing(case: ModelCase) -> None:
    """Using it changes neither its fingerprint nor the inputs."""
    before, x = case.model.fingerprint(), case.x.clone()
    model = case.model
    # As it is written: what everybody else calls hands it a copy.
    written: Callable[..., object] = inspect.unwrap(type(model).scores if isinstance(model, Scores) else type(model).labels)
    written(model, case.x)
    expect(same_bits(case.x, x), "It changed the inputs in place. Work on a copy.")
    expect(
        case.model.fingerprint() == before,
        "Its fingerprint changed with use: its state depends on its inputs (batch norm in training mode?).",
    )


def gradients_are_correct(case: ModelCase) -> None:
    """The gradient of its scores with respect to the inputs exists and agrees with finite differences."""
    model = case.model
    if not isinstance(model, Gradients):
        raise NotApplicable("It has no gradients.")
    leaf = case.x.clone().requires_grad_()
    try:
        scores = model.scores(leaf)
        weight = noise("classes", 1, scores.shape[1]) - 0.5
        (gradient,) = torch.autograd.grad((scores * weight).sum(), leaf)
    except RuntimeError as error:
        advice = "Use torch operations only in `scores`, without .detach() or no_grad, or derive from Scores instead of Gradients."
        raise Failed(f"torch cannot differentiate its scores ({error}). {advice}") from None
    expect(bool(gradient.isfinite().all()), "The gradient has NaN or infinity.")
    step = 1e-2 * float(case.x.std() + 1e-3)
    direction = gradient / gradient.flatten(1).norm(dim=1).clamp_min(1e-12).reshape(-1, *[1] * (case.x.dim() - 1))
    up, down = ((case.scores(case.x + sign * step * direction) * weight).sum(1) for sign in (1, -1))
    slope, claimed = ((up - down) / (2 * step)).double(), gradient.flatten(1).norm(dim=1).double()
    off = (slope - claimed).abs() / (slope.abs() + claimed.abs() + 1e-9)
    typical = float(off.median())
    expect(
        typical <= 0.2,
        f"The gradient differs from finite differences by {typical:.0%} on a typical input. A gradient search would be misled.",
    )


def can_be_pickled(case: ModelCase) -> None:
    """It can be pickled, so that a run can use several processes."""
    try:
        again = pickle.loads(pickle.dumps(case.model))  # noqa: S301  # our own bytes
    except Exception as error:  # any error in pickling is shown to the user
        advice = "Define its classes at the top of an importable module, and keep open handles out of it."
        raise Failed(f"It cannot be pickled. {describe(error)}\n{advice}") from None
    expect(torch.equal(again.labels(case.x), case.model.labels(case.x)), "A pickled copy returns other labels.")
    expect(again.fingerprint() == case.model.fingerprint(), "A pickled copy has another fingerprint.")


MODEL_CHECKS = (
    has_a_stable_fingerprint,
    labels_are_classes,
    scores_are_logits,
    answers_are_repeatable,
    answers_do_not_depend_on_the_batch,
    use_changes_nothing,
    gradients_are_correct,
    can_be_pickled,
)
