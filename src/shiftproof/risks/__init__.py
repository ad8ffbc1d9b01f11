"""Risks: how outcomes of single examples are weighed."""

from __future__ import annotations

from shiftproof.registry import package_of_parts

risks, __all__, __getattr__ = package_of_parts(
    __name__,
    "risk",
    base="abstract:Risk",
    parts={
        "mean": "mean:Mean",
        "worst_group": "worst_group:WorstGroup",
        "cvar": "cvar:CVaR",
        "group_mixture": "group_mixture:GroupMixture",
        "conditional_cvar": "conditional_cvar:ConditionalCVaR",
        "chi_square": "chi_square:ChiSquare",
        "chi_square_penalised": "chi_square:ChiSquarePenalised",
        "kl": "kl:KL",
        "kl_penalised": "kl:KLPenalised",
        "total_variation": "total_variation:TotalVariation",
        "total_variation_penalised": "total_variation:TotalVariationPenalised",
        "extremile": "spectral:Extremile",
        "exponential_spectral": "spectral:ExponentialSpectral",
        "holistic": "holistic:Holistic",
        "wasserstein": "wasserstein:Wasserstein",
        "sinkhorn": "sinkhorn:Sinkhorn",
        "mmd": "mmd:MMD",
    },
    also=("abstract:Measurement",),
)
