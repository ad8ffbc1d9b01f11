"""How outcomes are weighed: one file, one way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shiftproof._lazy import lazy_exports
from shiftproof.registry import Registry

if TYPE_CHECKING:
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

_HOME = "shiftproof.risks"
risks: Registry[Risk[Any]] = Registry(
    "risk",
    f"{_HOME}.abstract:Risk",
    {
        "mean": f"{_HOME}.mean:Mean",
        "worst_group": f"{_HOME}.worst_group:WorstGroup",
        "cvar": f"{_HOME}.cvar:CVaR",
        "group_mixture": f"{_HOME}.group_mixture:GroupMixture",
        "conditional_cvar": f"{_HOME}.conditional_cvar:ConditionalCVaR",
        "chi_square": f"{_HOME}.chi_square:ChiSquare",
        "chi_square_penalised": f"{_HOME}.chi_square:ChiSquarePenalised",
        "kl": f"{_HOME}.kl:KL",
        "kl_penalised": f"{_HOME}.kl:KLPenalised",
        "total_variation": f"{_HOME}.total_variation:TotalVariation",
        "total_variation_penalised": f"{_HOME}.total_variation:TotalVariationPenalised",
        "extremile": f"{_HOME}.spectral:Extremile",
        "exponential_spectral": f"{_HOME}.spectral:ExponentialSpectral",
        "holistic": f"{_HOME}.holistic:Holistic",
        "wasserstein": f"{_HOME}.wasserstein:Wasserstein",
        "sinkhorn": f"{_HOME}.sinkhorn:Sinkhorn",
        "mmd": f"{_HOME}.mmd:MMD",
    },
)

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

__getattr__ = lazy_exports(
    __name__,
    {
        "Measurement": "abstract",
        "Risk": "abstract",
        "ChiSquare": "chi_square",
        "ChiSquarePenalised": "chi_square",
        "ConditionalCVaR": "conditional_cvar",
        "CVaR": "cvar",
        "GroupMixture": "group_mixture",
        "Holistic": "holistic",
        "KL": "kl",
        "KLPenalised": "kl",
        "Mean": "mean",
        "MMD": "mmd",
        "Sinkhorn": "sinkhorn",
        "ExponentialSpectral": "spectral",
        "Extremile": "spectral",
        "TotalVariation": "total_variation",
        "TotalVariationPenalised": "total_variation",
        "Wasserstein": "wasserstein",
        "WorstGroup": "worst_group",
    },
)
