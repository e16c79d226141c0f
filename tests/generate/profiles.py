"""Makes docs/reference/profiles.md from the profiles."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from undeliverable import Fault, Knowledge, Reason, Verdict, classify
from undeliverable._knowledge.toml import TomlSource
from undeliverable.data import place, read

HEAD: Final = """\
# Profiles compared

*This page is made from the profiles: `python -m tests.generate` writes it.*

A profile is a file of policies: what counts as hard, what to do, and what to call it. Each says what its source says, in the
layer below your own files; `--profile NAME` or `.with_profile("NAME")` chooses one, and a path of a `.toml` file is one of your
own. Profiles may be stacked, the last one on top, and taken in parts: `--profile ses:label` or
`.with_profile("ses:label")`. [Make 552 hard or soft](../howto/make-552-hard-or-soft.md) shows how to see what a profile would change.

"""
BETWEEN: Final = """
## What each makes of a refusal

The bounce type that every profile gives to a permanent refusal for each reason: hard, soft or undetermined (`?`), with the
profile's own label. What differs from the default is bold. In every profile a transient refusal (4yz, 4.x.x) is soft, a
complaint suppresses the address, and a delay changes nothing.

"""

# One permanent reply per reason, as clear as such replies get.
REPLIES: Final = {
    Reason.USER_UNKNOWN: "550 5.1.1 User unknown",
    Reason.BAD_ADDRESS_SYNTAX: "501 5.1.3 Bad recipient address syntax",
    Reason.MAILBOX_MOVED: "551 5.1.6 The mailbox has moved",
    Reason.MAILBOX_DISABLED: "550 5.2.1 This account has been disabled",
    Reason.DOMAIN_UNKNOWN: "550 5.1.2 Domain not found",
    Reason.DOMAIN_NO_MAIL: "556 5.1.10 Recipient address has null MX",
    Reason.MAILBOX_FULL: "552 5.2.2 Mailbox full",
    Reason.RECIPIENT_RATE_LIMITED: "550 5.2.1 The user you are trying to contact is receiving mail at a rate that prevents delivery",
    Reason.RECIPIENT_RESTRICTED: "550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required",
    Reason.SYSTEM_FULL: "552 5.3.1 Insufficient system storage",
    Reason.SYSTEM_ERROR: "554 5.3.0 Internal error of the mail system",
    Reason.NETWORK_ERROR: "5.4.1 Connection timed out",
    Reason.DNS_ERROR: "550 5.4.3 DNS lookup failure",
    Reason.ROUTING_LOOP: "554 5.4.6 Too many hops",
    Reason.EXPIRED: "5.4.7 Delivery time expired",
    Reason.RELAY_DENIED: "554 5.7.1 Relay access denied",
    Reason.GREYLISTED: "550 5.7.1 Greylisted, try again in 5 minutes",
    Reason.RATE_LIMITED: "550 5.7.1 Too many messages from your host, slow down",
    Reason.TOO_MANY_RECIPIENTS: "552 5.5.3 Too many recipients",
    Reason.BLOCKLISTED: "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org",
    Reason.BAD_REPUTATION: "550 5.7.1 Rejected because of the poor reputation of the sending host",
    Reason.AUTH_FAILED: "550 5.7.26 Rejected due to the domain's DMARC policy",
    Reason.PTR_MISSING: "550 5.7.25 Reverse DNS lookup failed for the client",
    Reason.SENDER_REJECTED: "550 5.1.8 Sender address rejected: Domain not found",
    Reason.SECURITY_REQUIRED: "530 5.7.0 Must issue a STARTTLS command first",
    Reason.POLICY_REJECTED: "550 5.7.1 Message rejected due to local policy",
    Reason.SPAM_CONTENT: "550 5.7.1 Message rejected as spam",
    Reason.VIRUS_DETECTED: "554 5.7.1 Virus found in message",
    Reason.CONTENT_REJECTED: "554 5.6.0 Message content rejected",
    Reason.MESSAGE_TOO_LARGE: "552 5.3.4 Message size exceeds fixed limit",
    Reason.PROTOCOL_ERROR: "503 5.5.1 Bad sequence of commands",
    Reason.UNDEFINED: "554 5.0.0",
}


def pages() -> dict[str, str]:
    """Return the page by its path."""
    names = Knowledge.profiles()
    titles = "\n".join(_titles(names))
    head = "| reason | " + " | ".join(f"`{name}`" for name in names) + " |"
    rule = "|---" * (len(names) + 1) + "|"
    rows = "\n".join(_rows(names))
    table = f"| profile | what it says | source |\n|---|---|---|\n{titles}\n"
    return {"docs/reference/profiles.md": f"{HEAD}{table}{BETWEEN}{head}\n{rule}\n{rows}\n"}


def _titles(names: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        path = f"profiles/{name}.toml"
        profile: Any = TomlSource(place(path), read(path)).parse()["profile"]
        sources = profile.get("sources", [profile.get("source")])
        yield f"| `{name}` | {profile['title']} | {', '.join(f'<{s}>' if s.startswith('http') else s for s in sources)} |"


def _rows(names: tuple[str, ...]) -> Iterator[str]:
    knowledge = {name: Knowledge.builtin().with_profile(name) for name in names}
    for fault in Fault:
        for reason, reply in REPLIES.items():
            if reason.fault is fault:
                verdicts = (classify(reply, knowledge=knowledge[name]) for name in names)
                cells = (_cell(verdict, classify(reply)) for verdict in verdicts)
                yield f"| `{reason}` | " + " | ".join(cells) + " |"


def _cell(verdict: Verdict, default: Verdict) -> str:
    shown = {"undetermined": "?"}.get(str(verdict.bounce_type), str(verdict.bounce_type))
    marked = shown if verdict.bounce_type is default.bounce_type else f"**{shown}**"
    return f"{marked} `{verdict.label}`" if verdict.label else marked
