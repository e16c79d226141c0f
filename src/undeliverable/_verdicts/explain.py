"""Explain a verdict to people, by nothing but the verdict itself.

The text begins with the recipient and the consequence. Below stand the facts, the rule with the words of the reply that
it matched, what each clause of the reply is for, the policy, and what contradicts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from undeliverable._knowledge.common import shipped
from undeliverable._rules.comparisons import ABSENT
from undeliverable._rules.confidence import HIGH, view_of
from undeliverable._rules.meaning import BY_MEANING
from undeliverable._rules.phrases import words_of
from undeliverable._rules.places import Traced, matched_places, trace_visible
from undeliverable._rules.roles import Clause, Role
from undeliverable.knowledge import Knowledge
from undeliverable.model import Action
from undeliverable.reasons import AppliesTo, Reason
from undeliverable.verdict import UNPROVEN, Details, PolicyRef, Proof, ProviderFrom, RuleRef, StatusFrom, Verdict

__all__ = ["explain", "matched"]

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


def explain(verdict: Verdict) -> str:
    """Return the lines of :meth:`undeliverable.verdict.Verdict.explain`."""
    lines = [_headline(verdict)]
    for name, text in _facts(verdict):
        first, *more = text.splitlines() or [""]
        lines.append(f"  {name:<{_WIDTH}} {first}")
        lines += [f"  {'':<{_WIDTH}} {line}" for line in more]
    return "\n".join(lines)


def matched(verdict: Verdict, rule: RuleRef) -> tuple[str, ...]:
    """Return the words of :meth:`undeliverable.verdict.Verdict.matched`."""
    return tuple(dict.fromkeys(_Reading(verdict).words_for(rule)))


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
        yield "evidence", f"{evidence.witness} in {place}{offset}: {_quoted(evidence.text)}"


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
    reading = _Reading(verdict)
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
    """Yield the confidence, and what speaks for the reason and for a likelier one where the two readers disagree."""
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


class _Reading:
    """The reply of a verdict as rules see it, whole and without what states no cause."""

    def __init__(self, verdict: Verdict) -> None:
        self._rule = verdict.rule
        self._reply = verdict.reply or ""
        addresses = verdict.recipient, verdict.original_recipient
        self._whole = trace_visible(self._reply, verdict.reply_code or ABSENT, addresses)
        text = self._whole.text
        self._words = words_of(text)
        reading = shipped().meaning.read(text, self._words)
        self._clauses = [Clause(0, len(text), Role.CAUSE)] if reading is None else reading.clauses
        self._framed = text if reading is None else reading.unframed()
        cuts = [] if reading is None else reading.cuts()
        self._causes = self._whole.replaced(cuts, "") if cuts else self._whole

    def clauses(self) -> Iterator[tuple[str, str]]:
        """Yield the role of each clause with its words, where something stands beside the cause."""
        if all(clause.role is Role.CAUSE for clause in self._clauses) and self._causes is self._whole:
            return
        ignored = "" if self._rule is not None and not _by_meaning(self._rule) else " (ignored)"
        for start, end, role in self._clauses:
            blanks = len(self._whole.text[start:end]) - len(self._whole.text[start:end].lstrip())
            at, to = self._whole.origin(start + blanks, end)
            yield str(role), _quoted(self._reply[at:to]) + ("" if role in _READ else ignored)

    def words_for(self, rule: RuleRef) -> Iterator[str]:
        """Yield the words of the reply that the rule matched, as they stand there."""
        seen = self._seen_by(rule)
        for words, pattern in (rule.words, None), ((), rule.pattern):
            for start, end in matched_places(words, pattern, seen.text):
                at, to = seen.origin(start, end)
                yield " ".join(self._reply[at:to].split())

    def matched(self, rule: RuleRef) -> Iterator[str]:
        """Yield the words of the reply that the rule matched, with their offsets, or those of its plain form."""
        seen = self._seen_by(rule)
        plain = None
        for start, end in matched_places(rule.words, None, seen.text):
            plain = ""
            yield self._placed(*seen.origin(start, end))
        for start, end in matched_places((), rule.pattern, seen.text):
            plain = ""
            where = self._placed(*seen.origin(start, end)) if end > start else "the reply as a whole"
            yield f"{where}, by its pattern"
        if plain is None and (rule.words or rule.pattern):
            plain = shipped().plain.of(self._framed, self._words)
            for start, end in matched_places(rule.words, rule.pattern, plain):
                yield f"{_quoted(plain[start:end])} in the plain form {_quoted(plain)}"
        if rule.means:
            yield from self._meant(frozenset(rule.means))

    def _meant(self, means: frozenset[str]) -> Iterator[str]:
        """Yield the words that stand for the concepts `means` in the first clause that has all of them."""
        for start, end, role in self._clauses:
            places = [*shipped().concepts.places(self._whole.text[start:end])] if role is Role.CAUSE else []
            if means <= {concept for concept, _, _ in places}:
                for concept, begin, stop in places:
                    if concept in means:
                        yield f"{self._placed(*self._whole.origin(start + begin, start + stop))}: {concept}"
                return

    def is_beside(self, rule: RuleRef) -> bool:
        """Return whether `rule` sees the causes alone, and its words stand elsewhere."""
        return bool(_by_meaning(rule) and (rule.words or rule.pattern) and self._seen_by(rule) is not self._causes)

    def _seen_by(self, rule: RuleRef) -> Traced:
        """Return what `rule` found its words in: the causes, if it fits them, else the whole reply."""
        if not _by_meaning(rule) or self._causes is self._whole:
            return self._whole
        fits = any(matched_places(rule.words, rule.pattern, self._causes.text))
        return self._causes if fits or not (rule.words or rule.pattern) else self._whole

    def _placed(self, start: int, end: int) -> str:
        return f"{_quoted(self._reply[start:end])} at offset {start} of the reply"


_READ: Final = frozenset((Role.CAUSE, Role.FRAME))


def _by_meaning(rule: RuleRef) -> bool:
    return rule.layer == "builtin" and rule.id.startswith(BY_MEANING)


def _quoted(text: str) -> str:
    shown = " ".join(text.split())
    return f'"{shown if len(shown) <= 160 else shown[:157] + "..."}"'
