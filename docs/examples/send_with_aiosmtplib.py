"""Sends a message with aiosmtplib and says what became of each recipient that was refused."""

from __future__ import annotations

from email.message import EmailMessage

import aiosmtplib

from undeliverable import Verdict, from_exception, from_refused


async def send(message: EmailMessage, host: str, port: int = 25) -> tuple[Verdict, ...]:
    """Return the verdicts on what was refused; empty if everybody was accepted."""
    try:
        refused, _ = await aiosmtplib.send(message, hostname=host, port=port, start_tls=False, timeout=60)
    except (aiosmtplib.SMTPException, OSError) as error:
        verdicts = from_exception(error, host=host)
        if not verdicts:
            raise
        return verdicts
    return from_refused(refused, host=host)
