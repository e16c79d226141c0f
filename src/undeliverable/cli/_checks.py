"""What `rules check` says of a file beyond errors of its form: examples that do not hold, and what it would change.

Built-in examples are judged twice, with and without the file, each as a reply of the provider that its rule is about.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from undeliverable import BounceType, Fault, Knowledge, MessageAdvice, Verdict, classify
from undeliverable.cli._words import counted

__all__ = ["change", "policy_errors", "policy_warnings"]

_FOREIGN: Final = frozenset((Fault.SENDER, Fault.CONTENT))
_WAITING: Final = frozenset((MessageAdvice.RETRY, MessageAdvice.RETRY_ELSEWHERE))
_UNSAID: Final = "expired"  # what no reply says: an example is taken for one that a queue gave up on, if that is asked
_EVENTS: Final = frozenset(("service", "class"))  # only an event of a service has them
_NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)  # where no policy names a time any will do
_SETTINGS: Final = 16  # that built-in examples are judged in
_BEYOND: Final = {">": 1.0, "<": -1.0}  # a number that is beyond a limit, from the limit


def policy_errors(knowledge: Knowledge, layer: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401 # as the knowledge has it
    """Yield the id of each policy whose examples do not hold, with what is wrong.

    :param layer: the file that is checked.
    """
    for policy in layer.policies:
        if _EVENTS & dict(policy.when.asked).keys():
            continue
        given = _surroundings(policy, layer, knowledge)
        known = _without(_UNSAID, policy, layer, knowledge)
        for example in policy.examples:
            verdict = classify(example, knowledge=known, **given)
            if not _has_set(policy, verdict):
                found = sorted({ref.id for ref in verdict.policies.values()})
                said = f"example {example!r}: {' and '.join(found) or 'no policy'} applies ({verdict.reason})"
                yield policy.id, said + ("" if found else _why_not(policy, layer, known, verdict, given))
        for example in policy.not_examples:
            if _has_set(policy, classify(example, knowledge=known, **given)):
                yield policy.id, f"not_examples {example!r}: the policy applies"


def _without(key: str, policy: Any, layer: Any, knowledge: Knowledge) -> Knowledge:  # noqa: ANN401
    """Return the knowledge with the policy of a layer as if it did not ask for `key`."""
    if policy.when.without(key) == policy.when:
        return knowledge
    layers: list[Any] = []
    one: Any
    for one in reversed(knowledge.layers):
        if one.name == layer.name and policy.id in {other.id for other in one.policies}:
            changed = [
                other._replace(when=other.when.without(key)) if other.id == policy.id else other
                for other in one.policies
            ]
            layers.append(replace(one, policies=tuple(changed)))
        else:
            layers.append(one)
    return Knowledge(layers)


def _why_not(policy: Any, layer: Any, knowledge: Knowledge, verdict: Verdict, given: dict[str, Any]) -> str:  # noqa: ANN401
    """Return which condition keeps a policy from applying to an example, or that it sets nothing there, if one is enough."""
    if policy.sets == ("retry_after",) and verdict.message_advice not in _WAITING:
        return f"; retry_after counts only where the message is tried again, not for {verdict.message_advice}"
    for key in ("reason", *dict(policy.when.asked)):
        if _has_set(policy, classify(verdict.reply or "", knowledge=_without(key, policy, layer, knowledge), **given)):
            return f"; {key!r} does not hold"
    return ""


def policy_warnings(before: Knowledge, knowledge: Knowledge, layer: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401
    """Yield the id of each policy that is over, hidden, or makes hard what is the sender's or the content's fault, and why."""
    yield from _over(layer)
    yield from _hidden(layer)
    yield from _too_hard(before, knowledge, layer)


def _over(layer: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401
    """Yield each policy whose time has passed."""
    for policy in layer.policies:
        until = dict(policy.when.asked).get("until")
        if until is not None and until.moment <= datetime.now(UTC):
            yield policy.id, f"no longer applies: its until ({until.moment:%Y-%m-%d %H:%M} UTC) is in the past"


def _hidden(layer: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401
    """Yield each policy that a higher one of the layer, which sets something else, keeps from applying where both fit."""
    for index, policy in enumerate(layer.policies):
        above = next((one for one in layer.policies[:index] if one.hides(policy)), None)
        if above is not None:
            keys = ", ".join(policy.sets)
            yield (
                policy.id,
                f"sets no {keys} where {above.id!r} fits too, since of one file only the first policy that fits counts",
            )


def _too_hard(before: Knowledge, knowledge: Knowledge, layer: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401
    """Yield the id of each policy that makes hard what is the sender's or the content's fault, with an example."""
    suspects = [one for one in layer.policies if one.bounce_type is BounceType.HARD and one.when.reasons is None]
    if not suspects:
        return
    foreign = [rule for rule in before.rules if rule.layer == "builtin" and rule.reason.fault in _FOREIGN]
    for policy in suspects:
        given = _surroundings(policy, layer, knowledge)
        for example in (text for rule in foreign for text in rule.all_examples):
            verdict = classify(example, knowledge=knowledge, **given)
            if verdict.fault in _FOREIGN and verdict.bounce_type is BounceType.HARD and _has_set(policy, verdict):
                said = (
                    f"makes hard what is the {verdict.fault}'s fault, such as {example!r}; ask for a reason or a fault"
                )
                yield policy.id, said
                break


def change(before: Knowledge, knowledge: Knowledge, layer: Any) -> str:  # noqa: ANN401
    """Return how many of the built-in examples are judged otherwise with the file, and how.

    An example counts if it does as a reply of its own provider, or in what one of the file's policies asks for.
    """
    kinds: Counter[str] = Counter()
    total = 0
    hosts = _hosts(before)
    asked = {str(given): given for given in (_surroundings(policy, layer, knowledge) for policy in layer.policies)}
    settings = [*asked.values()][:_SETTINGS]
    for rule in before.rules:
        if rule.layer != "builtin":
            continue
        host = hosts.get(min(map(str, rule.when.providers or ("",))))
        for example in rule.all_examples:
            total += 1
            found = (_moved(example, given, before, knowledge) for given in ({"host": host}, *settings))
            kind = next(filter(None, found), "")
            if kind:
                kinds[kind] += 1
    moved = sum(kinds.values())
    details = ", ".join(f"{number:,} {kind}" for kind, number in kinds.most_common())
    return f"{moved:,} of {counted(total, 'built-in example')} change{f' ({details})' if moved else ''}"


def _moved(example: str, given: dict[str, Any], *both: Knowledge) -> str:
    """Return how the verdicts of two bodies of knowledge differ, or an empty text."""
    return _kind(*(classify(example, knowledge=knowledge, **given) for knowledge in both))


def _kind(one: Verdict, other: Verdict) -> str:
    """Return how two verdicts differ, or an empty text."""
    if one.bounce_type is not other.bounce_type:
        return f"{one.bounce_type} -> {other.bounce_type}"
    for key in ("reason", "advice", "label", "message_advice", "retry_after", "applies_to"):
        if getattr(one, key) != getattr(other, key):
            return f"{key.replace('_', ' ')} only"
    return ""


def _has_set(policy: Any, verdict: Verdict) -> bool:  # noqa: ANN401 # as the knowledge has it
    return any((ref.id, ref.layer) == (policy.id, policy.layer) for _, ref in verdict.set_by)


def _hosts(knowledge: Knowledge) -> dict[str, str]:
    """Return a host of each provider that has any."""
    return {one.name: f"mx.{one.hosts[0]}" for one in reversed(knowledge.providers) if one.hosts}


def _surroundings(policy: Any, layer: Any, knowledge: Knowledge) -> dict[str, Any]:  # noqa: ANN401
    """Return what a policy's examples come with: all that it asks for beside the reply."""
    asked = dict(policy.when.asked)
    given: dict[str, Any] = {"now": _NOW, "context": {} if layer.tenant is None else {"tenant": layer.tenant}}
    if "since" in asked:
        given["now"] = asked["since"].moment
    for key, fill in _FILL.items():
        if key in asked:
            fill(given, asked[key], knowledge)
    return given


def _value(comparison: Any) -> str | None:  # noqa: ANN401 # one of several classes
    values: Iterable[str | None] = comparison.values
    return min(filter(None, values), default=None)


def _name(comparison: Any) -> str:  # noqa: ANN401 # one of several classes
    return str(comparison.written[0]).replace("*", "x")


def _provider(given: dict[str, Any], comparison: Any, knowledge: Knowledge) -> None:  # noqa: ANN401
    given.setdefault("host", _hosts(knowledge).get(_value(comparison) or ""))


def _network(given: dict[str, Any], comparison: Any, _: Knowledge) -> None:  # noqa: ANN401
    given["context"]["source"] = str(comparison.networks[0][0]) if comparison.networks else _name(comparison)


def _number(given: dict[str, Any], comparison: Any, _: Knowledge) -> None:  # noqa: ANN401
    sign, limit = comparison.limits[0]
    given["context"][comparison.of] = limit + _BEYOND.get(sign, 0.0)


def _until(given: dict[str, Any], comparison: Any, _: Knowledge) -> None:  # noqa: ANN401
    given["now"] = comparison.moment - timedelta(
        microseconds=1
    )  # after any `since`, or the file would not have been loaded


_FILL: Final[Mapping[str, Callable[[dict[str, Any], Any, Knowledge], None]]] = {
    "provider": _provider,
    "command": lambda given, asked, _: given.update(command=_value(asked)),
    "host": lambda given, asked, _: given.update(host=_name(asked)),
    "domain": lambda given, asked, _: given.update(recipient=f"kim@{_name(asked)}"),
    "mx": lambda given, asked, _: given.update(mx=[_name(asked)]),
    "sender_domain": lambda given, asked, _: given.update(sender=_name(asked)),
    "tenant": lambda given, asked, _: given["context"].update(tenant=_value(asked)),
    "stream": lambda given, asked, _: given["context"].update(stream=_value(asked)),
    "source": _network,
    "attempts": _number,
    "age": _number,
    "until": _until,
}
