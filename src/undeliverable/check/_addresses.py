"""Whole lists: every address comes out once, in its place, with what was found out about it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import islice
from typing import Final, Protocol

from email_validator import EmailNotValidError, ValidatedEmail, validate_email

from undeliverable.check._lookups import Lookups
from undeliverable.check._records import NEXT, Cause, Finding, Next, Records, judge
from undeliverable.recommend import suggest_domain

__all__ = ["Against", "Checked", "check_addresses"]

_BATCH: Final = 1_000
_AHEAD: Final = 20_000  # addresses whose domains are asked for before the first of them has to be done
_LONGEST: Final = 2_048  # characters: what is longer is no address, and need not be looked at


class Against(Protocol):
    """A list of addresses that are not to be sent to: a :class:`~undeliverable.store.SuppressionList` is one."""

    def check(self, addresses: Iterable[str], /) -> Iterable[tuple[str, bool]]:
        """Each of `addresses` with whether it is suppressed, in their order."""
        ...


@dataclass(frozen=True, slots=True)
class Checked:
    """One address of a list and what was found out.

    :ivar address: as it stood in the list.
    :ivar cause: what was found out.
    :ivar detail: the same in words, with names.
    :ivar domain: the domain as DNS knows it (A-labels), None where the address has none.
    :ivar hosts: the hosts that take the domain's mail.
    :ivar suggestion: the address that was probably meant, where the domain looks mistyped; never applied by itself.
    """

    address: str
    cause: Cause
    detail: str = ""
    domain: str | None = None
    hosts: tuple[str, ...] = ()
    suggestion: str | None = None

    @property
    def next(self) -> Next:
        """What to do with the address; one that is probably mistyped is looked at before it is sent to."""
        following = NEXT[self.cause]
        return Next.REVIEW if following is Next.SEND and self.suggestion is not None else following

    def to_dict(self) -> dict[str, object]:
        """The result as JSON values."""
        return {
            "address": self.address,
            "cause": str(self.cause),
            "next": str(self.next),
            "detail": self.detail,
            "domain": self.domain,
            "hosts": list(self.hosts),
            "suggestion": self.suggestion,
        }


def check_addresses(
    addresses: Iterable[str],
    *,
    lookups: Lookups | None = None,
    against: Against | None = None,
    suggest: Callable[[str], str | None] = suggest_domain,
) -> Iterator[Checked]:
    """Each of `addresses` with what was found out about it, in their order.

    The list is read ahead, so that many domains are asked for at a time; memory grows only by what it takes to know a
    duplicate. Nothing is ever sent to a mail server.

    :param lookups: how DNS is asked; with the system's name servers unless given.
    :param against: what is suppressed already; these domains are not asked for.
    :param suggest: gives the domain that was probably meant, or None.
    """
    own = Lookups() if lookups is None else None
    asked: Lookups = lookups or own  # type: ignore[assignment] # one of them is there
    try:
        waiting: deque[_Draft] = deque()
        for draft in _drafts(addresses, against, suggest):
            if draft.open:
                draft.records = asked.records(draft.domain)
            waiting.append(draft)
            if len(waiting) > _AHEAD:
                yield waiting.popleft().finished()
        while waiting:
            yield waiting.popleft().finished()
    finally:
        if own is not None:
            own.close()


@dataclass(slots=True)
class _Draft:
    """An address on its way; `finding` is there as soon as DNS need not be asked."""

    address: str
    finding: Finding | None = None
    domain: str = ""
    suggestion: str | None = None
    records: Future[Records] | None = None

    @property
    def open(self) -> bool:
        return self.finding is None

    def finished(self) -> Checked:
        finding = self.finding
        if finding is None:
            assert self.records is not None
            finding = judge(self.domain, self.records.result())
        return Checked(self.address, finding.cause, finding.detail, self.domain or None, finding.hosts, self.suggestion)


def _drafts(
    addresses: Iterable[str], against: Against | None, suggest: Callable[[str], str | None]
) -> Iterator[_Draft]:
    source, seen = enumerate(addresses, start=1), dict[str, int]()
    while batch := list(islice(source, _BATCH)):
        drafts = [_draft(number, address, seen, suggest) for number, address in batch]
        if against is not None:
            still = [draft for draft in drafts if draft.open]
            for draft, (_, suppressed) in zip(still, against.check([d.address for d in still]), strict=True):
                if suppressed:
                    draft.finding = Finding(Cause.SUPPRESSED, "on the suppression list")
        yield from drafts


def _draft(number: int, address: str, seen: dict[str, int], suggest: Callable[[str], str | None]) -> _Draft:
    """What can be said of an address without asking anybody; `seen` is added to."""
    valid = _validated(address.strip())
    if isinstance(valid, Finding):
        return _Draft(address, valid)
    draft = _Draft(address, domain=valid.ascii_domain.lower())
    # Local parts differ in case only on paper (RFC 5321 2.4): the second one would reach the same person.
    same = f"{valid.local_part.casefold()}@{draft.domain}"
    first = seen.setdefault(same, number)
    if first != number:
        draft.finding = Finding(Cause.DUPLICATE, f"the same as address {first}")
    meant = suggest(draft.domain)
    if meant is not None:
        draft.suggestion = f"{valid.local_part}@{meant}"
    return draft


def _validated(address: str) -> ValidatedEmail | Finding:
    if not address:
        return Finding(Cause.SYNTAX, "There is nothing.")
    if len(address) > _LONGEST:
        return Finding(Cause.SYNTAX, "It is longer than any address.")
    try:
        # DNS says which domains exist; that names for special use (RFC 6761) do not is no question of syntax.
        valid = validate_email(
            address, check_deliverability=False, allow_quoted_local=True, globally_deliverable=False, strict=True
        )
    except EmailNotValidError as error:
        return Finding(Cause.SYNTAX, str(error))
    if "." not in valid.ascii_domain:
        return Finding(Cause.SYNTAX, f"The domain {valid.domain} has no dot.")
    return valid
