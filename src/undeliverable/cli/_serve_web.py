"""`undeliverable serve --http`: webhooks, the API, or both on one port."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Final, NamedTuple

from undeliverable import Knowledge, KnowledgeError
from undeliverable.cli._command import UsageError, warn
from undeliverable.cli._into import add_max_age_option, max_age_of
from undeliverable.cli._numbers import within

if TYPE_CHECKING:
    from undeliverable.proof import Prover
    from undeliverable.serve import Budget
    from undeliverable.serve._api import Api
    from undeliverable.serve._http_server import App, HttpServer
    from undeliverable.serve._intake import Recorder
    from undeliverable.serve._metrics import Metrics
    from undeliverable.serve._receiver import Endpoint
    from undeliverable.serve._secrets_file import Secrets
    from undeliverable.serve.http import Webhooks
    from undeliverable.store import SuppressionList

__all__ = [
    "MIB",
    "Shared",
    "Web",
    "add_api_limits",
    "add_web_options",
    "has_api",
    "secrets_of",
    "web_of",
]

MIB: Final = 1 << 20
_MOST_WORKERS: Final = 4
_NEEDED: Final = ("undeliverable.serve.http", "undeliverable.serve._http_server")
_TOO_MANY: Final = 64


class Shared(NamedTuple):
    """What all servers share.

    :ivar knowledge: returns the rules of the moment.
    :ivar context: what policies may ask for.
    :ivar budget: the octets in transfer.
    :ivar into: takes the events.
    :ivar prover: marks verdicts by what proves them.
    :ivar known: the list.
    :ivar metrics: where numbers are counted; None without ``--http``.
    """

    knowledge: Callable[[], Knowledge]
    context: dict[str, object] | None
    budget: Budget
    into: Recorder | None = None
    prover: Prover | None = None
    known: SuppressionList | None = None
    metrics: Metrics | None = None


class Web(NamedTuple):
    """The servers for HTTP, what reads their tokens again, and what they do."""

    servers: list[HttpServer]
    reload: Callable[[], None]
    about: str = ""


def add_web_options(parser: ArgumentParser) -> None:
    """Declare the options that only ``--http`` has."""
    parser.add_argument(
        "--secrets",
        metavar="FILE",
        help="the secrets that authenticate each service's webhooks, and the tokens of the API (TOML)",
    )
    parser.add_argument(
        "--no-auth",
        action="store_true",
        help="answer the API without tokens: to every program on this host, so on a loopback address only",
    )
    parser.add_argument(
        "--service",
        metavar="FILE",
        dest="services",
        action="append",
        default=[],
        help="a service of your own for --http, described in this file (TOML) called after it; repeatable",
    )


def add_api_limits(parser: ArgumentParser) -> None:
    """Declare the limits that only the API has."""
    parser.add_argument(
        "--workers",
        metavar="NUMBER",
        type=within(int, 0, _TOO_MANY),
        default=None,
        help="processes that judge batches of replies for the API (one for each core, up to 4; 0: none)",
    )
    parser.add_argument(
        "--max-batch",
        metavar="NUMBER",
        type=within(int, 1),
        default=10_000,
        help="the replies, or addresses, in one request of the API (10000)",
    )
    add_max_age_option(parser, "a mail that the API gets with an older time of receipt is left out of the list (10)")


def secrets_of(options: Namespace) -> Secrets | None:
    """Return what the file of secrets holds, or None without ``--http`` or without such a file.

    :raises UsageError: when the options contradict each other.
    """
    from undeliverable.serve._hosts import is_loopback

    if options.no_auth and (options.http is None or not is_loopback(options.http[0])):
        raise UsageError("--no-auth answers everybody who can connect: it needs --http with a loopback address")
    max_age_of(options)
    if options.http is None:
        return None
    # What is not installed is named before a file that cannot be read.
    for name in _NEEDED:
        import_module(name)
    if not options.secrets:
        return None
    from undeliverable.serve._secrets_file import read_all_secrets
    from undeliverable.webhooks import load_service

    found = read_all_secrets(options.secrets, map(load_service, options.services))
    if options.no_auth and found.tokens.known:
        raise UsageError(
            f"--no-auth: {options.secrets} has tokens of the API, which nobody would need; leave one of both out"
        )
    return found


def has_api(options: Namespace, secrets: Secrets | None) -> bool:
    """Return whether the API is on: with tokens, or explicitly without."""
    return bool(options.no_auth or (secrets is not None and secrets.tokens.known))


def web_of(options: Namespace, shared: Shared, secrets: Secrets | None) -> Web:
    """Return the servers for HTTP.

    :raises UsageError: when the options give them nothing to do, or nowhere to record webhooks.
    """
    if options.http is None:
        return Web([], lambda: None)
    api = _api(options, shared, secrets) if has_api(options, secrets) else None
    hooks = _hooks(options, shared, secrets, is_alone=api is None)
    from undeliverable.serve._http_server import HttpServer

    host, port = options.http
    server = HttpServer(_app(api, hooks), host=host, port=port, connections=options.max_connections)
    parts = (_about_api(api), _about_hooks(hooks, secrets, shared))
    return Web([server], lambda: _reload(options.secrets, api), ", ".join(filter(None, parts)))


def _about_api(api: Api | None) -> str:
    """Return in words which clients the API answers."""
    if api is None:
        return ""
    return "API without tokens" if api.tokens is None else f"API for {_names(token.name for token in api.tokens.known)}"


def _about_hooks(hooks: Webhooks | None, secrets: Secrets | None, shared: Shared) -> str:
    """Return in words which webhooks are taken."""
    if hooks is None:
        return ""
    services = "" if secrets is None else _names(secrets.endpoints)
    can_unsubscribe = shared.prover is not None and shared.prover.sent is not None
    parts = (f"webhooks of {services}" if services else "", "unsubscribe links" if can_unsubscribe else "")
    return ", ".join(filter(None, parts))


def _names(names: Iterable[str]) -> str:
    return ", ".join(names)


def _app(api: Api | None, hooks: Webhooks | None) -> App:
    if api is None or hooks is None:
        found = api or hooks
        assert found is not None
        return found
    from undeliverable.serve._site import Site

    return Site(api, hooks)


def _api(options: Namespace, shared: Shared, secrets: Secrets | None) -> Api:
    from undeliverable.serve._api import Api, Limits
    from undeliverable.serve._limits import BODY

    limits = Limits(
        mail=options.max_size * MIB,
        body=min(options.max_size * MIB, BODY),
        batch=options.max_batch,
        max_age=max_age_of(options),
    )
    return Api(
        None if secrets is None or options.no_auth else secrets.tokens,
        to=options.to,
        into=shared.into,
        known=shared.known,
        knowledge=shared.knowledge,
        context=shared.context,
        prover=shared.prover,
        limits=limits,
        budget=shared.budget,
        metrics=shared.metrics,
        workers=min(_cores(), _MOST_WORKERS) if options.workers is None else options.workers,
    )


def _hooks(options: Namespace, shared: Shared, secrets: Secrets | None, *, is_alone: bool) -> Webhooks | None:
    can_unsubscribe = shared.prover is not None and shared.prover.sent is not None
    endpoints: Mapping[str, Endpoint] = {} if secrets is None else secrets.endpoints
    has_place = options.to is not None or shared.into is not None
    if is_alone and secrets is None and (options.services or not can_unsubscribe):
        raise UsageError(
            "--secrets is required: the secrets of the webhooks, or the tokens of the API; or --no-auth, for the API without "
            "tokens; or --keys with --sent or --into, to unsubscribe"
        )
    if not has_place and (endpoints or is_alone):
        raise UsageError("--to or --into is required: where to record webhooks")
    if not endpoints and not is_alone and not (can_unsubscribe and has_place):
        return None
    from undeliverable.serve._limits import BODY
    from undeliverable.serve.http import Webhooks

    return Webhooks(
        endpoints,
        to=options.to,
        into=shared.into,
        knowledge=shared.knowledge,
        context=shared.context,
        prover=shared.prover,
        max_size=min(options.max_size * MIB, BODY),
        budget=shared.budget,
        metrics=shared.metrics,
    )


def _reload(path: str | None, api: Api | None) -> None:
    """Read the tokens again; where that fails, those that are known stay."""
    if api is None or api.tokens is None or path is None:
        return
    from undeliverable.serve._secrets_file import read_tokens

    try:
        api.tokens = read_tokens(path)
    except KnowledgeError as error:
        warn(f"the tokens stay as they were: {error}")


def _cores() -> int:
    """Return the number of cores that this process may use."""
    import os

    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
