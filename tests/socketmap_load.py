"""How many look-ups a second `undeliverable serve --socketmap` answers; prints figures as JSON.

python tests/socketmap_load.py LIST --clients 20 --seconds 10 [--slow 100] [--stream transactional]

LIST holds user0@example0.org to user999999@example4999.org, every other one suppressed (`--make` makes it).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from undeliverable.store import SuppressionList

ADDRESSES = 1_000_000
DOMAINS = 5_000


def address(number: int) -> str:
    return f"user{number}@example{number % DOMAINS}.org"


def make(place: str) -> None:
    """Make the list, with copies of the row of one suppressed address: by way of events it would take minutes."""
    with SuppressionList(place) as known:
        known.suppress("first@example.org", who="load", why="load")
    with sqlite3.connect(place) as connection:
        cursor = connection.execute("SELECT * FROM undeliverable_addresses")
        names = [column[0] for column in cursor.description]
        first = dict(zip(names, cursor.fetchone(), strict=True))

        def rows() -> Iterator[list[object]]:
            for number in range(ADDRESSES):
                own = {"id": number + 10, "address": address(number), "shown": address(number)}
                yield list({**first, **own, "standing": "clear" if number % 2 else "suppressed"}.values())

        marks = ", ".join("?" * len(names))
        connection.executemany(f"INSERT INTO undeliverable_addresses VALUES ({marks})", rows())


async def client(path: str, until: float, latencies: list[float]) -> int:
    reader, writer = await asyncio.open_unix_connection(path)
    choose, asked = random.Random(id(writer)), 0
    while (began := time.monotonic()) < until or not asked:  # the time may be over when the machine is busy
        number = choose.randrange(ADDRESSES)
        request = b"suppressions " + address(number).encode()
        writer.write(b"%d:%b," % (len(request), request))
        answer = await reader.readuntil(b",")
        assert (b"REJECT" in answer) == (number % 2 == 0), answer
        latencies.append(time.monotonic() - began)
        asked += 1
    writer.close()
    return asked


async def load(path: str, clients: int, slow: int, seconds: float) -> dict[str, float]:
    held = [await asyncio.open_unix_connection(path) for _ in range(slow)]
    for _, writer in held:
        writer.write(b"30:suppressions us")
    began, latencies = time.monotonic(), list[float]()
    sent = sum(await asyncio.gather(*(client(path, began + seconds, latencies) for _ in range(clients))))
    took = time.monotonic() - began
    for _, writer in held:
        writer.close()
    latencies.sort()
    return {
        "a second": round(sent / took),
        "ms, median": round(latencies[len(latencies) // 2] * 1000, 2),
        "ms, 99 %": round(latencies[len(latencies) * 99 // 100] * 1000, 2),
        "ms, worst": round(latencies[-1] * 1000, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("list")
    parser.add_argument("--make", action="store_true")
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--slow", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=10.0)
    options, more = parser.parse_known_args()
    if options.make:
        make(options.list)
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "look-ups")
        command = [
            sys.executable,
            "-m",
            "undeliverable",
            "serve",
            "--socketmap",
            f"unix:{path}",
            "--list",
            options.list,
        ]
        server = subprocess.Popen([*command, *more], stderr=subprocess.PIPE, text=True)
        assert server.stderr is not None
        server.stderr.readline()
        try:
            figures = asyncio.run(load(path, options.clients, options.slow, options.seconds))
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(30)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
