"""Gives the package's metadata their links, all built from one address: ``home`` in pyproject.toml.

In the repository the README links to its neighbours by relative paths. Where it stands alone, on PyPI, these lead nowhere; so they
become links to the files of the released version. While there is no home, there is nothing to link to: the metadata have no links then.
"""

# ruff: noqa: INP001 # a script, in a folder of scripts

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_LINK = re.compile(r'(?P<before>(?P<image>!?)\[[^][]*\]\(|\b(?:src|srcset|href)=")(?!\w+:|#)(?P<path>[^)"\s]+)')
_PAGES = {
    "Documentation": "blob/{tag}/docs/index.md",
    "Source": "",
    "Changelog": "blob/{tag}/CHANGELOG.md",
    "Issues": "issues",
    "Security": "security/policy",
}


def absolute(text: str, home: str, tag: str) -> str:
    """Return a page in Markdown in which links to neighbours are links to these files below `home`."""

    def link(found: re.Match[str]) -> str:
        is_picture = bool(found["image"]) or found["before"].startswith("src")
        return f"{found['before']}{home}/{'raw' if is_picture else 'blob'}/{tag}/{found['path']}"

    return _LINK.sub(link, text)


class CustomMetadataHook(MetadataHookInterface):
    """Sets ``readme`` and ``urls``."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Fill in what depends on the address of the repository."""
        home = str(self.config["home"])
        package = Path(self.root, "src", "undeliverable", "__init__.py").read_text(encoding="utf-8")
        version = re.search(r'^__version__ = "([^"]+)"', package, re.MULTILINE)
        if version is None:
            raise ValueError("the package has no __version__")
        tag = f"v{version[1]}"
        text = Path(self.root, "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {
            "content-type": "text/markdown",
            "text": absolute(text, home, tag) if home else text,
        }
        metadata["urls"] = (
            {name: f"{home}/{page.format(tag=tag)}".rstrip("/") for name, page in _PAGES.items()} if home else {}
        )
