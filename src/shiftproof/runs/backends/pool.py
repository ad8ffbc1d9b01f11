"""Worker processes that each hold one job at a time. One that dies takes that job with it at most, and is replaced."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
import traceback
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import TracebackType
from typing import Generic

from shiftproof._memory import keep_freed_memory
from shiftproof.runs.job import Done, Job, Said

TRIES = 2
"""How often a job may take its worker with it before it has failed."""
_STARTS = 3
"""Workers in a row that may die before they are ready."""
_PATIENCE = 5.0
"""Seconds that workers have to leave by themselves when the work is done."""
_LOOK = 0.5
"""Seconds between two looks at whether workers live."""
_MOST_SAID = 100_000
"""Characters of a traceback that are kept: its end."""
NOTHING: Said = (None, False)


class Worker(Generic[Job]):
    """One process, the line to it, and the job that it holds."""

    def __init__(self, work: Callable[[Job], Done[Job]]) -> None:
        context = multiprocessing.get_context("spawn")  # a fork would inherit torch's threads in an undefined state
        self.line, theirs = context.Pipe()
        self.process: BaseProcess = context.Process(target=serve, args=(work, theirs))
        try:
            self.process.start()
        finally:
            theirs.close()
        self.ready = False
        self.job: Job | None = None

    def take(self, job: Job) -> None:
        """Gives it a job. Where it is dead already that shows as with any other."""
        self.job = job
        with suppress(OSError):
            self.line.send(job)

    def hear(self) -> tuple[bool, Said]:
        """Whether it lives, and what it said of its job."""
        try:
            if self.line.poll():
                return True, self.line.recv()
        except (EOFError, OSError):
            pass
        return False, NOTHING

    def end(self) -> None:
        """Ends it, with all that it has started."""
        pid = self.process.pid
        if pid is not None and sys.platform != "win32":
            with suppress(OSError):
                os.killpg(pid, signal.SIGKILL)
        self.process.kill()
        self.process.join()
        self.line.close()

    def how(self) -> str:
        """How it died by itself."""
        self.process.join(_PATIENCE)  # it has closed its line, and may be about to end
        code = self.process.exitcode
        if code is None:
            return "it closed its line to the run"
        return f"it left with exit code {code}" if code >= 0 else f"it was ended by {signal.Signals(-code).name}"


def serve(work: Callable[[Job], Done[Job]], line: Connection[Said, Job | None]) -> None:
    """The life of a worker."""
    if sys.platform != "win32":
        os.setpgrp()  # so that whatever the model starts ends with it
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the run's to handle: it ends the workers
    keep_freed_memory()
    me = os.getpid()
    line.send(NOTHING)
    while True:
        try:
            job = line.recv()
        except EOFError:  # the run is gone
            return
        if job is None:
            return
        try:
            error, elsewhere = work(job).said
        except BaseException:  # whatever ends a job belongs in its report, and the worker goes on
            error, elsewhere = traceback.format_exc(), False
        if os.getpid() != me:  # a copy that the model forked and that came out of it with us
            os._exit(1)
        line.send((error and error[-_MOST_SAID:], elsewhere))


class WorkerPool(Generic[Job]):
    """Up to `size` workers for one piece of work.

    Whatever happens to this process, its workers end: by its own hand where it can, else by the guardian's.
    """

    def __init__(self, work: Callable[[Job], Done[Job]], size: int) -> None:
        self.work = work
        self.size = size
        self.team: list[Worker[Job]] = []
        self.guardian: subprocess.Popen[bytes] | None = None
        self._bad_starts = 0

    def __enter__(self) -> WorkerPool[Job]:
        if sys.platform != "win32":
            program = [sys.executable, "-I", "-S", str(Path(__file__).with_name("guardian.py")), str(os.getpid())]
            quiet = subprocess.DEVNULL
            self.guardian = subprocess.Popen(  # noqa: S603  # a program of ours
                program, stdin=subprocess.PIPE, stdout=quiet, stderr=quiet, start_new_session=True
            )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self._dismiss()
        while self.team:
            self._bury(self.team[-1])
        if self.guardian is not None and self.guardian.stdin is not None:
            with suppress(OSError):
                self.guardian.stdin.close()
            self.guardian.wait()

    def run(self, jobs: Sequence[Job]) -> Iterator[Done[Job]]:
        """Every job as it is done, in any order."""
        waiting = deque(jobs)
        tries: Counter[str] = Counter()
        while waiting or any(worker.job is not None for worker in self.team):
            yield from self._staff(waiting)
            for worker in self._stirring():
                lives, said = worker.hear()
                job, worker.job = worker.job, None
                if not lives:
                    yield from self._died(worker, job, waiting, tries)
                elif job is not None:
                    yield Done(job, *said)
                else:
                    worker.ready, self._bad_starts = True, 0

    def _staff(self, waiting: deque[Job]) -> Iterator[Done[Job]]:
        """Gives jobs to those who have none, after hiring whom it takes."""
        busy = sum(worker.job is not None for worker in self.team)
        while len(self.team) < min(self.size, busy + len(waiting)):
            try:
                worker = Worker(self.work)
            except OSError as error:
                yield from self._bad_start(str(error), waiting)
                continue
            self.team.append(worker)
            self._tell("+", worker)
        for worker in self.team:
            if worker.ready and worker.job is None and waiting:
                worker.take(waiting.popleft())

    def _stirring(self) -> list[Worker[Job]]:
        """Those who have something to say, or have died: what they started may hold their end of the line, so they are looked after too."""
        heard = set(wait([worker.line for worker in self.team], _LOOK))
        return [worker for worker in self.team if worker.line in heard or not worker.process.is_alive()]

    def _died(self, worker: Worker[Job], job: Job | None, waiting: deque[Job], tries: Counter[str]) -> Iterator[Done[Job]]:
        """Mourns a worker: what it held is tried again after all others, or has failed."""
        how = worker.how()
        self._bury(worker)
        if not worker.ready:
            yield from self._bad_start(how, waiting)
        elif job is not None:
            tries[job.key()] += 1
            if tries[job.key()] < TRIES:
                waiting.append(job)
                return
            why = f"A worker process died {TRIES} times while it ran this: {how}. The usual cause is too little memory"
            yield Done(job, f"{why}: use fewer --workers, or a smaller --batch-size.")

    def _bad_start(self, how: str, waiting: deque[Job]) -> Iterator[Done[Job]]:
        """Fails all that is left where workers die before they are given anything."""
        self._bad_starts += 1
        if self._bad_starts < _STARTS:
            return
        why = (
            f"No worker process could be started: {how}, before it was given anything. What it said is on the error stream. "
            "In a script of your own, start the run under: if __name__ == '__main__'."
        )
        left = [*waiting]
        waiting.clear()
        yield from (Done(job, why) for job in left)

    def _dismiss(self) -> None:
        """Lets workers leave by themselves, for a while."""
        ready = [worker for worker in self.team if worker.ready]
        for worker in ready:
            with suppress(OSError):
                worker.line.send(None)
        until = time.monotonic() + _PATIENCE
        for worker in ready:
            worker.process.join(max(0.0, until - time.monotonic()))

    def _bury(self, worker: Worker[Job]) -> None:
        worker.end()
        self.team.remove(worker)
        self._tell("-", worker)

    def _tell(self, sign: str, worker: Worker[Job]) -> None:
        if self.guardian is not None and self.guardian.stdin is not None:
            with suppress(OSError):  # somebody ended it: workers then end with us as far as we can end them
                self.guardian.stdin.write(f"{sign}{worker.process.pid}\n".encode())
                self.guardian.stdin.flush()
