"""Examples of a described service: what a body says, against what it is expected to say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from undeliverable.errors import WebhookError
from undeliverable.errors._tables import as_list, as_table
from undeliverable.knowledge import Knowledge
from undeliverable.verdict import Report
from undeliverable.webhooks._body import read_body
from undeliverable.webhooks._reports import report
from undeliverable.webhooks._service import Service

__all__ = ["differences"]


def differences(service: Service, example: Mapping[str, object]) -> Iterator[str]:
    """Yield a sentence for each difference between what an example says and what it is expected to say.

    An example has a ``body``, a text or a table, maybe ``headers`` and ``content_type``, and in ``expect`` a table for
    each event, with any fields of the event, the message and the first verdict.
    """
    headers = {str(key).lower(): str(value) for key, value in (as_table(example.get("headers")) or {}).items()}
    kind = example.get("content_type")
    try:
        body = read_body(service.name, example["body"], kind if isinstance(kind, str) else None)
        found = [report(service, notice, Knowledge.builtin()) for notice in service.read(body, headers)]
    except WebhookError as error:
        yield f"it is refused: {error.detail}"
        return
    expected = example.get("expect", ())
    wanted = [as_table(table) or {} for table in as_list(expected) or (expected,)] if expected else []
    if wanted and len(found) != len(wanted):
        yield f"it has {len(found)} events, not {len(wanted)}"
        return
    for number, (one, want) in enumerate(zip(found, wanted, strict=False), 1):
        values = _values(one)
        for key, value in want.items():
            if values.get(key, "") != value:
                yield f"event {number}: {key} is {values.get(key, '')!r}, not {value!r}"


def _values(one: Report) -> dict[str, Any]:
    """Return what a report says, flat: the first verdict, over the event, over the message."""
    record = cast("dict[str, Any]", one.to_dict())
    verdicts = cast("list[dict[str, Any]]", record["verdicts"])
    first = {key: "" if value is None else value for key, value in (verdicts[0] if verdicts else {}).items()}
    event = {key: value for key, value in cast("dict[str, Any]", record["event"] or {}).items() if value is not None}
    message = {key: value for key, value in record["message"].items() if value is not None}
    returned = cast("dict[str, Any]", message.pop("returned", None) or {})
    sent = {key: value for key, value in returned.items() if value is not None}
    return (
        sent
        | message
        | event
        | first
        | {
            "kind": record["kind"],
            "recipients": [verdict["recipient"] for verdict in verdicts],
            "remarks": record["remarks"],
        }
    )
