"""`report --sent`: the number of messages sent, as one number or as a table."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING

from undeliverable.cli._command import UsageError

if TYPE_CHECKING:
    from undeliverable.rates import By
    from undeliverable.report import Sent

__all__ = ["read_sent"]


def read_sent(text: str | None) -> Sent:
    """Return the numbers in `text`: the text itself, or the CSV file of that name.

    :raises UsageError: when the file cannot be read or is not such a table.
    """
    from undeliverable.rates import By
    from undeliverable.report import Sent

    if text is None:
        return Sent()
    if text.isascii() and text.isdecimal():
        return Sent(int(text))
    try:
        with open(text, encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            names = {name.strip().casefold(): name for name in rows.fieldnames or ()}
            if "sent" not in names:
                raise UsageError(f"{text}: column `sent` is missing")
            columns = {by: names[by] for by in By if by in names}
            return _added(text, rows, columns, names["sent"])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{text}: {getattr(error, 'strerror', None) or error}") from None


def _added(path: str, rows: csv.DictReader[str], columns: Mapping[By, str], sent: str) -> Sent:
    from undeliverable.report import Sent

    total = 0
    sums: dict[By, dict[str, int]] = {by: defaultdict(int) for by in columns}
    for row in rows:
        number = (row[sent] or "").strip()
        if not (number.isascii() and number.isdecimal()):
            raise UsageError(f"{path}:{rows.line_num}: {number!r} is not a number of messages")
        total += int(number)
        for by, column in columns.items():
            group = (row[column] or "").strip()
            if group:
                sums[by][group] += int(number)
    return Sent(total, {by: dict(numbers) for by, numbers in sums.items()})
