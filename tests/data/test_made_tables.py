"""The generator of large tables, and the bench that it is for."""

from __future__ import annotations

from pathlib import Path

from drive.data.check import check_dataset
from drive.data.dataset import open_dataset
from drive.data.nuscenes.bench import bench_tables
from tools.make_tables import ANNOTATED, INSTANCES, KEY_FRAMES, make_tables


def test_made_tables_are_sound_and_the_bench_measures_them(tmp_path: Path) -> None:
    root = tmp_path / "made"
    make_tables(root, scenes=2)
    assert not check_dataset(root).errors
    dataset = open_dataset(root)
    assert len(dataset) == 2 * KEY_FRAMES
    counts = [sample.target.agents.valid[:, sample.target.agents.now].sum() for sample in dataset if sample.target.agents is not None]
    assert sum(counts) == 2 * INSTANCES * ANNOTATED
    speed = bench_tables(root, devkit=False, limit=50)
    assert speed.samples == 50 and speed.samples_per_s > 0
    rows = {row["metric"]: row["value"] for row in speed.rows()}
    assert set(rows) == {f"{how}_{name}" for how in ("cold", "warm") for name in ("cpu_s", "wall_s", "peak_mb")} | {"samples_per_s"}
    assert all(value > 0 for value in rows.values())
    assert "index, as kept" in str(speed) and "50 samples" in str(speed)
