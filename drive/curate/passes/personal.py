"""Texts that tell of a person: where to reach them, their bank, their car."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from drive.curate.base import Judged, Pass
from drive.curate.facts import RecordFacts
from drive.curate.texts import dropped_for, needed, shown

Found = tuple[str, str]  # what it is, and the piece of the text

EMAIL = re.compile(r"[\w.%+-]{1,64}@(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,63}")  # bounded: no text makes the search long
IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")
CARD = re.compile(r"(?<![\d.-])\d(?:[ -]?\d){12,18}(?![\d.])")
# Of the large issuers: Visa, Mastercard, American Express, Discover, JCB, Diners, UnionPay. A time stamp in microseconds begins otherwise.
ISSUER = re.compile(r"4|5[1-5]|2[2-7]|3[47]|6011|65|35|30[0-5]|3[68]|62")
SSN = re.compile(r"(?<![\d-])\d{3}-\d{2}-\d{4}(?![\d-])")
PHONE = re.compile(r"\d(?:\D?\D?\D?\d){6}")  # what may hold one: the search itself takes longer
PLATES = {  # as they are written in capitals
    "Germany": re.compile(r"\b[A-ZÄÖÜ]{1,3}(?:-[A-Z]{1,2} ?[1-9]\d{0,3}| [A-Z]{1,2} ?[1-9]\d{2,3})[EH]?\b"),  # and not "BMW X5"
    "Great Britain": re.compile(r"\b[A-Z]{2}\d{2} ?[A-Z]{3}\b"),
    "France, Italy": re.compile(r"\b[A-Z]{2}[- ]?\d{3}[- ]?[A-Z]{2}\b"),
    "California": re.compile(r"\b[1-9][A-Z]{3}\d{3}\b"),
    "Singapore": re.compile(r"\bS[A-Z]{2} ?\d{3,4} ?[A-Z]\b"),
}


@dataclass(frozen=True)
class Personal(Pass):
    """E-mail addresses by their form; IBAN, payment cards and US social security numbers by check digits and rules (python-stdnum);
    telephone numbers that are in use somewhere, with + in any country's form, without it in those of `regions` (phonenumbers); number
    plates by the forms of `plates`. Reasons say what was found and not the thing itself.

    Names of people and places where they live are not found: that takes a model of language.
    """

    name: ClassVar[str] = "personal"
    regions: tuple[str, ...] = ("US", "GB")
    plates: tuple[str, ...] = tuple(PLATES)

    def check(self) -> None:
        phonenumbers, _ = _libraries()
        wrong = [name for name in self.regions if name not in phonenumbers.SUPPORTED_REGIONS]
        wrong += [name for name in self.plates if name not in PLATES]
        if wrong:
            raise ValueError(f"personal: regions are two letters such as US, plates of {'; '.join(PLATES)}; got {wrong[0]!r}")

    def judge(self, records: Sequence[RecordFacts]) -> list[Judged]:
        self.check()
        return dropped_for(records, self._wrong)

    def _wrong(self, text: str) -> str:
        found = [*_by_number(text), *self._phones(text), *self._plates(text)]
        hidden = text
        for kind, piece in sorted(found, key=lambda one: -len(one[1])):
            hidden = hidden.replace(piece, f"[{kind}]")
        return f"{shown(hidden)} holds {', '.join(dict.fromkeys(kind for kind, _ in found))}" if found else ""

    def _phones(self, text: str) -> Iterator[Found]:
        if not PHONE.search(text):
            return
        phonenumbers, _ = _libraries()
        for region in (None, *self.regions):
            matches = phonenumbers.PhoneNumberMatcher(text, region, leniency=phonenumbers.Leniency.VALID)
            yield from (("telephone number", match.raw_string) for match in matches)

    def _plates(self, text: str) -> Iterator[Found]:
        for name in self.plates:
            yield from (("number plate", match.group()) for match in PLATES[name].finditer(text))


def _by_number(text: str) -> Iterator[Found]:
    _, stdnum = _libraries()
    yield from (("e-mail address", match.group()) for match in EMAIL.finditer(text))
    yield from (("IBAN", match.group()) for match in IBAN.finditer(text) if stdnum.iban.is_valid(match.group()))
    yield from (("social security number", match.group()) for match in SSN.finditer(text) if stdnum.us.ssn.is_valid(match.group()))
    for match in CARD.finditer(text):
        digits = re.sub(r"\D", "", match.group())
        if ISSUER.match(digits) and len(set(digits)) > 1 and stdnum.luhn.is_valid(digits):
            yield "payment card", match.group()


def _libraries() -> tuple[Any, Any]:
    with needed():
        import phonenumbers
        import stdnum.iban
        import stdnum.luhn
        import stdnum.us.ssn
    return phonenumbers, stdnum
