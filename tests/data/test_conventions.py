"""Valid numbers in the wrong convention: found in whole tables and in single rows, refused by the loader in the same words,
and never found where there are none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from break_conventions import CONVENTIONS, DATA, POSES, Convention, Set, broken, found_in_memory, read, write

from drive import open_dataset
from drive.cameras import Camera
from drive.data.check import check_dataset
from drive.data.conventions import Finding, Shot, convention_findings
from drive.data.conventions.facts import columns
from drive.frames import Array
from drive.render.rigs import RIGS, load_rig

WHOLE = [convention for convention in CONVENTIONS if convention.whole]
ONE = [convention for convention in CONVENTIONS if convention.one]
ROWS_TRIED = 6


@pytest.fixture(scope="session")
def tables(embedded: Path) -> Set:
    return read(embedded)[0]


def test_clean_sets_have_none(mini: Path, tables: Set) -> None:
    assert found_in_memory(tables) == set()
    assert found_in_memory(read(mini)[0]) == set()


@pytest.mark.real
@pytest.mark.parametrize("name", [pytest.param("nuscenes-mini", marks=pytest.mark.slow), "pandaset-002"])
def test_real_sets_have_none_and_are_known_when_broken(real_data: Path, name: str) -> None:
    tables = read(real_data / name)[0]
    assert found_in_memory(tables) == set()
    for convention in WHOLE:
        found = found_in_memory(broken(tables, convention, None)[0])
        assert {kind for kind, _ in found} & set(convention.kinds), (convention.name, found)
    for convention in ONE:
        copy, token = broken(tables, convention, 1)
        assert {kind for kind, _ in found_in_memory(copy)} & set(convention.kinds), (convention.name, token)


@pytest.mark.parametrize("convention", WHOLE, ids=lambda c: c.name)
def test_whole_tables(tables: Set, convention: Convention) -> None:
    found = found_in_memory(broken(tables, convention, None)[0])
    assert {kind for kind, _ in found} & set(convention.kinds)


@pytest.mark.parametrize("convention", ONE, ids=lambda c: c.name)
def test_single_rows(tables: Set, convention: Convention) -> None:
    for seed in range(ROWS_TRIED):
        copy, token = broken(tables, convention, seed)
        found = found_in_memory(copy)
        assert {kind for kind, _ in found} <= {*convention.kinds, *(["box far away"] if convention.tables == (POSES,) else [])}
        # Of two cameras in one place, or of a picture and the time of its pose, either may be named.
        pair = convention.kinds[0] in ("cameras in one place", "pose of another time")
        assert any(kind in convention.kinds and (pair or at == token) for kind, at in found), (token, found)


@pytest.mark.parametrize("seed", [None, 3])
@pytest.mark.parametrize("convention", CONVENTIONS, ids=lambda c: c.name)
def test_the_loader_refuses_in_the_words_of_check(
    embedded: Path, tmp_path: Path, tables: Set, convention: Convention, seed: int | None
) -> None:
    if not (convention.whole if seed is None else convention.one):
        return
    root = write(embedded, tmp_path / "set", broken(tables, convention, seed)[0])
    findings = [error for error in check_dataset(root).errors if error.kind in convention.kinds]
    assert findings
    with pytest.raises(ValueError) as refused:
        open_dataset(root)
    # Where time runs backwards, or a picture is of another size, that is refused first.
    others = ("time runs backwards", "do not increase", "is impossible")
    assert any(str(finding) in str(refused.value) for finding in findings) or any(other in str(refused.value) for other in others)


def test_scenes_that_are_not_broken_open(embedded: Path, tmp_path: Path, tables: Set) -> None:
    copy, token = broken(tables, next(c for c in CONVENTIONS if c.name == "ego jumps 1 km"), 0)
    (scene,) = {
        s["scene_token"] for s in copy["sample"] for d in copy[DATA] if d["ego_pose_token"] == token and d["sample_token"] == s["token"]
    }
    names = [row["name"] for row in copy["scene"] if row["token"] != scene]
    root = write(embedded, tmp_path / "set", copy)
    assert len(open_dataset(root, split=names)) == 14 * len(names)
    with pytest.raises(ValueError, match=rf"ego jump: ego_pose.{token}.translation: the car jumps 1,000.* m/s|at one time"):
        open_dataset(root)


def _quaternion(rotation: Array) -> list[float]:
    from scipy.spatial.transform import Rotation

    x, y, z, w = Rotation.from_matrix(rotation).as_quat()
    return [w, x, y, z]


def _shots(rig: tuple[Camera, ...]) -> list[Shot]:
    pose = {"token": "pose", "timestamp": 10**15, "translation": [0, 0, 0], "rotation": [1, 0, 0, 0]}
    sample = {"token": "sample", "timestamp": 10**15, "scene_token": "scene"}
    shots = []
    for camera in rig:
        place, rotation = camera.ego_from_camera[:3, 3].tolist(), _quaternion(camera.ego_from_camera[:3, :3])
        mount = {"token": camera.name, "translation": place, "rotation": rotation, "camera_intrinsic": camera.K.tolist()}
        data = {"token": camera.name, "timestamp": 10**15, "width": camera.width, "height": camera.height}
        shots.append(Shot(data, camera.name, mount | {"camera_model": camera.model}, pose, sample))
    return shots


def test_made_rigs_have_none() -> None:
    assert all(convention_findings(_shots(load_rig(name)), []) == [] for name in RIGS)
    found = {seed: findings for seed in range(1000) if (findings := convention_findings(_shots(load_rig("random", seed)), []))}
    assert found == {}


@pytest.mark.parametrize(
    "place, yaw, pitch, roll",
    [
        ((2.0, 0.0, 0.5), 0, -50, 0),  # looks at the ground before a bumper
        ((-1.0, 0.0, 0.9), 180, -50, 0),  # a reversing camera
        ((1.0, 0.9, 1.0), 90, -60, 0),  # under a mirror
        ((1.5, 0.0, 1.4), 0, 0, 90),  # on its side
        ((1.5, -0.5, 1.4), -90, 0, 90),
        ((1.5, 0.5, 1.4), 90, 0, -90),
        ((1.5, 0.0, 1.4), 0, 30, 0),  # looks at traffic lights
    ],
)
def test_odd_cameras_are_no_other_convention(place: tuple[float, float, float], yaw: float, pitch: float, roll: float) -> None:
    from drive.render.rigs import mount

    camera = Camera("CAM_ODD", 1600, 900, np.array([[1200.0, 0, 800], [0, 1200.0, 450], [0, 0, 1]]), mount(place, yaw, pitch, roll))
    assert convention_findings(_shots((camera,)), []) == []


def test_what_a_finding_says(tables: Set) -> None:
    said = {}
    for convention in CONVENTIONS:
        if convention.whole:
            copy, _ = broken(tables, convention, None)
            said[convention.name] = " | ".join({finding.message for finding in _findings(copy) if finding.kind in convention.kinds})
    assert (
        "key frames of scene" in said["times in ms, all tables"]
        and "500 us apart: stamps look like milliseconds" in said["times in ms, all tables"]
    )
    assert "500 s apart: stamps look like nanoseconds" in said["times in ns, all tables"]
    assert "translations look like millimetres, expected metres" in said["ego poses in mm"]
    assert "translations look like centimetres, expected metres" in said["ego poses in cm"]
    assert "its up axis points down (-1.00)" in said["cameras upside down"]
    assert "have one pose" in said["cameras with one pose"]
    assert "with the box in millimetres" in said["boxes in mm"]
    assert "with the box in centimetres" in said["boxes in cm"]
    assert "vehicle.car" in said["sizes length width height"]


def _findings(tables: Set) -> list[Finding]:
    from drive.data.check.conventions import check_conventions
    from drive.data.check.report import CheckReport

    report = CheckReport(Path(), "")
    check_conventions(report, {name: {row["token"]: row for row in rows} for name, rows in tables.items()})
    return report.errors


def test_rows_that_are_no_numbers_are_passed_over() -> None:
    rows = [{"v": [1, 2, 3]}, {"v": [1, 2]}, {"v": "here"}, {}, {"v": [1, float("inf"), 3]}, {"v": [10**400, 0, 0]}, {"v": [[1], 2, 3]}]
    values = columns(rows, "v", 3)
    assert values[0].tolist() == [1, 2, 3] and np.isnan(values[1:]).all()
    assert columns([], "v", 3).shape == (0, 3)


def test_a_set_without_rows() -> None:
    assert convention_findings([], []) == []
