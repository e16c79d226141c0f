"""What a clause of a reply is for, and what makes its cause doubtful."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

__all__ = ["LANGUAGE_KEYS", "NO_DOUBTS", "TRAILER", "WRAPPER", "Clause", "Doubts", "Role"]

LANGUAGE_KEYS: Final = (
    "temporary",
    "not_temporary",
    "hedge",
    "hedge_either",
    "either",
    "either_hedged",
    "advice",
    "footer",
    "frame",
    "courtesy",
)
"""The keys of the table ``[reply]`` of a file in ``data/languages``."""
WRAPPER: Final = "wrapper"
TRAILER: Final = "trailer"
"""The keys of ``data/clients.toml`` for what a client wrote around a reply, and behind it."""


class Role(StrEnum):
    """What a clause is for."""

    CAUSE = "cause"
    ADVICE = "advice"
    FOOTER = "footer"
    FRAME = "frame"  # introduces a cause: "could not be delivered: "
    WRAPPER = "wrapper"  # what a client wrote around a reply: "Giving up on 192.0.2.1."
    COURTESY = "courtesy"


class Clause(NamedTuple):
    """A part of a text, by its offsets, and its role."""

    start: int
    end: int
    role: Role


class Doubts(NamedTuple):
    """The words by which a reply says that its cause may pass, may be another, or is not about the recipient.

    :ivar temporary: words of time in a clause that states the cause: "temporarily".
    :ivar hedge: words that introduce several possible causes, or stand between them: "may not exist", "or"; or make one a mere supposition.
    :ivar resolver: words of a program that cannot find the host it hands its own mail to.
    :ivar noun: the concept that the causes are about instead of a recipient: "sender".
    :ivar denied: the concept of the state that the causes say the mailbox is not in: "disabled".
    """

    temporary: str | None = None
    hedge: str | None = None
    resolver: str | None = None
    noun: str | None = None
    denied: str | None = None


NO_DOUBTS: Final = Doubts()
