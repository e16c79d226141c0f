"""Know the refusals that the look-up of one's own list has caused: they say nothing new about the address.

The text is ours, but whoever runs the same software says it as well. So it has to come from a host of the domain that
sent the message; from any other it is that host's rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from undeliverable._dsn.returned import bare_address
from undeliverable.verdict import OWN_LOOK_UP, Kind

if TYPE_CHECKING:
    from undeliverable._dsn.one_pass import Look
    from undeliverable._reading.reading import Reading
    from undeliverable.model import MessageFacts, RecipientFacts

__all__ = ["kind_of_refusals"]

_SENDERS: Final = ("from", "return-path")


def kind_of_refusals(kind: Kind, recipients: Sequence[RecipientFacts], message: MessageFacts, reading: Reading) -> Kind:
    """Return ``suppressed`` for a bounce whose recipients were all refused by one's own look-up, else `kind`."""
    said = reading.known.origin.look_up
    if kind is not Kind.BOUNCE or not all(_says(facts, said) for facts in recipients):
        return kind
    domains = set(_domains(reading.header, ("to",)))
    if message.returned is not None:
        domains |= set(_domains(message.returned.header, _SENDERS))
    hosts = {_refuser(facts.remote_mta, message.reporting_mta) for facts in recipients}
    if reading.is_inside or not all(host is not None and _is_of(host, domains) for host in hosts):
        return kind
    reading.remarks.append(OWN_LOOK_UP)
    return Kind.SUPPRESSED


def _says(facts: RecipientFacts, said: str) -> bool:
    return facts.reply is not None and said in facts.reply.text.casefold()


def _refuser(remote: str | None, reporter: str | None) -> str | None:
    """Return the host that refused. A private address (`relayhost = [10.0.0.5]`) is in the network of the reporter."""
    return reporter if remote is None or _is_private(remote.strip("[]")) else remote


def _is_private(host: str) -> bool:
    from ipaddress import ip_address  # 4 ms; hardly any report gets here

    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_private
    except ValueError:
        return False


def _domains(header: Look, names: Iterable[str]) -> Iterable[str]:
    for name in names:
        address = bare_address(header(name))
        if address is not None and "@" in address:
            yield address.rpartition("@")[2].lower().rstrip(".")


def _is_of(host: str, domains: Iterable[str]) -> bool:
    """Return whether a host belongs to one of `domains`: it is below it, or both are below the same domain."""
    name = host.lower().rstrip(".")
    above = name.partition(".")[2]
    return any(_is_at(domain, name) or ("." in above and _is_at(above, domain)) for domain in domains)


def _is_at(domain: str, name: str) -> bool:
    return name == domain or name.endswith(f".{domain}")
