"""The plain form of a reply: without fillers, contractions, hyphens and rare words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from undeliverable import Knowledge, classify
from undeliverable._knowledge.common import shipped as _shipped
from undeliverable._rules.normal import Plain, plain_words
from undeliverable._rules.phrases import words_of
from undeliverable.errors import EntryError

PLAIN = _shipped().plain


def plain(text: str) -> str:
    return PLAIN.of(text, words_of(text))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("550 user simply unknown", "550 user unknown"),
        ("550 user apparently really unknown", "550 user unknown"),
        ("550 benutzer leider unbekannt", "550 benutzer unbekannt"),
        ("550 adres po prostu nieznany", "550 adres nieznany"),  # a filler of two words
        ("550 user doesn't exist", "550 user does not exist"),
        ("550 user can't be found", "550 user cannot be found"),
        ("550 user can not be found", "550 user cannot be found"),
        ("550 won't accept", "550 will not accept"),
        ("550 mailbox-gone", "550 mailbox gone"),
        ("550 no-such-user here", "550 no such user here"),
        ("550 non-existent user", "550 non-existent user"),  # a compound that phrases know
        ("550 mx-a.example.org-x", "550 mx-a.example.org-x"),
        ("550 x-spam: a-b@example", "550 x-spam: a-b@example"),
        ("550 address declined", "550 address rejected"),
        ("550 not known", "550 unknown"),
    ],
)
def test_forms(text: str, wanted: str) -> None:
    assert plain(text) == wanted


@pytest.mark.parametrize("text", ["550 user unknown", "", "550", "e-mail", "a: b"])
def test_a_plain_text_is_returned_as_it_is(text: str) -> None:
    assert plain(text) is text


@given(st.text(alphabet="abcdn' -.:_<>@\u00e4\u6587", max_size=60))
def test_any_text_has_a_plain_form_that_is_not_longer_by_much(text: str) -> None:
    found = plain(text)
    assert len(found) <= len(text) + text.count("n't")


def test_without_words_hardly_anything_changes() -> None:
    assert Plain().of("550 user simply declined: a", ["user", "simply", "declined"]) == "550 user simply declined: a"


@pytest.mark.parametrize(
    ("table", "key"),
    [
        (1, "plain"),
        ({"fillers": []}, "plain.fillers"),
        ({"filler": "x"}, "plain.filler"),
        ({"filler": [" "]}, "plain.filler"),
        ({"frame": ["x"]}, "plain.frame"),
        ({"same": ["x"]}, "plain.same"),
        ({"same": {"rejected": "declined"}}, "plain.same.rejected"),
    ],
)
def test_a_fault_is_named(table: object, key: str) -> None:
    with pytest.raises(EntryError) as caught:
        plain_words([table], [])
    assert caught.value.key == key


def test_compounds_are_those_of_phrases_and_patterns() -> None:
    assert plain_words([], ["a non-existent user", "mal-?formed|self-made"]).compounds == [
        "non-existent",
        "self-made",
    ]


@pytest.mark.parametrize(
    ("text", "like"),
    [
        (
            "550 5.1.1 <kim@example.org>: Recipient address declined: User unknown",
            "550 5.1.1 Recipient address rejected: User unknown",
        ),
        ("550 No such-user", "550 No such user"),
        ("550 Mailbox simply is full", "550 Mailbox is full"),
        (
            "550 Your message could not be delivered: <kim@example.org> was not found",
            "550 <kim@example.org> was not found",
        ),
    ],
)
def test_a_reply_is_judged_in_the_form_that_ranks_higher(text: str, like: str) -> None:
    found, wanted = classify(text), classify(like)
    assert found.rule == wanted.rule
    assert (found.reason, found.bounce_type) == (wanted.reason, wanted.bounce_type)


FILLERS = ["apparently", "simply", "unfortunately", "regrettably"]
REPLIES = [
    rule.example
    for rule in Knowledge.builtin().rules
    if rule.example and rule.example.isascii() and rule.example.count(" ") > 3
]


@given(st.sampled_from(REPLIES), st.sampled_from(FILLERS), st.integers(3, 9))
def test_a_filler_between_two_words_changes_nothing(text: str, filler: str, place: int) -> None:
    words = text.split(" ")
    if place < len(words) and words[place].isalpha() and words[place - 1].isalpha():
        changed = classify(" ".join([*words[:place], filler, *words[place:]]))
        assert (changed.reason, changed.bounce_type) == (classify(text).reason, classify(text).bounce_type)
