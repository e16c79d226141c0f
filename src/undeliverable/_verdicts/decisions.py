"""The decisions of a judgement, one function each.

Which words are the final answer, what reason they give, whether the failure is transient, which defaults follow, what a
policy changes, and where the sources contradict each other. None of them knows how the facts arrived: a report's and a
single reply's verdict ask the same functions, so that the same facts give the same verdict.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from undeliverable._smtp.replies import is_cause
from undeliverable.codes import ReplyCode, StatusCode, find_status
from undeliverable.model import RecipientFacts
from undeliverable.reasons import Advice, BounceType, Fault, Reason
from undeliverable.verdict import StatusFrom

__all__ = [
    "Answer",
    "ServiceClass",
    "answer_of",
    "conflicts_of",
    "consequence",
    "has_expired",
    "is_success",
    "is_transient",
    "masked",
    "reason_of",
    "status_from",
]

_TRANSIENT: Final = 400  # RFC 5321 4.2.1: 4yz is transient, 5yz permanent
_PERMANENT: Final = 500
_NXDOMAIN: Final = "nxdomain"  # RFC 2308 1: the name server of the parent domain says that there is none
_PERSISTENT: Final = 4  # RFC 3463 2: the class of persistent transient failures


class ServiceClass(NamedTuple):
    """How an e-mail service classified a failure; a server's reply counts before it.

    :ivar reason: the cause that the class names.
    :ivar bounce_type: what the class says of the address; counts where the cause stays unknown.
    :ivar temporary: whether the class says that the failure is temporary; counts where no code says it.
    :ivar prose: whether the words beside the class are the service's own: then the class counts before them as well.
    """

    reason: Reason | None = None
    bounce_type: BounceType | None = None
    temporary: bool | None = None
    prose: bool = False


class Answer(NamedTuple):
    """The final answer: a remote server's reply, else the reporting server's own words."""

    text: str | None
    code: ReplyCode | None
    stated: StatusCode | None  # inside the reply
    final: StatusCode | None
    seen: StatusCode | None  # by rules


def answer_of(facts: RecipientFacts) -> Answer:
    """Return the final answer of a report: its reply first, the ``Status`` field second, free text last."""
    reply, field = facts.reply, facts.status
    if reply is not None and reply.code is not None:
        # Servers write 5.1.1 into Status whatever the remote server replied: rules must not believe it.
        return Answer(reply.text, reply.code, reply.status, reply.status or field, reply.status)
    if reply is not None:
        status = reply.status or field
        return Answer(reply.text, None, reply.status, status, status)
    if facts.diagnostic is not None:
        return Answer(facts.diagnostic.text, None, None, field, field or find_status(facts.diagnostic.text))
    return Answer(None, None, None, field, field)


def status_from(answer: Answer) -> StatusFrom | None:
    """Return whose the final status is, or None where there is no status."""
    if answer.final is None:
        return None
    return StatusFrom.FIELD if answer.stated is None else StatusFrom.REPLY


def masked(text: str, *addresses: str | None) -> str:
    """Return `text` without the recipient's addresses, whose words must not decide: ``<blacklist@example.org>``."""
    if "@" in text:
        for address in addresses:
            if address:
                text = _without(address, text)
    return text


def _without(address: str, text: str) -> str:
    if address in text:
        return text.replace(address, "<>")
    folded, address = text.casefold(), address.casefold()
    return folded.replace(address, "<>") if address in folded else text


def reason_of(by_rule: Reason | None, answer: Answer, by_class: ServiceClass | None, *, gave_up: bool) -> Reason:
    """Return the reason of the rule, of a queue that gave up, or of the service's class.

    A queue that gave up without showing a reply expired, unless its Status says why it waited: X.0.0 and X.4.7 do
    not. The class counts where the answer gives no reason, or where there is no answer but the service's own words.
    """
    reason = Reason.UNDEFINED if by_rule is None else by_rule
    if gave_up and answer.code is None and (reason is Reason.UNDEFINED or not (answer.text or _is_named(answer.final))):
        reason = Reason.EXPIRED
    if by_class is None or by_class.reason is None:
        return reason
    own_words = by_class.prose and answer.code is None and answer.seen is None
    return by_class.reason if own_words or reason is Reason.UNDEFINED else reason


def _is_named(status: StatusCode | None) -> bool:
    """Return whether a status says why a message had to wait."""
    return status is not None and status.class_ == _PERSISTENT and is_cause(status)


def has_expired(reason: Reason, *, gave_up: bool) -> bool:
    """Return whether the reporting server gave up: by the facts or by the words of the rule."""
    return gave_up or reason is Reason.EXPIRED


def is_transient(
    reason: Reason, answer: Answer, by_class: ServiceClass | None, *, expired: bool, temporary: bool
) -> bool:
    """Return whether a failure is temporary: by its code, its status, its words, or where these are silent by its class."""
    code, stated, final = answer.code, answer.stated, answer.final
    if code is None and final is None and by_class is not None and by_class.temporary is not None:
        return by_class.temporary
    # Where a code and the status behind it disagree in class, or the words say that it will pass, nothing is final.
    if temporary or (stated is not None and stated.class_ == _PERSISTENT):
        return True
    if code is not None:
        # Some servers wait in vain after a 5yz greeting, as RFC 5321 3.1 lets them: it is permanent all the same.
        return _TRANSIENT <= code < _PERMANENT
    # DNS has answered for good, whatever status the reporting server made of it and however long it waited.
    if reason is Reason.DOMAIN_UNKNOWN and answer.text and _NXDOMAIN in answer.text.lower():
        return False
    return expired or (
        final is not None and final.class_ == _PERSISTENT
    )  # a queue that gave up saw a temporary failure


def is_success(answer: Answer) -> bool:
    """Return whether the reply is positive: 2yz and 3yz are no failure (RFC 5321 4.2.1)."""
    return answer.code is not None and answer.code < _TRANSIENT


def consequence(reason: Reason, by_class: ServiceClass | None, *, transient: bool) -> tuple[BounceType, Advice]:
    """Return what follows for the address without a policy."""
    if by_class is None or reason is not Reason.UNDEFINED or by_class.bounce_type is None:
        return _default(reason, transient=transient)
    if by_class.bounce_type is BounceType.HARD and not transient:
        return BounceType.HARD, Advice.SUPPRESS
    if by_class.bounce_type is BounceType.SOFT:
        return BounceType.SOFT, Advice.RETRY
    return _default(reason, transient=transient)


def _default(reason: Reason, *, transient: bool) -> tuple[BounceType, Advice]:
    """Return the reason's own consequence: what failed temporarily may succeed tomorrow."""
    if not transient:
        return reason.bounce_type, reason.advice
    if reason.fault is Fault.ADDRESS or reason is Reason.UNDEFINED:
        return BounceType.SOFT, Advice.RETRY
    return reason.bounce_type, Advice.RETRY if reason.advice is Advice.REVIEW else reason.advice


def conflicts_of(answer: Answer, field: StatusCode | None) -> tuple[str, ...]:
    """Return where the ``Status`` field, the reply's code and the status inside the reply contradict each other."""
    code, stated = answer.code, answer.stated
    if (field is None or field is stated) and (stated is None or code is None or stated.class_ == code // 100):
        return ()  # nothing to compare, as in most reports
    found: list[str] = []
    if field is not None and stated is not None and field != stated and not _is_vaguer(field, stated):
        found.append(f"Status {field} but the reply says {stated}")
    elif field is not None and stated is None and code is not None and field.class_ != code // 100:
        found.append(f"Status {field} but the reply says {int(code)}")
    if stated is not None and code is not None and stated.class_ != code // 100:
        found.append(f"The reply's code {code} and its status {stated} differ in class")
    return tuple(found)


def _is_vaguer(field: StatusCode, stated: StatusCode) -> bool:
    """Return whether `field` is X.0.0 of the same class, which many servers write whatever happened."""
    return field.class_ == stated.class_ and field.subject == field.detail == 0
