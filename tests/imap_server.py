"""A small IMAP server on loopback with the habits that real ones have, each of which can be asked for."""

from __future__ import annotations

import base64
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

DATE = "16-Nov-2026 09:12:33 +0000"


@dataclass
class Habits:
    """What a server offers and how it behaves.

    :ivar answers: answers by the first words of a command: lines without tag, the last one with `OK`, `NO` or `BAD`; with
        None it hangs up.
    """

    capability: str = "IMAP4rev1 AUTH=PLAIN IDLE MOVE UIDPLUS NAMESPACE"
    answers: dict[str, list[str] | None] = field(default_factory=dict)
    messages: dict[int, bytes] = field(default_factory=dict)
    folders: dict[str, list[bytes]] = field(default_factory=dict)
    idle: list[bytes] = field(default_factory=list)
    """What is sent with the beginning of IDLE."""
    in_idle: Callable[[socket.socket], None] = lambda _: None
    """What happens during IDLE."""
    validity: int | None = 7
    context: ssl.SSLContext | None = None
    implicit: bool = False
    seen: list[str] = field(default_factory=list)


class _Connection:
    def __init__(self, sock: socket.socket, habits: Habits) -> None:
        self.sock, self.habits = sock, habits
        self.file = sock.makefile("rb")

    def send(self, *lines: str) -> None:
        self.sock.sendall("".join(f"{line}\r\n" for line in lines).encode())

    def run(self) -> None:
        if self.habits.implicit:
            self.wrap()
        self.send("* OK ready")
        while line := self.file.readline():
            tag, _, command = line.decode().strip().partition(" ")
            self.habits.seen.append(command)
            scripted = [key for key in self.habits.answers if command.upper().startswith(key)]
            if scripted:
                answer = self.habits.answers[max(scripted, key=len)]
                if answer is None:
                    return
                self.send(*answer[:-1], f"{tag} {answer[-1]}")
                continue
            word = command.upper().removeprefix("UID ").partition(" ")[0]
            getattr(self, f"do_{word.lower()}")(tag, command)

    def wrap(self) -> None:
        assert self.habits.context is not None
        self.sock = self.habits.context.wrap_socket(self.sock, server_side=True)
        self.file = self.sock.makefile("rb")

    def do_capability(self, tag: str, _: str) -> None:
        self.send(f"* CAPABILITY {self.habits.capability}", f"{tag} OK done")

    def do_starttls(self, tag: str, _: str) -> None:
        self.send(f"{tag} OK begin")
        self.wrap()

    def do_authenticate(self, tag: str, _: str) -> None:
        self.send("+ ")
        self.habits.seen.append(base64.b64decode(self.file.readline()).decode())
        self.send(f"{tag} OK logged in")

    def do_login(self, tag: str, _: str) -> None:
        self.send(f"{tag} OK logged in")

    def do_select(self, tag: str, _: str) -> None:
        validity = self.habits.validity
        known = [] if validity is None else [f"* OK [UIDVALIDITY {validity}] valid"]
        self.send(f"* {len(self.habits.messages)} EXISTS", *known, f"{tag} OK [READ-WRITE] selected")

    def do_namespace(self, tag: str, _: str) -> None:
        self.send('* NAMESPACE (("" "/")) NIL NIL', f"{tag} OK done")

    def do_list(self, tag: str, _: str) -> None:
        self.send('* LIST (\\Noselect) "/" ""', f"{tag} OK done")

    def do_search(self, tag: str, command: str) -> None:
        first = int(re.findall(r"UID (\d+):\*", command)[0])
        last = max(self.habits.messages, default=0)
        found = [uid for uid in sorted(self.habits.messages) if uid >= first or uid == last]
        self.send(f"* SEARCH {' '.join(map(str, found))}", f"{tag} OK done")

    def do_fetch(self, tag: str, command: str) -> None:
        most = re.findall(r"<0\.(\d+)>", command)
        for number, uid in enumerate(self._uids(command), 1):
            raw = self.habits.messages[uid]
            data = f"* {number} FETCH (UID {uid} RFC822.SIZE {len(raw)}"
            if most:
                part = raw[: int(most[0])]
                self.sock.sendall(
                    f'{data} INTERNALDATE "{DATE}" BODY[]<0> {{{len(part)}}}\r\n'.encode() + part + b")\r\n"
                )
            else:
                self.send(f"{data})")
        self.send(f"{tag} OK done")

    def do_move(self, tag: str, command: str) -> None:
        self._copy(tag, command, removes=True)

    def do_copy(self, tag: str, command: str) -> None:
        self._copy(tag, command, removes=False)

    def do_store(self, tag: str, _: str) -> None:
        self.send(f"{tag} OK done")

    def do_expunge(self, tag: str, command: str) -> None:
        for uid in self._uids(command):
            del self.habits.messages[uid]
        self.send(f"{tag} OK done")

    def do_create(self, tag: str, command: str) -> None:
        self.habits.folders[command.split(" ", 1)[1].strip('"')] = []
        self.send(f"{tag} OK done")

    def do_subscribe(self, tag: str, _: str) -> None:
        self.send(f"{tag} NO not here")

    def do_idle(self, tag: str, _: str) -> None:
        self.sock.sendall(b"+ idling\r\n" + b"".join(self.habits.idle))
        self.habits.idle = []
        self.habits.in_idle(self.sock)
        self.file.readline()
        self.send(f"{tag} OK done")

    def do_logout(self, tag: str, _: str) -> None:
        self.send("* BYE", f"{tag} OK done")

    def _copy(self, tag: str, command: str, *, removes: bool) -> None:
        folder = command.split(" ", 3)[3].strip('"')
        if folder not in self.habits.folders:
            self.send(f"{tag} NO [TRYCREATE] no such folder")
            return
        for uid in self._uids(command):
            self.habits.folders[folder].append(self.habits.messages[uid])
            if removes:
                del self.habits.messages[uid]
        self.send(f"{tag} OK done")

    def _uids(self, command: str) -> list[int]:
        named = {int(uid) for uid in command.split(" ")[2].split(",")}
        return sorted(named & self.habits.messages.keys())


@contextmanager
def imap_server(habits: Habits) -> Iterator[int]:
    """Run a server with these habits, and yield its port."""
    listener = socket.create_server(("127.0.0.1", 0))
    open_: list[Any] = []

    def serve() -> None:
        with suppress(OSError):
            while True:
                sock, _ = listener.accept()
                open_.append(sock)
                threading.Thread(target=talk, args=(sock,), daemon=True).start()

    def talk(sock: socket.socket) -> None:
        connection = _Connection(sock, habits)
        with suppress(OSError, ValueError):
            connection.run()
        connection.file.close()
        connection.sock.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)
        for sock in open_:
            sock.close()
