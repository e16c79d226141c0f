"""An ASGI application that receives webhooks at ``/webhooks/{name}``; needs the extra ``http``.

Run it with uvicorn, or mount it in FastAPI, Starlette or any other ASGI framework::

    app.mount("/mail", Webhooks({"postmark": Endpoint(Basic("user", "..."))}, to="events.jsonl"))
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from undeliverable.errors import missing_extra
from undeliverable.serve._budget import Budget, Share
from undeliverable.serve._intake import Recorder
from undeliverable.serve._limits import BODY, PATIENCE
from undeliverable.serve._receiver import Answer, Endpoint, Received, Receiver
from undeliverable.serve._unsubscribe import ASK, DONE, LATER, UNKNOWN, is_one_click, page
from undeliverable.serve._web import DECODED, ambiguity_of, is_encoded

try:
    from starlette.applications import Starlette
    from starlette.requests import ClientDisconnect, Request
    from starlette.responses import HTMLResponse, JSONResponse, Response
    from starlette.routing import Route
except ModuleNotFoundError as error:
    raise missing_extra(error, __name__) from None

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from undeliverable import Knowledge
    from undeliverable.proof import Prover
    from undeliverable.serve._metrics import Metrics

__all__ = ["Endpoint", "Webhooks"]

_FIREHOSE: Final = "x-amz-firehose-request-id"
_FORM: Final = 1 << 16  # octets of a form that unsubscribes
# The address of the page is a secret of its recipient.
_GUARDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "cache-control": "no-store",
        "content-security-policy": "default-src 'none'; form-action 'self'",
        "referrer-policy": "no-referrer",
    }
)


class Webhooks:
    """The application.

    A secret in the URL may be a value of the query or follow the name. A request is answered with 2xx only when
    `received` has returned and its records, and its events in the list, are on disk; otherwise the service tries again. Events that come twice are
    recorded once. ``HEAD /webhooks/{name}``, which some services use to test a URL, and ``GET /health`` are answered too.

    :param endpoints: the accepted services, by name, and the authentication of their requests.
    :param to: the file of records (:mod:`undeliverable.serve.records`), if any.
    :param into: the suppression list that takes the events, if any: a :class:`~undeliverable.store.SuppressionList`.
    :param received: called with the new reports of a request before they are recorded: a function, which runs in a
        thread, or a coroutine function.
    :param knowledge: the rules and policies to judge by, or a function that returns those of the moment, such as
        ``Knowledge.watch(["ours.toml"]).current``; the built-in ones by default.
    :param prover: knows which recipients the tokens of unsubscribe links belong to: it needs a signer, and what was sent. Then
        ``POST /u/{token}`` unsubscribes by one click (RFC 8058), and ``GET`` shows a page with a button.
    :param max_size: the largest body, in octets.
    :param context: what policies may ask for, the same for all events.
    :param budget: the octets that all bodies in transfer may take together; a body for which there is no room gets a 503.
    :param metrics: where the verdicts are counted.
    """

    def __init__(  # noqa: PLR0913 # the public interface
        self,
        endpoints: Mapping[str, Endpoint],
        *,
        to: str | os.PathLike[str] | None = None,
        into: Recorder | None = None,
        received: Received | None = None,
        knowledge: Knowledge | Callable[[], Knowledge] | None = None,
        prover: Prover | None = None,
        max_size: int = BODY,
        context: Mapping[str, object] | None = None,
        budget: Budget | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        self._receiver = Receiver(
            endpoints,
            to=to,
            into=into,
            received=received,
            knowledge=knowledge,
            prover=prover,
            context=context,
            metrics=metrics,
        )
        self._max_size = max_size
        self._budget = budget or Budget()
        self._app = Starlette(
            routes=[
                Route("/webhooks/{name}", self._take, methods=["POST"]),
                Route("/webhooks/{name}/{secret}", self._take, methods=["POST"]),
                Route("/webhooks/{name}", self._probe, methods=["HEAD", "GET"]),
                Route("/webhooks/{name}/{secret}", self._probe, methods=["HEAD", "GET"]),
                Route("/u/{token}", self._unsubscribe, methods=["POST"]),
                Route("/u/{token}", self._ask, methods=["HEAD", "GET"]),
                Route("/health", self._health, methods=["GET"]),
            ]
        )
        self._app.router.redirect_slashes = False  # to whatever the client calls the host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request (ASGI 3)."""
        why = ambiguity_of(scope.get("headers", ()))
        app = self._app if why is None else JSONResponse({"error": why}, 400, {"connection": "close"})
        await app(scope, receive, send)

    async def drain(self) -> None:
        """Return when all accepted events are on disk."""
        await self._receiver.drain()

    async def _take(self, request: Request) -> Response:
        answer = await self._taken(request)
        request_id = request.headers.get(_FIREHOSE)
        return _response(answer if request_id is None else _for_firehose(answer, request_id))

    async def _taken(self, request: Request) -> Answer:
        name = request.path_params["name"]
        if self._receiver.endpoint(name) is None:
            return Answer(404, {"error": "no such endpoint"})
        if is_encoded(request.headers.raw):
            return Answer(415, {"error": "the body must not be compressed"}, DECODED)
        with self._budget.share() as share:
            body = await self._body(request, share, self._max_size)
            if isinstance(body, Answer):
                return body
            return await self._received(request, body)

    async def _received(self, request: Request, body: bytes) -> Answer:
        async with self._budget.turn(len(body)):
            return await self._receiver.take(request.path_params["name"], body, request.headers, str(request.url))

    async def _body(self, request: Request, share: Share, most: int) -> bytes | Answer:
        """Return the body, or the answer to one that is too large, too slow, or too much just now."""
        try:
            async with asyncio.timeout(PATIENCE):
                return await _blocks(request, share, most)
        except TimeoutError:
            return Answer(408, {"error": "the body did not arrive in time"})
        except ClientDisconnect:
            return Answer(400, {"error": "the body is not complete"})  # nobody will read it

    async def _unsubscribe(self, request: Request) -> Response:
        """Answer what a mailbox provider sends for a click on its own button, or the button of our page."""
        with self._budget.share() as share:
            body = await self._body(request, share, _FORM)
        if isinstance(body, Answer):
            return _response(body)
        if not is_one_click(body, request.headers.get("content-type", "")):
            return _page(ASK, 400)
        answer = await self._receiver.unsubscribe(request.path_params["token"])
        return _page({200: DONE, 404: UNKNOWN}.get(answer.status, LATER), answer.status, answer.headers)

    async def _ask(self, request: Request) -> Response:
        """Show a page with a button: whatever fetches a link must not unsubscribe anybody."""
        is_known = self._receiver.reads_token(request.path_params["token"])
        return _page(ASK) if is_known else _page(UNKNOWN, 404)

    async def _probe(self, request: Request) -> Response:
        """Answer what tests a URL, and take the events of services that send them by GET."""
        name = request.path_params["name"]
        if self._receiver.endpoint(name) is None:
            return Response(status_code=404)
        if request.method == "HEAD":
            return Response()
        if self._receiver.takes_query(name) and request.url.query:
            return _response(await self._received(request, request.url.query.encode()))
        return Response(status_code=405, headers={"allow": "POST, HEAD"})

    async def _health(self, _request: Request) -> Response:
        return JSONResponse({"status": "ok"})


async def _blocks(request: Request, share: Share, most: int) -> bytes | Answer:
    """Return the body; never hold more than the limit and one block."""
    too_large = Answer(413, {"error": f"the body has more than {most} octets"})
    announced = request.headers.get("content-length", "0")
    if announced.isdecimal() and int(announced[:20]) > most:
        return too_large
    body = bytearray()
    async for block in request.stream():
        if len(body) + len(block) > most:
            return too_large
        if not share.take(len(block)):
            return Answer(503, {"error": "too many requests are being received"}, {"retry-after": "30"})
        body += block
    return bytes(body)


def _page(content: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return HTMLResponse(page(content), status, {**_GUARDS, **(headers or {})})


def _for_firehose(answer: Answer, request_id: str) -> Answer:
    """Return an answer as Amazon Data Firehose expects it, which takes any other body for a failure."""
    body: dict[str, object] = {"requestId": request_id, "timestamp": time.time_ns() // 1_000_000}
    if "error" in answer.body:
        body["errorMessage"] = answer.body["error"]
    return replace(answer, body=body)


def _response(answer: Answer) -> Response:
    return JSONResponse(answer.body, status_code=answer.status, headers=answer.headers)
