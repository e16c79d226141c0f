"""The routes of the HTTP API in one table: the server answers by it, and OpenAPI is made from it."""

from __future__ import annotations

from typing import Final, NamedTuple

from undeliverable.serve._api_fields import Field, Fields
from undeliverable.serve._web import JSON

__all__ = ["MAIL", "REPLY", "ROUTES", "Route"]

MAIL: Final = ("message/rfc822", "message/global", "application/octet-stream")
"""The media types of a mail (RFC 5322, RFC 6532)."""


_NOTHING: Final = Fields()
_CONTEXT: Final = (
    Field("mx", "texts", "MX hosts of the recipient's domain; they say who the provider is"),
    Field("sender", "text", "the sender of the original message, for policies that ask"),
    Field("tenant", "text", "the customer that the mail belongs to, for policies that ask, and in the metrics"),
    Field("stream", "text", "the stream of mail, for policies that ask"),
    Field("trace", "flag", "also name the other rules that matched"),
)


REPLY: Final = Fields(
    Field("reply", "text", "the reply, with or without a code, of one line or several", is_required=True),
    Field("host", "text", "the server that replied"),
    Field("command", "command", "what the reply answered"),
    Field("protocol", "protocol", "the protocol of the session"),
    Field("recipient", "text", "the address that the reply is about"),
    Field("source", "texts", "where the reply comes from, for policies that ask"),
    Field("attempts", "number", "how many attempts were made, for policies that ask"),
    Field("age", "number", "the age of the message in seconds, for policies that ask"),
    *_CONTEXT,
)
"""The keys of a reply to judge."""


class Route(NamedTuple):
    """One route.

    :ivar name: of the operation.
    :ivar method: of the request; a GET is answered to HEAD as well.
    :ivar path: of the URL.
    :ivar scope: that the token needs; None if no token is needed.
    :ivar about: what it does, in one sentence.
    :ivar answer: the schema of the answer.
    :ivar query: the parameters.
    :ivar media: the media types of the body; none if there is no body.
    :ivar body: the keys of the JSON object in the body.
    :ivar is_batch: True if the body may be a list of such objects.
    :ivar codes: the codes of errors, other than those of every route.
    """

    name: str
    method: str
    path: str
    scope: str | None
    about: str
    answer: str
    query: Fields = _NOTHING
    media: tuple[str, ...] = ()
    body: Fields = _NOTHING
    is_batch: bool = False
    codes: tuple[str, ...] = ()


_BODY: Final = ("malformed", "timeout", "too_large", "media_type", "busy")
_LIST: Final = ("nowhere", "not_stored")

ROUTES: Final = (
    Route(
        "parse",
        "POST",
        "/v1/parse",
        "parse",
        "Read a mail, record it where the server records, and return the record",
        "Parsed",
        query=Fields(
            Field(
                "envelope_to", "texts", "envelope recipients: the return path that the bounce came to, with its token"
            ),
            Field("envelope_from", "text", "the envelope sender; empty, or <>, for the null sender"),
            Field("received", "time", "when it reached you; now by default, and never later"),
            Field("record", "flag", "false: record nothing; true: answer 409 if the server records nowhere"),
            Field("source", "text", "your own name for the mail, which comes into the record"),
            Field("keep_header", "texts", "a header field of the returned message that comes into the record"),
            *_CONTEXT,
        ),
        media=MAIL,
        codes=(*_BODY, "nowhere", "not_stored"),
    ),
    Route(
        "classify",
        "POST",
        "/v1/classify",
        "classify",
        "Judge an SMTP reply, or a list of them in order; nothing is recorded",
        "Verdict",
        media=(JSON,),
        body=REPLY,
        is_batch=True,
        codes=_BODY,
    ),
    Route(
        "check",
        "POST",
        "/v1/suppressions/check",
        "suppressions:read",
        "Say for each address whether it must not receive mail",
        "Checked",
        media=(JSON,),
        body=Fields(Field("addresses", "texts", "one address or several", is_required=True)),
        codes=(*_BODY, *_LIST),
    ),
    Route(
        "list",
        "GET",
        "/v1/suppressions/list",
        "suppressions:read",
        "Return a page of the list",
        "Page",
        query=Fields(
            Field("cause", "cause", "only addresses that are suppressed for this cause"),
            Field("all", "flag", "also return known addresses that are not suppressed"),
            Field("limit", "integer", "the most entries of the page: 1 to 1000, 100 by default"),
            Field("cursor", "integer", "`next` of the page before"),
        ),
        codes=_LIST,
    ),
    Route(
        "add",
        "POST",
        "/v1/suppressions/add",
        "suppressions:write",
        "Suppress an address by hand",
        "Changed",
        media=(JSON,),
        body=Fields(
            Field("address", "address", "the address", is_required=True),
            Field("why", "words", "the reason, in words"),
            Field("who", "words", "who decided; the name of the token by default"),
            Field("days", "days", "how long; for ever by default"),
        ),
        codes=(*_BODY, *_LIST),
    ),
    Route(
        "reactivate",
        "POST",
        "/v1/suppressions/reactivate",
        "suppressions:write",
        "Lift a suppression by hand",
        "Changed",
        media=(JSON,),
        body=Fields(
            Field("address", "address", "the address", is_required=True),
            Field("why", "words", "the reason, in words; kept in the history", is_required=True),
            Field("who", "words", "who decided; the name of the token by default"),
        ),
        codes=(*_BODY, *_LIST),
    ),
    Route("health", "GET", "/v1/health", None, "Say whether requests can be taken: 200, or 503", "Health"),
    Route("live", "GET", "/v1/health/live", None, "Say that the process lives: always 200", "Live"),
    Route("metrics", "GET", "/metrics", "metrics", "Return the numbers of this process for Prometheus", "Metrics"),
    Route("openapi", "GET", "/openapi.json", None, "Return this description", "OpenApi"),
)
"""All routes."""
