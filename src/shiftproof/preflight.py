"""A look at the model on a few clean examples before any work: does the data fit, and what speaks against its answers."""

from __future__ import annotations

import torch
from torch import Tensor

from shiftproof._errors import UsageError, must
from shiftproof.data.class_names import few
from shiftproof.data.examples import Examples
from shiftproof.models.abstract import Labels, Scores
from shiftproof.models.estimator import EstimatorScores
from shiftproof.outcomes import Flag

PROBES = 16
"""Examples looked at; a multiple of the padding of batches, so that only the batch's company changes."""


def check_examples(examples: Examples) -> None:
    """Raises `UsageError` where inputs are not finite, leave their box, or labels are not classes."""
    if not bool(examples.x.isfinite().all()):
        bad = int((~examples.x.flatten(1).isfinite().all(1)).sum())
        first = examples.ids[int((~examples.x.flatten(1).isfinite().all(1)).nonzero()[0, 0])]
        raise UsageError(
            f"The inputs contain NaN or infinity in {bad} of {len(examples)} examples, first in '{first}'. Remove or impute them."
        )
    low, high = examples.space.bounds(examples.x)
    outside = ((examples.x < low) | (examples.x > high)).flatten(1).any(1)
    if bool(outside.any()):
        least, most = float(examples.x.min()), float(examples.x.max())
        raise UsageError(
            f"{int(outside.sum())} of {len(examples)} inputs lie outside the box {examples.space.units}: values run from {least:.4g} to "
            f"{most:.4g}. "
            "Declare the box that the inputs are in, for example --box 0,255 (box=(0, 255) in Python)."
        )
    if bool((examples.y < 0).any()):
        raise must("labels", "the data", "be classes 0, 1, 2, ...", int(examples.y.min()))


def inspect_model(model: Labels, examples: Examples) -> list[Flag]:
    """Flags of the model itself, from a few clean examples.

    Raises:
        UsageError: it refuses the inputs, gives a wrong shape or NaN, or labels lie outside its classes.

    Cost: three forwards on up to 16 examples.
    """
    few = examples[: min(PROBES, len(examples))]
    x = few.x.to(model.device)
    if not isinstance(model, Scores):
        first = _ask(model, x)
        return [] if torch.equal(first, _ask(model, x)) else [RANDOM]
    scores = _ask(model, x)
    classes = scores.shape[1] if scores.dim() == 2 else 0
    if scores.dim() != 2 or len(scores) != len(x) or classes < 2:
        raise UsageError(
            f"The model '{model.name}' must give scores of shape (n, classes) with at least 2 classes, got {tuple(scores.shape)} "
            f"for {len(x)} inputs."
        )
    if not bool(scores.isfinite().all()):
        raise UsageError(f"The model '{model.name}' gives NaN or infinity on clean inputs. Check its weights and the inputs' scale.")
    if int(examples.y.max()) >= classes:
        raise UsageError(
            f"The labels run to {int(examples.y.max())}, and the model '{model.name}' has {classes} classes (0 to {classes - 1})."
        )
    flags = [] if isinstance(model, EstimatorScores) else fewer_classes(examples, classes, model.name)  # an estimator's match by name
    if not torch.allclose(scores, _ask(model, x), rtol=1e-4, atol=1e-5):
        flags.append(RANDOM)
    elif len(x) > 1 and not torch.allclose(scores[:1], _ask(model, x[:1]), rtol=1e-3, atol=1e-4):
        detail = "The model's answer to an input depends on the others in its batch (batch norm in training mode?); so does every verdict."
        flags.append(Flag("batch_dependent", detail))
    if bool((scores >= 0).all()) and torch.allclose(scores.sum(1), scores.new_ones(len(x)), atol=1e-4):
        detail = "The scores look like probabilities, not logits: gradients vanish where they saturate. Remove the final softmax."
        flags.append(Flag("probabilities", detail))
    return flags


def fewer_classes(examples: Examples, classes: int, name: str) -> list[Flag]:
    """A flag where the data name fewer classes than the model `name` has: their order may then not be the model's."""
    names = examples.class_names
    if not 0 < len(names) < classes:
        return []
    detail = (
        f"The model '{name}' has {classes} classes, and the data name {len(names)}: {few(names)}, numbered in this order from 0. "
        "Unless these are the model's first classes, every label is wrong: name all its classes in its order with ?classes=FILE."
    )
    return [Flag("fewer_classes", detail)]


RANDOM = Flag(
    "randomised_model", "The same input got different answers: a single pass is no verdict on a random model. Fix its seed or average it."
)


def _ask(model: Labels, x: Tensor) -> Tensor:
    try:
        with torch.no_grad():
            return model.scores(x) if isinstance(model, Scores) else model.labels(x)
    except UsageError:
        raise
    except Exception as error:  # the model is the user's: whatever it raises is about this input
        shape = tuple(x.shape)
        raise UsageError(
            f"The model '{model.name}' refuses inputs of shape {shape}: {type(error).__name__}: {_first_line(error)}"
        ) from error


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0][:300]
