"""Words that a user types: lists of them, errors that name the valid ones, and counts with their nouns."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from undeliverable.cli._command import UsageError, warn
from undeliverable.errors import did_you_mean

if TYPE_CHECKING:
    from undeliverable.logs import LogReader

__all__ = [
    "bad_rows", "counted", "did_you_mean", "log_remarks", "skipped_files", "split_words", "unknown_column", "unknown_value", "words_of",
]  # fmt: skip


def words_of(option: str, lists: Sequence[str], known: Collection[str], *, expected: str = "") -> frozenset[str]:
    """Return the words of comma-separated `lists`.

    :param expected: a description of the known words, for sets that are too long to list.
    :raises UsageError: when a word is unknown, or when there are lists but no words.
    """
    words = frozenset(split_words(lists))
    for word in sorted(words):
        if word not in known:
            raise unknown_value(option, word, known, expected=expected)
    if lists and not words:
        raise UsageError(f"{option}: the list is empty")
    return words


def split_words(lists: Iterable[str]) -> list[str]:
    """Return the words of lists that are separated by commas or spaces, in lower case."""
    return [word for text in lists for word in text.replace(",", " ").lower().split()]


def unknown_value(option: str, value: str, known: Iterable[str], *, expected: str = "") -> UsageError:
    """Return the error for a value that an option does not know; `expected` describes sets too long to list."""
    names = sorted(known)
    hint = did_you_mean(value, names) if expected else ""
    return UsageError(f"{option}: unknown value {value!r}{hint or f'; expected {expected or _one_of(names)}'}")


def unknown_column(name: str, names: Sequence[str]) -> UsageError:
    """Return the error for a CSV column that the first line does not name."""
    return UsageError(f"--column: unknown column {name!r}; the file begins with {', '.join(map(repr, names[:8]))}")


def bad_rows(path: str, number: int, faults: Sequence[str]) -> int:
    """Say which rows of a file were damaged and left out; return the exit status, 1 if there were any."""
    if not number:
        return 0
    more = "; ..." if number > len(faults) else ""
    warn(f"{path}: {counted(number, 'bad row')} left out: {'; '.join(faults)}{more}")
    return 1


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: "1 file", "1,200 files"."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def _one_of(names: Sequence[str]) -> str:
    return f"one of {', '.join(names)}"


def skipped_files(number: int, *, named: bool) -> str:
    """Return what to say of files that were skipped, at the end of a run.

    :param named: whether each has been named already.
    """
    name = "" if named else f"; -v names {'it' if number == 1 else 'them'}"
    return f"{counted(number, 'file')} skipped, no mail{name}"


def log_remarks(lines: LogReader) -> Iterator[str]:
    """Yield what to say at the end of a log of the lines in it that were not read."""
    yield from lines.remarks
    if lines.unread:
        looks = "line looks like a delivery but was" if lines.unread == 1 else "lines look like deliveries but were"
        yield f"warning: {lines.unread:,} {looks} not read; first: {lines.first_unread}"
