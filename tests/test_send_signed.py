"""The program of the documentation that signs return paths: what it sends comes back as a bounce that counts."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from undeliverable import parse
from undeliverable.proof import Prover, SentTable
from undeliverable.verdict import Proof
from undeliverable.verp import Signer, read_keys

from .serving import serving
from .test_pipe import bounce, stored

ROOT: Final = Path(__file__).resolve().parent.parent
PROGRAM: Final = ROOT / "docs" / "examples" / "send_signed.py"
KIM, LEE, ANN = "kim@example.org", "lee@example.net", "ann@example.org"
NEWS: Final = b"From: news@example.com\nTo: template\nMessage-ID: <old@example.com>\nSubject: News\n\nHello.\n"


def send(folder: Path, port: int, mailing: str) -> str:
    """Run the program, and return what it prints."""
    environment = os.environ | {"SMTP_PORT": str(port), "KEYS": str(folder / "keys")}
    done = subprocess.run(
        [sys.executable, str(PROGRAM), mailing, "news.eml"],
        cwd=folder, env=environment, input=f"{KIM}\n{LEE}\n{ANN}\n", capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "keys").write_text(f"a {b'0123456789abcdef'.hex()}\n", encoding="ascii")
    (tmp_path / "keys").chmod(0o400)
    (tmp_path / "news.eml").write_bytes(NEWS)
    return tmp_path


def test_what_it_sends_comes_back_as_a_bounce_that_counts(folder: Path) -> None:
    pytest.importorskip("aiosmtpd")
    mails = folder / "mails.jsonl"
    with serving("--smtp", "127.0.0.1:0", "--domain", "example.org", "--to", mails) as server:
        said = send(folder, server.ports[0], "november")
        send(folder, server.ports[0], "december")
    assert said.split()[0] == LEE  # the server takes no mail for example.net
    assert len(said.splitlines()) == 1
    paths = {record["envelope"]["recipients"][0]: record["envelope"]["sender"] for record in stored(mails)}
    assert set(paths) == {KIM, ANN}
    rows = list(csv.DictReader((folder / "sent.csv").read_text(encoding="utf-8").splitlines()))
    ids = ("november-1", "november-3", "december-1", "december-3")
    assert [(row["recipient"], row["id"]) for row in rows] == list(zip((KIM, ANN) * 2, ids, strict=True))
    assert len({row["message_id"] for row in rows}) == 4
    signer = Signer("bounces+{token}@bounces.example.com", read_keys(folder / "keys"))
    token = signer.read(paths[KIM])
    assert token is not None
    assert token.id == "december-1"
    alone, table = Prover(signer), Prover(signer, SentTable.from_file(folder / "sent.csv"))
    for prover, address, proof, acted_on in (
        (alone, KIM, Proof.TOKEN, KIM),
        (alone, ANN, Proof.UNPROVED, ANN),
        (table, ANN, Proof.TOKEN, KIM),  # as when a forwarder names another address
    ):
        report = parse(bounce(address, "5.1.1", "550 5.1.1 no such user"))
        (verdict,) = prover.prove(report, paths[KIM], today=token.day).verdicts
        assert (verdict.proof, verdict.sent_to) == (proof, acted_on), address


def test_the_list_reads_what_it_wrote(folder: Path) -> None:
    pytest.importorskip("aiosmtpd")
    pytest.importorskip("sqlalchemy")
    with serving("--smtp", "127.0.0.1:0", "--domain", "example.org", "--to", folder / "mails.jsonl") as server:
        send(folder, server.ports[0], "november")
    command = [sys.executable, "-m", "undeliverable", "suppressions", "sent", "sent.csv", "list.db"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    from undeliverable.store import SuppressionList

    with SuppressionList(folder / "list.db") as known:
        assert (known.address_of("november-1"), known.address_of("november-3")) == (KIM, ANN)
