"""What proves that a verdict is about a message of one's own, and what does not."""

from __future__ import annotations

import dataclasses
import json
import os
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from undeliverable import (
    Kind,
    Proof,
    Report,
    Verdict,
    address_identity,
    classify,
    from_exception,
    from_refused,
    is_same_address,
    iter_log,
    parse,
    parse_log_line,
    parse_webhook,
)
from undeliverable.cli._command import UsageError
from undeliverable.cli._signer import add_proof_options, prover_of
from undeliverable.proof import Prover, Sent, SentTable
from undeliverable.verdict import INSIDE
from undeliverable.verp import UNPROVEN, Refusal, Signer, is_unproven, read_keys

from .test_fixtures import EXPECTED, read
from .test_forgery import thousands_of_victims
from .test_pipe import bounce

FORGERY: Final = Path(__file__).parent.parent / "fixtures" / "forgery"
DAY: Final = date(2026, 11, 20)
TODAY: Final = date(2026, 11, 25)
SIGNER: Final = Signer("bounces+{token}@example.com", {"a": b"0123456789abcdef"})
KIM: Final = "kim@list.org"
MEMBER: Final = "kim2@home.example"
VICTIM: Final = "victim@example.org"
ATTACKER: Final = "attacker@evil.org"
PATH: Final = SIGNER.sign(KIM, id="42", day=DAY)
TOKEN: Final = "a/2026-11-20/42"
SENT: Final = SentTable([("42", KIM), ("7", ATTACKER)], [("<2@example.net>", KIM)])
POSIX: Final = pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")


def groups(*fields: tuple[str, str, str], before: str = "") -> Report:
    """Return a report with a group of fields for each pair of recipients and action."""
    blocks = "\n\n".join(
        "".join([f"Original-Recipient: rfc822;{first}\n" if first else "", f"Final-Recipient: rfc822;{last}\n"])
        + f"Action: {action}\nStatus: {STATUSES[action]}\n"
        + ("Diagnostic-Code: smtp; 550 5.1.1 no such user" if action == "failed" else "X-Other: 1")
        for first, last, action in fields
    )
    return parse(
        (
            f"{before}Return-Path: <>\nFrom: MAILER-DAEMON@mx.example.net\nSubject: Undelivered Mail\nMIME-Version: 1.0\n"
            'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'
            f"--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.net\n\n{blocks}\n\n"
            "--b\nContent-Type: text/rfc822-headers\n\nMessage-ID: <2@example.net>\n\n--b--\n"
        ).encode()
    )


STATUSES: Final = {
    "failed": "5.1.1", "delayed": "4.4.1", "delivered": "2.0.0", "relayed": "2.0.0", "expanded": "2.0.0",
}  # fmt: skip


def complaint(fields: str = "", header: str = "", *, recipient: str = "") -> Report:
    """Return a feedback report (RFC 5965) with these further fields, and of the message with this further header."""
    named = f"Original-Rcpt-To: {recipient}\n" if recipient else ""
    return parse(
        (
            "From: fbl@provider.example\nTo: fbl@example.com\nSubject: abuse\nMIME-Version: 1.0\n"
            'Content-Type: multipart/report; report-type=feedback-report; boundary="b"\n\n--b\n\nA complaint.\n'
            f"--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\nUser-Agent: X/1\nVersion: 1\n{named}{fields}\n"
            f"--b\nContent-Type: message/rfc822\n\n{header}From: news@example.com\nTo: x@example.org\nMessage-ID: <2@example.net>\n\n"
            "hello\n--b--\n"
        ).encode()
    )


def proofs(report: Report) -> list[tuple[str | None, str | None]]:
    return [(verdict.proof, verdict.sent_to) for verdict in report.verdicts]


def proved(report: Report) -> list[Verdict]:
    return [verdict for verdict in report.verdicts if verdict.proof in {Proof.TOKEN, Proof.MATCHED}]


# --- by origin


def test_what_you_saw_yourself_is_your_own() -> None:
    log = (
        "Nov 21 21:16:19 mx postfix/smtp[15281]: 3Zy4: to=<kim@example.org>, relay=mx.example.org[192.0.2.1]:25, delay=1, "
        "delays=0/0/1/0, dsn=5.1.1, status=bounced (host mx.example.org[192.0.2.1] said: 550 5.1.1 no such user)"
    )
    line = parse_log_line(log)
    assert line is not None
    verdicts = [
        classify("550 5.1.1 no such user"),
        classify("550 5.1.1 no such user", trace=True),
        classify("250 ok"),
        *from_exception(ConnectionRefusedError("no")),
        *from_refused({"kim@example.org": (550, b"5.1.1 no such user")}),
        *line.verdicts,
        *(verdict for report in iter_log([log]) for verdict in report.verdicts),
    ]
    assert {verdict.proof for verdict in verdicts} == {Proof.OWN}
    assert {verdict.token for verdict in verdicts} == {None}


def test_nobody_asks_for_proof_of_what_others_say() -> None:
    body = '{"RecordType": "Bounce", "Type": "HardBounce", "Email": "kim@example.org", "ID": 1}'
    reports = [parse(bounce(KIM, "5.1.1", "550 5.1.1 no such user")), *parse_webhook("postmark", body)]
    assert {verdict.proof for report in reports for verdict in report.verdicts} == {None}


def test_a_caller_may_have_verified_a_report() -> None:
    report = groups(("", KIM, "failed"), ("", MEMBER, "failed"))
    signed = report.proved(Proof.SIGNED)
    assert [verdict.proof for verdict in signed.verdicts] == [Proof.SIGNED] * 2
    assert signed.verdicts[0].key == report.verdicts[0].key
    assert signed.to_dict()["verdicts"][0]["proof"] == "signed"  # type: ignore[index]
    assert SIGNER.prove(signed, today=TODAY) == signed
    with pytest.raises(ValueError, match="guessed"):
        report.proved("guessed")  # type: ignore[arg-type]


# --- tokens


def test_a_token_proves_and_is_remembered() -> None:
    report = SIGNER.prove(groups(("", KIM, "failed")), "bounces@example.com", PATH, today=TODAY)
    (verdict,) = report.verdicts
    assert (verdict.proof, verdict.token, verdict.sent_to, verdict.advice) == (Proof.TOKEN, TOKEN, KIM, "suppress")
    record = verdict.to_dict()
    assert (record["proof"], record["token"]) == ("token", TOKEN)
    assert [*record][-1] == "token"


def test_what_is_proved_is_not_asked_again() -> None:
    report = SIGNER.prove(groups(("", KIM, "failed"), ("", MEMBER, "failed")), PATH, today=TODAY)
    assert proofs(report) == [("token", KIM), ("unproved", MEMBER)]
    assert SIGNER.prove(report, PATH, today=TODAY) == report


@pytest.mark.parametrize(
    ("original", "final", "action", "advice"),
    [
        (KIM, MEMBER, "failed", "retry"),
        (KIM.upper(), MEMBER, "failed", "retry"),
        ("", MEMBER, "failed", "retry"),
        ("", KIM.upper(), "failed", "suppress"),
        ("", '"kim"@LIST.org', "failed", "suppress"),
        (KIM, MEMBER, "delayed", "none"),
        ("", MEMBER, "delivered", None),
    ],
)
def test_the_address_that_was_mailed_is_acted_on(original: str, final: str, action: str, advice: str | None) -> None:
    """With a look-up, whatever a forwarder says of whom it tried."""
    report = groups((original, final, action))
    (verdict,) = Prover(SIGNER, {"42": KIM}.get).prove(report, PATH, today=TODAY).verdicts
    assert (verdict.proof, verdict.sent_to, verdict.advice) == (Proof.TOKEN, KIM, advice)
    assert verdict.bounce_type == report.verdicts[0].bounce_type
    assert SIGNER.prove(report, PATH, today=TODAY, sent={"42": KIM}.get).verdicts == (verdict,)


def test_a_look_up_is_believed_only_where_the_signature_fits() -> None:
    report = groups(("", KIM, "failed"))
    (verdict,) = SIGNER.prove(report, PATH, today=TODAY, sent={"42": VICTIM}.get).verdicts
    assert (verdict.proof, verdict.sent_to) == (Proof.TOKEN, KIM)
    forged = PATH.replace("42@", "7@")
    (verdict,) = SIGNER.prove(report, forged, today=TODAY, sent={"7": KIM}.get).verdicts
    assert (verdict.proof, verdict.conflicts[-1]) == (Proof.UNPROVED, UNPROVEN + Refusal.MISMATCH)


def test_an_id_that_nobody_knows_leaves_the_report_to_confirm() -> None:
    report = groups(("", KIM, "failed"))
    assert proofs(SIGNER.prove(report, PATH, today=TODAY, sent=SentTable())) == [("token", KIM)]
    forwarded = groups(("", MEMBER, "failed"))
    assert proofs(SIGNER.prove(forwarded, PATH, today=TODAY, sent=SentTable())) == [("unproved", MEMBER)]


def test_an_original_recipient_may_be_xtext() -> None:
    """RFC 3461 4.2: some servers repeat the parameter as it was, also what an encoder need not encode."""
    mailed = "kim!7=x+1@list.org"
    path = SIGNER.sign(mailed, id="42", day=DAY)
    assert proofs(SIGNER.prove(groups(("kim+217+3Dx+2B1@list.org", MEMBER, "failed")), path, today=TODAY)) == [
        ("token", mailed)
    ]


def test_an_international_recipient_has_one_identity() -> None:
    path = SIGNER.sign("jörg@bücher.example", id="1", day=DAY)
    for same in ("jo\u0308rg@xn--bcher-kva.example", "JöRG@BÜCHER.example."):
        assert SIGNER.check(path, same, today=TODAY) is None
    for other in ("JÖRG@bücher.example", "jorg@bücher.example"):
        assert SIGNER.check(path, other, today=TODAY) is Refusal.MISMATCH


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        # the one that names the address, and a failure before others
        (groups(("", MEMBER, "failed"), ("", KIM, "failed")), [1]),
        (groups(("", MEMBER, "failed"), (KIM, "a@x.example", "failed"), ("", KIM, "failed")), [2]),
        (groups((KIM, "a@x.example", "relayed"), (KIM, "b@x.example", "failed"), ("", KIM, "expanded")), [1]),
        (groups((KIM, "a@x.example", "delayed"), (KIM, "b@x.example", "delivered")), [0]),
        # nobody names it: the first failure
        (groups(("", "a@x.example", "delivered"), ("", "b@x.example", "failed"), ("", "c@x.example", "failed")), [1]),
        (groups(("", "a@x.example", "delivered"), ("", "b@x.example", "delayed")), [1]),
    ],
)
@pytest.mark.parametrize("addresses", [(PATH,), (PATH, PATH), (PATH, f"<{PATH.upper()}>")])
def test_one_token_proves_one_verdict(report: Report, expected: list[int], addresses: Sequence[str]) -> None:
    found = SIGNER.prove(report, *addresses, today=TODAY, sent=SENT)
    assert [number for number, verdict in enumerate(found.verdicts) if verdict.proof is Proof.TOKEN] == expected
    assert {verdict.sent_to for verdict in proved(found)} == {KIM}
    others = [verdict for verdict in found.verdicts if verdict.proof is not Proof.TOKEN]
    assert {verdict.conflicts[-1] for verdict in others} <= {UNPROVEN + Refusal.USED}


def test_several_tokens_prove_a_verdict_each() -> None:
    paths = [SIGNER.sign(name, id="42", day=DAY) for name in (KIM, MEMBER)]
    report = SIGNER.prove(groups(("", KIM, "failed"), ("", MEMBER, "failed")), *paths, today=TODAY)
    assert proofs(report) == [("token", KIM), ("token", MEMBER)]
    assert proofs(SIGNER.prove(groups(("", KIM, "failed")), *paths, today=TODAY)) == [("token", KIM)]


def test_a_report_inside_another_message_is_never_proved() -> None:
    raw = (FORGERY.parent / "cases" / "mails" / "report-inside-a-message" / "ticket_attached.eml").read_bytes()
    report = parse(raw)
    assert all(INSIDE in verdict.conflicts for verdict in report.verdicts)
    tokens = [SIGNER.sign(str(verdict.recipient), id="42", day=DAY) for verdict in report.verdicts]
    for verdict in SIGNER.prove(report, *tokens, today=TODAY).verdicts:
        assert (verdict.proof, verdict.conflicts[-1]) == (Proof.UNPROVED, UNPROVEN + Refusal.INSIDE)


def test_the_most_telling_refusal_is_given() -> None:
    def refusal(report: Report, *paths: str, today: date = TODAY, sent: SentTable | None = None) -> str:
        (verdict,) = SIGNER.prove(report, *paths, today=today, sent=sent).verdicts
        return verdict.conflicts[-1].removeprefix(UNPROVEN)

    report, late = groups((MEMBER, KIM, "failed")), DAY + timedelta(days=11)
    assert refusal(report) == Refusal.NO_TOKEN
    assert refusal(report, PATH, today=late) == Refusal.EXPIRED
    assert refusal(report, PATH, today=DAY - timedelta(days=2)) == Refusal.NOT_YET
    assert refusal(report, PATH.replace("+a", "+b")) == Refusal.UNKNOWN_KEY
    assert refusal(groups(("", VICTIM, "failed")), PATH) == Refusal.MISMATCH
    assert refusal(groups(("", VICTIM, "failed")), PATH, today=late, sent=SENT) == Refusal.EXPIRED
    assert refusal(parse((FORGERY / "nul_recipient.eml").read_bytes()), PATH) == Refusal.NO_RECIPIENT


def test_whoever_is_not_named_is_not_dead() -> None:
    """A token says who was mailed; that this address failed is not said by a report that names nobody."""
    report = parse((FORGERY / "nul_recipient.eml").read_bytes())
    (before,), (after,) = report.verdicts, SIGNER.prove(report, PATH, today=TODAY, sent=SENT).verdicts
    assert (before.recipient, before.advice) == (None, "suppress")
    assert (after.proof, after.sent_to, after.advice) == (Proof.TOKEN, KIM, "retry")


# --- ages


@pytest.mark.parametrize(
    ("kind", "age"),
    [
        (Kind.BOUNCE, 10),
        (Kind.DELAY, 10),
        (Kind.DELIVERED, 10),
        (Kind.SUPPRESSED, 10),
        (Kind.AUTO_REPLY, 30),
        (Kind.CHALLENGE, 30),
        (Kind.DISPOSITION, 30),
        (Kind.COMPLAINT, 30),
    ],
)
def test_people_take_longer_than_servers(kind: Kind, age: int) -> None:
    report = dataclasses.replace(groups(("", KIM, "failed")), kind=kind)
    for days, expected in ((age, Proof.TOKEN), (age + 1, Proof.UNPROVED)):
        today = DAY + timedelta(days=days)
        assert proofs(SIGNER.prove(report, PATH, today=today)) == [(expected, KIM)]
        assert (SIGNER.check(PATH, KIM, today=today, kind=kind) is None) is (expected is Proof.TOKEN)


def test_whoever_wants_to_leave_can_do_so_at_any_time() -> None:
    token = SIGNER.feedback_id(KIM, id="42", day=DAY)
    assert SIGNER.check(token, KIM, today=DAY + timedelta(days=1_000), kind=Kind.UNSUBSCRIBED) is None
    assert SIGNER.check(token, VICTIM, today=DAY, kind=Kind.UNSUBSCRIBED) is Refusal.MISMATCH


# --- complaints


def test_a_feedback_id_is_a_bare_token() -> None:
    token = SIGNER.feedback_id(KIM, id="42", day=DAY)
    assert f"bounces+{token}@example.com" == PATH
    assert SIGNER.read(token) == SIGNER.read(token.upper()) == SIGNER.read(PATH)
    assert SIGNER.read(f"{token}.") is SIGNER.read(f"{token}@example.com") is None


def feedback_id() -> str:
    return SIGNER.feedback_id(KIM, id="42", day=DAY)


@pytest.mark.parametrize(
    ("fields", "header"),
    [
        (f"Original-Mail-From: <{PATH}>\n", ""),
        (f"Original-Mail-From: prvs=0776abcdef={PATH}\n", ""),
        (f"CFBL-Feedback-ID: {feedback_id()}\n", ""),
        ("", f"Return-Path: <{PATH}>\n"),
        ("", f"CFBL-Feedback-ID: {feedback_id()}\n"),
        ("", f"CFBL-Feedback-ID: {feedback_id()[:20]}\n {feedback_id()[20:]}\n"),
        ("", f"CFBL-Feedback-ID: news:7:{feedback_id()}\n"),
        ("", f"Return-Path: <other@example.com>\nReturn-Path: <{PATH}>\n"),
    ],
)
def test_a_complaint_is_proved_by_what_it_quotes(fields: str, header: str) -> None:
    for report, sent in (
        (complaint(fields, header, recipient=KIM), None),
        (complaint(fields, header, recipient=MEMBER), SENT),  # forwarded
        (complaint(fields, header, recipient="redacted"), SENT),  # RFC 6590
    ):
        (verdict,) = SIGNER.prove(report, "fbl@example.com", today=TODAY, sent=sent).verdicts
        assert (verdict.proof, verdict.sent_to, verdict.token) == (Proof.TOKEN, KIM, TOKEN)
        assert verdict.advice == "suppress"


def test_what_a_bounce_quotes_proves_nothing() -> None:
    """It came along the return path or it is forged: the header of the message is known to whoever got it forwarded."""
    report = parse(bounce(KIM, "5.1.1", "550 5.1.1 no").replace(b"From: news@", f"Return-Path: <{PATH}>\nX: ".encode()))
    assert report.message.returned is not None
    assert report.message.returned.header("return-path")
    assert proofs(SIGNER.prove(report, today=TODAY)) == [("unproved", KIM)]


@pytest.mark.parametrize("report", [complaint(recipient=VICTIM), groups(("", VICTIM, "delivered"))])
def test_complaints_and_deliveries_need_proof_as_well(report: Report) -> None:
    (before,), (after,) = report.verdicts, SIGNER.prove(report, today=TODAY).verdicts
    assert before.bounce_type is after.bounce_type is None
    assert (after.proof, after.advice, is_unproven(after)) == (Proof.UNPROVED, "review", True)
    assert after.conflicts == (*before.conflicts, UNPROVEN + Refusal.NO_TOKEN)


# --- Message-IDs


def test_a_message_id_and_its_recipient_are_a_pair() -> None:
    report = groups((KIM, MEMBER, "failed"))
    (verdict,) = Prover(sent=SENT).prove(report, today=TODAY).verdicts
    assert (verdict.proof, verdict.sent_to, verdict.token, verdict.advice) == (Proof.MATCHED, KIM, None, "retry")
    assert proofs(SIGNER.prove(report, today=TODAY, sent=SENT)) == [("matched", KIM)]


@pytest.mark.parametrize(
    ("sent", "recipient"),
    [
        ([KIM, "lee@list.org"], KIM),  # everybody who got it knows the id
        ([], KIM),
        ([KIM], MEMBER),  # and whoever got it may say anything of others
    ],
)
def test_an_id_sent_to_several_or_to_another_matches_nothing(sent: list[str], recipient: str) -> None:
    table = SentTable(message_ids=[("<2@example.net>", address) for address in sent])
    (verdict,) = Prover(sent=table).prove(groups(("", recipient, "failed")), today=TODAY).verdicts
    assert (verdict.proof, verdict.conflicts[-1]) == (Proof.UNPROVED, UNPROVEN + Refusal.NOT_SENT)


def test_an_id_sent_twice_to_one_address_matches() -> None:
    table = SentTable(message_ids=[("2@example.net", KIM), ("<2@example.net>", KIM.upper())])
    assert proofs(Prover(sent=table).prove(groups(("", KIM, "failed")), today=TODAY)) == [("matched", KIM)]


def test_a_message_id_proves_one_verdict_too() -> None:
    report = groups((KIM, MEMBER, "failed"), (KIM, VICTIM, "failed"))
    assert proofs(Prover(sent=SENT).prove(report, today=TODAY)) == [("matched", KIM), ("unproved", KIM)]
    with_token = SIGNER.prove(report, PATH, today=TODAY, sent=SENT)
    assert [verdict.proof for verdict in with_token.verdicts] == [Proof.TOKEN, Proof.UNPROVED]


def test_a_report_without_the_original_message_matches_nothing() -> None:
    report = dataclasses.replace(
        groups(("", KIM, "failed")), message=dataclasses.replace(complaint().message, returned=None)
    )
    assert proofs(Prover(sent=SENT).prove(report, today=TODAY)) == [("unproved", KIM)]


def test_a_prover_needs_something_to_prove_by() -> None:
    for sent in (None, {"42": KIM}.get):
        with pytest.raises(ValueError, match="needs a signer"):
            Prover(sent=sent)


def test_a_failing_look_up_is_the_callers_to_handle() -> None:
    def fail(_: str) -> str | None:
        raise OSError("the database is away")

    with pytest.raises(OSError, match="away"):
        SIGNER.prove(groups(("", KIM, "failed")), PATH, today=TODAY, sent=fail)


# --- the law: without the victim's token nothing is proved of the victim

NAMES: Final = st.sampled_from((
    VICTIM, "VICTIM@Example.ORG", '"victim"@example.org', ATTACKER, KIM, "victim+40example.org@evil.org", "",
))  # fmt: skip
GROUP: Final = st.tuples(NAMES, NAMES.filter(bool), st.sampled_from([*STATUSES]))
THEIRS: Final = (
    *(SIGNER.sign(ATTACKER, id=own, day=day) for own in ("7", "victim", "42") for day in (DAY, TODAY)),
    SIGNER.sign(KIM, id="42", day=DAY),
)
GUESSED: Final = Signer("bounces+{token}@example.com", {"a": b"fedcba9876543210"}).sign(VICTIM, id="1", day=DAY)
PATHS: Final = st.sampled_from(
    (*THEIRS, *(path.replace("7@", "1@") for path in THEIRS), GUESSED, "bounces@example.com", VICTIM)
)
KNOWN: Final = SentTable(
    [("7", ATTACKER), ("victim", ATTACKER), ("42", KIM), ("1", VICTIM)],
    [("<2@example.net>", ATTACKER), ("<3@example.net>", VICTIM)],
)


def holds(report: Report, tokens: int) -> bool:
    """Return whether nothing is proved of the victim, and no more than there are tokens, or one Message-ID."""
    found = proved(report)
    return (
        not any(is_same_address(verdict.sent_to, VICTIM) for verdict in found)
        and len(found) <= max(tokens, 1)
        and len({(verdict.token, verdict.sent_to) for verdict in found}) == len(found)  # two of them have the same id
        and all(verdict.proof is not None for verdict in report.verdicts)
        and all(
            (verdict.advice, verdict.bounce_type) in {("review", None), ("review", "undetermined")}
            for verdict in report.verdicts
            if verdict.proof is Proof.UNPROVED
        )
        and not any(
            verdict.advice == "suppress" and verdict.reason and not is_same_address(verdict.recipient, verdict.sent_to)
            for verdict in report.verdicts
        )
    )


@given(
    st.lists(GROUP, min_size=1, max_size=6),
    st.lists(PATHS, max_size=4),
    st.sampled_from((None, KNOWN, KNOWN.address_of)),
)
def test_no_bounce_without_the_victims_token_is_proved_of_the_victim(
    fields: list[tuple[str, str, str]], paths: list[str], sent: SentTable | None
) -> None:
    assert holds(SIGNER.prove(groups(*fields), *paths, today=TODAY, sent=sent), len(paths))


@given(NAMES, PATHS, PATHS, PATHS, st.lists(PATHS, max_size=2), st.sampled_from((None, KNOWN)))
def test_no_complaint_without_the_victims_token_is_proved_of_the_victim(
    name: str, quoted: str, returned: str, own: str, paths: list[str], sent: SentTable | None
) -> None:
    token = own.partition("+")[2].partition("@")[0]
    report = complaint(
        f"Original-Mail-From: <{quoted}>\n",
        f"Return-Path: <{returned}>\nCFBL-Feedback-ID: {token or own}\nTo: {VICTIM}\n",
        recipient=name,
    )
    assert holds(SIGNER.prove(report, *paths, today=TODAY, sent=sent), len(paths) + 3)


@pytest.mark.parametrize("sent", [None, KNOWN, KNOWN.address_of])
@pytest.mark.parametrize("path", sorted(FORGERY.rglob("*.eml")), ids=lambda path: path.stem)
def test_no_forgery_is_proved_of_the_victim(path: Path, sent: SentTable | None) -> None:
    report = parse(path.read_bytes())
    for count in (0, 1, len(THEIRS)):
        paths = THEIRS[:count]
        assert holds(SIGNER.prove(report, *paths, today=TODAY, sent=sent), len(paths))


@pytest.mark.parametrize("sent", [None, KNOWN])
def test_five_thousand_recipients_beside_the_attackers_own(sent: SentTable | None) -> None:
    report = parse(thousands_of_victims())
    assert len(report.verdicts) == 1_000
    found = SIGNER.prove(report, THEIRS[0], today=TODAY, sent=sent)
    assert [(verdict.sent_to, verdict.advice) for verdict in proved(found)] == [(ATTACKER, "retry")]


@pytest.mark.parametrize("row", EXPECTED, ids=lambda row: row["file"])
def test_every_report_is_marked(row: dict[str, object]) -> None:
    report = read(str(row["file"]))
    names = [name for verdict in report.verdicts for name in (verdict.original_recipient, verdict.recipient) if name]
    without = SIGNER.prove(report, today=TODAY)
    assert {verdict.proof for verdict in without.verdicts} <= {Proof.UNPROVED}
    assert {verdict.advice for verdict in without.verdicts} <= {"review"}
    found = SIGNER.prove(report, *(SIGNER.sign(name, id="1", day=DAY) for name in names[:1]), today=TODAY)
    able = any(INSIDE not in verdict.conflicts for verdict in report.verdicts)
    assert [address_identity(str(verdict.sent_to)) for verdict in proved(found)] == (
        [address_identity(names[0])] if names and able else []
    )


def test_a_hostile_report_takes_no_time() -> None:
    report = parse(thousands_of_victims())
    paths = [SIGNER.sign(f"{number}@evil.org", id="7", day=DAY) for number in range(1_000)]
    found = SIGNER.prove(report, *paths, today=TODAY)
    assert proved(found) == []


# --- what was sent


def test_a_table_is_a_sent() -> None:
    sent: Sent = SENT
    assert (sent.address_of("42"), sent.address_of("43")) == (KIM, None)
    assert [*sent.recipients_of("2@example.net")] == [*sent.recipients_of("<2@example.net>")] == [KIM]
    assert [*sent.recipients_of("3@example.net")] == []
    assert len(SENT) == 3
    assert SentTable([("1", KIM), ("1", VICTIM), ("1", KIM)]).address_of("1") is None
    assert SentTable([("A", KIM), ("a", KIM.upper())]).address_of("a") == KIM


CSV: Final = f"Recipient,id,message_id,campaign\r\n{KIM},42,<2@example.net>,x\r\n\r\n{ATTACKER},7,,\r\n"
JSON: Final = "".join(
    json.dumps(row) + "\n"
    for row in (
        {"recipient": KIM, "id": 42, "message_id": "<2@example.net>"},
        {"recipient": ATTACKER, "id": "7"},
        {"recipient": ATTACKER, "message_id": "<4@example.net>"},
    )
)


@pytest.mark.parametrize("text", [CSV, "\ufeff" + CSV, JSON, JSON.replace("\n", "\r\n\r\n")])
def test_a_file_of_what_was_sent(text: str, tmp_path: Path) -> None:
    (tmp_path / "sent").write_text(text, encoding="utf-8", newline="")
    table = SentTable.from_file(tmp_path / "sent")
    assert (table.address_of("42"), table.address_of("7"), [*table.recipients_of("2@example.net")]) == (
        KIM,
        ATTACKER,
        [KIM],
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "line 1: must name the columns"),
        ("address,id\nkim@list.org,1\n", "line 1: must name the columns"),
        ("recipient\nkim@list.org\n", "line 1: must name the columns"),
        ("recipient,id\nkim@list.org\n", "line 2: 1 cells instead of 2"),
        ("recipient,id\nkim@list.org,1\nkim,2\n", "line 3: the recipient is no address"),
        ("recipient,id\nkim@list.org,\n", "line 2: there is neither an id nor a message_id"),
        ('recipient,id\nkim@list.org,1\n"lee@list.org,2\nx@list.org,3\n', "line 3: unexpected end of data"),
        ('recipient,id\n"lee@list.org,2\nx@list.org",3\n', "line 2: a cell holds a line break"),
        ('recipient,id\n"lee@list.org"x,2\nx@list.org,3\n', "line 2: "),
        (b"recipient,id\nk\xffm@list.org,2\n", "line 2: a cell holds a line break, or what is not UTF-8"),
        ("recipient,id\nkim@list.org,a.b\n", "line 2: the id 'a.b' must be 1 to 16 characters of a-z 0-9 _ -"),
        (f"recipient,id\nkim@list.org,{'x' * 99}\n", r"line 2: the id 'x{40}…' must be 1 to 16"),
        ('{"recipient": "kim@list.org", "id": "1"}\n\n[]\n', "line 3: not a JSON object"),
        ('{"recipient": "kim@list.org", "id": "1"}\n{"recip', "line 2: not a JSON object"),
        ('{"recipient": "kim@list.org", "id": null}\n', "line 1: there is neither"),
        ("recipient,id\n" + "x,1\n" * 30, "line 11: the recipient is no address; and 20 more"),
    ],
)
def test_a_file_with_rows_that_cannot_be_used(text: str | bytes, why: str, tmp_path: Path) -> None:
    path = tmp_path / "sent"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ValueError, match=why) as caught:
        SentTable.from_file(path)
    assert str(path) in str(caught.value)


# --- the command line


def options(*arguments: str) -> Namespace:
    parser = ArgumentParser()
    add_proof_options(parser)
    return parser.parse_args(arguments)


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    path = tmp_path / "keys"
    path.write_text(f"# ours\n\na {b'0123456789abcdef'.hex()}\n", encoding="ascii")
    path.chmod(0o600)
    return path


def test_options_make_a_prover(keys: Path, tmp_path: Path) -> None:
    sent = tmp_path / "sent.csv"
    sent.write_text(CSV, encoding="utf-8")
    assert prover_of(options()) is None
    pattern = "--return-path=bounces+{token}@example.com"
    report = groups(("", MEMBER, "failed"))
    for arguments, expected in (
        ([pattern, f"--keys={keys}"], ("unproved", MEMBER)),
        ([pattern, f"--keys={keys}", f"--sent={sent}"], ("token", KIM)),
        ([f"--sent={sent}"], ("unproved", MEMBER)),
    ):
        prover = prover_of(options(*arguments))
        assert prover is not None
        assert proofs(prover.prove(report, PATH, today=TODAY)) == [expected]
    late = prover_of(options(pattern, f"--keys={keys}", "--days=40"))
    assert late is not None
    late_day = DAY + timedelta(days=40)
    assert proofs(late.prove(groups(("", KIM, "failed")), PATH, today=late_day)) == [("token", KIM)]
    assert proofs(late.prove(complaint(recipient=KIM), PATH, today=late_day)) == [("token", KIM)]


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (["--return-path=b+{token}@example.com"], "must be given together"),
        (["--keys=KEYS"], "must be given together"),
        (["--return-path=b@example.com", "--keys=KEYS"], "must have the one place"),
        (["--return-path=b+{token}@example.com", "--keys=/no/such/file"], "/no/such/file: No such file"),
        (["--sent=/no/such/file"], "/no/such/file: No such file"),
        (["--sent=KEYS"], "line 1: must name the columns"),
    ],
)
def test_options_that_cannot_be_used(given: list[str], why: str, keys: Path) -> None:
    with pytest.raises(UsageError, match=why):
        prover_of(options(*(one.replace("KEYS", str(keys)) for one in given)))


@POSIX
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620, 0o602])
def test_keys_that_others_can_read(mode: int, keys: Path) -> None:
    keys.chmod(mode)
    with pytest.raises(UsageError, match=f"other users can read it; run: chmod 600 {keys}"):
        prover_of(options("--return-path=b+{token}@example.com", f"--keys={keys}"))
    keys.chmod(0o400)
    assert [*read_keys(keys)] == ["a"]


@POSIX
def test_keys_from_a_pipe() -> None:
    reader, writer = os.pipe()
    os.write(writer, b"a 30313233343536373839616263646566\n")
    os.close(writer)
    assert read_keys(f"/dev/fd/{reader}") == {"a": b"0123456789abcdef"}
    os.close(reader)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a\n", "line 1 must hold a unique id"),
        ("# x\na 00 00\n", "line 2 must hold a unique id"),
        ("a zz\n", "line 1 must hold the secret in hex"),
        (f"a {'00' * 16}\na {'00' * 16}\n", "line 2 must hold a unique id"),
    ],
)
def test_a_file_that_holds_no_keys(text: str, why: str, keys: Path) -> None:
    keys.write_text(text, encoding="ascii")
    with pytest.raises(ValueError, match=why):
        read_keys(keys)


def test_a_file_too_long_for_keys(keys: Path) -> None:
    keys.write_text("# x\n" * 20_000, encoding="ascii")
    with pytest.raises(OSError, match="too long"):
        read_keys(keys)


# --- another domain ---------------------------------------------------------------------------------------------------


def test_a_token_at_another_domain_is_refused_with_both_addresses() -> None:
    report = groups((MEMBER, KIM, "failed"))
    local, _, domain = PATH.rpartition("@")

    def refusal(*paths: str) -> str:
        (verdict,) = SIGNER.prove(report, *paths, today=TODAY).verdicts
        return verdict.conflicts[-1].removeprefix(UNPROVEN)

    start = SIGNER.pattern.partition("{")[0]
    wanted = f"it came to {local[: len(start) + 4]}…@other.example, the signed return path is {SIGNER.pattern}"
    assert refusal(f"<{local}@other.example>") == wanted
    assert refusal("someone@other.example", f"{local.upper()}@other.example").lower() == wanted.lower()
    # a token at the right domain is refused for what it is itself, and what is no token says nothing
    assert refusal(f"{local}@other.example", PATH.replace("+a", "+b")) == Refusal.UNKNOWN_KEY
    for other in (local, f"{local}@", f"x{local}@other.example", "other.example", ""):
        assert refusal(other) == Refusal.NO_TOKEN
    long = refusal(f"{local}@{'x' * 300}.example")
    assert len(long) < 200
    assert not SIGNER.is_astray(f"{local}@{domain.upper()}")


# --- explained ----------------------------------------------------------------------------------------------------------


def test_an_explanation_says_what_proves_a_verdict() -> None:
    report = parse((FORGERY / "forged_plain.eml").read_bytes())
    path = SIGNER.sign(VICTIM, id="9", day=DAY)
    (proved,) = SIGNER.prove(report, path, today=DAY).verdicts
    assert f"  proof      signed return path of {VICTIM}, made {DAY}\n" in proved.explain(verbose=True)
    (unproved,) = SIGNER.prove(report, today=DAY).verdicts
    text = unproved.explain(verbose=True)
    assert f"  proof      none, although asked for: {Refusal.NO_TOKEN}\n" in text
    assert text.count(Refusal.NO_TOKEN) == 1
    sent = SentTable(message_ids=[("<abc@example.com>", VICTIM)])
    (matched,) = Prover(sent=sent).prove(report, today=DAY).verdicts
    assert f"Message-ID of a message that {VICTIM} alone was sent" in matched.explain(verbose=True)
    (signed,) = report.proved(Proof.SIGNED).verdicts
    assert "  proof      signature of the service, which was verified\n" in signed.explain(verbose=True)
    for verdict in (*report.verdicts, *report.proved(Proof.OWN).verdicts):
        assert "proof" not in verdict.explain(verbose=True)
