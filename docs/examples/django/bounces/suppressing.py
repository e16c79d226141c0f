"""Django's SMTP backend: skips suppressed recipients before sending, records refusals after.

In settings.py: EMAIL_BACKEND = "bounces.suppressing.EmailBackend" and SUPPRESSION_LIST = "/var/lib/shop/list.db".
"""

from __future__ import annotations

import logging
import smtplib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from email.utils import parseaddr
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends import smtp

from undeliverable import Verdict, from_exception, from_refused
from undeliverable.store import StoreError, SuppressionList
from undeliverable.suppression import ListEvent

log = logging.getLogger(__name__)


class EmailBackend(smtp.EmailBackend):
    """Django's own SMTP backend between two looks at the list."""

    @property
    def connection_class(self) -> type[smtplib.SMTP]:
        """Return the client that records what a server refuses; Django itself keeps only the number of messages."""
        return RecordingSSL if self.use_ssl else Recording

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Send to recipients who are not suppressed; to all while the list cannot be read."""
        try:
            with SuppressionList(settings.SUPPRESSION_LIST) as known:
                for message in email_messages:
                    for field in ("to", "cc", "bcc"):
                        setattr(message, field, wanted(known, getattr(message, field)))
        except StoreError:
            log.exception("the suppression list cannot be read: mail goes to suppressed addresses, too")
        return super().send_messages([message for message in email_messages if message.recipients()]) or 0


class Recording(smtplib.SMTP):
    """A client that records refusals before anybody can swallow them, also with fail_silently."""

    def __init__(self, host: str = "", port: int = 0, **options: Any) -> None:
        self.server = host
        super().__init__(host, port, **options)

    def sendmail(
        self,
        from_addr: str,
        to_addrs: str | Sequence[str],
        msg: Any,
        mail_options: Sequence[str] = (),
        rcpt_options: Sequence[str] = (),
    ) -> dict[str, tuple[int, bytes]]:
        """Send one message, and return the recipients that were refused although others were accepted."""
        recipients = [to_addrs] if isinstance(to_addrs, str) else list(to_addrs)
        try:
            refused = super().sendmail(from_addr, recipients, msg, mail_options, rcpt_options)
        except smtplib.SMTPDataError as error:  # about the message; of a single recipient's, about the recipient
            record(from_exception(error, host=self.server), recipients[0] if len(recipients) == 1 else None)
            raise
        except (smtplib.SMTPException, OSError) as error:
            record(from_exception(error, host=self.server))
            raise  # the caller decides what becomes of the message
        record(from_refused(refused, host=self.server))
        return refused


class RecordingSSL(Recording, smtplib.SMTP_SSL):
    """The same with EMAIL_USE_SSL."""


def wanted(known: SuppressionList, recipients: Iterable[str]) -> list[str]:
    """Return the recipients that are not suppressed: bare addresses, or with a name (Kim <kim@example.org>)."""
    return [recipient for recipient in recipients if not known.is_suppressed(bare(recipient))]


def record(verdicts: Iterable[Verdict], only: str | None = None) -> None:
    """Write verdicts that are about a recipient into the list; `only` is who those without one are about."""
    found = [(bare(address), verdict) for verdict in verdicts if (address := verdict.recipient or only) is not None]
    now = datetime.now(UTC)
    try:
        with SuppressionList(settings.SUPPRESSION_LIST) as known:
            known.record(
                (address, ListEvent.of(verdict, now, key=key_of(known, address, now))) for address, verdict in found
            )
    except StoreError:
        log.exception("the suppression list cannot be written: refusals of %d recipients are lost", len(found))


def key_of(known: SuppressionList, address: str, now: datetime) -> str:
    """Return the key of a refusal: one a day counts, and one more after the address was reactivated."""
    state = known.state(address)
    since = "" if state is None or state.reactivated is None else state.reactivated.time
    return f"{now:%Y-%m-%d} {address} {since}"


def bare(recipient: str) -> str:
    """Return the address without the name in front of it."""
    return parseaddr(recipient)[1] or recipient
