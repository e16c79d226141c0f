"""Turn facts plus knowledge into a verdict: the final status, the reason, and what follows from it.

Every decision is a function of :mod:`undeliverable._verdicts.decisions`. `judge` applies them to the facts of a report.
`judge_read` judges a reply that no report surrounds; without policies it fills in the verdict directly and asks the same
functions, whose results it remembers, since all replies share few reasons, codes and statuses.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from undeliverable._rules.conditions import ABSENT, status_by_key, status_key
from undeliverable._rules.meaning import NO_DOUBTS
from undeliverable._smtp.replies import says_no_recipients
from undeliverable._verdicts.decisions import (
    Answer,
    ServiceClass,
    answer_of,
    conflicts_of,
    consequence,
    failure_of,
    has_expired,
    is_success,
    masked,
    ordered,
    reason_of,
    status_from,
)
from undeliverable._verdicts.guards import AFTER_RCPT, GUARDED, Finding, check
from undeliverable._verdicts.mailed import advice_for_mailed, mailed
from undeliverable.codes import ReplyCode, StatusCode
from undeliverable.model import Action, Command, Event, Protocol, RecipientFacts, Reply, Witness
from undeliverable.reasons import Advice, BounceType, Fault, Reason
from undeliverable.verdict import Identified, Kind, StatusFrom, Verdict

if TYPE_CHECKING:
    from typing import TypeAlias

    from undeliverable._rules.rule import Match, Ruling
    from undeliverable._smtp.replies import Read
    from undeliverable.knowledge import Knowledge

    _Question: TypeAlias = tuple[str, int, int, Command | None, str | None]
    """What rules are asked: text, code and status key (0: none), command and host."""

__all__ = ["ServiceClass", "judge", "judge_read", "judge_reply"]

_ARRIVED: Final = frozenset((Action.DELIVERED, Action.RELAYED, Action.EXPANDED))
# Kinds of report that are not failures: the advice follows from the kind alone.
_BY_KIND: Final = {
    Kind.COMPLAINT: Advice.SUPPRESS,
    Kind.SUPPRESSED: Advice.SUPPRESS,
    Kind.UNSUBSCRIBED: Advice.SUPPRESS,
    Kind.AUTO_REPLY: Advice.NONE,
    Kind.CHALLENGE: Advice.NONE,
    Kind.DISPOSITION: Advice.NONE,
}
_NEGATIVE: Final = 400  # RFC 5321 4.2.1: 4yz and 5yz
_REMEMBERED: Final = 1_024  # combinations of reason, code and status; real mail has a few hundred


def judge(
    facts: RecipientFacts,
    knowledge: Knowledge,
    *,
    identity: str,
    kind: Kind | None = None,
    trace: bool = False,
    event: Event | None = None,
    by_class: ServiceClass | None = None,
) -> Verdict:
    """Return the verdict on one recipient.

    :param identity: what names the message: its Message-ID, its envelope id, or a digest of the report.
    :param kind: the kind of report; complaints, automatic replies and the like have no reason.
    :param event: the notification of an e-mail service that the facts are from; policies may ask for its service.
    :param by_class: how that service classified the failure.
    """
    answer = answer_of(facts)
    draft = _draft(facts, answer, identity, knowledge)
    action = facts.action
    if action in _ARRIVED or kind in _BY_KIND:
        _leave_unjudged(draft, None if action in _ARRIVED or kind is None else _BY_KIND[kind], knowledge)
    elif is_success(answer):
        _leave_unjudged(draft, Advice.NONE, knowledge)
    else:
        delayed = action is Action.DELAYED or (action is None and kind is Kind.DELAY)
        _fill(draft, facts, answer, knowledge, delayed=delayed, trace=trace, event=event, by_class=by_class)
    draft.__class__ = Verdict
    verdict: Verdict = draft
    return verdict


def judge_reply(
    reply: Reply, knowledge: Knowledge, *, host: str | None, recipient: str | None, trace: bool = False
) -> Verdict:
    """Return the verdict on a reply that no report surrounds."""
    return judge_read((reply.code, reply.status, reply.text, reply.command), knowledge, host, recipient, trace=trace)


def judge_read(
    read: Read,
    knowledge: Knowledge,
    host: str | None,
    recipient: str | None,
    *,
    trace: bool,
    protocol: Protocol | None = None,
) -> Verdict:
    """Return the verdict on a parsed reply that no report surrounds."""
    if not trace and not knowledge.policy_table.policies and (read[0] is None or read[0] >= _NEGATIVE):
        return _reply_verdict(read, knowledge, host, recipient, protocol)
    reply = Reply(*read)
    facts = RecipientFacts(
        witness=Witness.REPLY,
        recipient=recipient,
        reply=reply,
        command=reply.command,
        remote_mta=host,
        protocol=protocol,
    )
    return judge(facts, knowledge, identity=reply.text, trace=trace)


# A frozen dataclass takes seven times as long to fill as the same slots without its guard. So a verdict is written as a
# draft, which becomes one when it is full.
class _VerdictDraft(Identified):
    __slots__ = Verdict.__slots__


def _draft(facts: RecipientFacts, answer: Answer, identity: str, knowledge: Knowledge) -> Any:  # noqa: ANN401 # half a verdict
    """Return the half of a verdict that is facts; the other half is judged."""
    draft: Any = _VerdictDraft()
    reply = facts.reply
    draft.recipient = facts.recipient
    draft.original_recipient = facts.original_recipient
    draft.action = facts.action
    draft.expired = facts.expired
    draft.reply, draft.reply_code, _, draft.status, _ = answer
    draft.status_from = status_from(answer)
    draft.reported_status = facts.status
    draft.command = facts.command or (None if reply is None else reply.command)
    draft.remote_mta = facts.remote_mta
    draft.conflicts = facts.conflicts + conflicts_of(answer, facts.status)
    draft.last_attempt_date = facts.last_attempt_date
    draft.will_retry_until = facts.will_retry_until
    draft.vendor_code = facts.vendor_code or knowledge.vendor_code_in  # found when it is first asked for
    draft.key = None  # computed from the identity when it is first asked for
    draft._identity = identity  # noqa: SLF001 # of this very draft
    draft.evidence = facts.evidence
    draft.field_block = facts.field_block
    draft.details = knowledge.details_of  # read when they are first asked for
    draft.sent_to = facts.recipient if facts.original_recipient is None else mailed(facts)
    draft.confidence = knowledge.second.confidence_of
    draft.proof = draft.provider_from = draft.message_advice = draft.applies_to = None
    draft.set_by = ()
    return draft


def _leave_unjudged(draft: Any, advice: Advice | None, knowledge: Knowledge) -> None:  # noqa: ANN401 # a draft
    """Fill in the judged half of a verdict where nothing failed, or where the kind of report says all."""
    host = draft.remote_mta
    draft.bounce_type = draft.reason = draft.fault = draft.label = draft.rule = draft.policy = draft.shadowed = None
    draft.advice, draft.confidence = advice, None
    draft.provider = None if host is None else knowledge.provider_of(host)


def _fill(
    draft: Any,  # noqa: ANN401 # a draft
    facts: RecipientFacts,
    answer: Answer,
    knowledge: Knowledge,
    *,
    delayed: bool,
    trace: bool,
    event: Event | None,
    by_class: ServiceClass | None,
) -> None:
    """Fill in the judged half of a verdict."""
    question = _question(draft, answer)
    match = knowledge.trace(*question) if trace else knowledge.find(*question)
    if by_class is not None:
        match = match._replace(advised=None)  # the service knows more than its reply shows
    reason = reason_of(None if match.rule is None else match.rule.reason, answer, by_class, gave_up=facts.expired)
    step = _step(draft.command, facts.protocol)
    ruling = _ruling(match, reason, answer.code, answer.seen, step, question, knowledge)
    if ruling is not None:
        reason = ruling.reason
        draft.conflicts += () if ruling.why is None else (ruling.why,)
        if match.ref is not None and match.shadowed is not None:
            match = match._replace(shadowed=(match.ref, *match.shadowed))
    draft.reason, draft.fault = reason, reason.fault
    draft.expired = expired = has_expired(reason, gave_up=facts.expired)
    draft.provider, draft.shadowed = match.provider, match.shadowed
    draft.rule = match.ref if match.rule is not None and match.rule.reason is reason else ruling and ruling.ref
    draft.label = draft.policy = None
    if delayed:
        draft.bounce_type, draft.advice = BounceType.SOFT, Advice.NONE
        return
    temporary = match.doubts.temporary is not None
    bounce_type, advice = consequence(reason, answer, by_class, expired=expired, temporary=temporary)
    if knowledge.policy_table.policies:
        found = knowledge.policy_table.match(
            failure_of(reason, answer, match.provider, draft.command, event, expired=expired)
        )
        if found is not None:
            policy, draft.policy = found
            draft.label = policy.label
            bounce_type, advice = ordered(policy, bounce_type, advice)
    draft.bounce_type = bounce_type
    draft.advice = advice if facts.original_recipient is None else advice_for_mailed(facts, advice)


def _question(draft: Any, answer: Answer) -> _Question:  # noqa: ANN401 # a draft
    """Return what the rules are asked about an answer."""
    text, code = answer.text, answer.code
    return (
        masked(text, draft.recipient, draft.original_recipient) if text else "",
        ABSENT if code is None else code,
        status_key(answer.seen),
        draft.command,
        draft.remote_mta,
    )


def _step(command: Command | None, protocol: Protocol | None) -> Command | None:
    """Return the step of the session that guards go by: LMTP answers the end of DATA for each recipient, like RCPT."""
    return Command.RCPT if protocol is Protocol.LMTP and command is Command.END_OF_DATA else command


def _ruling(
    match: Match,
    reason: Reason,
    code: ReplyCode | None,
    status: StatusCode | None,
    command: Command | None,
    question: _Question,
    knowledge: Knowledge,
) -> Ruling | None:
    """Return what the guards decide instead of the reason that a rule found, or a second opinion; None if it stands.

    :param command: the step of the session, as :func:`_step` gives it.
    :param question: what the rules were asked; they may be asked again.
    """
    rule, advised = match.rule, match.advised
    if reason is not (Reason.UNDEFINED if rule is None else rule.reason):
        return None  # the queue's or the service's own
    if rule is None or not rule.blames_recipient:
        return advised
    if match.doubts is NO_DOUBTS and command not in GUARDED:
        return advised
    if command in AFTER_RCPT and match.doubts.hedge is None and says_no_recipients(question[0]):
        return advised  # it answered RCPT, which the client read after it had sent DATA: RFC 2920 3.1
    text, number, _, asked, host = question
    ruling = check(
        Finding(
            match=match,
            reason=reason,
            code=code,
            status=status,
            command=command,
            other=lambda: knowledge.other_reason(*question),
            unstated=lambda: knowledge.find(text, number, ABSENT, asked, host),
        )
    )
    return advised if ruling is None else ruling


class _Decided(NamedTuple):
    """The decisions on a reply that depend on nothing but its rule's reason, its code and its status."""

    reason: Reason
    fault: Fault
    expired: bool
    bounce_type: BounceType
    advice: Advice
    status_from: StatusFrom | None
    conflicts: tuple[str, ...]


@lru_cache(maxsize=_REMEMBERED)
def _decided(by_rule: Reason | None, code: ReplyCode | None, key: int, temporary: bool, why: str | None) -> _Decided:  # noqa: FBT001 # a key
    """Decide on a reply.

    :param key: its status as :func:`status_key` gives it, which is found faster than the status.
    :param temporary: whether its words call the failure temporary.
    :param why: why a guard gave another reason than the rule, or None.
    """
    status = status_by_key(key)
    answer = Answer(None, code, status, status, status)
    reason = reason_of(by_rule, answer, None, gave_up=False)
    expired = has_expired(reason, gave_up=False)
    bounce_type, advice = consequence(reason, answer, None, expired=expired, temporary=temporary)
    conflicts = conflicts_of(answer, None) + (() if why is None else (why,))
    return _Decided(reason, reason.fault, expired, bounce_type, advice, status_from(answer), conflicts)


def _reply_verdict(
    read: Read, knowledge: Knowledge, host: str | None, recipient: str | None, protocol: Protocol | None
) -> Verdict:
    """Return what :func:`judge` makes of a reply alone where there are no policies, in a third of the time."""
    code, status, text, command = read
    seen = masked(text, recipient) if recipient else text
    key = status_key(status)
    question = seen, ABSENT if code is None else code, key, command, host
    match = knowledge.find(*question)
    rule, ref, provider, _, doubts, advised = match
    reason, why = None if rule is None else rule.reason, None
    if advised is not None or (rule is not None and (doubts is not NO_DOUBTS or command in GUARDED)):
        found = reason or Reason.UNDEFINED
        ruling = _ruling(match, found, code, status, _step(command, protocol), question, knowledge)
        if ruling is not None:
            ref = ref if ruling.reason is found else ruling.ref
            reason, why, _ = ruling
    draft: Any = _VerdictDraft()
    (
        draft.reason,
        draft.fault,
        draft.expired,
        draft.bounce_type,
        draft.advice,
        draft.status_from,
        draft.conflicts,
    ) = _decided(reason, code, key, doubts.temporary is not None, why)
    draft.recipient, draft.remote_mta, draft.provider, draft.rule = recipient, host, provider, ref
    draft.status, draft.reply_code, draft.reply, draft.command = status, code, text, command
    draft.original_recipient = draft.action = draft.label = draft.reported_status = draft.policy = None
    draft.confidence = knowledge.second.confidence_of
    draft.proof = draft.provider_from = draft.message_advice = draft.applies_to = None
    draft.sent_to = recipient
    draft.set_by = ()
    draft.shadowed = draft.last_attempt_date = draft.will_retry_until = None
    draft.vendor_code = knowledge.vendor_code_in
    draft.evidence = ()
    draft.field_block = ""
    draft.key = None
    draft._identity = text  # noqa: SLF001 # of this very draft
    draft.details = knowledge.details_of
    draft.__class__ = Verdict
    verdict: Verdict = draft
    return verdict
