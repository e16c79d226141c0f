"""`classify --jobs`: the same bytes, in the same order, in bounded memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import undeliverable
from undeliverable import UndeliverableError
from undeliverable.cli import _jobs, main
from undeliverable.cli._command import UsageError
from undeliverable.cli._select import Selection
from undeliverable.cli._writers import Form
from undeliverable.files._inbox import Mail

FIXTURES = Path(__file__).parent.parent / "fixtures"


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    status = main(["classify", "--no-progress", *words])  # which a busy machine would show in one of two runs
    out, err = capsys.readouterr()
    return status, out, err.partition("Next:")[0]


@pytest.mark.parametrize("name", ["table", "jsonl", "csv", "txt"])
@pytest.mark.parametrize("more", [[], ["--only", "hard", "--unique"], ["--profile", "strict-rfc"]], ids=" ".join)
def test_many_processes_write_the_same_bytes_as_one(
    name: str, more: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    if "--profile" in more and "strict-rfc" not in undeliverable.Knowledge.profiles():
        more = ["--profile", undeliverable.Knowledge.profiles()[0]]
    words = ["--format", name, *more, str(FIXTURES)]
    one = run(capsys, *words)
    assert one[1].count("\n") > 10
    assert run(capsys, "--jobs", "3", *words) == one


def test_a_list_is_filled_in_the_same_way(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("sqlalchemy")
    said = []
    for jobs in ("1", "2"):
        status, _, err = run(capsys, "--jobs", jobs, "--into", str(tmp_path / f"{jobs}.db"), str(FIXTURES / "bounces"))
        assert status == 0
        said.append(err)
    assert said[0] == said[1].replace("2.db", "1.db")


@pytest.mark.parametrize("words", [["--jobs", "0"], ["--jobs", "257"], ["--jobs", "2", "--log"]], ids=" ".join)
def test_what_cannot_be_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = run(capsys, *words, str(FIXTURES))
    assert status == 2
    assert "--jobs" in err + words[0]


def work() -> _jobs.Work:
    return _jobs.Work(undeliverable.Knowledge.builtin(), Selection.of([]), Form.of("jsonl"))


@pytest.mark.parametrize(
    ("number", "size", "chunk", "most"),
    [(128 * 30, 0, 128, 128 * 17), (20, 3_000_000, 2, 12)],
    ids=["many", "large"],
)
def test_only_some_chunks_are_under_way(number: int, size: int, chunk: int, most: int) -> None:
    taken = 0

    def mails() -> Iterator[Mail]:
        nonlocal taken
        for place in range(number):
            taken += 1
            yield Mail(str(place), b"Subject: x\n\n" + b"x" * size)

    done = _jobs.done_by(2, work(), mails())
    assert next(done).tally.messages == chunk
    assert chunk * 2 < taken <= most
    assert sum(one.tally.messages for one in done) == number - chunk


def test_large_messages_make_small_chunks() -> None:
    mails = [Mail(str(number), b"Subject: x\n\n" + b"x" * 3_000_000) for number in range(3)]
    assert [done.tally.messages for done in _jobs.done_by(2, work(), mails)] == [2, 1]


def test_a_process_that_is_killed_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_jobs.Work, "on", lambda *_: os._exit(9))
    with pytest.raises(UsageError, match="was killed"):
        list(_jobs.done_by(2, work(), [Mail("1", b"x")]))


def test_what_another_process_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("signal.signal", lambda *_: None)
    monkeypatch.setattr(_jobs, "_current", [])
    _jobs._begin(work())
    assert _jobs._work([Mail("1", b"x")]).tally.messages == 1


def test_what_was_mailed_and_cannot_be_looked_up_ends_the_work() -> None:
    """No message could be proved; a fault of one message is counted, and the others go on."""

    def lost(mail: Mail) -> undeliverable.Report:
        raise (UndeliverableError if mail.source == "2" else ValueError)("gone")

    assert work().on([Mail("1", b"x"), Mail("3", b"x")], lost).problems == [
        "1: ValueError: gone",
        "3: ValueError: gone",
    ]
    with pytest.raises(UndeliverableError, match="gone"):
        work().on([Mail("1", b"x"), Mail("2", b"x")], lost)
