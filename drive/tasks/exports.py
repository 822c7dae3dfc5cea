"""Records (`drive.tasks.messages`) in the forms of LLaVA and DriveLM, and back: every form reads back to the same record.

LLaVA: {"id", "image": [files], "conversations": [{"from": "human", "value": "<image>\\n..."}, {"from": "gpt", "value": ...}]}.
DriveLM: scene -> key_frames -> token -> {"key_object_infos", "image_paths": {camera: file}, "QA": {perception, prediction, planning,
behavior: [{"Q", "A", "tag"}]}}. What these forms have no place for stands under keys of our own, which their readers pass over.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from drive.tasks.messages import AnswerPart, ImagePart, Part, Record, RequestPart, TextPart, read_record

OWN = "drive"  # the key for what the other form cannot say
GROUPS = ("perception", "prediction", "planning", "behavior")
GROUP_OF = {"plan": "planning", "decide": "behavior"}  # the others are perception
IMAGE = "<image>"


def to_llava(record: Record) -> dict[str, Any]:
    """One record as an entry of a LLaVA file. Raises ValueError where its messages are no conversation."""
    list(record.turns())
    images = [part for message in record.messages for part in message.content if isinstance(part, ImagePart)]
    turns = [{"from": "human" if m.role == "user" else "gpt", "value": "\n".join(map(_line, m.content))} for m in record.messages]
    rest = {"scene": record.scene, "timestamp_us": record.timestamp_us, "unknown": list(record.unknown)}
    cameras = [{"camera": part.camera, "file": part.file, "time_s": part.time_s} for part in images]
    return {"id": record.id, "image": [p.file for p in images], "conversations": turns, OWN: {**rest, "cameras": cameras}}


def from_llava(entry: Mapping[str, Any]) -> Record:
    """The inverse of `to_llava`. Raises ValueError for an entry that is none of ours, or of which anything would be lost."""
    with _told("LLaVA"):
        own, cameras = _own(entry), list(_own(entry)["cameras"])
        messages = []
        for turn in entry["conversations"]:
            content = [_part(line, cameras) for line in turn["value"].split("\n")]
            messages.append({"role": "user" if turn["from"] == "human" else "assistant", "content": content})
        if cameras:
            raise ValueError(f"{len(cameras)} of its cameras are in no conversation")
        record = _record(entry["id"], own, messages)
        _require_same(to_llava(record), entry)
        return record


def to_drivelm(records: Iterable[Record]) -> dict[str, Any]:
    """Records as a DriveLM file. Raises ValueError for a record that comes twice, or whose messages are no conversation."""
    scenes: dict[str, Any] = {}
    for record in records:
        scene = scenes.setdefault(record.scene, {"scene_description": "", "key_frames": {}})
        if record.id in scene["key_frames"]:
            raise ValueError(f"record {record.id!r} of scene {record.scene!r} comes twice; DriveLM has one place for it: leave one out")
        scene["key_frames"][record.id] = _frame(record)
    return scenes


def from_drivelm(scenes: Mapping[str, Any]) -> Iterator[Record]:
    """The inverse of `to_drivelm`. Raises ValueError for frames that are none of ours, or of which anything would be lost."""
    for place in drivelm_frames(scenes):
        yield drivelm_record(*place)


def drivelm_frames(scenes: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """The frames of a DriveLM file as (scene, token, frame), unread. Raises ValueError for a scene that is none of ours."""
    for name, scene in scenes.items():
        with _told("DriveLM"):
            _require_same({"scene_description": "", "key_frames": scene["key_frames"]}, scene)
            frames = list(scene["key_frames"].items())
        yield from ((name, token, frame) for token, frame in frames)


def drivelm_record(scene: str, token: str, frame: Mapping[str, Any]) -> Record:
    """One frame as a record. Raises ValueError as `from_drivelm`."""
    with _told("DriveLM"):
        record = _record(token, {**_own(frame), "scene": scene}, _conversation(frame))
        _require_same(_frame(record), frame)
        return record


def _require_same(expected: Mapping[str, Any], got: Mapping[str, Any]) -> None:
    """Raises ValueError where what was read does not say all that stands there: what somebody changed or added is not passed over."""
    for key in {**expected, **got}:
        if key not in got or key not in expected or got[key] != expected[key]:
            raise ValueError(f"{key!r} says something else than the parts that the record is read from")


def _conversation(frame: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A frame's messages, in their order."""
    turns: dict[int, list[tuple[int, str]]] = {}
    for group in GROUPS:
        for pair in frame["QA"][group]:
            turn, place = pair[OWN]
            turns.setdefault(turn, []).append((place, pair["A"]))
    asked = _own(frame)["asked"]
    if sorted(turns) != list(range(len(asked))):
        raise ValueError(f"it asks {len(asked)} times and answers turns {sorted(turns)}")
    messages = []
    for turn, question in enumerate(asked):
        answers = [_answer(text) for _, text in sorted(turns[turn])]
        messages += [{"role": "user", "content": question}, {"role": "assistant", "content": answers}]
    return messages


@contextmanager
def _told(form: str) -> Iterator[None]:
    """Around what reads somebody's file: whatever it lacks becomes a ValueError of one line."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"no entry of ours in the form of {form}: {error}") from None
    except (KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"no entry of ours in the form of {form}: {type(error).__name__} {error}") from None


def _frame(record: Record) -> dict[str, Any]:
    list(record.turns())
    groups: dict[str, list[dict[str, Any]]] = {group: [] for group in GROUPS}
    asked: list[Any] = []
    images: dict[str, Any] = {}
    for turn, (question, answer) in enumerate(zip(record.messages[::2], record.messages[1::2], strict=True)):
        asked.append([part.model_dump(mode="json") for part in question.content])
        images |= {part.camera: part.file for part in question.content if isinstance(part, ImagePart) and part.time_s > -0.2}
        words = next((part.text for part in question.content if isinstance(part, TextPart)), "")
        for place, part in enumerate(answer.content):
            assert isinstance(part, AnswerPart)
            group = GROUP_OF.get(part.request.partition(":")[0], "perception")
            pair = {"Q": words or f"{part.request}?", "A": _line(part), "tag": [], OWN: [turn, place]}
            groups[group].append(pair)
    own = {"timestamp_us": record.timestamp_us, "unknown": list(record.unknown), "asked": asked}
    return {"key_object_infos": {}, "image_paths": images, "QA": groups, OWN: own}


def _line(part: Part) -> str:
    """A part as a line of text: what kind it is, then its JSON; words as they are where they are one line."""
    if isinstance(part, ImagePart):
        return f"{part.camera}: {IMAGE}"
    if isinstance(part, AnswerPart):
        return f"{part.request}: {json.dumps(part.value, ensure_ascii=False)}"
    if isinstance(part, RequestPart):
        return f"request: {part.request}"
    if isinstance(part, TextPart):
        return f"question: {json.dumps(part.text, ensure_ascii=False)}"
    return f"ego: {part.model_dump_json(exclude={'type'})}"


def _part(line: str, cameras: list[Mapping[str, Any]]) -> dict[str, Any]:
    """cameras: those that no line has named yet, of which this one takes the first where it is a picture's."""
    name, _, rest = line.partition(": ")
    if rest == IMAGE:
        return {"type": "image", **cameras.pop(0)}
    if name == "request":
        return {"type": "request", "request": rest}
    if name == "question":
        return {"type": "text", "text": json.loads(rest)}
    if name == "ego":
        return {"type": "ego", **json.loads(rest)}
    return _answer(line)


def _answer(line: str) -> dict[str, Any]:
    name, _, rest = line.partition(": ")
    return {"type": "answer", "request": name, "value": json.loads(rest)}


def _own(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    if not isinstance(entry.get(OWN), Mapping):
        raise ValueError(f"it lacks the key {OWN!r} that our exporters write; got {sorted(entry)[:8]}")
    return entry[OWN]


def _record(name: str, own: Mapping[str, Any], messages: list[dict[str, Any]]) -> Record:
    values = {"id": name, "scene": own["scene"], "timestamp_us": own["timestamp_us"], "messages": messages, "unknown": own["unknown"]}
    return read_record(json.dumps(values), name)

