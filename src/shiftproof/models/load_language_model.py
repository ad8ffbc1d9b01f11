"""Which language model a spec names: chat:, completions: or inspect_ai:."""

from __future__ import annotations

from shiftproof._errors import UsageError
from shiftproof._secrets import url_without_secrets
from shiftproof.data.space import UNIT, FieldsSpace, InputSpace, Space, ValueRange
from shiftproof.models.abstract import Answers, Said
from shiftproof.models.chat import is_chat_spec, load_chat
from shiftproof.models.chat_options import ChatOptions
from shiftproof.models.inspect_model import is_inspect, load_inspect


def is_language_model(spec: str) -> bool:
    """Whether a spec names a language model that is asked over a wire."""
    return is_chat_spec(spec) or is_inspect(spec)


def load_language_model(
    spec: str, *, name: str | None, options: ChatOptions | None, version: str | None, said: Said, space: Space | None
) -> Answers:
    """The language model behind a spec; pictures among its inputs are in the box of `space`.

    Raises:
        UsageError: the judge reads no texts, or the spec cannot be read.
    """
    if said != "texts":
        raise UsageError(
            f"The language model '{url_without_secrets(spec)}' answers with texts. Name a judge of texts: --judge exact_match."
        )
    load = load_inspect if is_inspect(spec) else load_chat
    return load(spec, name=name, options=options, version=version, box=_box_of(space))


def _box_of(space: Space | None) -> ValueRange:
    """The box of the first field of pictures."""
    inner = (field for _, field in space.fields) if isinstance(space, FieldsSpace) else ()
    return next(((field.low, field.high) for field in inner if isinstance(field, InputSpace)), UNIT)
