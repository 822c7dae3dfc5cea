"""`drive pack`: right answers beside the pictures, and other forms of the same records."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from drive.answers.ask import Reply
from drive.cli import main
from drive.tasks.exports import from_drivelm, from_llava
from drive.tasks.messages import Record, read_records
from drive.tasks.questions import question_of
from drive.tasks.questions.balance import answer_key

TASKS = "see>decide>plan,boxes,ask"


def packed(words: list[str], status: int = 0) -> None:
    assert main(["pack", *words, "-q"]) == status


@pytest.fixture(scope="module")
def written(mini: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("packed") / "records"
    packed([str(mini), "--tasks", TASKS, "--limit", "20", "--out", str(out)])
    return out


OTHER = {"llava": "drivelm", "drivelm": "llava"}


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.jsonl")}


def records_of(folder: Path) -> list[Record]:
    return [record for path in sorted(folder.glob("*.jsonl")) for record in read_records(path)]


def test_a_file_a_scene_and_the_pictures_are_found(mini: Path, written: Path) -> None:
    records = records_of(written)
    assert len(records) == 20 and len({record.id for record in records}) == 20
    assert {path.stem for path in written.glob("*.jsonl")} == {record.scene for record in records}
    files = [part.file for record in records for part in record.messages[0].content if part.type == "image"]
    assert files and all((mini / str(file)).is_file() for file in files)


def test_the_schema_stands_beside_them(written: Path) -> None:
    asked = json.loads((written / "schema.json").read_text())["$defs"]["AnswerPart"]["oneOf"]
    assert {one["properties"]["request"]["const"] for one in asked} == {"see", "decide", "plan:bins", "boxes:16", "ask"}


def test_answers_and_unknown_are_counted(mini: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    packed([str(mini), "--tasks", TASKS, "--limit", "20", "--out", str(out), "--json"])
    told = {row["request"]: row for row in json.loads(capsys.readouterr().out) if "request" in row}
    records = records_of(out)
    for name in ("see", "decide", "plan:bins", "boxes:16"):
        assert told[name]["answers"] == sum(request == name for record in records for request, _, _ in record.answers())
        assert told[name]["answers"] + told[name]["unknown"] == 20
    assert told["see"]["unknown"] == 20  # nuScenes' tables hold no lights


@pytest.mark.parametrize("form", ["llava", "drivelm"])
def test_other_forms_read_back_to_the_same_records(written: Path, tmp_path: Path, form: str) -> None:
    out = tmp_path / form
    packed([str(written), "--form", form, "--out", str(out)])
    read = json.loads((out / f"{form}.json").read_text())
    back = [from_llava(entry) for entry in read] if form == "llava" else list(from_drivelm(read))
    assert {record.id: record for record in back} == {record.id: record for record in records_of(written)}
    packed([str(out), "--out", str(tmp_path / "back")])
    packed([str(out / f"{form}.json"), "--form", OTHER[form], "--out", str(tmp_path / "other")])
    packed([str(tmp_path / "other"), "--out", str(tmp_path / "again")])
    for folder in (tmp_path / "back", tmp_path / "again"):
        assert files_of(folder) == files_of(written)
        asked = json.loads((folder / "schema.json").read_text())["$defs"]["AnswerPart"]["oneOf"]
        assert {one["properties"]["request"]["const"] for one in asked} == {"see", "decide", "plan:bins", "boxes:16", "ask"}


Edit = Callable[[Any], Any]


def frame_of(scenes: Any) -> Any:
    return next(iter(next(iter(scenes.values()))["key_frames"].values()))


@pytest.mark.parametrize(
    ("form", "edit", "told"),
    [
        ("llava", lambda entries: entries[0]["image"].append("other.jpg"), "'image' says something else"),
        ("llava", lambda entries: entries[0].update(model="mine"), "'model' says something else"),
        ("llava", lambda entries: entries[0]["conversations"][1].update(value="see: [" + "[" * 50_000), "no entry of ours"),
        ("llava", lambda entries: entries[0]["drive"]["cameras"][0].update(file="/etc/passwd"), "'image' says something else"),
        ("llava", lambda entries: lead_out(entries[0]), "'../secret.jpg' leads out of its folder"),
        ("llava", lambda entries: entries.insert(0, "entry"), "no entry of ours"),
        ("llava", lambda entries: entries[0].update(drive=None), "it lacks the key 'drive'"),
        ("drivelm", lambda scenes: frame_of(scenes)["QA"]["perception"][0].update(Q="What?"), "'QA' says something else"),
        ("drivelm", lambda scenes: frame_of(scenes)["QA"]["perception"][0].update(tag=[1]), "'QA' says something else"),
        ("drivelm", lambda scenes: frame_of(scenes)["image_paths"].update(CAM_FRONT="b.jpg"), "'image_paths' says something else"),
        ("drivelm", lambda scenes: frame_of(scenes)["drive"].update(timestamp_us="now"), "timestamp_us"),
        ("drivelm", lambda scenes: next(iter(scenes.values())).update(scene_description="x"), "'scene_description' says something else"),
    ],
)
def test_hostile_files_are_refused_whole(
    form: str, edit: Edit, told: str, written: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    packed([str(written), "--form", form, "--limit", "3", "--out", str(tmp_path / form)])
    values = json.loads((tmp_path / form / f"{form}.json").read_text())
    edit(values)
    (tmp_path / "edited.json").write_text(json.dumps(values))
    packed([str(tmp_path / "edited.json"), "--out", str(tmp_path / "out")], status=2)
    assert told in capsys.readouterr().err and not (tmp_path / "out").exists()


def lead_out(entry: Any) -> None:
    entry["image"][0] = entry["drive"]["cameras"][0]["file"] = "../secret.jpg"


def test_questions_are_balanced_as_told(mini: Path, written: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is asked is what the report counts, no answer more often than the second; without a balance it is not so."""
    told = json.loads((written / "questions.json").read_text())
    counts = counted(records_of(written))
    assert {name: {key: kept for key, (_, kept) in answers.items() if kept} for name, answers in told.items()} == {
        name: counts.get(name, {}) for name in told
    }
    for answers in counts.values():
        first, second, *_ = [*sorted(answers.values(), reverse=True), 0]
        assert first == second
    packed([str(mini), "--tasks", "ask", "--limit", "20", "--balance", "none", "--out", str(tmp_path / "all"), "--json"])
    assert [row["request"] for row in json.loads(capsys.readouterr().out)] == ["ask"] and not (tmp_path / "all" / "questions.json").exists()
    everything = counted(records_of(tmp_path / "all"))
    assert everything == {name: {key: known for key, (known, _) in answers.items()} for name, answers in told.items()}
    assert max(max(answers.values()) / sum(answers.values()) for answers in everything.values()) == 1.0


def counted(records: list[Record]) -> dict[str, dict[str, int]]:
    """Question -> answer -> how often it is asked."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for words, value in ((words, value) for record in records for request, words, value in record.answers() if request == "ask"):
        question = question_of(words)
        assert question is not None
        found[question.name][answer_key(Reply(value["kind"], value["value"], value.get("unit")))] += 1
    return found


def test_what_is_there_is_not_written_over(mini: Path, written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path.name: path.read_bytes() for path in written.iterdir()}
    packed([str(mini), "--tasks", "plan", "--out", str(written)], status=2)
    assert "is there already" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in written.iterdir()} == before


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["{mini}"], "--tasks is missing"),
        (["{mini}", "--tasks", "fly"], "no task 'fly'"),
        (["{written}", "--tasks", "plan", "--out", "{tmp}/x"], "holds records"),
        (["{written}", "--out", "{tmp}/x"], "holds records"),
        (["{written}", "--form", "llava"], "name an --out"),
        (["{tmp}/nowhere", "--tasks", "plan"], "nowhere"),
    ],
)
def test_bad_input(words: list[str], told: str, mini: Path, written: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    places = {"mini": mini, "written": written, "tmp": tmp_path}
    packed([word.format(**places) for word in words], status=2)
    assert told in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_damaged_record_leaves_nothing_behind(written: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "records"
    source.mkdir()
    text = next(iter(written.glob("*.jsonl"))).read_text().splitlines()
    (source / "a.jsonl").write_text("\n".join([text[0], text[1][:-9]]))
    packed([str(source), "--form", "llava", "--out", str(tmp_path / "out")], status=2)
    assert "a.jsonl, line 2" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["records"]
