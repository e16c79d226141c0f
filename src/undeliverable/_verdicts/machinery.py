"""The machinery behind a verdict, for who writes rules or checks a verdict: by nothing but the verdict itself.

The text begins with the recipient and the consequence. Below stand the facts, the rule with the words of the reply that
it matched, what each clause of the reply is for, the policy, and what contradicts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from undeliverable._rules.confidence import HIGH, view_of
from undeliverable._verdicts.matches import Matches, quoted
from undeliverable.knowledge import Knowledge
from undeliverable.model import Action
from undeliverable.reasons import AppliesTo, Reason
from undeliverable.verdict import UNPROVEN, Details, PolicyRef, Proof, ProviderFrom, RuleRef, StatusFrom, Verdict

__all__ = ["machinery"]

_BY: Final[dict[ProviderFrom | None, str]] = {
    ProviderFrom.WORDS: ", by the words of the reply",
    ProviderFrom.MX: ", by the MX hosts of the recipient's domain",
    ProviderFrom.DOMAIN: ", by the recipient's domain",
}
_ABOUT: Final = {
    AppliesTo.RECIPIENT: "this recipient",
    AppliesTo.MESSAGE: "this message",
    AppliesTo.QUEUE: "all mail from this source to this provider",
}
_WIDTH = 10  # of the column of names


def machinery(verdict: Verdict) -> str:
    """Return what :meth:`undeliverable.verdict.Verdict.explain` adds with ``verbose``."""
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
    yield from _proof(verdict)
    yield from _circumstances(verdict)
    yield from _details(verdict.details)
    yield from _message(verdict)
    yield from _why(verdict)
    for conflict in verdict.conflicts:
        if verdict.proof is not Proof.UNPROVED or not conflict.startswith(UNPROVEN):
            yield "conflict", conflict
    for evidence in verdict.evidence:
        place = f"part {evidence.part}" if evidence.part else "the message"
        offset = f", offset {evidence.offset}" if evidence.offset >= 0 else ""
        yield "evidence", f"{evidence.witness} in {place}{offset}: {quoted(evidence.text)}"


def _proof(verdict: Verdict) -> Iterator[tuple[str, str]]:
    """Yield what proves that the verdict is about a message of the caller's, where somebody asked."""
    if verdict.proof is Proof.TOKEN:
        day = (verdict.token or "").split("/")[1:2]
        yield "proof", f"signed return path of {verdict.sent_to}" + (f", made {day[0]}" if day else "")
    elif verdict.proof is Proof.UNPROVED:
        refusals = [text.removeprefix(UNPROVEN) for text in verdict.conflicts if text.startswith(UNPROVEN)]
        yield "proof", ": ".join(("none, although asked for", *refusals))
    elif verdict.proof is Proof.SIGNED:
        yield "proof", "signature of the service, which was verified"
    elif verdict.proof is Proof.MATCHED:
        yield "proof", f"Message-ID of a message that {verdict.sent_to} alone was sent"


def _circumstances(verdict: Verdict) -> Iterator[tuple[str, str]]:
    if verdict.status is not None:
        whose = "in the reply" if verdict.status_from is StatusFrom.REPLY else "the reporting server's Status field"
        yield "status", f"{verdict.status}, {whose}"
    if verdict.command is not None:
        yield "command", str(verdict.command)
    if verdict.remote_mta is not None:
        yield "server", verdict.remote_mta + (f" ({verdict.provider})" if verdict.provider else "")
    elif verdict.provider is not None:
        yield "provider", verdict.provider + _BY.get(verdict.provider_from, "")


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


def _message(verdict: Verdict) -> Iterator[tuple[str, str]]:
    """Yield what to do with the message."""
    if verdict.message_advice is None:
        return
    about = "" if verdict.applies_to is None else f", about {_ABOUT[verdict.applies_to]}"
    wait = verdict.retry_after
    by_default = wait is not None and wait != verdict.details.retry_after
    yield "message", verdict.message_advice + (f" after {wait:,} seconds" if by_default else "") + about


def _why(verdict: Verdict) -> Iterator[tuple[str, str]]:
    if verdict.reason is None:
        return
    yield "why", verdict.reason.meaning
    reading = Matches(verdict)
    if verdict.rule is not None:
        yield "rule", _named(verdict.rule)
        for words in reading.matched(verdict.rule):
            yield "words", words
    elif verdict.reason is Reason.EXPIRED:
        yield "rule", "none; the queue gave up and no last reply is shown"
    else:
        yield "rule", "none that may decide: see the conflict" if verdict.conflicts else "none fits"
    yield from reading.clauses()
    yield from _confidence(verdict)
    if verdict.set_by:
        yield from _policies(verdict)
    elif verdict.action is Action.DELAYED:
        yield "policy", "none: the reporting server still holds the message"
    else:
        yield "policy", "the reason's own defaults"
    for shadowed in verdict.shadowed or ():
        beside = "\nfits words of advice, a footer or a link alone" if reading.is_beside(shadowed) else ""
        yield "shadowed", _named(shadowed) + beside


def _policies(verdict: Verdict) -> Iterator[tuple[str, str]]:
    """Yield each policy that set something, with what it set."""
    keys: dict[PolicyRef, list[str]] = {}
    for key, policy in verdict.set_by:
        keys.setdefault(policy, []).append(key)
    for policy, names in keys.items():
        yield "policy", f"{_named(policy)}\nsets {', '.join(names)}"
    if "bounce_type" not in verdict.policies:
        yield "", "the bounce type is the reason's own"


def _confidence(verdict: Verdict) -> Iterator[tuple[str, str]]:
    """Yield the confidence, and what counts for the reason and for a likelier one where the two readers disagree."""
    if verdict.confidence is None:
        return
    yield "confidence", verdict.confidence
    if verdict.confidence == HIGH or verdict.reason is None:
        return
    view = view_of(Knowledge.builtin().second.view, verdict)
    if view is not None and view.top is not verdict.reason:
        yield "opinion", f"{view.why(view.top)}\n{view.why(verdict.reason)}"


def _named(entry: RuleRef | PolicyRef) -> str:
    lines = [f"{entry.id} ({entry.layer})"]
    if entry.when:
        lines.append(f"when {entry.when}")
    if entry.source:
        lines.append(f"source {entry.source}")
    return "\n".join(lines)
