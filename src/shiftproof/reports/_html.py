"""One self-contained HTML file: templates with escaping on, everything inline, and a policy that forbids the page any network."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

import jinja2
from markupsafe import Markup

from shiftproof.reports import number_format as words
from shiftproof.reports.audit import measures
from shiftproof.reports.audit.masking_checks import figure_text
from shiftproof.reports.figure import CONFIG, Figure
from shiftproof.reports.flags import FLAGS
from shiftproof.reports.shift_words import in_shift_words

_HERE = "shiftproof.reports"
CHART_SCRIPT = Path(__file__).with_name("templates") / "vega.js.gz"
"""The script that draws charts; `python tools/chart_script.py` writes it."""


@lru_cache(maxsize=1)
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(_HERE, "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        percent=words.percent,
        roughly=words.roughly,
        span=words.span,
        points=words.points,
        points_span=words.points_span,
        points_ends=words.points_ends,
        seconds=words.seconds,
        p_value=words.p_value,
        confidence=words.confidence,
        bracketed=words.bracketed,
        shown_number=words.shown_number,
        amount_span=words.amount_span,
        in_words=words.in_words,
        whole=words.whole,
        number_word=words.number_word,
        amount_of=words.amount_of,
        known=words.known,
        measured=measures.measured,
        measured_span=measures.measured_span,
        changed=measures.changed,
        changed_span=measures.changed_span,
        figure=figure_text,
        shift_words=in_shift_words,
    )
    environment.globals.update(KINDS=words.KINDS, KIND_WORDS=words.KIND_WORDS, KIND_HEADS=words.KIND_HEADS, KIND_SIGNS=words.KIND_SIGNS)
    environment.globals.update(plural=words.plural, cost=words.cost, FLAGS=FLAGS)
    return environment


def as_script_json(value: object) -> Markup:
    r"""JSON that can stand inside a script element: no character in it can end the element or open a comment.

    >>> print(as_script_json({"name": "</script><!--"}))
    {"name": "\u003c/script\u003e\u003c!--"}
    """
    text = json.dumps(value, allow_nan=False)  # ASCII: U+2028 and U+2029 come out escaped
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))  # noqa: S704  # escaped just now


@lru_cache(maxsize=1)
def vega_bundle() -> str:
    """Vega, Vega-Lite and vega-embed as one script, of the Vega-Lite version whose specs `vega` writes; a test compares the two."""
    return inline_script(gzip.decompress(CHART_SCRIPT.read_bytes()).decode())


def inline_script(source: str) -> str:
    """A script's text as it may stand in a script element, newlines as a browser hashes them."""
    return source.replace("\r\n", "\n").replace("\r", "\n").replace("</script", "<\\/script").replace("<!--", "<\\!--")


def policy(scripts: Sequence[str]) -> str:
    """A content security policy under which only these very scripts run and nothing is ever fetched or sent."""
    hashes = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" for script in scripts)
    return f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"


def render(template: str, *, charts: Mapping[str, Figure], **values: object) -> str:
    """A page from its template, the charts it shows, and its records."""
    scripts = [vega_bundle(), inline_script(_text("page.js"))] if charts else [inline_script(_text("page.js"))]
    return (
        _environment()
        .get_template(template)
        .render(
            style=Markup(_text("page.css")),  # noqa: S704  # our own files
            scripts=[Markup(script) for script in scripts],  # noqa: S704
            policy=policy(scripts),
            charts=charts,
            chart_json=as_script_json({"config": CONFIG, "specs": {name: figure.spec for name, figure in charts.items()}}),
            **values,
        )
    )


def _text(name: str) -> str:
    return files(_HERE).joinpath("templates").joinpath(name).read_text(encoding="utf-8")
