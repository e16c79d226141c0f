"""How much `undeliverable serve --http` takes, with 20 connections on loopback; prints figures as JSON.

python -m tests.service_load [--clients 20] [--seconds 5] [--only parse classify batch] [--into FOLDER]

Three kinds of requests: mails that are parsed, single replies, and batches of 100 replies. The replies are those of the
messages in fixtures/, each time about another address. With `--into`
the mails are also recorded, in a file and a list in that folder. `ms of CPU` is what the server's processes take for each
request: it says more than the rate where the machine is busy, with `load`. The client takes CPU of the same machine, too.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import time
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import count, cycle
from pathlib import Path
from typing import Final

from undeliverable import parse

from .serving import serving
from .test_pipe import bounce

BATCH: Final = 100
KINDS: Final = ("parse", "classify", "batch")
MAILS: Final = sorted((Path(__file__).resolve().parent.parent / "fixtures").rglob("*.eml"))
_ADDRESS: Final = re.compile(r"[\w.+-]+@[\w.-]+")


@lru_cache(maxsize=1)
def replies() -> list[tuple[str, str | None]]:
    """Return the replies, with their hosts, that the messages in fixtures/ hold, each once."""
    verdicts = (verdict for path in MAILS for verdict in parse(path.read_bytes()).verdicts)
    found = {verdict.reply: verdict.remote_mta for verdict in verdicts if verdict.reply and verdict.reply_code}
    return [*found.items()]


def reply(number: int) -> dict[str, object]:
    """Return one of these replies, about another address than the times before."""
    text, host = replies()[number % len(replies())]
    address = f"kim{number}@example{number % 250}.org"
    found = {"reply": _ADDRESS.sub(address, text), "command": "rcpt", "recipient": address}
    return {**found, **({"host": host} if host else {}), "tenant": f"tenant{number % 7}"}


def bodies(kind: str) -> Iterator[bytes]:
    """Yield bodies that all differ."""
    for number in count():
        if kind == "parse":
            address = f"kim{number}@example{number % 250}.org"
            yield bounce(address, "5.1.1", f"550 5.1.1 no such user {number}", message_id=f"<{number}@x.example>")
        elif kind == "classify":
            yield json.dumps(reply(number)).encode()
        else:
            yield json.dumps([reply(number * BATCH + each) for each in range(BATCH)]).encode()


def requests(kind: str, number: int) -> list[bytes]:
    """Return requests that are ready to be sent, so that the client takes little CPU."""
    path, media = ("/v1/parse", "message/rfc822") if kind == "parse" else ("/v1/classify", "application/json")
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {media}\r\nContent-Length: "
    return [
        head.encode() + b"%d\r\n\r\n%b" % (len(body), body)
        for body, _ in zip(bodies(kind), range(number), strict=False)
    ]


async def _client(port: int, ready: Iterator[bytes], until: float, latencies: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 22)
    has_asked = False
    while (began := time.monotonic()) < until or not has_asked:  # the time may be over when the machine is busy
        has_asked = True
        writer.write(next(ready))
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        await reader.readexactly(length)
        latencies.append(time.monotonic() - began)
    writer.close()


async def load(port: int, ready: Iterator[bytes], clients: int, seconds: float) -> list[float]:
    """Return the latencies of all requests of that time."""
    latencies = list[float]()
    until = time.monotonic() + seconds
    await asyncio.gather(*(_client(port, ready, until, latencies) for _ in range(clients)))
    return sorted(latencies)


def cpu_of(process: int) -> float:
    """Return the seconds of CPU that a process and its children have taken."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    own = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    children = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii").split()
    return own + sum(cpu_of(int(child)) for child in children)


def measure(
    kinds: Sequence[str], clients: int, seconds: float, into: Path | None, more: Sequence[str] = ()
) -> dict[str, dict[str, float]]:
    """Return the figures of each kind of request."""
    places = [] if into is None else ["--to", str(into / "records.jsonl"), "--into", str(into / "list.db")]
    figures: dict[str, dict[str, float]] = {}
    for kind in kinds:
        with serving("--http", "127.0.0.1:0", "--no-auth", *places, *more) as server:
            ready = cycle(requests(kind, {"parse": 4_000, "classify": 20_000, "batch": 400}[kind]))
            asyncio.run(load(server.ports[0], ready, clients, min(1.0, seconds)))  # what is imported and compiled first
            before, own, began = cpu_of(server.process.pid), time.process_time(), time.monotonic()
            latencies = asyncio.run(load(server.ports[0], ready, clients, seconds))
            took, used = time.monotonic() - began, cpu_of(server.process.pid) - before
            figures[kind] = {
                "a second": round(len(latencies) / took),
                "ms of CPU": round(1000 * used / len(latencies), 3),
                "ms of the client's CPU": round(1000 * (time.process_time() - own) / len(latencies), 3),
                "ms, median": round(latencies[len(latencies) // 2] * 1000, 1),
                "ms, 99 %": round(latencies[len(latencies) * 99 // 100] * 1000, 1),
                "ms, worst": round(latencies[-1] * 1000, 1),
                "MB": round(server.peak() / 1e6),
                "load": round(os.getloadavg()[0], 1),
            }
            if kind == "batch":
                figures[kind]["replies a second"] = round(len(latencies) * BATCH / took)
            assert server.stop() == 0
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--only", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--into", type=Path)
    options, more = parser.parse_known_args()
    print(json.dumps(measure(options.only, options.clients, min(options.seconds, 60), options.into, more), indent=2))


if __name__ == "__main__":
    main()
