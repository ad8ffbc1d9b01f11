"""Work cut into batches that fit in memory: where it runs out, the batch is halved and the work goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import torch

from shiftproof._errors import UsageError
from shiftproof.data.rows import most_rows
from shiftproof.finding import Finding, join
from shiftproof.outcomes import Flag

T = TypeVar("T")
CALL_BYTES = 2**24
"""Inputs of one call of a model on a CPU: with more of them it gets no faster, and its layers' outputs take many times as much."""
_SAYINGS = ("out of memory", "can't allocate memory", "failed to allocate memory", "bad_alloc", "cannot allocate memory")
"""What torch's CPU allocator, its accelerators, ONNX Runtime and the C++ library say when memory runs out, in lower case."""


def out_of_memory(error: BaseException) -> bool:
    """Whether this error, raised by a model of any kind, means that memory ran out."""
    if isinstance(error, MemoryError):
        return True
    # Few libraries have a type of their own for it, and torch's is a RuntimeError too.
    return isinstance(error, RuntimeError) and any(saying in str(error).lower() for saying in _SAYINGS)


def rows_of_a_call(x: Any, batch_size: int, device: torch.device) -> int:
    """How many of the inputs x one call holds: up to `batch_size`, and on a CPU no more than fit."""
    return min(batch_size, most_rows(x, CALL_BYTES)) if device.type == "cpu" else batch_size


def in_batches(n: int, size: int, work: Callable[[slice], T]) -> Iterator[tuple[T, int]]:
    """What `work` makes of each batch of up to `size` of n examples, in order, with the size that it was done in.

    Raises:
        UsageError: memory ran out on a single example.
    """
    return in_pools(n, 0, size, lambda rows, _: work(rows))


def in_pools(n: int, pool: int, size: int, work: Callable[[slice, int], T]) -> Iterator[tuple[T, int]]:
    """The same where `work` takes up to `pool` examples, if those are more, and is told how many of them one call may hold."""
    start = 0
    while start < n:
        rows = slice(start, min(start + max(pool, size), n))
        try:
            done = work(rows, size)
        except (MemoryError, RuntimeError) as error:
            if not out_of_memory(error):
                raise
            held = min(size, rows.stop - rows.start)
            if held == 1:
                fix = "Use a smaller model or input, a machine with more memory, or free what other programs hold."
                raise UsageError(f"Memory ran out on a single example ({str(error).strip().splitlines()[0][:200]}). {fix}") from error
            size = held // 2
            continue  # leaves the handler, whose traceback holds the batch's tensors
        yield done, size
        start = rows.stop


def judged(
    x: Any,
    batch_size: int,
    device: torch.device,
    work: Callable[[slice, int], Finding],
    *,
    flags: Sequence[Flag],
    progress: Callable[[int], None] | None,
    pool: int = 0,
) -> Finding:
    """One finding of the inputs x from those of their batches or pools, with `flags` in front; says so where memory ran out on the way."""
    found: list[Finding] = []
    size = batch_size = rows_of_a_call(x, batch_size, device)
    for finding, size in in_pools(len(x), pool, batch_size, work):  # noqa: B007  # the last one is reported after the loop
        found.append(finding)
        if progress:
            progress(len(finding))
    whole = join(found)
    halved = [Flag("batch_halved", _HALVED.format(batch_size, size))] if size < batch_size else []
    return replace(whole, flags=(*flags, *halved, *whole.flags))


_HALVED = "Memory ran out at batches of {}; it went on with {}. No verdict depends on it; the cost leaves out what was lost."
