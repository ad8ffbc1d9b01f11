"""Made from the table in `__init__.py` by `make stubs`."""

from shiftproof.data.arrays import ArraySource
from shiftproof.data.examples import Examples
from shiftproof.data.groups import ExampleInfo, crossed
from shiftproof.data.load import load_data
from shiftproof.data.source import Source
from shiftproof.data.space import Column, InputSpace

__all__ = ["ArraySource", "Column", "ExampleInfo", "Examples", "InputSpace", "Source", "crossed", "load_data"]
