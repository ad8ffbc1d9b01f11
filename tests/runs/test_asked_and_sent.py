"""`sent` is what a counting model saw, for every command, kind of model and backend, kills too; `asked` is what budgets were charged."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import shiftproof as sp
from forked import forked
from shiftproof._errors import StoredFileWarning
from shiftproof.certificates import certificates
from shiftproof.certify import certify
from shiftproof.data.space import InputSpace
from shiftproof.diagnostics.masking import masking
from shiftproof.diagnostics.universal import universal
from shiftproof.evaluation.curves.security_curve import security_curve
from shiftproof.evaluation.curves.severity_curve import severity_curve
from shiftproof.evaluation.curves.stress_run import stress_run
from shiftproof.evaluation.curves.worst_composition import worst_composition
from shiftproof.evaluation.defend.defend import DefendConfig, run_defend
from shiftproof.evaluation.transfer.transfer_matrix import transfer_matrix
from shiftproof.models.abstract import Labels, Scores
from shiftproof.models.query_count import count_asked, count_sent, counting_queries, open_counts, uncounted
from shiftproof.oracle import Cost, Oracle
from shiftproof.runs.ledger import Ledger, rows_sent
from shiftproof.searches import searches
from shiftproof.shifts import GaussianNoise, Linf, Rotation
from small_runs import command, record

COUNTING = '''
import os
import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_digits
from shiftproof.models.abstract import Scores

digits = load_digits()
WEIGHT = torch.tensor(np.stack([digits.data[digits.target == c].mean(0) - digits.data.mean(0) for c in range(10)]).T / 8).float()


def seen(rows):
    """One line a call, appended at once: what several processes write does not mix, and a kill loses none of it."""
    file = os.open(os.environ["SEEN"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, b"%d\\n" % rows)
    os.close(file)
    limit = int(os.environ.get("DIES_AFTER", "0"))
    if limit and sum(map(int, open(os.environ["SEEN"]).read().split())) > limit:
        os.kill(os.getpid(), 9)


class Module(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(WEIGHT.clone())

    def forward(self, x):
        seen(len(x))
        return x.flatten(1) @ self.weight


def module():
    return Module()


def other():
    made = Module()
    made.weight.data += 0.3 * torch.randn(64, 10, generator=torch.Generator().manual_seed(1))
    return made


def function(x):
    seen(len(x))
    return x.reshape(len(x), -1) @ WEIGHT.numpy()


def labels(x):
    return function(x).argmax(1)


class Estimator(ClassifierMixin, BaseEstimator):
    def fit(self):
        self.classes_ = np.arange(10)
        return self

    def predict_proba(self, x):
        seen(len(x))
        return torch.softmax(torch.from_numpy(np.asarray(x, dtype=np.float32)) @ WEIGHT, 1).numpy()

    def predict(self, x):
        return self.predict_proba(x).argmax(1)


def estimator():
    return Estimator().fit()


class Own(Scores):
    name = "own"

    def fingerprint(self):
        return "own"

    def scores(self, x):
        seen(len(x))
        return x.flatten(1) @ WEIGHT


def own():
    return Own()
'''
KINDS = ("module", "function", "labels", "estimator", "own")
DATA = "digits:"
N = 16


@pytest.fixture
def nets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "counting.py"
    path.write_text(COUNTING)
    monkeypatch.setenv("SEEN", str(tmp_path / "seen.txt"))
    return path


def saw(nets: Path) -> int:
    """The rows that models saw, in whichever process."""
    path = nets.parent / "seen.txt"
    return sum(map(int, path.read_text().split())) if path.exists() else 0


def audit(nets: Path, out: Path, kind: str = "module", **options: Any) -> dict[str, Any]:
    sp.audit(f"{nets}:{kind}", DATA, out=str(out), progress=False, **{"limit": N, **options})
    found: dict[str, Any] = record(out)
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_an_audit_of_every_kind_of_model(nets: Path, tmp_path: Path, kind: str) -> None:
    searched = ["one_draw", "best_of_n(n=3)"] + (["gradient_ascent(steps=3)"] if kind == "module" else [])
    found = audit(nets, tmp_path / "run", kind, shifts=["linf(eps=0.1)", "rotation(degrees=20)"], searches=searched)
    assert found["complete"]
    assert found["sent"] == saw(nets) > 0
    cells = found["cells"]
    assert all(cell["sent"] > 0 for cell in cells)
    assert found["asked"] == round(sum(cell["forwards_per_example"] * cell["n"] for cell in cells))
    assert {r["cell"]: r["sent"] for r in found["results"] if r["search"] != "union"} == {cell["key"]: cell["sent"] for cell in cells}


@pytest.mark.parametrize("suite", ["quick", "standard", "corruptions"])
def test_an_audit_by_suite(nets: Path, tmp_path: Path, suite: str) -> None:
    few: dict[str, Any] = {"standard": {"limit": 8, "diagnose": False}, "corruptions": {"limit": 8}}.get(suite, {})
    found = audit(nets, tmp_path / "run", suite=suite, **few)
    assert found["sent"] == saw(nets)
    assert any(cell["search"] == "one_draw" for cell in found["cells"])


def test_diagnoses_and_curves_count(nets: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {"shifts": ["linf(eps=0.1)"], "searches": ["gradient_ascent(steps=2)"], "curves": ["linf"], "diagnose": True}
    found = audit(nets, tmp_path / "run", limit=8, **options)
    assert found["sent"] == saw(nets)
    (diagnosis,), (curve,) = found["diagnoses"], found["curves"]
    assert diagnosis["sent"] > diagnosis["asked"] / 2 > 0
    assert curve["sent"] > 0
    assert found["sent"] >= diagnosis["sent"] + curve["sent"] + sum(cell["sent"] for cell in found["cells"])


def test_certificates_and_natural_shift_count(nets: Path, tmp_path: Path) -> None:
    small = {"shifts": ["l2(eps=0.2)"], "searches": ["one_draw"], "certify": ["smoothing(sigma=0.25, draws=200)"]}
    found = audit(nets, tmp_path / "run", "function", limit=8, shift_from=["digits:?split=train"], **small)
    assert found["sent"] == saw(nets)
    assert found["natural"]


@pytest.mark.parametrize("backend", ["serial", "processes"])
def test_a_model_asks_no_more_than_it_must(nets: Path, tmp_path: Path, backend: str) -> None:
    """Clean answers once, each shift once, and one look before any work; pictures and worst cases ask nothing again."""
    shifts = [f"gaussian_noise(severity={s})" for s in (1, 2, 3, 4, 5)]
    options: dict[str, Any] = {"shifts": shifts, "searches": ["one_draw"], "limit": 96, "shard_size": 48, "backend": backend, "workers": 1}
    found = audit(nets, tmp_path / "run", "module", **options)
    look = 16 + 16 + 16  # the last is of one row, filled up
    assert found["sent"] == saw(nets) == 96 * (1 + len(shifts)) + look
    assert found["asked"] == 96 * (1 + len(shifts))
    assert list((tmp_path / "run" / "gallery").glob("*.npz"))


def test_corruptions_send_what_they_must(nets: Path, tmp_path: Path) -> None:
    found = audit(nets, tmp_path / "run", suite="corruptions", limit=160, shard_size=80)
    moves = len(found["cells"]) - 1
    assert found["sent"] == saw(nets) <= 1.02 * 160 * (1 + moves)


@pytest.mark.parametrize("search", ["gradient_ascent(steps=3)", "best_of_n(n=3)"])
def test_a_worst_case_books_the_clean_answers_and_does_not_ask_for_them(nets: Path, tmp_path: Path, search: str) -> None:
    found = audit(nets, tmp_path / "run", shifts=["linf(eps=0.1)"], searches=[search], pictures=0)
    alone = sp.confront(
        sp.load_model(f"{nets}:module"), Linf(0.1), search=searches.build(search), examples=sp.load_data(DATA, limit=N).take(slice(None))
    )
    cell = next(cell for cell in found["cells"] if cell["shift"] != "identity")
    assert cell["forwards_per_example"] == alone.forwards.mean()
    assert cell["outcomes"] == {name: int((alone.outcome == name).sum()) for name in sorted(set(alone.outcome)) if name} | {}
    assert cell["sent"] == alone.sent - N - 48  # not the clean answers, and not the look


def test_a_random_model_is_asked_again(tmp_path: Path) -> None:
    class Noisy(torch.nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            rows.append(len(x))
            return x.flatten(1)[:, :10] + torch.randn(len(x), 10)

    rows: list[int] = []
    found = sp.audit(Noisy(), DATA, limit=8, progress=False, shifts=["linf(eps=0.1)"], searches=["best_of_n(n=2)"], pictures=0).record
    assert "randomised_model" in {flag.name for flag in found.model.flags}
    assert found.sent == sum(rows)
    worst = next(cell for cell in found.cells if cell.shift != "identity")
    assert (worst.sent or 0) >= 8 * 2  # its clean verdict, and the move's


def test_killed_and_resumed(nets: Path, tmp_path: Path) -> None:
    """Every row of the killed call is in the sum, those of the cell under way too."""
    out = tmp_path / "run"
    options: dict[str, Any] = {
        "shifts": ["linf(eps=0.1)"],
        "searches": ["one_draw", "best_of_n(n=20)", "gradient_ascent(steps=20)"],
        "pictures": 0,
    }
    for limit in (300, 700):
        assert forked(lambda: audit(nets, out, **options), {"DIES_AFTER": str(limit)}) == -signal.SIGKILL
        assert saw(nets) > limit
        assert rows_sent(out / "sent") == saw(nets)
    found = audit(nets, out, **options)
    assert found["complete"]
    assert found["sent"] == saw(nets) > 700
    assert found["sent"] > sum(cell["sent"] for cell in found["cells"])
    again = audit(nets, out, **options)
    assert again["sent"] == saw(nets) == found["sent"] + 48  # a look, and no work


def test_a_refused_call_is_no_part_of_the_run(nets: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    first = audit(nets, out, shifts=["identity"])
    with pytest.raises(sp.UsageError, match="holds another run"):
        audit(nets, out, "other", shifts=["identity"])
    assert rows_sent(out / "sent") == first["sent"]
    assert len(list((out / "sent").iterdir())) == 1


def test_a_damaged_ledger_is_named(tmp_path: Path) -> None:
    ledger = Ledger()
    ledger.add_sent("net", 3)
    ledger.keep(tmp_path)
    ledger.add_sent("net", 4)
    assert rows_sent(tmp_path) == ledger.sent == 7
    (tmp_path / "1-aa.rows").write_bytes(b"abc")
    with pytest.warns(StoredFileWarning, match=r"1-aa.rows' is damaged: the number of rows sent may be too low"):
        assert rows_sent(tmp_path) == 7


def examples(n: int = N) -> sp.Examples:
    return sp.load_data(DATA, limit=n).take(slice(None))


CALLS: dict[str, Callable[[Labels, sp.Examples], int]] = {
    "confront": lambda m, d: sp.confront(m, Linf(0.1), search=searches.build("gradient_ascent(steps=3)"), examples=d).sent,
    "cascade": lambda m, d: sp.confront(m, Linf(0.1), search=searches.build("cascade"), examples=d[:4]).sent,
    "severity": lambda m, d: severity_curve(m, GaussianNoise(3.0), examples=d, points=3, halvings=2).sent,
    "security": lambda m, d: security_curve(m, Linf(0.1), search=searches.build("fast_minimum_norm(steps=5)"), examples=d).sent,
    "transfer": lambda m, d: transfer_matrix([m], Linf(0.1), examples=d).sent,
    "composition": lambda m, d: (
        worst_composition(m, [Rotation(10), Rotation(20)], examples=d, search=searches.build("grid(points=2)")).sent
    ),
    "universal": lambda m, d: universal(m, Linf(0.1), examples=d, passes=2).sent,
    "certify": lambda m, d: certify(m, sp.L2(0.2), certificate=certificates.build("smoothing(sigma=0.25, draws=200)"), examples=d).sent,
}


@pytest.mark.parametrize("call", CALLS)
def test_calls_in_python(nets: Path, call: str) -> None:
    model, data = sp.load_model(f"{nets}:module"), examples()
    assert CALLS[call](model, data) == saw(nets) > 0


def test_a_diagnosis(nets: Path) -> None:
    model, data = sp.load_model(f"{nets}:module"), examples()
    y = model.labels(data.x)
    before = saw(nets)
    with counting_queries() as count:
        masking(model, Linf(0.02), examples=sp.examples(data.x, y), queries=20)
    assert count.sent == saw(nets) - before
    assert count.asked > 0


def test_transfer_command(nets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--model", f"{nets}:module", "--model", f"{nets}:other", "--limit", N, "--shift", "linf(eps=0.1)", "--out", tmp_path / "t"]
    assert command(monkeypatch, "transfer", *words) == 0
    found = json.loads((tmp_path / "t" / "transfer.json").read_text())
    assert found["sent"] == saw(nets)
    assert f"{found['sent']:,} rows sent to the model" in capsys.readouterr().out
    assert found["asked"] >= N * 2 * 2


def test_severity_command(nets: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--model", f"{nets}:function", "--model", f"{nets}:own", "--limit", N, "--shift", "gaussian_noise(severity=3)", "--points", 3]
    assert command(monkeypatch, "severity", *words, "--halvings", 2) == 0
    assert f"{saw(nets):,} rows sent to the model" in " ".join(capsys.readouterr().out.split())


def test_frequency_command(nets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--model", f"{nets}:module", "--limit", N, "--reach", 2, "--out", tmp_path / "f"]
    assert command(monkeypatch, "frequency", *words) == 0
    assert f"{saw(nets):,} rows sent to the model" in " ".join(capsys.readouterr().out.split())
    assert f"{saw(nets):,} rows sent to the model" in (tmp_path / "f" / "frequency.html").read_text()


def test_audit_command(nets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--model", f"{nets}:module", "--limit", 8, "--shift", "linf(eps=0.1)", "--search", "one_draw", "--out", tmp_path / "run"]
    assert command(monkeypatch, "audit", *words) == 0
    said = f"16 forwards asked of the budgets, {saw(nets)} rows sent to the model"
    assert said in capsys.readouterr().out
    assert said in (tmp_path / "run" / "index.html").read_text()


def test_stress_asks_nothing(nets: Path, tmp_path: Path) -> None:
    audit(nets, tmp_path / "run", shifts=["identity"])
    before = saw(nets)
    assert stress_run(tmp_path / "run").sent == saw(nets) - before == 0


@pytest.mark.parametrize(
    "defence", ["bit_depth(bits=3)", "test_time_augmentation", "gaussian_noise(sigma=0.1, draws=2)", "squeezing_distance(rate=0.3)"]
)
def test_defend(nets: Path, tmp_path: Path, defence: str) -> None:
    short: dict[str, Any] = {"search": "gradient_ascent(steps=2)", "corruptions": ("brightness",), "seed": 0}
    config = DefendConfig(
        model=f"{nets}:module",
        data=DATA,
        limit=40 if defence.startswith("squeezing") else 8,
        threat="linf(eps=0.1)",
        unseen="l2(eps=0.5)",
        defences=(defence,),
        out=str(tmp_path / "d"),
        **short,
    )
    found = run_defend(config)
    assert found.sent == saw(nets)
    assert found.asked > 0


def test_rows_that_stand_twice_in_a_batch_are_counted_twice() -> None:
    model = sp.as_model(torch.nn.Linear(4, 3), name="net")
    x, y = torch.rand(3, 4), torch.tensor([0, 1, 2])
    cost = Cost.of(3)
    oracle = Oracle(model, Linf(0.1).within(InputSpace(0, 1, "vector")), x, y, cost)
    rows = torch.tensor([0, 0, 2])
    part = oracle[rows]
    part(torch.zeros(3, 4))
    assert cost.forwards.tolist() == [2, 0, 1]
    part.gradients(torch.zeros(3, 4), (lambda scores, labels: scores.sum(1),))
    assert cost.forwards.tolist() == [4, 0, 2]
    assert cost.backwards.tolist() == [2, 0, 1]
    assert cost.sighted.tolist() == [2, 0, 1]
    oracle[torch.tensor([2, 1, 0])](torch.zeros(3, 4))
    assert cost.forwards.tolist() == [5, 1, 3]
    oracle[torch.tensor([True, False, True])][torch.tensor([1, 1])](torch.zeros(2, 4))
    assert cost.forwards.tolist() == [5, 1, 5]


class Counts(Scores):
    """A user's class that counts itself."""

    name = "counts"

    def __init__(self, inner: Scores | None = None) -> None:
        self.rows, self.inner = 0, inner

    def fingerprint(self) -> str:
        return "counts"

    def scores(self, x: Tensor) -> Tensor:
        self.rows += len(x)
        return self.inner.scores(x) if self.inner else x.flatten(1)[:, :3]


class CountsAtTheTop(Counts):
    """A subclass of a user's class, whose parent is asked too."""

    def scores(self, x: Tensor) -> Tensor:
        return super().scores(x) * 2

    def labels(self, x: Tensor) -> Tensor:
        return self.scores(x).argmax(1)


def test_a_row_is_counted_where_it_reaches_the_users_code_and_nowhere_else() -> None:
    x = torch.rand(5, 8)
    module = sp.as_model(torch.nn.Linear(8, 3), name="module")
    assert isinstance(module, Scores)
    for model, expected in ((Counts(), 5), (CountsAtTheTop(), 5), (Counts(module), 16), (Counts(Counts()), 5)):
        with counting_queries() as count:
            model.scores(x)
        assert count.sent == expected
        with counting_queries() as count:
            model.labels(x)
        assert count.sent == expected


def test_meters() -> None:
    with counting_queries() as outer:
        count_sent("a", 2)
        with counting_queries() as inner, counting_queries(inner):
            count_sent("b", 3)
            count_asked(4)
            with uncounted():
                count_sent("c", 100)
        count_sent("a", 1)
    count_sent("a", 50)
    assert (outer.sent, dict(outer.by_model), outer.asked) == (6, {"a": 3, "b": 3}, 4)
    assert (inner.sent, inner.asked) == (3, 4)
    assert open_counts() == ()


@pytest.fixture
def endpoint() -> Iterator[tuple[str, list[int]]]:
    """A server that fails every third request, and the rows of each that it saw."""
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
    from threading import Lock, Thread

    seen: list[int] = []
    lock = Lock()

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            x = np.array(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["inputs"], dtype=np.float32)
            with lock:
                seen.append(len(x))
                fails = len(seen) % 3 == 0
            body = b"" if fails else json.dumps({"scores": x.reshape(len(x), -1)[:, :10].tolist()}).encode()
            self.send_response(503 if fails else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", seen
    server.shutdown()
    server.server_close()


def test_requests_that_are_tried_again_were_sent(endpoint: tuple[str, list[int]]) -> None:
    from shiftproof.models.posting import EndpointOptions

    url, seen = endpoint
    data = examples(20)
    with counting_queries() as count:
        model = sp.load_model(url, probe=data.x[:3], endpoint=EndpointOptions(rows=4, wait=0.0, attempts=8))
        sp.confront(model, Linf(0.1), search=searches.build("best_of_n(n=2)"), examples=data)
    assert count.sent == sum(seen) > count.asked
