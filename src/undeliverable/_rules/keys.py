"""The keys of rule files: what may stand in each table, in which shape, and what it is for.

The loader refuses what is not in these tables, and the JSON Schema for editors is made of them, so that both know the
same keys. What a key's value means is decided where it is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

__all__ = [
    "AROUND",
    "PAGES",
    "POLICY",
    "POLICY_THEN",
    "POLICY_WHEN",
    "PROFILE",
    "PROVIDER",
    "REQUIREMENT",
    "RULE",
    "RULE_THEN",
    "RULE_WHEN",
    "SERVICE",
    "TABLES",
    "TENANT",
    "Keys",
]

Keys: TypeAlias = Mapping[str, tuple[str, str]]
"""For each key the name of its shape, and what it is for."""

POLICY_WHEN: Final[Keys] = {
    "reason": ("reasons", "The reason that the rules have found, or one of several."),
    "fault": ("faults", "Whose fault the reason is: all reasons of the address, of the sender, and so on."),
    "reply": ("replies", "The basic reply code, with wildcards: `550`, `45x`; `none` where there must not be one."),
    "status": (
        "statuses",
        "The enhanced status code, with wildcards: `5.7.1`, `5.7.*`; `none` where there must not be one.",
    ),
    "provider": ("texts", "The provider that answered, by its name; `none` where none is known."),
    "command": ("commands", "The SMTP command that was answered; `none` where it is not known."),
    "words": ("texts", "A phrase that the reply contains; of a list, all of them."),
    "any_words": ("texts", "Phrases of which the reply contains one."),
    "unless": ("texts", "Phrases that must not stand in the reply."),
    "expired": ("flag", "Whether a queue gave up after its retry time."),
    "service": ("texts", "The e-mail service whose notification or webhook it is."),
    "class": ("texts", "The class that an e-mail service has put the failure into."),
    "vendor_code": ("texts", "The receiver's own code in the reply, with wildcards: `TSS*`."),
    "domain": ("texts", "The recipient's domain, by suffix or glob: `example.org`, `*.edu`."),
    "host": ("texts", "The host that answered, by suffix or glob."),
    "mx": ("texts", "A mail exchanger of the recipient's domain, which the caller names, by suffix or glob."),
    "sender_domain": ("texts", "The domain of the original message's sender, by suffix or glob."),
    "tenant": ("texts", "The customer that the caller names."),
    "stream": ("texts", "The mail stream that the caller names."),
    "source": ("texts", "The sending IP address, network or pool that the caller names: `192.0.2.0/24`, `pool-a*`."),
    "attempts": ("limits", "How often it was tried: `>= 3`."),
    "age": ("limits", "How old the message is: `> 4h`, `< 1d`."),
    "since": ("moment", "A date or time from which on it holds, by the time that the caller passes."),
    "until": ("moment", "A date or time before which it holds, by the time that the caller passes."),
    "not": ("conditions", "Conditions that must not hold together."),
}
"""What a policy may ask."""

_OF_THE_REPLY: Final[Keys] = {
    "reply": POLICY_WHEN["reply"],
    "status": POLICY_WHEN["status"],
    "words": POLICY_WHEN["words"],
    "any_words": POLICY_WHEN["any_words"],
    "pattern": ("pattern", "A regular expression that runs in linear time, for what words cannot say."),
    "command": POLICY_WHEN["command"],
    "provider": POLICY_WHEN["provider"],
    "means": ("concepts", "Concepts that stand together in one clause that states a cause, in any language."),
    "unless": (
        "exclusions",
        "Phrases that must not stand in the reply; `@sender` is a concept. No condition by itself.",
    ),
}
AROUND: Final = frozenset(POLICY_WHEN) - frozenset(_OF_THE_REPLY)
"""What a rule may ask beside the reply."""
RULE_WHEN: Final[Keys] = {**_OF_THE_REPLY, **{key: POLICY_WHEN[key] for key in POLICY_WHEN if key in AROUND}}
"""What a rule may ask."""

RULE_THEN: Final[Keys] = {"reason": ("reason", "The reason that the rule finds.")}
POLICY_THEN: Final[Keys] = {
    "bounce_type": ("bounce_type", "What follows for the address: `hard` is dead for good, `soft` is not."),
    "advice": ("advice", "What to do about the address; unset, the one that fits the bounce type."),
    "label": ("text", "A word of your own, for your reports."),
    "message_advice": ("message_advice", "What to do with this message."),
    "retry_after": (
        "seconds",
        "After how many seconds to try again, if at all; a longer wait that the reply states counts.",
    ),
    "applies_to": ("applies_to", "What the refusal is about beside this recipient: the message, or the whole queue."),
}
"""What a policy may set."""

_ENTRY: Final[Keys] = {
    "id": ("text", "A name that verdicts, lists and `replaces` use; made of the file's name unless given."),
    "example": ("text", "A reply that it must fit."),
    "examples": ("texts", "Replies that it must fit."),
    "not_examples": ("texts", "Replies that it must not fit."),
    "source": ("text", "Where this is from: an address, a page, a ticket."),
    "replaces": ("text", "The id of an entry of a lower layer, into whose place this one is put."),
}
RULE: Final[Keys] = {
    "when": ("rule_when", "What is asked of a reply; all of it has to hold."),
    "then": ("rule_then", "What the rule finds."),
    **_ENTRY,
}
POLICY: Final[Keys] = {
    "when": ("policy_when", "What is asked of a failure; all of it has to hold. Without it: every failure."),
    "then": ("policy_then", "What follows; what it leaves open, files and profiles below may set."),
    **_ENTRY,
}
PAGES: Final[Keys] = {
    "guidelines": ("text", "What it asks of senders."),
    "form": ("text", "Its contact form for senders."),
    "delist": ("text", "Where to ask for removal from its own block list."),
    "reputation": ("text", "Where senders see how it rates them."),
    "feedback": ("text", "Where to sign up for copies of complaints."),
}
"""The pages that a provider has for senders."""
PROVIDER: Final[Keys] = {
    "name": ("text", "The name that rules, policies and verdicts use."),
    "title": ("text", "The name for people."),
    "hosts": ("names", "Domains whose hosts are the provider's."),
    "domains": ("names", "Domains of recipients whose mailboxes are the provider's."),
    "marks": ("names", "Phrases that no other provider uses."),
    "pages": ("pages", "Its pages for senders, which explanations point to."),
    "source": ("text", "Where this is from."),
}
REQUIREMENT: Final[Keys] = {
    "name": ("requirement", "The requirement for senders that such a reply names."),
    "status": POLICY_WHEN["status"],
    "words": POLICY_WHEN["words"],
    "any_words": POLICY_WHEN["any_words"],
    "example": _ENTRY["example"],
    "page": ("text", "The page that says what is required."),
}
SERVICE: Final[Keys] = {
    "name": ("text", "The name of the file that describes it, without `.toml`."),
    "source": ("text", "Where this is from."),
}
PROFILE: Final[Keys] = {
    "name": ("texts", "The name of the profile."),
    "title": ("texts", "The name for people."),
    "description": ("texts", "What the profile takes for hard, and why."),
    "source": ("texts", "The page that says so."),
    "sources": ("texts", "The pages that say so."),
    "opinion": ("flag", "Whether the second opinion may count beside it."),
}
TENANT: Final[Keys] = {
    "name": ("text", "The customer that the file is for."),
    "description": ("text", "Whatever people should know."),
}
TABLES: Final[Mapping[str, tuple[Keys | None, str]]] = {
    "profile": (PROFILE, "Makes the file a profile: policies in the layer below your own files."),
    "tenant": (TENANT, "The one customer that the file is for."),
    "provider": (PROVIDER, "A receiving provider; a single one with hosts limits the file's rules to it."),
    "service": (SERVICE, "An e-mail service of your own, which conditions may then ask for."),
    "rule": (RULE, "Finds the reason of a failure. The first that fits counts."),
    "policy": (
        POLICY,
        "Says what follows from a failure. Of one file the first that fits counts, with all that it sets.",
    ),
    "requirement": (
        REQUIREMENT,
        "Says which requirement for senders a refusal names, for reports. The first that fits counts.",
    ),
    "format": (None, "A described format of notifications."),
}
"""The tables of a file, each with its keys; those of a format are in :mod:`undeliverable._formats.schema`."""
