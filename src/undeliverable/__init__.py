"""Understanding bounced mail: a raw message or an SMTP reply in, typed verdicts out that explain themselves."""

from __future__ import annotations

__version__ = "0.1.0"
