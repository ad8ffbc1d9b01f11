"""Nothing secret reaches an error, a record, a page or a terminal: what a URL or a header holds is hidden in any form and any text."""

from __future__ import annotations

import base64
import json
import logging
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch

from shiftproof import UsageError, load_model
from shiftproof._secrets import remember_header, remember_url, url_without_secrets, without_keys, without_secrets
from shiftproof.evaluation.config import make_config
from shiftproof.models.posting import EndpointOptions

X = torch.rand(4, 3, generator=torch.Generator().manual_seed(0))
URLS = {
    "upper case": "HTTPS://me:TOPSECRET@host.example/v1",
    "no slashes": "http:me:TOPSECRET@host/v1",
    "an @ in the password": "http://me:TOP@TOPSECRET@host/v1",
    "a / in the password": "http://me:12/TOPSECRET@host/v1",
    "a # in the password": "http://me:x#TOPSECRET@host/v1",
    "a ? in the password": "http://me:x?TOPSECRET@host/v1",
    "brackets that do not close": "http://me:TOPSECRET@[::1/v1",
    "a token alone": "https://TOPSECRET@host/v1",
    "a query": "https://host/v1?key=TOPSECRET&n=3",
    "a fragment": "https://host/v1#TOPSECRET",
    "another scheme": "s3://me:TOPSECRET@bucket/file.csv?label=y",
}


@pytest.mark.parametrize("url", URLS.values(), ids=list(URLS))
def test_no_url_is_shown_with_what_is_secret(url: str) -> None:
    assert "TOPSECRET" not in url_without_secrets(url)
    assert "TOPSECRET" not in without_secrets(f"--model={url} and more")
    assert "TOPSECRET" not in str(UsageError(f"The model '{url}' is none."))


def test_what_is_not_secret_is_shown() -> None:
    assert url_without_secrets("http://me:secret@127.0.0.1:8000/predict?key=1") == "http://127.0.0.1:8000/predict"
    for plain in ("nets.py:make", "idx:DIR?split=test", "linf(eps=8/255)", "http(s)://HOST/PATH", "C:\\data\\x.npz"):
        assert without_secrets(plain) == plain


BAD = {
    "an unknown option": ["--model", "{}", "--no-such-option"],
    "a word too many": ["--model", "nets.py:make", "{}"],
    "a wrong number": ["--model", "{}", "--limit", "many"],
    "a wrong box": ["--model", "{}", "--box", "{}", "--out", "r"],
    "data at a URL": ["--model", "nets.py:make", "--data", "csv:{}", "--out", "r"],
    "the model as a file of weights": ["--model", "nets.py:make", "--weights", "{}", "--out", "r"],
}


def test_no_mistake_in_a_command_prints_it(tmp_path: Path) -> None:
    """One process for all: each line of the script is a command with another mistake."""
    (tmp_path / "nets.py").write_text("import torch\ndef make(): return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))\n")
    url = "HTTP://alice:TOP%2FSECRET@127.0.0.1:1/x?key=QSECRET"
    lines = ["import sys", "from shiftproof.cli.main import main", "import torch"]
    for words in BAD.values():
        arguments = ["shiftproof", "audit", *(word.replace("{}", url) for word in words)]
        lines += [f"sys.argv = {arguments!r}", "try:", "    main()", "except SystemExit as end:", "    print('code', end.code)"]
    code = "\n".join(lines)
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.split("\n").count("code 2") == len(BAD), done.stderr
    assert "SECRET" not in done.stdout + done.stderr


def test_a_config_shows_none() -> None:
    config = make_config(
        {"model": "http://me:TOPSECRET@host/v1?key=QSECRET", "data": "digits:", "shift_from": ["csv:https://h/x.csv?key=QSECRET"]}
    )
    assert "SECRET" not in repr(config) + str(config)
    with pytest.raises(UsageError) as caught:
        make_config({"model": "m.py:x", "data": "digits:", "out": ("http://me:TOPSECRET@host/v1",)})
    assert "SECRET" not in str(caught.value)


CODED: dict[str, Callable[[bytes], str]] = {
    "hex": lambda raw: raw.hex(),
    "hex in capitals": lambda raw: raw.hex().upper(),
    "hex with spaces": lambda raw: raw.hex(" "),
    "an escaped string": lambda raw: "".join(f"\\x{byte:02x}" for byte in raw),
    "base64": lambda raw: base64.b64encode(raw).decode(),
    "base64 for URLs": lambda raw: base64.urlsafe_b64encode(raw).decode(),
    "base64 of one byte more": lambda raw: base64.b64encode(b"x" + raw).decode(),
    "base64 of three bytes more": lambda raw: base64.b64encode(b"ab:" + raw + b":c").decode(),
    "base64 of two bytes more": lambda raw: base64.b64encode(b"ab" + raw + b"cd").decode(),
}


@pytest.mark.parametrize("code", CODED.values(), ids=list(CODED))
def test_a_coded_secret_is_hidden(code: Callable[[bytes], str]) -> None:
    """Of base64 up to two letters at either end may stay, which neighbours decide too."""
    secret = "q9?Zt~\u00ffk>7Lw-2"
    remember_header(f"Bearer {secret}")
    coded = code(secret.encode())
    left = without_secrets(f"<{coded}>")
    assert "[hidden]" in left
    assert not any(coded[at : at + 12] in left for at in range(len(coded) - 11))


def test_what_is_not_the_secret_stays() -> None:
    remember_header("Bearer q9?Zt~k>7Lw-2")
    plain = f"{b'x'.hex()} {base64.b64encode(b'an answer of another kind').decode()}"
    assert without_secrets(plain) == plain


@pytest.fixture
def echo() -> Iterator[tuple[str, dict[str, object]]]:
    """A server that sends its request back; `state` says with which status and what else."""
    state: dict[str, object] = {"status": 400, "more": ""}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            body = f"{state['more']} {self.requestline} {self.headers}".encode()
            self.send_response(int(str(state["status"])))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://me:TOP%20SECRET%2F1@127.0.0.1:{http.server_port}/x?key=QSECRET", state
    http.shutdown()
    thread.join()
    http.server_close()


def everything(error: BaseException | None) -> str:
    """All that an exception and those behind it hold."""
    said = ""
    while error is not None:
        said += f"{error!r} {error.args} {vars(error)}"
        error = error.__cause__ or error.__context__
    return said


@pytest.mark.parametrize("status", [200, 400, 401, 429, 500])
def test_a_server_that_sends_its_request_back(
    echo: tuple[str, dict[str, object]], status: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    url, state = echo
    password = "TOP SECRET/1"
    coded = base64.b64encode(f"me:{password}".encode()).decode()
    written = (password, "TOP%20SECRET%2F1", json.dumps(password), coded, "Bearer HEADERSECRET", base64.b64encode(b"HEADERSECRET").decode())
    state.update(status=status, more=" ".join(written))
    monkeypatch.setenv("SHIFTPROOF_ENDPOINT_AUTH", "Bearer HEADERSECRET")
    with caplog.at_level(logging.DEBUG), pytest.raises(UsageError) as caught:
        load_model(url, probe=X, endpoint=EndpointOptions(attempts=2, wait=0.0))
    said = everything(caught.value) + caplog.text
    assert "SECRET" not in said
    assert coded[:12] not in said


def test_a_process_that_gets_the_model_hides_it_too(echo: tuple[str, dict[str, object]]) -> None:
    url, _ = echo
    model = pickle.dumps(load_model(url, gives="scores", endpoint=EndpointOptions(attempts=1)))
    code = f"import pickle, torch\nmodel = pickle.loads({model!r})\nmodel.scores(torch.rand(2, 3))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "UsageError: The endpoint http://127.0.0.1" in done.stderr
    assert "SECRET" not in done.stderr


def test_the_name_of_a_language_model_is_no_secret_and_a_password_before_it_is() -> None:
    remember_url("chat:http://me:TOP#SECRET@host/v1#smollm2")
    remember_url("--model=completions:https://host/v1?key=OTHERSECRET#large-model")
    assert without_secrets("smollm2 and large-model say me:TOP#SECRET, TOP#SECRET, OTHERSECRET") == (
        "smollm2 and large-model say [hidden], [hidden], [hidden]"
    )


def test_the_name_of_a_language_model_is_shown_and_other_fragments_are_not() -> None:
    assert without_secrets("for example chat:http://127.0.0.1:8080/v1#smollm2.") == "for example chat:http://127.0.0.1:8080/v1#smollm2."
    assert without_secrets("completions:https://me:pw@host/v1?key=S3CRET#m") == "completions:https://host/v1#m"
    assert without_secrets("chat:http://me:TOP#SECRET@host/v1#m") == "chat:http://[hidden]#m"
    assert without_secrets("chat:http://me:x#SECRET@host/v1") == "chat:http://[hidden]"
    assert without_secrets("https://host/v1#SECRET") == "https://host/v1"


@pytest.mark.parametrize("before", ["bearer ", "BEARER ", "Bearer ", "gsk_", "xai-", "r8_", "pplx-"])
def test_keys_of_providers_are_told_by_their_form(before: str) -> None:
    assert "TOPSECRET" not in without_keys(f"said {before}TOPSECRETTOPSECRETTOPSECRET, and more")
