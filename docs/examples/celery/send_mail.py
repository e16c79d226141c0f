"""A Celery task that sends one message, and tries again only where that can help."""

from __future__ import annotations

import logging
import os
import smtplib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage

from celery import Task, shared_task

from undeliverable import Verdict, from_exception, from_refused
from undeliverable.store import StoreError, SuppressionList
from undeliverable.suppression import ListEvent

log = logging.getLogger(__name__)
HOST, PORT, LIST = (
    os.environ.get("SMTP_HOST", "localhost"),
    int(os.environ.get("SMTP_PORT", "25")),
    os.environ.get("SUPPRESSION_LIST", "list.db"),
)


@shared_task(bind=True, max_retries=8, acks_late=True)
def send_mail(self: Task, sender: str, recipient: str, subject: str, text: str) -> str:
    """Send to one recipient, and return what became of it."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, recipient, subject
    message.set_content(text)
    try:
        with SuppressionList(LIST) as known:
            if known.is_suppressed(recipient):
                return "suppressed"
    except StoreError as error:  # nothing was sent yet
        raise self.retry(exc=error, countdown=60) from error
    try:
        with smtplib.SMTP(HOST, PORT, timeout=60) as client:
            verdicts = from_refused(client.send_message(message), host=HOST)
    except smtplib.SMTPDataError as error:  # about the message, and so about its only recipient
        verdicts = tuple(replace(verdict, recipient=recipient) for verdict in from_exception(error, host=HOST))
    except (smtplib.SMTPException, OSError) as error:
        verdicts = from_exception(error, host=HOST)
        if not verdicts:  # nothing that SMTP can explain
            raise
    record(verdicts)
    for verdict in verdicts:
        if verdict.retry_after is not None:  # a refused connection, a greylisting, a full mailbox: it may still arrive
            raise self.retry(countdown=verdict.retry_after)
    return " ".join(str(verdict.reason) for verdict in verdicts) or "sent"


def record(verdicts: Sequence[Verdict]) -> None:
    """Write verdicts that are about a recipient into the list."""
    now = datetime.now(UTC)
    try:
        with SuppressionList(LIST) as known:
            known.record(
                (one.recipient, ListEvent.of(one, now, key=key_of(known, one.recipient, now)))
                for one in verdicts
                if one.recipient is not None
            )
    except StoreError:  # a failed task would hide what became of the message
        log.exception("the suppression list cannot be written: %s", ", ".join(map(str, verdicts)))


def key_of(known: SuppressionList, address: str, now: datetime) -> str:
    """Return the key of a refusal: one a day counts, and one more after the address was reactivated."""
    state = known.state(address)
    since = "" if state is None or state.reactivated is None else state.reactivated.time
    return f"{now:%Y-%m-%d} {address} {since}"
