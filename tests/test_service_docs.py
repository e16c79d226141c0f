"""The guide to the HTTP service, and the files that it shows: its commands are run, and its tables are complete."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import pytest

from undeliverable import KnowledgeError
from undeliverable.cli._main import full_parser
from undeliverable.serve import records
from undeliverable.serve._metrics import FAMILIES
from undeliverable.serve._problems import CODES
from undeliverable.serve._routes import REPLY, ROUTES
from undeliverable.serve._secrets_file import read_tokens
from undeliverable.serve._tokens import SCOPES

from .service import SECRETS, TOKEN, secrets_file
from .serving import Server, serving
from .test_pipe import MESSAGE

yaml: Any = import_module("yaml")  # comes with myst-parser; it has no types of its own
ROOT: Final = Path(__file__).resolve().parent.parent
FOLDER: Final = ROOT / "docs" / "examples" / "service"
PAGE: Final = (ROOT / "docs" / "howto" / "http-service.md").read_text(encoding="utf-8")
BLOCKS: Final = re.findall(r"^```(sh|json)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
BASE: Final = "http://127.0.0.1:8080"
COMMANDS: Final = [
    line for kind, text in BLOCKS if kind == "sh" for line in text.splitlines() if line.startswith("curl")
]

needs_curl: Final = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("service")
    (made / "bounce.eml").write_bytes(MESSAGE)
    (made / "authorization").write_text(f"Authorization: Bearer {TOKEN}\n", encoding="ascii")
    return made


@pytest.fixture(scope="module")
def open_server(folder: Path) -> Iterator[Server]:
    places = ["--to", folder / "bounces.jsonl", "--into", folder / "list.db"]
    with serving("--http", "127.0.0.1:0", "--no-auth", *places) as server:
        yield server


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    options = [
        "--secrets",
        secrets_file(folder, SECRETS),
        "--to",
        folder / "proved.jsonl",
        "--into",
        folder / "list.db",
    ]
    with serving("--http", "127.0.0.1:0", *options) as started:
        yield started


def curl(line: str, folder: Path, port: int) -> Any:
    command = line.replace(BASE, f"http://127.0.0.1:{port}").replace("curl ", "curl --silent --fail-with-body ", 1)
    done = subprocess.run(
        ["/bin/sh", "-c", command], cwd=folder, env=os.environ | {"TOKEN": TOKEN}, capture_output=True, check=False, timeout=60
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return json.loads(done.stdout)


@needs_curl
@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_is_answered_well(line: str, folder: Path, open_server: Server, server: Server) -> None:
    port = (server if "Authorization" in line else open_server).ports[0]
    assert curl(line, folder, port)


@needs_curl
def test_answers_are_as_shown(folder: Path, open_server: Server) -> None:
    pairs = [
        (text.splitlines()[0], json.loads(following))
        for (kind, text), (next_kind, following) in pairwise(BLOCKS)
        if (kind, next_kind) == ("sh", "json") and text.startswith("curl")
    ]
    assert len(pairs) >= 2
    for line, shown in pairs:
        answer = curl(line, folder, open_server.ports[0])
        assert {key: answer[key] for key in shown} == shown


def test_the_error_is_as_shown() -> None:
    from undeliverable.serve._api import Api

    from .service import asked

    shown = next(found for kind, text in BLOCKS if kind == "json" and "code" in (found := json.loads(text)))
    assert (
        asked(Api(None), "POST", "/v1/classify", [{"reply": "x"}] * 3 + [{"reply": "x", "command": "x"}]).json == shown
    )


def cells(heading: str) -> list[str]:
    """Return the first cells of the table below a heading, and all words in backticks in them."""
    part = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return [line.split("|")[1] for line in part.splitlines() if line.startswith("| ")]


def words(text: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", text))


def test_the_tables_are_complete() -> None:
    assert {word for cell in cells("Tokens") for word in words(cell)} == set(SCOPES)
    assert {word for cell in cells("Health and metrics") for word in words(cell)} == {
        "undeliverable_",
        *(family.name for family in FAMILIES),
    }
    part = PAGE.partition("\n## Errors\n")[2].partition("\n## ")[0]
    assert {word for line in part.splitlines() if line.startswith("| ") for word in words(line.split("|")[2])} == set(
        CODES
    )
    parse = next(route for route in ROUTES if route.name == "parse")
    assert {word for cell in cells("Parameters of `/v1/parse`") for word in words(cell)} == set(parse.query)
    about = PAGE.partition("`/v1/classify` takes an object")[2].partition("\n\n")[0]
    assert words(about) >= set(REPLY) - {"trace"}


def test_the_labels_are_complete() -> None:
    for family in FAMILIES:
        if family.name not in {"info", "start_time_seconds"}:
            (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| `{family.name}`")]
            assert words(row.split("|")[2]) == set(family.labels)


def test_included_files_exist() -> None:
    for name in re.findall(r"^```\{literalinclude\} (\S+)$", PAGE, re.MULTILINE):
        assert (ROOT / "docs" / "howto" / name).is_file()


# --- the files


def served(arguments: list[str]) -> Any:
    return full_parser().parse_args(["serve", *arguments])


def test_the_options_of_the_containerfile_exist() -> None:
    text = (FOLDER / "Containerfile").read_text(encoding="utf-8")
    (entry,) = re.findall(r"^ENTRYPOINT (.+)$", text, re.MULTILINE)
    (command,) = re.findall(r"^CMD (.+)$", text, re.MULTILINE)
    assert json.loads(entry) == ["undeliverable", "serve"]
    options = served(json.loads(command))
    assert options.http == ("0.0.0.0", 8080)
    (check,) = re.findall(r"^  CMD (.+)$", text, re.MULTILINE)
    assert json.loads(check)[:2] == ["python", "-c"]
    compile(json.loads(check)[2], "healthcheck", "exec")
    assert "/v1/health" in check
    assert re.findall(r"^USER (\d+)", text, re.MULTILINE) == ["8024"]


def test_the_extras_of_the_containerfile_exist() -> None:
    text = (FOLDER / "Containerfile").read_text(encoding="utf-8")
    (extras,) = re.findall(r"undeliverable\[([\w,]+)\]\"$", text, re.MULTILINE)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(extras.split(",")) <= set(project["optional-dependencies"])


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("Containerfile")), ids=lambda path: path.parent.name)
def test_a_containerfile_is_well_formed(path: Path) -> None:
    text = re.sub(r"\\\n", " ", path.read_text(encoding="utf-8"))
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    known = {
        "FROM", "ARG", "RUN", "COPY", "ENV", "USER", "WORKDIR", "VOLUME", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT", "CMD",
    }  # fmt: skip
    assert {line.split()[0] for line in lines} <= known
    for line in lines:
        if line.startswith("COPY") and "--from" not in line:
            assert (path.parent / line.split()[1]).is_file()
        if line.startswith("RUN"):
            script = line.removeprefix("RUN")
            assert subprocess.run(["/bin/sh", "-n", "-c", script], check=False).returncode == 0


def test_the_options_and_files_of_the_compose_file_exist() -> None:
    document = yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))
    service, postfix = document["services"]["undeliverable"], document["services"]["postfix"]
    options = served(service["command"])
    assert options.lmtp == ("0.0.0.0", 8024)
    assert service["read_only"] is True
    for one in (service, postfix):
        build = one["build"]
        assert (FOLDER / build["context"] / build["dockerfile"]).is_file()
    mounted = dict(volume.split(":")[:2] for volume in service["volumes"])
    assert mounted["bounces"] == str(Path(options.into).parent) == str(Path(options.to).parent)
    assert mounted["./secrets.toml"] == options.secrets
    assert mounted["./keys"] == options.keys
    assert {name for one in (service, postfix) for name in _named(one)} == set(document["volumes"])


def _named(service: Any) -> list[str]:
    return [name for volume in service["volumes"] if not (name := volume.split(":")[0]).startswith(".")]


def test_postfix_hands_over_what_the_service_takes() -> None:
    text = (FOLDER / "postfix" / "main.cf").read_text(encoding="utf-8")
    assert all(re.match(r"[a-z_]+ =|#|$", line) for line in text.splitlines())
    options = served(
        yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))["services"]["undeliverable"]["command"]
    )
    assert f"lmtp:inet:undeliverable:{options.lmtp[1]}" in text
    assert options.domains == re.findall(r"^relay_domains = (.+)$", text, re.MULTILINE)
    (size,) = re.findall(r"^message_size_limit = (\d+)$", text, re.MULTILINE)
    assert int(size) <= options.max_size << 20
    (recipients,) = re.findall(r"^lmtp_destination_recipient_limit = (\d+)$", text, re.MULTILINE)
    assert int(recipients) <= 100


def test_the_unit_starts_what_exists() -> None:
    text = re.sub(r"\\\n", " ", (FOLDER / "undeliverable-http.service").read_text(encoding="utf-8"))
    (command,) = re.findall(r"^ExecStart=(.+)$", text, re.MULTILINE)
    program, serve, *arguments = shlex.split(command)
    assert (Path(program).name, serve) == ("undeliverable", "serve")
    options = served(arguments)
    (writable,) = re.findall(r"^ReadWritePaths=(.+)$", text, re.MULTILINE)
    assert {str(Path(path).parent) for path in (options.to, options.into)} == {writable}


def test_the_secrets_of_the_example_are_tokens_once_they_are_replaced(tmp_path: Path) -> None:
    text = (FOLDER / "secrets.example.toml").read_text(encoding="utf-8")
    with pytest.raises(KnowledgeError, match=r"secrets.*api\.mail-server.*placeholder of the example"):
        read_tokens(secrets_file(tmp_path, text))
    found = read_tokens(secrets_file(tmp_path, text.replace("replace-me", "replaced")))
    assert {scope for token in found.known for scope in token.scopes} == set(SCOPES)


def run_post(folder: Path, port: int, *arguments: str, token_file: str = "authorization") -> tuple[int, str]:
    environment = os.environ | {"URL": f"http://127.0.0.1:{port}", "TOKEN_FILE": str(folder / token_file)}
    done = subprocess.run(
        [str(FOLDER / "post_bounce.sh"), *arguments],
        input=MESSAGE, env=environment, capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    return done.returncode, (done.stdout + done.stderr).decode()


@needs_curl
def test_a_pipe_hands_bounces_over_or_says_try_again(folder: Path, server: Server) -> None:
    port, to = server.ports[0], "bounces+1@example.com"
    assert run_post(folder, port, to, "") == (0, "")
    *_, record = records.read(folder / "proved.jsonl")
    assert record["envelope"] == {"sender": "", "recipients": [to]}
    (folder / "no-token").write_text("X-Other: 1\n", encoding="utf-8")
    status, said = run_post(folder, port, to, token_file="no-token")
    assert (status, '"unauthorized"' in said) == (75, True)
    assert run_post(folder, 1, to, "")[0] == 75  # nobody listens


@needs_curl
@pytest.mark.parametrize("arguments", [(), ("a@example.com", "b@example.com", "c@example.com"), ("", "c@example.com")])
def test_a_pipe_takes_one_recipient(folder: Path, server: Server, arguments: tuple[str, ...]) -> None:
    """The second of two recipients would be taken for the sender."""
    before = len([*records.read(folder / "proved.jsonl")]) if (folder / "proved.jsonl").exists() else 0
    status, said = run_post(folder, server.ports[0], *arguments)
    assert (status, "usage: post_bounce.sh RECIPIENT [SENDER]" in said) == (75, True)
    after = len([*records.read(folder / "proved.jsonl")]) if (folder / "proved.jsonl").exists() else 0
    assert after == before


def test_a_program_asks_with_the_standard_library(server: Server) -> None:
    command = [
        sys.executable, str(FOLDER / "ask_the_service.py"), f"http://127.0.0.1:{server.ports[0]}", "lee@example.org", "550 5.1.1 no such user",
    ]  # fmt: skip
    done = subprocess.run(command, env=os.environ | {"TOKEN": TOKEN}, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["not suppressed", "hard user_unknown suppress"]
    denied = subprocess.run(command, env=os.environ | {"TOKEN": "wrong"}, capture_output=True, text=True, check=False)
    assert "unauthorized: the token is not known" in denied.stderr
