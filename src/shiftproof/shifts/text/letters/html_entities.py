"""Characters as HTML writes them: "it&#39;s", "&amp;"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import LetterTable


@dataclass(frozen=True)
class HtmlEntities(LetterTable):
    """Up to `edits` quotes, signs and spaces written as entities of HTML, as in text that was scraped and not decoded.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> HtmlEntities(edits=1).edited("it's", [(2, 0)])
        'it&#39;s'
    """

    name: ClassVar[str] = "html_entities"

    table: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "'": ("&#39;", "&rsquo;"), '"': ("&quot;",), "&": ("&amp;",), "<": ("&lt;",), ">": ("&gt;",), "-": ("&ndash;",), " ": ("&nbsp;",),
        "\u00e9": ("&eacute;",), "...": ("&hellip;",), "`": ("&lsquo;",),
    }  # fmt: skip
