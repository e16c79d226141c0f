"""Read bounces from mailboxes into the suppression list: ./manage.py read_bounces ~/Maildir."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import UTC, datetime

from django.conf import settings
from django.core.management.base import BaseCommand

from undeliverable import parse
from undeliverable.files import Inbox, report_of
from undeliverable.mail import delivered_to
from undeliverable.proof import Prover
from undeliverable.store import SuppressionList
from undeliverable.verp import Signer, read_keys


class Command(BaseCommand):
    """The command; reading the same mail again does no harm."""

    help = "Read bounces from mailboxes (Maildir, mbox, files) into the suppression list."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the mailboxes."""
        parser.add_argument("mailbox", nargs="+")

    def handle(self, *, mailbox: list[str], **options: object) -> None:
        """Record what a signed return path proves."""
        signer = Signer(settings.RETURN_PATH, read_keys(settings.RETURN_PATH_KEYS))
        with SuppressionList(settings.SUPPRESSION_LIST) as known:
            prover = Prover(signer, known)  # asks the list what was sent
            for mail in Inbox(mailbox, warn=self.stderr.write):
                if not mail.is_record:
                    now = datetime.now(UTC)
                    report = report_of(mail, parse)
                    today = min(report.received or now, now).date()  # a token is as old as it was on arrival
                    known.record_report(prover.prove(report, *delivered_to(mail.raw), today=today))
