"""`drive eval` on a car that stands: six equal points of positions alone, in the LiDAR frame, are as far off as they say."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import drive
from drive.cli import main

OFF_M = 0.11


@pytest.fixture(scope="module")
def standing(embedded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedded set with the car of every scene where it was at the scene's first picture."""
    root = tmp_path_factory.mktemp("set") / "standing"
    shutil.copytree(embedded, root, ignore=shutil.ignore_patterns("can_bus"))
    tables = root / "v1.0-mini"
    rows = {name: json.loads((tables / f"{name}.json").read_text()) for name in ("sample", "sample_data", "ego_pose")}
    scene_of = {row["token"]: row["scene_token"] for row in rows["sample"]}
    scene = {row["ego_pose_token"]: scene_of[row["sample_token"]] for row in rows["sample_data"]}
    first: dict[str, dict[str, list[float]]] = {}
    for row in sorted(rows["ego_pose"], key=lambda row: row["timestamp"]):
        pose = first.setdefault(scene[row["token"]], {key: row[key] for key in ("translation", "rotation")})
        row |= pose
    (tables / "ego_pose.json").write_text(json.dumps(rows["ego_pose"]))
    return root


@pytest.mark.parametrize(("frame", "point"), [("lidar", [OFF_M, 0.0]), ("ego", [0.0, -OFF_M])])
def test_six_equal_points_beside_a_car_that_stands(frame: str, point: list[float], standing: Path, tmp_path: Path) -> None:
    dataset = drive.open_dataset(standing, maps=False)
    tokens = [sample.token for sample in (dataset[i] for i in range(len(dataset))) if sample.target.future.valid.all()]
    plans = {"meta": {"planner": "beside", "frame": frame, "times_s": [0.5, 1.0, 1.5, 2.0, 2.5, 3.0]}}
    (tmp_path / "plans.json").write_text(json.dumps(plans | {"results": {token: {"trajectory": [point] * 6} for token in tokens}}))
    words = ["eval", str(standing), "--plans", str(tmp_path / "plans.json"), "--protocol", "exact", "--out", str(tmp_path / "out"), "-q"]
    assert main(words) in (0, 1)  # 1: samples near the ends of scenes have no plan
    rows = json.loads((tmp_path / "out" / "report.json").read_text())["rows"]
    found = {row["metric"]: row["value"] for row in rows if row["planner"] == "beside" and row["slice"] == "all"}
    assert len(tokens) > 50 and [found[f"l2_{n}s"] for n in (1, 2, 3)] == pytest.approx([OFF_M] * 3, abs=2e-3)
    assert np.isfinite(found["collision_3s"])
