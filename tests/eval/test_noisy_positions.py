"""Plans of positions alone, off by 0.1 m, on real drives: every protocol scores them as with the headings they were made with."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import drive
from drive.eval.evaluate import evaluate
from drive.eval.openloop.lidar import lidar_path, protocol_lidar
from drive.frames import Array, compose_se2, heading_of, invert_se2, wrap_angle
from drive.schema import SceneSample

TIMES = [0.5, 1.0, 1.5, 2.0, 2.5, 3.0]
NOISE_M, WITHIN_M = 0.1, 0.05
STANDING_M = 0.5


@pytest.fixture(scope="module")
def samples(real_data: Path) -> Sequence[SceneSample]:
    dataset = drive.open_dataset(real_data / "nuscenes-mini", maps=False)  # none of these figures looks at a map
    return [dataset[i] for i in range(len(dataset))]


def noisy(samples: Sequence[SceneSample], frame: str, headings: bool) -> dict[str, Any]:
    """A plans file of the recorded drives with noise, the same with and without headings."""
    rng = np.random.default_rng(0)
    results = {}
    for sample in samples:
        future, lidar = sample.target.future, protocol_lidar(sample.target.ego_from_lidar)
        noise = rng.normal(0, NOISE_M, (6, 2))
        if not future.valid.all():
            continue
        turned = wrap_angle(future.poses[:, 2] - heading_of(lidar)) if frame == "lidar" else future.poses[:, 2]
        path = (lidar_path(future.poses, lidar) if frame == "lidar" else future.poses[:, :2]) + noise
        rows = np.column_stack([path, turned]) if headings else path
        results[sample.token] = {"trajectory": rows.tolist()}
    return {"meta": {"planner": f"{frame} {headings}", "frame": frame, "times_s": TIMES}, "results": results}


def scored(samples: Sequence[SceneSample], files: list[dict[str, Any]], folder: Path) -> dict[tuple[str, str, str], float]:
    """(planner, protocol, metric) -> value."""
    paths = []
    for i, data in enumerate(files):
        paths.append(folder / f"{i}.json")
        paths[-1].write_text(json.dumps(data))
    report = evaluate(samples, plans=paths, protocols=["all"])
    return {(r["planner"], r["protocol"], r["metric"]): r["value"] for r in report.rows if r["slice"] == "all"}


@pytest.mark.real
@pytest.mark.parametrize("frame", ["ego", "lidar"])
@pytest.mark.parametrize("part", ["all", "standing"])
def test_noisy_positions_score_as_with_their_headings(
    frame: str, part: str, samples: Sequence[SceneSample], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    complete = [s for s in samples if s.target.future.valid.all()]
    chosen = complete if part == "all" else [s for s in complete if travelled(s.target.future.poses) < STANDING_M]
    assert len(chosen) > 50
    values = scored(chosen, [noisy(chosen, frame, headings) for headings in (True, False)], tmp_path)
    gaps = {}
    for (planner, protocol, metric), value in values.items():
        if planner == f"{frame} False" and metric.startswith(("l2", "ade", "fde")) and value is not None:
            gaps[protocol, metric] = value - values[f"{frame} True", protocol, metric]
    worst = max(gaps, key=lambda key: abs(gaps[key]))
    hits = [values[f"{frame} {headings}", "exact", "collision_3s"] for headings in (True, False)]
    with capsys.disabled():
        exact = [values[f"{frame} {headings}", "exact", "l2_3s"] for headings in (True, False)]
        print(f"\n{part} ({len(chosen)}), {frame}: exact L2 {exact[0]:.3f} with, {exact[1]:.3f} without headings; collisions {hits};",
              f"largest difference of an L2 {gaps[worst]:+.3f} ({' '.join(worst)})")  # fmt: skip
    assert abs(gaps[worst]) < WITHIN_M and hits == [0.0, 0.0]


def travelled(poses: Array) -> float:
    return float(np.hypot(*np.diff(poses[:, :2], axis=0, prepend=0.0).T).sum())


@pytest.mark.real
def test_noisy_headings_of_real_drives_run_backwards(samples: Sequence[SceneSample]) -> None:
    """nuScenes mini has no reverse: each drive from its end to its beginning, positions of the axle and of the LiDAR."""
    from drive.poses import axle_poses, moved_point

    ahead = np.stack([np.concatenate([np.zeros((1, 3)), s.target.future.poses]) for s in samples if s.target.future.valid.all()])
    back = compose_se2(invert_se2(ahead[:, -1])[:, None], ahead[:, ::-1])[:, 1:]
    for mount in ((0.0, 0.0), (0.943713, 0.0)):
        noise = np.random.default_rng(0).normal(0, NOISE_M, (*back.shape[:2], 2))
        given = moved_point(back, mount) + noise
        fitted, true = axle_poses(given, mount), axle_poses(given, mount, back[..., 2])
        for point in ((0.0, 0.0), (0.943713, 0.0)):
            off = [np.hypot(*np.moveaxis(moved_point(p, point) - moved_point(back, point), -1, 0)).mean(0) for p in (fitted, true)]
            assert np.abs(off[0] - off[1]).max() < WITHIN_M
