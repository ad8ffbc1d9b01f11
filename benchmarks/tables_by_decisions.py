"""Tree ensembles on a table, attacked by decisions only: what breaks, at how many queries, and whether every adversarial row is legal.

`python -m benchmarks.tables_by_decisions FILE.csv --label income --immutable age,education_num --out table.json`

Categories and immutable columns must stay, whole numbers stay whole, and each column within its range.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier

import shiftproof as sp
from benchmarks.timing import cpu
from shiftproof.searches import LeafTuples, searches
from shiftproof.searches.abstract import Search
from shiftproof.shifts import shifts
from shiftproof.shifts.norms.ball import Ball

SHIFTS = ("linf(eps=0.1)", "l2(eps=0.1)")
SEARCHES = ("hop_skip_jump", "boundary", "geometric", "leaf_tuples")
TRAINED = 0.8
"""The share of the rows that the models learn from."""


def illegal(examples: sp.Examples, shift: Ball, finding: sp.Finding) -> int:
    """How many of the rows that broke the model break a rule: counted from the moved rows alone, not by the library's own check."""
    x = examples.x.numpy()
    moved = shift.apply(examples.x, torch.from_numpy(np.nan_to_num(finding.params)).to(examples.x)).numpy()
    wrong = np.zeros(len(x), dtype=bool)
    share = np.zeros(x.shape)
    for at, column in enumerate(examples.space.columns):
        if column.kind == "categorical":
            wrong |= moved[:, at] != x[:, at]
            continue
        wrong |= (moved[:, at] < column.low) | (moved[:, at] > column.high)
        if column.kind == "integer":
            wrong |= moved[:, at] != np.round(moved[:, at])
        share[:, at] = (moved[:, at] - x[:, at]) / max(column.high - column.low, 1e-12)
    size = np.abs(share).max(1) if shift.name == "linf" else np.linalg.norm(share, axis=1)
    wrong |= size > shift.eps * (1 + 1e-4)
    return int(wrong[finding.outcome == "broken"].sum())


def measure(model: object, name: str, examples: sp.Examples, *, queries: int) -> list[dict[str, object]]:
    """One line for each shift and search."""
    lines: list[dict[str, object]] = []
    wrapped = sp.as_model(model, name=name)  # type: ignore[arg-type]
    for spec in SHIFTS:
        shift = shifts.build(spec).within(examples.space)
        assert isinstance(shift, Ball)
        for kind in SEARCHES:
            search: Search = LeafTuples.of(model) if kind == "leaf_tuples" else searches.build(f"{kind}(queries={queries})")  # type: ignore[arg-type]
            line: dict[str, object] = {"model": name, "shift": spec, "search": kind}
            objection = search.objection(shift)
            if objection:
                lines.append({**line, "left_out": objection})
                continue
            found: list[sp.Finding] = []
            seconds = cpu(lambda: found.append(sp.confront(wrapped, shift, search=search, examples=examples)))  # noqa: B023
            finding = found[0]
            attacked = finding.outcome != "skipped"
            broken = finding.outcome == "broken"
            line |= {
                "attacked": int(attacked.sum()),
                "broken": int(broken.sum()),
                "success": float(broken.sum() / attacked.sum()),
                "queries": float(finding.forwards[attacked].mean()),
                "queries_to_break": float(np.median(finding.forwards[broken])) if broken.any() else None,
                "illegal_rows": illegal(examples, shift, finding),
                "cpu_seconds": seconds,
            }
            lines.append(line)
            print(json.dumps(line), flush=True)
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("csv", type=Path)
    parser.add_argument("--label", required=True)
    parser.add_argument("--immutable", default="", help="columns of numbers that must stay, split at commas; categories stay anyway")
    parser.add_argument("--rows", type=int, default=100)
    parser.add_argument("--queries", type=int, default=500)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    immutable = f"&categorical={options.immutable}" if options.immutable else ""
    data = sp.load_data(f"csv:{options.csv}?label={options.label}{immutable}").take(slice(None))
    order = np.random.default_rng(0).permutation(len(data))
    cut = int(TRAINED * len(data))
    x, y = data.x.numpy(), data.y.numpy()
    test = data[order[cut : cut + options.rows]]
    models = {
        "random_forest": RandomForestClassifier(100, max_depth=10, random_state=0),
        "gradient_boosting": GradientBoostingClassifier(random_state=0),
    }
    lines = []
    for name, model in models.items():
        model.fit(x[order[:cut]], y[order[:cut]])
        print(f"{name}: accuracy {model.score(test.x.numpy(), test.y.numpy()):.3f}", flush=True)
        lines += measure(model, name, test, queries=options.queries)
    if options.out:
        options.out.write_text(json.dumps(lines, indent=2) + "\n")


if __name__ == "__main__":
    main()
