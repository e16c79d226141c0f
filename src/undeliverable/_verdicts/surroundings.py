"""What is known beside the facts of one recipient: the event, the original message, and what the caller knows.

From all of it follows who the provider is, and what policies and conditional rules see.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from undeliverable._rules.comparisons import ABSENT, status_key
from undeliverable.reasons import Reason
from undeliverable.verdict import ProviderFrom

if TYPE_CHECKING:
    from undeliverable._rules.failure import Caller, Failure
    from undeliverable._verdicts.decisions import Answer, ServiceClass
    from undeliverable.knowledge import Knowledge
    from undeliverable.model import Event, Returned
    from undeliverable.verdict import Proof

__all__ = ["NOWHERE", "Surroundings", "failure_about", "identify"]

# RFC 5321 4.5.3.1.10: treat a 552 that says "too many recipients" as 452; so do policies.
_TOO_MANY: Final = 552
_TAKEN_AS: Final = 452


class Surroundings(NamedTuple):
    """What is known beside the facts of one recipient.

    :ivar trace: whether to name the other rules that matched.
    :ivar event: the notification of an e-mail service that the facts are from.
    :ivar by_class: how that service classified the failure.
    :ivar returned: the original message, as far as the report holds it.
    :ivar caller: what the caller knows.
    :ivar proof: what proves where the facts are from: the caller's own session or log.
    """

    trace: bool = False
    event: Event | None = None
    by_class: ServiceClass | None = None
    returned: Returned | None = None
    caller: Caller | None = None
    proof: Proof | None = None


NOWHERE: Final = Surroundings()
"""Nothing is known."""


def identify(draft: Any, provider: str | None, knowledge: Knowledge, caller: Caller | None) -> None:  # noqa: ANN401 # a draft
    """Fill in the provider: by host or words as `provider` says, else by MX, else by the domain when it is asked for."""
    draft.provider = draft.provider_from = knowledge.provider_found
    if provider is not None:
        draft.provider = provider
    elif caller is not None and caller.mx is not None:
        by_mx = _by_mx(draft, knowledge, caller)
        if by_mx is not None:
            draft.provider, draft.provider_from = by_mx, ProviderFrom.MX


def _by_mx(draft: Any, knowledge: Knowledge, caller: Caller) -> str | None:  # noqa: ANN401 # a draft
    from undeliverable._rules.failure import domain_of

    if draft.remote_mta is not None and knowledge.provider_of(draft.remote_mta) is not None:
        return None  # of a delivered recipient, which no rule looked at
    found = map(knowledge.provider_of, caller.mx_hosts(domain_of(draft.recipient)))
    return next(filter(None, found), None)


def failure_about(
    draft: Any,  # noqa: ANN401 # a draft
    reason: Reason,
    answer: Answer,
    seen: str,
    surroundings: Surroundings,
) -> Failure:
    """Return what policies see; it also makes the draft say who the provider is.

    :param seen: the reply without the recipient's addresses.
    """
    from undeliverable._rules.failure import Failure
    from undeliverable._rules.visible import visible

    reader: Any = draft.provider_from
    if callable(reader):
        known = None if callable(draft.provider) else draft.provider
        found: tuple[str | None, ProviderFrom | None] = cast("Any", reader)(draft.remote_mta, draft.recipient, known)
        draft.provider, draft.provider_from = found
    code = ABSENT if answer.code is None else int(answer.code)
    vendor_code = draft.vendor_code
    return Failure(
        reason,
        _TAKEN_AS if code == _TOO_MANY and reason is Reason.TOO_MANY_RECIPIENTS else code,
        status_key(answer.final),
        draft.command,
        provider=draft.provider,
        expired=draft.expired,
        recipient=draft.recipient,
        host=draft.remote_mta,
        seen=lambda: visible(seen, code),
        code=lambda: vendor_code if isinstance(vendor_code, str) else vendor_code(answer.text),
        returned=surroundings.returned,
        caller=surroundings.caller,
        **_labels(surroundings.event),
    )


def _labels(event: Event | None) -> Any:  # noqa: ANN401 # two keywords
    """Return what policies see of an event: its service, its class, and both classes as ``class/subclass``."""
    if event is None:
        return {}
    class_ = event.class_.casefold() if event.class_ else None
    both = f"{class_ or ''}/{event.subclass.casefold()}" if event.subclass else class_
    return {"service": event.service.casefold(), "classes": (class_, both)}
