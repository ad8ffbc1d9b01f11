"""Made from the table in `__init__.py` by `make stubs`."""

from shiftproof.training.methods.abstract import Batch, Method, Step
from shiftproof.training.methods.adversarial import Adversarial
from shiftproof.training.methods.augmix import AugMix
from shiftproof.training.methods.contrastive import Contrastive
from shiftproof.training.methods.corruption_augmentation import CorruptionAugmentation
from shiftproof.training.methods.distillation import Distillation
from shiftproof.training.methods.diverse_ensemble import DiverseEnsemble, Together
from shiftproof.training.methods.fast_adversarial import Fast
from shiftproof.training.methods.free_adversarial import Free
from shiftproof.training.methods.gaussian_augmentation import GaussianAugmentation
from shiftproof.training.methods.group_dro import GroupDROTraining
from shiftproof.training.methods.holistic_robust import HolisticRobust
from shiftproof.training.methods.importance_weighting import ImportanceWeighting
from shiftproof.training.methods.interval_training import IntervalTraining
from shiftproof.training.methods.just_train_twice import JustTrainTwice
from shiftproof.training.methods.label_robust import LabelRobust
from shiftproof.training.methods.lisa import Lisa
from shiftproof.training.methods.low_resolution_tokens import LowResolutionTokens
from shiftproof.training.methods.mart import Mart
from shiftproof.training.methods.mixup import Mixup
from shiftproof.training.methods.noise2net import Noise2Net
from shiftproof.training.methods.plain import Plain
from shiftproof.training.methods.reweighted import ReweightedTraining
from shiftproof.training.methods.rotation_head import RotationHead
from shiftproof.training.methods.smooth_adversarial import SmoothAdversarial
from shiftproof.training.methods.style_exploration import StyleExploration
from shiftproof.training.methods.token_selection import TokenSelection
from shiftproof.training.methods.trades import Trades
from shiftproof.training.methods.uncertain_upsampling import UncertainUpsampling
from shiftproof.training.methods.weight_perturbation import WeightPerturbation

__all__ = [
    "Adversarial",
    "AugMix",
    "Batch",
    "Contrastive",
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
    "LabelRobust",
    "Lisa",
    "LowResolutionTokens",
    "Mart",
    "Method",
    "Mixup",
    "Noise2Net",
    "Plain",
    "ReweightedTraining",
    "RotationHead",
    "SmoothAdversarial",
    "Step",
    "StyleExploration",
    "Together",
    "TokenSelection",
    "Trades",
    "UncertainUpsampling",
    "WeightPerturbation",
]
