"""What to do with a refused message where no policy says so, as ``data/message.toml`` has it.

The file is in the language of policies. The index holds what it says of every case, so that a verdict costs one look-up
and a start reads no conditions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from undeliverable.errors import EntryError
from undeliverable.errors._tables import as_list, as_table, refuse_unknown
from undeliverable.model import Command
from undeliverable.reasons import AppliesTo, MessageAdvice, Reason
from undeliverable.verdict import DefaultWait

if TYPE_CHECKING:
    from undeliverable._rules.circumstances import Circumstances

__all__ = ["CLOSING", "COMMANDS", "Handled", "Handling", "all_cases"]

CLOSING: Final = 421
"""The reply after which a server closes the connection, whatever it answered (RFC 5321 3.8)."""
COMMANDS: Final[tuple[Command | None, ...]] = (None, *Command)
_LISTS: Final = ("temporary", "permanent", "applies_to")
_CONDITIONS: Final = frozenset(("reason", "fault", "command", "reply"))
_CODES: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_PER_COMMAND: Final = 4  # temporary or not, closing or not


class Handled(NamedTuple):
    """What to do with a message: by itself, with what else, and after how many seconds if the reply states none."""

    message_advice: MessageAdvice
    applies_to: AppliesTo
    retry_after: DefaultWait | None


class Handling:
    """The defaults, as the index holds them: a letter for each case of a reason.

    :param table: what :func:`all_cases` returned.
    """

    def __init__(self, table: Mapping[str, Any]) -> None:
        self._rows: Final = [
            Handled(MessageAdvice(advice), AppliesTo(about), None if wait is None else DefaultWait(wait))
            for advice, about, wait in table["rows"]
        ]
        self._cases: Final[Mapping[str, str]] = table["cases"]
        self.of: Final = lru_cache(maxsize=None)(self._of)  # there are some 1,000 cases

    def _of(self, reason: Reason, command: Command | None, *, temporary: bool, closing: bool) -> Handled:
        """Return what to do about a refusal.

        :param closing: whether the reply code is 421.
        """
        place = COMMANDS.index(command) * _PER_COMMAND + 2 * temporary + closing
        return self._rows[_CODES.index(self._cases[reason][place])]


class _Entry(NamedTuple):
    when: Circumstances
    then: Mapping[str, object]


def all_cases(document: Mapping[str, object]) -> dict[str, object]:
    """Return what the file says of every case, for the index.

    :raises EntryError: for an unknown key, and for a condition that is of no case.
    """
    refuse_unknown(document, _LISTS)
    temporary, permanent, applies_to = (tuple(_entries(document, name)) for name in _LISTS)
    rows: list[list[object]] = []
    cases: dict[str, str] = {}
    for reason in Reason:
        letters = ""
        for command in COMMANDS:
            for advised in (permanent, temporary):
                for reply in (0, CLOSING):
                    row = _row((*advised, *applies_to), reason, command, reply)
                    if row not in rows:
                        rows.append(row)
                    letters += _CODES[rows.index(row)]
        cases[reason] = letters
    return {"rows": rows, "cases": cases}


def _row(entries: Sequence[_Entry], reason: Reason, command: Command | None, reply: int) -> list[object]:
    from undeliverable._rules.failure import Failure

    failure = Failure(reason, reply, 0, command)
    found: dict[str, object] = {}
    for entry in entries:
        if entry.when.fits(failure):
            found = {**entry.then, **found}
    wait = found.get("retry_after") if found["message_advice"] != MessageAdvice.GIVE_UP else None
    return [found["message_advice"], found["applies_to"], wait]


def _entries(document: Mapping[str, object], name: str) -> Iterator[_Entry]:
    from undeliverable._rules.circumstances import Circumstances

    for table in as_list(document.get(name)) or ():
        entry = as_table(table) or {}
        refuse_unknown(entry, ("when", "then"), f"{name}.")
        when, then = as_table(entry.get("when", {})) or {}, as_table(entry.get("then")) or {}
        refuse_unknown(when, _CONDITIONS, f"{name}.when.")
        refuse_unknown(then, Handled._fields, f"{name}.then.")
        if when.get("reply", str(CLOSING)) != str(CLOSING):
            raise EntryError(f"only {CLOSING} makes a difference", key=f"{name}.when.reply")
        yield _Entry(Circumstances.compile(when), then)
