"""Made from the table in `__init__.py` by `make stubs`."""

from shiftproof.training.pieces.deep_feature_reweighting import dfr_layer
from shiftproof.training.pieces.exchanged_rows import exchanged_rows, most_uncertain
from shiftproof.training.pieces.group_dro_loss import GroupDROLoss, balanced_sampler
from shiftproof.training.pieces.importance import importance_weights
from shiftproof.training.pieces.instance_weights import InstanceWeights
from shiftproof.training.pieces.label_losses import label_kl, label_kl_adaptive
from shiftproof.training.pieces.layout_tuning import LayoutTuning, tune_over_layouts
from shiftproof.training.pieces.lisa_mixing import lisa_mix
from shiftproof.training.pieces.low_rank import LowRankLinear, add_low_rank, merge_low_rank
from shiftproof.training.pieces.moved_inputs import MovedInputs
from shiftproof.training.pieces.repeated_rows import jtt_rows
from shiftproof.training.pieces.resolution_tokens import ResolutionTokens
from shiftproof.training.pieces.reward_head import RewardHead, fit_reward_head, steady_preference_loss
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
from shiftproof.training.pieces.tokens import at_risk, next_tokens, token_cvar, token_entropy, token_losses
from shiftproof.training.pieces.wrapped_method import WrappedMethod

__all__ = [
    "DualRisk",
    "GroupDROLoss",
    "InstanceTemperatures",
    "InstanceWeights",
    "LayoutTuning",
    "LowRankLinear",
    "MovedInputs",
    "MultilevelRisk",
    "ResolutionTokens",
    "RewardHead",
    "Scored",
    "WrappedMethod",
    "add_low_rank",
    "at_risk",
    "balanced_sampler",
    "dfr_layer",
    "exchanged_rows",
    "explore",
    "fit_reward_head",
    "group_mixture_loss",
    "importance_weights",
    "jtt_rows",
    "label_kl",
    "label_kl_adaptive",
    "lisa_mix",
    "merge_low_rank",
    "mmd_loss",
    "most_uncertain",
    "next_tokens",
    "risk_loss",
    "select",
    "sinkhorn_loss",
    "steady_preference_loss",
    "token_cvar",
    "token_entropy",
    "token_losses",
    "tune_over_layouts",
    "wasserstein_loss",
]
