"""The entry point for messages: any bytes in, a :class:`~undeliverable.verdict.Report` out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from undeliverable.knowledge import Knowledge, caller_of
from undeliverable.verdict import Kind, Report

TYPE_CHECKING = False
if TYPE_CHECKING:
    import email.message
    from datetime import datetime
    from typing import Final

    from undeliverable._rules.failure import Hosts
    from undeliverable.model import MessageFacts
    from undeliverable.verdict import Verdict

__all__ = ["ENVELOPE_TO", "REMARKS_LIMIT", "attached", "delivered_to", "parse", "received_at"]

REMARKS_LIMIT: Final = 100
"""Different remarks that a report keeps; of further ones it says how many there were."""
ENVELOPE_TO: Final = ("Delivered-To", "X-Original-To", "Envelope-To")
"""The fields in which mail servers write down the envelope recipient when they put a message into a mailbox: Postfix, Dovecot
and qmail the first, Postfix the second as well, Exim the third."""


def parse(  # noqa: PLR0913 # the public interface
    message: bytes | bytearray | memoryview | email.message.Message,
    *,
    knowledge: Knowledge | None = None,
    source: str | None = None,
    trace: bool = False,
    keep_headers: Sequence[str] = (),
    mx: Hosts = None,
    context: Mapping[str, object] | None = None,
    now: datetime | None = None,
    sender: str | None = None,
) -> Report:
    """Return what `message` reports of each recipient; ordinary mail gives the kind ``other`` and no verdicts.

    Content never raises, whatever its bytes: what had to be repaired or guessed stands in ``Report.remarks``.

    :param message: a whole message (RFC 5322), as it was stored or received.
    :param knowledge: the rules, policies and formats to judge by; the built-in ones unless given.
    :param source: the caller's name for the message, copied into the report.
    :param trace: also name in each verdict the other rules that matched.
    :param keep_headers: names of header fields of the returned message that come into the record, such as a campaign's.
    :param mx: MX hosts of the recipients' domain, or a mapping or function that gives them by domain; they say who the
        provider is where host and words do not.
    :param context: what policies may ask for: ``tenant``, ``stream``, ``source``, ``attempts``, ``age`` in seconds.
    :param now: the time, for policies with ``since`` and ``until``; without it these do not hold.
    :param sender: the original message's sender, for policies with ``sender_domain``; unless given, its From and
        return path as far as the report holds them.
    :raises TypeError: when `message` is of another type.
    :raises ValueError: when `context` or `now` are not as above.
    """
    remarks: list[str] = []
    known = Knowledge.builtin() if knowledge is None else knowledge
    caller = caller_of(mx, context, now, sender)
    kind, facts, judged = _reader()(message, known.of(caller), remarks, trace=trace, caller=caller)
    if keep_headers and facts.returned is not None:
        facts = replace(facts, returned=replace(facts.returned, keep_headers=tuple(keep_headers)))
    return Report(
        kind=kind,
        verdicts=tuple(judged) if kind is not Kind.OTHER else (),
        message=facts,
        remarks=_first_remarks(remarks) if remarks else (),
        source=source,
    )


@lru_cache(maxsize=1)
def _reader() -> Callable[..., tuple[Kind, MessageFacts, list[Verdict]]]:
    """Return what reads a message and judges it: imported with the first one, for the statement takes time each time."""
    from undeliverable._verdicts.message import read_and_judge

    return read_and_judge


def attached(message: bytes | bytearray | memoryview | email.message.Message) -> tuple[bytes, ...]:
    """Return the messages that stand inside `message` (``message/rfc822``), each as octets, in order.

    Bounces that somebody forwards on purpose can so be parsed as messages of their own: :func:`parse` believes what stands
    inside another message only as far as `undetermined`. The message that a report returns is also one of them, and what
    stands inside an inner message is found by calling this with it.

    :raises TypeError: when `message` is of another type.
    """
    from undeliverable._mime.part import embedded, read

    return tuple(part.octets for part in embedded(read(message, [])))


def received_at(message: bytes, *, by: Collection[str] | None = ()) -> datetime | None:
    """Return when `message` reached the mailbox, as far as your own side wrote it down; the sender's dates never count.

    That is the date of the topmost Received field if its `by` names one of your hosts, else that of the "From " line with
    which an mbox begins each message; a date without a zone is taken for UTC.

    :param message: a whole message, with its "From " line if it has one.
    :param by: names of your own hosts, those that hand mail over to the mailbox. None takes the field of any host: good for
        an estimate, but without a host of yours the sender may have written it.
    """
    if by is not None and not by and not message.startswith(b"From "):
        return None
    from undeliverable._mime import receipt

    return receipt.received_at(message, by)


def delivered_to(message: bytes, *, headers: Sequence[str] = ENVELOPE_TO, by: Collection[str] = ()) -> tuple[str, ...]:
    """Return the envelope recipients of `message`, as far as your own side wrote them down: a signed return path is one.

    They are read from the top of the header, above the first Received field, where the server that put the message into
    the mailbox writes; what stands below came with the message.

    :param message: a whole message, with its "From " line if it has one.
    :param headers: names of the fields, the most important first.
    :param by: names of your own hosts: where they wrote the topmost Received fields, the fields below these count as well.
    """
    from undeliverable._mime import receipt

    return receipt.delivered_to(message, headers, by)


def _first_remarks(remarks: list[str]) -> tuple[str, ...]:
    """Return the first remarks, each once, and how many more there were: foreign text must not make them endless."""
    each = tuple(dict.fromkeys(remarks))
    if len(each) <= REMARKS_LIMIT:
        return each
    return (*each[:REMARKS_LIMIT], f"{len(each) - REMARKS_LIMIT} more remarks")
