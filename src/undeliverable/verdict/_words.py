"""The words of a verdict and of a report that are their own, and the text of every member for the public record."""

from __future__ import annotations

from undeliverable._text.record import Word
from undeliverable.model import Action, Command
from undeliverable.reasons import Advice, AppliesTo, BounceType, Fault, MessageAdvice, Reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["REPORT_KEYS", "SCHEMA", "TEXTS", "VERDICT_KEYS", "Kind", "Proof", "ProviderFrom", "StatusFrom"]


class Kind(Word):
    """What a message is, as a report."""

    BOUNCE = "bounce"
    DELAY = "delay"
    DELIVERED = "delivered"
    COMPLAINT = "complaint"
    AUTO_REPLY = "auto_reply"
    CHALLENGE = "challenge"
    DISPOSITION = "disposition"
    SUPPRESSED = "suppressed"
    UNSUBSCRIBED = "unsubscribed"
    OTHER = "other"


class StatusFrom(Word):
    """Whose status a verdict's ``status`` is: the refusing server's reply, or the reporting server's own field."""

    REPLY = "reply"
    FIELD = "field"


class ProviderFrom(Word):
    """What identified the provider.

    The answering host, the words of the reply, the MX hosts that the caller gave, or, where no host answered, the
    recipient's domain.
    """

    HOST = "host"
    WORDS = "words"
    MX = "mx"
    DOMAIN = "domain"


class Proof(Word):
    """What proves that a verdict is about a message of your own.

    ``token``: a signed token of yours, made for the address that was mailed. ``signed``: a webhook whose signature was
    verified. ``own``: your own SMTP session, log, exception or operator. ``matched``: you sent the original message to
    this recipient and to nobody else, as its Message-ID says. ``unproved``: proof was asked for and not found.
    """

    TOKEN = "token"  # noqa: S105 # no secret
    SIGNED = "signed"
    OWN = "own"
    MATCHED = "matched"
    UNPROVED = "unproved"


# What the public record says for each member: a look-up costs a quarter of str().
_ENUMS: Final = (
    *(Action, BounceType, Reason, Fault, Advice, StatusFrom, ProviderFrom, Command, Kind, MessageAdvice, AppliesTo),
    Proof,
)
TEXTS: Final[dict[str | None, str | None]] = {
    None: None,
    **{member: member.value for names in _ENUMS for member in names},
}
"""The text of each member of an enumeration; None for None."""

SCHEMA: Final = 2
"""The version of the public record; keys are added, never renamed."""
REPORT_KEYS: Final = ("schema", "source", "kind", "message", "event", "verdicts", "remarks", "received")
"""The keys of the public record of a report, in their order."""
VERDICT_KEYS: Final = (
    "recipient", "original_recipient", "action", "bounce_type", "reason", "fault",
    "advice", "label", "status", "status_from", "reported_status", "reply_code",
    "reply", "command", "remote_mta", "provider", "expired", "rule",
    "policy", "shadowed", "conflicts", "last_attempt_date", "will_retry_until", "vendor_code",
    "key", "blocklist", "retry_after", "help_url", "auth_mechanism", "size_limit",
    "sent_to", "proof", "confidence", "provider_from", "policies", "message_advice",
    "applies_to", "token",
)  # fmt: skip
"""Those of the record of a verdict."""
