"""The script that draws charts is the one that the pinned tools bundle."""

from __future__ import annotations

import gzip
import importlib.util
from pathlib import Path

from shiftproof.reports._html import CHART_SCRIPT

ROOT = Path(__file__).parents[2]


def test_the_shipped_script_is_what_the_tool_writes() -> None:
    recipe = importlib.util.spec_from_file_location("chart_script", ROOT / "tools" / "chart_script.py")
    assert recipe is not None
    assert recipe.loader is not None
    tool = importlib.util.module_from_spec(recipe)
    recipe.loader.exec_module(tool)
    assert gzip.decompress(CHART_SCRIPT.read_bytes()) == gzip.decompress(tool.script()), "run: python tools/chart_script.py"
