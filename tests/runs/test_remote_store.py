"""Runs at a URL of fsspec: resumed from elsewhere, shared, whole whatever the file system does, and read by the other commands."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

import shiftproof as sp
from shiftproof._errors import StoredFileWarning
from shiftproof.runs import remote_store
from shiftproof.runs.claim_objects import ClaimObjects
from shiftproof.runs.claims import Claims
from shiftproof.runs.remote_store import Mirror, fetched
from shiftproof.runs.work import Work
from small_runs import as_typed, command, linear_net, record, timeless, write_nets

USUAL: dict[str, Any] = {"limit": 10, "shifts": ("linf(eps=0.1)",), "searches": ("one_draw", "best_of_n(n=3)"), "progress": False}
CELLS = 3


class Faulty(MemoryFileSystem):  # type: ignore[misc]  # fsspec has no types
    """A file system in memory that does badly what its tests tell it to."""

    protocol = "faulty"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    cachable = False
    failing_puts = 0
    short_gets = 0
    short_puts = 0
    bad_gets = ""
    refuses = ""
    once = True

    def _open(self, path: str, mode: str = "rb", **options: Any) -> Any:
        self._may(mode[0])
        if mode[0] == "x" and not Faulty.once:
            raise NotImplementedError("exclusive")
        return super()._open(path, mode, **options)

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **options: Any) -> None:
        self._may("w")
        if Faulty.failing_puts and "/cells/" in path:
            Faulty.failing_puts -= 1
            raise OSError("the network is down")
        if Faulty.short_puts and "/cells/" in path:
            Faulty.short_puts -= 1
            value = value[:-1]
        super().pipe_file(path, value, mode if Faulty.once else "overwrite")

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **options: Any) -> bytes:
        content: bytes = super().cat_file(path, start, end)
        if Faulty.short_gets and "/cells/" in path:
            Faulty.short_gets -= 1
            return content[:-1]
        if Faulty.bad_gets and Faulty.bad_gets in path:
            return content[:100] + bytes([content[100] ^ 1]) + content[101:]
        return content

    def find(self, path: str, *more: Any, **options: Any) -> Any:
        self._may("r")
        return super().find(path, *more, **options)

    def _may(self, mode: str) -> None:
        if mode in Faulty.refuses:
            raise PermissionError("access denied")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(remote_store, "PAUSE", 0.0)
    monkeypatch.setattr(remote_store, "LOOK", 0.01)
    fsspec.register_implementation("faulty", Faulty, clobber=True)
    yield
    MemoryFileSystem.store.clear()
    Faulty.store.clear()
    Faulty.failing_puts = Faulty.short_gets = Faulty.short_puts = 0
    Faulty.bad_gets, Faulty.refuses, Faulty.once = "", "", True


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which cells are measured."""
    found: list[str] = []
    run = Work._run

    def counting(self: Work, cell: Any, *rest: Any) -> None:
        found.append(cell.key())
        run(self, cell, *rest)

    monkeypatch.setattr(Work, "_run", counting)
    return found


def audit(url: str, **options: Any) -> sp.Report:
    return sp.audit(linear_net(), "digits:", out=url, **{**USUAL, **options})


def results(report: sp.Report) -> Any:
    return timeless(report.record.model_dump()["results"])


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> sp.Report:
    return audit(str(tmp_path_factory.mktemp("local")))


def there(url: str) -> dict[str, bytes]:
    """All objects at a URL by their names."""
    fs, root = fsspec.core.url_to_fs(url)
    return {path.split("/run/", 1)[1]: fs.cat_file(path) for path in fs.find(root)}


@pytest.mark.parametrize("kind", ["memory://bucket/run", "file://{}/run", "dir::file://{}/run"])
def test_a_run_at_a_url_is_that_in_a_folder(kind: str, local: sp.Report, ran: list[str], tmp_path: Path) -> None:
    url = kind.format(tmp_path)
    first = audit(url)
    assert results(first) == results(local)
    names = set(there(url))
    assert {"plan.json", "audit.json", "index.html"} <= names
    assert {name for name in names if name.startswith("cells/")} == {f"cells/{path.name}" for path in (local.folder / "cells").iterdir()}
    assert not {name for name in names if name.startswith(("claims/", "partial/"))}
    assert len(ran) == CELLS
    again = audit(url)  # from another machine: its working folder is new
    assert again.folder != first.folder
    assert results(again) == results(local)
    assert len(ran) == CELLS
    assert (again.record.sent or 0) > (first.record.sent or 0)  # the looks of both calls at the model


def test_a_run_goes_on_from_what_is_there(local: sp.Report, ran: list[str]) -> None:
    audit("memory://bucket/run")
    lost = next(path for path in fsspec.filesystem("memory").find("/bucket/run/cells") if path.endswith(".parquet"))
    fsspec.filesystem("memory").rm(lost)
    ran.clear()
    assert results(audit("memory://bucket/run")) == results(local)
    assert ran == [Path(lost).stem]


def test_calls_at_once_measure_each_cell_once(local: sp.Report, ran: list[str], tmp_path: Path) -> None:
    found: list[sp.Report] = []
    url = f"file://{tmp_path}/run"
    threads = [threading.Thread(target=lambda: found.append(audit(url, shard_size=5))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ran) == len(set(ran)) == 2 * CELLS
    assert [results(report) for report in found] == [results(audit(str(tmp_path / "straight"), shard_size=5))] * 2


def test_workers_are_under_one_working_folder(local: sp.Report, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    words = ["audit", "--model", f"{write_nets(tmp_path)}:nearest", "--limit", "5", "--shift", "linf(eps=0.1)", "--search", "one_draw"]
    assert command(monkeypatch, *words, "--backend", "processes", "--out", f"file://{tmp_path}/run") == 0
    assert record(tmp_path / "run")["complete"]


@pytest.mark.parametrize("fault", ["failing_puts", "short_puts", "short_gets"])
def test_a_transfer_that_fails_is_tried_again(fault: str, local: sp.Report, ran: list[str]) -> None:
    setattr(Faulty, fault, 2)
    audit("faulty://bucket/run")
    assert results(audit("faulty://bucket/run")) == results(local)
    assert getattr(Faulty, fault) == 0
    assert len(ran) == CELLS


def test_what_cannot_be_put_there_is_kept_here(local: sp.Report, ran: list[str]) -> None:
    Faulty.failing_puts = 10_000
    with pytest.warns(StoredFileWarning, match="the network is down"), pytest.raises(sp.UsageError, match="is not all at") as raised:
        audit("faulty://bucket/run")
    kept = Path(str(raised.value).split("It is whole in '")[1].split("'")[0])
    assert record(kept)["complete"]
    Faulty.failing_puts = 0
    ran.clear()
    assert results(audit("faulty://bucket/run")) == results(local)
    assert len(ran) == CELLS


def test_a_damaged_object_is_measured_again(local: sp.Report, ran: list[str]) -> None:
    audit("faulty://bucket/run")
    Faulty.bad_gets = next(name for name in there("faulty://bucket/run") if name.endswith(".parquet"))
    ran.clear()
    told = r"The file 'faulty://bucket/run/cells/\S+' is not used: its checksum does not match its content. Its cell is run again"
    with pytest.warns(StoredFileWarning, match=told):
        assert results(audit("faulty://bucket/run")) == results(local)
    assert [f"cells/{key}.parquet" for key in ran] == [Faulty.bad_gets]


def test_a_get_that_is_always_short_is_named() -> None:
    audit("faulty://bucket/run")
    Faulty.short_gets = 10_000
    with pytest.raises(
        sp.UsageError, match=r"The output folder 'faulty://bucket/run' cannot be read: 'cells/\w+.parquet' has \d+ bytes, and"
    ):
        audit("faulty://bucket/run")


def test_other_files_and_another_run_are_refused() -> None:
    fsspec.filesystem("memory").pipe_file("/bucket/notes/mine.txt", b"mine")
    with pytest.raises(sp.UsageError, match="The output folder 'memory://bucket/notes' holds other files and no shiftproof run"):
        audit("memory://bucket/notes")
    audit("memory://bucket/run")
    before = there("memory://bucket/run")
    with pytest.raises(sp.UsageError, match="'memory://bucket/run' holds another run: its seed is 0, and this run's is 1"):
        audit("memory://bucket/run", seed=1)
    assert there("memory://bucket/run") == before


def test_a_run_that_was_quicker_has_the_url(monkeypatch: pytest.MonkeyPatch) -> None:
    begin = Mirror.begin

    def slowly(self: Mirror) -> None:
        begin(self)
        monkeypatch.setattr(Mirror, "begin", begin)
        audit("memory://bucket/run")

    monkeypatch.setattr(Mirror, "begin", slowly)
    with pytest.raises(sp.UsageError, match="'memory://bucket/run' holds another run: its seed is 0, and this run's is 1"):
        audit("memory://bucket/run", seed=1)


@pytest.mark.parametrize(("mode", "what"), [("r", "read"), ("wx", "written")])
def test_without_rights_nothing_is_measured(mode: str, what: str, ran: list[str]) -> None:
    Faulty.refuses = mode
    with pytest.raises(sp.UsageError, match=f"The output folder 'faulty://bucket/run' cannot be {what}: .*access denied"):
        audit("faulty://bucket/run")
    assert not ran


def test_a_file_system_that_makes_nothing_once_is_said_to(local: sp.Report) -> None:
    Faulty.once = False
    with pytest.warns(StoredFileWarning, match="cannot make an object only once, so calls at once may repeat each other's cells"):
        assert results(audit("faulty://bucket/run")) == results(local)


def test_a_url_that_nobody_knows() -> None:
    with pytest.raises(sp.UsageError, match=r"The URL 'nope://bucket/run' cannot be used: ValueError: Protocol not known: nope"):
        audit("nope://bucket/run")


def test_a_url_that_needs_a_package(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(url: str) -> None:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(fsspec.core, "url_to_fs", missing)
    with pytest.raises(sp.UsageError, match=r"The URL 's3://bucket/run' needs another package: Install s3fs to access S3\."):
        audit("s3://bucket/run")
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(sp.UsageError, match=r"needs the package fsspec. Run: pip install 'shiftproof\[remote\]'"):
        audit("s3://bucket/run")


@pytest.mark.parametrize("url", ["file:///tmp/run?token=hunter22", "memory://bucket/run#hunter22"])
def test_a_url_with_more_than_a_place_is_refused(url: str) -> None:
    with pytest.raises(sp.UsageError, match="has more than a place: a user, a password, or what follows") as raised:
        audit(url)
    assert "hunter22" not in str(raised.value)


def test_a_path_that_was_a_url_is_refused() -> None:
    with pytest.raises(sp.UsageError, match="'s3:/bucket/run' lacks a slash of a URL. Write 's3://bucket/run', as text"):
        audit(str(Path("s3://bucket/run")))


def test_a_password_in_a_url_is_not_shown() -> None:
    with pytest.raises(sp.UsageError) as raised:
        audit("nope://me:hunter22@host/run")
    assert "hunter22" not in str(raised.value)
    assert "nope://host/run" in str(raised.value)


def test_workers_elsewhere_do_not_see_the_working_folder() -> None:
    with pytest.raises(sp.UsageError, match="workers at ray:auto do not see. Start the same command on each machine instead"):
        audit("memory://bucket/run", backend="ray:auto")


def test_the_choice_of_a_budget_is_stored_there() -> None:
    found = sp.plan(linear_net(), "digits:", out="memory://bucket/run", budget="2000 rows", limit=10, shifts=["linf(eps=0.1)"])
    assert found.stored == "memory://bucket/run/plan.json"
    assert "plan.json" in there("memory://bucket/run")


def test_other_commands_read_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a", "b"):
        audit(f"memory://bucket/run/{name}", name=name)
    fs = fsspec.filesystem("memory")
    fs.rm("/bucket/run/a/index.html")
    assert as_typed(monkeypatch, "report", "memory://bucket/run/a") == 0
    assert "Page: memory://bucket/run/a/index.html" in capsys.readouterr().out
    assert fs.exists("/bucket/run/a/index.html")
    assert as_typed(monkeypatch, "report", "memory://bucket/run") == 0
    assert b"a/index.html" in fs.cat_file("/bucket/run/index.html")
    assert as_typed(monkeypatch, "compare", "memory://bucket/run/a", "memory://bucket/run/b") == 0
    assert as_typed(monkeypatch, "leaderboard", "memory://bucket/run") == 0
    said = capsys.readouterr()
    assert "shiftproof-" not in said.out
    with pytest.raises(sp.UsageError, match="There is nothing at 'memory://bucket/none'. Give the URL of a run"):
        fetched("memory://bucket/none")
    assert fetched(tmp_path) == tmp_path


@pytest.mark.parametrize(
    "words",
    [
        ["transfer", "--model", "{nets}:small", "--model", "{nets}:nearest", "--shift", "linf(eps=0.1)"],
        ["train", "{nets}:small", "--method", "plain"],
        ["severity", "--model", "{nets}:small", "--shift", "rotation(degrees=60)"],
    ],
)
def test_other_commands_write_to_folders_only(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    nets = write_nets(tmp_path)
    assert command(monkeypatch, *[word.format(nets=nets) for word in words], "--out", "s3://bucket/run") == 2
    assert "is a URL, which only `shiftproof audit` can write to" in " ".join(capsys.readouterr().err.split())
    assert [path.name for path in tmp_path.iterdir()] == ["nets.py"]


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (["audit", "--model", "nets.py:small", "--out", "runs", "--junit", "s3://bucket/x"], "--junit"),
        (["audit", "--model", "nets.py:small", "--out", "runs", "--plan", "s3://bucket/x"], "--plan"),
        (["leaderboard", "runs", "--export", "s3://bucket/x"], "--export"),
        (["rewrite", "--data", "digits:", "--shift", "typos(edits=1)", "--out", "s3://bucket/x"], "--out"),
        (["study", "run", "invariant_predictors", "--out", "s3://bucket/x"], "--out"),
        (["study", "judge", "s3://bucket/x"], "FOLDER"),
        (["study", "page", "s3://bucket/x"], "FOLDER"),
        (["line", "s3://bucket/x"], "TABLES"),
    ],
)
def test_places_on_this_machine_only(
    words: list[str], option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert as_typed(monkeypatch, *words) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert f"The place 's3://bucket/x' of {option} is a URL, and must be a local path. Copy the file between the two." in said
    assert not [*tmp_path.iterdir()]


def test_claims_as_objects() -> None:
    place = ClaimObjects(fsspec.filesystem("memory"), "/bucket/run/claims")
    one, other = Claims(place), Claims(place)
    assert not [*place.names()]
    with one.living():
        assert one.take("job")
        assert not other.take("job")
        assert one.take("job")
        assert not place.left(f"{one.owner.token}.alive")
        claim = one.holder("job")
        assert claim is not None
        assert other.take_over(claim)
        other.release("job")
        assert [*place.names()] == [f"{one.owner.token}.alive"]
    assert not [*place.names()]
    place.remove("nothing")
    place.clear()


def test_a_claim_that_cannot_be_made_is_a_message() -> None:
    place = ClaimObjects(Faulty(), "/bucket/run/claims")
    Faulty.refuses = "x"
    with pytest.raises(sp.UsageError, match=r"cannot write 'job.0' \(PermissionError: access denied\)"):
        Claims(place).take("job")
    Faulty.refuses = "w"
    with pytest.raises(OSError, match="access denied"), place.held("alive"):
        pass


def test_names_that_lead_out_of_the_folder_are_left(tmp_path: Path) -> None:
    audit("memory://bucket/run")
    MemoryFileSystem.store["/bucket/run/../../escaped"] = MemoryFileSystem.store["/bucket/run/plan.json"]
    folder = fetched("memory://bucket/run")
    assert not list(folder.parent.rglob("escaped"))
