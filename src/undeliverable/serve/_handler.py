"""The handler of an `aiosmtpd` server: accept or refuse recipients, parse and record messages.

A reply of 250 is a promise (RFC 5321 4.2.5): the sending server deletes the message only after this side has written
its record, and its events into the list, to disk. Every failure is answered with a temporary 451.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Protocol

from undeliverable import Knowledge, Report, parse
from undeliverable.envelope import unwrap
from undeliverable.serve._delivery import Delivery
from undeliverable.serve._failures import log_failure
from undeliverable.serve._judging import Judging
from undeliverable.serve._taken import log_taken

if TYPE_CHECKING:
    from undeliverable.proof import Prover
    from undeliverable.serve._commit import GroupCommit
    from undeliverable.serve._intake import Recorder, Taken
    from undeliverable.serve._metrics import Metrics
    from undeliverable.verp import Signer

__all__ = ["BounceHandler"]

_LOG: Final = logging.getLogger("undeliverable.serve")
_NULL: Final = "<>"  # how aiosmtpd spells the null sender
_LONG: Final = 1 << 18  # octets from which a message is parsed in a thread; for smaller ones the switch costs more
_MANY: Final = 500  # verdicts from which a record is written in a thread

STORED: Final = "250 2.0.0 recorded"
NOT_STORED: Final = "451 4.3.0 cannot store it now"
NOT_HERE: Final = "550 5.1.1 no bounce address of ours"
TOO_MANY: Final = "452 4.5.3 too many recipients"


class _Envelope(Protocol):
    """The part of `aiosmtpd.smtp.Envelope` that is used here."""

    mail_from: str | None
    rcpt_tos: list[str]
    rcpt_options: list[str]
    original_content: bytes | None


class _Session(Protocol):
    """The part of `aiosmtpd.smtp.Session` that is used here."""

    host_name: str | None


class BounceHandler:
    """A handler for `aiosmtpd.controller.Controller` and the like: accepts bounces, records them, calls your code.

    A message is answered with 250 only when :meth:`received` has returned and its record **and** its events in the list
    are on disk; when any of it fails the reply is 451, and the sending server tries again. So consumers of the records
    must tolerate repetition: the same failure has the same ``Verdict.key``, and a list takes each event once.

    Made for subclassing: override :meth:`received`, and any hook of `aiosmtpd` you need.

    :param domains: recipients at these domains are accepted, whatever their local part.
    :param recipients: these are accepted as well, with or without an extension after "+"; all others get a 550.
    :param to: the file of records (:mod:`undeliverable.serve.records`), if any.
    :param into: the suppression list that takes the events, if any: a :class:`~undeliverable.store.SuppressionList`.
    :param knowledge: the rules, policies and formats to judge by, or a function that returns those of the moment, such
        as ``Knowledge.watch(["ours.toml"]).current``; the built-in ones by default.
    :param prover: marks verdicts by what proves them (:class:`undeliverable.proof.Prover`); a signer does as well.
    :param most_recipients: the largest number of recipients of one message.
    :param context: what policies may ask for, the same for all messages.
    :param metrics: where the verdicts are counted.
    """

    def __init__(  # noqa: PLR0913 # the public interface
        self,
        domains: Iterable[str] = (),
        *,
        recipients: Iterable[str] = (),
        to: str | os.PathLike[str] | None = None,
        into: Recorder | None = None,
        knowledge: Knowledge | Callable[[], Knowledge] | None = None,
        prover: Prover | Signer | None = None,
        most_recipients: int = 100,
        context: Mapping[str, object] | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        self._metrics = metrics
        self._domains = frozenset(domain.strip("@.").casefold() for domain in domains)
        self._recipients = frozenset(recipient.casefold() for recipient in recipients)
        self._to = to
        self._into = into
        self._store: GroupCommit[Taken, object] | None = None
        self._judging = Judging(knowledge, context)
        self._prover = prover
        self._most_recipients = most_recipients

    async def received(self, delivery: Delivery, content: bytes) -> None:
        """Handle a message before it is recorded; override this, it does nothing by itself.

        When it raises, the message is not recorded and the sending server tries again.

        :param content: the message itself.
        """

    def accepts(self, address: str) -> bool:
        """Return True if mail to this recipient is accepted."""
        mailbox, _, domain = unwrap(address).casefold().rpartition("@")
        return domain in self._domains or bool(
            self._recipients & {f"{mailbox}@{domain}", f"{mailbox.partition('+')[0]}@{domain}"}
        )

    async def handle_EHLO(  # noqa: N802 # aiosmtpd's name
        self, _server: object, session: _Session, _envelope: object, hostname: str, responses: list[str]
    ) -> list[str]:
        """Reply to EHLO or LHLO (RFC 5321 4.1.1.1); LMTP requires pipelining and status codes (RFC 2033 5)."""
        session.host_name = hostname
        return [responses[0], "250-PIPELINING", "250-ENHANCEDSTATUSCODES", *responses[1:]]

    async def handle_RCPT(  # noqa: N802 # aiosmtpd's name
        self, _server: object, _session: object, envelope: _Envelope, address: str, rcpt_options: list[str]
    ) -> str:
        """Reply to RCPT (RFC 5321 4.1.1.3) with 550 for recipients that are not configured."""
        if not self.accepts(address):
            return NOT_HERE
        if len(envelope.rcpt_tos) >= self._most_recipients:
            return TOO_MANY
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(rcpt_options)
        return "250 2.1.5 OK"

    async def handle_DATA(self, _server: object, _session: object, envelope: _Envelope) -> str:  # noqa: N802 # aiosmtpd's name
        """Reply to DATA (RFC 5321 4.1.1.4): parse the message, call :meth:`received`, record it."""
        content = envelope.original_content or b""
        sender = "" if envelope.mail_from == _NULL else envelope.mail_from
        try:
            report = await self._read(content, tuple(envelope.rcpt_tos))
            delivery = Delivery(report, sender, tuple(envelope.rcpt_tos))
            await self.received(delivery, content)
            await self._record(delivery)
        except Exception as error:  # noqa: BLE001 # a failing override, a full disk: the sending server keeps the message
            log_failure("message not recorded, answered with 451", error)
            return NOT_STORED
        log_taken("mail", report, delivery.recipients)
        if self._metrics is not None:
            self._metrics.seen("mail", report, self._judging.tenant)
        return STORED

    async def handle_exception(self, _error: Exception) -> str:
        """Reply to an internal error with 451: a 5yz would make the sending server give up."""
        _LOG.exception("session failed, answered with 451")
        return NOT_STORED

    async def drain(self) -> None:
        """Return when all accepted messages are on disk."""
        if self._store is not None:
            await self._store.drain()

    async def _read(self, content: bytes, recipients: tuple[str, ...]) -> Report:
        arguments, received = self._judging.arguments(), datetime.now(UTC)

        def read() -> Report:
            return replace(parse(content, **arguments), received=received)

        def prove(report: Report) -> Report:
            prover = self._prover
            return report if prover is None else prover.prove(report, *recipients, today=received.date())

        if len(content) < _LONG and getattr(self._prover, "sent", None) is None:
            return prove(read())
        import asyncio  # not by those who only want records

        # What was sent may be asked of a database.
        return await asyncio.to_thread(lambda: prove(read()))

    async def _record(self, delivery: Delivery) -> None:
        if self._to is None and self._into is None:
            return
        from undeliverable.serve._intake import Intake, Taken

        if self._store is None:
            from undeliverable.serve._commit import GroupCommit

            self._store = GroupCommit(Intake(self._to, self._into).store)
        if len(delivery.report.verdicts) < _MANY:
            line = delivery.line()
        else:
            import asyncio  # not by those who only want records

            line = await asyncio.to_thread(delivery.line)
        await self._store.add(Taken(delivery.report, line))
