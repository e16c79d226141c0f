"""Process a webhook request, independent of the web framework: authenticate, parse, pass on, record once.

Services repeat a request until it is answered with 2xx, so that status is given only when everything is stored, in the
file of records and in the list. Events that come twice, even at the same time or after a restart, are recognised by a
digest and recorded once.
"""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import json
import logging
import os
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar, cast

from undeliverable import Knowledge, Proof, Report, UndeliverableError, WebhookError, parse_webhook
from undeliverable.proof import Prover
from undeliverable.serve._commit import GroupCommit
from undeliverable.serve._failures import log_failure
from undeliverable.serve._intake import Intake, Recorder, Taken
from undeliverable.serve._judging import Judging
from undeliverable.serve._taken import log_taken
from undeliverable.serve._unsubscribe import unsubscribed
from undeliverable.webhook_auth import Basic, CertificateNeeded, Secret, VerificationError, verify
from undeliverable.webhook_auth import Proof as Verified
from undeliverable.webhooks import SERVICES, Service

if TYPE_CHECKING:
    from undeliverable.serve._metrics import Metrics

__all__ = ["Answer", "Endpoint", "Receiver"]

_LOG: Final = logging.getLogger("undeliverable.serve")
_LONG: Final = 1 << 18  # octets from which a body is parsed in a thread
_TAIL: Final = 1 << 25  # octets at the end of the file of records that are read for known events
_VALIDATION: Final = "validationCode"

_T = TypeVar("_T")
Received = Callable[[Sequence[Report]], Awaitable[None] | None]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The authentication of one service's requests.

    :ivar secret: as for :func:`undeliverable.webhook_auth.verify`.
    :ivar url: the URL as configured at the service, needed where its signature covers the URL.
    :ivar service: a service that the library does not know, as :func:`undeliverable.webhooks.load_service` reads it.
    """

    secret: Secret | Sequence[Secret]
    url: str | None = None
    service: Service | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A response: HTTP status, JSON object of the body, and headers."""

    status: int
    body: dict[str, object]
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


class Receiver:
    """A processor of requests; belongs to one event loop.

    :param endpoints: the accepted services, by name.
    :param to: the file of records, if any.
    :param into: the suppression list that takes the events, if any: a :class:`~undeliverable.store.SuppressionList`.
    :param received: called with the new reports of a request before they are recorded: a function (in a thread) or a
        coroutine function. When it raises, nothing is recorded and the service tries again.
    :param knowledge: the rules and policies to judge by, or a function that returns those of the moment; the built-in
        ones by default.
    :param prover: knows which recipients the tokens of unsubscribe links belong to; without it there are no such links.
    :param remember: the number of events to remember, so that each is recorded once.
    :param context: what policies may ask for, the same for all events.
    :param metrics: where the verdicts are counted.
    """

    def __init__(  # noqa: PLR0913 # as of the application
        self,
        endpoints: Mapping[str, Endpoint],
        *,
        to: str | os.PathLike[str] | None = None,
        into: Recorder | None = None,
        received: Received | None = None,
        knowledge: Knowledge | Callable[[], Knowledge] | None = None,
        prover: Prover | None = None,
        remember: int = 200_000,
        context: Mapping[str, object] | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        if to is None and into is None and received is None:
            raise ValueError("at least one of `to`, `into` and `received` is required")
        self._endpoints = dict(endpoints)
        self._to = to
        self._received = received
        self._judging = Judging(knowledge, context)
        self._prover = prover
        self._remember = remember
        self._known: OrderedDict[str, bool] = OrderedDict()  # and whether the list is known to have it
        self._used: OrderedDict[str, str] = OrderedDict()  # ids of requests whose body is not signed, and its digest
        self._busy: dict[str, asyncio.Future[None]] = {}
        self._store = GroupCommit(Intake(to, into).store)
        self._is_listless = into is None
        self._learned = to is None
        self._metrics = metrics

    def endpoint(self, name: str) -> Endpoint | None:
        """Return the endpoint of a service, or None if its requests are not accepted."""
        return self._endpoints.get(name)

    def takes_query(self, name: str) -> bool:
        """Return whether a service sends its events by GET, in the query of the URL."""
        endpoint = self._endpoints.get(name)
        if endpoint is None:
            return False
        service = endpoint.service or next((one for one in SERVICES if one.name == name), None)
        return service is not None and service.method == "GET"

    async def take(self, name: str, body: bytes, headers: Mapping[str, str], url: str | None = None) -> Answer:
        """Process one request and return the response: 2xx only when all of it is recorded.

        :param url: the URL of the request, which may hold a secret; a signature that covers the URL is checked against
            the endpoint's own, never against what the client sends.
        """
        endpoint = self._endpoints.get(name)
        if endpoint is None:
            return Answer(404, {"error": "no such endpoint"})
        digest = hashlib.sha256(body).hexdigest()
        try:
            await self._learn()
            service = endpoint.service or name
            proof = verify(service, body, headers, endpoint.secret, url=endpoint.url or url)
            reports = [report.proved(Proof.SIGNED) for report in await self._read(service, body, headers)]
        except VerificationError as error:
            return _refused(error, endpoint)
        except WebhookError as error:
            return Answer(400, {"error": error.detail})
        except OSError as error:
            log_failure("cannot read the file of records", error)
            return _unavailable()
        if not self._use(proof, digest):
            return Answer(401, {"error": "its token has been used for another body"})
        return await self._keep(reports, proof, digest)

    def reads_token(self, token: str) -> bool:
        """Return whether a text can be the token of a link that unsubscribes."""
        signer = None if self._prover is None else self._prover.signer
        return signer is not None and signer.read(token) is not None

    async def unsubscribe(self, token: str) -> Answer:
        """Unsubscribe the recipient that a token of the prover's signer names: 200 only when that is recorded."""
        if self._prover is None:
            return Answer(404, {})
        try:
            await self._learn()
            report = await asyncio.to_thread(unsubscribed, token, self._prover, datetime.now(UTC))
        except (OSError, UndeliverableError) as error:
            log_failure("a request to unsubscribe cannot be answered now", error)
            return _unavailable()
        if report is None:
            return Answer(404, {})
        return await self._keep([report], None, hashlib.sha256(token.encode(errors="backslashreplace")).hexdigest())

    async def drain(self) -> None:
        """Return when all accepted events are on disk."""
        await self._store.drain()

    # --- reading ----------------------------------------------------------------------------------------------------

    async def _read(self, service: str | Service, body: bytes, headers: Mapping[str, str]) -> tuple[Report, ...]:
        arguments = self._judging.arguments()
        if len(body) < _LONG:
            return parse_webhook(service, body, headers=headers, **arguments)
        return await asyncio.to_thread(parse_webhook, service, body, headers=headers, **arguments)

    def _use(self, proof: Verified, digest: str) -> bool:
        """Return True unless a token that does not cover the body was used for another body before."""
        if proof.covers_body or proof.id is None:
            return True
        if self._used.get(proof.id, digest) != digest:
            return False
        _remember(self._used, {proof.id: digest}, self._remember)
        return True

    # --- keeping ----------------------------------------------------------------------------------------------------

    async def _keep(self, reports: Sequence[Report], proof: Verified | None, digest: str) -> Answer:
        keys = [_key(report.to_dict()) for report in reports]
        while waiting := [self._busy[key] for key in keys if key in self._busy]:
            await asyncio.wait(waiting)  # another request is recording the same event
        # What the file holds may not have reached the list before the program ended.
        missing = {key: report for key, report in zip(keys, reports, strict=True) if not self._known.get(key)}
        new = {key: report for key, report in missing.items() if key not in self._known}
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._busy.update(dict.fromkeys(missing, done))
        try:
            await self._hand_over(missing, new, proof, digest)
        except Exception as error:  # noqa: BLE001 # a failing `received`, a full disk: the service will try again
            log_failure("request not recorded, answered with 503", error)
            return _unavailable()
        else:
            _remember(self._known, dict.fromkeys(missing, True), self._remember)
            self._count(new.values())
        finally:
            for key in missing:
                del self._busy[key]
            done.set_result(None)
        return Answer(200, {"taken": len(new), "known": len(reports) - len(new)} | _validation(reports))

    def _count(self, reports: Iterable[Report]) -> None:
        for report in reports:
            log_taken("webhook", report)
            if self._metrics is not None:
                self._metrics.seen("webhook", report, self._judging.tenant)

    async def _hand_over(
        self, missing: Mapping[str, Report], new: Mapping[str, Report], proof: Verified | None, digest: str
    ) -> None:
        if self._received is not None and new:
            if inspect.iscoroutinefunction(self._received):
                await self._received(list(new.values()))
            else:
                await asyncio.to_thread(self._received, list(new.values()))
        now = datetime.now(UTC)
        request = {"id": None if proof is None else proof.id, "digest": digest, "received": now.isoformat()}
        taken: list[Taken] = []
        for key, found in missing.items():
            report = replace(found, received=now)
            taken.append(Taken(report, _line(report, request) if key in new else None))
        await self._store.add(*taken)

    # --- known events -----------------------------------------------------------------------------------------------

    async def _learn(self) -> None:
        """Load, once, the events that were recorded before the program started."""
        if self._learned:
            return
        assert self._to is not None
        records = await asyncio.to_thread(_last_records, self._to)
        if self._learned:
            return  # another request was faster
        self._learned = True
        for record in records:
            _remember(self._known, {_key(record): self._is_listless}, self._remember)
            request = record.get("request")
            if isinstance(request, dict):
                found = cast("dict[str, object]", request)
                _remember(self._used, {str(found.get("id")): str(found.get("digest"))}, self._remember)


def _last_records(path: str | os.PathLike[str]) -> list[dict[str, object]]:
    """Return the last records of a file; an empty list if it does not exist."""
    try:
        return list(_read_tail(path))
    except FileNotFoundError:
        return []


def _read_tail(path: str | os.PathLike[str]) -> Iterator[dict[str, object]]:
    with Path(path).open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        file.seek(max(0, size - _TAIL))
        if size > _TAIL:
            file.readline()
        for line in file:
            try:
                record = json.loads(line)
            except (ValueError, RecursionError):
                continue  # a torn line: its request was not answered with 2xx
            if isinstance(record, dict):
                yield cast("dict[str, object]", record)


def _remember(known: OrderedDict[str, _T], new: Mapping[str, _T], most: int) -> None:
    known.update(new)
    while len(known) > most:
        known.popitem(last=False)


def _key(record: Mapping[str, object]) -> str:
    """Return the digest that identifies an event; its id is not enough, for some services give that of the message."""
    event = cast("dict[str, object]", record.get("event") or {})
    message = cast("dict[str, object]", record.get("message") or {})
    verdicts = cast("list[dict[str, object]]", record.get("verdicts") or [])
    named = [
        *(event.get(name) for name in ("service", "id", "type", "class", "subclass")),
        message.get("date"),
        [verdict.get("key") for verdict in verdicts],
        None if verdicts else [message.get("queue_id"), message.get("returned"), event.get("metadata")],
    ]
    return hashlib.sha256(json.dumps(named, sort_keys=True, default=str).encode()).hexdigest()


def _line(report: Report, request: Mapping[str, object]) -> bytes:
    return report.to_json(compact=True, more={"request": dict(request)}).encode("ascii") + b"\n"


def _validation(reports: Sequence[Report]) -> dict[str, object]:
    """Return the code with which Azure Event Grid validates an endpoint; the request has been authenticated already."""
    codes = [
        report.event.metadata[_VALIDATION]
        for report in reports
        if report.event and _VALIDATION in report.event.metadata
    ]
    return (
        {"validationResponse": codes[0]} if codes and reports[0].event and reports[0].event.service == "azure" else {}
    )


def _refused(error: VerificationError, endpoint: Endpoint) -> Answer:
    if isinstance(error, CertificateNeeded):
        _LOG.warning("%s", error)
        return _unavailable()
    _LOG.info("refused: %s", error)
    asked = [endpoint.secret] if isinstance(endpoint.secret, str | bytes) else endpoint.secret
    is_basic = isinstance(asked, Basic) or (
        isinstance(asked, Sequence) and any(isinstance(one, Basic) for one in asked)
    )
    # RFC 7235 3.1; SNS sends its password only after a challenge.
    headers = {"www-authenticate": 'Basic realm="webhooks", charset="UTF-8"'} if is_basic else {}
    return Answer(401, {"error": "not proved"}, headers)


def _unavailable() -> Answer:
    return Answer(503, {"error": "cannot be kept now"}, {"retry-after": "30"})
