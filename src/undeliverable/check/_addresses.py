"""Check whole lists: each address gives one result, in order.

Syntax, duplicates and the suppression list are checked first; only the remaining addresses need DNS. The list is read
ahead, so that many domains are queried at the same time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Final, Protocol

from email_validator import EmailNotValidError, ValidatedEmail, validate_email

from undeliverable.check._canaries import Canaries
from undeliverable.check._lookups import Lookups
from undeliverable.check._marks import Mark, Marker
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
    :ivar marks: remarks, which change nothing by themselves: a role address, a disposable domain.
    :ivar wants_review: True if one of the marks is to be reviewed.
    """

    address: str
    cause: Cause
    detail: str = ""
    domain: str | None = None
    hosts: tuple[str, ...] = ()
    suggestion: str | None = None
    marks: tuple[Mark, ...] = ()
    wants_review: bool = False

    @property
    def next(self) -> Next:
        """The next step for the address; one that is probably mistyped needs a review before it is used."""
        following = NEXT[self.cause]
        doubtful = self.suggestion is not None or self.wants_review
        return Next.REVIEW if following is Next.SEND and doubtful else following

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
            "marks": list(map(str, self.marks)),
        }


def check_addresses(
    addresses: Iterable[str],
    *,
    lookups: Lookups | None = None,
    against: Against | None = None,
    suggest: Callable[[str], str | None] = suggest_domain,
    marker: Marker | None = None,
    review: Collection[str] = (),
    own_network: bool = False,
) -> Iterator[Checked]:
    """Yield the result for each of `addresses`, in order.

    The list is read ahead, so that many domains are queried at the same time; memory grows only by the keys that detect
    duplicates. No mail server is ever contacted.

    :param lookups: the DNS client; by default one that uses the system's name servers.
    :param against: a suppression list; the domains of its addresses are not queried.
    :param suggest: a function that returns the domain that was probably meant, or None.
    :param marker: the lists of role addresses and disposable domains; by default those of the package.
    :param review: marks whose addresses need a review before they are used; by default marks change nothing.
    :param own_network: whether mail exchangers at private addresses count: those of one's own network.
    :raises ResolverError: when the name servers cannot be believed; what was yielded before remains right.
    """
    own = Lookups() if lookups is None else None
    asked: Lookups = lookups or own  # type: ignore[assignment] # one of them is set
    finished = partial(_finished, asked.canaries, frozenset(review), own_network)
    try:
        waiting: deque[_Draft] = deque()
        for draft in _drafts(addresses, against, partial(_draft, suggest=suggest, marker=marker or Marker())):
            if draft.open:
                asked.canaries.begin()
                draft.records = asked.records(draft.domain)
            waiting.append(draft)
            if len(waiting) > _AHEAD:
                yield finished(waiting.popleft())
        while waiting:
            yield finished(waiting.popleft())
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
    marks: tuple[Mark, ...] = ()

    @property
    def open(self) -> bool:
        return self.finding is None


def _finished(canaries: Canaries, review: frozenset[str], own_network: bool, draft: _Draft) -> Checked:  # noqa: FBT001
    finding = draft.finding
    if finding is None:
        assert draft.records is not None
        records = draft.records.result()
        finding = judge(draft.domain, records, own_network=own_network)
        if NEXT[finding.cause] is Next.LEAVE_OUT:
            canaries.confirm(draft.domain, finding, records.time)
    return Checked(
        draft.address,
        finding.cause,
        finding.detail,
        draft.domain or None,
        finding.hosts,
        draft.suggestion,
        draft.marks,
        not review.isdisjoint(draft.marks),
    )


def _drafts(
    addresses: Iterable[str], against: Against | None, draft_of: Callable[[int, str, dict[str, int]], _Draft]
) -> Iterator[_Draft]:
    source, seen = enumerate(addresses, start=1), dict[str, int]()
    while batch := list(islice(source, _BATCH)):
        drafts = [draft_of(number, address, seen) for number, address in batch]
        if against is not None:
            still = [draft for draft in drafts if draft.open]
            for draft, (_, suppressed) in zip(still, against.check([d.address for d in still]), strict=True):
                if suppressed:
                    draft.finding = Finding(Cause.SUPPRESSED, "on the suppression list")
        yield from drafts


def _draft(
    number: int, address: str, seen: dict[str, int], *, suggest: Callable[[str], str | None], marker: Marker
) -> _Draft:
    """Check an address without DNS, and add it to `seen`."""
    valid = _validated(address.strip())
    if isinstance(valid, Finding):
        return _Draft(address, valid)
    draft = _Draft(address, domain=valid.ascii_domain.lower())
    draft.marks = marker.marks_of(valid.local_part, draft.domain)
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
