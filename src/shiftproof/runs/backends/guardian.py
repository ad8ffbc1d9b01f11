"""A program that outlives a killed run by half a second: it ends the workers that the run leaves behind, and whatever they have started.

It knows nothing of shiftproof and imports next to nothing. Its argument is the process id of the run; lines on its input name process
groups: +ID to end when the run is gone, -ID not to.
"""

from __future__ import annotations

import os
import select
import signal
import sys
from contextlib import suppress

_EVERY = 0.3
"""Seconds between two looks at the run."""


def main(run: int) -> None:
    """Waits until the run is gone, or says that it is done."""
    groups: set[int] = set()
    heard = b""
    while os.getppid() == run:
        if not select.select([0], [], [], _EVERY)[0]:
            continue
        said = os.read(0, 65536)
        if not said:
            break
        *lines, heard = (heard + said).split(b"\n")
        for line in lines:
            (groups.add if line.startswith(b"+") else groups.discard)(int(line[1:]))
    for group in groups:
        for end in (os.killpg, os.kill):  # a worker that has just begun has no group yet
            with suppress(OSError):
                end(group, signal.SIGKILL)


if __name__ == "__main__":
    main(int(sys.argv[1]))
