"""Makes docs/reference/suppression-policies.md from the policies."""

from __future__ import annotations

from datetime import timedelta

from undeliverable.suppression import TRANSITIONS, Effect, Policy, Signal, Standing
from undeliverable.suppression._state import POINT

HEAD = """\
# Suppression policies compared

*This page is made from the policies themselves: `python -m tests.generate` writes it.*

A policy says what a failure counts, when it is enough, and how long a suppression lasts. These come with the library; each is
a TOML file with vectors that the tests run. `undeliverable suppressions settings --policy NAME LIST` chooses one, and judges
every history of the list by it anew.

"""

MIDDLE = """
Whatever the policy: a failure whose advice is `fix_sender` or `fix_message` never harms an address, and a delayed message is no
failure. So a policy here never suppresses somebody because *we* were on a blocklist, even where the system that it is named
after would.

## Other systems

These have no file of their own; their behaviour can be written down with the same keys, or nearly.

| system | what it does | with these keys |
|---|---|---|
| Mailman 2.1 | a hard bounce counts 1, a soft one 0.5, at most one a day; 5 disable | `hard = 1`, `soft = 0.5`, `limit = 5`, `gap_days = 7`, `once_a_day = true` |
| Odoo | 5 bounces in 13 weeks, more than a week apart | `limit = 5`, `window_days = 91`, without the week |
| Postal | a second hard failure within 24 hours; the entry expires after 30 days | `hard = 1`, `limit = 2`, `window_days = 1`, `expiry_days = { streak = 30 }` |
| ActiveCampaign | hard at once; 3 soft in a row | `hard = "suppress"`, `limit = 3`, `delivery = "reset"` |
| Amazon SES, Postmark, Mailgun | hard bounces and complaints; soft never | as `sendgrid` |
| HubSpot | hard at once, full mailboxes included | a profile that makes `mailbox_full` hard |
| Mandrill | hard and soft, both with an end | `expiry_days` for each cause |
| Sympa | a score that weighs bounces against messages sent | not to be said with these keys |

## Keys of a policy

| key | value | meaning |
|---|---|---|
| `hard` | `"suppress"` or points | what a hard failure does |
| `soft`, `undetermined` | points | what they add; 0: nothing |
| `ignored_faults` | list of faults | failures that add nothing unless they are hard |
| `limit` | points | with how many the address is suppressed; without it never by points |
| `limit_after_delivery` | points | the same for an address that something reached before |
| `window_days` | days | how long a point counts |
| `gap_days` | days | after so long without a failure counting begins anew |
| `once_a_day` | true, false | only the first failure of a day (UTC) counts |
| `delivery` | `"reset"`, `"keep"` or points | what a delivery takes away |
| `full` | `{ count, days }` | on how many days, and over how long, a full mailbox is reported before it counts as dead |
| `complaint` | `"suppress"`, `"ignore"` | what a complaint does |
| `expiry_days` | days by cause | how long a suppression lasts; causes are `streak`, `mailbox_full`, `hard_bounce`, `manual`, `complaint` |
"""

TAIL = """
## What follows from an event

A policy makes a signal of each event; this table says what the signal does to an address, by its standing. It is
`undeliverable.suppression.TRANSITIONS`.

"""

SIGNALS = {
    Signal.HARMLESS: "of no consequence: the sender's or the message's fault, an ignored one",
    Signal.NOTED: "a failure without points",
    Signal.COUNTED: "a failure with points",
    Signal.FULL: "a full mailbox, where the policy has `full`",
    Signal.HARD: "a hard failure, where the policy suppresses at once",
    Signal.HELD: "the same while its provider is on hold",
    Signal.COMPLAINT: "a complaint",
    Signal.DELIVERY: "a delivery",
    Signal.SUPPRESS: "suppressed by hand, or unsubscribed",
    Signal.HEARSAY: "on another system's suppression list",
    Signal.REACTIVATE: "reactivated by hand",
    Signal.EXPIRE: "an end that another system reports",
    Signal.CONFIRM: "a confirmation of what is held",
    Signal.RELEASE: "a release",
}
EFFECTS = {
    Effect.IGNORE: "nothing",
    Effect.NOTE: "noted",
    Effect.COUNT: "counted",
    Effect.COUNT_FULL: "counted",
    Effect.HOLD: "held",
    Effect.SUPPRESS: "suppressed",
    Effect.RENEW: "renewed: the heavier cause, the later end",
    Effect.CONFIRM: "suppressed",
    Effect.RELIEVE: "",
    Effect.CLEAR: "clear",
    Effect.EXPIRE: "clear",
    Effect.RELEASE: "without the failures that it voids",
}
# A delivery is noted everywhere, and what else it does depends on the standing.
RELIEVED = {
    Standing.CLEAR: "noted",
    Standing.COUNTING: "takes points away",
    Standing.HELD: "no longer held",
    Standing.SUPPRESSED: "noted",
}


def pages() -> dict[str, str]:
    """Return the page by its path."""
    text = HEAD + "\n".join(table()) + "\n" + MIDDLE + TAIL + "\n".join(transitions()) + "\n"
    return {"docs/reference/suppression-policies.md": text}


def transitions() -> list[str]:
    """Return the lines of the table of transitions: a row per signal, a column per standing."""
    lines = [f"| signal | meaning | {' | '.join(Standing)} |", "|---|---|" + "---|" * len(Standing)]
    for signal, meaning in SIGNALS.items():
        effects = [(standing, TRANSITIONS[standing, signal]) for standing in Standing]
        cells = [RELIEVED[where] if what is Effect.RELIEVE else EFFECTS[what] for where, what in effects]
        lines.append(f"| `{signal}` | {meaning} | {' | '.join(cells)} |")
    return lines


def table() -> list[str]:
    """Return the lines of the table: a row per policy, because a column each would be too wide."""
    lines = [
        "| policy | hard | soft | enough | once a day | a delivery | full mailbox | ends | note |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    names = sorted(Policy.names(), key=lambda name: (name != "default", name))
    lines += [row(Policy.builtin(name)) for name in names]
    return lines


def row(policy: Policy) -> str:
    cells = (
        f"[`{policy.name}`](<{policy.source}>)",
        "at once" if policy.hard is None else f"+{policy.hard / POINT:g}",
        f"+{policy.soft / POINT:g}" if policy.soft else "nothing",
        enough(policy),
        "yes" if policy.once_a_day else "no",
        {None: "clears all", 0: "nothing"}.get(policy.delivery) or f"-{(policy.delivery or 0) / POINT:g}",
        "as soft" if policy.full is None else f"{policy.full.count} days in {days(policy.full.time)}",
        ", ".join(f"{cause}: {days(time)}" for cause, time in policy.expiry.items()) or "never",
        policy.note,
    )
    return f"| {' | '.join(cells)} |"


def enough(policy: Policy) -> str:
    if policy.limit is None:
        return "never"
    parts = [f"{policy.limit / POINT:g}"]
    if policy.limit_after_delivery:
        parts.append(f"{policy.limit_after_delivery / POINT:g} after a delivery")
    if policy.window:
        parts.append(f"within {days(policy.window)}")
    if policy.gap:
        parts.append(f"begins anew after {days(policy.gap)} without")
    return ", ".join(parts)


def days(time: timedelta) -> str:
    return f"{time / timedelta(days=1):g} d"
