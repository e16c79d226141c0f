"""`--return-path`, `--keys`, `--days` and `--sent`: by what bounces are proved."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from undeliverable.cli._command import UsageError
from undeliverable.mail import ENVELOPE_TO, delivered_to
from undeliverable.verdict import Report

if TYPE_CHECKING:
    from argparse import _ArgumentGroup as ArgumentGroup  # pyright: ignore[reportPrivateUsage]

    from undeliverable.proof import Prover, Sent, SentTable
    from undeliverable.store import SuppressionList
    from undeliverable.verp import Signer

__all__ = ["ListedSent", "Proving", "add_envelope_option", "add_proof_options", "asking", "prover_of"]


def add_proof_options(parser: ArgumentParser | ArgumentGroup) -> None:
    """Declare `--return-path`, `--keys`, `--days` and `--sent`."""
    parser.add_argument(
        "--return-path",
        metavar="PATTERN",
        help="the signed return path of your mail, such as bounces+{token}@example.com; verdicts that nothing proves are marked",
    )
    parser.add_argument(
        "--keys",
        metavar="FILE",
        help="the keys of the signatures, one per line: an id of one letter or digit, and the secret in hex; "
        "nobody else may read the file",
    )
    parser.add_argument(
        "--days",
        metavar="DAYS",
        type=int,
        default=10,
        help="how long the signature of a bounce is valid (10; those of automatic replies and complaints 30, or as long)",
    )
    parser.add_argument(
        "--sent",
        metavar="FILE",
        help="what you mailed: CSV or JSON Lines with the columns recipient, id (that of the signature), message_id; without "
        "it, the list of --into is asked (see 'suppressions sent')",
    )


def add_envelope_option(parser: ArgumentParser | ArgumentGroup) -> None:
    """Declare `--envelope-to`."""
    parser.add_argument(
        "--envelope-to",
        metavar="HEADER",
        action="append",
        default=[],
        help="the field in which your mail server writes the envelope recipient, on top of the message; repeatable "
        f"(by default {', '.join(ENVELOPE_TO)})",
    )


def prover_of(options: Namespace) -> Prover | None:
    """Return the prover that the options describe, or None without any; raise UsageError when they cannot be used."""
    if options.return_path is None and options.keys is None and options.sent is None:
        return None
    if (options.return_path is None) is not (options.keys is None):
        raise UsageError("--return-path and --keys must be given together")
    from undeliverable.proof import Prover  # most runs do without

    return Prover(
        None if options.keys is None else _signer(options), None if options.sent is None else _sent(options.sent)
    )


def asking(prover: Prover | None, known: Sent | None) -> Prover | None:
    """Return the prover, which asks the list what was mailed, unless there is a file that says it."""
    return prover if prover is None or prover.sent is not None else replace(prover, sent=known)


class Proving(NamedTuple):
    """Prove messages that lie in files; can be sent to another process.

    :ivar envelope_to: the fields that name the envelope recipient.
    :ivar received_by: names of the caller's own hosts.
    """

    prover: Prover
    envelope_to: tuple[str, ...]
    received_by: tuple[str, ...]

    def prove(self, report: Report, raw: bytes) -> Report:
        """Return the report with its verdicts marked by what proves them.

        :param raw: the message, or nothing where its own header cannot be believed.
        """
        addresses = delivered_to(raw, headers=self.envelope_to, by=self.received_by)
        now = datetime.now(UTC)
        # A bounce that has been lying in the mailbox for a month was as fresh as any when it came.
        received = min(report.received or now, now)
        return self.prover.prove(report, *addresses, today=received.date())


class ListedSent:
    """What a list knows of what was mailed; every process opens it for itself.

    :param known: the list.
    """

    def __init__(self, known: SuppressionList) -> None:
        self._place = known.place
        self._opened: SuppressionList | None = None

    def address_of(self, token_id: str) -> str | None:
        """Return the address that was mailed with the token of this id, or None if that is not known."""
        return self._list().address_of(token_id)

    def recipients_of(self, message_id: str) -> Sequence[str]:
        """Return all addresses that were mailed with this Message-ID."""
        return self._list().recipients_of(message_id)

    def close(self) -> None:
        """Close the list in this process."""
        if self._opened is not None:
            self._opened.close()

    def _list(self) -> SuppressionList:
        if self._opened is None:
            from undeliverable.store import SuppressionList

            self._opened = SuppressionList(self._place, create=False)
        return self._opened


def _signer(options: Namespace) -> Signer:
    from undeliverable.verp import Signer, read_keys

    try:
        keys = read_keys(options.keys)
        return Signer(options.return_path, keys, days=options.days, auto_reply_days=max(options.days, 30))
    except OSError as error:
        raise UsageError(f"{options.keys}: {error.strerror}") from None
    except ValueError as error:
        raise UsageError(f"{options.keys}: {error}") from None


def _sent(path: str) -> SentTable:
    from undeliverable.proof import SentTable

    try:
        return SentTable.from_file(path)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise UsageError(str(error)) from None
