"""Samples that stay in memory are those of the shard, to the bit, and nobody's changes show in them."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from drive.data.records import dataset as reading
from drive.data.records.dataset import RecordFolder
from drive.data.records.held import Held, fresh
from drive.records.pack import Settings, pack
from drive.schema import SceneSample, StoredPicture
from tests.records.equal import differences


@pytest.fixture(scope="module")
def records(mini: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("held") / "records"
    pack(Settings((str(mini),), shares=(("train", 1.0),), limit=20), out)
    return out


def told(folder: RecordFolder) -> int:
    """How many samples are kept."""
    return len(folder._held._samples)


def test_every_pass_reads_the_same(records: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = list(RecordFolder(records))
    folder = RecordFolder(records)
    kept = []
    for _ in range(3):
        for before, after in zip(first, folder, strict=True):
            assert differences(before, after) == []
            assert all(isinstance(view.image, StoredPicture) for view in after.observation.frames[-1].cameras)
        kept.append(told(folder))
    assert kept == [0, len(first), len(first)]
    monkeypatch.setattr(reading, "from_members", None)
    other = folder.without_commands().chosen([3, 3])
    assert other[1].observation.command is None and folder[3].observation.command is not None
    assert differences(folder.unread(3).target, first[3].target) == []
    assert not any(isinstance(view.image, StoredPicture) for view in folder.unread(3).observation.frames[-1].cameras)


def test_with_and_without_maps_are_two_things(records: Path) -> None:
    folder = RecordFolder(records)
    bare = folder.without_maps()
    for _ in range(3):
        assert all(folder[i].target.map is not None and bare[i].target.map is None for i in range(len(folder)))


def writable(value: object) -> list[np.ndarray]:
    """The arrays of a sample's target."""
    if isinstance(value, np.ndarray):
        return [value]
    parts = value if isinstance(value, tuple | list) else vars(value).values() if hasattr(value, "__dict__") else ()
    return [array for part in parts for array in writable(part)]


def test_what_is_written_into_a_sample_stays_in_it(records: Path) -> None:
    folder = RecordFolder(records)
    right = folder[0]
    for _ in range(3):
        arrays = writable(folder[0].target) + writable(folder[0].observation.past)
        assert len(arrays) > 10
        for array in arrays:
            array[...] = 0
        assert differences(folder[0], right) == []


def test_room_bounds_what_is_kept(records: Path) -> None:
    folder = RecordFolder(records)
    sizes = [row.json_bytes for row in folder.rows]
    folder._held = Held(sum(sizes[:5]) + 1)
    for _ in range(3):
        assert len(list(folder)) == len(sizes)
    assert 1 <= told(folder) <= 6 and folder._held._left >= 0


def test_another_process_begins_empty(records: Path) -> None:
    folder = RecordFolder(records)
    folder[0], folder[0]
    assert told(folder) == 1
    held = pickle.loads(pickle.dumps(folder._held))  # noqa: S301
    assert held.room == folder._held.room and not held._samples


def test_a_copy_shares_cameras_and_nothing_else(records: Path) -> None:
    sample = RecordFolder(records)[2]
    copy: SceneSample = fresh(sample)
    assert differences(sample, copy) == [] and copy is not sample
    ours, theirs = (one.observation.frames[-1].cameras[0] for one in (sample, copy))
    assert ours.camera is theirs.camera and ours.mount is not theirs.mount
    assert replace(copy, index=7).index == 7 and not {id(a) for a in writable(sample.target)} & {id(a) for a in writable(copy.target)}
