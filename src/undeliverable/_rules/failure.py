"""What policies see of a failure: of the reply, of the report, and of what the caller knows and passes in.

The library asks no DNS and has no clock: hosts and the time are arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from undeliverable._text.identity import domain_identity
from undeliverable.errors._tables import as_list, as_table, unknown
from undeliverable.model import Command
from undeliverable.reasons import Reason

if TYPE_CHECKING:
    from typing import TypeAlias

    from undeliverable.model import Returned

    Hosts: TypeAlias = object
    """A host, or a list of them, or what gives them by the recipient's domain: a mapping, or a function."""

__all__ = ["Caller", "Failure", "caller_of", "domain_of"]

_CONTEXT: Final = ("tenant", "stream", "source", "attempts", "age")


class Caller(NamedTuple):
    """What the caller of the library knows beside the reply; None and empty: unknown.

    :ivar mx: the MX hosts of the recipient's domain, or what gives them.
    :ivar sender: the sender's address or domain.
    :ivar tenant: the caller's customer.
    :ivar stream: the stream of mail.
    :ivar source: the sending IP address, and the name of its pool.
    :ivar attempts: how often delivery was tried.
    :ivar age: the age of the message in seconds.
    """

    mx: Hosts = None
    now: datetime | None = None
    sender: str | None = None
    tenant: str | None = None
    stream: str | None = None
    source: tuple[str, ...] = ()
    attempts: float | None = None
    age: float | None = None

    def mx_hosts(self, domain: str | None) -> tuple[str, ...]:
        """Return the MX hosts of `domain`, as far as the caller gave any.

        :raises ValueError: when what the caller gave holds anything but names, such as the answers of a DNS library.
        """
        mx: object = self.mx
        table = as_table(mx)
        if table is not None:
            mx = None if domain is None else table.get(domain)
        elif callable(mx):
            mx = None if domain is None else mx(domain)
        listed = (mx,) if isinstance(mx, str) or not isinstance(mx, Iterable) else tuple(cast("Iterable[object]", mx))
        names = [host for host in listed if isinstance(host, str)]
        if len(names) < len(listed) and mx is not None:
            raise ValueError(f"mx: must be names of hosts: {mx!r}")
        return tuple(domain_identity(host) for host in names if host.strip("."))


def caller_of(
    mx: Hosts = None,
    context: Mapping[str, object] | None = None,
    now: datetime | None = None,
    sender: str | None = None,
) -> Caller:
    """Return what the arguments of a function that judges say, checked.

    :raises ValueError: for an unknown key of `context` or a value of another type, and for a time without a zone.
    """
    given: Mapping[str, object] | None = {} if context is None else as_table(context)
    if given is None:
        raise ValueError(f"context: must be a mapping: {context!r}")
    for key in given:
        if key not in _CONTEXT:
            raise ValueError(f"context: {unknown('key', key, _CONTEXT)}")
    moment = cast("object", now)
    if moment is not None and (not isinstance(moment, datetime) or moment.tzinfo is None):
        wanted = "have a time zone" if isinstance(moment, datetime) else f"be a datetime with a time zone, not {now!r}"
        raise ValueError(f"now: must {wanted}, such as datetime.now(UTC)")
    source = given.get("source")
    return Caller(
        mx,
        now,
        sender,
        _word(given, "tenant"),
        _word(given, "stream"),
        () if source is None else tuple(map(str, as_list(source) or (source,))),
        _number(given, "attempts"),
        _number(given, "age"),
    )


def _word(given: Mapping[str, object], key: str) -> str | None:
    value = given.get(key)
    return None if value is None else str(value).casefold()


def _number(given: Mapping[str, object], key: str) -> float | None:
    value = given.get(key)
    if isinstance(value, timedelta):
        return value.total_seconds()
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise ValueError(f"context: {key!r} must be a number")
    return value


def domain_of(address: str | None) -> str | None:
    """Return the domain of an address, or the domain itself, in the form that conditions compare; None if there is none."""
    domain = "" if address is None else address.strip().strip("<>").rpartition("@")[2]
    return domain_identity(domain) or None


class Failure:
    """One failure as policies see it: codes as integers (0: none), names casefolded.

    What takes time is found when a condition first asks for it.

    :ivar provider: who received the mail, if anything says so.
    :ivar service: the e-mail service that reported it, or None.
    :ivar classes: the class that the service gave it, alone and as ``class/subclass``.
    """

    def __init__(  # noqa: PLR0913 # one for each fact
        self,
        reason: Reason,
        reply: int,
        status: int,
        command: Command | None = None,
        *,
        provider: str | None = None,
        expired: bool = False,
        service: str | None = None,
        classes: tuple[str | None, str | None] = (None, None),
        recipient: str | None = None,
        host: str | None = None,
        seen: Callable[[], str] = str,
        code: Callable[[], str | None] | None = None,
        returned: Returned | None = None,
        caller: Caller | None = None,
    ) -> None:
        """Keep the facts.

        :param seen: gives the reply as rules see it.
        :param code: gives the receiver's own code in the reply.
        :param returned: the original message, as far as the report holds it.
        """
        self.reason = reason
        self.reply = reply
        self.status = status
        self.command = command
        self.provider = provider
        self.expired = expired
        self.service = service
        self.classes = classes
        self.hosts = () if host is None else (domain_identity(host),)
        self._recipient = recipient
        self._seen = seen
        self._code = code
        self._returned = returned
        self._caller = _UNKNOWN if caller is None else caller

    @cached_property
    def text(self) -> str:
        """The reply as rules see it."""
        return self._seen()

    @cached_property
    def vendor_codes(self) -> tuple[str, ...]:
        """The receiver's own code in the reply, casefolded, if there is one."""
        code = None if self._code is None else self._code()
        return () if code is None else (code.casefold(),)

    @cached_property
    def domains(self) -> tuple[str, ...]:
        """The recipient's domain, if there is one."""
        domain = domain_of(self._recipient) if self._recipient is not None and "@" in self._recipient else None
        return () if domain is None else (domain,)

    @cached_property
    def mx(self) -> tuple[str, ...]:
        """The MX hosts of the recipient's domain, as far as the caller gave any."""
        return self._caller.mx_hosts(self.domains[0] if self.domains else None)

    @cached_property
    def sender_domains(self) -> tuple[str, ...]:
        """The domains of the sender: as the caller said, else those of From and the return path of the original message."""
        if self._caller.sender is not None:
            found = [self._caller.sender]
        elif self._returned is not None:
            found = [self._returned.from_ or "", *self._returned.headers("return-path")]
        else:
            found = []
        return tuple(domain for address in found if (domain := domain_of(address)) is not None)

    @property
    def now(self) -> datetime | None:
        """The time that the caller gave."""
        return self._caller.now

    @property
    def tenant(self) -> str | None:
        """The caller's customer."""
        return self._caller.tenant

    @property
    def stream(self) -> str | None:
        """The caller's stream of mail."""
        return self._caller.stream

    @property
    def source(self) -> tuple[str, ...]:
        """The sending IP address, and the name of its pool."""
        return self._caller.source

    @property
    def attempts(self) -> float | None:
        """How often delivery was tried."""
        return self._caller.attempts

    @property
    def age(self) -> float | None:
        """The age of the message in seconds."""
        return self._caller.age


_UNKNOWN: Final = Caller()
