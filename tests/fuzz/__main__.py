"""Fuzz the library::

    python -m tests.fuzz --seconds 60                       # every target in turn, without any tool
    python -m tests.fuzz mail rules --seconds 3600 --seed 7 # some of them, for two hours
    python -m tests.fuzz mail --atheris --seconds 3600      # guided by coverage; needs `pip install atheris`
    python -m tests.fuzz mail --input FILE                  # what was found, once more

Prints executions and findings. An input that breaks a promise is kept in the folder `--findings`; the status is 1 then.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

import undeliverable
from tests.fuzz.targets import TARGETS, Target, inputs, seeds, timed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}; all unless given")
    parser.add_argument("--seconds", type=float, default=60, help="for all targets together (default: 60)")
    parser.add_argument("--seed", type=int, default=0, help="other numbers give other inputs")
    parser.add_argument("--findings", type=Path, default=Path("findings"), help="where to keep what breaks a promise")
    parser.add_argument("--atheris", action="store_true", help="let atheris choose the inputs")
    parser.add_argument("--input", type=Path, help="run this one input only, and show what it raises")
    options = parser.parse_args()
    unknown = set(options.names) - set(TARGETS)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    names = options.names or list(TARGETS)
    undeliverable.classify("550 5.1.1 no such user")  # what is read once is not part of any input's time
    if options.input:
        for name in names:
            timed(TARGETS[name], options.input.read_bytes())
        return 0
    run = guided if options.atheris else unguided
    return int(sum(run(name, options.seconds / len(names), options.seed, options.findings) for name in names) > 0)


def unguided(name: str, seconds: float, seed: int, findings: Path) -> int:
    """How many inputs were found."""
    target, found, runs = TARGETS[name], set[str](), 0
    end = time.monotonic() + seconds
    for data in inputs(target, seed):
        if time.monotonic() > end:
            break
        runs += 1
        problem = _problem(target, data)
        if problem and problem not in found:
            found.add(problem)
            _keep(name, smaller(target, data, problem), problem, findings)
    print(f"{name:10s} {runs:9,} executions, {runs / seconds:8,.0f}/s, {len(found)} findings", flush=True)
    return len(found)


def _problem(target: Target, data: bytes) -> str:
    """Where and what the target raises, or an empty text."""
    try:
        timed(target, data)
    except Exception as error:  # noqa: BLE001 # any exception is a finding
        last = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__} in {Path(last.filename).name}:{last.lineno} ({last.line})"
    return ""


def smaller(target: Target, data: bytes, problem: str) -> bytes:
    """A part of `data` that shows the same problem."""
    step = len(data) // 2
    while step:
        at = 0
        while at < len(data):
            shorter = data[:at] + data[at + step :]
            if _problem(target, shorter) == problem:
                data = shorter
            else:
                at += step
        step //= 2
    return data


def _keep(name: str, data: bytes, problem: str, findings: Path) -> None:
    findings.mkdir(parents=True, exist_ok=True)
    path = findings / f"{name}-{hashlib.sha256(data).hexdigest()[:12]}"
    path.write_bytes(data)
    print(f"{name:10s} {path}: {problem}", flush=True)


def guided(name: str, seconds: float, seed: int, findings: Path) -> int:
    """1 if an input was found: the tool ends at the first."""
    findings.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as corpus:
        if TARGETS[name].raw:
            for number, data in enumerate(seeds()):
                (Path(corpus) / f"{number:04d}").write_bytes(data)
        options = [
            f"-max_total_time={int(seconds)}",
            f"-seed={seed + 1}",
            "-max_len=65536",
            "-timeout=10",
            "-rss_limit_mb=2048",
            "-print_final_stats=1",
        ]
        command = [
            sys.executable,
            "-m",
            "tests.fuzz.guided",
            name,
            *options,
            f"-artifact_prefix={findings}/{name}-",
            corpus,
        ]
        return int(subprocess.run(command, check=False).returncode != 0)


if __name__ == "__main__":
    sys.exit(main())
