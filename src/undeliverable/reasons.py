"""The reasons why mail fails, and the bounce type and advice that each implies by default.

A verdict keeps three answers apart: the *bounce type* describes the recipient's address, the status class
(:mod:`undeliverable.codes`) describes this one message, and the *advice* says what to do next.
"""

from __future__ import annotations

from undeliverable._text.record import Word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Self

__all__ = ["Advice", "AppliesTo", "BounceType", "Fault", "MessageAdvice", "Reason"]


class Fault(Word):
    """The party at fault: where the cause of a failure lies."""

    ADDRESS = "address"
    MAILBOX = "mailbox"
    SYSTEM = "system"
    FLOW = "flow"
    SENDER = "sender"
    CONTENT = "content"
    OTHER = "other"


class BounceType(Word):
    """The consequence of a failure for the recipient's address.

    ``hard``: the address or its domain is at fault, for good; ``soft``: the address may well be good;
    ``undetermined``: the report does not say.
    """

    HARD = "hard"
    SOFT = "soft"
    UNDETERMINED = "undetermined"


class Advice(Word):
    """The next step for the sender."""

    SUPPRESS = "suppress"
    RETRY = "retry"
    SLOW_DOWN = "slow_down"
    FIX_SENDER = "fix_sender"
    FIX_MESSAGE = "fix_message"
    REVIEW = "review"
    NONE = "none"


class MessageAdvice(Word):
    """The next step for this one message, which an MTA takes; the advice beside it is about the address.

    ``retry_elsewhere``: from another IP address or address family.
    """

    DELIVERED = "delivered"
    RETRY = "retry"
    RETRY_ELSEWHERE = "retry_elsewhere"
    GIVE_UP = "give_up"


class AppliesTo(Word):
    """What a refusal is about: this recipient, this message, or all that this source sends to this provider."""

    RECIPIENT = "recipient"
    MESSAGE = "message"
    QUEUE = "queue"


class Reason(Word):
    """The reason of a failed delivery.

    The value is the name used in records and rule files. Each member also has its ``fault``, its ``meaning`` in one
    sentence, and the ``bounce_type`` and ``advice`` of a permanent failure, which a policy can override.
    """

    fault: Fault
    bounce_type: BounceType
    advice: Advice
    meaning: str

    def __new__(cls, name: str, fault: Fault, bounce_type: BounceType, advice: Advice, meaning: str) -> Self:
        """Make a member and attach its defaults."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.fault = fault
        member.bounce_type = bounce_type
        member.advice = advice
        member.meaning = meaning
        return member

    # fmt: off
    USER_UNKNOWN = "user_unknown", Fault.ADDRESS, BounceType.HARD, Advice.SUPPRESS, "The mailbox does not exist at a domain that does exist."
    BAD_ADDRESS_SYNTAX = "bad_address_syntax", Fault.ADDRESS, BounceType.HARD, Advice.SUPPRESS, "The recipient address is malformed."
    MAILBOX_MOVED = "mailbox_moved", Fault.ADDRESS, BounceType.HARD, Advice.SUPPRESS, "The mailbox was valid once and has moved or changed its owner; nothing is forwarded."
    MAILBOX_DISABLED = "mailbox_disabled", Fault.ADDRESS, BounceType.HARD, Advice.SUPPRESS, "The mailbox exists but is disabled, suspended or inactive."
    DOMAIN_UNKNOWN = "domain_unknown", Fault.ADDRESS, BounceType.HARD, Advice.SUPPRESS, "The recipient's domain does not exist, or has neither a mail exchanger nor an address."
    DOMAIN_NO_MAIL = "domain_no_mail", Fault.ADDRESS, BounceType.HARD, Advice.SUPPRESS, "The domain exists and says that it takes no mail."
    MAILBOX_FULL = "mailbox_full", Fault.MAILBOX, BounceType.SOFT, Advice.RETRY, "The mailbox is over its quota."
    RECIPIENT_RATE_LIMITED = "recipient_rate_limited", Fault.MAILBOX, BounceType.SOFT, Advice.RETRY, "This recipient gets mail too fast just now."
    RECIPIENT_RESTRICTED = "recipient_restricted", Fault.MAILBOX, BounceType.SOFT, Advice.REVIEW, "The mailbox exists, but its owner or administrator refuses this sender or any outside sender."
    SYSTEM_FULL = "system_full", Fault.SYSTEM, BounceType.SOFT, Advice.RETRY, "The receiving system, not one mailbox, is out of space."
    SYSTEM_ERROR = "system_error", Fault.SYSTEM, BounceType.SOFT, Advice.RETRY, "The receiving system failed, is overloaded, is shutting down or is misconfigured."
    NETWORK_ERROR = "network_error", Fault.SYSTEM, BounceType.SOFT, Advice.RETRY, "No connection, a lost connection or a time-out."
    DNS_ERROR = "dns_error", Fault.SYSTEM, BounceType.SOFT, Advice.RETRY, "A look-up failed for the moment; it says nothing of the domain."
    ROUTING_LOOP = "routing_loop", Fault.SYSTEM, BounceType.SOFT, Advice.REVIEW, "The message loops, or made too many hops."
    EXPIRED = "expired", Fault.SYSTEM, BounceType.SOFT, Advice.RETRY, "The queue gave up after its retry time, and no last reply gives the true cause."
    RELAY_DENIED = "relay_denied", Fault.SYSTEM, BounceType.SOFT, Advice.REVIEW, "The host says that it does not handle this domain, or relays only after login."
    GREYLISTED = "greylisted", Fault.FLOW, BounceType.SOFT, Advice.RETRY, "Deferred on purpose at first contact."
    RATE_LIMITED = "rate_limited", Fault.FLOW, BounceType.SOFT, Advice.SLOW_DOWN, "Too many messages or connections from this sender in a time."
    TOO_MANY_RECIPIENTS = "too_many_recipients", Fault.FLOW, BounceType.SOFT, Advice.SLOW_DOWN, "Too many recipients in one transaction; transient even with a 5xx reply (RFC 5321 4.5.3.1.10)."
    BLOCKLISTED = "blocklisted", Fault.SENDER, BounceType.SOFT, Advice.FIX_SENDER, "The sending IP address or domain is on a DNS blocklist or on the receiver's own block list."
    BAD_REPUTATION = "bad_reputation", Fault.SENDER, BounceType.SOFT, Advice.FIX_SENDER, "Low reputation or many complaints; no list is named."
    AUTH_FAILED = "auth_failed", Fault.SENDER, BounceType.SOFT, Advice.FIX_SENDER, "SPF, DKIM, DMARC or ARC did not pass."
    PTR_MISSING = "ptr_missing", Fault.SENDER, BounceType.SOFT, Advice.FIX_SENDER, "The sending host's reverse DNS or HELO name is missing or does not match."
    SENDER_REJECTED = "sender_rejected", Fault.SENDER, BounceType.SOFT, Advice.FIX_SENDER, "The envelope or header sender is refused: malformed, blocked, or of a domain that does not exist."
    SECURITY_REQUIRED = "security_required", Fault.SENDER, BounceType.SOFT, Advice.FIX_SENDER, "Login, TLS or stronger security is demanded."
    POLICY_REJECTED = "policy_rejected", Fault.SENDER, BounceType.SOFT, Advice.REVIEW, "Refused under a local policy that is not further named."
    SPAM_CONTENT = "spam_content", Fault.CONTENT, BounceType.SOFT, Advice.FIX_MESSAGE, "This message was judged to be spam or phishing."
    VIRUS_DETECTED = "virus_detected", Fault.CONTENT, BounceType.SOFT, Advice.FIX_MESSAGE, "Malware was found in the message."
    CONTENT_REJECTED = "content_rejected", Fault.CONTENT, BounceType.SOFT, Advice.FIX_MESSAGE, "The message's form or content is refused: attachment type, header, encoding, faults against RFC 5322."
    MESSAGE_TOO_LARGE = "message_too_large", Fault.CONTENT, BounceType.SOFT, Advice.FIX_MESSAGE, "The message exceeds a size limit."
    PROTOCOL_ERROR = "protocol_error", Fault.OTHER, BounceType.SOFT, Advice.REVIEW, "An SMTP syntax or sequence error between the two hosts."
    UNDEFINED = "undefined", Fault.OTHER, BounceType.UNDETERMINED, Advice.REVIEW, "A failure was reported, but its cause is unknown."
    # fmt: on
