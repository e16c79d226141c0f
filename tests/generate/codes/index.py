"""The index of all pages of codes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from tests.generate.codes.parts import NOTE, provider_title
from tests.generate.codes.providers import own_codes, providers
from tests.generate.codes.replies_pages import replies
from tests.generate.codes.statuses import OTHERS, SUBJECTS, Status, statuses

__all__ = ["pages"]


def pages() -> dict[str, str]:
    """Return the page by its path."""
    return {"index": "\n".join(_page())}


def _page() -> Iterator[str]:
    yield "# Codes in bounces\n"
    yield f"{NOTE}\n"
    yield (
        "A refusal has up to three codes: the reply code of SMTP (`550`), the enhanced status (`5.7.26`), and sometimes a code of "
        "the provider (`S3150`). Each has a page: what it means, how servers word it, what the library makes of it by default and "
        "under each profile, and what to do.\n"
    )
    yield "```sh\nundeliverable explain '550 5.7.26 Unauthenticated email is not accepted'\n```\n"
    yield "## Reply codes\n"
    yield "| code | meaning |\n|---|---|"
    for code, meaning in replies().items():
        yield f"| [{code}]({code}.md) | {meaning.title} |"
    yield "\n## Enhanced status codes\n"
    yield "The first digit is 5 for a permanent failure and 4 for one that may pass.\n"
    for subject, group in groupby(statuses(), key=lambda status: status.codes[0].subject):
        yield f"### X.{subject}: {SUBJECTS[subject] if subject < len(SUBJECTS) else 'Other'}\n"
        yield "| code | meaning | used by |\n|---|---|---|"
        for status in group:
            yield f"| [{'<br>'.join(map(str, status.codes))}]({status.name}.md) | {status.title} | {_users(status)} |"
        yield ""
    yield f"Codes that are registered and hardly seen are on [one page]({OTHERS}.md).\n"
    yield "## Codes of providers\n"
    yield "| provider | code | meaning |\n|---|---|---|"
    for own in own_codes():
        yield f"| {provider_title(own.provider).partition(' (')[0]} | [{', '.join(own.codes)}]({own.name}.md) | {own.title} |"
    yield "\n## Providers and mail software\n"
    for provider in providers():
        yield f"- [{provider.title}]({provider.name}.md)"


def _users(status: Status) -> str:
    names = [user.partition(" (")[0] for user in status.users]
    shown = ", ".join(names[:4])
    return f"{shown} and {len(names) - 4} more" if len(names) > 4 else shown
