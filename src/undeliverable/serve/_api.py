"""The HTTP API: an ASGI application that parses mail, judges replies, and reads and changes a suppression list.

It knows nothing of a framework, which takes longer than a small reply needs. Every response to an error is a problem object
(RFC 9457). What is to be recorded is answered with 2xx only when it is on disk.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import stat
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from undeliverable import Knowledge, UndeliverableError, __version__
from undeliverable.data import read
from undeliverable.serve._api_fields import of_object, of_query
from undeliverable.serve._api_list import ListApi
from undeliverable.serve._api_mail import Judge
from undeliverable.serve._budget import Budget
from undeliverable.serve._failures import Refusals, log_failure
from undeliverable.serve._hosts import is_loopback
from undeliverable.serve._intake import Intake, Recorder
from undeliverable.serve._limits import Limits
from undeliverable.serve._metrics import MEDIA, Metrics
from undeliverable.serve._problems import ApiError, Fault, refuse, storage_error
from undeliverable.serve._routes import MAIL, ROUTES, Route
from undeliverable.serve._tokens import Token, Tokens
from undeliverable.serve._web import JSON, Reply, Request, Send, error_reply, json_of, json_reply, respond

if TYPE_CHECKING:
    from undeliverable.proof import Prover
    from undeliverable.serve._web import Message, Receive
    from undeliverable.store import SuppressionList

__all__ = ["Api", "Limits"]

_LOG: Final = logging.getLogger("undeliverable.serve")
_MIB: Final = 1 << 20
_ROOM: Final = _MIB  # octets that a disk must have for the next record
_FRESH: Final = 2.0  # seconds for which the list is not tried again: anybody may ask for the health
_PATIENCE: Final = 3.0  # seconds that the health waits for the list
_BY_PATH: Final[Mapping[str, Mapping[str, Route]]] = {
    path: {route.method: route for route in ROUTES if route.path == path} for path in {route.path for route in ROUTES}
}
_UNAUTHORIZED: Final = 401
_CHALLENGE: Final = 'Bearer realm="undeliverable"'


class Api:
    """The application; belongs to one event loop.

    :param tokens: who may do what; None lets everybody do everything, as far as they ask a loopback address by its name.
    :param to: the file of records (:mod:`undeliverable.serve.records`), if any.
    :param into: takes the events of mail, if anything does: a :class:`~undeliverable.store.SuppressionList`.
    :param known: the list that is looked up in and changed by hand; `into` if that is a list.
    :param knowledge: the rules and policies to judge by, or a function that returns those of the moment; the built-in
        ones by default.
    :param context: what policies may ask for, where a request does not say it.
    :param prover: marks verdicts by what proves them.
    :param limits: of requests.
    :param budget: the octets that all bodies in transfer may take together.
    :param metrics: where numbers are counted.
    :param workers: how many processes may judge batches of replies; without any, the server does.
    """

    def __init__(  # noqa: PLR0913 # the public interface
        self,
        tokens: Tokens | None,
        *,
        to: str | os.PathLike[str] | None = None,
        into: Recorder | None = None,
        known: SuppressionList | None = None,
        knowledge: Knowledge | Callable[[], Knowledge] | None = None,
        context: Mapping[str, object] | None = None,
        prover: Prover | None = None,
        limits: Limits | None = None,
        budget: Budget | None = None,
        metrics: Metrics | None = None,
        workers: int = 0,
    ) -> None:
        self.metrics: Final = metrics or Metrics()
        self.tokens = tokens
        self._to = to
        self._limits = limits or Limits()
        self._budget = budget or Budget()
        self._judge = Judge(
            Intake(to, into),
            self.metrics,
            knowledge=knowledge,
            context=context,
            prover=prover,
            limits=self._limits,
            workers=workers,
        )
        self._refusals: Final = Refusals()
        self._has_list = known is not None
        self._list = ListApi(known, self.metrics, self._limits.batch)
        self._checked: tuple[float, str] = (float("-inf"), "")
        self._operations: Final = self._named()

    def _named(self) -> Mapping[str, Callable[[_Call], Awaitable[Reply]]]:
        """Return the operations by the names of their routes."""
        return {
            "parse": lambda call: self._judge.parse(call.body, call.values),
            "classify": lambda call: self._judge.classify(call.body),
            "check": lambda call: self._list.check(call.values),
            "list": lambda call: self._list.list(call.values),
            "add": lambda call: self._list.add(call.values, call.who),
            "reactivate": lambda call: self._list.reactivate(call.values, call.who),
            "health": self._health,
            "live": _live,
            "metrics": self._numbers,
            "openapi": _openapi,
        }

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve a request (ASGI 3)."""
        began, request = time.perf_counter(), Request(scope, receive)
        routes = _BY_PATH.get(request.path)
        code: str | None = None
        try:
            reply = await self._answer(request, _route(routes, request))
        except ApiError as error:
            code, reply = error.code, error_reply(error)
            if error.status == _UNAUTHORIZED:
                self._refusals.count(f"{request.method} {request.path}: {error.status} {error.code}")
        await respond(reply, send)
        path = "other" if routes is None else request.path
        self.metrics.answered(path, reply.status, time.perf_counter() - began, code)

    async def drain(self) -> None:
        """Return when all accepted mail is on disk."""
        await self._judge.drain()
        self._refusals.flush()

    async def _answer(self, request: Request, route: Route) -> Reply:
        request.refuse_ambiguity()
        token = self._authorized(request, route)
        faults: list[Fault] = []
        values = of_query(route.query, request.query, request.repeated, faults) if _has_query(request, route) else {}
        refuse(faults)
        if route.media and request.media() not in route.media:
            raise ApiError("media_type", f"the Content-Type must be {' or '.join(route.media)}")
        try:
            with self._budget.share() as share:
                most = self._limits.mail if route.media is MAIL else self._limits.body
                body = await request.body(share, most) if route.media else b""
                if route.body and not route.is_batch:
                    values |= of_object(route.body, json_of(body), "", faults)
                    refuse(faults)
                async with self._budget.turn(len(body)):
                    return await self._operations[route.name](
                        _Call(route, values, body, None if token is None else token.name)
                    )
        except ApiError:
            raise
        except (OSError, UndeliverableError) as error:
            log_failure("a request of the API was answered with 503", error)
            raise storage_error(error) from error
        except Exception as error:
            _LOG.exception("a request of the API was answered with 500")
            raise ApiError("internal", "a fault of the server; its log has more") from error

    # --- who may do what ----------------------------------------------------------------------------------------------

    def _authorized(self, request: Request, route: Route) -> Token | None:
        """Return the token of a request, None where none is needed; raise ApiError if it must not be answered."""
        if route.scope is None:
            return None
        if self.tokens is None:
            _refuse_foreign(request)
            return None
        kind, _, presented = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not presented.strip():
            raise ApiError(
                "unauthorized", "a token is needed: Authorization: Bearer ...", headers={"www-authenticate": _CHALLENGE}
            )
        token = self.tokens.find(presented.strip().encode("latin-1", "replace"))
        if token is None:
            challenge = f'{_CHALLENGE}, error="invalid_token"'
            raise ApiError("unauthorized", "the token is not known", headers={"www-authenticate": challenge})
        if route.scope not in token.scopes:
            challenge = f'{_CHALLENGE}, error="insufficient_scope", scope="{route.scope}"'
            raise ApiError(
                "forbidden", f"the token lacks the scope {route.scope}", headers={"www-authenticate": challenge}
            )
        return token

    # --- operations ---------------------------------------------------------------------------------------------------

    async def _health(self, _call: _Call) -> Reply:
        checks = {"rules": "ok"}
        try:
            self._judge.judging.arguments()
        except Exception as error:  # noqa: BLE001 # whatever keeps the rules from being read
            log_failure("the rules cannot be read", error)
            checks["rules"] = "cannot be read"
        if self._to is not None:
            checks["file"] = await asyncio.to_thread(_state_of_file, self._to)
        if self._has_list:
            checks["list"] = await self._state_of_list()
        is_well = all(state == "ok" for state in checks.values())
        body = {"status": "ok" if is_well else "unavailable", "version": __version__, "checks": checks}
        return json_reply(body, 200 if is_well else 503)

    async def _state_of_list(self) -> str:
        now = asyncio.get_running_loop().time()
        if now - self._checked[0] > _FRESH:
            self._checked = (now, self._checked[1] or "not yet known")
            self._checked = (now, await self._try_list())
        return self._checked[1]

    async def _try_list(self) -> str:
        try:
            await asyncio.wait_for(self._list.check_writable(), _PATIENCE)
        except TimeoutError:
            return f"not free within {_PATIENCE:g} seconds"
        except (OSError, UndeliverableError) as error:
            log_failure("the list cannot be written", error)
            return "locked" if getattr(error, "is_temporary", False) else "cannot be written"
        return "ok"

    async def _numbers(self, _call: _Call) -> Reply:
        try:
            standings = await self._list.standings() if self._has_list else None
        except UndeliverableError as error:
            log_failure("the addresses of the list cannot be counted", error)
            standings = None
        return Reply(200, self.metrics.text(standings), MEDIA)


@dataclass(frozen=True, slots=True)
class _Call:
    """A request that may be answered: its route, its checked values, its body, and the name of its token."""

    route: Route
    values: dict[str, Any]
    body: bytes
    who: str | None


def _route(routes: Mapping[str, Route] | None, request: Request) -> Route:
    if routes is None:
        raise ApiError("not_found", "there is nothing at this path; GET /openapi.json says what there is")
    route = routes.get("GET" if request.method == "HEAD" else request.method)
    if route is None:
        allowed = ", ".join([*routes, *(["HEAD"] if "GET" in routes else [])])
        raise ApiError("method", f"the path takes {allowed}", headers={"allow": allowed})
    return route


def _has_query(request: Request, route: Route) -> bool:
    return bool(route.query) or bool(request.query)


def _refuse_foreign(request: Request) -> None:
    """Refuse what a web page made a browser of this host send, where no token is asked for.

    A page can send a form to any address, but then with its Origin; or have its own name resolve to 127.0.0.1, but then with
    that name as Host. Newer browsers say of every request whether another site caused it.
    """
    host = request.headers.get("host", "")
    name = host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
    is_of_site = request.headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}
    if not is_loopback(name.strip("[]")) or "origin" in request.headers or is_of_site:
        raise ApiError("forbidden", "without tokens, only programs on this host are answered, at a loopback address")


def _state_of_file(path: str | os.PathLike[str]) -> str:
    folder = os.path.dirname(str(path)) or "."  # noqa: PTH120 # also of what does not exist yet
    try:
        free = shutil.disk_usage(folder).free
    except OSError:
        return "its folder is missing"
    if free < _ROOM:
        return "the disk is full"
    if os.path.lexists(path):
        # What stands in its place, a link or a folder, takes no records either.
        writable = stat.S_ISREG(os.lstat(path).st_mode) and os.access(path, os.W_OK)
    else:
        writable = os.access(folder, os.W_OK)
    return "ok" if writable else "cannot be written"


async def _live(_call: _Call) -> Reply:
    return json_reply({"status": "ok", "version": __version__})


async def _openapi(_call: _Call) -> Reply:
    return Reply(200, _description(), JSON.encode())


@lru_cache(maxsize=1)
def _description() -> bytes:
    document: dict[str, Any] = json.loads(read("openapi.json"))
    document["info"]["version"] = __version__
    return json.dumps(document, separators=(",", ":")).encode("ascii")
