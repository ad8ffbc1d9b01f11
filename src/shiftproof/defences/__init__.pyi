"""Made from the table in `__init__.py` by `make stubs`."""

from shiftproof.defences.abstract import Defence, Gradient, InputTransformation, RandomDefence
from shiftproof.defences.bit_depth import BitDepth
from shiftproof.defences.codec import Codec
from shiftproof.defences.context import DefenceContext
from shiftproof.defences.defended_model import DefendedModel
from shiftproof.defences.detection import Detection
from shiftproof.defences.detection_outcomes import confront_detecting
from shiftproof.defences.ensemble import Ensemble
from shiftproof.defences.entity_replacement import EntityReplacement
from shiftproof.defences.gated_rewriting import GatedRewriting, chosen_gate
from shiftproof.defences.gaussian_noise import GaussianNoise
from shiftproof.defences.gradient_masking import GradientMasking
from shiftproof.defences.jpeg import Jpeg
from shiftproof.defences.learned_codec import LearnedCodec
from shiftproof.defences.learned_detector import LearnedDetector
from shiftproof.defences.mahalanobis import Mahalanobis
from shiftproof.defences.random_resize_pad import RandomResizePad
from shiftproof.defences.randomized_smoothing import RandomizedSmoothing
from shiftproof.defences.spatial_smoothing import SpatialSmoothing
from shiftproof.defences.squeezing_distance import SqueezingDistance
from shiftproof.defences.test_time_augmentation import TestTimeAugmentation
from shiftproof.defences.text_mixture import TextMixture, Writing
from shiftproof.registry import Registry

defences: Registry[Defence]
__all__ = [
    "BitDepth",
    "Codec",
    "Defence",
    "DefenceContext",
    "DefendedModel",
    "Detection",
    "Ensemble",
    "EntityReplacement",
    "GatedRewriting",
    "GaussianNoise",
    "Gradient",
    "GradientMasking",
    "InputTransformation",
    "Jpeg",
    "LearnedCodec",
    "LearnedDetector",
    "Mahalanobis",
    "RandomDefence",
    "RandomResizePad",
    "RandomizedSmoothing",
    "SpatialSmoothing",
    "SqueezingDistance",
    "TestTimeAugmentation",
    "TextMixture",
    "Writing",
    "chosen_gate",
    "confront_detecting",
    "defences",
]
