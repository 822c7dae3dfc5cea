"""Waymo perception segments: known answers on one by other writers, checksums, damage."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drive import open_dataset
from drive.data.check import check_dataset
from drive.data.images import read_image
from drive.data.waymo.crc import crc32c, crc32c_readable
from drive.data.waymo.tfrecord import places_of, read_record
from drive.data.waymo.wire import WireMessage
from tests.data.made import CAR_SIZE, SPEED_MPS, car_from_ego
from tests.data.made.waymo import FRAMES, LATE_US, LENS, MESSAGES, MOUNT, frame, label, transform, write_records, write_segment


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("waymo")
    write_segment(root / "validation" / "segment-a.tfrecord")
    return root


def test_checksums_are_the_published_ones() -> None:
    """RFC 3720, appendix B.4."""
    known = {bytes(32): 0x8A9136AA, b"\xff" * 32: 0x62A8AB43, bytes(range(32)): 0x46DD794E, b"123456789": 0xE3069283}
    assert {data: crc32c(data) for data in known} == known == {data: crc32c_readable(data) for data in known}
    data = np.random.default_rng(0).bytes(1000)
    assert crc32c(data) == crc32c_readable(data)


def test_records_are_what_another_writer_wrote(made: Path) -> None:
    path = made / "validation" / "segment-a.tfrecord"
    places = places_of(path)
    assert [read_record(path, place) for place in places] == [frame(k).SerializeToString() for k in range(FRAMES)]


def test_a_sample_tells_what_was_written(made: Path) -> None:
    dataset = open_dataset(made, split="validation")
    assert (len(dataset), dataset.scenes, dataset.tokens[7]) == (FRAMES, ("segment-a",), "segment-a:007")
    sample = dataset[19]
    np.testing.assert_allclose(sample.target.future.poses[:, 0], SPEED_MPS * np.arange(0.5, 3.01, 0.5), atol=1e-6)
    np.testing.assert_allclose(sample.target.future.poses[:, 1:], 0, atol=1e-6)
    assert sample.target.future.valid.all() and sample.observation.speed_mps == pytest.approx(SPEED_MPS, abs=1e-4)


def test_labels_stand_where_they_were(made: Path) -> None:
    agents = open_dataset(made)[20].target.agents
    assert agents is not None and agents.categories == ("vehicle.car",)
    np.testing.assert_allclose(agents.centres[0, agents.now], car_from_ego(2.0), atol=1e-6)
    np.testing.assert_allclose(agents.headings[0, agents.now], 0.3, atol=1e-9)
    assert agents.sizes[0].tolist() == list(CAR_SIZE) and agents.points[0, agents.now] == 9


def test_a_late_picture_stays_in_its_file_and_has_the_motion_in_its_pose(made: Path) -> None:
    image = open_dataset(made)[10].observation.frames[-1].cameras[0]
    assert image.camera.name == "FRONT" and image.time_s == pytest.approx(LATE_US / 1e6)
    late = np.array([SPEED_MPS * LATE_US / 1e6, 0, 0])
    np.testing.assert_allclose(image.camera.ego_from_camera[:3, 3], MOUNT + late, atol=1e-6)
    np.testing.assert_allclose(image.camera.ego_from_camera[:3, 2], [1, 0, 0], atol=1e-6)  # it looks ahead
    assert image.camera.distortion == LENS and read_image(image)[1].shape == (48, 64, 3)


def test_check_says_what_it_is(made: Path) -> None:
    report = check_dataset(made)
    assert not report.errors and report.counts["pictures"] == FRAMES and "Waymo perception" in str(report)
    assert {w.kind for w in report.warnings} == {"no map"}


def test_a_segment_without_labels(tmp_path: Path) -> None:
    write_segment(tmp_path / "a.tfrecord", labels=False)
    assert open_dataset(tmp_path)[0].target.agents is None


def _changed(at: int) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        data = bytearray(path.read_bytes())
        data[at] ^= 1
        path.write_bytes(bytes(data))

    return change


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_changed(0), "record 0: the checksum of its length"),
        (_changed(40), "is damaged: its checksum is wrong"),
        (_changed(-1), "is damaged: its checksum is wrong"),
        (lambda path: path.write_bytes(path.read_bytes()[:-9]), "the file ends before it"),
        (lambda path: path.write_bytes(b"none"), "record 0: the checksum of its length"),
        (lambda path: path.write_bytes(b""), "is empty, 0 bytes"),
        (lambda path: write_records(path, [frame(1), frame(0)]), "do not increase"),
        (
            lambda path: write_records(path, [frame(0), MESSAGES["E2EDFrame"](frame=frame(1), intent=1)]),
            "a:001: no frame of perception data",
        ),
        (lambda path: write_records(path, [_frame(pose=transform(np.zeros(3), 2 * np.eye(3)))]), "no rigid motion"),
        (lambda path: write_records(path, [_frame(laser_labels=[label(np.zeros(3), 7)])]), "unknown type 7"),
        (lambda path: write_records(path, [_frame(context=MESSAGES["Context"](name="bare"))]), "has no calibration"),
    ],
)
def test_damage_is_named(tmp_path: Path, damage: Callable[[Path], None], message: str) -> None:
    damage(write_segment(tmp_path / "a.tfrecord"))
    try:
        said = str(check_dataset(tmp_path))
    except ValueError as error:
        said = str(error)
    assert message in said


def _frame(**change: object) -> object:
    made = frame(0)
    for name, value in change.items():
        made.ClearField(name)
        if isinstance(value, list):
            getattr(made, name).extend(value)
        else:
            getattr(made, name).CopyFrom(value)
    return made


@given(st.binary(max_size=60))
def test_any_bytes_are_a_message_or_refused(data: bytes) -> None:
    try:
        message = WireMessage(data)
    except ValueError:
        return
    assert all(
        0 <= part.start <= part.end <= len(data) for values in message.fields.values() for part in values if not isinstance(part, int)
    )
