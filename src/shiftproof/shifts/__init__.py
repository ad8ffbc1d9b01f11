"""How the world may move one input: one file, one way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shiftproof._lazy import lazy_exports
from shiftproof.registry import Registry

if TYPE_CHECKING:
    from shiftproof.shifts.abstract import Boxed, Differentiable, Shift
    from shiftproof.shifts.corruptions.brightness import Brightness
    from shiftproof.shifts.corruptions.contrast import Contrast
    from shiftproof.shifts.corruptions.gaussian_blur import GaussianBlur
    from shiftproof.shifts.corruptions.gaussian_noise import GaussianNoise
    from shiftproof.shifts.frequency.band_pass import BandPass
    from shiftproof.shifts.frequency.high_pass import HighPass
    from shiftproof.shifts.frequency.low_pass import LowPass
    from shiftproof.shifts.geometry.rotation import Rotation
    from shiftproof.shifts.geometry.translation import Translation
    from shiftproof.shifts.identity import Identity
    from shiftproof.shifts.norms.l0 import L0
    from shiftproof.shifts.norms.l1 import L1
    from shiftproof.shifts.norms.l2 import L2
    from shiftproof.shifts.norms.linf import Linf
    from shiftproof.shifts.norms.union import Union
    from shiftproof.shifts.patch.patch import Patch
    from shiftproof.shifts.physical.physical import Physical
    from shiftproof.shifts.tabular.tabular import Tabular

_HOME = "shiftproof.shifts"
shifts: Registry[Shift] = Registry(
    "shift",
    f"{_HOME}.abstract:Shift",
    {
        "identity": f"{_HOME}.identity:Identity",
        "linf": f"{_HOME}.norms.linf:Linf",
        "l2": f"{_HOME}.norms.l2:L2",
        "l1": f"{_HOME}.norms.l1:L1",
        "l0": f"{_HOME}.norms.l0:L0",
        "union": f"{_HOME}.norms.union:Union",
        "patch": f"{_HOME}.patch.patch:Patch",
        "physical": f"{_HOME}.physical.physical:Physical",
        "tabular": f"{_HOME}.tabular.tabular:Tabular",
        "gaussian_noise": f"{_HOME}.corruptions.gaussian_noise:GaussianNoise",
        "brightness": f"{_HOME}.corruptions.brightness:Brightness",
        "contrast": f"{_HOME}.corruptions.contrast:Contrast",
        "gaussian_blur": f"{_HOME}.corruptions.gaussian_blur:GaussianBlur",
        "rotation": f"{_HOME}.geometry.rotation:Rotation",
        "translation": f"{_HOME}.geometry.translation:Translation",
        "low_pass": f"{_HOME}.frequency.low_pass:LowPass",
        "high_pass": f"{_HOME}.frequency.high_pass:HighPass",
        "band_pass": f"{_HOME}.frequency.band_pass:BandPass",
    },
)

__all__ = [
    "L0",
    "L1",
    "L2",
    "BandPass",
    "Boxed",
    "Brightness",
    "Contrast",
    "Differentiable",
    "GaussianBlur",
    "GaussianNoise",
    "HighPass",
    "Identity",
    "Linf",
    "LowPass",
    "Patch",
    "Physical",
    "Rotation",
    "Shift",
    "Tabular",
    "Translation",
    "Union",
    "shifts",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "Shift": "abstract",
        "Differentiable": "abstract",
        "Boxed": "abstract",
        "Identity": "identity",
        "Linf": "norms.linf",
        "L2": "norms.l2",
        "L1": "norms.l1",
        "L0": "norms.l0",
        "Union": "norms.union",
        "Patch": "patch.patch",
        "Physical": "physical.physical",
        "Tabular": "tabular.tabular",
        "GaussianNoise": "corruptions.gaussian_noise",
        "Brightness": "corruptions.brightness",
        "Contrast": "corruptions.contrast",
        "GaussianBlur": "corruptions.gaussian_blur",
        "Rotation": "geometry.rotation",
        "Translation": "geometry.translation",
        "LowPass": "frequency.low_pass",
        "HighPass": "frequency.high_pass",
        "BandPass": "frequency.band_pass",
    },
)
