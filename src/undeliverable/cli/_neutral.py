"""Foreign text made harmless for terminals and spreadsheets.

Addresses and replies are written by strangers: an escape sequence in them must not reach a terminal, a line ending must
not forge a row, and a cell must not become a formula.
"""

from __future__ import annotations

from typing import Final

from undeliverable.model import printable as neutral

__all__ = ["neutral", "neutral_cell", "neutral_lines"]

# Characters that make a spreadsheet read a cell as a formula, fullwidth forms included:
# https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def neutral_lines(text: str) -> str:
    """Return the text as `neutral` does but keep line feeds: for our own text with foreign words in it."""
    return "\n".join(map(neutral, text.split("\n")))


def neutral_cell(value: object) -> str:
    """Return a value as a CSV cell that no spreadsheet takes for a formula; empty for None."""
    if value is None:
        return ""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    harmless = neutral(text)
    return f"'{harmless}" if text.startswith(_FORMULA) else harmless
