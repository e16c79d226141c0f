"""Through a real mail server, the words of a refusing server and of a returned mail condemn nobody else."""

from __future__ import annotations

import os
from typing import Final

import pytest

from tests.forged import broken
from undeliverable import parse

from .forge import SERVERS, attacks, bounces, reported
from .servers import Daemon

NAMES: Final = ("qmail", "mixed-sendmail", "mixed-fields", "bare-cr-fields", "report")


@pytest.fixture(scope="module", params=SERVERS.values(), ids=lambda server: server.__name__)
def kind(request: pytest.FixtureRequest) -> type[Daemon]:
    found: type[Daemon] = request.param
    reason: str | None = found.lacks if "LIVE_TESTS" in os.environ else "LIVE_TESTS is not set: .ci/live runs these"
    if reason is not None:
        pytest.skip(reason)
    return found


@pytest.fixture(scope="module")
def returned(kind: type[Daemon]) -> dict[str, list[bytes]]:
    return bounces(kind, {attack.name: attack for attack in attacks(kind) if attack.name in NAMES})


@pytest.mark.parametrize("name", NAMES)
def test_nobody_is_condemned_who_was_not_refused(
    kind: type[Daemon], returned: dict[str, list[bytes]], name: str
) -> None:
    (attack,) = (attack for attack in attacks(kind) if attack.name == name)
    assert returned[name]
    for raw in returned[name]:
        refused = reported(raw, attack.refused)
        assert refused
        assert broken(parse(raw), refused, attack.spared) == []
