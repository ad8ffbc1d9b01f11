"""`python -m shiftproof` is `shiftproof`."""

from __future__ import annotations

from shiftproof.cli.main import main

main()
