"""What a model does not take is left out of a suite with its reason, and refused where it was asked for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.tree import DecisionTreeClassifier

from shiftproof import UsageError, audit

RNG = np.random.default_rng(0)
FRAME = pd.DataFrame({"age": RNG.integers(18, 80, 40).astype(float), "sex": RNG.choice(["F", "M"], 40)})
LABELS = np.where(FRAME["age"] > 40, "old", "young")


def words(handle: str) -> object:
    encoder = make_column_transformer((OneHotEncoder(handle_unknown=handle), ["sex"]), remainder="passthrough")
    return make_pipeline(encoder, DecisionTreeClassifier(max_depth=3)).fit(FRAME, LABELS)


def left_out(model: object, data: object) -> dict[str, str]:
    record = audit(model, data, suite="quick", progress=False).record
    assert record.complete
    return {out.shift.partition("(")[0]: out.reason for out in record.left_out if out.search == "one_draw"}


def test_a_suite_leaves_out_what_a_model_does_not_take() -> None:
    out = left_out(words("ignore"), (FRAME, LABELS))
    assert "misspelled" not in out
    out = left_out(words("error"), (FRAME, LABELS))
    assert "does not take words (ValueError: Found unknown categories" in out["misspelled"]
    net = torch.nn.Linear(2, 2)
    out = left_out(net, (FRAME, LABELS))
    assert out["missing"] == "the model 'Linear' does not take missing values: its scores become NaN"
    assert "is handed codes of categories" in out["misspelled"]


def test_a_model_that_takes_missing_values_gets_them() -> None:
    model = HistGradientBoostingClassifier(max_iter=2, min_samples_leaf=2).fit(FRAME[["age"]], LABELS)
    report = audit(model, (FRAME[["age"]], LABELS), shifts=["missing(column=age)"], progress=False)
    assert report.record.complete
    most = max(float((np.asarray(LABELS) == name).mean()) for name in ("old", "young"))
    assert report.accuracy("missing(column=age)") <= most + 1e-9  # without its one column it says the same of everybody


def test_what_was_asked_for_is_refused_with_the_reason() -> None:
    with pytest.raises(UsageError, match=r"The shift missing cannot be used here: .*does not take missing values"):
        audit(torch.nn.Linear(2, 2), (FRAME, LABELS), shifts=["missing"], progress=False)


def test_only_what_was_named_is_refused() -> None:
    report = audit(torch.nn.Linear(2, 2), (FRAME, LABELS), suite="quick", shifts=["within_sds"], searches=["one_draw"], progress=False)
    assert "misspelled" in {out.shift.partition("(")[0] for out in report.record.left_out}  # the suite's own is left out all the same


def test_functions_of_frames_are_handed_words_and_gaps() -> None:
    seen: set[str] = set()

    def predict(frame: pd.DataFrame) -> list[str]:
        seen.update(frame["sex"].dropna())
        return ["old" if age > 40 else "young" for age in frame["age"].fillna(0)]

    rows = FRAME.assign(y=LABELS)
    report = audit(predict, rows, label="y", shifts=["misspelled(share=0.9)", "missing(share=0.5)"], searches=["one_draw"], progress=False)
    assert report.accuracy() == 1
    assert report.accuracy("misspelled(share=0.9)") == 1
    assert report.accuracy("missing(share=0.5)") < 1
    assert seen > {"F", "M"}
