"""The programs that are compared, each as a function from a message to the recipients that it names as failed.

What counts is the same for all: a recipient whose delivery failed or is delayed. Who calls some failures hard says so beside it.
"""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from email import message_from_bytes
from importlib.metadata import version
from pathlib import Path
from typing import Final

from undeliverable import parse

__all__ = ["Answer", "Program", "flufl_bounce", "installed", "sisimai", "undeliverable"]


@dataclass(frozen=True)
class Answer:
    """What a program makes of a message.

    :ivar failed: the recipients that failed or are delayed, in lower case.
    :ivar hard: those of them that are dead for good; None where the program does not say.
    """

    failed: frozenset[str] = frozenset()
    hard: frozenset[str] | None = None


@dataclass(frozen=True)
class Program:
    """A program with its answers to messages."""

    name: str
    ask: Callable[[Sequence[Path]], Iterable[Answer]] = field(repr=False)


def undeliverable() -> Program:
    """Return this library."""
    return Program("undeliverable", lambda paths: [_ours(path.read_bytes()) for path in paths])


def _ours(raw: bytes) -> Answer:
    failed = [verdict for verdict in parse(raw) if verdict.recipient and verdict.bounce_type]
    return Answer(
        frozenset(str(verdict.recipient).lower() for verdict in failed),
        frozenset(str(verdict.recipient).lower() for verdict in failed if verdict.is_hard),
    )


def flufl_bounce() -> Program:
    """Return flufl.bounce, which is a dependency."""
    return Program(
        f"flufl.bounce {version('flufl.bounce')}", lambda paths: [_flufl(path.read_bytes()) for path in paths]
    )


def _flufl(raw: bytes) -> Answer:
    from flufl.bounce import all_failures as asked

    logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL)  # it logs a traceback for each odd header
    try:
        found = asked(message_from_bytes(raw))
    except Exception:  # noqa: BLE001 # whatever it raises, it has named nobody
        return Answer()
    return Answer(frozenset(address.decode("utf-8", "replace").lower() for part in found for address in part))


_PERL: Final = """
use strict; use warnings; use Encode; use JSON::PP; use Sisimai;
my $read = Sisimai->can('rise') || Sisimai->can('make');
print "$Sisimai::VERSION\\n";
while( my $path = <STDIN> ) {
    chomp $path;
    my $found = eval { $read->('Sisimai', $path) } || [];
    my @kept = grep { $_->reason !~ /^(?:delivered|feedback|vacation)$/ } @$found;
    print encode_json([map {
        { address => decode('UTF-8', $_->recipient->address), hard => $_->can('hardbounce') ? $_->hardbounce : $_->softbounce == 0 ? 1 : 0 }
    } @kept]), "\\n";
}
"""
"""Reads paths, and writes its version, then what it finds in each message: as Sisimai 4 or Sisimai 5 has it."""


def sisimai() -> Program | None:
    """Return Sisimai, or None where its Perl module is not installed."""
    perl = shutil.which("perl")
    if perl is None:
        return None
    found = _asked(perl, [])
    if found is None:
        return None
    return Program(f"Sisimai {found[0]}", lambda paths: [_theirs(line) for line in (_asked(perl, paths) or [""])[1:]])


def _asked(perl: str, paths: Sequence[Path]) -> list[str] | None:
    done = subprocess.run(
        [perl, "-e", _PERL], input="".join(f"{path}\n" for path in paths), capture_output=True, text=True, check=False
    )
    return done.stdout.splitlines() if done.returncode == 0 else None


def _theirs(line: str) -> Answer:
    rows: list[Mapping[str, object]] = json.loads(line)
    return Answer(
        frozenset(str(row["address"]).lower() for row in rows),
        frozenset(str(row["address"]).lower() for row in rows if row["hard"]),
    )


def installed() -> list[Program]:
    """Return the programs that are installed here, this library first."""
    found = sisimai()
    return [undeliverable(), flufl_bounce(), *([] if found is None else [found])]
