"""The one JSON of requests, answers and training material: a record a sample, a conversation of typed parts.

    {"id": ..., "scene": ..., "timestamp_us": ..., "messages": [
      {"role": "user", "content": [{"type": "image", "camera": "CAM_FRONT", "file": "samples/...", "time_s": 0.0},
                                   {"type": "ego", "speed_mps": 8.1, "command": "left", ...},
                                   {"type": "request", "request": "see>decide>plan:bins"}]},
      {"role": "assistant", "content": [{"type": "answer", "request": "see", "value": {...}}, ...]},
      {"role": "user", "content": [{"type": "request", "request": "ask"}, {"type": "text", "text": "may I go?"}]}, ...]}

The roles and typed parts are those of the `messages` that chat models are trained and asked with. A file of records is JSONL.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from drive.outputs import write_whole
from drive.schema import Command, Observation, SceneSample, StoredPicture, Window
from drive.tasks import TASKS, Chain, Request, Task, chains, declared, make_task, parse_single
from drive.tokens.vocab import Vocabulary

MOST_BYTES = 16 * 2**20  # of one record


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ImagePart(_Strict):
    """A picture by its camera's name. file: relative to the records' folder, None where it is not on disk; time_s: relative to t0."""

    type: Literal["image"] = "image"
    camera: str
    file: str | None
    time_s: float


class EgoPart(_Strict):
    """What the car knows of itself, None where unknown. past: poses up to t0 (x m, y m, heading rad, time s), those that are known."""

    type: Literal["ego"] = "ego"
    speed_mps: float | None
    acceleration_mps2: float | None
    yaw_rate_radps: float | None
    command: Command | None
    past: tuple[tuple[float, float, float, float], ...]


class TextPart(_Strict):
    """Words: the question of a request that is asked in words."""

    type: Literal["text"] = "text"
    text: str


class RequestPart(_Strict):
    """What is asked, spelled out and without words: `see>decide>plan:bins`."""

    type: Literal["request"] = "request"
    request: str


class AnswerPart(_Strict):
    """One answer as its task's `to_json` gives it."""

    type: Literal["answer"] = "answer"
    request: str
    value: JsonValue


Part = Annotated[ImagePart | EgoPart | TextPart | RequestPart | AnswerPart, Field(discriminator="type")]


class Message(_Strict):
    """What one side says."""

    role: Literal["user", "assistant"]
    content: tuple[Part, ...]


class Record(_Strict):
    """One sample. unknown: requests that its source knows no answer to, which are in no message."""

    id: str
    scene: str
    timestamp_us: int
    messages: tuple[Message, ...]
    unknown: tuple[str, ...] = ()

    def answers(self) -> Iterator[tuple[str, str, Any]]:
        """Every answer as (request, question in words or "", value)."""
        words = ""
        for message in self.messages:
            if message.role == "user":
                words = next((part.text for part in message.content if isinstance(part, TextPart)), "")
            yield from ((part.request, words, part.value) for part in message.content if isinstance(part, AnswerPart))


class Writer:
    """Makes records of samples: the right answers to some requests. root: the folder that files of pictures are relative to; None:
    they are named as they are.

    Raises ValueError for requests that no task answers.
    """

    def __init__(self, requests: str | Sequence[str], window: Window, root: str | Path | None = None) -> None:
        self.window = window
        self.chains: tuple[Chain, ...] = chains(requests)
        names = list(dict.fromkeys(link.name for chain in self.chains for link in chain))
        vocabulary = Vocabulary().extended(declared(names, {}), names)
        self.tasks: dict[str, Task] = {name: make_task(name, vocabulary, window) for name in names}
        self.root = None if root is None else Path(root).resolve()

    def record(self, sample: SceneSample) -> Record:
        """A turn for each chain, for tasks that are asked in words one for each question that the sample can be asked."""
        turns: list[tuple[Message, Message]] = []
        unknown: list[str] = []
        for chain in self.chains:
            made, lacking = self._turns(chain, sample)
            turns += made
            unknown += lacking
        seen = (*self._images(sample.observation), _ego(sample.observation))
        messages = [message for turn in turns for message in turn]
        if messages:
            messages[0] = messages[0].model_copy(update={"content": seen + messages[0].content})
        return Record(
            id=sample.token, scene=sample.scene, timestamp_us=sample.timestamp_us, messages=tuple(messages), unknown=tuple(unknown)
        )

    def _turns(self, chain: Chain, sample: SceneSample) -> tuple[list[tuple[Message, Message]], list[str]]:
        """Turns, and the names of links without an answer, which the chain then goes without."""
        if len(chain) == 1 and self.tasks[chain[0].name].prompted:
            found = [(words, value) for words, value in self.tasks[chain[0].name].answers(sample) if chain[0].prompt in ("", words)]
            turns = [self._turn(chain, words, [(chain[0], value)]) for words, value in found]
            return turns, [] if turns else [chain[0].name]
        answers = [(link, self.tasks[link.name].truth(sample, link.prompt)) for link in chain]
        known = [(link, value) for link, value in answers if value is not None]
        lacking = [link.name for link, value in answers if value is None]
        return ([self._turn(tuple(link for link, _ in known), "", known)] if known else []), lacking

    def _turn(self, chain: Chain, words: str, answers: Sequence[tuple[Request, Any]]) -> tuple[Message, Message]:
        asked: tuple[Part, ...] = (RequestPart(request=">".join(link.name for link in chain)),)
        asked += (TextPart(text=words),) if words else ()
        parts = tuple(AnswerPart(request=link.name, value=self.tasks[link.name].to_json(value)) for link, value in answers)
        return Message(role="user", content=asked), Message(role="assistant", content=parts)

    def _images(self, observation: Observation) -> tuple[ImagePart, ...]:
        return tuple(
            ImagePart(camera=view.camera.name, file=self._file(view.image), time_s=round(frame.time_s + view.time_s, 6))
            for frame in observation.frames
            for view in frame.cameras
        )

    def _file(self, image: Any) -> str | None:
        if isinstance(image, StoredPicture):
            return image.name
        if not isinstance(image, Path):
            return None
        if self.root is None:
            return image.as_posix()
        if not image.resolve().is_relative_to(self.root):
            raise ValueError(f"picture {image} lies outside of {self.root}, the folder that records name files from")
        return image.resolve().relative_to(self.root).as_posix()


def _ego(observation: Observation) -> EgoPart:
    past = observation.past
    rows = _rows(past.poses[past.valid], past.times_s[past.valid])
    return EgoPart(
        speed_mps=observation.speed_mps,
        acceleration_mps2=observation.acceleration_mps2,
        yaw_rate_radps=observation.yaw_rate_radps,
        command=observation.command,
        past=rows,
    )


def _rows(poses: Any, times_s: Any) -> tuple[tuple[float, float, float, float], ...]:
    """Poses [T, 3] and times [T] as rows of plain numbers."""
    return tuple((float(x), float(y), float(heading), float(t)) for (x, y, heading), t in zip(poses, times_s, strict=True))


def write_records(path: str | Path, records: Iterable[Record]) -> int:
    """Writes a JSONL file, whole or not at all; returns how many. Raises OutputError where it cannot be written."""
    count = 0

    def lines() -> Iterator[bytes]:
        nonlocal count
        for record in records:
            yield record.model_dump_json().encode() + b"\n"
            count += 1

    write_whole(path, lines())
    return count


def read_records(path: str | Path) -> Iterator[Record]:
    """The records of a JSONL file, one after another. Raises ValueError naming the line and field that is no record."""
    with Path(path).open("rb") as file:
        for number, line in enumerate(iter(lambda: file.readline(MOST_BYTES + 1), b""), 1):
            where = f"{Path(path).name}, line {number}"
            if len(line) > MOST_BYTES:
                raise ValueError(f"{where}: a record is at most {MOST_BYTES:,} bytes; this file is none of records")
            yield read_record(line, where)


def read_record(line: str | bytes, where: str = "record") -> Record:
    """One record from JSON. Raises ValueError naming the field that is wrong, and requests that no task answers."""
    try:
        record = Record.model_validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the line"
        raise ValueError(f"{where}: {place}: {first['msg']}, got {str(first['input'])[:60]!r}") from None
    for request, _, _ in record.answers():
        parse_single(request, TASKS)
    return record


def schema(requests: str | Sequence[str], window: Window) -> dict[str, Any]:
    """JSON Schema of records with answers to these requests: each value under its task's own schema."""
    found = Record.model_json_schema()
    writer = Writer(requests, window)
    part = found["$defs"]["AnswerPart"]
    given = writer.tasks.items()
    part["oneOf"] = [{"properties": {"request": {"const": name}, "value": task.schema}, "required": ["value"]} for name, task in given]
    return found
