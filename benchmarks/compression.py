"""What attacks leave of a net behind codecs: the identity's gradient, ours, the cascade, and Square at many queries and at equal passes.

`python -m benchmarks.compression --net FILE.py:NAME --data npz:FILE --codec "jpeg(quality=75)" ...` attacks the first `--limit` images and
adds a row for each codec to the record; a row that is there already is replaced.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch

import shiftproof as sp
from benchmarks.__main__ import RESULTS
from shiftproof._memory import keep_freed_memory
from shiftproof.data.examples import Examples
from shiftproof.defences import defences
from shiftproof.defences.compression import Bytes, Compression
from shiftproof.models.abstract import Scores
from shiftproof.searches import searches

RECORD = RESULTS / sp.__version__ / "compression.json"
CLIMB, EQUAL = "auto_step(steps=100)", "square(queries=200)"
"""The climb takes 100 forwards and 100 backwards."""


@dataclass(frozen=True)
class WithoutRounding(Compression):
    """A codec of which nothing is known but its answers: the gradient is the identity's."""

    name: ClassVar[str] = "without_rounding"

    of: str = "jpeg"

    def coded(self, image: Bytes) -> Bytes:
        inner = defences.build(self.of)
        assert isinstance(inner, Compression)  # those that are measured here are
        return inner.coded(image)


def attacks(queries: int) -> dict[str, tuple[bool, str]]:
    """By name, whether the gradient is ours, and the search."""
    return {
        "ours": (True, CLIMB),
        "identity": (False, CLIMB),
        "square, equal passes": (False, EQUAL),
        "cascade": (True, "cascade"),
        "square": (False, f"square(queries={queries})"),
    }


def measured(net: Scores, codec: str, examples: Examples, eps: float, queries: int) -> Iterator[dict[str, Any]]:
    """How many of the images stay right under each attack, and what it cost: a row that grows by an attack at a time."""
    model = defences.build(codec)(net, space=examples.space)
    clean = int((model.labels(examples.x) == examples.y).sum())
    made: dict[str, Any] = {"net": net.name, "codec": codec, "eps": eps, "n": len(examples), "clean": clean, "queries": queries}
    made |= {"left": {}, "passes": {}}
    for name, (known, search) in attacks(queries).items():
        behind = model if known else WithoutRounding(codec)(net, space=examples.space)
        found = sp.confront(behind, sp.Linf(eps), search=searches.build(search), examples=examples)
        made["left"][name] = int(found.correct.sum())
        made["passes"][name] = int(found.forwards.sum() + found.backwards.sum())
        print(codec, name, made["left"][name], "of", len(examples), "passes", made["passes"][name], flush=True)
        yield made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--net", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--codec", action="append", default=[])
    parser.add_argument("--eps", type=float, default=4 / 255)
    parser.add_argument("--queries", type=int, default=5000)
    parser.add_argument("--limit", type=int, default=200)
    parser.add_argument("--record", type=Path, default=RECORD)
    options = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()
    examples = sp.load_data(options.data, limit=options.limit).take(slice(None))
    net = sp.load_model(options.net, name=options.net.rpartition(":")[2])
    assert isinstance(net, Scores)  # a torch module gives them
    for codec in options.codec:
        for row in measured(net, codec, examples, options.eps, options.queries):
            known = json.loads(options.record.read_text())["rows"] if options.record.exists() else []
            rows = sorted([each for each in known if each["codec"] != codec] + [row], key=lambda each: str(each["codec"]))
            options.record.write_text(json.dumps({"shiftproof": sp.__version__, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
