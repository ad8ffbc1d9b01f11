"""Properties of published networks, decided: `python -m benchmarks.verification FOLDER --out RESULTS.jsonl`.

FOLDER holds one folder or more with an `*instances.csv` (network, property, seconds a line), as the verification competitions publish them.
Each instance is one line of RESULTS.jsonl; the same call again goes on where it stopped. With `--verdicts FILE.csv.gz` (columns category,
onnx, vnnlib, consensus) instances on which other tools agreed come first, and the answers are compared with theirs. The limit counts this
process's own computing, not wall time: machines are shared, and the same limit must mean the same work.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import torch

from shiftproof.certificates.bounds.verify import verify

AGREED = ("holds", "violated")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--timeout", type=float, default=20.0, help="seconds of computing for one instance [20]")
    parser.add_argument("--verdicts", type=Path, help="what other tools agreed on")
    parser.add_argument("--only", default="", help="instances whose folder, network or property has this in its name")
    options = parser.parse_args()
    torch.set_num_threads(1)
    done = {(r["onnx"], r["vnnlib"]) for r in results(options.out)}
    todo = [entry for entry in instances(options.folder) if options.only in " ".join(map(str, entry))]
    if options.verdicts:
        known = consensus(options.verdicts)
        todo.sort(key=lambda entry: known.get((entry[0].parent.name, entry[0].name, entry[1].name)) not in AGREED)
    for network, property_ in todo:
        key = (f"{network.parent.name}/{network.name}", property_.name)
        if key in done:
            continue
        began = time.process_time()
        verdict = verify(network, property_, timeout=options.timeout, clock=time.process_time)
        line = {
            "onnx": key[0],
            "vnnlib": key[1],
            "answer": verdict.answer,
            "reason": verdict.reason,
            "explored": verdict.explored,
            "excess": verdict.excess,
            "computing_seconds": round(time.process_time() - began, 3),
            "seconds": round(verdict.seconds, 3),
            "timeout": options.timeout,
        }
        with options.out.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line) + "\n")
        print(json.dumps(line), flush=True)
    if options.verdicts:
        print(json.dumps(compared(options.out, options.verdicts), indent=2))


def instances(folder: Path) -> Iterator[tuple[Path, Path]]:
    """Every network and property that the lists under `folder` name."""
    for table in sorted(folder.rglob("*instances.csv")):
        with table.open(newline="", encoding="utf-8") as stream:
            for row in csv.reader(stream):
                yield table.parent / row[0], table.parent / row[1]


def results(path: Path) -> list[dict[str, object]]:
    """The lines so far."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.is_file() else []


def consensus(verdicts: Path) -> dict[tuple[str, str, str], str]:
    """What other tools came to, by category, network and property."""
    with gzip.open(verdicts, "rt", encoding="utf-8") as stream:
        rows = csv.DictReader(stream)
        return {(row["category"], Path(row["onnx"]).name, Path(row["vnnlib"]).name): row["consensus"] for row in rows}


def compared(path: Path, verdicts: Path) -> dict[str, dict[str, object]]:
    """By folder: how many were decided, and whether any answer contradicts what the others agreed on."""
    agreed = consensus(verdicts)
    table: dict[str, dict[str, object]] = {}
    for result in results(path):
        category, network = str(result["onnx"]).split("/")
        known = agreed.get((category, network, str(result["vnnlib"])), "unlisted")
        entry = table.setdefault(category, {"counts": Counter(), "contradictions": []})
        counts, clashes = entry["counts"], entry["contradictions"]
        assert isinstance(counts, Counter)
        assert isinstance(clashes, list)
        counts[f"{known}: {result['answer']}"] += 1
        if known in AGREED and result["answer"] in AGREED and result["answer"] != known:
            clashes.append(f"{network} {result['vnnlib']}")
    for entry in table.values():
        counts = entry["counts"]
        assert isinstance(counts, Counter)
        with_verdict = sum(n for key, n in counts.items() if key.split(":")[0] in AGREED)
        decided = sum(n for key, n in counts.items() if key.split(":")[0] in AGREED and not key.endswith("unknown"))
        entry["decided_of_agreed"] = f"{decided}/{with_verdict}"
        entry["counts"] = dict(sorted(counts.items()))
    return table


if __name__ == "__main__":
    main()
