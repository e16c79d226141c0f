"""The bounded words that evidence keeps."""

from __future__ import annotations

from typing import Final

__all__ = ["words_of"]

# RFC 5321 4.5.3.1.6: a text line has at most 998 octets and its line end.
_OCTETS: Final = 998


def words_of(text: str) -> str:
    """`text`, or as much of its beginning as fits into 998 octets of UTF-8."""
    if len(text) * 4 <= _OCTETS or (len(text) <= _OCTETS and text.isascii()):
        return text
    return text[:_OCTETS].encode("utf-8", "replace")[:_OCTETS].decode("utf-8", "ignore")
