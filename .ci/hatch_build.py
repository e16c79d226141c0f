"""Writes the index of the built-in knowledge into the wheel.

The index is made from the TOML files and is not in git. It is made by the package itself, in an interpreter without
site-packages: building a wheel needs the standard library and nothing that the package depends on. In the wheel it has a
name that no checkout uses, so the library trusts it without reading the TOML files again.
"""

# ruff: noqa: INP001 # a script, in a folder of scripts

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_BUILD = """\
import sys
sys.path.insert(0, sys.argv[1])
from undeliverable._knowledge.build import build
sys.stdout.reconfigure(encoding="ascii", newline="\\n")
sys.stdout.write(build())
"""


class CustomBuildHook(BuildHookInterface[Any]):
    """Adds ``undeliverable/data/released.jsonl`` to a wheel; an editable one reads the checkout."""

    _folder = ""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make the index in a temporary folder, and have it put into the wheel."""
        if version == "editable":
            return
        self._folder = tempfile.mkdtemp()
        path = Path(self._folder, "released.jsonl")
        with path.open("wb") as file:
            subprocess.run(  # noqa: S603 # the interpreter that runs this, on our own sources
                [sys.executable, "-I", "-S", "-B", "-c", _BUILD, str(Path(self.root, "src"))], stdout=file, check=True
            )
        build_data["force_include"][str(path)] = "undeliverable/data/released.jsonl"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
        """Remove the temporary folder."""
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)
