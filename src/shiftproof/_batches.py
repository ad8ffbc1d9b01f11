"""Work cut into batches that fit in memory: where it runs out, the batch is halved and the work goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from shiftproof._errors import UsageError
from shiftproof.outcomes import Flag

T = TypeVar("T")
_SAYINGS = ("out of memory", "can't allocate memory", "failed to allocate memory", "bad_alloc", "cannot allocate memory")
"""What torch's CPU allocator, its accelerators, ONNX Runtime and the C++ library say when memory runs out, in lower case."""


def out_of_memory(error: BaseException) -> bool:
    """Whether this error, raised by a model of any kind, means that memory ran out."""
    if isinstance(error, MemoryError):
        return True
    # Few libraries have a type of their own for it, and torch's is a RuntimeError too.
    return isinstance(error, RuntimeError) and any(saying in str(error).lower() for saying in _SAYINGS)


def in_batches(n: int, size: int, work: Callable[[slice], T]) -> Iterator[tuple[T, int]]:
    """What `work` makes of each batch of up to `size` of n examples, in order, with the size that it was done in.

    Raises:
        UsageError: memory ran out on a single example.
    """
    start = 0
    while start < n:
        rows = slice(start, min(start + size, n))
        try:
            done = work(rows)
        except (MemoryError, RuntimeError) as error:
            if not out_of_memory(error):
                raise
            if rows.stop - rows.start == 1:
                way_out = "Use a smaller model or input, a machine with more memory, or free what other programs hold."
                raise UsageError(f"Memory ran out on a single example ({str(error).strip().splitlines()[0][:200]}). {way_out}") from error
            size = (rows.stop - rows.start) // 2
            continue  # outside the handler, whose traceback would hold the batch's tensors
        yield done, size
        start = rows.stop


def halved(asked: int, went_on: int) -> Flag:
    """Says that memory ran out at `asked` examples a batch. It changes no verdict: these do not depend on the batch."""
    detail = (
        f"Memory ran out at batches of {asked}; it went on with {went_on}. No verdict depends on it; the cost leaves out what was lost."
    )
    return Flag("batch_halved", detail)
