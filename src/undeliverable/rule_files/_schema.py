"""The JSON Schema of rule files, for editors that complete and check them.

It is made of the tables of keys that the loader reads by (:mod:`undeliverable._rules.keys`), so it knows the same keys.
What only the loader can decide (whether a pattern is linear, whether a rule wins its example) it leaves to `rules check`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

from undeliverable._formats.schema import KEYS as FORMAT
from undeliverable._knowledge.requirements import general
from undeliverable._rules.concept_names import CONCEPTS
from undeliverable._rules.keys import (
    PAGES,
    POLICY_THEN,
    POLICY_WHEN,
    RULE_THEN,
    RULE_WHEN,
    TABLES,
    Keys,
)
from undeliverable.model import Command
from undeliverable.reasons import Advice, AppliesTo, BounceType, Fault, MessageAdvice, Reason

__all__ = ["rule_schema"]

Schema: TypeAlias = dict[str, object]

_TEXT: Final[Schema] = {"type": "string", "pattern": r"\S"}
_LIMIT: Final[Schema] = {"type": "string", "pattern": r"^\s*(>=|<=|>|<|=)?\s*\d+(\.\d+)?\s*[smhdw]?\s*$"}
_NUMBER: Final[Schema] = {"type": "number", "minimum": 0}
_REPLY: Final = r"^([2-5xX*][0-5xX*][0-9xX*]|none)$"
_STATUS: Final = r"^([245xX*]\.(\d{1,3}|[xX*])\.(\d{1,3}|[xX*])|none)$"


def rule_schema() -> dict[str, object]:
    """Return the JSON Schema (draft 2020-12) of rule files, profiles and provider files as a JSON object."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$comment": "Made of the keys that the loader knows: `undeliverable rules schema` prints it.",
        "title": "Rules of undeliverable",
        "description": "Rules, policies, providers and formats in TOML, or a profile.",
        "type": "object",
        "additionalProperties": False,
        "properties": {name: _tables(name, keys, about) for name, (keys, about) in TABLES.items()},
        "$defs": {
            "rule_when": _object(RULE_WHEN)
            | {"minProperties": 1, "if": {"required": ["unless"]}, "then": {"minProperties": 2}},
            "rule_then": _object(RULE_THEN, required=("reason",)),
            "policy_when": _object(POLICY_WHEN),
            "policy_then": _object(POLICY_THEN) | {"minProperties": 1},
            "pages": _object(PAGES),
        },
    }


def _tables(name: str, keys: Keys | None, about: str) -> Schema:
    """Return the schema of a table: of one, of a list of them, or of either.

    Editors list every error of every branch of an `anyOf`, so there is none: one misspelt word gives one error.
    """
    if keys is None:
        one: Schema = {
            "type": "object",
            "additionalProperties": False,
            "properties": dict.fromkeys(sorted(FORMAT), True),
        }
    else:
        one = _object(keys, required=_REQUIRED[name])
    if name in _SINGLE:
        return {"description": about} | one
    if name not in _EITHER:
        return {"description": about, "type": "array", "items": one}
    return {
        "description": about,
        "type": ["object", "array"],
        "if": {"type": "array"},
        "then": {"items": one},
        "else": one,
    }


_SINGLE: Final = frozenset(("profile", "tenant"))
"""Tables of which a file has one: `[tenant]`."""
_EITHER: Final = frozenset(("provider",))
"""Tables that mean something else where they stand alone: `[provider]` limits the file's rules to its own."""
_REQUIRED: Final[Mapping[str, tuple[str, ...]]] = {
    "profile": (),
    "tenant": ("name",),
    "provider": ("name",),
    "service": ("name",),
    "rule": ("when", "then"),
    "policy": ("then",),
    "requirement": ("name",),
}


def _object(keys: Keys, *, required: tuple[str, ...] = ()) -> Schema:
    """Return the schema of a table with these keys and no others."""
    schema: Schema = {
        "type": "object",
        "additionalProperties": False,
        "properties": {key: {"description": about} | _SHAPES[shape] for key, (shape, about) in keys.items()},
    }
    return schema | {"required": list(required)} if required else schema


def _some(one: Schema, *, or_none: bool = False) -> Schema:
    """Return the schema of one value, or of a list of them."""
    return {"anyOf": [one, {"type": "array", "items": one, "minItems": 0 if or_none else 1}]}


def _members(names: Iterable[str]) -> Schema:
    return {"enum": [str(name) for name in names]}


_SHAPES: Final[Mapping[str, Schema]] = {
    "text": _TEXT,
    "texts": _some(_TEXT),
    "names": _some(_TEXT, or_none=True),
    "flag": {"type": "boolean"},
    "seconds": {"type": "integer", "minimum": 0},
    "moment": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\d"},
    "limits": {"anyOf": [_NUMBER, _LIMIT, {"type": "array", "items": {"anyOf": [_NUMBER, _LIMIT]}, "minItems": 1}]},
    "replies": _some({"type": "string", "pattern": _REPLY}),
    "statuses": _some({"type": "string", "pattern": _STATUS}),
    "pattern": {"type": "string", "format": "regex", "minLength": 1},
    "commands": _some(_members((*Command, "none"))),
    "reasons": _some(_members(Reason)),
    "faults": _some(_members(Fault)),
    "concepts": _some(_members(sorted(CONCEPTS))),
    "exclusions": _some(
        {"anyOf": [_members(f"@{name}" for name in sorted(CONCEPTS)), {"type": "string", "pattern": "^[^@]"}]}
    ),
    "requirement": _members(table["name"] for table in general()),
    "reason": {
        "oneOf": [{"const": str(reason), "description": reason.meaning} for reason in Reason],
    },
    "bounce_type": _members(BounceType),
    "advice": _members(Advice),
    "message_advice": _members(MessageAdvice),
    "applies_to": _members(AppliesTo),
    **{name: {"$ref": f"#/$defs/{name}"} for name in ("rule_when", "rule_then", "policy_when", "policy_then", "pages")},
    "conditions": {"$ref": "#/$defs/policy_when", "minProperties": 1},
}
