"""Merge what all witnesses say of one recipient into one :class:`RecipientFacts`.

A witness is a source within the report: its fields, its words, a header, a transcript. Which one names the recipients,
and which reply counts, stands in two tables: they decide what to believe if ``Status`` says 5.0.0, the words 5.1.1 and
the transcript 450.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from undeliverable._dsn.fields import DiagnosticReader
from undeliverable._smtp.replies import answered_command, is_cause, is_expired, last_attempt, parse_reply
from undeliverable.codes import StatusCode
from undeliverable.model import Action, Command, Diagnostic, Evidence, RecipientFacts, Reply, Witness
from undeliverable.model._made import make_facts

__all__ = ["LEADERS", "REPLY_WITNESSES", "diagnostic_reader", "merge", "read_diagnostic"]

# Which witness names the recipients when several do: the first that names any.
#   field      "Final-Recipient: rfc822; kim@example.org": the reporting server's own list (RFC 3464 2.3.2)
#   words      "<kim@example.org>: host mx.example.org said: ...": a described format
#   header     "X-Failed-Recipients: kim@example.org": complete, but without a cause
#   dialogue   ">>> RCPT TO:<kim@example.org>": also names recipients that were merely deferred
LEADERS: Final = (Witness.FIELD, Witness.WORDS, Witness.HEADER, Witness.DIALOGUE)

# Whose reply is the final one when several have one: the first that holds a reply code.
#   dialogue   "<<< 550-5.1.1 ..." is the reply itself, all its lines; a Diagnostic-Code beside it often holds the first
#              line only, or what merely followed ("503 RCPT first", "221 Bye")
#   field      "Diagnostic-Code: smtp; 550 5.1.1 ..." is marked as a reply (RFC 3464 2.3.6)
#   words      "host mx.example.org said: 550 5.1.1 ..." is the same, refolded for people
REPLY_WITNESSES: Final = (Witness.DIALOGUE, Witness.FIELD, Witness.WORDS, Witness.HEADER)


_TRANSCRIPT: Final = "\n>>> "
"""What a text with a transcript contains, whose reader knows better what was answered."""
_WORDS: Final = 2_048  # characters of a server's own words about one recipient
_COMPANY: Final = 16  # further witnesses per recipient, and of all; more cost time and add nothing


def merge(partials: Sequence[RecipientFacts], remarks: list[str]) -> tuple[RecipientFacts, ...]:
    """Return one merged :class:`RecipientFacts` per recipient, in the order in which the leading witness names them.

    :param partials: what the readers found, in any order; facts without a recipient hold for every recipient.
    :param remarks: gets what could not be tied to any recipient.
    """
    company = _company_of_one(partials)
    if company:
        return (_combine(company),)
    shared = [facts for facts in partials if facts.recipient is None]
    leader = _leader(partials)
    if leader is None:
        return (_combine(shared),) if shared else ()
    if leader is Witness.FIELD:
        shared = _not_fields(shared, remarks)
    leading = _unrepeated([facts for facts in partials if facts.witness is leader and facts.recipient is not None])
    others = [facts for facts in partials if facts.witness is not leader and facts.recipient is not None]
    if len(leading) == 1:
        return (_combine([leading[0], *_of_the_only_one(leading[0], others), *shared]),)
    return _combine_each(leading, others, shared[:_COMPANY], remarks)


def _not_fields(shared: list[RecipientFacts], remarks: list[str]) -> list[RecipientFacts]:
    """Return shared facts without fields: a group without recipient, among others that name theirs, is somebody else's."""
    others = [facts for facts in shared if facts.witness is not Witness.FIELD]
    if len(others) < len(shared):
        remarks.append("a group of fields that names no recipient, among others that do, was passed over")
    return others


def _company_of_one(partials: Sequence[RecipientFacts]) -> list[RecipientFacts]:
    """Return all partials if they concern one recipient, shared facts last; otherwise an empty list.

    Most reports are like that: there is one partial, or the fields name one recipient and nothing names another.
    """
    if len(partials) < 2:
        return list(partials)
    first, *others = partials
    if first.witness is not Witness.FIELD or first.recipient is None:
        return []
    named, shared = [first], list[RecipientFacts]()
    for facts in others:
        if facts.witness is Witness.FIELD:
            return []
        if facts.recipient is None:
            shared.append(facts)
        elif facts.recipient == first.recipient:
            named.append(facts)
        else:
            return []
    return named + shared


def _leader(partials: Iterable[RecipientFacts]) -> Witness | None:
    naming = {facts.witness for facts in partials if facts.recipient is not None}
    return next((witness for witness in LEADERS if witness in naming), None)


def _unrepeated(leading: list[RecipientFacts]) -> list[RecipientFacts]:
    """Return each recipient once: the entry that says most."""
    if len(leading) < 2:
        return leading
    chosen: dict[str, RecipientFacts] = {}
    for facts in leading:
        name = _canonical(facts.recipient)
        before = chosen.get(name)
        if before is None or (_weight(facts) > _weight(before)):
            chosen[name] = facts
        elif facts.action is before.action and before.witness is Witness.WORDS:
            chosen[name] = replace(before, diagnostic=_joined(before.diagnostic, facts.diagnostic))
    return list(chosen.values())


def _joined(words: Diagnostic | None, more: Diagnostic | None) -> Diagnostic | None:
    """Return the words of both places in which a text names a recipient, unless one of them is a reply."""
    if words is None or more is None or words.type or more.type or len(words.text) >= _WORDS:
        return words
    return Diagnostic("", f"{words.text} {more.text}"[:_WORDS])


def _weight(facts: RecipientFacts) -> tuple[bool, bool, bool, bool]:
    """Return how much facts say: a failure outweighs a delay, an entry with a reply one without."""
    words = facts.diagnostic
    is_reply = words is not None and words.type == "smtp"  # RFC 3464 2.3.6
    return (facts.action in (None, Action.FAILED), _has_code(facts), is_reply, words is not None)


def _has_code(facts: RecipientFacts) -> bool:
    return facts.reply is not None and facts.reply.code is not None


def _of_the_only_one(leading: RecipientFacts, others: list[RecipientFacts]) -> list[RecipientFacts]:
    """Return what other witnesses say if the report is about one recipient.

    Facts that name it count. If none does, those that name one single other address count too: it is the alias that
    the mail was sent to, or where it was forwarded.
    """
    if not others:
        return others
    names = _names(leading)
    same = [facts for facts in others if names & _names(facts)]
    if same:
        return same
    return others if len({_canonical(facts.recipient) for facts in others}) == 1 else []


def _combine_each(
    leading: list[RecipientFacts], others: list[RecipientFacts], shared: list[RecipientFacts], remarks: list[str]
) -> tuple[RecipientFacts, ...]:
    by_name: dict[str, list[RecipientFacts]] = {}
    for facts in others:
        for name in _names(facts):
            company_of = by_name.setdefault(name, [])
            if len(company_of) < _COMPANY:
                company_of.append(facts)
    merged: list[RecipientFacts] = []
    for facts in leading:
        company = {id(found): found for name in sorted(_names(facts)) for found in by_name.get(name, ())}
        merged.append(_combine([facts, *company.values(), *shared]))
    known = {name for facts in leading for name in _names(facts)}
    lost = sorted(
        {facts.recipient or "" for facts in others if facts.witness is Witness.WORDS and not _names(facts) & known}
    )
    if lost:
        remarks.append(f"the text also names {', '.join(lost[:3])}, of which the report's fields know nothing")
    return tuple(merged)


def _names(facts: RecipientFacts) -> set[str]:
    return {_canonical(name) for name in (facts.recipient, facts.original_recipient) if name}


def _canonical(address: str | None) -> str:
    return (address or "").strip("<> ").lower()


def read_diagnostic(words: str, command: Command | None) -> tuple[Reply | None, bool]:
    """Return the reply in a ``Diagnostic-Code``, or None, and whether it says that the queue gave up.

    :param command: the command that the reply answered, if the report says so elsewhere.
    """
    reply = parse_reply(words, command)
    if (reply.code is None and reply.status is None) or not _is_negative(reply):
        return None, is_expired(words)
    expired = is_expired(reply.text)
    return (last_attempt(reply) if expired else reply), expired


def diagnostic_reader(text: str) -> DiagnosticReader:
    """Return what reads the reply in a ``Diagnostic-Code``.

    Which command it answered is read from `text`, if there is one recipient.
    """

    def read_reply(words: str, alone: bool) -> tuple[Reply | None, bool]:  # noqa: FBT001 - a fact, not a switch
        return read_diagnostic(words, answered_command(text) if alone and _TRANSCRIPT not in text else None)

    return read_reply


class _Statement(NamedTuple):
    """What one witness says of one recipient, its words read as a reply if they are one."""

    witness: Witness
    reply: Reply | None
    words: Diagnostic | None
    expired: bool
    evidence: tuple[Evidence, ...]


def _combine(company: list[RecipientFacts]) -> RecipientFacts:
    """Return all that `company` says of one recipient; the first of it is the leading witness."""
    first = company[0]
    if len(company) == 1:
        # The reply in a field has been read already, see read_diagnostic.
        return first if first.witness is Witness.FIELD else _alone(first)
    statements = [_read_words(facts) for facts in company]
    reply, evidence = _final_reply(statements)
    status: StatusCode | None = _first(company, "status")
    return make_facts(
        first.witness,
        recipient=first.recipient,
        original_recipient=_original(company),
        action=_first(company, "action"),
        status=status,
        reply=reply,
        diagnostic=_own_words(statements, status),
        command=_command(company, statements, reply),
        remote_mta=_first(company, "remote_mta"),
        expired=any(one.expired for one in statements),
        last_attempt_date=_first(company, "last_attempt_date"),
        will_retry_until=_first(company, "will_retry_until"),
        vendor_code=_first(company, "vendor_code"),
        evidence=evidence or first.evidence,
        conflicts=_disagreements(statements, reply),
        field_block=first.field_block or next((facts.field_block for facts in company if facts.field_block), ""),
        protocol=_first(company, "protocol"),
    )


def _own_words(statements: list[_Statement], status: StatusCode | None) -> Diagnostic | None:
    """Return the first words that are no reply.

    Those in the text for people count less than a ``Status`` that names a cause: they may be a footer or a disclaimer.
    """
    is_explained = is_cause(status)
    said = [one for one in statements if one.words is not None and not (is_explained and one.witness is Witness.WORDS)]
    if not said or said[0].witness is not Witness.WORDS:
        return said[0].words if said else None
    found = said[0].words
    description = _description(said[0])
    for one in said[1:]:  # what the text says elsewhere of the same recipient
        found = _joined(found, one.words) if description and _description(one) == description else found
    return found


def _description(one: _Statement) -> str:
    """Return the name of the description by which words were read, or an empty string."""
    return (one.evidence[0].pattern or "").partition(".")[0] if one.evidence else ""


def _alone(facts: RecipientFacts) -> RecipientFacts:
    """Return what the only witness says of a recipient."""
    one = _read_words(facts)
    reply = one.reply if one.reply is not None and _is_negative(one.reply) else None
    return make_facts(
        facts.witness,
        recipient=facts.recipient,
        original_recipient=_original([facts]),
        action=facts.action,
        status=facts.status,
        reply=reply,
        diagnostic=one.words,
        command=_command([facts], [one], reply),
        remote_mta=facts.remote_mta,
        expired=one.expired,
        last_attempt_date=facts.last_attempt_date,
        will_retry_until=facts.will_retry_until,
        vendor_code=facts.vendor_code,
        evidence=facts.evidence,
        protocol=facts.protocol,
    )


def _first(company: list[RecipientFacts], name: str) -> Any:  # noqa: ANN401 - of whatever type the attribute is
    """Return the first value of attribute `name` that any witness gives, or None."""
    for facts in company:
        value = getattr(facts, name)
        if value is not None:
            return value
    return None


def _read_words(facts: RecipientFacts) -> _Statement:
    words, reply = facts.diagnostic, facts.reply
    if reply is None and words is not None:
        found = parse_reply(words.text, facts.command)
        if found.code is not None or found.status is not None:
            reply = found if found.command is not None else _with_command(found, words.text)
    if reply is None or reply.code is not None:
        words = words if reply is None else None
    text = reply.text if reply is not None else words.text if words is not None else ""
    expired = facts.expired or is_expired(text)
    if expired and reply is not None:
        reply = last_attempt(reply)
    return _Statement(facts.witness, reply, words, expired, facts.evidence)


def _with_command(reply: Reply, words: str) -> Reply:
    """Return `reply` with the command that it answered, as the words around it say."""
    command = answered_command(words)
    return reply if command is None else Reply(reply.code, reply.status, reply.text, command)


def _final_reply(statements: list[_Statement]) -> tuple[Reply | None, tuple[Evidence, ...]]:
    """Return the reply that decides, and the words that it was read from; see REPLY_WITNESSES."""
    replies = [
        ((one.reply.code is None, REPLY_WITNESSES.index(one.witness)), one.reply, one.evidence)
        for one in statements
        if one.reply is not None and _is_negative(one.reply)
    ]
    if not replies:
        return None, ()
    if len(replies) > 1:
        replies.sort(key=_by_rank)
    _, best, evidence = replies[0]
    for _, reply, words in replies[1:]:
        if best.status is None and reply.status is not None and reply.code == best.code:
            best, evidence = reply, words
    return best, evidence


def _by_rank(ranked: tuple[tuple[bool, int], Reply, tuple[Evidence, ...]]) -> tuple[bool, int]:
    return ranked[0]


def _is_negative(reply: Reply) -> bool:
    """Return whether `reply` can be the cause of a failure: RFC 5321 4.2.1 has 4yz and 5yz for that."""
    return reply.code is None or reply.code >= 400


def _command(company: list[RecipientFacts], statements: list[_Statement], reply: Reply | None) -> Command | None:
    """Return the command that the final reply answered, by the reply itself, else by a witness with the same code."""
    if reply is None:
        return None
    if reply.command is not None:
        return reply.command
    for facts, one in zip(company, statements, strict=True):
        command = facts.command or (one.reply.command if one.reply is not None else None)
        if command is not None and (one.reply is None or one.reply.code == reply.code):
            return command
    return None


def _original(company: list[RecipientFacts]) -> str | None:
    """Return the address that the mail was sent to, if it is another than the one that failed."""
    final = _canonical(company[0].recipient)
    for facts in company:
        for name in (facts.original_recipient, facts.recipient):
            if name is not None and _canonical(name) != final:
                return name
    return None


def _disagreements(statements: list[_Statement], reply: Reply | None) -> tuple[str, ...]:
    """Return in words the replies of other witnesses whose code is of another class than the final reply's."""
    if len(statements) < 2 or reply is None or reply.code is None:
        return ()
    other = [
        f"the {one.witness} has the reply {one.reply.code} but the final one is {reply.code}"
        for one in statements
        if one.reply is not None
        and one.reply.code is not None
        and one.reply.code // 100 != reply.code // 100
        and not one.reply.text.isdecimal()  # the exit code of a program
    ]
    return tuple(dict.fromkeys(other))
