"""Risks of an estimator by their specs: "cvar(alpha=0.5)" -> how losses are weighed, on which base weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from shiftproof._errors import UsageError, must, unknown
from shiftproof._part import Value
from shiftproof.registry import parse_spec
from shiftproof.risks.abstract import Risk
from shiftproof.sklearn import _smoothed as smoothed
from shiftproof.sklearn._smoothed import Curvature, Floats, Weighing

Groups = npt.NDArray[np.intp]


@dataclass(frozen=True)
class RiskSpec:
    """A risk with its options, before it has seen data."""

    name: str
    options: Mapping[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.name}({', '.join(f'{key}={value:g}' for key, value in self.options.items())})" if self.options else self.name

    @property
    def radius_name(self) -> str | None:
        """The option that says how far the weights may go; None where there is none."""
        return _TABLE[self.name].radius

    @property
    def simplest(self) -> RiskSpec:
        """The mean where the options leave no room but for it, so that radius 0 is the mean to the last bit; else itself."""
        none = {"alpha": 1.0, "level": 0.0, "order": 1.0, "radius": 0.0}.get(self.radius_name or "")
        return RiskSpec("mean") if self.radius_name and self.options[self.radius_name] == none else self

    def at_radius(self, radius: float) -> RiskSpec:
        """The same risk at another radius (or alpha, level, order, aversion)."""
        if self.radius_name is None:
            raise must(
                "risk", "stress_curve", "have a radius", str(self), f"Those that do: {', '.join(k for k, v in _TABLE.items() if v.radius)}."
            )
        return checked(replace(self, options={**self.options, self.radius_name: radius}))


@dataclass(frozen=True)
class _Entry:
    """What the table knows of a risk: its options in order, each with default (NaN: must be given) and range, and which is its radius."""

    options: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)
    radius: str | None = None
    smooth: bool = False


_NEEDED = math.nan
_TABLE: dict[str, _Entry] = {
    "mean": _Entry(smooth=True),
    "cvar": _Entry({"alpha": (_NEEDED, 1e-12, 1.0)}, "alpha"),
    "superquantile": _Entry({"level": (_NEEDED, 0.0, 1 - 1e-12)}, "level"),
    "chi_square": _Entry({"radius": (_NEEDED, 0.0, math.inf)}, "radius", smooth=True),
    "kl": _Entry({"radius": (_NEEDED, 0.0, math.inf)}, "radius", smooth=True),
    "total_variation": _Entry({"radius": (_NEEDED, 0.0, math.inf)}, "radius"),
    "extremile": _Entry({"order": (_NEEDED, 1.0, 1e6)}, "order"),
    "esrm": _Entry({"aversion": (_NEEDED, 1e-9, 500.0)}, "aversion"),
    "worst_group": _Entry(),
    "wasserstein": _Entry({"radius": (_NEEDED, 0.0, 1e12), "order": (2.0, 1.0, math.inf)}, "radius", smooth=True),
}
ALIASES = {"erm": "mean", "chi2": "chi_square", "tv": "total_variation", "group_dro": "worst_group"}


def names() -> list[str]:
    """Every risk that an estimator takes."""
    return list(_TABLE)


def read(risk: object) -> RiskSpec:
    """The risk that a person wrote: a spec, or a part of `shiftproof.risks`.

    Raises:
        UsageError: no such risk (the nearest are named), or an option is missing, unknown or out of range.
    """
    if isinstance(risk, RiskSpec):
        return checked(risk)
    text = risk.full_spec() if isinstance(risk, Risk) else risk
    if not isinstance(text, str):
        raise must("risk", "an estimator", 'be a spec such as "cvar(alpha=0.5)"', risk)
    name, placed, named = parse_spec(text)
    name = ALIASES.get(name, name)
    if name not in _TABLE:
        raise unknown("risk", name, [*_TABLE, *ALIASES])
    options = _TABLE[name].options
    if len(placed) > len(options):
        raise UsageError(f"The risk '{name}' takes {len(options)} options ({', '.join(options)}), got {len(placed)}.")
    given: dict[str, Value] = {**dict(zip(options, placed, strict=False)), **named}
    for key in given:
        if key not in options:
            raise unknown(f"option of risk '{name}'", key, options)
    return checked(RiskSpec(name, {key: _number(name, key, given.get(key, default[0])) for key, default in options.items()}))


def _number(name: str, key: str, value: Value) -> float:
    if isinstance(value, str) and value in ("inf", "infinity"):
        return math.inf
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise must(key, name, "be a number", value)
    return float(value)


def checked(risk: RiskSpec) -> RiskSpec:
    """The risk, with every option in its range."""
    for key, (_, low, high) in _TABLE[risk.name].options.items():
        value = risk.options[key]
        if math.isnan(value):
            raise UsageError(f"The risk '{risk.name}' needs {key}: write {risk.name}({key}=...).")
        if not low <= value <= high:
            raise must(key, risk.name, f"be in [{low:g}, {high:g}]", value)
    if risk.name == "wasserstein" and risk.options["order"] not in (1.0, 2.0, math.inf):
        raise must("order", "wasserstein", "be 1, 2 or inf", risk.options["order"], "It is the norm that features move in.")
    return risk


@dataclass(frozen=True, eq=False)
class Weigher:
    """A risk on a sample: base weights p, shape (n,), sum 1, and groups where it needs them.

    `root` weighs residuals for the squared loss under `wasserstein`: sqrt(E r^2), whose weights do not sum to 1.
    """

    risk: RiskSpec
    base: Floats
    groups: Groups | None = None
    root: bool = False

    @property
    def smooth(self) -> bool:
        """Whether the risk has a slope nearly everywhere, so that it needs no smoothing on the way."""
        return _TABLE[self.risk.name].smooth

    def __call__(self, losses: Floats, mu: float = 0.0) -> Weighing:
        """The (smoothed) risk of these losses."""
        if self.root:
            return root_mean_square(losses, self.base)
        if self.risk.name == "worst_group" and self.groups is not None:
            return smoothed.worst_group(losses, self.base, self.groups, mu)
        return _reweighed(self.risk, losses, self.base, mu)

    def take(self, rows: npt.NDArray[np.intp]) -> Weigher:
        """The risk on some of the examples."""
        base = self.base[rows]
        return replace(self, base=base / base.sum(), groups=None if self.groups is None else self.groups[rows])


def root_mean_square(losses: Floats, base: Floats) -> Weighing:
    """sqrt(E l^2) of l >= 0: convex and rising, with weights p l / sqrt(E l^2)."""
    size = math.sqrt(float(base @ losses**2))
    if size == 0:
        return Weighing(0.0, np.zeros_like(losses))
    weights = base * losses / size
    return Weighing(size, weights, Curvature(base / size, weights[:, None], np.array([1 / size])))


def _esrm(aversion: float) -> Callable[[Floats], Floats]:
    return lambda u: np.asarray(np.exp(aversion * (u - 1)) * np.expm1(-aversion * u) / math.expm1(-aversion))


def _reweighed(risk: RiskSpec, losses: Floats, base: Floats, mu: float) -> Weighing:
    options = risk.options
    if risk.name in ("cvar", "superquantile"):
        return smoothed.cvar(losses, base, options.get("alpha", 1 - options.get("level", 0.0)), mu)
    if risk.name == "extremile":
        return smoothed.spectral(losses, base, lambda u: np.asarray(u ** options["order"]), mu)
    if risk.name == "esrm":
        return smoothed.spectral(losses, base, _esrm(options["aversion"]), mu)
    if risk.name in _BALLS:
        return _BALLS[risk.name](losses, base, options["radius"], mu)
    return smoothed.mean(losses, base)


_BALLS = {"chi_square": smoothed.chi_square, "kl": smoothed.kl, "total_variation": smoothed.total_variation}
