"""DNS look-ups of mail domains, several at a time, each domain only once."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from threading import Lock
from types import MappingProxyType, TracebackType
from typing import Final, Generic, NamedTuple, Self, TypeAlias, TypeVar, cast

import dns.exception
import dns.message
import dns.name
import dns.rcode
import dns.resolver
from dns.rdtypes.ANY.MX import MX
from dns.rdtypes.IN.A import A
from dns.rdtypes.IN.AAAA import AAAA

from undeliverable.check._canaries import Canaries, canary_domains
from undeliverable.check._networks import kind_of
from undeliverable.check._records import Answer, Records, usable

__all__ = ["Lookups"]

_KEPT: Final = 100_000  # domains, and as many hosts
_AGE: Final = 3_600.0  # seconds; longer than a list takes
_ATTEMPT: Final = 2.0  # seconds that one packet may take before it is sent again
_HOSTS: Final = 8  # exchangers whose addresses are looked up; few domains have more


class Lookups:
    """A DNS client with a cache; a context manager, and safe to use from several threads.

    Answers are cached for an hour, and so are failures, so that a dead server costs one timeout only.

    :ivar canaries: the tests of the name servers.
    """

    def __init__(
        self,
        *,
        nameservers: Sequence[str] = (),
        port: int = 53,
        timeout: float = 5.0,
        concurrency: int = 64,
        clock: Callable[[], float] = time.monotonic,
        canaries: Sequence[str] | None = None,
    ) -> None:
        """Use the system's name servers unless others are given.

        :param nameservers: IP addresses of name servers.
        :param port: the port of these servers.
        :param timeout: seconds per query, including all retries.
        :param concurrency: number of domains to query at the same time.
        :param clock: a function that returns seconds, for the age of cached answers.
        :param canaries: domains that surely take mail, by which the name servers are tested; by default those of large
            mailbox providers. With none, the name servers are believed whatever they say.
        :raises ValueError: when an argument is invalid.
        :raises OSError: when the system has no name server configured.
        """
        for name, value in (("timeout", timeout), ("concurrency", concurrency)):
            if not value > 0:
                raise ValueError(f"{name} must be more than 0, not {value}")
        self._resolver = _resolver(nameservers, port, timeout)
        self._pool = ThreadPoolExecutor(concurrency, thread_name_prefix="dns")
        self._clock = clock
        self._domains: _Kept[Future[Records]] = _Kept(clock)
        self._hosts: _Kept[_Address] = _Kept(clock)
        known = canary_domains() if canaries is None else canaries
        self.canaries = Canaries(known, lambda domain: self._pool.submit(self._records, domain, keep=False))

    def close(self) -> None:
        """Cancel queries that have not started, and wait for the others."""
        self._pool.shutdown(cancel_futures=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def records(self, domain: str) -> Future[Records]:
        """Return a future of the records of `domain`, which must be in A-label form."""
        future = self._domains.get(domain)
        if future is None:
            future = self._pool.submit(self._records, domain)
            self._domains.put(domain, future)
        return future

    def _records(self, domain: str, *, keep: bool = True) -> Records:
        """Look up a domain; without `keep` no host comes from the cache."""
        found = self._looked_up(domain, self._address_of if keep else self._address)
        return replace(found, time=self._clock())

    def _looked_up(self, domain: str, address_of: Callable[[str], _Address]) -> Records:
        answer, found, why = self._ask(domain, "MX")
        if answer is Answer.NO_DATA:
            return Records(answer, (), *address_of(domain))
        if answer is not Answer.RECORDS:
            return Records(answer, why=why)
        exchangers = tuple(
            (record.preference, record.exchange.to_text(omit_final_dot=True).lower().removesuffix("."))
            for record in found
            if isinstance(record, MX)
        )
        return Records(answer, exchangers, *_any_address(usable(exchangers)[:_HOSTS], address_of))

    def _address_of(self, host: str) -> _Address:
        known = self._hosts.get(host)
        if known is None:
            known = self._address(host)
            self._hosts.put(host, known)
        return known

    def _address(self, host: str) -> _Address:
        """Look up the addresses of a host: AAAA only where A gives none that can be reached."""
        answer, records, why = self._ask(host, "A")
        found = _texts(records)
        if answer is Answer.NO_NAME or not all(map(kind_of, found)):
            return _Address(answer, why, found)
        second, more, other = self._ask(host, "AAAA")
        if second is Answer.RECORDS:
            return _Address(second, "", (*_texts(more), *found))
        if second is Answer.FAILED and answer is not Answer.FAILED:  # there may be one that can be reached
            return _Address(second, other)
        return _Address(answer, why, found)

    def _ask(self, name: str, kind: str) -> tuple[Answer, Sequence[object], str]:
        try:
            found = self._resolver.resolve(dns.name.from_text(name), kind, search=False)
        except dns.resolver.NXDOMAIN:
            return Answer.NO_NAME, (), ""
        except dns.resolver.NoAnswer:
            return Answer.NO_DATA, (), ""
        except dns.resolver.LifetimeTimeout:
            return Answer.FAILED, (), f"{kind} of {name}: no answer in time"
        except dns.resolver.NoNameservers as error:
            return Answer.FAILED, (), f"{kind} of {name}: {_code(error)}"
        except (dns.exception.DNSException, OSError) as error:
            return Answer.FAILED, (), f"{kind} of {name}: {type(error).__name__}"
        return Answer.RECORDS, tuple(found), ""


class _Address(NamedTuple):
    """The outcome of the address queries for a host, the error in words, and the IP addresses."""

    answer: Answer | None
    why: str = ""
    found: tuple[str, ...] = ()

    @property
    def is_reachable(self) -> bool:
        return self.answer is Answer.RECORDS and not all(map(kind_of, self.found))


def _any_address(hosts: Sequence[str], address_of: Callable[[str], _Address]) -> _Address:
    """Look up `hosts` until one has an address that can be reached; otherwise return what says most of the others."""
    worst = _Address(None)
    for host in hosts:
        known = address_of(host)
        if known.is_reachable:
            return known
        if _WEIGHT[known.answer] > _WEIGHT[worst.answer]:
            worst = known
    return worst


_WEIGHT: Final[Mapping[Answer | None, int]] = MappingProxyType(
    {None: 0, Answer.NO_NAME: 1, Answer.NO_DATA: 1, Answer.RECORDS: 2, Answer.FAILED: 3}
)
"""What is kept of several hosts where none can be reached: a failure, since that host may be the one that can."""


def _texts(records: Sequence[object]) -> tuple[str, ...]:
    return tuple(record.address for record in records if isinstance(record, A | AAAA))


_Value = TypeVar("_Value")


class _Kept(Generic[_Value]):
    """A cache by name that drops old entries, and the oldest when it is full."""

    __slots__ = ("_clock", "_entries", "_lock")

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._entries: OrderedDict[str, tuple[float, _Value]] = OrderedDict()
        self._lock = Lock()

    def get(self, name: str) -> _Value | None:
        with self._lock:
            entry = self._entries.get(name)
        return None if entry is None or self._clock() - entry[0] > _AGE else entry[1]

    def put(self, name: str, value: _Value) -> None:
        with self._lock:
            self._entries.pop(name, None)
            self._entries[name] = (self._clock(), value)
            while len(self._entries) > _KEPT:
                self._entries.popitem(last=False)


def _resolver(nameservers: Sequence[str], port: int, timeout: float) -> dns.resolver.Resolver:
    try:
        resolver = dns.resolver.Resolver(configure=not nameservers)
    except dns.resolver.NoResolverConfiguration as error:
        raise OSError(str(error)) from None
    if nameservers:
        resolver.nameservers = list(nameservers)
        resolver.port = port
    resolver.lifetime = timeout
    resolver.timeout = min(_ATTEMPT, timeout)
    return resolver


def _code(error: dns.resolver.NoNameservers) -> str:
    """Return the response code of the last server (SERVFAIL, REFUSED) or another error."""
    tried = cast("Sequence[_Attempt]", error.kwargs.get("errors") or ())  # pyright: ignore[reportUnknownMemberType]
    if not tried:
        return "no server answered"
    *_, problem, response = tried[-1]
    return str(problem) if response is None else dns.rcode.to_text(response.rcode())


# The server, True for TCP, its port, the error, and its response.
_Attempt: TypeAlias = tuple[object, bool, int, object, dns.message.Message | None]
