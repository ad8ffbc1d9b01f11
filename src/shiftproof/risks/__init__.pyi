"""Made from the table in `__init__.py` by `make stubs`."""

from typing import Any

from shiftproof.registry import Registry
from shiftproof.risks.abstract import Measurement, Risk
from shiftproof.risks.chi_square import ChiSquare, ChiSquarePenalised
from shiftproof.risks.conditional_cvar import ConditionalCVaR
from shiftproof.risks.cvar import CVaR
from shiftproof.risks.group_mixture import GroupMixture
from shiftproof.risks.holistic import Holistic
from shiftproof.risks.kl import KL, KLPenalised
from shiftproof.risks.mean import Mean
from shiftproof.risks.mmd import MMD
from shiftproof.risks.sinkhorn import Sinkhorn
from shiftproof.risks.spectral import ExponentialSpectral, Extremile
from shiftproof.risks.total_variation import TotalVariation, TotalVariationPenalised
from shiftproof.risks.wasserstein import Wasserstein
from shiftproof.risks.worst_group import WorstGroup

risks: Registry[Risk[Any]]
__all__ = [
    "KL",
    "MMD",
    "CVaR",
    "ChiSquare",
    "ChiSquarePenalised",
    "ConditionalCVaR",
    "ExponentialSpectral",
    "Extremile",
    "GroupMixture",
    "Holistic",
    "KLPenalised",
    "Mean",
    "Measurement",
    "Risk",
    "Sinkhorn",
    "TotalVariation",
    "TotalVariationPenalised",
    "Wasserstein",
    "WorstGroup",
    "risks",
]
