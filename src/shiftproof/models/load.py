"""From what people have (a module, an estimator, a function, a file, a URL) to a model of the right type."""

from __future__ import annotations

import copy
import functools
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import nn

from shiftproof._errors import UsageError, must
from shiftproof._secrets import url_without_secrets
from shiftproof.data.space import InputSpace, Space, TextSpace
from shiftproof.models.abstract import Answers, Labels, Said
from shiftproof.models.answers import Gives
from shiftproof.models.boosters import as_estimator
from shiftproof.models.callable import Takes, takes_of, wrap_callable
from shiftproof.models.chat_options import ChatOptions
from shiftproof.models.endpoint import wrap_endpoint
from shiftproof.models.estimator import Predicts, wrap_estimator, wrap_predictor
from shiftproof.models.field_module import FieldModule, fields_of_numbers
from shiftproof.models.load_language_model import is_language_model, load_language_model
from shiftproof.models.posting import EndpointOptions
from shiftproof.models.spec import FORMS, load_from_spec, neighbours
from shiftproof.models.stored_models import load_script, refuse_keras, refuse_keras_file
from shiftproof.models.text_module import load_transformers
from shiftproof.models.torch_module import MemoryFormat, TorchModule
from shiftproof.models.weights import load_weights

TRANSFORMERS = "transformers:"
"""What stands before the folder of a classifier of transformers."""


def as_model(
    model: object,
    *,
    name: str | None = None,
    device: str = "cpu",
    space: Space | None = None,
    class_names: Sequence[str] = (),
    groups: Sequence[str] = (),
    probe: Any = None,
    gives: Gives | None = None,
    takes: Takes | None = None,
    memory_format: MemoryFormat = "auto",
    version: str | None = None,
) -> Labels:
    """An object of yours as a model: it says what it gives (answers, labels, scores or gradients) by its type, and stays as it is.

    Args:
        model: a torch module, a fitted scikit-learn classifier, a function of inputs (n, ...), or a shiftproof model, which comes back as
            it is.
        name: what people call it; its class or function name where absent.
        device: where torch modules, and functions that take tensors, compute.
        space: the data's; tells an estimator the columns of a table.
        class_names: the data's classes in label order, for estimators and functions that answer with names.
        groups: names of the data's group columns, which an estimator may have been trained without.
        probe: a few inputs (n, ...) to ask a function about, so that it shows what it gives.
        gives: "scores" (n, classes) or "labels" (n,), for a function that is not to be asked; "labels" for an estimator's decisions only.
        takes: "numpy", "torch" or "frame", for functions; torch where the argument is annotated as a torch.Tensor, frame where it is
            annotated as a pandas.DataFrame (of a table, with its types and missing values), else numpy.
        memory_format: how images lie in memory for torch modules: "channels_last", "contiguous", or "auto", by the module's structure.
        version: what you call this state of it. It counts in its fingerprint, and answers for what that cannot cover, such as a connection,
            so that runs of it can be resumed.

    Raises:
        UsageError: it is none of these, or does not fit the data.

    Example:
        >>> import torch
        >>> as_model(torch.nn.Linear(4, 2)).name
        'Linear'
        >>> as_model(lambda x: x.sum(1) > 2, name="by hand", gives="labels").labels(torch.ones(1, 4))
        tensor([1])
    """
    found = as_answers(
        model,
        name=name,
        device=device,
        space=space,
        class_names=class_names,
        groups=groups,
        probe=probe,
        gives=gives,
        takes=takes,
        memory_format=memory_format,
        version=version,
    )
    return _model_of_classes(found)


def _model_of_classes(found: Answers) -> Labels:
    if not isinstance(found, Labels):
        hint = "It needs no wrapper: give it to confront or audit with a judge that reads its answers."
        raise must("model", "this run", "give classes", found.name, hint)
    return found


def as_answers(
    model: object,
    *,
    name: str | None = None,
    device: str = "cpu",
    space: Space | None = None,
    class_names: Sequence[str] = (),
    groups: Sequence[str] = (),
    probe: Any = None,
    gives: Gives | None = None,
    takes: Takes | None = None,
    memory_format: MemoryFormat = "auto",
    version: str | None = None,
    said: Said = "classes",
) -> Answers:
    """The object as what a judge reads of it, `said`: "classes" (see `as_model`), "numbers" (regression) or "texts"."""
    if isinstance(model, type):
        raise UsageError(f"The model must be an object, got the class {model.__name__}. Make one: {model.__name__}(...).")
    if isinstance(model, str | Path):
        raise UsageError(f"The model '{model}' is text: shiftproof.load_model reads specs and files.")
    refuse_keras(model)
    where = _device(device)
    model = as_estimator(model, class_names, name=name or type(model).__name__) or model
    framed = callable(model) and not isinstance(model, nn.Module) and (takes or takes_of(model)) == "frame"
    if callable(model) and not isinstance(model, Answers | Predicts) and not framed:
        _refuse_missing(space)
    called = name or getattr(model, "__name__", None) or type(model).__name__
    fields = fields_of_numbers(space) if isinstance(model, nn.Module) and said == "classes" else ()
    if isinstance(model, nn.Module) and fields:
        model, gives = FieldModule(model, called, fields, where), "scores"
    if isinstance(model, nn.Module):
        _refuse_texts(type(model).__name__, space, said)
        return TorchModule(model, name=called, device=where, memory_format=memory_format, version=version, said=said)
    if callable(model) and not isinstance(model, Answers | Predicts):
        wrapped = wrap_callable(
            model,
            name=called,
            device=where,
            gives=gives,
            takes=takes,
            probe=probe,
            class_names=class_names,
            version=version,
            said=said,
            space=space,
        )
        return _on(wrapped, where)
    if isinstance(model, Answers) and version is not None:
        hint = "Give it to as_model, or to the class, that made this model."
        raise must("version", f"the model '{model.name}', which has a fingerprint of its own already,", "not be given", version, hint)
    if isinstance(model, Answers):
        return _on(model, where)
    if isinstance(model, Predicts):
        as_classes = functools.partial(wrap_estimator, class_names=class_names, probe=probe, gives=gives)
        wrap = as_classes if said == "classes" else functools.partial(wrap_predictor, said=said)
        return _on(wrap(model, name=called, space=space, groups=groups, version=version), where)
    hint = (
        "Give the function that predicts, such as its predict; one whose argument is annotated as a pandas.DataFrame is handed the frame."
    )
    raise must("model", "this run", "be a torch module, a scikit-learn classifier or a function", type(model).__name__, hint)


def load_model(
    spec: object,
    *,
    weights: str | None = None,
    device: str = "cpu",
    space: Space | None = None,
    probe: Any = None,
    class_names: Sequence[str] = (),
    groups: Sequence[str] = (),
    name: str | None = None,
    gives: Gives | None = None,
    endpoint: EndpointOptions | None = None,
    version: str | None = None,
) -> Labels:
    """A model from a spec: code, an ONNX file or a URL. An object goes to `as_model`.

    Args:
        spec: "FILE.py:NAME" or "package.module:NAME" (a model, a factory that needs no argument, or a function of one argument that
            predicts), "FILE.onnx" or "FILE.onnx:OUTPUT", a TorchScript file "FILE.pt", "http(s)://HOST/PATH", or an object.
        weights: a file of weights for a torch module (.safetensors, or a saved state dict).
        device: where torch computes.
        space: the data's.
        probe: a few inputs (n, ...); functions and endpoints are asked about them once, to see whether they give scores or labels.
        class_names: the data's classes in label order.
        groups: names of the data's group columns.
        name: what people call it; where absent the spec, without folders and credentials, with the stem of the weights.
        gives: "scores" or "labels", for functions and endpoints that are not to be asked.
        endpoint: how an endpoint is asked.
        version: as of `as_model`.

    Raises:
        UsageError: the spec cannot be read, the code behind it raises (its own traceback is in the message), the weights do not fit, or the
            model does not fit the data.

    Example:
        >>> load_model("torch.nn:Identity").name
        'torch.nn:Identity'
    """
    found = load_answers(
        spec,
        weights=weights,
        device=device,
        space=space,
        probe=probe,
        class_names=class_names,
        groups=groups,
        name=name,
        gives=gives,
        endpoint=endpoint,
        version=version,
    )
    return _model_of_classes(found)


def load_answers(
    spec: object,
    *,
    weights: str | None = None,
    device: str = "cpu",
    space: Space | None = None,
    probe: Any = None,
    class_names: Sequence[str] = (),
    groups: Sequence[str] = (),
    name: str | None = None,
    gives: Gives | None = None,
    endpoint: EndpointOptions | None = None,
    version: str | None = None,
    said: Said = "classes",
    chat: ChatOptions | None = None,
) -> Answers:
    """The model behind a spec as what a judge reads of it, `said`: see `load_model`, and `as_answers` for an object.

    A spec may be chat:URL#MODEL or completions:URL#MODEL too, a language model behind an endpoint, or inspect_ai:PROVIDER/MODEL;
    `chat` says how these are asked.
    """
    spec = str(spec) if isinstance(spec, Path) else spec
    text = spec if isinstance(spec, str) else ""
    if is_language_model(text):
        _refuse_weights(weights, text)
        return _on(load_language_model(text, name=name, options=chat, version=version, said=said, space=space), _device(device))
    where, _, output = text.rpartition(":") if ".onnx:" in text else (text, "", "")
    if text.lower().startswith(("http:", "https:")) or where.endswith(".onnx"):
        _refuse_texts(url_without_secrets(text), None if isinstance(space, TextSpace) else space, said)
    if text.startswith(TRANSFORMERS):
        return _transformers(text, weights, space, said, name=name, device=device, version=version)
    if text.lower().startswith(("http:", "https:")):
        _refuse_weights(weights, text)
        _refuse_missing(space)
        made = wrap_endpoint(text, name=name, options=endpoint, gives=gives, probe=probe, class_names=class_names, version=version)
        return _on(made, _device(device))
    if where.endswith(".onnx"):
        from shiftproof.models.onnx_session import OnnxSession

        _refuse_weights(weights, text)
        _refuse_missing(space)
        return _on(OnnxSession(where, name=name, output=output or None, version=version), _device(device))
    if isinstance(spec, str) and not text.strip():
        raise UsageError(f"The model is empty. {FORMS}")
    refuse_keras_file(text)
    script = load_script(text)
    found = script if script is not None else load_from_spec(text) if text else spec
    called = name or (_short(text, weights) if text else None)
    with neighbours(text) if text else nullcontext():
        if weights is not None:
            found = _with_weights(found, weights, called or type(found).__name__)
        ready = functools.partial(as_answers, found, name=called, device=device, space=space, class_names=class_names, groups=groups)
        return ready(probe=probe, gives=gives, version=version, said=said)


def _transformers(
    text: str, weights: str | None, space: Space | None, said: Said, *, name: str | None, device: str, version: str | None
) -> Answers:
    if weights is not None:
        raise _no_place(weights, text)
    if not isinstance(space, TextSpace | None) or said != "classes":
        raise must("model", "these data, or this judge,", "take texts and give classes", text)
    return load_transformers(text.removeprefix(TRANSFORMERS), name=name, device=str(_device(device)), version=version)


def _refuse_texts(name: str, space: Space | None, said: Said) -> None:
    """Raises where a model that takes tensors is to take, or to answer with, something else."""
    if said == "texts" or not isinstance(space, InputSpace | None):
        hint = "Give FILE.py:NAME, a function that makes tensors of the texts, asks it and answers."
        raise must("model", "data of texts, or a judge of texts,", "be a function or an estimator", name, hint)


def _refuse_missing(space: Space | None) -> None:
    """Raises where numbers of a table are missing, which only an estimator can be told."""
    missing = [column.marks for column in (space.columns if isinstance(space, InputSpace) else ()) if column.marks]
    if missing:
        raise UsageError(
            f"Values are missing in {', '.join(missing)}, and only estimators take missing numbers. Fill them, drop the rows, or leave "
            f"the columns out with drop={','.join(missing)}. A function whose argument is annotated as a pandas.DataFrame takes them too."
        )


def _with_weights(found: object, weights: str, name: str) -> nn.Module:
    module = found.module if isinstance(found, TorchModule) else found
    if not isinstance(module, nn.Module):
        raise _no_place(weights, name)
    module = copy.deepcopy(module)  # the user's own stays as it is
    load_weights(module, weights, name=name)
    return module


def _refuse_weights(weights: str | None, spec: str) -> None:
    if weights is not None:
        raise _no_place(weights, url_without_secrets(spec))


def _no_place(weights: str, name: str) -> UsageError:
    return UsageError(f"The weights '{weights}' were given for '{name}', which is not a torch module. Leave them out.")


def _device(device: str) -> torch.device:
    try:
        return torch.empty(0, device=device).device
    except (RuntimeError, AssertionError, NotImplementedError):  # torch raises any of these for what it does not know or see
        raise must("device", "this run", "be a device that torch finds here, such as cpu, cuda or cuda:0", device) from None


def _on(model: Answers, device: torch.device) -> Answers:
    """The model itself; raises where the user asked for a device on which it does not compute."""
    if device.type not in ("cpu", model.device.type):
        raise must("device", f"the model '{model.name}'", f"be {model.device.type}, where it computes", str(device))
    return model


def _short(spec: str, weights: str | None) -> str:
    """A spec without its folders, with the stem of its weights: 'models/net.py:make' with 'w/best.pt' is 'net.py:make, best'."""
    where, colon, name = spec.rpartition(":")
    short = f"{Path(where).name}{colon}{name}" if where.endswith(".py") else spec
    return short if weights is None else f"{short}, {Path(weights).stem}"
