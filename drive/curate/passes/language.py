"""Texts in languages that nobody wants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from drive.curate.base import Judged, Pass
from drive.curate.facts import RecordFacts
from drive.curate.texts import dropped_for, needed, shown

AMONG = ("en", "de", "fr", "es", "it", "pt", "nl", "pl", "cs", "sv", "da", "tr", "ru", "uk", "ar", "hi", "zh", "ja", "ko")


@dataclass(frozen=True)
class LanguagePass(Pass):
    """wanted: languages by ISO 639-1. among: what they are told from, by lingua's trigrams and n-grams; its models of the default ones
    take 400 MB of memory. least: a text goes where the wanted languages together are less likely than that. letters: shorter texts are
    not judged (bytes of letters in UTF-8, so that four signs of Chinese are enough), nor single words of ASCII, which are names.
    """

    name: ClassVar[str] = "language"
    wanted: tuple[str, ...] = ("en",)
    among: tuple[str, ...] = AMONG
    least: float = 0.1
    letters: int = 12

    def check(self) -> None:
        if not self.wanted or not set(self.among) - set(self.wanted):
            raise ValueError(f"language: wanted names no language, or `among` none besides, got {self.wanted} among {self.among}")
        self._detector()

    def judge(self, records: Sequence[RecordFacts]) -> list[Judged]:
        detector = self._detector()
        return dropped_for(records, lambda text: self._wrong(detector, text))

    def _wrong(self, detector: Any, text: str) -> str:
        size = sum(len(c.encode()) for c in text if c.isalpha())
        if size < self.letters or (text.isascii() and len(text.split()) < 2):
            return ""
        told = {one.language.iso_code_639_1.name.lower(): one.value for one in detector.compute_language_confidence_values(text)}
        if sum(told.get(code, 0.0) for code in self.wanted) >= self.least:
            return ""
        likely = max(told, key=lambda code: told[code])
        return f"{shown(text)} is {likely if told[likely] > 0 else 'no language of `among`'}"

    def _detector(self) -> Any:
        with needed():
            from lingua import IsoCode639_1, Language, LanguageDetectorBuilder
        codes = dict.fromkeys([*self.wanted, *self.among])
        unknown = [code for code in codes if not hasattr(IsoCode639_1, code.upper())]
        if unknown:
            raise ValueError(f"language: {unknown[0]!r} is no language that lingua knows by ISO 639-1; such are en, de, zh")
        languages = [Language.from_iso_code_639_1(getattr(IsoCode639_1, code.upper())) for code in codes]
        return LanguageDetectorBuilder.from_languages(*languages).build()
