"""Replies without what differs from recipient to recipient, so that equal ones can be counted and shown to anybody."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

__all__ = ["masked"]

_LONGEST: Final = 240  # characters of a reply to show; replies rarely differ after that

# RFC 5321 4.1.2: a quoted local part or an atom, with an apostrophe inside (o'brien); then a domain or an address literal.
# "%40" is "@" in a URL. An atom is only tried at its beginning, so that its whole length is blanked in linear time.
_ADDRESS: Final = re.compile(
    r"""
    <?
    (?: "(?:[^"\\]|\\.){0,128}"
      | (?<![^\s<>()"',;:@]) [^\s<>()"',;:@] (?: [^\s<>()"',;:@] | '(?=[^\s<>()"',;:@]) ){0,960}?
    )
    (?: @ | %40 )
    (?: \[ [^\s\[\]]{1,255} \] | [^\s<>()"',;:@]{1,255} )
    >?
    """,
    re.VERBOSE,
)
# All repetitions are bounded, so that the time is linear in the text.
_BLANKS: Final = (
    (_ADDRESS, "<…>"),
    (re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])"), "[…]"),
    (re.compile(r"(?<![0-9A-Fa-f:])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){3,7}(?![0-9A-Fa-f:])"), "[…]"),
    (re.compile(r"(?<![\w.-])(?=[A-Za-z_-]{0,40}\d)[\w-]{9,128}(?:\.[\w-]{1,64}){0,4}(?![\w-])"), "…"),
)


@lru_cache(maxsize=4096)
def masked(reply: str) -> str:
    """Return a reply without addresses, IP addresses and ids of single messages."""
    text = " ".join(reply[: 4 * _LONGEST].split())
    for pattern, mark in _BLANKS:
        text = pattern.sub(mark, text)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
