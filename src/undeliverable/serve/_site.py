"""One application of the API and the webhooks, which differ by the paths of their URLs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from undeliverable.serve._api import Api
from undeliverable.serve._routes import ROUTES

if TYPE_CHECKING:
    from undeliverable.serve._web import Message, Receive, Send
    from undeliverable.serve.http import Webhooks

__all__ = ["Site"]

_PATHS: Final = frozenset(route.path for route in ROUTES)


class Site:
    """The application; belongs to one event loop."""

    def __init__(self, api: Api, webhooks: Webhooks) -> None:
        self._api = api
        self._webhooks = webhooks

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve a request (ASGI 3)."""
        path: str = scope["path"]
        app = self._api if path in _PATHS or path.startswith("/v1/") else self._webhooks
        await app(scope, receive, send)

    async def drain(self) -> None:
        """Return when all that was accepted is on disk."""
        await self._api.drain()
        await self._webhooks.drain()
