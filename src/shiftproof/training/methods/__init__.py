"""Registered training methods: what becomes of a batch in one step."""

from __future__ import annotations

from shiftproof.registry import package_of_parts

methods, __all__, __getattr__ = package_of_parts(
    __name__,
    "method",
    base="abstract:Method",
    parts={
        "plain": "plain:Plain",
        "adversarial": "adversarial:Adversarial",
        "trades": "trades:Trades",
        "mart": "mart:Mart",
        "fast_adversarial": "fast_adversarial:Fast",
        "free_adversarial": "free_adversarial:Free",
        "weight_perturbation": "weight_perturbation:WeightPerturbation",
        "gaussian_augmentation": "gaussian_augmentation:GaussianAugmentation",
        "smooth_adversarial": "smooth_adversarial:SmoothAdversarial",
        "interval_training": "interval_training:IntervalTraining",
        "augmix": "augmix:AugMix",
        "noise2net": "noise2net:Noise2Net",
        "mixup": "mixup:Mixup",
        "corruption_augmentation": "corruption_augmentation:CorruptionAugmentation",
        "distillation": "distillation:Distillation",
        "contrastive": "contrastive:Contrastive",
        "label_robust": "label_robust:LabelRobust",
        "style_exploration": "style_exploration:StyleExploration",
        "rotation_head": "rotation_head:RotationHead",
        "diverse_ensemble": "diverse_ensemble:DiverseEnsemble",
        "holistic_robust": "holistic_robust:HolisticRobust",
        "reweighted": "reweighted:ReweightedTraining",
        "group_dro": "group_dro:GroupDROTraining",
        "importance_weighting": "importance_weighting:ImportanceWeighting",
        "just_train_twice": "just_train_twice:JustTrainTwice",
        "lisa": "lisa:Lisa",
        "low_resolution_tokens": "low_resolution_tokens:LowResolutionTokens",
        "token_selection": "token_selection:TokenSelection",
        "uncertain_upsampling": "uncertain_upsampling:UncertainUpsampling",
    },
    also=(
        "abstract:Batch",
        "abstract:Step",
        "diverse_ensemble:Together",
    ),
)
