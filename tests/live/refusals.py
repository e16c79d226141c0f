"""Fifty refusals as receiving servers write them, at each step of a session, and what the library says of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from undeliverable import Knowledge, Verdict, classify

from .remote import Script

STEPS: Final = {
    "CONNECT": "connect",
    "EHLO": "ehlo",
    "MAIL": "mail",
    "RCPT": "rcpt",
    "DATA": "data",
    "END": "end_of_data",
}
TOP: Final = "refusing.example"
RULES: Final = """\
[[policy]]
id = "ours.no-patience"
when = { words = "vacation of the whole company" }
then = { message_advice = "give_up" }

[[policy]]
id = "ours.soon"
when = { words = "in a moment" }
then = { retry_after = 3 }

[[policy]]
id = "ours.elsewhere"
when = { words = "not from this address" }
then = { message_advice = "retry_elsewhere", retry_after = 3 }
"""
"""Policies that make message advice and code disagree, and waits short enough to be waited for."""
_REPLIES: Final = (
    ("RCPT", "550 5.1.1 <kim0@rcpt0.refusing.example>: Recipient address rejected: User unknown"),
    ("RCPT", "550-5.1.1 The email account that you tried to reach does not exist.\r\n550 5.1.1 Please check it"),
    ("RCPT", "550 no such user here"),
    ("RCPT", "551 5.1.6 the user has moved"),
    ("RCPT", "553 5.1.3 mailbox name not allowed"),
    ("RCPT", "550 5.2.1 The mailbox is disabled"),
    ("RCPT", "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found"),
    ("RCPT", "550 5.4.1 Recipient address rejected: Access denied"),
    ("RCPT", "552 5.2.2 Mailbox full"),
    ("RCPT", "452 4.2.2 The recipient's mailbox is over its quota"),
    ("RCPT", "450 4.2.0 Greylisted, see you later"),
    ("RCPT", "451 4.7.1 Greylisting in action, please come back in 00:10:00"),
    ("RCPT", "550 5.7.1 Greylisted, please try again in 300 seconds"),
    ("RCPT", "452 4.5.3 Too many recipients"),
    ("RCPT", "550 5.7.1 Service unavailable; client [192.0.2.1] blocked using a blocklist"),
    ("RCPT", "554 5.7.1 Relay access denied"),
    ("RCPT", "451 4.3.0 Temporary lookup failure"),
    ("RCPT", "421 4.7.0 Too many connections, try again later"),
    ("RCPT", "450 4.1.1 unverified address: the server is busy"),
    ("RCPT", "450 5.1.1 the codes disagree"),
    ("RCPT", "550 4.1.1 and here as well"),
    ("RCPT", "550 5.7.1 Our rules forbid it"),
    ("RCPT", "550 5.2.1 The user receives mail too quickly, please send it later"),
    ("RCPT", "450 4.2.1 The user is receiving mail at a rate that prevents additional messages"),
    ("RCPT", "550 5.0.0 -"),
    ("RCPT", "451 4.2.0 vacation of the whole company"),
    ("RCPT", "451 4.2.0 not from this address"),
    ("MAIL", "550 5.1.8 Sender's domain does not exist"),
    ("MAIL", "553 5.7.1 sender rejected"),
    ("MAIL", "552 5.3.4 Message size exceeds the limit"),
    ("MAIL", "451 4.7.1 Try again later, greylisted"),
    ("MAIL", "550 5.7.26 Unauthenticated mail is not accepted"),
    ("CONNECT", "554 5.7.1 No service for your address"),
    ("CONNECT", "421 4.3.2 The service is shutting down"),
    ("CONNECT", "554-5.7.1 You are on our list\r\n554 5.7.1 of senders that we refuse"),
    ("EHLO", "550 5.7.1 we do not know your name"),
    ("EHLO", "450 4.7.1 not now"),
    ("DATA", "554 5.5.1 Error: no valid recipients"),
    ("DATA", "451 4.3.0 Error: queue file write error"),
    ("END", "550 5.7.1 This message looks like spam"),
    ("END", "554 5.7.1 The content is refused by our policy"),
    ("END", "550 5.1.1 a user is unknown, says a server behind"),
    ("END", "552 5.3.4 The message is too large"),
    ("END", "452 4.3.1 Insufficient system storage"),
    ("END", "550 5.6.0 the message is malformed"),
    ("END", "451 4.7.1 Please try again later, we examine it"),
    ("END", "554 5.6.1 the attachment has a virus"),
    ("END", "550 5.7.1 DMARC: the policy of the domain says reject"),
    ("END", "552-5.7.0 This message was blocked because its content\r\n552 5.7.0 presents a security issue"),
    ("END", "554 Transaction failed"),
)


@dataclass(frozen=True)
class Refusal:
    """One refusal."""

    number: int
    step: str
    reply: str

    @property
    def domain(self) -> str:
        return f"{self.step.lower()}{self.number}.{TOP}"

    @property
    def recipient(self) -> str:
        return f"kim{self.number}@{self.domain}"

    def script(self) -> dict[str, dict[str, str]]:
        """Return the arguments of the script of a server that refuses so."""
        if self.step == "RCPT":
            return {"rcpt": {f"kim{self.number}": self.reply}}
        steps = ("EHLO", "HELO") if self.step == "EHLO" else (self.step,)
        return {"replies": dict.fromkeys(steps, self.reply)}

    def verdict(self, knowledge: Knowledge) -> Verdict:
        """Return what the library says when it is asked directly."""
        # One line, as mail servers keep a reply; each of its lines once more has the code in front.
        lines = [line[4:] if number else line for number, line in enumerate(self.reply.split("\r\n"))]
        plain = " ".join(" ".join(lines).replace(f"{self.reply[:3]}-", f"{self.reply[:3]} ", 1).split())
        return classify(plain, command=STEPS[self.step], recipient=self.recipient, knowledge=knowledge)


REFUSALS: Final = tuple(Refusal(number, step, reply) for number, (step, reply) in enumerate(_REPLIES))


def scripts(kind: type[Script]) -> dict[str, Script]:
    """Return the scripts of all servers, by domain."""
    return {one.domain: kind(**one.script()) for one in REFUSALS}
