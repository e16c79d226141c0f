"""Numbers for Prometheus: they add up, its own parser reads them, and strangers cannot make them many."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from prometheus_client.parser import text_string_to_metric_families

from undeliverable import classify, parse
from undeliverable.serve import BounceHandler
from undeliverable.serve._api import Api
from undeliverable.serve._metrics import FAMILIES, Counted, Metrics, labels_of
from undeliverable.serve._receiver import Receiver
from undeliverable.store import Outcome, StoreError, SuppressionList

from .service import MAIL, asked
from .test_pipe import MESSAGE
from .test_serve import DOMAIN, TO, Client, run
from .test_webhook_endpoint import BASIC, BOUNCE, ENDPOINTS


def read(metrics: Metrics | bytes) -> dict[str, dict[tuple[str, ...], float]]:
    """Return the values of all series, by name and by the values of their labels."""
    text = metrics if isinstance(metrics, bytes) else metrics.text()
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(text.decode()):
        for sample in family.samples:
            found.setdefault(sample.name.removeprefix("undeliverable_"), {})[tuple(sample.labels.values())] = (
                sample.value
            )
    return found


@pytest.fixture
def known(tmp_path: Path) -> Iterator[SuppressionList]:
    with SuppressionList(tmp_path / "list.db") as opened:
        yield opened


def test_what_the_api_does_is_counted(known: SuppressionList) -> None:
    metrics = Metrics()
    api = Api(None, into=Counted(known, metrics), known=known, metrics=metrics)
    for _ in range(2):
        assert asked(api, "POST", "/v1/parse?tenant=acme", MESSAGE, MAIL).status == 200
    asked(api, "POST", "/v1/classify", [{"reply": "550 5.1.1 no such user"}] * 3 + [{"reply": "452 4.2.2 full"}])
    asked(api, "POST", "/v1/classify", b"{", {"content-type": "application/json"})
    asked(api, "GET", "/elsewhere")
    answer = asked(api, "GET", "/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    found = read(answer.body)
    assert found["reports_total"] == {("api", "bounce"): 2}
    assert found["verdicts_total"] == {
        ("api", "hard", "user_unknown", "none", "acme"): 2,
        ("api", "hard", "user_unknown", "none", "none"): 3,
        ("api", "soft", "mailbox_full", "none", "none"): 1,
    }
    assert found["list_events_total"][("new",)] == 1
    assert found["list_events_total"][("known",)] == 1
    assert found["list_changes_total"][("suppressed",)] == 1
    assert found["list_addresses"][("suppressed",)] == 1
    assert found["requests_total"][("/v1/parse", "200")] == 2
    assert found["requests_total"][("other", "404")] == 1
    assert found["refused_total"] == {("malformed",): 1, ("not_found",): 1}
    assert found["request_seconds_count"][("/v1/parse",)] == 2
    assert found["request_seconds_bucket"][("/v1/parse", "+Inf")] == 2
    assert found["request_seconds_sum"][("/v1/parse",)] > 0


def test_every_family_has_its_type_and_help() -> None:
    found = {family.name: family for family in text_string_to_metric_families(Metrics().text().decode())}
    for family in FAMILIES:
        parsed = found["undeliverable_" + family.name.removesuffix("_total")]
        assert parsed.type == family.type
        assert parsed.documentation == family.about


def test_the_other_entry_points_are_counted_too(known: SuppressionList) -> None:
    metrics = Metrics()

    async def talk(_sink: object, client: Client) -> None:
        await client.envelope(TO)
        assert (await client.data(MESSAGE))[0][:3] == "250"

    run(talk, BounceHandler([DOMAIN], into=known, metrics=metrics, context={"tenant": "acme"}))
    receiver = Receiver(ENDPOINTS, into=known, metrics=metrics)
    for _ in range(2):  # an event that is repeated is counted once
        assert asyncio.run(receiver.take("postmark", BOUNCE, BASIC)).status == 200
    assert read(metrics)["reports_total"] == {("mail", "bounce"): 1, ("webhook", "bounce"): 1}
    assert read(metrics)["verdicts_total"][("mail", "hard", "user_unknown", "none", "acme")] == 1


def test_strangers_cannot_make_series_without_end() -> None:
    metrics, report = Metrics(), parse(MESSAGE)
    for number in range(3_000):
        metrics.seen("api", report, f"tenant{number}" * 20)
    found = read(metrics)["verdicts_total"]
    assert len(found) <= 2_001
    assert sum(found.values()) == 3_000
    assert found[("api", "hard", "user_unknown", "other", "other")] == 1_000
    assert max(len(tenant) for *_, tenant in found) <= 64


@pytest.mark.parametrize("tenant", ['a"b', "a\\b", "a\nb", "\ud800", "groß", ""])
def test_labels_may_hold_anything(tenant: str) -> None:
    metrics = Metrics()
    metrics.seen("api", parse(MESSAGE), tenant)
    ((*_, found),) = read(metrics)["verdicts_total"]
    assert found == (tenant if tenant.isprintable() or "\n" in tenant else "\\ud800")


def test_threads_lose_no_count() -> None:
    metrics = Metrics()
    outcome = Outcome(new=1, suppressed=("kim@example.org",))

    def work() -> None:
        for _ in range(500):
            metrics.recorded(outcome)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read(metrics)["list_events_total"][("new",)] == 2_000


def test_a_list_that_cannot_be_counted_leaves_the_other_numbers(
    known: SuppressionList, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> Any:
        raise StoreError("locked")

    monkeypatch.setattr(SuppressionList, "stats", fails)
    found = read(asked(Api(None, known=known), "GET", "/metrics").body)
    assert "list_addresses" not in found
    assert "info" in found


def test_the_list_is_not_counted_at_every_request(known: SuppressionList, monkeypatch: pytest.MonkeyPatch) -> None:
    from .service import ask

    known.suppress("kim@example.org")
    api = Api(None, known=known)

    async def twice() -> list[Any]:
        first = await ask(api, "GET", "/metrics")
        monkeypatch.setattr(SuppressionList, "stats", None)
        return [first, await ask(api, "GET", "/metrics")]

    for answer in asyncio.run(twice()):
        assert read(answer.body)["list_addresses"][("suppressed",)] == 1


LABELS: Final = {family.name: set(family.labels) for family in FAMILIES}


def test_only_labels_of_a_family_are_open() -> None:
    for family in FAMILIES:
        assert set(family.open) <= LABELS[family.name]


def test_half_a_character_keeps_the_format() -> None:
    metrics = Metrics()
    labels = labels_of(classify("550 5.1.1 no such user"), "a\ud800b")
    metrics.tallied("api", {labels: 1})
    assert r'tenant="a\\ud800b"' in metrics.text().decode("utf-8")
