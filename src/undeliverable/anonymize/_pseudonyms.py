"""Replace atoms: runs of letters and digits, network addresses, host names; the same one always by the same other.

Everything longer is made of atoms, so `kim@example.org` and the return path `bounces+kim=example.org@news.example.net` stay
related. A replacement depends on a secret key and has the shape of the original: case, digits, script, and the letters of a
hexadecimal number. It is never a word that rules know, nor anything that stood in the original.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Container, Iterator
from itertools import count
from typing import Final

from undeliverable.anonymize._vocabulary import Vocabulary

__all__ = ["ATOM", "IPV4", "IPV6", "Pseudonyms"]

ATOM: Final = re.compile(r"[^\W_]+")
IPV4: Final = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
IPV6: Final = re.compile(r"(?:[0-9A-Fa-f]{0,4}:){2,7}(?:[0-9A-Fa-f]{0,4}|\d{1,3}(?:\.\d{1,3}){3})")
_SHORTEST: Final = 5
"""Letters of a replaced word: of shorter ones there are too few, and they are parts of other words."""
_ATTEMPTS: Final = 50
_HEXADECIMAL: Final = re.compile(r"(?=[0-9]*[a-f])(?=[a-f]*[0-9])[0-9a-f]{6,}")
_CONSONANTS: Final = "bcdfgjklmnpqrstvwxz"
_VOWELS: Final = "aeiou"
# Letters that have one case pair, no decomposition, and stand in the charsets of their languages.
_SCRIPTS: Final = (
    (0x0250, "äöüéèàç"),
    (0x0400, "αβγδεζηθικλμνξοπρστ"),
    (0x0530, "абвгдежзиклмнопрст"),
    (0x0600, "אבגדהוזחטכלמנ"),
    (0x0900, "ابتجحدرسعفقكل"),
    (0x0E00, "कखगघचजटडतद"),
    (0x0E80, "กขคงจชดตทน"),
    (0x3040, "αβγδεζηθικλμ"),
    (0x30A0, "あいうえおかきくけこ"),
    (0x3400, "アイウエオカキクケコ"),
    (0xAC00, "一二三四五六七八九十上下中大小"),
    (0xD7B0, "가나다라마바사아자차"),
    (0x110000, "äöüéèàç"),
)
_NETWORK: Final = "198.18"  # RFC 2544: nobody's, and large enough


class Pseudonyms:
    """The replacements of one run.

    :ivar kept: the hosts that stay, for the report.
    """

    def __init__(self, key: bytes, known: Vocabulary, *, avoid: Container[str] = (), keep: Container[str] = ()) -> None:
        """Replace nothing yet.

        :param avoid: in lower case, what no replacement may be.
        :param keep: in lower case, atoms, hosts and addresses that stay.
        """
        self._key = key
        self._known = known
        self._avoid = avoid
        self._keep = keep
        self._words: dict[str, str] = {}
        self._taken: set[str] = set()
        self.kept: set[str] = set()

    @property
    def originals(self) -> frozenset[str]:
        """The atoms that were replaced, in lower case."""
        return frozenset(self._words)

    def stays(self, text: str) -> bool:
        """Return whether the caller keeps this text as it is."""
        return text.lower() in self._keep

    def atoms(self, text: str) -> str:
        """Return `text` with every run of letters and digits replaced."""
        return ATOM.sub(lambda match: self.atom(match[0]), text)

    def atom(self, atom: str) -> str:
        """Return the replacement of one run of letters and digits; a number of one or two digits stays."""
        if self.stays(atom) or (atom.isdigit() and len(atom) < 3):
            return atom
        folded = atom.lower()
        made = self._words.get(folded)
        if made is None:
            made = self._words[folded] = self._made(folded)
        return _in_case_of(atom, made)

    def address4(self, address: str) -> str:
        """Return the replacement of an address of IPv4; one of this host stays."""
        octets = [int(octet) for octet in address.split(".")]
        if max(octets) > 255 or octets[0] in {0, 127} or self.stays(address):
            return address
        known = self._words.get(address)
        if known is None:
            made = (f"{_NETWORK}.{one[0] or 1}.{one[1] or 1}" for one in self._numbers(address))
            known = self._words[address] = self._unused(made)
        return known

    def address6(self, address: str) -> str:
        """Return the replacement of an address of IPv6; what is none, and one of this host, stays."""
        from ipaddress import IPv6Address  # slow to import

        try:
            packed = IPv6Address(address)
        except ValueError:
            return address
        if packed.is_loopback or packed.is_unspecified or self.stays(address):
            return address
        name = packed.compressed
        known = self._words.get(name)
        if known is None:
            made = (f"2001:db8:{one[0]:x}{one[1]:02x}::{one[2]:x}{one[3]:02x}" for one in self._numbers(name))
            known = self._words[name] = self._unused(made)
        return known

    def host(self, host: str) -> str:
        """Return the replacement of a host name: a provider's stays, any other ends with a domain that nobody has."""
        if self.stays(host):
            return host
        bare = host.rstrip(".")
        suffix = self._known.known_suffix(bare)
        if suffix:
            return self._within(bare, suffix) + host[len(bare) :]
        labels = bare.split(".")
        last = labels[-1].lower()
        if len(labels) == 1:
            return host if last in self._known.table["host_labels"] else self._label(host)
        fixed = (
            2 if len(labels) > 2 and len(last) == 2 and labels[-2].lower() in self._known.table["second_level"] else 1
        )
        made = [
            *self._labels(labels[: -fixed - 1]),
            self._label(labels[-fixed - 1], is_registered=True),
            *labels[-fixed:],
        ]
        if last not in self._known.table["nobodys"]:
            made.append("example")
        return ".".join(made) + host[len(bare) :]

    def _within(self, host: str, suffix: str) -> str:
        """Return a host of a provider: labels that may name a customer are replaced."""
        before = host[: -len(suffix)].rstrip(".")
        labels = before.split(".") if before else []
        made = ".".join((*self._labels(labels, is_providers=True), host[-len(suffix) :]))
        if made == host:
            self.kept.add(host.lower())
        return made

    def _labels(self, labels: list[str], *, is_providers: bool = False) -> Iterator[str]:
        numbers = labels[:4]
        if len(numbers) == 4 and all(label.isdigit() and int(label) < 256 for label in numbers):
            # An address that is looked up in a blocklist stands there backwards (RFC 5782 2.1).
            yield from self.address4(".".join(reversed(numbers))).split(".")[::-1]
            labels = labels[4:]
        for label in labels:
            dotted = label.lower().replace("-", ".")
            # Exchange Online names its hosts after the recipient's domain, with hyphens.
            is_own = is_providers and "." in dotted and self._known.known_suffix(dotted) == dotted
            yield label if is_own else self._label(label)

    def _label(self, label: str, *, is_registered: bool = False) -> str:
        bare = label.lower()
        if not is_registered and (bare in self._known.table["host_labels"] or self.is_machine(bare)):
            return label
        if bare.startswith("xn--"):
            return self._a_label(bare)
        dashed = label.replace("-", ".")
        if IPV4.fullmatch(dashed):
            return self.address4(dashed).replace(".", "-")
        return self.atoms(label)

    def is_machine(self, label: str) -> bool:
        """Return whether a label only numbers a server: mx1, mail-02, mta7."""
        words = [word for word in re.split(r"[-\d]+", label) if word]
        return bool(words) and all(word in self._known.table["host_labels"] for word in words)

    def _a_label(self, label: str) -> str:
        try:
            word = label[4:].encode("ascii").decode("punycode")
        except (UnicodeError, ValueError):
            return self.atoms(label[4:])
        return "xn--" + self.atoms(word).encode("punycode").decode("ascii")

    def _made(self, folded: str) -> str:
        shape = folded
        if folded.isalpha() and len(folded) < _SHORTEST:
            shape = folded + folded[-1] * (_SHORTEST - len(folded))
        return self._unused(_filled(shape, numbers) for numbers in self._numbers(folded))

    def _numbers(self, name: str) -> Iterator[bytes]:
        """Yield random octets for a name, without end, always the same for the same key."""
        return (self._digest(f"{attempt}/{name}", len(name)) for attempt in count())

    def _digest(self, text: str, length: int) -> bytes:
        blocks = range(1 + (length + _SHORTEST) // 32)
        return b"".join(
            hmac.digest(self._key, f"{block}/{text}".encode("utf-8", "replace"), "sha256") for block in blocks
        )

    def _unused(self, candidates: Iterator[str]) -> str:
        """Return the first candidate that is neither known to rules, nor taken, nor in the original."""
        # Of a short shape there may be too few: then it grows.
        grown = (one if attempt < _ATTEMPTS else f"{one}{attempt}" for attempt, one in enumerate(candidates))
        made = next(
            one for one in grown if not self._known.knows(one) and one not in self._taken and one not in self._avoid
        )
        self._taken.add(made)
        return made


def _filled(shape: str, numbers: bytes) -> str:
    """Return a word of a shape: digits for digits, letters of the same script for letters."""
    letters = "abcdef" if _HEXADECIMAL.fullmatch(shape) else ""
    made: list[str] = []
    for at, sign in enumerate(shape):
        choice = letters or (_VOWELS if at % 2 else _CONSONANTS)
        if sign.isdigit() and sign.isascii():
            choice = "0123456789" if at else "123456789"
        elif not sign.isascii():
            choice = next(each for end, each in _SCRIPTS if ord(sign) < end)
        made.append(choice[numbers[at % len(numbers)] % len(choice)])
    return "".join(made)


def _in_case_of(original: str, made: str) -> str:
    """Return a replacement with the case of the original, letter by letter where it is mixed."""
    if original.islower() or not original.isascii():
        return made
    if original.isupper() and len(original) > 1:
        return made.upper()
    if original[0].isupper() and original[1:] == original[1:].lower():
        return made[0].upper() + made[1:]
    return "".join(
        sign.upper() if original[min(at, len(original) - 1)].isupper() else sign for at, sign in enumerate(made)
    )
