"""What a model sets for the process stays its own: nothing of ours depends on it, and it finds it again at its next call."""

from __future__ import annotations

import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

import shiftproof as sp
from shiftproof._errors import StoredFileWarning
from shiftproof._interrupt import Once

X = torch.rand(6, 4, generator=torch.Generator().manual_seed(0))
Act = Callable[[], object]


class Acts(torch.nn.Module):
    def __init__(self, act: Act) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(4, 2)
        self.act = act

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.linear(x)
        self.act()
        return scores


@pytest.fixture(autouse=True)
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Puts everything back, also where the code under test does not."""
    monkeypatch.chdir(tmp_path)
    out, err = sys.stdout, sys.stderr
    yield
    from shiftproof.models.user_code import forget_settings

    sys.stdout, sys.stderr = out, err
    torch.set_default_dtype(torch.float32)
    torch.set_grad_enabled(True)
    forget_settings()


def state() -> tuple[object, ...]:
    return os.getcwd(), torch.get_default_dtype(), torch.is_grad_enabled(), sys.stdout, sys.stderr


ACTS: dict[str, Act] = {
    "the working folder": lambda: os.chdir("/"),
    "the default type": lambda: torch.set_default_dtype(torch.float64),
    "gradients": lambda: torch.set_grad_enabled(False),
    "the output": lambda: setattr(sys, "stdout", None),
    "the error stream": lambda: setattr(sys, "stderr", None),
}


@pytest.mark.parametrize("act", ACTS.values(), ids=list(ACTS))
def test_a_call_leaves_no_trace(act: Act) -> None:
    before = state()
    sp.as_model(Acts(act), name="module").labels(X)
    assert state() == before
    function = sp.as_model(lambda x: (act(), x[:, :2])[1], name="function", gives="scores")
    function.labels(X)
    assert state() == before


def test_a_call_that_raises_leaves_none_either() -> None:
    def act() -> None:
        os.chdir("/")
        raise RuntimeError("planted")

    before = state()
    with pytest.raises(RuntimeError, match="planted"):
        sp.as_model(Acts(act), name="module").labels(X)
    assert state() == before


def test_its_next_call_finds_what_it_set() -> None:
    seen: list[object] = []

    def act() -> None:
        seen.append((os.getcwd(), torch.get_default_dtype()))
        os.chdir("/")
        torch.set_default_dtype(torch.float64)

    model = sp.as_model(Acts(act), name="module")
    home = os.getcwd()
    for _ in range(2):
        model.labels(X)
    assert seen == [(home, torch.float32), ("/", torch.float64)]


def test_a_file_that_moves_when_it_is_imported(tmp_path: Path) -> None:
    (tmp_path / "moving.py").write_text(
        "import os, torch\nos.chdir('/')\ntorch.set_default_dtype(torch.float64)\n"
        "def make():\n    assert os.getcwd() == '/'\n    return torch.nn.Linear(4, 2)\n"
    )
    before = state()
    for _ in range(2):  # the second time the file has been imported already
        model = sp.load_model("moving.py:make")
        assert state() == before
        assert model.scores(X).dtype == torch.float64  # type: ignore[attr-defined]


@pytest.mark.parametrize("end", [lambda: sys.exit(0), lambda: sys.exit("stop"), quit], ids=["0", "a message", "quit"])
def test_leaving_the_program_is_an_error(end: Act) -> None:
    with pytest.raises(RuntimeError, match="ended the program"):
        sp.as_model(Acts(end), name="module").labels(X)


def silenced_from_scratch() -> None:
    warnings.resetwarnings()
    warnings.simplefilter("ignore")


FILTERS: dict[str, Act] = {
    "silenced": lambda: warnings.filterwarnings("ignore"),
    "made errors": lambda: warnings.simplefilter("error"),
    "reset and silenced": silenced_from_scratch,
}


@pytest.mark.parametrize("act", FILTERS.values(), ids=list(FILTERS))
def test_what_a_run_warns_of_is_told_whatever_a_model_filters(act: Act) -> None:
    with warnings.catch_warnings(record=True) as told:
        sp.as_model(Acts(act), name="module").labels(X)
        warnings.warn("a file is damaged", StoredFileWarning, stacklevel=1)
    assert [str(each.message) for each in told] == ["a file is damaged"]


def raises_interrupt() -> None:
    raise KeyboardInterrupt


def test_raising_an_interrupt_is_an_error_where_no_signal_came() -> None:
    model = sp.as_model(Acts(raises_interrupt), name="module")
    with pytest.raises(KeyboardInterrupt):  # Python's own handler raises the same: nobody can tell
        model.labels(X)
    before = signal.signal(signal.SIGINT, Once())
    try:
        with pytest.raises(RuntimeError, match="ended the program \\(raise KeyboardInterrupt\\)"):
            model.labels(X)
        with pytest.raises(KeyboardInterrupt):
            sp.as_model(Acts(lambda: os.kill(os.getpid(), signal.SIGINT)), name="module").labels(X)
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_run_with_a_relative_folder_is_not_lost(tmp_path: Path) -> None:
    calls = iter(range(10**6))
    model = Acts(lambda: os.chdir("/") if next(calls) == 5 else None)
    data = sp.examples(X, torch.tensor([0, 1, 0, 1, 0, 1]))
    report = sp.audit(model, data, shifts=["linf(eps=0.1)"], searches=["gradient_ascent(steps=3)"], out="run", progress=False)
    assert report.record.complete
    assert (tmp_path / "run" / "audit.json").exists()
    assert report.page == Path("run") / "index.html"


def test_an_audit_whose_model_leaves_is_incomplete(tmp_path: Path) -> None:
    calls = iter(range(10**6))
    model = Acts(lambda: sys.exit(0) if next(calls) == 5 else None)
    data = sp.examples(X, torch.tensor([0, 1, 0, 1, 0, 1]))
    report = sp.audit(model, data, shifts=["linf(eps=0.1)"], searches=["gradient_ascent(steps=3)"], out="run", progress=False)
    assert not report.record.complete
    assert any("EndedProgram" in (cell.error or "") for cell in report.record.cells)
