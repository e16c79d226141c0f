"""An SMTP server on loopback that answers each step of the dialogue as a script says, and stops by itself."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

DROP: Final = "drop"
"""Instead of a reply: close the connection."""
_USUAL: Final = {
    "banner": "220 mx.example.org ESMTP",
    "ehlo": "250-mx.example.org\n250-AUTH PLAIN\n250-STARTTLS\n250 SMTPUTF8",
    "mail": "250 2.1.0 Ok",
    "rcpt": "250 2.1.5 Ok",
    "data": "354 End data with <CR><LF>.<CR><LF>",
    "end_of_data": "250 2.0.0 Ok: queued",
    "auth": "235 2.7.0 Ok",
    "starttls": "220 2.0.0 Go ahead",
    "rset": "250 2.0.0 Ok",
    "quit": "221 2.0.0 Bye",
}
_STEPS: Final = {"helo": "ehlo"}


class _Session:
    def __init__(self, script: Mapping[str, str], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._script = {**_USUAL, **script}
        self._reader = reader
        self._writer = writer

    async def run(self) -> None:
        if not await self._answer("banner"):
            return
        while line := await self._reader.readline():
            verb = line.split(b" ")[0].strip().decode("ascii", "replace").lower()
            step = _STEPS.get(verb, verb)
            if not await self._answer(step, line.decode("utf-8", "replace")) or step == "quit":
                return
            if step == "data" and self._script["data"].startswith("354"):
                while (await self._reader.readline()).rstrip(b"\r\n") != b".":
                    continue
                if not await self._answer("end_of_data"):
                    return

    async def _answer(self, step: str, line: str = "") -> bool:
        said = next(
            (said for key, said in self._script.items() if "@" in key and f"<{key}>" in line and step == "rcpt"), None
        )
        reply = self._script.get(step, "502 5.5.2 what?") if said is None else said
        if reply == DROP:
            return False
        self._writer.write("".join(f"{part}\r\n" for part in reply.split("\n")).encode("utf-8"))
        await self._writer.drain()
        return True


@contextmanager
def scripted(**script: str) -> Iterator[int]:
    """Runs a server with `script` (steps or, in ``**{...}``, recipients, and replies) and gives its port."""
    loop = asyncio.new_event_loop()
    ready: list[asyncio.Server] = []
    started = threading.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await _Session(script, reader, writer).run()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def start() -> None:
        ready.append(await asyncio.start_server(serve, "127.0.0.1", 0))
        started.set()

    def run() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(start())
        loop.run_forever()

    async def stop() -> None:
        ready[0].close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert started.wait(60)
    try:
        yield ready[0].sockets[0].getsockname()[1]
    finally:
        asyncio.run_coroutine_threadsafe(stop(), loop).result(60)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(60)
        loop.close()
