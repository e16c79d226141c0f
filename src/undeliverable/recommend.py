"""Recommend the next step for one address, and suggest the domain behind a mistyped one.

A suggestion is never applied: nothing here changes an address. :func:`suggest_domain` needs the extra ``recommend``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from types import MappingProxyType
from typing import Final

from undeliverable import Advice, BounceType, Fault, Verdict
from undeliverable.data import read
from undeliverable.errors import missing_extra

__all__ = ["Correction", "Recommendation", "Step", "mailbox_domains", "recommend", "suggest_domain"]


class Step(StrEnum):
    """The next step.

    ``suppress``: send no more; ``enrich``: keep it suppressed, and find out the right address; ``replace``: use the
    corrected address, after validating it. The others are those of :class:`~undeliverable.Advice`.
    """

    SUPPRESS = "suppress"
    ENRICH = "enrich"
    REPLACE = "replace"
    RETRY = "retry"
    SLOW_DOWN = "slow_down"
    FIX_SENDER = "fix_sender"
    FIX_MESSAGE = "fix_message"
    REVIEW = "review"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Correction:
    """The address that was meant.

    :ivar verified: True if a trustworthy source confirms it: the owner, a contract, a customer record; False for a
        guess.
    :ivar source: the source that confirms it.
    """

    address: str
    verified: bool = False
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Recommendation:
    """The next step, and the explanation.

    :ivar replacement: the address to validate and then use; only with the step ``replace``.
    :ivar suggestion: an unconfirmed guess at the right address; only with the step ``enrich``.
    """

    step: Step
    why: str
    replacement: str | None = None
    suggestion: str | None = None


def recommend(verdict: Verdict, correction: Correction | None = None) -> Recommendation:
    """Return the next step for the recipient of `verdict`.

    :param correction: the right address, if known. Without one, :func:`suggest_domain` is tried on the recipient's
        domain if the extra ``recommend`` is installed.
    """
    if verdict.bounce_type is not BounceType.HARD or verdict.advice not in (Advice.SUPPRESS, None):
        advice = verdict.advice or Advice.NONE
        return Recommendation(Step(str(advice)), _WHY[advice])
    if correction is not None and correction.verified and _differs(correction.address, verdict.recipient):
        by = f" ({correction.source})" if correction.source else ""
        why = f"The address is dead and a verified one is known{by}: validate it before sending again."
        return Recommendation(Step.REPLACE, why, replacement=correction.address)
    guess = correction.address if correction is not None else _guess(verdict)
    if guess is not None and _differs(guess, verdict.recipient):
        why = "The address is dead and may be mistyped, but no other is verified: keep it suppressed, and ask."
        return Recommendation(Step.ENRICH, why, suggestion=guess)
    return Recommendation(Step.SUPPRESS, "The address is dead, and no correction is known.")


_WHY: Final[Mapping[Advice, str]] = MappingProxyType(
    {
        Advice.SUPPRESS: "Send no more to this address.",
        Advice.RETRY: "The address may still be valid: try again later.",
        Advice.SLOW_DOWN: "The receiver accepts no more mail for now: send more slowly.",
        Advice.FIX_SENDER: "The sender was refused, not the address: fix that first.",
        Advice.FIX_MESSAGE: "The message was refused, not the address: fix that first.",
        Advice.REVIEW: "The report is inconclusive: review it by hand.",
        Advice.NONE: "Nothing to do.",
    }
)


def _differs(address: str, recipient: str | None) -> bool:
    return address.strip().casefold() != (recipient or "").strip().casefold()


def _guess(verdict: Verdict) -> str | None:
    """Return the recipient with the domain that was probably meant, or None; only for faults of the address."""
    local, at, domain = (verdict.recipient or "").rpartition("@")
    if not at or verdict.fault is not Fault.ADDRESS:
        return None
    try:
        meant = suggest_domain(domain)
    except ModuleNotFoundError:
        return None
    return None if meant is None else f"{local}@{meant}"


@cache
def mailbox_domains() -> tuple[str, ...]:
    """Return the mailbox domains that may be suggested, the most used first."""
    return tuple(domain for group in _groups() if not group.get("known_only") for domain in group["domains"])


@cache
def _known() -> frozenset[str]:
    return frozenset(domain for group in _groups() for domain in group["domains"])


@cache
def _names() -> frozenset[str]:
    return frozenset(domain.partition(".")[0] for domain in mailbox_domains())


def _groups() -> list[dict[str, list[str]]]:
    import tomllib

    groups: list[dict[str, list[str]]] = tomllib.loads(read("addresses/mailbox_domains.toml"))["group"]
    return groups


def suggest_domain(domain: str) -> str | None:
    """Return the mailbox domain of which `domain` is probably a typo, or None; known domains have no suggestion.

    A typo is an extra or a missing letter, a neighbouring key, or two letters swapped: at most one in the name and one
    after the first dot, or two in a long name.

    :raises MissingExtraError: without the extra ``recommend``.
    """
    try:
        from rapidfuzz import process
        from rapidfuzz.distance import OSA
    except ModuleNotFoundError as error:
        raise missing_extra(error, __name__) from None

    wanted = domain.strip().strip(".").lower()
    if not wanted.isascii() or not 4 <= len(wanted) <= _LONGEST or wanted in _known():
        return None
    near = process.extract(wanted, mailbox_domains(), scorer=OSA.distance, score_cutoff=2, limit=12)
    ranked = [
        (cost, index, candidate) for candidate, _, index in near if (cost := _cost(wanted, candidate)) is not None
    ]
    return min(ranked)[2] if ranked else None


_LONGEST: Final = 64
_SHORT: Final = 4  # characters; nearly every neighbour of such a short name is a name of its own
_LONG: Final = 7
_ROWS: Final = ("1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm")
_NEIGHBOURS: Final = frozenset(
    pair
    for upper, row in enumerate(_ROWS)
    for at, key in enumerate(row)
    for other in (
        *row[max(0, at - 1) : at + 2],
        *(_ROWS[upper + 1][max(0, at - 1) : at + 1] if upper + 1 < len(_ROWS) else ""),
    )
    if key != other
    for pair in ((key, other), (other, key))
)


def _cost(wanted: str, candidate: str) -> float | None:
    """Return the distance from `wanted` to `candidate`, with less weight for easy typos; None if it is too far."""
    from rapidfuzz.distance import OSA

    if wanted.replace(".", "") == candidate.replace(".", ""):
        return 0.5  # a dot too many or too few
    name, _, rest = wanted.partition(".")
    meant, _, ending = candidate.partition(".")
    if name != meant and name in _names():
        return None  # the name is correct as it is
    in_name, in_rest = OSA.distance(name, meant), OSA.distance(rest, ending)
    if in_rest > 1 or in_name > (2 if len(meant) >= _LONG and not in_rest else 1):
        return None
    if in_rest and len(rest) == len(ending) == 2 and not _is_easy(rest, ending):
        return None  # another country
    if in_name and len(meant) <= _SHORT and not _is_easy(name, meant):
        return None
    return (
        sum(0.6 if _is_easy(*pair) else 1.0 for pair in ((name, meant), (rest, ending)) if pair[0] != pair[1]) + in_name
    )


def _is_easy(wrong: str, right: str) -> bool:
    """Return True if a common typo turns `right` into `wrong`: neighbouring key, swap, letter doubled or lost."""
    from rapidfuzz.distance import Levenshtein

    if len(wrong) == len(right) and sorted(wrong) == sorted(right):
        return True
    edits = [edit for edit in Levenshtein.editops(wrong, right) if edit.tag != "equal"]
    return all(
        (wrong[edit.src_pos], right[edit.dest_pos]) in _NEIGHBOURS
        if edit.tag == "replace"
        else _is_doubled(
            wrong if edit.tag == "delete" else right, edit.src_pos if edit.tag == "delete" else edit.dest_pos
        )
        for edit in edits
    )


def _is_doubled(text: str, at: int) -> bool:
    """Return True if the letter at a position is next to the same letter, or to one of a neighbouring key."""
    beside = text[max(0, at - 1) : at] + text[at + 1 : at + 2]
    return any(letter == text[at] or (letter, text[at]) in _NEIGHBOURS for letter in beside)
