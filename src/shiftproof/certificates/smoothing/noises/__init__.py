"""The noises of randomized smoothing: one file, one noise with what it proves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shiftproof._lazy import lazy_exports
from shiftproof.registry import Registry

if TYPE_CHECKING:
    from shiftproof.certificates.smoothing.noises.ablation import Ablation
    from shiftproof.certificates.smoothing.noises.abstract import Noise
    from shiftproof.certificates.smoothing.noises.deletion import Deletion
    from shiftproof.certificates.smoothing.noises.gaussian import Gaussian
    from shiftproof.certificates.smoothing.noises.laplace import Laplace
    from shiftproof.certificates.smoothing.noises.substitution import Substitution
    from shiftproof.certificates.smoothing.noises.uniform import Uniform

_HOME = "shiftproof.certificates.smoothing.noises"
noises: Registry[Noise] = Registry(
    "noise",
    f"{_HOME}.abstract:Noise",
    {
        "gaussian": f"{_HOME}.gaussian:Gaussian",
        "uniform": f"{_HOME}.uniform:Uniform",
        "laplace": f"{_HOME}.laplace:Laplace",
        "ablation": f"{_HOME}.ablation:Ablation",
        "substitution": f"{_HOME}.substitution:Substitution",
        "deletion": f"{_HOME}.deletion:Deletion",
    },
)

__all__ = ["Ablation", "Deletion", "Gaussian", "Laplace", "Noise", "Substitution", "Uniform", "noises"]

__getattr__ = lazy_exports(
    __name__,
    {
        "Noise": "abstract",
        "Gaussian": "gaussian",
        "Uniform": "uniform",
        "Laplace": "laplace",
        "Ablation": "ablation",
        "Substitution": "substitution",
        "Deletion": "deletion",
    },
)
