"""The words of notifications: how phrases are found, and which language a text is in."""

from __future__ import annotations

import pickle

import pytest

from undeliverable import Knowledge, parse
from undeliverable._formats.wording import Wording, kinds_in, languages_of
from undeliverable._knowledge.languages import read_wording
from undeliverable._text.phrases import Phrases, plain
from undeliverable.errors import EntryError


def found(phrase: str, text: str) -> bool:
    return Phrases.of({"kind": [phrase]}).kinds(text) == {"kind"}


@pytest.mark.parametrize(
    ("phrase", "text"),
    [
        ("not .. deliver*", "It could not be Delivered."),
        ("not .. deliver*", "not\nyet delivered"),
        (
            "not .. deliver*",
            "not, as kim@one.two.three.four.five.six.example knows, delivered",
        ),  # an address is no word
        ("couldn't deliver", "We couldn\u2019t deliver it"),
        ("non délivré", "NON DELIVRE"),
        ("dostarczona została", "dostarczona zostala"),
        ("fail*", "failure"),
        ("配信 .. できません", "メールを配信することができません"),
        ("배달 .. 못", "메일을 배달하지 못했습니다"),
        ("配信 .. できません", "配信はまだまだまだまだまだまだまだ、配信できません"),
    ],
)
def test_a_phrase_is_found(phrase: str, text: str) -> None:
    assert found(phrase, text)


@pytest.mark.parametrize(
    ("phrase", "text"),
    [
        ("not .. deliver*", "delivered, not"),
        ("not .. deliver*", "not one of the many messages that we had was delivered"),
        ("not deliver*", "not be delivered"),
        ("fail", "failure"),
        ("fail*", "unfailing"),
        ("配信 .. できません", "配信のお知らせです。本日はどうもありがとうございました。できません"),
        ("user unknown", "user"),
    ],
)
def test_a_phrase_is_not_found(phrase: str, text: str) -> None:
    assert not found(phrase, text)


def test_phrases_are_found_again_once_they_were_taken_apart() -> None:
    phrases = Phrases.of({"a": ["not delivered", "not read"], "b": ["fail*"], "c": ["配信 .. できません"]})
    for _ in range(2):
        assert phrases.kinds("It was not delivered: failure, 配信できません") == {"a", "b", "c"}
        assert phrases.kinds("It was not read") == {"a"}
        assert phrases.kinds("Nothing of the kind") == frozenset()


def test_plain_text_has_no_accents() -> None:
    assert plain("Ł\u00f3d\u017a, \u00c9T\u00c9, \u0130STANBUL") == "lodz, ete, istanbul"


def test_a_word_of_another_language_does_not_count() -> None:
    wording = Wording.of({"de": {"failure": ("nicht zugestellt",)}, "sv": {"goods": ("tåg*",)}})
    phrases = [wording.phrases_in("Guten Tag,"), wording.phrases_in("wurde nicht zugestellt.")]
    languages = languages_of(phrases)
    assert languages == {"de"}
    assert [kinds_in(words, languages) for words in phrases] == [frozenset(), {"failure"}]
    assert wording.kinds("Guten Tag") == {"goods"}


def test_mail_that_cannot_go_on_is_a_failure() -> None:
    wording = Wording.of({"da": {"unable": ("kan ikke",), "mail": ("brev*",)}})
    assert wording.kinds("Koden kan ikke ændres") == {"unable"}
    assert wording.kinds("Dit brev kan ikke gives videre") == {"unable", "mail", "failure"}


def test_labels_are_compared_whole() -> None:
    wording = Wording.of(
        {"fr": {"recipient_label": ("destinataire(s)",), "sender_label": ("de",), "reason_label": ("motif",)}}
    )
    assert wording.names_recipient("- Destinataires ") is False
    assert wording.names_recipient("* DESTINATAIRE")
    assert wording.names_sender("De")
    assert wording.names_reason("Motif ")
    assert not wording.names_recipient("destinataire" * 9)


def test_a_sender_may_be_named_by_what_is_attached_to_its_address() -> None:
    wording = Wording.of({"ja": {"from": ("からの",)}, "zh": {"from": ("来自",)}, "en": {"from": ("from",)}})
    assert wording.attaches_from("", "からのメール")
    assert wording.attaches_from("来自", "")
    assert not wording.attaches_from("from", "へのメール")


def test_what_a_title_names_is_not_spoken_of() -> None:
    wording = Wording.of({"en": {"goods": ("invoice*",), "failure": ("not delivered",), "report": ("report",)}})

    def kinds(text: str) -> set[str]:
        return {phrase.kind for phrase in wording.phrases_outside_titles(text)}

    assert kinds('"Invoice 5" was not delivered') == {"failure"}
    assert kinds("Not delivered: invoice 5") == {"failure"}
    assert kinds("Invoice 5: not delivered") == {"goods", "failure"}
    assert kinds("Question: invoice 5") == {"goods"}


def test_a_line_that_says_which_message_it_was_is_a_title() -> None:
    wording = Wording.of({"ja": {"goods": ("予約",), "message_label": ("件名",)}})
    assert wording.names_message("■件名")
    assert wording.phrases_outside_titles("宛先：kim@example.org\n件名：予約の件") == frozenset()
    assert {phrase.kind for phrase in wording.phrases_outside_titles("宛先：kim@example.org\n予約の件")} == {"goods"}


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ({"failures": []}, "notification.failures"),
        ({"failure": [1]}, "notification.failure"),
        ({"mail": "x"}, "notification.mail"),
    ],
)
def test_a_fault_in_a_file_is_named(table: dict[str, object], key: str) -> None:
    with pytest.raises(EntryError) as caught:
        read_wording({"en": {"notification": table}})
    assert caught.value.key == key


QMAIL = b"""Return-Path: <>
From: MAILER-DAEMON@mx.example
Subject: failure notice

Hi. This is the qmail-send program at mx.example.
I'm afraid I wasn't able to deliver your message to the following addresses.

<kim@example.org>:
Remote host said: 550 5.1.1 no such user
"""


def test_knowledge_without_formats_reads_by_the_general_readers() -> None:
    bare = Knowledge.builtin().with_profile("strict-rfc").without_formats()
    for knowledge in (bare, pickle.loads(pickle.dumps(bare)), bare.with_rules([])):
        report = parse(QMAIL, knowledge=knowledge)
        assert report.message.generator is None
        assert [verdict.recipient for verdict in report.verdicts] == ["kim@example.org"]
        assert knowledge.formats.formats == ()
    assert parse(QMAIL).message.generator == "qmail"
