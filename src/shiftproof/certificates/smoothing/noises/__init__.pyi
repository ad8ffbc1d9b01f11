"""Made from the table in `__init__.py` by `make stubs`."""

from shiftproof.certificates.smoothing.noises.ablation import Ablation
from shiftproof.certificates.smoothing.noises.abstract import Noise
from shiftproof.certificates.smoothing.noises.deletion import Deletion
from shiftproof.certificates.smoothing.noises.gaussian import Gaussian
from shiftproof.certificates.smoothing.noises.laplace import Laplace
from shiftproof.certificates.smoothing.noises.substitution import Substitution
from shiftproof.certificates.smoothing.noises.uniform import Uniform
from shiftproof.registry import Registry

noises: Registry[Noise]
__all__ = ["Ablation", "Deletion", "Gaussian", "Laplace", "Noise", "Substitution", "Uniform", "noises"]
