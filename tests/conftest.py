"""What several tests need."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import settings

from tests.databases import programs, server
from tests.generate import index
from undeliverable import KnowledgeError
from undeliverable.cli import main
from undeliverable.cli._settings import KEYS, variable

# How long one example takes is the machine's affair; what must not take long is measured by the benchmarks.
# Where all checks run before a change is taken, the same examples are tried each time: what is new is found by hand.
settings.register_profile("patient", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("patient")


def pytest_sessionstart() -> None:
    """Save the index of a checkout, so that none of the processes that tests start has to build it.

    And leave out what whoever runs the tests has set in the environment.
    """
    for key in KEYS:
        os.environ.pop(variable(key), None)
    with suppress(PermissionError):  # a checkout of somebody else's: slower, with the same results
        if not index.is_current():
            try:
                index.write()
            except KnowledgeError as error:
                pytest.exit(str(error), returncode=1)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run the command with some words; return its status, its output and its messages."""

    def run(*words: str | Path) -> tuple[int, str, str]:
        status = main([str(word) for word in words])
        out, err = capsys.readouterr()
        return status, out, err

    return run


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Return the URL of a PostgreSQL server that lives as long as the tests."""
    found = programs()
    if found is None:
        pytest.skip("needs PostgreSQL (.ci/postgres installs Debian's) and, for root, runuser on the PATH")
    with server(found) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where a new list can be made: a path, and a database of its own."""
    if request.param == "sqlite":
        yield str(tmp_path / "list.db")
        return
    yield new_database(request.getfixturevalue("postgres"))


@pytest.fixture
def places(place: str, tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[], str]:
    """Makes further places of the same kind."""
    numbers = iter(range(99))

    def another() -> str:
        if "://" in place:
            return new_database(request.getfixturevalue("postgres"))
        return str(tmp_path / f"another-{next(numbers)}.db")

    return another


def new_database(url: str) -> str:
    """The URL of a new, empty database."""
    import secrets

    import psycopg

    name = f"t{secrets.token_hex(6)}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return f"{url.rpartition('/')[0]}/{name}"
