"""What is measured: what a model gives is its type, and wrappers make such models of what people have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shiftproof._lazy import lazy_exports

if TYPE_CHECKING:
    from shiftproof.models.abstract import Gradients, Labels, Scores
    from shiftproof.models.callable import CallableLabels, CallableScores
    from shiftproof.models.endpoint import EndpointLabels, EndpointOptions, EndpointScores
    from shiftproof.models.estimator import EstimatorLabels, EstimatorScores
    from shiftproof.models.load import as_model, load_model
    from shiftproof.models.onnx_session import OnnxSession
    from shiftproof.models.straight_through import StraightThrough
    from shiftproof.models.torch_module import TorchModule

__all__ = [
    "CallableLabels",
    "CallableScores",
    "EndpointLabels",
    "EndpointOptions",
    "EndpointScores",
    "EstimatorLabels",
    "EstimatorScores",
    "Gradients",
    "Labels",
    "OnnxSession",
    "Scores",
    "StraightThrough",
    "TorchModule",
    "as_model",
    "load_model",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "Labels": "abstract",
        "Scores": "abstract",
        "Gradients": "abstract",
        "CallableLabels": "callable",
        "CallableScores": "callable",
        "EndpointLabels": "endpoint",
        "EndpointOptions": "endpoint",
        "EndpointScores": "endpoint",
        "EstimatorLabels": "estimator",
        "EstimatorScores": "estimator",
        "OnnxSession": "onnx_session",
        "StraightThrough": "straight_through",
        "TorchModule": "torch_module",
        "as_model": "load",
        "load_model": "load",
    },
)
