"""A DNS server on loopback for the tests: names with records, and names that go wrong in every way."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

NXDOMAIN: Final = "NXDOMAIN"
SERVFAIL: Final = "SERVFAIL"
REFUSED: Final = "REFUSED"
SILENCE: Final = "SILENCE"
GARBAGE: Final = "GARBAGE"
Zone = Mapping[str, str | Sequence[str]]
"""Names without their last dot, each with what goes wrong, or with records: ``"MX 10 mx.example.org."``."""


class DnsServer:
    """Answers questions by UDP; a name that is not in the zone does not exist."""

    def __init__(self, zone: Zone) -> None:
        self.zone = zone
        self.asked: list[tuple[str, str]] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self._socket.bind(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])

    def serve(self) -> None:
        while True:
            packet, client = self._socket.recvfrom(4096)
            if packet == b"stop":
                self._socket.close()
                return
            answer = self.answer(packet)
            if answer is not None:
                self._socket.sendto(answer, client)

    def stop(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
            own.sendto(b"stop", ("127.0.0.1", self.port))

    def answer(self, packet: bytes) -> bytes | None:
        query = dns.message.from_wire(packet)
        question = query.question[0]
        name, kind = question.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        records = self.zone.get(f"{kind} {name}", self.zone.get(name, NXDOMAIN))
        if records == SILENCE:
            return None
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        if isinstance(records, str):
            if records == GARBAGE:
                return packet[:2] + b"\xff" * 10
            response.set_rcode(dns.rcode.from_text(records))
            return response.to_wire()
        own = [record.partition(" ")[2] for record in records if record.partition(" ")[0] == kind]
        if own:
            response.answer.append(dns.rrset.from_text(question.name, 300, "IN", kind, *own))
        return response.to_wire()


@contextmanager
def dns_server(zone: Zone) -> Iterator[DnsServer]:
    server = DnsServer(zone)
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join(5)
