"""The way from a bounce to the list, end to end: what a forged report must not do, and what an honest one has to.

Every row of the table in `docs/explanation/security.md` is gone by each of the three ways: `classify --into`, `pipe --into` and
`serve --lmtp --into`. The attacker is an ordinary subscriber: the signed return path that he was given is his.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from tests.test_pipe import bounce
from tests.ways import FIXTURES, PLAIN, WAYS, Stored, Way, forgery, keys_in, mailed, path_of, run, standard_input, way
from undeliverable import Proof
from undeliverable.store import SuppressionList
from undeliverable.suppression import RequireProof

ATTACKER: Final = "attacker@evil.org"
VICTIM: Final = "victim@example.org"
DEAD: Final = "dead@example.org"
MAILS: Final = (
    "autoreply_attached_ndr", "autoreply_quotes_ndr", "backdated_soft_0", "backdated_soft_1", "backdated_soft_2",
    "backdated_soft_3", "backdated_soft_4", "diag_fake_blank", "diag_fake_cr", "diag_fake_ff", "diag_fake_fold",
    "diag_fake_fs", "diag_fake_ls", "diag_fake_nel", "diag_nul", "digest", "dsn_text_injected",
    "empty_recipient_autoreply", "exponential_reply", "forged_complaint", "forged_complaint_proved", "forged_delivered",
    "forged_own_token", "forged_plain", "forward_honest", "forwarded_inline_dsnparts", "ham_mailer_daemon",
    "ham_xfailed", "ham_xfailed_null", "mdn", "mdn_with_ds", "nul_in_recipient", "nul_recipient", "origrcpt_bypass",
    "origrcpt_bypass2", "person_report", "qmail_inj_blank", "qmail_inj_dash", "qmail_inj_host", "qmail_inj_oneline",
    "qmail_inj_oneline2", "qmail_inj_para", "qmail_inj_slash", "release_forged", "release_genuine",
    "ret_bounce_no_fields", "returned_is_bounce", "returned_is_bounce_norec", "spam_quoting", "surrogate2",
    "surrogate_recipient", "text_injected_para", "ticket_attached", "ticket_attached_null",
)  # fmt: skip


def genuine(address: str, status: str, reply: str, number: int) -> tuple[bytes, str]:
    """Return a genuine bounce of a message to `address`, and the return path that it comes to."""
    raw = bounce(address, status, reply, message_id=f"<{number}@example.com>")
    return raw, path_of(address, id=f"g{number}")


@pytest.fixture(scope="module", params=WAYS)
def strict(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Way]:
    """A way into a list that requires proof, and knows the victim and a dead address."""
    folder = tmp_path_factory.mktemp("strict")
    with way(request.param, folder, *keys_in(folder)) as opened:
        assert opened.take(*genuine(VICTIM, "4.2.1", "450 4.2.1 try later", 1)) == 0
        assert opened.take(*genuine(DEAD, "5.1.1", "550 5.1.1 no such user", 2)) == 0
        assert (opened.standing(VICTIM), opened.standing(DEAD)) == ("counting", "suppressed")
        yield opened


@pytest.fixture(scope="module", params=WAYS)
def open_to_all(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Way]:
    """A way into a list that asks for no proof."""
    with way(request.param, tmp_path_factory.mktemp("off"), "--require-proof=off") as opened:
        yield opened


def changed(before: Stored, after: Stored) -> set[str]:
    return {address for address in before.keys() | after.keys() if before.get(address) != after.get(address)}


# --- a list that requires proof -----------------------------------------------------------------------------------------


def test_with_keys_a_new_list_requires_proof(strict: Way) -> None:
    with SuppressionList(strict.place) as known:
        assert known.require_proof is RequireProof.REQUIRED


@pytest.mark.parametrize("name", MAILS)
def test_a_forged_report_is_about_nobody_but_whoever_sent_it(strict: Way, name: str) -> None:
    raw, before = forgery(f"{name}.eml"), strict.stored()
    assert strict.take(raw, PLAIN) == 0
    assert strict.stored() == before
    assert strict.take(raw, path_of(ATTACKER)) == 0
    assert changed(before, strict.stored()) <= {ATTACKER}


@pytest.mark.parametrize(("name", "bounce_type"), [("origrcpt_bypass", "soft"), ("origrcpt_bypass2", "hard")])
def test_ones_own_token_proves_ones_own_address(strict: Way, name: str, bounce_type: str) -> None:
    before = strict.stored()
    raw = forgery(f"{name}.eml").replace(b"<abc@example.com>", f"<{name}@example.com>".encode())
    assert strict.take(raw, path_of(ATTACKER, id=f"b-{bounce_type}")) == 0
    after = strict.stored()
    (event,) = set(after[ATTACKER][1]) - set(before.get(ATTACKER, (None, ()))[1])
    assert (event.proof, event.bounce_type) == (Proof.TOKEN, bounce_type)
    assert changed(before, after) == {ATTACKER}


@pytest.mark.parametrize("date", ["Mon, 1 Jan 0001 00:00:00 +1400", "Fri, 31 Dec 9999 23:59:59 -1200"])
@pytest.mark.parametrize("field", ["Last-Attempt-Date", "Arrival-Date", "Date"])
def test_a_date_that_is_none_in_utc_stops_nothing(strict: Way, field: str, date: str) -> None:
    before, raw = strict.stored(), forgery("forged_plain.eml")
    raw = re.sub(rb"(?m)^(Date|Arrival-Date|Last-Attempt-Date):.*\n", b"", raw)
    beside = {"Last-Attempt-Date": b"Action:", "Arrival-Date": b"Reporting-MTA:", "Date": b"Subject:"}[field]
    raw = raw.replace(beside, f"{field}: {date}\n".encode() + beside, 1)
    assert strict.take(raw, PLAIN) == 0
    assert strict.stored() == before


@pytest.mark.parametrize("place", [b"Original-Mail-From: ", b"CFBL-Feedback-ID: "])
def test_a_sender_that_looks_rewritten_stops_nothing(strict: Way, place: bytes) -> None:
    before = strict.stored()
    line = place + "SRS0=HHHH=\u017f\u017f=example.org=kim@forwarder.example\n".encode()
    assert strict.take(forgery("forged_complaint.eml").replace(b"Version: 1\n", b"Version: 1\n" + line), PLAIN) == 0
    assert strict.stored() == before


def thousands() -> bytes:
    """Return a report on 5,000 recipients that all say they were the attacker's address before."""
    group = (
        f"Original-Recipient: rfc822; {ATTACKER}\nFinal-Recipient: rfc822; victim{{}}@example.org\n"
        "Action: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 no such user\n\n"
    )
    head, _, rest = forgery("forged_plain.eml").partition(b"Final-Recipient:")
    _, _, tail = rest.partition(b"\n\n")
    return head + "".join(map(group.format, range(5_000))).encode() + tail


def test_one_token_proves_one_address_and_one_event(strict: Way) -> None:
    before, path = strict.stored(), path_of(ATTACKER, id="5000")
    for _ in range(2):
        assert strict.take(thousands(), path) == 0
    after = strict.stored()
    assert changed(before, after) == {ATTACKER}
    assert len(after[ATTACKER][1]) == len(before.get(ATTACKER, (None, ()))[1]) + 1


@pytest.mark.parametrize(
    "field",
    [
        f"Original-Mail-From: {path_of(ATTACKER)}",
        f"CFBL-Feedback-ID: {path_of(ATTACKER).partition('+')[2].partition('@')[0]}",
        "Original-Mail-From: <bounces+aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa42@example.com>",
    ],
)
def test_a_complaint_counts_for_the_token_that_it_quotes(strict: Way, field: str) -> None:
    before = strict.stored()
    raw = forgery("forged_complaint.eml").replace(b"Version: 1\n", f"Version: 1\n{field}\n".encode())
    assert strict.take(raw, PLAIN) == 0
    assert strict.take(raw.replace(b"<abc@", b"<def@"), path_of(ATTACKER)) == 0
    assert changed(before, strict.stored()) <= {ATTACKER}


@pytest.mark.parametrize("number", range(3))
def test_a_genuine_complaint_counts(strict: Way, number: int) -> None:
    """The token stands where the original message carried it; the address itself may be hidden."""
    address = f"tired{number}@example.org"
    path = path_of(address, id=f"c{number}")
    token = path.partition("+")[2].partition("@")[0]
    raw = (
        forgery("forged_complaint.eml")
        .replace(b"<abc@", f"<c{number}@".encode())
        .replace(VICTIM.encode(), address.encode())
    )
    mark, field = (
        (b"Version: 1\n", f"Original-Mail-From: {path}\n"),
        (b"Content-Type: message/rfc822\n\n", f"Return-Path: <{path}>\n"),
        (b"Content-Type: message/rfc822\n\n", f"CFBL-Feedback-ID: {token}\n"),
    )[number]  # fmt: skip
    assert strict.take(raw.replace(mark, mark + field.encode()), PLAIN) == 0
    state, history = strict.stored()[address]
    assert (str(state.standing), str(state.cause)) == ("suppressed", "complaint")
    assert [event.proof for event in history] == [Proof.TOKEN]


def test_days_are_days_of_receipt(strict: Way) -> None:
    """Also with the victim's own tokens: five failures within a minute are one day."""
    address = "slow@example.org"
    for number in range(5):
        raw = forgery(f"backdated_soft_{number}.eml").replace(VICTIM.encode(), address.encode())
        assert strict.take(raw, path_of(address, id=f"s{number}")) == 0
    state, history = strict.stored()[address]
    assert (str(state.standing), len(history), len(state.points)) == ("counting", 5, 1)


def test_a_forged_soft_bounce_frees_no_dead_address(strict: Way) -> None:
    """It has the Message-ID of the genuine one, hence its key."""
    before = strict.stored()[DEAD]
    raw = forgery("release_forged.eml").replace(b"<abc@example.com>", b"<2@example.com>")
    for path in (PLAIN, path_of(ATTACKER)):
        assert strict.take(raw, path) == 0
    assert strict.stored()[DEAD] == before


def test_a_forged_delivery_clears_no_count(strict: Way) -> None:
    before = strict.stored()[VICTIM]
    assert before[0].points
    for path in (PLAIN, path_of(ATTACKER)):
        assert strict.take(forgery("forged_delivered.eml"), path) == 0
    assert strict.stored()[VICTIM] == before


def test_a_genuine_delivery_does(strict: Way) -> None:
    address = "back@example.org"
    assert strict.take(*genuine(address, "4.2.1", "450 4.2.1 try later", 20)) == 0
    raw = forgery("forged_delivered.eml").replace(VICTIM.encode(), address.encode())
    assert strict.take(raw, path_of(address, id="21")) == 0
    state, history = strict.stored()[address]
    assert (str(state.standing), state.deliveries, len(history)) == ("clear", 1, 2)


def test_the_death_of_a_member_is_soft_for_the_address_that_was_mailed(strict: Way) -> None:
    assert strict.take(forgery("forward_honest.eml"), path_of("kim@list.org")) == 0
    stored = strict.stored()
    assert str(stored["kim@list.org"][0].standing) == "counting"
    assert [event.bounce_type for event in stored["kim@list.org"][1]] == ["soft"]
    assert "kim2@fwd.org" not in stored


def test_a_used_token_is_a_repeat(strict: Way) -> None:
    raw, path = genuine("once@example.org", "4.2.1", "450 4.2.1 try later", 30)
    assert strict.take(raw, path) == 0
    before = strict.stored()["once@example.org"][0]
    assert strict.take(raw.replace(b"<30@", b"<31@"), path) == 0
    assert strict.stored()["once@example.org"][0].points == before.points


def test_an_expired_token_proves_nothing(strict: Way) -> None:
    raw = bounce("late@example.org", "5.1.1", "550 5.1.1 no such user")
    assert strict.take(raw, path_of("late@example.org", day=datetime.now(UTC).date() - timedelta(days=12))) == 0
    assert "late@example.org" not in strict.stored()


def test_a_token_from_before_the_reactivation_is_ignored(strict: Way) -> None:
    address = "reborn@example.org"
    with SuppressionList(strict.place) as known:
        known.reactivate(address, why="alive")
    raw = bounce(address, "5.1.1", "550 5.1.1 no such user")
    assert strict.take(raw, path_of(address, day=datetime.now(UTC).date() - timedelta(days=3))) == 0
    assert strict.standing(address) == "clear"
    assert strict.take(*genuine(address, "5.1.1", "550 5.1.1 no such user", 40)) == 0
    assert strict.standing(address) == "suppressed"


# --- a streak, which takes days -----------------------------------------------------------------------------------------


def test_a_streak_of_members_deaths_suppresses_the_alias(tmp_path: Path) -> None:
    """Days as an mbox has them; each mail has a token of its own."""
    box, now = tmp_path / "bounces.mbox", datetime.now(UTC)
    with box.open("wb") as file:
        for days in (5, 4, 3, 2, 1):
            raw = forgery("forward_honest.eml").replace(b"<abc@", f"<{days}@".encode())
            path = path_of("kim@list.org", id=f"d{days}", day=(now - timedelta(days=days + 1)).date())
            file.write(f"From MAILER-DAEMON {now - timedelta(days=days):%a %b %d %H:%M:%S %Y}\n".encode())
            file.write(mailed(raw, path) + b"\n")
    with way("classify", tmp_path, *keys_in(tmp_path)) as opened:
        for _ in range(2):
            assert run("classify", box, "--into", opened.place, *keys_in(tmp_path))[0] == 0
        state, history = opened.stored()["kim@list.org"]
        assert (str(state.standing), str(state.cause), len(history)) == ("suppressed", "streak", 5)


# --- a list that asks for none: as documented ---------------------------------------------------------------------------

HARD: Final = {"victim": "suppressed"}
OWN: Final = {"attacker": "suppressed"}
DOUBTED: Final = {"victim": "counting"}
OFF: Final[dict[str, dict[str, str]]] = {
    # whoever knows the bounce address can suppress anybody
    "forged_plain": HARD,
    "forged_own_token": HARD,
    "forged_complaint": HARD,
    "forged_complaint_proved": HARD,
    "person_report": HARD,
    "exponential_reply": HARD,
    "text_injected_para": HARD | OWN,
    "diag_fake_blank": HARD | OWN,
    "forged_delivered": {"victim": "clear"},
    "backdated_soft_0": DOUBTED,
    # the address that was mailed, as far as the report says so, is not the one that failed
    "origrcpt_bypass": {"attacker": "counting"},
    "origrcpt_bypass2": DOUBTED,
    "qmail_inj_blank": HARD | {"attacker": "counting"},
    # the real recipient only
    **dict.fromkeys(
        (
            "qmail_inj_dash", "qmail_inj_host", "qmail_inj_oneline", "qmail_inj_oneline2", "qmail_inj_slash", "diag_fake_cr",
            "diag_fake_ff", "diag_fake_fold", "diag_fake_fs", "diag_fake_ls", "diag_fake_nel", "dsn_text_injected",
        ),
        OWN,
    ),
    "qmail_inj_para": {"attacker": "counting"},
    "diag_nul": {"kim": "suppressed"},
    # undetermined at most
    **dict.fromkeys(("forwarded_inline_dsnparts", "ham_xfailed_null", "ret_bounce_no_fields", "ticket_attached_null"), DOUBTED),
    # nothing
    **{
        name: {}
        for name in (
            "autoreply_attached_ndr", "autoreply_quotes_ndr", "digest", "empty_recipient_autoreply", "ham_mailer_daemon",
            "ham_xfailed", "mdn", "mdn_with_ds", "nul_in_recipient", "nul_recipient", "returned_is_bounce",
            "returned_is_bounce_norec", "spam_quoting", "surrogate2", "surrogate_recipient", "ticket_attached",
        )
    },
}  # fmt: skip


def elsewhere(raw: bytes, place: str) -> bytes:
    """Return a mail about the same mailboxes at other domains, so that rows do not meet in the list."""
    return raw.replace(b"@example.org", f"@{place}.example.org".encode()).replace(
        b"@evil.org", f"@{place}.evil.org".encode()
    )


@pytest.mark.parametrize("name", OFF)
def test_without_proof_a_report_is_believed(open_to_all: Way, name: str) -> None:
    place = name.replace("_", "-")
    assert open_to_all.take(elsewhere(forgery(f"{name}.eml"), place), PLAIN) == 0
    stored = open_to_all.stored()
    found = {
        address.partition("@")[0]: str(stored[address][0].standing) for address in stored if f"@{place}." in address
    }
    assert found == OFF[name]


def test_without_proof_days_are_days_of_receipt_all_the_same(open_to_all: Way) -> None:
    for number in range(5):
        assert open_to_all.take(elsewhere(forgery(f"backdated_soft_{number}.eml"), "days"), PLAIN) == 0
    state, history = open_to_all.stored()["victim@days.example.org"]
    assert (str(state.standing), len(history), len(state.points)) == ("counting", 5, 1)


def test_without_proof_the_harder_of_two_counts(open_to_all: Way) -> None:
    for name in ("release_genuine", "release_forged"):
        assert open_to_all.take(elsewhere(forgery(f"{name}.eml"), "harder"), PLAIN) == 0
    assert open_to_all.standing("dead@harder.example.org") == "suppressed"


def test_every_forged_mail_is_tried_without_proof() -> None:
    others = {f"backdated_soft_{number}" for number in range(1, 5)} | {
        "release_genuine",
        "release_forged",
        "forward_honest",
    }
    assert set(OFF) == set(MAILS) - others


# --- files of rules and tables ------------------------------------------------------------------------------------------


def statuses(tmp_path: Path, *options: str | Path) -> list[int]:
    """Return the status with which each command starts, on a mail that a token proves."""
    into = ["--into", tmp_path / "list.db", *keys_in(tmp_path), *options]
    mail = tmp_path / "mail.eml"
    raw = forgery("exponential_reply.eml")
    mail.write_bytes(mailed(raw, path_of(VICTIM)))
    with standard_input(tmp_path, raw):
        return [
            run("classify", mail, *into)[0],
            run("pipe", f"--recipient={path_of(VICTIM)}", *into)[0],
            run("serve", "--lmtp", "127.0.0.1:0", "--domain", "example.com", *into)[0],
        ]


def test_a_rule_file_that_could_take_for_ever_is_refused_at_the_start(tmp_path: Path) -> None:
    assert statuses(tmp_path, "--rules", FIXTURES / "forgery" / "exponential_rule.toml") == [2, 75, 2]
    assert not (tmp_path / "list.db").exists()


def test_a_rule_file_with_slow_patterns_is_refused_at_the_start(tmp_path: Path) -> None:
    """`tests/test_forgery.py` measures those that are not refused."""
    rules = tmp_path / "rules.toml"
    patterns = (FIXTURES / "forgery" / "patterns.txt").read_text(encoding="utf-8").splitlines()
    table = "[[rule]]\nid = 'x.{}'\nwhen = {{ pattern = {} }}\nthen = {{ reason = 'policy_rejected' }}\n"
    texts = [table.format(number, json.dumps(pattern)) for number, pattern in enumerate(patterns)]
    rules.write_text("".join(texts), encoding="utf-8")
    assert statuses(tmp_path, "--rules", rules) == [2, 75, 2]


def test_a_table_of_what_was_mailed_with_a_bad_row_is_refused_at_the_start(tmp_path: Path) -> None:
    table = tmp_path / "sent.csv"
    rows = (FIXTURES / "forgery" / "unterminated_quote.csv").read_text(encoding="utf-8")
    table.write_text(rows.replace("email,reason", "recipient,id"), encoding="utf-8")
    assert statuses(tmp_path, "--sent", table) == [2, 75, 2]


def test_a_quote_that_is_not_closed_loses_one_row_of_an_import(tmp_path: Path) -> None:
    place = tmp_path / "list.db"
    status, said = run("suppressions", "import", FIXTURES / "forgery" / "unterminated_quote.csv", place)
    assert status == 1
    assert re.search(r"line 11\b", said), said
    with SuppressionList(place) as known:
        assert len(known) == 999


# --- killed -------------------------------------------------------------------------------------------------------------


def test_killed_between_record_and_list(tmp_path: Path) -> None:
    """Reduced; python -m tests.one_way_load --rounds 100 is the measurement."""
    load = [sys.executable, "-m", "tests.one_way_load", str(tmp_path), "--rounds", "12"]
    done = subprocess.run(load, capture_output=True, text=True, check=True, timeout=900, cwd=FIXTURES.parent)
    figures = json.loads(done.stdout)
    assert figures["killed"] == 12
    assert figures["lost"] == figures["twice in the list"] == 0
