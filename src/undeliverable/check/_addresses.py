"""Check whole lists: each address gives one result, in order.

Syntax, duplicates and the suppression list are checked first; only the remaining addresses need DNS. The list is read
ahead, so that many domains are queried at the same time.
"""

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
_AHEAD: Final = 20_000  # addresses whose domains may be queried ahead of the result that is waited for
_LONGEST: Final = 2_048  # characters; longer texts are not parsed


class Against(Protocol):
    """A list of addresses that must not receive mail, such as a :class:`~undeliverable.store.SuppressionList`."""

    def check(self, addresses: Iterable[str], /) -> Iterable[tuple[str, bool]]:
        """Return each of `addresses` with True if it is suppressed, in order."""
        ...


@dataclass(frozen=True, slots=True)
class Checked:
    """The result for one address of a list.

    :ivar address: the address as written in the list.
    :ivar cause: the finding.
    :ivar detail: the finding in words, with names.
    :ivar domain: the domain in DNS form (A-labels), None if the address has none.
    :ivar hosts: the hosts that accept the domain's mail.
    :ivar suggestion: the address that was probably meant, if the domain looks mistyped; never applied.
    """

    address: str
    cause: Cause
    detail: str = ""
    domain: str | None = None
    hosts: tuple[str, ...] = ()
    suggestion: str | None = None

    @property
    def next(self) -> Next:
        """The next step for the address; one that is probably mistyped needs a review before it is used."""
        following = NEXT[self.cause]
        return Next.REVIEW if following is Next.SEND and self.suggestion is not None else following

    def to_dict(self) -> dict[str, object]:
        """Return the result as JSON values."""
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
    """Yield the result for each of `addresses`, in order.

    The list is read ahead, so that many domains are queried at the same time; memory grows only by the keys that detect
    duplicates. No mail server is ever contacted.

    :param lookups: the DNS client; by default one that uses the system's name servers.
    :param against: a suppression list; the domains of its addresses are not queried.
    :param suggest: a function that returns the domain that was probably meant, or None.
    """
    own = Lookups() if lookups is None else None
    asked: Lookups = lookups or own  # type: ignore[assignment] # one of them is set
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
    """An unfinished result; `finding` is set when no DNS query is needed."""

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
    """Check an address without DNS, and add it to `seen`."""
    valid = _validated(address.strip())
    if isinstance(valid, Finding):
        return _Draft(address, valid)
    draft = _Draft(address, domain=valid.ascii_domain.lower())
    # RFC 5321 2.4 lets case matter in local parts, but in practice both spellings reach the same person.
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
        return Finding(Cause.SYNTAX, "The address is empty.")
    if len(address) > _LONGEST:
        return Finding(Cause.SYNTAX, "The text is too long for an address.")
    try:
        # DNS decides whether a domain exists; special-use names (RFC 6761) are no syntax error.
        valid = validate_email(
            address, check_deliverability=False, allow_quoted_local=True, globally_deliverable=False, strict=True
        )
    except EmailNotValidError as error:
        return Finding(Cause.SYNTAX, str(error))
    if "." not in valid.ascii_domain:
        return Finding(Cause.SYNTAX, f"The domain {valid.domain} has no dot.")
    return valid
