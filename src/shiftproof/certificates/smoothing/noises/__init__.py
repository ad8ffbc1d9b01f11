"""The noise distributions of randomized smoothing."""

from __future__ import annotations

from shiftproof.registry import package_of_parts

noises, __all__, __getattr__ = package_of_parts(
    __name__,
    "noise",
    base="abstract:Noise",
    parts={
        "gaussian": "gaussian:Gaussian",
        "uniform": "uniform:Uniform",
        "laplace": "laplace:Laplace",
        "ablation": "ablation:Ablation",
        "substitution": "substitution:Substitution",
        "deletion": "deletion:Deletion",
    },
)
