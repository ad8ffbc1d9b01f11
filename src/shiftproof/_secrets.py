"""What may be shown: every text without the credentials of this run. One place, used by errors, records and the command line.

A URL is shown without user, password, query and fragment. What they hold, and the values of authorisation headers, is remembered for the
life of the process, and removed from any other text too: a server may send it back, plain, percent-encoded or in base64.
"""

from __future__ import annotations

import base64
import binascii
import html
import json
import re
from collections.abc import Iterator
from urllib.parse import quote, quote_plus, unquote, unquote_plus, urlsplit, urlunsplit

HIDDEN = "[hidden]"
_START = re.compile(r"(?:[a-z][a-z0-9+.\-]*://|https?:)", re.IGNORECASE)
_URL = re.compile(_START.pattern + r"[^\s'\"]+", re.IGNORECASE)
_TELLING = re.compile(r"key|token|secret|pass|pwd|auth|sig|cred|code", re.IGNORECASE)
"""Names of query values that are secret however short they are."""
_LEAST, _LEAST_OF_A_QUERY = 3, 6
"""Shorter ones are not looked for in other texts, where they would be found everywhere."""
_WORD = 8
_forms: set[str] = set()


def url_without_secrets(url: str) -> str:
    """A URL as it may be shown and stored: without user, password, query and fragment.

    An @ behind the host may end a password with a / in it, so nothing but the scheme is shown then; write such a password as %2F.

    >>> url_without_secrets("https://me:secret@host.example:8443/v1/predict?key=secret")
    'https://host.example:8443/v1/predict'
    >>> url_without_secrets("HTTP://me:sec/ret@host/v1")
    'http://[hidden]'
    """
    scheme, colon, rest = url.partition(":")
    slashes = "//" if rest.startswith("//") else ""
    try:
        parts = urlsplit(url)
    except ValueError:  # brackets that do not close
        return f"{scheme.lower()}{colon}{slashes}{HIDDEN}"
    if "@" in parts.path + parts.query + parts.fragment:
        return f"{scheme.lower()}{colon}{slashes}{HIDDEN}"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def without_secrets(text: str) -> str:
    """A text with every URL in it as it may be shown, and without what was remembered.

    >>> without_secrets("--model=https://me:secret@host.example/v1"), without_secrets("nets.py:make")
    ('--model=https://host.example/v1', 'nets.py:make')
    """
    plain = _URL.sub(lambda found: url_without_secrets(found[0]), text)
    if not _forms:
        return plain
    return re.sub("|".join(map(_pattern, sorted(_forms, key=len, reverse=True))), HIDDEN, plain, flags=re.IGNORECASE)


def _pattern(form: str) -> str:
    """A short word, as only a test or a careless person has it for a password, is hidden where it stands alone."""
    return rf"\b(?-i:{form})\b" if len(form) < _WORD and form.isalpha() else re.escape(form)


def forget() -> None:
    """Forgets all secrets of this process."""
    _forms.clear()


def remember_url(text: str) -> None:
    """Keeps what is secret in a URL, or in a word of a command that ends in one, out of every text from now on."""
    start = _START.search(text)
    if start is None:
        return
    address, _, fragment = text[start.end() :].lstrip("/").partition("#")
    place, _, query = address.partition("?")
    whole = text[start.end() :].lstrip("/")
    for userinfo in {place.partition("/")[0].rpartition("@")[0], whole.rpartition("@")[0]} - {""}:
        name, _, password = userinfo.partition(":")
        _keep(password or name, userinfo, f"{unquote(name)}:{unquote(password)}")
    for part in [*re.split("[&;]", query), *re.split("[&;]", fragment)]:
        name, equals, value = part.partition("=")
        if len(value) >= (_LEAST if _TELLING.search(name) else _LEAST_OF_A_QUERY):
            _keep(value)
        elif not equals and len(part) >= _LEAST_OF_A_QUERY:
            _keep(part)


def remember_header(value: str) -> None:
    """Keeps the value of an Authorization header, such as 'Bearer TOKEN', out of every text from now on."""
    _keep(value, *value.split()[1:])
    for part in value.split()[1:]:
        try:
            plain = base64.b64decode(part, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            continue
        _keep(plain, plain.partition(":")[2])


def _keep(*secrets: str) -> None:
    for secret in secrets:
        _forms.update(form for form in _written(secret) if len(form) >= _LEAST)


def _written(secret: str) -> Iterator[str]:
    """The ways in which texts write a secret."""
    for plain in {secret, unquote(secret), unquote_plus(secret)}:
        yield plain
        yield from (quote(plain, safe=""), quote_plus(plain), quote(plain, safe="!$&'()*+,;=:"))
        yield from (json.dumps(plain)[1:-1], repr(plain)[1:-1], html.escape(plain))
        for coded in (base64.b64encode(plain.encode()), base64.urlsafe_b64encode(plain.encode())):
            yield coded.decode().rstrip("=")
