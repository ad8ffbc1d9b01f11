"""What README and the documentation show is run as it is typed: Python blocks in order, shell blocks with the installed `shiftproof`."""

from __future__ import annotations

import os
import subprocess
import sys
import types
from pathlib import Path

import click
import pytest
from blocks import PAGES, Block, blocks, command_lines, named, put_file, read
from copies import shell
from workshop import fill

from repository import ROOT

NOT_RUN = {
    "README.md": ["it installs the pinned packages from the network."],
    "CONTRIBUTING.md": ["they install the pinned packages from the network, or take minutes."],
    "docs/guide/confidence.md": ["it needs MNIST, USPS and Fashion-MNIST."],
    "docs/guide/frequency.md": ["it needs recorded trials.", "it needs archives of CIFAR-10 and takes half an hour."],
    "docs/guide/studies.md": ["they need CIFAR-10 and take minutes to an hour.", "it needs CIFAR-10 and two trained networks."],
    "docs/guide/language-models.md": [
        "it needs an endpoint, and may cost money.",
        "it asks a provider.",
        "it needs an endpoint.",
        "it needs logs of these tools.",
        "it needs inspect and lm-eval, and an endpoint.",
        "it needs two endpoints.",
    ],
    "docs/guide/objects.md": ["the map of places is 441 cells.", "it needs the published images.", "it needs the published images."],
    "docs/guide/many-machines.md": ["it needs a cluster.", "it needs Slurm.", "it needs a bucket."],
    "docs/guide/training.md": ["it needs a trained transformer.", "it needs a trained transformer."],
    "docs/guide/tools.md": [
        "it needs MLflow, wandb and TensorBoard.",
        "it needs MLflow.",
        "it needs Lightning and transformers.",
        "it needs nrtk.",
        "it runs on GitHub.",
    ],
    "docs/guide/your-model.md": ["it needs a GPU, your own package and photographs.", "it needs an endpoint, and may cost money."],
}
"""Every block that is not run, with its reason: this list grows on purpose only."""
SLOW_PYTHON = {"docs/guide/studies.md"}
FAST_SHELL = {"README.md", "docs/guide/add-a-part.md"}
ALSO = {"docs/guide/leaderboard.md": "runs/a runs/b"}
"""What a page's commands need and do not name one by one."""


def run_python(page: Path, text: str, folder: Path) -> int:
    """Runs a page's Python blocks in order, in one module of their own; the count of blocks run."""
    module = types.ModuleType(f"page_{page.stem.replace('-', '_')}")
    sys.modules[module.__name__] = module  # dataclasses look their annotations up there
    ran = 0
    before = set(sys.modules)
    try:
        for block in blocks(text):
            if block.language == "python":
                compiled = compile("\n" * (block.line - 1) + block.code, str(page), "exec")  # also those that are not run must be Python
                put_file(block, folder)
                if block.is_python:
                    exec(compiled, vars(module))
                    ran += 1
    finally:
        for name in {name for name in set(sys.modules) - before if _lies_in(name, folder)} | {module.__name__}:
            del sys.modules[name]
    return ran


def _lies_in(name: str, folder: Path) -> bool:
    file = getattr(sys.modules[name], "__file__", None)
    return file is not None and Path(file).is_relative_to(folder)


def installing_into(site: Path) -> dict[str, str]:
    """Settings under which `pip install .` needs no network and installs into a folder of the test, which Python then looks in."""
    paths = [str(site), *filter(None, [os.environ.get("PYTHONPATH")])]
    pip = {"PIP_TARGET": str(site), "PIP_NO_DEPS": "1", "PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0"}
    return {**pip, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PYTHONPATH": os.pathsep.join(paths)}


def run_shell(text: str, folder: Path, *, copies: Path | None = None) -> int:
    """Runs a page's shell blocks in order in `folder`; the count of blocks run. With `copies`, only the first command loads the program."""
    here = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{here}{os.pathsep}{os.environ['PATH']}", "COLUMNS": "120", **installing_into(folder / "site")}
    ran = 0
    for block in blocks(text):
        put_file(block, folder)
        if block.is_shell:
            if copies is None:
                command = ["bash", "-eu", "-o", "pipefail", "-c", block.code]
                result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
            else:
                result = shell(block.code, folder, environment, copies)
            assert result.returncode == 0, f"{block.code}\n{result.stdout[-2000:]}\n{result.stderr[-3000:]}"
            ran += 1
    return ran


def pages(slow: set[str], wanted: str) -> list[object]:
    """The pages that have such blocks, those of `slow` marked."""
    found = [page for page in PAGES if any(getattr(block, wanted) for block in blocks(read(page)))]
    return [pytest.param(page, marks=pytest.mark.slow if named(page) in slow else (), id=named(page)) for page in found]


@pytest.mark.parametrize("page", pages(SLOW_PYTHON, "is_python"))
def test_python_blocks_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if page == ROOT / "README.md":
        pytest.skip("run together with its commands, which use what it makes")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    fill(tmp_path, "\n".join(block.code for block in blocks(read(page)) if block.is_python))
    assert run_python(page, read(page), tmp_path) > 0


@pytest.mark.parametrize("page", pages({named(page) for page in PAGES} - FAST_SHELL, "is_shell"))
def test_shell_blocks_run(page: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    text = read(page)
    copies = None
    if page == ROOT / "README.md":  # it makes all that it needs by itself
        monkeypatch.chdir(tmp_path)
        run_python(page, text, tmp_path)
        copies = tmp_path_factory.mktemp("copies") / "spool" if Path("/proc/self/environ").exists() else None
    else:
        needed = (block.code for block in blocks(text) if block.is_shell or block.title)
        fill(tmp_path, "\n".join([*needed, ALSO.get(named(page), "")]))
    assert run_shell(text, tmp_path, copies=copies) > 0


def test_every_block_that_is_not_run_is_known_with_its_reason() -> None:
    marked = {named(page): [block.why for block in blocks(read(page)) if block.why] for page in PAGES}
    assert {page: reasons for page, reasons in marked.items() if reasons} == NOT_RUN


def test_every_fence_is_seen() -> None:
    for page in PAGES:
        text = read(page)
        assert sum(line.startswith("```") for line in text.splitlines()) == 2 * len(blocks(text)), page
        assert text.count("Not run by the tests") == sum(block.why is not None for block in blocks(text)), page


@pytest.mark.parametrize("page", [page for page in PAGES if any(command_lines(read(page)))], ids=named)
def test_command_lines_parse(page: Path) -> None:
    from shiftproof.cli.main import app

    for words in command_lines(read(page)):
        parse(app, words)


def parse(app: click.Group, words: list[str]) -> None:
    """Parses a command line as the program would, without running it."""
    context = click.Context(app, info_name="shiftproof")
    name, command, rest = app.resolve_command(context, list(words))
    assert command is not None, words
    if rest and rest != ["--help"]:
        command.make_context(name, list(rest), parent=context)


def test_readme_begins_with_four_lines_that_measure_a_model() -> None:
    first = blocks(read(ROOT / "README.md"))[0]
    lines = [line for line in first.code.splitlines() if line and "import" not in line]
    assert first.is_python
    assert len(lines) == 4
    assert ".audit(" in first.code


def test_a_network_is_measured_with_trained_weights() -> None:
    """A factory of nets.py makes an untrained network: commands that measure it name its weights."""
    for page in PAGES:
        for words in command_lines(read(page)):
            if words[0] not in ("train", "defend", "study"):
                made = [word for word in words if word.startswith("nets.py:")]
                assert words.count("--weights") >= len(made), (named(page), words)


def test_a_failing_block_is_found(tmp_path: Path) -> None:
    page = "text\n\n```python\nx = 1\n```\n\n```python\nassert x == 2\n```\n"
    with pytest.raises(AssertionError):
        run_python(Path("planted.md"), page, tmp_path)
    wrong = "```bash\nshiftproof audit --no-such-option\n```\n"
    with pytest.raises(AssertionError, match=r"shiftproof audit[\s\S]*no-such-option"):
        run_shell(wrong, tmp_path)
    if Path("/proc/self/environ").exists():
        spool = tmp_path / "spool"
        for _ in range(2):  # by the program, and by a copy of this process
            with pytest.raises(AssertionError, match=r"shiftproof audit[\s\S]*no-such-option"):
                run_shell(wrong, tmp_path, copies=spool)
        assert (spool / "first").exists()


def test_a_marked_block_is_not_run_and_must_still_be_python(tmp_path: Path) -> None:
    mark = "*Not run by the tests: needs a server.*\n\n"
    assert run_python(Path("planted.md"), f"{mark}```python\nraise ValueError\n```\n", tmp_path) == 0
    assert run_shell(f"{mark}```bash\nfalse\n```\n", tmp_path) == 0
    with pytest.raises(SyntaxError):
        run_python(Path("planted.md"), f"{mark}```python\ndef\n```\n", tmp_path)


def test_a_titled_block_is_a_file(tmp_path: Path) -> None:
    text = '```python title="a/b.py"\nx = 1\n```\n```bash\ngrep -q "x = 1" a/b.py\n```\n'
    assert (run_python(Path("planted.md"), text, tmp_path), run_shell(text, tmp_path)) == (0, 1)
    assert blocks(text)[0] == Block("python", "x = 1\n", 2, "a/b.py", None)


def test_a_wrong_option_is_found() -> None:
    from shiftproof.cli.main import app

    (words,) = command_lines("```bash\nshiftproof audit --model m.py:f \\\n  --no-such-option 3  # a comment\n```\n")
    assert words == ["audit", "--model", "m.py:f", "--no-such-option", "3"]
    with pytest.raises(click.UsageError, match="no-such-option"):
        parse(app, words)
