"""Whatever somebody without the victim's token sends: the list that requires proof keeps what it says of the victim.

Mails are made from the forged ones, by changing fields, addresses, dates and tokens, by cutting and joining; they come in
any number and order, to any paths that their sender knows or makes up.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.test_one_way import MAILS
from tests.test_pipe import bounce
from tests.ways import DOMAIN, PLAIN, SIGNER, Stored, forgery, keys_in, mailed, path_of, run, today
from undeliverable import parse
from undeliverable.proof import Prover
from undeliverable.serve._intake import Intake, Taken
from undeliverable.store import SuppressionList

VICTIMS: Final = ("victim@example.org", "dead@example.org", "reborn@example.org", "unknown@example.org")
ATTACKERS: Final = ("attacker@evil.org", "second@evil.org")
SEEDS: Final = [forgery(f"{name}.eml") for name in MAILS]
SPELLINGS: Final = [
    *(f(address) for address in VICTIMS for f in (
        str, str.upper, lambda text: f'"{text.partition("@")[0]}"@example.org', lambda text: f"<{text}>",
        lambda text: text.replace("@", "+40"), lambda text: f"rfc822;{text}", lambda text: f"@evil.org:{text}",
        lambda text: f"{text}.", lambda text: f"(comment) {text}", lambda text: text.replace("@", "\0@"),
    )),
    *ATTACKERS,
]  # fmt: skip
# Their own tokens, of several messages and days, and tokens that they made up from these.
OWN: Final = [
    path_of(address, id=token_id, day=today() - timedelta(days=days))
    for address in ATTACKERS
    for token_id in ("1", "7", "9")
    for days in (0, 3, 12)
]
MADE_UP: Final = [
    *(re.sub(r"\w@", "1@", path) for path in OWN[:3]),
    *(path.replace("bounces+a", "bounces+b") for path in OWN[:2]),
    *(path[:12] + path[12:].swapcase() for path in OWN[:2]),
    path_of(VICTIMS[0], id="1")[:-20] + "1@example.com",
    f"bounces+{'a' * 31}1@{DOMAIN}",
    f"prvs=0123456789={OWN[0]}",
    f"SRS0=HHHH=TT={DOMAIN}={OWN[0].partition('@')[0]}@evil.org",
    f"SRS0=HHHH=\u017f\u017f={DOMAIN}={OWN[0].partition('@')[0]}@evil.org",
]
PATHS: Final = st.sampled_from([PLAIN, *OWN, *MADE_UP, *VICTIMS])
VALUES: Final = {
    "Action": ["failed", "delivered", "delayed", "expanded", "relayed", "none"],
    "Status": ["5.1.1", "4.2.1", "2.0.0", "5.7.1", "4.4.7", "9.9.9"],
    "Diagnostic-Code": ["smtp; 550 5.1.1 no such user", "smtp; 450 4.2.1 later", "smtp; 250 ok", "x"],
    "Feedback-Type": ["abuse", "not-spam", "opt-out", "virus"],
    "Message-ID": ["<1@example.com>", "<2@example.com>", "<abc@example.com>", "<x@evil.org>"],
    "Date": [f"{day:%a, %d %b %Y} 10:00:00 +0000" for day in (today(), today() - timedelta(days=40))],
    "Last-Attempt-Date": [f"{day:%a, %d %b %Y} 10:00:00 +0000" for day in (today(), today() + timedelta(days=400))],
    "Arrival-Date": ["Mon, 1 Jan 0001 00:00:00 +1400", "Fri, 31 Dec 9999 23:59:59 -1200"],
    "Auto-Submitted": ["auto-replied", "no"],
}
ADDRESSED: Final = (
    "Original-Recipient", "Final-Recipient", "Original-Rcpt-To", "Removal-Recipient", "Original-Mail-From", "Return-Path",
    "CFBL-Feedback-ID", "Delivered-To", "X-Original-To", "Envelope-To", "X-Failed-Recipients", "Original-Envelope-Id",
    "To", "From", "Reported-Domain", "X-HmXmrOriginalRecipient",
)  # fmt: skip


def _text(values: list[str]) -> st.SearchStrategy[bytes]:
    return st.sampled_from(values).map(lambda text: text.encode())


Change = Callable[[st.DrawFn, bytes], bytes]


def another_value(draw: st.DrawFn, raw: bytes) -> bytes:
    name = draw(st.sampled_from(sorted(VALUES)))
    value = draw(_text(VALUES[name]))
    return re.sub(rb"(?im)^%s:.*$" % name.encode(), lambda _: name.encode() + b": " + value, raw)


def another_address(draw: st.DrawFn, raw: bytes) -> bytes:
    old = draw(_text(["victim@example.org", "attacker@evil.org", "dead@example.org", "bounces@example.com"]))
    return raw.replace(old, draw(_text(SPELLINGS)))


def another_name(draw: st.DrawFn, raw: bytes) -> bytes:
    old = draw(_text(["Original-Recipient", "Final-Recipient", "message/rfc822"]))
    return raw.replace(old, draw(_text(list(ADDRESSED))))


def one_more_field(draw: st.DrawFn, raw: bytes) -> bytes:
    """Insert a field with an address, a path, or the token in it."""
    value = draw(_text(SPELLINGS) | PATHS.map(str.encode))
    if draw(st.booleans()):
        value = value.partition(b"+")[2].partition(b"@")[0] or value
    lines = raw.split(b"\n")
    lines.insert(draw(st.integers(0, len(lines))), draw(_text(list(ADDRESSED))) + b": " + value)
    return b"\n".join(lines)


def cut(draw: st.DrawFn, raw: bytes) -> bytes:
    return raw[: draw(st.integers(0, len(raw)))]


def another_mail_within(draw: st.DrawFn, raw: bytes) -> bytes:
    at = draw(st.integers(0, len(raw)))
    return raw[:at] + draw(st.sampled_from(SEEDS)) + raw[at:]


def another_octet(draw: st.DrawFn, raw: bytes) -> bytes:
    at = draw(st.integers(0, max(0, len(raw) - 1)))
    return raw[:at] + draw(st.binary(max_size=3)) + raw[at + 1 :]


CHANGES: Final[tuple[Change, ...]] = (
    another_value, another_address, another_name, one_more_field, one_more_field, cut, another_mail_within, another_octet,
)  # fmt: skip


@st.composite
def mails(draw: st.DrawFn) -> tuple[bytes, list[str]]:
    """Return a mail and the paths that it is sent to."""
    raw = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(0, 5))):
        raw = draw(st.sampled_from(CHANGES))(draw, raw)
    return raw, draw(st.lists(PATHS, max_size=3))


SENT: Final = st.lists(mails(), min_size=1, max_size=5).flatmap(
    lambda sent: st.permutations([*sent, *sent[:1]])  # one of them twice, in any order
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A list that requires proof and knows what was mailed, one victim as counting, one as dead, one as reactivated."""
    path = tmp_path_factory.mktemp("forgers") / "list.db"
    with SuppressionList(path, require_proof="required") as known:
        known.record_sent([(VICTIMS[0], "1", "<1@example.com>"), (VICTIMS[1], "2", "<2@example.com>")])
        known.record_sent([(ATTACKERS[0], "7", "<abc@example.com>"), (ATTACKERS[1], "9", "<abc@example.com>")])
        for address, status, token_id in (
            (VICTIMS[0], "4.2.1", "1"),
            (VICTIMS[1], "5.1.1", "2"),
            (VICTIMS[2], "5.1.1", "3"),
        ):
            raw = bounce(address, status, f"550 {status} no such user", message_id=f"<{token_id}@example.com>")
            report = SIGNER.prove(parse(raw), path_of(address, id=token_id), today=today())
            known.record_report(report, datetime.now(UTC))
        known.reactivate(VICTIMS[2], why="alive")
    return path


def stored(known: SuppressionList) -> Stored:
    """Return all that the list holds about others than the attackers."""
    return {
        entry.address: (entry.state, known.history(entry.address))
        for entry in known.entries()
        if entry.address not in ATTACKERS
    }


@pytest.fixture(scope="module")
def known(place: Path) -> Iterator[SuppressionList]:
    with SuppressionList(place) as opened:
        assert set(stored(opened)) == set(VICTIMS[:3])
        yield opened


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(sent=SENT)
def test_nobody_changes_what_a_list_says_of_others(known: SuppressionList, sent: list[tuple[bytes, list[str]]]) -> None:
    before, intake, prover = stored(known), Intake(None, known), Prover(SIGNER, known)
    for raw, paths in sent:
        report = replace(parse(raw), received=datetime.now(UTC))
        intake.store([Taken(prover.prove(report, *paths, today=today()), None)])
    assert stored(known) == before
    assert [known.is_suppressed(address) for address in VICTIMS] == [False, True, False, False]


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(sent=SENT)
def test_nor_by_the_command(
    place: Path, known: SuppressionList, tmp_path_factory: pytest.TempPathFactory, sent: list[tuple[bytes, list[str]]]
) -> None:
    before, folder = stored(known), place.parent
    box = folder / "bounces.mbox"
    postmark = f"From MAILER-DAEMON {datetime.now(UTC):%a %b %d %H:%M:%S %Y}\n".encode()
    with box.open("wb") as file:
        for raw, paths in sent:
            file.write(postmark + mailed(re.sub(rb"(?m)^From ", b">From ", raw), *paths) + b"\n\n")
    assert run("classify", box, "--attached", "--into", place, *keys_in(folder))[0] == 0
    assert stored(known) == before
