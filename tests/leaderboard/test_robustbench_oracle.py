"""RobustBench's format, there and back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shiftproof._errors import UsageError
from shiftproof.leaderboard.export import export_entries, read_entries
from shiftproof.leaderboard.robustbench import from_robustbench, lost, place, read_robustbench, to_robustbench
from shiftproof.records.leaderboard import Entry, Number
from small_entries import CORRUPTED, L2, LINF, measured

EACH = {"Linf": LINF, "L2": L2, "corruptions": CORRUPTED}


def write(folder: Path, info: object, *, threat: str = "Linf", dataset: str = "cifar10", name: str = "Noon") -> Path:
    path = folder / dataset / threat / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(info if isinstance(info, str) else json.dumps(info))
    return path


@pytest.mark.parametrize("threat", EACH)
def test_a_file_comes_back_as_it_was(threat: str) -> None:
    entry = from_robustbench(EACH[threat], model="Noon", threat=threat)
    assert to_robustbench(entry) == EACH[threat]
    assert lost(entry) == []
    assert Entry.model_validate_json(entry.model_dump_json()) == entry
    assert place(entry) == Path(str(EACH[threat]["dataset"]), threat, "Noon.json")


@pytest.mark.parametrize("threat", EACH)
def test_the_entry_s_own_fields_carry_the_file_s_meaning(threat: str) -> None:
    entry = from_robustbench(EACH[threat], model="Noon", threat=threat).model_copy(update={"as_written": None})
    written = to_robustbench(entry)
    again = from_robustbench(written, model="Noon", threat=threat)
    assert again.model_copy(update={"as_written": None}) == entry
    filled = {key for key, value in EACH[threat].items() if value not in (None, "")}
    assert {key for key, value in written.items() if value is not None} == filled


def test_what_the_numbers_claim() -> None:
    entry = from_robustbench(LINF, model="Noon", threat="Linf")
    assert entry.threat.spec == "linf(eps=8/255)"
    assert [(n.value, n.kind, n.search, n.flags) for n in entry.attacked] == [
        (0.512, "at_most", "external", []),
        (0.534, "at_most", "autoattack", ["unreliable"]),
    ]
    assert entry.bound is not None
    assert entry.bound.value == 0.512
    assert entry.clean is not None
    assert (entry.clean.value, entry.clean.kind) == (0.853, "estimate")
    assert (entry.reported, entry.unreliable, entry.extra_data, entry.forward_passes) == (0.58, True, False, 1)
    assert (entry.paper.title, entry.paper.venue) == ("Training on Noon Light Only", "Workshop 2031")
    assert (entry.origin.claim, entry.sample, entry.clean.n) == ("published", None, None)
    ruined = from_robustbench(CORRUPTED, model="Fog", threat="corruptions")
    assert ruined.average is not None
    assert (ruined.average.value, ruined.average.kind, ruined.bound) == (0.529, "estimate", None)
    assert (ruined.mean_corruption_error, ruined.average_3d, ruined.mean_corruption_error_3d) == (1.0, 0.5651, 0.6069)
    assert (ruined.threat.spec, ruined.unreliable, ruined.reported) == ("corruptions", None, None)


def test_a_changed_entry_wins_over_what_was_written() -> None:
    entry = from_robustbench(LINF, model="Noon", threat="Linf").model_copy(update={"architecture": "TinyNet-4", "reported": None})
    assert to_robustbench(entry) == {key: value for key, value in LINF.items() if key != "reported"} | {"architecture": "TinyNet-4"}


def test_the_folder_is_believed_where_the_file_says_another_data_set(tmp_path: Path) -> None:
    path = write(tmp_path, LINF, dataset="cifar100")
    (entry,) = read_robustbench(path)
    assert entry.dataset == "cifar100"
    assert entry.notes == ["The file says 'cifar10' and stands among those of 'cifar100', which is believed."]
    assert to_robustbench(entry) == LINF
    assert read_robustbench(tmp_path) == [entry]


def test_a_measured_entry_in_their_format_and_what_is_lost() -> None:
    standard = Number(value=0.41236, kind="at_most", search="cascade(version=standard)", n=100, interval=(0.3, 0.5), confidence=0.95)
    weak = Number(value=0.6, kind="at_most", search="best_of_n(n=2)", n=100)
    better = Number(value=0.4, kind="at_most", search="union", n=100)
    entry = measured("mine", [1, 0])
    info = to_robustbench(entry.model_copy(update={"attacked": [standard, weak]}))
    assert (info["autoattack_acc"], info.get("external"), info["clean_acc"], info["eps"]) == ("41.24", None, "90.0", "8/255")
    assert (info["unreliable"], info["name"], info["reported"]) == (False, None, None)
    assert set(LINF) - set(info) == {"external", "footnote"}
    info = to_robustbench(entry.model_copy(update={"attacked": [better, standard]}))
    assert (info["autoattack_acc"], info["external"]) == ("41.24", "40.0")
    info = to_robustbench(entry)
    assert (info["autoattack_acc"], info["external"]) == (None, "50.0")
    gone = lost(entry.model_copy(update={"attacked": [standard]}))
    assert {"attacked.interval", "attacked.value (rounded)", "attacked.n", "sample.fingerprint", "clean.interval", "origin.claim"} <= set(
        gone
    )
    assert not {"model", "dataset", "clean.value", "threat.strength", "unreliable"} & set(gone)


def test_threats_without_a_board_there_are_refused() -> None:
    entry = measured("mine", [1, 0])
    rotation = entry.model_copy(update={"threat": entry.threat.model_copy(update={"family": "rotation", "spec": "rotation(degrees=30)"})})
    with pytest.raises(UsageError, match=r"no leaderboard for rotation\(degrees=30\): it has those for linf, l2, corruptions"):
        to_robustbench(rotation)
    some = entry.threat.model_copy(update={"family": "corruptions", "spec": "corruptions(fog, rain)"})
    with pytest.raises(UsageError, match=r"a mean over others. Missing: brightness, .*zoom_blur. Not among them: rain"):
        to_robustbench(entry.model_copy(update={"threat": some}))
    with pytest.raises(UsageError, match=r"The entry 'mine' has no accuracy under linf\(eps=8/255\)"):
        to_robustbench(entry.model_copy(update={"attacked": []}))


BAD = {
    "no JSON": ("{", r"The file '.*Noon.json' cannot be read as JSON"),
    "a list": ("[1]", r"The file '.*Noon.json' must hold one JSON object.* holds a list"),
    "rows of AttackBench": ('[{"optimality": 0.5}]', r"holds a list\. AttackBench's files are given with --attackbench\."),
    "an unknown key": ({**LINF, "autoatack_acc": "1"}, r"Unknown key in '.*Noon.json' 'autoatack_acc'. Did you mean: autoattack_acc"),
    "a share above 100": (
        {**LINF, "clean_acc": "853"},
        r"The 'clean_acc' of '.*Noon.json' must be a percentage from 0 to 100, .*got '853'",
    ),
    "words for a number": ({**LINF, "autoattack_acc": "about 50"}, r"The 'autoattack_acc' of '.*' must be a percentage .*got 'about 50'"),
    "a huge exponent": ({**LINF, "clean_acc": "1e99999999"}, r"The 'clean_acc' of '.*' must be a percentage"),
    "NaN": ('{"dataset": "cifar10", "eps": "8/255", "clean_acc": NaN}', r"The 'clean_acc' of '.*' must be a percentage .*got nan"),
    "no eps": ({**LINF, "eps": "0"}, r"The 'eps' of '.*Noon.json' must be a number above 0.*got '0'"),
    "division by zero": ({**LINF, "eps": "8/0"}, r"The 'eps' of '.*Noon.json' must be a number above 0.*got '8/0'"),
    "text for a flag": ({**LINF, "unreliable": "no"}, r"The 'unreliable' of '.*' must be true or false, got 'no'"),
    "half a pass": (
        {**LINF, "number_forward_passes": 0},
        r"The 'number_forward_passes' of '.*' must be a whole number of at least 1, got 0",
    ),
    "a number for text": ({**LINF, "venue": 3}, r"The 'venue' of '.*' must be text, got 3"),
    "no data set": ({k: v for k, v in LINF.items() if k != "dataset"}, r"The 'dataset' of '.*' must be the name of a data set"),
    "nothing measured": ({"dataset": "cifar10", "clean_acc": "9"}, r"has none of external, autoattack_acc, corruptions_acc"),
    "corruptions under a norm": (CORRUPTED, r"has 'corruptions_acc' and is listed under Linf. Move it"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_file_that_cannot_be_used_names_itself_and_the_key(case: str, tmp_path: Path) -> None:
    info, message = BAD[case]
    with pytest.raises(UsageError, match=message):
        read_robustbench(write(tmp_path, info))


def test_a_norm_must_be_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"does not say its norm: .* a folder called Linf or L2"):
        read_robustbench(write(tmp_path, LINF, threat="somewhere"))
    with pytest.raises(UsageError, match="Unknown threat of 'Noon' 'linf'. Did you mean: Linf"):
        from_robustbench(LINF, model="Noon", threat="linf")
    with pytest.raises(UsageError, match="There is no file '.*none.json'"):
        read_robustbench(tmp_path / "none.json")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="The folder '.*empty' holds no .json file"):
        read_robustbench(tmp_path / "empty")


def test_export_and_back(tmp_path: Path) -> None:
    entries = [from_robustbench(LINF, model="Noon", threat="Linf"), measured("../ev\\il", [1, 0]), measured("../ev\\il", [1, 1])]
    said = "\n".join(export_entries(entries, tmp_path / "out"))
    assert read_entries(tmp_path / "out" / "entries.json") == entries
    files = sorted(str(path.relative_to(tmp_path / "out" / "model_info")) for path in tmp_path.rglob("Linf/*.json"))
    assert files == ["cifar10/Linf/Noon.json", "npz_a.npz/Linf/ev_il.json", "npz_a.npz/Linf/ev_il_2.json"]
    assert json.loads((tmp_path / "out" / "model_info" / files[0]).read_text()) == LINF
    assert "That format cannot hold: how many examples, intervals, which examples" in said
    assert "2 files without autoattack_acc" in said
    assert "RobustBench itself has no leaderboard for npz_a.npz" in said
    (tmp_path / "entries.json").write_text('[{"model": 3}]')
    with pytest.raises(UsageError, match="The '0.model' of '.*entries.json' is wrong: Input should be a valid string"):
        read_entries(tmp_path / "entries.json")
    with pytest.raises(UsageError, match="The file '.*none.json' cannot be read"):
        read_entries(tmp_path / "none.json")
