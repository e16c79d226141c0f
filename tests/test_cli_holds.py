"""`undeliverable suppressions held`, `confirm` and `release`, and what other verbs show of proof and holds."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.suppression_words import WORDS
from undeliverable import Proof
from undeliverable.cli import main
from undeliverable.store import SuppressionList
from undeliverable.suppression import ListEvent, RequireProof

HELD = 200


def run(*arguments: object) -> int:
    return main(["suppressions", *map(str, arguments)])


def event(word: str, time: datetime, **more: Any) -> ListEvent:
    return ListEvent(**{"time": time, "key": f"{word} {time}", "provider": "google", **WORDS[word], **more})


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def known(tmp_path: Path, now: datetime) -> Path:
    """A list with ten usual days of google, two old failures there, and two hundred failures within ten minutes."""
    path = tmp_path / "list.db"
    days = [now - timedelta(days=day) for day in range(10, 0, -1)]
    with SuppressionList(path) as known:
        known.record(
            (f"usual{day}-{number}@example.org", event("delivery", begin + timedelta(minutes=number)))
            for day, begin in enumerate(days)
            for number in range(60)
        )
        known.record([("old@example.org", event("hard", days[0])), ("old@example.net", event("hard", days[1]))])
        begin = now - timedelta(minutes=10)
        outcome = known.record(
            (f"wrong{number}@example.org", event("hard", begin + timedelta(seconds=3 * number)))
            for number in range(HELD)
        )
        assert outcome.on_hold == ("google",)
        known.record([("kim@example.com", event("held", now, provider="example.com", held_until=now + timedelta(1)))])
    return path


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_what_is_held(known: Path, now: datetime, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("held", known) == 0
    holds, entries = capsys.readouterr().out.split("\n\n")
    head, hold = holds.splitlines()
    assert head.split() == ["provider", "hold", "since", "until", "held", "hard", "tried", "usual"]
    assert hold.split()[:2] == ["google", "on"]
    head, *rows = entries.splitlines()
    assert head.split() == ["address", "provider", "since", "takes", "effect", "reason"]
    assert f"{now:%Y-%m-%d %H:%M} UTC  {now + timedelta(1):%Y-%m-%d %H:%M} UTC  user_unknown" in rows[-1]
    assert HELD / 2 < len(rows) <= HELD + 1
    assert run("held", "--format", "jsonl", "--provider", "Google", known) == 0
    hold_record, *records = lines(capsys.readouterr().out)
    assert (hold_record["provider"], hold_record["on_hold"]) == ("google", True)
    assert len(records) == len(rows) - 1
    assert {(record["suppressed"], record["trigger"]["provider"]) for record in records} == {(False, "google")}
    assert all(record["state"]["held_until"] for record in records)
    assert run("held", "--provider", "example.com", known) == 0
    assert capsys.readouterr().out.splitlines()[1].startswith("kim@example.com  example.com  ")


def test_confirm(known: Path, now: datetime, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("confirm", "--provider", "google", "--why", "they are dead", "--who", "lee", known) == 0
    said = capsys.readouterr().out
    assert said.startswith("confirmed: ")
    assert said.endswith(" addresses suppressed; no longer on hold: google\n")
    with SuppressionList(known) as opened:
        assert opened.is_suppressed("wrong199@example.org")
        assert [entry.address for entry in opened.held()] == ["kim@example.com"]
        last = opened.history("wrong199@example.org")[-1]
        assert (last.who, last.why) == ("lee", "they are dead")
    assert run("held", known) == 0
    assert "on  " not in capsys.readouterr().out
    assert run("confirm", "--reason", "user_unknown", "--since", f"{now:%Y-%m-%d}", "--why", "dead", known) == 0
    assert capsys.readouterr().out == "confirmed: 1 address suppressed\n"
    assert run("confirm", "--why", "dead", known) == 1
    assert capsys.readouterr().out == "nothing of that is held\n"


def test_release(known: Path, now: datetime, capsys: pytest.CaptureFixture[str]) -> None:
    since, until = f"{now - timedelta(hours=1):%Y-%m-%dT%H:%MZ}", f"{now + timedelta(days=1):%Y-%m-%d}"
    span = ("--provider", "google", "--reason", "user_unknown", "--since", since, "--until", until)
    assert run("release", *span, "--why", "outage at Google", "--who", "lee", known) == 0
    assert capsys.readouterr().out == (
        f"released: the failures of {HELD} addresses are void; {HELD} addresses no longer suppressed or held\n"
    )
    with SuppressionList(known) as opened:
        assert opened.is_suppressed("old@example.org")
        assert opened.state("wrong0@example.org") is not None
        assert [entry.address for entry in opened.held()] == ["kim@example.com"]
    assert run("show", "wrong0@example.org", known) == 0
    said = capsys.readouterr().out
    assert "wrong0@example.org: not suppressed" in said
    assert "outage at Google" in said


def test_release_of_what_suppressed_already(known: Path, now: datetime, capsys: pytest.CaptureFixture[str]) -> None:
    day = now - timedelta(days=10)
    assert run("release", "--since", f"{day:%Y-%m-%d}", "--until", f"{day:%Y-%m-%d}", "--why", "erred", known) == 0
    assert capsys.readouterr().out == (
        "released: the failures of 1 address are void; 1 address no longer suppressed or held\n"
    )
    assert run("release", "--provider", "yahoo", "--why", "erred", known) == 1
    assert capsys.readouterr().out == "no address has such failures\n"


def test_a_day_is_a_day_in_utc_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "list.db"
    times = [
        datetime(2026, 5, day, hour, minute, tzinfo=UTC)
        for day, hour, minute in ((9, 23, 59), (10, 0, 0), (10, 23, 59), (11, 0, 0))
    ]
    with SuppressionList(path) as known:
        known.record((f"{number}@example.org", event("hard", time)) for number, time in enumerate(times))
    assert run("release", "--since", "2026-05-10", "--until", "2026-05-10", "--why", "erred", path) == 0
    with SuppressionList(path) as known:
        assert [known.is_suppressed(f"{number}@example.org") for number in range(4)] == [True, False, False, True]
    assert run("release", "--since", "2026-05-11T02:00+02:00", "--why", "erred", path) == 0
    with SuppressionList(path) as known:
        assert [known.is_suppressed(f"{number}@example.org") for number in range(4)] == [True, False, False, False]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("release",), "say which failures are void: --provider, or --since, or both"),
        (("release", "--reason", "user_unknown"), "--provider, or --since"),
        (
            ("release", "--since", "yesterday"),
            "--since: invalid time 'yesterday'; expected a time with its zone such as",
        ),
        (("release", "--since", "2026-11-30T10:00"), "--since: invalid time '2026-11-30T10:00'"),
        (("release", "--since", "2026-W10"), "--since: invalid time"),
        (("release", "--since", "0001-01-01T00:00+14:00"), "--since: invalid time"),
        (("confirm", "--until", "2026-02-30"), "--until: invalid time '2026-02-30'"),
        (("confirm", "--since", "2026-11-30", "--until", "2026-11-29"), "--until: 2026-11-29 is before 2026-11-30"),
        (
            ("confirm", "--reason", "user_unknwon"),
            "--reason: unknown value 'user_unknwon'; did you mean user_unknown?",
        ),
    ],
)
def test_wrong_usage(
    arguments: tuple[str, ...], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "list.db"
    SuppressionList(path).close()
    assert run(*arguments, "--why", "erred", path) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["confirm", "release"])
def test_who_decides_says_why(verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run(verb, "--provider", "google", tmp_path / "list.db")
    assert "--why" in capsys.readouterr().err


def test_a_held_address_is_shown_as_such(known: Path, now: datetime, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("show", "kim@example.com", known) == 0
    said = capsys.readouterr().out
    assert said.startswith("kim@example.com: held (hard_bounce)\n")
    assert f"takes effect  {now + timedelta(1):%Y-%m-%d %H:%M} UTC" in said
    assert "hard, held" in said
    assert run("list", "--all", known) == 0
    (row,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("kim@"))
    assert row.split()[1] == "(held)"
    with SuppressionList(known) as opened:
        past = event("held", now - timedelta(2), provider="example.com", held_until=now - timedelta(1))
        opened.record([("lee@example.com", past)])
    assert run("show", "lee@example.com", known) == 0
    assert capsys.readouterr().out.startswith("lee@example.com: suppressed (hard_bounce)\n")


def test_proof_and_what_lacks_it(tmp_path: Path, now: datetime, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "list.db"
    with SuppressionList(path, require_proof=RequireProof.REQUIRED) as known:
        known.record([("kim@example.org", event("soft", now, key="own", proof=Proof.OWN))])
        forged = [event("hard", now, key=f"{number}", proof=Proof.UNPROVED) for number in range(30)]
        known.record([("kim@example.org", one) for one in forged])
        known.record([("lee@example.org", event("hard", now))])
    assert run("show", "kim@example.org", path) == 0
    history, _, ignored = capsys.readouterr().out.partition("ignored for lack of proof (the first ones)\n")
    assert "proof" in history
    assert "  own" in history
    assert [line.split()[-2] for line in ignored.splitlines()] == ["proof", *5 * ["unproved"]]
    assert run("show", "--format", "jsonl", "kim@example.org", path) == 0
    (record,) = lines(capsys.readouterr().out)
    assert [one["proof"] for one in record["ignored"]] == 5 * ["unproved"]
    assert [one["proof"] for one in record["events"]] == ["own"]
    assert run("stats", path) == 0
    said = capsys.readouterr()
    assert "proof required" in said.out
    assert "ignored for lack of proof in the last 28 days: 31 events (30 unproved, 1 none)" in said.out
    assert "31 of 32 events today had no proof" in said.err
    assert run("stats", "--format", "jsonl", path) == 0
    (record,) = lines(capsys.readouterr().out)
    assert record["ignored"] == {"unproved": 30, "none": 1}
    assert record["require_proof"] == "required"


def test_statistics_warn_of_a_hold(known: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("stats", known) == 0
    said = capsys.readouterr()
    assert "google: hard bounces are held since " in said.err
    assert "ignored" not in said.out


def test_settings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "list.db"
    assert run("settings", "--require-proof", "required", path) == 0
    said = capsys.readouterr().out
    assert "proof         required\n" in said
    assert "hold          5 times more hard bounces than usual at a provider\n" in said
    assert run("settings", "--require-proof", "off", "--hold", "7.5", path) == 0
    assert run("settings", path) == 0
    said = capsys.readouterr().out
    assert "proof         off\n" in said
    assert "hold          7.5 times" in said
    assert run("settings", "--hold", "off", path) == 0
    assert "hold          off\n" in capsys.readouterr().out
    with SuppressionList(path) as known:
        assert known.hold is None
        assert known.require_proof is RequireProof.OFF


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--require-proof", "some", "--require-proof: unknown value 'some'; expected one of off, preferred, required"),
        ("--hold", "often", "--hold: invalid value 'often'; expected a number of times, or 'off'"),
        ("--hold", "1", "expected a number from 1.5 to 1000, or off"),
        ("--hold", "nan", "expected a number from 1.5 to 1000, or off"),
    ],
)
def test_settings_that_do_not_exist(
    option: str, value: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "list.db"
    SuppressionList(path).close()
    assert run("settings", option, value, path) == 2
    assert words in capsys.readouterr().err
