"""The command line: `shiftproof COMMAND`. Each command lives in its own file and is imported when it is used."""

from __future__ import annotations

import importlib
import io
import os
import sys
import time
import traceback
import warnings
from typing import TextIO

import click

from shiftproof import __version__
from shiftproof._errors import StoredFileWarning, UsageError
from shiftproof._interrupt import by_signal
from shiftproof._secrets import remember_url, without_secrets
from shiftproof.cli._say import say
from shiftproof.cli._streams import Streams, open_streams
from shiftproof.cli._supervised import can_supervise, supervised

COMMANDS = {
    "audit": "Measure a model's accuracy under shifts: attacks, corruptions, groups, other samples.",
    "severity": "Measure accuracy as a shift grows, for one model or several.",
    "stress": "Find how far the mix of examples can change before accuracy falls below a floor.",
    "drift": "Find which columns of a table moved between two samples, and what that has to do with accuracy.",
    "trust": "Measure whether confidence can be trusted: calibration, abstention, prediction sets, unfamiliar inputs.",
    "rewrite": "Write edited texts with a guard's verdict on each, for people to read.",
    "behave": "Run behavioural tests on a text classifier: what it must say, what must not matter, which way it must go.",
    "export": "Write a perturbed set as a task of inspect or lm-eval.",
    "report": "Show a finished run again and rewrite its page, or report what inspect, lm-eval or promptfoo logged.",
    "compare": "Compare runs side by side, with paired tests.",
    "defend": "Compare defences, each under an attack adapted to it.",
    "train": "Train a network, for example adversarially, and keep its best epoch under attack.",
    "study": "Reproduce published claims.",
    "transfer": "Test whether failures of one model transfer to others.",
    "line": "Fit out-of-distribution accuracy against in-distribution accuracy over many models.",
    "frequency": "Measure which image frequencies a model uses, and which break it.",
    "leaderboard": "Rank many runs, where they are comparable.",
    "verify": "Prove a property of a network, or find a counterexample.",
    "list": "List shifts, searches, certificates and all other parts by what they are for.",
    "explain": "Say what a part or a flag means, what it costs and which papers it comes from.",
    "cite": "Print BibTeX for the methods that a run used.",
    "check": "Run the conformance tests on a part of your own.",
    "schema": "Print the JSON schema of the TOML config, or of audit.json.",
    "completion": "Print what makes a shell complete commands, parts and files.",
}
HELD, FAILED, COULD_NOT_RUN, INTERRUPTED = 0, 1, 2, 130
_ENDED = "The model, or code that it loads,"
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
        """Runs the command; a model that leaves the program, by `sys.exit` or in the guise of Ctrl-C, has not come to a verdict."""
        try:
            code: int | None = super().invoke(ctx)
        except SystemExit as end:
            raise UsageError(f"{_ENDED} ended the program ({end.code!r}) before the verdict. {_NO_VERDICT}") from end
        except KeyboardInterrupt as stop:
            if by_signal(stop):
                raise
            raise UsageError(
                f"{_ENDED} raised KeyboardInterrupt before the verdict, and nobody pressed Ctrl-C. Nothing was judged."
            ) from stop
        except EOFError as end:  # which click takes for Ctrl-D at a question; we ask none
            raise RuntimeError(f"{_ENDED} read from an input that has ended.") from end
        return code

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="shiftproof")
def app() -> None:
    """How far can a model be trusted when the world moves?

    Exit codes: 0 success, 1 a --fail-on condition was true, 2 could not run or no verdict, 130 interrupted (run the same command again to
    continue), 128 + N ended by signal N.
    """


def _tell(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, file: TextIO | None = None, line: str | None = None
) -> None:
    """A warning as a line: ours without the place in our code that noticed."""
    ours = issubclass(category, StoredFileWarning)
    told = f"shiftproof: {message}" if ours else warnings.formatwarning(message, category, filename, lineno, line).rstrip()
    say(told, file, err=True)


def main() -> None:
    """The entry point: the command runs in a process of its own, whose verdict decides the exit code.

    A closed reader of standard output (`| head`) is not an error. Any other failure to write there, such as a full disk, is reported with
    exit code 2.
    """
    began = time.monotonic()
    asks = "_SHIFTPROOF_COMPLETE" in os.environ or not _ASKS_FOR_HELP.isdisjoint(sys.argv[1:])  # a shell completes a word
    if asks or not can_supervise():
        sys.exit(outcome(began))
    streams = open_streams()
    sys.exit(supervised(lambda: _written(outcome(began), streams)))


def outcome(began: float) -> int:
    """Runs the command and returns its exit code: user mistakes are one line and 2, never a traceback. Nothing secret is printed.

    Args:
        began: when the program did, on the monotonic clock; a command finds it in its context, so that a time limit can count the imports.
    """
    for word in sys.argv[1:]:
        remember_url(word)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _tell
            return app.main(prog_name="shiftproof", standalone_mode=False, obj=began) or HELD
    except (click.exceptions.Abort, KeyboardInterrupt):  # click makes an Abort of Ctrl-C
        say("Interrupted. What is finished is kept: the same command goes on from there.", err=True)
        return INTERRUPTED
    except click.ClickException as error:
        _show(error)
    except UsageError as error:
        say(f"shiftproof: {error}", err=True)
    except SystemExit as end:  # click's own: it has completed a word for a shell, or nobody reads what a program that calls us prints
        if not isinstance(end.__context__, BrokenPipeError):
            raise
    except BaseException:  # a defect of ours or of a plugin: told in full, and never with the exit code of a gate that failed
        say(without_secrets(traceback.format_exc()).rstrip(), err=True)
    return COULD_NOT_RUN


def _show(error: click.ClickException) -> None:
    """What click says of a mistake in the command line, without what is secret in it."""
    said = io.StringIO()
    error.show(said)
    say(without_secrets(said.getvalue()).rstrip(), err=True)


def _written(code: int, streams: Streams) -> int:
    """The code, once standard output has been written; where it could not be, at least 2 unless the gate failed."""
    streams.out.flush()
    reasons = streams.lost.reasons
    if not reasons:
        return code
    say(f"shiftproof: Standard output could not be written: {reasons[0]}. The run's own files are not concerned.", streams.err)
    return code or COULD_NOT_RUN
