"""Text and numbers for people: what a name or an error of somebody else's makes a terminal do, it only shows."""

from __future__ import annotations


def printable(text: str, *, keep: str = "") -> str:
    r"""Every control character, such as the start of an escape sequence or a change of direction, becomes visible and does nothing.

    >>> printable("a\x1b[31m\nb"), printable("a\x1b[31m\nb", keep="\n\t")
    ('a�[31m�b', 'a�[31m\nb')
    """
    return "".join(letter if letter.isprintable() or letter in keep else "�" for letter in text)


def figure(value: float) -> str:
    """A number of data by its first six digits, without an exponent where it can be read without.

    >>> figure(3.5), figure(47.51123), figure(1278890.4), figure(1e-9), figure(float("nan"))
    ('3.5', '47.5112', '1278890', '1e-09', 'missing')
    """
    if value != value:
        return "missing"
    return f"{value:.0f}" if 1e5 <= abs(value) < 1e15 else f"{value:.6g}"
