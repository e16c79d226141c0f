"""Addresses in a line of text, and what the line is by what stands around them: a list, or words of its own."""

from __future__ import annotations

from itertools import pairwise
from typing import Final, NamedTuple

from undeliverable._formats.schema import FACTS
from undeliverable._text.lazy import lazy

__all__ = ["REPLY", "Spot", "is_list", "said_in", "spots_in", "without_quotes"]

REPLY: Final = lazy(
    r"(?<![\w.+@-])(?:[45][0-5]\d[ -](?:#?[45]\.\d{1,3}\.\d{1,3}|[^\W\d_]|[<\"'\[(])|#?[45]\.\d{1,3}\.\d{1,3}(?![\w.]))"
)
"""A negative reply (RFC 5321 4.2.1), or an enhanced status (RFC 3463): what telephone numbers do not look like."""
_ADDRESS: Final = lazy(FACTS["recipient"])
# A quoted local part (RFC 5321 4.1.2), folded perhaps: its owner can write other people's addresses into it.
_QUOTED: Final = lazy(r'(?<=<)"(?:[^"\\\n]|\\.|\n[ \t]){0,400}+"(?=@)')
_INSIDE: Final = lazy(r"[^\n]")
_BEFORE: Final = lazy(
    r"\s*(?:[-*•>#|+·・■●○▪]{1,3}\s*|\(?\d{1,3}[.)]\s+)?"
    r"(?:(?i:smtp|mailto|rfc822) ?[:;] ?)?[<\"'(\[«„“]{0,2}(?:(?i:smtp|mailto):)?"
)
_DISPLAY: Final = lazy(r"[ \t]*(?:\"[^\"@]{1,80}\"|[^@.,:;!?<>()]{1,80}) ?<(?:mailto:)?$")
# What stands between addresses that are listed on one line.
_BETWEEN: Final = lazy(r"[\s<>\"'()\[\],;/&|、，；]*(?:(?i:mailto:)|\w{1,3})?[\s<>\"'()\[\],;/&|、，；]*")
_AFTER: Final = lazy(r"[>\"')\]»”*]{0,3}[ \t]*(?:\([^()]{0,80}\)|<[^<>]{0,80}>|\[[^\[\]]{0,80}\])?[ \t.,:;]*$")
_DATED: Final = lazy(
    r",?[ \t]{1,3}(?:\w{1,4}[ \t])?\d{1,4}[./-]\d{1,2}[./-]\d{1,4}\b"
)  # "kim@example.org on 3/4/2008 9:13 AM"
_EDGE: Final = "*'`.,!?"
_LAST_LABEL: Final = lazy(r"[A-Za-z0-9]+")
_WORDS: Final = lazy(r"[^\W\d_]{2}")
_ASIDE: Final = 3  # words between an address and a bare code
_PUNYCODE: Final = "xn--"


class Spot(NamedTuple):
    """An address in a line, by its place."""

    start: int
    end: int
    address: str


def without_quotes(text: str) -> str:
    """Return `text` with blanks in place of quoted local parts, so that nothing inside one names anybody."""
    return _QUOTED.sub(lambda match: _INSIDE.sub(" ", match[0]), text) if '<"' in text else text


def said_in(rest: str) -> str | None:
    """Return the reply in what follows an address: one with words of its own, or right behind the address."""
    match = REPLY.search(rest)
    if match is None:
        return None
    said = rest[match.start() :].strip()
    return said if _WORDS.search(said) or len(rest[: match.start()].split()) <= _ASIDE else None


def spots_in(line: str) -> list[Spot]:
    """Return the addresses in a line, without what scripts without blanks attach to them."""
    found: list[Spot] = []
    for match in _ADDRESS.finditer(line):
        local, _, domain = match[0].rpartition("@")
        bare = local.lstrip(_EDGE)
        if not bare.isascii() and bare[-1:].isascii() and not local.startswith('"'):
            bare = _ascii_end(bare)
        host = _host(domain)
        is_aside = bool(found) and line.rfind("(", found[-1].end, match.start()) > line.rfind(")", 0, match.start())
        if bare and host and not is_aside:  # "(expanded from: <team@example.org>)"
            start = match.start() + len(local) - len(bare)
            end = match.start() + len(local) + 1 + len(host)
            found.append(Spot(start, end, f"{bare}@{host}"))
    return found


def is_list(line: str, spots: list[Spot]) -> bool:
    """Return whether a line does nothing but list addresses, the last one with words of its own behind a mark."""
    if not spots or not all(_BETWEEN.fullmatch(line, one.end, two.start) for one, two in pairwise(spots)):
        return False
    before, after = line[: spots[0].start], line[spots[-1].end :]
    if _BEFORE.fullmatch(before) is None:
        return _DISPLAY.match(before) is not None and _AFTER.match(after) is not None
    return _AFTER.match(after) is not None or (len(spots) == 1 and _begins_words(after))


def _ascii_end(text: str) -> str:
    """Return the ASCII characters that a text ends with."""
    at = len(text)
    while at and text[at - 1].isascii():
        at -= 1
    return text[at:]


def _host(domain: str) -> str:
    """Return a domain without what follows it: a particle after its last label, a hyphen with an ending."""
    domain = domain.rstrip(_EDGE)
    above, dot, last = domain.rpartition(".")
    match = _LAST_LABEL.match(last)
    if match is None or match[0] == last or last.startswith((_PUNYCODE, "[")):
        return domain
    return f"{above}{dot}{match[0]}"


def _begins_words(after: str) -> bool:
    """Return whether words of their own follow an address: behind a mark, or in a column."""
    bare = after.lstrip(">\"')]")
    return (
        _DATED.match(bare) is not None
        or bare[:1] in ":;,(|"
        or bare[:2] in ("  ", " —", " –", " .", "..", " -", " \t", " (", " :", " =")
        or bare[:1] == "\t"
    )
