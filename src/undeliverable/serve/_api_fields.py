"""The values that requests of the HTTP API hold, in tables: what checks them is what OpenAPI is made from.

A value is checked by its kind. A table of such fields describes the parameters of a URL, which are texts, as well as a
JSON object.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, NamedTuple, cast

from undeliverable import bare_address
from undeliverable.model import Command, Protocol
from undeliverable.serve._problems import MOST_FAULTS, Fault
from undeliverable.smtp import named_command
from undeliverable.suppression import Cause

__all__ = ["KINDS", "Field", "Fields", "Kind", "of_object", "of_query"]

LONGEST_ADDRESS: Final = 1000  # characters; longer than any address, and short enough for an index
_LONGEST_WORDS: Final = 1000  # characters of what a person explains; it is kept with every event
_FLAGS: Final[Mapping[str, bool]] = MappingProxyType({"true": True, "1": True, "false": False, "0": False})


class Kind(NamedTuple):
    """A kind of value.

    :ivar schema: what OpenAPI says of it.
    :ivar read: returns the value, from JSON, or raises ValueError in words.
    :ivar of_text: the same from the text of a parameter.
    :ivar is_many: True if a parameter may be repeated.
    """

    schema: Mapping[str, object]
    read: Callable[[object], object]
    of_text: Callable[[str], object]
    is_many: bool = False


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("must be a string")  # noqa: TRY004 # see _flag
    return value


def _address(value: object) -> str:
    text = _text(value)
    address = bare_address(text) if len(text) <= LONGEST_ADDRESS else None
    if address is None:
        raise ValueError(f"must be one address of at most {LONGEST_ADDRESS} characters, without control characters")
    return address


def _words(value: object) -> str:
    text = _text(value)
    if len(text) > _LONGEST_WORDS:
        raise ValueError(f"must have at most {_LONGEST_WORDS} characters, not {len(text)}")
    return text


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    items = cast("list[object]", value if isinstance(value, list) else [None])
    if not all(isinstance(item, str) for item in items):
        raise ValueError("must be a string or a list of strings")
    return tuple(cast("list[str]", items))


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")  # noqa: TRY004 # one kind of error for all values
    return value


def _flag_of(text: str) -> bool:
    found = _FLAGS.get(text.lower())
    if found is None:
        raise ValueError("must be true or false")
    return found


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise ValueError("must be a number, 0 or more")
    return value


def _number_of(text: str) -> float:
    try:
        return _number(float(text))
    except ValueError:
        raise ValueError("must be a number, 0 or more") from None


def _days(value: object) -> float:
    number = _number(value)
    if not 0 < number <= _MOST_DAYS:
        raise ValueError(f"must be a number of days, more than 0 and at most {_MOST_DAYS}")
    return number


def _days_of(text: str) -> float:
    return _days(_number_of(text))


def _integer_of(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 18:
        raise ValueError("must be a whole number")
    return int(text)


def _integer(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("must be a whole number")  # noqa: TRY004 # see _flag
    return _integer_of(str(value)[:20])


def _time(value: object) -> datetime:
    try:
        time = datetime.fromisoformat(_text(value))
    except ValueError:
        raise ValueError("must be a time in ISO 8601, such as 2026-11-30T14:05:00Z") from None
    if time.tzinfo is None:
        raise ValueError("must have a time zone, such as 2026-11-30T14:05:00Z")
    return time


def _command(value: object) -> Command:
    text = _text(value)
    try:
        return _named(text) if len(text) <= _SHORT else named_command(text)
    except ValueError:
        raise ValueError(
            f"unknown command; expected one of {', '.join(Command)}, or as SMTP writes it: RCPT TO"
        ) from None


@lru_cache(maxsize=64)
def _named(text: str) -> Command:
    return named_command(text)


def _protocol(value: object) -> Protocol:
    return Protocol(_one_of([*map(str, Protocol)], _text(value).lower(), "protocol"))


def _cause(value: object) -> Cause:
    return Cause(_one_of([*map(str, Cause)], _text(value), "cause"))


def _one_of(words: Sequence[str], text: str, what: str) -> str:
    if text not in words:
        raise ValueError(f"unknown {what}; expected one of {', '.join(words)}")
    return text


_MOST_DAYS: Final = 36_500
_SHOWN: Final = 100  # characters of an unknown key
_SHORT: Final = 32  # characters of a command that is remembered
_STRING: Final = MappingProxyType({"type": "string"})


def _schema(**keys: object) -> Mapping[str, object]:
    return MappingProxyType(keys)


_LIST: Final = _schema(type="array", items={"type": "string"})
KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        "text": Kind(_STRING, _text, _text),
        "address": Kind(_schema(type="string", maxLength=LONGEST_ADDRESS, pattern="@"), _address, _address),
        "words": Kind(_schema(type="string", maxLength=_LONGEST_WORDS), _words, _words),
        "texts": Kind(_schema(oneOf=[{"type": "string"}, dict(_LIST)]), _texts, _text, is_many=True),
        "flag": Kind(_schema(type="boolean"), _flag, _flag_of),
        "number": Kind(_schema(type="number", minimum=0), _number, _number_of),
        "days": Kind(_schema(type="number", exclusiveMinimum=0, maximum=_MOST_DAYS), _days, _days_of),
        "integer": Kind(_schema(type="integer", minimum=0), _integer, _integer_of),
        "time": Kind(_schema(type="string", format="date-time"), _time, _time),
        "command": Kind(_schema(type="string", examples=[*map(str, Command), "RCPT TO"]), _command, _command),
        "protocol": Kind(_schema(type="string", examples=[*map(str, Protocol)]), _protocol, _protocol),
        "cause": Kind(_schema(type="string", enum=[*map(str, Cause)]), _cause, _cause),
    }
)
"""The kinds of values, by name."""


class Field(NamedTuple):
    """One value of a request.

    :ivar name: its key, or the name of the parameter.
    :ivar kind: one of :data:`KINDS`.
    :ivar about: what it is.
    """

    name: str
    kind: str
    about: str
    is_required: bool = False

    def header(self) -> str:
        """Return the name of the header that may stand in place of the parameter."""
        return f"undeliverable-{self.name.replace('_', '-')}"


class Fields(dict[str, Field]):
    """A table of fields by name.

    :ivar required: the names of those that must be there.
    :ivar read: what reads the value of each from JSON.
    """

    def __init__(self, *fields: Field) -> None:
        super().__init__((field.name, field) for field in fields)
        self.required: Final = tuple(field.name for field in fields if field.is_required)
        self.read: Final = {field.name: KINDS[field.kind].read for field in fields}


def of_object(fields: Fields, value: object, place: str, faults: list[Fault]) -> dict[str, Any]:
    """Return the values of a JSON object, and add what is wrong with it to `faults`; null is as good as absent.

    :param place: the JSON Pointer to the object.
    """
    if not isinstance(value, dict):
        faults.append(Fault(place, "must be an object"))
        return {}
    found: dict[str, Any] = {}
    values = cast("dict[str, object]", value)
    readers = fields.read
    for name, given in values.items():
        if len(faults) >= MOST_FAULTS:
            return {}
        read = readers.get(name)
        if read is None:
            faults.append(Fault(_pointer(place, name), f"unknown key; expected one of {', '.join(fields)}"))
        elif given is not None:
            try:
                found[name] = read(given)
            except ValueError as error:
                faults.append(Fault(_pointer(place, name), str(error)))
    for name in fields.required:
        if values.get(name) is None:
            faults.append(Fault(_pointer(place, name), "is required"))
    return found


def of_query(
    fields: Fields, query: Mapping[str, Sequence[str]], headers: Mapping[str, Sequence[str]], faults: list[Fault]
) -> dict[str, Any]:
    """Return the values of parameters, each from the query of the URL, else from its headers."""
    found: dict[str, Any] = {}
    for name in query:
        if name not in fields:
            expected = ", ".join(fields) or "none"
            faults.append(Fault(name[:_SHOWN], f"unknown parameter; expected one of {expected}"))
    for name, field in fields.items():
        given = query.get(name) or headers.get(field.header()) or []
        kind = KINDS[field.kind]
        try:
            if kind.is_many and given:
                found[name] = tuple(kind.of_text(text) for text in given)
            elif given:
                found[name] = kind.of_text(_only(given))
            elif field.is_required:
                faults.append(Fault(name, "is required"))
        except ValueError as error:
            faults.append(Fault(name, str(error)))
    return found


def _only(given: Sequence[str]) -> str:
    if len(given) > 1:
        raise ValueError("must be given once")
    return given[0]


def _pointer(place: str, name: str) -> str:
    """Return the JSON Pointer (RFC 6901 3) to a key, of which at most `_SHOWN` characters are shown."""
    return f"{place}/{name[:_SHOWN].replace('~', '~0').replace('/', '~1')}"
