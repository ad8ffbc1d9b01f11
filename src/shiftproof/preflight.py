"""Checks of the model on a few clean examples before a run: do the data fit, and are there warnings about its outputs?"""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from shiftproof._batches import out_of_memory
from shiftproof._errors import UsageError, must
from shiftproof.data.class_names import few
from shiftproof.data.examples import Examples, Ids
from shiftproof.data.space import InputSpace
from shiftproof.judges.abstract import Judge
from shiftproof.judges.classify import CLASSIFY
from shiftproof.models.abstract import Answers, Gradients, Scores, WrappedModel
from shiftproof.models.estimator import EstimatorScores
from shiftproof.models.query_count import count_asked
from shiftproof.models.torch_module import TorchModule
from shiftproof.models.torch_output import refuse_probability
from shiftproof.models.unanswered import Unanswered, drawing
from shiftproof.outcomes import Flag
from shiftproof.searches.abstract import AdaptsSearch, Search

PROBES = 16
SHOWN = 8
"""Columns that a message lists."""
"""Examples looked at; a multiple of the padding of batches, so that only the batch's company changes."""


def check_examples(examples: Examples) -> None:
    """Raises `UsageError` where inputs are not legal (finite, inside their box, no empty text) or the truth is missing or no class."""
    examples.space.check(examples.x, examples.ids)
    if isinstance(examples.y, Tensor):
        _check_numbers(examples.y, examples.ids)
    else:
        _check_accepted(examples.y, examples.ids)


def _check_numbers(y: Tensor, ids: Ids) -> None:
    if not bool(y.isfinite().all()):
        first = ids[int((~y.isfinite()).nonzero()[0, 0])]
        raise must(
            "target", f"the example '{first}'", "be a finite number", float(y[~y.isfinite()][0]), "Drop rows without a target first."
        )
    if not y.is_floating_point() and bool((y < 0).any()):
        raise must("labels", "the data", "be classes 0, 1, 2, ...", int(y.min()))


def _check_accepted(y: Any, ids: Ids) -> None:
    for name, accepted in zip(ids, y, strict=True):
        if not isinstance(accepted, tuple) or not accepted or not all(isinstance(text, str) and text.strip() for text in accepted):
            rule, hint = "be at least one text that is accepted, none of them empty", "Fill it or drop that row."
            raise must("answer", f"the example '{name}'", rule, accepted, hint)


class InspectedModel(NamedTuple):
    """The result of a look at a model: the model as the type that it really provides, and flags for all its outputs."""

    model: Any
    flags: list[Flag]


def inspect_model(model: Answers, examples: Examples, judge: Judge = CLASSIFY) -> list[Flag]:
    """The flags of `look_at`."""
    return look_at(model, examples, judge).flags


def look_at(model: Answers, examples: Examples, judge: Judge = CLASSIFY) -> InspectedModel:
    """Runs a model on a few clean examples: what does it provide, and are there warnings about its outputs?

    A model of type `Gradients` whose scores torch cannot differentiate by the inputs provides only scores. So do modules with integer
    (quantised) weights, `no_grad` or `detach` inside, a detour through numpy, or an argmax at the end. One whose gradient is zero or not
    finite somewhere stays as it is.

    Raises:
        UsageError: it rejects the inputs, returns a wrong shape or NaN, or labels lie outside its classes.

    Cost: three forwards on up to 16 examples, one of them with its backward where it may have gradients.
    """
    few = examples[: min(PROBES, len(examples))]
    while True:
        try:
            return _looked_at(model, few, judge, examples)
        except Unanswered as missing:  # those that it answers are enough
            came = missing.came.cpu().numpy()
            heard = np.concatenate([came, np.ones(len(few) - len(came), dtype=np.bool_)])
            if not heard.any():
                raise
            few = few[heard]


def _looked_at(model: Answers, few: Examples, judge: Judge, examples: Examples) -> InspectedModel:
    x = few.x.to(model.device)
    if judge.said != "classes":
        return _look_at_answers(model, few, x, judge)
    if not isinstance(model, Scores):
        first = _ask(model, x, _of_columns(few))
        return InspectedModel(model, [] if torch.equal(first, _ask(model, x)) else [RANDOM])
    scores = _ask(model, x, _of_columns(few))
    _check_scores(model, scores, len(x), int(examples.y.max()))
    if isinstance(model, TorchModule) and model.one_logit:
        refuse_probability(scores, model.name)
    again, why = _differentiated(model, x) if isinstance(model, Gradients) else (_ask(model, x), "")
    by_name = isinstance(model, EstimatorScores)  # an estimator's classes match by name
    flags = [] if by_name else fewer_classes(examples, scores.shape[1], model.name)
    if not _close(scores, again) and (not isinstance(model, Gradients) or not _close(scores, _ask(model, x))):
        flags.append(RANDOM)
    elif len(x) > 1 and not torch.allclose(scores[:1], _ask(model, x[:1]), rtol=1e-3, atol=1e-4):
        flags.append(BATCH_DEPENDENT)
    if bool((scores >= 0).all()) and torch.allclose(scores.sum(1), scores.new_ones(len(x)), atol=1e-4):
        detail = "The scores look like probabilities, not logits: gradients vanish where they saturate. Remove the final softmax."
        flags.append(Flag("probabilities", detail))
    return InspectedModel(ScoresOnly(model, why) if isinstance(model, Gradients) and why else model, flags)


def _look_at_answers(model: Answers, few: Examples, x: Any, judge: Judge) -> InspectedModel:
    """Whether the judge can read the answers, and whether they are the same when asked again."""
    first, again = _asked(model, x, judge, hint=_of_columns(few)), _asked(model, x, judge, draw=1)
    judge.score(first, judge.truth(few).to(model.device))  # raises where it cannot read them
    why = _differentiated(model, x)[1] if isinstance(model, Gradients) else ""
    return InspectedModel(
        ScoresOnly(model, why) if isinstance(model, Gradients) and why else model, [] if judge.steady(first, again) else [RANDOM]
    )


def _check_scores(model: Scores, scores: Tensor, n: int, largest: int) -> None:
    classes = scores.shape[1] if scores.dim() == 2 else 0
    if scores.dim() != 2 or len(scores) != n or classes < 2:
        raise UsageError(
            f"The model '{model.name}' must return scores of shape (n, classes) with at least 2 classes, got {tuple(scores.shape)} "
            f"for {n} inputs."
        )
    if not bool(scores.isfinite().all()):
        raise UsageError(
            f"The model '{model.name}' returns NaN or infinity on clean inputs. Check its weights and the scale of the inputs."
        )
    if largest >= classes:
        raise UsageError(f"The labels go up to {largest}, and the model '{model.name}' has {classes} classes (0 to {classes - 1}).")


def _close(one: Tensor, two: Tensor) -> bool:
    return torch.allclose(one, two, rtol=1e-4, atol=1e-5)


def _differentiated(model: Gradients, x: Tensor) -> tuple[Tensor, str]:
    """The scores with a gradient, and why there is none, as half a sentence; "" where there is one."""
    count_asked(len(x))
    try:
        with torch.enable_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns of operations without a gradient, which is what is tested here
            leaf = x.detach().clone().requires_grad_()
            scores = model.scores(leaf)
            if not scores.requires_grad:
                return scores, "its scores have no gradient"
            (gradient,) = torch.autograd.grad(scores.sum(), leaf, allow_unused=True)
    except Exception as error:  # the model is the user's: whatever it raises here, and not without gradients, is about them
        if out_of_memory(error):
            raise
        return _ask(model, x), f"torch cannot differentiate it ({type(error).__name__}: {_first_line(error)})"
    return (
        scores.detach(),
        "" if gradient is not None else "its scores do not depend on the inputs through operations that torch can differentiate",
    )


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
    "randomised_model",
    "The same input got different outputs, so a single pass does not decide the verdict. Fix the seed of the model, "
    "or average several passes.",
)
BATCH_DEPENDENT = Flag(
    "batch_dependent",
    "The model's output for an input depends on the other inputs in its batch (batch norm in training mode?), and so do the verdicts.",
)


class ScoresOnly(WrappedModel, Scores, AdaptsSearch):
    """A model of type `Gradients` without usable gradients, as a model with scores.

    Args:
        model: the model itself.
        why: half a sentence.
    """

    def __init__(self, model: Gradients, why: str) -> None:
        note = f"The model '{model.name}' provides no gradients with respect to its inputs ({why}). Searches use its scores and decisions."
        super().__init__(name=model.name, fingerprint=model.identity(), notes=(*model.notes, note))
        self.model, self.why = model, why

    @property
    def device(self) -> torch.device:
        return self.model.device

    def scores(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            return self.model.scores(x)

    def suited(self, search: Search) -> Search:
        return self.model.suited(search) if isinstance(self.model, AdaptsSearch) else search


def _of_columns(few: Examples) -> str:
    """What the features of a table are, for whoever wonders why a model refuses them; empty for other inputs."""
    columns = few.space.columns if isinstance(few.space, InputSpace) else ()
    if not columns:
        return ""
    names = [column.name for column in columns]
    shown = ", ".join(names if len(names) <= SHOWN else [*names[: SHOWN - 1], "...", names[-1]])
    grouped = [name for name in few.groups if name in names]
    way = f", or keep {' and '.join(grouped)} for groups only with exclude_groups=true" if grouped else ""
    return f". The table's {len(names)} features are {shown}: leave out what the model was not trained on with drop=NAME{way}."


def _ask(model: Answers, x: Any, hint: str = "") -> Tensor:
    found: Tensor = _asked(model, x, CLASSIFY, hint=hint)
    return found


def _asked(model: Answers, x: Any, judge: Judge, draw: int = 0, hint: str = "") -> Any:
    count_asked(len(x))
    try:
        with torch.no_grad(), drawing(draw):
            return judge.ask(model, x)
    except UsageError:
        raise
    except Exception as error:  # the model is the user's: whatever it raises is about this input
        what = f"inputs of shape {tuple(x.shape)}" if isinstance(x, Tensor) else f"these inputs ({type(x).__name__.lower()})"
        raise UsageError(f"The model '{model.name}' rejects {what}: {type(error).__name__}: {_first_line(error)}{hint}") from error


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0][:300]
