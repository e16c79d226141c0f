"""Batches in, batches out: the columns say what the public record says, whatever stands in the rows."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import undeliverable
from undeliverable import Knowledge, KnowledgeError, Report, classify, parse

pa = pytest.importorskip("pyarrow", reason="needs the extra `arrow`")

from undeliverable import arrow  # noqa: E402
from undeliverable.arrow import _read, _records  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
FIXTURES = [path.read_bytes() for path in sorted((ROOT / "fixtures").rglob("*.eml"))]
BOUNCE = next(raw for raw in FIXTURES if [one.bounce_type for one in parse(raw).verdicts] == ["hard"])
PAIR = next(raw for raw in FIXTURES if len(parse(raw).verdicts) == 2)
ORDINARY = b"Subject: lunch\n\nAt noon?\n"


def batch_of(*raws: bytes | None, kind: Any = None) -> Any:
    return pa.record_batch(
        {
            "id": pa.array([str(number) for number in range(len(raws))], pa.string()),
            "raw": pa.array(raws, kind or pa.binary()),
        }
    )


@pytest.fixture(scope="module")
def everything() -> Any:
    return arrow.read(batch_of(*FIXTURES))


def text(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value


# --- the law: a row says what the record says -------------------------------------------------------------------------


def test_the_rows_say_what_the_records_say(everything: Any) -> None:
    rows = iter(everything.to_pylist())
    for number, raw in enumerate(FIXTURES):
        record: Any = parse(raw).to_dict()
        for place, verdict in enumerate(record["verdicts"], 1) if record["verdicts"] else [(0, None)]:
            row = next(rows)
            assert (row["id"], row["verdict"], row["kind"]) == (str(number), place, record["kind"])
            agrees(row, record, verdict)
    assert list(rows) == []


def agrees(row: dict[str, Any], record: Any, verdict: Any) -> None:
    nested = {"rule", "policy", "policies", "shadowed"}
    for key in _records._VERDICT:
        assert same(row[key], None if verdict is None else verdict[key]), key
    if verdict is not None:
        assert set(verdict) - nested == set(_records._VERDICT), "a key of the record has no column"
        assert (row["rule"], row["rule_layer"]) == ref(verdict["rule"])
        assert (row["policy"], row["policy_layer"]) == ref(verdict["policy"])
        assert {one.pop("sets"): one for one in row["policies"]} == verdict["policies"]
    message, returned = record["message"], record["message"]["returned"] or {}
    for key in set(message) - {"returned", "feedback"}:
        assert same(row[key], message[key]), key
    for key in ("message_id", "from", "to", "subject", "date"):
        assert same(row[f"original_{key}"], returned.get(key)), key
    assert {one["name"]: one["value"] for one in row["original_headers"] or ()} == returned.get("headers", {})
    feedback, complained = row["feedback"], message["feedback"]
    assert (feedback is None) == (complained is None)
    for key in complained or ():
        value = {one["name"]: one["values"] for one in feedback[key]} if key == "fields" else feedback[key]
        assert same(value, complained[key]), key
    assert row["remarks"] == record["remarks"]
    assert row["error"] is None


def ref(one: Any) -> tuple[Any, Any]:
    return (None, None) if one is None else (one["id"], one["layer"])


def same(column: Any, value: Any) -> bool:
    if isinstance(column, datetime):
        return bool(column == datetime.fromisoformat(value))
    return bool(column == value)


def test_every_batch_has_the_same_schema(everything: Any) -> None:
    fields = arrow.schema(batch_of().schema)
    for raws in ((), (None,), (ORDINARY,), (BOUNCE,), (b"",)):
        found = arrow.read(batch_of(*raws))
        found.validate(full=True)
        assert found.schema == fields
    everything.validate(full=True)
    assert everything.schema == fields
    assert fields.names == ["id", *arrow.SCHEMA.names]


def test_the_order_of_batches_makes_no_difference(everything: Any) -> None:
    whole = batch_of(*FIXTURES)
    parts = [arrow.read(whole.slice(begin, 100)) for begin in reversed(range(0, len(FIXTURES), 100))]
    assert pa.Table.from_batches(reversed(parts)).to_pylist() == everything.to_pylist()


def test_many_rows_become_columns_in_pieces(everything: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_read, "ROWS", 50)
    found = arrow.read(batch_of(*FIXTURES))
    found.validate(full=True)
    assert found.to_pylist() == everything.to_pylist()
    table = arrow.read(pa.Table.from_batches([batch_of(*FIXTURES)]))
    table.validate(full=True)
    assert table.to_pylist() == everything.to_pylist()


def test_without_dictionaries_the_values_are_the_same(everything: Any) -> None:
    plain = arrow.read(batch_of(*FIXTURES), dictionary=False)
    assert not any(pa.types.is_dictionary(field.type) for field in plain.schema)
    assert plain.schema == arrow.schema(batch_of().schema, dictionary=False)
    assert plain.to_pylist() == everything.to_pylist()


# --- what may stand in a row ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind",
    [
        pa.binary(),
        pa.large_binary(),
        pa.binary_view(),
        pa.string(),
        pa.large_string(),
        pa.string_view(),
        pa.dictionary(pa.int32(), pa.binary()),
        pa.binary(len(ORDINARY)),
    ],
    ids=str,
)
def test_messages_may_be_of_any_type_of_octets(kind: Any) -> None:
    (row,) = arrow.read(batch_of(ORDINARY, kind=kind)).to_pylist()
    assert row["kind"] == "other"


def test_text_that_is_no_utf8_is_read_as_octets() -> None:
    raw = ORDINARY + b"\xff\xfe"
    column = pa.Array.from_buffers(
        pa.string(), 1, [None, pa.py_buffer(bytes(4) + len(raw).to_bytes(4, "little")), pa.py_buffer(raw)]
    )
    found = arrow.read(pa.record_batch({"id": ["a"], "raw": column}))
    assert found["kind"].to_pylist() == ["other"]


def test_a_null_is_a_row_that_says_so() -> None:
    found = arrow.read(batch_of(None, BOUNCE)).to_pylist()
    assert (found[0]["error"], found[0]["kind"], found[0]["verdict"]) == ("raw is null", None, 0)
    assert found[1]["kind"] == "bounce"
    untyped = arrow.read(pa.record_batch({"id": ["a"], "raw": pa.nulls(1)}))
    assert untyped["error"].to_pylist() == ["raw is null"]


def test_what_the_library_fails_on_is_a_row_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> Report:
        raise RuntimeError("a bug")

    monkeypatch.setattr(_read, "parse", broken)
    monkeypatch.setattr(_read, "classify", broken)
    assert arrow.read(batch_of(BOUNCE))["error"].to_pylist() == ["RuntimeError: a bug"]
    replies = pa.record_batch({"id": ["a"], "reply": ["550 no"]})
    assert arrow.classify_replies(replies)["error"].to_pylist() == ["RuntimeError: a bug"]


@given(st.lists(st.one_of(st.none(), st.binary(max_size=200)), max_size=5))
def test_any_octets_give_at_least_a_row_each(raws: list[bytes | None]) -> None:
    found = arrow.read(batch_of(*raws))
    found.validate(full=True)
    assert list(dict.fromkeys(found["id"].to_pylist())) == [str(number) for number in range(len(raws))]


def test_half_a_surrogate_pair_does_no_harm() -> None:
    record: Any = parse(BOUNCE).to_dict() | {"remarks": ["\ud800"]}
    record["verdicts"][0]["reply"] = "550 \ud800"
    record["message"]["feedback"] = {
        "type": "\ud800", "source_ip": None, "original_mail_from": None, "reported_domain": None,
        "arrival_date": None, "user_agent": None, "feedback_id": None, "fields": {"x": ["\ud800"]},
    }  # fmt: skip
    (row,) = arrow.from_records([record]).to_pylist()
    assert (row["reply"], row["remarks"], row["feedback"]["type"]) == ("550 ?", ["?"], "?")


# --- what is kept -----------------------------------------------------------------------------------------------------


def test_kept_columns_are_repeated_for_each_verdict() -> None:
    batch = pa.record_batch({"id": [7, 8], "tag": [["a"], None], "raw": [PAIR, ORDINARY]})
    found = arrow.read(batch, keep=("tag", "id"))
    assert found.schema.names[:2] == ["tag", "id"]
    assert found.select(["id", "tag", "verdict"]).to_pylist() == [
        {"id": 7, "tag": ["a"], "verdict": 1},
        {"id": 7, "tag": ["a"], "verdict": 2},
        {"id": 8, "tag": None, "verdict": 0},
    ]
    assert arrow.read(batch, keep=()).schema == arrow.SCHEMA


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"raw": "body"}, ValueError, "no column 'body'.*expected one of id, raw"),
        ({"keep": ("key",)}, ValueError, "has a column 'key' itself"),
        ({"keep": ("no",)}, ValueError, "no column 'no'.*expected one of id, raw"),
        ({"raw": "id"}, TypeError, "column 'id': expected binary or string, not int64"),
        ({"profile": "no-such"}, KnowledgeError, "no-such"),
        ({"rules": "no/such.toml"}, KnowledgeError, "such.toml"),
    ],
)
def test_wrong_arguments_raise(options: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        arrow.read(pa.record_batch({"id": [1], "raw": [b""]}), **options)


def test_what_is_no_batch_raises() -> None:
    with pytest.raises(TypeError, match=r"expected a pyarrow.RecordBatch or pyarrow.Table, not list"):
        arrow.read([])
    with pytest.raises(TypeError, match="not dict"):
        arrow.classify_replies({})


def test_a_table_gives_a_table_whose_columns_may_have_chunks() -> None:
    table = pa.Table.from_batches([batch_of(BOUNCE), batch_of(PAIR, None)])
    found = arrow.read(table)
    assert isinstance(found, pa.Table)
    assert found["id"].to_pylist() == ["0", "0", "0", "1"]


# --- replies ----------------------------------------------------------------------------------------------------------

REPLIES = [
    ("550 5.1.1 no such user", "mx.example.org", "rcpt", None),
    ("552 5.2.2 mailbox full", None, "RCPT", "lmtp"),
    (None, None, None, None),
    ("550 5.1.1 no such user", None, "hello", "uucp"),
    ("", "", "", ""),
]


def replies() -> Any:
    names = ("reply", "host", "command", "protocol")
    columns = {
        name: pa.array(values, pa.string()) for name, values in zip(names, zip(*REPLIES, strict=True), strict=True)
    }
    return pa.record_batch({"id": range(len(REPLIES)), **columns})


def test_replies_are_classified_with_what_stands_beside_them() -> None:
    found = arrow.classify_replies(replies(), host="host", command="command", protocol="protocol")
    found.validate(full=True)
    rows = found.to_pylist()
    assert found.schema == arrow.schema(replies().schema)
    for row, (reply, host, command, protocol) in zip(rows, REPLIES, strict=True):
        if reply is None:
            assert (row["error"], row["verdict"]) == ("reply is null", 0)
            continue
        known = command not in {"hello", ""}
        wanted = classify(
            reply, host=host or None, command=(command or "").lower() or None if known else None,
            protocol=protocol if protocol == "lmtp" else None,
        ).to_dict()  # fmt: skip
        assert (row["verdict"], row["kind"]) == (1, None)
        for key in _records._VERDICT:
            assert same(row[key], wanted[key]), key
    assert "command: unknown value 'hello'; expected one of connect" in rows[3]["error"]
    assert "protocol: unknown value 'uucp'; expected one of" in rows[3]["error"]
    assert [row["error"] for row in rows[:2]] == [None, None]


def test_the_recipient_and_the_host_count() -> None:
    batch = pa.record_batch(
        {"id": [1], "reply": ["550 5.1.1 unknown"], "host": ["mx.example.org"], "to": ["kim@example.org"]}
    )
    (row,) = arrow.classify_replies(batch, host="host", recipient="to").to_pylist()
    assert (row["recipient"], row["remote_mta"]) == ("kim@example.org", "mx.example.org")


# --- rules by names and paths -----------------------------------------------------------------------------------------

RULE = '[[policy]]\nid = "{0}"\nwhen = {{ reason = "user_unknown" }}\nthen = {{ label = "{0}" }}\n'


def labels(**options: Any) -> list[str | None]:
    batch = pa.record_batch({"id": [1], "reply": ["550 5.1.1 no such user"]})
    return [row["label"] for row in arrow.classify_replies(batch, **options).to_pylist()]


def test_rules_are_loaded_once_for_each_state_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "ours.toml"
    path.write_text(RULE.format("first"), encoding="utf-8")
    assert labels(rules=path) == ["first"]
    before = _read._loaded.cache_info().misses
    assert labels(rules=[str(path)]) == ["first"]
    assert _read._loaded.cache_info().misses == before
    path.write_text(RULE.format("the second"), encoding="utf-8")
    assert labels(rules=path) == ["the second"]


def test_profiles_and_tenants_are_named(tmp_path: Path) -> None:
    path = tmp_path / "acme.toml"
    path.write_text('[tenant]\nname = "acme"\n' + RULE.format("acme"), encoding="utf-8")
    assert labels(rules=[path], tenant="acme") == ["acme"]
    assert labels(rules=[path], tenant="other") == [None]
    assert labels(rules=[path]) == [None]
    name = Knowledge.profiles()[0]
    assert arrow.read(batch_of(BOUNCE), profile=name) == arrow.read(batch_of(BOUNCE), profile=[name])


def test_the_time_is_an_argument(tmp_path: Path) -> None:
    path = tmp_path / "until.toml"
    path.write_text(RULE.format("holiday").replace("reason =", 'until = "2026-01-01", reason ='), encoding="utf-8")
    assert labels(rules=path) == [None]
    assert labels(rules=path, now=datetime(2025, 6, 1, tzinfo=UTC)) == ["holiday"]


# --- records ----------------------------------------------------------------------------------------------------------


def test_records_become_the_same_rows(everything: Any) -> None:
    records = [json.loads(json.dumps(parse(raw, source=str(number)).to_dict())) for number, raw in enumerate(FIXTURES)]
    table = arrow.from_records(records)
    assert table.schema.names == ["source", "received", *arrow.SCHEMA.names]
    assert table["source"].to_pylist() == everything["id"].to_pylist()
    assert table.drop_columns(["source", "received"]).to_pylist() == everything.drop_columns(["id"]).to_pylist()
    assert arrow.from_records([]).schema == table.schema
    plain = arrow.from_records(records[:3], dictionary=False)
    assert plain.to_pylist() == table.slice(0, plain.num_rows).to_pylist()


def test_events_of_services_are_kept_with_all_they_say() -> None:
    record = parse(ORDINARY).to_dict() | {
        "received": "2026-11-20T09:12:33",
        "event": {
            "id": "e1", "service": "example", "type": "bounce", "class": None, "subclass": None,
            "tags": ["spring", 7], "metadata": {"campaign": "c1", "size": {"kb": 3}},
        },
    }  # fmt: skip
    (row,) = arrow.from_records([record]).to_pylist()
    assert row["event"]["tags"] == ["spring", "7"]
    assert row["event"]["metadata"] == [{"name": "campaign", "value": "c1"}, {"name": "size", "value": '{"kb": 3}'}]
    assert row["received"] == datetime(2026, 11, 20, 9, 12, 33, tzinfo=UTC)


def test_records_of_the_first_version_are_completed() -> None:
    record: Any = {key: value for key, value in parse(BOUNCE).to_dict().items() if key != "received"} | {"schema": 1}
    later = ("sent_to", "proof", "confidence", "provider_from", "policies", "message_advice", "applies_to", "token")
    record["verdicts"] = [{key: one[key] for key in one if key not in later} for one in record["verdicts"]]
    (row,) = arrow.from_records([record]).to_pylist()
    assert (row["reason"], row["confidence"]) == (record["verdicts"][0]["reason"], None)


# --- schemas for engines ----------------------------------------------------------------------------------------------


def test_the_schema_can_be_declared_in_sql() -> None:
    fields = arrow.schema(
        pa.schema([("id", pa.large_string()), ("at", pa.timestamp("us")), ("tags", pa.large_list(pa.int8()))]),
        keep=("id", "at", "tags"),
    )
    declared = arrow.ddl(fields)
    assert declared.startswith("`id` STRING, `at` TIMESTAMP_NTZ, `tags` ARRAY<TINYINT>, `kind` STRING, `verdict` INT, ")
    assert "`date` TIMESTAMP" in declared
    assert "`policies` ARRAY<STRUCT<`sets`: STRING, `id`: STRING, `layer`: STRING>>" in declared
    with pytest.raises(ValueError, match="column 'x': no SQL type is known for duration"):
        arrow.ddl(pa.schema([("x", pa.duration("s"))]))


def test_without_pyarrow_the_import_names_the_command() -> None:
    code = "import sys; sys.modules['pyarrow'] = None; import undeliverable.arrow"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "MissingExtraError: undeliverable.arrow needs pyarrow: pip install 'undeliverable[arrow]'" in done.stderr


def test_the_library_itself_needs_no_pyarrow() -> None:
    code = "import sys, undeliverable, undeliverable.cli; undeliverable.classify('550 no'); print('pyarrow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


# --- two runs compared ------------------------------------------------------------------------------------------------


def judged(**options: Any) -> Any:
    return pa.Table.from_batches([arrow.read(batch_of(*FIXTURES[:300], None), **options)])


def test_two_runs_alike_differ_in_nothing(everything: Any) -> None:
    run = pa.Table.from_batches([everything])
    assert arrow.changes(run, arrow.read(pa.Table.from_batches([batch_of(*FIXTURES)]), dictionary=False)).num_rows == 0


def test_what_another_table_changes(tmp_path: Path) -> None:
    path = tmp_path / "ours.toml"
    path.write_text(
        '[[policy]]\nid = "soft"\nwhen = { reason = "user_unknown" }\nthen = { bounce_type = "soft" }\n',
        encoding="utf-8",
    )
    old, new = judged(), judged(rules=path)
    found = arrow.changes(old, new)
    assert found.num_rows
    before, after = ({(row["id"], row["verdict"]): row for row in run.to_pylist()} for run in (old, new))
    wanted = [key for key in before if any(before[key][name] != after[key][name] for name in arrow.COMPARED)]
    rows = found.to_pylist()
    assert [(row["id"], row["verdict"]) for row in rows] == wanted
    for row in rows:
        key = row["id"], row["verdict"]
        assert (row["new_policy"], row["recipient"]) == ("soft", after[key]["recipient"])
        for name in arrow.COMPARED:
            assert (row[f"old_{name}"], row[f"new_{name}"]) == (before[key][name], after[key][name])


def test_what_only_one_run_has_is_null_in_the_other() -> None:
    old = judged()
    verdicts = old.filter(pa.compute.is_valid(old["bounce_type"]))
    left, right = verdicts.slice(0, 2), verdicts.slice(1, 2)
    rows = arrow.changes(left, right).to_pylist()
    assert [(row["old_bounce_type"] is None, row["new_bounce_type"] is None) for row in rows] == [
        (False, True),
        (True, False),
    ]
    assert [row["id"] for row in rows] == [verdicts["id"][0].as_py(), verdicts["id"][2].as_py()]


def test_runs_that_cannot_be_joined_raise() -> None:
    run = judged()
    with pytest.raises(ValueError, match="new: no column label"):
        arrow.changes(run, run.drop_columns(["label"]))
    with pytest.raises(ValueError, match=r"old: 1 keys stand there more than once, such as id '0', verdict 1"):
        arrow.changes(pa.concat_tables([run, run.slice(0, 1)]), run)


def test_the_query_counts_what_the_function_finds(tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    path = tmp_path / "ours.toml"
    path.write_text(
        '[[policy]]\nid = "soft"\nwhen = { reason = "user_unknown" }\nthen = { bounce_type = "soft" }\n',
        encoding="utf-8",
    )
    old, new = judged(), judged(rules=path)
    counted = duckdb.sql(arrow.changes_sql("old", "new")).fetchall()
    shown = (
        "provider",
        "new_policy",
        "old_bounce_type",
        "old_reason",
        "old_advice",
        "new_bounce_type",
        "new_reason",
        "new_advice",
    )
    wanted = arrow.changes(old, new).group_by(list(shown)).aggregate([([], "count_all")]).to_pylist()
    assert sorted(map(str, counted)) == sorted(str(tuple(row.values())) for row in wanted)
    assert undeliverable.__version__


@pytest.mark.parametrize("number", [1, 3, 4, 5])
def test_verdicts_come_in_pieces(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the last piece is just full."""
    monkeypatch.setattr(_read, "ROWS", 2)
    found = arrow.classify_replies(
        pa.record_batch({"id": list(range(number)), "reply": ["550 5.1.1 no such user"] * number})
    )
    assert found["reason"].to_pylist() == ["user_unknown"] * number
