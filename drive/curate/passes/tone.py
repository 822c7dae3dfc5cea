"""Whether texts sound pleased or displeased: a tag, nothing is dropped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from drive.curate.base import FINE, Judged, Pass
from drive.curate.facts import RecordFacts
from drive.curate.texts import needed

# Words of the lexicon that on the road say what is there or what to do, and not how one likes it.
PLAIN = (
    "alone avoid barrier barriers best better block blocked blocking blocks broken careful caution clear crash cut danger dangerous "
    "dead dump easy emergency free gain gained hand hands hard help lose lost no ok okay please share stop stopped stopping stops "
    "straight warning yes"
)


@dataclass(frozen=True)
class Tone(Pass):
    """VADER's compound score, of English texts, with `plain` words scored 0. bound: from there on a text is positive, below its
    negative it is negative, in between neutral. A record has the tag of each tone among its texts, neutral where there is no other."""

    name: ClassVar[str] = "tone"
    bound: float = 0.4
    plain: tuple[str, ...] = tuple(PLAIN.split())

    def check(self) -> None:
        if not 0 < self.bound <= 1:
            raise ValueError(f"tone: bound must be above 0 and 1 at most, got {self.bound:g}")
        self._analyser()

    def judge(self, records: Sequence[RecordFacts]) -> list[Judged]:
        analyser = self._analyser()
        texts = dict.fromkeys(text for record in records for text in record.texts)
        scores = {text: float(analyser.polarity_scores(text)["compound"]) for text in texts}
        return [self._of([scores[text] for text in record.texts]) for record in records]

    def _of(self, scores: list[float]) -> Judged:
        if not scores:
            return FINE
        low, high = min(scores), max(scores)
        tags = ["tone:negative"] * (low <= -self.bound) + ["tone:positive"] * (high >= self.bound)
        return Judged(tags=tuple(tags or ["tone:neutral"]), scores={"low": low, "high": high})

    def _analyser(self) -> Any:
        with needed():
            from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer
        analyser = SentimentIntensityAnalyzer()
        for word in self.plain:
            analyser.lexicon.pop(word, None)
        return analyser
