"""Endpoints: asked in parallel, tried again where that may help, and believed only as far as their answers can be checked."""

from __future__ import annotations

import json
import pickle
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import torch

from shiftproof import UsageError, load_model
from shiftproof._secrets import url_without_secrets, without_secrets
from shiftproof.models.abstract import Gradients, Labels, Scores
from shiftproof.models.answers import Gives
from shiftproof.models.posting import EndpointOptions

X = torch.rand(23, 2, 3, generator=torch.Generator().manual_seed(0))
WEIGHT = np.random.default_rng(0).normal(size=(6, 3))
Reply = tuple[int, dict[str, str], object]
Rows = list[list[object]]


def scores_of(inputs: Rows) -> list[list[float]]:
    rows: list[list[float]] = (np.array(inputs).reshape(len(inputs), -1) @ WEIGHT).tolist()
    return rows


def right(inputs: Rows) -> Reply:
    return 200, {}, {"scores": scores_of(inputs)}


@dataclass
class Server:
    """A local server: `replies` are used up first, then `reply` answers."""

    url: str = ""
    reply: Callable[[Rows], Reply] = right
    replies: list[Callable[[Rows], Reply]] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    headers: list[str | None] = field(default_factory=list)
    most_at_once: int = 0
    at_once: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, inputs: Rows, header: str | None) -> Reply:
        with self.lock:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            self.sizes.append(len(inputs))
            self.headers.append(header)
            reply = self.replies.pop(0) if self.replies else self.reply
        try:
            return reply(inputs)
        finally:
            with self.lock:
                self.at_once -= 1


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, headers, answer = state.answer(body["inputs"], self.headers.get("Authorization"))
            content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            try:
                self.send_response(status)
                for key, value in {"Content-Length": str(len(content)), **headers}.items():
                    self.send_header(key, value)
                self.end_headers()
                self.wfile.write(content)
            except OSError:
                pass  # the client has given up

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    state.url = f"http://127.0.0.1:{http.server_port}/predict"
    yield state
    http.shutdown()
    thread.join()
    http.server_close()


def options(rows: int = 8, concurrency: int = 4, timeout: float = 10.0, attempts: int = 3) -> EndpointOptions:
    return EndpointOptions(rows=rows, concurrency=concurrency, timeout=timeout, attempts=attempts, wait=0.0)


def model_of(server: Server, *, gives: Gives | None = "scores", how: EndpointOptions | None = None) -> Labels:
    return load_model(server.url, gives=gives, endpoint=how or options())


def failing(status: int, headers: dict[str, str] | None = None) -> Callable[[Rows], Reply]:
    return lambda inputs: (status, headers or {}, b"busy")


def test_rows_come_back_in_order_from_requests_in_parallel(server: Server) -> None:
    def slow_first(inputs: Rows) -> Reply:
        time.sleep(0.05)
        return right(inputs)

    server.replies = [slow_first]
    model = model_of(server)
    assert isinstance(model, Scores)
    assert not isinstance(model, Gradients)
    expected = torch.tensor(scores_of(X.tolist()), dtype=torch.float64)
    assert torch.equal(model.scores(X), expected)
    assert sorted(server.sizes) == [7, 8, 8]
    assert model.scores(X[:0]).shape[0] == 0


def test_no_more_requests_at_once_than_allowed(server: Server) -> None:
    def slow(inputs: Rows) -> Reply:
        time.sleep(0.02)
        return right(inputs)

    server.reply = slow
    model_of(server, how=options(rows=1, concurrency=2)).labels(X)
    assert server.most_at_once <= 2
    assert len(server.sizes) == 23


def test_one_question_tells_scores_from_labels(server: Server) -> None:
    scores = load_model(server.url, probe=X[:4], endpoint=options())
    assert isinstance(scores, Scores)
    server.reply = lambda inputs: (200, {}, {"labels": [2] * len(inputs)})
    labels = load_model(server.url, probe=X[:4], endpoint=options())
    assert not isinstance(labels, Scores)
    assert labels.labels(X).tolist() == [2] * 23
    assert labels.labels(X[:0]).shape == (0,)


@pytest.mark.parametrize("key", ["predictions", "outputs"])
def test_other_keys_are_read(server: Server, key: str) -> None:
    server.reply = lambda inputs: (200, {}, {"model": "a", key: scores_of(inputs)})
    assert isinstance(load_model(server.url, probe=X, endpoint=options()), Scores)
    server.reply = lambda inputs: (200, {}, {key: ["dog"] * len(inputs)})
    model = load_model(server.url, probe=X, class_names=("cat", "dog"), endpoint=options())
    assert model.labels(X).tolist() == [1] * 23


def test_without_gives_or_probe_it_says_what_to_pass(server: Server) -> None:
    with pytest.raises(UsageError, match=r"The 'gives' of the model 'http://127.* must be 'scores' .*, got None. Or pass probe"):
        load_model(server.url)
    with pytest.raises(UsageError, match="must be scores or labels, got 'logits'"):
        load_model(server.url, gives="logits")  # type: ignore[arg-type]
    assert server.sizes == []


@pytest.mark.parametrize("failure", [failing(500), failing(503), failing(429), failing(429, {"Retry-After": "0"})])
def test_it_is_tried_again(server: Server, failure: Callable[[Rows], Reply]) -> None:
    server.replies = [failure, failure]
    assert model_of(server).labels(X[:4]).shape == (4,)
    assert server.sizes == [4, 4, 4]


def test_a_failure_that_stays_is_told_with_its_reason(server: Server) -> None:
    server.reply = failing(503)
    with pytest.raises(UsageError, match=r"The endpoint http://127.* failed 3 times, last with: 503 Service Unavailable: busy. Is it up\?"):
        model_of(server).labels(X[:4])
    assert len(server.sizes) == 3


def test_a_timeout_is_tried_again_and_told(server: Server) -> None:
    def stuck(inputs: Rows) -> Reply:
        time.sleep(0.3)
        return right(inputs)

    server.replies = [stuck]
    model = model_of(server, how=options(timeout=0.1))
    assert model.labels(X[:2]).shape == (2,)
    server.reply = stuck
    with pytest.raises(UsageError, match="failed 3 times, last with: ReadTimeout"):
        model.labels(X[:2])


def test_a_lost_connection_is_told() -> None:
    with pytest.raises(UsageError, match=r"failed 2 times, last with: ConnectError.*Is it up\?"):
        load_model("http://127.0.0.1:9/predict", gives="scores", endpoint=options(attempts=2)).labels(X)


def test_a_pause_that_is_asked_for_is_kept_or_given_up(server: Server) -> None:
    soon = format_datetime(datetime.now(timezone.utc) - timedelta(seconds=5), usegmt=True)
    server.replies = [failing(503, {"Retry-After": soon}), failing(503, {"Retry-After": "after lunch"})]
    assert model_of(server).labels(X[:2]).shape == (2,)
    server.replies = [failing(429, {"Retry-After": "3600"})]
    with pytest.raises(UsageError, match=r"asks to wait 3600 seconds \(longest_wait is 60\). Run again later"):
        model_of(server).labels(X[:2])


def test_waits_grow_and_leave_the_random_state_alone(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr("tenacity.nap.time.sleep", waited.append)
    server.reply = failing(500)
    state = random.getstate()
    with pytest.raises(UsageError, match="failed 4 times"):
        model_of(server, how=EndpointOptions(wait=0.5, attempts=4)).labels(X[:2])
    assert [low <= wait <= low + 0.5 for low, wait in zip([0.5, 1.0, 2.0], waited, strict=True)] == [True] * 3
    assert random.getstate() == state


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        ((200, {}, b"<html>hello"), "The 'answer' of the endpoint http://127.* must be JSON, got '<html>hello'"),
        ((200, {}, {"error": "no"}), r'must be \{"scores": .*, got \[\'error\'\]'),
        ((200, {}, [1, 2]), "must be .*, got 'list'"),
        ((200, {}, {"scores": [[1.0, 2.0]]}), r"The 'scores' of the endpoint .* must have one row per input \(4\), got 1"),
        ((200, {}, {"scores": "many"}), r"must have one row per input \(4\), got 'str'"),
        ((200, {}, {"scores": [[1.0, float("nan")]] * 4}), r"must be finite, got \[1.0, nan\]"),
        ((200, {}, {"scores": [[1.0], [1.0, 2.0], [1.0], [1.0]]}), "one row per input, all of the same length"),
        ((200, {}, {"scores": [[1.0]] * 4}), r"numbers of shape \(n, classes\) with at least 2 classes"),
        ((404, {}, b"gone"), "The endpoint http://127.* answered 404 Not Found: gone"),
        ((301, {"Location": "http://127.0.0.1:9/"}, b""), "answered 301 Moved Permanently"),
        ((401, {}, b""), "answered 401 Unauthorized: no text. Set SHIFTPROOF_ENDPOINT_AUTH to the value"),
    ],
)
def test_unusable_answers_are_told_at_once(server: Server, reply: Reply, message: str) -> None:
    server.reply = lambda inputs: reply
    with pytest.raises(UsageError, match=message):
        model_of(server).labels(X[:4])
    assert len(server.sizes) == 1


def test_labels_are_checked(server: Server) -> None:
    server.reply = lambda inputs: (200, {}, {"labels": [0.5] * len(inputs)})
    with pytest.raises(UsageError, match="The 'answer' of endpoint http://127.* must be labels 0, 1, 2, ... or class names, got 0.5"):
        model_of(server, gives="labels").labels(X)


def test_the_authorization_is_read_from_the_environment_and_never_shown(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHIFTPROOF_ENDPOINT_AUTH", "Bearer hush")
    model = model_of(server)
    model.labels(X[:2])
    assert server.headers == ["Bearer hush"]
    assert b"hush" not in pickle.dumps(model)
    monkeypatch.setenv("SHIFTPROOF_ENDPOINT_AUTH", "hush\nX: 1")
    with pytest.raises(UsageError, match="SHIFTPROOF_ENDPOINT_AUTH must be printable ASCII") as caught:
        model.labels(X[:2])
    assert "hush" not in str(caught.value)


def test_credentials_are_not_shown(server: Server) -> None:
    secret = server.url.replace("http://", "http://me:hush@") + "?key=hush"
    model = load_model(secret, gives="scores", endpoint=options(attempts=1))
    assert model.name == url_without_secrets(secret) == without_secrets(secret) == server.url
    assert without_secrets(f"--model={secret}") == f"--model={server.url}"
    assert model.labels(X[:2]).shape == (2,)
    assert server.headers[0] is not None
    assert server.headers[0].startswith("Basic ")
    server.reply = failing(500)
    with pytest.raises(UsageError) as caught:
        model.labels(X[:2])
    assert "hush" not in str(caught.value) + model.fingerprint() + " ".join(model.notes)
    assert model.fingerprint() == load_model(server.url + "?key=hush", gives="scores", endpoint=options(timeout=3.0)).fingerprint()
    assert model.fingerprint() != load_model(server.url + "?key=hush", gives="scores", endpoint=options(rows=2)).fingerprint()
    assert model.fingerprint() != load_model(server.url + "?key=other", gives="scores").fingerprint()
    with pytest.raises(UsageError, match="The weights 'w.pt' were given for 'http://127") as refused:
        load_model(secret, weights="w.pt")
    assert "hush" not in str(refused.value)


def test_it_can_be_pickled_while_connected(server: Server) -> None:
    model = model_of(server)
    model.labels(X)
    again = pickle.loads(pickle.dumps(model))
    assert torch.equal(again.labels(X), model.labels(X))
    assert "identified by its URL and options, and in a run by its answers to a few inputs" in again.notes[0]


@pytest.mark.parametrize(
    ("option", "value", "rule"),
    [
        ("rows", 0, "be at least 1, got 0"),
        ("concurrency", 0, "be at least 1, got 0"),
        ("attempts", 0, "be at least 1, got 0"),
        ("timeout", 0.0, "be above 0 seconds, got 0.0"),
        ("wait", -1.0, "be at least 0 seconds, got -1.0"),
    ],
)
def test_options_are_checked(option: str, value: float, rule: str) -> None:
    with pytest.raises(UsageError, match=f"The '{option}' of the endpoint must {rule}"):
        EndpointOptions(**{option: value})  # type: ignore[arg-type]


def test_a_url_needs_a_host() -> None:
    with pytest.raises(UsageError, match=r"The 'URL' of the model must be http\(s\)://HOST/PATH, got 'http:///predict'"):
        load_model("http:///predict", gives="scores")


@pytest.mark.parametrize("package", ["httpx", "tenacity"])
def test_without_the_packages_the_message_says_what_to_install(server: Server, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UsageError, match=rf"'{package}', which is not installed. Run: pip install 'shiftproof\[http\]'"):
        model_of(server).labels(X)
