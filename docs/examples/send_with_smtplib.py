"""Sends a message with smtplib and says what became of each recipient that was refused."""

from __future__ import annotations

import smtplib
from email.message import EmailMessage

from undeliverable import Verdict, from_exception, from_refused


def send(message: EmailMessage, host: str, port: int = 25) -> tuple[Verdict, ...]:
    """Return the verdicts on what was refused; empty if everybody was accepted."""
    try:
        with smtplib.SMTP(host, port, timeout=60) as client:
            refused = client.send_message(message)
    except (smtplib.SMTPException, OSError) as error:
        verdicts = from_exception(error, host=host)
        if not verdicts:  # a full disk, say: nothing that SMTP can explain
            raise
        return verdicts
    return from_refused(refused, host=host)
