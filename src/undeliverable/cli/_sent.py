"""`report --sent`: the number of messages sent, as one number or as a table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from undeliverable.cli._command import UsageError
from undeliverable.files import CsvRows, Row

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
            table = CsvRows(file)
            rows = iter(table)
            names = [name.strip().casefold() for name in next(rows, Row(0, 0, [])).cells]
            if "sent" not in names:
                raise UsageError(f"{text}: column `sent` is missing")
            columns = {by: names.index(by) for by in By if by in names}
            sent = _added(text, rows, columns, names.index("sent"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{text}: {getattr(error, 'strerror', None) or error}") from None
    if table.bad:  # rates of a part would look like rates of all
        raise UsageError(f"{text}: {'; '.join(table.faults)}")
    return sent


def _added(path: str, rows: Iterable[Row], columns: Mapping[By, int], sent: int) -> Sent:
    from undeliverable.report import Sent

    total = 0
    sums: dict[By, dict[str, int]] = {by: defaultdict(int) for by in columns}
    for line, _, cells in rows:
        number = cells[sent].strip()
        if not (number.isascii() and number.isdecimal()):
            raise UsageError(f"{path}:{line}: {number!r} is not a number of messages")
        total += int(number)
        for by, column in columns.items():
            group = cells[column].strip()
            if group:
                sums[by][group] += int(number)
    return Sent(total, {by: dict(numbers) for by, numbers in sums.items()})
