"""Passes on motion and labels."""

from __future__ import annotations

from dataclasses import replace

from drive.curate.passes.boxes import BoxesPass
from drive.curate.passes.motion import MotionPass
from drive.curate.passes.standing import Standing
from tests.curate.made import drive, dropped


def test_sound_records_stay() -> None:
    for one in (BoxesPass(), MotionPass(), Standing()):
        assert dropped(one, drive()) == {}


def test_the_first_seconds_of_each_stand_are_kept() -> None:
    records = drive(40)
    for k in [*range(5, 20), *range(25, 30)]:
        records[k] = replace(records[k], speed_mps=0.1)
    assert set(dropped(Standing(keep_s=4.0), records)) == set(range(14, 20))  # from 5 on, 4 s are 8 steps: 5 to 13 stay


def test_what_no_car_does() -> None:
    records = drive()
    records[3] = replace(records[3], xy=(records[3].xy[0] + 30.0, 3.0))  # there and back again
    records[8] = replace(records[8], speed_mps=30.0)
    records[10] = replace(records[10], yaw_rate_radps=-2.5)
    found = dropped(MotionPass(), records)
    assert set(found) == {3, 4, 8, 9, 10}
    assert "pose moves at 68 m/s" in found[3].reason and "speed changes by 44 m/s2" in found[8].reason and "rad/s" in found[10].reason


def test_a_clock_that_goes_back_and_one_that_is_not_there() -> None:
    records = drive()
    records[5] = replace(records[5], timestamp_us=records[2].timestamp_us)
    assert set(dropped(MotionPass(), records)) == {5}
    without = [replace(record, timestamp_us=0, speed_mps=float(40 * (k % 2))) for k, record in enumerate(drive())]
    assert dropped(MotionPass(), without) == {}  # states that do not follow one another


def test_boxes_that_nothing_hit() -> None:
    records = drive()
    records[2], records[3] = replace(records[2], unseen=9), replace(records[3], boxes=2, unseen=2)
    assert dropped(BoxesPass(), records)[2].reason == "90% of 10 boxes hold no point" and set(dropped(BoxesPass(), records)) == {2}
