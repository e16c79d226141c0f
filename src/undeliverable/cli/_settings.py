"""What one would otherwise type each time: rules, profiles, the list, the language, colours.

The command line comes first, then the environment (``UNDELIVERABLE_RULES``), then files: ``undeliverable.toml`` and the table
``[tool.undeliverable]`` of ``pyproject.toml`` in the working directory, and the user's own file. For each key, the first that
sets it counts.

A file in the working directory may be a stranger's: it may lie in an archive of mail that somebody sent. So it may name only
what lies in the same folder, a list in it is only read, never written, it is always mentioned, one of another owner is
ignored, and the commands that run as services read no file at all.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple, cast

from undeliverable.cli._command import UsageError, warn

__all__ = ["KEYS", "OPTIONS", "Setting", "Settings", "variable"]

_FILE: Final = "undeliverable.toml"
_PROJECT: Final = "pyproject.toml"
_SERVICES: Final = frozenset(("mailbox", "pipe", "serve"))
_READS_LIST: Final = frozenset(
    ("check", "summary", *(f"suppressions {verb}" for verb in ("export", "filter", "held", "list", "show", "stats")))
)
"""The commands that do not write into the list."""
_MOST: Final = 1 << 20  # octets of a file
_PROFILE: Final = r"(?a:(?P<name>[\w.-]+?)(?P<keys>:[\w,]*)?)"


class Key(NamedTuple):
    """A key of the settings.

    :ivar options: the names of the options that it stands for.
    :ivar between: what separates several values in the environment; None where there is only one.
    :ivar paths: True if its values are paths.
    """

    options: tuple[str, ...]
    between: str | None = None
    paths: bool = False


KEYS: Final[Mapping[str, Key]] = MappingProxyType(
    {
        "rules": Key(("rules",), os.pathsep, paths=True),
        "profile": Key(("profile",), " ", paths=True),
        "list": Key(("list", "against"), paths=True),
        "lang": Key(("lang",)),
        "color": Key(("color",)),
    }
)
"""The keys of a settings file; the environment has them in capitals, with a prefix."""

OPTIONS: Final[Mapping[str, str]] = MappingProxyType(
    {name: key for key, about in KEYS.items() for name in about.options}
)
"""The key of each option that settings may fill."""


class Setting(NamedTuple):
    """The values of a key, and where they come from.

    :ivar origin: the file or the variable, for messages.
    :ivar is_here: True if it comes from a file in the working directory.
    """

    values: tuple[str, ...]
    origin: str
    is_here: bool = False


def variable(key: str) -> str:
    """Return the name of the environment variable for a key."""
    return f"UNDELIVERABLE_{key.upper()}"


class Settings:
    """The settings of a command, read when they are first asked for.

    :param command: the words of the command, such as ``suppressions list``.
    """

    def __init__(self, command: str) -> None:
        self._command = command
        self._found: dict[str, Setting] | None = None
        self._here: dict[str, None] = {}

    def of_option(self, name: str) -> Setting | None:
        """Return what the settings say for the option of this name.

        :raises UsageError: when a settings file has an error.
        """
        if self._found is None:
            self._found = self._read()
        key = OPTIONS[name]
        return self._counted(key, self._found.get(key))

    def announce(self) -> None:
        """Say which file in the working directory was used: somebody else may have put it there."""
        if self._here:
            warn(f"settings from {', '.join(self._here)}")

    def _counted(self, key: str, found: Setting | None) -> Setting | None:
        if found is None or not found.is_here:
            return found
        if key == "list" and self._command not in _READS_LIST:
            raise UsageError(
                f"{found.origin}: list: '{self._command}' writes into the list, which a file in the working directory may not"
                f" name; name it on the command line, or set {variable('list')}"
            )
        self._here[found.origin] = None
        return found

    def _read(self) -> dict[str, Setting]:
        found: dict[str, Setting] = {}
        for key, about in KEYS.items():
            text = os.environ.get(variable(key))
            if text is not None:
                values = text.split(about.between) if about.between else [text]
                found[key] = Setting(tuple(filter(None, values)), variable(key))
        for table in () if self._command.partition(" ")[0] in _SERVICES else _tables():
            found = table | found
        return found


def _tables() -> Iterator[dict[str, Setting]]:
    """Yield the settings of each file, the most important first."""
    yield _settings_in(_FILE, _whole, is_here=True)
    yield _settings_in(_PROJECT, _tool, is_here=True)
    base = os.environ.get("XDG_CONFIG_HOME", "")
    base = base if os.path.isabs(base) else os.path.expanduser("~/.config")
    yield _settings_in(os.path.join(base, "undeliverable", _FILE), _whole, is_here=False)


def _settings_in(path: str, table: Callable[[dict[str, Any]], object], *, is_here: bool) -> dict[str, Setting]:
    """Return the settings of a file, nothing where there is none.

    :raises UsageError: when it cannot be read or used; the message names the file, the key and the valid keys.
    """
    text = _text(path, is_here=is_here)
    if text is None or (path == _PROJECT and "undeliverable" not in text):
        return {}
    import tomllib

    try:
        found = table(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: {error}") from None
    if not isinstance(found, dict):
        raise UsageError(f"{path}: expected a table of settings, with the keys {', '.join(KEYS)}")
    settings = {
        key: _setting(path, key, value, is_here=is_here) for key, value in cast("dict[str, Any]", found).items()
    }
    return {key: setting for key, setting in settings.items() if setting.values}


def _whole(document: dict[str, Any]) -> object:
    return document


def _tool(document: dict[str, Any]) -> object:
    tools: object = document.get("tool", {})
    return cast("dict[str, object]", tools).get("undeliverable", {}) if isinstance(tools, dict) else {}


def _text(path: str, *, is_here: bool) -> str | None:
    """Return the text of a file, or None where there is none that counts."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    if not stat.S_ISREG(found.st_mode):
        return None  # a folder of this name, say
    if is_here and hasattr(os, "geteuid") and found.st_uid not in {0, os.geteuid()}:
        warn(f"{path}: belongs to another user; ignored")
        return None
    if is_here:
        _inside(path, path)
    try:
        with open(path, "rb") as file:
            octets = file.read(_MOST + 1)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    try:
        text = octets.decode()
    except UnicodeDecodeError:
        raise UsageError(f"{path}: not UTF-8") from None
    if len(octets) > _MOST:
        raise UsageError(f"{path}: larger than {_MOST:,} octets")
    return text


def _setting(path: str, key: str, value: object, *, is_here: bool) -> Setting:
    if key not in KEYS:
        raise UsageError(f"{path}: unknown key {key!r}; expected one of {', '.join(KEYS)}")
    several = KEYS[key].between is not None
    given: list[object] = cast("list[object]", value) if isinstance(value, list) and several else [value]
    values = [one for one in given if isinstance(one, str)]
    if len(values) < len(given):
        raise UsageError(
            f"{path}: {key}: expected a text{' or a list of texts' if several else ''}, not {value!r:.100}"
        )
    if KEYS[key].paths:
        values = [_located(path, key, text, is_here=is_here) for text in values]
    return Setting(tuple(values), path, is_here)


def _located(path: str, key: str, text: str, *, is_here: bool) -> str:
    """Return a path of a settings file seen from the working directory; the name of a profile stays what it is."""
    place, end = text, ""
    if key == "profile":
        match = re.fullmatch(_PROFILE, text)
        if match and not match["name"].endswith(".toml"):
            return text
        place, suffix, end = text.rpartition(".toml")
        place += suffix
    if not place or "\0" in text:
        raise UsageError(f"{path}: {key}: not a path: {text!r:.100}")
    if is_here:
        _inside(path, place, f"{key}: ")
        return text
    if "://" not in place:
        place = os.path.join(os.path.dirname(path), os.path.expanduser(place))
    return f"{place}{end}"


def _inside(path: str, place: str, about: str = "") -> None:
    """Refuse what a file in the working directory may not name.

    :raises UsageError: when `place` is not in the same folder or below.
    """
    folder, target = os.path.realpath("."), os.path.realpath(place)
    if os.path.isabs(place) or "://" in place or not target.startswith(os.path.join(folder, "")):
        raise UsageError(
            f"{path}: {about}{place!r} is outside of the working directory; a file there may name only what lies in it"
        )
    if os.path.exists(target) and not os.path.isfile(target):
        raise UsageError(f"{path}: {about}{place!r} is not a file")
