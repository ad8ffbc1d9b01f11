"""`shiftproof schema`."""

from __future__ import annotations

import json

import click

from shiftproof.cli._options import FileOr
from shiftproof.cli._say import say


@click.command("schema")
@click.argument("what", type=FileOr("config", "audit"), default="config")
def command(what: str) -> int:
    """Print a JSON schema: of the TOML file that --config reads (config), or of audit.json (audit).

    An editor that knows schemas of TOML checks and completes the file, if its first line names the schema.

    \b
    shiftproof schema > shiftproof.schema.json
    """  # noqa: D301  # \b is click's mark for lines to keep
    from shiftproof._errors import unknown
    from shiftproof.evaluation.config import config_schema
    from shiftproof.records.audit import Audit

    if what not in ("config", "audit"):
        raise unknown("schema", what, ("config", "audit"))
    say(json.dumps(config_schema() if what == "config" else Audit.model_json_schema(), indent=2))
    return 0
