"""Foreign text and values shown in one short line: control characters escaped, what is too long cut with an ellipsis."""

from __future__ import annotations

from collections.abc import Iterable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["ELLIPSIS", "LINE", "printable", "shortened", "values_line"]

ELLIPSIS: Final = "…"
LINE: Final = 120
"""Characters of the `repr` of a verdict or a report."""
_VALUE: Final = 60  # characters of one value
_VALUES: Final = 240  # characters of all


def printable(text: str) -> str:
    r"""Return the text with control characters, line endings, bidi marks and lone surrogates escaped (`\x1b`)."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else _escape(character) for character in text)


def _escape(character: str) -> str:
    # No-break and ideographic spaces are harmless; a plain space reads better than an escape.
    return " " if character in "\u00a0\u202f\u3000" else character.encode("unicode_escape").decode("ascii")


def shortened(text: str, most: int) -> str:
    """Return foreign text made printable, with an ellipsis in its middle where it is longer than `most` characters.

    The domain of an address is kept whole where it fits.
    """
    if len(text) <= most and text.isprintable():
        return text
    shown = printable(text if len(text) <= 4 * most else f"{text[: 2 * most]}{text[-2 * most :]}")
    if len(shown) <= most:
        return shown
    at = shown.rfind("@")
    domain = len(shown) - at
    end = domain + (most - domain) // 3 if at >= 0 and domain + 4 <= most else most // 2
    return f"{shown[: most - 1 - end]}{ELLIPSIS}{shown[len(shown) - end :]}"


def values_line(name: str, values: Iterable[tuple[str, object]]) -> str:
    """Return a `repr` such as ``Address(type='rfc822', address='kim@example.org')``, with long values cut."""
    shown: list[str] = []
    left = _VALUES - len(name) - 2
    for key, value in values:
        text = f"{key}={_cut(repr(value), _VALUE)}"
        left -= len(text) + 2
        if left < 0:
            shown.append(ELLIPSIS)
            break
        shown.append(text)
    return f"{name}({', '.join(shown)})"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 2]}{ELLIPSIS}{text[-1]}"
