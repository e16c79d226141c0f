"""The webhooks of e-mail services, at /webhooks/NAME: proved, written to a file, and recorded in the suppression list."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from undeliverable import Proof, WebhookError, parse_webhook
from undeliverable.serve import records
from undeliverable.store import StoreError, SuppressionList
from undeliverable.webhook_auth import CertificateNeeded, VerificationError, verify

KEPT = 2 * 86_400  # seconds, longer than any signature is valid


class Taken:
    """The requests that were taken. One that comes back with another body is a replay; with the same, a repetition."""

    def __init__(self, body: bytes) -> None:
        self.digest = hashlib.sha256(body).hexdigest()

    def __contains__(self, request_id: object) -> bool:
        return bool(cache.get(f"webhook:{request_id}", self.digest) != self.digest)

    def add(self, request_id: str | None) -> None:
        """Remember a request, once it is kept."""
        if request_id is not None:
            cache.set(f"webhook:{request_id}", self.digest, KEPT)


@csrf_exempt
@require_POST
def webhook(request: HttpRequest, name: str) -> HttpResponse:
    """Answer 200 once all events of a request are kept; before that the service tries again."""
    secret = settings.WEBHOOK_SECRETS.get(name)
    if secret is None:
        return HttpResponse(status=404)
    taken = Taken(request.body)
    try:
        proof = verify(name, request.body, request.headers, secret, url=request.build_absolute_uri(), seen=taken)
        reports = parse_webhook(name, request.body, headers=request.headers)
    except CertificateNeeded:  # not the service's fault: fetch the error's url for the next attempt
        return HttpResponse(status=503, headers={"Retry-After": "30"})
    except VerificationError:
        return HttpResponse(status=401, headers={"WWW-Authenticate": 'Basic realm="webhooks"'})
    except WebhookError:
        return HttpResponse(status=400)
    proved, now = [report.proved(Proof.SIGNED) for report in reports], datetime.now(UTC)
    lines = [json.dumps(report.to_dict()).encode() + b"\n" for report in proved]
    try:
        records.append(settings.WEBHOOK_RECORDS, lines)  # returns when they are on the disk
        with SuppressionList(settings.SUPPRESSION_LIST) as known:
            for report in proved:
                known.record_report(report, now)
    except (OSError, StoreError):
        return HttpResponse(status=503)
    taken.add(proof.id)
    return HttpResponse(status=200)
