"""Pages of enhanced status codes: one for each that a server's wording is known for, and one for the other registered ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Final, NamedTuple

from tests.generate.codes.parts import NOTE, causes, kinds_of, page, provider_title, sentence, table_of_reasons
from tests.generate.codes.samples import Sample, of_status
from undeliverable import RegisteredStatus, StatusCode, registered

__all__ = ["OTHERS", "SUBJECTS", "Status", "others", "pages", "statuses"]

OTHERS: Final = "registered"
"""The page of registered codes that no known wording has."""

SUBJECTS: Final = (
    "Other",
    "Address",
    "Mailbox",
    "Mail system",
    "Network and routing",
    "Mail delivery protocol",
    "Message content or media",
    "Security or policy",
)


class Status(NamedTuple):
    """An enhanced status code, whatever its class.

    :ivar codes: the codes that stand in samples or are registered; the permanent one first.
    :ivar used: samples of servers.
    :ivar plain: samples of the code alone.
    """

    codes: tuple[StatusCode, ...]
    entry: RegisteredStatus | None
    used: tuple[Sample, ...]
    plain: tuple[Sample, ...]

    @property
    def name(self) -> str:
        """Return the name of its page."""
        return str(self.codes[0])

    @property
    def title(self) -> str:
        """Return what it means in a few words."""
        if self.entry is not None:
            return self.entry.title
        first = kinds_of(self.used)[0].verdict.reason
        assert first is not None
        return sentence(causes()[first])

    @property
    def users(self) -> tuple[str, ...]:
        """Return the titles of the providers that use it, without repetition."""
        return tuple(dict.fromkeys(provider_title(one.provider) for one in self.used if one.provider))


@cache
def _all() -> tuple[Status, ...]:
    return tuple(_status(key, used, plain) for key, (used, plain) in of_status().items())


def _status(key: tuple[int, int], used: tuple[Sample, ...], plain: tuple[Sample, ...]) -> Status:
    classes = {one.verdict.status.class_ for one in (*used, *plain) if one.verdict.status is not None}
    codes = tuple(StatusCode(class_, *key) for class_ in sorted(classes, reverse=True))
    return Status(codes, registered(codes[0]), used, plain)


def statuses() -> tuple[Status, ...]:
    """Return the status codes that have a page of their own."""
    return tuple(status for status in _all() if status.used)


def others() -> tuple[Status, ...]:
    """Return the registered ones without a page of their own."""
    return tuple(status for status in _all() if not status.used)


def pages() -> dict[str, str]:
    """Return every page by its path."""
    found = {status.name: "\n".join(_page(status)) for status in statuses()}
    found[OTHERS] = "\n".join(_others())
    return found


def _page(status: Status) -> Iterator[str]:
    yield f"# {' and '.join(map(str, status.codes))}: {status.title}\n"
    yield f"{NOTE}\n"
    yield from _meaning(status)
    yield from page((*status.used, *status.plain), of=str(status.codes[0]))


def _meaning(status: Status) -> Iterator[str]:
    subject = status.codes[0].subject
    about = SUBJECTS[subject].lower() if subject < len(SUBJECTS) else "another subject"
    if status.entry is not None:
        where = f"subject {subject}: {about}"
        source = f"{where}; {', '.join(status.entry.rfcs)}" if status.entry.rfcs else where
        yield f"{status.entry.description} ({source})\n" if status.entry.description else f"{sentence(source)}.\n"
    else:
        users = " and ".join(status.users[:3]) or "single servers"
        yield f"The code is not in the IANA registry; it is used by {users}. Its subject, {subject}, is {about}.\n"
    if len(status.codes) == 1:
        code = status.codes[0]
        other = StatusCode(9 - code.class_, code.subject, code.detail)
        differs = "may pass" if other.is_transient else "is permanent"
        yield f"`{other}` means the same of a failure that {differs}.\n"
    else:
        yield "The first digit is 5 where the failure is permanent, and 4 where it may pass.\n"


def _others() -> Iterator[str]:
    yield "# Other registered status codes\n"
    yield f"{NOTE}\n"
    yield "These enhanced status codes are in the IANA registry, and no provider's wording with them is known.\n"
    for status in others():
        yield f"## {' and '.join(map(str, status.codes))}: {status.title}\n"
        entry = status.entry
        assert entry is not None
        if entry.description:
            yield f"{entry.description} ({', '.join(entry.rfcs)})\n"
        yield from table_of_reasons(_permanent_first(kinds_of(status.plain)))
        yield ""


def _permanent_first(kinds: Sequence[Sample]) -> list[Sample]:
    return sorted(kinds, key=lambda one: one.verdict.status is not None and one.verdict.status.is_transient)
