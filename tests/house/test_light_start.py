"""Importing the package and asking for help load none of the heavy packages."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "pandas", "pyarrow", "sklearn", "scipy", "altair", "pydantic", "onnxruntime", "httpx")
REPORT = f"import sys; print('loaded:', *[name for name in {HEAVY!r} if name in sys.modules])"


def loaded_by(code: str) -> str:
    """The last line that a fresh interpreter prints after `code`: which heavy packages it has loaded."""
    result = subprocess.run([sys.executable, "-c", f"{code}\n{REPORT}"], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip().splitlines()[-1]


HELP = """
import sys
from shiftproof.cli.main import main
sys.argv[1:] = {arguments!r}
try:
    main()
except SystemExit as end:
    assert end.code in (0, None), end.code
"""


def test_import_is_light() -> None:
    assert loaded_by("import shiftproof") == "loaded:"


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["audit", "--help"], ["transfer", "--help"], ["train", "--help"]], ids=" ".join
)
def test_help_is_light(arguments: list[str]) -> None:
    assert loaded_by(HELP.format(arguments=arguments)) == "loaded:"


def test_a_heavy_import_would_be_seen() -> None:
    assert loaded_by("import shiftproof; shiftproof.Linf") == "loaded: torch"


FIRST_AUDIT = """
import torch
import shiftproof as sp

x = torch.rand(12, 1, 4, 4)
net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(16, 2, bias=False))
torch.nn.init.eye_(net[1].weight)
sp.load_data("digits:", limit=3).take(slice(0, 3))
shown = sp.examples(x, x.flatten(1)[:, :2].argmax(1))
sp.audit(net, shown, shifts=["linf(eps=0.1)"], searches=["gradient_ascent(steps=2)"], progress=False)
"""
LATE = (
    "pandas",
    "sklearn",
    "scipy.stats",
    "scipy.optimize",
    "scipy.linalg",
    "cv2",
    "vl_convert",
    "altair",
    "onnxruntime",
    "httpx",
    "matplotlib",
    "shiftproof.certificates.auto",
    "shiftproof.models.fast_copy",
    COMPILER := "torch._dynamo",
    "sympy",
)
FIRST_PROOF = """
from shiftproof.certificates import Crown
from shiftproof.certify import certify

print("proven:", certify(sp.as_model(net, name="eye"), sp.Linf(1e-9), certificate=Crown(), examples=shown).accuracy)
"""


def test_a_first_audit_and_a_first_proof_load_no_more_than_they_need() -> None:
    audited = f"import sys; print('late:', *[name for name in {LATE!r} if name in sys.modules])"
    proven = f"print('compiler:', {COMPILER!r} in sys.modules)"
    code = "\n".join([FIRST_AUDIT, audited, FIRST_PROOF, proven])
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip().splitlines()[-3:] == ["late:", "proven: 1.0", "compiler: False"]
