"""Where the repository lies, for tests of its files."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[1]
