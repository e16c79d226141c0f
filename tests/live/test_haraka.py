"""The plugin for Haraka: fifty refusals come into the list, are logged and acted on, and nothing is sent to suppressed recipients."""

from __future__ import annotations

import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from undeliverable import Advice, Knowledge, MessageAdvice, Verdict
from undeliverable.store import SuppressionList

from .haraka import Haraka, Outcomes, Recording, lacking, send, wait
from .refusals import REFUSALS, RULES, Refusal, scripts
from .remote import Remotes, free_port

RETRY: Final = (MessageAdvice.RETRY, MessageAdvice.RETRY_ELSEWHERE)

pytestmark = pytest.mark.skipif(lacking() is not None, reason=lacking() or "Haraka can be run")


@pytest.fixture(scope="module")
def outcomes() -> Iterator[Outcomes]:
    folder = Path(tempfile.mkdtemp(prefix="haraka-"))
    (folder / "rules.toml").write_text(RULES, encoding="ascii")
    yield Outcomes(folder, free_port())
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def knowledge(outcomes: Outcomes) -> Knowledge:
    return Knowledge.watch([outcomes.folder / "rules.toml"]).current()


@dataclass
class Run:
    """A Haraka after its first attempts."""

    haraka: Haraka
    outcomes: Outcomes
    scripts: dict[str, Recording]
    remotes: Remotes
    events: list[dict[str, Any]] = field(default_factory=list)

    def event(self, recipient: str) -> dict[str, Any]:
        """Return the first record about a recipient."""
        return next(one for one in self.outcomes.found() if one["verdicts"][0]["recipient"] == recipient)


@pytest.fixture(scope="module")
def run(outcomes: Outcomes) -> Iterator[Run]:
    servers = scripts(Recording) | {"sender.example": Recording(), "fine.example": Recording()}
    with outcomes.service(), Remotes(servers) as remotes:
        haraka = Haraka(outcomes.folder / "server", remotes, outcomes.port, elsewhere={"ip": "127.0.0.9"})
        haraka.start()
        try:
            assert not send(haraka.port, *(one.recipient for one in REFUSALS), "lee@fine.example")
            wanted = {one.recipient for one in REFUSALS} | {"lee@fine.example"}
            wait(lambda: wanted <= {one["verdicts"][0]["recipient"] for one in outcomes.found()}, haraka)
            time.sleep(1)  # for what must not happen
            yield Run(haraka, outcomes, servers, remotes)  # type: ignore[arg-type]
        finally:
            haraka.stop()


def ids(refusal: Refusal) -> str:
    return f"{refusal.step}-{refusal.number}"


@pytest.mark.parametrize("refusal", REFUSALS, ids=ids)
def test_a_refusal_is_recorded_as_the_library_judges_it(run: Run, knowledge: Knowledge, refusal: Refusal) -> None:
    record, wanted = run.event(refusal.recipient), refusal.verdict(knowledge)
    (verdict,) = record["verdicts"]
    assert (verdict["reply_code"], verdict["command"]) == (wanted.reply_code, wanted.command)
    assert (verdict["reason"], verdict["proof"]) == (wanted.reason, "signed")
    is_retried = wanted.message_advice in RETRY
    assert record["kind"] == ("delay" if is_retried else "bounce")
    if not is_retried:
        assert (verdict["bounce_type"], verdict["advice"]) == (wanted.bounce_type, wanted.advice)


@pytest.mark.parametrize("refusal", REFUSALS, ids=ids)
def test_a_refusal_is_logged_with_its_advice(run: Run, knowledge: Knowledge, refusal: Refusal) -> None:
    wanted = refusal.verdict(knowledge)
    line = next(line for line in run.haraka.log().splitlines() if "classified" in line and refusal.recipient in line)
    for name, value in (
        ("type", wanted.bounce_type),
        ("reason", wanted.reason),
        ("advice", wanted.advice),
        ("message", wanted.message_advice),
        ("wait", wanted.retry_after),
    ):
        assert re.search(rf" {name}={value or '-'}[ :]", line), line


@pytest.mark.parametrize("refusal", REFUSALS, ids=ids)
def test_the_message_goes_the_way_of_its_advice(run: Run, knowledge: Knowledge, refusal: Refusal) -> None:
    wanted = refusal.verdict(knowledge)
    returned = [mail for mail in run.remotes.accepted if f"rfc822;{refusal.recipient}" in mail]
    if wanted.message_advice not in RETRY:
        assert len(returned) == 1, run.haraka.log()
        return
    assert not returned
    transaction = re.search(rf"\[([0-9A-F-]{{36}}\.\d+\.\d+)\].*classified.*{refusal.recipient}", run.haraka.log())
    assert transaction is not None
    waits = re.findall(rf"\[{re.escape(transaction[1])}\].*Temp failing \S+ for ([\d.]+) seconds", run.haraka.log())
    assert float(waits[0]) == max(5.0, wanted.retry_after or 0), waits


def test_the_list_holds_exactly_those_that_the_library_suppresses(run: Run, knowledge: Knowledge) -> None:
    wanted = {one.recipient for one in REFUSALS if suppresses(one.verdict(knowledge))}
    assert wanted
    with SuppressionList(run.outcomes.addresses) as known:
        assert {one.recipient for one in REFUSALS if known.is_suppressed(one.recipient)} == wanted


def suppresses(verdict: Verdict) -> bool:
    return verdict.advice is Advice.SUPPRESS and verdict.message_advice not in RETRY


def test_a_delivery_is_recorded(run: Run) -> None:
    record = run.event("lee@fine.example")
    assert (record["kind"], record["verdicts"][0]["recipient"]) == ("delivered", "lee@fine.example")


def test_every_outcome_left_the_spool(run: Run) -> None:
    wait(lambda: not run.haraka.spooled(), run.haraka)


def test_a_suppressed_recipient_is_refused_and_nothing_is_sent(run: Run, knowledge: Knowledge) -> None:
    dead = [one for one in REFUSALS if suppresses(one.verdict(knowledge))]
    before = {one.recipient: len(run.scripts[one.domain].asked) for one in dead}
    refused = send(run.haraka.port, *(one.recipient for one in dead))
    assert {to: code for to, (code, _) in refused.items()} == {one.recipient: 550 for one in dead}
    assert all(text.startswith(b"5.7.1 Recipient is suppressed") for _, text in refused.values())
    time.sleep(1)
    assert {one.recipient: len(run.scripts[one.domain].asked) for one in dead} == before


def test_what_is_retried_elsewhere_leaves_from_another_address(run: Run) -> None:
    wait(lambda: "next attempt from 127.0.0.9" in run.haraka.log(), run.haraka)
