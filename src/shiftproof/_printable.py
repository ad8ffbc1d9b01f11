"""Text for a terminal: what a name or an error of somebody else's makes a terminal do, it only shows."""

from __future__ import annotations


def printable(text: str, *, keep: str = "") -> str:
    r"""Every control character, such as the start of an escape sequence or a change of direction, becomes visible and does nothing.

    >>> printable("a\x1b[31m\nb"), printable("a\x1b[31m\nb", keep="\n\t")
    ('a�[31m�b', 'a�[31m\nb')
    """
    return "".join(letter if letter.isprintable() or letter in keep else "�" for letter in text)
