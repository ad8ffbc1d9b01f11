"""A shell whose `shiftproof` is a copy of this process, which has loaded already what the program would load anew for each command."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from forked import forked

SHIM = """#!/usr/bin/env bash
if ! [ -e '{spool}/first' ]; then touch '{spool}/first'; exec '{real}' "$@"; fi
mine=$(mktemp -d '{spool}/XXXXXX')
mkfifo "$mine/code"
printf '%s\\0' "$@" > "$mine/words"
echo "$$ $mine" > '{spool}/queue'
read -r code < "$mine/code"
exit "$code"
"""
"""The first command is the installed program itself; each later one is told to the process that tests, which answers with the exit code."""


def shell(code: str, folder: Path, environment: Mapping[str, str], spool: Path) -> subprocess.CompletedProcess[str]:
    """Runs shell code in `folder`; `spool` holds what its commands and this process say to each other."""
    _prepared(spool)
    paths = {**environment, "PATH": f"{spool}{os.pathsep}{environment['PATH']}"}
    command = ["bash", "-eu", "-o", "pipefail", "-c", code]
    with (spool / "out").open("w+") as out, (spool / "err").open("w+") as err:
        queue = os.open(spool / "queue", os.O_RDWR | os.O_NONBLOCK)
        try:
            running = subprocess.Popen(command, cwd=folder, env=paths, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
            while running.poll() is None:
                if select.select([queue], [], [], 0.02)[0]:
                    for line in os.read(queue, 4096).decode().splitlines():
                        pid, mine = line.split(" ", 1)
                        (Path(mine) / "code").write_text(f"{_copied(pid, Path(mine))}\n")
        finally:
            os.close(queue)
        return subprocess.CompletedProcess(command, running.returncode, (spool / "out").read_text(), (spool / "err").read_text())


def _prepared(spool: Path) -> None:
    if not spool.exists():
        spool.mkdir()
        os.mkfifo(spool / "queue")
        shim = spool / "shiftproof"
        shim.write_text(SHIM.format(spool=spool, real=Path(sys.executable).parent / "shiftproof"))
        shim.chmod(0o755)


def _copied(asking: str, mine: Path) -> int:
    """The exit code of the program, run in a copy of this process with the words, folder, settings and streams of the process that asks."""

    def program() -> None:
        code = _program(Path("/proc") / asking, (mine / "words").read_text().split("\0")[:-1])
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 0 if code is None else 1)

    return forked(program)


def _program(asking: Path, words: list[str]) -> object:
    os.chdir(asking / "cwd")
    os.environ.clear()
    parts = [line.partition("=") for line in (asking / "environ").read_text().split("\0")]
    os.environ.update({name: value for name, is_set, value in parts if is_set})
    for stream, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(asking / "fd" / str(stream), os.O_WRONLY | os.O_APPEND), stream)
        setattr(sys, name, os.fdopen(os.dup(stream), "w", encoding="utf-8"))
    sys.argv = ["shiftproof", *words]
    from shiftproof.cli.main import main

    try:
        main()
    except SystemExit as left:
        return left.code
    return 0
