"""What people read: every verdict has its sentences, in each language, and they are fit to be read."""

from __future__ import annotations

import pickle
import re
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from itertools import product
from pathlib import Path
from string import Formatter
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from undeliverable import Knowledge, Report, Verdict, classify, parse
from undeliverable._rules.keys import PAGES
from undeliverable._verdicts.excerpts import excerpt
from undeliverable._verdicts.explain import explanation
from undeliverable._verdicts.pages import _KINDS, pages_for
from undeliverable._verdicts.sentences import Sentences, languages, sentences
from undeliverable.data import names, read
from undeliverable.errors import EntryError
from undeliverable.model import Action
from undeliverable.reasons import Advice, BounceType, Fault, MessageAdvice, Reason
from undeliverable.verdict import GUESSED, INSIDE, OWN_LOOK_UP, UNPROVEN, UNSURE, Details, Kind, Proof

FIXTURES: Final = Path(__file__).resolve().parent.parent / "fixtures"
LANGUAGES: Final = languages()
TWO_LINES: Final = 160  # characters
USER: Final = classify("550 5.1.1 no such user", recipient="kim@example.org")
FULL: Final = classify("452 4.2.2 mailbox full", recipient="kim@example.org")
GIVEN_UP: Final = (
    "Mail to kim@example.org was given up after repeated attempts: the receiving server cannot find the mailbox at the "
    "moment."
)
WHEN: Final = datetime(2026, 3, 5, 7, 9, tzinfo=UTC)


def document(lang: str) -> dict[str, Any]:
    return tomllib.loads(read(f"explain/{lang}.toml"))


def flat(table: dict[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


@cache
def real() -> tuple[tuple[str, Verdict], ...]:
    """Return the verdicts on all messages of the fixtures, on rules' examples, and on single replies."""
    found: list[tuple[str, Verdict]] = []
    for path in sorted(FIXTURES.rglob("*.eml")):
        found += ((str(path.relative_to(FIXTURES)), verdict) for verdict in parse(path.read_bytes()).verdicts)
    for rule in Knowledge.builtin().rules:
        found += ((rule.id, classify(example)) for example in rule.all_examples[:1])
    return tuple(found)


# --- the files ----------------------------------------------------------------------------------------------------------


def test_english_and_german_are_there() -> None:
    assert set(LANGUAGES) >= {"de", "en"}
    assert tuple(name.removesuffix(".toml") for name in names("explain/")) == LANGUAGES


@pytest.mark.parametrize("lang", LANGUAGES)
def test_all_languages_have_the_same_keys_and_placeholders(lang: str) -> None:
    ours, english = dict(flat(document(lang))), dict(flat(document("en")))
    assert ours.keys() == english.keys()
    for key, text in ours.items():
        if isinstance(text, str):
            assert fields(text) == fields(english[key]) or key == "wait", key
            assert text.strip() == text
            assert "  " not in text
        else:
            assert len(text) == len(english[key]) == 12, "months"


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_sentence_is_longer_than_two_lines(lang: str) -> None:
    for key, text in flat(document(lang)):
        if isinstance(text, str):
            assert len(text) <= TWO_LINES, key
    say = sentences(lang)
    for reason, key in product(Reason, document(lang)["happened"]):
        assert len(say.happened(key, "kim@example.org", reason)) <= TWO_LINES


@pytest.mark.parametrize("lang", LANGUAGES)
def test_what_is_said_in_full_ends_as_a_sentence_and_causes_do_not(lang: str) -> None:
    found = document(lang)
    for table in ("happened", "advice", "delayed", "forwarded", "caution", "doubt", "message", "kind"):
        for key, text in flat(found[table]):
            assert text.endswith("."), f"{table}.{key}"
    for reason, table in found["reason"].items():
        for key, text in table.items():
            assert text.endswith(".") is (key not in {"cause", "passing", "fault"}), f"{reason}.{key}"


def test_german_addresses_people_politely() -> None:
    for key, text in flat(document("de")):
        if isinstance(text, str):
            assert not re.search(r"\b(du|dein|deine|deiner|dir|dich|euch|euer)\b", text), key


# --- every pair ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("reason", Reason)
def test_every_reason_and_advice_has_a_sentence(reason: Reason, lang: str) -> None:
    say = sentences(lang)
    for advice in Advice:
        for wait in (None, 0, 1, 59, 60, 3_600, 7_200, 90_000, 200_000):
            assert not re.search("[{}]", say.advice(reason, advice, wait))
    for key in document(lang)["happened"]:
        for who in (None, "kim@example.org", "{kim}@example.org"):
            text = say.happened(key, who, reason)
            assert (who or "") in text
            assert text.count("{") == text.count("}") == (who or "").count("{")
            assert text[0].isupper() or text.startswith(who or "?")
    assert say.fault(reason)


def test_every_pair_that_occurs_has_a_sentence_of_its_own() -> None:
    """That of any reason is for advice that only a policy or a doubtful report gives."""
    tables = document("en")["reason"]
    assert tables.keys() == set(Reason)
    for reason in Reason:
        assert reason.advice in tables[reason], "of a permanent failure"
        if reason.fault is Fault.ADDRESS or reason.advice is Advice.REVIEW:
            assert Advice.RETRY in tables[reason], "of a failure that may pass"
        assert tables[reason].keys() - {"cause", "passing", "fault"} <= {str(advice) for advice in Advice}
    for name, verdict in real():
        if verdict.reason is not None and verdict.advice not in (Advice.NONE, Advice.REVIEW):
            assert verdict.advice in tables[verdict.reason], name


def test_every_kind_and_every_fault_has_a_sentence() -> None:
    found = document("en")
    assert found["kind"].keys() == set(Kind)
    assert found["fault"].keys() == set(Fault)
    assert found["advice"].keys() == set(Advice)
    assert found["message"].keys() == set(MessageAdvice) - {"delivered"}


def test_every_topic_and_page_has_its_words() -> None:
    found = document("en")
    assert found["page"].keys() == {"help", "removal", *PAGES}
    assert {what for kinds in _KINDS.values() for what in kinds} == set(PAGES), "pages that nobody is sent to"


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_real_verdict_is_explained(lang: str) -> None:
    labels = set(document(lang)["labels"].values())
    for name, verdict in real():
        found = verdict.explanation(lang)
        text = verdict.explain(lang=lang)
        assert text == str(found)
        assert found.headline == text.splitlines()[0], name
        assert found.of("next"), name
        assert {line.label for line in found.lines} <= labels
        assert bool(found.of("fault")) is (verdict.reason is not None), name
        assert len(text.splitlines()) == 1 + len(found.lines), name


def test_the_machinery_stands_below() -> None:
    for lang in LANGUAGES:
        text = FULL.explain(verbose=True, lang=lang)
        assert text.startswith(f"{FULL.explain(lang=lang)}\n\nkim@example.org: soft (mailbox_full) -> retry\n")


def test_no_pattern_is_shown_unless_asked_for() -> None:
    patterns = {name: verdict for name, verdict in real() if verdict.rule and verdict.rule.pattern}
    assert patterns
    for name, verdict in patterns.items():
        assert verdict.rule is not None
        assert str(verdict.rule.pattern) not in verdict.explain(), name
        assert verdict.rule.id not in verdict.explain(), name
        assert verdict.rule.id in verdict.explain(verbose=True), name


def test_records_and_pickles_say_the_same() -> None:
    """A record has no words of its rule: nothing is marked, and all else is said."""
    for name, verdict in real():
        found = verdict.explanation()
        assert pickle.loads(pickle.dumps(verdict)).explanation() == found, name
        again = Verdict.from_dict(verdict.to_dict()).explanation()
        assert again.headline == found.headline, name
        for topic in ("server", "caution", "doubt", "detail", "fault", "forwarded", "next", "message", "page"):
            assert again.of(topic) == found.of(topic), name


# --- sentences ----------------------------------------------------------------------------------------------------------


def test_the_first_line_is_the_verdict_as_a_string() -> None:
    assert str(USER) == "Mail to kim@example.org could not be delivered: the mailbox does not exist."
    assert f"{USER}" == USER.explain().splitlines()[0] == USER.explanation().headline


@pytest.mark.parametrize(
    ("verdict", "headline"),
    [
        (replace(USER, recipient=None), "Mail to this recipient could not be delivered: the mailbox does not exist."),
        (FULL, "Mail to kim@example.org could not be delivered for now: the mailbox is full."),
        (replace(FULL, action=Action.DELAYED), "Mail to kim@example.org is delayed: the mailbox is full."),
        (
            replace(FULL, expired=True),
            "Mail to kim@example.org was given up after repeated attempts: the mailbox is full.",
        ),
        (
            replace(USER, bounce_type=BounceType.SOFT, expired=True),
            GIVEN_UP,
        ),
        (
            replace(USER, proof=Proof.UNPROVED),
            "A report that nothing proves says that mail to kim@example.org failed: the mailbox does not exist.",
        ),
        (classify("250 2.1.5 ok"), "The server said yes: nothing failed for this recipient."),
    ],
)
def test_what_happened(verdict: Verdict, headline: str) -> None:
    assert str(verdict) == headline


@pytest.mark.parametrize(
    ("action", "advice", "start"),
    [
        (Action.DELIVERED, None, "Mail to kim@example.org was delivered."),
        (Action.RELAYED, None, "Mail to kim@example.org was passed on"),
        (Action.EXPANDED, None, "Mail to kim@example.org was delivered to a mailing list"),
        (Action.FAILED, Advice.SUPPRESS, "Mail to kim@example.org was not sent"),
        (None, Advice.SUPPRESS, "kim@example.org does not want this mail"),
        (None, Advice.NONE, "A message about kim@example.org came"),
    ],
)
def test_where_nothing_failed(action: Action | None, advice: Advice | None, start: str) -> None:
    verdict = replace(USER, reason=None, bounce_type=None, action=action, advice=advice, reply_code=None, reply=None)
    assert str(verdict).startswith(start)
    (step,) = verdict.explanation().of("next")
    assert ("Nothing" in step) is (advice is not Advice.SUPPRESS)


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("kind", Kind)
def test_reports_without_verdicts_are_explained_by_their_kind(kind: Kind, lang: str) -> None:
    (found,) = Report(kind=kind).explanations(lang)
    assert found.headline == sentences(lang).kind(kind, "happened", None)
    assert found.of("next") == (sentences(lang).kind(kind, "next", None),)
    assert Report(kind=kind).explain(lang=lang) == str(found)


def test_the_kind_says_what_a_verdict_does_not() -> None:
    (complaint,) = (parse((FIXTURES / "complaints" / "abuse.eml").read_bytes()),)
    assert complaint.kind is Kind.COMPLAINT
    assert "marked a message of yours as spam" in complaint.explain()
    (reply,) = parse((FIXTURES / "auto-replies" / "german.eml").read_bytes()).explanations()
    assert reply.headline.startswith("An automatic reply came from ")
    assert reply.of("fault") == ()


def test_all_recipients_of_a_report_are_explained() -> None:
    report = parse((FIXTURES / "bounces" / "postfix-several.eml").read_bytes())
    assert len(report.verdicts) > 1
    assert report.explain() == "\n\n".join(verdict.explain() for verdict in report.verdicts)
    verbose = report.explain(verbose=True)
    assert all(verdict.explain(verbose=True) in verbose for verdict in report.verdicts)


def test_remarks_are_machinery_but_for_ones_own_look_up() -> None:
    report = Report(kind=Kind.BOUNCE, verdicts=(USER,), remarks=("a repair", OWN_LOOK_UP))
    assert "a repair" not in report.explain()
    assert report.explain(verbose=True).endswith(f"remark: a repair\nremark: {OWN_LOOK_UP}")
    (found,) = report.explanations()
    assert found.of("remark") == (OWN_LOOK_UP,)
    assert Report(kind=Kind.OTHER).explain(verbose=True) == Report(kind=Kind.OTHER).explain()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "later"),
        (0, "later"),
        (30, "in 30 seconds"),
        (60, "in 1 minute"),
        (300, "in 5 minutes"),
        (3_600, "in about 1 hour"),
        (4_000, "in 67 minutes"),
        (7_300, "in about 2 hours"),
        (86_400, "in about 1 day"),
        (100_000, "in about 28 hours"),
        (432_000, "in about 5 days"),
    ],
)
def test_when_to_try_again(seconds: int | None, text: str) -> None:
    assert sentences("en").wait(seconds) == text


def test_when_to_look_again() -> None:
    delayed = replace(FULL, action=Action.DELAYED, advice=Advice.NONE)
    assert delayed.explanation().of("next")[0].endswith("Look again in a day or two.")
    assert delayed.explanation().of("message") == ()
    dated = replace(delayed, will_retry_until=WHEN)
    assert "Look again after 5 March 2026, 07:09 UTC," in dated.explain()
    assert "nach dem 5. März 2026, 07:09 UTC wieder" in dated.explain(lang="de")
    assert "after 5 March 2026, 07:09," in replace(delayed, will_retry_until=WHEN.replace(tzinfo=None)).explain()


def test_what_becomes_of_the_message() -> None:
    assert FULL.explanation().of("message") == ("Nobody has to send it again: a mail server keeps trying by itself.",)
    elsewhere = replace(FULL, message_advice=MessageAdvice.RETRY_ELSEWHERE, retry_after=None)
    assert "later, from another IP address" in elsewhere.explain()
    assert "will not be tried again" in replace(FULL, message_advice=MessageAdvice.GIVE_UP).explain()
    assert USER.explanation().of("message") == ()


def test_whoever_was_mailed_is_kept() -> None:
    verdict = replace(USER, sent_to="team@example.com", advice=Advice.RETRY)
    found = verdict.explanation()
    assert found.headline == str(USER)
    assert found.of("forwarded")[0].startswith("You mailed team@example.com, which passes mail on to kim@example.org.")
    assert found.of("next") == ("Keep team@example.com, and let its owner know that the forwarding fails.",)
    full = replace(FULL, sent_to="team@example.com").explanation()
    assert full.of("forwarded")
    assert full.of("next") == FULL.explanation().of("next")
    assert replace(USER, sent_to="kim@example.org").explanation().of("forwarded") == ()


@given(
    st.builds(
        replace,
        st.sampled_from([USER, FULL]),
        reason=st.sampled_from([None, *Reason]),
        advice=st.sampled_from([None, *Advice]),
        bounce_type=st.sampled_from([None, *BounceType]),
        action=st.sampled_from([None, *Action]),
        message_advice=st.sampled_from([None, *MessageAdvice]),
        proof=st.sampled_from([None, *Proof]),
        confidence=st.sampled_from([None, "high", "low"]),
        expired=st.booleans(),
        retry_after=st.none() | st.integers(0, 10**7),
        recipient=st.none() | st.text(max_size=9),
        sent_to=st.none() | st.text(max_size=9),
        provider=st.sampled_from([None, "google", "microsoft", "nobody"]),
        conflicts=st.lists(st.sampled_from([INSIDE, "x", "Status 5.0.0 but the reply says {x}"]), max_size=2).map(
            tuple
        ),
    ),
    st.sampled_from([None, *Kind]),
    st.sampled_from(LANGUAGES),
)
def test_whatever_a_verdict_says_can_be_explained(verdict: Verdict, kind: Kind | None, lang: str) -> None:
    found = explanation(verdict, lang, kind=kind)
    assert len(found.of("next")) == 1
    assert len(str(found).splitlines()) == 1 + len(found.lines)
    assert all(line.label and line.text.strip() for line in found.lines)
    assert (verdict.proof is Proof.UNPROVED) <= bool(found.of("caution"))


# --- doubts -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("conflict", [INSIDE, GUESSED, UNSURE])
def test_cautions_come_first(conflict: str) -> None:
    found = replace(USER, conflicts=(conflict,)).explanation()
    assert [line.topic for line in found.lines][:2] == ["caution", "reply"]
    assert found.of("doubt") == ()


def test_an_unproved_report_leads_to_nothing() -> None:
    verdict = replace(USER, proof=Proof.UNPROVED, advice=Advice.REVIEW, conflicts=(f"{UNPROVEN}no token",))
    found = verdict.explanation()
    (caution,) = found.of("caution")
    assert "cannot be proved to be about your mail" in caution
    assert found.of("doubt") == found.of("fault") == ()
    assert "Stop sending" not in str(found)
    assert replace(USER, proof=Proof.TOKEN).explain() == USER.explain()


@pytest.mark.parametrize(
    ("conflict", "part"),
    [
        ("Status 5.0.0 but the reply says 4.2.2", "The report says 5.0.0, the refusing server's own reply 4.2.2"),
        ("Action failed but Status 2.0.0", "that it succeeded"),
        ("The reply's code 550 and its status 4.4.7 differ in class", "contradicts itself"),
        ("the field has the reply 221 but the final one is 421", "sources disagree"),
        ("the reply names lee@example.org, not this recipient", "names another recipient"),
        ("the reply names lee@example.org, another recipient of the same report", "names another recipient"),
        ("user_unknown cannot be the cause before RCPT", "step of the session"),
        ("domain_unknown is not said of a recipient: it is about the command", "step of the session"),
    ],
)
def test_contradictions_are_put_in_words(conflict: str, part: str) -> None:
    found = replace(USER, conflicts=(conflict, conflict)).explanation()
    (doubt,) = found.of("doubt")
    assert part in doubt


def test_most_conflicts_of_real_reports_have_words_of_their_own() -> None:
    """What reads otherwise than the table expects falls through to the general sentence: so nothing is left unsaid."""
    general = 0
    for _, verdict in real():
        conflicts = [one for one in verdict.conflicts if one not in {INSIDE, GUESSED, UNSURE}]
        doubts = verdict.explanation().of("doubt")
        assert bool(doubts) >= bool(conflicts)
        general += any("sources disagree" in doubt for doubt in doubts)
    assert general <= 2


def test_few_words_make_a_doubt() -> None:
    low = replace(USER, confidence="low")
    assert low.explanation().of("doubt") == ("Few words speak for this cause: take it as likely, not as certain.",)
    assert classify("550 zzz").explanation().of("doubt") == (), "an unknown cause is no likely one"
    assert len(replace(low, conflicts=("Status 5.0.0 but the reply says 4.2.2",)).explanation().of("doubt")) == 1


# --- words --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "shown"),
    [
        ("550 5.1.1 no such user here", "550 5.1.1 «no such user» here"),
        ("450 4.7.1 Greylisted, wait", "450 4.7.1 «Greylisted», wait"),
        ("452 4.2.2 <kim@example.org>", "452 «4.2.2» <kim@example.org>"),
        ("550 zzz", "550 zzz"),
        ("550-5.1.1 The user\r\n550 5.1.1 does not exist", "550-5.1.1 The user does «not exist»"),
        ("550 5.1.1 no\tsuch  user", "550 5.1.1 «no such user»"),
    ],
)
def test_the_words_that_decided_are_marked(reply: str, shown: str) -> None:
    assert classify(reply).explanation().of("reply") == (shown,)


def test_a_long_reply_is_shown_by_its_deciding_sentence() -> None:
    filler = "This is a sentence that says nothing at all about anybody. " * 8
    verdict = classify(f"550 5.1.1 {filler}There is no such user here. {filler}")
    text = "".join(piece for piece, _ in excerpt(verdict))
    assert text.startswith("550 5.1.1 This is")
    assert " … There is no such user here. …" in text
    assert len(text) < 250


def test_a_long_word_without_sentences_is_cut_as_well() -> None:
    verdict = classify(f"550 5.1.1 {'x' * 300} no such user {'y' * 300}")
    text = verdict.explanation().of("reply")[0]
    assert "«no such user»" in text
    assert len(text) < 420


def test_marks_stand_in_their_reply() -> None:
    for name, verdict in real():
        plain = re.sub(r"\s+", " ", verdict.reply or "")
        marked = [piece for piece, is_marked in excerpt(verdict) if is_marked]
        assert all(piece.strip() for piece in marked), name
        if "\n" not in (verdict.reply or ""):
            assert all(piece in plain or re.search(r"\d-\d", plain) for piece in marked), name


def test_rules_by_concepts_mark_their_words() -> None:
    found = [verdict for _, verdict in real() if verdict.rule is not None and verdict.rule.means]
    assert found
    assert sum("«" in verdict.explain() for verdict in found) > len(found) // 2


def test_foreign_line_endings_make_no_lines() -> None:
    verdict = replace(
        USER, recipient="kim\nnext  all is well@example.org", remote_mta="mx\nnext x", details=Details(blocklist="a\nb")
    )
    assert len(verdict.explain().splitlines()) == 1 + len(verdict.explanation().lines)


# --- details and pages --------------------------------------------------------------------------------------------------


def test_details_are_put_in_words() -> None:
    assert "did not pass: SPF" in classify("550 5.7.23 SPF validation failed").explain()
    assert classify("550 5.7.25 no PTR record for your address").explanation().of("detail") == ()
    assert "at most 10 MB are allowed" in classify("552 5.3.4 size exceeds limit 10485760").explain()
    assert "at most 64 kB" in replace(USER, details=Details(size_limit=65_536)).explain()
    assert "at most 12 bytes" in replace(USER, details=Details(size_limit=12)).explain()


def test_pages_of_a_blocklist() -> None:
    verdict = classify("554 5.7.1 blocked using zen.spamhaus.org; see https://example.org/why")
    pages = verdict.explanation().of("page")
    assert pages[0] == "named in the reply: https://example.org/why"
    assert pages[1].endswith("https://check.spamhaus.org/")
    unknown = replace(verdict, details=Details(blocklist="bl.example"))
    assert unknown.explanation().of("page") == ()


def test_pages_of_a_provider() -> None:
    verdict = classify("421 4.7.0 our system has detected that this message is suspicious due to the very low reputation "
                       "of the sending domain", host="gmail-smtp-in.l.google.com")  # fmt: skip
    assert verdict.reason is Reason.BAD_REPUTATION
    assert [what for what, _ in pages_for(verdict, None)] == ["reputation", "form"]
    assert "gmail-smtp-in.l.google.com · Google" in verdict.explain()
    complaint = replace(verdict, reason=None, provider="yahoo")
    assert [what for what, _ in pages_for(complaint, Kind.COMPLAINT)] == ["feedback", "reputation"]
    assert [*pages_for(replace(verdict, reason=Reason.USER_UNKNOWN), None)] == []
    assert [*pages_for(replace(verdict, provider="nobody"), None)] == []


def test_pages_of_providers_of_ones_own() -> None:
    knowledge = Knowledge.builtin()
    own = replace_pages("example", {"form": "https://example.org/form"})
    verdict = replace(
        classify("550 5.7.1 blocked for bad reputation"), provider="example", reason=Reason.BAD_REPUTATION
    )
    assert "https://example.org/form" in str(verdict.explanation(providers=(own,)))
    assert "https://example.org/form" not in verdict.explain()
    assert "Example" in str(verdict.explanation(providers=(*knowledge.providers[:1], own)))
    report = Report(kind=Kind.BOUNCE, verdicts=(verdict,))
    assert report.explanations(providers=(own,)) == (verdict.explanation(providers=(own,)),)


def replace_pages(name: str, pages: dict[str, str]) -> Any:
    from undeliverable._rules.providers import Provider

    return Provider.compile({"name": name, "title": "Example", "pages": pages})


def test_a_page_is_shown_once() -> None:
    verdict = classify("554 5.7.1 blocked using zen.spamhaus.org, https://check.spamhaus.org/")
    assert len(verdict.explanation().of("page")) == 1


def test_all_pages_are_secure_addresses() -> None:
    lists = tomllib.loads(read("blocklists.toml"))["blocklist"]
    urls = [url for one in Knowledge.builtin().providers for _, url in one.pages]
    urls += [table["page"] for table in lists if "page" in table]
    assert len(urls) > len(PAGES)
    assert all(re.fullmatch(r"https://[\w.-]+/\S*", url) for url in urls)


@pytest.mark.parametrize(
    ("pages", "why"),
    [
        ({"forms": "https://example.org/"}, "unknown page 'forms'"),
        ({"form": "http://example.org/"}, "https://"),
        ({"form": 1}, "https://"),
        ("https://example.org/", "must be a table"),
    ],
)
def test_a_wrong_page_is_named(pages: Any, why: str) -> None:
    with pytest.raises(EntryError, match=re.escape(why)):
        replace_pages("example", pages)


# --- the interface ------------------------------------------------------------------------------------------------------


def test_an_unknown_language_is_named_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="unknown language 'fr'; expected one of de, en"):
        USER.explain(lang="fr")


def test_sentences_are_read_once() -> None:
    assert sentences("de") is sentences("de")
    assert isinstance(sentences("de"), Sentences)


def test_an_explanation_can_be_taken_apart() -> None:
    found = USER.explanation("de")
    line = next(line for line in found.lines if line.topic == "reply")
    assert line.label == "Antwort"
    assert line.pieces == (("550 5.1.1 ", False), ("no such user", True))
    assert line.text == "550 5.1.1 «no such user»"
    assert found.of("nothing") == ()
