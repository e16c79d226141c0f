"""What stands around a cause: frames, wrappers of clients, polite words."""

from __future__ import annotations

import pytest

from tests.test_meaning import read
from undeliverable import classify
from undeliverable._rules.frames import parts


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("550 5.1.1 your message could not be delivered: user unknown", "550 5.1.1 user unknown"),
        ("550 could not be delivered to kim: user unknown", "550 user unknown"),
        ("550 could not be delivered to <> at mx.example.org: user unknown", "550 user unknown"),
        ("ihre nachricht konnte nicht zugestellt werden: postfach voll", "postfach voll"),
        ("550 a sentence. could not be delivered: user unknown", "550 a sentence. user unknown"),
        ("could not be delivered: remote host said: no", "no"),
        ("failed to deliver to '<>' smtp module(domain example.org) reports: host is down", "host is down"),
        ("mailbox full, could not be delivered: kim", None),  # the cause stands before it
        ("could not be delivered: 550", None),  # nothing behind it
        ("could not be delivered: no to: field", "no to: field"),
        ("could not be delivered without a to: field", None),  # a header's name
        ("could not be delivered. reason: full", None),  # another sentence
        ("could not be delivered", None),
    ],
)
def test_frames(text: str, wanted: str | None) -> None:
    reading = read(text)
    assert (text if reading is None else reading.unframed()) == (wanted or text)


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("mailbox unavailable. the server response was: 5.7.1 client is not allowed", " 5.7.1 client is not allowed"),
        ("mailbox unavailable. the server response was: 5.7.57 smtp", None),  # a single word
        ("550 postfach nicht verfügbar. die serverantwort war: absender gesperrt", "550  absender gesperrt"),
        ("the server response was: try this. the server response was: no such user", " no such user"),
        ("550 message refused giving up on 192.0.2.1.", "550 message refused "),
        ("550 message refused giving up on mx.example.org.", "550 message refused "),
        ("550 giving up on this message", None),
        ("550 sorry, no mailbox", "550  no mailbox"),
        ("550 sorry no mailbox", None),
        ("550 no mailbox. thank you for your interest. gone", "550 no mailbox. gone"),
        ("550 no, sorry, not here", None),
        ("550 thank you for nothing", "550 "),
    ],
)
def test_wrappers_and_courtesy_state_no_cause(text: str, cause: str | None) -> None:
    reading = read(text)
    assert (text if reading is None else reading.cause()) == (cause or text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("550 Message refused\nGiving up on 192.0.2.1.", "policy_rejected"),
        ("550 Message refused Giving up on 192.0.2.1.", "policy_rejected"),
        ("550 Unfortunately, kim does not exist here", "user_unknown"),
        ("Postfach nicht verfügbar. Die Serverantwort war: 5.7.1 Absender abgelehnt", "sender_rejected"),
        ("Mailbox unavailable. The server response was: 5.7.1 Your IP is listed", "blocklisted"),
    ],
)
def test_only_the_cause_decides(text: str, reason: str) -> None:
    assert classify(text).reason == reason


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (
            "550 Sorry, it could not be delivered: Postfach voll. Visit us",
            [
                'words      "Postfach" at offset 38 of the reply: recipient',
                'words      "voll" at offset 47 of the reply: full',
                'courtesy   "Sorry," (ignored)',
                'frame      "it could not be delivered:"',
                'cause      "Postfach voll."',
                'advice     "Visit us" (ignored)',
            ],
        ),
        ("550 Postilaatikko on suljettu", ['words      "suljettu" at offset 21 of the reply: disabled']),
        (
            "554 5.7.1 Delivery not authorized, message simply refused",
            ['words      "delivery not authorized, message refused" in the plain form'],
        ),
        (
            "Mailbox unavailable. The server response was: Your sender address is rejected",
            ['wrapper    "Mailbox unavailable. The server response was:"'],
        ),
    ],
)
def test_an_explanation_shows_roles_and_the_words_that_decided(text: str, lines: list[str]) -> None:
    shown = classify(text).explain(verbose=True)
    assert [line for line in lines if line not in shown] == [], shown


def test_nothing_stands_before_the_first_mark() -> None:
    assert list(parts("(kim), lee", 0, 10)) == [(0, 4), (4, 5), (5, 10)]
    assert list(parts("", 0, 0)) == []
