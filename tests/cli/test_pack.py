"""`drive pack`: right answers beside the pictures, and other forms of the same records."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from drive.cli import main
from drive.tasks.exports import from_drivelm, from_llava
from drive.tasks.messages import Record, read_records

TASKS = "see>decide>plan,boxes,ask"


def packed(words: list[str], status: int = 0) -> None:
    assert main(["pack", *words, "-q"]) == status


@pytest.fixture(scope="module")
def written(mini: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("packed") / "records"
    packed([str(mini), "--tasks", TASKS, "--limit", "20", "--out", str(out)])
    return out


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
    told = {row["request"]: row for row in json.loads(capsys.readouterr().out)}
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
