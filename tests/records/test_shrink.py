"""`drive pack --size`: larger pictures are packed at that size and K with them, everything else stays as it was, and the records say so."""

from __future__ import annotations

import io
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from drive.cameras import Camera, unproject
from drive.cli import main
from drive.curate.page import pictures_shrunk
from drive.data.dataset import open_dataset
from drive.data.images import read_image
from drive.data.records.dataset import RecordFolder
from drive.records.pack import Settings, pack
from drive.records.shrink import Shrink, size_of
from drive.schema import CameraImage, MissingImage, StoredPicture
from tests.records.equal import differences

SIZE = (160, 88)
ALL = ["--splits", "train:1", "--per-shard", "4", "--limit", "6", "-q"]


@pytest.fixture(scope="module")
def source(embedded: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The embedded data set with one picture cut off, and whose sample that is."""
    folder = Path(shutil.copytree(embedded, tmp_path_factory.mktemp("shrink") / "source"))
    sample = open_dataset(folder, maps=False, limit=6)[2]
    cut = sample.observation.frames[-1].cameras[1].image
    assert isinstance(cut, Path)
    cut.write_bytes(cut.read_bytes()[:900])
    return folder, sample.token


@pytest.fixture(scope="module")
def records(source: tuple[Path, str]) -> Path:
    out = source[0].with_name("records")
    assert main(["pack", str(source[0]), str(out), "--size", "160x88", "--tasks", "see>plan,boxes,ask", *ALL]) == 0
    return out


def test_pictures_are_what_would_have_been_read(source: tuple[Path, str], records: Path) -> None:
    before, after = open_dataset(source[0], limit=6, lanes=True), RecordFolder(records)
    for token in after.tokens:
        old, new = before.sample(token), after.sample(token)
        assert differences(old.target, new.target) == []
        for ours, theirs in zip(new.observation.frames[-1].cameras, old.observation.frames[-1].cameras, strict=True):
            if isinstance(ours.image, Path):  # cut off: it cannot be shrunk, so it is not there
                assert token == source[1] and ours.camera.width == theirs.camera.width
                continue
            wanted, pixels = read_image(theirs, *SIZE)
            assert differences(wanted, ours.camera) == [] and (ours.camera.width, ours.camera.height) == SIZE
            assert isinstance(ours.image, StoredPicture) and Image.open(io.BytesIO(ours.image.data)).format == "JPEG"
            assert np.abs(read_image(ours)[1].astype(int) - pixels).mean() < 3
            assert differences(replace(ours, camera=theirs.camera, image=theirs.image), theirs) == []
    assert {row.id: row.missing for row in after.rows} == {token: int(token == source[1]) for token in after.tokens}


def test_answers_are_those_of_the_records(records: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(records), "-q"]) == 0
    assert "answers recomputed" in capsys.readouterr().out


def test_records_say_that_they_were_shrunk(records: Path, tmp_path: Path, embedded: Path) -> None:
    assert json.loads((records / "records.json").read_text())["size"] == [160, 88]
    assert pictures_shrunk(RecordFolder(records)) == "Size of pictures: those larger than 160x88 were shrunk to that."
    again = Settings((str(records),), shares=(("train", 1.0),))
    pack(again, tmp_path / "again")
    told = "Size of pictures: as their source had it. In records, those larger than 160x88 were shrunk to that before."
    assert pictures_shrunk(RecordFolder(tmp_path / "again")) == told
    pack(replace(again, sources=(str(embedded),), limit=1), tmp_path / "plain")
    assert json.loads((tmp_path / "plain" / "records.json").read_text())["size"] is None
    for i in range(3):
        one, other = RecordFolder(records)[i], RecordFolder(tmp_path / "again").sample(RecordFolder(records).tokens[i])
        for ours, theirs in zip(one.observation.frames[-1].cameras, other.observation.frames[-1].cameras, strict=True):
            if isinstance(ours.image, StoredPicture):
                assert isinstance(theirs.image, StoredPicture) and ours.image.data == theirs.image.data


def view_of(width: int, height: int, kind: str = "PNG") -> tuple[CameraImage, bytes]:
    """A camera, and a picture of that size as a file."""
    K = np.array([[0.8 * width, 0.0, 0.5 * width], [0.0, 0.8 * width, 0.5 * height], [0.0, 0.0, 1.0]])
    camera = Camera("front", width, height, K, np.eye(4))
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (height, width, 3)).astype(np.uint8)).save(file, kind)
    return CameraImage(camera, 0.0, StoredPicture("p", file.getvalue())), file.getvalue()


@pytest.mark.parametrize("size", [(160, 88), (100, 50), (200, 60), (159, 400)])
def test_pictures_that_are_not_larger_stay_as_they_are(size: tuple[int, int]) -> None:
    view, data = view_of(*size)
    camera, file = Shrink(160, 88)(view, data, "p")
    assert camera is view.camera and file is data


def test_rays_stay_and_the_kind_of_file_too() -> None:
    view, data = view_of(320, 220)
    camera, file = Shrink(160, 88)(view, data, "p")
    assert Image.open(io.BytesIO(file)).format == "PNG" and Image.open(io.BytesIO(file)).size == (160, 88)
    assert np.allclose(unproject(camera, [[40.0, 22.0], [0.0, 88.0]]), unproject(view.camera, [[80.0, 55.0], [0.0, 220.0]]))


def test_what_is_no_such_picture_is_refused() -> None:
    view, data = view_of(320, 220)
    with pytest.raises(MissingImage, match="does not"):
        Shrink(160, 88)(view, data[: len(data) // 2], "p")
    with pytest.raises(ValueError, match="restore the original image"):
        Shrink(160, 88)(view, view_of(330, 220)[1], "p")


@pytest.mark.parametrize("text", ["", "448", "448x", "x256", "448x-2", "448x0", "4e2x256", "448x256x3", "448 x 256", "1000000x2", "²x3"])
def test_sizes_that_are_none_are_refused(text: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="448x256"):
        size_of(text)


def test_sizes_and_other_forms(tmp_path: Path, embedded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert size_of("448x256") == size_of("448X256") == (448, 256)
    assert main(["pack", str(embedded), "--tasks", "see", "--size", "448x256", "--out", str(tmp_path / "a")]) == 2
    assert "--size is of shards" in capsys.readouterr().err
    assert main(["pack", str(embedded), str(tmp_path / "b"), "--size", "no"]) == 2 and not (tmp_path / "b").exists()
