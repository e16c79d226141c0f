"""The maker of signed tokens, in return paths and for feedback reports."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date

from undeliverable import Report
from undeliverable.verp._proving import Prover, Sent
from undeliverable.verp._tokens import Verifier

__all__ = ["Signer"]


class Signer(Verifier):
    """A maker and checker of signed return paths: an HMAC-SHA256, cut to 128 bits, over key id, day, id and recipient.

    >>> from datetime import date
    >>> signer = Signer("bounces+{token}@example.com", {"a": b"0123456789abcdef"})
    >>> path = signer.sign("kim@example.org", id="42", day=date(2026, 11, 20))
    >>> path
    'bounces+aaujjrz45xoyrqj6jzd5ycolqlwf6qi42@example.com'
    >>> signer.check(path, "kim@example.org", today=date(2026, 11, 25)) is None
    True
    >>> signer.check(path, "lee@example.org", today=date(2026, 11, 25))
    <Refusal.MISMATCH: 'the token is forged, altered, or was made for another recipient'>

    :param pattern: an address with the place ``{token}`` in its local part, which has at most 64 octets in all.
    :param keys: secrets of at least 16 octets by id, one letter a-z or digit; the **first** signs, all are accepted.
        To rotate, put a new key in front, and drop the old one once its tokens have expired.
    :param days: the lifetime of a token in days, for bounces: servers give up after about five.
    :param auto_reply_days: the same for automatic replies and complaints, which come later.
    :raises ValueError: if an argument cannot be used.
    """

    __slots__ = ()

    def __init__(self, pattern: str, keys: Mapping[str, bytes], *, days: int = 10, auto_reply_days: int = 30) -> None:
        super().__init__(pattern, keys, days=days, auto_reply_days=auto_reply_days)

    def sign(self, recipient: str, *, id: str, day: date) -> str:  # noqa: A002 # the record's own word
        """Return the return path of a message to `recipient`.

        :param id: an id of your own, 1 to 16 characters of ``a-z 0-9 _ -``: mail servers do not preserve case.
        :param day: today.
        :raises ValueError: if `id` is not like this, or `day` is before 1970.
        """
        return f"{self._before}{self._made(recipient, id, day)}{self._after}"

    def feedback_id(self, recipient: str, *, id: str, day: date) -> str:  # noqa: A002 # the record's own word
        """Return the bare token for the header field CFBL-Feedback-ID (RFC 9477 3.3) of a message to `recipient`.

        Arguments and errors as for :meth:`sign`.
        """
        return self._made(recipient, id, day)

    def prove(
        self, report: Report, *addresses: str, today: date, sent: Sent | Callable[[str], str | None] | None = None
    ) -> Report:
        """Return `report` with every verdict marked by what proves it; see :meth:`undeliverable.proof.Prover.prove`."""
        return Prover(self, sent).prove(report, *addresses, today=today)
