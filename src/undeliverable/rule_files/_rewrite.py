"""Foreign patterns, made to find in what rules see what they find in a raw reply, in linear time.

Rules see a reply with single blanks and without addresses (:mod:`undeliverable._rules.visible`). So a repeated blank
needs no repetition, which changes nothing, and a piece that matches an address is put into the place of the blanked one.
What is still not linear gets limits: all repetitions but the first one that can match nearly any character, as generous
as the check of patterns allows. Replies are short, so the limits rarely matter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from undeliverable._text.linear import MOST_STEPS, check_linear
from undeliverable._text.patterns import ALL, Chars, Choice, Node, PatternError, Repeat, parse_pattern
from undeliverable._text.patterns import Sequence as InOrder

__all__ = ["Rewritten", "rewritten", "samples"]

_TOKEN: Final = re.compile(
    r"(?P<escape>\\(?:[pPuxN]\{[^}]{0,40}\}|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.))"
    r"|(?P<set>\[\^?\]?(?:\\.|[^\]\\])*\])"
    r"|(?P<open>\((?:\?(?:[:=!>]|<[=!]|P?<\w+>|[a-z-]{1,10}[:)]))?)"
    r"|(?P<close>\))"
    r"|(?P<count>(?:[*+?]|\{\d*,?\d*\})[?+]?)"
    r"|(?P<other>.)",
    re.DOTALL,
)
_BLANK: Final = frozenset((" ", r"\s", r"\ ", r"[ ]", r"[\s]", r"[ \t]"))
_ADDRESS: Final = r"\S{0,9}<>\S{0,9}"  # what rules see of an address, and the signs around it
_BEHIND_CODE: Final = r"^(?:[2-5]\d\d[ -])?"
_IN_CODE: Final = frozenset("^|0123456789")
_NO_WORD: Final = "(?<![a-z] )"
_CASE: Final = "found in upper and lower case alike"
_LIMITS: Final = (400, 200, 120, 80, 60, 40, 30, 20, 12)
_NARROW: Final = 40  # the limit for what matches few characters: dashes, digits, a word
_WIDE: Final = frozenset((".", r"\S", r"\D", r"\W"))
_MOST_SAMPLES: Final = 12
_FEW: Final = 10  # of so many characters each is tried
_MANY: Final = 60  # a set of more is "anything"
_CODE_AND_CLASS: Final = re.compile(r"([245])\d\d[ -]([245])\.")


class Rewritten(NamedTuple):
    """A pattern that can be used, and what had to be changed.

    :ivar pattern: the pattern.
    :ivar note: what differs from the original in what it finds, in a few words; None where it finds the same.
    """

    pattern: str
    note: str | None


class _Token(NamedTuple):
    kind: str
    text: str


def rewritten(pattern: str, *, begins_with_status: bool = False, case_matters: bool = False) -> Rewritten:
    """Return a pattern that finds in what rules see what `pattern` finds in a raw reply.

    :param begins_with_status: whether `pattern` was made for texts that begin with the status.
    :param case_matters: whether upper and lower case differ in `pattern`; they do not in rules.
    :raises PatternError: for one that cannot be used; the message says why.
    """
    if not pattern:
        raise PatternError("it matches every reply; left out, so that the built-in rules judge what no other rule does")
    tokens = _without_addresses([*_tokens(pattern)])
    if begins_with_status and tokens[0].text == "^":
        tokens[0] = _Token("other", _BEHIND_CODE)
    tokens = _single_blanks(_after_code(_searched(tokens)))
    notes: list[str] = []
    if case_matters and any(_is_capital(token) for token in tokens):
        tokens, notes = _at_sentences(tokens), [_CASE]
    plain = "".join(token.text for token in tokens)
    problem = check_linear(plain, most_steps=MOST_STEPS)
    if problem is None:
        return Rewritten(plain, "; ".join(notes) or None)
    for limit in _LIMITS:
        bounded = _limited(tokens, limit)
        if bounded != plain and check_linear(bounded, most_steps=MOST_STEPS) is None:
            return Rewritten(bounded, "; ".join((f"repetitions limited to {limit} characters", *notes)))
    raise PatternError(problem)


def _tokens(pattern: str) -> Iterator[_Token]:
    for found in _TOKEN.finditer(pattern):
        assert found.lastgroup is not None
        text = found[0]
        # A named group of JavaScript and Rust.
        yield _Token(
            found.lastgroup, text.replace("(?<", "(?P<") if text[:3] == "(?<" and text[3] not in "=!" else text
        )


def _without_addresses(tokens: list[_Token]) -> list[_Token]:
    """Put a blanked address into the place of what matches one: of two repetitions around an at sign."""
    done: list[_Token] = []
    at = 0
    while at < len(tokens):
        if tokens[at].text != "@":
            done.append(tokens[at])
            at += 1
            continue
        after = tokens[at + 1 : at + 3]
        if not (_is_run(done[-2:]) and _is_run(after)):
            raise PatternError("it asks for a certain address, and addresses are blanked before rules see a reply")
        done[-2:] = [_Token("other", _ADDRESS)]
        at += 3
    return done


def _after_code(tokens: Sequence[_Token]) -> list[_Token]:
    """Let a hyphen stand where only a blank may follow the code: the first line of several has one (RFC 5321 4.2.1)."""
    done = list(tokens)
    at = next((at for at, token in enumerate(tokens) if token.text == " "), 0)
    code = tokens[:at]
    if code and code[0].text == "^" and all(token.kind != "other" or token.text in _IN_CODE for token in code):
        done[at] = _Token("set", "[ -]")
    return done


def _at_sentences(tokens: Sequence[_Token]) -> list[_Token]:
    """Let no word stand before one that begins with a capital behind a gap.

    Rules see no capitals. In a reply they begin a sentence: "Address rejected" is not "Sender address rejected".
    """
    done: list[_Token] = []
    for token in tokens:
        if _is_capital(token) and _is_run(done[-2:]):
            done.append(_Token("other", _NO_WORD))
        done.append(token)
    return done


def _is_capital(token: _Token) -> bool:
    return token.kind == "other" and token.text.isupper()


def _is_run(pair: Sequence[_Token]) -> bool:
    """Return whether this is a repeated set of characters."""
    return len(pair) == 2 and pair[1].kind == "count" and (pair[0].kind in {"set", "escape"} or pair[0].text == ".")


def _searched(tokens: list[_Token]) -> list[_Token]:
    """Leave out a gap at the beginning: a pattern is looked for everywhere."""
    if len(tokens) > 2 and tokens[0].text == "." and tokens[1].text[0] in "*+":
        return tokens[2:] if tokens[1].text[0] == "*" else [tokens[0], *tokens[2:]]
    return tokens


def _single_blanks(tokens: Sequence[_Token]) -> list[_Token]:
    """Repeat no blank: rules see no two of them together."""
    done: list[_Token] = []
    for token in tokens:
        is_repeated = bool(done) and done[-1].text in _BLANK and token.kind == "count" and token.text[0] in "*+"
        done.append(_Token("count", "?" if token.text[0] == "*" else "") if is_repeated else token)
    return done


def _limited(tokens: Sequence[_Token], limit: int) -> str:
    """Return the pattern with every unlimited repetition limited, but for the first that matches nearly anything."""
    done: list[str] = []
    is_first = True
    for before, token in zip((_Token("open", ""), *tokens), tokens, strict=False):
        if token.kind == "count" and token.text[0] in "*+":
            is_wide = before.text in _WIDE or before.text.startswith("[^")
            if not (is_wide and is_first):
                most = limit if is_wide else min(limit, _NARROW)
                done.append(f"{{{'1' if token.text[0] == '+' else '0'},{most}}}")
                continue
            is_first = False
        done.append(token.text)
    return "".join(done)


def samples(pattern: str) -> tuple[str, ...]:
    """Return some replies that the pattern finds, made from itself, or none where it cannot be read.

    They have an alternative each, and the reply code and status of one class where they have both.
    """
    try:
        found = dict.fromkeys(_samples(parse_pattern(pattern)))
    except (PatternError, RecursionError):
        return ()
    texts = [f"550{text[3:]}" if text.startswith("555") else text for text in found]
    agreeing = [text for text in texts if (match := _CODE_AND_CLASS.match(text)) is None or match[1] == match[2]]
    return tuple(agreeing or texts)


def _samples(node: Node) -> list[str]:
    match node:
        case Chars(chars):
            return _characters(chars)
        case InOrder(items):
            found = [""]
            for item in items:
                found = [before + after for before in found for after in _samples(item)][:_MOST_SAMPLES]
            return found
        case Choice(options):
            return [text for option in options for text in _samples(option)][:_MOST_SAMPLES]
        case Repeat(item, low, _):
            is_gap = isinstance(item, Chars) and len(item.chars) > _MANY
            return [text * (low or 1) for text in _samples(item)] if low or is_gap else [""]
        case _:
            return [""]


def _characters(chars: frozenset[str]) -> list[str]:
    """Return what stands for a set: each of a few characters, a typical one of many."""
    if len(chars) > _MANY:
        return [" " if " " in chars and chars == ALL else "x"]
    small = sorted(char for char in chars if char.isascii() and not char.isupper())
    if len(small) < _FEW:
        return small if all(char.isdigit() for char in small) else small[:1]
    return ["5" if "5" in small else small[0]]
