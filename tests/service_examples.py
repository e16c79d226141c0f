"""The examples in the descriptions of services, in the form of fixtures/webhooks."""

from __future__ import annotations

import json
import tomllib
from typing import Any, Final

from undeliverable.data import names, read

DOCUMENTS: Final[dict[str, dict[str, Any]]] = {
    name.removesuffix(".toml"): tomllib.loads(read(f"services/{name}")) for name in names("services/")
}


def _case(number: int, example: dict[str, Any]) -> dict[str, Any]:
    body = example["body"]
    return {
        "case": f"example {number}",
        "content_type": example.get("content_type"),
        "headers": example.get("headers", {}),
        "body": json.loads(body) if isinstance(body, str) and body[:1] in "{[" else body,
    }


EXAMPLES: Final = {
    name: [_case(number, example) for number, example in enumerate(document["example"], 1)]
    for name, document in DOCUMENTS.items()
}
