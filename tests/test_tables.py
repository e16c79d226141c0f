"""Access to tables that nobody has checked yet."""

from __future__ import annotations

import pytest

from undeliverable._knowledge.languages import read_cuts
from undeliverable._knowledge.log_shapes import compile_log
from undeliverable._knowledge.phrases import AutoReplyPhrases
from undeliverable.errors import EntryError
from undeliverable.errors._tables import as_list, as_table, refuse_unknown


def test_shapes() -> None:
    assert as_table({"a": 1}) == {"a": 1}
    assert as_table([("a", 1)]) is None
    assert as_list((1, 2)) == (1, 2)
    assert as_list("ab") is None


def test_known_keys_pass() -> None:
    refuse_unknown({}, ())
    refuse_unknown({"a": 1, "b": 2}, ("b", "a", "c"))


def test_the_first_unknown_key_is_named_with_those_that_are_valid() -> None:
    with pytest.raises(EntryError) as caught:
        refuse_unknown({"b": 1, "x": 2, "d": 3}, ("b", "a"), "then.", entry="ours")
    assert (caught.value.detail, caught.value.key) == ("unknown key; expected one of a, b", "then.x")
    assert caught.value.entry == "ours"


def test_every_reader_says_which_keys_are_valid() -> None:
    for read in (
        lambda: read_cuts({"x": 1}),
        lambda: AutoReplyPhrases.from_table({"x": 1}),
        lambda: AutoReplyPhrases.from_table({"header": [{"x": 1}]}),
        lambda: compile_log("mine", {"line": [{"x": 1}]}),
    ):
        with pytest.raises(EntryError, match=r"^unknown key; expected one of \w+(, \w+)+$"):
            read()
