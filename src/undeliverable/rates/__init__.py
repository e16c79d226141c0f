"""Bounce and complaint rates with their uncertainty, and what to do about them: `ok`, `watch` or `pause`.

:func:`bounce_rates` counts reports and compares the counts with the numbers of messages sent. The levels at which a
rate is too high, each with the service that states it, are :data:`BOUNCE_LEVELS` and :data:`COMPLAINT_LEVELS`. Pure
functions of their arguments: no clock, no network, and no files but the package's own data.
"""

from __future__ import annotations

from undeliverable.rates._levels import (
    BOUNCE_LEVELS,
    COMPLAINT_LEVELS,
    Decision,
    Level,
    Levels,
    Share,
    wilson,
)
from undeliverable.rates._tables import (
    By,
    GroupRate,
    RateCounter,
    Rates,
    bounce_rates,
    day_of,
    domain_of,
    group_of,
    group_rate,
    has_failed,
    is_worse,
    moment_of,
    unit_of,
)

__all__ = [
    "BOUNCE_LEVELS",
    "COMPLAINT_LEVELS",
    "By",
    "Decision",
    "GroupRate",
    "Level",
    "Levels",
    "RateCounter",
    "Rates",
    "Share",
    "bounce_rates",
    "day_of",
    "domain_of",
    "group_of",
    "group_rate",
    "has_failed",
    "is_worse",
    "moment_of",
    "unit_of",
    "wilson",
]
