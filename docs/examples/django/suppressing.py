"""A mail backend for Django that sends to nobody on the suppression list, and records what a server refuses.

In settings.py: EMAIL_BACKEND = "suppressing.EmailBackend" and SUPPRESSION_LIST = "/var/lib/shop/list.db".
"""

from __future__ import annotations

import smtplib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends import smtp

from undeliverable import Verdict, from_exception
from undeliverable.store import SuppressionList
from undeliverable.suppression import ListEvent


class EmailBackend(smtp.EmailBackend):
    """Django's own SMTP backend between two looks at the list."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Send to those who may get mail."""
        with SuppressionList(settings.SUPPRESSION_LIST) as known:
            for message in email_messages:
                for field in ("to", "cc", "bcc"):
                    setattr(message, field, list(known.filter(getattr(message, field))))
        return super().send_messages([message for message in email_messages if message.recipients()]) or 0

    def _send(self, email_message: EmailMessage) -> bool:
        try:
            return super()._send(email_message)
        except (smtplib.SMTPException, OSError) as error:
            record(from_exception(error, host=self.host))
            raise  # the caller decides what becomes of the message


def record(verdicts: Iterable[Verdict]) -> None:
    """Write verdicts that are about a recipient into the list."""
    now = datetime.now(UTC)
    with SuppressionList(settings.SUPPRESSION_LIST) as known:
        known.record(
            (one.recipient, ListEvent.of(one, now, key=f"{now:%Y-%m-%d} {one.recipient}"))  # one a day counts
            for one in verdicts
            if one.recipient is not None
        )
