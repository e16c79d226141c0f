"""Options that are numbers: their bounds, and that one name means one unit in all commands."""

from __future__ import annotations

import inspect
import math
from argparse import ArgumentTypeError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from undeliverable.check import Lookups
from undeliverable.cli import main
from undeliverable.cli._main import full_parser
from undeliverable.cli._numbers import within
from undeliverable.cli._options import nested_parsers
from undeliverable.mailbox import imap
from undeliverable.mailbox._reader import Limits as MailboxLimits
from undeliverable.serve import Budget
from undeliverable.serve._limits import BODY
from undeliverable.serve._limits import Limits as ApiLimits
from undeliverable.serve.http import Webhooks
from undeliverable.serve.server import Limits as SinkLimits


@given(st.floats() | st.integers(), st.integers(-5, 5), st.integers(6, 1000))
def test_a_number_is_taken_exactly_where_it_is_in_its_bounds(value: float, least: int, most: int) -> None:
    number = within(float, least, most)
    if least <= value <= most:
        assert number(str(value)) == value
    else:
        with pytest.raises(ArgumentTypeError) as caught:
            number(str(value))
        assert str(caught.value) == f"must be a number from {least} to {most}, not {str(value)!r}"


@given(st.text(max_size=9))
def test_any_text_is_a_whole_number_or_an_error_that_names_the_bounds(text: str) -> None:
    try:
        assert 1 <= within(int, 1)(text) <= 1_000_000
    except ArgumentTypeError as error:
        assert str(error) == f"must be a whole number from 1 to 1000000, not {text!r}"  # noqa: PT017


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("check x.txt --timeout=0", "--timeout: must be a number from 0.001 to 1000000, not '0'"),
        ("check x.txt --timeout=nan", "--timeout: must be a number from 0.001 to 1000000, not 'nan'"),
        ("check x.txt --concurrency=0", "--concurrency: must be a whole number from 1 to 1000000, not '0'"),
        ("check x.txt --port=65536", "--port: must be a whole number from 1 to 65535, not '65536'"),
        ("export x.eml -o x --file-size=0", "--file-size: must be a whole number from 1 to 1000000, not '0'"),
        ("mailbox imaps://kim@a.example --poll=0", "--poll: must be a number from 1 to 1000000, not '0'"),
        ("mailbox imaps://kim@a.example --max-size=0", "--max-size: must be a whole number from 1 to 1000000, not '0'"),
        ("serve --max-size=0.5", "--max-size: must be a whole number from 1 to 1000000, not '0.5'"),
        ("serve --max-in-flight=-1", "--max-in-flight: must be a whole number from 1 to 1000000, not '-1'"),
        ("serve --max-connections=0", "--max-connections: must be a whole number from 1 to 1000000, not '0'"),
        ("serve --max-batch=0", "--max-batch: must be a whole number from 1 to 1000000, not '0'"),
        ("serve --workers=65", "--workers: must be a whole number from 0 to 64, not '65'"),
        ("serve --timeout=inf", "--timeout: must be a number from 0.001 to 1000000, not 'inf'"),
    ],
)
def test_a_number_outside_of_its_bounds_is_an_error_of_the_command_line(
    words: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main(words.split())
    assert left.value.code == 2
    assert said in capsys.readouterr().err


def test_pipe_keeps_the_message_where_its_time_limit_is_no_number(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pipe", "--to", "x.jsonl", "--timeout", "-1"]) == 75
    assert "--timeout: must be a number from 0 to 1000000, not '-1'" in capsys.readouterr().err


@pytest.mark.parametrize("value", [0, -1, math.nan])
def test_lookups_name_the_argument_that_is_wrong(value: float) -> None:
    with pytest.raises(ValueError, match=f"^timeout must be more than 0, not {value}$"):
        Lookups(nameservers=["127.0.0.1"], timeout=value)
    with pytest.raises(ValueError, match=r"^concurrency must be more than 0, not 0$"):
        Lookups(nameservers=["127.0.0.1"], concurrency=0)


def test_options_of_one_name_have_one_unit_and_one_kind_of_value_in_all_commands() -> None:
    found: dict[str, set[object]] = {}
    for parser in nested_parsers(full_parser()):
        for action in parser._actions:
            for name in {"--timeout", "--max-size", "--recipient", "--max-age", "--domain"} & {*action.option_strings}:
                found.setdefault(name, set()).add(action.metavar)
                default = f"({action.default:g}" if action.default else ""
                assert default in (action.help or ""), (parser.words, name)
    assert found == {
        "--timeout": {"SECONDS"},
        "--max-size": {"MIB"},
        "--recipient": {"ADDRESS"},
        "--max-age": {"DAYS"},
        "--domain": {"DOMAIN"},
    }


MIB = 1 << 20
DEFAULTS: dict[tuple[str, str], object] = {
    ("check", "--timeout"): inspect.signature(Lookups).parameters["timeout"].default,
    ("check", "--concurrency"): inspect.signature(Lookups).parameters["concurrency"].default,
    ("check", "--port"): inspect.signature(Lookups).parameters["port"].default,
    ("mailbox", "--max-size"): MailboxLimits().message // MIB,
    ("mailbox", "--max-age"): ApiLimits().max_age.days,
    ("mailbox", "--poll"): inspect.signature(imap.connect).parameters["every"].default,
    ("serve", "--max-size"): SinkLimits().size // MIB,
    ("serve", "--max-in-flight"): Budget().free // MIB,
    ("serve", "--max-connections"): SinkLimits().connections,
    ("serve", "--timeout"): SinkLimits().command,
    ("serve", "--max-batch"): ApiLimits().batch,
    ("serve", "--max-age"): ApiLimits().max_age.days,
}


@pytest.mark.parametrize(("command", "option"), DEFAULTS)
def test_a_default_is_that_of_the_library(command: str, option: str) -> None:
    """The command does not import the library only to show its help, so that it has the number too."""
    (parser,) = (one for one in nested_parsers(full_parser()) if one.words == command)
    (action,) = (one for one in parser._actions if option in one.option_strings)
    assert action.default == DEFAULTS[command, option]


def test_limits_of_mail_and_of_other_bodies_are_the_same_in_all_servers() -> None:
    assert ApiLimits().mail == SinkLimits().size
    assert ApiLimits().body == BODY == inspect.signature(Webhooks).parameters["max_size"].default
