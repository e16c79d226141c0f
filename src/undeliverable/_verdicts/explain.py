"""Explain a verdict or a report to people who know nothing of SMTP, by nothing but itself.

First comes one sentence: what happened to whose mail, and why. Below it stand the words that decided, what is doubtful,
whose fault it is, and what to do next, with the provider's own page for it. All sentences are data, one file a language
(:mod:`undeliverable._verdicts.sentences`); the addresses of pages stand with the providers and blocklists. What only
authors of rules need is added when asked for (:mod:`undeliverable._verdicts.machinery`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from undeliverable._text.identity import is_same_address
from undeliverable._text.lazy import lazy
from undeliverable._verdicts.excerpts import excerpt
from undeliverable._verdicts.pages import pages_for
from undeliverable._verdicts.sentences import Sentences, sentences
from undeliverable.model import Action
from undeliverable.reasons import Advice, BounceType, Fault, MessageAdvice, Reason
from undeliverable.verdict import (
    GUESSED,
    INSIDE,
    OWN_LOOK_UP,
    UNPROVEN,
    UNSURE,
    Explanation,
    ExplanationLine,
    Kind,
    Proof,
    Report,
    RuleRef,
    Verdict,
)

__all__ = ["explain", "explain_report", "explanation", "headline", "matched", "report_explanations"]

_WAITING: Final = frozenset((MessageAdvice.RETRY, MessageAdvice.RETRY_ELSEWHERE))
_CAUTIONS: Final = {INSIDE: "inside", GUESSED: "guessed", UNSURE: "unsure"}
_DOUBTS: Final = (
    (lazy(r"Status (?P<status>\S+) but the reply says (?P<reply>\S+)"), "status"),
    (lazy(r"Action failed but Status "), "success"),
    (lazy(r".* differ in class"), "class"),
    (lazy(r"the reply names "), "other_recipient"),
    (lazy(r".* cannot be the cause |.* is not said of a recipient"), "step"),
    (lazy(r""), "disagree"),
)
"""How conflicts read, and the sentence for each: the first that fits counts."""
_DONE: Final = {
    Action.DELIVERED: "delivered",
    Action.RELAYED: "relayed",
    Action.EXPANDED: "expanded",
}
_LOW: Final = "low"
_ORDINARY: Final = frozenset((Kind.BOUNCE, Kind.DELAY, Kind.DELIVERED))
"""Kinds of reports whose verdicts say what happened; of the others the kind says it."""


def explain(verdict: Verdict, *, verbose: bool = False, lang: str = "en", providers: Iterable[Any] = ()) -> str:
    """Return the lines of :meth:`undeliverable.verdict.Verdict.explain`."""
    text = str(explanation(verdict, lang, providers=providers))
    return f"{text}\n\n{_machinery(verdict)}" if verbose else text


def explain_report(report: Report, *, verbose: bool = False, lang: str = "en", providers: Iterable[Any] = ()) -> str:
    """Return the lines of :meth:`undeliverable.verdict.Report.explain`."""
    texts = [str(one) for one in report_explanations(report, lang, providers=providers)]
    if verbose:
        texts = [
            f"{text}\n\n{_machinery(verdict)}" for text, verdict in zip(texts, report.verdicts, strict=False)
        ] or texts
        texts += ["\n".join(f"remark: {remark}" for remark in report.remarks)] if report.remarks else []
    return "\n\n".join(texts)


def report_explanations(report: Report, lang: str = "en", *, providers: Iterable[Any] = ()) -> tuple[Explanation, ...]:
    """Return an explanation of each verdict, or one of the kind of the report where it has none."""
    kind = None if report.kind in _ORDINARY else report.kind
    found = [explanation(verdict, lang, kind=kind, providers=providers) for verdict in report.verdicts]
    if not found:
        say = sentences(lang)
        lines = (_line(say, "next", say.kind(report.kind, "next", None)),)
        found = [Explanation(say.kind(report.kind, "happened", None), lines)]
    if report.is_own_look_up:
        say = sentences(lang)
        remark = _line(say, "remark", OWN_LOOK_UP)
        found = [one._replace(lines=(*one.lines, remark)) for one in found]
    return tuple(found)


def explanation(
    verdict: Verdict, lang: str = "en", *, kind: Kind | None = None, providers: Iterable[Any] = ()
) -> Explanation:
    """Return the explanation of a verdict.

    :param kind: the kind of its report, where it says what the verdict does not.
    :param providers: further providers, whose pages for senders count before the built-in ones.
    """
    say = sentences(lang)
    lines = (
        *_cautions(verdict, say),
        *_reply(verdict, say, providers),
        *_details(verdict, say),
        *_doubts(verdict, say),
        *_steps(verdict, say, kind),
        *(_line(say, "page", say.get("page", what, **values)) for what, values in pages_for(verdict, kind, providers)),
    )
    return Explanation(headline(verdict, lang, kind=kind), lines)


def headline(verdict: Verdict, lang: str = "en", *, kind: Kind | None = None) -> str:
    """Return what happened, in one sentence."""
    say, who, reason = sentences(lang), _one_line(verdict.recipient), verdict.reason
    if reason is not None:
        return say.happened(_state(verdict), who, reason)
    if kind is not None:
        return say.kind(kind, "happened", who)
    if verdict.action is not None and verdict.action in _DONE:
        return say.happened(_DONE[verdict.action], who)
    if _is_suppressed(verdict):
        return say.kind(Kind.SUPPRESSED, "happened", who)
    if verdict.reply_code is not None:
        return say.happened("positive", who)
    return say.happened("unwanted" if verdict.advice is Advice.SUPPRESS else "silent", who)


def matched(verdict: Verdict, rule: RuleRef) -> tuple[str, ...]:
    """Return the words of :meth:`undeliverable.verdict.Verdict.matched`."""
    from undeliverable._verdicts.matches import Matches

    return tuple(dict.fromkeys(Matches(verdict).words_for(rule)))


def _machinery(verdict: Verdict) -> str:
    from undeliverable._verdicts.machinery import machinery  # hardly anybody asks for it

    return machinery(verdict)


def _state(verdict: Verdict) -> str:
    """Return which sentence says how far it came: the message is waiting, given up, refused for now or for good."""
    if verdict.proof is Proof.UNPROVED:
        return "unproved"
    if verdict.action is Action.DELAYED:
        return "delayed"
    if verdict.expired:
        return "expired"
    waits = verdict.message_advice in _WAITING or verdict.advice is Advice.RETRY
    return "passing" if waits and verdict.bounce_type is not BounceType.HARD else "failed"


def _reply(verdict: Verdict, say: Sentences, providers: Iterable[Any]) -> Iterator[ExplanationLine]:
    """Yield the words that decided, in their sentence, and whose words they are."""
    if verdict.reply:
        yield ExplanationLine("reply", say.label("reply"), excerpt(verdict))
    if verdict.provider is None and verdict.remote_mta is None:
        return
    from undeliverable._verdicts.pages import title_of

    title = None if verdict.provider is None else title_of(verdict.provider, providers)
    host = _one_line(verdict.remote_mta)
    yield _line(say, "server", " · ".join(filter(None, (host, title))))


def _details(verdict: Verdict, say: Sentences) -> Iterator[ExplanationLine]:
    """Yield what a reply says beyond its reason."""
    details = verdict.details
    if details.auth_mechanism is not None and verdict.reason is Reason.AUTH_FAILED:  # of others the cause names it
        yield _line(say, "detail", say.detail("auth_mechanism", details.auth_mechanism.upper()))
    if details.blocklist is not None:
        yield _line(say, "detail", say.detail("blocklist", _one_line(details.blocklist) or ""))
    if details.size_limit is not None:
        yield _line(say, "detail", say.detail("size_limit", details.size_limit))


def _cautions(verdict: Verdict, say: Sentences) -> Iterator[ExplanationLine]:
    """Yield why the report must not be believed."""
    if verdict.proof is Proof.UNPROVED:
        yield _line(say, "caution", say.get("caution", "unproved"))
    for conflict in verdict.conflicts:
        if conflict in _CAUTIONS:
            yield _line(say, "caution", say.get("caution", _CAUTIONS[conflict]))


def _doubts(verdict: Verdict, say: Sentences) -> Iterator[ExplanationLine]:
    """Yield what contradicts the verdict, each sentence once."""
    conflicts = [one for one in verdict.conflicts if one not in _CAUTIONS and not one.startswith(UNPROVEN)]
    found = dict.fromkeys(_doubt(conflict, say) for conflict in conflicts)
    if verdict.confidence == _LOW and not verdict.conflicts and verdict.reason is not Reason.UNDEFINED:
        found[say.get("doubt", "low")] = None
    yield from (_line(say, "doubt", text) for text in found)


def _doubt(conflict: str, say: Sentences) -> str:
    """Return the sentence for a conflict."""
    matches = ((pattern.match(conflict), name) for pattern, name in _DOUBTS)
    match, name = next((match, name) for match, name in matches if match is not None)
    return say.get("doubt", name, **match.groupdict())


def _steps(verdict: Verdict, say: Sentences, kind: Kind | None) -> Iterator[ExplanationLine]:
    """Yield whose fault it is, and what to do next."""
    if verdict.proof is Proof.UNPROVED:
        yield _line(say, "next", say.advice(None, Advice.REVIEW, None))
        return
    if verdict.reason is None:
        yield _line(say, "next", _next_without_reason(verdict, say, kind))
        return
    yield _line(say, "fault", say.fault(verdict.reason))
    yield from _forwarded(verdict, say)
    yield _line(say, "next", _next(verdict, verdict.reason, say))
    yield from _message(verdict, say)


def _next(verdict: Verdict, reason: Reason, say: Sentences) -> str:
    """Return what to do after a failure or while a message is waiting."""
    advice = verdict.advice or Advice.NONE
    if verdict.action is Action.DELAYED and advice is Advice.NONE:
        until = verdict.will_retry_until
        return say.get("delayed", "next") if until is None else say.get("delayed", "until", until=say.date(until))
    if reason.fault is Fault.ADDRESS and _is_forwarded(verdict):
        return say.get("forwarded", "next", sent_to=_one_line(verdict.sent_to) or "")
    return say.advice(reason, advice, verdict.retry_after)


def _next_without_reason(verdict: Verdict, say: Sentences, kind: Kind | None) -> str:
    """Return what to do where nothing failed, or where the kind of the report says what happened."""
    if kind is None and _is_suppressed(verdict):
        kind = Kind.SUPPRESSED
    if kind is not None:
        return say.kind(kind, "next", _one_line(verdict.recipient))
    return say.advice(None, verdict.advice or Advice.NONE, None)


def _is_suppressed(verdict: Verdict) -> bool:
    """Return whether a service or one's own server refused to send at all, since a list has the address."""
    return verdict.action is Action.FAILED and verdict.advice is Advice.SUPPRESS


def _is_forwarded(verdict: Verdict) -> bool:
    """Return whether another address was mailed than the one that failed."""
    return _one_line(verdict.sent_to) is not None and not is_same_address(verdict.sent_to, verdict.recipient)


def _forwarded(verdict: Verdict, say: Sentences) -> tuple[ExplanationLine, ...]:
    """Return the line that says that another address was mailed, if one was."""
    if not _is_forwarded(verdict):
        return ()
    sent_to, who = _one_line(verdict.sent_to) or "", say.named(_one_line(verdict.recipient))
    return (_line(say, "forwarded", say.get("forwarded", "text", sent_to=sent_to, who=who)),)


def _message(verdict: Verdict, say: Sentences) -> Iterator[ExplanationLine]:
    """Yield what becomes of the message, where the next step does not say it."""
    advice = verdict.message_advice
    if verdict.action is Action.DELAYED:
        return
    if advice in _WAITING:
        yield _line(say, "message", say.get("message", str(advice), wait=say.wait(verdict.retry_after)))
    elif advice is MessageAdvice.GIVE_UP and verdict.advice not in (Advice.SUPPRESS, Advice.FIX_MESSAGE):
        yield _line(say, "message", say.get("message", "give_up"))


def _line(say: Sentences, topic: str, text: str) -> ExplanationLine:
    return ExplanationLine(topic, say.label(topic), ((text, False),))


def _one_line(text: str | None) -> str | None:
    """Return foreign text without line endings, which would make lines of their own; None for none."""
    return " ".join(text.split()) if text and text.strip() else None
