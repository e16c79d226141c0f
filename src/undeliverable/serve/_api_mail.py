"""`POST /v1/parse` and `POST /v1/classify`: judge mail and replies, and keep what a mail reports before it is answered."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from undeliverable import Knowledge, Report, parse
from undeliverable.mail import delivered_to
from undeliverable.serve._commit import GroupCommit
from undeliverable.serve._delivery import Delivery
from undeliverable.serve._intake import Intake, Taken, ignored_of
from undeliverable.serve._judging import Judging
from undeliverable.serve._limits import Limits
from undeliverable.serve._problems import ApiError
from undeliverable.serve._replies import Judged, judged, with_context
from undeliverable.serve._taken import log_taken
from undeliverable.serve._web import Reply
from undeliverable.serve._worker import Job, Setup
from undeliverable.serve._workers import Workers

if TYPE_CHECKING:
    from undeliverable.proof import Prover
    from undeliverable.serve._metrics import Metrics

__all__ = ["Judge"]

_SOURCE: Final = "api"
_LONG: Final = 1 << 18  # octets from which a mail is parsed in a thread; for smaller ones the switch costs more
_MANY: Final = 500  # verdicts from which a record is written in a thread
_BATCH: Final = 1 << 12  # octets of replies from which a process of its own judges them


class Judge:
    """What judges mail and replies, and keeps reports; belongs to one event loop.

    :param intake: the file of records and the list, or one of them, or neither.
    :param workers: how many processes may judge batches of replies.
    """

    def __init__(
        self,
        intake: Intake,
        metrics: Metrics,
        *,
        knowledge: Knowledge | Callable[[], Knowledge] | None,
        context: Mapping[str, object] | None,
        prover: Prover | None,
        limits: Limits,
        workers: int,
    ) -> None:
        self.judging: Final = Judging(knowledge, context)
        self.places: Final = [name for name, place in (("file", intake.to), ("list", intake.into)) if place is not None]
        self._metrics = metrics
        self._prover = prover
        self._limits = limits
        self._workers = Workers(workers)
        self._store = GroupCommit(intake.store)

    async def drain(self) -> None:
        """Return when all accepted mail is on disk, and all processes have ended."""
        await self._store.drain()
        await self._workers.close()

    # --- replies ----------------------------------------------------------------------------------------------------

    async def classify(self, body: bytes) -> Reply:
        """Return the response with the verdict on a reply, or with those on a list of replies."""
        found: Judged | None = None
        if len(body) >= _BATCH and self._workers.are_there:
            setup = Setup(self.judging.knowledge, self.judging.context)
            found = await self._workers.judge(setup, Job(body, self._limits.batch))
        if found is None:
            steps = judged(self.judging, body, self._limits.batch)
            while (found := next(steps)) is None:  # noqa: ASYNC110 # only to let others have their turn
                await asyncio.sleep(0)
        self._metrics.tallied(_SOURCE, found.tally)
        return Reply(200, found.body)

    # --- mail -------------------------------------------------------------------------------------------------------

    async def parse(self, body: bytes, values: dict[str, Any]) -> Reply:
        """Return the response with the record of a mail, which is on disk before, unless `record` is false."""
        is_kept = bool(self.places) if values.get("record") is None else values["record"]
        if is_kept and not self.places:
            raise ApiError("nowhere", "this server records nothing: it was started without --to and --into")
        now = datetime.now(UTC)
        received = min(values.pop("received", now), now)
        values.pop("record", None)
        sender = None if values.get("envelope_from") is None else _bare(values["envelope_from"])
        recipients = tuple(map(_bare, values.pop("envelope_to", ())))
        values.pop("envelope_from", None)
        tenant = values.get("tenant", self.judging.tenant)
        delivery = Delivery(await self._read(body, values, recipients, received), sender, recipients)
        self._metrics.seen(_SOURCE, delivery.report, tenant)
        is_old = now - received > self._limits.max_age
        line = delivery.line() if len(delivery.report) < _MANY else await asyncio.to_thread(delivery.line)
        outcome = await self._store.add(Taken(delivery.report, line, counts=not is_old)) if is_kept else None
        ignored = 0 if is_old else ignored_of(delivery.report, outcome)
        log_taken(_SOURCE, delivery.report, recipients)
        places = [place for place in self.places if is_kept and not (is_old and place == "list")]
        recorded = json.dumps(places).encode("ascii")
        return Reply(200, b'%b,"recorded":%b,"ignored":%d}' % (line[:-2], recorded, ignored))

    async def _read(self, body: bytes, values: dict[str, Any], recipients: Sequence[str], received: datetime) -> Report:
        source, kept = values.pop("source", None), values.pop("keep_header", ())
        arguments = with_context(self.judging.arguments(), values)
        prover = self._prover

        def read() -> Report:
            report = replace(parse(body, source=source, keep_headers=kept, **arguments), received=received)
            if prover is None:
                return report
            return prover.prove(report, *(recipients or delivered_to(body)), today=received.date())

        if len(body) < _LONG and (prover is None or prover.sent is None):
            return read()
        return await asyncio.to_thread(read)  # what was sent may be asked of a database


def _bare(path: str) -> str:
    """Return an address without the brackets that SMTP puts around it; ``<>`` is the null sender."""
    return path.strip().removeprefix("<").removesuffix(">")
