"""`shiftproof rewrite`."""

from __future__ import annotations

from pathlib import Path

import click

from shiftproof.cli._say import say


@click.command("rewrite")
@click.option("--data", required=True, metavar="URI", help="Texts, such as csv:reviews.csv?text=review&label=sentiment.")
@click.option("--shift", "specs", multiple=True, required=True, metavar="SPEC", help="Edits, such as 'typos(edits=2)'. May be repeated.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The JSONL file to write.")
@click.option("--limit", type=click.IntRange(min=1), help="Use only the first N texts.")
@click.option("--seed", type=int, default=0, help="Seed of the draws. [0]")
def command(data: str, specs: tuple[str, ...], out: Path, limit: int | None, seed: int) -> int:
    """Write edited texts with what the guard says of each, for people to read and for the shift stored.

    \b
    shiftproof rewrite --data "csv:reviews.csv?text=review&label=sentiment" --shift "typos(edits=2)" --out edited.jsonl
    shiftproof audit --model mine.py:model --data "csv:reviews.csv?text=review&label=sentiment" --out runs/read
        --shift "stored(edits=1, file='edited.jsonl')"
    """  # noqa: D301  # \b is click's mark for lines to keep
    import json
    from collections import Counter

    from shiftproof._errors import UsageError
    from shiftproof._urls import check_file
    from shiftproof._writing import write_atomic
    from shiftproof.data.load import load_data
    from shiftproof.data.space import TextSpace
    from shiftproof.measures.text_guard import guard
    from shiftproof.randomness import Rng
    from shiftproof.shifts import shifts
    from shiftproof.shifts.text.edit_cost import edit_cost

    check_file(out, "--out")
    source = load_data(data, limit=limit)
    if not isinstance(source.space, TextSpace):
        raise UsageError(
            f"rewrite edits texts, and the inputs of '{source.uri}' are of kind '{source.space.kind}'. Name their column: ?text=."
        )
    lines: list[str] = []
    for spec in specs:
        shift = shifts.build(spec).within(source.space)
        counts: Counter[str] = Counter()
        for batch in source.batches(1024):
            moved = shift.apply(batch.x, shift.sample(batch.x, Rng.for_ids(seed, batch.ids)))
            for name, before, after in zip(batch.ids.tolist(), batch.x, moved, strict=True):
                if before == after:
                    counts["same"] += 1
                    continue
                found = guard(str(before), str(after))
                counts[found.verdict] += 1
                cost = edit_cost(before, after)
                row = {"id": name, "kind": spec, "text": before, "edited": after, "meaning": found.verdict, "why": [*found.reasons]}
                lines.append(json.dumps({**row, "letters": cost.letters, "words": cost.words}, ensure_ascii=False))
        same = f"; {counts['same']} cannot be edited" if counts["same"] else ""
        say(f"{spec}: {counts['kept']} kept, {counts['changed']} changed, {counts['person']} need a person{same}")
    write_atomic(out, "".join(f"{line}\n" for line in lines).encode())
    say(f"Written: {out} ({len(lines)} texts)")
    return 0
