"""Which requirement for senders a refusal names: SPF, DKIM, DMARC, reverse DNS, TLS, one-click unsubscribe, complaints.

Codes mean different things at different providers (5.7.27 is SPF at Gmail, a null MX in the registry), so the tables of
the provider's own file come first. For all others the verdict's ``auth_mechanism`` decides, and then its reason. A refusal
names one requirement at most, so that the numbers of a table of them add up.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Final, NamedTuple

from undeliverable import Fault, Reason, Verdict
from undeliverable.data import names, read

__all__ = ["Named", "Requirement", "requirement_of", "requirements", "signs_of"]

_RECIPIENTS: Final = frozenset((Fault.ADDRESS, Fault.MAILBOX))
_BY_REASON: Final[Mapping[Reason, str]] = {Reason.AUTH_FAILED: "authentication", Reason.PTR_MISSING: "ptr"}
_LONGEST: Final = 2_000  # characters of a reply that are searched


class Requirement(NamedTuple):
    """A requirement that mailbox providers have for senders.

    :ivar name: the name in data: ``spf``, ``one_click``, ...
    :ivar title: the name for people.
    :ivar fix: what to do, in one sentence.
    :ivar page: where it is defined.
    """

    name: str
    title: str
    fix: str
    page: str


class Named(NamedTuple):
    """The requirement that a refusal names.

    :ivar page: the provider's page about it, or where it is defined.
    """

    name: str
    page: str


class _Sign(NamedTuple):
    """What a reply shows that names a requirement; all that is asked has to hold."""

    name: str
    page: str
    status: frozenset[str] = frozenset()
    words: tuple[str, ...] = ()
    any_words: tuple[str, ...] = ()
    example: str = ""

    def fits(self, reply: str, status: str) -> bool:
        return (
            (not self.status or status in self.status)
            and all(word in reply for word in self.words)
            and (not self.any_words or any(word in reply for word in self.any_words))
        )


@cache
def requirements() -> Mapping[str, Requirement]:
    """Return all requirements by name, in the order in which to mend them."""
    tables = tomllib.loads(read("requirements.toml"))["requirement"]
    return {table["name"]: Requirement(*(table[key] for key in Requirement._fields)) for table in tables}


@cache
def signs_of(file: str) -> tuple[_Sign, ...]:
    """Return the ``[[requirement]]`` tables of a data file: ``providers/google.toml``."""
    return tuple(_signs(tomllib.loads(read(file)).get("requirement", ())))


def requirement_of(verdict: Verdict) -> Named | None:
    """Return the requirement for senders that a refusal names, or None: a fault of the recipient never names one."""
    reason, fault = verdict.reason, verdict.fault
    if reason is None or fault in _RECIPIENTS:
        return None
    reply = " ".join((verdict.reply or "")[:_LONGEST].casefold().split()).replace("= ", "=").replace(" =", "=")
    status = "" if verdict.status is None else str(verdict.status)
    for file in _files(verdict):
        for sign in signs_of(file):
            if sign.fits(reply, status):
                return Named(sign.name, sign.page)
    known = requirements().get(verdict.auth_mechanism or _BY_REASON.get(reason, ""))
    return None if known is None else Named(known.name, known.page)


def _files(verdict: Verdict) -> Iterable[str]:
    """Yield the data files to look into: of the rule that decided, of the provider, and the general one."""
    rule = "" if verdict.rule is None else verdict.rule.id.partition(".")[0]
    for name in dict.fromkeys((rule, verdict.provider or "")):
        if f"{name}.toml" in _provider_files():
            yield f"providers/{name}.toml"
    yield "requirements.toml"


@cache
def _provider_files() -> frozenset[str]:
    # A name in a record is foreign text and must not become a path.
    return frozenset(names("providers"))


def _signs(tables: Iterable[Mapping[str, Any]]) -> Iterable[_Sign]:
    for table in tables:
        conditions = {key: tuple(table[key]) for key in ("words", "any_words") if key in table}
        status = frozenset(table.get("status", ()))
        if status or conditions:
            yield _Sign(table["name"], table["page"], status, **conditions, example=table["example"])
