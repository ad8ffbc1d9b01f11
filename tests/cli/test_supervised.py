"""Whatever ends a command before its verdict never has the exit code of one; streams that cannot be written decide nothing."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from small_runs import record, write_nets

START = """
import atexit, ctypes, os, signal, sys, threading
from os import _exit as kept
import click
from shiftproof.cli import main as cli

def command():
{body}
    return 0

cli.app = click.Command("planted", callback=command)
sys.argv[1:] = []
cli.main()
"""
"""The entry point, with a command in the place of ours: it says `body` and comes to the verdict 0."""


def planted(body: str, *, stdout: int | None = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    code = START.format(body="\n".join(f"    {line}" for line in body.splitlines()))
    return subprocess.run(
        [sys.executable, "-c", code], stdout=stdout, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, timeout=60, check=False
    )


ENDINGS = {
    "sys.exit": "sys.exit(0)",
    "quit": "quit()",
    "os._exit": "os._exit(0)",
    "os._exit with the code of a gate that failed": "os._exit(1)",
    "os._exit, taken before": "kept(0)",
    "C's exit": "ctypes.CDLL(None).exit(0)",
    "C's _exit": "ctypes.CDLL(None)._exit(0)",
    "a thread": "t = threading.Thread(target=kept, args=(0,))\nt.start()\nt.join()",
    "GeneratorExit": "raise GeneratorExit",
    "a BaseException": "raise BaseException('planted')",
    "descriptors closed": "os.closerange(3, 99)\nkept(0)",
}


@pytest.mark.parametrize("body", ENDINGS.values(), ids=list(ENDINGS))
def test_an_end_before_the_verdict_is_2(body: str) -> None:
    ended = planted(body)
    assert ended.returncode == 2
    assert ended.stderr.strip(), "it is said"


@pytest.mark.parametrize("name", ["SIGKILL", "SIGSEGV", "SIGABRT"])
def test_a_signal_has_its_own_code_and_is_said(name: str) -> None:
    ended = planted(f"os.kill(os.getpid(), signal.{name})")
    assert ended.returncode == 128 + getattr(signal, name)
    assert f"Signal {name} ended the run before its verdict" in ended.stderr


def test_what_happens_after_the_verdict_does_not_change_it() -> None:
    assert planted("atexit.register(kept, 0)\nraise click.UsageError('planted')").returncode == 2
    assert planted("atexit.register(kept, 1)").returncode == 0


def test_a_reader_that_has_gone_is_no_error() -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        ended = planted("click.echo('x' * 10**6)\nprint('y')", stdout=write)
    finally:
        os.close(write)
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_is_said_and_is_no_gate_that_failed() -> None:
    with Path("/dev/full").open("w") as full:
        ended = planted("click.echo('the summary')", stdout=full.fileno())
    assert ended.returncode == 2
    assert "Standard output could not be written: No space left on device" in ended.stderr


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_streams_decide_nothing(closed: str, tmp_path: Path) -> None:
    """No file that is opened later gets the number of a closed stream, and with it what is printed."""
    body = "\n".join(
        f"    {line}" for line in ("f = open('later', 'w')", "click.echo('printed')", "click.echo('said', err=True)", "f.close()")
    )
    (tmp_path / "planted.py").write_text(START.format(body=body))
    done = subprocess.run(f"'{sys.executable}' planted.py {closed}", shell=True, cwd=tmp_path, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0
    assert (tmp_path / "later").read_text() == ""


@pytest.mark.parametrize("body", ["sys.stdout.close()", "os.close(1)", "sys.stdout = None"])
def test_a_model_that_closes_the_output_does_not_take_the_summary(body: str) -> None:
    ended = planted(f"{body}\nclick.echo('summary')")
    assert ended.returncode == 0
    assert ended.stdout == ("" if "None" in body else "summary\n")


def test_the_child_dies_with_its_supervisor() -> None:
    code = START.format(body="    print(os.getpid(), flush=True)\n    import time\n    time.sleep(60)")
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        child = int(run.stdout.readline())
        run.kill()
    assert run.returncode == -signal.SIGKILL
    for _ in range(100):
        if gone(child):
            break
        time.sleep(0.05)
    assert gone(child)


def gone(process: int) -> bool:
    """True where no such process runs; one that nobody has waited for yet counts as gone."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@pytest.mark.parametrize("whole_group", [False, True], ids=["the process", "its group"])
def test_an_interrupt_arrives_once(whole_group: bool) -> None:
    body = "    import time\n    try:\n        print('ready', flush=True)\n        time.sleep(60)\n"
    body += "    except KeyboardInterrupt:\n        time.sleep(0.3)\n        print('cleaned', flush=True)\n        raise\n"
    arguments = [sys.executable, "-c", START.format(body=body)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == "ready\n"
        (os.killpg if whole_group else os.kill)(run.pid, signal.SIGINT)
        out, err = run.communicate(timeout=30)
    assert run.returncode == 130, err
    assert out.endswith("cleaned\n"), "a second interrupt would have broken what the first one began"
    assert "Interrupted." in err


def test_once_takes_a_quick_second_for_the_first() -> None:
    from shiftproof._interrupt import Once

    handler = Once()
    with pytest.raises(KeyboardInterrupt):
        handler(signal.SIGINT, None)
    handler(signal.SIGINT, None)


AUDIT = ("--data", "digits:", "--limit", "40", "--shift", "linf(eps=0.05)", "--search", "gradient_ascent(steps=5)", "--out", "run")
NETS = """
import os, sys, torch
class M(torch.nn.Module):
    def __init__(self, act):
        super().__init__()
        self.linear, self.act, self.calls = torch.nn.Linear(64, 10), act, 0
    def forward(self, x):
        self.calls += 1
        self.act(self.calls)
        return self.linear(x.flatten(1))
def made(act):
    torch.manual_seed(0)
    return M(act)
def leaves(): return made(lambda n: os._exit(0) if n == 4 else None)
def quits(): return made(lambda n: sys.exit(0) if n == 4 else None)
def moves(): return made(lambda n: os.chdir("/") if n == 1 else None)
def quits_at_once(): return made(lambda n: sys.exit(0))
"""


def audit(folder: Path, model: str, *more: str) -> subprocess.CompletedProcess[str]:
    (folder / "ends.py").write_text(NETS)
    words = ["audit", "--model", f"ends.py:{model}", *AUDIT, "--fail-on", "accuracy < 0.1%", *more]
    return subprocess.run([sys.executable, "-m", "shiftproof", *words], cwd=folder, capture_output=True, text=True, check=False)


def test_a_model_that_leaves_passes_no_gate(tmp_path: Path) -> None:
    (tmp_path / "gate.xml").write_text("<testsuites failures='0'/>")  # of an earlier run
    ended = audit(tmp_path, "leaves", "--quiet", "--junit", "gate.xml")
    assert ended.returncode == 2
    assert "ended itself (exit status 0) before its verdict" in ended.stderr
    assert not (tmp_path / "gate.xml").exists()


def test_a_cell_that_quits_leaves_the_run_incomplete(tmp_path: Path) -> None:
    ended = audit(tmp_path, "quits", "--quiet")
    assert ended.returncode == 2
    assert re.search(r"Incomplete: 1 part of the run did not finish\. First: .* under .*, failed", ended.stderr)
    assert record(tmp_path / "run")["complete"] is False


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["serial", "processes"])
@pytest.mark.parametrize("model", ["leaves", "quits", "quits_at_once"])
def test_every_backend(tmp_path: Path, backend: str, model: str) -> None:
    assert audit(tmp_path, model, "--backend", backend).returncode == 2


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["serial", "processes"])
def test_a_model_that_moves_loses_nothing(tmp_path: Path, backend: str) -> None:
    assert audit(tmp_path, "moves", "--backend", backend).returncode == 0
    assert record(tmp_path / "run")["complete"] is True


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        "severity --model ends.py:leaves --shift gaussian_noise --limit 40",
        "frequency --model ends.py:leaves --limit 40 --out f",
        "transfer --model ends.py:leaves --model ends.py:moves --shift linf(eps=0.1) --limit 40 --out t",
        "defend ends.py:leaves --threat linf(eps=0.1) --unseen l2(eps=0.2) --defence jpeg --limit 40 --out d",
        "train ends.py:leaves --data digits:?split=train --method plain --epochs 1 --limit 400 --out tr",
        "check ends.py:left",
    ],
    ids=lambda words: words.split()[0],
)
def test_every_command(tmp_path: Path, words: str) -> None:
    write_nets(tmp_path)
    (tmp_path / "ends.py").write_text(NETS + ("os._exit(0)" if "left" in words else ""))
    ended = subprocess.run([sys.executable, "-m", "shiftproof", *words.split()], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "before its verdict" in ended.stderr
