"""The command line: `shiftproof COMMAND`. Each command lives in its own file and is imported when it is used."""

from __future__ import annotations

import importlib
import io
import os
import sys
import traceback
import warnings
from typing import TextIO

import click

from shiftproof import __version__
from shiftproof._errors import StoredFileWarning, UsageError
from shiftproof._secrets import remember_url, shown
from shiftproof.cli._streams import Streams, open_streams
from shiftproof.cli._supervised import can_supervise, supervised

COMMANDS = {
    "audit": "Measure how far a model can be trusted when the world moves.",
    "severity": "Follow a shift as it grows, for one model or several.",
    "stress": "See how much the mix of examples may shift before a model breaks, and where.",
    "trust": "Ask whether a model's confidence can be trusted, before and after each shift.",
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
_NO_VERDICT = "Take the sys.exit() out of it; nothing was judged."
_ASKS_FOR_HELP = {"-h", "--help", "--version"}


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

    def invoke(self, ctx: click.Context) -> int | None:
        """Runs the command; a model that leaves the program by `sys.exit` has not come to a verdict."""
        try:
            code: int | None = super().invoke(ctx)
        except SystemExit as end:
            raise UsageError(
                f"The model, or code that it loads, ended the program ({end.code!r}) before the verdict. {_NO_VERDICT}"
            ) from end
        return code

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="shiftproof")
def app() -> None:
    """How far can a model be trusted when the world moves?

    Exit codes: 0 held, 1 the gate failed, 2 could not run or ended before a verdict, 130 interrupted (run again to go on), above 128
    ended by a signal.
    """


def _tell(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, file: TextIO | None = None, line: str | None = None
) -> None:
    """A warning as a line: ours without the place in our code that noticed."""
    ours = issubclass(category, StoredFileWarning)
    told = f"shiftproof: {message}" if ours else warnings.formatwarning(message, category, filename, lineno, line).rstrip()
    click.echo(told, file, err=True)


def main() -> None:
    """The entry point: the command runs in a process of its own, whose verdict decides the exit code.

    A reader of standard output that has gone (`| head`) is no error. What cannot be written there for another reason, such as a full disk,
    is said, with exit code 2.
    """
    asks = "_SHIFTPROOF_COMPLETE" in os.environ or not _ASKS_FOR_HELP.isdisjoint(sys.argv[1:])  # a shell completes a word
    if asks or not can_supervise():
        sys.exit(outcome())
    streams = open_streams()
    sys.exit(supervised(lambda: _written(outcome(), streams)))


def outcome() -> int:
    """Runs the command and returns its exit code: user mistakes are one line and 2, never a traceback. Nothing secret is printed."""
    for word in sys.argv[1:]:
        remember_url(word)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _tell
            return app.main(prog_name="shiftproof", standalone_mode=False) or HELD
    except (click.exceptions.Abort, KeyboardInterrupt):  # click makes an Abort of Ctrl-C
        click.echo("Interrupted. What is finished is kept: the same command goes on from there.", err=True)
        return INTERRUPTED
    except click.ClickException as error:
        _show(error)
    except UsageError as error:
        click.echo(f"shiftproof: {error}", err=True)
    except SystemExit as end:  # click's own: it has completed a word for a shell, or nobody reads what a program that calls us prints
        if not isinstance(end.__context__, BrokenPipeError):
            raise
    except BaseException:  # a defect of ours or of a plugin: told in full, and never with the exit code of a gate that failed
        click.echo(shown(traceback.format_exc()).rstrip(), err=True)
    return COULD_NOT_RUN


def _show(error: click.ClickException) -> None:
    """What click says of a mistake in the command line, without what is secret in it."""
    said = io.StringIO()
    error.show(said)
    click.echo(shown(said.getvalue()).rstrip(), err=True)


def _written(code: int, streams: Streams) -> int:
    """The code, once standard output has been written; where it could not be, at least 2 unless the gate failed."""
    streams.out.flush()
    reasons = streams.lost.reasons
    if not reasons:
        return code
    click.echo(f"shiftproof: Standard output could not be written: {reasons[0]}. The run's own files are not concerned.", streams.err)
    return code or COULD_NOT_RUN
