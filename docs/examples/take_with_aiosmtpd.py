"""Takes bounces in an asyncio application of your own."""

from __future__ import annotations

import asyncio
import logging

from undeliverable.serve import BounceHandler, Delivery
from undeliverable.serve.server import Sink

LOG = logging.getLogger("bounces")


class Bounces(BounceHandler):
    """Shows what should be suppressed, before the record is written."""

    async def received(self, delivery: Delivery, content: bytes) -> None:
        """Raise, and the message comes again."""
        for verdict in delivery.report.verdicts:
            if verdict.advice == "suppress":
                LOG.warning("%s: %s, in %d octets", verdict.recipient, verdict.reason, len(content))


async def main() -> None:
    """Listen until cancelled."""
    sink = Sink(Bounces(["bounces.example.com"], to="bounces.jsonl"), port=8024)
    await sink.start()
    try:
        await asyncio.Event().wait()
    finally:
        await sink.stop()


if __name__ == "__main__":
    asyncio.run(main())
