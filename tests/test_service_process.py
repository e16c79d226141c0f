"""The service as a process: what it answered for survives it, and it takes new tokens, ends, and shares its work."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import pickle
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import Any, Final

import pytest

from tests import service_load
from undeliverable import Knowledge
from undeliverable.cli import _serve_web, main
from undeliverable.cli._main import full_parser
from undeliverable.cli._serve_web import Shared, secrets_of, web_of
from undeliverable.serve import Budget, _workers, records
from undeliverable.serve._api import Api
from undeliverable.serve._hosts import is_loopback
from undeliverable.serve._judging import Judging
from undeliverable.serve._problems import ApiError
from undeliverable.serve._site import Site
from undeliverable.serve._worker import Job, Setup, packed, work
from undeliverable.serve._worker import main as work_on
from undeliverable.serve._workers import Workers
from undeliverable.serve.http import Webhooks
from undeliverable.store import SuppressionList

from .service import JSON, MAIL, SECRETS, TOKEN, ask, asked, secrets_file
from .serving import serving
from .test_pipe import bounce
from .test_webhook_endpoint import BASIC, BOUNCE

BATCH: Final = next(service_load.bodies("batch"))


def post(port: int, path: str, body: bytes, headers: dict[str, str], token: str | None = None) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    more = {} if token is None else {"Authorization": f"Bearer {token}"}
    try:
        connection.request("POST", path, body, headers | more)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


# --- what was answered is on disk


def send(port: int, thread: int, taken: list[str]) -> None:
    try:
        for number in range(10_000):
            address = f"kim{thread}-{number}@example.org"
            mail = bounce(address, "5.1.1", "550 5.1.1 no such user", message_id=f"<{thread}-{number}@x.example>")
            status, answer = post(port, "/v1/parse", mail, MAIL)
            assert (status, answer["recorded"]) == (200, ["file", "list"])
            taken.append(address)
    except (OSError, http.client.HTTPException):
        pass  # killed


@pytest.mark.parametrize("seconds", [0.1, 0.4])
def test_what_was_answered_survives_a_kill(tmp_path: Path, seconds: float) -> None:
    file, place, taken = tmp_path / "b.jsonl", tmp_path / "list.db", list[str]()
    SuppressionList(place).close()
    with serving("--http", "127.0.0.1:0", "--no-auth", "--to", file, "--into", place) as server:
        threads = [threading.Thread(target=send, args=(server.ports[0], number, taken)) for number in range(4)]
        for thread in threads:
            thread.start()
        while len(taken) < 4:
            time.sleep(0.005)
        time.sleep(seconds)
        server.kill()
        for thread in threads:
            thread.join()
    recorded = {record["verdicts"][0]["recipient"] for record in records.read(file)}  # type: ignore[index]
    with SuppressionList(place) as known:
        listed = {entry.address for entry in known.entries()}  # a fast machine sends enough for a hold
    assert set(taken) <= recorded
    assert set(taken) <= listed


# --- tokens


def test_new_tokens_are_read_and_bad_ones_are_not(tmp_path: Path) -> None:
    path = secrets_file(tmp_path)
    with serving("--http", "127.0.0.1:0", "--secrets", path) as server:

        def status(token: str) -> int:
            return post(server.ports[0], "/v1/classify", b'{"reply": "550 no"}', JSON, token)[0]

        def becomes(token: str, wanted: int) -> bool:
            until = time.monotonic() + 60
            while (found := status(token)) != wanted and time.monotonic() < until:
                time.sleep(0.05)
            return found == wanted

        assert (status(TOKEN), status(TOKEN + "2")) == (200, 401)
        secrets_file(tmp_path, SECRETS.replace(f'"{TOKEN}"', f'"{TOKEN}2"'))
        server.process.send_signal(signal.SIGHUP)
        assert becomes(TOKEN + "2", 200)
        assert status(TOKEN) == 401
        path.write_text("[api.all]\n", encoding="utf-8")
        server.process.send_signal(signal.SIGHUP)
        assert server.process.stderr is not None
        lines = iter(server.process.stderr.readline, "")
        assert next(line for line in lines if "401 unauthorized" not in line).startswith(
            "undeliverable: the tokens stay as they were"
        )
        assert status(TOKEN + "2") == 200
        assert server.stop() == 0


def test_webhooks_and_the_api_share_a_port(tmp_path: Path) -> None:
    path = secrets_file(tmp_path, SECRETS + '[postmark]\nusername = "user"\npassword = "password"\n')
    with serving("--http", "127.0.0.1:0", "--secrets", path, "--to", tmp_path / "b.jsonl") as server:
        port = server.ports[0]
        assert post(port, "/webhooks/postmark", BOUNCE, BASIC) == (200, {"taken": 1, "known": 0})
        assert post(port, "/v1/classify", b'{"reply": "550 no"}', JSON, TOKEN)[0] == 200
        assert post(port, "/v1/elsewhere", b"", {})[0] == 404
        with socket.create_connection(("127.0.0.1", port), 10) as client:
            client.sendall(b"this is no HTTP\r\n\r\n")
            answer = client.makefile("rb").read()
        assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert b"\r\ncontent-type: application/problem+json\r\n" in answer
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "malformed"
        assert server.stop() == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--no-auth", "--lmtp", "127.0.0.1:0", "--domain", "x.example", "--to", "x"], "--no-auth answers everybody"),
        (["--no-auth", "--http", "0.0.0.0:0", "--listen-any"], "--no-auth answers everybody"),
        (["--no-auth", "--http", "127.0.0.1:0", "--secrets", "SECRETS"], "leave one of both out"),
        (["--no-auth", "--http", "127.0.0.1:0", "--max-age", "0"], "--max-age: must be more than 0"),
        (["--no-auth", "--http", "127.0.0.1:0", "--into", "LIST"], "takes only what is proved"),
        (["--http", "127.0.0.1:0", "--secrets", "SECRETS", "--into", "LIST"], "takes only what is proved"),
    ],
)
def test_usage(options: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    SuppressionList(tmp_path / "list.db", require_proof="required").close()
    names = {"SECRETS": str(secrets_file(tmp_path)), "LIST": str(tmp_path / "list.db")}
    assert main(["serve", *(names.get(option, option) for option in options)]) == 2
    assert message in capsys.readouterr().err


# --- processes that judge batches


def test_batches_are_judged_by_processes_that_end_with_the_server() -> None:
    with serving("--http", "127.0.0.1:0", "--no-auth", "--workers", "1") as server:
        port = server.ports[0]
        status, verdicts = post(port, "/v1/classify", BATCH, JSON)
        assert (status, len(verdicts)) == (200, service_load.BATCH)
        one = service_load.reply(7)
        alone = post(port, "/v1/classify", json.dumps(one).encode(), JSON)[1]
        assert verdicts[7] == alone
        pid = server.process.pid
        (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
        os.kill(int(child), signal.SIGTERM)  # a service manager sends it to all processes
        assert post(port, "/v1/classify", BATCH, JSON)[0] == 200
        server.kill()
    until = time.monotonic() + 60
    while _lives(int(child)) and time.monotonic() < until:
        time.sleep(0.02)
    assert not _lives(int(child))


def _lives(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_a_process_that_dies_is_replaced(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_workers._Worker, "is_alive", True)  # it dies just after that

    async def talk() -> tuple[int, int]:
        workers, setup, job = Workers(1), Setup(Knowledge.builtin(), None), Job(BATCH, 100)
        first = await workers.judge(setup, job)
        assert first is not None
        (worker,) = workers._free
        worker._process.kill()
        second = await workers.judge(setup, job)
        assert second is not None
        await workers.close()
        return len(first.body), len(second.body)

    first, second = asyncio.run(talk())
    assert first == second
    assert "another one gets its batch" in caplog.text


@pytest.mark.parametrize(
    "next_program", [_workers._PROGRAM, "raise SystemExit(1)"], ids=["dies, too", "does not start"]
)
def test_a_batch_that_killed_a_process_is_given_up(monkeypatch: pytest.MonkeyPatch, next_program: str) -> None:
    """It is not judged in the server: where memory runs out, the next process cannot be started either."""

    async def talk() -> None:
        workers, setup, job = Workers(1), Setup(Knowledge.builtin(), None), Job(BATCH, 100)
        await workers.judge(setup, job)

        async def dies(self: Any, *_: object) -> None:
            self._process.kill()
            monkeypatch.setattr(_workers, "_PROGRAM", next_program)
            raise EOFError

        monkeypatch.setattr(_workers._Worker, "ask", dies)
        with pytest.raises(ApiError, match="could not be judged"):
            await workers.judge(setup, job)
        assert workers.are_there

    asyncio.run(talk())


def test_processes_that_died_while_they_had_nothing_to_do_do_not_count() -> None:
    async def talk() -> None:
        workers, setup, job = Workers(3), Setup(Knowledge.builtin(), None), Job(BATCH, 100)
        await asyncio.gather(*(workers.judge(setup, job) for _ in range(3)))
        for worker in workers._free:
            worker._process.kill()
            worker._process.wait()
        assert await workers.judge(setup, job) is not None
        assert len(workers._free) == 1
        await workers.close()

    asyncio.run(talk())


def test_a_process_that_cannot_be_started_for_once_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system may have no memory just now, or its administrator end a process that begins."""

    async def talk() -> None:
        workers, setup, job = Workers(1), Setup(Knowledge.builtin(), None), Job(BATCH, 100)
        assert await workers.judge(setup, job) is not None
        await workers.close()
        for program in (_workers._PROGRAM, "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"):
            monkeypatch.setattr(_workers, "_PROGRAM", program)
            assert (await workers.judge(setup, job) is None) == ("SIGKILL" in program)
            await workers.close()
        assert workers.are_there

    asyncio.run(talk())


def test_without_processes_the_server_judges_itself(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(_workers, "_PROGRAM", "raise SystemExit(1)")
    api = Api(None, workers=2)
    for _ in range(2):
        assert len(asked(api, "POST", "/v1/classify", BATCH, JSON).json) == service_load.BATCH
    assert caplog.text.count("the server judges them itself") == 1


@pytest.mark.parametrize("is_begun", [False, True])
def test_a_request_that_is_given_up_ends_its_process(monkeypatch: pytest.MonkeyPatch, *, is_begun: bool) -> None:
    read = _workers._Worker._read

    async def talk() -> int:
        workers, setup, job = Workers(1), Setup(Knowledge.builtin(), None), Job(BATCH, 100)
        if is_begun:
            await workers.judge(setup, job)
        waits = asyncio.Event()

        async def noted(worker: Any) -> Any:
            waits.set()
            return await read(worker)

        monkeypatch.setattr(_workers._Worker, "_read", noted)
        task = asyncio.create_task(workers.judge(setup, job))
        await waits.wait()  # for the process that starts, or for its answer
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return len(workers._free)

    assert asyncio.run(talk()) == 0


def test_a_process_that_does_not_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_workers, "_PROGRAM", "import time; time.sleep(60)")
    monkeypatch.setattr(_workers, "_END", 0.1)

    started: list[Any] = []
    begin = subprocess.Popen

    def noted(*arguments: Any, **more: Any) -> Any:
        started.append(begin(*arguments, **more))
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", noted)
    monkeypatch.setattr(_workers, "_LONGEST", 0.1)
    with pytest.raises(TimeoutError):
        asyncio.run(_workers._Worker.start())
    assert [process.returncode for process in started] == [-signal.SIGKILL]


def test_a_process_answers_what_the_server_would() -> None:
    """The loop of a worker, in a thread."""
    ours, its = socket.socketpair()
    thread = threading.Thread(target=work, args=(its,))
    thread.start()
    jobs = (Job(b'{"reply": "550 no"}', 1), Job(b"{", 1), Job(b'[{"reply": "x"}, {"reply": "x"}]', 1), Job(BATCH, 100))
    with ours, ours.makefile("rwb") as file:
        assert _read(file) is None
        file.write(packed(Setup(Knowledge.builtin(), {"tenant": "acme"})))
        found = [_asked(file, job) for job in jobs]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Judging, "arguments", None)
            found.append(_asked(file, jobs[0]))
    thread.join()
    assert json.loads(found[0].body)["reply"] == "550 no"
    assert [tenant for *_, tenant in found[0].tally] == ["acme"]
    assert [one.code for one in found[1:3]] == ["malformed", "too_large"]
    assert len(json.loads(found[3].body)) == 100
    assert isinstance(found[4], RuntimeError)


def _asked(file: Any, job: Job) -> Any:
    file.write(packed(job))
    file.flush()
    return _read(file)


def _read(file: Any) -> Any:
    return pickle.loads(file.read(int.from_bytes(file.read(8), "big")))


def test_a_process_leaves_signals_to_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    ignored: list[Any] = []
    monkeypatch.setattr(signal, "signal", lambda number, how: ignored.append((number, how)))
    ours, its = socket.socketpair()
    ours.close()
    work_on([str(its.detach()), "0"])
    assert ignored == [(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]


def test_a_fault_in_a_process_is_500() -> None:
    async def fails(*_: object) -> Any:
        raise RuntimeError("KeyError: 'x'")

    api = Api(None, workers=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Workers, "judge", fails)
        assert asked(api, "POST", "/v1/classify", BATCH, JSON).code == "internal"


def test_the_load_program_measures() -> None:
    """Reduced; python -m tests.service_load is the measurement."""
    figures = service_load.measure(("batch",), 2, 0.2, None, ["--workers", "0"])
    assert figures["batch"]["replies a second"] > 0


def test_a_batch_that_cannot_be_used_is_named_by_a_process() -> None:
    async def talk() -> tuple[Any, Any]:
        api = Api(None, workers=1)
        answers = (
            await ask(api, "POST", "/v1/classify", BATCH[:-1], JSON),
            await ask(api, "POST", "/v1/classify", BATCH, JSON),
        )
        await api.drain()
        return answers

    malformed, well = asyncio.run(talk())
    assert malformed.code == "malformed"
    assert well.status == 200


# --- the command, in this process


def site_of(folder: Path, *words: str, text: str | None = None) -> Any:
    secrets = [] if text is None else ["--secrets", str(secrets_file(folder, text))]
    options = full_parser().parse_args(["serve", "--http", "127.0.0.1:0", *secrets, *words])
    (server,), reload, _ = web_of(options, Shared(Knowledge.builtin, None, Budget()), secrets_of(options))
    return server._app, reload


def test_what_the_options_ask_for(tmp_path: Path) -> None:
    alone, reload = site_of(tmp_path, "--no-auth")
    assert isinstance(alone, Api)
    reload()
    assert alone.tokens is None
    assert isinstance(site_of(tmp_path, text=SECRETS)[0], Api)
    hooks = '[postmark]\nusername = "user"\npassword = "password"\n'
    assert isinstance(site_of(tmp_path, "--to", str(tmp_path / "b.jsonl"), text=hooks)[0], Webhooks)


def test_one_application_of_both(tmp_path: Path) -> None:
    text = SECRETS + '[postmark]\nusername = "user"\npassword = "password"\n'
    site, reload = site_of(tmp_path, "--to", str(tmp_path / "b.jsonl"), "--workers", "0", text=text)
    assert isinstance(site, Site)
    assert asked(site, "GET", "/v1/health").status == 200
    assert asked(site, "GET", "/v1/elsewhere").code == "not_found"
    assert asked(site, "POST", "/webhooks/postmark", BOUNCE, BASIC).status == 200
    asyncio.run(site.drain())
    secrets_file(tmp_path, "")
    reload()
    assert asked(site, "POST", "/v1/classify", {"reply": "550 no"}, token=TOKEN).status == 401


def test_a_signal_reads_the_tokens_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = secrets_file(tmp_path)

    def say(message: str) -> None:
        if message.startswith("listening"):
            path.write_text("[api.all]\n", encoding="utf-8")
            os.kill(os.getpid(), signal.SIGHUP)
        else:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr("undeliverable.cli.serve.warn", say)
    monkeypatch.setattr("undeliverable.cli._serve_web.warn", say)
    assert main(["serve", "--http", "127.0.0.1:0", "--secrets", str(path), "--into", str(tmp_path / "list.db")]) == 0


@pytest.mark.parametrize(
    ("host", "is_one"), [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("x", False)]
)
def test_loopback_addresses(host: str, *, is_one: bool) -> None:
    assert is_loopback(host) is is_one


def test_the_number_of_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert _serve_web._cores() == 1
