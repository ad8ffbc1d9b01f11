"""What a model's identity is made of where no file holds it: the code of its functions and the values they carry."""

from __future__ import annotations

import hashlib
import re
from types import CodeType, FunctionType

LENGTH = 24
"""Hex digits of a fingerprint that are kept: 96 bits, so two models never share one by chance."""
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def without_addresses(text: str) -> str:
    """A `repr` without memory addresses, which differ from run to run.

    >>> without_addresses("<function f at 0x7f00>")
    '<function f>'
    """
    return _ADDRESS.sub("", text)


def code_digest(function: object) -> str:
    """A hash of a Python function's bytecode, constants and the code nested in it; empty for what has none (written in C, say).

    Changing a comment or moving the function leaves it as it is.
    """
    function = getattr(function, "__func__", function)  # a bound method's function
    if not isinstance(function, FunctionType):
        return ""
    digest = hashlib.sha256()
    _feed(digest, function.__code__)
    return digest.hexdigest()[:LENGTH]


def _feed(digest: hashlib._Hash, code: CodeType) -> None:
    digest.update(code.co_code)
    digest.update(repr((code.co_names, code.co_varnames)).encode())
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            _feed(digest, constant)
        else:
            shown = sorted(map(repr, constant)) if isinstance(constant, frozenset) else repr(constant)  # sets have no fixed order
            digest.update(without_addresses(str(shown)).encode())


def value_digest(value: object) -> str:
    """A hash of a value's content, by joblib: arrays by their numbers, objects by their state, functions by name.

    Raises:
        Exception: whatever the standard pickle protocol raises for a value that cannot be pickled.
    """
    import joblib

    return str(joblib.hash(value, hash_name="sha1"))[:LENGTH]
