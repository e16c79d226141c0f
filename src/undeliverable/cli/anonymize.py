"""`undeliverable anonymize`: mail and logs fit to be shared, with the same verdicts."""

from __future__ import annotations

import os
import secrets
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

from undeliverable.cli._command import Command, UsageError, add_knowledge_options, knowledge_of, warn
from undeliverable.cli._neutral import neutral
from undeliverable.cli._words import skipped_files
from undeliverable.files import STDIN, Inbox, Mail

if TYPE_CHECKING:
    from undeliverable.anonymize import Anonymized, Anonymizer

__all__ = ["COMMAND"]

_SEPARATOR: Final = b"From nobody@example.invalid Thu Jan  1 00:00:00 1970\n"
"""The line before each message of an mbox (RFC 4155), where a message brings none."""
_SHOWN: Final = 6  # hosts named without -v


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "paths",
        metavar="PATH",
        nargs="+",
        help="messages, folders, mbox files, Maildirs or records, or - for standard input",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="PATH",
        help="write there instead of to standard output: a file (several messages become an mbox) or a folder",
    )
    parser.add_argument("--log", action="store_true", help="the files are mail server logs")
    parser.add_argument(
        "--key",
        metavar="TEXT",
        help="a secret that decides the replacements: the same one gives the same output; by default a new one each time",
    )
    parser.add_argument(
        "--keep",
        metavar="WORD",
        action="append",
        default=[],
        help="leave this address, host, name or word as it is; text: leave the words of a person's mail, "
        "body: those of a returned message; repeatable",
    )
    add_knowledge_options(parser)


class _Tally:
    """What was written and what was not.

    :ivar kept: hosts that stay.
    """

    def __init__(self, unit: str) -> None:
        self._unit = unit
        self.written = 0
        self.refused = 0
        self.kept: set[str] = set()

    def lines(self, *, all_hosts: bool) -> Iterator[str]:
        """Yield the lines of the summary."""
        unit = self._unit if self.written == 1 else f"{self._unit}s"
        left = f", {self.refused:,} left out" if self.refused else ""
        result = "same verdicts. Read the result before you share it." if self.written else "nothing was written."
        yield f"{self.written:,} {unit} anonymized{left}; {result}"
        if self.kept:
            hosts = sorted(self.kept)
            shown = hosts if all_hosts else hosts[:_SHOWN]
            more = f" and {len(hosts) - len(shown)} more (-v)" if len(shown) < len(hosts) else ""
            yield f"kept: {', '.join(map(neutral, shown))}{more}"


class _Piece(NamedTuple):
    """One message or line to write.

    :ivar is_line: True for what ends with a line feed and needs no separator: log lines and records.
    """

    raw: bytes
    is_line: bool


def _run(options: Namespace) -> int:
    from undeliverable.anonymize import Anonymizer  # reading what rules need takes some tenths of a second

    key = secrets.token_bytes(32) if options.key is None else options.key.encode("utf-8", "surrogateescape")
    if not key:
        raise UsageError("--key: must not be empty")
    _refuse_inputs(options.paths, options.output)
    skip = _skip if options.verbose else None
    inbox = Inbox(options.paths, warn=warn, is_log=options.log, log_option="anonymize --log", skipped_file=skip)
    made = Anonymizer(key, keep=options.keep, knowledge=knowledge_of(options))
    tally = _Tally("line" if options.log else "message")
    pieces = _pieces(made, inbox, tally, is_log=options.log)
    _write(pieces, options.output, several=len(options.paths) > 1 or os.path.isdir(options.paths[0]))
    if not options.quiet:
        for line in tally.lines(all_hosts=options.verbose):
            print(line, file=sys.stderr)
        if inbox.skipped:
            warn(skipped_files(inbox.skipped, named=options.verbose))
    return 1 if tally.refused or inbox.failed or not tally.written else 0


def _skip(path: str, why: str) -> None:
    warn(f"{path}: skipped: {why}")


def _refuse_inputs(paths: Sequence[str], output: str | None) -> None:
    """Raise UsageError where what is written would be what is read."""
    if output is None or output == STDIN or not os.path.exists(output):
        return
    written = os.path.realpath(output)
    for path in paths:
        read = os.path.realpath(path)
        if (
            path != STDIN
            and (written == read or written.startswith(os.path.join(read, "")))
            and not _is_device(written)
        ):
            raise UsageError(f"-o {output}: this is or lies in {path}, which is read; name another place")


def _is_device(path: str) -> bool:
    return not os.path.isfile(path) and not os.path.isdir(path)


def _pieces(made: Anonymizer, inbox: Inbox, tally: _Tally, *, is_log: bool) -> Iterator[_Piece]:
    """Yield what may be shared; what may not is said and counted."""
    done: Iterable[tuple[Mail, Anonymized]]
    if is_log:
        done = _lines(made, inbox)
    else:
        done = ((mail, (made.record if mail.is_record else made.message)(mail.raw)) for mail in inbox)
    for mail, result in done:
        if not result.is_proved:
            tally.refused += 1
            warn(f"{mail.source}: left out: {_reason(result)}")
            continue
        tally.written += 1
        tally.kept.update(result.kept)
        yield _Piece(result.raw, is_line=is_log or mail.is_record)


def _lines(made: Anonymizer, inbox: Inbox) -> Iterator[tuple[Mail, Anonymized]]:
    waiting: list[Mail] = []

    def each() -> Iterator[bytes]:
        for line in inbox:
            waiting.append(line)
            yield line.raw

    for result in made.lines(each()):
        yield waiting.pop(), result


def _reason(result: Anonymized) -> str:
    """Return in one line why a result cannot be shared, and what would help."""
    if result.differs:
        first, *others = result.differs
        more = f" (and {len(others)} more)" if others else ""
        return f"{neutral(first)}{more}; try --keep text, --keep body, or --keep WORD with what decides"
    named = ", ".join(map(neutral, result.left[:_SHOWN]))
    return f"it would still contain {named}; if that names nobody, add --keep {neutral(result.left[0])}"


def _write(pieces: Iterator[_Piece], path: str | None, *, several: bool) -> None:
    """Write to standard output, a file or a folder."""
    if path is not None and path != STDIN and (os.path.isdir(path) or path.endswith(("/", os.sep))):
        _write_folder(pieces, path)
        return
    with ExitStack() as stack, _named(path):
        opened: BinaryIO | None = sys.stdout.buffer if path is None or path == STDIN else None

        def output() -> BinaryIO:  # not before there is something to write
            nonlocal opened
            if opened is None:
                assert path is not None
                opened = stack.enter_context(open(path, "wb"))
            return opened

        _write_stream(pieces, output, is_mbox=several)


@contextmanager
def _named(path: str | None) -> Generator[None]:
    """Say where something could not be written."""
    try:
        yield
    except BrokenPipeError:  # whoever reads has enough
        raise
    except OSError as error:
        raise OSError(error.errno, error.strerror, error.filename or path or "standard output") from None


def _write_stream(pieces: Iterator[_Piece], output: Callable[[], BinaryIO], *, is_mbox: bool) -> None:
    first = next(pieces, None)
    if first is None:
        return
    second = next(pieces, None)
    is_mbox = is_mbox or second is not None
    for piece in (first, *(() if second is None else (second,))):
        _put(output(), piece, is_mbox=is_mbox)
    for piece in pieces:
        _put(output(), piece, is_mbox=is_mbox)
    output().flush()


def _put(output: BinaryIO, piece: _Piece, *, is_mbox: bool) -> None:
    if piece.is_line:
        output.write(piece.raw + b"\n")
        return
    if is_mbox and not piece.raw.startswith(b"From "):
        output.write(_SEPARATOR)
    output.write(piece.raw)
    if is_mbox:
        output.write(b"\n" if piece.raw.endswith(b"\n") else b"\n\n")


def _write_folder(pieces: Iterator[_Piece], path: str) -> None:
    """Write each message into a file of its own; their old names may name somebody."""
    os.makedirs(path, exist_ok=True)
    with ExitStack() as stack:
        lines: BinaryIO | None = None
        for number, piece in enumerate(pieces, start=1):
            if not piece.is_line:
                with open(os.path.join(path, f"message-{number:04}.eml"), "wb") as file:
                    file.write(piece.raw)
                continue
            if lines is None:
                lines = stack.enter_context(open(os.path.join(path, "lines.txt"), "wb"))
            lines.write(piece.raw + b"\n")


COMMAND: Final = Command(
    name="anonymize",
    help="replace what names somebody in mail or logs, verdicts unchanged, to share them",
    examples=(
        "undeliverable anonymize bounce.eml > share.eml             # a message that was judged wrong",
        "undeliverable anonymize bounces/ -o share/ --key secret    # a folder; the same key gives the same names",
        "undeliverable anonymize --log /var/log/mail.log -o share.log # the lines of a log",
    ),
    arguments=_arguments,
    run=_run,
)
