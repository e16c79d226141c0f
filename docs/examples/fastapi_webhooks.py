"""A FastAPI application that takes webhooks into a suppression list, and answers whether an address may be mailed."""

from __future__ import annotations

import os

from fastapi import FastAPI

from undeliverable import classify
from undeliverable.serve.http import Endpoint, Webhooks
from undeliverable.store import SuppressionList
from undeliverable.webhook_auth import Basic

LIST = os.environ.get("SUPPRESSION_LIST", "list.db")
app = FastAPI()


app.mount("/mail", Webhooks({"postmark": Endpoint(Basic("hooks", "a long password"))}, into=SuppressionList(LIST)))


@app.get("/suppressed/{address}")
def suppressed(address: str) -> dict[str, bool]:
    """Say whether an address must not be mailed."""
    with SuppressionList(LIST) as known:
        return {"suppressed": known.is_suppressed(address)}


@app.post("/classify")
def explain(reply: str) -> dict[str, object]:
    """Return the verdict on an SMTP reply."""
    verdict = classify(reply, command="rcpt")
    return {"verdict": verdict.to_dict(), "explanation": verdict.explain()}
