"""Facts plus knowledge in, a verdict out: whose status is final, which rule gives the reason, and what follows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from undeliverable._rules.conditions import ABSENT, status_key
from undeliverable._rules.policies import Failure, Policy
from undeliverable.codes import ReplyCode, StatusCode, find_status
from undeliverable.model import Action, Event, RecipientFacts, Reply, Witness
from undeliverable.reasons import Advice, BounceType, Fault, Reason
from undeliverable.verdict import Identified, Kind, StatusFrom, Verdict

if TYPE_CHECKING:
    from undeliverable._rules.table import Match
    from undeliverable._smtp.replies import Read
    from undeliverable.knowledge import Knowledge

__all__ = ["Told", "judge", "judge_read", "judge_reply"]

_ARRIVED: Final = frozenset((Action.DELIVERED, Action.RELAYED, Action.EXPANDED))
# Kinds of report that are no failure: the advice follows from the kind alone.
_BY_KIND: Final = {
    Kind.COMPLAINT: Advice.SUPPRESS,
    Kind.SUPPRESSED: Advice.SUPPRESS,
    Kind.UNSUBSCRIBED: Advice.SUPPRESS,
    Kind.AUTO_REPLY: Advice.NONE,
    Kind.CHALLENGE: Advice.NONE,
    Kind.DISPOSITION: Advice.NONE,
}
# RFC 5321 4.5.3.1.10: a 552 that says "too many recipients" is to be taken as 452. So do policies.
_TOO_MANY: Final = 552
_TAKEN_AS: Final = 452
_TRANSIENT: Final = 400  # RFC 5321 4.2.1: 4yz is transient, 5yz permanent
_PERMANENT: Final = 500
_NXDOMAIN: Final = "nxdomain"  # RFC 2308 1: the name server of the domain above says that there is none
_PERSISTENT: Final = 4  # RFC 3463 2: the class of persistent transient failures

# A member of an enumeration is found more slowly than a name of the module.
_UNDEFINED: Final = Reason.UNDEFINED
_EXPIRED: Final = Reason.EXPIRED
_DOMAIN_UNKNOWN: Final = Reason.DOMAIN_UNKNOWN
_ADDRESS: Final = Fault.ADDRESS
_SOFT: Final = BounceType.SOFT
_RETRY: Final = Advice.RETRY
_FROM_REPLY: Final = StatusFrom.REPLY
_FROM_FIELD: Final = StatusFrom.FIELD
_DELAYED: Final = Action.DELAYED


class Told(NamedTuple):
    """What an e-mail service's own class says of a failure; a server's answer comes before it.

    :ivar reason: the cause that the class names.
    :ivar bounce_type: what the class says of the address; heard where the cause stays unknown.
    :ivar temporary: whether the class says that it failed for the moment; heard where no code says it.
    :ivar prose: the words that stand besides are the service's own: the class comes before them as well.
    """

    reason: Reason | None = None
    bounce_type: BounceType | None = None
    temporary: bool | None = None
    prose: bool = False


def judge(
    facts: RecipientFacts,
    knowledge: Knowledge,
    *,
    identity: str,
    kind: Kind | None = None,
    trace: bool = False,
    event: Event | None = None,
    told: Told | None = None,
) -> Verdict:
    """The verdict on one recipient.

    :param identity: what names the message: its Message-ID, its envelope id, or a digest of the report.
    :param kind: what the report is; complaints, automatic replies and the like have no reason.
    :param event: the notification of an e-mail service that the facts are from; policies may ask for its service.
    :param told: what that service's class says.
    """
    answer = _answer(facts)
    draft = _draft(facts, answer, identity)
    action = facts.action
    if action in _ARRIVED or kind in _BY_KIND:
        _leave_unjudged(draft, None if action in _ARRIVED or kind is None else _BY_KIND[kind], knowledge)
    else:
        delayed = action is _DELAYED or (action is None and kind is Kind.DELAY)
        _fill(draft, facts, answer, knowledge, delayed=delayed, trace=trace, event=event, told=told)
    draft.__class__ = Verdict
    verdict: Verdict = draft
    return verdict


def judge_reply(
    reply: Reply, knowledge: Knowledge, *, host: str | None, recipient: str | None, trace: bool = False
) -> Verdict:
    """The verdict on one reply that no report surrounds."""
    return judge_read((reply.code, reply.status, reply.text, reply.command), knowledge, host, recipient, trace=trace)


def judge_read(read: Read, knowledge: Knowledge, host: str | None, recipient: str | None, *, trace: bool) -> Verdict:
    """The verdict on what was read of a reply that no report surrounds."""
    if not trace and not knowledge.policy_table.policies:
        return _plain_verdict(read, knowledge, host, recipient)
    reply = Reply(*read)
    facts = RecipientFacts(
        witness=Witness.REPLY, recipient=recipient, reply=reply, command=reply.command, remote_mta=host
    )
    answer = _answer(facts)
    draft = _draft(facts, answer, reply.text)
    _fill(draft, facts, answer, knowledge, delayed=False, trace=trace, event=None)
    draft.__class__ = Verdict
    verdict: Verdict = draft
    return verdict


class _Answer(NamedTuple):
    """The final answer: a remote server's reply, else the reporting server's own words."""

    text: str | None
    code: ReplyCode | None
    stated: StatusCode | None  # inside the reply
    final: StatusCode | None
    seen: StatusCode | None  # by rules


def _answer(facts: RecipientFacts) -> _Answer:
    reply, field = facts.reply, facts.status
    if reply is not None and reply.code is not None:
        # Servers write 5.1.1 into Status whatever the remote server said: rules must not believe it.
        return _Answer(reply.text, reply.code, reply.status, reply.status or field, reply.status)
    if reply is not None:
        status = reply.status or field
        return _Answer(reply.text, None, reply.status, status, status)
    if facts.diagnostic is not None:
        return _Answer(facts.diagnostic.text, None, None, field, field or find_status(facts.diagnostic.text))
    return _Answer(None, None, None, field, field)


def _leave_unjudged(draft: Any, advice: Advice | None, knowledge: Knowledge) -> None:  # noqa: ANN401 # a draft
    """The judged half of a verdict where nothing failed, or where the kind of report says all."""
    host = draft.remote_mta
    draft.bounce_type = draft.reason = draft.fault = draft.label = draft.rule = draft.policy = draft.shadowed = None
    draft.advice = advice
    draft.provider = None if host is None else knowledge.provider_of(host)


def _fill(
    draft: Any,  # noqa: ANN401 # a draft
    facts: RecipientFacts,
    answer: _Answer,
    knowledge: Knowledge,
    *,
    delayed: bool,
    trace: bool,
    event: Event | None,
    told: Told | None = None,
) -> None:
    """The judged half of a verdict."""
    text, code, _, final, seen = answer
    command = draft.command
    find = knowledge.trace if trace else knowledge.find
    match = find(
        _masked(text, facts) if text else "",
        ABSENT if code is None else code,
        status_key(seen),
        command,
        draft.remote_mta,
    )
    reason = _reason(match, facts, answer)
    if told is not None:
        reason = _heard(told, reason, answer)
    draft.reason, draft.fault = reason, reason.fault
    draft.expired = expired = facts.expired or reason is _EXPIRED
    draft.provider, draft.shadowed = match.provider, match.shadowed
    draft.rule = match.ref if match.rule is not None and match.rule.reason is reason else None
    draft.label = draft.policy = None
    if delayed:
        draft.bounce_type, draft.advice = _SOFT, Advice.NONE
        return
    if code is not None:
        # Some servers wait in vain after a 5yz greeting, as RFC 5321 3.1 lets them: it is permanent all the same.
        transient = _TRANSIENT <= code < _PERMANENT
    elif reason is _DOMAIN_UNKNOWN and text and _NXDOMAIN in text.lower():
        transient = False
    else:  # a queue that gave up saw a temporary failure
        transient = expired or (final is not None and final.class_ == _PERSISTENT)
    bounce_type, advice = (
        _default(reason, transient) if told is None else _default_as_told(told, reason, answer, transient=transient)
    )
    if knowledge.policy_table.policies:
        number = ABSENT if code is None else int(code)
        if number == _TOO_MANY and reason is Reason.TOO_MANY_RECIPIENTS:
            number = _TAKEN_AS
        failure = Failure(reason, number, status_key(final), match.provider, command, expired, *_labels(event))
        found = knowledge.policy_table.match(failure)
        if found is not None:
            policy, draft.policy = found
            draft.label = policy.label
            bounce_type, advice = _ordered(policy, bounce_type, advice)
    draft.bounce_type, draft.advice = bounce_type, advice


def _labels(event: Event | None) -> tuple[str | None, str | None, str | None]:
    """What policies see of an event: its service, its class, and both classes as ``class/subclass``."""
    if event is None:
        return None, None, None
    class_ = event.class_.casefold() if event.class_ else None
    return event.service.casefold(), class_, f"{class_ or ''}/{event.subclass.casefold()}" if event.subclass else class_


def _masked(text: str, facts: RecipientFacts) -> str:
    """`text` without the recipient's address, whose words must not decide: ``<blacklist@example.org>``."""
    if "@" in text:
        for address in (facts.recipient, facts.original_recipient):
            if address:
                text = _without(address, text)
    return text


def _without(address: str, text: str) -> str:
    if address in text:
        return text.replace(address, "<>")
    folded, address = text.casefold(), address.casefold()
    return folded.replace(address, "<>") if address in folded else text


def _reason(match: Match, facts: RecipientFacts, answer: _Answer) -> Reason:
    """What the rule says; but a queue that gave up without showing an answer expired, whatever its Status says."""
    reason = Reason.UNDEFINED if match.rule is None else match.rule.reason
    if facts.expired and answer.code is None and (reason is Reason.UNDEFINED or not answer.text):
        return Reason.EXPIRED
    return reason


def _heard(told: Told, reason: Reason, answer: _Answer) -> Reason:
    """The reason of the class where the answer gives none, or where there is none but the service's own words."""
    if told.reason is not None and (
        reason is Reason.UNDEFINED or (told.prose and answer.code is None and answer.seen is None)
    ):
        return told.reason
    return reason


def _default_as_told(told: Told, reason: Reason, answer: _Answer, *, transient: bool) -> tuple[BounceType, Advice]:
    """What follows without a policy where a service's class stands besides the answer, or instead of it."""
    if answer.code is None and answer.final is None and told.temporary is not None:
        transient = told.temporary
    if reason is not Reason.UNDEFINED or told.bounce_type is None:
        return _default(reason, transient)
    if told.bounce_type is BounceType.HARD and not transient:
        return BounceType.HARD, Advice.SUPPRESS
    if told.bounce_type is BounceType.SOFT:
        return BounceType.SOFT, Advice.RETRY
    return _default(reason, transient)


def _default(reason: Reason, transient: bool) -> tuple[BounceType, Advice]:  # noqa: FBT001 # a fact, not a switch
    """What follows without a policy: an address that failed for the moment may be good tomorrow."""
    if transient and reason.fault is Fault.ADDRESS:
        return BounceType.SOFT, Advice.RETRY
    return reason.bounce_type, reason.advice


def _ordered(policy: Policy, bounce_type: BounceType, advice: Advice) -> tuple[BounceType, Advice]:
    """What `policy` makes of the defaults. A new bounce type brings its advice along unless the policy states one."""
    wanted = policy.bounce_type or bounce_type
    if policy.advice is not None:
        return wanted, policy.advice
    if wanted is bounce_type:
        return wanted, advice
    if wanted is BounceType.HARD:
        return wanted, Advice.SUPPRESS
    if wanted is BounceType.UNDETERMINED:
        return wanted, Advice.REVIEW
    return wanted, Advice.RETRY if advice is Advice.SUPPRESS else advice


def _agree(answer: _Answer, field: StatusCode | None) -> bool:
    """Whether there is nothing that could be in conflict: no field, or the same as in the reply."""
    stated, code = answer.stated, answer.code
    if stated is None:
        return field is None
    return (field is None or field is stated) and (code is None or stated.class_ == code // 100)


def _conflicts(answer: _Answer, field: StatusCode | None) -> tuple[str, ...]:
    """Where the ``Status`` field, the reply's code and the status inside the reply contradict each other."""
    code, stated = answer.code, answer.stated
    found: list[str] = []
    if field is not None and stated is not None and field != stated and not _is_vaguer(field, stated):
        found.append(f"Status {field} but the reply says {stated}")
    elif field is not None and stated is None and code is not None and field.class_ != code // 100:
        found.append(f"Status {field} but the reply says {int(code)}")
    if stated is not None and code is not None and stated.class_ != code // 100:
        found.append(_differ(code, stated))
    return tuple(found)


def _differ(code: ReplyCode | None, status: StatusCode | None) -> str:
    return f"The reply's code {code} and its status {status} differ in class"


def _is_vaguer(field: StatusCode, stated: StatusCode) -> bool:
    """Whether `field` is X.0.0 of the same class, which many servers write whatever happened."""
    return field.class_ == stated.class_ and field.subject == field.detail == 0


# A frozen dataclass takes seven times as long to fill as the same slots without its guard. So a verdict is written as a
# draft, which becomes one when it is full.
class _VerdictDraft(Identified):
    __slots__ = Verdict.__slots__


def _draft(facts: RecipientFacts, answer: _Answer, identity: str) -> Any:  # noqa: ANN401 # half a verdict
    """The half of a verdict that is facts; the other half is judged."""
    draft: Any = _VerdictDraft()
    reply, field = facts.reply, facts.status
    draft.recipient = facts.recipient
    draft.original_recipient = facts.original_recipient
    draft.action = facts.action
    draft.expired = facts.expired
    draft.reply, draft.reply_code, stated, draft.status, _ = answer
    draft.status_from = None if draft.status is None else _FROM_FIELD if stated is None else _FROM_REPLY
    draft.reported_status = field
    draft.command = facts.command or (None if reply is None else reply.command)
    draft.remote_mta = facts.remote_mta
    draft.conflicts = facts.conflicts
    if not _agree(answer, field):
        draft.conflicts += _conflicts(answer, field)
    draft.last_attempt_date = facts.last_attempt_date
    draft.will_retry_until = facts.will_retry_until
    draft.vendor_code = facts.vendor_code
    draft.key = None  # made of this when it is asked for
    draft._identity = identity  # noqa: SLF001 # of this very draft
    draft.evidence = facts.evidence
    draft.field_block = facts.field_block
    return draft


def _plain_verdict(read: Read, knowledge: Knowledge, host: str | None, recipient: str | None) -> Verdict:
    """What :func:`judge` makes of nothing but a reply where there are no policies, in a third of the time."""
    code, status, text, command = read
    seen = _without(recipient, text) if recipient and "@" in text else text
    if status is None:
        key = class_ = ABSENT
    else:
        class_ = status.class_
        key = class_ * 1_000_000 + status.subject * 1_000 + status.detail  # status_key(), without a call
    rule, ref, provider, _ = knowledge.find(seen, ABSENT if code is None else code, key, command, host)
    reason = _UNDEFINED if rule is None else rule.reason
    fault = reason.fault
    draft: Any = _VerdictDraft()
    draft.conflicts = ()
    draft.expired = expired = reason is _EXPIRED
    if code is None:
        transient = expired or class_ == _PERSISTENT
    else:
        replied = code // 100
        transient = replied == _PERSISTENT
        if status is not None and class_ != replied:
            draft.conflicts = (_differ(code, status),)
    if transient and fault is _ADDRESS:
        draft.bounce_type, draft.advice = _SOFT, _RETRY
    else:
        draft.bounce_type, draft.advice = reason.bounce_type, reason.advice
    draft.recipient, draft.reason, draft.fault = recipient, reason, fault
    draft.status, draft.reply_code, draft.reply, draft.command = status, code, text, command
    draft.status_from = None if status is None else _FROM_REPLY
    draft.remote_mta, draft.provider, draft.rule = host, provider, ref
    draft.original_recipient = draft.action = draft.label = draft.reported_status = draft.policy = None
    draft.shadowed = draft.last_attempt_date = draft.will_retry_until = draft.vendor_code = None
    draft.evidence = ()
    draft.field_block = ""
    draft.key = None
    draft._identity = text  # noqa: SLF001 # of this very draft
    draft.__class__ = Verdict
    verdict: Verdict = draft
    return verdict
