"""Defences at inference time, Model -> Model: one file, one way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shiftproof._lazy import lazy_exports
from shiftproof.registry import Registry

if TYPE_CHECKING:
    from shiftproof.defences.abstract import Behind, Defence, Front, Gradient, Random
    from shiftproof.defences.accounting import confront_detecting
    from shiftproof.defences.defended import Defended
    from shiftproof.defences.detection import Detection
    from shiftproof.defences.ensemble import Ensemble

_HOME = "shiftproof.defences"
defences: Registry[Defence] = Registry(
    "defence",
    f"{_HOME}.abstract:Defence",
    {
        "jpeg": f"{_HOME}.jpeg:Jpeg",
        "bit_depth": f"{_HOME}.bit_depth:BitDepth",
        "spatial_smoothing": f"{_HOME}.spatial_smoothing:SpatialSmoothing",
        "random_resize_pad": f"{_HOME}.random_resize_pad:RandomResizePad",
        "gaussian_noise": f"{_HOME}.gaussian_noise:GaussianNoise",
        "test_time_augmentation": f"{_HOME}.test_time_augmentation:TestTimeAugmentation",
        "ensemble": f"{_HOME}.ensemble:Ensemble",
        "squeezing_distance": f"{_HOME}.squeezing_distance:SqueezingDistance",
        "mahalanobis": f"{_HOME}.mahalanobis:Mahalanobis",
        "learned_detector": f"{_HOME}.learned_detector:LearnedDetector",
        "randomized_smoothing": f"{_HOME}.randomized_smoothing:RandomizedSmoothing",
        "gradient_masking": f"{_HOME}.gradient_masking:GradientMasking",
    },
)

__all__ = ["Behind", "Defence", "Defended", "Detection", "Ensemble", "Front", "Gradient", "Random", "confront_detecting", "defences"]

__getattr__ = lazy_exports(
    __name__,
    {
        "Behind": "abstract",
        "Defence": "abstract",
        "Front": "abstract",
        "Gradient": "abstract",
        "Random": "abstract",
        "Defended": "defended",
        "Detection": "detection",
        "Ensemble": "ensemble",
        "confront_detecting": "accounting",
    },
)
