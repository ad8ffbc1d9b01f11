"""What may be shown and stored of a spec: everything but credentials."""

from __future__ import annotations

from shiftproof._secrets import shown as shown_spec
from shiftproof._secrets import shown_url

__all__ = ["shown_spec", "shown_url"]
