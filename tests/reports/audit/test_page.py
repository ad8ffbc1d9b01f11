"""What the page of an audit promises: escaped, self-contained, kinds apart, nothing silent."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from outline import Outline
from sample_audit import BREAKOUT, HOSTILE, sample_audit, write_run
from shiftproof._errors import UsageError
from shiftproof.outcomes import Flag
from shiftproof.records.audit import Audit, DataCard, GalleryExample, read_audit
from shiftproof.reports.audit.digest import worst_of_each_family
from shiftproof.reports.audit.page import page, write_page
from shiftproof.reports.audit.pictures import amplification, class_name, tiles
from shiftproof.reports.flags import FLAGS
from shiftproof.reports.number_format import percent, whole


def text_of(audit: Audit, folder: Path) -> str:
    return page(audit, write_run(folder, audit))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> str:
    return text_of(sample_audit(hostile=True, incomplete=True), tmp_path_factory.mktemp("hostile"))


@pytest.fixture(scope="module")
def friendly(tmp_path_factory: pytest.TempPathFactory) -> str:
    return text_of(sample_audit(), tmp_path_factory.mktemp("friendly"))


def test_no_name_becomes_markup(hostile: str) -> None:
    outline = Outline(hostile)
    assert [attrs.get("type", "code") for tag, attrs in outline.elements if tag == "script"] == ["application/json", "code", "code"]
    assert all(attrs["src"].startswith("data:image/png;base64,") for tag, attrs in outline.elements if tag == "img")
    assert not [name for _, attrs in outline.elements for name in attrs if name.startswith("on")]
    shown = "".join(outline.text)
    assert BREAKOUT in shown
    assert f"light={HOSTILE}" in shown


def test_every_script_ends_where_it_should(hostile: str) -> None:
    assert all("<!--" not in script and "</script" not in script for script in Outline(hostile).scripts)


def test_chart_data_survives_hostile_names(hostile: str) -> None:
    specs = json.loads(Outline(hostile).scripts[0])["specs"]
    names = json.dumps(specs["headline"])
    assert json.dumps(f"npz:winter.npz{BREAKOUT}") in names


def test_nothing_is_fetched_and_only_own_scripts_run(hostile: str) -> None:
    outline = Outline(hostile)
    policy = next(attrs["content"] for tag, attrs in outline.elements if attrs.get("http-equiv") == "Content-Security-Policy")
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    code = outline.scripts[1:]
    assert directives["default-src"] == "'none'"
    assert directives["img-src"] == "data:"
    assert directives["script-src"].split() == [
        f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" for script in code
    ]
    assert not any(address.startswith(("http:", "https:", "//")) for address in [*outline.attributes("src"), *outline.attributes("href")])
    assert not any(tag in ("link", "iframe", "object", "base") for tag, _ in outline.elements)


def test_no_column_mixes_kinds(friendly: str) -> None:
    checked = 0
    for table in Outline(friendly).tables:
        head, *rows = table
        for row in rows:
            assert len(row) == len(head)
            for (kind, _), (own, text) in zip(head, row, strict=True):
                if own:
                    assert own == kind, text
                    checked += 1
    assert checked > 500


def test_a_missing_certificate_is_no_zero(friendly: str) -> None:
    table = next(t for t in Outline(friendly).tables if t[0][0][1] == "Shift" and t[0][1][1] == "Proven: at least")
    specs = ("linf(eps=8/255)", "l2(eps=0.5)", "brightness(severity=3)")
    rows = {spec: [text for _, text in row] for row in table[1:] for spec in specs if row[0][1].endswith(spec)}
    assert rows["linf(eps=8/255)"][1] == "nothing proven"
    assert rows["linf(eps=8/255)"][2].startswith("≤ 3.4%")
    assert rows["linf(eps=8/255)"][4].startswith("87.0%")
    assert rows["l2(eps=0.5)"][1].startswith("≥ 42.0%")
    assert rows["l2(eps=0.5)"][4] == "not run"
    assert rows["brightness(severity=3)"][4] == "not measured"


def test_every_kind_of_shift_has_one_row_in_words(friendly: str) -> None:
    table = next(t for t in Outline(friendly).tables if t[0][0][1] == "Kind of shift, where it is worst")
    said = [row[0][1] for row in table[1:]]
    assert len(set(said)) == len(said) == len(worst_of_each_family(sample_audit()))
    assert any(words.startswith("Any change of every value up to ") for words in said)
    assert not any("(" in words for words in said)


def test_every_cell_has_a_card_and_every_link_a_target(friendly: str) -> None:
    audit, outline = sample_audit(), Outline(friendly)
    cards = [attrs["id"] for tag, attrs in outline.elements if tag == "details" and attrs.get("class") == "card"]
    assert len(cards) == len(audit.cells)
    targets = set(outline.attributes("id"))
    links = [address[1:] for address in outline.attributes("href") if address.startswith("#")]
    assert len(links) > len(audit.results)
    assert set(links) <= targets
    shown = "".join(outline.text)
    for cell in audit.cells:
        assert whole(cell.shift_full) in shown
    assert "The loss gradient was zero at every step" in shown


def test_a_number_of_several_cells_stands_on_each_card(tmp_path: Path) -> None:
    audit = sample_audit(gallery=False)
    first, second = audit.cells[1], audit.cells[2]
    union = audit.results[0].model_copy(
        update={
            "cell": f"{first.key}+{second.key}",
            "search": "union",
            "shift": first.shift,
            "family": "linf",
            "kind": "at_most",
            "value": 0.1234,
        }
    )
    shown = text_of(audit.model_copy(update={"results": [union], "cells": audit.cells[:3]}), tmp_path)
    assert shown.count("At most 12.3% stay right inside linf(eps=1/255): every search together found a failure") == 2
    assert 'href="#card-2"><b>≤ 12.3%' in shown


def test_an_unfinished_run_says_so_with_its_traceback(hostile: str, friendly: str) -> None:
    shown = "".join(Outline(hostile).text)
    assert "2 of 72 cells did not finish" in shown
    assert "RuntimeError: out of memory" in shown
    assert "It never ran." in shown
    assert "did not finish" not in "".join(Outline(friendly).text)


def test_files_that_are_there_are_linked(friendly: str) -> None:
    audit = sample_audit()
    links = [address for address in Outline(friendly).attributes("href") if address.startswith("cells/")]
    assert links == [f"cells/{cell.key}.parquet" for cell in audit.cells[:3]]


def test_the_gallery_shows_the_arrays(tmp_path: Path) -> None:
    audit = sample_audit()
    few = audit.model_copy(update={"results": [], "cells": [], "natural": []})
    outline = Outline(text_of(few, tmp_path))
    images = [attrs["src"] for tag, attrs in outline.elements if tag == "img"]
    assert len(images) == 3 * (len(audit.gallery) - 1)
    with np.load(tmp_path / "gallery" / audit.gallery[0].file) as arrays:
        clean, moved = arrays["clean"].astype(float), arrays["moved"].astype(float)
    for source, expected in zip(images, (clean, 0.5 + 10 * (moved - clean), moved), strict=False):
        drawn = np.asarray(Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))), dtype=float).transpose(2, 0, 1)
        assert np.abs(drawn - 255 * expected.clip(0, 1)).max() <= 0.51
    shown = "".join(outline.text)
    assert "× 10, grey = no change" in shown
    assert f"gallery/{audit.gallery[-1].file} cannot be shown: no such file or directory" in shown


def test_the_gallery_is_varied_and_shows_the_shift_s_own_failures(tmp_path: Path) -> None:
    audit = sample_audit()
    first = audit.gallery[0]
    many = [
        first.model_copy(update={"shift": f"{name}(eps={eps})", "id": f"{name}{i}", "label": i % 2, "clean_prediction": i % 2})
        for name in ("linf", "l2", "fog")
        for eps in (1, 2)
        for i in range(20)
    ]
    wrong = [first.model_copy(update={"id": "wrong", "label": 0, "clean_prediction": 1})]
    shown = [tile.picture for tile in tiles(audit.model_copy(update={"gallery": [*wrong, *many]}), tmp_path)]
    assert len(shown) == 18
    assert len({picture.id for picture in shown}) == 18
    assert {(picture.shift, picture.label) for picture in shown} == {(picture.shift, picture.label) for picture in many}
    families = [first.model_copy(update={"shift": f"shift{k}", "id": f"{i}"}) for k in range(60) for i in range(3)]
    assert len(tiles(audit.model_copy(update={"gallery": families}), tmp_path)) == 48


@pytest.mark.parametrize("moved", [[0.1, -0.2], [0.5, 0.0], [1e-7, 0.0], [1.0, 0.0]])
def test_the_amplified_difference_fits_and_is_round(moved: list[float]) -> None:
    factor = amplification(np.zeros(2), np.asarray(moved), 1.0)
    largest = max(map(abs, moved))
    assert 0.2 - 1e-9 <= factor * largest <= 0.5 + 1e-9
    assert f"{factor:.0e}"[0] in "125"
    assert amplification(np.ones(2), np.ones(2), 1.0) == 1.0


@pytest.mark.parametrize(
    ("file", "content", "why"),
    [
        ("../secret.npz", {}, "the name is not that of a file in gallery/"),
        ("objects.npz", {"clean": np.array([{}], dtype=object), "moved": np.array([{}], dtype=object)}, "Object arrays cannot be loaded"),
        ("shapes.npz", {"clean": np.zeros((3, 4, 4)), "moved": np.zeros((3, 4, 5))}, "are neither two images"),
        ("nan.npz", {"clean": np.zeros((1, 2, 2)), "moved": np.full((1, 2, 2), np.nan)}, "it holds NaN or infinite values"),
        ("half.npz", {"clean": np.zeros((1, 2, 2))}, "moved"),
    ],
)
def test_a_picture_that_cannot_be_shown_says_why(tmp_path: Path, file: str, content: dict[str, np.ndarray], why: str) -> None:
    audit = sample_audit()
    folder = write_run(tmp_path / "run", audit.model_copy(update={"gallery": []}))
    np.savez(folder / "gallery" / file, **content)  # type: ignore[arg-type]
    shown = "".join(Outline(page(_with_picture(audit, file), folder)).text)
    assert "cannot be shown: " in shown
    assert why in shown


def _with_picture(audit: Audit, file: str) -> Audit:
    """The audit with this one picture and no number, which is quick to render."""
    picture = audit.gallery[0].model_copy(update={"file": file})
    return audit.model_copy(update={"gallery": [picture], "results": [], "cells": [], "natural": []})


def test_large_and_many_channel_pictures_say_what_was_done(tmp_path: Path) -> None:
    audit = sample_audit()
    folder = write_run(tmp_path, audit.model_copy(update={"gallery": []}))
    np.savez(folder / "gallery" / "big.npz", clean=np.zeros((2, 300, 400)), moved=np.ones((2, 300, 400)))
    unbounded = audit.data.model_copy(update={"low": None, "high": None})
    outline = Outline(page(_with_picture(audit, "big.npz").model_copy(update={"data": unbounded}), folder))
    source = next(attrs["src"] for tag, attrs in outline.elements if tag == "img")
    assert Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))).size == (160, 120)
    shown = "".join(outline.text)
    for note in ("brightness stretched to the values present", "mean of 2 channels", "shrunk from 400 × 300 pixels"):
        assert note in shown


def test_rows_of_a_table_show_what_moved_most(tmp_path: Path) -> None:
    audit = sample_audit()
    folder = write_run(tmp_path, audit.model_copy(update={"gallery": []}))
    np.savez(folder / "gallery" / "row.npz", clean=np.array([40.0, 1.0, 7.0]), moved=np.array([40.5, 9.0, 7.0]))
    data = audit.data.model_copy(update={"kind": "table", "columns": [f"age{HOSTILE}", "visits"], "low": None, "high": None})
    outline = Outline(page(_with_picture(audit, "row.npz").model_copy(update={"data": data}), folder))
    table = next(t for t in outline.tables if t[0][0][1] == "Feature")
    assert [[text for _, text in row] for row in table[1:]] == [["visits", "1", "9"], [f"age{HOSTILE}", "40", "40.5"]]
    assert "2 of 3 features changed." in "".join(outline.text)


def test_an_empty_audit_is_a_page_without_charts(tmp_path: Path) -> None:
    audit = sample_audit(gallery=False)
    nothing = audit.clean.model_copy(update={"accuracy": None, "interval": None, "n": 0})
    bare = audit.model_copy(
        update={"results": [], "cells": [], "natural": [], "gates": [], "clean": nothing, "left_out": [], "diagnoses": [], "curves": []}
    )
    text = page(bare, tmp_path)
    shown = "".join(Outline(text).text)
    assert len(text) < 50_000
    for said in ("clean accuracy was not measured", "No shift was measured", "nothing proven", "Nothing that was asked for was left out."):
        assert said in shown


def test_the_model_s_own_flags_are_on_the_first_screen(tmp_path: Path) -> None:
    audit = sample_audit(gallery=False)
    audit = audit.model_copy(update={"results": audit.results[:1], "cells": audit.cells[:1], "natural": []})
    flag = Flag(name="random_model", detail="Two calls gave two answers.", share=0.25)
    shown = "".join(Outline(page(audit.model_copy(update={"model": audit.model.model_copy(update={"flags": [flag]})}), tmp_path)).text)
    before, after = shown.split("Every shift")[0], shown.split("Every shift")[1]
    assert "random_model (25.0% of examples): Two calls gave two answers." in before
    assert "random_model" not in after.split("What the flags mean")[0]


def test_writing_is_repeatable(tmp_path: Path) -> None:
    folder = write_run(tmp_path, sample_audit())
    first = write_page(folder).read_bytes()
    assert write_page(folder) == folder / "index.html"
    assert (folder / "index.html").read_bytes() == first
    assert len(first) < 2_000_000


def test_a_folder_without_a_run_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"has no audit\.json, so there is no run to read\. Give the folder that an audit wrote to"):
        read_audit(tmp_path)


def test_a_spoilt_record_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "audit.json").write_text('{"schema_version": 1')
    with pytest.raises(UsageError, match="is not an audit that this version of shiftproof can read"):
        read_audit(tmp_path)


def test_a_class_without_a_name_is_its_number() -> None:
    data = sample_audit().data
    assert [class_name(data, index) for index in (0, 7, -1)] == ["stop", "7", "-1"]


@pytest.mark.parametrize(
    ("value", "shown"), [(0.0, "0.0%"), (1.0, "100.0%"), (0.99999, "99.9%"), (1e-6, "0.1%"), (float("nan"), "not measured")]
)
def test_a_share_is_never_rounded_to_certainty(value: float, shown: str) -> None:
    assert percent(value) == shown


def test_the_records_have_what_a_picture_needs() -> None:
    assert {"low", "high", "columns"} <= set(DataCard.model_fields)
    assert {"file", "label", "confidence"} <= set(GalleryExample.model_fields)


def test_each_flag_on_the_page_leads_to_what_it_means(friendly: str) -> None:
    outline = Outline(friendly)
    anchors = {given["id"] for _, given in outline.elements if "id" in given}
    links = {given["href"][1:] for tag, given in outline.elements if tag == "a" and given["href"].startswith("#flag-")}
    assert links
    assert links <= anchors
    assert FLAGS["zero_gradients"].do in html.unescape(friendly)


def test_counts_are_whole_and_one_is_singular(friendly: str) -> None:
    one = sample_audit()
    cell = one.cells[0].model_copy(
        update={"forwards_per_example": 1.0, "backwards_per_example": 0.0, "shift_full": "rotation(degrees=30.0)"}
    )
    text = page(one.model_copy(update={"cells": [cell, *one.cells[1:]]}), Path())
    assert "1 forward, 0 backwards asked" in text
    assert "<code>rotation(degrees=30)</code>" in text
    assert not re.search(r"\b1 (forwards|backwards|rows)", text)
    assert not re.search(r"\d+\.0 (forward|backward|row|example)", text + friendly)


def test_what_is_proven_of_no_example_is_no_percentage(tmp_path: Path) -> None:
    audit = sample_audit(gallery=False)
    none = [
        r.model_copy(update={"value": 0.0, "interval": (0.0, 0.01)}) if r.kind == "at_least" and r.measure != "drop" else r
        for r in audit.results
    ]
    text = page(audit.model_copy(update={"results": none}), write_run(tmp_path, audit))
    tiles_ = text[text.index('<ul class="tiles">') : text.index('<div class="answer">')]
    assert "proven for no example" in tiles_
    assert "0.0%" not in tiles_
    assert "≥" not in tiles_


def test_charts_name_shifts_in_words(friendly: str) -> None:
    names = json.dumps(json.loads(Outline(friendly).scripts[0])["specs"]["headline"])
    assert "Any change of every value up to 8/255" in names
    assert "linf(eps" not in names


def test_a_field_is_named_in_words_on_the_chart(tmp_path: Path) -> None:
    audit = sample_audit(gallery=False)
    spec = "on(field=text, inner=typos(edits=2))"
    moved = [r.model_copy(update={"shift": spec, "family": "on"}) if r.family == "linf" else r for r in audit.results]
    shown = audit.model_copy(update={"results": moved})
    names = json.dumps(json.loads(Outline(page(shown, write_run(tmp_path, shown))).scripts[0])["specs"]["headline"])
    assert "Up to 2 typing errors, in text" in names
    assert "on(field" not in names
