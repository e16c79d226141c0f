"""`undeliverable pipe` killed, crowded and starved; prints figures as JSON.

    python tests/pipe_load.py kill  bounces.jsonl --messages 200 [--real]
    python tests/pipe_load.py pipes bounces.jsonl --messages 10000 [--real]
    python tests/pipe_load.py full  bounces.jsonl --messages 100 [--real]

Each message is handed over until its process ends with 0, as a mail server would. By default the process is a fork of
this one, writing a few octets at a time, so that a kill meets it in the middle; with --real it is the command itself.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from undeliverable import parse
from undeliverable.cli import main as command
from undeliverable.serve import records

MESSAGE = """\
From: MAILER-DAEMON@mx.example.net
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; kim{number}@example.org
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 no such user

--b--
"""


def start(path: str, number: int, *, real: bool, slow: bool = False) -> int:
    """Begins to hand over message `number`; the id of the process."""
    reader, writer = os.pipe()
    os.write(writer, MESSAGE.format(number=number).encode())
    os.close(writer)
    arguments = ["pipe", "--to", path, f"--source={number}"]
    if real:
        child = subprocess.Popen([sys.executable, "-m", "undeliverable", *arguments], stdin=reader)
        os.close(reader)
        child.returncode = 0  # waited for by its id
        return child.pid
    process = os.fork()
    if process == 0:
        os.dup2(reader, 0)
        if slow:
            write_slowly()
        os._exit(command(arguments))
    os.close(reader)
    return process


def write_slowly() -> None:
    write = os.write

    def little(file: int, data: bytes) -> int:
        time.sleep(0.0001)
        return write(file, bytes(data[:50]))

    os.write = little  # type: ignore[assignment]


def end(process: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def check(path: str) -> list[dict[str, Any]]:
    return list(records.read(path))


def halves(path: str) -> int:
    """How many lines are no whole record."""
    found = 0
    for line in Path(path).read_bytes().splitlines():
        try:
            found += "verdicts" not in json.loads(line)
        except ValueError:
            found += 1
    return found


def torn_reads(path: str) -> int:
    try:
        return sum("verdicts" not in record for record in check(path))
    except FileNotFoundError:
        return 0


def kill(path: str, messages: int, *, real: bool) -> dict[str, int]:
    patience = 0.8 if real else 0.02
    killed = torn = half = 0
    for number in range(messages):
        for attempt in range(20):
            process = start(path, number, real=real, slow=True)
            if attempt < 19 and random.random() < 0.7:
                time.sleep(random.random() * patience)
                os.kill(process, signal.SIGKILL)
            status = end(process)
            killed += status == -signal.SIGKILL
            half += torn_reads(path)
            torn += Path(path).exists() and not Path(path).read_bytes().endswith(b"\n")
            if status == 0:
                break
    names = {record["source"] for record in check(path)}
    return {"killed": killed, "torn": torn, "lost": messages - len(names), "halves": half + halves(path)}


def pipes(path: str, messages: int, *, real: bool) -> dict[str, int]:
    began, running, half = time.monotonic(), set[int](), 0
    for number in range(messages):
        if len(running) == 4:
            process, status = os.wait()
            assert status == 0
            running.discard(process)
            half += torn_reads(path) if number % 100 == 0 else 0
        running.add(start(path, number, real=real))
    for process in running:
        assert end(process) == 0
    found = check(path)
    return {
        "records": len(found),
        "different": len({record["source"] for record in found}),
        "halves": half + halves(path),
        "seconds": round(time.monotonic() - began),
    }


def full(path: str, messages: int, *, real: bool) -> dict[str, int]:
    """A file may not grow beyond a limit that lies within a record."""
    start_size = 500 * messages  # less than half of what they take
    resource.setrlimit(resource.RLIMIT_FSIZE, (start_size, resource.RLIM_INFINITY))
    states = [end(start(path, number, real=real)) for number in range(messages)]
    assert set(states) <= {0, 75}
    accepted = {str(number) for number, state in enumerate(states) if state == 0}
    assert accepted == {record["source"] for record in check(path)}
    return {
        "accepted": len(accepted),
        "refused": states.count(75),
        "records": len(check(path)),
        "halves": halves(path),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("kill", "pipes", "full"))
    parser.add_argument("path")
    parser.add_argument("--messages", type=int, default=200)
    parser.add_argument("--real", action="store_true")
    options = parser.parse_args()
    parse(MESSAGE.encode())  # what is loaded now is loaded once for all forks
    import undeliverable.cli._main
    import undeliverable.serve  # noqa: F401

    run = {"kill": kill, "pipes": pipes, "full": full}[options.what]
    print(json.dumps(run(options.path, options.messages, real=options.real)))


if __name__ == "__main__":
    main()
