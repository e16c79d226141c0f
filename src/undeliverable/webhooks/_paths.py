"""Paths: where a described service keeps the parts of an event.

A path is the names of fields, joined by dots: ``data.email.to``. A name may be followed by how its text is decoded
(``|json``, ``|base64``), and by ``[]`` where each item of a list is meant: ``events_by_user[].events[]``. ``header:NAME`` is
a header of the request, and the empty path is the object itself.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from undeliverable.webhooks._fields import as_list, as_object

__all__ = ["Path", "first_at", "path_of", "values_at"]

_HEADER: Final = "header:"
_EACH: Final = "[]"


class Step(NamedTuple):
    """One field of a path, how its text is decoded, and whether each item of its list is meant."""

    name: str
    decoders: tuple[str, ...] = ()
    each: bool = False


class Path(NamedTuple):
    """A path: the steps to a value, or the name of a header in lower case.

    :ivar text: the path as it was written.
    """

    text: str
    steps: tuple[Step, ...] = ()
    header: str | None = None


def path_of(text: str) -> Path:
    """Return the path that `text` writes.

    :raises ValueError: if it has an empty name or an unknown decoder.
    """
    if text.startswith(_HEADER):
        return Path(text, header=text.removeprefix(_HEADER).strip().lower())
    if not text:
        return Path(text)
    return Path(text, tuple(map(_step, text.split("."))))


def _step(text: str) -> Step:
    each = text.endswith(_EACH)
    name, *decoders = text.removesuffix(_EACH).split("|")
    unknown = next((decoder for decoder in decoders if decoder not in DECODERS), None)
    if unknown is not None:
        raise ValueError(f"unknown decoder {unknown!r}; expected one of {', '.join(sorted(DECODERS))}")
    if not name and not decoders:
        raise ValueError("must be names of fields, joined by dots")
    return Step(name, tuple(decoders), each)


def first_at(value: object, path: Path, headers: Mapping[str, str]) -> object:
    """Return the first of the values at `path`, or None if there is none."""
    if len(path.steps) != 1 or path.steps[0].decoders or path.steps[0].each:
        return next(values_at(value, path, headers), None)
    found = as_object(value)  # most paths are a name
    return None if found is None else found.get(path.steps[0].name)


def values_at(value: object, path: Path, headers: Mapping[str, str]) -> Iterator[object]:
    """Yield the values at `path`: none if a field is missing or null, several if it goes through lists."""
    if path.header is not None:
        found = headers.get(path.header)
        if found is not None:
            yield found
        return
    yield from _walk(value, path.steps, 0)


def _walk(value: object, steps: tuple[Step, ...], at: int) -> Iterator[object]:
    if at == len(steps):
        yield value
        return
    step = steps[at]
    inner = value
    if step.name:
        found = as_object(value)
        inner = None if found is None else found.get(step.name)
    for decoder in step.decoders:
        inner = DECODERS[decoder](inner)
    items = as_list(inner) if step.each else None
    for one in [inner] if items is None else items:
        if one is not None:
            yield from _walk(one, steps, at + 1)


def _json(value: object) -> object:
    if not isinstance(value, str | bytes):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


def _base64(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return base64.b64decode(value, validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return None


DECODERS: Final[Mapping[str, Callable[[object], object]]] = MappingProxyType({"json": _json, "base64": _base64})
"""How a text is decoded; what cannot be is missing."""
