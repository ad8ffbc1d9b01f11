"""How a move is chosen inside a shift: one file, one way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shiftproof._lazy import lazy_exports
from shiftproof.registry import Registry

if TYPE_CHECKING:
    from shiftproof.searches.abstract import Incumbent, Search
    from shiftproof.searches.bandits import Bandits
    from shiftproof.searches.best_of_n import BestOfN
    from shiftproof.searches.boundary import Boundary
    from shiftproof.searches.evolution import Evolution
    from shiftproof.searches.genetic import Genetic
    from shiftproof.searches.geometric import Geometric
    from shiftproof.searches.gradient_ascent import GradientAscent
    from shiftproof.searches.gradient_estimate import GradientEstimate
    from shiftproof.searches.grid import Grid
    from shiftproof.searches.hop_skip_jump import HopSkipJump
    from shiftproof.searches.leaf_tuples import LeafTuples
    from shiftproof.searches.one_draw import OneDraw
    from shiftproof.searches.simple import Simple
    from shiftproof.searches.sparse_random import SparseRandom
    from shiftproof.searches.square import Square
    from shiftproof.searches.transfer import Transfer

_HOME = "shiftproof.searches"
searches: Registry[Search] = Registry(
    "search",
    f"{_HOME}.abstract:Search",
    {
        "one_draw": f"{_HOME}.one_draw:OneDraw",
        "best_of_n": f"{_HOME}.best_of_n:BestOfN",
        "grid": f"{_HOME}.grid:Grid",
        "gradient_ascent": f"{_HOME}.gradient_ascent:GradientAscent",
        "cascade": f"{_HOME}.cascade:Cascade",
        "query_cascade": f"{_HOME}.query_cascade:QueryCascade",
        "auto_step": f"{_HOME}.auto_step:AutoStep",
        "auto_step_targeted": f"{_HOME}.auto_step_targeted:AutoStepTargeted",
        "single_step": f"{_HOME}.single_step:SingleStep",
        "iterated_step": f"{_HOME}.iterated_step:IteratedStep",
        "momentum_ascent": f"{_HOME}.momentum_ascent:MomentumAscent",
        "nesterov_ascent": f"{_HOME}.nesterov_ascent:NesterovAscent",
        "boundary_projection": f"{_HOME}.boundary_projection:BoundaryProjection",
        "boundary_projection_targeted": f"{_HOME}.boundary_projection:BoundaryProjectionTargeted",
        "fast_minimum_norm": f"{_HOME}.fast_minimum_norm:FastMinimumNorm",
        "decoupled_direction_norm": f"{_HOME}.decoupled_direction_norm:DecoupledDirectionNorm",
        "deepfool": f"{_HOME}.deepfool:DeepFool",
        "carlini_wagner": f"{_HOME}.carlini_wagner:CarliniWagner",
        "elastic_net": f"{_HOME}.elastic_net:ElasticNet",
        "sigma_zero": f"{_HOME}.sigma_zero:SigmaZero",
        "saliency": f"{_HOME}.saliency:Saliency",
        "expectation": f"{_HOME}.expectation:Expectation",
        "square": f"{_HOME}.square:Square",
        "sparse_random": f"{_HOME}.sparse_random:SparseRandom",
        "gradient_estimate": f"{_HOME}.gradient_estimate:GradientEstimate",
        "bandits": f"{_HOME}.bandits:Bandits",
        "simple": f"{_HOME}.simple:Simple",
        "genetic": f"{_HOME}.genetic:Genetic",
        "evolution": f"{_HOME}.evolution:Evolution",
        "hop_skip_jump": f"{_HOME}.hop_skip_jump:HopSkipJump",
        "geometric": f"{_HOME}.geometric:Geometric",
        "boundary": f"{_HOME}.boundary:Boundary",
        "leaf_tuples": f"{_HOME}.leaf_tuples:LeafTuples",
        "targeted": f"{_HOME}.targeted:Targeted",
    },
)

__all__ = [
    "Bandits",
    "BestOfN",
    "Boundary",
    "Evolution",
    "Genetic",
    "Geometric",
    "GradientAscent",
    "GradientEstimate",
    "Grid",
    "HopSkipJump",
    "Incumbent",
    "LeafTuples",
    "OneDraw",
    "Search",
    "Simple",
    "SparseRandom",
    "Square",
    "Transfer",
    "searches",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "Search": "abstract",
        "Incumbent": "abstract",
        "OneDraw": "one_draw",
        "BestOfN": "best_of_n",
        "Grid": "grid",
        "GradientAscent": "gradient_ascent",
        "Square": "square",
        "SparseRandom": "sparse_random",
        "GradientEstimate": "gradient_estimate",
        "Bandits": "bandits",
        "Simple": "simple",
        "Evolution": "evolution",
        "Genetic": "genetic",
        "HopSkipJump": "hop_skip_jump",
        "Geometric": "geometric",
        "Boundary": "boundary",
        "LeafTuples": "leaf_tuples",
        "Transfer": "transfer",
    },
)
