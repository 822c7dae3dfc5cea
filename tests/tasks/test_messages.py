"""The one JSON: records of samples, read back as they were, under their schema, and in others' forms and back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from drive.data.dataset import open_dataset
from drive.schema import SceneSample, Window
from drive.tasks.exports import from_drivelm, from_llava, to_drivelm, to_llava
from drive.tasks.messages import Record, read_record, read_records, write_records
from drive.tasks.writer import Writer, schema
from tests.tasks.crossroads import crossroads

REQUESTS = "see>decide>plan,boxes,roads,describe,ask"


@pytest.fixture(scope="module")
def samples(mini: Path) -> list[SceneSample]:
    return [*list(open_dataset(mini, lanes=True))[:3], crossroads(light="red", speed=3.0)]


@pytest.fixture(scope="module")
def records(mini: Path, samples: list[SceneSample]) -> list[Record]:
    writer = Writer(REQUESTS, Window(), mini)
    return [writer.record(sample) for sample in samples]


def test_a_record_tells_the_right_answers(samples: list[SceneSample], records: list[Record]) -> None:
    tasks = Writer(REQUESTS, Window()).tasks
    for sample, record in zip(samples, records, strict=True):
        found = {request: value for request, words, value in record.answers() if not words}
        for request, value in found.items():
            task = tasks[request]
            assert value == json.loads(json.dumps(task.to_json(task.answer(sample))))
            assert task.to_json(task.from_json(value)) == task.to_json(task.answer(sample))
        assert set(found) | set(record.unknown) == {*tasks} - {"ask"} | (set(record.unknown) & {"ask"})
        assert not set(found) & set(record.unknown)
    asked = [words for request, words, _ in records[-1].answers() if request == "ask"]
    assert asked and all(asked)


def test_pictures_are_named_by_camera_and_file(mini: Path, records: list[Record]) -> None:
    images = [part for part in records[0].messages[0].content if part.type == "image"]
    assert len(images) == 6 and all((mini / str(part.file)).is_file() and part.camera in str(part.file) for part in images)
    assert sum(part.type == "image" for message in records[0].messages[1:] for part in message.content) == 0


def test_links_of_unknown_answers_are_left_out_and_said(mini: Path) -> None:
    bare = next(iter(open_dataset(mini, maps=False)))
    record = Writer("see>roads>plan", Window()).record(bare)
    assert "roads" in record.unknown
    asked = [part.request for message in record.messages for part in message.content if part.type == "request"]
    assert len(asked) == 1 and "roads" not in asked[0] and asked[0].endswith("plan:bins")


def test_a_question_of_its_own_is_asked_wherever_it_is_known(samples: list[SceneSample]) -> None:
    """Also where the balance would leave it out, in its own words, and in a chain."""
    for requests in ("ask(Is there a car on my left?)", "decide>ask(Is there a car on my left?),ask(May I go?)"):
        records = [Writer(requests, Window()).record(sample) for sample in samples]
        told = [(words, value) for record in records for request, words, value in record.answers() if request == "ask"]
        assert [words for words, _ in told].count("Is there a car on my left?") == len(samples)
        assert all(value["kind"] == "yes_no" for _, value in told)
        for record in records:
            assert list(from_drivelm(to_drivelm([record]))) == [record] and from_llava(to_llava(record)) == record
    assert "ask(May I go?)" in records[0].unknown  # nuScenes' tables hold no lights
    with pytest.raises(ValueError, match="needs its question in words"):
        Writer("see>ask", Window())


def test_files_read_back(tmp_path: Path, records: list[Record]) -> None:
    assert write_records(tmp_path / "r.jsonl", records) == len(records)
    assert list(read_records(tmp_path / "r.jsonl")) == records
    assert len((tmp_path / "r.jsonl").read_text().splitlines()) == len(records)


def test_others_forms_read_back_to_the_same_record(records: list[Record]) -> None:
    for record in records:
        entry = json.loads(json.dumps(to_llava(record)))
        assert from_llava(entry) == record
        assert [turn["from"] for turn in entry["conversations"]] == ["human", "gpt"] * (len(record.messages) // 2)
        assert entry["conversations"][0]["value"].count("<image>") == len(entry["image"])
    scenes = json.loads(json.dumps(to_drivelm(records)))
    assert sorted(from_drivelm(scenes), key=lambda r: r.id) == sorted(records, key=lambda r: r.id)
    frame = next(iter(next(iter(scenes.values()))["key_frames"].values()))
    assert set(frame["QA"]) == {"perception", "prediction", "planning", "behavior"} and frame["QA"]["planning"][0]["Q"] == "plan:bins?"


def test_words_of_any_kind_survive_other_forms(records: list[Record]) -> None:
    odd = 'two\nlines: <image> "quoted" request: see\u2028'
    content = [{"type": "request", "request": "ask"}, {"type": "text", "text": odd}]
    answer = [{"type": "answer", "request": "ask", "value": {"kind": "words", "value": odd}}]
    messages = [{"role": "user", "content": content}, {"role": "assistant", "content": answer}]
    record = read_record(json.dumps({"id": "a", "scene": "s", "timestamp_us": 1, "messages": messages}))
    assert from_llava(to_llava(record)) == record and list(from_drivelm(to_drivelm([record]))) == [record]


def exchange(asked: str, answers: list[tuple[str, Any]], *words: str) -> list[dict[str, Any]]:
    """A question and its answers as plain JSON."""
    question = [{"type": "request", "request": asked}, *({"type": "text", "text": text} for text in words)]
    told = [{"type": "answer", "request": request, "value": value} for request, value in answers]
    return [{"role": "user", "content": question}, {"role": "assistant", "content": told}]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"messages": [{"role": "system", "content": []}]}, "messages.0.role"),
        ({"messages": [{"role": "user", "content": [{"type": "video"}]}]}, "messages.0.content.0"),
        ({"messages": exchange("fly", [("fly", 1)])}, "messages.0: .*no task 'fly'"),
        ({"messages": exchange("plan", [("plan", [])])}, "not spelled out .* expected 'plan:bins'"),
        ({"messages": exchange("see>decide", [("decide", 1)])}, "'see>decide' is asked, answered is 'decide'"),
        ({"messages": exchange("see>decide", [("decide", 1), ("see", 1)])}, "answered is 'decide>see'"),
        ({"messages": exchange("ask", [("ask", 1)])}, "needs 1 questions in words, got 0"),
        ({"messages": exchange("decide", [("decide", 1)], "may I go?")}, "needs 0 questions in words, got 1"),
        ({"messages": exchange("decide", [("decide", 1)])[:1]}, "a user asks, then the assistant answers, got user"),
        ({"messages": exchange("decide", [("decide", 1)])[::-1]}, "got assistant, user"),
        ({"messages": exchange("decide", [("decide", 1)]) * 2 + exchange("decide", [])}, "messages.4: 'decide' is asked, answered is ''"),
        ({"unknown": ["fly"]}, "no task 'fly'"),
        ({"timestamp_us": "noon"}, "timestamp_us"),
        ({"extra": 1}, "extra"),
    ],
)
def test_what_is_no_record_is_named(tmp_path: Path, records: list[Record], change: dict, message: str) -> None:
    good = records[0].model_dump_json()
    (tmp_path / "r.jsonl").write_text(good + "\n" + json.dumps(json.loads(good) | change) + "\n")
    with pytest.raises(ValueError, match=message) as error:
        list(read_records(tmp_path / "r.jsonl"))
    assert "line 2" in str(error.value)
    with pytest.raises(ValueError, match="no entry of ours"):
        from_llava({"id": "x", "image": [], "conversations": []})


def test_the_schema_names_every_part_and_answer() -> None:
    found = schema(REQUESTS, Window())
    assert {"ImagePart", "EgoPart", "TextPart", "RequestPart", "AnswerPart", "Message"} <= set(found["$defs"])
    names = [one["properties"]["request"]["const"] for one in found["$defs"]["AnswerPart"]["oneOf"]]
    assert names == [*Writer(REQUESTS, Window()).tasks] and len(names) == 7
    assert json.loads(json.dumps(found)) == found


def test_a_record_that_comes_twice_is_not_lost(records: list[Record]) -> None:
    with pytest.raises(ValueError, match="comes twice"):
        to_drivelm([*records, records[0]])


def _without(entry: dict, *path: Any) -> dict:
    """A copy that lacks what lies at a path."""
    found = copy = json.loads(json.dumps(entry))
    for key in path[:-1]:
        found = found[key]
    del found[path[-1]]
    return copy


def test_damaged_entries_of_others_forms_are_named(records: list[Record]) -> None:
    llava, scenes = to_llava(records[0]), to_drivelm(records[:1])
    frame = (records[0].scene, "key_frames", records[0].id)
    broken = [_without(llava, key) for key in ("id", "conversations", "drive")]
    broken += [_without(llava, "drive", key) for key in ("scene", "cameras")] + [_without(llava, "drive", "cameras", 0)]
    broken += [_without(llava, "conversations", 0, "value"), llava | {"conversations": llava["conversations"][1:]}, llava | {"drive": 3}]
    for entry in broken:
        with pytest.raises(ValueError, match="no entry of ours in the form of LLaVA"):
            from_llava(entry)
    drivelm = [_without(scenes, *frame, key) for key in ("QA", "drive")] + [_without(scenes, *frame, "QA", "planning")]
    drivelm += [_without(scenes, *frame, "QA", "perception", 0), _without(scenes, records[0].scene, "key_frames"), {"a": []}]
    for found in drivelm:
        with pytest.raises(ValueError, match="no entry of ours in the form of DriveLM"):
            list(from_drivelm(found))


def test_pictures_outside_of_the_folder_are_refused(samples: list[SceneSample], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="lies outside of"):
        Writer("boxes", Window(), tmp_path).record(samples[0])


@pytest.mark.slow
def test_made_sets_carry_the_worlds_answers(tmp_path: Path) -> None:
    from drive.make.nuscenes.make import make_dataset
    from drive.make.nuscenes.take import Spec
    from drive.render.rigs import load_rig

    rig = load_rig("first-drive", 3, 64)
    make_dataset(Spec(tmp_path / "set", rig, 3, seconds=4.0, lidar_columns=90, tasks="see>plan,boxes"), 1)
    records = list(read_records(tmp_path / "set" / "messages" / "scene-5000.jsonl"))
    assert [record.id for record in records] == list(open_dataset(tmp_path / "set").tokens)
    first = {request: value for request, _, value in records[0].answers()}
    assert {"light", "lead", "line"} <= set(first["see"]) and len(first["plan:bins"]) == 6 and first["boxes:16"]["boxes"]
    assert all((tmp_path / "set" / str(p.file)).is_file() for p in records[0].messages[0].content if p.type == "image")
