"""Causes, advice and footers of a reply: its clauses, and that only causes decide."""

from __future__ import annotations

import itertools
import json
import random
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final, cast
from zlib import crc32

import pytest

from tests.test_laws import texts
from undeliverable import Knowledge, classify
from undeliverable._knowledge.build import read_documents
from undeliverable._rules.meaning import BY_MEANING, Meaning, Reading, Vocabulary, vocabulary
from undeliverable._rules.phrases import words_of
from undeliverable._rules.roles import Role
from undeliverable._rules.visible import visible
from undeliverable._smtp.replies import parse_reply
from undeliverable._text.fold import fold
from undeliverable.errors import EntryError

FIXTURES: Final = Path(__file__).parent.parent / "fixtures"
ROWS: Final[list[dict[str, Any]]] = [
    json.loads(line) for line in (FIXTURES / "clauses.jsonl").read_text(encoding="utf-8").splitlines()
]
CASES: Final = [
    json.loads(line)["text"] for line in (FIXTURES / "cases/replies.jsonl").read_text(encoding="utf-8").splitlines()
]
MEANING: Final = Knowledge.builtin().meaning


def seen(text: str) -> str:
    reply = parse_reply(text)
    return visible(reply.text, int(reply.code or 0))


def read(text: str, meaning: Meaning = MEANING) -> Reading | None:
    return meaning.read(text, words_of(text))


def described(text: str) -> dict[str, object]:
    """Return what is made of `text`, as a row of the fixture states it."""
    reading = read(text)
    assert reading is not None
    clauses = [[str(role), text[start:end].strip()] for start, end, role in reading.clauses]
    return {"clauses": clauses, **{name: words for name, words in reading.doubts()._asdict().items() if words}}


# --- clauses and their roles ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", ROWS, ids=[row["text"][:50] for row in ROWS])
def test_clauses_of_replies_in_many_languages(row: dict[str, Any]) -> None:
    assert described(seen(row["text"])) == {key: value for key, value in row.items() if key != "text"}


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("550 5.1.1 User unknown. Please set up SPF and DKIM.", "550 5.1.1 User unknown."),
        ("550 User unknown, see https://example.org/spam", "550 User unknown, "),
        ("550 User unknown (https://example.org/spam)", "550 User unknown ()"),
        ("550 User unknown help.example.net/blocked for you", "550 User unknown  for you"),
        ("550 Please try again later: mailbox full", "550 Please try again later: mailbox full"),
        ("550 Blocked | visit example.org | no such user", "550 Blocked | no such user"),
        ("550 User unknown. This mail was scanned by Spam Filter. Gone.", "550 User unknown. Gone."),
        ("550 Scanned by us: user unknown", "550 Scanned by us: user unknown"),
        ("550 5.7.1 See https://example.org/spam", "550 5.7.1 "),
        ("550 You may be wrong, e.g. full.", "550 "),
        ("550 the user may contact spam", "550 the user may contact spam"),
        ("550 contacts please", "550 contacts "),
        ("550 https://example.net/contact-us user unknown", "550  user unknown"),
    ],
)
def test_the_cause_is_what_is_left(text: str, cause: str) -> None:
    text = text.lower()
    reading = read(text)
    assert (text if reading is None else reading.cause()) == cause.lower()


def test_most_replies_are_one_cause() -> None:
    assert read("550 5.1.1 user unknown") is None
    reading = read("550 mailbox or account unknown")
    assert reading is not None
    assert reading.cause() == "550 mailbox or account unknown"
    assert Meaning().read("550 please wait", ["please", "wait"]) is None


def test_clauses_cover_the_text_but_for_its_code() -> None:
    for text in map(seen, texts()):
        reading = read(text)
        if reading is None:
            continue
        spans = [(clause.start, clause.end) for clause in reading.clauses]
        assert all(end == start or not text[end:start].strip() for (_, end), (start, _) in itertools.pairwise(spans))
        assert not re.search(r"[^\W\d_]", text[: spans[0][0]] + text[spans[-1][1] :]) if spans else True
        cuts = reading.cuts()
        assert cuts == sorted(cuts)
        assert all(end <= start for (_, end), (start, _) in itertools.pairwise(cuts))


def test_a_reply_without_a_cause_is_judged_by_its_advice_but_blames_nobody() -> None:
    assert classify("554 Please set up SPF").reason == "auth_failed"
    verdict = classify("554 Please check the recipient's mailbox, user unknown")
    assert (verdict.reason, verdict.bounce_type) == ("undefined", "undetermined")
    assert classify("550 5.1.1 Please check for spam").reason == "spam_content"


@pytest.mark.parametrize(
    "piece", ["please. ", "see a.bc/d. ", "please try later ", "may be or ", "http://a ", "temporarily. "]
)
def test_hostile_replies_take_linear_time(piece: str) -> None:
    reply = seen("550 " + piece * 2_000)
    reading = read(reply)
    assert reading is not None
    assert len(reading.clauses) + len(reading.cuts()) < 3_000
    assert classify("550 " + piece * 2_000).reason is not None


# --- causes alone decide ------------------------------------------------------------------------------------------------


@cache
def tails() -> tuple[str, ...]:
    """Return a hundred sentences of advice and footers that replies really have."""
    found: dict[str, None] = {}
    for row in ROWS:
        if row["text"][:3].isdecimal() and row["clauses"][0][0] == "cause":
            found |= {words.capitalize(): None for role, words in row["clauses"] if role != "cause" and len(words) > 15}
    for text in map(seen, (*texts(), *CASES)):
        reading = read(text)
        for start, end, role in () if reading is None else reading.clauses[1:]:
            if role is not Role.CAUSE and end - start > 15 and text.isascii() and "<>" not in text[start:end]:
                found[text[start:end].strip().capitalize()] = None
    return tuple(random.Random(16).sample(sorted(filter(is_unknown, found)), 100))


def is_unknown(tail: str) -> bool:
    """Return whether no rule knows the exact words of `tail`, and no provider shows by them."""
    verdict = classify(f"550 {tail}")
    return verdict.provider is None and (verdict.rule is None or verdict.rule.id.startswith(BY_MEANING))


PLAIN: Final = re.compile(r"[45]\d\d[ -](?=.*[a-z])", re.IGNORECASE)


def judged(text: str) -> tuple[object, object]:
    verdict = classify(text)
    return verdict.reason, verdict.bounce_type


def with_tail(text: str, tail: str) -> str:
    return f"{text if text[-1] in '.!?;' else text + '.'} {tail}"


def test_a_tail_of_advice_changes_no_reason_and_makes_nothing_hard() -> None:
    assert len(tails()) == len(set(tails())) == 100
    rows = [text for text in texts() if PLAIN.match(text) and "\n" not in text and len(text) < 400]
    plain = {text: judged(text) for text in rows}
    changed, tried = [], 0
    for text in rows:
        number = crc32(text.encode())  # whoever adds a reply changes nothing for the others
        for tail in (tails()[number % 100], tails()[(number * 7 + 13) % 100]):
            reason, kind = judged(with_tail(text, tail))
            tried += 1
            assert kind != "hard" or plain[text][1] == "hard", (text, tail)
            if reason != plain[text][0]:
                changed.append((text, tail, plain[text][0], reason))
    assert len(changed) <= tried / 100, (tried, len(changed), changed[:20])


# --- doubts ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "temporary", "hedge", "resolver"),
    [
        ("550 mailbox temporarily disabled", "temporarily", None, None),
        ("550 this is not a temporary failure", None, None, None),
        ("550 unknown. please check the address and try again", None, None, None),
        ("550 it may be full or closed", None, "may be", None),
        ("550 it may be full", None, None, None),
        ("550 or it may be full", None, None, None),
        ("550 unknown. if you may be listed or blocked, write", None, None, None),
        ("getaddrinfo failed", None, None, "getaddrinfo"),
        ("550 see http://example.org/temporarily/may-be/or", None, None, None),
        ("550 ユーザーが存在しない、または停止中かもしれません", None, "かもしれません", None),
    ],
)
def test_doubts(text: str, temporary: str | None, hedge: str | None, resolver: str | None) -> None:
    reading = read(text)
    assert (
        (temporary, hedge, resolver) == (None, None, None)
        if reading is None
        else tuple(reading.doubts()[:3])
        == (
            temporary,
            hedge,
            resolver,
        )
    )


@pytest.mark.parametrize(
    ("text", "words", "rest"),
    [
        ("550 the recipient may not exist", "may not exist", "550 "),
        ("550 user unknown, the address may be misspelled", "may be", "550 user unknown"),
        ("550 user unknown (it may be misspelled)", "may be", "550 user unknown )"),
        ("550 user may not exist: see http://example.org/x", "may not exist", "550 "),
        ("550 may be gone. may be full: unknown", "may be", "550 : unknown"),
        ("550 unknown. if you may be listed, write", None, None),
        ("550 utilizatorul nu poate fi gasit, temporar", None, None),
    ],
)
def test_what_is_only_supposed(text: str, words: str | None, rest: str | None) -> None:
    reading = read(text)
    assert reading is not None
    assert reading.supposed() == (None if words is None else (words, rest))


@pytest.mark.parametrize(
    "reply",
    [
        "550 The recipient may not exist",
        "550 Le destinataire n'existe peut-être pas",
        "550 Il destinatario potrebbe non esistere",
        "550 Возможно, пользователь не существует",
        "550 Być może odbiorca nie istnieje",
        "550 收件人可能不存在",
        "550 Příjemce možná neexistuje",
        "550 Mottagaren finns kanske inte",
        "550 Vastaanottajaa ei ehkä ole olemassa",
    ],
)
def test_what_is_only_supposed_is_never_hard(reply: str) -> None:
    verdict = classify(reply, command="rcpt")
    assert (verdict.bounce_type, verdict.advice) == ("undetermined", "review")
    assert verdict.conflicts


@pytest.mark.parametrize(
    "reply",
    [
        "550 User unknown, the address may be misspelled",
        "550 User unknown (the mailbox may be disabled)",
        "550 5.1.1 The recipient may not exist",
        "550 Mail cannot be delivered: destinatarul nu poate fi gasit, utilizator necunoscut",
    ],
)
def test_a_supposition_beside_what_is_certain_changes_nothing(reply: str) -> None:
    assert classify(reply, command="rcpt").bounce_type == "hard"


# --- the data ----------------------------------------------------------------------------------------------------------


def languages() -> dict[str, dict[str, list[str]]]:
    """Return how replies speak, by the language."""
    documents = read_documents()
    return {
        path: cast("Any", one["reply"])
        for path, one in documents.items()
        if path.startswith("languages/") and "reply" in one
    }


def clients() -> dict[str, list[str]]:
    return cast("dict[str, list[str]]", read_documents()["clients.toml"])


def phrases() -> set[str]:
    """Return every phrase of the language files and of the clients' file, folded."""
    tables = (*languages().values(), clients())
    return {" ".join(fold(phrase).split()) for table in tables for values in table.values() for phrase in values}


NEVER_HARD: Final = tuple(
    line
    for line in (FIXTURES / "replies-never-hard.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
)


@cache
def proofs() -> tuple[tuple[str, tuple[str, ...]], ...]:
    found = dict.fromkeys(map(seen, (*(row["text"] for row in ROWS), *texts(), *NEVER_HARD, *CASES)))
    return tuple((text, tuple(words_of(text))) for text in found)


def outcome(meaning: Meaning, text: str, words: Sequence[str]) -> object:
    reading = meaning.read(text, words)
    if reading is None:
        return None
    doubts = reading.doubts()
    roles = [clause for clause in reading.clauses if clause.role is not Role.CAUSE]
    supposed = reading.supposed()
    found = roles or any(doubts) or reading.cuts() or supposed is not None
    return (roles, len(reading.clauses), doubts, supposed) if found else None


def without_phrase(words: Vocabulary, phrase: str) -> Meaning:
    """Return the meaning of `words` without a folded phrase, whatever its kind."""
    bare = phrase.removesuffix("*"), phrase.endswith("*")

    def less(found: list[tuple[str, str, bool]]) -> list[tuple[str, str, bool]]:
        return [entry for entry in found if (entry[0], entry[2]) != bare]

    return Meaning(Vocabulary(*({key: less(found) for key, found in filed.items()} for filed in words)))


def test_every_phrase_is_needed_by_some_reply() -> None:
    words = vocabulary(languages().values(), clients())
    usual = {text: outcome(MEANING, text, found) for text, found in proofs()}
    unneeded = []
    for phrase in sorted(phrases()):
        less, bare = without_phrase(words, phrase), phrase.removesuffix("*")
        if not any(outcome(less, text, found) != usual[text] for text, found in proofs() if bare in text):
            unneeded.append(phrase)
    assert unneeded == []


def test_every_language_has_words_of_time() -> None:
    assert len(languages()) > 20
    assert all(table.get("temporary") for table in languages().values())


def test_own_sentences_are_read_by_own_phrases() -> None:
    language = {
        "advice": ["prego"],
        "temporary": ["passager*"],
        "footer": ["geprueft durch"],
        "hedge": ["oda"],
        "either": ["ander"],
    }
    meaning = Meaning(vocabulary([language], {"cannot_resolve": ["kein netz"]}))
    reading = read("550 unknown passagere. prego write. geprueft durch us. oda full ander closed. kein netz.", meaning)
    assert reading is not None
    assert [str(clause.role) for clause in reading.clauses] == ["cause", "advice", "footer", "cause", "cause"]
    assert reading.doubts()[:3] == ("passager", "oda", "kein netz")


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ({"nosuch": ["x"]}, "unknown key"),
        ({"advice": "please"}, "must be a list of phrases"),
        ({"advice": [""]}, "must be a list of phrases"),
        ({"advice": [1]}, "must be a list of phrases"),
        ({"advice": 1}, "must be a list of phrases"),
        ({"advice": ["abc*"]}, "needs 5 letters"),
    ],
)
def test_a_faulty_language_file_is_refused(language: dict[str, object], words: str) -> None:
    with pytest.raises(EntryError, match=words):
        vocabulary([language], {})


@pytest.mark.parametrize("code", ["", "550 ", "550 5.2.1 "])
@pytest.mark.parametrize("words", ["make really sure the account is disabled", "check just the mailbox, it is closed"])
def test_a_reply_whose_plain_form_is_nothing_but_advice_is_judged(code: str, words: str) -> None:
    assert classify(code + words).bounce_type is not None


@pytest.mark.parametrize(
    "text",
    [
        "550 5.1.2 The recipient's domain does not exist. Message returned to sender.",
        "550 5.1.2 Host or domain name not found. Reported to the sender.",
        "550 The recipient domain does not exist. Your server should check DNS.",
    ],
)
def test_a_domain_is_not_that_of_a_sender_or_client_that_another_sentence_names(text: str) -> None:
    assert classify(text).reason == "domain_unknown"
