"""Records as JSON in ASCII: byte for byte what :func:`json.dumps` returns, faster where msgspec is installed.

msgspec writes other text than :mod:`json` for floats, some objects, and text outside of ASCII. The values of a record are made
here, of strings, whole numbers, lists and mappings; only what a service or a caller added can be anything else. So these values
are looked through first, and what msgspec cannot write, or would write otherwise, is left to :mod:`json`: the text never
depends on what is installed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, cast

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final, TypeAlias

    _Writer: TypeAlias = Callable[[object], str]

__all__ = ["record_json"]

_FEW: Final = 500
"""Records that json writes in less time than it takes to import msgspec, which is 20 ms and 4 MB: `pipe` writes one, then ends."""
_IN_ONE_LINE: Final = 0  # for msgspec: no line ends, and the blanks that json writes behind commas and colons
_PLAIN: Final = frozenset((str, bool, int, type(None)))  # exactly these: about some subclasses the two differ
_others_of: Final = re.compile(r"[^\x00-\x7e]").sub  # what json alone escapes


def record_json(record: Mapping[str, object], added: Mapping[str, object], *, compact: bool = False) -> str:
    """Return a record together with what is added to it as one line of JSON in ASCII.

    :param added: values that may be of any kind: what is added, and what stands in the record but was not made here.
    :param compact: True for no blanks behind commas and colons.
    :raises TypeError: when it holds what JSON has no form for.
    """
    return _writer(compact).write(record, added)


@lru_cache(maxsize=2)
def _writer(compact: bool) -> _Records:  # noqa: FBT001 # the key of the cache
    return _Records(compact=compact)


class _Records:
    """Writes records by json, and from `_FEW` on by msgspec, if that is installed."""

    __slots__ = ("_careful", "_compact", "_fast", "_left")

    def __init__(self, *, compact: bool) -> None:
        from json import JSONEncoder  # with the first record

        self._careful: Final = JSONEncoder(separators=(",", ":") if compact else None).encode
        self._compact: Final = compact
        self._fast: _Writer | None = None
        self._left = _FEW

    def write(self, record: Mapping[str, object], added: Mapping[str, object]) -> str:
        """Return a record as one line of JSON; arguments as of :func:`record_json`."""
        if self._left > 0:
            self._left -= 1
            return self._careful(record)
        if self._fast is None:
            self._fast = _fast_writer(self._careful, compact=self._compact)
        return (self._fast if all(map(_is_alike, added.values())) else self._careful)(record)


def _fast_writer(careful: _Writer, *, compact: bool) -> _Writer:
    """Return msgspec's writer, with `careful` for what it cannot write; `careful` alone if msgspec is not installed."""
    try:
        from msgspec import json
    except ImportError:
        return careful
    encode, laid_out = json.encode, json.format

    def fast(record: object) -> str:
        try:
            octets = encode(record)
        except (TypeError, ValueError, OverflowError):  # lone surrogates, subclasses of str
            return careful(record)
        text = (octets if compact else laid_out(octets, indent=_IN_ONE_LINE)).decode()
        return text if text.isascii() and "\x7f" not in text else _others_of(_escaped, text)

    return fast


def _is_alike(value: object) -> bool:
    """Return whether json and msgspec write a value alike."""
    kind = value.__class__
    if kind in _PLAIN:
        return True
    if kind is list or kind is tuple:
        return all(map(_is_alike, cast("list[Any]", value)))
    if kind is dict:
        pairs = cast("dict[Any, Any]", value)
        return all(key.__class__ is str for key in pairs) and all(map(_is_alike, pairs.values()))
    return False


def _escaped(found: re.Match[str]) -> str:
    """Return one character as JSON escapes it: one beyond the basic plane as two (RFC 8259 7)."""
    number = ord(found[0])
    if number < 0x10000:
        return f"\\u{number:04x}"
    number -= 0x10000
    return f"\\u{0xD800 | number >> 10:04x}\\u{0xDC00 | number & 0x3FF:04x}"
