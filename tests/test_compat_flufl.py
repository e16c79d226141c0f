"""`undeliverable.compat.flufl` is a drop-in for flufl.bounce: the same answers, or better ones that are listed with the reason."""

from __future__ import annotations

import inspect
import json
import logging
from collections.abc import Mapping
from email import message_from_bytes
from functools import cache
from pathlib import Path
from typing import Final

import flufl.bounce
import pytest

from undeliverable.compat.flufl import all_failures, scan_message
from undeliverable.serve._look_ups import reject_text

FIXTURES: Final = Path(__file__).resolve().parent.parent / "fixtures"
Answer = tuple[frozenset[bytes], frozenset[bytes]]

_INSIDE: Final = (
    "a person passes somebody else's report on, attached, forwarded or quoted; it is no news about a recipient of yours"
)
_FORGED: Final = "the remote server's reply, or the returned message, imitates a report: it names nobody"
_NO_FAILURE: Final = (
    "nothing failed: an automatic reply, a complaint, a receipt, or ordinary mail that speaks of failures"
)
_WAITS: Final = "the server goes on trying: temporary, not permanent"
_FAILED: Final = "the server gave up: permanent, not temporary"
_WHOLE: Final = "the address as it is: not encoded, not cut, with its quotes"
_NO_ADDRESS: Final = "what stands there is no address"
_MORE: Final = "one recipient more, whom the report names as well"

DIFFERENT: Final[Mapping[str, str]] = {
    "auto-replies/english-quotes-the-original.eml": _NO_FAILURE,
    "bounces/exim-smtputf8.eml": _WHOLE,
    "bounces/odd-nested-fwd.eml": _INSIDE,
    "bounces/odd-no-blank-between.eml": _MORE,
    "bounces/odd-plus-address.eml": _WHOLE,
    "bounces/text-barracuda-ndr.eml": _FAILED,
    "cases/mails/complaint-forms/": _NO_FAILURE,
    "cases/mails/damaged-mime/mail-undeclared-multipart-delay.eml": _WAITS,
    "cases/mails/forged-through-a-relay/": _FORGED,
    "cases/mails/header-of-ordinary-mail/": _NO_FAILURE,
    "cases/mails/near-miss/": _NO_FAILURE,
    "cases/mails/original-recipient/": _WHOLE,
    "cases/mails/report-inside-a-message/": _INSIDE,
    "cases/mails/whole-local-part/": _WHOLE,
    "delays/": _WAITS,
    "forgery/fields_in_a_reply.eml": _FORGED,
    "forgery/nul_in_recipient.eml": _NO_ADDRESS,
    "forgery/nul_recipient.eml": _NO_ADDRESS,
    "forgery/relayed/": _FORGED,
    "forgery/surrogate2.eml": _NO_ADDRESS,
    "near-misses/attached-": _INSIDE,
    "near-misses/digest-": _INSIDE,
    "near-misses/forwarded-": _INSIDE,
    "near-misses/list-post-with-transcript.eml": _INSIDE,
    "near-misses/quoted-exim.eml": _INSIDE,
    "near-misses/speaks-of-": _NO_FAILURE,
    "unseen/first/near-misses/": _NO_FAILURE,
    "unseen/first/notices/ja-5-domein.eml": _MORE,
}
"""Where both find somebody and not the same, or only flufl.bounce does: the beginning of the name, and why."""


def lower(answer: Answer) -> Answer:
    return frozenset(map(bytes.lower, answer[0])), frozenset(map(bytes.lower, answer[1]))


NOBODY: Final[Answer] = (frozenset(), frozenset())


@cache
def compared() -> Mapping[str, tuple[Answer, Answer | None]]:
    """Return what this library and flufl.bounce say of each message; None where flufl.bounce raises."""
    logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL)
    found: dict[str, tuple[Answer, Answer | None]] = {}
    for path in sorted(FIXTURES.rglob("*.eml")):
        raw = path.read_bytes()
        try:
            theirs = lower(flufl.bounce.all_failures(message_from_bytes(raw)))
        except Exception:  # noqa: BLE001 # it raises what its parsers raise
            theirs = None
        found[path.relative_to(FIXTURES).as_posix()] = lower(all_failures(raw)), theirs
    return found


def known() -> Mapping[str, frozenset[bytes]]:
    """Return who failed or is delayed in the messages whose recipients are known."""
    rows = [json.loads(line) for line in (FIXTURES / "expected.jsonl").read_text(encoding="utf-8").splitlines()]
    return {
        row["file"]: frozenset(
            one["recipient"].lower().encode()
            for one in row["recipients"]
            if one["recipient"] and one.get("action", "failed") in {"failed", "delayed"}
        )
        for row in rows
        if row["kind"] in {"bounce", "delay"}
    }


def reason_for(name: str) -> str | None:
    return next((DIFFERENT[start] for start in DIFFERENT if name.startswith(start)), None)


def test_every_difference_is_explained() -> None:
    differ = {name for name, (ours, theirs) in compared().items() if theirs is not None and ours != theirs != NOBODY}
    assert {name for name in differ if reason_for(name) is None} == set()
    assert {start for start in DIFFERENT if not any(name.startswith(start) for name in differ)} == set()


def test_nobody_is_missed_whom_flufl_bounce_finds_in_a_known_bounce() -> None:
    for name, named in known().items():
        ours = frozenset().union(*compared()[name][0])
        if DIFFERENT.get(name) is not _INSIDE:
            assert ours == named, name


def test_bounces_that_flufl_bounce_does_not_understand_are_understood() -> None:
    missed = {name for name, named in known().items() if named and compared()[name][1] == NOBODY}
    assert {"bounces/odd-exch-cs.eml", "bounces/odd-exch-zh.eml"} <= missed


@pytest.mark.parametrize("function", ["scan_message", "all_failures"])
def test_the_parameters_have_the_same_names(function: str) -> None:
    ours = inspect.signature({"scan_message": scan_message, "all_failures": all_failures}[function])
    theirs = inspect.signature(getattr(flufl.bounce, function))
    assert [*ours.parameters] == [*theirs.parameters] == ["msg"]


def test_a_parsed_message_and_its_octets_give_the_same() -> None:
    raw = (FIXTURES / "bounces" / "exim-mixed.eml").read_bytes()
    expected = frozenset({b"kim.r288@sendmail.example"})
    assert scan_message(raw) == scan_message(message_from_bytes(raw)) == expected
    assert flufl.bounce.scan_message(message_from_bytes(raw)) == expected
    assert isinstance(scan_message(raw), type(flufl.bounce.scan_message(message_from_bytes(raw))))


REPORT: Final = b"""\
From: MAILER-DAEMON@app.example.com
To: bounces@example.com
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; app.example.com

Final-Recipient: rfc822; kim@example.org
Action: %s
Status: %s

--b--
"""


@pytest.mark.parametrize(
    ("action", "status", "temporary", "permanent"),
    [
        (b"failed", b"5.1.1", [], [b"kim@example.org"]),
        (b"failed", b"5.2.2", [], [b"kim@example.org"]),  # soft for the address, and the message is lost all the same
        (b"delayed", b"4.4.1", [b"kim@example.org"], []),
        (b"delivered", b"2.0.0", [], []),
        (b"relayed", b"2.0.0", [], []),
    ],
)
def test_what_is_permanent_is_so_for_the_message(
    action: bytes, status: bytes, temporary: list[bytes], permanent: list[bytes]
) -> None:
    message = message_from_bytes(REPORT % (action, status))
    assert all_failures(message) == (frozenset(temporary), frozenset(permanent)) == flufl.bounce.all_failures(message)


def suppressed(relay: bytes) -> bytes:
    fields = (
        b"Remote-MTA: dns; %s\nDiagnostic-Code: smtp; 554 5.7.1 <kim@example.org>: Recipient address rejected: %s\n"
    )
    return (REPORT % (b"failed", b"5.7.1")).replace(
        b"Status: 5.7.1\n", b"Status: 5.7.1\n" + fields % (relay, reject_text().encode())
    )


def test_what_your_own_list_refused_is_no_failure() -> None:
    assert all_failures(suppressed(b"localhost")) == NOBODY
    assert all_failures(suppressed(b"mx.example.org")) == (frozenset(), frozenset({b"kim@example.org"}))


def test_another_type_is_refused() -> None:
    with pytest.raises(TypeError):
        scan_message("a text")  # type: ignore[arg-type]
