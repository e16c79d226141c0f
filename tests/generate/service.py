"""Makes the OpenAPI description of the HTTP API from its routes, and from the types that its answers are made of."""

from __future__ import annotations

import dataclasses
import json
import sys
import types
import typing
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, get_args, get_origin

import undeliverable
from undeliverable import Event, Feedback, MessageFacts, PolicyRef, Report, Returned, RuleRef, Verdict
from undeliverable.codes import ReplyCode, StatusCode
from undeliverable.serve._api_fields import KINDS, Field
from undeliverable.serve._problems import CODES, Code
from undeliverable.serve._routes import ROUTES, Route
from undeliverable.serve._tokens import SCOPES
from undeliverable.smtp import classify
from undeliverable.suppression import AddressState, Cause, ListEvent, Standing

PATH: Final = "src/undeliverable/data/openapi.json"

_OBJECTS: Final[Mapping[type, str]] = {
    Event: "Event",
    Feedback: "Feedback",
    MessageFacts: "Message",
    PolicyRef: "Policy",
    Report: "Record",
    Returned: "Returned",
    RuleRef: "Rule",
    Verdict: "Verdict",
}
"""The types whose records have a schema of their own, and its name."""
_REFS: Final = ("id", "layer")
_SKIPPED: Final = frozenset(("field_block", "block", "keep_headers"))
_ABOUT: Final = {
    "Record": "What a mail says: the record that all commands write, see docs/reference/record.md.",
    "Verdict": "What became of one recipient, why, and what follows.",
}


def pages() -> dict[str, str]:
    """Return the description by its path."""
    return {PATH: json.dumps(description(), indent=1) + "\n"}


def description() -> dict[str, Any]:
    """Return the OpenAPI document; the server puts its version in."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "undeliverable",
            "summary": "Understand bounced mail and SMTP replies, and keep a suppression list.",
            "version": "0",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": _paths(),
        "components": {
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token of the file of secrets. Scopes: "
                    + "; ".join(f"`{scope}`: {about}" for scope, about in SCOPES.items()),
                }
            },
            "schemas": _schemas(),
        },
    }


# --- routes


def _paths() -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return paths


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.about,
        "responses": {"200": _answer(route), **_errors(route)},
        "security": [{"token": []}] if route.scope else [],
    }
    if route.scope:
        operation["x-scope"] = route.scope
    if route.query:
        operation["parameters"] = [one for field in route.query.values() for one in _parameters(field)]
    if route.media:
        operation["requestBody"] = {"required": True, "content": {media: _body(route) for media in route.media}}
    return operation


def _parameters(field: Field) -> list[dict[str, Any]]:
    kind = KINDS[field.kind]
    schema: Any = {"type": "array", "items": {"type": "string"}} if kind.is_many else dict(kind.schema)
    shared = {"description": field.about}
    return [
        {"name": field.name, "in": "query", "required": field.is_required, "schema": schema, **shared},
        {
            "name": field.header().title(),
            "in": "header",
            "required": False,
            "schema": {"type": "string"},
            "description": f"{field.about}; in place of the parameter `{field.name}`",
        },
    ]


def _body(route: Route) -> dict[str, Any]:
    if not route.body:
        return {}
    one = {
        "type": "object",
        "properties": {
            name: {**KINDS[field.kind].schema, "description": field.about} for name, field in route.body.items()
        },
        "required": [name for name, field in route.body.items() if field.is_required],
        "additionalProperties": False,
    }
    return {"schema": {"oneOf": [one, {"type": "array", "items": one}]} if route.is_batch else one}


def _answer(route: Route) -> dict[str, Any]:
    if route.answer == "Metrics":
        return {"description": route.about, "content": {"text/plain": {"schema": {"type": "string"}}}}
    schema: dict[str, Any] = {"$ref": f"#/components/schemas/{route.answer}"}
    if route.is_batch:
        schema = {"oneOf": [schema, {"type": "array", "items": schema}]}
    return {"description": route.about, "content": {"application/json": {"schema": schema}}}


_ALWAYS: Final = ("malformed", "target_too_long", "header_too_large", "internal", "not_implemented", "version")


def _errors(route: Route) -> dict[str, Any]:
    codes = {
        *_ALWAYS,
        *route.codes,
        *(("unauthorized", "forbidden") if route.scope else ()),
        "invalid",
    }
    by_status: dict[int, list[tuple[str, Code]]] = {}
    for name in sorted(codes):
        by_status.setdefault(CODES[name].status, []).append((name, CODES[name]))
    errors = {str(status): _problem(found) for status, found in sorted(by_status.items())}
    if route.name == "health":
        errors["503"] = {
            "description": "requests cannot be taken at the moment",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Health"}}},
        }
    return errors


def _problem(found: Sequence[tuple[str, Code]]) -> dict[str, Any]:
    return {
        "description": "; ".join(f"`{name}`: {code.about}" for name, code in found),
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }


# --- types


def _schemas() -> dict[str, Any]:
    record = _object(Report, {"schema": {"const": 2}})
    named = {"type": "string"}
    or_null = {"type": ["string", "null"]}
    return {
        "Checked": _closed(results={"type": "array", "items": _closed(address=named, suppressed={"type": "boolean"})}),
        "Changed": _closed(address=named, changed={"type": "boolean"}, suppressed={"type": "boolean"}),
        "Entry": _closed(
            address=named,
            scope=named,
            suppressed={"type": "boolean"},
            state=_optional(AddressState),
            trigger={"oneOf": [_optional(ListEvent), {"type": "null"}]},
        ),
        "Event": _object(Event),
        "Feedback": _object(
            Feedback, fields={"type": "object", "additionalProperties": {"type": "array", "items": named}}
        ),
        "Health": _closed(
            status={"enum": ["ok", "unavailable"]},
            version=named,
            checks={"type": "object", "additionalProperties": named},
        ),
        "Live": _closed(status={"const": "ok"}, version=named),
        "Message": _object(MessageFacts),
        "OpenApi": {"type": "object"},
        "Page": _closed(
            entries={"type": "array", "items": {"$ref": "#/components/schemas/Entry"}},
            domains={
                "type": "array",
                "items": _closed(
                    domain=named, since={"type": "string", "format": "date-time"}, who=or_null, why=or_null
                ),
            },
            next={"type": ["integer", "null"], "description": "the cursor of the next page; null on the last one"},
        ),
        "Parsed": _parsed(record),
        "Policy": _closed(**dict.fromkeys(_REFS, named)),
        "Problem": _problem_schema(),
        "Record": record,
        "Returned": _object(Returned, headers={"type": "object", "additionalProperties": named}),
        "Rule": _closed(**dict.fromkeys(_REFS, named)),
        "Verdict": _verdict(),
    }


def _parsed(record: Mapping[str, Any]) -> dict[str, Any]:
    texts = {"type": "array", "items": {"type": "string"}}
    places = {"type": "array", "items": {"enum": ["file", "list"]}, "description": "where the record is on disk"}
    envelope = _closed(sender={"type": ["string", "null"]}, recipients=texts)
    ignored = {
        "type": "integer",
        "minimum": 0,
        "description": "the number of its events that the list ignored for lack of proof",
    }
    return _closed(**{**record["properties"], "envelope": envelope, "recorded": places, "ignored": ignored})


def _problem_schema() -> dict[str, Any]:
    fault = _closed(
        place={"type": "string", "description": "a JSON Pointer into the body, or the name of a parameter"},
        detail={"type": "string"},
    )
    required = {
        "type": {"const": "about:blank"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"enum": [*CODES]},
        "detail": {"type": "string"},
    }
    found = _closed(**required, errors={"type": "array", "items": fault})
    return {**found, "required": [*required], "description": "RFC 9457"}


def _verdict() -> dict[str, Any]:
    """Return the schema of a verdict's record: its keys, each with the type of the attribute that it is named after."""
    of_fields = _hints(Verdict)
    properties: dict[str, Any] = {}
    for key in classify("550 5.1.1 no").to_dict():
        hint = of_fields[key] if key in of_fields else _evaluated(getattr(Verdict, key).fget, "return")
        properties[key] = _schema_of(hint)
    return {**_closed(**properties), "description": _ABOUT["Verdict"]}


def _object(type_: type, before: Mapping[str, Any] | None = None, **given: Any) -> dict[str, Any]:
    """Return the schema of a type's record, whose keys are the attributes in their order."""
    properties: dict[str, Any] = dict(before or {})
    for name, hint in _hints(type_).items():
        if name not in _SKIPPED:
            key = name.rstrip("_")
            properties[key] = given.pop(key, None) or _schema_of(hint)
    found = _closed(**{**properties, **given})
    name = _OBJECTS[type_]
    return {**found, "description": _ABOUT[name]} if name in _ABOUT else found


def _hints(type_: Any) -> dict[str, Any]:
    """Return the types of a dataclass's own fields; some names stand in their modules for type checkers only."""
    return {field.name: _evaluated(type_, field.name) for field in dataclasses.fields(type_)}


def _evaluated(owner: Any, name: str) -> Any:
    names = {**vars(undeliverable), **vars(sys.modules[owner.__module__])}
    return eval(owner.__annotations__[name], names)  # an annotation of our own


def _optional(type_: type) -> dict[str, Any]:
    """Return the schema of a type whose record leaves out what has its initial value."""
    return {**_closed(**{name: {} for name in type_.__slots__}), "required": []} | {  # type: ignore[attr-defined]
        "properties": {name: _WORDS.get(name, {}) for name in type_.__slots__},  # type: ignore[attr-defined]
    }


_WORDS: Final[Mapping[str, Any]] = {"standing": {"enum": [*map(str, Standing)]}, "cause": {"enum": [*map(str, Cause)]}}
_PLAIN: Final[Mapping[object, Mapping[str, Any]]] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    object: {},
    datetime: {"type": "string", "format": "date-time"},
    StatusCode: {"type": "string", "pattern": r"^[245]\.\d{1,3}\.\d{1,3}$"},
    ReplyCode: {"type": "integer", "minimum": 200, "maximum": 599},
}


def _schema_of(hint: Any) -> dict[str, Any]:
    """Return the schema of a type annotation."""
    if hint in _OBJECTS:
        return {"$ref": f"#/components/schemas/{_OBJECTS[hint]}"}
    if hint in _PLAIN:
        return dict(_PLAIN[hint])
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (types.UnionType, typing.Union):
        found = [_schema_of(one) for one in inner if one is not types.NoneType]
        assert len(found) == 1, hint
        return _nullable(found[0]) if types.NoneType in inner else found[0]
    if origin is tuple:
        return {"type": "array", "items": _schema_of(inner[0])}
    if origin is not None and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": _schema_of(inner[1])}
    assert issubclass(hint, StrEnum | str), hint
    return {"type": "string", "enum": [*map(str, hint)]}


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema or "type" not in schema:
        return {"oneOf": [schema, {"type": "null"}]}
    more = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
    return {**schema, "type": [schema["type"], "null"], **more}


def _closed(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": [*properties],
        "additionalProperties": False,
    }
