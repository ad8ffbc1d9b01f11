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
        "word_changes": "word_changes:WordChanges",
        "hamming": "hamming:Hamming",
        "any_words": "any_words:AnyWords",
        "word_deletion": "smoothing.word_deletion:WordDeletion",
        "word_substitution": "smoothing.word_substitution:WordSubstitution",
    },
    also=(
        "abstract:Proof",
        "hamming:doc2vec_bound",
    ),
)
