"""Mails of any size, in every shape that has made some parser slow, hungry or crash. The same size gives the same octets.

A shape is a function from a number of octets (or of items: see `SIZES`) to a message.
"""

from __future__ import annotations

import base64
import quopri
import random
from collections.abc import Callable
from typing import Final

Shape = Callable[[int], bytes]

MB: Final = 1_000_000

HEAD: Final = (
    "Return-Path: <>\n"
    "From: Mail Delivery System <MAILER-DAEMON@mx.example.net>\n"
    "To: news@example.com\n"
    "Subject: Undelivered Mail Returned to Sender\n"
    "Date: Mon, 16 Nov 2026 09:12:33 +0000\n"
    "Message-ID: <r1@mx.example.net>\n"
    "MIME-Version: 1.0\n"
)
REPORT_TYPE: Final = 'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n'
NOTE: Final = (
    "<kim@example.org>: host mx.example.org[192.0.2.1] said: 550 5.1.1 No such user (in reply to RCPT TO command)\n"
)
PLAIN: Final = "Content-Type: text/plain; charset=us-ascii\n"
STATUS: Final = (
    "Content-Type: message/delivery-status\n"
    "\n"
    "Reporting-MTA: dns; mx.example.net\n"
    "\n"
    "Final-Recipient: rfc822; kim@example.org\n"
    "Action: failed\n"
    "Status: 5.1.1\n"
    "Diagnostic-Code: smtp; 550 5.1.1 No such user\n"
)
ORIGINAL: Final = "From: news@example.com\nTo: kim@example.org\nSubject: News\nMessage-ID: <n1@example.com>\n"


def report(*, note: str = NOTE, status: str = STATUS, returned: str = ORIGINAL + "\nHello\n", head: str = HEAD) -> str:
    """A bounce of three parts."""
    return f"{head}{REPORT_TYPE}\n--b\n{PLAIN}\n{note}\n--b\n{status}\n--b\nContent-Type: message/rfc822\n\n{returned}\n--b--\n"


def filled(unit: str, size: int) -> str:
    """`unit` again and again, `size` characters long."""
    return (unit * (size // len(unit) + 1))[:size]


def noise(size: int) -> bytes:
    """Octets without any order, the same ones each time."""
    return random.Random(size).randbytes(size)


PROSE: Final = "The quick brown fox, 550 of them, jumps over lee@example.org and 5.1.1 lazy dogs; nobody is at home.\n"
HTML: Final = (
    '<tr class="r"><td><b>Kim &amp; Lee</b></td><td>550&nbsp;5.1.1 <a href="mailto:lee@example.org">no</a></td></tr>\n'
)


def attachment(size: int) -> bytes:
    """What most large bounces are: a small report that returns a large message."""
    body = base64.encodebytes(noise(size * 3 // 4)).decode()
    return report(
        returned=f"{ORIGINAL}Content-Type: application/zip\nContent-Transfer-Encoding: base64\n\n{body}"
    ).encode()


def text(size: int) -> bytes:
    return report(note=NOTE + filled(PROSE, size)).encode()


def text_without_report(size: int) -> bytes:
    return (HEAD + PLAIN + "\n" + filled(PROSE, size)).encode()


def text_before_the_recipient(size: int) -> bytes:
    return (HEAD + PLAIN + "\nHi. This is the mail system.\n\n" + filled("One more line.\n", size) + NOTE).encode()


def html(size: int) -> bytes:
    return (HEAD + "Content-Type: text/html\n\n<html><table>" + filled(HTML, size) + "</table>" + NOTE).encode()


def base64_text(size: int) -> bytes:
    body = base64.encodebytes((NOTE + filled(PROSE, size * 3 // 4)).encode()).decode()
    return (HEAD + PLAIN + "Content-Transfer-Encoding: base64\n\n" + body).encode()


def base64_with_noise(size: int) -> bytes:
    body = base64.encodebytes((NOTE + filled(PROSE, size * 3 // 4)).encode()).decode().replace("B", "*")
    return (HEAD + PLAIN + "Content-Transfer-Encoding: base64\n\n" + body).encode()


def quoted_printable(size: int) -> bytes:
    body = quopri.encodestring(
        (NOTE + filled("Grüße an 550 5.1.1 = lee@example.org\n", size * 2 // 3)).encode()
    ).decode()
    return (
        HEAD + "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n" + body
    ).encode()


def quoted_printable_equals(size: int) -> bytes:
    body = NOTE + filled("=", size // 2) + filled("= \t ", size // 2)
    return (HEAD + PLAIN + "Content-Transfer-Encoding: quoted-printable\n\n" + body).encode()


def octets(size: int) -> bytes:
    return HEAD.encode() + b"Content-Type: text/plain\n\n" + noise(size)


def nul_octets(size: int) -> bytes:
    return HEAD.encode() + b"Content-Type: text/plain\n\n" + bytes(size)


def windows_text(size: int) -> bytes:
    return (
        HEAD.encode()
        + b"Content-Type: text/plain\n\n"
        + NOTE.encode()
        + filled("Grüße, schöne Straße\n", size).encode("cp1252")
    )


def with_line_ends(shape: Shape, ends: bytes) -> Shape:
    return lambda size: shape(size).replace(b"\n", ends)


def mixed_line_ends(size: int) -> bytes:
    """Line ends of all kinds in the text; in the structure they would make another message of each size."""
    return report(note=NOTE + _mixed(filled(PROSE, size))).encode()


def mixed_line_ends_everywhere(_: int) -> bytes:
    return _mixed(text(10_000).decode()).encode()


def _mixed(lines: str) -> str:
    return "".join(line + ("\n", "\r\n", "\r")[number % 3] for number, line in enumerate(lines.split("\n")))


def carriage_returns(size: int) -> bytes:
    return report(note=NOTE + filled("\r\r\n", size)).encode()


def recipients(number: int) -> bytes:
    groups = "".join(
        f"\nFinal-Recipient: rfc822; kim{n}@example.org\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 No such user {n}\n"
        for n in range(number)
    )
    notes = "".join(
        f"<kim{n}@example.org>: host mx.example.org[192.0.2.1] said: 550 5.1.1 No user {n}\n\n" for n in range(number)
    )
    return report(note=notes, status=f"{STATUS[: STATUS.index('Final')]}{groups}").encode()


def recipients_in_words(number: int) -> bytes:
    notes = "".join(
        f"<kim{n}@example.org>:\n192.0.2.1 does not like recipient.\nRemote host said: 550 5.1.1 No user {n}\n\n"
        for n in range(number)
    )
    words = (
        "Hi. This is the qmail-send program at mx.example.net.\nI'm afraid I wasn't able to deliver your message.\n\n"
    )
    return (HEAD + "\n" + words + notes).encode()


def recipients_in_dialogue(number: int) -> bytes:
    lines = "".join(f">>> RCPT To:<kim{n}@example.org>\n<<< 550 5.1.1 No user {n}\n" for n in range(number))
    return (
        HEAD + PLAIN + "\n   ----- Transcript of session follows -----\n... while talking to mx.example.org.:\n" + lines
    ).encode()


def same_recipient(number: int) -> bytes:
    group = STATUS[STATUS.index("Final") :]
    return report(status=STATUS + "\n" + (group + "\n") * number).encode()


def recipients_of_one_original(number: int) -> bytes:
    """Every recipient was the same one before it was forwarded, and the text names that one again and again."""
    groups = "".join(
        f"\nOriginal-Recipient: rfc822; lee@example.org\nFinal-Recipient: rfc822; kim{n}@example.org\nAction: failed\nStatus: 5.1.1\n"
        for n in range(number)
    )
    notes = "<lee@example.org>: host mx.example.org[192.0.2.1] said: 550 5.1.1 No such user\n\n" * number
    return report(note=notes, status=f"{STATUS[: STATUS.index('Final')]}{groups}").encode()


def recipients_without_name(number: int) -> bytes:
    """Groups without recipient, which hold for each one, between groups with one."""
    groups = "".join(
        f"\nAction: failed\nStatus: 5.1.1\nFinal-Recipient: rfc822;\n\nFinal-Recipient: rfc822; kim{n}@example.org\nAction: failed\nStatus: 5.1.1\n"
        for n in range(number)
    )
    return report(status=f"{STATUS[: STATUS.index('Final')]}{groups}").encode()


def unknown_actions(number: int) -> bytes:
    """As many remarks as recipients, and then as many repairs as parts."""
    groups = "".join(
        f"\nFinal-Recipient: rfc822; kim{n}@example.org\nAction: lost {n}\nStatus: x{n}\n" for n in range(number)
    )
    parts = (
        "--b\nContent-Type: message/delivery-status\nContent-Transfer-Encoding: x-none\n\nStatus: 5.1.1\n\n" * number
    )
    return report(status=f"{STATUS[: STATUS.index('Final')]}{groups}\n{parts}").encode()


def returned_in_base64(size: int) -> bytes:
    body = base64.encodebytes((ORIGINAL + "\n" + filled(PROSE, size * 3 // 4)).encode()).decode()
    return (
        report()
        .replace(
            "Content-Type: message/rfc822\n\n" + ORIGINAL + "\nHello\n",
            "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n" + body,
        )
        .encode()
    )


def failed_recipients_header(number: int) -> bytes:
    names = ",\n\t".join(f"kim{n}@example.org" for n in range(number))
    return (HEAD + f"X-Failed-Recipients: {names}\n\nThis message was created automatically.\n").encode()


def repeated_field(number: int) -> bytes:
    return report(status=STATUS + "Diagnostic-Code: smtp; 550 5.1.1 again and again\n" * number).encode()


def unknown_fields(number: int) -> bytes:
    return report(status=STATUS + "".join(f"X-Field-{n}: value {n}\n" for n in range(number))).encode()


def nested(number: int) -> bytes:
    head = "".join(f'Content-Type: multipart/mixed; boundary="b{n}"\n\n--b{n}\n' for n in range(number))
    tail = "".join(f"\n--b{n}--\n" for n in reversed(range(number)))
    return (HEAD + head + PLAIN + "\n" + NOTE + tail).encode()


def nested_same_boundary(number: int) -> bytes:
    return (HEAD + 'Content-Type: multipart/mixed; boundary="b"\n\n--b\n' * number + PLAIN + "\n" + NOTE).encode()


def nested_prefix_boundaries(number: int) -> bytes:
    """Each boundary begins with the one around it."""
    return (
        HEAD
        + "".join(f'Content-Type: multipart/mixed; boundary="{"b" * n}"\n\n--{"b" * n}\n' for n in range(1, number + 1))
    ).encode()


def nested_messages(number: int) -> bytes:
    return (HEAD + "Content-Type: message/rfc822\n\n" * number + NOTE).encode()


def siblings(number: int) -> bytes:
    return (HEAD + REPORT_TYPE + "\n" + f"--b\n{PLAIN}\n{NOTE}\n" * number + f"--b\n{STATUS}\n--b--\n").encode()


def sibling_statuses(number: int) -> bytes:
    parts = "".join("--b\n" + STATUS.replace("kim@", f"kim{n}@") + "\n" for n in range(number))
    return (HEAD + REPORT_TYPE + f"\n--b\n{PLAIN}\n{NOTE}\n{parts}--b--\n").encode()


def sibling_messages(number: int) -> bytes:
    return (
        HEAD + REPORT_TYPE + "\n" + f"--b\nContent-Type: message/rfc822\n\n{ORIGINAL}\n{NOTE}\n" * number + "--b--\n"
    ).encode()


def bare_boundaries(number: int) -> bytes:
    return (HEAD + REPORT_TYPE + "\n" + "--b\n" * number).encode()


def dashes(size: int) -> bytes:
    return (HEAD + REPORT_TYPE + "\n" + "-" * size + "\n").encode()


def other_boundaries(number: int) -> bytes:
    """No part begins where it was declared; many lines could be a boundary."""
    return (HEAD + REPORT_TYPE + "\n" + "".join(f"--x{n}\n{PLAIN}\n{NOTE}\n" for n in range(number))).encode()


def multipart_header_last(_: int) -> bytes:
    return (HEAD + REPORT_TYPE + '\n--b\nContent-Type: multipart/mixed; boundary="b"').encode()


def long_line(size: int) -> bytes:
    return report(note=NOTE + filled("550 5.1.1 kim@example.org no ", size) + "\n").encode()


def long_line_of_one_letter(size: int) -> bytes:
    return report(note=NOTE + "a" * size + "\n").encode()


def long_status_line(size: int) -> bytes:
    return report(status=STATUS + "X-Note: " + filled("550 5.1.1 kim@example.org no ", size) + "\n").encode()


def at_signs(size: int) -> bytes:
    return (HEAD + PLAIN + "\n" + filled(", a@a@a@a@a@a@a@a", size) + "\n").encode()


def at_signs_in_lines(size: int) -> bytes:
    return (HEAD + PLAIN + "\n" + filled(", a@a@a@a@a@a@a@a\n", size)).encode()


def at_signs_in_from(size: int) -> bytes:
    return ("From: " + filled("a@a, ", size) + "\n" + HEAD + PLAIN + "\n" + NOTE).encode()


def angles(size: int) -> bytes:
    return (HEAD + PLAIN + "\n" + filled("<", size // 2) + filled("<kim@", size // 2) + "\n").encode()


def digits(size: int) -> bytes:
    return (HEAD + PLAIN + "\n" + filled("5.5.5.550-550 5", size) + "\n").encode()


def blanks(size: int) -> bytes:
    return (HEAD + PLAIN + "\n" + NOTE + " " * (size // 2) + "\n" + "\t \n" * (size // 6)).encode()


def empty_lines(size: int) -> bytes:
    return (HEAD + PLAIN + "\n" + NOTE + "\n" * size).encode()


def leading_lines(size: int) -> bytes:
    return ("\n" * size + HEAD + PLAIN + "\n" + NOTE).encode()


def blank_lines_above_fields(size: int) -> bytes:
    return (HEAD + PLAIN + "\n" + " \n" * (size // 4) + filled("Received: by mx.example.net\n", size // 2)).encode()


def encoded_word(size: int) -> bytes:
    word = base64.b64encode(filled("Zustellung gescheitert ", size * 3 // 4).encode()).decode()
    return report(head=HEAD.replace("Undelivered Mail Returned to Sender", f"=?utf-8?b?{word}?=")).encode()


def encoded_words(size: int) -> bytes:
    words = filled("=?utf-8?q?Zustellung=20?= ", size)
    return report(head=HEAD.replace("Undelivered Mail Returned to Sender", words)).encode()


def encoded_words_broken(size: int) -> bytes:
    return report(head=HEAD.replace("Undelivered Mail Returned to Sender", filled("=?utf-8?q?", size))).encode()


def comments(size: int) -> bytes:
    """Comments in comments, in every field that may have them (RFC 5322 3.2.2)."""
    deep = "(" * (size // 8)
    return report(
        head=HEAD.replace("Date: ", f"Date: {deep}")
        .replace("From: ", f"From: {deep}")
        .replace("Message-ID: ", f"Message-ID: {deep}"),
        status=STATUS.replace("Status: 5.1.1", f"Status: 5.1.1 {deep}").replace("rfc822; ", f"rfc822; {deep}"),
    ).encode()


def comment_pairs(size: int) -> bytes:
    return report(status=STATUS.replace("rfc822; ", f"rfc822; {filled('(a)', size)} ")).encode()


def quotes(size: int) -> bytes:
    return report(status=STATUS.replace("rfc822; ", "rfc822; " + filled('"\\', size))).encode()


def header_lines(number: int) -> bytes:
    return report(head=HEAD + "".join(f"X-Spam-{n}: no, {n}\n" for n in range(number))).encode()


def received_lines(number: int) -> bytes:
    return report(
        returned="Received: from mx.example.net ([192.0.2.1])\n\tby mx.example.com; Mon, 16 Nov 2026 09:12:33 +0000\n"
        * number
        + ORIGINAL
    ).encode()


def folded_header(number: int) -> bytes:
    return report(head=HEAD.replace("Subject: ", "Subject: " + "word\n\t" * number)).encode()


def colonless_header(number: int) -> bytes:
    return (HEAD + "no field at all\n" * number + REPORT_TYPE + "\n" + NOTE).encode()


def many_content_types(number: int) -> bytes:
    return (HEAD + "Content-Type: multipart/report;\n" * number + "\n" + NOTE).encode()


def parameters(number: int) -> bytes:
    values = ";\n\t".join(f"p*{n}*=utf-8''x%20{n}" for n in range(number))
    return (HEAD + f"Content-Type: text/plain; {values}\n\n" + NOTE).encode()


def received_dialogue(number: int) -> bytes:
    return (
        HEAD + PLAIN + "\n   ----- Transcript of session follows -----\n" + "<<< 550-5.1.1 No such user\n" * number
    ).encode()


def inward_dialogue(number: int) -> bytes:
    return (
        HEAD
        + PLAIN
        + "\nTranscript of session follows.\n\n"
        + " Out: 550 5.1.1 No\n In:  RCPT TO:<kim@example.org>\n" * number
    ).encode()


def diagnostic(size: int) -> bytes:
    return report(
        status=STATUS.replace("No such user", filled("5.1.1 No such user kim@example.org 550-", size))
    ).encode()


def folded_diagnostic(size: int) -> bytes:
    return report(status=STATUS.replace("No such user", filled("no such user\n    550-5.1.1 ", size) + "x")).encode()


def spaced_diagnostic(size: int) -> bytes:
    return report(status=STATUS.replace("No such user", " " * size + "no")).encode()


def html_unclosed(number: int) -> bytes:
    return (HEAD + "Content-Type: text/html\n\n" + NOTE + "<div class=a " * number).encode()


def html_deep(number: int) -> bytes:
    return (HEAD + "Content-Type: text/html\n\n" + NOTE + "<div><pre><a href='mailto:" * number).encode()


def html_comments(number: int) -> bytes:
    return (HEAD + "Content-Type: text/html\n\n" + NOTE + "<!-- <script> <style " * number).encode()


def html_entities(size: int) -> bytes:
    return (
        HEAD
        + "Content-Type: text/html\n\n"
        + NOTE
        + filled("&amp", size // 3)
        + "&" * (size // 3)
        + "&#1" * (size // 9)
    ).encode()


def html_blanks(size: int) -> bytes:
    return (HEAD + "Content-Type: text/html\n\n" + NOTE + filled("<br> \n\t ", size)).encode()


def complaint(number: int) -> bytes:
    fields = "".join(f"Original-Rcpt-To: kim{n}@example.org\n" for n in range(number))
    body = f"--b\n{PLAIN}\nAbuse\n--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\nVersion: 1\n{fields}\n--b--\n"
    return (HEAD + REPORT_TYPE.replace("delivery-status", "feedback-report") + "\n" + body).encode()


def dispositions(number: int) -> bytes:
    fields = "".join(f"Final-Recipient: rfc822; kim{n}@example.org\n\n" for n in range(number))
    body = f"--b\n{PLAIN}\nRead\n--b\nContent-Type: message/disposition-notification\n\nDisposition: manual/displayed\n{fields}\n--b--\n"
    return (HEAD + REPORT_TYPE.replace("delivery-status", "disposition-notification") + "\n" + body).encode()


LARGE: Final[dict[str, Shape]] = {
    "attachment": attachment,
    "attachment, CRLF": with_line_ends(attachment, b"\r\n"),
    "attachment, CR": with_line_ends(attachment, b"\r"),
    "text": text,
    "text, CRLF": with_line_ends(text, b"\r\n"),
    "text, CR": with_line_ends(text, b"\r"),
    "text, mixed line ends": mixed_line_ends,
    "text without a report": text_without_report,
    "text before the recipient": text_before_the_recipient,
    "HTML": html,
    "HTML, CRLF": with_line_ends(html, b"\r\n"),
    "HTML, CR": with_line_ends(html, b"\r"),
    "base64": base64_text,
    "base64, CRLF": with_line_ends(base64_text, b"\r\n"),
    "base64 with noise": base64_with_noise,
    "quoted-printable": quoted_printable,
    "quoted-printable, CRLF": with_line_ends(quoted_printable, b"\r\n"),
    "quoted-printable of equals signs": quoted_printable_equals,
    "octets without order": octets,
    "returned in base64": returned_in_base64,
    "NUL octets": nul_octets,
    "undeclared charset": windows_text,
    "CR CR LF": carriage_returns,
}
"""Shapes of some MB."""

LINES: Final[dict[str, Shape]] = {
    "long line": long_line,
    "long line of one letter": long_line_of_one_letter,
    "long line of fields": long_status_line,
    "a@a@a@ in one line": at_signs,
    "a@a@a@ in lines": at_signs_in_lines,
    "a@a, in From": at_signs_in_from,
    "angles": angles,
    "digits": digits,
    "blanks": blanks,
    "empty lines": empty_lines,
    "empty lines first": leading_lines,
    "blank lines above fields": blank_lines_above_fields,
    "dashes": dashes,
    "encoded word": encoded_word,
    "encoded words": encoded_words,
    "encoded words, broken": encoded_words_broken,
    "comments, deep": comments,
    "comments, many": comment_pairs,
    "quotes": quotes,
    "diagnostic": diagnostic,
    "diagnostic, folded": folded_diagnostic,
    "diagnostic of blanks": spaced_diagnostic,
    "HTML entities": html_entities,
    "HTML blanks": html_blanks,
}
"""Shapes of one or two MB in few lines."""

ITEMS: Final[dict[str, tuple[Shape, int]]] = {
    "recipients": (recipients, 10_000),
    "recipients in words": (recipients_in_words, 10_000),
    "recipients in a dialogue": (recipients_in_dialogue, 10_000),
    "recipients in the header": (failed_recipients_header, 10_000),
    "recipients of one original": (recipients_of_one_original, 10_000),
    "recipients without a name": (recipients_without_name, 5_000),
    "unknown actions": (unknown_actions, 10_000),
    "one recipient again and again": (same_recipient, 10_000),
    "one field again and again": (repeated_field, 10_000),
    "unknown fields": (unknown_fields, 10_000),
    "nested parts": (nested, 5_000),
    "nested parts, one boundary": (nested_same_boundary, 5_000),
    "nested parts, prefixes": (nested_prefix_boundaries, 1_000),
    "nested messages": (nested_messages, 5_000),
    "sibling parts": (siblings, 5_000),
    "sibling reports": (sibling_statuses, 5_000),
    "sibling messages": (sibling_messages, 5_000),
    "boundaries only": (bare_boundaries, 100_000),
    "boundaries of another name": (other_boundaries, 5_000),
    "header lines": (header_lines, 100_000),
    "header lines, folded": (folded_header, 100_000),
    "header lines without colon": (colonless_header, 100_000),
    "Content-Type again and again": (many_content_types, 10_000),
    "Received lines": (received_lines, 50_000),
    "parameters": (parameters, 10_000),
    "<<< lines": (received_dialogue, 100_000),
    "In: and Out: lines": (inward_dialogue, 50_000),
    "HTML tags, unclosed": (html_unclosed, 100_000),
    "HTML tags, deep": (html_deep, 50_000),
    "HTML comments, unclosed": (html_comments, 100_000),
    "recipients of a complaint": (complaint, 10_000),
    "recipients of a disposition": (dispositions, 10_000),
}
"""Shapes by the number of their items, and how many."""

SMALL: Final[dict[str, Shape]] = {
    "a multipart header as the last line": multipart_header_last,
    "mixed line ends everywhere": mixed_line_ends_everywhere,
}

EVERY: Final[dict[str, tuple[Shape, int]]] = {
    **{name: (shape, 10 * MB) for name, shape in LARGE.items()},
    **{name: (shape, 2 * MB) for name, shape in LINES.items()},
    "diagnostic": (diagnostic, 5 * MB),
    **ITEMS,
}
"""Every shape that grows, with the size it is held to."""
