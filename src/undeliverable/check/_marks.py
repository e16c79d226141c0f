"""Marks of addresses: mailboxes of a role, and of services that give them away for minutes.

A mark is a remark and no verdict: `info@` may be the only address that a shop has, and who gave a throwaway address may be
a customer all the same. The lists are data of the package, with their source and licence; a list of disposable domains is
old after a month, so a newer one can be given.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any, Final

from undeliverable.check._meaning import Explained
from undeliverable.data import read

__all__ = ["Mark", "Marker"]

_SEPARATORS: Final = str.maketrans("", "", ".-_")


class Mark(Explained):
    """A remark about an address; each member's ``meaning`` is a sentence."""

    ROLE = "role", "It belongs to a task, such as postmaster or info, and not to a person."
    DISPOSABLE = "disposable", "Its domain gives away mailboxes for minutes or days."


class Marker:
    """The lists by which addresses are marked.

    :ivar disposable: domains of disposable mailboxes; their subdomains belong to them.
    """

    __slots__ = ("_endings", "_roles", "disposable")

    def __init__(self, lines: Iterable[str] = ()) -> None:
        """Use the lists of the package.

        :param lines: a list of one's own on top of them: a domain on each line, ``!`` before one that is not disposable,
            ``#`` before a comment.
        """
        roles = _roles()
        self._roles = frozenset(_folded(name) for group in roles["group"] for name in group["names"])
        self._endings = tuple(roles["endings"])
        added, removed = set[str](), set[str]()
        for line in lines:
            word = line.partition("#")[0].strip().lower().rstrip(".")
            (removed if word.startswith("!") else added).add(word.lstrip("!@").strip())
        self.disposable = (_disposable() | added) - removed - {""}

    def marks_of(self, local: str, domain: str) -> tuple[Mark, ...]:
        """Return the marks of an address.

        :param local: the local part.
        :param domain: the domain in DNS form (A-labels), in lower case.
        """
        found = list[Mark]()
        if self._is_role(local.strip('"').partition("+")[0].casefold()):
            found.append(Mark.ROLE)
        if self._is_disposable(domain):
            found.append(Mark.DISPOSABLE)
        return tuple(found)

    def _is_role(self, name: str) -> bool:
        return _folded(name) in self._roles or name.endswith(self._endings)

    def _is_disposable(self, domain: str) -> bool:
        while "." in domain:
            if domain in self.disposable:
                return True
            domain = domain.partition(".")[2]
        return False


def _folded(name: str) -> str:
    return name.casefold().translate(_SEPARATORS)


@cache
def _roles() -> dict[str, Any]:
    import tomllib

    return tomllib.loads(read("addresses/roles.toml"))


@cache
def _disposable() -> frozenset[str]:
    lines = read("addresses/disposable_domains.txt").splitlines()
    return frozenset(line for line in lines if not line.startswith("#"))
