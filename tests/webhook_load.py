"""A service that sends events as fast as they are taken: `python -m tests.webhook_load PORT OUT SECONDS`, a process of its own.

Writes the id of every event that was answered with 2xx to OUT, and stops when the endpoint is gone.
"""

from __future__ import annotations

import base64
import http.client
import json
import sys
import threading
import time
from pathlib import Path
from typing import Final

AUTHORIZATION: Final = "Basic " + base64.b64encode(b"user:password").decode()


def event(number: str) -> bytes:
    return json.dumps(
        {
            "RecordType": "Bounce",
            "ID": number,
            "Type": "HardBounce",
            "MessageID": f"m-{number}",
            "Email": f"kim{number}@example.org",
            "Details": "smtp;550 5.1.1 User unknown",
        }
    ).encode()


def send(port: int, thread: int, until: float, taken: list[str]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    count = 0
    try:
        while time.monotonic() < until:
            number = f"{thread}-{count}"
            headers = {"Authorization": AUTHORIZATION, "Content-Type": "application/json"}
            connection.request("POST", "/webhooks/postmark", event(number), headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status == 200:
                taken.append(number)
            count += 1
    except (OSError, http.client.HTTPException):
        pass  # killed
    finally:
        connection.close()


def main(port: int, out: Path, seconds: float, threads: int = 8) -> None:
    taken: list[str] = []
    until = time.monotonic() + seconds
    workers = [threading.Thread(target=send, args=(port, number, until, taken)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    out.write_text("\n".join(taken), encoding="utf-8")


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]))
