"""The endpoint: what it answers, that it keeps what it answered for, and once."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from tests import webhook_load
from tests.serving import port_said
from undeliverable import Kind, Knowledge, KnowledgeError, Report
from undeliverable.cli import main
from undeliverable.cli._main import full_parser
from undeliverable.cli._serve_web import Shared, secrets_of, web_of
from undeliverable.serve import Budget, _receiver, records
from undeliverable.serve._http_server import HttpServer
from undeliverable.serve._receiver import Receiver
from undeliverable.serve._secrets_file import read_secrets
from undeliverable.serve.http import Endpoint, Webhooks
from undeliverable.webhook_auth import Basic, HeaderSecret, Sns, UrlSecret

ROOT: Final = Path(__file__).resolve().parent.parent
BASIC: Final = {"Authorization": "Basic " + base64.b64encode(b"user:password").decode()}
ENDPOINTS: Final = {
    "postmark": Endpoint(Basic("user", "password")),
    "azure": Endpoint(UrlSecret("s3cret")),
    "mailgun": Endpoint("key"),
    "brevo": Endpoint([HeaderSecret("X-Token", "old"), HeaderSecret("X-Token", "new")]),
    "amazon_ses": Endpoint([Basic("user", "password"), Sns(frozenset({"arn:aws:sns:eu-west-1:123456789012:t"}))]),
}
BOUNCE: Final = webhook_load.event("1")
LIST: Final = b'[{"event": "hard_bounce", "email": "a@example.org"}, {"event": "click"}, {"event": "hard_bounce", "email": "b@example.org"}]'


def lines(path: Path) -> list[dict[str, Any]]:
    return list(records.read(path)) if path.exists() else []


def posting(app: Any, path: str, body: Any, headers: Any = None, **more: Any) -> httpx.Response:
    async def post() -> httpx.Response:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://hooks.example.com") as client:
            return await client.request(more.get("method", "POST"), path, content=body, headers=headers)

    return asyncio.run(post())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


@pytest.fixture
def app(file: Path) -> Webhooks:
    return Webhooks(ENDPOINTS, to=file)


class TestAnswers:
    @pytest.mark.parametrize(
        ("more", "detail"),
        [
            ([*BASIC.items()], "a request has one Authorization"),
            ([("content-type", "application/json")] * 2, "a request has one Content-Type"),
            ([("Transfer-Encoding", "chunked")], "Content-Length and Transfer-Encoding exclude each other"),
        ],
    )
    def test_what_a_proxy_may_read_otherwise_is_refused(
        self, app: Webhooks, file: Path, more: list[tuple[str, str]], detail: str
    ) -> None:
        headers = [*BASIC.items(), ("Content-Length", str(len(BOUNCE))), *more]
        answer = posting(app, "/webhooks/postmark", BOUNCE, headers)
        assert (answer.status_code, answer.json()) == (400, {"error": detail})
        assert answer.headers["connection"] == "close"
        assert not file.exists()

    def test_an_event_is_kept(self, app: Webhooks, file: Path) -> None:
        answer = posting(app, "/webhooks/postmark", BOUNCE, BASIC)
        assert (answer.status_code, answer.json()) == (200, {"taken": 1, "known": 0})
        (record,) = lines(file)
        assert record["kind"] == "bounce"
        assert record["event"]["id"] == "1"
        assert set(record["request"]) == {"id", "digest", "received"}

    def test_several_events_are_kept_in_order(self, app: Webhooks, file: Path) -> None:
        assert posting(app, "/webhooks/brevo", LIST, {"x-token": "new"}).json() == {"taken": 3, "known": 0}
        assert [record["kind"] for record in lines(file)] == ["bounce", "other", "bounce"]

    @pytest.mark.parametrize(
        ("path", "body", "headers", "status"),
        [
            ("/webhooks/postmark", BOUNCE, {}, 401),
            ("/webhooks/postmark", b"{}", {}, 401),
            ("/webhooks/postmark", b"{}", BASIC, 400),
            ("/webhooks/pigeons", BOUNCE, BASIC, 404),
            ("/webhooks/sendgrid", BOUNCE, BASIC, 404),
            ("/webhooks/mailgun", b'{"event-data": {}}', {}, 401),
            ("/webhooks/azure", b"{}", {}, 401),
            ("/webhooks/postmark", BOUNCE, BASIC | {"Content-Encoding": "gzip"}, 415),
            ("/webhooks/postmark", b"x" * ((8 << 20) + 1), BASIC, 413),
            ("/elsewhere", BOUNCE, BASIC, 404),
        ],
    )
    def test_what_is_not_taken(
        self, app: Webhooks, file: Path, path: str, body: bytes, headers: Any, status: int
    ) -> None:
        answer = posting(app, path, body, headers)
        assert answer.status_code == status
        assert ("www-authenticate" in answer.headers) == (status == 401 and "postmark" in path)
        assert not file.exists()

    def test_a_body_without_an_announced_length(self, file: Path) -> None:
        async def blocks() -> AsyncIterator[bytes]:
            for _ in range(100):
                yield b"x" * 100

        app = Webhooks(ENDPOINTS, to=file, max_size=1000)
        assert posting(app, "/webhooks/postmark", blocks(), BASIC).status_code == 413

    def test_a_body_that_does_not_come(self, app: Webhooks, monkeypatch: pytest.MonkeyPatch) -> None:
        async def blocks() -> AsyncIterator[bytes]:
            await asyncio.sleep(10)
            yield b""

        monkeypatch.setattr("undeliverable.serve.http.PATIENCE", 0.01)

        async def ask() -> list[Any]:
            sent: list[Any] = []

            async def receive() -> Any:
                await asyncio.sleep(10)

            async def send(message: Any) -> None:
                sent.append(message)

            scope = {"type": "http", "method": "POST", "path": "/webhooks/postmark", "query_string": b"", "headers": []}
            await app(scope, receive, send)
            return sent

        assert asyncio.run(ask())[0]["status"] == 408

    def test_a_client_that_leaves(self, app: Webhooks) -> None:
        async def ask() -> list[Any]:
            sent: list[Any] = []

            async def receive() -> Any:
                return {"type": "http.disconnect"}

            async def send(message: Any) -> None:
                sent.append(message)

            scope = {"type": "http", "method": "POST", "path": "/webhooks/postmark", "query_string": b"", "headers": []}
            await app(scope, receive, send)
            return sent

        assert asyncio.run(ask())[0]["status"] == 400

    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [
            ("HEAD", "/webhooks/postmark", 200),
            ("HEAD", "/webhooks/pigeons", 404),
            ("HEAD", "/webhooks/azure/s3cret", 200),
            ("GET", "/webhooks/postmark", 405),
            ("GET", "/webhooks/pigeons", 404),
            ("PUT", "/webhooks/postmark", 405),
            ("GET", "/health", 200),
            ("GET", "/health/", 404),  # no redirect to whatever the client calls the host
        ],
    )
    def test_other_methods(self, app: Webhooks, method: str, path: str, status: int) -> None:
        assert posting(app, path, None, method=method).status_code == status

    @pytest.mark.parametrize("path", ["/webhooks/azure?code=s3cret", "/webhooks/azure/s3cret"])
    def test_a_subscription_is_validated_when_it_is_proved(self, app: Webhooks, path: str) -> None:
        body = b'[{"id": "1", "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent", "data": {"validationCode": "512d"}}]'
        assert posting(app, path, body).json()["validationResponse"] == "512d"
        assert posting(app, "/webhooks/azure", body).status_code == 401

    def test_a_certificate_that_is_missing_is_not_the_services_fault(self, file: Path) -> None:
        topic = "arn:aws:sns:eu-west-1:123456789012:t"
        url = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-00.pem"
        body = json.dumps({"Type": "Notification", "TopicArn": topic, "SignatureVersion": "2", "SigningCertURL": url})
        answer = posting(
            Webhooks({"amazon_ses": Endpoint(Sns(frozenset({topic})))}, to=file), "/webhooks/amazon_ses", body
        )
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")

    def test_amazon_is_asked_for_its_password(self, app: Webhooks) -> None:
        assert "Basic" in posting(app, "/webhooks/amazon_ses", b"{}").headers["www-authenticate"]

    def test_a_long_body_is_read_in_a_thread(self, app: Webhooks) -> None:
        body = b'{"RecordType": "Bounce", "Email": "kim@example.org", "Subject": "' + b"x" * 300_000 + b'"}'
        assert posting(app, "/webhooks/postmark", body, BASIC).json() == {"taken": 1, "known": 0}


class TestOnce:
    def test_what_comes_twice_is_kept_once(self, app: Webhooks, file: Path) -> None:
        for known in (0, 1, 1):
            answer = posting(Webhooks(ENDPOINTS, to=file) if known else app, "/webhooks/postmark", BOUNCE, BASIC)
            assert answer.json() == {"taken": 1 - known, "known": known}
        assert len(lines(file)) == 1

    def test_what_is_new_in_a_repetition_is_kept(self, file: Path) -> None:
        async def twice() -> list[dict[str, object]]:
            receiver = Receiver(ENDPOINTS, to=file)
            more = LIST[:-1] + b', {"event": "spam", "email": "c@example.org"}]'
            answers = [await receiver.take("brevo", body, {"X-Token": "new"}) for body in (LIST, more, more)]
            await receiver.drain()
            return [answer.body for answer in answers]

        assert asyncio.run(twice()) == [{"taken": 3, "known": 0}, {"taken": 1, "known": 3}, {"taken": 0, "known": 4}]
        assert len(lines(file)) == 4

    def test_at_the_same_time(self, file: Path) -> None:
        async def together() -> int:
            receiver = Receiver(ENDPOINTS, to=file)
            answers = await asyncio.gather(*[receiver.take("postmark", BOUNCE, BASIC) for _ in range(20)])
            return sum(int(str(answer.body["taken"])) for answer in answers)

        assert asyncio.run(together()) == 1
        assert len(lines(file)) == 1

    def test_events_of_one_message_are_several(self, file: Path) -> None:
        body = b'[{"event": "sent", "MessageID": 7, "email": "a@example.org"}, {"event": "spam", "MessageID": 7, "email": "a@example.org"}]'
        assert (
            posting(Webhooks({"mailjet": ENDPOINTS["postmark"]}, to=file), "/webhooks/mailjet", body, BASIC).json()[
                "taken"
            ]
            == 2
        )

    def test_memory_is_bounded(self) -> None:
        taken: list[Report] = []
        receiver = Receiver(ENDPOINTS, received=taken.extend, remember=3)

        async def many() -> None:
            for number in range(10):
                await receiver.take("postmark", webhook_load.event(str(number)), BASIC)

        asyncio.run(many())
        assert len(taken) == 10
        assert len(receiver._known) == 3

    @pytest.mark.parametrize("tail", [b'{"torn": ', b"[]\n", b"rubbish\n", b'{"kind": "bounce"}\n'])
    def test_a_file_with_something_else_in_it(self, file: Path, tail: bytes) -> None:
        posting(Webhooks(ENDPOINTS, to=file), "/webhooks/postmark", BOUNCE, BASIC)
        with file.open("ab") as opened:
            opened.write(tail)
        assert posting(Webhooks(ENDPOINTS, to=file), "/webhooks/postmark", BOUNCE, BASIC).json() == {
            "taken": 0,
            "known": 1,
        }

    def test_only_the_end_of_a_long_file_is_read(self, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        posting(Webhooks(ENDPOINTS, to=file), "/webhooks/postmark", BOUNCE, BASIC)
        posting(Webhooks(ENDPOINTS, to=file), "/webhooks/postmark", webhook_load.event("2"), BASIC)
        monkeypatch.setattr(_receiver, "_TAIL", file.stat().st_size - 10)
        assert [record["event"]["id"] for record in _receiver._last_records(file)] == ["2"]  # type: ignore[index]


class TestTokens:
    """Mailgun signs its token alone."""

    @staticmethod
    def body(event: str) -> bytes:
        import hashlib
        import hmac

        stamp = str(int(time.time()))
        mac = hmac.new(b"key", f"{stamp}token".encode(), hashlib.sha256).hexdigest()
        return json.dumps(
            {
                "signature": {"timestamp": stamp, "token": "token", "signature": mac},
                "event-data": {"event": event, "recipient": "a@example.org"},
            }
        ).encode()

    def test_a_token_is_not_used_for_another_event(self, app: Webhooks, file: Path) -> None:
        first = self.body("complained")
        assert posting(app, "/webhooks/mailgun", first).json() == {"taken": 1, "known": 0}
        assert posting(app, "/webhooks/mailgun", first).json() == {"taken": 0, "known": 1}
        for taken in (app, Webhooks(ENDPOINTS, to=file)):
            assert posting(taken, "/webhooks/mailgun", self.body("unsubscribed")).status_code == 401
        assert len(lines(file)) == 1


class TestReceived:
    def test_a_function_gets_the_reports(self, file: Path) -> None:
        taken: list[Report] = []
        app = Webhooks(ENDPOINTS, to=file, received=taken.extend)
        posting(app, "/webhooks/brevo", LIST, {"x-token": "old"})
        assert [report.kind for report in taken] == [Kind.BOUNCE, Kind.OTHER, Kind.BOUNCE]
        assert len(lines(file)) == 3

    def test_a_coroutine_function_gets_them_without_a_file(self) -> None:
        taken: list[Report] = []

        async def received(reports: Sequence[Report]) -> None:
            await asyncio.sleep(0)
            taken.extend(reports)

        app = Webhooks(ENDPOINTS, received=received)
        assert posting(app, "/webhooks/postmark", BOUNCE, BASIC).json()["taken"] == 1
        assert posting(app, "/webhooks/postmark", BOUNCE, BASIC).json()["known"] == 1
        assert len(taken) == 1

    def test_what_it_could_not_take_is_not_answered_for(self, file: Path) -> None:
        def fail(_: Sequence[Report]) -> None:
            raise ValueError("no")

        answer = posting(Webhooks(ENDPOINTS, to=file, received=fail), "/webhooks/postmark", BOUNCE, BASIC)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
        assert not file.exists()
        assert posting(Webhooks(ENDPOINTS, to=file), "/webhooks/postmark", BOUNCE, BASIC).json()["taken"] == 1

    def test_a_file_that_cannot_be_written(self, tmp_path: Path) -> None:
        assert posting(Webhooks(ENDPOINTS, to=tmp_path), "/webhooks/postmark", BOUNCE, BASIC).status_code == 503
        missing = tmp_path / "not" / "there"
        assert posting(Webhooks(ENDPOINTS, to=missing), "/webhooks/postmark", BOUNCE, BASIC).status_code == 503

    def test_it_has_to_go_somewhere(self) -> None:
        with pytest.raises(ValueError, match="`to`, `into` and `received`"):
            Webhooks(ENDPOINTS)

    def test_an_empty_list_is_taken(self, app: Webhooks, file: Path) -> None:
        assert posting(app, "/webhooks/brevo", b"[]", {"x-token": "new"}).json() == {"taken": 0, "known": 0}
        assert not file.exists()


def test_receiver_refuses_names_that_are_not_configured(file: Path) -> None:
    assert asyncio.run(Receiver({}, to=file).take("postmark", BOUNCE, BASIC)).status == 404


class TestMounted:
    def test_in_starlette(self, app: Webhooks, file: Path) -> None:
        outer = Starlette(routes=[Mount("/mail", app=app)])
        assert posting(outer, "/mail/webhooks/postmark", BOUNCE, BASIC).json()["taken"] == 1
        assert len(lines(file)) == 1

    def test_in_fastapi(self, app: Webhooks) -> None:
        fastapi = pytest.importorskip("fastapi")
        outer = fastapi.FastAPI()
        outer.mount("/mail", app)
        assert posting(outer, "/mail/webhooks/postmark", BOUNCE, BASIC).json()["taken"] == 1

    def test_in_django(self, tmp_path: Path) -> None:
        """The view of the documentation, run as it stands there."""
        pytest.importorskip("django")
        store = pytest.importorskip("undeliverable.store")
        topic = "arn:aws:sns:eu-west-1:123456789012:t"
        certificate = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-00.pem"
        unknown = json.dumps(
            {"Type": "Notification", "TopicArn": topic, "SignatureVersion": "2", "SigningCertURL": certificate}
        )
        code = f"""
import sys
from undeliverable.webhook_auth import Basic, Sns
from django.conf import settings
settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF="urls", SECRET_KEY="x", WEBHOOK_RECORDS={str(tmp_path / "d.jsonl")!r},
                   SUPPRESSION_LIST={str(tmp_path / "list.db")!r},
                   WEBHOOK_SECRETS={{"postmark": Basic("user", "password"), "mailgun": "key",
                                    "amazon_ses": Sns(frozenset({{{topic!r}}}))}})
import django
django.setup()
import types
from bounces import views
from django.urls import path
urls = types.ModuleType("urls")
urls.urlpatterns = [path("webhooks/<str:name>", views.webhook)]
sys.modules["urls"] = urls
from django.test import Client
good = {{"HTTP_AUTHORIZATION": {BASIC["Authorization"]!r}}}
def post(name, body, **headers):
    return Client().post(f"/webhooks/{{name}}", body, content_type="application/json", **headers).status_code
print(post("postmark", {BOUNCE!r}, **good), post("postmark", {BOUNCE!r}), post("postmark", b"{{}}", **good), post("pigeons", b""))
complained, unsubscribed = {TestTokens.body("complained")!r}, {TestTokens.body("unsubscribed")!r}
print(post("mailgun", complained), post("mailgun", complained), post("mailgun", unsubscribed))
print(post("amazon_ses", {unknown!r}))
settings.SUPPRESSION_LIST = {str(tmp_path / "no" / "list.db")!r}
print(post("postmark", {BOUNCE!r}, **good))
"""
        folder = ROOT / "docs" / "examples" / "django"
        environment = os.environ | {"PYTHONPATH": f"{folder}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False
        )
        # A token of Mailgun's comes again with the same event, and then with another one.
        assert done.stdout.splitlines() == ["200 401 400 404", "200 200 401", "503", "503"], done.stderr
        found = [record["verdicts"][0] for record in lines(tmp_path / "d.jsonl")]
        assert [verdict["proof"] for verdict in found] == ["signed"] * 4
        assert len({verdict["key"] for verdict in found}) == 2
        with store.SuppressionList(tmp_path / "list.db") as known:
            assert known.is_suppressed(found[0]["recipient"])


SECRETS: Final = """
[postmark]
username = "user"
password = "password"
[mailgun]
key = ["new", "old"]
[azure]
path = "s3cret"
[brevo]
header = "X-Token"
secret = "s3cret"
[mandrill]
key = "key"
url = "https://hooks.example.com/webhooks/mandrill"
[amazon_ses]
topics = ["arn:aws:sns:eu-west-1:123456789012:bounces", "arn:aws-cn:sns:cn-north-1:123456789012:bounces"]
certificates = "certificates"
"""


POSTMARK = '[postmark]\nusername = "user"\npassword = "password"\n'


def secret(path: Path, text: str) -> Path:
    """Write a file that nobody else may read."""
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return path


class TestSecrets:
    def test_all_kinds(self, tmp_path: Path) -> None:
        (tmp_path / "certificates").mkdir()
        (tmp_path / "certificates" / "SimpleNotificationService-00.pem").write_bytes(b"pem")
        found = read_secrets(secret(tmp_path / "secrets.toml", SECRETS))
        assert found["postmark"].secret == Basic("user", "password")
        assert found["mailgun"].secret == ["new", "old"]
        assert found["azure"].secret == UrlSecret("s3cret")
        assert found["brevo"].secret == HeaderSecret("X-Token", "s3cret")
        assert found["mandrill"] == Endpoint(["key"], "https://hooks.example.com/webhooks/mandrill")
        sns = found["amazon_ses"].secret
        assert isinstance(sns, Sns)
        assert set(sns.certificates) == {
            "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-00.pem",
            "https://sns.cn-north-1.amazonaws.com.cn/SimpleNotificationService-00.pem",
        }

    @pytest.mark.parametrize(
        ("text", "detail"),
        [
            ("x", "not TOML"),
            ("[pigeons]\nkey = 's3cret'", "unknown service"),
            ("mailgun = 's3cret'", "must be a table"),
            ("[mailgun]\nkeys = 's3cret'", "unknown key"),
            ("[mailgun]\nkey = ''", "non-empty"),
            ("[mailgun]\nkey = ['s3cret', 7]", "list of them"),
            ("[mailgun]\n", "needs key"),
            ("[mailgun]\nkey = 's3cret'\nurl = 7", "must be a string"),
            ("[postmark]\nusername = 's3cret'", "must be a non-empty string"),
            ("[amazon_ses]\ntopics = 's3cret'", "ARNs"),
            ("[amazon_ses]\ntopics = 'arn:aws:sns:eu-west-1:123456789012:t'", "must be a non-empty string"),
        ],
    )
    def test_what_is_refused(self, tmp_path: Path, text: str, detail: str) -> None:
        path = secret(tmp_path / "secrets.toml", text)
        with pytest.raises(KnowledgeError, match=detail) as caught:
            read_secrets(path)
        assert "s3cret" not in str(caught.value)

    def test_files_that_cannot_be_read(self, tmp_path: Path) -> None:
        with pytest.raises(KnowledgeError, match="cannot be read"):
            read_secrets(tmp_path / "none.toml")
        (tmp_path / "x.pem").mkdir()
        text = "[amazon_ses]\ntopics = 'arn:aws:sns:eu-west-1:123456789012:t'\ncertificates = '.'"
        with pytest.raises(KnowledgeError, match="cannot be read"):
            read_secrets(secret(tmp_path / "secrets.toml", text))

    @pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
    @pytest.mark.parametrize("mode", [0o640, 0o604, 0o622])
    def test_a_file_that_others_can_read(self, tmp_path: Path, mode: int) -> None:
        path = secret(tmp_path / "secrets.toml", SECRETS)
        path.chmod(mode)
        with pytest.raises(KnowledgeError, match=f"chmod 600 {path}"):
            read_secrets(path)


class TestCommand:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ([], "--lmtp, --smtp, --http and --socketmap"),
            (["--http", "127.0.0.1:0"], "--secrets"),
            (["--http", "127.0.0.1:0", "--secrets", "SECRETS"], "--to or --into"),
            (["--http", "0.0.0.0:0", "--secrets", "x", "--to", "x"], "--listen-any"),
            (["--http", "127.0.0.1:0", "--secrets", "/nonexistent", "--to", "x"], "cannot be read"),
            (["--lmtp", "127.0.0.1:0", "--domain", "example.com"], "--to"),
        ],
    )
    def test_usage(self, options: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        secrets = secret(tmp_path / "secrets.toml", POSTMARK)
        assert main(["serve", *(str(secrets) if option == "SECRETS" else option for option in options)]) == 2
        assert message in capsys.readouterr().err

    def test_what_the_options_ask_for(self, file: Path, tmp_path: Path) -> None:
        secrets = secret(tmp_path / "secrets.toml", POSTMARK)
        words = [
            "serve",
            "--http",
            "127.0.0.1:0",
            "--secrets",
            str(secrets),
            "--to",
            str(file),
            "--max-connections",
            "5",
        ]
        options = full_parser().parse_args(words)
        (server,), *_ = web_of(options, Shared(Knowledge.builtin, None, Budget()), secrets_of(options))
        assert isinstance(server, HttpServer)

        async def run() -> int:
            await server.start()
            async with httpx.AsyncClient() as client:
                url = f"http://127.0.0.1:{server.port}/webhooks/postmark"
                answers = [
                    await client.post(url, content=body, headers=BASIC) for body in (BOUNCE, b" " * (8 << 20) + BOUNCE)
                ]
            await server.stop()
            assert answers[1].status_code == 413
            return answers[0].status_code

        assert asyncio.run(run()) == 200
        assert len(lines(file)) == 1

    def test_a_server_starts_and_stops(self, file: Path) -> None:
        async def run() -> int:
            server = HttpServer(Webhooks(ENDPOINTS, to=file), host="127.0.0.1", port=0, connections=10)
            await server.start()
            async with httpx.AsyncClient() as client:
                answer = await client.post(
                    f"http://127.0.0.1:{server.port}/webhooks/postmark", content=BOUNCE, headers=BASIC
                )
            await server.stop()
            return answer.status_code

        assert asyncio.run(run()) == 200
        assert len(lines(file)) == 1

    def test_an_address_that_is_taken(self, file: Path) -> None:
        async def run() -> None:
            app = Webhooks(ENDPOINTS, to=file)
            first = HttpServer(app, host="127.0.0.1", port=0, connections=10)
            await first.start()
            try:
                with pytest.raises(OSError, match="in use"):
                    await HttpServer(app, host="127.0.0.1", port=first.port, connections=10).start()
            finally:
                await first.stop()
            await HttpServer(app, host="127.0.0.1", port=0, connections=10).stop()

        asyncio.run(run())


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    secrets = secret(folder / "secrets.toml", POSTMARK)
    command = [
        sys.executable,
        "-m",
        "undeliverable",
        "serve",
        "--http",
        "127.0.0.1:0",
        "--secrets",
        str(secrets),
        *options,
    ]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        yield process, port_said(process.stderr)
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def load(port: int, out: Path, seconds: float) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "tests.webhook_load", str(port), str(out), str(seconds)], cwd=ROOT)


Ending = Callable[["subprocess.Popen[str]"], None]


@pytest.mark.parametrize("ending", [subprocess.Popen.kill, subprocess.Popen.terminate], ids=["kill -9", "SIGTERM"])
def test_nothing_that_was_answered_for_is_lost(tmp_path: Path, ending: Ending, record_property: Any) -> None:
    file, out = tmp_path / "events.jsonl", tmp_path / "taken"
    with serving(tmp_path, "--to", str(file)) as (process, port):
        began = time.monotonic()
        client = load(port, out, 300)
        while not file.exists() or file.read_bytes().count(b"\n") < 60:
            assert client.poll() is None
            time.sleep(0.05)
        ending(process)
        process.wait(120)
        client.wait(120)
        seconds = time.monotonic() - began
    taken = out.read_text(encoding="utf-8").split()
    kept = [record["event"]["id"] for record in lines(file)]
    assert len(taken) > 20
    assert set(taken) <= set(kept)
    assert len(kept) == len(set(kept))
    rate = f"{len(taken) / seconds:.0f} events/s"
    record_property("rate", rate)
    print(f"webhooks: {rate}")


def test_a_started_server_takes_them_into_a_list(tmp_path: Path) -> None:
    store = pytest.importorskip("undeliverable.store")
    place = tmp_path / "list.db"
    with serving(tmp_path, "--into", str(place)) as (process, port):
        for known in (0, 1):
            answer = httpx.post(f"http://127.0.0.1:{port}/webhooks/postmark", content=BOUNCE, headers=BASIC, timeout=60)
            assert answer.json() == {"taken": 1 - known, "known": known}
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    with store.SuppressionList(place) as known_list:
        assert known_list.is_suppressed("kim1@example.org")
