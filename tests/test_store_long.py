"""What takes long: several processes, a process killed, and large lists. LONG_TESTS=1 runs them at full size."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.store_work import BEGIN
from tests.suppression_words import event
from undeliverable.store import SuppressionList
from undeliverable.store._engine import engine_for, reading, writing
from undeliverable.suppression import fold

LONG = bool(os.environ.get("LONG_TESTS"))
WORK = Path(__file__).with_name("store_work.py")


def begin(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(WORK), *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def keys_of(place: str) -> list[str]:
    engine = engine_for(place, create=False)
    with reading(engine) as connection:
        found = list(connection.execute(text("SELECT key FROM undeliverable_events ORDER BY key")).scalars())
    engine.dispose()
    return found


def test_two_processes_lose_nothing(place: str) -> None:
    number = 50_000 if LONG else 1_500
    started = time.perf_counter()
    workers = [begin("record", place, name, str(number)) for name in ("one", "two")]
    said = [worker.communicate()[1] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], "\n".join(said)
    seconds = time.perf_counter() - started
    print(f"{place.partition(':')[0]}: 2 x {number:,} events in {seconds:.1f} s, {2 * number / seconds:,.0f} a second")
    assert sorted(keys_of(place)) == sorted(f"{name}:{item}" for name in ("one", "two") for item in range(number))
    with SuppressionList(place) as known:
        policy = known.policy
        for entry in known.entries():
            assert entry.state == fold(known.history(entry.address), policy)


def test_an_import_that_is_killed_is_completed_by_another(place: str, tmp_path: Path) -> None:
    number = 60_000 if LONG else 12_000
    file = tmp_path / "list.csv"
    with file.open("w") as rows:
        rows.write("status,reason,email,created\n")
        rows.writelines(
            f'5.1.1,"550 5.1.1 no such user",user{item}@example.org,{1_700_000_000 + item}\n' for item in range(number)
        )
    seen: list[int] = []
    for share in (0.1, 0.4, 0.9):
        worker = begin("load", place, str(file))
        assert worker.stdout is not None
        while int(worker.stdout.readline()) < share * number:
            pass
        worker.kill()
        worker.communicate()
        seen.append(len(keys_of(place)))
    assert seen == sorted(seen)
    assert 0 < seen[-1] < number
    worker = begin("load", place, str(file))
    out, err = worker.communicate()
    assert "done" in out, err
    print(f"killed after {seen} of {number}")
    keys = keys_of(place)
    assert len(keys) == len(set(keys)) == number
    with SuppressionList(place) as known:
        assert known.stats().standings == {"suppressed": number}


def fill(place: str, number: int) -> None:
    """Puts many suppressed addresses into a list, past the machine, which would take its time."""
    SuppressionList(place).close()
    engine = engine_for(place, create=False)
    source = {
        "sqlite": "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :number)"
        " SELECT 'user' || i || '@example.org', 'user' || i || '@example.org', 'suppressed', 'manual', '{}' FROM n",
        "postgresql": "SELECT 'user' || i || '@example.org', 'user' || i || '@example.org', 'suppressed', 'manual', '{}'"
        " FROM generate_series(0, CAST(:number AS bigint) - 1) AS n(i)",
    }[engine.dialect.name]
    columns = "(address, shown, standing, cause, state)"
    insert = text(f"INSERT INTO undeliverable_addresses {columns} {source}")
    writing(engine, lambda connection: connection.execute(insert, {"number": number}).rowcount)
    engine.dispose()


def test_a_large_send_is_filtered_in_seconds(place: str) -> None:
    suppressed, asked = (100_000, 1_000_000) if LONG else (10_000, 100_000)
    fill(place, suppressed)
    step = asked // suppressed
    addresses = (
        f"User{item // step}@Example.org" if item % step == 0 else f"other{item}@example.net" for item in range(asked)
    )
    with SuppressionList(place) as known:
        started = time.perf_counter()
        left = sum(1 for _ in known.filter(addresses))
        seconds = time.perf_counter() - started
        tracemalloc.start()
        for _ in known.filter(f"other{item}@example.net" for item in range(50_000)):
            pass
        peak = tracemalloc.get_traced_memory()[1] / 2**20
        tracemalloc.stop()
    print(f"{place.partition(':')[0]}: {asked:,} against {suppressed:,}: {seconds:.2f} s, at most {peak:.0f} MiB")
    assert left == asked - suppressed
    assert peak < 32
    assert seconds < 30


@pytest.mark.parametrize("number", [10_000_000 if LONG else 100_000])
def test_a_look_up_takes_milliseconds(place: str, number: int) -> None:
    fill(place, number)
    with SuppressionList(place) as known:
        known.is_suppressed("first@example.org")
        times: list[float] = []
        for item in range(200):
            started = time.perf_counter()
            assert known.is_suppressed(f"user{item * (number // 200)}@example.org", BEGIN)
            assert not known.is_suppressed(f"nobody{item}@example.org", BEGIN)
            times.append((time.perf_counter() - started) / 2)
        recorded: list[float] = []
        for item in range(50):
            started = time.perf_counter()
            known.record([(f"user{item}@example.org", event(item, "hard"))])
            recorded.append(time.perf_counter() - started)
    times.sort()
    recorded.sort()
    print(f"{place.partition(':')[0]}: {number:,} addresses: look-up median {times[100] * 1000:.2f} ms, "
          f"95 % {times[190] * 1000:.2f} ms; one event median {recorded[25] * 1000:.2f} ms")  # fmt: skip
    assert times[100] < 0.05
