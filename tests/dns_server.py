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

from undeliverable.check import canary_domains

NXDOMAIN: Final = "NXDOMAIN"
SERVFAIL: Final = "SERVFAIL"
REFUSED: Final = "REFUSED"
SILENCE: Final = "SILENCE"
GARBAGE: Final = "GARBAGE"
CANARY: Final = ("MX 5 mx.canary.example.",)
"""The records of a domain that the look-ups test the name server with."""
CANARIES: Final = {**dict.fromkeys(canary_domains(), CANARY), "mx.canary.example": ("A 192.0.2.250",)}
"""The names that every zone has, unless it says otherwise: without them a name server is not believed."""
Zone = Mapping[str, str | Sequence[str]]
"""Names without their last dot, each with what goes wrong, or with records: ``"MX 10 mx.example.org."``."""


class DnsServer:
    """Answers questions by UDP; a name that is neither in the zone nor a canary does not exist.

    :ivar otherwise: what is said of names that are in no zone.
    """

    def __init__(self, zone: Zone) -> None:
        self.zone: dict[str, str | Sequence[str]] = {**CANARIES, **zone}
        self.otherwise: str | Sequence[str] = NXDOMAIN
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
        records = self.zone.get(f"{kind} {name}", self.zone.get(name, self.otherwise))
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
