"""Training that keeps a model right when the world moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shiftproof._lazy import lazy_exports
from shiftproof.registry import Registry

if TYPE_CHECKING:
    from shiftproof.training.abstract import Batch, Method, Step
    from shiftproof.training.adversarial import Adversarial
    from shiftproof.training.augmix import AugMix
    from shiftproof.training.corruption_augmentation import CorruptionAugmentation
    from shiftproof.training.distillation import Distillation
    from shiftproof.training.diverse_ensemble import DiverseEnsemble, Together
    from shiftproof.training.fast import Fast
    from shiftproof.training.free import Free
    from shiftproof.training.gaussian import GaussianAugmentation
    from shiftproof.training.groups.group_dro import GroupDROTraining
    from shiftproof.training.groups.importance_weighting import ImportanceWeighting
    from shiftproof.training.groups.just_train_twice import JustTrainTwice
    from shiftproof.training.groups.lisa import Lisa
    from shiftproof.training.interval import IntervalTraining
    from shiftproof.training.mart import Mart
    from shiftproof.training.mixup import Mixup
    from shiftproof.training.plain import Plain
    from shiftproof.training.reweighted import ReweightedTraining
    from shiftproof.training.rotation_head import RotationHead
    from shiftproof.training.smooth_adversarial import SmoothAdversarial
    from shiftproof.training.trades import Trades
    from shiftproof.training.weight_perturbation import WeightPerturbation

_HOME = "shiftproof.training"
methods: Registry[Method] = Registry(
    "method",
    f"{_HOME}.abstract:Method",
    {
        "plain": f"{_HOME}.plain:Plain",
        "adversarial": f"{_HOME}.adversarial:Adversarial",
        "trades": f"{_HOME}.trades:Trades",
        "mart": f"{_HOME}.mart:Mart",
        "fast_adversarial": f"{_HOME}.fast:Fast",
        "free_adversarial": f"{_HOME}.free:Free",
        "weight_perturbation": f"{_HOME}.weight_perturbation:WeightPerturbation",
        "gaussian_augmentation": f"{_HOME}.gaussian:GaussianAugmentation",
        "smooth_adversarial": f"{_HOME}.smooth_adversarial:SmoothAdversarial",
        "interval_training": f"{_HOME}.interval:IntervalTraining",
        "augmix": f"{_HOME}.augmix:AugMix",
        "mixup": f"{_HOME}.mixup:Mixup",
        "corruption_augmentation": f"{_HOME}.corruption_augmentation:CorruptionAugmentation",
        "distillation": f"{_HOME}.distillation:Distillation",
        "rotation_head": f"{_HOME}.rotation_head:RotationHead",
        "diverse_ensemble": f"{_HOME}.diverse_ensemble:DiverseEnsemble",
        "reweighted": f"{_HOME}.reweighted:ReweightedTraining",
        "group_dro": f"{_HOME}.groups.group_dro:GroupDROTraining",
        "importance_weighting": f"{_HOME}.groups.importance_weighting:ImportanceWeighting",
        "just_train_twice": f"{_HOME}.groups.just_train_twice:JustTrainTwice",
        "lisa": f"{_HOME}.groups.lisa:Lisa",
    },
)

__all__ = [
    "Adversarial",
    "AugMix",
    "Batch",
    "CorruptionAugmentation",
    "Distillation",
    "DiverseEnsemble",
    "Fast",
    "Free",
    "GaussianAugmentation",
    "GroupDROTraining",
    "ImportanceWeighting",
    "IntervalTraining",
    "JustTrainTwice",
    "Lisa",
    "Mart",
    "Method",
    "Mixup",
    "Plain",
    "ReweightedTraining",
    "RotationHead",
    "SmoothAdversarial",
    "Step",
    "Together",
    "Trades",
    "WeightPerturbation",
    "methods",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "Batch": "abstract",
        "Method": "abstract",
        "Step": "abstract",
        "Adversarial": "adversarial",
        "AugMix": "augmix",
        "CorruptionAugmentation": "corruption_augmentation",
        "Distillation": "distillation",
        "DiverseEnsemble": "diverse_ensemble",
        "Together": "diverse_ensemble",
        "Fast": "fast",
        "Free": "free",
        "GaussianAugmentation": "gaussian",
        "IntervalTraining": "interval",
        "Mart": "mart",
        "Mixup": "mixup",
        "Plain": "plain",
        "RotationHead": "rotation_head",
        "SmoothAdversarial": "smooth_adversarial",
        "ReweightedTraining": "reweighted",
        "GroupDROTraining": "groups.group_dro",
        "ImportanceWeighting": "groups.importance_weighting",
        "JustTrainTwice": "groups.just_train_twice",
        "Lisa": "groups.lisa",
        "Trades": "trades",
        "WeightPerturbation": "weight_perturbation",
    },
)
