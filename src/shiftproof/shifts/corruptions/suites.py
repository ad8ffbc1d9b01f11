"""The published suites: which corruptions, and at which severities."""

from __future__ import annotations

NOISE = ("gaussian_noise", "shot_noise", "impulse_noise")
BLUR = ("defocus_blur", "glass_blur", "motion_blur", "zoom_blur")
WEATHER = ("snow", "frost", "fog", "brightness")
DIGITAL = ("contrast", "elastic_transform", "pixelate", "jpeg_compression")
COMMON = NOISE + BLUR + WEATHER + DIGITAL
"""The fifteen of ImageNet-C and CIFAR-10-C."""
EXTRA = ("speckle_noise", "gaussian_blur", "spatter", "saturate")
"""The four that the publication holds out for validation."""

MNIST_C = {
    "shot_noise": 5,
    "impulse_noise": 4,
    "glass_blur": 1,
    "motion_blur": 1,
    "mnist_c_shear": 2,
    "mnist_c_scale": 3,
    "mnist_c_rotate": 2,
    "brightness": 5,
    "mnist_c_translate": 3,
    "stripe": 5,
    "fog": 5,
    "spatter": 4,
    "dotted_line": 5,
    "zigzag": 5,
    "canny_edges": 5,
}
"""The fifteen of MNIST-C, each at the one severity that its files hold."""

IMAGENET_C_BAR = (
    "blue_noise_sample",
    "brownish_noise",
    "caustic_refraction",
    "checkerboard_cutout",
    "cocentric_sine_waves",
    "inverse_sparkles",
    "perlin_noise",
    "plasma_noise",
    "single_frequency_greyscale",
    "sparkles",
)
CIFAR_10_C_BAR = (
    "blue_noise_sample",
    "brownish_noise",
    "checkerboard_cutout",
    "circular_motion_blur",
    "inverse_sparkles",
    "lines",
    "pinch_and_twirl",
    "ripple",
    "sparkles",
    "transverse_chromatic_abberation",
)
OWN = ("low_resolution", "jpeg_quality", "grey_scale", "white_balance")
"""In none of these benchmarks."""
ALL = tuple(dict.fromkeys((*COMMON, *EXTRA, *MNIST_C, *IMAGENET_C_BAR, *CIFAR_10_C_BAR, *OWN)))

LEVELS = (1, 2, 3, 4, 5)
SIDES = {1: 128, 2: 64, 4: 32, 5: 16}
"""Of LR0.FM, whose images have 224 pixels: the side that is left at each severity of `low_resolution`; that of 3 is ours."""
SUITES: dict[str, tuple[str, ...]] = {
    "corruptions": tuple(f"{name}(severity={s})" for name in ALL for s in LEVELS),
    "imagenet_c": tuple(f"{name}(severity={s}, setting=imagenet_c)" for name in COMMON for s in LEVELS),
    "cifar_10_c": tuple(f"{name}(severity={s}, setting=cifar_10_c)" for name in COMMON for s in LEVELS),
    "mnist_c": tuple(f"{name}(severity={s}, setting=mnist_c)" for name, s in MNIST_C.items()),
    "imagenet_c_bar": tuple(f"{name}(severity={s}, setting=imagenet_c_bar)" for name in IMAGENET_C_BAR for s in LEVELS),
    "lr0_fm": tuple(f"low_resolution(severity={s}, setting=lr0_fm)" for s in SIDES),
    "cifar_10_c_bar": tuple(f"{name}(severity={s}, setting=cifar_10_c_bar)" for name in CIFAR_10_C_BAR for s in LEVELS),
}
"""The specs of each suite; each is measured in its average case."""
