"""Slots of a verdict that are filled when they are first asked for, since most callers never ask.

Each is put over the member descriptor of a slot. What stands in the slot before is None, or a reader that the judge left.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "ConfidenceSlot",
    "DefaultWait",
    "DetailsSlot",
    "KeySlot",
    "PolicyWait",
    "ProviderSlot",
    "VendorCodeSlot",
    "WaitSlot",
]

_WAITING = frozenset(("retry", "retry_elsewhere"))


class _Slot:
    """A slot of a verdict; a subclass says how it is filled when it is read."""

    def __init__(self, slot: Any) -> None:  # noqa: ANN401 # a member descriptor
        self._get = slot.__get__
        self._set = slot.__set__

    def __set__(self, verdict: Any, value: object) -> None:  # noqa: ANN401
        self._set(verdict, value)


class KeySlot(_Slot):
    """The slot of ``key``, filled when it is first asked for: a digest takes longer than most of a verdict.

    The key is the same for the same failure, whoever reports it: of the original message, the recipient and the action.
    """

    def __get__(self, verdict: Any, owner: object = None) -> Any:  # noqa: ANN401 # the key; of the class, this
        if verdict is None:
            return self
        key = self._get(verdict)
        if key is None:
            recipient, action = verdict.recipient or "", verdict.action or ""
            identity = verdict._identity.strip().strip("<>")  # noqa: SLF001 # of this very class
            key = _sha256()(f"{identity}\n{recipient.casefold()}\n{action}".encode(errors="replace")).hexdigest()
            self._set(verdict, key)
        return key


@lru_cache(maxsize=1)
def _sha256() -> Callable[[bytes], Any]:
    from hashlib import sha256

    return sha256


class DetailsSlot(_Slot):
    """The slot of ``details``. The judge puts a reader there, which is called when they are first asked for.

    Most callers never ask, and reading all details takes longer than most of a verdict. The reader knows the blocklists
    of the knowledge that judged; from then on, and in copies and pickles, the details are plain values.
    """

    def __init__(self, slot: Any, plain: type) -> None:  # noqa: ANN401 # a member descriptor
        super().__init__(slot)
        self._plain = plain

    def __get__(self, verdict: Any, owner: object = None) -> Any:  # noqa: ANN401 # the details; of the class, this
        if verdict is None:
            return self
        details = self._get(verdict)
        if details.__class__ is not self._plain:
            details = details(verdict.reason, verdict.reply, verdict.status)
            self._set(verdict, details)
        return details


class VendorCodeSlot(_Slot):
    """The slot of ``vendor_code``: as that of ``details``, for codes that the reply itself holds."""

    def __get__(self, verdict: Any, owner: object = None) -> Any:  # noqa: ANN401 # the code; of the class, this
        if verdict is None:
            return self
        code = self._get(verdict)
        if code is not None and code.__class__ is not str:
            code = code(verdict.reply)
            self._set(verdict, code)
        return code


class ProviderSlot(_Slot):
    """The slot of ``provider`` or ``provider_from``, where the judge leaves a reader: most callers never ask.

    The reader is called with the host, the recipient and what is known of the provider, and returns the provider and what
    says so.

    :param slot: the member descriptor.
    :param both: those of ``provider`` and ``provider_from``.
    """

    def __init__(self, slot: Any, both: tuple[Any, Any]) -> None:  # noqa: ANN401 # member descriptors
        super().__init__(slot)
        self._provider, self._from = both

    def __get__(self, verdict: Any, owner: object = None) -> Any:  # noqa: ANN401 # the value; of the class, this
        if verdict is None:
            return self
        value = self._get(verdict)
        if value is None or isinstance(value, str):
            return value
        provider = self._provider.__get__(verdict)
        known = provider if isinstance(provider, str) else None
        found, says_so = self._from.__get__(verdict)(verdict.remote_mta, verdict.recipient, known)
        self._provider.__set__(verdict, found)
        self._from.__set__(verdict, says_so)
        return self._get(verdict)


class DefaultWait(int):
    """Seconds to wait where the reply states none."""


class PolicyWait(int):
    """Seconds to wait that a policy set; a longer wait that the reply states counts before them."""


class WaitSlot(_Slot):
    """The slot of ``retry_after``, which is None unless the message is tried again.

    It is the longer of what a policy set and what the reply states, else a default.
    """

    def __get__(self, verdict: Any, owner: object = None) -> Any:  # noqa: ANN401 # the seconds; of the class, this
        if verdict is None:
            return self
        wait = self._get(verdict)
        if wait.__class__ is not int:
            if verdict.message_advice not in _WAITING:
                return None
            stated = verdict.details.retry_after
            if stated is None and wait is None:
                return None
            if stated is not None and (wait is None or wait.__class__ is DefaultWait or stated > wait):
                wait = stated
            wait = int(wait)
            self._set(verdict, wait)
        return wait


class ConfidenceSlot(_Slot):
    """The slot of ``confidence``: as that of ``details``, since some replies have to be read again for it."""

    def __get__(self, verdict: Any, owner: object = None) -> Any:  # noqa: ANN401 # the level; of the class, this
        if verdict is None:
            return self
        level = self._get(verdict)
        if level is not None and level.__class__ is not str:
            level = level(verdict)
            self._set(verdict, level)
        return level
