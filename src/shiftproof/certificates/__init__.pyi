"""Made from the table in `__init__.py` by `make stubs`."""

from shiftproof.certificates.abstract import Certificate, Proof
from shiftproof.certificates.alpha_crown import AlphaCrown
from shiftproof.certificates.any_words import AnyWords
from shiftproof.certificates.auto import Auto
from shiftproof.certificates.crown import Crown
from shiftproof.certificates.hamming import Hamming, doc2vec_bound
from shiftproof.certificates.interval_bounds import IntervalBounds
from shiftproof.certificates.linear import Linear
from shiftproof.certificates.lipschitz import Lipschitz
from shiftproof.certificates.smoothing.cohen import Cohen
from shiftproof.certificates.smoothing.smoothing import Smoothing
from shiftproof.certificates.smoothing.word_deletion import WordDeletion
from shiftproof.certificates.smoothing.word_substitution import WordSubstitution
from shiftproof.certificates.word_changes import WordChanges
from shiftproof.registry import Registry

certificates: Registry[Certificate]
__all__ = [
    "AlphaCrown",
    "AnyWords",
    "Auto",
    "Certificate",
    "Cohen",
    "Crown",
    "Hamming",
    "IntervalBounds",
    "Linear",
    "Lipschitz",
    "Proof",
    "Smoothing",
    "WordChanges",
    "WordDeletion",
    "WordSubstitution",
    "certificates",
    "doc2vec_bound",
]
