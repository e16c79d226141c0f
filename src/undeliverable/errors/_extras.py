"""The extras: which part of the package needs which, in one table, and the text for one that is not installed."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["EXTRAS", "needs"]

EXTRAS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Parquet": "arrow",
        "undeliverable.arrow": "arrow",
        "undeliverable.check": "check",
        "undeliverable.mailbox": "imap",
        "undeliverable.mailbox (keyring)": "keyring",
        "undeliverable.recommend": "recommend",
        "undeliverable.serve.http": "http",
        "undeliverable.serve.server": "lmtp",
        "undeliverable.store": "store",
        "undeliverable.store (PostgreSQL)": "postgres",
        "undeliverable.webhook_auth": "webhooks",
        "shell completion": "cli",
    }
)
"""The extra that each part of the package needs."""


def needs(part: str, package: str) -> str:
    """Return what is missing for a part in `EXTRAS`, and the command that installs it."""
    return f"{part} needs {package}: pip install 'undeliverable[{EXTRAS[part]}]'"
