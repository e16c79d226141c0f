"""Laws: what holds for any text, tried on every example of a rule and every reply in `fixtures/`.

A case says what one text means. A law says what must never happen, whatever the text says: that a reply to MAIL FROM
condemns a recipient, that a link or an apostrophe changes the verdict. Each law is one test, whose failure names the
texts that break it. A law that is broken today says which piece of work will mend it, and must fail until then.
"""

from __future__ import annotations

import ast
import doctest
import itertools
import json
import re
import subprocess
import sys
import tomllib
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Final, TypeAlias

import undeliverable
from undeliverable import Knowledge, Verdict, classify, parse

PACKAGE: Final = Path(undeliverable.__file__).parent
ROOT: Final = Path(__file__).parent.parent
SHOWN: Final = 10

Broken: TypeAlias = Iterator[object]


def holds(law: str, broken: Iterable[object]) -> None:
    """Fail with the law and the first of what breaks it."""
    __tracebackhide__ = True
    found = list(broken)
    shown = "\n".join(f"  {one}" for one in found[:SHOWN])
    assert not found, f"{law}; {len(found)} break it:\n{shown}"


# --- the texts --------------------------------------------------------------------------------------------------------


def rule_examples() -> Iterator[str]:
    for path in sorted(PACKAGE.rglob("*.toml")):
        for rule in tomllib.loads(path.read_text(encoding="utf-8")).get("rule", ()):
            for value in (rule.get("example", ()), rule.get("examples", ())):
                yield from [value] if isinstance(value, str) else [one for one in value if isinstance(one, str)]


def fixture_replies() -> Iterator[str]:
    for line in (ROOT / "fixtures" / "replies.txt").read_text(encoding="utf-8").splitlines():
        yield line.partition("\t")[2]
    yield from (ROOT / "fixtures" / "replies-never-hard.txt").read_text(encoding="utf-8").splitlines()


@cache
def texts() -> tuple[str, ...]:
    found = tuple(dict.fromkeys(text for text in (*rule_examples(), *fixture_replies()) if text))
    assert found
    return found


# --- phase: before RCPT no recipient has been named (RFC 5321 3.3) ----------------------------------------------------

EARLY: Final = ("connect", "ehlo", "starttls", "auth", "mail")
NEGATIVE: Final = re.compile(r"[45]\d\d[ -]")


def condemns(verdict: Verdict) -> bool:
    """Whether the verdict blames the address or its mailbox, or takes it off a list."""
    return str(verdict.fault) in {"address", "mailbox"} or str(verdict.advice) == "suppress"


def refuses_all_mail(verdict: Verdict, command: str, text: str) -> bool:
    """Whether a greeting says in words that this host takes no mail at all (RFC 7504)."""
    return command == "connect" and str(verdict.reason) == "domain_no_mail" and len(text) > len("521 5.3.2 ok")


def condemned_early() -> Broken:
    for text, command in itertools.product(filter(NEGATIVE.match, texts()), EARLY):
        verdict = classify(text, command=command)
        if condemns(verdict) and not refuses_all_mail(verdict, command, text):
            yield command, text, verdict.reason, verdict.advice


def test_phase() -> None:
    holds("a reply before RCPT condemns no recipient", condemned_early())


# --- class: a transient code or status is never final -----------------------------------------------------------------

CODES: Final = (550, 554, 450, 451, 421, 442, 452)
STATUSES: Final = ("4.1.1", "4.2.1", "4.1.2", "5.1.1", "4.7.1", "")
WORDS: Final = ("user unknown", "mailbox disabled", "no such domain", "mailbox temporarily disabled", "")


def transient_but_final() -> Broken:
    for code, status, words in itertools.product(CODES, STATUSES, WORDS):
        text = " ".join(filter(None, (str(code), status, words)))
        verdict = classify(text, command="rcpt")
        transient = code < 500 or status.startswith("4")
        if transient and (str(verdict.bounce_type) != "soft" or str(verdict.advice) == "suppress"):
            yield text, verdict.bounce_type, verdict.reason


def test_class() -> None:
    holds("where code or status is of class 4, the bounce is soft", transient_but_final())


# --- success: 2yz and 3yz are no failure ------------------------------------------------------------------------------

ACCEPTED: Final = (
    "250 2.0.0 OK",
    "250 2.1.5 Ok, but user unknown forwarded",
    "251 User not local; will forward",
    "252 Cannot VRFY user, but will accept",
    "220 mx.example.org ESMTP",
    "354 Start mail input",
    "250 accepted for delivery: mailbox full policy",
    "235 2.7.0 Authentication successful",
    "221 2.0.0 closing",
)


def failed_successes() -> Broken:
    for text in ACCEPTED:
        verdict = classify(text)
        if (verdict.bounce_type, verdict.reason) != (None, None) or str(verdict.advice) not in {"none", "None"}:
            yield text, verdict.bounce_type, verdict.reason, verdict.advice


def test_success() -> None:
    holds("a positive reply is no failure", failed_successes())


# --- observer: asking for more changes nothing ------------------------------------------------------------------------

CLIENTS_OWN: Final = ("4.4.4 host not found: NXDOMAIN", "4.1.2 domain does not exist (NXDOMAIN)")


def judged(verdict: Verdict) -> tuple[object, ...]:
    return verdict.reason, verdict.bounce_type, verdict.advice


def changed_by_asking() -> Broken:
    other = Knowledge.builtin().with_rules([{"when": {"service": "sendgrid"}, "then": {"label": "x"}}])
    for text in (*texts(), *CLIENTS_OWN):
        plain = judged(classify(text))
        for name, verdict in (
            ("trace", classify(text, trace=True)),
            ("a policy that does not apply", classify(text, knowledge=other)),
        ):
            if judged(verdict) != plain:
                yield name, text, *map(str, plain), *map(str, judged(verdict))


def test_observer() -> None:
    holds("a trace, or a policy that does not apply, leaves the verdict as it is", changed_by_asking())


# --- dress: how the letters are written does not matter ---------------------------------------------------------------


def dresses(text: str) -> Iterator[tuple[str, str]]:
    """Yield the text as another system would have written it."""
    yield "typographic apostrophe", text.replace("'", "\u2019")
    yield "no-break space", re.sub(r"(?<=[^\W\d]) (?=[^\W\d])", "\u00a0", text)
    yield "NFD", unicodedata.normalize("NFD", text)
    if text.isascii() and not set("@/=") & set(text):
        yield "capitals", text.upper()


def changed_by_dress() -> Broken:
    for text in texts():
        plain = classify(text)
        for name, other in dresses(text):
            verdict = classify(other) if other != text else plain
            if (verdict.reason, verdict.bounce_type) != (plain.reason, plain.bounce_type):
                yield name, text, f"{plain.reason} -> {verdict.reason}"


def test_dress() -> None:
    holds("apostrophes, no-break spaces, normal forms and capitals change no reason", changed_by_dress())


# --- links: words that stand only in a link decide nothing ------------------------------------------------------------

LINKED: Final = (
    "no-such-user",
    "user-unknown",
    "mailbox-disabled",
    "mailbox_not_found",
    "account-suspended",
    "invalid_recipient",
)
HOSTS: Final = ("help.example.net", "www.example.com")
REFUSALS: Final = (
    "554 5.7.1 Message rejected, see https://{}/{}",
    "550 5.7.1 Refused. More: http://{}/errors?code={}",
    "550 Rejected by policy ({}/{})",
)


def condemned_by_a_link() -> Broken:
    for words, host, refusal in itertools.product(LINKED, HOSTS, REFUSALS):
        text = refusal.format(host, words)
        verdict = classify(text, command="end_of_data")
        if str(verdict.fault) == "address" or str(verdict.advice) == "suppress":
            yield text, verdict.reason


def test_links() -> None:
    holds("the words of a link make no address's fault", condemned_by_a_link())


# --- subjects, answers: who sent it decides, not the Subject ----------------------------------------------------------

NOTIFICATION: Final = (
    "Your message to the following recipient could not be delivered.\n\n<kim@example.org>: 550 5.1.1 User unknown\n"
)
QUOTED: Final = (
    "Hi, it looks as if your mail could not be delivered:\n\nkim@example.org\n550 5.1.1 no such user\n\nRegards\nLee\n"
)
MAIL_SYSTEMS: Final = (
    "MAILER-DAEMON@mx.example.net",
    "Mail Delivery System <postmaster@mx.example.net>",
    "Mail System <notices@mx.example.net>",
    "Mailer Daemon <robot@mx.example.net>",
)
PATHS: Final = (
    "Return-Path: <>\n",
    "Return-Path: <>\nAuto-Submitted: auto-replied\n",
    "Return-Path: <MAILER-DAEMON>\n",
)
SUBJECTS: Final = (
    "failure", "Bounce", "", None, "Error", "Notification", "Problem delivering your message",
    "Message delivery has failed", "Warning: could not send message", "Rejected mail", "Autumn offers",
    "Vaša správa", "配信エラー",
)  # fmt: skip
PEOPLE: Final = ("Postmaster <postmaster@corp.example>", "Kim <kim@corp.example>")
PREFIXES: Final = (
    "Re", "RE", "AW", "SV", "VS", "Antw", "RES", "YNT", "ILT", "PD", "VL", "Vá", "Rif", "VB", "TR", "FW", "Fwd",
    "WG", "ENC", "RV",
)  # fmt: skip


def mail(path: str, sender: str, subject: str | None, body: str) -> bytes:
    line = "" if subject is None else f"Subject: {subject}\n"
    return (
        f"{path}From: {sender}\nTo: news@example.com\n{line}Date: Sun, 29 Nov 2026 10:00:00 +0000\n"
        f"Content-Type: text/plain; charset=utf-8\n\n{body}"
    ).encode()


def lost_by_subject() -> Broken:
    for sender, path, subject in itertools.product(MAIL_SYSTEMS, PATHS, SUBJECTS):
        report = parse(mail(path, sender, subject, NOTIFICATION))
        if str(report.kind) != "bounce" or [one.recipient for one in report.verdicts] != ["kim@example.org"]:
            yield sender, path.splitlines(), subject, report.kind


def hard_by_an_answer() -> Broken:
    for prefix, sender in itertools.product(PREFIXES, PEOPLE):
        report = parse(mail("Return-Path: <lee@corp.example>\n", sender, f"{prefix}: Undelivered mail", QUOTED))
        if any(str(verdict.bounce_type) == "hard" for verdict in report.verdicts):
            yield prefix, sender, report.kind


def test_subjects() -> None:
    holds("a mail system's report with a null return path is a bounce whatever its Subject", lost_by_subject())


def test_answers() -> None:
    holds("a person's reply or forward is no hard bounce", hard_by_an_answer())


# --- cascade: a policy changes only what it sets ----------------------------------------------------------------------

TUNED: Final = (
    "552 5.2.2 mailbox full",
    "550 5.1.1 user unknown",
    "554 5.7.1 blocked using zen.spamhaus.org",
    "550 5.7.1 spam",
    "552 5.3.4 message too large",
    "550 5.2.1 disabled",
    "421 4.7.0 try later",
    "550 5.7.26 dmarc",
)


def changed_by_a_label() -> Broken:
    for profile, text in itertools.product(Knowledge.profiles(), TUNED):
        known = Knowledge.builtin().with_profile(profile)
        plain = classify(text, command="rcpt", knowledge=known)
        labelled = known.with_rules([{"when": {"reason": str(plain.reason)}, "then": {"label": "own"}}])
        verdict = classify(text, command="rcpt", knowledge=labelled)
        if (verdict.bounce_type, verdict.advice, verdict.label) != (plain.bounce_type, plain.advice, "own"):
            yield profile, text, f"{plain.bounce_type} -> {verdict.bounce_type}", verdict.label


def test_cascade() -> None:
    holds("an own policy that sets a label leaves a profile's type and advice", changed_by_a_label())


# --- provider: the recipient's domain names it where no server is named -----------------------------------------------

DSN: Final = """Return-Path: <>
From: MAILER-DAEMON@mx.example.net
To: news@example.com
Subject: Undelivered Mail
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; kim@{domain}
Action: failed
Status: 5.2.2
Diagnostic-Code: smtp; 552 5.2.2 mailbox full

--b--
"""
DOMAINS: Final = {
    "gmail.com": "google",
    "googlemail.com": "google",
    "yahoo.com": "yahoo",
    "yahoo.co.uk": "yahoo",
    "outlook.com": "microsoft",
    "hotmail.com": "microsoft",
    "icloud.com": "apple",
    "gmx.de": "gmx",
    "mail.ru": "mailru",
}


def without_their_provider() -> Broken:
    for domain, name in DOMAINS.items():
        for way, verdict in (
            ("parse", parse(DSN.format(domain=domain).encode()).verdicts[0]),
            ("classify", classify("552 5.2.2 mailbox full", recipient=f"kim@{domain}")),
        ):
            if verdict.provider != name:
                yield way, domain, verdict.provider


def test_provider() -> None:
    holds("a recipient at a provider's own domain has that provider", without_their_provider())


# --- examples: a printed policy does no harm --------------------------------------------------------------------------

HARMLESS: Final = (
    "552 5.3.4 Message too large",
    "552 5.7.0 virus found in message",
    "552 5.7.0 content rejected",
)
ANSWERING: Final = ("mta5.am0.yahoodns.net", "gmail-smtp-in.l.google.com", "mx.example.org")
TOML: Final = re.compile(r"^```toml\n(.*?)^```", re.MULTILINE | re.DOTALL)


def printed_policies(file: Path) -> Iterator[tuple[str, Knowledge]]:
    """Yield each page with what its policies, written to `file`, make of the built-in knowledge."""
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))):
        for block in TOML.findall(page.read_text(encoding="utf-8")):
            tables = tomllib.loads(block)
            if "policy" in tables:
                file.write_text(block, encoding="utf-8")
                known = Knowledge.builtin()
                use = known.with_profile if "profile" in tables else known.with_file
                yield page.relative_to(ROOT).as_posix(), use(str(file))


def policies_in_python() -> Iterator[tuple[str, Knowledge]]:
    """Yield the same for the policies in Python: each table with `when` and `then` that an example spells out."""
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))):
        for example in doctest.DocTestParser().get_examples(page.read_text(encoding="utf-8")):
            for node in ast.walk(ast.parse(example.source)):
                keys = {getattr(key, "value", None) for key in node.keys} if isinstance(node, ast.Dict) else set()
                if keys >= {"when", "then"}:
                    entry = ast.literal_eval(node)
                    if "reason" not in entry["then"]:  # that would be a rule
                        yield page.relative_to(ROOT).as_posix(), Knowledge.builtin().with_rules([entry])


def hardened_by_an_example(file: Path) -> Broken:
    printed = itertools.chain(printed_policies(file), policies_in_python())
    for (page, known), text, host in itertools.product(printed, HARMLESS, ANSWERING):
        verdict = classify(text, host=host, command="end_of_data", knowledge=known)
        if str(verdict.bounce_type) == "hard":
            yield page, text, host


def test_examples(tmp_path: Path) -> None:
    broken = hardened_by_an_example(tmp_path / "printed.toml")
    holds("no printed policy makes a too large or an infected message hard", broken)


# --- complaint: a feedback report keeps what it says (RFC 5965) -------------------------------------------------------

FEEDBACK: Final = b"""Return-Path: <>
From: fbl@provider.example
To: abuse@example.com
Subject: complaint
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="b"

--b
Content-Type: text/plain

This is an abuse report.

--b
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: Example/1.0
Version: 1
Original-Mail-From: <bounces+kim=example.org@example.com>
Source-IP: 192.0.2.7
Reported-Domain: example.com

--b
Content-Type: text/rfc822-headers

From: news@example.com
To: redacted@provider.example
Message-ID: <1@example.com>

--b--
"""
FIELDS: Final = {
    "Feedback-Type": "abuse",
    "Source-IP": "192.0.2.7",
    "Original-Mail-From": "<bounces+kim=example.org@example.com>",
    "Reported-Domain": "example.com",
}
RECORDED: Final = ("abuse", "192.0.2.7", "bounces+kim=example.org@example.com")


def lost_from_a_complaint() -> Broken:
    report = parse(FEEDBACK)
    recipients = [verdict.recipient for verdict in report.verdicts]
    if recipients != ["kim@example.org"]:
        yield "the VERP address of Original-Mail-From", recipients
    for name, value in FIELDS.items():
        found = [said for one in (*report.verdicts, report.message) if (said := one.field(name))]
        if found[:1] != [value]:
            yield "field()", name, found[:1]
    record = json.dumps(report.to_dict())
    yield from (("record", value) for value in RECORDED if value not in record)


def test_complaint() -> None:
    holds("the fields of a feedback report can be read, and name the recipient", lost_from_a_complaint())


# --- zip: the package works from a zip file ---------------------------------------------------------------------------

FROM_ZIP: Final = """
import sys
sys.path.insert(0, sys.argv[1])
import undeliverable
assert ".zip" in undeliverable.__file__, undeliverable.__file__
print(undeliverable.classify("550 5.1.1 no such user").reason)
print(undeliverable.parse(b"From: a@b\\n\\nx").kind)
"""


def zipped(path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(PACKAGE.rglob("*")):
            if file.is_file() and file.suffix not in {".pyc", ".so"}:
                archive.write(file, Path("undeliverable") / file.relative_to(PACKAGE))
    return path


def test_zip(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FROM_ZIP, str(zipped(tmp_path / "undeliverable.zip"))]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.stdout.split(), done.stderr[-300:]) == (["user_unknown", "other"], "")
