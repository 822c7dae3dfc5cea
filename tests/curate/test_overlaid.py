"""Passes on what is laid over pictures: dirt, bars, words. What stays while the car moves is found, what belongs to the scene is not."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from drive.curate.facts import RecordFacts
from drive.curate.passes.borders import Borders
from drive.curate.passes.captions import Captions
from drive.curate.passes.dirty import Dirty
from drive.curate.pictures import glance
from tests.curate.made import drive, dropped, picture, shown


def _drives() -> list[RecordFacts]:
    return [record for scene in ("a", "bb", "ccc", "dddd") for record in drive(12, scene=scene)]


def test_sound_records_stay() -> None:
    for one in (Dirty(), Borders(), Captions()):
        assert dropped(one, _drives()) == {}


def test_a_lens_that_gets_dirty_in_one_drive() -> None:
    records = _drives()
    for k in range(12, 24):
        muddy = picture(900 + k)
        muddy[40:140, 80:240] = 70
        records[k] = shown(records[k], muddy)
    found = dropped(Dirty(), records)
    assert set(found) == set(range(12, 24)) and all(one.camera == "CAM_BACK" and "dirty" in one.reason for one in found.values())
    standing = [replace(r, xy=(0.0, 0.0)) for r in records]
    assert dropped(Dirty(), standing) == {}


def test_what_is_plain_in_every_drive_is_no_dirt() -> None:
    records = [shown(record, _with(picture(300 + k), np.full((60, 320), 200))) for k, record in enumerate(_drives())]
    assert dropped(Dirty(), records) == {}


def _with(grey: NDArray[np.uint8], patch: NDArray[np.int64], top: int = 0) -> NDArray[np.uint8]:
    grey[top : top + len(patch)] = patch
    return grey


def test_bars() -> None:
    records = drive()
    high, wide, sky = picture(1), picture(2), picture(3)
    high[:20], high[-20:] = 0, 0
    wide[:, :40], wide[:, -40:] = 16, 16
    sky[:60] = 0  # a black sky alone is no bar
    records[2], records[5], records[7] = shown(records[2], high), shown(records[5], wide), shown(records[7], sky)
    found = dropped(Borders(), records)
    assert set(found) == {2, 5}
    assert found[2].reason == "CAM_BACK has bars at top and bottom, 11% of the picture each"
    assert found[5].reason == "CAM_BACK has bars at left and right, 12% of the picture each"


def _smooth(seed: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.GaussianBlur(picture(seed), (0, 0), 3.0), dtype=np.uint8)


def _lettered(grey: NDArray[np.uint8], text: str, at: tuple[int, int]) -> NDArray[np.uint8]:
    for shade, thickness in ((0, 3), (255, 1)):
        cv2.putText(grey, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.4, shade, thickness, cv2.LINE_AA)
    return grey


def test_a_date_that_is_burned_in() -> None:
    records = [shown(record, _smooth(50 + k)) for k, record in enumerate(_drives())]
    for k in range(24, 36):
        records[k] = shown(records[k], _lettered(_smooth(k), f"2026-11-29 12:30:{k}", (12, 170)))
    assert glance(_lettered(_smooth(1), "2026-11-29 12:30:11", (12, 170))).captions and not glance(_smooth(1)).captions
    found = dropped(Captions(), records)
    assert set(found) == set(range(24, 36)) and found[24].reason == "CAM_BACK has letters that stay while the car moves"


def test_a_sign_that_is_passed_is_no_caption() -> None:
    records = [shown(record, _smooth(50 + k)) for k, record in enumerate(drive())]
    for k in range(12):
        records[k] = shown(records[k], _lettered(_smooth(k), "BAKER STREET", (10 + 15 * k, 60 + 5 * k)))
    assert dropped(Captions(), records) == {}
