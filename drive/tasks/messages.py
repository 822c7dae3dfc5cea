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

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from drive.outputs import write_whole
from drive.schema import Command
from drive.tasks import TASKS, Request, parse_single

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
    """One sample. unknown: requests that its source knows no answer to, which are in no message, words and all."""

    id: str
    scene: str
    timestamp_us: int
    messages: tuple[Message, ...]
    unknown: tuple[str, ...] = ()

    def turns(self) -> Iterator[Turn]:
        """The conversation, question by question. Raises ValueError, naming the message, where it is none."""
        for k in range(0, len(self.messages), 2):
            try:
                yield _turn(self.messages[k : k + 2])
            except ValueError as error:
                raise ValueError(f"messages.{k}: {error}") from None

    def answers(self) -> Iterator[tuple[str, str, Any]]:
        """Every answer as (request, its question in words or "", value). Raises ValueError as `turns`."""
        for turn in self.turns():
            yield from turn.answers


@dataclass(frozen=True)
class Turn:
    """A question and its answers. seen: the pictures and the car's own motion that stand before the question. answers: in the order of
    the chain that is asked, as (request, its question in words or "", value)."""

    seen: tuple[ImagePart | EgoPart, ...]
    answers: tuple[tuple[str, str, Any], ...]


def _turn(messages: tuple[Message, ...]) -> Turn:
    if [message.role for message in messages] != ["user", "assistant"]:
        raise ValueError(f"a user asks, then the assistant answers, got {', '.join(message.role for message in messages)}")
    question, answer = (message.content for message in messages)
    asked = [part.request for part in question if isinstance(part, RequestPart)]
    told = [part for part in answer if isinstance(part, AnswerPart)]
    if len(asked) != 1 or any(isinstance(part, AnswerPart) for part in question):
        raise ValueError(f"a user asks one request and answers none, got {len(asked)} requests")
    if len(told) != len(answer) or ">".join(part.request for part in told) != asked[0]:
        raise ValueError(f"{asked[0]!r} is asked, answered is {'>'.join(part.request for part in told)!r}")
    words = _words([part.request for part in told], [part.text for part in question if isinstance(part, TextPart)])
    seen = tuple(part for part in question if isinstance(part, ImagePart | EgoPart))
    return Turn(seen, tuple((part.request, own, part.value) for part, own in zip(told, words, strict=True)))


def _words(requests: list[str], texts: list[str]) -> list[str]:
    """Of each request its question in words, "" where it takes none: texts stand in the order of the requests that do."""
    kinds = [TASKS[_spelled_out(request).task] for request in requests]
    if sum(kind.prompted for kind in kinds) != len(texts) or not all(texts):
        raise ValueError(f"{'>'.join(requests)} needs {sum(kind.prompted for kind in kinds)} questions in words, got {len(texts)}")
    rest = iter(texts)
    return [next(rest) if kind.prompted else "" for kind in kinds]


def _spelled_out(request: str) -> Request:
    """Raises ValueError for a request that no task answers, or that is not spelled out."""
    found = parse_single(request, TASKS)
    if found.name != request:
        raise ValueError(f"request {request!r} is not spelled out without words: expected {found.name!r}")
    return found


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
    for where, line in lines_of(path):
        yield read_record(line, where)


def lines_of(path: str | Path) -> Iterator[tuple[str, bytes]]:
    """The lines of a JSONL file, unread, each with its file and number. Raises ValueError for one that is too long."""
    with Path(path).open("rb") as file:
        for number, line in enumerate(iter(lambda: file.readline(MOST_BYTES + 1), b""), 1):
            where = f"{Path(path).name}, line {number}"
            if len(line) > MOST_BYTES:
                raise ValueError(f"{where}: a record is at most {MOST_BYTES:,} bytes; this file is none of records")
            yield where, line


def read_record(line: str | bytes, where: str = "record") -> Record:
    """One record from JSON. Raises ValueError naming the field that is wrong, requests that no task answers, or what is no conversation."""
    try:
        record = Record.model_validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the line"
        raise ValueError(f"{where}: {place}: {first['msg']}, got {str(first['input'])[:60]!r}") from None
    try:
        list(record.turns())
        for request in record.unknown:
            parse_single(request, TASKS)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    return record
