"""Passes of words: texts with known faults, driving texts that have none, and records that hold texts where nobody expects them."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from drive.cli import main
from drive.curate.base import Judged, Pass
from drive.curate.facts import RecordFacts
from drive.curate.passes.language import LanguagePass
from drive.curate.passes.personal import Personal
from drive.curate.passes.profanity import Profanity
from drive.curate.passes.tone import Tone
from drive.curate.recipe import CurationRecipe, load_recipe
from drive.curate.run import curate
from drive.curate.texts import TOLD
from drive.data.records.decisions import read_decisions, tagged
from drive.data.records.texts import texts_of
from drive.records import pack as packing
from drive.records.pack import Settings, pack
from drive.tasks.questions import QUESTIONS
from tests.curate.made import drive

ROOT = Path(__file__).resolve().parents[2]
FEW = LanguagePass(among=("de", "fr", "es", "zh", "ru"))  # all of them take seconds to load
DRIVING = (
    "red, 23 m; stop",
    "may I go?",
    "Any bus in 30 m?",
    "One lane leads my way. Within 30 m I see 4 barriers, 3 cones, 1 construction vehicle and 1 motorcycle.",
    "nobody in my way; steady left",
    "a BMW X5 stands 12.5 m ahead, 3.2 m/s, -0.7 rad",
    "merge onto I-495 N, exit 24B",
    "a police escort blocks the lane; the crash barrier is 3 m to my right",
    "x 601234.5 y 1647890.1 at 1532402927647951, n015-2018-07-24-11-22-45-0800, 48.137154, 11.576124",
    "plan 10.5, 0.1; 21.0, 0.4; 31.4, 0.9; boxes 1234567 and 89101112",
    "movable_object.trafficcone",
    "TURN LEFT 12 M",
    "no",
)
FOREIGN = {
    "Fahr an der nächsten Ampel links ab": "de",
    "Darf ich fahren?": "de",
    "Tourne à gauche au prochain feu": "fr",
    "Gire a la izquierda en el semáforo": "es",
    "前面的车停了": "zh",
    "Поверните налево на светофоре": "ru",
}
SWEARS = {
    "what the fuck is he doing": "fuck",
    "sh1t, the light was red": "shit",
    "f*ck this traffic": "f*ck",
    "That asshole cut me off": "asshole",
    "Damn taxi": "damn",
    "dickhead in the left lane": "dickhead",
}
PERSONAL = {
    "write to jane.miller@example.com": "write to [e-mail address]",
    "call me at +49 89 12345678": "call me at [telephone number]",
    "my number is (617) 253-1000": "my number is [telephone number]",
    "pay to DE89 3704 0044 0532 0130 00": "pay to [IBAN]",
    "card 4111 1111 1111 1111": "card [payment card]",
    "SSN 536-90-4399": "SSN [social security number]",
    "behind M-AB 1234": "behind [number plate]",
    "AA-123-BB parked": "[number plate] parked",
}


def saying(*texts: str) -> list[RecordFacts]:
    """A record a text."""
    (record,) = drive(1)
    return [replace(record, id=str(k), texts=(text,)) for k, text in enumerate(texts)]


def told(one: Pass, texts: dict[str, str]) -> list[str]:
    """The texts in whose reason the expected words are not."""
    found = one.judge(saying(*texts))
    return [text for (text, expected), judged in zip(texts.items(), found, strict=True) if expected not in judged.reason]


def test_what_is_wrong_is_found_and_said() -> None:
    assert told(FEW, {text: f"is {language}" for text, language in FOREIGN.items()}) == []
    assert told(Profanity(), {text: f"swears: {word}" for text, word in SWEARS.items()}) == []
    assert told(Personal(), {text: f'"{hidden}" holds' for text, hidden in PERSONAL.items()}) == []


@pytest.mark.parametrize("one", [FEW, Profanity(), Personal(), Tone()])
def test_driving_texts_are_fine(one: Pass) -> None:
    """Also all that we ask: 1,500 wordings, of lanes, distances and people."""
    texts = [*DRIVING, *(text for question in QUESTIONS.values() for text in question.texts)]
    fine = [not judged.reason and judged.tags in ((), ("tone:neutral",)) for judged in one.judge(saying(*texts))]
    assert len(fine) > 1500 and [text for text, yes in zip(texts, fine, strict=True) if not yes] == []


def test_numbers_that_are_one_digit_off_are_nobodys() -> None:
    wrong = ["DE89 3704 0044 0532 0130 01", "4111 1111 1111 1112", "000-90-4399", "+49 1", "617-153-1000", "a@b"]
    assert [judged.reason for judged in Personal().judge(saying(*wrong))] == [""] * len(wrong)


def test_tones() -> None:
    liked = ("What a lovely, relaxed ride, thank you!", "Well done, perfect turn", "I love how gently it stops")
    hated = ("That was horrible, I feel sick", "This car drives terribly and scares me", "annoying, it stops for nothing again")
    found = Tone().judge(saying(*liked, *hated, "The light turned red and I braked"))
    assert [judged.tags for judged in found] == [("tone:positive",)] * 3 + [("tone:negative",)] * 3 + [("tone:neutral",)]
    both = replace(drive(1)[0], texts=(liked[0], hated[0], "no"))
    assert Tone().judge([both, drive(1)[0]])[0].tags == ("tone:negative", "tone:positive") and Tone().judge(drive(1)) == [Judged()]


def test_recipes_widen_and_narrow() -> None:
    german = replace(FEW, wanted=("en", "de"))
    assert [bool(judged.reason) for judged in german.judge(saying("Darf ich fahren?", "Tourne à gauche au prochain feu"))] == [False, True]
    assert Profanity(languages=("german",), also=()).judge(saying("du Arschloch"))[0].reason
    assert not Profanity(fine=("shit",)).judge(saying("shit"))[0].reason
    assert not Personal(plates=(), regions=()).judge(saying("M-AB 1234 rang 617-253-1000"))[0].reason
    wrong: list[tuple[Pass, str]] = [
        (LanguagePass(wanted=("xx",)), "'xx' is no language"),
        (LanguagePass(wanted=()), "wanted names no language"),
        (Profanity(languages=("latin",)), "no word list 'latin'; there are .*english"),
        (Personal(regions=("Mars",)), "got 'Mars'"),
        (Personal(plates=("Mars",)), "plates of Germany.*got 'Mars'"),
        (Tone(bound=0.0), "bound must be above 0"),
    ]
    for one, words in wrong:
        with pytest.raises(ValueError, match=words):
            one.check()


def test_many_faults_of_one_record_make_a_short_reason() -> None:
    texts = tuple(f"shit number {k} " + "x" * 200 for k in range(30))
    (found,) = Profanity().judge([replace(drive(1)[0], texts=texts)])
    assert found.scores["texts"] == 30 and found.reason.count("swears") == TOLD
    assert "and 27 more" in found.reason and len(found.reason) < 500


def test_long_texts_take_no_time() -> None:
    begun = time.process_time()
    for one in (Profanity(), Personal()):
        texts = ("1" * 20_000, "+1" * 10_000, "a." * 10_000 + "@", "1 " * 10_000, "red light " * 2_000 + "shit jane@example.com")
        assert [bool(judged.reason) for judged in one.judge(saying(*texts))] == [False] * 4 + [True]
    assert time.process_time() - begun < 10


def test_texts_are_found_wherever_they_stand() -> None:
    parts: list[dict[str, Any]] = [
        {"type": "image", "camera": "CAM", "file": "0.cam.jpg", "time_s": 0.0},
        {"type": "request", "request": "ask"},
        {"type": "text", "text": "may I go?"},
        {"type": "answer", "request": "ask", "value": {"kind": "words", "value": ["no", {"deep": "red light "}]}},
        {"type": "note", "by": "Jane"},
    ]
    messages = [{"role": "user", "content": parts}, {"role": "assistant", "content": "plain words"}, "may I go?"]
    record = {"id": "a", "observation": {"command": "left"}, "messages": messages, "caption": {"en": "rain"}, "unknown": ["see"]}
    assert texts_of(record) == ("may I go?", "words", "no", "red light", "Jane", "plain words", "rain")
    assert texts_of({"messages": None, "note": " "}) == ()


@pytest.fixture(scope="module")
def speaking(embedded: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """Records with answers, some with a caption besides; and the captions by token."""
    captions: dict[str, str] = {}
    wrong = iter(["the shit truck", "call +49 89 12345678", "Fahr an der nächsten Ampel links ab", "a lovely ride, thank you"])
    with pytest.MonkeyPatch.context() as patch:
        real = packing.packed_sample

        def with_caption(sample: Any, key: str, more: dict[str, Any], *rest: Any) -> Any:
            if caption := next(wrong, ""):
                captions[sample.token] = caption
            return real(sample, key, more | ({"caption": caption} if caption else {}), *rest)

        patch.setattr(packing, "packed_sample", with_caption)
        out = tmp_path_factory.mktemp("words") / "records"
        pack(Settings((str(embedded),), "see>plan,ask", (("train", 1.0),), limit=6), out)
    return out, captions


def test_records_go_by_their_words(speaking: tuple[Path, dict[str, str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records, captions = speaking
    recipe = tmp_path / "words.yaml"
    recipe.write_text("language: {among: [de, fr]}\nprofanity: {}\npersonal: {}\ntone: {}\n")
    assert main(["curate", str(records), "--recipe", str(recipe), "--out", str(tmp_path / "out"), "-q"]) == 0
    assert "not searched" not in capsys.readouterr().out
    decisions = read_decisions(tmp_path / "out" / "curation.parquet")
    passes = ("language", "profanity", "personal")
    reasons = {token: [why for why in one.reasons if why.split(":")[0] in passes] for token, one in decisions.items()}
    wanted = ['profanity: "the shit truck" swears: shit', 'personal: "call [telephone number]" holds telephone number']
    wanted.append('language: "Fahr an der nächsten Ampel links ab" is de')
    assert [reasons[token] for token in captions] == [*([one] for one in wanted), []]
    assert not any(why for token, why in reasons.items() if token not in captions)
    assert tagged(decisions, ["tone:positive"]) == {list(captions)[3]} and tagged(decisions, ["not tone:positive"])
    assert "Names of people" in (tmp_path / "out" / "index.html").read_text()


def test_who_does_not_look_says_so(speaking: tuple[Path, dict[str, str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["curate", str(speaking[0]), "--out", str(tmp_path), "-q"]) == 0
    out = capsys.readouterr().out
    assert "texts were not searched for language, profanity, personal, tone" in out and "configs/curate/words.yaml" in out
    assert "not searched for language, profanity, personal, tone" in (tmp_path / "index.html").read_text()


def test_recipe_of_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert load_recipe(ROOT / "configs/curate/words.yaml") == CurationRecipe(
        language=LanguagePass(), profanity=Profanity(), personal=Personal(), tone=Tone()
    )
    for library, one in {"lingua": LanguagePass(), "glin_profanity": Profanity(), "stdnum": Personal(), "vaderSentiment": Tone()}.items():
        with monkeypatch.context() as patch:
            for name in [name for name in sys.modules if name.split(".")[0] == library]:
                patch.delitem(sys.modules, name)
            patch.setitem(sys.modules, library, None)
            recipe = replace(CurationRecipe(), **{one.name: one})
            with pytest.raises(ValueError, match=rf"searching texts needs {library}.*: pip install 'drive\[words\]'"):
                curate(tmp_path / "not even there", recipe, tmp_path / "out")
