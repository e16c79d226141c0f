"""`suppressions sent`: record what was mailed, so that the list can say which address a token belongs to."""

from __future__ import annotations

import io
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from typing import TYPE_CHECKING

from undeliverable.cli._command import warn
from undeliverable.cli._list_files import opened, watched
from undeliverable.cli._lists import open_list
from undeliverable.cli._words import bad_rows, counted

if TYPE_CHECKING:
    from undeliverable.proof import SentRow

__all__ = ["sent", "sent_arguments"]

_NAMED = 10


def sent_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of `sent`."""
    parser.add_argument(
        "file", metavar="FILE",
        help="CSV or JSON Lines with the columns recipient, and id or message_id or both; - for standard input",
    )  # fmt: skip


def sent(options: Namespace) -> int:
    """Record what was mailed; after an interruption the same command completes it."""
    bad: list[str] = []
    useless: list[str] = []
    from undeliverable.suppression import RequireProof

    # Whoever says what was mailed wants bounces to be proved by it.
    required = RequireProof.REQUIRED
    with (
        open_list(options.list, scope=options.scope, create=True, proof_of_new=required) as known,
        opened(options.file) as file,
    ):
        from undeliverable.proof import read_sent

        text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="replace", newline="")
        rows = watched(read_sent(iter(text)), file, options.file)
        number = known.record_sent(_good(rows, bad, useless))
        known.tidy()
        text.detach()
    print(f"{counted(number, 'new row')} of what was mailed", file=sys.stderr)
    if useless:
        more = f" and {len(useless) - 1:,} more" if len(useless) > 1 else ""
        warn(f"{options.file}: {useless[0]}{more}: no token can have it, only the message_id proves")
    return bad_rows(options.file, len(bad), bad[:_NAMED])


def _good(rows: Iterator[SentRow], bad: list[str], useless: list[str]) -> Iterator[tuple[str, str | None, str | None]]:
    """Yield the rows that can be used, and collect what is wrong with the others.

    :param useless: collects the ids that no token can have, of rows with a Message-ID.
    """
    from undeliverable.proof import id_problem

    for line, cells, problem in rows:
        if problem is None:
            found = id_problem(cells["id"]) if cells.get("id") else None
            if found is not None:
                useless.append(f"line {line}: {found}")
            yield cells["recipient"], cells.get("id"), cells.get("message_id")
        else:
            bad.append(f"line {line}: {problem}")
