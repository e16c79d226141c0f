"""Webhooks: one report for each event in a notification from an e-mail service.

A service is described in ``data/services/NAME.toml`` where its events can be: `_descriptions` compiles that, `_described`
reads its bodies. A service that takes an algorithm is one module of this package: tables of its events and classes, then a
reader that turns a decoded body into notices. Everything else is shared: `_body` decodes requests, `_fields` reads values
of any type without raising, `_reports` judges notices. To add a service, write its description, or its module and list
it in `_CODED`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from undeliverable._knowledge.common import shipped
from undeliverable.errors import WebhookError
from undeliverable.knowledge import Knowledge, caller_of
from undeliverable.verdict import Report
from undeliverable.webhooks import (
    amazon_ses,
    azure,
    kumomta,
    mailersend,
    mailgun,
    mailjet,
    mandrill,
    postal,
    postmark,
    resend,
    sendgrid,
    sparkpost,
)
from undeliverable.webhooks._anymail import NAME, event_fields, named_after
from undeliverable.webhooks._body import Form, read_body
from undeliverable.webhooks._descriptions import compile_service, load_service
from undeliverable.webhooks._reports import report
from undeliverable.webhooks._service import Scheme, Service

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

    from undeliverable._rules.failure import Caller, Hosts

__all__ = [
    "SERVICES",
    "Form",
    "Scheme",
    "Service",
    "from_anymail",
    "load_service",
    "names",
    "parse_webhook",
    "read_body",
]

_CODED: Final[tuple[Service, ...]] = (
    amazon_ses.SERVICE,
    azure.SERVICE,
    kumomta.SERVICE,
    mailersend.SERVICE,
    mailgun.SERVICE,
    mailjet.SERVICE,
    mandrill.SERVICE,
    postal.SERVICE,
    postmark.SERVICE,
    resend.SERVICE,
    sendgrid.SERVICE,
    sparkpost.SERVICE,
)


def _all_services() -> tuple[Service, ...]:
    documents = shipped()
    described = (compile_service(name, documents.document(f"services/{name}")) for name in documents.names("services/"))
    return tuple(sorted((*_CODED, *described), key=lambda service: service.name))


SERVICES: Final = _all_services()
"""All known services in the order of their names."""


def names() -> tuple[str, ...]:
    """Return the names of all services, as :func:`parse_webhook` takes them, in alphabetical order."""
    return tuple(service.name for service in SERVICES)


def parse_webhook(  # noqa: PLR0913 # the public interface
    name: str | Service,
    body: object,
    *,
    content_type: str | None = None,
    headers: Mapping[str, str] | None = None,
    knowledge: Knowledge | None = None,
    mx: Hosts = None,
    context: Mapping[str, object] | None = None,
    now: datetime | None = None,
    sender: str | None = None,
) -> tuple[Report, ...]:
    """Return the reports of all events in one request, in order; see :func:`undeliverable.parse_webhook`."""
    service = name if isinstance(name, Service) else _named(name)
    lowered = {str(key).lower(): str(value) for key, value in (headers or {}).items()}
    decoded = read_body(service.name, body, content_type or lowered.get("content-type"))
    return _reports(service, decoded, lowered, knowledge, caller_of(mx, context, now, sender))


def from_anymail(
    event: object,
    esp_name: str | None = None,
    *,
    knowledge: Knowledge | None = None,
    mx: Hosts = None,
    context: Mapping[str, object] | None = None,
    now: datetime | None = None,
    sender: str | None = None,
) -> Report:
    """Return the report of a tracking event of django-anymail; see :func:`undeliverable.from_anymail`."""
    service = named_after(_named(NAME), esp_name, SERVICES)
    (found,) = _reports(service, event_fields(event), {}, knowledge, caller_of(mx, context, now, sender))
    return found


def _reports(
    service: Service,
    body: object,
    headers: Mapping[str, str],
    knowledge: Knowledge | None,
    caller: Caller | None,
) -> tuple[Report, ...]:
    known = (Knowledge.builtin() if knowledge is None else knowledge).of(caller)
    return tuple(report(service, notice, known, caller) for notice in service.read(body, headers))


def _named(name: str) -> Service:
    service = next((service for service in SERVICES if service.name == name), None)
    if service is None:
        raise WebhookError(name, f"unknown service; expected one of {', '.join(names())}")
    return service
