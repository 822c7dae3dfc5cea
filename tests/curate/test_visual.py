"""Passes on pictures: what is wrong is dropped and its camera named, what is sound stays."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from drive.curate.passes.blank import Blank
from drive.curate.passes.blurred import Blurred
from drive.curate.passes.exposure import Exposure
from drive.curate.passes.frozen import Frozen
from drive.curate.passes.one_picture import OnePicture
from drive.curate.passes.unread import Unread
from tests.curate.made import drive, dropped, picture, shown


def test_sound_records_stay() -> None:
    records = drive()
    for one in (Blank(), Blurred(), Exposure(), Frozen(), OnePicture(), Unread()):
        assert dropped(one, records) == {}


def test_blank() -> None:
    records = drive()
    grey = np.full((180, 320), 127, np.uint8)
    records[4] = shown(records[4], grey + np.random.default_rng(0).integers(0, 4, grey.shape, dtype=np.uint8))
    found = dropped(Blank(), records)
    assert set(found) == {4} and found[4].camera == "CAM_BACK" and "CAM_BACK shows one colour" in found[4].reason


def test_dark_and_over_exposed() -> None:
    records = drive()
    records[2] = shown(records[2], (picture(5) // 10).astype(np.uint8))
    records[7] = shown(records[7], np.minimum(picture(6).astype(int) + 150, 255).astype(np.uint8), "CAM_FRONT")
    night = (picture(8) // 6).astype(np.uint8)
    night[80:90, 100:180] = 250  # lamps: 1.4 % of it
    records[9] = shown(records[9], night)
    found = dropped(Exposure(), records)
    assert set(found) == {2, 7} and found[2].camera == "CAM_BACK" and found[7].camera == "CAM_FRONT"
    assert "dark" in found[2].reason and "over-exposed" in found[7].reason


def test_blurred_is_told_by_what_the_camera_usually_shows() -> None:
    records = drive()
    records[5] = shown(records[5], cv2.GaussianBlur(picture(9), (0, 0), 4.0).astype(np.uint8))
    assert set(dropped(Blurred(), records)) == {5}
    soft = [shown(record, cv2.GaussianBlur(picture(k), (0, 0), 4.0).astype(np.uint8)) for k, record in enumerate(records)]
    assert dropped(Blurred(), soft) == {}


def test_a_camera_that_is_blurred_all_the_drive_and_a_drive_in_fog() -> None:
    def soft(seed: int) -> NDArray[np.uint8]:
        return np.asarray(cv2.GaussianBlur(picture(seed), (0, 0), 4.0), dtype=np.uint8)

    drives = [drive(6, scene=name) for name in ("a", "bb", "ccc", "dddd")]
    drives[1] = [shown(record, soft(k)) for k, record in enumerate(drives[1])]
    drives[3] = [shown(shown(record, soft(k)), soft(50 + k), "CAM_FRONT") for k, record in enumerate(drives[3])]
    found = dropped(Blurred(), [record for one in drives for record in one])
    assert set(found) == set(range(6, 12)) and all(one.camera == "CAM_BACK" for one in found.values())


def test_frozen_while_the_car_moves() -> None:
    records = drive()
    again = picture(3)
    noise = np.random.default_rng(1).integers(-1, 2, again.shape)
    records[3], records[4] = shown(records[3], again), shown(records[4], np.clip(again + noise, 0, 255).astype(np.uint8))
    found = dropped(Frozen(), records)
    assert set(found) == {4} and found[4].camera == "CAM_BACK"
    standing = [replace(record, xy=(0.0, 0.0), speed_mps=0.0) for record in records]
    assert dropped(Frozen(), standing) == {}
    records[4] = replace(records[4], scene="b")
    assert dropped(Frozen(), records) == {}


def test_frozen_and_compressed_anew_and_what_shows_next_to_nothing() -> None:
    again = np.asarray(cv2.GaussianBlur(picture(3), (0, 0), 0.8), dtype=np.uint8)
    poor = np.asarray(cv2.imdecode(cv2.imencode(".jpg", again, [cv2.IMWRITE_JPEG_QUALITY, 15])[1], 0), dtype=np.uint8)
    records = drive()
    records[3], records[4] = shown(records[3], again), shown(records[4], poor)
    before, now = (records[k].glances["CAM_BACK"].sharp for k in (3, 4))
    assert abs(now - before) > 0.08 * max(now, before) and set(dropped(Frozen(), records)) == {4}
    grey = np.full_like(again, 40)
    assert dropped(Frozen(), [shown(record, grey) for record in drive()]) == {}


def test_one_picture_in_two_cameras() -> None:
    records = drive()
    records[6] = replace(records[6], glances={"CAM_FRONT": records[6].glances["CAM_FRONT"], "CAM_BACK": records[6].glances["CAM_FRONT"]})
    found = dropped(OnePicture(), records)
    assert set(found) == {6} and found[6].reason == "CAM_FRONT and CAM_BACK show the same picture"


def test_unread() -> None:
    records = drive()
    records[1] = replace(records[1], unread=("CAM_LEFT",))
    assert dropped(Unread(), records)[1].reason == "CAM_LEFT: no picture that decodes"
    assert dropped(Unread(most=1), records) == {}
