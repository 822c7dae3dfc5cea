"""Texts that swear."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, get_args

from drive.curate.base import Judged, Pass
from drive.curate.facts import RecordFacts
from drive.curate.texts import dropped_for, needed, shown

PIECE = 1000  # letters that are looked at together: the time that a run without spaces takes grows with its square


@dataclass(frozen=True)
class Profanity(Pass):
    """languages: of glin-profanity's word lists, by their names there; several hold plain words of other languages ("it", "got").
    also: words besides, which its English list lacks. fine: words of the lists that say something else on the road. Letters that are
    hidden ("sh1t", "f*ck") are read."""

    name: ClassVar[str] = "profanity"
    languages: tuple[str, ...] = ("english",)
    also: tuple[str, ...] = (
        *("damn", "damned", "goddamn", "crap", "crappy", "dickhead", "dickheads", "assholes", "wanker", "wankers", "prick", "pricks"),
        *("go to hell", "piss off", "screw you"),
    )
    fine: tuple[str, ...] = ("escort", "strap on", "how to kill")

    def check(self) -> None:
        self._filter()

    def judge(self, records: Sequence[RecordFacts]) -> list[Judged]:
        words = self._filter()
        return dropped_for(records, lambda text: _wrong(words, text))

    def _filter(self) -> Any:
        with needed():
            import glin_profanity
        known = get_args(glin_profanity.Language)
        unknown = [name for name in self.languages if name not in known]
        if unknown:
            raise ValueError(f"profanity: no word list {unknown[0]!r}; there are {', '.join(known)}")
        lists = {"languages": list(self.languages), "custom_words": list(self.also), "ignore_words": list(self.fine)}
        return glin_profanity.Filter({**lists, "detect_leetspeak": True})


def _wrong(words: Any, text: str) -> str:
    found = [word for piece in textwrap.wrap(text, PIECE) for word in words.check_profanity(piece)["profane_words"]]
    return f"{shown(text)} swears: {', '.join(dict.fromkeys(found))}" if found else ""
