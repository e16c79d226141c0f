"""Read mail where it lies: files, folders, mbox files, Maildirs, archives, compressed or not, and records of our own.

:class:`Inbox` yields what stands below some paths one by one, in bounded memory, and :func:`report_of` makes a report of it;
:func:`undeliverable.read` does both. A file that cannot be read is said, counted and skipped.
"""

from __future__ import annotations

from undeliverable.files._csv import CsvRows, Row
from undeliverable.files._find import STDIN, size_of
from undeliverable.files._inbox import Inbox, Mail
from undeliverable.files._lists import ListFile, lists_in
from undeliverable.files._records import RecordError
from undeliverable.files._reports import Parse, Paths, read_all, report_of

__all__ = [
    "STDIN",
    "CsvRows",
    "Inbox",
    "ListFile",
    "Mail",
    "Parse",
    "Paths",
    "RecordError",
    "Row",
    "lists_in",
    "read_all",
    "report_of",
    "size_of",
]
