"""What some replies give besides a reason."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from undeliverable import Knowledge, Reason, StatusCode, classify
from undeliverable._knowledge.blocklists import Blocklists
from undeliverable.errors import EntryError
from undeliverable.verdict import NO_DETAILS, Details

KEYS = ("blocklist", "retry_after", "help_url", "auth_mechanism", "size_limit")
LISTED = "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using"


def read(reason: Reason, text: str, status: str | None = None) -> Details:
    return Knowledge.builtin().details_of(reason, text, None if status is None else StatusCode.parse(status))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (f"{LISTED} zen.spamhaus.org", "Spamhaus ZEN"),
        (f"{LISTED} sbl-xbl.spamhaus.org", "Spamhaus SBL-XBL"),
        (f"{LISTED} xbl.spamhaus.org", "Spamhaus XBL"),
        (f"{LISTED} key.zen.dq.spamhaus.net", "Spamhaus ZEN"),
        ("553 5.3.0 192.0.2.1 rejected - see http://www.spamhaus.org/lookup/", "Spamhaus"),
        (f"{LISTED} bl.spamcop.net", "SpamCop"),
        ("550 192.0.2.1 is in a black list at b.barracudacentral.org", "Barracuda BRBL"),
        (f"{LISTED} dnsbl-2.uceprotect.net", "UCEPROTECT Level 2"),
        # a zone that nobody knows by name
        (f"{LISTED} dnsbl.example.org; see https://example.org/", "dnsbl.example.org"),
        ("550 5.7.1 192.0.2.1 is listed in bl.example.net", "bl.example.net"),
        ("550 5.7.1 Rejected by RBL: bl.example.net", "bl.example.net"),
        ("550 5.7.1 Rejected using our rules, listed at bl.example.net", "bl.example.net"),
        # a list, but not by name
        ("550 5.7.1 192.0.2.1 is listed at our place", None),
        ("550 5.7.1 Your host is on our block list", None),
        ("550 5.7.1 Dein Server steht auf unserer Sperrliste für Störer", None),
    ],
)
def test_blocklist(text: str, name: str | None) -> None:
    assert read(Reason.BLOCKLISTED, text).blocklist == name


def test_a_message_that_names_a_listed_link() -> None:
    text = "550 5.7.1 Message contains URL http://bad.example/ listed by SURBL. See https://surbl.org/surbl-analysis"
    assert read(Reason.SPAM_CONTENT, text) == Details(blocklist="SURBL", help_url="https://surbl.org/surbl-analysis")
    assert read(Reason.SPAM_CONTENT, "550 5.7.1 Message rejected as spam").blocklist is None


def test_every_known_list_has_names_that_find_it() -> None:
    lists = Knowledge.builtin().blocklists
    assert lists.marks
    for mark, name in lists.marks:
        assert lists.named(f"550 5.7.1 listed: {mark}, go away") == name, mark


def test_a_list_of_lists_must_hold_strings() -> None:
    with pytest.raises(EntryError, match="string"):
        Blocklists.from_table({"blocklist": [{"name": "", "marks": ["x"]}]})
    assert Blocklists.from_table({"blocklist": 1}).named("listed") is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("450 4.7.1 Greylisted, try again in 5 minutes", 300),
        ("450 4.2.0 Recipient address rejected: Greylisted for 300 seconds", 300),
        ("450 4.2.0 Greylisted, try again in 0 seconds", None),
        ("451 4.7.1 Greylisting in action, please come back in 00:04:59", 299),
        ("451 4.7.1 Please come back after 01:00:00", 3_600),
        ("451 4.7.1 Please retry in 30 sec", 30),
        ("421 4.7.0 Too many connections, please wait 2 hours", 7_200),
        ("421 4.7.0 Your host is blocked for 1 day", 86_400),
        ("421 4.7.0 10 connections in 60 minutes are too many. Try again in 10 min.", 600),
        # the window of a limit is no time to come back
        ("421 4.7.0 100 messages in 60 minutes, try again later", None),
        ("421 4.7.0 try again later, no more than 100 messages in 60 minutes", None),
        ("451 4.7.1 Greylisted, please try again", None),
        ("451 4.7.1 Greylisted at 12:00:01, please try again", None),
        ("451 4.7.1 Greylisted, code 00:17", None),
        ("450 4.7.1 Ask the administrator", None),
    ],
)
def test_retry_after(text: str, seconds: int | None) -> None:
    assert read(Reason.GREYLISTED, text).retry_after == seconds


@pytest.mark.parametrize(
    ("reason", "text", "link"),
    [
        (Reason.USER_UNKNOWN, "550 5.1.1 No such user. Learn more at https://support.example.com/?p=NoSuchUser.", "https://support.example.com/?p=NoSuchUser"),
        (Reason.USER_UNKNOWN, "550 5.1.1 No such user (HTTP://example.com/help)", "HTTP://example.com/help"),
        (Reason.USER_UNKNOWN, "550 5.1.1 No such user <ftp://example.com/>", None),
        (Reason.GREYLISTED, "450 4.2.0 Greylisted, see https://example.org/grey.html", "https://example.org/grey.html"),
        (Reason.GREYLISTED, "450 4.2.0 Greylisted, see our pages", None),
        (Reason.POLICY_REJECTED, "550 5.7.1 Rejected, URL: https://example.org/why", "https://example.org/why"),
        # what the message was refused for is no explanation
        (Reason.SPAM_CONTENT, "550 5.7.1 The message contains http://bad.example/ and more", None),
        (Reason.SPAM_CONTENT, "550 5.7.1 Bad link http://bad.example/, see https://example.org/why", "https://example.org/why"),
    ],
)  # fmt: skip
def test_help_url(reason: Reason, text: str, link: str | None) -> None:
    assert read(reason, text).help_url == link


@pytest.mark.parametrize(
    ("reason", "text", "status", "mechanism"),
    [
        (Reason.AUTH_FAILED, "550 5.7.1 Rejected: SPF fail", None, "spf"),
        (Reason.AUTH_FAILED, "550 5.7.1 Sender Policy Framework: not permitted", None, "spf"),
        (Reason.AUTH_FAILED, "550 5.7.1 DomainKeys signature is bad", None, "dkim"),
        (Reason.AUTH_FAILED, "550 5.7.26 Neither DKIM nor SPF passed", "5.7.26", "dkim"),
        (Reason.AUTH_FAILED, "550 5.7.26 SPF did not pass, so DMARC rejects it", "5.7.26", "dmarc"),
        (Reason.AUTH_FAILED, "550 5.7.29 The ARC set is broken", "5.7.29", "arc"),
        (Reason.AUTH_FAILED, "550 5.7.20 Search for the cause yourself", "5.7.20", "dkim"),
        (Reason.AUTH_FAILED, "550 5.7.23 Validation failed", "5.7.23", "spf"),
        (Reason.AUTH_FAILED, "550 5.7.26 Several checks failed", "5.7.26", None),
        (Reason.AUTH_FAILED, "550 5.1.23 Not authenticated", "5.1.23", None),
        (Reason.AUTH_FAILED, "550 Not authenticated", None, None),
        (Reason.PTR_MISSING, "550 5.7.25 No reverse DNS entry", "5.7.25", "ptr"),
        (Reason.PTR_MISSING, "550 5.7.1 Your host has no name", None, "ptr"),
        (Reason.PTR_MISSING, "550 5.7.1 HELO name does not resolve", None, None),
        (Reason.PTR_MISSING, "550 5.7.1 EHLO name does not match the PTR record", None, "ptr"),
        (Reason.SECURITY_REQUIRED, "530 5.7.0 Must issue a STARTTLS command first", None, "tls"),
        (Reason.SECURITY_REQUIRED, "530 5.7.1 Encryption needed", None, "tls"),
        (Reason.SECURITY_REQUIRED, "530 5.7.0 Authentication required", None, None),
        (Reason.BAD_REPUTATION, "550 5.7.1 SPF is no help, your reputation is bad", None, None),
    ],
)
def test_auth_mechanism(reason: Reason, text: str, status: str | None, mechanism: str | None) -> None:
    assert read(reason, text, status).auth_mechanism == mechanism


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("552 5.3.4 Message size 12000000 exceeds size limit 10240000 of server mx.example.org", 10_240_000),
        ("552 5.3.4 Message size exceeds fixed maximum message size (10485760)", 10_485_760),
        ("552 5.2.3 Message exceeds maximum fixed size (10,485,760).", 10_485_760),
        ("552 5.3.4 Too large, the limit is 20971520.", 20_971_520),
        ("552 5.3.4 Too large; maximum 25 MB allowed", 26_214_400),
        ("552 5.3.4 Larger than 1.5 megabytes", 1_572_864),
        ("552 5.3.4 Over 30720 KB", 31_457_280),
        ("552 5.3.4 The limit of 1 message of up to 2 GiB", 2_147_483_648),
        ("552 5.3.4 Message size exceeds the limit (12)", None),
        ("552 5.3.4 Message size exceeds the limit of 192.0.2.1", None),
        ("552 5.3.4 Message too large", None),
    ],
)
def test_size_limit(text: str, octets: int | None) -> None:
    assert read(Reason.MESSAGE_TOO_LARGE, text).size_limit == octets
    assert read(Reason.CONTENT_REJECTED, text).size_limit is None


def record(text: str, **options: Any) -> dict[str, object]:
    record = classify(text, **options).to_dict()
    return {key: record[key] for key in KEYS if record[key] is not None}


def test_the_record_has_the_keys_in_order() -> None:
    record = tuple(classify("550 5.1.1 User unknown").to_dict())
    begin = record.index(KEYS[0])
    assert record[begin : begin + len(KEYS)] == KEYS


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("550 5.1.1 User unknown", {}),
        ("", {"retry_after": 1800}),
        ("250 2.0.0 Ok", {}),
        (f"{LISTED} zen.spamhaus.org; https://www.spamhaus.org/query/ip/192.0.2.1", {"blocklist": "Spamhaus ZEN", "help_url": "https://www.spamhaus.org/query/ip/192.0.2.1"}),
        ("450 4.7.1 Greylisted, try again in 5 minutes", {"retry_after": 300}),
        ("550 5.7.26 Rejected due to the domain's DMARC policy", {"auth_mechanism": "dmarc"}),
        ("552 5.3.4 Message size exceeds fixed limit 10485760", {"size_limit": 10_485_760}),
    ],
)  # fmt: skip
def test_records(text: str, found: dict[str, object]) -> None:
    assert record(text) == found


def test_attributes_are_named_as_the_keys_and_survive_pickling() -> None:
    verdict = classify(f"{LISTED} zen.spamhaus.org")
    copy = pickle.loads(pickle.dumps(verdict))
    assert copy.blocklist == verdict.blocklist == "Spamhaus ZEN"
    assert {key: getattr(copy, key) for key in KEYS} == {key: verdict.to_dict()[key] for key in KEYS}
    assert classify("552 5.2.2 Mailbox full").details is NO_DETAILS


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("550 5.1.1 User unknown", []),
        (f"{LISTED} zen.spamhaus.org; https://www.spamhaus.org/query/ip/192.0.2.1", ["  blocklist  Spamhaus ZEN", "  help       https://www.spamhaus.org/query/ip/192.0.2.1"]),
        ("450 4.7.1 Greylisted, try again in 2 hours", ["  retry      after 7,200 seconds"]),
        ("550 5.7.26 Rejected due to the domain's DMARC policy", ["  mechanism  dmarc did not pass"]),
        ("552 5.3.4 Message size exceeds fixed limit 10485760", ["  size limit 10,485,760 octets"]),
    ],
)  # fmt: skip
def test_explanations(text: str, lines: list[str]) -> None:
    names = ("blocklist", "mechanism", "size limit", "retry", "help")
    explained = classify(text).explain(verbose=True).splitlines()
    assert [line for line in explained if line.strip().startswith(names)] == lines


@given(st.sampled_from(Reason), st.text(alphabet="0123456789:. listedusing rblMBin,()[]<>://httpgainw", max_size=400))
def test_any_text_can_be_asked(reason: Reason, text: str) -> None:
    found = read(reason, text)
    assert found.retry_after is None or found.retry_after >= 0
    assert found.size_limit is None or found.size_limit >= 1_024


@pytest.mark.parametrize(
    "piece", ["again ", "limit ", "http://", "1 min ", "listed in a.", "00:", "url http://a ", "1,000"]
)
def test_long_texts_cost_little(piece: str) -> None:
    """At most the beginning of a text is looked at."""
    for reason in Reason:
        assert read(reason, piece * 100_000) == read(reason, (piece * 100_000)[:8_192])
