"""A scikit-learn estimator: provides scores where it predicts probabilities, else labels. It gets tables as it was trained on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from shiftproof._errors import UsageError, must
from shiftproof._identity.fingerprinted import Fingerprint, fingerprint_of
from shiftproof._identity.table import identify
from shiftproof.data.rows import plain
from shiftproof.data.space import Column, InputSpace, Space
from shiftproof.models.abstract import FixedIdentity, Labels, Said, Scores, WrappedModel
from shiftproof.models.answers import Gives, as_array, filled, read_numbers, read_texts
from shiftproof.models.class_codes import ClassCodes, match_classes
from shiftproof.models.decision import FLOOR, Rule, Threshold, agreeing, log_probabilities, rule_of
from shiftproof.models.estimator_input import InputFormat, plan_input_format
from shiftproof.models.fast_words import FastWords, fast_words
from shiftproof.models.query_count import count_sent
from shiftproof.models.user_code import UserCode, first_line

ROWS = 256
"""Rows of every call. Measured with scikit-learn 1.9 and OpenBLAS: linear, neural and discriminant models give a row other last bits in
calls of another size, and the same bits in calls of one size; so every call has this size and is filled up."""
MOST_NUMBERS = 2**20
"""Numbers in one call: with more than 4096 features a call has fewer rows."""


@runtime_checkable
class Predicts(Protocol):
    """What scikit-learn calls an estimator that decides: it predicts, and tells its parameters."""

    def predict(self, x: object, /) -> object:
        """Decisions for n rows, shape (n,)."""

    def get_params(self, deep: bool = True) -> dict[str, object]:
        """Its parameters by name."""


@dataclass(frozen=True, eq=False)
class Fitted:
    """A fitted classifier with what it takes and what its classes mean; `version` is what the user calls this state of it."""

    estimator: object
    input_format: InputFormat
    classes: ClassCodes
    name: str
    rule: Rule | Threshold = field(default="largest", kw_only=True)
    version: str | None = field(default=None, kw_only=True)

    @cached_property
    def quick(self) -> FastWords | None:
        """The estimator with a faster count of words, where it counts any."""
        return fast_words(self.estimator)

    def ask(self, method: str, x: Any) -> npt.NDArray[np.generic]:
        """What `method` answers to n inputs, n > 0: tensors of shape (n, ...) in calls of one size, texts as a list in one call."""
        if not isinstance(x, Tensor):
            return self._told(method, plain(x), len(x))
        rows = max(1, min(ROWS, MOST_NUMBERS // max(1, x[0].numel())))
        parts: tuple[Tensor, ...] = torch.split(filled(x, -(-len(x) // rows) * rows), rows)
        answers = [self._told(method, self.input_format(part), rows) for part in parts]
        whole: npt.NDArray[np.generic] = np.concatenate(answers)[: len(x)]
        return whole

    def _told(self, method: str, given: object, n: int) -> npt.NDArray[np.generic]:
        count_sent(self.name, n)
        with UserCode():
            # A copy: it may answer with the same array the next time.
            if isinstance(given, list) and self.quick is not None:
                said = self.quick.answer(method, given)
            else:
                said = getattr(self.estimator, method)(given)
            answer: npt.NDArray[np.generic] = as_array(said, f"{method} of the model '{self.name}'").copy()
        if answer.shape[:1] != (n,):
            raise must(method, f"the model '{self.name}'", f"answer with one row per input ({n})", answer.shape)
        return answer

    def scores(self, x: Any) -> npt.NDArray[np.float64]:
        """Scores in the order of the data's labels, shape (n, classes); the least one for a class that the estimator does not know.

        The largest one is of the class that `predict` says: by the estimator's rule, or by asking that too where no rule is known.
        """
        given = self.ask("predict_proba", x)
        if given.shape[1:] != (len(self.classes.codes),):
            rule = f"give one column per class ({len(self.classes.codes)})"
            raise must("predict_proba", f"the model '{self.name}'", rule, given.shape)
        probabilities = given.astype(np.float64)
        known = self.rule.scores(probabilities) if isinstance(self.rule, Threshold) else log_probabilities(probabilities)
        ordered = np.full((len(x), self.classes.count), min(np.log(FLOOR), float(known.min(initial=0.0))))
        ordered[:, list(self.classes.codes)] = known
        return agreeing(ordered, self.decisions(x)) if self.rule == "unknown" else ordered

    def decisions(self, x: Any) -> npt.NDArray[np.int64]:
        """What it predicts, as label codes, shape (n,)."""
        said = self.ask("predict", x)
        return self.classes.code_of(said[:, 0] if said.ndim == 2 and said.shape[1] == 1 else said)

    def identity(self) -> Fingerprint:
        """Of the fitted estimator, with the code of functions and classes in it, and of what it is fed and how its classes are read."""
        whole = {"": self.estimator, ".input_format": self.input_format, ".classes": self.classes.codes, ".rule": self.rule}
        return fingerprint_of("estimator", identify(whole, self.name), version=self.version)


class EstimatorScores(WrappedModel, Scores):
    """An estimator with `predict_proba`: scores are log-probabilities, a probability of zero counting as 1e-30.

    Guarantees:
        The estimator is not changed. Rows do not depend on their batch: every call has the same number of rows. The decision is that of
        `predict`: where a threshold decides, scores are taken relative to it; where the estimator is not one of a known package, `predict`
        is asked at every call, and the score of its class raised above the others where it is not the largest.
    Cost: calls of 256 rows, so a question about one row costs as much; twice that where `predict` is asked too.
    """

    def __init__(self, fitted: Fitted, *, notes: Sequence[str] = ()) -> None:
        every = (*notes, *fitted.input_format.notes, *fitted.classes.notes)
        super().__init__(name=fitted.name, fingerprint=fitted.identity(), notes=every)
        self._fitted = fitted

    @property
    def fitted(self) -> Fitted:
        """The estimator with what it takes, for searches that read its structure."""
        return self._fitted

    def scores(self, x: Any) -> Tensor:
        if not len(x):
            return torch.zeros((0, self._fitted.classes.count), dtype=torch.float64, device=x.device)
        return torch.from_numpy(self._fitted.scores(x))


class EstimatorLabels(WrappedModel, Labels):
    """An estimator without `predict_proba`, or with one that leads to other decisions than its `predict`: gives its decision only.

    Guarantees and cost: those of `EstimatorScores`.
    """

    def __init__(self, fitted: Fitted, *, notes: Sequence[str] = ()) -> None:
        every = (*notes, *fitted.input_format.notes, *fitted.classes.notes)
        super().__init__(name=fitted.name, fingerprint=fitted.identity(), notes=every)
        self._fitted = fitted

    @property
    def fitted(self) -> Fitted:
        """The estimator with what it takes, for searches that read its structure."""
        return self._fitted

    def labels(self, x: Any) -> Tensor:
        return torch.from_numpy(self._fitted.decisions(x)) if len(x) else torch.zeros(0, dtype=torch.int64)


class EstimatorAnswers(FixedIdentity, copies=True):
    """An estimator that predicts numbers or texts, for a judge that reads them.

    Guarantees and cost: those of `EstimatorScores`.
    """

    def __init__(self, fitted: Fitted, said: Said) -> None:
        super().__init__(name=fitted.name, fingerprint=fitted.identity(), notes=fitted.input_format.notes)
        self._fitted, self._said = fitted, said

    @property
    def fitted(self) -> Fitted:
        """The estimator with what it takes."""
        return self._fitted

    def answers(self, x: Any) -> Any:
        predicted = self._fitted.ask("predict", x) if len(x) else np.zeros(0)
        owner = f"predict of the model '{self.name}'"
        return read_numbers(predicted, len(x), owner) if self._said == "numbers" else read_texts(predicted, len(x), owner)


def wrap_predictor(
    estimator: Predicts, *, said: Said, name: str, space: Space | None = None, groups: Sequence[str] = (), version: str | None = None
) -> EstimatorAnswers:
    """A fitted scikit-learn regressor, or another estimator whose predictions are numbers or texts, as a model of answers.

    Raises:
        UsageError: it is not fitted, or its columns are not the data's.
    """
    _check_fitted(estimator, name)
    feed = plan_input_format(estimator, _numbers(space), name=name, groups=groups)
    return EstimatorAnswers(Fitted(estimator, feed, ClassCodes((), 0, ()), name, version=version), said)


def _numbers(space: Space | None) -> InputSpace | None:
    return space if isinstance(space, InputSpace) else None


def wrap_estimator(
    estimator: Predicts,
    *,
    name: str,
    space: Space | None = None,
    class_names: Sequence[str] = (),
    groups: Sequence[str] = (),
    probe: Any = None,
    gives: Gives | None = None,
    version: str | None = None,
) -> EstimatorScores | EstimatorLabels:
    """A fitted scikit-learn classifier as a model of the right type.

    Args:
        estimator: a fitted classifier, search or pipeline that ends in one.
        name: what people call it.
        space: the data's; names and describes a table's columns.
        class_names: the data's classes in label order; empty where labels are numbers.
        groups: names of the data's group columns.
        probe: a few inputs, to see whether it takes them and whether `predict` agrees with `predict_proba`.
        gives: "labels" for its decisions only; found out without it.
        version: what the user calls this state of it.

    Raises:
        UsageError: it is not a classifier, not fitted, has more than one output, or its columns or classes are not the data's.
    """
    _check_classifier(estimator, name)
    classes = match_classes(_classes(estimator, name), class_names, name=name)
    fitted = Fitted(
        estimator,
        plan_input_format(estimator, _numbers(space), name=name, groups=groups),
        classes,
        name,
        rule=rule_of(estimator),
        version=version,
    )
    if probe is None or not len(probe):
        probe = None
    if getattr(estimator, "predict_proba", None) is None or gives == "labels":
        if probe is not None:
            _try(fitted, probe, "decisions")
        return EstimatorLabels(fitted)
    if probe is None:
        return EstimatorScores(fitted, notes=_rule_notes(fitted))
    by_scores = _try(replace(fitted, rule=_by_type(fitted.rule)), probe, "scores").argmax(1)
    share = float((by_scores != _try(fitted, probe, "decisions")).mean())
    if share:
        said = f"on {share:.1%} of the inputs tried it is not the class of largest probability"
        return EstimatorLabels(fitted, notes=(f"The model '{name}' is measured by its `predict` alone: {said}.",))
    return EstimatorScores(fitted, notes=_rule_notes(fitted))


def _by_type(rule: Rule | Threshold) -> Rule | Threshold:
    """The rule that is tried: an unknown one is taken for the largest probability."""
    return "largest" if rule == "unknown" else rule


def _rule_notes(fitted: Fitted) -> tuple[str, ...]:
    if not isinstance(fitted.rule, Threshold):
        return ()
    positive = fitted.classes.names[fitted.rule.positive].strip()
    decides = f"decides for '{positive}' where its probability is at least {fitted.rule.value:.4g}"
    return (f"The model '{fitted.name}' {decides}: scores are log-probabilities less those of this threshold.",)


def _try(fitted: Fitted, x: Any, what: Literal["scores", "decisions"]) -> npt.NDArray[np.generic]:
    """What the estimator answers to a few inputs; whatever it raises is said in one line."""
    try:
        return fitted.scores(x) if what == "scores" else fitted.decisions(x)
    except UsageError:
        raise
    except Exception as error:  # the estimator is the user's: whatever it raises is about these inputs
        said = first_line(error).rstrip(".")
        words = [column.name for column in fitted.input_format.columns if _is_of_words(column)]
        hint = f" If it was trained on pandas categories, add as_category={','.join(words)} to the data." if words else ""
        what_ = f"inputs of shape {tuple(x.shape)}" if isinstance(x, Tensor) else "these texts"
        raise UsageError(f"The model '{fitted.name}' refuses {what_}: {said}.{hint}") from error


def _is_of_words(column: Column) -> bool:
    import pandas as pd

    return isinstance(next(iter(column.values), None), str) and not isinstance(column.dtype, pd.CategoricalDtype)


def _check_classifier(estimator: object, name: str) -> None:
    from sklearn.base import BaseEstimator, is_classifier

    if isinstance(estimator, BaseEstimator) and not is_classifier(estimator):
        hint = "Numbers that it predicts are judged with --judge 'within(relative=0.1)', in Python judge='within(relative=0.1)'."
        raise must("model", "this run", "be a classifier", type(estimator).__name__, hint)
    _check_fitted(estimator, name)


def _check_fitted(estimator: object, name: str) -> None:
    from sklearn.base import BaseEstimator
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    if isinstance(estimator, BaseEstimator) and getattr(estimator, "fit", None) is not None:
        try:
            check_is_fitted(estimator)
        except NotFittedError:
            raise UsageError(f"The model '{name}' is not fitted: call its fit(x, y) first, and give the fitted estimator.") from None


def _classes(estimator: object, name: str) -> list[object]:
    classes = getattr(estimator, "classes_", None)
    hint = "Estimators with several outputs: give one at a time."
    if classes is None or (isinstance(classes, list) and any(np.ndim(c) for c in classes)):
        raise must("classes_", f"the model '{name}'", "be one list of classes", None if classes is None else f"{len(classes)} lists", hint)
    return list(np.asarray(classes).tolist())
