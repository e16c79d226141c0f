"""The built documentation, for tests in a browser: where it lies, served on the loopback, with every other address refused.

The tests need a built copy, which takes a minute and more: `.ci/run` builds one with the playground in it and gives its path.
"""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Route

__all__ = ["Site", "browser", "built", "served", "strict"]

VARIABLE: Final = "UNDELIVERABLE_SITE"
CHROMIUM: Final = shutil.which("chromium")


class _Handler(http.server.SimpleHTTPRequestHandler):
    # What a host of static pages says of these; without it Chromium takes no module, and compiles WebAssembly more slowly.
    extensions_map = {  # noqa: RUF012 # as the class above has it
        **http.server.SimpleHTTPRequestHandler.extensions_map,
        ".mjs": "text/javascript",
        ".js": "text/javascript",
        ".wasm": "application/wasm",
    }

    def log_message(self, *_: object) -> None:
        """Say nothing: the tests count what the browser asks for."""


class Site(str):
    """The address of the served documentation, without a slash at the end."""

    __slots__ = ()


def built(part: str = "index.html") -> Path:
    """Return the folder of the built documentation, or skip the test that asks if it is not there with this part."""
    place = os.environ.get(VARIABLE)
    if not place:
        pytest.skip(f"{VARIABLE} names no built documentation; .ci/run builds it")
    folder = Path(place)
    if not (folder / part).exists():
        pytest.skip(f"{folder} has no {part}")
    return folder


@contextmanager
def served(folder: Path) -> Iterator[Site]:
    """Serve a folder on the loopback."""
    handler = functools.partial(_Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield Site(f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
        thread.join()


@contextmanager
def browser() -> Iterator[Browser]:
    """Run Chromium, or skip the test that asks for it."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed: .ci/chromium installs Debian's")
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with api.sync_playwright() as driver:
        # The sandbox needs rights that a container has not, and the only pages opened are our own.
        running = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield running
        running.close()


def strict(context: BrowserContext, site: str) -> list[str]:
    """Let a context load nothing but the site, and return the list that further addresses are added to."""
    elsewhere: list[str] = []

    def decide(route: Route) -> None:
        if route.request.url.startswith(f"{site}/"):
            route.continue_()
        else:
            elsewhere.append(route.request.url)
            route.abort()

    context.route("**/*", decide)
    context.set_default_timeout(180_000)  # on a busy machine
    return elsewhere
