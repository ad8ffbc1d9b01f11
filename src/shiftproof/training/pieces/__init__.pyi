"""Made from the table in `__init__.py` by `make stubs`."""

from shiftproof.training.pieces.deep_feature_reweighting import dfr_layer
from shiftproof.training.pieces.exchanged_rows import exchanged_rows, most_uncertain
from shiftproof.training.pieces.group_dro_loss import GroupDROLoss, balanced_sampler
from shiftproof.training.pieces.importance import importance_weights
from shiftproof.training.pieces.instance_weights import InstanceWeights
from shiftproof.training.pieces.label_losses import label_kl, label_kl_adaptive
from shiftproof.training.pieces.lisa_mixing import lisa_mix
from shiftproof.training.pieces.moved_inputs import MovedInputs
from shiftproof.training.pieces.repeated_rows import jtt_rows
from shiftproof.training.pieces.risk_losses import (
    DualRisk,
    MultilevelRisk,
    group_mixture_loss,
    mmd_loss,
    risk_loss,
    sinkhorn_loss,
    wasserstein_loss,
)
from shiftproof.training.pieces.selection import Scored, select
from shiftproof.training.pieces.style_exploration import explore
from shiftproof.training.pieces.temperatures import InstanceTemperatures
from shiftproof.training.pieces.tokens import token_cvar, token_entropy
from shiftproof.training.pieces.wrapped_method import WrappedMethod

__all__ = [
    "DualRisk",
    "GroupDROLoss",
    "InstanceTemperatures",
    "InstanceWeights",
    "MovedInputs",
    "MultilevelRisk",
    "Scored",
    "WrappedMethod",
    "balanced_sampler",
    "dfr_layer",
    "exchanged_rows",
    "explore",
    "group_mixture_loss",
    "importance_weights",
    "jtt_rows",
    "label_kl",
    "label_kl_adaptive",
    "lisa_mix",
    "mmd_loss",
    "most_uncertain",
    "risk_loss",
    "select",
    "sinkhorn_loss",
    "token_cvar",
    "token_entropy",
    "wasserstein_loss",
]
