"""Models in files that are neither code nor ONNX: TorchScript is loaded; Keras and TensorFlow are told how to become ONNX."""

from __future__ import annotations

import warnings
import zipfile
from pathlib import Path

import torch
from torch import nn

from shiftproof._errors import UsageError
from shiftproof.models.user_code import first_line

_SCRIPTS = (".pt", ".pth", ".ts", ".torchscript")
_KERAS = (".keras", ".h5", ".hdf5", ".tflite", ".pb")
_FROM = {".tflite": "--tflite", ".pb": "--graphdef"}
_PACKAGES = ("keras", "tf_keras", "tensorflow")
_THEN = "and give the file: --model net.onnx. Pictures then have their channels where Keras has them: last"


def load_script(spec: str) -> nn.Module | None:
    """The module of a TorchScript file; None where the spec is no such file. No Python code of the file runs.

    Raises:
        UsageError: it cannot be loaded.
    """
    path = Path(spec).expanduser()
    if path.suffix not in _SCRIPTS or not path.is_file() or not _is_script(path):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of the format, which is the user's choice
            module: nn.Module = torch.jit.load(str(path), map_location="cpu")  # type: ignore[no-untyped-call]
    except (RuntimeError, ValueError) as error:
        raise UsageError(f"The TorchScript file '{spec}' cannot be loaded: {first_line(error)}. Was it cut off?") from error
    return module.eval()


def _is_script(path: Path) -> bool:
    """Whether a file of torch holds a program beside its tensors."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any("/code/" in name or name.endswith("/constants.pkl") for name in archive.namelist())


def refuse_keras_file(spec: str) -> None:
    """Raises where the model is a file or folder of Keras or TensorFlow, with the command that makes ONNX of it."""
    path = Path(spec).expanduser()
    saved = path.is_dir() and (path / "saved_model.pb").is_file()
    if path.suffix not in _KERAS and not saved:
        return
    if path.suffix in (".keras", ".h5", ".hdf5"):
        way = f"python -c \"import keras; keras.models.load_model('{spec}').export('net.onnx', format='onnx')\""
    else:
        way = f"python -m tf2onnx.convert {'--saved-model' if saved else _FROM[path.suffix]} {spec} --output net.onnx"
    raise UsageError(f"The model '{spec}' is one of TensorFlow, which is measured through ONNX. Run: {way} {_THEN}.")


def refuse_keras(model: object) -> None:
    """Raises where an object is a model of Keras or TensorFlow, with the line that makes ONNX of it."""
    packages = {str(kind.__module__).partition(".")[0] for kind in type(model).__mro__}
    if packages & set(_PACKAGES):
        way = "model.export('net.onnx', format='onnx')"
        raise UsageError(f"The model is a {type(model).__name__} of Keras, which is measured through ONNX. Run: {way} {_THEN}.")
