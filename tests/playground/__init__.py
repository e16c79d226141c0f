"""Builds what the playground of the documentation needs beside its page: Pyodide, and the library with what it imports.

``python -m tests.playground`` puts both below ``docs/_build/playground``, from where the next build of the documentation takes
them. Pyodide comes from npm and the wheels from PyPI, each pinned by its hash; the library's own wheel is built here. All
wheels go into one archive, so that a visitor loads one file; modules are compiled by Pyodide itself beforehand, since a
browser would need seconds for it. Nothing of it is in git.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Final

__all__ = ["COMMAND", "PYODIDE", "TARGET", "MissingError", "build"]

ROOT: Final = Path(__file__).resolve().parents[2]
HERE: Final = Path(__file__).resolve().parent
COMMAND: Final = "python -m tests.playground"
TARGET: Final = ROOT / "docs" / "_build" / "playground"
PYODIDE: Final = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "pyodide-lock.json", "python_stdlib.zip")
"""The files of Pyodide that a browser asks for."""
_LEFT_OUT: Final = ("chardet/cli.py", "chardet/evaluation.py", "flufl/bounce/testing/")
_LIMIT: Final = 300  # seconds that one step may take


class MissingError(Exception):
    """A program or a registry that the build needs is not there."""


def build(target: Path = TARGET, work: Path | None = None) -> Path:
    """Build everything anew below `target` and return it.

    :param work: a folder for what is fetched; what lies there already is used again.
    :raises MissingError: saying what is not there.
    """
    work = work or ROOT / "build" / "playground"
    work.mkdir(parents=True, exist_ok=True)
    modules = _npm(work)
    wheels = _wheels(work / "wheels")
    page = target / "playground"
    shutil.rmtree(page, ignore_errors=True)
    (page / "pyodide").mkdir(parents=True)
    for name in PYODIDE:
        shutil.copyfile(modules / "pyodide" / name, page / "pyodide" / name)
    _join(wheels, work / "sources.zip")
    _compile(modules, work / "sources.zip", page / "packages.zip")
    return target


def _run(*command: str | Path, cwd: Path = ROOT) -> None:
    program = shutil.which(str(command[0]))
    if program is None:
        raise MissingError(f"{command[0]} is not installed")
    environment = {key: value for key, value in os.environ.items() if key != "UNDELIVERABLE_COMPILE"}
    done = subprocess.run(
        [program, *command[1:]], cwd=cwd, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=_LIMIT, check=False,
    )  # fmt: skip
    if done.returncode:
        said = (done.stderr or done.stdout).strip()[-800:]
        raise MissingError(f"{' '.join(map(str, command[:3]))} failed: {said}")


def _npm(work: Path) -> Path:
    """Install Pyodide by the lock file, which has its hash, and return the folder of modules."""
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(HERE / name, work / name)
    modules = work / "node_modules"
    if not (modules / "pyodide" / PYODIDE[0]).exists():
        _run("npm", "ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", cwd=work)
    return modules


def _wheels(folder: Path) -> list[Path]:
    """Return the wheels: those that are pinned, and the library's own, which is always built anew."""
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    wanted = ("--no-deps", "--only-binary", ":all:", "--platform", "any", "--implementation", "py", "--abi", "none")
    for old in folder.glob("undeliverable-*"):
        old.unlink()
    _run(*pip, "download", "-q", *wanted, "--require-hashes", "-r", HERE / "requirements.txt", "-d", folder)
    _run(*pip, "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", folder, ROOT)
    found = sorted(folder.glob("*.whl"))
    if not all(wheel.name.endswith("-none-any.whl") for wheel in found):
        raise MissingError(f"a wheel is not pure Python: {', '.join(wheel.name for wheel in found)}")
    return found


def _join(wheels: list[Path], target: Path) -> None:
    """Put the contents of the wheels into one archive, without what no import asks for."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as joined:
        for wheel in wheels:
            with zipfile.ZipFile(wheel) as packed:
                for name in packed.namelist():
                    if not name.endswith(("/", "/RECORD")) and not name.startswith(_LEFT_OUT):
                        joined.writestr(name, packed.read(name))


def _compile(modules: Path, sources: Path, target: Path) -> None:
    """Compile the modules by the Python that will run them: Pyodide, in Node."""
    _run("node", HERE / "compile.mjs", modules / "pyodide" / "pyodide.mjs", sources, target, cwd=modules.parent)
