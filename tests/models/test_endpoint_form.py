"""The wire format of endpoints: templates, places of answers, headers from the environment."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest
import torch

from shiftproof import UsageError, audit, examples, load_model
from shiftproof._secrets import without_secrets
from shiftproof.models.endpoint_form import RequestForm, answer_at, header_values, parse_headers
from shiftproof.models.posting import EndpointOptions

X = torch.rand(10, 4, generator=torch.Generator().manual_seed(0))
SEEN: list[dict[str, str]] = []


@pytest.fixture
def served() -> Iterator[str]:
    """TF Serving's protocol and KServe's second one, at two addresses."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            SEEN.append(dict(self.headers))
            if self.path == "/v1":
                rows = np.array(body["instances"])
                answer: object = {"predictions": (rows[:, :2] * 3).tolist()}
            else:
                (sent,) = body["inputs"]
                rows = np.array(sent["data"]).reshape(sent["shape"])
                answer = {"outputs": [{"name": "p", "data": (rows[:, :2] * 3).flatten().tolist()}]}
            said = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its own word
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{http.server_port}"
    http.shutdown()


def test_tf_serving_and_kserve(served: str) -> None:
    first = EndpointOptions(request='{"instances": $batch}', answer="predictions", rows=3)
    tensor = '{"inputs": [{"name": "x", "datatype": "FP32", "shape": $shape, "data": $flat}]}'
    second = EndpointOptions(request=tensor, answer="outputs.0.data", rows=3)
    for path, options in (("/v1", first), ("/v2", second)):
        model = load_model(served + path, endpoint=options, probe=X[:4])
        assert model.labels(X).tolist() == X[:, :2].argmax(1).tolist()


def test_in_a_run_with_a_header_from_the_environment(served: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "opensesame12345")
    data = examples(X.numpy(), X[:, :2].argmax(1).numpy())
    form: dict[str, Any] = {"request": '{"instances": $batch}', "answer": "predictions", "headers": ["X-Api-Key=MY_KEY"]}
    report = audit(f"{served}/v1", data, progress=False, shifts=["gaussian_noise(severity=1)"], searches=["one_draw"], **form)
    assert report.record.clean.accuracy == 1
    assert SEEN[-1]["X-Api-Key"] == "opensesame12345"
    assert "opensesame12345" not in (report.folder / "audit.json").read_text()
    assert "opensesame" not in without_secrets("the server said opensesame12345")


def test_the_form_counts_in_the_identity(served: str) -> None:
    plain, other = (EndpointOptions(request=f'{{"instances": $batch{more}}}', answer="predictions") for more in ("", ', "v": 2'))
    ids = {load_model(f"{served}/v1", endpoint=options, gives="scores").fingerprint() for options in (plain, other)}
    assert len(ids) == 2


@pytest.mark.parametrize(
    ("template", "message"),
    [("{}", r"have \$batch where the inputs go"), ('{"a": $batch', "be JSON around its places"), ('{"a": $shape}', r"have \$batch")],
)
def test_templates_that_cannot_be_used(template: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        RequestForm(template)


def test_quoted_places_are_places_too() -> None:
    assert RequestForm('{"a": "$batch"}').filled(torch.ones(1, 1)) == {"a": [[1.0]]}


@pytest.mark.parametrize(
    ("answer", "path", "message"),
    [
        ({"a": 1}, "b", "have 'b', got .*Name the place of the scores with --answer"),
        ({"a": [1, 2, 3]}, "a", r"have one row per input \(2\), got 3"),
        ({"a": [[1], [2], [3]]}, "a", "have one row per input"),
        ({"a": [1]}, "a.7", "have 'a.7'"),
    ],
)
def test_answers_that_are_elsewhere(answer: object, path: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        answer_at(answer, path, 2, owner="endpoint x")


@pytest.mark.parametrize("written", ["X-Key", "X Key=A", "=A", "X-Key="])
def test_headers_that_cannot_be_read(written: str) -> None:
    with pytest.raises(UsageError, match="be NAME=VARIABLE, an environment variable"):
        parse_headers([written])


def test_headers_whose_variable_is_no_use(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="The environment variable NOT_THERE, the value of the header X-Key, is not set"):
        header_values([("X-Key", "NOT_THERE")])
    monkeypatch.setenv("ODD", "é")
    with pytest.raises(UsageError, match="must be printable ASCII"):
        header_values([("X-Key", "ODD")])


def test_a_form_for_what_is_no_url_is_refused() -> None:
    with pytest.raises(UsageError, match="are of a model behind a URL, and this one is none"):
        audit(torch.nn.Linear(4, 2), examples(X.numpy(), np.zeros(10, dtype=int)), answer="predictions")
