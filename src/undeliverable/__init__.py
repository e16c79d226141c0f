"""Understand bounced mail: a raw message or an SMTP reply in, typed verdicts out that explain themselves."""

from __future__ import annotations

from collections.abc import Callable as _Callable
from collections.abc import Iterator as _Iterator
from collections.abc import Mapping as _Mapping
from collections.abc import Sequence as _Sequence

from undeliverable._text.build import is_compiled as _is_compiled
from undeliverable._text.identity import address_identity, bare_address, is_same_address
from undeliverable.codes import RegisteredStatus, ReplyCode, StatusCode, find_reply_code, find_status, registered
from undeliverable.errors import KnowledgeError, UndeliverableError, WebhookError
from undeliverable.knowledge import Knowledge
from undeliverable.logs import iter_log, parse_log_line
from undeliverable.mail import attached, parse
from undeliverable.model import (
    Action,
    Address,
    Command,
    Diagnostic,
    Event,
    Evidence,
    Feedback,
    MessageFacts,
    MtaName,
    Returned,
)
from undeliverable.reasons import Advice, AppliesTo, BounceType, Fault, MessageAdvice, Reason
from undeliverable.smtp import classify, from_exception, from_refused
from undeliverable.verdict import Kind, PolicyRef, Proof, ProviderFrom, Report, RuleRef, StatusFrom, Verdict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime as _datetime

    from undeliverable._rules.failure import Hosts as _Hosts
    from undeliverable.files import Paths as _Paths
    from undeliverable.webhooks import Service as _Service
del TYPE_CHECKING

__all__ = [
    "Action",
    "Address",
    "Advice",
    "AppliesTo",
    "BounceType",
    "Command",
    "Diagnostic",
    "Event",
    "Evidence",
    "Fault",
    "Feedback",
    "Kind",
    "Knowledge",
    "KnowledgeError",
    "MessageAdvice",
    "MessageFacts",
    "MtaName",
    "PolicyRef",
    "Proof",
    "ProviderFrom",
    "Reason",
    "RegisteredStatus",
    "ReplyCode",
    "Report",
    "Returned",
    "RuleRef",
    "StatusCode",
    "StatusFrom",
    "UndeliverableError",
    "Verdict",
    "WebhookError",
    "__version__",
    "address_identity",
    "attached",
    "bare_address",
    "classify",
    "compiled",
    "find_reply_code",
    "find_status",
    "from_anymail",
    "from_exception",
    "from_refused",
    "is_same_address",
    "iter_log",
    "parse",
    "parse_log_line",
    "parse_webhook",
    "read",
    "registered",
]

__version__ = "0.1.0"
compiled: bool = _is_compiled()
"""True if this installation is compiled; a pure one gives the same verdicts, in more time."""


def parse_webhook(  # noqa: PLR0913 # the public interface
    name: str | _Service,
    body: object,
    *,
    content_type: str | None = None,
    headers: _Mapping[str, str] | None = None,
    knowledge: Knowledge | None = None,
    mx: _Hosts = None,
    context: _Mapping[str, object] | None = None,
    now: _datetime | None = None,
    sender: str | None = None,
) -> tuple[Report, ...]:
    """Return what a request of an e-mail service reports: one :class:`Report` for each event in it, in order.

    It does not prove who sent the request: :mod:`undeliverable.webhook_auth` does. The kind of a report follows the
    service's event; the reason follows a server's reply, then the service's class, then its prose. What is unknown,
    missing or of another type is a remark.

    :param name: the service, one of ``undeliverable.webhooks.names()``, or one of your own that
        ``undeliverable.webhooks.load_service()`` has read.
    :param body: octets or text as they came, or the JSON value or form that a framework has made of it.
    :param content_type: of the request, unless it stands in `headers`; what begins as JSON is read as JSON all the same.
    :param headers: of the request; some services put an event's id there.
    :param knowledge: the rules and policies to judge by; the built-in ones unless given.
    :param mx: as for :func:`classify`; so are `context`, `now` and `sender`.
    :raises WebhookError: when the body is not what this service sends, or there is no such service; answer 400.
    :raises ValueError: when `context` or `now` are not as there.
    """
    from undeliverable import webhooks

    return webhooks.parse_webhook(
        name,
        body,
        content_type=content_type,
        headers=headers,
        knowledge=knowledge,
        mx=mx,
        context=context,
        now=now,
        sender=sender,
    )


def from_anymail(  # the public interface
    event: object,
    esp_name: str | None = None,
    *,
    knowledge: Knowledge | None = None,
    mx: _Hosts = None,
    context: _Mapping[str, object] | None = None,
    now: _datetime | None = None,
    sender: str | None = None,
) -> Report:
    """Return the report of a tracking event of django-anymail, as its signal ``tracking`` hands it over.

    The receiving server's reply is judged as in :func:`parse_webhook`. Anymail has read the rest: its event type and reject
    reason take the place of the service's own words.

    :param event: the signal's ``event``.
    :param esp_name: the signal's ``esp_name``, which becomes ``report.event.service`` (``SendGrid`` is ``sendgrid``).
    :param knowledge: as for :func:`parse_webhook`; so are `mx`, `context`, `now` and `sender`.
    :raises ValueError: when `context` or `now` are not as there.
    """
    from undeliverable import webhooks

    return webhooks.from_anymail(event, esp_name, knowledge=knowledge, mx=mx, context=context, now=now, sender=sender)


def read(  # noqa: PLR0913 # the public interface
    paths: _Paths,
    *,
    knowledge: Knowledge | None = None,
    trace: bool = False,
    keep_headers: _Sequence[str] = (),
    mx: _Hosts = None,
    context: _Mapping[str, object] | None = None,
    now: _datetime | None = None,
    sender: str | None = None,
    received_by: str | _Sequence[str] = (),
    warn: _Callable[[str], None] | None = None,
) -> _Iterator[Report]:
    """Return the reports of all mail below `paths`, read one by one in bounded memory, as the command does.

    A path is that of a message, a folder (searched in depth), an mbox, a Maildir, a file of records (JSON Lines) that
    ``classify``, ``pipe`` or ``serve`` wrote, or an archive (zip, tar) of any of these; each may be compressed with gzip,
    bzip2, xz, and from Python 3.14 on zstd, and ``-`` is standard input. Archives are streamed, never unpacked. Messages are
    judged as :func:`parse` does; records keep the verdicts that they hold. ``Report.received`` says when a message reached
    the mailbox: by the mbox or Maildir that it lies in, or by the Received field of your own host.

    :param paths: one path or several.
    :param knowledge: as for :func:`parse`; so are `trace`, `keep_headers`, `mx`, `context`, `now` and `sender`.
    :param received_by: names of your own hosts that hand mail over to the mailbox.
    :param warn: called with what could not be read, in words; by default it becomes a warning.
    :raises OSError: when there is nothing at one of the paths.
    :raises ValueError: when `context` or `now` are not as for :func:`parse`.
    """
    from functools import partial

    from undeliverable.files import read_all

    judge = partial(
        parse,
        knowledge=knowledge,
        trace=trace,
        keep_headers=keep_headers,
        mx=mx,
        context=context,
        now=now,
        sender=sender,
    )
    return read_all(paths, judge, received_by=received_by, warn=warn)
