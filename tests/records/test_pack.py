"""`drive pack SOURCE... OUT`: what was packed is read back to the bit, by us and by WebDataset's rules; nothing damaged passes."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drive.cli import main
from drive.data.dataset import open_dataset
from drive.data.images import read_image
from drive.data.records.dataset import RecordFolder
from drive.data.records.index import PARTS, read_rows, write_rows
from drive.data.records.members import BLOCK, packed, unpacked
from drive.records import pack as packing
from drive.records.pack import Settings, pack
from drive.schema import SceneSample, StoredPicture, Window
from tests.records.equal import differences

TASKS = "see>plan,boxes,ask"
# WebDataset's rule: the key is all up to the first dot of the last part of the path.
WDS_NAME = re.compile(r"^((?:.*/|)[^.]+)[.]([^/]*)$")


@pytest.fixture(scope="module")
def records(mini: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("records") / "all"
    settings = Settings((str(mini),), TASKS, (("train", 0.8), ("val", 0.2)), per_shard=7)
    pack(settings, out)
    return out


def bare(sample: SceneSample) -> SceneSample:
    """Without its pictures, which are files here and bytes there."""
    frames = [replace(f, cameras=tuple(replace(v, image=Path("x")) for v in f.cameras)) for f in sample.observation.frames]
    return replace(sample, observation=replace(sample.observation, frames=tuple(frames)))


def by_webdatasets_rules(path: Path) -> list[dict[str, Any]]:
    """Members that follow one another with one key are a sample."""
    samples: list[dict[str, Any]] = []
    with tarfile.open(path) as file:
        for member in file:
            found = WDS_NAME.match(member.name)
            assert found and member.isfile()
            if not samples or samples[-1]["__key__"] != found[1]:
                samples.append({"__key__": found[1]})
            content = file.extractfile(member)
            assert content is not None and found[2] not in samples[-1]
            samples[-1][found[2]] = content.read()
    return samples


def test_every_sample_comes_back_to_the_bit(mini: Path, records: Path) -> None:
    source, read = open_dataset(mini, lanes=True), open_dataset(records)
    assert sorted(read.tokens) == sorted(source.tokens) and isinstance(read, RecordFolder)
    for token in source.tokens:
        before, after = source.sample(token), read.sample(token)
        assert differences(bare(before), bare(after)) == []
        for old, new in zip(before.observation.frames[-1].cameras, after.observation.frames[-1].cameras, strict=True):
            assert isinstance(old.image, Path) and isinstance(new.image, StoredPicture)
            assert new.image.data == old.image.read_bytes()
    assert np.array_equal(read_image(old)[1], read_image(new)[1])


def test_shards_are_read_by_webdatasets_rules_alone(records: Path) -> None:
    rows = read_rows(records / "index.parquet")
    samples = [sample for path in sorted(records.glob("*.tar")) for sample in by_webdatasets_rules(path)]
    assert [sample["__key__"] for sample in samples] == [row.key for row in sorted(rows, key=lambda row: row.key)]
    values = json.loads(samples[0]["json"])
    cameras = values["observation"]["frames"][0]["cameras"]
    assert cameras and all(one["file"] in samples[0] and "K" in one["camera"] for one in cameras)
    images = [part for part in values["messages"][0]["content"] if part["type"] == "image"]
    assert [part["file"] for part in images] == [one["file"] for one in cameras]
    assert {part["request"] for message in values["messages"] for part in message["content"] if part["type"] == "answer"} >= {"plan:bins"}


def test_splits_share_no_drive_and_keep_their_shares(records: Path) -> None:
    rows = read_rows(records / "index.parquet")
    drives = {split: {row.drive for row in rows if row.split == split} for split in ("train", "val")}
    assert drives["train"] and drives["val"] and not drives["train"] & drives["val"]
    assert set(open_dataset(records, split="val").tokens) == {row.id for row in rows if row.split == "val"}


def test_the_same_bytes_whatever_was_cut_off_and_however_many_work(
    mini: Path, records: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings((str(mini),), TASKS, (("train", 0.8), ("val", 0.2)), per_shard=7)
    out, real, written = tmp_path / "again", packing.write_rows, 0

    def cut_off(path: Path, rows: Any) -> None:
        nonlocal written
        written += 1
        if written == 3:
            raise KeyboardInterrupt
        real(path, rows)

    monkeypatch.setattr(packing, "write_rows", cut_off)
    with pytest.raises(KeyboardInterrupt):
        pack(settings, out)
    assert len(list((out / PARTS).glob("*.parquet"))) == 2
    with pytest.raises(ValueError, match="not packed to its end, 2 shards are whole"):
        open_dataset(out)
    with pytest.raises(ValueError, match="other samples or settings"):
        pack(replace(settings, seed=1), out)
    monkeypatch.setattr(packing, "write_rows", real)
    pack(settings, out)
    files = {path.name: path.read_bytes() for path in records.iterdir()}
    assert {path.name: path.read_bytes() for path in out.iterdir()} == files


def test_questions_are_balanced_in_every_split(records: Path) -> None:
    told = json.loads((records / "questions.json").read_text())
    assert set(told) == {"train", "val"}
    for split in told.values():
        kept = [sorted((kept for _, kept in answers.values()), reverse=True) for answers in split.values()]
        assert sum(map(sum, kept)) > 30 and all(own[0] == own[1] if len(own) > 1 else own == [0] for own in kept)
    asked = sum(
        part["type"] == "text"
        for path in records.glob("*.tar")
        for sample in by_webdatasets_rules(path)
        for message in json.loads(sample["json"])["messages"]
        for part in message["content"]
    )
    assert asked == sum(kept for split in told.values() for answers in split.values() for _, kept in answers.values())


def test_damage_is_found_and_named(records: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(records), "-q"]) == 0
    folder = Path(shutil.copytree(records, tmp_path / "hurt"))
    row = [row for row in read_rows(folder / "index.parquet") if row.shard == "train-000000.tar"][3]
    shard = folder / row.shard
    data = bytearray(shard.read_bytes())
    data[row.offset + 10] ^= 255
    shard.write_bytes(data)
    (folder / "val-000000.tar").unlink()
    last = folder / "train-000001.tar"
    last.write_bytes(last.read_bytes()[:5000])
    capsys.readouterr()
    assert main(["check", str(folder), "-q"]) == 1
    told = capsys.readouterr().out
    assert row.id in told and "val-000000.tar" in told and "file is missing" in told and "file is cut off" in told
    read = open_dataset(folder)
    with pytest.raises(ValueError, match=f"sample {row.id} in .*train-000000.tar is damaged"):
        read.sample(row.id)
    fine = next(other for other in read_rows(folder / "index.parquet") if other.shard == row.shard and other.id != row.id)
    assert read.sample(fine.id).token == fine.id
    with pytest.raises(ValueError, match="val-000000.tar"):
        next(iter(open_dataset(folder, split="val")))


def test_a_picture_with_a_flipped_byte_is_not_read(records: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(records, tmp_path / "flipped"))
    row = read_rows(folder / "index.parquet")[0]
    data = bytearray((folder / row.shard).read_bytes())
    data[row.offset + row.bytes - 2 * BLOCK] ^= 1  # within the last picture, which still decodes
    (folder / row.shard).write_bytes(data)
    with pytest.raises(ValueError, match=f"sample {row.id} in .* is damaged .*not those that were packed"):
        open_dataset(folder)[0]


def test_sources_of_one_name_are_told_apart(mini: Path, tmp_path: Path) -> None:
    once, again = (Path(shutil.copytree(mini, tmp_path / name / "set")) for name in ("a", "b"))
    tables = next(again.glob("v1.0-*"))
    tokens = json.loads((tables / "sample.json").read_text())
    for path in tables.glob("*.json"):
        text = path.read_text()
        for number, one in enumerate(tokens):
            text = text.replace(one["token"], f"{number:032x}")
        path.write_text(text)
    rows = pack(Settings((str(once), str(again)), shares=(("train", 1.0),), limit=3), tmp_path / "records")
    assert {row.source for row in rows} == {"a/set", "b/set"}
    assert [one["name"] for one in json.loads((tmp_path / "records" / "records.json").read_text())["sources"]] == ["a/set", "b/set"]


def test_a_picture_that_its_shard_lacks_is_damage_and_not_a_missing_picture(records: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(records, tmp_path / "renamed"))
    row = read_rows(folder / "index.parquet")[0]
    shard = folder / row.shard
    data = shard.read_bytes()
    piece = data[row.offset : row.offset + row.bytes]
    picture = next(name for name, _ in unpacked(piece) if not name.endswith(".json"))
    head = piece.index(picture.encode().ljust(100, b"\0"))
    renamed = bytearray(piece)
    renamed[head : head + BLOCK] = packed([("elsewhere", b"")])[:BLOCK]
    size = slice(head + 124, head + 136)
    renamed[size] = piece[size]
    total = sum(renamed[head : head + BLOCK]) - sum(renamed[head + 148 : head + 156]) + 8 * 32
    renamed[head + 148 : head + 156] = b"%06o\0 " % total
    shard.write_bytes(data[: row.offset] + bytes(renamed) + data[row.offset + row.bytes :])
    rows = read_rows(folder / "index.parquet")
    write_rows(folder / "index.parquet", [replace(row, sha256=hashlib.sha256(renamed).hexdigest()), *rows[1:]])
    with pytest.raises(ValueError, match=rf"sample {row.id} in .* is damaged .*{picture.partition('.')[2]} is not in the shard"):
        open_dataset(folder)[0]
    assert open_dataset(folder).unread(0).token == row.id  # type: ignore[attr-defined]


def test_a_damaged_index_and_manifest_are_refused(records: Path, tmp_path: Path) -> None:
    for name, match in (("index.parquet", "index.parquet cannot be read"), ("records.json", "records.json is damaged")):
        folder = Path(shutil.copytree(records, tmp_path / name))
        (folder / name).write_bytes((folder / name).read_bytes()[:100])
        with pytest.raises(ValueError, match=match):
            open_dataset(folder)
    (folder / "records.json").write_bytes((records / "records.json").read_bytes())
    (folder / "index.parquet").unlink()
    with pytest.raises(ValueError, match="index.parquet is missing"):
        open_dataset(folder)


@pytest.mark.parametrize("change", [{"shard": "../train-000000.tar"}, {"shard": "/etc/passwd"}, {"offset": -1}, {"bytes": 2**60}])
def test_an_index_that_leads_elsewhere_is_refused(records: Path, tmp_path: Path, change: dict[str, Any]) -> None:
    folder = Path(shutil.copytree(records, tmp_path / "led"))
    shutil.copy(folder / "train-000000.tar", tmp_path)
    rows = read_rows(folder / "index.parquet")
    write_rows(folder / "index.parquet", [replace(rows[0], **change), *rows[1:]])
    with pytest.raises(ValueError, match="no place in a shard|ends within sample"):
        open_dataset(folder)[0]


def test_a_link_or_pipe_is_no_shard(records: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(records, tmp_path / "linked"))
    shard = folder / read_rows(folder / "index.parquet")[0].shard
    shard.rename(tmp_path / "away.tar")
    shard.symlink_to(tmp_path / "away.tar")
    with pytest.raises(ValueError, match="cannot be read"):
        open_dataset(folder)[0]
    shard.unlink()
    os.mkfifo(shard)
    with pytest.raises(ValueError, match="ends within sample"):
        open_dataset(folder)[0]


def test_windows(mini: Path, tmp_path: Path) -> None:
    window = Window(frames=3)
    pack(Settings((str(mini),), shares=(("all", 1.0),), window=window, limit=8), tmp_path / "three")
    source = open_dataset(mini, window=window, lanes=True)
    for frames in (3, 1):
        read = open_dataset(tmp_path / "three", window=replace(window, frames=frames))
        for sample in read:
            own = source.sample(sample.token)
            own = replace(own, observation=replace(own.observation, frames=own.observation.frames[-frames:]))
            assert differences(bare(own), bare(sample)) == []
    with pytest.raises(ValueError, match="was packed for"):
        open_dataset(tmp_path / "three", window=replace(window, future_s=2.0))


def test_missing_pictures_are_counted_and_named(mini: Path, tmp_path: Path) -> None:
    source = Path(shutil.copytree(mini, tmp_path / "source"))
    gone = next((source / "samples").rglob("*.jpg"))
    gone.unlink()
    rows = pack(Settings((str(source),), shares=(("all", 1.0),)), tmp_path / "out")
    assert sum(row.missing for row in rows) == 1
    (row,) = [row for row in rows if row.missing]
    read = open_dataset(tmp_path / "out").sample(row.id)
    (view,) = [view for view in read.observation.frames[-1].cameras if not isinstance(view.image, StoredPicture)]
    with pytest.raises(ValueError, match=gone.name):
        read_image(view)


def test_the_same_data_twice_are_refused(mini: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(mini, tmp_path / "copy"))
    with pytest.raises(ValueError, match="comes 2 times"):
        pack(Settings((str(mini), str(other))), tmp_path / "out")


def test_the_verb(mini: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["pack", str(mini), str(tmp_path / "out"), "--splits", "a:2,b:1", "--limit", "30", "--json", "-q"]
    assert main(words) == 0
    told = json.loads(capsys.readouterr().out)
    assert [row["split"] for row in told] == ["a", "b"] and sum(row["samples"] for row in told) == 30
    assert main(words) == 2 and "is there already" in capsys.readouterr().err
    assert main([*words[:2], str(tmp_path / "c"), "--splits", "a:2,b", "-q"]) == 2 and "--splits" in capsys.readouterr().err
    assert main([*words[:2], str(tmp_path / "c"), "--splits", "a:0.5", "-q"]) == 2 and "add up to 1" in capsys.readouterr().err
    assert main(["pack", str(mini), "--form", "shards", "-q"]) == 2 and "named last" in capsys.readouterr().err


def test_pixels_become_png_and_come_back(tmp_path: Path) -> None:
    from drive.data.records.sample import from_members, to_members
    from tests.analytic import analytic_set

    sample = next(iter(open_dataset(analytic_set())))
    view = sample.observation.frames[-1].cameras[0]
    pixels = np.random.default_rng(0).integers(0, 256, (view.camera.height, view.camera.width, 3), dtype=np.uint8)
    frame = replace(sample.observation.frames[-1], cameras=(replace(view, image=pixels),))
    sample = replace(sample, observation=replace(sample.observation, frames=(frame,)))
    values, pictures = to_members(sample, {"drive": "d", "source": "s"})
    ((name, data),) = pictures.items()
    assert name.endswith(".png") and io.BytesIO(data).read(4) == b"\x89PNG"
    back = from_members(json.dumps(values).encode(), {name: StoredPicture(name, data)})
    assert np.array_equal(read_image(back.observation.frames[0].cameras[0])[1], pixels)
