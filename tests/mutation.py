"""Mutation testing: change a module in one place at a time (mutmut), and see whether its tests notice.

``python -m tests.mutation`` takes all modules below, ``python -m tests.mutation _reading/merge codes`` some of them; mutmut, from
PyPI, has to be installed. It works in a copy of the tree, prints how many changes were noticed, and shows those that
were not. Each of these lacks a test, unless it changes nothing that can be seen (the order of a set, say).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent

TESTS: Final = {
    "codes": ("test_codes",),
    "_reading/merge": ("test_facts",),
    "_dsn/fields": ("test_fields", "test_fields_addresses"),
    "_dsn/groups": ("test_field_groups", "test_fields"),
    "_rules/table": ("test_rules", "test_knowledge"),
    "_rules/rule": ("test_rules", "test_knowledge"),
    "_verdicts/judge": ("test_judge", "test_smtp", "test_exceptions"),
}
"""The tests of each module: what is noticed by those that come from elsewhere does not count."""

# A server that forks keeps what one change leaves in caches away from the next. Another process knows nothing of changes.
SETTINGS: Final = """
[tool.mutmut]
source_paths = ["src"]
only_mutate = ["src/undeliverable/{module}.py"]
also_copy = ["docs", "fixtures", "README.md", "CHANGELOG.md"]
pytest_add_cli_args = ["-p", "no:cacheprovider", "-k", "not hash_seed"]
pytest_add_cli_args_test_selection = [{tests}]
process_isolation = "forkserver"
"""


def run(module: str) -> tuple[Counter[str], list[str]]:
    """What became of the changes to a module, and those that were not noticed, as differences."""
    with tempfile.TemporaryDirectory(prefix="undeliverable-mutation-") as folder:
        tree = Path(folder)
        for name in ("src", "tests", "docs", "fixtures"):
            shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__", "_build"))
        for name in ("README.md", "CHANGELOG.md"):
            shutil.copy(ROOT / name, tree)
        tests = ", ".join(f'"tests/{name}.py"' for name in TESTS[module])
        settings = SETTINGS.format(module=module, tests=tests)
        (tree / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text() + settings)
        done = mutmut(tree, "run", "--max-children", os.environ.get("MUTATION_JOBS", "1"))
        names = dict(results(mutmut(tree, "results", "--all", "true").stdout))
        if "killed" not in names.values():  # the tests do not even pass without a change
            sys.exit(done.stdout[-4000:] + done.stderr[-4000:])
        left = [name for name, state in names.items() if state in {"survived", "no tests", "suspicious"}]
        return Counter(names.values()), [f"{name} ({names[name]})\n{shown(tree, name)}" for name in left]


def mutmut(tree: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mutmut", *words]
    # Each change is to meet the same examples; see conftest.py.
    environment = {**os.environ, "CI": "1"}
    return subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)


def results(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        name, separator, state = line.strip().partition(": ")
        if separator and "__mutmut_" in name:
            yield name, state


def shown(tree: Path, name: str) -> str:
    """The lines that a change takes away and puts in."""
    lines = mutmut(tree, "show", name).stdout.splitlines()
    return "\n".join(line for line in lines if line[:1] in "+-" and line[:3] not in {"+++", "---"})


def main(words: Sequence[str]) -> None:
    for module in words or TESTS:
        counts, left = run(module)
        noticed = counts["killed"] + counts["timeout"]
        print("\n".join(left))
        print(f"{module}: {noticed} of {counts.total()} changes noticed, {noticed / counts.total():.1%}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
