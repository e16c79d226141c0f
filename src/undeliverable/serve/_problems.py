"""The errors of the HTTP API, each as an object that programs can read (RFC 9457).

``type`` is always ``about:blank``, so that the title is that of the status; ``code`` is the word to branch on. One table
holds all codes, from which OpenAPI is made as well.
"""

from __future__ import annotations

import errno
import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from types import MappingProxyType
from typing import Final, NamedTuple

from undeliverable import UndeliverableError

__all__ = [
    "CODES",
    "MEDIA",
    "MOST_FAULTS",
    "ApiError",
    "Code",
    "Fault",
    "problem_of",
    "refuse",
    "storage_error",
    "too_busy",
]

MEDIA: Final = b"application/problem+json"
MOST_FAULTS: Final = 20
"""How many faults an error names."""
_LATER: Final[Mapping[str, str]] = MappingProxyType({"retry-after": "30"})
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


class Code(NamedTuple):
    """A kind of error: its status, and what it means."""

    status: int
    about: str


CODES: Final[Mapping[str, Code]] = MappingProxyType(
    {
        "malformed": Code(
            400,
            "the request is no HTTP, or repeats a field that stands once, or its body is not what its Content-Type says, or not complete",
        ),
        "unauthorized": Code(401, "there is no token, or it is not known"),
        "forbidden": Code(403, "the token lacks the scope, or a browser sent the request"),
        "not_found": Code(404, "there is nothing at this path"),
        "method": Code(405, "the path knows other methods, named in Allow"),
        "timeout": Code(408, "the header or the body did not arrive in time"),
        "nowhere": Code(409, "the server was started without a list, or without a file of records"),
        "too_large": Code(413, "the body, or the number of things in it, is over the limit"),
        "target_too_long": Code(414, "the target of the request is over the limit"),
        "media_type": Code(415, "the Content-Type is another one, or the body is compressed"),
        "invalid": Code(422, "a value cannot be used; `errors` says which, and why"),
        "header_too_large": Code(431, "the header is over the limit"),
        "internal": Code(500, "a fault of the server, which has logged it"),
        "not_implemented": Code(501, "the method, or the transfer coding of the body, is unknown"),
        "busy": Code(503, "too many octets are being received; try again"),
        "not_stored": Code(503, "it could not be stored, or the list could not be read; try again"),
        "version": Code(505, "the version of HTTP is neither 1.0 nor 1.1"),
    }
)
"""All codes."""


class Fault(NamedTuple):
    """One value that cannot be used.

    :ivar place: where it stands: a JSON Pointer (RFC 6901) into the body, or the name of a parameter.
    :ivar detail: why, and which values are valid.
    """

    place: str
    detail: str


class ApiError(Exception):
    """A request that is answered with an error.

    :ivar code: one of :data:`CODES`.
    :ivar detail: what is wrong, in one sentence.
    :ivar faults: the values that are wrong.
    :ivar headers: further headers of the response.
    """

    def __init__(
        self, code: str, detail: str, faults: Sequence[Fault] = (), headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail
        self.faults = tuple(faults)
        self.headers: Mapping[str, str] = {} if headers is None else headers

    @property
    def status(self) -> int:
        """The status of the response."""
        return CODES[self.code].status


def refuse(faults: Sequence[Fault]) -> None:
    """Raise the error that names `faults`, the first of them, if there are any.

    :raises ApiError: with the code ``invalid``.
    """
    if faults:
        raise ApiError("invalid", "a value cannot be used", faults[:MOST_FAULTS])


def too_busy(detail: str) -> ApiError:
    """Return the error for what there is no room for at the moment."""
    return ApiError("busy", detail, headers=_LATER)


def problem_of(error: ApiError) -> bytes:
    """Return the body of the response to an error."""
    status = HTTPStatus(error.status)
    record: dict[str, object] = {
        "type": "about:blank",
        "title": status.phrase,
        "status": int(status),
        "code": error.code,
        "detail": error.detail,
    }
    if error.faults:
        record["errors"] = [fault._asdict() for fault in error.faults]
    return json.dumps(record).encode("ascii")


def storage_error(error: OSError | UndeliverableError) -> ApiError:
    """Return the error for what a disk or a database did not do; the log has the path, the client does not."""
    first = error.__cause__ if isinstance(error, OSError) and isinstance(error.__cause__, Exception) else error
    if isinstance(first, OSError) and first.errno in _FULL:
        why = "the disk is full"
    elif getattr(first, "is_temporary", False):
        why = "the list is locked, or its database cannot be reached"
    else:
        why = "the log of the server says why"
    return ApiError("not_stored", f"not stored: {why}; send it again later", headers=_LATER)
