"""Which requirement for senders a refusal names: SPF, DKIM, DMARC, reverse DNS, TLS, one-click unsubscribe, complaints.

Codes mean different things at different providers (5.7.27 is SPF at Gmail, a null MX in the registry), so the tables of
files of one's own come first, then those in the built-in file of the rule that decided and of the provider. For all others
the verdict's ``auth_mechanism`` decides, and then its reason. No verdict depends on it: these tables are no part of the
index and are read when a report asks for them. A refusal names one requirement at most, so that numbers add up.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any, Final, NamedTuple

from undeliverable._rules.comparisons import Codes, status_key, statuses, strings
from undeliverable._rules.keys import REQUIREMENT
from undeliverable._text.fold import fold
from undeliverable.codes import StatusCode
from undeliverable.data import names, read
from undeliverable.errors import EntryError
from undeliverable.errors._tables import refuse_unknown, unknown
from undeliverable.reasons import Fault, Reason
from undeliverable.verdict import Verdict

__all__ = ["Sign", "general", "requirement_of", "sign_of", "signs_of"]

_GENERAL: Final = "requirements.toml"
_RECIPIENTS: Final = frozenset((Fault.ADDRESS, Fault.MAILBOX))
_BY_REASON: Final[Mapping[Reason, str]] = {Reason.AUTH_FAILED: "authentication", Reason.PTR_MISSING: "ptr"}
_LONGEST: Final = 2_000  # characters of a reply that are searched
_STATUS: Final = re.compile(r"\b[45]\.\d{1,3}\.\d{1,3}\b")
_AROUND: Final = re.compile(r" ?= ?")


class Sign(NamedTuple):
    """A ``[[requirement]]``: what a reply shows that names a requirement. All that is asked has to hold.

    :ivar provider: the provider whose replies it is limited to, or None.
    """

    name: str
    page: str | None
    provider: str | None
    status: Codes | None = None
    words: tuple[str, ...] = ()
    any_words: tuple[str, ...] = ()
    example: str | None = None

    def fits(self, reply: str, status: StatusCode | None) -> bool:
        """Return whether a reply, as :func:`_plain` gives it, shows it."""
        return (
            (self.status is None or self.status.fit(status_key(status)))
            and all(word in reply for word in self.words)
            and (not self.any_words or any(word in reply for word in self.any_words))
        )


def general() -> tuple[Mapping[str, Any], ...]:
    """Return the tables of all requirements: ``name``, ``title``, ``fix`` and ``page``, in the order in which to mend them."""
    return _tables(_GENERAL)


def sign_of(table: Mapping[str, object], provider: str | None) -> Sign:
    """Return the sign that a ``[[requirement]]`` table describes.

    :param provider: the provider whose file it stands in, or None.
    :raises EntryError: naming the key at fault; also for an example that it does not fit.
    """
    refuse_unknown(table, REQUIREMENT)
    name, known = table.get("name"), [one["name"] for one in general()]
    if not isinstance(name, str) or name not in known:
        raise EntryError(unknown("requirement", str(name), known), key="name")
    words, any_words = (tuple(map(_plain, _given(table, key))) for key in ("words", "any_words"))
    page, example = (next(iter(_given(table, key)), None) for key in ("page", "example"))
    sign = Sign(name, page, provider, statuses(table), words, any_words, example)
    if sign.status is None and not words and not any_words:
        raise EntryError("a requirement must ask for status, words or any_words", key="name")
    if example is not None and not sign.fits(_plain(example), _status_in(example)):
        raise EntryError("the reply does not show this requirement", key="example")
    return sign


def signs_of(file: str) -> tuple[Sign, ...]:
    """Return the signs in a built-in file: ``providers/google.toml``."""
    return _signs_of(file)


def requirement_of(verdict: Verdict, own: Iterable[Sign]) -> tuple[str, str | None] | None:
    """Return the name of the requirement that a refusal names, with the page about it; None where it names none.

    :param own: signs that come before the built-in ones.
    """
    reason = verdict.reason
    if reason is None or verdict.fault in _RECIPIENTS:
        return None
    reply = _plain((verdict.reply or "")[:_LONGEST])
    mine = (sign for sign in own if sign.provider in {None, verdict.provider})
    for signs in (mine, *map(signs_of, _files(verdict))):
        for sign in signs:
            if sign.fits(reply, verdict.status):
                return sign.name, sign.page
    known = verdict.auth_mechanism or _BY_REASON.get(reason)
    return next(((table["name"], table["page"]) for table in general() if table["name"] == known), None)


def _files(verdict: Verdict) -> Iterator[str]:
    """Yield the built-in files to look into: of the rule that decided, of the provider, and the general one."""
    rule = "" if verdict.rule is None else verdict.rule.id.partition(".")[0]
    for name in dict.fromkeys((rule, verdict.provider or "")):
        if f"{name}.toml" in _provider_files():
            yield f"providers/{name}.toml"
    yield _GENERAL


@cache
def _provider_files() -> frozenset[str]:
    # A name in a record is foreign text and must not become a path.
    return frozenset(names("providers"))


@cache
def _tables(file: str) -> tuple[Mapping[str, Any], ...]:
    return tuple(tomllib.loads(read(file)).get("requirement", ()))


@cache
def _signs_of(file: str) -> tuple[Sign, ...]:
    # The general file also has requirements that no words name, and words for people.
    asked = ({key: table[key] for key in table if key in REQUIREMENT} for table in _tables(file))
    return tuple(sign_of(table, None) for table in asked if table.keys() & {"status", "words", "any_words"})


def _given(table: Mapping[str, object], key: str) -> tuple[str, ...]:
    return strings(table[key], key) if key in table else ()


def _plain(text: str) -> str:
    """Return a text folded, with single blanks, and none around ``=``: ``Spf= Fail`` is ``spf=fail``."""
    return _AROUND.sub("=", " ".join(fold(text).split()))


def _status_in(example: str) -> StatusCode | None:
    found = _STATUS.search(example)
    return None if found is None else StatusCode.parse(found[0])
