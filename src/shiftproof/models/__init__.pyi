"""Made from the table in `__init__.py` by `make stubs`."""

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
