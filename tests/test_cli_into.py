"""`--into` and the options of proof: what is refused at the start, what counts, and what happens to a list out of reach."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from tests import conftest, webhook_load
from tests.serving import serving
from tests.tcp_proxy import Proxy
from tests.test_pipe import bounce
from tests.test_store_engine import locked
from tests.test_webhook_endpoint import BASIC, POSTMARK, secret
from tests.ways import (
    DOMAIN,
    FIXTURES,
    PATTERN,
    PLAIN,
    WAYS,
    deliver,
    forgery,
    keys_in,
    mailed,
    path_of,
    run,
    standard_input,
    way,
)
from undeliverable.cli._into import Watched
from undeliverable.cli._lists import place_of, warnings_of
from undeliverable.serve import records
from undeliverable.serve._failures import log_failure
from undeliverable.store import Outcome, StoreError, SuppressionList
from undeliverable.suppression import RequireProof
from undeliverable.verp import Refusal

KIM: Final = "kim@example.org"
DEAD: Final = bounce(KIM, "5.1.1", "550 5.1.1 no such user")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "list.db"


@pytest.fixture
def mail(tmp_path: Path) -> Path:
    path = tmp_path / "mail.eml"
    path.write_bytes(mailed(DEAD, path_of(KIM)))
    return path


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


def made(place: Path, require: RequireProof) -> Path:
    SuppressionList(place, require_proof=require).close()
    return place


def history(place: Path, address: str = KIM) -> list[tuple[str, str | None]]:
    with SuppressionList(place) as known:
        return [(str(event.kind), event.proof and str(event.proof)) for event in known.history(address)]


def serve(*options: str | Path) -> tuple[int, str]:
    """Run a server that is expected to refuse its options."""
    return run("serve", "--lmtp", "127.0.0.1:0", "--domain", DOMAIN, *options)


# --- what is refused at the start ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("require", "keys", "expected"),
    [
        (None, False, RequireProof.PREFERRED),
        (None, True, RequireProof.REQUIRED),
        ("off", False, RequireProof.OFF),
        ("off", True, RequireProof.OFF),
        ("preferred", True, RequireProof.PREFERRED),
    ],
)
def test_what_a_new_list_requires(
    place: Path, tmp_path: Path, mail: Path, require: str | None, keys: bool, expected: RequireProof
) -> None:
    options = [*([f"--require-proof={require}"] if require else []), *(keys_in(tmp_path) if keys else [])]
    assert run("classify", mail, "--into", place, *options)[0] == 0
    with SuppressionList(place) as known:
        assert known.require_proof is expected


NEW: Final = "new list, proof preferred: whoever knows the bounce address can suppress anybody; see --keys\n"


@pytest.mark.parametrize("name", ["classify", "pipe", "serve"])
def test_a_new_list_that_strangers_can_change_says_so_once(tmp_path: Path, place: Path, mail: Path, name: str) -> None:
    for number in range(2):
        if name == "classify":
            said = run("classify", mail, "--into", place)[1]
        elif name == "pipe":
            with standard_input(tmp_path, DEAD):
                said = run("pipe", "--into", place)[1]
        else:
            with serving("--smtp", "127.0.0.1:0", "--domain", DOMAIN, "--into", place) as server:
                said = "".join(server.said)
        assert (f"{place}: {NEW}" in said) is not bool(number)


def test_nobody_needs_to_be_reminded_of_keys(tmp_path: Path, mail: Path) -> None:
    log = tmp_path / "mail.log"
    log.write_text("nothing\n")
    given: list[list[str | Path]] = [
        [mail, *keys_in(tmp_path)],
        [mail, "--require-proof=preferred"],
        [mail, "--quiet"],
        ["--log", log],
    ]
    for number, options in enumerate(given):
        assert NEW not in run("classify", *options, "--into", tmp_path / f"{number}.db")[1]
        assert (tmp_path / f"{number}.db").exists()


def test_a_place_is_shown_without_its_password() -> None:
    class Known:
        place = "postgresql://kim:secret@db.example.com/bounces"

    assert place_of(Known()) == "postgresql://kim:***@db.example.com/bounces"  # type: ignore[arg-type]


def test_a_list_that_knows_what_was_mailed_requires_proof(place: Path, tmp_path: Path) -> None:
    table = tmp_path / "sent.csv"
    table.write_text(f"recipient,id\n{KIM},7\n", encoding="utf-8")
    assert run("suppressions", "sent", table, place)[0] == 0
    with SuppressionList(place) as known:
        assert known.require_proof is RequireProof.REQUIRED


def test_a_new_list_on_a_server(postgres: str, tmp_path: Path, mail: Path) -> None:
    place = conftest.new_database(postgres)
    assert run("classify", mail, "--into", place, *keys_in(tmp_path))[0] == 0
    with SuppressionList(place) as known:
        assert known.require_proof is RequireProof.REQUIRED
        assert known.is_suppressed(KIM)


@pytest.mark.parametrize("name", WAYS)
def test_a_part_of_the_list(tmp_path: Path, name: str) -> None:
    with way(name, tmp_path, "--scope=acme/news", *keys_in(tmp_path)) as opened:
        assert opened.take(DEAD, path_of(KIM)) == 0
    assert history(opened.place) == []
    with SuppressionList(opened.place, scope="acme/news") as known:
        assert known.is_suppressed(KIM)


def all_commands(tmp_path: Path, mail: Path, *options: str | Path) -> list[tuple[int, str]]:
    with standard_input(tmp_path, DEAD):
        piped = run("pipe", *options)
    return [run("classify", mail, *options), piped, serve(*options)]


@pytest.mark.parametrize("options", [[], ["--require-proof=required"]])
def test_a_list_that_requires_proof_wants_keys(place: Path, tmp_path: Path, mail: Path, options: list[str]) -> None:
    made(place, RequireProof.REQUIRED)
    refused = all_commands(tmp_path, mail, "--into", place, *options)
    assert [status for status, _ in refused][::2] == [2, 2]
    for status, said in (refused[0], refused[2]):
        assert re.search(r"--return-path and --keys.*--sent.*suppressions import", said, re.DOTALL), said
        assert status == 2
    assert refused[1][0] == 75


def test_nothing_is_made_where_nothing_could_count(place: Path, tmp_path: Path, mail: Path) -> None:
    for status, _ in all_commands(tmp_path, mail, "--into", place, "--require-proof=required"):
        assert status in {2, 75}
    assert not place.exists()


@pytest.mark.parametrize("require", ["off", "preferred"])
def test_another_value_than_that_of_the_list_names_both(place: Path, tmp_path: Path, mail: Path, require: str) -> None:
    made(place, RequireProof.REQUIRED)
    refused = all_commands(tmp_path, mail, "--into", place, f"--require-proof={require}", *keys_in(tmp_path))
    assert [status for status, _ in refused] == [2, 75, 2]
    assert f"required, not {require}" in refused[0][1]


def test_values_that_do_not_exist(place: Path, tmp_path: Path, mail: Path) -> None:
    status, said = run("classify", mail, "--into", place, "--require-proof=maybe")
    assert (status, "off, preferred, required" in said) == (2, True)
    status, said = run("classify", mail, "--require-proof=off")
    assert (status, "--into" in said) == (2, True)
    for age in ("0", "-1", "nan", "1e9"):
        status, said = run("classify", mail, "--into", place, f"--max-age={age}")
        assert (status, "--max-age" in said) == (2, True)
    for option in (f"--return-path=b+{{token}}@{DOMAIN}", f"--keys={tmp_path / 'keys'}"):
        status, said = run("classify", mail, "--into", place, option)
        assert (status, "given together" in said) == (2, True)
    assert not place.exists()


def test_an_operator_needs_no_keys(place: Path, tmp_path: Path) -> None:
    """What is done by hand is one's own observation."""
    made(place, RequireProof.REQUIRED)
    table = tmp_path / "list.csv"
    table.write_text("email,reason\nlee@example.org,hard\n", encoding="utf-8")
    assert run("suppressions", "add", KIM, place)[0] == 0
    assert run("suppressions", "import", table, place)[0] == 0
    for verb in (["list"], ["show", KIM], ["stats"], ["filter", table, "--column=email"], ["export"], ["settings"]):
        assert run("suppressions", *verb, place)[0] == 0, verb
    with SuppressionList(place) as known:
        assert known.is_suppressed(KIM)
        assert known.is_suppressed("lee@example.org")


def test_logs_and_webhooks_need_no_keys(place: Path, tmp_path: Path) -> None:
    made(place, RequireProof.REQUIRED)
    log = tmp_path / "mail.log"
    now = datetime.now(UTC)
    log.write_text(
        f"{now:%b %d %H:%M:%S} mx postfix/smtp[1]: 4XyZ1: to=<{KIM}>, relay=mx.example.org[192.0.2.1]:25, delay=1,"
        " delays=0/0/1/0, dsn=5.1.1, status=bounced (host mx.example.org[192.0.2.1] said: 550 5.1.1 no such user"
        " (in reply to RCPT TO command))\n"
    )
    assert run("classify", "--log", log, "--into", place)[0] == 0
    assert history(place) == [("bounce", "own")]
    file = secret(tmp_path / "secrets.toml", POSTMARK)
    with serving("--http", "127.0.0.1:0", "--secrets", file, "--into", place) as server:
        url = f"http://127.0.0.1:{server.ports[0]}/webhooks/postmark"
        assert httpx.post(url, content=webhook_load.event("1"), headers=BASIC, timeout=60).status_code == 200
        assert server.stop() == 0
    assert history(place, "kim1@example.org") == [("bounce", "signed")]


# --- what proves --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", WAYS)
def test_the_list_itself_says_what_was_mailed(tmp_path: Path, name: str) -> None:
    """The report names a member alone; what was recorded as sent names the address that was mailed."""
    with SuppressionList(tmp_path / "list.db", require_proof="required") as known:
        known.record_sent([("team@example.org", "7", None)])
    with way(name, tmp_path, *keys_in(tmp_path)) as opened:
        assert opened.take(DEAD, path_of("team@example.org")) == 0
    assert history(opened.place, "team@example.org") == [("bounce", "token")]
    assert history(opened.place) == []


@pytest.mark.parametrize("name", WAYS)
def test_a_file_says_what_was_mailed(tmp_path: Path, name: str) -> None:
    table = tmp_path / "sent.csv"
    table.write_text("recipient,id,message_id\nteam@example.org,7,\nkim@example.org,8,<2@example.net>\n")
    with way(name, tmp_path, *keys_in(tmp_path), f"--sent={table}", "--require-proof=preferred") as opened:
        assert opened.take(DEAD, path_of("team@example.org")) == 0
        assert opened.take(DEAD, PLAIN) == 0
    assert history(opened.place, "team@example.org") == [("bounce", "token")]
    assert history(opened.place) == [("bounce", "matched")]


def test_several_processes_ask_the_list(place: Path, tmp_path: Path) -> None:
    box = tmp_path / "bounces.mbox"
    postmark = f"From MAILER-DAEMON {datetime.now(UTC):%a %b %d %H:%M:%S %Y}\n".encode()
    with SuppressionList(place, require_proof="required") as known, box.open("wb") as file:
        for number in range(300):
            address = f"team{number}@example.org"
            known.record_sent([(address, f"t{number}", None)])
            raw = DEAD.replace(b"<2@example.net>", f"<{number}@example.net>".encode())
            file.write(postmark + mailed(raw, path_of(address, id=f"t{number}")) + b"\n")
    assert run("classify", box, "--jobs=2", "--into", place, *keys_in(tmp_path))[0] == 0
    with SuppressionList(place) as known:
        assert {entry.address for entry in known.entries()} == {f"team{number}@example.org" for number in range(300)}


@pytest.mark.parametrize(
    ("top", "options", "counts"),
    [
        ("Delivered-To: {path}", [], True),
        ("X-Original-To: {path}\nDelivered-To: bounces", [], True),
        ("Envelope-to: {path}", [], True),
        ("X-Envelope-To: {path}", [], False),
        ("X-Envelope-To: {path}", ["--envelope-to=X-Envelope-To"], True),
        ("Delivered-To: {path}", ["--envelope-to=X-Envelope-To"], False),
        ("Received: from a by mx.example.net; {date}\nDelivered-To: {path}", [], False),
        ("Received: from a by lmtp.example.com; {date}\nDelivered-To: {path}", [], False),
        (
            "Received: from a by lmtp.example.com; {date}\nDelivered-To: {path}",
            ["--received-by=lmtp.example.com"],
            True,
        ),
        ("To: {path}", [], False),
    ],
)
def test_what_the_own_server_writes_on_top(
    place: Path, tmp_path: Path, top: str, options: list[str], counts: bool
) -> None:
    date = f"{datetime.now(UTC):%a, %d %b %Y %H:%M:%S} +0000"
    mail = tmp_path / "mail.eml"
    mail.write_bytes((top.format(path=path_of(KIM), date=date) + "\n").encode() + mailed(DEAD))
    assert run("classify", mail, "--into", place, *options, *keys_in(tmp_path))[0] == 0
    assert history(place) == ([("bounce", "token")] if counts else [])


def test_what_is_passed_on_is_not_proved_by_the_way_of_the_message_around_it(place: Path, tmp_path: Path) -> None:
    """Nor by the header of the message inside, which whoever wrote the one around it wrote as well."""
    mail, inner = tmp_path / "mail.eml", mailed(DEAD, path_of(KIM))
    outer = (
        b"From: lee@example.net\nTo: bounces@example.com\nSubject: Fwd: bounce\nMIME-Version: 1.0\n"
        b'Content-Type: multipart/mixed; boundary="o"\n\n--o\n\nlook\n\n--o\nContent-Type: message/rfc822\n\n'
        + inner
        + b"\n--o--\n"
    )
    mail.write_bytes(mailed(outer, path_of(KIM)))
    status, said = run("classify", mail, "--attached", "--into", place, *keys_in(tmp_path))
    assert status == 0
    assert history(place) == []
    assert "1 event without the proof that the list requires" in said


def test_records_keep_their_proof(place: Path, tmp_path: Path) -> None:
    """Records from before anybody asked stay so, with keys or without."""
    path = tmp_path / "bounces.jsonl"
    for recipients, proof in ((f"--recipient={path_of(KIM)}", keys_in(tmp_path)), ("--recipient=x", [])):
        with standard_input(tmp_path, DEAD if proof else DEAD.replace(b"kim@", b"lee@")):
            assert run("pipe", recipients, "--to", path, *proof)[0] == 0
    commands: list[list[str | Path]] = [
        ["classify", path, "--into", place, *keys_in(tmp_path)],
        ["suppressions", "import", path, place],
    ]
    for command in commands:
        status, said = run(*command)
        assert (status, "1 event without the proof that the list requires: ignored" in said) == (0, True)
        assert history(place) == [("bounce", "token")]
        assert history(place, "lee@example.org") == []


def test_a_bounce_is_as_fresh_as_when_it_came(place: Path, tmp_path: Path) -> None:
    """A token is too old on the day of receipt, not on the day of reading."""
    box, now = tmp_path / "bounces.mbox", datetime.now(UTC)
    received = now - timedelta(days=9)
    path = path_of(KIM, day=(now - timedelta(days=15)).date())
    box.write_bytes(f"From x {received:%a %b %d %H:%M:%S %Y}\n".encode() + mailed(DEAD, path))
    assert run("classify", box, "--into", place, *keys_in(tmp_path))[0] == 0
    assert history(place) == [("bounce", "token")]


def test_the_recipe_for_a_mail_server(tmp_path: Path) -> None:
    """The wrapper of the documentation, with its folders moved."""
    page = (FIXTURES.parent / "docs" / "howto" / "receive-bounces.md").read_text(encoding="utf-8")
    (text,) = re.findall(
        r"^(#!/bin/sh\n# /usr/local/libexec/take-bounce, with keys.*?)^```$", page, re.MULTILINE | re.DOTALL
    )
    keys_in(tmp_path)
    for name, here in (
        ("/usr/local/bin/undeliverable", f"{sys.executable} -m undeliverable"),
        ("/var/lib/bounces", str(tmp_path)),
        ("/etc/bounces", str(tmp_path)),
        ("@bounces.example.com", f"@{DOMAIN}"),
    ):
        assert name in text
        text = text.replace(name, here)
    script = tmp_path / "take-bounce"
    script.write_text(text, encoding="utf-8")
    for status in (0, 75):
        command = ["/bin/sh", str(script), "--sender=", f"--recipient={path_of(KIM)}"]
        done = subprocess.run(command, input=DEAD, capture_output=True, check=False, cwd=FIXTURES.parent)
        assert done.returncode == status, done.stderr
        (tmp_path / "keys").chmod(0o644)  # others can read it: nothing is taken until that is mended
    assert history(tmp_path / "list.db") == [("bounce", "token")]
    assert len(list(records.read(tmp_path / "bounces.jsonl"))) == 1


# --- an archive ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "options", "counts"),
    [(9, [], True), (11, [], False), (730, [], False), (730, ["--max-age=1000"], True), (3, ["--max-age=2.5"], False)],
)
@pytest.mark.parametrize("kind", ["mbox", "eml", "records"])
def test_an_archive_says_how_addresses_were(
    place: Path, tmp_path: Path, days: int, options: list[str], counts: bool, kind: str
) -> None:
    received = datetime.now(UTC) - timedelta(days=days)
    file = tmp_path / {"mbox": "a.mbox", "eml": "a.eml", "records": "a.jsonl"}[kind]
    raw = mailed(DEAD, received=received)
    if kind == "mbox":
        raw = f"From x {received:%a %b %d %H:%M:%S %Y}\n".encode() + mailed(DEAD)
    if kind == "records":
        with standard_input(tmp_path, DEAD):
            assert run("pipe", "--to", file)[0] == 0
        (record,) = records.read(file)
        line = file.read_text(encoding="ascii").replace(str(record["received"]), received.isoformat())
        raw = line.encode()
    file.write_bytes(raw)
    status, said = run("classify", file, "--into", place, *options)
    assert status == 0
    assert history(place) == ([("bounce", None)] if counts else [])
    age = "2.5" if "--max-age=2.5" in options else "10"
    left_out = f"1 message left out, received more than {age} days ago: --max-age DAYS allows them"
    assert (left_out in said) is not counts


def test_what_gives_no_event_is_not_left_out(place: Path, tmp_path: Path) -> None:
    file = tmp_path / "a.eml"
    file.write_bytes(mailed(forgery("ham_xfailed.eml"), received=datetime(2001, 1, 1, tzinfo=UTC)))
    assert "left out" not in run("classify", file, "--into", place)[1]


# --- what is said -------------------------------------------------------------------------------------------------------


def test_events_that_are_ignored_or_held(
    monkeypatch: pytest.MonkeyPatch, place: Path, tmp_path: Path, mail: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    outcome = Outcome(new=2, ignored=1_000, held=("a@example.org",), on_hold=("google",))
    monkeypatch.setattr(SuppressionList, "record", lambda *_: outcome)
    with standard_input(tmp_path, DEAD):
        assert run("pipe", "--into", place)[0] == 0
    for text in (capfd.readouterr().err, run("classify", mail, "--into", place)[1]):
        assert "1,000 events without the proof that the list requires: ignored" in text
        assert "1 suppression held, since far more addresses than usual fail at google" in text


def test_a_server_says_it_once_a_minute(tmp_path: Path) -> None:
    made(tmp_path / "list.db", RequireProof.REQUIRED)
    options = ["--domain", DOMAIN, "--into", str(tmp_path / "list.db"), *keys_in(tmp_path)]
    with serving("--lmtp", "127.0.0.1:0", *options) as server:
        for number in range(5):
            assert deliver(server.ports[0], DEAD.replace(b"<2@", f"<{number}@".encode()), (PLAIN,)) == 0
        assert server.stop() == 0
        assert server.process.stderr is not None
        lines = server.process.stderr.read().splitlines()
    assert [re.search(r"(\d+) events? without", line)[1] for line in lines] == ["1", "4"]  # type: ignore[index]


ASTRAY: Final = "bounces.example.com"
WHY: Final = re.compile(
    rf"it came to bounces\+a\w{{3}}…@{ASTRAY}, the signed return path is {re.escape(PATTERN)}$", re.MULTILINE
)


def astray() -> str:
    """Return a return path with a genuine token at another domain than that of the pattern."""
    return path_of(KIM).replace(f"@{DOMAIN}", f"@{ASTRAY}")


def test_a_server_says_that_mail_comes_to_another_domain_than_that_of_the_return_path(tmp_path: Path) -> None:
    options = ["--domain", ASTRAY, "--into", str(made(tmp_path / "list.db", RequireProof.REQUIRED)), *keys_in(tmp_path)]
    assert run("suppressions", "add", KIM, tmp_path / "list.db")[0] == 0
    with serving("--lmtp", "127.0.0.1:0", *options) as server:
        assert f"--return-path is {PATTERN}, for which no --domain or --recipient accepts mail" in server.said[0]
        assert deliver(server.ports[0], DEAD, (astray(),)) == 0
        assert server.stop() == 0
        assert server.process.stderr is not None
        (line,) = server.process.stderr.read().splitlines()
    assert "1 event without the proof that the list requires: ignored: it came to" in line
    assert WHY.search(line)
    assert path_of(KIM).partition("@")[0] not in line
    with SuppressionList(tmp_path / "list.db") as known:
        (event,) = known.ignored(KIM)
    assert WHY.search(str(event.why))


@pytest.mark.parametrize("option", [("--domain", "EXAMPLE.com"), ("--recipient", PLAIN)])
def test_a_server_that_accepts_the_return_path_says_nothing_of_it(tmp_path: Path, option: tuple[str, str]) -> None:
    file = tmp_path / "records.jsonl"
    with serving("--lmtp", "127.0.0.1:0", *option, "--to", file, *keys_in(tmp_path)) as server:
        assert len(server.said) == 1


def test_what_is_ignored_is_explained_by_every_command(tmp_path: Path, place: Path) -> None:
    keys, mail = keys_in(tmp_path), tmp_path / "mail.eml"
    for number, name in enumerate((astray(), PLAIN)):
        mail.write_bytes(mailed(DEAD.replace(b"<2@", f"<{number}@".encode()), name))
        status, said = run("classify", mail, "--into", place, *keys)
        assert (status, bool(WHY.search(said))) == (0, name != PLAIN)
        assert (str(Refusal.NO_TOKEN) in said) is (name == PLAIN)


def test_foreign_text_in_what_is_ignored_is_harmless() -> None:
    (line,) = warnings_of(Outcome(ignored=2), "it came to \x1b[31mred\n")
    assert line.startswith("2 events without the proof that the list requires: ignored, the first one: it came to ")
    assert line.isprintable()


def test_what_was_not_said_is_said_at_the_end(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    with SuppressionList(place) as known:
        said: list[str] = []
        watched = Watched(known, said.append)
        outcomes = iter([Outcome(ignored=1), Outcome(), Outcome(ignored=2), Outcome(ignored=3), Outcome(ignored=4)])
        monkeypatch.setattr(SuppressionList, "record", lambda *_: next(outcomes))
        for _ in range(4):
            watched.record(())
        assert len(said) == 1
        now = time.monotonic() + 61
        monkeypatch.setattr(time, "monotonic", lambda: now)
        watched.record(())
        watched.close()
        watched.close()
    assert [re.search(r"(\d+) event", line)[1] for line in said] == ["1", "9"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("error", "traceback"),
    [
        (OSError("disk full"), False),
        (StoreError("the list is locked"), False),
        (ValueError("a bug"), True),
        (caused(OSError("not stored: x"), StoreError("x")), False),
        (caused(OSError("not stored: x"), ValueError("x")), True),
    ],
)
def test_a_traceback_is_for_bugs(error: Exception, traceback: bool, caplog: pytest.LogCaptureFixture) -> None:
    log_failure("message not recorded, answered with 451", error)
    (record,) = caplog.records
    assert record.getMessage() == f"message not recorded, answered with 451: {error}"
    assert (record.exc_info is not None) is traceback


# --- a list that is out of reach ----------------------------------------------------------------------------------------


def without_traceback(said: str) -> str:
    assert "Traceback" not in said
    return said


def test_a_locked_list(place: Path, tmp_path: Path, mail: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("undeliverable.store._engine._PATIENCE", 0)
    made(place, RequireProof.OFF)
    path = tmp_path / "b.jsonl"
    with locked(place):
        status, said = run("classify", mail, "--into", place)
        assert (status, "the list is locked" in without_traceback(said)) == (1, True)
        assert "run the same command again" in said
        with standard_input(tmp_path, DEAD):
            status, said = run("pipe", "--to", path, "--into", place)
        assert status == 75
    with standard_input(tmp_path, DEAD):
        assert run("pipe", "--to", path, "--into", place)[0] == 0
    assert len(history(place)) == 1
    assert len({record["verdicts"][0]["key"] for record in records.read(path)}) == 1  # type: ignore[index]


def test_a_locked_list_of_a_server(place: Path) -> None:
    made(place, RequireProof.OFF)
    with serving("--lmtp", "127.0.0.1:0", "--domain", DOMAIN, "--into", place) as server:
        with locked(place):
            began = time.monotonic()
            assert deliver(server.ports[0], DEAD, (PLAIN,)) == 451
            assert 4 < time.monotonic() - began < 60  # two minutes are the most that a writer waits
        assert deliver(server.ports[0], DEAD, (PLAIN,)) == 0
        assert server.stop() == 0
        assert server.process.stderr is not None
        said = without_traceback(server.process.stderr.read())
    assert re.search(r"answered with 451: not stored: .*the list is locked", said), said
    assert len(history(place)) == 1


@pytest.fixture
def away(postgres: str) -> Iterator[tuple[str, Proxy]]:
    """A list on a server that can go away and come back."""
    url = conftest.new_database(postgres)
    head, _, rest = url.rpartition(":")
    port, _, name = rest.partition("/")
    SuppressionList(url, require_proof="off").close()
    with Proxy(int(port)) as proxy:
        yield f"{head}:{proxy.port}/{name}", proxy


def test_a_database_server_that_is_away(away: tuple[str, Proxy], tmp_path: Path, mail: Path) -> None:
    url, proxy = away
    proxy.cut()
    status, said = run("classify", mail, "--into", url)
    assert (status, "onnection refused" in without_traceback(said)) == (1, True)
    with standard_input(tmp_path, DEAD):
        assert run("pipe", "--to", tmp_path / "b.jsonl", "--into", url)[0] == 75
    assert not (tmp_path / "b.jsonl").exists(), "the next attempts would only repeat the record"
    status, said = serve("--into", url)
    assert (status, "onnection refused" in without_traceback(said)) == (1, True)


def test_a_database_server_that_goes_away(away: tuple[str, Proxy], mail: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url, proxy = away
    record = SuppressionList.record

    def cut(known: SuppressionList, events: Any) -> Outcome:
        proxy.cut()
        return record(known, events)

    monkeypatch.setattr(SuppressionList, "record", cut)
    status, said = run("classify", mail, "--into", url)
    assert (status, "run the same command again" in without_traceback(said)) == (1, True)


def test_a_database_server_that_goes_away_from_a_server(away: tuple[str, Proxy], tmp_path: Path) -> None:
    url, proxy = away
    file = secret(tmp_path / "secrets.toml", POSTMARK)
    options = [
        "--lmtp",
        "127.0.0.1:0",
        "--http",
        "127.0.0.1:0",
        "--domain",
        DOMAIN,
        "--secrets",
        str(file),
        "--into",
        url,
    ]
    with serving(*options, *keys_in(tmp_path), listening=2) as server:
        lmtp, http = server.ports

        def post(number: str) -> int:
            hook = f"http://127.0.0.1:{http}/webhooks/postmark"
            return httpx.post(hook, content=webhook_load.event(number), headers=BASIC, timeout=60).status_code

        assert (deliver(lmtp, DEAD, (path_of(KIM),)), post("1")) == (0, 200)
        proxy.cut()
        assert (deliver(lmtp, DEAD, (path_of(KIM, id="8"),)), post("2")) == (451, 503)
        proxy.open()
        assert (deliver(lmtp, DEAD, (path_of(KIM, id="8"),)), post("2")) == (0, 200)
        assert server.stop() == 0
        assert server.process.stderr is not None
        said = without_traceback(server.process.stderr.read())
    assert "answered with 451" in said
    assert "answered with 503" in said
