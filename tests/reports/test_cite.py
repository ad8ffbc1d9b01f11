"""Every paper that a docstring names has its key there, and a key is one paper."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path

import pytest

from shiftproof._part import Part
from shiftproof._references import bibtex, entry_key

ENTRIES = re.split(r"\n\n(?=@)", (files("shiftproof") / "references.bib").read_text(encoding="utf-8").strip())
HOME = Path(str(files("shiftproof")))
NAME = r"(?:Van |De )?[A-ZÀ-Ž][\w'’-]*[a-zà-ž]"
CITED = re.compile(
    rf"(?P<first>{NAME})(?:(?:, {NAME})*,? (?:and|&) (?:others|{NAME})| et al\.?)?,? \(?(?P<year>1[89]\d\d|20\d\d)\b"
    r"(?: \[(?P<key>[a-z0-9]+)\])?(?:,? \"(?P<title>[^\"]+)\")?"
)
"""A paper named in words, such as `Xu et al. 2021`, with its key in brackets and its title, where they follow."""


def ascii_of(text: str) -> str:
    """Small letters without accents, braces and LaTeX's commands: what a name or a title is compared by."""
    bare = re.sub(r"\\\W\{?\\?(\w)\}?|\\[vkc]\s?\{?(\w)\}?", r"\1\2", text.replace(r"\ell", "l"))
    kept = bare.translate({ord(c): None for c in "{}$'’\\"})
    flat = unicodedata.normalize("NFKD", kept).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", " ", flat.lower()).strip()


@cache
def entry(key: str) -> tuple[str, str, str]:
    """First author, year and title of an entry, as `ascii_of` has them."""
    text = bibtex(key)
    assert text is not None, key
    author, year, title = (re.findall(rf"^\s*{field} = \{{(.*?)\}},?$", text, re.M | re.S)[0] for field in ("author", "year", "title"))
    return ascii_of(author.partition(",")[0]), year, ascii_of(title)


def cited(text: str) -> Iterator[re.Match[str]]:
    """Every paper that the docstrings of a source name."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and (words := ast.get_docstring(node)):
            yield from CITED.finditer(" ".join(words.split()))


def without_key(text: str, keys: set[str]) -> list[str]:
    """The papers named in a source of which no key, neither in brackets nor among `keys`, is the entry: by first author, year and title."""
    lost = []
    for paper in cited(text):
        options = {paper["key"]} if paper["key"] else keys | set(re.findall(r"\[([a-z]+\d{4}\w*)\]", text))
        said = ascii_of(paper["title"] or "").replace(" ", "")
        who = ascii_of(paper["first"]), paper["year"]
        if not any(bibtex(key) and entry(key)[:2] == who and said in entry(key)[2].replace(" ", "") for key in options):
            lost.append(paper[0])
    return lost


KEYS = [entry_key(each) for each in ENTRIES]


def keys_of(path: Path, text: str) -> set[str]:
    """The keys that a module names in its code, and those that its parts have."""
    if path.is_relative_to(HOME / "integrations"):
        return {key for key in KEYS if f'"{key}"' in text}  # their packages need not be there
    module = importlib.import_module(".".join(("shiftproof", *path.relative_to(HOME).with_suffix("").parts)).removesuffix(".__init__"))
    classes = [each for _, each in inspect.getmembers(module, inspect.isclass) if each.__module__ == module.__name__]
    return {key for each in classes if issubclass(each, Part) for key in each.references} | {key for key in KEYS if f'"{key}"' in text}


@pytest.mark.parametrize("package", sorted({path.relative_to(HOME).parts[0] for path in HOME.rglob("*.py")} - {"__main__.py"}))
def test_every_paper_named_in_a_docstring_has_its_key_there(package: str) -> None:
    paths = [HOME / package] if package.endswith(".py") else sorted((HOME / package).rglob("*.py"))
    texts = {path: path.read_text(encoding="utf-8") for path in paths}
    assert {str(path): lost for path, text in texts.items() if any(cited(text)) and (lost := without_key(text, keys_of(path, text)))} == {}


@pytest.mark.parametrize(
    ("words", "keys"),
    [
        ("Higham 2002 says so", set()),
        ("Reference: Nobody & Somebody 2031.", {"higham2002accuracy"}),
        ("as Rice et al. 2020 found", {"wong2020fast"}),  # Rice is an author there, and not the first
        ("(Carlini & Wagner (2017)", {"carlini2019evaluating"}),
        ('Carlini & Wagner 2017 [carlini2017towards], "Adversarial examples are not easily detected".', set()),
        ('Kurakin et al. 2017, "Adversarial examples in the\n    physical world".', {"kurakin2017scale"}),
        ("Dunn et al. 2025 [dunkel2025cnsbench]", set()),
        ("Higham 2002 [higham2003accuracy]", {"higham2002accuracy"}),
    ],
)
@pytest.mark.parametrize("of", ['"""{}"""', 'class A:\n    """One.\n\n    {}\n    """', 'def f():\n    """{}"""'])
def test_a_paper_without_its_key_is_found(words: str, keys: set[str], of: str) -> None:
    assert without_key(of.format(words), keys)


@pytest.mark.parametrize(
    ("words", "keys"),
    [
        ("Higham 2002", {"higham2002accuracy"}),
        ("Higham 2002 [higham2002accuracy]; in 2020 and CIFAR-10 nothing is named", set()),
        ("Cinà et al. 2025; Sidak 1967", {"cina2025sigma", "sidak1967rectangular"}),
        ("Dünkel et al. 2025 [dunkel2025cnsbench]", set()),
        ('Kurakin, Goodfellow & Bengio 2017, "Adversarial examples in the\n    physical world".', {"kurakin2017physical"}),
    ],
)
def test_a_paper_with_its_key_is_not(words: str, keys: set[str]) -> None:
    assert not without_key(f'"""{words}"""', keys)


def test_one_key_is_one_paper() -> None:
    papers = Counter(re.sub(r" ", "", entry(entry_key(each))[2]) for each in ENTRIES)
    assert [title for title, count in papers.items() if count > 1] == []
    for key in KEYS:
        first, year, _ = entry(key)
        assert key.startswith(first.replace(" ", "").removesuffix("dezfooli")), key
        assert year in key
