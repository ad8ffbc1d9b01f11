"""Writes the script that draws the charts of a page: Vega, Vega-Lite and vega-embed, of the version whose specs Altair writes.

    python tools/chart_script.py

It is shipped, as bundling it takes longer than a quick audit. A test fails while it is not that of the pinned vl-convert-python and Altair.
"""

from __future__ import annotations

import gzip

import altair
import vl_convert

from shiftproof.reports._html import CHART_SCRIPT


def script() -> bytes:
    """The compressed script, the same bytes each time."""
    wanted = altair.SCHEMA_VERSION.removeprefix("v").rsplit(".", 1)[0]
    bundle: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=wanted)
    return gzip.compress(f"/* Vega-Lite {wanted} */ (() => {{\n{bundle}\n}})();".encode(), mtime=0)


if __name__ == "__main__":
    CHART_SCRIPT.write_bytes(script())
