"""Who is compared: the library as it is, as compiled, as it first was, and other readers; each in a process of its own.

What is not installed is left out, and the table says so. A process waits until it is asked for a pass, so that the passes of
all can alternate: what else the machine does meets everybody alike.
"""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess
import sys
from typing import IO, Final, NamedTuple, cast

ROOT: Final = pathlib.Path(__file__).resolve().parents[2]
HERE: Final = pathlib.Path(__file__).resolve().parent
READER: Final = str(HERE / "reader.py")


class Peers(NamedTuple):
    """Where to find what is compared.

    :ivar compiled: a Python in which a compiled build is installed, or None.
    :ivar reference: the `src` of a checkout of the first version (commit a8dc4c6), or None.
    :ivar sisimai_perl: the `lib` of Sisimai for Perl, or None; it counts where `perl -MSisimai` finds it, too.
    :ivar sisimai_go: a checkout of Sisimai for Go, or None.
    """

    compiled: str | None = None
    reference: str | None = None
    sisimai_perl: str | None = None
    sisimai_go: str | None = None

    def commands(self, scratch: pathlib.Path) -> dict[str, Command | str]:
        """The command that starts each, or why there is none."""
        own = str(ROOT / "src")
        return {
            "pure": own_reader("undeliverable"),
            "compiled": Command([self.compiled, READER, "undeliverable"], "")
            if self.compiled
            else "no --compiled PYTHON given",
            "first": Command([sys.executable, READER, "undeliverable"], self.reference)
            if self.reference
            else "no --reference SRC given",
            "email": Command([sys.executable, READER, "email"], own),
            "flufl.bounce": Command([sys.executable, READER, "flufl"], own),
            "Sisimai Go": self._go(scratch),
            "Sisimai Perl": self._perl(),
        }

    def _perl(self) -> Command | str:
        perl = shutil.which("perl")
        if perl is None:
            return "not installed"
        words = [perl, *(["-I", self.sisimai_perl] if self.sisimai_perl else [])]
        found = subprocess.run([*words, "-MSisimai", "-e", "1"], capture_output=True, check=False)
        return Command([*words, str(HERE / "sisimai.pl")], "") if found.returncode == 0 else "not installed"

    def _go(self, scratch: pathlib.Path) -> Command | str:
        go = shutil.which("go")
        if go is None or self.sisimai_go is None:
            return "not installed"
        copy, program = scratch / "sisimai", scratch / "sisimai-reader"
        shutil.copytree(self.sisimai_go, copy, ignore=shutil.ignore_patterns(".git", "set-of-emails"))
        (copy / "reader").mkdir()
        shutil.copy(HERE / "sisimai.go", copy / "reader" / "main.go")
        built = subprocess.run(
            [go, "build", "-o", str(program), "./reader"], cwd=copy, capture_output=True, text=True, check=False
        )
        return Command([str(program)], "") if built.returncode == 0 else f"not built: {built.stderr.strip()[-200:]}"


class Command(NamedTuple):
    """How a reader is started.

    :ivar words: the command line, without the file of messages.
    :ivar path: the library's folder, or none where it is installed.
    """

    words: list[str]
    path: str

    def environment(self) -> dict[str, str]:
        rest = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        return rest | {"PYTHONHASHSEED": "0"} | ({"PYTHONPATH": self.path} if self.path else {})


def own_reader(name: str) -> Command:
    """A reader of `reader.READERS` with the library of this checkout."""
    return Command([sys.executable, READER, name], str(ROOT / "src"))


class Reader:
    """A reader at work: each call is one pass over all messages, and returns its CPU seconds.

    :ivar runs_on: its version, or that of its interpreter.
    """

    def __init__(self, command: Command, file: pathlib.Path) -> None:
        self._process = subprocess.Popen(
            [*command.words, str(file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=command.environment(),
            text=True,
        )
        self._in, self._out = cast("IO[str]", self._process.stdin), cast("IO[str]", self._process.stdout)
        word, _, self.runs_on = self._out.readline().strip().partition(" ")
        if word != "ready":
            self.close()
            raise RuntimeError(f"{' '.join(command.words)} does not start")

    def one_pass(self) -> float:
        self._in.write("\n")
        self._in.flush()
        return float(self._out.readline())

    def close(self) -> None:
        self._in.close()
        self._out.close()
        self._process.wait()


def instructions(command: Command, file: pathlib.Path, passes: tuple[int, int] = (2, 4)) -> int | None:
    """Instructions of one pass by callgrind: what two more passes take beyond the first two; None without valgrind."""
    if shutil.which("valgrind") is None or READER not in command.words:
        return None
    few, many = (_counted(command, file, number) for number in passes)
    return (many - few) // (passes[1] - passes[0])


def _counted(command: Command, file: pathlib.Path, passes: int) -> int:
    words = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *command.words, str(file), str(passes)]
    done = subprocess.run(words, capture_output=True, text=True, env=command.environment(), check=True)
    found = re.search(r"Collected : (\d+)", done.stderr)
    assert found is not None, done.stderr[-500:]
    return int(found[1])
