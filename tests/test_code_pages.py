"""Pages of codes: every code of the data has one, what they say is what the library says, and their links lead somewhere."""

from __future__ import annotations

import posixpath
import re
from pathlib import PurePosixPath

import pytest

from tests.generate import COMMAND, ROOT, codes
from tests.generate.codes.providers import own_codes
from tests.generate.codes.reply_codes import REPLIES
from tests.generate.codes.samples import Sample, bounce_types, has_page, judged, samples, status_page
from tests.generate.codes.statuses import OTHERS
from undeliverable import Knowledge, StatusCode, classify
from undeliverable.codes._registry import REGISTERED

PAGES = {PurePosixPath(path).stem: text for path, text in codes.pages().items()}
LINK = re.compile(r"\[([^\]]*)\]\((?!http)([^)#]+)")
ROW = re.compile(r"^\| (`+) ?(.+?) ?\1(?: at ([^|]+?))? \(`(\w+)`\) \| ([^|]*)\| ([^|]*)\| ([^|]*)\|$", re.MULTILINE)


def test_every_page_is_what_is_made() -> None:
    """All in one test: they are many, and a rule that is edited changes several."""
    made = codes.pages()
    folder = ROOT / codes.FOLDER
    present = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in folder.glob("*")}
    stale = sorted(name for name in {*made, *present} if made.get(name) != present.get(name))
    assert not stale, f"out of date: run {COMMAND}"
    for text in made.values():
        title, _, note, *_ = text.splitlines()
        assert title.startswith("# ")
        assert note.startswith("*This page is made from ")
        assert note.endswith(f": `{COMMAND}` writes it.*")


def page_of(sample: Sample) -> list[str]:
    """Return the names of all pages that a sample should be on."""
    verdict = sample.verdict
    names = [str(int(verdict.reply_code))] if verdict.reply_code is not None and verdict.reply_code >= 400 else []
    if verdict.status is not None and verdict.status.class_ != 2:
        names.append(str(status_page(verdict.status)))
    return names


def test_every_code_of_an_example_has_a_page_with_its_reason() -> None:
    for sample in samples():
        names = page_of(sample)
        if sample.provider and has_page(sample.provider):
            names.append(sample.provider)
        for name in names:
            assert f"[`{sample.verdict.reason}`]" in PAGES[name], (name, sample.reply)


def test_every_registered_status_has_a_page_or_a_section() -> None:
    headings = " ".join(line for text in PAGES.values() for line in text.splitlines() if line.startswith("#"))
    for subject, detail, title, *_ in REGISTERED:
        assert f"5.{subject}.{detail}" in headings
        assert title.lower() in headings.lower()


def test_every_code_of_a_provider_has_a_page() -> None:
    listed = {code for own in own_codes() for code in own.codes}
    found = {sample.verdict.vendor_code for sample in samples() if sample.provider and sample.verdict.vendor_code}
    assert found <= listed
    assert {"S3150", "TSS04", "CS01", "S775", "OFR_416", "NoSuchUser", "PH01", "IB504"} <= listed
    for own in own_codes():
        assert all(f"`{code}`" in PAGES[own.name] for code in own.codes)


def test_no_two_pages_have_the_same_name_or_title() -> None:
    assert len(PAGES) == len(codes.pages())
    titles = [text.splitlines()[0] for text in PAGES.values()]
    assert len(set(titles)) == len(titles)


def test_links_lead_to_pages() -> None:
    known = {*codes.pages(), *(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md"))}
    for target in {target for text in PAGES.values() for _, target in LINK.findall(text)}:
        assert posixpath.normpath(f"{codes.FOLDER}/{target}") in known, target


def test_pages_are_compact() -> None:
    for name in PAGES.keys() - {"index", OTHERS}:
        text = PAGES[name]
        assert 600 < len(text) < 20_000, name
        assert text.count("\n- `") <= 40, name
        assert "## What it means and what to do" in text
        assert "\n\n\n" not in text
        assert text.endswith(")\n")


@pytest.mark.parametrize("profile", Knowledge.profiles())
def test_the_table_of_profiles_is_what_the_library_says(profile: str) -> None:
    knowledge = Knowledge.builtin().with_profile(profile)
    checked = 0
    for name, _, reply, at, reason, *cells in [row for each in sorted(PAGES) for row in rows(each)][::4]:
        if at or reply.endswith("..."):
            continue  # judged at a host, or cut
        said = classify(reply, knowledge=knowledge)
        if said.reason != reason:
            continue  # the same
        column = ("hard", "soft", "undetermined").index(str(said.bounce_type))
        named = {one for cell in cells for one in cell.strip().split(", ")}
        cell = cells[column].strip()
        assert profile in cell.split(", ") or (cell in {"all", "all others"} and profile not in named), (name, reply)
        checked += 1
    assert checked > 50


def rows(name: str) -> list[tuple[str, ...]]:
    return [(name, *found) for found in ROW.findall(PAGES[name])]


def test_profiles_are_grouped_by_their_verdict() -> None:
    groups = bounce_types("552 5.2.2 Mailbox full", None)
    assert sorted(name for group in groups.values() for name in group) == sorted(Knowledge.profiles())
    assert "prefinery" in groups["hard"]
    assert "default" in groups["soft"]
    assert judged("552 5.2.2 Mailbox full", None) == classify("552 5.2.2 Mailbox full")


def test_the_page_of_a_status_is_that_of_the_permanent_one() -> None:
    assert status_page(StatusCode(4, 7, 26)) == status_page(StatusCode(5, 7, 26)) == "5.7.26"
    assert status_page(StatusCode(5, 7, 650)) == "4.7.650"
    assert status_page(StatusCode(5, 9, 999)) is None


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("552", "make-552-hard-or-soft.md"),
        ("552", "[5.2.2](5.2.2.md)"),
        ("5.7.26", "# 5.7.26 and 4.7.26: "),
        ("4.7.650", "`5.7.650` means the same"),
        ("5.4.1", "access denied"),
        ("microsoft-s3150", "S3140"),
        ("microsoft-s3150", "https://sender.office.com/"),
        ("google", "[NoSuchUser](google-nosuchuser.md)"),
        ("index", "[S3150, S3140](microsoft-s3150.md)"),
    ],
)
def test_what_pages_say(name: str, said: str) -> None:
    assert said.lower() in PAGES[name].lower()


def test_meanings_are_of_codes_that_occur() -> None:
    assert all(400 <= code < 600 for code in REPLIES)
    assert all(str(code) in PAGES for code in REPLIES)
