"""Writes the index of the built-in knowledge into the wheel, and compiles the core where that is asked for.

The index is made from the TOML files and is not in git. It is made by the package itself, in an interpreter without
site-packages: building a wheel needs the standard library and nothing that the package depends on. In the wheel it has a
name that no checkout uses, so the library trusts it without reading the TOML files again.

The wheel is pure Python unless ``UNDELIVERABLE_COMPILE=1`` is set, so that no build ever needs a compiler by chance. With
it, mypyc compiles the same sources to one shared library and a small extension module for each module; pyproject.toml
lists which. The sources stay in the wheel: an interpreter prefers the extension module beside them.
"""

# ruff: noqa: INP001 # a script, in a folder of scripts

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import chdir
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
_SWITCH = "UNDELIVERABLE_COMPILE"
_COMPILER = ["mypy[mypyc]==2.4.*", "setuptools>=77"]
"""What turns the sources into extension modules; installed for a build only where it is asked for."""
_UNWANTED = ("asynchronous-unwind-tables", "align-functions", "align-jumps", "align-labels", "align-loops")
_SMALL = {
    "linux": (
        ["-fvisibility=hidden", "-ffunction-sections", "-fdata-sections", *(f"-fno-{name}" for name in _UNWANTED)],
        ["-Wl,-s", "-Wl,--gc-sections"],
    ),
    "darwin": (["-fvisibility=hidden"], ["-Wl,-x", "-Wl,-dead_strip"]),
}
"""What compiler and linker are asked by platform to leave out: names and functions that nobody else calls, and tables for
unwinding the stack, which C has no use for, and padding. Calls within the library are faster, too. MSVC does as much by itself."""
_LIBRARY = "undeliverable._compiled"
"""The name of the shared library, to which mypyc adds a suffix."""


class CustomBuildHook(BuildHookInterface[Any]):
    """Adds ``undeliverable/data/released.jsonl`` to a wheel, and extension modules; an editable one reads the checkout."""

    _folder = ""

    def dependencies(self) -> list[str]:
        """Return what a build needs beside hatchling."""
        return _COMPILER if is_compiled() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make the index and the extension modules in a temporary folder, and have them put into the wheel."""
        if version == "editable":
            return
        self._folder = tempfile.mkdtemp()
        path = Path(self._folder, "released.jsonl")
        with path.open("wb") as file:
            subprocess.run(  # noqa: S603 # the interpreter that runs this, on our own sources
                [sys.executable, "-I", "-S", "-B", "-c", _BUILD, str(Path(self.root, "src"))], stdout=file, check=True
            )
        build_data["force_include"][str(path)] = "undeliverable/data/released.jsonl"
        if is_compiled():
            sources = modules(Path(self.root, "src"), self.config["compiled"])
            for file in extensions(Path(self.root), sources, Path(self._folder, "compiled")):
                build_data["force_include"][str(file)] = str(file.relative_to(Path(self._folder, "compiled", "lib")))
            build_data["pure_python"] = False
            build_data["infer_tag"] = True

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
        """Remove the temporary folder."""
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)


def is_compiled() -> bool:
    """Return whether the environment asks for a compiled wheel.

    :raises ValueError: for a value that is neither of the two.
    """
    value = os.environ.get(_SWITCH, "")
    if value not in {"", "0", "1"}:
        raise ValueError(f"{_SWITCH}: unknown value {value!r}; expected 1 (compiled) or 0 (pure Python, the default)")
    return value == "1"


def modules(source: Path, compiled: dict[str, list[str]]) -> list[Path]:
    """Return the files of the modules to compile.

    :param source: the folder that the package is in.
    :param compiled: the names of the modules by that of their package.
    :raises ValueError: for a name that is no module.
    """
    found = [source / "undeliverable" / package / f"{name}.py" for package, names in compiled.items() for name in names]
    missing = [str(path) for path in found if not path.is_file()]
    if missing:
        raise ValueError(f"pyproject.toml, what is compiled: no such module: {', '.join(missing)}")
    return found


def extensions(root: Path, sources: list[Path], folder: Path) -> list[Path]:
    """Compile modules, and return the extension modules below ``lib`` in `folder`.

    :param root: the folder of the project: what messages of the compiler are relative to.
    :param sources: the files of the modules.
    """
    from mypyc.build import mypycify
    from setuptools import Distribution
    from setuptools.command.build_ext import build_ext

    with chdir(root):
        paths = [str(path.relative_to(root)) for path in sources]
        made = mypycify(
            ["--config-file=", "--ignore-missing-imports", "--follow-imports=silent", *paths],
            opt_level="2",  # with what _SMALL says no slower than 3, and smaller
            debug_level="0",
            multi_file=True,
            target_dir=str(folder / "c"),
            group_name=_LIBRARY,
        )
        small = _SMALL.get(sys.platform, ([], []))
        for one in made:
            one.include_dirs.append(str(folder / "c" / "undeliverable"))  # mypyc puts the library's headers there
            one.extra_compile_args = [*one.extra_compile_args, *small[0]]
            one.extra_link_args = [*one.extra_link_args, *small[1]]
        command = build_ext(Distribution({"name": "undeliverable", "ext_modules": made}))
        command.build_lib = str(folder / "lib")
        command.build_temp = str(folder / "objects")
        command.ensure_finalized()
        command.run()
    return sorted(path for path in (folder / "lib").rglob("*") if path.is_file())
