"""Find patterns of a user's rules that take too long: ``python -m tests.slow_patterns SECONDS patterns FILE``.

A match is interrupted by a signal, which only the main thread of a process can handle: so this is a program of its own.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from undeliverable import Knowledge, KnowledgeError, classify, parse

HOSTILE: Final = tuple(
    f"550 5.1.1 {(piece * 1_000)[:1_000]}" for piece in ("a", "x", "s", "é", "1", " ", "ab", "a ", "1.", "a@b.", "ß")
)


class TooSlow(BaseException):
    """Raised inside a match that goes on for too long: nothing that expects readers to fail may catch it."""


@contextmanager
def cpu_limit(seconds: float) -> Iterator[None]:
    """Raise TooSlow after so much CPU time; the engine of regular expressions looks for signals while it matches."""

    def stop(*_: object) -> None:
        raise TooSlow

    signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def takes_too_long(work: Callable[[], object], seconds: float) -> bool:
    try:
        with cpu_limit(seconds):
            work()
    except TooSlow:
        return True
    return False


def slow_patterns(path: Path, seconds: float) -> Iterator[str]:
    """Yield the patterns of a file, one a line, that are accepted and take too long for some text."""
    for pattern in path.read_text(encoding="utf-8").splitlines():
        rule = {"id": "own.pattern", "when": {"pattern": pattern}, "then": {"reason": "policy_rejected"}}
        try:
            known = Knowledge.builtin().with_rules([rule])
        except KnowledgeError:
            continue
        for text in HOSTILE:
            if takes_too_long(lambda: classify(text, knowledge=known), seconds):  # noqa: B023 # called at once
                yield f"{pattern} on {text[:30]}"
                break


def slow_mail(rules: Path, mail: Path, seconds: float) -> Iterator[str]:
    """Yield the name of `mail` if it takes too long to read with `rules`, unless these are refused."""
    try:
        known = Knowledge.builtin().with_file(rules)
    except KnowledgeError:
        return
    raw = mail.read_bytes()
    if takes_too_long(lambda: parse(raw, knowledge=known), seconds):
        yield mail.name


def main() -> None:
    """Print what takes too long."""
    limit, kind, *paths = sys.argv[1:]
    files = [Path(path) for path in paths]
    found = slow_patterns(files[0], float(limit)) if kind == "patterns" else slow_mail(files[0], files[1], float(limit))
    sys.stdout.writelines(f"{line}\n" for line in found)


if __name__ == "__main__":
    main()
