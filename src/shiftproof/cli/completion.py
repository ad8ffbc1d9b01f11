"""`shiftproof completion`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from shiftproof._errors import unknown
from shiftproof.cli._options import FileOr
from shiftproof.cli._say import say

SHELLS = ("bash", "zsh", "fish")


@click.command("completion")
@click.argument("shell", type=FileOr(*SHELLS))
def command(shell: str) -> int:
    """Print what makes SHELL (bash, zsh or fish) complete commands, options, names of parts and files.

    \b
    eval "$(shiftproof completion bash)"                                   # in ~/.bashrc
    eval "$(shiftproof completion zsh)"                                    # in ~/.zshrc
    shiftproof completion fish > ~/.config/fish/completions/shiftproof.fish
    """  # noqa: D301  # \b is click's mark for lines to keep
    from shiftproof.cli.main import app

    kind = get_completion_class(shell)
    if shell not in SHELLS or kind is None:
        raise unknown("shell", shell, SHELLS)
    say(kind(app, {}, "shiftproof", "_SHIFTPROOF_COMPLETE").source())
    return 0
