"""Kill `undeliverable serve --lmtp --to --into` again and again while bounces arrive; prints figures as JSON.

python -m tests.intake_load FOLDER --rounds 100

Clients repeat what was not acknowledged, as mail servers do. In the end nothing that was acknowledged may be missing in
the records or the list, and no event may stand in the list twice. `between` counts the bounces that a kill found in the
records and not yet in the list.
"""

from __future__ import annotations

import argparse
import json
import random
import smtplib
import threading
import time
from collections import Counter
from pathlib import Path

from undeliverable.serve import records
from undeliverable.store import SuppressionList

from .serving import serving
from .test_pipe import bounce

DOMAIN = "bounces.example.com"


def address(number: int) -> str:
    return f"kim{number}@example.org"


class Clients:
    """Threads that send numbered bounces, each again and again until it is acknowledged."""

    def __init__(self, threads: int) -> None:
        self.taken: set[int] = set()
        self.port = 0
        self.is_over = False
        self._lock = threading.Lock()
        self._next = 0
        self._threads = [threading.Thread(target=self._run) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        self.is_over = True
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while not self.is_over:
            with self._lock:
                number, self._next = self._next, self._next + 1
            while not self._send(number):
                time.sleep(0.05)

    def _send(self, number: int) -> bool:
        message = bounce(address(number), "5.1.1", "550 5.1.1 no such user", message_id=f"<{number}@x.example>")
        try:
            with smtplib.LMTP("127.0.0.1", self.port, timeout=60) as client:
                client.sendmail("", [f"b@{DOMAIN}"], message)
        except (OSError, smtplib.SMTPException):
            return False
        self.taken.add(number)
        return True


def in_records(path: Path) -> Counter[str]:
    if not path.exists():
        return Counter()
    return Counter(record["verdicts"][0]["recipient"] for record in records.read(path))  # type: ignore[index]


def in_list(place: Path) -> Counter[str]:
    with SuppressionList(place) as known:
        return Counter({entry.address: len(known.history(entry.address)) for entry in known.entries()})


def kill(folder: Path, rounds: int, seconds: float = 0.6) -> dict[str, int]:
    path, place, choose = folder / "b.jsonl", folder / "list.db", random.Random(rounds)
    SuppressionList(place).close()
    options = ["--domain", DOMAIN, "--to", path, "--into", place]
    between = 0
    clients = Clients(4)
    try:
        for number in range(rounds + 1):
            with serving("--lmtp", f"127.0.0.1:{clients.port}", *options) as server:
                clients.port = server.ports[0]
                before = len(clients.taken)
                while len(clients.taken) == before:
                    time.sleep(0.005)
                if number < rounds:
                    time.sleep(choose.uniform(0, seconds))
                    server.kill()
                    between += len(in_records(path).keys() - in_list(place).keys())
                else:
                    clients.end()
                    assert server.stop() == 0
    finally:
        clients.is_over = True
    wanted = {address(number) for number in clients.taken}
    recorded, listed = in_records(path), in_list(place)
    return {
        "acknowledged": len(wanted),
        "lost": len(wanted - recorded.keys()) + len(wanted - listed.keys()),
        "twice in the list": sum(number > 1 for number in listed.values()),
        "twice in the records": sum(number > 1 for number in recorded.values()),
        "between": between,
        "killed": rounds,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=100)
    options = parser.parse_args()
    print(json.dumps(kill(options.folder, options.rounds)))


if __name__ == "__main__":
    main()
