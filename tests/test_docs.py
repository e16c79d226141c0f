"""What README and documentation show is run, and has to come out as they say."""

from __future__ import annotations

import doctest
import importlib.util
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

import undeliverable
from tests.generate.profiles import REPLIES
from undeliverable.cli._main import COMMANDS
from undeliverable.reasons import Reason

ROOT = Path(__file__).resolve().parent.parent
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
FENCE = re.compile(r"^```(\{?\w*\}?)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Example:
    path: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}"


EXAMPLES = [
    Example(page, page.read_text(encoding="utf-8")[: match.start()].count("\n") + 1, match[1], match[2])
    for page in PAGES
    if "_build" not in page.parts
    for match in FENCE.finditer(page.read_text(encoding="utf-8"))
]


def of(language: str) -> list[Example]:
    found = [example for example in EXAMPLES if example.language == language]
    assert found, f"no example in {language}"
    return found


@cache
def console(command: str) -> str:
    environment = {key: value for key, value in os.environ.items() if key not in {"COLUMNS", "LINES"}}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["/bin/sh", "-c", command], cwd=ROOT, env=environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode in {0, 1}, done.stdout
    return settled(re.sub(r"\d+\.\d\d s$", "0.01 s", done.stdout, flags=re.MULTILINE))


def settled(output: str) -> str:
    """Return what a command printed, whatever the number of built-in examples."""
    return re.sub(r"[\d,]+ of [\d,]+ built-in examples change \([\d,]+ ", "1 of 1 built-in examples change (1 ", output)


def test_every_example_is_of_a_kind_that_is_checked() -> None:
    assert {example.language for example in EXAMPLES} <= {
        "pycon",
        "console",
        "toml",
        "json",
        "sh",
        "sql",
        "text",
        "{toctree}",
        "{literalinclude}",
        "{include}",
    }


def test_python_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    parser = doctest.DocTestParser()
    for path in dict.fromkeys(example.path for example in of("pycon")):
        text = "".join(example.text for example in of("pycon") if example.path == path)
        result = runner.run(parser.get_doctest(text, {}, path.name, str(path), 0))
        assert result.attempted
    assert not runner.failures


@pytest.mark.parametrize("example", of("console"), ids=str)
def test_console_examples(example: Example) -> None:
    for session in re.split(r"^\$ ", example.text, flags=re.MULTILINE)[1:]:
        command, _, output = session.partition("\n")
        assert console(command).rstrip("\n") == settled(output).rstrip("\n")


@pytest.mark.parametrize("example", of("toml"), ids=str)
def test_rule_examples_load(example: Example, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(example.text, encoding="utf-8")
    assert undeliverable.Knowledge.builtin().with_file(path) != undeliverable.Knowledge.builtin()


def test_json_examples_are_json() -> None:
    for example in EXAMPLES:
        if example.language == "json":
            assert json.loads(example.text)


@pytest.mark.parametrize("example", of("sh"), ids=str)
def test_shell_examples_use_options_that_exist(example: Example) -> None:
    actions = ("list", "show", "check", "which", "diff", "compare", "import", "suggest", "schema")
    known = {
        name: console(f"undeliverable {name} --help")
        for name in (
            "anonymize",
            "check",
            "classify",
            "demo",
            "explain",
            "export",
            "mailbox",
            "pipe",
            "report",
            "serve",
            "summary",
        )
    }
    known["rules"] = "".join(console(f"undeliverable rules {action} --help") for action in actions)
    verbs = (
        "list", "show", "add", "reactivate", "forget", "filter", "import", "export", "held", "confirm", "release", "stats",
        "settings",
    )  # fmt: skip
    known["suppressions"] = "".join(console(f"undeliverable suppressions {verb} --help") for verb in verbs)
    assert set(known) <= set(COMMANDS)
    for command, rest in re.findall(r"\bundeliverable (\w+)([^\n#]*)", example.text):
        for option in re.findall(r"(?<=\s)--[a-z]+", rest):
            assert option in known[command]


def test_the_table_of_reasons_is_made_from_the_enum() -> None:
    conf = docs_conf()
    rows = re.findall(r"^\| `(\w+)` \|", conf.reasons_table(), re.MULTILINE)
    assert sorted(rows) == sorted(Reason)
    assert conf.REASONS in (ROOT / "docs" / "reference" / "reasons.md").read_text(encoding="utf-8")


def docs_conf() -> ModuleType:
    specification = importlib.util.spec_from_file_location("docs_conf", ROOT / "docs" / "conf.py")
    assert specification is not None
    assert specification.loader is not None
    conf = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(conf)
    return conf


def test_the_table_of_providers_is_made_from_the_data() -> None:
    conf = docs_conf()
    rows = dict(re.findall(r"^\| `([^`]+)` \|.*\| (\d+) \| [^|]*\|$", conf.providers_table(), re.MULTILINE))
    assert set(rows) == {provider.name for provider in undeliverable.Knowledge.builtin().providers}
    assert int(rows["google"]) > 10
    assert int(rows["dnsbl"]) > 10
    assert conf.PROVIDERS in (ROOT / "docs" / "reference" / "providers.md").read_text(encoding="utf-8")


def test_the_profiles_are_compared_as_they_are() -> None:
    for reason, reply in REPLIES.items():
        assert undeliverable.classify(reply).reason is reason, reply
    assert set(REPLIES) == set(Reason)


def test_the_story_of_552_tells_of_the_file_that_it_shows() -> None:
    shown = next(example for example in of("toml") if example.path.name == "make-552-hard-or-soft.md")
    assert (ROOT / "docs" / "examples" / "ours.toml").read_text(encoding="utf-8").endswith(shown.text)


def test_the_changelog_has_a_heading_for_verdicts() -> None:
    assert "### Verdict changes" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
