"""Functions as models: what they give, what they are handed, and how they are recognised."""

from __future__ import annotations

import functools
import pickle
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from shiftproof import UsageError, as_model, load_data
from shiftproof.models.abstract import Gradients, Labels, Scores
from shiftproof.models.answers import Gives

Floats = npt.NDArray[np.float32]
X = torch.rand(10, 4, generator=torch.Generator().manual_seed(0))
SCALE = 2.0


def two_scores(x: Floats) -> Floats:
    return np.stack([x.sum(1), SCALE * x[:, 0]], axis=1)


def decide(x: Floats) -> npt.NDArray[np.int64]:
    return (x[:, 0] > 0.5).astype(np.int64)


def tensor_scores(x: Tensor) -> Tensor:
    return torch.stack([x.sum(1), x[:, 0]], dim=1)


class Stateful:
    """An object that is called."""

    def __init__(self, scale: float) -> None:
        self.scale = scale

    def __call__(self, x: Floats) -> Floats:
        return two_scores(x) * self.scale


def test_one_question_tells_scores_from_labels() -> None:
    scores, labels = as_model(two_scores, probe=X), as_model(decide, probe=X)
    assert isinstance(scores, Scores)
    assert not isinstance(scores, Gradients)
    assert not isinstance(labels, Scores)
    assert torch.equal(scores.scores(X), torch.from_numpy(two_scores(X.numpy())))
    assert labels.labels(X).tolist() == decide(X.numpy()).tolist()


def test_said_beforehand_nothing_is_asked() -> None:
    asked: list[int] = []

    def spy(x: Floats) -> Floats:
        asked.append(len(x))
        return two_scores(x)

    model = as_model(spy, gives="scores")
    assert asked == []
    model.labels(X)
    assert asked == [16]  # filled up to 16 rows


def test_without_gives_or_probe_it_says_what_to_pass() -> None:
    with pytest.raises(UsageError, match=r"The 'gives' of the model 'decide' must be 'scores' .* got None. Or pass probe=x\[:8\]"):
        as_model(decide)


@pytest.mark.parametrize(("option", "value"), [("gives", "logits"), ("takes", "jax")])
def test_unknown_words_are_refused(option: str, value: str) -> None:
    with pytest.raises(UsageError, match=f"The '{option}' of the model 'decide' must be .* or .*, got '{value}'"):
        as_model(decide, **{option: value})  # type: ignore[arg-type]


def test_an_annotation_asks_for_tensors() -> None:
    assert as_model(tensor_scores, probe=X).labels(X).shape == (10,)
    with pytest.raises(UsageError, match="refuses a tensor of shape"):
        as_model(tensor_scores, probe=torch.rand(3))
    plain: Callable[..., object] = lambda x: torch.relu(x)  # noqa: E731
    assert isinstance(as_model(plain, probe=X, takes="torch", name="relu"), Scores)
    with pytest.raises(
        UsageError, match=r"The function 'relu' refuses a numpy array .* Annotate its argument as torch.Tensor(?s:.*)TypeError"
    ):
        as_model(plain, probe=X, name="relu")


def test_the_inputs_are_copies() -> None:
    def vandal(x: Floats) -> Floats:
        x[:] = 0
        return two_scores(x)

    def torch_vandal(x: Tensor) -> Tensor:
        return x.zero_()

    before = X.clone()
    for function in (vandal, torch_vandal):
        as_model(function, probe=X).labels(X[:8])
    assert torch.equal(X, before)


@pytest.mark.parametrize(
    ("answer", "gives", "message"),
    [
        (np.zeros((16, 1)), None, r"numbers of shape \(n, classes\) with at least 2 classes.*\[1 - p, p\]"),
        (np.zeros((3, 2)), "scores", r"for n = 16 inputs, got 'float64 \(3, 2\)'"),
        (np.zeros(3, dtype=np.int64), "labels", r"labels of shape \(n,\) for n = 16 inputs, got 'int64 \(3,\)'"),
        (np.full(16, 0.3), None, r"be labels 0, 1, 2, ... or class names, got 0.3. Probabilities of one class are not labels"),
        (np.full(16, np.nan), None, "be labels 0, 1, 2"),
        (np.zeros((16, 2, 2)), None, r"numbers of shape \(n, classes\)"),
        ([[1.0, 2.0], [1.0]], None, "one row per input, all of the same length"),
        (object(), None, "be an array of numbers"),
        (["cat"] * 16, "labels", "labels that the data do not have: cat. The data's classes are: dog, fox"),
        (nn.ReLU(), None, r"answered with a model \(ReLU\). A factory of models must need no argument"),
    ],
)
def test_unusable_answers_are_told(answer: object, gives: Gives | None, message: str) -> None:
    def function(x: Floats) -> object:
        return answer

    with pytest.raises(UsageError, match=message):
        as_model(function, gives=gives, probe=X, class_names=("dog", "fox")).labels(X)


def test_names_are_looked_up_among_the_classes() -> None:
    def name(x: Floats) -> list[str]:
        return ["fox" if v > 0.5 else "dog" for v in x[:, 0]]

    assert as_model(name, probe=X, class_names=("dog", "fox")).labels(X).tolist() == decide(X.numpy()).tolist()
    with pytest.raises(UsageError, match="The data's classes are: none: pass class_names"):
        as_model(name, probe=X).labels(X)


def test_bfloat16_and_whole_floats_are_read() -> None:
    assert as_model(lambda x: torch.ones(len(x), 2, dtype=torch.bfloat16), probe=X, name="b").labels(X).tolist() == [0] * 10
    assert as_model(lambda x: x[:, 0] * 0 + 1.0, probe=X, name="ones").labels(X).tolist() == [1] * 10


def test_the_fingerprint_follows_code_and_values() -> None:
    def closing(weights: Floats) -> Callable[[Floats], Floats]:
        return lambda x: x @ weights

    eye, ones = np.eye(4, dtype=np.float32), np.ones((4, 4), dtype=np.float32)

    def fingerprint(function: object) -> str:
        return as_model(function, gives="scores", name="f").fingerprint()

    assert fingerprint(closing(eye)) == fingerprint(closing(eye.copy()))
    different = [
        closing(eye),
        closing(ones),
        two_scores,
        decide,
        Stateful(1.0),
        Stateful(2.0),
        functools.partial(two_scores),
        Stateful(1.0).__call__,
        functools.partial(np.sum, axis=1),
        np.sum,
    ]
    assert len({fingerprint(f) for f in different}) == len(different)
    assert fingerprint(Stateful(1.0)) == fingerprint(Stateful(1.0))


def test_the_fingerprint_follows_globals_that_it_names(monkeypatch: pytest.MonkeyPatch) -> None:
    def fingerprint() -> str:
        return as_model(two_scores, gives="scores").fingerprint()

    before = fingerprint()
    monkeypatch.setitem(globals(), "SCALE", 3.0)
    assert fingerprint() != before
    monkeypatch.undo()
    assert fingerprint() == before


def test_what_it_carries_may_change_while_it_runs() -> None:
    calls: list[int] = []

    def counting(x: Floats) -> Floats:
        calls.append(1)
        return two_scores(x)

    model = as_model(counting, gives="scores")
    before = model.fingerprint()
    model.labels(X)
    assert calls
    assert model.fingerprint() == before


def test_the_reader_is_told_what_the_fingerprint_leaves_out() -> None:
    assert "identified by its code and the values that it uses by name" in as_model(decide, gives="labels").notes[0]


@pytest.mark.parametrize("gives", ["scores", "labels"])
def test_a_named_function_can_be_pickled(gives: Gives) -> None:
    model: Labels = as_model(two_scores if gives == "scores" else decide, gives=gives)
    again = pickle.loads(pickle.dumps(model))
    assert torch.equal(again.labels(X), model.labels(X))
    assert (again.name, again.fingerprint(), again.device) == (model.name, model.fingerprint(), model.device)


def test_a_function_of_a_frame_gets_what_the_table_held() -> None:
    frame = pd.DataFrame({"age": [20.0, np.nan, 60.0], "job": ["a", None, "b"], "since": ["2020-01-01", "2020-01-02", "2020-01-03"]})
    source = load_data((frame, [0, 1, 1]))
    asked: list[pd.DataFrame] = []

    def predict(rows: pd.DataFrame) -> npt.NDArray[np.float64]:
        asked.append(rows)
        return np.stack([rows["age"].fillna(0), 40 + 0 * rows["age"].fillna(0)], axis=1)

    model = as_model(predict, space=source.space, probe=source.take(slice(None)).x)
    assert isinstance(model, Scores)
    assert model.labels(source.take(slice(None)).x).tolist() == [1, 1, 0]
    pd.testing.assert_frame_equal(asked[-1].head(3), frame)
    other = load_data((frame.assign(job=["a", None, "c"]), [0, 1, 1]))
    assert as_model(predict, space=other.space, gives="scores").fingerprint() != model.fingerprint()
    with pytest.raises(UsageError, match="'takes' of the model 'predict' must be 'numpy' or 'torch', as the data are no table"):
        as_model(predict, gives="scores")
    with pytest.raises(UsageError, match="A function whose argument is annotated as a pandas.DataFrame takes them too"):
        as_model(lambda x: x, space=source.space, gives="scores")


def test_an_object_that_only_predicts_is_told_the_way() -> None:
    class Own:
        def predict(self, rows: pd.DataFrame) -> list[int]:
            return [0] * len(rows)

    with pytest.raises(
        UsageError, match="a scikit-learn classifier or a function, got 'Own'. Give the function that predicts, such as its"
    ):
        as_model(Own())
    source = load_data((pd.DataFrame({"a": [1.0, 2.0]}), [0, 1]))
    assert as_model(Own().predict, space=source.space, gives="labels").labels(source.take(slice(None)).x).tolist() == [0, 0]
