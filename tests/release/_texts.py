"""The files that a release changes, each as a function from its text to its new text.

A text that is not as expected raises ValueError with what is wrong: nothing is released by halves.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Final

__all__ = ["INSTALL", "by_name", "flipped", "home_of", "notes_of", "with_home", "with_section", "with_version"]

INSTALL: Final = """\
From PyPI; Python 3.11 or newer:

```sh
python3 -m venv .venv
.venv/bin/pip install 'undeliverable[cli]'   # the extra adds colours and tables on a terminal
.venv/bin/undeliverable demo                 # sample mails, and what to type next
```

From a checkout it is `.venv/bin/pip install '.[cli]'`. Each release has an attestation of where it was built, and a bill of materials.
"""
"""How to install what is published, for the README."""

_BADGES: Final = (
    ("PyPI", "https://img.shields.io/pypi/v/undeliverable", "https://pypi.org/project/undeliverable/"),
    ("Python", "https://img.shields.io/pypi/pyversions/undeliverable", "https://pypi.org/project/undeliverable/"),
    ("checks", "{home}/actions/workflows/ci.yml/badge.svg", "{home}/actions/workflows/ci.yml"),
)
"""What is true once the package is published: name, picture, and where it leads."""
_CHECKOUT: Final = "/path/to/checkout["
"""What the pages of the documentation give to pip until the package is published, before the extras."""
_PLACES: Final = ("badges", "install")
_VERSION: Final = re.compile(r'^__version__ = "([^"]+)"$', re.MULTILINE)
_HOME: Final = re.compile(r'^home = "([^"]*)"', re.MULTILINE)
_UNRELEASED: Final = "## [Unreleased]\n"
_NUMBER: Final = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
_URL: Final = re.compile(r"https://[a-z0-9.-]+/[\w.-]+/[\w.-]+")


def with_version(text: str, version: str) -> str:
    """Return the package's ``__init__.py`` with another version.

    :raises ValueError: when `version` is no number as Semantic Versioning has it, or not above the present one.
    """
    found = _VERSION.search(text)
    if found is None:
        raise ValueError("the package has no __version__")
    if not _NUMBER.fullmatch(version):
        raise ValueError(f"not a version: {version!r}; expected three numbers such as 0.9.0")
    if _key(version) <= _key(found[1]):
        raise ValueError(f"{version} does not come after {found[1]}")
    return f'{text[: found.start()]}__version__ = "{version}"{text[found.end() :]}'


def _key(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in version.split("."))


def with_section(text: str, version: str, day: date, home: str) -> str:
    """Return the changelog with what was unreleased in a section of its own, below an empty one.

    :raises ValueError: when there is nothing unreleased, or such a section already.
    """
    head, heading, rest = text.partition(_UNRELEASED)
    if not heading:
        raise ValueError("CHANGELOG.md has no section [Unreleased]")
    if f"## [{version}]" in text:
        raise ValueError(f"CHANGELOG.md has a section [{version}] already")
    if not rest.partition("\n## [")[0].strip():
        raise ValueError("CHANGELOG.md has nothing below [Unreleased]")
    kept = re.sub(r"^\[Unreleased\]: .*\n", "", rest, flags=re.MULTILINE).rstrip("\n")
    links = f"[Unreleased]: {home}/compare/v{version}...HEAD\n[{version}]: {home}/releases/tag/v{version}\n"
    blank = "\n" if kept.splitlines()[-1].startswith("[") else "\n\n"
    return f"{head}{_UNRELEASED}\n## [{version}] - {day.isoformat()}\n{kept}{blank}{links}"


def notes_of(text: str, version: str) -> str:
    """Return the section of the changelog on a version, without its heading.

    :raises ValueError: when there is none.
    """
    found = re.search(
        rf"^## \[{re.escape(version)}\][^\n]*\n(.*?)(?=^## \[|^\[[^]\n]+\]: |\Z)", text, re.MULTILINE | re.DOTALL
    )
    if found is None:
        raise ValueError(f"CHANGELOG.md has no section [{version}]")
    return found[1].strip() + "\n"


def flipped(text: str, home: str) -> str:
    """Return the README with what is true once the package is published: badges, and how to install it.

    :raises ValueError: when one of the places is not marked.
    """
    badges = "\n".join(f"[![{name}]({picture})]({target})" for name, picture, target in _BADGES).format(home=home)
    for place, filling in zip(_PLACES, (f"{badges}\n", INSTALL), strict=True):
        head, begin, rest = text.partition(f"<!-- {place} -->\n")
        _, end, tail = rest.partition(f"<!-- /{place} -->\n")
        if not begin or not end:
            raise ValueError(f"README.md has no place between <!-- {place} --> and <!-- /{place} -->")
        text = f"{head}{begin}\n{filling}\n{end}{tail}"
    return text


def by_name(text: str) -> str:
    """Return a page of the documentation that installs what is published: by its name, no longer from a checkout."""
    return text.replace(_CHECKOUT, "undeliverable[")


def home_of(text: str) -> str:
    """Return the address of the repository that ``pyproject.toml`` names, or an empty string.

    :raises ValueError: when there is no place for it.
    """
    found = _HOME.search(text)
    if found is None:
        raise ValueError("pyproject.toml has no home = ... for the hook of the metadata")
    return found[1]


def with_home(text: str, home: str) -> str:
    """Return ``pyproject.toml`` with the address of the repository.

    :raises ValueError: when it is no address, or there is no place for it.
    """
    if not _URL.fullmatch(home):
        raise ValueError(f"not the address of a repository: {home!r}; expected https://HOST/OWNER/NAME")
    home_of(text)
    return _HOME.sub(f'home = "{home}"', text, count=1)
