"""Read bounces from a mailbox (IMAP), each exactly once, and move them out of the way.

:class:`Reader` knows what to do with messages, :class:`Memory` which ones were taken; both ask a :class:`Session`, which
:mod:`undeliverable.mailbox.imap` gives (the extra ``imap``).
"""

from __future__ import annotations

from undeliverable.mailbox._credentials import Credentials
from undeliverable.mailbox._errors import DroppedError, MailboxError, RefusedError
from undeliverable.mailbox._folders import FOLDERS, folders_of
from undeliverable.mailbox._memory import Memory
from undeliverable.mailbox._outputs import Judgement, Outputs
from undeliverable.mailbox._place import Place
from undeliverable.mailbox._reader import Limits, Reader
from undeliverable.mailbox._session import Mail, Session
from undeliverable.mailbox._stop import Stop
from undeliverable.mailbox._watch import read_once, watch

__all__ = [
    "FOLDERS",
    "Credentials",
    "DroppedError",
    "Judgement",
    "Limits",
    "Mail",
    "MailboxError",
    "Memory",
    "Outputs",
    "Place",
    "Reader",
    "RefusedError",
    "Session",
    "Stop",
    "folders_of",
    "read_once",
    "watch",
]
