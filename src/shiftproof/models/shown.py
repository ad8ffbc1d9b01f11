"""What may be shown and stored of a spec: everything but credentials."""

from __future__ import annotations

import re
from urllib.parse import urlsplit, urlunsplit

_URL = re.compile(r"https?://[^\s'\"]+")


def shown_url(url: str) -> str:
    """A URL as it may be shown and stored: without user, password, query and fragment.

    >>> shown_url("https://me:secret@host.example:8443/v1/predict?key=secret")
    'https://host.example:8443/v1/predict'
    """
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def shown_spec(text: str) -> str:
    """A spec or a word of a command with every URL in it as it may be shown.

    >>> shown_spec("--model=https://me:secret@host.example/v1"), shown_spec("nets.py:make")
    ('--model=https://host.example/v1', 'nets.py:make')
    """
    return _URL.sub(lambda found: shown_url(found[0]), text)
