"""Lists of other systems, in and out."""

from __future__ import annotations

import csv
import io
import json
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.suppression_words import BEGIN, event
from undeliverable.store import FORMATS, StoreError, SuppressionList, export_records, export_rows, read_import
from undeliverable.store._formats import formats
from undeliverable.store._times import time_in
from undeliverable.suppression import Cause, EventKind, ListEvent

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def read(text: str | bytes, **options: object) -> list[tuple[str, ListEvent]]:
    raw = text if isinstance(text, bytes) else text.encode()
    return list(read_import(io.BytesIO(raw), default=NOW, **options))  # type: ignore[arg-type]


ROWS = [
    ("sendgrid bounces", "status,reason,email,created\n5.1.1,\"550 no, such user\",kim@example.org,1700000000\n", EventKind.BOUNCE, "550 no, such user"),
    ("sendgrid spam reports", "ip,email,created\n192.0.2.1,kim@example.org,1700000000\n", EventKind.COMPLAINT, None),
    ("sendgrid unsubscribes", "email,created\nkim@example.org,1700000000\n", EventKind.SUPPRESSION, None),
    ("sendgrid json", '[{"created": 1700000000, "email": "kim@example.org", "reason": "550 x", "status": "5.1.1"}]', EventKind.BOUNCE, "550 x"),
    ("mailgun bounces", "address,code,error,created_at\nkim@example.org,550,No such mailbox,\"Tue, 14 Nov 2023 22:13:20 UTC\"\n", EventKind.BOUNCE, "550 No such mailbox"),
    ("mailgun complaints", "address,created_at\nkim@example.org,\"Tue, 14 Nov 2023 22:13:20 +0000\"\n", EventKind.COMPLAINT, None),
    ("mailgun json", '{"items": [\n{"address": "kim@example.org", "code": "550", "error": "550 x", "created_at": "Tue, 14 Nov 2023 22:13:20 UTC"}]}', EventKind.BOUNCE, "550 x"),
    ("postmark hard", "EmailAddress,SuppressionReason,Origin,CreatedAt\nkim@example.org,HardBounce,Recipient,2023-11-14T17:13:20-05:00\n", EventKind.BOUNCE, None),
    ("postmark complaint", '{"Suppressions":[{"EmailAddress":"kim@example.org","SuppressionReason":"SpamComplaint","Origin":"Recipient","CreatedAt":"2023-11-14T22:13:20Z"}]}', EventKind.COMPLAINT, None),
    ("postmark manual", "EmailAddress,SuppressionReason,Origin,CreatedAt\nkim@example.org,ManualSuppression,Customer,2023-11-14T22:13:20Z\n", EventKind.SUPPRESSION, None),
    ("ses list", '{"SuppressedDestinationSummaries": [{"EmailAddress": "kim@example.org", "Reason": "BOUNCE", "LastUpdateTime": 1700000000.0}]}', EventKind.BOUNCE, None),
    ("ses import csv", "kim@example.org,COMPLAINT\n", EventKind.COMPLAINT, None),
    ("ses import json", '{"emailAddress": "kim@example.org", "reason": "BOUNCE"}\n', EventKind.BOUNCE, None),
    ("mailchimp cleaned", "Email Address,First Name,MEMBER_RATING,CLEAN_TIME,CLEAN_CAMPAIGN_TITLE,LEID\nkim@example.org,Kim,2,2023-11-14 22:13:20,Spring,1\n", EventKind.BOUNCE, None),
    ("mailchimp unsubscribed", "\ufeffEmail Address;UNSUB_TIME;UNSUB_REASON\nkim@example.org;2023-11-14 22:13:20;NORMAL\n", EventKind.SUPPRESSION, None),
    ("plain lines", "kim@example.org\n", EventKind.SUPPRESSION, None),
    ("plain column", "\n\nname\temail\nKim\tkim@example.org\n", EventKind.SUPPRESSION, None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "kind", "reply"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_what_other_systems_write(text: str, kind: EventKind, reply: str | None) -> None:
    ((address, made),) = read(text)
    assert (address, made.kind, made.reply) == ("kim@example.org", kind, reply)
    assert made.time in (datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC), NOW)
    assert (made.time == NOW) is not any(mark in text for mark in ("1700000000", "2023"))
    # The same row is the same event, whenever it is read.
    assert [made.key for _, made in read_import(io.BytesIO(text.encode()))] == [made.key]


def test_unsubscribing_is_said() -> None:
    ((_, made),) = read("email,created\nkim@example.org,1700000000\n")
    assert made.why == "unsubscribed"


def test_replies_can_be_judged_anew() -> None:
    text = (
        "status,reason,email,created\n"
        "5.1.1,550 5.1.1 no such user,kim@example.org,1700000000\n"
        "5.7.1,550 5.7.1 blocked using zen.spamhaus.org,lee@example.org,1700000000\n"
        "5.2.2,mailbox full,max@example.org,1700000000\n"
    )
    trusted, judged = (dict(read(text, judge=judge)) for judge in (False, True))
    assert {str(made.bounce_type) for made in trusted.values()} == {"hard"}
    assert [str(made.bounce_type) for made in judged.values()] == ["hard", "soft", "soft"]
    assert str(judged["max@example.org"].reason) == "mailbox_full"
    assert judged["max@example.org"].reply == "mailbox full"
    assert [made.key for made in judged.values()] == [made.key for made in trusted.values()]


def test_rows_that_say_nothing_are_counted() -> None:
    source = read_import(io.BytesIO(b"email,created\nkim@example.org,1\nnobody,2\n\n,,,\nlee@example.org,3\n"))
    assert [address for address, _ in source] == ["kim@example.org", "lee@example.org"]
    assert (source.rows, source.skips, source.skipped) == (3, 1, [2])
    source = read_import(
        io.BytesIO(b'{"email": "kim@example.org", "created": 1}\n \nnonsense\n[1]\n{"email": 7, "created": 1}\n')
    )
    assert len(list(source)) == 1
    assert source.skips == 3
    source = read_import(io.BytesIO(b'{"address": "kim@example.org", "events": [{"kind": "sneeze"}]}\n'))
    assert not list(source)
    assert source.skips == 1


def test_a_cell_that_is_too_long_costs_its_row_only() -> None:
    source = read_import(
        io.BytesIO(b"email,created\nkim@example.org,1\n" + b"x" * 200_000 + b",1\nlee@example.org,2\n")
    )
    assert [address for address, _ in source] == ["kim@example.org", "lee@example.org"]
    assert source.skips == 1


@pytest.mark.parametrize("text", ["colour,size\nred,1\n", "[", '{"colour": "red"}\n'])
def test_columns_that_no_format_has(text: str) -> None:
    with pytest.raises(StoreError):
        read(text)


def test_a_format_may_be_named() -> None:
    with pytest.raises(StoreError, match="unknown format 'pigeon'; expected one of csv, mailchimp"):
        read("", format="pigeon")
    with pytest.raises(StoreError, match="columns"):
        read("email,created\nkim@example.org,1\n", format="ses")
    assert read("", format="ses") == []


@pytest.mark.parametrize(
    "text",
    ["2023-11-14T22:13:20Z", "2023-11-14 22:13:20", "2023-11-14 22:13:20 UTC", "2023-11-15T00:13:20+02:00", "1700000000",
     "1700000000.0", "1700000000000", "Tue, 14 Nov 2023 22:13:20 GMT", "11/14/2023 22:13:20"],
)  # fmt: skip
def test_times(text: str) -> None:
    assert time_in(text) == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


@pytest.mark.parametrize("text", [None, "", "soon", "13/13/2023", "99999999999999999", "0001-01-01T00:00:00+14:00"])
def test_no_times(text: str | None) -> None:
    assert time_in(text) is None


@given(st.text(max_size=40))
def test_a_time_never_raises(text: str) -> None:
    found = time_in(text)
    assert found is None or found.tzinfo is UTC


@given(st.binary(max_size=300))
def test_bytes_never_raise_anything_else(raw: bytes) -> None:
    with suppress(StoreError):
        assert isinstance(read(raw), list)


def test_the_formats_are_there_and_name_their_source() -> None:
    assert {"mailchimp", "sendgrid", "mailgun", "postmark", "ses", "csv", "plain"} == set(FORMATS)
    for format_ in formats():
        assert format_.title
        assert format_.source.startswith("https://")


def known_list(place: str) -> SuppressionList:
    known = SuppressionList(place)
    known.record(
        [
            ("kim@example.org", event(0, "hard", reply="550 5.1.1 =no, \"such\"\nuser", status="5.1.1")),
            ("lee@example.org", event(1, "complaint")),
            *(("max@example.org", event(day, "soft", reply="451 4.3.0 later")) for day in range(5)),
            ("ann@example.org", event(2, "suppression", who="me", why="asked", until=datetime(2030, 1, 1, tzinfo=UTC))),
            ("bob@example.org", event(2, "soft")),
        ]
    )  # fmt: skip
    return known


def test_the_whole_history_out_and_in_again(place: str, tmp_path: Path) -> None:
    with known_list(place) as known, SuppressionList(tmp_path / "copy.db") as copy:
        text = "".join(json.dumps(record) + "\n" for record in export_records(known, BEGIN))
        assert copy.record(read(text)).new == 9
        assert copy.record(read(text)).known == 9
        assert sorted(copy.entries(), key=lambda entry: entry.address) == sorted(
            known.entries(), key=lambda entry: entry.address
        )
        assert [copy.history(entry.address) for entry in copy.entries()] == [
            known.history(e.address) for e in copy.entries()
        ]


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_out_and_in_again(name: str, tmp_path: Path) -> None:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    with known_list(str(tmp_path / "list.db")) as known, SuppressionList(tmp_path / "copy.db") as copy:
        columns, rows = export_rows(known, name, at=at)
        buffer = io.StringIO()
        csv.writer(buffer, lineterminator="\n").writerows([columns, *rows])
        expected = {"mailchimp": 2, "sendgrid": 2, "mailgun": 2, "ses": 3}.get(name, 4)
        assert copy.record(read(buffer.getvalue(), format=name)).new == expected
        assert copy.is_suppressed("kim@example.org", at)
        assert not copy.is_suppressed("bob@example.org", at)
        if name == "csv":
            assert {entry.shown: entry.state.until for entry in copy.entries()}["ann@example.org"] == datetime(
                2030, 1, 1, tzinfo=UTC
            )


@pytest.mark.parametrize(
    ("name", "cause", "columns"),
    [
        ("sendgrid", Cause.COMPLAINT, ("ip", "email", "created")),
        ("mailgun", Cause.COMPLAINT, ("address", "created_at")),
        ("mailchimp", Cause.MANUAL, ("Email Address", "UNSUB_TIME")),
    ],
)
def test_one_cause_of_a_format(name: str, cause: Cause, columns: tuple[str, ...], tmp_path: Path) -> None:
    with known_list(str(tmp_path / "list.db")) as known:
        found, rows = export_rows(known, name, cause=cause, at=BEGIN)
        assert found == columns
        assert len(list(rows)) == 1


def test_a_cause_that_a_format_cannot_say(tmp_path: Path) -> None:
    with (
        known_list(str(tmp_path / "list.db")) as known,
        pytest.raises(StoreError, match="cannot express the cause manual"),
    ):
        export_rows(known, "ses", cause=Cause.MANUAL)


def test_only_the_first_rows_that_were_skipped_are_named() -> None:
    source = read_import(io.BytesIO(b"email,created\n" + b"nobody,1\n" * 12))
    assert not list(source)
    assert (source.skips, source.skipped) == (12, list(range(1, 11)))


def test_a_document_may_hold_what_is_no_record() -> None:
    source = read_import(io.BytesIO(b'[{"email": "kim@example.org", "created": 1}, 7, null]'))
    assert [address for address, _ in source] == ["kim@example.org"]
    assert source.skips == 2


def test_without_a_cause_a_format_takes_what_it_can_say(tmp_path: Path) -> None:
    with known_list(str(tmp_path / "list.db")) as known:
        for name in ("sendgrid", "mailchimp"):
            found, rows = export_rows(known, name, at=BEGIN)
            assert found
            assert list(rows)
