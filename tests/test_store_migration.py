"""Lists of earlier versions: their tables are migrated, and their addresses compared by the present rule."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from tests import older_lists
from tests.suppression_words import BEGIN, event
from undeliverable.store import AddressIdentity, Migrated, StoreError, SuppressionList
from undeliverable.store import _reidentify as reidentify
from undeliverable.store._engine import engine_for, reading
from undeliverable.store._older import older_forms
from undeliverable.suppression import Policy, fold


@pytest.mark.parametrize("version", [1, 2])
def test_an_earlier_version_is_migrated(place: str, version: int) -> None:
    older_lists.make(place, [("kim@example.org", "Kim@example.org", [event(0, "hard")])], version=version)
    with SuppressionList(place, create=False) as known:
        assert known.is_suppressed("kim@example.org")
        assert known.migrated is None
        assert known.record([("lee@example.org", event(0, "hard"))]).suppressed == ("lee@example.org",)
        assert [entry.address for entry in known.entries(suppressed=True)] == ["kim@example.org", "lee@example.org"]
    assert tables(place) == tables_of_a_new_list(place)


def tables(place: str) -> Mapping[str, object]:
    """Return the columns, unique constraints and indexes of all tables."""
    from sqlalchemy import inspect

    engine = engine_for(place, create=False)
    with reading(engine) as connection:
        found = inspect(connection)
        seen = {
            name: (
                sorted((column["name"], str(column["type"]), column["nullable"]) for column in found.get_columns(name)),
                sorted((index["name"] or "", tuple(index["column_names"])) for index in found.get_indexes(name)),
                sorted(map(str, found.get_unique_constraints(name))),
            )
            for name in found.get_table_names()
        }
    engine.dispose()
    return seen


def tables_of_a_new_list(place: str) -> Mapping[str, object]:
    if "://" not in place:
        other = f"{place}.new"
    else:
        from tests.conftest import new_database

        other = new_database(place)
    SuppressionList(other).close()
    return tables(other)


def test_entries_of_one_address_become_one(place: str) -> None:
    soft = [event(day, "soft", f"s{day}") for day in range(4)]
    older_lists.make(
        place,
        [
            ("kim@example.org", "kim@example.org", soft[:2]),
            ('"kim"@example.org', '"Kim"@example.org', [*soft[1:], event(9, "hard", "h")]),
            ("lee@example.org", "lee@example.org", [event(0, "soft")]),
        ],
    )
    with SuppressionList(place) as known:
        assert known.migrated == Migrated(merged=("kim@example.org",))
        assert len(known) == 2
        entry = known.get("kim@example.org")
        assert entry is not None
        assert entry.shown == "kim@example.org"
        assert [found.key for found in known.history("kim@example.org")] == ["s0", "s1", "s2", "s3", "h"]
        assert entry.state == fold([*soft, event(9, "hard", "h")], known.policy)
        assert known.is_suppressed('"kim"@EXAMPLE.org')
    with SuppressionList(place) as known:
        assert known.migrated == Migrated(merged=("kim@example.org",)), "until somebody has read it"
        known.clear_migrated()
        assert known.migrated is None
    with SuppressionList(place) as known:
        assert known.migrated is None


def test_of_two_events_with_one_key_the_better_one_stays(place: str) -> None:
    hard, soft = event(3, "hard", "k"), event(1, "soft", "k")
    older_lists.make(
        place, [("kim@example.org", "kim@example.org", [soft]), ('"kim"@example.org', '"kim"@example.org', [hard])]
    )
    with SuppressionList(place) as known:
        best = min(hard, soft, key=lambda found: found.precedence)
        assert known.history("kim@example.org") == (best,)
        assert known.state("kim@example.org") == fold([best], known.policy)


def test_entries_that_held_two_addresses_go_to_the_first_spelling_and_are_reported(place: str) -> None:
    older_lists.make(
        place,
        [
            ("gross@example.org", "Groß@example.org", [event(0, "hard", "k")]),
            ("josé@example.org", "JOSÉ@example.org", [event(0, "hard", "k")]),
        ],
    )
    with SuppressionList(place) as known:
        report = known.migrated
        assert report is not None
        assert report.split == (
            ("groß@example.org", "gross@example.org"),
            ("josÉ@example.org", "josé@example.org"),
        )
        assert known.is_suppressed("GROß@example.org")
        assert not known.is_suppressed("gross@example.org")
        assert not known.is_suppressed("josé@example.org")


def test_events_whose_reply_names_the_other_address_go_with_it(place: str) -> None:
    named = event(1, "hard", "k1", reply="550 5.1.1 <groß@example.org>: no such user")
    own = event(2, "soft", "k2", reply="452 4.2.2 <gross@example.org>: mailbox full, größer geht nicht")
    older_lists.make(
        place,
        [
            ("gross@example.org", "gross@example.org", [named, own]),
            ("max@example.org", "max@example.org", [event(0, "hard", reply="550 5.1.1 <lee@example.org> ungültig")]),
            ("strasse@example.org", "Straße@example.org", [
                event(1, "hard", "k1", reply="550 <STRASSE@example.org> unbekannt, größter Fehler"),
            ]),
        ],
    )  # fmt: skip
    with SuppressionList(place) as known:
        report = known.migrated
        assert report is not None
        assert report.split == (
            ("straße@example.org", "strasse@example.org"),
            ("gross@example.org", "groß@example.org"),
        )
        assert known.history("gross@example.org") == (own,)
        assert known.history("groß@example.org") == (named,)
        assert known.is_suppressed("groß@example.org")
        assert not known.is_suppressed("gross@example.org")
        assert known.is_suppressed("max@example.org")
        assert known.history("straße@example.org") == ()
        assert not known.is_suppressed("straße@example.org")
        assert known.is_suppressed("strasse@example.org")


def test_an_address_may_be_the_old_form_of_one_entry_and_the_new_form_of_another(place: str) -> None:
    older_lists.make(
        place,
        [
            ("josé@example.org", "JosÉ@example.org", [event(0, "hard", "a")]),
            ('"josé"@example.org', '"josé"@example.org', [event(0, "soft", "b")]),
        ],
    )
    with SuppressionList(place) as known:
        assert [found.key for found in known.history("josÉ@example.org")] == ["a"]
        assert [found.key for found in known.history("josé@example.org")] == ["b"]


def test_events_of_the_other_address_join_its_entry_if_it_has_one(place: str) -> None:
    older_lists.make(
        place,
        [
            ("josé@example.org", "josé@example.org", [event(1, "hard", "a", reply="550 <JOSÉ@example.org> unknown")]),
            ('"josé"@example.org', '"JOSÉ"@example.org', [event(0, "soft", "b")]),
        ],
    )
    with SuppressionList(place) as known:
        assert [found.key for found in known.history("josÉ@example.org")] == ["b", "a"]
        assert known.is_suppressed("josÉ@example.org")
        assert known.history("josé@example.org") == ()


def test_entries_without_a_history_become_one(place: str) -> None:
    older_lists.make(
        place, [("kim@example.org", "kim@example.org", []), ('"kim"@example.org', '"kim"@example.org', [])]
    )
    with SuppressionList(place) as known:
        assert [entry.state for entry in known.entries()] == [fold([], known.policy)]


def test_forgotten_addresses_stay_suppressed(place: str) -> None:
    forgotten = [
        "gross@example.org",
        '"kim"@example.org',
        "kim@☃.example",
        "lee@xn--bcher-kva.example",
        "x@xn--9999999.test",
    ]
    older_lists.make(place, [], forgotten=forgotten)
    with SuppressionList(place) as known:
        for address in (
            "Groß@example.org",
            "kim@example.org",
            "kim@☃.example",
            "lee@bücher.example",
            "X@xn--9999999.test",
        ):
            assert known.is_suppressed(address), address
            assert known.record([(address, event(0, "hard"))]).forgotten == 1
        assert not known.is_suppressed("max@example.org")
        assert known.reactivate("groß@example.org", why="they are back").new == 1
        assert not known.is_suppressed("groß@example.org")
        known.suppress("max@example.org")
        known.forget("max@example.org")
        assert known.is_suppressed("max@example.org")


def test_patterns_that_never_stopped_anything_are_reported(place: str) -> None:
    older_lists.make(place, [("*@example.org", "*@example.org", [event(0, "hard")])])
    with SuppressionList(place) as known:
        assert known.migrated == Migrated(patterns=("*@example.org",))
        assert not known.is_suppressed("kim@example.org")


def test_a_report_does_not_outlive_what_is_forgotten(place: str) -> None:
    older_lists.make(
        place,
        [
            ("kim@example.org", "kim@example.org", [event(0, "hard")]),
            ('"kim"@example.org', '"kim"@example.org', [event(1, "hard")]),
            ("gross@example.org", "groß@example.org", [event(0, "hard")]),
        ],
    )
    with SuppressionList(place) as known:
        known.forget("kim@example.org")
        known.forget("groß@example.org")
    with SuppressionList(place) as known:
        assert known.migrated is not None
        assert not known.migrated


def test_options_of_the_list_hold(place: str) -> None:
    older_lists.make(
        place,
        [("Kim@example.org", "Kim+a@example.org", [event(0, "hard")])],
        identity={"case_matters": True, "without_tags": True},
    )
    with SuppressionList(place) as known:
        assert known.identity == AddressIdentity(case_matters=True, without_tags=True)
        assert known.migrated is None
        assert known.is_suppressed("Kim+b@example.org")
        assert not known.is_suppressed("kim@example.org")


def test_what_databases_do_not_take_keeps_its_form(place: str) -> None:
    older_lists.make(place, [('"\\x00\'"@example.org', '"\\x00\'"@example.org', [event(0, "hard")])])
    with SuppressionList(place) as known:
        assert [entry.address for entry in known.entries()] == ['"\\x00\'"@example.org']


def test_a_migration_that_is_interrupted_changes_nothing(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        ("kim@example.org", "kim@example.org", [event(0, "hard", "a")]),
        ('"kim"@example.org', '"kim"@example.org', [event(1, "hard", "b")]),
    ]
    older_lists.make(place, rows)
    before = tables(place)

    def broken(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(reidentify, "save_states", broken)
        with pytest.raises(KeyboardInterrupt):
            SuppressionList(place)
    assert tables(place) == before
    engine = engine_for(place, create=False)
    with reading(engine) as connection:
        count = text("SELECT COUNT(*) FROM undeliverable_addresses")
        assert connection.execute(count).scalar_one() == 2
    engine.dispose()
    with SuppressionList(place) as known:
        assert [found.key for found in known.history("kim@example.org")] == ["a", "b"]


def test_many_addresses_are_read_page_by_page(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reidentify, "_PAGE", 3)
    names = [f"u{number}@example.org" for number in range(8)]
    older_lists.make(
        place,
        [
            *((name, name, [event(0, "soft", "a")]) for name in names),
            *((f'"{name[:2]}"{name[2:]}', f'"{name[:2]}"{name[2:]}', [event(1, "hard", "b")]) for name in names),
        ],
    )
    with SuppressionList(place) as known:
        assert known.migrated is not None
        assert sorted(known.migrated.merged) == names
        assert all(known.is_suppressed(name) for name in names)


LOCAL = st.text(alphabet='aBß"\\ .sSÉé', min_size=1, max_size=5)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(spellings=st.lists(LOCAL.map(lambda local: f"{local}@Example.org"), min_size=1, max_size=8))
def test_every_spelling_finds_the_history_that_was_recorded_for_it(tmp_path: Path, spellings: list[str]) -> None:
    """Rows made as the older version made them: the first spelling is kept, later events are added to its row."""
    rows: dict[str, tuple[str, list[str]]] = {}
    for number, spelling in enumerate(spellings):
        rows.setdefault(older_rule(spelling), (spelling, []))[1].append(str(number))
    place = tmp_path / f"{len(list(tmp_path.iterdir()))}.db"
    older_lists.make(
        str(place),
        [(form, shown, [event(0, "hard", key) for key in keys]) for form, (shown, keys) in rows.items()],
    )
    with SuppressionList(place) as known:
        wanted: dict[str, set[str]] = {}
        for shown, keys in rows.values():
            wanted.setdefault(known.identity.of(shown), set()).update(keys)
        assert {entry.address for entry in known.entries()} == set(wanted)
        for address, own in wanted.items():
            assert {found.key for found in known.history(address)} == own
            assert known.state(address) == fold(known.history(address), Policy.builtin())
        split = {pair[0] for pair in (known.migrated or Migrated()).split}
        for form, (shown, _) in rows.items():
            assert known.is_suppressed(shown)
            assert form in older_forms(known.identity.of(shown)) or "\\" in shown
            assert (known.identity.of(form) == known.identity.of(shown)) or known.identity.of(shown) in split


def older_rule(address: str) -> str:
    """The form of an address by the older rule, as far as these tests need it."""
    local, _, domain = address.strip().rpartition("@")
    return f"{local.casefold()}@{domain.lower()}"


def test_a_list_of_a_later_version_is_refused_by_its_number(place: str) -> None:
    older_lists.make(place, [], version=99)
    with pytest.raises(StoreError, match="version 99"):
        SuppressionList(place)


def test_a_lasting_suppression_survives(place: str) -> None:
    older_lists.make(place, [("kim@example.org", "kim@example.org", [event(0, "hard")])], identity={})
    with SuppressionList(place) as known:
        assert known.is_suppressed("kim@example.org", BEGIN + timedelta(days=9_000))
