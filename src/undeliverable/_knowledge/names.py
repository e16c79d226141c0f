"""Whether the names in a layer exist: providers, e-mail services, and the entries that others replace."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from undeliverable._knowledge.common import shipped
from undeliverable.errors import EntryError
from undeliverable.errors._tables import as_list, unknown

if TYPE_CHECKING:
    from undeliverable._knowledge.loader import Layer
    from undeliverable._knowledge.toml import TomlSource
    from undeliverable._rules.circumstances import Circumstances
    from undeliverable._rules.policies import Policy
    from undeliverable._rules.rule import Rule

    _Entry = TypeVar("_Entry", Rule, Policy)

__all__ = ["check_names", "check_replaces", "service_names"]


def service_names() -> frozenset[str]:
    """Return the names of the e-mail services and logs whose notifications can be judged."""
    listed = as_list(shipped().document("services").get("names")) or ()
    return frozenset((*map(str, listed), *shipped().names("services/"), *shipped().names("logs/")))


def check_names(layer: Layer, others: Sequence[Any], source: TomlSource) -> None:
    """Refuse conditions that ask for a provider or a service that nobody knows: they could never hold.

    :param others: the other layers, any of which may describe a provider or name a service.
    :raises KnowledgeError: for the first such condition.
    """
    providers: frozenset[str] | None = None
    services: frozenset[str] | None = None
    for kind, index, entry, circumstances in _entries(layer):
        for key, name in _providers(entry, circumstances):
            if providers is None:
                described = (one.name for other in (layer, *others) for one in other.providers)
                providers = frozenset((*shipped().provider_names, *described))
            if name not in providers:
                source.fail(EntryError(unknown("provider", name, providers), key=key), kind, index, entry.id)
        for key, name in () if circumstances is None else circumstances.named("service"):
            if services is None:
                services = service_names().union(*(other.services for other in (layer, *others)))
            if name not in services:
                detail = f"{unknown('service', name, services)}; name one of your own in a [[service]] of this file"
                source.fail(EntryError(detail, key=key), kind, index, entry.id)


def _entries(layer: Layer) -> Iterator[tuple[str, int, Rule | Policy, Circumstances | None]]:
    yield from (("rule", index, rule, rule.when.around) for index, rule in enumerate(layer.rules))
    yield from (("policy", index, policy, policy.when) for index, policy in enumerate(layer.policies))


def _providers(entry: Rule | Policy, circumstances: Circumstances | None) -> Iterator[tuple[str, str]]:
    names: Iterable[str | None] = getattr(entry.when, "providers", None) or ()  # a rule's own
    yield from (("when.provider", name) for name in sorted(filter(None, names)))
    if circumstances is not None:
        yield from circumstances.named("provider")


def check_replaces(kind: str, entries: Sequence[_Entry], known: Callable[[], set[str]], source: TomlSource) -> None:
    """Refuse an entry that replaces one that no lower layer has.

    :param known: gives the ids of the lower layers; hardly any layer replaces anything.
    :raises KnowledgeError: for the first such entry.
    """
    for index, entry in enumerate(entries):
        if entry.replaces is not None and entry.replaces not in known():
            fault = EntryError(f"no {kind} of a lower layer has the id {entry.replaces!r}", key="replaces")
            source.fail(fault, kind, index, entry.id)
