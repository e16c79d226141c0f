"""`undeliverable demo`: sample mails that come with the package, so that an install alone leads to a result."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from typing import Final

from undeliverable import Report, Verdict, data, parse
from undeliverable.cli._command import Command, RunError
from undeliverable.cli._help import columns

__all__ = ["COMMAND", "SAMPLES"]

SAMPLES: Final = (
    "unknown-user",
    "japanese",
    "two-recipients",
    "mailbox-full",
    "authentication",
    "blocklist",
    "delay",
    "auto-reply",
    "complaint",
)
"""The names of the samples, in the order in which they are shown: files in `data/samples`."""

_HEAD: Final = ("TYPE", "RECIPIENT", "REASON", "WHAT TO DO", "SAMPLE")
_WIDTH: Final = 80
_NEXT: Final = """\
Hard: the address will not work again. Soft: it may. Next:
  undeliverable demo --save samples           # as files, to try things with
  undeliverable explain samples/japanese.eml  # why, and what to do next
  undeliverable classify ~/Maildir            # a folder, an mbox, a Maildir
  undeliverable --help                        # logs, lists, reports, servers"""
_SAVED: Final = """\
{count} mails are in {folder}. Next:
  undeliverable classify {folder}
  undeliverable explain {folder}/mailbox-full.eml
  undeliverable classify --only hard --format csv {folder}"""


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--save", metavar="FOLDER", help="write the sample mails into this folder")


def _run(options: Namespace) -> int:
    if options.save is not None:
        _save(options.save)
        return 0
    rows = [row for name in SAMPLES for row in _rows(name)]
    print(f"{len(SAMPLES)} sample mails, and what became of each recipient:\n")
    for line in _table([_HEAD, *rows], min(columns(), _WIDTH)):
        print(line)
    if not options.quiet:
        print(f"\n{_NEXT}")
    return 0


def _rows(name: str) -> Iterator[tuple[str, ...]]:
    report = parse(_sample(name))
    for verdict in report.verdicts:
        yield (
            _type(report, verdict),
            verdict.recipient or "",
            verdict.reason or "",
            verdict.advice or "",
            f"{name}.eml",
        )


def _type(report: Report, verdict: Verdict) -> str:
    """Return what a row begins with: the bounce type, or the kind of what is no bounce."""
    return str(report.kind if report.kind != "bounce" or verdict.bounce_type is None else verdict.bounce_type)


def _table(rows: Sequence[Sequence[str]], width: int) -> Iterator[str]:
    """Yield the rows in columns, of which only as many are shown as fit."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    shown = len(widths)
    while shown > 2 and sum(widths[:shown]) + 2 * (shown - 1) > width:
        shown -= 1
    for row in rows:
        cells = (cell.ljust(size) for cell, size in zip(row[:shown], widths, strict=False))
        line = "  ".join(cells).rstrip()
        yield line if len(line) <= width else f"{line[: width - 1]}…"


def _sample(name: str) -> bytes:
    return data.read(f"samples/{name}.eml").encode()


def _save(folder: str) -> None:
    """Write the samples into a folder; a file that is there and holds something else stays."""
    os.makedirs(folder, exist_ok=True)
    for name in SAMPLES:
        _write(os.path.join(folder, f"{name}.eml"), _sample(name))
    import shlex

    bare = folder.rstrip("/") or folder
    print(_SAVED.format(count=len(SAMPLES), folder=shlex.quote(bare)))


def _write(path: str, mail: bytes) -> None:
    if os.path.exists(path):
        with open(path, "rb") as file:
            if file.read(len(mail) + 1) != mail:
                raise RunError(f"{path}: there is another file of this name; give a new folder")
        return
    with open(path, "xb") as file:
        file.write(mail)


COMMAND: Final = Command(
    name="demo",
    help="show on sample mails what this does, and what to type next",
    examples=(
        "undeliverable demo                                         # ten verdicts on nine mails",
        "undeliverable demo --save samples                          # the mails as files, to try things with",
        "undeliverable demo --quiet                                 # the verdicts alone",
    ),
    arguments=_arguments,
    run=_run,
)
