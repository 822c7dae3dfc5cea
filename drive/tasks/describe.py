"""Task `describe`: what matters around the car, then the scene in words (EMMA's chain of thought R1 to R3, arXiv 2410.23262, section 3.3).

    noun x y behaviour   noun x y behaviour   ...   text

Objects are the nearest first, so that an answer cut short is the part that matters most. Which objects matter is a rule
(`drive.tasks.questions.critical`), and so are the words (`drive.tasks.questions.scene`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from drive.answers.describe import CriticalObject, Description
from drive.frames import rotation_2d
from drive.schema import Observation, SceneSample
from drive.tasks.ask import text_ids
from drive.tasks.base import Task
from drive.tasks.questions.critical import BEHAVIOURS, critical_objects
from drive.tasks.questions.facts import NOUNS, Facts
from drive.tasks.questions.scene import scene_words
from drive.tokens.codecs.base import Ids
from drive.tokens.expression import Expression, ids, repeat, sequence
from drive.tokens.ranges import METRE, shared
from drive.tokens.text import TEXT, driving_text, text_range, text_words
from drive.tokens.vocab import END, Grid, IdRange

NOUN, BEHAVIOUR = "describe_noun", "describe_behaviour"
MOST_OBJECTS = 6
MOST_PIECES = 96
PER_OBJECT = 4  # tokens


@dataclass(frozen=True)
class DescribeTask(Task):
    """A `Description`."""

    name: ClassVar[str] = "describe"
    metric: ClassVar[str | None] = "describe"

    @classmethod
    def declares(cls, parameter: str, grids: Mapping[str, Grid]) -> tuple[IdRange, ...]:
        return IdRange(NOUN, len(NOUNS)), IdRange(BEHAVIOUR, len(BEHAVIOURS)), shared(METRE, grids), text_range()

    @property
    def expression(self) -> Expression:
        ranges = self.vocabulary.ranges
        one = sequence(ids(ranges[NOUN]), ids(ranges[METRE]), ids(ranges[METRE]), ids(ranges[BEHAVIOUR]))
        return sequence(repeat(one, 0, MOST_OBJECTS), driving_text().expression(ranges[TEXT].start, MOST_PIECES))

    @property
    def words(self) -> Mapping[str, Sequence[str]]:
        return {NOUN: NOUNS, BEHAVIOUR: BEHAVIOURS, TEXT: text_words()}

    def places(self, ids: Ids) -> list[str]:
        count = len(self.decode(ids).objects)
        objects = [f"objects[{k}].{name}" for k in range(count) for name in ("noun", "x", "y", "behaviour")]
        return objects + [f"words[{k}]" for k in range(len(ids) - 1 - len(objects))]

    @property
    def schema(self) -> dict[str, Any]:
        properties = {
            "noun": {"enum": list(NOUNS)},
            "x": {"type": "number", "description": "m ahead of the ego's origin"},
            "y": {"type": "number", "description": "m to the left of it"},
            "behaviour": {"enum": list(BEHAVIOURS)},
        }
        one = {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
        fields = {"objects": {"type": "array", "items": one, "maxItems": MOST_OBJECTS}, "words": {"type": "string"}}
        return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}

    def answer(self, sample: SceneSample) -> Description | None:
        """None where the data set does not know what is around."""
        facts = Facts(sample)
        objects = critical_objects(facts, MOST_OBJECTS)
        return None if objects is None else Description(objects, scene_words(facts))

    def encode(self, value: Description, observation: Observation | None = None) -> Ids:
        """Raises ValueError for more objects or words than an answer may hold, unknown nouns and behaviours, and places off the grid."""
        if len(value.objects) > MOST_OBJECTS:
            raise ValueError(f"a description names at most {MOST_OBJECTS} objects, got {len(value.objects)}")
        told: list[int] = []
        for one in value.objects:
            _check(one)
            place = self.vocabulary.numbers_to_ids(METRE, [one.x_m, one.y_m]).tolist()
            first, last = self.vocabulary.ranges[NOUN].start, self.vocabulary.ranges[BEHAVIOUR].start
            told += [first + NOUNS.index(one.noun), *place, last + BEHAVIOURS.index(one.behaviour)]
        told += text_ids(value.words, self.vocabulary.ranges[TEXT].start, MOST_PIECES)
        return np.array([*told, END], dtype=np.int64)

    def decode(self, ids: ArrayLike, observation: Observation | None = None) -> Description:
        answer = np.asarray(ids, dtype=np.int64)
        self.grammar.states(answer)
        ranges, objects, k = self.vocabulary.ranges, [], 0
        while answer[k] in ranges[NOUN]:
            noun, x, y, does = answer[k : k + PER_OBJECT].tolist()
            x_m, y_m = self.vocabulary.ids_to_numbers(METRE, [x, y]).tolist()
            objects.append(CriticalObject(NOUNS[noun - ranges[NOUN].start], x_m, y_m, BEHAVIOURS[does - ranges[BEHAVIOUR].start]))
            k += PER_OBJECT
        return Description(tuple(objects), driving_text().decode(answer[k:-1] - ranges[TEXT].start))

    def turned(self, value: Description, angle: float) -> Description:
        """Places turn; what things do is told against the road, which turns with them."""

        def turn(one: CriticalObject) -> CriticalObject:
            x, y = (rotation_2d(angle) @ [one.x_m, one.y_m]).tolist()
            return replace(one, x_m=x, y_m=y)

        return replace(value, objects=tuple(map(turn, value.objects)))

    def to_json(self, value: Description) -> dict[str, Any]:
        objects = [{"noun": one.noun, "x": one.x_m, "y": one.y_m, "behaviour": one.behaviour} for one in value.objects]
        return {"objects": objects, "words": value.words}

    def from_json(self, value: Any) -> Description:
        if not isinstance(value, dict) or set(value) != {"objects", "words"} or not isinstance(value["words"], str):
            raise ValueError(f"a description is an object of objects and words, got {value!r}")
        if not isinstance(value["objects"], list) or len(value["objects"]) > MOST_OBJECTS:
            raise ValueError(f"a description's objects are a list of at most {MOST_OBJECTS}, got {value['objects']!r}")
        return Description(tuple(map(_object, value["objects"])), value["words"])


def _object(value: Any) -> CriticalObject:
    numbers = [value.get(name) for name in ("x", "y")] if isinstance(value, dict) else []
    if not numbers or set(value) != {"noun", "x", "y", "behaviour"} or any(type(n) not in (int, float) for n in numbers):
        raise ValueError(f"an object of a description has noun, x, y and behaviour, got {value!r}")
    one = CriticalObject(value["noun"], float(value["x"]), float(value["y"]), value["behaviour"])
    _check(one)
    return one


def _check(one: CriticalObject) -> None:
    if one.noun not in NOUNS or one.behaviour not in BEHAVIOURS:
        raise ValueError(f"{one}: nouns are {', '.join(NOUNS)}; behaviours {', '.join(BEHAVIOURS)}")
