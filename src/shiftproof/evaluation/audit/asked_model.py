"""The model that a config names, and how it is asked."""

from __future__ import annotations

from dataclasses import replace

from shiftproof.data.align import AlignedSources
from shiftproof.data.source import Source
from shiftproof.evaluation.config import AuditConfig
from shiftproof.judges.abstract import Judge
from shiftproof.judges.choice import BY_LIKELIHOOD, Choice
from shiftproof.models.chat_options import ChatOptions
from shiftproof.models.endpoint_form import parse_headers
from shiftproof.models.posting import EndpointOptions
from shiftproof.runs.model_reference import ModelReference


def reference_of(config: AuditConfig, judge: Judge, aligned: AlignedSources, data: Source) -> ModelReference:
    """The reference to the model.

    Args:
        config: what was asked for.
        judge: of its answers.
        aligned: the sample whose space and classes it has.
        data: the sample that is measured.
    """
    return ModelReference(
        config.model,
        config.weights,
        config.device,
        aligned.space,
        aligned.class_names,
        tuple(data.groups),
        defence=config.defence,
        said=judge.said,
        name=config.name,
        version=config.model_version,
        gradients=config.gradients,
        endpoint=_endpoint(config),
        chat=_chat(config, judge),
    )


def _endpoint(config: AuditConfig) -> EndpointOptions | None:
    """How a URL is asked, where the config says so."""
    given = {"request": config.request, "answer": config.answer, "headers": parse_headers(config.headers) or None}
    said = {name: value for name, value in given.items() if value is not None}
    return replace(EndpointOptions(), **said) if said else None  # type: ignore[arg-type]  # the fields' own types


def _chat(config: AuditConfig, judge: Judge) -> ChatOptions:
    """How a language model is asked: for one token where nothing but the likelihoods of the first is read."""
    asked = ChatOptions(most_requests=config.max_requests, most_tokens=config.max_tokens)
    return replace(asked, most_tokens_each=1) if isinstance(judge, Choice) and judge.read == BY_LIKELIHOOD else asked
