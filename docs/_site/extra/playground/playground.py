"""What the playground asks of the library: one function from a request in JSON to an answer in JSON.

It runs in the browser, in Pyodide, and calls the public interface only. The page shows every text of the answer as text.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import undeliverable
from undeliverable import Knowledge, KnowledgeError, PolicyRef, Report, RuleRef, Verdict

CODE: Final = re.compile(r"\s*(?:[2-5]\d\d(?=[\s-]|$)|[245]\.\d{1,3}\.\d{1,3}\b)")
"""A reply begins with its code."""
FIELD: Final = re.compile(r"(?:From |[A-Za-z][A-Za-z0-9-]*:[ \t])")
"""A message begins with a header field, or with the line in front of it that an mbox has."""
KINDS: Final = ("message", "reply", "log")
MOST: Final = 50
"""Verdicts that are shown."""
RULES: Final = "rules.toml"


def about() -> str:
    """Return what the page fills its lists with."""
    return json.dumps(
        {
            "version": undeliverable.__version__,
            "python": sys.version.partition(" ")[0],
            "data": Knowledge.builtin().version,
            "profiles": [name for name in Knowledge.profiles() if name != "default"],
        }
    )


def explain(request: str) -> str:
    """Return the verdicts on the text of a request, or the error in its rules.

    :param request: an object with `text`, and `kind` (empty: find out), `profile`, `rules` and `host`, each of which may be empty.
    """
    asked: Mapping[str, str] = json.loads(request)
    try:
        knowledge = knowledge_of(asked.get("profile", ""), asked.get("rules", ""))
    except KnowledgeError as error:
        return json.dumps({"error": str(error)})
    text = asked["text"]
    kind = asked.get("kind") or kind_of(text)
    if kind == "reply":
        verdict = undeliverable.classify(text, host=asked.get("host") or None, knowledge=knowledge)
        return json.dumps({"kind": kind, "verdicts": [shown(verdict)], "more": 0, "remarks": []})
    reports = (
        [*undeliverable.iter_log(text.splitlines(), knowledge=knowledge)]
        if kind == "log"
        else [undeliverable.parse(raw(text), knowledge=knowledge)]
    )
    found = [one for report in reports for one in of_report(report)]
    remarks = [*dict.fromkeys(remark for report in reports for remark in report.remarks)]
    return json.dumps(
        {"kind": kind, "verdicts": found[:MOST], "more": max(0, len(found) - MOST), "remarks": remarks[:MOST]}
    )


def knowledge_of(profile: str, rules: str) -> Knowledge:
    """Return the built-in knowledge with a profile and rules, as far as they are given.

    :raises KnowledgeError: when the rules have an error.
    """
    knowledge = Knowledge.builtin()
    if profile:
        knowledge = knowledge.with_profile(profile)
    if not rules.strip():
        return knowledge
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, RULES)
        path.write_bytes(rules.encode("utf-8", "replace"))
        try:
            return knowledge.with_file(path)
        except KnowledgeError as error:
            error.file = RULES  # the folder is nobody's business
            raise


def kind_of(text: str) -> str:
    """Return what a text is: a reply begins with its code, a message with a header, and a log has lines about deliveries."""
    if CODE.match(text):
        return "reply"
    lines = text.splitlines()
    if any(undeliverable.parse_log_line(line) is not None for line in lines[:100] if line.strip()):
        return "log"
    first = next((line for line in lines if line.strip()), "")
    return "message" if FIELD.match(first) and len(lines) > 1 else "reply"


def raw(text: str) -> bytes:
    """Return a pasted message as octets, without the blank lines in front of it."""
    return text.lstrip("\r\n \t").encode("utf-8", "surrogatepass")


def of_report(report: Report) -> Iterator[dict[str, object]]:
    """Yield what is shown of each verdict of a report; of one without verdicts the explanation of its kind."""
    if report.verdicts:
        yield from (shown(verdict) for verdict in report.verdicts)
        return
    for explanation in report.explanations("en"):
        yield {
            "recipient": None,
            "headline": explanation.headline,
            "lines": [[line.topic, line.label, line.pieces] for line in explanation.lines],
            "facts": [["kind", str(report.kind)]],
            "decided": [],
            "record": report.to_dict(),
        }


def shown(verdict: Verdict) -> dict[str, object]:
    """Return what is shown of a verdict."""
    explanation = verdict.explanation("en")
    facts = (
        ("bounce type", verdict.bounce_type),
        ("reason", verdict.reason),
        ("advice", verdict.advice),
        ("label", verdict.label),
        ("this message", verdict.message_advice),
        ("confidence", verdict.confidence),
        ("provider", verdict.provider),
    )
    return {
        "recipient": verdict.recipient,
        "bounce_type": verdict.bounce_type and str(verdict.bounce_type),
        "headline": explanation.headline,
        "lines": [[line.topic, line.label, line.pieces] for line in explanation.lines],
        "facts": [[name, str(value)] for name, value in facts if value is not None],
        "codes": [str(code) for code in (verdict.reply_code, verdict.status, verdict.vendor_code) if code is not None],
        "decided": [*decided(verdict)],
        "record": verdict.to_dict(),
    }


def decided(verdict: Verdict) -> Iterator[dict[str, object]]:
    """Yield the rule that found the reason and the policies that set what follows."""
    if verdict.rule is not None:
        yield entry("rule", "found the reason", verdict.rule)
    by_policy: dict[str, list[str]] = {}
    for consequence, policy in verdict.policies.items():
        by_policy.setdefault(policy.id, []).append(consequence)
    for policy in dict.fromkeys(verdict.policies.values()):
        yield entry("policy", f"set {', '.join(by_policy[policy.id])}".replace("_", " "), policy)


def entry(kind: str, did: str, ref: RuleRef | PolicyRef) -> dict[str, object]:
    """Return what is shown of a rule or policy."""
    return {"kind": kind, "did": did, "id": ref.id, "layer": ref.layer, "when": ref.when, "source": ref.source}
