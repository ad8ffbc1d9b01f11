"""A classifier of transformers, from a folder on this machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from shiftproof._errors import MissingExtra, UsageError
from shiftproof.models.answers import ROWS
from shiftproof.models.class_codes import ClassCodes, match_classes
from shiftproof.models.text_module import TextModule
from shiftproof.models.user_code import first_line

_UNBOUNDED = 1_000_000
"""From this length on, a tokenizer says that it knows of no limit."""
_ENCODERS = frozenset({"albert", "bert", "deberta-v2", "distilbert", "electra", "mpnet", "roberta", "xlm-roberta"})
"""Kinds of models whose scores were the same to the bit in batches of every multiple of 4 rows from 16 to 64, with one and two threads."""


def load_transformers(
    folder: str, *, name: str | None = None, device: str = "cpu", version: str | None = None, class_names: Sequence[str] = ()
) -> TextModule:
    """A classifier of transformers from a folder on this machine, with its own tokenizer: what `--model transformers:FOLDER` loads.

    Weights are read from safetensors only, computed with in float32, and no code of the folder runs. Nothing is fetched. The names in the
    model's `id2label` are matched with the data's classes, whatever the order of either; LABEL_0, LABEL_1, ... are numbers of classes.

    Args:
        folder: as `save_pretrained` leaves it, of the model and of its tokenizer.
        name: what people call it; the folder's name where absent.
        device: where it computes.
        version: what you call this state of it.
        class_names: the data's classes in label order.

    Raises:
        UsageError: the folder is not there, or holds no classifier with its tokenizer; weights of it are missing, as the head of an encoder
            that was never trained to classify; or its classes are not those of the data.
    """
    place = Path(folder).expanduser()
    if not place.is_dir():
        raise UsageError(f"There is no folder '{folder}' with a model of transformers. Save one there with save_pretrained.")
    called = name or place.resolve().name
    tokenizer, module = _loaded(folder, str(place))
    return TextModule(
        module.float(),
        Tokens(tokenizer),
        longest=_longest(tokenizer, module.config),
        pad=int(tokenizer.pad_token_id or 0),
        name=called,
        device=device,
        version=version,
        classes=_classes(module.config, class_names, called),
        fill=4 if module.config.model_type in _ENCODERS else ROWS,
    )


class Tokens:
    """A tokenizer of transformers as ids, nothing cut off; known by its files' content."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer

    def __getstate__(self) -> dict[str, object]:
        return {"_tokenizer": self._tokenizer}

    def __call__(self, texts: list[str]) -> list[list[int]]:
        found: list[list[int]] = self._tokenizer(texts, truncation=False, verbose=False)["input_ids"]
        return found


def _loaded(folder: str, place: str) -> tuple[Any, Any]:
    """The tokenizer and the module; raises `UsageError` where either cannot be read, or weights are missing."""
    try:
        from transformers import AutoModelForSequenceClassification, AutoTokenizer
    except ImportError:
        raise MissingExtra("transformers", "transformers") from None
    try:
        with _quiet():
            tokenizer: Any = AutoTokenizer.from_pretrained(place, local_files_only=True, trust_remote_code=False)
            module, told = AutoModelForSequenceClassification.from_pretrained(
                place, local_files_only=True, trust_remote_code=False, use_safetensors=True, output_loading_info=True
            )
    except Exception as error:  # transformers raises anything for what it cannot read
        raise UsageError(f"The model in '{folder}' cannot be loaded: {first_line(error)}") from error
    _check_whole(folder, told)
    return tokenizer, module


def _check_whole(folder: str, told: Mapping[str, Any]) -> None:
    """Raises where transformers has drawn weights by chance, since the folder has none for them."""
    missing = sorted(str(each) for each in told["missing_keys"])
    if missing:
        raise UsageError(
            f"The folder '{folder}' holds no trained classifier: it has no weights for {', '.join(missing[:3])}"
            f"{' and more' if len(missing) > 3 else ''}. Train it to classify, then save it there with save_pretrained."
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the bars and tables that transformers prints as it loads."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def _longest(tokenizer: Any, config: Any) -> int:
    """How many tokens the model reads: the least of what its tokenizer and its positions say."""
    said = [int(tokenizer.model_max_length), int(getattr(config, "max_position_embeddings", _UNBOUNDED))]
    return min(each for each in [*said, _UNBOUNDED] if each > 0)


def _classes(config: Any, class_names: Sequence[str], name: str) -> ClassCodes | None:
    """Where its classes lie among the data's, None where neither is named."""
    told = [str(config.id2label[place]) for place in sorted(config.id2label)]
    numbered = told == [f"LABEL_{place}" for place in range(len(told))]
    if not class_names and not numbered:
        return None
    return match_classes(range(len(told)) if numbered else told, class_names, name=name)
