"""What a spec such as `file.py:factory` stands for: found, and called where it is a factory."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from torch import nn

from shiftproof._errors import UsageError
from shiftproof._imports import beside, load_object, on_path
from shiftproof.models.abstract import Answers
from shiftproof.models.callable import required_arguments
from shiftproof.models.estimator import Predicts
from shiftproof.models.user_code import EndedProgram, UserCode, short_traceback

FORMS = (
    "Write it as FILE.py:NAME, package.module:NAME, FILE.onnx, transformers:FOLDER or http(s)://HOST/PATH, where NAME is a model or a "
    "function that makes one; a language model as chat:URL#MODEL, completions:URL#MODEL or inspect_ai:PROVIDER/MODEL."
)
_WEIGHTS = (".pt", ".pth", ".ckpt", ".bin", ".safetensors")
_PICKLES = (".pkl", ".pickle", ".joblib")


def load_from_spec(spec: str) -> object:
    """The model object behind FILE.py:NAME or package.module:NAME.

    A class, or a function that needs no argument, is a factory and is called; a function that needs one argument predicts, and comes back
    as it is, like anything that is a model already.

    Raises:
        UsageError: nothing is there, the user's code raises (its own traceback is shown), or the result is not a model.
    """
    _check_form(spec)
    try:
        with neighbours(spec), UserCode(loading=_place(spec)):
            found = load_object(spec)
        with neighbours(spec), UserCode():
            return _made(found, spec)
    except UsageError:
        raise
    except EndedProgram as error:
        fix = "Put what it does as a program under: if __name__ == '__main__':"
        raise UsageError(f"The code of '{spec}' ended the program ({error.how}) instead of defining a model. {fix}") from error
    except Exception as error:  # the code is the user's: it may raise anything
        raise UsageError(f"The code of '{spec}' raised an error:\n{short_traceback(error)}") from error


@contextmanager
def neighbours(spec: str) -> Iterator[None]:
    """Makes the files beside that of `spec` importable, as when it is run; for a module, those of the working folder."""
    where = spec.rpartition(":")[0]
    with beside(Path(where).expanduser().resolve().parent) if where.endswith(".py") else on_path(Path.cwd()):
        yield


def _place(spec: str) -> str:
    """A spec with its file's whole path."""
    where, colon, name = spec.rpartition(":")
    return f"{Path(where).expanduser().resolve()}{colon}{name}" if where.endswith(".py") else spec


def _check_form(spec: str) -> None:
    if spec.endswith(_WEIGHTS):
        fix = f"Give the code that makes the model and these weights: --model FILE.py:NAME --weights {spec}."
        raise UsageError(f"The model '{spec}' is a file of weights, and weights alone are not a model. {fix}")
    if spec.endswith(_PICKLES):
        load = "joblib.load(...)" if spec.endswith(".joblib") else "pickle.load(...)"
        fix = f"If you trust it, load it in a file of your own, as in 'model = {load}', and give FILE.py:model."
        raise UsageError(f"The model '{spec}' is a pickle, which may run any code when it is opened, so it is not opened here. {fix}")
    if spec.endswith(".py"):
        raise UsageError(f"The model '{spec}' must say which object of the file is meant: write {spec}:NAME. {_defined(Path(spec))}")
    where, _, name = spec.rpartition(":")
    if not where or not name:
        raise UsageError(f"Cannot read the model '{spec}'. {FORMS}")


def _defined(file: Path) -> str:
    """What a file defines at its top, read without running it."""
    try:
        body = ast.parse(file.expanduser().read_text(encoding="utf-8")).body
    except (OSError, SyntaxError, ValueError):
        return f"There is no readable file '{file}'."
    names = [node.name for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    names += [t.id for node in body if isinstance(node, ast.Assign) for t in node.targets if isinstance(t, ast.Name)]
    public = [name for name in names if not name.startswith("_")]
    return f"It defines: {', '.join(public) or 'nothing'}."


def _made(found: object, spec: str) -> object:
    if is_model(found):
        return found
    if not callable(found):
        raise UsageError(f"'{spec}' is of type {type(found).__name__}: it must be a model, or a function that makes one or predicts.")
    needed = required_arguments(found)
    if len(needed) == 1 and not isinstance(found, type):
        return found  # it predicts
    if needed:
        what = "class" if isinstance(found, type) else "function"
        fix = "Write a function without arguments that returns the model, or a function of one argument that predicts."
        raise UsageError(f"The {what} '{spec}' needs arguments ({', '.join(needed)}), and is called without any. {fix}")
    model = found()
    if model is None:
        raise UsageError(f"The factory '{spec}' returned None. Does it end with 'return model'?")
    if not is_model(model) and (isinstance(model, type) or not callable(model)):
        raise UsageError(f"The factory '{spec}' returned a {type(model).__name__}: it must return a model, or a function that predicts.")
    return model


def is_model(found: object) -> bool:
    """True for what is a model without being called: ours, a torch module, a scikit-learn estimator."""
    return isinstance(found, Answers | nn.Module | Predicts) and not isinstance(found, type)
