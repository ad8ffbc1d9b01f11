"""What a run leaves behind: a record that fits its schema, tables, proofs beside attacks, suites, and pictures."""

from __future__ import annotations

import copy
import json
from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import torch

import shiftproof as sp
from shiftproof.records.audit import Audit
from small_runs import Json, cell_of, linear_net, outcomes_of, record, table_of

LINF, ATTACK = "linf(eps=0.03)", "gradient_ascent(steps=10)"


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a little of everything: groups, a natural shift, a certificate, an attack, chance draws."""
    folder = tmp_path_factory.mktemp("record") / "run"
    taken = sp.load_data("digits:").take(slice(0, 120))
    data = sp.examples(taken.x, taken.y, ids=taken.ids, groups={"round": [str(int(y) in (0, 6, 8, 9)) for y in taken.y]})
    dark = sp.examples(taken.x * 0.4, taken.y, ids=taken.ids)
    options: dict[str, Any] = {
        "shifts": (LINF, "linf(eps=0.2)"),
        "searches": ("one_draw", ATTACK),
        "certify": ("linear",),
        "shift_from": (dark,),
    }
    sp.audit(linear_net(), data, progress=False, out=str(folder), **options)
    return folder


@pytest.fixture(scope="module")
def found(out: Path) -> Json:
    return record(out)


def test_the_record_fits_its_schema(found: Json) -> None:
    schema = Audit.model_json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(found, schema)
    for place, key in (("results", "kind"), ("cells", "state"), ("natural", "accuracy")):
        bad = copy.deepcopy(found)
        del bad[place][0][key]
        with pytest.raises(jsonschema.ValidationError, match=f"'{key}' is a required property"):
            jsonschema.validate(bad, schema)
    with pytest.raises(jsonschema.ValidationError, match="Additional properties"):
        jsonschema.validate({**found, "verdict": "fine"}, schema)


def test_every_number_says_what_it_claims(found: Json) -> None:
    required = {
        "value",
        "kind",
        "interval",
        "confidence",
        "n",
        "forwards_per_example",
        "backwards_per_example",
        "seconds",
        "flags",
        "notes",
    }
    assert len(found["results"]) > 20
    kinds = {"accuracy": {"estimate"}, "robust_accuracy": {"at_most"}, "certified_accuracy": {"at_least"}}
    for result in found["results"]:
        assert required <= set(result)
        assert result["kind"] in kinds.get(result["measure"], {"estimate", "at_least"})
        low, high = result["interval"]
        assert low <= result["value"] <= high
        assert result["cell"] in {cell["key"] for cell in found["cells"]} or result["search"] == "union"


def test_every_cell_has_its_card_and_its_table(out: Path, found: Json) -> None:
    import pyarrow.parquet as pq

    assert {cell["state"] for cell in found["cells"]} == {"done"}
    for cell in found["cells"]:
        table = pq.read_table(out / "cells" / f"{cell['key']}.parquet")
        assert {"id", "outcome", "loss", "prediction", "label", "forwards", "backwards"} <= set(table.column_names)
        assert table.num_rows == cell["n"] == 120
        assert cell["outcomes"] == dict(Counter(table.column("outcome").to_pylist()))
        assert cell["forwards_per_example"] == pytest.approx(np.mean(table.column("forwards").to_numpy()))
        assert cell["claim"]
    attack = cell_of(out, LINF, ATTACK)
    assert attack["backwards_per_example"] > 0
    assert cell_of(out, LINF, "one_draw")["backwards_per_example"] == 0


def test_the_numbers_are_those_of_the_tables(out: Path, found: Json) -> None:
    """Means and groups, counted by hand from the files."""
    group = {
        str(i): str(y in (0, 6, 8, 9))
        for i, y in zip(*(table_of(out, cell_of(out, LINF, ATTACK)["key"])[c] for c in ("id", "label")), strict=True)
    }
    verdicts = outcomes_of_own(out)
    checked = 0
    for result in found["results"]:
        if result["measure"] == "drop" or result["risk"] not in ("mean", "group") or result["data"] != "examples":
            continue
        rows = [
            outcome in ("held", "certified")
            for name, outcome in verdicts[result["shift"], result["search"]].items()
            if result["group"] in (None, f"round={group[name]}")
        ]
        assert result["n"] == len(rows)
        assert result["value"] == pytest.approx(np.mean(rows))
        checked += 1
    assert checked == 7 * 3


def outcomes_of_own(out: Path) -> dict[tuple[str, str], dict[str, str]]:
    found = {}
    for cell in record(out)["cells"]:
        if cell["data"] == "examples":
            table = table_of(out, cell["key"])
            found[cell["shift"], cell["search"]] = {str(name): str(o) for name, o in zip(table["id"], table["outcome"], strict=True)}
    return found


@pytest.mark.parametrize("shift", [LINF, "linf(eps=0.2)"])
def test_proof_and_attack_bracket_the_truth(out: Path, found: Json, shift: str) -> None:
    value = {
        r["search"]: (r["value"], r["kind"])
        for r in found["results"]
        if r["shift"] == shift and r["risk"] == "mean" and r["measure"] != "drop"
    }
    certified, attacked, average = value["linear"], value[ATTACK], value["one_draw"]
    assert (certified[1], attacked[1], average[1]) == ("at_least", "at_most", "estimate")
    assert certified[0] <= attacked[0] <= average[0] <= found["clean"]["accuracy"]
    verdicts = outcomes_of_own(out)
    proven = {name for name, outcome in verdicts[shift, "linear"].items() if outcome == "certified"}
    broken = {name for name, outcome in verdicts[shift, ATTACK].items() if outcome == "broken"}
    assert not proven & broken
    if shift == LINF:
        assert 0 < len(proven) < 120
        assert broken


def test_the_record_reads_back(out: Path, found: Json) -> None:
    assert json.loads(Audit.model_validate_json((out / "audit.json").read_bytes()).model_dump_json()) == found


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A table of three numbers and a word, whose label two of the numbers decide."""
    path = tmp_path_factory.mktemp("table") / "loans.csv"
    rng = np.random.default_rng(0)
    age, income, debt = rng.integers(18, 80, 160), rng.uniform(0, 9, 160).round(2), rng.uniform(0, 3, 160).round(2)
    rows = [f"{a},{i},{d},{'yes' if i > 2 * d else 'no'}" for a, i, d in zip(age, income, debt, strict=True)]
    path.write_text("\n".join(["age,income,debt,paid", *rows]) + "\n")
    return f"csv:{path}?label=paid"


@pytest.fixture(scope="module")
def forest(table: str) -> object:
    from sklearn.ensemble import RandomForestClassifier

    data = sp.load_data(table).take(slice(None))
    return RandomForestClassifier(n_estimators=5, max_depth=3, random_state=0).fit(data.x.numpy(), data.y.numpy())


def test_a_suite_leaves_out_what_a_forest_cannot_give(table: str, forest: object, tmp_path: Path) -> None:
    found = sp.audit(forest, table, suite="quick", limit=40, progress=False, out=str(tmp_path / "run")).record
    assert found.complete
    assert found.model.access == "scores"
    left = {out.search: out.reason for out in found.left_out if out.shift.startswith("within_quantiles")}
    assert left == {"gradient_ascent(steps=20)": "gradient_ascent needs gradients, and the model gives scores only"}
    assert not [cell for cell in found.cells if cell.search.startswith("gradient")]
    assert "best_of_n(n=10)" in {cell.search for cell in found.cells if cell.shift.startswith("within_quantiles")}


def test_a_search_asked_for_by_name_is_not_left_out_in_silence(table: str, forest: object, tmp_path: Path) -> None:
    with pytest.raises(
        sp.UsageError, match=r"The search gradient_ascent cannot be used here: gradient_ascent needs gradients, .* gives scores only"
    ):
        sp.audit(forest, table, shifts=("linf(eps=0.1)",), searches=("gradient_ascent", "best_of_n(n=2)"), out=str(tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_labels_alone_give_no_probabilities(table: str, forest: object, tmp_path: Path) -> None:
    def labels(x: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        answer: np.ndarray[tuple[int], np.dtype[np.int64]] = forest.predict(x).astype(np.int64)  # type: ignore[attr-defined]
        return answer

    found = sp.audit(labels, table, suite="quick", limit=40, progress=False, out=str(tmp_path / "run")).record
    assert found.model.access == "labels"
    assert found.complete
    assert not [r for r in found.results if r.measure == "error_probability"]
    assert np.isfinite([r.value for r in found.results if r.value is not None]).all()


@pytest.mark.parametrize("search", ["one_draw", "best_of_n(n=5)"])
def test_pictures_show_what_the_move_broke(tmp_path: Path, search: str) -> None:
    """No slot goes to an example that is wrong without the move, and every class that fails has its turn."""
    shift = "linf(eps=0.35)"
    net = linear_net()
    report = sp.audit(net, "digits:", shifts=(shift,), searches=(search,), pictures=6, progress=False, out=str(tmp_path / "run"))
    clean = {name: prediction for name, (_, prediction) in outcomes_of(tmp_path / "run")["identity", "one_draw"].items()}
    table = table_of(tmp_path / "run", cell_of(tmp_path / "run", shift, search)["key"])
    label = {str(name): int(y) for name, y in zip(table["id"], table["label"], strict=True)}
    turned = {
        str(name)
        for name, outcome in zip(table["id"], table["outcome"], strict=True)
        if outcome == "broken" and clean[str(name)] == label[str(name)]
    }
    wrong_before = [name for name in clean if clean[name] != label[name]]
    assert len(turned) > 6
    assert len(wrong_before) > 20  # they would fill the gallery

    shown = report.record.gallery
    assert len(shown) == 6
    assert {picture.id for picture in shown} <= turned
    assert all(picture.clean_prediction == picture.label != picture.prediction for picture in shown)
    assert len({picture.label for picture in shown}) == min(6, len({label[name] for name in turned}))
    for picture in shown:
        with np.load(tmp_path / "run" / "gallery" / picture.file, allow_pickle=False) as arrays:
            assert int(net(torch.from_numpy(arrays["moved"])[None]).argmax()) == picture.prediction
            assert int(net(torch.from_numpy(arrays["clean"])[None]).argmax()) == picture.label


def test_pictures_do_not_depend_on_the_batch_size(tmp_path: Path) -> None:
    """On a net that is mostly wrong already, so that most candidates fall away."""
    net = linear_net()
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(1.5 * torch.randn_like(parameter))
    options: dict[str, Any] = {"shifts": ("linf(eps=0.35)",), "searches": ("one_draw",), "pictures": 3, "limit": 200}
    reports = [sp.audit(net, "digits:", batch_size=n, out=str(tmp_path / str(n)), progress=False, **options) for n in (5, 256)]
    one, two = (report.record.gallery for report in reports)
    assert reports[0].accuracy() < 0.4
    assert [picture.clean_prediction for picture in one] == [picture.label for picture in one]
    assert len({picture.id for picture in one}) == 3
    assert [(picture.id, picture.prediction) for picture in one] == [(picture.id, picture.prediction) for picture in two]


def test_no_pictures(tmp_path: Path) -> None:
    report = sp.audit(linear_net(), "digits:", shifts=("linf(eps=0.35)",), limit=40, pictures=0, progress=False, out=str(tmp_path / "run"))
    assert report.record.gallery == []
    assert list((tmp_path / "run" / "gallery").iterdir()) == []
