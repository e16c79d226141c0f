"""Find what names somebody in a text: links, addresses in any encoding, network addresses, hosts, ids.

One pattern finds them all from left to right, so nothing is replaced twice. Every repetition has a limit, and the long
ones begin only where a run begins: the search is linear.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

__all__ = ["ADDRESS", "ENCODED_AT", "TOKENS", "any_of"]

_LABEL: Final = r"[^\W_](?:(?:[^\W_]|-){0,61}[^\W_])?"  # qmail writes "_" for the blanks around a host
_HOST: Final = rf"(?:{_LABEL}\.){{1,9}}(?:xn--[a-z0-9-]{{2,59}}|[^\W\d_]{{2,24}})(?![^\W_]|-\w)"
_DOMAIN: Final = rf"(?:{_LABEL}\.){{0,9}}{_LABEL}"
# RFC 5321 4.1.2 without what ends a local part; RFC 6533 3 and octal escapes write other letters in ASCII.
_SIGN: Final = r"[^\s<>()\[\]\",;:@\\]"
_LOCAL: Final = rf"(?:{_SIGN}|\\x\{{[0-9A-Fa-f]{{1,6}}\}}|\\[0-7]{{3}}){{1,320}}"
# How an "@" is written in VERP, xtext (RFC 3461 4), quoted-printable, URLs and HTML.
ENCODED_AT: Final = r"&\#64;|&\#x40;|%40|\+40|=40|＠"

_TOKENS: Final = rf"""
  (?P<url>\bhttps?://[^\s<>"'\])}}]{{1,2000}})
| (?P<stamp>\b\d{{8}}T\d{{6}}Z?\b|(?<![\d.])\d{{4}}-\d\d-\d\dT[\d:.]{{5,18}}|@4[0-9a-f]{{15,23}}\b
    |\b(?P<version>\d{{1,2}}(?:\.\d{{1,3}}){{3}})/(?P=version)\b)
| (?P<owner>(?<![^\W_])(?:(?-i:[A-ZÀ-ÖØ-ÞĀ-Ž])[^\W\d_]{{1,30}},?[ ]){{1,4}}(?=[ ]?[<(][^<>()@\s]{{1,64}}@)
    |"[^"<>@\n]{{2,60}}"(?=[ ]?<[^<>@\s]{{1,64}}@))
| (?P<spaced>(?<=<)[^<>@"\n:]{{1,64}}[ ][^<>@"\n:]{{0,64}}@{_DOMAIN}(?=>))
| (?P<quoted>"(?:[^"\\\n]|\\.){{1,64}}"@(?:\[[^\]\s]{{3,60}}\]|{_DOMAIN}))
| (?P<address>(?<!{_SIGN}){_LOCAL}(?:@(?:\[[^\]\s]{{3,60}}\]|{_DOMAIN})|(?:{ENCODED_AT}){_HOST}))
| (?P<host>(?:(?<=[2-5]\d\d-)|(?<![^\W_])(?<![.@-]))(?![2-5]\d\d-\D){_HOST})
| (?P<ipv6>(?:(?<=IPv6:)|(?<![\w:.]))(?:[0-9A-Fa-f]{{0,4}}:){{2,7}}[0-9A-Fa-f]{{0,4}}(?![\w:]))
| (?P<ipv4>(?<![^\W_])(?<![.-])\d{{1,3}}(?:\.\d{{1,3}}){{3}}(?![^\W_]|-|\.\d))
| (?P<id>
    (?<![\w-])[0-9a-fA-F]{{8}}(?:-[0-9a-fA-F]{{4}}){{3}}-[0-9a-fA-F]{{12}}(?![\w-])
  | (?<![\w-])[0-9A-Za-z]{{6}}-[0-9A-Za-z]{{6,11}}-[0-9A-Za-z]{{2,4}}(?![\w-])
  )
| (?P<token>(?<![^\W_])(?=[A-Za-z]{{0,60}}\d)(?=\d{{0,60}}[A-Za-z])[A-Za-z0-9]{{8,}}(?![^\W_]))
"""
_REST: Final = r"""
| (?P<number>(?<![\w.])\+?\d[\d ()/.-]{7,24}\d(?!\w)|(?<![^\W_])\d{4,}(?![^\W_]))
| (?P<mixed>(?<![^\W_])(?=[^\W\d_]{0,12}\d)[^\W_]{2,40})
| (?P<word>[^\W\d_]+)
"""

ADDRESS: Final = re.compile(
    rf"(?P<local>.*?)(?P<at>@(?=[^@]*\Z)|{ENCODED_AT})(?P<domain>[^@]*)\Z", re.DOTALL | re.VERBOSE
)
"""The halves of an address: at the last "@", or where there is none, at the first encoded one."""


TOKENS: Final = re.compile(_TOKENS + _REST, re.VERBOSE | re.IGNORECASE)
"""All tokens; each group names a kind."""


def any_of(literals: Collection[str], *, alone: bool) -> re.Pattern[str]:
    """Return a pattern for any of these texts.

    :param alone: whether one counts only where it is no part of an address or of a longer name.
    """
    if not literals:
        return re.compile("(?!)")
    longest_first = sorted(literals, key=lambda text: (-len(text), text))
    # A folded header has other blanks than the same words in prose.
    each = "|".join(r"\s{1,8}".join(map(re.escape, literal.split())) for literal in longest_first)
    before, behind = (r"(?<![\w.@+-])", r"(?![\w@+=-]|\.\w|\"@)") if alone else (r"(?<![^\W_])", r"(?![^\W_])")
    return re.compile(f"{before}(?:{each}){behind}", re.IGNORECASE)
