"""An ONNX file, run by onnxruntime on the CPU: provides scores."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from shiftproof._errors import MissingExtra, UsageError, must
from shiftproof._identity.fingerprinted import with_version
from shiftproof._identity.graph import LENGTH
from shiftproof.models.abstract import Scores
from shiftproof.models.answers import read_scores
from shiftproof.models.query_count import count_sent
from shiftproof.models.user_code import first_line

if TYPE_CHECKING:
    import onnxruntime as ort

FLOATS = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(float16)": np.float16}
"""The types of inputs and scores, as onnxruntime says them."""
TEXTS = "tensor(string)"
_BLOCK = 2**20


class Port(NamedTuple):
    """An input or output of the graph: its name, type and shape, where a free dimension is a word or None."""

    name: str
    type: str
    shape: Sequence[int | str | None]


class OnnxSession(Scores):
    """A graph with one floating input (n, ...), or one of strings (n,) or (n, 1) for texts, and an output of scores (n, classes).

    Args:
        path: the file.
        name: what people call it; the file's name where absent.
        output: which output holds the scores, where several could.
        threads: of onnxruntime for one call; as many as torch uses where absent.
        version: what you call this state of it; counts in its fingerprint.

    Guarantees:
        A fixed batch dimension is served by splitting and filling up. A row's scores are the same bits in any batch (measured with
        onnxruntime 1.31 on dense and convolutional graphs, 1 to 512 rows; so nothing is filled up otherwise). Probabilities are left as
        they are. It can be pickled: the file is opened again where it arrives. The fingerprint is the hash of the file, of the files that
        its tensors lie in, and of the version of onnxruntime.
    """

    def __init__(
        self, path: str, *, name: str | None = None, output: str | None = None, threads: int | None = None, version: str | None = None
    ) -> None:
        if threads is not None and threads < 1:
            raise must("threads", f"the model '{path}'", "be at least 1", threads)
        self._path = Path(path).expanduser()
        self._name = name or self._path.name
        self._wanted, self._threads, self._version = output, threads, version
        self._session = _open(self._path, threads or torch.get_num_threads())
        self._input = self._one_input()
        self._output = self._scores_output()

    @property
    def name(self) -> str:
        return self._name

    @property
    def path(self) -> Path:
        """The file, for parts that read its structure (certificates)."""
        return self._path

    @property
    def output(self) -> str:
        """The output that holds the scores."""
        return self._output.name

    def __reduce__(self) -> tuple[functools.partial[OnnxSession], tuple[str]]:
        build = functools.partial(OnnxSession, name=self._name, output=self._wanted, threads=self._threads, version=self._version)
        return build, (str(self._path.resolve()),)

    def fingerprint(self) -> str:
        from onnxruntime import __version__ as runtime

        digest = hashlib.sha256(f"{self._output.name} {runtime} ".encode())
        for file in (self._path, *(self._path.parent / place for place in sorted(set(_outside(self._path))))):
            with file.open("rb") as stream:
                while block := stream.read(_BLOCK):
                    digest.update(block)
        known = f"onnx:{digest.hexdigest()[:LENGTH]}"
        return known if self._version is None else with_version(known, self._version)

    def scores(self, x: Any) -> Tensor:
        if not isinstance(x, Tensor):
            return self._of_texts([str(text) for text in x])
        self._check_shape(x)
        if not len(x):
            return x.new_zeros((0, 2))
        batch = self._input.shape[0] if self._input.shape else None
        parts = torch.split(x, batch) if isinstance(batch, int) and batch > 0 else (x,)
        return torch.cat([self._run(part, batch) for part in parts])

    def _of_texts(self, texts: list[str]) -> Tensor:
        """The scores of texts, for graphs whose input is one string a row, shape (n,) or (n, 1)."""
        if self._input.type != TEXTS:
            raise must("input", f"the model '{self._name}'", "be a tensor of strings for data of texts", self._input.type)
        if not texts:
            return torch.zeros((0, 2))
        given = np.array(texts, dtype=object).reshape((-1, 1) if len(self._input.shape) == 2 else (-1,))
        count_sent(self._name, len(texts))
        (answer,) = self._session.run([self._output.name], {self._input.name: given})
        return read_scores(answer, len(texts), f"output '{self._output.name}' of the model '{self._name}'")

    def _run(self, x: Tensor, batch: int | str | None) -> Tensor:
        given = x.detach().cpu().numpy().astype(FLOATS[self._input.type], copy=False)
        if isinstance(batch, int) and 0 < len(given) < batch:
            given = np.concatenate([given, np.repeat(given[-1:], batch - len(given), axis=0)])
        count_sent(self._name, len(given))
        (answer,) = self._session.run([self._output.name], {self._input.name: np.ascontiguousarray(given)})
        return read_scores(answer, len(given), f"output '{self._output.name}' of the model '{self._name}'")[: len(x)]

    def _one_input(self) -> Port:
        ports = [Port(p.name, p.type, p.shape) for p in self._session.get_inputs()]
        if len(ports) != 1:
            hint = "Export the model with all features in one matrix (for scikit-learn: one FloatTensorType([None, columns]))."
            raise must("inputs", f"the model '{self._name}'", "be one tensor", ", ".join(p.name for p in ports) or "none", hint)
        if ports[0].type not in (*FLOATS, TEXTS):
            hint = "Export it with a floating input, conversion and normalisation inside."
            raise must("input", f"the model '{self._name}'", "be a floating tensor", ports[0].type, hint)
        return ports[0]

    def _scores_output(self) -> Port:
        ports = [Port(p.name, p.type, p.shape) for p in self._session.get_outputs()]
        owner, every = f"the model '{self._name}'", ", ".join(f"{p.name} {p.type} {p.shape}" for p in ports)
        if self._wanted is not None and self._wanted not in [p.name for p in ports]:
            raise must("output", owner, f"be one of {', '.join(p.name for p in ports)}", self._wanted)
        fits = [p for p in ports if p.type in FLOATS and len(p.shape) in (0, 2) and self._wanted in (None, p.name)]
        if not fits and any(p.type.startswith("seq(map") for p in ports):
            fix = "Export it again with options={'zipmap': False}."
            raise UsageError(f"The model '{self._name}' returns probabilities as dictionaries (ZipMap: {every}). {fix}")
        if not fits:
            raise must("outputs", owner, "hold floating scores of shape (n, classes)", every, "Export the scores, not the decision alone.")
        ranked = [p for p in fits if len(p.shape) == 2] or fits
        if len(ranked) > 1:
            raise must(
                "output", owner, "be named, as several could hold the scores", every, f"Write {self._path.name}:{ranked[0].name}, say."
            )
        return ranked[0]

    def _check_shape(self, x: Tensor) -> None:
        if self._input.type == TEXTS:
            raise must("inputs", f"the model '{self._name}'", "be texts, one string a row", tuple(x.shape))
        wanted = self._input.shape
        if not wanted:  # the graph leaves even the rank open
            return
        fits = x.dim() == len(wanted) and all(
            not isinstance(w, int) or w in (-1, have) for w, have in zip(wanted[1:], x.shape[1:], strict=True)
        )
        if not fits:
            shown = "(" + ", ".join(str(w) if isinstance(w, int) else "n" if i == 0 else "any" for i, w in enumerate(wanted)) + ")"
            raise must("inputs", f"the model '{self._name}'", f"have shape {shown}", tuple(x.shape))


def _outside(path: Path) -> Iterator[str]:
    """The files that a graph's tensors lie in, as it names them: relative to its own."""
    try:
        import onnx
    except ImportError:
        raise MissingExtra("onnx", "onnx") from None
    waiting: list[Any] = [onnx.load_model(str(path), load_external_data=False)]
    for message in waiting:
        if isinstance(message, onnx.TensorProto):
            yield from (entry.value for entry in message.external_data if entry.key == "location")
            continue
        for field, value in message.ListFields():
            if field.message_type is not None:
                waiting.extend(value if isinstance(value, Sequence) else [value])


def _open(path: Path, threads: int) -> ort.InferenceSession:
    if not path.is_file():
        raise UsageError(f"There is no ONNX file '{path}'. Paths are relative to {Path.cwd()}.")
    try:
        import onnxruntime as ort
    except ImportError:
        raise MissingExtra("onnxruntime", "onnx") from None
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3  # warnings about the graph are not ours to print
    try:
        return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has a class of its own for each way to fail
        raise UsageError(f"The ONNX file '{path}' cannot be loaded: {first_line(error)}") from error
