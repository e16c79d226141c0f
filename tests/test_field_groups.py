"""Fields into groups: the way of most reports and the careful one come to the same, and what each damage costs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from undeliverable._dsn.groups import FIELD_LIMIT, Groups, Values, _any_groups, _standard_groups, group_fields

NAMES = (
    "final-recipient", "original-recipient", "action", "status", "remote-mta", "diagnostic-code", "last-attempt-date",
    "will-retry-until", "x-actual-recipient",
)  # fmt: skip
HEAD = "Reporting-MTA: dns; mx.example.net\nX-Example-Queue-ID: 4461725C9D9\nArrival-Date: Sat, 21 Nov 2026 21:16:20 +0000\n"
KIM = "Final-Recipient: rfc822; kim@example.org\nAction: failed\nStatus: 5.1.1\n"
LEE = "Original-Recipient: rfc822; lee@example.org\nFinal-Recipient: rfc822; lee@example.net\nStatus: 4.2.2\n"


def values(**known: str) -> Values:
    return tuple(known.get(name.replace("-", "_")) for name in NAMES)


KIM_S = values(final_recipient="rfc822; kim@example.org", action="failed", status="5.1.1")


def grouped(text: str) -> tuple[Groups, list[str]]:
    remarks: list[str] = []
    return group_fields(text, remarks), remarks


STANDARD = {
    "one recipient": f"{HEAD}\n{KIM}",
    "two": f"{HEAD}\n{KIM}\n{LEE}",
    "without a last line end": f"{HEAD}\n{KIM}".rstrip("\n"),
    "several blank lines at the end": f"{HEAD}\n{KIM}\n\n",
    "no fields of the message": f"{KIM}\n{LEE}",
    "an action alone": f"{HEAD}\nFinal-Recipient: rfc822; kim@example.org\nAction: failed\n",
    "a reply of two lines": f"{HEAD}\n{KIM}Diagnostic-Code: smtp; 550-5.1.1 no\n    550 5.1.1 mailbox\nRemote-MTA: dns; mx.example.org\n",
    "an original recipient alone": f"{HEAD}\nOriginal-Recipient: rfc822; kim@example.org\nStatus: 5.1.1\n",
}
OTHER = {
    "blanks at a line's end": f"{HEAD}\n{KIM}".replace("failed\n", "failed \n"),
    "a tab at a line's end": f"{HEAD}\n{KIM}".replace("failed\n", "failed\t\n"),
    "nobody named": f"{HEAD}\nAction: failed\nStatus: 5.1.1\n",
    "nothing said": f"{HEAD}\nFinal-Recipient: rfc822; kim@example.org\n",
    "a line of other white space": f"{HEAD}\n{KIM}Diagnostic-Code: smtp; 550 a\n \x0c\n b\n",
    "no blank line between": f"{KIM}{LEE}",
    "words": f"{HEAD}\n{KIM}Bye.\n",
}


@pytest.mark.parametrize("text", STANDARD.values(), ids=STANDARD.keys())
def test_most_reports_take_the_short_way_and_it_leads_to_the_same(text: str) -> None:
    remarks: list[str] = []
    found = _standard_groups(text)
    assert found is not None
    assert (found, []) == (_any_groups(text, remarks), remarks) == grouped(text)


@pytest.mark.parametrize("text", OTHER.values(), ids=OTHER.keys())
def test_what_is_unusual_takes_the_careful_way(text: str) -> None:
    remarks: list[str] = []
    assert _standard_groups(text) is None
    assert grouped(text) == (_any_groups(text, remarks), remarks)


@given(st.lists(st.sampled_from([*HEAD.splitlines(), *KIM.splitlines(), *LEE.splitlines(), "", " more"]), max_size=14))
def test_where_both_ways_lead_somewhere_it_is_the_same(lines: list[str]) -> None:
    text = "".join(f"{line}\n" for line in lines)
    found, remarks = _standard_groups(text), list[str]()
    if found is not None and not remarks:
        assert found == _any_groups(text, remarks)


def test_values_and_places() -> None:
    found, remarks = grouped(f"{HEAD}\n{KIM}\n{LEE}")
    assert found.message == ("dns; mx.example.net", None, "Sat, 21 Nov 2026 21:16:20 +0000", None, "4461725C9D9")
    assert found.recipients == [
        KIM_S,
        values(original_recipient="rfc822; lee@example.org", final_recipient="rfc822; lee@example.net", status="4.2.2"),
    ]
    assert found.offsets == [len(HEAD) + 1, len(HEAD) + len(KIM) + 2]
    assert remarks == []


class TestCareful:
    """What the careful way makes of damage: values, places and remarks."""

    @pytest.mark.parametrize(
        ("text", "queue"),
        [
            ("X-Example-Queue-ID: one \n\n", "one"),
            ("X-Example-QUEUE-id: one \nX-Other-Queue-ID: two\n\n", "one"),
            ("X-Example-Queue-ID: \nX-Other-Queue-ID: two\n\n", "two"),
            ("X-Example-Queue: one \n\n", None),
        ],
    )
    def test_a_queue_id(self, text: str, queue: str | None) -> None:
        assert grouped(text + KIM)[0].message[-1] == queue

    @pytest.mark.parametrize("before", ["", " \n", "\n\n", "some words\n\n", HEAD, f"{HEAD}\n", f"words\n{HEAD}\n\n"])
    @pytest.mark.parametrize("between", ["", "\n", "\t\n\n"])
    def test_places(self, before: str, between: str) -> None:
        text = f"{before}{KIM} \n{between}{LEE}"
        assert grouped(text)[0].offsets == [text.index("Final"), text.index("Original")]

    def test_words_before_the_first_field(self) -> None:
        for length in (59, 60, 61):
            words = "a" * length
            found, remarks = grouped(f" {words}\n\n{KIM}")
            assert found.recipients == [KIM_S]
            assert remarks == [f"a line that is no field was passed over: {words[:60]!r}"]

    @pytest.mark.parametrize(
        ("more", "changed", "remark"),
        [
            ("Remote-MTA: dns;\n mx.example.org\n", {"remote_mta": "dns;\nmx.example.org"}, None),
            (
                "Remote-MTA: dns;\nmx.example.org\n",
                {"remote_mta": "dns;\nmx.example.org"},
                "a line without a field name was taken to belong to remote-mta",
            ),
            (
                "Remote-MTA: dns; a@b\nXmx.example.org\n",
                {"remote_mta": "dns; a@b\nXmx.example.org"},
                "a line without a field name was taken to belong to remote-mta",
            ),
            ("Diagnostic-Code: smtp; 550\nno\n", {"diagnostic_code": "smtp; 550\nno"}, None),
            (
                "Remote-MTA: dns; mx.example.org\n\nBye.\n",
                {"remote_mta": "dns; mx.example.org"},
                "lines behind remote-mta that are no field were passed over",
            ),
            (
                "X-Actual-Recipient: rfc822; lee@example.org\nloc\n",
                {"x_actual_recipient": "rfc822; lee@example.org"},
                "lines behind x-actual-recipient that are no field were passed over",
            ),
            (
                "X-Actual-Recipient: rfc822;\nlee@example.org\n",
                {"x_actual_recipient": "rfc822;\nlee@example.org"},
                "a line without a field name was taken to belong to x-actual-recipient",
            ),
            ("Diagnostic-Code: smtp; 550\nSee: there\n", {"diagnostic_code": "smtp; 550\nSee: there"}, None),
        ],
    )
    def test_lines_that_are_no_field(self, more: str, changed: dict[str, str], remark: str | None) -> None:
        found, remarks = grouped(KIM.replace("failed", "failed ") + more)
        known = {name.replace("-", "_"): value for name, value in zip(NAMES, KIM_S, strict=True) if value}
        assert found.recipients == [values(**known, **changed)]
        assert remarks == ([] if remark is None else [remark])

    def test_extension_fields_count_by_their_names(self) -> None:
        found, remarks = grouped(f"{LEE}\n{KIM}X-A: b\nX-A: c\n\nX-A: d\nX-B: e\n")
        assert len(found.recipients) == 2
        assert remarks == ["fields repeated inside a group were ignored: x-a"]

    def test_very_many_extension_fields(self) -> None:
        many = "".join(f"X-Field-{number}: value\n" for number in range(10_000))
        found, remarks = grouped(
            f"Reporting-MTA : dns; mx.example.net\n{many}X-Example-Queue-ID: 7\n\n{LEE}{many}Remote-MTA: dns; a\n"
        )
        assert found.message[4] == "7"
        assert [(one[0], one[4]) for one in found.recipients] == [("rfc822; lee@example.net", "dns; a")]
        assert remarks == []

    @pytest.mark.parametrize(
        ("second", "remark"),
        [
            ("Diagnostic-Code: smtp; 550 no\n", "a blank line inside a recipient's group of fields"),
            ("Action: delivered\n", "fields repeated inside a group were ignored: action"),
            ("Action: delivered\nStatus: 2.0.0\n", "fields repeated inside a group were ignored: action, status"),
            (
                "Final-Recipient: rfc822; |/usr/bin/deliver\n",
                "fields repeated inside a group were ignored: final-recipient",
            ),
            ("Action: delivered\nX-A: b\n", "fields repeated inside a group were ignored: action"),
        ],
    )
    def test_a_second_group_that_is_none(self, second: str, remark: str) -> None:
        found, remarks = grouped(f"{LEE}\n{KIM}\n{second}")
        assert [one[0] for one in found.recipients] == ["rfc822; lee@example.net", "rfc822; kim@example.org"]
        assert found.recipients[1][2:4] == ("failed", "5.1.1")
        assert remarks == [remark]

    def test_a_final_recipient_alone_is_a_group_behind_a_blank_line(self) -> None:
        found, remarks = grouped(f"{LEE}\nFinal-Recipient: rfc822; kim@example.org\n")
        assert [one[0] for one in found.recipients] == ["rfc822; lee@example.net", "rfc822; kim@example.org"]
        assert (found.recipients[1][2:4], remarks) == ((None, None), [])

    def test_without_a_blank_line_it_may_be_foreign_text(self) -> None:
        found, remarks = grouped(f"{LEE}Final-Recipient: rfc822; kim@example.org\nX-A: b\n")
        assert [one[0] for one in found.recipients] == ["rfc822; lee@example.net"]
        assert remarks == ["fields repeated inside a group were ignored: final-recipient"]

    @pytest.mark.parametrize("blank", ["", "\n"])
    def test_where_nothing_says_what_happened_all_are_groups(self, blank: str) -> None:
        found, _ = grouped(
            f"Final-Recipient: rfc822; lee@example.net\n{blank}Final-Recipient: rfc822; kim@example.org\n"
        )
        assert [one[0] for one in found.recipients] == ["rfc822; lee@example.net", "rfc822; kim@example.org"]

    @pytest.mark.parametrize("following", [LEE, "Action: delayed\nFinal-Recipient: rfc822; lee@example.net\n"])
    def test_what_a_blank_line_cut_off_is_not_the_next_recipient_s(self, following: str) -> None:
        found, remarks = grouped(f"{KIM}\nDiagnostic-Code: smtp; 550 5.1.1 no\n\n{following}")
        assert [one[0] for one in found.recipients] == ["rfc822; kim@example.org", "rfc822; lee@example.net"]
        assert [one[5] for one in found.recipients] == ["smtp; 550 5.1.1 no", None]
        assert remarks == ["a blank line inside a recipient's group of fields"]

    @pytest.mark.parametrize("before", ["", "\n"])
    def test_a_recipient_that_was_lost_does_not_leave_its_reply_to_the_next_one(self, before: str) -> None:
        found, _ = grouped(
            f"Action: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 no\n{before}"
            "Final-Recipient: rfc822; lee@example.net\nRemote-MTA: dns; mx.example.net\n"
            "Action: delayed\nStatus: 4.2.2\nDiagnostic-Code: smtp; 452 4.2.2 full\n"
        )
        assert [(one[0], one[2], one[3], one[4], one[5]) for one in found.recipients] == [
            (None, "failed", "5.1.1", None, "smtp; 550 5.1.1 no"),
            ("rfc822; lee@example.net", "delayed", "4.2.2", "dns; mx.example.net", "smtp; 452 4.2.2 full"),
        ]
        assert found.offsets[1] == found.offsets[0] + len(f"Action: failed\nStatus: 5.1.1\n{before}") + 36

    @pytest.mark.parametrize(
        "groups",
        [
            "Action: {}\nStatus: {}\nFinal-Recipient: rfc822; {}\n\n",
            "Action: {}\nFinal-Recipient: rfc822; {2}\nStatus: {1}\n",
        ],
    )
    def test_a_recipient_may_stand_behind_the_action(self, groups: str) -> None:
        groups = groups.replace("{}", "{0}", 1).replace("{}", "{1}", 1).replace("{}", "{2}", 1)
        found, _ = grouped(
            groups.format("failed", "5.1.1", "kim@example.org") + groups.format("delayed", "4.2.2", "lee@example.net")
        )
        assert [(one[0], one[2], one[3]) for one in found.recipients] == [
            ("rfc822; kim@example.org", "failed", "5.1.1"),
            ("rfc822; lee@example.net", "delayed", "4.2.2"),
        ]

    def test_a_first_group_may_begin_with_any_field(self) -> None:
        found, _ = grouped(
            f"Remote-MTA: dns; mx.example.org\n\n{KIM}\nAction: failed\n\nFinal-Recipient: rfc822; lee@example.net\n"
        )
        assert [(one[0], one[4]) for one in found.recipients] == [
            ("rfc822; kim@example.org", "dns; mx.example.org"),
            ("rfc822; lee@example.net", None),
        ]

    def test_one_group_is_kept_whatever_it_lacks(self) -> None:
        found, remarks = grouped("Remote-MTA: dns; mx.example.org\n")
        assert found.recipients == [values(remote_mta="dns; mx.example.org")]
        assert remarks == []

    @pytest.mark.parametrize("what", ["Action: delayed", "Status: 4.2.2"])
    @pytest.mark.parametrize("who", ["Final-Recipient", "Original-Recipient", "X-Actual-Recipient"])
    def test_a_group_is_whole_with_a_name_and_an_outcome(self, who: str, what: str) -> None:
        found, remarks = grouped(f"{KIM} \n{who}: rfc822; lee@example.org\n{what}\n")
        assert len(found.recipients) == 2
        assert remarks == []


class TestLimit:
    def test_a_field_is_cut(self) -> None:
        head = f"{KIM}Diagnostic-Code:"
        for length in (FIELD_LIMIT - 1, FIELD_LIMIT, FIELD_LIMIT + 1):
            found, remarks = grouped(f"{head}{'a' * length}\nRemote-MTA: dns; mx.example.org\n")
            (one,) = found.recipients
            assert one == values(
                final_recipient="rfc822; kim@example.org",
                action="failed",
                status="5.1.1",
                diagnostic_code="a" * min(length, FIELD_LIMIT),
                remote_mta="dns; mx.example.org",
            )
            assert remarks == (
                [f"a field of more than {FIELD_LIMIT} characters was cut"] if length > FIELD_LIMIT else []
            )

    def test_a_field_that_comes_again_and_again(self) -> None:
        line = "Diagnostic-Code: " + "a" * (FIELD_LIMIT // 2) + "\n"
        found, _ = grouped(KIM + line * 5)
        (one,) = found.recipients
        # The first two and what lies between them are still short of the limit by nothing: no third is added.
        assert one[5] == "\n".join(["a" * (FIELD_LIMIT // 2)] * 2)
