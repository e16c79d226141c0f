"""What all knowledge has in common, whatever layers stand above: read once, when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from undeliverable._dsn.origin import OriginWords
    from undeliverable._dsn.sections import CutWords
    from undeliverable._formats.wording import Wording
    from undeliverable._knowledge.blocklists import Blocklists
    from undeliverable._knowledge.handling import Handling
    from undeliverable._knowledge.log_shapes import LogTable
    from undeliverable._knowledge.phrases import AutoReplyPhrases
    from undeliverable._knowledge.shipped import Shipped
    from undeliverable.codes import StatusCode
    from undeliverable.reasons import Reason
    from undeliverable.verdict import Details

__all__ = ["Common", "Shared", "common", "shipped"]

RELEASED: Final = "released.jsonl"
"""The index that only wheels have; .ci/hatch_build.py writes it."""


@lru_cache(maxsize=1)
def shipped() -> Shipped:
    """Return the built-in layer: from a wheel's own index, which nobody edits, or from a checkout's files as they are."""
    from undeliverable._knowledge.shipped import Shipped
    from undeliverable.data import read

    try:
        return Shipped(read(RELEASED))
    except OSError:
        from undeliverable._knowledge.checkout import index

        return Shipped(index())


@lru_cache(maxsize=1)
def common() -> Common:
    """Return it; always the same object."""
    return Common(shipped())


class Common:
    """Documents of the built-in layer that no other layer changes."""

    def __init__(self, shipped: Shipped) -> None:
        self._shipped = shipped

    @cached_property
    def phrases(self) -> AutoReplyPhrases:
        """The phrases of automatic replies."""
        from undeliverable._knowledge.phrases import AutoReplyPhrases

        return AutoReplyPhrases.from_table(self._shipped.document("autoreply"))

    @cached_property
    def origin(self) -> OriginWords:
        """Names of mail systems, and prefixes of replies and forwarded messages."""
        from undeliverable._knowledge.languages import read_origin

        return read_origin(self._shipped.document("origin"))

    @cached_property
    def cuts(self) -> CutWords:
        """How reports announce the returned message."""
        from undeliverable._knowledge.languages import read_cuts

        return read_cuts(self._shipped.document("cuts"))

    @cached_property
    def wording(self) -> Wording:
        """How notifications of mail systems speak, in all languages together."""
        from undeliverable._formats.wording import Wording, WordingLines

        return Wording(WordingLines(*self._shipped.document("wording")))

    @cached_property
    def blocklists(self) -> Blocklists:
        """The DNS blocklists known by name."""
        from undeliverable._knowledge.blocklists import Blocklists

        return Blocklists.from_table(self._shipped.document("blocklists"))

    @cached_property
    def details_of(self) -> Callable[[Reason | None, str | None, StatusCode | None], Details]:
        """What reads the details of a reply from its reason, text and status."""
        from undeliverable._rules.details import read_details

        def blocklist_in(folded: str) -> str | None:
            return self.blocklists.named(folded)  # loaded with the first reply that may name one

        return partial(read_details, blocklist_in)

    @cached_property
    def vendor_code_in(self) -> Callable[[str | None], str | None]:
        """What finds the receiver's own code in a reply."""
        from undeliverable._knowledge.vendor_codes import VendorCodes

        return VendorCodes.from_table(self._shipped.document("vendor_codes")).find

    @cached_property
    def logs(self) -> LogTable:
        """The described logs."""
        from undeliverable._knowledge.log_frames import FrameTable
        from undeliverable._knowledge.log_shapes import LogTable

        shipped = self._shipped
        logs = ((name, shipped.document(f"logs/{name}")) for name in shipped.names("logs/"))
        return LogTable.of(logs, FrameTable.of(shipped.document("frames")))

    @cached_property
    def handling(self) -> Handling:
        """What to do with a refused message where no policy says so."""
        from undeliverable._knowledge.handling import Handling

        return Handling(self._shipped.document("message"))


class Shared:
    """What a knowledge takes from there, kept where it is found fastest."""

    @cached_property
    def phrases(self) -> AutoReplyPhrases:
        """The phrases of automatic replies."""
        return common().phrases

    @cached_property
    def origin(self) -> OriginWords:
        """Names of mail systems, and prefixes of replies and forwarded messages."""
        return common().origin

    @cached_property
    def cuts(self) -> CutWords:
        """How reports announce the returned message."""
        return common().cuts

    @cached_property
    def wording(self) -> Wording:
        """How notifications of mail systems speak, in all languages together."""
        return common().wording

    @cached_property
    def blocklists(self) -> Blocklists:
        """The DNS blocklists known by name."""
        return common().blocklists

    @cached_property
    def details_of(self) -> Callable[[Reason | None, str | None, StatusCode | None], Details]:
        """What reads the details of a reply from its reason, text and status."""
        return common().details_of

    @cached_property
    def vendor_code_in(self) -> Callable[[str | None], str | None]:
        """What finds the receiver's own code in a reply."""
        return common().vendor_code_in

    @cached_property
    def logs(self) -> LogTable:
        """The described logs."""
        return common().logs

    @cached_property
    def handling(self) -> Handling:
        """What to do with a refused message where no policy says so."""
        return common().handling
