"""Made from the table in `__init__.py` by `make stubs`."""

from shiftproof.models.abstract import Answers, Gradients, Labels, Scores
from shiftproof.models.callable import CallableLabels, CallableScores
from shiftproof.models.chat import ChatModel
from shiftproof.models.chat_options import ChatOptions
from shiftproof.models.endpoint import EndpointLabels, EndpointScores
from shiftproof.models.estimator import EstimatorLabels, EstimatorScores
from shiftproof.models.load import as_model, load_model
from shiftproof.models.onnx_session import OnnxSession
from shiftproof.models.posting import EndpointOptions
from shiftproof.models.replies import TextReply
from shiftproof.models.straight_through import StraightThrough
from shiftproof.models.torch_module import TorchModule
from shiftproof.models.unanswered import Refusal, Unanswered

__all__ = [
    "Answers",
    "CallableLabels",
    "CallableScores",
    "ChatModel",
    "ChatOptions",
    "EndpointLabels",
    "EndpointOptions",
    "EndpointScores",
    "EstimatorLabels",
    "EstimatorScores",
    "Gradients",
    "Labels",
    "OnnxSession",
    "Refusal",
    "Scores",
    "StraightThrough",
    "TextReply",
    "TorchModule",
    "Unanswered",
    "as_model",
    "load_model",
]
