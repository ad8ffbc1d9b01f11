"""Processes that begin as copies of this one: they die, leave and are killed as others do, and need not load anything anew."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Mapping


def forked(work: Callable[[], object], environment: Mapping[str, str] | None = None) -> int:
    """Does `work` in a copy of this process, under more settings; what it left with: 0, 70 after an exception, or minus a signal."""
    pid = os.fork()
    if not pid:
        code = 70
        try:
            os.environ.update(environment or {})
            work()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
