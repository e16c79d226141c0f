"""Prove the verdicts of a report, or mark them as unproved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, Protocol

from undeliverable import Advice, BounceType, Proof, Report, Verdict
from undeliverable.verp._tokens import Refusal, Token, Verifier

__all__ = ["UNPROVEN", "Prover", "Sent", "is_unproven"]

UNPROVEN: Final = "unproven: "
"""The start of the conflict in a verdict that is not proven to concern a message of your own."""


class Sent(Protocol):
    """What you mailed."""

    def address_of(self, token_id: str) -> str | None:
        """Return the address that was mailed with the token of this id, or None if the id is not known."""
        ...

    def recipients_of(self, message_id: str) -> Sequence[str]:
        """Return all addresses that were mailed with this Message-ID, which is given without angle brackets."""
        ...


@dataclass(frozen=True, slots=True)
class Prover:
    """What marks the verdicts of a report by what proves that they are about messages of your own.

    :ivar signer: the maker of your return paths (:class:`undeliverable.verp.Signer`).
    :ivar sent: what you mailed, or a function that returns the address for the id of a token.
    """

    signer: Verifier | None = None
    sent: Sent | Callable[[str], str | None] | None = None

    def prove(self, report: Report, *addresses: str, today: date) -> Report:
        """Return `report` with every verdict marked whose recipient none of `addresses` proves."""
        signer = self.signer
        tokens = [] if signer is None else [token for address in addresses if (token := signer.read(address))]
        return replace(
            report, verdicts=tuple(self._proven(report, verdict, tokens, today) for verdict in report.verdicts)
        )

    def _proven(self, report: Report, verdict: Verdict, tokens: list[Token], today: date) -> Verdict:
        if verdict.proof in {Proof.OWN, Proof.SIGNED}:
            return verdict
        refusal = Refusal.NO_TOKEN
        for token in tokens:
            assert self.signer is not None
            for recipient in dict.fromkeys((verdict.original_recipient, verdict.recipient)):
                found = self.signer.refusal(token, recipient, today=today, kind=report.kind)
                if found is None:
                    return replace(verdict, sent_to=recipient, proof=Proof.TOKEN, token=token.name)
                refusal = found
        return replace(
            verdict,
            bounce_type=None if verdict.bounce_type is None else BounceType.UNDETERMINED,
            advice=Advice.REVIEW,
            conflicts=(*verdict.conflicts, UNPROVEN + refusal),
            proof=Proof.UNPROVED,
        )


def is_unproven(verdict: Verdict) -> bool:
    """Return whether proof was asked for, and nothing proves that the verdict is about a message of your own."""
    return verdict.proof is Proof.UNPROVED
