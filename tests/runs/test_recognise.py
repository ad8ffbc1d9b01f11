"""What becomes of a folder when the model, a part, a method or an endpoint is another thing by now: never its old numbers."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import shiftproof as sp
from shiftproof.evaluation.compare import compare_runs
from shiftproof.models import EndpointOptions
from shiftproof.oracle import Oracle
from shiftproof.randomness import Rng
from shiftproof.records.audit import read_audit
from shiftproof.runs.cell import Cell
from shiftproof.runs.work import Work
from shiftproof.searches import Search
from shiftproof.shifts import Boxed, Shift
from shiftproof.training.methods.abstract import Batch, Method, Step, plain_step
from shiftproof.training.train import train
from small_runs import command, stamps

DARK = torch.rand(10, 1, 4, 4, generator=torch.Generator().manual_seed(0)) * 0.4
PICTURES = torch.cat([DARK, 1 - DARK])


def tells_dark_from_bright(scale: float = 1.0) -> nn.Module:
    net = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
    with torch.no_grad():
        net[1].weight.copy_(torch.tensor([[-1.0] * 16, [1.0] * 16]) * scale)  # type: ignore[operator]
        net[1].bias.copy_(torch.tensor([8.0, -8.0]) * scale)  # type: ignore[operator]
    return net


DATA = sp.examples(PICTURES, np.repeat([0, 1], 10))
Change = Callable[[Tensor], Tensor]


def audited(out: Path, model: object = None, **options: Any) -> sp.Report:
    return sp.audit(tells_dark_from_bright() if model is None else model, DATA, out=str(out), progress=False, **options)


def written(change: Change, module: str = "mine", limit: float = 1.0) -> Shift:
    """A shift of one's own, as if its file had been edited between two calls."""

    @dataclass(frozen=True)
    class Mine(Boxed):
        name = "mypkg/mine"
        kinds = frozenset({"vector", "image"})
        strength = "most"
        most: float

        def limits(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
            return (0.0,), (self.most,)

        def apply(self, x: Tensor, params: Tensor) -> Tensor:
            return change(x)

    Mine.__module__ = module
    return Mine(limit)


def same(x: Tensor) -> Tensor:
    return x + 0


def inverted(x: Tensor) -> Tensor:
    return 1 - x


def test_an_edited_shift_is_measured_anew_and_said(tmp_path: Path) -> None:
    first = audited(tmp_path, shifts=[written(same)], searches=["one_draw"])
    second = audited(tmp_path, shifts=[written(inverted)], searches=["one_draw"])
    name = "mypkg/mine(most=1)"
    assert (first.accuracy(name), second.accuracy(name)) == (1.0, 0.0)
    assert second.record.model.notes == [
        "Changed since the last run in this folder: mypkg/mine(most=1). They are measured again; no earlier result of them is used."
    ]
    assert first.record.model.notes == []


@dataclass(frozen=True)
class Held(Boxed):
    """A shift that holds what is no option: a function, pictures, another part."""

    name: ClassVar[str] = "mypkg/held"
    kinds = frozenset({"vector", "image"})
    strength: ClassVar[str] = "most"
    most: float = 1.0
    held: Any = field(default=None, kw_only=True, compare=False, repr=False)

    def limits(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        return (0.0,), (self.most,)

    def apply(self, x: Tensor, params: Tensor) -> Tensor:
        moved: Tensor = x if self.held is None else self.held(x)
        return moved


class Adds:
    def __init__(self, amount: Tensor) -> None:
        self.amount = amount

    def __call__(self, x: Tensor) -> Tensor:
        return (x + self.amount).clamp(0, 1)


@pytest.mark.parametrize(
    ("before", "after"),
    [(same, inverted), (Adds(torch.zeros(4, 4)), Adds(torch.ones(4, 4))), (tells_dark_from_bright(), tells_dark_from_bright(2.0))],
    ids=["function", "tensor", "network"],
)
def test_what_a_part_holds_beside_its_options_counts(before: Any, after: Any) -> None:
    def key(held: Any) -> str:
        return Cell("model", "data", Held(held=held), sp.OneDraw(), 0, 0, 20, 20).key()

    assert key(before) == key(before) != key(after)


def test_backgrounds_count(tmp_path: Path) -> None:
    from shiftproof.shifts.factors.background import Background

    def key(images: Tensor) -> str:
        return Cell("model", "data", Background(1.0).with_images(images), sp.OneDraw(), 0, 0, 20, 20).key()

    assert key(PICTURES) == key(PICTURES.clone()) != key(1 - PICTURES)


def searching(most: int) -> Search:
    @dataclass(frozen=True)
    class Mine(Search):
        name = "mypkg/search"

        def most_passes(self, shift: Shift) -> int:
            return 3

        def __call__(self, shift: Shift, oracle: Oracle, x: Tensor, rng: Rng) -> Tensor:
            params = shift.sample(x, rng)
            for query in range(most):
                params = shift.sample(x, rng.child(query))
            return params

    return Mine()


def test_an_edited_search_is_another(tmp_path: Path) -> None:
    keys = {Cell("model", "data", sp.Linf(0.1), searching(most), 0, 0, 20, 20).key() for most in (0, 1, 1, 2)}
    assert len(keys) == 3


def test_neither_module_nor_file_of_a_part_counts() -> None:
    assert (
        Cell("m", "d", written(same, "here"), sp.OneDraw(), 0, 0, 9, 9).key()
        == Cell("m", "d", written(same, "there"), sp.OneDraw(), 0, 0, 9, 9).key()
    )
    identity = Cell("m", "d", sp.Linf(0.1), sp.GradientAscent(), 0, 0, 9, 9).identity()
    assert not any("shiftproof." in str(value) or "Linf" in str(value) for value in identity.values())


def test_a_cell_carries_its_identity_to_workers() -> None:
    """Also one that cannot be found again, which would be drawn anew."""
    held = Cell("model", "data", Held(held=Wire()), sp.OneDraw(), 0, 0, 20, 20)
    assert pickle.loads(pickle.dumps(held)).key() == held.key()
    assert Cell("model", "data", Held(held=Wire()), sp.OneDraw(), 0, 0, 20, 20).key() != held.key()


class Wire:
    """A connection, say: nobody can read what is behind it."""

    def __init__(self) -> None:
        self.open = (number for number in range(3))

    def __reduce__(self) -> tuple[type[Wire], tuple[()]]:
        return Wire, ()

    def __call__(self, x: Any) -> Any:
        return np.stack([-x.reshape(len(x), -1).mean(1) + 0.5, x.reshape(len(x), -1).mean(1) - 0.5], axis=1)


def test_a_part_that_cannot_be_recognised_is_measured_and_not_resumed(tmp_path: Path) -> None:
    first = audited(tmp_path, shifts=[Held(held=Adds(torch.zeros(4, 4))), Held(0.5, held=_Wired())], searches=["one_draw"])
    assert first.record.complete
    assert "cannot recognise mypkg/held(most=0.5): mypkg/held.held.wire.open: objects of type" in first.record.model.notes[0]
    assert "give its class a name for its state, code_version = '1'" in first.record.model.notes[0]
    with pytest.raises(
        sp.UsageError, match=r"cannot be resumed, because mypkg/held\(most=0.5\) cannot be recognised.*Choose another folder"
    ):
        audited(tmp_path, shifts=[Held(held=Adds(torch.zeros(4, 4))), Held(0.5, held=_Wired())], searches=["one_draw"])

    class Named(Held):
        code_version = "1"

    for _ in range(2):
        audited(tmp_path / "named", shifts=[Named(0.5, held=_Wired())], searches=["one_draw"])


class _Wired:
    def __init__(self) -> None:
        self.wire = Wire()

    def __call__(self, x: Tensor) -> Tensor:
        return x


SHIFTS: dict[str, Any] = {"shifts": ["linf(eps=0.1)"], "searches": ["one_draw"]}


def not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Work, "_run", lambda *_: pytest.fail("a finished cell was run again"))


def test_a_changed_model_is_measured_anew_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    audited(tmp_path, **SHIFTS)
    changed = audited(tmp_path, tells_dark_from_bright(-1.0), **SHIFTS)
    assert changed.accuracy() == 0.0
    assert changed.record.model.notes == [
        "Changed since the last run in this folder: the model 'Sequential'. They are measured again; no earlier result of them is used."
    ]
    not_run(monkeypatch)
    assert audited(tmp_path, **SHIFTS).accuracy() == 1.0  # what is finished of the first one is still there


def test_a_model_that_cannot_be_recognised_is_measured_and_not_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = audited(tmp_path / "run", Wire(), **SHIFTS)
    assert first.accuracy() == 1.0
    (note,) = [note for note in first.record.model.notes if "cannot recognise" in note]
    assert "Wire.open: objects of type builtins.generator cannot be read" in note
    assert "give its state a name with --model-version" in note
    before = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}
    with pytest.raises(sp.UsageError, match=r"cannot be resumed, because the model 'Wire' cannot be recognised.*--model-version"):
        audited(tmp_path / "run", Wire(), **SHIFTS)
    assert {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()} == before

    audited(tmp_path / "named", Wire(), model_version="1", **SHIFTS)
    with monkeypatch.context() as patch:
        not_run(patch)
        audited(tmp_path / "named", Wire(), model_version="1", **SHIFTS)
        audited(tmp_path / "named", sp.as_model(Wire(), name="Wire", gives="scores", takes="numpy", version="1"), **SHIFTS)
    said = audited(tmp_path / "named", Wire(), model_version="2", **SHIFTS).record
    assert said.model.fingerprint.endswith("+version:2")


def test_confronting_asks_for_no_identity() -> None:
    model = sp.as_model(Wire(), name="wire", gives="scores")
    assert sp.confront(model, sp.Linf(0.01), search=sp.OneDraw(), examples=DATA).accuracy == 1.0


def test_a_run_of_an_older_form_is_shown_and_not_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    audited(old, **SHIFTS)
    audited(new, **SHIFTS)
    plan = json.loads((old / "plan.json").read_text())
    for key in ("form", "known", "answers"):
        del plan[key]
    (old / "plan.json").write_text(json.dumps({**plan, "model": "torch:00"}))
    before = stamps(old)
    message = r"written by an older version of shiftproof \(form 1, now 2\).*`shiftproof compare` still read it"
    with pytest.raises(sp.UsageError, match=message):
        audited(old, **SHIFTS)
    assert stamps(old) == before
    assert read_audit(old).complete
    assert compare_runs([old, new]).rows
    assert command(monkeypatch, "report", old) == 0
    assert command(monkeypatch, "compare", old, new) == 0


def test_a_version_is_given_on_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "nets.py").write_text(
        "import torch\ndef net():\n    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))\n"
    )
    words = ["audit", "--model", f"{tmp_path}/nets.py:net", "--limit", 10, "--shift", "linf(eps=0.1)", "--search", "one_draw", "--quiet"]
    assert command(monkeypatch, *words, "--model-version", "tuesday", "--out", tmp_path / "run") == 0
    assert read_audit(tmp_path / "run").model.fingerprint.endswith("+version:tuesday")


class Endpoint:
    """A model behind HTTP that counts what it is asked, and whose answers may change, or differ from call to call."""

    def __init__(self) -> None:
        self.asked, self.sign, self.restless, self.url = 0, 1.0, 0.0, ""

    def answer(self, inputs: Any) -> list[list[float]]:
        self.asked += len(inputs)
        mean = np.asarray(inputs).reshape(len(inputs), -1).mean(1) - 0.5 + self.restless * self.asked
        return np.stack([-self.sign * mean, self.sign * mean], axis=1).tolist()  # type: ignore[no-any-return]


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    state = Endpoint()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            given = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            content = json.dumps({"scores": state.answer(given["inputs"])}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    state.url = f"http://127.0.0.1:{http.server_port}/predict"
    yield state
    http.shutdown()
    thread.join()
    http.server_close()


def test_an_endpoint_that_answers_as_before_is_resumed(endpoint: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = audited(tmp_path, endpoint.url, **SHIFTS).record
    date = json.loads((tmp_path / "plan.json").read_text())["answers"]["date"]
    assert f"as answered on {date[:10]}." in first.model.notes[-1]
    asked, endpoint.asked = endpoint.asked, 0
    not_run(monkeypatch)
    again = audited(tmp_path, endpoint.url, **SHIFTS).record
    assert again.results == first.results
    assert endpoint.asked < asked
    assert json.loads((tmp_path / "plan.json").read_text())["answers"]["date"] == date  # of the answers that the numbers are made of


def test_an_endpoint_that_answers_otherwise_is_refused(endpoint: Endpoint, tmp_path: Path) -> None:
    audited(tmp_path, endpoint.url, **SHIFTS)
    endpoint.sign = -1.0
    with pytest.raises(
        sp.UsageError, match=r"gives other answers to 8 of 8 inputs than on .*the model behind it has changed. Choose another folder"
    ):
        audited(tmp_path, endpoint.url, **SHIFTS)
    with pytest.raises(sp.UsageError, match="the model behind it has changed"):
        audited(tmp_path, sp.load_model(endpoint.url, gives="scores"), **SHIFTS)


def test_a_restless_endpoint_is_gone_on_with_and_never_read_again(
    endpoint: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint.restless = 1e-6
    stop = Work._run

    def dies(self: Work, cell: Cell, *given: Any) -> None:
        if cell.shift.name == "linf":
            raise KeyboardInterrupt
        stop(self, cell, *given)

    with monkeypatch.context() as patch:
        patch.setattr(Work, "_run", dies)
        with pytest.raises(KeyboardInterrupt):
            audited(tmp_path, endpoint.url, **SHIFTS)
    finished = audited(tmp_path, endpoint.url, **SHIFTS).record
    assert finished.complete
    assert "It answered differently when asked twice, so a finished run of it is never read again." in finished.model.notes[-1]
    with pytest.raises(sp.UsageError, match=r"is finished, and the endpoint .* answers differently each time.*as answered on"):
        audited(tmp_path, endpoint.url, **SHIFTS)


def test_a_url_with_another_name_or_options_is_another_model() -> None:
    def known(**options: Any) -> str:
        return sp.load_model("http://host.example/predict", **{"gives": "scores", **options}).fingerprint()

    rows = {"endpoint": EndpointOptions(rows=3)}
    versions: list[dict[str, Any]] = [{}, {"name": "small"}, {"gives": "labels"}, {"version": "2"}, rows]
    assert len({known(**each) for each in versions}) == len(versions)
    assert known(endpoint=EndpointOptions(timeout=3, attempts=9)) == known()  # which change no answer


TRAINING: dict[str, Any] = {"epochs": 1, "batch_size": 32, "held_out": 0.2, "search": "one_draw"}
DIGITS = sp.load_data("digits:?split=train", limit=200)


def teaching(weight: float) -> Method:
    @dataclass(frozen=True)
    class Mine(Method):
        name = "mypkg/method"

        def judge(self, net: nn.Module, batch: Batch, x: Tensor, memory: nn.Module) -> Step:
            made = plain_step(net, x, batch.y)
            return Step(made.x, made.targets, made.losses, made.weights * weight, made.scores)

    return Mine()


def student(scale: float) -> Callable[[], nn.Module]:
    class Student(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.held = nn.Linear(64, 10), {"scale": scale}

        def forward(self, x: Tensor) -> Tensor:
            return self.layer(x.flatten(1)) * self.held["scale"]  # type: ignore[no-any-return]

    return Student


def test_a_training_of_another_network_or_method_is_not_gone_on_with(tmp_path: Path) -> None:
    first = train(student(1.0), DIGITS, teaching(1.0), out=tmp_path, **TRAINING)
    assert train(student(1.0), DIGITS, teaching(1.0), out=tmp_path, **TRAINING).curve == first.curve
    with pytest.raises(sp.UsageError, match="holds another training: its 'model' was"):
        train(student(2.0), DIGITS, teaching(1.0), out=tmp_path, **TRAINING)
    with pytest.raises(sp.UsageError, match="holds another training: its \"method's code\" was|its 'method's code' was"):
        train(student(1.0), DIGITS, teaching(2.0), out=tmp_path, **TRAINING)
    with pytest.raises(sp.UsageError, match="holds another training: its 'model' was"):
        train(student(1.0), DIGITS, teaching(1.0), out=tmp_path, version="2", **TRAINING)


def test_a_training_counts_what_its_teacher_is(tmp_path: Path) -> None:
    def taught(seed: int) -> None:
        net = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
        for parameter in net.parameters():
            nn.init.constant_(parameter, float(seed))
        torch.save(net.state_dict(), tmp_path / "teacher.pt")
        for parameter in net.parameters():
            nn.init.zeros_(parameter)
        train(net, DIGITS, f"distillation(teacher='{tmp_path}/teacher.pt')", out=tmp_path / "run", **TRAINING)

    taught(0)
    taught(0)
    with pytest.raises(sp.UsageError, match="holds another training: its \"method's memory\" was|its 'method's memory' was"):
        taught(1)


def test_a_training_that_cannot_be_recognised_or_is_older(tmp_path: Path) -> None:
    def opaque() -> nn.Module:
        net = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
        net.open = (number for number in range(3))  # type: ignore[assignment]
        return net

    train(opaque, DIGITS, "plain", out=tmp_path / "opaque", **TRAINING)
    with pytest.raises(sp.UsageError, match=r"cannot be resumed, because its model cannot be identified: model.open: objects of type"):
        train(opaque, DIGITS, "plain", out=tmp_path / "opaque", **TRAINING)
    for _ in range(2):
        train(opaque, DIGITS, "plain", out=tmp_path / "named", version="1", **TRAINING)
    record = json.loads((tmp_path / "named" / "training.json").read_text())
    del record["asked"]["form"], record["seal"]
    (tmp_path / "named" / "training.json").write_text(json.dumps(record))
    with pytest.raises(sp.UsageError, match="was started by an older version of shiftproof"):
        train(opaque, DIGITS, "plain", out=tmp_path / "named", version="1", **TRAINING)
