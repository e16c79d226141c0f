"""The fields that a row can have: of a report and of one of its verdicts, by the names that `--fields` takes.

Most are keys of the public record (docs/reference/record.md) and have its values. Two are made for people: `type` joins the bounce
type and the kind of the report, `code` joins reply code and status.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from undeliverable import Action
from undeliverable.cli._command import UsageError
from undeliverable.cli._words import split_words, unknown_value
from undeliverable.verdict import Kind, Report, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CSV_FIELDS", "FIELDS", "TABLE_FIELDS", "address_of", "fields_of", "state_of", "values_of"]

TABLE_FIELDS: Final = ("type", "recipient", "reason", "code", "advice", "source")
CSV_FIELDS: Final = (
    "source", "kind", "recipient", "original_recipient", "action", "bounce_type", "reason", "fault", "advice",
    "label", "status", "reply_code", "reply", "command", "remote_mta", "provider", "expired", "rule", "policy",
    "original_message_id", "date", "key", "message_id", "sent_to", "conflicts",
)  # fmt: skip
_OF_REPORTS: Final = ("received", "generator", "reporting_mta", "subject")
_OF_VERDICTS: Final = (
    "status_from", "reported_status", "vendor_code", "blocklist", "retry_after", "help_url", "auth_mechanism",
    "size_limit", "proof", "confidence", "provider_from", "message_advice", "applies_to", "token", "last_attempt_date",
    "will_retry_until",
)  # fmt: skip
FIELDS: Final = tuple(dict.fromkeys((*TABLE_FIELDS, *CSV_FIELDS, *_OF_REPORTS, *_OF_VERDICTS)))
"""All names, those of the formats first."""

_REACHED: Final = {Action.DELIVERED, Action.RELAYED, Action.EXPANDED}


def fields_of(text: str | None) -> tuple[str, ...]:
    """Return the names in a comma-separated list; raise UsageError for an unknown one."""
    if text is None:
        return ()
    names = tuple(dict.fromkeys(split_words([text])))
    for name in names:
        if name not in FIELDS:
            raise unknown_value("--fields", name, FIELDS)
    if not names:
        raise UsageError("--fields: the list is empty")
    return names


def state_of(report: Report, verdict: Verdict | None) -> str:
    """Return what became of a recipient, in one word: the bounce type, or else the kind of the report."""
    if verdict is None or report.kind not in {Kind.BOUNCE, Kind.DELAY}:
        return str(report.kind)
    if verdict.action is Action.DELAYED:
        return str(Kind.DELAY)
    if verdict.bounce_type is not None and report.kind is Kind.BOUNCE:
        return str(verdict.bounce_type)
    return str(Kind.DELIVERED if verdict.action in _REACHED else report.kind)


def address_of(verdict: Verdict) -> str | None:
    """Return the address to act on: the one that was mailed, else the one that failed."""
    return verdict.sent_to or verdict.recipient


def values_of(report: Report, verdict: Verdict | None, fields: Sequence[str]) -> list[object]:
    """Return the values of these fields as the public record has them; None for what is not there."""
    record: dict[str, object] = {}
    if verdict is not None and not _QUICK.issuperset(fields):
        record = verdict.to_dict()
        record["rule"] = verdict.rule and verdict.rule.id
        record["policy"] = verdict.policy and verdict.policy.id
    return [_REPORT[name](report, verdict) if name in _REPORT else record.get(name) for name in fields]


def _code(verdict: Verdict | None) -> str | None:
    codes = () if verdict is None else (verdict.reply_code, verdict.status)
    return (
        " ".join(str(int(code)) if isinstance(code, int) else str(code) for code in codes if code is not None) or None
    )


def _original(report: Report) -> str | None:
    returned = report.message.returned
    return None if returned is None else returned.message_id


def _subject(report: Report) -> str | None:
    returned = report.message.returned
    return None if returned is None else returned.subject


def _time(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat()


def _text(value: object) -> str | None:
    return None if value is None else str(value)


# What needs no record of the verdict, which takes longer to make than a row of a table.
_REPORT: Final[dict[str, Callable[[Report, Verdict | None], object]]] = {
    "type": state_of,
    "recipient": lambda _, verdict: verdict and verdict.recipient,
    "reason": lambda _, verdict: verdict and _text(verdict.reason),
    "code": lambda _, verdict: _code(verdict),
    "advice": lambda _, verdict: verdict and _text(verdict.advice),
    "source": lambda report, _: report.source,
    "kind": lambda report, _: str(report.kind),
    "date": lambda report, _: _time(report.message.date),
    "received": lambda report, _: _time(report.received),
    "message_id": lambda report, _: report.message.message_id,
    "original_message_id": lambda report, _: _original(report),
    "generator": lambda report, _: _text(report.message.generator),
    "reporting_mta": lambda report, _: _text(report.message.reporting_mta),
    "subject": lambda report, _: _subject(report),
}
_QUICK: Final = frozenset(_REPORT)
