"""Prove the verdicts of a report, or mark them as unproved.

A token proves one address: the one that its signature covers. It proves one verdict of a report, however many the report
has: whoever holds a token of their own can write any number of recipients beside it. Which address that is, the caller's
look-up says best, since a forwarder's report may name an address that was never mailed; without it, an address of the
report for which the signature fits. Where no token proves anything, a Message-ID may: if it was mailed to one address
alone, and the report is about that address.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, Protocol, cast

from undeliverable import Action, Advice, BounceType, Proof, Report, Verdict, address_identity, is_same_address
from undeliverable.verdict import INSIDE, UNPROVEN
from undeliverable.verp._named import message_id_of, names_of, tokens_in
from undeliverable.verp._tokens import Refusal, Token, Verifier

__all__ = ["Prover", "Sent", "is_unproven"]

_CHECKS: Final = 20_000  # signatures that are computed for one report; it takes about a tenth of a second
# A failure says more about the address than a delay, and that more than a success.
_RANKS: Final[dict[Action | None, int]] = {Action.FAILED: 0, None: 0, Action.DELAYED: 1}
_LEAST: Final = 2
# Characters of an address that a refusal shows: enough to recognise it, and not a token that somebody could use.
_TOKEN_SHOWN: Final = 4
_DOMAIN_SHOWN: Final = 64
# Of several refusals the one that comes last here is given.
_TELLING: Final = (
    Refusal.NO_TOKEN,
    Refusal.NO_RECIPIENT,
    Refusal.UNKNOWN_KEY,
    Refusal.MISMATCH,
    Refusal.NOT_YET,
    Refusal.EXPIRED,
)


class Sent(Protocol):
    """What you mailed: an object that answers these two questions, from a database say."""

    def address_of(self, token_id: str) -> str | None:
        """Return the address that was mailed with the token of this id, or None if the id is not known.

        Ids are guessable; the address counts only if the token's signature fits it.
        """
        ...

    def recipients_of(self, message_id: str) -> Sequence[str]:
        """Return all addresses that were mailed with this Message-ID, which is given without angle brackets."""
        ...


@dataclass(frozen=True, slots=True)
class Prover:
    """What marks the verdicts of a report by what proves that they are about messages of your own.

    :ivar signer: the maker of your return paths (:class:`undeliverable.verp.Signer`), or None: then only Message-IDs prove.
    :ivar sent: what you mailed, or a function that returns the address for the id of a token, or None.
    :raises ValueError: if nothing could prove anything.
    """

    signer: Verifier | None = None
    sent: Sent | Callable[[str], str | None] | None = None

    def __post_init__(self) -> None:
        if self.signer is None and not hasattr(self.sent, "recipients_of"):
            raise ValueError("a prover needs a signer, or a `sent` with the method recipients_of")

    def prove(self, report: Report, *addresses: str, today: date) -> Report:
        """Return `report` with every verdict marked by what proves it.

        A proved verdict has the proof ``token`` or ``matched``, and ``sent_to`` is the address that was mailed; where
        another address failed, its advice is to retry instead of to suppress. Every other verdict is ``unproved``:
        undetermined, for review, with a conflict that begins with :data:`~undeliverable.verdict.UNPROVEN`, whatever kind of
        report it is. A verdict that has a proof already stays as it is.

        :param addresses: the addresses that the report was sent to, its envelope recipients. For complaints, which
            take other ways, the tokens in Original-Mail-From, in the Return-Path of the returned message, and in its
            CFBL-Feedback-ID count as well.
        :param today: the day by which tokens are too old.
        """
        work = _Work(self, report, today, addresses)
        if self.signer is not None:
            for token in tokens_in(report, addresses, self.signer):
                work.try_token(self.signer, token)
        work.try_message_id()
        return replace(report, verdicts=tuple(map(work.result, range(len(report.verdicts)))))

    def address_of(self, token_id: str) -> str | None:
        """Return the address that was mailed with the token of this id, as far as that is known."""
        if self.sent is None:
            return None
        look_up = cast("Callable[[str], str | None]", getattr(self.sent, "address_of", self.sent))
        return look_up(token_id)


def is_unproven(verdict: Verdict) -> bool:
    """Return whether proof was asked for, and nothing proves that the verdict is about a message of your own."""
    return verdict.proof is Proof.UNPROVED


class _Work:
    """The work on one report: what is proved of it so far, and why other verdicts are not."""

    def __init__(self, prover: Prover, report: Report, today: date, addresses: Sequence[str]) -> None:
        self._prover, self._report, self._today, self._addresses = prover, report, today, addresses
        self._names = {
            number: names_of(verdict) for number, verdict in enumerate(report.verdicts) if _may_be_proved(verdict)
        }
        self._proved: dict[int, Verdict] = {}
        self._refusal_of_all = Refusal.NO_TOKEN
        self._refusals: dict[int, Refusal] = {}
        self._checks = 0

    def try_token(self, signer: Verifier, token: Token) -> None:
        """Prove the verdict that fits best with `token`, if its signature fits an address."""
        open_verdicts = self._names.keys() - self._proved.keys()
        if not open_verdicts:
            return
        mailed = self._mailed(signer, token)
        if mailed is not None:
            self._prove(self._best(address_identity(mailed), open_verdicts), mailed, Proof.TOKEN, token.name)

    def try_message_id(self) -> None:
        """Prove the verdict on the one address that the original message was mailed to, if no token proves any."""
        recipients_of = getattr(self._prover.sent, "recipients_of", None)
        message_id = message_id_of(self._report)
        if recipients_of is None or message_id is None or self._proved:
            return
        mailed = recipients_of(message_id)
        address = next(iter(mailed), None)
        if address is None or not all(is_same_address(address, other) for other in mailed):
            return  # everybody who got a message knows its Message-ID
        identity = address_identity(address)
        named = {number for number, names in self._names.items() if identity in names}
        if named:
            self._prove(self._best(identity, named), address, Proof.MATCHED, None)

    def result(self, number: int) -> Verdict:
        """Return the verdict of this number, proved, unproved, or as it was if it had a proof before."""
        verdict = self._report.verdicts[number]
        if number in self._proved:
            return self._proved[number]
        return verdict if verdict.proof is not None else _unproved(verdict, self._refusal(number))

    def _mailed(self, signer: Verifier, token: Token) -> str | None:
        """Return the address that `token` proves: that of the look-up, else one that the report names."""
        known = self._prover.address_of(token.id)
        if known is not None:
            found = self._check(signer, token, known)
            if found is None:
                return known
            self._refusal_of_all = max(self._refusal_of_all, found, key=_TELLING.index)
        seen: dict[str, Refusal | None] = {}
        for number, names in self._names.items():
            self._refuse(number, Refusal.NO_RECIPIENT)
            for identity, name in names.items():
                found = seen[identity] if identity in seen else self._check(signer, token, name)
                if found is None:
                    return name
                seen[identity] = found
                self._refuse(number, found)
        return None

    def _check(self, signer: Verifier, token: Token, name: str) -> Refusal | None:
        self._checks += 1
        if self._checks > _CHECKS:
            return Refusal.MISMATCH
        return signer.refusal(token, name, today=self._today, kind=self._report.kind)

    def _best(self, identity: str, numbers: Iterable[int]) -> int:
        """Return the verdict that says most about an address: one that names it, and a failure before others."""

        def rank(number: int) -> tuple[bool, int, bool, int]:
            verdict, names = self._report.verdicts[number], self._names[number]
            is_final = verdict.recipient is not None and address_identity(verdict.recipient) == identity
            return identity not in names, _RANKS.get(verdict.action, _LEAST), not is_final, number

        return min(numbers, key=rank)

    def _prove(self, number: int, mailed: str, proof: Proof, token: str | None) -> None:
        verdict = self._report.verdicts[number]
        # That another address failed, or nobody knows which one, is no reason to suppress the one that was mailed.
        is_anothers = verdict.reason is not None and not is_same_address(verdict.recipient, mailed)
        spare = is_anothers and verdict.advice is Advice.SUPPRESS
        self._proved[number] = replace(
            verdict, sent_to=mailed, proof=proof, token=token, advice=Advice.RETRY if spare else verdict.advice
        )

    def _refuse(self, number: int, refusal: Refusal) -> None:
        self._refusals[number] = max(self._refusals.get(number, refusal), refusal, key=_TELLING.index)

    def _refusal(self, number: int) -> str:
        if number not in self._names:
            return Refusal.INSIDE
        if self._proved:
            return Refusal.USED
        if self._prover.signer is None:
            return Refusal.NOT_SENT
        found = max(self._refusal_of_all, self._refusals.get(number, Refusal.NO_TOKEN), key=_TELLING.index)
        return _no_token(self._prover.signer, self._addresses) if found is Refusal.NO_TOKEN else found


def _no_token(signer: Verifier, addresses: Iterable[str]) -> str:
    """Return why there is no token: where the pattern names another domain than that of the mail, both of them."""
    astray = next(filter(signer.is_astray, addresses), None)
    if astray is None:
        return Refusal.NO_TOKEN
    local, _, domain = astray.strip().strip("<>").rpartition("@")
    shown = f"{_cut(local, len(signer.pattern.partition('{')[0]) + _TOKEN_SHOWN)}@{_cut(domain, _DOMAIN_SHOWN)}"
    return f"it came to {shown}, the signed return path is {signer.pattern}"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}…"


def _may_be_proved(verdict: Verdict) -> bool:
    return verdict.proof is None and INSIDE not in verdict.conflicts


def _unproved(verdict: Verdict, refusal: str) -> Verdict:
    return replace(
        verdict,
        bounce_type=None if verdict.bounce_type is None else BounceType.UNDETERMINED,
        advice=Advice.REVIEW,
        conflicts=(*verdict.conflicts, UNPROVEN + refusal),
        proof=Proof.UNPROVED,
    )
