"""How words with accents are written in ASCII."""

from __future__ import annotations

import pytest

from undeliverable import classify
from undeliverable._text.letters import without_accents


@pytest.mark.parametrize(
    ("phrase", "written"),
    [
        ("für", {"fur", "fuer"}),
        ("på", {"pa", "paa"}),
        ("grösse", {"grosse", "groesse"}),
        ("kapalı", {"kapali"}),
        ("nie istnieje*", set()),
        ("không tồn tại", {"khong ton tai"}),
        ("неизвестен", set()),
        ("存在しません", set()),
    ],
)
def test_letters_of_ascii_stand_for_those_with_accents(phrase: str, written: set[str]) -> None:
    assert without_accents(phrase) == written


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("550 5.1.1 Uzivatel neexistuje", "user_unknown"),
        ("550 5.1.1 Empfaenger unbekannt", "user_unknown"),
        ("552 5.2.2 La boite de reception du destinataire est pleine", "mailbox_full"),
        ("550 5.7.1 Absenderadresse ungueltig", "sender_rejected"),
    ],
)
def test_replies_without_accents_are_understood(reply: str, reason: str) -> None:
    assert classify(reply).reason == reason


def test_what_passes_is_soft_without_accents_as_well() -> None:
    assert classify("550 5.2.1 Das Postfach ist voruebergehend gesperrt").bounce_type == "soft"
    assert classify("550 5.2.1 Brevladan ar tillfalligt avstangd").bounce_type != "hard"
