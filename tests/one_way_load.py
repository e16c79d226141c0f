"""Kill `undeliverable pipe --to --into` at random moments; prints figures as JSON.

python -m tests.one_way_load FOLDER --rounds 100

Each bounce is handed over until its process ends with 0, as a mail server would do it. In the end each of them has to be in
the records and, once, in the list. `between` counts the kills that found a bounce in the records and not yet in the list.
The process is a fork of this one, so that a kill meets its work and not its start; every write takes a moment longer.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from undeliverable.cli import main as command
from undeliverable.serve import records

from .intake_load import address, in_list, in_records
from .test_pipe import bounce
from .ways import keys_in, path_of, standard_input


def begin(number: int, options: list[str]) -> int:
    """Hand over a bounce, and return the id of the process that takes it."""
    raw = bounce(address(number), "5.1.1", "550 5.1.1 no such user", message_id=f"<{number}@x.example>")
    reader, writer = os.pipe()
    os.write(writer, raw)
    os.close(writer)
    process = os.fork()
    if process == 0:
        os.dup2(reader, 0)
        os.fsync = slowly(os.fsync)
        records.append = slowly(records.append)
        os._exit(command(["pipe", f"--recipient={path_of(address(number), id=f'k{number}')}", *options]))
    os.close(reader)
    return process


def end(process: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def slowly(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function with a moment after it."""

    def slow(*arguments: Any) -> Any:
        result = function(*arguments)
        time.sleep(random.uniform(0, 0.03))
        return result

    return slow


def kill(folder: Path, rounds: int) -> dict[str, int]:
    path, place = folder / "b.jsonl", folder / "list.db"
    options = ["--to", str(path), "--into", str(place), *keys_in(folder)]
    with standard_input(folder, bounce(address(0), "5.1.1", "550 5.1.1 no such user")):
        assert command(["pipe", *options]) == 0  # and what is loaded now is loaded for all forks
    begun = time.monotonic()
    assert end(begin(0, options)) == 0
    usual = time.monotonic() - begun
    killed = between = 0
    number = 1
    while killed < rounds:
        while True:
            process = begin(number, options)
            if killed < rounds:
                time.sleep(random.uniform(0, 1.5 * usual))
                os.kill(process, signal.SIGKILL)
            status = end(process)
            if status == 0:
                break
            assert status == -signal.SIGKILL, status
            killed += 1
            between += len(in_records(path).keys() - in_list(place).keys())
        number += 1
    wanted = {address(one) for one in range(number)}
    recorded, listed = in_records(path), in_list(place)
    return {
        "acknowledged": len(wanted),
        "lost": len(wanted - recorded.keys()) + len(wanted - listed.keys()),
        "twice in the list": sum(found > 1 for found in listed.values()),
        "twice in the records": sum(found > 1 for found in recorded.values()),
        "between": between,
        "killed": killed,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=100)
    options = parser.parse_args()
    print(json.dumps(kill(options.folder, options.rounds)))


if __name__ == "__main__":
    main()
