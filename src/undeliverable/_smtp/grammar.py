"""The patterns that read replies and transcripts: RFC 5321, RFC 2034 and what servers write around a reply.

All patterns here are linear: no quantifier stands inside another one over the same characters, and what may repeat is
bounded or ends at a literal. The codes themselves are in :mod:`undeliverable.codes`.
"""

from __future__ import annotations

import re
from typing import Final

from undeliverable._smtp.commands import COMMANDS
from undeliverable._text.lazy import lazy
from undeliverable.model import Action

__all__ = [
    "DIALOGUE_MARKS",
    "DOTTED",
    "ESCAPED_LINE_END",
    "EXPIRED_STATUS",
    "EXPIRED_STEMS",
    "EXPIRED_WORDS",
    "GENERAL",
    "HEAD",
    "LEAD",
    "LISTED",
    "MARKED",
    "MARKED_STATUS",
    "NAMED_STATUS",
    "NO_RECIPIENTS",
    "NO_VALID_RECIPIENTS",
    "OTHER_FINAL",
    "OUTCOME",
    "OUTCOMES",
    "PROGRAM",
    "QUOTED_CODE",
    "QUOTED_STATUS",
    "SESSION",
    "STATUS_FIELD",
    "STEP",
    "STEP_NOTE",
    "STEP_STEMS",
    "TRAILING_STATUS",
    "UNAVAILABLE",
    "VERB",
]

# --- Replies, RFC 5321 4.2 and RFC 2034 -------------------------------------------------------------------------------

# RFC 2034 4: the status follows the reply code; servers put brackets, "#", quotes or a colon between.
_STATUS: Final = r"([245])\.(\d{1,3})\.(\d{1,3})(?![\w@]|\.\w|/\d)"
# RFC 5321 4.2 has codes up to 559 with a second digit up to 5. Servers also send 471, 571 or 599, and 4.2.1 has clients go
# by the first digit then: where a reply must begin, such a code is one. Some clients write it twice: "450 450 4.2.2".
HEAD: Final = re.compile(
    r"([2-5]\d\d)(?=[\s:;,.)\]>'\"|-]|$)(?!\.\d)(-?)(?: \1(?= [45]\.))?[-\s:,;.)(\[\]#'\"<]{0,4}(?:" + _STATUS + ")?",
    re.ASCII,
)
# What may stand before the first code: a diagnostic-type (RFC 3464 2.3.6), brackets, quotes, "#".
LEAD: Final = lazy(
    r"\s{0,20}(?:(?:smtp|lmtp)[ \t]{0,4};)?\s{0,20}[<\[(\"'#]{0,2}\s?(?=[2-5]\d\d)", re.ASCII | re.IGNORECASE
)
# A reply quoted after somebody's words: "said: 550", "SMTP error 550", "smtp;550", "error code 550", "[550", "<550",
# or after the commands that it answered: "MAIL+RCPT 550".
QUOTED_CODE: Final = lazy(
    r"(?:(?:[:;#\[(<'\"]|\b(?:said|says|error|code|reply|replied|response|responsecode|responded|status|returned|got|with|smtp))\s{1,40}|[:;#\[(<'\"=])"
    r"(?=[45][0-5]\d(?:[ :;,)\]>'\"\n-]|$))"
    r"|\bsaid:\s{0,40}(?=[45]\d\d(?:[ \n-]|$))"
    r"|(?-i:\b(?:[EHL]+LO|MAIL|RCPT|DATA|BDAT|AUTH|STARTTLS)(?:[+/](?:MAIL|RCPT|DATA|BDAT))?(?:[ _](?:FROM|TO))?):?\s"
    r"(?=[45][0-5]\d[ \n-])"
    r"|(?<=\s)(?=[45][0-5]\d[ -]['\"])"
    r"|(?<=\s)(?=[45]\d\d[ -][ (\[#'\"]{0,3}[45]\.\d{1,3}\.\d{1,3}\b(?!\.\d))",
    re.ASCII | re.IGNORECASE,
)
# A line end that a log writes as backslash and "n", before the code of the next line.
ESCAPED_LINE_END: Final = lazy(r"(?:\\r)?\\n(?=\s?[2-5][0-5]\d[ -])", re.ASCII)
# The final line of a reply whose code is another one than that of the lines before it.
OTHER_FINAL: Final = lazy(r"(?<=\s)(?=[45]\d\d [45]\.\d{1,3}\.\d{1,3}\b(?!\.))", re.ASCII)
# A status elsewhere in the reply must be marked as one, with a subject of one digit (RFC 3463 3 has 0 to 7): "(#5.1.1)", "[5.1.1]", "#5.1.0", "refused - 5.7.1",
# or stand behind the code of a reply that this one quotes: "550 RecipientError: 550 5.1.1 ...".
MARKED_STATUS: Final = lazy(
    r"(?:[(\[#]\s?#?|[a-z] - |(?<=[\s:])[45]\d\d[ -])([45])\.(\d)\.(\d{1,3})(?=[\s)\],:;>]|\.(?:\s|$)|-\s|$)", re.ASCII
)
# ... or stand behind a single word, such as the name of the host that replies: "550 mx.example.net 5.1.2 ...". There a
# version may stand as well, so it must be one of the codes that RFC 3463 and the IANA registry list.
NAMED_STATUS: Final = lazy(
    r"[ -](?!(?i:v|ver|version|release|build|rev)\b)[^\s\d][^\s@]{0,99}[ ]"
    r"([45])\.(?=(?:0\.0|1\.(?:\d|10)|2\.[0-4]|3\.[0-6]|4\.[0-7]|5\.[0-7]|6\.(?:\d|10)|7\.(?:\d|[12]\d|3[0-2]))(?:[\s:,;]|$))"
    r"(\d)\.(\d{1,2})",
    re.ASCII,
)
# ... or be the reply's last word.
TRAILING_STATUS: Final = lazy(r"(?:^|[\s:])([45])\.(\d)\.(\d{1,3})[.)\]>]{0,2}$", re.ASCII)
# ... or begin what a client quotes behind a colon, in a text without any code: "The server response was: 5.7.1 Client ...".
QUOTED_STATUS: Final = lazy(r"(?<=[^\W\d_]): {1,2}([45])\.(\d)\.(\d{1,3})(?= [^\W\d_])")
# What both have. Most texts lack it, and this finds out in a tenth of the time.
DOTTED: Final = re.compile(r"[45]\.\d\.\d", re.ASCII)
# RFC 3464 2.3.4: status-code, RFC 3463 2; what follows is a comment, even where the brackets are missing.
STATUS_FIELD: Final = re.compile(r"[ \t\n]{0,20}([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")

# --- Which step a reply answered, RFC 5321 3.1 to 3.3 and 4.1.1 -------------------------------------------------------

# A line of a transcript that begins with a command; the last four never bring a failure.
VERB: Final = lazy(
    rf"\s{{0,8}}({'|'.join(map(re.escape, COMMANDS))}|QUIT|RSET|NOOP|VRFY)(?=[\s:<(-]|$)", re.ASCII | re.IGNORECASE
)
# How servers say it: "(in reply to RCPT TO command)", "after end of data", "while sending MAIL FROM",
# "did not like our RCPT TO", "failed after I sent the message", "but sender was rejected", "refused to talk to me".
STEP: Final = lazy(
    r"(?:(?:\b(?:in\s{1,40}(?:reply|response)\s{1,40}to|after(?:\s{1,40}sending)?|while\s{1,40}(?:sending|performing|receiving|doing)|during"
    r"|(?:does|did)\s{1,40}not\s{1,40}like|failed\s{1,40}(?:on|at|during)|error\s{1,40}(?:on|at|in|with))|>>>)\s{1,40}"
    r"(?:(?:the|pipelined|initial|final|server|smtp|remote|your|our)\s{1,40}){0,4}[\"'<(]?"
    r"(EHLO|HELO|LHLO|STARTTLS|TLS|AUTHENTICATION|AUTH|MAIL(?=\s{1,40}FROM|\s{1,40}command|:)|RCPT|RECIPIENT|SENDER|BDAT|\.(?=[\"'>)])"
    r"|DATA|END(?=\s{1,40}of\s{1,40}(?:data|message|mail))|MESSAGE(?=\s{1,40}(?:body|content|data))"
    r"|CONNECTION|CONNECT|GREETING|BANNER)"
    r"|\bafter\sI\s(sent)\sthe\smessage|\bbut\s(name|sender|recipient)\swas\srejected|\bbut\s(greeting)\sfailed"
    r"|\brefused\s{1,40}to\s{1,40}(talk)\b)(?!\w)",
    re.IGNORECASE,
)
# One of these stands in each of them; where that is not the beginning, what the wording begins with.
STEP_STEMS: Final = (
    ("after", ""),
    ("while", ""),
    ("during", ""),
    ("failed", ""),
    ("error", ""),
    (">>>", ""),
    ("refused", ""),
    ("reply", "in"),
    ("response", "in"),
    ("like", "does"),
    ("like", "did"),
    ("failed", "but"),
    ("rejected", "but"),
)
# The reporting server's note behind the reply that it relays: "(in reply to end of DATA command)".
STEP_NOTE: Final = lazy(
    r"\s{0,40}\(in\s{1,40}reply\s{1,40}to\s{1,40}[^()\n]{1,60}(?:\n\s{0,40}[^()\n]{1,60})?\)\s{0,40}$",
    re.IGNORECASE,
)

# --- The end of a temporary failure -----------------------------------------------------------------------------------

# RFC 3463 3.5: X.4.7 "delivery time expired".
EXPIRED_STATUS: Final = lazy(r"(?<![\d.])[45]\.4\.7(?![\d]|\.\d)", re.ASCII)
# Wordings of several servers for the same, all about the message in the queue: accounts and passwords expire too. They
# are read in every report, before any rule is; the rule wording.expired.queue lists the same words.
EXPIRED_WORDS: Final = (
    "retry timeout exceeded",
    "retry time exceeded",
    "delivery time expired",
    "message expired",
    "message has expired",
    "could not be delivered for",
    "not going to try again",
    "in the queue too long",
    "in queue too long",
    "queue lifetime exceeded",
    "queue time exceeded",
    "maximum retries exceeded",
)
# One of these stands in each of them.
EXPIRED_STEMS: Final = ("xceeded", "expired", "delivered for", "try again", "queue too long")

# --- Transcripts of an SMTP session -----------------------------------------------------------------------------------

# The marks of who spoke; which mark is whose does not matter, a reply begins with a code and a command with a verb.
MARKED: Final = lazy(r"[ \t]{0,8}(>>>|<<<|-->|<--|->|<-|In:|Out:|[CS]:)[ \t]{0,8}(.*)")
# One of these must stand in the text before it is searched for a transcript at all.
DIALOGUE_MARKS: Final = ("<<< ", ">>> ", "... while talking to", "Out: ", "<-- ", "<- ", "S: ", "ranscript of session")
SESSION: Final = lazy(r"[ \t]{0,8}\.\.\.[ \t]while[ \t]talking[ \t]to[ \t]([^\s:]{1,255})")
# What a server writes of a recipient under the reply: "550 5.1.1 <kim@example.org>... User unknown",
# "<kim@example.org>... Deferred: 450 4.2.2 ...".
OUTCOME: Final = lazy(
    r"[ \t]{0,8}(?:([245]\d\d)[ \t](?:[245]\.\d{1,3}\.\d{1,3}[ \t])?)?<?([^\s<>]{1,320}@[^\s<>@]{1,255}?)>?\.\.\.[ \t](.*)",
    re.ASCII,
)
# What it says of a local program's exit status EX_UNAVAILABLE (sysexits.h), and what that program wrote above it:
# "mail.local: unknown user: kim".
UNAVAILABLE: Final = "... Service unavailable"
PROGRAM: Final = lazy(r"[ \t]{0,8}[a-z][\w./-]{1,40}:[ \t][^\s]", re.ASCII)
# Its own line about the message as a whole: "554 5.0.0 Service unavailable".
GENERAL: Final = lazy(r"[ \t]{0,8}[45]\d\d[ \t][45]\.\d{1,3}\.\d{1,3}[ \t]", re.ASCII)
# The recipients listed above a transcript, each on a line of its own.
LISTED: Final = lazy(r"^[ \t]{0,8}<([^\s<>]{1,320}@[^\s<>@]{1,255})>[ \t]{0,8}$", re.MULTILINE)
# What merely follows from refused recipients (RFC 2920 3.1): DATA after no RCPT was accepted.
NO_VALID_RECIPIENTS: Final = lazy(
    r"(?<=\s)(?:503|554)[ -](?:5\.\d\.\d )?[^\n]{0,20}\b(?:no valid recipients?|need rcpt|rcpt (?:first|command))\b",
    re.IGNORECASE,
)
"""The same behind the reply that it follows from."""
NO_RECIPIENTS: Final = lazy(
    r"\b(?:no|need|without)\b[^\n]{0,20}\b(?:rcpt|recipients?)\b|\b(?:rcpt|recipients?)[ \t](?:first|command)\b|\[data\]",
    re.IGNORECASE,
)
# The words of an outcome line that are no failure, RFC 3464 2.3.3.
OUTCOMES: Final = {
    "deferred": Action.DELAYED,
    "relayed": Action.RELAYED,
    "sent": Action.DELIVERED,
    "successfully": Action.DELIVERED,
    "delivered": Action.DELIVERED,
    "expanded": Action.EXPANDED,
}
