"""Bombari et al. 2023: more parameters make no random-feature model robust, and an even tangent kernel they do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from shiftproof._arrays import Floats
from shiftproof.studies.abstract import EarlierLook, Prediction, Study
from shiftproof.studies.quantity import Quantity
from shiftproof.studies.trial import Trial

Curve = Callable[[Floats], Floats]
_RIDGE = 1e-9
"""Of the mean of the kernel's diagonal, against rounding."""


class Activation(NamedTuple):
    """An activation's first and second derivative, and its value."""

    value: Curve
    first: Curve
    second: Curve


def _tanh_second(t: Floats) -> Floats:
    second: Floats = -2 * np.tanh(t) * (1 - np.tanh(t) ** 2)
    return second


COSINE = Activation(np.cos, lambda t: -np.sin(t), lambda t: -np.cos(t))
"""Even, as the law for the tangent kernel asks."""
TANH = Activation(np.tanh, lambda t: 1 - np.tanh(t) ** 2, _tanh_second)
PUBLISHED_TANH = TANH._replace(second=lambda t: -2 * np.tanh(t) * (1 - np.tanh(t)))
"""With the second derivative of the authors' code, which lacks a square."""


def random_features(x: Floats, y: Floats, z: Floats, w: Floats, act: Activation) -> Floats:
    """Sensitivity |z| |grad f(z)| of the least-norm interpolant f(x) = theta . act(W x), shape (m,), by n x n systems alone.

    Args:
        x: inputs, shape (n, d).
        y: their values, which are interpolated, shape (n,).
        z: where it is measured, shape (m, d).
        w: the features' weights, shape (k, d).
        act: the activation.
    """
    features = act.value(x @ w.T)
    theta = features.T @ _solved(features @ features.T, y)
    slope = (act.first(z @ w.T) * theta) @ w
    return np.asarray(np.linalg.norm(z, axis=1) * np.linalg.norm(slope, axis=1))


def tangent_kernel(x: Floats, y: Floats, z: Floats, w: Floats, act: Activation) -> Floats:
    """As `random_features`, of the model linear in the k d features x_i act'(w_j . x): neither these nor their pseudo-inverse are formed.

    K(x, x') = (x . x') (act'(W x) . act'(W x')), and grad f(z) = sum_i a_i [x_i s_i + (z . x_i) W^T (act''(W z) act'(W x_i))].
    """
    gates, here = act.first(x @ w.T), act.first(z @ w.T)
    a = _solved((x @ x.T) * (gates @ gates.T), y)
    pull = z @ x.T * a
    slope = (here @ gates.T * a) @ x + (act.second(z @ w.T) * (pull @ gates)) @ w
    return np.asarray(np.linalg.norm(z, axis=1) * np.linalg.norm(slope, axis=1))


def _solved(kernel: Floats, y: Floats) -> Floats:
    return np.linalg.solve(kernel + _RIDGE * np.trace(kernel) / len(kernel) * np.eye(len(kernel)), y)


@dataclass(frozen=True)
class SensitivityLaw(Study):
    """How sensitive interpolants are at test points as they get more inputs and parameters: random features, and tangent kernels.

    Cost: linear systems of up to 400 unknowns; seconds.

    Reference: Bombari, Kiyani & Mondelli 2023, "Beyond the universal law of robustness: sharper laws for random features and neural
    tangent kernels".
    """

    name: ClassVar[str] = "sensitivity_law"
    references: ClassVar[tuple[str, ...]] = ("bombari2023beyond",)
    claim: ClassVar[str] = (
        "Random-feature interpolants are not robust at any number of parameters; tangent kernels with an even activation are, as soon as "
        "the universal law allows it."
    )
    paper: ClassVar[str] = "Bombari et al. 2023"
    figure: ClassVar[str] = (
        "The sensitivity of random features grows at least as n to the power 1/6, whatever their number; that of a tangent kernel with an "
        "even activation is of order 1 + sqrt(n d / p) up to logarithms, which wide ones keep bounded."
    )
    predictions: ClassVar[tuple[Prediction, ...]] = (
        Prediction("random features, slope", "random features grow at least as the sixth root of n", low=1 / 6, paper=1 / 6),
        Prediction("tangent, even, slope", "a wide tangent kernel with an even activation does not", high=1 / 6, paper=0.0),
        Prediction("random features less tangent, slope", "and grows more slowly than they do", low=0.1),
    )
    protocol: ClassVar[str] = (
        "50 to 400 Gaussian inputs of 100 numbers, with labels of 1 and -1 by chance. Twenty random features of tanh for each input; "
        "tangent kernels of the cosine and of tanh with two units for each, so that p = 2 n d. Slopes are of log sensitivity by log n, "
        "over 200 test points, by least squares."
    )
    scaled_down: ClassVar[str] = (
        "Small inputs and few of them; the law is of the limit. Beside the law, the sensitivity by the second derivative of tanh in the "
        "authors' code (1 - tanh in place of 1 - tanh squared) is shown over the right one."
    )
    seeds: ClassVar[int] = 4
    looks: ClassVar[tuple[EarlierLook, ...]] = (
        EarlierLook(
            "A quick run showed slopes by width at one n, which the theory bounds for the tangent kernel by a constant only; slopes by n, "
            "of which it speaks, took their place."
        ),
        EarlierLook("That the published derivative gives up to 28 % more was seen in another trial, on MNIST.", changed=False),
    )

    def measure(self, trial: Trial) -> Mapping[str, Quantity]:
        """Sensitivities at every number of inputs, their slopes, and what the published derivative of tanh does."""
        sizes, d = trial.pick(quick=((20, 40), 20), full=((50, 100, 200, 400), 100))
        found: dict[str, Quantity] = {}
        slopes: dict[str, float] = {}
        for name, solve, act, width in (
            ("random features", random_features, TANH, 20),
            ("tangent, even", tangent_kernel, COSINE, 2),
            ("tangent, other", tangent_kernel, TANH, 2),
            ("tangent, other, published", tangent_kernel, PUBLISHED_TANH, 2),
        ):
            means: list[float] = []
            for n in sizes:
                numbers = trial.numbers(f"inputs {n}")
                x, z, y = numbers.normal(size=(n, d)), numbers.normal(size=(200, d)), numbers.choice([-1.0, 1.0], n)
                w = trial.numbers(f"weights {width} {n}").normal(size=(width * n, d)) / d**0.5
                means.append(float(solve(x, y, z, w, act).mean()))
                found[f"{name}, n {n}"] = Quantity(means[-1])
            slopes[name] = float(np.polyfit(np.log(sizes), np.log(means), 1)[0])
            found[f"{name}, slope"] = Quantity(slopes[name])
        published, right = (found[f"tangent, other{mark}, n {sizes[-1]}"].value for mark in (", published", ""))
        found["tangent, published derivative over right"] = Quantity(published / right)
        found["random features less tangent, slope"] = Quantity(slopes["random features"] - slopes["tangent, even"])
        return found
