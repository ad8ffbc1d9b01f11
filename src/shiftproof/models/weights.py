"""Weights from a file into a torch module: never by running code from the file."""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from shiftproof._errors import UsageError
from shiftproof._sealed import DamagedFile, read_sealed
from shiftproof.models.user_code import first_line

StateDict = Mapping[str, Tensor]
WRAPPERS = ("state_dict", "model_state_dict", "model", "net")
"""Keys under which training scripts keep the weights beside other things."""
PREFIXES = ("module.", "_orig_mod.")
"""What DataParallel and torch.compile put before every name."""
_SHOWN = 5


def load_weights(module: nn.Module, path: str, *, name: str) -> None:
    """Puts the weights of a file into `module`, all of them or none.

    Args:
        module: gets the weights; dtypes and devices stay its own.
        path: a .safetensors file, or what `torch.save` wrote of a state dict; that dict may lie under one of `WRAPPERS`, and its names may
            carry one of `PREFIXES`.
        name: what people call the model.

    Raises:
        UsageError: the file is missing, holds code, is not a state dict, or its tensors do not fit the module.
    """
    file = Path(path).expanduser()
    if not file.is_file():
        raise UsageError(f"There is no file of weights '{path}'. Paths are relative to {Path.cwd()}.")
    state = _bare(_unwrapped(_read(file), path))
    _check_fit(module, state, path, name)
    module.load_state_dict(dict(state))


def weights_of_each(models: Sequence[str], files: Sequence[str]) -> list[str | None]:
    """The file of weights of each model: as many files as models, "-" for a model that needs none; no files at all for none.

    >>> weights_of_each(["a.py:net", "b.onnx"], ["a.safetensors", "-"])
    ['a.safetensors', None]
    """
    if files and len(files) != len(models):
        raise UsageError(
            f"There are {len(models)} models and {len(files)} files of weights. Give one --weights for each --model, in the same order, "
            "and - for a model that needs none."
        )
    return [None if file == "-" else file for file in files] or [None] * len(models)


def _read(file: Path) -> object:
    if file.suffix == ".safetensors":
        from safetensors import SafetensorError, safe_open
        from safetensors.torch import load_file

        try:
            with safe_open(file, framework="pt") as opened:
                sealed = "seal" in (opened.metadata() or {})
            if sealed:  # of a training of ours
                read_sealed(file, None)
            return load_file(file)
        except DamagedFile as error:
            raise UsageError(f"The weights '{file}' are damaged: {error}. Copy the file again, or train again.") from error
        except (SafetensorError, ValueError) as error:
            raise UsageError(f"The weights '{file}' are not a readable safetensors file: {first_line(error)}. Was it cut off?") from error
    try:
        return torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise _refused(file, error) from error
    except Exception as error:  # a damaged file raises many things
        raise UsageError(
            f"The weights '{file}' cannot be read: {first_line(error)}. Expected a .safetensors file or a saved state dict."
        ) from error


def _refused(file: Path, error: Exception) -> UsageError:
    unsupported = re.search(r"[Uu]nsupported (?:global: GLOBAL|GLOBAL|class) (\S+)", str(error))
    if unsupported is None:
        reason = re.search(r"WeightsUnpickler error:\s*(.+)", str(error))  # without torch's advice to read it all the same
        why = reason[1].strip() if reason else type(error).__name__
        return UsageError(f"The weights '{file}' cannot be read: {why}. Expected a .safetensors file or a saved state dict.")
    what = unsupported[1].rstrip(".")
    return UsageError(
        f"The weights '{file}' are refused: beside tensors they hold an object of '{what}', and building it would run code from the file. "
        "If you trust the file, load it where you trained it, and save the weights alone: torch.save(model.state_dict(), 'weights.pt'), "
        "or safetensors.torch.save_file(model.state_dict(), 'weights.safetensors')."
    )


def _unwrapped(found: object, path: str) -> StateDict:
    for key in WRAPPERS:
        inner = found.get(key) if isinstance(found, Mapping) else None
        if isinstance(inner, list) and len(inner) == 1:
            inner = inner[0]  # a list of one network, as scripts for ensembles write it
        if isinstance(inner, list):
            raise UsageError(f"The weights '{path}' hold {len(inner)} networks under '{key}'. Save the state dict of one of them.")
        found = inner if isinstance(inner, Mapping) else found
    if not isinstance(found, Mapping) or not found or not all(isinstance(v, Tensor) for v in found.values()):
        what = f"a mapping with the keys {_few([str(k) for k in found])}" if isinstance(found, Mapping) else f"a {type(found).__name__}"
        raise UsageError(f"The weights '{path}' must be a state dict (names to tensors), got {what}. Save model.state_dict().")
    return {str(key): value for key, value in found.items()}


def _bare(state: StateDict) -> StateDict:
    for prefix in PREFIXES:
        if all(key.startswith(prefix) for key in state):
            state = {key[len(prefix) :]: value for key, value in state.items()}
    return state


def _check_fit(module: nn.Module, state: StateDict, path: str, name: str) -> None:
    own = module.state_dict()
    shapes = [
        f"{key} is {tuple(state[key].shape)} in the file and {tuple(own[key].shape)} in the model"
        for key in own
        if key in state and state[key].shape != own[key].shape
    ]
    wrong = [
        (f"{len(shapes)} of other shape", "; ".join(shapes[:_SHOWN])) if shapes else None,
        _listed("missing in the file", [key for key in own if key not in state]),
        _listed("unknown to the model", [key for key in state if key not in own]),
    ]
    found = [f"{what}: {which}" for what, which in filter(None, wrong)]
    if found:
        raise UsageError(f"The weights '{path}' do not fit the model '{name}'. {'. '.join(found)}. Are they those of another architecture?")


def _listed(what: str, keys: Sequence[str]) -> tuple[str, str] | None:
    return (f"{len(keys)} {what}", _few(keys)) if keys else None


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
