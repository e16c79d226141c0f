"""Whatever a user or a machine can do wrong ends with one line and a status, never with a traceback."""

from __future__ import annotations

import errno
import io
import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, NamedTuple

import pytest

from tests.examples_folder import fill
from tests.test_help_examples import PARSERS, examples_of, here
from tests.zygote import Done, Zygote, zygote
from undeliverable.cli import _exit, main
from undeliverable.cli._exit import STATUSES, TEMPFAIL
from undeliverable.cli._failures import failure
from undeliverable.cli._main import full_parser
from undeliverable.cli._options import nested_parsers

LEAVES: Final = [parser for parser in PARSERS if not list(nested_parsers(parser)) and parser.words != "serve"]
"""The commands that end by themselves."""
BROKEN: Final = "broken pipe"


class Usual(NamedTuple):
    """What a command does where nothing is wrong."""

    status: int
    writes: bool


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("made")
    fill(base)
    keys = base / "keys"
    keys.write_text(f"a {'0123456789abcdef' * 3}\n")
    keys.chmod(0o600)
    (base / "garbage").write_bytes(bytes(range(256)) * 20)
    return base


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zygote]:
    with zygote(tmp_path_factory.mktemp("runner")) as found:
        yield found


@pytest.fixture(scope="module")
def usual() -> dict[str, Usual]:
    """What each command does where nothing is wrong, once it is known."""
    return {}


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "here"
    shutil.copytree(made, copy)
    return copy


def checked(done: Done) -> Done:
    """Refuse a traceback, a status that is not in the table, and a failure without a word."""
    assert "Traceback" not in done.errors, done.errors
    assert done.status in STATUSES, (done.status, done.errors)
    return done


# --- the standard streams, the disk, the directory --------------------------------------------------------------------

HAZARDS: Final[dict[str, dict[str, Any]]] = {
    "a full disk behind standard output": {"stdout": "/dev/full"},
    "a full disk behind standard error": {"stderr": "/dev/full"},
    "a closed output": {"stdout": None},
    "a closed input and a closed error output": {"stdin": None, "stderr": None},
    "no streams at all": {"stdin": None, "stdout": None, "stderr": None},
    "a reader that left": {"stdout": BROKEN},
    "few files": {"files": 6},
    "a full disk": {"size": True},
    "no working directory": {"remove": True},
}
FAILS: Final = {"a full disk behind standard output", "a closed output"}


@pytest.mark.parametrize("hazard", HAZARDS)
@pytest.mark.parametrize("parser", LEAVES, ids=lambda parser: parser.words)
def test_a_machine_in_trouble(
    hazard: str, parser: Any, runner: Zygote, folder: Path, tmp_path: Path, usual: dict[str, Usual]
) -> None:
    words = shlex.split(here(examples_of(parser)[0], folder), comments=True)[1:]
    given = str(folder / words[words.index("<") + 1]) if "<" in words else os.devnull
    words = words[: next((place for place, word in enumerate(words) if word in {"<", ">", "|"}), len(words))]
    if parser.words == "check":
        words[1:1] = ["--nameserver", "127.0.0.1", "--port", "1", "--timeout", "0.2"]
    gone = tmp_path / "gone"
    gone.mkdir()
    cwd = gone if HAZARDS[hazard].get("remove") else folder
    if parser.words not in usual:
        output = tmp_path / "output"
        output.touch()
        shutil.copytree(folder, tmp_path / "usual")
        done = checked(runner.run(words, tmp_path / "usual", stdin=given, stdout=str(output)))
        usual[parser.words] = Usual(done.status, writes=output.stat().st_size > 0)
    done = checked(runner.run(words, cwd, **({"stdin": given} | HAZARDS[hazard])))
    if (
        hazard in FAILS
        and usual[parser.words] == Usual(0, writes=True)
        and parser.words != "suppressions reactivate-domain"
    ):
        assert done.status == 1
        assert re.search("standard output: |No space left", done.errors)
    if hazard == "a reader that left" and usual[parser.words].status == 0:
        assert done.status == 0
    if hazard == "no working directory" and done.status:
        assert "undeliverable: " in done.errors


# --- what is named on the command line --------------------------------------------------------------------------------


class Place(NamedTuple):
    """A name that stands where a file is meant."""

    name: str
    what: str


PLACES: Final = (
    Place("Maildir", "a folder"),
    Place("bounce.eml/x", "a path through a file"),
    Place("garbage", "octets at random"),
    Place("\udcff.x", "a name in another encoding"),
    Place("x" * 300, "a name that is too long"),
)
LINES: Final = """\
classify {}
classify --log {}
classify --rules {} bounces
classify --profile {}.toml bounces
classify --into {} bounces
classify --keys {} --return-path b+[token]@example.com bounces
classify --sent {} --keys keys --return-path b+[token]@example.com bounces
explain {}
explain bounce.eml --rules {}
pipe --to {}
pipe --into {}
pipe --rules {} --to x
report {} -o r.html
report bounces -o {}
report bounces --sent {} -o r.html
rules list --rules {}
rules check {}
rules diff builtin {} bounces
rules diff builtin strict-rfc {}
rules diff builtin strict-rfc --replies {}
rules import --from kumomta {}
rules import --from kumomta bounces.toml -o {}
rules suggest {}
rules schema -o {}
suppressions list {}
suppressions add kim@example.org {}
suppressions settings {}
suppressions export {}
suppressions filter campaign.txt {}
suppressions filter {} list.db
suppressions import {} list.db
suppressions import campaign.txt {}
suppressions sent {} list.db
suppressions settings --policy {} list.db
check {}
check subscribers.csv --nameserver 127.0.0.1 --port 1 --timeout 0.1 --against {}
serve --http 127.0.0.1:0 --secrets {} --to x
serve --http 127.0.0.1:0 --secrets secrets.toml --service {} --to x
serve --socketmap unix:/nonexistent/x --list {}
serve --rules {} --lmtp 127.0.0.1:0 --domain example.org --to x
serve --keys {} --return-path b+[token]@example.com --lmtp 127.0.0.1:0 --domain example.org --to x""".splitlines()


def filled(line: str, name: str) -> list[str]:
    return [word.replace("{}", name).replace("[", "{").replace("]", "}") for word in shlex.split(line)]


@pytest.mark.parametrize("line", LINES)
def test_what_is_no_file_of_the_kind(line: str, runner: Zygote, folder: Path) -> None:
    for place in PLACES:
        done = checked(runner.run(filled(line, place.name), folder, stdin=str(folder / "bounce.eml")))
        assert done.status == 0 or done.errors, place.what
        if done.status == TEMPFAIL:
            assert line.startswith("pipe"), place.what


@pytest.mark.parametrize("line", [line for line in LINES if ".toml " not in line.partition("{}")[2][:6]])
def test_an_empty_name_is_refused_before_anything_is_done(line: str, runner: Zygote, folder: Path) -> None:
    words = [word for word in filled(line, "") if word != ".toml"]
    if words[:3] == ["rules", "diff", "builtin"] and words[3] == "":
        pytest.skip("no file is meant")
    if {"--profile", "--policy"} & {*words}:
        pytest.skip("a name, not a file")
    done = checked(runner.run(words, folder, stdin=str(folder / "bounce.eml")))
    assert done.status == (TEMPFAIL if words[0] == "pipe" else 2)
    assert "the name is empty" in done.errors


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("line", LINES)
def test_no_permission(line: str, runner: Zygote, folder: Path) -> None:
    for name in ("locked", "locked.toml"):
        (folder / name).write_text("secret")
        (folder / name).chmod(0)
    done = checked(runner.run(filled(line, "locked"), folder, stdin=str(folder / "bounce.eml")))
    assert done.status != 0
    assert "undeliverable: " in done.errors


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("suppressions list Maildir", "Maildir: is a folder; a list is a file"),
        ("suppressions add kim@example.org gone/list.db", "gone/list.db: there is no folder 'gone'; make it first"),
    ],
)
def test_the_place_of_a_list(words: str, said: str, runner: Zygote, folder: Path) -> None:
    done = checked(runner.run(words.split(), folder))
    assert (done.status, done.errors) == (2, f"undeliverable: {said}\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["suppressions", "list", "Maildir"], "Maildir: is a folder; a list is a file"),
        (
            ["suppressions", "add", "kim@example.org", "gone/list.db"],
            "gone/list.db: there is no folder 'gone'; make it first",
        ),
        (["classify", ""], "PATH: the name is empty"),
        (["classify", "--rules", "", "bounce.eml"], "--rules: the name is empty"),
    ],
)
def test_a_name_that_cannot_be_used_in_this_process(
    words: list[str], said: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    assert main(words) in {1, 2}
    assert capsys.readouterr().err.startswith(f"undeliverable: {said}")


def test_a_port_that_is_taken(runner: Zygote, folder: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        done = checked(runner.run(["serve", "--lmtp", place, "--domain", "example.org", "--to", "x"], folder))
    assert done.status == 1
    assert "in use" in done.errors


# --- the pieces -------------------------------------------------------------------------------------------------------


def test_what_failed_where_and_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    assert failure(OSError(errno.ENOSPC, "No space left on device", "x")).startswith(
        "x: No space left on device; free some"
    )
    assert failure(OSError(errno.ENOSPC, "No space left on device", b"\xff")).startswith("\udcff: ")
    assert failure(OSError(errno.EMFILE, "Too many open files")).startswith("Too many open files; raise")
    assert failure(OSError("odd")) == "odd"
    assert failure(OSError()) == "OSError"
    assert failure(OSError(errno.ENOENT, "No such file")) == "No such file; check the name"
    monkeypatch.setattr(os, "getcwd", lambda: (_ for _ in ()).throw(FileNotFoundError()))
    assert "working directory does not exist" in failure(OSError(errno.ENOENT, "No such file"))


def test_the_stream_that_failed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert failure(OSError(errno.EBADF, "Bad file descriptor")).startswith("standard input: ")
    monkeypatch.setattr(os, "write", lambda *_: (_ for _ in ()).throw(OSError()))
    assert failure(OSError(errno.EBADF, "Bad file descriptor")).startswith("standard output: ")


def test_closed_streams_are_opened_again_and_open_ones_stay() -> None:
    before = [os.fstat(number) for number in range(3)]
    _exit.open_closed_streams()
    assert [os.fstat(number) for number in range(3)] == before


def test_nothing_is_written_into_a_file_that_took_the_place_of_a_stream(runner: Zygote, folder: Path) -> None:
    done = runner.run(
        ["suppressions", "add", "lee@example.net", "list.db"], folder, stdin=None, stdout=None, stderr=None
    )
    assert done.status in {0, 1}
    assert checked(runner.run(["suppressions", "list", "list.db"], folder)).status == 0


def test_every_status_of_the_table_is_explained() -> None:
    page = (Path(__file__).resolve().parent.parent / "docs" / "reference" / "command-line.md").read_text(
        encoding="utf-8"
    )
    assert dict(re.findall(r"^\| (\d+) \| ([^|]+) \|", page, re.MULTILINE)) == {
        str(status): meaning for status, meaning in STATUSES.items()
    }


@pytest.mark.parametrize("parser", [*nested_parsers(full_parser())], ids=lambda parser: parser.words)
def test_wrong_usage_is_2_for_every_command_and_75_for_pipe(parser: Any, capsys: pytest.CaptureFixture[str]) -> None:
    words = [*parser.words.split(), "--no-such-option"]
    if words[0] == "pipe":
        assert main(words) == TEMPFAIL
        return
    with pytest.raises(SystemExit) as left:
        main(words)
    assert left.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("parser", LEAVES, ids=lambda parser: parser.words)
def test_an_interrupt_is_130_and_75_for_pipe(parser: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("undeliverable.cli._main._run", interrupted)
    assert main(parser.words.split()) == (TEMPFAIL if parser.words == "pipe" else 130)


class Full(io.StringIO):
    """A stream whose disk is full."""

    def __init__(self, number: int = errno.ENOSPC) -> None:
        super().__init__()
        self.number = number
        self.places: list[int] = []

    def flush(self) -> None:
        raise OSError(self.number, os.strerror(self.number))

    def fileno(self) -> int:
        raise io.UnsupportedOperation


@pytest.mark.parametrize(("name", "said"), [("stdout", "standard output"), ("stderr", "standard error")])
def test_a_stream_that_cannot_be_flushed_is_named(name: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, name, Full())
    assert failure(OSError(errno.ENOSPC, "No space left on device")).startswith(f"{said}: No space left")
    monkeypatch.setattr(sys, name, Full(errno.EIO))
    assert failure(OSError(errno.ENOSPC, "No space left on device")).startswith("No space left")


def test_output_that_cannot_be_written_is_status_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdout", Full())
    assert main(["explain", "550 5.1.1 no such user"]) == 1
    assert capsys.readouterr().err.startswith(
        "undeliverable: standard output: No space left on device; free some space"
    )


def test_a_file_that_fails_in_the_middle_is_status_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: object) -> int:
        raise OSError(errno.EIO, "Input/output error", "mail.mbox")

    monkeypatch.setattr("undeliverable.cli._main._run", fails)
    assert main(["classify", "mail.mbox"]) == 1
    assert capsys.readouterr().err == "undeliverable: mail.mbox: Input/output error\n"


def test_streams_that_are_closed_are_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[tuple[object, ...]] = []

    def closed(_: int) -> None:
        raise OSError

    def note(*arguments: object, **_: object) -> int:
        opened.append(arguments)
        return 7

    with monkeypatch.context() as patched:
        for name in ("stdin", "stdout", "stderr"):
            patched.setattr(sys, name, None)
        system = SimpleNamespace(
            open=note, fstat=closed, set_inheritable=lambda *_: None, devnull=os.devnull,
            O_WRONLY=os.O_WRONLY, O_RDONLY=os.O_RDONLY, O_RDWR=os.O_RDWR,
        )  # fmt: skip
        patched.setattr(_exit, "os", system)
        patched.setattr(_exit, "open", lambda number, mode, **_: f"{number}{mode}", raising=False)
        _exit.open_closed_streams()
        replaced: list[object] = [sys.stdin, sys.stdout, sys.stderr]
    assert replaced == ["0r", "1w", "2w"]
    assert opened == [(os.devnull, flags) for flags in (os.O_WRONLY, os.O_RDONLY, os.O_RDWR)]


def test_flushing_says_whether_it_worked(monkeypatch: pytest.MonkeyPatch) -> None:
    moved: list[int] = []
    monkeypatch.setattr(os, "dup2", lambda _, number: moved.append(number))
    assert _exit.flushed()
    monkeypatch.setattr(sys, "stdout", None)
    assert _exit.flushed()
    monkeypatch.setattr(sys, "stderr", Full())
    assert not _exit.flushed()
    assert moved == [2]
