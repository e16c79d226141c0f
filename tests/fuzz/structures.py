"""Structured inputs made from decisions: mail, reports, replies, dialogues, log lines, rule files. Octets out, Latin-1."""

from __future__ import annotations

import base64
from typing import Final

from tests.fuzz.choices import Choices

ENDS: Final = ("\n", "\n", "\n", "\r\n", "\r", "\n\n", "", "\n ", "\r\r\n", "\0\n")
ADDRESSES: Final = (
    "kim@example.org", "<kim@example.org>", "<>", "kim", "@", "a@a@a", '"kim, lee"@example.org', "<kim@example.org",
    "kim@[192.0.2.1]", "kim@xn--bcher-kva.example", "Kim <kim@example.org>", "用户@example.org", "kim@example.org>",
    "@a,@b:kim@example.org", "kim%example.org@example.net", "=?utf-8?q?kim=40example.org?=", "kim@ex\x1b[31mample.org",
    "kim@example.org\n Action: delivered", "/o=X/cn=kim", "a" * 300 + "@example.org", "kim@example.org, lee@example.org",
)  # fmt: skip
TYPES: Final = (
    "rfc822;",
    "rfc822; ",
    "RFC822;",
    "utf-8; ",
    "x400; ",
    "unknown;",
    "",
    "; ",
    ";;",
    "rfc822 ",
    "smtp; ",
    "dns; ",
    "X-Postfix; ",
)
REPLIES: Final = (
    "550 5.1.1 No such user", "550", "550-5.1.1 one\n 550 5.1.1 two", "421 4.7.0 Try later", "250 2.0.0 Ok", "5.1.1", "550 (#5.1.1)",
    "452 4.2.2 <kim@example.org> full", "552-5.7.0", "999 9.9.9 x", "550 5.1.1 host mx.example.org[192.0.2.1] said: 550 x",
    "Final-Recipient: rfc822; lee@example.org", "550 5.9999.1", "554 no valid recipients", "5" * 400, "5.1.1." * 60, "delivery temporarily suspended",
    "Operation timed out", "\\347\\224", "user unknown \x9b31m", "=CMD()", "550 5.7.1 see https://example.com/?a=1",
)  # fmt: skip
NAMES: Final = (
    "Final-Recipient", "Original-Recipient", "Action", "Status", "Diagnostic-Code", "Remote-MTA", "Reporting-MTA", "Arrival-Date",
    "Last-Attempt-Date", "Will-Retry-Until", "X-Postfix-Queue-ID", "Original-Envelope-Id", "X-Actual-Recipient", "Received-From-MTA", "X-Unknown",
    "Feedback-Type", "Original-Rcpt-To", "Disposition", "Original-Mail-From", "User-Agent",
)  # fmt: skip
VALUES: Final = (
    "failed", "delayed", "delivered", "relayed", "expanded", "5.1.1", "4.4.7 (expired)", "5.0.0", "2.0.0", "Mon, 16 Nov 2026 09:12:33 +0000",
    "Mon, 99 Foo 0000 99:99:99 +9999", "", " ", "(" * 60, '"', "\\", "abuse", "manual-action/MDN-sent-manually; displayed", "\xff\xfe",
)  # fmt: skip
HEADERS: Final = (
    "From", "To", "Subject", "Date", "Message-ID", "Content-Type", "Content-Transfer-Encoding", "Return-Path", "Auto-Submitted", "X-Failed-Recipients",
    "Received", "Precedence", "MIME-Version", "X-Autoreply", "List-Id", "References", "Content-Disposition",
)  # fmt: skip
HEADER_VALUES: Final = (
    "Mail Delivery System <MAILER-DAEMON@mx.example.net>", "<>", "postmaster", "Undelivered Mail Returned to Sender", "Delivery Status Notification (Failure)",
    "auto-replied", "auto-generated (failure)", "=?utf-8?q?Unzustellbar?=", "=?utf-8?b?", "=?x?q?=?=", "=?utf-7?q?+AGE-?=", "bulk", "Out of office", "1.0",
    "<r1@mx.example.net>", "(((((", "a@a, a@a", "by mx.example.com; Mon, 16 Nov 2026 09:12:33 +0000",
)  # fmt: skip
BOUNDARIES: Final = ("b", "bb", "b--", "-", "--", "b b", "x" * 70, "(", "b1/mx.example.net", "")
CONTAINERS: Final = (
    "multipart/report",
    "multipart/mixed",
    "multipart/alternative",
    "multipart/digest",
    "multipart/",
    "MULTIPART/REPORT",
    "message/rfc822",
)
LEAVES: Final = (
    "text/plain", "text/html", "message/delivery-status", "message/global-delivery-status", "message/rfc822", "message/global", "text/rfc822-headers",
    "message/feedback-report", "message/disposition-notification", "application/octet-stream", "text", "", "multipart/mixed", "message/partial",
)  # fmt: skip
CHARSETS: Final = (
    "",
    "us-ascii",
    "utf-8",
    "iso-8859-1",
    "utf-16",
    "utf-7",
    "iso-2022-jp",
    "idna",
    "base64",
    "unicode_escape",
    "x-none",
    "\0",
    "cp037",
    "hz",
)
ENCODINGS: Final = ("", "7bit", "base64", "quoted-printable", "8bit", "x-uuencode", "BASE64", "base64 ", "rot13")
HTML: Final = (
    "<p>", "</p>", "<pre>", "</pre>", "<br", "<a href='mailto:kim@example.org'>", "</a>", "<!--", "-->", "<script>", "</script>", "<style>", "&amp;", "&#1114112;",
    "&#xD800;", "&", "<", "<td>", "<html><body>", "&#0;", "&NotEqualTilde;", "<a href=\"mailto:\x1b\">",
)  # fmt: skip
TRANSCRIPT: Final = (
    ">>> RCPT TO:<kim@example.org>", "<<< 550 5.1.1 No such user", "<<< 550-5.1.1 No", ">>> DATA", "<<< 503 RCPT first", "<<< 554 no valid recipients", ">>> MAIL FROM:<>",
    "... while talking to mx.example.org.:", "   ----- Transcript of session follows -----", "   ----- The following addresses had permanent fatal errors -----",
    " Out: 550 5.1.1 No", " In:  RCPT TO:<kim@example.org>", "<kim@example.org>... Deferred: try later", "550 5.1.1 <kim@example.org>... User unknown", "    (reason: 550 no)",
    "<kim@example.org>: host mx.example.org[192.0.2.1] said: 550 5.1.1 no (in reply to RCPT TO command)", "(expanded from: <lee@example.org>)", "--- Below this line is a copy of the message.",
    "<kim@example.org>:", "Remote host said: 550 x", "I'm not going to try again; this message has been in the queue too long.", "Connected to 192.0.2.1 but", ">>>", "<<<", "<<< 5",
    "kim@example.org", "  kim@example.org", "Hi. This is the qmail-send program at mx.example.net.", "This message was created automatically by mail delivery software.",
)  # fmt: skip
LOGS: Final = (
    "Nov 16 09:12:33 mx postfix/smtp[9]: 4ABC: to=<kim@example.org>, relay=mx.example.org[192.0.2.1]:25, delay=1, dsn=5.1.1, status=bounced (host mx.example.org[192.0.2.1] said: 550 5.1.1 no (in reply to RCPT TO command))",
    "Nov 16 09:12:33 mx postfix/qmgr[9]: 4ABC: from=<news@example.com>, status=expired, returned to sender",
    "Nov 16 09:12:33 mx postfix/qmgr[9]: 4ABC: from=<news@example.com>, size=1, nrcpt=2 (queue active)", "Nov 16 09:12:33 mx postfix/qmgr[9]: 4ABC: removed",
    "Nov 16 09:12:33 mx postfix/cleanup[9]: 4ABC: message-id=<n1@example.com>",
    "2026-11-16 09:12:33 1abcde-000001-XX ** kim@example.org R=dnslookup T=remote_smtp H=mx.example.org [192.0.2.1]: SMTP error from remote mail server after RCPT TO:<kim@example.org>: 550 5.1.1 no",
    "2026-11-16 09:12:33 1abcde-000001-XX == kim@example.org R=dnslookup T=remote_smtp defer (-44): 451 4.7.1 later", "2026-11-16 09:12:33 1abcde-000001-XX Completed",
    "Nov 16 09:12:33 mx sendmail[9]: 9A: to=<kim@example.org>, delay=00:00:01, mailer=esmtp, relay=mx.example.org. [192.0.2.1], dsn=5.1.1, stat=User unknown",
    '{"type":"Bounce","recipient":"kim@example.org","response":{"code":550,"content":"no"}}', '{"MESSAGE":"x","_HOSTNAME":"mx"}', '{"', "b,2026,kim@example.org,,,550", "@4000000065 delivery 1: failure: x",
    "<22>1 2026-11-16T09:12:33Z mx postfix/smtp 9 - - 4ABC: to=<kim@example.org>, dsn=4.4.1, status=deferred (no)",
)  # fmt: skip
KEYS: Final = (
    "id",
    "when",
    "then",
    "example",
    "source",
    "replaces",
    "reply",
    "status",
    "words",
    "any_words",
    "pattern",
    "reason",
    "bounce_type",
    "advice",
    "label",
    "provider",
    "command",
    "fault",
    "expired",
    "hosts",
    "name",
    "title",
    "xyz",
    "service",
    "class",
)
TABLES: Final = (
    "[[rule]]",
    "[[policy]]",
    "[[provider]]",
    "[[format]]",
    "[profile]",
    "[rule]",
    "rule = 1",
    "[[xyz]]",
    "[[[",
)
RULE_VALUES: Final = (
    '"550"', '"45x"', '"5.1.1"', '"5.7.*"', '"none"', '"user_unknown"', '"hard"', '"soft"', '"suppress"', '"no such user"', '"general.5.1.1"', '"microsoft"', '"rcpt"',
    "1", "true", "[]", '["a", "b"]', "{ reply = \"550\" }", "{ reason = \"user_unknown\" }", "{ bounce_type = \"hard\" }", "{ words = \"no such\", reply = \"550\" }", "{}",
    "2026-11-16", "1e999", "nan", '"(a+)+$"', '"(a|a)*"', '"("', "'\\d{3}'", "'''x'''", '"\\u0000"', '"' + "x" * 2000 + '"', "[[[[[[]]]]]]", '"550 5.1.1 no such user"', '""',
)  # fmt: skip


def _end(choices: Choices) -> str:
    return choices.pick(ENDS) if choices.chance(4) else "\n"


def header(choices: Choices) -> str:
    """Header soup."""
    lines: list[str] = []
    for _ in range(choices.number(12)):
        if not choices.more():
            break
        name = choices.raw(8) if choices.chance(8) else choices.pick(HEADERS)
        value = choices.raw(40) if choices.chance(4) else choices.pick(HEADER_VALUES + ADDRESSES)
        lines.append(
            f"{name}{':' if not choices.chance(10) else choices.pick(('', ' :', '::', chr(0)))} {value}{_end(choices)}"
        )
    return "".join(lines)


def fields(choices: Choices) -> str:
    """Field groups of RFC 3464, nearly."""
    out: list[str] = []
    for _ in range(choices.number(24)):
        if not choices.more():
            break
        if choices.chance(4):
            out.append("\n")
        name = choices.pick(NAMES)
        kind = choices.pick(TYPES) if choices.number(2) else ""
        value = choices.pick(choices.pick((ADDRESSES, REPLIES, VALUES))) if not choices.chance(6) else choices.raw(60)
        out.append(f"{name}: {kind}{value}{_end(choices)}")
    return "".join(out)


def dialogue(choices: Choices) -> str:
    """A transcript, nearly; and what servers tell people."""
    out: list[str] = []
    for _ in range(choices.number(24)):
        if not choices.more():
            break
        line = (
            choices.pick(TRANSCRIPT)
            if not choices.chance(6)
            else choices.pick(("<<< ", ">>> ", "", "  ")) + choices.pick(REPLIES + ADDRESSES)
        )
        out.append(line + (choices.raw(30) if choices.chance(8) else "") + _end(choices))
    return "".join(out)


def reply(choices: Choices) -> str:
    """One reply, of one line or of many."""
    parts = [
        choices.raw(60) if choices.chance(4) else choices.pick(REPLIES + ADDRESSES)
        for _ in range(1 + choices.number(4))
    ]
    return choices.pick(("\n", " ", "\r\n", "", "; ", "-")).join(parts)


def body(choices: Choices, kind: str, depth: int) -> str:
    """What may stand in a part of type `kind`, or what may not."""
    if "rfc822" in kind or "global" in kind or choices.chance(12):
        return mail(choices, depth + 1)
    if "html" in kind:
        return "".join(choices.several(HTML + REPLIES + ADDRESSES, 20))
    if "status" in kind or "report" in kind or "notification" in kind:
        return fields(choices)
    return choices.pick((dialogue, fields, dialogue, reply))(choices)


def encoded(choices: Choices, text: str, encoding: str) -> str:
    """`text` as its transfer encoding says, or not quite."""
    name = encoding.strip().lower()
    if name == "base64" and not choices.chance(6):
        text = base64.encodebytes(text.encode("utf-8", "replace")).decode()
        return text[: len(text) - choices.number(20)] if choices.chance(4) else text
    if name == "quoted-printable" and not choices.chance(6):
        return text.replace("=", "=3D").replace(" ", choices.pick((" ", "=20", "=\n ", "=")))
    return text


def mail(choices: Choices, depth: int = 0) -> str:
    """A tree of parts, with damage in it."""
    if depth > 6 or not choices.more():
        return "Subject: x\n\nbody\n"
    head = header(choices)
    if choices.number(3) == 0:
        return head + "\n" + body(choices, "text/plain", depth)
    boundary = choices.pick(BOUNDARIES)
    mark = choices.pick(
        (
            f'boundary="{boundary}"',
            f"boundary={boundary}",
            f"\n\tboundary*0={boundary}",
            "boundary",
            f'Boundary = "{boundary}',
        )
    )
    out = [head, f"Content-Type: {choices.pick(CONTAINERS)}; {mark}{_end(choices)}\n"]
    for _ in range(choices.number(5)):
        if not choices.more():
            break
        out += [
            f"{_end(choices)}--{boundary if not choices.chance(6) else choices.pick(BOUNDARIES)}{_end(choices)}",
            part(choices, depth),
        ]
    if not choices.chance(3):
        out.append(f"\n--{boundary}--\n")
    return "".join(out)


def part(choices: Choices, depth: int) -> str:
    """One part of a multipart."""
    if choices.chance(5):
        return mail(choices, depth + 1)
    kind, charset, encoding = choices.pick(LEAVES), choices.pick(CHARSETS), choices.pick(ENCODINGS)
    lines = [f"Content-Type: {kind}"] if kind else []
    if charset and lines:
        lines[0] += f"; charset={charset}"
    if encoding:
        lines.append(f"Content-Transfer-Encoding: {encoding}")
    return "\n".join([*lines, "", ""]) + encoded(choices, body(choices, kind, depth), encoding)


def report(choices: Choices) -> str:
    """A well-formed report around soup of fields and words."""
    return (
        "From: MAILER-DAEMON@mx.example.net\nSubject: failure\nContent-Type: multipart/report; boundary=b\n\n"
        f"--b\n\n{dialogue(choices)}\n--b\nContent-Type: message/delivery-status\n\n{fields(choices)}\n--b\nContent-Type: message/rfc822\n\n{header(choices)}\nx\n--b--\n"
    )


def transcript(choices: Choices) -> str:
    """A report without structure."""
    return f"From: MAILER-DAEMON@mx.example.net\n{header(choices)}\n{dialogue(choices)}"


def log(choices: Choices) -> list[str]:
    """Lines of logs, some of them torn."""
    lines: list[str] = []
    while choices.more() and len(lines) < 30:
        line = choices.pick(LOGS)
        if choices.chance(3):
            at = choices.number(len(line))
            line = (
                line[:at]
                + (choices.raw(20) if choices.number(1) else choices.pick(REPLIES + ADDRESSES))
                + line[at + choices.number(9) :]
            )
        lines.append(line)
    return lines


def rules(choices: Choices) -> str:
    """A file of rules, nearly."""
    lines: list[str] = []
    while choices.more() and len(lines) < 60:
        if choices.number(4) == 0:
            lines.append(choices.pick(TABLES))
        else:
            key = choices.pick(KEYS) if not choices.chance(12) else choices.raw(10)
            lines.append(f"{key} = {choices.pick(RULE_VALUES) if not choices.chance(6) else choices.raw(20)}")
    return "\n".join(lines)
