"""The workflows are well-formed, ask for no right that they do not need, and store no secret."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parent.parent
GITHUB: Final = ROOT / ".github"
WORKFLOWS: Final = sorted((GITHUB / "workflows").glob("*.yml"))


def run(name: str, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a program of the environment that runs the tests."""
    program = shutil.which(name, path=str(Path(sys.executable).parent))
    if program is None:
        pytest.skip(f"needs {name}")
    return subprocess.run([program, *words], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)


def test_there_are_workflows() -> None:
    assert {"ci.yml", "release.yml"} <= {path.name for path in WORKFLOWS}


def test_they_follow_the_schema() -> None:
    done = run("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *WORKFLOWS)
    assert done.returncode == 0, done.stdout


def test_a_wrong_workflow_would_be_seen(tmp_path: Path) -> None:
    path = tmp_path / "wrong.yml"
    path.write_text("on: push\njobs:\n  a:\n    runs-on: x\n    step: []\n", encoding="utf-8")
    assert run("check-jsonschema", "--builtin-schema", "vendor.github-workflows", path).returncode != 0


def test_an_audit_of_their_security_finds_nothing() -> None:
    done = run("zizmor", "--offline", "--no-progress", "--config", GITHUB / "zizmor.yml", GITHUB / "workflows")
    assert done.returncode == 0, done.stdout


def test_no_secret_is_stored_and_nothing_is_allowed_by_default() -> None:
    for path in WORKFLOWS:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"\bsecrets\.", text), path.name
        assert re.search(r"^permissions: \{\}$", text, re.MULTILINE), path.name


def test_what_workflows_run_exists_and_can_be_run() -> None:
    texts = [path.read_text(encoding="utf-8") for path in WORKFLOWS]
    named = {found.rstrip(".") for text in texts for found in re.findall(r"\.ci/[a-z_.]+", text)}
    assert {".ci/run", ".ci/dist"} <= named
    assert all((ROOT / name).exists() for name in named)
    assert all((ROOT / name).stat().st_mode & 0o111 for name in named if "." not in name.removeprefix(".ci/"))
    called = {found for text in texts for found in re.findall(r"uses: \./(\S+)", text)}
    assert all((ROOT / name).exists() for name in called)
