"""Models: what a model provides is its type, and wrappers turn modules, files, estimators, functions and endpoints into models."""

from __future__ import annotations

from shiftproof._lazy import lazy_exports

__all__, __getattr__ = lazy_exports(
    __name__,
    "abstract:Answers",
    "abstract:Gradients",
    "abstract:Labels",
    "abstract:Scores",
    "callable:CallableLabels",
    "callable:CallableScores",
    "chat:ChatModel",
    "chat_options:ChatOptions",
    "endpoint:EndpointLabels",
    "endpoint:EndpointScores",
    "estimator:EstimatorLabels",
    "estimator:EstimatorScores",
    "load:as_model",
    "load:load_model",
    "onnx_session:OnnxSession",
    "posting:EndpointOptions",
    "replies:TextReply",
    "straight_through:StraightThrough",
    "torch_module:TorchModule",
    "unanswered:Refusal",
    "unanswered:Unanswered",
)
