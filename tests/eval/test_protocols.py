"""What every protocol must do alike: choose its samples, never take a hostile plan for a safe one, say what it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from drive.baselines import StandStill
from drive.eval.evaluate import evaluate
from drive.eval.openloop.batch import OpenLoopBatch, Plans, make_batch, recorded_plans
from drive.eval.openloop.lidar import lidar_path, protocol_lidar
from drive.eval.openloop.made import made_batch, made_plans
from drive.eval.openloop.protocol import Protocol
from drive.eval.openloop.registry import PROTOCOLS
from drive.frames import rotation_z, se3
from drive.schema import SceneSample

every_protocol = pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=list(PROTOCOLS))
TIMES = [0.5, 1.0, 1.5, 2.0, 2.5, 3.0]
FRAMES = 20
HOSTILE_VALUES = {"NaN": np.nan, "inf": np.inf, "-inf": -np.inf, "1,000 km": 1e6, "1e300": 1e300, "just beyond 1 km": 1001.0}


@pytest.fixture(scope="module")
def samples(drives: Callable[..., list[SceneSample]]) -> list[SceneSample]:
    return drives(2, frames=FRAMES, agents=8)


@every_protocol
@pytest.mark.parametrize("value", HOSTILE_VALUES.values(), ids=list(HOSTILE_VALUES))
def test_hostile_values_fail_and_never_count_as_safe(protocol: Protocol, value: float, samples: list[SceneSample]) -> None:
    """One such coordinate at one step is enough, also where the plan claims to be usable."""
    batch = make_batch(samples)
    for axis in (0, 1):
        plans = recorded_plans(batch)
        xy, poses = plans.xy.copy(), plans.poses.copy()
        xy[:, 4, axis], poses[:, 4, axis] = value, value
        results = protocol.results(batch, Plans(xy, poses, plans.usable))
        check_all_failed(protocol, results, int(protocol.select(batch).sum()))


def check_all_failed(protocol: Protocol, results: dict, expected: int) -> None:
    assert expected > 0
    for name, result in results.items():
        assert len(result.values) == expected and result.failed.all(), name
        if result.unit:
            assert not result.valid.any() and np.isnan(result.mean), name
        else:
            assert result.valid.all() and result.mean == 1, name


HOSTILE_FILES: dict[str, dict] = {
    "five steps": {"trajectory": [[0.0, 0.0]] * 5},
    "NaN": {"trajectory": [[0.0, 0.0]] * 5 + [[float("nan"), 0.0]]},
    "infinity": {"trajectory": [[float("inf"), 0.0]] * 6},
    "1,000 km": {"trajectory": [[1e6, 0.0]] * 6},
    "wrong frame": {"frame": "world"},
    "no frame": {"frame": None},
    "other times": {"times_s": [1, 2, 3, 4, 5, 6]},
    "unknown tokens": {"prefix": "x"},
    "nothing": {"trajectory": None},
}


@pytest.mark.parametrize("kind", [*HOSTILE_FILES, "duplicate tokens"])
def test_hostile_files_fail_under_every_protocol(kind: str, samples: list[SceneSample], tmp_path: Path) -> None:
    change = HOSTILE_FILES.get(kind, {})
    meta = {"planner": "hostile", "frame": change.get("frame", "ego"), "times_s": change.get("times_s", TIMES)}
    entry = {"trajectory": change.get("trajectory", [[0.0, 0.0]] * 6)}
    items = [f"{json.dumps(change.get('prefix', '') + s.token)}: {json.dumps(entry)}" for s in samples]
    if kind == "duplicate tokens":
        items += items
    path = tmp_path / "plans.json"
    path.write_text(f'{{"meta": {json.dumps(meta)}, "results": {{{", ".join(items)}}}}}')
    report = evaluate(samples, plans=[path], protocols=["all"])
    for scores in report.scores:
        if scores.planner == "hostile":
            check_all_failed(scores.protocol, scores.metrics, int(scores.protocol.select(make_batch(samples)).sum()))
    listed = {f["token"] for f in report.failures if f["planner"] == "hostile"}
    assert {s.token for s in samples} <= listed and report.failed
    assert all(f["reason"] for f in report.failures)


@pytest.mark.parametrize("frame", ["lidar", "ego"])
def test_a_file_in_the_other_frame_fails_under_every_protocol(frame: str, samples: list[SceneSample], tmp_path: Path) -> None:
    """The recorded drives themselves, given in one frame and declared in the other."""
    results = {}
    for sample in samples:
        future, lidar = sample.target.future, protocol_lidar(sample.target.ego_from_lidar)
        if future.valid.all():
            path = future.poses if frame == "lidar" else lidar_path(future.poses, lidar)
            results[sample.token] = {"trajectory": path.tolist()}
    path = tmp_path / "plans.json"
    path.write_text(json.dumps({"meta": {"planner": "turned", "frame": frame, "times_s": TIMES}, "results": results}))
    report = evaluate(samples, plans=[path], protocols=["all"])
    for scores in report.scores:
        if scores.planner == "turned":
            check_all_failed(scores.protocol, scores.metrics, int(scores.protocol.select(make_batch(samples)).sum()))
    assert sum("fit the recorded drives only as" in f["reason"] for f in report.failures) == len(results)


@every_protocol
def test_the_original_counts_nan_as_safe_and_only_a_flag_brings_that_back(protocol: Protocol, samples: list[SceneSample]) -> None:
    batch = make_batch(samples)
    plans = Plans(np.full((len(batch), 6, 2), np.nan), np.full((len(batch), 6, 3), np.nan), np.ones(len(batch), dtype=bool))
    with np.errstate(invalid="ignore"):
        original = protocol.results(batch, plans, original=True)
    for name in ("collision_3s", "collision_avg"):
        if name in original:
            assert original[name].mean == 0 and not original[name].failed.any()
            assert protocol.results(batch, plans)[name].mean == 1


@every_protocol
def test_the_record_has_no_error(protocol: Protocol, samples: list[SceneSample]) -> None:
    batch = make_batch(samples)
    for name, result in protocol.results(batch, recorded_plans(batch)).items():
        assert not result.failed.any()
        if result.unit:
            assert result.mean == pytest.approx(0, abs=1e-6), name
        if name.startswith("collision") and protocol.excused is not None:
            assert result.mean == 0, name


# Of a scene of n key frames: how many samples each protocol takes.
CHOSEN = {
    "exact": lambda n: n - 6, "uniad": lambda n: n, "uniad-stp3": lambda n: n, "vad": lambda n: n - 6, "stp3": lambda n: n - 8,
    "bevplanner": lambda n: n - 6, "sparsedrive": lambda n: n - 6, "admlp": lambda n: n - 8, "admlp-verbatim": lambda n: n - 8,
    "agentdriver-uniad": lambda n: n, "agentdriver-stp3": lambda n: n - 8, "lightemma": lambda n: n - 14,
}  # fmt: skip


@every_protocol
def test_chooses_its_samples(protocol: Protocol, samples: list[SceneSample], drives: Callable[..., list[SceneSample]]) -> None:
    for frames in (FRAMES, 15):
        chosen = protocol.select(make_batch(drives(2, frames=frames)))
        assert chosen.sum() == 2 * CHOSEN[protocol.name](frames)


@every_protocol
def test_says_what_it_is(protocol: Protocol) -> None:
    """The hash stands for name, source, version and settings: a change of any changes it, and no two protocols share one."""
    assert protocol.source and protocol.settings
    changed = [
        replace(protocol, settings={**protocol.settings, "samples": "others"}),
        replace(protocol, version=protocol.version + "x"),
        replace(protocol, source="elsewhere"),
    ]
    hashes = [p.settings_hash for p in [*PROTOCOLS.values(), *changed]]
    assert len(set(hashes)) == len(hashes) and all(len(h) == 10 for h in hashes)


@every_protocol
def test_blocks_add_up(protocol: Protocol) -> None:
    """Scoring half by half gives the values of scoring at once: nothing depends on the neighbours in a batch."""
    batch, half = made_batch(40, agents=12, seed=5, span_m=15.0), np.arange(40) < 13
    plans = made_plans(batch)
    whole = protocol.results(batch, plans)
    parts = [protocol.results(batch.take(mask), plans.take(mask)) for mask in (half, ~half)]
    for name, result in whole.items():
        np.testing.assert_array_equal(result.values, np.concatenate([part[name].values for part in parts]))


def test_calibration_of_the_lidar_does_not_matter(drives: Callable[..., list[SceneSample]]) -> None:
    """nuScenes' LiDAR (y forward), PandaSet's (x forward) and any quarter turn, at one place on the car: one score."""
    scores = []
    for quarter in range(4):
        lidar = se3(rotation_z(np.pi / 2 * quarter), [0.94, 0.0, 1.84])
        report = evaluate(drives(2, frames=16, lidar=lidar), [StandStill()], protocols=["all"])
        scores.append([(r["planner"], r["metric"], r["value"]) for r in report.rows])
    for other in scores[1:]:
        for a, b in zip(scores[0], other, strict=True):
            assert a[:2] == b[:2]
            np.testing.assert_allclose(np.array(a[2], dtype=float), np.array(b[2], dtype=float), atol=1e-6)


def visible_car(samples: list[SceneSample]) -> OpenLoopBatch:
    """A batch whose first agent is a car on the ego's path at every step, not there for the record's own box."""
    batch = make_batch(samples)
    ahead = np.zeros((len(batch), 1, 7, 2)) + [0.0, 25.0]
    batch.agent_xy[:, :1], batch.agent_yaw[:, :1], batch.agent_wl[:, :1] = ahead, np.pi / 2, (2.0, 4.5)
    batch.agent_valid[:] = False
    batch.agent_valid[:, 0] = True
    batch.agent_raw[:, 0], batch.agent_road_user[:, 0] = 17, True
    batch.agent_boxes[:, 0] = [25.94, 0.0, 0.0, 4.5, 2.0]
    batch.gt_traj[:], batch.gt_poses[:] = 0.0, 0.0
    batch.agent_seen[:], batch.gt_mask[:] = True, True
    return batch


@pytest.mark.parametrize("name", [n for n, p in PROTOCOLS.items() if p.excused is not None or n == "exact"])
def test_unknown_points_and_visibility_count_as_there(name: str, samples: list[SceneSample]) -> None:
    """-1 points and visibility 0 are unknown; a car known to have no points is left out where the original filters."""
    batch, protocol = visible_car(samples), PROTOCOLS[name]
    xy = np.zeros((len(batch), 6, 2)) + [0.0, 25.0]
    poses = np.zeros((len(batch), 6, 3)) + [25.0, 0.0, 0.0]
    plans = Plans(xy, poses, np.ones(len(batch), dtype=bool))
    rates = {}
    for points, visibility in ((5, 4), (-1, 0), (0, 4)):
        batch.agent_points[:], batch.agent_visibility[:] = points, visibility
        rates[points] = protocol.results(batch, plans)["collision_3s"].mean
    filters = name in ("vad", "bevplanner", "sparsedrive")
    assert rates[5] == rates[-1] == 1
    assert rates[0] == (0 if filters else 1)


def test_unknowns_are_counted_in_the_report(samples: list[SceneSample]) -> None:
    changed = []
    for sample in samples:
        agents = sample.target.agents
        blind = replace(agents, points=np.full_like(agents.points, -1), visibility=np.zeros_like(agents.visibility))
        changed.append(replace(sample, target=replace(sample.target, agents=blind)))
    unknown = evaluate(changed).settings["unknown"]
    assert unknown["annotations"] == unknown["points"] == unknown["visibility"] > 0
    known = evaluate(samples).settings["unknown"]
    assert known["annotations"] == unknown["annotations"] and "points" not in known
