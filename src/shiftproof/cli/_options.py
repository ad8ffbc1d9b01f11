"""Options that commands share, and what a shell completes them with."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from shiftproof._errors import UsageError, must
from shiftproof._urls import check_local, is_url

F = TypeVar("F", bound=Callable[..., Any])
_ONE = {
    "model": "FILE.py:NAME, package.module:NAME, FILE.onnx, transformers:FOLDER or an http(s) URL.",
    "weights": "Weights for a torch module: safetensors or a state dict.",
    "name": "What the model is called in reports. [its spec and the stem of its weights]",
}
_SEVERAL = {
    "model": "A model, as for audit. Repeat it for each.",
    "weights": "Weights of each model, in the same order; - for none.",
    "name": "What each model is called in reports, in the same order. [its spec and the stem of its weights]",
}


class PartSpec(click.ParamType[str]):
    """The spec of a part, completed by the names of the parts of these kinds."""

    name = "spec"

    def __init__(self, *kinds: str) -> None:
        self.kinds = kinds

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        del ctx, param
        return [CompletionItem(name) for name in part_names(self.kinds) if name.startswith(incomplete)] or _files(incomplete)


class FileOr(click.ParamType[str]):
    """A file, or what else it may be: one of these words, completed with both."""

    name = "text"

    def __init__(self, *words: str, source: Callable[[], Iterable[str]] = tuple) -> None:
        self.words, self.source = words, source

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        del ctx, param
        words = [CompletionItem(word) for word in (*self.words, *self.source()) if word.startswith(incomplete)]
        return [*words, *_files(incomplete)]


def _files(incomplete: str) -> list[CompletionItem]:
    """What makes the shell complete file names."""
    return [CompletionItem(incomplete, type="file")]


def part_names(kinds: Iterable[str]) -> list[str]:
    """The names of the parts of these kinds, such as "shifts"."""
    from shiftproof.catalogue import registries

    known = registries()
    return [name for kind in kinds for name in known[kind].names()]


def suite_names() -> list[str]:
    """The names of the suites."""
    from shiftproof.evaluation.audit.suites import NAMES

    return list(NAMES)


def _schemes() -> list[str]:
    from shiftproof.data.sources import sources

    return [f"{source.scheme}:" for source in sources.describe()]


SHIFT, SEARCH = PartSpec("shifts"), PartSpec("searches")
DATA = FileOr(source=_schemes)
OUT = FileOr()


def model_options(*, several: bool = False) -> Callable[[F], F]:
    """The options of every command that takes a model: --model --weights --name --box --device --quiet."""
    said = _SEVERAL if several else _ONE
    each: dict[str, Any] = {"multiple": several}

    def add(command: F) -> F:
        options: tuple[Callable[[F], F], ...] = (
            click.option("--model", "models" if several else "model", metavar="SPEC", type=FileOr(), help=said["model"], **each),
            click.option("--weights", metavar="FILE", type=FileOr(), help=said["weights"], **each),
            click.option("--name", "names" if several else "name", metavar="TEXT", help=said["name"], **each),
            click.option("--box", metavar="LOW,HIGH", help="Smallest and largest legal input value, such as 0,1."),
            click.option("--device", help="Torch device. [cpu]"),
            click.option("--quiet", is_flag=True, help="No progress and no summary."),
        )
        for option in reversed(options):
            command = option(command)
        return command

    return add


def data_option(
    text: str = "Data: digits:, npz:FILE, idx:DIR, imagefolder:DIR, csv:FILE?label=y, ... See 'shiftproof list sources'.",
) -> Callable[[F], F]:
    """--data, which every command that measures needs: nothing is measured on data that nobody named."""
    return click.option("--data", metavar="URI", type=DATA, help=text)


def needed(option: str, value: str | tuple[str, ...] | None, example: str) -> Any:
    """The value of an option that must be given.

    Raises:
        UsageError: it was not.
    """
    if not value:
        what = {"model": "model was", "data": "data were"}.get(option, f"{option} was")
        them = "them" if option == "data" else "it"
        raise UsageError(f"No {what} given. Name {them} with --{option}, for example --{option} {example}.")
    return value


def one_model(option: str | None, argument: str | None) -> str:
    """The model of --model, or of the argument that stands for it."""
    if option and argument:
        raise UsageError(f"Two models were given, {option} and {argument}. Give one, with --model.")
    return str(needed("model", option or argument, MODEL_EXAMPLE))


MODEL_EXAMPLE, DATA_EXAMPLE = "nets.py:small", "npz:FILE.npz"


def box_of(text: str | None) -> tuple[float, float] | None:
    """The box in --box."""
    if text is None:
        return None
    try:
        low, high = (float(end) for end in text.split(","))
    except ValueError as error:
        raise UsageError(f"The '--box' must be two numbers such as 0,1, got {text!r}.") from error
    return low, high


def names_of_each(models: tuple[str, ...], names: tuple[str, ...]) -> list[str | None]:
    """The name of each model: as many as models, or none at all."""
    if names and len(names) != len(models):
        raise must("--name", "this command", f"be given once for each of the {len(models)} models, or not at all", list(names))
    return list(names) or [None] * len(models)


def local_folders(places: Iterable[str]) -> list[Path]:
    """Folders of runs by their paths; what is at a URL is fetched."""
    if not any(map(is_url, places := [*places])):
        return [*map(Path, places)]
    from shiftproof.runs.remote_store import fetched

    return [fetched(place) for place in places]


def out_folder(out: Path) -> Path:
    """The folder of --out.

    Raises:
        UsageError: it is a file, or named like one, or a URL.
    """
    check_local(str(out))
    if out.suffix in (".html", ".json") or out.is_file():
        raise must("--out", "every command", "be a folder, into which pages and records are written", str(out))
    return out
