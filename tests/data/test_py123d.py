"""tools/from_py123d.py on a stand-in of py123d's scenes: what it writes reads back as the drive that was told."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from drive import open_dataset
from drive.data.check import check_dataset
from drive.data.images import read_image
from drive.pickles.write import pickle_bytes
from tests.data.made import AHEAD, CAR, CAR_SIZE, FOCAL, HEADING, HEIGHT, SPEED_MPS, START, WIDTH, car_from_ego, ego_place, turn
from tools.from_py123d import frames_of

AXLE_M, FRAMES, STEP_S, MOUNT = 0.32, 30, 0.1, np.array([1.5, 0.0, 1.6])


def _pose(place: np.ndarray, rotation: np.ndarray) -> Any:
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = rotation, place
    return SimpleNamespace(transformation_matrix=matrix)


def _array(*values: float) -> Any:
    return SimpleNamespace(array=np.array(values))


class StandInScene:
    """The calls of py123d.api.SceneAPI that the converter makes. The axle is AXLE_M above the ground."""

    log_metadata = SimpleNamespace(log_name="log-1", split="made_val", location=None)

    def get_all_iteration_timestamps(self) -> list[Any]:
        return [SimpleNamespace(time_us=round(1e15 + 1e6 * STEP_S * k)) for k in range(FRAMES)]

    def get_ego_state_se3_at_iteration(self, k: int) -> Any:
        if k == 7:
            return None
        place = ego_place(k * STEP_S) + [0.0, 0.0, AXLE_M]
        motion = SimpleNamespace(velocity_2d=_array(SPEED_MPS, 0.0), acceleration_2d=_array(0.25, 0.0))
        return SimpleNamespace(rear_axle_se3=_pose(place, turn(HEADING)), dynamic_state_se3=motion)

    def get_box_detections_se3_at_iteration(self, k: int) -> list[Any]:
        centre = START + turn(HEADING) @ CAR
        length, width, height = CAR_SIZE
        solid = SimpleNamespace(center_se3=_pose(centre, turn(HEADING + 0.3)), length=length, width=width, height=height)
        told = SimpleNamespace(default_label=SimpleNamespace(name="VEHICLE"), track_token="car-1")
        return [SimpleNamespace(bounding_box_se3=solid, attributes=told, velocity_3d=_array(0.0, 0.0, 0.0))]

    def get_camera_metadatas(self) -> dict[Any, Any]:
        K = np.array([[FOCAL, 0.0, WIDTH / 2], [0.0, FOCAL, HEIGHT / 2], [0.0, 0.0, 1.0]])
        lens = SimpleNamespace(array=np.array([-0.3, 0.1, 0.001, 0.002, -0.02]))
        plain, round_one = SimpleNamespace(name="PINHOLE"), SimpleNamespace(name="FTHETA")
        about = SimpleNamespace(intrinsics=SimpleNamespace(camera_matrix=K), camera_model=plain, is_undistorted=False, distortion=lens)
        return {SimpleNamespaceKey("PCAM_F0"): about, SimpleNamespaceKey("FTCAM_F0"): SimpleNamespace(camera_model=round_one)}

    def get_camera_at_iteration(self, k: int, identity: Any) -> Any:
        if k == 8:
            return None
        pose = _pose(ego_place(k * STEP_S) + turn(HEADING) @ MOUNT, turn(HEADING) @ AHEAD)
        return SimpleNamespace(rgb_image=np.full((HEIGHT, WIDTH, 3), 70, np.uint8), camera_to_global_se3=pose)


class SimpleNamespaceKey(str):
    """A name that is also called `name`, as members of an enumeration are."""

    @property
    def name(self) -> str:
        return str(self)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, int]]:
    root = tmp_path_factory.mktemp("py123d")
    frames, skipped = frames_of(StandInScene(), root, AXLE_M)
    (root / "made_val").mkdir()
    (root / "made_val" / "log-1.pkl").write_bytes(pickle_bytes(frames))
    return root, dict(skipped)


def test_the_drive_reads_back(made: tuple[Path, dict[str, int]]) -> None:
    dataset = open_dataset(made[0], split="made_val")
    assert len(dataset) == FRAMES - 1 and made[1]["frames without a pose or its speed"] == 1
    sample = dataset[10]  # frame 11: one was left out
    np.testing.assert_allclose(sample.world_from_ego[:3, 3], ego_place(1.1), atol=1e-6)
    np.testing.assert_allclose(sample.target.future.poses[:3, 0], SPEED_MPS * np.array([0.5, 1.0, 1.5]), atol=1e-6)
    assert (sample.observation.speed_mps, sample.observation.command) == (SPEED_MPS, None)
    agents = sample.target.agents
    assert agents is not None and agents.categories == ("vehicle.car",) and agents.sizes[0].tolist() == list(CAR_SIZE)
    np.testing.assert_allclose(agents.centres[0, agents.now], car_from_ego(1.1), atol=1e-6)
    np.testing.assert_allclose(agents.headings[0, agents.now], 0.3, atol=1e-9)


def test_pictures_stand_on_the_ground_and_others_are_counted(made: tuple[Path, dict[str, int]]) -> None:
    root, skipped = made
    (view,) = open_dataset(root)[0].observation.frames[-1].cameras
    np.testing.assert_allclose(view.camera.ego_from_camera[:3, 3], MOUNT, atol=1e-6)
    assert view.camera.distortion == (-0.3, 0.1, 0.001, 0.002, -0.02)
    assert abs(int(read_image(view)[1][0, 0, 0]) - 70) < 3
    assert skipped["pictures of cameras that are no pinholes"] == FRAMES - 2 and skipped["pictures that are not there"] == 2
    report = check_dataset(root)
    assert not report.errors and report.counts["pictures"] == FRAMES - 2
