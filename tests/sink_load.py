"""How many bounces a second `undeliverable serve --lmtp` records; prints figures as JSON.

python tests/sink_load.py --clients 20 --seconds 30 [--pipelining]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from undeliverable.serve import records

DOMAIN = "bounces.example.com"
MESSAGE = """\
From: MAILER-DAEMON@mx.example.net
Subject: Undelivered Mail Returned to Sender
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b

{recipient}: 550 5.1.1 no such user

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; {recipient}
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 no such user

--b
Content-Type: message/rfc822

From: news@example.net
Message-ID: <{number}@example.net>

{body}
--b--
""".replace("\n", "\r\n")
BODY = "This line stands sixty times in the message that comes back.\r\n" * 60
GROUP = [f"{line}\r\n".encode() for line in ("MAIL FROM:<>", f"RCPT TO:<b@{DOMAIN}>", "DATA")]


async def client(port: int, name: int, until: float, *, pipelining: bool) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await reader.readline()
    writer.write(b"LHLO client.example\r\n")
    while (await reader.readline())[3:4] == b"-":
        pass
    sent = 0
    while time.monotonic() < until:
        for commands in [b"".join(GROUP)] if pipelining else GROUP:
            writer.write(commands)
            for _ in range(commands.count(b"\n")):
                await reader.readline()
        message = MESSAGE.format(recipient=f"kim{name}@example.org", number=f"{name}.{sent}", body=BODY)
        writer.write(message.encode() + b".\r\n")
        reply = await reader.readline()
        assert reply.startswith(b"250"), reply
        sent += 1
    writer.close()
    return sent


async def load(port: int, clients: int, seconds: float, *, pipelining: bool) -> tuple[int, float]:
    began = time.monotonic()
    jobs = (client(port, name, began + seconds, pipelining=pipelining) for name in range(clients))
    return sum(await asyncio.gather(*jobs)), time.monotonic() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--pipelining", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bounces.jsonl"
        command = ["serve", "--lmtp", "127.0.0.1:0", "--domain", DOMAIN, "--to", str(path)]
        server = subprocess.Popen([sys.executable, "-m", "undeliverable", *command], stderr=subprocess.PIPE, text=True)
        assert server.stderr is not None
        port = int(
            server.stderr.readline().partition(", ")[0].rpartition(":")[2]
        )  # listening on 127.0.0.1:N, LMTP: ...
        try:
            sent, took = asyncio.run(load(port, options.clients, options.seconds, pipelining=options.pipelining))
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(30)
        stored = sum(1 for _ in records.read(path))
    print(json.dumps({"sent": sent, "recorded": stored, "a second": round(sent / took)}))


if __name__ == "__main__":
    main()
