"""URIs, the schemes behind them, limits, and what is refused."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch

from shiftproof import UsageError, examples, load_data
from shiftproof.data.examples import Ids
from shiftproof.data.sources import Schemes, sources
from shiftproof.data.sources.abstract import AddressedSource, Option
from shiftproof.data.sources.address import parse_address
from shiftproof.data.space import InputSpace, boxed


class Constant(AddressedSource):
    """What another package might add: as many zeros as it is told to."""

    scheme = "constant"
    what = "zeros"
    options = (Option("n", "how many", "3"), Option("wide", "two columns", "false"), Option("parts", "names", "a,b"))

    @property
    def space(self) -> InputSpace:
        return boxed((0, 1))

    @property
    def ids(self) -> Ids:
        return np.arange(self.integer("n") or 0).astype(np.str_)

    @property
    def y(self) -> npt.NDArray[np.int64]:
        return np.zeros(len(self.ids), dtype=np.int64)

    def content(self) -> str:
        return "zeros"

    def inputs(self, rows: slice | npt.NDArray[np.intp]) -> torch.Tensor:
        return torch.zeros(len(self.ids), 2 if self.flag("wide") else 1)[rows]


SCHEMES = Schemes({"constant": f"{__name__}:Constant"})


def test_options_are_read_by_their_kind() -> None:
    plain, written = Constant(parse_address("constant:")), Constant(parse_address("constant:?n=5&wide=Yes&parts=a%2Cb, c%26d"))
    assert (len(plain), tuple(plain.take(slice(None)).x.shape)) == (3, (3, 1))
    assert (len(written), tuple(written.take(slice(None)).x.shape)) == (5, (5, 2))
    assert written.names("parts") == ("a,b", "c&d")
    assert written.uri == "constant:?n=5&wide=Yes&parts=a%2Cb, c%26d"
    assert plain.named  # the default: a source says so where it is not


def test_default_written_or_not_is_one_fingerprint() -> None:
    assert Constant(parse_address("constant:?n=3")).fingerprint() == Constant(parse_address("constant:")).fingerprint()
    assert Constant(parse_address("constant:?n=4")).fingerprint() != Constant(parse_address("constant:")).fingerprint()
    assert Constant(parse_address("constant:"), box=(0, 2)).fingerprint() != Constant(parse_address("constant:")).fingerprint()


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("constant:?m=3", "Unknown option of source 'constant' 'm'"),
        ("constant:?nn=3", "Unknown option of source 'constant' 'nn'. Did you mean: n?"),
        ("constant:?n=3&n=4", "The option 'n' stands twice"),
        ("constant:?n", "Cannot read 'n' in 'constant:.n': options are written name=value, joined by '&'"),
        ("constan:", "Unknown data source 'constan'. Did you mean: constant. Write SCHEME:PLACE"),
        ("constant", "Cannot read 'constant' as a data source: write SCHEME:PLACE, for example constant:."),
        ("constant?n=2", r"for example constant:\?n=2\."),
        ("some/test.npz?x=a", "Unknown data source 'npz'"),  # its kind is plain
        ("C:/test.parquet", "Unknown data source 'parquet'"),
        ("", "Cannot read ''.*for example npz:test.npz"),
    ],
)
def test_uris_that_cannot_be_read(uri: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        SCHEMES.open(uri)


def test_a_bare_folder_without_folders_suggests_imagefolder(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"for example imagefolder:{tmp_path}"):
        load_data(str(tmp_path))


@pytest.mark.parametrize(
    ("option", "message"), [("n=0", "be a whole number from 1 on, got '0'"), ("n=x", "whole number"), ("wide=2", "true or false")]
)
def test_option_values_are_checked(option: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        SCHEMES.open(f"constant:?{option}").take(slice(None))


def test_choices_and_boxes_are_checked() -> None:
    with pytest.raises(UsageError, match="The 'split' of digits:.split=tets must be train or test or all, got 'tets'"):
        load_data("digits:?split=tets")
    with pytest.raises(UsageError, match="must have low < high"):
        load_data("digits:", box=(1, 1))
    with pytest.raises(UsageError, match="be finite, because pixel levels are mapped onto it"):
        load_data("digits:", box=(0, float("inf")))
    with pytest.raises(UsageError, match="digits: has no place, got 'here'. Write digits: or digits:.split=train"):
        load_data("digits:here")


def test_limit_takes_the_first_and_changes_the_fingerprint() -> None:
    whole, first = load_data("digits:"), load_data("digits:", limit=5)
    assert (first.uri, len(first), first.named) == (whole.uri, 5, whole.named)
    assert first.ids.tolist() == whole.ids[:5].tolist()
    assert first.y.tolist() == whole.y[:5].tolist()
    assert first.fingerprint() != whole.fingerprint()
    assert first.notes[-1] == "Only the first 5 of 596 examples are used; they are of 5 of its 10 classes."
    assert first.take(slice(3, 99)).ids.tolist() == whole.ids[3:5].tolist()
    assert first.take(np.array([4, 0])).ids.tolist() == whole.ids[[4, 0]].tolist()
    assert [len(batch) for batch in first.batches(2)] == [2, 2, 1]
    assert first.class_names == whole.class_names


def test_a_limit_beyond_the_end_changes_nothing() -> None:
    batch = examples(np.zeros((4, 2)), [0, 1, 0, 1], groups={"g": list("aabb")})
    whole, all_of_it = load_data(batch), load_data(batch, limit=9)
    assert (all_of_it.fingerprint(), all_of_it.notes) == (whole.fingerprint(), whole.notes)
    assert load_data(batch, limit=3).groups["g"].tolist() == list("aab")
    assert load_data(whole) is whole


@pytest.mark.parametrize("limit", [0, -1, 2.5, True])
def test_limits_that_make_no_sense(limit: int) -> None:
    with pytest.raises(UsageError, match="The 'limit' of digits: must be a whole number from 1 on"):
        load_data("digits:", limit=limit)


def test_what_is_no_data_is_refused() -> None:
    with pytest.raises(UsageError, match=r"must be data that can be read, got 'list'.*shiftproof.examples\(x, y, ...\)"):
        load_data([1, 2, 3])
    with pytest.raises(UsageError, match="have their box already"):
        load_data(examples(np.zeros((1, 2)), [0]), box=(0, 2))


def test_plugins_are_found_listed_and_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    group = "shiftproof.sources"
    found = [
        EntryPoint("zeros", f"{__name__}:Constant", group),
        EntryPoint("broken", "no_such_module_at_all:Source", group),
        EntryPoint("odd", "pathlib:Path", group),
    ]
    monkeypatch.setattr("shiftproof.data.sources.entry_points", lambda group: found)
    schemes = Schemes({"digits": "shiftproof.data.sources.digits:Digits"})
    assert schemes.names() == ["digits", "broken", "odd", "zeros"]
    assert len(schemes.open("zeros:?n=4")) == 4
    assert list(schemes.failures) == ["broken"]
    with pytest.raises(UsageError, match="The plugin source 'broken' could not be imported:\nTraceback"):
        schemes.open("broken:x")
    with pytest.raises(UsageError, match="The source 'odd' must be a subclass of .*AddressedSource"):
        schemes.open("odd:x")


def test_every_scheme_is_described() -> None:
    listed = {entry.scheme: entry for entry in sources.describe()}
    assert list(listed) == ["digits", "npz", "idx", "imagefolder", "csv", "parquet", "jsonl", "textfolder", "squad", "hf"]
    assert all(entry.what and "\n" not in entry.what for entry in listed.values())


def test_listing_sources_imports_nothing_heavy() -> None:
    code = (
        "import sys; from shiftproof.data.sources import sources; sources.describe(); import shiftproof.data.load;"
        "print([m for m in ('torch', 'pandas', 'pyarrow', 'sklearn', 'scipy', 'PIL', 'datasets') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
