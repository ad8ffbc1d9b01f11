"""How outcomes are weighed: one file, one way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shiftproof._lazy import lazy_exports
from shiftproof.registry import Registry

if TYPE_CHECKING:
    from shiftproof.risks.abstract import Measurement, Risk
    from shiftproof.risks.cvar import CVaR
    from shiftproof.risks.mean import Mean
    from shiftproof.risks.worst_group import WorstGroup

_HOME = "shiftproof.risks"
risks: Registry[Risk[Any]] = Registry(
    "risk",
    f"{_HOME}.abstract:Risk",
    {
        "mean": f"{_HOME}.mean:Mean",
        "worst_group": f"{_HOME}.worst_group:WorstGroup",
        "cvar": f"{_HOME}.cvar:CVaR",
    },
)

__all__ = ["CVaR", "Mean", "Measurement", "Risk", "WorstGroup", "risks"]

__getattr__ = lazy_exports(
    __name__, {"Risk": "abstract", "Measurement": "abstract", "Mean": "mean", "WorstGroup": "worst_group", "CVaR": "cvar"}
)
