"""Proof that a report is about a message of your own: who asks for it, and what you mailed.

:class:`Prover` marks the verdicts of a report. It asks a :class:`Sent` which address a token or a Message-ID belongs to:
a database of yours, or a :class:`SentTable` in memory.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Final, NamedTuple, cast

from undeliverable import Proof, address_identity, bare_address
from undeliverable.verp._proving import Prover, Sent
from undeliverable.verp._tokens import id_problem as _id_problem

__all__ = ["Proof", "Prover", "Sent", "SentRow", "SentTable", "id_problem", "read_sent"]

_COLUMNS: Final = ("recipient", "id", "message_id")
_SHOWN: Final = 10  # bad rows that an error names


class SentTable(Sent):
    """What you mailed, in memory.

    >>> table = SentTable([("42", "kim@example.org")], [("<1@example.com>", "kim@example.org")])
    >>> table.address_of("42"), table.recipients_of("1@example.com")
    ('kim@example.org', ['kim@example.org'])

    :param ids: pairs of a token's id and the address that was mailed. An id of several addresses names none.
    :param message_ids: pairs of a Message-ID and an address that was mailed.
    """

    def __init__(self, ids: Iterable[tuple[str, str]] = (), message_ids: Iterable[tuple[str, str]] = ()) -> None:
        self._ids: dict[str, str | None] = {}
        self._message_ids: dict[str, list[str]] = {}
        for token_id, address in ids:
            self._add_id(token_id, address)
        for message_id, address in message_ids:
            self._add_message_id(message_id, address)

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> SentTable:
        """Return the table in a file: CSV or JSON Lines with the columns `recipient`, and `id` or `message_id` or both.

        :raises OSError: if the file cannot be read.
        :raises ValueError: if it is not like this; the message names the rows that cannot be used.
        """
        table = cls()
        bad: list[str] = []
        with Path(path).open(encoding="utf-8-sig", errors="replace", newline="") as file:
            for line, cells, problem in read_sent(file):
                if problem is None:
                    table._add(cells)
                else:
                    bad.append(f"line {line}: {problem}")
        if bad:
            more = f"; and {len(bad) - _SHOWN} more" if len(bad) > _SHOWN else ""
            raise ValueError(f"{os.fspath(path)}: {'; '.join(bad[:_SHOWN])}{more}")
        return table

    def address_of(self, token_id: str) -> str | None:
        """Return the address that was mailed with the token of this id, or None if that is not known."""
        return self._ids.get(token_id)

    def recipients_of(self, message_id: str) -> Sequence[str]:
        """Return all addresses that were mailed with this Message-ID."""
        return self._message_ids.get(_bare(message_id), ())

    def __len__(self) -> int:
        return len(self._ids.keys() | self._message_ids.keys())

    def _add(self, cells: Mapping[str, str]) -> None:
        address = bare_address(cells["recipient"]) or cells["recipient"]
        if cells.get("id"):
            self._add_id(cells["id"], address)
        if cells.get("message_id"):
            self._add_message_id(cells["message_id"], address)

    def _add_id(self, token_id: str, address: str) -> None:
        key = token_id.lower()
        known = self._ids.setdefault(key, address)
        if known is not None and address_identity(known) != address_identity(address):
            self._ids[key] = None

    def _add_message_id(self, message_id: str, address: str) -> None:
        self._message_ids.setdefault(_bare(message_id), []).append(address)


def _bare(message_id: str) -> str:
    return message_id.strip().strip("<>")


class SentRow(NamedTuple):
    """A row of a file with the line that it begins in, and why it cannot be used."""

    line: int
    cells: Mapping[str, str]
    problem: str | None = None


def id_problem(token_id: str) -> str | None:
    """Return why no token can have this id, or None if one can; the case of its letters does not count."""
    return _id_problem(token_id.strip().lower())


def read_sent(file: Iterator[str]) -> Iterator[SentRow]:
    """Yield the rows of what you mailed, each checked: CSV or JSON Lines, see :meth:`SentTable.from_file`."""
    first = next(file, "")
    lines = chain([first], file)
    for row in _json_rows(lines) if first.lstrip().startswith("{") else _csv_rows(lines):
        yield row if row.problem is not None else row._replace(problem=_problem(row.cells))


def _problem(cells: Mapping[str, str]) -> str | None:
    if any("\n" in cells.get(name, "") or "\ufffd" in cells.get(name, "") for name in _COLUMNS):
        return "a cell holds a line break, or what is not UTF-8"
    if bare_address(cells.get("recipient", "")) is None:
        return "the recipient is no address"
    if cells.get("message_id"):
        return None  # proves by itself
    return id_problem(cells["id"]) if cells.get("id") else "there is neither an id nor a message_id"


def _csv_rows(lines: Iterable[str]) -> Iterator[SentRow]:
    import csv

    reader = csv.reader(lines, strict=True)
    names: list[str] = []
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield SentRow(line, {}, f"{error} (an unterminated quote?)")
            continue
        if not names:
            names = [name.strip().lower() for name in cells]
            if "recipient" not in names or not {"id", "message_id"} & set(names):
                yield SentRow(line, {}, "must name the columns: recipient, and id or message_id")
                return
        elif cells:
            right = len(cells) == len(names)
            problem = None if right else f"{len(cells)} cells instead of {len(names)}"
            yield SentRow(line, dict(zip(names, cells, strict=False)), problem)


def _json_rows(lines: Iterable[str]) -> Iterator[SentRow]:
    import json

    for line, text in enumerate(lines, 1):
        if not text.strip():
            continue
        try:
            value: object = json.loads(text)
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, dict):
            found = cast("dict[str, object]", value)
            yield SentRow(line, {name: str(found[name]) for name in _COLUMNS if found.get(name) is not None})
        else:
            yield SentRow(line, {}, "not a JSON object")
