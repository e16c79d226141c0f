"""Variable envelope return paths (VERP): an envelope sender that names the recipient of a message, and can prove it.

A plain return path (:class:`Pattern`) holds the recipient, and anybody can make one up. A signed one
(:class:`Signer`) holds a token instead. The recipient enters the signature, not the token, so a bounce proves that you
mailed its recipient only if it names the very address that the message was sent to.

No clock is read: the day is an argument.
"""

from __future__ import annotations

from undeliverable.verdict import UNPROVEN
from undeliverable.verp._keys import read_keys, read_private
from undeliverable.verp._patterns import STYLES, Pattern, ReturnPath
from undeliverable.verp._proving import is_unproven
from undeliverable.verp._signer import Signer
from undeliverable.verp._tokens import Refusal, Token

__all__ = [
    "STYLES",
    "UNPROVEN",
    "Pattern",
    "Refusal",
    "ReturnPath",
    "Signer",
    "Token",
    "is_unproven",
    "read_keys",
    "read_private",
]
