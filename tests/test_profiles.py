"""Each profile against what its source says: a statement in our own words, a reply that it speaks of, and the verdict."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from undeliverable import Action, Event, Kind, Knowledge, Reason, Report, Verdict, classify, parse
from undeliverable._rules.policies import Policy
from undeliverable._smtp.replies import parse_reply
from undeliverable._verdicts.judge import Surroundings, judge
from undeliverable.model import RecipientFacts, Witness

BUILTIN = Knowledge.builtin()
UNKNOWN = "550 5.1.1 <kim@example.org>: User unknown"
DISABLED = "550 5.2.1 This account has been disabled"
NO_DOMAIN = "550 5.1.2 <kim@example.org>: Domain not found"
NULL_MX = "556 5.1.10 Recipient address has null MX"
SYNTAX = "501 5.1.3 Bad recipient address syntax"
FULL = "552 5.2.2 Mailbox is full"
FULL_NOW = "452 4.2.2 Mailbox is full"
BLOCKED = "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org"
BLOCKED_NOW = "421 4.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org"
POLICY = "550 5.7.1 Message rejected due to local policy"
SPAM = "550 5.7.1 Message rejected as spam"
VIRUS = "554 5.7.1 Virus found in message"
DMARC = "550 5.7.26 Rejected due to the domain's DMARC policy"
RELAY = "554 5.7.1 <kim@example.org>: Relay access denied"
LOOP = "554 5.4.6 Too many hops"
CLOSED = "550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required"
DOWN = "421 4.3.2 System is shutting down"
SLOW = "421 4.7.0 Too many connections from your host"
TOO_LARGE = "552 5.3.4 Message size exceeds fixed limit"
TOO_MANY = "452 4.5.3 Too many recipients"
NO_CAUSE = "554 5.0.0"
EXPIRED = "4.4.7 Delivery time expired"
UNKNOWN_NOW = "450 4.1.1 <kim@example.org>: User unknown"
GREYLISTED = "450 4.7.1 Greylisted, try again in 5 minutes"
GOOGLE = "gmail-smtp-in.l.google.com"
MICROSOFT = "example-org.mail.protection.outlook.com"


class Row(NamedTuple):
    statement: str
    reply: str
    bounce_type: str
    advice: str
    label: str | None = None
    host: str | None = None
    command: str | None = None


TABLE: dict[str, tuple[Row, ...]] = {
    "default": (
        Row("a refusal says that the address is bad, not that the message is lost", FULL, "soft", "retry"),
        Row("an unknown user is hard", UNKNOWN, "hard", "suppress"),
    ),
    "rcpt550": (
        Row("a 550 to RCPT that tells nothing is hard", "550 Hm", "hard", "suppress", command="rcpt"),
        Row("one to the message is not", "550 Hm", "undetermined", "review", command="end_of_data"),
    ),
    "strict-rfc": (
        Row("5yz is for good, whatever the reason", FULL, "hard", "suppress"),
        Row("5yz is for good, whoever is at fault", BLOCKED, "hard", "suppress"),
        Row("4yz is for the moment", UNKNOWN_NOW, "soft", "retry"),
        Row("552 for too many recipients counts as 452", "552 5.5.3 Too many recipients", "soft", "slow_down"),
        Row("a queue that gave up saw a temporary failure", EXPIRED, "soft", "retry"),
    ),
    "mailbluster": (
        Row("an address that is not correctly formed is permanent", SYNTAX, "hard", "suppress"),
        Row("a domain that does not exist is permanent", NO_DOMAIN, "hard", "suppress"),
        Row("a mailbox that cannot be found is permanent", UNKNOWN, "hard", "suppress"),
        Row("a mailbox at its storage limit is permanent", FULL, "hard", "suppress"),
        Row("mail that the server has blocked is permanent", BLOCKED, "hard", "suppress"),
        Row("mail that the spam filter has blocked is permanent", SPAM, "hard", "suppress"),
        Row("mail that the server's policy has blocked is permanent", POLICY, "hard", "suppress"),
        Row("the page speaks of permanent failures only", FULL_NOW, "soft", "retry"),
        Row("the page speaks of permanent failures only, of blocks as well", BLOCKED_NOW, "soft", "fix_sender"),
        Row("an unknown user for the moment is not permanent", UNKNOWN_NOW, "soft", "retry"),
        Row("a message too large is not on the page", TOO_LARGE, "soft", "fix_message"),
        Row("a cause that nobody can tell is not on the page", NO_CAUSE, "undetermined", "review"),
    ),
    "uchecker": (
        Row("550 with no such user is hard", "550 No such user", "hard", "suppress"),
        Row("553 with mailbox not found is hard", "553 Mailbox not found", "hard", "suppress"),
        Row("550 is hard", "550 Requested action not taken", "hard", "suppress"),
        Row("551, not local, is hard", "551 User not local; please try <lee@example.net>", "hard", "suppress"),
        Row("553 is hard", "553 Requested action not taken", "hard", "suppress"),
        Row("554, mostly with a word on policy, is hard", "554 Transaction failed for policy reasons", "hard", "suppress"),
        Row("554 is hard", NO_CAUSE, "hard", "suppress"),
        Row("552, quota exceeded, is hard at most providers", "552 Storage quota exceeded", "hard", "suppress"),
        Row("552 is soft at some: Google", FULL, "soft", "retry", host=GOOGLE),
        Row("552 is soft at some: Microsoft", FULL, "soft", "retry", host=MICROSOFT),
        Row("552 is listed for its quota, not for size", TOO_LARGE, "soft", "fix_message"),
        Row("5.1.1 is hard", "5.1.1 Mailbox does not exist", "hard", "suppress"),
        Row("5.1.2 is hard", "5.1.2 Domain does not exist", "hard", "suppress"),
        Row("5.2.1 is hard", "5.2.1 Mailbox disabled", "hard", "suppress"),
        Row("5.2.1 is hard, whatever the words", "5.2.1 Something else", "hard", "suppress"),
        Row("a domain without MX and address is hard", "Host or domain name not found. Name service error for name=example.org type=AAAA: Host not found", "hard", "suppress"),
        Row("a domain with a null MX is hard", NULL_MX, "hard", "suppress"),
        Row("550, permanently rejected, is hard", "550 permanently rejected", "hard", "suppress"),
        Row("an address whose form the server refuses is hard", SYNTAX, "hard", "suppress"),
        Row("codes that begin with 4 are no permanent failures", UNKNOWN_NOW, "soft", "retry"),
        Row("a full mailbox for the moment is none", FULL_NOW, "soft", "retry"),
    ),
    "verification-glossary": (
        Row("a misspelled or invalid address is hard", SYNTAX, "hard", "suppress"),
        Row("a misspelled domain is hard", NO_DOMAIN, "hard", "suppress"),
        Row("a mailbox that never was or was deleted is hard", UNKNOWN, "hard", "suppress"),
        Row("a mailbox that is no longer active is hard", DISABLED, "hard", "suppress"),
        Row("a permanent refusal by policy is hard", POLICY, "hard", "suppress"),
        Row("a block by policy is hard", BLOCKED, "hard", "suppress"),
        Row("invalid routing is hard", RELAY, "hard", "suppress"),
        Row("invalid routing is hard: a loop", LOOP, "hard", "suppress"),
        Row("a recipient's restriction is hard", CLOSED, "hard", "suppress"),
        Row("a full inbox is soft", FULL, "soft", "retry"),
        Row("a temporary server issue is soft", DOWN, "soft", "retry"),
        Row("a sending limit is soft", SLOW, "soft", "slow_down"),
        Row("a sending limit is soft even with 5yz", "550 5.4.5 Daily sending quota exceeded", "soft", "slow_down"),
        Row("a temporary refusal is not hard", BLOCKED_NOW, "soft", "fix_sender"),
    ),
    "acellemail": (
        Row("a mailbox that does not exist (5.1.1) is hard", UNKNOWN, "hard", "suppress", "HARD"),
        Row("a domain without MX is hard", "No MX record found for domain example.org", "hard", "suppress", "HARD"),
        Row("an explicit block of the sender is hard", BLOCKED, "hard", "suppress", "HARD"),
        Row("an explicit block of the sender's address is hard", "550 5.1.8 Sender address rejected: Domain not found", "hard", "suppress", "HARD"),
        Row("a content policy that no retry resolves is hard", SPAM, "hard", "suppress", "HARD"),
        Row("a virus is content that no retry resolves", VIRUS, "hard", "suppress", "HARD"),
        Row("a full mailbox is soft", FULL, "soft", "retry", "SOFT"),
        Row("a server that is down is soft", DOWN, "soft", "retry", "SOFT"),
        Row("a temporary failure is soft", UNKNOWN_NOW, "soft", "retry", "SOFT"),
        Row("a temporary failure is soft even if nobody can tell why", "450 4.0.0", "soft", "retry", "SOFT"),
        Row("time that ran out is soft", EXPIRED, "soft", "retry", "SOFT"),
        Row("a temporary status is soft", "4.2.2 Mailbox full", "soft", "retry", "SOFT"),
        Row("what cannot be read is unknown", NO_CAUSE, "undetermined", "review", "UNKNOWN"),
        Row("a message too large is neither", TOO_LARGE, "soft", "fix_message", "SOFT"),
    ),
    "prefinery": (
        Row("an address that does not exist is hard", UNKNOWN, "hard", "suppress"),
        Row("a misspelled one is, too", SYNTAX, "hard", "suppress"),
        Row("a server that blocks delivery completely is hard", BLOCKED, "hard", "suppress"),
        Row("a server that refuses by its policy is hard", POLICY, "hard", "suppress"),
        Row("a domain that does not exist is hard", NO_DOMAIN, "hard", "suppress"),
        Row("an MX that leads to a server that knows nothing of the domain is hard", RELAY, "hard", "suppress"),
        Row("an MX that leads into a loop is hard", LOOP, "hard", "suppress"),
        Row("a mail server that is misconfigured is hard", "550 5.3.5 System incorrectly configured", "hard", "suppress"),
        Row("a mailbox at its quota is hard", FULL, "hard", "suppress"),
        Row("a dormant account is hard", DISABLED, "hard", "suppress"),
        Row("a mailbox that rejects unknown senders is hard", CLOSED, "hard", "suppress"),
        Row("the page speaks of permanent reasons", FULL_NOW, "soft", "retry"),
        Row("a temporary trouble of the server is none", DOWN, "soft", "retry"),
        Row("spam is not on the page", SPAM, "soft", "fix_message"),
    ),
    "ses": (
        Row("a hard bounce is permanent and general", UNKNOWN, "hard", "suppress", "Permanent/General"),
        Row("a full mailbox is transient", FULL, "soft", "retry", "Transient/MailboxFull"),
        Row("a message too large is transient", TOO_LARGE, "soft", "fix_message", "Transient/MessageTooLarge"),
        Row("content that is refused is transient", SPAM, "soft", "fix_message", "Transient/ContentRejected"),
        Row("an attachment that is refused is transient", VIRUS, "soft", "fix_message", "Transient/AttachmentRejected"),
        Row("time that ran out is transient", EXPIRED, "soft", "retry", "Transient/CustomTimeoutExceeded"),
        Row("a bounce that tells nothing is undetermined", NO_CAUSE, "undetermined", "review", "Undetermined/Undetermined"),
        Row("everything else may succeed later", BLOCKED, "soft", "fix_sender", "Transient/General"),
        Row("an unknown user for the moment may succeed later", UNKNOWN_NOW, "soft", "retry", "Transient/General"),
        Row("a status of class 4 may succeed later", "4.1.1 User unknown", "soft", "retry", "Transient/General"),
    ),
    "sendgrid": (
        Row("a mailbox that does not exist is a bounce and suppressed", UNKNOWN, "hard", "suppress", "bounce"),
        Row("an address with a fault in its form is a bounce", SYNTAX, "hard", "suppress", "bounce"),
        Row("a listed IP address is a block and not suppressed", BLOCKED, "soft", "fix_sender", "block"),
        Row("a block by the provider's policy is not suppressed", POLICY, "soft", "review", "block"),
        Row("refused content is a block", SPAM, "soft", "fix_message", "block"),
        Row("a full mailbox is deferred, and a block in the end", FULL, "soft", "retry", "block"),
        Row("a deferral becomes a block", UNKNOWN_NOW, "soft", "retry", "block"),
        Row("a deferral becomes a block, told by its status", "4.1.1 User unknown", "soft", "retry", "block"),
        Row("a technical failure is no bounce", "503 5.5.1 Bad sequence of commands", "soft", "review", "block"),
        Row("what is not classified has no list", NO_CAUSE, "undetermined", "review", None),
    ),
    "mailgun": (
        Row("a recipient not found goes on the list of bounces", UNKNOWN, "hard", "suppress", "permanent/bounce"),
        Row("a full mailbox does not", FULL, "soft", "retry", "temporary/generic"),
        Row("a block for reputation does not", BLOCKED, "soft", "fix_sender", "permanent/espblock"),
        Row("mail taken for spam does not", SPAM, "soft", "fix_message", "permanent/espblock"),
        Row("used-up attempts do not", EXPIRED, "soft", "retry", "permanent/old"),
        Row("no MX is a temporary failure", "No MX for example.org", "soft", "retry", "temporary/generic"),
        Row("greylisting is a temporary failure of its own", GREYLISTED, "soft", "retry", "temporary/greylisted"),
        Row("4yz is temporary", UNKNOWN_NOW, "soft", "retry", "temporary/generic"),
        Row("4.x.x is temporary", "4.1.1 User unknown", "soft", "retry", "temporary/generic"),
    ),
    "postmark": (
        Row("an unknown user is a hard bounce and deactivated", UNKNOWN, "hard", "suppress", "HardBounce"),
        Row("a domain that does not exist is one, too", NO_DOMAIN, "hard", "suppress", "HardBounce"),
        Row("an invalid address has its own type", SYNTAX, "hard", "suppress", "BadEmailAddress"),
        Row("a full mailbox is a soft bounce", FULL, "soft", "retry", "SoftBounce"),
        Row("so is a disabled account", DISABLED, "soft", "retry", "SoftBounce"),
        Row("a disk that is full is one, too", "452 4.3.1 Insufficient system storage", "soft", "retry", "SoftBounce"),
        Row("a delay is transient", DOWN, "soft", "retry", "Transient"),
        Row("4yz is transient", UNKNOWN_NOW, "soft", "retry", "Transient"),
        Row("4.x.x is transient", "4.1.1 User unknown", "soft", "retry", "Transient"),
        Row("a DNS error is temporary", "451 4.4.3 DNS lookup failed temporarily", "soft", "retry", "DnsError"),
        Row("mail classified as spam is notified", SPAM, "soft", "fix_message", "SpamNotification"),
        Row("mail that the recipient blocks is notified so", CLOSED, "soft", "review", "SpamNotification"),
        Row("a virus has its own type", VIRUS, "soft", "fix_message", "VirusNotification"),
        Row("a provider's block has its own type", BLOCKED, "soft", "fix_sender", "Blocked"),
        Row("DMARC has its own type", DMARC, "soft", "fix_sender", "DMARCPolicy"),
        Row("what cannot be told is unknown", NO_CAUSE, "undetermined", "review", "Unknown"),
        Row("time that ran out is transient", EXPIRED, "soft", "retry", "Transient"),
    ),
    "mailchimp": (
        Row("an address that does not exist is hard", UNKNOWN, "hard", "suppress", "cleaned"),
        Row("a server that has permanently blocked delivery is hard", BLOCKED, "hard", "suppress", "cleaned"),
        Row("a block for the moment is soft", BLOCKED_NOW, "soft", "fix_sender"),
        Row("a full mailbox is soft", FULL, "soft", "retry"),
        Row("an inactive mailbox is soft", DISABLED, "soft", "retry"),
        Row("a server that is down is soft", DOWN, "soft", "retry"),
        Row("too much in a period is soft", SLOW, "soft", "slow_down"),
        Row("a message too large is soft", TOO_LARGE, "soft", "fix_message"),
        Row("a domain that does not exist may be so for a while", NO_DOMAIN, "soft", "retry"),
        Row("blocked content is soft", SPAM, "soft", "fix_message"),
        Row("a policy is soft", POLICY, "soft", "review"),
        Row("DMARC is soft", DMARC, "soft", "fix_sender"),
        Row("anti-virus is soft", VIRUS, "soft", "fix_message"),
        Row("what is asked of senders is soft", "550 5.1.8 Sender address rejected: Domain not found", "soft", "fix_sender"),
        Row("4yz is soft", UNKNOWN_NOW, "soft", "retry"),
        Row("4.x.x is soft", "4.1.1 User unknown", "soft", "retry"),
        Row("time that ran out is soft", EXPIRED, "soft", "retry"),
    ),
    "sisimai": (
        Row("an unknown user is hard", UNKNOWN, "hard", "suppress", "userunknown"),
        Row("an unknown host is hard", NO_DOMAIN, "hard", "suppress", "hostunknown"),
        Row("a mailbox that has moved is hard", "551 5.1.6 The mailbox has moved", "hard", "suppress", "hasmoved"),
        Row("a domain that takes no mail is hard at 5yz", NULL_MX, "hard", "suppress", "notaccept"),
        Row("and soft at 4yz", "450 Recipient address has null MX", "soft", "retry", "notaccept"),
        Row("a suspended account is soft", DISABLED, "soft", "retry", "suspend"),
        Row("an unknown user for the moment counts as filtered", UNKNOWN_NOW, "soft", "retry", "filtered"),
        Row("an unknown domain for the moment is an error of the network", "450 4.1.2 Domain not found", "soft", "retry", "networkerror"),
        Row("a full mailbox is soft", FULL, "soft", "retry", "mailboxfull"),
        Row("a block is soft", BLOCKED, "soft", "fix_sender", "blocked"),
        Row("relaying denied is soft", RELAY, "soft", "review", "norelaying"),
        Row("authentication that failed is soft", DMARC, "soft", "fix_sender", "authfailure"),
        Row("too many recipients are soft", TOO_MANY, "soft", "slow_down", "toomanyconn"),
        Row("greylisting is soft", GREYLISTED, "soft", "retry", "speeding"),
        Row("time that ran out is soft", EXPIRED, "soft", "retry", "expired"),
        Row("a code that tells nothing is held back, and soft", NO_CAUSE, "soft", "review", "onhold"),
        Row("words that tell nothing are soft", "Delivery failed", "soft", "review", "undefined"),
    ),
}  # fmt: skip
NAMES = Knowledge.profiles()
KNOWN = {name: BUILTIN.with_profile(name) for name in NAMES}


def test_every_profile_has_its_table() -> None:
    assert sorted(TABLE) == sorted(NAMES), "each profile needs its statements in TABLE of tests/test_profiles.py"


@pytest.mark.parametrize(
    ("name", "row"), [pytest.param(name, row, id=f"{name}: {row.statement}") for name in TABLE for row in TABLE[name]]
)
def test_statements(name: str, row: Row) -> None:
    verdict = classify(row.reply, host=row.host, command=row.command, knowledge=KNOWN[name])
    assert (verdict.bounce_type, verdict.advice, verdict.label) == (row.bounce_type, row.advice, row.label), (
        verdict.explain(verbose=True)
    )


HOSTS = {provider.name: f"mx.{provider.hosts[0]}" for provider in BUILTIN.providers if provider.hosts}


def asked(policy: Policy, key: str) -> str:
    """Return one of the names that a policy asks for under a key, or an empty text."""
    comparison = dict(policy.when.asked).get(key)
    return min(map(str, getattr(comparison, "values", ("",))))


def told_by_service(policy: Policy, knowledge: Knowledge) -> Verdict:
    """The verdict on a policy's example where it comes with an event of the class that the policy asks for."""
    class_, _, subclass = asked(policy, "class").partition("/")
    event = Event(id=None, service=asked(policy, "service"), class_=class_, subclass=subclass)
    facts = RecipientFacts(witness=Witness.EVENT, action=Action.FAILED, reply=parse_reply(policy.example or ""))
    return judge(facts, knowledge, identity="", surroundings=Surroundings(event=event))


@pytest.mark.parametrize("name", NAMES)
def test_every_policy_has_a_source_and_decides_its_example(name: str) -> None:
    knowledge = KNOWN[name]
    assert knowledge.policies or name == "default"
    for policy in knowledge.policies:
        assert policy.source, f"policy {policy.id} has no source"
        assert policy.example, f"policy {policy.id} has no example"
        provider = asked(policy, "provider")
        if asked(policy, "service"):
            verdict = told_by_service(policy, knowledge)
        else:
            verdict = classify(policy.example, host=HOSTS[provider] if provider else None, knowledge=knowledge)
        found = {(ref.id, ref.layer) for ref in verdict.policies.values()}
        assert found == {(policy.id, f"profile:{name}")}, f"{found} decide the example of policy {policy.id}"


# Profiles whose label is the word that the other system has for it: every failure gets one.
SYSTEMS = {
    "acellemail": {"HARD", "SOFT", "UNKNOWN"},
    "ses": None,
    "sisimai": None,
    "mailchimp": {"cleaned", None},
    "sendgrid": {"bounce", "block", None},
}
REPLIES = [rule.example for rule in BUILTIN.rules if rule.example]


@pytest.mark.parametrize("name", SYSTEMS)
def test_labels_over_all_replies_that_are_known(name: str) -> None:
    knowledge, allowed = KNOWN[name], SYSTEMS[name]
    for reply in REPLIES:
        verdict = classify(reply, knowledge=knowledge)
        assert verdict.label in allowed if allowed is not None else verdict.label, reply
        if name == "acellemail":
            assert verdict.label == {"hard": "HARD", "soft": "SOFT"}.get(str(verdict.bounce_type), "UNKNOWN")


@pytest.mark.parametrize("name", [name for name in NAMES if name not in {"uchecker", "strict-rfc", "rcpt550"}])
def test_a_refusal_for_the_moment_is_never_hard(name: str) -> None:
    knowledge = KNOWN[name]
    for reply in REPLIES:
        if reply.startswith("4") and classify(reply).reason is not Reason.MAILBOX_MOVED:
            assert classify(reply, knowledge=knowledge).bounce_type != "hard", reply


COMPLAINT = b"""\
From: feedback@example.net
Subject: Abuse report
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="b"

--b
Content-Type: text/plain

A complaint.

--b
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: Example/1.0
Version: 1
Original-Rcpt-To: <kim@example.org>

--b
Content-Type: message/rfc822

From: news@example.com
To: kim@example.org
Subject: News
Message-ID: <1@example.com>

News!

--b--
"""


@pytest.mark.parametrize("name", NAMES)
def test_a_complaint_suppresses_whatever_the_profile(name: str) -> None:
    report = parse(COMPLAINT, knowledge=KNOWN[name])
    assert (report.kind, [str(verdict.advice) for verdict in report.verdicts]) == (Kind.COMPLAINT, ["suppress"])


def delayed(knowledge: Knowledge) -> Report:
    fields = b"Final-Recipient: rfc822; kim@example.org\nAction: delayed\nStatus: 4.2.2\nDiagnostic-Code: smtp; 452 4.2.2 Full\n"
    head = b'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n--b\nContent-Type: message/delivery-status\n\n'
    return parse(head + b"Reporting-MTA: dns; mx.example.net\n\n" + fields + b"\n--b--\n", knowledge=knowledge)


@pytest.mark.parametrize("name", NAMES)
def test_no_profile_speaks_of_a_delayed_recipient(name: str) -> None:
    (verdict,) = delayed(KNOWN[name]).verdicts
    assert (verdict.action, verdict.bounce_type, verdict.advice, verdict.label, verdict.policy) == (
        Action.DELAYED, "soft", "none", None, None,
    )  # fmt: skip


class TestPrecedence:
    @pytest.fixture
    def ours(self, tmp_path: Path) -> Path:
        path = tmp_path / "ours.toml"
        path.write_text(
            '[[policy]]\nid = "full"\nwhen = { reason = "mailbox_full", provider = "google" }\n'
            'then = { bounce_type = "soft", label = "full" }\n\n'
            '[[policy]]\nreplaces = "prefinery.mx"\nid = "mx"\nwhen = { reason = "relay_denied" }\n'
            'then = { advice = "review" }\n',
            encoding="utf-8",
        )
        return path

    def test_a_file_ranks_over_the_profile_and_the_verdict_says_so(self, ours: Path) -> None:
        knowledge = BUILTIN.with_profile("prefinery").with_file(ours)
        said: list[Verdict] = [classify(FULL, host=host, knowledge=knowledge) for host in (GOOGLE, "mx.example.org")]
        told = [(v.bounce_type, v.advice, v.label, v.policy.id, v.policy.layer) for v in said if v.policy is not None]
        assert told == [
            ("soft", "retry", "full", "full", "file:ours.toml"),
            ("hard", "suppress", None, "prefinery.full", "profile:prefinery"),
        ]
        assert "full (file:ours.toml)" in said[0].explain(verbose=True)
        assert "prefinery.full (profile:prefinery)" in said[1].explain(verbose=True)

    def test_the_order_of_the_calls_does_not_matter(self, ours: Path) -> None:
        path = self._without_replaces(ours)
        first = BUILTIN.with_profile("prefinery").with_file(path)
        second = BUILTIN.with_file(path).with_profile("prefinery")
        for host in (GOOGLE, None):
            assert classify(FULL, host=host, knowledge=first) == classify(FULL, host=host, knowledge=second)

    @staticmethod
    def _without_replaces(ours: Path) -> Path:
        ours.write_text(ours.read_text(encoding="utf-8").replace('replaces = "prefinery.mx"\n', ""), encoding="utf-8")
        return ours

    def test_a_file_may_replace_a_policy_of_the_profile(self, ours: Path) -> None:
        verdict = classify(RELAY, knowledge=BUILTIN.with_profile("prefinery").with_file(ours))
        assert verdict.policy is None
        assert (verdict.bounce_type, verdict.advice, verdict.policies["advice"].id) == ("soft", "review", "mx")

    def test_the_later_of_two_profiles_is_higher(self) -> None:
        knowledge = BUILTIN.with_profile("acellemail").with_profile("prefinery")
        full, down = (classify(reply, knowledge=knowledge) for reply in (FULL, DOWN))
        assert (full.policy and full.policy.id, down.policy and down.policy.id) == ("prefinery.full", "acellemail.4yz")
