"""Vega-Lite specs, written as Altair writes them: the few words of it that our charts need.

Altair itself is large (with what it needs, 17 MB and half a second), and describes far more. A test compares every chart of every page
with what Altair makes of the same calls, so its documentation holds here too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

VERSION = "v6.4.1"
"""Of Vega-Lite, whose specs these are."""
_TYPES = {"Q": "quantitative", "N": "nominal", "O": "ordinal", "T": "temporal"}
_CHANNELS = {"strokedash": "strokeDash", "yoffset": "yOffset"}


class SpecPart:
    """A part of a spec: its options as they are given."""

    def __init__(self, **options: Any) -> None:
        self.options = options

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {name: as_json(value) for name, value in self.options.items()}


class Axis(SpecPart):
    """How an axis looks."""


class Scale(SpecPart):
    """From data to looks."""


class Legend(SpecPart):
    """How a legend looks."""


class Data(SpecPart):
    """Rows, as `values`."""


class EncodedField(SpecPart):
    """What a field of the data is shown by; "name:Q" names the field and its type in short."""

    def __init__(self, shorthand: str | None = None, **options: Any) -> None:
        super().__init__(**({} if shorthand is None else short(shorthand)), **options)


class X(EncodedField):
    """Place from left to right."""


class Y(EncodedField):
    """Place from below to above."""


class YOffset(EncodedField):
    """Place inside a row."""


class Color(EncodedField):
    """Colour."""


class Shape(EncodedField):
    """Shape of a point."""


class Opacity(EncodedField):
    """How much it covers."""


class StrokeDash(EncodedField):
    """Dashes of a line."""


class Tooltip(EncodedField):
    """What is said beside the pointer."""


class MarkDef(SpecPart):
    """A mark with its looks; `type` is what it is."""


def short(text: str) -> dict[str, str]:
    """A field and its type in short.

    >>> short("value:Q"), short("low")
    ({'field': 'value', 'type': 'quantitative'}, {'field': 'low'})
    """
    name, _, kind = text.partition(":")
    return {"field": name, "type": _TYPES[kind]} if kind else {"field": name}


def as_json(value: Any) -> Any:
    """Parts of a spec as JSON has them."""
    if isinstance(value, SpecPart | Chart | LayerChart):
        return value.to_dict()
    if isinstance(value, Mapping):
        return {name: as_json(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(each) for each in value]
    return value


@dataclass(frozen=True)
class Chart:
    """Data with one mark. `encode`, `mark_...`, `transform_filter` and `properties` return it with more."""

    data: SpecPart
    mark: SpecPart | None = None
    encoding: Mapping[str, Any] = field(default_factory=dict[str, Any])
    transform: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def _marked(self, kind: str, looks: Mapping[str, Any]) -> Chart:
        return replace(self, mark=MarkDef(type=kind, **looks))

    def mark_point(self, **looks: Any) -> Chart:
        """Points."""
        return self._marked("point", looks)

    def mark_rule(self, **looks: Any) -> Chart:
        """Straight lines, level or upright."""
        return self._marked("rule", looks)

    def mark_line(self, **looks: Any) -> Chart:
        """A line through the data."""
        return self._marked("line", looks)

    def mark_area(self, **looks: Any) -> Chart:
        """The area between two lines."""
        return self._marked("area", looks)

    def mark_rect(self, **looks: Any) -> Chart:
        """Rectangles."""
        return self._marked("rect", looks)

    def mark_text(self, **looks: Any) -> Chart:
        """Words."""
        return self._marked("text", looks)

    def encode(self, **channels: Any) -> Chart:
        """What the fields are shown by."""
        return replace(self, encoding={**self.encoding, **channels})

    def transform_filter(self, condition: str) -> Chart:
        """Shows the rows for which an expression is true."""
        return replace(self, transform=(*self.transform, condition))

    def properties(self, **settings: Any) -> Chart:
        """Height, width, description."""
        return replace(self, settings={**self.settings, **settings})

    def to_dict(self) -> dict[str, Any]:
        """The spec."""
        spec: dict[str, Any] = {"data": self.data.to_dict(), "mark": as_json(self.mark), "encoding": _encoding(self.encoding)}
        if self.transform:
            spec["transform"] = [{"filter": condition} for condition in self.transform]
        return {**spec, **as_json(self.settings)}


@dataclass(frozen=True)
class LayerChart:
    """Charts over one another."""

    layers: tuple[Chart, ...]
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def properties(self, **settings: Any) -> LayerChart:
        """Height, width, description."""
        return replace(self, settings={**self.settings, **settings})

    def to_dict(self) -> dict[str, Any]:
        """The spec; charts that share their data share it here too."""
        specs = [layer.to_dict() for layer in self.layers]
        shared = {json.dumps(spec["data"], sort_keys=True) for spec in specs}
        if len(shared) == 1 and specs:
            data = specs[0]["data"]
            return {
                "layer": [{name: part for name, part in spec.items() if name != "data"} for spec in specs],
                "data": data,
                **as_json(self.settings),
            }
        return {"layer": specs, **as_json(self.settings)}


def layer(*charts: Chart) -> LayerChart:
    """Charts over one another, the first below."""
    return LayerChart(charts)


def _encoding(channels: Mapping[str, Any]) -> dict[str, Any]:
    """The channels as JSON has them: those in short are fields, second ends of a range have no type of their own."""
    found: dict[str, Any] = {}
    for name, value in channels.items():
        place = _CHANNELS.get(name.lower(), name)
        if isinstance(value, str):
            fields = short(value)
            found[place] = {"field": fields["field"]} if re.fullmatch("[xy]2", place) else fields
        elif isinstance(value, Sequence):
            found[place] = [as_json(each) if isinstance(each, SpecPart) else short(each) for each in value]
        else:
            found[place] = as_json(value)
    return found
