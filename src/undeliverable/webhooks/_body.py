"""Bodies of requests: JSON, a form (urlencoded or multipart), or an object that a framework has already parsed.

A content type is only a hint, because several services send JSON under another label: a body that begins like JSON is
JSON. The number of fields is bounded, and numbers that JSON cannot write again stay text, so that every event can be
stored.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, cast
from urllib.parse import parse_qsl

from undeliverable.errors import WebhookError

__all__ = ["Form", "read_body", "read_json"]

_MOST_FIELDS: Final = 10_000
_BLANKS: Final = re.compile(r"\s*")
_BOUNDARY: Final = re.compile(r'boundary="?([^";,\s]{1,200})', re.IGNORECASE)  # RFC 2046 5.1.1 allows 70
_NAME: Final = re.compile(rb'\bname="([^"\r\n]{0,998})"', re.IGNORECASE)  # RFC 7578 4.2


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a form in order; a name can occur more than once."""

    fields: tuple[tuple[str, str], ...]

    def first(self) -> dict[str, str]:
        """Return each name with its first value."""
        return dict(reversed(self.fields))

    def last(self) -> dict[str, str]:
        """Return each name with its last value."""
        return dict(self.fields)


def read_body(service: str, body: object, content_type: str | None) -> object:
    """Decode `body` to a :class:`Form` or a JSON value.

    A body that begins like JSON is read as JSON, whatever `content_type` says: several services label it otherwise.

    :param body: octets, text, or the value that a framework has parsed.
    :raises WebhookError: if it is neither JSON nor a form.
    """
    if isinstance(body, memoryview):
        body = body.tobytes()
    if isinstance(body, bytes | bytearray):
        return _read_octets(service, bytes(body), content_type or "")
    if isinstance(body, str):
        return _read_octets(service, body.encode("utf-8", "surrogatepass"), content_type or "")
    if isinstance(body, Form):
        return body
    pairs = _pairs(body)
    return Form(pairs) if pairs is not None else body


def read_json(service: str, text: str | bytes) -> object:
    """Decode a JSON value, or several after each other (JSON Lines, or Firehose's files) to a list.

    :raises WebhookError: if `text` is not JSON, or too large or too deeply nested to decode.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8-sig", "replace")
    try:
        return json.loads(text, parse_float=_number, parse_constant=str)
    except (ValueError, RecursionError) as error:
        several = _read_several(text)
        if several is not None:
            return several
        raise WebhookError(service, f"expected JSON, but it cannot be decoded: {str(error)[:80]}") from None


def _read_several(text: str) -> list[object] | None:
    """Decode two or more objects after each other, with or without blanks between them; None for anything else."""
    decoder = json.JSONDecoder(parse_float=_number, parse_constant=str)
    found: list[object] = []
    at = len(text) - len(text.lstrip())
    while at < len(text) and text[at] == "{":
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            return None
        found.append(value)
        at = _BLANKS.match(text, end).end()  # type: ignore[union-attr] # it matches an empty text as well
    return found if len(found) > 1 and at == len(text) else None


def _number(text: str) -> float | str:
    """Return a number that JSON can write again; 1e999, which is infinite, stays text."""
    value = float(text)
    return value if math.isfinite(value) else text


def _read_octets(service: str, body: bytes, content_type: str) -> object:
    head = body[:64].lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if head in {b"{", b"["} or (head and "json" in content_type.lower()):
        return read_json(service, body)
    if not head:
        raise WebhookError(service, "expected an event, but the body is empty")
    if head == b"-" or "multipart/" in content_type.lower():
        return Form(_multipart(service, body, content_type))
    return Form(_urlencoded(service, body))


def _urlencoded(service: str, body: bytes) -> tuple[tuple[str, str], ...]:
    text = body.decode("utf-8", "replace").strip()
    try:
        fields = parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="replace")
    except ValueError as error:
        raise WebhookError(service, f"expected a form, but it cannot be decoded: {error}") from None
    if "=" not in text:
        raise WebhookError(service, f"expected JSON or a form, but the body begins with {text[:20]!r}")
    return tuple(fields)


def _multipart(service: str, body: bytes, content_type: str) -> tuple[tuple[str, str], ...]:
    """Read a multipart/form-data body (RFC 7578); without a boundary in the type, its first line is the delimiter."""
    found = _BOUNDARY.search(content_type)
    first = body.lstrip()[:202].split(b"\n", 1)[0].strip()
    delimiter = b"--" + found[1].encode("latin-1", "replace") if found else first
    if len(delimiter) < 3:
        raise WebhookError(service, "expected a form, but it has no boundary")
    parts = (b"\n" + body).split(b"\n" + delimiter, _MOST_FIELDS)[1:]
    fields = [field for part in parts if (field := _field(part)) is not None]
    if not fields:
        raise WebhookError(service, "expected a form, but it has no fields")
    return tuple(fields)


def _field(part: bytes) -> tuple[str, str] | None:
    part = part.replace(b"\r\n", b"\n") if b"\n\n" not in part else part
    header, gap, value = part.partition(b"\n\n")
    name = _NAME.search(header[:4096])
    if name is None or not gap:
        return None
    return name[1].decode("utf-8", "replace"), value.removesuffix(b"\r").decode("utf-8", "replace")


def _pairs(body: object) -> tuple[tuple[str, str], ...] | None:
    """Return the fields of a form that a framework has parsed, or None for any other object.

    Django and Werkzeug have ``getlist``, Starlette has ``multi_items``.
    """
    multi_items = cast("Callable[[], list[tuple[object, object]]] | None", getattr(body, "multi_items", None))
    if multi_items is not None:
        return tuple((str(name), _text(value)) for name, value in multi_items())
    getlist = cast("Callable[[object], list[object]] | None", getattr(body, "getlist", None))
    if getlist is None or not isinstance(body, Mapping):
        return None
    names = cast("Mapping[object, object]", body)
    return tuple((str(name), _text(value)) for name in names for value in getlist(name))


def _text(value: object) -> str:
    return value if isinstance(value, str) else str(value)
