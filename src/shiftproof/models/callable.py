"""Any Python function: provides scores or labels, as `gives` says."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn

from shiftproof._errors import UsageError, must
from shiftproof._identity.fingerprinted import Fingerprint, fingerprint_of
from shiftproof._identity.table import identify
from shiftproof.data.rows import Fields, plain
from shiftproof.data.space import InputSpace, Space
from shiftproof.models.abstract import Answers, FixedIdentity, Labels, Said, Scores, WrappedModel
from shiftproof.models.answers import Gives, filled, kind_of, read_labels, read_numbers, read_scores, read_texts
from shiftproof.models.estimator_input import InputFormat, whole_frame
from shiftproof.models.query_count import count_sent
from shiftproof.models.unanswered import present, read_present
from shiftproof.models.user_code import UserCode, short_traceback

Takes = Literal["numpy", "torch", "frame"]
"""What a function wants its inputs as."""
Function = Callable[..., object]


@dataclass(frozen=True, eq=False)
class FunctionCall:
    """How a function is asked.

    Args:
        function: takes inputs of shape (n, ...) and answers with (n, classes) scores or (n,) labels.
        name: what people call it.
        takes: "numpy" for a numpy array on the CPU, "torch" for a tensor on `device`, "frame" for a pandas data frame.
        device: where tensors are put.
        version: what the user calls this state of it.
        frame: how inputs become a data frame, where it takes one.
    """

    function: Function
    name: str
    takes: Takes
    device: torch.device
    version: str | None = None
    frame: InputFormat | None = None

    def __call__(self, x: Any) -> object:
        """Its answer to the inputs, tensors filled up to 16 rows at least, a multiple of 4: linear algebra then depends less on the batch.

        Other rows it takes as lists, and fields as a dictionary of lists and arrays.
        """
        full = filled(x.detach()).to(self.device) if isinstance(x, Tensor) else x
        count_sent(self.name, len(full))
        with UserCode(), torch.no_grad():
            if self.frame is not None:
                return self.function(self.frame(full))
            return self.function(full.clone() if self.takes == "torch" and isinstance(x, Tensor) else plain(full))  # it may write into it

    def read(self, x: Any, how: Callable[[Any, int], Any]) -> Any:
        """Its answers to the inputs, read by `how`, on `device`.

        Raises:
            Unanswered: it answered None to some of them.
        """
        return read_present(self(x), len(filled(x)), self.owner, lambda answer, n: how(answer, n).to(self.device), keep=len(x))

    def gives(self, probe: Any, class_names: Sequence[str] = ()) -> Gives:
        """What it answers with, found by asking once about the inputs `probe`, shape (n, ...)."""
        try:
            answer = self(probe)
        except Exception as error:  # the function is the user's: whatever it raises is about these inputs
            kind = _kind(probe, self.takes)
            hint = (
                "Annotate its argument as torch.Tensor to be given tensors instead, or as pandas.DataFrame to be given a table's frame."
                if self.takes == "numpy" and isinstance(probe, Tensor)
                else ""
            )
            raise UsageError(f"The {self.owner} refuses {kind}. {hint}\n{short_traceback(error)}") from error
        if isinstance(answer, Answers | nn.Module):
            fix = "A factory of models must need no argument: give its arguments defaults, or write one without arguments."
            raise UsageError(f"The {self.owner} was given inputs and answered with a model ({type(answer).__name__}). {fix}")
        given, there = present(answer)
        return kind_of(given, len(filled(probe)) if there is None else sum(there), self.owner, class_names=class_names)

    @property
    def owner(self) -> str:
        """How messages name it."""
        return f"function '{self.name}'"

    def identity(self) -> Fingerprint:
        """Its code, its defaults, and the values and functions that it uses by name, or the object's state and methods."""
        whole = self.function if self.frame is None else {"": self.function, ".frame": self.frame}
        return fingerprint_of(f"function+{self.takes}", identify(whole, self.name, modal=True), version=self.version)

    @property
    def notes(self) -> tuple[str, ...]:
        """That what it reads while it runs is not part of its identity."""
        known = "is identified by its code and the values that it uses by name"
        return (f"The {self.owner} {known}. If files that it reads change, start a new run.",)


class CallableScores(WrappedModel, Scores):
    """A function that answers with one score per class.

    Guarantees:
        Its answer is checked for shape at every call. It is handed copies, so it cannot change the inputs.
    Cost: up to 15 rows more than asked, so that linear algebra sees multiples of 16.
    """

    def __init__(self, call: FunctionCall) -> None:
        super().__init__(name=call.name, fingerprint=call.identity(), notes=call.notes)
        self._call = call

    @property
    def takes(self) -> Takes:
        """What the function is handed."""
        return self._call.takes

    @property
    def device(self) -> torch.device:
        return self._call.device

    def scores(self, x: Any) -> Tensor:
        scores: Tensor = self._call.read(x, partial(read_scores, owner=self._call.owner))
        return scores


class CallableLabels(WrappedModel, Labels):
    """A function that answers with its decision only: label codes, or names out of the data's classes.

    Guarantees and cost: those of `CallableScores`.
    """

    def __init__(self, call: FunctionCall, *, class_names: Sequence[str] = ()) -> None:
        super().__init__(name=call.name, fingerprint=call.identity(), notes=call.notes)
        self._call = call
        self._class_names = tuple(class_names)

    @property
    def takes(self) -> Takes:
        """What the function is handed."""
        return self._call.takes

    @property
    def device(self) -> torch.device:
        return self._call.device

    def labels(self, x: Any) -> Tensor:
        labels: Tensor = self._call.read(x, partial(read_labels, owner=self._call.owner, class_names=self._class_names))
        return labels


class CallableAnswers(FixedIdentity, copies=True):
    """A function that answers with numbers or texts, one per input, for a judge that reads them.

    Guarantees and cost: those of `CallableScores`. The answer is checked at every call.
    """

    def __init__(self, call: FunctionCall, said: Said) -> None:
        super().__init__(name=call.name, fingerprint=call.identity(), notes=call.notes)
        self._call, self._read = call, read_numbers if said == "numbers" else read_texts

    @property
    def device(self) -> torch.device:
        return self._call.device

    @property
    def takes(self) -> Takes:
        """What the function is handed."""
        return self._call.takes

    def answers(self, x: Any) -> Any:
        return self._call.read(x, partial(self._read, owner=self._call.owner))


def wrap_callable(
    function: Function,
    *,
    name: str,
    device: torch.device,
    gives: Gives | None = None,
    takes: Takes | None = None,
    probe: Any = None,
    class_names: Sequence[str] = (),
    version: str | None = None,
    said: Said = "classes",
    space: Space | None = None,
) -> CallableScores | CallableLabels | CallableAnswers:
    """The function as a model of the right type: `gives` says which, or asking it once about `probe` does.

    Args:
        function: takes inputs (n, ...), answers with scores (n, classes) or labels (n,).
        name: what people call it.
        device: where tensors are put.
        gives: "scores" or "labels"; found by asking where `probe` is given.
        takes: "numpy", "torch" or "frame"; without it, as `takes_of` says.
        probe: a few inputs, shape (n, ...).
        class_names: the data's classes in label order, for functions that answer with names.
        version: what the user calls this state of it.
        said: "classes", or what a judge reads in place of them: "numbers" or "texts".
        space: the data's; names and describes the columns of a frame.

    Raises:
        UsageError: neither `gives` nor `probe` says what it gives, or its answer is neither.
    """
    for option, value, words in (("gives", gives, ("scores", "labels")), ("takes", takes, ("numpy", "torch", "frame"))):
        if value not in (None, *words):
            raise must(option, f"the model '{name}'", f"be {' or '.join(words)}", value)
    takes = takes or takes_of(function)
    call = FunctionCall(function, name, takes, device, version, _frame(space, name) if takes == "frame" else None)
    if said != "classes":
        return CallableAnswers(call, said)
    if gives is None:
        if probe is None:
            hint = "Or pass probe=x[:8], a few inputs, and it is asked once."
            raise must("gives", f"the model '{name}'", "be 'scores' (n, classes) or 'labels' (n,)", gives, hint)
        gives = call.gives(probe, class_names)
    return CallableScores(call) if gives == "scores" else CallableLabels(call, class_names=class_names)


def _kind(probe: Any, takes: Takes) -> str:
    """What a function was given, for messages."""
    if isinstance(probe, Fields):
        return f"a dictionary of {', '.join(probe.columns)}"
    if not isinstance(probe, Tensor):
        return "a list of texts"
    what = {"numpy": "a numpy array", "torch": "a tensor", "frame": "a data frame"}[takes]
    return f"{what} of shape {tuple(probe.shape)}"


def required_arguments(function: Function) -> tuple[str, ...]:
    """The names of the arguments that a function cannot be called without; empty where Python cannot tell (some written in C)."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return ()
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return tuple(p.name for p in parameters if p.default is p.empty and p.kind not in variadic)


def takes_of(function: Function) -> Takes:
    """What the annotation of its first argument asks for: "torch" for a torch.Tensor, "frame" for a pandas.DataFrame, else "numpy"."""
    try:
        first = next(iter(inspect.signature(function).parameters.values()), None)
    except (TypeError, ValueError):
        return "numpy"
    kind = None if first is None else first.annotation
    called = kind.rpartition(".")[2] if isinstance(kind, str) else getattr(kind, "__name__", "")
    kinds: dict[str, Takes] = {"Tensor": "torch", "DataFrame": "frame"}
    return kinds.get(called, "numpy")


def _frame(space: Space | None, name: str) -> InputFormat:
    if not isinstance(space, InputSpace) or not space.columns:
        hint = "Its argument is annotated as a data frame, or takes='frame' was given."
        raise must("takes", f"the model '{name}'", "be 'numpy' or 'torch', as the data are no table", "frame", hint)
    return whole_frame(space)
