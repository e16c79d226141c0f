"""Each query of the cookbook runs, and finds what was put there to be found."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

pa = pytest.importorskip("pyarrow", reason="needs the extra `arrow`")
duckdb = pytest.importorskip("duckdb", reason="needs DuckDB")

from undeliverable import arrow  # noqa: E402

PAGE: Final = Path(__file__).resolve().parent.parent / "docs" / "howto" / "sql-questions.md"
QUESTIONS: Final = re.findall(
    r"^## (.+?)\n.*?^```sql\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
)
START: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)

BOUNCE: Final = """\
From: MAILER-DAEMON@mx.example.net
To: news@example.com
Subject: Undelivered Mail Returned to Sender
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: text/plain

<{to}>: host {host}[192.0.2.1] said: {reply} (in reply to RCPT TO command)

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; {to}
Action: {action}
Status: {status}
Remote-MTA: dns; {host}
Diagnostic-Code: smtp; {reply}

--b
Content-Type: message/rfc822

From: News <news@example.com>
To: {to}
Subject: News
Message-ID: <{message}@example.com>
List-Id: <spring.example.com>

--b--
"""
UNKNOWN: Final = "550 5.1.1 no such user"
# day, recipient, host, reply, original message
STORY: Final = (
    (0, "kim@example.org", "mx.example.org", UNKNOWN, "n1"),
    (40, "kim@example.org", "mx.example.org", UNKNOWN, "n2"),
    (0, "lee@example.org", "mx.example.org", UNKNOWN, "n1"),
    (120, "lee@example.org", "mx.example.org", UNKNOWN, "n3"),
    (3, "pat@example.net", "mx.example.net", "450 4.2.2 mailbox full", "n1"),
    (8, "pat@example.net", "mx.example.net", "552 5.2.2 mailbox full", "n1"),
    (10, "sam@gmail.example", "gmail-smtp-in.l.google.com", "550-5.7.26 Unauthenticated email from example.com is not accepted due to domain's DMARC policy", "n4"),
    (11, "sam@gmail.example", "gmail-smtp-in.l.google.com", "550-5.7.26 Unauthenticated email from example.com is not accepted due to domain's DMARC policy", "n5"),
    (60, "sam@gmail.example", "gmail-smtp-in.l.google.com", "421 4.7.28 Our system has detected an unusual rate of unsolicited mail", "n6"),
    (12, "max@example.net", "mx.example.net", "554 5.7.1 blocked using zen.spamhaus.org", "n4"),
    (12, "joe@example.net", "mx.example.net", "554 Frobnicated 17 by ann@example.net", "n4"),
    (13, "jim@example.net", "mx.example.net", "554 Frobnicated 18 by bob@example.net", "n4"),
)  # fmt: skip


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Any:
    mails = [
        BOUNCE.format(
            to=to, host=host, reply=reply, message=message, status="4.0.0" if reply[0] == "4" else "5.0.0",
            action="delayed" if reply[0] == "4" else "failed",
        ).encode()
        for _, to, host, reply, message in STORY
    ]  # fmt: skip
    batch = pa.record_batch(
        {
            "id": [str(number) for number in range(len(mails))],
            "received": pa.array([START + timedelta(days=row[0]) for row in STORY], pa.timestamp("us", tz="UTC")),
            "raw": mails,
        }
    )
    rules = tmp_path_factory.mktemp("rules") / "ours.toml"
    rules.write_text(
        '[[policy]]\nid = "soft"\nwhen = { reason = "user_unknown" }\nthen = { bounce_type = "soft" }\n',
        encoding="utf-8",
    )
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    keep = ("id", "received")
    connection.register("verdicts", pa.Table.from_batches([arrow.read(batch, keep=keep)]))
    connection.register("old", pa.Table.from_batches([arrow.read(batch, keep=keep)]))
    connection.register("new", pa.Table.from_batches([arrow.read(batch, keep=keep, rules=[rules])]))
    return connection


def day(number: int) -> Any:
    return (START + timedelta(days=number)).date()


FOUND: Final[dict[str, Any]] = {
    "Which addresses must get no more mail?": lambda rows: (
        [row[0] for row in rows] == ["lee@example.org", "kim@example.org"] and rows[0][2] == "user_unknown"
    ),
    "Which addresses were hard twice within 90 days?": lambda rows: rows == [("kim@example.org",)],
    "Which provider began to refuse us, and when?": lambda rows: (
        [row[:2] for row in rows if row[0] == "google"] == [("google", day(10)), ("google", day(60))]
        and rows[0][3] == ["auth_failed"]
    ),
    "Why do providers refuse?": lambda rows: ("google", "auth_failed", 2, 66.7) in rows,
    "Which authentication did not pass, and for which sender?": lambda rows: (
        rows == [("dmarc", "example.com", "google", 2)]
    ),
    "On which blocklists are we, and since when?": lambda rows: (
        [(row[0], row[1].date(), row[3]) for row in rows] == [("Spamhaus ZEN", day(12), 1)]
    ),
    "Which list or campaign bounces most?": lambda rows: rows == [("<spring.example.com>", 4, 0)],
    "Which delays became failures?": lambda rows: (
        rows == [("pat@example.net", "mailbox_full", "mailbox_full", timedelta(days=5))]
    ),
    "Which replies does no rule understand?": lambda rows: (
        rows == [("# Frobnicated # by <address>", "mx.example.net", 2)]
    ),
    "What would change with another table of rules?": lambda rows: (
        rows == [(None, "user_unknown", "user_unknown", "hard", "soft", 4)]
    ),
}


def test_there_are_ten_questions_each_with_an_answer() -> None:
    assert [title for title, _ in QUESTIONS] == list(FOUND)
    assert len(FOUND) == 10


@pytest.mark.parametrize(("title", "query"), QUESTIONS, ids=[title for title, _ in QUESTIONS])
def test_a_question_is_answered(title: str, query: str, database: Any) -> None:
    rows = database.execute(query).fetchall()
    assert FOUND[title](rows), rows
