"""Hostile replies and hostile mail: they imitate, each in another notation, a report about somebody who was not sent to.

Whoever runs the refusing server chooses the words of a reply, and whoever writes the mail chooses the words of its returned
copy. `{victim}` stands for the address that they try to condemn. Octets that are no UTF-8 are surrogate escapes.
"""

from __future__ import annotations

from typing import Final

DEAD: Final = "550 5.1.1 <{victim}>: no such user"
EXIM: Final = (
    "  {victim}",
    "    host mx.example.org [192.0.2.1]",
    "    SMTP error from remote mail server after RCPT TO:<{victim}>:",
    "    550 5.1.1 no such user",
)
POSTFIX: Final = (
    "<{victim}>: host mx.example.org[192.0.2.1] said: 550 5.1.1 no such user (in reply to RCPT TO command)",
)  # fmt: skip
SENDMAIL: Final = (
    "   ----- The following addresses had permanent fatal errors -----",
    "<{victim}>",
    "    (reason: 550 5.1.1 <{victim}>... User unknown)",
    "",
    "   ----- Transcript of session follows -----",
    "... while talking to mx.example.org.:",
    ">>> RCPT To:<{victim}>",
    "<<< 550 5.1.1 <{victim}>... User unknown",
    "550 5.1.1 <{victim}>... User unknown",
)
QMAIL: Final = ("<{victim}>:", "192.0.2.1 does not like recipient.", "Remote host said: 550 5.1.1 no such user")
FIELDS: Final = (
    "Final-Recipient: rfc822; {victim}",
    "Original-Recipient: rfc822; {victim}",
    "Action: failed",
    "Status: 5.1.1",
    "Diagnostic-Code: smtp; 550 5.1.1 no such user",
)
PART: Final = ("--=_boundary", "Content-Type: message/delivery-status", "", "Reporting-MTA: dns; mx.example.org", "")
GOOGLE: Final = (
    "Delivery to the following recipient failed permanently:",
    "",
    "     {victim}",
    "",
    "Technical details of permanent failure:",
    "Google tried to deliver your message, but it was rejected by the server for the recipient domain",
    "The error that the other server returned was:",
    "550 5.1.1 no such user",
)
EXCHANGE: Final = (
    "Diagnostic information for administrators:",
    "",
    "Generating server: mx.example.org",
    "",
    "{victim}",
    "#550 5.1.1 RESOLVER.ADR.RecipNotFound; not found ##",
    "",
    "Original message headers:",
)
SESSION: Final = (
    "Transcript of session follows.",
    "",
    " Out: 220 mx.example.org ESMTP",
    " In:  RCPT TO:<{victim}>",
    " Out: 550 5.1.1 <{victim}>: Recipient address rejected: User unknown",
)
NOTICE: Final = ("<{victim}>:", "550 5.1.1 no such user")


def lines(*texts: str, code: str = "550") -> str:
    """Return a reply of several lines; those that are empty have their code and the mark only."""
    return "\r\n".join([*(f"{code}-{text}" for text in texts[:-1]), f"{code} {texts[-1]}"])


def joined(mark: str, texts: tuple[str, ...] = NOTICE) -> str:
    """Return a reply of one line in which a mark stands where a line would end."""
    return f"550 5.7.1 refused{mark * 2}{mark.join(texts)}{mark * 2}the end"


REPLIES: Final[dict[str, str]] = {
    # Recipients in the notation of each format, after an empty line.
    "qmail": lines("5.7.1 refused", "", *QMAIL, "", "5.7.1 the end"),
    "exim": lines("5.7.1 refused", "", *EXIM, "", "5.7.1 the end"),
    "exim-arrow": lines(
        "5.7.1 refused", "", "  {victim}", "    (generated from kim@example.org)", "    no such user", ""
    ),
    "postfix": lines("5.7.1 refused (in reply to RCPT TO command)", "", *POSTFIX, "", "5.7.1 the end"),
    "sendmail": lines("5.7.1 refused", "", *SENDMAIL, "", "5.7.1 the end"),
    "opensmtpd": lines("5.7.1 refused", "", "{victim}: 550 5.1.1 no such user", "", "5.7.1 the end"),
    "session": lines("5.7.1 refused", "", *SESSION, "", "5.7.1 the end"),
    "google": lines("5.7.1 refused", "", *GOOGLE, "", "5.7.1 the end"),
    "exchange": lines("5.7.1 refused", "", *EXCHANGE, "", "5.7.1 the end"),
    "fields": lines("5.7.1 refused", "", *FIELDS, "", "5.7.1 the end"),
    "fields-part": lines("5.7.1 refused", "", *PART, *FIELDS, "", "--=_boundary--"),
    "failed-recipients": lines("5.7.1 refused", "X-Failed-Recipients: {victim}", "5.7.1 the end"),
    "cut-qmail": lines(
        "5.7.1 refused", "", "--- Below this line is a copy of the message.", "", *QMAIL, "5.7.1 the end"
    ),
    "cut-exim": lines(
        "5.7.1 refused", "------ This is a copy of the message, including all the headers. ------", "", *EXIM
    ),
    "blanks": lines("5.7.1 refused", " ", "\t", " <{victim}>:", " 550 5.1.1 no such user", " ", "5.7.1 the end"),
    # The same without a line of its own.
    "postfix-line": f"550 5.7.1 refused (in reply to RCPT TO command) {POSTFIX[0]}",
    "sendmail-line": "550 5.7.1 refused >>> RCPT To:<{victim}> <<< 550 5.1.1 <{victim}>... User unknown",
    "fields-line": f"550 5.7.1 refused {' '.join(FIELDS)}",
    "other-recipient": "550 5.1.1 <{victim}>: Recipient address rejected: User unknown in virtual mailbox table",
    "other-first": "550 5.1.1 {victim} no such user",
    "other-forward": "550 5.1.1 kim is an alias of {victim}, which does not exist: Final-Recipient: rfc822; {victim}",
    "many": "550 5.1.1 <alice@example.org>, <bob@example.org>, <{victim}>: user unknown",
    # Line ends that are none, or are none in SMTP.
    "bare-lf": joined("\n"),
    "bare-lf-fields": joined("\n", FIELDS),
    "bare-lf-codes": "550 5.7.1 refused\n\n550-<{victim}>:\n550 5.1.1 no such user",
    "bare-cr": joined("\r"),
    "bare-cr-fields": joined("\r", FIELDS),
    "vertical-tab": joined("\v"),
    "form-feed": joined("\f"),
    "separators": joined("\x1c") + joined("\x1d")[9:] + joined("\x1e")[9:],
    "nul": joined("\0"),
    "nul-lf": joined("\0\n"),
    "next-line": joined("\x85"),
    "next-line-latin1": joined("\udc85"),
    "line-separator": joined("\u2028"),
    "line-separator-fields": joined("\u2028", FIELDS),
    "paragraph-separator": joined("\u2029"),
    "escaped-lf": joined("\\n"),
    "escaped-lf-qmail": joined("\\n/"),
    "escaped-octal": joined("\\012"),
    # Over-long lines, broken by whoever has a limit.
    "long-words": "550 5.7.1 " + " ".join([DEAD.replace("550", "<{victim}>: 550", 1)] * 40),
    "long-blanks": f"550 5.7.1 refused{' ' * 1100}<{{victim}}>: 550 5.1.1 no such user",
    "long-word": f"550 5.7.1 {'x' * 2060}<{{victim}}>: 550 5.1.1 no such user {'x' * 2060}{FIELDS[0]}",
    "long-fields": "550 5.7.1 refused " + " ".join(f"{'x' * (990 - len(field))} {field}" for field in FIELDS),
    # Encodings.
    "quoted-printable": joined("=0A"),
    "encoded-word": "550 5.7.1 =?utf-8?q?refused=0A=0A=3C{victim}=3E:=0A550_5.1.1_no_such_user?=",
    "html": "550 5.7.1 refused<br><br>&lt;{victim}&gt;:<br>550 5.1.1 no such user<p>Final-Recipient: rfc822; {victim}<p>",
    "utf8": lines("5.7.1 Zurückgewiesen", "", "<{victim}>:", "Empfänger unbekannt – 宛先不明", "5.7.1 Ende"),
    "latin1": lines("5.7.1 Zur\udcfcckgewiesen", "", "<{victim}>:", "Empf\udce4nger unbekannt", "5.7.1 Ende"),
    # Codes.
    "other-codes": "550-5.1.1 <{victim}>: no such user\r\n550-5.7.1 refused\r\n550 5.7.1 refused",
    "later": lines("4.7.1 later", "", *NOTICE, "", *FIELDS, "", "4.7.1 the end", code="450"),
    "delivered": lines("5.7.1 refused", "", "Action: delivered", "Status: 2.0.0", "", *FIELDS, "", "2.0.0 the end"),
}
"""By what each imitates."""

STAGES: Final = {
    f"{command.lower()}-{name}": (command, name)
    for command, names in {
        "CONNECT": ("qmail", "fields"),
        "MAIL": ("exim", "fields", "sendmail"),
        "DATA": ("qmail", "bare-lf-fields"),
        "END": ("qmail", "exim", "postfix", "sendmail", "fields", "long-words", "later"),
    }.items()
    for name in names
}
"""Replies that answer another command than RCPT: command and reply by name."""

ADDRESSES: Final[dict[str, str]] = {
    "address-quoted": '"{victim}"',
    "address-line": '"kim> {victim} <lee"',
    "address-reply": '"<{victim}>: 550 5.1.1 no such user"',
    "address-folded": f'"kim{"x" * 50} <{{victim}}>: 550 5.1.1 no such user"',
    "address-percent": "victim%example.org",
}
"""Local parts of an address that its owner subscribed with."""

PLAIN: Final = "550 5.1.1 no such user here"


def mail(*body: str, header: str = "", subject: str = "Hello") -> str:
    """Return a mail; the header's lines end with a line end each."""
    return f"Subject: {subject}\r\n{header}\r\n" + "".join(f"{line}\r\n" for line in body)


def report() -> str:
    """Return a whole report about somebody else, as it is sent by whoever wants to see it returned."""
    header = (
        "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="=_boundary"\r\n'
    )
    copy = ("--=_boundary", "Content-Type: message/rfc822", "", "Subject: Hello", "", "Hello!", "--=_boundary--")
    text = ("--=_boundary", "", *POSTFIX, "")
    return mail(*text, *PART, *FIELDS, "", *copy, header=header)


MIXED: Final = 'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="=_boundary"\r\n'
HTML: Final = "MIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n"

MAILS: Final[dict[str, str]] = {
    "body-fields": mail("Hello!", "", *FIELDS, "", *PART, *FIELDS, "", "--=_boundary--"),
    "body-qmail": mail(
        "Hi. This is the qmail-send program at mx.example.org.",
        "I'm afraid I wasn't able to deliver your message to the following addresses.",
        "This is a permanent error; I've given up. Sorry it didn't work out.",
        "",
        *QMAIL,
        "",
        "--- Below this line is a copy of the message.",
    ),
    "body-exim": mail(
        "This message was created automatically by mail delivery software.",
        "",
        "A message that you sent could not be delivered to one or more of its",
        "recipients. This is a permanent error. The following address(es) failed:",
        "",
        *EXIM,
    ),
    "body-postfix": mail("This is the mail system at host mx.example.org.", "", *POSTFIX),
    "body-sendmail": mail(*SENDMAIL, "", *SESSION),
    "body-html": mail("<p>&lt;{victim}&gt;:<br>550 5.1.1 no such user<pre>", *FIELDS, "</pre>", header=HTML),
    "body-cut": mail(
        "--- Below this line is a copy of the message.", "", "------ This is a copy of", "", *QMAIL, "", *FIELDS
    ),
    "body-marks": mail("Hello!", "\v\f\x1c<{victim}>:\x85550 5.1.1 no such user\u2028\u2029", *FIELDS, "\0", *FIELDS),
    "parts": mail("--=_boundary", "", "Hello!", *PART, *FIELDS, "", "--=_boundary--", header=MIXED),
    "report": report(),
    "header-fields": mail(
        "Hello!", header="".join(f"{line}\r\n" for line in (*FIELDS, "X-Failed-Recipients: {victim}"))
    ),
    "header-quoted": mail(
        "Hello!", header="X-Note: refused\r\n <{victim}>: 550 5.1.1 no such user\r\n\t>>> RCPT To:<{victim}>\r\n"
    ),
    "subject": mail(
        "Hello!", subject="<{victim}>: 550 5.1.1 no such user\r\n\t<{victim}>:\r\n Final-Recipient: rfc822; {victim}"
    ),
    "subject-encoded": mail("Hello!", subject="=?utf-8?q?Hello=0A=0A=3C{victim}=3E:=0A550_5.1.1_no_such_user?="),
}
"""By where the imitation stands."""
