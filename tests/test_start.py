"""What a start loads: modules that cost milliseconds and that one message does not need stay out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

REPORT: Final = str(Path(__file__).parent.parent / "fixtures" / "bounces" / "postfix-rcpt-552.eml")
IMPORT: Final = "import undeliverable"
PARSE: Final = f"{IMPORT}; undeliverable.parse(open({REPORT!r}, 'rb').read()).to_dict()"
COMMAND: Final = f"from undeliverable.cli import main; main(['classify', {REPORT!r}])"
STARTS: Final = {"import": IMPORT, "parse": PARSE, "command": COMMAND}

UNWANTED: Final = {
    "importlib.resources": "9 ms; undeliverable.data reads by the loader",
    "pathlib": "4 ms; paths are plain texts",
    "hashlib": "3 ms; only the key of a verdict is a digest",
    "email": "12 ms with its parts; the library reads mail itself",
    "tomllib": "5 ms; the built-in layer is an index in JSON",
    "undeliverable._knowledge.build": "makes the index, and reads all TOML files for it",
    "undeliverable._knowledge.loader": "reads rules of a user's own",
    "undeliverable._text.linear": "proves patterns of a user's own",
    "undeliverable._verdicts.explain": "sentences for people who ask why",
    "undeliverable.codes._registry": "80 entries of IANA, for who looks one up",
    "concurrent.futures": "for several processes, which --jobs asks for",
    "flufl.bounce": "for mail that nothing else reads",
    "chardet": "for mail in a character set that it does not name",
    "rich": "for terminals",
    "asyncio": "for servers",
}
"""Modules by what they cost or are for."""
ALLOWED: Final = {("parse", "hashlib"), ("command", "hashlib")}
"""What a start does need: the record has the key."""


def loaded_by(code: str, folder: Path) -> set[str]:
    """Return the modules that a new interpreter has loaded when it has run `code`; a folder without settings."""
    code = f"import sys; before = set(sys.modules)\n{code}\nprint(*(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=folder)
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("start", STARTS)
def test_a_start_leaves_out_what_it_does_not_need(start: str, tmp_path: Path) -> None:
    wanted = {name for name in UNWANTED if (start, name) not in ALLOWED}
    assert {name: UNWANTED[name] for name in loaded_by(STARTS[start], tmp_path) & wanted} == {}


@pytest.mark.parametrize("words", [["--help"], ["classify", REPORT], ["pipe", "--help"]])
def test_at_its_end_the_command_looks_for_no_garbage(words: list[str], tmp_path: Path) -> None:
    code = (
        f"import atexit, gc, sys\nsys.argv = ['undeliverable', *{words}]\n"
        "atexit.register(lambda: print(gc.get_freeze_count() > 1_000))\n"
        "from undeliverable.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.splitlines()[-1] == "True"


def test_called_from_a_program_the_command_leaves_the_garbage_collector_alone(tmp_path: Path) -> None:
    code = (
        "import atexit, gc\natexit.register(lambda: print(gc.get_freeze_count()))\n"
        f"from undeliverable.cli import main; main(['classify', {REPORT!r}])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.splitlines()[-1] == "0"
