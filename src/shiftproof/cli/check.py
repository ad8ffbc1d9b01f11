"""`shiftproof check`."""

from __future__ import annotations

import click


@click.command("check")
@click.argument("target")
def command(target: str) -> int:
    """Run the conformance tests on a part of your own: FILE.py:MyShift or mypkg.shifts:MyShift."""
    from shiftproof.conformance import check_part

    report = check_part(target)
    click.echo(str(report))
    return 0 if report.passed else 1
