"""Hostile and odd answers of an endpoint: one clear line each, in bounded memory and time."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torch

from shiftproof import UsageError, load_model
from shiftproof.models.posting import EndpointOptions

X = torch.rand(4, 3, generator=torch.Generator().manual_seed(0))


class Handler(BaseHTTPRequestHandler):
    """Answers with what the path names."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        name = self.path.strip("/")
        try:
            if name in ENDLESS:
                self.send_response(200)
                self.end_headers()
                while True:
                    self.wfile.write(ENDLESS[name])
                    if name == "drip":
                        STOP.wait(0.05)
            status, headers, body = ANSWERS[name]
            self.send_response(status)
            for key, value in headers.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            pass  # the client has given up

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


STOP = threading.Event()
ENDLESS = {"endless": b"[1," * 100_000, "drip": b" "}
Answer = tuple[int, dict[str, str], bytes]
BAD: dict[str, tuple[Answer, str]] = {
    "deep": ((200, {}, b"[" * 300_000), "must be JSON, got 'brackets nested too deeply'"),
    "deep-in-a-key": ((200, {}, b'{"scores": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"), "nested too deeply"),
    "twice": ((200, {}, b'{"scores": [], "scores": []}'), "must have each key once, got 'scores'"),
    "negative": ((200, {}, b'{"labels": [0, 1, -1, 0]}'), "must be labels 0, 1, 2, ... or class names, got -1"),
    "great": ((200, {}, json.dumps({"labels": [10**30] * 4}).encode()), "must be labels 0, 1, 2"),
    "text": ((200, {}, b'{"scores": [["1", "2"], ["1", "2"], ["1", "2"], ["1", "2"]]}'), "must be numbers of shape"),
    "null": ((200, {}, b'{"scores": null}'), "must have one row per input"),
    "rows": ((200, {}, b'{"scores": [[0, 1]]}'), "must have one row per input"),
    "packed": ((200, {"Content-Encoding": "gzip"}, gzip.compress(bytes(10**6))), "must be sent as it is, .* got 'gzip'"),
    "redirect": ((302, {"Location": "/deep"}, b""), "answered 302 Found.*Redirects are not followed"),
    "short": ((200, {"Content-Length": "999"}, b"{}"), "failed 1 times, last with: RemoteProtocolError"),
    "control": ((400, {}, b"\x1b[2Jcleared"), r"answered 400 Bad Request: \[2Jcleared"),
}
ANSWERS = {name: answer for name, (answer, _) in BAD.items()}


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{http.server_port}"
    STOP.set()
    http.shutdown()
    thread.join()
    http.server_close()


def ask(url: str, timeout: float = 20.0) -> None:
    load_model(url, probe=X, endpoint=EndpointOptions(attempts=1, wait=0.0, timeout=timeout))


@pytest.mark.parametrize("name", BAD)
def test_an_odd_answer_is_one_line(address: str, name: str) -> None:
    with pytest.raises(UsageError, match=BAD[name][1]) as caught:
        ask(f"{address}/{name}")
    said = str(caught.value)
    assert len(said.splitlines()) == 1
    assert len(said) < 600
    assert said.isprintable()


def test_an_endless_answer_is_read_up_to_a_limit(address: str) -> None:
    with pytest.raises(UsageError, match=r"must be at most 5242880 bytes"):
        ask(f"{address}/endless")


def test_the_timeout_is_of_the_whole_answer(address: str) -> None:
    """A byte now and then keeps no request alive."""
    with pytest.raises(UsageError, match="did not send its whole answer within the timeout"):
        ask(f"{address}/drip", timeout=0.3)


@pytest.mark.parametrize(
    "url",
    ["http://[::1", "http://host:99999/x", "http://host:port/x", "http://a host/x", "https:", "http://host:0/x", "http://me:TOPSECRET@"],
)
def test_a_malformed_url_is_one_line(url: str) -> None:
    with pytest.raises(UsageError, match=r"The 'URL' of the model must be http\(s\)://HOST/PATH") as caught:
        ask(url)
    assert "TOPSECRET" not in str(caught.value)
