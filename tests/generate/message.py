"""Makes docs/reference/message-advice.md from what the data says of refused messages."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any, Final

from undeliverable.data import read

HEAD: Final = """\
# Retry, wait or give up: advice for one message

*This page is made from `data/message.toml`: `python -m tests.generate` writes it.*

The advice of a verdict is about the address: may it get mail tomorrow? A mail server has another question: what to do with *this*
message, now. `552 mailbox full` is soft for the address, and ends the message all the same. Three more answers are for mail
servers, and for the [hooks of Haraka, ZoneMTA and KumoMTA](../howto/connect-a-mail-server.md):

`message_advice`
: `delivered`; `retry` from the same queue; `retry_elsewhere`, from another IP address or address family; or `give_up`. Mail that was
  blocked is never sent elsewhere by default: that is snowshoeing. Where a report says that the server gave up, it is `give_up`
  whatever was refused.

`retry_after`
: After how many seconds to try again: as the reply asks, else by default. It is null unless `message_advice` is `retry` or
  `retry_elsewhere`, so that a queue may go by it alone; what a reply states all the same is in `details.retry_after`. A policy may
  make the wait longer than the reply asks, and never shorter.

`applies_to`
: What the refusal is about: this `recipient`, this `message` with all its recipients, or the whole `queue` from this source to this
  provider, which KumoMTA's shaping would suspend. With `give_up` the message is lost all the same, and the rest of the queue would
  be refused as well: hold it until somebody has looked.

All are null where nothing was refused. [Policies](rules.md) change them: `then = { message_advice = "retry", retry_after = 900 }`.

```pycon
>>> import undeliverable
>>> for reply in ("552 5.2.2 Mailbox full", "452 4.2.2 Mailbox full", "421 4.7.28 unusual rate of unsolicited mail"):
...     verdict = undeliverable.classify(reply, command="rcpt")
...     print(verdict.advice, verdict.message_advice, verdict.applies_to, verdict.retry_after)
retry give_up recipient None
retry retry recipient 3600
slow_down retry queue 1800

```

## A retry queue

The library keeps no state: `retry_after` is the same after the first attempt and after the tenth. Pass `attempts` and `age`, and
write policies that slow down and give up. The first one that fits counts, so the last resort stands first:

```pycon
>>> known = undeliverable.Knowledge.builtin().with_rules(
...     [
...         {"id": "ours.end", "when": {"age": ">= 5d"}, "then": {"message_advice": "give_up"}},
...         {"id": "ours.slower", "when": {"attempts": ">= 5", "reply": "4xx"}, "then": {"retry_after": 14400}},
...     ]
... )
>>> for attempts, age in ((1, 60), (5, 9000), (40, 432000)):
...     verdict = undeliverable.classify(
...         "451 4.7.1 Greylisted",
...         command="rcpt",
...         context={"attempts": attempts, "age": age},
...         knowledge=known,
...     )
...     print(verdict.message_advice, verdict.retry_after, *(policy.id for policy in verdict.policies.values()))
retry 300
retry 14400 ours.slower
give_up None ours.end

```

What is refused for good gets no `retry_after`, whatever a policy says of it. Policies reach replies that you judge with `classify()`;
the report of a delay and a `deferred` line of a log keep the defaults.

## Defaults

For each consequence the first line that fits counts. A refusal is temporary by its code, its status or its words; one without code
and status is so too, unless its reason is a fault of the address, the sender or the content.
"""
TABLES: Final = (
    ("temporary", "A temporary refusal", ("message_advice", "retry_after")),
    ("permanent", "A permanent refusal", ("message_advice", "retry_after")),
    ("applies_to", "What it is about", ("applies_to",)),
)


def pages() -> dict[str, str]:
    """Return the page by its path."""
    document = tomllib.loads(read("message.toml"))
    return {
        "docs/reference/message-advice.md": HEAD
        + "".join(_table(document[name], title, keys) for name, title, keys in TABLES)
    }


def _table(entries: list[dict[str, Any]], title: str, keys: tuple[str, ...]) -> str:
    head = "".join(f" `{key}` |" for key in keys)
    lines = "\n".join(_rows(entries, keys))
    return f"\n### {title}\n\n| where |{head}\n|{'---|' * (1 + len(keys))}\n{lines}\n"


def _rows(entries: list[dict[str, Any]], keys: tuple[str, ...]) -> Iterator[str]:
    for entry in entries:
        when = "; ".join(f"{key} {_words(value)}" for key, value in entry.get("when", {}).items()) or "else"
        values = "".join(f" {_value(entry['then'].get(key))} |" for key in keys)
        yield f"| {when} |{values}"


def _words(value: str | list[str]) -> str:
    return ", ".join(f"`{word}`" for word in ([value] if isinstance(value, str) else value))


def _value(value: object) -> str:
    return "" if value is None else f"{value} s" if isinstance(value, int) else f"`{value}`"
