"""The command line: `shiftproof COMMAND`. Each command lives in its own file and is imported when it is used."""

from __future__ import annotations

import importlib
import sys
import traceback
import warnings
from typing import TextIO

import click

from shiftproof import __version__
from shiftproof._errors import StoredFileWarning, UsageError

COMMANDS = {
    "audit": "Measure how far a model can be trusted when the world moves.",
    "severity": "Follow a shift as it grows, for one model or several.",
    "stress": "See how much the mix of examples may shift before a model breaks, and where.",
    "report": "Show a run again, and rewrite its page.",
    "compare": "Put runs side by side, with paired tests.",
    "defend": "Compare defences, each under the attack that knows it.",
    "train": "Train a network by a defence, and keep its best epoch under attack.",
    "study": "Measure published claims again.",
    "transfer": "Try failures of one model on another.",
    "line": "Put models on the line: accuracy elsewhere against accuracy at home.",
    "frequency": "See which frequencies a model lives on, and which break it.",
    "leaderboard": "Rank many runs, only where they can be compared.",
    "verify": "Decide whether a network has a property, with a proof or a counterexample.",
    "list": "List the shifts, searches, risks, certificates, defences, training methods, studies and data sources.",
    "cite": "Print the BibTeX of everything that a run used.",
    "check": "Run the conformance suite on a part of your own.",
}
HELD, FAILED, COULD_NOT_RUN, INTERRUPTED = 0, 1, 2, 130


class Commands(click.Group):
    """Finds each command in the file of its name, so that help loads none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"shiftproof.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="shiftproof")
def app() -> None:
    """How far can a model be trusted when the world moves?

    Exit codes: 0 held, 1 the gate failed, 2 could not run, 130 interrupted (run again to go on).
    """


def _tell(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, file: TextIO | None = None, line: str | None = None
) -> None:
    """A warning as a line: ours without the place in our code that noticed."""
    ours = issubclass(category, StoredFileWarning)
    told = f"shiftproof: {message}" if ours else warnings.formatwarning(message, category, filename, lineno, line).rstrip()
    click.echo(told, file, err=True)


def main() -> None:
    """The entry point: user mistakes are one line and exit 2, never a traceback."""
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _tell
            code = app.main(prog_name="shiftproof", standalone_mode=False)
    except (click.exceptions.Abort, KeyboardInterrupt):  # click makes an Abort of Ctrl-C
        click.echo("Interrupted. What is finished is kept: the same command goes on from there.", err=True)
        code = INTERRUPTED
    except click.ClickException as error:
        error.show()
        code = COULD_NOT_RUN
    except UsageError as error:
        click.echo(f"shiftproof: {error}", err=True)
        code = COULD_NOT_RUN
    except Exception:  # a defect of ours or of a plugin: told in full, and never with the exit code of a gate that failed
        traceback.print_exc()
        code = COULD_NOT_RUN
    sys.exit(code or HELD)
