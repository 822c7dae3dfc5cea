"""The window around t0 on the synthetic set, whose drives have closed forms, and on records made here."""

from __future__ import annotations

import shutil
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from edit_tables import edit

from drive.data.dataset import open_dataset
from drive.data.motion import Motion, motion_from_poses
from drive.data.scenes import SceneLog, Tracks, make_sample, route_command, usual_spacing, window_steps
from drive.frames import se2_to_se3, wrap_angle
from drive.schema import SceneSample, Trajectory, Window

# Curvature 1/m, speed m/s at the first key frame, acceleration m/s^2: written here again, from the descriptions.
DRIVES = {
    "straight": (0.0, 9.0, 0.0),
    "left-40m": (1 / 40, 8.0, 0.0),
    "right-30m": (-1 / 30, 7.0, 0.0),
    "accelerate": (0.0, 3.0, 1.0),
    "brake": (0.0, 9.0, -1.5),
    "stopped": (0.0, 0.0, 0.0),
    "left-60m": (1 / 60, 8.0, 0.0),
    "right-45m": (-1 / 45, 7.5, 0.0),
}


def distance(speed: float, acceleration: float, t: float) -> float:
    if acceleration < 0:
        t = min(t, -speed / acceleration)
    return speed * t + 0.5 * acceleration * t * t


def exact_pose(drive: str, t0: float, t: float) -> np.ndarray:
    """Pose at time t of the scene in the ego frame of t0."""
    curvature, speed, acceleration = DRIVES[drive]
    s = distance(speed, acceleration, t) - distance(speed, acceleration, t0)
    if curvature == 0:
        return np.array([s, 0.0, 0.0])
    return np.array([np.sin(curvature * s) / curvature, (1 - np.cos(curvature * s)) / curvature, wrap_angle(curvature * s)])


@pytest.fixture(scope="module")
def samples(mini: Path) -> list[SceneSample]:
    return list(open_dataset(mini, maps=False))


def test_past_and_future_are_the_closed_forms(samples: list[SceneSample]) -> None:
    for sample in samples:
        t0 = sample.index * 0.5
        for trajectory in (sample.observation.past, sample.target.future):
            for pose, dt, valid in zip(trajectory.poses, trajectory.times_s, trajectory.valid, strict=True):
                if valid:
                    assert np.allclose(pose, exact_pose(sample.scene, t0, t0 + dt), atol=1e-6), (sample.scene, sample.index, dt)


def test_motion_is_the_backward_difference(samples: list[SceneSample]) -> None:
    for sample in samples:
        curvature, speed, acceleration = DRIVES[sample.scene]
        observation, t = sample.observation, sample.index * 0.5
        if sample.index == 0:
            assert (observation.speed_mps, observation.acceleration_mps2, observation.yaw_rate_radps) == (None, None, None)
            continue
        arc = distance(speed, acceleration, t) - distance(speed, acceleration, t - 0.5)
        chord = arc if curvature == 0 else abs(2 / curvature * np.sin(curvature * arc / 2))
        assert observation.speed_mps == pytest.approx(chord / 0.5, abs=1e-6)
        assert observation.yaw_rate_radps == pytest.approx(curvature * arc / 0.5, abs=1e-6)
        if sample.index == 1:
            assert observation.acceleration_mps2 is None
        elif acceleration >= 0 or t < -speed / acceleration:
            assert observation.acceleration_mps2 == pytest.approx(acceleration, abs=1e-5)


def test_reverse_is_negative_speed() -> None:
    poses = se2_to_se3(np.array([[0, 0, 1.0], [-0.5 * np.cos(1), -0.5 * np.sin(1), 1.0], [-1.5 * np.cos(1), -1.5 * np.sin(1), 1.0]]))
    motion = motion_from_poses(np.array([0, 500_000, 1_000_000]), poses)
    assert (motion.speed_mps, motion.acceleration_mps2, motion.yaw_rate_radps) == pytest.approx((-2.0, -2.0, 0.0))


def test_can_bus_is_exact_and_never_later_than_t0(mini: Path) -> None:
    for sample in open_dataset(mini, motion="can", maps=False):
        curvature, speed, acceleration = DRIVES[sample.scene]
        now = max(0.0, speed + acceleration * sample.index * 0.5)
        moving = acceleration if now > 0 else 0.0
        observed = sample.observation
        assert (observed.speed_mps, observed.acceleration_mps2) == pytest.approx((now, moving))
        assert observed.yaw_rate_radps == pytest.approx(curvature * now)


def test_can_bus_absent_or_old_is_unknown(one_scene: Path) -> None:
    path = one_scene / "can_bus" / "left-40m_pose.json"
    text = path.read_text()
    message = text[1 : text.index("}") + 1]  # at the first key frame
    path.write_text(f"[{message}]")
    speeds = [s.observation.speed_mps for s in open_dataset(one_scene, motion="can", maps=False)]
    assert speeds == [8.0, 8.0] + [None] * 12
    path.write_text("{}")
    with pytest.raises(ValueError, match=r"left-40m_pose.json is not a list"):
        open_dataset(one_scene, motion="can")[0]
    path.unlink()
    assert {s.observation.speed_mps for s in open_dataset(one_scene, motion="can", maps=False)} == {None}


def test_command_by_the_final_points_side(samples: list[SceneSample]) -> None:
    for sample in samples:
        future = sample.target.future
        expected = None
        if future.valid.any():
            t0 = sample.index * 0.5
            side = exact_pose(sample.scene, t0, t0 + future.times_s[future.valid][-1])[1]
            expected = "left" if side >= 2 else "right" if side <= -2 else "straight"
        assert sample.observation.command == expected
    assert {s.observation.command for s in samples} == {"left", "straight", "right", None}


@pytest.mark.parametrize(("y", "command"), [(2.0, "left"), (1.99, "straight"), (-1.99, "straight"), (-2.0, "right")])
def test_command_threshold(y: float, command: str) -> None:
    poses = np.array([[5.0, 0, 0], [10, y, 0], [99, -99, 0]])
    assert route_command(Trajectory(poses, np.arange(3.0), np.array([True, True, False]))) == command


def same(a: Any, b: Any) -> bool:
    """Deep equality of value types with arrays in them."""
    if is_dataclass(a):
        return type(a) is type(b) and all(same(getattr(a, f.name), getattr(b, f.name)) for f in fields(a))
    if isinstance(a, tuple):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return bool(np.array_equal(a, b))


def after(log: SceneLog, index: int, rng: np.random.Generator) -> SceneLog:
    """The same record with everything later than key frame `index` replaced."""
    n, later = len(log.tokens), slice(index + 1, None)
    poses, stamps, tracks = log.world_from_ego.copy(), log.timestamps_us.copy(), log.tracks
    poses[later] = se2_to_se3(rng.normal(0, 300, (n - index - 1, 3)))
    stamps[later] += np.cumsum(rng.integers(1, 400_000, n - index - 1))
    centres = tracks.centres.copy()
    centres[:, later] += rng.normal(0, 50, centres[:, later].shape)
    valid = tracks.valid.copy()
    valid[:, later] = ~valid[:, later]
    cameras = log.cameras[: index + 1] + tuple(() for _ in range(n - index - 1))
    tracks = replace(tracks, centres=centres, valid=valid)
    return replace(log, world_from_ego=poses, timestamps_us=stamps, tracks=tracks, cameras=cameras)


@pytest.mark.parametrize("window", [Window(frames=4), Window(2.0, 5.0, 4.0, 2), Window(1.9, 3.0, 10.0)])
def test_nothing_after_t0_reaches_the_observation_but_command(mini: Path, window: Window) -> None:
    dataset = open_dataset(mini, split="left-40m,brake", maps=False)
    rng = np.random.default_rng(0)
    for name in dataset.scenes:
        log = dataset._log(name)
        for index in range(len(log.tokens) - 1):
            seen = [
                make_sample(one, index, window, dataset._motion_at(one, index), True, None) for one in (log, after(log, index, rng))
            ]
            known = [replace(s.observation, command=None) for s in seen]
            assert same(known[0], known[1])
            assert not same(seen[0].target.future, seen[1].target.future)


def straight_log(times_s: list[float], tracks: Tracks | None = None) -> SceneLog:
    """A car at 10 m/s along x, turning by 0.1 rad/s about itself, with key frames at the given times."""
    t = np.array(times_s)
    none = np.zeros((0, len(t)))
    empty = np.zeros((0, len(t), 3))
    nobody = Tracks((), (), empty, empty, empty, empty, none > 0, none > 0, none.astype(np.int64), none.astype(np.int64))
    poses = se2_to_se3(np.stack([10 * t, 0 * t, 3.1 + 0.1 * t], -1))
    tokens = tuple(f"s{i}" for i in range(len(t)))
    stamps = (t * 1e6).astype(np.int64)
    return SceneLog("s", "nowhere", "", tokens, stamps, 0.5, poses, ((),) * len(t), (None,) * len(t), tracks or nobody)


def cut(log: SceneLog, index: int, window: Window) -> SceneSample:
    return make_sample(log, index, window, Motion(), False, None)


def test_key_frames_keep_their_own_times() -> None:
    log = straight_log([0, 0.45, 1.05, 1.5, 2.1, 2.5, 3.0])
    future = cut(log, 1, Window(0.5, 2.0, 2.0)).target.future
    assert np.allclose(future.times_s, [0.6, 1.05, 1.65, 2.05]) and future.valid.all()
    assert np.allclose(np.hypot(*future.poses[:, :2].T), 10 * future.times_s)


def test_every_second_key_frame_at_half_the_rate() -> None:
    log = straight_log(list(np.arange(0, 6.1, 0.5)))
    sample = cut(log, 4, Window(2.0, 3.0, 1.0))
    assert np.allclose(sample.observation.past.times_s, [-2, -1, 0]) and sample.observation.past.valid.all()
    assert np.allclose(sample.target.future.times_s, [1, 2, 3]) and sample.target.future.valid.all()
    assert np.allclose(sample.target.future.poses[:, 2], [0.1, 0.2, 0.3])


def test_other_rates_interpolate() -> None:
    log = straight_log([0, 0.45, 1.05, 1.5, 2.1, 2.5, 3.0])
    sample = cut(log, 3, Window(1.0, 1.6, 10.0))
    past, future = sample.observation.past, sample.target.future
    assert past.valid.all() and np.allclose(past.times_s, np.arange(-10, 1) / 10)
    assert np.array_equal(future.valid, future.times_s <= 1.5)
    for trajectory in (past, future):
        moved = 10 * trajectory.times_s[:, None] * [np.cos(-3.25), np.sin(-3.25)]
        assert np.allclose(trajectory.poses[:, :2][trajectory.valid], moved[trajectory.valid])
        assert np.allclose(trajectory.poses[:, 2][trajectory.valid], 0.1 * trajectory.times_s[trajectory.valid])


def test_missing_key_frames_are_masked_not_bridged() -> None:
    log = straight_log([0, 0.5, 1.0, 3.0, 3.5])
    assert cut(log, 2, Window(1.0, 1.0, 2.0)).target.future.valid.tolist() == [False, False]
    assert not cut(log, 2, Window(1.0, 1.0, 4.0)).target.future.valid.any()
    assert cut(log, 4, Window(1.0, 1.0, 2.0)).observation.past.valid.tolist() == [False, True, True]


def test_steps_beyond_a_scene_of_one_key_frame() -> None:
    steps = window_steps(np.zeros(1), 0, np.array([-0.25, 0.0, 0.25]), 4.0, 0.5)
    assert steps.valid.tolist() == [False, True, False]


def log_at(times_s: list[float]) -> SceneLog:
    """A drive with the spacing that its key frames tell, or nuScenes' where they are too few."""
    log = straight_log(times_s)
    return replace(log, spacing_s=usual_spacing(log.timestamps_us, 0.5))


def test_a_ten_hertz_record_gives_every_fifth_key_frame() -> None:
    log = log_at(list(np.arange(80) / 10))
    sample = cut(log, 30, Window())
    for trajectory, times in ((sample.observation.past, np.arange(-4, 1) / 2), (sample.target.future, np.arange(1, 7) / 2)):
        assert trajectory.valid.all()
        np.testing.assert_allclose(trajectory.times_s, times, atol=1e-6)
        np.testing.assert_allclose(np.hypot(*trajectory.poses[:, :2].T), 10 * np.abs(times), atol=1e-4)
    assert cut(log, 70, Window()).target.future.valid.tolist() == [True] + [False] * 5  # the record ends at 7.9 s
    assert cut(log, 7, Window()).observation.past.valid.tolist() == [False, False, False, True, True]


def test_ten_hertz_with_jitter_and_missing_key_frames() -> None:
    rng = np.random.default_rng(0)
    times = np.arange(80) / 10 + rng.uniform(-0.02, 0.02, 80)
    sample = cut(log_at(list(times)), 30, Window())
    assert sample.target.future.valid.all()
    assert np.abs(sample.target.future.times_s - np.arange(1, 7) / 2).max() <= 0.04
    dropped = cut(log_at(list(np.delete(times, [32, 44, 45, 46]))), 30, Window()).target.future
    assert dropped.valid.tolist() == [True, True, False, True, True, True]  # 1.5 s after t0 there is none within 75 ms
    assert np.abs(dropped.times_s[dropped.valid] - np.arange(1, 7)[dropped.valid] / 2).max() <= 0.04


def test_ten_hertz_taken_for_two_is_not_valid() -> None:
    """Key frames 0.1 s apart are no steps of 0.5 s, whatever the spacing is thought to be."""
    for spacing in (0.1, 0.5):
        log = replace(straight_log([0, 0.1, 0.2, 0.3, 0.4, 0.5]), spacing_s=spacing)
        future = cut(log, 0, Window(0.5, 1.0)).target.future
        assert future.valid.tolist() == [spacing == 0.1, False]
    mixed = log_at([0, 0.5, 1.0, 1.5, 1.6, 1.7, 2.2, 2.7, 3.2])
    assert cut(mixed, 2, Window(1.0, 2.0)).target.future.valid.tolist() == [True, False, False, False]
    assert cut(mixed, 6, Window(1.0, 1.0)).observation.past.valid.tolist() == [False, True, True]
    assert cut(mixed, 5, Window(1.0, 1.0)).target.future.valid.all()


def test_an_irregular_three_hertz_record_is_interpolated() -> None:
    times = [0, 0.28, 0.62, 0.9, 1.23, 1.5, 1.83, 2.1, 2.42, 2.7, 3.03, 3.3]
    log = log_at(times)
    assert log.spacing_s == pytest.approx(0.32, abs=0.05)
    future = cut(log, 0, Window(0.5, 3.0)).target.future
    assert future.valid.all() and np.array_equal(future.times_s, np.arange(1, 7) / 2)
    np.testing.assert_allclose(np.hypot(*future.poses[:, :2].T), 10 * future.times_s, atol=1e-4)
    holed = cut(log_at([t for t in times if not 1.0 < t < 1.8]), 0, Window(0.5, 3.0)).target.future
    assert holed.valid.tolist() == [True, False, False, True, True, True]


def test_two_hertz_with_jitter_counts_key_frames() -> None:
    times = np.arange(12) / 2 + np.random.default_rng(1).uniform(-0.1, 0.1, 12)
    future = cut(log_at(list(times)), 4, Window()).target.future
    assert future.valid.all()
    np.testing.assert_allclose(future.times_s, times[5:11] - times[4], atol=1e-5)


def test_a_scene_of_few_key_frames_does_not_tell_its_spacing() -> None:
    assert usual_spacing(np.array([0, 100_000]), 0.5) == 0.5
    assert usual_spacing(np.array([0, 100_000, 200_000, 300_000, 400_000]), 0.5) == 0.1
    assert not cut(log_at([0, 0.1]), 0, Window(0.5, 1.0)).target.future.valid.any()
    assert not cut(log_at([0, 1.5]), 0, Window(0.5, 2.0)).target.future.valid.any()
    far = replace(straight_log([0, 2.0, 4.0]), spacing_s=2.0)  # all that a set has: 2 s apart, nothing lies between
    assert cut(far, 0, Window(0.5, 3.0)).target.future.valid.tolist() == [False, False, False, True, False, False]


def test_each_scene_of_a_set_has_its_own_rate(mini: Path, tmp_path: Path) -> None:
    """One scene at 10 Hz among seven at 2 Hz: its steps are not those of the others."""
    root = Path(shutil.copytree(mini, tmp_path / "set", ignore=shutil.ignore_patterns("samples")))
    samples = {s.token: s.index for s in open_dataset(mini, split="straight", maps=False)}
    with edit(root, "sample_data") as rows:
        poses = {row["ego_pose_token"]: samples[row["sample_token"]] for row in rows if row["sample_token"] in samples}
        for row in rows:
            row["timestamp"] -= 400_000 * samples.get(row["sample_token"], 0)
    for table, places in (("sample", samples), ("ego_pose", poses)):
        with edit(root, table) as rows:
            for row in rows:
                row["timestamp"] -= 400_000 * places.get(row["token"], 0)
    dataset = open_dataset(root, maps=False)
    for name, spacing in (("straight", 0.1), ("brake", 0.5)):
        assert dataset._log(name).spacing_s == pytest.approx(spacing)
    first = next(s for s in dataset if s.scene == "straight").target.future
    assert first.valid.tolist() == [True, True] + [False] * 4 and first.times_s[:2] == pytest.approx([0.5, 1.0])
    assert first.poses[:2, 0] == pytest.approx([22.5, 45.0], abs=1e-5)  # 9 m/s for 2.5 s are driven in 0.5 s here
