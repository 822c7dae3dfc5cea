"""`drive check RECORDS` and `drive check ANSWERS --source DATA`: right answers pass, every wrong one is named and counted."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from drive.cli import main
from drive.data.records.index import INDEX, MANIFEST, digest, read_rows, write_rows
from drive.tasks.messages import read_records

TASKS = "see:lead>decide>plan,boxes,ask"
LIMIT = "5"


@pytest.fixture(scope="module")
def records(mini: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("checked") / "records"
    assert main(["pack", str(mini), str(out), "--tasks", TASKS, "--limit", LIMIT, "--splits", "all:1", "-q"]) == 0
    return out


@pytest.fixture(scope="module")
def answers(mini: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("checked") / "answers"
    assert main(["pack", str(mini), "--tasks", TASKS, "--limit", LIMIT, "--out", str(out), "-q"]) == 0
    return out


def checked(capsys: pytest.CaptureFixture[str], *words: object, status: int = 1) -> list[dict[str, str]]:
    """The findings of `drive check`."""
    capsys.readouterr()
    assert main(["check", *map(str, words), "--json", "-q"]) == status
    return json.loads(capsys.readouterr().out)


def changed(shard: Path, old: bytes, new: bytes) -> str:
    """Writes `new` in the place of the first `old` of a shard, with all hashes renewed -> the sample's id."""
    data = shard.read_bytes()
    at = data.index(old)
    shard.write_bytes(data[:at] + new + data[at + len(old) :])
    row = next(row for row in read_rows(shard.parent / INDEX) if row.offset <= at < row.offset + row.bytes)
    piece = shard.read_bytes()[row.offset : row.offset + row.bytes]
    rows = [replace(one, sha256=hashlib.sha256(piece).hexdigest()) if one.id == row.id else one for one in read_rows(shard.parent / INDEX)]
    write_rows(shard.parent / INDEX, rows)
    manifest = json.loads((shard.parent / MANIFEST).read_text())
    for name in manifest["files"]:
        file = shard.parent / name
        manifest["files"][name] = {"bytes": file.stat().st_size, "sha256": digest(file)}
    (shard.parent / MANIFEST).write_text(json.dumps(manifest))
    return row.id


def test_packed_answers_are_recomputed(records: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(records), "-q"]) == 0
    told = capsys.readouterr().out
    assert "0 errors" in told and int(told.split(" answers recomputed")[0].split()[-1]) > 50
    folder = Path(shutil.copytree(records, tmp_path / "records"))
    wrong = changed(folder / "all-000000.tar", b'"value":{"kind":"count","value":0}', b'"value":{"kind":"count","value":7}')
    (found,) = checked(capsys, folder)
    assert (found["kind"], found["token"]) == ("answer differs", wrong)
    assert found["field"].startswith("ask(") and found["message"] == "answer.value: 7, the target says 0"
    assert checked(capsys, folder, "--files-only", status=0) == []
    other = changed(folder / "all-000000.tar", b'"messages":[', b'"messages":{')
    assert ("no record", other) in {(one["kind"], one["token"]) for one in checked(capsys, folder)} or other == wrong


def test_answers_of_records_without_pictures_are_recomputed(mini: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = Path(shutil.copytree(mini, tmp_path / "source"))
    shutil.rmtree(source / "samples")
    records, out = str(tmp_path / "records"), str(tmp_path / "answers")
    assert main(["pack", str(source), records, "--limit", "2", "--splits", "all:1", "-q"]) == 0
    assert main(["pack", records, "--tasks", "decide,ask(Is there a car on my left?)", "--out", out, "-q"]) == 0
    read = [record for path in Path(out).glob("*.jsonl") for record in read_records(path)]
    assert len(read) == 2 and {part.file for record in read for part in record.messages[0].content if part.type == "image"} == {None}
    assert checked(capsys, out, "--source", records, status=0) == checked(capsys, records, status=0) == []


def test_what_was_cut_off_is_named_once(records: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = Path(shutil.copytree(records, tmp_path / "records"))
    shard = folder / "all-000000.tar"
    shard.write_bytes(shard.read_bytes()[:-4096])
    assert {one["kind"] for one in checked(capsys, folder)} == {"file is cut off or longer", "sample is damaged"}


@pytest.mark.parametrize("form", ["jsonl", "llava", "drivelm"])
def test_answers_of_any_form_are_recomputed(
    form: str, mini: Path, answers: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = answers
    if form != "jsonl":
        folder = tmp_path / form
        assert main(["pack", str(answers), "--form", form, "--out", str(folder), "-q"]) == 0
    assert checked(capsys, folder, "--source", mini, status=0) == []
    (file,) = (path for path in folder.iterdir() if path.name not in ("schema.json", "questions.json"))
    copy = tmp_path / file.name if form == "jsonl" else tmp_path / f"edited/{file.name}"
    copy.parent.mkdir(exist_ok=True)
    old, new = ('"value":0}', '"value":7}') if form == "jsonl" else ('\\"value\\": 0}', '\\"value\\": 7}')
    assert old in file.read_text()
    copy.write_text(file.read_text().replace(old, new))
    found = checked(capsys, copy, "--source", mini)
    assert len(found) == file.read_text().count(old)
    assert {(one["kind"], one["message"]) for one in found} == {("answer differs", "answer.value: 7, the target says 0")}


def test_records_that_are_none_hide_no_other(mini: Path, answers: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (file,) = answers.glob("*.jsonl")
    lines = file.read_text().splitlines()
    swapped = json.loads(lines[1]) | {"messages": json.loads(lines[2])["messages"]}
    strange = json.loads(lines[3]) | {"id": "nobody\x1b[2J"}
    picture = lines[4].replace('"file":"samples/', '"file":"../samples/', 1)
    texts = [lines[0], lines[0][:-9], json.dumps(swapped), json.dumps(strange), lines[0].replace("decide", "fly"), picture, lines[0]]
    (tmp_path / "a.jsonl").write_text("\n".join([*texts, "[" * 100_000]))
    found = checked(capsys, tmp_path, "--source", mini)
    kinds = Counter((one["kind"], one["table"]) for one in found)
    for line in (2, 5, 6, 8):
        assert kinds.pop(("no record", f"a.jsonl, line {line}")) == 1
    assert kinds.pop(("record without a sample", "a.jsonl, line 4")) == kinds.pop(("record comes twice", "a.jsonl, line 7")) == 1
    assert kinds.pop(("record of another sample", "a.jsonl, line 3")) == 1 and kinds.pop(("answer differs", "a.jsonl, line 3")) > 1
    assert {table for _, table in kinds} <= {"a.jsonl, line 3"}
    assert main(["check", str(tmp_path), "--source", str(mini), "-q"]) == 1
    assert "\x1b" not in capsys.readouterr().out


def test_bad_input(mini: Path, answers: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "llava.json").write_text('[{"id": "a", "id": "b"}]')
    (tmp_path / "number.json").write_text("3")
    (tmp_path / "plans.json").write_text("{}")
    (tmp_path / "deep.json").write_text("[" * 100_000)
    for words, told in (
        ([answers], "--source DATA"),
        ([mini, "--source", mini], "holds no answers"),
        ([tmp_path / "plans.json"], "plans.json holds plans: `drive eval"),
        (["nowhere.jsonl", "--source", mini], "no answers at nowhere.jsonl"),
        ([answers, "--source", tmp_path / "nowhere"], "no such folder"),
        ([tmp_path / "llava.json", "--source", mini], "'id' is given 2 times"),
        ([tmp_path / "number.json", "--source", mini], "holds a int"),
        ([tmp_path / "deep.json", "--source", mini], "cannot be read"),
    ):
        assert main(["check", *map(str, words), "-q"]) == 2
        assert told in capsys.readouterr().err
