"""Requests and responses of the HTTP API, right on ASGI: a small reply is judged in less time than a framework takes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping, Sequence
from contextlib import suppress
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, NamedTuple, NoReturn, TypeAlias

from undeliverable.serve._budget import Share
from undeliverable.serve._limits import PATIENCE
from undeliverable.serve._problems import MEDIA, ApiError, problem_of, too_busy

__all__ = [
    "DECODED",
    "JSON",
    "Reply",
    "Request",
    "Send",
    "ambiguity_of",
    "encode",
    "error_reply",
    "is_encoded",
    "json_of",
    "json_reply",
    "octets_of",
    "respond",
]

Message: TypeAlias = "MutableMapping[str, Any]"
Receive: TypeAlias = "Callable[[], Awaitable[Message]]"
Send: TypeAlias = "Callable[[Message], Awaitable[None]]"

JSON: Final = "application/json"
encode: Final = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
"""Returns JSON in ASCII; made once, since making an encoder takes as long as a verdict."""
DECODED: Final[Mapping[str, str]] = MappingProxyType({"accept-encoding": "identity"})
"""The headers of a response to an encoded body (RFC 9110 12.5.3)."""
_ONCE: Final = (b"authorization", b"content-type")  # fields whose values are no lists (RFC 9110 5.3)


class Reply(NamedTuple):
    """A response.

    :ivar status: its status.
    :ivar body: its octets.
    :ivar media: their media type.
    :ivar headers: further headers, with names in lower case.
    """

    status: int
    body: bytes
    media: bytes = JSON.encode()
    headers: Sequence[tuple[bytes, bytes]] = ()


class Request:
    """A request.

    :ivar method: its method.
    :ivar path: the path of its URL, decoded.
    :ivar headers: its headers by lower-case name; of those that come twice the last.
    """

    __slots__ = ("_receive", "_scope", "headers", "method", "path")

    def __init__(self, scope: Message, receive: Receive) -> None:
        self._scope = scope
        self._receive = receive
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.headers: dict[str, str] = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }

    def refuse_ambiguity(self) -> None:
        """Raise ApiError for a request that another program could read otherwise."""
        why = ambiguity_of(self._scope["headers"])
        if why is not None:
            raise ApiError("malformed", why, headers={"connection": "close"})

    @property
    def repeated(self) -> dict[str, list[str]]:
        """The headers by lower-case name, each as often as it comes."""
        found: dict[str, list[str]] = {}
        for name, value in self._scope["headers"]:
            found.setdefault(name.decode("latin-1"), []).append(value.decode("latin-1"))
        return found

    @property
    def query(self) -> dict[str, list[str]]:
        """The parameters of the URL."""
        octets: bytes = self._scope.get("query_string", b"")
        if not octets:
            return {}
        from urllib.parse import parse_qs

        try:
            return parse_qs(octets.decode("latin-1"), keep_blank_values=True, max_num_fields=1000)
        except ValueError:
            raise ApiError("invalid", "the query has too many parameters") from None

    def media(self) -> str:
        """Return the media type of the body, without its parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    async def body(self, share: Share, most: int) -> bytes:
        """Return the body.

        :param share: takes its octets.
        :param most: their largest number.
        :raises ApiError: for a body that is too large, too slow, compressed or not complete.
        """
        if "content-encoding" in self.headers and is_encoded(self._scope["headers"]):
            raise ApiError("media_type", "the body must not be compressed", headers=DECODED)
        announced = self.headers.get("content-length", "0")
        if announced.isdecimal() and int(announced[:20]) > most:
            _refuse_large(most)
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._blocks(share, most)
        except TimeoutError:
            raise ApiError("timeout", f"the body did not arrive within {PATIENCE:g} seconds") from None

    async def _blocks(self, share: Share, most: int) -> bytes:
        body = b""
        more: bytearray | None = None
        while True:
            message = await self._receive()
            if message["type"] != "http.request":
                raise ApiError("malformed", "the body is not complete")
            block: bytes = message.get("body", b"")
            size = len(block) + (len(body) if more is None else len(more))
            if size > most:
                _refuse_large(most)
            if not share.take(len(block)):
                raise too_busy("too many octets are being received")
            if not body:
                body = block  # the whole body of nearly all requests
            elif block:
                more = bytearray(body) if more is None else more
                more += block
            if not message.get("more_body", False):
                return body if more is None else bytes(more)


def ambiguity_of(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """Return what a request says in two ways, of which a proxy in front may read the other one; None if it does not.

    That is where its body ends (RFC 9112 6.3), who sends it, or what the body is.
    """
    names = [name for name, _ in headers]
    if b"content-length" in names and b"transfer-encoding" in names:
        return "Content-Length and Transfer-Encoding exclude each other"
    for name in _ONCE:
        if names.count(name) > 1:
            return f"a request has one {name.decode('ascii').title()}"
    return None


def is_encoded(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Return whether a body has a content coding, none of which is undone.

    However many lines there are, they are one list without regard to case, and ``identity`` stands for none (RFC 9110 8.4).
    """
    codings = b",".join(value for name, value in headers if name == b"content-encoding").lower().split(b",")
    return any(coding.strip() not in {b"", b"identity"} for coding in codings)


def _refuse_large(most: int) -> NoReturn:
    # The connection stays, and what is left of the body is dropped.
    raise ApiError("too_large", f"the body has more than {most} octets")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON value")


_value_of: Final = json.JSONDecoder(parse_constant=_refuse_constant).decode
"""Returns what JSON says; made once, like :data:`encode`."""


def json_of(body: bytes) -> Any:  # noqa: ANN401 # any JSON value
    """Return the JSON value of a body.

    :raises ApiError: when it is not JSON; NaN and infinity are not.
    """
    try:
        return _value_of(body.decode(json.detect_encoding(body), "surrogatepass"))
    except (ValueError, RecursionError) as error:
        why = "too deep" if isinstance(error, RecursionError) else str(error)[:200]
        raise ApiError("malformed", f"the body is not JSON: {why}") from None


def octets_of(value: object) -> bytes:
    """Return the JSON of records, in UTF-8: the same octets with msgspec (the extra ``fast``) and without it.

    Half a character of UTF-16, which is no text in UTF-8, is escaped; then everything outside of ASCII is. That is not the
    text of ``to_json``, which is in ASCII with the blanks of :func:`json.dumps`: the verdicts of a batch are written in one
    call, which takes a quarter of the time.

    :param value: strings, whole numbers, booleans, None, and lists and objects of them.
    """
    for write in _writers():
        with suppress(ValueError, TypeError, OverflowError):  # half characters, subclasses of str, numbers of 65 bits
            return write(value)
    return encode(value).encode("ascii")


@lru_cache(maxsize=1)
def _writers() -> tuple[Callable[[object], bytes], ...]:
    text_of = json.JSONEncoder(separators=(",", ":"), check_circular=False, ensure_ascii=False).encode

    def careful(value: object) -> bytes:
        return text_of(value).encode()

    try:
        from msgspec.json import encode as fast
    except ImportError:
        return (careful,)
    return fast, careful


def json_reply(value: object, status: int = 200) -> Reply:
    """Return a response with a JSON value, in ASCII."""
    return Reply(status, encode(value).encode("ascii"))


def error_reply(error: ApiError) -> Reply:
    """Return the response to an error."""
    headers = [(name.encode("ascii"), value.encode("ascii")) for name, value in error.headers.items()]
    return Reply(error.status, problem_of(error), MEDIA, headers)


async def respond(reply: Reply, send: Send) -> None:
    """Send a response."""
    headers = [
        (b"content-type", reply.media),
        (b"content-length", b"%d" % len(reply.body)),
        (b"cache-control", b"no-store"),  # addresses are personal data
        *reply.headers,
    ]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})
