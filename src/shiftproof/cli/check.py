"""`shiftproof check`."""

from __future__ import annotations

import click

from shiftproof.cli._say import say


@click.command("check")
@click.argument("target")
def command(target: str) -> int:
    """Run the conformance suite on TARGET: mypkg.shifts:MyShift or FILE.py:MyShift."""
    from shiftproof.conformance import check_part

    report = check_part(target)
    say(str(report))
    return 0 if report.passed else 1
