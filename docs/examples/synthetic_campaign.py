"""Writes a campaign that never was: 20,000 sends over ten days, what came back, and how many were sent where.

    python docs/examples/synthetic_campaign.py FOLDER

gives FOLDER/bounces.mbox and FOLDER/sent.csv, the same ones each time.
"""

from __future__ import annotations

import csv
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from random import Random
from typing import NamedTuple, TypeVar

T = TypeVar("T")

FIRST = datetime(2026, 11, 9, 8, tzinfo=UTC)
DAYS = 10
CAMPAIGNS = ("autumn-sale", "newsletter-46")


class Source(NamedTuple):
    """Where addresses come from: how many were sent to, and how many of them fail."""

    name: str
    sends: int
    hard: float
    soft: float
    complaints: float


SOURCES = (
    Source("double-opt-in", 11_000, 0.004, 0.006, 0.0002),
    Source("web-shop", 6_000, 0.013, 0.009, 0.0004),
    Source("trade-fair", 2_200, 0.034, 0.011, 0.0012),
    Source("bought-2024", 800, 0.131, 0.020, 0.0065),
)
DOMAINS = (("mail.example", 5), ("post.example", 3), ("example.org", 2), ("example.com", 1))
HARD = (
    ("5.1.1", "550 5.1.1 <{to}>: Recipient address rejected: User unknown", 12),
    ("5.1.1", "550 5.1.1 The email account that you tried to reach does not exist. {id}", 6),
    ("5.2.1", "550 5.2.1 <{to}> mailbox disabled", 3),
    ("5.1.10", "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found", 3),
)
SOFT = (
    ("5.2.2", "552 5.2.2 <{to}>: mailbox full", 6),
    ("5.7.1", "550 5.7.1 Message rejected as spam by content scanning", 3),
    ("5.7.1", "554 5.7.1 Service unavailable; client host [192.0.2.25] blocked using dnsbl.example", 2),
    ("4.4.1", "451 4.4.1 Connection timed out; retry time exceeded", 2),
)
BOUNCE = """\
From MAILER-DAEMON {ctime}
From: Mail Delivery System <MAILER-DAEMON@mx.example.net>
To: bounces@news.example.net
Subject: Undelivered Mail Returned to Sender
Date: {date}
Message-ID: <bounce-{id}@mx.example.net>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

Your message could not be delivered.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; {to}
Action: failed
Status: {status}
Remote-MTA: dns; mx.{domain}
Diagnostic-Code: smtp; {reply}

--b
Content-Type: message/rfc822

{original}
--b--

"""
COMPLAINT = """\
From feedback@{domain} {ctime}
From: feedback@{domain}
To: fbl@news.example.net
Subject: FW: {subject}
Date: {date}
Message-ID: <fbl-{id}@{domain}>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="b"

--b
Content-Type: text/plain

This is an abuse report.

--b
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: Example/1.0
Version: 1
Original-Rcpt-To: {to}

--b
Content-Type: message/rfc822

{original}
--b--

"""
ORIGINAL = """\
From: News <news@news.example.net>
To: {to}
Subject: {subject}
Date: {date}
Message-ID: <{id}@news.example.net>
X-Campaign: {campaign}
X-Source: {source}

Hello!
"""


def main(folder: Path) -> None:
    """Write the two files."""
    random = Random(46)  # noqa: S311 # no secret
    folder.mkdir(parents=True, exist_ok=True)
    sent: Counter[tuple[str, str, str, str]] = Counter()
    messages: list[tuple[datetime, str]] = []
    for number, (source, time) in enumerate(schedule(random)):
        domain = pick(random, DOMAINS)
        campaign = CAMPAIGNS[number % 2]
        sent[f"{time:%Y-%m-%d}", campaign, source.name, domain] += 1
        draw = random.random()
        if draw < source.hard + source.soft + source.complaints:
            messages.append(answer(random, number, source, campaign, domain, time, draw))
    messages.sort()
    (folder / "bounces.mbox").write_text("".join(text for _, text in messages), encoding="ascii", newline="\n")
    with (folder / "sent.csv").open("w", encoding="ascii", newline="") as file:
        write = csv.writer(file, lineterminator="\n").writerow
        write(("day", "campaign", "source", "domain", "sent"))
        for key, count in sorted(sent.items()):
            write((*key, count))
    print(f"{sum(sent.values())} sent, {len(messages)} came back")  # for whoever runs it


def schedule(random: Random) -> list[tuple[Source, datetime]]:
    """Who is sent to, and when: fewer at the weekend, and the bought addresses from the sixth day on."""
    plan = []
    for source in SOURCES:
        days = [day for day in range(DAYS) if day >= 5 or source.name != "bought-2024"]
        weights = [1 if (FIRST + timedelta(day)).weekday() >= 5 else 4 for day in days]
        for day in random.choices(days, weights, k=source.sends):
            plan.append((source, FIRST + timedelta(days=day, seconds=random.randrange(36_000))))
    return plan


def answer(
    random: Random, number: int, source: Source, campaign: str, domain: str, time: datetime, draw: float
) -> tuple[datetime, str]:
    """Return when one message comes back, and as what."""
    to = f"reader{number}@{domain}"
    hard = draw < source.hard
    complained = draw >= source.hard + source.soft
    back = time + timedelta(seconds=random.randrange(5, 900))
    status, reply = pick(random, [((status, reply), weight) for status, reply, weight in (HARD if hard else SOFT)])
    facts = {
        "to": to, "domain": domain, "id": f"{number:05d}", "campaign": campaign, "source": source.name, "status": status,
        "subject": "Warm things for cold days" if campaign == "autumn-sale" else "News of the week",
        "date": format_datetime(time), "ctime": f"{back:%a %b %d %H:%M:%S %Y}",
    }  # fmt: skip
    facts["reply"] = reply.format(to=to, id=f"{random.getrandbits(48):012x}-si{number:05d}")
    facts["original"] = ORIGINAL.format(**facts)
    facts["date"] = format_datetime(back)
    return back, (COMPLAINT if complained else BOUNCE).format(**facts)


def pick(random: Random, weighted: Sequence[tuple[T, int]]) -> T:
    """One of several things by their weights."""
    return random.choices([thing for thing, _ in weighted], [weight for _, weight in weighted])[0]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
