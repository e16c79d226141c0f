"""One click that unsubscribes (RFC 8058): who is unsubscribed, by what, and that fetching the link does nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.clocks import LINEAR, growth
from undeliverable import Proof
from undeliverable.cli import main
from undeliverable.proof import Prover, SentTable
from undeliverable.serve import records
from undeliverable.serve._unsubscribe import is_one_click, page, unsubscribed
from undeliverable.serve.http import Webhooks
from undeliverable.store import StoreError, SuppressionList
from undeliverable.suppression import EventKind
from undeliverable.verp import Signer

from .serving import serving
from .test_serve import stored
from .test_webhook_endpoint import BASIC, BOUNCE, ENDPOINTS, posting

KIM = "kim@example.org"
SECRET = b"0123456789abcdef"
SIGNER = Signer("bounces+{token}@example.com", {"a": SECRET})
TODAY = datetime.now(UTC).date()
TOKEN = SIGNER.feedback_id(KIM, id="7", day=TODAY)
FORM = {"content-type": "application/x-www-form-urlencoded"}
CLICK = b"List-Unsubscribe=One-Click"
MULTIPART = (
    b'--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n',
    {"content-type": "multipart/form-data; boundary=x"},
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "b.jsonl"


@pytest.fixture
def known(tmp_path: Path) -> Iterator[SuppressionList]:
    with SuppressionList(tmp_path / "list.db") as opened:
        opened.record_sent([(KIM, "7", None)])
        yield opened


@pytest.fixture
def app(path: Path, known: SuppressionList) -> Webhooks:
    return Webhooks(ENDPOINTS, to=path, into=known, prover=Prover(SIGNER, known))


def click(app: Webhooks, token: str = TOKEN, body: bytes = CLICK, headers: dict[str, str] = FORM) -> httpx.Response:
    return posting(app, f"/u/{token}", body, headers)


@pytest.mark.parametrize(("body", "headers"), [(CLICK, FORM), MULTIPART])
def test_a_click_unsubscribes(
    body: bytes, headers: dict[str, str], app: Webhooks, path: Path, known: SuppressionList
) -> None:
    answer = click(app, body=body, headers=headers)
    assert answer.status_code == 200
    assert "You are unsubscribed" in answer.text
    (record,), (event,) = stored(path), known.history(KIM)
    assert record["kind"] == "unsubscribed"
    assert [record["verdicts"][0][name] for name in ("recipient", "sent_to", "proof")] == [KIM, KIM, "token"]
    assert (event.kind, event.why, event.proof) == (EventKind.SUPPRESSION, "unsubscribed", Proof.TOKEN)
    assert event.token == record["verdicts"][0]["token"] == f"a/{TODAY.isoformat()}/7"
    assert known.is_suppressed(KIM)


def test_a_second_click_changes_nothing(app: Webhooks, path: Path, known: SuppressionList) -> None:
    for token in (TOKEN, TOKEN, TOKEN.upper()):
        assert click(app, token).status_code == 200
    again = Webhooks(ENDPOINTS, to=path, into=known, prover=Prover(SIGNER, known))
    assert click(again).status_code == 200
    assert len(stored(path)) == len(known.history(KIM)) == 1


def test_who_subscribes_again_is_not_unsubscribed_by_an_old_link(app: Webhooks, known: SuppressionList) -> None:
    old = SIGNER.feedback_id(KIM, id="7", day=TODAY - timedelta(days=400))
    assert click(app, old).status_code == 200  # a link has no age
    assert known.is_suppressed(KIM)
    known.reactivate(KIM, why="subscribed again")
    assert click(app, old).status_code == 200
    assert not known.is_suppressed(KIM)
    assert click(app, SIGNER.feedback_id(KIM, id="7", day=TODAY + timedelta(days=1))).status_code == 200
    assert known.is_suppressed(KIM)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_fetching_the_link_unsubscribes_nobody(method: str, app: Webhooks, path: Path, known: SuppressionList) -> None:
    answer = posting(app, f"/u/{TOKEN}", None, method=method)
    assert answer.status_code == 200
    assert ('<form method="post">' in answer.text) == (method == "GET")
    assert answer.headers["cache-control"] == "no-store"
    assert "form-action 'self'" in answer.headers["content-security-policy"]
    assert KIM not in answer.text
    assert not path.exists()
    assert not known.is_suppressed(KIM)


def test_the_button_of_the_page_is_a_click(app: Webhooks, known: SuppressionList) -> None:
    text = posting(app, f"/u/{TOKEN}", None, method="GET").text
    assert 'name="List-Unsubscribe" value="One-Click"' in text
    assert click(app).status_code == 200
    assert known.is_suppressed(KIM)


OTHER = Signer("bounces+{token}@example.com", {"a": b"another secret.."})


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "..",
        OTHER.feedback_id(KIM, id="7", day=TODAY),
        SIGNER.feedback_id("lee@example.org", id="7", day=TODAY),
        SIGNER.feedback_id(KIM, id="8", day=TODAY),
        SIGNER.feedback_id(KIM, id="7", day=TODAY + timedelta(days=3)),
        TOKEN + "7",
    ],
    ids=["empty", "no token", "a path", "other key", "other address", "unknown id", "future", "altered"],
)
def test_a_token_that_proves_nothing(token: str, app: Webhooks, path: Path, known: SuppressionList) -> None:
    assert click(app, token).status_code == 404
    assert not path.exists()
    assert len(known) == 0


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"", FORM, 400),
        (b"x=y", FORM, 400),
        (b"List-Unsubscribe=One", FORM, 400),
        (CLICK + b"&" + CLICK, FORM, 400),
        (b"&" * 60_000, FORM, 400),
        (CLICK, {}, 200),
        (CLICK, MULTIPART[1], 400),
        (MULTIPART[0], {"content-type": "multipart/form-data"}, 400),
        (b"x" * 70_000, FORM, 413),
    ],
)
def test_other_bodies(body: bytes, headers: dict[str, str], status: int, app: Webhooks, known: SuppressionList) -> None:
    assert click(app, body=body, headers=headers).status_code == status
    assert known.is_suppressed(KIM) == (status == 200)


@given(
    st.binary(max_size=300), st.sampled_from(["", *FORM.values(), MULTIPART[1]["content-type"], "multipart/form-data"])
)
def test_no_body_raises(body: bytes, content_type: str) -> None:
    assert is_one_click(body, content_type) in {True, False}


def nested(depth: int) -> bytes:
    """Return a form with parts within parts."""
    return b"--x\r\n" + b"".join(
        b"Content-Type: multipart/x;boundary=%x\r\n\r\n--%x\r\n" % (number, number) for number in range(depth)
    )


@pytest.mark.parametrize(
    "body",
    [
        nested(1200),
        nested(300) + b"--y\r\n" * 8000,
        b"--x\r\n" + b"Content-Type: message/rfc822\r\n\r\n" * 1500,
        b'--x\r\nContent-Disposition: form-data" + b"; "' * 1500,
        MULTIPART[0].removesuffix(b"--x--\r\n") * 1000,
        b"\n--x" * 16_000,
    ],
    ids=["deep", "deep and long", "messages", "parameters", "fields", "parts"],
)
def test_a_body_made_to_take_time_takes_none(body: bytes) -> None:
    def read(octets: int) -> None:
        assert not is_one_click(body[:octets], MULTIPART[1]["content-type"])

    assert growth(read, 65_536) < LINEAR


@given(st.text(max_size=60))
def test_no_token_raises(token: str) -> None:
    assert unsubscribed(token, Prover(SIGNER, SentTable()), datetime.now(UTC)) is None


def test_without_a_prover_there_are_no_links(path: Path) -> None:
    for app in (Webhooks(ENDPOINTS, to=path), Webhooks(ENDPOINTS, to=path, prover=Prover(None, SentTable()))):
        assert click(app).status_code == 404
        assert posting(app, f"/u/{TOKEN}", None, method="GET").status_code == 404
    assert posting(app, "/webhooks/postmark", BOUNCE, BASIC).status_code == 200


def test_what_was_sent_may_be_out_of_reach(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def gone(_token_id: str) -> str | None:
        raise StoreError("gone")

    answer = click(Webhooks(ENDPOINTS, to=path, prover=Prover(SIGNER, gone)))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
    assert "later" in answer.text
    assert "gone" in caplog.text


def test_what_cannot_be_recorded_is_not_answered_for(tmp_path: Path) -> None:
    app = Webhooks(ENDPOINTS, to=tmp_path, prover=Prover(SIGNER, SentTable([("7", KIM)])))
    assert click(app).status_code == 503


def test_pages_load_nothing() -> None:
    assert "src=" not in page("x")
    assert "href=" not in page("x")


def test_the_command_unsubscribes(tmp_path: Path, path: Path, known: SuppressionList) -> None:
    keys = tmp_path / "keys"
    keys.write_text(f"a {SECRET.hex()}\n", encoding="ascii")
    keys.chmod(0o600)
    proof = ["--return-path", "bounces+{token}@example.com", "--keys", keys]
    with serving("--http", "127.0.0.1:0", "--to", path, "--into", known.place, *proof) as server:
        url = f"http://127.0.0.1:{server.ports[0]}/u/{TOKEN}"
        assert httpx.get(url, timeout=60).status_code == 200
        assert not known.is_suppressed(KIM)
        assert httpx.post(url, content=CLICK, headers=FORM, timeout=60).status_code == 200
        assert server.stop() == 0
    assert known.is_suppressed(KIM)
    assert len(list(records.read(path))) == 1


def test_the_command_needs_to_know_what_was_sent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keys = tmp_path / "keys"
    keys.write_text(f"a {SECRET.hex()}\n", encoding="ascii")
    keys.chmod(0o600)
    options = ["--http", "127.0.0.1:0", "--to", str(tmp_path / "b.jsonl"), "--return-path", "b+{token}@example.com"]
    assert main(["serve", *options, "--keys", str(keys)]) == 2
    assert "--sent or --into" in capsys.readouterr().err
