"""The requirements that mailbox providers have for senders, and which of them a refusal names."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from undeliverable import Knowledge, Verdict
from undeliverable.data import read

__all__ = ["Named", "Requirement", "requirement_of", "requirements"]


class Requirement(NamedTuple):
    """A requirement that mailbox providers have for senders.

    :ivar name: the name in data: ``spf``, ``one_click``, ...
    :ivar title: the name for people.
    :ivar fix: what to do, in one sentence.
    :ivar page: where it is defined.
    """

    name: str
    title: str
    fix: str
    page: str


class Named(NamedTuple):
    """The requirement that a refusal names.

    :ivar page: the provider's page about it, or where it is defined.
    """

    name: str
    page: str


@cache
def requirements() -> Mapping[str, Requirement]:
    """Return all requirements by name, in the order in which to mend them."""
    tables = tomllib.loads(read("requirements.toml"))["requirement"]
    return {table["name"]: Requirement(*(table[key] for key in Requirement._fields)) for table in tables}


def requirement_of(verdict: Verdict, knowledge: Knowledge | None = None) -> Named | None:
    """Return the requirement for senders that a refusal names, or None: a fault of the recipient never names one.

    :param knowledge: the knowledge whose files may say more of it; by default the built-in one.
    """
    found = (knowledge or Knowledge.builtin()).requirement_of(verdict)
    return None if found is None else Named(found[0], found[1] or requirements()[found[0]].page)
