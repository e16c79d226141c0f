"""Reply codes (RFC 5321 4.2) and enhanced status codes (RFC 3463): parse, compare, match, find in text.

A code in free text is easily mistaken: IP addresses, versions, dates and queue ids hold the same digits. The two
``find`` functions therefore demand that a code stands alone: no digit, letter, dot or hyphen may touch it except as
RFC 5321 4.2.1 has it (``550-`` on all but the last line).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from undeliverable._text.lazy import lazy
from undeliverable._text.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["RegisteredStatus", "ReplyCode", "StatusCode", "find_reply_code", "find_status", "registered"]

_CLASSES: Final = frozenset((2, 4, 5))  # RFC 3463 2: success, persistent transient failure, permanent failure

# RFC 3463 2: subject and detail have one to three digits, without leading zeros. What stands around the code in real
# replies: "(#5.1.1)", "[5.1.1]", "5.1.1:", "550-5.1.1", "(5.1.1 - bad)". What it must not be: a part of 192.5.1.1,
# v5.1.1, 5.1.1.2, 5.1.1-beta, postfix-5.1.1.
STATUS: Final = lazy(
    r"(?<![\w.@/])(?<![A-Za-z_]-)([245])\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})(?![\w@]|\.\w|-[A-Za-z]|/\d)", re.ASCII
)
# RFC 5321 4.2: the second digit runs from 0 to 5. A code stands at the beginning of a line or after white space or a
# bracket, and before white space, a hyphen that continues the reply, or the end.
REPLY: Final = lazy(
    r"(?<![^\s(\[<:;,#='\"|])([2-5][0-5]\d)(?=[\s:;,)\]>'\"|]|-(?![\d-]{3}\b(?!\.)|[A-Za-z]{3} )|$)", re.ASCII
)
_WILD: Final = frozenset("xX*")


@dataclass(frozen=True, slots=True, order=True)
class StatusCode:
    """An enhanced mail system status code, RFC 3463 2.

    :ivar class_: 2 (success), 4 (persistent transient failure) or 5 (permanent failure).
    :ivar subject: 0 to 999; 1 is the address, 2 the mailbox, 3 the system, 4 the network, 5 the protocol, 6 the
        content, 7 security or policy.
    :ivar detail: 0 to 999, with a meaning of its own under each subject.
    """

    class_: int
    subject: int
    detail: int

    def __str__(self) -> str:
        return f"{self.class_}.{self.subject}.{self.detail}"

    @property
    def is_permanent(self) -> bool:
        """True for class 5: this message will not go through. It does not say that the address is bad."""
        return self.class_ == 5

    @property
    def is_transient(self) -> bool:
        """True for class 4: the same message may go through later."""
        return self.class_ == 4

    @classmethod
    def parse(cls, text: str) -> StatusCode:
        """Return the code that `text` is, apart from white space around it.

        :raises ValueError: when `text` is not a status code of class 2, 4 or 5.
        """
        match = STATUS.fullmatch(text.strip())
        if match is None:
            raise ValueError(f"not an enhanced status code (RFC 3463): {text!r}")
        return status_of(match[1], match[2], match[3])

    def matches(self, pattern: str) -> bool:
        """Return whether the code fits `pattern`, such as ``"5.1.1"``, ``"5.7.*"``, ``"X.1.1"``: ``x`` and ``*`` fit all.

        :raises ValueError: when `pattern` has not three parts, each a number or a wildcard.
        """
        parts = pattern.split(".")
        if len(parts) != 3 or not all(part in _WILD or part.isdecimal() for part in parts):
            raise ValueError(f"not a pattern of a status code: {pattern!r}")
        mine = (self.class_, self.subject, self.detail)
        return all(part in _WILD or int(part) == number for part, number in zip(parts, mine, strict=True))


@lru_cache(maxsize=1024)
def status_of(class_: str, subject: str, detail: str) -> StatusCode:
    """Return the code of three strings of digits that a pattern has already checked; equal codes are one object."""
    return StatusCode(int(class_), int(subject), int(detail))


class ReplyCode(int):
    """A basic SMTP reply code, RFC 5321 4.2: an integer from 200 to 559 whose second digit is 0 to 5."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> ReplyCode:
        """Return the code that `text` is, apart from white space around it.

        :raises ValueError: when `text` is not three digits in the ranges of RFC 5321 4.2.
        """
        code = REPLY_CODES.get(text.strip())
        if code is None:
            raise ValueError(f"not a reply code (RFC 5321 4.2): {text!r}")
        return code

    @property
    def is_permanent(self) -> bool:
        """True for 5yz: this message will not go through."""
        return self >= 500

    @property
    def is_transient(self) -> bool:
        """True for 4yz: the same message may go through later."""
        return 400 <= self < 500

    def matches(self, pattern: str) -> bool:
        """Return whether the code fits `pattern`, three digits or wildcards: ``"550"``, ``"45x"``, ``"5**"``.

        :raises ValueError: when `pattern` is anything else.
        """
        if len(pattern) != 3 or not all(char in _WILD or char.isdecimal() for char in pattern):
            raise ValueError(f"not a pattern of a reply code: {pattern!r}")
        return all(char in _WILD or char == digit for char, digit in zip(pattern, str(int(self)), strict=True))


REPLY_CODES: Final = {
    f"{first}{second}{third}": ReplyCode(100 * first + 10 * second + third)
    for first in range(2, 6)
    for second in range(6)
    for third in range(10)
}


def find_status(text: str, start: int = 0) -> StatusCode | None:
    """Return the first enhanced status code in `text` from `start` on that stands alone, or None."""
    match = STATUS.search(text, start)
    return status_of(match[1], match[2], match[3]) if match else None


def find_reply_code(text: str, start: int = 0) -> ReplyCode | None:
    """Return the first reply code in `text` from `start` on that stands alone, or None."""
    match = REPLY.search(text, start)
    return REPLY_CODES[match[1]] if match else None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RegisteredStatus(Record):
    """An entry of the IANA registry of enhanced status codes.

    :ivar subject: the second number.
    :ivar detail: the third number.
    :ivar title: the registered sample text.
    :ivar description: the registered description.
    :ivar rfcs: the defining documents, such as ``("RFC 3463",)``.
    :ivar basic: the reply codes that the registry associates with it; empty where it says "any" or nothing.
    """

    subject: int
    detail: int
    title: str
    description: str
    rfcs: tuple[str, ...]
    basic: tuple[int, ...]

    def __str__(self) -> str:
        return f"X.{self.subject}.{self.detail}"


def registered(status: StatusCode) -> RegisteredStatus | None:
    """Return the IANA entry of `status`, whatever its class, or None: 4.1.1 and 5.1.1 are both ``X.1.1``."""
    return _entries().get((status.subject, status.detail))


@lru_cache(maxsize=1)
def _entries() -> dict[tuple[int, int], RegisteredStatus]:
    from undeliverable.codes._registry import REGISTERED

    return {(row[0], row[1]): RegisteredStatus(*row) for row in REGISTERED}
