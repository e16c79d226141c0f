"""`--fail-on`: which decision ends a command with which exit status."""

from __future__ import annotations

from argparse import ArgumentParser

import pytest

from undeliverable.cli._levels import STATUSES, add_fail_on, status_of
from undeliverable.rates import Decision


@pytest.mark.parametrize(
    ("decision", "fail_on", "status"),
    [
        (Decision.OK, "watch", 0),
        (Decision.WATCH, "watch", 3),
        (Decision.PAUSE, "watch", 4),
        (Decision.OK, "pause", 0),
        (Decision.WATCH, "pause", 0),
        (Decision.PAUSE, "pause", 4),
        (Decision.PAUSE, None, 0),
        (None, "watch", 0),
        ("pause", "watch", 4),
    ],
)
def test_the_status_of_a_decision(decision: str | None, fail_on: str | None, status: int) -> None:
    assert status_of(decision, fail_on) == status


def test_every_decision_but_ok_has_a_status_and_the_stricter_one_the_higher() -> None:
    assert tuple(STATUSES) == tuple(map(str, Decision))[1:]
    assert list(STATUSES.values()) == sorted(STATUSES.values())


def test_the_option_names_what_it_takes(capsys: pytest.CaptureFixture[str]) -> None:
    parser = ArgumentParser()
    add_fail_on(parser)
    assert parser.parse_args([]).fail_on is None
    assert parser.parse_args(["--fail-on", "watch"]).fail_on == "watch"
    with pytest.raises(SystemExit, match="2"):
        parser.parse_args(["--fail-on", "ok"])
    assert "'watch', 'pause'" in capsys.readouterr().err.replace("watch, pause", "'watch', 'pause'")
