"""`--fail-on`: an exit status by which a scheduler learns that rates are too high.

The levels of the rates, and who states them, are those of :mod:`undeliverable.rates`; here is only the status that each
decision gives. It is no error: what was asked for is printed and written all the same.
"""

from __future__ import annotations

from argparse import ArgumentParser
from types import MappingProxyType
from typing import Final

__all__ = ["STATUSES", "add_fail_on", "status_of"]

STATUSES: Final = MappingProxyType({"watch": 3, "pause": 4})
"""The exit status of each decision that may fail a command, the mildest first; `ok` never does."""


def add_fail_on(parser: ArgumentParser) -> None:
    """Declare `--fail-on`, which :func:`status_of` takes."""
    parser.add_argument(
        "--fail-on", choices=tuple(STATUSES),
        help=f"exit with status {STATUSES['watch']} if rates are to be watched, {STATUSES['pause']} if sending is to pause;"
        " with `pause` only the latter",
    )  # fmt: skip


def status_of(decision: str | None, fail_on: str | None) -> int:
    """Return the exit status: that of `decision` if it is at least as strict as `fail_on`, else 0.

    :param decision: a :class:`~undeliverable.rates.Decision` or its text, None where nothing could be decided.
    :param fail_on: the value of the option, None if it was not given.
    """
    status = STATUSES.get(str(decision), 0)
    return status if fail_on is not None and status >= STATUSES[fail_on] else 0
