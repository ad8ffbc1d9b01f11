"""Made from the table in `__init__.py` by `make stubs`."""

from shiftproof.registry import Registry
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
from shiftproof.training.holistic_robust import HolisticRobust
from shiftproof.training.interval import IntervalTraining
from shiftproof.training.mart import Mart
from shiftproof.training.mixup import Mixup
from shiftproof.training.plain import Plain
from shiftproof.training.reweighted import ReweightedTraining
from shiftproof.training.rotation_head import RotationHead
from shiftproof.training.smooth_adversarial import SmoothAdversarial
from shiftproof.training.trades import Trades
from shiftproof.training.weight_perturbation import WeightPerturbation

methods: Registry[Method]
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
    "HolisticRobust",
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
