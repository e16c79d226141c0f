"""Settings: the command line before the environment before files, and what a stranger's file in a folder may not do."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, Final

import pytest

from undeliverable.cli import _settings, main
from undeliverable.cli._command import UsageError
from undeliverable.cli._main import full_parser
from undeliverable.cli._options import nested_parsers, parsed
from undeliverable.cli._settings import KEYS, variable

RULES: Final = """\
[[rule]]
id = "{0}.zebra"
when = {{ words = "zebra" }}
then = {{ reason = "{1}" }}
example = "550 5.0.0 zebra"
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, as a user without settings."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for key in KEYS:
        monkeypatch.delenv(variable(key), raising=False)
    for name, reason in (("one", "greylisted"), ("two", "mailbox_full"), ("three", "spam_content")):
        (folder / f"{name}.toml").write_text(RULES.format(name, reason))
    return folder


def own_file(text: str) -> Path:
    """Write the user's own settings."""
    path = Path(os.environ["XDG_CONFIG_HOME"]) / "undeliverable" / "undeliverable.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def write(**files: str) -> None:
    for name, text in files.items():
        Path(f"{name}.toml").write_text(text)


def options_of(*words: str) -> Any:
    return parsed(full_parser(), words)


def rules_of(*words: str) -> list[str]:
    found: list[str] = options_of("explain", "550 zebra", *words).rules
    return found


# --- precedence -------------------------------------------------------------------------------------------------------


def test_the_command_line_comes_before_the_environment_before_files(monkeypatch: pytest.MonkeyPatch) -> None:
    assert rules_of() == []
    own = own_file('rules = "own.toml"')
    assert rules_of() == [str(own.parent / "own.toml")]
    write(pyproject='[tool.undeliverable]\nrules = "three.toml"')
    assert rules_of() == ["three.toml"]
    write(undeliverable='rules = ["two.toml"]')
    assert rules_of() == ["two.toml"]
    monkeypatch.setenv("UNDELIVERABLE_RULES", os.pathsep.join(("one.toml", "two.toml")))
    assert rules_of() == ["one.toml", "two.toml"]
    assert rules_of("--rules", "three.toml") == ["three.toml"]


def test_each_key_counts_by_itself() -> None:
    own_file('lang = "de"\nprofile = "strict-rfc"\ncolor = "never"')
    write(undeliverable='profile = ["ses:label", "one.toml"]')
    options = options_of("explain", "550 zebra")
    assert options.profile == ["ses:label", "one.toml"]
    assert options.color == "never"


def test_an_empty_variable_undoes_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    write(undeliverable='rules = "one.toml"\ncolor = "always"')
    monkeypatch.setenv("UNDELIVERABLE_RULES", "")
    monkeypatch.setenv("UNDELIVERABLE_COLOR", "")
    assert rules_of() == []
    assert options_of("explain", "x").color == "auto"


def test_a_default_that_is_typed_counts() -> None:
    write(undeliverable='color = "always"')
    assert options_of("explain", "x").color == "always"
    assert options_of("explain", "x", "--color", "auto").color == "auto"
    assert options_of("rules", "list").color == "always"
    assert options_of("rules", "list", "--color", "auto").color == "auto"


def test_settings_decide(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNDELIVERABLE_RULES", "one.toml")
    assert main(["rules", "which", "550 zebra"]) == 0
    assert "one.zebra" in capsys.readouterr().out


def test_a_folder_of_the_name_of_a_file_is_no_settings_file() -> None:
    Path("undeliverable.toml").mkdir()
    assert rules_of() == []


def test_a_project_without_a_table_has_no_settings() -> None:
    for text in (
        "[tool.other]\nx = 1",
        '[project]\ndependencies = ["undeliverable"]',
        'tool = "undeliverable"',
        "broken [",
    ):
        write(pyproject=text)
        assert rules_of() == []


@pytest.mark.parametrize("base", ["", "relative"])
def test_the_users_own_file_has_its_usual_place(base: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / ".config"))
    own_file('color = "never"')
    monkeypatch.setenv("XDG_CONFIG_HOME", base)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert options_of("explain", "x").color == "never"


def test_paths_of_the_users_own_file_stand_beside_it_or_at_home(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    own = own_file(
        'rules = ["own.toml", "~/home.toml", "/etc/rules.toml"]\nprofile = "own.toml:label"\nlist = "postgresql://db.example.org/x"'
    )
    options = options_of("suppressions", "list")
    assert options.list == "postgresql://db.example.org/x"
    assert rules_of() == [str(own.parent / "own.toml"), str(tmp_path / "home.toml"), "/etc/rules.toml"]
    assert options_of("explain", "x").profile == [f"{own.parent / 'own.toml'}:label"]


# --- the list ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["list.db", "-odd.db"])
def test_the_list_of_the_environment(
    place: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("UNDELIVERABLE_LIST", place)
    assert main(["suppressions", "add", "kim@example.org", "--why", "asked"]) == 0
    assert Path(place).exists()
    assert main(["suppressions", "show", "kim@example.org", "--scope", "acme"]) == 0
    assert "suppressed in the global scope" in capsys.readouterr().out
    assert options_of("check", "addresses.txt").against == place
    assert options_of("check", "addresses.txt", "--against", "other.db").against == "other.db"


def test_without_a_list_the_message_names_the_variable(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["suppressions", "list"])
    assert left.value.code == 2
    assert "LIST is missing: name it, or set UNDELIVERABLE_LIST" in capsys.readouterr().err


# --- what is wrong ----------------------------------------------------------------------------------------------------

VALID: Final = "expected one of rules, profile, list, lang, color"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rulez = 1", f"undeliverable.toml: unknown key 'rulez'; {VALID}"),
        ('into = "list.db"', f"undeliverable.toml: unknown key 'into'; {VALID}"),
        ("rules = 5", "undeliverable.toml: rules: expected a text or a list of texts, not 5"),
        ("rules = [5]", "undeliverable.toml: rules: expected a text or a list of texts, not [5]"),
        ('list = ["a", "b"]', "undeliverable.toml: list: expected a text, not ['a', 'b']"),
        ('rules = "a\\u0000b"', "undeliverable.toml: rules: not a path: "),
        ('rules = ""', "undeliverable.toml: rules: not a path: ''"),
        ('color = "blue"', "undeliverable.toml: color: unknown value 'blue'; expected one of auto, always, never"),
        ("rules = [", "undeliverable.toml: "),
    ],
)
def test_what_is_wrong_is_one_line_with_the_file_and_the_key(
    text: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write(undeliverable=text)
    assert main(["explain", "550 zebra"]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


def test_a_table_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    write(pyproject="[tool]\nundeliverable = 5")
    assert main(["explain", "550 zebra"]) == 2
    assert f"pyproject.toml: expected a table of settings, with the keys {', '.join(KEYS)}" in capsys.readouterr().err


def test_files_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    path = Path("undeliverable.toml")
    path.write_bytes(b'rules = "\xff"')
    assert main(["explain", "550 zebra"]) == 2
    path.write_bytes(b"#" * (1 << 20) + b"##")
    assert main(["explain", "550 zebra"]) == 2
    own = own_file("")
    path.unlink()
    real = open
    monkeypatch.setattr(
        _settings,
        "open",
        lambda name, *rest: real("/nonexistent/x" if name == str(own) else name, *rest),
        raising=False,
    )
    assert main(["explain", "550 zebra"]) == 2
    assert re.fullmatch(
        r".+: not UTF-8\n.+: larger than 1,048,576 octets\n.+undeliverable.toml: No such file or directory\n",
        capsys.readouterr().err,
    )


def test_help_is_shown_whatever_the_settings() -> None:
    write(undeliverable="broken [")
    for words in (["--help"], ["rules", "list", "--help"], ["--version"]):
        with pytest.raises(SystemExit) as left:
            main(words)
        assert left.value.code == 0


# --- strangers --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["undeliverable.toml", "pyproject.toml"])
@pytest.mark.parametrize(
    ("key", "place"),
    [
        ("rules", "/etc/passwd"),
        ("rules", "../secret.toml"),
        ("rules", "sub/../../secret.toml"),
        ("rules", "link.toml"),
        ("profile", "../secret.toml"),
        ("profile", "/etc/secret.toml:label"),
        ("profile", "link.toml"),
        ("list", "postgresql://db.example.org/list"),
        ("list", "sqlite:////etc/list.db"),
        ("list", "/var/lib/list.db"),
        ("list", "link.toml"),
        ("list", "."),
    ],
)
def test_a_file_in_a_folder_names_nothing_outside_of_it(
    name: str, key: str, place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = tmp_path / "secret.toml"
    secret.write_text("password of the user")
    Path("sub").mkdir()
    os.symlink(secret, "link.toml")
    table = "[tool.undeliverable]\n" if name == "pyproject.toml" else ""
    Path(name).write_text(f'{table}{key} = "{place}"')
    command = ["suppressions", "list"] if key == "list" else ["explain", "550 zebra"]
    assert main(command) == 2
    err = capsys.readouterr().err
    assert f"{name}: {key}: " in err
    assert "is outside of the working directory" in err or "is not a path" in err
    assert "password" not in err


def test_a_settings_file_that_is_a_link_to_another_folder_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("password of the user")
    os.symlink(secret, "undeliverable.toml")
    assert main(["explain", "550 zebra"]) == 2
    assert "password" not in capsys.readouterr().err


def test_what_is_no_file_is_not_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo("undeliverable.toml")
    assert main(["explain", "550 zebra"]) == 0
    os.mkfifo("rules.toml")
    write(pyproject='[tool.undeliverable]\nrules = "rules.toml"')
    assert main(["explain", "550 zebra"]) == 2
    assert "'rules.toml' is not a file" in capsys.readouterr().err


WRITING: Final = sorted(
    f"suppressions {verb}"
    for verb in (
        "add", "add-domain", "confirm", "forget", "import", "reactivate", "reactivate-domain", "release", "sent", "settings",
    )
)  # fmt: skip


def test_commands_either_read_the_list_or_write_into_it() -> None:
    verbs = {nested.words for nested in nested_parsers(full_parser()) if nested.words.startswith("suppressions ")}
    assert verbs == {name for name in (*WRITING, *_settings._READS_LIST) if name.startswith("suppressions ")}


@pytest.mark.parametrize("command", WRITING)
def test_a_file_in_a_folder_makes_no_command_write(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    write(undeliverable='list = "list.db"')
    arguments = {"import": ["one.toml"], "sent": ["one.toml"], "settings": [], "confirm": [], "release": []}
    verb = command.partition(" ")[2]
    why = [] if verb in {"add", "add-domain", "forget", "import", "sent", "settings"} else ["--why", "x"]
    assert main([*command.split(), *arguments.get(verb, ["kim@example.org"]), *why]) == 2
    assert "writes into the list" in capsys.readouterr().err
    assert not Path("list.db").exists()


def test_what_a_file_in_a_folder_decided_is_mentioned(capsys: pytest.CaptureFixture[str]) -> None:
    write(undeliverable='rules = "one.toml"')
    assert main(["rules", "which", "550 zebra"]) == 0
    captured = capsys.readouterr()
    assert captured.err == "undeliverable: settings from undeliverable.toml\n"
    assert "one.zebra" in captured.out
    assert main(["rules", "which", "550 zebra", "-q"]) == 0
    assert capsys.readouterr().err == ""


def test_a_file_of_another_owner_is_ignored(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write(undeliverable='rules = "one.toml"')
    os.chown("undeliverable.toml", 12345, -1) if os.geteuid() == 0 else monkeypatch.setattr(
        os, "geteuid", lambda: 12345
    )
    assert rules_of() == []
    assert "undeliverable.toml: belongs to another user; ignored" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["pipe", "serve"])
def test_services_read_no_file(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write(undeliverable="broken [")
    own_file("broken [")
    assert options_of(command).rules == []
    monkeypatch.setenv("UNDELIVERABLE_RULES", "one.toml")
    assert options_of(command).rules == ["one.toml"]


def test_wrong_settings_are_wrong_usage() -> None:
    write(undeliverable="broken [")
    with pytest.raises(UsageError):
        options_of("explain", "x")
