"""The risks of estimators: from a spec such as "cvar(alpha=0.5)" to weights of the losses."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from shiftproof._arrays import Floats
from shiftproof._errors import UsageError, must, unknown
from shiftproof._part import Value
from shiftproof.registry import parse_spec
from shiftproof.risks import risks as measured
from shiftproof.risks.abstract import Risk
from shiftproof.risks.mmd import gaussian_kernel, points_of
from shiftproof.sklearn import _grouped as grouped
from shiftproof.sklearn import _smoothed_risks as smoothed
from shiftproof.sklearn._smoothed_risks import Curvature, Weighing

Groups = npt.NDArray[np.intp]


@dataclass(frozen=True)
class RiskSpec:
    """A risk with its options."""

    name: str
    options: Mapping[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.name}({', '.join(f'{key}={value:g}' for key, value in self.options.items())})" if self.options else self.name

    @property
    def radius_name(self) -> str | None:
        """The option that sets the size of the set of weights; None if there is none."""
        return _TABLE[self.name].radius

    @property
    def groups(self) -> str:
        """What the risk needs as the group of each example; empty if it needs none."""
        return _TABLE[self.name].groups

    @property
    def simplest(self) -> RiskSpec:
        """The mean if the options allow nothing else, so that radius 0 is exactly the mean; otherwise this risk."""
        none = {"alpha": 1.0, "level": 0.0, "order": 1.0, "radius": 0.0}.get(self.radius_name or "")
        return RiskSpec("mean") if self.radius_name and self.options[self.radius_name] == none else self

    def at_radius(self, radius: float) -> RiskSpec:
        """The same risk at another radius (or alpha, level, order, rho, penalty)."""
        if self.radius_name is None:
            raise must(
                "risk", "stress_curve", "have a radius", str(self), f"Supported: {', '.join(k for k, v in _TABLE.items() if v.radius)}."
            )
        return checked(replace(self, options={**self.options, self.radius_name: radius}))


@dataclass(frozen=True)
class _Entry:
    """The table's entry of a risk: its options in order, each with default (NaN: required) and range, and the option that is its radius."""

    options: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)
    radius: str | None = None
    smooth: bool = False
    groups: str = ""
    """What it needs as the group of each example; empty if it needs none."""


_NEEDED = math.nan
_TABLE: dict[str, _Entry] = {
    "mean": _Entry(smooth=True),
    "cvar": _Entry({"alpha": (_NEEDED, 1e-12, 1.0)}, "alpha"),
    "superquantile": _Entry({"level": (_NEEDED, 0.0, 1 - 1e-12)}, "level"),
    "chi_square": _Entry({"radius": (_NEEDED, 0.0, math.inf)}, "radius", smooth=True),
    "kl": _Entry({"radius": (_NEEDED, 0.0, math.inf)}, "radius", smooth=True),
    "total_variation": _Entry({"radius": (_NEEDED, 0.0, math.inf)}, "radius"),
    "extremile": _Entry({"order": (_NEEDED, 1.0, 1e6)}, "order"),
    "exponential_spectral": _Entry({"rho": (_NEEDED, 1e-9, 500.0)}, "rho"),
    "chi_square_penalised": _Entry({"penalty": (_NEEDED, 1e-12, 1e12)}, "penalty", smooth=True),
    "kl_penalised": _Entry({"penalty": (_NEEDED, 1e-12, 1e12)}, "penalty", smooth=True),
    "worst_group": _Entry(groups="a group name"),
    "sinkhorn": _Entry(
        {"radius": (_NEEDED, 0.0, math.inf), "epsilon": (_NEEDED, 1e-12, 1e12)},
        "radius",
        smooth=True,
        groups="the name of the example that it was drawn around",
    ),
    "mmd": _Entry({"radius": (_NEEDED, 0.0, math.inf), "bandwidth": (0.0, 0.0, 1e12)}, "radius", groups="the value of what may shift"),
    "wasserstein": _Entry({"radius": (_NEEDED, 0.0, 1e12), "order": (2.0, 1.0, math.inf)}, "radius", smooth=True),
}
ALIASES = {
    "erm": "mean",
    "chi2": "chi_square",
    "tv": "total_variation",
    "esrm": "exponential_spectral",
    "tilted": "kl_penalised",
    "group_dro": "worst_group",
}


def read(risk: object) -> RiskSpec:
    """The risk given by a spec or by a part of `shiftproof.risks`.

    Raises:
        UsageError: the risk is unknown (the nearest names are listed), or an option is missing, unknown or out of range.
    """
    if isinstance(risk, RiskSpec):
        return checked(risk)
    text = risk.full_spec() if isinstance(risk, Risk) else risk
    if not isinstance(text, str):
        raise must("risk", "an estimator", 'be a spec such as "cvar(alpha=0.5)"', risk)
    name, placed, named = parse_spec(text)
    name = ALIASES.get(name, name)
    if name not in _TABLE and name in measured.names():
        raise UsageError(f"The risk '{name}' can be measured but not optimised. Supported: {', '.join(_TABLE)}.")
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
    """The risk; raises `UsageError` if an option is missing or out of range."""
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
    """A risk on a sample: base weights p, shape (n,), sum 1, and groups if it needs them.

    With `root` it weighs residuals for the squared loss under `wasserstein`: sqrt(E r^2), whose weights do not sum to 1.
    """

    risk: RiskSpec
    base: Floats
    groups: Groups | None = None
    root: bool = False
    gram: Floats | None = None
    """The kernel between groups, if the risk needs it; shape (groups, groups)."""

    @property
    def smooth(self) -> bool:
        """Whether the risk is differentiable almost everywhere, so that it needs no smoothing."""
        return _TABLE[self.risk.name].smooth

    def __call__(self, losses: Floats, mu: float = 0.0) -> Weighing:
        """The (smoothed) risk of these losses."""
        if self.root:
            return root_mean_square(losses, self.base)
        if self.risk.name == "worst_group" and self.groups is not None:
            return grouped.worst_group(losses, self.base, self.groups, mu)
        if self.risk.name == "sinkhorn" and self.groups is not None:
            budget = self.risk.options["radius"] / self.risk.options["epsilon"]
            return grouped.sinkhorn(losses, self.base, self.groups, budget, mu)
        if self.risk.name == "mmd" and self.groups is not None and self.gram is not None:
            return grouped.mmd(losses, self.base, self.groups, self.gram, self.risk.options["radius"], mu)
        return _reweighed(self.risk, losses, self.base, mu)

    def value(self, losses: Floats) -> float:
        """The risk itself."""
        if self.risk.name in ("cvar", "superquantile"):
            return smoothed.tail_mean(losses, self.base, _alpha(self.risk))
        return self(losses).value

    def around(self, losses: Floats, mu: float, density: Floats) -> Weighing:
        """The risk smoothed around the weights `density` * base instead of the base weights: D(q, p) becomes D(q, density * base).

        As D is a Bregman divergence, it is the smoothed risk of shifted losses, minus a constant.
        """
        found = self(losses + mu * self.shift(density), mu)
        if self.risk.name in _RELATIVE:
            return found
        return replace(found, value=found.value - mu / 2 * float(self.base @ (density - 1) ** 2))

    def shift(self, density: Floats) -> Floats:
        """What `around` adds to the losses, in units of mu."""
        return np.log(np.maximum(density, 1e-300)) if self.risk.name in _RELATIVE else density - 1

    def take(self, rows: npt.NDArray[np.intp]) -> Weigher:
        """The risk on some of the examples."""
        base, groups, gram = self.base[rows], None, self.gram
        if self.groups is not None:
            present, groups = np.unique(self.groups[rows], return_inverse=True)
            gram = None if gram is None else gram[np.ix_(present, present)]
        return replace(self, base=base / base.sum(), groups=groups, gram=gram)


def group_kernel(risk: RiskSpec, names: npt.NDArray[np.generic]) -> Floats | None:
    """The kernel of `mmd` between groups with these names, shape (groups, groups); None for other risks.

    Raises:
        UsageError: there is a bandwidth, and the names are not numbers.
    """
    if risk.name != "mmd":
        return None
    if risk.options["bandwidth"] == 0:
        return np.eye(len(names))
    kernel = gaussian_kernel(points_of(names.astype(str)), bandwidth=risk.options["bandwidth"])
    return kernel + 1e-12 * np.eye(len(names))


def root_mean_square(losses: Floats, base: Floats) -> Weighing:
    """sqrt(E l^2) of l >= 0: convex and increasing, with weights p l / sqrt(E l^2)."""
    size = math.sqrt(float(base @ losses**2))
    if size == 0:
        return Weighing(0.0, np.zeros_like(losses))
    weights = base * losses / size
    return Weighing(size, weights, Curvature(base / size, weights[:, None], np.array([1 / size])))


def _alpha(risk: RiskSpec) -> float:
    return risk.options.get("alpha", 1 - risk.options.get("level", 0.0))


def _exponential(rho: float) -> Callable[[Floats], Floats]:
    return lambda u: np.asarray(np.exp(rho * (u - 1)) * np.expm1(-rho * u) / math.expm1(-rho))


def _spectrum(risk: RiskSpec) -> Callable[[Floats], Floats] | None:
    if risk.name == "extremile":
        return lambda u: np.asarray(u ** risk.options["order"])
    if risk.name == "exponential_spectral":
        return _exponential(risk.options["rho"])
    return smoothed.moved_mass(risk.options["radius"]) if risk.name == "total_variation" and risk.options["radius"] > 0 else None


def _reweighed(risk: RiskSpec, losses: Floats, base: Floats, mu: float) -> Weighing:
    spectrum = _spectrum(risk)
    if spectrum is not None:
        return smoothed.spectral(losses, base, spectrum, mu)
    if risk.name in ("cvar", "superquantile"):
        return smoothed.cvar(losses, base, _alpha(risk), mu)
    if risk.name in _BALLS:
        return _BALLS[risk.name](losses, base, risk.options["radius"], mu)
    if risk.name in _PENALISED:  # the penalty acts as a smoothing
        return _PENALISED[risk.name](losses, base, math.inf, mu + risk.options["penalty"])
    return smoothed.mean(losses, base)


_BALLS = {"chi_square": smoothed.chi_square, "kl": smoothed.kl}
_PENALISED = {"chi_square_penalised": smoothed.chi_square, "kl_penalised": smoothed.kl}
_RELATIVE = ("kl", "kl_penalised", "sinkhorn")
"""The risks smoothed by the relative entropy."""
