"""Layers: which entry speaks first, what a file may hold, and that knowledge is a value."""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import undeliverable
from undeliverable import Knowledge, KnowledgeError, Verdict, classify, data
from undeliverable._formats.below import FormatsBelow
from undeliverable._knowledge import build as builder
from undeliverable._knowledge import checkout, common
from undeliverable._knowledge.build import build, builtin_parts, read_documents
from undeliverable._knowledge.loader import Layer, check_layer, example_seen
from undeliverable._knowledge.shipped import Shipped
from undeliverable._rules.below import Below
from undeliverable._rules.index import file_rules
from undeliverable._rules.table import Rule, RuleTable, Seen

BUILTIN = Knowledge.builtin()
BUILTIN_MARKS = [(mark, provider.name) for provider in BUILTIN.providers for mark in provider.marks]
FULL = "552 5.2.2 Mailbox full"


@pytest.fixture
def file(tmp_path: Path) -> Any:
    def write(text: str, name: str = "ours.toml") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def rule(reason: str, id_: str | None = None, **when: object) -> dict[str, object]:
    table: dict[str, object] = {"when": when, "then": {"reason": reason}}
    return table if id_ is None else {"id": id_, **table}


def toml(reason: str, id_: str) -> str:
    return f'[[rule]]\nid = "{id_}"\nwhen = {{ words = "zebra" }}\nthen = {{ reason = "{reason}" }}\n'


def where(verdict: Verdict) -> tuple[str, str]:
    assert verdict.rule is not None
    return verdict.rule.id, verdict.rule.layer


class TestThreeLines:
    """The story of 552: three lines of a user's file turn it from soft to hard."""

    def test_before(self) -> None:
        verdict = classify(FULL)
        assert (verdict.bounce_type, verdict.reason, verdict.advice) == ("soft", "mailbox_full", "retry")
        assert verdict.policy is None

    def test_for_everyone(self, file: Any) -> None:
        ours = file('[[policy]]\nwhen = { reply = "552" }\nthen = { bounce_type = "hard" }\n')
        verdict = classify(FULL, knowledge=BUILTIN.with_file(ours))
        assert (verdict.bounce_type, verdict.reason, verdict.advice) == ("hard", "mailbox_full", "suppress")
        assert verdict.policy is not None
        assert (verdict.policy.id, verdict.policy.layer) == ("ours.toml#1", "file:ours.toml")

    def test_for_one_provider(self, file: Any) -> None:
        ours = file('[[policy]]\nwhen = { reply = "552", provider = "yahoo" }\nthen = { bounce_type = "hard" }\n')
        knowledge = BUILTIN.with_file(ours)
        assert classify(FULL, knowledge=knowledge, host="mta7.am0.yahoodns.net").bounce_type == "hard"
        assert classify(FULL, knowledge=knowledge, host="mx.example.org").bounce_type == "soft"
        assert classify(FULL, knowledge=knowledge).bounce_type == "soft"

    def test_too_many_recipients_stay_temporary(self, file: Any) -> None:
        ours = file('[[policy]]\nwhen = { reply = "552" }\nthen = { bounce_type = "hard" }\n')
        verdict = classify("552 5.5.3 Too many recipients", knowledge=BUILTIN.with_file(ours))
        assert (verdict.bounce_type, verdict.reason, verdict.reply_code) == ("soft", "too_many_recipients", 552)


class TestRank:
    def test_code_over_files_over_builtin_whatever_the_order(self, file: Any) -> None:
        one, two = file(toml("greylisted", "one"), "one.toml"), file(toml("routing_loop", "two"), "two.toml")
        code = [rule("system_full", words="zebra")]
        for knowledge, expected in (
            (BUILTIN.with_rules(code).with_file(one).with_file(two), ("code#rule#1", "code")),
            (BUILTIN.with_file(one).with_file(two).with_rules(code), ("code#rule#1", "code")),
            (BUILTIN.with_file(one).with_file(two), ("two", "file:two.toml")),
            (BUILTIN.with_file(two).with_file(one), ("one", "file:one.toml")),
        ):
            assert where(classify("550 5.1.1 zebra", knowledge=knowledge)) == expected
        assert classify("550 5.1.1 zebra").reason == "user_unknown"

    def test_a_file_over_a_profile_whatever_the_order(self, file: Any) -> None:
        ours = file('[[policy]]\nwhen = { reason = "mailbox_full" }\nthen = { label = "full" }\n')
        for knowledge in (
            BUILTIN.with_profile("strict-rfc").with_file(ours),
            BUILTIN.with_file(ours).with_profile("strict-rfc"),
        ):
            verdict = classify(FULL, knowledge=knowledge)
            assert (verdict.bounce_type, verdict.label) == ("hard", "full")
            layers = {key: policy.layer for key, policy in verdict.policies.items()}
            below = "profile:strict-rfc"
            assert layers == {"bounce_type": below, "advice": below, "label": "file:ours.toml"}
            other = classify("550 5.7.1 Spam", knowledge=knowledge)
            assert other.policy is not None
            assert (other.bounce_type, other.policy.layer) == ("hard", "profile:strict-rfc")

    def test_first_in_the_file_wins(self) -> None:
        knowledge = BUILTIN.with_rules([rule("greylisted", words="zebra"), rule("system_full", words="animal")])
        assert classify("550 zebra animal", knowledge=knowledge).reason == "greylisted"
        assert classify("550 animal", knowledge=knowledge).reason == "system_full"

    def test_a_provider_over_wordings_over_codes(self) -> None:
        ranks = [(layer.rules[0].id if layer.rules else "") for layer in builtin_parts(read_documents())]
        ids = [one.id for one in BUILTIN.rules]
        assert ids.index("google.over_quota") < ids.index("wording.user_unknown.phrase") < ids.index("general.x.1.1")
        assert "general.556" in ranks

    def test_knowledge_without_anything(self) -> None:
        verdict = classify("550 5.1.1 User unknown", knowledge=Knowledge())
        assert (verdict.reason, verdict.bounce_type, verdict.rule) == ("undefined", "undetermined", None)


class TestReplaces:
    def test_an_entry_takes_the_place_of_another(self) -> None:
        table = {**rule("greylisted", "mine", status="5.1.1"), "replaces": "general.x.1.1"}
        knowledge = BUILTIN.with_rules([table])
        assert where(classify("550 5.1.1", knowledge=knowledge)) == ("mine", "code")
        # in its place: what stands above the replaced rule still speaks first
        assert classify("550 5.1.1 User unknown", knowledge=knowledge).reason == "user_unknown"
        assert "general.x.1.1" not in {one.id for one in knowledge.rules}
        assert len(knowledge.rules) == len(BUILTIN.rules)

    def test_the_higher_layer_wins(self, file: Any) -> None:
        head = '[[rule]]\nreplaces = "general.x.1.1"\nwhen = { status = "5.1.1" }\n'
        one = file(head + 'then = { reason = "greylisted" }\n', "one.toml")
        two = file(head + 'then = { reason = "system_full" }\n', "two.toml")
        assert classify("550 5.1.1", knowledge=BUILTIN.with_file(one).with_file(two)).reason == "system_full"

    def test_a_replacement_may_be_replaced(self, file: Any) -> None:
        one = file(
            '[[rule]]\nid = "a"\nreplaces = "general.x.1.1"\nwhen = { status = "5.1.1" }\nthen = { reason = "greylisted" }\n'
        )
        knowledge = BUILTIN.with_file(one).with_rules([{**rule("system_full", "b", status="5.1.1"), "replaces": "a"}])
        assert where(classify("550 5.1.1", knowledge=knowledge)) == ("b", "code")
        assert "a" not in {one.id for one in knowledge.rules}

    def test_policies_are_replaced_too(self) -> None:
        knowledge = BUILTIN.with_profile("strict-rfc").with_rules(
            [{"when": {"reply": "5xx"}, "then": {"bounce_type": "soft"}, "replaces": "strict-rfc.5yz"}]
        )
        assert classify("550 5.7.1 Spam", knowledge=knowledge).bounce_type == "soft"
        assert len(knowledge.policies) == len(BUILTIN.with_profile("strict-rfc").policies)


class TestFiles:
    def test_a_file_may_bring_a_provider(self, file: Any) -> None:
        ours = file(
            '[provider]\nname = "Acme"\nhosts = ["mail.example.com"]\nmarks = "acme shield"\n'
            '[[rule]]\nwhen = { words = "zebra" }\nthen = { reason = "greylisted" }\n'
        )
        knowledge = BUILTIN.with_file(ours)
        verdict = classify("550 5.1.1 zebra", knowledge=knowledge, host="mx1.mail.example.com.")
        assert (verdict.provider, verdict.reason) == ("acme", "greylisted")
        # the rules of a provider's file speak of that provider alone
        assert classify("550 5.1.1 zebra", knowledge=knowledge).reason == "user_unknown"
        marked = classify("550 5.1.1 zebra (Acme Shield)", knowledge=knowledge)
        assert (marked.provider, marked.reason) == ("acme", "greylisted")
        assert knowledge.provider_of("notmail.example.com") is None

    def test_a_file_may_bring_several_providers(self, file: Any) -> None:
        ours = file('[[provider]]\nname = "a"\nhosts = "a.example"\n[[provider]]\nname = "b"\nhosts = "b.a.example"\n')
        knowledge = BUILTIN.with_file(ours)
        assert knowledge.provider_of("MX.A.example") == "a"
        assert knowledge.provider_of("mx.b.a.example") == "b"

    def test_a_file_may_bring_a_format(self, file: Any) -> None:
        ours = file(
            '[[format]]\nname = "acme"\ntitle = "Acme"\nsource = "https://www.example.com/"\n'
            'when = { subject = "Acme could not deliver" }\nbegin = "Failed:"\nrecipient = "<{recipient}>"\n'
        )
        assert "acme" in {one.name for one in BUILTIN.with_file(ours).formats.formats}
        assert "acme" not in {one.name for one in BUILTIN.formats.formats}

    def test_a_profile_may_be_a_file(self, file: Any) -> None:
        path = file('[[policy]]\nwhen = { fault = "mailbox" }\nthen = { bounce_type = "hard" }\n', "house.toml")
        verdict = classify(FULL, knowledge=BUILTIN.with_profile(str(path)))
        assert verdict.policy is not None
        assert verdict.policy.layer == "profile:house"

    @pytest.mark.parametrize("name", Knowledge.profiles())
    def test_every_profile_loads(self, name: str) -> None:
        knowledge = BUILTIN.with_profile(name)
        assert knowledge.layers[0].name == f"profile:{name}"
        assert not knowledge.layers[0].rules

    def test_the_profiles_are_found(self) -> None:
        assert {"default", "strict-rfc", "rcpt550"} <= set(Knowledge.profiles())


class TestProfiles:
    def test_default_changes_nothing(self) -> None:
        assert classify(FULL, knowledge=BUILTIN.with_profile("default")) == classify(FULL)

    @pytest.mark.parametrize(
        ("reply", "bounce_type", "advice"),
        [
            ("550 5.7.1 Blocked", "hard", "suppress"),
            ("552 5.2.2 Mailbox full", "hard", "suppress"),
            ("452 4.2.2 Mailbox full", "soft", "retry"),
            ("450 4.1.1 User unknown", "soft", "retry"),
            ("552 5.5.3 Too many recipients", "soft", "slow_down"),
            ("5.1.1 User unknown", "hard", "suppress"),
            ("4.1.1 User unknown", "soft", "retry"),
            ("5.4.7 Delivery time expired", "soft", "retry"),
            ("550 4.7.1 Greylisted", "hard", "suppress"),
            ("nothing to go by", "undetermined", "review"),
        ],
    )
    def test_strict_rfc(self, reply: str, bounce_type: str, advice: str) -> None:
        verdict = classify(reply, knowledge=BUILTIN.with_profile("strict-rfc"))
        assert (verdict.bounce_type, verdict.advice) == (bounce_type, advice)

    def test_rcpt550(self) -> None:
        knowledge = BUILTIN.with_profile("rcpt550")
        text = "550 zzz"
        assert classify(text, command="rcpt").bounce_type == "undetermined"
        assert classify(text, command="rcpt", knowledge=knowledge).bounce_type == "hard"
        assert classify(text, command="data", knowledge=knowledge).bounce_type == "undetermined"
        assert classify(text, knowledge=knowledge).bounce_type == "undetermined"


class TestValue:
    def test_builtin_is_one_object(self) -> None:
        assert Knowledge.builtin() is BUILTIN
        assert BUILTIN.version

    def test_with_leaves_the_old_one_alone(self) -> None:
        before = classify(FULL)
        BUILTIN.with_rules([rule("greylisted", words="mailbox")])
        assert classify(FULL) == before

    @pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
    def test_pickle(self, file: Any, protocol: int) -> None:
        ours = file('[[policy]]\nwhen = { reply = "552" }\nthen = { bounce_type = "hard" }\n')
        knowledge = BUILTIN.with_file(ours).with_rules([rule("greylisted", pattern="ze[b]ra")])
        again = pickle.loads(pickle.dumps(knowledge, protocol))
        for text in (FULL, "550 zebra", "550 5.1.1"):
            assert classify(text, knowledge=again) == classify(text, knowledge=knowledge)
        assert repr(again) == repr(knowledge) == "Knowledge(code, file:ours.toml, builtin)"

    def test_clearing_the_cache_changes_no_verdict(self) -> None:
        before = classify(FULL)
        BUILTIN.clear_cache()
        BUILTIN.clear_cache()
        assert classify(FULL) == before

    def test_clearing_the_cache_forgets_second_opinions(self) -> None:
        """Also those that were asked for when the replies had been forgotten already."""
        knowledge = Knowledge.builtin().with_rules([])
        verdict = classify("554 rejected", knowledge=knowledge)
        knowledge.clear_cache()
        assert verdict.confidence is not None

        def remembered() -> int:
            opinions = [one.second.opinion for one in (knowledge, *knowledge.parts())]
            return sum(opinion.view.cache_info().currsize for opinion in opinions if opinion is not None)

        assert remembered() > 0
        knowledge.clear_cache()
        assert remembered() == 0

    def test_the_cache_is_bounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(undeliverable.knowledge, "_CACHED", 2)
        knowledge = Knowledge.builtin().with_rules([])
        for text in ("550 a", "550 b", "550 c", "550 a", "550 5.1.1 d"):
            assert classify(text, knowledge=knowledge) == classify(text)

    def test_the_hash_seed_changes_no_verdict(self) -> None:
        texts = [one.example for one in BUILTIN.rules if one.example][::7]
        code = (
            "import json, sys, undeliverable\n"
            "print(json.dumps([undeliverable.classify(t, trace=True).to_dict() for t in json.load(sys.stdin)]))"
        )
        import json

        answers = {
            subprocess.run(
                [sys.executable, "-c", code],
                input=json.dumps(texts),
                capture_output=True,
                text=True,
                check=True,
                env={**os.environ, "PYTHONHASHSEED": seed},
            ).stdout
            for seed in ("1", "2")
        }
        assert len(answers) == 1


class TestBuiltinData:
    """What the loader demands of a user's file, asked of the built-in data."""

    GROUPS = ("providers with hosts", "software", "wordings", "codes")

    def groups(self) -> dict[str, list[Layer]]:
        found: dict[str, list[Layer]] = {name: [] for name in self.GROUPS}
        for part in builtin_parts(read_documents(), trusted=False):
            if part.rules:
                kind = part.rules[0].id.partition(".")[0]
                index = {"wording": 2, "general": 3}.get(kind, 0 if part.providers and part.providers[0].hosts else 1)
                found[self.GROUPS[index]].append(part)
        return found

    def test_every_file_is_sound(self) -> None:
        assert all(self.groups().values())

    @pytest.mark.parametrize("name", GROUPS)
    def test_within_its_rank_each_rule_is_reached_and_wins_its_example(self, name: str) -> None:
        layer = Layer("builtin", 0, tuple(one for part in self.groups()[name] for one in part.rules))
        assert not [f"{error.entry}: {error.detail}" for error, _, _ in check_layer(layer)]

    def test_no_rule_is_shadowed_by_one_of_a_higher_rank(self) -> None:
        faults = [
            error
            for error, _, _ in check_layer(Layer("builtin", 0, BUILTIN.rules, BUILTIN.policies))
            if error.key != "example"
        ]
        assert not [f"{error.entry}: {error.detail}" for error in faults]

    def test_each_entry_that_is_shadowed_is_named_once(self) -> None:
        added = [
            {"id": name, "when": {"reply": reply}, "then": {"label": name}}
            for name, reply in (("a", "5xx"), ("b", "4xx"))
        ]
        policies = BUILTIN.with_rules(added).policies[:2]
        assert [one.id for one in policies] == ["a", "b"]
        doubled = Layer("code", 3, (), (*policies, *policies))
        assert [(error.entry, table, index) for error, table, index in check_layer(doubled)] == [
            ("a", "policy", 2),
            ("b", "policy", 3),
        ]

    def test_every_example_keeps_its_reason_among_all_rules(self) -> None:
        wrong = []
        for one in BUILTIN.rules:
            found = BUILTIN.rule_table.match(example_seen(one)).rule
            if found is None:
                wrong.append(f"no rule matches the example of {one.id}")
            elif found.reason is not one.reason:
                wrong.append(f"the example of {one.id} is {found.reason} by {found.id}, not {one.reason}")
        assert not wrong

    def test_ids_are_unique_and_sources_given(self) -> None:
        wrong = [
            f"the id {name} is used twice"
            for name, times in Counter(one.id for one in BUILTIN.rules).items()
            if times > 1
        ]
        for one in BUILTIN.rules:
            if not one.example:
                wrong.append(f"rule {one.id} has no example")
            if not one.source:
                wrong.append(f"rule {one.id} has no source")
            elif not one.source.startswith(("https://", "http://")):
                wrong.append(f"the source of rule {one.id} is no address of a page: {one.source}")
        assert not wrong

    def test_no_two_providers_claim_a_host(self) -> None:
        owners: dict[str, str] = {}
        wrong = []
        for provider in BUILTIN.providers:
            for host in provider.hosts:
                if owners.setdefault(host, provider.name) != provider.name:
                    wrong.append(f"both {owners[host]} and {provider.name} have the host {host}")
        assert not wrong


def copied(folder: Path) -> Path:
    """A copy of the package, to be edited."""
    ignored = shutil.ignore_patterns("__pycache__", "index.jsonl*")
    return Path(shutil.copytree(Path(undeliverable.__file__).parent, folder / "undeliverable", ignore=ignored))


def run_in(folder: Path, code: str) -> str:
    """What code prints in a process that finds the package in `folder`."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=folder, capture_output=True, text=True, check=True
    ).stdout.strip()


def test_no_such_profile() -> None:
    with pytest.raises(KnowledgeError, match=r"unknown profile 'nosuch'; expected one of .*strict-rfc"):
        BUILTIN.with_profile("nosuch")


class FiledAnew(Below):
    """The built-in rules, filed from their objects instead of read from the index."""

    def __init__(self) -> None:
        super().__init__()
        shipped = Shipped(build())
        self.marks, self.meaning, self.exact = BUILTIN_MARKS, shipped.meaning, shipped.exact
        self.plain, self.concepts = shipped.plain, shipped.concepts
        marks = [(number, phrase) for number, (phrase, _) in enumerate(BUILTIN_MARKS)]
        self.shelf = file_rules([*enumerate(BUILTIN.rules)], marks)

    def rule(self, number: int) -> Rule:
        return BUILTIN.rules[number]

    def __len__(self) -> int:
        return len(BUILTIN.rules)


# file: (text, what replaces it, entry, key)
FAULTS = {
    "formats/qmail.toml": ('from = ["mailer-daemon", "postmaster"]', "from = 7", "qmail", "when.from"),
    "formats/exim.toml": ("\naction =", "\nactoin =", "exim", "actoin"),
    "providers/yahoo.toml": ("then = { reason", "then = { raeson", "yahoo.no_account", "then.raeson"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_an_error_in_a_built_in_file_has_its_line(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text, instead, entry, key = FAULTS[name]
    whole = data.read(name)
    edited = whole.replace(text, instead, 1)
    assert edited != whole
    monkeypatch.setattr(builder, "read", lambda path: edited if path == name else data.read(path))
    with pytest.raises(KnowledgeError) as caught:
        build()
    error, last = caught.value, key.rpartition(".")[2]
    assert (error.file, error.entry, error.key) == (data.place(name), entry, key)
    assert error.text == edited.splitlines()[error.line - 1]
    assert error.text[error.column - 1 :].startswith(last)


class TestIndex:
    """The index says what the TOML says, and never what it said before."""

    def test_what_is_built_is_the_toml(self) -> None:
        parts = tuple(builtin_parts(read_documents()))
        built = Shipped(build())
        for kind in ("rules", "policies", "providers", "formats"):
            assert getattr(built, kind) == tuple(entry for part in parts for entry in getattr(part, kind)), kind
        hosts = [(host, provider.name) for provider in built.providers for host in provider.hosts]
        assert list(built.hosts.items()) == hosts
        for name in ("autoreply", "blocklists", "logs/postfix"):
            assert built.document(name) == read_documents()[f"{name}.toml"]
        assert built.document("nosuch") is None

    def test_a_rule_is_found_as_if_it_were_filed_alone(self) -> None:
        table = RuleTable((), (), FiledAnew())
        for one in BUILTIN.rules:
            seen = example_seen(one)
            assert table.match(seen) == BUILTIN.rule_table.match(seen)

    def test_that_of_a_wheel_is_trusted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(data, "read", {"released.jsonl": build()}.__getitem__)
        monkeypatch.setattr(checkout, "index", None)
        assert common.shipped.__wrapped__().rules == BUILTIN.rules

    def test_without_one_the_files_of_the_checkout_count(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(common, "RELEASED", "nosuch.jsonl")
        assert common.shipped.__wrapped__().rules == BUILTIN.rules

    @pytest.mark.parametrize("saved", [None, "", "00000000\nold", f"{checkout.digest()}\nfresh"])
    def test_a_saved_one_is_used_while_it_is_of_the_files(
        self, saved: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "index.jsonl"
        if saved is not None:
            path.write_text(saved, encoding="ascii")
        monkeypatch.setattr(checkout, "INDEX", str(path))
        assert checkout.index() == ("fresh" if saved and saved.endswith("fresh") else build())

    @pytest.mark.parametrize("name", ["data/general.toml", "data/formats/exim.toml", "_rules/table.py", "reasons.py"])
    def test_every_edit_is_seen_at_once(self, name: str, tmp_path: Path) -> None:
        package, reply = copied(tmp_path), "550 5.1.1"
        (package / "data" / "index.jsonl").write_text(f"{checkout.digest()}\nnever read", encoding="ascii")
        path = package / name
        before = path.stat()
        text = path.read_text(encoding="utf-8")
        edited = text.replace('"user_unknown"', '"mailbox_full"') if name.endswith("general.toml") else text[:-1] + " "
        path.write_text(edited, encoding="utf-8")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert path.stat().st_size == before.st_size
        seen = "mailbox_full" if name.endswith("general.toml") else "user_unknown"
        assert run_in(tmp_path, f"import undeliverable; print(undeliverable.classify({reply!r}).reason)") == seen

    def test_policies_may_be_built_in(self) -> None:
        head = '{"places":{"policies":1}}'
        policy = '{"when":{"reply":"552"},"then":{"bounce_type":"hard"}}'
        assert [one.bounce_type for one in Shipped(f"{head}\n[{policy}]").policies] == ["hard"]
        assert Shipped(f"{head}\n[]").policies == ()

    def test_formats_of_a_file_stand_before_those_that_are_built_in(self, file: Any) -> None:
        ours = file(
            '[[format]]\nname = "ours"\ntitle = "Ours"\nsource = "none"\nwhen = { from = "robot@example.com" }\n'
            'recipient = ["^<{recipient}>$"]\n'
        )
        found = BUILTIN.with_file(ours).formats.formats
        assert found[0].name == "ours"
        assert found[1:] == BUILTIN.formats.formats

    def test_nothing_is_there_before_it_is_asked_for(self) -> None:
        shipped = Shipped(build())
        assert not shipped._rules
        table = RuleTable((), (), shipped)
        assert table.match(Seen("550 5.1.1 user unknown", 550, 5001001, None, None)).rule is not None
        assert len(shipped._rules) < 40
        assert len(Below()) == len(Knowledge().rules) == 0
        with pytest.raises(IndexError):
            Below().rule(0)
        with pytest.raises(IndexError):
            FormatsBelow().format(0)
