"""What a forged or hostile input must not do: `fixtures/forgery/`.

The attacker is an ordinary subscriber: the signed return path that he was given is his. The victim is another one.
What cannot be told from an honest report must at least not count without proof. Forgeries that pass through a relay,
stand in a field, or stand inside another message are cases (`tests/test_cases.py`).
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

import pytest

from undeliverable import Report, classify, parse
from undeliverable.cli import main
from undeliverable.store import SuppressionList
from undeliverable.verp import Signer

FORGERY: Final = Path(__file__).parent.parent / "fixtures" / "forgery"
ATTACKER: Final = "attacker@evil.org"
VICTIM: Final = "victim@example.org"
SIGNER: Final = Signer("bounces+{token}@example.com", {"a": b"0123456789abcdef"})
THEIR_OWN_PATH: Final = SIGNER.sign(ATTACKER, id="7", day=date(2026, 11, 20))
NOW: Final = datetime(2026, 11, 25, 10, 5, tzinfo=UTC)


def read(name: str) -> Report:
    return parse((FORGERY / name).read_bytes(), source=name)


@pytest.fixture
def known(tmp_path: Path) -> Iterator[SuppressionList]:
    with SuppressionList(tmp_path / "list.db") as opened:
        yield opened


def record(known: SuppressionList, report: Report, *paths: str) -> None:
    """Record what is left of a report when only proof counts."""
    known.record_report(SIGNER.prove(report, *paths, today=NOW.date()), NOW)


# --- whoever holds a token of their own ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "paths"),
    [
        ("origrcpt_bypass.eml", [THEIR_OWN_PATH]),
        ("origrcpt_bypass2.eml", [THEIR_OWN_PATH]),
        ("forged_own_token.eml", [THEIR_OWN_PATH]),
        ("forged_plain.eml", []),
        ("person_report.eml", []),
        ("mdn.eml", []),
        ("text_injected_para.eml", []),
        ("forged_complaint.eml", []),
        ("forged_complaint_proved.eml", [THEIR_OWN_PATH]),
    ],
)
def test_without_the_victims_token_the_victim_stays(known: SuppressionList, name: str, paths: list[str]) -> None:
    record(known, read(name), *paths)
    assert not known.is_suppressed(VICTIM)


def thousands_of_victims() -> bytes:
    """Return a report on many recipients that all say they were the attacker's address before."""
    group = (
        f"Original-Recipient: rfc822; {ATTACKER}\nFinal-Recipient: rfc822; victim{{}}@example.org\n"
        "Action: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 no such user\n\n"
    )
    head, _, rest = (FORGERY / "forged_plain.eml").read_bytes().partition(b"Final-Recipient:")
    _, _, tail = rest.partition(b"\n\n")
    return head + "".join(group.format(number) for number in range(1_000)).encode() + tail


def test_one_token_proves_one_recipient(known: SuppressionList) -> None:
    record(known, parse(thousands_of_victims()), THEIR_OWN_PATH)
    assert [entry.address for entry in known.entries(suppressed=True)] == []


# --- what is on the list already ----------------------------------------------------------------------------------------


def test_days_are_days_of_receipt(known: SuppressionList) -> None:
    """Five mails that came within a minute are no streak over five days, whatever dates they claim."""
    for number in range(5):
        record(known, read(f"backdated_soft_{number}.eml"))
    assert not known.is_suppressed(VICTIM)


def test_a_forged_soft_bounce_frees_no_dead_address(known: SuppressionList) -> None:
    known.record_report(read("release_genuine.eml"), NOW)
    assert known.is_suppressed("dead@example.org")
    record(known, read("release_forged.eml"))
    assert known.is_suppressed("dead@example.org")


def test_a_forged_delivery_clears_no_count(known: SuppressionList) -> None:
    known.record_report(read("backdated_soft_0.eml"), NOW)
    before = known.state(VICTIM)
    assert before is not None
    assert before.points
    record(known, read("forged_delivered.eml"))
    assert known.state(VICTIM) == before


def test_a_forwarded_mail_is_about_the_address_that_was_mailed() -> None:
    (verdict,) = read("forward_honest.eml").verdicts
    found = verdict.to_dict()
    assert (found.get("sent_to"), found["advice"]) == ("kim@list.org", "retry")


# --- who is named -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "recipients"),
    [
        ("diag_fake_blank.eml", [ATTACKER, VICTIM]),  # an empty line begins a group of its own, RFC 3464 2.1
        ("qmail_inj_blank.eml", [ATTACKER, VICTIM]),  # and a paragraph of QSBMF
        ("diag_nul.eml", ["kim@example.org"]),
    ],
)
def test_groups_and_paragraphs_begin_after_an_empty_line(name: str, recipients: list[str]) -> None:
    assert [verdict.recipient for verdict in read(name).verdicts] == recipients


@pytest.mark.parametrize(
    "name",
    [
        "empty_recipient_autoreply.eml",
        "nul_in_recipient.eml",
        "nul_recipient.eml",
        "surrogate2.eml",
        "surrogate_recipient.eml",
    ],
)
def test_what_cannot_be_an_address_is_no_recipient(name: str) -> None:
    report = read(name)
    # The automatic reply with an empty recipient gives no verdict at all; the others give one without an address.
    expected = set() if name == "empty_recipient_autoreply.eml" else {None}
    assert {verdict.recipient for verdict in report.verdicts} == expected
    assert report.remarks


def test_a_header_of_an_ordinary_mail_condemns_nobody() -> None:
    assert [str(verdict.bounce_type) for verdict in read("ham_xfailed_null.eml").verdicts] in ([], ["undetermined"])


@pytest.mark.parametrize("name", ["copy_below_line.eml", "copy_in_blockquote.eml", "copy_hidden.eml"])
def test_whoever_wrote_the_returned_message_names_nobody(name: str) -> None:
    assert [(one.recipient, str(one.advice)) for one in read(name).verdicts] == [("kim@example.org", "retry")]


@pytest.mark.parametrize("kind", ["mixed", "alternative"])
@pytest.mark.parametrize(
    ("path", "header", "advice"),
    [
        ("lee@example.net", "In-Reply-To: <1@example.com>", "review"),
        ("<>", "In-Reply-To: <1@example.com>", "suppress"),  # a mail system's, relabelled by a gateway
        ("lee@example.net", "X-Other: 1", "suppress"),
    ],
)
def test_fields_in_a_persons_own_reply_are_doubted(kind: str, path: str, header: str, advice: str) -> None:
    raw = (FORGERY / "fields_in_a_reply.eml").read_text()
    raw = raw.replace("multipart/mixed", f"multipart/{kind}").replace("In-Reply-To: <1@example.com>", header)
    (verdict,) = parse(raw.replace("<lee@example.net>", path, 1).encode()).verdicts
    assert (verdict.recipient, verdict.advice, bool(verdict.conflicts)) == (VICTIM, advice, advice == "review")


def test_a_reply_that_names_another_address_suppresses_nobody() -> None:
    """A forwarder's report: what it names may be the target, or an alias, of a living address."""
    (verdict,) = read("reply_names_another.eml").verdicts
    assert (verdict.recipient, str(verdict.bounce_type), str(verdict.reason)) == (VICTIM, "hard", "user_unknown")
    assert (str(verdict.advice), verdict.conflicts) == (
        "retry",
        ("the reply names other@example.net, not this recipient",),
    )


@pytest.mark.parametrize(
    ("named", "advice"),
    [
        ("<VICTIM@EXAMPLE.ORG>", "suppress"),
        ("<@mx.example.org:victim@example.org>", "suppress"),
        ("<SMTP:victim@example.org>", "suppress"),
        ("<mx.example.org>", "suppress"),
        ("<SMTP:other@example.org>", "retry"),
    ],
)
def test_a_reply_may_write_the_address_in_many_ways(named: str, advice: str) -> None:
    assert classify(f"550 5.1.1 {named}: user unknown", recipient=VICTIM).advice == advice
    assert classify(f"550 5.1.1 {named}: user unknown").advice == "suppress"


# --- time ---------------------------------------------------------------------------------------------------------------

SECONDS: Final = 0.1  # of CPU time for a thousand characters
TIMEOUT: Final = 300  # for all of them on a busy machine; an engine that does not stop is stopped with its process


def run_slow(*arguments: str) -> list[str]:
    """Return what `tests.slow_patterns` finds too slow, in a process of its own."""
    command = [sys.executable, "-m", "tests.slow_patterns", str(SECONDS), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=True, cwd=FORGERY.parents[1])
    return done.stdout.splitlines()


def test_a_pattern_is_refused_or_fast() -> None:
    assert run_slow("patterns", str(FORGERY / "patterns.txt")) == []


def test_a_rule_file_cannot_stop_the_reading_of_a_bounce() -> None:
    assert run_slow("mail", str(FORGERY / "exponential_rule.toml"), str(FORGERY / "exponential_reply.eml")) == []


# --- files --------------------------------------------------------------------------------------------------------------


def test_a_quote_that_is_not_closed_loses_no_rows_silently(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = FORGERY / "unterminated_quote.csv"
    status = main(["suppressions", "import", str(file), str(tmp_path / "list.db")])
    said = capsys.readouterr().err
    assert status == 1, said
    assert re.search(r"\b1[01]\b", said), "which row it is"  # the tenth, in line 11
