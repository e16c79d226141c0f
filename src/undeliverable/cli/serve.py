"""`undeliverable serve`: record bounces that arrive by LMTP, SMTP, webhooks or the HTTP API."""

from __future__ import annotations

import signal
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from undeliverable import Knowledge
from undeliverable.cli._command import Command, UsageError, add_knowledge_options, context_of, warn
from undeliverable.cli._into import Watched, add_into_options, list_of
from undeliverable.cli._lists import open_list, place_of
from undeliverable.cli._numbers import add_max_size_option, add_timeout_option, within
from undeliverable.cli._serve_said import Listener, records_of, verbose
from undeliverable.cli._serve_web import (
    MIB,
    Shared,
    add_api_limits,
    add_web_options,
    has_api,
    secrets_of,
    web_of,
)
from undeliverable.cli._signer import add_proof_options, asking, prover_of

if TYPE_CHECKING:
    from undeliverable.proof import Prover
    from undeliverable.serve._metrics import Recording
    from undeliverable.store import SuppressionList

__all__ = ["COMMAND"]


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--lmtp", metavar="HOST:PORT", type=_address, help="listen here for LMTP (RFC 2033)")
    parser.add_argument("--smtp", metavar="HOST:PORT", type=_address, help="listen here for SMTP")
    parser.add_argument(
        "--http",
        metavar="HOST:PORT",
        type=_address,
        help="listen here for webhooks (POST /webhooks/NAME), clicks that unsubscribe (POST /u/TOKEN), and with tokens for the "
        "API (/v1/...)",
    )
    _look_up_arguments(parser)
    add_web_options(parser)
    parser.add_argument("--to", metavar="FILE", help="append the records to this file of JSON Lines")
    add_into_options(parser)
    for name, metavar, to in (
        ("domain", "DOMAIN", "this domain"),
        ("recipient", "ADDRESS", "this address, with or without +extension"),
    ):
        parser.add_argument(
            f"--{name}",
            metavar=metavar,
            dest=f"{name}s",
            action="append",
            default=[],
            help=f"accept mail that is sent to {to}; repeatable",
        )
    _limit_arguments(parser)
    add_proof_options(parser)
    add_knowledge_options(parser)


def _look_up_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--socketmap",
        metavar="PLACE",
        type=_place,
        help="answer the look-ups of a mail server here, from --list: HOST:PORT (loopback only) or unix:PATH",
    )
    parser.add_argument("--list", metavar="LIST", help="the suppression list for --socketmap")
    parser.add_argument(
        "--if-unreadable",
        metavar="WHAT",
        choices=("open", "temp", "perm"),
        default="open",
        help="what to answer while the list cannot be read: open (the default: mail is sent), temp (try later) or perm",
    )
    parser.add_argument(
        "--reject-text", metavar="TEXT", help="what the mail server says where the list stops a recipient"
    )


def _limit_arguments(parser: ArgumentParser) -> None:
    add_max_size_option(
        parser, "refuse a message of more than this (64), and a request of more than this or 8", default=64
    )
    parser.add_argument(
        "--max-in-flight",
        metavar="MIB",
        type=within(int, 1),
        default=256,
        help="the octets that all messages and requests in transfer may take together (256)",
    )
    parser.add_argument(
        "--max-connections",
        metavar="NUMBER",
        type=within(int, 1),
        default=100,
        help="the number of simultaneous connections (100)",
    )
    add_timeout_option(parser, "a command or a whole message by LMTP and SMTP (60)", default=60.0)
    add_api_limits(parser)
    parser.add_argument(
        "--listen-any", action="store_true", help="allow listening on addresses that other hosts can reach"
    )


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 0xFFFF:
        raise ArgumentTypeError(f"{text!r} is not HOST:PORT")
    return host.strip("[]"), int(port)


def _place(text: str) -> tuple[str, int] | str:
    return text.removeprefix("unix:") if text.startswith("unix:/") else _address(text)


def _run(options: Namespace) -> int:
    from undeliverable.serve._hosts import is_loopback

    mail = [(lmtp, place) for lmtp, place in ((True, options.lmtp), (False, options.smtp)) if place]
    web = [options.http] if options.http else []
    if not (mail or web or options.socketmap):
        raise UsageError("at least one of --lmtp, --smtp, --http and --socketmap is required")
    for host, _ in [*(place for _, place in mail), *web]:
        if not options.listen_any and not is_loopback(host):
            raise UsageError(f"{host} is reachable from other hosts; add --listen-any to allow it")
    watch = Knowledge.watch(options.rules, profiles=options.profile)
    prover, secrets = prover_of(options), secrets_of(options)
    known = list_of(options, reads_mail=bool(mail) or has_api(options, secrets))
    into = None if known is None else Watched(known, warn)
    shared = _shared(options, watch.current, known, into, asking(prover, known))
    found = web_of(options, shared, secrets)
    records = records_of(options, shared)
    listeners = [
        *_mail_listeners(options, shared, mail, records),
        *(Listener(server, options.http[0], f"HTTP: {found.about}{records}") for server in found.servers),
        *_look_up_listeners(options),
    ]

    def reload() -> None:
        watch.reload()
        found.reload()

    import asyncio

    try:
        with verbose(is_wanted=options.verbose):
            asyncio.run(_serve(listeners, reload))
    finally:
        if into is not None:
            into.close()
    return 0


def _shared(
    options: Namespace,
    knowledge: Callable[[], Knowledge],
    known: SuppressionList | None,
    into: Recording | None,
    prover: Prover | None,
) -> Shared:
    from undeliverable.serve import Budget

    shared = Shared(
        knowledge=knowledge,
        context=context_of(options) or None,
        budget=Budget(options.max_in_flight * MIB),
        into=into,
        prover=prover,
        known=known,
    )
    if options.http is None:
        return shared
    from undeliverable.serve._metrics import Counted, Metrics

    metrics = Metrics()
    return shared._replace(metrics=metrics, into=None if into is None else Counted(into, metrics))


def _mail_listeners(
    options: Namespace, shared: Shared, listen: list[tuple[bool, tuple[str, int]]], records: str
) -> list[Listener]:
    if not listen:
        return []
    if not (options.domains or options.recipients):
        raise UsageError("--domain or --recipient is required: the recipients to accept mail for")
    if options.to is None and shared.into is None:
        raise UsageError("--to or --into is required: where to record bounces")
    from undeliverable.serve import BounceHandler
    from undeliverable.serve.server import Limits, Sink

    handler = BounceHandler(
        options.domains,
        recipients=options.recipients,
        to=options.to,
        into=shared.into,
        knowledge=shared.knowledge,
        context=shared.context,
        prover=shared.prover,
        metrics=shared.metrics,
    )
    _check_return_path(shared.prover, handler.accepts)
    limits = Limits(size=options.max_size * MIB, connections=options.max_connections, command=options.timeout)
    about = f"mail for {', '.join((*(f'@{domain}' for domain in options.domains), *options.recipients))}{records}"
    return [
        Listener(
            Sink(handler, lmtp=lmtp, host=host, port=port, limits=limits, budget=shared.budget),
            host,
            f"{'LMTP' if lmtp else 'SMTP'}: {about}",
        )
        for lmtp, (host, port) in listen
    ]


def _check_return_path(prover: Prover | None, accepts: Callable[[str], bool]) -> None:
    """Warn of a signed return path to which no mail comes here: then no bounce would be proved, and all be ignored."""
    signer = None if prover is None else prover.signer
    if signer is not None and not accepts(signer.pattern.replace("{token}", "token")):
        warn(
            f"--return-path is {signer.pattern}, for which no --domain or --recipient accepts mail: what comes to another"
            " domain is not proved by its token"
        )


def _look_up_listeners(options: Namespace) -> list[Listener]:
    if not options.socketmap:
        return []
    if not options.list:
        raise UsageError("--list is required: the suppression list to look up in")
    from undeliverable.serve._hosts import is_loopback

    if not isinstance(options.socketmap, str) and not is_loopback(options.socketmap[0]):
        raise UsageError(
            f"{options.socketmap[0]} is reachable from other hosts, which --socketmap would answer as well"
        )
    known = open_list(options.list, scope=options.scope)
    from undeliverable.serve.socketmap import IfUnreadable, LookUps, SocketmapServer

    try:
        look_ups = LookUps(
            known,
            stream=options.stream,
            if_unreadable=IfUnreadable(options.if_unreadable),
            text=options.reject_text,
        )
    except ValueError as error:
        raise UsageError(f"--reject-text: {error}") from None
    host = None if isinstance(options.socketmap, str) else options.socketmap[0]
    return [Listener(SocketmapServer(look_ups, options.socketmap), host, f"socketmap: look-ups in {place_of(known)}")]


async def _serve(listeners: list[Listener], reload: Callable[[], object]) -> None:
    """Serve until SIGTERM or SIGINT, and reload at SIGHUP; say on standard error of each place when it is ready."""
    import asyncio

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, reload)
    for listener in listeners:
        warn(await listener.start())
    await stop.wait()
    for listener in listeners:
        await listener.server.stop()


COMMAND: Final = Command(
    name="serve",
    help="receive bounces by LMTP, SMTP, webhooks or an HTTP API and record them; answer look-ups of mail servers",
    examples=(
        "undeliverable serve --lmtp 127.0.0.1:8024 --domain bounces.example.com --to bounces.jsonl",
        "undeliverable serve --smtp 127.0.0.1:8025 --recipient bounces@example.com --to bounces.jsonl",
        "undeliverable serve --http 127.0.0.1:8080 --secrets secrets.toml --into list.db",
        "undeliverable serve --http 127.0.0.1:8080 --no-auth                 # the API, for programs on this host",
        "undeliverable serve --socketmap unix:/run/undeliverable/lookup --list list.db",
    ),
    arguments=_arguments,
    run=_run,
)
