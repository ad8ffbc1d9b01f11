"""Losses, weights, samplers and base classes for your own training loop; `training.methods` has the same ideas as registered methods."""

from __future__ import annotations

from shiftproof._lazy import lazy_exports

__all__, __getattr__ = lazy_exports(
    __name__,
    "deep_feature_reweighting:dfr_layer",
    "exchanged_rows:exchanged_rows",
    "exchanged_rows:most_uncertain",
    "group_dro_loss:GroupDROLoss",
    "group_dro_loss:balanced_sampler",
    "importance:importance_weights",
    "instance_weights:InstanceWeights",
    "label_losses:label_kl",
    "label_losses:label_kl_adaptive",
    "layout_tuning:LayoutTuning",
    "layout_tuning:tune_over_layouts",
    "lisa_mixing:lisa_mix",
    "low_rank:LowRankLinear",
    "low_rank:add_low_rank",
    "low_rank:merge_low_rank",
    "moved_inputs:MovedInputs",
    "repeated_rows:jtt_rows",
    "reward_head:RewardHead",
    "reward_head:fit_reward_head",
    "reward_head:steady_preference_loss",
    "risk_losses:DualRisk",
    "risk_losses:MultilevelRisk",
    "risk_losses:group_mixture_loss",
    "risk_losses:mmd_loss",
    "risk_losses:risk_loss",
    "risk_losses:sinkhorn_loss",
    "risk_losses:wasserstein_loss",
    "selection:Scored",
    "selection:select",
    "style_exploration:explore",
    "temperatures:InstanceTemperatures",
    "tokens:token_cvar",
    "tokens:token_entropy",
    "wrapped_method:WrappedMethod",
)
