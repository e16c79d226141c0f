"""Rewrite a text: what names somebody is replaced, the rest is kept, masked or taken for names, as the caller says.

A first pass over a message only collects what names somebody: the owner of an address is called by name elsewhere, an
unknown user by the local part alone. The second pass replaces all of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from enum import Enum
from functools import cached_property
from typing import Final

from undeliverable._text.addresses import decode_octals
from undeliverable.anonymize._pseudonyms import ATOM, Pseudonyms
from undeliverable.anonymize._tokens import ADDRESS, ENCODED_AT, TOKENS, any_of
from undeliverable.anonymize._vocabulary import Vocabulary

__all__ = ["Mode", "Text", "around"]

_WIDE: Final = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff]")
_YEAR: Final = re.compile(r"(?:19|20)\d\d")
_DATE: Final = re.compile(r"(?<!\d)(?:\d{1,2}[./-]\d{1,2}[./-](?:(?:19|20)\d\d|\d\d)|(?:19|20)\d\d-\d\d-\d\d)(?!\d)")
# What separates atoms of an address and is written as its code: RFC 3461 4, quoted-printable, URLs.
_CODES: Final = re.compile(rf"(?i:{ENCODED_AT})|[+=%](?:2[0-9A-F]|3[A-F]|40|5[B-F]|60|7[B-E])")
_EMBEDDED: Final = re.compile(r"\\x\{([0-9A-Fa-f]{1,6})\}")
_NAMED: Final = re.compile(r"([A-Za-z_-]{1,20})[=:](?=[^=]+\Z)")
# Scripts without blanks put a label right before an address.
_STUCK: Final = re.compile(r"[^@]*[\u2460-\u30ff\u3400-\u9fff\uac00-\ud7a3\uff00-\uffef](?=[!-~]+@)")
# A domain inside a local part: VERP, SRS and the percent hack put a sign before it.
_INNER: Final = re.compile(
    r"(?:(?<=[=%!#])(?!40|[2357][0-9A-F])|(?<=[+=%]40))(?:[^\W_](?:[^\W_]|-){0,62}(?:\.|[+=%]2E)){1,9}"
    r"[^\W\d_]{2,24}(?![\w.-])"
)
# What BusyBox's syslog writes before a line looks like a host (RFC 5424 6.2.1).
_FACILITY: Final = re.compile(
    r"(?:kern|user|mail|daemon|auth|syslog|cron|authpriv|local[0-7])\."
    r"(?:emerg|alert|crit|err|warn|warning|notice|info|debug)"
)
_ATOMS: Final = frozenset(("word", "mixed", "number", "token"))
_DOTS: Final = ("+2E", "=2E", "%2E")
_IN_URL: Final = re.compile(
    r"[^/?&=#;@\s]{1,200}?(?:%40|@)(?:[^\W_](?:[^\W_]|-){0,62}\.){1,9}[^\W\d_]{2,24}", re.IGNORECASE
)
"""An address in a link."""
_SHORT: Final = 3
_CODE: Final = re.compile(r"[A-Z]{1,6}\d{1,4}")
"""How filters number their reasons: S3140, IPBL0001."""


class Mode(Enum):
    """What becomes of words that name nobody for certain."""

    PROSE = "kept"
    MASKED = "masked unless rules know them"
    BLANK = "masked"
    NAMES = "names"


class Text:
    """Rewrite texts, and collect what names somebody in them.

    :ivar found: what was found, in lower case: local parts, names, ids, hosts of one label.
    :ivar subjects: whole subjects, which replies quote.
    :ivar hosts: hosts that were replaced.
    :ivar addresses: whole addresses of network and mail that were replaced.
    """

    def __init__(
        self, made: Pseudonyms, known: Vocabulary, literals: Iterable[str] = (), hosts: Iterable[str] = ()
    ) -> None:
        self.made = made
        self.known = known
        self.found: set[str] = set()
        self.subjects: set[str] = set()
        self.hosts: set[str] = set()
        self.addresses: set[str] = set()
        self._literals = frozenset(" ".join(literal.lower().split()) for literal in literals)
        self._domains = frozenset(hosts)
        self._words = frozenset(filter(ATOM.fullmatch, self._literals))
        self._phrases = any_of(self._literals - self._words, alone=True)
        self._mode = Mode.PROSE
        self._by_kind: dict[str, Callable[[str], str]] = {
            "url": self._url,
            "stamp": str,
            "owner": self._owner,
            "spaced": self.address,
            "quoted": self.address,
            "address": self.address,
            "ipv6": self._ipv6,
            "ipv4": self._ipv4,
            "id": self.ids,
            "host": self._host,
            "token": self._token,
            "number": self._number,
            "mixed": self._mixed,
            "word": self._word,
        }

    def rewrite(self, text: str, mode: Mode = Mode.PROSE) -> str:
        """Return the text with everything replaced that names somebody."""
        before, self._mode = self._mode, mode
        try:
            return around(self._phrases, text, self._literal, self._tokens)
        finally:
            self._mode = before

    def _tokens(self, text: str) -> str:
        return TOKENS.sub(self._token_of, text)

    def _token_of(self, match: re.Match[str]) -> str:
        kind, text = match.lastgroup or "word", match[0]
        if kind in _ATOMS and text.lower() in self._words:
            return self.made.atom(text)
        return self._by_kind[kind](text)

    @cached_property
    def _rest(self) -> re.Pattern[str]:
        return any_of(self._literals, alone=False)

    def address(self, address: str) -> str:
        """Return the replacement of an address of mail, however its "@" is written."""
        named = _NAMED.match(address)
        if named is not None and self.known.knows(named[1]):
            return named[0] + self.address(address[named.end() :])
        stuck = _STUCK.match(address)
        if stuck is not None:
            return self.rewrite(stuck[0], self._mode) + self.address(address[stuck.end() :])
        halves = ADDRESS.match(address)
        if halves is None or self.made.stays(address):
            return address
        local, at, domain = halves.group("local", "at", "domain")
        bare = domain.strip("[]")
        made = f"[{self.rewrite(bare)}]" if domain[:1] == "[" else self.host(domain)
        made = f"{self.local(local)}{at}{made}"
        if made != address:
            self.addresses.add(address.lower())
        return made

    def local(self, local: str) -> str:
        """Return the replacement of a local part; that of a mail system stays."""
        plain = decode_octals(_EMBEDDED.sub(_character, local)) if "\\" in local else local
        if self.made.stays(plain):
            return local
        if len(plain) >= _SHORT and not self.known.is_system(plain):
            self.found.add(plain.strip('"').lower())
        made = around(_INNER, plain, self._inner_host, lambda rest: around(_CODES, rest, str, self._local_atoms))
        return made if plain == local else "".join(map(_embedded, made))

    def _local_atoms(self, text: str) -> str:
        return ATOM.sub(lambda match: match[0] if self._is_scheme(match[0]) else self.made.atom(match[0]), text)

    def _inner_host(self, text: str) -> str:
        code = next((each for each in _DOTS if each in text), ".")
        host = text.replace(code, ".")
        if host.lower() in self._domains or self._is_top_level(host.rpartition(".")[2]):
            return self.host(host).replace(".", code)
        return around(_CODES, text, str, self._local_atoms)

    def _is_scheme(self, atom: str) -> bool:
        """Return whether a part of a local part names nobody: a list's bounces have its name before them."""
        return atom.lower() in self.known.table["schemes"] or self.known.is_system(atom)

    def host(self, host: str) -> str:
        """Return the replacement of a host, whether or not it looks like one."""
        made = self.made.host(host)
        if made != host:
            self.hosts.add(host.lower().rstrip("."))
            if "." not in host.strip("."):
                self.found.add(host.lower())
        return made

    def ids(self, text: str) -> str:
        """Return the replacement of an id."""
        if len(text) >= _SHORT and not self.made.stays(text):
            self.found.add(text.lower())
        return self.made.atoms(text)

    def name(self, phrase: str) -> str:
        """Return the replacement of the names in a phrase; those of a mail system stay."""
        if self.known.is_system(phrase) or all(self.known.knows(word) for word in ATOM.findall(phrase)):
            return self.rewrite(phrase)
        return self.rewrite(phrase, Mode.NAMES)

    def _owner(self, phrase: str) -> str:
        """Return the words before an address: most are its owner's name, some say what became of it."""
        return phrase if self.known.is_system(phrase) else ATOM.sub(lambda match: self._owners_word(match[0]), phrase)

    def _owners_word(self, word: str) -> str:
        if self.known.needs(word) or self.made.stays(word):
            return word
        if len(word) >= _SHORT:
            self.found.add(word.lower())
        return self.made.atom(word)

    def _url(self, url: str) -> str:
        scheme, _, rest = url.partition("://")
        host, sign, path = re.split(r"([:/?#]|\Z)", rest, maxsplit=1)
        if "@" in host or not self.known.known_suffix(host):
            return f"{scheme}://{self.rewrite(host) if '@' in host else self.host(host)}{sign}{self._path(path)}"
        return f"{scheme}://{self.made.host(host)}{sign}{self.rewrite(path)}"

    def _path(self, path: str) -> str:
        return around(_IN_URL, path, self.address, self._path_atoms)

    def _path_atoms(self, text: str) -> str:
        return ATOM.sub(lambda match: match[0] if self.known.knows(match[0]) else self.made.atom(match[0]), text)

    def _ipv4(self, address: str) -> str:
        made = self.made.address4(address)
        if made != address:
            self.addresses.add(address)
        return made

    def _ipv6(self, address: str) -> str:
        made = self.made.address6(address)
        if made != address:
            self.addresses.add(address.lower())
        return made

    def _host(self, host: str) -> str:
        """Return the replacement of what may be a host in a sentence: codes and file names have dots as well."""
        folded = host.lower()
        if _FACILITY.fullmatch(folded) or (folded in self.known.markers and not self.known.known_suffix(folded)):
            return host
        if self.known.known_suffix(folded) or folded in self._domains or self._is_top_level(host.rpartition(".")[2]):
            return self.host(host)
        if self._literals and self._rest.search(host):
            return around(self._rest, host, self._literal, str)
        return "".join(part if part == "." else self.rewrite(part, self._mode) for part in re.split(r"(\.)", host))

    def _is_top_level(self, label: str) -> bool:
        return (
            label.lower() in self.known.table["top_level"]
            or (len(label) == 2 and label.isascii())
            or label[:4] == "xn--"
        )

    def _token(self, token: str) -> str:
        if token.lower() in self.known.markers or self.known.knows(token):
            return token
        if self._mode is Mode.PROSE and _CODE.fullmatch(token):
            return token
        digits = sum(map(str.isdigit, token))
        return self.ids(token) if digits > 1 or self._mode is not Mode.PROSE else self._word(token)

    def _mixed(self, token: str) -> str:
        """Return a short word with digits: a code that rules know, or in somebody's words anything."""
        if self._mode is Mode.PROSE or token.isdigit() or token.lower() in self.known.markers:
            return token
        if self._mode is Mode.BLANK:
            return self._masked(re.sub(r"\d", "0", token))
        return self.made.atoms(token)

    def _literal(self, text: str) -> str:
        if text.lower() in self._domains:
            return self.host(text)
        return self.subject(text) if " " in text.strip() or "\n" in text else self.made.atoms(text)

    def subject(self, text: str) -> str:
        """Return the words of a subject with those masked that no rule knows."""
        return self._inner.rewrite(text, Mode.MASKED)

    @cached_property
    def _inner(self) -> Text:
        """What rewrites a subject by itself, so that it is not found as the whole once more."""
        one = Text(self.made, self.known, (each for each in self._literals if " " not in each), self._domains)
        one.found, one.hosts, one.addresses = self.found, self.hosts, self.addresses
        return one

    def _number(self, number: str) -> str:
        if self._mode is Mode.PROSE or _YEAR.fullmatch(number):
            return number
        if self._mode is Mode.MASKED and (_DATE.search(number) or sum(map(str.isdigit, number)) < 6):
            return number
        return re.sub(r"\d", "0", number)

    def _word(self, word: str) -> str:
        if self._mode is Mode.PROSE:
            return word
        if self._mode is Mode.NAMES:
            if len(word) >= _SHORT and not self.known.knows(word):
                self.found.add(word.lower())
            return self.made.atom(word)
        if self._mode is Mode.MASKED and (len(word) < _SHORT or self.known.needs(word)) and not _WIDE.search(word):
            return word
        return self._masked(word)

    def _masked(self, word: str) -> str:
        if self.made.stays(word):
            return word
        if not _WIDE.search(word) or self._mode is Mode.BLANK:
            return "".join(map(_mask, word))
        pairs = self.known.pairs
        return "".join(
            sign if word[max(at - 1, 0) : at + 1] in pairs or word[at : at + 2] in pairs else _mask(sign)
            for at, sign in enumerate(word)
        )


def around(pattern: re.Pattern[str], text: str, inner: Callable[[str], str], outer: Callable[[str], str]) -> str:
    """Return `text` with what the pattern finds rewritten by one function, and what is between by another."""
    made: list[str] = []
    at = 0
    for match in pattern.finditer(text):
        made += (outer(text[at : match.start()]), inner(match[0]))
        at = match.end()
    return "".join((*made, outer(text[at:])))


def _mask(sign: str) -> str:
    if not sign.isalpha():
        return sign
    if _WIDE.match(sign):
        return "\u3007" if ord(sign) >= 0x3040 else "\u0e01"
    return "X" if sign.isupper() else "x"


def _character(match: re.Match[str]) -> str:
    number = int(match[1], 16)
    return chr(number) if number < 0xD800 or 0xDFFF < number < 0x110000 else match[0]


def _embedded(sign: str) -> str:
    return sign if sign.isascii() else f"\\x{{{ord(sign):X}}}"
