"""What the header of a request has to be before an application sees it, and which error says what is wrong with it.

llhttp parses, and refuses most of what is no HTTP. It leaves to a server what it does with hosts, versions and transfer codings,
and with a target that names its host; and it gives no status, only a reason in words. All errors that nothing here knows
are 400.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Final, TypeAlias

from undeliverable.serve._problems import MEDIA, ApiError, problem_of

__all__ = ["Headers", "checked", "has_line", "refusal", "response", "too_large", "too_slow"]

Headers: TypeAlias = "list[tuple[bytes, bytes]]"

_VERSIONS: Final = frozenset({"1.0", "1.1"})
_ABSOLUTE: Final = re.compile(rb"(?i:https?)://([^/?#]+)(.*)")
_LINE: Final = re.compile(rb"[\r\n]*[\w!#$%&'*+.^`|~-]+ \S+ HTTP/\d\.\d\r\n")  # RFC 9112 3, RFC 9110 5.6.2
_HOST: Final = re.compile(
    rb"""
    (?: \[ [0-9A-Fa-f:.]+ \]        # RFC 3986 3.2.2; RFC 9110 7.2: without a user
      | [\w.~!$&'()*+,;=%-]*
    )
    (?: : \d* )?
    """,
    re.VERBOSE,
)
_VERSION: Final = "the version of HTTP must be 1.0 or 1.1"
_REASONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Invalid HTTP version": _VERSION,
        "Pause on PRI/Upgrade": _VERSION,  # HTTP/2 (RFC 9113 3.4)
    }
)
"""The reasons of llhttp that say more than that this is no HTTP."""


def checked(method: bytes, target: bytes, version: str, headers: Headers) -> tuple[bytes, Headers]:
    """Return a request's target in origin form, and its headers, which name the host that a target names (RFC 9112 3.2.2).

    :raises ApiError: for a request that no application may see.
    """
    if version not in _VERSIONS:
        raise ApiError("version", _VERSION)
    if method == b"CONNECT":
        raise ApiError("not_implemented", "CONNECT is not implemented")
    names = [name for name, _ in headers]
    if b"transfer-encoding" in names:
        _check_codings(b",".join(value for name, value in headers if name == b"transfer-encoding"))
    hosts = names.count(b"host")
    if hosts == 1:
        _check_host(headers[names.index(b"host")][1])
    elif hosts or version != "1.0":  # RFC 9112 3.2
        raise ApiError("malformed", "a request has one Host")
    absolute = None if target.startswith(b"/") else _ABSOLUTE.fullmatch(target)
    if absolute is not None:
        _check_host(absolute[1])
        headers = [*(field for field in headers if field[0] != b"host"), (b"host", absolute[1])]
        target = absolute[2] if absolute[2].startswith(b"/") else b"/" + absolute[2]
    if b"#" in target or not target.startswith((b"/", b"*")):
        raise ApiError("malformed", "the target is not a path with or without a query, or a URL of http")
    return target, headers


def _check_codings(value: bytes) -> None:
    """Refuse transfer codings other than one ``chunked`` (RFC 9112 6.1, 6.3)."""
    codings = [coding.strip() for coding in value.lower().split(b",")]
    if codings[-1] != b"chunked" or codings.count(b"chunked") > 1:
        raise ApiError("malformed", "the last transfer coding, and no other, must be chunked")
    if len(codings) > 1:
        raise ApiError("not_implemented", "no other transfer coding than chunked is implemented")


def _check_host(value: bytes) -> None:
    if _HOST.fullmatch(value) is None:
        raise ApiError("malformed", "the host is not a name or an address with or without a port")


def has_line(octets: bytes) -> bool:
    """Return whether octets begin with the line of a request, perhaps with an unknown method."""
    return _LINE.match(octets) is not None


def refusal(reason: str, *, is_method_unknown: bool) -> ApiError:
    """Return the error for what llhttp refused.

    :param reason: its reason.
    :param is_method_unknown: whether all that is wrong is the method.
    """
    if is_method_unknown:
        return ApiError("not_implemented", "the method is unknown")
    detail = _REASONS.get(reason)
    return ApiError("malformed", "this is no HTTP request") if detail is None else ApiError("version", detail)


def too_large(target: bytes | None, most: int) -> ApiError:
    """Return the error for a request of which there is too much beside its body.

    :param target: as much of the target as has come, or None if the header is complete.
    :param most: the largest number of octets.
    """
    if target is None:
        return ApiError("malformed", f"more than {most} octets stand between the chunks of the body, or behind them")
    if len(target) > most // 2:
        return ApiError("target_too_long", f"target and header have more than {most} octets")
    return ApiError("header_too_large", f"the header has more than {most} octets")


def too_slow(seconds: float) -> ApiError:
    """Return the error for a header that was not complete in time."""
    return ApiError("timeout", f"the header did not arrive within {seconds:g} seconds")


def response(error: ApiError, headers: Headers, *, is_head: bool) -> bytes:
    """Return a whole response, after which the connection is closed.

    :param error: the problem.
    :param headers: those of every response.
    :param is_head: whether the request is a HEAD, whose response has no body.
    """
    body = problem_of(error)
    lines = [
        b"HTTP/1.1 %d %b" % (error.status, HTTPStatus(error.status).phrase.encode()),
        *(b"%b: %b" % field for field in headers),
        b"content-type: %b" % MEDIA,
        b"content-length: %d" % len(body),
        b"connection: close",
        *(f"{name}: {value}".encode("ascii") for name, value in error.headers.items()),
    ]
    return b"\r\n".join([*lines, b"", b"" if is_head else body])
