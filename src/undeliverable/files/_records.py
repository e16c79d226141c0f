"""Records of reports as lines of JSON: which lines may be one, and what one says."""

from __future__ import annotations

import re
from typing import Final, cast

from undeliverable import Report

__all__ = ["RecordError", "begins_as_json", "begins_as_record", "looks_like_record", "report_in"]

_BLANK: Final = b" \t\r\n\xef\xbb\xbf"  # with the mark that some editors put at the beginning of UTF-8
_FIRST: Final = re.compile(rb'\{\s*"schema"\s*:\s*\d')
_KEYS: Final = (b'"schema"', b'"kind"', b'"verdicts"')


class RecordError(ValueError):
    """What looks like the record of a report is none."""


def begins_as_json(head: bytes) -> bool:
    """Return True if a file begins with an object or a list."""
    return head.lstrip(_BLANK)[:1] in {b"{", b"["}


def begins_as_record(head: bytes) -> bool:
    """Return True if a file begins as this library writes a record; logs in JSON do not."""
    return _FIRST.match(head.lstrip(_BLANK)) is not None


def looks_like_record(line: bytes) -> bool:
    """Return True if a line may be a record: cheap, and never False for one."""
    return line.lstrip(_BLANK)[:1] == b"{" and all(key in line for key in _KEYS)


def report_in(source: str, line: bytes) -> Report:
    """Return the report of a record, with the verdicts that it holds: nothing is judged anew.

    :param source: the name of the line's place, for the error.
    :raises RecordError: when the line is no record; the message names the place and says why.
    """
    import json  # most files hold mail, and the import costs a cold start some milliseconds

    try:
        record: object = json.loads(line)
    except (ValueError, RecursionError) as error:
        why = error if line.rstrip().endswith(b"}") else "its end is missing"
        raise RecordError(f"{source}: not a record of a report: {why}") from None
    try:
        return Report.from_dict(cast("dict[str, object]", record))  # which says so if it is no object
    except ValueError as error:
        raise RecordError(f"{source}: {error}") from None
