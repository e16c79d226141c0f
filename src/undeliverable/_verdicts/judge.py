"""Turn facts plus knowledge into a verdict: the final status, the reason, and what follows from it.

Every decision is a function of :mod:`undeliverable._verdicts.decisions`. `judge` applies them to the facts of a report.
`judge_read` judges a reply that no report surrounds: it fills in the verdict directly and asks the same
functions, whose results it remembers, since all replies share few reasons, codes and statuses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from undeliverable._rules.comparisons import ABSENT, status_key
from undeliverable._rules.roles import NO_DOUBTS
from undeliverable._smtp.replies import says_no_recipients
from undeliverable._text.record import draft_of
from undeliverable._verdicts.decided import decided
from undeliverable._verdicts.decisions import (
    Answer,
    ServiceClass,
    answer_of,
    conflicts_of,
    consequence,
    has_expired,
    is_success,
    is_transient,
    masked,
    reason_of,
    status_from,
)
from undeliverable._verdicts.guards import AFTER_RCPT, GUARDED, Finding, check
from undeliverable._verdicts.handling import follow, handled, is_delivered
from undeliverable._verdicts.mailed import advice_for_mailed, mailed, spare_unnamed
from undeliverable._verdicts.surroundings import NOWHERE, Surroundings, failure_about, identify
from undeliverable.codes import ReplyCode, StatusCode
from undeliverable.model import Action, Command, Protocol, RecipientFacts, Reply, Witness
from undeliverable.model._made import make_facts, make_reply
from undeliverable.reasons import Advice, BounceType, MessageAdvice, Reason
from undeliverable.verdict import Kind, Proof, Verdict

if TYPE_CHECKING:
    from typing import TypeAlias

    from undeliverable._rules.failure import Caller
    from undeliverable._rules.rule import Match, Ruling
    from undeliverable._smtp.replies import Read
    from undeliverable.knowledge import Knowledge

    _Question: TypeAlias = tuple[str, int, int, Command | None, str | None]
    """What rules are asked: text, code and status key (0: none), command and host."""

__all__ = ["ServiceClass", "Surroundings", "judge", "judge_read", "judge_reply"]

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
_VerdictDraft: Final = draft_of(Verdict)
_NEGATIVE: Final = 400  # RFC 5321 4.2.1: 4yz and 5yz


def judge(
    facts: RecipientFacts,
    knowledge: Knowledge,
    *,
    identity: str,
    kind: Kind | None = None,
    surroundings: Surroundings = NOWHERE,
) -> Verdict:
    """Return the verdict on one recipient.

    :param identity: what names the message: its Message-ID, its envelope id, or a digest of the report.
    :param kind: the kind of report; complaints, automatic replies and the like have no reason.
    :param surroundings: what else is known, of which policies and conditional rules may ask.
    """
    if not knowledge.is_plain:
        knowledge = knowledge.of(surroundings.caller)
    answer = answer_of(facts)
    draft = _draft(facts, answer, identity, knowledge)
    draft.proof, draft.token = surroundings.proof, None
    action = facts.action
    if action in _ARRIVED:
        _leave_unjudged(draft, None, knowledge, surroundings.caller, delivered=True)
    elif kind is not None and kind in _BY_KIND:
        _leave_unjudged(draft, _BY_KIND[kind], knowledge, surroundings.caller, delivered=False)
    elif is_success(answer):
        arrived = is_delivered(answer, _step(draft.command, None))
        _leave_unjudged(draft, Advice.NONE, knowledge, surroundings.caller, delivered=arrived)
    else:
        delayed = action is Action.DELAYED or (action is None and kind is Kind.DELAY)
        _fill(draft, facts, answer, knowledge, surroundings, delayed=delayed)
    return _finished(draft)


def judge_reply(
    reply: Reply,
    knowledge: Knowledge,
    *,
    host: str | None,
    recipient: str | None,
    trace: bool = False,
    caller: Caller | None = None,
) -> Verdict:
    """Return the verdict on a reply that no report surrounds."""
    read = reply.code, reply.status, reply.text, reply.command
    return judge_read(read, knowledge, host, recipient, trace=trace, caller=caller)


def judge_read(
    read: Read,
    knowledge: Knowledge,
    host: str | None,
    recipient: str | None,
    *,
    trace: bool,
    protocol: Protocol | None = None,
    caller: Caller | None = None,
) -> Verdict:
    """Return the verdict on a parsed reply that no report surrounds."""
    alone = knowledge.is_plain
    if not alone:
        knowledge = knowledge.of(caller)
        alone = knowledge.unconditional is knowledge
    if alone and not trace and (read[0] is None or read[0] >= _NEGATIVE):
        return _reply_verdict(read, knowledge, host, recipient, protocol, caller)
    reply = make_reply(*read)
    facts = make_facts(
        Witness.REPLY,
        recipient=recipient,
        reply=reply,
        command=reply.command,
        remote_mta=host,
        protocol=protocol,
    )
    around = Surroundings(trace=trace, caller=caller, proof=Proof.OWN)
    return judge(facts, knowledge, identity=reply.text, surroundings=around)


def _finished(draft: Any) -> Verdict:  # noqa: ANN401 # a draft
    """Return the verdict that a draft becomes."""
    if draft.advice is Advice.SUPPRESS and draft.reason is not None:
        spare_unnamed(draft)
    draft.__class__ = Verdict
    verdict: Verdict = draft
    return verdict


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
    draft.set_by = ()
    return draft


def _leave_unjudged(
    draft: Any,  # noqa: ANN401 # a draft
    advice: Advice | None,
    knowledge: Knowledge,
    caller: Caller | None,
    *,
    delivered: bool,
) -> None:
    """Fill in the judged half of a verdict where nothing failed, or where the kind of report says all."""
    draft.bounce_type = draft.reason = draft.fault = draft.label = draft.rule = draft.policy = draft.shadowed = None
    draft.advice, draft.confidence = advice, None
    draft.message_advice = MessageAdvice.DELIVERED if delivered else None
    draft.applies_to = draft.retry_after = None
    identify(draft, None, knowledge, caller)


def _fill(
    draft: Any,  # noqa: ANN401 # a draft
    facts: RecipientFacts,
    answer: Answer,
    knowledge: Knowledge,
    surroundings: Surroundings,
    *,
    delayed: bool,
) -> None:
    """Fill in the judged half of a verdict."""
    by_class = surroundings.by_class
    question = _question(draft, answer)
    known, match, reason = _found(draft, facts, answer, knowledge, surroundings, question)
    step = _step(draft.command, facts.protocol)
    ruling = _ruling(match, reason, answer.code, answer.seen, step, question, known)
    if ruling is not None:
        reason = ruling.reason
        draft.conflicts += () if ruling.why is None else (ruling.why,)
        if match.ref is not None and match.shadowed is not None:
            match = match._replace(shadowed=(match.ref, *match.shadowed))
    draft._seen = match.seen if question[0] is answer.text else None  # noqa: SLF001 # of this very draft
    draft.reason, draft.fault = reason, reason.fault
    draft.expired = expired = has_expired(reason, gave_up=facts.expired)
    draft.shadowed = match.shadowed
    identify(draft, match.provider, knowledge, surroundings.caller)
    draft.rule = match.ref if match.rule is not None and match.rule.reason is reason else ruling and ruling.ref
    draft.label = draft.policy = None
    temporary = match.doubts.temporary is not None
    transient = is_transient(reason, answer, by_class, expired=expired, temporary=temporary)
    action = Action.DELAYED if delayed else facts.action
    draft.message_advice, draft.applies_to, draft.retry_after = handled(
        reason, answer, step, action, transient=transient, expired=expired
    )
    if delayed:
        draft.bounce_type, draft.advice = BounceType.SOFT, Advice.NONE
        return
    draft.bounce_type, draft.advice = consequence(reason, by_class, transient=transient)
    if not knowledge.is_plain:
        follow(draft, answer, step, question[0], knowledge, surroundings)
    if facts.original_recipient is not None:
        draft.advice = advice_for_mailed(facts, draft.advice)


def _is_statement(facts: RecipientFacts, answer: Answer) -> bool:
    """Return whether a mail system says something in its own words, without a code: to say that mail failed needs no cause."""
    return facts.witness is Witness.WORDS and answer.code is None and answer.seen is None


def _found(
    draft: Any,  # noqa: ANN401 # a draft
    facts: RecipientFacts,
    answer: Answer,
    knowledge: Knowledge,
    surroundings: Surroundings,
    question: _Question,
) -> tuple[Knowledge, Match, Reason]:
    """Return the rule that fits and its reason, and the knowledge with all rules that may apply."""
    known = knowledge.unconditional
    match, reason = _look(known, facts, answer, surroundings, question)
    if known is knowledge:
        return known, match, reason
    identify(draft, match.provider, knowledge, surroundings.caller)
    given = knowledge.given(failure_about(draft, reason, answer, question[0], surroundings))
    if given is known:
        return known, match, reason
    return (given, *_look(given, facts, answer, surroundings, question))


def _look(
    known: Knowledge, facts: RecipientFacts, answer: Answer, surroundings: Surroundings, question: _Question
) -> tuple[Match, Reason]:
    """Return the rule that fits and its reason, by this knowledge."""
    by_class = surroundings.by_class
    match = known.trace(*question) if surroundings.trace else known.find(*question)
    rule = match.rule
    if by_class is not None or (rule is None and _is_statement(facts, answer)):
        match = match._replace(advised=None)  # the service knows more than its reply shows; a statement is no reply
    by_rule = None if rule is None else rule.reason
    if by_class is None and by_rule is not None and not facts.expired:  # as nearly always
        return match, by_rule
    return match, reason_of(by_rule, answer, by_class, gave_up=facts.expired)


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
    if rule is None or not (rule.blames_recipient or match.doubts.hedge):
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


def _reply_verdict(
    read: Read,
    knowledge: Knowledge,
    host: str | None,
    recipient: str | None,
    protocol: Protocol | None,
    caller: Caller | None,
) -> Verdict:
    """Return what :func:`judge` makes of a reply alone, in a third of the time."""
    code, status, text, command = read
    seen = masked(text, recipient) if recipient else text
    key = status_key(status)
    question = seen, ABSENT if code is None else code, key, command, host
    rule, ref, provider, _, doubts, advised, seen_by_rules = match = knowledge.find(*question)
    reason, why = None if rule is None else rule.reason, None
    step = command if protocol is None else _step(command, protocol)
    if advised is not None or (rule is not None and (doubts is not NO_DOUBTS or command in GUARDED)):
        found = reason or Reason.UNDEFINED
        ruling = _ruling(match, found, code, status, step, question, knowledge)
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
        draft.message_advice,
        draft.applies_to,
        draft.retry_after,
    ) = decided(reason, code, key, step, doubts.temporary is not None, why)
    draft.recipient, draft.remote_mta, draft.rule = recipient, host, ref
    draft.provider_from = reader = knowledge.provider_found
    draft.provider = reader if provider is None else provider
    draft.status, draft.reply_code, draft.reply, draft.command = status, code, text, command
    draft.original_recipient = draft.action = draft.label = draft.reported_status = draft.policy = draft.key = None
    draft.token = draft.shadowed = draft.last_attempt_date = draft.will_retry_until = None
    draft.sent_to, draft.set_by, draft.evidence, draft.field_block = recipient, (), (), ""
    draft._identity, draft._seen = text, seen_by_rules if seen is text else None  # noqa: SLF001 # of this very draft
    draft.vendor_code, draft.details = knowledge.vendor_code_in, knowledge.details_of
    draft.confidence, draft.proof = knowledge.second.confidence_of, Proof.OWN
    if caller is not None or not knowledge.is_plain:
        identify(draft, provider, knowledge, caller)
        follow(draft, Answer(text, code, status, status, status), step, seen, knowledge, Surroundings(caller=caller))
    return _finished(draft)
