"""Replay a provider that answers wrongly, and ordinary days; print what is suppressed before the hold and held in vain.

python -m tests.hold_replay [--seeds 10] [--days 30]

The incident is that of Gmail in December 2020, for 20,000 recipients: within an hour the share of hard bounces rises from
1 % to 40 %, and six hours later all is well again. The ordinary days have a rhythm by hour and by weekday, five large
providers and many small domains, and two or three campaigns a week, one in five of them to an old list.
"""

from __future__ import annotations

import argparse
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import exp
from typing import Final

from undeliverable.store._traffic import Traffic, Tried

SHARES: Final = {"google": 0.45, "microsoft": 0.2, "yahoo": 0.12, "gmx": 0.08, "icloud": 0.06}
SMALL: Final = 0.09  # of all recipients are at one of these domains
DOMAINS: Final = 200
RECIPIENTS: Final = 20_000  # at the provider that errs
RATES: Final[Mapping[str, float]] = defaultdict(lambda: 0.012, google=0.01)
SOFT: Final = 0.01
HOURS: Final = (
    30,
    25,
    20,
    20,
    25,
    40,
    70,
    110,
    150,
    180,
    180,
    160,
    150,
    150,
    150,
    150,
    140,
    140,
    130,
    130,
    120,
    100,
    70,
    45,
)
WEEK: Final = (1.1, 1.15, 1.15, 1.1, 1.0, 0.55, 0.5)
DAY: Final = 24 * 60
LASTS: Final = 6 * 60
TIMES: Final = 5.0


def poisson(random_: random.Random, mean: float) -> int:
    """Return a number that is distributed as Poisson says; by the normal distribution where it is large."""
    if mean > 50:
        return max(0, round(random_.gauss(mean, mean**0.5)))
    number, product, limit = 0, random_.random(), exp(-mean)
    while product > limit:
        number += 1
        product *= random_.random()
    return number


@dataclass(slots=True)
class Result:
    """How many hard bounces there were, of dead addresses and of living ones, and how many of them were held."""

    dead: int = 0
    dead_held: int = 0
    living: int = 0
    living_held: int = 0

    @property
    def lost(self) -> int:
        """The living addresses that were suppressed at once."""
        return self.living - self.living_held

    @property
    def share(self) -> float:
        """The share of genuine hard bounces that were held."""
        return self.dead_held / (self.dead or 1)


@dataclass(slots=True)
class Replay:
    """Traffic as a list counts it, minute by minute.

    :ivar fed: True if deliveries are recorded.
    """

    random: random.Random
    fed: bool
    result: Result = field(default_factory=Result)
    all: Traffic = field(default_factory=lambda: Traffic(everything=True))
    providers: dict[str, Traffic] = field(default_factory=lambda: defaultdict(Traffic))

    def send(self, minute: int, provider: str, mails: float, dead: float, wrong: float = 0.0) -> None:
        """Send about so many mails in a minute.

        :param dead: the share of addresses that do not exist.
        :param wrong: the share of living addresses that the provider says do not exist.
        """
        if not mails:
            return
        slot, own = minute // 5, self.providers[provider]
        living = mails * (1 - dead)
        numbers = {
            Tried.OTHER: poisson(self.random, living * (1 - wrong) * SOFT),
            Tried.DELIVERED: poisson(self.random, living * (1 - wrong) * (1 - SOFT)) if self.fed else 0,
        }
        for what, number in numbers.items():
            if number:
                own.count(slot, what, number)
                self.all.count(slot, what, number)
        are_living = [False] * poisson(self.random, mails * dead) + [True] * poisson(self.random, living * wrong)
        self.random.shuffle(are_living)
        for is_living in are_living:
            self._fail(slot, own, is_living=is_living)

    def _fail(self, slot: int, own: Traffic, *, is_living: bool) -> None:
        spell = own.judge(slot, self.all, TIMES)
        if spell is not None:
            own.hold(spell, slot)
        else:
            own.count(slot, Tried.HARD)
            self.all.count(slot, Tried.HARD)
        self.result.living += is_living
        self.result.living_held += is_living and spell is not None
        self.result.dead += not is_living
        self.result.dead_held += not is_living and spell is not None


@dataclass(frozen=True, slots=True)
class Campaign:
    """Mails to all providers within some time."""

    begin: int
    minutes: int
    mails: float
    dead: float
    more: Mapping[str, float]  # how many times more of a provider's addresses are dead
    late: Mapping[str, int]  # how many minutes later its bounces come

    def send(self, replay: Replay, minute: int, only: Iterable[str], wrong: float) -> None:
        """Send what is due in a minute."""
        for provider in only:
            if 0 <= minute - self.begin - self.late[provider] < self.minutes:
                mails = self.mails * SHARES[provider] / self.minutes
                replay.send(minute, provider, mails, self.dead * self.more[provider], wrong * (provider == "google"))


def campaigns(random_: random.Random, days: int) -> Iterator[Campaign]:
    """Yield two or three campaigns a week: one in five goes to an old list."""
    for day in range(days):
        if random_.random() < 2.5 / 7:
            is_old = random_.random() < 0.2
            yield Campaign(
                begin=day * DAY + random_.randrange(8 * 60, 21 * 60),
                minutes=random_.choice((20, 60, 120)),
                mails=random_.uniform(3_000, 20_000),
                dead=random_.uniform(0.03, 0.1) if is_old else random_.uniform(0.005, 0.02),
                more={name: random_.uniform(0.5, 2.0) if is_old else 1.0 for name in SHARES},
                late={name: random_.choice((0, 0, 2, 5)) for name in SHARES},
            )


@dataclass(frozen=True, slots=True)
class Plan:
    """What is sent every day.

    :ivar hours: the time in which the day's mails are sent: 24 with the rhythm of the day, else evenly.
    :ivar begin: the minute of the day at which it begins.
    :ivar alone: True if all addresses are at one provider.
    """

    hours: int
    begin: int = 10 * 60
    alone: bool = False
    fed: bool = True
    campaigns: bool = False

    @property
    def providers(self) -> tuple[str, ...]:
        return ("google",) if self.alone else tuple(SHARES)

    def mails(self, minute: int) -> float:
        """Return the number of mails to all providers in a minute."""
        total = RECIPIENTS / SHARES["google"]
        if self.hours == 24:
            return total / DAY * HOURS[minute // 60 % 24] * len(HOURS) / sum(HOURS) * WEEK[minute // DAY % 7]
        return total / 60 / self.hours if 0 <= minute % DAY - self.begin < 60 * self.hours else 0.0

    def run(self, replay: Replay, minutes: Iterable[int], sent: Iterable[Campaign], begin: int | None = None) -> None:
        """Send what is due in each minute.

        :param begin: the minute in which a provider begins to err.
        """
        campaigns_ = tuple(sent)
        for minute in minutes:
            mails = self.mails(minute)
            wrong = 0.0 if begin is None else wrongly(minute - begin)
            for provider in self.providers:
                replay.send(minute, provider, mails * SHARES[provider], RATES[provider], wrong * (provider == "google"))
            if not self.alone:
                domain = f"d{replay.random.randrange(DOMAINS)}.example"
                replay.send(minute, domain, mails * SMALL, RATES[domain])
            for campaign in campaigns_:
                campaign.send(replay, minute, self.providers, wrong)


def wrongly(minute: int) -> float:
    """Return the share of living addresses that a provider answers wrongly, some minutes after it began to."""
    return 0.394 * min(1.0, minute / 60) if 0 <= minute < LASTS else 0.0


def incident(plan: Plan, days: int, seed: int) -> Result:
    """Return what happens to the mails of an incident after some ordinary days.

    :param days: the ordinary days before; 0 for a list without any history.
    """
    random_ = random.Random(seed)
    sent = tuple(campaigns(random_, days)) if plan.campaigns else ()
    replay, begin = Replay(random_, plan.fed), days * DAY + plan.begin
    plan.run(replay, range(begin), sent)
    replay.result = Result()
    plan.run(replay, range(begin, begin + LASTS + 2 * 60), sent, begin)
    return replay.result


def ordinary(plan: Plan, days: int, seed: int) -> Result:
    """Return what happens on ordinary days, the first of which are those of a new list."""
    random_ = random.Random(seed)
    sent = tuple(campaigns(random_, days)) if plan.campaigns else ()
    replay = Replay(random_, plan.fed)
    plan.run(replay, range(days * DAY), sent)
    return replay.result


SPEEDS: Final = tuple(
    Plan(hours, begin) for hours, begin in ((1, 600), (6, 600), (24, 600), (24, 0), (24, 180), (24, 1200))
)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--days", type=int, default=30)
    options = parser.parse_args()
    print("an incident: living addresses suppressed before the hold (mean, most) of those that were answered wrongly")
    for days in (0, 1, 7):
        for plan in SPEEDS:
            for fed in (True, False):
                for alone in (False, True):
                    one = Plan(plan.hours, plan.begin, alone, fed)
                    found = [incident(one, days, seed) for seed in range(options.seeds if days < 7 else 3)]
                    lost = [result.lost for result in found]
                    print(
                        f"  after {days} days, {plan.hours:2} h from {plan.begin // 60:2}:00,"
                        f" deliveries {'fed' if fed else 'not'}, {'alone' if alone else 'among others'}:"
                        f" {sum(lost) / len(lost):.0f}, {max(lost)} of {sum(r.living for r in found) // len(found):,}",
                        flush=True,
                    )
    print(f"{options.days} ordinary days: share of genuine hard bounces that were held (all, worst month)")
    for hours in (1, 6, 24):
        for fed in (True, False):
            for has_campaigns in (False, True):
                one = Plan(hours, fed=fed, campaigns=has_campaigns)
                found = [ordinary(one, options.days, seed) for seed in range(options.seeds)]
                held, dead = sum(r.dead_held for r in found), sum(r.dead for r in found)
                print(
                    f"  {hours:2} h, deliveries {'fed' if fed else 'not'}, campaigns {'yes' if has_campaigns else 'no'}:"
                    f" {held / dead:.2%}, {max(r.share for r in found):.2%} of {dead // len(found):,}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
