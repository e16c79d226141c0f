"""The programs for Django, Celery and FastAPI that the documentation shows, each run as it stands, in a process of its own."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from tests.smtp_script import scripted
from undeliverable.verp import Signer, read_keys

EXAMPLES: Final = Path(__file__).resolve().parent.parent / "docs" / "examples"
KIM, LEE = "kim@example.org", "lee@example.org"


def run(code: str, folder: Path, **variables: str) -> Any:
    """Run a program beside an example, and return what it prints as JSON."""
    paths = os.pathsep.join((str(folder), os.environ.get("PYTHONPATH", "")))
    environment = {**os.environ, "PYTHONPATH": paths, **variables}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


DJANGO: Final = """
import json, os, smtplib
from pathlib import Path
from django.conf import settings
LIST = os.environ["SUPPRESSION_LIST"]
settings.configure(EMAIL_BACKEND="bounces.suppressing.EmailBackend", EMAIL_HOST="127.0.0.1", EMAIL_PORT=int(os.environ["PORT"]),
                   SUPPRESSION_LIST=LIST, DEFAULT_FROM_EMAIL="shop@example.net", USE_TZ=True, INSTALLED_APPS=["bounces"],
                   RETURN_PATH="bounces+{token}@example.com", RETURN_PATH_KEYS=os.environ.get("KEYS"), LOGGING_CONFIG=None)
import django
django.setup()
from django.core.mail import send_mail
from undeliverable.store import SuppressionList
def send(*to, **options):
    try:
        return send_mail("News", "Hello", None, list(to), **options)
    except smtplib.SMTPRecipientsRefused as error:
        return sorted(error.recipients)
    except smtplib.SMTPException as error:
        return type(error).__name__
def listed(*addresses):
    with SuppressionList(LIST) as known:
        return [known.is_suppressed(address) for address in addresses]
"""
GONE: Final = "550 5.1.1 no such user"


def in_django(folder: Path, code: str, port: int = 25, **variables: str) -> Any:
    """Run code in a project with the example's app, and return what it found."""
    pytest.importorskip("django")
    place = {"SUPPRESSION_LIST": str(folder / "list.db"), "PORT": str(port), **variables}
    return run(f"{DJANGO}{code}", EXAMPLES / "django", **place)


def test_django_sends_to_nobody_who_is_gone(tmp_path: Path) -> None:
    code = f"print(json.dumps([send('{KIM}'), send('{KIM}'), send('{KIM}', '{LEE}'), send('{LEE}')]))"
    with scripted(**{KIM: GONE}) as port:
        # The first refusal is recorded; after that nobody asks the server for kim again.
        assert in_django(tmp_path, code, port) == [[KIM], 0, 1, 1]


REFUSED: Final = {
    f"send('{LEE}', '{KIM}')": 1,
    f"send('{KIM}', fail_silently=True)": 0,
    f"send('Kim <{KIM}>')": [f"Kim <{KIM}>"],
    f"send('{LEE}', '\"Lee, Kim\" <{KIM}>', fail_silently=True)": 1,
}
"""Calls, and what each returns: among others, silent, with a name, with a quoted name."""


def test_django_records_every_refusal(tmp_path: Path) -> None:
    found = "".join(
        f"LIST = settings.SUPPRESSION_LIST = {str(tmp_path / f'{number}.db')!r}\n"
        f"found.append([{call}, listed('{KIM}', '{LEE}'), send('Kim <{KIM}>')])\n"
        for number, call in enumerate(REFUSED)
    )
    with scripted(**{KIM: GONE}) as port:
        rows = in_django(tmp_path, f"found = []\n{found}print(json.dumps(found))", port)
    assert rows == [[returned, [True, False], 0] for returned in REFUSED.values()]


def test_django_takes_a_refusal_after_data_for_the_only_recipient(tmp_path: Path) -> None:
    code = f"print(json.dumps([send('{KIM}', '{LEE}'), listed('{KIM}'), send('{KIM}'), listed('{KIM}', '{LEE}')]))"
    with scripted(end_of_data=GONE) as port:
        # Of a message to two, nobody knows who was meant.
        assert in_django(tmp_path, code, port) == ["SMTPDataError", [False], "SMTPDataError", [True, False]]


def test_django_counts_a_refusal_on_the_day_of_a_reactivation(tmp_path: Path) -> None:
    code = f"""
found = [send('{KIM}'), listed('{KIM}')]
with SuppressionList(LIST) as known:
    known.reactivate('{KIM}', why="the customer called")
print(json.dumps([*found, listed('{KIM}'), send('{KIM}'), listed('{KIM}')]))
"""
    with scripted(**{KIM: GONE}) as port:
        assert in_django(tmp_path, code, port) == [[KIM], [True], [False], [KIM], [True]]


def test_django_sends_while_the_list_cannot_be_opened(tmp_path: Path) -> None:
    with scripted(**{KIM: GONE}) as port:
        place = str(tmp_path / "no" / "folder" / "list.db")
        code = f"print(json.dumps([send('{LEE}'), send('{KIM}')]))"
        assert in_django(tmp_path, code, port, SUPPRESSION_LIST=place) == [1, [KIM]]


def test_django_blames_nobody_for_a_server_that_is_down(tmp_path: Path) -> None:
    code = f"""
found = []
for ssl in (False, True):
    settings.EMAIL_USE_SSL = ssl
    try:
        send('{KIM}')
    except OSError as error:
        found.append(type(error).__name__)
print(json.dumps([found, listed('{KIM}')]))
"""
    assert in_django(tmp_path, code, closed_port()) == [["ConnectionRefusedError"] * 2, [False]]


def closed_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
    return port


BOUNCE: Final = """\
Return-Path: <>
Delivered-To: {path}
From: MAILER-DAEMON@mx.example.net
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; {recipient}
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 no such user

--b--
"""


def test_django_reads_the_bounces_that_a_signed_return_path_proves(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text("a 000102030405060708090a0b0c0d0e0f\n", encoding="ascii")
    keys.chmod(0o600)
    signer = Signer("bounces+{token}@example.com", read_keys(keys))
    path = signer.sign(KIM, id="42", day=datetime.now(UTC).date())
    for name in ("cur", "new", "tmp"):
        (tmp_path / "Maildir" / name).mkdir(parents=True)
    for name, recipient in (("1", KIM), ("2", LEE)):  # the second one is forged: the path is kim's
        bounce = BOUNCE.format(path=path, recipient=recipient)
        (tmp_path / "Maildir" / "new" / name).write_text(bounce, encoding="ascii")
    code = f"""
from django.core.management import call_command
SuppressionList(LIST, require_proof="required").close()
for _ in range(2):
    call_command("read_bounces", {str(tmp_path / "Maildir")!r})
with SuppressionList(LIST) as known:
    print(json.dumps([listed("{KIM}", "{LEE}"), len(known.history("{KIM}"))]))
"""
    assert in_django(tmp_path, code, KEYS=str(keys)) == [[True, False], 1]


CELERY: Final = """
import json
from celery import Celery
app = Celery(broker="memory://", set_as_current=True)
app.conf.update(task_always_eager=True)
from celery.exceptions import Retry
import send_mail as example
def send(to):
    done = example.send_mail.apply(("shop@example.net", to, "News", "Hello"))
    return f"again in {done.result.when} s" if done.state == "RETRY" else done.get()
example.send_mail.retry = lambda **options: (_ for _ in ()).throw(Retry(when=options["countdown"]))
print(json.dumps([send("kim@example.org"), send("kim@example.org"), send("lee@example.org"), send("sam@example.org")]))
"""


def in_celery(port: int, folder: Path) -> Any:
    """Send to kim twice, then to lee and to sam, and return what became of each."""
    pytest.importorskip("celery")
    place = {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(port), "SUPPRESSION_LIST": str(folder / "l.db")}
    return run(CELERY, EXAMPLES / "celery", **place)


def test_celery_tries_again_only_where_that_can_help(tmp_path: Path) -> None:
    with scripted(**{KIM: GONE, LEE: "451 4.7.1 Greylisted, try again in 5 minutes"}) as port:
        assert in_celery(port, tmp_path) == ["user_unknown", "suppressed", "again in 300 s", "sent"]


def test_celery_keeps_the_mail_while_the_server_is_down(tmp_path: Path) -> None:
    assert in_celery(closed_port(), tmp_path) == ["again in 300 s"] * 4


def test_celery_keeps_the_mail_while_the_list_cannot_be_opened(tmp_path: Path) -> None:
    with scripted() as port:
        assert in_celery(port, tmp_path / "no" / "folder") == ["again in 60 s"] * 4


def test_celery_takes_a_refusal_after_data_for_the_recipient(tmp_path: Path) -> None:
    with scripted(end_of_data=GONE) as port:
        assert in_celery(port, tmp_path) == ["user_unknown", "suppressed", "user_unknown", "user_unknown"]


FASTAPI: Final = """
import asyncio, base64, json, httpx
import fastapi_webhooks
bounce = {"RecordType": "Bounce", "ID": 1, "Type": "HardBounce", "TypeCode": 1, "Email": "kim@example.org", "MessageID": "m", "BouncedAt": "2026-11-21T21:16:19Z", "Details": "smtp;550 5.1.1 no such user"}
good = {"Authorization": "Basic " + base64.b64encode(b"hooks:a long password").decode()}
async def main():
    transport = httpx.ASGITransport(app=fastapi_webhooks.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://hooks.example.com") as client:
        before = (await client.get("/suppressed/kim@example.org")).json()["suppressed"]
        refused = (await client.post("/mail/webhooks/postmark", json=bounce)).status_code
        taken = (await client.post("/mail/webhooks/postmark", json=bounce, headers=good)).status_code
        after = (await client.get("/suppressed/kim@example.org")).json()["suppressed"]
        verdict = (await client.post("/classify", params={"reply": "552 5.2.2 mailbox full"})).json()["verdict"]
        return [before, refused, taken, after, verdict["reason"]]
print(json.dumps(asyncio.run(main())))
"""


def test_fastapi_takes_webhooks_into_a_list(tmp_path: Path) -> None:
    pytest.importorskip("fastapi")
    found = run(FASTAPI, EXAMPLES, SUPPRESSION_LIST=str(tmp_path / "list.db"))
    assert found == [False, 401, 200, True, "mailbox_full"]
