"""How to build the same model in another process."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from shiftproof.data.space import Space
from shiftproof.models.abstract import Answers, Labels, Said, Scores
from shiftproof.models.answers import Gives
from shiftproof.models.chat_options import ChatOptions
from shiftproof.models.posting import EndpointOptions


@dataclass(frozen=True)
class ModelReference:
    """Builds a model wherever it is called: from its spec where there is one, else it carries the object itself.

    Args:
        target: a spec string, or the model.
        defence: what stands in front of it: a spec, a part, or None.
        weights, device, space, class_names, groups, gives, said, name: as `load_model` takes them; `of` fills in what the built model
            gives, so that no worker has to ask it.
        answers: the file in which answers are stored, for models that want it.
        chat: how a language model is asked.
        gradients: reads those of an ONNX file's graph.
        endpoint: how a URL is asked.
        version: what the user calls the model's state. Stored answers of a language model are known by it; of other models the run alone
            keeps it.
    """

    target: Any
    weights: str | None
    device: str
    space: Space
    class_names: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    gives: Gives | None = None
    defence: Any = None
    said: Said = "classes"
    name: str | None = None
    answers: Path | None = None
    chat: ChatOptions | None = None
    gradients: bool = False
    endpoint: EndpointOptions | None = None
    version: str | None = None

    def of(self, model: Answers) -> ModelReference:
        """The same reference, carrying the built model where there is no spec to build it from."""
        gives: Gives | None = "scores" if isinstance(model, Scores) else "labels" if isinstance(model, Labels) else None
        return replace(self, gives=gives) if isinstance(self.target, str) else replace(self, target=model, defence=None)

    def __hash__(self) -> int:
        return hash((self.target if isinstance(self.target, str) else id(self.target), self.weights, self.device, str(self.defence)))

    def __call__(self, probe: Any = None) -> Any:
        """The model. `probe` is a few inputs (n, ...) to ask a function or an endpoint about, where it is not known what it gives."""
        from shiftproof.models.load import load_answers
        from shiftproof.models.load_language_model import is_language_model

        kept = isinstance(self.target, str) and is_language_model(self.target)
        model = load_answers(
            self.target,
            weights=self.weights,
            device=self.device,
            space=self.space,
            probe=probe,
            class_names=self.class_names,
            groups=self.groups,
            gives=self.gives,
            said=self.said,
            name=self.name,
            chat=self.chat,
            endpoint=self.endpoint,
            version=self.version if kept else None,
        )
        if self.answers is not None and model.keeps_answers:
            from shiftproof.models.answer_cache import AnswerCache, CachedAnswers

            model = CachedAnswers(model, AnswerCache(self.answers))
        if self.gradients:
            from shiftproof.certificates.bounds.onnx_gradients import with_gradients

            model = with_gradients(model, probe)
        if self.defence is None:
            return model
        from shiftproof.defences import Defence, defences

        part = self.defence if isinstance(self.defence, Defence) else defences.build(str(self.defence))
        return part(model, space=self.space)  # type: ignore[arg-type]  # the defence refuses a model without classes
