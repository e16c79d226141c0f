"""`undeliverable serve`: record bounces that arrive by LMTP, SMTP or webhooks."""

from __future__ import annotations

import signal
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final, NamedTuple

from undeliverable import Knowledge
from undeliverable.cli._command import Command, UsageError, add_knowledge_options, context_of, warn
from undeliverable.cli._lists import Intake
from undeliverable.cli._signer import add_proof_options, prover_of

if TYPE_CHECKING:
    from undeliverable.serve import Budget
    from undeliverable.serve._http_server import HttpServer
    from undeliverable.serve.server import Sink

__all__ = ["COMMAND"]

_MIB: Final = 1 << 20


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--lmtp", metavar="HOST:PORT", type=_address, help="listen here for LMTP (RFC 2033)")
    parser.add_argument("--smtp", metavar="HOST:PORT", type=_address, help="listen here for SMTP")
    parser.add_argument(
        "--http", metavar="HOST:PORT", type=_address, help="listen here for webhooks: POST /webhooks/NAME"
    )
    parser.add_argument(
        "--secrets", metavar="FILE", help="the secrets that authenticate each service's webhooks (TOML)"
    )
    parser.add_argument("--to", metavar="FILE", help="append the records to this file of JSON Lines")
    parser.add_argument("--into", metavar="LIST", help="record webhooks in a suppression list, with or without --to")
    for name, what in (("domain", "at this domain"), ("recipient", "with this address, with or without +extension")):
        parser.add_argument(
            f"--{name}",
            metavar=name.upper(),
            dest=f"{name}s",
            action="append",
            default=[],
            help=f"accept mail to recipients {what}; repeatable",
        )
    _limit_arguments(parser)
    add_proof_options(parser)
    add_knowledge_options(parser)


def _limit_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--max-size", metavar="MIB", type=int, default=64, help="the largest message (64) or request (at most 8)"
    )
    parser.add_argument(
        "--max-in-flight",
        metavar="MIB",
        type=int,
        default=256,
        help="the octets that all messages and requests in transfer may take together (256)",
    )
    parser.add_argument(
        "--max-connections",
        metavar="NUMBER",
        type=int,
        default=100,
        help="the number of simultaneous connections (100)",
    )
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=float,
        default=60.0,
        help="the time limit of a command or a whole message (60)",
    )
    parser.add_argument(
        "--listen-any", action="store_true", help="allow listening on addresses that other hosts can reach"
    )


class _Shared(NamedTuple):
    """What all servers share: the rules of the moment, what policies may ask for, and the budget of octets."""

    knowledge: Callable[[], Knowledge]
    context: dict[str, object] | None
    budget: Budget


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 0xFFFF:
        raise ArgumentTypeError(f"{text!r} is not HOST:PORT")
    return host.strip("[]"), int(port)


def _run(options: Namespace) -> int:
    mail = [(lmtp, place) for lmtp, place in ((True, options.lmtp), (False, options.smtp)) if place]
    web = [options.http] if options.http else []
    if not (mail or web):
        raise UsageError("at least one of --lmtp, --smtp and --http is required")
    for host, _ in [*(place for _, place in mail), *web]:
        if not options.listen_any and not _is_loopback(host):
            raise UsageError(f"{host} is reachable from other hosts; add --listen-any to allow it")
    from undeliverable.serve import Budget

    watch = Knowledge.watch(options.rules, profiles=options.profile)
    shared = _Shared(watch.current, context_of(options) or None, Budget(options.max_in_flight * _MIB))
    sinks: list[Sink | HttpServer] = [*_mail_sinks(options, shared, mail), *_web_sinks(options, shared, web)]

    import asyncio

    try:
        asyncio.run(_serve(sinks, watch.reload))
    except OSError as error:
        warn(str(error))
        return 1
    return 0


def _mail_sinks(options: Namespace, shared: _Shared, listen: list[tuple[bool, tuple[str, int]]]) -> list[Sink]:
    if not listen:
        return []
    if not (options.domains or options.recipients):
        raise UsageError("--domain or --recipient is required: the recipients to accept mail for")
    if not options.to:
        raise UsageError("--to is required: the file for the records")
    from undeliverable.serve import BounceHandler

    try:
        from undeliverable.serve.server import Limits, Sink
    except ImportError:
        raise UsageError("this needs aiosmtpd: pip install 'undeliverable[lmtp]'") from None
    handler = BounceHandler(
        options.domains,
        recipients=options.recipients,
        to=options.to,
        knowledge=shared.knowledge,
        context=shared.context,
        signer=prover_of(options),
    )
    limits = Limits(size=options.max_size * _MIB, connections=options.max_connections, command=options.timeout)
    return [
        Sink(handler, lmtp=lmtp, host=host, port=port, limits=limits, budget=shared.budget)
        for lmtp, (host, port) in listen
    ]


def _web_sinks(options: Namespace, shared: _Shared, listen: list[tuple[str, int]]) -> list[HttpServer]:
    if not listen:
        return []
    if not options.secrets:
        raise UsageError("--secrets is required: the file with the secrets of the webhooks")
    if not (options.to or options.into):
        raise UsageError("--to or --into is required: where to record webhooks")
    try:
        from undeliverable.serve._http_server import HttpServer
        from undeliverable.serve._secrets_file import read_secrets
        from undeliverable.serve.http import Webhooks
    except ImportError:
        raise UsageError("this needs starlette and uvicorn: pip install 'undeliverable[http]'") from None
    app = Webhooks(
        read_secrets(options.secrets),
        to=options.to,
        received=Intake(options.into).add if options.into else None,
        knowledge=shared.knowledge,
        context=shared.context,
        max_size=min(options.max_size, 8) * _MIB,
        budget=shared.budget,
    )
    return [HttpServer(app, host=host, port=port, connections=options.max_connections) for host, port in listen]


async def _serve(sinks: list[Sink | HttpServer], reload: Callable[[], object]) -> None:
    """Serve until SIGTERM or SIGINT, and reload at SIGHUP; report on standard error when a port is ready."""
    import asyncio

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, reload)
    for sink in sinks:
        await sink.start()
        print(f"undeliverable: listening on port {sink.port}", file=sys.stderr, flush=True)
    await stop.wait()
    for sink in sinks:
        await sink.stop()


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


COMMAND: Final = Command(
    name="serve",
    help="receive bounces by LMTP, SMTP or webhooks and record them",
    examples=(
        "undeliverable serve --lmtp 127.0.0.1:8024 --domain bounces.example.com --to bounces.jsonl",
        "undeliverable serve --smtp 127.0.0.1:8025 --recipient bounces@example.com --to bounces.jsonl",
        "undeliverable serve --http 127.0.0.1:8080 --secrets secrets.toml --into list.db",
    ),
    arguments=_arguments,
    run=_run,
)
