"""Makes docs/reference/rules.schema.json, which editors read, from the keys that the loader knows."""

from __future__ import annotations

import json

from undeliverable.rule_files import rule_schema


def pages() -> dict[str, str]:
    """Return the schema by its path."""
    return {"docs/reference/rules.schema.json": json.dumps(rule_schema(), indent=2) + "\n"}
