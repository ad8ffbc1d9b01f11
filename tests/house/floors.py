"""The floors of the house: every package and module directly under `shiftproof`, the lowest first. Imports go down only.

Names on one floor do not import each other. Imports inside functions and under TYPE_CHECKING count. What goes up stands in `UP` with its
reason; a package that no floor names, a further import that goes up and a circle of files are red in `test_floors.py`.
"""

from __future__ import annotations

FLOORS: tuple[tuple[str, ...], ...] = (
    # words that everything uses
    ("_arrays", "_called", "_interrupt", "_lazy", "_memory", "_printable", "_references", "_rows", "_secrets", "outcomes", "randomness"),
    ("shiftproof", "_errors"),
    # data and losses, and the base class of parts
    ("_imports", "_part", "_urls", "_writing", "data", "losses"),
    ("_cost", "_identity", "_sealed", "finding", "registry"),
    # models, moves and weights
    ("_batches", "_tensors", "models", "risks", "shifts"),
    # what is written, and proofs
    ("certificates", "confidence", "records", "sklearn"),
    ("judges", "measures", "suites"),
    ("oracle",),
    ("searches",),
    # the one door
    ("gate", "preflight"),
    ("_verdict_flags",),
    ("door",),
    # what is made with the door
    ("attack_smoothed", "certify", "defences", "diagnostics", "sampled_bounds", "training"),
    # the engine, the pages, the contract of parts
    ("conformance", "reports", "runs"),
    ("evaluation",),
    ("integrations", "pytest_plugin", "studies"),
    ("catalogue",),
    ("leaderboard",),
    # commands
    ("cli",),
    ("__main__",),
)

MOST_UP = 8

UP: dict[tuple[str, str], str] = {
    ("shiftproof._identity.table", "shiftproof.catalogue"): "a part may name another package's part in an option, whose code then counts",
    ("shiftproof.evaluation.parts", "shiftproof.catalogue"): "a name under the wrong option is told the right one, whatever its kind",
    ("shiftproof.reports.cite", "shiftproof.catalogue"): "the papers of a record are those of the parts that it names, whatever their kind",
    (
        "shiftproof.sklearn.scorer",
        "shiftproof.evaluation.robust_check",
    ): "a scorer of scikit-learn measures: it is beside the estimators, where its users look, and imports the measuring late",
}
"""Imports that go up, (module, imported module), each with its reason."""
