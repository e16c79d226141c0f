"""What a rule or policy asks of a reply, in words: its patterns are machinery, which only `-v` shows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["asked", "in_words"]

_KEY: Final = re.compile(r"(?:^|, )([a-z_]+) = ")
_QUOTE: Final = '"'
_SEVERAL: Final = '", '
"""Stands between two values of a list."""


def asked(when: str) -> Iterator[tuple[str, str]]:
    """Yield the keys and values of conditions as an entry displays them: ``reply = "550", words = ["a", "b"]``."""
    matches = [*_KEY.finditer(when)]
    ends = [*(match.start() for match in matches[1:]), len(when)][: len(matches)]
    for match, end in zip(matches, ends, strict=True):
        yield match[1], when[match.end() : end]


def in_words(when: str, *, verbose: bool) -> str:
    """Return conditions in words, `verbose` with patterns."""
    parts = [
        f"{key} = {value}" if verbose or key not in _WORDS else _WORDS[key](_joined(value))
        for key, value in asked(when)
    ]
    return "; ".join(filter(None, parts)) or when


def _joined(value: str) -> str:
    """Return a list of values without brackets."""
    return value[1:-1] if value.startswith("[") and value.endswith("]") else value


def _phrases(one: str, several: str) -> Callable[[str], str]:
    return lambda value: f"{several if _SEVERAL in value else one} {value}"


def _names(verb: str) -> Callable[[str], str]:
    return lambda value: f"{verb} {value.replace(_QUOTE, '')}"


_WORDS: Final[Mapping[str, Callable[[str], str]]] = MappingProxyType(
    {
        "words": _phrases("says", "says all of"),
        "any_words": _phrases("says", "says one of"),
        "means": _names("means"),
        "reply": _names("code"),
        "status": _names("status"),
        "command": _names("in reply to"),
        "unless": _phrases("but not", "but none of"),
        "pattern": lambda _: "as a pattern has it (-v)",
    }
)
