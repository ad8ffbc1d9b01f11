"""Made from the table in `__init__.py` by `make stubs`."""

from shiftproof.registry import Registry
from shiftproof.searches.abstract import Incumbent, Search
from shiftproof.searches.auto_step import AutoStep
from shiftproof.searches.auto_step_targeted import AutoStepTargeted
from shiftproof.searches.bae import Bae
from shiftproof.searches.bandits import Bandits
from shiftproof.searches.beam import Beam
from shiftproof.searches.best_first import BestFirst
from shiftproof.searches.best_of_n import BestOfN
from shiftproof.searches.boundary import Boundary
from shiftproof.searches.boundary_projection import BoundaryProjection, BoundaryProjectionTargeted
from shiftproof.searches.carlini_wagner import CarliniWagner
from shiftproof.searches.cascade import Cascade
from shiftproof.searches.decoupled_direction_norm import DecoupledDirectionNorm
from shiftproof.searches.deepfool import DeepFool
from shiftproof.searches.deepwordbug import DeepWordBug
from shiftproof.searches.elastic_net import ElasticNet
from shiftproof.searches.evolution import Evolution
from shiftproof.searches.exhaustive import Exhaustive
from shiftproof.searches.expectation import Expectation
from shiftproof.searches.fast_minimum_norm import FastMinimumNorm
from shiftproof.searches.genetic import Genetic
from shiftproof.searches.geometric import Geometric
from shiftproof.searches.gradient_ascent import GradientAscent
from shiftproof.searches.gradient_estimate import GradientEstimate
from shiftproof.searches.greedy import Greedy
from shiftproof.searches.grid import Grid
from shiftproof.searches.hard_label import HardLabel
from shiftproof.searches.hop_skip_jump import HopSkipJump
from shiftproof.searches.iterated_step import IteratedStep
from shiftproof.searches.leaf_tuples import LeafTuples
from shiftproof.searches.momentum_ascent import MomentumAscent
from shiftproof.searches.nesterov_ascent import NesterovAscent
from shiftproof.searches.one_draw import OneDraw
from shiftproof.searches.pwws import Pwws
from shiftproof.searches.query_cascade import QueryCascade
from shiftproof.searches.saliency import Saliency
from shiftproof.searches.sigma_zero import SigmaZero
from shiftproof.searches.simple import Simple
from shiftproof.searches.single_step import SingleStep
from shiftproof.searches.sparse_random import SparseRandom
from shiftproof.searches.square import Square
from shiftproof.searches.targeted import Targeted
from shiftproof.searches.textfooler import TextFooler
from shiftproof.searches.transfer import Transfer
from shiftproof.searches.word_importance import WordImportance

searches: Registry[Search]
__all__ = [
    "AutoStep",
    "AutoStepTargeted",
    "Bae",
    "Bandits",
    "Beam",
    "BestFirst",
    "BestOfN",
    "Boundary",
    "BoundaryProjection",
    "BoundaryProjectionTargeted",
    "CarliniWagner",
    "Cascade",
    "DecoupledDirectionNorm",
    "DeepFool",
    "DeepWordBug",
    "ElasticNet",
    "Evolution",
    "Exhaustive",
    "Expectation",
    "FastMinimumNorm",
    "Genetic",
    "Geometric",
    "GradientAscent",
    "GradientEstimate",
    "Greedy",
    "Grid",
    "HardLabel",
    "HopSkipJump",
    "Incumbent",
    "IteratedStep",
    "LeafTuples",
    "MomentumAscent",
    "NesterovAscent",
    "OneDraw",
    "Pwws",
    "QueryCascade",
    "Saliency",
    "Search",
    "SigmaZero",
    "Simple",
    "SingleStep",
    "SparseRandom",
    "Square",
    "Targeted",
    "TextFooler",
    "Transfer",
    "WordImportance",
    "searches",
]
