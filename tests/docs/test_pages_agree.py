"""What the documentation states agrees with the code: schema, flags, parts, make targets, links."""

from __future__ import annotations

import ast
import importlib
import json
import re
import runpy
from pathlib import Path

import jsonschema
import pytest

from repository import ROOT
from shiftproof.records.audit import Audit
from shiftproof.reports.flags import FLAGS

SCHEMA = ROOT / "docs" / "reference" / "audit.schema.json"
WRITTEN = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_TARGETS = re.compile(r"^([a-z][a-z-]*):", re.MULTILINE)


def read(*path: str) -> str:
    return ROOT.joinpath(*path).read_text(encoding="utf-8")


def test_the_committed_schema_is_that_of_the_code() -> None:
    assert json.loads(SCHEMA.read_text(encoding="utf-8")) == Audit.model_json_schema(), "renew it with `make schema`"


def test_the_schema_is_one_and_refuses_unknown_keys() -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    with pytest.raises(jsonschema.ValidationError, match="Additional properties"):
        jsonschema.validate({"no_such_key": 1}, schema)


def raised_flags() -> set[str]:
    """The name of every flag that the source raises with a literal name."""
    names: set[str] = set()
    for file in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Flag" and node.args:
                first = node.args[0]
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    names.add(first.value)
    return names


def test_every_flag_is_explained_and_every_explained_flag_exists() -> None:
    flags = raised_flags()
    assert len(flags) >= 4
    assert flags - FLAGS.keys() == set()
    named = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "src").rglob("*.py") if file.name != "flags.py")
    assert {flag for flag in FLAGS if f'"{flag}"' not in named} == set()


@pytest.mark.parametrize("kind", ["shifts", "searches", "risks", "certificates", "defences", "studies"])
def test_each_kind_of_part_has_its_reference_page(kind: str) -> None:
    assert f"<!-- parts {kind} -->" in read("docs", "reference", f"{kind}.md")


def test_make_targets_that_are_mentioned_exist() -> None:
    targets = set(_TARGETS.findall(read("Makefile")))
    mentioned = {target for page in WRITTEN for target in re.findall(r"(?:^|`)make ([a-z-]+)", page.read_text(encoding="utf-8"), re.M)}
    assert {"audit", "test", "test-slow", "check", "bench", "clean"} <= targets
    assert {"audit", "test", "check"} <= mentioned <= targets


def test_every_condition_that_is_shown_can_be_read() -> None:
    from shiftproof.gate.condition import parse

    pages = "\n".join(page.read_text(encoding="utf-8") for page in WRITTEN)
    shown = re.findall(r'--fail-on "([^"]+)"', pages) + re.findall(r"^\| `([^`|]+ [<>]=? [^`|]+)` \|", pages, re.MULTILINE)
    assert len(shown) >= 10
    for condition in shown:
        assert parse(condition).measure.replace("'", '"') in condition.replace("'", '"')


def test_the_config_file_that_is_shown_can_be_read(tmp_path: Path) -> None:
    from shiftproof.evaluation.config import make_config, read_config

    (toml,) = re.findall(r"^```toml[^\n]*\n(.*?)^```$", read("docs", "guide", "gate.md"), re.MULTILINE | re.DOTALL)
    file = tmp_path / "robustness.toml"
    file.write_text(toml)
    assert make_config(read_config(file)).out == "runs/toml"


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_lead_somewhere(page: Path) -> None:
    prose = _FENCE.sub("", page.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", prose):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_page_is_in_the_navigation() -> None:
    navigation = read("mkdocs.yml")
    for page in (ROOT / "docs").rglob("*.md"):
        assert str(page.relative_to(ROOT / "docs")) in navigation


def test_the_changelog_has_an_unreleased_section_with_entries() -> None:
    text = read("CHANGELOG.md")
    assert re.search(r"^## \[Unreleased\]$", text, re.MULTILINE)
    assert re.search(r"^### Added$\n\n- ", text.split("## [Unreleased]")[1], re.MULTILINE)


def test_a_page_that_fetches_from_elsewhere_is_found() -> None:
    scope = runpy.run_path(str(ROOT / "docs" / "_generated.py"))
    check = scope["on_post_page"]
    fine = '<link rel="canonical" href="https://a.org/"><a href="https://a.org/">x</a><script src="assets/a.js"></script>'
    assert check(fine) == fine
    for fetched in (
        '<script src="https://a.org/x.js">',
        '<link href="//a.org/x.css" rel="stylesheet">',
        "<img alt='x' src=https://a.org/x.png>",
    ):
        with pytest.raises(ValueError, match="must work without a network"):
            check(fine + fetched)


@pytest.mark.parametrize("kind", ["shifts", "searches", "risks", "certificates", "defences", "studies"])
def test_the_changelog_names_every_part(kind: str) -> None:
    registry = getattr(importlib.import_module(f"shiftproof.{kind}"), kind)
    text = read("CHANGELOG.md")
    assert [name for name in registry.names() if "/" not in name and f"`{name}`" not in text] == []


def test_the_reference_page_shows_the_constants_of_each_corruption() -> None:
    fill = runpy.run_path(str(ROOT / "docs" / "_generated.py"))["on_page_markdown"]
    page = fill(read("docs", "reference", "shifts.md"))
    blur = page.split("{ #gaussian_blur }")[1].split("\n## ")[0]
    assert "Constants (`sigma`) by severity" in blur
    assert "| `imagenet_c` | 0 | 1 | 2 | 3 | 4 | 6 |" in blur
    glass = page.split("{ #glass_blur }")[1].split("\n## ")[0]
    assert "| `imagenet_c`, `mnist_c` | 0.7, 1, 2 | 0.9, 2, 1 | 1, 2, 3 | 1.1, 3, 2 | 1.5, 4, 2 |" in glass
    assert "Constants" not in page.split("{ #linf }")[1].split("\n## ")[0]
