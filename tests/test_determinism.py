"""The same bytes give the same record: whatever the hash seed, the line ends, the interpreter.

Other interpreters are found by their names on the path, and where pyenv keeps them; one that lacks what the library
depends on is skipped. To have them all tried::

    for version in 3.11 3.12 3.13; do
        python$version -m venv /tmp/with-$version && /tmp/with-$version/bin/pip install -q .
    done
    UNDELIVERABLE_PYTHONS=/tmp/with-3.11/bin/python:/tmp/with-3.12/bin/python:/tmp/with-3.13/bin/python \
        python -m pytest tests/test_determinism.py
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

from undeliverable import Report, parse

ROOT: Final = Path(__file__).parent.parent
FIXTURES: Final = ROOT / "fixtures"
MAILS: Final = tuple(path.relative_to(FIXTURES).as_posix() for path in sorted(FIXTURES.rglob("*.eml")))
PROGRAM: Final = """
import sys
from undeliverable.cli import main
sys.exit(main(["classify", "--format", "jsonl", *sys.argv[1:]]))
"""


def output(python: str, *words: str, seed: str = "0") -> bytes:
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT / "src"), "PYTHONUTF8": "1"}
    command = [python, "-c", PROGRAM, *words, str(FIXTURES)]
    return subprocess.run(command, check=True, capture_output=True, env=environment, cwd=ROOT).stdout


@cache
def expected() -> bytes:
    found = output(sys.executable)
    assert found.count(b"\n") == len(MAILS)
    return found


def pythons() -> Iterator[str]:
    """Other interpreters of this machine that are new enough."""
    yield from filter(None, os.environ.get("UNDELIVERABLE_PYTHONS", "").split(":"))
    for minor in range(11, 16):
        found = shutil.which(f"python3.{minor}")
        if found:
            yield found
    yield from map(str, sorted(Path.home().glob(".pyenv/versions/3.1[1-9]*/bin/python")))


@pytest.mark.parametrize("seed", ["1", "2", "12345"])
def test_the_hash_seed_changes_nothing(seed: str) -> None:
    assert output(sys.executable, seed=seed) == expected()


def test_the_number_of_processes_changes_nothing() -> None:
    assert output(sys.executable, "--jobs", "2", seed="7") == expected()


@pytest.mark.parametrize("python", sorted(set(pythons())))
def test_the_interpreter_changes_nothing(python: str) -> None:
    check = "import sys, chardet, flufl.bounce; sys.exit(sys.version_info < (3, 11))"
    if subprocess.run([python, "-c", check], check=False, capture_output=True).returncode:
        pytest.skip("cannot run the library: older than 3.11, or without chardet or flufl.bounce")
    assert output(python) == expected()


def facts(report: Report) -> list[dict[str, Any]]:
    """What does not depend on octets: all but the key, which may be made of them."""
    record = json.loads(json.dumps(report.to_dict()))
    return [{key: value for key, value in verdict.items() if key != "key"} for verdict in record["verdicts"]]


@cache
def plain(file: str) -> bytes:
    return (FIXTURES / file).read_bytes().replace(b"\r\n", b"\n")


@pytest.mark.parametrize("ends", [b"\r\n", b"\r"], ids=["CRLF", "CR"])
def test_line_ends_change_nothing(ends: bytes) -> None:
    different = []
    for file in MAILS:
        raw = plain(file)
        if b"\r" in raw:  # its own line ends are the damage that it shows
            continue
        one, other = parse(raw), parse(raw.replace(b"\n", ends))
        if (one.kind, facts(one)) != (other.kind, facts(other)):
            different.append(file)
    assert different == []


def test_the_form_of_the_octets_changes_nothing() -> None:
    for file in MAILS[::7]:
        raw = (FIXTURES / file).read_bytes()
        assert parse(bytearray(raw)) == parse(raw) == parse(memoryview(raw))


def test_the_order_of_mails_changes_nothing() -> None:
    one = [parse(plain(file)) for file in MAILS]
    other = [parse(plain(file)) for file in reversed(MAILS)]
    assert one == other[::-1]
