"""A scikit-learn estimator: gives scores where it predicts probabilities, else labels. Tables reach it as it was trained on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from shiftproof._errors import UsageError, must
from shiftproof.data.space import InputSpace
from shiftproof.models.abstract import Known, Labels, Scores
from shiftproof.models.answers import as_array, filled
from shiftproof.models.classes import Classes, match_classes
from shiftproof.models.feed import Feed, plan_feed
from shiftproof.models.fingerprint import LENGTH, value_digest
from shiftproof.models.meter import sending

ROWS = 256
"""Rows of every call. Measured with scikit-learn 1.9 and OpenBLAS: linear, neural and discriminant models give a row other last bits in
calls of another size, and the same bits in calls of one size; so every call has this size and is filled up."""
MOST_NUMBERS = 2**20
"""Numbers in one call: with more than 4096 features a call has fewer rows."""
FLOOR = 1e-30
"""Least probability: its logarithm (-69) stands for that of zero, so that scores stay finite."""


@runtime_checkable
class Predicts(Protocol):
    """What scikit-learn calls an estimator that decides: it predicts, and tells its parameters."""

    def predict(self, x: object, /) -> object:
        """Decisions for n rows, shape (n,)."""

    def get_params(self, deep: bool = True) -> dict[str, object]:
        """Its parameters by name."""


@dataclass(frozen=True, eq=False)
class Fitted:
    """A fitted classifier with what it takes and what its classes mean."""

    estimator: object
    feed: Feed
    classes: Classes
    name: str

    def ask(self, method: str, x: Tensor) -> npt.NDArray[np.generic]:
        """What `method` answers to x of shape (n, ...), n > 0, in calls of one size."""
        rows = max(1, min(ROWS, MOST_NUMBERS // max(1, x[0].numel())))
        call = getattr(self.estimator, method)
        answers: list[npt.NDArray[np.generic]] = []
        for part in torch.split(filled(x, rows), rows):
            sending(self.name, len(part))
            # A copy: it may answer with the same array the next time.
            answers.append(as_array(call(self.feed(part)), f"{method} of the model '{self.name}'").copy())
        wrong = next((a.shape for a in answers if a.shape[:1] != (rows,)), None)
        if wrong is not None:
            raise must(method, f"the model '{self.name}'", f"answer with one row per input ({rows})", wrong)
        return np.concatenate(answers)[: len(x)]

    def probabilities(self, x: Tensor) -> npt.NDArray[np.float64]:
        """Probabilities in the order of the data's labels, shape (n, classes); 0 for a class that the estimator does not know."""
        given = self.ask("predict_proba", x)
        if given.shape[1:] != (len(self.classes.codes),):
            rule = f"give one column per class ({len(self.classes.codes)})"
            raise must("predict_proba", f"the model '{self.name}'", rule, given.shape)
        ordered = np.zeros((len(x), self.classes.count), dtype=np.float64)
        ordered[:, list(self.classes.codes)] = given
        return ordered

    def decisions(self, x: Tensor) -> npt.NDArray[np.int64]:
        """What it predicts, as label codes, shape (n,)."""
        return self.classes.code_of(self.ask("predict", x))

    def fingerprint(self) -> str:
        """A hash of the fitted estimator, and of what it is fed and how its classes are read."""
        try:
            inner = value_digest(self.estimator)
        except Exception as error:  # pickling a foreign object may fail in any way
            way_out = "Give it functions that are defined by name at the top of a module, not lambdas."
            raise UsageError(
                f"The model '{self.name}' cannot be pickled, and so not be recognised in a later run: {error}. {way_out}"
            ) from error
        return f"estimator:{value_digest((inner, repr(self.feed), self.classes.codes))[:LENGTH]}"


class EstimatorScores(Known, Scores):
    """An estimator with `predict_proba`: scores are log-probabilities, a probability of zero counting as 1e-30.

    Guarantees:
        The estimator is not changed. Rows do not depend on their batch: every call has the same number of rows. The decision is the class
        of largest probability; where `predict` decides otherwise (SVC may), a note says so if inputs to try were given.
    Cost: calls of 256 rows, so a question about one row costs as much.
    """

    def __init__(self, fitted: Fitted, *, notes: Sequence[str] = ()) -> None:
        every = (*notes, *fitted.feed.notes, *fitted.classes.notes)
        super().__init__(name=fitted.name, fingerprint=fitted.fingerprint(), notes=every)
        self._fitted = fitted

    @property
    def fitted(self) -> Fitted:
        """The estimator with what it takes, for searches that read its structure."""
        return self._fitted

    def scores(self, x: Tensor) -> Tensor:
        if not len(x):
            return x.new_zeros((0, self._fitted.classes.count), dtype=torch.float64)
        return torch.from_numpy(np.log(np.maximum(self._fitted.probabilities(x), FLOOR)))


class EstimatorLabels(Known, Labels):
    """An estimator without `predict_proba`: gives its decision only.

    Guarantees and cost: those of `EstimatorScores`.
    """

    def __init__(self, fitted: Fitted) -> None:
        super().__init__(name=fitted.name, fingerprint=fitted.fingerprint(), notes=(*fitted.feed.notes, *fitted.classes.notes))
        self._fitted = fitted

    @property
    def fitted(self) -> Fitted:
        """The estimator with what it takes, for searches that read its structure."""
        return self._fitted

    def labels(self, x: Tensor) -> Tensor:
        return torch.from_numpy(self._fitted.decisions(x)) if len(x) else torch.zeros(0, dtype=torch.int64)


def wrap_estimator(
    estimator: Predicts,
    *,
    name: str,
    space: InputSpace | None = None,
    class_names: Sequence[str] = (),
    groups: Sequence[str] = (),
    probe: Tensor | None = None,
) -> EstimatorScores | EstimatorLabels:
    """A fitted scikit-learn classifier as a model of the right type.

    Args:
        estimator: a fitted classifier, search or pipeline that ends in one.
        name: what people call it.
        space: the data's; names and describes a table's columns.
        class_names: the data's classes in label order; empty where labels are numbers.
        groups: names of the data's group columns.
        probe: a few inputs, to see whether it takes them and whether `predict` agrees with `predict_proba`.

    Raises:
        UsageError: it is no classifier, not fitted, has more than one output, or its columns or classes are not the data's.
    """
    _check_classifier(estimator, name)
    classes = match_classes(_classes(estimator, name), class_names, name=name)
    fitted = Fitted(estimator, plan_feed(estimator, space, name=name, groups=groups), classes, name)
    if getattr(estimator, "predict_proba", None) is None:
        return EstimatorLabels(fitted)
    notes: list[str] = []
    if probe is not None and len(probe):
        share = _disagreement(fitted, probe)
        if share:
            notes.append(
                f"The model '{name}' is judged by its largest probability, and `predict` decides otherwise on {share:.0%} of inputs."
            )
    return EstimatorScores(fitted, notes=notes)


def _disagreement(fitted: Fitted, x: Tensor) -> float:
    try:
        return float((fitted.probabilities(x).argmax(1) != fitted.decisions(x)).mean())
    except UsageError:
        raise
    except Exception as error:  # the estimator is the user's: whatever it raises is about these inputs
        what = f"{type(error).__name__}: {str(error).strip().split(chr(10))[0][:300]}"
        raise UsageError(f"The model '{fitted.name}' refuses inputs of shape {tuple(x.shape)}: {what}") from error


def _check_classifier(estimator: object, name: str) -> None:
    from sklearn.base import BaseEstimator, is_classifier
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    if isinstance(estimator, BaseEstimator):
        if not is_classifier(estimator):
            raise must("model", "this run", "be a classifier", type(estimator).__name__, "shiftproof measures decisions between classes.")
        try:
            if getattr(estimator, "fit", None) is not None:
                check_is_fitted(estimator)
        except NotFittedError:
            raise UsageError(f"The model '{name}' is not fitted: call its fit(x, y) first, and give the fitted estimator.") from None


def _classes(estimator: object, name: str) -> list[object]:
    classes = getattr(estimator, "classes_", None)
    hint = "Estimators with several outputs: give one at a time."
    if classes is None or (isinstance(classes, list) and any(np.ndim(c) for c in classes)):
        raise must("classes_", f"the model '{name}'", "be one list of classes", None if classes is None else f"{len(classes)} lists", hint)
    return list(np.asarray(classes).tolist())
