"""Defences at inference time: Model -> Model."""

from __future__ import annotations

from shiftproof.registry import package_of_parts

defences, __all__, __getattr__ = package_of_parts(
    __name__,
    "defence",
    base="abstract:Defence",
    parts={
        "jpeg": "jpeg:Jpeg",
        "codec": "codec:Codec",
        "learned_codec": "learned_codec:LearnedCodec",
        "bit_depth": "bit_depth:BitDepth",
        "spatial_smoothing": "spatial_smoothing:SpatialSmoothing",
        "random_resize_pad": "random_resize_pad:RandomResizePad",
        "gaussian_noise": "gaussian_noise:GaussianNoise",
        "test_time_augmentation": "test_time_augmentation:TestTimeAugmentation",
        "ensemble": "ensemble:Ensemble",
        "entity_replacement": "entity_replacement:EntityReplacement",
        "gated_rewriting": "gated_rewriting:GatedRewriting",
        "squeezing_distance": "squeezing_distance:SqueezingDistance",
        "mahalanobis": "mahalanobis:Mahalanobis",
        "learned_detector": "learned_detector:LearnedDetector",
        "randomized_smoothing": "randomized_smoothing:RandomizedSmoothing",
        "gradient_masking": "gradient_masking:GradientMasking",
    },
    also=(
        "context:DefenceContext",
        "abstract:InputTransformation",
        "abstract:Gradient",
        "abstract:RandomDefence",
        "detection_outcomes:confront_detecting",
        "defended_model:DefendedModel",
        "detection:Detection",
        "gated_rewriting:chosen_gate",
        "text_mixture:TextMixture",
        "text_mixture:Writing",
    ),
)
