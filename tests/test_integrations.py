"""The programs for Django, Celery and FastAPI that the documentation shows, each run as it stands, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from tests.smtp_script import scripted

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
import json, smtplib
from django.conf import settings
settings.configure(EMAIL_BACKEND="suppressing.EmailBackend", EMAIL_HOST="127.0.0.1", EMAIL_PORT=PORT,
                   SUPPRESSION_LIST=LIST, DEFAULT_FROM_EMAIL="shop@example.net", USE_TZ=True)
import django
django.setup()
from django.core.mail import send_mail
def send(*to):
    try:
        return send_mail("News", "Hello", None, list(to))
    except smtplib.SMTPRecipientsRefused as error:
        return sorted(error.recipients)
print(json.dumps([send("kim@example.org"), send("kim@example.org"), send("kim@example.org", "lee@example.org"), send("lee@example.org")]))
"""


def test_django_sends_to_nobody_who_is_gone(tmp_path: Path) -> None:
    pytest.importorskip("django")
    with scripted(**{KIM: "550 5.1.1 no such user"}) as port:
        code = DJANGO.replace("=PORT", f"={port}")
        found = run(code.replace("LIST,", f"{str(tmp_path / 'list.db')!r},"), EXAMPLES / "django")
    # The first refusal is recorded; after that nobody asks the server for kim again.
    assert found == [[KIM], 0, 1, 1]


CELERY: Final = """
import json
from celery import Celery
app = Celery(broker="memory://", set_as_current=True)
app.conf.update(task_always_eager=True)
from celery.exceptions import Retry
import send_mail as example
def send(to):
    done = example.send_mail.apply(("shop@example.net", to, "News", "Hello"))
    return "again" if done.state == "RETRY" else done.get()
example.send_mail.retry = lambda **options: (_ for _ in ()).throw(Retry(when=options["countdown"]))
print(json.dumps([send("kim@example.org"), send("kim@example.org"), send("lee@example.org"), send("sam@example.org")]))
"""


def test_celery_tries_again_only_where_that_can_help(tmp_path: Path) -> None:
    pytest.importorskip("celery")
    with scripted(**{KIM: "550 5.1.1 no such user", LEE: "451 4.7.1 Greylisted, try again in 5 minutes"}) as port:
        found = run(
            CELERY,
            EXAMPLES / "celery",
            SMTP_HOST="127.0.0.1",
            SMTP_PORT=str(port),
            SUPPRESSION_LIST=str(tmp_path / "l.db"),
        )
    assert found == ["user_unknown", "suppressed", "again", "sent"]


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
