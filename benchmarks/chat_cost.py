"""What asking an endpoint costs beside asking a function: CPU time a sample and memory, with inspect_ai in the same run.

`python -m benchmarks.chat_cost [--inspect PROGRAM]` audits N questions under one draw of typos, once by a function in the same process and
once by a language model behind an endpoint on this machine, each in a process of its own, in turn. The endpoint answers at once, and its
time is not counted. `inspect eval` asks the same endpoint the same prompts, the exported set. A sample is one prompt that was sent.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import shiftproof
from benchmarks.__main__ import RESULTS

if TYPE_CHECKING:
    from collections.abc import Iterator

N, REPEATS = 300, 2
LOCAL = 'def model(texts):\n    return ["yellow" if "lemon" in text else "no idea" for text in texts]\n'


class Spent(NamedTuple):
    """Of a process and its children: seconds of CPU, and the most memory, in MB."""

    seconds: float
    megabytes: float


@contextmanager
def endpoint() -> Iterator[tuple[str, list[int]]]:
    """The URL of an endpoint that answers at once, and a list that grows by each request."""
    asked: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["messages"][-1]["content"]
            asked.append(1)
            message = {"role": "assistant", "content": "yellow" if "lemon" in str(question) else "no idea"}
            choices = [{"index": 0, "finish_reason": "stop", "message": message}]
            usage = {"prompt_tokens": 5, "completion_tokens": 5, "total_tokens": 10}
            said = {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": choices, "usage": usage}
            body = json.dumps(said).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class calls it so
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1", asked
    server.shutdown()
    server.server_close()


def spent(command: list[str], folder: Path, **environment: str) -> Spent:
    """What a command costs."""
    with (folder / "said.txt").open("w") as told:
        process = subprocess.Popen(command, cwd=folder, env={**os.environ, **environment}, stdout=told, stderr=told)
        _, status, used = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError((folder / "said.txt").read_text())
    return Spent(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inspect", help="the program of inspect_ai, where it is installed")
    program = parser.parse_args().inspect
    samples = 2 * N
    costs: dict[str, list[Spent]] = {}
    with tempfile.TemporaryDirectory() as name, endpoint() as (url, asked):
        folder = Path(name)
        lines = [{"question": f"What colour is lemon number {i}?", "answer": "yellow"} for i in range(N)]
        (folder / "q.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
        (folder / "local.py").write_text(LOCAL, encoding="utf-8")
        data = ["--data", "jsonl:q.jsonl?text=question&target=answer", "--judge", "exact_match", "--shift", "typos(edits=1)"]
        sent = 0
        for turn in range(REPEATS):
            for what, model in (("a function", "local.py:model"), ("an endpoint", f"chat:{url}#m")):
                out = ["--search", "one_draw", "--out", f"{what[-8:]}{turn}", "--quiet"]
                before = len(asked)
                line = [sys.executable, "-m", "shiftproof", "audit", "--model", model, *data, *out]
                costs.setdefault(what, []).append(spent(line, folder))
                sent = max(sent, len(asked) - before)
            if program and not turn:
                spent([sys.executable, "-m", "shiftproof", "export", *data, "--to", "inspect", "--out", "task"], folder)
                line = [
                    program,
                    "eval",
                    "task/inspect_task.py",
                    "--model",
                    "openai-api/stub/m",
                    "--log-dir",
                    "log",
                    "--display",
                    "none",
                ]
                costs.setdefault("inspect", []).append(spent(line, folder, STUB_API_KEY="x", STUB_BASE_URL=url))
    record = figures(costs, samples, sent)
    print(json.dumps(record, indent=2))
    (RESULTS / shiftproof.__version__ / "chat_cost.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def figures(costs: dict[str, list[Spent]], samples: int, sent: int) -> dict[str, Any]:
    """Medians over the turns; what is above the function in the same turn."""
    local, remote = costs["a function"], costs["an endpoint"]
    above = [1000 * (far.seconds - near.seconds) / samples for near, far in zip(local, remote, strict=True)]
    return {
        "shiftproof": shiftproof.__version__,
        "samples": samples,
        "requests": sent,
        "turns": len(local),
        "CPU-s": {what: [round(one.seconds, 2) for one in each] for what, each in costs.items()},
        "CPU-ms a sample above the function's audit": [round(one, 2) for one in above],
        "their median": round(statistics.median(above), 2),
        "CPU-ms a sample, all of inspect": [round(1000 * one.seconds / samples, 2) for one in costs.get("inspect", [])],
        "MB above the function's audit": round(statistics.median(b.megabytes - a.megabytes for a, b in zip(local, remote, strict=True)), 1),
        "MB": {what: round(statistics.median(one.megabytes for one in each), 1) for what, each in costs.items()},
    }


if __name__ == "__main__":
    main()
