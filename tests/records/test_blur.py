"""`drive pack --blur`: what detectors find cannot be read any more, everything else stays as it was, and the records say which."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow.parquet
import pytest
from PIL import Image

from drive.cli import main
from drive.curate.page import pictures_blurred
from drive.data.dataset import open_dataset
from drive.data.images import read_image
from drive.data.records.dataset import RecordFolder
from drive.data.records.index import read_rows
from drive.records.blur import SIGMA, Blur, blurred
from drive.records.cascades import Faces, Plates
from drive.records.pack import Settings, pack
from drive.schema import MissingImage, StoredPicture

ME = "tests.records.test_blur"
BOX = (40, 60, 120, 100)  # left, top, right, bottom


class Magenta:
    """Finds what is magenta, as one box."""

    def find(self, picture: np.ndarray) -> Any:
        red, green, blue = np.moveaxis(picture.astype(int), -1, 0)
        rows, columns = np.nonzero((red > 120) & (green < 80) & (blue > 120))
        return [(columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)] if len(rows) else []


class Nothing:
    def find(self, picture: np.ndarray) -> Any:
        picture[:] = 0  # its own copy
        return np.zeros((0, 4))


class Outside:
    def find(self, picture: np.ndarray) -> Any:
        return [(-50, -50, -10, -10), (1e6, 0, 2e6, 5)]


class Raises:
    def find(self, picture: np.ndarray) -> Any:
        raise RuntimeError("no weights")


class Flat:
    def find(self, picture: np.ndarray) -> Any:
        return [1, 2, 3, 4]


class Turned:
    def find(self, picture: np.ndarray) -> Any:
        return [(5, 5, 1, 9)]


class Endless:
    def find(self, picture: np.ndarray) -> Any:
        return [(0, 0, np.nan, 9)]


class Blind:
    """Has no `find`."""


def striped(height: int = 225, width: int = 400) -> np.ndarray:
    """Noise with a striped magenta plate in it, uint8 [H, W, 3] RGB."""
    picture = np.random.default_rng(0).integers(80, 120, (height, width, 3)).astype(np.uint8)
    left, top, right, bottom = BOX
    picture[top:bottom, left:right] = (255, 0, 255)
    picture[top:bottom, left:right:4] = picture[top:bottom, left + 1 : right : 4] = (150, 0, 150)
    return picture


def file_of(picture: np.ndarray, kind: str = "PNG", **more: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, kind, **more)
    return file.getvalue()


def pixels_of(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


@pytest.fixture(scope="module")
def source(embedded: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """The embedded data set, with a plate in one picture and another picture cut off; and whose samples those are."""
    folder = Path(shutil.copytree(embedded, tmp_path_factory.mktemp("blur") / "source"))
    samples = list(open_dataset(folder, maps=False, limit=5))
    plate, cut = (samples[i].observation.frames[-1].cameras[i].image for i in (1, 3))
    assert isinstance(plate, Path) and isinstance(cut, Path)
    plate.write_bytes(file_of(striped(), "JPEG", quality=95))
    cut.write_bytes(cut.read_bytes()[:900])
    return folder, {"plate": samples[1].token, "cut": samples[3].token}


@pytest.fixture(scope="module")
def records(source: tuple[Path, dict[str, str]]) -> Path:
    out = source[0].with_name("records")
    told = ["--blur", f"{ME}:Magenta,{ME}:Nothing", "--splits", "train:1", "--per-shard", "3", "--limit", "5", "-q"]
    assert main(["pack", str(source[0]), str(out), *told]) == 0
    return out


def test_what_is_found_is_blurred_and_nothing_else(source: tuple[Path, dict[str, str]], records: Path) -> None:
    before, after = open_dataset(source[0], limit=5), RecordFolder(records)
    for token in after.tokens:
        for old, new in zip(*(d.sample(token).observation.frames[-1].cameras for d in (before, after)), strict=True):
            assert isinstance(old.image, Path)
            if isinstance(new.image, Path):  # cut off: nobody can look at it, so it is not there
                assert token == source[1]["cut"] and old.image.stat().st_size == 900
            elif isinstance(new.image, StoredPicture) and new.image.data != old.image.read_bytes():
                assert token == source[1]["plate"] and Image.open(io.BytesIO(new.image.data)).format == "JPEG"
                was, now = read_image(old)[1].astype(int), read_image(new)[1].astype(int)
                left, top, right, bottom = BOX
                assert np.ptp(was[80, left + 10 : right - 10, 0]) > 60 > 30 > np.ptp(now[80, left + 10 : right - 10, 0])
                assert np.abs(was - now)[:, right + 20 :].mean() < 2
    rows = {row.id: (row.blurred, row.missing) for row in after.rows}
    wanted = {source[1]["plate"]: (1, 0), source[1]["cut"]: (0, 1)}
    assert rows == {token: wanted.get(token, (0, 0)) for token in before.tokens}


def test_records_say_what_was_blurred(source: tuple[Path, dict[str, str]], records: Path, tmp_path: Path) -> None:
    manifest = json.loads((records / "records.json").read_text())
    assert manifest["blur"] == {"detectors": [f"{ME}:Magenta", f"{ME}:Nothing"], "regions": 1, "samples": 1}
    assert "plates: 1 regions in pictures of 1 of all 5 records were blurred" in pictures_blurred(RecordFolder(records))
    pack(Settings((str(records),), shares=(("train", 1.0),)), tmp_path / "again")
    again = RecordFolder(tmp_path / "again")
    assert [row.id for row in again.rows if row.missing] == [source[1]["cut"]]  # its file is still there, and nobody finds it
    assert not any(str(source[0]).encode() in tar.read_bytes() for folder in (records, again.root) for tar in folder.glob("*.tar"))
    told = pictures_blurred(again)
    assert "none were blurred" in told and told.endswith("records came with 1 regions blurred.")
    assert json.loads((tmp_path / "again" / "records.json").read_text())["blur"]["detectors"] == []
    assert {row.blurred for row in read_rows(tmp_path / "again" / "index.parquet")} == {None}


def test_an_index_of_before_is_read(records: Path, tmp_path: Path) -> None:
    path = tmp_path / "index.parquet"
    table = pyarrow.parquet.read_table(records / "index.parquet")
    pyarrow.parquet.write_table(table.drop_columns(["blurred"]), path)
    assert [(row.key, row.blurred) for row in read_rows(path)] == [(row.key, None) for row in read_rows(records / "index.parquet")]
    pyarrow.parquet.write_table(table.drop_columns(["blurred", "command"]), path)
    with pytest.raises(ValueError, match="expected key"):
        read_rows(path)


def test_a_blur_is_wide_and_stays_in_its_place() -> None:
    picture = striped()
    out = blurred(picture, np.array([BOX], dtype=float))
    left, top, right, bottom = BOX
    assert np.ptp(out[80, left + 10 : right - 10, 0].astype(int)) < 20 < SIGMA * (right - left) + 1
    changed = np.argwhere((out != picture).any(-1))
    assert changed.min(0).tolist() == [top - 4, left - 8] and changed.max(0).tolist() == [bottom + 3, right + 7]
    edge = blurred(picture, np.array([(-20.0, -20.0, 15.0, 15.0), (390.0, 215.0, 500.0, 300.0), (7.0, 7.0, 7.2, 7.4)]))
    assert (edge[:15, :15] != picture[:15, :15]).any() and (edge[30:200, 30:380] == picture[30:200, 30:380]).all()


def test_files_keep_their_kind_and_stand_upright() -> None:
    blur = Blur([f"{ME}:Magenta"])
    for kind in ("PNG", "JPEG", "WEBP", "BMP"):
        data, regions = blur(file_of(striped(), kind), "p")
        assert (regions, Image.open(io.BytesIO(data)).format) == (1, kind)
    exif = Image.Exif()
    exif[0x0112] = 6
    data, regions = blur(file_of(np.rot90(striped()).copy(), "JPEG", exif=exif, quality=95), "p")
    assert regions == 1 and Image.open(io.BytesIO(data)).size == (400, 225) and not Image.open(io.BytesIO(data)).getexif()
    clean = file_of(np.full((50, 60, 3), 90, np.uint8), "JPEG")
    assert blur(clean, "p") == (clean, 0) and Blur([f"{ME}:Outside"])(clean, "p") == (clean, 0)
    with pytest.raises(MissingImage, match="p does not decode"):
        blur(b"\xff\xd8 nothing", "p")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Raises", "failed at p: RuntimeError: no weights"),
        ("Flat", r"gave \[1. 2. 3. 4.\] at p, expected boxes \[N, 4\]"),
        ("Turned", "left < right"),
        ("Endless", "finite pixels"),
        ("Blind", r"is no detector: it needs a method `find"),
        ("Absent", "no detector at .*Absent.*AttributeError"),
    ],
)
def test_bad_detectors_are_named(name: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Blur([f"{ME}:{name}"])(file_of(striped()), "p")


def test_nothing_is_packed_by_a_detector_that_is_none(embedded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pack", str(embedded), str(tmp_path / "out"), "--blur", "nowhere:Faces", "-q"]) == 2
    assert "no detector at 'nowhere:Faces'" in capsys.readouterr().err and not (tmp_path / "out").exists()
    assert main(["pack", str(embedded), "--tasks", "see", "--blur", f"{ME}:Magenta", "-q"]) == 2
    assert "--blur is of shards" in capsys.readouterr().err


def test_opencvs_own_detectors() -> None:
    """A face drawn of the few shades that the cascade looks at, and a picture of nothing."""
    face = np.full((240, 240, 3), 200, np.uint8)
    cv2.ellipse(face, (120, 120), (60, 80), 0, 0, 360, (170, 140, 120), -1)
    for x in (97, 143):
        cv2.ellipse(face, (x, 100), (15, 8), 0, 0, 360, (60, 45, 40), -1)
    cv2.rectangle(face, (112, 105), (128, 140), (190, 160, 140), -1)
    cv2.ellipse(face, (120, 162), (25, 7), 0, 0, 360, (90, 50, 50), -1)
    face = cv2.GaussianBlur(face, (0, 0), 2)
    ((left, top, right, bottom),) = Faces().find(face)
    assert left < 97 < 143 < right and top < 100 < 162 < bottom
    assert Faces().find(np.full((240, 240, 3), 200, np.uint8)) == [] == Plates().find(face)
