"""Searches: how a move is chosen inside a shift."""

from __future__ import annotations

from shiftproof.registry import package_of_parts

searches, __all__, __getattr__ = package_of_parts(
    __name__,
    "search",
    base="abstract:Search",
    parts={
        "one_draw": "one_draw:OneDraw",
        "best_of_n": "best_of_n:BestOfN",
        "grid": "grid:Grid",
        "gradient_ascent": "gradient_ascent:GradientAscent",
        "cascade": "cascade:Cascade",
        "query_cascade": "query_cascade:QueryCascade",
        "auto_step": "auto_step:AutoStep",
        "auto_step_targeted": "auto_step_targeted:AutoStepTargeted",
        "single_step": "single_step:SingleStep",
        "iterated_step": "iterated_step:IteratedStep",
        "momentum_ascent": "momentum_ascent:MomentumAscent",
        "nesterov_ascent": "nesterov_ascent:NesterovAscent",
        "boundary_projection": "boundary_projection:BoundaryProjection",
        "boundary_projection_targeted": "boundary_projection:BoundaryProjectionTargeted",
        "fast_minimum_norm": "fast_minimum_norm:FastMinimumNorm",
        "decoupled_direction_norm": "decoupled_direction_norm:DecoupledDirectionNorm",
        "deepfool": "deepfool:DeepFool",
        "carlini_wagner": "carlini_wagner:CarliniWagner",
        "elastic_net": "elastic_net:ElasticNet",
        "sigma_zero": "sigma_zero:SigmaZero",
        "saliency": "saliency:Saliency",
        "expectation": "expectation:Expectation",
        "square": "square:Square",
        "sparse_random": "sparse_random:SparseRandom",
        "gradient_estimate": "gradient_estimate:GradientEstimate",
        "bandits": "bandits:Bandits",
        "simple": "simple:Simple",
        "genetic": "genetic:Genetic",
        "exhaustive": "exhaustive:Exhaustive",
        "greedy": "greedy:Greedy",
        "beam": "beam:Beam",
        "evolution": "evolution:Evolution",
        "hop_skip_jump": "hop_skip_jump:HopSkipJump",
        "geometric": "geometric:Geometric",
        "boundary": "boundary:Boundary",
        "leaf_tuples": "leaf_tuples:LeafTuples",
        "targeted": "targeted:Targeted",
    },
    also=(
        "abstract:Incumbent",
        "transfer:Transfer",
    ),
)
