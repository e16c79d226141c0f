"""Read what the text of a report says of the recipients that its fields name, where the fields do not say why.

A statement is the line that begins with the recipient's address and what follows it, up to an empty line, the next
recipient, or the returned message. Nothing else in the text counts, so neither greeting nor footer becomes a cause.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from undeliverable._reading.reading import Reading
from undeliverable._smtp.replies import is_cause
from undeliverable._text.lazy import lazy
from undeliverable.model import Action, Diagnostic, Evidence, RecipientFacts, Witness, words_of

__all__ = ["read_statements"]

_TROUBLES: Final = (None, Action.FAILED, Action.DELAYED)
_MOST: Final = 64  # recipients whose statements are looked for
_ROOM: Final = 2_048  # characters of a statement that are read
# A line that begins with an address (RFC 5321 4.1.2), in brackets or quotes or behind a list's mark.
_NAMED: Final = lazy(
    r"[ \t]{0,40}(?:[-*•]{1,3}[ \t]{1,9}|\d{1,3}[.)][ \t]{1,9})?[<\"'(\[]{0,2}([^\s<>\"'(),;:\[\]]{1,64}@[^\s<>\"'(),;:\[\]]{1,255})"
    r"[>\"')\]]{0,2}(?=[\s:;,.|(]|-|\Z)"
)
# A summary of the message (RFC 5322 3.6) that stands where a cause would.
_SUMMARY: Final = lazy(r"(?i:subject|from|to|cc|date|sent|message-id)[ \t]{0,9}:")
_FOOTER: Final = "____"
_BETWEEN: Final = " \t:;,.|-"


def read_statements(reading: Reading) -> None:
    """Add the statements about recipients that are known, but not what happened to them."""
    if reading.kind is not None or reading.generator is not None:
        return  # what a described format says has been read
    wanted = {
        facts.recipient.lower(): facts for facts in reading.recipients if _is_unexplained(facts) and facts.recipient
    }
    if not wanted or len(wanted) > _MOST or not reading.text:
        return
    text = reading.text
    for name, at, words in _statements(text, wanted):
        evidence = Evidence(Witness.WORDS, reading.path, at, words_of(text[at : at + _ROOM]), "statement")
        reading.recipients.append(
            RecipientFacts(
                witness=Witness.WORDS,
                recipient=wanted[name].recipient,
                action=wanted[name].action,
                diagnostic=Diagnostic("", words),
                evidence=(evidence,),
            )
        )


def _is_unexplained(facts: RecipientFacts) -> bool:
    is_silent = facts.reply is None and facts.diagnostic is None and not is_cause(facts.status)
    return is_silent and facts.witness is Witness.FIELD and facts.action in _TROUBLES


def _statements(text: str, wanted: dict[str, RecipientFacts]) -> Iterator[tuple[str, int, str]]:
    """Yield the recipient, the place and the words of each statement.

    A line that begins with an address further to the right than the statement does is a folded line of it.
    """
    name, begin, margin, at = "", 0, 0, 0
    lines: list[str] = []
    for line in (*text.split("\n"), ""):
        bare = "" if line.startswith(_FOOTER) else line.strip()
        named = _NAMED.match(line) if "@" in line else None
        is_new = named is not None and not (lines and line.find(bare) > margin)
        if (is_new or not bare) and lines:
            yield name, begin, " ".join(lines)[:_ROOM]
            lines.clear()
            name = ""
        if named is not None and is_new:
            name, begin, margin = named[1].lower(), at, line.find(bare)
            name = name if name in wanted else ""
            bare = line[named.end() :].strip(_BETWEEN)
        if name and bare and _SUMMARY.match(bare) is None:
            lines.append(bare)
        at += len(line) + 1
