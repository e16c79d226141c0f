"""The HTTP API: what it answers, whom, and that what it answered for is on disk."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import service_load
from undeliverable import Knowledge, KnowledgeError, Proof, __version__, classify, parse
from undeliverable.proof import Prover
from undeliverable.serve import Budget, _api, _web, records
from undeliverable.serve._api import Api, Limits
from undeliverable.serve._api_fields import Field, Fields, of_object, of_query
from undeliverable.serve._judging import Judging
from undeliverable.serve._problems import Fault
from undeliverable.serve._replies import judged
from undeliverable.serve._secrets_file import read_all_secrets, read_tokens
from undeliverable.serve._tokens import SCOPES, Tokens
from undeliverable.store import StoreError, SuppressionList, UnavailableError
from undeliverable.suppression import ListEvent
from undeliverable.verp import Signer

from .service import JSON, MAIL, SECRETS, TOKEN, Answer, ask, asked, secrets_file
from .test_pipe import MESSAGE, bounce

KIM: Final = "kim@example.org"
SIGNER: Final = Signer("b+{token}@bounces.example.com", {"a": b"0123456789abcdef"})


@pytest.fixture
def known(tmp_path: Path) -> Iterator[SuppressionList]:
    with SuppressionList(tmp_path / "list.db") as opened:
        yield opened


@pytest.fixture
def api() -> Api:
    return Api(None)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "b.jsonl"


def lines(path: Path) -> list[dict[str, Any]]:
    return list(records.read(path)) if path.exists() else []


@given(
    st.recursive(
        st.text(st.characters(codec=None), max_size=40) | st.integers(-(2**70), 2**70) | st.booleans() | st.none(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
        max_leaves=12,
    )
)
@settings(deadline=None)
def test_json_is_the_same_with_msgspec_and_without(value: object) -> None:
    pytest.importorskip("msgspec")
    _web._writers.cache_clear()
    octets = _web.octets_of(value)
    assert len(_web._writers()) == 2
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "msgspec.json", None)
        _web._writers.cache_clear()
        assert _web.octets_of(value) == octets
        assert len(_web._writers()) == 1
    _web._writers.cache_clear()
    assert json.loads(octets) == value


class TestReplies:
    def test_one_reply_is_one_verdict(self, api: Api) -> None:
        reply = {"reply": "550 5.1.1 no such user", "host": "mx.example.org", "command": "RCPT TO", "recipient": KIM}
        answer = asked(api, "POST", "/v1/classify", reply)
        assert answer.status == 200
        text = reply.pop("reply")
        assert answer.json == classify(text, **reply).to_dict()  # type: ignore[arg-type]

    def test_a_list_is_answered_in_its_order(self, api: Api) -> None:
        texts = [f"{code} no. {number}" for number in range(60) for code in ("550 5.1.1", "452 4.2.2")]
        answer = asked(api, "POST", "/v1/classify", [{"reply": text} for text in texts])
        assert [one["reply"] for one in answer.json] == texts
        assert asked(api, "POST", "/v1/classify", []).json == []

    def test_others_have_a_turn_more_often_where_replies_are_long(self) -> None:
        def turns(text: str) -> int:
            body = json.dumps([{"reply": text}] * 100).encode()
            return sum(found is None for found in judged(Judging(None, None), body, 100))

        assert [turns(f"550 {'x' * size}") for size in (10, 2_000, 10_000, 200_000)] == [2, 2, 8, 100]

    def test_policies_get_what_they_ask_for(self) -> None:
        api = Api(None, context={"tenant": "acme", "stream": "news"})
        reply = {
            "reply": "550 no",
            "source": "log",
            "attempts": 3,
            "age": 60.5,
            "mx": ["mx.example.org"],
            "sender": "a@b.example",
        }
        assert asked(api, "POST", "/v1/classify", reply).status == 200
        assert b'tenant="acme"} 1' in api.metrics.text()
        assert asked(api, "POST", "/v1/classify", reply | {"tenant": "other"}).status == 200
        assert b'tenant="other"} 1' in api.metrics.text()

    def test_policies_are_asked_where_there_are_any(self) -> None:
        rules = [{"when": {"tenant": "acme", "sender_domain": "b.example"}, "then": {"label": "found"}}]
        reply = {"reply": "552 5.2.2 Mailbox full", "tenant": "acme", "sender": "a@b.example"}
        others = [reply | {"tenant": "other"}, reply | {"sender": "a@c.example"}, reply | {"tenant": None}]
        for context, labels in (
            ({}, ["found", None, None, None]),
            ({"tenant": "acme"}, ["found", None, None, "found"]),
        ):
            api = Api(None, knowledge=Knowledge.builtin().with_rules(rules), context=context)
            answer = asked(api, "POST", "/v1/classify", [reply, *others])
            assert [one["label"] for one in answer.json] == labels

    def test_without_policies_the_context_changes_nothing(self) -> None:
        """So it is not even passed on; the MX hosts are, which say who the provider is."""
        context = {"tenant": "acme", "stream": "news", "source": ["log"], "attempts": 3, "age": 60.5}
        known: dict[str, Any] = {"sender": "a@b.example", "mx": ["aspmx.l.google.com"], "recipient": KIM}
        texts = [text for text, _ in service_load.replies()]
        answer = asked(Api(None), "POST", "/v1/classify", [{"reply": text, **context, **known} for text in texts])
        assert answer.json == [classify(text, context=context, **known).to_dict() for text in texts]
        assert answer.json[0]["provider"] == "google"

    def test_batches_are_answered_as_single_replies_are(self, api: Api) -> None:
        batch = next(service_load.bodies("batch"))
        one_by_one = [asked(api, "POST", "/v1/classify", reply).json for reply in json.loads(batch)]
        text = api.metrics.text()
        again = Api(None)
        assert asked(again, "POST", "/v1/classify", batch, JSON).json == one_by_one
        numbers = [line for line in text.splitlines() if line.startswith(b"undeliverable_verdicts_total{")]
        assert numbers == [line for line in again.metrics.text().splitlines() if b"verdicts_total{" in line]

    @pytest.mark.parametrize(
        ("reply", "octets"),
        [
            ("550 5.1.1 K\u00f6ln \U0001f4e7 \x7f", "550 5.1.1 K\u00f6ln \U0001f4e7 \x7f".encode()),
            ("550 5.1.1 K\u00f6ln \ud83d", rb"550 5.1.1 K\u00f6ln \ud83d"),
        ],
    )
    def test_text_is_utf_8_as_far_as_it_is_text(self, api: Api, reply: str, octets: bytes) -> None:
        answer = asked(api, "POST", "/v1/classify", [{"reply": reply}])
        assert b'"reply":"%b"' % octets in answer.body
        assert answer.json == [classify(reply).to_dict()]

    def test_an_error_names_so_many_faults(self, api: Api) -> None:
        for reply in ({str(number): 1 for number in range(5_000)}, [{"a": 1}] * 90):
            assert len(asked(api, "POST", "/v1/classify", reply).json["errors"]) == 20

    @pytest.mark.parametrize(
        ("reply", "place", "words"),
        [
            ({}, "/reply", "is required"),
            ({"reply": None}, "/reply", "is required"),
            ({"reply": 550}, "/reply", "must be a string"),
            ({"reply": "x", "cmd": "rcpt"}, "/cmd", "expected one of reply, host, command"),
            ({"reply": "x", "a/~b": 1}, "/a~1~0b", "unknown key"),
            ({"reply": "x", "a" * 10_000: 1}, f"/{'a' * 100}", "unknown key"),
            ({"reply": "x", "command": "foo"}, "/command", "expected one of connect, ehlo"),
            ({"reply": "x", "protocol": "foo"}, "/protocol", "expected one of smtp, lmtp"),
            ({"reply": "x", "mx": [1]}, "/mx", "a list of strings"),
            ({"reply": "x", "mx": 1}, "/mx", "a list of strings"),
            ({"reply": "x", "attempts": -1}, "/attempts", "0 or more"),
            ({"reply": "x", "attempts": True}, "/attempts", "0 or more"),
            ({"reply": "x", "trace": "yes"}, "/trace", "true or false"),
            ("550 no", "", "must be an object"),
        ],
    )
    def test_a_value_that_cannot_be_used_is_named(self, api: Api, reply: Any, place: str, words: str) -> None:
        answer = asked(api, "POST", "/v1/classify", reply)
        assert (answer.status, answer.code) == (422, "invalid")
        (fault,) = answer.json["errors"]
        assert fault["place"] == place
        assert words in fault["detail"]
        second = asked(api, "POST", "/v1/classify", [{"reply": "x"}, reply]).json["errors"]
        assert [one["place"] for one in second] == [f"/1{place}"]

    def test_a_list_with_many_faults_names_the_first_ones(self, api: Api) -> None:
        assert len(asked(api, "POST", "/v1/classify", [1] * 1000).json["errors"]) == 20

    @pytest.mark.parametrize(
        "body", [b"", b"{", b"\xff", b'{"reply": NaN}', b"[" * 100_000, b'{"age": ' + b"1" * 5000 + b"}", b"null null"]
    )
    def test_what_is_no_json_is_malformed(self, api: Api, body: bytes) -> None:
        answer = asked(api, "POST", "/v1/classify", body, JSON)
        assert (answer.status, answer.code) == (400, "malformed")

    def test_a_batch_has_a_limit(self) -> None:
        api = Api(None, limits=Limits(batch=2))
        assert asked(api, "POST", "/v1/classify", [{"reply": "x"}] * 2).status == 200
        answer = asked(api, "POST", "/v1/classify", [{"reply": "x"}] * 3)
        assert (answer.status, answer.code) == (413, "too_large")


class TestRefusals:
    def test_wrong_tokens_are_logged_once_a_minute(
        self, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        now = 1000.0
        monkeypatch.setattr(time, "monotonic", lambda: now)
        api = Api(read_tokens(secrets_file(tmp_path)))

        def refused(number: int, path: str = "/v1/parse", token: str = "wrong") -> None:  # that is the test
            for _ in range(number):
                assert asked(api, "POST", path, MESSAGE, MAIL, token=token).status == 401

        refused(3)
        refused(2, "/v1/classify")
        assert caplog.messages == ["POST /v1/parse: 401 unauthorized, once"]
        now += 61
        refused(1)
        assert caplog.messages[1:] == [
            "POST /v1/parse: 401 unauthorized, 3 times",
            "POST /v1/classify: 401 unauthorized, 2 times",
        ]
        refused(1_000)
        assert len(caplog.messages) == 3
        asyncio.run(api.drain())
        asyncio.run(api.drain())
        assert caplog.messages[3:] == ["POST /v1/parse: 401 unauthorized, 1,000 times"]
        assert "wrong" not in caplog.text


class TestMail:
    def test_the_record_is_the_answer(self, api: Api) -> None:
        answer = asked(api, "POST", "/v1/parse?source=a.eml", MESSAGE, MAIL)
        found = answer.json
        assert answer.status == 200
        assert found.pop("envelope") == {"sender": None, "recipients": []}
        assert (found.pop("recorded"), found.pop("ignored")) == ([], 0)
        assert datetime.fromisoformat(found["received"]).tzinfo is not None
        assert found == parse(MESSAGE, source="a.eml").to_dict() | {"received": found["received"]}

    def test_it_is_in_file_and_list_before_the_answer(self, file: Path, known: SuppressionList) -> None:
        api = Api(None, to=file, into=known)
        answer = asked(api, "POST", "/v1/parse?envelope_to=b%40example.com&envelope_from=", MESSAGE, MAIL)
        assert answer.json["recorded"] == ["file", "list"]
        (record,) = lines(file)
        assert record | {"recorded": ["file", "list"], "ignored": 0} == answer.json
        assert record["envelope"] == {"sender": "", "recipients": ["b@example.com"]}
        assert known.is_suppressed(KIM)
        assert known.history(KIM)[0].time == datetime.fromisoformat(answer.json["received"])

    def test_what_the_list_ignores_is_counted(self, file: Path, known: SuppressionList) -> None:
        api, day = Api(None, to=file, into=known, prover=Prover(SIGNER, known)), datetime.now(UTC).date()

        async def several() -> list[Answer]:
            paths = ("bounces@example.com", SIGNER.sign(KIM, id="7", day=day), "bounces@example.com")
            calls = [
                ask(
                    api,
                    "POST",
                    "/v1/parse",
                    MESSAGE.replace(b"<2@", f"<{number}@".encode()),
                    MAIL | {"undeliverable-envelope-to": path},
                )
                for number, path in enumerate(paths)
            ]
            return await asyncio.gather(*calls)

        answers = [answer.json for answer in asyncio.run(several())]
        assert [(answer["recorded"], answer["ignored"]) for answer in answers] == [
            (["file", "list"], 1), (["file", "list"], 0), (["file", "list"], 1),
        ]  # fmt: skip
        assert asked(api, "POST", "/v1/parse?record=false", MESSAGE, MAIL).json["ignored"] == 0

    def test_it_can_be_read_only(self, file: Path, known: SuppressionList) -> None:
        api = Api(None, to=file, into=known)
        assert asked(api, "POST", "/v1/parse?record=false", MESSAGE, MAIL).json["recorded"] == []
        assert not lines(file)
        assert len(known) == 0

    def test_who_insists_on_a_record_is_told_where_there_is_none(self, api: Api) -> None:
        answer = asked(api, "POST", "/v1/parse?record=true", MESSAGE, MAIL)
        assert (answer.status, answer.code) == (409, "nowhere")

    def test_a_header_stands_in_for_a_parameter(self, api: Api) -> None:
        headers = MAIL | {"undeliverable-envelope-to": "b+1@example.com", "undeliverable-keep-header": "Subject"}
        found = asked(api, "POST", "/v1/parse", MESSAGE, headers).json
        assert found["envelope"]["recipients"] == ["b+1@example.com"]  # as a parameter, + would be a blank
        assert "subject" in found["message"]["returned"]["headers"]

    @pytest.mark.parametrize(
        ("query", "place", "words"),
        [
            ("tenat=x", "tenat", "unknown parameter; expected one of envelope_to"),
            (f"{'a' * 5_000}=x", "a" * 100, "unknown parameter"),
            ("received=now", "received", "ISO 8601"),
            ("received=2026-11-30T14:05:00", "received", "time zone"),
            ("record=maybe", "record", "true or false"),
            ("source=a&source=b", "source", "once"),
        ],
    )
    def test_a_parameter_that_cannot_be_used_is_named(self, api: Api, query: str, place: str, words: str) -> None:
        answer = asked(api, "POST", f"/v1/parse?{query}", MESSAGE, MAIL)
        assert (answer.status, answer.code) == (422, "invalid")
        (fault,) = answer.json["errors"]
        assert fault["place"] == place
        assert words in fault["detail"]

    def test_a_query_without_end_is_refused(self, api: Api) -> None:
        assert asked(api, "POST", "/v1/parse?" + "a=1&" * 2000, MESSAGE, MAIL).code == "invalid"

    def test_an_old_mail_gives_the_list_no_events(self, file: Path, known: SuppressionList) -> None:
        api = Api(None, to=file, into=known)
        day = datetime.now(UTC) - timedelta(days=11)
        answer = asked(api, "POST", f"/v1/parse?received={day:%Y-%m-%dT%H:%M:%SZ}", MESSAGE, MAIL)
        assert answer.json["recorded"] == ["file"]
        assert len(known) == 0
        later = datetime.now(UTC) + timedelta(days=11)
        answer = asked(api, "POST", f"/v1/parse?received={later:%Y-%m-%dT%H:%M:%SZ}", MESSAGE, MAIL)
        assert answer.json["recorded"] == ["file", "list"]
        assert datetime.fromisoformat(answer.json["received"]) <= datetime.now(UTC)

    @pytest.mark.parametrize("is_listed", [True, False])
    def test_a_signed_return_path_proves_it(self, file: Path, known: SuppressionList, *, is_listed: bool) -> None:
        api = Api(None, to=file, into=known, prover=Prover(SIGNER, known if is_listed else None))
        known.record_sent([(KIM, "7", None)])
        token = SIGNER.sign(KIM, id="7", day=datetime.now(UTC).date())
        delivered = (
            b"Delivered-To: "
            + token.encode()
            + b"\n"
            + bounce(KIM, "5.1.1", "550 5.1.1 no", message_id="<3@x.example>")
        )
        for query, body, proof in (
            (f"?envelope_to={token.replace('+', '%2B')}", MESSAGE, "token"),
            ("", delivered, "token"),
            ("", MESSAGE, "unproved"),
        ):
            found = asked(api, "POST", f"/v1/parse{query}", body, MAIL).json
            assert found["verdicts"][0]["proof"] == proof
        assert {event.proof for event in known.history(KIM)} == {Proof.TOKEN}
        assert b'undeliverable_unproved_total{source="api"} 1' in api.metrics.text()

    def test_large_mail_is_read_in_a_thread(self, api: Api) -> None:
        body = MESSAGE + b"x" * (1 << 20) + b"\n"
        assert asked(api, "POST", "/v1/parse", body, MAIL).json["kind"] == "bounce"

    def test_a_record_with_many_verdicts_is_complete(self, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("undeliverable.serve._api_mail._MANY", 1)
        assert len(asked(api, "POST", "/v1/parse", MESSAGE, MAIL).json["verdicts"]) == 1

    @pytest.mark.parametrize(
        ("error", "words"),
        [
            (OSError(errno.ENOSPC, "No space left on device"), "the disk is full"),
            (StoreError("/secret/place: no such table"), "the log of the server says why"),
            (UnavailableError("the list is locked"), "the list is locked"),
        ],
    )
    def test_what_cannot_be_stored_is_503_and_can_be_repeated(
        self, error: Exception, words: str, known: SuppressionList, caplog: pytest.LogCaptureFixture
    ) -> None:
        class Failing:
            fails = True

            def record(self, events: Iterable[tuple[str, ListEvent]]) -> object:
                if self.fails:
                    raise error
                return known.record(events)

        into = Failing()
        api = Api(None, into=into)
        answer = asked(api, "POST", "/v1/parse", MESSAGE, MAIL)
        assert (answer.status, answer.code, answer.headers["retry-after"]) == (503, "not_stored", "30")
        assert words in answer.json["detail"]
        assert b"secret" not in answer.body
        assert str(error) in caplog.text
        into.fails = False
        assert asked(api, "POST", "/v1/parse", MESSAGE, MAIL).status == 200
        assert known.is_suppressed(KIM)

    def test_a_fault_of_the_server_is_500_and_logged(
        self, api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def fails(*_: object, **_more: object) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr("undeliverable.serve._api_mail.parse", fails)
        answer = asked(api, "POST", "/v1/parse", MESSAGE, MAIL)
        assert (answer.status, answer.code) == (500, "internal")
        assert "ZeroDivisionError" in caplog.text
        assert b"ZeroDivision" not in answer.body

    @pytest.mark.parametrize(
        ("name", "values"), [("envelope-to", [KIM, "lee@example.org"]), ("record", ["true", "false"])]
    )
    def test_a_header_that_comes_twice(self, api: Api, name: str, values: list[str]) -> None:
        async def twice(scope: Any, receive: Any, send: Any) -> None:
            scope["headers"] += [(f"undeliverable-{name}".encode(), value.encode()) for value in values]
            await api(scope, receive, send)

        answer = asked(twice, "POST", "/v1/parse", MESSAGE, MAIL)
        if name == "record":
            assert answer.json["errors"] == [{"place": "record", "detail": "must be given once"}]
        else:
            assert answer.json["envelope"]["recipients"] == values


class TestBodies:
    def test_a_body_in_blocks_is_one_body(self, api: Api) -> None:
        body = json.dumps({"reply": "550 no"}).encode()
        for size in (1, 7, 100):
            blocks = [body[at : at + size] for at in range(0, len(body), size)]
            answer = asyncio.run(ask(api, "POST", "/v1/classify", [*blocks, b""], JSON))
            assert answer.json["reply"] == "550 no"
        assert asyncio.run(ask(api, "POST", "/v1/classify", [b"", body], JSON)).status == 200

    def test_a_client_that_leaves_is_answered_nothing_well(self, api: Api) -> None:
        assert asyncio.run(ask(api, "POST", "/v1/parse", [], MAIL)).code == "malformed"

    def test_a_slow_body_is_408(self, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(_web, "PATIENCE", 0.01)
        sent: list[Any] = []

        async def receive() -> Any:
            await asyncio.sleep(10)

        async def send(message: Any) -> None:
            sent.append(message)

        headers = [(b"host", b"localhost"), (b"content-type", b"message/rfc822")]
        scope = {"type": "http", "method": "POST", "path": "/v1/parse", "query_string": b"", "headers": headers}
        asyncio.run(api(scope, receive, send))
        assert sent[0]["status"] == 408

    @pytest.mark.parametrize("announced", [{}, {"content-length": "101"}])
    def test_a_large_body_is_413(self, announced: dict[str, str]) -> None:
        api = Api(None, limits=Limits(mail=100, body=100))
        for path, headers in (("/v1/parse", MAIL), ("/v1/classify", JSON)):
            answer = asked(api, "POST", path, b"x" * 101, headers | announced)
            assert (answer.status, answer.code) == (413, "too_large")

    def test_octets_in_transfer_have_a_limit(self) -> None:
        budget = Budget(100)
        api = Api(None, budget=budget)
        answer = asked(api, "POST", "/v1/parse", b"x" * 101, MAIL)
        assert (answer.status, answer.code, answer.headers["retry-after"]) == (503, "busy", "30")
        assert budget.free == 100

    @pytest.mark.parametrize(
        ("path", "headers"),
        [
            ("/v1/parse", {}),
            ("/v1/parse", JSON),
            ("/v1/classify", MAIL),
            ("/v1/classify", {"content-type": "text/plain"}),
            ("/v1/classify", JSON | {"content-encoding": "gzip"}),
        ],
    )
    def test_other_media_types_are_415(self, api: Api, path: str, headers: dict[str, str]) -> None:
        answer = asked(api, "POST", path, b"{}", headers)
        assert (answer.status, answer.code) == (415, "media_type")

    def test_media_types_may_have_parameters(self, api: Api) -> None:
        headers = {"content-type": "Application/JSON; charset=utf-8"}
        assert asked(api, "POST", "/v1/classify", b'{"reply": "550 no"}', headers).status == 200

    def test_two_lengths_are_refused(self, api: Api) -> None:
        headers = JSON | {"content-length": "2", "transfer-encoding": "chunked"}
        answer = asked(api, "POST", "/v1/classify", b"{}", headers)
        assert (answer.code, answer.headers["connection"]) == ("malformed", "close")


class TestList:
    def test_addresses_are_checked_added_listed_and_reactivated(self, known: SuppressionList) -> None:
        api = Api(Tokens(), known=known)
        api.tokens = None
        assert asked(api, "POST", "/v1/suppressions/check", {"addresses": KIM}).json == {
            "results": [{"address": KIM, "suppressed": False}]
        }
        answer = asked(api, "POST", "/v1/suppressions/add", {"address": KIM, "why": "asked", "who": "lee", "days": 3})
        assert answer.json == {"address": KIM, "changed": True, "suppressed": True}
        assert asked(api, "POST", "/v1/suppressions/add", {"address": KIM}).json["changed"] is False
        found = asked(api, "POST", "/v1/suppressions/check", {"addresses": [KIM, "lee@example.org"]}).json
        assert [one["suppressed"] for one in found["results"]] == [True, False]
        (entry,) = asked(api, "GET", "/v1/suppressions/list").json["entries"]
        assert (entry["address"], entry["trigger"]["who"], entry["suppressed"]) == (KIM, "lee", True)
        answer = asked(api, "POST", "/v1/suppressions/reactivate", {"address": KIM, "why": "works again"})
        assert answer.json == {"address": KIM, "changed": True, "suppressed": False}
        assert asked(api, "GET", "/v1/suppressions/list").json["entries"] == []
        assert len(asked(api, "GET", "/v1/suppressions/list?all=true").json["entries"]) == 1
        text = api.metrics.text().decode()
        assert 'undeliverable_list_changes_total{change="suppressed"} 1\n' in text
        assert 'undeliverable_list_changes_total{change="released"} 1\n' in text

    def test_pages_follow_each_other(self, known: SuppressionList) -> None:
        for number in range(5):
            known.suppress(f"kim{number}@example.org")
        known.suppress_domain("example.net", why="closed", at=datetime(2026, 11, 20, tzinfo=UTC))
        api, cursor, found, sizes = Api(None, known=known), 0, list[str](), list[int]()
        while cursor is not None:
            page = asked(api, "GET", f"/v1/suppressions/list?limit=2&cursor={cursor}").json
            found += [entry["address"] for entry in page["entries"]]
            sizes.append(len(page["domains"]))
            cursor = page["next"]
        assert found == [f"kim{number}@example.org" for number in range(5)]
        assert sizes == [1, 0, 0]
        assert asked(api, "GET", "/v1/suppressions/list?cause=complaint").json["entries"] == []

    @pytest.mark.parametrize(
        "query", ["limit=0", "limit=1001", "limit=x", "limit=-1", "cause=foo", "cursor=" + "9" * 19, "all=2"]
    )
    def test_a_page_that_cannot_be(self, known: SuppressionList, query: str) -> None:
        assert asked(Api(None, known=known), "GET", f"/v1/suppressions/list?{query}").code == "invalid"

    @pytest.mark.parametrize("address", ["*@example.org", "kim", "@", "a@" + "b" * 1000, 7, "@example.org"])
    def test_what_is_no_address_is_not_suppressed(self, known: SuppressionList, address: Any) -> None:
        answer = asked(Api(None, known=known), "POST", "/v1/suppressions/add", {"address": address})
        assert (answer.status, answer.code) == (422, "invalid")
        assert len(known) == 0

    @pytest.mark.parametrize("days", [0, -1, 36_501, "3", None])
    def test_days_are_a_span(self, known: SuppressionList, days: Any) -> None:
        answer = asked(Api(None, known=known), "POST", "/v1/suppressions/add", {"address": KIM, "days": days})
        assert answer.status == (200 if days is None else 422)

    def test_without_a_list_there_is_none(self, api: Api) -> None:
        for path, body in (
            ("check", {"addresses": []}),
            ("add", {"address": KIM}),
            ("reactivate", {"address": KIM, "why": "x"}),
        ):
            assert asked(api, "POST", f"/v1/suppressions/{path}", body).code == "nowhere"
        assert asked(api, "GET", "/v1/suppressions/list").code == "nowhere"

    def test_a_list_that_cannot_be_read_is_503(self, known: SuppressionList, monkeypatch: pytest.MonkeyPatch) -> None:
        def fails(*_: object) -> None:
            raise UnavailableError("locked")

        monkeypatch.setattr(SuppressionList, "check", fails)
        assert asked(Api(None, known=known), "POST", "/v1/suppressions/check", {"addresses": KIM}).status == 503

    def test_many_addresses_are_too_many(self, known: SuppressionList) -> None:
        api = Api(None, known=known, limits=Limits(batch=2))
        assert asked(api, "POST", "/v1/suppressions/check", {"addresses": ["a", "b", "c"]}).code == "too_large"


class TestTokens:
    @pytest.fixture
    def api(self, tmp_path: Path, known: SuppressionList) -> Api:
        return Api(read_tokens(secrets_file(tmp_path)), known=known)

    @pytest.mark.parametrize("token", [None, "", "wrong", TOKEN[:-1], f"{TOKEN} x", "\xe9"])
    def test_without_a_known_token_nothing_is_answered(self, api: Api, token: str | None) -> None:
        answer = asked(api, "POST", "/v1/classify", {"reply": "550 no"}, token=token)
        assert (answer.status, answer.code) == (401, "unauthorized")
        assert answer.headers["www-authenticate"].startswith('Bearer realm="undeliverable"')

    def test_another_kind_of_authorization_is_none(self, api: Api) -> None:
        headers = JSON | {"authorization": f"Basic {TOKEN}"}
        assert asked(api, "POST", "/v1/classify", b"{}", headers).code == "unauthorized"

    def test_a_token_opens_what_its_scopes_say(self, api: Api) -> None:
        for token in (f"{TOKEN}-reader", f"{TOKEN}-reader-next"):
            assert asked(api, "GET", "/v1/suppressions/list", token=token).status == 200
            answer = asked(api, "POST", "/v1/classify", {"reply": "550 no"}, token=token)
            assert (answer.status, answer.code) == (403, "forbidden")
            assert 'scope="classify"' in answer.headers["www-authenticate"]

    def test_the_token_is_who_decided(self, api: Api, known: SuppressionList) -> None:
        assert asked(api, "POST", "/v1/suppressions/add", {"address": KIM}, token=TOKEN).status == 200
        assert [event.who for event in known.history(KIM)] == ["all"]

    @pytest.mark.parametrize("path", ["/v1/health", "/v1/health/live", "/openapi.json"])
    def test_health_and_description_take_no_token(self, api: Api, path: str) -> None:
        assert asked(api, "GET", path).status == 200
        assert asked(api, "HEAD", path).status == 200

    def test_every_scope_can_be_given(self, tmp_path: Path) -> None:
        found = read_tokens(secrets_file(tmp_path))
        assert {scope for token in found.known for scope in token.scopes} == set(SCOPES)

    def test_a_digest_is_as_good_as_a_token(self, tmp_path: Path) -> None:
        import hashlib

        digest = hashlib.sha256(TOKEN.encode()).hexdigest()
        found = read_tokens(secrets_file(tmp_path, f'[api.a]\nsha256 = "{digest}"\nscopes = ["parse"]\n'))
        assert found.find(TOKEN.encode()) is not None
        assert found.find(digest.encode()) is None

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("api = 1", "must hold a table for each client"),
            ("[api]\na = 1", "must be a table"),
            ('[api.a]\nscopes = ["parse"]', "needs either token or sha256"),
            (f'[api.a]\ntoken = "{TOKEN}"', "must be a non-empty string or a list"),
            (f'[api.a]\ntoken = "{TOKEN}"\nscopes = []', "must be a non-empty string or a list"),
            (f'[api.a]\ntoken = "{TOKEN}"\nscopes = "read"', "unknown scope 'read'; expected one of parse, classify"),
            (f'[api.a]\ntoken = "{TOKEN}"\nscope = "parse"', "unknown key; expected one of token, sha256, scopes"),
            (
                '[api.a]\ntoken = "Replace-me-by-24-random-octets-in-hex-1"\nscopes = "parse"',
                "the placeholder of the example",
            ),
            ('[api.a]\ntoken = "short"\nscopes = "parse"', "at least 20 characters; make one with: openssl"),
            (f'[api.a]\ntoken = "{TOKEN} "\nscopes = "parse"', "at least 20 characters"),
            ('[api.a]\nsha256 = "00"\nscopes = "parse"', "64 hexadecimal digits"),
            (
                f'[api.a]\ntoken = "{TOKEN}"\nscopes = "parse"\n[api.b]\ntoken = "{TOKEN}"\nscopes = "metrics"',
                "two clients have the same token",
            ),
        ],
    )
    def test_a_bad_table_is_refused_without_a_secret(self, tmp_path: Path, text: str, words: str) -> None:
        with pytest.raises(KnowledgeError) as caught:
            read_tokens(secrets_file(tmp_path, text))
        assert words in str(caught.value)
        assert TOKEN not in str(caught.value)

    def test_others_must_not_read_the_file(self, tmp_path: Path) -> None:
        path = secrets_file(tmp_path)
        path.chmod(0o640)
        with pytest.raises(KnowledgeError, match="chmod 600"):
            read_tokens(path)

    def test_services_and_clients_share_a_file(self, tmp_path: Path) -> None:
        path = secrets_file(tmp_path, SECRETS + '[postmark]\nusername = "a"\npassword = "b"\n')
        found = read_all_secrets(path)
        assert [*found.endpoints] == ["postmark"]
        assert [token.name for token in found.tokens.known] == ["all", "reader"]


class TestWithoutTokens:
    @pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8080", "[::1]:8080", "[::1]", "localhost:1", "LOCALHOST"])
    def test_programs_on_this_host_are_answered(self, api: Api, host: str) -> None:
        assert asked(api, "POST", "/v1/classify", b'{"reply": "x"}', JSON | {"host": host}).status == 200

    @pytest.mark.parametrize(
        "headers",
        [
            {"host": "evil.example:8080"},
            {"host": ""},
            {"host": "10.0.0.1"},
            {"origin": "https://evil.example"},
            {"sec-fetch-site": "cross-site"},
        ],
    )
    def test_pages_in_a_browser_are_not(self, api: Api, headers: dict[str, str]) -> None:
        answer = asked(api, "POST", "/v1/classify", b'{"reply": "x"}', JSON | headers)
        assert (answer.status, answer.code) == (403, "forbidden")


class TestRoutes:
    def test_an_unknown_path_is_404(self, api: Api) -> None:
        assert asked(api, "GET", "/v2").code == "not_found"

    @pytest.mark.parametrize(
        ("method", "path", "allowed"),
        [("GET", "/v1/parse", "POST"), ("POST", "/v1/health", "GET, HEAD"), ("OPTIONS", "/v1/classify", "POST")],
    )
    def test_another_method_is_405(self, api: Api, method: str, path: str, allowed: str) -> None:
        answer = asked(api, method, path)
        assert (answer.status, answer.code, answer.headers["allow"]) == (405, "method", allowed)

    def test_a_route_without_parameters_takes_none(self, api: Api) -> None:
        answer = asked(api, "GET", "/metrics?a=1")
        assert answer.json["errors"] == [{"place": "a", "detail": "unknown parameter; expected one of none"}]

    def test_nothing_is_kept_in_caches(self, api: Api) -> None:
        assert asked(api, "GET", "/v1/health").headers["cache-control"] == "no-store"


class TestHealth:
    def test_all_is_well(self, file: Path, known: SuppressionList) -> None:
        answer = asked(Api(None, to=file, into=known, known=known), "GET", "/v1/health")
        checks = {"rules": "ok", "file": "ok", "list": "ok"}
        assert (answer.status, answer.json) == (200, {"status": "ok", "version": __version__, "checks": checks})
        assert asked(Api(None), "GET", "/v1/health").json["checks"] == {"rules": "ok"}

    def test_a_file_that_cannot_be_written_is_said(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        answer = asked(Api(None, to=tmp_path / "none" / "b.jsonl"), "GET", "/v1/health")
        assert (answer.status, answer.json["checks"]["file"]) == (503, "its folder is missing")
        (tmp_path / "b.jsonl").touch()
        monkeypatch.setattr("os.access", lambda *_: False)
        for name in ("b.jsonl", "c.jsonl"):
            assert (
                asked(Api(None, to=tmp_path / name), "GET", "/v1/health").json["checks"]["file"] == "cannot be written"
            )
        monkeypatch.setattr(_api, "_ROOM", 1 << 70)
        assert (
            asked(Api(None, to=tmp_path / "b.jsonl"), "GET", "/v1/health").json["checks"]["file"] == "the disk is full"
        )

    @pytest.mark.parametrize("what", ["folder", "link", "fifo"])
    def test_what_is_no_file_takes_no_records(self, what: str, tmp_path: Path) -> None:
        path = tmp_path / "b.jsonl"
        make: dict[str, Callable[[], None]] = {
            "folder": path.mkdir,
            "link": lambda: path.symlink_to("other"),
            "fifo": lambda: os.mkfifo(path),
        }
        make[what]()
        api = Api(None, to=path)
        answer = asked(api, "GET", "/v1/health")
        assert (answer.status, answer.json["checks"]["file"]) == (503, "cannot be written")
        assert asked(api, "POST", "/v1/parse", MESSAGE, MAIL).code == "not_stored"

    @pytest.mark.parametrize(
        ("error", "said"), [(UnavailableError("x"), "locked"), (StoreError("x"), "cannot be written")]
    )
    def test_a_list_that_cannot_be_written_is_said(
        self, known: SuppressionList, monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
    ) -> None:
        asked_for: list[int] = []

        def fails(_: object) -> None:
            asked_for.append(1)
            raise error

        monkeypatch.setattr(SuppressionList, "check_writable", fails)
        api = Api(None, known=known)

        async def twice() -> list[Any]:
            return [await ask(api, "GET", "/v1/health") for _ in range(2)]

        for answer in asyncio.run(twice()):
            assert (answer.status, answer.json["checks"]["list"]) == (503, said)
        assert len(asked_for) == 1  # whoever asks often does not make it be tried often
        assert asked(api, "GET", "/v1/health/live").status == 200

    def test_a_list_that_does_not_answer_is_said(self, known: SuppressionList, monkeypatch: pytest.MonkeyPatch) -> None:
        free = threading.Event()
        monkeypatch.setattr(_api, "_PATIENCE", 0.01)
        monkeypatch.setattr(SuppressionList, "check_writable", lambda _: free.wait(60))

        async def health() -> Any:
            try:
                return await ask(Api(None, known=known), "GET", "/v1/health")
            finally:
                free.set()

        assert "not free" in asyncio.run(health()).json["checks"]["list"]

    def test_rules_that_cannot_be_read_are_said(self) -> None:
        def fails() -> Knowledge:
            raise OSError("gone")

        answer = asked(Api(None, knowledge=fails), "GET", "/v1/health")
        assert (answer.status, answer.json["checks"]["rules"]) == (503, "cannot be read")


def test_a_client_that_sends_late_keeps_nobody_waiting(api: Api) -> None:
    async def both() -> Any:
        waiting = asyncio.Event()

        async def receive() -> Any:
            await waiting.wait()
            return {"type": "http.disconnect"}

        async def send(_: Any) -> None:
            pass

        headers = [(b"host", b"localhost"), (b"content-type", b"message/rfc822")]
        scope = {"type": "http", "method": "POST", "path": "/v1/parse", "query_string": b"", "headers": headers}
        first = asyncio.create_task(api(scope, receive, send))
        answer = await ask(api, "POST", "/v1/classify", b'{"reply": "550 no"}', JSON)
        waiting.set()
        await first
        return answer

    assert asyncio.run(both()).status == 200


@pytest.mark.parametrize(
    ("kind", "value", "read"),
    [
        ("integer", 3, 3),
        ("integer", True, None),
        ("integer", "3", None),
        ("integer", 10**30, None),
        ("number", 3.5, 3.5),
        ("days", 3, 3),
        ("flag", True, True),
        ("time", "2026-11-30T14:05:00Z", datetime(2026, 11, 30, 14, 5, tzinfo=UTC)),
    ],
)
def test_kinds_of_values_in_json(kind: str, value: Any, read: Any) -> None:
    faults: list[Fault] = []
    found = of_object(Fields(Field("a", kind, "")), {"a": value}, "", faults)
    assert (found.get("a"), bool(faults)) == (read, read is None)


@pytest.mark.parametrize(
    ("kind", "texts", "read"),
    [
        ("integer", ["3"], 3),
        ("number", ["3.5"], 3.5),
        ("number", ["x"], None),
        ("number", ["nan"], None),
        ("days", ["3"], 3),
        ("days", ["0"], None),
        ("flag", ["TRUE"], True),
        ("texts", ["a", "b"], ("a", "b")),
        ("text", ["a", "b"], None),
        ("text", [], None),
    ],
)
def test_kinds_of_parameters(kind: str, texts: list[str], read: Any) -> None:
    faults: list[Fault] = []
    field = Field("a", kind, "", is_required=True)
    found = of_query(Fields(field), {"a": texts} if texts else {}, {}, faults)
    assert (found.get("a"), bool(faults)) == (read, read is None)
