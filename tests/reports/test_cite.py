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
NAME = r"(?:[Vv]an (?:de[nr]? )?|[Dd][ei] )?(?:[A-ZÀ-Ž][\w'’-]*[a-zà-ž]|[A-ZÀ-Ž]{3,}(?= et al))"
VENUE = (
    r"(?:NeurIPS|NIPS|ICML|ICLR|CVPR|ICCV|ECCV|WACV|AAAI|IJCAI|E?ACL|NAACL|EMNLP|COLING|TACL|JMLR|TMLR|PMLR|AISTATS|UAI|COLT|KDD|NDSS|USENIX"
    r"|TPAMI|ICASSP|TACAS|Nature|Science|Biometrika)"
)
YEAR = r"(?:1[89]\d\d|20\d\d)"
MANY = rf"(?:(?:, {NAME})*,? (?:and|&) (?:others|colleagues|{NAME})| et al\.?)"
CITED = re.compile(
    rf"(?P<first>{NAME}){MANY}?(?:['’]s?(?: [a-z-]+){{0,3}})?,?(?: (?:in|at|of)(?= {YEAR}| {VENUE}))?,? "
    rf"\(?(?:{VENUE},? )?(?P<year>{YEAR})\b"
    r"(?: \[(?P<key>[a-z0-9]+)\])?(?:,? \"(?P<title>[^\"]+)\")?"
)
"""A paper named in words, such as `Xu et al. 2021` or `Cohen's bound (2019)`, with its key in brackets and its title, where they follow."""
LISTED = re.compile(rf"(?P<first>{NAME}), [A-Z]\.(?: ?[A-Z]\.)*[^()\"]{{0,80}}\((?P<year>{YEAR})\)")
UNDATED = re.compile(rf"(?P<first>{NAME})(?: et al\b| and colleagues\b| and others\b)")
SHORT = re.compile(rf"(?P<first>{NAME}){MANY}?,? \(?['’]\d\d\b")
ELSEWHERE = re.compile(
    r"arXiv:? ?\d{4}\.\d{4,5}|(?:arxiv|doi)\.org/|\bdoi:? ?10\.\d{4}|openreview\.net/|aclanthology\.org/|proceedings\.mlr\.press/"
    rf"|\b{VENUE}\b[^.;\[\]]{{0,12}}?\b{YEAR}\b",
    re.IGNORECASE,
)
"""A paper named by its number, its address or the place where it was published."""
KEY = re.compile(rf"\[([a-z]+{YEAR}\w*)\]")


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


def prose(text: str) -> Iterator[str]:
    """Every string of a source that stands for itself: docstrings, and what is said below a constant or a field."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield " ".join(node.value.value.split())


def without_key(text: str, keys: set[str]) -> list[str]:
    """The papers named in a source of which no key, neither in brackets nor among `keys`, is the entry: by first author, year and title."""
    options = keys | set(KEY.findall(text))
    lost = [key for key in KEY.findall(text) if bibtex(key) is None]
    known = {entry(key) for key in options if bibtex(key)}
    for words in prose(text):
        for paper in CITED.finditer(words):
            papers = known if not paper["key"] else {entry(paper["key"])} if bibtex(paper["key"]) else set()
            said = ascii_of(paper["title"] or "").replace(" ", "")
            who = ascii_of(paper["first"]), paper["year"]
            if not any(each[:2] == who and said in each[2].replace(" ", "") for each in papers):
                lost.append(paper[0])
        for form in (LISTED, UNDATED, SHORT):
            lost += [paper[0] for paper in form.finditer(words) if ascii_of(paper["first"]) not in {first for first, _, _ in known}]
        lost += [paper[0] for paper in ELSEWHERE.finditer(words) if not KEY.search(words)]
    return lost


def keys_of(path: Path, text: str) -> set[str]:
    """The keys that a module names in its code, and those that its parts have."""
    if path.is_relative_to(HOME / "integrations"):
        return {key for key in map(entry_key, ENTRIES) if f'"{key}"' in text}  # their packages need not be there
    module = importlib.import_module(".".join(("shiftproof", *path.relative_to(HOME).with_suffix("").parts)).removesuffix(".__init__"))
    classes = [each for _, each in inspect.getmembers(module, inspect.isclass) if each.__module__ == module.__name__]
    return {key for each in classes if issubclass(each, Part) for key in each.references} | {
        key for key in map(entry_key, ENTRIES) if f'"{key}"' in text
    }


@pytest.mark.parametrize("package", sorted({path.relative_to(HOME).parts[0] for path in HOME.rglob("*.py")} - {"__main__.py"}))
def test_every_paper_named_in_a_docstring_has_its_key_there(package: str) -> None:
    paths = [HOME / package] if package.endswith(".py") else sorted((HOME / package).rglob("*.py"))
    texts = {path: path.read_text(encoding="utf-8") for path in paths}
    assert {str(path): lost for path, text in texts.items() if (lost := without_key(text, keys_of(path, text)))} == {}


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
        ("as in [nobody2031nothing]", set()),
        ("Nobody's bound (2031) is used", set()),
        ("the loss of Nobody et al. is used", {"higham2002accuracy"}),
        ("Nobody and colleagues, in ICML 2031", set()),
        ("van den Nobody (ICML 2031)", set()),
        ("Nobody, J. and Someone, A. (2031).", set()),
        ("Nobody et al. '31", set()),
        ("NOBODY et al. [3]", set()),
        ('Reference: "Attention is nothing", NeurIPS 2031.', {"higham2002accuracy"}),
        ("Reference: arXiv:2107.01234.", {"higham2002accuracy"}),
        ("see https://doi.org/10.1000/182", {"higham2002accuracy"}),
    ],
)
@pytest.mark.parametrize("of", ['"""{}"""', 'class A:\n    """One.\n\n    {}\n    """', 'async def f():\n    """{}"""', 'X = 1\n"""{}"""'])
def test_a_paper_without_its_key_is_found(words: str, keys: set[str], of: str) -> None:
    assert without_key(of.format(words), keys)


@pytest.mark.parametrize(
    ("words", "keys"),
    [
        ("Higham 2002", {"higham2002accuracy"}),
        ("Higham 2002 [higham2002accuracy]; in 2020 and CIFAR-10 nothing is named", set()),
        ("Cinà et al. 2025; Sidak 1967", {"cina2025sigma", "sidak1967rectangular"}),
        ("Dünkel et al. 2025 [dunkel2025cnsbench]", set()),
        ("Higham's rule (2002); the rule of Higham and others", {"higham2002accuracy"}),
        ('[higham2002accuracy], "Accuracy and stability", arXiv:2107.01234, ICML 2031.', set()),
        ('Kurakin, Goodfellow & Bengio 2017, "Adversarial examples in the\n    physical world".', {"kurakin2017physical"}),
    ],
)
def test_a_paper_with_its_key_is_not(words: str, keys: set[str]) -> None:
    assert not without_key(f'"""{words}"""', keys)


def test_one_key_is_one_paper() -> None:
    papers = Counter(re.sub(r" ", "", entry(entry_key(each))[2]) for each in ENTRIES)
    assert [title for title, count in papers.items() if count > 1] == []
    for key in map(entry_key, ENTRIES):
        first, year, _ = entry(key)
        assert key.startswith(first.replace(" ", "").removesuffix("dezfooli")), key
        assert year in key
