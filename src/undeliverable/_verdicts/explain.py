"""Explain a verdict to people, by nothing but the verdict itself.

The text begins with the recipient and the consequence. Below stand the facts, the rule with the words of the reply that
it matched, the policy, and what contradicts.
"""

from __future__ import annotations

from collections.abc import Iterator

from undeliverable._rules.conditions import ABSENT
from undeliverable._rules.places import matched_places, trace_visible
from undeliverable.model import Action
from undeliverable.reasons import Reason
from undeliverable.verdict import Details, PolicyRef, RuleRef, StatusFrom, Verdict

__all__ = ["explain"]

_WIDTH = 10  # of the column of names


def explain(verdict: Verdict) -> str:
    """Return the lines of :meth:`undeliverable.verdict.Verdict.explain`."""
    lines = [_headline(verdict)]
    for name, text in _facts(verdict):
        first, *more = text.splitlines() or [""]
        lines.append(f"  {name:<{_WIDTH}} {first}")
        lines += [f"  {'':<{_WIDTH}} {line}" for line in more]
    return "\n".join(lines)


def _headline(verdict: Verdict) -> str:
    who = verdict.recipient or "recipient not named"
    if verdict.reason is None:
        return f"{who}: {verdict.action or 'no failure'}" + (f" -> {verdict.advice}" if verdict.advice else "")
    label = f" [{verdict.label}]" if verdict.label else ""
    return f"{who}: {verdict.bounce_type} ({verdict.reason}) -> {verdict.advice}{label}"


def _facts(verdict: Verdict) -> Iterator[tuple[str, str]]:
    if verdict.sent_to and verdict.sent_to != verdict.recipient:
        yield "sent to", verdict.sent_to
    elif verdict.original_recipient and verdict.original_recipient != verdict.recipient:
        yield "passed on", verdict.original_recipient
    if verdict.action is not None:
        yield "action", str(verdict.action) + (", after the queue gave up" if verdict.expired else "")
    if verdict.reply is not None:
        yield "reply", verdict.reply
    yield from _circumstances(verdict)
    yield from _details(verdict.details)
    yield from _why(verdict)
    for conflict in verdict.conflicts:
        yield "conflict", conflict
    for evidence in verdict.evidence:
        place = f"part {evidence.part}" if evidence.part else "the message"
        offset = f", offset {evidence.offset}" if evidence.offset >= 0 else ""
        yield "evidence", f"{evidence.witness} in {place}{offset}: {_quoted(evidence.text)}"


def _circumstances(verdict: Verdict) -> Iterator[tuple[str, str]]:
    if verdict.status is not None:
        whose = "in the reply" if verdict.status_from is StatusFrom.REPLY else "the reporting server's Status field"
        yield "status", f"{verdict.status}, {whose}"
    if verdict.command is not None:
        yield "command", str(verdict.command)
    if verdict.remote_mta is not None:
        yield "server", verdict.remote_mta + (f" ({verdict.provider})" if verdict.provider else "")
    elif verdict.provider is not None:
        yield "provider", f"{verdict.provider}, by the words of the reply"


def _details(details: Details) -> Iterator[tuple[str, str]]:
    if details.blocklist is not None:
        yield "blocklist", details.blocklist
    if details.auth_mechanism is not None:
        yield "mechanism", f"{details.auth_mechanism} did not pass"
    if details.size_limit is not None:
        yield "size limit", f"{details.size_limit:,} octets"
    if details.retry_after is not None:
        yield "retry", f"after {details.retry_after:,} seconds"
    if details.help_url is not None:
        yield "help", details.help_url


def _why(verdict: Verdict) -> Iterator[tuple[str, str]]:
    if verdict.reason is None:
        return
    yield "why", verdict.reason.meaning
    if verdict.rule is not None:
        yield "rule", _named(verdict.rule)
        for words in _matched(verdict.rule, verdict):
            yield "words", words
    elif verdict.reason is Reason.EXPIRED:
        yield "rule", "none; the queue gave up and no last reply is shown"
    else:
        yield "rule", "none fits"
    if verdict.policy is not None:
        yield "policy", _named(verdict.policy)
    elif verdict.action is Action.DELAYED:
        yield "policy", "none: the reporting server still holds the message"
    else:
        yield "policy", "the reason's own defaults"
    for shadowed in verdict.shadowed or ():
        yield "shadowed", _named(shadowed)


def _named(entry: RuleRef | PolicyRef) -> str:
    lines = [f"{entry.id} ({entry.layer})"]
    if entry.when:
        lines.append(f"when {entry.when}")
    if entry.source:
        lines.append(f"source {entry.source}")
    return "\n".join(lines)


def _matched(rule: RuleRef, verdict: Verdict) -> Iterator[str]:
    """Yield the words of the reply that the rule matched, with their offsets."""
    reply = verdict.reply or ""
    addresses = verdict.recipient, verdict.original_recipient
    seen = trace_visible(reply, verdict.reply_code or ABSENT, addresses)
    for start, end in matched_places(rule.words, None, seen.text):
        yield _placed(reply, *seen.origin(start, end))
    for start, end in matched_places((), rule.pattern, seen.text):
        where = _placed(reply, *seen.origin(start, end)) if end > start else "the reply as a whole"
        yield f"{where}, by its pattern"


def _placed(reply: str, start: int, end: int) -> str:
    return f"{_quoted(reply[start:end])} at offset {start} of the reply"


def _quoted(text: str) -> str:
    shown = " ".join(text.split())
    return f'"{shown if len(shown) <= 160 else shown[:157] + "..."}"'
