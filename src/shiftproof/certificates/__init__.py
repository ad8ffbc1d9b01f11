"""Certificates: proofs that decisions hold for every move inside a shift."""

from __future__ import annotations

from shiftproof.registry import package_of_parts

certificates, __all__, __getattr__ = package_of_parts(
    __name__,
    "certificate",
    base="abstract:Certificate",
    parts={
        "auto": "auto:Auto",
        "linear": "linear:Linear",
        "lipschitz": "lipschitz:Lipschitz",
        "interval_bounds": "interval_bounds:IntervalBounds",
        "crown": "crown:Crown",
        "alpha_crown": "alpha_crown:AlphaCrown",
        "smoothing": "smoothing.smoothing:Smoothing",
        "cohen": "smoothing.cohen:Cohen",
    },
    also=("abstract:Proof",),
)
