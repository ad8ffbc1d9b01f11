"""What may be shown: every text without the credentials of this run. One place, used by errors, records and the command line.

A URL is shown without user, password, query and fragment. What they hold, and the values of authorisation headers, is remembered for the
life of the process, and removed from any other text too: a server may send it back, plain, percent-encoded, in hex or in base64, by itself
or within more.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import quote, quote_plus, unquote, unquote_plus, urlsplit, urlunsplit

HIDDEN = "[hidden]"
_START = re.compile(r"(?:[a-z][a-z0-9+.\-]*://|https?:)", re.IGNORECASE)
_URL = re.compile(_START.pattern + r"[^\s'\"]+", re.IGNORECASE)
_TELLING = re.compile(r"key|token|secret|pass|pwd|auth|sig|cred|code", re.IGNORECASE)
"""Names of query values that are secret however short they are."""
_LEAST, _LEAST_OF_A_QUERY = 3, 6
"""Shorter ones are not looked for in other texts, where they would be found everywhere."""
_LEAST_OF_A_FIELD = 12
_WORD = 8
_FIELD = re.compile(r".*(?:api[_-]?key|authorization|(?:auth|access)[_-]?token|secret(?:[_-]?key)?|password)", re.IGNORECASE)
_KEYS = re.compile(
    r"(?<![\w-])(?:sk-[\w-]{16,}|[rs]k_(?:live|test)_\w{16,}|gh[pousr]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|hf_[A-Za-z0-9]{20,}"
    r"|AKIA[0-9A-Z]{16}|AIza[\w-]{30,}|xox[abprs]-[\w-]{10,}|gsk_\w{20,}|r8_\w{20,}|xai-\w{20,}|pplx-\w{16,})"
    r"|(?<=(?i:Bearer) )[\w.~+/-]{12,}=*"
)
"""Forms of the keys of well-known providers, and what follows the word Bearer."""
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
    plain = _URL.sub(_shown, text)
    if not _forms:
        return plain
    return re.sub("|".join(map(_pattern, sorted(_forms, key=len, reverse=True))), HIDDEN, plain, flags=re.IGNORECASE)


def _shown(found: re.Match[str]) -> str:
    """A URL within a text; of one that names a language model, as chat:URL#MODEL, with that name."""
    url, hash_, model = found[0].rpartition("#")
    if _names_a_model(found.string[: found.start()]) and hash_ and "@" not in model:
        return f"{url_without_secrets(url)}#{model}"
    return url_without_secrets(found[0])


def _names_a_model(before: str) -> bool:
    """Whether what stands before a URL says that the name of a language model follows its last #."""
    return before.lower().endswith(("chat:", "completions:"))


def without_keys(text: str) -> str:
    """A text that comes from elsewhere, such as another tool's log: `without_secrets`, and without what has the form of a provider's key.

    >>> without_keys("Authorization: Bearer abcdef0123456789, sk-proj-abcdefghij0123456789")
    'Authorization: Bearer [hidden], [hidden]'
    """
    return _KEYS.sub(HIDDEN, without_secrets(text))


def remember_fields(content: object) -> None:
    """Keeps what stands under names such as api_key or Authorization in a document out of every text from now on."""
    left = [content]
    while left:
        one = left.pop()
        if isinstance(one, Mapping):
            for name, value in one.items():
                if isinstance(value, str) and _FIELD.fullmatch(str(name)) and len(value) >= _LEAST_OF_A_FIELD and "$" not in value:
                    remember_header(value)
                left.append(value)
        elif isinstance(one, list | tuple):
            left += one


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
    if _names_a_model(text[: start.start()]):
        url, _, model = text.rpartition("#")
        text = text if "@" in model else url or text
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
        except ValueError:  # no base64, or not of a text
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
        raw = plain.encode()
        yield from (raw.hex(), raw.hex(" "), raw.hex(":"), "".join(f"\\x{byte:02x}" for byte in raw))
        for code in (base64.b64encode, base64.urlsafe_b64encode):
            yield code(raw).decode().rstrip("=")
            yield from (_inside(code, raw, before) for before in (1, 2))


def _inside(code: Callable[[bytes], bytes], raw: bytes, before: int) -> str:
    """The part of a longer text in base64 that a secret alone decides, where so many bytes (modulo 3) stand before it."""
    whole = (before + len(raw)) * 8 // 6
    part = code(b"\0" * before + raw).decode()[before + 1 : whole]
    return part if len(part) >= _WORD else ""
