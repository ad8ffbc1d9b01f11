"""A small server that speaks OpenAI's protocol for chats, on the loopback device, and counts what it is asked."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Served = tuple[int, dict[str, str], bytes]
"""Status, headers and body of an answer."""


def continuation(text: str | None, *, top: dict[str, float] | None = None) -> Served:
    """A completion of a text that says this."""
    choice: dict[str, Any] = {"index": 0, "finish_reason": "length", "text": text}
    if top is not None:
        choice["logprobs"] = {"tokens": [*top][:1], "token_logprobs": [*top.values()][:1], "top_logprobs": [top]}
    return 200, {}, json.dumps({"choices": [choice], "usage": {"total_tokens": 10}}).encode()


def completion(text: str | None, *, top: dict[str, float] | None = None, **message: Any) -> Served:
    """A chat completion that says this."""
    choice: dict[str, Any] = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text, **message}}
    if top is not None:
        others = [{"token": token, "logprob": value} for token, value in top.items()]
        choice["logprobs"] = {"content": [{"token": others[0]["token"], "logprob": others[0]["logprob"], "top_logprobs": others}]}
    return 200, {}, json.dumps({"choices": [choice], "usage": {"total_tokens": 10}}).encode()


BUSY: Served = (429, {"Retry-After": "0"}, b"slow down")
STALL: Served = (0, {}, b"")
"""Says nothing until the server ends."""


@dataclass
class ChatStub:
    """What the server is like: `troubles` are answered first, one a request, then what `answer` makes of the last message."""

    answer: Callable[[str], Served]
    troubles: list[Served | None] = field(default_factory=list)
    """None hangs up without an answer."""
    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    most_at_once: int = 0
    over: threading.Event = field(default_factory=threading.Event)
    _at_once: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def prompts(self) -> list[str]:
        """The text, or the last message, of each request."""
        return [_last(one) for one in self.asked]

    def reply(self, payload: dict[str, Any], headers: dict[str, str]) -> Served | None:
        with self._lock:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            self.asked.append(payload)
            self.headers.append(headers)
            trouble = self.troubles.pop(0) if self.troubles else ...
        try:
            return self.answer(_last(payload)) if trouble is ... else trouble
        finally:
            with self._lock:
                self._at_once -= 1


def _last(payload: dict[str, Any]) -> str:
    return str(payload["prompt"] if "prompt" in payload else payload["messages"][-1]["content"])


class _Server(ThreadingHTTPServer):
    """Says nothing of clients that are gone: tests kill them."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def serving(answer: Callable[[str], Served]) -> Iterator[ChatStub]:
    """The server while it runs."""
    stub = ChatStub(answer)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path not in ("/v1/chat/completions", "/v1/completions"):
                found: Served | None = (404, {}, b"no such place")
            else:
                found = stub.reply(json.loads(body), dict(self.headers.items()))
            if found == STALL:
                stub.over.wait()
            if found is None or found == STALL:
                self.close_connection = True
                return
            status, headers, content = found
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class calls it so
            pass

    server = _Server(("127.0.0.1", 0), Handler)
    stub.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield stub
    finally:
        stub.over.set()
        server.shutdown()
        server.server_close()
