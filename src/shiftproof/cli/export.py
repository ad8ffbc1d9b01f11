"""`shiftproof export`."""

from __future__ import annotations

from pathlib import Path

import click

from shiftproof.cli._options import OUT, SHIFT, FileOr, PartSpec, data_option, needed, out_folder
from shiftproof.cli._say import say


@click.command("export")
@data_option("Texts with accepted answers: 'jsonl:FILE?text=KEY&target=KEY'.")
@click.option("--limit", type=int, help="Use only the first N examples.")
@click.option("--prompt", metavar="FILE", type=FileOr(), help="A TOML file: the prompt into which the texts are written.")
@click.option("--shift", "specs", multiple=True, required=True, metavar="SPEC", type=SHIFT, help="A shift. May be repeated.")
@click.option("--judge", metavar="SPEC", type=PartSpec("judges"), default="exact_match", help="What counts as correct. [exact_match]")
@click.option("--to", "tools", multiple=True, metavar="TOOL", default=("inspect",), help="inspect or lm-eval. May be repeated. [inspect]")
@click.option("--name", default="perturbed", help="Name of the task. [perturbed]")
@click.option("--seed", type=int, default=0, help="Seed of the draws. [0]")
@click.option("--out", metavar="DIR", type=OUT, required=True, help="Folder of the task.")
def command(
    data: str | None,
    limit: int | None,
    prompt: str | None,
    specs: tuple[str, ...],
    judge: str,
    tools: tuple[str, ...],
    name: str,
    seed: int,
    out: str,
) -> int:
    """Write a perturbed set as a task of inspect or lm-eval; `shiftproof report LOG` reads what they log of it in pairs.

    \b
    shiftproof export --data "jsonl:q.jsonl?text=question&target=answer" --shift "typos(edits=1)" --to inspect --out tasks/qa
    """  # noqa: D301  # \b is click's mark for lines to keep
    from shiftproof._writing import disk_error
    from shiftproof.data.load import load_data
    from shiftproof.data.prompted import Prompted
    from shiftproof.data.prompts import read_prompt
    from shiftproof.integrations.exported_set import export_set
    from shiftproof.judges import judges
    from shiftproof.shifts import shifts

    source = load_data(needed("data", data, "'jsonl:q.jsonl?text=question&target=answer'"), limit=limit)
    if prompt is not None:
        source = Prompted(source, read_prompt(Path(prompt)))
    folder = out_folder(Path(out))
    try:
        files = export_set(
            source, [shifts.build(spec) for spec in specs], folder, judge=judges.build(judge), tools=tools, name=name, seed=seed
        )
    except OSError as error:
        raise disk_error(folder, error) from error
    for file in files:
        say(f"Written: {file}")
    return 0
