"""What a run is asked to do: one typed record behind the Python call, the command line and the TOML file."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from numbers import Integral
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from shiftproof._errors import UsageError, must, unknown
from shiftproof._secrets import remember_url, without_secrets
from shiftproof._urls import check_local
from shiftproof.models.copy_precisions import PRECISIONS

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


_LONG = 1000
"""Entries from which on a list is no list of options."""


class Config(BaseModel):
    """Options of a run: of the type that they say and no other, so that `limit = true` is not 1; its `repr` shows no credentials."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True, strict=True)

    @field_validator("*", mode="before")
    @classmethod
    def _plain(cls, value: object) -> object:
        """TOML and the command line have lists for tuples, and numpy whole numbers of its own; long lists are data, and stay."""
        if isinstance(value, list | tuple) and len(value) > _LONG:
            return value
        if isinstance(value, list | tuple):
            return tuple(map(cls._plain, value))
        return value if isinstance(value, bool) or not isinstance(value, Integral) else int(value)

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        for name, value in super().__repr_args__():
            yield name, _masked(value)


def _masked(value: Any) -> Any:
    return without_secrets(value) if isinstance(value, str) else tuple(map(_masked, value)) if isinstance(value, tuple) else value


class CommonConfig(Config):
    """The options that every command which measures without a suite shares."""

    out: str
    box: tuple[float, float] | None = None
    limit: int | None = None
    seed: int = 0
    confidence: float = 0.95
    batch_size: int = 256
    device: str = "cpu"

    @property
    def suite(self) -> None:
        """There is none."""
        return None


class AuditConfig(Config):
    """Every option of an audit. The model and the data may be Python objects; everything else is numbers and words."""

    model: Any = Field(
        description="'package.module:factory', 'file.py:factory', 'file.onnx', an http(s) URL, or in Python any model object."
    )
    data: Any = Field(description="URI of the sample, or in Python what `load_data` takes: a frame, (X, y), a torch data set, a source.")
    label: str | None = Field(default=None, description="Column of labels, for a table that does not name it itself, such as a data frame.")
    groups: tuple[str, ...] = Field(default=(), description="Columns of groups, likewise.")
    weights: str | None = Field(default=None, description="File of weights for a torch module: safetensors or a state dict.")
    name: str | None = Field(default=None, description="What the model is called in reports; its spec or class where it is not given.")
    model_version: str | None = Field(
        default=None,
        description="Your name for this state of the model: part of its identity, for what shiftproof cannot identify by itself.",
    )
    defence: Any = Field(default=None, description="A defence in front of the model: a spec such as jpeg(quality=75), or in Python a part.")
    device: str = Field(default="cpu", description="Torch device of a torch module.")
    gradients: bool = Field(default=False, description="Read the gradients of an ONNX file from its graph.")
    request: str | None = Field(default=None, description='JSON that a URL is sent, $batch where the inputs go: {"instances": $batch}.')
    answer: str | None = Field(default=None, description="Where the rows of a URL's answer are, such as predictions or outputs.0.data.")
    headers: tuple[str, ...] = Field(default=(), description="Headers for a URL, NAME=VARIABLE, the values in environment variables.")
    box: tuple[float, float] | None = Field(default=None, description="Least and greatest legal input value.")
    limit: int | None = Field(default=None, description="Use only the first this many examples.")
    shift_from: tuple[Any, ...] = Field(default=(), description="Other samples, URI or NAME=URI: a natural shift.")
    suite: str | None = Field(
        default=None,
        description="quick, standard, thorough, or a list of corruptions (corruptions, mnist_c, ...), beside the shifts that are given; "
        "'quick' where none are.",
    )
    shifts: tuple[Any, ...] = Field(default=(), description="Specs such as linf(eps=8/255), or in Python parts.")
    searches: tuple[Any, ...] = Field(default=(), description="Specs such as best_of_n(n=20), or in Python parts.")
    fast_copy: str | None = Field(
        default=None, description="Search with the cascade on a faster copy of a torch module, in float32 or bfloat16; the model judges."
    )
    judge: Any = Field(
        default="classify", description="What is right: a spec such as token_f1 or within(relative=0.1), or in Python a part."
    )
    prompt: str | None = Field(default=None, description="TOML file of the prompt into which the texts of the data are written.")
    certify: tuple[Any, ...] = Field(default=(), description="Certificates, by spec.")
    curves: tuple[Any, ...] = Field(default=(), description="Balls, such as linf, whose accuracy at every eps is wanted.")
    measures: tuple[Any, ...] = Field(
        default=(), description="Measures of stored answers, such as recall(class=fraud), or in Python parts. class=each: of every class."
    )
    calibrate: float | None = Field(default=None, description="Share of the data, chosen by id, that calibrates and is not tested on.")
    calibrate_on: Any = Field(default=None, description="Another sample that calibrates, which the model was not trained on.")
    diagnose: bool | None = Field(
        default=None, description="Check for masked gradients; where not given, as the suite says: standard and thorough do."
    )
    budget: str | None = Field(
        default=None, description="What the run may cost, such as 10m, 20000 rows or 200000 tokens: chooses which parts are run."
    )
    plan: str | None = Field(default=None, description="The plan.json of a run that a budget chose: the same parts are run.")
    fail_on: tuple[str, ...] = Field(default=(), description="Conditions under which the gate fails.")
    out: str | None = Field(default=None, description="Folder of the run, or a URL; in Python a temporary one where it is not given.")
    max_requests: int | None = Field(default=None, description="Requests to a language model at most, in each process of a call.")
    max_tokens: int | None = Field(default=None, description="Tokens of a language model at most, in each process of a call.")
    seed: int = Field(default=0, description="With each example's id, the whole source of randomness.")
    confidence: float = Field(default=0.95, description="Confidence of every interval.")
    batch_size: int = Field(default=256, description="Inputs per call of the model.")
    backend: str = Field(default="serial", description="serial, processes or ray, or on a cluster ray:ADDRESS or dask:ADDRESS.")
    workers: int = Field(default=2, description="Workers of the other backends than serial.")
    shard_size: int = Field(default=2500, description="Examples a cell file holds at most: what a killed run loses at most.")
    pictures: int = Field(default=8, description="Failures kept in the gallery of each cell.")

    def model_post_init(self, context: Any, /) -> None:
        """Checks ranges; types are pydantic's."""
        del context
        counts = {"batch_size": self.batch_size, "workers": self.workers, "shard_size": self.shard_size, "limit": self.limit}
        for option, count in counts.items():
            if count is not None and count < 1:
                raise must(option, "the audit", "be at least 1", count)
        if self.fast_copy not in (None, *PRECISIONS):
            raise must("fast_copy", "the audit", f"be one of {', '.join(PRECISIONS)}", self.fast_copy)
        if self.pictures < 0:
            raise must("pictures", "the audit", "be at least 0", self.pictures)
        if not 0 < self.confidence < 1:
            raise must("confidence", "the audit", "be in (0, 1)", self.confidence)
        if (self.request or self.answer or self.headers) and not str(self.model).lower().startswith(("http:", "https:")):
            raise UsageError("The request, the answer and headers are of a model behind a URL, and this one is none. Leave them out.")
        if self.searches and not self.shifts:
            raise UsageError("Searches need shifts to search: add --shift, for example --shift 'linf(eps=8/255)'. A suite brings its own.")

    @property
    def chosen_suite(self) -> str | None:
        """The suite that was named, or the one where nothing was; None where shifts were named alone."""
        return self.suite or (None if self.shifts else "quick")


def make_config(options: dict[str, Any]) -> AuditConfig:
    """The checked config of an audit; see `checked`."""
    return checked(AuditConfig, options, "the audit")


C = TypeVar("C", bound=Config)
_NEEDED = {
    "model": "No model was given. Name it with --model file.py:factory (model=... in Python).",
    "data": "No data were given. Name them with --data URI, such as npz:FILE or digits: (data=... in Python).",
}
_PATHS = ("model", "data", "weights", "out", "plan")
_LISTS = ("shifts", "searches", "certify", "curves", "measures", "fail_on", "shift_from", "groups", "headers")


def checked(config: type[C], options: Mapping[str, Any], owner: str) -> C:
    """A config of these options; `owner` is who has them.

    Raises:
        UsageError: an unknown key, with the nearest ones; one that is missing; or a value of another type than the option's.
    """
    for key in options:
        if key not in config.model_fields:
            raise unknown("key in the config", key, config.model_fields)
    for name, field in config.model_fields.items():
        if field.is_required() and options.get(name) is None:
            raise UsageError(_NEEDED.get(name, f"The '{name}' of {owner} was not given. Name it with --{name.replace('_', '-')}."))
        if name in ("model", "data", "out") and isinstance(given := options.get(name), str | Path):
            remember_url(str(given))
    if config is not AuditConfig:
        check_local(options.get("out"))
    options = {name: str(value) if name in _PATHS and isinstance(value, Path) else value for name, value in options.items()}
    try:
        return config(**options)
    except ValidationError as error:
        raise wrong_type(error, config, options, owner) from error


_RULES: dict[Any, str] = {
    bool: "be true or false",
    int: "be a whole number",
    float: "be a number",
    str: "be text",
    tuple[float, float]: "be two numbers, such as 0 and 1",
    tuple[str, ...]: "be a list of texts",
}
"""What a value of each type must be, in words."""


def wrong_type(error: ValidationError, config: type[Config], options: Mapping[str, Any], owner: str) -> UsageError:
    """The first thing that is wrong with `options`, by the name of the option."""
    first = error.errors()[0]
    if isinstance(own := first.get("ctx", {}).get("error"), UsageError):  # of `model_post_init`
        return own
    name = str(first["loc"][0])
    kind = config.model_fields[name].annotation
    kinds = [one for one in get_args(kind) if one is not NoneType] if isinstance(kind, UnionType) else [kind]
    return must(name, owner, " or ".join(_RULES[one] for one in kinds), options.get(name))


def config_schema() -> dict[str, Any]:
    """The JSON schema of the TOML file of an audit: the options that TOML can hold, which may stand alone where several are taken."""
    schema = AuditConfig.model_json_schema()
    for name, entry in schema["properties"].items():
        if name in ("model", "data", "defence", "judge"):
            entry["type"] = "string"
        elif name in _LISTS:
            entry["anyOf"] = [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]
            entry.pop("type", None)
            entry.pop("items", None)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "shiftproof audit", "required": []}


def read_config(path: Path) -> dict[str, Any]:
    """The options in a TOML file, as `make_config` takes them; lists stand where several values may."""
    try:
        options: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UsageError(f"The config file '{path}' does not exist.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError, OSError) as error:
        raise UsageError(f"The config file '{path}' cannot be read as TOML: {error}.") from error
    for key in options:
        if key not in AuditConfig.model_fields:
            raise unknown(f"key in '{path}'", key, AuditConfig.model_fields)
    for key in _LISTS:
        if isinstance(options.get(key), str):
            options[key] = [options[key]]
    return options
