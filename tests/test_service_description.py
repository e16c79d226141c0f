"""The OpenAPI description: answers are what it says, and whatever is sent by it, or against it, never breaks the server."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import undeliverable
from tests.generate import service
from undeliverable.serve._api import Api
from undeliverable.serve._problems import CODES
from undeliverable.serve._routes import ROUTES
from undeliverable.store import SuppressionList

from .service import JSON, MAIL, ask, asked
from .serving import answer_to, in_thread, statuses

jsonschema: Any = import_module("jsonschema")  # it has no types of its own
FIXTURES: Final = Path(__file__).resolve().parent.parent / "fixtures"
MAILS: Final = sorted(FIXTURES.rglob("*.eml"))[::5]
DOCUMENT: Final = json.loads((Path(__file__).resolve().parent.parent / service.PATH).read_text(encoding="utf-8"))


def validator(name: str) -> Any:
    schema = {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}
    return jsonschema.Draft202012Validator(schema)


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    memory = Path("/dev/shm")  # nothing here is about the disk, whose answers would take most of the time
    with (
        tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder,
        SuppressionList(Path(folder) / "list.db") as known,
    ):
        yield Api(None, to=Path(folder) / "b.jsonl", into=known, known=known)


@pytest.mark.skipif(getattr(undeliverable, "compiled", False), reason="compiled classes have no annotations")
def test_it_is_made_from_the_types() -> None:
    assert json.loads(json.dumps(service.description())) == DOCUMENT


def test_the_schemas_are_schemas() -> None:
    for name, schema in DOCUMENT["components"]["schemas"].items():
        jsonschema.Draft202012Validator.check_schema(schema)
        assert validator(name)


def test_every_reference_leads_somewhere() -> None:
    def references(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            yield from ([value["$ref"]] if "$ref" in value else [])
            value = list(value.values())
        if isinstance(value, list):
            for item in value:
                yield from references(item)

    names = {f"#/components/schemas/{name}" for name in DOCUMENT["components"]["schemas"]}
    assert set(references(DOCUMENT)) <= names


def test_every_route_and_every_code_is_described() -> None:
    assert {(path, method.upper()) for path, item in DOCUMENT["paths"].items() for method in item} == {
        (route.path, route.method) for route in ROUTES
    }
    assert {code for route in ROUTES for code in route.codes} <= set(CODES)


def test_the_server_says_which_version_it_is(api: Api) -> None:
    answer = asked(api, "GET", "/openapi.json").json
    assert answer["info"].pop("version") != "0"
    assert answer["paths"] == DOCUMENT["paths"]


def test_records_of_fixtures_are_as_described() -> None:
    api, parsed, record = Api(None), validator("Parsed"), validator("Record")

    async def all_() -> list[Any]:
        return [(await ask(api, "POST", "/v1/parse", path.read_bytes(), MAIL)).json for path in MAILS]

    for found in asyncio.run(all_()):
        parsed.validate(found)
        record.validate({key: value for key, value in found.items() if key not in {"envelope", "recorded", "ignored"}})


def test_other_answers_are_as_described(api: Api) -> None:
    validator("Verdict").validate(asked(api, "POST", "/v1/classify", {"reply": "550 5.1.1 no", "trace": True}).json)
    for path, name, body in (
        ("/v1/suppressions/add", "Changed", {"address": "lee@example.org", "why": "x"}),
        ("/v1/suppressions/check", "Checked", {"addresses": ["lee@example.org"]}),
        ("/v1/suppressions/reactivate", "Changed", {"address": "lee@example.org", "why": "x"}),
        ("/v1/suppressions/add", "Problem", {"address": 1}),
        ("/v1/suppressions/add", "Problem", 1),
    ):
        validator(name).validate(asked(api, "POST", path, body).json)
    for path, name in (
        ("/v1/suppressions/list?all=true", "Page"),
        ("/v1/health", "Health"),
        ("/v1/health/live", "Live"),
        ("/v2", "Problem"),
    ):
        validator(name).validate(asked(api, "GET", path).json)


# --- requests made from the description

ANY: Final[st.SearchStrategy[Any]] = st.sampled_from(
    [
        None,
        True,
        False,
        0,
        -1,
        1.5,
        10**30,
        1e308,
        float("nan"),
        "",
        "x",
        "a@b.example",
        [],
        [1],
        ["x"],
        [[]],
        {},
        {"a": {}},
    ]
)
NAMES: Final = st.sampled_from(["", "a", "a/~b", "\ud800"])
WORDS: Final = st.sampled_from(
    [
        "550 5.1.1 no such user",
        "kim@example.org",
        "rcpt",
        "RCPT TO",
        "lmtp",
        "true",
        "0",
        "1",
        "2026-11-30T00:00:00Z",
        "\ud800",
        "\x00",
    ]
)


def values(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Return values of a schema, and some that are not."""
    options = schema.get("oneOf")
    if options:
        return st.one_of([values(option) for option in options])
    kind = schema.get("type")
    if kind == "array":
        return st.lists(values(schema.get("items", {})), max_size=4)
    if kind == "object":
        return objects(schema)
    plain = {
        "string": WORDS | st.text(max_size=10),
        "boolean": st.booleans(),
        "number": st.floats(0, 1e6),
        "integer": st.integers(0, 10**20),
    }
    return plain.get(kind, ANY) if isinstance(kind, str) else ANY


def objects(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    fields = {name: values(inner) | ANY for name, inner in schema["properties"].items()}
    required = {name: fields[name] for name in schema["required"]}
    optional = {name: one for name, one in fields.items() if name not in required}
    well = st.fixed_dictionaries(required, optional=optional)
    return well | st.tuples(well, st.dictionaries(NAMES, ANY, max_size=2)).map(lambda both: both[0] | both[1])


def bodies(operation: Mapping[str, Any]) -> st.SearchStrategy[bytes]:
    content = operation.get("requestBody", {}).get("content", {})
    if not content:
        return st.binary(max_size=5)
    schema = next(iter(content.values())).get("schema")
    if schema is None:
        mails = st.sampled_from(MAILS).map(Path.read_bytes)
        cut = st.tuples(mails, st.integers(0, 5000), st.binary(max_size=10)).map(lambda one: one[0][: one[1]] + one[2])
        return st.binary(max_size=100) | cut
    well = values(schema).map(lambda value: json.dumps(value).encode())
    return well | st.tuples(well, st.integers(0, 100)).map(lambda one: one[0][: one[1]]) | st.binary(max_size=20)


def targets(path: str, operation: Mapping[str, Any]) -> st.SearchStrategy[str]:
    names = [one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"]
    pairs = st.tuples(st.sampled_from([*names, "x"]), WORDS | st.text(max_size=10))
    query = st.lists(pairs, max_size=4).map(lambda found: urlencode(found, errors="surrogatepass"))
    return st.one_of(
        st.just(path), query.map(lambda text: f"{path}?{text}"), st.text(max_size=5).map(lambda text: f"{path}?{text}")
    )


def headers(operation: Mapping[str, Any]) -> st.SearchStrategy[dict[str, str]]:
    media = [*operation.get("requestBody", {}).get("content", {"text/plain": {}})]
    names = [one["name"].lower() for one in operation.get("parameters", ()) if one["in"] == "header"]
    own = st.dictionaries(
        st.sampled_from(["content-type", "content-length", "x", *names]), WORDS | st.text(max_size=10), max_size=2
    )
    kind = st.sampled_from([*media, *media, "application/json", ""]).map(lambda text: {"content-type": text})
    return st.tuples(kind, own).map(lambda both: both[0] | both[1] if len(both[1]) > 1 else both[0])


def requests() -> st.SearchStrategy[tuple[str, str, bytes, dict[str, str]]]:
    return st.one_of(
        [
            st.tuples(
                st.sampled_from([method.upper()] * 9 + ["PUT"]),
                targets(path, operation),
                bodies(operation),
                headers(operation),
            )
            for path, item in DOCUMENT["paths"].items()
            for method, operation in item.items()
        ]
    )


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as made:
        yield made


@settings(max_examples=1000, derandomize=True, database=None, deadline=None, suppress_health_check=[*HealthCheck])
@given(request=requests())
def test_a_thousand_requests_never_break_it(
    api: Api, runner: asyncio.Runner, request: tuple[str, str, bytes, dict[str, str]]
) -> None:
    method, target, body, given_headers = request
    answer = runner.run(ask(api, method, target, body, given_headers))
    assert answer.status < 500, answer
    if answer.status >= 400:
        assert answer.code in CODES
    elif "json" in answer.headers["content-type"]:
        assert json.loads(answer.body) is not None


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with in_thread(Api(None)) as server:
        yield server.port


DAMAGE: Final = st.tuples(
    st.integers(0, 300),
    st.integers(0, 2),
    st.sampled_from([b"\r\n", b"\n", b" ", b"\x00", b"\xff", b":", b"0", b"\r\nHost: x"]),
)


@settings(max_examples=300, derandomize=True, database=None, deadline=None, suppress_health_check=[*HealthCheck])
@given(request=requests(), damage=st.lists(DAMAGE, max_size=3))
def test_whatever_octets_come_there_is_an_answer_and_no_fault(
    port: int, request: tuple[str, str, bytes, dict[str, str]], damage: list[tuple[int, int, bytes]]
) -> None:
    method, target, body, given_headers = request
    fields = {"host": "localhost", "content-length": str(len(body)), "connection": "close"} | given_headers
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
    octets = "\r\n".join(lines).encode("utf-8", "replace") + body
    for at, length, instead in damage:
        octets = octets[:at] + instead + octets[at + length :]
    found = statuses(answer_to(port, octets, b"\x00\r\n\r\n"))
    assert found
    assert all(status < 500 or status in {501, 505} for status in found), found


def test_a_request_as_described_is_answered_well(api: Api) -> None:
    assert asked(api, "POST", "/v1/classify", b'[{"reply": "550 no"}]', JSON).status == 200
