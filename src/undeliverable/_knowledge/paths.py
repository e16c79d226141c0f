"""Profiles by name, and rule files by path: where :class:`undeliverable.knowledge.Knowledge` reads further layers from."""

# Plain paths: pathlib would take a twentieth of the time of a start.
# ruff: noqa: PTH123

from __future__ import annotations

from undeliverable._knowledge.toml import TomlSource
from undeliverable.data import names, read
from undeliverable.errors import KnowledgeError
from undeliverable.errors._tables import unknown

__all__ = ["part_names", "profile_names", "read_path", "read_profile"]


def part_names(text: str) -> tuple[str, tuple[str, ...]]:
    """Return the name of a profile, or its path, and the consequences that stand behind its colon: ``ses:label,advice``."""
    name, colon, parts = text.rpartition(":")
    if not colon or parts.endswith(".toml"):  # a path may have a colon
        return text, ()
    return name, tuple(part.strip() for part in parts.split(","))


def profile_names() -> tuple[str, ...]:
    """Return the names of the profiles that the library comes with."""
    return tuple(name.removesuffix(".toml") for name in names("profiles"))


def read_profile(name: str) -> TomlSource:
    """Return the text of a profile that the library comes with.

    :raises KnowledgeError: when there is no such profile.
    """
    if name not in profile_names():
        raise KnowledgeError(name, unknown("profile", name, profile_names()))
    return TomlSource(f"{name}.toml", read(f"profiles/{name}.toml"))


def read_path(path: str) -> TomlSource:
    """Return the text of a file.

    :raises KnowledgeError: when it cannot be read.
    """
    try:
        with open(path, encoding="utf-8-sig") as file:  # some editors begin a file with a byte order mark
            return TomlSource(path, file.read())
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise KnowledgeError(path, "not UTF-8, which TOML demands", line=line, column=1) from None
    except (OSError, ValueError) as error:  # a path with a null byte is a ValueError
        raise KnowledgeError(path, f"cannot be read: {getattr(error, 'strerror', None) or error}") from None
