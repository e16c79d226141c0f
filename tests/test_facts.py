"""What several witnesses say of one recipient becomes one: who leads, whose reply is final, what is lost."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Any

import pytest

from undeliverable import Action, Command, Diagnostic, ReplyCode, StatusCode
from undeliverable._reading.merge import LEADERS, REPLY_WITNESSES, merge, read_diagnostic
from undeliverable._smtp.replies import parse_reply
from undeliverable.model import Evidence, RecipientFacts, Reply, Witness

FIELD, DIALOGUE, WORDS, HEADER = Witness.FIELD, Witness.DIALOGUE, Witness.WORDS, Witness.HEADER
KIM, LEE, MAX = "kim@example.org", "lee@example.org", "max@example.org"


def told(witness: Witness, recipient: str | None = KIM, reply: str | None = None, **more: Any) -> RecipientFacts:
    """What `witness` says: its reply a text, its words the text of a diagnostic, its status a text."""
    words, status = more.pop("words", None), more.pop("status", None)
    return RecipientFacts(
        witness=witness,
        recipient=recipient,
        reply=None if reply is None else parse_reply(reply),
        diagnostic=None if words is None else Diagnostic("", words),
        status=None if status is None else StatusCode.parse(status),
        **more,
    )


def seen(text: str) -> tuple[Evidence, ...]:
    return (Evidence(WORDS, "1", 0, text),)


def merged(*partials: RecipientFacts) -> tuple[RecipientFacts, ...]:
    """The merged facts, where nothing is lost."""
    remarks: list[str] = []
    found = merge(partials, remarks)
    assert remarks == []
    return found


def only(*partials: RecipientFacts) -> RecipientFacts:
    (found,) = merged(*partials)
    return found


class TestWhoLeads:
    @pytest.mark.parametrize("position", range(len(LEADERS)))
    def test_the_first_witness_that_names_recipients(self, position: int) -> None:
        partials = [told(witness, f"{witness}@example.org") for witness in reversed(LEADERS[position:])]
        # Two of the leading witness: only then is another recipient not the alias of the only one.
        found = merge([*partials, told(LEADERS[position], LEE)], [])
        assert [facts.recipient for facts in found] == [f"{LEADERS[position]}@example.org", LEE]
        assert {facts.witness for facts in found} == {LEADERS[position]}

    def test_a_witness_that_names_nobody_does_not_lead(self) -> None:
        found = merged(told(FIELD, None, "550 5.1.1 no"), told(DIALOGUE, KIM), told(DIALOGUE, LEE))
        assert [(facts.recipient, facts.witness) for facts in found] == [(KIM, DIALOGUE), (LEE, DIALOGUE)]
        assert all(facts.reply == parse_reply("550 5.1.1 no") for facts in found)

    def test_nobody_named(self) -> None:
        facts = only(told(WORDS, None, words="over quota"), told(DIALOGUE, None, "550 5.1.1 no"))
        assert (facts.recipient, facts.witness, facts.reply) == (None, WORDS, parse_reply("550 5.1.1 no"))
        assert facts.diagnostic == Diagnostic("", "over quota")

    def test_nothing_said(self) -> None:
        assert merged() == ()

    def test_in_the_order_of_the_leading_witness(self) -> None:
        found = merged(told(FIELD, LEE), told(DIALOGUE, KIM), told(FIELD, KIM), told(FIELD, MAX), told(DIALOGUE, MAX))
        assert [facts.recipient for facts in found] == [LEE, KIM, MAX]

    @pytest.mark.parametrize("order", [1, -1])
    def test_whoever_comes_first_of_those_that_name_the_same(self, order: int) -> None:
        named = [told(WORDS, KIM, vendor_code="words"), told(DIALOGUE, KIM, vendor_code="dialogue")][::order]
        facts = only(*named)
        assert (facts.witness, facts.vendor_code) == (WORDS, "words")
        facts = only(told(FIELD), *named)
        assert (facts.witness, facts.vendor_code) == (FIELD, named[0].vendor_code)

    def test_what_names_nobody_comes_last(self) -> None:
        facts = only(told(FIELD), told(HEADER, None, vendor_code="header"), told(WORDS, KIM, vendor_code="words"))
        assert (facts.witness, facts.vendor_code) == (FIELD, "words")
        facts = only(told(FIELD), told(HEADER, None, vendor_code="header", remote_mta="mx.example.org"))
        assert (facts.vendor_code, facts.remote_mta) == ("header", "mx.example.org")


class TestNamedTwice:
    @pytest.mark.parametrize(
        ("one", "two", "chosen"),
        [
            ({}, {}, 0),
            ({"action": Action.FAILED}, {}, 0),
            ({}, {"action": Action.FAILED}, 0),
            ({"action": Action.DELAYED}, {"action": Action.FAILED}, 1),
            ({"action": Action.DELAYED}, {}, 1),
            ({"action": Action.FAILED}, {"action": Action.DELAYED, "reply": "450 4.2.1 later"}, 0),
            ({}, {"reply": "550 no"}, 1),
            ({"reply": "550 no"}, {"reply": "551 no"}, 0),
            ({"reply": "550 no"}, {"words": "gone"}, 0),
            ({"reply": "4.2.2 full"}, {"reply": "550 no"}, 1),
            ({"words": "gone"}, {"reply": "550 no"}, 1),
            ({}, {"words": "gone"}, 1),
            ({"words": "gone"}, {}, 0),
            ({"reply": "550 no", "words": "gone"}, {"reply": "551 no"}, 0),
            ({"reply": "550 no"}, {"reply": "551 no", "words": "gone"}, 1),
        ],
    )
    def test_the_entry_that_says_more_counts(self, one: dict[str, Any], two: dict[str, Any], chosen: int) -> None:
        partials = [told(FIELD, KIM, **one), told(FIELD, f"<{KIM.upper()}>", **two), told(FIELD, LEE)]
        assert merged(*partials) == (partials[chosen], partials[2])
        assert merged(*partials[:2]) == (partials[chosen],)

    @pytest.mark.parametrize(
        ("types", "chosen"), [(("", "smtp"), 1), (("x-unix", "smtp"), 1), (("smtp", "x-unix"), 0), (("", "x-unix"), 0)]
    )
    def test_words_that_are_marked_as_a_reply_outweigh_others(self, types: tuple[str, str], chosen: int) -> None:
        partials = [dataclasses.replace(told(FIELD), diagnostic=Diagnostic(kind, "gone")) for kind in types]
        assert merged(*partials) == (partials[chosen],)


class TestTheOnlyRecipient:
    def test_what_names_it_counts(self) -> None:
        facts = only(
            told(FIELD), told(DIALOGUE, LEE, "550 5.7.1 lee"), told(DIALOGUE, "<KIM@example.org>", "550 5.1.1 kim")
        )
        assert facts.reply == parse_reply("550 5.1.1 kim")

    def test_by_its_original_address_too(self) -> None:
        forwarded = told(FIELD, KIM, original_recipient=LEE)
        assert only(forwarded, told(DIALOGUE, LEE, "550 5.1.1 no")).reply == parse_reply("550 5.1.1 no")
        other = told(DIALOGUE, MAX, "550 5.1.1 no", original_recipient=KIM)
        assert only(forwarded, other, told(DIALOGUE, "eve@example.org")).reply == parse_reply("550 5.1.1 no")

    def test_one_other_address_is_its_alias(self) -> None:
        facts = only(told(FIELD), told(DIALOGUE, LEE, "550 5.1.1 no"), told(WORDS, f"<{LEE}>", words="gone"))
        assert facts.reply == parse_reply("550 5.1.1 no")
        assert facts.original_recipient == LEE
        assert facts.diagnostic == Diagnostic("", "gone")

    def test_of_two_others_neither(self) -> None:
        facts = only(told(FIELD), told(DIALOGUE, LEE, "550 5.1.1 no"), told(DIALOGUE, MAX, "550 5.1.1 no"))
        assert (facts.recipient, facts.reply, facts.original_recipient) == (KIM, None, None)

    def test_what_names_nobody_counts(self) -> None:
        facts = only(told(DIALOGUE, None, "550 5.1.1 no"), told(FIELD), told(WORDS, None, words="gone"))
        assert (facts.witness, facts.reply, facts.diagnostic) == (
            FIELD,
            parse_reply("550 5.1.1 no"),
            Diagnostic("", "gone"),
        )


class TestSeveralRecipients:
    def test_fields_of_nobody_among_others_are_of_somebody_else(self) -> None:
        remarks: list[str] = []
        found = merge((told(FIELD, KIM), told(FIELD, None, "550 5.1.1 no"), told(WORDS, None, words="gone")), remarks)
        assert [(facts.recipient, facts.reply, facts.diagnostic) for facts in found] == [
            (KIM, None, Diagnostic("", "gone"))
        ]
        assert remarks == ["a group of fields that names no recipient, among others that do, was passed over"]

    def test_each_gets_what_names_it_and_what_names_nobody(self) -> None:
        found = merged(
            told(FIELD, KIM),
            told(FIELD, LEE, original_recipient=MAX),
            told(DIALOGUE, f"<{MAX}>", "550 5.1.1 max"),
            told(DIALOGUE, KIM, "550 5.1.1 kim"),
            told(HEADER, None, vendor_code="X1"),
        )
        assert [(facts.recipient, facts.reply, facts.vendor_code) for facts in found] == [
            (KIM, parse_reply("550 5.1.1 kim"), "X1"),
            (LEE, parse_reply("550 5.1.1 max"), "X1"),
        ]

    def test_what_names_one_twice_is_heard_once(self) -> None:
        both = told(DIALOGUE, KIM, "550 5.1.1 no", original_recipient=LEE, conflicts=())
        found = merged(told(FIELD, KIM, "450 later", original_recipient=LEE), told(FIELD, MAX), both)
        assert found[0].conflicts == ("the field has the reply 450 but the final one is 550",)
        assert found[0].reply == both.reply

    def test_all_that_name_it_are_heard(self) -> None:
        found = merged(
            told(FIELD, KIM), told(FIELD, LEE), told(DIALOGUE, KIM, vendor_code="X1"), told(WORDS, KIM, words="gone")
        )
        assert (found[0].vendor_code, found[0].diagnostic) == ("X1", Diagnostic("", "gone"))

    def test_no_letter_of_a_name_is_lost(self) -> None:
        found = merged(
            told(FIELD, "Xam@example.X"), told(FIELD, "am@example."), told(WORDS, "AM@example.", words="gone")
        )
        assert [facts.diagnostic for facts in found] == [None, Diagnostic("", "gone")]

    @pytest.mark.parametrize("recipient", [KIM, None])
    def test_no_more_than_so_many_are_heard(self, recipient: str | None) -> None:
        many = [told(WORDS, recipient) for _ in range(15)]
        last = [told(WORDS, recipient, vendor_code="16"), told(WORDS, recipient, remote_mta="17.example.net")]
        found = merged(told(FIELD, KIM), told(FIELD, LEE), *many, *last)
        assert (found[0].vendor_code, found[0].remote_mta) == ("16", None)

    def test_the_text_that_names_others(self) -> None:
        remarks: list[str] = []
        names = ("d", "a", "c", "b", "a")
        found = merge(
            [
                told(FIELD, KIM),
                told(FIELD, LEE, original_recipient=MAX),
                *(told(WORDS, f"{name}@example.net") for name in names),
                told(WORDS, KIM.upper()),
                told(WORDS, MAX),
                told(DIALOGUE, "deferred@example.net"),
            ],
            remarks,
        )
        assert len(found) == 2
        assert remarks == [
            "the text also names a@example.net, b@example.net, c@example.net, of which the report's fields know nothing"
        ]


class TestFinalReply:
    @pytest.mark.parametrize("position", range(len(REPLY_WITNESSES)))
    def test_of_the_first_that_has_a_code(self, position: int) -> None:
        partials = [
            told(witness, KIM, f"55{number} 5.1.{number} no", evidence=seen(str(number)))
            for number, witness in enumerate(REPLY_WITNESSES)
        ]
        facts = only(*reversed(partials[position:]))
        assert facts.reply == partials[position].reply
        assert facts.evidence == seen(str(position))

    def test_a_code_before_none(self) -> None:
        facts = only(told(DIALOGUE, KIM, "5.1.1 no"), told(HEADER, KIM, "550 no", evidence=seen("h")))
        assert (facts.reply, facts.evidence) == (parse_reply("550 no"), seen("h"))

    @pytest.mark.parametrize(
        ("dialogue", "field", "final"),
        [
            ("550 no", "550 5.1.1 no", "550 5.1.1 no"),
            ("550 no", "551 5.1.1 no", "550 no"),
            ("550 no", "550 nope", "550 no"),
            ("550 5.7.1 no", "550 5.1.1 no", "550 5.7.1 no"),
            ("250 ok", "550 5.1.1 no", "550 5.1.1 no"),
            ("354 go on", "250 ok", None),
            ("400 later", "550 5.1.1 no", "400 later"),
        ],
    )
    def test_the_same_with_a_status_before_one_without(self, dialogue: str, field: str, final: str | None) -> None:
        partials = [
            told(FIELD, KIM, field, evidence=seen(field)),
            told(DIALOGUE, KIM, dialogue, evidence=seen(dialogue)),
        ]
        facts = only(*partials)
        assert facts.reply == (None if final is None else parse_reply(final))
        assert facts.evidence == seen(field if final is None else final)

    def test_of_two_that_say_the_same_with_a_status_the_first(self) -> None:
        facts = only(told(DIALOGUE, KIM, "550 no"), told(FIELD, KIM, "550 5.1.1 a"), told(WORDS, KIM, "550 5.7.1 b"))
        assert facts.reply == parse_reply("550 5.1.1 a")

    def test_evidence_is_that_of_the_leading_witness_where_no_reply_decides(self) -> None:
        facts = only(told(FIELD, KIM, evidence=seen("field")), told(WORDS, KIM, words="gone", evidence=seen("words")))
        assert facts.evidence == seen("field")


class TestWords:
    """What one witness hands on as words may hold a reply."""

    @pytest.mark.parametrize("alone", [True, False])
    @pytest.mark.parametrize(
        ("words", "reply", "command", "left"),
        [
            ("550 5.1.1 no", "550 5.1.1 no", None, None),
            (
                "host mx.example.org said: 550 5.1.1 no (in reply to RCPT TO command)",
                "550 5.1.1 no",
                Command.RCPT,
                None,
            ),
            ("after end of data: 554 5.7.1 spam", "554 5.7.1 spam", Command.END_OF_DATA, None),
            ("5.2.2 over quota", "5.2.2 over quota", None, "5.2.2 over quota"),
            ("over quota", None, None, "over quota"),
            ("250 2.0.0 ok", None, None, None),
        ],
    )
    def test_that_are_a_reply(
        self, words: str, reply: str | None, command: Command | None, left: str | None, alone: bool
    ) -> None:
        first = told(WORDS, KIM, words=words, evidence=seen("words"))
        facts = only(first) if alone else only(first, told(HEADER, KIM, evidence=seen("header")))
        expected = None if reply is None else parse_reply(reply)
        assert (facts.reply and facts.reply.text) == (expected and expected.text)
        assert (facts.reply and facts.reply.code) == (expected and expected.code)
        assert (facts.reply and facts.reply.status) == (expected and expected.status)
        assert facts.command is command
        assert facts.diagnostic == (None if left is None else Diagnostic("", left))
        assert facts.evidence == seen("words")

    @pytest.mark.parametrize("alone", [True, False])
    def test_a_reply_beside_them_is_the_reply(self, alone: bool) -> None:
        first = told(WORDS, KIM, "550 5.1.1 no", words="554 5.7.1 spam")
        facts = only(first) if alone else only(first, told(HEADER, KIM))
        assert facts.reply == parse_reply("550 5.1.1 no")
        assert facts.diagnostic is None

    def test_a_reply_without_a_code_leaves_the_words(self) -> None:
        facts = only(told(WORDS, KIM, "5.1.1 no", words="no such user"), told(HEADER, KIM))
        assert facts.diagnostic == Diagnostic("", "no such user")

    def test_the_first_words_count(self) -> None:
        facts = only(told(FIELD, KIM), told(WORDS, KIM, words="gone"), told(HEADER, KIM, words="lost"))
        assert facts.diagnostic == Diagnostic("", "gone")

    def test_a_command_of_its_own_is_kept(self) -> None:
        words = "host said: 550 5.1.1 no (in reply to RCPT TO command)"
        assert only(told(WORDS, KIM, words=words, command=Command.MAIL)).command is Command.MAIL
        facts = only(told(WORDS, KIM, words="after end of data: 554 spam", command=Command.RCPT), told(HEADER, KIM))
        assert facts.command is Command.RCPT


class TestExpired:
    GAVE_UP = "554 5.4.7 message timeout (last transfail: 454 4.7.1 Greylisted)"

    @pytest.mark.parametrize("alone", [True, False])
    @pytest.mark.parametrize(
        ("given", "expired", "reply"),
        [
            ({"reply": GAVE_UP}, True, "454 4.7.1 Greylisted"),
            ({"words": GAVE_UP}, True, "454 4.7.1 Greylisted"),
            ({"words": "retry time exceeded"}, True, None),
            ({"words": "gone"}, False, None),
            ({"reply": "450 4.2.1 later", "expired": True}, True, "450 4.2.1 later"),
            ({"expired": True}, True, None),
            ({}, False, None),
            # Without the queue's word it is a refusal that quotes another.
            (
                {"reply": "554 5.7.1 no (reason: 454 4.7.1 Greylisted)"},
                False,
                "554 5.7.1 no (reason: 454 4.7.1 Greylisted)",
            ),
        ],
    )
    def test_where_the_queue_gave_up(
        self, given: dict[str, Any], expired: bool, reply: str | None, alone: bool
    ) -> None:
        first = told(WORDS, KIM, **given)
        facts = only(first) if alone else only(told(HEADER, KIM), first)
        assert facts.expired is expired
        assert (facts.reply and facts.reply.text) == reply


class TestAlone:
    def test_a_field_is_taken_as_it_is(self) -> None:
        facts = told(FIELD, KIM, words="550 5.1.1 no")
        assert only(facts) is facts

    def test_all_attributes_stay(self) -> None:
        facts = told(
            WORDS,
            KIM,
            "550 5.1.1 no",
            original_recipient=LEE,
            action=Action.FAILED,
            status="5.0.0",
            command=Command.RCPT,
            remote_mta="mx.example.org",
            expired=True,
            last_attempt_date=datetime(2026, 11, 1, tzinfo=UTC),
            will_retry_until=datetime(2026, 11, 2, tzinfo=UTC),
            vendor_code="X1",
            evidence=seen("words"),
        )
        assert only(facts) == facts
        assert only(facts, told(HEADER, KIM)) == facts

    def test_evidence_without_a_reply(self) -> None:
        assert only(told(WORDS, KIM, "250 ok", evidence=seen("ok"))).evidence == seen("ok")
        assert only(told(WORDS, KIM, "550 no")).evidence == ()


class TestAttributes:
    @pytest.mark.parametrize(
        ("name", "one", "two"),
        [
            ("action", Action.FAILED, Action.DELAYED),
            ("status", StatusCode(5, 1, 1), StatusCode(4, 0, 0)),
            ("remote_mta", "a.example.org", "b.example.org"),
            ("last_attempt_date", datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC)),
            ("will_retry_until", datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC)),
            ("vendor_code", "X1", "X2"),
        ],
    )
    def test_the_first_value_counts(self, name: str, one: object, two: object) -> None:
        def given(witness: Witness, value: Any = None) -> RecipientFacts:
            return dataclasses.replace(told(witness), **{name: value})

        assert getattr(only(given(FIELD, one), given(WORDS, two)), name) == one
        assert getattr(only(given(FIELD), given(WORDS, two), given(HEADER, one)), name) == two
        assert getattr(only(given(FIELD), given(WORDS)), name) is None

    def test_the_words_of_the_fields_are_kept(self) -> None:
        assert only(told(FIELD), told(WORDS, field_block="X-Note: a"), told(HEADER)).field_block == "X-Note: a"
        assert only(told(FIELD), told(WORDS)).field_block == ""


class TestOriginalRecipient:
    @pytest.mark.parametrize(
        ("first", "second", "original"),
        [
            ((KIM, None), (KIM, None), None),
            ((KIM, LEE), (KIM, MAX), LEE),
            ((KIM, "<KIM@EXAMPLE.ORG>"), (KIM, LEE), LEE),
            ((KIM, None), (LEE, KIM), LEE),
            ((None, LEE), (None, None), LEE),
        ],
    )
    def test_the_address_that_is_another(
        self, first: tuple[str | None, str | None], second: tuple[str | None, str | None], original: str | None
    ) -> None:
        partials = [
            told(witness, recipient, original_recipient=other)
            for witness, (recipient, other) in zip((FIELD, WORDS), (first, second), strict=True)
        ]
        assert only(*partials).original_recipient == original

    def test_of_one_witness(self) -> None:
        assert only(told(WORDS, KIM, original_recipient=f"<{KIM}>")).original_recipient is None
        assert only(told(WORDS, KIM, original_recipient=LEE)).original_recipient == LEE


class TestCommand:
    @pytest.mark.parametrize(
        ("field", "words", "command"),
        [
            (("550 no", Command.RCPT), ("550 no", Command.DATA), Command.RCPT),
            (("550 no", None), ("550 no", Command.DATA), Command.DATA),
            (("550 no", None), ("551 no", Command.DATA), None),
            (("550 no", None), (None, Command.DATA), Command.DATA),
            ((None, None), (None, Command.DATA), None),
        ],
    )
    def test_what_the_final_reply_answered(
        self,
        field: tuple[str | None, Command | None],
        words: tuple[str | None, Command | None],
        command: Command | None,
    ) -> None:
        partials = [
            told(witness, KIM, reply, command=given)
            for witness, (reply, given) in zip((FIELD, WORDS), (field, words), strict=True)
        ]
        assert only(*partials).command is command

    def test_the_reply_knows_it_itself(self) -> None:
        answered = Reply(ReplyCode(550), None, "550 no", Command.RCPT)
        own = RecipientFacts(witness=DIALOGUE, recipient=KIM, reply=answered, command=Command.DATA)
        assert only(own, told(FIELD)).command is Command.RCPT
        assert only(own).command is Command.RCPT
        other = RecipientFacts(witness=FIELD, recipient=KIM, reply=answered)
        assert only(told(DIALOGUE, KIM, "550 5.1.1 no"), other).command is Command.RCPT
        assert only(told(DIALOGUE, KIM, "551 5.1.1 no"), other).command is None


class TestConflicts:
    @pytest.mark.parametrize(
        ("replies", "conflicts"),
        [
            (["550 no", "554 no"], ()),
            (["550 no", "500 no"], ()),
            (["500 no", "550 no"], ()),
            (["550 no", "450 later"], ("the field has the reply 450 but the final one is 550",)),
            (["550 no", "250 ok"], ("the field has the reply 250 but the final one is 550",)),
            (["550 no", "4.2.1 later"], ()),
            (["550 no", None], ()),
            ([None, "4.2.1 later"], ()),
            (["250 ok", "354 go"], ()),
            (
                ["550 no", "450 later", "451 later"],
                (
                    "the field has the reply 450 but the final one is 550",
                    "the words has the reply 451 but the final one is 550",
                ),
            ),
        ],
    )
    def test_replies_of_another_class(self, replies: list[str | None], conflicts: tuple[str, ...]) -> None:
        partials = [
            told(witness, KIM, reply) for witness, reply in zip((DIALOGUE, FIELD, WORDS), replies, strict=False)
        ]
        assert only(*partials).conflicts == conflicts

    def test_each_once(self) -> None:
        facts = only(told(DIALOGUE, KIM, "550 no"), told(FIELD, None, "450 a"), told(FIELD, None, "450 b"))
        assert facts.conflicts == ("the field has the reply 450 but the final one is 550",)


class TestHear:
    """The reply in a Diagnostic-Code."""

    @pytest.mark.parametrize(
        ("text", "reply", "expired"),
        [
            ("550 5.1.1 no", "550 5.1.1 no", False),
            ("5.1.1 no", "5.1.1 no", False),
            ("400 later", "400 later", False),
            ("399 what", None, False),
            ("250 ok", None, False),
            ("no such user", None, False),
            ("554 5.7.1 no (reason: 454 4.7.1 Greylisted)", "554 5.7.1 no (reason: 454 4.7.1 Greylisted)", False),
            ("retry time exceeded", None, True),
            (TestExpired.GAVE_UP, "454 4.7.1 Greylisted", True),
            ("450 4.4.7 delivery time expired", "450 4.4.7 delivery time expired", True),
        ],
    )
    def test_what_it_says(self, text: str, reply: str | None, expired: bool) -> None:
        found, gave_up = read_diagnostic(text, None)
        assert (found and found.text, gave_up) == (reply, expired)

    def test_what_it_answered(self) -> None:
        found, _ = read_diagnostic("550 no", Command.RCPT)
        assert found is not None
        assert found.command is Command.RCPT
