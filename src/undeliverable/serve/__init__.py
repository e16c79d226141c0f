"""Receive bounces where they arrive: files of records, and a server for LMTP and SMTP.

:mod:`undeliverable.serve.records` writes and reads JSON Lines that survive a crash; :class:`BounceHandler` accepts mail in
your own `aiosmtpd` application (the extra ``lmtp``).
"""

from __future__ import annotations

from undeliverable.serve._budget import Budget
from undeliverable.serve._delivery import Delivery
from undeliverable.serve._handler import BounceHandler

__all__ = ["BounceHandler", "Budget", "Delivery"]
