"""Whether the name servers can be believed, before anybody is left out because of what they say.

A resolver that is broken, filtered or hijacked denies domains that everybody knows to exist, or invents names that cannot
exist. So it is asked for both: large mailbox providers, which surely take mail (the canaries), and random names below top
level domains that are reserved (RFC 2606, RFC 6761). `.invalid` is often answered by the nearest resolver itself; `.example`
is not, so that it shows what the resolvers behind it do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from functools import cache
from itertools import cycle, islice
from secrets import token_hex
from threading import Lock
from typing import Final

from undeliverable import Knowledge, UndeliverableError
from undeliverable.check._records import Answer, Cause, Finding, Records, judge
from undeliverable.recommend import mailbox_domains

__all__ = ["Canaries", "ResolverError", "canary_domains"]

_KNOWN: Final = 12
_ASKED: Final = 3  # canaries that are asked for at a time
_RESERVED: Final = ("invalid", "example")


class ResolverError(UndeliverableError):
    """The name servers cannot be believed, so nothing that they say counts."""

    is_temporary = True


@cache
def canary_domains() -> tuple[str, ...]:
    """Return domains of known mailbox providers that surely take mail, the most used first."""
    own = {domain for provider in Knowledge.builtin().providers for domain in provider.domains}
    return tuple(islice((domain for domain in mailbox_domains() if domain in own), _KNOWN))


class Canaries:
    """Tests of the name servers: once before their first answer counts, and again before one that leaves somebody out."""

    __slots__ = ("_ask", "_lock", "_next", "_tested", "domains")

    def __init__(self, domains: Sequence[str], ask: Callable[[str], Future[Records]]) -> None:
        """Test nothing yet.

        :param domains: domains that surely take mail; with none, the name servers are believed.
        :param ask: begin a look-up that no cache answers.
        """
        self.domains = tuple(domains)
        self._ask = ask
        self._next = cycle(self.domains)
        self._tested: float | None = None
        self._lock = Lock()

    def begin(self) -> None:
        """Test the name servers, unless that was done before.

        :raises ResolverError: when they deny a canary, invent a name, or do not answer.
        """
        with self._lock:
            if self._tested is None and self.domains:
                invented = [self._ask(f"{token_hex(12)}.{name}") for name in _RESERVED]
                self._test()
                _refuse_inventions(found.result() for found in invented)

    def confirm(self, domain: str, finding: Finding, answered: float) -> None:
        """Return if a finding that leaves a domain out can be believed: canaries were still known after that answer.

        :param answered: when the answer came, by the clock of the look-ups.
        :raises ResolverError: when it cannot be believed.
        """
        if not self.domains:
            return
        if domain in self.domains:
            raise _denied(finding)
        with self._lock:
            if self._tested is None or self._tested < answered:
                self._test()

    def _test(self) -> None:
        asked = [(domain, self._ask(domain)) for domain in islice(self._next, min(_ASKED, len(self.domains)))]
        silence, times = "", list[float]()
        for domain, future in asked:
            records = future.result()
            finding = judge(domain, records)
            if finding.cause is Cause.LOOKUP_FAILED:
                silence = finding.detail
            elif finding.cause is not Cause.EXISTENCE_UNCERTAIN:
                raise _denied(finding)
            else:
                times.append(records.time)
        if not times:
            raise ResolverError(f"the name server does not answer ({silence}): nothing can be checked")
        self._tested = max(times)


def _denied(finding: Finding) -> ResolverError:
    return ResolverError(f"the name server errs: it says that {finding.detail}; nobody is left out because of it")


def _refuse_inventions(answers: Iterable[Records]) -> None:
    for found in answers:
        if Answer.RECORDS in (found.mx, found.address):
            raise ResolverError(
                "the name server invents answers for names that do not exist (NXDOMAIN hijacking): use another one,"
                " with --nameserver"
            )
