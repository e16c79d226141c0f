"""Anonymized mail gives the same verdicts and names nobody: a law over all fixtures, in every encoding of an address."""

from __future__ import annotations

import email
import email.policy
import json
import re
from binascii import b2a_base64, b2a_qp
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from undeliverable import Knowledge, is_same_address, parse, parse_log_line
from undeliverable.anonymize import Anonymizer
from undeliverable.anonymize._pseudonyms import Pseudonyms
from undeliverable.anonymize._text import Mode, Text
from undeliverable.anonymize._vocabulary import vocabulary

FIXTURES: Final = Path(__file__).parent.parent / "fixtures"
SAMPLES: Final = Path(__file__).parent.parent / "src" / "undeliverable" / "data" / "samples"
FOLDERS: Final = sorted({path.parent for path in (*FIXTURES.rglob("*.eml"), *SAMPLES.glob("*.eml"))})
# Forged: an address whose local part holds another one, over several lines, or a header of noise. Nobody shares them.
REFUSED: Final = {
    "empty_recipient_autoreply.eml",
    "exim-address-folded.eml",
    "postfix-address-folded.eml",
    "postfix-address-reply.eml",
    "sendmail-address-folded.eml",
}
DECIDED: Final = (
    "bounce_type", "reason", "fault", "advice", "label", "status", "status_from", "reported_status", "reply_code", "command", "provider",
    "expired", "rule", "policy", "policies", "retry_after", "size_limit", "message_advice", "applies_to", "action",
)  # fmt: skip
LOGS: Final = FIXTURES / "logs"


@cache
def run_with(key: bytes) -> Anonymizer:
    return Anonymizer(key)


def text_with(key: bytes = b"a key") -> Text:
    return Text(Pseudonyms(key, vocabulary()), vocabulary())


def decided(raw: bytes) -> tuple[str, list[dict[str, Any]]]:
    report = parse(raw)
    records = [verdict.to_dict() for verdict in report.verdicts]
    return str(report.kind), [{key: record[key] for key in DECIDED} for record in records]


def anonymous(raw: bytes, key: bytes = b"a key") -> bytes:
    result = Anonymizer(key).message(raw)
    assert result.is_proved, (result.differs, result.left)
    return result.raw


def readable(raw: bytes) -> str:
    """Return the text of all parts and fields, decoded by the standard library."""
    message = email.message_from_bytes(raw, policy=email.policy.default)
    texts = [raw.decode("utf-8", "replace")]
    for part in message.walk():
        texts += [f"{name}: {value}" for name, value in part.items()]
        payload = part.get_payload(decode=True)
        if isinstance(payload, bytes):
            texts.append(payload.decode("utf-8", "replace"))
    return "\n".join(texts).casefold()


# --- the law ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_mail_keeps_its_verdict_and_names_nobody(folder: Path) -> None:
    run = run_with(b"a key")
    for path in sorted(folder.glob("*.eml")):
        raw = path.read_bytes()
        result = run.message(raw)
        if path.name in REFUSED:
            assert not result.is_proved
            continue
        assert (path.name, result.differs, result.left) == (path.name, (), ())
        assert (path.name, decided(result.raw)) == (path.name, decided(raw))
        for before, after in zip(parse(raw).verdicts, parse(result.raw).verdicts, strict=True):
            local, _, domain = (before.recipient or "").rpartition("@")
            if domain and not vocabulary().is_system(local) and not local.isdigit():
                assert not is_same_address(before.recipient, after.recipient), path.name


def lines_of_logs() -> list[str]:
    lines = [line for path in LOGS.glob("*.log") for line in path.read_text(encoding="utf-8").splitlines()]
    loggers = (LOGS / "loggers.jsonl").read_text(encoding="utf-8").splitlines()
    lines += [line for row in loggers for line in json.loads(row)["lines"]]
    cases = (FIXTURES / "cases" / "logs.jsonl").read_text(encoding="utf-8").splitlines()
    return lines + [json.loads(row)["line"] for row in cases]


def test_a_log_line_keeps_its_verdict_and_names_nobody() -> None:
    run = run_with(b"a key")
    for line in lines_of_logs():
        (result,) = run.lines([line.encode()])
        assert (line, result.differs, result.left) == (line, (), ())
        before, after = parse_log_line(line), parse_log_line(result.raw)
        assert (before is None) == (after is None)
        if before is not None and after is not None:
            assert [one.reason for one in before.verdicts] == [one.reason for one in after.verdicts]
            for verdict in before.verdicts:
                assert (verdict.recipient or "?") not in result.raw.decode()


# --- every encoding of an address ---------------------------------------------------------------------------------------


def xtext(text: str) -> str:
    return "".join(sign if sign.isascii() and (sign.isalnum() or sign == "-") else f"+{ord(sign):02X}" for sign in text)


def bounce_with(local: str, domain: str, name: str) -> bytes:
    """Return a bounce that has an address in all the ways in which mail writes one."""
    address = f"{local}@{domain}"
    words = b2a_base64(f"{name} zieht um".encode(), newline=False).decode()
    quoted = b2a_qp(f"<p>Hallo {name}, <a href='mailto:{address}'>{local}&#64;{domain}</a></p>".encode()).decode()
    encoded = b2a_base64(f"{name} <{address}>, {local}, {domain}".encode()).decode()
    return f"""\
Return-Path: <>
Received: from mx.{domain} ([198.51.100.77]) by mx.sender.example (Postfix) with ESMTPS id 4Xq9Lm2Pz7Rt
	for <bounces+{local}={domain}@sender.example>; Mon, 2 Nov 2026 09:30:12 +0000
From: Mail Delivery System <MAILER-DAEMON@mx.sender.example>
To: bounces+{local}={domain}@sender.example
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b-{domain}"

--b-{domain}
Content-Type: text/plain; charset=utf-8

<{address}>: host mx.{domain}[198.51.100.77] said: 550 5.1.1 <{address}>: user unknown: {local}

--b-{domain}
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.sender.example

Original-Recipient: rfc822;{xtext(local)}@{domain}
Final-Recipient: rfc822; {address}
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 <{address}>: user unknown

--b-{domain}
Content-Type: message/rfc822

From: News <bounces+{xtext(f"{local}@{domain}")}@sender.example>
To: =?utf-8?B?{b2a_base64(name.encode(), newline=False).decode()}?= <{address}>
Subject: =?utf-8?B?{words}?=
Message-ID: <{local}.20261102@{domain}>
List-Unsubscribe: <https://news.sender.example/u?a={quote(address)}>
Content-Type: multipart/alternative; boundary="in-{local}"

--in-{local}
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: base64

{encoded}
--in-{local}
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: quoted-printable

{quoted}
--in-{local}--

--b-{domain}--
""".encode()


LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
WORDS: Final = st.text(LETTERS, min_size=4, max_size=9).filter(lambda word: not vocabulary().needs(word))
LOCALS: Final = st.one_of(
    WORDS,
    st.tuples(WORDS, WORDS).map(".".join),
    st.tuples(WORDS, WORDS).map("+".join),
    st.tuples(WORDS, st.integers(100, 9999)).map(lambda parts: f"{parts[0]}{parts[1]}"),
)
DOMAINS: Final = st.tuples(WORDS, st.sampled_from(["de", "com", "co.uk", "org", "example"])).map(".".join)


@settings(max_examples=20)
@given(LOCALS, DOMAINS, st.tuples(WORDS, WORDS))
def test_no_encoding_of_an_address_is_overlooked(local: str, domain: str, names: tuple[str, str]) -> None:
    name = " ".join(names).title()
    raw = bounce_with(local, domain, name)
    shown = readable(anonymous(raw))
    for text in (
        local,
        domain,
        xtext(local),
        quote(f"{local}@{domain}"),
        *name.lower().split(),
        "198.51.100.77",
        "4xq9lm2pz7rt",
    ):
        assert re.search(rf"(?<![^\W_]){re.escape(text.casefold())}(?![^\W_])", shown) is None, text


@settings(max_examples=20)
@given(LOCALS, DOMAINS, st.tuples(WORDS, WORDS))
def test_what_names_the_same_person_still_does(local: str, domain: str, names: tuple[str, str]) -> None:
    report = parse(anonymous(bounce_with(local, domain, " ".join(names).title())))
    (verdict,) = report.verdicts
    returned = report.message.returned
    assert returned is not None
    assert returned.to is not None
    assert is_same_address(returned.to, verdict.recipient)
    assert xtext(verdict.recipient or "?") in (returned.from_ or "")


@given(st.binary(max_size=400))
@settings(max_examples=40)
def test_any_bytes_give_a_result(raw: bytes) -> None:
    run = run_with(b"a key")
    assert isinstance(run.message(raw).raw, bytes)
    assert len(list(run.lines(raw.split(b"\n")))) == raw.count(b"\n") + 1


# --- replacements -------------------------------------------------------------------------------------------------------


def test_the_same_key_gives_the_same_output_and_another_one_another() -> None:
    raw = (SAMPLES / "two-recipients.eml").read_bytes()
    assert anonymous(raw, b"one") == anonymous(raw, b"one") != anonymous(raw, b"two")


def test_one_run_replaces_alike_in_all_its_messages() -> None:
    run = Anonymizer(b"a key")
    first, second = (
        run.message((SAMPLES / f"{name}.eml").read_bytes()).raw for name in ("unknown-user", "mailbox-full")
    )
    senders = [re.search(rb"From: .* <(.*@.*)>\nTo: ", raw[200:]) for raw in (first, second)]
    assert senders[0] is not None
    assert senders[1] is not None
    assert senders[0][1] == senders[1][1]


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("Kim.Lee@shop.de", r"[A-Z][a-z]{4}\.[A-Z][a-z]{4}@[a-z]{5}\.de\.example"),
        ("kim+news@shop.example", r"[a-z]{5}\+[a-z]{5}@[a-z]{5}\.example"),
        ('"kim lee"@shop.co.uk', r'"[a-z]{5} [a-z]{5}"@[a-z]{5}\.co\.uk\.example'),
        ("12345678@shop.example", r"\d{8}@[a-z]{5}\.example"),
        ("käthe@bücher.example", r"\w{5}@\w{6}\.example"),
        ("kim@xn--bcher-kva.example", r"[a-z]{5}@xn--[a-z0-9-]+\.example"),
        ("kim@[192.0.2.9]", r"[a-z]{5}@\[198\.18\.\d+\.\d+\]"),
        ("kim@[IPv6:2001:db8::9]", r"[a-z]{5}@\[IPv6:2001:db8:[0-9a-f]+::[0-9a-f]+\]"),
        ("k\\x{E4}the@shop.example", r"[a-z]{1}\\x\{[0-9A-F]+\}[a-z]{3}@[a-z]{5}\.example"),
        ("SRS0=Xy3k=QX=shop.de=kim@relay.example", r"SRS0=\w{4}=\w+=[a-z]{5}\.de\.example=[a-z]{5}@[a-z]{5}\.example"),
        ("prvs=4711ab=kim@shop.example", r"prvs=[0-9a-f]{6}=[a-z]{5}@[a-z]{5}\.example"),
        ("sailors-bounces@lists.harbour.example", r"[a-z]{7}-bounces@lists\.[a-z]{7}\.example"),
        ("mx1.shop.de", r"mx1\.[a-z]{5}\.de\.example"),
        ("203-0-113-9.dsl.shop.de", r"198-18-\d+-\d+\.[a-z]{5}\.[a-z]{5}\.de\.example"),
        ("9.113.0.203.zen.spamhaus.org", r"\d+\.\d+\.18\.198\.zen\.spamhaus\.org"),
        ("shop-de.mail.protection.outlook.com", r"[a-z]{5}-[a-z]{5}\.mail\.protection\.outlook\.com"),
        ("4DF1A25C9D4", r"[0-9A-F]{11}"),
        ("1xUsTW-0005Tm-35", r"\d[a-z][A-Z][a-z][A-Z]{2}-\d{4}[A-Z][a-z]-35"),
        ("2001:db8:0:1::25", r"2001:db8:[0-9a-f]+::[0-9a-f]+"),
        (
            "https://shop.de/u/4711?a=kim%40shop.de",
            r"https://[a-z]{5}\.de\.example/\w+/\d{4}\?\w+=\w+%40\w+\.de\.example",
        ),
    ],
)
def test_a_replacement_has_the_shape_of_the_original(text: str, shape: str) -> None:
    made = text_with().rewrite(text)
    assert made != text
    assert re.fullmatch(shape, made), made


@pytest.mark.parametrize(
    "text",
    [
        "gmail-smtp-in.l.google.com",
        "outlook-com.olc.protection.outlook.com",
        "mta7.am0.yahoodns.net",
        "zen.spamhaus.org",
        "https://support.google.com/mail/?p=NoSuchUser",
        "MAILER-DAEMON@gmail.com",
        "550 5.1.1 RESOLVER.ADR.RecipientNotFound",
        "S3140",
        "127.0.0.1",
        "::1",
        "256.1.1.999",
        "21:16:19",
        "2026-11-21T21:16:19.123Z",
        "8.17.1.9/8.17.1.9",
        "user unknown",
    ],
)
def test_what_rules_need_and_what_names_nobody_stays(text: str) -> None:
    assert text_with().rewrite(text) == text


def test_a_domain_and_its_a_labels_stay_one() -> None:
    text = text_with()
    assert is_same_address(text.address("kim@bücher.example"), text.address("kim@xn--bcher-kva.example"))


def test_what_is_kept_stays() -> None:
    made = Pseudonyms(b"k", vocabulary(), keep={"kim@shop.de", "shop.net", "lee", "192.0.2.9", "2001:db8::9"})
    text = Text(made, vocabulary())
    kept = "kim@shop.de mx@shop.net 192.0.2.9 2001:db8::9"
    assert text.rewrite(kept).split()[0] == "kim@shop.de"
    assert text.rewrite(kept).split()[2:] == ["192.0.2.9", "2001:db8::9"]
    assert text.rewrite("lee@shop.net") == "lee@shop.net"
    assert text.rewrite("lee", Mode.BLANK) == "lee"


def test_somebodys_words_are_masked_unless_rules_know_them() -> None:
    made = text_with().rewrite("Quarterly Zebrafish: out of office, call 0171 2345678 until 12.11.2026", Mode.MASKED)
    assert "Zebrafish" not in made
    assert "out of office" in made
    assert "2345678" not in made
    assert "12.11.2026" in made


def test_words_in_scripts_without_blanks_are_masked_sign_by_sign() -> None:
    made = text_with().rewrite("宛先のメールアドレスが見つかりません 田中一郎", Mode.MASKED)
    assert "見つかりません" in made
    assert "田中一郎" not in made


# --- whole messages -------------------------------------------------------------------------------------------------------


def test_a_returned_message_loses_its_body_wherever_it_stands() -> None:
    for name in ("unknown-user", "mailbox-full"):
        raw = (SAMPLES / f"{name}.eml").read_bytes()
        assert b"Hello, here is the letter" in raw
        assert b"letter of this month" not in anonymous(raw)


def test_line_endings_and_what_is_not_replaced_stay() -> None:
    raw = (SAMPLES / "unknown-user.eml").read_bytes().replace(b"\n", b"\r\n")
    made = anonymous(raw)
    assert b"\n" not in made.replace(b"\r\n", b"")
    assert b"Date: Mon, 2 Nov 2026 09:30:12 +0000\r\n" in made


def test_attachments_are_removed() -> None:
    raw = b"""From: Kim <kim@shop.de>
To: lee@shop.de
Subject: hello
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: image/png; name="Kim Zebrafish.png"
Content-Transfer-Encoding: base64

iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ
--b
Content-Type: text/html

<style>p {}</style><p title="Zebrafish">Zebrafish &amp; co</p>
--b--
"""
    made = anonymous(raw)
    assert b"iVBOR" not in made
    assert b"Zebrafish" not in made
    assert b".png" in made


def test_keeping_the_text_leaves_the_words() -> None:
    raw = b"From: Kim <kim@shop.de>\nTo: lee@shop.de\nSubject: About Zebrafish\n\nZebrafish are fish.\n"
    kept = Anonymizer(b"k", keep=["text"]).message(raw)
    assert kept.is_proved
    assert b"Zebrafish are fish." in kept.raw
    assert b"kim" not in kept.raw


OWN_RULE: Final = """
[[rule]]
id = "mine.kim"
when = { any_words = ["kimlocked"] }
then = { reason = "mailbox_disabled" }
example = "550 5.1.1 kimlocked"
"""


def test_a_verdict_that_hangs_on_a_name_is_said_to_differ(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(OWN_RULE, encoding="utf-8")
    knowledge = Knowledge.builtin().with_file(tmp_path / "mine.toml")
    raw = (
        (SAMPLES / "unknown-user.eml")
        .read_bytes()
        .replace(b"kim@", b"kimlocked@")
        .replace(b"User unknown", b"kimlocked")
    )
    result = Anonymizer(b"k", knowledge=knowledge).message(raw)
    assert not result.is_proved
    assert "reason of recipient 1: mailbox_disabled became" in " ".join(result.differs)
    assert Anonymizer(b"k", knowledge=knowledge, keep=["kimlocked"]).message(raw).differs == ()


def test_records_are_replaced_as_well() -> None:
    record = json.dumps(parse((SAMPLES / "unknown-user.eml").read_bytes(), source="/home/kim/a.eml").to_dict()).encode()
    result = run_with(b"k").record(record)
    assert result.is_proved
    before, after = json.loads(record), json.loads(result.raw)
    assert after["verdicts"][0]["reason"] == "user_unknown"
    for key in ("recipient", "key", "sent_to"):
        assert before["verdicts"][0][key] != after["verdicts"][0][key]


def test_an_unknown_users_bare_name_in_a_log_line_is_replaced() -> None:
    line = (
        b"Nov 21 21:16:19 zebra postfix/smtp[1]: 81B7B25C9D4: to=<zebrafish@shop.de>, relay=relay7[192.0.2.9]:25, delay=0.1, "
        b'dsn=5.1.1, status=bounced (host relay7[192.0.2.9] said: 550 5.1.1 mailbox zebrafish not here) user=zebrafish Subject: A "b"'
    )
    (result,) = run_with(b"k").lines([line])
    assert result.is_proved
    assert b"zebra" not in result.raw
    assert b"shop" not in result.raw


def mail_with(body: bytes, *fields: bytes) -> bytes:
    head = b"Return-Path: <>\nFrom: MAILER-DAEMON@mx.shop.de\nTo: zebrafish@shop.de\nSubject: failure notice\nMIME-Version: 1.0\n"
    return head + b"".join(field + b"\n" for field in fields) + b"\n" + body


@pytest.mark.parametrize(
    "raw",
    [
        mail_with(b"550 no zebrafish here", b"Content-Transfer-Encoding: x-unknown"),
        mail_with("\ufeffKein zebrafish hier: größer".encode(), b"Content-Type: text/plain; charset=utf-8"),
        mail_with("zebrafish@shop.de のメール".encode("iso2022_jp")),
        mail_with("zebrafish: größer".encode("latin-1"), b"Content-Type: text/plain; charset=us-ascii"),
        mail_with("zebrafish: größer".encode("latin-1"), b"Content-Type: text/plain; charset=iso-8859-1"),
        mail_with(b"zebrafish", b"DKIM-Signature: v=1; d=shop.de; s=zebrafish; b=zebrafish+abc/def=; bh=zebrafish"),
        mail_with(b"zebrafish", b"Message-ID: <zebrafish>", b"References: <zebrafish@shop.de> <zebrafish>"),
        mail_with(b"zebrafish@xn--zzzzzzzzz-zzzzz.de", b"X-Odd: zebrafish"),
        mail_with(
            b"zebrafish", b"Received: from zebrafish (helo=zebrafish [192.0.2.9]) by zebrafish with SMTP id zebrafish"
        ),
        mail_with(b"zebrafish", b"Reply-To: zebrafish (Zebrafish) , <zebrafish>, <>"),
        mail_with(b"zebrafish", b'Content-Disposition: inline; filename="zebrafish shop.txt"'),
        mail_with(
            b"zebrafish", b"X-MS-Zebra: 1", b"Thread-Index: zebrafish", b"Original-Envelope-Id: zebrafish@shop.de"
        ),
        mail_with(b"zebrafish zebra", b"Final-Recipient: rfc822; zebrafish"),
        mail_with(
            b"--x\nContent-Type: text/plain\n\nzebrafish\n--x--\nzebrafish",
            b"Content-Type: multipart/mixed; boundary=zebrafish",
        ),
    ],
    ids=range(14),
)
def test_it_is_found_wherever_it_stands(raw: bytes) -> None:
    shown = readable(anonymous(raw))
    for text in ("zebrafish", "shop.de", "192.0.2.9"):
        assert (
            re.search(rf"(?<![a-z0-9]){re.escape(text)}(?![a-z0-9])", re.sub(r"shop\.de\.example", "", shown)) is None
        ), text


def test_a_record_in_ascii_and_one_without_a_domain() -> None:
    report = json.dumps({"recipient": "zebrafish", "remote_mta": "zebra", "reply": "550 käthe@shop.de", "n": [1, None]})
    result = run_with(b"k").record(report.encode())
    assert result.is_proved
    after = json.loads(result.raw)
    assert "zebra" not in result.raw.decode()
    assert after["reply"].endswith("@" + after["reply"].partition("@")[2])
    assert after["n"] == [1, None]


def test_the_words_before_an_address_are_a_name_unless_rules_know_them() -> None:
    text = text_with()
    assert "Zebra" not in text.rewrite("Zustellung an Zora Zebrafish <kim@shop.de> nicht erfolgt")
    assert "Zebra" not in text.rewrite('an "Zora Zebrafish" <kim@shop.de>')
    assert text.rewrite("Final Recipient <kim@shop.de>").startswith("Final Recipient <")
    assert (
        text.rewrite("Mail Delivery System <MAILER-DAEMON@gmail.com>")
        == "Mail Delivery System <MAILER-DAEMON@gmail.com>"
    )
    assert text.rewrite("User Unknown Zebra <kim@shop.de>").startswith("User Unknown ")


def test_a_line_that_begins_like_json_is_replaced_as_text() -> None:
    (result,) = run_with(b"k").lines([b"{not json: Xy <zebrafish@shop.de>"])
    assert result.is_proved
    assert result.raw.startswith(b"{not json: ")
    assert b"zebrafish" not in result.raw
    assert b"Xy" not in result.raw


def test_codes_stay_and_other_words_with_digits_are_replaced() -> None:
    marker = next(one for one in sorted(vocabulary().markers) if re.fullmatch(r"[a-z]{2,}\d[a-z0-9]{6,}", one))
    text = text_with()
    assert text.rewrite(f"IPBL0001 {marker} ab12") == f"IPBL0001 {marker} ab12"
    assert text.rewrite("ab12 zebra 4711", Mode.BLANK) == "xx00 xxxxx 0000"
    assert text.rewrite("ab12", Mode.MASKED) != "ab12"


def test_what_only_looks_like_a_host_in_a_return_path_is_replaced_as_a_name() -> None:
    assert re.fullmatch(r"\w{5}=\w{5}\.\w{5}@\w{5}\.de\.example", text_with().rewrite("xyzzy=kim.lee@shop.de"))


def test_an_a_label_that_is_none_is_replaced_as_letters() -> None:
    made = text_with().address("kim@xn--9999999999999999999.de")
    assert re.fullmatch(r"\w{5}@\w+\.de\.example", made), made


def test_an_id_that_is_kept_stays() -> None:
    text = Text(Pseudonyms(b"k", vocabulary(), keep={"4df1a25c9d4"}), vocabulary())
    assert text.ids("4DF1A25C9D4") == "4DF1A25C9D4"


def test_short_words_never_run_out() -> None:
    made = Pseudonyms(b"k", vocabulary())
    assert (
        len({made.atom(f"a{number}") for number in range(10)} | {made.atom(f"b{number}") for number in range(10)}) == 20
    )
    assert (
        len({made.atom(f"{letter}{number}") for letter in "abcdefghijklmnopqrstuvwxyz" for number in range(10)}) == 260
    )


@pytest.mark.parametrize("depth", [300, 900, 200_000])
def test_json_may_be_nested_as_deeply_as_it_likes(depth: int) -> None:
    line = b'{"a":' * depth + b'"to kim.doe@shop.example"' + b"}" * depth
    (in_log,) = run_with(b"a key").lines([line])
    record = run_with(b"a key").record(line)
    assert b"kim.doe" not in in_log.raw + record.raw
    assert in_log.is_proved
    assert record.is_proved
