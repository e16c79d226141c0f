"""The door for messages: any bytes in, a :class:`~undeliverable.verdict.Report` out."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from undeliverable.knowledge import Knowledge
from undeliverable.verdict import Kind, Report, Verdict

TYPE_CHECKING = False
if TYPE_CHECKING:
    import email.message
    from typing import Final, TypeAlias

    from undeliverable._reading.reading import Notice

    Parts: TypeAlias = tuple[
        Callable[[bytes | bytearray | memoryview | email.message.Message, list[str]], bytes],
        Callable[..., Notice],
        Callable[..., Verdict],
    ]

__all__ = ["REMARKS_LIMIT", "parse"]

REMARKS_LIMIT: Final = 100
"""Different remarks that a report keeps; of further ones it says how many there were."""


def parse(
    message: bytes | bytearray | memoryview | email.message.Message,
    *,
    knowledge: Knowledge | None = None,
    source: str | None = None,
    trace: bool = False,
) -> Report:
    """What `message` reports of each recipient; ordinary mail gives a report of kind ``other`` without verdicts.

    Content never raises, whatever its bytes: what had to be repaired or guessed stands in ``Report.remarks``.

    :param message: a whole message (RFC 5322), as it was stored or received.
    :param knowledge: the rules, policies and formats to judge by; the built-in ones unless given.
    :param source: the caller's name for the message, copied into the report.
    :param trace: also tell in each verdict which other rules matched.
    :raises TypeError: when `message` is of another type.
    """
    known = Knowledge.builtin() if knowledge is None else knowledge
    remarks: list[str] = []
    as_bytes, understand, judge = _parts()
    raw = as_bytes(message, remarks)
    notice = understand(raw, known, remarks)
    identity = _identity(notice, raw) if notice.recipients else ""
    verdicts = [judge(facts, known, identity=identity, kind=notice.kind, trace=trace) for facts in notice.recipients]
    return Report(
        kind=notice.kind,
        verdicts=tuple(verdicts) if notice.kind is not Kind.OTHER else (),
        message=notice.message,
        remarks=tuple(dict.fromkeys(remarks)) if len(remarks) <= REMARKS_LIMIT else _first_remarks(remarks),
        source=source,
    )


@lru_cache(maxsize=1)
def _parts() -> Parts:
    """What reads a message and judges it: imported with the first one."""
    from undeliverable._mime import part as _mime
    from undeliverable._reading import message as _notice
    from undeliverable._verdicts.judge import judge

    return _mime.as_bytes, _notice.read, judge


def _first_remarks(remarks: list[str]) -> tuple[str, ...]:
    """The first remarks, each once, and how many more there were: foreign text must not make them without end."""
    each = tuple(dict.fromkeys(remarks))
    kept = each[:REMARKS_LIMIT]
    return (*kept, f"{len(each) - len(kept)} more remarks") if len(each) > len(kept) else each


def _identity(notice: Notice, raw: bytes) -> str:
    """What stays the same when the same failure is heard again: the original's Message-ID, or its envelope id.

    A report that holds neither is identified by its own bytes.
    """
    facts = notice.message
    known = None if facts.returned is None else facts.returned.message_id
    if known or facts.original_envelope_id:
        return known or str(facts.original_envelope_id)
    from hashlib import sha256  # seldom needed

    return sha256(raw).hexdigest()
