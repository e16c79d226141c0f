"""Rules that change while `serve` takes mail: they count at once, no message is lost, and a broken file changes nothing."""

from __future__ import annotations

import json
import os
import signal
import smtplib
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self

import pytest

from undeliverable import Knowledge
from undeliverable.serve import BounceHandler
from undeliverable.serve._judging import Judging

from .serving import port_said
from .test_pipe import bounce

pytest.importorskip("aiosmtpd")

TO: Final = "b@bounces.example.com"


def rules(label: str, code: str = "552") -> str:
    return f'[[policy]]\nid = "ours"\nwhen = {{ reply = "{code}", tenant = "acme" }}\nthen = {{ label = "{label}" }}\n'


def replace(path: Path, text: str) -> None:
    """Write a file as careful people do: it is whole at any time."""
    fresh = path.with_suffix(".new")
    fresh.write_text(text, encoding="utf-8")
    fresh.rename(path)


class Load:
    """A client that sends message after message, and keeps when each was accepted."""

    def __init__(self, port: int) -> None:
        self.accepted: list[tuple[str, float]] = []
        self.failed: list[BaseException] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(port,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(120)

    def _run(self, port: int) -> None:
        try:
            with smtplib.LMTP("127.0.0.1", port, timeout=60) as client:
                number = 0
                while not self._stop.is_set():
                    name = f"<{number}@example.net>"
                    message = bounce("kim@example.org", "5.2.2", "552 5.2.2 Mailbox full", message_id=name)
                    began = time.monotonic()
                    client.sendmail("", [TO], message)
                    self.accepted.append((name, began))
                    number += 1
        except BaseException as error:  # noqa: BLE001 # the test looks at it
            self.failed.append(error)

    def more(self) -> float:
        """Wait until some more messages have been accepted, and return when that was."""
        wanted = len(self.accepted) + 10
        while len(self.accepted) < wanted:
            assert self.failed == []
            time.sleep(0.01)
        return time.monotonic()


@contextmanager
def serving(folder: Path, ours: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    command = ["serve", "--lmtp", "127.0.0.1:0", "--domain", "bounces.example.com", "--to", str(folder / "out.jsonl")]
    process = subprocess.Popen(
        [sys.executable, "-m", "undeliverable", *command, "--rules", str(ours), "--tenant", "Acme"],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        yield process, port_said(process.stderr)
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def labels(path: Path) -> dict[str, str | None]:
    """Return the label of each recorded message."""
    found: dict[str, str | None] = {}
    for line in path.read_text("utf-8").splitlines():
        record: dict[str, Any] = json.loads(line)
        found[record["message"]["returned"]["message_id"]] = record["verdicts"][0]["label"]
    return found


def test_rules_change_under_load(tmp_path: Path) -> None:
    ours = tmp_path / "ours.toml"
    ours.write_text(rules("one"), encoding="utf-8")
    with serving(tmp_path, ours) as (process, port):
        assert process.stderr is not None
        with Load(port) as load:
            load.more()
            replace(ours, rules("two"))
            changed = time.monotonic()
            replace_at = load.more()
            replace(ours, rules("bad", code="952"))
            line = process.stderr.readline()
            os.utime(ours)
            ours.write_text(rules("three"), encoding="utf-8")
            process.send_signal(signal.SIGHUP)
            last = time.monotonic()
            load.more()
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert load.failed == []
    found = labels(tmp_path / "out.jsonl")
    assert set(found) == {name for name, _ in load.accepted}
    assert len(found) > 20
    at = dict(load.accepted)
    assert {label for name, label in found.items() if changed < at[name] < replace_at} == {"two"}
    assert {label for name, label in found.items() if last < at[name]} == {"three"}
    assert set(found.values()) == {"one", "two", "three"}
    assert f"{ours}:3:10: entry 'ours': key 'when.reply'" in line


def test_a_handler_takes_knowledge_or_a_function() -> None:
    policy = {"when": {"until": "2100-01-01"}, "then": {"label": "x"}}
    own = Knowledge.builtin().with_rules([policy])
    assert Judging(None, None).arguments() == {"knowledge": Knowledge.builtin()}
    found = Judging(lambda: own, {"tenant": "a"}).arguments()
    assert (found["knowledge"], found["context"]) == (own, {"tenant": "a"})
    assert found["now"].tzinfo is not None
    assert BounceHandler(["example.com"], knowledge=lambda: own, context={"tenant": "a"}).accepts("k@example.com")
