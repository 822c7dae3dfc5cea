"""Task `ask`: a question in words, a typed answer.

    ask(may I go?)                      yes_no yes
    ask(how far is the nearest car?)    number m 12.5

An answer's first token is its kind (`drive.answers.ask`), the value follows: a number in its unit's range, one of the words of the task's
questions, or a sentence in text tokens. The questions with right answers are those of `drive.tasks.questions`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from drive.answers.ask import KINDS, UNITS, Reply
from drive.schema import Observation, SceneSample
from drive.tasks.base import Task
from drive.tasks.questions import WORDS, Facts, question_of
from drive.tasks.questions.balance import towns_balance
from drive.tokens.codecs.base import Ids
from drive.tokens.expression import Expression, choice, ids, sequence, token
from drive.tokens.ranges import COUNT, METRE, SPEED, shared
from drive.tokens.text import TEXT, driving_text, text_range, text_words
from drive.tokens.vocab import END, Grid, IdRange

KIND, YES_NO, UNIT, WORD = "ask_kind", "ask_yes_no", "ask_unit", "ask_word"
NUMBERS = {"m": METRE, "m/s": SPEED}
MOST_PIECES = 48  # of an answer in words
_facts = lru_cache(maxsize=1)(Facts)  # a sample is asked many questions in a row


@dataclass(frozen=True)
class AskTask(Task):
    """Questions in words, answered with a `Reply`."""

    name: ClassVar[str] = "ask"
    metric: ClassVar[str | None] = "ask"
    prompted: ClassVar[bool] = True

    @classmethod
    def declares(cls, parameter: str, grids: Mapping[str, Grid]) -> tuple[IdRange, ...]:
        own = (IdRange(KIND, len(KINDS)), IdRange(YES_NO, 2), IdRange(UNIT, len(UNITS)), IdRange(WORD, len(WORDS)))
        return (*own, *(shared(name, grids) for name in (COUNT, METRE, SPEED)), text_range())

    @property
    def expression(self) -> Expression:
        ranges = self.vocabulary.ranges
        number = choice(*(sequence(token(ranges[UNIT].start + k), ids(ranges[NUMBERS[unit]])) for k, unit in enumerate(UNITS)))
        words = driving_text().expression(ranges[TEXT].start, MOST_PIECES)
        values: dict[str, Expression] = {"yes_no": ids(ranges[YES_NO]), "count": ids(ranges[COUNT]), "word": ids(ranges[WORD])}
        values |= {"number": number, "words": words}
        return choice(*(sequence(token(ranges[KIND].start + k), values[kind]) for k, kind in enumerate(KINDS)))

    @property
    def words(self) -> Mapping[str, Sequence[str]]:
        return {KIND: KINDS, YES_NO: ("no", "yes"), UNIT: UNITS, WORD: WORDS, TEXT: text_words()}

    def places(self, ids: Ids) -> list[str]:
        kind = self.decode(ids).kind
        value = [f"value[{k}]" for k in range(len(ids) - 2)] if kind == "words" else ["value"]
        return ["kind", *(["unit"] if kind == "number" else []), *value]

    @property
    def schema(self) -> dict[str, Any]:
        def kind(name: str, value: dict[str, Any], **more: Any) -> dict[str, Any]:
            properties = {"kind": {"const": name}, "value": value, **more}
            return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}

        return {
            "oneOf": [
                kind("yes_no", {"type": "boolean"}),
                kind("count", {"type": "integer", "minimum": 0}),
                kind("number", {"type": "number"}, unit={"enum": list(UNITS)}),
                kind("word", {"enum": list(WORDS)}),
                kind("words", {"type": "string"}),
            ]
        }

    def prompt_ids(self, prompt: str) -> Ids:
        """A question as text tokens, which stand behind the request's own."""
        return driving_text().encode(prompt) + self.vocabulary.ranges[TEXT].start

    def answer(self, sample: SceneSample) -> None:
        """None: without a question there is no answer."""

    def answers(self, sample: SceneSample) -> tuple[tuple[str, Reply], ...]:
        """The questions of `drive.tasks.questions` that the sample's target can answer, thinned out so that over many samples of towns the
        questions alone do not tell the answers; `drive.tasks.questions.balance` does it for other sets of samples."""
        return tuple((reply.question, self._clipped(reply)) for reply in towns_balance().asked(sample))

    def truth(self, sample: SceneSample, prompt: str = "") -> Reply | None:
        """Of any wording of the task's questions, also where `answers` leaves it out for the balance."""
        question = question_of(prompt)
        reply = question.answer(_facts(sample)) if question else None
        return None if reply is None else self._clipped(reply)

    def reworded(self, prompt: str, rng: np.random.Generator) -> str:
        question = question_of(prompt)
        return prompt if question is None else question.texts[int(rng.integers(len(question.texts)))]

    def _clipped(self, reply: Reply) -> Reply:
        """With its number at the border of its range where it lies beyond: "100 m or more"."""
        name = COUNT if reply.kind == "count" else NUMBERS[reply.unit] if reply.unit else None
        if name is None:
            return reply
        grid = self.vocabulary.grid(name)
        value = min(max(float(reply.value), grid.low), grid.high)
        return Reply(reply.kind, int(value) if reply.kind == "count" else value, reply.unit, reply.question)

    def encode(self, value: Reply, observation: Observation | None = None) -> Ids:
        """Raises ValueError for a number off its grid, a word that is none of the task's, and more text than an answer may hold."""
        kind = self.vocabulary.ranges[KIND].start + KINDS.index(value.kind)
        return np.array([kind, *self._value_ids(value), END], dtype=np.int64)

    def _value_ids(self, reply: Reply) -> list[int]:
        ranges, numbers = self.vocabulary.ranges, self.vocabulary.numbers_to_ids
        if reply.kind == "yes_no":
            return [ranges[YES_NO].start + int(reply.value)]
        if reply.kind == "count":
            return numbers(COUNT, [float(reply.value)]).tolist()
        if reply.unit is not None:
            return [ranges[UNIT].start + UNITS.index(reply.unit), *numbers(NUMBERS[reply.unit], [float(reply.value)]).tolist()]
        if reply.kind == "words":
            return text_ids(str(reply.value), ranges[TEXT].start, MOST_PIECES)
        if reply.value not in WORDS:
            raise ValueError(f"{reply.value!r} is no word of task ask, which has {', '.join(WORDS)}")
        return [ranges[WORD].start + WORDS.index(str(reply.value))]

    def decode(self, ids: ArrayLike, observation: Observation | None = None) -> Reply:
        answer = np.asarray(ids, dtype=np.int64)
        self.grammar.states(answer)
        ranges, (first, *rest) = self.vocabulary.ranges, answer[:-1].tolist()
        kind = KINDS[first - ranges[KIND].start]
        if kind == "yes_no":
            return Reply(kind, rest[0] == ranges[YES_NO].start + 1)
        if kind == "count":
            return Reply(kind, round(float(self.vocabulary.ids_to_numbers(COUNT, rest[0]))))
        if kind == "number":
            unit = UNITS[rest[0] - ranges[UNIT].start]
            return Reply(kind, float(self.vocabulary.ids_to_numbers(NUMBERS[unit], rest[1])), unit)
        if kind == "word":
            return Reply(kind, WORDS[rest[0] - ranges[WORD].start])
        return Reply(kind, driving_text().decode(np.array(rest, dtype=np.int64) - ranges[TEXT].start))

    def turned(self, value: Reply, angle: float) -> Reply:
        """As it is: a turn by the few degrees of training moves no distance, and sides have no sharper borders than that."""
        return value

    def to_json(self, value: Reply) -> dict[str, Any]:
        return value.to_json()

    def from_json(self, value: Any) -> Reply:
        if not isinstance(value, dict) or not {"kind", "value"} <= set(value) <= {"kind", "value", "unit"}:
            raise ValueError(f"an answer of ask is an object of kind, value and, of a number, unit, got {value!r}")
        given = float(value["value"]) if value["kind"] == "number" and type(value["value"]) is int else value["value"]
        reply = Reply(value["kind"], given, value.get("unit"))
        if reply.kind == "word" and reply.value not in WORDS:
            raise ValueError(f"{reply.value!r} is no word of task ask, which has {', '.join(WORDS)}")
        return reply


def text_ids(text: str, first: int, most: int) -> list[int]:
    """Text as ids of the range that begins at `first`. Raises ValueError where it takes more than `most` pieces or characters of bytes."""
    found = (driving_text().encode(text) + first).tolist()
    if len(found) > most:
        raise ValueError(f"{text!r} takes {len(found)} text tokens, at most {most} are possible: say it more briefly")
    return found
