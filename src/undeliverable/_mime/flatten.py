"""Octets of a message that was given as octets or as an `email.message.Message`.

The standard library cannot flatten every message that it has parsed. Where it raises, headers and payloads are
written out one by one, so that a damaged message object still yields what it holds.
"""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING, Any, cast

from undeliverable._mime.repairs import Repair
from undeliverable._text.shown import shortened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from email.message import Message

_SPARE_BOUNDARY = "=_undeliverable_spare"


def to_octets(message: bytes | bytearray | memoryview | Message[Any, Any], note: Callable[[Repair], None]) -> bytes:
    """Return the message's octets.

    :raises TypeError: for anything but octets and message objects, such as str.
    """
    if isinstance(message, bytes):
        return message
    if isinstance(message, (bytearray, memoryview)):
        return bytes(message)
    if not hasattr(message, "as_bytes"):
        raise TypeError(f"expected octets or an email.message.Message, not {type(message).__name__}{_way_out(message)}")
    try:
        return bytes(message.as_bytes())
    except Exception:  # noqa: BLE001 - content never raises, and all that the object holds is content
        note(Repair.NOT_FLATTENED)
    try:
        return b"".join(_flattened(message))
    except Exception:  # noqa: BLE001 - an object that cannot even be walked holds nothing readable
        return b""


def _flattened(message: Message[Any, Any]) -> Iterator[bytes]:
    """Yield header fields and payloads unchanged, depth first, without recursion."""
    stack: list[Message[Any, Any] | str] = [message]
    while stack:
        part = stack.pop()
        if isinstance(part, str):
            yield _encoded(part)
            continue
        yield from _header(part)
        payload = _payload(part)
        if isinstance(payload, (str, bytes)):
            yield _encoded(payload)
        elif part.get_content_maintype() == "multipart":
            boundary = str(part.get_param("boundary") or _SPARE_BOUNDARY)
            stack.append(f"\n--{boundary}--\n")
            for child in reversed(payload):
                stack += [child, f"\n--{boundary}\n"]
        else:
            stack += reversed(payload)


def _header(part: Message[Any, Any]) -> Iterator[bytes]:
    for name, value in part.raw_items():
        lines = [line.strip() for line in str(value).splitlines()]
        yield _encoded(f"{name}: " + "\n ".join(line for line in lines if line) + "\n")
    yield b"\n"


def _payload(part: Message[Any, Any]) -> str | bytes | list[Message[Any, Any]]:
    try:
        payload: Any = part.get_payload()
    except UnicodeError:  # characters that the standard library cannot encode in the part's charset
        payload = vars(part).get("_payload")
    return payload or ""


def _encoded(text: str | bytes) -> bytes:
    if isinstance(text, bytes):
        return text
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def _way_out(given: object) -> str:
    """Return what to call for a file's name or for a text; nothing for other things."""
    if isinstance(given, str) and "\n" in given:
        return ': encode the text first, with message.encode("utf-8", "surrogateescape")'
    if isinstance(given, (str, PathLike)):
        name = f'"{shortened(str(cast("object", given)), 60)}"'
        return f": for a file, use read({name}) or parse(Path({name}).read_bytes())"
    return ""
